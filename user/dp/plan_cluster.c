/* SPDX-License-Identifier: Apache-2.0 */
/* Clusters of a plan: ids, endpoints, their lists, records; compared by content with what is in force. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include "base/addr.h"
#include "dp/publisher.h"

static int scratch_grow(uint32_t **array, size_t count)
{
	uint32_t *bigger = realloc(*array, count * sizeof(*bigger));

	if (!bigger)
		return -ENOMEM;
	*array = bigger;
	return 0;
}

static int scratch_reserve(struct hdl_plan *plan, size_t count)
{
	if (count <= plan->scratch_capacity)
		return 0;
	for (int f = 0; f < HDL_FAMILIES; f++)
		if (scratch_grow(&plan->scratch[f], count) < 0 || scratch_grow(&plan->scratch_from[f], count) < 0 ||
		    scratch_grow(&plan->scratch_edge[f], count) < 0)
			return hdl_err_set(plan->err, -ENOMEM, "out of memory");
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

/* Notes where the endpoint takes part: with an address of the family, unless on standby, and at the edge. */
static void list_endpoint(struct hdl_plan *plan, const struct hdl_ir_endpoint *e, uint32_t place,
			  uint32_t count[HDL_FAMILIES])
{
	for (int f = 0; f < HDL_FAMILIES; f++) {
		if (hdl_addr_is_zero(&e->address[f]))
			continue;
		if (e->edge)
			plan->scratch_edge[f][plan->edge_count[f]++] = place;
		if (e->standby)
			continue;
		plan->scratch_from[f][count[f]] = place;
		plan->scratch[f][count[f]++] = e->id;
	}
}

