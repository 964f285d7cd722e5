/* SPDX-License-Identifier: Apache-2.0 */
/* Canonical text of a snapshot: everything that decides about traffic, nothing that differs between two runs. */
#include "ir/snapshot.h"

#include <stdio.h>

#include "base/addr.h"
#include "base/duration.h"
#include "base/hash.h"

static const char *const policy_names[] = {
	[HDL_POLICY_LEAST_REQUEST] = "LEAST_REQUEST",
	[HDL_POLICY_ROUND_ROBIN] = "ROUND_ROBIN",
	[HDL_POLICY_RANDOM] = "RANDOM",
	[HDL_POLICY_MAGLEV] = "MAGLEV",
	[HDL_POLICY_PASSTHROUGH] = "PASSTHROUGH",
	[HDL_POLICY_RING_HASH] = "RING_HASH",
};

static const char *const hash_names[] = {
	[HDL_IR_HASH_NONE] = "none",     [HDL_IR_HASH_SOURCE_IP] = "source address", [HDL_IR_HASH_HEADER] = "header",
	[HDL_IR_HASH_COOKIE] = "cookie", [HDL_IR_HASH_QUERY] = "query parameter",
};

static const char *const protocol_names[] = {
	[HDL_IR_AUTO] = "AUTO", [HDL_IR_HTTP] = "HTTP", [HDL_IR_HTTP2] = "HTTP2", [HDL_IR_GRPC] = "GRPC",
	[HDL_IR_TCP] = "TCP",   [HDL_IR_TLS] = "TLS",   [HDL_IR_UDP] = "UDP",
};

static const char *const label_names[] = {
	[HDL_LABEL_NONE] = "none",
	[HDL_LABEL_L4] = "l4",
	[HDL_LABEL_REQUEST] = "request",
	[HDL_LABEL_DIRECT] = "direct",
};

static const char *const status_names[] = {
	[HDL_IR_HEALTHY] = "HEALTHY",
	[HDL_IR_UNHEALTHY] = "UNHEALTHY",
	[HDL_IR_DRAINING] = "DRAINING",
};

static const char *const kind_names[] = {
	[HDL_IR_MATCH_EXACT] = "exact",     [HDL_IR_MATCH_PREFIX] = "prefix",     [HDL_IR_MATCH_REGEX] = "regex",
	[HDL_IR_MATCH_PRESENT] = "present", [HDL_IR_MATCH_SEGMENTS] = "segments",
};

static const char *const retry_names[] = {
	"5xx",
	"gateway-error",
	"reset",
	"reset-before-request",
	"connect-failure",
	"retriable-4xx",
	"refused-stream",
	"codes",
	"envoy-ratelimited",
	"cancelled",
	"deadline-exceeded",
	"internal",
	"resource-exhausted",
	"unavailable",
};

static const char *const normalization_names[] = {
	[HDL_IR_NORMALIZE_BASE] = "BASE",
	[HDL_IR_NORMALIZE_NONE] = "NONE",
	[HDL_IR_NORMALIZE_MERGE_SLASHES] = "MERGE_SLASHES",
	[HDL_IR_NORMALIZE_DECODE_AND_MERGE_SLASHES] = "DECODE_AND_MERGE_SLASHES",
};

static const char *fail_mode_name(enum hdl_fail_mode mode)
{
	return mode == HDL_FAIL_CLOSED ? "closed" : "open";
}

static void dump_origin(struct hdl_buf *buf, const struct hdl_ir_origin *origin)
{
	if (!origin->kind)
		return;
	hdl_buf_printf(buf, " (%s ", origin->kind);
	if (origin->ns && origin->ns[0])
		hdl_buf_printf(buf, "%s/", origin->ns);
	hdl_buf_printf(buf, "%s at %s:%u:%u)", origin->name, origin->file, origin->line, origin->column);
}

static void dump_duration(struct hdl_buf *buf, const char *before, uint64_t ns)
{
	hdl_buf_adds(buf, before);
	hdl_duration_print(buf, (int64_t)ns);
}

