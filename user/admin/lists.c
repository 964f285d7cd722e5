/* SPDX-License-Identifier: Apache-2.0 */
/* What is in force, as lists: listeners, routes, clusters, endpoints. */
#include <stdio.h>
#include <string.h>
#include "admin/page.h"
#include "base/addr.h"
#include "base/clock.h"

void hdl_admin_json_origin(struct hdl_jsonw *w, const char *key, const struct hdl_ir_origin *origin)
{
	hdl_jsonw_key(w, key);
	if (!origin || !origin->kind || !origin->file) {
		hdl_jsonw_null(w);
		return;
	}
	hdl_jsonw_object(w);
	hdl_jsonw_kstr(w, "kind", origin->kind);
	hdl_jsonw_kstr(w, "namespace", origin->ns);
	hdl_jsonw_kstr(w, "name", origin->name);
	hdl_jsonw_kstr(w, "file", origin->file);
	hdl_jsonw_ku64(w, "line", origin->line);
	hdl_jsonw_ku64(w, "column", origin->column);
	hdl_jsonw_object_end(w);
}

void hdl_admin_json_destinations(struct hdl_jsonw *w, const struct hdl_ir_destination *destinations, size_t n)
{
	hdl_jsonw_key(w, "destinations");
	hdl_jsonw_array(w);
	for (size_t i = 0; i < n; i++) {
		hdl_jsonw_object(w);
		hdl_jsonw_kstr(w, "cluster", destinations[i].cluster_name);
		hdl_jsonw_ku64(w, "weight", destinations[i].weight);
		hdl_jsonw_kbool(w, "known", destinations[i].cluster != NULL);
		hdl_admin_json_headers(w, destinations[i].headers);
		hdl_jsonw_object_end(w);
	}
	hdl_jsonw_array_end(w);
}

static bool passes(const char *filter, const char *value)
{
	return filter[0] == '\0' || (value && strcmp(filter, value) == 0);
}

static bool port_passes(const struct hdl_admin_filter *filter, uint16_t port)
{
	return filter->port == 0 || filter->port == port;
}

/* "name.namespace" as istioctl writes it; "" for what no object caused. */
static void object_name(struct hdl_jsonw *w, const char *key, const struct hdl_ir_origin *origin, const char *kind)
{
	char text[520] = "";

	if (origin->kind && strcmp(origin->kind, kind) == 0)
		snprintf(text, sizeof(text), "%s.%s", origin->name, origin->ns);
	hdl_jsonw_kstr(w, key, text);
}

static void write_address(struct hdl_jsonw *w, const struct hdl_addr *address)
{
	char text[HDL_ADDR_TEXT_MAX];

	hdl_jsonw_str(w, hdl_addr_print(address, text));
}

/* "10.0.0.0/8" */
static void write_subnet(struct hdl_jsonw *w, const struct hdl_ir_subnet *subnet)
{
	unsigned int low = hdl_addr_is_v4(&subnet->address) && subnet->prefix >= 96 ? 96 : 0;
	char address[HDL_ADDR_TEXT_MAX], text[HDL_ADDR_TEXT_MAX + 8];

	snprintf(text, sizeof(text), "%s/%u", hdl_addr_print(&subnet->address, address), subnet->prefix - low);
	hdl_jsonw_str(w, text);
}

static void word(struct hdl_jsonw *w, const char *fmt, const char *a, const char *b)
{
	struct hdl_buf text = { 0 };

	hdl_buf_printf(&text, "%s %s%s%s", fmt, a, b[0] ? "=" : "", b);
	hdl_jsonw_str(w, text.p ? text.p : "");
	hdl_buf_done(&text);
}

