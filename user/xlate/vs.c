/* SPDX-License-Identifier: Apache-2.0 */
/* VirtualServices: which one owns which host in the mesh (specification A.1, A.4). */
#include "xlate/priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "xlate/delegate.h"

const char *hdl_xl_gateway_name(struct hdl_xl *xl, const char *reference, const char *ns)
{
	const char *slash = strchr(reference, '/'), *dot = strchr(reference, '.');

	if (strcmp(reference, "mesh") == 0)
		return "mesh";
	if (slash && strncmp(reference, "./", 2) == 0)
		return hdl_xl_internf(xl, "%s/%s", ns, slash + 1);
	if (slash)
		return hdl_xl_intern(xl, reference);
	if (dot) { /* the old form: name.namespace[.svc.domain] */
		const char *end = strchr(dot + 1, '.');
		int n = end ? (int)(end - dot - 1) : (int)strlen(dot + 1);

		return hdl_xl_internf(xl, "%.*s/%.*s", n, dot + 1, (int)(dot - reference), reference);
	}
	return hdl_xl_internf(xl, "%s/%s", ns, reference);
}

/* ---- sources ---- */

static void note_gateways(struct hdl_xl *xl, struct hdl_xl_vs *vs)
{
	vs->mesh = vs->spec->gateways.n == 0;
	for (size_t i = 0; i < vs->spec->gateways.n; i++)
		if (strcmp(hdl_xl_gateway_name(xl, vs->spec->gateways.at[i].s, vs->res->ns), "mesh") == 0)
			vs->mesh = true;
		else
			vs->gateways = true;
}

/* With everything in one block; the hosts are in scratch memory. */
static struct hdl_xl_vs *vs_new(const struct hdl_resource *res, const char *const *hosts)
{
	size_t n = res->virtual_service->hosts.n, bytes = 0;
	struct hdl_xl_vs *vs;
	char *text;

	for (size_t i = 0; i < n; i++)
		bytes += strlen(hosts[i]) + 1;
	vs = hdl_ir_alloc(1,
			  sizeof(*vs) + n * (sizeof(*vs->hosts) + sizeof(*vs->matched) + sizeof(*vs->repeats)) + bytes);
	if (!vs)
		return NULL;
	vs->references = 1;
	vs->res = res;
	vs->spec = res->virtual_service;
	vs->hosts = (const char **)(vs + 1);
	vs->matched = (size_t *)(vs->hosts + n);
	vs->repeats = (bool *)(vs->matched + n);
	text = (char *)(vs->repeats + n);
	for (size_t i = 0; i < n; i++) {
		size_t size = strlen(hosts[i]) + 1;

		vs->hosts[i] = memcpy(text, hosts[i], size);
		text += size;
	}
	return vs;
}

static void vs_unref(struct hdl_xl_vs *vs)
{
	if (vs && --vs->references == 0)
		hdl_ir_free(vs);
}

/* The rules of its delegates in place of the entries that name them (A.4). */
static const struct hdl_resource *find_delegate(void *user, const char *ns, const char *name)
{
	struct hdl_xl *xl = user;
	const struct hdl_xl_cell *cell = hdl_xl_read(xl, HDL_XL_VS_NAMES, hdl_xl_scratchf(xl, "%s/%s", ns, name));

	return cell && cell->n ? hdl_xl_member(cell, 0)->res : NULL;
}

int hdl_xl_make_merged(struct hdl_xl *xl, struct hdl_xl_unit *unit)
{
	struct hdl_xl_vs *vs = unit->source->data;
	const struct hdl_delegates delegates = { xl->arena, xl->diags, find_delegate, xl };

	if (!hdl_xl_product_new(xl, sizeof(struct hdl_xl_product)))
		return -ENOMEM;
	hdl_xl_phase(xl, HDL_XL_PHASE_CLAIMS);
	return hdl_has_delegates(vs->res->virtual_service) ? hdl_delegates_merge(&delegates, vs->res, &vs->spec) : 0;
}

void hdl_xl_report_unused_delegate(struct hdl_diags *diags, const struct hdl_resource *res)
{
	hdl_xl_report(diags, HDL_WARNING, res, res->pos, NULL,
		      "has no hosts, and no VirtualService delegates to it: it has no effect");
}