static void dump_addresses(struct hdl_buf *buf, const struct hdl_addr *address, size_t n)
{
	char text[HDL_ADDR_TEXT_MAX];

	for (size_t i = 0; i < n; i++)
		if (!hdl_addr_is_zero(&address[i]))
			hdl_buf_printf(buf, " %s", hdl_addr_print(&address[i], text));
}

static void dump_locality(struct hdl_buf *buf, const struct hdl_ir_locality *l)
{
	if (l->region[0] || l->zone[0] || l->subzone[0])
		hdl_buf_printf(buf, " locality %s/%s/%s", l->region, l->zone, l->subzone);
}

static void dump_labels(struct hdl_buf *buf, const struct hdl_ir_labels *labels)
{
	for (size_t i = 0; i < labels->n; i++)
		hdl_buf_printf(buf, " %s=%s", labels->v[i].key, labels->v[i].value);
}

static void dump_exemptions(struct hdl_buf *buf, const struct hdl_ir_node *node)
{
	for (size_t i = 0; i < node->exempt_count; i++) {
		hdl_buf_printf(buf, "  exempt %s", node->exempt[i].ns[0] ? node->exempt[i].ns : "*");
		dump_labels(buf, &node->exempt[i].labels);
		hdl_buf_adds(buf, "\n");
	}
}

static const char *const xdp_names[] = {
	[HDL_IR_XDP_AUTO] = "auto", [HDL_IR_XDP_NATIVE] = "native", [HDL_IR_XDP_GENERIC] = "generic", [HDL_IR_XDP_OFF] = "off"
};

static void dump_node(struct hdl_buf *buf, const struct hdl_ir_node *node)
{
	hdl_buf_printf(buf, "node \"%s\" domain %s root-namespace %s", node->node_name, node->domain,
		       node->root_namespace);
	dump_locality(buf, &node->locality);
	hdl_buf_printf(buf, "\n  fail-mode %s http-default %s\n", fail_mode_name(node->fail_mode),
		       node->http_default_request ? "request" : "l4");
	if (node->registry_only)
		hdl_buf_adds(buf, "  outbound REGISTRY_ONLY\n");
	dump_exemptions(buf, node);
	if (node->path_normalization != HDL_IR_NORMALIZE_BASE)
		hdl_buf_printf(buf, "  path-normalization %s\n", normalization_names[node->path_normalization]);
	hdl_buf_printf(buf, "  packet-mark 0x%x mask 0x%x table %u\n", node->packet_mark, node->packet_mask,
		       node->route_table);
	hdl_buf_printf(buf, "  capacity services %u endpoints %u flows %u\n", node->capacity_services,
		       node->capacity_endpoints, node->capacity_flows);
	hdl_buf_adds(buf, "  pod-interfaces");
	for (size_t i = 0; i < node->pod_interface_count; i++)
		hdl_buf_printf(buf, " %s", node->pod_interfaces[i]);
	for (size_t i = 0; i < node->edge_interface_count; i++)
		hdl_buf_printf(buf, "%s %s", i ? "" : "\n  edge-interfaces", node->edge_interfaces[i]);
	if (node->edge_xdp != HDL_IR_XDP_AUTO)
		hdl_buf_printf(buf, "\n  edge-xdp %s", xdp_names[node->edge_xdp]);
	if (node->edge_syn_rate)
		hdl_buf_printf(buf, "\n  edge-syn-rate %u burst %u", node->edge_syn_rate, node->edge_syn_burst);
	if (node->edge_interface_count)
		hdl_buf_printf(buf, "\n  edge-ports %u-%u", node->edge_port_first, node->edge_port_last);
	hdl_buf_printf(buf, "\n  access-log \"%s\" %s \"%s\"\n", node->access_log_path,
		       node->access_log_json ? "JSON" : "TEXT", node->access_log_format);
	hdl_buf_printf(buf, "  retry-budget %u %% at least %u\n", node->retry_budget_percent, node->retry_budget_min);
	hdl_buf_printf(buf, "  limits header-bytes %u headers %u connections %u retry-buffer-bytes %u",
		       node->max_request_headers_bytes, node->max_request_headers_count, node->max_connections,
		       node->retry_buffer_bytes);
	dump_duration(buf, " header-timeout ", node->request_headers_timeout_ns);
	dump_duration(buf, " idle-timeout ", node->downstream_idle_timeout_ns);
	dump_duration(buf, " drain-timeout ", node->drain_timeout_ns);
	hdl_buf_adds(buf, "\n");
}

