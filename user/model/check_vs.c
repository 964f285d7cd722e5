/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of VirtualService (specification A.3). */
#include "model/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/str.h"
#include "model/names.h"

/* ---- destinations ---- */

void hdl_check_vs_destination(struct hdl_decode *d, void *object)
{
	const struct hdl_vs_destination *destination = object;
	const char *host = destination->host.s;

	if (host && !strcmp(host, "*"))
		hdl_decode_error(d, destination->host.pos, "host", "\"*\" is not a destination");
	else if (host && !hdl_name_is_host(host, true))
		hdl_decode_error(d, destination->host.pos, "host", "\"%.100s\" is not a host name", host);
	/* Istio takes an empty subset for none */
	if (destination->subset.s && *destination->subset.s && !hdl_name_is_label(destination->subset.s))
		hdl_decode_error(d, destination->subset.pos, "subset",
				 "\"%.100s\" is not a subset name: letters, digits and '-', at most 63",
				 destination->subset.s);
}

static void check_weights(struct hdl_decode *d, const struct hdl_vs_route *route, size_t n)
{
	uint64_t total = 0;

	for (size_t i = 0; i < n; i++)
		total += (uint64_t)route[i].weight.value;
	if (n > 1 && total == 0 && hdl_decode_clean(d))
		hdl_decode_error(d, route[0].pos, "route", "total destination weight = 0");
}

/* ---- matches ---- */

static void check_no_empty_prefix(struct hdl_decode *d, const struct hdl_string_match *m, const char *field)
{
	if (m && m->prefix.s && !*m->prefix.s)
		hdl_decode_error(d, m->prefix.pos, field, "prefix must not be empty");
}

/* A condition on what every request has, without a value to compare with, is no condition. */
static void drop_presence(struct hdl_decode *d, struct hdl_string_match **m, const char *field)
{
	if (!*m || hdl_string_match_kind(*m) != HDL_MATCH_PRESENT)
		return;
	if (hdl_decode_clean(d))
		hdl_decode_warning(d, (*m)->pos, field, "has no exact, prefix or regex and matches everything");
	*m = NULL;
}

static void check_keyed(struct hdl_decode *d, struct hdl_keyed_matches *matches, const char *field, bool header)
{
	for (size_t i = 0; i < matches->n; i++) {
		struct hdl_keyed_match *m = &matches->at[i];

		if (header && m->key && !strncmp(m->key, "@request.auth.claims", 20))
			hdl_decode_error(d, m->pos, field, "matching JWT claims is not supported by this version");
		else if (header && m->key && !hdl_name_is_token(m->key))
			hdl_decode_error(d, m->pos, field, "\"%.100s\" is not a header name", m->key);
		check_no_empty_prefix(d, &m->match, field);
	}
}

/* In withoutHeaders the regex "*" is another way to ask for absence (B.2). */
static void normalize_absence(struct hdl_keyed_matches *matches)
{
	for (size_t i = 0; i < matches->n; i++) {
		struct hdl_string_match *m = &matches->at[i].match;

		if (m->regex.s && !strcmp(m->regex.s, "*"))
			m->regex.s = NULL;
	}
}

void hdl_check_vs_match(struct hdl_decode *d, void *object)
{
	struct hdl_vs_match *match = object;

	drop_presence(d, &match->uri, "uri");
	drop_presence(d, &match->scheme, "scheme");
	drop_presence(d, &match->method, "method");
	drop_presence(d, &match->authority, "authority");
	check_no_empty_prefix(d, match->scheme, "scheme");
	check_no_empty_prefix(d, match->method, "method");
	check_no_empty_prefix(d, match->authority, "authority");
	check_keyed(d, &match->headers, "headers", true);
	check_keyed(d, &match->without_headers, "withoutHeaders", true);
	normalize_absence(&match->without_headers);
	check_keyed(d, &match->query_params, "queryParams", false);
	if (match->source_namespace.s && *match->source_namespace.s && !hdl_name_is_label(match->source_namespace.s))
		hdl_decode_error(d, match->source_namespace.pos, "sourceNamespace", "\"%.100s\" is not a namespace",
				 match->source_namespace.s);
	hdl_check_labels(d, &match->source_labels, "sourceLabels");
	hdl_check_gateway_refs(d, &match->gateways, "gateways");
}

/* ---- retries ---- */

/* Numbers with a registered status text, as Go's net/http has them. */
static bool is_known_status(uint64_t n)
{
	static const uint16_t range[][2] = { { 100, 103 }, { 200, 208 }, { 226, 226 }, { 300, 305 },
					     { 307, 308 }, { 400, 418 }, { 421, 426 }, { 428, 429 },
					     { 431, 431 }, { 451, 451 }, { 500, 508 }, { 510, 511 } };

	for (size_t i = 0; i < sizeof(range) / sizeof(range[0]); i++)
		if (n >= range[i][0] && n <= range[i][1])
			return true;
	return false;
}

