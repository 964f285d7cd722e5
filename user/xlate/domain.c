/* SPDX-License-Identifier: Apache-2.0 */
/* Virtual hosts of gateways: one per domain of a listener, made anew only when its own rules change (A.4). */
#include <errno.h>
#include <string.h>

#include "base/hash.h"
#include "xlate/ingress.h"

/* ---- which there are ---- */

static bool same_rules(const struct hdl_xl_domain *a, const struct hdl_xl_domain *b)
{
	const struct hdl_xl_bound *x = a->first, *y = b->first;

	while (x && y && x->vs == y->vs && strcmp(x->gateway, y->gateway) == 0) {
		x = x->next;
		y = y->next;
	}
	return !x && !y;
}

/* Many hosts of a Gateway may have the same rules, as those of VirtualServices for "*". */
static int find_likes(struct hdl_xl *xl, struct hdl_xl_listener *l)
{
	struct hdl_xl_map seen = { 0 };

	for (struct hdl_xl_domain *d = l->first; d; d = d->next) {
		uint64_t hash = 0;
		const char *key;

		for (const struct hdl_xl_bound *b = d->first; b; b = b->next)
			hash = hdl_hash64(&b->vs, sizeof(b->vs), hash);
		key = hdl_xl_scratchf(xl, "%llx", (unsigned long long)hash);
		d->like = hdl_xl_map_get(&seen, key);
		if (d->like && same_rules(d->like, d))
			continue;
		d->like = d;
		if (xl->no_memory || hdl_xl_map_put(&seen, xl->scratch, key, d) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int find_unit(struct hdl_xl *xl, const struct hdl_xl_listener *l, struct hdl_xl_domain *d, uint64_t label)
{
	struct hdl_xl_cell *cell =
		hdl_xl_cell(&xl->graph, HDL_XL_DOMAINS, hdl_xl_scratchf(xl, "%s %s", l->key, d->name), true);

	if (!cell || xl->no_memory)
		return -ENOMEM;
	if (!cell->unit && hdl_xl_add_unit(xl, HDL_XL_DOMAIN, NULL, cell, &cell->unit) < 0)
		return -ENOMEM;
	d->unit = cell->unit;
	/* one of a VirtualService that is gone is dirty already: the rules that it had read went */
	if (d->unit->domain && (d->unit->domain->host != d->host || !same_rules(d->unit->domain, d)))
		hdl_xl_mark(&xl->graph, d->unit);
	d->unit->domain = d;
	d->unit->plan = xl->serial;
	d->unit->label = label;
	return 0;
}

int hdl_xl_plan_domains(struct hdl_xl *xl, struct hdl_xl_plan *plan)
{
	uint64_t label = 0;

	for (struct hdl_xl_listener *l = plan->first; l; l = l->next) {
		if (find_likes(xl, l) < 0)
			return -ENOMEM;
		for (struct hdl_xl_domain *d = l->first; d; d = d->next)
			if (find_unit(xl, l, d, ++label) < 0)
				return -ENOMEM;
	}
	for (struct hdl_xl_unit *unit = xl->graph.first[HDL_XL_DOMAIN], *next; unit; unit = next) {
		next = unit->next;
		/* the domain that it stands for is of this plan, and has it */
		if (unit->plan == xl->serial)
			continue;
		hdl_xl_drop_cell_unit(xl, unit->cell);
	}
	return 0;
}

/* ---- what they are ---- */

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
static int join_routes(struct hdl_xl *xl, const struct hdl_xl_domain *d, struct hdl_ir_vhost *vhost)
{
	struct hdl_ir_http_route *v;
	size_t n = 0;

	for (const struct hdl_xl_bound *b = d->first; b; b = b->next)
		n += 2 * b->vs->spec->http.n;
	v = hdl_arena_calloc(xl->arena, n, sizeof(*v));
	if (!v)
		return -ENOMEM;
	for (int last = 0; last < 2; last++)
		for (const struct hdl_xl_bound *b = d->first; b; b = b->next) {
			const struct hdl_xl_routes *routes;

			if (hdl_xl_http_routes(xl, b->vs, d->port, b->gateway, &routes) < 0)
				return -ENOMEM;
			for (size_t i = 0; i < routes->n; i++)
				add_part(vhost, v, &routes->v[i], last != 0);
		}
	vhost->routes = v;
	return 0;
}

/* Those of the first domain that has the same. */
static int take_routes(struct hdl_xl *xl, struct hdl_xl_unit *unit, struct hdl_ir_vhost *vhost)
{
	const struct hdl_xl_gateway_vhost *other;

	if (unit->dirty && hdl_xl_make(xl, unit) < 0)
		return -ENOMEM;
	other = hdl_xl_read_unit(xl, unit);
	vhost->routes = other->ir->routes;
	vhost->route_count = other->ir->route_count;
	return 0;
}

int hdl_xl_make_domain(struct hdl_xl *xl, struct hdl_xl_unit *unit)
{
	struct hdl_xl_gateway_vhost *made = hdl_xl_product_new(xl, sizeof(*made));
	const struct hdl_xl_domain *d = unit->domain;
	const struct hdl_xl_vs *vs = d->first->vs;
	struct hdl_ir_vhost *vhost;

	if (!made || hdl_xl_new_vhost(xl, d->name, d->port, 1, &vhost) < 0)
		return -ENOMEM;
	made->ir = vhost;
	hdl_xl_phase(xl, HDL_XL_PHASE_GATEWAY_ROUTES);
	((const char **)vhost->domains)[vhost->domain_count++] = hdl_xl_domain(xl, d->name);
	vhost->origin = hdl_xl_origin(xl, vs->res, vs->spec->hosts.at[d->host].pos);
	return d->like == d ? join_routes(xl, d, vhost) : take_routes(xl, d->like->unit, vhost);
}
