// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * tc on the interfaces by which connections from outside come in. Ingress does what XDP left, or all of it where there
 * is no XDP: the stack finds neighbours, and refusals and ICMP errors are made here. Egress puts the service's address
 * into what endpoints of this node answer.
 */
#include "bpf/lib/edge.h"
#include "bpf/lib/refuse.h"

/* Only one address at a time can be replaced (rewrite.h): the destination with both ports, then the source. */
static __noinline int hdl_tc_edge_rewrite(struct __sk_buff *skb, struct hdl_packet *packet,
					  const struct hdl_edge_record *record)
{
	struct hdl_flow_record change = {
		.address = record->destination,
		.port = record->destination_port,
		.client_port = record->source_port,
	};

	if (hdl_rewrite(skb, packet, &change, 1) != 0)
		return -1;
	packet->destination = record->destination;
	packet->source_port = record->source_port;
	packet->destination_port = record->destination_port;
	if (hdl_addr_equal(&packet->source, &record->source))
		return 0;
	change.address = record->source;
	change.port = record->source_port;
	change.client_port = record->destination_port;
	return hdl_rewrite(skb, packet, &change, 0);
}

/* One hop less to go. 0, or -1: none is left. */
static __always_inline int hdl_tc_edge_hop(struct __sk_buff *skb, const struct hdl_packet *packet)
{
	__u32 at = packet->network + (packet->family == HDL_FAMILY_V4 ? 8 : 7);
	__u8 bytes[2];

	if (bpf_skb_load_bytes(skb, at, bytes, sizeof(bytes)) != 0)
		return -1;
	if (packet->family == HDL_FAMILY_V6) {
		if (bytes[0] <= 1)
			return -1;
		bytes[0]--;
		return (int)bpf_skb_store_bytes(skb, at, bytes, 1, BPF_F_RECOMPUTE_CSUM);
	}
	if (bytes[0] <= 1)
		return -1;
	/* hop count and protocol are one word of the checksum */
	if (bpf_l3_csum_replace(skb, packet->network + HDL_IP_CHECK, (__u16)(bytes[0] | bytes[1] << 8),
				(__u16)((bytes[0] - 1) | bytes[1] << 8), 2) != 0)
		return -1;
	bytes[0]--;
	return (int)bpf_skb_store_bytes(skb, at, bytes, 1, 0);
}

/* Bytes that the packet has on the wire above the frame, or the largest of those that a device cuts it into. */
static __always_inline __u32 hdl_tc_edge_length(const struct __sk_buff *skb, const struct hdl_packet *packet)
{
	return skb->gso_size ? packet->transport - packet->network + packet->header + skb->gso_size : packet->length;
}

/*
 * By which interface a packet leaves that has the record's addresses and ports; 0 = there is no way. *ret_mtu: 0, or
 * what fits there when the packet does not.
 */
static __always_inline __u32 hdl_tc_edge_way(struct __sk_buff *skb, const struct hdl_packet *packet,
					     const struct hdl_edge_record *record, __u32 *ret_mtu)
{
	struct bpf_fib_lookup fib = { .ifindex = skb->ingress_ifindex };
	long found;

	fib.l4_protocol = packet->protocol;
	fib.sport = record->source_port;
	fib.dport = record->destination_port;
	fib.tot_len = (__u16)hdl_tc_edge_length(skb, packet);
	if (packet->family == HDL_FAMILY_V4) {
		fib.family = HDL_AF_INET;
		fib.ipv4_src = record->source.word[3];
		fib.ipv4_dst = record->destination.word[3];
	} else {
		fib.family = HDL_AF_INET6;
		__builtin_memcpy(fib.ipv6_src, &record->source, sizeof(fib.ipv6_src));
		__builtin_memcpy(fib.ipv6_dst, &record->destination, sizeof(fib.ipv6_dst));
	}
	found = bpf_fib_lookup(skb, &fib, sizeof(fib), 0);
	*ret_mtu = found == BPF_FIB_LKUP_RET_FRAG_NEEDED ? fib.mtu_result : 0;
	/* no neighbour yet: bpf_redirect_neigh() asks for it and waits */
	return found == BPF_FIB_LKUP_RET_SUCCESS || found == BPF_FIB_LKUP_RET_NO_NEIGH ? fib.ifindex : 0;
}

/*
 * A device may still fill in the checksum of the TCP header that an error quotes, which the error's own covers. So it gets
 * the one that a device finds, too: c with 2c = -(sum of the rest), in one's complement. To the sender it means nothing.
 */
