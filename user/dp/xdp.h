/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The XDP program of the edge on an interface: beside others in the dispatcher of libxdp where that works, else alone.
 * Never in the place of somebody else's program. It stays when the daemon ends; ours is known by its name and by its
 * using our `state` map.
 */
#ifndef HDL_DP_XDP_H
#define HDL_DP_XDP_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "dp/load.h"

enum hdl_xdp_mode { HDL_XDP_NONE, HDL_XDP_NATIVE, HDL_XDP_GENERIC };

/* What is there. */
struct hdl_xdp_state {
	enum hdl_xdp_mode mode; /* of ours */
	bool dispatcher;        /* others may be beside it */
	uint32_t program;       /* its id; given again to hdl_xdp_attach() */
	char reason[192];       /* why there is none, or why not by the dispatcher; "" = nothing to say */
};

enum hdl_xdp_wish {
	HDL_XDP_AUTO,         /* native where the driver has it */
	HDL_XDP_WISH_NATIVE,  /* also on veth, where packets leave only if the other end has a program, too */
	HDL_XDP_WISH_GENERIC, /* by the kernel, whatever the driver */
	HDL_XDP_OFF,
};

/*
 * Attaches the program of load, or replaces an older one of ours; takes away what is ours in another mode. *io: what the
 * last call said, all zero at first.
 */
void hdl_xdp_attach(const struct hdl_load *load, int state_map_fd, int ifindex, enum hdl_xdp_wish wish,
		    struct hdl_xdp_state *io);
/* Removes what is ours. 1 = there was something, 0 = not, or negative errno with text. */
int hdl_xdp_detach(int state_map_fd, int ifindex, struct hdl_err *err);

bool hdl_xdp_is_there(int state_map_fd, int ifindex);

#endif
