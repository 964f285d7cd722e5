/* SPDX-License-Identifier: Apache-2.0 */
/* Ports of a service at layer 4 as some clients get them otherwise than others (specification A.1, A.4, A.7, D.2). */
#include "xlate/priv.h"

#include <errno.h>
#include <string.h>

/* ---- whether it is the same ---- */

static bool same_destinations(const struct hdl_ir_destination *a, size_t a_n, const struct hdl_ir_destination *b,
			      size_t b_n)
{
	if (a_n != b_n)
		return false;
	for (size_t i = 0; i < a_n; i++)
		if (a[i].cluster != b[i].cluster || a[i].unresolved != b[i].unresolved ||
		    a[i].threshold != b[i].threshold || strcmp(a[i].cluster_name, b[i].cluster_name) != 0)
			return false;
	return true;
}

static bool same_labels(const struct hdl_ir_labels *a, const struct hdl_ir_labels *b)
{
	return a->n == b->n && hdl_ir_has_labels(a, b);
}

static bool same_match(const struct hdl_ir_l4_match *a, const struct hdl_ir_l4_match *b)
{
	return a->subnet_count == b->subnet_count && strcmp(a->source_namespace, b->source_namespace) == 0 &&
	       same_labels(&a->source_labels, &b->source_labels) &&
	       (a->subnet_count == 0 || memcmp(a->subnets, b->subnets, a->subnet_count * sizeof(*a->subnets)) == 0);
}

static bool same_route(const struct hdl_ir_l4_route *a, const struct hdl_ir_l4_route *b)
{
	if (a->match_count != b->match_count ||
	    !same_destinations(a->destinations, a->destination_count, b->destinations, b->destination_count))
		return false;
	for (size_t i = 0; i < a->match_count; i++)
		if (!same_match(&a->matches[i], &b->matches[i]))
			return false;
	return true;
}

/* For the kernel: what the proxy does with requests is another matter. */
static bool same_port(const struct hdl_ir_service_port *a, const struct hdl_ir_service_port *b)
{
	if (a->label != b->label || a->cluster != b->cluster || a->l4_route_count != b->l4_route_count ||
	    a->affinity_timeout_s != b->affinity_timeout_s ||
	    !same_destinations(a->destinations, a->destination_count, b->destinations, b->destination_count))
		return false;
	for (size_t i = 0; i < a->l4_route_count; i++)
		if (!same_route(&a->l4_routes[i], &b->l4_routes[i]))
			return false;
	return true;
}

/* ---- what a scope sees ---- */

struct sight {
	const struct hdl_xl_scope *scope;
	bool exported;
	const struct hdl_xl_service *base; /* as its clients see it */
};

static bool same_claims(const struct hdl_xl_claims *a, const struct hdl_xl_claims *b)
{
	return a->n == b->n && (a->n == 0 || memcmp(a->v, b->v, a->n * sizeof(struct hdl_xl_vs *)) == 0);
}

/* Nothing about it is for these clients alone: most of what there is. */
static bool is_as_for_all(struct hdl_xl *xl, const struct hdl_xl_front *front, const struct sight *sight,
			  const struct hdl_xl_claims *claims)
{
	if (!front->base->everywhere || sight->base != front->base || !same_claims(&front->claims, claims))
		return false;
	for (size_t i = 0; i < claims->n; i++)
		if (hdl_xl_vs_differs(xl, claims->v[i], &sight->scope->client, NULL))
			return false;
	return true;
}

/* claims NULL: the service without rules. */
static int make_seen(struct hdl_xl *xl, const struct hdl_xl_front *front, const struct sight *sight, size_t i,
		     const struct hdl_xl_claims *claims, struct hdl_ir_service_port **ret)
{
	const struct hdl_xl_service *base = claims ? sight->base : front->base;
	static const struct hdl_xl_claims none;
	struct hdl_ir_service_port *port = hdl_arena_alloc(xl->arena, sizeof(*port));
	struct hdl_xl_front_port at = { .ir = port, .base = &base->ports[i] };
	const struct hdl_ir_service_port *all = &front->ir.ports[i];
	const struct hdl_xl_client *outer = xl->client;
	int r;

	if (!port)
		return -ENOMEM;
	*port = (struct hdl_ir_service_port){
		.id = all->id,
		.service = all->service,
		.name = all->name,
		.port = all->port,
		.target_port = all->target_port,
		.protocol = all->protocol,
		.fail_mode = all->fail_mode,
		.node_port = all->node_port,
		.cluster = &base->ports[i].clusters[0]->ir,
		.route_name = all->route_name,
		.vhost = all->vhost,
		.plain_vhost = all->plain_vhost,
	};
	xl->client = claims ? &sight->scope->client : NULL;
	r = hdl_xl_label_port(xl, front, claims ? claims : &none, &at);
	xl->client = outer;
	*ret = port;
	return r;
}

static int add_port(struct hdl_xl *xl, struct hdl_xl_front *front, struct hdl_xl_front_view *view,
		    const struct sight *sight, size_t i)
{
	const struct hdl_ir_service_port *all = &front->ir.ports[i];
	const struct hdl_xl_scope *scope = sight->scope;
	bool visible = sight->exported &&
		       (!scope->res || hdl_xl_sidecar_shows(scope, front->ir.ns, front->ir.fqdn, all->port));
	struct hdl_ir_service_port *seen = NULL;
	struct hdl_xl_claims claims;

	if (visible) {
		if (hdl_xl_claims_for(xl, scope, front->ir.fqdn, all->port, &claims) < 0)
			return -ENOMEM;
		if (is_as_for_all(xl, front, sight, &claims))
			return 0;
	}
	if ((visible || !scope->registry_only) && make_seen(xl, front, sight, i, visible ? &claims : NULL, &seen) < 0)
		return -ENOMEM;
	if (seen ? same_port(all, seen) : all->label == HDL_LABEL_NONE)
		return 0;
	if (!view->ports) {
		view->ports = hdl_arena_calloc(xl->arena, front->ir.port_count, sizeof(*view->ports));
		if (!view->ports)
			return -ENOMEM;
	}
	view->ports[view->port_count++] = (struct hdl_ir_view_port){ .port = all, .seen = seen };
	return 0;
}

static int add_scope(struct hdl_xl *xl, struct hdl_xl_front *front, const struct hdl_xl_scope *scope)
{
	const struct sight sight = {
		.scope = scope,
		.exported = hdl_xl_is_exported(xl, front->base->res, scope->client.ns),
		.base = hdl_xl_service_for(front->base, &scope->client),
	};
	struct hdl_xl_front_view view = { 0 };

	for (size_t i = 0; i < front->ir.port_count; i++)
		if (add_port(xl, front, &view, &sight, i) < 0)
			return -ENOMEM;
	if (!view.port_count)
		return 0;
	view.scope = hdl_xl_copy_scope(xl, scope);
	if (!view.scope)
		return -ENOMEM;
	front->port_views[front->port_view_count++] = view;
	return 0;
}

int hdl_xl_make_port_views(struct hdl_xl *xl, struct hdl_xl_front *front)
{
	const struct hdl_xl_scope **scopes;
	size_t n;

	if (hdl_xl_front_scopes(xl, front, &scopes, &n) < 0)
		return -ENOMEM;
	front->port_views = hdl_arena_calloc(xl->arena, n, sizeof(*front->port_views));
	if (!front->port_views)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (add_scope(xl, front, scopes[i]) < 0)
			return -ENOMEM;
	return 0;
}
