/* SPDX-License-Identifier: Apache-2.0 */
/* Routes and their parents: which listeners and services they attach to, and their conditions (F.2, F.6, F.7). */
#include "xlate/gwapi_priv.h"

#include <stdio.h>
#include <string.h>
#include "xlate/priv.h"

#define NAMESPACE_NAME "kubernetes.io/metadata.name" /* label that every Namespace has */

#define NO_HTTP2 "HTTP/2, which gRPC needs, is not spoken yet: the rules act on requests of HTTP/1.1 only"

struct route {
	struct hdl_gw *g;
	const struct hdl_resource *res;
	const struct hdl_gwapi_route *spec;
	const char *kind;
	struct hdl_gw_rule *rules;
	size_t n;
};

/* How far the attachment to the listeners of a Gateway came. */
enum progress { NO_PARENT, NOT_ALLOWED, NO_HOSTNAME, ATTACHED };

static bool is_http(const struct route *r)
{
	return r->res->kind == HDL_KIND_HTTP_ROUTE || r->res->kind == HDL_KIND_GRPC_ROUTE;
}

/* ---- layer 4 ---- */

static void add_l4(const struct route *r, struct hdl_gw_group *group, uint16_t port, const char *sni)
{
	for (size_t i = 0; group && i < r->spec->rules.n; i++) {
		struct hdl_vs_l4_match *match = hdl_gw_take(r->g, 1, sizeof(*match));
		struct hdl_vs_l4_route l4, *to;

		if (!match || !hdl_gw_l4_rule(r->g, r->res, &r->spec->rules.at[i], &l4))
			continue;
		match->pos = l4.pos;
		if (port)
			match->port = (struct hdl_opt_int){ true, port, l4.pos };
		if (sni) {
			match->sni_hosts.at = hdl_gw_take(r->g, 1, sizeof(*match->sni_hosts.at));
			if (!match->sni_hosts.at)
				return;
			*match->sni_hosts.at = (struct hdl_text){ sni, l4.pos };
			match->sni_hosts.n = 1;
		}
		if (port || sni) {
			l4.match.at = match;
			l4.match.n = 1;
		}
		to = sni ? hdl_gw_grow(r->g, (void **)&group->tls, &group->tls_n, &group->tls_capacity, sizeof(*to)) :
			   hdl_gw_grow(r->g, (void **)&group->tcp, &group->tcp_n, &group->tcp_capacity, sizeof(*to));
		if (to)
			*to = l4;
	}
}

/* ---- Gateways ---- */

/* Labels of a namespace, which need not be among the files. */
static bool namespace_selected(const struct route *r, const struct hdl_gwapi_selector *selector)
{
	const struct hdl_resource *ns = hdl_gw_find(r->g, "Namespace", "", r->res->ns);
	size_t n = ns ? ns->labels.n : 0;
	struct hdl_kvs labels = { hdl_gw_take(r->g, n + 1, sizeof(*labels.at)), n };

	if (!labels.at)
		return false;
	if (n)
		memcpy(labels.at, ns->labels.at, n * sizeof(*labels.at));
	if (!hdl_kvs_get(&labels, NAMESPACE_NAME))
		labels.at[labels.n++] = (struct hdl_kv){ .key = NAMESPACE_NAME, .value = r->res->ns };
	return hdl_gw_selects(selector, &labels);
}

static bool is_allowed(const struct route *r, const struct hdl_gw_listener *l)
{
	const struct hdl_gwapi_allowed_routes *allowed = l->spec->allowed_routes;
	const struct hdl_gwapi_namespaces *namespaces = allowed ? allowed->namespaces : NULL;
	bool kind = false;

	for (size_t i = 0; i < l->status->kind_count; i++)
		kind |= !strcmp(l->status->kinds[i], r->kind);
	if (!kind)
		return false;
	switch (namespaces ? namespaces->from.value : HDL_GWAPI_FROM_SAME) {
	case HDL_GWAPI_FROM_ALL:
		return true;
	case HDL_GWAPI_FROM_SELECTOR:
		return namespace_selected(r, namespaces->selector);
	case HDL_GWAPI_FROM_NONE:
		return false;
	default:
		return !strcmp(r->res->ns, l->gateway->res->ns);
	}
}

/* Another listener of the port has a hostname that is more specific and covers the host: the requests are its own. */
static bool is_of_other(const struct hdl_gw_listener *l, const char *host)
{
	for (size_t i = 0; i < l->gateway->n; i++) {
		const struct hdl_gw_listener *other = &l->gateway->listeners[i];

		if (other != l && other->taken && other->spec->port.value == l->spec->port.value &&
		    strlen(other->hostname) > strlen(l->hostname) && hdl_xl_host_covers(other->hostname, host))
			return true;
	}
	return false;
}