bool hdl_xl_is_unused_delegate(const struct hdl_xl_unit *unit)
{
	const struct hdl_xl_source *source = unit->source;

	if (source->res->virtual_service->hosts.n)
		return false;
	for (uint32_t i = 0; i < source->cells; i++)
		if (source->cell[i]->index == HDL_XL_VS_NAMES && source->cell[i]->head.readers)
			return false;
	return true;
}

/* What there is of it beside its hosts. */
static int enter_vs(struct hdl_xl *xl, struct hdl_xl_source *source, struct hdl_xl_vs *vs)
{
	const struct hdl_resource *res = source->res;

	if (hdl_xl_enter_cell(xl, source, HDL_XL_VS_NAMES, hdl_xl_scratchf(xl, "%s/%s", res->ns, res->name), NULL) < 0)
		return -ENOMEM;
	/* a delegate has no hosts of its own */
	if ((vs->spec->hosts.n == 0 || hdl_has_delegates(vs->spec)) &&
	    hdl_xl_add_unit(xl, HDL_XL_MERGED, source, NULL, &vs->merged) < 0)
		return -ENOMEM;
	if (vs->spec->hosts.n == 0)
		return 0;
	if (vs->gateways && hdl_xl_enter_cell(xl, source, HDL_XL_GATEWAY_USERS, "", NULL) < 0)
		return -ENOMEM;
	if (hdl_xl_add_unit(xl, HDL_XL_TARGETS, source, NULL, &vs->targets) < 0)
		return -ENOMEM;
	return hdl_xl_add_unit(xl, HDL_XL_OUTSIDE, source, NULL, &source->unit);
}

int hdl_xl_register_vs(struct hdl_xl *xl, struct hdl_xl_source *source)
{
	const struct hdl_resource *res = source->res;
	const struct hdl_texts *list = &res->virtual_service->hosts;
	const char **hosts = hdl_arena_calloc(xl->scratch, list->n, sizeof(*hosts));
	struct hdl_xl_vs *vs;

	if (!hosts)
		return -ENOMEM;
	for (size_t i = 0; i < list->n; i++)
		hosts[i] = hdl_xl_host(xl, list->at[i].s, res->ns);
	vs = vs_new(res, hosts);
	if (!vs)
		return -ENOMEM;
	source->data = vs;
	vs->source = source;
	note_gateways(xl, vs);
	for (size_t i = 0; vs->mesh && i < list->n; i++) {
		uint32_t cells = source->cells;

		if (hdl_xl_enter_cell(xl, source, HDL_XL_CLAIMS, vs->hosts[i], NULL) < 0)
			return -ENOMEM;
		vs->repeats[i] = source->cells == cells;
		if (!vs->repeats[i])
			hdl_xl_count_wildcard(xl, &xl->claim_wildcards, &xl->odd_claim_wildcards, vs->hosts[i], 1);
	}
	return enter_vs(xl, source, vs);
}

/* Before the source leaves its cells. */
void hdl_xl_unregister_vs(struct hdl_xl *xl, struct hdl_xl_source *source)
{
	struct hdl_xl_vs *vs = source->data;

	for (uint32_t i = 0; i < source->cells; i++)
		if (source->cell[i]->index == HDL_XL_CLAIMS)
			hdl_xl_count_wildcard(xl, &xl->claim_wildcards, &xl->odd_claim_wildcards, source->cell[i]->key,
					      -1);
	source->data = NULL;
	if (!vs)
		return;
	hdl_xl_drop_unit(xl, &vs->merged);
	hdl_xl_drop_unit(xl, &vs->targets);
	while (vs->routes) {
		struct hdl_xl_unit *unit = vs->routes;

		vs->routes = unit->next_routes;
		hdl_xl_drop_unit(xl, &unit);
	}
	vs->source = NULL;
	vs_unref(vs);
}

static void count_matched(struct hdl_xl *xl, struct hdl_xl_vs *vs, const char *fqdn, int n)
{
	for (size_t i = 0; vs && i < vs->spec->hosts.n; i++) {
		size_t before;

		if (!vs->source || !hdl_xl_host_covers(vs->hosts[i], fqdn))
			continue;
		before = vs->matched[i];
		vs->matched[i] += (size_t)n;
		if ((before == 0) != (vs->matched[i] == 0) && vs->source->unit)
			hdl_xl_mark(&xl->graph, vs->source->unit);
	}
}

