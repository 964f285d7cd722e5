/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Packet parsing with a cursor: each helper checks its bounds, advances, and returns 0 or what comes next,
 * HDL_PARSE_SHORT when the bytes end too early, or HDL_PARSE_OTHER for what is none of our business. No BPF in it:
 * tests/fuzz compiles it for user space.
 */
#ifndef HDL_BPF_PARSE_H
#define HDL_BPF_PARSE_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include "heddle/abi_addr.h"
#include "heddle/core/subset.h"

#define HDL_PARSE_SHORT (-1)
#define HDL_PARSE_OTHER (-2)
#define HDL_PARSE_QUOTE (-3)

#define HDL_PARSE_EXTENSIONS 6        /* IPv6 extension headers that are walked; a packet with more is left alone */
#define HDL_PARSE_EXTENSION_BYTES 256 /* of all of them together */
/* All headers with all options, and those of a packet that an ICMP error quotes. */
#define HDL_PARSE_MAX (ETH_HLEN + 2 * (40 + HDL_PARSE_EXTENSION_BYTES) + 60)

#define HDL_IP_MORE 0x2000
#define HDL_IP_OFFSET 0x1fff
#define HDL_IP6_MORE 1
#define HDL_IP6_OFFSET 0xfff8

#define HDL_NEXT_HOP 0
#define HDL_NEXT_ROUTING 43
#define HDL_NEXT_FRAGMENT 44
#define HDL_NEXT_ICMP6 58
#define HDL_NEXT_DESTINATION 60

#define HDL_TCP_FIN 1
#define HDL_TCP_SYN 2
#define HDL_TCP_RST 4
#define HDL_TCP_ACK 16

enum hdl_packet_kind {
	HDL_PACKET_WHOLE, /* ports are known */
	HDL_PACKET_FIRST, /* first of several pieces: ports are known */
	HDL_PACKET_LATER, /* a later one: no ports */
	HDL_PACKET_ERROR, /* ICMP or ICMPv6 error that quotes another packet */
};

struct hdl_cursor {
	void *at;
	void *end;
	__u32 offset; /* of `at` */
};

struct hdl_packet {
	struct hdl_addr source, destination;
	__be16 source_port, destination_port;
	__u16 network, transport; /* offsets */
	__u32 length;             /* of the IP packet by its header; 0 = over 64 KiB, what is there counts */
	__be32 fragment_id;
	__u8 family; /* enum hdl_family */
	__u8 protocol;
	__u8 kind;      /* enum hdl_packet_kind */
	__u8 tcp_flags; /* HDL_TCP_* */
	__u8 header;    /* TCP: bytes of its header */
	__u8 padding[3];
};

HDL_CORE void hdl_parse_advance(struct hdl_cursor *cursor, __u32 bytes)
{
	cursor->at += bytes;
	cursor->offset += bytes;
}

/* Returns the EtherType in network byte order. */
HDL_CORE int hdl_parse_eth(struct hdl_cursor *cursor)
{
	const struct ethhdr *eth = cursor->at;

	if ((void *)(eth + 1) > cursor->end)
		return HDL_PARSE_SHORT;
	hdl_parse_advance(cursor, sizeof(*eth));
	return eth->h_proto;
}

/* Returns the protocol. */
HDL_CORE int hdl_parse_ipv4(struct hdl_cursor *cursor, struct hdl_packet *packet)
{
	const struct iphdr *ip = cursor->at;
	__u32 length, fragment;

	if ((void *)(ip + 1) > cursor->end)
		return HDL_PARSE_SHORT;
	length = ip->ihl * 4;
	if (ip->version != 4 || length < sizeof(*ip))
		return HDL_PARSE_OTHER;
	packet->length = bpf_ntohs(ip->tot_len);
	if (packet->length && packet->length < length)
		return HDL_PARSE_OTHER;
	packet->source = hdl_addr_from_v4(ip->saddr);
	packet->destination = hdl_addr_from_v4(ip->daddr);
	packet->family = HDL_FAMILY_V4;
	packet->protocol = ip->protocol;
	packet->network = (__u16)cursor->offset;
	packet->fragment_id = ip->id;
	fragment = bpf_ntohs(ip->frag_off);
	packet->kind = fragment & HDL_IP_OFFSET ? HDL_PACKET_LATER :
		       fragment & HDL_IP_MORE   ? HDL_PACKET_FIRST :
						  HDL_PACKET_WHOLE;
	hdl_parse_advance(cursor, length);
	packet->transport = (__u16)cursor->offset;
	return packet->protocol;
}

