/* SPDX-License-Identifier: Apache-2.0 */
/* Life of a snapshot and its look-up tables by service address, pod address and cluster name. */
#include "ir/snapshot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

struct hdl_snapshot_cleanup {
	struct hdl_snapshot_cleanup *next;
	void *object;
	void (*free_object)(void *object);
};

/* Open addressing, at most half full: a slot is an index into the array of the objects, plus 1. */
struct table {
	uint32_t *slot;
	uint32_t mask;
};

struct vip {
	struct hdl_addr address;
	const struct hdl_ir_service_port *port;
};

struct pod_address {
	struct hdl_addr address;
	const struct hdl_ir_workload *workload;
};

struct index {
	uint64_t seed; /* addresses and names come from files that many people write */
	struct table vips, pods, clusters;
	struct vip *vip;
	size_t vip_count;
	struct pod_address *pod;
	size_t pod_count;
};

struct hdl_snapshot *hdl_snapshot_new(void)
{
	return hdl_snapshot_new_bounded(0);
}

struct hdl_snapshot *hdl_snapshot_new_bounded(size_t bytes_max)
{
	struct hdl_snapshot *snapshot = calloc(1, sizeof(*snapshot));

	if (!snapshot)
		return NULL;
	snapshot->arena = hdl_arena_new(bytes_max);
	if (!snapshot->arena) {
		free(snapshot);
		return NULL;
	}
	atomic_init(&snapshot->references, 1);
	return snapshot;
}

struct hdl_snapshot *hdl_snapshot_ref(struct hdl_snapshot *snapshot)
{
	atomic_fetch_add_explicit(&snapshot->references, 1, memory_order_relaxed);
	return snapshot;
}

struct hdl_snapshot *hdl_snapshot_unref(struct hdl_snapshot *snapshot)
{
	/* release: what this thread read must not move past its leave; acquire: the last one sees what all did */
	if (!snapshot || atomic_fetch_sub_explicit(&snapshot->references, 1, memory_order_acq_rel) != 1)
		return NULL;
	/* the newest first: a later object may point to an earlier one */
	for (struct hdl_snapshot_cleanup *c = snapshot->cleanups; c; c = c->next)
		c->free_object(c->object);
	hdl_arena_free(snapshot->arena);
	free(snapshot);
	return NULL;
}

int hdl_snapshot_own(struct hdl_snapshot *snapshot, void *object, void (*free_object)(void *object))
{
	struct hdl_snapshot_cleanup *c = hdl_arena_alloc(snapshot->arena, sizeof(*c));

	if (!c) {
		free_object(object);
		return -ENOMEM;
	}
	*c = (struct hdl_snapshot_cleanup){ .next = snapshot->cleanups, .object = object, .free_object = free_object };
	snapshot->cleanups = c;
	return 0;
}

static int table_init(struct hdl_arena *arena, struct table *table, size_t n)
{
	size_t size = 8;

	while (size < n * 2)
		size *= 2;
	table->slot = hdl_arena_calloc(arena, size, sizeof(*table->slot));
	table->mask = (uint32_t)(size - 1);
	return table->slot ? 0 : -ENOMEM;
}

/* Walks the slots of a hash: the next index to compare, or -1 at the end of the chain. */
static long table_next(const struct table *table, uint64_t hash, uint32_t *step)
{
	uint32_t value = table->slot[(hash + (*step)++) & table->mask];

	return value ? (long)value - 1 : -1;
}

static void table_add(struct table *table, uint64_t hash, size_t index)
{
	uint32_t at = (uint32_t)hash & table->mask;

	while (table->slot[at])
		at = (at + 1) & table->mask;
	table->slot[at] = (uint32_t)index + 1;
}

static uint64_t hash_address(const struct index *index, const struct hdl_addr *address, uint16_t port)
{
	return hdl_hash64(address, sizeof(*address), index->seed ^ port);
}

static uint64_t hash_name(const struct index *index, const char *name)
{
	return hdl_hash64(name, strlen(name), index->seed);
}

