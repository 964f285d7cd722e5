/* SPDX-License-Identifier: Apache-2.0 */
/* Attaches, finds and removes the XDP program of the edge. */
#include "dp/xdp.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "dp/libxdp.h"
#include "dp/owned.h"

#define PROGRAM "hdl_xdp_edge"
#define DISPATCHER "xdp_dispatcher"

/* What an interface carries, whose ever it is. */
struct found {
	uint32_t program; /* 0 = none */
	enum hdl_xdp_mode mode;
	bool hardware;
	char name[16];
};

static uint32_t flags_of(enum hdl_xdp_mode mode)
{
	return mode == HDL_XDP_GENERIC ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE;
}

static int query(int ifindex, struct found *ret)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, opts);
	int r = bpf_xdp_query(ifindex, 0, &opts);

	*ret = (struct found){ .mode = HDL_XDP_NONE };
	if (r < 0)
		return r;
	ret->hardware = opts.hw_prog_id != 0;
	ret->program = opts.drv_prog_id ? opts.drv_prog_id : opts.skb_prog_id;
	ret->mode = opts.drv_prog_id ? HDL_XDP_NATIVE : opts.skb_prog_id ? HDL_XDP_GENERIC : HDL_XDP_NONE;
	if (ret->hardware && !ret->program)
		ret->program = opts.hw_prog_id;
	if (ret->program)
		hdl_dp_program_name(ret->program, ret->name);
	return 0;
}

static bool is_ours(uint32_t program, int state_map_fd)
{
	char name[16];

	hdl_dp_program_name(program, name);
	return strcmp(name, PROGRAM) == 0 && hdl_dp_program_uses(program, hdl_dp_map_id(state_map_fd));
}

/* --- in the dispatcher --------------------------------------------------------------------------------------------- */

/* Programs of ours in the dispatcher on the interface, but for that of id `but`: counted, and taken off on demand. */
static unsigned int in_dispatcher(int ifindex, int state_map_fd, uint32_t but, bool detach)
{
	const struct hdl_libxdp *xdp = hdl_libxdp();
	struct xdp_multiprog *all = xdp ? xdp->get_from_ifindex(ifindex) : NULL;
	struct xdp_program *program = NULL;
	unsigned int n = 0;

	if (!all || xdp->get_error(all))
		return 0;
	while (!xdp->is_legacy(all) && (program = xdp->next_prog(program, all))) {
		if (xdp->id(program) == but || !is_ours(xdp->id(program), state_map_fd))
			continue;
		n++;
		if (!detach)
			continue;
		(void)xdp->detach(program, ifindex, xdp->attach_mode(all), 0);
		break; /* the list is another one now */
	}
	xdp->multiprog_close(all);
	return n;
}

static bool has_in_dispatcher(int ifindex, uint32_t id)
{
	const struct hdl_libxdp *xdp = hdl_libxdp();
	struct xdp_multiprog *all = id && xdp ? xdp->get_from_ifindex(ifindex) : NULL;
	struct xdp_program *program = NULL;
	bool there = false;

	if (!all || xdp->get_error(all))
		return false;
	while (!xdp->is_legacy(all) && !there && (program = xdp->next_prog(program, all)))
		there = xdp->id(program) == id;
	xdp->multiprog_close(all);
	return there;
}

/* libxdp loads it once more, as an extension of its dispatcher; where the kernel refuses that, as a program by itself. */
static int attach_by_libxdp(const struct hdl_load *load, int ifindex, enum hdl_xdp_mode mode, struct hdl_xdp_state *ret)
{
	const struct hdl_libxdp *xdp = hdl_libxdp();
	struct bpf_object *object;
	struct xdp_program *program;
	struct found found;
	int r;

	if (!xdp)
		return -ENOENT;
	object = hdl_load_open_xdp(load);
	if (!object)
		return -errno;
	program = xdp->from_bpf_obj(object, "xdp");
	r = (int)xdp->get_error(program);
	if (r == 0) {
		r = xdp->attach(program, ifindex, mode == HDL_XDP_GENERIC ? HDL_LIBXDP_SKB : HDL_LIBXDP_NATIVE, 0);
		ret->program = r == 0 ? xdp->id(program) : 0;
		xdp->close(program);
	}
	bpf_object__close(object);
	if (r < 0)
		return r;
	ret->mode = mode;
	ret->dispatcher = query(ifindex, &found) == 0 && found.program != ret->program;
	return 0;
}