/* istioctl's DESTINATION: the route configuration, or the one cluster. */
static void destination_text(struct hdl_jsonw *w, const struct hdl_ir_service_port *port)
{
	char text[600];

	if (port->label == HDL_LABEL_REQUEST && port->route_name)
		snprintf(text, sizeof(text), "Route: %s", port->route_name);
	else if (port->destination_count == 1)
		snprintf(text, sizeof(text), "Cluster: %s", port->destinations[0].cluster_name);
	else if (port->destination_count > 1)
		snprintf(text, sizeof(text), "Cluster: %zu weighted", port->destination_count);
	else
		snprintf(text, sizeof(text), "Cluster: %s", port->cluster ? port->cluster->name : "none");
	hdl_jsonw_kstr(w, "destination", text);
}

static void write_label(struct hdl_jsonw *w, const struct hdl_ir_label *label)
{
	struct hdl_buf text = { 0 };

	hdl_buf_printf(&text, "%s=%s", label->key, label->value);
	hdl_jsonw_str(w, text.p ? text.p : "");
	hdl_buf_done(&text);
}

/* Its own addresses, then the external ones, and of which kind each is. */
static void write_addresses(struct hdl_jsonw *w, const struct hdl_ir_service *service)
{
	hdl_jsonw_key(w, "addresses");
	hdl_jsonw_array(w);
	for (size_t i = 0; i < service->address_count; i++)
		write_address(w, &service->addresses[i]);
	for (size_t i = 0; i < service->external_address_count; i++)
		write_address(w, &service->external_addresses[i]);
	hdl_jsonw_array_end(w);
	hdl_jsonw_key(w, "address_kinds");
	hdl_jsonw_array(w);
	for (size_t i = 0; i < service->address_count; i++)
		hdl_jsonw_str(w, "service");
	for (size_t i = 0; i < service->external_address_count; i++)
		hdl_jsonw_str(w, "external");
	hdl_jsonw_array_end(w);
	hdl_jsonw_key(w, "direct");
	hdl_jsonw_array(w);
	for (size_t i = 0; i < service->direct_count; i++)
		write_subnet(w, &service->direct[i]);
	hdl_jsonw_array_end(w);
}

static void write_l4_match(struct hdl_jsonw *w, const struct hdl_ir_l4_match *match)
{
	hdl_jsonw_array(w);
	for (size_t i = 0; i < match->subnet_count; i++)
		write_subnet(w, &match->subnets[i]);
	for (size_t i = 0; i < match->source_labels.n; i++)
		word(w, "source label", match->source_labels.v[i].key, match->source_labels.v[i].value);
	if (match->source_namespace[0])
		word(w, "source namespace", match->source_namespace, "");
	hdl_jsonw_array_end(w);
}

/* Rules of layer 4 for some connections, in their order; `destinations` are for the rest. */
static void write_l4_routes(struct hdl_jsonw *w, const struct hdl_ir_service_port *port)
{
	hdl_jsonw_key(w, "rules");
	hdl_jsonw_array(w);
	for (size_t i = 0; i < port->l4_route_count; i++) {
		const struct hdl_ir_l4_route *route = &port->l4_routes[i];

		hdl_jsonw_object(w);
		hdl_jsonw_key(w, "match");
		hdl_jsonw_array(w);
		for (size_t k = 0; k < route->match_count; k++)
			write_l4_match(w, &route->matches[k]);
		hdl_jsonw_array_end(w);
		hdl_admin_json_destinations(w, route->destinations, route->destination_count);
		hdl_admin_json_origin(w, "origin", &route->origin);
		hdl_jsonw_object_end(w);
	}
	hdl_jsonw_array_end(w);
}

