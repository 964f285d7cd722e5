/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What clients of one namespace see otherwise than others (specification A.4, A.7, A.1): found for each service from
 * the rules that name it, so that nothing is made for the many namespaces and services that are as for all.
 */
#include "xlate/priv.h"

#include <errno.h>
#include <string.h>

/* ---- destinations ---- */

const struct hdl_xl_service *hdl_xl_service_for(const struct hdl_xl_service *service,
						const struct hdl_xl_client *client)
{
	bool visible = !service || service->everywhere;

	for (size_t i = 0; service && client && i < service->client_count; i++)
		if (strcmp(service->clients[i], client->ns) == 0)
			visible = true;
	/* in the order of the rules, those for all of a namespace last: the first that is for them */
	for (size_t i = 0; service && client && i < service->view_count; i++)
		if (strcmp(service->views[i].client.ns, client->ns) == 0 &&
		    hdl_xl_labels_have(&client->labels, &service->views[i].client.labels))
			return &service->views[i];
	return visible ? service : NULL;
}

static int keep_clients(struct hdl_xl *xl, struct hdl_xl_service *service, const struct hdl_xl_names *names)
{
	const char **clients = hdl_arena_calloc(xl->arena, names->n, sizeof(*clients));

	if (!clients)
		return -ENOMEM;
	for (size_t i = 0; i < names->n; i++)
		clients[i] = hdl_xl_intern(xl, names->at[i]);
	service->clients = clients;
	service->client_count = names->n;
	return 0;
}

static int add_view(struct hdl_xl *xl, struct hdl_xl_service *service, const struct hdl_xl_client *client,
		    const struct hdl_xl_rule *rule)
{
	struct hdl_xl_service *view = &service->views[service->view_count];

	*view = *service;
	if (hdl_xl_copy_client(xl, client, &view->client) < 0)
		return -ENOMEM;
	view->rule = rule;
	view->views = NULL;
	view->view_count = 0;
	view->ports = hdl_arena_calloc(xl->arena, service->port_count, sizeof(*view->ports));
	if (!view->ports)
		return -ENOMEM;
	for (size_t i = 0; i < service->port_count; i++) {
		view->ports[i] = service->ports[i];
		view->ports[i].clusters = NULL;
		view->ports[i].cluster_count = 0;
	}
	service->view_count++;
	return hdl_xl_clusters(xl, view, rule);
}

/* A rule that is not for them keeps others away from them, which the service or the root namespace has (A.7). */
static void report_without(struct hdl_xl *xl, const struct hdl_xl_service *service, const char *ns)
{
	for (size_t i = 0; i < service->view_count; i++) {
		const struct hdl_xl_service *view = &service->views[i];

		if (!view->client.labels.n || strcmp(view->client.ns, ns) != 0 ||
		    !hdl_xl_first_time(xl, "without %s %s", service->ir.fqdn, ns))
			continue;
		hdl_xl_report(
			xl->diags, HDL_WARNING, view->rule->res,
			view->rule->res->destination_rule->workload_selector->pos, "spec.workloadSelector",
			"pods of namespace %s without these labels get no DestinationRule for %s, not even %s/%s: "
			"they need one for this host without workloadSelector",
			ns, service->ir.fqdn, service->rule->res->ns, service->rule->res->name);
		return;
	}
}

/* They have a rule of their own, or that of all pods of their namespace. */
static bool needs_view(const struct hdl_xl_service *service, const struct hdl_xl_client *client,
		       const struct hdl_xl_rule *rule)
{
	if (client->labels.n) {
		struct hdl_xl_client of = { .ns = client->ns };

		if (rule)
			of.labels = rule->selector;
		return hdl_xl_same_client(client, &of);
	}
	return rule != service->rule;
}

