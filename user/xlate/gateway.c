/* SPDX-License-Identifier: Apache-2.0 */
/* Istio Gateways with plain HTTP servers: listeners and their route configurations (specification A.4, A.9). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "xlate/check.h"
#include "xlate/ingress.h"

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

static int collect_references(struct hdl_xl *xl, const struct hdl_xl_plan *g, struct references *refs)
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

static int new_listener(struct hdl_xl *xl, struct hdl_xl_plan *g, const struct hdl_resource *res,
			const struct hdl_gw_server *server, const char *key, struct hdl_xl_listener **ret)
{
	struct hdl_xl_listener *l = hdl_arena_alloc(xl->scratch, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->key = key;
	l->port = (uint16_t)server->port->number.value;
	l->res = res;
	l->pos = server->pos;
	if (server->bind.s)
		hdl_addr_parse(hdl_str_of(server->bind.s), &l->address);
	if (g->last)
		g->last->next = l;
	else
		g->first = l;
	g->last = l;
	g->n++;
	*ret = l;
	return hdl_xl_map_put(&g->by_address, xl->scratch, key, l);
}

static int find_listener(struct hdl_xl *xl, struct hdl_xl_plan *g, const struct hdl_resource *res,
			 const struct hdl_gw_server *server, struct hdl_xl_listener **ret)
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
			(*ret)->address = (struct hdl_addr){ 0 };
	}
	return *ret ? 0 : new_listener(xl, g, res, server, key, ret);
}

static int bind_vs(struct hdl_xl *xl, struct hdl_xl_listener *l, const char *name, struct hdl_xl_vs *vs, size_t host,
		   const char *gateway)
{
	struct hdl_xl_domain *d = hdl_xl_map_get(&l->domains, name);
	struct hdl_xl_bound *b;

	if (!d) {
		d = hdl_arena_alloc(xl->scratch, sizeof(*d));
		if (!d || hdl_xl_map_put(&l->domains, xl->scratch, name, d) < 0)
			return -ENOMEM;
		*d = (struct hdl_xl_domain){ .name = name, .port = l->port, .host = host };
		if (l->last)
			l->last->next = d;
		else
			l->first = d;
		l->last = d;
		l->domain_count++;
	}
	/* as a rule they come in their order */
	for (b = d->first; b && vs->source->label <= d->most; b = b->next)
		if (b->vs == vs)
			return 0;
	b = hdl_arena_alloc(xl->scratch, sizeof(*b));
	if (!b)
		return -ENOMEM;
	*b = (struct hdl_xl_bound){ .vs = vs, .gateway = gateway };
	if (d->last)
		d->last->next = b;
	else
		d->first = b;
	d->last = b;
	if (vs->source->label > d->most)
		d->most = vs->source->label;
	return 0;
}