/* As clients of a view get it, NULL: as others do. seen NULL: they see nothing there. */
static void write_service_listener(struct hdl_jsonw *w, const struct hdl_ir_view *from,
				   const struct hdl_ir_service_port *port, const struct hdl_ir_service_port *seen)
{
	bool request = seen && seen->label == HDL_LABEL_REQUEST;

	hdl_jsonw_object(w);
	hdl_jsonw_kstr(w, "type", "service");
	hdl_jsonw_kstr(w, "from", from ? from->ns : "");
	hdl_jsonw_kstr(w, "sidecar", from ? from->name : "");
	hdl_jsonw_key(w, "labels");
	hdl_jsonw_array(w);
	for (size_t i = 0; from && i < from->selector.n; i++)
		write_label(w, &from->selector.v[i]);
	hdl_jsonw_array_end(w);
	hdl_jsonw_kstr(w, "service", port->service->fqdn);
	write_addresses(w, port->service);
	hdl_jsonw_ku64(w, "port", port->port);
	hdl_jsonw_ku64(w, "node_port", port->node_port);
	hdl_jsonw_kstr(w, "port_name", port->name);
	hdl_jsonw_kstr(w, "protocol", hdl_admin_protocol_name(port->protocol));
	hdl_jsonw_kstr(w, "label", hdl_admin_label_name(seen ? seen->label : HDL_LABEL_NONE));
	hdl_jsonw_kstr(w, "reason", seen ? seen->label_reason : "the service is not seen from there");
	hdl_jsonw_kstr(w, "fail_mode", port->fail_mode == HDL_FAIL_CLOSED ? "closed" : "open");
	hdl_jsonw_kstr(w, "route", request ? port->route_name : NULL);
	if (seen && seen->label != HDL_LABEL_NONE)
		destination_text(w, seen);
	else
		hdl_jsonw_kstr(w, "destination", "none");
	hdl_jsonw_kstr(w, "match", request ? "App: HTTP" : "ALL");
	hdl_jsonw_ku64(w, "affinity_timeout_s", seen ? seen->affinity_timeout_s : 0);
	if (seen)
		write_l4_routes(w, seen);
	hdl_admin_json_destinations(w, seen ? seen->destinations : NULL, seen ? seen->destination_count : 0);
	hdl_admin_json_origin(w, "origin", seen ? &seen->label_origin : &from->origin);
	hdl_jsonw_object_end(w);
}

static void write_gateway_listener(struct hdl_jsonw *w, const struct hdl_ir_gateway_listener *listener)
{
	char text[600];

	hdl_jsonw_object(w);
	hdl_jsonw_kstr(w, "type", "gateway");
	hdl_jsonw_kstr(w, "from", "");
	hdl_jsonw_kstr(w, "sidecar", "");
	hdl_jsonw_kstr(w, "service", NULL);
	hdl_jsonw_key(w, "addresses");
	hdl_jsonw_array(w);
	if (hdl_addr_is_zero(&listener->address)) {
		hdl_jsonw_str(w, "0.0.0.0");
		hdl_jsonw_str(w, "::");
	} else {
		write_address(w, &listener->address);
	}
	hdl_jsonw_array_end(w);
	hdl_jsonw_ku64(w, "port", listener->port);
	hdl_jsonw_kstr(w, "port_name", "");
	hdl_jsonw_kstr(w, "protocol", "HTTP");
	hdl_jsonw_kstr(w, "label", "request");
	hdl_jsonw_kstr(w, "reason", "Gateway server");
	hdl_jsonw_kstr(w, "fail_mode", "closed");
	hdl_jsonw_kstr(w, "route", listener->route_config->name);
	snprintf(text, sizeof(text), "Route: %s", listener->route_config->name);
	hdl_jsonw_kstr(w, "destination", text);
	hdl_jsonw_kstr(w, "match", "App: HTTP");
	hdl_admin_json_destinations(w, NULL, 0);
	hdl_admin_json_origin(w, "origin", &listener->origin);
	hdl_jsonw_object_end(w);
}

static bool service_passes(const struct hdl_admin_filter *filter, const struct hdl_ir_service_port *port)
{
	return port_passes(filter, port->port) && passes(filter->fqdn, port->service->fqdn) &&
	       passes(filter->name, port->service->name);
}

