/* SPDX-License-Identifier: Apache-2.0 */
/* What clients in the mesh see of a service: its ports, and a virtual host for each http port (A.1, A.4). */
#include "xlate/priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int hdl_xl_new_vhost(struct hdl_xl *xl, const char *host, uint16_t port, size_t domains, struct hdl_ir_vhost **ret)
{
	struct hdl_ir_vhost *vhost = hdl_arena_alloc(xl->arena, sizeof(*vhost));

	if (!vhost)
		return -ENOMEM;
	vhost->domains = hdl_arena_calloc(xl->arena, domains, sizeof(*vhost->domains));
	if (!vhost->domains)
		return -ENOMEM;
	vhost->name = hdl_xl_internf(xl, "%s:%u", host, port);
	*ret = vhost;
	return 0;
}

/* ---- domains ---- */

/*
 * A.4: of a VirtualService, not a service's, though made like one of its names (A.1: "reviews.prod" is a host of its
 * own). Virtual hosts of VirtualServices come first, in their order.
 */
static int is_outside_domain(struct hdl_xl *xl, const struct hdl_xl_front *front, uint16_t port, const char *domain,
			     bool *ret)
{
	const struct hdl_xl_cell *services;
	const struct hdl_xl_routes *routes;
	struct hdl_xl_claims claims;
	size_t at;

	*ret = false;
	if (port != HDL_XL_OUTSIDE_PORT)
		return 0;
	if (hdl_xl_claims_of_host(xl, NULL, domain, port, &claims) < 0)
		return -ENOMEM;
	if (!claims.n)
		return 0;
	services = hdl_xl_read(xl, HDL_XL_SERVICES, domain);
	if (!services || services->n ||
	    (front->claims.n && front->claims.v[0]->source->label < claims.v[0]->source->label))
		return 0;
	if (hdl_xl_rules_in_force(xl, &claims, 0, HDL_XL_OUTSIDE_PORT, &at, &routes) < 0)
		return -ENOMEM;
	*ret = routes != NULL;
	return 0;
}

const char *hdl_xl_domain(struct hdl_xl *xl, const char *host)
{
	return strchr(host, ':') ? hdl_xl_internf(xl, "[%s]", host) : hdl_xl_intern(xl, host);
}

/* The first virtual host to name a domain has it (A.4): an earlier one of a second port of that number, too. */
static bool has_domain(const struct hdl_xl_front *front, uint16_t port, const char *domain)
{
	for (size_t i = 0; i < front->vhost_count; i++)
		for (size_t d = 0; front->vhosts[i].port == port && d < front->vhosts[i].ir->domain_count; d++)
			if (strcmp(front->vhosts[i].ir->domains[d], domain) == 0)
				return true;
	return false;
}

static int add_domain(struct hdl_xl *xl, const struct hdl_xl_front *front, const struct hdl_xl_vhost *vhost,
		      const char *host)
{
	const char *domain;
	bool outside;

	if (is_outside_domain(xl, front, vhost->port, host, &outside) < 0)
		return -ENOMEM;
	domain = outside ? NULL : hdl_xl_domain(xl, host);
	if (domain && !has_domain(front, vhost->port, domain))
		((const char **)vhost->ir->domains)[vhost->ir->domain_count++] = domain;
	return 0;
}

static int add_address_domains(struct hdl_xl *xl, const struct hdl_xl_front *front, const struct hdl_xl_vhost *vhost)
{
	char text[HDL_ADDR_TEXT_MAX];

	for (size_t i = 0; i < front->ir.address_count; i++)
		if (add_domain(xl, front, vhost, hdl_addr_print(&front->ir.addresses[i], text)) < 0)
			return -ENOMEM;
	for (size_t i = 0; i < front->ir.external_address_count; i++)
		if (add_domain(xl, front, vhost, hdl_addr_print(&front->ir.external_addresses[i], text)) < 0)
			return -ENOMEM;
	return 0;
}

/* D.4: names of the ExternalName Services that stand for it. */
static int add_alias_domains(struct hdl_xl *xl, const struct hdl_xl_front *front, const struct hdl_xl_vhost *vhost,
			     const struct hdl_xl_cell *aliases)
{
	for (uint32_t i = 0; aliases && i < aliases->n; i++) {
		const struct hdl_resource *res = hdl_xl_member(aliases, i)->res;
		const char *svc = hdl_xl_internf(xl, "%s.%s.svc", res->name, res->ns);
		const char *names[] = { hdl_xl_internf(xl, "%s.%s", svc, xl->ir_node.domain),
					hdl_xl_internf(xl, "%s.%s.", svc, xl->ir_node.domain), svc,
					hdl_xl_internf(xl, "%s.%s", res->name, res->ns) };

		for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++)
			if (add_domain(xl, front, vhost, names[k]) < 0)
				return -ENOMEM;
	}
	return 0;
}

