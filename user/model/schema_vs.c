/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of VirtualService (specification A.2). */
#include "model/check.h"
#include "model/schema.h"

#define ACCEPTED .support = HDL_ACCEPTED
#define REFUSED .support = HDL_REFUSED
#define REQUIRED .flags = HDL_FIELD_REQUIRED
#define MAX_INT32 2147483647
#define MAX_UINT32 4294967295

static const struct hdl_field string_match_fields[] = {
	HDL_STRING(struct hdl_string_match, exact, "exact", "the whole value"),
	HDL_STRING(struct hdl_string_match, prefix, "prefix", "the beginning of the value"),
	HDL_STRING(struct hdl_string_match, regex, "regex", "RE2 expression for the whole value"),
};
const struct hdl_message hdl_schema_string_match =
	HDL_MESSAGE_TABLE("StringMatch", struct hdl_string_match, string_match_fields, hdl_check_string_match);

static const struct hdl_field percent_fields[] = {
	HDL_DOUBLE(struct hdl_percent, value, "value", 0, 100, "percentage, 0..100"),
};
const struct hdl_message hdl_schema_percent = HDL_MESSAGE_TABLE("Percent", struct hdl_percent, percent_fields, NULL);

static const struct hdl_field port_selector_fields[] = {
	HDL_INT(struct hdl_port_selector, number, "number", 1, 65535, "port of the service", REQUIRED),
};
const struct hdl_message hdl_schema_port_selector =
	HDL_MESSAGE_TABLE("PortSelector", struct hdl_port_selector, port_selector_fields, NULL);

static const struct hdl_field destination_fields[] = {
	HDL_STRING(struct hdl_vs_destination, host, "host", "name of a service", REQUIRED),
	HDL_STRING(struct hdl_vs_destination, subset, "subset", "subset of a DestinationRule for the host"),
	HDL_MESSAGE(struct hdl_vs_destination, port, "port", &hdl_schema_port_selector, "port of the host"),
};
const struct hdl_message hdl_schema_destination =
	HDL_MESSAGE_TABLE("Destination", struct hdl_vs_destination, destination_fields, hdl_check_vs_destination);

static const struct hdl_field header_ops_fields[] = {
	HDL_STRING_MAP(struct hdl_vs_header_ops, set, "set", "headers to overwrite"),
	HDL_STRING_MAP(struct hdl_vs_header_ops, add, "add", "headers to append"),
	HDL_STRINGS(struct hdl_vs_header_ops, remove, "remove", "headers to remove"),
};
static const struct hdl_message header_ops =
	HDL_MESSAGE_TABLE("HeaderOperations", struct hdl_vs_header_ops, header_ops_fields, NULL);

static const struct hdl_field headers_fields[] = {
	HDL_MESSAGE(struct hdl_vs_headers, request, "request", &header_ops, "changes before the request is sent on"),
	HDL_MESSAGE(struct hdl_vs_headers, response, "response", &header_ops,
		    "changes before the response is returned"),
};
static const struct hdl_message headers =
	HDL_MESSAGE_TABLE("Headers", struct hdl_vs_headers, headers_fields, hdl_check_vs_headers);

static const struct hdl_field route_fields[] = {
	HDL_MESSAGE(struct hdl_vs_route, destination, "destination", &hdl_schema_destination, "where the traffic goes",
		    REQUIRED),
	HDL_INT(struct hdl_vs_route, weight, "weight", 0, MAX_INT32, "share of the traffic, relative to the others"),
	HDL_MESSAGE(struct hdl_vs_route, headers, "headers", &headers, "header operations of this destination",
		    ACCEPTED),
};
static const struct hdl_message route =
	HDL_MESSAGE_TABLE("HTTPRouteDestination", struct hdl_vs_route, route_fields, NULL);

static const struct hdl_field l4_destination_fields[] = {
	HDL_MESSAGE(struct hdl_vs_route, destination, "destination", &hdl_schema_destination,
		    "where the connections go", REQUIRED),
	HDL_INT(struct hdl_vs_route, weight, "weight", 0, MAX_INT32,
		"share of the connections, relative to the others"),
};
static const struct hdl_message l4_destination =
	HDL_MESSAGE_TABLE("RouteDestination", struct hdl_vs_route, l4_destination_fields, NULL);