static void dump_workload(struct hdl_buf *buf, const struct hdl_ir_workload *w)
{
	hdl_buf_printf(buf, "workload %s/%s", w->ns, w->name);
	dump_addresses(buf, w->address, HDL_FAMILIES);
	dump_locality(buf, &w->locality);
	dump_origin(buf, &w->origin);
	hdl_buf_printf(buf, "\n  account %s workload %s app %s version %s canonical %s %s\n  labels",
		       w->service_account, w->workload_name, w->app, w->version, w->canonical_service,
		       w->canonical_revision);
	dump_labels(buf, &w->labels);
	hdl_buf_adds(buf, "\n");
}

static void dump_header_values(struct hdl_buf *buf, const char *indent, const char *what,
			       const struct hdl_ir_header_value *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		hdl_buf_printf(buf, "%s%s " HDL_STR_FMT ":", indent, what, HDL_STR_ARG(v[i].name));
		for (size_t p = 0; p < v[i].part_count; p++) {
			const struct hdl_subst_part *part = &v[i].parts[p];

			if (part->command == HDL_SUBST_LITERAL)
				hdl_buf_printf(buf, " \"" HDL_STR_FMT "\"", HDL_STR_ARG(part->text));
			else
				hdl_buf_printf(buf, " %%" HDL_STR_FMT "(" HDL_STR_FMT "?" HDL_STR_FMT "):%u",
					       HDL_STR_ARG(hdl_subst_name(part->command)), HDL_STR_ARG(part->text),
					       HDL_STR_ARG(part->instead), part->bytes_max);
		}
		hdl_buf_adds(buf, "\n");
	}
}

static void dump_header_ops(struct hdl_buf *buf, const char *indent, const char *direction,
			    const struct hdl_ir_header_ops *ops)
{
	char what[32];

	for (size_t i = 0; i < ops->remove_count; i++)
		hdl_buf_printf(buf, "%s%s remove " HDL_STR_FMT "\n", indent, direction, HDL_STR_ARG(ops->remove[i]));
	snprintf(what, sizeof(what), "%s set", direction);
	dump_header_values(buf, indent, what, ops->set, ops->set_count);
	snprintf(what, sizeof(what), "%s add", direction);
	dump_header_values(buf, indent, what, ops->add, ops->add_count);
}

static void dump_headers(struct hdl_buf *buf, const char *indent, const struct hdl_ir_headers *h)
{
	if (!h)
		return;
	dump_header_ops(buf, indent, "request", &h->request);
	dump_header_ops(buf, indent, "response", &h->response);
	if (h->host[0])
		hdl_buf_printf(buf, "%shost %s\n", indent, h->host);
}

static void dump_destinations(struct hdl_buf *buf, const char *indent, const struct hdl_ir_destination *d, size_t n)
{
	char deeper[24];

	snprintf(deeper, sizeof(deeper), "%s  ", indent);
	for (size_t i = 0; i < n; i++) {
		hdl_buf_printf(buf, "%sto %s weight %u threshold %llu%s\n", indent, d[i].cluster_name, d[i].weight,
			       (unsigned long long)d[i].threshold,
			       d[i].unresolved                                 ? " UNRESOLVED" :
			       !d[i].cluster                                   ? " UNKNOWN" :
			       d[i].cluster->client && d[i].cluster->client[0] ? " of their own" :
										 "");
		dump_headers(buf, deeper, d[i].headers);
	}
}

