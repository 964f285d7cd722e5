/* SPDX-License-Identifier: Apache-2.0 */
/* Maps beside the tables of services, decoded: clients and groups, and what programs keep of connections. */
#include <stdio.h>
#include "admin/maps.h"
#include "base/addr.h"
#include "dp/maps.h"
#include "heddle/abi_edge.h"
#include "heddle/abi_flow.h"
#include "heddle/core/subset.h"

static void put_to(struct hdl_jsonw *w, const char *key, const struct hdl_addr *address, __be16 port)
{
	char text[HDL_ADDR_PORT_TEXT_MAX];

	hdl_jsonw_kstr(w, key,
		       hdl_addr_is_zero(address) ? "" : hdl_addr_port_print(address, __builtin_bswap16(port), text));
}

void hdl_maps_client(struct hdl_maps *l)
{
	for (uint32_t id = 0; id < l->maps->client_count; id++) {
		const struct hdl_client_version *v = l->maps->client[id].version;
		int at = hdl_core_version(v[0].epoch, v[1].epoch, l->maps->state->epoch);

		if (at < 0 || !hdl_maps_begin(l))
			continue;
		hdl_maps_id(l->w, id);
		hdl_jsonw_ku64(l->w, "epoch", v[at].epoch);
		hdl_jsonw_ku64(l->w, "workload", v[at].workload);
		hdl_maps_workload(l->w, l->view, v[at].workload);
		hdl_jsonw_ku64(l->w, "class", v[at].class_id);
		hdl_jsonw_kbool(l->w, "registry_only", v[at].flags & HDL_CLIENT_REGISTRY_ONLY);
		hdl_maps_end(l);
	}
}

static void put_range(struct hdl_jsonw *w, const char *key, const struct hdl_range *range)
{
	hdl_jsonw_key(w, key);
	hdl_jsonw_object(w);
	hdl_jsonw_ku64(w, "offset", range->offset);
	hdl_jsonw_ku64(w, "count", range->count);
	hdl_jsonw_object_end(w);
}

void hdl_maps_group(struct hdl_maps *l)
{
	for (uint32_t id = 0; id < l->maps->group_count; id++) {
		const struct hdl_group *row = &l->maps->group[id];

		if (row->endpoint_count == 0 || !hdl_maps_begin(l))
			continue;
		hdl_maps_id(l->w, id);
		put_range(l->w, "member4", &row->member[HDL_FAMILY_V4]);
		put_range(l->w, "member6", &row->member[HDL_FAMILY_V6]);
		put_range(l->w, "table4", &row->table[HDL_FAMILY_V4]);
		put_range(l->w, "table6", &row->table[HDL_FAMILY_V6]);
		hdl_jsonw_ku64(l->w, "priority", row->priority);
		hdl_jsonw_ku64(l->w, "weight", row->weight);
		hdl_jsonw_ku64(l->w, "endpoint_count", row->endpoint_count);
		hdl_jsonw_ku64(l->w, "healthy_count", row->healthy_count);
		hdl_jsonw_ku64(l->w, "turn", row->turn);
		hdl_maps_end(l);
	}
}

void hdl_maps_ring(struct hdl_maps *l)
{
	for (uint32_t id = 0; id < l->maps->ring_count; id++) {
		const struct hdl_ring_entry *entry = &l->maps->ring[id];

		if (entry->endpoint == 0 || !hdl_maps_begin(l))
			continue;
		hdl_maps_id(l->w, id);
		hdl_jsonw_ku64(l->w, "hash", entry->hash);
		hdl_jsonw_ku64(l->w, "endpoint", entry->endpoint);
		hdl_maps_end(l);
	}
}

static bool address_row(void *data, const void *key, const void *value)
{
	struct hdl_maps *l = data;
	__u32 number = *(const __u32 *)value;

	if (hdl_maps_begin(l)) {
		hdl_maps_address(l->w, "key", key);
		hdl_jsonw_ku64(l->w, "value", number);
		hdl_jsonw_object_end(l->w);
	}
	return !l->truncated;
}

void hdl_maps_node_address(struct hdl_maps *l)
{
	hdl_dp_entries(l->maps->node_address_fd, address_row, l);
}

void hdl_maps_edge_address(struct hdl_maps *l)
{
	hdl_dp_entries(l->maps->edge_address_fd, address_row, l);
}

