/* SPDX-License-Identifier: Apache-2.0 */
/* What must change in the maps for a snapshot to be in force: ids, ranges and records, compared by content. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/addr.h"
#include "base/hash.h"
#include "dp/publisher.h"
#include "heddle/core/subset.h"
#include "lb/maglev.h"

/* A list item in the plan's arena; NULL sets plan->err. */
static void *item_new(struct hdl_plan *plan, size_t size)
{
	void *item = hdl_arena_alloc(plan->arena, size);

	if (!item)
		hdl_err_set(plan->err, -ENOMEM, "out of memory");
	return item;
}

static int push_id(struct hdl_plan *plan, struct hdl_plan_id **list, uint32_t id)
{
	struct hdl_plan_id *item = item_new(plan, sizeof(*item));

	if (!item)
		return -ENOMEM;
	*item = (struct hdl_plan_id){ .next = *list, .id = id };
	*list = item;
	return 0;
}

static int push_range(struct hdl_plan *plan, struct hdl_plan_range **list, struct hdl_range range, const void *content)
{
	struct hdl_plan_range *item;

	if (range.count == 0)
		return 0;
	item = item_new(plan, sizeof(*item));
	if (!item)
		return -ENOMEM;
	*item = (struct hdl_plan_range){ .next = *list, .range = range, .content = content };
	*list = item;
	return 0;
}

static int retire_range(struct hdl_plan *plan, struct hdl_plan_range **list, struct hdl_range range)
{
	plan->retire_count++;
	return push_range(plan, list, range, NULL);
}

/* Gives the key an id: the one it has, or a new one, noted for undoing. */
static int intern(struct hdl_plan *plan, struct hdl_registry *registry, const void *key, struct hdl_plan_id **fresh,
		  const char *map, const char *what, const char *name, uint32_t *ret_id, bool *ret_fresh)
{
	uint32_t id = hdl_registry_find(registry, key);
	int r;

	*ret_fresh = id == 0;
	if (id == 0) {
		r = hdl_registry_insert(registry, key, &id);
		if (r == -ENOSPC)
			return hdl_err_set(
				plan->err, r,
				"map %s is full (%u in use, %u still used by older epochs): no room for %s %s", map,
				registry->linked, registry->retired, what, name);
		if (r < 0)
			return hdl_err_set(plan->err, r, "out of memory");
		r = push_id(plan, fresh, id);
		if (r < 0) {
			hdl_registry_release(registry, id);
			return r;
		}
	}
	*ret_id = id;
	return 0;
}

/* Snapshots share parts, and other threads read those: nothing is stored that is there already. */
static void set_u32(uint32_t *field, uint32_t value)
{
	if (*field != value)
		*field = value;
}

static void set_range(struct hdl_range *field, struct hdl_range value)
{
	set_u32(&field->offset, value.offset);
	set_u32(&field->count, value.count);
}

/* --- pods ---------------------------------------------------------------------------------------------------------- */

/*
 * Pods are numbered by a hash of their name, so that rows of `traffic` and records of sockets still mean the same pod
 * after a restart of the daemon, although names are in no map.
 */
static int plan_workload(struct hdl_plan *plan, struct hdl_ir_workload *workload)
{
	struct hdl_publisher *p = plan->publisher;
	char name[600];
	uint32_t number, id;
	bool fresh;
	int r;

	snprintf(name, sizeof(name), "%s/%s", workload->ns, workload->name);
	number = (uint32_t)hdl_hash64(name, strlen(name), 0);
	for (;; number++) {
		if (number == 0)
			continue;
		r = intern(plan, &p->workload, &number, &plan->fresh_workloads, "workload", "pod", name, &id, &fresh);
		if (r < 0)
			return r;
		if (p->workload_seen[id] != plan->serial) /* else another pod of this snapshot has the number */
			break;
	}
	p->workload_seen[id] = plan->serial;
	set_u32(&workload->id, number);
	return 0;
}

/* --- clusters ------------------------------------------------------------------------------------------------------ */

