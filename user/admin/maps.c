/* SPDX-License-Identifier: Apache-2.0 */
/* Contents of the maps, decoded. */
#include <errno.h>
#include <string.h>
#include "admin/maps.h"
#include "base/addr.h"
#include "dp/maps.h"

bool hdl_maps_begin(struct hdl_maps *listing)
{
	if (listing->skip) {
		listing->skip--;
		return false;
	}
	if (listing->shown == HDL_MAPS_ENTRIES_MAX) {
		listing->truncated = true;
		return false;
	}
	listing->shown++;
	hdl_jsonw_object(listing->w);
	return true;
}

void hdl_maps_address(struct hdl_jsonw *w, const char *key, const struct hdl_addr *value)
{
	char text[HDL_ADDR_TEXT_MAX];

	hdl_jsonw_kstr(w, key, hdl_addr_is_zero(value) ? "" : hdl_addr_print(value, text));
}

const char *hdl_maps_protocol(unsigned int protocol)
{
	return protocol == 6 ? "TCP" : protocol == 17 ? "UDP" : "?";
}

static void vip_key(struct hdl_jsonw *w, const char *key, const struct hdl_vip_key *vip)
{
	hdl_jsonw_key(w, key);
	hdl_jsonw_object(w);
	hdl_maps_address(w, "address", &vip->address);
	hdl_jsonw_ku64(w, "port", __builtin_bswap16(vip->port));
	hdl_jsonw_kstr(w, "protocol", hdl_maps_protocol(vip->protocol));
	hdl_jsonw_ku64(w, "class", vip->class_id);
	hdl_jsonw_object_end(w);
}

void hdl_maps_id(struct hdl_jsonw *w, uint64_t id)
{
	hdl_jsonw_ku64(w, "key", id);
	hdl_jsonw_key(w, "value");
	hdl_jsonw_object(w);
}

void hdl_maps_end(struct hdl_maps *listing)
{
	hdl_jsonw_object_end(listing->w);
	hdl_jsonw_object_end(listing->w);
}

static const char *cluster_name(const struct hdl_admin_view *view, uint64_t name_hash)
{
	for (size_t i = 0; view->snapshot && i < view->snapshot->cluster_count; i++)
		if (view->snapshot->clusters[i]->name_hash == name_hash)
			return view->snapshot->clusters[i]->name;
	return "";
}

const char *hdl_maps_cluster(const struct hdl_admin_view *view, uint32_t id)
{
	for (size_t i = 0; view->snapshot && i < view->snapshot->cluster_count; i++)
		if (view->snapshot->clusters[i]->id == id)
			return view->snapshot->clusters[i]->name;
	return id == HDL_CLUSTER_NONE ? "(unknown host or subset)" : "";
}

static void list_state(struct hdl_maps *l)
{
	const struct hdl_state *state = l->maps->state;
	struct hdl_jsonw *w = l->w;

	if (!hdl_maps_begin(l))
		return;
	hdl_maps_id(w, 0);
	hdl_jsonw_ku64(w, "epoch", __atomic_load_n(&state->epoch, __ATOMIC_ACQUIRE));
	hdl_jsonw_ku64(w, "abi_version", state->abi_version);
	hdl_jsonw_ku64(w, "worker_uid", state->worker_uid);
	hdl_jsonw_ku64(w, "host_netns_cookie", state->host_netns_cookie);
	hdl_jsonw_ku64(w, "worker_count", state->worker_count);
	hdl_jsonw_ku64(w, "packet_mark", state->packet_mark);
	hdl_jsonw_ku64(w, "packet_mask", state->packet_mask);
	hdl_jsonw_ku64(w, "route_table", state->route_table);
	hdl_jsonw_kbool(w, "registry_only", state->flags & HDL_STATE_REGISTRY_ONLY);
	hdl_jsonw_kbool(w, "classes", state->flags & HDL_STATE_CLASSES);
	hdl_jsonw_kbool(w, "redirect", state->flags & HDL_STATE_REDIRECT);
	hdl_jsonw_ku64(w, "node_port_first", state->node_port_first);
	hdl_jsonw_ku64(w, "node_port_last", state->node_port_last);
	hdl_jsonw_ku64(w, "event_sample", state->event_sample);
	hdl_jsonw_ku64(w, "heartbeat_ns", __atomic_load_n(&state->heartbeat_ns, __ATOMIC_RELAXED));
	hdl_jsonw_key(w, "listener_port");
	hdl_jsonw_array(w);
	for (unsigned int i = 0; i < state->worker_count && i < HDL_WORKERS_MAX; i++)
		for (unsigned int f = 0; f < HDL_FAMILIES; f++)
			hdl_jsonw_u64(w, __builtin_bswap16(state->listener_port[i][f]));
	hdl_jsonw_array_end(w);
	hdl_jsonw_object_end(w);
	hdl_jsonw_object_end(w);
}

