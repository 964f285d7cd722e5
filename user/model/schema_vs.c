/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of VirtualService (specification A.2). */
#include "model/check.h"
#include "model/schema.h"

#define ACCEPTED .support = HDL_ACCEPTED
#define REQUIRED .flags = HDL_FIELD_REQUIRED
#define MAX_INT32 2147483647
#define MAX_UINT32 4294967295

static const struct hdl_field string_match_fields[] = {
	HDL_STRING(struct hdl_string_match, exact, "exact", "the value is this, letter by letter"),
	HDL_STRING(struct hdl_string_match, prefix, "prefix", "the value begins with this"),
	HDL_STRING(struct hdl_string_match, regex, "regex",
		   "RE2 expression that the whole value matches; at most 1024 characters"),
};
const struct hdl_message hdl_schema_string_match =
	HDL_MESSAGE_TABLE("StringMatch", struct hdl_string_match, string_match_fields, hdl_check_string_match);

static const struct hdl_field percent_fields[] = {
	HDL_DOUBLE(struct hdl_percent, value, "value", 0, 100, "percentage, 0 to 100, in steps of 0.0001"),
};
const struct hdl_message hdl_schema_percent = HDL_MESSAGE_TABLE("Percent", struct hdl_percent, percent_fields, NULL);

static const struct hdl_field port_selector_fields[] = {
	HDL_INT(struct hdl_port_selector, number, "number", 1, 65535, "port of the service", REQUIRED),
};
const struct hdl_message hdl_schema_port_selector =
	HDL_MESSAGE_TABLE("PortSelector", struct hdl_port_selector, port_selector_fields, NULL);

static const struct hdl_field destination_fields[] = {
	HDL_STRING(struct hdl_vs_destination, host, "host",
		   "service; a name without a dot is completed by the namespace of the rule", REQUIRED),
	HDL_STRING(struct hdl_vs_destination, subset, "subset", "subset that a DestinationRule of the host defines"),
	HDL_MESSAGE(struct hdl_vs_destination, port, "port", &hdl_schema_port_selector,
		    "port of the service; it can be left out when the service has one port"),
};
const struct hdl_message hdl_schema_destination =
	HDL_MESSAGE_TABLE("Destination", struct hdl_vs_destination, destination_fields, hdl_check_vs_destination);

static const struct hdl_field header_ops_fields[] = {
	HDL_STRING_MAP(
		struct hdl_vs_header_ops, set, "set",
		"headers to overwrite by name; values may have operators such as %REQ(name)%, %% is a percent sign",
		.note = "An operator that is not known is refused, with the list of those that are; a value that comes out empty is not sent. Names and values made for one message are at most 48 KiB together: a header beyond is left out and counted (limit header_values)"),
	HDL_STRING_MAP(struct hdl_vs_header_ops, add, "add", "headers to append by name, beside those that are there"),
	HDL_STRINGS(struct hdl_vs_header_ops, remove, "remove", "names of headers to take away"),
};
static const struct hdl_message header_ops =
	HDL_MESSAGE_TABLE("HeaderOperations", struct hdl_vs_header_ops, header_ops_fields, NULL);

static const struct hdl_field headers_fields[] = {
	HDL_MESSAGE(struct hdl_vs_headers, request, "request", &header_ops,
		    "what is changed before the request goes to the endpoint"),
	HDL_MESSAGE(struct hdl_vs_headers, response, "response", &header_ops,
		    "what is changed before the answer goes to the client"),
};
static const struct hdl_message headers =
	HDL_MESSAGE_TABLE("Headers", struct hdl_vs_headers, headers_fields, hdl_check_vs_headers);

static const struct hdl_field route_fields[] = {
	HDL_MESSAGE(struct hdl_vs_route, destination, "destination", &hdl_schema_destination,
		    "service that gets the requests", REQUIRED),
	HDL_INT(struct hdl_vs_route, weight, "weight", 0, MAX_INT32,
		"share of the requests, relative to the sum of the weights; a single destination gets all",
		.note = "The weights need not sum to 100"),
	HDL_MESSAGE(
		struct hdl_vs_route, headers, "headers", &headers,
		"header operations for requests that go to this destination; with several destinations those of the route come later and win"),
};
static const struct hdl_message route =
	HDL_MESSAGE_TABLE("HTTPRouteDestination", struct hdl_vs_route, route_fields, NULL);