int hdl_xl_set_claimed(struct hdl_xl *xl, struct hdl_xl_unit *front, const char *fqdn, struct hdl_xl_vs *const *vs,
		       size_t n)
{
	struct hdl_xl_vs **before = front->claimed_by;
	size_t before_n = front->claimed_n;
	struct hdl_xl_vs **copy;

	if (n == before_n && (n == 0 || memcmp(vs, before, n * sizeof(struct hdl_xl_vs *)) == 0))
		return 0;
	copy = n ? hdl_ir_alloc(n, sizeof(struct hdl_xl_vs *)) : NULL;
	if (n && !copy)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		copy[i] = vs[i];
		copy[i]->references++;
		count_matched(xl, copy[i], fqdn, 1);
	}
	for (size_t i = 0; i < before_n; i++) {
		if (before[i]->source)
			count_matched(xl, before[i], fqdn, -1);
		vs_unref(before[i]);
	}
	hdl_ir_free(before);
	front->claimed_by = copy;
	front->claimed_n = n;
	return 0;
}

/* ---- rules ---- */

int hdl_xl_rules_in_force(struct hdl_xl *xl, const struct hdl_xl_claims *claims, size_t from, uint16_t port,
			  size_t *ret_at, const struct hdl_xl_routes **ret_routes)
{
	const struct hdl_xl_routes *routes = NULL;
	size_t i = from;

	for (; i < claims->n; i++) {
		if (hdl_xl_http_routes(xl, claims->v[i], port, NULL, &routes) < 0)
			return -ENOMEM;
		if (routes->n)
			break;
	}
	*ret_at = i;
	*ret_routes = i < claims->n ? routes : NULL;
	return 0;
}

/* What does not act on any port must not go unnoticed. */
void hdl_xl_report_idle_rules(struct hdl_xl *xl, const struct hdl_xl_front *front, const struct hdl_xl_vs *vs)
{
	const char *fqdn = front->ir.fqdn;
	bool http = false, other = false;

	if (!front->ir.address_count && !front->ir.external_address_count)
		hdl_xl_report(xl->diags, HDL_WARNING, vs->res, vs->res->pos, "spec.hosts",
			      "service %s has no address: connections to its pods are left alone, and these rules act "
			      "only on requests for it that come by a port of another service",
			      fqdn);
	for (size_t i = 0; i < front->ir.port_count; i++) {
		enum hdl_ir_protocol p = front->ir.ports[i].protocol;

		if (p == HDL_IR_UDP)
			continue;
		*(p == HDL_IR_HTTP || p == HDL_IR_HTTP2 || p == HDL_IR_GRPC ? &http : &other) = true;
	}
	if (vs->spec->http.n && !http)
		hdl_xl_report(
			xl->diags, HDL_WARNING, vs->res, vs->spec->http.at[0].pos, "spec.http",
			"service %s has no port that is declared http: these rules do not act on it (name the port "
			"http or http-..., or set appProtocol: http)",
			fqdn);
	if (vs->spec->tcp.n && !other)
		hdl_xl_report(xl->diags, HDL_WARNING, vs->res, vs->spec->tcp.at[0].pos, "spec.tcp",
			      "all ports of service %s are declared http: these rules do not act on it", fqdn);
}

/* ---- hosts that no service has ---- */

/* It is the first to claim the host in the mesh, for these clients. */
static bool has_claimed(struct hdl_xl *xl, const struct hdl_xl_vs *vs, size_t host, const struct hdl_xl_scope *scope)
{
	return !vs->repeats[host] && hdl_xl_owner_of_host(xl, scope, vs->hosts[host], HDL_XL_OUTSIDE_PORT) == vs;
}

/* For all, or for those of one of the namespaces that it is for. */
static bool has_claimed_somewhere(struct hdl_xl *xl, const struct hdl_xl_vs *vs, size_t host)
{
	struct hdl_xl_names names = { 0 };

	if (has_claimed(xl, vs, host, NULL))
		return true;
	if (hdl_xl_names_add_exports(xl, &names, vs->res) < 0)
		xl->no_memory = true;
	for (size_t i = 0; i < names.n; i++)
		if (has_claimed(xl, vs, host, &(struct hdl_xl_scope){ .client = { .ns = names.at[i] } }))
			return true;
	return false;
}

/* Whose the host is for the clients that vs is for. */
static const struct hdl_xl_vs *other_owner(struct hdl_xl *xl, const struct hdl_xl_vs *vs, size_t host)
{
	struct hdl_xl_names names = { 0 };

	if (hdl_xl_names_add_exports(xl, &names, vs->res) < 0)
		xl->no_memory = true;
	return hdl_xl_owner_of_host(xl, names.n ? &(struct hdl_xl_scope){ .client = { .ns = names.at[0] } } : NULL,
				    vs->hosts[host], HDL_XL_OUTSIDE_PORT);
}

