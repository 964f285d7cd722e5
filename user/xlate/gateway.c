/* SPDX-License-Identifier: Apache-2.0 */
/* Istio Gateways with plain HTTP servers: listeners and their route configurations (specification A.4, A.9). */
#include "xlate/priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct bound {
	struct hdl_xl_vs *vs;
	const char *gateway;
	struct bound *next;
};

/* The VirtualServices of one domain, in their order. */
struct domain {
	const char *name;
	struct bound *first, *last;
	struct hdl_ir_origin origin;
	struct domain *next;
};

/* One address and port, which several Gateways may share. */
struct listener {
	struct hdl_ir_gateway_listener ir;
	struct hdl_ir_route_config *config;
	struct hdl_xl_map domains; /* name -> struct domain */
	struct domain *first, *last;
	struct hdl_xl_map servers; /* "ns/host" of a server -> the Gateway that has it */
	size_t domain_count;
	struct listener *next;
};

struct gateways {
	struct listener *first, *last;
	size_t n;
	struct hdl_xl_map by_address;
	struct hdl_xl_map known; /* "ns/name" of every Gateway that was read */
};

/* A reference from a VirtualService to a Gateway. */
struct reference {
	struct hdl_xl_vs *vs;
	struct reference *next;
};

struct references {
	struct hdl_xl_map by_gateway; /* "ns/name" -> first; each list in the order of the VirtualServices */
	struct hdl_xl_map last;
};

static int refer(struct hdl_xl *xl, struct references *refs, struct hdl_xl_vs *vs, const char *gateway)
{
	struct reference *last = hdl_xl_map_get(&refs->last, gateway);
	struct reference *ref;

	if (last && last->vs == vs)
		return 0;
	ref = hdl_arena_alloc(xl->scratch, sizeof(*ref));
	if (!ref)
		return -ENOMEM;
	ref->vs = vs;
	if (last)
		last->next = ref;
	else if (hdl_xl_map_put(&refs->by_gateway, xl->scratch, gateway, ref) < 0)
		return -ENOMEM;
	return hdl_xl_map_put(&refs->last, xl->scratch, gateway, ref);
}

static int collect_references(struct hdl_xl *xl, const struct gateways *g, struct references *refs)
{
	const struct hdl_xl_cell *users = hdl_xl_read(xl, HDL_XL_GATEWAY_USERS, "");

	for (uint32_t i = 0; users && i < users->n; i++) {
		struct hdl_xl_vs *vs = hdl_xl_claimant(users, i);

		for (size_t k = 0; k < vs->spec->gateways.n; k++) {
			const struct hdl_text *text = &vs->spec->gateways.at[k];
			const char *name = hdl_xl_gateway_name(xl, text->s, vs->res->ns);

			if (strcmp(name, "mesh") == 0)
				continue;
			if (!hdl_xl_map_get(&g->known, name))
				hdl_xl_report(xl->diags, HDL_WARNING, vs->res, text->pos, "spec.gateways",
					      "there is no Gateway %s", name);
			if (refer(xl, refs, vs, name) < 0)
				return -ENOMEM;
		}
	}
	return 0;
}

/* NodeConfig gateways: names or ns/names; absent: all. */
static bool for_this_node(const struct hdl_xl *xl, const struct hdl_resource *res)
{
	const struct hdl_texts *list = &xl->node->gateways;
	char full[XL_NAME_MAX];

	if (res->derived_from)
		res = res->derived_from;
	snprintf(full, sizeof(full), "%s/%s", res->ns, res->name);
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->at[i].s, full) == 0 || strcmp(list->at[i].s, res->name) == 0)
			return true;
	return list->at == NULL;
}

static int new_listener(struct hdl_xl *xl, struct gateways *g, const struct hdl_resource *res,
			const struct hdl_gw_server *server, const char *key, struct listener **ret)
{
	struct listener *l = hdl_arena_alloc(xl->scratch, sizeof(*l));
	struct hdl_ir_route_config *config = hdl_arena_alloc(xl->arena, sizeof(*config));

	if (!l || !config)
		return -ENOMEM;
	l->config = config;
	l->ir.port = config->port = (uint16_t)server->port->number.value;
	l->ir.route_config = config;
	l->ir.origin = hdl_xl_origin(xl, res, server->pos);
	config->gateway = true;
	config->name = hdl_xl_internf(xl, "http.%s", key);
	if (server->bind.s)
		hdl_addr_parse(hdl_str_of(server->bind.s), &l->ir.address);
	if (g->last)
		g->last->next = l;
	else
		g->first = l;
	g->last = l;
	g->n++;
	*ret = l;
	return hdl_xl_map_put(&g->by_address, xl->scratch, key, l);
}