int hdl_xl_make_service_views(struct hdl_xl *xl, struct hdl_xl_service *service)
{
	struct hdl_xl_names clients = { 0 };
	struct hdl_xl_client *candidates;
	size_t n;

	service->everywhere = hdl_xl_is_exported(xl, service->res, NULL);
	if (hdl_xl_rule_clients(xl, service, &candidates, &n) < 0 ||
	    hdl_xl_names_add_exports(xl, &clients, service->res) < 0)
		return -ENOMEM;
	service->views = hdl_arena_calloc(xl->arena, n, sizeof(*service->views));
	if (!service->views)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct hdl_xl_rule *rule;

		if (!hdl_xl_is_exported(xl, service->res, candidates[i].ns))
			continue;
		rule = hdl_xl_rule_of(xl, service, &candidates[i]);
		if (!needs_view(service, &candidates[i], rule))
			continue;
		if (!rule)
			report_without(xl, service, candidates[i].ns);
		if (add_view(xl, service, &candidates[i], rule) < 0 ||
		    hdl_xl_names_add(xl, &clients, candidates[i].ns) < 0)
			return -ENOMEM;
	}
	return keep_clients(xl, service, &clients);
}

/* ---- destinations of a VirtualService ---- */

struct targets {
	const struct hdl_xl_service **at;
	size_t n, capacity;
};

static int visit(struct hdl_xl *xl, const struct hdl_xl_vs *vs, const struct hdl_vs_destination *spec,
		 struct targets *t)
{
	const struct hdl_xl_service *service, **more;

	if (!spec || !spec->host.s)
		return 0;
	service = hdl_xl_read_service(xl, hdl_xl_host(xl, spec->host.s, spec->ns ? spec->ns : vs->res->ns));
	if (!service || (service->everywhere && !service->client_count))
		return 0;
	for (size_t i = 0; i < t->n; i++)
		if (t->at[i] == service)
			return 0;
	if (t->n == t->capacity) {
		t->capacity = t->capacity ? 2 * t->capacity : 4;
		more = hdl_arena_calloc(xl->scratch, t->capacity, sizeof(const struct hdl_xl_service *));
		if (!more)
			return -ENOMEM;
		if (t->n)
			memcpy(more, t->at, t->n * sizeof(const struct hdl_xl_service *));
		t->at = more;
	}
	t->at[t->n++] = service;
	return 0;
}

static int visit_destinations(struct hdl_xl *xl, const struct hdl_xl_vs *vs, struct targets *t)
{
	const struct hdl_virtual_service *spec = vs->spec;
	int r = 0;

	for (size_t i = 0; r == 0 && i < spec->http.n; i++) {
		const struct hdl_vs_http *http = &spec->http.at[i];

		for (size_t k = 0; r == 0 && k < http->route.n; k++)
			if (!http->route.at[k].unresolved)
				r = visit(xl, vs, http->route.at[k].destination, t);
		if (r == 0)
			r = visit(xl, vs, http->mirror, t);
		for (size_t k = 0; r == 0 && k < http->mirrors.n; k++)
			r = visit(xl, vs, http->mirrors.at[k].destination, t);
	}
	for (size_t i = 0; r == 0 && i < spec->tcp.n; i++)
		for (size_t k = 0; r == 0 && k < spec->tcp.at[i].route.n; k++)
			r = visit(xl, vs, spec->tcp.at[i].route.at[k].destination, t);
	return r;
}

/* Once for a VirtualService, which may be that of thousands of services. */
int hdl_xl_make_targets(struct hdl_xl *xl, struct hdl_xl_unit *unit)
{
	const struct hdl_xl_targets *before = (const struct hdl_xl_targets *)unit->product;
	const struct hdl_xl_vs *vs = unit->source->data;
	struct hdl_xl_targets *made;
	struct targets t = { 0 };

	hdl_xl_read_unit(xl, vs->merged);
	if (visit_destinations(xl, vs, &t) < 0)
		return -ENOMEM;
	/* services that are there for all come and go, and nobody needs to know; others are told apart by nothing */
	if (before && !before->n && !t.n) {
		hdl_xl_keep_product(xl);
		return 0;
	}
	made = hdl_xl_product_new(xl, sizeof(*made));
	if (!made)
		return -ENOMEM;
	made->at = hdl_arena_calloc(xl->arena, t.n, sizeof(const struct hdl_xl_service *));
	if (!made->at)
		return -ENOMEM;
	if (t.n)
		memcpy(made->at, t.at, t.n * sizeof(const struct hdl_xl_service *));
	made->n = t.n;
	return 0;
}