static int scratch_reserve(struct hdl_plan *plan, size_t count)
{
	for (int f = 0; f < HDL_FAMILIES; f++) {
		uint32_t *bigger;

		if (count <= plan->scratch_capacity)
			return 0;
		bigger = realloc(plan->scratch[f], count * sizeof(*bigger));
		if (!bigger)
			return hdl_err_set(plan->err, -ENOMEM, "out of memory");
		plan->scratch[f] = bigger;
	}
	plan->scratch_capacity = (uint32_t)count;
	return 0;
}

/* Gives the endpoint its id; *ret_id is 0 when it was listed before in the same cluster. */
static int plan_endpoint(struct hdl_plan *plan, const struct hdl_ir_cluster *cluster, struct hdl_ir_endpoint *endpoint,
			 uint32_t *ret_id)
{
	struct hdl_publisher *p = plan->publisher;
	struct hdl_endpoint_key key = {
		.address = { endpoint->address[HDL_FAMILY_V4], endpoint->address[HDL_FAMILY_V6] },
		.cluster = cluster->id,
		.port = endpoint->port,
	};
	bool seen, fresh;
	uint32_t id;
	int r = intern(plan, &p->endpoint, &key, &plan->fresh_endpoints, "endpoint", "an endpoint of cluster",
		       cluster->name, &id, &fresh);

	if (r < 0)
		return r;
	seen = p->endpoint_seen[id] == plan->serial;
	p->endpoint_seen[id] = plan->serial;
	set_u32(&endpoint->id, id);
	if (fresh) {
		struct hdl_plan_endpoint *item = item_new(plan, sizeof(*item));

		if (!item)
			return -ENOMEM;
		*item = (struct hdl_plan_endpoint){
			.next = plan->endpoints, .id = id, .cluster = cluster->id, .endpoint = endpoint
		};
		plan->endpoints = item;
	}
	*ret_id = seen ? 0 : id;
	return 0;
}

/*
 * Generation: the low half of the epoch with which the record came. An id comes into use at most once per epoch and
 * epochs never repeat while the maps live, so that no socket mistakes a later use of the id for its own.
 */
static uint32_t generation_of(const struct hdl_plan *plan)
{
	return (uint32_t)plan->epoch ? (uint32_t)plan->epoch : 1;
}

static int plan_members(struct hdl_plan *plan, struct hdl_ir_cluster *cluster, uint32_t count[HDL_FAMILIES],
			uint32_t *ret_total)
{
	struct hdl_publisher *p = plan->publisher;
	uint32_t id, total = 0;
	int r;

	count[HDL_FAMILY_V4] = count[HDL_FAMILY_V6] = 0;
	r = scratch_reserve(plan, cluster->endpoint_count);
	for (size_t i = 0; r == 0 && i < cluster->endpoint_count; i++) {
		struct hdl_ir_endpoint *e = &cluster->endpoints[i];

		if (e->status != HDL_IR_HEALTHY || e->port == 0 ||
		    (hdl_addr_is_zero(&e->address[HDL_FAMILY_V4]) && hdl_addr_is_zero(&e->address[HDL_FAMILY_V6]))) {
			set_u32(&e->id, 0);
			set_u32(&e->generation, 0);
			continue;
		}
		r = plan_endpoint(plan, cluster, e, &id);
		if (r < 0)
			return r;
		set_u32(&e->generation, p->maps->endpoint[e->id].generation ? p->maps->endpoint[e->id].generation :
									      generation_of(plan));
		if (id == 0)
			continue;
		total++;
		for (int f = 0; f < HDL_FAMILIES; f++) {
			if (!hdl_addr_is_zero(&e->address[f]))
				plan->scratch[f][count[f]++] = id;
		}
	}
	if (r == 0 && total > HDL_CLUSTER_ENDPOINTS_MAX)
		return hdl_err_set(plan->err, -ENOSPC, "cluster %s has %u endpoints, at most %u are possible",
				   cluster->name, total, HDL_CLUSTER_ENDPOINTS_MAX);
	*ret_total = total;
	return r;
}