/*
 * One extension header. Returns the next header; HDL_PARSE_OTHER when the packet must not be looked at further: a routing
 * header with segments left means that the destination in the IPv6 header is not the one that checksums know.
 */
HDL_CORE int hdl_parse_extension(struct hdl_cursor *cursor, int header, struct hdl_packet *packet)
{
	const __u8 *bytes = cursor->at;
	int next;

	if ((void *)(bytes + 8) > cursor->end)
		return HDL_PARSE_SHORT;
	next = bytes[0];
	if (header == HDL_NEXT_FRAGMENT) {
		__u32 offset = (__u32)bytes[2] << 8 | bytes[3];

		packet->fragment_id = *(const __be32 *)(bytes + 4);
		packet->kind = offset & HDL_IP6_OFFSET ? HDL_PACKET_LATER :
			       offset & HDL_IP6_MORE   ? HDL_PACKET_FIRST :
							 HDL_PACKET_WHOLE;
		hdl_parse_advance(cursor, 8);
		return next;
	}
	if (header == HDL_NEXT_ROUTING && bytes[3] != 0)
		return HDL_PARSE_OTHER;
	hdl_parse_advance(cursor, ((__u32)bytes[1] + 1) * 8);
	return next;
}

/* Returns the protocol behind the extension headers, as far as this piece of the packet shows it. */
HDL_CORE int hdl_parse_ipv6(struct hdl_cursor *cursor, struct hdl_packet *packet)
{
	const struct ipv6hdr *ip = cursor->at;
	int next;

	if ((void *)(ip + 1) > cursor->end)
		return HDL_PARSE_SHORT;
	if (ip->version != 6)
		return HDL_PARSE_OTHER;
	packet->length = ip->payload_len ? (__u32)bpf_ntohs(ip->payload_len) + (__u32)sizeof(*ip) : 0;
	__builtin_memcpy(&packet->source, &ip->saddr, sizeof(packet->source));
	__builtin_memcpy(&packet->destination, &ip->daddr, sizeof(packet->destination));
	packet->family = HDL_FAMILY_V6;
	packet->kind = HDL_PACKET_WHOLE;
	packet->network = (__u16)cursor->offset;
	next = ip->nexthdr;
	hdl_parse_advance(cursor, sizeof(*ip));
	for (int i = 0; i < HDL_PARSE_EXTENSIONS; i++) {
		if (next != HDL_NEXT_HOP && next != HDL_NEXT_ROUTING && next != HDL_NEXT_FRAGMENT &&
		    next != HDL_NEXT_DESTINATION)
			break;
		if (cursor->offset > (__u32)packet->network + sizeof(*ip) + HDL_PARSE_EXTENSION_BYTES)
			return HDL_PARSE_OTHER;
		next = hdl_parse_extension(cursor, next, packet);
		if (next < 0)
			return next;
		if (packet->kind == HDL_PACKET_LATER)
			break;
	}
	/* a chain that is still not at its end has a protocol that nobody serves */
	packet->protocol = (__u8)next;
	packet->transport = (__u16)cursor->offset;
	return next;
}

/* Whether so many bytes of the transport header belong to the packet: behind its end a frame may have padding. */
HDL_CORE int hdl_parse_has(const struct hdl_packet *packet, __u32 bytes)
{
	return packet->length == 0 || packet->transport + bytes <= packet->network + packet->length;
}

/* Ports of TCP and UDP: the first four bytes, which an ICMP error always quotes. */
HDL_CORE int hdl_parse_ports(struct hdl_cursor *cursor, struct hdl_packet *packet)
{
	const __be16 *ports = cursor->at;

	if ((void *)(ports + 2) > cursor->end)
		return HDL_PARSE_SHORT;
	packet->source_port = ports[0];
	packet->destination_port = ports[1];
	return 0;
}