void hdl_admin_json_listeners(struct hdl_jsonw *w, const struct hdl_admin_view *view,
			      const struct hdl_admin_filter *filter)
{
	const struct hdl_snapshot *snapshot = view->snapshot;

	hdl_jsonw_key(w, "listeners");
	hdl_jsonw_array(w);
	for (size_t i = 0; snapshot && i < snapshot->service_port_count; i++) {
		const struct hdl_ir_service_port *port = snapshot->service_ports[i];

		if (!filter->from[0] && service_passes(filter, port))
			write_service_listener(w, NULL, port, port);
	}
	for (size_t i = 0; snapshot && i < snapshot->view_count; i++) {
		const struct hdl_ir_view *view = snapshot->views[i];

		for (size_t k = 0; k < view->port_count; k++)
			if (passes(filter->from, view->ns) && service_passes(filter, view->ports[k].port))
				write_service_listener(w, view, view->ports[k].port, view->ports[k].seen);
	}
	for (size_t i = 0; snapshot && i < snapshot->gateway_listener_count; i++)
		if (port_passes(filter, snapshot->gateway_listeners[i].port) && !filter->fqdn[0] && !filter->name[0] &&
		    !filter->from[0])
			write_gateway_listener(w, &snapshot->gateway_listeners[i]);
	hdl_jsonw_array_end(w);
}

void hdl_admin_match_text(struct hdl_buf *buf, const struct hdl_ir_http_match *match)
{
	const struct hdl_ir_string_match *uri = match ? &match->uri : NULL;

	switch (uri ? uri->kind : HDL_IR_MATCH_UNSET) {
	case HDL_IR_MATCH_EXACT:
		hdl_buf_add(buf, uri->value.p, uri->value.n);
		break;
	case HDL_IR_MATCH_SEGMENTS:
		hdl_buf_printf(buf, HDL_STR_FMT "/*", HDL_STR_ARG(uri->value));
		break;
	case HDL_IR_MATCH_PREFIX:
		hdl_buf_printf(buf, HDL_STR_FMT "*", HDL_STR_ARG(uri->value));
		break;
	case HDL_IR_MATCH_REGEX:
		hdl_buf_printf(buf, "regex " HDL_STR_FMT, HDL_STR_ARG(uri->value));
		break;
	default:
		hdl_buf_adds(buf, "/*");
		break;
	}
}

static void condition(struct hdl_jsonw *w, const char *what, struct hdl_str name,
		      const struct hdl_ir_string_match *match)
{
	static const char *const kinds[] = { "", "exact", "prefix", "regex", "present" };
	struct hdl_buf text = { 0 };

	if (match->kind == HDL_IR_MATCH_UNSET)
		return;
	hdl_buf_printf(&text, "%s%s" HDL_STR_FMT " %s", what, name.n ? " " : "", HDL_STR_ARG(name), kinds[match->kind]);
	if (match->kind != HDL_IR_MATCH_PRESENT)
		hdl_buf_printf(&text, " \"" HDL_STR_FMT "\"", HDL_STR_ARG(match->value));
	hdl_jsonw_strn(w, (struct hdl_str){ text.p ? text.p : "", text.n });
	hdl_buf_done(&text);
}

static void named_conditions(struct hdl_jsonw *w, const char *what, const struct hdl_ir_named_match *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		condition(w, what, v[i].name, &v[i].match);
}

static void write_conditions(struct hdl_jsonw *w, const struct hdl_ir_http_match *match)
{
	static const struct hdl_str none = { "", 0 };
	char number[16];

	hdl_jsonw_key(w, "conditions");
	hdl_jsonw_array(w);
	if (match) {
		if (match->ignore_uri_case && match->uri.kind != HDL_IR_MATCH_UNSET)
			hdl_jsonw_str(w, "uri without case");
		condition(w, "scheme", none, &match->scheme);
		condition(w, "method", none, &match->method);
		condition(w, "authority", none, &match->authority);
		named_conditions(w, "header", match->headers, match->header_count);
		named_conditions(w, "without header", match->without_headers, match->without_header_count);
		named_conditions(w, "query parameter", match->query, match->query_count);
		snprintf(number, sizeof(number), "%u", match->port);
		if (match->port)
			word(w, "port", number, "");
		for (size_t i = 0; i < match->source_labels.n; i++)
			word(w, "source label", match->source_labels.v[i].key, match->source_labels.v[i].value);
		if (match->source_namespace && match->source_namespace[0])
			word(w, "source namespace", match->source_namespace, "");
	}
	hdl_jsonw_array_end(w);
}