static int find_listener(struct hdl_xl *xl, struct gateways *g, const struct hdl_resource *res,
			 const struct hdl_gw_server *server, struct listener **ret)
{
	unsigned int port = (unsigned int)server->port->number.value;
	const char *all = hdl_xl_scratchf(xl, "%u", port), *all_v4 = hdl_xl_scratchf(xl, "%u.0.0.0.0", port),
		   *key = all;
	char text[HDL_ADDR_TEXT_MAX];
	struct hdl_addr address;

	/* "::" is all addresses of both families, as is none; it and a socket of all IPv4 addresses exclude each other */
	if (server->bind.s && hdl_addr_parse(hdl_str_of(server->bind.s), &address) == 0 && !hdl_addr_is_zero(&address))
		key = hdl_xl_scratchf(xl, "%u.%s", port, hdl_addr_print(&address, text));
	*ret = hdl_xl_map_get(&g->by_address, key);
	if (!*ret && strcmp(key, all_v4) == 0)
		*ret = hdl_xl_map_get(&g->by_address, all);
	if (!*ret && key == all) {
		*ret = hdl_xl_map_get(&g->by_address, all_v4);
		if (*ret)
			(*ret)->ir.address = (struct hdl_addr){ 0 };
	}
	return *ret ? 0 : new_listener(xl, g, res, server, key, ret);
}

static int bind_vs(struct hdl_xl *xl, struct listener *l, const char *name, struct hdl_xl_vs *vs, const char *gateway,
		   struct hdl_ir_origin origin)
{
	struct domain *d = hdl_xl_map_get(&l->domains, name);
	struct bound *b;

	if (!d) {
		d = hdl_arena_alloc(xl->scratch, sizeof(*d));
		if (!d || hdl_xl_map_put(&l->domains, xl->scratch, name, d) < 0)
			return -ENOMEM;
		*d = (struct domain){ .name = name, .origin = origin };
		if (l->last)
			l->last->next = d;
		else
			l->first = d;
		l->last = d;
		l->domain_count++;
	}
	for (b = d->first; b; b = b->next)
		if (b->vs == vs)
			return 0;
	b = hdl_arena_alloc(xl->scratch, sizeof(*b));
	if (!b)
		return -ENOMEM;
	*b = (struct bound){ .vs = vs, .gateway = gateway };
	if (d->last)
		d->last->next = b;
	else
		d->first = b;
	d->last = b;
	return 0;
}