static const struct hdl_field match_fields[] = {
	HDL_STRING(struct hdl_vs_match, name, "name", "name of the match, for the access log"),
	HDL_MESSAGE(struct hdl_vs_match, uri, "uri", &hdl_schema_string_match, "path without query"),
	HDL_MESSAGE(struct hdl_vs_match, scheme, "scheme", &hdl_schema_string_match, "http or https"),
	HDL_MESSAGE(struct hdl_vs_match, method, "method", &hdl_schema_string_match, "method of the request"),
	HDL_MESSAGE(struct hdl_vs_match, authority, "authority", &hdl_schema_string_match,
		    "Host with the port, as sent"),
	HDL_MATCH_MAP(struct hdl_vs_match, headers, "headers", "headers by name; {} asks for presence"),
	HDL_INT(struct hdl_vs_match, port, "port", 1, 65535, "port of the service"),
	HDL_STRING_MAP(struct hdl_vs_match, source_labels, "sourceLabels", "labels that the client pod has"),
	HDL_STRINGS(struct hdl_vs_match, gateways, "gateways", "gateways or mesh, in place of the rule's"),
	HDL_MATCH_MAP(struct hdl_vs_match, query_params, "queryParams", "query parameters by name"),
	HDL_BOOL(struct hdl_vs_match, ignore_uri_case, "ignoreUriCase", "exact and prefix of uri without case"),
	HDL_MATCH_MAP(struct hdl_vs_match, without_headers, "withoutHeaders", "headers that must not match"),
	HDL_STRING(struct hdl_vs_match, source_namespace, "sourceNamespace", "namespace of the client pod"),
	HDL_STRING(struct hdl_vs_match, stat_prefix, "statPrefix", "prefix of statistics", ACCEPTED),
};
static const struct hdl_message match =
	HDL_MESSAGE_TABLE("HTTPMatchRequest", struct hdl_vs_match, match_fields, hdl_check_vs_match);

static const struct hdl_field retry_fields[] = {
	HDL_INT(struct hdl_vs_retry, attempts, "attempts", 0, MAX_INT32, "most retries, not counting the first try"),
	HDL_DURATION(struct hdl_vs_retry, per_try_timeout, "perTryTimeout", "time for each try"),
	HDL_STRING(struct hdl_vs_retry, retry_on, "retryOn", "conditions joined by commas"),
	HDL_BOOL(struct hdl_vs_retry, retry_remote_localities, "retryRemoteLocalities", "retry in other localities",
		 ACCEPTED),
	HDL_BOOL(struct hdl_vs_retry, retry_ignore_previous_hosts, "retryIgnorePreviousHosts",
		 "prefer hosts that were not tried (true)"),
	HDL_DURATION(struct hdl_vs_retry, backoff, "backoff", "base of the wait before a retry (25ms)"),
};
const struct hdl_message hdl_schema_retry =
	HDL_MESSAGE_TABLE("HTTPRetry", struct hdl_vs_retry, retry_fields, hdl_check_vs_retry);

static const struct hdl_field delay_fields[] = {
	HDL_INT(struct hdl_vs_delay, percent, "percent", 0, 100, "whole percentage", .flags = HDL_FIELD_DEPRECATED),
	HDL_DURATION(struct hdl_vs_delay, fixed_delay, "fixedDelay", "how long the request is held"),
	HDL_DURATION(struct hdl_vs_delay, exponential_delay, "exponentialDelay", "not implemented by Istio either",
		     REFUSED),
	HDL_MESSAGE(struct hdl_vs_delay, percentage, "percentage", &hdl_schema_percent, "share of requests (0)"),
};
static const struct hdl_message delay =
	HDL_MESSAGE_TABLE("Delay", struct hdl_vs_delay, delay_fields, hdl_check_vs_delay);

static const struct hdl_field abort_fields[] = {
	HDL_INT(struct hdl_vs_abort, http_status, "httpStatus", 200, 600, "status of the answer"),
	HDL_STRING(struct hdl_vs_abort, grpc_status, "grpcStatus", "gRPC status of the answer", REFUSED),
	HDL_STRING(struct hdl_vs_abort, http2_error, "http2Error", "not implemented by Istio either", REFUSED),
	HDL_INT(struct hdl_vs_abort, percent, "percent", 0, 100, "whole percentage", .flags = HDL_FIELD_DEPRECATED),
	HDL_MESSAGE(struct hdl_vs_abort, percentage, "percentage", &hdl_schema_percent, "share of requests (0)"),
};
static const struct hdl_message abort_message =
	HDL_MESSAGE_TABLE("Abort", struct hdl_vs_abort, abort_fields, hdl_check_vs_abort);

