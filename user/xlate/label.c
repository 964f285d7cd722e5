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

/*
 * One route is used for the connections of all clients to all addresses of a port: a block that is for some of them only
 * does not act (the model said so), rather than for all.
 */
static bool takes_all_of_port(const struct hdl_vs_l4_match *m, uint16_t port)
{
	bool mesh = m->gateways.n == 0;

	for (size_t i = 0; i < m->gateways.n; i++)
		mesh |= strcmp(m->gateways.at[i].s, "mesh") == 0;
	return mesh && !m->destination_subnets.n && !m->source_labels.n &&
	       !(m->source_namespace.s && m->source_namespace.s[0]) && (!m->port.has || m->port.value == port);
}

/* The rule that takes every connection, NULL if there is none. */
static const struct hdl_vs_l4_route *tcp_rule_in(const struct hdl_xl_vs *vs, uint16_t port)
{
	for (size_t i = 0; i < vs->spec->tcp.n; i++) {
		const struct hdl_vs_l4_route *route = &vs->spec->tcp.at[i];

		for (size_t k = 0; k < route->match.n; k++)
			if (takes_all_of_port(&route->match.at[k], port))
				return route;
		if (route->match.n == 0)
			return route;
	}
	return NULL;
}

const struct hdl_vs_l4_route *hdl_xl_tcp_rule(const struct hdl_xl_claims *claims, uint16_t port,
					      const struct hdl_xl_vs **ret_vs)
{
	const struct hdl_vs_l4_route *rule = NULL;

	for (size_t i = 0; i < claims->n && !rule; i++) {
		*ret_vs = claims->v[i];
		rule = tcp_rule_in(*ret_vs, port);
	}
	return rule;
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

static int tcp_port(struct hdl_xl *xl, const struct hdl_xl_front *front, struct hdl_xl_front_port *port)
{
	const struct hdl_xl_vs *vs = NULL;
	const struct hdl_vs_l4_route *rule = hdl_xl_tcp_rule(&front->claims, port->ir->port, &vs);
	const char *undeclared =
		port->ir->protocol == HDL_IR_AUTO ? "the port's protocol is not declared" : "the port is not http";
	const struct hdl_ir_destination *d;
	char field[XL_FIELD_MAX], text[XL_NAME_MAX];
	size_t index;
	int r;

	port->ir->label = HDL_LABEL_L4;
	port->ir->label_reason = undeclared;
	port->ir->label_origin = front->ir.origin;
	if (!rule)
		return route_to_service(xl, port);
	index = (size_t)(rule - vs->spec->tcp.at);
	snprintf(field, sizeof(field), vs->spec->derived ? "spec.rules[%zu]" : "spec.tcp[%zu]", index);
	r = hdl_xl_destinations(xl, vs->res, rule->route.at, rule->route.n, port->ir->port, field, &d);
	if (r < 0)
		return r == -E2BIG ? route_to_service(xl, port) : r;
	port->ir->label_reason = hdl_xl_internf(xl, "%s; %s %s splits by weight", undeclared,
						hdl_xl_resource_text(vs->res, text), field);
	port->ir->label_origin = hdl_xl_origin(xl, vs->res, rule->pos);
	return set_route(port->ir, d, rule->route.n, port->ir->label_origin);
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
	if (port->difference)
		return (struct verdict){ true, port->difference, port->difference_origin };
	if (xl->ir_node.http_default_request)
		v = (struct verdict){ true, "NodeConfig httpDefault is request",
				      hdl_xl_origin(xl, xl->node_res, xl->node->http_default.pos) };
	return v;
}

/* HTTP/2 is not spoken yet. */
static struct verdict http2_verdict(struct hdl_xl *xl, const struct hdl_xl_front *front,
				    const struct hdl_xl_front_port *port, struct verdict v)
{
	const struct hdl_resource *res = front->base->res;

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

static int http_port(struct hdl_xl *xl, const struct hdl_xl_front *front, struct hdl_xl_front_port *port)
{
	const struct hdl_xl_routes *routes;
	const struct hdl_xl_vs *vs;
	struct verdict v;
	size_t at;

	if (hdl_xl_rules_in_force(xl, &front->claims, 0, port->ir->port, &at, &routes) < 0)
		return -ENOMEM;
	if (http_route(xl, port, routes) < 0)
		return -ENOMEM;
	vs = routes ? front->claims.v[at] : NULL;
	v = http_verdict(xl, front, port, vs, routes);
	if (port->ir->protocol != HDL_IR_HTTP)
		v = http2_verdict(xl, front, port, v);
	port->ir->label = v.request ? HDL_LABEL_REQUEST : HDL_LABEL_L4;
	port->ir->label_reason = v.reason;
	port->ir->label_origin = v.origin;
	return 0;
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

int hdl_xl_label_port(struct hdl_xl *xl, const struct hdl_xl_front *front, struct hdl_xl_front_port *port)
{
	int r = takes_requests(port->ir->protocol) ? http_port(xl, front, port) : tcp_port(xl, front, port);

	if (r == 0)
		report_idle_settings(xl, port->ir);
	return r;
}