static void write_route(struct hdl_jsonw *w, const struct hdl_ir_view *from, const struct hdl_ir_route_config *config,
			const struct hdl_ir_vhost *vhost, const struct hdl_ir_http_route *route,
			const struct hdl_ir_http_match *match)
{
	const struct hdl_ir_origin *origin = match && match->origin.kind ? &match->origin :
					     route                       ? &route->origin :
									   &vhost->origin;
	struct hdl_buf text = { 0 };

	hdl_jsonw_object(w);
	hdl_jsonw_kstr(w, "name", config->name);
	hdl_jsonw_kstr(w, "from", from ? from->ns : "");
	hdl_jsonw_kstr(w, "sidecar", from ? from->name : "");
	hdl_jsonw_kstr(w, "vhost", vhost->name);
	hdl_jsonw_key(w, "domains");
	hdl_jsonw_array(w);
	for (size_t i = 0; i < vhost->domain_count; i++)
		hdl_jsonw_str(w, vhost->domains[i]);
	hdl_jsonw_array_end(w);
	if (route)
		hdl_admin_match_text(&text, match);
	else
		hdl_buf_adds(&text, "404");
	hdl_jsonw_key(w, "match");
	hdl_jsonw_strn(w, (struct hdl_str){ text.p ? text.p : "", text.n });
	hdl_buf_done(&text);
	write_conditions(w, match);
	object_name(w, "virtual_service", route ? &route->origin : &vhost->origin, "VirtualService");
	hdl_jsonw_kstr(w, "route", route ? route->name : "");
	hdl_admin_json_destinations(w, route ? route->destinations : NULL, route ? route->destination_count : 0);
	if (route)
		hdl_admin_json_actions(w, route);
	hdl_jsonw_ku64(w, "timeout_ms", route ? route->timeout_ns / HDL_NS_PER_MS : 0);
	hdl_jsonw_ku64(w, "retries", route ? route->retry.attempts : 0);
	hdl_admin_json_origin(w, "origin", origin);
	hdl_jsonw_object_end(w);
}

static void write_vhost(struct hdl_jsonw *w, const struct hdl_ir_view *from, const struct hdl_ir_route_config *config,
			const struct hdl_ir_vhost *vhost)
{
	if (vhost->route_count == 0)
		write_route(w, from, config, vhost, NULL, NULL);
	for (size_t i = 0; i < vhost->route_count; i++) {
		const struct hdl_ir_http_route *route = &vhost->routes[i];

		if (route->match_count == 0)
			write_route(w, from, config, vhost, route, NULL);
		for (size_t j = 0; j < route->match_count; j++)
			write_route(w, from, config, vhost, route, &route->matches[j]);
	}
}

static void write_config(struct hdl_jsonw *w, const struct hdl_ir_view *from, const struct hdl_ir_route_config *config,
			 const struct hdl_admin_filter *filter)
{
	if (!passes(filter->name, config->name) || !port_passes(filter, config->port) ||
	    !passes(filter->from, from ? from->ns : NULL))
		return;
	for (size_t i = 0; i < config->vhost_count; i++)
		if (passes(filter->fqdn, config->vhosts[i]->service ? config->vhosts[i]->service->fqdn : NULL))
			write_vhost(w, from, config, config->vhosts[i]);
}

