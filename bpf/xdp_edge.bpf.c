// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * XDP on the interfaces by which connections from outside come in: packets of NodePorts and external addresses go on to
 * their endpoint, and back, without the stack of this node. What it cannot finish by itself (a neighbour that is not
 * known yet, ICMP, pieces, packets too big) it leaves as it came: the tc program behind it does the same with the help
 * of the stack.
 */
#include "bpf/lib/ctx_xdp.h"

/* Whether bpf_redirect() gets there: a driver without XDP would drop the packet without a word. */
static __always_inline int hdl_xdp_sends(const struct xdp_md *ctx, __u32 ifindex)
{
	const struct hdl_edge_interface *interface;

	if (ifindex == ctx->ingress_ifindex)
		return 1;
	interface = bpf_map_lookup_elem(&edge_interface, &ifindex);
	return interface && (interface->flags & HDL_EDGE_INTERFACE_XDP);
}

/* Looks the next hop up and stores it with the record, so that most packets need no look-up. 0, or -1: leave it to tc. */
static __always_inline int hdl_xdp_find_hop(struct xdp_md *ctx, struct hdl_edge *at, __u64 now_ns)
{
	struct bpf_fib_lookup fib = { .ifindex = ctx->ingress_ifindex };
	struct hdl_edge_record *record = &at->record;
	const struct hdl_packet *packet = &at->packet;

	fib.l4_protocol = packet->protocol;
	fib.sport = record->source_port;
	fib.dport = record->destination_port;
	fib.tot_len = (__u16)packet->length;
	if (packet->family == HDL_FAMILY_V4) {
		fib.family = HDL_AF_INET;
		fib.ipv4_src = record->source.word[3];
		fib.ipv4_dst = record->destination.word[3];
	} else {
		fib.family = HDL_AF_INET6;
		__builtin_memcpy(fib.ipv6_src, &record->source, sizeof(fib.ipv6_src));
		__builtin_memcpy(fib.ipv6_dst, &record->destination, sizeof(fib.ipv6_dst));
	}
	if (bpf_fib_lookup(ctx, &fib, sizeof(fib), 0) != BPF_FIB_LKUP_RET_SUCCESS)
		return -1;
	record->hop_ifindex = hdl_xdp_sends(ctx, fib.ifindex) ? fib.ifindex : 0;
	record->hop_mtu = fib.mtu_result;
	__builtin_memcpy(record->hop_destination, fib.dmac, ETH_ALEN);
	__builtin_memcpy(record->hop_source, fib.smac, ETH_ALEN);
	record->hop_ns = now_ns;
	(void)bpf_map_update_elem(&edge_flow, &at->key, record, BPF_EXIST);
	return 0;
}

static __always_inline int hdl_xdp_forward(struct xdp_md *ctx, struct hdl_edge *at)
{
	__u64 now_ns = bpf_ktime_get_coarse_ns();

	if (at->record.flags & HDL_EDGE_LOCAL) {
		hdl_edge_see(at, now_ns);
		return hdl_xdp_rewrite(ctx, &at->packet, &at->record) ? XDP_DROP : XDP_PASS;
	}
	if ((now_ns > at->record.hop_ns + HDL_EDGE_HOP_NS || at->packet.length > at->record.hop_mtu) &&
	    hdl_xdp_find_hop(ctx, at, now_ns) != 0)
		return XDP_PASS;
	if (at->record.hop_ifindex == 0 || hdl_xdp_hop(ctx, &at->packet) != 0)
		return XDP_PASS;
	hdl_edge_see(at, now_ns);
	if (hdl_xdp_rewrite(ctx, &at->packet, &at->record) != 0 || hdl_xdp_macs(ctx, &at->record) != 0)
		return XDP_DROP;
	if (at->record.hop_ifindex == ctx->ingress_ifindex)
		return XDP_TX;
	return (int)bpf_redirect(at->record.hop_ifindex, 0);
}

SEC("xdp")
int hdl_xdp_edge(struct xdp_md *ctx)
{
	struct hdl_edge *at = hdl_edge_work();

	if (!at || hdl_xdp_parse(ctx, &at->packet) != 0)
		return XDP_PASS;
	at->ifindex = ctx->ingress_ifindex;
	switch (hdl_edge_decide(at)) {
	case HDL_EDGE_TRANSLATE:
		return hdl_xdp_forward(ctx, at);
	case HDL_EDGE_DROP:
		return XDP_DROP;
	default:
		/* a refusal is an answer, which tc makes */
		return XDP_PASS;
	}
}

char hdl_license[] SEC("license") = "Dual BSD/GPL";
