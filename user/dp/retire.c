/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What flips put out of use: services and routes rest until programs that began before have ended; clusters, endpoints
 * and slots, which snapshots name, also until the snapshots that name them are gone. Each is kept with the newest of
 * these, so that letting a snapshot go costs what was retired with it, and a long request holds back nothing that came
 * after it began.
 */
#include <errno.h>
#include <stdlib.h>
#include "dp/publisher.h"

static void to_list(struct hdl_publisher *p, uint32_t *list, uint32_t item)
{
	p->retired[item].next = *list;
	*list = item;
}

int hdl_publisher_reserve_retired(struct hdl_publisher *p, size_t more)
{
	size_t capacity = p->retired_capacity ? p->retired_capacity : 64, need = p->retired_count + more + 1;
	struct hdl_retired *bigger;

	if (need <= p->retired_capacity)
		return 0;
	if (need > UINT32_MAX / 2)
		return -ENOMEM;
	while (capacity < need)
		capacity *= 2;
	bigger = realloc(p->retired, capacity * sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	p->retired = bigger;
	for (uint32_t i = p->retired_capacity ? p->retired_capacity : 1; i < capacity; i++)
		to_list(p, &p->retired_spare, i);
	p->retired_capacity = (uint32_t)capacity;
	return 0;
}

static bool named_by_snapshots(enum hdl_retired_kind kind)
{
	return kind != HDL_RETIRED_SERVICE && kind != HDL_RETIRED_ROUTE && kind != HDL_RETIRED_CLIENT;
}

/* With the newest of the first `count` snapshots, if that names it; else nobody does. */
static void keep_with(struct hdl_publisher *p, size_t count, uint32_t item)
{
	const struct hdl_retired *gone = &p->retired[item];

	if (count && named_by_snapshots(gone->kind) && p->alive[count - 1].snapshot->epoch >= gone->born)
		to_list(p, &p->alive[count - 1].retired, item);
	else
		to_list(p, &p->resting, item);
}

void hdl_publisher_retire(struct hdl_publisher *p, const struct hdl_retired *gone)
{
	uint32_t item = p->retired_spare;

	p->retired_spare = p->retired[item].next;
	p->retired[item] = *gone;
	p->retired_count++;
	keep_with(p, p->alive_count, item);
}

void hdl_publisher_drop_snapshots(struct hdl_publisher *p)
{
	size_t kept = 0;

	for (size_t i = 0; i < p->alive_count; i++) {
		struct hdl_publisher_alive a = p->alive[i];

		if (i + 1 == p->alive_count ||
		    atomic_load_explicit(&a.snapshot->references, memory_order_acquire) != 1) {
			p->alive[kept++] = a;
			continue;
		}
		for (uint32_t item = a.retired, next; item; item = next) {
			next = p->retired[item].next;
			keep_with(p, kept, item);
		}
		hdl_snapshot_unref(a.snapshot);
	}
	p->alive_count = kept;
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
	case HDL_RETIRED_CLIENT:
		m->client[gone->id] = (struct hdl_client){ .version = { { .epoch = 0 } } };
		hdl_registry_release(&p->client, gone->id);
		break;
	case HDL_RETIRED_CLUSTER:
		m->cluster[gone->id] = (struct hdl_cluster){ .version = { { .epoch = 0 } } };
		m->balance[gone->id] = (struct hdl_balance){ .turn = 0 };
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
	case HDL_RETIRED_GROUP:
		hdl_ranges_free(&p->group_ranges, (struct hdl_range){ gone->id, gone->count });
		break;
	case HDL_RETIRED_RING:
		hdl_ranges_free(&p->ring_ranges, (struct hdl_range){ gone->id, gone->count });
		break;
	}
}

void hdl_publisher_reclaim(struct hdl_publisher *p)
{
	uint32_t item = p->resting, next;

	p->resting = 0;
	for (; item; item = next) {
		next = p->retired[item].next;
		if (p->retired[item].epoch > p->graced_epoch) {
			to_list(p, &p->resting, item);
			continue;
		}
		reclaim_one(p, &p->retired[item]);
		to_list(p, &p->retired_spare, item);
		p->retired_count--;
	}
}