static void dump_path_change(struct hdl_buf *buf, const char *before, const struct hdl_ir_path_change *change)
{
	static const char *const kinds[] = {
		[HDL_IR_PATH_MATCHED] = "what matched",
		[HDL_IR_PATH_WHOLE] = "the path",
		[HDL_IR_PATH_REGEX] = "what the expression finds",
	};

	if (change->kind != HDL_IR_PATH_KEEP)
		hdl_buf_printf(buf, "%s\"" HDL_STR_FMT "\" in place of %s", before, HDL_STR_ARG(change->text),
			       kinds[change->kind]);
}

static void dump_redirect(struct hdl_buf *buf, const struct hdl_ir_redirect *r)
{
	if (!r)
		return;
	hdl_buf_printf(buf, "      redirect %u", r->status);
	if (r->scheme[0])
		hdl_buf_printf(buf, " scheme %s", r->scheme);
	if (r->host[0])
		hdl_buf_printf(buf, " host %s", r->host);
	if (r->port)
		hdl_buf_printf(buf, " port %u", r->port);
	if (r->port_of_listener)
		hdl_buf_adds(buf, " port-of-listener");
	dump_path_change(buf, " path ", &r->path);
	hdl_buf_adds(buf, "\n");
}

static void dump_text(struct hdl_buf *buf, const char *name, struct hdl_str text)
{
	if (text.n)
		hdl_buf_printf(buf, " %s " HDL_STR_FMT, name, HDL_STR_ARG(text));
}

static void dump_string_match(struct hdl_buf *buf, const struct hdl_ir_string_match *m);

static void dump_cors(struct hdl_buf *buf, const struct hdl_ir_cors *c)
{
	if (!c)
		return;
	hdl_buf_adds(buf, "      cors origins");
	for (size_t i = 0; i < c->origin_count; i++)
		dump_string_match(buf, &c->origins[i]);
	dump_text(buf, "methods", c->methods);
	dump_text(buf, "headers", c->headers);
	dump_text(buf, "expose", c->expose);
	dump_text(buf, "max-age", c->max_age);
	hdl_buf_printf(buf, "%s%s%s%s\n", c->any_origin ? " any-origin" : "", c->answer_star ? " answer-star" : "",
		       c->credentials ? " credentials" : "", c->ignore_unmatched ? " ignore-unmatched" : "");
}

static void dump_actions(struct hdl_buf *buf, const struct hdl_ir_http_route *r)
{
	dump_redirect(buf, r->redirect);
	if (r->direct_response) /* a body may be anything: its hash tells two apart */
		hdl_buf_printf(buf, "      answer %u body of %zu bytes %016llx\n", r->direct_response->status,
			       r->direct_response->body.n,
			       (unsigned long long)hdl_hash64(r->direct_response->body.p, r->direct_response->body.n,
							      0));
	if (r->rewrite.kind != HDL_IR_PATH_KEEP) {
		dump_path_change(buf, "      rewrite ", &r->rewrite);
		hdl_buf_adds(buf, "\n");
	}
	dump_headers(buf, "      ", r->headers);
	dump_cors(buf, r->cors);
}

static void dump_subnet(struct hdl_buf *buf, const struct hdl_ir_subnet *s)
{
	unsigned int low = hdl_addr_is_v4(&s->address) && s->prefix >= 96 ? 96 : 0;
	char text[HDL_ADDR_TEXT_MAX];

	hdl_buf_printf(buf, " %s/%u", hdl_addr_print(&s->address, text), s->prefix - low);
}

static void dump_l4_match(struct hdl_buf *buf, const struct hdl_ir_l4_match *m)
{
	hdl_buf_adds(buf, "      match");
	for (size_t i = 0; i < m->subnet_count; i++)
		dump_subnet(buf, &m->subnets[i]);
	if (m->source_labels.n) {
		hdl_buf_adds(buf, " source-labels");
		dump_labels(buf, &m->source_labels);
	}
	if (m->source_namespace[0])
		hdl_buf_printf(buf, " source-namespace %s", m->source_namespace);
	hdl_buf_adds(buf, "\n");
}

