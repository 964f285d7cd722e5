/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The packet path's decision about the first packet of a flow: who sends it, which service record counts, where it goes. */
#ifndef HDL_BPF_PACKET_H
#define HDL_BPF_PACKET_H

#define HDL_PACKETS /* verdict.h */

#include "bpf/lib/address.h"
#include "bpf/lib/assign.h"
#include "bpf/lib/balance.h"
#include "bpf/lib/charge.h"
#include "bpf/lib/flow.h"
#include "bpf/lib/verdict.h"

#define HDL_PACKET_PORT_DNS 53
#define HDL_PACKET_PORT_EPHEMERAL 32768 /* below: a port of its own, so a server that answers */

enum hdl_packet_outcome {
	HDL_PACKET_LEAVE,     /* as it is */
	HDL_PACKET_ASSIGN,    /* it has its socket */
	HDL_PACKET_TRANSLATE, /* work->record says how */
	HDL_PACKET_REFUSE,
	HDL_PACKET_DIRECT, /* the beginning of a flow that is none of ours: hdl_packet_direct() */
};

HDL_CORE int hdl_packet_is_syn(const struct hdl_packet *packet)
{
	return packet->protocol == IPPROTO_TCP &&
	       (packet->tcp_flags & (HDL_TCP_SYN | HDL_TCP_ACK | HDL_TCP_RST)) == HDL_TCP_SYN;
}

/* Who is behind the interface, once: the same record as for sockets of that network namespace. */
HDL_CORE void hdl_packet_who(struct __sk_buff *skb, struct hdl_flow *from)
{
	__u32 ifindex = skb->ifindex;
	const __u64 *cookie = bpf_map_lookup_elem(&interface, &ifindex);

	if (from->known)
		return;
	from->known = 1;
	from->host = 0;
	hdl_sock_client(cookie ? *(const volatile __u64 *)cookie : 0, &from->client);
}

HDL_CORE int hdl_packet_tombstone(const struct hdl_service_version *version)
{
	return !version || (version->label == HDL_LABEL_NONE && !(version->flags & HDL_SERVICE_HIDDEN));
}

/* The record that decides for this client, NULL when there is none. known: some record has this address. */
HDL_CORE const struct hdl_service_version *hdl_packet_find(struct __sk_buff *skb, struct hdl_flow *from,
							   const struct hdl_state *state, struct hdl_found *found,
							   int *ret_known)
{
	const struct hdl_service_version *version, *own;
	struct hdl_vip_key key = from->key;
	__u16 port = bpf_ntohs(key.port);

	version = hdl_lookup_service(state, &key, found);
	*ret_known = found->service != 0;
	if (hdl_packet_tombstone(version) && port >= state->node_port_first && port <= state->node_port_last &&
	    bpf_map_lookup_elem(&node_address, &key.address)) {
		__builtin_memset(&key.address, 0, sizeof(key.address));
		version = hdl_lookup_service(state, &key, found);
		*ret_known |= found->service != 0;
	}
	if (version && (version->flags & HDL_SERVICE_CLASSES)) {
		hdl_packet_who(skb, from);
		own = hdl_lookup_class(&key, &from->client, found);
		if (!hdl_packet_tombstone(own))
			version = own;
	}
	return version && version->label != HDL_LABEL_NONE ? version : NULL;
}

/* REGISTRY_ONLY, with the same exceptions as for sockets (bpf/lib/decide.h). */
HDL_CORE int hdl_packet_denied(struct __sk_buff *skb, const struct hdl_packet *packet, struct hdl_flow *from,
			       const struct hdl_state *state, __u64 epoch)
{
	const struct hdl_addr *address = &packet->destination;
	const struct hdl_client_version *who;

	if (!(state->flags & HDL_STATE_REGISTRY_ONLY))
		return 0;
	if (hdl_addr_is_group(address) || packet->destination_port == bpf_htons(HDL_PACKET_PORT_DNS))
		return 0;
	if (packet->protocol == IPPROTO_UDP && bpf_ntohs(packet->source_port) < HDL_PACKET_PORT_EPHEMERAL)
		return 0;
	hdl_packet_who(skb, from);
	if (from->client.cookie == 0 || hdl_addr_equal(address, &from->client.address[HDL_FAMILY_V4]) ||
	    hdl_addr_equal(address, &from->client.address[HDL_FAMILY_V6]))
		return 0;
	who = hdl_lookup_client(&from->client, epoch);
	return who && (who->flags & HDL_CLIENT_REGISTRY_ONLY) && !bpf_map_lookup_elem(&node_address, address) &&
	       !hdl_lookup_known_port(&from->key, &from->client, epoch);
}

/*
 * The beginning of a flow that is none of ours. When it goes to an endpoint from the very port that a translated flow of
 * this client has there, answers of the two could not be told apart: a flow that is over gives way, beside one that
 * lives the new one gets another source port.
 */
__weak __noinline int hdl_packet_direct(struct __sk_buff *skb)
{
	struct hdl_tc_work *at = hdl_tc_work();
	const struct hdl_flow_record *taken;
	struct hdl_flow_key other = { .direction = HDL_FLOW_REPLY };

	if (!at)
		return HDL_PACKET_LEAVE;
	other.source = at->packet.destination;
	other.destination = at->packet.source;
	other.source_port = at->packet.destination_port;
	other.destination_port = at->packet.source_port;
	other.protocol = at->packet.protocol;
	taken = bpf_map_lookup_elem(&flow, &other);
	if (!taken)
		return HDL_PACKET_LEAVE;
	if (taken->state == HDL_FLOW_CLOSED || hdl_flow_over(taken, other.protocol, bpf_ktime_get_coarse_ns())) {
		(void)bpf_map_delete_elem(&flow, &other);
		return HDL_PACKET_LEAVE;
	}
	at->flow.address = at->packet.destination;
	at->flow.port = at->packet.destination_port;
	at->flow.endpoint = HDL_ENDPOINT_NONE;
	at->flow.generation = 0;
	at->service = 0;
	return hdl_flow_make(skb) == 0 ? HDL_PACKET_TRANSLATE : HDL_PACKET_LEAVE;
}

