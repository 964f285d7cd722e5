/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The edge's decision, the same for XDP and tc: which connection a packet belongs to, where a new one goes. An endpoint
 * is chosen by a hash of the tuple and by tables that are the same on every node, so that it matters little to which
 * node a router sends a packet.
 */
#ifndef HDL_BPF_EDGE_H
#define HDL_BPF_EDGE_H

#include "bpf/lib/flow_life.h"
#include "bpf/lib/lookup.h"
#include "bpf/lib/parse.h"
#include "heddle/abi_edge.h"
#include "heddle/core/pick.h"

enum hdl_edge_outcome {
	HDL_EDGE_LEAVE,     /* none of the edge's */
	HDL_EDGE_TRANSLATE, /* as at->record says */
	HDL_EDGE_DROP,      /* counted */
	HDL_EDGE_REFUSE,    /* counted; the client is to be told */
};

/* A packet at the edge. */
struct hdl_edge {
	struct hdl_packet packet;
	struct hdl_flow_key key;
	struct hdl_edge_record record;
	__u32 ifindex; /* by which it came */
	__u32 index;   /* scratch: of the table */
};

_Static_assert(sizeof(struct hdl_edge) <= sizeof(struct hdl_work), "map `work` is too small");

/* XDP and tc programs do not interrupt each other on one CPU. */
HDL_CORE struct hdl_edge *hdl_edge_work(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&work, &zero);
}

HDL_CORE __u64 hdl_edge_tuple_hash(const struct hdl_packet *packet, int source_only)
{
	__u64 ports = source_only ? 0 : (__u64)packet->source_port << 16 | packet->destination_port;
	__u64 mixed = hdl_core_draw(packet->source.half[0] ^ packet->source.half[1], 0);

	if (!source_only)
		mixed ^= packet->destination.half[0] ^ packet->destination.half[1];
	return hdl_core_draw(mixed ^ ports << 8 ^ packet->protocol, 1);
}

HDL_CORE int hdl_edge_is_syn(const struct hdl_packet *packet)
{
	return packet->protocol == IPPROTO_TCP &&
	       (packet->tcp_flags & (HDL_TCP_SYN | HDL_TCP_ACK | HDL_TCP_RST)) == HDL_TCP_SYN;
}

/*
 * Both directions have one key space, so that a packet takes one look-up: what clients send goes to addresses of
 * services, what endpoints send to ports of the node that no service and no socket has.
 */
HDL_CORE void hdl_edge_key_of(const struct hdl_packet *packet, struct hdl_flow_key *ret)
{
	ret->source = packet->source;
	ret->destination = packet->destination;
	ret->source_port = packet->source_port;
	ret->destination_port = packet->destination_port;
	ret->protocol = packet->protocol;
	ret->direction = 0;
	ret->padding = 0;
}

HDL_CORE __u8 hdl_edge_direction(const struct hdl_edge_record *record)
{
	return record->flags & HDL_EDGE_REPLY ? HDL_FLOW_REPLY : HDL_FLOW_FORWARD;
}

/* Copies the record of at->key. 1 = there is one. */
HDL_CORE int hdl_edge_find(struct hdl_edge *at)
{
	const struct hdl_edge_record *record = bpf_map_lookup_elem(&edge_flow, &at->key);

	if (!record)
		return 0;
	at->record = *record;
	asm volatile("" : : : "memory");
	return *(const volatile __u32 *)&record->check == at->record.check &&
	       at->record.check == hdl_flow_check(&at->key);
}

HDL_CORE int hdl_edge_over(const struct hdl_edge_record *record, __u8 protocol, __u64 now_ns)
{
	return now_ns > record->seen_ns + hdl_flow_life_ns(protocol, record->state);
}

/* Key of the other direction's record. */
HDL_CORE void hdl_edge_other(const struct hdl_flow_key *key, const struct hdl_edge_record *record,
			     struct hdl_flow_key *ret)
{
	ret->source = record->destination;
	ret->source_port = record->destination_port;
	ret->destination = record->source;
	ret->destination_port = record->source_port;
	ret->protocol = key->protocol;
	ret->direction = 0;
	ret->padding = 0;
}

