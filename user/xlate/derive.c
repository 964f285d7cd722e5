/* SPDX-License-Identifier: Apache-2.0 */
/* Gateway API objects as Istio resources, the hosts of ServiceEntries as one service each: when to derive them anew. */
#include "xlate/derive.h"

#include <errno.h>
#include <string.h>

#include "model/registry.h"
#include "model/resource.h"
#include "xlate/gwapi.h"

/* One of the hosts of a ServiceEntry, as an entry of its own. */
static const struct hdl_resource *split(struct hdl_arena *arena, const struct hdl_resource *res, size_t host)
{
	struct hdl_resource *copy = hdl_arena_alloc(arena, sizeof(*copy));
	struct hdl_service_entry *spec = hdl_arena_alloc(arena, sizeof(*spec));

	if (!copy || !spec)
		return NULL;
	*copy = *res;
	*spec = *res->service_entry;
	spec->hosts.at += host;
	spec->hosts.n = 1;
	copy->derived_from = res;
	copy->service_entry = spec;
	return copy;
}

/* The list with all hosts but the first of ServiceEntries after it; the same list when there are none. */
static int split_all(struct hdl_arena *arena, const struct hdl_resource *const *resources, size_t n,
		     const struct hdl_resource *const **list, size_t *list_n)
{
	const struct hdl_resource **more;
	size_t extra = 0;

	for (size_t i = 0; i < n; i++)
		extra += resources[i]->kind == HDL_KIND_SERVICE_ENTRY ? resources[i]->service_entry->hosts.n - 1 : 0;
	if (!extra)
		return 0;
	more = hdl_arena_calloc(arena, *list_n + extra, sizeof(*more));
	if (!more)
		return -ENOMEM;
	memcpy(more, *list, *list_n * sizeof(*more));
	for (size_t i = 0; i < n; i++)
		for (size_t h = 1;
		     resources[i]->kind == HDL_KIND_SERVICE_ENTRY && h < resources[i]->service_entry->hosts.n; h++) {
			more[*list_n] = split(arena, resources[i], h);
			if (!more[(*list_n)++])
				return -ENOMEM;
		}
	*list = more;
	return 0;
}

int hdl_xl_derive(const struct hdl_resource *const *resources, size_t n, size_t bytes_max,
		  struct hdl_xl_derivation *ret)
{
	struct hdl_xl_derivation d = { .arena = hdl_arena_new(bytes_max), .given_n = n };
	const struct hdl_resource *const *list;
	size_t list_n;
	int r;

	if (!d.arena)
		return -ENOMEM;
	r = hdl_gwapi_derive(d.arena, resources, n, &d.diags, &list, &list_n, NULL);
	if (r == 0)
		r = split_all(d.arena, resources, n, &list, &list_n);
	if (r < 0 || d.diags.no_memory) {
		r = hdl_arena_limit_met(d.arena) ? -E2BIG : -ENOMEM;
		hdl_xl_derivation_done(&d);
		return r;
	}
	if (list == resources) {
		d.arena = hdl_arena_free(d.arena);
	} else {
		d.derived = list + n;
		d.derived_n = list_n - n;
	}
	*ret = d;
	return 0;
}

void hdl_xl_derivation_done(struct hdl_xl_derivation *d)
{
	hdl_arena_free(d->arena);
	hdl_diags_done(&d->diags);
	*d = (struct hdl_xl_derivation){ 0 };
}

static bool depend(const struct hdl_resource *const *resources, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (resources[i]->kind == HDL_KIND_SERVICE_ENTRY || hdl_gwapi_depends_on(resources[i]))
			return true;
	return false;
}

bool hdl_xl_derivation_holds(const struct hdl_resource *const *before, size_t before_n,
			     const struct hdl_resource *const *now, size_t now_n)
{
	size_t least = before_n < now_n ? before_n : now_n, start = 0, end = 0;

	while (start < least && before[start] == now[start])
		start++;
	while (end < least - start && before[before_n - 1 - end] == now[now_n - 1 - end])
		end++;
	return !depend(before, start, before_n - end) && !depend(now, start, now_n - end);
}
