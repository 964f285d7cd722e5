/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Staging of a plan (promise P2): of each record the version that is not in force, with the epoch to come, and ranges
 * that nobody reads yet; hints of the state record beforehand, as wide as the epoch to come needs them.
 */
#include <errno.h>
#include <string.h>
#include "dp/publisher.h"

/* --- records ------------------------------------------------------------------------------------------------------- */

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
	record->flags = hdl_plan_endpoint_flags(e);
	record->added_ns = plan->now_ns;
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
	hdl_publisher_step(p);
	memcpy((char *)v + sizeof(v->epoch), (const char *)&item->version + sizeof(v->epoch),
	       sizeof(*v) - sizeof(v->epoch));
	if (item->fresh)
		p->maps->balance[item->id] = (struct hdl_balance){ .generation = item->version.generation };
	hdl_publisher_step(p);
	__atomic_store_n(&v->epoch, plan->epoch, __ATOMIC_RELEASE);
}

static void stage_service(const struct hdl_plan *plan, const struct hdl_plan_service *item)
{
	const struct hdl_publisher *p = plan->publisher;
	struct hdl_service_version *v =
		&p->maps->service[item->id].version[hdl_publisher_service_version(p, item->id) == 0];

	__atomic_store_n(&v->epoch, 0, __ATOMIC_RELEASE);
	hdl_publisher_step(p);
	memcpy((char *)v + sizeof(v->epoch), (const char *)&item->version + sizeof(v->epoch),
	       sizeof(*v) - sizeof(v->epoch));
	hdl_publisher_step(p);
	__atomic_store_n(&v->epoch, plan->epoch, __ATOMIC_RELEASE);
}

static void stage_client(const struct hdl_plan *plan, const struct hdl_plan_client *item)
{
	const struct hdl_publisher *p = plan->publisher;
	struct hdl_client_version *v =
		&p->maps->client[item->id].version[hdl_publisher_client_version(p, item->id) == 0];

	__atomic_store_n(&v->epoch, 0, __ATOMIC_RELEASE);
	hdl_publisher_step(p);
	memcpy((char *)v + sizeof(v->epoch), (const char *)&item->version + sizeof(v->epoch),
	       sizeof(*v) - sizeof(v->epoch));
	hdl_publisher_step(p);
	__atomic_store_n(&v->epoch, plan->epoch, __ATOMIC_RELEASE);
}

/* --- hints --------------------------------------------------------------------------------------------------------- */

void hdl_publisher_widen_hints(struct hdl_publisher *p, const struct hdl_plan *plan)
{
	const struct hdl_client_table *table = hdl_plan_client_table(plan);
	struct hdl_state *state = p->maps->state;
	uint32_t flags = state->flags;

	if (table->registry_only || hdl_snapshot_client(plan->snapshot, NULL).registry_only)
		flags |= HDL_STATE_REGISTRY_ONLY;
	if (table->class_count)
		flags |= HDL_STATE_CLASSES;
	if (flags != state->flags)
		__atomic_store_n(&state->flags, flags, __ATOMIC_RELEASE);
	for (const struct hdl_plan_service *i = plan->services; i; i = i->staged_next) {
		uint16_t port = __builtin_bswap16(i->version.key.port);

		if (!i->gone && i->version.key.prefix)
			__atomic_fetch_or(&state->prefixes[i->version.key.prefix / 64],
					  1ull << i->version.key.prefix % 64, __ATOMIC_RELEASE);
		if (i->gone || i->version.key.prefix || !hdl_addr_is_zero(&i->version.key.address))
			continue;
		if (state->node_port_last == 0 || port < state->node_port_first)
			__atomic_store_n(&state->node_port_first, port, __ATOMIC_RELEASE);
		if (port > state->node_port_last)
			__atomic_store_n(&state->node_port_last, port, __ATOMIC_RELEASE);
	}
}

#define HINTS ((uint32_t)(HDL_STATE_REGISTRY_ONLY | HDL_STATE_CLASSES))

bool hdl_publisher_hints_are_wide(const struct hdl_publisher *p)
{
	return hdl_publisher_current(p) && (p->maps->state->flags & HINTS) != p->hints;
}