static const struct hdl_field fault_fields[] = {
	HDL_MESSAGE(struct hdl_vs_fault, delay, "delay", &delay, "requests held back"),
	HDL_MESSAGE(struct hdl_vs_fault, abort, "abort", &abort_message, "requests answered with an error"),
};
static const struct hdl_message fault =
	HDL_MESSAGE_TABLE("HTTPFaultInjection", struct hdl_vs_fault, fault_fields, hdl_check_vs_fault);

static const struct hdl_field mirror_fields[] = {
	HDL_MESSAGE(struct hdl_vs_mirror, destination, "destination", &hdl_schema_destination, "where the copies go",
		    REQUIRED),
	HDL_MESSAGE(struct hdl_vs_mirror, percentage, "percentage", &hdl_schema_percent, "share of requests (100)"),
};
static const struct hdl_message mirror =
	HDL_MESSAGE_TABLE("HTTPMirrorPolicy", struct hdl_vs_mirror, mirror_fields, NULL);

static const struct hdl_enum_value derive_port[] = {
	{ "FROM_PROTOCOL_DEFAULT", HDL_DERIVE_PROTOCOL_DEFAULT },
	{ "FROM_REQUEST_PORT", HDL_DERIVE_REQUEST_PORT },
	{ NULL, 0 },
};
static const struct hdl_field redirect_fields[] = {
	HDL_STRING(struct hdl_vs_redirect, uri, "uri", "path of the location"),
	HDL_STRING(struct hdl_vs_redirect, prefix_rewrite, "prefixRewrite", "in place of the matched prefix"),
	HDL_STRING(struct hdl_vs_redirect, authority, "authority", "host of the location"),
	HDL_INT(struct hdl_vs_redirect, port, "port", 1, 65535, "port of the location"),
	HDL_ENUM(struct hdl_vs_redirect, derive_port, "derivePort", derive_port, "where the port comes from"),
	HDL_STRING(struct hdl_vs_redirect, scheme, "scheme", "http or https"),
	HDL_INT(struct hdl_vs_redirect, redirect_code, "redirectCode", 0, MAX_UINT32, "status (301)"),
};
static const struct hdl_message redirect =
	HDL_MESSAGE_TABLE("HTTPRedirect", struct hdl_vs_redirect, redirect_fields, hdl_check_vs_redirect);

static const struct hdl_field body_fields[] = {
	HDL_STRING(struct hdl_vs_body, string, "string", "text"),
	HDL_STRING(struct hdl_vs_body, bytes, "bytes", "base64"),
};
static const struct hdl_message body =
	HDL_MESSAGE_TABLE("HTTPBody", struct hdl_vs_body, body_fields, hdl_check_vs_body);

static const struct hdl_field direct_response_fields[] = {
	HDL_INT(struct hdl_vs_direct_response, status, "status", 200, 600, "status of the answer", REQUIRED),
	HDL_MESSAGE(struct hdl_vs_direct_response, body, "body", &body, "body of the answer"),
};
static const struct hdl_message direct_response =
	HDL_MESSAGE_TABLE("HTTPDirectResponse", struct hdl_vs_direct_response, direct_response_fields, NULL);

static const struct hdl_field delegate_fields[] = {
	HDL_STRING(struct hdl_vs_delegate, name, "name", "name of the delegate"),
	HDL_STRING(struct hdl_vs_delegate, ns, "namespace", "namespace of the delegate"),
};
static const struct hdl_message delegate = HDL_MESSAGE_TABLE("Delegate", struct hdl_vs_delegate, delegate_fields, NULL);

static const struct hdl_field regex_rewrite_fields[] = {
	HDL_STRING(struct hdl_vs_regex_rewrite, match, "match", "RE2 expression", REQUIRED),
	HDL_STRING(struct hdl_vs_regex_rewrite, rewrite, "rewrite", "replacement with \\1 to \\9", REQUIRED),
};
static const struct hdl_message regex_rewrite = HDL_MESSAGE_TABLE("RegexRewrite", struct hdl_vs_regex_rewrite,
								  regex_rewrite_fields, hdl_check_vs_regex_rewrite);