bool hdl_xl_vs_differs(struct hdl_xl *xl, const struct hdl_xl_vs *vs, const struct hdl_xl_client *client,
		       const struct hdl_xl_client *others)
{
	const struct hdl_xl_targets *targets = hdl_xl_read_unit(xl, vs->targets);

	for (size_t i = 0; targets && i < targets->n; i++)
		if (hdl_xl_service_for(targets->at[i], client) != hdl_xl_service_for(targets->at[i], others))
			return true;
	return false;
}

/* ---- VirtualServices ---- */

static bool sees_vs(const struct hdl_xl *xl, const struct hdl_xl_scope *scope, const struct hdl_xl_vs *vs,
		    uint16_t port)
{
	return hdl_xl_is_exported(xl, vs->res, scope ? scope->client.ns : NULL) &&
	       (!scope || !scope->res || hdl_xl_sidecar_shows_vs(scope, vs, port));
}

/* A.4: of those that the client sees, those of its namespace that are not public, those exported to it, public ones. */
static int group_of(const struct hdl_xl *xl, const struct hdl_xl_scope *scope, const struct hdl_resource *res)
{
	return hdl_xl_is_exported(xl, res, NULL) ? 2 : scope && strcmp(res->ns, scope->client.ns) == 0 ? 0 : 1;
}

static int list_claims(struct hdl_xl *xl, const struct hdl_xl_cell *cell, const struct hdl_xl_scope *scope,
		       uint16_t port, struct hdl_xl_claims *ret)
{
	*ret = (struct hdl_xl_claims){ .v = hdl_arena_calloc(xl->scratch, cell->n, sizeof(struct hdl_xl_vs *)) };
	if (!ret->v)
		return -ENOMEM;
	for (int group = 0; group < 3; group++)
		for (uint32_t i = 0; i < cell->n; i++) {
			struct hdl_xl_vs *vs = hdl_xl_claimant(cell, i);

			if (group_of(xl, scope, vs->res) == group && sees_vs(xl, scope, vs, port))
				ret->v[ret->n++] = vs;
		}
	return 0;
}

int hdl_xl_claims_for(struct hdl_xl *xl, const struct hdl_xl_scope *scope, const char *fqdn, uint16_t port,
		      struct hdl_xl_claims *ret)
{
	const struct hdl_xl_cell *cell;
	size_t at = 0;

	*ret = (struct hdl_xl_claims){ 0 };
	while (!ret->n && (cell = hdl_xl_next_covering(xl, HDL_XL_CLAIMS, "", fqdn, &xl->claim_wildcards,
						       &xl->odd_claim_wildcards, &at)))
		if (list_claims(xl, cell, scope, port, ret) < 0)
			return -ENOMEM;
	return 0;
}

int hdl_xl_claims_of_host(struct hdl_xl *xl, const struct hdl_xl_scope *scope, const char *host, uint16_t port,
			  struct hdl_xl_claims *ret)
{
	const struct hdl_xl_cell *cell = hdl_xl_read(xl, HDL_XL_CLAIMS, host);

	*ret = (struct hdl_xl_claims){ 0 };
	return cell && cell->n ? list_claims(xl, cell, scope, port, ret) : 0;
}