/* No other service with this port has the bare name. */
static bool has_bare_name(struct hdl_xl *xl, const struct hdl_xl_front *front, uint16_t port)
{
	const struct hdl_xl_cell *cell =
		hdl_xl_read(xl, HDL_XL_BARE_NAMES, hdl_xl_scratchf(xl, "%u %s", port, front->ir.name));

	return cell && cell->n == 1;
}

/*
 * A.1, as clients of any namespace see it: a bare name is left out when two services of the port have it; the service
 * that was dialled takes such a Host.
 */
static int add_domains(struct hdl_xl *xl, const struct hdl_xl_front *front, const struct hdl_xl_vhost *vhost,
		       const struct hdl_xl_cell *aliases)
{
	const struct hdl_ir_service *s = &front->ir;
	const char *names[5];
	bool host = front->base->spec->host;
	size_t n = 0;

	names[n++] = s->fqdn;
	names[n++] = hdl_xl_internf(xl, "%s.", s->fqdn);
	if (!host && has_bare_name(xl, front, vhost->port))
		names[n++] = s->name;
	if (!host) {
		names[n++] = hdl_xl_internf(xl, "%s.%s", s->name, s->ns);
		names[n++] = hdl_xl_internf(xl, "%s.%s.svc", s->name, s->ns);
	}
	for (size_t i = 0; i < n; i++)
		if (add_domain(xl, front, vhost, names[i]) < 0)
			return -ENOMEM;
	for (size_t i = 0; front->base->spec->headless && i < n; i++)
		if (add_domain(xl, front, vhost, hdl_xl_internf(xl, "*.%s", names[i])) < 0)
			return -ENOMEM;
	return add_alias_domains(xl, front, vhost, aliases) < 0 ? -ENOMEM : add_address_domains(xl, front, vhost);
}

/* ---- rules ---- */

/* Each block asks for something of the client: some clients may find no rule that is for them (A.4). */
static bool may_exclude(const struct hdl_xl_routes *routes)
{
	for (size_t i = 0; i < routes->n; i++) {
		const struct hdl_ir_http_route *route = &routes->v[i];

		for (size_t k = 0; k < route->match_count; k++)
			if (!route->matches[k].source_labels.n && !route->matches[k].source_namespace[0])
				return false;
		if (route->match_count == 0)
			return false;
	}
	return true;
}

static int add_otherwise(struct hdl_xl *xl, struct hdl_ir_vhost **vhost)
{
	struct hdl_ir_vhost *otherwise = hdl_arena_alloc(xl->arena, sizeof(*otherwise));

	if (!otherwise)
		return -ENOMEM;
	otherwise->name = (*vhost)->name;
	otherwise->service = (*vhost)->service;
	(*vhost)->otherwise = otherwise;
	*vhost = otherwise;
	return 0;
}

int hdl_xl_add_rules(struct hdl_xl *xl, const struct hdl_xl_claims *claims, uint16_t port,
		     const struct hdl_ir_http_route *rest, struct hdl_ir_vhost *vhost)
{
	const struct hdl_xl_routes *routes;
	size_t at;

	if (hdl_xl_rules_in_force(xl, claims, 0, port, &at, &routes) < 0)
		return -ENOMEM;
	while (routes) {
		const struct hdl_resource *res = claims->v[at]->res;

		vhost->routes = routes->v;
		vhost->route_count = routes->n;
		vhost->origin = hdl_xl_origin(xl, res, res->pos);
		if (!may_exclude(routes))
			return 0;
		if (hdl_xl_rules_in_force(xl, claims, at + 1, port, &at, &routes) < 0)
			return -ENOMEM;
		if (!routes && !rest)
			return 0;
		if (add_otherwise(xl, &vhost) < 0)
			return -ENOMEM;
	}
	vhost->routes = rest;
	vhost->route_count = rest ? 1 : 0;
	if (rest)
		vhost->origin = vhost->service->origin;
	return 0;
}

