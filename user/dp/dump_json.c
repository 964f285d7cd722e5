/* SPDX-License-Identifier: Apache-2.0 */
/* Single maps as JSON, each record with the fields of its struct in include/heddle/. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/addr.h"
#include "dp/counters.h"
#include "dp/dump.h"
#include "dp/publisher.h"
#include "heddle/core/subset.h"

struct json {
	const struct hdl_dp_maps *maps;
	const struct hdl_publisher *publisher; /* NULL = no names */
	struct hdl_jsonw *w;
	uint64_t skip, left; /* entries to pass over, and that may still be written */
	bool truncated;
	int result;
};

/* Whether the next entry is to be written; opens it then. */
static bool begin_entry(struct json *j)
{
	if (j->skip) {
		j->skip--;
		return false;
	}
	if (j->left == 0) {
		j->truncated = true;
		return false;
	}
	j->left--;
	hdl_jsonw_object(j->w);
	return true;
}

static void end_entry(struct json *j)
{
	hdl_jsonw_object_end(j->w);
}

static bool begin_id(struct json *j, uint32_t id)
{
	if (!begin_entry(j))
		return false;
	hdl_jsonw_ku64(j->w, "key", id);
	return true;
}

static void begin_value(struct json *j)
{
	hdl_jsonw_key(j->w, "value");
	hdl_jsonw_object(j->w);
}

static void end_value(struct json *j)
{
	hdl_jsonw_object_end(j->w);
	end_entry(j);
}

static void put_addr(struct json *j, const char *key, const struct hdl_addr *address)
{
	char text[HDL_ADDR_TEXT_MAX];

	hdl_jsonw_kstr(j->w, key, hdl_addr_is_zero(address) ? "" : hdl_addr_print(address, text));
}

static void put_range(struct json *j, const char *key, struct hdl_range range)
{
	hdl_jsonw_key(j->w, key);
	hdl_jsonw_object(j->w);
	hdl_jsonw_ku64(j->w, "offset", range.offset);
	hdl_jsonw_ku64(j->w, "count", range.count);
	hdl_jsonw_object_end(j->w);
}

static void put_vip_key(struct json *j, const char *name, const struct hdl_vip_key *key)
{
	hdl_jsonw_key(j->w, name);
	hdl_jsonw_object(j->w);
	put_addr(j, "address", &key->address);
	hdl_jsonw_ku64(j->w, "port", ntohs(key->port));
	hdl_jsonw_kstr(j->w, "protocol",
		       key->protocol == IPPROTO_TCP ? "TCP" :
		       key->protocol == IPPROTO_UDP ? "UDP" :
						      "?");
	hdl_jsonw_ku64(j->w, "class_id", key->class_id);
	hdl_jsonw_object_end(j->w);
}

static void put_pod(struct json *j, const char *key, uint32_t number)
{
	const struct hdl_ir_workload *pod = j->publisher ? hdl_publisher_find_workload(j->publisher, number) : NULL;
	char text[600];

	if (!pod)
		return;
	snprintf(text, sizeof(text), "%s/%s", pod->ns, pod->name);
	hdl_jsonw_kstr(j->w, key, text);
}

static void put_endpoint_name(struct json *j, uint32_t id)
{
	const struct hdl_ir_cluster *cluster;

	if (j->publisher && id < j->maps->endpoint_count &&
	    hdl_publisher_find_endpoint(j->publisher, id, j->maps->endpoint[id].generation, &cluster))
		hdl_jsonw_kstr(j->w, "cluster_name", cluster->name);
}

