/* SPDX-License-Identifier: Apache-2.0 */
/* What the admin pages show: filled by the control thread for each request, borrowed until the answer is made. */
#ifndef HDL_ADMIN_VIEW_H
#define HDL_ADMIN_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "dp/counters.h"
#include "dp/publish.h"
#include "heddle/abi_addr.h"
#include "heddle/abi_conn.h"
#include "ir/snapshot.h"
#include "proxy/worker.h"

enum hdl_admin_state { HDL_ADMIN_STARTING, HDL_ADMIN_READY, HDL_ADMIN_DRAINING };

struct hdl_admin_feature {
	const char *name, *detail;
	bool in_force;
};

struct hdl_admin_worker {
	struct hdl_worker *worker;
	uint16_t port[HDL_FAMILIES]; /* of its transparent listeners; 0 = none */
};

struct hdl_admin_file {
	const char *path;
	size_t documents, accepted, refused, kept;
	const char *reason; /* first error, "" = none; valid until the next call */
};

struct hdl_admin_diag {
	const char *severity; /* "error", "warning", "info" */
	const char *file, *kind, *ns, *name, *field, *message;
	uint32_t line, column;
	const char *text; /* the whole of it as one line; valid until the next call */
};

struct hdl_admin_pod {
	uint64_t cookie;
	struct hdl_workload workload;
};

struct hdl_admin_view {
	enum hdl_admin_state state;
	bool full;                 /* mode full */
	uint64_t now_ns, start_ns; /* CLOCK_MONOTONIC */
	const char *kernel_release;
	uint64_t keeper_pid, worker_pid, worker_uid, worker_restarts;
	const struct hdl_admin_feature *features, *hooks;
	size_t feature_count, hook_count;
	const struct hdl_admin_worker *workers;
	size_t worker_count;
	const struct hdl_admin_pod *pods; /* namespaces of the node that are known */
	size_t pod_count, pods_full;      /* pods_full: entries that did not fit the map */

	struct hdl_dp_maps *maps; /* NULL before the start is complete, like the next two */
	struct hdl_publisher *publisher;
	struct hdl_snapshot *snapshot; /* in force */
	struct hdl_dp_totals *totals;  /* NULL in mode proxy */

	uint64_t changes_in_force, changes_refused, last_change_ns;
	const char *last_refusal; /* NULL = the last change is in force */
	uint64_t returned;        /* endpoints that a sweep let back */

	size_t file_count;
	bool (*file)(void *data, size_t i, struct hdl_admin_file *ret);
	size_t diag_count, diag_errors, diag_warnings, diag_dropped;
	bool (*diag)(void *data, size_t i, struct hdl_admin_diag *ret);
	void *data;
};

/* What pages may ask of the control thread. */
struct hdl_admin_ops {
	void (*view)(void *data, struct hdl_admin_view *ret);
	/* Brings what costs to read (totals) up to date; before a page that shows it. */
	void (*refresh)(void *data);
	/* Reads the configuration again; answers by hdl_admin_finish_reload(call). 0 or negative errno. */
	int (*reload)(void *data, uint64_t call);
	void (*drain)(void *data);
	void *data;
};

#endif