static int add_vhost(struct hdl_xl *xl, struct hdl_xl_front *front, struct hdl_xl_front_port *port)
{
	const struct hdl_xl_cell *aliases = hdl_xl_read(xl, HDL_XL_ALIASES, front->ir.fqdn);
	size_t domains = 10 + front->ir.address_count + front->ir.external_address_count +
			 (aliases ? 4 * (size_t)aliases->n : 0);
	struct hdl_xl_vhost *vhost = &front->vhosts[front->vhost_count];
	const struct hdl_ir_http_route *rest;

	vhost->port = port->ir->port;
	vhost->place = (uint32_t)front->vhost_count;
	if (hdl_xl_new_vhost(xl, front->ir.fqdn, vhost->port, domains, &vhost->ir) < 0)
		return -ENOMEM;
	vhost->ir->service = &front->ir;
	port->ir->route_name = hdl_xl_internf(xl, "%u", port->ir->port);
	port->ir->vhost = vhost->ir;
	if (add_domains(xl, front, vhost, aliases) < 0 || hdl_xl_default_route(xl, port->ir->cluster, &rest) < 0)
		return -ENOMEM;
	front->vhost_count++;
	return hdl_xl_add_rules(xl, &front->claims, port->ir->port, rest, vhost->ir);
}

int hdl_xl_view_vhost(struct hdl_xl *xl, const struct hdl_xl_front *front, size_t port,
		      const struct hdl_xl_claims *claims, const struct hdl_xl_client *client, struct hdl_ir_vhost **ret)
{
	const struct hdl_ir_vhost *all = front->ports[port].ir->vhost;
	const struct hdl_xl_service *base = hdl_xl_service_for(front->base, client);
	struct hdl_ir_vhost *vhost = hdl_arena_alloc(xl->arena, sizeof(*vhost));
	const struct hdl_ir_http_route *rest;
	const struct hdl_xl_client *outer = xl->client;
	int r;

	/* plain: for those who see nothing of it */
	if (!base)
		base = front->base;
	if (!vhost || hdl_xl_default_route(xl, &base->ports[port].clusters[0]->ir, &rest) < 0)
		return -ENOMEM;
	vhost->name = all->name;
	vhost->domains = all->domains;
	vhost->domain_count = all->domain_count;
	vhost->service = all->service;
	xl->client = client;
	r = hdl_xl_add_rules(xl, claims, front->ports[port].ir->port, rest, vhost);
	xl->client = outer;
	*ret = vhost;
	return r;
}

/* ---- the service ---- */

/* A port of the service keeps its id. */
static uint32_t port_id(struct hdl_xl *xl, const struct hdl_xl_front *before, const struct hdl_xl_port_spec *port)
{
	for (size_t i = 0; before && i < before->ir.port_count; i++)
		if (before->ir.ports[i].port == port->port &&
		    hdl_xl_is_udp(before->ir.ports[i].protocol) == hdl_xl_is_udp(port->protocol))
			return before->ir.ports[i].id;
	return ++xl->port_ids;
}

static int make_ports(struct hdl_xl *xl, struct hdl_xl_front *front, const struct hdl_xl_front *before)
{
	const struct hdl_xl_service *base = front->base;

	front->ir.ports = hdl_arena_calloc(xl->arena, base->port_count, sizeof(*front->ir.ports));
	front->ports = hdl_arena_calloc(xl->arena, base->port_count, sizeof(*front->ports));
	front->vhosts = hdl_arena_calloc(xl->arena, base->port_count, sizeof(*front->vhosts));
	if (!front->ir.ports || !front->ports || !front->vhosts)
		return -ENOMEM;
	front->ir.port_count = base->port_count;
	for (size_t i = 0; i < base->port_count; i++) {
		const struct hdl_xl_port *port = &base->ports[i];

		front->ports[i] = (struct hdl_xl_front_port){ .ir = &front->ir.ports[i], .base = port };
		front->ir.ports[i] = (struct hdl_ir_service_port){
			.id = port_id(xl, before, port->spec),
			.service = &front->ir,
			.name = hdl_xl_intern(xl, port->spec->name),
			.port = port->spec->port,
			.target_port = port->target_port,
			.protocol = port->spec->protocol,
			.fail_mode = xl->ir_node.fail_mode,
			.node_port = base->node_port[i] ? port->spec->node_port : 0,
			.cluster = &port->clusters[0]->ir,
		};
	}
	return 0;
}

