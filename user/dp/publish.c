/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stages a plan, flips the epoch, and retires what the flip made unused (promise P2).
 *
 * Who may touch what: a record that changed at flip N has its former version read by programs that began before, so
 * nothing is staged before the grace period after the last flip that changed anything; then every program reads epoch N
 * or later, and of each record only the version in force. What is staged has an epoch that no reader takes yet.
 */
#include "dp/publish.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "dp/publisher.h"
#include "heddle/core/subset.h"

#define WORKLOADS_MAX (1u << 20)

/* --- life ---------------------------------------------------------------------------------------------------------- */

static int allocate(struct hdl_publisher *p)
{
	const struct hdl_dp_maps *m = p->maps;

	hdl_registry_init(&p->service, sizeof(struct hdl_vip_key), m->service_count - 1);
	hdl_registry_init(&p->service_port, sizeof(uint32_t), m->service_count - 1);
	hdl_registry_init(&p->cluster, sizeof(uint64_t), m->cluster_count - 1);
	hdl_registry_init(&p->endpoint, sizeof(struct hdl_endpoint_key), m->endpoint_count - 1);
	hdl_registry_init(&p->workload, sizeof(uint32_t), WORKLOADS_MAX);
	p->route = calloc(m->service_count, sizeof(*p->route));
	p->service_seen = calloc(m->service_count, sizeof(*p->service_seen));
	p->service_port_seen = calloc(m->service_count, sizeof(*p->service_port_seen));
	p->cluster_seen = calloc(m->cluster_count, sizeof(*p->cluster_seen));
	p->endpoint_seen = calloc(m->endpoint_count, sizeof(*p->endpoint_seen));
	p->workload_seen = calloc(WORKLOADS_MAX + 1, sizeof(*p->workload_seen));
	p->workload_at = calloc(WORKLOADS_MAX + 1, sizeof(*p->workload_at));
	p->endpoint_at = calloc(m->endpoint_count, sizeof(*p->endpoint_at));
	p->table_input = calloc(m->cluster_count, sizeof(*p->table_input));
	if (!p->route || !p->service_seen || !p->service_port_seen || !p->cluster_seen || !p->endpoint_seen ||
	    !p->workload_seen || !p->workload_at || !p->endpoint_at || !p->table_input)
		return -ENOMEM;
	if (hdl_ranges_init(&p->route_ranges, m->route_count) < 0)
		return -ENOMEM;
	return hdl_ranges_init(&p->slot_ranges, m->slot_count);
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
	if (maps->service_count < 2 || maps->cluster_count < 2 || maps->endpoint_count < 2) {
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

void hdl_publisher_free(struct hdl_publisher *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->alive_count; i++)
		hdl_snapshot_unref(p->alive[i]);
	hdl_registry_done(&p->service);
	hdl_registry_done(&p->service_port);
	hdl_registry_done(&p->cluster);
	hdl_registry_done(&p->endpoint);
	hdl_registry_done(&p->workload);
	hdl_ranges_done(&p->route_ranges);
	hdl_ranges_done(&p->slot_ranges);
	free(p->route);
	free(p->service_seen);
	free(p->service_port_seen);
	free(p->cluster_seen);
	free(p->endpoint_seen);
	free(p->workload_seen);
	free(p->workload_at);
	free(p->endpoint_at);
	free(p->table_input);
	free(p->retired);
	free(p->alive);
	free(p);
}

struct hdl_snapshot *hdl_publisher_current(const struct hdl_publisher *p)
{
	return p->alive_count ? p->alive[p->alive_count - 1] : NULL;
}

void hdl_publisher_set_step(struct hdl_publisher *p, void (*step)(void *data), void *data)
{
	p->step = step;
	p->step_data = data;
}

static void step(const struct hdl_publisher *p)
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

/* --- staging ------------------------------------------------------------------------------------------------------- */

static void stage_endpoint(const struct hdl_plan *plan, const struct hdl_plan_endpoint *item)
{
	const struct hdl_ir_endpoint *e = item->endpoint;
	struct hdl_endpoint *record = &plan->publisher->maps->endpoint[item->id];
	struct hdl_health *health = &plan->publisher->maps->health[item->id];

	record->address[HDL_FAMILY_V4] = e->address[HDL_FAMILY_V4];
	record->address[HDL_FAMILY_V6] = e->address[HDL_FAMILY_V6];
	record->port = (__be16)__builtin_bswap16(e->port);
	record->weight = e->weight;
	record->cluster = item->cluster;
	record->workload = e->workload ? e->workload->id : 0;
	__atomic_store_n(&health->generation, e->generation, __ATOMIC_RELEASE);
	__atomic_store_n(&record->generation, e->generation, __ATOMIC_RELEASE);
}

/* Into the version that is not in force; its epoch is 0 while the body is not whole. */
static void stage_cluster(const struct hdl_plan *plan, const struct hdl_plan_cluster *item)
{
	const struct hdl_publisher *p = plan->publisher;
	struct hdl_cluster_version *v =
		&p->maps->cluster[item->id].version[hdl_publisher_cluster_version(p, item->id) == 0];

	__atomic_store_n(&v->epoch, 0, __ATOMIC_RELEASE);
	step(p);
	memcpy((char *)v + sizeof(v->epoch), (const char *)&item->version + sizeof(v->epoch),
	       sizeof(*v) - sizeof(v->epoch));
	if (item->fresh)
		p->maps->balance[item->id] = (struct hdl_balance){ .turn = 0 };
	step(p);
	__atomic_store_n(&v->epoch, plan->epoch, __ATOMIC_RELEASE);
}

static void stage_service(const struct hdl_plan *plan, const struct hdl_plan_service *item)
{
	const struct hdl_publisher *p = plan->publisher;
	struct hdl_service_version *v =
		&p->maps->service[item->id].version[hdl_publisher_service_version(p, item->id) == 0];

	__atomic_store_n(&v->epoch, 0, __ATOMIC_RELEASE);
	step(p);
	memcpy((char *)v + sizeof(v->epoch), (const char *)&item->version + sizeof(v->epoch),
	       sizeof(*v) - sizeof(v->epoch));
	step(p);
	__atomic_store_n(&v->epoch, plan->epoch, __ATOMIC_RELEASE);
}

static int stage(const struct hdl_plan *plan)
{
	struct hdl_dp_maps *m = plan->publisher->maps;
	int r;

	for (const struct hdl_plan_endpoint *i = plan->endpoints; i; i = i->next) {
		stage_endpoint(plan, i);
		step(plan->publisher);
	}
	for (const struct hdl_plan_range *i = plan->slots; i; i = i->next) {
		memcpy(m->slot + i->range.offset, i->content, i->range.count * sizeof(*m->slot));
		step(plan->publisher);
	}
	for (const struct hdl_plan_range *i = plan->rows; i; i = i->next) {
		memcpy(m->route + i->range.offset, i->content, i->range.count * sizeof(*m->route));
		step(plan->publisher);
	}
	for (const struct hdl_plan_cluster *i = plan->clusters; i; i = i->next) {
		stage_cluster(plan, i);
		step(plan->publisher);
	}
	for (const struct hdl_plan_service *i = plan->services; i; i = i->next) {
		stage_service(plan, i);
		step(plan->publisher);
	}
	/* Last, since it is all that can fail. A program that finds the id finds no version that counts yet. */
	for (struct hdl_plan_service *i = plan->services; i; i = i->next) {
		if (!i->fresh)
			continue;
		r = hdl_dp_vip_set(m, &i->version.key, i->id);
		if (r < 0)
			return hdl_err_set(plan->err, r == -E2BIG ? -ENOSPC : r, "map vip: %s", strerror(-r));
		i->staged = true;
		step(plan->publisher);
	}
	return 0;
}

/* Takes back all that was staged: the epoch stays, so nobody used it. */
static void unstage(const struct hdl_plan *plan)
{
	struct hdl_publisher *p = plan->publisher;
	struct hdl_dp_maps *m = p->maps;

	for (const struct hdl_plan_service *i = plan->services; i; i = i->next) {
		if (i->staged)
			hdl_dp_vip_delete(m, &i->version.key);
		for (int v = 0; v < 2; v++) {
			if (m->service[i->id].version[v].epoch == plan->epoch)
				__atomic_store_n(&m->service[i->id].version[v].epoch, 0, __ATOMIC_RELEASE);
		}
	}
	for (const struct hdl_plan_cluster *i = plan->clusters; i; i = i->next) {
		for (int v = 0; v < 2; v++) {
			if (m->cluster[i->id].version[v].epoch == plan->epoch)
				__atomic_store_n(&m->cluster[i->id].version[v].epoch, 0, __ATOMIC_RELEASE);
		}
	}
	for (const struct hdl_plan_endpoint *i = plan->endpoints; i; i = i->next) {
		m->endpoint[i->id] = (struct hdl_endpoint){ .port = 0 };
		m->health[i->id] = (struct hdl_health){ .generation = 0 };
	}
	/* Programs may have read an id from `vip` just now. */
	p->grace_due = true;
}

/* --- retirement ---------------------------------------------------------------------------------------------------- */

static int reserve(void **array, size_t *capacity, size_t need, size_t size)
{
	size_t count = *capacity ? *capacity : 64;
	void *bigger;

	if (need <= *capacity)
		return 0;
	while (count < need)
		count *= 2;
	bigger = realloc(*array, count * size);
	if (!bigger)
		return -ENOMEM;
	*array = bigger;
	*capacity = count;
	return 0;
}

static void retire(const struct hdl_plan *plan, enum hdl_retired_kind kind, uint32_t id, uint32_t count)
{
	struct hdl_publisher *p = plan->publisher;

	p->retired[p->retired_count++] =
		(struct hdl_retired){ .epoch = plan->epoch, .kind = kind, .id = id, .count = count };
}

void hdl_publisher_release_budget(struct hdl_publisher *p, uint32_t endpoint, uint32_t cluster)
{
	struct hdl_balance *balance = &p->maps->balance[cluster];
	uint32_t ejected;

	/* Whoever swaps the time to 0 gives the share back: exactly one does. */
	if (__atomic_exchange_n(&p->maps->health[endpoint].ejected_until_ns, 0, __ATOMIC_ACQ_REL) == 0)
		return;
	ejected = __atomic_load_n(&balance->ejected, __ATOMIC_RELAXED);
	while (ejected && !__atomic_compare_exchange_n(&balance->ejected, &ejected, ejected - 1, false,
						       __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

static void retire_endpoint(const struct hdl_plan *plan, uint32_t id)
{
	struct hdl_publisher *p = plan->publisher;

	__atomic_store_n(&p->maps->health[id].generation, 0, __ATOMIC_RELEASE);
	hdl_publisher_release_budget(p, id, p->maps->endpoint[id].cluster);
	hdl_registry_retire(&p->endpoint, id);
	p->endpoint_at[id] = (struct hdl_publisher_endpoint){ NULL, NULL };
	retire(plan, HDL_RETIRED_ENDPOINT, id, 0);
}

static void retire_all(const struct hdl_plan *plan)
{
	struct hdl_publisher *p = plan->publisher;

	for (const struct hdl_plan_id *i = plan->gone_services; i; i = i->next) {
		const struct hdl_vip_key *key = hdl_registry_key(&p->service, i->id);
		int r = hdl_dp_vip_delete(p->maps, key);

		/* Harmless: the record says that it is no service any more, and later that it is another's. */
		if (r < 0 && r != -ENOENT)
			hdl_log_warn("map vip: an address that is no service any more cannot be deleted: %s",
				     strerror(-r));
		hdl_registry_retire(&p->service, i->id);
		retire(plan, HDL_RETIRED_SERVICE, i->id, 0);
		step(p);
	}
	for (const struct hdl_plan_id *i = plan->gone_ports; i; i = i->next)
		hdl_registry_release(&p->service_port, i->id); /* nothing in the maps has this id */
	for (const struct hdl_plan_id *i = plan->gone_workloads; i; i = i->next) {
		p->workload_at[i->id] = NULL;
		hdl_registry_release(&p->workload, i->id);
	}
	for (const struct hdl_plan_id *i = plan->gone_endpoints; i; i = i->next) {
		retire_endpoint(plan, i->id);
		step(p);
	}
	for (const struct hdl_plan_id *i = plan->gone_clusters; i; i = i->next) {
		hdl_registry_retire(&p->cluster, i->id);
		retire(plan, HDL_RETIRED_CLUSTER, i->id, 0);
	}
	for (const struct hdl_plan_range *i = plan->retired_rows; i; i = i->next)
		retire(plan, HDL_RETIRED_ROUTE, i->range.offset, i->range.count);
	for (const struct hdl_plan_range *i = plan->retired_slots; i; i = i->next)
		retire(plan, HDL_RETIRED_SLOT, i->range.offset, i->range.count);
}

/* Frees what nobody can have in hand any more. */
static void reclaim_one(struct hdl_publisher *p, const struct hdl_retired *gone)
{
	struct hdl_dp_maps *m = p->maps;

	switch (gone->kind) {
	case HDL_RETIRED_SERVICE:
		m->service[gone->id] = (struct hdl_service){ .version = { { .epoch = 0 } } };
		hdl_registry_release(&p->service, gone->id);
		break;
	case HDL_RETIRED_ROUTE:
		hdl_ranges_free(&p->route_ranges, (struct hdl_range){ gone->id, gone->count });
		break;
	case HDL_RETIRED_CLUSTER:
		m->cluster[gone->id] = (struct hdl_cluster){ .version = { { .epoch = 0 } } };
		m->balance[gone->id] = (struct hdl_balance){ .turn = 0 };
		p->table_input[gone->id][0] = p->table_input[gone->id][1] = 0;
		hdl_registry_release(&p->cluster, gone->id);
		break;
	case HDL_RETIRED_ENDPOINT:
		/* A writer that had checked the generation just before it was cleared may have ejected it since. */
		hdl_publisher_release_budget(p, gone->id, m->endpoint[gone->id].cluster);
		m->endpoint[gone->id] = (struct hdl_endpoint){ .port = 0 };
		m->health[gone->id] = (struct hdl_health){ .generation = 0 };
		hdl_registry_release(&p->endpoint, gone->id);
		break;
	case HDL_RETIRED_SLOT:
		hdl_ranges_free(&p->slot_ranges, (struct hdl_range){ gone->id, gone->count });
		break;
	}
}

static bool named_by_snapshots(enum hdl_retired_kind kind)
{
	return kind != HDL_RETIRED_SERVICE && kind != HDL_RETIRED_ROUTE;
}

static void reclaim(struct hdl_publisher *p)
{
	uint64_t oldest = p->alive_count ? p->alive[0]->epoch : UINT64_MAX;
	size_t kept = 0;

	for (size_t i = 0; i < p->retired_count; i++) {
		const struct hdl_retired gone = p->retired[i];

		if (gone.epoch > p->graced_epoch || (named_by_snapshots(gone.kind) && gone.epoch > oldest))
			p->retired[kept++] = gone;
		else
			reclaim_one(p, &gone);
	}
	p->retired_count = kept;
}

static int pass_grace(struct hdl_publisher *p, struct hdl_err *err)
{
	int r;

	if (!p->grace_due)
		return 0;
	r = hdl_dp_grace(p->maps, err);
	if (r < 0)
		return r;
	p->grace_due = false;
	p->graced_epoch = p->maps->state->epoch;
	return 0;
}

/* Lets go of snapshots that only the publisher holds; the current one stays. */
static void drop_snapshots(struct hdl_publisher *p)
{
	size_t kept = 0;

	for (size_t i = 0; i < p->alive_count; i++) {
		if (i + 1 < p->alive_count && atomic_load_explicit(&p->alive[i]->references, memory_order_acquire) == 1)
			hdl_snapshot_unref(p->alive[i]);
		else
			p->alive[kept++] = p->alive[i];
	}
	p->alive_count = kept;
}

unsigned int hdl_publisher_reap(struct hdl_publisher *p)
{
	struct hdl_err err;

	drop_snapshots(p);
	if (p->retired_count) {
		if (pass_grace(p, &err) < 0)
			hdl_log_warn("nothing can be freed: %s", err.text);
		reclaim(p);
	}
	return (unsigned int)p->alive_count;
}

/* --- publication --------------------------------------------------------------------------------------------------- */

/* What the snapshot says about records that stay, beyond what decides: kept in step, outside the protocol. */
static void refresh_endpoints(struct hdl_publisher *p, const struct hdl_snapshot *snapshot)
{
	for (size_t c = 0; c < snapshot->cluster_count; c++) {
		const struct hdl_ir_cluster *cluster = snapshot->clusters[c];

		for (size_t i = 0; i < cluster->endpoint_count; i++) {
			const struct hdl_ir_endpoint *e = &cluster->endpoints[i];
			struct hdl_endpoint *record = &p->maps->endpoint[e->id];
			uint32_t workload = e->workload ? e->workload->id : 0;

			if (e->id == 0)
				continue;
			p->endpoint_at[e->id] = (struct hdl_publisher_endpoint){ cluster, e };
			if (record->workload != workload)
				__atomic_store_n(&record->workload, workload, __ATOMIC_RELAXED);
			if (record->weight != e->weight)
				__atomic_store_n(&record->weight, e->weight, __ATOMIC_RELAXED);
		}
	}
	for (size_t i = 0; i < snapshot->workload_count; i++) {
		uint32_t id = hdl_registry_find(&p->workload, &snapshot->workloads[i]->id);

		if (id)
			p->workload_at[id] = snapshot->workloads[i];
	}
}

static void flip(const struct hdl_plan *plan)
{
	struct hdl_publisher *p = plan->publisher;
	bool changed = plan->clusters || plan->services || plan->slots || plan->rows || plan->endpoints ||
		       plan->gone_endpoints || plan->retire_count;

	plan->snapshot->epoch = plan->epoch;
	__atomic_store_n(&p->maps->state->epoch, plan->epoch, __ATOMIC_RELEASE);
	step(p);
	if (changed)
		p->grace_due = true;
	for (const struct hdl_plan_route *i = plan->routes; i; i = i->next)
		p->route[i->service_port] = i->range;
	for (const struct hdl_plan_cluster *i = plan->clusters; i; i = i->next)
		memcpy(p->table_input[i->id], i->table_input, sizeof(i->table_input));
	retire_all(plan);
	refresh_endpoints(p, plan->snapshot);
	p->endpoints_in_force = plan->endpoint_total;
	p->alive[p->alive_count++] = hdl_snapshot_ref(plan->snapshot);
}

static int run_plan(struct hdl_plan *plan)
{
	struct hdl_publisher *p = plan->publisher;
	int r = hdl_plan_make(plan);

	if (r == 0 &&
	    (reserve((void **)&p->retired, &p->retired_capacity, p->retired_count + plan->retire_count,
		     sizeof(*p->retired)) < 0 ||
	     reserve((void **)&p->alive, &p->alive_capacity, p->alive_count + 1, sizeof(struct hdl_snapshot *)) < 0))
		r = hdl_err_set(plan->err, -ENOMEM, "out of memory");
	if (r == 0) {
		r = stage(plan);
		if (r < 0)
			unstage(plan);
	}
	if (r < 0) {
		hdl_plan_undo(plan);
		return r;
	}
	flip(plan);
	return 0;
}

int hdl_publish(struct hdl_publisher *p, struct hdl_snapshot *snapshot, struct hdl_err *err)
{
	struct hdl_plan plan = { .publisher = p, .snapshot = snapshot, .err = err, .epoch = p->maps->state->epoch + 1 };
	int r;

	if (snapshot->epoch != 0)
		return hdl_err_set(err, -EINVAL, "the snapshot is published already");
	r = pass_grace(p, err);
	if (r < 0)
		return r;
	drop_snapshots(p);
	reclaim(p);
	plan.arena = hdl_arena_new(0);
	if (!plan.arena)
		return hdl_err_set(err, -ENOMEM, "out of memory");
	plan.serial = ++p->serial;
	r = run_plan(&plan);
	hdl_arena_free(plan.arena);
	for (int f = 0; f < HDL_FAMILIES; f++)
		free(plan.scratch[f]);
	return r;
}

bool hdl_publisher_fill(const struct hdl_publisher *p, unsigned int i, const char **ret_name, uint64_t *ret_used,
			uint64_t *ret_capacity)
{
	const struct {
		const char *name;
		uint64_t used, capacity;
	} rows[] = {
		{ "vip", p->service.linked, p->capacity.services },
		{ "service", p->service.linked + p->service.retired, p->service.max_id },
		{ "route", p->route_ranges.total - p->route_ranges.free, p->route_ranges.total },
		{ "cluster", p->cluster.linked + p->cluster.retired, p->cluster.max_id },
		{ "endpoints", p->endpoints_in_force, p->capacity.endpoints },
		{ "endpoint", p->endpoint.linked + p->endpoint.retired, p->endpoint.max_id },
		{ "slot", p->slot_ranges.total - p->slot_ranges.free, p->slot_ranges.total },
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