static void attach_host(const struct route *r, const struct hdl_gw_listener *l, const char *host)
{
	struct hdl_gw_group *group;

	if (!l->taken || is_of_other(l, host))
		return;
	group = hdl_gw_group_of(r->g, l, NULL, NULL, host, r->res);
	if (!group)
		return;
	if (is_http(r))
		hdl_gw_group_add(r->g, group, r->rules, r->n, 0);
	else
		add_l4(r, group, 0, r->res->kind == HDL_KIND_TLS_ROUTE ? host : NULL);
}

/* Returns whether a request can be for both. */
static bool attach(const struct route *r, const struct hdl_gw_listener *l)
{
	const struct hdl_texts *hosts = &r->spec->hostnames;
	bool any = hosts->n == 0;

	if (any)
		attach_host(r, l, l->hostname);
	for (size_t i = 0; i < hosts->n; i++) {
		const char *host = hosts->at[i].s;
		const char *both = hdl_xl_host_covers(l->hostname, host) ? host :
				   hdl_xl_host_covers(host, l->hostname) ? l->hostname :
									   NULL;
		bool repeated = false;

		for (size_t j = 0; both && j < i; j++)
			repeated |= !strcmp(hosts->at[j].s, host) ||
				    (both == l->hostname && hdl_xl_host_covers(hosts->at[j].s, l->hostname));
		if (both && !repeated)
			attach_host(r, l, both);
		any |= both != NULL;
	}
	return any;
}

static enum progress attach_gateway(const struct route *r, const struct hdl_gwapi_ref *ref,
				    const struct hdl_gw_gateway *gateway, uint64_t *attached_to)
{
	enum progress progress = NO_PARENT;

	for (size_t i = 0; i < gateway->n; i++) {
		const struct hdl_gw_listener *l = &gateway->listeners[i];
		enum progress here = NOT_ALLOWED;

		if ((ref->section_name.s && strcmp(ref->section_name.s, l->spec->name.s) != 0) ||
		    (ref->port.has && ref->port.value != l->spec->port.value))
			continue;
		if (is_allowed(r, l)) {
			/* two references to one Gateway are one attachment */
			bool again = *attached_to >> i & 1;

			here = again || attach(r, l) ? ATTACHED : NO_HOSTNAME;
			if (here == ATTACHED && !again)
				l->status->attached++;
			if (here == ATTACHED)
				*attached_to |= 1ull << i;
		}
		progress = here > progress ? here : progress;
	}
	return progress;
}

/* Bits of the listeners that an earlier parentRef of the route already reached. */
static uint64_t *reached(const struct route *r, size_t parent, uint64_t *bits)
{
	const struct hdl_gwapi_ref *ref = &r->spec->parent_refs.at[parent];

	for (size_t i = 0; i < parent; i++) {
		const struct hdl_gwapi_ref *other = &r->spec->parent_refs.at[i];

		if (!strcmp(ref->name.s, other->name.s) &&
		    !strcmp(hdl_gwapi_text(&ref->ns, r->res->ns), hdl_gwapi_text(&other->ns, r->res->ns)) &&
		    !strcmp(hdl_gwapi_text(&ref->kind, "Gateway"), hdl_gwapi_text(&other->kind, "Gateway")))
			return &bits[i];
	}
	return &bits[parent];
}

static void gateway_parent(const struct route *r, size_t parent, uint64_t *bits, struct hdl_gwapi_conditions *c)
{
	const struct hdl_gwapi_ref *ref = &r->spec->parent_refs.at[parent];
	const char *ns = hdl_gwapi_text(&ref->ns, r->res->ns);
	const struct hdl_gw_gateway *gateway =
		hdl_xl_map_get(&r->g->gateways, hdl_gw_text(r->g, "%s/%s", ns, ref->name.s));

	if (!gateway) {
		hdl_gw_set(r->g, c, "Accepted", false, "NoMatchingParent", "there is no Gateway %s/%s", ns,
			   ref->name.s);
		return;
	}
	switch (attach_gateway(r, ref, gateway, reached(r, parent, bits))) {
	case NO_PARENT:
		hdl_gw_set(r->g, c, "Accepted", false, "NoMatchingParent",
			   "no listener of Gateway %s/%s has the sectionName and port of the parentRef", ns,
			   ref->name.s);
		return;
	case NOT_ALLOWED:
		hdl_gw_set(r->g, c, "Accepted", false, "NotAllowedByListeners",
			   "no listener of Gateway %s/%s allows %ss of namespace %s", ns, ref->name.s, r->kind,
			   r->res->ns);
		return;
	case NO_HOSTNAME:
		hdl_gw_set(r->g, c, "Accepted", false, "NoMatchingListenerHostname",
			   "no hostname of the route is within that of a listener of Gateway %s/%s", ns, ref->name.s);
		return;
	case ATTACHED:
		return;
	}
}

