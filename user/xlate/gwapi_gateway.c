/* SPDX-License-Identifier: Apache-2.0 */
/* Gateways of the Gateway API: their listeners, conflicts, conditions, and the Istio Gateways derived of them. */
#include "xlate/gwapi_priv.h"

#include <stdio.h>
#include <string.h>
#include "xlate/priv.h"

/* ---- GatewayClass ---- */

void hdl_gw_classes(struct hdl_gw *g, const struct hdl_resource *res, struct hdl_gwapi_status *status)
{
	const struct hdl_gateway_class *class = res->gateway_class;

	/* the status of another controller's class is not ours to write; its Gateways are served all the same */
	if (strcmp(class->controller_name.s, HDL_GWAPI_CONTROLLER) != 0)
		return;
	if (class->parameters_ref)
		hdl_gw_set(g, &status->conditions, "Accepted", false, "InvalidParameters",
			   "parametersRef is not supported: Heddle has no settings of a class");
	else
		hdl_gw_set(g, &status->conditions, "Accepted", true, "Accepted", "the class is Heddle's");
}

/* ---- one listener ---- */

static const struct {
	const char *name;
	enum hdl_gw_protocol protocol;
	const char *kinds[2];
	size_t kind_count;
	int sort; /* those of one sort can share a port */
} protocols[] = {
	{ "HTTP", HDL_GW_HTTP, { "HTTPRoute", "GRPCRoute" }, 2, 0 },
	{ "HTTPS", HDL_GW_HTTPS, { "HTTPRoute", "GRPCRoute" }, 2, 1 },
	{ "TLS", HDL_GW_TLS, { "TLSRoute", NULL }, 1, 1 },
	{ "TCP", HDL_GW_TCP, { "TCPRoute", NULL }, 1, 2 },
};

#define PROTOCOLS (sizeof(protocols) / sizeof(protocols[0]))

static size_t protocol_of(const struct hdl_gwapi_listener *spec)
{
	size_t i = 0;

	while (i < PROTOCOLS && strcmp(protocols[i].name, spec->protocol.s) != 0)
		i++;
	return i;
}

static bool is_kind_allowed(const struct hdl_gwapi_listener *spec, const char *kind)
{
	const struct hdl_gwapi_allowed_routes *allowed = spec->allowed_routes;

	for (size_t i = 0; allowed && i < allowed->kinds.n; i++)
		if (!strcmp(allowed->kinds.at[i].kind.s, kind) &&
		    !strcmp(hdl_gwapi_text(&allowed->kinds.at[i].group, HDL_GWAPI_GROUP), HDL_GWAPI_GROUP))
			return true;
	return !allowed || !allowed->kinds.n;
}

static void set_kinds(struct hdl_gw *g, struct hdl_gw_listener *l, size_t protocol)
{
	const struct hdl_gwapi_allowed_routes *allowed = l->spec->allowed_routes;
	struct hdl_gwapi_listener_status *status = l->status;
	size_t known = 0;

	for (size_t i = 0; i < protocols[protocol].kind_count; i++) {
		const char *kind = protocols[protocol].kinds[i];

		if (!is_kind_allowed(l->spec, kind))
			continue;
		status->kinds[status->kind_count++] = kind;
		known++;
	}
	if (allowed && allowed->kinds.n > known)
		hdl_gw_set(g, &status->conditions, "ResolvedRefs", false, "InvalidRouteKinds",
			   "allowedRoutes.kinds names kinds that a listener of protocol %s does not support",
			   l->spec->protocol.s);
}

