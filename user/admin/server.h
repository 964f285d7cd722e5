/* SPDX-License-Identifier: Apache-2.0 */
/* The admin HTTP server: one request per connection, on the control thread's loop. See api.md. */
#ifndef HDL_ADMIN_SERVER_H
#define HDL_ADMIN_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include "admin/view.h"
#include "base/clock.h"
#include "base/err.h"
#include "ev/loop.h"

#define HDL_ADMIN_CONNECTIONS_MAX 64
#define HDL_ADMIN_HEAD_BYTES_MAX 16384
#define HDL_ADMIN_BODY_BYTES_MAX 65536
#define HDL_ADMIN_READ_NS (5 * HDL_NS_PER_S)    /* for the whole request */
#define HDL_ADMIN_WRITE_NS (30 * HDL_NS_PER_S)  /* for the client to take the answer */
#define HDL_ADMIN_RELOAD_NS (30 * HDL_NS_PER_S) /* for a reload */
#define HDL_ADMIN_ANSWER_BYTES_MAX (512u << 20)

struct hdl_admin;

struct hdl_admin_conf {
	struct hdl_loop *loop;
	int unix_fd, tcp_fd; /* listening, taken; -1 = none */
	struct hdl_admin_ops ops;
};

/* Result of a reload. */
struct hdl_admin_reload {
	const char *result; /* "in_force", "partly_refused", "refused" */
	const char *reason;
	uint64_t epoch;
	size_t errors, warnings, refused_documents;
};

struct hdl_admin *hdl_admin_new(const struct hdl_admin_conf *conf, struct hdl_err *err);
struct hdl_admin *hdl_admin_free(struct hdl_admin *admin); /* accepts NULL, returns NULL */
/* Answers the waiting call; nothing happens if its client is gone. */
void hdl_admin_finish_reload(struct hdl_admin *admin, uint64_t call, const struct hdl_admin_reload *reload);

#endif