static const struct hdl_field l4_destination_fields[] = {
	HDL_MESSAGE(struct hdl_vs_route, destination, "destination", &hdl_schema_destination,
		    "service that gets the connections", REQUIRED),
	HDL_INT(struct hdl_vs_route, weight, "weight", 0, MAX_INT32,
		"share of the connections, relative to the sum of the weights; a single destination gets all"),
};
static const struct hdl_message l4_destination =
	HDL_MESSAGE_TABLE("RouteDestination", struct hdl_vs_route, l4_destination_fields, NULL);

static const struct hdl_field match_fields[] = {
	HDL_STRING(struct hdl_vs_match, name, "name",
		   "name of the condition, which the access log shows behind that of the route"),
	HDL_MESSAGE(struct hdl_vs_match, uri, "uri", &hdl_schema_string_match,
		    "path of the request, without the query"),
	HDL_MESSAGE(struct hdl_vs_match, scheme, "scheme", &hdl_schema_string_match,
		    "scheme of the request: http or https"),
	HDL_MESSAGE(struct hdl_vs_match, method, "method", &hdl_schema_string_match, "method of the request"),
	HDL_MESSAGE(struct hdl_vs_match, authority, "authority", &hdl_schema_string_match,
		    "Host header, with the port when the client sent one"),
	HDL_MATCH_MAP(struct hdl_vs_match, headers, "headers", "headers by name, in lower case; {} asks for presence"),
	HDL_INT(struct hdl_vs_match, port, "port", 1, 65535, "port that the client dialled",
		.note = "The port of the service, not that of the endpoint"),
	HDL_STRING_MAP(struct hdl_vs_match, source_labels, "sourceLabels",
		       "labels that the pod of the client has; not at gateways"),
	HDL_STRINGS(
		struct hdl_vs_match, gateways, "gateways",
		"gateways, or mesh for clients in pods, in place of those of the VirtualService; source conditions do not count then"),
	HDL_MATCH_MAP(struct hdl_vs_match, query_params, "queryParams",
		      "query parameters by name; {} asks for presence"),
	HDL_BOOL(struct hdl_vs_match, ignore_uri_case, "ignoreUriCase",
		 "exact and prefix of uri are compared without regard to case (false)"),
	HDL_MATCH_MAP(struct hdl_vs_match, without_headers, "withoutHeaders",
		      "headers by name that must not match; {} asks for absence"),
	HDL_STRING(struct hdl_vs_match, source_namespace, "sourceNamespace",
		   "namespace of the pod of the client; not at gateways"),
	HDL_STRING(struct hdl_vs_match, stat_prefix, "statPrefix", "prefix of the statistics of requests that match",
		   ACCEPTED),
};
static const struct hdl_message match =
	HDL_MESSAGE_TABLE("HTTPMatchRequest", struct hdl_vs_match, match_fields, hdl_check_vs_match);

static const struct hdl_field retry_fields[] = {
	HDL_INT(struct hdl_vs_retry, attempts, "attempts", 0, MAX_INT32,
		"most retries, the first try not counted; 0 or absent: none"),
	HDL_DURATION(struct hdl_vs_retry, per_try_timeout, "perTryTimeout",
		     "time for each try (the timeout of the route)"),
	HDL_STRING(
		struct hdl_vs_retry, retry_on, "retryOn",
		"conditions and statuses joined by commas, without blanks (connect-failure,refused-stream,unavailable,cancelled)",
		.note = "Blanks around commas are refused"),
	HDL_BOOL(struct hdl_vs_retry, retry_remote_localities, "retryRemoteLocalities",
		 "retry in other localities too (false)", ACCEPTED),
	HDL_BOOL(struct hdl_vs_retry, retry_ignore_previous_hosts, "retryIgnorePreviousHosts",
		 "prefer endpoints that were not tried (true)"),
	HDL_DURATION(struct hdl_vs_retry, backoff, "backoff", "base of the growing wait before a retry (25ms)"),
};
const struct hdl_message hdl_schema_retry =
	HDL_MESSAGE_TABLE("HTTPRetry", struct hdl_vs_retry, retry_fields, hdl_check_vs_retry);