static void dump_l4_route(struct hdl_buf *buf, const struct hdl_ir_l4_route *r)
{
	hdl_buf_adds(buf, "    layer-4 rule");
	dump_origin(buf, &r->origin);
	hdl_buf_adds(buf, "\n");
	for (size_t i = 0; i < r->match_count; i++)
		dump_l4_match(buf, &r->matches[i]);
	dump_destinations(buf, "      ", r->destinations, r->destination_count);
}

static void dump_service_port(struct hdl_buf *buf, const struct hdl_ir_service_port *p)
{
	hdl_buf_printf(buf, "  port %u \"%s\" target %u %s label %s: %s", p->port, p->name, p->target_port,
		       protocol_names[p->protocol], label_names[p->label], p->label_reason);
	dump_origin(buf, &p->label_origin);
	if (p->node_port)
		hdl_buf_printf(buf, "\n    node-port %u", p->node_port);
	if (p->affinity_timeout_s)
		hdl_buf_printf(buf, "\n    affinity-timeout %u s", p->affinity_timeout_s);
	hdl_buf_printf(buf, "\n    fail-mode %s cluster %s", fail_mode_name(p->fail_mode), p->cluster->name);
	if (p->route_name)
		hdl_buf_printf(buf, " routes %s vhost %s", p->route_name, p->vhost ? p->vhost->name : "-");
	hdl_buf_adds(buf, "\n");
	for (size_t i = 0; i < p->l4_route_count; i++)
		dump_l4_route(buf, &p->l4_routes[i]);
	hdl_buf_adds(buf, "    layer-4 route");
	dump_origin(buf, &p->route_origin);
	hdl_buf_adds(buf, "\n");
	dump_destinations(buf, "      ", p->destinations, p->destination_count);
}

static void dump_service(struct hdl_buf *buf, const struct hdl_ir_service *s)
{
	hdl_buf_printf(buf, "service %s", s->fqdn);
	dump_origin(buf, &s->origin);
	hdl_buf_adds(buf, "\n  addresses");
	dump_addresses(buf, s->addresses, s->address_count);
	hdl_buf_adds(buf, "\n");
	if (s->external_address_count) {
		hdl_buf_adds(buf, "  external");
		dump_addresses(buf, s->external_addresses, s->external_address_count);
		hdl_buf_adds(buf, "\n");
	}
	if (s->internal_local || s->external_local)
		hdl_buf_printf(buf, "  local%s%s\n", s->internal_local ? " internal" : "",
			       s->external_local ? " external" : "");
	for (size_t i = 0; i < s->direct_count; i++) {
		hdl_buf_adds(buf, i ? "" : "  direct");
		dump_subnet(buf, &s->direct[i]);
		hdl_buf_adds(buf, i + 1 == s->direct_count ? "\n" : "");
	}
	for (size_t i = 0; i < s->port_count; i++)
		dump_service_port(buf, &s->ports[i]);
}

static void dump_outlier(struct hdl_buf *buf, const struct hdl_ir_outlier *o)
{
	if (!o->enabled)
		return;
	hdl_buf_printf(buf, "  outlier 5xx %u gateway %u local-origin %u%s", o->consecutive_5xx, o->consecutive_gateway,
		       o->consecutive_local_origin, o->split_local_origin ? " split" : "");
	dump_duration(buf, " interval ", o->interval_ns);
	dump_duration(buf, " base-ejection ", o->base_ejection_ns);
	hdl_buf_printf(buf, " max-ejection %u %% min-health %u %%\n", o->max_ejection_percent, o->min_health_percent);
}

