/* SPDX-License-Identifier: Apache-2.0 */
/* Clusters of a plan: ids, endpoints, lists and tables in `slot`, records; compared by content with what is in force. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include "base/addr.h"
#include "base/hash.h"
#include "dp/publisher.h"
#include "lb/maglev.h"

static void set_range(struct hdl_range *field, struct hdl_range value)
{
	hdl_plan_set_u32(&field->offset, value.offset);
	hdl_plan_set_u32(&field->count, value.count);
}

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
	int r = hdl_plan_intern(plan, &p->endpoint, &key, &plan->fresh_endpoints, "endpoint", "an endpoint of cluster",
				cluster->name, &id, &fresh);

	if (r < 0)
		return r;
	seen = p->endpoint_marks.wanted[id] == plan->serial && !fresh;
	p->endpoint_marks.wanted[id] = plan->serial;
	hdl_plan_set_u32(&endpoint->id, id);
	if (fresh) {
		struct hdl_plan_endpoint *item = hdl_plan_item(plan, sizeof(*item));

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

		if (e->status != HDL_IR_HEALTHY || e->standby || e->port == 0 ||
		    (hdl_addr_is_zero(&e->address[HDL_FAMILY_V4]) && hdl_addr_is_zero(&e->address[HDL_FAMILY_V6]))) {
			hdl_plan_set_u32(&e->id, 0);
			hdl_plan_set_u32(&e->generation, 0);
			continue;
		}
		r = plan_endpoint(plan, cluster, e, &id);
		if (r < 0)
			return r;
		hdl_plan_set_u32(&e->generation, p->maps->endpoint[e->id].generation ?
							 p->maps->endpoint[e->id].generation :
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

/* Puts content into slots: *range if that holds it already, else a new range in its place, and then *ret_new is set. */
static int plan_slots(struct hdl_plan *plan, const struct hdl_ir_cluster *cluster, const char *what,
		      const uint32_t *content, uint32_t count, struct hdl_range *range, uint64_t born, bool *ret_new)
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
			r = hdl_plan_push_range(plan, &plan->slots, fresh, copy);
			if (r < 0)
				hdl_ranges_free(&p->slot_ranges, fresh);
		}
		if (r < 0)
			return hdl_err_set(plan->err, r, "out of memory");
	}
	r = hdl_plan_retire_range(plan, &plan->retired_slots, *range, born);
	*range = fresh;
	*ret_new = true;
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
	const struct hdl_publisher_cluster *info = &plan->publisher->cluster_info[item->id];
	struct hdl_range *range = &item->version.table[family];
	struct table_input input = { .hash = 0 };
	uint32_t *table;
	int r;

	item->table_input[family] = 0;
	if (cluster->policy != HDL_POLICY_MAGLEV || cluster->table_size == 0 || count == 0)
		return plan_slots(plan, cluster, "hash table", NULL, 0, range, info->table_born[family],
				  &item->new_table[family]);
	r = table_input(plan, cluster, family, count, &input);
	if (r < 0)
		return r;
	item->table_input[family] = input.hash;
	if (range->count && info->table_input[family] == input.hash)
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
	return plan_slots(plan, cluster, "hash table", table, cluster->table_size, range, info->table_born[family],
			  &item->new_table[family]);
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

/* In whole milliseconds; what is less than one counts as one. */
static uint32_t to_ms(uint64_t ns)
{
	uint64_t ms = ns / 1000000 + (ns % 1000000 != 0);

	return ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
}

/* What the kernel must know to eject (specification C.7). */
static void set_outlier(struct hdl_cluster_version *v, const struct hdl_ir_outlier *outlier)
{
	static const struct hdl_ir_outlier off;
	const struct hdl_ir_outlier *o = outlier->enabled ? outlier : &off;

	v->min_health_percent = o->min_health_percent;
	v->max_ejection_percent = o->max_ejection_percent;
	v->consecutive_5xx = o->consecutive_5xx;
	v->consecutive_gateway = o->consecutive_gateway;
	v->consecutive_local_origin = o->consecutive_local_origin;
	v->interval_ms = to_ms(o->interval_ns);
	v->base_ejection_ms = to_ms(o->base_ejection_ns);
	v->flags &= (__u8) ~(HDL_CLUSTER_OUTLIER | HDL_CLUSTER_SPLIT_LOCAL);
	if (o->enabled)
		v->flags |= HDL_CLUSTER_OUTLIER;
	if (o->split_local_origin)
		v->flags |= HDL_CLUSTER_SPLIT_LOCAL;
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
		r = plan_slots(plan, cluster, "endpoint list", plan->scratch[f], count[f], &v->member[f],
			       p->cluster_info[item->id].member_born[f], &item->new_member[f]);
		if (r == 0)
			r = plan_table(plan, cluster, f, count[f], item);
		set_range(&cluster->member[f], v->member[f]);
		set_range(&cluster->table[f], v->table[f]);
	}
	if (r < 0)
		return r;
	v->endpoint_count = total;
	v->max_connections = cluster->pool.max_connections;
	if (!now)
		v->generation = generation_of(plan);
	v->policy = (__u8)cluster->policy;
	v->hash_input = (__u8)hash_input(cluster->hash_source);
	set_outlier(v, &cluster->outlier);
	if (memcmp(&cluster->record, v, sizeof(*v)) != 0)
		cluster->record = *v;
	if (!now)
		return 1;
	return memcmp((const char *)v + sizeof(v->epoch), (const char *)now + sizeof(now->epoch),
		      sizeof(*v) - sizeof(v->epoch)) != 0;
}