/* Balances work->flow. */
HDL_CORE int hdl_packet_balance(struct hdl_tc_work *at, const struct hdl_service_version *version,
				const struct hdl_found *found)
{
	struct hdl_addr bound = at->packet.source;
	int outcome = hdl_balance_flow(&at->flow, version, found->epoch, &bound);

	/* a record may be pushed out without a word: what it held would be held for ever */
	if (at->flow.charged & HDL_CHARGED_CLUSTER)
		hdl_uncharge_cluster(at->flow.cluster, at->flow.cluster_generation);
	if (outcome == HDL_VERDICT_PASS)
		return HDL_PACKET_DIRECT;
	if (outcome != HDL_VERDICT_BALANCED) {
		hdl_verdict(&at->flow, found, outcome);
		return HDL_PACKET_REFUSE;
	}
	at->service = found->service;
	at->epoch = found->epoch;
	return HDL_PACKET_TRANSLATE;
}

/* After a decision to translate: the records. Not part of it, since the stack would not suffice for both. */
__weak __noinline int hdl_packet_keep(struct __sk_buff *skb)
{
	struct hdl_tc_work *at = hdl_tc_work();
	struct hdl_found found = {};

	if (!at)
		return HDL_PACKET_LEAVE;
	found.service = at->service;
	found.epoch = at->epoch;
	if (hdl_flow_make(skb) != 0) {
		hdl_verdict(&at->flow, &found, HDL_VERDICT_NO_STORAGE);
		return HDL_PACKET_REFUSE;
	}
	hdl_verdict(&at->flow, &found, at->flow.verdict);
	return HDL_PACKET_TRANSLATE;
}

/* A service port that needs requests: an enum hdl_packet_outcome; TRANSLATE: it is to be balanced. */
HDL_CORE int hdl_packet_request(struct __sk_buff *skb, struct hdl_tc_work *at, const struct hdl_state *state,
				const struct hdl_service_version *version, const struct hdl_found *found)
{
	if (at->flow.alive && hdl_assign_listener(skb, &at->packet, state)) {
		hdl_tc_mark(skb, state);
		hdl_verdict(&at->flow, found, HDL_VERDICT_PUNTED);
		return HDL_PACKET_ASSIGN;
	}
	at->flow.verdict = HDL_VERDICT_FAILED_OPEN;
	if (version->fail_mode != HDL_FAIL_CLOSED)
		return HDL_PACKET_TRANSLATE;
	hdl_verdict(&at->flow, found, HDL_VERDICT_FAILED_CLOSED);
	return HDL_PACKET_REFUSE;
}

/* The packet at hand as the beginning of a flow. */
HDL_CORE void hdl_packet_begin(struct hdl_tc_work *at)
{
	__builtin_memset(&at->flow, 0, sizeof(at->flow));
	at->flow.key.address = at->packet.destination;
	at->flow.key.port = at->packet.destination_port;
	at->flow.key.protocol = at->packet.protocol;
	at->flow.family = at->packet.family;
	at->flow.verdict = HDL_VERDICT_BALANCED;
}

/* What becomes of work->packet, which belongs to no flow: enum hdl_packet_outcome. */
__weak __noinline int hdl_packet_decide(struct __sk_buff *skb)
{
	struct hdl_tc_work *at = hdl_tc_work();
	const struct hdl_state *state = hdl_state();
	const struct hdl_service_version *version;
	struct hdl_found found = {};
	int known, first, outcome;

	if (!at || !state)
		return HDL_PACKET_LEAVE;
	hdl_packet_begin(at);
	version = hdl_packet_find(skb, &at->flow, state, &found, &known);
	/* First: a connection keeps the label with which it began. */
	if (known && at->packet.protocol == IPPROTO_TCP && hdl_assign_connection(skb, &at->packet)) {
		hdl_tc_mark(skb, state);
		return HDL_PACKET_ASSIGN;
	}
	first = at->packet.protocol == IPPROTO_UDP || hdl_packet_is_syn(&at->packet);
	if (!version) {
		if (!first)
			return HDL_PACKET_LEAVE;
		if (!hdl_packet_denied(skb, &at->packet, &at->flow, state, found.epoch))
			return HDL_PACKET_DIRECT;
		hdl_verdict(&at->flow, &found, HDL_VERDICT_REGISTRY_ONLY);
		return HDL_PACKET_REFUSE;
	}
	/* in the middle of a connection that we do not know: it is somebody else's, or lost its record */
	if (!first)
		return HDL_PACKET_LEAVE;
	if (version->label == HDL_LABEL_DIRECT)
		return HDL_PACKET_DIRECT;
	hdl_packet_who(skb, &at->flow);
	at->flow.now_ns = bpf_ktime_get_ns();
	at->flow.alive = (__u8)hdl_alive(state, at->flow.now_ns);
	if (version->label == HDL_LABEL_REQUEST && at->packet.protocol == IPPROTO_TCP) {
		outcome = hdl_packet_request(skb, at, state, version, &found);
		if (outcome != HDL_PACKET_TRANSLATE)
			return outcome;
	}
	return hdl_packet_balance(at, version, &found);
}

#endif
