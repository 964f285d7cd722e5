/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Refusal of a packet in place: the packet itself becomes the answer and goes back to the interface from which it came.
 * The client fails at once with what a closed port says: RST to a SYN, ICMP or ICMPv6 port unreachable to a datagram.
 */
#ifndef HDL_BPF_REFUSE_H
#define HDL_BPF_REFUSE_H

#include "bpf/lib/rewrite.h"

#define HDL_REFUSE_TTL 64
#define HDL_REFUSE_HEADER_MAX 88 /* IP header with options or extension headers that an ICMP error quotes */
#define HDL_REFUSE_QUOTE_MAX (HDL_REFUSE_HEADER_MAX + 20)

HDL_CORE long hdl_refuse_swap_macs(struct __sk_buff *skb)
{
	__u8 macs[12], swapped[12];
	long failed = bpf_skb_load_bytes(skb, 0, macs, sizeof(macs));

	if (failed)
		return failed;
	__builtin_memcpy(swapped, macs + 6, 6);
	__builtin_memcpy(swapped + 6, macs, 6);
	return bpf_skb_store_bytes(skb, 0, swapped, sizeof(swapped), 0);
}

/* Of the IP header: changes no sum. */
HDL_CORE long hdl_refuse_swap_addresses(struct __sk_buff *skb, const struct hdl_packet *packet)
{
	long failed;

	if (packet->family == HDL_FAMILY_V6) {
		failed = bpf_skb_store_bytes(skb, packet->network + 8, &packet->destination, 16, 0);
		return failed ? failed : bpf_skb_store_bytes(skb, packet->network + 24, &packet->source, 16, 0);
	}
	failed = bpf_skb_store_bytes(skb, packet->network + 12, &packet->destination.word[3], 4, 0);
	return failed ? failed : bpf_skb_store_bytes(skb, packet->network + 16, &packet->source.word[3], 4, 0);
}

/* Swaps the addresses of the IP header and gives it a new length. */
HDL_CORE long hdl_refuse_ip(struct __sk_buff *skb, const struct hdl_packet *packet, __u32 bytes)
{
	long failed = hdl_refuse_swap_addresses(skb, packet);
	__be16 old, length;

	if (packet->family == HDL_FAMILY_V6) {
		length = bpf_htons((__u16)(bytes - 40));
		return failed ? failed :
				bpf_skb_store_bytes(skb, packet->network + 4, &length, 2, BPF_F_RECOMPUTE_CSUM);
	}
	length = bpf_htons((__u16)bytes);
	failed = failed ? failed : bpf_skb_load_bytes(skb, packet->network + 2, &old, 2);
	failed = failed ? failed : bpf_l3_csum_replace(skb, packet->network + HDL_IP_CHECK, old, length, 2);
	return failed ? failed : bpf_skb_store_bytes(skb, packet->network + 2, &length, 2, 0);
}

/*
 * SYN to RST. The checksum is led over from the one that the SYN has, since it may be one that a device still has to
 * complete: what the header loses and gains, and its length. A SYN with data (TCP fast open) is only dropped; the client
 * sends the next one without.
 */
static __noinline __attribute__((unused)) long hdl_refuse_tcp(struct __sk_buff *skb, const struct hdl_packet *packet)
{
	__u32 header = packet->header, network = packet->transport - packet->network;
	__be16 length = bpf_htons((__u16)header), bare = bpf_htons(20);
	__u32 at = packet->transport, words[15] = {}, answer[5] = {};
	long failed;

	if (header < 20 || header > 60 || network + header != packet->length)
		return -1;
	if (bpf_skb_load_bytes(skb, at, words, header) != 0)
		return -1;
	answer[0] = words[0] << 16 | words[0] >> 16;
	answer[2] = bpf_htonl(bpf_ntohl(words[1]) + 1);
	answer[3] = bpf_htonl(5u << 28 | (HDL_TCP_RST | HDL_TCP_ACK) << 16);
	answer[4] = words[4] & 0x0000ffff; /* checksum; on little endian the low half is the first */
	failed = bpf_skb_store_bytes(skb, at, answer, sizeof(answer), 0);
	words[4] &= 0xffff0000;
	answer[4] = 0;
	failed = failed ? failed :
			  bpf_l4_csum_replace(skb, at + HDL_TCP_CHECK, 0,
					      (__u32)bpf_csum_diff(words, sizeof(words), answer, sizeof(answer), 0), 0);
	failed = failed ? failed : bpf_l4_csum_replace(skb, at + HDL_TCP_CHECK, length, bare, BPF_F_PSEUDO_HDR | 2);
	failed = failed ? failed : hdl_refuse_ip(skb, packet, network + 20);
	return failed ? failed : bpf_skb_change_tail(skb, at + 20, 0);
}

struct hdl_refuse_icmp {
	__u8 ip[40];
	__u8 icmp[8];
};

/* What an error says: type and code by family, and the word after the checksum. */
struct hdl_refuse_error {
	__u16 type4, type6; /* type | code << 8 */
	__be32 word;
};

