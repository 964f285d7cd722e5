/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Labels of the service ports (promise P5): layer 4 unless a rule needs requests; and the route of layer 4, which a
 * request port has too, for when no worker lives.
 */
#include "xlate/priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct verdict {
	bool request;
	const char *reason;
	struct hdl_ir_origin origin;
};

static bool takes_requests(enum hdl_ir_protocol protocol)
{
	return protocol == HDL_IR_HTTP || protocol == HDL_IR_HTTP2 || protocol == HDL_IR_GRPC;
}

static const char *what_block_reads(const struct hdl_ir_http_match *m)
{
	return m->uri.kind && !hdl_xl_is_any_path(&m->uri) ? "the uri" :
	       m->header_count                             ? "a header" :
	       m->method.kind                              ? "the method" :
	       m->query_count                              ? "a query parameter" :
	       m->authority.kind                           ? "the authority" :
	       m->scheme.kind                              ? "the scheme" :
	       m->without_header_count                     ? "the absence of a header" :
	       m->source_labels.n                          ? "the client's labels" :
							     "the client's namespace";
}

static bool has_destination_headers(const struct hdl_ir_http_route *route)
{
	for (size_t i = 0; i < route->destination_count; i++)
		if (route->destinations[i].headers)
			return true;
	return false;
}

/* What of a rule needs requests; NULL: nothing. */
static const char *what_rule_needs(const struct hdl_ir_http_route *route, const struct hdl_vs_http *source)
{
	if (!hdl_xl_is_catch_all(route))
		return what_block_reads(&route->matches[0]);
	return route->redirect                     ? "a redirect" :
	       route->direct_response              ? "a fixed answer" :
	       route->rewrite.kind                 ? "a rewrite" :
	       route->headers                      ? "header operations" :
	       route->cors                         ? "CORS" :
	       has_destination_headers(route)      ? "header operations" :
	       source->fault                       ? "a fault" :
	       source->retries                     ? "retries" :
	       source->timeout.has                 ? "a timeout" :
	       source->mirror || source->mirrors.n ? "a mirror" :
						     NULL;
}

/* "VirtualService demo/reviews spec.http[3]" */
static const char *rule_text(struct hdl_xl *xl, const struct hdl_xl_vs *vs, const struct hdl_vs_http *rule)
{
	char text[XL_NAME_MAX];

	hdl_xl_resource_text(rule->source ? rule->source : vs->res, text);
	return rule->field ? hdl_xl_internf(xl, "%s %s", text, rule->field) :
			     hdl_xl_internf(xl, "%s spec.http[%zu]", text, (size_t)(rule - vs->spec->http.at));
}

static struct verdict rules_verdict(struct hdl_xl *xl, const struct hdl_xl_vs *vs, const struct hdl_xl_routes *routes)
{
	char text[XL_NAME_MAX];
	const char *what;

	for (size_t i = 0; i < routes->n; i++) {
		what = what_rule_needs(&routes->v[i], routes->source[i]);
		if (what)
			return (struct verdict){
				.request = true,
				.reason = hdl_xl_internf(xl, "%s %s %s", rule_text(xl, vs, routes->source[i]),
							 hdl_xl_is_catch_all(&routes->v[i]) ? "has" : "matches", what),
				.origin = routes->v[i].origin,
			};
	}
	return (struct verdict){
		.reason = hdl_xl_internf(xl, "%s only splits by weight", hdl_xl_resource_text(vs->res, text)),
		.origin = routes->v[0].origin,
	};
}

/* Only the proxy can answer 503 with flag NC or UH (A.8); weight 0, as a canary that is not there yet has, asks for none. */
static bool destination_verdict(struct hdl_xl *xl, const struct hdl_ir_service_port *port, struct verdict *v)
{
	for (size_t i = 0; i < port->destination_count; i++) {
		const struct hdl_ir_destination *d = &port->destinations[i];

		if (d->weight == 0 || (d->cluster && (d->cluster->endpoint_count || !d->cluster->subset[0])))
			continue;
		v->request = true;
		v->reason = hdl_xl_internf(xl, "%s %s, which is answered with 503", d->cluster_name,
					   d->cluster ? "has no endpoints" : "does not exist");
		v->origin = port->route_origin;
		return true;
	}
	return false;
}

static bool policy_verdict(const struct hdl_ir_service_port *port, struct verdict *v)
{
	for (size_t i = 0; i < port->destination_count; i++) {
		const struct hdl_ir_cluster *ir = port->destinations[i].cluster;
		const struct hdl_xl_cluster *c = ir ? hdl_xl_cluster_of(ir) : NULL;

		if (!c || !c->http_reason)
			continue;
		*v = (struct verdict){ true, c->http_reason, c->http_origin };
		return true;
	}
	return false;
}