static int plan_members(struct hdl_plan *plan, struct hdl_ir_cluster *cluster, uint32_t count[HDL_FAMILIES],
			uint32_t *ret_total)
{
	struct hdl_publisher *p = plan->publisher;
	uint32_t id, total = 0;
	int r;

	count[HDL_FAMILY_V4] = count[HDL_FAMILY_V6] = 0;
	plan->edge_count[HDL_FAMILY_V4] = plan->edge_count[HDL_FAMILY_V6] = 0;
	r = scratch_reserve(plan, cluster->endpoint_count);
	for (size_t i = 0; r == 0 && i < cluster->endpoint_count; i++) {
		struct hdl_ir_endpoint *e = &cluster->endpoints[i];

		if (e->status != HDL_IR_HEALTHY || (e->standby && !e->edge) || e->port == 0 ||
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
		if (id)
			list_endpoint(plan, e, (uint32_t)i, count);
		total += id && !e->standby;
	}
	if (r == 0 && total > HDL_CLUSTER_ENDPOINTS_MAX)
		return hdl_err_set(plan->err, -ENOSPC, "cluster %s has %u endpoints, at most %u are possible",
				   cluster->name, total, HDL_CLUSTER_ENDPOINTS_MAX);
	*ret_total = total;
	return r;
}

/*
 * A table for the edge, of those that serve connections from outside. Its size follows from the number of endpoints
 * alone and its keys are addresses, so that every node has the same; few sizes, since another one moves most keys.
 */
static uint32_t edge_size(uint32_t count)
{
	static const struct {
		uint32_t endpoints, size;
	} sizes[] = { { 10, 1021 }, { 40, 4093 }, { 163, 16381 }, { 655, 65537 }, { 6553, 655373 } };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		if (count <= sizes[i].endpoints)
			return sizes[i].size;
	return 6553621;
}

static int plan_edge(struct hdl_plan *plan, const struct hdl_ir_cluster *cluster, struct hdl_plan_cluster *item)
{
	int r = 0;

	for (int f = 0; r == 0 && f < HDL_FAMILIES; f++) {
		struct hdl_plan_list list = { &item->version.edge[f], &item->info.edge[f], "table of the edge" };
		struct hdl_plan_hosts hosts = { cluster, plan->scratch_edge[f], plan->edge_count[f], f };

		r = hdl_plan_maglev(plan, &hosts, edge_size(hosts.count), &list);
	}
	return r;
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

/* All that take part, whether they are healthy or not: the N of specification C.7 and the total of C.4. */
static uint32_t host_count(const struct hdl_ir_cluster *cluster, uint32_t healthy)
{
	uint32_t n = healthy;

	for (size_t i = 0; i < cluster->endpoint_count; i++)
		n += cluster->endpoints[i].status == HDL_IR_UNHEALTHY && !cluster->endpoints[i].standby;
	return n;
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

static void set_policy(struct hdl_cluster_version *v, const struct hdl_ir_cluster *cluster)
{
	v->policy = (__u8)cluster->policy;
	v->hash_input = (__u8)hash_input(cluster->hash_source);
	v->max_connections = cluster->pool.max_connections;
	v->connect_timeout_ms = to_ms(cluster->connect_timeout_ns);
	v->warmup_ms = to_ms(cluster->warmup.duration_ns);
	v->warmup_aggression = v->warmup_ms ? cluster->warmup.aggression : 0;
	v->warmup_min_percent = v->warmup_ms ? cluster->warmup.min_percent : 0;
	set_outlier(v, &cluster->outlier);
	for (size_t i = 0; i < cluster->group_count; i++)
		if (cluster->groups[i].weight)
			v->flags |= HDL_CLUSTER_SHARES;
}

/* Lists of the members, as a whole or by groups, and the tables of the edge. */
static int plan_lists(struct hdl_plan *plan, const struct hdl_ir_cluster *cluster,
		      const struct hdl_cluster_version *now, const uint32_t count[HDL_FAMILIES],
		      struct hdl_plan_cluster *item)
{
	struct hdl_cluster_version *v = &item->version;
	struct hdl_plan_part part = {
		.from = { plan->scratch_from[HDL_FAMILY_V4], plan->scratch_from[HDL_FAMILY_V6] },
		.turns = v->turns,
		.table = v->table,
		.info = &item->info.part,
		.policy_now = now ? now->policy : (uint8_t)cluster->policy,
	};
	int r = 0;

	for (int f = 0; r == 0 && f < HDL_FAMILIES; f++) {
		struct hdl_plan_list list = { &v->member[f], &item->info.member[f], "endpoint list" };

		r = hdl_plan_slots(plan, cluster, &list, plan->scratch[f], count[f]);
		part.count[f] = cluster->group_count ? 0 : count[f];
	}
	if (r == 0)
		r = hdl_plan_part(plan, cluster, &part);
	if (r == 0)
		r = hdl_plan_groups(plan, cluster, now, count, item);
	return r == 0 ? plan_edge(plan, cluster, item) : r;
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

	item->info = p->cluster_info[item->id];
	if (now)
		*v = *now;
	else
		v->generation = generation_of(plan);
	if (item->fresh)
		item->info = (struct hdl_publisher_cluster){ .born = plan->epoch };
	v->epoch = 0;
	v->flags = 0;
	v->name_hash = cluster->name_hash;
	r = plan_members(plan, cluster, count, &total);
	if (r == 0)
		r = count_endpoints(plan, cluster, total);
	if (r == 0)
		r = plan_lists(plan, cluster, now, count, item);
	if (r < 0)
		return r;
	v->endpoint_count = host_count(cluster, total);
	v->healthy_count = total;
	set_policy(v, cluster);
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
		p->cluster_info[item->id] = item->info;
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
			plan->endpoint_total -= p->maps->cluster[cluster->id].version[at].healthy_count;
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
	const struct hdl_cluster_version *v;

	if (!item)
		return -ENOMEM;
	*item = (struct hdl_plan_cluster){ .next = plan->clusters, .id = id, .info = *info };
	plan->clusters = item;
	if (at < 0)
		return 0;
	v = &p->maps->cluster[id].version[at];
	for (int f = 0; r == 0 && f < HDL_FAMILIES; f++) {
		r = hdl_plan_retire_range(plan, &plan->retired_slots, v->member[f], info->member[f].born);
		if (r == 0)
			r = hdl_plan_retire_range(plan, &plan->retired_slots, v->edge[f], info->edge[f].born);
	}
	if (r == 0)
		r = hdl_plan_part_gone(plan, v->policy, v->turns, v->table, &info->part);
	return r == 0 ? hdl_plan_groups_gone(plan, v, info->group_born) : r;
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
