/* SPDX-License-Identifier: Apache-2.0 */
/* Derivation of Istio's resources from the Gateway API's: its steps, and what they all use. */
#include "xlate/gwapi_priv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MESSAGE_MAX 1024

/* ---- for all parts ---- */

void *hdl_gw_take(struct hdl_gw *g, size_t n, size_t size)
{
	void *p = hdl_arena_calloc(g->arena, n ? n : 1, size);

	if (!p)
		g->no_memory = true;
	return p;
}

const char *hdl_gw_text(struct hdl_gw *g, const char *fmt, ...)
{
	char *text;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	text = n < 0 ? NULL : hdl_gw_take(g, (size_t)n + 1, 1);
	if (!text)
		return "";
	va_start(ap, fmt);
	vsnprintf(text, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return text;
}

void *hdl_gw_grow(struct hdl_gw *g, void **at, size_t *n, size_t *capacity, size_t size)
{
	if (*n == *capacity) {
		size_t more = *capacity ? *capacity * 2 : 4;
		void *bigger = hdl_gw_take(g, more, size);

		if (!bigger)
			return NULL;
		if (*n)
			memcpy(bigger, *at, *n * size);
		*at = bigger;
		*capacity = more;
	}
	return (char *)*at + (*n)++ * size;
}

const struct hdl_resource *hdl_gw_find(const struct hdl_gw *g, const char *kind, const char *ns, const char *name)
{
	char key[600];

	if (snprintf(key, sizeof(key), "%s %s/%s", kind, ns, name) >= (int)sizeof(key))
		return NULL;
	return hdl_xl_map_get(&g->objects, key);
}

void hdl_gw_append(struct hdl_gw *g, const struct hdl_resource *res)
{
	const struct hdl_resource **slot =
		hdl_gw_grow(g, (void **)&g->list, &g->list_n, &g->list_capacity, sizeof(*g->list));

	if (slot)
		*slot = res;
}

const struct hdl_gwapi_condition *hdl_gw_condition(const struct hdl_gwapi_conditions *list, const char *type)
{
	for (size_t i = 0; i < list->n; i++)
		if (!strcmp(list->at[i].type, type))
			return &list->at[i];
	return NULL;
}

void hdl_gw_set(struct hdl_gw *g, struct hdl_gwapi_conditions *list, const char *type, bool status, const char *reason,
		const char *fmt, ...)
{
	struct hdl_gwapi_condition *c = (struct hdl_gwapi_condition *)hdl_gw_condition(list, type);
	char text[MESSAGE_MAX];
	va_list ap;

	if (c && !c->status)
		return;
	if (!c)
		c = &list->at[list->n++];
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	*c = (struct hdl_gwapi_condition){
		.type = type, .status = status, .reason = reason, .message = hdl_gw_text(g, "%s", text)
	};
}

void hdl_gw_warn(struct hdl_gw *g, const struct hdl_resource *res, struct hdl_pos pos, const char *field,
		 const char *fmt, ...)
{
	struct hdl_diag where = {
		.severity = HDL_WARNING,
		.file = res->file,
		.pos = pos.line ? pos : res->pos,
		.kind = hdl_kind_name(res->kind),
		.ns = res->ns,
		.name = res->name,
		.field = field,
	};
	va_list ap;

	va_start(ap, fmt);
	hdl_diags_vadd(g->diags, &where, fmt, ap);
	va_end(ap);
}

const char *hdl_gw_route_kind(enum hdl_kind kind)
{
	switch (kind) {
	case HDL_KIND_HTTP_ROUTE:
	case HDL_KIND_GRPC_ROUTE:
	case HDL_KIND_TLS_ROUTE:
	case HDL_KIND_TCP_ROUTE:
	case HDL_KIND_UDP_ROUTE:
		return hdl_kind_name(kind);
	default:
		return NULL;
	}
}

/* ---- the index ---- */

static bool has_status(enum hdl_kind kind)
{
	return kind == HDL_KIND_GATEWAY_CLASS || kind == HDL_KIND_KUBE_GATEWAY || kind == HDL_KIND_BACKEND_TLS_POLICY ||
	       hdl_gw_route_kind(kind);
}

static bool is_gateway_api(enum hdl_kind kind)
{
	return has_status(kind) || kind == HDL_KIND_REFERENCE_GRANT;
}

/* What references and selectors name. */
static bool is_named(const struct hdl_resource *res)
{
	return res->kind == HDL_KIND_SERVICE || res->kind == HDL_KIND_SERVICE_ENTRY ||
	       res->kind == HDL_KIND_NAMESPACE || res->kind == HDL_KIND_SECRET || res->kind == HDL_KIND_CONFIG_MAP;
}

bool hdl_gwapi_depends_on(const struct hdl_resource *res)
{
	return is_gateway_api(res->kind) || res->kind == HDL_KIND_NODE_CONFIG || is_named(res);
}

static void add_object(struct hdl_gw *g, const struct hdl_resource *res)
{
	const char *key = hdl_gw_text(g, "%s %s/%s", hdl_kind_name(res->kind), res->ns, res->name);

	if (hdl_xl_map_put(&g->objects, g->arena, key, (void *)res) < 0)
		g->no_memory = true;
}

static void collect(struct hdl_gw *g)
{
	size_t grants = 0, policies = 0, statuses = 0;

	for (size_t i = 0; i < g->n; i++) {
		grants += g->res[i]->kind == HDL_KIND_REFERENCE_GRANT;
		policies += g->res[i]->kind == HDL_KIND_BACKEND_TLS_POLICY;
		statuses += has_status(g->res[i]->kind);
	}
	g->grants = hdl_gw_take(g, grants, sizeof(*g->grants));
	g->tls_policies = hdl_gw_take(g, policies, sizeof(*g->tls_policies));
	g->statuses.at = hdl_gw_take(g, statuses, sizeof(*g->statuses.at));
	for (size_t i = 0; i < g->n && !g->no_memory; i++) {
		const struct hdl_resource *res = g->res[i];

		if (res->kind == HDL_KIND_REFERENCE_GRANT)
			g->grants[g->grant_count++] = res;
		else if (res->kind == HDL_KIND_BACKEND_TLS_POLICY)
			g->tls_policies[g->tls_policy_count++] = res;
		else if (res->kind == HDL_KIND_NODE_CONFIG)
			g->node_config = res;
		if (has_status(res->kind))
			g->statuses.at[g->statuses.n++].res = res;
		if (is_named(res))
			add_object(g, res);
	}
}

/* ---- the steps ---- */

static void routes(struct hdl_gw *g)
{
	for (size_t i = 0; i < g->statuses.n && !g->no_memory; i++) {
		struct hdl_gwapi_status *status = &g->statuses.at[i];

		if (hdl_gw_route_kind(status->res->kind))
			hdl_gw_route(g, status->res, i, status);
		else if (status->res->kind == HDL_KIND_GATEWAY_CLASS)
			hdl_gw_classes(g, status->res, status);
		else if (status->res->kind == HDL_KIND_BACKEND_TLS_POLICY)
			hdl_gw_tls_policy(g, status->res, status);
	}
}

static int derive(struct hdl_gw *g)
{
	static void (*const steps[])(struct hdl_gw * g) = { collect, hdl_gw_gateways, routes, hdl_gw_finish_gateways,
							    hdl_gw_finish_groups };

	for (size_t i = 0; i < g->n; i++)
		hdl_gw_append(g, g->res[i]);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && !g->no_memory; i++)
		steps[i](g);
	return g->no_memory ? -ENOMEM : 0;
}

int hdl_gwapi_derive(struct hdl_arena *arena, const struct hdl_resource *const *resources, size_t n,
		     struct hdl_diags *diags, const struct hdl_resource *const **ret_list, size_t *ret_n,
		     struct hdl_gwapi_statuses *ret_statuses)
{
	struct hdl_gw g = { .arena = arena, .res = resources, .n = n, .diags = diags };
	bool any = false;
	int r;

	for (size_t i = 0; i < n && !any; i++)
		any = is_gateway_api(resources[i]->kind);
	if (!any) {
		*ret_list = resources;
		*ret_n = n;
		if (ret_statuses)
			*ret_statuses = (struct hdl_gwapi_statuses){ 0 };
		return 0;
	}
	r = derive(&g);
	if (r < 0)
		return r;
	*ret_list = g.list;
	*ret_n = g.list_n;
	if (ret_statuses)
		*ret_statuses = g.statuses;
	return 0;
}
