/* SPDX-License-Identifier: Apache-2.0 */
/* What can be refused in one route of the Gateway API before it meets the others: its regular expressions. */
#include "xlate/gwapi.h"

#include <errno.h>
#include <stdio.h>
#include "model/resource.h"
#include "xlate/check.h"

static void regex(struct hdl_xl_check *c, const struct hdl_opt_enum *type, const struct hdl_text *text,
		  const char *field)
{
	if (type->value == HDL_GWAPI_REGEX && text->s)
		hdl_xl_check_regex(c, text, field);
}

static void named(struct hdl_xl_check *c, const struct hdl_gwapi_named_matches *list, const char *match,
		  const char *name)
{
	char field[128];

	for (size_t i = 0; i < list->n; i++) {
		snprintf(field, sizeof(field), "%s.%s[%zu].value", match, name, i);
		regex(c, &list->at[i].type, &list->at[i].value, field);
	}
}

static void match(struct hdl_xl_check *c, const struct hdl_gwapi_match *m, const char *at)
{
	char field[128];

	snprintf(field, sizeof(field), "%s.path.value", at);
	if (m->path)
		regex(c, &m->path->type, &m->path->value, field);
	snprintf(field, sizeof(field), "%s.method", at);
	if (m->grpc_method) {
		regex(c, &m->grpc_method->type, &m->grpc_method->service, field);
		regex(c, &m->grpc_method->type, &m->grpc_method->method, field);
	}
	named(c, &m->headers, at, "headers");
	named(c, &m->query_params, at, "queryParams");
}

int hdl_gwapi_check(const struct hdl_resource *resource, struct hdl_diags *diags)
{
	struct hdl_xl_check c = { .res = resource, .diags = diags };
	const struct hdl_gwapi_route *route = resource->route;
	char field[64];

	if (resource->kind != HDL_KIND_HTTP_ROUTE && resource->kind != HDL_KIND_GRPC_ROUTE)
		return 0;
	for (size_t i = 0; i < route->rules.n; i++)
		for (size_t k = 0; k < route->rules.at[i].matches.n; k++) {
			snprintf(field, sizeof(field), "spec.rules[%zu].matches[%zu]", i, k);
			match(&c, &route->rules.at[i].matches.at[k], field);
		}
	if (c.no_memory)
		return -ENOMEM;
	return c.refused ? -EINVAL : 0;
}
