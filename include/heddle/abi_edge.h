/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Keys and values of the maps of the node's edge: connections from outside to NodePorts and external addresses. */
#ifndef HDL_ABI_EDGE_H
#define HDL_ABI_EDGE_H

#include <linux/types.h>
#include "heddle/abi_addr.h"
#include "heddle/abi_flow.h"

/*
 * Source ports of connections that the edge hands to endpoints on other nodes in the node's name, unless NodeConfig has
 * others. Above the range that Linux gives to sockets (net.ipv4.ip_local_port_range, 32768 to 60999), so that both never
 * meet unless somebody widens that range. One port serves as many connections as there are endpoints.
 */
#define HDL_EDGE_PORT_FIRST 61000
#define HDL_EDGE_PORT_LAST 65535
#define HDL_EDGE_PORT_TRIES 16

/* How long a next hop that was found counts: neighbours and routes that change are noticed that late. */
#define HDL_EDGE_HOP_NS 1000000000ull

enum hdl_edge_flags {
	HDL_EDGE_LOCAL = 1, /* the endpoint is on this node: the client's address stays, the stack delivers */
	HDL_EDGE_REPLY = 2, /* of what the endpoint sends */
};

/*
 * Value of map `edge_flow`, by struct hdl_flow_key (direction 0): how a packet of that tuple leaves. Each connection has two,
 * by what the client sends and by what the endpoint sends. An LRU element may be recycled under its reader: `check`
 * repeats the key and is looked at after copying. Changed by update of the element only.
 */
struct hdl_edge_record {
	__u32 check; /* hdl_flow_check() of the key */
	__u8 state;  /* enum hdl_flow_state */
	__u8 fin;    /* 1 << enum hdl_flow_direction of each FIN that was seen */
	__u8 flags;  /* enum hdl_edge_flags */
	__u8 padding;
	struct hdl_addr source, destination;  /* of the packet as it leaves */
	__be16 source_port, destination_port; /* likewise */
	__u32 service, endpoint, generation;  /* ids in `service` and `endpoint`; generation of the endpoint */
	__u32 hop_ifindex;                    /* by which it leaves; 0 = one that XDP cannot send to */
	__u8 hop_destination[6], hop_source[6];
	__u16 hop_mtu;
	__u16 unused[3];
	__u64 hop_ns;   /* CLOCK_MONOTONIC of when the next hop was found; 0 = unknown */
	__u64 seen_ns;  /* of about the last packet */
	__u64 start_ns; /* the same in both records, and in no other */
};

/* Value of map `edge_interface`, by ifindex of an interface of NodeConfig interfaces.edge. */
struct hdl_edge_interface {
	struct hdl_addr address[HDL_FAMILIES]; /* in whose name connections to external addresses go on; zero = none */
	__u32 syn_rate;                        /* SYNs a second that one source may send to services; 0 = any */
	__u32 syn_burst;                       /* as many at once */
	__u16 port_first, port_last;           /* source ports, host order */
	__u32 flags;                           /* enum hdl_edge_interface_flags */
};

enum hdl_edge_interface_flags {
	HDL_EDGE_INTERFACE_XDP = 1, /* XDP programs may send by it */
};

/* Value of map `edge_source`, by struct hdl_addr of a client: its bucket of SYNs. */
struct hdl_edge_source {
	struct hdl_addr source; /* the key; a record with another is ignored */
	__u64 filled_ns;        /* up to when tokens were put in */
	__u64 tokens;           /* in 1/1000 of a SYN */
};

#endif
