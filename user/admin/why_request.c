/* SPDX-License-Identifier: Apache-2.0 */
/* Which route takes an example request, and what is in force there: timeout, retries, faults, mirrors, destinations. */
#include <string.h>
#include "admin/why.h"
#include "base/clock.h"
#include "route/table.h"

static const struct {
	uint32_t bit;
	const char *name;
} retry_names[] = {
	{ HDL_IR_RETRY_5XX, "5xx" },
	{ HDL_IR_RETRY_GATEWAY_ERROR, "gateway-error" },
	{ HDL_IR_RETRY_RESET, "reset" },
	{ HDL_IR_RETRY_RESET_BEFORE_REQUEST, "reset-before-request" },
	{ HDL_IR_RETRY_CONNECT_FAILURE, "connect-failure" },
	{ HDL_IR_RETRY_RETRIABLE_4XX, "retriable-4xx" },
	{ HDL_IR_RETRY_REFUSED_STREAM, "refused-stream" },
	{ HDL_IR_RETRY_STATUS_CODES, "retriable-status-codes" },
	{ HDL_IR_RETRY_RATELIMITED, "envoy-ratelimited" },
	{ HDL_IR_RETRY_GRPC_CANCELLED, "cancelled" },
	{ HDL_IR_RETRY_GRPC_DEADLINE_EXCEEDED, "deadline-exceeded" },
	{ HDL_IR_RETRY_GRPC_INTERNAL, "internal" },
	{ HDL_IR_RETRY_GRPC_RESOURCE_EXHAUSTED, "resource-exhausted" },
	{ HDL_IR_RETRY_GRPC_UNAVAILABLE, "unavailable" },
};

static void put_retries(struct hdl_jsonw *w, const struct hdl_ir_retry *retry)
{
	hdl_jsonw_key(w, "retries");
	hdl_jsonw_object(w);
	hdl_jsonw_ku64(w, "attempts", retry->attempts);
	hdl_jsonw_key(w, "on");
	hdl_jsonw_array(w);
	for (size_t i = 0; retry->attempts && i < sizeof(retry_names) / sizeof(retry_names[0]); i++)
		if (retry->on & retry_names[i].bit)
			hdl_jsonw_str(w, retry_names[i].name);
	hdl_jsonw_array_end(w);
	hdl_jsonw_key(w, "codes");
	hdl_jsonw_array(w);
	for (size_t i = 0; i < retry->code_count; i++)
		hdl_jsonw_u64(w, retry->codes[i]);
	hdl_jsonw_array_end(w);
	hdl_jsonw_ku64(w, "per_try_timeout_ms", retry->per_try_timeout_ns / HDL_NS_PER_MS);
	hdl_jsonw_object_end(w);
}

static void put_fault(struct hdl_jsonw *w, const struct hdl_ir_fault *fault)
{
	hdl_jsonw_key(w, "fault");
	hdl_jsonw_object(w);
	hdl_jsonw_ku64(w, "delay_per_million", fault->delay_per_million);
	hdl_jsonw_ku64(w, "delay_ms", fault->delay_ns / HDL_NS_PER_MS);
	hdl_jsonw_ku64(w, "abort_per_million", fault->abort_per_million);
	hdl_jsonw_ku64(w, "abort_status", fault->abort_status);
	hdl_jsonw_ku64(w, "abort_grpc", fault->abort_grpc);
	hdl_jsonw_object_end(w);
}

static void put_mirrors(struct hdl_jsonw *w, const struct hdl_ir_http_route *route)
{
	hdl_jsonw_key(w, "mirrors");
	hdl_jsonw_array(w);
	for (size_t i = 0; i < route->mirror_count; i++) {
		hdl_jsonw_object(w);
		hdl_jsonw_kstr(w, "cluster", route->mirrors[i].destination.cluster_name);
		hdl_jsonw_ku64(w, "per_million", route->mirrors[i].per_million);
		hdl_jsonw_object_end(w);
	}
	hdl_jsonw_array_end(w);
}