static int set_route(struct hdl_ir_service_port *port, const struct hdl_ir_destination *d, size_t n,
		     struct hdl_ir_origin origin)
{
	port->destinations = d;
	port->destination_count = n;
	port->route_origin = origin;
	return 0;
}

static int route_to_service(struct hdl_xl *xl, struct hdl_xl_front_port *port)
{
	const struct hdl_ir_destination *d;

	if (hdl_xl_single_destination(xl, port->ir->cluster, &d) < 0)
		return -ENOMEM;
	return set_route(port->ir, d, 1, port->ir->service->origin);
}

/* "VirtualService demo/db spec.tcp[0] takes some connections, VirtualService demo/db spec.tcp[1] the others" */
static const char *tcp_reason(struct hdl_xl *xl, const char *undeclared, const struct hdl_xl_l4 *l4)
{
	if (!l4->n)
		return hdl_xl_internf(xl, "%s; %s splits by weight", undeclared, l4->rest_text);
	return hdl_xl_internf(xl, "%s; %s takes some connections%s%s%s", undeclared, l4->text[0], l4->rest ? ", " : "",
			      l4->rest ? l4->rest_text : "", l4->rest ? " the others" : "");
}

static int tcp_port(struct hdl_xl *xl, const struct hdl_xl_front *front, const struct hdl_xl_claims *claims,
		    struct hdl_xl_front_port *port)
{
	struct hdl_ir_service_port *ir = port->ir;
	const char *undeclared = ir->protocol == HDL_IR_AUTO ? "the port's protocol is not declared" :
				 ir->protocol == HDL_IR_UDP  ? "the port is UDP" :
							       "the port is not http";
	struct hdl_xl_l4 l4;

	ir->label = HDL_LABEL_L4;
	ir->label_reason = undeclared;
	ir->label_origin = front->ir.origin;
	if (hdl_xl_l4_routes(xl, claims, ir, &l4) < 0)
		return -ENOMEM;
	if (l4.n || l4.rest) {
		ir->label_reason = tcp_reason(xl, undeclared, &l4);
		ir->label_origin = l4.n ? l4.routes[0].origin : l4.rest->origin;
	}
	ir->l4_routes = l4.routes;
	ir->l4_route_count = l4.n;
	return l4.rest ? set_route(ir, l4.rest->destinations, l4.rest->destination_count, l4.rest->origin) :
			 route_to_service(xl, port);
}

/*
 * The layer-4 route of a port that takes requests: the rule for all that is left, else the whole service. When that rule
 * answers by itself there is none: what it keeps away from the service stays away while no worker lives.
 */
static int http_route(struct hdl_xl *xl, struct hdl_xl_front_port *port, const struct hdl_xl_routes *routes)
{
	const struct hdl_ir_http_route *last = routes ? &routes->v[routes->n - 1] : NULL;

	if (!last || !hdl_xl_is_catch_all(last))
		return route_to_service(xl, port);
	return set_route(port->ir, last->destinations, last->destination_count, last->origin);
}

/* vs NULL: no rules. */
static struct verdict http_verdict(struct hdl_xl *xl, const struct hdl_xl_front *front,
				   const struct hdl_xl_front_port *port, const struct hdl_xl_vs *vs,
				   const struct hdl_xl_routes *routes)
{
	struct verdict v = { .reason = "no rule needs requests", .origin = front->ir.origin };

	if (vs)
		v = rules_verdict(xl, vs, routes);
	if (v.request || policy_verdict(port->ir, &v))
		return v;
	if (vs && destination_verdict(xl, port->ir, &v))
		return v;
	if (xl->ir_node.http_default_request)
		v = (struct verdict){ true, "NodeConfig httpDefault is request",
				      hdl_xl_origin(xl, xl->node_res, xl->node->http_default.pos) };
	return v;
}

/* HTTP/2 is not spoken yet. */
static struct verdict http2_verdict(struct hdl_xl *xl, const struct hdl_xl_front *front,
				    const struct hdl_xl_front_port *port, struct verdict v)
{
	const struct hdl_xl_source *source = port->base->spec->source;
	const struct hdl_resource *res = source ? source->res : front->base->res;

	if (!v.request)
		return v;
	if (hdl_xl_first_time(xl, "http2 %s %u", front->ir.fqdn, port->ir->port))
		hdl_xl_report(
			xl->diags, HDL_WARNING, res, port->base->spec->pos, "spec.ports",
			"port %u of %s speaks HTTP/2, which the proxy does not do yet: its connections are balanced at "
			"layer 4, although %s",
			port->ir->port, front->ir.fqdn, v.reason);
	return (struct verdict){ false, hdl_xl_internf(xl, "HTTP/2 stays at layer 4, although %s", v.reason),
				 v.origin };
}

