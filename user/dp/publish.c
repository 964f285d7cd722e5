/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Carries out a plan: has it staged, flips the epoch, and retires what the flip made unused (promise P2). What the snapshot shares with the
 * one in force is not looked at: the cost is that of the difference, and of comparing two arrays of pointers.
 *
 * Who may touch what: a record that changed at flip N has its former version read by programs that began before, so
 * nothing is staged before the grace period after the last flip that changed anything; then every program reads epoch N
 * or later, and of each record only the version in force. What is staged has an epoch that no reader takes yet.
 */
#include "dp/publish.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/log.h"
#include "dp/publisher.h"
#include "heddle/core/subset.h"

#define WORKLOADS_MAX (1u << 20)

/* --- life ---------------------------------------------------------------------------------------------------------- */

static int marks_init(struct hdl_publisher_marks *marks, size_t count)
{
	marks->wanted = calloc(count, sizeof(*marks->wanted));
	marks->left = calloc(count, sizeof(*marks->left));
	return marks->wanted && marks->left ? 0 : -ENOMEM;
}

static void marks_done(struct hdl_publisher_marks *marks)
{
	free(marks->wanted);
	free(marks->left);
}

/* Zero pages: only what is used of them costs memory. */
static int allocate(struct hdl_publisher *p)
{
	const struct hdl_dp_maps *m = p->maps;

	hdl_registry_init(&p->service, sizeof(struct hdl_vip_key), m->service_count - 1);
	hdl_registry_init(&p->service_port, sizeof(uint32_t), m->service_count - 1);
	hdl_registry_init(&p->cluster, sizeof(uint64_t), m->cluster_count - 1);
	hdl_registry_init(&p->endpoint, sizeof(struct hdl_endpoint_key), m->endpoint_count - 1);
	hdl_registry_init(&p->workload, sizeof(uint32_t), WORKLOADS_MAX);
	hdl_registry_init(&p->client, sizeof(uint32_t), m->client_count - 1);
	hdl_registry_init(&p->route, sizeof(uint64_t), m->route_count);
	if (marks_init(&p->service_marks, m->service_count) < 0 || marks_init(&p->port_marks, m->service_count) < 0 ||
	    marks_init(&p->cluster_marks, m->cluster_count) < 0 ||
	    marks_init(&p->endpoint_marks, m->endpoint_count) < 0 ||
	    marks_init(&p->workload_marks, WORKLOADS_MAX + 1) < 0 || marks_init(&p->client_marks, m->client_count) < 0)
		return -ENOMEM;
	p->service_at = calloc(m->service_count, sizeof(*p->service_at));
	p->route_at = calloc((size_t)m->route_count + 1, sizeof(*p->route_at));
	p->node_ports = calloc(UINT16_MAX + 1, sizeof(*p->node_ports));
	p->port = calloc(m->service_count, sizeof(*p->port));
	p->cluster_info = calloc(m->cluster_count, sizeof(*p->cluster_info));
	p->group_part = calloc(m->group_count, sizeof(*p->group_part));
	p->endpoint_at = calloc(m->endpoint_count, sizeof(*p->endpoint_at));
	p->workload_at = calloc(WORKLOADS_MAX + 1, sizeof(*p->workload_at));
	if (!p->service_at || !p->route_at || !p->node_ports || !p->port || !p->cluster_info || !p->group_part ||
	    !p->endpoint_at || !p->workload_at)
		return -ENOMEM;
	if (hdl_ranges_init(&p->route_ranges, m->route_count) < 0)
		return -ENOMEM;
	if (hdl_ranges_init(&p->slot_ranges, m->slot_count) < 0 ||
	    hdl_ranges_init(&p->group_ranges, m->group_count) < 0)
		return -ENOMEM;
	return hdl_ranges_init(&p->ring_ranges, m->ring_count);
}

struct hdl_publisher *hdl_publisher_new(struct hdl_dp_maps *maps, struct hdl_err *err)
{
	struct hdl_publisher *p = calloc(1, sizeof(*p));

