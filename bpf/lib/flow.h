/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Conntrack of the packet path: records of both directions, their states and times. */
#ifndef HDL_BPF_FLOW_H
#define HDL_BPF_FLOW_H

#include "bpf/lib/ctx_tc.h"
#include "bpf/lib/flow_life.h"

#define HDL_FLOW_PORT_FIRST 32768
#define HDL_FLOW_PORTS 28232

HDL_CORE int hdl_flow_over(const struct hdl_flow_record *record, __u8 protocol, __u64 now_ns)
{
	return now_ns > record->seen_ns + hdl_flow_life_ns(protocol, record->state);
}

/* The record in the map with a copy in *ret, or NULL. */
HDL_CORE struct hdl_flow_record *hdl_flow_find(const struct hdl_flow_key *key, struct hdl_flow_record *ret)
{
	struct hdl_flow_record *record = bpf_map_lookup_elem(&flow, key);

	if (!record)
		return NULL;
	*ret = *record;
	asm volatile("" : : : "memory");
	return *(const volatile __u32 *)&record->check == hdl_flow_check(key) ? record : NULL;
}

HDL_CORE void hdl_flow_key_of(const struct hdl_packet *packet, __u8 direction, struct hdl_flow_key *ret)
{
	ret->source = packet->source;
	ret->destination = packet->destination;
	ret->source_port = packet->source_port;
	ret->destination_port = packet->destination_port;
	ret->protocol = packet->protocol;
	ret->direction = direction;
	ret->padding = 0;
}

/* Which way packets of this record go, by enum hdl_flow_direction. */
HDL_CORE __u8 hdl_flow_way(const struct hdl_flow_key *key, const struct hdl_flow_record *record)
{
	if (record->flags & HDL_FLOW_HAIRPIN)
		return record->flags & HDL_FLOW_ANSWERS ? HDL_FLOW_REPLY : HDL_FLOW_FORWARD;
	return key->direction;
}

/* Key of the other direction's record, from a key and its record. */
HDL_CORE void hdl_flow_other(const struct hdl_flow_key *key, const struct hdl_flow_record *record,
			     struct hdl_flow_key *ret)
{
	if (key->direction == HDL_FLOW_FORWARD) {
		ret->source = record->address;
		ret->source_port = record->port;
		ret->destination = record->flags & HDL_FLOW_HAIRPIN ? key->destination : key->source;
		ret->destination_port = record->client_port;
	} else {
		ret->source = key->destination;
		ret->source_port = record->client_port;
		ret->destination = record->address;
		ret->destination_port = record->port;
	}
	ret->protocol = key->protocol;
	ret->direction = record->flags & HDL_FLOW_HAIRPIN ? HDL_FLOW_FORWARD : !key->direction;
	ret->padding = 0;
}

/* The other direction's record as it was made. */
HDL_CORE void hdl_flow_mirror(const struct hdl_flow_key *key, const struct hdl_flow_record *record,
			      const struct hdl_flow_key *other, struct hdl_flow_record *ret)
{
	*ret = *record;
	ret->check = hdl_flow_check(other);
	if (record->flags & HDL_FLOW_HAIRPIN) {
		ret->flags ^= HDL_FLOW_ANSWERS;
		ret->address = key->source;
		ret->port = key->source_port;
		ret->client_port = key->destination_port;
		return;
	}
	ret->address = key->direction == HDL_FLOW_FORWARD ? key->destination : key->source;
	ret->port = key->direction == HDL_FLOW_FORWARD ? key->destination_port : key->source_port;
	ret->client_port = key->direction == HDL_FLOW_FORWARD ? key->source_port : key->destination_port;
}

/*
 * Brings both records up to date: at every change of state, and now and then, so that neither direction is the least
 * recently used one while the other is at work. A record that went all the same is made anew. Works on work->key and
 * work->record (a copy), which has the new state.
 */
__weak __noinline int hdl_flow_store(struct __sk_buff *skb)
{
	struct hdl_tc_work *at = hdl_tc_work();
	struct hdl_flow_record *record, mirror;
	struct hdl_flow_key other;

	(void)skb;
	if (!at)
		return 0;
	at->record.seen_ns = bpf_ktime_get_coarse_ns();
	record = bpf_map_lookup_elem(&flow, &at->key);
	if (record && record->check == at->record.check) {
		record->state = at->record.state;
		record->fin = at->record.fin;
		record->seen_ns = at->record.seen_ns;
	}
	hdl_flow_other(&at->key, &at->record, &other);
	record = bpf_map_lookup_elem(&flow, &other);
	if (!record) {
		hdl_flow_mirror(&at->key, &at->record, &other, &mirror);
		return (int)bpf_map_update_elem(&flow, &other, &mirror, BPF_NOEXIST);
	}
	/* another flow may have the other record by now */
	if (record->check == hdl_flow_check(&other) && record->start_ns == at->record.start_ns) {
		record->state = at->record.state;
		record->fin = at->record.fin;
		record->seen_ns = at->record.seen_ns;
	}
	return 0;
}

/* After a packet of a flow: its state. Most packets change nothing. */
HDL_CORE void hdl_flow_see(struct __sk_buff *skb, struct hdl_tc_work *at)
{
	struct hdl_flow_record *record = &at->record;
	__u8 state = record->state, flags = at->packet.tcp_flags, way = hdl_flow_way(&at->key, record);

	if (at->packet.kind != HDL_PACKET_WHOLE && at->packet.kind != HDL_PACKET_FIRST)
		return;
	if (way == HDL_FLOW_REPLY && state == HDL_FLOW_NEW)
		state = HDL_FLOW_ESTABLISHED;
	if (at->packet.protocol == IPPROTO_TCP && (flags & (HDL_TCP_FIN | HDL_TCP_RST))) {
		if (flags & HDL_TCP_FIN)
			record->fin |= (__u8)(1 << way);
		state = (flags & HDL_TCP_RST) || record->fin == 3 ? HDL_FLOW_CLOSED : HDL_FLOW_CLOSING;
	}
	if (state == record->state && bpf_ktime_get_coarse_ns() < record->seen_ns + HDL_FLOW_TOUCH_NS)
		return;
	record->state = state;
	hdl_flow_store(skb);
}

