/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Between struct __sk_buff and a packet: headers in, socket and mark out. */
#ifndef HDL_BPF_CTX_TC_H
#define HDL_BPF_CTX_TC_H

#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include "bpf/lib/ctx_sock.h"
#include "bpf/lib/parse.h"
#include "bpf/lib/tables.h"
#include "heddle/abi_flow.h"

/* Map `work`: of the packet at hand. tc programs do not interrupt each other on one CPU. */
struct hdl_tc_work {
	struct hdl_packet packet;
	struct hdl_packet inner; /* that an ICMP error quotes */
	struct hdl_flow_key key; /* of the flow in `flow` */
	struct hdl_flow_record record;
	struct hdl_flow flow; /* for the balancer */
	__u32 service;        /* id that decided */
	__u64 epoch;          /* of the decision */
};

_Static_assert(sizeof(struct hdl_tc_work) <= sizeof(struct hdl_work), "map `work` is too small");

HDL_CORE struct hdl_tc_work *hdl_tc_work(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&work, &zero);
}

/*
 * Global functions: the verifier walks each once, instead of all that follows for each way through it. In one they took
 * a quarter of a million instructions, two walks of extension headers behind each other.
 */
__weak __noinline int hdl_tc_parse_linear(struct __sk_buff *skb)
{
	struct hdl_cursor cursor = { .at = (void *)(long)skb->data, .end = (void *)(long)skb->data_end };
	struct hdl_tc_work *to = hdl_tc_work();

	return to ? hdl_parse_head(&cursor, skb->len, &to->packet) : HDL_PARSE_OTHER;
}

/* The ICMP message at the packet's transport offset. */
__weak __noinline int hdl_tc_parse_quoted(struct __sk_buff *skb)
{
	struct hdl_cursor cursor = { .at = (void *)(long)skb->data, .end = (void *)(long)skb->data_end };
	struct hdl_tc_work *to = hdl_tc_work();

	if (!to || to->packet.transport > HDL_PARSE_MAX)
		return HDL_PARSE_OTHER;
	hdl_parse_advance(&cursor, to->packet.transport);
	return hdl_parse_error(&cursor, &to->packet, &to->inner);
}

HDL_CORE int hdl_tc_parse_whole(struct __sk_buff *skb)
{
	int result = hdl_tc_parse_linear(skb);

	return result == HDL_PARSE_QUOTE ? hdl_tc_parse_quoted(skb) : result;
}

/* 0 when this is a packet that we can read; it is in `work`. Headers outside of the linear part are pulled. */
HDL_CORE int hdl_tc_parse(struct __sk_buff *skb)
{
	__u32 length = skb->len < HDL_PARSE_MAX ? skb->len : HDL_PARSE_MAX;
	int result;

	if (skb->vlan_present)
		return HDL_PARSE_OTHER;
	result = hdl_tc_parse_whole(skb);
	if (result == HDL_PARSE_SHORT && (__u32)(skb->data_end - skb->data) < length &&
	    bpf_skb_pull_data(skb, length) == 0)
		result = hdl_tc_parse_whole(skb);
	return result;
}

/* The socket of the packet's own connection in this network namespace, with a reference; NULL = none. */
HDL_CORE struct bpf_sock *hdl_tc_socket(struct __sk_buff *skb, const struct hdl_packet *packet)
{
	struct bpf_sock_tuple tuple = {};

	if (packet->family == HDL_FAMILY_V4) {
		tuple.ipv4.saddr = packet->source.word[3];
		tuple.ipv4.daddr = packet->destination.word[3];
		tuple.ipv4.sport = packet->source_port;
		tuple.ipv4.dport = packet->destination_port;
		return bpf_skc_lookup_tcp(skb, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
	}
	__builtin_memcpy(tuple.ipv6.saddr, &packet->source, sizeof(tuple.ipv6.saddr));
	__builtin_memcpy(tuple.ipv6.daddr, &packet->destination, sizeof(tuple.ipv6.daddr));
	tuple.ipv6.sport = packet->source_port;
	tuple.ipv6.dport = packet->destination_port;
	return bpf_skc_lookup_tcp(skb, &tuple, sizeof(tuple.ipv6), BPF_F_CURRENT_NETNS, 0);
}

/* The mark by which the routing rule delivers a punted packet to this host, whatever its destination address. */
HDL_CORE void hdl_tc_mark(struct __sk_buff *skb, const struct hdl_state *state)
{
	skb->mark = (skb->mark & ~state->packet_mask) | (state->packet_mark & state->packet_mask);
}

#endif