static const struct hdl_field delay_fields[] = {
	HDL_INT(struct hdl_vs_delay, percent, "percent", 0, 100, "whole percentage of requests; use percentage",
		.flags = HDL_FIELD_DEPRECATED),
	HDL_DURATION(struct hdl_vs_delay, fixed_delay, "fixedDelay", "how long a request is held before it is sent on"),
	HDL_DURATION(struct hdl_vs_delay, exponential_delay, "exponentialDelay",
		     "not implemented by Istio either; use fixedDelay", .support = HDL_REFUSED),
	HDL_MESSAGE(struct hdl_vs_delay, percentage, "percentage", &hdl_schema_percent, "share of the requests (none)",
		    .note = "Without it nothing is injected, although the text of the Istio API suggests otherwise"),
};
static const struct hdl_message delay =
	HDL_MESSAGE_TABLE("Delay", struct hdl_vs_delay, delay_fields, hdl_check_vs_delay);

static const struct hdl_field abort_fields[] = {
	HDL_INT(struct hdl_vs_abort, http_status, "httpStatus", 200, 600,
		"status of the answer in place of that of the service"),
	HDL_STRING(struct hdl_vs_abort, grpc_status, "grpcStatus",
		   "name of the gRPC status of the answer, such as UNAVAILABLE; other requests get 200"),
	HDL_STRING(struct hdl_vs_abort, http2_error, "http2Error",
		   "not implemented by Istio either; use httpStatus or grpcStatus", .support = HDL_REFUSED),
	HDL_MESSAGE(struct hdl_vs_abort, percentage, "percentage", &hdl_schema_percent, "share of the requests (none)",
		    .note = "Without it nothing is injected, although the text of the Istio API suggests otherwise"),
};
static const struct hdl_message abort_message =
	HDL_MESSAGE_TABLE("Abort", struct hdl_vs_abort, abort_fields, hdl_check_vs_abort);

static const struct hdl_field fault_fields[] = {
	HDL_MESSAGE(struct hdl_vs_fault, delay, "delay", &delay, "requests that are held back before they are sent on"),
	HDL_MESSAGE(struct hdl_vs_fault, abort, "abort", &abort_message,
		    "requests that are answered with an error in place of the service"),
};
static const struct hdl_message fault =
	HDL_MESSAGE_TABLE("HTTPFaultInjection", struct hdl_vs_fault, fault_fields, hdl_check_vs_fault);

static const struct hdl_field mirror_fields[] = {
	HDL_MESSAGE(struct hdl_vs_mirror, destination, "destination", &hdl_schema_destination,
		    "service that gets the copies; its answers are dropped", REQUIRED),
	HDL_MESSAGE(struct hdl_vs_mirror, percentage, "percentage", &hdl_schema_percent,
		    "share of the requests that is copied (100)"),
};
static const struct hdl_message mirror =
	HDL_MESSAGE_TABLE("HTTPMirrorPolicy", struct hdl_vs_mirror, mirror_fields, NULL);

static const struct hdl_enum_value derive_port[] = {
	{ "FROM_PROTOCOL_DEFAULT", HDL_DERIVE_PROTOCOL_DEFAULT },
	{ "FROM_REQUEST_PORT", HDL_DERIVE_REQUEST_PORT },
	{ NULL, 0 },
};
static const struct hdl_field redirect_fields[] = {
	HDL_STRING(
		struct hdl_vs_redirect, uri, "uri", "path of the Location, with the query if there is one",
		.note = "One that begins with none of /, ? and # gets a slash in front, so that it does not go on with the name of the host, likewise prefixRewrite. A request without Host that the redirect gives none is answered with 400"),
	HDL_STRING(struct hdl_vs_redirect, prefix_rewrite, "prefixRewrite",
		   "what stands in the Location in place of the matched prefix"),
	HDL_STRING(struct hdl_vs_redirect, authority, "authority", "host of the Location (that of the request)"),
	HDL_INT(struct hdl_vs_redirect, port, "port", 1, 65535, "port of the Location (that of the request)"),
	HDL_ENUM(struct hdl_vs_redirect, derive_port, "derivePort", derive_port,
		 "the port that the scheme has, or the one that the client dialled"),
	HDL_STRING(struct hdl_vs_redirect, scheme, "scheme",
		   "scheme of the Location: http or https (that of the request)"),
	HDL_INT(struct hdl_vs_redirect, redirect_code, "redirectCode", 0, MAX_UINT32,
		"status of the answer: 301, 302, 303, 307 or 308 (301)",
		.note = "Another 3xx is accepted, as by Istio, with a warning: no client takes it for a redirect"),
};
static const struct hdl_message redirect =
	HDL_MESSAGE_TABLE("HTTPRedirect", struct hdl_vs_redirect, redirect_fields, hdl_check_vs_redirect);

