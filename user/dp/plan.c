/* SPDX-License-Identifier: Apache-2.0 */
/* What must change in the maps for a snapshot to be in force: the difference to the one before, pods, and what goes. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "base/hash.h"
#include "dp/publisher.h"

/* --- lists --------------------------------------------------------------------------------------------------------- */

void *hdl_plan_item(struct hdl_plan *plan, size_t size)
{
	void *item = hdl_arena_alloc(plan->arena, size);

	if (!item)
		hdl_err_set(plan->err, -ENOMEM, "out of memory");
	return item;
}

int hdl_plan_push_id(struct hdl_plan *plan, struct hdl_plan_id **list, uint32_t id)
{
	struct hdl_plan_id *item = hdl_plan_item(plan, sizeof(*item));

	if (!item)
		return -ENOMEM;
	*item = (struct hdl_plan_id){ .next = *list, .id = id };
	*list = item;
	return 0;
}

int hdl_plan_push_range(struct hdl_plan *plan, struct hdl_plan_range **list, struct hdl_range range,
			const void *content)
{
	struct hdl_plan_range *item;

	if (range.count == 0)
		return 0;
	item = hdl_plan_item(plan, sizeof(*item));
	if (!item)
		return -ENOMEM;
	*item = (struct hdl_plan_range){ .next = *list, .range = range, .content = content };
	*list = item;
	return 0;
}

int hdl_plan_retire_range(struct hdl_plan *plan, struct hdl_plan_range **list, struct hdl_range range, uint64_t born)
{
	int r = hdl_plan_push_range(plan, list, range, NULL);

	if (r < 0 || range.count == 0)
		return r;
	(*list)->born = born;
	plan->retire_count++;
	return 0;
}

int hdl_plan_intern(struct hdl_plan *plan, struct hdl_registry *registry, const void *key, struct hdl_plan_id **fresh,
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
		r = hdl_plan_push_id(plan, fresh, id);
		if (r < 0) {
			hdl_registry_release(registry, id);
			return r;
		}
	}
	*ret_id = id;
	return 0;
}

int hdl_plan_leave(struct hdl_plan *plan, struct hdl_publisher_marks *marks, uint32_t id, struct hdl_plan_id **gone)
{
	if (id == 0 || marks->wanted[id] == plan->serial)
		return 0;
	if (hdl_plan_push_id(plan, gone, id) < 0)
		return -ENOMEM;
	marks->wanted[id] = plan->serial; /* listed */
	plan->retire_count++;
	return 0;
}

/* --- pods ---------------------------------------------------------------------------------------------------------- */

static bool same_pod(const struct hdl_ir_workload *a, const struct hdl_ir_workload *b)
{
	return strcmp(a->name, b->name) == 0 && strcmp(a->ns, b->ns) == 0;
}

/* The number stays with who has it; one who goes leaves it to the same pod only, or to nobody while this plan is made. */
static bool may_have(const struct hdl_plan *plan, const struct hdl_ir_workload *workload, uint32_t id)
{
	const struct hdl_publisher *p = plan->publisher;
	const struct hdl_ir_workload *holder = p->workload_at[id];

	if (p->workload_marks.wanted[id] == plan->serial)
		return false;
	return !holder || (p->workload_marks.left[id] == plan->serial && same_pod(holder, workload));
}

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
		r = hdl_plan_intern(plan, &p->workload, &number, &plan->fresh_workloads, "workload", "pod", name, &id,
				    &fresh);
		if (r < 0)
			return r;
		if (fresh || may_have(plan, workload, id))
			break;
	}
	p->workload_marks.wanted[id] = plan->serial;
	hdl_plan_set_u32(&workload->id, number);
	return 0;
}

