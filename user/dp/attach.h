/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tc programs on interfaces of pods and of the edge, on either side. A TCX link is known by its pin under bpffs, a filter in clsact by its
 * program using our `state` map: so both are found again after a restart or an upgrade, and those of others and of other
 * daemons are never touched.
 */
#ifndef HDL_DP_ATTACH_H
#define HDL_DP_ATTACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

#define HDL_TC_HANDLE 0x48444cu /* of our filters; others count from 1 */
#define HDL_TC_PRIORITIES 16    /* we take the first priority from 1 that is free */

/* BPF_TCX_INGRESS and BPF_TCX_EGRESS, which the headers of Debian 12 have not. */
#define HDL_ATTACH_TCX_INGRESS 46
#define HDL_ATTACH_TCX_EGRESS 47

/* Of pods' interfaces, then of those of the edge; an interface may be both. */
enum hdl_tc_side {
	HDL_TC_INGRESS,
	HDL_TC_EGRESS,
	HDL_TC_SIDES,
	HDL_TC_EDGE = HDL_TC_SIDES,
	HDL_TC_EDGE_OUT,
	HDL_TC_PLACES
};

/*
 * Attaches the program to that side of ifindex, or replaces an older one of ours in place, without a packet in between
 * seeing none. Without TCX it creates clsact if it is missing and remembers that under bpffs. state_map_fd: what marks a
 * program as ours. 0; -ENODEV when the interface is gone; else negative errno.
 */
int hdl_attach_tc(const char *bpffs, int state_map_fd, int ifindex, enum hdl_tc_side which, int program_fd,
		  struct hdl_err *err);

/* Removes ours from that side, and clsact when we created it and nothing is left in it. 0 also when there was none. */
int hdl_detach_tc_side(const char *bpffs, int state_map_fd, int ifindex, enum hdl_tc_side which, struct hdl_err *err);
/* The same of both sides. */
int hdl_detach_tc(const char *bpffs, int state_map_fd, int ifindex, struct hdl_err *err);

/* Both sides of the edge. */
int hdl_detach_tc_edge(const char *bpffs, int state_map_fd, int ifindex, struct hdl_err *err);

/* Interfaces of this network namespace that carry a program of ours for pods. *ret_ifindex is malloc'd; free() it. */
int hdl_attach_list(const char *bpffs, int state_map_fd, int **ret_ifindex, size_t *ret_count, struct hdl_err *err);
/* Whether that side carries a program of ours. */
bool hdl_attach_is_there(const char *bpffs, int state_map_fd, int ifindex, enum hdl_tc_side which);

/* Whether programs are attached by TCX links; true until an interface showed that the kernel has none. */
bool hdl_attach_by_links(void);
/* For tests of the fallback: as on a kernel that has no TCX. */
void hdl_attach_without_links(bool without);

/* Forgets what bpffs remembers of interfaces that no longer exist. */
void hdl_attach_forget_gone(const char *bpffs);

#endif
