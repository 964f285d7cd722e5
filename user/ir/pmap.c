/* SPDX-License-Identifier: Apache-2.0 */
/* Hash trie of nodes with up to 32 slots; a slot is an entry or a deeper node. Equal hashes share a list at the end. */
#include "ir/pmap.h"

#include <errno.h>
#include <string.h>

#define BITS 5
#define LIST_DEPTH 13 /* all bits of the hash are used */

struct slot {
	uint64_t hash; /* of an entry */
	void *p;
};

struct hdl_ir_pmap {
	struct hdl_ir_retired retired;
	uint64_t serial;
	uint32_t used, nodes; /* bits: slots that there are, and those of them that are nodes */
	uint32_t n, capacity; /* slots */
	struct slot slot[];
};

static void free_node(struct hdl_ir_retired *node)
{
	hdl_ir_free(node);
}

static uint32_t bit_of(uint64_t hash, unsigned int depth)
{
	return 1u << ((hash >> (BITS * depth)) & 31);
}

static unsigned int place_of(const struct hdl_ir_pmap *node, uint32_t bit)
{
	return (unsigned int)__builtin_popcount(node->used & (bit - 1));
}

const void *hdl_ir_pmap_get(const struct hdl_ir_pmap *map, uint64_t hash, const void *key, hdl_ir_pmap_equal_fn *equal)
{
	for (unsigned int depth = 0; map && depth < LIST_DEPTH; depth++) {
		uint32_t bit = bit_of(hash, depth);
		const struct slot *slot = &map->slot[place_of(map, bit)];

		if (!(map->used & bit))
			return NULL;
		if (!(map->nodes & bit))
			return slot->hash == hash && equal(slot->p, key) ? slot->p : NULL;
		map = slot->p;
	}
	for (uint32_t i = 0; map && i < map->n; i++)
		if (equal(map->slot[i].p, key))
			return map->slot[i].p;
	return NULL;
}

static struct hdl_ir_pmap *node_new(const struct hdl_ir_pmap_edit *edit, uint32_t capacity)
{
	struct hdl_ir_pmap *node = hdl_ir_alloc(1, sizeof(*node) + capacity * sizeof(struct slot));

	if (node) {
		node->serial = edit->serial;
		node->retired.born = hdl_ir_generation_next(edit->generation);
		node->capacity = capacity;
	}
	return node;
}

/* Of this edit: nobody else has seen it. */
static void drop_node(const struct hdl_ir_pmap_edit *edit, struct hdl_ir_pmap *node)
{
	if (node->serial == edit->serial || !edit->generation)
		hdl_ir_free(node);
	else
		hdl_ir_generation_retire(edit->generation, &node->retired, free_node);
}

/* *at becomes a node that may be changed, with room for `more` slots. */
static int own(const struct hdl_ir_pmap_edit *edit, struct hdl_ir_pmap **at, uint32_t more)
{
	struct hdl_ir_pmap *node = *at, *copy;

	if (node->serial == edit->serial && node->n + more <= node->capacity)
		return 0;
	copy = node_new(edit, node->n + more + (more ? node->n / 4 : 0));
	if (!copy)
		return -ENOMEM;
	copy->used = node->used;
	copy->nodes = node->nodes;
	copy->n = node->n;
	memcpy(copy->slot, node->slot, node->n * sizeof(*node->slot));
	*at = copy;
	drop_node(edit, node);
	return 0;
}

static void insert(struct hdl_ir_pmap *node, unsigned int place, struct slot slot)
{
	memmove(&node->slot[place + 1], &node->slot[place], (node->n - place) * sizeof(slot));
	node->slot[place] = slot;
	node->n++;
}

static int put_list(const struct hdl_ir_pmap_edit *edit, struct hdl_ir_pmap **at, struct slot entry, const void *key,
		    hdl_ir_pmap_equal_fn *equal)
{
	if (own(edit, at, 1) < 0)
		return -ENOMEM;
	for (uint32_t i = 0; i < (*at)->n; i++)
		if (equal((*at)->slot[i].p, key)) {
			(*at)->slot[i] = entry;
			return 0;
		}
	(*at)->slot[(*at)->n++] = entry;
	return 0;
}

