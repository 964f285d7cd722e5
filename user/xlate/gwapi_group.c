/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of many routes for one host, in their order of precedence, as a VirtualService (specification F.2, F.7). */
#include "xlate/gwapi_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct hdl_gw_group *hdl_gw_group_of(struct hdl_gw *g, const struct hdl_gw_listener *listener,
				     const struct hdl_resource *service, const char *client_ns, const char *host,
				     const struct hdl_resource *route)
{
	bool l4 = service && route->kind == HDL_KIND_TCP_ROUTE;
	const char *key =
		listener ? hdl_gw_text(g, "%s/%s %s", listener->gateway->res->ns, listener->name, host) :
			   hdl_gw_text(g, "%s %d %s/%s %s%s%s", client_ns ? client_ns : "", service->kind, service->ns,
				       host, l4 ? route->ns : "", l4 ? "/" : "", l4 ? route->name : "");
	struct hdl_gw_group *group = hdl_xl_map_get(&g->groups, key);

	if (group)
		return group;
	group = hdl_gw_take(g, 1, sizeof(*group));
	if (!group || hdl_xl_map_put(&g->groups, g->arena, key, group) < 0) {
		g->no_memory = true;
		return NULL;
	}
	*group = (struct hdl_gw_group){
		.listener = listener, .service = service, .client_ns = client_ns, .host = host, .first = route
	};
	if (g->last_group)
		g->last_group->next = group;
	else
		g->first_group = group;
	g->last_group = group;
	return group;
}

void hdl_gw_group_add(struct hdl_gw *g, struct hdl_gw_group *group, const struct hdl_gw_rule *rules, size_t n,
		      uint16_t port)
{
	for (size_t i = 0; i < n; i++) {
		struct hdl_gw_rule *to =
			hdl_gw_grow(g, (void **)&group->rules, &group->n, &group->capacity, sizeof(*to));
		struct hdl_vs_match *match;

		if (!to)
			return;
		*to = rules[i];
		if (!port && !group->client_ns)
			continue;
		match = hdl_gw_take(g, 1, sizeof(*match));
		if (!match)
			return;
		*match = *rules[i].http.match.at;
		if (port)
			match->port = (struct hdl_opt_int){ true, port, match->pos };
		if (group->client_ns)
			match->source_namespace = (struct hdl_text){ group->client_ns, match->pos };
		to->http.match.at = match;
	}
}

static int by_precedence(const void *x, const void *y)
{
	const struct hdl_gw_rule *a = x, *b = y;

	for (size_t i = 0; i < sizeof(a->rank) / sizeof(a->rank[0]); i++)
		if (a->rank[i] != b->rank[i])
			return a->rank[i] > b->rank[i] ? -1 : 1;
	if (a->order != b->order)
		return a->order < b->order ? -1 : 1;
	if (a->rule != b->rule)
		return a->rule < b->rule ? -1 : 1;
	return a->match < b->match ? -1 : a->match > b->match;
}

static void set_http(struct hdl_gw *g, struct hdl_gw_group *group, struct hdl_virtual_service *vs)
{
	if (group->n)
		qsort(group->rules, group->n, sizeof(*group->rules), by_precedence);
	vs->http.at = hdl_gw_take(g, group->n, sizeof(*vs->http.at));
	for (size_t i = 0; vs->http.at && i < group->n; i++)
		vs->http.at[vs->http.n++] = group->rules[i].http;
}

static void derive_vs(struct hdl_gw *g, struct hdl_gw_group *group, size_t index)
{
	struct hdl_virtual_service *vs = hdl_gw_take(g, 1, sizeof(*vs));
	struct hdl_resource *res = hdl_gw_take(g, 1, sizeof(*res));
	struct hdl_text *host = hdl_gw_take(g, 1, sizeof(*host)), *gateway = hdl_gw_take(g, 1, sizeof(*gateway));

	if (!vs || !res || !host || !gateway)
		return;
	*host = (struct hdl_text){ group->service && group->service->kind == HDL_KIND_SERVICE ?
					   group->host :
					   hdl_gw_full_host(g, group->host),
				   group->first->pos };
	*gateway = (struct hdl_text){ group->listener ? hdl_gw_text(g, "%s/%s", group->listener->gateway->res->ns,
								    group->listener->name) :
							"mesh",
				      group->first->pos };
	vs->pos = group->first->pos;
	vs->derived = true;
	vs->hosts.at = host;
	vs->hosts.n = 1;
	vs->gateways.at = gateway;
	vs->gateways.n = 1;
	set_http(g, group, vs);
	vs->tcp.at = group->tcp;
	vs->tcp.n = group->tcp_n;
	vs->tls.at = group->tls;
	vs->tls.n = group->tls_n;
	*res = *group->first;
	res->kind = HDL_KIND_VIRTUAL_SERVICE;
	res->ns = group->service ? group->service->ns : group->listener->gateway->res->ns;
	res->name = hdl_gw_text(g, "%s~%zu", group->first->name, index);
	res->derived_from = group->first;
	res->virtual_service = vs;
	hdl_gw_append(g, res);
}

/* Those for the clients of one namespace come first: their clients never see the others (F.7). */
void hdl_gw_finish_groups(struct hdl_gw *g)
{
	size_t index = 0;

	for (int all = 0; all < 2; all++)
		for (struct hdl_gw_group *group = g->first_group; group && !g->no_memory; group = group->next)
			if ((group->client_ns == NULL) == all)
				derive_vs(g, group, index++);
}