static void report_claims(struct hdl_xl *xl, const struct hdl_xl_vs *vs)
{
	for (size_t i = 0; i < vs->spec->hosts.n; i++) {
		const struct hdl_xl_vs *first;
		const struct hdl_resource *owner;

		if (vs->repeats[i] || has_claimed_somewhere(xl, vs, i) || xl->no_memory)
			continue;
		first = other_owner(xl, vs, i);
		if (!first) /* exported to nobody */
			continue;
		owner = first->res;
		if (vs->spec->derived && owner->virtual_service->derived) /* those for other clients */
			continue;
		hdl_xl_report(
			xl->diags, HDL_WARNING, vs->res, vs->spec->hosts.at[i].pos, "spec.hosts",
			"host %s is already that of VirtualService %s/%s at %s:%u: the rules here apply only to ports "
			"and clients for which it has none",
			vs->hosts[i], owner->ns, owner->name, owner->file, owner->pos.line);
	}
}

/* Often a host with one dot, which is not completed to a service's name. With a gateway it is what one expects. */
static void report_outside_host(struct hdl_xl *xl, const struct hdl_xl_vs *vs, size_t host)
{
	hdl_xl_report(xl->diags, hdl_xl_is_wildcard(vs->hosts[host]) ? HDL_INFO : HDL_WARNING, vs->res,
		      vs->spec->hosts.at[host].pos, "spec.hosts",
		      "no service is called %s: the rules act only on requests with that Host to port 80 of "
		      "services whose requests are read",
		      vs->hosts[host]);
}

static bool names_gateway(const struct hdl_xl_vs *vs)
{
	for (size_t i = 0; i < vs->spec->gateways.n; i++)
		if (strcmp(vs->spec->gateways.at[i].s, "mesh") != 0)
			return true;
	return false;
}

static bool front_has_domain(struct hdl_xl *xl, const struct hdl_xl_source *part, const char *domain)
{
	const struct hdl_xl_source *service = hdl_xl_service_source(xl, part);
	const struct hdl_xl_front *front = service ? hdl_xl_read_unit(xl, service->front) : NULL;

	for (size_t i = 0; front && i < front->vhost_count; i++)
		for (size_t d = 0;
		     front->vhosts[i].port == HDL_XL_OUTSIDE_PORT && d < front->vhosts[i].ir->domain_count; d++)
			if (strcmp(front->vhosts[i].ir->domains[d], domain) == 0)
				return true;
	return false;
}

static bool cell_has_domain(struct hdl_xl *xl, enum hdl_xl_index index, const char *key, const char *domain)
{
	const struct hdl_xl_cell *cell = hdl_xl_read(xl, index, key);

	for (uint32_t i = 0; cell && i < cell->n; i++)
		if (front_has_domain(xl, hdl_xl_member(cell, i), domain))
			return true;
	return false;
}

/* A service has it, as one of its shorter names (a headless one with a star before) or as an address. */
static bool is_taken(struct hdl_xl *xl, const char *host, const char *domain)
{
	const char *name = strncmp(host, "*.", 2) == 0 ? host + 2 : host, *end = xl->ir_node.domain;

	return cell_has_domain(xl, HDL_XL_SERVICES, name, domain) ||
	       cell_has_domain(xl, HDL_XL_SERVICES, hdl_xl_scratchf(xl, "%s.%s", name, end), domain) ||
	       cell_has_domain(xl, HDL_XL_SERVICES, hdl_xl_scratchf(xl, "%s.svc.%s", name, end), domain) ||
	       cell_has_domain(xl, HDL_XL_BARE_NAMES, hdl_xl_scratchf(xl, "%u %s", HDL_XL_OUTSIDE_PORT, name),
			       domain) ||
	       cell_has_domain(xl, HDL_XL_SERVICE_IPS, host, domain);
}

