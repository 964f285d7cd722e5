/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Between struct xdp_md and a packet: headers in, translated headers out, in place. */
#ifndef HDL_BPF_CTX_XDP_H
#define HDL_BPF_CTX_XDP_H

#include <linux/bpf.h>
#include <linux/udp.h>
#include "bpf/lib/ctx_sock.h"
#include "bpf/lib/edge.h"

#define HDL_XDP_HEADERS_MAX 512 /* of all headers; keeps offsets within what the verifier can follow */

/* 0 when this is a whole TCP or UDP packet with its headers at hand; all else is left to tc and the stack. */
HDL_CORE int hdl_xdp_parse(struct xdp_md *ctx, struct hdl_packet *packet)
{
	struct hdl_cursor cursor = { .at = (void *)(long)ctx->data, .end = (void *)(long)ctx->data_end };
	int next = hdl_parse_eth(&cursor);

	if (next == bpf_htons(ETH_P_IP))
		next = hdl_parse_ipv4(&cursor, packet);
	else if (next == bpf_htons(ETH_P_IPV6))
		next = hdl_parse_ipv6(&cursor, packet);
	else
		return HDL_PARSE_OTHER;
	if ((next != IPPROTO_TCP && next != IPPROTO_UDP) || packet->kind != HDL_PACKET_WHOLE)
		return HDL_PARSE_OTHER;
	if (packet->length && (__u64)packet->network + packet->length > (__u64)(ctx->data_end - ctx->data))
		return HDL_PARSE_OTHER;
	packet->tcp_flags = 0;
	return next == IPPROTO_TCP ? hdl_parse_tcp(&cursor, packet) : hdl_parse_udp(&cursor, packet);
}

/* One's complement difference that replacing a word makes. */
HDL_CORE __u64 hdl_xdp_differ(__u64 sum, __u32 from, __u32 to)
{
	return sum + (__u32)~from + to;
}

HDL_CORE __u16 hdl_xdp_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)sum;
}

/* RFC 1624: the checksum after a change of what it covers. */
HDL_CORE __u16 hdl_xdp_check(__u16 check, __u64 difference)
{
	return (__u16)~hdl_xdp_fold((__u16)~check + difference);
}

/* Addresses of the packet's IP header; *io_sum gets the difference. 0, or -1 outside of the packet. */
HDL_CORE int hdl_xdp_addresses(struct xdp_md *ctx, const struct hdl_packet *packet,
			       const struct hdl_edge_record *record, __u64 *io_sum)
{
	struct iphdr *ip = (void *)(long)ctx->data + ETH_HLEN;
	struct ipv6hdr *ip6 = (void *)ip;
	void *end = (void *)(long)ctx->data_end;

	if (packet->family == HDL_FAMILY_V4) {
		if ((void *)(ip + 1) > end)
			return -1;
		*io_sum = hdl_xdp_differ(*io_sum, ip->saddr, record->source.word[3]);
		*io_sum = hdl_xdp_differ(*io_sum, ip->daddr, record->destination.word[3]);
		ip->saddr = record->source.word[3];
		ip->daddr = record->destination.word[3];
		ip->check = hdl_xdp_check(ip->check, *io_sum);
		return 0;
	}
	if ((void *)(ip6 + 1) > end)
		return -1;
	for (int i = 0; i < 4; i++) {
		*io_sum = hdl_xdp_differ(*io_sum, ip6->saddr.s6_addr32[i], record->source.word[i]);
		*io_sum = hdl_xdp_differ(*io_sum, ip6->daddr.s6_addr32[i], record->destination.word[i]);
		ip6->saddr.s6_addr32[i] = record->source.word[i];
		ip6->daddr.s6_addr32[i] = record->destination.word[i];
	}
	return 0;
}

/* Puts the record's addresses and ports into the packet, with all checksums. 0, or -1: it must be dropped. */
HDL_CORE int hdl_xdp_rewrite(struct xdp_md *ctx, const struct hdl_packet *packet, const struct hdl_edge_record *record)
{
	__u32 transport = packet->transport;
	struct tcphdr *tcp;
	struct udphdr *udp;
	__be16 *ports;
	__u64 sum = 0;

	if (transport > HDL_XDP_HEADERS_MAX || hdl_xdp_addresses(ctx, packet, record, &sum) != 0)
		return -1;
	ports = (void *)(long)ctx->data + transport;
	if ((void *)(ports + 4) > (void *)(long)ctx->data_end)
		return -1;
	sum += (__u16)~ports[0] + (__u32)record->source_port + (__u16)~ports[1] + (__u32)record->destination_port;
	ports[0] = record->source_port;
	ports[1] = record->destination_port;
	if (packet->protocol == IPPROTO_UDP) {
		udp = (void *)ports;
		if (udp->check) {
			udp->check = hdl_xdp_check(udp->check, sum);
			if (udp->check == 0)
				udp->check = 0xffff;
		}
		return 0;
	}
	tcp = (void *)ports;
	if ((void *)(tcp + 1) > (void *)(long)ctx->data_end)
		return -1;
	tcp->check = hdl_xdp_check(tcp->check, sum);
	return 0;
}

/* One hop less to go. 0, or -1: it has none left, and the stack says so to its sender. */
HDL_CORE int hdl_xdp_hop(struct xdp_md *ctx, const struct hdl_packet *packet)
{
	struct iphdr *ip = (void *)(long)ctx->data + ETH_HLEN;
	struct ipv6hdr *ip6 = (void *)ip;
	__u32 check;

	if (packet->family == HDL_FAMILY_V6) {
		if ((void *)(ip6 + 1) > (void *)(long)ctx->data_end || ip6->hop_limit <= 1)
			return -1;
		ip6->hop_limit--;
		return 0;
	}
	if ((void *)(ip + 1) > (void *)(long)ctx->data_end || ip->ttl <= 1)
		return -1;
	check = ip->check;
	check += bpf_htons(0x0100); /* as in ip_decrease_ttl() */
	ip->check = (__u16)(check + (check >= 0xffff));
	ip->ttl--;
	return 0;
}

HDL_CORE int hdl_xdp_macs(struct xdp_md *ctx, const struct hdl_edge_record *record)
{
	struct ethhdr *eth = (void *)(long)ctx->data;

	if ((void *)(eth + 1) > (void *)(long)ctx->data_end)
		return -1;
	__builtin_memcpy(eth->h_dest, record->hop_destination, ETH_ALEN);
	__builtin_memcpy(eth->h_source, record->hop_source, ETH_ALEN);
	return 0;
}

#endif