static bool is_retry_token(struct hdl_str token)
{
	static const char *const known[] = { "5xx",
					     "gateway-error",
					     "reset",
					     "reset-before-request",
					     "connect-failure",
					     "retriable-4xx",
					     "refused-stream",
					     "retriable-status-codes",
					     "retriable-headers",
					     "envoy-ratelimited",
					     "http3-post-connect-failure",
					     "cancelled",
					     "deadline-exceeded",
					     "internal",
					     "resource-exhausted",
					     "unavailable" };
	uint64_t number;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (hdl_str_eq(token, hdl_str_of(known[i])))
			return true;
	return hdl_str_u64(token, 999, &number) == 0 && is_known_status(number);
}

static void check_retry_on(struct hdl_decode *d, const struct hdl_text *retry_on)
{
	const char *s = retry_on->s;

	while (s && *retry_on->s) {
		size_t n = strcspn(s, ",");

		if (!is_retry_token((struct hdl_str){ s, n }))
			hdl_decode_error(d, retry_on->pos, "retryOn",
					 "\"%.*s\" is not a retry condition or status code (no blanks around commas)",
					 n > 60 ? 60 : (int)n, s);
		if (!s[n])
			break;
		s += n + 1;
	}
}

void hdl_check_vs_retry(struct hdl_decode *d, void *object)
{
	const struct hdl_vs_retry *retry = object;

	check_retry_on(d, &retry->retry_on);
	if (retry->attempts.value || !hdl_decode_clean(d))
		return;
	if (retry->per_try_timeout.has || (retry->retry_on.s && *retry->retry_on.s) ||
	    retry->retry_remote_localities.has)
		hdl_decode_error(
			d, retry->attempts.has ? retry->attempts.pos : retry->pos, "attempts",
			"0 (or none) switches retries off, so perTryTimeout, retryOn and retryRemoteLocalities "
			"must not be set");
}

/* ---- faults ---- */

static void check_fault_percentage(struct hdl_decode *d, const struct hdl_percent *percentage)
{
	if (percentage && percentage->value.has && percentage->value.value != 0 && percentage->value.value < 0.0001)
		hdl_decode_error(d, percentage->value.pos, "percentage.value", "must be 0 or 0.0001..100");
}

static void warn_nothing_injected(struct hdl_decode *d, struct hdl_pos pos, const struct hdl_percent *percentage,
				  const struct hdl_opt_int *percent)
{
	if (!percentage && !percent->has && hdl_decode_clean(d))
		hdl_decode_warning(d, pos, NULL, "has no percentage, so nothing is injected");
}

void hdl_check_vs_delay(struct hdl_decode *d, void *object)
{
	const struct hdl_vs_delay *delay = object;

	check_fault_percentage(d, delay->percentage);
	if (!delay->fixed_delay.has && !delay->exponential_delay.has && hdl_decode_clean(d))
		hdl_decode_error(d, delay->pos, "fixedDelay", "is required");
	warn_nothing_injected(d, delay->pos, delay->percentage, &delay->percent);
}

void hdl_check_vs_abort(struct hdl_decode *d, void *object)
{
	const struct hdl_vs_abort *abort = object;

	check_fault_percentage(d, abort->percentage);
	if (abort->http_status.has + !!abort->grpc_status.s + !!abort->http2_error.s > 1)
		hdl_decode_error(d, abort->pos, NULL, "has more than one of httpStatus, grpcStatus and http2Error");
	if (!abort->http_status.has && !abort->grpc_status.s && !abort->http2_error.s && hdl_decode_clean(d))
		hdl_decode_warning(d, abort->pos, NULL, "has no httpStatus, so nothing is aborted");
	warn_nothing_injected(d, abort->pos, abort->percentage, &abort->percent);
}

void hdl_check_vs_fault(struct hdl_decode *d, void *object)
{
	const struct hdl_vs_fault *fault = object;

	if (!fault->delay && !fault->abort)
		hdl_decode_error(d, fault->pos, NULL, "needs a delay or an abort");
}

/* ---- routes ---- */