/* --- alone --------------------------------------------------------------------------------------------------------- */

static int attach_alone(const struct hdl_load *load, int ifindex, const struct found *former, enum hdl_xdp_mode mode,
			struct hdl_xdp_state *ret)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts);
	int fd = hdl_load_xdp_program(load), old_fd = -1, r;
	uint32_t flags = flags_of(mode);
	struct found found;

	if (former->program) {
		old_fd = bpf_prog_get_fd_by_id(former->program);
		if (old_fd < 0)
			return -errno;
		opts.old_prog_fd = old_fd;
		flags |= XDP_FLAGS_REPLACE;
	} else {
		flags |= XDP_FLAGS_UPDATE_IF_NOEXIST;
	}
	r = bpf_xdp_attach(ifindex, fd, flags, &opts);
	if (old_fd >= 0)
		close(old_fd);
	if (r < 0)
		return r;
	ret->mode = mode;
	ret->dispatcher = false;
	ret->program = query(ifindex, &found) == 0 ? found.program : 0;
	return 0;
}

static int detach_alone(int ifindex, const struct found *found)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts);
	int fd = bpf_prog_get_fd_by_id(found->program), r;

	if (fd < 0)
		return -errno;
	opts.old_prog_fd = fd;
	r = bpf_xdp_detach(ifindex, flags_of(found->mode) | XDP_FLAGS_REPLACE, &opts);
	close(fd);
	return r;
}

/* --- which way ----------------------------------------------------------------------------------------------------- */

static bool is_veth(int ifindex)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq request = { .ifr_data = (void *)&info };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool veth = false;

	if (fd < 0)
		return false;
	if (if_indextoname((unsigned int)ifindex, request.ifr_name))
		veth = ioctl(fd, SIOCETHTOOL, &request) == 0 && strcmp(info.driver, "veth") == 0;
	close(fd);
	return veth;
}

static enum hdl_xdp_mode mode_for(const struct hdl_load *load, int ifindex, enum hdl_xdp_wish wish,
				  struct hdl_xdp_state *io)
{
	if (wish == HDL_XDP_OFF) {
		snprintf(io->reason, sizeof(io->reason), "NodeConfig edge.xdp is off");
		return HDL_XDP_NONE;
	}
	if (hdl_load_xdp_program(load) < 0) {
		snprintf(io->reason, sizeof(io->reason), "the kernel refuses the program");
		return HDL_XDP_NONE;
	}
	if (wish == HDL_XDP_AUTO && is_veth(ifindex)) {
		snprintf(io->reason, sizeof(io->reason),
			 "a veth: its packets come without checksums, and its other end is not known");
		return HDL_XDP_NONE;
	}
	return wish == HDL_XDP_WISH_GENERIC ? HDL_XDP_GENERIC : HDL_XDP_NATIVE;
}

static void attach_new(const struct hdl_load *load, int ifindex, const struct found *found, enum hdl_xdp_mode mode,
		       struct hdl_xdp_state *io)
{
	int r = attach_by_libxdp(load, ifindex, mode, io);

	if (r == 0 || found->program) {
		if (r < 0)
			snprintf(io->reason, sizeof(io->reason), "not taken into the dispatcher that is there: %s",
				 strerror(-r));
		else if (!io->dispatcher)
			snprintf(io->reason, sizeof(io->reason), "the kernel refuses the dispatcher of libxdp");
		return;
	}
	snprintf(io->reason, sizeof(io->reason), "%s",
		 r == -ENOENT ? "libxdp is not installed" : "the dispatcher of libxdp does not work here");
	r = attach_alone(load, ifindex, found, mode, io);
	if (r < 0)
		snprintf(io->reason, sizeof(io->reason), "%s XDP: %s%s%s",
			 mode == HDL_XDP_NATIVE ? "no native" : "no generic", strerror(-r),
			 hdl_dp_libbpf_said()[0] ? ": " : "", hdl_dp_libbpf_said());
}

