/* SPDX-License-Identifier: Apache-2.0 */
/* Gateway API objects as Istio resources: when to derive them anew. */
#include "xlate/derive.h"

#include <errno.h>

#include "model/resource.h"
#include "xlate/gwapi.h"

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
		if (hdl_gwapi_depends_on(resources[i]))
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