/* The hosts that both name: the more specific of the two where one covers the other. */
static int intersect(struct hdl_xl *xl, struct listener *l, const char *server_host, struct hdl_xl_vs *vs,
		     const char *gateway)
{
	for (size_t h = 0; h < vs->spec->hosts.n; h++) {
		const char *host = vs->hosts[h];
		const char *both = hdl_xl_host_covers(server_host, host) ? host :
				   hdl_xl_host_covers(host, server_host) ? server_host :
									   NULL;

		if (both &&
		    bind_vs(xl, l, both, vs, gateway, hdl_xl_origin(xl, vs->res, vs->spec->hosts.at[h].pos)) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* "[ns/]name": ns "." is the Gateway's own, "*" or none is any. Writes the namespace, "*" for any; returns the name. */
static const char *split_host(const char *host, const char *own_ns, char *ns, size_t size)
{
	const char *slash = strchr(host, '/');

	snprintf(ns, size, "%.*s", slash ? (int)(slash - host) : 1, slash ? host : "*");
	if (strcmp(ns, ".") == 0)
		snprintf(ns, size, "%s", own_ns);
	return slash ? slash + 1 : host;
}

static int add_server(struct hdl_xl *xl, struct gateways *g, const struct references *refs,
		      const struct hdl_resource *res, const struct hdl_gw_server *server)
{
	const char *gateway = hdl_xl_internf(xl, "%s/%s", res->ns, res->name);
	struct listener *l;

	if (find_listener(xl, g, res, server, &l) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < server->hosts.n; i++) {
		const struct hdl_text *text = &server->hosts.at[i];
		char ns[XL_NAME_MAX];
		const char *host = hdl_xl_host(xl, split_host(text->s, res->ns, ns, sizeof(ns)), res->ns);
		const char *key = hdl_xl_scratchf(xl, "%s/%s", ns, host);
		const struct hdl_resource *owner = hdl_xl_map_get(&l->servers, key);

		if (owner && owner != res) {
			hdl_xl_report(
				xl->diags, HDL_WARNING, res, text->pos, "spec.servers",
				"host %s of port %u is already that of Gateway %s/%s at %s:%u: this one is ignored",
				text->s, l->ir.port, owner->ns, owner->name, owner->file, owner->pos.line);
			continue;
		}
		if (hdl_xl_map_put(&l->servers, xl->scratch, key, (void *)res) < 0)
			return -ENOMEM;
		for (const struct reference *r = hdl_xl_map_get(&refs->by_gateway, gateway); r; r = r->next)
			if ((strcmp(ns, "*") == 0 || strcmp(ns, r->vs->res->ns) == 0) &&
			    intersect(xl, l, host, r->vs, gateway) < 0)
				return -ENOMEM;
	}
	return 0;
}

/* The blocks of a rule before the one that matches everything, or those from there on. */
static void add_part(struct hdl_ir_vhost *vhost, struct hdl_ir_http_route *v, const struct hdl_ir_http_route *route,
		     bool last)
{
	size_t before = hdl_xl_blocks_before_all(route);
	struct hdl_ir_http_route part = *route;

	part.matches += last ? before : 0;
	part.match_count = last ? route->match_count - before : before;
	if (last ? hdl_xl_is_catch_all(route) : before > 0)
		v[vhost->route_count++] = part;
}

/* The rules of all VirtualServices of the domain; blocks that match everything come last (A.4). */
static int join_routes(struct hdl_xl *xl, const struct listener *l, const struct domain *d, struct hdl_ir_vhost *vhost)
{
	struct hdl_ir_http_route *v;
	size_t n = 0;

	for (const struct bound *b = d->first; b; b = b->next)
		n += 2 * b->vs->spec->http.n;
	v = hdl_arena_calloc(xl->arena, n, sizeof(*v));
	if (!v)
		return -ENOMEM;
	for (int last = 0; last < 2; last++)
		for (const struct bound *b = d->first; b; b = b->next) {
			const struct hdl_xl_routes *routes;

			if (hdl_xl_http_routes(xl, b->vs, l->ir.port, b->gateway, &routes) < 0)
				return -ENOMEM;
			for (size_t i = 0; i < routes->n; i++)
				add_part(vhost, v, &routes->v[i], last != 0);
		}
	vhost->routes = v;
	return 0;
}

static int finish(struct hdl_xl *xl, struct listener *l)
{
	struct hdl_ir_vhost **vhosts = hdl_arena_calloc(xl->arena, l->domain_count, sizeof(*vhosts));

	if (!vhosts)
		return -ENOMEM;
	l->config->vhosts = (const struct hdl_ir_vhost *const *)vhosts;
	for (const struct domain *d = l->first; d; d = d->next) {
		struct hdl_ir_vhost *vhost = hdl_arena_alloc(xl->arena, sizeof(*vhost));
		const char **domains = hdl_arena_alloc(xl->arena, sizeof(*domains));

		if (!vhost || !domains || join_routes(xl, l, d, vhost) < 0)
			return -ENOMEM;
		domains[0] = hdl_xl_domain(xl, d->name);
		vhost->domains = domains;
		vhost->domain_count = 1;
		vhost->name = hdl_xl_internf(xl, "%s:%u", d->name, l->ir.port);
		vhost->origin = d->origin;
		vhosts[l->config->vhost_count++] = vhost;
	}
	return 0;
}

static void free_tables(struct hdl_xl_product *product)
{
	struct hdl_xl_ingress *made = (struct hdl_xl_ingress *)product;

	for (size_t i = 0; i < made->n; i++)
		if (made->configs[i] && made->configs[i]->table)
			made->configs[i]->free_table(made->configs[i]->table);
}

static int publish(struct hdl_xl *xl, struct gateways *g, struct hdl_xl_ingress *made)
{
	made->configs = hdl_arena_calloc(xl->arena, g->n, sizeof(struct hdl_ir_route_config *));
	made->listeners = hdl_arena_calloc(xl->arena, g->n, sizeof(*made->listeners));
	if (!made->configs || !made->listeners)
		return -ENOMEM;
	for (struct listener *l = g->first; l; l = l->next) {
		if (finish(xl, l) < 0)
			return -ENOMEM;
		made->configs[made->n] = l->config;
		made->listeners[made->n++] = l->ir;
	}
	made->product.done = free_tables;
	return 0;
}

static int add_gateway(struct hdl_xl *xl, struct gateways *g, const struct references *refs,
		       const struct hdl_resource *res)
{
	for (size_t k = 0; for_this_node(xl, res) && k < res->gateway->servers.n; k++)
		if (!res->gateway->servers.at[k].unserved && hdl_xl_gateway_server_ok(xl->diags, res, k) &&
		    add_server(xl, g, refs, res, &res->gateway->servers.at[k]) < 0)
			return -ENOMEM;
	return 0;
}

int hdl_xl_make_ingress(struct hdl_xl *xl, struct hdl_xl_unit *unit)
{
	const struct hdl_xl_cell *all = hdl_xl_read(xl, HDL_XL_GATEWAYS, "");
	struct hdl_xl_ingress *made = hdl_xl_product_new(xl, sizeof(*made));
	struct references refs = { 0 };
	struct gateways g = { 0 };

	(void)unit;
	if (!made || !all)
		return -ENOMEM;
	hdl_xl_phase(xl, HDL_XL_PHASE_GATEWAY_REFERENCES);
	for (uint32_t i = 0; i < all->n; i++) {
		const struct hdl_resource *res = hdl_xl_member(all, i)->res;

		if (hdl_xl_map_put(&g.known, xl->scratch, hdl_xl_scratchf(xl, "%s/%s", res->ns, res->name),
				   (void *)res) < 0)
			return -ENOMEM;
	}
	if (collect_references(xl, &g, &refs) < 0)
		return -ENOMEM;
	hdl_xl_phase(xl, HDL_XL_PHASE_GATEWAYS);
	for (uint32_t i = 0; i < all->n; i++)
		if (add_gateway(xl, &g, &refs, hdl_xl_member(all, i)->res) < 0)
			return -ENOMEM;
	hdl_xl_phase(xl, HDL_XL_PHASE_GATEWAY_ROUTES);
	return publish(xl, &g, made);
}