static void list_vip(struct hdl_maps *l)
{
	struct hdl_vip_key key, next;
	const struct hdl_vip_key *at = NULL;
	uint32_t id;

	/* a bound, should keys change under the walk */
	for (uint32_t i = 0; i < l->maps->vip_count && hdl_dp_vip_next(l->maps, at, &next) == 0; i++) {
		key = next;
		at = &key;
		if (hdl_dp_vip_get(l->maps, &key, &id) < 0 || !hdl_maps_begin(l))
			continue;
		vip_key(l->w, "key", &key);
		hdl_jsonw_ku64(l->w, "value", id);
		hdl_jsonw_object_end(l->w);
	}
}

/* Of two versions the one in force; NULL: none. */
static const struct hdl_service_version *service_in_force(const struct hdl_service *service, uint64_t epoch)
{
	const struct hdl_service_version *found = NULL;

	for (unsigned int i = 0; i < 2; i++) {
		const struct hdl_service_version *version = &service->version[i];

		if (version->epoch && version->epoch <= epoch && (!found || version->epoch > found->epoch))
			found = version;
	}
	return found;
}

static const struct hdl_cluster_version *cluster_in_force(const struct hdl_cluster *cluster, uint64_t epoch)
{
	const struct hdl_cluster_version *found = NULL;

	for (unsigned int i = 0; i < 2; i++) {
		const struct hdl_cluster_version *version = &cluster->version[i];

		if (version->epoch && version->epoch <= epoch && (!found || version->epoch > found->epoch))
			found = version;
	}
	return found;
}

static uint64_t epoch_of(const struct hdl_maps *l)
{
	return __atomic_load_n(&l->maps->state->epoch, __ATOMIC_ACQUIRE);
}

static void list_service(struct hdl_maps *l)
{
	for (uint32_t id = 1; id < l->maps->service_count; id++) {
		const struct hdl_service_version *version = service_in_force(&l->maps->service[id], epoch_of(l));

		if (!version || version->label == HDL_LABEL_NONE || !hdl_maps_begin(l))
			continue;
		hdl_maps_id(l->w, id);
		hdl_jsonw_ku64(l->w, "epoch", version->epoch);
		vip_key(l->w, "vip", &version->key);
		hdl_jsonw_kstr(l->w, "label", hdl_admin_label_name(version->label));
		hdl_jsonw_kstr(l->w, "fail_mode", version->fail_mode == HDL_FAIL_CLOSED ? "closed" : "open");
		hdl_jsonw_ku64(l->w, "route_offset", version->route_offset);
		hdl_jsonw_ku64(l->w, "route_count", version->route_count);
		hdl_jsonw_ku64(l->w, "service_port", version->service_port);
		hdl_jsonw_ku64(l->w, "flags", version->flags);
		hdl_jsonw_ku64(l->w, "affinity_timeout_s", version->affinity_timeout_s);
		hdl_maps_end(l);
	}
}

static void list_route(struct hdl_maps *l)
{
	for (uint32_t id = 0; id < l->maps->route_count; id++) {
		const struct hdl_route_row *row = &l->maps->route[id];

		if (row->cluster == 0 || !hdl_maps_begin(l))
			continue;
		hdl_maps_id(l->w, id);
		hdl_jsonw_ku64(l->w, "threshold", row->threshold);
		hdl_jsonw_ku64(l->w, "cluster", row->cluster);
		hdl_jsonw_kstr(l->w, "name", hdl_maps_cluster(l->view, row->cluster));
		hdl_maps_end(l);
	}
}

static void range(struct hdl_jsonw *w, const char *key, const struct hdl_range ranges[HDL_FAMILIES])
{
	hdl_jsonw_key(w, key);
	hdl_jsonw_array(w);
	for (unsigned int f = 0; f < HDL_FAMILIES; f++) {
		hdl_jsonw_object(w);
		hdl_jsonw_ku64(w, "offset", ranges[f].offset);
		hdl_jsonw_ku64(w, "count", ranges[f].count);
		hdl_jsonw_object_end(w);
	}
	hdl_jsonw_array_end(w);
}