static int http_port(struct hdl_xl *xl, const struct hdl_xl_front *front, const struct hdl_xl_claims *claims,
		     struct hdl_xl_front_port *port)
{
	const struct hdl_xl_routes *routes;
	const struct hdl_xl_vs *vs;
	struct verdict v;
	size_t at;

	if (hdl_xl_rules_in_force(xl, claims, 0, port->ir->port, &at, &routes) < 0)
		return -ENOMEM;
	if (http_route(xl, port, routes) < 0)
		return -ENOMEM;
	vs = routes ? claims->v[at] : NULL;
	v = http_verdict(xl, front, port, vs, routes);
	if (port->ir->protocol != HDL_IR_HTTP)
		v = http2_verdict(xl, front, port, v);
	port->ir->label = v.request ? HDL_LABEL_REQUEST : HDL_LABEL_L4;
	port->ir->label_reason = v.reason;
	port->ir->label_origin = v.origin;
	return 0;
}

/* maxConnections where requests are read: connections of the proxy's pools are not counted by it. Once for each place. */
static void report_max_connections(struct hdl_xl *xl, const struct hdl_ir_service_port *port)
{
	for (size_t i = 0; port->label == HDL_LABEL_REQUEST && i < port->destination_count; i++) {
		const struct hdl_ir_cluster *ir = port->destinations[i].cluster;
		const struct hdl_xl_cluster *c = ir ? hdl_xl_cluster_of(ir) : NULL;

		if (c && c->max_connections_res &&
		    hdl_xl_first_time(xl, "max connections %p %u %u", (const void *)c->max_connections_res,
				      c->max_connections_pos.line, c->max_connections_pos.col))
			hdl_xl_report(
				xl->diags, HDL_WARNING, c->max_connections_res, c->max_connections_pos, NULL,
				"connectionPool.tcp.maxConnections does not act where requests are read, as at port %u "
				"of %s: http.http2MaxRequests does",
				port->port, port->service->fqdn);
	}
}

/* Settings that nobody carries out where the client's own connection goes to the endpoint. Once for each place. */
static void report_idle_settings(struct hdl_xl *xl, const struct hdl_ir_service_port *port)
{
	for (size_t i = 0; port->label == HDL_LABEL_L4 && i < port->destination_count; i++) {
		const struct hdl_ir_cluster *ir = port->destinations[i].cluster;
		const struct hdl_xl_cluster *c = ir ? hdl_xl_cluster_of(ir) : NULL;

		if (c && c->l4_idle &&
		    hdl_xl_first_time(xl, "idle %p %u %u", (const void *)c->l4_idle_res, c->l4_idle_pos.line,
				      c->l4_idle_pos.col))
			hdl_xl_report(xl->diags, HDL_INFO, c->l4_idle_res, c->l4_idle_pos, NULL,
				      "%s has no effect at layer 4, where port %u of %s stays", c->l4_idle, port->port,
				      port->service->fqdn);
	}
}

/*
 * How long a client stays where it is, which is the services' to say: of a route to several they have to agree, and one
 * with a policy of its own asks for none.
 */
static uint32_t affinity_of(const struct hdl_ir_destination *d, size_t n, uint32_t so_far)
{
	for (size_t i = 0; i < n && so_far; i++)
		if (d[i].weight && d[i].cluster && d[i].cluster->affinity_timeout_s != so_far)
			so_far = 0;
	return so_far;
}

static void set_affinity(struct hdl_ir_service_port *port)
{
	uint32_t timeout_s = port->cluster->affinity_timeout_s;

	timeout_s = affinity_of(port->destinations, port->destination_count, timeout_s);
	for (size_t i = 0; i < port->l4_route_count; i++)
		timeout_s =
			affinity_of(port->l4_routes[i].destinations, port->l4_routes[i].destination_count, timeout_s);
	port->affinity_timeout_s = timeout_s;
}

int hdl_xl_label_port(struct hdl_xl *xl, const struct hdl_xl_front *front, const struct hdl_xl_claims *claims,
		      struct hdl_xl_front_port *port)
{
	int r = takes_requests(port->ir->protocol) ? http_port(xl, front, claims, port) :
						     tcp_port(xl, front, claims, port);

	if (r < 0)
		return r;
	set_affinity(port->ir);
	report_idle_settings(xl, port->ir);
	report_max_connections(xl, port->ir);
	return 0;
}
