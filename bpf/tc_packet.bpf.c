// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * The packet path, for clients whose sockets the cgroup hooks do not see: on the host side of a pod's interface,
 * hdl_tc_packet translates what the pod sends to services, hdl_tc_reply what comes back. Between the two, everybody else
 * (routing, conntrack and rules of the host, network policies) sees the endpoint's address in both directions.
 */
#include <linux/if_packet.h>
#include "bpf/lib/packet.h"
#include "bpf/lib/refuse.h"
#include "bpf/lib/rewrite.h"

/* No action yet: of no flow, or translated. */
#define HDL_TC_GO_ON (-2)
#define HDL_TC_TRANSLATED (-3)

/* The endpoint is still the one for which the record was made. */
static __always_inline int hdl_tc_endpoint_is_there(const struct hdl_flow_record *record)
{
	const struct hdl_health *of_endpoint = hdl_tables_health(NULL, record->endpoint);

	return of_endpoint && *(const volatile __u32 *)&of_endpoint->generation == record->generation;
}

/* Whether a record still decides. A connection keeps its endpoint to the end; what begins anew may need another. */
static __always_inline int hdl_tc_is_current(const struct hdl_tc_work *at)
{
	const struct hdl_flow_record *record = &at->record;

	if (at->packet.kind == HDL_PACKET_LATER || (record->flags & HDL_FLOW_ANSWERS))
		return 1;
	if (at->packet.protocol == IPPROTO_TCP && (!hdl_packet_is_syn(&at->packet)))
		return 1;
	if (record->state >= HDL_FLOW_CLOSING)
		return 0;
	return !hdl_flow_over(record, at->packet.protocol, bpf_ktime_get_coarse_ns()) &&
	       hdl_tc_endpoint_is_there(record);
}

/*
 * Straight into a pod of this node (acceleration.redirect: peer), past the stack of the host. Only whole packets that
 * fit; anything else, and pods that are not in the map, take the way through the stack.
 */
static __always_inline int hdl_tc_deliver(struct __sk_buff *skb, const struct hdl_packet *packet,
					  const struct hdl_addr *to)
{
	const struct hdl_local_pod *pod = bpf_map_lookup_elem(&local_pod, to);
	struct hdl_local_pod copy;

	if (!pod || packet->kind != HDL_PACKET_WHOLE)
		return TC_ACT_UNSPEC;
	copy = *pod;
	asm volatile("" : : : "memory");
	if (!hdl_addr_equal(&copy.address, to) || (skb->gso_size == 0 && skb->len > copy.mtu + ETH_HLEN))
		return TC_ACT_UNSPEC;
	if (bpf_skb_store_bytes(skb, 0, copy.pod_mac, 12, 0) != 0)
		return TC_ACT_SHOT;
	/* below a bridge it is for the bridge's address, which the interface takes for somebody else's; so would the pod */
	if (skb->pkt_type != PACKET_HOST && bpf_skb_change_type(skb, PACKET_HOST) != 0)
		return TC_ACT_SHOT;
	return (int)bpf_redirect_peer(copy.ifindex, 0);
}

/* Back to the pod from which it comes, which is the endpoint: the two addresses change places. An action. */
static __noinline int hdl_tc_turn(struct __sk_buff *skb)
{
	struct hdl_tc_work *at = hdl_tc_work();
	struct hdl_flow_record other = {};

	if (!at)
		return TC_ACT_SHOT;
	other.address = at->packet.destination;
	other.port = at->record.client_port;
	other.client_port = at->record.port;
	if (hdl_rewrite(skb, &at->packet, &at->record, 1) != 0)
		return TC_ACT_SHOT;
	at->packet.destination = at->record.address;
	at->packet.source_port = other.port;
	at->packet.destination_port = other.client_port;
	if (hdl_rewrite(skb, &at->packet, &other, 0) != 0 || hdl_refuse_swap_macs(skb) != 0)
		return TC_ACT_SHOT;
	hdl_flow_see(skb, at);
	return (int)bpf_redirect(skb->ifindex, 0);
}

/* Translates by work->record; side 1: the destination. An action, or HDL_TC_TRANSLATED. */
static __always_inline int hdl_tc_translate(struct __sk_buff *skb, struct hdl_tc_work *at, int side)
{
	if (at->packet.kind == HDL_PACKET_FIRST)
		hdl_flow_remember(&at->packet);
	if (at->record.flags & HDL_FLOW_HAIRPIN)
		return hdl_tc_turn(skb);
	if (hdl_rewrite(skb, &at->packet, &at->record, side) != 0)
		return TC_ACT_SHOT;
	hdl_flow_see(skb, at);
	return HDL_TC_TRANSLATED;
}

/* An error about a packet of a hairpin, by the pod that got it: back to the same pod, which sent it. An action. */
static __noinline int hdl_tc_turn_error(struct __sk_buff *skb)
{
	struct hdl_tc_work *at = hdl_tc_work();
	struct hdl_flow_record other = {};
	__u32 sum = 0;

	if (!at)
		return TC_ACT_SHOT;
	/* by someone behind the pod, with an address of his own: nothing depends on it */
	if (!hdl_addr_equal(&at->packet.source, &at->inner.destination) ||
	    !hdl_addr_equal(&at->packet.destination, &at->inner.source))
		return TC_ACT_UNSPEC;
	other.address = at->packet.destination;
	other.port = at->record.client_port;
	other.client_port = at->record.port;
	if (hdl_rewrite_quoted(skb, &at->inner, &at->record, 0, &sum) != 0)
		return TC_ACT_SHOT;
	at->inner.source = at->record.address;
	at->inner.source_port = other.client_port;
	at->inner.destination_port = other.port;
	if (hdl_rewrite_quoted(skb, &at->inner, &other, 1, &sum) != 0 ||
	    bpf_l4_csum_replace(skb, at->packet.transport + HDL_ICMP_CHECK, 0, sum, 0) != 0)
		return TC_ACT_SHOT;
	if (hdl_refuse_swap_addresses(skb, &at->packet) != 0 || hdl_refuse_swap_macs(skb) != 0)
		return TC_ACT_SHOT;
	return (int)bpf_redirect(skb->ifindex, 0);
}

