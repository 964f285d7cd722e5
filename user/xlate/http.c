/* SPDX-License-Identifier: Apache-2.0 */
/* Http rules of a VirtualService for one port: retries, faults, mirrors, timeouts (specification B.8 to B.10). */
#include "xlate/priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define DEFAULT_BACKOFF_NS (25 * HDL_NS_PER_MS)
#define DEFAULT_ATTEMPTS 2
#define DEFAULT_RETRY_ON                                                                              \
	(HDL_IR_RETRY_CONNECT_FAILURE | HDL_IR_RETRY_REFUSED_STREAM | HDL_IR_RETRY_GRPC_UNAVAILABLE | \
	 HDL_IR_RETRY_GRPC_CANCELLED | HDL_IR_RETRY_STATUS_CODES)

static const struct {
	const char *token;
	enum hdl_ir_retry_on on;
} retry_tokens[] = {
	{ "5xx", HDL_IR_RETRY_5XX },
	{ "gateway-error", HDL_IR_RETRY_GATEWAY_ERROR },
	{ "reset", HDL_IR_RETRY_RESET },
	{ "reset-before-request", HDL_IR_RETRY_RESET_BEFORE_REQUEST },
	{ "connect-failure", HDL_IR_RETRY_CONNECT_FAILURE },
	{ "retriable-4xx", HDL_IR_RETRY_RETRIABLE_4XX },
	{ "refused-stream", HDL_IR_RETRY_REFUSED_STREAM },
	{ "retriable-status-codes", HDL_IR_RETRY_STATUS_CODES },
	{ "envoy-ratelimited", HDL_IR_RETRY_RATELIMITED },
	{ "cancelled", HDL_IR_RETRY_GRPC_CANCELLED },
	{ "deadline-exceeded", HDL_IR_RETRY_GRPC_DEADLINE_EXCEEDED },
	{ "internal", HDL_IR_RETRY_GRPC_INTERNAL },
	{ "resource-exhausted", HDL_IR_RETRY_GRPC_RESOURCE_EXHAUSTED },
	{ "unavailable", HDL_IR_RETRY_GRPC_UNAVAILABLE },
};

static const struct hdl_ir_retry mesh_default = {
	.attempts = DEFAULT_ATTEMPTS,
	.on = DEFAULT_RETRY_ON,
	.backoff_ns = DEFAULT_BACKOFF_NS,
	.avoid_previous_hosts = true,
};

/* Where a rule is compiled for, and what to call it in diagnostics. */
struct scope {
	const struct hdl_xl_vs *vs;
	const struct hdl_resource *res; /* of the rule: of vs, or the route that it was derived of */
	uint16_t port;
	const char *gateway;
	char field[64]; /* "spec.http[3]" */
};

static int retry_token(struct hdl_xl *xl, const struct scope *scope, const struct hdl_vs_retry *spec,
		       struct hdl_str token, struct hdl_ir_retry *retry, uint16_t *codes)
{
	uint64_t code;

	for (size_t i = 0; i < sizeof(retry_tokens) / sizeof(retry_tokens[0]); i++)
		if (hdl_str_eq(token, hdl_str_of(retry_tokens[i].token))) {
			retry->on |= retry_tokens[i].on;
			return 0;
		}
	if (hdl_str_u64(token, 999, &code) == 0) {
		codes[retry->code_count++] = (uint16_t)code;
		retry->on |= HDL_IR_RETRY_STATUS_CODES;
		return 0;
	}
	/* known to Istio, and without effect without request headers or HTTP/3 */
	if (hdl_xl_first_time(xl, "retry %p %.*s", (const void *)spec, HDL_STR_ARG(token)))
		hdl_xl_report(xl->diags, HDL_WARNING, scope->res, spec->retry_on.pos, scope->field,
			      "retryOn \"" HDL_STR_FMT "\" has no effect here", HDL_STR_ARG(token));
	return 0;
}

static int retry_on(struct hdl_xl *xl, const struct scope *scope, const struct hdl_vs_retry *spec,
		    struct hdl_ir_retry *retry)
{
	struct hdl_str rest = hdl_str_of(spec->retry_on.s);
	uint16_t *codes;

	if (rest.n == 0) {
		retry->on = DEFAULT_RETRY_ON;
		return 0;
	}
	codes = hdl_arena_calloc(xl->arena, rest.n / 2 + 1, sizeof(*codes)); /* a token and a comma are two bytes */
	if (!codes)
		return -ENOMEM;
	retry->codes = codes;
	while (rest.n) {
		const char *comma = memchr(rest.p, ',', rest.n);
		struct hdl_str token = { rest.p, comma ? (size_t)(comma - rest.p) : rest.n };

		if (token.n)
			retry_token(xl, scope, spec, token, retry, codes);
		rest.p += token.n + (comma != NULL);
		rest.n -= token.n + (comma != NULL);
	}
	return 0;
}