/* Puts content into slots: *range if that holds it already, else a new range in its place. */
static int plan_slots(struct hdl_plan *plan, const struct hdl_ir_cluster *cluster, const char *what,
		      const uint32_t *content, uint32_t count, struct hdl_range *range)
{
	struct hdl_publisher *p = plan->publisher;
	struct hdl_range fresh = { 0, 0 };
	uint32_t *copy;
	int r;

	if (range->count == count && (count == 0 || memcmp(p->maps->slot + range->offset, content, count * 4u) == 0))
		return 0;
	if (count) {
		copy = hdl_arena_calloc(plan->arena, count, sizeof(*copy));
		if (!copy)
			return hdl_err_set(plan->err, -ENOMEM, "out of memory");
		memcpy(copy, content, count * sizeof(*copy));
		r = hdl_ranges_alloc(&p->slot_ranges, count, &fresh);
		if (r == -ENOSPC)
			return hdl_err_set(
				plan->err, r,
				"map slot is full (%u of %u free): no room for the %s of cluster %s, %u slots",
				p->slot_ranges.free, p->slot_ranges.total, what, cluster->name, count);
		if (r == 0) {
			r = push_range(plan, &plan->slots, fresh, copy);
			if (r < 0)
				hdl_ranges_free(&p->slot_ranges, fresh);
		}
		if (r < 0)
			return hdl_err_set(plan->err, r, "out of memory");
	}
	r = retire_range(plan, &plan->retired_slots, *range);
	*range = fresh;
	return r;
}

/* Keys and weights of the members, in the order of scratch. */
struct table_input {
	const char **keys;
	uint32_t *weights;
	uint64_t hash; /* of all that the table depends on */
};

static int table_input(struct hdl_plan *plan, const struct hdl_ir_cluster *cluster, int family, uint32_t count,
		       struct table_input *ret)
{
	uint64_t hash = hdl_hash64(&cluster->table_size, sizeof(cluster->table_size), 0);
	char text[HDL_ADDR_PORT_TEXT_MAX];
	uint32_t n = 0;

	ret->keys = hdl_arena_calloc(plan->arena, count, sizeof(*ret->keys));
	ret->weights = hdl_arena_calloc(plan->arena, count, sizeof(*ret->weights));
	if (!ret->keys || !ret->weights)
		return hdl_err_set(plan->err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < cluster->endpoint_count && n < count; i++) {
		const struct hdl_ir_endpoint *e = &cluster->endpoints[i];

		if (e->id != plan->scratch[family][n]) /* not healthy, a double, or of the other family only */
			continue;
		hdl_addr_port_print(&e->address[family], e->port, text);
		ret->keys[n] = hdl_arena_strdup(plan->arena, text);
		if (!ret->keys[n])
			return hdl_err_set(plan->err, -ENOMEM, "out of memory");
		ret->weights[n] = e->weight ? e->weight : 1;
		hash = hdl_hash64(text, strlen(text), hash);
		hash = hdl_hash64(&e->id, sizeof(e->id), hash + ret->weights[n]);
		n++;
	}
	ret->hash = hash ? hash : 1;
	return 0;
}

static int plan_table(struct hdl_plan *plan, struct hdl_ir_cluster *cluster, int family, uint32_t count,
		      struct hdl_plan_cluster *item)
{
	struct hdl_publisher *p = plan->publisher;
	struct hdl_range *range = &item->version.table[family];
	struct table_input input = { .hash = 0 };
	uint32_t *table;
	int r;

	item->table_input[family] = 0;
	if (cluster->policy != HDL_POLICY_MAGLEV || cluster->table_size == 0 || count == 0)
		return plan_slots(plan, cluster, "hash table", NULL, 0, range);
	r = table_input(plan, cluster, family, count, &input);
	if (r < 0)
		return r;
	item->table_input[family] = input.hash;
	if (range->count && p->table_input[item->id][family] == input.hash)
		return 0;
	table = hdl_arena_calloc(plan->arena, cluster->table_size, sizeof(*table));
	if (!table)
		return hdl_err_set(plan->err, -ENOMEM, "out of memory");
	r = hdl_maglev_build(input.keys, input.weights, count, cluster->table_size, table);
	if (r < 0)
		return hdl_err_set(plan->err, r, "cluster %s: no Maglev table of size %u: %s", cluster->name,
				   cluster->table_size, strerror(-r));
	for (uint32_t i = 0; i < cluster->table_size; i++)
		table[i] = plan->scratch[family][table[i]];
	return plan_slots(plan, cluster, "hash table", table, cluster->table_size, range);
}

