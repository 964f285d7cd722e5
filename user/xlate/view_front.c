/* SPDX-License-Identifier: Apache-2.0 */
/* What clients of one namespace, or of a Sidecar, see of a service otherwise than others (specification A.4, A.7). */
#include "xlate/priv.h"

#include <errno.h>
#include <string.h>

static bool same_claims(const struct hdl_xl_claims *a, const struct hdl_xl_claims *b)
{
	return a->n == b->n && (a->n == 0 || memcmp(a->v, b->v, a->n * sizeof(struct hdl_xl_vs *)) == 0);
}

/* The decision about a request, or a connection, to the service: who makes it another for clients of the namespace. */
struct difference {
	const struct hdl_resource *res; /* NULL: none */
	const char *text;
};

static const struct hdl_resource *new_claim(const struct hdl_xl_claims *all, const struct hdl_xl_claims *claims)
{
	for (size_t i = 0; i < claims->n; i++)
		if (i >= all->n || all->v[i] != claims->v[i])
			return claims->v[i]->res;
	return all->n > claims->n ? all->v[claims->n]->res : NULL;
}

static struct difference difference(struct hdl_xl *xl, const struct hdl_xl_front *front, const char *client,
				    const struct hdl_xl_claims *claims)
{
	const struct hdl_xl_service *own = hdl_xl_service_for(front->base, client);
	const struct hdl_resource *res = new_claim(&front->claims, claims);
	char text[XL_NAME_MAX];

	if (!res && own && own != front->base)
		res = own->rule ? own->rule->res : front->base->rule->res;
	if (res)
		return (struct difference){ res, hdl_xl_internf(xl, "%s is not the same for clients of namespace %s",
								hdl_xl_resource_text(res, text), client) };
	for (size_t i = 0; i < claims->n; i++)
		if (hdl_xl_vs_differs(xl, claims->v[i], client))
			return (struct difference){
				claims->v[i]->res,
				hdl_xl_internf(xl, "a destination of %s is not the same for clients of namespace %s",
					       hdl_xl_resource_text(claims->v[i]->res, text), client)
			};
	return (struct difference){ 0 };
}

static void note(struct hdl_xl *xl, struct hdl_xl_front_port *port, struct difference d)
{
	if (port->difference || !d.res)
		return;
	port->difference = d.text;
	port->difference_origin = hdl_xl_origin(xl, d.res, d.res->pos);
}

/* The kernel does not ask who a connection is from: all get what clients without a view get. */
static void report_l4(struct hdl_xl *xl, const struct hdl_xl_front *front, const struct hdl_xl_front_port *port,
		      const char *client, const struct hdl_xl_claims *claims)
{
	const struct hdl_xl_service *own = hdl_xl_service_for(front->base, client);
	const struct hdl_vs_l4_route *theirs, *all;
	const struct hdl_xl_vs *vs = NULL, *other = NULL;
	const struct hdl_resource *res = NULL;

	theirs = hdl_xl_tcp_rule(claims, port->ir->port, &vs);
	all = hdl_xl_tcp_rule(&front->claims, port->ir->port, &other);
	if (theirs != all)
		res = theirs ? vs->res : other->res;
	else if (theirs && hdl_xl_vs_differs(xl, vs, client))
		res = vs->res;
	else if (!theirs && own && own != front->base)
		res = own->rule ? own->rule->res : front->base->rule->res;
	if (res && hdl_xl_first_time(xl, "l4 view %p %s %s", (const void *)res, client, front->ir.fqdn))
		hdl_xl_report(xl->diags, HDL_WARNING, res, res->pos, NULL,
			      "port %u of %s is not http: its connections take the same way for clients of all "
			      "namespaces, so this is not carried out for those of namespace %s alone",
			      port->ir->port, front->ir.fqdn, client);
}

static struct hdl_xl_front_view *view_of(const struct hdl_xl_front *front, const char *ns)
{
	for (size_t i = 0; i < front->view_count; i++)
		if (!front->views[i].scope->res && strcmp(front->views[i].scope->ns, ns) == 0)
			return &front->views[i];
	return NULL;
}

static int begin_view(struct hdl_xl *xl, struct hdl_xl_front *front, const struct hdl_xl_scope *scope,
		      struct hdl_xl_front_view **ret)
{
	struct hdl_xl_front_view *view = &front->views[front->view_count];

	if (!scope)
		return -ENOMEM;
	view->scope = scope;
	view->vhosts = hdl_arena_calloc(xl->arena, front->ir.port_count, sizeof(*view->vhosts));
	if (!view->vhosts)
		return -ENOMEM;
	*ret = view;
	return 0;
}

static void put(struct hdl_xl_front_view *view, const struct hdl_xl_front *front, size_t port,
		struct hdl_ir_vhost *vhost)
{
	view->vhosts[view->vhost_count++] = (struct hdl_xl_vhost){
		.ir = vhost,
		.port = front->ir.ports[port].port,
		.place = (uint32_t)port,
	};
}