HDL_CORE void hdl_refuse_icmp4(const struct hdl_packet *packet, const struct hdl_refuse_error *error, __u32 quoted,
			       __u32 quoted_sum, struct hdl_refuse_icmp *to)
{
	struct iphdr *ip = (struct iphdr *)(to->ip + 20);
	__u32 type = error->type4;
	__u16 check;

	ip->version = 4;
	ip->ihl = 5;
	ip->ttl = HDL_REFUSE_TTL;
	ip->protocol = IPPROTO_ICMP;
	ip->tot_len = bpf_htons((__u16)(28 + quoted));
	ip->saddr = packet->destination.word[3];
	ip->daddr = packet->source.word[3];
	ip->check = hdl_rewrite_fold((__u32)bpf_csum_diff(NULL, 0, (__be32 *)ip, 20, 0));
	__builtin_memcpy(to->icmp, &type, sizeof(type));
	__builtin_memcpy(to->icmp + 4, &error->word, sizeof(error->word));
	check = hdl_rewrite_fold((__u32)bpf_csum_diff(NULL, 0, (__be32 *)to->icmp, 8, quoted_sum));
	__builtin_memcpy(to->icmp + HDL_ICMP_CHECK, &check, sizeof(check));
}

HDL_CORE void hdl_refuse_icmp6(const struct hdl_packet *packet, const struct hdl_refuse_error *error, __u32 quoted,
			       __u32 quoted_sum, struct hdl_refuse_icmp *to)
{
	struct ipv6hdr *ip = (struct ipv6hdr *)to->ip;
	__u32 type = error->type6, pseudo[2] = { bpf_htonl(8 + quoted), bpf_htonl(HDL_NEXT_ICMP6) }, sum;
	__u16 check;

	ip->version = 6;
	ip->hop_limit = HDL_REFUSE_TTL;
	ip->nexthdr = HDL_NEXT_ICMP6;
	ip->payload_len = bpf_htons((__u16)(8 + quoted));
	__builtin_memcpy(&ip->saddr, &packet->destination, 16);
	__builtin_memcpy(&ip->daddr, &packet->source, 16);
	__builtin_memcpy(to->icmp, &type, sizeof(type));
	__builtin_memcpy(to->icmp + 4, &error->word, sizeof(error->word));
	sum = (__u32)bpf_csum_diff(NULL, 0, (__be32 *)(to->ip + 8), 32, quoted_sum);
	sum = (__u32)bpf_csum_diff(NULL, 0, pseudo, 8, sum);
	check = hdl_rewrite_fold((__u32)bpf_csum_diff(NULL, 0, (__be32 *)to->icmp, 8, sum));
	__builtin_memcpy(to->icmp + HDL_ICMP_CHECK, &check, sizeof(check));
}

/* Packet to an error about it: headers are put before it, and it is cut after what an error quotes. */
static __noinline long hdl_refuse_icmp(struct __sk_buff *skb, const struct hdl_packet *packet,
				       const struct hdl_refuse_error *error)
{
	/* of TCP as much as the kernel insists on, where the checksum is not made yet */
	__u32 network = packet->transport - packet->network, more = packet->protocol == IPPROTO_TCP ? 20 : 8;
	__u32 quoted = network + more, sum;
	__u32 quote[HDL_REFUSE_QUOTE_MAX / 4] = {};
	struct hdl_refuse_icmp made = {};
	long failed;

	if (network < 20 || network > HDL_REFUSE_HEADER_MAX)
		return -1;
	failed = bpf_skb_change_tail(skb, packet->transport + more, 0);
	failed = failed ? failed : bpf_skb_load_bytes(skb, packet->network, quote, quoted);
	if (failed)
		return failed;
	sum = (__u32)bpf_csum_diff(NULL, 0, quote, sizeof(quote), 0);
	if (packet->family == HDL_FAMILY_V4) {
		hdl_refuse_icmp4(packet, error, quoted, sum, &made);
		failed = bpf_skb_adjust_room(skb, 28, BPF_ADJ_ROOM_MAC, 0);
		return failed ? failed : bpf_skb_store_bytes(skb, packet->network, made.ip + 20, 28, 0);
	}
	hdl_refuse_icmp6(packet, error, quoted, sum, &made);
	failed = bpf_skb_adjust_room(skb, 48, BPF_ADJ_ROOM_MAC, 0);
	return failed ? failed : bpf_skb_store_bytes(skb, packet->network, &made, 48, 0);
}

/* Answers work->packet. Returns the action: it goes back, or, where no answer can be made, it is dropped. */
__weak __noinline int hdl_refuse_packet(struct __sk_buff *skb)
{
	struct hdl_refuse_error unreachable = { 3 | 3 << 8, 1 | 4 << 8, 0 }; /* port unreachable */
	struct hdl_tc_work *at = hdl_tc_work();
	long failed = -1;

	if (!at)
		return TC_ACT_SHOT;
	if (at->packet.protocol == IPPROTO_TCP && at->packet.kind == HDL_PACKET_WHOLE &&
	    (at->packet.tcp_flags & (HDL_TCP_SYN | HDL_TCP_ACK | HDL_TCP_RST)) == HDL_TCP_SYN)
		failed = hdl_refuse_tcp(skb, &at->packet);
	else if (at->packet.protocol == IPPROTO_UDP && at->packet.kind != HDL_PACKET_LATER)
		failed = hdl_refuse_icmp(skb, &at->packet, &unreachable);
	failed = failed ? failed : hdl_refuse_swap_macs(skb);
	return failed ? TC_ACT_SHOT : (int)bpf_redirect(skb->ifindex, 0);
}

#endif