static void dump_state(struct json *j)
{
	const struct hdl_state *s = j->maps->state;

	if (!begin_id(j, 0))
		return;
	begin_value(j);
	hdl_jsonw_ku64(j->w, "epoch", s->epoch);
	hdl_jsonw_ku64(j->w, "abi_version", s->abi_version);
	hdl_jsonw_ku64(j->w, "worker_uid", s->worker_uid);
	hdl_jsonw_ku64(j->w, "host_netns_cookie", s->host_netns_cookie);
	hdl_jsonw_ku64(j->w, "worker_count", s->worker_count);
	hdl_jsonw_ku64(j->w, "packet_mark", s->packet_mark);
	hdl_jsonw_ku64(j->w, "packet_mask", s->packet_mask);
	hdl_jsonw_ku64(j->w, "route_table", s->route_table);
	hdl_jsonw_ku64(j->w, "flags", s->flags);
	hdl_jsonw_ku64(j->w, "node_port_first", s->node_port_first);
	hdl_jsonw_ku64(j->w, "node_port_last", s->node_port_last);
	hdl_jsonw_ku64(j->w, "heartbeat_ns", __atomic_load_n(&s->heartbeat_ns, __ATOMIC_RELAXED));
	hdl_jsonw_key(j->w, "listener_port");
	hdl_jsonw_array(j->w);
	for (uint32_t w = 0; w < s->worker_count && w < HDL_WORKERS_MAX; w++) {
		hdl_jsonw_array(j->w);
		hdl_jsonw_u64(j->w, ntohs(s->listener_port[w][HDL_FAMILY_V4]));
		hdl_jsonw_u64(j->w, ntohs(s->listener_port[w][HDL_FAMILY_V6]));
		hdl_jsonw_array_end(j->w);
	}
	hdl_jsonw_array_end(j->w);
	end_value(j);
}

static void dump_vip(struct json *j)
{
	struct hdl_vip_key key, next;
	bool more = hdl_dp_vip_next(j->maps, NULL, &next) == 0;
	uint32_t id;

	while (more) {
		key = next;
		more = hdl_dp_vip_next(j->maps, &key, &next) == 0;
		if (hdl_dp_vip_get(j->maps, &key, &id) < 0 || !begin_entry(j))
			continue;
		put_vip_key(j, "key", &key);
		hdl_jsonw_ku64(j->w, "value", id);
		end_entry(j);
	}
}

static void put_service_version(struct json *j, const struct hdl_service_version *v)
{
	hdl_jsonw_object(j->w);
	hdl_jsonw_ku64(j->w, "epoch", v->epoch);
	put_vip_key(j, "key", &v->key);
	hdl_jsonw_ku64(j->w, "route_offset", v->route_offset);
	hdl_jsonw_ku64(j->w, "route_count", v->route_count);
	hdl_jsonw_ku64(j->w, "label", v->label);
	hdl_jsonw_ku64(j->w, "fail_mode", v->fail_mode);
	hdl_jsonw_ku64(j->w, "service_port", v->service_port);
	hdl_jsonw_ku64(j->w, "flags", v->flags);
	hdl_jsonw_ku64(j->w, "affinity_timeout_s", v->affinity_timeout_s);
	hdl_jsonw_object_end(j->w);
}

/* The two versions of a record; in_force says which one counts now, -1 = none. */
static void put_in_force(struct json *j, uint64_t epoch0, uint64_t epoch1)
{
	hdl_jsonw_key(j->w, "in_force");
	hdl_jsonw_i64(j->w, hdl_core_version(epoch0, epoch1, j->maps->state->epoch));
	hdl_jsonw_key(j->w, "version");
}

static void dump_service(struct json *j)
{
	for (uint32_t id = 1; id < j->maps->service_count; id++) {
		const struct hdl_service_version *v = j->maps->service[id].version;

		if ((v[0].epoch == 0 && v[1].epoch == 0) || !begin_id(j, id))
			continue;
		begin_value(j);
		put_in_force(j, v[0].epoch, v[1].epoch);
		hdl_jsonw_array(j->w);
		put_service_version(j, &v[0]);
		put_service_version(j, &v[1]);
		hdl_jsonw_array_end(j->w);
		end_value(j);
	}
}

static void dump_route(struct json *j)
{
	for (uint32_t id = 0; id < j->maps->route_count; id++) {
		const struct hdl_route_row *row = &j->maps->route[id];

		if ((row->threshold == 0 && row->cluster == 0) || !begin_id(j, id))
			continue;
		begin_value(j);
		hdl_jsonw_ku64(j->w, "threshold", row->threshold);
		hdl_jsonw_ku64(j->w, "cluster", row->cluster);
		end_value(j);
	}
}