/* The other direction's record: what leaves there is what comes here, turned round. Its next hop is not known. */
HDL_CORE void hdl_edge_mirror(const struct hdl_flow_key *key, const struct hdl_edge_record *record,
			      const struct hdl_flow_key *other, struct hdl_edge_record *ret)
{
	*ret = *record;
	ret->check = hdl_flow_check(other);
	ret->source = key->destination;
	ret->source_port = key->destination_port;
	ret->destination = key->source;
	ret->destination_port = key->source_port;
	ret->flags ^= HDL_EDGE_REPLY;
	ret->hop_ns = 0;
	ret->hop_mtu = 0;
}

/*
 * Brings both records up to date: at->record has the new state. A reply record that was pushed out comes back, unless
 * another connection has its tuple by now.
 */
__weak __noinline int hdl_edge_store(void)
{
	struct hdl_edge *at = hdl_edge_work();
	struct hdl_edge_record mirror;
	struct hdl_edge_record *former;
	struct hdl_flow_key other;

	if (!at)
		return 0;
	at->record.seen_ns = bpf_ktime_get_coarse_ns();
	if (bpf_map_update_elem(&edge_flow, &at->key, &at->record, BPF_ANY) != 0)
		return 0;
	hdl_edge_other(&at->key, &at->record, &other);
	hdl_edge_mirror(&at->key, &at->record, &other, &mirror);
	former = bpf_map_lookup_elem(&edge_flow, &other);
	if (former && former->start_ns == at->record.start_ns) {
		mirror.hop_ns = former->hop_ns;
		mirror.hop_ifindex = former->hop_ifindex;
		mirror.hop_mtu = former->hop_mtu;
		__builtin_memcpy(mirror.hop_destination, former->hop_destination, 12);
	} else if (former && !hdl_edge_over(former, other.protocol, at->record.seen_ns)) {
		return 0;
	}
	(void)bpf_map_update_elem(&edge_flow, &other, &mirror, BPF_ANY);
	return 0;
}

/* After a packet of a connection: its state. Most packets change nothing. */
HDL_CORE void hdl_edge_see(struct hdl_edge *at, __u64 now_ns)
{
	__u8 state = at->record.state, fin = at->record.fin, flags = at->packet.tcp_flags;
	__u8 direction = hdl_edge_direction(&at->record);

	if (direction == HDL_FLOW_REPLY && state == HDL_FLOW_NEW)
		state = HDL_FLOW_ESTABLISHED;
	if (at->packet.protocol == IPPROTO_TCP && (flags & (HDL_TCP_FIN | HDL_TCP_RST))) {
		if (flags & HDL_TCP_FIN)
			fin |= (__u8)(1 << direction);
		state = (flags & HDL_TCP_RST) || fin == 3 ? HDL_FLOW_CLOSED : HDL_FLOW_CLOSING;
	}
	if (state == at->record.state && fin == at->record.fin && now_ns < at->record.seen_ns + HDL_FLOW_TOUCH_NS)
		return;
	at->record.state = state;
	at->record.fin = fin;
	hdl_edge_store();
}

/* --- a new connection ---------------------------------------------------------------------------------------------- */

/* Takes a SYN out of the bucket of its source. 0 = it has none left. Two CPUs may both take the last one. */
HDL_CORE int hdl_edge_may_open(const struct hdl_packet *packet, const struct hdl_edge_interface *interface,
			       __u64 now_ns)
{
	__u64 most = (__u64)interface->syn_burst * 1000, add;
	struct hdl_edge_source *bucket, fresh = { .source = packet->source, .filled_ns = now_ns };

	if (interface->syn_rate == 0)
		return 1;
	bucket = bpf_map_lookup_elem(&edge_source, &packet->source);
	if (!bucket || !hdl_addr_equal(&bucket->source, &packet->source)) {
		fresh.tokens = most - 1000;
		return bpf_map_update_elem(&edge_source, &packet->source, &fresh, BPF_ANY) == 0;
	}
	/* a thousandth of a SYN takes a millionth of a second at 1,000 a second: no more than an hour is counted */
	add = now_ns - bucket->filled_ns;
	add = (add < 3600000000000ull ? add : 3600000000000ull) / 1000 * interface->syn_rate / 1000;
	fresh.tokens = bucket->tokens + add;
	if (fresh.tokens > most)
		fresh.tokens = most;
	if (fresh.tokens < 1000)
		return 0;
	bucket->tokens = fresh.tokens - 1000;
	if (add)
		bucket->filled_ns = now_ns;
	return 1;
}