static const struct hdl_field body_fields[] = {
	HDL_STRING(struct hdl_vs_body, string, "string", "body as text"),
	HDL_STRING(struct hdl_vs_body, bytes, "bytes", "body in base64"),
};
static const struct hdl_message body =
	HDL_MESSAGE_TABLE("HTTPBody", struct hdl_vs_body, body_fields, hdl_check_vs_body);

static const struct hdl_field direct_response_fields[] = {
	HDL_INT(struct hdl_vs_direct_response, status, "status", 200, 600, "status of the answer", REQUIRED),
	HDL_MESSAGE(struct hdl_vs_direct_response, body, "body", &body, "body of the answer (none)"),
};
static const struct hdl_message direct_response =
	HDL_MESSAGE_TABLE("HTTPDirectResponse", struct hdl_vs_direct_response, direct_response_fields, NULL);

static const struct hdl_field delegate_fields[] = {
	HDL_STRING(struct hdl_vs_delegate, name, "name", "name of the VirtualService that has the rules", REQUIRED),
	HDL_STRING(struct hdl_vs_delegate, ns, "namespace", "its namespace (that of this VirtualService)"),
};
static const struct hdl_message delegate =
	HDL_MESSAGE_TABLE("Delegate", struct hdl_vs_delegate, delegate_fields, hdl_check_vs_delegate);

static const struct hdl_field regex_rewrite_fields[] = {
	HDL_STRING(struct hdl_vs_regex_rewrite, match, "match", "RE2 expression; what it finds in the path is replaced",
		   REQUIRED),
	HDL_STRING(struct hdl_vs_regex_rewrite, rewrite, "rewrite", "replacement; \\1 to \\9 stand for groups",
		   REQUIRED),
};
static const struct hdl_message regex_rewrite = HDL_MESSAGE_TABLE("RegexRewrite", struct hdl_vs_regex_rewrite,
								  regex_rewrite_fields, hdl_check_vs_regex_rewrite);

static const struct hdl_field rewrite_fields[] = {
	HDL_STRING(
		struct hdl_vs_rewrite, uri, "uri",
		"what stands in place of the matched prefix; of the whole path after exact or regex, and of the first slash without a condition on the path"),
	HDL_STRING(struct hdl_vs_rewrite, authority, "authority", "Host header that the endpoint gets"),
	HDL_MESSAGE(
		struct hdl_vs_rewrite, uri_regex_rewrite, "uriRegexRewrite", &regex_rewrite,
		"replacement of parts of the path",
		.note = "A path over 64 KiB is not sent: the answer is 500, and it is counted (limit rewritten_path)"),
};
static const struct hdl_message rewrite =
	HDL_MESSAGE_TABLE("HTTPRewrite", struct hdl_vs_rewrite, rewrite_fields, hdl_check_vs_rewrite);

static const struct hdl_enum_value preflights[] = {
	{ "UNSPECIFIED", HDL_PREFLIGHT_UNSPECIFIED },
	{ "FORWARD", HDL_PREFLIGHT_FORWARD },
	{ "IGNORE", HDL_PREFLIGHT_IGNORE },
	{ NULL, 0 },
};
static const struct hdl_field cors_fields[] = {
	HDL_STRINGS(struct hdl_vs_cors, allow_origin, "allowOrigin", "origins, letter by letter; use allowOrigins",
		    .flags = HDL_FIELD_DEPRECATED),
	HDL_MESSAGES(struct hdl_vs_cors, allow_origins, "allowOrigins", &hdl_schema_string_match,
		     "origins whose pages may ask"),
	HDL_STRINGS(struct hdl_vs_cors, allow_methods, "allowMethods", "methods that a page of another origin may use"),
	HDL_STRINGS(struct hdl_vs_cors, allow_headers, "allowHeaders", "request headers that such a page may set"),
	HDL_STRINGS(struct hdl_vs_cors, expose_headers, "exposeHeaders", "response headers that such a page may read"),
	HDL_DURATION_MIN(struct hdl_vs_cors, max_age, "maxAge", HDL_NS_MS, 1000 * HDL_NS_MS,
			 "how long a browser may remember the answer, in whole seconds"),
	HDL_BOOL(struct hdl_vs_cors, allow_credentials, "allowCredentials", "such a page may send credentials (false)"),
	HDL_ENUM(struct hdl_vs_cors, unmatched_preflights, "unmatchedPreflights", preflights,
		 "preflights of other origins: to the service (FORWARD) or answered here (IGNORE) (FORWARD)"),
};
static const struct hdl_message cors =
	HDL_MESSAGE_TABLE("CorsPolicy", struct hdl_vs_cors, cors_fields, hdl_check_vs_cors);