static void put_cluster_version(struct json *j, const struct hdl_cluster_version *v)
{
	hdl_jsonw_object(j->w);
	hdl_jsonw_ku64(j->w, "epoch", v->epoch);
	hdl_jsonw_ku64(j->w, "name_hash", v->name_hash);
	put_range(j, "member4", v->member[HDL_FAMILY_V4]);
	put_range(j, "member6", v->member[HDL_FAMILY_V6]);
	put_range(j, "turns4", v->turns[HDL_FAMILY_V4]);
	put_range(j, "turns6", v->turns[HDL_FAMILY_V6]);
	put_range(j, "table4", v->table[HDL_FAMILY_V4]);
	put_range(j, "table6", v->table[HDL_FAMILY_V6]);
	put_range(j, "edge4", v->edge[HDL_FAMILY_V4]);
	put_range(j, "edge6", v->edge[HDL_FAMILY_V6]);
	put_range(j, "group", v->group);
	hdl_jsonw_ku64(j->w, "generation", v->generation);
	hdl_jsonw_ku64(j->w, "max_connections", v->max_connections);
	hdl_jsonw_ku64(j->w, "warmup_ms", v->warmup_ms);
	hdl_jsonw_ku64(j->w, "flags", v->flags);
	hdl_jsonw_ku64(j->w, "endpoint_count", v->endpoint_count);
	hdl_jsonw_ku64(j->w, "healthy_count", v->healthy_count);
	hdl_jsonw_ku64(j->w, "policy", v->policy);
	hdl_jsonw_ku64(j->w, "hash_input", v->hash_input);
	hdl_jsonw_ku64(j->w, "min_health_percent", v->min_health_percent);
	hdl_jsonw_ku64(j->w, "max_ejection_percent", v->max_ejection_percent);
	hdl_jsonw_object_end(j->w);
}

/* Names by id, of the current snapshot; NULL without one. */
static const char **cluster_names(struct json *j)
{
	const struct hdl_snapshot *snapshot = j->publisher ? hdl_publisher_current(j->publisher) : NULL;
	const char **names = calloc(j->maps->cluster_count, sizeof(*names));

	if (!names)
		j->result = -ENOMEM;
	for (size_t i = 0; names && snapshot && i < snapshot->cluster_count; i++)
		names[snapshot->clusters[i]->id] = snapshot->clusters[i]->name;
	return names;
}

static void dump_cluster(struct json *j)
{
	const char **names = cluster_names(j);

	for (uint32_t id = 1; names && id < j->maps->cluster_count; id++) {
		const struct hdl_cluster_version *v = j->maps->cluster[id].version;

		if ((v[0].epoch == 0 && v[1].epoch == 0) || !begin_id(j, id))
			continue;
		begin_value(j);
		if (names[id])
			hdl_jsonw_kstr(j->w, "name", names[id]);
		put_in_force(j, v[0].epoch, v[1].epoch);
		hdl_jsonw_array(j->w);
		put_cluster_version(j, &v[0]);
		put_cluster_version(j, &v[1]);
		hdl_jsonw_array_end(j->w);
		end_value(j);
	}
	free(names);
}

static void dump_balance(struct json *j)
{
	const char **names = cluster_names(j);

	for (uint32_t id = 1; names && id < j->maps->cluster_count; id++) {
		const struct hdl_cluster_version *v = j->maps->cluster[id].version;

		if ((v[0].epoch == 0 && v[1].epoch == 0) || !begin_id(j, id))
			continue;
		begin_value(j);
		if (names[id])
			hdl_jsonw_kstr(j->w, "name", names[id]);
		hdl_jsonw_ku64(j->w, "turn", j->maps->balance[id].turn);
		hdl_jsonw_ku64(j->w, "ejected", j->maps->balance[id].ejected);
		end_value(j);
	}
	free(names);
}

static void dump_endpoint(struct json *j)
{
	for (uint32_t id = 1; id < j->maps->endpoint_count; id++) {
		const struct hdl_endpoint *e = &j->maps->endpoint[id];

		if (e->generation == 0 || !begin_id(j, id))
			continue;
		begin_value(j);
		put_addr(j, "address4", &e->address[HDL_FAMILY_V4]);
		put_addr(j, "address6", &e->address[HDL_FAMILY_V6]);
		hdl_jsonw_ku64(j->w, "port", ntohs(e->port));
		hdl_jsonw_ku64(j->w, "weight", e->weight);
		hdl_jsonw_ku64(j->w, "generation", e->generation);
		hdl_jsonw_ku64(j->w, "cluster", e->cluster);
		put_endpoint_name(j, id);
		hdl_jsonw_ku64(j->w, "workload", e->workload);
		put_pod(j, "pod", e->workload);
		end_value(j);
	}
}

