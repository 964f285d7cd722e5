/* SPDX-License-Identifier: Apache-2.0 */
/* The cgroup hooks as pinned links: made, pointed at new programs, listed. */
#ifndef HDL_DP_LINKS_H
#define HDL_DP_LINKS_H

#include <bpf/libbpf.h>
#include <stdbool.h>
#include "base/err.h"

#define HDL_LINK_PREFIX "link_" /* of the names of pins */

/* Ends the hook now. Removing the pin alone would leave that to a work queue of the kernel, some time later. */
void hdl_link_detach(const char *bpffs, const char *pin);

/* Whether a program is attached to a cgroup. */
bool hdl_link_is_cgroup(const struct bpf_program *program);

/* Name of a program in pins: without hdl_. */
const char *hdl_link_name(const struct bpf_program *program);

/* Attaches or updates all cgroup programs of the object; see hdl_load_attach(). */
int hdl_links_attach(struct bpf_object *object, const char *bpffs, const char *cgroup, int state_map_fd,
		     unsigned int *ret_kept, unsigned int *ret_new, struct hdl_err *err);

bool hdl_links_pinned(const char *bpffs); /* is there any link_NAME */

/* State of a hook for `heddlectl status`, from the pins alone. */
struct hdl_link_state {
	char name[32];
	bool attached; /* to a cgroup that exists */
};
/* Fills at most max; returns how many there are. */
size_t hdl_links_list(const char *bpffs, struct hdl_link_state *ret, size_t max);

#endif