/* An error about a packet that was translated: its quote too. */
static __always_inline int hdl_tc_error(struct __sk_buff *skb, struct hdl_tc_work *at, __u8 direction)
{
	at->key.source = at->inner.destination;
	at->key.destination = at->inner.source;
	at->key.source_port = at->inner.destination_port;
	at->key.destination_port = at->inner.source_port;
	at->key.protocol = at->inner.protocol;
	at->key.direction = direction;
	at->key.padding = 0;
	if (!hdl_flow_find(&at->key, &at->record))
		return TC_ACT_UNSPEC;
	if (at->record.flags & HDL_FLOW_HAIRPIN)
		return hdl_tc_turn_error(skb);
	return hdl_rewrite_error(skb, &at->packet, &at->inner, &at->record, direction) ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

/* What goes back to the client at hand. An action, HDL_TC_TRANSLATED, or HDL_TC_GO_ON: it is of no flow. */
static __always_inline int hdl_tc_back(struct __sk_buff *skb, struct hdl_tc_work *at)
{
	if (at->packet.kind == HDL_PACKET_ERROR)
		return hdl_tc_error(skb, at, HDL_FLOW_REPLY);
	if (at->packet.kind == HDL_PACKET_LATER && hdl_flow_recall(&at->packet) != 0)
		return TC_ACT_UNSPEC;
	hdl_flow_key_of(&at->packet, HDL_FLOW_REPLY, &at->key);
	if (!hdl_flow_find(&at->key, &at->record))
		return HDL_TC_GO_ON;
	return hdl_tc_translate(skb, at, 0);
}

/* From a pod to a service, or anywhere. An action, HDL_TC_TRANSLATED, or HDL_TC_GO_ON. local: to a pod of this node. */
static __always_inline int hdl_tc_forth(struct __sk_buff *skb, struct hdl_tc_work *at, int local)
{
	int outcome;

	if (at->packet.kind == HDL_PACKET_ERROR)
		return hdl_tc_error(skb, at, HDL_FLOW_FORWARD);
	if (at->packet.kind == HDL_PACKET_LATER && hdl_flow_recall(&at->packet) != 0)
		return TC_ACT_UNSPEC;
	hdl_flow_key_of(&at->packet, HDL_FLOW_FORWARD, &at->key);
	if (hdl_flow_find(&at->key, &at->record) && hdl_tc_is_current(at))
		return hdl_tc_translate(skb, at, 1);
	if (at->packet.kind == HDL_PACKET_LATER)
		return TC_ACT_UNSPEC;
	/* the address of a pod is no service: only a beginning has to be looked at */
	if (local && at->packet.protocol == IPPROTO_TCP && !hdl_packet_is_syn(&at->packet))
		return HDL_TC_GO_ON;
	outcome = hdl_packet_decide(skb);
	if (outcome == HDL_PACKET_DIRECT)
		outcome = hdl_packet_direct(skb);
	else if (outcome == HDL_PACKET_TRANSLATE)
		outcome = hdl_packet_keep(skb);
	switch (outcome) {
	case HDL_PACKET_ASSIGN:
		return TC_ACT_OK;
	case HDL_PACKET_REFUSE:
		return hdl_refuse_packet(skb);
	case HDL_PACKET_TRANSLATE:
		return hdl_tc_translate(skb, at, 1);
	default:
		return HDL_TC_GO_ON;
	}
}

SEC("tc")
int hdl_tc_packet(struct __sk_buff *skb)
{
	const struct hdl_state *state = hdl_state();
	struct hdl_tc_work *at = hdl_tc_work();
	int redirect, local, action;

	if (!state || !at || hdl_tc_parse(skb) != 0)
		return TC_ACT_UNSPEC;
	redirect = *(const volatile __u32 *)&state->flags & HDL_STATE_REDIRECT;
	local = redirect && at->packet.kind == HDL_PACKET_WHOLE &&
		bpf_map_lookup_elem(&local_pod, &at->packet.destination) != NULL;
	/* a reply is translated here, since the program at the other end will not see it */
	action = local ? hdl_tc_back(skb, at) : HDL_TC_GO_ON;
	if (action == HDL_TC_TRANSLATED)
		return hdl_tc_deliver(skb, &at->packet, &at->packet.destination);
	if (action == HDL_TC_GO_ON)
		action = hdl_tc_forth(skb, at, local);
	if (action == HDL_TC_TRANSLATED)
		return redirect ? hdl_tc_deliver(skb, &at->packet, &at->record.address) : TC_ACT_UNSPEC;
	if (action == HDL_TC_GO_ON)
		return local ? hdl_tc_deliver(skb, &at->packet, &at->packet.destination) : TC_ACT_UNSPEC;
	return action;
}

SEC("tc")
int hdl_tc_reply(struct __sk_buff *skb)
{
	struct hdl_tc_work *at = hdl_tc_work();
	int action;

	if (!at || hdl_tc_parse(skb) != 0)
		return TC_ACT_UNSPEC;
	action = hdl_tc_back(skb, at);
	return action == TC_ACT_SHOT ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

char hdl_license[] SEC("license") = "Dual BSD/GPL";