static int policy(struct hdl_xl *xl, const struct scope *scope, const struct hdl_vs_retry *spec,
		  struct hdl_ir_retry *retry)
{
	*retry = (struct hdl_ir_retry){
		.attempts = (uint32_t)spec->attempts.value,
		.backoff_ns = hdl_xl_duration(&spec->backoff, DEFAULT_BACKOFF_NS),
		.per_try_timeout_ns = hdl_xl_duration(&spec->per_try_timeout, 0),
		.avoid_previous_hosts =
			!spec->retry_ignore_previous_hosts.has || spec->retry_ignore_previous_hosts.value,
	};
	return retry->attempts ? retry_on(xl, scope, spec, retry) : 0;
}

int hdl_xl_mesh_retry(struct hdl_xl *xl, const struct hdl_resource *res, const struct hdl_vs_retry *spec,
		      struct hdl_ir_retry *ret)
{
	struct scope scope = { .res = res };

	*ret = mesh_default;
	snprintf(scope.field, sizeof(scope.field), "%s.defaultHttpRetryPolicy", res ? hdl_mesh_field(res) : "");
	return spec ? policy(xl, &scope, spec, ret) : 0;
}

static int set_retry(struct hdl_xl *xl, const struct scope *scope, const struct hdl_vs_retry *spec,
		     struct hdl_ir_http_route *route)
{
	struct hdl_ir_retry *retry = &route->retry;
	const struct hdl_ir_cluster *only = route->destination_count == 1 ? route->destinations[0].cluster : NULL;

	*retry = xl->mesh_retry;
	if (spec && policy(xl, scope, spec, retry) < 0)
		return -ENOMEM;
	/* B.9: the rest of the timeout is the shorter one */
	if (route->timeout_ns && retry->per_try_timeout_ns >= route->timeout_ns)
		retry->per_try_timeout_ns = 0;
	/* B.9: with a hash all tries go to the same host */
	if (only && only->hash_source != HDL_IR_HASH_NONE)
		retry->avoid_previous_hosts = false;
	return 0;
}

/* B.10: truncated, as the binary value is: 0.57 is 5699. */
static uint32_t per_million(const struct hdl_percent *percent, const struct hdl_opt_int *deprecated, double absent)
{
	if (percent)
		return (uint32_t)(percent->value.value * 10000);
	return deprecated->has ? (uint32_t)deprecated->value * 10000 : (uint32_t)(absent * 10000);
}

static void set_fault(const struct hdl_vs_fault *spec, struct hdl_ir_fault *fault)
{
	static const struct hdl_opt_int none;

	if (spec && spec->delay && spec->delay->fixed_delay.has) {
		fault->delay_per_million = per_million(spec->delay->percentage, &spec->delay->percent, 0);
		fault->delay_ns = (uint64_t)spec->delay->fixed_delay.ns;
	}
	if (spec && spec->abort && (spec->abort->http_status.has || spec->abort->grpc_status.s)) {
		fault->abort_per_million = per_million(spec->abort->percentage, &none, 0);
		fault->abort_status = (uint16_t)spec->abort->http_status.value;
		fault->abort_grpc = (uint8_t)spec->abort->grpc_code;
	}
}

/* B.8: a mirror that is 0 % or has no cluster is none. */
static int add_mirror(struct hdl_xl *xl, const struct scope *scope, const struct hdl_vs_destination *destination,
		      uint32_t share, struct hdl_ir_http_route *route, struct hdl_ir_mirror *mirrors)
{
	struct hdl_ir_mirror mirror = { .per_million = share };
	char field[sizeof(scope->field) + 16];

	snprintf(field, sizeof(field), "%s.mirror", scope->field);
	if (hdl_xl_destination(xl, scope->res, destination, scope->port, field, &mirror.destination) < 0)
		return -ENOMEM;
	if (share && mirror.destination.cluster)
		mirrors[route->mirror_count++] = mirror;
	return 0;
}

static int set_mirrors(struct hdl_xl *xl, const struct scope *scope, const struct hdl_vs_http *http,
		       struct hdl_ir_http_route *route)
{
	struct hdl_ir_mirror *mirrors = hdl_arena_calloc(xl->arena, http->mirrors.n + 1, sizeof(*mirrors));
	static const struct hdl_opt_int none;