void hdl_admin_json_routes(struct hdl_jsonw *w, const struct hdl_admin_view *view,
			   const struct hdl_admin_filter *filter)
{
	const struct hdl_snapshot *snapshot = view->snapshot;

	hdl_jsonw_key(w, "routes");
	hdl_jsonw_array(w);
	for (size_t i = 0; snapshot && i < snapshot->route_config_count; i++)
		write_config(w, NULL, snapshot->route_configs[i], filter);
	for (size_t i = 0; snapshot && i < snapshot->view_count; i++)
		for (size_t k = 0; k < snapshot->views[i]->route_config_count; k++)
			write_config(w, snapshot->views[i], snapshot->views[i]->route_configs[k], filter);
	hdl_jsonw_array_end(w);
}

/* Of the namespace, or of some of its pods: "ns key=value". */
static bool is_from(const char *ns, const char *client)
{
	size_t n = strlen(ns);

	return n == 0 || (client && strncmp(client, ns, n) == 0 && (client[n] == '\0' || client[n] == ' '));
}

static bool cluster_passes(const struct hdl_admin_filter *filter, const struct hdl_ir_cluster *cluster)
{
	return passes(filter->fqdn, cluster->fqdn) && port_passes(filter, cluster->port) &&
	       passes(filter->subset, cluster->subset) && passes(filter->name, cluster->name) &&
	       is_from(filter->from, cluster->client);
}

void hdl_admin_json_clusters(struct hdl_jsonw *w, const struct hdl_admin_view *view,
			     const struct hdl_admin_filter *filter)
{
	const struct hdl_snapshot *snapshot = view->snapshot;

	hdl_jsonw_key(w, "clusters");
	hdl_jsonw_array(w);
	for (size_t i = 0; snapshot && i < snapshot->cluster_count; i++) {
		const struct hdl_ir_cluster *cluster = snapshot->clusters[i];
		uint64_t ejected = 0;

		if (!cluster_passes(filter, cluster))
			continue;
		for (size_t j = 0; j < cluster->endpoint_count; j++)
			ejected += hdl_admin_is_ejected(view, hdl_admin_health(view, &cluster->endpoints[j]));
		hdl_jsonw_object(w);
		hdl_jsonw_kstr(w, "name", cluster->name);
		hdl_jsonw_kstr(w, "fqdn", cluster->fqdn);
		hdl_jsonw_ku64(w, "port", cluster->port);
		hdl_jsonw_kstr(w, "subset", cluster->subset);
		hdl_jsonw_kstr(w, "from", cluster->client ? cluster->client : "");
		hdl_jsonw_kstr(w, "direction", "outbound");
		hdl_jsonw_kstr(w, "type", "EDS");
		object_name(w, "destination_rule", &cluster->rule, "DestinationRule");
		hdl_jsonw_kstr(w, "policy", hdl_admin_policy_name(cluster->policy));
		hdl_jsonw_ku64(w, "id", cluster->id);
		hdl_jsonw_ku64(w, "endpoints", cluster->endpoint_count);
		hdl_jsonw_ku64(w, "healthy", cluster->healthy_count);
		hdl_jsonw_ku64(w, "ejected", ejected);
		hdl_jsonw_kbool(w, "outlier_detection", cluster->outlier.enabled);
		hdl_admin_json_origin(w, "origin", &cluster->rule);
		hdl_jsonw_object_end(w);
	}
	hdl_jsonw_array_end(w);
}

static void write_endpoint_addresses(struct hdl_jsonw *w, const struct hdl_ir_endpoint *endpoint)
{
	const struct hdl_addr *v4 = &endpoint->address[HDL_FAMILY_V4], *v6 = &endpoint->address[HDL_FAMILY_V6];
	bool both = !hdl_addr_is_zero(v4) && !hdl_addr_is_zero(v6);
	char text[HDL_ADDR_PORT_TEXT_MAX];

	hdl_jsonw_kstr(w, "endpoint", hdl_addr_port_print(hdl_addr_is_zero(v4) ? v6 : v4, endpoint->port, text));
	hdl_jsonw_kstr(w, "endpoint6", both ? hdl_addr_port_print(v6, endpoint->port, text) : "");
}