/* Slots have no record of their own: the ranges in force are listed, each with its ids. */
static void dump_slot(struct json *j)
{
	for (uint32_t id = 1; id < j->maps->cluster_count; id++) {
		const struct hdl_cluster_version *v = j->maps->cluster[id].version;
		int at = hdl_core_version(v[0].epoch, v[1].epoch, j->maps->state->epoch);

		for (int i = 0; at >= 0 && i < 2 * HDL_FAMILIES; i++) {
			struct hdl_range range = i < HDL_FAMILIES ? v[at].member[i] : v[at].table[i - HDL_FAMILIES];

			if (i >= HDL_FAMILIES && v[at].policy == HDL_POLICY_RING_HASH)
				continue; /* in `ring` */

			for (uint32_t k = range.offset; k < range.offset + range.count && k < j->maps->slot_count;
			     k++) {
				if (!begin_id(j, k))
					continue;
				begin_value(j);
				hdl_jsonw_ku64(j->w, "endpoint", j->maps->slot[k]);
				hdl_jsonw_ku64(j->w, "cluster", id);
				hdl_jsonw_kstr(j->w, "list", i < HDL_FAMILIES ? "member" : "table");
				end_value(j);
			}
		}
	}
}

static void dump_health(struct json *j)
{
	for (uint32_t id = 1; id < j->maps->endpoint_count; id++) {
		const struct hdl_health *h = &j->maps->health[id];

		if (h->generation == 0 || !begin_id(j, id))
			continue;
		begin_value(j);
		put_endpoint_name(j, id);
		hdl_jsonw_ku64(j->w, "generation", h->generation);
		hdl_jsonw_ku64(j->w, "active", h->active);
		hdl_jsonw_ku64(j->w, "ejected_until_ns", h->ejected_until_ns);
		hdl_jsonw_ku64(j->w, "consecutive_5xx", h->consecutive_5xx);
		hdl_jsonw_ku64(j->w, "consecutive_gateway", h->consecutive_gateway);
		hdl_jsonw_ku64(j->w, "consecutive_local_origin", h->consecutive_local_origin);
		hdl_jsonw_ku64(j->w, "ejection_multiplier", h->ejection_multiplier);
		hdl_jsonw_ku64(j->w, "returned_ns", h->returned_ns);
		hdl_jsonw_ku64(j->w, "ejections", h->ejections);
		hdl_jsonw_ku64(j->w, "connect_failures", h->connect_failures);
		hdl_jsonw_ku64(j->w, "connects", h->connects);
		end_value(j);
	}
}

static void dump_workload(struct json *j)
{
	uint64_t cookie, next;
	bool more = !j->maps->memory && bpf_map_get_next_key(j->maps->workload_fd, NULL, &next) == 0;
	struct hdl_workload value;

	while (more) {
		cookie = next;
		more = bpf_map_get_next_key(j->maps->workload_fd, &cookie, &next) == 0;
		if (bpf_map_lookup_elem(j->maps->workload_fd, &cookie, &value) != 0 || !begin_entry(j))
			continue;
		hdl_jsonw_ku64(j->w, "key", cookie);
		begin_value(j);
		hdl_jsonw_ku64(j->w, "id", value.id);
		put_pod(j, "pod", value.id);
		hdl_jsonw_ku64(j->w, "client", value.client);
		hdl_jsonw_kbool(j->w, "tc", value.flags & HDL_WORKLOAD_TC);
		hdl_jsonw_kbool(j->w, "host", value.flags & HDL_WORKLOAD_HOST);
		put_addr(j, "address4", &value.address[HDL_FAMILY_V4]);
		put_addr(j, "address6", &value.address[HDL_FAMILY_V6]);
		end_value(j);
	}
}

