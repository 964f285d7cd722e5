/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the pods that the worker names on this node, hooks their interfaces, and tells the worker where they are. */
#ifndef HDL_HEDDLED_PODWATCH_H
#define HDL_HEDDLED_PODWATCH_H

#include <stdint.h>
#include "base/clock.h"
#include "base/err.h"
#include "heddled/hostside.h"
#include "heddled/msg.h"
#include "heddled/proc.h"

#define HDL_PODWATCH_SETTLE_NS (3 * HDL_NS_PER_MS) /* after a change of links: a burst costs one scan */
#define HDL_PODWATCH_SCAN_NS (2 * HDL_NS_PER_S)    /* namespaces come without an event */
#define HDL_PODWATCH_BURST 6                       /* scans after a change, at doubling distances up to that */
#define HDL_PODWATCH_FULL_NS (10 * HDL_NS_PER_S)   /* addresses are looked at again, filters put back */

struct hdl_podwatch;

int hdl_podwatch_new(struct hdl_podwatch **ret, struct hdl_err *err);
struct hdl_podwatch *hdl_podwatch_free(struct hdl_podwatch *watch);
int hdl_podwatch_fd(const struct hdl_podwatch *watch); /* readable: call hdl_podwatch_turn() */
uint64_t hdl_podwatch_host_cookie(const struct hdl_podwatch *watch);

/* A new worker process: it knows nothing, and names its pods anew. Hooks stay meanwhile. */
void hdl_podwatch_restart(struct hdl_podwatch *watch);
/* All interfaces are hooked once more with the next turn: somebody took pins away, and links of tc programs go with them. */
void hdl_podwatch_look_again(struct hdl_podwatch *watch);
int hdl_podwatch_want(struct hdl_podwatch *watch, const struct hdl_msg_pods *part, struct hdl_err *err);
/* Interfaces of the edge: looked at with the pods. */
void hdl_podwatch_edge(struct hdl_podwatch *watch, struct hdl_hostside *host, const struct hdl_msg_edge *wish);
void hdl_podwatch_interfaces(struct hdl_podwatch *watch, const struct hdl_msg_interfaces *patterns);
/* The cgroup of the hooks below the root of cgroup2; NULL: the root itself. 0 or -ENOMEM. */
int hdl_podwatch_cgroup(struct hdl_podwatch *watch, const char *path);

/* Does what is due. 0 or the channel's failure. */
int hdl_podwatch_turn(struct hdl_podwatch *watch, struct hdl_hostside *host, struct hdl_channel *channel,
		      uint64_t now_ns, uint64_t *ret_next_ns, struct hdl_err *err);

#endif