static __always_inline long hdl_tc_edge_settle(struct __sk_buff *skb, const struct hdl_packet *packet)
{
	__u32 words[5] = {}, wanted;
	__u16 check;

	if (packet->protocol != IPPROTO_TCP)
		return 0;
	if (bpf_skb_load_bytes(skb, packet->transport, words, sizeof(words)) != 0)
		return -1;
	words[4] &= 0xffff0000;
	wanted = hdl_rewrite_fold((__u32)bpf_csum_diff(NULL, 0, words, sizeof(words), 0));
	check = (__u16)(wanted & 1 ? (wanted + 0xffff) >> 1 : wanted >> 1);
	return bpf_skb_store_bytes(skb, packet->transport + HDL_TCP_CHECK, &check, sizeof(check), 0);
}

/* Tells the sender why its packet does not go on. An action. */
static __noinline int hdl_tc_edge_answer(struct __sk_buff *skb, const struct hdl_packet *packet, __u32 mtu)
{
	struct hdl_refuse_error error = { 11, 3, 0 }; /* its hops are used up */
	long failed;

	if (mtu) {
		error.type4 = 3 | 4 << 8;
		error.type6 = 2;
		error.word = bpf_htonl(mtu);
	}
	failed = hdl_tc_edge_settle(skb, packet);
	failed = failed ? failed : hdl_refuse_icmp(skb, packet, &error);
	failed = failed ? failed : hdl_refuse_swap_macs(skb);
	return failed ? TC_ACT_SHOT : (int)bpf_redirect(skb->ifindex, 0);
}

/* The packet that an error quotes went the other way: it gets the record's addresses turned round. */
static __noinline int hdl_tc_edge_quoted(struct __sk_buff *skb, struct hdl_packet *inner,
					 const struct hdl_edge_record *record, __u32 *io_sum)
{
	struct hdl_flow_record change = {
		.address = record->destination,
		.port = record->destination_port,
		.client_port = record->source_port,
	};

	if (hdl_rewrite_quoted(skb, inner, &change, 0, io_sum) != 0)
		return -1;
	inner->source = record->destination;
	inner->source_port = record->destination_port;
	inner->destination_port = record->source_port;
	if (hdl_addr_equal(&inner->destination, &record->source))
		return 0;
	change.address = record->source;
	change.port = record->source_port;
	change.client_port = record->destination_port;
	return hdl_rewrite_quoted(skb, inner, &change, 1, io_sum);
}

/* One address of the error's own header. */
static __noinline int hdl_tc_edge_outer(struct __sk_buff *skb, const struct hdl_packet *packet,
					const struct hdl_addr *to, int side)
{
	struct hdl_flow_record record = { .address = *to };
	struct hdl_change change;
	long failed;

	hdl_rewrite_plan(packet, &record, side, &change);
	if (hdl_addr_equal(&change.from, &change.to))
		return 0;
	failed = hdl_rewrite_address(skb, packet, &change, BPF_F_RECOMPUTE_CSUM);
	if (!failed && packet->family == HDL_FAMILY_V6)
		failed = bpf_l4_csum_replace(skb, packet->transport + HDL_ICMP_CHECK, 0,
					     hdl_rewrite_address_sum(&change, packet->family), BPF_F_PSEUDO_HDR);
	return (int)failed;
}

/* Translates an error about a packet of a connection, whose record is in at->record. 0, or -1: it must be dropped. */
static __always_inline int hdl_tc_edge_error(struct __sk_buff *skb, struct hdl_edge *at, struct hdl_packet *inner)
{
	/* a router on the way has an address of its own */
	int from_peer = hdl_addr_equal(&at->packet.source, &inner->destination);
	__u32 check_at = at->packet.transport + HDL_ICMP_CHECK, sum = 0;

	if (hdl_tc_edge_quoted(skb, inner, &at->record, &sum) != 0 ||
	    bpf_l4_csum_replace(skb, check_at, 0, sum, 0) != 0 ||
	    hdl_tc_edge_outer(skb, &at->packet, &at->record.destination, 1) != 0)
		return -1;
	at->packet.destination = at->record.destination;
	if (!from_peer)
		return 0;
	if (hdl_tc_edge_outer(skb, &at->packet, &at->record.source, 0) != 0)
		return -1;
	at->packet.source = at->record.source;
	return 0;
}

/* The record of the connection that an error is about. 1 = there is one. */
static __always_inline int hdl_tc_edge_find_quoted(struct hdl_edge *at, const struct hdl_packet *inner)
{
	at->key.source = inner->destination;
	at->key.destination = inner->source;
	at->key.source_port = inner->destination_port;
	at->key.destination_port = inner->source_port;
	at->key.protocol = inner->protocol;
	at->key.direction = 0;
	at->key.padding = 0;
	return hdl_edge_find(at);
}