static void origin_row(void *data, const struct hdl_origin_key *key, const struct hdl_origin *value)
{
	struct json *j = data;

	if (!begin_entry(j))
		return;
	hdl_jsonw_key(j->w, "key");
	hdl_jsonw_object(j->w);
	put_addr(j, "client_address", &key->client_address);
	hdl_jsonw_ku64(j->w, "client_port", ntohs(key->client_port));
	hdl_jsonw_ku64(j->w, "listener_port", ntohs(key->listener_port));
	hdl_jsonw_object_end(j->w);
	begin_value(j);
	put_addr(j, "address", &value->address);
	hdl_jsonw_ku64(j->w, "port", ntohs(value->port));
	hdl_jsonw_ku64(j->w, "uid", value->uid);
	hdl_jsonw_ku64(j->w, "netns_cookie", value->netns_cookie);
	end_value(j);
}

static void dump_origin(struct json *j)
{
	hdl_dp_origins(j->maps, origin_row, j);
}

/* A look-up in a map of listeners gives the cookie of the socket. */
static void dump_listener(struct json *j)
{
	for (uint32_t i = 0; !j->maps->memory && i < HDL_WORKERS_MAX * HDL_FAMILIES; i++) {
		uint64_t cookie;

		if (bpf_map_lookup_elem(j->maps->listener_fd, &i, &cookie) != 0 || !begin_id(j, i))
			continue;
		begin_value(j);
		hdl_jsonw_ku64(j->w, "worker", i / HDL_FAMILIES);
		hdl_jsonw_kstr(j->w, "family", i % HDL_FAMILIES == HDL_FAMILY_V4 ? "v4" : "v6");
		hdl_jsonw_ku64(j->w, "socket_cookie", cookie);
		end_value(j);
	}
}

static const char *verdict_label(uint32_t verdict)
{
	switch (verdict) {
#define LABEL(number, name, label, flag, sentence) \
	case number:                               \
		return label;
		HDL_VERDICTS(LABEL)
#undef LABEL
	}
	return "?";
}

static bool traffic_row(void *data, const struct hdl_traffic_key *key, const struct hdl_traffic *value)
{
	struct json *j = data;

	if (!begin_entry(j))
		return false;
	hdl_jsonw_key(j->w, "key");
	hdl_jsonw_object(j->w);
	hdl_jsonw_ku64(j->w, "workload", key->workload);
	put_pod(j, "pod", key->workload);
	hdl_jsonw_ku64(j->w, "endpoint", key->endpoint);
	hdl_jsonw_ku64(j->w, "generation", key->generation);
	hdl_jsonw_kstr(j->w, "verdict", verdict_label(key->verdict));
	hdl_jsonw_object_end(j->w);
	begin_value(j);
	hdl_jsonw_ku64(j->w, "opened", value->opened);
	hdl_jsonw_ku64(j->w, "closed", value->closed);
	hdl_jsonw_ku64(j->w, "sent_bytes", value->sent_bytes);
	hdl_jsonw_ku64(j->w, "received_bytes", value->received_bytes);
	end_value(j);
	return false;
}

static void dump_traffic(struct json *j)
{
	j->result = hdl_dp_traffic(j->maps, traffic_row, j);
}

static void dump_client(struct json *j)
{
	for (uint32_t id = 0; id < j->maps->client_count; id++) {
		const struct hdl_client_version *v = j->maps->client[id].version;

		if ((v[0].epoch == 0 && v[1].epoch == 0) || !begin_id(j, id))
			continue;
		begin_value(j);
		put_in_force(j, v[0].epoch, v[1].epoch);
		hdl_jsonw_array(j->w);
		for (int i = 0; i < 2; i++) {
			hdl_jsonw_object(j->w);
			hdl_jsonw_ku64(j->w, "epoch", v[i].epoch);
			hdl_jsonw_ku64(j->w, "workload", v[i].workload);
			put_pod(j, "pod", v[i].workload);
			hdl_jsonw_ku64(j->w, "class_id", v[i].class_id);
			hdl_jsonw_kbool(j->w, "registry_only", v[i].flags & HDL_CLIENT_REGISTRY_ONLY);
			hdl_jsonw_object_end(j->w);
		}
		hdl_jsonw_array_end(j->w);
		end_value(j);
	}
}