static int plan_workloads(struct hdl_plan *plan)
{
	struct hdl_publisher *p = plan->publisher;
	int r = 0;

	for (size_t i = 0; i < plan->workload_diff.gone_count; i++) {
		const struct hdl_ir_workload *workload = plan->workload_diff.gone[i];

		p->workload_marks.left[hdl_registry_find(&p->workload, &workload->id)] = plan->serial;
	}
	for (size_t i = 0; r == 0 && i < plan->workload_diff.came_count; i++)
		r = plan_workload(plan, plan->workload_diff.came[i]);
	for (size_t i = 0; r == 0 && i < plan->workload_diff.gone_count; i++) {
		const struct hdl_ir_workload *workload = plan->workload_diff.gone[i];

		r = hdl_plan_leave(plan, &p->workload_marks, hdl_registry_find(&p->workload, &workload->id),
				   &plan->gone_workloads);
	}
	return r;
}

/* --- what was adopted and is in no snapshot ------------------------------------------------------------------------ */

int hdl_plan_leave_unwanted(struct hdl_plan *plan, const struct hdl_registry *registry,
			    struct hdl_publisher_marks *marks, struct hdl_plan_id **gone)
{
	int r = 0;

	for (uint32_t id = 1; r == 0 && id < registry->next; id++) {
		if (hdl_registry_is_linked(registry, id))
			r = hdl_plan_leave(plan, marks, id, gone);
	}
	return r;
}

static int leave_adopted(struct hdl_plan *plan)
{
	struct hdl_publisher *p = plan->publisher;
	int r = hdl_plan_leave_unwanted(plan, &p->service, &p->service_marks, &plan->gone_services);

	if (r == 0)
		r = hdl_plan_leave_unwanted(plan, &p->service_port, &p->port_marks, &plan->gone_ports);
	if (r == 0)
		r = hdl_plan_leave_unwanted(plan, &p->cluster, &p->cluster_marks, &plan->gone_clusters);
	return r == 0 ? hdl_plan_leave_unwanted(plan, &p->endpoint, &p->endpoint_marks, &plan->gone_endpoints) : r;
}

/* --- whole --------------------------------------------------------------------------------------------------------- */

static int compare(struct hdl_plan *plan, const struct hdl_snapshot *from)
{
	const struct hdl_snapshot *to = plan->snapshot;

	if (hdl_diff_make(plan->arena, (void *const *)from->workloads, from->workload_count,
			  (void *const *)to->workloads, to->workload_count, &plan->workload_diff) < 0 ||
	    hdl_diff_make(plan->arena, (void *const *)from->clusters, from->cluster_count, (void *const *)to->clusters,
			  to->cluster_count, &plan->cluster_diff) < 0 ||
	    hdl_diff_make(plan->arena, (void *const *)from->service_ports, from->service_port_count,
			  (void *const *)to->service_ports, to->service_port_count, &plan->port_diff) < 0)
		return hdl_err_set(plan->err, -ENOMEM, "out of memory");
	return 0;
}

/* Room for what the translator lists. */
static int make_room(struct hdl_plan *plan, struct hdl_diff *diff, size_t gone, size_t came)
{
	diff->gone = hdl_arena_calloc(plan->arena, gone, sizeof(*diff->gone));
	diff->came = hdl_arena_calloc(plan->arena, came, sizeof(*diff->came));
	return diff->gone && diff->came ? 0 : hdl_err_set(plan->err, -ENOMEM, "out of memory");
}

static void list_change(struct hdl_diff *diff, void *before, void *after)
{
	if (before)
		diff->gone[diff->gone_count++] = before;
	if (after)
		diff->came[diff->came_count++] = after;
}

static int list_ports(struct hdl_plan *plan, const struct hdl_ir_changes *changes)
{
	struct hdl_diff *diff = &plan->port_diff;
	size_t gone = 0, came = 0;

	for (size_t i = 0; i < changes->service_count; i++) {
		gone += changes->services[i].before ? changes->services[i].before->port_count : 0;
		came += changes->services[i].after ? changes->services[i].after->port_count : 0;
	}
	if (make_room(plan, diff, gone, came) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < changes->service_count; i++) {
		struct hdl_ir_service *before = changes->services[i].before, *after = changes->services[i].after;

		for (size_t p = 0; before && p < before->port_count; p++)
			list_change(diff, &before->ports[p], NULL);
		for (size_t p = 0; after && p < after->port_count; p++)
			list_change(diff, NULL, &after->ports[p]);
	}
	return 0;
}