static void check_certificates(struct hdl_gw *g, struct hdl_gw_listener *l)
{
	const struct hdl_gwapi_listener_tls *tls = l->spec->tls;
	const struct hdl_resource *res = l->gateway->res;

	for (size_t i = 0; tls && i < tls->certificate_refs.n; i++) {
		const struct hdl_gwapi_ref *ref = &tls->certificate_refs.at[i];
		const char *kind = hdl_gwapi_text(&ref->kind, "Secret"), *ns = hdl_gwapi_text(&ref->ns, res->ns);
		const struct hdl_resource *secret = hdl_gw_find(g, "Secret", ns, ref->name.s);
		struct hdl_gwapi_conditions *c = &l->status->conditions;

		if (*hdl_gwapi_text(&ref->group, "") || strcmp(kind, "Secret") != 0)
			hdl_gw_set(g, c, "ResolvedRefs", false, "InvalidCertificateRef",
				   "certificateRefs[%zu] is of kind %s: only Secret is supported", i, kind);
		else if (!hdl_gw_granted(g, "Gateway", res->ns, "", "Secret", ns, ref->name.s))
			hdl_gw_set(g, c, "ResolvedRefs", false, "RefNotPermitted",
				   "no ReferenceGrant in namespace %s lets Gateways of namespace %s refer to Secret %s",
				   ns, res->ns, ref->name.s);
		else if (!secret)
			hdl_gw_set(g, c, "ResolvedRefs", false, "InvalidCertificateRef", "there is no Secret %s/%s", ns,
				   ref->name.s);
		else if (!hdl_secret_get(secret->secret, "tls.crt").p || !hdl_secret_get(secret->secret, "tls.key").p)
			hdl_gw_set(g, c, "ResolvedRefs", false, "InvalidCertificateRef",
				   "Secret %s/%s has not both of tls.crt and tls.key", ns, ref->name.s);
	}
}

static void add_listener(struct hdl_gw *g, struct hdl_gw_gateway *gateway, size_t i)
{
	struct hdl_gw_listener *l = &gateway->listeners[i];
	const struct hdl_gwapi_listener *spec = &gateway->spec->listeners.at[i];
	size_t protocol = protocol_of(spec);

	*l = (struct hdl_gw_listener){
		.spec = spec,
		.gateway = gateway,
		.hostname = spec->hostname.s && *spec->hostname.s ? spec->hostname.s : "*",
		.name = hdl_gw_text(g, "%s~%s", gateway->res->name, spec->name.s),
		.status = &gateway->status->listeners[i],
	};
	l->status->name = spec->name.s;
	if (protocol == PROTOCOLS) {
		hdl_gw_set(g, &l->status->conditions, "Accepted", false, "UnsupportedProtocol",
			   "protocol %s is not supported: HTTP, HTTPS, TLS and TCP are known", spec->protocol.s);
		return;
	}
	l->protocol = protocols[protocol].protocol;
	l->taken = true;
	set_kinds(g, l, protocol);
	check_certificates(g, l);
}

/* ---- conflicts ---- */

static void conflict(struct hdl_gw *g, struct hdl_gw_listener *l, const char *reason,
		     const struct hdl_gw_listener *other)
{
	const char *message =
		hdl_gw_text(g, "port %lld is used by listener %s with %s", (long long)l->spec->port.value,
			    other->spec->name.s,
			    !strcmp(reason, "HostnameConflict") ? "the same hostname" : "another protocol");

	l->taken = false;
	hdl_gw_set(g, &l->status->conditions, "Conflicted", true, reason, "%s", message);
	hdl_gw_set(g, &l->status->conditions, "Accepted", false, reason, "%s", message);
}

static void check_conflicts(struct hdl_gw *g, struct hdl_gw_gateway *gateway)
{
	for (size_t i = 0; i < gateway->n; i++)
		for (size_t j = 0; j < gateway->n; j++) {
			struct hdl_gw_listener *a = &gateway->listeners[i], *b = &gateway->listeners[j];

			if (i == j || !a->protocol || !b->protocol || a->spec->port.value != b->spec->port.value)
				continue;
			if (protocols[protocol_of(a->spec)].sort != protocols[protocol_of(b->spec)].sort)
				conflict(g, a, "ProtocolConflict", b);
			else if (!strcmp(a->hostname, b->hostname))
				conflict(g, a, "HostnameConflict", b);
		}
}