/* The record of the service port that is dialled, as those without an identity see it. */
HDL_CORE const struct hdl_service_version *hdl_edge_service(const struct hdl_packet *packet,
							    const struct hdl_state *state, struct hdl_found *found)
{
	struct hdl_vip_key key = {
		.address = packet->destination,
		.port = packet->destination_port,
		.protocol = packet->protocol,
	};
	const struct hdl_service_version *version = hdl_lookup_service(state, &key, found);
	__u16 port = bpf_ntohs(key.port);

	if ((!version || version->label == HDL_LABEL_NONE) && port >= state->node_port_first &&
	    port <= state->node_port_last && bpf_map_lookup_elem(&node_address, &packet->destination)) {
		__builtin_memset(&key.address, 0, sizeof(key.address));
		version = hdl_lookup_service(state, &key, found);
	}
	return version && version->label != HDL_LABEL_NONE && (version->flags & HDL_SERVICE_EXTERNAL) ? version : NULL;
}

struct hdl_edge_search {
	struct hdl_range table;
	__u64 hash, now_ns;
	__u32 endpoint;
	__u32 local; /* only those on this node */
};

static int hdl_edge_probe(__u32 i, struct hdl_edge_search *search)
{
	const struct hdl_endpoint *chosen;
	const struct hdl_health *of_endpoint;
	__u32 endpoint;

	if (search->table.count == 0)
		return 1;
	if (hdl_tables_slot(NULL, search->table.offset + (__u32)((search->hash + i) % search->table.count),
			    &endpoint) != 0)
		return 1;
	of_endpoint = hdl_tables_health(NULL, endpoint);
	if (!of_endpoint)
		return 1;
	if (hdl_core_ejected(of_endpoint, search->now_ns))
		return 0;
	if (search->local) {
		chosen = hdl_tables_endpoint(NULL, endpoint);
		if (!chosen || !(chosen->flags & HDL_ENDPOINT_LOCAL))
			return 0;
	}
	search->endpoint = endpoint;
	return 1;
}

static int hdl_edge_probe_next(__u32 i, struct hdl_edge_search *search)
{
	return hdl_edge_probe(i + 1, search);
}

/*
 * Endpoint by the Maglev table of the edge, past ejected ones; HDL_ENDPOINT_NONE. A cluster of a service that is not
 * external itself, to which a rule of an external one leads, has no such table: of its members then.
 */
__weak __noinline __u32 hdl_edge_pick(const struct hdl_cluster_version *target, __u64 hash, __u32 family, __u32 local)
{
	struct hdl_edge_search search = { .hash = hash, .now_ns = bpf_ktime_get_ns() };
	__u32 *endpoint = &search.endpoint;

	if (!target)
		return HDL_ENDPOINT_NONE;
	search.table = family == HDL_FAMILY_V6 ? target->edge[HDL_FAMILY_V6] : target->edge[HDL_FAMILY_V4];
	if (search.table.count == 0) {
		search.table = family == HDL_FAMILY_V6 ? target->member[HDL_FAMILY_V6] : target->member[HDL_FAMILY_V4];
		search.local = local;
	}
	if (search.table.count == 0 || hdl_edge_probe(0, &search) != 0)
		return *(volatile __u32 *)endpoint;
	bpf_loop(search.table.count, (void *)hdl_edge_probe_next, &search, 0);
	return *(volatile __u32 *)endpoint;
}

/* Finds the tuple at the endpoint under which the connection goes on in the node's name. 0, or -1: all are taken. */
HDL_CORE int hdl_edge_port(struct hdl_edge *at, const struct hdl_edge_interface *interface, __u64 now_ns)
{
	__u32 first = interface->port_first, start = bpf_get_prandom_u32();
	__u32 count = (__u32)(interface->port_last - first + 1) & 0xffff, step = count / HDL_EDGE_PORT_TRIES + 1;
	const struct hdl_edge_record *taken;
	struct hdl_flow_key other;

	if (first == 0 || count == 0)
		return -1;
	for (__u32 i = 0; i < HDL_EDGE_PORT_TRIES; i++) {
		at->record.source_port = bpf_htons((__u16)(first + (start + i * step) % count));
		hdl_edge_other(&at->key, &at->record, &other);
		taken = bpf_map_lookup_elem(&edge_flow, &other);
		if (!taken || hdl_edge_over(taken, other.protocol, now_ns))
			return 0;
	}
	return -1;
}