static int add_namespace(struct hdl_xl *xl, struct hdl_xl_front *front, const char *ns)
{
	const struct hdl_xl_scope scope = { .ns = ns };
	struct hdl_xl_front_view *view;
	struct hdl_xl_claims claims;
	struct difference d;

	if (!hdl_xl_is_exported(xl, front->base->res, ns))
		return 0;
	if (hdl_xl_claims_for(xl, &scope, front->ir.fqdn, 0, &claims) < 0)
		return -ENOMEM;
	d = difference(xl, front, ns, &claims);
	if (!d.res && front->base->everywhere)
		return 0;
	if (begin_view(xl, front, hdl_xl_scope_of(xl, ns), &view) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < front->ir.port_count; i++) {
		struct hdl_ir_vhost *vhost;

		if (!front->ir.ports[i].vhost) {
			report_l4(xl, front, &front->ports[i], ns, &claims);
			continue;
		}
		note(xl, &front->ports[i], d);
		if (hdl_xl_view_vhost(xl, front, i, &claims, ns, &vhost) < 0)
			return -ENOMEM;
		put(view, front, i, vhost);
	}
	front->view_count += view->vhost_count > 0;
	return 0;
}

/* ---- Sidecars ---- */

static struct hdl_ir_vhost *vhost_of(const struct hdl_xl_front_view *view, uint16_t port)
{
	for (size_t i = 0; view && i < view->vhost_count; i++)
		if (view->vhosts[i].port == port)
			return view->vhosts[i].ir;
	return NULL;
}

/* Its clients do not see the port: they get the plain service, or nothing. */
static int hide(struct hdl_xl *xl, struct hdl_xl_front *front, size_t i, const struct hdl_xl_scope *scope)
{
	static const struct hdl_xl_claims none;
	struct hdl_ir_service_port *port = &front->ir.ports[i];
	struct hdl_ir_vhost *plain;
	char text[XL_NAME_MAX];

	if (scope->registry_only || front->claims.n || front->base->rule)
		note(xl, &front->ports[i],
		     (struct difference){ scope->res,
					  hdl_xl_internf(xl, "%s hides it from clients of namespace %s",
							 hdl_xl_resource_text(scope->res, text), scope->ns) });
	if (port->plain_vhost || !front->claims.n)
		return 0;
	if (hdl_xl_view_vhost(xl, front, i, &none, NULL, &plain) < 0)
		return -ENOMEM;
	port->plain_vhost = plain;
	return 0;
}

static int show(struct hdl_xl *xl, struct hdl_xl_front *front, size_t i, struct hdl_xl_front_view *view)
{
	const struct hdl_xl_scope *scope = view->scope, of_ns = { .ns = scope->ns };
	const struct hdl_xl_front_view *own = view_of(front, scope->ns);
	struct hdl_ir_vhost *vhost = vhost_of(own, front->ir.ports[i].port);
	struct hdl_xl_claims claims, all;

	if (hdl_xl_claims_for(xl, scope, front->ir.fqdn, front->ir.ports[i].port, &claims) < 0 ||
	    hdl_xl_claims_for(xl, &of_ns, front->ir.fqdn, 0, &all) < 0)
		return -ENOMEM;
	if (!same_claims(&claims, &all)) {
		note(xl, &front->ports[i], difference(xl, front, scope->ns, &claims));
		if (hdl_xl_view_vhost(xl, front, i, &claims, scope->ns, &vhost) < 0)
			return -ENOMEM;
	}
	put(view, front, i, vhost ? vhost : (struct hdl_ir_vhost *)front->ir.ports[i].vhost);
	return 0;
}

static int add_sidecar(struct hdl_xl *xl, struct hdl_xl_front *front, const struct hdl_xl_scope *scope)
{
	bool exported = hdl_xl_is_exported(xl, front->base->res, scope->ns);
	struct hdl_xl_front_view *view = NULL;

	for (size_t i = 0; i < front->ir.port_count; i++) {
		const struct hdl_ir_service_port *port = &front->ir.ports[i];

		if (!port->vhost)
			continue;
		if (!exported || !hdl_xl_sidecar_shows(scope, front->ir.ns, front->ir.fqdn, port->port)) {
			if (hide(xl, front, i, scope) < 0)
				return -ENOMEM;
			continue;
		}
		if (!view && begin_view(xl, front, scope, &view) < 0)
			return -ENOMEM;
		if (show(xl, front, i, view) < 0)
			return -ENOMEM;
	}
	front->view_count += view != NULL;
	return 0;
}

/* D.2: who does not see the service is refused, which only the proxy does. */
static void note_hidden(struct hdl_xl *xl, struct hdl_xl_front *front)
{
	if (front->base->everywhere || !xl->ir_node.registry_only)
		return;
	for (size_t i = 0; i < front->ir.port_count; i++)
		if (front->ir.ports[i].vhost)
			note(xl, &front->ports[i],
			     (struct difference){ front->base->res,
						  "the service is not exported to all, and outboundTrafficPolicy is "
						  "REGISTRY_ONLY" });
}

int hdl_xl_make_front_views(struct hdl_xl *xl, struct hdl_xl_front *front)
{
	const struct hdl_xl_service *base = front->base;
	struct hdl_xl_names names = { 0 };

	if (hdl_xl_claim_clients(xl, front->ir.fqdn, &names) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < base->client_count; i++)
		if (hdl_xl_names_add(xl, &names, base->clients[i]) < 0)
			return -ENOMEM;
	if (names.n + xl->sidecar_count > 0) {
		front->views = hdl_arena_calloc(xl->arena, names.n + xl->sidecar_count, sizeof(*front->views));
		if (!front->views)
			return -ENOMEM;
	}
	for (size_t i = 0; i < names.n; i++)
		if (add_namespace(xl, front, names.at[i]) < 0)
			return -ENOMEM;
	for (size_t i = 0; i < xl->sidecar_count; i++)
		if (add_sidecar(xl, front, &xl->sidecars[i]) < 0)
			return -ENOMEM;
	note_hidden(xl, front);
	return 0;
}