/* One VirtualService may be the first in several views. */
static int set_claimed(struct hdl_xl *xl, struct hdl_xl_unit *unit, const struct hdl_xl_front *front)
{
	const char *fqdn = front->base->spec->fqdn;
	struct hdl_xl_names clients = { 0 };
	struct hdl_xl_vs **v;
	size_t n = 0;

	if (hdl_xl_claim_clients(xl, fqdn, &clients) < 0 ||
	    hdl_xl_names_add_exports(xl, &clients, front->base->res) < 0)
		return -ENOMEM;
	v = hdl_arena_calloc(xl->scratch, 1 + clients.n, sizeof(struct hdl_xl_vs *));
	if (!v)
		return -ENOMEM;
	if (front->claims.n)
		v[n++] = front->claims.v[0];
	for (size_t i = 0; i < clients.n; i++) {
		const struct hdl_xl_scope scope = { .client = { .ns = clients.at[i] } };
		struct hdl_xl_claims claims = { 0 };
		size_t k = 0;

		if (hdl_xl_is_exported(xl, front->base->res, scope.client.ns) &&
		    hdl_xl_claims_for(xl, &scope, fqdn, 0, &claims) < 0)
			return -ENOMEM;
		while (claims.n && k < n && v[k] != claims.v[0])
			k++;
		if (claims.n && k == n)
			v[n++] = claims.v[0];
	}
	return hdl_xl_set_claimed(xl, unit, fqdn, v, n);
}

/* D.2: who does not see the service is refused, as at any address that no service has. */
static void hide_from_others(struct hdl_xl *xl, struct hdl_xl_front *front)
{
	if (front->base->everywhere || !xl->ir_node.registry_only)
		return;
	for (size_t i = 0; i < front->ir.port_count; i++) {
		front->ir.ports[i].label = HDL_LABEL_NONE;
		front->ir.ports[i].label_reason =
			"the service is not exported to all, and outboundTrafficPolicy is REGISTRY_ONLY";
		front->ir.ports[i].label_origin = front->ir.origin;
	}
}

static int make_vhosts_and_labels(struct hdl_xl *xl, struct hdl_xl_front *front)
{
	hdl_xl_phase(xl, HDL_XL_PHASE_MESH);
	for (size_t i = 0; i < front->ir.port_count; i++)
		if (front->ir.ports[i].protocol == HDL_IR_HTTP && add_vhost(xl, front, &front->ports[i]) < 0)
			return -ENOMEM;
	if (hdl_xl_make_front_views(xl, front) < 0)
		return -ENOMEM;
	/* the others see nothing of it */
	if (!front->base->everywhere)
		front->vhost_count = 0;
	hdl_xl_phase(xl, HDL_XL_PHASE_LABELS);
	for (size_t i = 0; i < front->ir.port_count; i++)
		if (hdl_xl_label_port(xl, front, &front->claims, &front->ports[i]) < 0)
			return -ENOMEM;
	hide_from_others(xl, front);
	return hdl_xl_make_port_views(xl, front);
}

int hdl_xl_make_front(struct hdl_xl *xl, struct hdl_xl_unit *unit)
{
	const struct hdl_xl_front *before = (const struct hdl_xl_front *)unit->product;
	const struct hdl_xl_service *base = hdl_xl_read_unit(xl, unit->source->unit);
	struct hdl_xl_front *front;

	if (!base) /* another has its name */
		return hdl_xl_set_claimed(xl, unit, ((struct hdl_xl_registration *)unit->source->data)->fqdn, NULL, 0);
	front = hdl_xl_product_new(xl, sizeof(*front));
	if (!front)
		return -ENOMEM;
	front->base = base;
	front->ir = base->ir;
	if (base->everywhere && hdl_xl_claims_for(xl, NULL, base->ir.fqdn, 0, &front->claims) < 0)
		return -ENOMEM;
	if (set_claimed(xl, unit, front) < 0 || make_ports(xl, front, before) < 0)
		return -ENOMEM;
	hdl_xl_phase(xl, HDL_XL_PHASE_IDLE_RULES);
	for (size_t i = 0; i < unit->claimed_n; i++) {
		hdl_xl_read_unit(xl, unit->claimed_by[i]->merged);
		hdl_xl_report_idle_rules(xl, front, unit->claimed_by[i]);
	}
	return make_vhosts_and_labels(xl, front);
}
