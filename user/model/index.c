/* SPDX-License-Identifier: Apache-2.0 */
/* Hash index over an array of things that have an object's identity. */
#include "model/index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/hash.h"

void hdl_index_done(struct hdl_index *index)
{
	free(index->slot);
	*index = (struct hdl_index){ 0 };
}

static bool same(struct hdl_object_id a, struct hdl_object_id b)
{
	return a.kind == b.kind && !strcmp(a.name, b.name) && !strcmp(a.ns, b.ns);
}

/* Slot that holds the object, or the free one where it would be. Names come from files: the hash is seeded. */
static size_t probe(const struct hdl_index *index, struct hdl_object_id id, hdl_index_id_fn *id_of, const void *base)
{
	uint64_t hash = hdl_hash64(id.name, strlen(id.name), hdl_hash_process_seed() + (uint64_t)id.kind);
	size_t i = (size_t)hdl_hash64(id.ns, strlen(id.ns), hash) & (index->slots - 1);

	while (index->slot[i] && !same(id_of(base, index->slot[i] - 1), id))
		i = (i + 1) & (index->slots - 1);
	return i;
}

int hdl_index_reserve(struct hdl_index *index, size_t n, hdl_index_id_fn *id_of, const void *base)
{
	struct hdl_index grown = { .slots = 64, .n = index->n };

	if (n > UINT32_MAX / 4)
		return -ENOMEM;
	while (grown.slots < n * 2)
		grown.slots *= 2;
	if (grown.slots <= index->slots)
		return 0;
	grown.slot = calloc(grown.slots, sizeof(*grown.slot));
	if (!grown.slot)
		return -ENOMEM;
	for (size_t i = 0; i < index->slots; i++)
		if (index->slot[i])
			grown.slot[probe(&grown, id_of(base, index->slot[i] - 1), id_of, base)] = index->slot[i];
	free(index->slot);
	*index = grown;
	return 0;
}

int64_t hdl_index_find(const struct hdl_index *index, struct hdl_object_id id, hdl_index_id_fn *id_of, const void *base)
{
	if (!index->n)
		return -1;
	return (int64_t)index->slot[probe(index, id, id_of, base)] - 1;
}

void hdl_index_add(struct hdl_index *index, uint32_t i, hdl_index_id_fn *id_of, const void *base)
{
	index->slot[probe(index, id_of(base, i), id_of, base)] = i + 1;
	index->n++;
}