static void list_cluster(struct hdl_maps *l)
{
	for (uint32_t id = 1; id < l->maps->cluster_count; id++) {
		const struct hdl_cluster_version *version = cluster_in_force(&l->maps->cluster[id], epoch_of(l));

		if (!version || version->name_hash == 0 || !hdl_maps_begin(l))
			continue;
		hdl_maps_id(l->w, id);
		hdl_jsonw_ku64(l->w, "epoch", version->epoch);
		hdl_jsonw_kstr(l->w, "name", cluster_name(l->view, version->name_hash));
		hdl_jsonw_kstr(l->w, "policy", hdl_admin_policy_name(version->policy));
		range(l->w, "member", version->member);
		range(l->w, "turns", version->turns);
		range(l->w, "table", version->table);
		range(l->w, "edge", version->edge);
		hdl_jsonw_ku64(l->w, "group_offset", version->group.offset);
		hdl_jsonw_ku64(l->w, "group_count", version->group.count);
		hdl_jsonw_ku64(l->w, "generation", version->generation);
		hdl_jsonw_ku64(l->w, "max_connections", version->max_connections);
		hdl_jsonw_ku64(l->w, "warmup_ms", version->warmup_ms);
		hdl_jsonw_ku64(l->w, "endpoint_count", version->endpoint_count);
		hdl_jsonw_ku64(l->w, "hash_input", version->hash_input);
		hdl_jsonw_ku64(l->w, "min_health_percent", version->min_health_percent);
		hdl_jsonw_ku64(l->w, "max_ejection_percent", version->max_ejection_percent);
		hdl_jsonw_kbool(l->w, "outlier_detection", version->flags & HDL_CLUSTER_OUTLIER);
		hdl_jsonw_kbool(l->w, "split_local_origin", version->flags & HDL_CLUSTER_SPLIT_LOCAL);
		hdl_jsonw_ku64(l->w, "consecutive_5xx", version->consecutive_5xx);
		hdl_jsonw_ku64(l->w, "consecutive_gateway", version->consecutive_gateway);
		hdl_jsonw_ku64(l->w, "consecutive_local_origin", version->consecutive_local_origin);
		hdl_jsonw_ku64(l->w, "interval_ms", version->interval_ms);
		hdl_jsonw_ku64(l->w, "base_ejection_ms", version->base_ejection_ms);
		hdl_maps_end(l);
	}
}

static void list_balance(struct hdl_maps *l)
{
	static const struct hdl_balance none;

	for (uint32_t id = 1; id < l->maps->cluster_count; id++) {
		const struct hdl_balance *balance = &l->maps->balance[id];

		if (memcmp(balance, &none, sizeof(none)) == 0 || !hdl_maps_begin(l))
			continue;
		hdl_maps_id(l->w, id);
		hdl_jsonw_kstr(l->w, "name", hdl_maps_cluster(l->view, id));
		hdl_jsonw_ku64(l->w, "turn", balance->turn);
		hdl_jsonw_ku64(l->w, "ejected", balance->ejected);
		hdl_jsonw_ku64(l->w, "generation", balance->generation);
		hdl_jsonw_ku64(l->w, "connections", balance->connections);
		hdl_jsonw_ku64(l->w, "connections_overflow", balance->connections_overflow);
		hdl_jsonw_ku64(l->w, "ejections", balance->ejections);
		hdl_jsonw_ku64(l->w, "ejections_overflow", balance->ejections_overflow);
		hdl_jsonw_ku64(l->w, "connect_failures", balance->connect_failures);
		hdl_jsonw_ku64(l->w, "timeouts", balance->timeouts);
		hdl_jsonw_ku64(l->w, "retransmits", balance->retransmits);
		hdl_maps_end(l);
	}
}

