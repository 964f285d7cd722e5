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

/* Claims of a JWT stand among the headers; whether they may is for the whole to say. */
static bool is_claim(const char *key)
{
	return !strncmp(key, "@request.auth.claims", 20);
}

static void check_keyed(struct hdl_decode *d, struct hdl_keyed_matches *matches, const char *field, bool header)
{
	for (size_t i = 0; i < matches->n; i++) {
		struct hdl_keyed_match *m = &matches->at[i];

		if (header && !is_claim(m->key) && !hdl_name_is_token(m->key))
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

static void warn_nothing_injected(struct hdl_decode *d, struct hdl_pos pos, bool has_share)
{
	if (!has_share && hdl_decode_clean(d))
		hdl_decode_warning(d, pos, NULL, "has no percentage, so nothing is injected");
}

void hdl_check_vs_delay(struct hdl_decode *d, void *object)
{
	const struct hdl_vs_delay *delay = object;

	check_fault_percentage(d, delay->percentage);
	if (!delay->exponential_delay.has && !delay->fixed_delay.has && hdl_decode_clean(d))
		hdl_decode_error(d, delay->pos, "fixedDelay", "is required");
	warn_nothing_injected(d, delay->pos, delay->percentage || delay->percent.has);
}

/* -1: no such name. */
static int grpc_code(const char *name)
{
	static const char *const names[] = {
		"OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
		"NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
		"ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
		"DATA_LOSS", "UNAUTHENTICATED"
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(name, names[i]))
			return (int)i;
	return -1;
}

static void check_grpc_status(struct hdl_decode *d, struct hdl_vs_abort *abort)
{
	int code = abort->grpc_status.s ? grpc_code(abort->grpc_status.s) : 0;

	if (code < 0)
		hdl_decode_error(d, abort->grpc_status.pos, "grpcStatus",
				 "\"%.60s\" is not the name of a gRPC status, such as UNAVAILABLE",
				 abort->grpc_status.s);
	else
		abort->grpc_code = code;
}

void hdl_check_vs_abort(struct hdl_decode *d, void *object)
{
	struct hdl_vs_abort *abort = object;

	check_fault_percentage(d, abort->percentage);
	check_grpc_status(d, abort);
	if (abort->http_status.has + !!abort->grpc_status.s + !!abort->http2_error.s > 1)
		hdl_decode_error(d, abort->pos, NULL, "has more than one of httpStatus, grpcStatus and http2Error");
	if (!abort->http_status.has && !abort->grpc_status.s && !abort->http2_error.s && hdl_decode_clean(d))
		hdl_decode_warning(d, abort->pos, NULL, "has no httpStatus or grpcStatus, so nothing is aborted");
	warn_nothing_injected(d, abort->pos, abort->percentage);
}

void hdl_check_vs_fault(struct hdl_decode *d, void *object)
{
	const struct hdl_vs_fault *fault = object;

	if (!fault->delay && !fault->abort)
		hdl_decode_error(d, fault->pos, NULL, "needs a delay or an abort");
}

/* ---- routes ---- */

void hdl_check_vs_delegate(struct hdl_decode *d, void *object)
{
	const struct hdl_vs_delegate *delegate = object;

	if (delegate->name.s && !hdl_name_is_label(delegate->name.s))
		hdl_decode_error(d, delegate->name.pos, "name",
				 "\"%.100s\" is not a name of a delegate: letters, "
				 "digits and '-', at most 63",
				 delegate->name.s);
	if (delegate->ns.s && *delegate->ns.s && !hdl_name_is_label(delegate->ns.s))
		hdl_decode_error(d, delegate->ns.pos, "namespace", "\"%.100s\" is not a namespace", delegate->ns.s);
}

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

void hdl_check_vs_l4_match(struct hdl_decode *d, void *object)
{
	const struct hdl_vs_l4_match *match = object;

	hdl_check_subnets(d, &match->destination_subnets, "destinationSubnets");
	hdl_check_labels(d, &match->source_labels, "sourceLabels");
	hdl_check_gateway_refs(d, &match->gateways, "gateways");
	if (match->source_namespace.s && *match->source_namespace.s && !hdl_name_is_label(match->source_namespace.s))
		hdl_decode_error(d, match->source_namespace.pos, "sourceNamespace", "\"%.100s\" is not a namespace",
				 match->source_namespace.s);
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

/* "outbound_.80_.v1_.reviews.default.svc.cluster.local": the server name of a subset, which only gateways see (A.8). */
static bool is_subset_name(const char *s)
{
	return !strncmp(s, "outbound_.", 10) && strlen(s) <= 255 &&
	       s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")] == '\0';
}

static bool has_sni(const struct hdl_virtual_service *vs)
{
	for (size_t i = 0; i < vs->tls.n; i++)
		for (size_t k = 0; k < vs->tls.at[i].match.n; k++)
			if (vs->tls.at[i].match.at[k].sni_hosts.n)
				return true;
	return false;
}

static void check_host(struct hdl_decode *d, const struct hdl_virtual_service *vs, size_t i)
{
	const struct hdl_text *host = &vs->hosts.at[i];
	char field[32];

	if (!host->s)
		return;
	snprintf(field, sizeof(field), "hosts[%zu]", i);
	if (!hdl_name_is_host(host->s, true) && !hdl_name_is_ip(host->s) &&
	    !(is_subset_name(host->s) && !bound_to_mesh(vs) && has_sni(vs)))
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

/* Every name that sni stands for is one of host. */
static bool host_contains(const char *host, const char *sni)
{
	size_t host_n, sni_n;

	if (*host != '*')
		return !strcmp(host, sni);
	host++;
	sni += *sni == '*';
	host_n = strlen(host);
	sni_n = strlen(sni);
	return sni_n >= host_n && !memcmp(sni + sni_n - host_n, host, host_n);
}

static void check_sni_host(struct hdl_decode *d, const struct hdl_virtual_service *vs, const struct hdl_text *sni,
			   const char *field)
{
	if (hdl_name_is_ip(sni->s)) {
		hdl_decode_warning(d, sni->pos, field,
				   "\"%.60s\" is an address, which most clients do not send as server name", sni->s);
		return;
	}
	if (!hdl_name_is_host(sni->s, true) && !(is_subset_name(sni->s) && !bound_to_mesh(vs))) {
		hdl_decode_error(d, sni->pos, field, "\"%.100s\" is not a host name", sni->s);
		return;
	}
	for (size_t i = 0; i < vs->hosts.n; i++)
		if (vs->hosts.at[i].s && host_contains(vs->hosts.at[i].s, sni->s))
			return;
	hdl_decode_error(d, sni->pos, field, "\"%.100s\" is not within any of the hosts of this VirtualService",
			 sni->s);
}

static void check_tls(struct hdl_decode *d, const struct hdl_virtual_service *vs)
{
	for (size_t i = 0; i < vs->tls.n; i++)
		for (size_t k = 0; k < vs->tls.at[i].match.n; k++) {
			const struct hdl_texts *names = &vs->tls.at[i].match.at[k].sni_hosts;
			char field[80];

			snprintf(field, sizeof(field), "tls[%zu].match[%zu].sniHosts", i, k);
			for (size_t j = 0; j < names->n; j++)
				if (names->at[j].s)
					check_sni_host(d, vs, &names->at[j], field);
		}
}

static void check_claims(struct hdl_decode *d, const struct hdl_virtual_service *vs, const struct hdl_keyed_matches *m,
			 const char *field)
{
	for (size_t i = 0; i < m->n; i++) {
		if (!is_claim(m->at[i].key))
			continue;
		if (bound_to_mesh(vs))
			hdl_decode_error(d, m->at[i].pos, field,
					 "\"%.100s\": claims of a JWT can be matched at gateways only, not in the mesh",
					 m->at[i].key);
		else
			hdl_decode_warning(d, m->at[i].pos, field,
					   "\"%.100s\": no JWT is read by this version, so no request has this claim",
					   m->at[i].key);
	}
}

static void check_all_claims(struct hdl_decode *d, const struct hdl_virtual_service *vs)
{
	for (size_t i = 0; i < vs->http.n; i++)
		for (size_t k = 0; k < vs->http.at[i].match.n; k++) {
			const struct hdl_vs_match *match = &vs->http.at[i].match.at[k];
			char field[80];

			snprintf(field, sizeof(field), "http[%zu].match[%zu].headers", i, k);
			check_claims(d, vs, &match->headers, field);
			snprintf(field, sizeof(field), "http[%zu].match[%zu].withoutHeaders", i, k);
			check_claims(d, vs, &match->without_headers, field);
		}
}

/* Without hosts: rules for a root to take in. */
static void check_delegate(struct hdl_decode *d, const struct hdl_virtual_service *vs)
{
	if (vs->gateways.n)
		hdl_decode_error(d, vs->gateways.at[0].pos, "gateways",
				 "must not be set without hosts: a delegate has the gateways of its root");
	if (vs->tls.n)
		hdl_decode_error(d, vs->tls.at[0].pos, "tls",
				 "must not be set without hosts: a delegate has only http");
	if (vs->tcp.n)
		hdl_decode_error(d, vs->tcp.at[0].pos, "tcp",
				 "must not be set without hosts: a delegate has only http");
	for (size_t i = 0; i < vs->http.n; i++)
		if (vs->http.at[i].delegate) {
			char field[48];

			snprintf(field, sizeof(field), "http[%zu].delegate", i);
			hdl_decode_error(d, vs->http.at[i].delegate->pos, field,
					 "a delegate (a VirtualService without hosts) must not delegate further");
		}
}

void hdl_check_vs(struct hdl_decode *d, void *object)
{
	const struct hdl_virtual_service *vs = object;

	for (size_t i = 0; i < vs->hosts.n; i++)
		check_host(d, vs, i);
	hdl_check_gateway_refs(d, &vs->gateways, "gateways");
	if (!vs->http.n && !vs->tcp.n && !vs->tls.n && hdl_decode_clean(d))
		hdl_decode_error(d, vs->pos, NULL, "needs one of http, tls and tcp");
	if (!vs->hosts.n && hdl_decode_clean(d))
		check_delegate(d, vs);
	check_all_claims(d, vs);
	check_tls(d, vs);
	hdl_check_export_list(d, &vs->export_to, "exportTo", 0);
	hdl_check_annotations(d);
}
