/* SPDX-License-Identifier: Apache-2.0 */
/* Lists in `slot`, Maglev tables, hash rings and turns of a plan: new ranges where the content is not what is there. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/addr.h"
#include "base/hash.h"
#include "dp/publisher.h"
#include "lb/maglev.h"
#include "lb/ring.h"
#include "lb/turns.h"

/* A map of which lists take ranges. */
struct store {
	const char *map, *unit;
	struct hdl_ranges *ranges;
	const void *base;
	size_t size; /* of an element */
	struct hdl_plan_range **fresh, **retired;
};

static struct store store_of_slots(struct hdl_plan *plan)
{
	struct hdl_publisher *p = plan->publisher;

	return (struct store){ "slot",        "slots",      &p->slot_ranges,     p->maps->slot,
			       sizeof(__u32), &plan->slots, &plan->retired_slots };
}

static struct store store_of_rings(struct hdl_plan *plan)
{
	struct hdl_publisher *p = plan->publisher;

	return (struct store){
		"ring",       "entries",           &p->ring_ranges, p->maps->ring, sizeof(struct hdl_ring_entry),
		&plan->rings, &plan->retired_rings
	};
}

static int take(struct hdl_plan *plan, const struct store *store, const struct hdl_ir_cluster *cluster,
		const char *what, const void *content, uint32_t count, struct hdl_range *ret)
{
	void *copy = hdl_arena_calloc(plan->arena, count, store->size);
	int r;

	if (!copy)
		return hdl_err_set(plan->err, -ENOMEM, "out of memory");
	memcpy(copy, content, count * store->size);
	r = hdl_ranges_alloc(store->ranges, count, ret);
	if (r == -ENOSPC)
		return hdl_err_set(plan->err, r,
				   "map %s is full (%u of %u free): no room for the %s of cluster %s, %u %s; "
				   "mapCapacity.services and endpoints say how large it is",
				   store->map, store->ranges->free, store->ranges->total, what, cluster->name, count,
				   store->unit);
	if (r == 0) {
		r = hdl_plan_push_range(plan, store->fresh, *ret, copy);
		if (r < 0)
			hdl_ranges_free(store->ranges, *ret);
	}
	return r < 0 ? hdl_err_set(plan->err, r, "out of memory") : 0;
}

/* Puts content where the list is, unless that holds it already. */
static int put(struct hdl_plan *plan, const struct store *store, const struct hdl_ir_cluster *cluster,
	       const struct hdl_plan_list *list, const void *content, uint32_t count)
{
	const char *now = (const char *)store->base + list->range->offset * store->size;
	struct hdl_range fresh = { 0, 0 };
	int r;

	if (list->range->count == count && (count == 0 || memcmp(now, content, count * store->size) == 0))
		return 0;
	if (count) {
		r = take(plan, store, cluster, list->what, content, count, &fresh);
		if (r < 0)
			return r;
	}
	r = hdl_plan_retire_range(plan, store->retired, *list->range, list->info->born);
	*list->range = fresh;
	list->info->born = plan->epoch;
	return r;
}

int hdl_plan_slots(struct hdl_plan *plan, const struct hdl_ir_cluster *cluster, const struct hdl_plan_list *list,
		   const uint32_t *content, uint32_t count)
{
	struct store store = store_of_slots(plan);

	return put(plan, &store, cluster, list, content, count);
}

/* --- tables and rings ---------------------------------------------------------------------------------------------- */

/* Keys and weights of the hosts, in their order. */
struct input {
	const char **keys;
	uint32_t *weights, *ids;
	uint64_t hash; /* of all that a table depends on */
};

static uint32_t weight_of(const struct hdl_ir_endpoint *e)
{
	return e->weight ? e->weight : 1;
}