static void list_endpoint(struct hdl_maps *l)
{
	for (uint32_t id = 1; id < l->maps->endpoint_count; id++) {
		const struct hdl_endpoint *endpoint = &l->maps->endpoint[id];

		if (endpoint->generation == 0 || !hdl_maps_begin(l))
			continue;
		hdl_maps_id(l->w, id);
		hdl_maps_address(l->w, "address4", &endpoint->address[HDL_FAMILY_V4]);
		hdl_maps_address(l->w, "address6", &endpoint->address[HDL_FAMILY_V6]);
		hdl_jsonw_ku64(l->w, "port", __builtin_bswap16(endpoint->port));
		hdl_jsonw_ku64(l->w, "weight", endpoint->weight);
		hdl_jsonw_ku64(l->w, "generation", endpoint->generation);
		hdl_jsonw_ku64(l->w, "cluster", endpoint->cluster);
		hdl_jsonw_kstr(l->w, "cluster_name", hdl_maps_cluster(l->view, endpoint->cluster));
		hdl_jsonw_ku64(l->w, "workload", endpoint->workload);
		hdl_jsonw_kbool(l->w, "local", endpoint->flags & HDL_ENDPOINT_LOCAL);
		hdl_jsonw_ku64(l->w, "added_ns", endpoint->added_ns);
		hdl_maps_end(l);
	}
}

static void list_slot(struct hdl_maps *l)
{
	/* the lists as clusters use them: an unused slot is not told from a used one otherwise */
	for (uint32_t id = 1; id < l->maps->cluster_count; id++) {
		const struct hdl_cluster_version *version = cluster_in_force(&l->maps->cluster[id], epoch_of(l));

		for (unsigned int f = 0; version && version->name_hash && f < HDL_FAMILIES; f++) {
			struct hdl_range member = version->member[f];

			if (member.count == 0 || member.offset >= l->maps->slot_count ||
			    member.count > l->maps->slot_count - member.offset || !hdl_maps_begin(l))
				continue;
			hdl_jsonw_ku64(l->w, "key", member.offset);
			hdl_jsonw_key(l->w, "value");
			hdl_jsonw_object(l->w);
			hdl_jsonw_kstr(l->w, "name", cluster_name(l->view, version->name_hash));
			hdl_jsonw_kstr(l->w, "family", f == HDL_FAMILY_V4 ? "IPv4" : "IPv6");
			hdl_jsonw_key(l->w, "endpoints");
			hdl_jsonw_array(l->w);
			for (uint32_t i = 0; i < member.count && i < HDL_MAPS_ENTRIES_MAX; i++)
				hdl_jsonw_u64(l->w, l->maps->slot[member.offset + i]);
			hdl_jsonw_array_end(l->w);
			hdl_maps_end(l);
		}
	}
}

static void list_health(struct hdl_maps *l)
{
	for (uint32_t id = 1; id < l->maps->endpoint_count; id++) {
		const struct hdl_health *health = &l->maps->health[id];
		const struct hdl_endpoint *endpoint = &l->maps->endpoint[id];
		char text[HDL_ADDR_PORT_TEXT_MAX];
		bool v4 = !hdl_addr_is_zero(&endpoint->address[HDL_FAMILY_V4]);

		if (health->generation == 0 || !hdl_maps_begin(l))
			continue;
		hdl_maps_id(l->w, id);
		hdl_jsonw_kstr(l->w, "endpoint",
			       hdl_addr_port_print(&endpoint->address[v4 ? HDL_FAMILY_V4 : HDL_FAMILY_V6],
						   __builtin_bswap16(endpoint->port), text));
		hdl_jsonw_kstr(l->w, "cluster_name", hdl_maps_cluster(l->view, endpoint->cluster));
		hdl_jsonw_ku64(l->w, "generation", health->generation);
		hdl_jsonw_ku64(l->w, "active", health->active);
		hdl_jsonw_ku64(l->w, "ejected_until_ns", health->ejected_until_ns);
		hdl_jsonw_kbool(l->w, "ejected", hdl_admin_is_ejected(l->view, health));
		hdl_jsonw_ku64(l->w, "consecutive_5xx", health->consecutive_5xx);
		hdl_jsonw_ku64(l->w, "consecutive_gateway", health->consecutive_gateway);
		hdl_jsonw_ku64(l->w, "consecutive_local_origin", health->consecutive_local_origin);
		hdl_jsonw_ku64(l->w, "ejection_multiplier", health->ejection_multiplier);
		hdl_jsonw_ku64(l->w, "returned_ns", health->returned_ns);
		hdl_jsonw_ku64(l->w, "ejections", health->ejections);
		hdl_jsonw_ku64(l->w, "connect_failures", health->connect_failures);
		hdl_jsonw_ku64(l->w, "connects", health->connects);
		hdl_jsonw_ku64(l->w, "timeouts", health->timeouts);
		hdl_jsonw_ku64(l->w, "retransmits", health->retransmits);
		hdl_jsonw_ku64(l->w, "rtt_us", health->rtt_us);
		hdl_maps_end(l);
	}
}

