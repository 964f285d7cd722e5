/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Keys and values of the maps of the packet path: flows, fragments, interfaces, local pods. */
#ifndef HDL_ABI_FLOW_H
#define HDL_ABI_FLOW_H

#include <linux/types.h>
#include "heddle/abi_addr.h"

enum hdl_flow_direction {
	HDL_FLOW_FORWARD = 0, /* from the client, as it sends: to the service */
	HDL_FLOW_REPLY = 1,   /* from the endpoint, as it sends: to the client */
};

/* Key of map `flow`: a packet as it is before it is translated. */
struct hdl_flow_key {
	struct hdl_addr source, destination;
	__be16 source_port, destination_port;
	__u8 protocol;  /* IPPROTO_TCP or IPPROTO_UDP */
	__u8 direction; /* enum hdl_flow_direction */
	__u16 padding;  /* 0 */
};

enum hdl_flow_state {
	HDL_FLOW_NEW = 0,         /* nothing has come back yet */
	HDL_FLOW_ESTABLISHED = 1, /* the endpoint answered */
	HDL_FLOW_CLOSING = 2,     /* one side sent FIN */
	HDL_FLOW_CLOSED = 3,      /* both did, or one sent RST */
};

/*
 * A hairpin: the endpoint is the client itself. Its packets are turned back with both addresses swapped, so that to each
 * side the service is the peer: a pod would take no packet from its own address. Both records have direction FORWARD,
 * since both sides send to the service.
 */
enum hdl_flow_flags {
	HDL_FLOW_HAIRPIN = 1,
	HDL_FLOW_ANSWERS = 2, /* of a hairpin: the record of what the endpoint sends */
};

/* How long a record counts after its last packet. What is older is there only until its place is needed. */
#define HDL_FLOW_TCP_NEW_NS (60 * 1000000000ull)
#define HDL_FLOW_TCP_ESTABLISHED_NS (6 * 3600 * 1000000000ull)
#define HDL_FLOW_TCP_CLOSING_NS (120 * 1000000000ull)
#define HDL_FLOW_TCP_CLOSED_NS (10 * 1000000000ull)
#define HDL_FLOW_UDP_NEW_NS (30 * 1000000000ull)
#define HDL_FLOW_UDP_ESTABLISHED_NS (120 * 1000000000ull)
#define HDL_FLOW_TOUCH_NS 1000000000ull /* the time of the last packet is stored at most so often */

/* Source ports that are tried when the client's own is taken at the endpoint by another flow of it. */
#define HDL_FLOW_PORT_TRIES 8

/*
 * Value of map `flow`. An LRU element may be recycled under its reader: `check` repeats the key and is looked at after
 * copying. Each flow has two records, one for each direction.
 */
struct hdl_flow_record {
	__u32 check; /* hdl_flow_check() of the key */
	__u8 state;  /* enum hdl_flow_state */
	__u8 fin;    /* 1 << enum hdl_flow_direction of each FIN that was seen */
	__u8 flags;  /* enum hdl_flow_flags */
	__u8 padding;
	struct hdl_addr address; /* FORWARD: new destination, the endpoint's; REPLY: new source, the service's */
	__be16 port;             /* with it */
	__be16 client_port;      /* FORWARD: new source port; REPLY: new destination port */
	__u32 service, endpoint, generation; /* ids in `service` and `endpoint`; generation of the endpoint */
	__u64 seen_ns;                       /* CLOCK_MONOTONIC of about the last packet */
	__u64 start_ns;
};

static inline __attribute__((always_inline)) __u32 hdl_flow_check(const struct hdl_flow_key *key)
{
	__u64 mixed = key->source.half[1] ^ key->destination.half[0];

	mixed = mixed * 0x9e3779b97f4a7c15ull ^ key->destination.half[1];
	mixed = mixed * 0x9e3779b97f4a7c15ull ^ key->source.half[0];
	mixed = mixed * 0x9e3779b97f4a7c15ull ^ ((__u64)key->source_port << 32 | (__u64)key->destination_port << 16 |
						 key->protocol << 1 | key->direction);
	mixed *= 0x9e3779b97f4a7c15ull;
	return (__u32)(mixed >> 32);
}

/* Key of map `fragment`: a datagram in pieces, of which only the first has the ports. */
struct hdl_fragment_key {
	struct hdl_addr source, destination;
	__be32 id;
	__u32 protocol; /* IPv4; 0 for IPv6, whose id stands for itself */
};

struct hdl_fragment {
	__be16 source_port, destination_port;
	__u8 protocol;
	__u8 padding[3];
	__u32 check; /* of source, destination and id */
};

/* Value of map `local_pod`, by address: how a packet gets straight into a pod of this node. */
struct hdl_local_pod {
	struct hdl_addr address; /* the key; a record with another is ignored */
	__u32 ifindex;           /* host side of its veth pair */
	__u32 mtu;
	__u8 pod_mac[6], host_mac[6];
	__u32 flags; /* enum hdl_local_pod_flags */
};

enum hdl_local_pod_flags {
	HDL_LOCAL_POD_PACKETS = 1, /* its packets are translated: replies must be too before they get there */
};

/* Map `work`, per CPU: what tc programs keep of the packet at hand. */
struct hdl_work {
	__u64 words[96];
};

#endif