static int read_input(struct hdl_plan *plan, const struct hdl_plan_hosts *hosts, uint32_t size, struct input *ret)
{
	uint64_t hash = hdl_hash64(&size, sizeof(size), hosts->cluster->policy);
	char text[HDL_ADDR_PORT_TEXT_MAX];

	ret->keys = hdl_arena_calloc(plan->arena, hosts->count, sizeof(*ret->keys));
	ret->weights = hdl_arena_calloc(plan->arena, hosts->count, sizeof(*ret->weights));
	ret->ids = hdl_arena_calloc(plan->arena, hosts->count, sizeof(*ret->ids));
	if (!ret->keys || !ret->weights || !ret->ids)
		return hdl_err_set(plan->err, -ENOMEM, "out of memory");
	for (uint32_t i = 0; i < hosts->count; i++) {
		const struct hdl_ir_endpoint *e = &hosts->cluster->endpoints[hosts->from[i]];

		hdl_addr_port_print(&e->address[hosts->family], e->port, text);
		ret->keys[i] = hdl_arena_strdup(plan->arena, text);
		if (!ret->keys[i])
			return hdl_err_set(plan->err, -ENOMEM, "out of memory");
		ret->weights[i] = weight_of(e);
		ret->ids[i] = e->id;
		hash = hdl_hash64(text, strlen(text), hash);
		hash = hdl_hash64(&e->id, sizeof(e->id), hash + ret->weights[i]);
	}
	ret->hash = hash ? hash : 1;
	return 0;
}

int hdl_plan_maglev(struct hdl_plan *plan, const struct hdl_plan_hosts *hosts, uint32_t size,
		    const struct hdl_plan_list *list)
{
	struct input input = { .hash = 0 };
	uint32_t *table;
	int r;

	if (hosts->count == 0 || size == 0) {
		list->info->input = 0;
		return hdl_plan_slots(plan, hosts->cluster, list, NULL, 0);
	}
	r = read_input(plan, hosts, size, &input);
	if (r < 0 || (list->range->count && list->info->input == input.hash))
		return r;
	list->info->input = input.hash;
	table = hdl_arena_calloc(plan->arena, size, sizeof(*table));
	if (!table)
		return hdl_err_set(plan->err, -ENOMEM, "out of memory");
	r = hdl_maglev_build(input.keys, input.weights, hosts->count, size, table);
	if (r < 0)
		return hdl_err_set(plan->err, r, "cluster %s: no Maglev table of size %u: %s", hosts->cluster->name,
				   size, strerror(-r));
	for (uint32_t i = 0; i < size; i++)
		table[i] = input.ids[table[i]];
	return hdl_plan_slots(plan, hosts->cluster, list, table, size);
}

static int no_ring(struct hdl_plan *plan, const struct hdl_plan_hosts *hosts, uint64_t room)
{
	return hdl_err_set(plan->err, -ENOSPC,
			   "map ring has %u entries: no room for the ring of cluster %s, %llu entries for "
			   "minimumRingSize %u; mapCapacity.services says how large it is",
			   plan->publisher->ring_ranges.total, hosts->cluster->name, (unsigned long long)room,
			   hosts->cluster->table_size);
}

int hdl_plan_ring(struct hdl_plan *plan, const struct hdl_plan_hosts *hosts, uint32_t minimum,
		  const struct hdl_plan_list *list)
{
	struct store store = store_of_rings(plan);
	struct input input = { .hash = 0 };
	struct hdl_ring_entry *ring;
	uint64_t room;
	uint32_t count = 0;
	int r;

	if (hosts->count == 0 || minimum == 0) {
		list->info->input = 0;
		return put(plan, &store, hosts->cluster, list, NULL, 0);
	}
	r = read_input(plan, hosts, minimum, &input);
	if (r < 0 || (list->range->count && list->info->input == input.hash))
		return r;
	list->info->input = input.hash;
	room = hdl_ring_room(input.weights, hosts->count, minimum, HDL_RING_MAX);
	if (room > store.ranges->total + 1ull) /* it may take one less than there is room for */
		return no_ring(plan, hosts, room);
	ring = hdl_arena_calloc(plan->arena, room, sizeof(*ring));
	if (!ring)
		return hdl_err_set(plan->err, -ENOMEM, "out of memory");
	r = hdl_ring_build(input.keys, input.weights, hosts->count, minimum, HDL_RING_MAX, ring, &count);
	if (r < 0)
		return hdl_err_set(plan->err, r, "cluster %s: no ring of at least %u entries: %s", hosts->cluster->name,
				   minimum, strerror(-r));
	for (uint32_t i = 0; i < count; i++)
		ring[i].endpoint = input.ids[ring[i].endpoint];
	return put(plan, &store, hosts->cluster, list, ring, count);
}