/* Writes both records of the connection in at->key and at->record. 0, or -1: there is no room. */
HDL_CORE int hdl_edge_make(struct hdl_edge *at)
{
	struct hdl_edge_record mirror;
	struct hdl_flow_key other;

	hdl_edge_other(&at->key, &at->record, &other);
	hdl_edge_mirror(&at->key, &at->record, &other, &mirror);
	if (bpf_map_update_elem(&edge_flow, &other, &mirror, BPF_ANY) != 0)
		return -1;
	return bpf_map_update_elem(&edge_flow, &at->key, &at->record, BPF_ANY) ? -1 : 0;
}

/* Takes away the reply record of a connection that had the tuple before, and is over. */
HDL_CORE void hdl_edge_forget(const struct hdl_edge *at)
{
	const struct hdl_edge_record *reply;
	struct hdl_flow_key other;

	hdl_edge_other(&at->key, &at->record, &other);
	reply = bpf_map_lookup_elem(&edge_flow, &other);
	if (reply && reply->start_ns == at->record.start_ns)
		(void)bpf_map_delete_elem(&edge_flow, &other);
}

/* In whose name a connection goes on to another node: the node's address that was dialled, else the interface's. */
HDL_CORE struct hdl_addr hdl_edge_own_address(const struct hdl_packet *packet,
					      const struct hdl_edge_interface *interface)
{
	if (bpf_map_lookup_elem(&node_address, &packet->destination))
		return packet->destination;
	return packet->family == HDL_FAMILY_V6 ? interface->address[HDL_FAMILY_V6] : interface->address[HDL_FAMILY_V4];
}

/* Fills at->record for the endpoint and makes the records. enum hdl_edge_outcome. */
HDL_CORE int hdl_edge_lead(struct hdl_edge *at, __u32 id, const struct hdl_found *found,
			   const struct hdl_edge_interface *interface, __u64 now_ns)
{
	const struct hdl_endpoint *chosen = bpf_map_lookup_elem(&endpoint, &id);
	const struct hdl_packet *packet = &at->packet;

	if (!chosen || chosen->generation == 0) {
		hdl_count(HDL_VERDICT_STALE_RECORD);
		return HDL_EDGE_DROP;
	}
	__builtin_memset(&at->record, 0, sizeof(at->record));
	at->record.check = hdl_flow_check(&at->key);
	at->record.destination =
		packet->family == HDL_FAMILY_V6 ? chosen->address[HDL_FAMILY_V6] : chosen->address[HDL_FAMILY_V4];
	at->record.destination_port = chosen->port;
	at->record.service = found->service;
	at->record.endpoint = id;
	at->record.generation = chosen->generation;
	at->record.seen_ns = now_ns;
	at->record.start_ns = bpf_ktime_get_ns();
	if (chosen->flags & HDL_ENDPOINT_LOCAL) {
		at->record.flags = HDL_EDGE_LOCAL;
		at->record.source = packet->source;
		at->record.source_port = packet->source_port;
	} else {
		at->record.source = hdl_edge_own_address(packet, interface);
		if (hdl_addr_is_zero(&at->record.source)) {
			hdl_count(HDL_VERDICT_NO_FAMILY);
			hdl_count_service(found->service, HDL_VERDICT_NO_FAMILY);
			return HDL_EDGE_REFUSE;
		}
		if (hdl_edge_port(at, interface, now_ns) != 0) {
			hdl_count(HDL_VERDICT_EDGE_FULL);
			return HDL_EDGE_DROP;
		}
	}
	if (hdl_edge_make(at) != 0) {
		hdl_count(HDL_VERDICT_EDGE_FULL);
		return HDL_EDGE_DROP;
	}
	hdl_count(HDL_VERDICT_EDGE);
	return HDL_EDGE_TRANSLATE;
}

/* No service port: is the address one that only services have? Then nobody behind here would answer. */
HDL_CORE int hdl_edge_stray(const struct hdl_packet *packet)
{
	if (!bpf_map_lookup_elem(&edge_address, &packet->destination) ||
	    bpf_map_lookup_elem(&node_address, &packet->destination))
		return HDL_EDGE_LEAVE;
	hdl_count(HDL_VERDICT_EDGE_STRAY);
	return HDL_EDGE_DROP;
}

/*
 * The first packet of a connection, in the packet and key of `work`. enum hdl_edge_outcome. Global functions find `work`
 * by themselves: before 6.2 what a pointer argument points to cannot be the key of a map.
 */