static const struct hdl_field rewrite_fields[] = {
	HDL_STRING(struct hdl_vs_rewrite, uri, "uri", "path, or what stands in place of the matched prefix"),
	HDL_STRING(struct hdl_vs_rewrite, authority, "authority", "Host"),
	HDL_MESSAGE(struct hdl_vs_rewrite, uri_regex_rewrite, "uriRegexRewrite", &regex_rewrite, "search and replace"),
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
	HDL_STRINGS(struct hdl_vs_cors, allow_origin, "allowOrigin", "origins", .flags = HDL_FIELD_DEPRECATED),
	HDL_MESSAGES(struct hdl_vs_cors, allow_origins, "allowOrigins", &hdl_schema_string_match, "origins"),
	HDL_STRINGS(struct hdl_vs_cors, allow_methods, "allowMethods", "methods"),
	HDL_STRINGS(struct hdl_vs_cors, allow_headers, "allowHeaders", "request headers"),
	HDL_STRINGS(struct hdl_vs_cors, expose_headers, "exposeHeaders", "response headers"),
	HDL_DURATION_MIN(struct hdl_vs_cors, max_age, "maxAge", 0, 1000 * HDL_NS_MS, "how long a preflight counts"),
	HDL_BOOL(struct hdl_vs_cors, allow_credentials, "allowCredentials", "credentials are allowed"),
	HDL_ENUM(struct hdl_vs_cors, unmatched_preflights, "unmatchedPreflights", preflights, "other preflights"),
};
static const struct hdl_message cors =
	HDL_MESSAGE_TABLE("CorsPolicy", struct hdl_vs_cors, cors_fields, hdl_check_vs_cors);

static const struct hdl_field http_fields[] = {
	HDL_STRING(struct hdl_vs_http, name, "name", "name of the route, for the access log"),
	HDL_MESSAGES(struct hdl_vs_http, match, "match", &match, "conditions; one of them is enough"),
	HDL_MESSAGES(struct hdl_vs_http, route, "route", &route, "destinations by weight"),
	HDL_MESSAGE(struct hdl_vs_http, redirect, "redirect", &redirect, "answer with a redirect", REFUSED),
	HDL_MESSAGE(struct hdl_vs_http, direct_response, "directResponse", &direct_response, "fixed answer", REFUSED),
	HDL_MESSAGE(struct hdl_vs_http, delegate, "delegate", &delegate, "another VirtualService", REFUSED),
	HDL_MESSAGE(struct hdl_vs_http, rewrite, "rewrite", &rewrite, "change path or host", ACCEPTED),
	HDL_DURATION(struct hdl_vs_http, timeout, "timeout", "time for the whole request, retries included"),
	HDL_MESSAGE(struct hdl_vs_http, retries, "retries", &hdl_schema_retry, "retry policy"),
	HDL_MESSAGE(struct hdl_vs_http, fault, "fault", &fault, "faults to inject"),
	HDL_MESSAGE(struct hdl_vs_http, mirror, "mirror", &hdl_schema_destination, "where a copy of the requests goes"),
	HDL_MESSAGES(struct hdl_vs_http, mirrors, "mirrors", &mirror, "where copies of the requests go", .max = 100),
	HDL_INT(struct hdl_vs_http, mirror_percent, "mirrorPercent", 0, 100, "whole percentage of mirror",
		.flags = HDL_FIELD_DEPRECATED),
	HDL_INT(struct hdl_vs_http, mirror_percent, "mirror_percent", 0, 100, "whole percentage of mirror",
		.flags = HDL_FIELD_DEPRECATED | HDL_FIELD_ALIAS),
	HDL_MESSAGE(struct hdl_vs_http, mirror_percentage, "mirrorPercentage", &hdl_schema_percent,
		    "share of requests that mirror gets (100)"),
	HDL_MESSAGE(struct hdl_vs_http, cors_policy, "corsPolicy", &cors, "cross-origin requests", ACCEPTED),
	HDL_MESSAGE(struct hdl_vs_http, headers, "headers", &headers, "header operations", ACCEPTED),
};
static const struct hdl_message http =
	HDL_MESSAGE_TABLE("HTTPRoute", struct hdl_vs_http, http_fields, hdl_check_vs_http);