static enum hdl_hash_input hash_input(enum hdl_ir_hash_source source)
{
	if (source == HDL_IR_HASH_NONE)
		return HDL_HASH_NONE;
	return source == HDL_IR_HASH_SOURCE_IP ? HDL_HASH_SOURCE_IP : HDL_HASH_REQUEST;
}

static bool is_whole_service(const struct hdl_ir_cluster *cluster)
{
	return !cluster->subset || cluster->subset[0] == '\0';
}

static int count_endpoints(struct hdl_plan *plan, const struct hdl_ir_cluster *cluster, uint32_t total)
{
	if (!is_whole_service(cluster))
		return 0;
	plan->endpoint_total += total;
	if (plan->endpoint_total > plan->publisher->capacity.endpoints)
		return hdl_err_set(plan->err, -ENOSPC,
				   "map endpoint: mapCapacity.endpoints is %u, cluster %s with %u endpoints is over it",
				   plan->publisher->capacity.endpoints, cluster->name, total);
	return 0;
}

/* Fills the record wanted; returns whether it differs from the one in force, or negative errno. */
static int plan_cluster_record(struct hdl_plan *plan, struct hdl_ir_cluster *cluster, struct hdl_plan_cluster *item)
{
	struct hdl_publisher *p = plan->publisher;
	int at = item->fresh ? -1 : hdl_publisher_cluster_version(p, item->id);
	const struct hdl_cluster_version *now = at < 0 ? NULL : &p->maps->cluster[item->id].version[at];
	struct hdl_cluster_version *v = &item->version;
	uint32_t count[HDL_FAMILIES], total = 0;
	int r;

	if (now)
		*v = *now;
	v->epoch = 0;
	v->name_hash = cluster->name_hash;
	r = plan_members(plan, cluster, count, &total);
	if (r == 0)
		r = count_endpoints(plan, cluster, total);
	for (int f = 0; r == 0 && f < HDL_FAMILIES; f++) {
		r = plan_slots(plan, cluster, "endpoint list", plan->scratch[f], count[f], &v->member[f]);
		if (r == 0)
			r = plan_table(plan, cluster, f, count[f], item);
		set_range(&cluster->member[f], v->member[f]);
		set_range(&cluster->table[f], v->table[f]);
	}
	if (r < 0)
		return r;
	v->endpoint_count = total;
	v->policy = (__u8)cluster->policy;
	v->hash_input = (__u8)hash_input(cluster->hash_source);
	v->min_health_percent = cluster->outlier.enabled ? cluster->outlier.min_health_percent : 0;
	v->max_ejection_percent = cluster->outlier.enabled ? cluster->outlier.max_ejection_percent : 0;
	if (!now)
		return 1;
	return memcmp((const char *)v + sizeof(v->epoch), (const char *)now + sizeof(now->epoch),
		      sizeof(*v) - sizeof(v->epoch)) != 0;
}

static int plan_cluster(struct hdl_plan *plan, struct hdl_ir_cluster *cluster)
{
	struct hdl_publisher *p = plan->publisher;
	struct hdl_plan_cluster *item = item_new(plan, sizeof(*item));
	uint64_t key = cluster->name_hash;
	int r;

	if (!item)
		return -ENOMEM;
	r = intern(plan, &p->cluster, &key, &plan->fresh_clusters, "cluster", "cluster", cluster->name, &item->id,
		   &item->fresh);
	if (r < 0)
		return r;
	if (p->cluster_seen[item->id] == plan->serial)
		return hdl_err_set(plan->err, -EEXIST, "cluster %s is there twice, or its name hash is another's",
				   cluster->name);
	p->cluster_seen[item->id] = plan->serial;
	set_u32(&cluster->id, item->id);
	r = plan_cluster_record(plan, cluster, item);
	if (r > 0) {
		item->next = plan->clusters;
		plan->clusters = item;
	} else if (r == 0) {
		/* The same tables: after adoption it is only now known what they were made of. */
		memcpy(p->table_input[item->id], item->table_input, sizeof(item->table_input));
	}
	return r < 0 ? r : 0;
}