static void dump_endpoint(struct hdl_buf *buf, const struct hdl_ir_endpoint *e)
{
	hdl_buf_adds(buf, "  endpoint");
	dump_addresses(buf, e->address, HDL_FAMILIES);
	hdl_buf_printf(buf, " port %u weight %u %s", e->port, e->weight, status_names[e->status]);
	if (e->workload)
		hdl_buf_printf(buf, " pod %s/%s", e->workload->ns, e->workload->name);
	dump_locality(buf, &e->locality);
	if (e->priority)
		hdl_buf_printf(buf, " priority %u", e->priority);
	hdl_buf_printf(buf, "%s%s%s\n", e->local ? " local" : "", e->edge ? " edge" : "", e->standby ? " standby" : "");
}

static void dump_groups(struct hdl_buf *buf, const struct hdl_ir_cluster *c)
{
	for (size_t i = 0; i < c->group_count; i++) {
		const struct hdl_ir_group *g = &c->groups[i];

		hdl_buf_printf(buf, "  group priority %u weight %u endpoints %u to %u healthy %u\n", g->priority,
			       g->weight, g->first, g->first + g->count - 1, g->healthy);
	}
}

static void dump_pool(struct hdl_buf *buf, const struct hdl_ir_cluster *c)
{
	const struct hdl_ir_pool *p = &c->pool;

	if (p->max_connections || p->max_pending_requests || p->max_requests || p->max_retries ||
	    p->max_concurrent_streams || p->max_connection_duration_ns) {
		hdl_buf_printf(buf, "  pool connections %u pending %u requests %u retries %u streams %u",
			       p->max_connections, p->max_pending_requests, p->max_requests, p->max_retries,
			       p->max_concurrent_streams);
		dump_duration(buf, " connection-duration ", p->max_connection_duration_ns);
		hdl_buf_adds(buf, "\n");
	}
	if (c->keepalive.on)
		hdl_buf_printf(buf, "  keepalive probes %u time %u s interval %u s\n", c->keepalive.probes,
			       c->keepalive.time_s, c->keepalive.interval_s);
	if (c->affinity_timeout_s)
		hdl_buf_printf(buf, "  affinity-timeout %u s\n", c->affinity_timeout_s);
}

static void dump_cluster(struct hdl_buf *buf, const struct hdl_ir_cluster *c)
{
	hdl_buf_printf(buf, "cluster %s", c->name);
	if (c->client && c->client[0])
		hdl_buf_printf(buf, " for clients of %s", c->client);
	hdl_buf_printf(buf, " %s", policy_names[c->policy]);
	if (c->hash_source != HDL_IR_HASH_NONE)
		hdl_buf_printf(buf, " by %s", hash_names[c->hash_source]);
	if (c->hash_name[0])
		hdl_buf_printf(buf, " %s", c->hash_name);
	if (c->table_size)
		hdl_buf_printf(buf, " %s %u", c->policy == HDL_POLICY_RING_HASH ? "ring" : "table", c->table_size);
	dump_origin(buf, &c->rule);
	dump_duration(buf, "\n  connect-timeout ", c->connect_timeout_ns);
	dump_duration(buf, " idle-timeout ", c->idle_timeout_ns);
	hdl_buf_printf(buf, " max-requests %u endpoints %zu healthy %zu\n", c->max_requests_per_connection,
		       c->endpoint_count, c->healthy_count);
	dump_pool(buf, c);
	dump_outlier(buf, &c->outlier);
	dump_groups(buf, c);
	for (size_t i = 0; i < c->endpoint_count; i++)
		dump_endpoint(buf, &c->endpoints[i]);
}

static void dump_string_match(struct hdl_buf *buf, const struct hdl_ir_string_match *m)
{
	hdl_buf_printf(buf, " %s", kind_names[m->kind]);
	if (m->kind != HDL_IR_MATCH_PRESENT)
		hdl_buf_printf(buf, " \"" HDL_STR_FMT "\"", HDL_STR_ARG(m->value));
}

static void dump_part(struct hdl_buf *buf, const char *name, const struct hdl_ir_string_match *m)
{
	if (m->kind == HDL_IR_MATCH_UNSET)
		return;
	hdl_buf_printf(buf, " %s", name);
	dump_string_match(buf, m);
}