struct hdl_xl_vs *hdl_xl_owner_of_host(struct hdl_xl *xl, const struct hdl_xl_scope *scope, const char *host,
				       uint16_t port)
{
	const struct hdl_xl_cell *cell = hdl_xl_read(xl, HDL_XL_CLAIMS, host);
	struct hdl_xl_vs *owner = NULL;
	int best = 3;

	for (uint32_t i = 0; cell && i < cell->n && best > (scope ? 0 : 2); i++) {
		struct hdl_xl_vs *vs = hdl_xl_claimant(cell, i);
		int group = group_of(xl, scope, vs->res);

		if (group < best && sees_vs(xl, scope, vs, port)) {
			owner = vs;
			best = group;
		}
	}
	return owner;
}

int hdl_xl_vs_clients(struct hdl_xl *xl, const struct hdl_xl_vs *vs, struct hdl_xl_names *names)
{
	const struct hdl_xl_targets *targets = hdl_xl_read_unit(xl, vs->targets);

	hdl_xl_read_unit(xl, vs->merged);
	if (hdl_xl_names_add_exports(xl, names, vs->res) < 0)
		return -ENOMEM;
	for (size_t i = 0; targets && i < targets->n; i++)
		for (size_t k = 0; k < targets->at[i]->client_count; k++)
			if (hdl_xl_names_add(xl, names, targets->at[i]->clients[k]) < 0)
				return -ENOMEM;
	return 0;
}

int hdl_xl_claim_clients(struct hdl_xl *xl, const char *host, struct hdl_xl_names *names)
{
	const struct hdl_xl_cell *cell;
	bool end = false;
	size_t at = 0;

	/* beyond a host of which all see some VirtualService nobody looks */
	while (!end && (cell = hdl_xl_next_covering(xl, HDL_XL_CLAIMS, "", host, &xl->claim_wildcards,
						    &xl->odd_claim_wildcards, &at)))
		for (uint32_t i = 0; i < cell->n; i++) {
			struct hdl_xl_vs *vs = hdl_xl_claimant(cell, i);

			if (hdl_xl_vs_clients(xl, vs, names) < 0)
				return -ENOMEM;
			end |= hdl_xl_is_exported(xl, vs->res, NULL);
		}
	return 0;
}

/* ---- scopes ---- */

/* Those with labels that have this Sidecar (NULL: none). Returns how many. */
static size_t with_labels(struct hdl_xl *xl, const char *ns, const struct hdl_resource *sidecar,
			  const struct hdl_xl_scope **at)
{
	const struct hdl_xl_clients *clients = hdl_xl_read_clients(xl, ns);
	size_t n = 0;

	for (size_t i = 0; i < clients->n; i++)
		if (clients->scopes[i]->res == sidecar) {
			if (at)
				at[n] = clients->scopes[i];
			n++;
		}
	return n;
}

int hdl_xl_list_scopes(struct hdl_xl *xl, const struct hdl_xl_names *names, const struct hdl_xl_scope ***ret,
		       size_t *ret_n)
{
	size_t n = names->n + xl->sidecar_count;
	const struct hdl_xl_scope **at;
	struct hdl_xl_scope *of_names;

	for (size_t i = 0; i < names->n; i++)
		n += with_labels(xl, names->at[i], NULL, NULL);
	for (size_t i = 0; i < xl->sidecar_count; i++)
		n += with_labels(xl, xl->sidecars[i].client.ns, xl->sidecars[i].res, NULL);
	at = hdl_arena_calloc(xl->scratch, n, sizeof(const struct hdl_xl_scope *));
	of_names = hdl_arena_calloc(xl->scratch, names->n, sizeof(*of_names));
	if (!at || !of_names)
		return -ENOMEM;
	n = 0;
	for (size_t i = 0; i < names->n; i++) {
		of_names[i].client.ns = names->at[i];
		at[n++] = &of_names[i];
		n += with_labels(xl, names->at[i], NULL, &at[n]);
	}
	for (size_t i = 0; i < xl->sidecar_count; i++) {
		at[n++] = &xl->sidecars[i];
		n += with_labels(xl, xl->sidecars[i].client.ns, xl->sidecars[i].res, &at[n]);
	}
	*ret = at;
	*ret_n = n;
	return 0;
}
