/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the pinned maps from outside of the daemon, as root's tools do: sockets' records, flows, memory. */
#ifndef HDL_DP_PEEK_H
#define HDL_DP_PEEK_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "heddle/abi_conn.h"
#include "heddle/abi_edge.h"
#include "heddle/abi_flow.h"

/* The map that is pinned as BPFFS/NAME: a descriptor for the caller to close, or negative errno with text. */
int hdl_dp_peek_open(const char *bpffs, const char *name, struct hdl_err *err);

/* What connect() decided about a socket: map `sock`. 0, -ENOENT (nothing), or negative errno. */
int hdl_dp_peek_socket(int map_fd, int socket_fd, struct hdl_sock *ret);

/* A flow as the packet path or the edge has it. */
struct hdl_dp_peek_flow {
	struct hdl_addr address; /* where it was led to */
	__be16 port;
	uint32_t service, endpoint, generation;
	uint64_t start_ns;
	struct hdl_flow_key key; /* as the client sends */
};

/*
 * The flow of a client's address and port in map `flow` or (edge) `edge_flow`: walks the map. 0, -ENOENT or negative
 * errno.
 */
int hdl_dp_peek_flow(int map_fd, bool edge, const struct hdl_addr *source, __be16 port, struct hdl_dp_peek_flow *ret);

/* Name of the i-th map; NULL past the end. */
const char *hdl_dp_peek_name(unsigned int i);
/* Entries that a map has room for; 0 = not known. */
uint32_t hdl_dp_peek_entries(int map_fd);
/* Memory of a map as the kernel accounts it. 0 or negative errno. */
int hdl_dp_peek_memory(int map_fd, uint64_t *ret_bytes);

#endif