static const struct hdl_field tcp_match_fields[] = {
	HDL_STRINGS(struct hdl_vs_l4_match, destination_subnets, "destinationSubnets", "addresses dialled", REFUSED),
	HDL_INT(struct hdl_vs_l4_match, port, "port", 1, 65535, "port of the service"),
	HDL_STRING_MAP(struct hdl_vs_l4_match, source_labels, "sourceLabels", "labels of the client pod", REFUSED),
	HDL_STRINGS(struct hdl_vs_l4_match, gateways, "gateways", "gateways or mesh", REFUSED),
	HDL_STRING(struct hdl_vs_l4_match, source_namespace, "sourceNamespace", "namespace of the client pod", REFUSED),
	HDL_STRING(struct hdl_vs_l4_match, source_subnet, "sourceSubnet", "not implemented by Istio either", REFUSED),
};
static const struct hdl_message tcp_match =
	HDL_MESSAGE_TABLE("L4MatchAttributes", struct hdl_vs_l4_match, tcp_match_fields, NULL);

static const struct hdl_field tcp_fields[] = {
	HDL_MESSAGES(struct hdl_vs_l4_route, match, "match", &tcp_match, "conditions; one of them is enough"),
	HDL_MESSAGES(struct hdl_vs_l4_route, route, "route", &l4_destination, "destinations by weight", REQUIRED),
};
static const struct hdl_message tcp =
	HDL_MESSAGE_TABLE("TCPRoute", struct hdl_vs_l4_route, tcp_fields, hdl_check_vs_l4_route);

static const struct hdl_field tls_match_fields[] = {
	HDL_STRINGS(struct hdl_vs_l4_match, sni_hosts, "sniHosts", "server names", REQUIRED),
	HDL_STRINGS(struct hdl_vs_l4_match, destination_subnets, "destinationSubnets", "addresses dialled"),
	HDL_INT(struct hdl_vs_l4_match, port, "port", 1, 65535, "port of the service"),
	HDL_STRING_MAP(struct hdl_vs_l4_match, source_labels, "sourceLabels", "labels of the client pod"),
	HDL_STRINGS(struct hdl_vs_l4_match, gateways, "gateways", "gateways or mesh"),
	HDL_STRING(struct hdl_vs_l4_match, source_namespace, "sourceNamespace", "namespace of the client pod"),
};
static const struct hdl_message tls_match =
	HDL_MESSAGE_TABLE("TLSMatchAttributes", struct hdl_vs_l4_match, tls_match_fields, NULL);

static const struct hdl_field tls_fields[] = {
	HDL_MESSAGES(struct hdl_vs_l4_route, match, "match", &tls_match, "conditions; one of them is enough", REQUIRED),
	HDL_MESSAGES(struct hdl_vs_l4_route, route, "route", &l4_destination, "destinations by weight", REQUIRED),
};
static const struct hdl_message tls =
	HDL_MESSAGE_TABLE("TLSRoute", struct hdl_vs_l4_route, tls_fields, hdl_check_vs_l4_route);

static const struct hdl_field spec_fields[] = {
	HDL_STRINGS(struct hdl_virtual_service, hosts, "hosts", "names that clients dial", .max = 1000),
	HDL_STRINGS(struct hdl_virtual_service, gateways, "gateways", "gateways or mesh ([mesh])"),
	HDL_MESSAGES(struct hdl_virtual_service, http, "http", &http, "routes of requests; the first match counts"),
	HDL_MESSAGES(struct hdl_virtual_service, tls, "tls", &tls, "routes of TLS connections", REFUSED),
	HDL_MESSAGES(struct hdl_virtual_service, tcp, "tcp", &tcp, "routes of other connections"),
	HDL_STRINGS(struct hdl_virtual_service, export_to, "exportTo", "namespaces that see the rule", ACCEPTED,
		    .max = 1000),
};
static const struct hdl_message spec =
	HDL_MESSAGE_TABLE("VirtualService", struct hdl_virtual_service, spec_fields, hdl_check_vs);

static const struct hdl_field object_fields[] = {
	HDL_OBJECT_FIELDS,
	HDL_INLINE("spec", &spec, "the rule", REQUIRED),
	HDL_ANY("status", "not read"),
};
const struct hdl_message hdl_schema_virtual_service =
	HDL_MESSAGE_TABLE("VirtualService", struct hdl_virtual_service, object_fields, NULL);