/* Takes away what the former flow of the same tuple left at another endpoint. */
HDL_CORE void hdl_flow_forget_former(const struct hdl_flow_key *key)
{
	const struct hdl_flow_record *former = bpf_map_lookup_elem(&flow, key), *reply;
	struct hdl_flow_key other;
	__u64 start_ns;

	if (!former)
		return;
	start_ns = former->start_ns;
	hdl_flow_other(key, former, &other);
	reply = bpf_map_lookup_elem(&flow, &other);
	if (reply && reply->start_ns == start_ns)
		(void)bpf_map_delete_elem(&flow, &other);
}

/*
 * Makes the records of a new flow: work->packet goes to work->flow's endpoint. A tuple at the endpoint that another flow
 * of this client has is avoided by another source port. 0, or -1: there is no room.
 */
__weak __noinline int hdl_flow_make(struct __sk_buff *skb)
{
	struct hdl_tc_work *at = hdl_tc_work();
	struct hdl_flow_record *taken, mirror;
	struct hdl_flow_key other;
	__u64 now_ns = bpf_ktime_get_coarse_ns();
	int i;

	(void)skb;
	if (!at)
		return -1;
	hdl_flow_key_of(&at->packet, HDL_FLOW_FORWARD, &at->key);
	hdl_flow_forget_former(&at->key);
	at->record = (struct hdl_flow_record){
		.check = hdl_flow_check(&at->key),
		.address = at->flow.address,
		.port = at->flow.port,
		.client_port = at->packet.source_port,
		.flags = hdl_addr_equal(&at->flow.address, &at->packet.source) ? HDL_FLOW_HAIRPIN : 0,
		.service = at->service,
		.endpoint = at->flow.endpoint,
		.generation = at->flow.generation,
		.seen_ns = now_ns,
		.start_ns = bpf_ktime_get_ns(),
	};
	for (i = 0; i < HDL_FLOW_PORT_TRIES; i++) {
		if (i)
			at->record.client_port =
				bpf_htons(HDL_FLOW_PORT_FIRST + bpf_get_prandom_u32() % HDL_FLOW_PORTS);
		hdl_flow_other(&at->key, &at->record, &other);
		if (at->record.flags && other.source_port == at->key.source_port &&
		    other.destination_port == at->key.destination_port)
			continue; /* of a hairpin: both records would be one */
		hdl_flow_mirror(&at->key, &at->record, &other, &mirror);
		taken = bpf_map_lookup_elem(&flow, &other);
		if (!taken || hdl_flow_over(taken, at->key.protocol, now_ns) ||
		    (hdl_addr_equal(&taken->address, &mirror.address) && taken->port == mirror.port &&
		     taken->client_port == mirror.client_port))
			break;
	}
	if (i == HDL_FLOW_PORT_TRIES)
		return -1;
	if (bpf_map_update_elem(&flow, &other, &mirror, BPF_ANY) != 0 ||
	    bpf_map_update_elem(&flow, &at->key, &at->record, BPF_ANY) != 0)
		return -1;
	return 0;
}

/* --- pieces of datagrams --- */

HDL_CORE void hdl_flow_fragment_key(const struct hdl_packet *packet, struct hdl_fragment_key *ret)
{
	ret->source = packet->source;
	ret->destination = packet->destination;
	ret->id = packet->fragment_id;
	ret->protocol = packet->family == HDL_FAMILY_V4 ? packet->protocol : 0;
}

HDL_CORE __u32 hdl_flow_fragment_check(const struct hdl_fragment_key *key)
{
	struct hdl_flow_key as = { .source = key->source, .destination = key->destination };

	as.source_port = (__be16)key->id;
	as.destination_port = (__be16)(key->id >> 16);
	as.protocol = (__u8)key->protocol;
	return hdl_flow_check(&as);
}

/* Before the first piece is translated: the others will be known by it. */
HDL_CORE void hdl_flow_remember(const struct hdl_packet *packet)
{
	struct hdl_fragment_key key;
	struct hdl_fragment value = {
		.source_port = packet->source_port,
		.destination_port = packet->destination_port,
		.protocol = packet->protocol,
	};

	hdl_flow_fragment_key(packet, &key);
	value.check = hdl_flow_fragment_check(&key);
	(void)bpf_map_update_elem(&fragment, &key, &value, BPF_ANY);
}

/* The ports of a later piece, from the first. 0, or -1: it did not come by, or too long ago. */
HDL_CORE int hdl_flow_recall(struct hdl_packet *packet)
{
	const struct hdl_fragment *value;
	struct hdl_fragment_key key;
	struct hdl_fragment copy;

	hdl_flow_fragment_key(packet, &key);
	value = bpf_map_lookup_elem(&fragment, &key);
	if (!value)
		return -1;
	copy = *value;
	asm volatile("" : : : "memory");
	if (copy.check != hdl_flow_fragment_check(&key))
		return -1;
	packet->source_port = copy.source_port;
	packet->destination_port = copy.destination_port;
	packet->protocol = copy.protocol;
	return 0;
}

#endif