/* --- services ------------------------------------------------------------------------------------------------------ */

static int intern_service_port(struct hdl_plan *plan, const struct hdl_ir_service_port *port, uint32_t *ret_number,
			       uint32_t *ret_id, bool *ret_fresh)
{
	struct hdl_publisher *p = plan->publisher;
	char name[600];
	uint32_t number;
	int r;

	snprintf(name, sizeof(name), "%s:%u", port->service->fqdn, port->port);
	number = (uint32_t)hdl_hash64(name, strlen(name), 0);
	for (;; number++) {
		if (number == 0)
			continue;
		r = intern(plan, &p->service_port, &number, &plan->fresh_ports, "service", "service port", name, ret_id,
			   ret_fresh);
		if (r < 0)
			return r;
		if (p->service_port_seen[*ret_id] != plan->serial)
			break;
	}
	p->service_port_seen[*ret_id] = plan->serial;
	*ret_number = number;
	return 0;
}

static int build_rows(struct hdl_plan *plan, const struct hdl_ir_service_port *port, struct hdl_route_row **ret)
{
	struct hdl_route_row *rows;

	if (port->destination_count > HDL_ROUTE_DESTINATIONS_MAX)
		return hdl_err_set(plan->err, -ENOSPC,
				   "service %s:%u has %zu weighted destinations, at most %u are possible",
				   port->service->fqdn, port->port, port->destination_count,
				   HDL_ROUTE_DESTINATIONS_MAX);
	rows = hdl_arena_calloc(plan->arena, port->destination_count ? port->destination_count : 1, sizeof(*rows));
	if (!rows)
		return hdl_err_set(plan->err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < port->destination_count; i++) {
		const struct hdl_ir_destination *d = &port->destinations[i];

		rows[i].threshold = d->threshold;
		rows[i].cluster = d->cluster ? d->cluster->id : HDL_CLUSTER_NONE;
	}
	*ret = rows;
	return 0;
}

static int push_route(struct hdl_plan *plan, uint32_t service_port, struct hdl_range range)
{
	struct hdl_plan_route *item = item_new(plan, sizeof(*item));

	if (!item)
		return -ENOMEM;
	*item = (struct hdl_plan_route){ .next = plan->routes, .service_port = service_port, .range = range };
	plan->routes = item;
	return 0;
}

/* The route of a service port: the range it has, if the rows are the same, else a new one. */
static int plan_route(struct hdl_plan *plan, const struct hdl_ir_service_port *port, uint32_t id, bool fresh,
		      struct hdl_range *ret)
{
	struct hdl_publisher *p = plan->publisher;
	struct hdl_range old = { 0, 0 }, range = { 0, 0 };
	uint32_t count = (uint32_t)port->destination_count;
	struct hdl_route_row *rows = NULL;
	int r = build_rows(plan, port, &rows);

	if (r < 0)
		return r;
	if (!fresh)
		old = p->route[id];
	if (old.count == count &&
	    (count == 0 || memcmp(p->maps->route + old.offset, rows, count * sizeof(*rows)) == 0)) {
		*ret = old;
		return fresh ? push_route(plan, id, old) : 0;
	}
	if (count) {
		r = hdl_ranges_alloc(&p->route_ranges, count, &range);
		if (r == -ENOSPC)
			return hdl_err_set(plan->err, r, "map route is full (%u of %u free): no room for service %s:%u",
					   p->route_ranges.free, p->route_ranges.total, port->service->fqdn,
					   port->port);
		if (r == 0) {
			r = push_range(plan, &plan->rows, range, rows);
			if (r < 0)
				hdl_ranges_free(&p->route_ranges, range);
		}
		if (r < 0)
			return hdl_err_set(plan->err, r, "out of memory");
	}
	r = retire_range(plan, &plan->retired_rows, old);
	if (r == 0)
		r = push_route(plan, id, range);
	*ret = range;
	return r;
}