static bool affinity_row(void *data, const void *k, const void *v)
{
	const struct hdl_affinity_key *key = k;
	const struct hdl_affinity *value = v;
	struct hdl_maps *l = data;

	if (hdl_maps_begin(l)) {
		hdl_jsonw_key(l->w, "key");
		hdl_jsonw_object(l->w);
		hdl_maps_address(l->w, "client", &key->client);
		hdl_jsonw_ku64(l->w, "service_port", key->service_port);
		hdl_jsonw_ku64(l->w, "cluster", key->cluster);
		hdl_jsonw_kstr(l->w, "cluster_name", hdl_maps_cluster(l->view, key->cluster));
		hdl_jsonw_object_end(l->w);
		hdl_jsonw_key(l->w, "value");
		hdl_jsonw_object(l->w);
		hdl_jsonw_ku64(l->w, "endpoint", value->endpoint);
		hdl_jsonw_ku64(l->w, "generation", value->generation);
		hdl_jsonw_ku64(l->w, "used_ns", value->used_ns);
		hdl_maps_end(l);
	}
	return !l->truncated;
}

void hdl_maps_affinity(struct hdl_maps *l)
{
	hdl_dp_entries(l->maps->affinity_fd, affinity_row, l);
}

static bool udp_row(void *data, const void *k, const void *v)
{
	const struct hdl_udp_key *key = k;
	const struct hdl_udp *value = v;
	struct hdl_maps *l = data;

	if (hdl_maps_begin(l)) {
		hdl_jsonw_key(l->w, "key");
		hdl_jsonw_object(l->w);
		hdl_jsonw_ku64(l->w, "socket", key->socket);
		put_to(l->w, "address", &key->address, key->port);
		hdl_jsonw_kbool(l->w, "reply", key->reply);
		hdl_jsonw_object_end(l->w);
		hdl_jsonw_key(l->w, "value");
		hdl_jsonw_object(l->w);
		put_to(l->w, "address", &value->address, value->port);
		hdl_jsonw_ku64(l->w, "service", value->service);
		hdl_jsonw_ku64(l->w, "endpoint", value->endpoint);
		hdl_jsonw_ku64(l->w, "generation", value->generation);
		hdl_maps_end(l);
	}
	return !l->truncated;
}

void hdl_maps_udp(struct hdl_maps *l)
{
	hdl_dp_entries(l->maps->udp_fd, udp_row, l);
}

static void put_flow_key(struct hdl_jsonw *w, const struct hdl_flow_key *key)
{
	hdl_jsonw_key(w, "key");
	hdl_jsonw_object(w);
	hdl_jsonw_kstr(w, "protocol", hdl_maps_protocol(key->protocol));
	put_to(w, "source", &key->source, key->source_port);
	put_to(w, "destination", &key->destination, key->destination_port);
	hdl_jsonw_kstr(w, "direction", key->direction == HDL_FLOW_REPLY ? "reply" : "forward");
	hdl_jsonw_object_end(w);
}

static const char *state_name(unsigned int state)
{
	static const char *const names[] = { "new", "established", "closing", "closed" };

	return state < sizeof(names) / sizeof(names[0]) ? names[state] : "unknown";
}

static bool flow_row(void *data, const void *key, const void *v)
{
	const struct hdl_flow_record *value = v;
	struct hdl_maps *l = data;

	/* one that was recycled under the walk is another's */
	if (value->check == hdl_flow_check(key) && hdl_maps_begin(l)) {
		put_flow_key(l->w, key);
		hdl_jsonw_key(l->w, "value");
		hdl_jsonw_object(l->w);
		hdl_jsonw_kstr(l->w, "state", state_name(value->state));
		put_to(l->w, "address", &value->address, value->port);
		hdl_jsonw_ku64(l->w, "client_port", __builtin_bswap16(value->client_port));
		hdl_jsonw_ku64(l->w, "service", value->service);
		hdl_jsonw_ku64(l->w, "endpoint", value->endpoint);
		hdl_jsonw_ku64(l->w, "generation", value->generation);
		hdl_jsonw_ku64(l->w, "seen_ns", value->seen_ns);
		hdl_jsonw_ku64(l->w, "start_ns", value->start_ns);
		hdl_maps_end(l);
	}
	return !l->truncated;
}