static void dump_named(struct hdl_buf *buf, const char *what, const struct hdl_ir_named_match *m, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		hdl_buf_printf(buf, " %s " HDL_STR_FMT, what, HDL_STR_ARG(m[i].name));
		dump_string_match(buf, &m[i].match);
	}
}

static void dump_match(struct hdl_buf *buf, const struct hdl_ir_http_match *m)
{
	hdl_buf_adds(buf, "      match");
	if (m->name[0])
		hdl_buf_printf(buf, " [%s]", m->name);
	dump_part(buf, "uri", &m->uri);
	if (m->ignore_uri_case)
		hdl_buf_adds(buf, " ignoring case");
	dump_part(buf, "scheme", &m->scheme);
	dump_part(buf, "method", &m->method);
	dump_part(buf, "authority", &m->authority);
	dump_named(buf, "header", m->headers, m->header_count);
	dump_named(buf, "without-header", m->without_headers, m->without_header_count);
	dump_named(buf, "query", m->query, m->query_count);
	if (m->port)
		hdl_buf_printf(buf, " port %u", m->port);
	if (m->source_labels.n) {
		hdl_buf_adds(buf, " source-labels");
		dump_labels(buf, &m->source_labels);
	}
	if (m->source_namespace[0])
		hdl_buf_printf(buf, " source-namespace %s", m->source_namespace);
	dump_origin(buf, &m->origin);
	hdl_buf_adds(buf, "\n");
}

static void dump_retry(struct hdl_buf *buf, const struct hdl_ir_retry *r)
{
	if (!r->attempts) {
		hdl_buf_adds(buf, "      retries off\n");
		return;
	}
	hdl_buf_printf(buf, "      retries %u on", r->attempts);
	for (size_t i = 0; i < sizeof(retry_names) / sizeof(retry_names[0]); i++)
		if (r->on >> i & 1)
			hdl_buf_printf(buf, " %s", retry_names[i]);
	for (size_t i = 0; i < r->code_count; i++)
		hdl_buf_printf(buf, " %u", r->codes[i]);
	if (r->per_try_timeout_ns)
		dump_duration(buf, " per-try-timeout ", r->per_try_timeout_ns);
	dump_duration(buf, " backoff ", r->backoff_ns);
	hdl_buf_printf(buf, " previous-hosts %s\n", r->avoid_previous_hosts ? "avoided" : "allowed");
}

void hdl_ir_dump_outcome(const struct hdl_ir_http_route *r, struct hdl_buf *buf)
{
	dump_destinations(buf, "      ", r->destinations, r->destination_count);
	dump_actions(buf, r);
	if (r->timeout_ns) {
		dump_duration(buf, "      timeout ", r->timeout_ns);
		hdl_buf_adds(buf, "\n");
	}
	dump_retry(buf, &r->retry);
	if (r->fault.delay_per_million) {
		hdl_buf_printf(buf, "      delay %u per million", r->fault.delay_per_million);
		dump_duration(buf, " by ", r->fault.delay_ns);
		hdl_buf_adds(buf, "\n");
	}
	if (r->fault.abort_per_million)
		hdl_buf_printf(buf, "      abort %u per million with %s%u\n", r->fault.abort_per_million,
			       r->fault.abort_status ? "" : "grpc-status ",
			       r->fault.abort_status ? r->fault.abort_status : r->fault.abort_grpc);
	for (size_t i = 0; i < r->mirror_count; i++)
		hdl_buf_printf(buf, "      mirror %u per million to %s\n", r->mirrors[i].per_million,
			       r->mirrors[i].destination.cluster_name);
}

static void dump_http_route(struct hdl_buf *buf, const struct hdl_ir_http_route *r)
{
	hdl_buf_printf(buf, "    route %s", r->name);
	dump_origin(buf, &r->origin);
	hdl_buf_adds(buf, "\n");
	for (size_t i = 0; i < r->match_count; i++)
		dump_match(buf, &r->matches[i]);
	hdl_ir_dump_outcome(r, buf);
}