static const struct hdl_field http_fields[] = {
	HDL_STRING(struct hdl_vs_http, name, "name", "name of the route, which the access log and statistics show"),
	HDL_MESSAGES(struct hdl_vs_http, match, "match", &match,
		     "conditions, of which one is enough; none: everything matches"),
	HDL_MESSAGES(struct hdl_vs_http, route, "route", &route, "destinations that share the requests by weight"),
	HDL_MESSAGE(
		struct hdl_vs_http, redirect, "redirect", &redirect,
		"answer that sends the client elsewhere, in place of route",
		.note = "As the last rule of a port it also counts at layer 4: while no worker lives connections are refused"),
	HDL_MESSAGE(
		struct hdl_vs_http, direct_response, "directResponse", &direct_response,
		"answer that is made here, in place of route",
		.note = "As the last rule of a port it also counts at layer 4: while no worker lives connections are refused"),
	HDL_MESSAGE(
		struct hdl_vs_http, delegate, "delegate", &delegate,
		"VirtualService without hosts whose http rules stand here, in place of route",
		.note = "Conditions of both on one header or query parameter conflict, unless that of the delegate is a part of that of the root, as in the code of Istio; its rule is then dropped with a warning"),
	HDL_MESSAGE(struct hdl_vs_http, rewrite, "rewrite", &rewrite,
		    "what is changed in path and Host before the request is sent on"),
	HDL_DURATION(struct hdl_vs_http, timeout, "timeout", "time for the whole request, retries included (no limit)",
		     .note = "0s is refused, as the webhook of Istio does: leave the field out for no limit"),
	HDL_MESSAGE(struct hdl_vs_http, retries, "retries", &hdl_schema_retry,
		    "when and how often a failed request is tried again (mesh default)"),
	HDL_MESSAGE(struct hdl_vs_http, fault, "fault", &fault, "errors and delays that are injected, for tests"),
	HDL_MESSAGE(struct hdl_vs_http, mirror, "mirror", &hdl_schema_destination,
		    "service that gets a copy of the requests; its answers are dropped"),
	HDL_MESSAGES(struct hdl_vs_http, mirrors, "mirrors", &mirror, "services that get copies of the requests",
		     .max = 100),
	HDL_INT(struct hdl_vs_http, mirror_percent, "mirrorPercent", 0, 100,
		"whole percentage of the requests that mirror gets; use mirrorPercentage",
		.flags = HDL_FIELD_DEPRECATED),
	HDL_INT(struct hdl_vs_http, mirror_percent, "mirror_percent", 0, 100,
		"whole percentage of the requests that mirror gets; use mirrorPercentage",
		.flags = HDL_FIELD_DEPRECATED | HDL_FIELD_ALIAS),
	HDL_MESSAGE(struct hdl_vs_http, mirror_percentage, "mirrorPercentage", &hdl_schema_percent,
		    "share of the requests that mirror gets (100)"),
	HDL_MESSAGE(struct hdl_vs_http, cors_policy, "corsPolicy", &cors, "which pages of other origins may ask"),
	HDL_MESSAGE(struct hdl_vs_http, headers, "headers", &headers, "header operations for all destinations"),
};
static const struct hdl_message http =
	HDL_MESSAGE_TABLE("HTTPRoute", struct hdl_vs_http, http_fields, hdl_check_vs_http);

static const struct hdl_field tcp_match_fields[] = {
	HDL_STRINGS(struct hdl_vs_l4_match, destination_subnets, "destinationSubnets",
		    "addresses that the client dialled, or address/bits",
		    .note = "Of the addresses of the service: a range that none of them is in takes no connection"),
	HDL_INT(struct hdl_vs_l4_match, port, "port", 1, 65535, "port that the client dialled"),
	HDL_STRING_MAP(struct hdl_vs_l4_match, source_labels, "sourceLabels", "labels that the pod of the client has"),
	HDL_STRINGS(struct hdl_vs_l4_match, gateways, "gateways", "gateways, or mesh for clients in pods"),
	HDL_STRING(struct hdl_vs_l4_match, source_namespace, "sourceNamespace", "namespace of the pod of the client"),
	HDL_STRING(struct hdl_vs_l4_match, source_subnet, "sourceSubnet", "without effect, in Istio too", ACCEPTED),
};
static const struct hdl_message tcp_match =
	HDL_MESSAGE_TABLE("L4MatchAttributes", struct hdl_vs_l4_match, tcp_match_fields, hdl_check_vs_l4_match);