static int put(const struct hdl_ir_pmap_edit *edit, struct hdl_ir_pmap **at, unsigned int depth, struct slot entry,
	       const void *key, hdl_ir_pmap_equal_fn *equal)
{
	uint32_t bit = bit_of(entry.hash, depth < LIST_DEPTH ? depth : 0);
	unsigned int place;
	struct slot *slot;

	if (depth == LIST_DEPTH)
		return put_list(edit, at, entry, key, equal);
	if (own(edit, at, !((*at)->used & bit)) < 0)
		return -ENOMEM;
	place = place_of(*at, bit);
	slot = &(*at)->slot[place];
	if (!((*at)->used & bit)) {
		insert(*at, place, entry);
		(*at)->used |= bit;
		return 0;
	}
	if (!((*at)->nodes & bit)) {
		struct hdl_ir_pmap *deeper;

		if (slot->hash == entry.hash && equal(slot->p, key)) {
			*slot = entry;
			return 0;
		}
		deeper = node_new(edit, 2);
		if (!deeper)
			return -ENOMEM;
		deeper->n = 1;
		deeper->slot[0] = *slot;
		deeper->used = depth + 1 < LIST_DEPTH ? bit_of(slot->hash, depth + 1) : 0;
		*slot = (struct slot){ .p = deeper };
		(*at)->nodes |= bit;
	}
	return put(edit, (struct hdl_ir_pmap **)&slot->p, depth + 1, entry, key, equal);
}

int hdl_ir_pmap_put(struct hdl_ir_pmap_edit *edit, uint64_t hash, const void *key, const void *entry,
		    hdl_ir_pmap_equal_fn *equal)
{
	struct slot slot = { .hash = hash, .p = (void *)entry };

	if (!edit->map)
		edit->map = node_new(edit, 1);
	return edit->map ? put(edit, &edit->map, 0, slot, key, equal) : -ENOMEM;
}

static void erase(struct hdl_ir_pmap *node, unsigned int place)
{
	node->n--;
	memmove(&node->slot[place], &node->slot[place + 1], (node->n - place) * sizeof(*node->slot));
}

/* The key is there. A node without slots may stay. */
static int take_out(const struct hdl_ir_pmap_edit *edit, struct hdl_ir_pmap **at, unsigned int depth, uint64_t hash,
		    const void *key, hdl_ir_pmap_equal_fn *equal)
{
	uint32_t bit = bit_of(hash, depth < LIST_DEPTH ? depth : 0), i = 0;
	unsigned int place;

	if (own(edit, at, 0) < 0)
		return -ENOMEM;
	if (depth == LIST_DEPTH) {
		while (i < (*at)->n && !equal((*at)->slot[i].p, key))
			i++;
		if (i < (*at)->n)
			erase(*at, i);
		return 0;
	}
	place = place_of(*at, bit);
	if ((*at)->nodes & bit) {
		struct hdl_ir_pmap **deeper = (struct hdl_ir_pmap **)&(*at)->slot[place].p;

		if (take_out(edit, deeper, depth + 1, hash, key, equal) < 0)
			return -ENOMEM;
		if ((*deeper)->n)
			return 0;
		drop_node(edit, *deeper);
		(*at)->nodes &= ~bit;
	}
	(*at)->used &= ~bit;
	erase(*at, place);
	return 0;
}

int hdl_ir_pmap_remove(struct hdl_ir_pmap_edit *edit, uint64_t hash, const void *key, hdl_ir_pmap_equal_fn *equal)
{
	if (!hdl_ir_pmap_get(edit->map, hash, key, equal))
		return 0;
	return take_out(edit, &edit->map, 0, hash, key, equal);
}

static void free_all(struct hdl_ir_pmap *node, unsigned int depth, struct hdl_ir_generation *generation)
{
	unsigned int place = 0;

	for (uint32_t bits = node->used; bits && depth < LIST_DEPTH; bits &= bits - 1, place++)
		if (node->nodes & bits & -bits)
			free_all(node->slot[place].p, depth + 1, generation);
	if (generation)
		hdl_ir_generation_retire(generation, &node->retired, free_node);
	else
		hdl_ir_free(node);
}

void hdl_ir_pmap_free(struct hdl_ir_pmap *map, struct hdl_ir_generation *generation)
{
	if (map)
		free_all(map, 0, generation);
}