static int add_outside_host(struct hdl_xl *xl, const struct hdl_xl_vs *vs, size_t host,
			    const struct hdl_xl_scope *scope, struct hdl_xl_vhost *vhosts, size_t *n)
{
	const struct hdl_xl_routes *routes;
	struct hdl_xl_claims claims;
	struct hdl_ir_vhost *vhost;
	size_t in_force;

	if (hdl_xl_claims_of_host(xl, scope, vs->hosts[host], HDL_XL_OUTSIDE_PORT, &claims) < 0 ||
	    hdl_xl_rules_in_force(xl, &claims, 0, HDL_XL_OUTSIDE_PORT, &in_force, &routes) < 0)
		return -ENOMEM;
	if (!routes)
		return 0;
	if (hdl_xl_new_vhost(xl, vs->hosts[host], HDL_XL_OUTSIDE_PORT, 1, &vhost) < 0)
		return -ENOMEM;
	((const char **)vhost->domains)[vhost->domain_count++] = hdl_xl_domain(xl, vs->hosts[host]);
	if (hdl_xl_add_rules(xl, &claims, HDL_XL_OUTSIDE_PORT, NULL, vhost) < 0)
		return -ENOMEM;
	if (in_force == 0)
		vhost->origin = hdl_xl_origin(xl, vs->res, vs->spec->hosts.at[host].pos);
	vhosts[(*n)++] = (struct hdl_xl_vhost){ .ir = vhost, .port = HDL_XL_OUTSIDE_PORT, .place = (uint32_t)host };
	return 0;
}

static bool has_outside_host(const struct hdl_xl_vs *vs)
{
	for (size_t i = 0; i < vs->spec->hosts.n; i++)
		if (!vs->matched[i])
			return true;
	return false;
}

/* scope NULL: for clients without a view. */
static int add_outside_hosts(struct hdl_xl *xl, const struct hdl_xl_vs *vs, const struct hdl_xl_scope *scope,
			     struct hdl_xl_vhost **vhosts, size_t *n)
{
	const struct hdl_xl_client *outer = xl->client;
	int r = 0;

	*vhosts = hdl_arena_calloc(xl->arena, vs->spec->hosts.n, sizeof(**vhosts));
	if (!*vhosts)
		return -ENOMEM;
	xl->client = scope ? &scope->client : NULL;
	for (size_t i = 0; r == 0 && i < vs->spec->hosts.n; i++)
		if (!vs->matched[i] && has_claimed(xl, vs, i, scope) &&
		    !is_taken(xl, vs->hosts[i], hdl_xl_domain(xl, vs->hosts[i])))
			r = add_outside_host(xl, vs, i, scope, *vhosts, n);
	xl->client = outer;
	return r;
}

/* For clients who see it otherwise than others, and for each Sidecar. */
static int make_outside_views(struct hdl_xl *xl, struct hdl_xl_outside *made, const struct hdl_xl_vs *vs)
{
	const struct hdl_xl_scope **scopes;
	struct hdl_xl_names names = { 0 };
	size_t n;

	if (hdl_xl_vs_clients(xl, vs, &names) < 0 || hdl_xl_list_scopes(xl, &names, &scopes, &n) < 0)
		return -ENOMEM;
	made->views = hdl_arena_calloc(xl->arena, n, sizeof(*made->views));
	if (!made->views)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct hdl_xl_front_view *view = &made->views[made->view_count];

		view->scope = hdl_xl_copy_scope(xl, scopes[i]);
		if (!view->scope || add_outside_hosts(xl, vs, view->scope, &view->vhosts, &view->vhost_count) < 0)
			return -ENOMEM;
		made->view_count += view->vhost_count > 0;
	}
	return 0;
}

int hdl_xl_make_outside(struct hdl_xl *xl, struct hdl_xl_unit *unit)
{
	const struct hdl_xl_vs *vs = unit->source->data;
	struct hdl_xl_outside *made = hdl_xl_product_new(xl, sizeof(*made));

	if (!made)
		return -ENOMEM;
	if (!vs->mesh)
		return 0;
	hdl_xl_phase(xl, HDL_XL_PHASE_CLAIMS);
	report_claims(xl, vs);
	hdl_xl_phase(xl, HDL_XL_PHASE_OUTSIDE);
	for (size_t i = 0; !names_gateway(vs) && i < vs->spec->hosts.n; i++)
		if (!vs->matched[i] && has_claimed_somewhere(xl, vs, i))
			report_outside_host(xl, vs, i);
	hdl_xl_phase(xl, HDL_XL_PHASE_MESH_OUTSIDE);
	if (!has_outside_host(vs) || !hdl_xl_read_flag(xl, &xl->outside_port))
		return 0;
	if (add_outside_hosts(xl, vs, NULL, &made->vhosts, &made->vhost_count) < 0)
		return -ENOMEM;
	return make_outside_views(xl, made, vs);
}