/* ---- Services: the mesh ---- */

/* Of a Service or a ServiceEntry. */
static bool has_port(const struct hdl_resource *parent, int64_t port)
{
	bool entry = parent->kind == HDL_KIND_SERVICE_ENTRY;
	size_t n = entry ? parent->service_entry->ports.n : parent->service->ports.n;

	for (size_t i = 0; i < n; i++)
		if ((entry ? parent->service_entry->ports.at[i].number : parent->service->ports.at[i].port).value ==
		    port)
			return true;
	return false;
}

/* F.7: of routes of different kinds on one port the kind of the oldest counts. */
static const struct hdl_resource *other_kind(const struct route *r, const struct hdl_gw_group *group, uint16_t port)
{
	for (size_t i = 0; i < group->n; i++) {
		const struct hdl_vs_http *http = &group->rules[i].http;
		int64_t taken = http->match.at->port.value;

		if (http->source->kind != r->res->kind && (!taken || !port || taken == port))
			return http->source;
	}
	return NULL;
}

static void mesh_http(const struct route *r, struct hdl_gw_group *group, uint16_t port, struct hdl_gwapi_conditions *c)
{
	const struct hdl_resource *other = other_kind(r, group, port);

	if (other)
		hdl_gw_set(r->g, c, "Accepted", false, "UnsupportedValue",
			   "%s %s/%s is older and for the same service and port: routes of one kind only can be",
			   hdl_kind_name(other->kind), other->ns, other->name);
	else
		hdl_gw_group_add(r->g, group, r->rules, r->n, port);
}

static void mesh_host(const struct route *r, const struct hdl_gwapi_ref *ref, const struct hdl_resource *parent,
		      const char *client_ns, const char *host, struct hdl_gwapi_conditions *c)
{
	struct hdl_gw_group *group = hdl_gw_group_of(r->g, NULL, parent, client_ns, host, r->res);

	if (group && is_http(r))
		mesh_http(r, group, (uint16_t)ref->port.value, c);
	else
		add_l4(r, group, (uint16_t)ref->port.value, NULL);
}

/* kind: Service, or Istio's ServiceEntry. */
static void mesh_parent(const struct route *r, const struct hdl_gwapi_ref *ref, const char *kind,
			struct hdl_gwapi_conditions *c)
{
	const char *ns = hdl_gwapi_text(&ref->ns, r->res->ns);
	const struct hdl_resource *parent = hdl_gw_find(r->g, kind, ns, ref->name.s);
	const char *client_ns = strcmp(ns, r->res->ns) != 0 ? r->res->ns : NULL;

	if (!parent || (ref->port.has && !has_port(parent, ref->port.value))) {
		hdl_gw_set(r->g, c, "Accepted", false, "NoMatchingParent", "there is no %s %s/%s%s", kind, ns,
			   ref->name.s, parent ? " with that port" : "");
		return;
	}
	if (!is_http(r) && (r->res->kind != HDL_KIND_TCP_ROUTE || client_ns)) {
		hdl_gw_set(r->g, c, "Accepted", false, "UnsupportedValue", "%s for a %s%s is not supported", r->kind,
			   kind, r->res->kind == HDL_KIND_TCP_ROUTE ? " of another namespace" : "");
		return;
	}
	if (parent->kind == HDL_KIND_SERVICE)
		mesh_host(r, ref, parent, client_ns, parent->name, c);
	for (size_t i = 0; parent->kind == HDL_KIND_SERVICE_ENTRY && i < parent->service_entry->hosts.n; i++)
		mesh_host(r, ref, parent, client_ns, parent->service_entry->hosts.at[i].s, c);
}

/* ---- conditions ---- */

static void check_backend(const struct route *r, const struct hdl_gwapi_ref *ref, size_t rule, const char *what,
			  const char **reason, const char **message)
{
	const char *text = NULL, *fault = hdl_gw_backend_fault(r->g, r->res, ref, &text);
	char field[64];

	if (!fault)
		return;
	snprintf(field, sizeof(field), "spec.rules[%zu].%s", rule, what);
	hdl_gw_warn(r->g, r->res, ref->pos, field, "%s (%s): %s", text, fault,
		    strcmp(what, "backendRefs") ? "nothing is mirrored to it" :
		    is_http(r)                  ? "its share of the requests is answered with 500" :
						  "its share of the connections is refused");
	if (!*reason) {
		*reason = fault;
		*message = text;
	}
}

static void check_backends(const struct route *r, const char **reason, const char **message)
{
	for (size_t i = 0; i < r->spec->rules.n; i++) {
		const struct hdl_gwapi_rule *rule = &r->spec->rules.at[i];

		for (size_t k = 0; k < rule->backends.n; k++)
			check_backend(r, &rule->backends.at[k].ref, i, "backendRefs", reason, message);
		for (size_t k = 0; k < rule->filters.n; k++)
			if (rule->filters.at[k].mirror)
				check_backend(r, rule->filters.at[k].mirror->backend_ref, i, "filters", reason,
					      message);
	}
}