/* Two of one name, or two names with one hash: one of them, or one that stays, wants the id already. */
static bool is_taken(const struct hdl_plan *plan, uint32_t id, bool fresh)
{
	const struct hdl_publisher *p = plan->publisher;

	if (fresh)
		return false;
	return p->cluster_marks.wanted[id] == plan->serial ||
	       (p->cluster_info[id].at && p->cluster_marks.left[id] != plan->serial);
}

static int plan_cluster(struct hdl_plan *plan, struct hdl_ir_cluster *cluster)
{
	struct hdl_publisher *p = plan->publisher;
	struct hdl_plan_cluster *item = hdl_plan_item(plan, sizeof(*item));
	uint64_t key = cluster->name_hash;
	int r;

	if (!item)
		return -ENOMEM;
	r = hdl_plan_intern(plan, &p->cluster, &key, &plan->fresh_clusters, "cluster", "cluster", cluster->name,
			    &item->id, &item->fresh);
	if (r < 0)
		return r;
	if (is_taken(plan, item->id, item->fresh))
		return hdl_err_set(plan->err, -EEXIST, "cluster %s is there twice, or its name hash is another's",
				   cluster->name);
	p->cluster_marks.wanted[item->id] = plan->serial;
	hdl_plan_set_u32(&cluster->id, item->id);
	r = plan_cluster_record(plan, cluster, item);
	if (r > 0) {
		item->next = plan->clusters;
		plan->clusters = item;
	} else if (r == 0) {
		/* The same tables: after adoption it is only now known what they were made of. */
		memcpy(p->cluster_info[item->id].table_input, item->table_input, sizeof(item->table_input));
	}
	return r < 0 ? r : 0;
}

/* --- the difference ------------------------------------------------------------------------------------------------ */

void hdl_plan_clusters_left(struct hdl_plan *plan)
{
	struct hdl_publisher *p = plan->publisher;

	for (size_t i = 0; i < plan->cluster_diff.gone_count; i++) {
		const struct hdl_ir_cluster *cluster = plan->cluster_diff.gone[i];
		int at = hdl_publisher_cluster_version(p, cluster->id);

		p->cluster_marks.left[cluster->id] = plan->serial;
		if (is_whole_service(cluster) && at >= 0)
			plan->endpoint_total -= p->maps->cluster[cluster->id].version[at].endpoint_count;
	}
}

int hdl_plan_clusters_came(struct hdl_plan *plan)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < plan->cluster_diff.came_count; i++)
		r = plan_cluster(plan, plan->cluster_diff.came[i]);
	return r;
}

/* A cluster that goes is staged as an empty version, so that a restart does not take it for one in force. */
static int plan_gone_cluster(struct hdl_plan *plan, uint32_t id)
{
	struct hdl_publisher *p = plan->publisher;
	const struct hdl_publisher_cluster *info = &p->cluster_info[id];
	struct hdl_plan_cluster *item = hdl_plan_item(plan, sizeof(*item));
	int at = hdl_publisher_cluster_version(p, id), r = 0;

	if (!item)
		return -ENOMEM;
	*item = (struct hdl_plan_cluster){ .next = plan->clusters, .id = id };
	plan->clusters = item;
	for (int f = 0; at >= 0 && r == 0 && f < HDL_FAMILIES; f++) {
		const struct hdl_cluster_version *v = &p->maps->cluster[id].version[at];

		r = hdl_plan_retire_range(plan, &plan->retired_slots, v->member[f], info->member_born[f]);
		if (r == 0)
			r = hdl_plan_retire_range(plan, &plan->retired_slots, v->table[f], info->table_born[f]);
	}
	return r;
}

int hdl_plan_clusters_gone(struct hdl_plan *plan)
{
	struct hdl_publisher *p = plan->publisher;
	int r = 0;

	for (size_t i = 0; r == 0 && i < plan->cluster_diff.gone_count; i++) {
		const struct hdl_ir_cluster *cluster = plan->cluster_diff.gone[i];

		r = hdl_plan_leave(plan, &p->cluster_marks, cluster->id, &plan->gone_clusters);
		for (size_t e = 0; r == 0 && e < cluster->endpoint_count; e++)
			if (cluster->endpoints[e].id)
				r = hdl_plan_leave(plan, &p->endpoint_marks, cluster->endpoints[e].id,
						   &plan->gone_endpoints);
	}
	for (const struct hdl_plan_id *i = plan->gone_clusters; r == 0 && i; i = i->next)
		r = plan_gone_cluster(plan, i->id);
	return r;
}