HDL_CORE int hdl_parse_tcp(struct hdl_cursor *cursor, struct hdl_packet *packet)
{
	const struct tcphdr *tcp = cursor->at;

	if ((void *)(tcp + 1) > cursor->end)
		return HDL_PARSE_SHORT;
	if (tcp->doff < 5)
		return HDL_PARSE_OTHER;
	packet->tcp_flags = ((const __u8 *)tcp)[13];
	packet->header = tcp->doff * 4;
	return hdl_parse_ports(cursor, packet);
}

HDL_CORE int hdl_parse_udp(struct hdl_cursor *cursor, struct hdl_packet *packet)
{
	const __u8 *udp = cursor->at;

	if ((void *)(udp + 8) > cursor->end)
		return HDL_PARSE_SHORT;
	return hdl_parse_ports(cursor, packet);
}

/* Whether an error of this type quotes the packet that it is about. */
HDL_CORE int hdl_parse_is_error(const struct hdl_packet *packet, __u8 type)
{
	if (packet->family == HDL_FAMILY_V4)
		return type == 3 || type == 11 || type == 12;
	return type >= 1 && type <= 4;
}

/* An ICMP error: the packet that it quotes goes into *inner. */
HDL_CORE int hdl_parse_error(struct hdl_cursor *cursor, struct hdl_packet *packet, struct hdl_packet *inner)
{
	const __u8 *icmp = cursor->at;
	int next;

	if ((void *)(icmp + 8) > cursor->end)
		return HDL_PARSE_SHORT;
	if (packet->kind != HDL_PACKET_WHOLE || !hdl_parse_is_error(packet, icmp[0]))
		return HDL_PARSE_OTHER;
	hdl_parse_advance(cursor, 8);
	if (packet->family == HDL_FAMILY_V4)
		next = hdl_parse_ipv4(cursor, inner);
	else
		next = hdl_parse_ipv6(cursor, inner);
	if (next < 0)
		return next;
	/* a quoted later fragment has no ports by which its flow could be found */
	if ((next != IPPROTO_TCP && next != IPPROTO_UDP) || inner->kind == HDL_PACKET_LATER)
		return HDL_PARSE_OTHER;
	packet->kind = HDL_PACKET_ERROR;
	return hdl_parse_ports(cursor, inner);
}

/*
 * A frame of `bytes` bytes in all, of which some may lie beyond the cursor's end. HDL_PARSE_QUOTE: the cursor is at an
 * ICMP message, which hdl_parse_error() reads.
 */
HDL_CORE int hdl_parse_head(struct hdl_cursor *cursor, __u32 bytes, struct hdl_packet *packet)
{
	int next = hdl_parse_eth(cursor);

	if (next == bpf_htons(ETH_P_IP))
		next = hdl_parse_ipv4(cursor, packet);
	else if (next == bpf_htons(ETH_P_IPV6))
		next = hdl_parse_ipv6(cursor, packet);
	else
		return next < 0 ? next : HDL_PARSE_OTHER;
	if (next < 0)
		return next;
	/* what claims to be longer than it is will be dropped by whoever reads it */
	if (packet->length && (__u32)packet->network + packet->length > bytes)
		return HDL_PARSE_OTHER;
	packet->tcp_flags = 0;
	if (next != IPPROTO_TCP && next != IPPROTO_UDP &&
	    next != (packet->family == HDL_FAMILY_V4 ? IPPROTO_ICMP : HDL_NEXT_ICMP6))
		return packet->kind == HDL_PACKET_LATER ? 0 : HDL_PARSE_OTHER;
	if (packet->kind == HDL_PACKET_LATER)
		return 0;
	if (!hdl_parse_has(packet, next == IPPROTO_TCP ? sizeof(struct tcphdr) : 8))
		return HDL_PARSE_OTHER;
	if (next == IPPROTO_TCP)
		return hdl_parse_tcp(cursor, packet);
	if (next == IPPROTO_UDP)
		return hdl_parse_udp(cursor, packet);
	return HDL_PARSE_QUOTE;
}

/* The same with what an error quotes, in *inner. */
HDL_CORE int hdl_parse_frame(struct hdl_cursor *cursor, __u32 bytes, struct hdl_packet *packet,
			     struct hdl_packet *inner)
{
	int result = hdl_parse_head(cursor, bytes, packet);

	return result == HDL_PARSE_QUOTE ? hdl_parse_error(cursor, packet, inner) : result;
}

#endif
