/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libxdp, loaded when an interface first needs it: a machine without it serves its edge all the same, with one XDP program
 * on an interface. Names and order are those of its interface LIBXDP_1.0.0.
 */
#ifndef HDL_DP_LIBXDP_H
#define HDL_DP_LIBXDP_H

#include <bpf/libbpf.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

struct xdp_program;
struct xdp_multiprog;

enum hdl_libxdp_mode { HDL_LIBXDP_NATIVE = 1, HDL_LIBXDP_SKB = 2 };

struct hdl_libxdp {
	struct xdp_program *(*from_bpf_obj)(struct bpf_object *object, const char *section);
	int (*attach)(struct xdp_program *program, int ifindex, unsigned int mode, unsigned int flags);
	int (*detach)(struct xdp_program *program, int ifindex, unsigned int mode, unsigned int flags);
	void (*close)(struct xdp_program *program);
	uint32_t (*id)(const struct xdp_program *program);
	struct xdp_multiprog *(*get_from_ifindex)(int ifindex);
	struct xdp_program *(*next_prog)(const struct xdp_program *program, const struct xdp_multiprog *all);
	void (*multiprog_close)(struct xdp_multiprog *all);
	bool (*is_legacy)(const struct xdp_multiprog *all);
	unsigned int (*attach_mode)(const struct xdp_multiprog *all);
	long (*get_error)(const void *pointer);
};

/* NULL: it is not installed. */
const struct hdl_libxdp *hdl_libxdp(void);
/* For tests of the fallback: as on a machine that has none. */
void hdl_libxdp_without(bool without);

#endif
