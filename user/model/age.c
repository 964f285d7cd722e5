/* SPDX-License-Identifier: Apache-2.0 */
/* Order of creation of rules. */
#include "model/age.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "model/schema.h"

struct aged {
	void *at;
	const struct hdl_resource *resource;
	size_t place;
};

/* Of Services, Pods and the like no two compete for anything. */
static bool has_age(const struct hdl_resource *resource)
{
	return !hdl_kind_schemas[resource->kind].open && resource->metadata->created.has;
}

static int by_age(const void *a, const void *b)
{
	const struct aged *x = a, *y = b;
	int64_t first = x->resource->metadata->created.unix_ns, second = y->resource->metadata->created.unix_ns;
	int r = first < second ? -1 : first > second;

	if (!r)
		r = strcmp(x->resource->name, y->resource->name);
	if (!r)
		r = strcmp(x->resource->ns, y->resource->ns);
	return r ? r : x->place < y->place ? -1 : 1;
}

int hdl_order_by_age(void **at, size_t n, hdl_age_resource_fn *resource_of)
{
	struct aged *aged;
	size_t *place, found = 0;

	for (size_t i = 0; i < n; i++)
		found += has_age(resource_of(at[i]));
	if (found < 2)
		return 0;
	aged = calloc(found, sizeof(*aged));
	place = calloc(found, sizeof(*place));
	if (!aged || !place) {
		free(aged);
		free(place);
		return -ENOMEM;
	}
	found = 0;
	for (size_t i = 0; i < n; i++)
		if (has_age(resource_of(at[i]))) {
			aged[found] = (struct aged){ at[i], resource_of(at[i]), i };
			place[found++] = i;
		}
	qsort(aged, found, sizeof(*aged), by_age);
	for (size_t i = 0; i < found; i++)
		at[place[i]] = aged[i].at;
	free(aged);
	free(place);
	return 0;
}