/* All Gateways share the addresses of the node: of two with one host on one port the older one has it. */
static void claim_port(struct hdl_gw *g, struct hdl_gw_listener *l, const char *bind)
{
	const char *key = hdl_gw_text(g, "%lld %s %s", (long long)l->spec->port.value, bind, l->hostname);
	const struct hdl_resource *owner = hdl_xl_map_get(&g->ports, key);

	if (owner && owner != l->gateway->res) {
		l->taken = false;
		hdl_gw_set(g, &l->status->conditions, "Accepted", false, "PortUnavailable",
			   "hostname %s of port %lld is that of Gateway %s/%s on this node", l->hostname,
			   (long long)l->spec->port.value, owner->ns, owner->name);
	} else if (hdl_xl_map_put(&g->ports, g->arena, key, (void *)l->gateway->res) < 0) {
		g->no_memory = true;
	}
}

static void claim_ports(struct hdl_gw *g, struct hdl_gw_gateway *gateway)
{
	for (size_t i = 0; i < gateway->n; i++) {
		struct hdl_gw_listener *l = &gateway->listeners[i];

		for (size_t b = 0; l->taken && gateway->on_node && gateway->usable && b < gateway->binds.n; b++)
			claim_port(g, l, gateway->binds.at[b].s);
		if (l->taken && gateway->on_node && gateway->usable && !gateway->binds.n)
			claim_port(g, l, "");
	}
}

/* ---- the Gateway itself ---- */

static bool is_on_node(const struct hdl_gw *g, const struct hdl_resource *res)
{
	const struct hdl_texts *list = g->node_config ? &g->node_config->node_config->gateways : NULL;
	char full[600];

	if (!list || !list->at)
		return true;
	snprintf(full, sizeof(full), "%s/%s", res->ns, res->name);
	for (size_t i = 0; i < list->n; i++)
		if (!strcmp(list->at[i].s, full) || !strcmp(list->at[i].s, res->name))
			return true;
	return false;
}

static void check_addresses(struct hdl_gw *g, struct hdl_gw_gateway *gateway)
{
	const struct hdl_kube_gateway *spec = gateway->spec;

	gateway->binds.at = hdl_gw_take(g, spec->addresses.n, sizeof(*gateway->binds.at));
	for (size_t i = 0; gateway->binds.at && i < spec->addresses.n; i++) {
		const struct hdl_gwapi_address *a = &spec->addresses.at[i];
		const char *type = hdl_gwapi_text(&a->type, "IPAddress");

		if (strcmp(type, "IPAddress") != 0) {
			gateway->usable = false;
			hdl_gw_set(g, &gateway->status->conditions, "Accepted", false, "UnsupportedAddress",
				   "addresses[%zu] is of type %s: only IPAddress is supported", i, type);
		} else if (a->value.s && *a->value.s) {
			gateway->binds.at[gateway->binds.n++] = a->value;
		}
	}
}

/* Istio's users keep settings of the Deployment in a ConfigMap; nothing is deployed here, so they ask for nothing. */
static void check_parameters(struct hdl_gw *g, struct hdl_gw_gateway *gateway)
{
	const struct hdl_gwapi_infrastructure *infrastructure = gateway->spec->infrastructure;
	const struct hdl_gwapi_ref *ref = infrastructure ? infrastructure->parameters_ref : NULL;

	if (!ref || (!*hdl_gwapi_text(&ref->group, "") && !strcmp(ref->kind.s, "ConfigMap") &&
		     hdl_gw_find(g, "ConfigMap", gateway->res->ns, ref->name.s)))
		return;
	gateway->usable = false;
	hdl_gw_set(g, &gateway->status->conditions, "Accepted", false, "InvalidParameters",
		   "infrastructure.parametersRef: there is no %s %s that Heddle knows", ref->kind.s, ref->name.s);
}

static void add_gateway(struct hdl_gw *g, struct hdl_gw_gateway *gateway)
{
	struct hdl_gwapi_status *status = gateway->status;

	gateway->n = gateway->spec->listeners.n;
	gateway->listeners = hdl_gw_take(g, gateway->n, sizeof(*gateway->listeners));
	status->listeners = hdl_gw_take(g, gateway->n, sizeof(*status->listeners));
	if (!gateway->listeners || !status->listeners)
		return;
	status->listener_count = gateway->n;
	gateway->on_node = is_on_node(g, gateway->res);
	gateway->usable = true;
	check_addresses(g, gateway);
	check_parameters(g, gateway);
	for (size_t i = 0; i < gateway->n; i++)
		add_listener(g, gateway, i);
	check_conflicts(g, gateway);
	claim_ports(g, gateway);
	if (hdl_xl_map_put(&g->gateways, g->arena, hdl_gw_text(g, "%s/%s", gateway->res->ns, gateway->res->name),
			   gateway) < 0)
		g->no_memory = true;
}