static const struct hdl_field tcp_fields[] = {
	HDL_MESSAGES(struct hdl_vs_l4_route, match, "match", &tcp_match,
		     "conditions, of which one is enough; none: everything matches"),
	HDL_MESSAGES(struct hdl_vs_l4_route, route, "route", &l4_destination,
		     "destinations that share the connections by weight", REQUIRED),
};
static const struct hdl_message tcp =
	HDL_MESSAGE_TABLE("TCPRoute", struct hdl_vs_l4_route, tcp_fields, hdl_check_vs_l4_route);

static const struct hdl_field tls_match_fields[] = {
	HDL_STRINGS(struct hdl_vs_l4_match, sni_hosts, "sniHosts",
		    "server names that the client sends, within the hosts of the VirtualService", REQUIRED),
	HDL_STRINGS(struct hdl_vs_l4_match, destination_subnets, "destinationSubnets",
		    "addresses that the client dialled, or address/bits"),
	HDL_INT(struct hdl_vs_l4_match, port, "port", 1, 65535, "port that the client dialled"),
	HDL_STRING_MAP(struct hdl_vs_l4_match, source_labels, "sourceLabels", "labels that the pod of the client has"),
	HDL_STRINGS(struct hdl_vs_l4_match, gateways, "gateways", "gateways, or mesh for clients in pods"),
	HDL_STRING(struct hdl_vs_l4_match, source_namespace, "sourceNamespace", "namespace of the pod of the client"),
};
static const struct hdl_message tls_match =
	HDL_MESSAGE_TABLE("TLSMatchAttributes", struct hdl_vs_l4_match, tls_match_fields, hdl_check_vs_l4_match);

static const struct hdl_field tls_fields[] = {
	HDL_MESSAGES(struct hdl_vs_l4_route, match, "match", &tls_match,
		     "conditions, of which one is enough; none: everything matches", REQUIRED),
	HDL_MESSAGES(struct hdl_vs_l4_route, route, "route", &l4_destination,
		     "destinations that share the connections by weight", REQUIRED),
};
static const struct hdl_message tls =
	HDL_MESSAGE_TABLE("TLSRoute", struct hdl_vs_l4_route, tls_fields, hdl_check_vs_l4_route);

static const struct hdl_field spec_fields[] = {
	HDL_STRINGS(
		struct hdl_virtual_service, hosts, "hosts",
		"names that clients use; none: a delegate, whose http rules others take in", .max = 1000,
		.note = "Of several VirtualServices for one host the first counts, in the order of files and documents"),
	HDL_STRINGS(struct hdl_virtual_service, gateways, "gateways",
		    "Gateways that have the rules, [namespace/]name; mesh: clients in pods ([mesh])",
		    .note = "A Gateway of Istio is meant, not one of the Gateway API"),
	HDL_MESSAGES(struct hdl_virtual_service, http, "http", &http,
		     "rules for requests; the first that matches counts"),
	HDL_MESSAGES(struct hdl_virtual_service, tls, "tls", &tls,
		     "rules for TLS connections that are not ended here, by server name", ACCEPTED),
	HDL_MESSAGES(struct hdl_virtual_service, tcp, "tcp", &tcp,
		     "rules for connections whose protocol is not HTTP; the first that matches counts"),
	HDL_STRINGS(
		struct hdl_virtual_service, export_to, "exportTo",
		"namespaces in which the rules act: names, . (its own) or * (all) ([*])", .max = 1000,
		.note = "By the pod that asks; clients that are no pods get what clients of namespaces without rules of their own get"),
};
static const struct hdl_message spec =
	HDL_MESSAGE_TABLE("VirtualService", struct hdl_virtual_service, spec_fields, hdl_check_vs);

static const struct hdl_field object_fields[] = {
	HDL_OBJECT_FIELDS,
	HDL_INLINE("spec", &spec, "the rules", REQUIRED),
	HDL_ANY("status", "not read"),
};
const struct hdl_message hdl_schema_virtual_service =
	HDL_MESSAGE_TABLE("VirtualService", struct hdl_virtual_service, object_fields, NULL);
