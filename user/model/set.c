/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of resources, found by kind, namespace and name. */
#include "model/resource.h"

#include <errno.h>
#include <stdlib.h>
#include "model/index.h"

void hdl_resource_set_done(struct hdl_resource_set *set)
{
	free(set->at);
	free(set->slot);
	*set = (struct hdl_resource_set){ 0 };
}

static struct hdl_object_id id_of(const void *base, uint32_t i)
{
	const struct hdl_resource *resource = ((const struct hdl_resource_set *)base)->at[i];

	return (struct hdl_object_id){ resource->kind, resource->ns, resource->name };
}

const struct hdl_resource *hdl_resource_set_find(const struct hdl_resource_set *set, enum hdl_kind kind, const char *ns,
						 const char *name)
{
	struct hdl_index index = { set->slot, set->slots, set->n };
	int64_t i = hdl_index_find(&index, (struct hdl_object_id){ kind, ns, name }, id_of, set);

	return i < 0 ? NULL : set->at[i];
}

static int grow(struct hdl_resource_set *set)
{
	struct hdl_index index = { set->slot, set->slots, set->n };
	size_t capacity = set->capacity ? set->capacity * 2 : 64;
	const struct hdl_resource **at;
	int r;

	if (set->n < set->capacity)
		return 0;
	at = realloc(set->at, capacity * sizeof(const struct hdl_resource *));
	if (!at)
		return -ENOMEM;
	set->at = at;
	r = hdl_index_reserve(&index, capacity, id_of, set);
	if (r < 0)
		return r;
	set->slot = index.slot;
	set->slots = index.slots;
	set->capacity = capacity;
	return 0;
}

int hdl_resource_set_add(struct hdl_resource_set *set, const struct hdl_resource *resource, struct hdl_diags *diags)
{
	const struct hdl_resource *other = hdl_resource_set_find(set, resource->kind, resource->ns, resource->name);
	struct hdl_index index;
	int r;

	if (other) {
		if (diags)
			hdl_resource_duplicate(resource, other, diags);
		return -EEXIST;
	}
	r = grow(set);
	if (r < 0)
		return r;
	index = (struct hdl_index){ set->slot, set->slots, set->n };
	set->at[set->n] = resource;
	hdl_index_add(&index, (uint32_t)set->n, id_of, set);
	set->n++;
	return 0;
}

void hdl_resource_duplicate(const struct hdl_resource *resource, const struct hdl_resource *other,
			    struct hdl_diags *diags)
{
	struct hdl_diag where = {
		.severity = HDL_ERROR,
		.file = resource->file,
		.pos = resource->pos,
		.kind = hdl_kind_name(resource->kind),
		.ns = resource->ns,
		.name = resource->name,
		.field = "metadata.name",
	};

	hdl_diags_add(diags, &where, "the same object is at %s:%u:%u, which stays; this one is refused",
		      other->file ? other->file : "", other->pos.line, other->pos.col);
}