/* What is there is ours and in the mode wanted. */
static void renew(const struct hdl_load *load, int state_map_fd, int ifindex, const struct found *found,
		  struct hdl_xdp_state *io)
{
	struct hdl_xdp_state former = *io;
	struct found present;

	if (found->program == former.program && !former.dispatcher)
		return; /* attached by us, and still there */
	if (strcmp(found->name, DISPATCHER) != 0) {
		snprintf(io->reason, sizeof(io->reason), "attached as by the daemon before");
		if (attach_alone(load, ifindex, found, found->mode, io) < 0)
			io->mode = HDL_XDP_NONE;
		return;
	}
	/* both run for a moment: what the first one translated is nothing to the second */
	attach_new(load, ifindex, found, found->mode, io);
	while (io->mode != HDL_XDP_NONE && in_dispatcher(ifindex, state_map_fd, io->program, true))
		if (query(ifindex, &present) < 0 || strcmp(present.name, DISPATCHER) != 0)
			break;
}

void hdl_xdp_attach(const struct hdl_load *load, int state_map_fd, int ifindex, enum hdl_xdp_wish wish,
		    struct hdl_xdp_state *io)
{
	struct hdl_xdp_state former = *io;
	enum hdl_xdp_mode mode;
	struct found found;
	bool dispatcher, ours;
	struct hdl_err err;

	hdl_dp_libbpf_listen();
	*io = (struct hdl_xdp_state){ .mode = HDL_XDP_NONE };
	mode = mode_for(load, ifindex, wish, io);
	if (query(ifindex, &found) < 0) {
		if (mode != HDL_XDP_NONE)
			snprintf(io->reason, sizeof(io->reason), "XDP of the interface cannot be asked for");
		return;
	}
	dispatcher = strcmp(found.name, DISPATCHER) == 0;
	if (dispatcher && found.mode == mode && has_in_dispatcher(ifindex, former.program)) {
		*io = former;
		return;
	}
	ours = found.program && (dispatcher ? in_dispatcher(ifindex, state_map_fd, 0, false) != 0 :
					      is_ours(found.program, state_map_fd));
	if (ours && found.mode != mode) {
		if (hdl_xdp_detach(state_map_fd, ifindex, &err) < 0 || query(ifindex, &found) < 0)
			return;
		ours = false;
		dispatcher = strcmp(found.name, DISPATCHER) == 0;
	}
	if (mode == HDL_XDP_NONE)
		return;
	if (ours) {
		if (found.program == former.program)
			*io = former;
		renew(load, state_map_fd, ifindex, &found, io);
	} else if (found.program && (found.hardware || !dispatcher || !hdl_libxdp())) {
		snprintf(io->reason, sizeof(io->reason), "another program is attached: %s (id %u)", found.name,
			 found.program);
	} else {
		attach_new(load, ifindex, &found, found.program ? found.mode : mode, io);
	}
}

bool hdl_xdp_is_there(int state_map_fd, int ifindex)
{
	struct found found;

	if (query(ifindex, &found) < 0 || !found.program)
		return false;
	return strcmp(found.name, DISPATCHER) == 0 ? in_dispatcher(ifindex, state_map_fd, 0, false) != 0 :
						     is_ours(found.program, state_map_fd);
}

int hdl_xdp_detach(int state_map_fd, int ifindex, struct hdl_err *err)
{
	struct found found;
	int r = query(ifindex, &found);

	hdl_dp_libbpf_listen();
	if (r < 0 || !found.program)
		return 0;
	if (strcmp(found.name, DISPATCHER) == 0) {
		unsigned int before = in_dispatcher(ifindex, state_map_fd, 0, true), left;

		if (!before)
			return 0;
		do {
			left = in_dispatcher(ifindex, state_map_fd, 0, true);
		} while (left && left < before && (before = left));
		return left ? hdl_err_set(err, -EBUSY, "interface %d: XDP program cannot be removed", ifindex) : 1;
	}
	if (!is_ours(found.program, state_map_fd))
		return 0;
	r = detach_alone(ifindex, &found);
	return r < 0 ? hdl_err_set(err, r, "interface %d: XDP program cannot be removed: %s", ifindex, strerror(-r)) :
		       1;
}