static int plan_service_address(struct hdl_plan *plan, const struct hdl_ir_service_port *port, struct hdl_vip_key key,
				struct hdl_service_version version)
{
	struct hdl_publisher *p = plan->publisher;
	const struct hdl_service_version *now;
	struct hdl_plan_service *item;
	char name[HDL_ADDR_PORT_TEXT_MAX];
	uint32_t id;
	bool fresh;
	int r, at;

	hdl_addr_port_print(&key.address, port->port, name);
	r = intern(plan, &p->service, &key, &plan->fresh_services, "service", "service address", name, &id, &fresh);
	if (r < 0)
		return r;
	if (p->service_seen[id] == plan->serial)
		return hdl_err_set(plan->err, -EEXIST, "service address %s of %s belongs to another service too", name,
				   port->service->fqdn);
	p->service_seen[id] = plan->serial;
	version.key = key;
	at = fresh ? -1 : hdl_publisher_service_version(p, id);
	now = at < 0 ? NULL : &p->maps->service[id].version[at];
	if (now && memcmp((const char *)&version + sizeof(version.epoch), (const char *)now + sizeof(now->epoch),
			  sizeof(version) - sizeof(version.epoch)) == 0)
		return 0;
	item = item_new(plan, sizeof(*item));
	if (!item)
		return -ENOMEM;
	*item = (struct hdl_plan_service){ .next = plan->services, .id = id, .fresh = fresh, .version = version };
	plan->services = item;
	return 0;
}

static int plan_service_port(struct hdl_plan *plan, struct hdl_ir_service_port *port, uint32_t *total)
{
	struct hdl_service_version version = { .label = (__u8)port->label, .fail_mode = (__u8)port->fail_mode };
	const struct hdl_ir_service *service = port->service;
	struct hdl_range route = { 0, 0 };
	uint32_t id;
	bool fresh;
	int r;

	/* Headless services are dialled at their endpoints; datagrams are not translated. */
	if (service->address_count == 0 || port->protocol == HDL_IR_UDP || port->label == HDL_LABEL_NONE)
		return 0;
	*total += (uint32_t)service->address_count;
	if (*total > plan->publisher->capacity.services)
		return hdl_err_set(plan->err, -ENOSPC, "map vip: mapCapacity.services is %u, service %s:%u is over it",
				   plan->publisher->capacity.services, service->fqdn, port->port);
	r = intern_service_port(plan, port, &version.service_port, &id, &fresh);
	if (r == 0)
		r = plan_route(plan, port, id, fresh, &route);
	if (r < 0)
		return r;
	version.route_offset = route.offset;
	version.route_count = (__u16)route.count;
	for (size_t i = 0; r == 0 && i < service->address_count; i++) {
		struct hdl_vip_key key = {
			.address = service->addresses[i],
			.port = htons(port->port),
			.protocol = IPPROTO_TCP,
		};

		r = plan_service_address(plan, port, key, version);
	}
	return r;
}

/* --- what goes ----------------------------------------------------------------------------------------------------- */

static int plan_gone_ids(struct hdl_plan *plan, const struct hdl_registry *registry, const uint32_t *seen,
			 struct hdl_plan_id **list)
{
	for (uint32_t id = 1; id < registry->next; id++) {
		if (!hdl_registry_is_linked(registry, id) || seen[id] == plan->serial)
			continue;
		if (push_id(plan, list, id) < 0)
			return -ENOMEM;
		plan->retire_count++;
	}
	return 0;
}

