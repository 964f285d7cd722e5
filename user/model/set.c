/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of resources, found by kind, namespace and name through a hash table of indexes. */
#include "model/resource.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/hash.h"

void hdl_resource_set_done(struct hdl_resource_set *set)
{
	free(set->at);
	free(set->slot);
	*set = (struct hdl_resource_set){ 0 };
}

static size_t slot_of(const struct hdl_resource_set *set, enum hdl_kind kind, const char *ns, const char *name)
{
	uint64_t hash = hdl_hash64(name, strlen(name), hdl_hash_process_seed() + (uint64_t)kind);

	hash = hdl_hash64(ns, strlen(ns), hash);
	return (size_t)hash & (set->slots - 1);
}

static bool is(const struct hdl_resource *resource, enum hdl_kind kind, const char *ns, const char *name)
{
	return resource->kind == kind && !strcmp(resource->name, name) && !strcmp(resource->ns, ns);
}

/* Slot that holds the object, or the free one where it would be. */
static size_t probe(const struct hdl_resource_set *set, enum hdl_kind kind, const char *ns, const char *name)
{
	size_t i = slot_of(set, kind, ns, name);

	while (set->slot[i] && !is(set->at[set->slot[i] - 1], kind, ns, name))
		i = (i + 1) & (set->slots - 1);
	return i;
}

const struct hdl_resource *hdl_resource_set_find(const struct hdl_resource_set *set, enum hdl_kind kind, const char *ns,
						 const char *name)
{
	uint32_t index;

	if (!set->slots)
		return NULL;
	index = set->slot[probe(set, kind, ns, name)];
	return index ? set->at[index - 1] : NULL;
}

static int grow(struct hdl_resource_set *set)
{
	size_t capacity = set->capacity ? set->capacity * 2 : 64;
	const struct hdl_resource **at;
	uint32_t *slot;

	if (set->n < set->capacity)
		return 0;
	if (capacity > UINT32_MAX / 4)
		return -ENOMEM;
	at = realloc(set->at, capacity * sizeof(const struct hdl_resource *));
	if (!at)
		return -ENOMEM;
	set->at = at;
	slot = calloc(capacity * 2, sizeof(*slot));
	if (!slot)
		return -ENOMEM;
	free(set->slot);
	set->slot = slot;
	set->slots = capacity * 2;
	set->capacity = capacity;
	for (size_t i = 0; i < set->n; i++)
		slot[probe(set, at[i]->kind, at[i]->ns, at[i]->name)] = (uint32_t)i + 1;
	return 0;
}

int hdl_resource_set_add(struct hdl_resource_set *set, const struct hdl_resource *resource, struct hdl_diags *diags)
{
	const struct hdl_resource *other = hdl_resource_set_find(set, resource->kind, resource->ns, resource->name);
	int r;

	if (other) {
		struct hdl_diag where = {
			.severity = HDL_ERROR,
			.file = resource->file,
			.pos = resource->pos,
			.kind = hdl_kind_name(resource->kind),
			.ns = resource->ns,
			.name = resource->name,
			.field = "metadata.name",
		};

		if (diags)
			hdl_diags_add(diags, &where, "the object exists already: %s:%u:%u, and that one stays",
				      other->file ? other->file : "", other->pos.line, other->pos.col);
		return -EEXIST;
	}
	r = grow(set);
	if (r < 0)
		return r;
	set->slot[probe(set, resource->kind, resource->ns, resource->name)] = (uint32_t)set->n + 1;
	set->at[set->n++] = resource;
	return 0;
}