	if (!mirrors)
		return -ENOMEM;
	route->mirrors = mirrors;
	if (http->mirror &&
	    add_mirror(xl, scope, http->mirror, per_million(http->mirror_percentage, &http->mirror_percent, 100), route,
		       mirrors) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < http->mirrors.n; i++) {
		const struct hdl_vs_mirror *m = &http->mirrors.at[i];

		uint32_t share =
			m->per_million.has ? (uint32_t)m->per_million.value : per_million(m->percentage, &none, 100);

		if (add_mirror(xl, scope, m->destination, share, route, mirrors) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* 1: the rule applies; 0: it does not, or is refused. */
static int compile(struct hdl_xl *xl, const struct scope *scope, const struct hdl_vs_http *http,
		   struct hdl_ir_http_route *route)
{
	bool applies;
	int r;

	if (hdl_xl_matches(xl, scope->vs, http, scope->port, scope->gateway, route, &applies) < 0)
		return -ENOMEM;
	if (!applies)
		return 0;
	if (http->route.n && !http->redirect &&
	    !http->direct_response) { /* a delegate may take an answer of its root */
		r = hdl_xl_destinations(xl, scope->res, http->route.at, http->route.n, scope->port, scope->field,
					&route->destinations);
		if (r < 0)
			return r == -E2BIG ? 0 : r;
		route->destination_count = http->route.n;
	}
	r = hdl_xl_actions(xl, scope->res, http, scope->port, route);
	if (r == -EINVAL)
		hdl_xl_report(xl->diags, HDL_ERROR, scope->res, http->pos, scope->field,
			      "a regular expression of this rule does not compile: the rule is left out");
	if (r < 0)
		return r == -EINVAL ? 0 : r;
	route->name = http->name.s && http->name.s[0] ? hdl_xl_intern(xl, http->name.s) : "-";
	route->origin = hdl_xl_origin(xl, scope->res, http->pos);
	route->timeout_ns = hdl_xl_duration(&http->timeout, 0);
	set_fault(http->fault, &route->fault);
	if (set_retry(xl, scope, http->retries, route) < 0 || set_mirrors(xl, scope, http, route) < 0)
		return -ENOMEM;
	return 1;
}

/* Matches whatever comes in on any port: not only because its other blocks are for other ports or gateways. */
static bool is_last_everywhere(const struct hdl_ir_http_route *route, const struct hdl_vs_http *source)
{
	bool any_port = source->match.n == 0;

	for (size_t i = 0; i < source->match.n; i++)
		if (source->match.at[i].gateways.n)
			return false;
	for (size_t i = 0; i < route->match_count; i++)
		any_port |= route->matches[i].port == 0 && hdl_xl_match_is_empty(&route->matches[i]);
	return any_port;
}

static void report_unreachable(struct hdl_xl *xl, const struct scope *scope, const struct hdl_vs_http *http,
			       const struct hdl_xl_routes *routes)
{
	const struct hdl_vs_http *last = routes->source[routes->n - 1];

	if (is_last_everywhere(&routes->v[routes->n - 1], last) &&
	    hdl_xl_first_time(xl, "unreachable %p", (const void *)http))
		hdl_xl_report(xl->diags, HDL_WARNING, scope->res, http->pos, NULL,
			      "no request gets as far as %s: the rule at line %u matches all", scope->field,
			      last->pos.line);
}

static void set_place(struct scope *scope, const struct hdl_vs_http *http, size_t i)
{
	scope->res = http->source ? http->source : scope->vs->res;
	if (http->field)
		snprintf(scope->field, sizeof(scope->field), "%s", http->field);
	else
		snprintf(scope->field, sizeof(scope->field), "spec.http[%zu]", i);
}

static int compile_all(struct hdl_xl *xl, struct scope *scope, struct hdl_xl_routes *routes)
{
	const struct hdl_virtual_service *vs = scope->vs->spec;

	routes->v = hdl_arena_calloc(xl->arena, vs->http.n, sizeof(*routes->v));
	routes->source = hdl_arena_calloc(xl->arena, vs->http.n, sizeof(*routes->source));
	if (!routes->v || !routes->source)
		return -ENOMEM;
	for (size_t i = 0; i < vs->http.n; i++) {
		const struct hdl_vs_http *http = &vs->http.at[i];
		struct hdl_ir_http_route *route = &routes->v[routes->n];
		int r;

		set_place(scope, http, i);
		if (routes->n && hdl_xl_is_catch_all(&routes->v[routes->n - 1])) {
			report_unreachable(xl, scope, http, routes);
			break;
		}
		if (http->delegate) /* an entry whose delegate is not taken in is dropped (A.4) */
			continue;
		memset(route, 0, sizeof(*route));
		r = compile(xl, scope, http, route);
		if (r < 0)
			return r;
		if (r > 0)
			routes->source[routes->n++] = http;
	}
	if (vs->http.n > routes->n)
		memset(&routes->v[routes->n], 0, (vs->http.n - routes->n) * sizeof(*routes->v));
	return 0;
}

int hdl_xl_make_routes(struct hdl_xl *xl, struct hdl_xl_unit *unit)
{
	struct scope scope = { .vs = unit->source->data, .port = unit->port, .gateway = unit->gateway };
	struct hdl_xl_routes *routes = hdl_xl_product_new(xl, sizeof(*routes));
	const struct hdl_xl_client *client = xl->client;
	int r;

	hdl_xl_read_unit(xl, scope.vs->merged);
	xl->client = unit->client;
	r = routes ? compile_all(xl, &scope, routes) : -ENOMEM;
	xl->client = client;
	return r;
}

static char *copy(const char *text)
{
	char *copied = hdl_ir_alloc(1, strlen(text) + 1);

	return copied ? memcpy(copied, text, strlen(text) + 1) : NULL;
}

static char *append(char **to, const char *text)
{
	char *at = *to;

	*to = stpcpy(at, text) + 1;
	return at;
}

/* In one block, which outlives what it is of. */
static struct hdl_xl_client *copy_client(const struct hdl_xl_client *client)
{
	size_t n = client->labels.n, size = strlen(client->ns) + 1;
	struct hdl_xl_client *copied;
	struct hdl_ir_label *v;
	char *to;

	for (size_t i = 0; i < n; i++)
		size += strlen(client->labels.v[i].key) + strlen(client->labels.v[i].value) + 2;
	copied = hdl_ir_alloc(1, sizeof(*copied) + n * sizeof(*v) + size);
	if (!copied)
		return NULL;
	v = (struct hdl_ir_label *)(copied + 1);
	to = (char *)(v + n);
	copied->ns = append(&to, client->ns);
	for (size_t i = 0; i < n; i++) {
		v[i].key = append(&to, client->labels.v[i].key);
		v[i].value = append(&to, client->labels.v[i].value);
	}
	copied->labels = (struct hdl_ir_labels){ .v = v, .n = n };
	return copied;
}

static int new_routes(struct hdl_xl *xl, struct hdl_xl_vs *vs, uint16_t port, const char *gateway,
		      const struct hdl_xl_client *client, struct hdl_xl_unit **ret)
{
	struct hdl_xl_unit *unit;

	if (hdl_xl_add_unit(xl, HDL_XL_ROUTES, vs->source, NULL, &unit) < 0)
		return -ENOMEM;
	unit->next_routes = vs->routes;
	vs->routes = unit;
	unit->port = port;
	if (gateway && !(unit->gateway = copy(gateway)))
		return -ENOMEM;
	if (client && !(unit->client = copy_client(client)))
		return -ENOMEM;
	*ret = unit;
	return 0;
}

static bool is_same(const char *a, const char *b)
{
	return !a == !b && (!a || strcmp(a, b) == 0);
}

static bool is_for(const struct hdl_xl_unit *unit, uint16_t port, const char *gateway,
		   const struct hdl_xl_client *client)
{
	return unit->port == port && is_same(unit->gateway, gateway) && hdl_xl_same_client(unit->client, client);
}

int hdl_xl_http_routes(struct hdl_xl *xl, struct hdl_xl_vs *vs, uint16_t port, const char *gateway,
		       const struct hdl_xl_routes **ret)
{
	struct hdl_xl_unit *unit = vs->routes;
	const struct hdl_xl_client *client = gateway ? NULL : xl->client;
	const struct hdl_xl_client of_namespace = { .ns = client ? client->ns : NULL };

	if (client) {
		hdl_xl_read_unit(xl, vs->merged);
		if (!hdl_xl_vs_differs(xl, vs, client, NULL))
			client = NULL;
		else if (client->labels.n && !hdl_xl_vs_differs(xl, vs, client, &of_namespace))
			client = &of_namespace;
	}
	while (unit && !is_for(unit, port, gateway, client))
		unit = unit->next_routes;
	if (!unit && new_routes(xl, vs, port, gateway, client, &unit) < 0)
		return -ENOMEM;
	if (unit->dirty && hdl_xl_make(xl, unit) < 0)
		return -ENOMEM;
	*ret = hdl_xl_read_unit(xl, unit);
	return 0;
}

int hdl_xl_default_route(struct hdl_xl *xl, const struct hdl_ir_cluster *cluster, const struct hdl_ir_http_route **ret)
{
	struct hdl_ir_http_route *route = hdl_arena_alloc(xl->arena, sizeof(*route));
	static const struct scope nowhere;

	if (!route || hdl_xl_single_destination(xl, cluster, &route->destinations) < 0)
		return -ENOMEM;
	route->name = "default";
	route->destination_count = 1;
	if (set_retry(xl, &nowhere, NULL, route) < 0)
		return -ENOMEM;
	*ret = route;
	return 0;
}
