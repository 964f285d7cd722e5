/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions of Gateway API objects that are False, as the daemon would set them (IST0171). */
#include "analyze/an.h"

#include <string.h>

#include "xlate/gwapi.h"

static bool is_gateway_api(enum hdl_kind kind)
{
	return kind == HDL_KIND_GATEWAY_CLASS || kind == HDL_KIND_KUBE_GATEWAY || kind == HDL_KIND_HTTP_ROUTE ||
	       kind == HDL_KIND_GRPC_ROUTE || kind == HDL_KIND_TLS_ROUTE || kind == HDL_KIND_TCP_ROUTE ||
	       kind == HDL_KIND_UDP_ROUTE || kind == HDL_KIND_BACKEND_TLS_POLICY;
}

static bool has_gateway_api(const struct an *an)
{
	for (size_t i = 0; i < HDL_KINDS; i++)
		if (is_gateway_api((enum hdl_kind)i) && an->kind[i].n)
			return true;
	return false;
}

static void check(struct an *an, const struct hdl_resource *res, const struct hdl_gwapi_conditions *conditions)
{
	for (size_t i = 0; i < conditions->n; i++) {
		const struct hdl_gwapi_condition *condition = &conditions->at[i];

		/* the one whose False is good */
		if (condition->status || strcmp(condition->type, "Conflicted") == 0)
			continue;
		an_report(an, HDL_AN_NEGATIVE_CONDITION, res, res->pos, condition->type, condition->reason,
			  condition->message ? condition->message : "");
	}
}

void an_conditions(struct an *an)
{
	const struct hdl_resource *const *derived;
	struct hdl_gwapi_statuses statuses = { 0 };
	struct hdl_diags diags = { .limit = 1 }; /* the conditions say the same */
	size_t n;

	if (!has_gateway_api(an))
		return;
	if (hdl_gwapi_derive(an->arena, an->res, an->n, &diags, &derived, &n, &statuses) < 0)
		an->no_memory = true;
	for (size_t i = 0; i < statuses.n && !an->no_memory; i++) {
		const struct hdl_gwapi_status *status = &statuses.at[i];

		check(an, status->res, &status->conditions);
		for (size_t k = 0; k < status->listener_count; k++)
			check(an, status->res, &status->listeners[k].conditions);
		for (size_t k = 0; k < status->parent_count; k++)
			check(an, status->res, &status->parents[k].conditions);
	}
	hdl_diags_done(&diags);
}
