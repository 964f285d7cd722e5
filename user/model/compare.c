/* SPDX-License-Identifier: Apache-2.0 */
/* Compares two lists of resources: skips what is shared, joins the rest by identity. */
#include "model/compare.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "model/index.h"
#include "model/print.h"

/* Resources of one list that are not at the same place in the other. */
struct rest {
	const struct hdl_resource **at;
	size_t n, capacity;
};

static int rest_add(struct rest *rest, const struct hdl_resource *resource)
{
	if (rest->n == rest->capacity) {
		size_t capacity = rest->capacity ? rest->capacity * 2 : 16;
		const struct hdl_resource **more =
			reallocarray(rest->at, capacity, sizeof(const struct hdl_resource *));

		if (!more)
			return -ENOMEM;
		rest->at = more;
		rest->capacity = capacity;
	}
	rest->at[rest->n++] = resource;
	return 0;
}

static int by_place(const struct hdl_resource *a, const struct hdl_resource *b)
{
	int r = a->file == b->file ? 0 : strcmp(a->file ? a->file : "", b->file ? b->file : "");

	if (r)
		return r;
	return a->order < b->order ? -1 : a->order > b->order;
}

/* One walk over both. What is out of order lands in the rests and is found there. */
static int collect(const struct hdl_resource *const *before, size_t before_n, const struct hdl_resource *const *after,
		   size_t after_n, struct rest *gone, struct rest *come)
{
	size_t i = 0, j = 0;
	int r = 0;

	while (r == 0 && (i < before_n || j < after_n)) {
		int order;

		if (i < before_n && j < after_n && before[i] == after[j]) {
			i++;
			j++;
			continue;
		}
		order = i == before_n ? 1 : j == after_n ? -1 : by_place(before[i], after[j]);
		if (order <= 0)
			r = rest_add(gone, before[i++]);
		if (r == 0 && order >= 0)
			r = rest_add(come, after[j++]);
	}
	return r;
}

static int add(struct hdl_object_changes *changes, const struct hdl_resource *before, const struct hdl_resource *after,
	       bool moved)
{
	if (changes->n == changes->capacity) {
		size_t capacity = changes->capacity ? changes->capacity * 2 : 16;
		struct hdl_object_change *more = reallocarray(changes->at, capacity, sizeof(*more));

		if (!more)
			return -ENOMEM;
		changes->at = more;
		changes->capacity = capacity;
	}
	changes->at[changes->n++] = (struct hdl_object_change){ before, after, moved };
	return 0;
}

static struct hdl_object_id id_of(const void *base, uint32_t i)
{
	const struct hdl_resource *resource = ((const struct rest *)base)->at[i];

	return (struct hdl_object_id){ resource->kind, resource->ns, resource->name };
}

static int join(const struct rest *gone, const struct rest *come, bool *met, struct hdl_index *index,
		struct hdl_object_changes *ret)
{
	int r = hdl_index_reserve(index, gone->n, id_of, gone);

	for (uint32_t i = 0; r == 0 && i < gone->n; i++)
		hdl_index_add(index, i, id_of, gone);
	for (uint32_t j = 0; r == 0 && j < come->n; j++) {
		const struct hdl_resource *after = come->at[j], *before;
		int64_t i = hdl_index_find(index, id_of(come, j), id_of, gone);

		if (i < 0) {
			r = add(ret, NULL, after, false);
			continue;
		}
		met[i] = true;
		before = gone->at[i];
		if (before != after)
			r = add(ret, before, after, hdl_resource_equal(before, after));
	}
	for (size_t i = 0; r == 0 && i < gone->n; i++)
		if (!met[i])
			r = add(ret, gone->at[i], NULL, false);
	return r;
}

int hdl_resources_compare(const struct hdl_resource *const *before, size_t before_n,
			  const struct hdl_resource *const *after, size_t after_n, struct hdl_object_changes *ret)
{
	struct hdl_object_changes changes = { 0 };
	struct rest gone = { 0 }, come = { 0 };
	struct hdl_index index = { 0 };
	bool *met = NULL;
	int r = collect(before, before_n, after, after_n, &gone, &come);

	if (r == 0) {
		met = calloc(gone.n + 1, sizeof(*met));
		r = met ? join(&gone, &come, met, &index, &changes) : -ENOMEM;
	}
	hdl_index_done(&index);
	free(met);
	free(gone.at);
	free(come.at);
	if (r < 0)
		hdl_object_changes_done(&changes);
	else
		*ret = changes;
	return r;
}

void hdl_object_changes_done(struct hdl_object_changes *changes)
{
	free(changes->at);
	*changes = (struct hdl_object_changes){ 0 };
}
