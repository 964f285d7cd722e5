/* SPDX-License-Identifier: Apache-2.0 */
/* Sidecars: which workloads they select (IST0002, IST0101, IST0110, IST0111). */
#include "analyze/an.h"

#include <stdio.h>
#include <string.h>

struct choice {
	struct an *an;
	struct hdl_xl_map *chosen; /* "ns/pod" -> struct an_list of Sidecars */
	const struct hdl_resource *sidecar;
};

static void add(struct an *an, struct hdl_xl_map *map, const char *key, const struct hdl_resource *res)
{
	struct an_list *list = hdl_xl_map_get(map, key);

	if (!list) {
		list = hdl_arena_alloc(an->arena, sizeof(*list));
		if (!list || hdl_xl_map_put(map, an->arena, key, list) < 0) {
			an->no_memory = true;
			return;
		}
	}
	an_list_add(an, list, res);
}

static bool choose(void *data, const struct hdl_resource *workload)
{
	struct choice *choice = data;

	add(choice->an, choice->chosen, an_resource_name(choice->an, workload), choice->sidecar);
	return !choice->an->no_memory;
}

/* "[a b]" */
static const char *names_of(struct an *an, const struct an_list *list)
{
	struct hdl_buf buf = { 0 };
	const char *text;

	for (size_t i = 0; i < list->n && i < HDL_AN_NAMES_MAX; i++)
		hdl_buf_printf(&buf, "%s%s", i ? " " : "", list->at[i]->name);
	text = an_printf(an, "[%s]", buf.p ? buf.p : "");
	hdl_buf_done(&buf);
	return text;
}

static void check_selectors(struct an *an, const struct an_list *sidecars)
{
	struct hdl_xl_map chosen = { 0 };

	for (size_t i = 0; i < sidecars->n && !an->no_memory; i++) {
		const struct hdl_resource *res = sidecars->at[i];
		const struct hdl_sidecar_selector *selector = res->sidecar->workload_selector;
		struct choice choice = { an, &chosen, res };

		if (!selector || !selector->labels.n)
			continue;
		if (!an_find_workloads(an, res->ns, &selector->labels, NULL, choose, &choice))
			an_report(an, HDL_AN_REFERENCE_NOT_FOUND, res, selector->labels.at[0].pos, "selector",
				  an_selector_text(an, &selector->labels));
	}
	for (size_t i = 0; i < chosen.slots && !an->no_memory; i++) {
		const struct an_list *list = chosen.slot[i].value;

		if (!chosen.slot[i].key || list->n < 2)
			continue;
		for (size_t k = 0; k < list->n; k++)
			an_report(an, HDL_AN_SIDECAR_CONFLICT, list->at[k], an_name_pos(list->at[k]),
				  names_of(an, list), list->at[k]->ns, strchr(chosen.slot[i].key, '/') + 1);
	}
}

static void check_defaults(struct an *an, const struct an_list *sidecars)
{
	struct hdl_xl_map defaults = { 0 };

	for (size_t i = 0; i < sidecars->n && !an->no_memory; i++)
		if (!sidecars->at[i]->sidecar->workload_selector)
			add(an, &defaults, sidecars->at[i]->ns, sidecars->at[i]);
	for (size_t i = 0; i < defaults.slots && !an->no_memory; i++) {
		const struct an_list *list = defaults.slot[i].value;
		const char *names;

		if (!defaults.slot[i].key || list->n < 2)
			continue;
		names = names_of(an, list);
		for (size_t k = 0; k < list->n; k++)
			an_report(an, HDL_AN_SIDECARS_WITHOUT_SELECTOR, list->at[k], list->at[k]->pos, names,
				  list->at[k]->ns);
	}
}

void an_sidecars(struct an *an)
{
	const struct an_list *list = &an->kind[HDL_KIND_SIDECAR];

	for (size_t i = 0; i < list->n && !an->no_memory; i++) {
		const struct hdl_outbound_policy *policy = list->at[i]->sidecar->outbound_traffic_policy;

		if (policy && policy->egress_proxy)
			an_report(an, HDL_AN_DEPRECATED, list->at[i], policy->egress_proxy->pos,
				  "OutboundTrafficPolicy.EgressProxy ignored");
	}
	check_selectors(an, list);
	check_defaults(an, list);
}