void hdl_gw_gateways(struct hdl_gw *g)
{
	size_t n = 0;

	for (size_t i = 0; i < g->statuses.n; i++)
		n += g->statuses.at[i].res->kind == HDL_KIND_KUBE_GATEWAY;
	g->gateway = hdl_gw_take(g, n, sizeof(*g->gateway));
	for (size_t i = 0; i < g->statuses.n && !g->no_memory; i++) {
		struct hdl_gwapi_status *status = &g->statuses.at[i];
		struct hdl_gw_gateway *gateway = &g->gateway[g->gateway_count];

		if (status->res->kind != HDL_KIND_KUBE_GATEWAY)
			continue;
		*gateway = (struct hdl_gw_gateway){ .res = status->res,
						    .spec = status->res->kube_gateway,
						    .status = status };
		g->gateway_count++;
		add_gateway(g, gateway);
	}
}

/* ---- the end ---- */

const char *hdl_gw_full_host(struct hdl_gw *g, const char *host)
{
	return strchr(host, '.') || !strcmp(host, "*") ? host : hdl_gw_text(g, "%s.", host);
}

/* What the data plane cannot do for a listener; NULL: nothing. */
static const char *not_served(const struct hdl_gw_listener *l)
{
	if (!l->gateway->on_node)
		return "NodeConfig gateways does not list the Gateway, so this node does not serve it";
	switch (l->protocol) {
	case HDL_GW_HTTPS:
	case HDL_GW_TLS:
		return "TLS listeners are not served yet";
	case HDL_GW_TCP:
		return "TCP listeners are not served yet";
	default:
		return NULL;
	}
}

static void finish_listener(struct hdl_gw *g, struct hdl_gw_listener *l)
{
	struct hdl_gwapi_conditions *c = &l->status->conditions;
	const struct hdl_gwapi_condition *resolved = hdl_gw_condition(c, "ResolvedRefs");
	bool certificate = resolved && strcmp(resolved->reason, "InvalidRouteKinds") != 0;
	const char *why = not_served(l);

	if (l->taken)
		hdl_gw_set(g, c, "Accepted", true, "Accepted", "the listener is accepted");
	if (!hdl_gw_condition(c, "Conflicted"))
		hdl_gw_set(g, c, "Conflicted", false, "NoConflicts", "no other listener has its port and hostname");
	if (!resolved)
		hdl_gw_set(g, c, "ResolvedRefs", true, "ResolvedRefs", "all references are resolved");
	l->served = l->taken && !certificate && !why && l->gateway->usable;
	if (l->served)
		hdl_gw_set(g, c, "Programmed", true, "Programmed", "the node listens");
	else
		hdl_gw_set(g, c, "Programmed", false, "Invalid", "%s",
			   !l->taken           ? "the listener is not accepted" :
			   certificate         ? "a reference is not resolved" :
			   !l->gateway->usable ? "the Gateway is not accepted" :
						 why);
	if (!l->served && l->gateway->on_node)
		hdl_gw_warn(g, l->gateway->res, l->spec->pos, "spec.listeners", "listener %s is not served: %s",
			    l->spec->name.s,
			    !l->taken           ? hdl_gw_condition(c, "Accepted")->message :
			    certificate         ? resolved->message :
			    !l->gateway->usable ? "the Gateway is not accepted" :
						  why);
}

static void set_server(struct hdl_gw *g, const struct hdl_gw_listener *l, const struct hdl_text *bind,
		       struct hdl_gw_server *server)
{
	struct hdl_gw_port *port = hdl_gw_take(g, 1, sizeof(*port));
	struct hdl_text *host = hdl_gw_take(g, 1, sizeof(*host));

