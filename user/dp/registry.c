/* SPDX-License-Identifier: Apache-2.0 */
/* Identity to id: open addressing with linear probing, ids from a stack of freed ones. */
#include "dp/registry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/hash.h"

enum { ID_FREE, ID_LINKED, ID_RETIRED };

void hdl_registry_init(struct hdl_registry *registry, size_t key_size, uint32_t max_id)
{
	*registry = (struct hdl_registry){ .key_size = key_size, .max_id = max_id, .next = 1 };
	registry->seed = hdl_hash_process_seed();
}

void hdl_registry_done(struct hdl_registry *registry)
{
	free(registry->keys);
	free(registry->state);
	free(registry->free_ids);
	free(registry->index);
	hdl_registry_init(registry, registry->key_size, registry->max_id);
}

static const uint8_t *key_of(const struct hdl_registry *registry, uint32_t id)
{
	return registry->keys + (size_t)id * registry->key_size;
}

static uint32_t home_of(const struct hdl_registry *registry, const void *key)
{
	return (uint32_t)hdl_hash64(key, registry->key_size, registry->seed) & (registry->index_size - 1);
}

uint32_t hdl_registry_find(const struct hdl_registry *registry, const void *key)
{
	if (registry->index_size == 0)
		return 0;
	for (uint32_t i = home_of(registry, key); registry->index[i]; i = (i + 1) & (registry->index_size - 1)) {
		if (memcmp(key_of(registry, registry->index[i]), key, registry->key_size) == 0)
			return registry->index[i];
	}
	return 0;
}

static void index_place(struct hdl_registry *registry, uint32_t id)
{
	uint32_t i = home_of(registry, key_of(registry, id));

	while (registry->index[i])
		i = (i + 1) & (registry->index_size - 1);
	registry->index[i] = id;
}

/* Keeps the index at most half full with one more key. */
static int index_reserve(struct hdl_registry *registry)
{
	uint32_t size = registry->index_size ? registry->index_size : 64;
	uint32_t *index;

	while (size / 2 < registry->linked + 1)
		size *= 2;
	if (size == registry->index_size)
		return 0;
	index = calloc(size, sizeof(*index));
	if (!index)
		return -ENOMEM;
	free(registry->index);
	registry->index = index;
	registry->index_size = size;
	for (uint32_t id = 1; id < registry->next; id++) {
		if (registry->state[id] == ID_LINKED)
			index_place(registry, id);
	}
	return 0;
}

static int grow(void **array, size_t count, size_t size)
{
	void *bigger = realloc(*array, count * size);

	if (!bigger)
		return -ENOMEM;
	*array = bigger;
	return 0;
}

/* Makes room for id in the arrays by id. */
static int arrays_reserve(struct hdl_registry *registry, uint32_t id)
{
	uint64_t capacity = registry->capacity ? registry->capacity : 64;

	while (capacity <= id)
		capacity *= 2;
	if (capacity == registry->capacity)
		return 0;
	if (grow((void **)&registry->keys, capacity, registry->key_size) < 0 ||
	    grow((void **)&registry->state, capacity, sizeof(*registry->state)) < 0 ||
	    grow((void **)&registry->free_ids, capacity, sizeof(*registry->free_ids)) < 0)
		return -ENOMEM;
	memset(registry->state + registry->capacity, ID_FREE, capacity - registry->capacity);
	registry->capacity = (uint32_t)capacity;
	return 0;
}

static void link_id(struct hdl_registry *registry, const void *key, uint32_t id)
{
	memcpy(registry->keys + (size_t)id * registry->key_size, key, registry->key_size);
	registry->state[id] = ID_LINKED;
	index_place(registry, id);
	registry->linked++;
}

/* After adoption, which takes ids in any order: collects the free ones between them, the lowest on top. */
static void collect_free(struct hdl_registry *registry)
{
	registry->free_count = 0;
	for (uint32_t id = registry->next; id > 1; id--) {
		if (registry->state[id - 1] == ID_FREE)
			registry->free_ids[registry->free_count++] = id - 1;
	}
	registry->free_unknown = false;
}

int hdl_registry_insert(struct hdl_registry *registry, const void *key, uint32_t *ret_id)
{
	uint32_t id;

	if (registry->free_unknown)
		collect_free(registry);
	if (registry->free_count == 0 && registry->next > registry->max_id)
		return -ENOSPC;
	id = registry->free_count ? registry->free_ids[registry->free_count - 1] : registry->next;
	if (index_reserve(registry) < 0 || arrays_reserve(registry, id) < 0)
		return -ENOMEM;
	if (registry->free_count)
		registry->free_count--;
	else
		registry->next++;
	link_id(registry, key, id);
	*ret_id = id;
	return 0;
}

int hdl_registry_adopt(struct hdl_registry *registry, const void *key, uint32_t id)
{
	if (id == 0 || id > registry->max_id)
		return -ERANGE;
	if (hdl_registry_find(registry, key) || (id < registry->next && registry->state[id] != ID_FREE))
		return -EEXIST;
	if (index_reserve(registry) < 0 || arrays_reserve(registry, id) < 0)
		return -ENOMEM;
	if (id >= registry->next)
		registry->next = id + 1;
	registry->free_unknown = true;
	link_id(registry, key, id);
	return 0;
}

/* Removes the place of id, and closes the gap so that probing needs no tombstones. */
static void index_remove(struct hdl_registry *registry, uint32_t id)
{
	uint32_t mask = registry->index_size - 1;
	uint32_t hole = home_of(registry, key_of(registry, id));

	while (registry->index[hole] != id)
		hole = (hole + 1) & mask;
	for (uint32_t i = (hole + 1) & mask; registry->index[i]; i = (i + 1) & mask) {
		uint32_t home = home_of(registry, key_of(registry, registry->index[i]));

		/* It may move into the hole unless its home lies behind the hole. */
		if (((i - home) & mask) >= ((i - hole) & mask)) {
			registry->index[hole] = registry->index[i];
			hole = i;
		}
	}
	registry->index[hole] = 0;
}

void hdl_registry_retire(struct hdl_registry *registry, uint32_t id)
{
	index_remove(registry, id);
	registry->state[id] = ID_RETIRED;
	registry->linked--;
	registry->retired++;
}

void hdl_registry_release(struct hdl_registry *registry, uint32_t id)
{
	if (registry->state[id] == ID_LINKED)
		hdl_registry_retire(registry, id);
	registry->retired--;
	registry->state[id] = ID_FREE;
	if (!registry->free_unknown)
		registry->free_ids[registry->free_count++] = id;
}

bool hdl_registry_is_linked(const struct hdl_registry *registry, uint32_t id)
{
	return id < registry->next && registry->state[id] == ID_LINKED;
}

bool hdl_registry_is_used(const struct hdl_registry *registry, uint32_t id)
{
	return id < registry->next && registry->state[id] != ID_FREE;
}

const void *hdl_registry_key(const struct hdl_registry *registry, uint32_t id)
{
	return key_of(registry, id);
}
