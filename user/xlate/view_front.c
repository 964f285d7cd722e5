/* SPDX-License-Identifier: Apache-2.0 */
/* What clients of one namespace, or of a Sidecar, or with some labels, see of a service otherwise than others (A.4, A.7). */
#include "xlate/priv.h"

#include <errno.h>
#include <string.h>

static bool same_claims(const struct hdl_xl_claims *a, const struct hdl_xl_claims *b)
{
	return a->n == b->n && (a->n == 0 || memcmp(a->v, b->v, a->n * sizeof(struct hdl_xl_vs *)) == 0);
}

/* A request to the service is decided otherwise for these clients than for those without a view. */
static bool differs(struct hdl_xl *xl, const struct hdl_xl_front *front, const struct hdl_xl_client *client,
		    const struct hdl_xl_claims *claims)
{
	const struct hdl_xl_service *own = hdl_xl_service_for(front->base, client);

	if (!same_claims(&front->claims, claims) || (own && own != front->base))
		return true;
	for (size_t i = 0; i < claims->n; i++)
		if (hdl_xl_vs_differs(xl, claims->v[i], client, NULL))
			return true;
	return false;
}

/* What there is for clients without Sidecar. */
static struct hdl_xl_front_view *view_of(const struct hdl_xl_front *front, const struct hdl_xl_client *client)
{
	for (size_t i = 0; i < front->view_count; i++)
		if (!front->views[i].scope->res && hdl_xl_same_client(&front->views[i].scope->client, client))
			return &front->views[i];
	return NULL;
}

static int begin_view(struct hdl_xl *xl, struct hdl_xl_front *front, const struct hdl_xl_scope *scope,
		      struct hdl_xl_front_view **ret)
{
	struct hdl_xl_front_view *view = &front->views[front->view_count];