	if (!port || !host)
		return;
	port->pos = l->spec->pos;
	port->number = l->spec->port;
	port->protocol = l->spec->protocol;
	port->name = l->spec->name;
	port->protocol_value = l->protocol;
	*host = (struct hdl_text){ hdl_gw_text(g, "*/%s", hdl_gw_full_host(g, l->hostname)), l->spec->hostname.pos };
	*server = (struct hdl_gw_server){
		.pos = l->spec->pos,
		.port = port,
		.hosts = { host, 1 },
		.name = l->spec->name,
		.unserved = !l->served,
	};
	if (bind)
		server->bind = *bind;
}

/* One Istio Gateway for each listener, so that routes bind to listeners. */
static void derive_gateway(struct hdl_gw *g, const struct hdl_gw_listener *l)
{
	const struct hdl_texts *binds = &l->gateway->binds;
	size_t servers = binds->n ? binds->n : 1;
	struct hdl_gateway *spec = hdl_gw_take(g, 1, sizeof(*spec));
	struct hdl_resource *res = hdl_gw_take(g, 1, sizeof(*res));

	if (!spec || !res)
		return;
	spec->pos = l->spec->pos;
	spec->servers.at = hdl_gw_take(g, servers, sizeof(*spec->servers.at));
	spec->servers.n = servers;
	for (size_t i = 0; spec->servers.at && i < servers; i++)
		set_server(g, l, binds->n ? &binds->at[i] : NULL, &spec->servers.at[i]);
	*res = *l->gateway->res;
	res->kind = HDL_KIND_GATEWAY;
	res->name = l->name;
	res->derived_from = l->gateway->res;
	res->gateway = spec;
	hdl_gw_append(g, res);
}

static void finish_gateway(struct hdl_gw *g, struct hdl_gw_gateway *gateway)
{
	struct hdl_gwapi_conditions *c = &gateway->status->conditions;
	size_t taken = 0, served = 0;

	for (size_t i = 0; i < gateway->n; i++) {
		struct hdl_gw_listener *l = &gateway->listeners[i];

		finish_listener(g, l);
		taken += l->taken;
		served += l->served;
		if (l->protocol)
			derive_gateway(g, l);
	}
	if (taken < gateway->n)
		hdl_gw_set(g, c, "Accepted", taken > 0, "ListenersNotValid", "%zu of %zu listeners are not valid",
			   gateway->n - taken, gateway->n);
	else
		hdl_gw_set(g, c, "Accepted", true, "Accepted", "the Gateway is accepted");
	if (served)
		hdl_gw_set(g, c, "Programmed", true, "Programmed", "%zu of %zu listeners are served by this node",
			   served, gateway->n);
	else
		hdl_gw_set(g, c, "Programmed", false, gateway->on_node ? "Invalid" : "Pending",
			   "no listener is served%s",
			   gateway->on_node ? "" : ": NodeConfig gateways does not list the Gateway");
}

/*
 * F.2: a request belongs to the listener with the most specific hostname alone, also when no route of it is for the
 * request: without a virtual host of its own the next listener would take it.
 */
static void isolate(struct hdl_gw *g, const struct hdl_gw_gateway *gateway)
{
	for (size_t i = 0; i < gateway->n; i++)
		for (size_t j = 0; j < gateway->n; j++) {
			const struct hdl_gw_listener *l = &gateway->listeners[i], *other = &gateway->listeners[j];

			if (i != j && l->protocol == HDL_GW_HTTP && l->taken && other->protocol == HDL_GW_HTTP &&
			    other->taken && l->spec->port.value == other->spec->port.value &&
			    hdl_xl_host_covers(other->hostname, l->hostname))
				hdl_gw_group_of(g, l, NULL, NULL, l->hostname, gateway->res);
		}
}

void hdl_gw_finish_gateways(struct hdl_gw *g)
{
	for (size_t i = 0; i < g->gateway_count && !g->no_memory; i++)
		isolate(g, &g->gateway[i]);
	for (size_t i = 0; i < g->gateway_count && !g->no_memory; i++)
		finish_gateway(g, &g->gateway[i]);
}
