/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the keeper holds of the kernel in mode full: locks, loaded programs and maps, rules, transparent listeners, hooks.
 * In the order of a start: prepare, setup (with what NodeConfig says), expose, attach.
 */
#ifndef HDL_HEDDLED_HOSTSIDE_H
#define HDL_HEDDLED_HOSTSIDE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "dp/load.h"
#include "heddled/edgewatch.h"
#include "heddled/msg.h"
#include "heddled/options.h"
#include "heddled/privs.h"
#include "heddled/proc.h"

struct hdl_hostside;

/*
 * Features, bpffs directory and its lock. -EOPNOTSUPP and -EPERM: exit status 4; the text names what is missing.
 * -EBUSY: another daemon.
 */
int hdl_hostside_prepare(const struct hdl_options *options, const struct hdl_worker_user *user, unsigned int workers,
			 struct hdl_hostside **ret, struct hdl_err *err);
struct hdl_hostside *hdl_hostside_free(struct hdl_hostside *host); /* pins and hooks stay; accepts NULL, returns NULL */

/*
 * Locks of cgroup, mark and table; loads or adopts; rules, routes and listeners. Repeated by a new worker process it only
 * reports (once) what a restart would change.
 */
int hdl_hostside_setup(struct hdl_hostside *host, const struct hdl_msg_setup *setup, uint64_t host_netns_cookie,
		       struct hdl_err *err);
bool hdl_hostside_is_set_up(const struct hdl_hostside *host);
/* Maps, listeners and texts, to a worker process. */
int hdl_hostside_send(struct hdl_hostside *host, struct hdl_channel *channel, struct hdl_err *err);
/* Texts about hooks alone, after they changed. */
int hdl_hostside_send_hooks(struct hdl_hostside *host, struct hdl_channel *channel, struct hdl_err *err);

/* Lets the kernel hand flows to the listeners; the heartbeat decides from then on. 0 or negative errno. */
int hdl_hostside_expose(struct hdl_hostside *host, struct hdl_err *err);
/* Takes them back: punted services follow their fail mode at once. */
void hdl_hostside_withdraw(struct hdl_hostside *host);
int hdl_hostside_attach(struct hdl_hostside *host, struct hdl_err *err);

/* Puts back what others took away. True when hooks changed: hdl_hostside_send_hooks(). */
bool hdl_hostside_repair(struct hdl_hostside *host);
/* Brings the map of the node's addresses up to date; what fails is said once. */
void hdl_hostside_addresses(struct hdl_hostside *host);

/* The cgroup of the hooks below the root of cgroup2 ("/a/b"); NULL: the root, or it cannot be told. */
const char *hdl_hostside_cgroup(const struct hdl_hostside *host);
struct hdl_edgewatch *hdl_hostside_edge(struct hdl_hostside *host);
struct hdl_load *hdl_hostside_load(struct hdl_hostside *host);
const char *hdl_hostside_bpffs(const struct hdl_hostside *host);

#endif