int hdl_plan_turns(struct hdl_plan *plan, const struct hdl_plan_hosts *hosts, const struct hdl_plan_list *list)
{
	uint32_t *weights = NULL, *turns, count = 0;
	bool scaled, equal = true;

	for (uint32_t i = 1; i < hosts->count; i++)
		equal = equal && weight_of(&hosts->cluster->endpoints[hosts->from[i]]) ==
					 weight_of(&hosts->cluster->endpoints[hosts->from[0]]);
	if (equal)
		return hdl_plan_slots(plan, hosts->cluster, list, NULL, 0);
	weights = hdl_arena_calloc(plan->arena, hosts->count, sizeof(*weights));
	if (!weights)
		return hdl_err_set(plan->err, -ENOMEM, "out of memory");
	for (uint32_t i = 0; i < hosts->count; i++)
		weights[i] = weight_of(&hosts->cluster->endpoints[hosts->from[i]]);
	count = hdl_turns_count(weights, hosts->count, HDL_CLUSTER_ENDPOINTS_MAX, &scaled);
	turns = hdl_arena_calloc(plan->arena, count, sizeof(*turns));
	if (!turns || hdl_turns_build(weights, hosts->count, HDL_CLUSTER_ENDPOINTS_MAX, turns) < 0)
		return hdl_err_set(plan->err, -ENOMEM, "out of memory");
	for (uint32_t i = 0; i < count; i++)
		turns[i] = hosts->cluster->endpoints[hosts->from[turns[i]]].id;
	return hdl_plan_slots(plan, hosts->cluster, list, turns, count);
}

/* --- parts --------------------------------------------------------------------------------------------------------- */

static bool is_ring(uint8_t policy)
{
	return policy == HDL_POLICY_RING_HASH;
}

/* The table of another kind goes: it is in another map. */
static int leave_table(struct hdl_plan *plan, uint8_t policy_now, struct hdl_range *range,
		       struct hdl_publisher_list *info)
{
	int r = hdl_plan_retire_range(plan, is_ring(policy_now) ? &plan->retired_rings : &plan->retired_slots, *range,
				      info->born);

	*range = (struct hdl_range){ 0, 0 };
	*info = (struct hdl_publisher_list){ 0, 0 };
	return r;
}

int hdl_plan_part(struct hdl_plan *plan, const struct hdl_ir_cluster *cluster, const struct hdl_plan_part *part)
{
	bool takes_turns = cluster->policy == HDL_POLICY_ROUND_ROBIN || cluster->policy == HDL_POLICY_LEAST_REQUEST;
	uint8_t policy = (uint8_t)cluster->policy;
	int r = 0;

	for (int f = 0; r == 0 && f < HDL_FAMILIES; f++) {
		struct hdl_plan_list turns = { &part->turns[f], &part->info->turns[f], "turns" };
		struct hdl_plan_list table = { &part->table[f], &part->info->table[f], "hash table" };
		struct hdl_plan_hosts hosts = { cluster, part->from[f], part->count[f], f };
		struct hdl_plan_hosts none = { cluster, NULL, 0, f };

		if (is_ring(policy) != is_ring(part->policy_now))
			r = leave_table(plan, part->policy_now, table.range, table.info);
		if (r == 0)
			r = hdl_plan_turns(plan, takes_turns ? &hosts : &none, &turns);
		if (r == 0 && is_ring(policy))
			r = hdl_plan_ring(plan, &hosts, cluster->table_size, &table);
		else if (r == 0)
			r = hdl_plan_maglev(plan, policy == HDL_POLICY_MAGLEV ? &hosts : &none, cluster->table_size,
					    &table);
	}
	return r;
}

int hdl_plan_part_gone(struct hdl_plan *plan, uint8_t policy, const struct hdl_range *turns,
		       const struct hdl_range *table, const struct hdl_publisher_part *info)
{
	int r = 0;

	for (int f = 0; r == 0 && f < HDL_FAMILIES; f++) {
		r = hdl_plan_retire_range(plan, &plan->retired_slots, turns[f], info->turns[f].born);
		if (r == 0)
			r = hdl_plan_retire_range(plan, is_ring(policy) ? &plan->retired_rings : &plan->retired_slots,
						  table[f], info->table[f].born);
	}
	return r;
}