/* F.4: a rule that cannot be carried out as a whole is not applied in part. */
static size_t check_rules(const struct route *r, const char **message)
{
	size_t faults = 0;

	for (size_t i = 0; i < r->spec->rules.n; i++) {
		const char *fault = hdl_gw_rule_fault(&r->spec->rules.at[i]);
		char field[64];

		if (!fault)
			continue;
		snprintf(field, sizeof(field), "spec.rules[%zu]", i);
		hdl_gw_warn(r->g, r->res, r->spec->rules.at[i].pos, field, "%s: the rule answers 500", fault);
		faults++;
		*message = hdl_gw_text(r->g, "rules[%zu]: %s, so the rule answers 500", i, fault);
	}
	return faults;
}

static void set_parents(const struct route *r, struct hdl_gwapi_status *status)
{
	uint64_t *bits = hdl_gw_take(r->g, r->spec->parent_refs.n, sizeof(*bits));

	for (size_t i = 0; bits && i < r->spec->parent_refs.n; i++) {
		const struct hdl_gwapi_ref *ref = &r->spec->parent_refs.at[i];
		const char *group = hdl_gwapi_text(&ref->group, HDL_GWAPI_GROUP);
		const char *kind = hdl_gwapi_text(&ref->kind, "Gateway");
		struct hdl_gwapi_conditions *c = &status->parents[i].conditions;

		status->parents[i].ref = ref;
		if (!strcmp(group, HDL_GWAPI_GROUP) && !strcmp(kind, "Gateway"))
			gateway_parent(r, i, bits, c);
		else if (!*group && !strcmp(kind, "Service"))
			mesh_parent(r, ref, kind, c);
		else if (!strcmp(group, "networking.istio.io") && !strcmp(kind, "ServiceEntry"))
			mesh_parent(r, ref, kind, c);
		else
			hdl_gw_set(r->g, c, "Accepted", false, "NoMatchingParent",
				   "parents of kind %s%s%s are not supported: Gateway, Service and ServiceEntry are",
				   group, *group ? "/" : "", kind);
	}
}

static void finish_parent(const struct route *r, struct hdl_gwapi_parent_status *parent, const char *reason,
			  const char *message, size_t faults, const char *fault)
{
	struct hdl_gwapi_conditions *c = &parent->conditions;
	const struct hdl_gwapi_condition *refused = hdl_gw_condition(c, "Accepted");

	if (refused)
		hdl_gw_warn(r->g, r->res, parent->ref->pos, "spec.parentRefs", "%s (%s): the route is not used there",
			    refused->message, refused->reason);
	else if (faults && faults == r->spec->rules.n)
		hdl_gw_set(r->g, c, "Accepted", false, "UnsupportedValue", "%s", fault);
	else
		hdl_gw_set(r->g, c, "Accepted", true, "Accepted", "the route is accepted");
	if (reason)
		hdl_gw_set(r->g, c, "ResolvedRefs", false, reason, "%s", message);
	else if (r->res->kind == HDL_KIND_GRPC_ROUTE)
		hdl_gw_set(r->g, c, "ResolvedRefs", false, "UnsupportedProtocol", NO_HTTP2);
	else
		hdl_gw_set(r->g, c, "ResolvedRefs", true, "ResolvedRefs", "all references are resolved");
	if (faults && faults < r->spec->rules.n)
		hdl_gw_set(r->g, c, "PartiallyInvalid", true, "UnsupportedValue", "%s", fault);
}

void hdl_gw_route(struct hdl_gw *g, const struct hdl_resource *res, size_t order, struct hdl_gwapi_status *status)
{
	struct route r = { .g = g, .res = res, .spec = res->route, .kind = hdl_gw_route_kind(res->kind) };
	const char *reason = NULL, *message = NULL, *fault = NULL;
	size_t faults;

	status->parents = hdl_gw_take(g, r.spec->parent_refs.n, sizeof(*status->parents));
	if (!status->parents)
		return;
	status->parent_count = r.spec->parent_refs.n;
	if (is_http(&r))
		r.rules = hdl_gw_rules(g, res, order, &r.n);
	if (g->no_memory)
		return;
	set_parents(&r, status);
	check_backends(&r, &reason, &message);
	faults = check_rules(&r, &fault);
	for (size_t i = 0; i < status->parent_count && !g->no_memory; i++)
		finish_parent(&r, &status->parents[i], reason, message, faults, fault);
	if (res->kind == HDL_KIND_GRPC_ROUTE)
		hdl_gw_warn(g, res, res->pos, NULL, NO_HTTP2);
}