	view->scope = hdl_xl_copy_scope(xl, scope);
	view->vhosts = hdl_arena_calloc(xl->arena, front->ir.port_count, sizeof(*view->vhosts));
	if (!view->scope || !view->vhosts)
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

static struct hdl_ir_vhost *vhost_of(const struct hdl_xl_front_view *view, size_t port)
{
	for (size_t i = 0; view && i < view->vhost_count; i++)
		if (view->vhosts[i].place == port)
			return view->vhosts[i].ir;
	return NULL;
}

/* Nothing of it is another for those with labels than for the rest of their namespace. */
static bool is_as_namespace(struct hdl_xl *xl, const struct hdl_xl_front *front, const struct hdl_xl_client *client,
			    const struct hdl_xl_claims *claims)
{
	const struct hdl_xl_client of_namespace = { .ns = client->ns };

	if (hdl_xl_service_for(front->base, client) != hdl_xl_service_for(front->base, &of_namespace))
		return false;
	for (size_t i = 0; i < claims->n; i++)
		if (hdl_xl_vs_differs(xl, claims->v[i], client, &of_namespace))
			return false;
	return true;
}

/*
 * Clients without Sidecar: of a namespace, or those of it with labels, whose view has all that that of the namespace
 * has: a client has one view.
 */
static int add_clients(struct hdl_xl *xl, struct hdl_xl_front *front, const struct hdl_xl_scope *scope)
{
	const struct hdl_xl_client *client = &scope->client, of_namespace = { .ns = client->ns };
	const struct hdl_xl_front_view *rest = client->labels.n ? view_of(front, &of_namespace) : NULL;
	struct hdl_xl_front_view *view;
	struct hdl_xl_claims claims;

	if (!hdl_xl_is_exported(xl, front->base->res, client->ns))
		return 0;
	if (hdl_xl_claims_for(xl, scope, front->ir.fqdn, 0, &claims) < 0)
		return -ENOMEM;
	if (!differs(xl, front, client, &claims) && front->base->everywhere && !rest)
		return 0;
	if (begin_view(xl, front, scope, &view) < 0)
		return -ENOMEM;
	if (rest && !is_as_namespace(xl, front, client, &claims))
		rest = NULL;
	for (size_t i = 0; i < front->ir.port_count; i++) {
		struct hdl_ir_vhost *vhost = vhost_of(rest, i);

		if (!front->ir.ports[i].vhost)
			continue;
		if (!vhost && hdl_xl_view_vhost(xl, front, i, &claims, client, &vhost) < 0)
			return -ENOMEM;
		put(view, front, i, vhost);
	}
	front->view_count += view->vhost_count > 0;
	return 0;
}

/* ---- Sidecars ---- */

/* Its clients do not see the port: they get the plain service, or nothing. */
static int hide(struct hdl_xl *xl, struct hdl_xl_front *front, size_t i)
{
	static const struct hdl_xl_claims none;
	struct hdl_ir_service_port *port = &front->ir.ports[i];
	struct hdl_ir_vhost *plain;

	if (port->plain_vhost || !front->claims.n)
		return 0;
	if (hdl_xl_view_vhost(xl, front, i, &none, NULL, &plain) < 0)
		return -ENOMEM;
	port->plain_vhost = plain;
	return 0;
}

static int show(struct hdl_xl *xl, struct hdl_xl_front *front, size_t i, struct hdl_xl_front_view *view)
{
	const struct hdl_xl_scope *scope = view->scope, of_ns = { .client = { .ns = scope->client.ns } };
	const struct hdl_xl_client *client = &scope->client;
	struct hdl_ir_vhost *vhost = vhost_of(view_of(front, client), i);
	struct hdl_xl_claims claims, all;

	if (hdl_xl_claims_for(xl, scope, front->ir.fqdn, front->ir.ports[i].port, &claims) < 0 ||
	    hdl_xl_claims_for(xl, &of_ns, front->ir.fqdn, 0, &all) < 0)
		return -ENOMEM;
	if (!same_claims(&claims, &all)) {
		if (hdl_xl_view_vhost(xl, front, i, &claims, client, &vhost) < 0)
			return -ENOMEM;
	}
	put(view, front, i, vhost ? vhost : (struct hdl_ir_vhost *)front->ir.ports[i].vhost);
	return 0;
}

static int add_sidecar(struct hdl_xl *xl, struct hdl_xl_front *front, const struct hdl_xl_scope *scope)
{
	bool exported = hdl_xl_is_exported(xl, front->base->res, scope->client.ns);
	struct hdl_xl_front_view *view = NULL;

	for (size_t i = 0; i < front->ir.port_count; i++) {
		const struct hdl_ir_service_port *port = &front->ir.ports[i];

		if (!port->vhost)
			continue;
		if (!exported || !hdl_xl_sidecar_shows(scope, front->ir.ns, front->ir.fqdn, port->port)) {
			if (hide(xl, front, i) < 0)
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

int hdl_xl_front_scopes(struct hdl_xl *xl, const struct hdl_xl_front *front, const struct hdl_xl_scope ***ret,
			size_t *ret_n)
{
	const struct hdl_xl_service *base = front->base;
	struct hdl_xl_names names = { 0 };

	if (hdl_xl_claim_clients(xl, front->ir.fqdn, &names) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < base->client_count; i++)
		if (hdl_xl_names_add(xl, &names, base->clients[i]) < 0)
			return -ENOMEM;
	return hdl_xl_list_scopes(xl, &names, ret, ret_n);
}

int hdl_xl_make_front_views(struct hdl_xl *xl, struct hdl_xl_front *front)
{
	const struct hdl_xl_scope **scopes;
	size_t n;

	if (hdl_xl_front_scopes(xl, front, &scopes, &n) < 0)
		return -ENOMEM;
	if (n) {
		front->views = hdl_arena_calloc(xl->arena, n, sizeof(*front->views));
		if (!front->views)
			return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++)
		if ((scopes[i]->res ? add_sidecar(xl, front, scopes[i]) : add_clients(xl, front, scopes[i])) < 0)
			return -ENOMEM;
	return 0;
}