void hdl_maps_flow(struct hdl_maps *l)
{
	hdl_dp_entries(l->maps->flow_fd, flow_row, l);
}

static bool interface_row(void *data, const void *k, const void *v)
{
	const __u32 *key = k;
	const __u64 *value = v;
	struct hdl_maps *l = data;

	if (hdl_maps_begin(l)) {
		hdl_jsonw_ku64(l->w, "key", *key);
		hdl_jsonw_ku64(l->w, "value", *value);
		hdl_jsonw_object_end(l->w);
	}
	return !l->truncated;
}

void hdl_maps_interface(struct hdl_maps *l)
{
	hdl_dp_entries(l->maps->interface_fd, interface_row, l);
}

static void put_mac(struct hdl_jsonw *w, const char *key, const __u8 mac[6])
{
	char text[18];

	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	hdl_jsonw_kstr(w, key, text);
}

static bool local_pod_row(void *data, const void *key, const void *v)
{
	const struct hdl_local_pod *value = v;
	struct hdl_maps *l = data;

	if (hdl_maps_begin(l)) {
		hdl_maps_address(l->w, "key", key);
		hdl_jsonw_key(l->w, "value");
		hdl_jsonw_object(l->w);
		hdl_jsonw_ku64(l->w, "ifindex", value->ifindex);
		hdl_jsonw_ku64(l->w, "mtu", value->mtu);
		put_mac(l->w, "pod_mac", value->pod_mac);
		put_mac(l->w, "host_mac", value->host_mac);
		hdl_jsonw_kbool(l->w, "packets", value->flags & HDL_LOCAL_POD_PACKETS);
		hdl_maps_end(l);
	}
	return !l->truncated;
}

void hdl_maps_local_pod(struct hdl_maps *l)
{
	hdl_dp_entries(l->maps->local_pod_fd, local_pod_row, l);
}

static bool edge_flow_row(void *data, const void *key, const void *v)
{
	const struct hdl_edge_record *value = v;
	struct hdl_maps *l = data;

	if (value->check == hdl_flow_check(key) && hdl_maps_begin(l)) {
		put_flow_key(l->w, key);
		hdl_jsonw_key(l->w, "value");
		hdl_jsonw_object(l->w);
		hdl_jsonw_kstr(l->w, "state", state_name(value->state));
		hdl_jsonw_kbool(l->w, "local", value->flags & HDL_EDGE_LOCAL);
		hdl_jsonw_kbool(l->w, "reply", value->flags & HDL_EDGE_REPLY);
		put_to(l->w, "source", &value->source, value->source_port);
		put_to(l->w, "destination", &value->destination, value->destination_port);
		hdl_jsonw_ku64(l->w, "service", value->service);
		hdl_jsonw_ku64(l->w, "endpoint", value->endpoint);
		hdl_jsonw_ku64(l->w, "generation", value->generation);
		hdl_jsonw_ku64(l->w, "seen_ns", value->seen_ns);
		hdl_jsonw_ku64(l->w, "start_ns", value->start_ns);
		hdl_maps_end(l);
	}
	return !l->truncated;
}

void hdl_maps_edge_flow(struct hdl_maps *l)
{
	hdl_dp_entries(l->maps->edge_flow_fd, edge_flow_row, l);
}

static bool edge_interface_row(void *data, const void *k, const void *v)
{
	const struct hdl_edge_interface *value = v;
	const __u32 *key = k;
	struct hdl_maps *l = data;

	if (hdl_maps_begin(l)) {
		hdl_maps_id(l->w, *key);
		hdl_maps_address(l->w, "address4", &value->address[HDL_FAMILY_V4]);
		hdl_maps_address(l->w, "address6", &value->address[HDL_FAMILY_V6]);
		hdl_jsonw_ku64(l->w, "syn_rate", value->syn_rate);
		hdl_jsonw_ku64(l->w, "syn_burst", value->syn_burst);
		hdl_jsonw_ku64(l->w, "port_first", value->port_first);
		hdl_jsonw_ku64(l->w, "port_last", value->port_last);
		hdl_jsonw_kbool(l->w, "xdp", value->flags & HDL_EDGE_INTERFACE_XDP);
		hdl_maps_end(l);
	}
	return !l->truncated;
}

void hdl_maps_edge_interface(struct hdl_maps *l)
{
	hdl_dp_entries(l->maps->edge_interface_fd, edge_interface_row, l);
}