	if (!p) {
		hdl_err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	p->maps = maps;
	p->capacity = hdl_dp_capacity_of(maps);
	if (maps->service_count < 2 || maps->cluster_count < 2 || maps->endpoint_count < 2 || maps->client_count < 2) {
		hdl_err_set(err, -EINVAL, "the maps have no room for anything");
		hdl_publisher_free(p);
		return NULL;
	}
	if (allocate(p) < 0) {
		hdl_err_set(err, -ENOMEM, "out of memory");
		hdl_publisher_free(p);
		return NULL;
	}
	if (hdl_publisher_adopt(p, err) < 0) {
		hdl_publisher_free(p);
		return NULL;
	}
	return p;
}

void hdl_publisher_wait_aside(struct hdl_publisher *p)
{
	/* without programs there is nothing to wait for; without a thread it is waited for here, as before */
	if (!p->maps->memory && !p->grace)
		p->grace = hdl_grace_new(p->maps);
	if (p->grace && p->grace_due)
		p->grace_number = hdl_grace_begin(p->grace);
}

void hdl_publisher_free(struct hdl_publisher *p)
{
	if (!p)
		return;
	hdl_grace_free(p->grace);
	for (size_t i = 0; i < p->alive_count; i++)
		hdl_snapshot_unref(p->alive[i].snapshot);
	hdl_registry_done(&p->service);
	hdl_registry_done(&p->service_port);
	hdl_registry_done(&p->cluster);
	hdl_registry_done(&p->endpoint);
	hdl_registry_done(&p->workload);
	hdl_registry_done(&p->client);
	hdl_registry_done(&p->route);
	hdl_ranges_done(&p->route_ranges);
	hdl_ranges_done(&p->slot_ranges);
	hdl_ranges_done(&p->group_ranges);
	hdl_ranges_done(&p->ring_ranges);
	marks_done(&p->service_marks);
	marks_done(&p->port_marks);
	marks_done(&p->cluster_marks);
	marks_done(&p->endpoint_marks);
	marks_done(&p->workload_marks);
	marks_done(&p->client_marks);
	hdl_client_table_free(p->clients);
	free(p->route_at);
	free(p->node_ports);
	free(p->found);
	free(p->service_at);
	free(p->port);
	free(p->cluster_info);
	free(p->group_part);
	free(p->endpoint_at);
	free(p->workload_at);
	free(p->retired);
	free(p->alive);
	free(p);
}

struct hdl_snapshot *hdl_publisher_current(const struct hdl_publisher *p)
{
	return p->alive_count ? p->alive[p->alive_count - 1].snapshot : NULL;
}

void hdl_publisher_set_step(struct hdl_publisher *p, void (*step)(void *data), void *data)
{
	p->step = step;
	p->step_data = data;
}

void hdl_publisher_step(const struct hdl_publisher *p)
{
	if (p->step)
		p->step(p->step_data);
}

int hdl_publisher_service_version(const struct hdl_publisher *p, uint32_t id)
{
	const struct hdl_service_version *v = p->maps->service[id].version;

	return hdl_core_version(v[0].epoch, v[1].epoch, p->maps->state->epoch);
}

int hdl_publisher_cluster_version(const struct hdl_publisher *p, uint32_t id)
{
	const struct hdl_cluster_version *v = p->maps->cluster[id].version;

	return hdl_core_version(v[0].epoch, v[1].epoch, p->maps->state->epoch);
}

/* --- retirement ---------------------------------------------------------------------------------------------------- */

static void retire(const struct hdl_plan *plan, enum hdl_retired_kind kind, uint64_t born, uint32_t id, uint32_t count)
{
	const struct hdl_retired item = { .epoch = plan->epoch, .born = born, .kind = kind, .id = id, .count = count };

	hdl_publisher_retire(plan->publisher, &item);
}

static void retire_endpoint(const struct hdl_plan *plan, uint32_t id)
{
	struct hdl_publisher *p = plan->publisher;

	__atomic_store_n(&p->maps->health[id].generation, 0, __ATOMIC_RELEASE);
	hdl_publisher_release_budget(p, id, p->maps->endpoint[id].cluster);
	hdl_registry_retire(&p->endpoint, id);
	retire(plan, HDL_RETIRED_ENDPOINT, p->endpoint_at[id].born, id, 0);
	p->endpoint_at[id] = (struct hdl_publisher_endpoint){ .born = 0 };
}

static void retire_service(const struct hdl_plan *plan, uint32_t id)
{
	struct hdl_publisher *p = plan->publisher;
	int r = hdl_dp_vip_delete(p->maps, hdl_registry_key(&p->service, id));

	/* Harmless: the record says that it is no service any more, and later that it is another's. */
	if (r < 0 && r != -ENOENT)
		hdl_log_warn("map vip: an address that is no service any more cannot be deleted: %s", strerror(-r));
	hdl_registry_retire(&p->service, id);
	p->service_at[id] = (struct hdl_publisher_service){ .at = NULL };
	retire(plan, HDL_RETIRED_SERVICE, 0, id, 0);
}

static void retire_all(const struct hdl_plan *plan)
{
	struct hdl_publisher *p = plan->publisher;

	for (const struct hdl_plan_id *i = plan->gone_services; i; i = i->next) {
		retire_service(plan, i->id);
		hdl_publisher_step(p);
	}
	for (const struct hdl_plan_id *i = plan->gone_ports; i; i = i->next) {
		p->port[i->id] = (struct hdl_publisher_port){ .at = NULL };
		hdl_registry_release(&p->service_port, i->id); /* nothing in the maps has this id */
	}
	for (const struct hdl_plan_id *i = plan->gone_routes; i; i = i->next) {
		p->route_at[i->id] = (struct hdl_publisher_route){ .content = NULL };
		hdl_registry_release(&p->route, i->id); /* its rows rest */
	}
	for (const struct hdl_plan_id *i = plan->gone_clients; i; i = i->next) {
		hdl_registry_retire(&p->client, i->id);
		retire(plan, HDL_RETIRED_CLIENT, 0, i->id, 0);
	}
	for (const struct hdl_plan_id *i = plan->gone_workloads; i; i = i->next) {
		p->workload_at[i->id] = NULL;
		hdl_registry_release(&p->workload, i->id);
	}
	for (const struct hdl_plan_id *i = plan->gone_endpoints; i; i = i->next) {
		retire_endpoint(plan, i->id);
		hdl_publisher_step(p);
	}
	for (const struct hdl_plan_id *i = plan->gone_clusters; i; i = i->next) {
		/* From now on no socket gives a connection back to the id. */
		__atomic_store_n(&p->maps->balance[i->id].generation, 0, __ATOMIC_RELEASE);
		hdl_registry_retire(&p->cluster, i->id);
		retire(plan, HDL_RETIRED_CLUSTER, p->cluster_info[i->id].born, i->id, 0);
		p->cluster_info[i->id] = (struct hdl_publisher_cluster){ .at = NULL };
	}
	for (const struct hdl_plan_range *i = plan->retired_rows; i; i = i->next)
		retire(plan, HDL_RETIRED_ROUTE, 0, i->range.offset, i->range.count);
	for (const struct hdl_plan_range *i = plan->retired_slots; i; i = i->next)
		retire(plan, HDL_RETIRED_SLOT, i->born, i->range.offset, i->range.count);
	for (const struct hdl_plan_range *i = plan->retired_groups; i; i = i->next)
		retire(plan, HDL_RETIRED_GROUP, i->born, i->range.offset, i->range.count);
	for (const struct hdl_plan_range *i = plan->retired_rings; i; i = i->next)
		retire(plan, HDL_RETIRED_RING, i->born, i->range.offset, i->range.count);
}

void hdl_publisher_owe_grace(struct hdl_publisher *p)
{
	p->grace_due = true;
	if (p->grace)
		p->grace_number = hdl_grace_begin(p->grace);
}

static int pass_grace(struct hdl_publisher *p, struct hdl_err *err)
{
	int r;

	if (!p->grace_due)
		return 0;
	r = p->grace ? hdl_grace_wait(p->grace, p->grace_number, err) : hdl_dp_grace(p->maps, err);
	if (r < 0)
		return r;
	p->grace_due = false;
	p->graced_epoch = p->maps->state->epoch;
	hdl_publisher_set_hints(p);
	return 0;
}

unsigned int hdl_publisher_reap(struct hdl_publisher *p)
{
	struct hdl_err err;

	hdl_publisher_drop_snapshots(p);
	if (p->resting || (p->grace_due && hdl_publisher_hints_are_wide(p))) {
		bool is_over = !p->grace_due || !p->grace || hdl_grace_is_over(p->grace, p->grace_number);

		if (is_over && pass_grace(p, &err) < 0)
			hdl_log_warn("nothing can be freed: %s", err.text);
		hdl_publisher_reclaim(p);
	}
	return (unsigned int)p->alive_count;
}

/* --- publication --------------------------------------------------------------------------------------------------- */

/* What the snapshot says about records that stay, beyond what decides: kept in step, outside the protocol. */
static void refresh_cluster(struct hdl_publisher *p, const struct hdl_ir_cluster *cluster)
{
	p->cluster_info[cluster->id].at = cluster;
	for (size_t i = 0; i < cluster->endpoint_count; i++) {
		const struct hdl_ir_endpoint *e = &cluster->endpoints[i];
		struct hdl_endpoint *record = &p->maps->endpoint[e->id];
		uint32_t workload = e->workload ? e->workload->id : 0;

		if (e->id == 0)
			continue;
		p->endpoint_at[e->id].cluster = cluster;
		p->endpoint_at[e->id].endpoint = e;
		if (record->workload != workload)
			__atomic_store_n(&record->workload, workload, __ATOMIC_RELAXED);
		if (record->weight != e->weight)
			__atomic_store_n(&record->weight, e->weight, __ATOMIC_RELAXED);
		if (record->flags != hdl_plan_endpoint_flags(e))
			__atomic_store_n(&record->flags, hdl_plan_endpoint_flags(e), __ATOMIC_RELAXED);
	}
}

/* Whose records they are from now on. */
static void refresh_services(const struct hdl_plan *plan)
{
	struct hdl_publisher *p = plan->publisher;

	for (const struct hdl_plan_id *i = plan->fresh_routes; i; i = i->next)
		p->route_at[i->id].content = NULL;
	for (const struct hdl_plan_service *i = plan->services; i; i = i->staged_next)
		p->service_at[i->id].route = i->route;
	for (const struct hdl_plan_service *i = plan->touched; i; i = i->next) {
		struct hdl_publisher_service *info = &p->service_at[i->id];

		if (i->claimed)
			info->at = i->port;
		else if (p->service_marks.left[i->id] == plan->serial)
			info->at = NULL;
		if (i->version.key.prefix)
			p->prefixes[i->version.key.prefix] += (uint32_t)i->came - (i->gone && !i->came);
		else if (hdl_addr_is_zero(&i->version.key.address) && i->version.key.class_id == 0)
			p->node_ports[__builtin_bswap16(i->version.key.port)] +=
				(uint32_t)i->came - (i->gone && !i->came);
	}
}

static void refresh(const struct hdl_plan *plan)
{
	struct hdl_publisher *p = plan->publisher;

	for (size_t i = 0; i < plan->cluster_diff.came_count; i++)
		refresh_cluster(p, plan->cluster_diff.came[i]);
	for (size_t i = 0; i < plan->workload_diff.came_count; i++) {
		const struct hdl_ir_workload *workload = plan->workload_diff.came[i];

		p->workload_at[hdl_registry_find(&p->workload, &workload->id)] = workload;
	}
}

static void note_cluster(const struct hdl_plan *plan, const struct hdl_plan_cluster *item)
{
	plan->publisher->cluster_info[item->id] = item->info;
}

static void take_clients(struct hdl_plan *plan)
{
	struct hdl_publisher *p = plan->publisher;
	size_t kept = 0;

	if (plan->clients) {
		hdl_client_table_free(p->clients);
		p->clients = plan->clients;
		plan->clients = NULL;
	}
	for (size_t i = 0; i < p->found_count; i++)
		if (hdl_registry_find(&p->workload, &p->found[i]))
			p->found[kept++] = p->found[i];
	p->found_count = kept;
	p->found_changed = false;
	p->hints = (p->clients->registry_only || hdl_snapshot_client(plan->snapshot, NULL).registry_only ?
			    HDL_STATE_REGISTRY_ONLY :
			    0u) |
		   (p->clients->class_count ? HDL_STATE_CLASSES : 0u);
}

static void flip(struct hdl_plan *plan)
{
	struct hdl_publisher *p = plan->publisher;
	bool changed = plan->clusters || plan->services || plan->slots || plan->rows || plan->groups || plan->rings ||
		       plan->endpoints || plan->gone_endpoints || plan->retire_count || plan->client_records;

	plan->snapshot->epoch = plan->epoch;
	__atomic_store_n(&p->maps->state->epoch, plan->epoch, __ATOMIC_RELEASE);
	hdl_publisher_step(p);
	if (changed)
		hdl_publisher_owe_grace(p);
	for (const struct hdl_plan_port *i = plan->ports; i; i = i->next)
		p->port[i->id].at = i->port;
	for (const struct hdl_plan_cluster *i = plan->clusters; i; i = i->next)
		note_cluster(plan, i);
	for (const struct hdl_plan_endpoint *i = plan->endpoints; i; i = i->next)
		p->endpoint_at[i->id].born = plan->epoch;
	refresh_services(plan);
	retire_all(plan);
	refresh(plan);
	take_clients(plan);
	p->endpoints_in_force = plan->endpoint_total;
	p->services_in_force = plan->service_total;
	p->alive[p->alive_count++] = (struct hdl_publisher_alive){ .snapshot = hdl_snapshot_ref(plan->snapshot) };
}

static int reserve_alive(struct hdl_publisher *p)
{
	size_t capacity = p->alive_capacity ? p->alive_capacity * 2 : 16;
	struct hdl_publisher_alive *bigger;

	if (p->alive_count < p->alive_capacity)
		return 0;
	bigger = realloc(p->alive, capacity * sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	p->alive = bigger;
	p->alive_capacity = capacity;
	return 0;
}

/* Records that were in force and are another now: the configuration changed while no daemon was there. */
static void count_changed(const struct hdl_plan *plan)
{
	struct hdl_dp_audit *audit = &plan->publisher->audit;

	for (const struct hdl_plan_service *i = plan->services; i; i = i->staged_next)
		audit->changed += !i->fresh;
	for (const struct hdl_plan_cluster *i = plan->clusters; i; i = i->next)
		audit->changed += !i->fresh;
	for (const struct hdl_plan_id *i = plan->gone_endpoints; i; i = i->next)
		audit->changed++;
}

static int run_plan(struct hdl_plan *plan)
{
	struct hdl_publisher *p = plan->publisher;
	int r = hdl_plan_make(plan);

	if (r == 0 && (hdl_publisher_reserve_retired(p, plan->retire_count) < 0 || reserve_alive(p) < 0))
		r = hdl_err_set(plan->err, -ENOMEM, "out of memory");
	if (r == 0) {
		r = hdl_plan_stage(plan);
		if (r < 0)
			hdl_plan_unstage(plan);
	}
	if (r < 0) {
		hdl_plan_undo(plan);
		return r;
	}
	if (p->audit.adopted && !p->audit.done)
		count_changed(plan);
	flip(plan);
	return 0;
}

int hdl_publish(struct hdl_publisher *p, struct hdl_snapshot *snapshot, struct hdl_err *err)
{
	struct hdl_plan plan = { .publisher = p,
				 .snapshot = snapshot,
				 .err = err,
				 .epoch = p->maps->state->epoch + 1,
				 .now_ns = hdl_clock_mono_ns() };
	int r;

	if (snapshot->epoch != 0)
		return hdl_err_set(err, -EINVAL, "the snapshot is published already");
	r = pass_grace(p, err);
	if (r < 0)
		return r;
	hdl_publisher_drop_snapshots(p);
	hdl_publisher_reclaim(p);
	plan.arena = hdl_arena_new(0);
	if (!plan.arena)
		return hdl_err_set(err, -ENOMEM, "out of memory");
	plan.serial = ++p->serial;
	r = run_plan(&plan);
	hdl_arena_free(plan.arena);
	if (r == 0 && p->audit.adopted && !p->audit.done) {
		int failed = hdl_publisher_audit_maps(p);

		if (failed < 0)
			hdl_log_warn("audit of the maps: %s", strerror(-failed));
		p->audit.done = true;
	}
	for (int f = 0; f < HDL_FAMILIES; f++) {
		free(plan.scratch[f]);
		free(plan.scratch_from[f]);
		free(plan.scratch_edge[f]);
	}
	return r;
}

bool hdl_publisher_fill(const struct hdl_publisher *p, unsigned int i, const char **ret_name, uint64_t *ret_used,
			uint64_t *ret_capacity)
{
	const struct {
		const char *name;
		uint64_t used, capacity;
	} rows[] = {
		{ "client", p->client.linked + p->client.retired, p->client.max_id },
		{ "vip", p->service.linked, p->capacity.services },
		{ "service", p->service.linked + p->service.retired, p->service.max_id },
		{ "route", p->route_ranges.total - p->route_ranges.free, p->route_ranges.total },
		{ "cluster", p->cluster.linked + p->cluster.retired, p->cluster.max_id },
		{ "endpoints", p->endpoints_in_force, p->capacity.endpoints },
		{ "endpoint", p->endpoint.linked + p->endpoint.retired, p->endpoint.max_id },
		{ "slot", p->slot_ranges.total - p->slot_ranges.free, p->slot_ranges.total },
		{ "group", p->group_ranges.total - p->group_ranges.free, p->group_ranges.total },
		{ "ring", p->ring_ranges.total - p->ring_ranges.free, p->ring_ranges.total },
	};

	if (i >= sizeof(rows) / sizeof(rows[0]))
		return false;
	*ret_name = rows[i].name;
	*ret_used = rows[i].used;
	*ret_capacity = rows[i].capacity;
	return true;
}

const struct hdl_ir_workload *hdl_publisher_find_workload(const struct hdl_publisher *p, uint32_t number)
{
	uint32_t id = hdl_registry_find(&p->workload, &number);

	return id ? p->workload_at[id] : NULL;
}

const struct hdl_ir_cluster *hdl_publisher_find_cluster(const struct hdl_publisher *p, uint32_t id)
{
	return id && id < p->maps->cluster_count ? p->cluster_info[id].at : NULL;
}

const struct hdl_ir_endpoint *hdl_publisher_find_endpoint(const struct hdl_publisher *p, uint32_t id,
							  uint32_t generation,
							  const struct hdl_ir_cluster **ret_cluster)
{
	if (id == 0 || id >= p->maps->endpoint_count || !p->endpoint_at[id].endpoint ||
	    p->maps->endpoint[id].generation != generation)
		return NULL;
	*ret_cluster = p->endpoint_at[id].cluster;
	return p->endpoint_at[id].endpoint;
}
