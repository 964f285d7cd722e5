/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The edge on the node's interfaces: its programs and their entry in map `edge_interface`, found again after a restart,
 * removed without trace; and the addresses that only services have, in map `edge_address`. Interfaces are the keeper's,
 * addresses the control thread's.
 */
#ifndef HDL_DP_EDGE_H
#define HDL_DP_EDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "dp/xdp.h"
#include "ir/snapshot.h"

struct hdl_edge_wish {
	enum hdl_xdp_wish xdp;
	uint32_t syn_rate, syn_burst;
	uint16_t port_first, port_last;
};

/* An interface that is served. All zero at first. */
struct hdl_edge_state {
	int ifindex;
	bool served; /* tc is attached: all works; XDP is the quicker way for what it can do */
	struct hdl_xdp_state xdp;
	char text[256]; /* how, or why not */
};

/* Attaches, or makes right what is there. 0, or negative errno: -ENODEV, the interface is gone. */
int hdl_edge_serve(const struct hdl_load *load, const char *bpffs, const struct hdl_edge_wish *wish,
		   struct hdl_edge_state *io, struct hdl_err *err);
/* Removes programs and entry; edge_interface_fd -1: no entry. 1 = something was there, 0 = not, or negative errno. */
int hdl_edge_leave(const char *bpffs, int state_map_fd, int edge_interface_fd, int ifindex, struct hdl_err *err);

/* Interfaces of this network namespace that carry a program of the edge. *ret is malloc'd; free() it. */
int hdl_edge_list(const char *bpffs, int state_map_fd, int **ret, size_t *ret_count, struct hdl_err *err);
/* Removes entries of interfaces that are none of these. */
void hdl_edge_prune(int edge_interface_fd, const int *ifindex, size_t n);

/* Whether sockets of the node may get a port of the range by themselves (net.ipv4.ip_local_port_range). */
bool hdl_edge_ports_collide(uint16_t first, uint16_t last);

struct hdl_edge_addresses;
/*
 * Brings map `edge_address` to the external addresses of the snapshot's services. *io NULL at first: what the map holds
 * then is of a process before. 0, or negative errno with text: -E2BIG, it is full.
 */
int hdl_edge_addresses_sync(int edge_address_fd, const struct hdl_snapshot *snapshot, struct hdl_edge_addresses **io,
			    struct hdl_err *err);
struct hdl_edge_addresses *hdl_edge_addresses_free(struct hdl_edge_addresses *addresses); /* accepts NULL */

#endif
