/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Packet parsing with a cursor: each helper checks its bounds, advances, and returns what comes next, HDL_PARSE_SHORT
 * when the packet ends too early, or HDL_PARSE_OTHER for what is none of our business.
 */
#ifndef HDL_BPF_PARSE_H
#define HDL_BPF_PARSE_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include "bpf/lib/tables.h"

#define HDL_PARSE_SHORT (-1)
#define HDL_PARSE_OTHER (-2)
#define HDL_PARSE_MAX (ETH_HLEN + 60 + 60) /* all headers with all options */

#define HDL_IP_FRAGMENT 0x3fff /* more fragments, or not the first one */

struct hdl_cursor {
	void *at;
	void *end;
};

struct hdl_packet {
	struct hdl_addr source, destination;
	__be16 source_port, destination_port;
	__u8 family; /* enum hdl_family */
	__u8 syn;    /* SYN without ACK */
	__u8 padding[2];
};

/* Returns the EtherType in network byte order. */
HDL_CORE int hdl_parse_eth(struct hdl_cursor *cursor)
{
	const struct ethhdr *eth = cursor->at;

	if ((void *)(eth + 1) > cursor->end)
		return HDL_PARSE_SHORT;
	cursor->at = (void *)(eth + 1);
	return eth->h_proto;
}

/* Returns the protocol. Fragments are not for us: only the first would have ports. */
HDL_CORE int hdl_parse_ipv4(struct hdl_cursor *cursor, struct hdl_packet *packet)
{
	const struct iphdr *ip = cursor->at;
	__u32 length;

	if ((void *)(ip + 1) > cursor->end)
		return HDL_PARSE_SHORT;
	length = ip->ihl * 4;
	if (ip->version != 4 || length < sizeof(*ip) || (ip->frag_off & bpf_htons(HDL_IP_FRAGMENT)))
		return HDL_PARSE_OTHER;
	packet->source = hdl_addr_from_v4(ip->saddr);
	packet->destination = hdl_addr_from_v4(ip->daddr);
	packet->family = HDL_FAMILY_V4;
	cursor->at += length;
	return ip->protocol;
}

/* Returns the next header. Extension headers are not walked: they are no protocol that we serve. */
HDL_CORE int hdl_parse_ipv6(struct hdl_cursor *cursor, struct hdl_packet *packet)
{
	const struct ipv6hdr *ip = cursor->at;

	if ((void *)(ip + 1) > cursor->end)
		return HDL_PARSE_SHORT;
	if (ip->version != 6)
		return HDL_PARSE_OTHER;
	__builtin_memcpy(&packet->source, &ip->saddr, sizeof(packet->source));
	__builtin_memcpy(&packet->destination, &ip->daddr, sizeof(packet->destination));
	packet->family = HDL_FAMILY_V6;
	cursor->at = (void *)(ip + 1);
	return ip->nexthdr;
}

HDL_CORE int hdl_parse_tcp(struct hdl_cursor *cursor, struct hdl_packet *packet)
{
	const struct tcphdr *tcp = cursor->at;

	if ((void *)(tcp + 1) > cursor->end)
		return HDL_PARSE_SHORT;
	if (tcp->doff < 5)
		return HDL_PARSE_OTHER;
	packet->source_port = tcp->source;
	packet->destination_port = tcp->dest;
	packet->syn = tcp->syn && !tcp->ack;
	return 0;
}

#endif
