/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Identity to id: a hash table of fixed-size keys whose values are the small dense ids that index the maps. An id is
 * free, linked (its key finds it) or retired (its key finds it no more, but it may not be given out again yet).
 */
#ifndef HDL_DP_REGISTRY_H
#define HDL_DP_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hdl_registry {
	size_t key_size;
	uint32_t max_id; /* ids are 1..max_id */
	uint32_t next;   /* ids from here on were never in use */
	uint32_t linked, retired;
	uint32_t capacity; /* of the three arrays by id below */
	uint8_t *keys, *state;
	uint32_t *free_ids, free_count;
	bool free_unknown;           /* ids were adopted: free_ids is to be collected anew */
	uint32_t *index, index_size; /* open addressing, a power of two; 0 = empty place */
	uint64_t seed;
};

void hdl_registry_init(struct hdl_registry *registry, size_t key_size, uint32_t max_id);
void hdl_registry_done(struct hdl_registry *registry);

uint32_t hdl_registry_find(const struct hdl_registry *registry, const void *key); /* 0 = none */
/* Gives the key a free id. 0, -ENOSPC or -ENOMEM. The key must not be linked. */
int hdl_registry_insert(struct hdl_registry *registry, const void *key, uint32_t *ret_id);
/* Gives the key this id, which must not be in use. 0, -EEXIST (key or id in use), -ERANGE or -ENOMEM. */
int hdl_registry_adopt(struct hdl_registry *registry, const void *key, uint32_t id);
void hdl_registry_retire(struct hdl_registry *registry, uint32_t id);  /* linked to retired */
void hdl_registry_release(struct hdl_registry *registry, uint32_t id); /* linked or retired to free */
bool hdl_registry_is_linked(const struct hdl_registry *registry, uint32_t id);
bool hdl_registry_is_used(const struct hdl_registry *registry, uint32_t id);    /* linked or retired */
const void *hdl_registry_key(const struct hdl_registry *registry, uint32_t id); /* of a linked or retired id */

#endif