__weak __noinline int hdl_edge_begin(void)
{
	struct hdl_edge *at = hdl_edge_work();
	const struct hdl_state *state = hdl_state();
	const struct hdl_edge_interface *interface;
	const struct hdl_service_version *version;
	const struct hdl_cluster_version *target;
	struct hdl_found found = {};
	__u32 cluster, id;
	__u64 hash, now_ns;

	if (!at || !state)
		return HDL_EDGE_LEAVE;
	interface = bpf_map_lookup_elem(&edge_interface, &at->ifindex);
	if (!interface)
		return HDL_EDGE_LEAVE;
	version = hdl_edge_service(&at->packet, state, &found);
	if (!version)
		return hdl_edge_stray(&at->packet);
	/* what a rule reads requests of goes to a worker, by way of the stack */
	if (version->label != HDL_LABEL_L4)
		return HDL_EDGE_LEAVE;
	if (at->packet.protocol == IPPROTO_TCP && !hdl_edge_is_syn(&at->packet))
		return HDL_EDGE_LEAVE;
	now_ns = bpf_ktime_get_coarse_ns();
	if (at->packet.protocol == IPPROTO_TCP && !hdl_edge_may_open(&at->packet, interface, now_ns)) {
		hdl_count(HDL_VERDICT_EDGE_RATE);
		hdl_count_service(found.service, HDL_VERDICT_EDGE_RATE);
		return HDL_EDGE_DROP;
	}
	if (version->route_count == 0) {
		hdl_count(HDL_VERDICT_NO_ROUTE);
		hdl_count_service(found.service, HDL_VERDICT_NO_ROUTE);
		return HDL_EDGE_REFUSE;
	}
	hash = hdl_edge_tuple_hash(&at->packet, version->affinity_timeout_s != 0);
	/* the upper half draws the destination, the rest the endpoint: the same on every node */
	cluster = hdl_lookup_route(version, (__u32)(hash >> 32));
	target = cluster == HDL_CLUSTER_NONE ? NULL : hdl_lookup_cluster(cluster, found.epoch);
	if (!target) {
		hdl_count(HDL_VERDICT_NO_CLUSTER);
		hdl_count_service(found.service, HDL_VERDICT_NO_CLUSTER);
		return HDL_EDGE_REFUSE;
	}
	id = hdl_edge_pick(target, hdl_core_draw(hash, 2), at->packet.family,
			   version->flags & HDL_SERVICE_EXTERNAL_LOCAL);
	if (id == HDL_ENDPOINT_NONE) {
		hdl_count(HDL_VERDICT_NO_HEALTHY);
		hdl_count_service(found.service, HDL_VERDICT_NO_HEALTHY);
		return HDL_EDGE_REFUSE;
	}
	return hdl_edge_lead(at, id, &found, interface, now_ns);
}

/* Whether the record that was found still decides. A connection keeps its endpoint to the end. */
HDL_CORE int hdl_edge_is_current(const struct hdl_edge *at)
{
	const struct hdl_health *of_endpoint;

	if (at->packet.protocol == IPPROTO_TCP && !hdl_edge_is_syn(&at->packet))
		return 1;
	if (at->record.state >= HDL_FLOW_CLOSING ||
	    hdl_edge_over(&at->record, at->packet.protocol, bpf_ktime_get_coarse_ns()))
		return 0;
	of_endpoint = hdl_tables_health(NULL, at->record.endpoint);
	return of_endpoint && *(const volatile __u32 *)&of_endpoint->generation == at->record.generation;
}

/* What becomes of at->packet, which came in from outside: enum hdl_edge_outcome. */
HDL_CORE int hdl_edge_decide(struct hdl_edge *at)
{
	hdl_edge_key_of(&at->packet, &at->key);
	if (hdl_edge_find(at)) {
		/* replies of endpoints on this node do not come in from outside */
		if ((at->record.flags & (HDL_EDGE_LOCAL | HDL_EDGE_REPLY)) == (HDL_EDGE_LOCAL | HDL_EDGE_REPLY))
			return HDL_EDGE_LEAVE;
		if ((at->record.flags & HDL_EDGE_REPLY) || hdl_edge_is_current(at))
			return HDL_EDGE_TRANSLATE;
		hdl_edge_forget(at);
	}
	return hdl_edge_begin();
}

#endif
