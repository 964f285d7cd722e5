/* SPDX-License-Identifier: Apache-2.0 */
/* Route configurations of the http service ports: one per port number, a virtual host per service (A.1, A.4). */
#include "xlate/priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The port whose route table also holds hosts that no service has (A.1). */
#define OUTSIDE_PORT 80

struct config {
	struct hdl_ir_route_config *ir;
	struct hdl_ir_vhost **vhosts;
	size_t capacity;
	struct hdl_xl_map domains; /* -> the virtual host that has it */
	struct hdl_xl_map names;   /* bare service name -> how many services */
};

struct mesh {
	struct config *at; /* by port number, ascending */
	size_t n;
};

static int by_port(const void *a, const void *b)
{
	return (int)((const struct config *)a)->ir->port - (int)((const struct config *)b)->ir->port;
}

static struct config *find(const struct mesh *mesh, uint16_t port)
{
	struct hdl_ir_route_config ir = { .port = port };
	struct config key = { .ir = &ir };

	return bsearch(&key, mesh->at, mesh->n, sizeof(*mesh->at), by_port);
}

static int new_config(struct hdl_xl *xl, struct mesh *mesh, uint16_t port)
{
	struct hdl_ir_route_config *ir = hdl_arena_alloc(xl->arena, sizeof(*ir));

	if (!ir)
		return -ENOMEM;
	ir->name = hdl_xl_internf(xl, "%u", port);
	ir->port = port;
	mesh->at[mesh->n++] = (struct config){ .ir = ir };
	return 0;
}

/* A configuration per http port number, with room for its virtual hosts. */
static int prepare(struct hdl_xl *xl, struct mesh *mesh)
{
	size_t *count = hdl_arena_calloc(xl->scratch, 65536, sizeof(*count));
	size_t outside = 0, n = 0;

	if (!count)
		return -ENOMEM;
	for (size_t i = 0; i < xl->service_count; i++)
		for (size_t p = 0; p < xl->service[i].ir->port_count; p++)
			if (xl->service[i].ir->ports[p].protocol == HDL_IR_HTTP)
				n += count[xl->service[i].ir->ports[p].port]++ == 0;
	for (size_t i = 0; i < xl->vs_count; i++)
		outside += xl->vs[i].spec->hosts.n;
	mesh->at = hdl_arena_calloc(xl->scratch, n, sizeof(*mesh->at));
	if (!mesh->at)
		return -ENOMEM;
	for (uint32_t port = 1; port < 65536; port++) {
		struct config *config = &mesh->at[mesh->n];

		if (!count[port])
			continue;
		if (new_config(xl, mesh, (uint16_t)port) < 0)
			return -ENOMEM;
		config->capacity = count[port] + (port == OUTSIDE_PORT ? outside : 0);
		config->vhosts = hdl_arena_calloc(xl->arena, config->capacity, sizeof(*config->vhosts));
		if (!config->vhosts)
			return -ENOMEM;
		config->ir->vhosts = (const struct hdl_ir_vhost *const *)config->vhosts;
	}
	return 0;
}

/* The first virtual host to name a domain has it (A.4). */
static int add_domain(struct hdl_xl *xl, struct config *config, struct hdl_ir_vhost *vhost, const char *domain)
{
	if (hdl_xl_map_get(&config->domains, domain))
		return 0;
	if (hdl_xl_map_put(&config->domains, xl->scratch, domain, vhost) < 0)
		return -ENOMEM;
	((const char **)vhost->domains)[vhost->domain_count++] = domain;
	return 0;
}

static struct hdl_ir_vhost *new_vhost(struct hdl_xl *xl, struct config *config, const char *host, size_t domains)
{
	struct hdl_ir_vhost *vhost = hdl_arena_alloc(xl->arena, sizeof(*vhost));

	if (!vhost)
		return NULL;
	vhost->domains = hdl_arena_calloc(xl->arena, domains, sizeof(*vhost->domains));
	if (!vhost->domains)
		return NULL;
	vhost->name = hdl_xl_internf(xl, "%s:%u", host, config->ir->port);
	config->vhosts[config->ir->vhost_count++] = vhost;
	return vhost;
}

/*
 * A.4: of a VirtualService, not a service's, though made like one of its names (A.1: "reviews.prod" is a host of its
 * own). Virtual hosts of VirtualServices come first, in their order.
 */