/* An error that came in from outside. */
static __always_inline int hdl_tc_edge_error_in(struct __sk_buff *skb, struct hdl_edge *at, struct hdl_packet *inner)
{
	__u32 way = 0, mtu;
	int local;

	if (!hdl_tc_edge_find_quoted(at, inner))
		return TC_ACT_UNSPEC;
	local = at->record.flags & HDL_EDGE_LOCAL;
	if (local && (at->record.flags & HDL_EDGE_REPLY))
		return TC_ACT_UNSPEC;
	if (!local)
		way = hdl_tc_edge_way(skb, &at->packet, &at->record, &mtu);
	if ((!local && (!way || hdl_tc_edge_hop(skb, &at->packet) != 0)) || hdl_tc_edge_error(skb, at, inner) != 0)
		return TC_ACT_SHOT;
	return local ? TC_ACT_UNSPEC : (int)bpf_redirect_neigh(way, NULL, 0, 0);
}

static __always_inline int hdl_tc_edge_forward(struct __sk_buff *skb, struct hdl_edge *at)
{
	int local = at->record.flags & HDL_EDGE_LOCAL;
	__u32 way = 0, mtu;

	if (!local) {
		way = hdl_tc_edge_way(skb, &at->packet, &at->record, &mtu);
		if (mtu)
			return hdl_tc_edge_answer(skb, &at->packet, mtu);
		if (!way)
			return TC_ACT_SHOT;
		if (hdl_tc_edge_hop(skb, &at->packet) != 0)
			return hdl_tc_edge_answer(skb, &at->packet, 0);
	}
	hdl_edge_see(at, bpf_ktime_get_coarse_ns());
	if (hdl_tc_edge_rewrite(skb, &at->packet, &at->record) != 0)
		return TC_ACT_SHOT;
	return local ? TC_ACT_UNSPEC : (int)bpf_redirect_neigh(way, NULL, 0, 0);
}

SEC("tc")
int hdl_tc_edge(struct __sk_buff *skb)
{
	struct hdl_tc_work *work = hdl_tc_work();
	struct hdl_edge *at = hdl_edge_work();
	struct hdl_packet inner;

	if (!work || !at || hdl_tc_parse(skb) != 0)
		return TC_ACT_UNSPEC;
	inner = work->inner; /* both are one memory, of which the packet alone is in the same place */
	at->ifindex = skb->ingress_ifindex;
	if (at->packet.kind == HDL_PACKET_ERROR)
		return hdl_tc_edge_error_in(skb, at, &inner);
	if (at->packet.kind != HDL_PACKET_WHOLE)
		return TC_ACT_UNSPEC;
	switch (hdl_edge_decide(at)) {
	case HDL_EDGE_TRANSLATE:
		return hdl_tc_edge_forward(skb, at);
	case HDL_EDGE_REFUSE:
		return hdl_refuse_packet(skb);
	case HDL_EDGE_DROP:
		return TC_ACT_SHOT;
	default:
		return TC_ACT_UNSPEC;
	}
}

/* What leaves this node: answers of its own endpoints to clients outside. */
SEC("tc")
int hdl_tc_edge_out(struct __sk_buff *skb)
{
	struct hdl_tc_work *work = hdl_tc_work();
	struct hdl_edge *at = hdl_edge_work();
	struct hdl_packet inner;
	int found;

	if (!work || !at || hdl_tc_parse(skb) != 0)
		return TC_ACT_UNSPEC;
	inner = work->inner;
	if (at->packet.kind == HDL_PACKET_ERROR) {
		found = hdl_tc_edge_find_quoted(at, &inner);
	} else {
		hdl_edge_key_of(&at->packet, &at->key);
		found = at->packet.kind == HDL_PACKET_WHOLE && hdl_edge_find(at);
	}
	if (!found || (at->record.flags & (HDL_EDGE_LOCAL | HDL_EDGE_REPLY)) != (HDL_EDGE_LOCAL | HDL_EDGE_REPLY))
		return TC_ACT_UNSPEC;
	if (at->packet.kind == HDL_PACKET_ERROR)
		return hdl_tc_edge_error(skb, at, &inner) ? TC_ACT_SHOT : TC_ACT_UNSPEC;
	hdl_edge_see(at, bpf_ktime_get_coarse_ns());
	return hdl_tc_edge_rewrite(skb, &at->packet, &at->record) ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

char hdl_license[] SEC("license") = "Dual BSD/GPL";