/* The translator says what it changed since the snapshot in force. */
static int list_changes(struct hdl_plan *plan, const struct hdl_ir_changes *changes)
{
	if (make_room(plan, &plan->workload_diff, changes->workload_count, changes->workload_count) < 0 ||
	    make_room(plan, &plan->cluster_diff, changes->cluster_count, changes->cluster_count) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < changes->workload_count; i++)
		list_change(&plan->workload_diff, changes->workloads[i].before, changes->workloads[i].after);
	for (size_t i = 0; i < changes->cluster_count; i++)
		list_change(&plan->cluster_diff, changes->clusters[i].before, changes->clusters[i].after);
	return list_ports(plan, changes);
}

static int find_difference(struct hdl_plan *plan, const struct hdl_snapshot *now)
{
	static const struct hdl_snapshot nothing;
	const struct hdl_ir_changes *changes = &plan->snapshot->changes;

	if (now && changes->base && changes->base == now->generation)
		return list_changes(plan, changes);
	return compare(plan, now ? now : &nothing);
}

int hdl_plan_make(struct hdl_plan *plan)
{
	const struct hdl_snapshot *now = hdl_publisher_current(plan->publisher);
	int r = find_difference(plan, now);

	if (r < 0)
		return r;
	plan->endpoint_total = now ? plan->publisher->endpoints_in_force : 0;
	plan->service_total = now ? plan->publisher->services_in_force : 0;
	r = plan_workloads(plan);
	if (r < 0)
		return r;
	r = hdl_plan_clients(plan);
	if (r < 0)
		return r;
	hdl_plan_clusters_left(plan);
	r = hdl_plan_services_left(plan);
	if (r == 0)
		r = hdl_plan_clusters_came(plan);
	if (r == 0)
		r = hdl_plan_services_came(plan);
	if (r == 0)
		r = hdl_plan_services_settle(plan);
	if (r == 0 && !now)
		r = leave_adopted(plan);
	if (r == 0)
		r = hdl_plan_clusters_gone(plan);
	return r == 0 ? hdl_plan_services_gone(plan) : r;
}

static void undo_ids(struct hdl_registry *registry, const struct hdl_plan_id *list)
{
	for (; list; list = list->next)
		hdl_registry_release(registry, list->id);
}

void hdl_plan_undo(struct hdl_plan *plan)
{
	struct hdl_publisher *p = plan->publisher;

	for (const struct hdl_plan_range *i = plan->slots; i; i = i->next)
		hdl_ranges_free(&p->slot_ranges, i->range);
	for (const struct hdl_plan_range *i = plan->groups; i; i = i->next)
		hdl_ranges_free(&p->group_ranges, i->range);
	for (const struct hdl_plan_range *i = plan->rings; i; i = i->next)
		hdl_ranges_free(&p->ring_ranges, i->range);
	for (const struct hdl_plan_range *i = plan->rows; i; i = i->next)
		hdl_ranges_free(&p->route_ranges, i->range);
	for (const struct hdl_plan_use *i = plan->route_uses; i; i = i->next)
		p->route_at[i->id].uses -= (uint32_t)i->change[0];
	for (const struct hdl_plan_use *i = plan->service_uses; i; i = i->next) {
		p->service_at[i->id].visible -= (uint32_t)i->change[0];
		p->service_at[i->id].hidden -= (uint32_t)i->change[1];
	}
	hdl_client_table_free(plan->clients);
	undo_ids(&p->service, plan->fresh_services);
	undo_ids(&p->client, plan->fresh_clients);
	undo_ids(&p->route, plan->fresh_routes);
	undo_ids(&p->service_port, plan->fresh_ports);
	undo_ids(&p->cluster, plan->fresh_clusters);
	undo_ids(&p->endpoint, plan->fresh_endpoints);
	undo_ids(&p->workload, plan->fresh_workloads);
}
