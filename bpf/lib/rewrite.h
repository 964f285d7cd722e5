/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Translation of packets: one address and both ports, with every checksum that covers them.
 *
 * How the checksum of a buffer is kept (skb->ip_summed) cannot be seen from here. The helpers keep each kind right:
 * addresses are told as part of the pseudo header, ports are not. An IPv4 address is stored without more, since the
 * header's own checksum makes up for it; an IPv6 address with BPF_F_RECOMPUTE_CSUM, since nothing does.
 */
#ifndef HDL_BPF_REWRITE_H
#define HDL_BPF_REWRITE_H

#include "bpf/lib/ctx_tc.h"

#define HDL_IP_CHECK 10
#define HDL_TCP_CHECK 16
#define HDL_UDP_CHECK 6
#define HDL_ICMP_CHECK 2

/* What is replaced by what. */
struct hdl_change {
	__u32 address_at;           /* offset */
	struct hdl_addr from, to;   /* the address */
	__be16 ports[2], become[2]; /* source, destination */
};

HDL_CORE __u32 hdl_rewrite_check_at(const struct hdl_packet *packet)
{
	return packet->transport + (packet->protocol == IPPROTO_TCP ? HDL_TCP_CHECK : HDL_UDP_CHECK);
}

/* side: 0 the source address is replaced, 1 the destination. The other end's port is the client's. */
HDL_CORE void hdl_rewrite_plan(const struct hdl_packet *packet, const struct hdl_flow_record *record, int side,
			       struct hdl_change *ret)
{
	__u32 width = packet->family == HDL_FAMILY_V4 ? 4 : 16;

	ret->address_at = packet->network + (packet->family == HDL_FAMILY_V4 ? 12 : 8) + (side ? width : 0);
	ret->from = side ? packet->destination : packet->source;
	ret->to = record->address;
	ret->ports[0] = packet->source_port;
	ret->ports[1] = packet->destination_port;
	ret->become[0] = side ? record->client_port : record->port;
	ret->become[1] = side ? record->port : record->client_port;
}

/* Difference that a change of the address makes to a sum. */
HDL_CORE __u32 hdl_rewrite_address_sum(const struct hdl_change *change, __u8 family)
{
	__be32 from = change->from.word[3], to = change->to.word[3];

	if (family == HDL_FAMILY_V4)
		return (__u32)bpf_csum_diff(&from, 4, &to, 4, 0);
	return (__u32)bpf_csum_diff((__be32 *)&change->from, 16, (__be32 *)&change->to, 16, 0);
}

/* Stores the address. IPv4: with the checksum of its header. */
HDL_CORE long hdl_rewrite_address(struct __sk_buff *skb, const struct hdl_packet *packet,
				  const struct hdl_change *change, __u64 flags6)
{
	__be32 from = change->from.word[3], to = change->to.word[3];
	long failed;

	if (packet->family == HDL_FAMILY_V6)
		return bpf_skb_store_bytes(skb, change->address_at, &change->to, 16, flags6);
	failed = bpf_skb_store_bytes(skb, change->address_at, &to, 4, 0);
	return failed ? failed : bpf_l3_csum_replace(skb, packet->network + HDL_IP_CHECK, from, to, 4);
}

/* Translates a packet with or without ports (later fragments). 0, or negative: it must be dropped. */
static __noinline __attribute__((unused)) int hdl_rewrite(struct __sk_buff *skb, const struct hdl_packet *packet,
							  const struct hdl_flow_record *record, int side)
{
	__u64 mangled = packet->protocol == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0;
	__u32 check_at = hdl_rewrite_check_at(packet);
	struct hdl_change change;
	__be32 from, to;
	long failed;

	hdl_rewrite_plan(packet, record, side, &change);
	failed = hdl_rewrite_address(skb, packet, &change, BPF_F_RECOMPUTE_CSUM);
	if (failed || packet->kind == HDL_PACKET_LATER)
		return (int)failed;
	failed = bpf_l4_csum_replace(skb, check_at, 0, hdl_rewrite_address_sum(&change, packet->family),
				     BPF_F_PSEUDO_HDR | mangled);
	if (failed || (change.ports[0] == change.become[0] && change.ports[1] == change.become[1]))
		return (int)failed;
	__builtin_memcpy(&from, change.ports, sizeof(from));
	__builtin_memcpy(&to, change.become, sizeof(to));
	failed = bpf_l4_csum_replace(skb, check_at, from, to, 4 | mangled);
	return (int)(failed ? failed : bpf_skb_store_bytes(skb, packet->transport, &to, sizeof(to), 0));
}