/* The hosts that both name: the more specific of the two where one covers the other. */
static int intersect(struct hdl_xl *xl, struct hdl_xl_listener *l, const char *server_host, struct hdl_xl_vs *vs,
		     const char *gateway)
{
	for (size_t h = 0; h < vs->spec->hosts.n; h++) {
		const char *host = vs->hosts[h];
		const char *both = hdl_xl_host_covers(server_host, host) ? host :
				   hdl_xl_host_covers(host, server_host) ? server_host :
									   NULL;

		if (both && bind_vs(xl, l, hdl_xl_intern(xl, both), vs, h, gateway) < 0)
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

static int add_server(struct hdl_xl *xl, struct hdl_xl_plan *g, const struct references *refs,
		      const struct hdl_resource *res, const struct hdl_gw_server *server)
{
	const char *gateway = hdl_xl_internf(xl, "%s/%s", res->ns, res->name);
	struct hdl_xl_listener *l;

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
				text->s, l->port, owner->ns, owner->name, owner->file, owner->pos.line);
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

static int add_gateway(struct hdl_xl *xl, struct hdl_xl_plan *g, const struct references *refs,
		       const struct hdl_resource *res)
{
	for (size_t k = 0; for_this_node(xl, res) && k < res->gateway->servers.n; k++)
		if (!res->gateway->servers.at[k].unserved && hdl_xl_gateway_server_ok(xl->diags, res, k) &&
		    add_server(xl, g, refs, res, &res->gateway->servers.at[k]) < 0)
			return -ENOMEM;
	return 0;
}

static int make_plan(struct hdl_xl *xl, struct hdl_xl_plan *plan)
{
	const struct hdl_xl_cell *all = hdl_xl_read(xl, HDL_XL_GATEWAYS, "");
	struct references refs = { 0 };

	if (!all)
		return -ENOMEM;
	hdl_xl_phase(xl, HDL_XL_PHASE_GATEWAY_REFERENCES);
	for (uint32_t i = 0; i < all->n; i++) {
		const struct hdl_resource *res = hdl_xl_member(all, i)->res;

		if (hdl_xl_map_put(&plan->known, xl->scratch, hdl_xl_scratchf(xl, "%s/%s", res->ns, res->name),
				   (void *)res) < 0)
			return -ENOMEM;
	}
	if (collect_references(xl, plan, &refs) < 0)
		return -ENOMEM;
	hdl_xl_phase(xl, HDL_XL_PHASE_GATEWAYS);
	for (uint32_t i = 0; i < all->n; i++)
		if (add_gateway(xl, plan, &refs, hdl_xl_member(all, i)->res) < 0)
			return -ENOMEM;
	return hdl_xl_plan_domains(xl, plan);
}

/* All that the plan has, texts too, is in its own memory: it lives until the next plan. */
static int make_plan_in_its_memory(struct hdl_xl *xl, struct hdl_xl_plan *plan)
{
	struct hdl_arena *arena = xl->arena, *scratch = xl->scratch, *names = xl->names;
	struct hdl_xl_map strings = xl->strings;
	int r;

	xl->arena = xl->scratch = xl->names = plan->arena;
	xl->strings = (struct hdl_xl_map){ 0 };
	r = make_plan(xl, plan);
	xl->arena = arena;
	xl->scratch = scratch;
	xl->names = names;
	xl->strings = strings;
	return r;
}

void hdl_xl_plan_free(struct hdl_xl_plan *plan)
{
	if (!plan)
		return;
	hdl_arena_free(plan->arena);
	hdl_ir_free(plan);
}

static int list_listeners(struct hdl_xl *xl, const struct hdl_xl_plan *plan, struct hdl_xl_ingress *made)
{
	made->listeners = hdl_arena_calloc(xl->arena, plan->n, sizeof(*made->listeners));
	made->names = hdl_arena_calloc(xl->arena, plan->n, sizeof(*made->names));
	if (!made->listeners || !made->names)
		return -ENOMEM;
	for (const struct hdl_xl_listener *l = plan->first; l; l = l->next) {
		made->names[made->n] = hdl_xl_internf(xl, "http.%s", l->key);
		made->listeners[made->n++] = (struct hdl_ir_gateway_listener){
			.address = l->address,
			.port = l->port,
			.origin = hdl_xl_origin(xl, l->res, l->pos),
		};
	}
	return 0;
}

int hdl_xl_make_ingress(struct hdl_xl *xl, struct hdl_xl_unit *unit)
{
	struct hdl_xl_ingress *made = hdl_xl_product_new(xl, sizeof(*made));
	struct hdl_xl_plan *plan = made ? hdl_ir_alloc(1, sizeof(*plan)) : NULL;
	int r = -ENOMEM;

	(void)unit;
	if (!plan)
		return r;
	plan->arena = hdl_arena_new(xl->bytes_max);
	if (plan->arena)
		r = make_plan_in_its_memory(xl, plan);
	if (r == 0)
		r = list_listeners(xl, plan, made);
	if (r < 0) {
		xl->too_large |= plan->arena && hdl_arena_limit_met(plan->arena);
		hdl_xl_plan_free(plan);
		return r;
	}
	hdl_xl_plan_free(xl->plan);
	xl->plan = plan;
	return 0;
}