static void put_route(const struct hdl_why *why, const struct hdl_ir_http_route *route,
		      const struct hdl_ir_http_match *match)
{
	struct hdl_buf text = { 0 };

	hdl_jsonw_kstr(why->w, "route", route->name);
	hdl_admin_match_text(&text, match);
	hdl_jsonw_key(why->w, "match");
	hdl_jsonw_strn(why->w, (struct hdl_str){ text.p ? text.p : "", text.n });
	hdl_buf_done(&text);
	hdl_admin_json_origin(why->w, "rule", match && match->origin.kind ? &match->origin : &route->origin);
	hdl_admin_json_actions(why->w, route);
	hdl_jsonw_ku64(why->w, "timeout_ms", route->timeout_ns / HDL_NS_PER_MS);
	put_retries(why->w, &route->retry);
	put_fault(why->w, &route->fault);
	put_mirrors(why->w, route);
	if (route->destination_count)
		(void)hdl_why_destinations(why, route->destinations, route->destination_count, true);
}

/* What answers: the route that takes it, or why none does. */
static void put_answer(struct hdl_why *why, const struct hdl_ir_vhost *vhost, uint16_t number, const char *refusal)
{
	struct hdl_route_client who = { why->client, number };
	const struct hdl_ir_http_match *match = NULL;
	const struct hdl_ir_http_route *route = NULL;
	struct hdl_str path = { why->normal, why->head.path.n };

	memcpy(why->normal, why->head.path.p, why->head.path.n);
	if (!refusal && hdl_route_path(&why->view->snapshot->node, path, &path) < 0)
		refusal = "its path is refused: 400";
	if (!refusal && !vhost)
		refusal = "no virtual host has the name: 404 NR";
	if (!refusal)
		route = hdl_route_match(vhost, &why->head, path, &who, &match);
	if (!refusal && !route)
		refusal = "no route matches: 404 NR";
	hdl_jsonw_key(why->w, "request");
	hdl_jsonw_object(why->w);
	hdl_jsonw_kstr(why->w, "method", why->method);
	hdl_jsonw_kstr(why->w, "authority", why->authority);
	hdl_jsonw_kstr(why->w, "path", why->path);
	hdl_jsonw_kstr(why->w, "refusal", refusal ? refusal : "");
	hdl_jsonw_kstr(why->w, "vhost", vhost ? vhost->name : "");
	hdl_admin_json_origin(why->w, "vhost_origin", vhost ? &vhost->origin : NULL);
	if (route)
		put_route(why, route, match);
	hdl_jsonw_object_end(why->w);
}

void hdl_why_request(struct hdl_why *why, const struct hdl_ir_service_port *port)
{
	const struct hdl_ir_vhost *vhost =
		hdl_route_ask(why->view->snapshot, why->sees.view, why->client, port, why->head.authority);

	put_answer(why, vhost, port->port, port->vhost ? NULL : "no http port");
}

bool hdl_why_gateway(struct hdl_why *why)
{
	const struct hdl_snapshot *snapshot = why->view->snapshot;
	bool found = false;

	for (size_t i = 0; i < snapshot->route_config_count; i++) {
		const struct hdl_ir_route_config *config = snapshot->route_configs[i];
		const struct hdl_ir_vhost *vhost;

		if (!config->gateway || (why->number && config->port != why->number))
			continue;
		vhost = hdl_route_find_vhost(config->table, why->head.authority);
		if (!vhost)
			continue;
		found = true;
		hdl_jsonw_object(why->w);
		hdl_jsonw_kstr(why->w, "type", "gateway");
		hdl_jsonw_kstr(why->w, "gateway", config->name);
		hdl_jsonw_ku64(why->w, "port", config->port);
		put_answer(why, vhost, config->port, NULL);
		hdl_jsonw_object_end(why->w);
	}
	return found;
}