/* --- what an ICMP error quotes --- */

/* Sum with another 32-bit difference in it. */
HDL_CORE __u32 hdl_rewrite_add(__u32 a, __u32 b)
{
	__u32 sum = a + b;

	return sum + (sum < b);
}

HDL_CORE __u16 hdl_rewrite_fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~sum;
}

/*
 * The checksum in the quoted TCP or UDP header, as far as it is quoted. *io_sum: in, the difference of what it covers;
 * out, with the difference that itself makes.
 */
HDL_CORE long hdl_rewrite_quoted_check(struct __sk_buff *skb, const struct hdl_packet *inner, __u32 *io_sum)
{
	__u32 at = hdl_rewrite_check_at(inner), words[2] = {};
	__u16 old, check;

	if (inner->kind != HDL_PACKET_WHOLE && inner->kind != HDL_PACKET_FIRST)
		return 0;
	if (at + sizeof(old) > skb->len || bpf_skb_load_bytes(skb, at, &old, sizeof(old)) != 0)
		return 0; /* only the first bytes are quoted */
	if (inner->protocol == IPPROTO_UDP && old == 0)
		return 0;
	check = hdl_rewrite_fold(hdl_rewrite_add((__u16)~old, *io_sum));
	if (inner->protocol == IPPROTO_UDP && check == 0)
		check = 0xffff;
	words[0] = old;
	words[1] = check;
	*io_sum = (__u32)bpf_csum_diff(&words[0], 4, &words[1], 4, *io_sum);
	return bpf_skb_store_bytes(skb, at, &check, sizeof(check), 0);
}

/*
 * Translates the packet that an error quotes: side as for hdl_rewrite(), of the quoted packet. Adds the difference that
 * this makes to the sum of the ICMP message to *io_sum.
 */
static __noinline __attribute__((unused)) int hdl_rewrite_quoted(struct __sk_buff *skb, const struct hdl_packet *inner,
								 const struct hdl_flow_record *record, int side,
								 __u32 *io_sum)
{
	struct hdl_change change;
	__u32 sum, address_sum;
	__be32 from, to;
	long failed;

	hdl_rewrite_plan(inner, record, side, &change);
	address_sum = hdl_rewrite_address_sum(&change, inner->family);
	failed = hdl_rewrite_address(skb, inner, &change, 0);
	__builtin_memcpy(&from, change.ports, sizeof(from));
	__builtin_memcpy(&to, change.become, sizeof(to));
	if (!failed)
		failed = bpf_skb_store_bytes(skb, inner->transport, &to, sizeof(to), 0);
	if (failed)
		return (int)failed;
	sum = (__u32)bpf_csum_diff(&from, 4, &to, 4, address_sum);
	failed = hdl_rewrite_quoted_check(skb, inner, &sum);
	/* a quoted IPv4 header makes up for its address by its own checksum */
	if (inner->family == HDL_FAMILY_V4)
		sum = hdl_rewrite_add(sum, ~address_sum);
	*io_sum = hdl_rewrite_add(*io_sum, sum);
	return (int)failed;
}

/*
 * Translates an error. The quoted packet went the other way: what was its source is the error's destination. record: of
 * the direction in which the error goes.
 */
static __noinline __attribute__((unused)) int hdl_rewrite_error(struct __sk_buff *skb, const struct hdl_packet *packet,
								const struct hdl_packet *inner,
								const struct hdl_flow_record *record, int direction)
{
	__u32 check_at = packet->transport + HDL_ICMP_CHECK, sum = 0;
	int side = direction == HDL_FLOW_FORWARD;
	struct hdl_change change;
	long failed;

	failed = hdl_rewrite_quoted(skb, inner, record, !side, &sum);
	if (!failed)
		failed = bpf_l4_csum_replace(skb, check_at, 0, sum, 0);
	if (failed)
		return (int)failed;
	/* a router on the way has an address of its own */
	hdl_rewrite_plan(packet, record, side, &change);
	if (!hdl_addr_equal(&change.from, side ? &inner->source : &inner->destination))
		return 0;
	failed = hdl_rewrite_address(skb, packet, &change, BPF_F_RECOMPUTE_CSUM);
	if (!failed && packet->family == HDL_FAMILY_V6)
		failed = bpf_l4_csum_replace(skb, check_at, 0, hdl_rewrite_address_sum(&change, packet->family),
					     BPF_F_PSEUDO_HDR);
	return (int)failed;
}

#endif