void hdl_maps_workload(struct hdl_jsonw *w, const struct hdl_admin_view *view, uint32_t number)
{
	const struct hdl_ir_workload *workload =
		view->publisher ? hdl_publisher_find_workload(view->publisher, number) : NULL;

	hdl_jsonw_kstr(w, "namespace", workload ? workload->ns : "");
	hdl_jsonw_kstr(w, "name", workload ? workload->name : "");
}

static void list_workload(struct hdl_maps *l)
{
	for (size_t i = 0; i < l->view->pod_count; i++) {
		const struct hdl_admin_pod *pod = &l->view->pods[i];

		if (!hdl_maps_begin(l))
			continue;
		hdl_jsonw_ku64(l->w, "key", pod->cookie);
		hdl_jsonw_key(l->w, "value");
		hdl_jsonw_object(l->w);
		hdl_jsonw_ku64(l->w, "id", pod->workload.id);
		hdl_maps_workload(l->w, l->view, pod->workload.id);
		hdl_jsonw_ku64(l->w, "client", pod->workload.client);
		hdl_jsonw_kbool(l->w, "tc", (pod->workload.flags & HDL_WORKLOAD_TC) != 0);
		hdl_maps_address(l->w, "address4", &pod->workload.address[HDL_FAMILY_V4]);
		hdl_maps_address(l->w, "address6", &pod->workload.address[HDL_FAMILY_V6]);
		hdl_maps_end(l);
	}
}

static void list_listener(struct hdl_maps *l)
{
	const struct hdl_state *state = l->maps->state;

	for (unsigned int i = 0; i < state->worker_count && i < HDL_WORKERS_MAX; i++) {
		for (unsigned int f = 0; f < HDL_FAMILIES; f++) {
			if (state->listener_port[i][f] == 0 || !hdl_maps_begin(l))
				continue;
			hdl_maps_id(l->w, i * HDL_FAMILIES + f);
			hdl_jsonw_ku64(l->w, "worker", i);
			hdl_jsonw_kstr(l->w, "address", f == HDL_FAMILY_V4 ? "127.0.0.1" : "::1");
			hdl_jsonw_ku64(l->w, "port", __builtin_bswap16(state->listener_port[i][f]));
			hdl_maps_end(l);
		}
	}
}

static void origin_row(void *data, const struct hdl_origin_key *key, const struct hdl_origin *value)
{
	struct hdl_maps *l = data;

	if (!hdl_maps_begin(l))
		return;
	hdl_jsonw_key(l->w, "key");
	hdl_jsonw_object(l->w);
	hdl_maps_address(l->w, "client_address", &key->client_address);
	hdl_jsonw_ku64(l->w, "client_port", __builtin_bswap16(key->client_port));
	hdl_jsonw_ku64(l->w, "listener_port", __builtin_bswap16(key->listener_port));
	hdl_jsonw_object_end(l->w);
	hdl_jsonw_key(l->w, "value");
	hdl_jsonw_object(l->w);
	hdl_maps_address(l->w, "address", &value->address);
	hdl_jsonw_ku64(l->w, "port", __builtin_bswap16(value->port));
	hdl_jsonw_ku64(l->w, "uid", value->uid);
	hdl_jsonw_ku64(l->w, "netns_cookie", value->netns_cookie);
	hdl_maps_end(l);
}

static void list_origin(struct hdl_maps *l)
{
	hdl_dp_origins(l->maps, origin_row, l);
}

static bool traffic_row(void *data, const struct hdl_traffic_key *key, const struct hdl_traffic *value)
{
	struct hdl_maps *l = data;

	if (!hdl_maps_begin(l))
		return false;
	hdl_jsonw_key(l->w, "key");
	hdl_jsonw_object(l->w);
	hdl_jsonw_ku64(l->w, "workload", key->workload);
	hdl_maps_workload(l->w, l->view, key->workload);
	hdl_jsonw_ku64(l->w, "endpoint", key->endpoint);
	hdl_jsonw_ku64(l->w, "generation", key->generation);
	hdl_jsonw_ku64(l->w, "verdict", key->verdict);
	hdl_jsonw_object_end(l->w);
	hdl_jsonw_key(l->w, "value");
	hdl_jsonw_object(l->w);
	hdl_jsonw_ku64(l->w, "opened", value->opened);
	hdl_jsonw_ku64(l->w, "closed", value->closed);
	hdl_jsonw_ku64(l->w, "sent_bytes", value->sent_bytes);
	hdl_jsonw_ku64(l->w, "received_bytes", value->received_bytes);
	hdl_maps_end(l);
	return false;
}