static void dump_vhost(struct hdl_buf *buf, const struct hdl_ir_vhost *v)
{
	hdl_buf_printf(buf, "  vhost %s", v->name);
	dump_origin(buf, &v->origin);
	hdl_buf_adds(buf, "\n    domains");
	for (size_t i = 0; i < v->domain_count; i++)
		hdl_buf_printf(buf, " %s", v->domains[i]);
	hdl_buf_adds(buf, "\n");
	for (size_t i = 0; i < v->route_count; i++)
		dump_http_route(buf, &v->routes[i]);
	for (v = v->otherwise; v; v = v->otherwise) {
		hdl_buf_adds(buf, "    for clients excluded from all of these");
		dump_origin(buf, &v->origin);
		hdl_buf_adds(buf, "\n");
		for (size_t i = 0; i < v->route_count; i++)
			dump_http_route(buf, &v->routes[i]);
	}
}

static void dump_gateway_listener(struct hdl_buf *buf, const struct hdl_ir_gateway_listener *g)
{
	hdl_buf_adds(buf, "gateway-listener");
	if (hdl_addr_is_zero(&g->address))
		hdl_buf_adds(buf, " *");
	dump_addresses(buf, &g->address, 1);
	hdl_buf_printf(buf, " port %u routes %s", g->port, g->route_config->name);
	dump_origin(buf, &g->origin);
	hdl_buf_adds(buf, "\n");
}

static void dump_route_config(struct hdl_buf *buf, const struct hdl_ir_route_config *c)
{
	hdl_buf_printf(buf, "routes %s port %u%s\n", c->name, c->port, c->gateway ? " gateway" : "");
	for (size_t v = 0; v < c->vhost_count; v++)
		dump_vhost(buf, c->vhosts[v]);
}

static void dump_view_port(struct hdl_buf *buf, const struct hdl_ir_view_port *v)
{
	hdl_buf_printf(buf, "  of %s%s\n", v->port->service->fqdn, v->seen ? "" : " nothing");
	if (v->seen)
		dump_service_port(buf, v->seen);
	else
		hdl_buf_printf(buf, "  port %u %s\n", v->port->port, protocol_names[v->port->protocol]);
}

static void dump_view(struct hdl_buf *buf, const struct hdl_ir_view *v)
{
	hdl_buf_printf(buf, "view %s%s%s", v->ns, v->name[0] ? " sidecar " : "", v->name);
	if (v->selector.n)
		dump_labels(buf, &v->selector);
	hdl_buf_printf(buf, "%s%s", v->narrowed ? " narrowed" : "", v->registry_only ? " registry-only" : "");
	dump_origin(buf, &v->origin);
	hdl_buf_adds(buf, "\n");
	for (size_t i = 0; i < v->port_count; i++)
		dump_view_port(buf, &v->ports[i]);
	for (size_t i = 0; i < v->route_config_count; i++)
		dump_route_config(buf, v->route_configs[i]);
}

void hdl_snapshot_dump(const struct hdl_snapshot *snapshot, struct hdl_buf *buf)
{
	dump_node(buf, &snapshot->node);
	for (size_t i = 0; i < snapshot->workload_count; i++)
		dump_workload(buf, snapshot->workloads[i]);
	for (size_t i = 0; i < snapshot->service_count; i++)
		dump_service(buf, snapshot->services[i]);
	for (size_t i = 0; i < snapshot->cluster_count; i++)
		dump_cluster(buf, snapshot->clusters[i]);
	for (size_t i = 0; i < snapshot->route_config_count; i++)
		dump_route_config(buf, snapshot->route_configs[i]);
	for (size_t i = 0; i < snapshot->view_count; i++)
		dump_view(buf, snapshot->views[i]);
	for (size_t i = 0; i < snapshot->gateway_listener_count; i++)
		dump_gateway_listener(buf, &snapshot->gateway_listeners[i]);
}