/* A cluster that goes is staged as an empty version, so that a restart does not take it for one in force. */
static int plan_gone_cluster(struct hdl_plan *plan, uint32_t id)
{
	struct hdl_publisher *p = plan->publisher;
	struct hdl_plan_cluster *item = item_new(plan, sizeof(*item));
	int at = hdl_publisher_cluster_version(p, id), r = 0;

	if (!item)
		return -ENOMEM;
	*item = (struct hdl_plan_cluster){ .next = plan->clusters, .id = id };
	plan->clusters = item;
	for (int f = 0; at >= 0 && r == 0 && f < HDL_FAMILIES; f++) {
		r = retire_range(plan, &plan->retired_slots, p->maps->cluster[id].version[at].member[f]);
		if (r == 0)
			r = retire_range(plan, &plan->retired_slots, p->maps->cluster[id].version[at].table[f]);
	}
	return r;
}

static int plan_gone_service(struct hdl_plan *plan, uint32_t id)
{
	struct hdl_plan_service *item = item_new(plan, sizeof(*item));

	if (!item)
		return -ENOMEM;
	*item = (struct hdl_plan_service){ .next = plan->services, .id = id };
	memcpy(&item->version.key, hdl_registry_key(&plan->publisher->service, id), sizeof(item->version.key));
	plan->services = item;
	return 0;
}

static int plan_gone(struct hdl_plan *plan)
{
	struct hdl_publisher *p = plan->publisher;
	int r = plan_gone_ids(plan, &p->service, p->service_seen, &plan->gone_services);

	if (r == 0)
		r = plan_gone_ids(plan, &p->service_port, p->service_port_seen, &plan->gone_ports);
	if (r == 0)
		r = plan_gone_ids(plan, &p->cluster, p->cluster_seen, &plan->gone_clusters);
	if (r == 0)
		r = plan_gone_ids(plan, &p->endpoint, p->endpoint_seen, &plan->gone_endpoints);
	if (r == 0)
		r = plan_gone_ids(plan, &p->workload, p->workload_seen, &plan->gone_workloads);
	for (const struct hdl_plan_id *i = plan->gone_services; r == 0 && i; i = i->next)
		r = plan_gone_service(plan, i->id);
	for (const struct hdl_plan_id *i = plan->gone_ports; r == 0 && i; i = i->next)
		r = retire_range(plan, &plan->retired_rows, p->route[i->id]);
	for (const struct hdl_plan_id *i = plan->gone_clusters; r == 0 && i; i = i->next)
		r = plan_gone_cluster(plan, i->id);
	return r;
}

/* --- whole --------------------------------------------------------------------------------------------------------- */

int hdl_plan_make(struct hdl_plan *plan)
{
	const struct hdl_snapshot *s = plan->snapshot;
	uint32_t addresses = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->workload_count; i++)
		r = plan_workload(plan, s->workloads[i]);
	for (size_t i = 0; r == 0 && i < s->cluster_count; i++)
		r = plan_cluster(plan, s->clusters[i]);
	for (size_t i = 0; r == 0 && i < s->service_port_count; i++)
		r = plan_service_port(plan, s->service_ports[i], &addresses);
	return r == 0 ? plan_gone(plan) : r;
}

static void undo_ids(struct hdl_registry *registry, const struct hdl_plan_id *list, uint32_t *seen)
{
	for (; list; list = list->next) {
		seen[list->id] = 0;
		hdl_registry_release(registry, list->id);
	}
}

void hdl_plan_undo(struct hdl_plan *plan)
{
	struct hdl_publisher *p = plan->publisher;

	for (const struct hdl_plan_range *i = plan->slots; i; i = i->next)
		hdl_ranges_free(&p->slot_ranges, i->range);
	for (const struct hdl_plan_range *i = plan->rows; i; i = i->next)
		hdl_ranges_free(&p->route_ranges, i->range);
	undo_ids(&p->service, plan->fresh_services, p->service_seen);
	undo_ids(&p->service_port, plan->fresh_ports, p->service_port_seen);
	undo_ids(&p->cluster, plan->fresh_clusters, p->cluster_seen);
	undo_ids(&p->endpoint, plan->fresh_endpoints, p->endpoint_seen);
	undo_ids(&p->workload, plan->fresh_workloads, p->workload_seen);
}
