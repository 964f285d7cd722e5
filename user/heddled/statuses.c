/* SPDX-License-Identifier: Apache-2.0 */
/* Statuses of the Gateway API's objects: made again when something changed on which they depend. */
#include "heddled/statuses.h"

#include "base/log.h"
#include "model/resource.h"
#include "xlate/derive.h"
#include "xlate/xlate.h"

#define BYTES_MAX HDL_XLATE_BYTES_MAX

void hdl_statuses_done(struct hdl_statuses *statuses)
{
	hdl_arena_free(statuses->arena);
	hdl_config_set_unref(statuses->set);
	*statuses = (struct hdl_statuses){ 0 };
}

void hdl_statuses_update(struct hdl_statuses *statuses, const struct hdl_config_set *set, int64_t now_ns)
{
	struct hdl_statuses next = { .arena = NULL };
	const struct hdl_resource *const *list;
	struct hdl_diags diags = { .limit = 1 }; /* those of the translation are kept elsewhere */
	size_t n;
	int r = -1;

	/* equal pointers are equal documents; the list points to those of either set */
	if (statuses->set && hdl_xl_derivation_holds(statuses->set->at, statuses->set->n, set->at, set->n)) {
		hdl_config_set_ref(set);
		hdl_config_set_unref(statuses->set);
		statuses->set = set;
		return;
	}
	next.arena = hdl_arena_new(BYTES_MAX);
	if (next.arena)
		r = hdl_gwapi_derive(next.arena, set->at, set->n, &diags, &list, &n, &next.list);
	hdl_diags_done(&diags);
	if (r < 0) {
		hdl_log_error("statuses of Gateway API objects: out of memory; they stay as they were");
		hdl_arena_free(next.arena);
		return;
	}
	hdl_gwapi_carry(&statuses->list, &next.list, now_ns);
	next.set = hdl_config_set_ref(set);
	hdl_statuses_done(statuses);
	*statuses = next;
}