static int is_outside_domain(struct hdl_xl *xl, const struct config *config, const struct hdl_xl_service *service,
			     const char *domain, bool *ret)
{
	const struct hdl_xl_claim *claim =
		config->ir->port == OUTSIDE_PORT ? hdl_xl_map_get(&xl->claims, domain) : NULL;
	const struct hdl_xl_claim *in_force;
	const struct hdl_xl_routes *routes;

	*ret = false;
	if (!claim || hdl_xl_map_get(&xl->services, domain) ||
	    (service->claim && service->claim->vs->index < claim->vs->index))
		return 0;
	if (hdl_xl_rules_in_force(xl, claim, OUTSIDE_PORT, &in_force, &routes) < 0)
		return -ENOMEM;
	*ret = in_force != NULL;
	return 0;
}

/* IPv6 addresses have brackets in a Host header. */
static const char *domain_of(struct hdl_xl *xl, const char *host)
{
	return strchr(host, ':') ? hdl_xl_internf(xl, "[%s]", host) : hdl_xl_intern(xl, host);
}

static int add_service_domain(struct hdl_xl *xl, struct config *config, const struct hdl_xl_service *service,
			      struct hdl_ir_vhost *vhost, const char *host)
{
	bool outside;

	if (is_outside_domain(xl, config, service, host, &outside) < 0)
		return -ENOMEM;
	return outside ? 0 : add_domain(xl, config, vhost, domain_of(xl, host));
}

static int add_address_domains(struct hdl_xl *xl, struct config *config, const struct hdl_xl_service *service,
			       struct hdl_ir_vhost *vhost)
{
	const struct hdl_ir_service *s = service->ir;
	char text[HDL_ADDR_TEXT_MAX];

	for (size_t i = 0; i < s->address_count; i++)
		if (add_service_domain(xl, config, service, vhost, hdl_addr_print(&s->addresses[i], text)) < 0)
			return -ENOMEM;
	return 0;
}

/*
 * A.1, as clients of any namespace see it: a bare name is left out when two services of the port have it; the service
 * that was dialled takes such a Host.
 */
static int add_service_domains(struct hdl_xl *xl, struct config *config, const struct hdl_xl_service *service,
			       struct hdl_ir_vhost *vhost)
{
	const struct hdl_ir_service *s = service->ir;
	const char *names[5];
	size_t n = 0;

	names[n++] = s->fqdn;
	names[n++] = hdl_xl_internf(xl, "%s.", s->fqdn);
	if (hdl_xl_map_get(&config->names, s->name) == vhost->service)
		names[n++] = s->name;
	names[n++] = hdl_xl_internf(xl, "%s.%s", s->name, s->ns);
	names[n++] = hdl_xl_internf(xl, "%s.%s.svc", s->name, s->ns);
	for (size_t i = 0; i < n; i++)
		if (add_service_domain(xl, config, service, vhost, names[i]) < 0)
			return -ENOMEM;
	for (size_t i = 0; service->headless && i < n; i++)
		if (add_service_domain(xl, config, service, vhost, hdl_xl_internf(xl, "*.%s", names[i])) < 0)
			return -ENOMEM;
	return add_address_domains(xl, config, service, vhost);
}

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