static const struct hdl_ir_service_port *find_vip(const struct index *index, const struct hdl_addr *address,
						  uint16_t port)
{
	uint64_t hash = hash_address(index, address, port);
	uint32_t step = 0;

	for (long i; (i = table_next(&index->vips, hash, &step)) >= 0;)
		if (index->vip[i].port->port == port && hdl_addr_equal(&index->vip[i].address, address))
			return index->vip[i].port;
	return NULL;
}

static const struct hdl_ir_workload *find_workload(const struct index *index, const struct hdl_addr *address)
{
	uint64_t hash = hash_address(index, address, 0);
	uint32_t step = 0;

	for (long i; (i = table_next(&index->pods, hash, &step)) >= 0;)
		if (hdl_addr_equal(&index->pod[i].address, address))
			return index->pod[i].workload;
	return NULL;
}

static int index_vips(struct hdl_snapshot *snapshot, struct index *index)
{
	size_t n = 0;

	for (size_t i = 0; i < snapshot->service_count; i++)
		n += snapshot->services[i]->address_count * snapshot->services[i]->port_count;
	index->vip = hdl_arena_calloc(snapshot->arena, n, sizeof(*index->vip));
	if (!index->vip || table_init(snapshot->arena, &index->vips, n) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < snapshot->service_count; i++) {
		const struct hdl_ir_service *service = snapshot->services[i];

		for (size_t a = 0; a < service->address_count; a++)
			for (size_t p = 0; p < service->port_count; p++) {
				const struct hdl_addr *address = &service->addresses[a];
				uint16_t port = service->ports[p].port;

				if (find_vip(index, address, port))
					continue;
				index->vip[index->vip_count] = (struct vip){ *address, &service->ports[p] };
				table_add(&index->vips, hash_address(index, address, port), index->vip_count++);
			}
	}
	return 0;
}

static int index_pods(struct hdl_snapshot *snapshot, struct index *index)
{
	size_t n = snapshot->workload_count * HDL_FAMILIES;

	index->pod = hdl_arena_calloc(snapshot->arena, n, sizeof(*index->pod));
	if (!index->pod || table_init(snapshot->arena, &index->pods, n) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < snapshot->workload_count; i++)
		for (int f = 0; f < HDL_FAMILIES; f++) {
			const struct hdl_addr *address = &snapshot->workloads[i]->address[f];

			if (hdl_addr_is_zero(address) || find_workload(index, address))
				continue;
			index->pod[index->pod_count] = (struct pod_address){ *address, snapshot->workloads[i] };
			table_add(&index->pods, hash_address(index, address, 0), index->pod_count++);
		}
	return 0;
}

static int index_clusters(struct hdl_snapshot *snapshot, struct index *index)
{
	if (table_init(snapshot->arena, &index->clusters, snapshot->cluster_count) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < snapshot->cluster_count; i++)
		table_add(&index->clusters, hash_name(index, snapshot->clusters[i]->name), i);
	return 0;
}

int hdl_snapshot_seal(struct hdl_snapshot *snapshot)
{
	struct index *index = hdl_arena_alloc(snapshot->arena, sizeof(*index));

	if (!index)
		return -ENOMEM;
	index->seed = hdl_hash_process_seed();
	if (index_vips(snapshot, index) < 0 || index_pods(snapshot, index) < 0 || index_clusters(snapshot, index) < 0)
		return -ENOMEM;
	snapshot->index = index;
	return 0;
}

const struct hdl_ir_service_port *hdl_snapshot_find_vip(const struct hdl_snapshot *snapshot,
							const struct hdl_addr *address, uint16_t port)
{
	return find_vip(snapshot->index, address, port);
}

const struct hdl_ir_workload *hdl_snapshot_find_workload(const struct hdl_snapshot *snapshot,
							 const struct hdl_addr *address)
{
	return find_workload(snapshot->index, address);
}

struct hdl_ir_cluster *hdl_snapshot_find_cluster(const struct hdl_snapshot *snapshot, const char *name)
{
	const struct index *index = snapshot->index;
	uint64_t hash = hash_name(index, name);
	uint32_t step = 0;

	for (long i; (i = table_next(&index->clusters, hash, &step)) >= 0;)
		if (strcmp(snapshot->clusters[i]->name, name) == 0)
			return snapshot->clusters[i];
	return NULL;
}