static void dump_group(struct json *j)
{
	for (uint32_t id = 0; id < j->maps->group_count; id++) {
		const struct hdl_group *g = &j->maps->group[id];

		if (g->endpoint_count == 0 || !begin_id(j, id))
			continue;
		begin_value(j);
		put_range(j, "member4", g->member[HDL_FAMILY_V4]);
		put_range(j, "member6", g->member[HDL_FAMILY_V6]);
		put_range(j, "table4", g->table[HDL_FAMILY_V4]);
		put_range(j, "table6", g->table[HDL_FAMILY_V6]);
		hdl_jsonw_ku64(j->w, "priority", g->priority);
		hdl_jsonw_ku64(j->w, "weight", g->weight);
		hdl_jsonw_ku64(j->w, "endpoint_count", g->endpoint_count);
		hdl_jsonw_ku64(j->w, "healthy_count", g->healthy_count);
		end_value(j);
	}
}

static void dump_ring(struct json *j)
{
	for (uint32_t id = 0; id < j->maps->ring_count; id++) {
		const struct hdl_ring_entry *e = &j->maps->ring[id];

		if (e->endpoint == 0 || !begin_id(j, id))
			continue;
		begin_value(j);
		hdl_jsonw_ku64(j->w, "hash", e->hash);
		hdl_jsonw_ku64(j->w, "endpoint", e->endpoint);
		end_value(j);
	}
}

static void dump_node_address(struct json *j)
{
	struct hdl_addr key, next;
	bool more = !j->maps->memory && bpf_map_get_next_key(j->maps->node_address_fd, NULL, &next) == 0;
	uint32_t value;

	while (more) {
		key = next;
		more = bpf_map_get_next_key(j->maps->node_address_fd, &key, &next) == 0;
		if (bpf_map_lookup_elem(j->maps->node_address_fd, &key, &value) != 0 || !begin_entry(j))
			continue;
		put_addr(j, "key", &key);
		hdl_jsonw_ku64(j->w, "value", value);
		end_entry(j);
	}
}

static void dump_verdict(struct json *j)
{
	uint64_t count[HDL_VERDICT_COUNT] = { 0 };

	j->result = hdl_dp_verdicts(j->maps, count);
	for (uint32_t i = 0; i < HDL_VERDICT_COUNT; i++) {
		if (!begin_id(j, i))
			continue;
		begin_value(j);
		hdl_jsonw_kstr(j->w, "name", verdict_label(i));
		hdl_jsonw_ku64(j->w, "count", count[i]);
		end_value(j);
	}
}

static const struct {
	const char *name;
	void (*dump)(struct json *j);
} dumps[] = {
	{ "state", dump_state },       { "vip", dump_vip },         { "service", dump_service },
	{ "route", dump_route },       { "cluster", dump_cluster }, { "balance", dump_balance },
	{ "endpoint", dump_endpoint }, { "slot", dump_slot },       { "health", dump_health },
	{ "workload", dump_workload }, { "origin", dump_origin },   { "listener", dump_listener },
	{ "traffic", dump_traffic },   { "verdict", dump_verdict }, { "client", dump_client },
	{ "group", dump_group },       { "ring", dump_ring },       { "node_address", dump_node_address },
};

const char *hdl_dp_dump_name(unsigned int i)
{
	return i < sizeof(dumps) / sizeof(dumps[0]) ? dumps[i].name : NULL;
}

int hdl_dp_dump_map(const struct hdl_dp_maps *maps, const struct hdl_publisher *publisher, const char *name,
		    uint64_t offset, uint64_t limit, struct hdl_jsonw *w)
{
	struct json j = { .maps = maps, .publisher = publisher, .w = w, .skip = offset, .left = limit };

	for (size_t i = 0; i < sizeof(dumps) / sizeof(dumps[0]); i++) {
		if (strcmp(dumps[i].name, name) != 0)
			continue;
		hdl_jsonw_kstr(w, "name", name);
		hdl_jsonw_ku64(w, "epoch", maps->state->epoch);
		hdl_jsonw_key(w, "entries");
		hdl_jsonw_array(w);
		dumps[i].dump(&j);
		hdl_jsonw_array_end(w);
		hdl_jsonw_kbool(w, "truncated", j.truncated);
		return j.result;
	}
	return -ENOENT;
}