static void write_health(struct hdl_jsonw *w, const struct hdl_admin_view *view, const struct hdl_ir_endpoint *endpoint)
{
	static const struct hdl_health none;
	const struct hdl_health *health = hdl_admin_health(view, endpoint);
	bool ejected = hdl_admin_is_ejected(view, health);
	uint64_t until_ns = health ? __atomic_load_n(&health->ejected_until_ns, __ATOMIC_RELAXED) : 0;
	bool by_hand = ejected && until_ns == HDL_EJECTED_BY_HAND;

	if (!health)
		health = &none;
	hdl_jsonw_kstr(w, "outlier_check", ejected ? "FAILED" : "OK");
	hdl_jsonw_kbool(w, "ejected", ejected);
	hdl_jsonw_kbool(w, "ejected_by_hand", by_hand);
	hdl_jsonw_ku64(w, "ejected_for_ms",
		       ejected && !by_hand && until_ns > view->now_ns ? (until_ns - view->now_ns) / HDL_NS_PER_MS : 0);
	hdl_jsonw_ku64(w, "ejections", health->ejections);
	hdl_jsonw_ku64(w, "active", __atomic_load_n(&health->active, __ATOMIC_RELAXED));
	hdl_jsonw_ku64(w, "consecutive_5xx", health->consecutive_5xx);
	hdl_jsonw_ku64(w, "connects", health->connects);
	hdl_jsonw_ku64(w, "connect_failures", health->connect_failures);
	hdl_jsonw_ku64(w, "timeouts", health->timeouts);
	hdl_jsonw_ku64(w, "retransmits", health->retransmits);
	hdl_jsonw_ku64(w, "rtt_us", health->rtt_us);
}

static void write_endpoint(struct hdl_jsonw *w, const struct hdl_admin_view *view, const struct hdl_ir_cluster *cluster,
			   const struct hdl_ir_endpoint *endpoint)
{
	static const char *const statuses[] = { "HEALTHY", "UNHEALTHY", "DRAINING" };
	char pod[520] = "";

	if (endpoint->workload)
		snprintf(pod, sizeof(pod), "%s/%s", endpoint->workload->ns, endpoint->workload->name);
	hdl_jsonw_object(w);
	write_endpoint_addresses(w, endpoint);
	hdl_jsonw_kstr(w, "status", statuses[endpoint->status]);
	hdl_jsonw_kstr(w, "cluster", cluster->name);
	hdl_jsonw_kstr(w, "fqdn", cluster->fqdn);
	hdl_jsonw_ku64(w, "port", cluster->port);
	hdl_jsonw_kstr(w, "subset", cluster->subset);
	hdl_jsonw_kstr(w, "pod", pod);
	hdl_jsonw_ku64(w, "weight", endpoint->weight);
	hdl_jsonw_ku64(w, "id", endpoint->id);
	write_health(w, view, endpoint);
	hdl_jsonw_object_end(w);
}

void hdl_admin_json_endpoints(struct hdl_jsonw *w, const struct hdl_admin_view *view,
			      const struct hdl_admin_filter *filter)
{
	const struct hdl_snapshot *snapshot = view->snapshot;

	hdl_jsonw_key(w, "endpoints");
	hdl_jsonw_array(w);
	for (size_t i = 0; snapshot && i < snapshot->cluster_count; i++) {
		const struct hdl_ir_cluster *cluster = snapshot->clusters[i];

		if (!cluster_passes(filter, cluster))
			continue;
		for (size_t j = 0; j < cluster->endpoint_count; j++)
			write_endpoint(w, view, cluster, &cluster->endpoints[j]);
	}
	hdl_jsonw_array_end(w);
}
