/* SPDX-License-Identifier: Apache-2.0 */
/* Groups of a cluster in a plan: rows of `group`, each with the lists of its own members (specification C.4). */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include "base/addr.h"
#include "dp/publisher.h"

/* What is in force of the cluster, and what is to be. */
struct rows {
	const struct hdl_group *now;
	uint32_t now_count;
	struct hdl_group *wanted;
	struct hdl_publisher_part *parts; /* of the wanted */
	uint32_t count;
};

/* Members of the group: those of the cluster's list whose places are within it. The list is in the order of groups. */
static void find_members(const struct hdl_plan *plan, const struct hdl_ir_group *from,
			 const uint32_t count[HDL_FAMILIES], const struct hdl_cluster_version *v, struct hdl_group *row)
{
	for (int f = 0; f < HDL_FAMILIES; f++) {
		uint32_t first = 0, end;

		while (first < count[f] && plan->scratch_from[f][first] < from->first)
			first++;
		for (end = first; end < count[f] && plan->scratch_from[f][end] - from->first < from->count;)
			end++;
		row->member[f] = (struct hdl_range){ v->member[f].offset + first, end - first };
	}
}

/* Those that are listed twice count once, as they have one record. */
static void count_endpoints(const struct hdl_plan *plan, const struct hdl_ir_cluster *cluster,
			    const struct hdl_ir_group *from, const struct hdl_cluster_version *v, struct hdl_group *row)
{
	const uint32_t first6 = row->member[HDL_FAMILY_V6].offset - v->member[HDL_FAMILY_V6].offset;

	row->healthy_count = row->member[HDL_FAMILY_V4].count;
	for (uint32_t i = 0; i < row->member[HDL_FAMILY_V6].count; i++) {
		const struct hdl_ir_endpoint *e = &cluster->endpoints[plan->scratch_from[HDL_FAMILY_V6][first6 + i]];

		row->healthy_count += hdl_addr_is_zero(&e->address[HDL_FAMILY_V4]);
	}
	row->endpoint_count = row->healthy_count;
	for (uint32_t i = from->first; i < from->first + from->count && i < cluster->endpoint_count; i++)
		row->endpoint_count += cluster->endpoints[i].status != HDL_IR_HEALTHY && !cluster->endpoints[i].standby;
}

static int plan_row(struct hdl_plan *plan, const struct hdl_ir_cluster *cluster, uint32_t i,
		    const struct hdl_cluster_version *now, const struct hdl_cluster_version *v,
		    const uint32_t count[HDL_FAMILIES], struct rows *rows)
{
	const struct hdl_ir_group *from = &cluster->groups[i];
	struct hdl_group *row = &rows->wanted[i];
	struct hdl_plan_part part = {
		.turns = row->turns,
		.table = row->table,
		.info = &rows->parts[i],
		.policy_now = now ? now->policy : (uint8_t)cluster->policy,
	};

	if (i < rows->now_count) {
		memcpy(row->turns, rows->now[i].turns, sizeof(row->turns));
		memcpy(row->table, rows->now[i].table, sizeof(row->table));
		rows->parts[i] = plan->publisher->group_part[now->group.offset + i];
	}
	row->priority = from->priority;
	row->weight = from->weight;
	find_members(plan, from, count, v, row);
	count_endpoints(plan, cluster, from, v, row);
	for (int f = 0; f < HDL_FAMILIES; f++) {
		part.from[f] = plan->scratch_from[f] + (row->member[f].offset - v->member[f].offset);
		part.count[f] = row->member[f].count;
	}
	return hdl_plan_part(plan, cluster, &part);
}

static bool is_same(const struct hdl_group *a, const struct hdl_group *b)
{
	return memcmp(a, b, offsetof(struct hdl_group, turn)) == 0;
}

static int store_rows(struct hdl_plan *plan, const struct hdl_ir_cluster *cluster,
		      const struct hdl_cluster_version *now, const struct rows *rows, struct hdl_plan_cluster *item)
{
	struct hdl_publisher *p = plan->publisher;
	struct hdl_range *range = &item->version.group, fresh = { 0, 0 };
	bool same = rows->count == rows->now_count;
	int r = 0;

	for (uint32_t i = 0; same && i < rows->count; i++)
		same = is_same(&rows->now[i], &rows->wanted[i]);
	if (!same && rows->count) {
		r = hdl_ranges_alloc(&p->group_ranges, rows->count, &fresh);
		if (r == -ENOSPC)
			return hdl_err_set(
				plan->err, r,
				"map group is full (%u of %u free): no room for the %u groups of cluster %s; "
				"mapCapacity.services says how large it is",
				p->group_ranges.free, p->group_ranges.total, rows->count, cluster->name);
		if (r == 0 && hdl_plan_push_range(plan, &plan->groups, fresh, rows->wanted) < 0) {
			hdl_ranges_free(&p->group_ranges, fresh);
			r = -ENOMEM;
		}
		if (r < 0)
			return hdl_err_set(plan->err, r, "out of memory");
	}
	if (!same) {
		if (now)
			r = hdl_plan_retire_range(plan, &plan->retired_groups, now->group, item->info.group_born);
		*range = fresh;
		item->info.group_born = plan->epoch;
	}
	if (rows->count)
		memcpy(p->group_part + range->offset, rows->parts, rows->count * sizeof(*rows->parts));
	return r;
}

int hdl_plan_groups(struct hdl_plan *plan, const struct hdl_ir_cluster *cluster, const struct hdl_cluster_version *now,
		    const uint32_t count[HDL_FAMILIES], struct hdl_plan_cluster *item)
{
	struct hdl_publisher *p = plan->publisher;
	struct rows rows = { .count = (uint32_t)cluster->group_count };
	int r = 0;

	if (cluster->group_count > HDL_GROUPS_MAX)
		return hdl_err_set(plan->err, -ENOSPC, "cluster %s has %zu groups, at most %d are possible",
				   cluster->name, cluster->group_count, HDL_GROUPS_MAX);
	if (now && now->group.count) {
		rows.now = p->maps->group + now->group.offset;
		rows.now_count = now->group.count;
	}
	if (rows.count == 0 && rows.now_count == 0)
		return 0;
	rows.wanted = hdl_arena_calloc(plan->arena, rows.count, sizeof(*rows.wanted));
	rows.parts = hdl_arena_calloc(plan->arena, rows.count, sizeof(*rows.parts));
	if (!rows.wanted || !rows.parts)
		return hdl_err_set(plan->err, -ENOMEM, "out of memory");
	for (uint32_t i = 0; r == 0 && i < rows.count; i++)
		r = plan_row(plan, cluster, i, now, &item->version, count, &rows);
	for (uint32_t i = rows.count; r == 0 && i < rows.now_count; i++)
		r = hdl_plan_part_gone(plan, now->policy, rows.now[i].turns, rows.now[i].table,
				       &p->group_part[now->group.offset + i]);
	return r == 0 ? store_rows(plan, cluster, now, &rows, item) : r;
}

int hdl_plan_groups_gone(struct hdl_plan *plan, const struct hdl_cluster_version *now, uint64_t born)
{
	const struct hdl_publisher *p = plan->publisher;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < now->group.count; i++) {
		const struct hdl_group *row = &p->maps->group[now->group.offset + i];

		r = hdl_plan_part_gone(plan, now->policy, row->turns, row->table,
				       &p->group_part[now->group.offset + i]);
	}
	return r == 0 ? hdl_plan_retire_range(plan, &plan->retired_groups, now->group, born) : r;
}