static void check_exclusive(struct hdl_decode *d, const struct hdl_vs_http *http)
{
	struct {
		const char *name;
		bool has, with_redirect, with_response;
	} const action[] = {
		{ "route", http->route.n > 0, false, false },
		{ "fault", http->fault, false, false },
		{ "rewrite", http->rewrite, false, false },
	};

	for (size_t i = 0; i < sizeof(action) / sizeof(action[0]); i++) {
		if (action[i].has && http->redirect)
			hdl_decode_error(d, http->redirect->pos, "redirect", "excludes %s", action[i].name);
		if (action[i].has && http->direct_response)
			hdl_decode_error(d, http->direct_response->pos, "directResponse", "excludes %s",
					 action[i].name);
	}
	if (http->redirect && http->direct_response)
		hdl_decode_error(d, http->direct_response->pos, "directResponse", "excludes redirect");
	if (http->delegate && (http->route.n || http->redirect))
		hdl_decode_error(d, http->delegate->pos, "delegate", "excludes route and redirect");
	if (http->mirror && http->mirrors.n)
		hdl_decode_error(d, http->mirror->pos, "mirror", "excludes mirrors");
}

/* The part of the path that a prefix matched is replaced, so there must be one. */
static void check_prefix_rewrite(struct hdl_decode *d, const struct hdl_vs_http *http)
{
	const struct hdl_text *rewrite = &http->redirect->prefix_rewrite;
	bool prefix = http->match.n > 0;

	if (!rewrite->s || !*rewrite->s)
		return;
	for (size_t i = 0; i < http->match.n; i++)
		prefix = prefix && http->match.at[i].uri && http->match.at[i].uri->prefix.s;
	if (!prefix && hdl_decode_clean(d))
		hdl_decode_error(d, rewrite->pos, "redirect.prefixRewrite",
				 "needs a match, and a prefix of uri in every match");
}

void hdl_check_vs_http(struct hdl_decode *d, void *object)
{
	const struct hdl_vs_http *http = object;

	check_exclusive(d, http);
	hdl_check_vs_authority(d, http->rewrite, http->headers);
	if (http->redirect)
		check_prefix_rewrite(d, http);
	if (!http->route.n && !http->redirect && !http->direct_response && !http->delegate && hdl_decode_clean(d))
		hdl_decode_error(d, http->pos, "route", "is required: one or more destinations");
	check_weights(d, http->route.at, http->route.n);
	if (!http->mirror && (http->mirror_percentage || http->mirror_percent.has) && hdl_decode_clean(d))
		hdl_decode_warning(d, http->pos, "mirrorPercentage", "has no effect without mirror");
}

void hdl_check_vs_l4_route(struct hdl_decode *d, void *object)
{
	const struct hdl_vs_l4_route *route = object;

	check_weights(d, route->route.at, route->route.n);
}

/* ---- the whole ---- */

static bool bound_to_mesh(const struct hdl_virtual_service *vs)
{
	for (size_t i = 0; i < vs->gateways.n; i++)
		if (vs->gateways.at[i].s && !strcmp(vs->gateways.at[i].s, "mesh"))
			return true;
	return vs->gateways.n == 0;
}

static void check_host(struct hdl_decode *d, const struct hdl_virtual_service *vs, size_t i)
{
	const struct hdl_text *host = &vs->hosts.at[i];
	char field[32];

	if (!host->s)
		return;
	snprintf(field, sizeof(field), "hosts[%zu]", i);
	if (!hdl_name_is_host(host->s, true) && !hdl_name_is_ip(host->s))
		hdl_decode_error(d, host->pos, field,
				 "\"%.100s\" is not a host name (labels joined by dots, * only at the "
				 "beginning) or address",
				 host->s);
	else if (!strcmp(host->s, "*") && bound_to_mesh(vs))
		hdl_decode_error(d, host->pos, field,
				 "wildcard host * is not allowed for virtual services bound to the mesh gateway");
	for (size_t j = 0; j < i; j++) {
		const char *other = vs->hosts.at[j].s;

		if (other && hdl_name_hosts_overlap(host->s, other)) {
			hdl_decode_error(d, host->pos, field, "duplicate hosts in virtual service: %.100s & %.100s",
					 other, host->s);
			return;
		}
	}
}

void hdl_check_vs(struct hdl_decode *d, void *object)
{
	const struct hdl_virtual_service *vs = object;

	if (!vs->hosts.n && hdl_decode_clean(d))
		hdl_decode_error(d, vs->pos, "hosts",
				 "is required: names that clients dial (delegates are not supported by this version)");
	for (size_t i = 0; i < vs->hosts.n; i++)
		check_host(d, vs, i);
	hdl_check_gateway_refs(d, &vs->gateways, "gateways");
	if (!vs->http.n && !vs->tcp.n && !vs->tls.n && hdl_decode_clean(d))
		hdl_decode_error(d, vs->pos, NULL, "needs one of http, tls and tcp");
	hdl_check_export_list(d, &vs->export_to, "exportTo", 0);
	hdl_check_annotations(d);
}