/* The rules of the claims, each with those of the next for the clients that it excludes, then rest (NULL: nothing). */
static int add_rules(struct hdl_xl *xl, const struct hdl_xl_claim *claim, uint16_t port,
		     const struct hdl_ir_http_route *rest, struct hdl_ir_vhost *vhost)
{
	const struct hdl_xl_routes *routes;

	if (hdl_xl_rules_in_force(xl, claim, port, &claim, &routes) < 0)
		return -ENOMEM;
	while (claim) {
		vhost->routes = routes->v;
		vhost->route_count = routes->n;
		vhost->origin = hdl_xl_origin(xl, claim->vs->res, claim->vs->res->pos);
		if (!may_exclude(routes))
			return 0;
		if (hdl_xl_rules_in_force(xl, claim->next, port, &claim, &routes) < 0)
			return -ENOMEM;
		if (!claim && !rest)
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

static int add_service_port(struct hdl_xl *xl, const struct mesh *mesh, struct hdl_xl_service *service,
			    struct hdl_xl_port *port)
{
	struct config *config = find(mesh, port->ir->port);
	struct hdl_ir_vhost *vhost = new_vhost(xl, config, service->ir->fqdn, 10 + service->ir->address_count);
	const struct hdl_ir_http_route *rest;

	if (!vhost)
		return -ENOMEM;
	vhost->service = service->ir;
	port->ir->route_name = config->ir->name;
	port->ir->vhost = vhost;
	if (add_service_domains(xl, config, service, vhost) < 0 ||
	    hdl_xl_default_route(xl, port->cluster->ir, &rest) < 0)
		return -ENOMEM;
	return add_rules(xl, service->claim, port->ir->port, rest, vhost);
}

static int add_outside_host(struct hdl_xl *xl, struct config *config, const struct hdl_xl_vs *vs, size_t host,
			    const char *domain)
{
	const struct hdl_xl_claim *claim = hdl_xl_map_get(&xl->claims, vs->hosts[host]), *in_force;
	const struct hdl_xl_routes *routes;
	struct hdl_ir_vhost *vhost;

	if (hdl_xl_rules_in_force(xl, claim, config->ir->port, &in_force, &routes) < 0)
		return -ENOMEM;
	if (!in_force)
		return 0;
	vhost = new_vhost(xl, config, vs->hosts[host], 1);
	if (!vhost || add_domain(xl, config, vhost, domain) < 0 ||
	    add_rules(xl, claim, config->ir->port, NULL, vhost) < 0)
		return -ENOMEM;
	if (in_force == claim)
		vhost->origin = hdl_xl_origin(xl, vs->res, vs->spec->hosts.at[host].pos);
	return 0;
}

/* Hosts of VirtualServices that no service has. */
static int add_outside_hosts(struct hdl_xl *xl, struct config *config)
{
	for (size_t i = 0; i < xl->vs_count; i++) {
		struct hdl_xl_vs *vs = &xl->vs[i];

		for (size_t h = 0; h < vs->spec->hosts.n; h++) {
			const char *domain = domain_of(xl, vs->hosts[h]);

			if (vs->claimed[h] && !vs->matched[h] && !hdl_xl_map_get(&config->domains, domain) &&
			    add_outside_host(xl, config, vs, h, domain) < 0)
				return -ENOMEM;
		}
	}
	return 0;
}

/* Which service has a bare name alone: -> the service, or -> the map itself when there are several. */
static int count_names(struct hdl_xl *xl, const struct mesh *mesh)
{
	for (size_t i = 0; i < xl->service_count; i++)
		for (size_t p = 0; p < xl->service[i].ir->port_count; p++) {
			struct hdl_ir_service *s = xl->service[i].ir;
			struct config *config;

			if (s->ports[p].protocol != HDL_IR_HTTP)
				continue;
			config = find(mesh, s->ports[p].port);
			if (hdl_xl_map_put(&config->names, xl->scratch, s->name,
					   hdl_xl_map_get(&config->names, s->name) ? (void *)config : (void *)s) < 0)
				return -ENOMEM;
		}
	return 0;
}

int hdl_xl_mesh(struct hdl_xl *xl)
{
	struct mesh mesh = { 0 };
	struct config *outside;

	if (prepare(xl, &mesh) < 0 || count_names(xl, &mesh) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < xl->service_count; i++)
		for (size_t p = 0; p < xl->service[i].ir->port_count; p++)
			if (xl->service[i].ports[p].ir->protocol == HDL_IR_HTTP &&
			    add_service_port(xl, &mesh, &xl->service[i], &xl->service[i].ports[p]) < 0)
				return -ENOMEM;
	outside = find(&mesh, OUTSIDE_PORT);
	if (outside && add_outside_hosts(xl, outside) < 0)
		return -ENOMEM;
	/* gateways append theirs */
	xl->snapshot->route_configs = hdl_arena_calloc(xl->arena, mesh.n, sizeof(struct hdl_ir_route_config *));
	if (!xl->snapshot->route_configs)
		return -ENOMEM;
	for (size_t i = 0; i < mesh.n; i++)
		xl->snapshot->route_configs[xl->snapshot->route_config_count++] = mesh.at[i].ir;
	return 0;
}