static void list_traffic(struct hdl_maps *l)
{
	(void)hdl_dp_traffic(l->maps, traffic_row, l);
}

static void list_verdict(struct hdl_maps *l)
{
	static const struct {
		const char *label, *sentence;
	} verdicts[] = {
#define VERDICT(number, name, label, flag, sentence) { label, sentence },
		HDL_VERDICTS(VERDICT)
#undef VERDICT
	};
	uint64_t counts[HDL_VERDICT_COUNT] = { 0 };

	(void)hdl_dp_verdicts(l->maps, counts);
	for (unsigned int i = 0; i < HDL_VERDICT_COUNT; i++) {
		if (!hdl_maps_begin(l))
			continue;
		hdl_maps_id(l->w, i);
		hdl_jsonw_kstr(l->w, "name", verdicts[i].label);
		hdl_jsonw_ku64(l->w, "count", counts[i]);
		hdl_jsonw_kstr(l->w, "meaning", verdicts[i].sentence);
		hdl_maps_end(l);
	}
}

static void service_verdict_row(void *data, const char *service, uint32_t verdict, uint64_t count)
{
	struct hdl_maps *l = data;

	if (!hdl_maps_begin(l))
		return;
	hdl_jsonw_key(l->w, "key");
	hdl_jsonw_object(l->w);
	hdl_jsonw_kstr(l->w, "service", service);
	hdl_jsonw_kstr(l->w, "verdict", hdl_admin_verdict_words(verdict).label);
	hdl_jsonw_object_end(l->w);
	hdl_jsonw_ku64(l->w, "value", count);
	hdl_jsonw_object_end(l->w);
}

/* As summed: several ids are one service port, and those of services that are gone are still in the sums. */
static void list_service_verdict(struct hdl_maps *l)
{
	if (l->view->service_counts)
		hdl_dp_service_counts_each(l->view->service_counts, service_verdict_row, l);
}

int hdl_admin_json_map(struct hdl_jsonw *w, const struct hdl_admin_view *view, const char *name, uint64_t offset)
{
	static const struct {
		const char *name;
		void (*list)(struct hdl_maps *listing);
	} lists[] = {
		{ "state", list_state },
		{ "vip", list_vip },
		{ "service", list_service },
		{ "route", list_route },
		{ "cluster", list_cluster },
		{ "balance", list_balance },
		{ "endpoint", list_endpoint },
		{ "slot", list_slot },
		{ "health", list_health },
		{ "workload", list_workload },
		{ "listener", list_listener },
		{ "traffic", list_traffic },
		{ "verdict", list_verdict },
		{ "origin", list_origin },
		{ "client", hdl_maps_client },
		{ "group", hdl_maps_group },
		{ "ring", hdl_maps_ring },
		{ "node_address", hdl_maps_node_address },
		{ "affinity", hdl_maps_affinity },
		{ "udp", hdl_maps_udp },
		{ "flow", hdl_maps_flow },
		{ "interface", hdl_maps_interface },
		{ "local_pod", hdl_maps_local_pod },
		{ "edge_flow", hdl_maps_edge_flow },
		{ "edge_interface", hdl_maps_edge_interface },
		{ "edge_address", hdl_maps_edge_address },
		{ "service_verdict", list_service_verdict },
	};
	struct hdl_maps listing = { .w = w, .view = view, .maps = view->maps, .skip = offset };

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		if (strcmp(lists[i].name, name) != 0)
			continue;
		hdl_jsonw_kstr(w, "name", name);
		hdl_jsonw_ku64(w, "epoch", epoch_of(&listing));
		hdl_jsonw_key(w, "entries");
		hdl_jsonw_array(w);
		lists[i].list(&listing);
		hdl_jsonw_array_end(w);
		hdl_jsonw_kbool(w, "truncated", listing.truncated);
		return 0;
	}
	return -ENOENT;
}