void hdl_publisher_set_hints(struct hdl_publisher *p)
{
	struct hdl_state *state = p->maps->state;
	uint32_t flags = (state->flags & ~HINTS) | p->hints, first = state->node_port_first,
		 last = state->node_port_last;

	if (!hdl_publisher_current(p))
		return; /* adopted: what is there counts until the first publication */
	if (flags != state->flags)
		__atomic_store_n(&state->flags, flags, __ATOMIC_RELEASE);
	for (unsigned int n = 1; n < 128; n++)
		if (!p->prefixes[n] && (state->prefixes[n / 64] & 1ull << n % 64))
			__atomic_fetch_and(&state->prefixes[n / 64], ~(1ull << n % 64), __ATOMIC_RELEASE);
	while (last && last >= first && !p->node_ports[last])
		last--;
	while (first < last && !p->node_ports[first])
		first++;
	if (last < first)
		first = last = 0;
	if (first == state->node_port_first && last == state->node_port_last)
		return;
	__atomic_store_n(&state->node_port_last, (uint16_t)last, __ATOMIC_RELEASE);
	__atomic_store_n(&state->node_port_first, (uint16_t)first, __ATOMIC_RELEASE);
}

/* --- whole --------------------------------------------------------------------------------------------------------- */

int hdl_plan_stage(const struct hdl_plan *plan)
{
	struct hdl_dp_maps *m = plan->publisher->maps;
	int r;

	for (const struct hdl_plan_endpoint *i = plan->endpoints; i; i = i->next) {
		stage_endpoint(plan, i);
		hdl_publisher_step(plan->publisher);
	}
	for (const struct hdl_plan_range *i = plan->slots; i; i = i->next) {
		memcpy(m->slot + i->range.offset, i->content, i->range.count * sizeof(*m->slot));
		hdl_publisher_step(plan->publisher);
	}
	for (const struct hdl_plan_range *i = plan->rings; i; i = i->next) {
		memcpy(m->ring + i->range.offset, i->content, i->range.count * sizeof(*m->ring));
		hdl_publisher_step(plan->publisher);
	}
	for (const struct hdl_plan_range *i = plan->groups; i; i = i->next) {
		memcpy(m->group + i->range.offset, i->content, i->range.count * sizeof(*m->group));
		hdl_publisher_step(plan->publisher);
	}
	for (const struct hdl_plan_range *i = plan->rows; i; i = i->next) {
		memcpy(m->route + i->range.offset, i->content, i->range.count * sizeof(*m->route));
		hdl_publisher_step(plan->publisher);
	}
	for (const struct hdl_plan_cluster *i = plan->clusters; i; i = i->next) {
		stage_cluster(plan, i);
		hdl_publisher_step(plan->publisher);
	}
	for (const struct hdl_plan_service *i = plan->services; i; i = i->staged_next) {
		stage_service(plan, i);
		hdl_publisher_step(plan->publisher);
	}
	for (const struct hdl_plan_client *i = plan->client_records; i; i = i->next) {
		stage_client(plan, i);
		hdl_publisher_step(plan->publisher);
	}
	hdl_publisher_widen_hints(plan->publisher, plan);
	/* Last, since it is all that can fail. A program that finds the id finds no version that counts yet. */
	for (struct hdl_plan_service *i = plan->services; i; i = i->staged_next) {
		if (!i->fresh)
			continue;
		r = hdl_dp_vip_set(m, &i->version.key, i->id);
		if (r < 0)
			return hdl_err_set(plan->err, r == -E2BIG ? -ENOSPC : r, "map vip: %s", strerror(-r));
		i->staged = true;
		hdl_publisher_step(plan->publisher);
	}
	return 0;
}

void hdl_plan_unstage(const struct hdl_plan *plan)
{
	struct hdl_publisher *p = plan->publisher;
	struct hdl_dp_maps *m = p->maps;

	for (const struct hdl_plan_service *i = plan->services; i; i = i->staged_next) {
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
	for (const struct hdl_plan_client *i = plan->client_records; i; i = i->next) {
		for (int v = 0; v < 2; v++) {
			if (m->client[i->id].version[v].epoch == plan->epoch)
				__atomic_store_n(&m->client[i->id].version[v].epoch, 0, __ATOMIC_RELEASE);
		}
	}
	for (const struct hdl_plan_endpoint *i = plan->endpoints; i; i = i->next) {
		m->endpoint[i->id] = (struct hdl_endpoint){ .port = 0 };
		m->health[i->id] = (struct hdl_health){ .generation = 0 };
	}
	/* Programs may have read an id from `vip` just now. */
	hdl_publisher_owe_grace(p);
}
