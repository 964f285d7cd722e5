/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of the Gateway API's routes: HTTPRoute, GRPCRoute, TLSRoute, TCPRoute, UDPRoute (specification F.1, F.8). */
#include "model/check_gwapi.h"
#include "model/schema.h"

#define ACCEPTED .support = HDL_ACCEPTED
#define REQUIRED .flags = HDL_FIELD_REQUIRED
#define MAX_INT32 2147483647

/* ---- references ---- */

static const struct hdl_field parent_ref_fields[] = {
	HDL_STRING(struct hdl_gwapi_ref, group, "group", "API group; \"\" for a Service (gateway.networking.k8s.io)"),
	HDL_STRING(struct hdl_gwapi_ref, kind, "kind", "Gateway, Service or ServiceEntry (Gateway)"),
	HDL_STRING(struct hdl_gwapi_ref, ns, "namespace", "namespace of the parent (the route's)"),
	HDL_STRING(struct hdl_gwapi_ref, name, "name", "name of the parent", REQUIRED),
	HDL_STRING(struct hdl_gwapi_ref, section_name, "sectionName", "name of one listener (all)"),
	HDL_INT(struct hdl_gwapi_ref, port, "port", 1, 65535, "port of listeners, or of the service (all)"),
};
static const struct hdl_message parent_ref =
	HDL_MESSAGE_TABLE("ParentReference", struct hdl_gwapi_ref, parent_ref_fields, hdl_check_gwapi_ref);

#define BACKEND_FIELDS(s, m)                                                                                     \
	HDL_STRING(s, m group, "group", "API group (core)"), HDL_STRING(s, m kind, "kind", "Service (default)"), \
		HDL_STRING(s, m name, "name", "name of the service", REQUIRED),                                  \
		HDL_STRING(s, m ns, "namespace", "namespace; another one needs a ReferenceGrant there"),         \
		HDL_INT(s, m port, "port", 1, 65535, "port of the service")

static const struct hdl_field backend_object_ref_fields[] = { BACKEND_FIELDS(struct hdl_gwapi_ref, ) };
static const struct hdl_message backend_object_ref = HDL_MESSAGE_TABLE(
	"BackendObjectReference", struct hdl_gwapi_ref, backend_object_ref_fields, hdl_check_gwapi_backend_ref);

/* ---- filters ---- */

static const struct hdl_field header_fields[] = {
	HDL_STRING(struct hdl_gwapi_header, name, "name", "name of the header", REQUIRED),
	HDL_STRING(struct hdl_gwapi_header, value, "value", "its value", REQUIRED),
};
static const struct hdl_message header =
	HDL_MESSAGE_TABLE("HTTPHeader", struct hdl_gwapi_header, header_fields, hdl_check_gwapi_header);

static const struct hdl_field header_filter_fields[] = {
	HDL_MESSAGES(struct hdl_gwapi_header_filter, set, "set", &header, "headers to overwrite", .max = 16),
	HDL_MESSAGES(struct hdl_gwapi_header_filter, add, "add", &header, "headers to append", .max = 16),
	HDL_STRINGS(struct hdl_gwapi_header_filter, remove, "remove", "headers to remove", .max = 16),
};
static const struct hdl_message header_filter = HDL_MESSAGE_TABLE("HTTPHeaderFilter", struct hdl_gwapi_header_filter,
								  header_filter_fields, hdl_check_gwapi_header_filter);

static const struct hdl_field fraction_fields[] = {
	HDL_INT(struct hdl_gwapi_fraction, numerator, "numerator", 0, MAX_INT32, "part of the requests", REQUIRED),
	HDL_INT(struct hdl_gwapi_fraction, denominator, "denominator", 1, MAX_INT32, "of how many (100)"),
};
static const struct hdl_message fraction =
	HDL_MESSAGE_TABLE("Fraction", struct hdl_gwapi_fraction, fraction_fields, hdl_check_gwapi_fraction);

static const struct hdl_field mirror_fields[] = {
	HDL_MESSAGE(struct hdl_gwapi_mirror, backend_ref, "backendRef", &backend_object_ref, "where the copies go",
		    REQUIRED),
	HDL_INT(struct hdl_gwapi_mirror, percent, "percent", 0, 100, "share of requests (100)"),
	HDL_MESSAGE(struct hdl_gwapi_mirror, fraction, "fraction", &fraction, "share of requests, instead"),
};
static const struct hdl_message mirror =
	HDL_MESSAGE_TABLE("HTTPRequestMirrorFilter", struct hdl_gwapi_mirror, mirror_fields, hdl_check_gwapi_mirror);

static const struct hdl_enum_value path_modifiers[] = { { "ReplaceFullPath", HDL_GWAPI_REPLACE_FULL_PATH },
							{ "ReplacePrefixMatch", HDL_GWAPI_REPLACE_PREFIX_MATCH },
							{ NULL, 0 } };
static const struct hdl_field path_modifier_fields[] = {
	HDL_ENUM(struct hdl_gwapi_path_modifier_spec, type, "type", path_modifiers, "what is replaced", REQUIRED),
	HDL_STRING(struct hdl_gwapi_path_modifier_spec, replace_full_path, "replaceFullPath", "the new path"),
	HDL_STRING(struct hdl_gwapi_path_modifier_spec, replace_prefix_match, "replacePrefixMatch",
		   "in place of the matched prefix"),
};
static const struct hdl_message path_modifier = HDL_MESSAGE_TABLE(
	"HTTPPathModifier", struct hdl_gwapi_path_modifier_spec, path_modifier_fields, hdl_check_gwapi_path_modifier);

static const struct hdl_field redirect_fields[] = {
	HDL_STRING(struct hdl_gwapi_redirect, scheme, "scheme", "http or https (the request's)"),
	HDL_STRING(struct hdl_gwapi_redirect, hostname, "hostname", "host (the request's)"),
	HDL_MESSAGE(struct hdl_gwapi_redirect, path, "path", &path_modifier, "path (the request's)"),
	HDL_INT(struct hdl_gwapi_redirect, port, "port", 1, 65535, "port (that of scheme, else the listener's)"),
	HDL_INT(struct hdl_gwapi_redirect, status_code, "statusCode", 301, 308, "301, 302, 303, 307 or 308 (302)"),
};
static const struct hdl_message redirect = HDL_MESSAGE_TABLE("HTTPRequestRedirectFilter", struct hdl_gwapi_redirect,
							     redirect_fields, hdl_check_gwapi_redirect);

static const struct hdl_field rewrite_fields[] = {
	HDL_STRING(struct hdl_gwapi_rewrite, hostname, "hostname", "Host for the backend"),
	HDL_MESSAGE(struct hdl_gwapi_rewrite, path, "path", &path_modifier, "path for the backend"),
};
static const struct hdl_message rewrite =
	HDL_MESSAGE_TABLE("HTTPURLRewriteFilter", struct hdl_gwapi_rewrite, rewrite_fields, hdl_check_gwapi_rewrite);

static const struct hdl_field cors_fields[] = {
	HDL_STRINGS(struct hdl_gwapi_cors, allow_origins, "allowOrigins", "origins; * for all", .max = 64),
	HDL_BOOL(struct hdl_gwapi_cors, allow_credentials, "allowCredentials", "credentials are allowed"),
	HDL_STRINGS(struct hdl_gwapi_cors, allow_methods, "allowMethods", "methods; * for all", .max = 9),
	HDL_STRINGS(struct hdl_gwapi_cors, allow_headers, "allowHeaders", "request headers; * for all", .max = 64),
	HDL_STRINGS(struct hdl_gwapi_cors, expose_headers, "exposeHeaders", "response headers", .max = 64),
	HDL_INT(struct hdl_gwapi_cors, max_age, "maxAge", 1, MAX_INT32, "seconds that a preflight counts (5)"),
};
static const struct hdl_message cors =
	HDL_MESSAGE_TABLE("HTTPCORSFilter", struct hdl_gwapi_cors, cors_fields, hdl_check_gwapi_cors);

static const struct hdl_field extension_fields[] = {
	HDL_STRING(struct hdl_gwapi_ref, group, "group", "API group of the object"),
	HDL_STRING(struct hdl_gwapi_ref, kind, "kind", "kind of the object", REQUIRED),
	HDL_STRING(struct hdl_gwapi_ref, name, "name", "name of the object", REQUIRED),
};
static const struct hdl_message extension =
	HDL_MESSAGE_TABLE("LocalObjectReference", struct hdl_gwapi_ref, extension_fields, hdl_check_gwapi_ref);

/* Known, and refused rule by rule: see specification F.4. */
static const struct hdl_field external_auth_fields[] = {
	HDL_ANY("protocol", "HTTP or GRPC"),         HDL_ANY("backendRef", "who decides"),
	HDL_ANY("grpc", "settings of GRPC"),         HDL_ANY("http", "settings of HTTP"),
	HDL_ANY("forwardBody", "bodies sent along"),
};
static const struct hdl_message external_auth =
	HDL_MESSAGE_TABLE("HTTPExternalAuthFilter", struct hdl_gwapi_external_auth, external_auth_fields, NULL);

static const struct hdl_enum_value http_filter_types[] = {
	{ "RequestHeaderModifier", HDL_GWAPI_REQUEST_HEADERS },
	{ "ResponseHeaderModifier", HDL_GWAPI_RESPONSE_HEADERS },
	{ "RequestMirror", HDL_GWAPI_MIRROR },
	{ "RequestRedirect", HDL_GWAPI_REDIRECT },
	{ "URLRewrite", HDL_GWAPI_REWRITE },
	{ "CORS", HDL_GWAPI_CORS },
	{ "ExternalAuth", HDL_GWAPI_EXTERNAL_AUTH },
	{ "ExtensionRef", HDL_GWAPI_EXTENSION },
	{ NULL, 0 },
};
static const struct hdl_field http_filter_fields[] = {
	HDL_ENUM(struct hdl_gwapi_filter, type, "type", http_filter_types, "which filter", REQUIRED),
	HDL_MESSAGE(struct hdl_gwapi_filter, request_headers, "requestHeaderModifier", &header_filter,
		    "changes of request headers"),
	HDL_MESSAGE(struct hdl_gwapi_filter, response_headers, "responseHeaderModifier", &header_filter,
		    "changes of response headers"),
	HDL_MESSAGE(struct hdl_gwapi_filter, mirror, "requestMirror", &mirror, "copies of requests",
		    .note = "The copy is of the request as it is sent on, after all other filters"),
	HDL_MESSAGE(struct hdl_gwapi_filter, redirect, "requestRedirect", &redirect, "answer with a redirect"),
	HDL_MESSAGE(struct hdl_gwapi_filter, rewrite, "urlRewrite", &rewrite, "change path or host"),
	HDL_MESSAGE(
		struct hdl_gwapi_filter, cors, "cors", &cors, "cross-origin requests",
		.note = "A preflight is answered here whatever its origin; one that is not allowed gets no allow-origin"),
	HDL_MESSAGE(struct hdl_gwapi_filter, external_auth, "externalAuth", &external_auth,
		    "ask another service; a rule with it answers 500"),
	HDL_MESSAGE(struct hdl_gwapi_filter, extension, "extensionRef", &extension,
		    "filter of an implementation; a rule with it answers 500"),
};
static const struct hdl_message http_filter =
	HDL_MESSAGE_TABLE("HTTPRouteFilter", struct hdl_gwapi_filter, http_filter_fields, hdl_check_gwapi_filter);

static const struct hdl_enum_value grpc_filter_types[] = {
	{ "RequestHeaderModifier", HDL_GWAPI_REQUEST_HEADERS },
	{ "ResponseHeaderModifier", HDL_GWAPI_RESPONSE_HEADERS },
	{ "RequestMirror", HDL_GWAPI_MIRROR },
	{ "ExtensionRef", HDL_GWAPI_EXTENSION },
	{ NULL, 0 },
};
static const struct hdl_field grpc_filter_fields[] = {
	HDL_ENUM(struct hdl_gwapi_filter, type, "type", grpc_filter_types, "which filter", REQUIRED),
	HDL_MESSAGE(struct hdl_gwapi_filter, request_headers, "requestHeaderModifier", &header_filter,
		    "changes of request headers"),
	HDL_MESSAGE(struct hdl_gwapi_filter, response_headers, "responseHeaderModifier", &header_filter,
		    "changes of response headers"),
	HDL_MESSAGE(struct hdl_gwapi_filter, mirror, "requestMirror", &mirror, "copies of requests"),
	HDL_MESSAGE(struct hdl_gwapi_filter, extension, "extensionRef", &extension,
		    "filter of an implementation; a rule with it answers 500"),
};
static const struct hdl_message grpc_filter =
	HDL_MESSAGE_TABLE("GRPCRouteFilter", struct hdl_gwapi_filter, grpc_filter_fields, hdl_check_gwapi_filter);

/* ---- backends ---- */

#define WEIGHT HDL_INT(struct hdl_gwapi_backend, weight, "weight", 0, 1000000, "share, relative to the others (1)")

static const struct hdl_field http_backend_fields[] = {
	BACKEND_FIELDS(struct hdl_gwapi_backend, ref.),
	WEIGHT,
	HDL_MESSAGES(
		struct hdl_gwapi_backend, filters, "filters", &http_filter, "filters of this backend", .max = 16,
		.note = "RequestHeaderModifier and ResponseHeaderModifier only; with another one the rule answers 500"),
};
static const struct hdl_message http_backend = HDL_MESSAGE_TABLE("HTTPBackendRef", struct hdl_gwapi_backend,
								 http_backend_fields, hdl_check_gwapi_http_backend);

static const struct hdl_field grpc_backend_fields[] = {
	BACKEND_FIELDS(struct hdl_gwapi_backend, ref.),
	WEIGHT,
	HDL_MESSAGES(struct hdl_gwapi_backend, filters, "filters", &grpc_filter, "filters of this backend", .max = 16),
};
static const struct hdl_message grpc_backend = HDL_MESSAGE_TABLE("GRPCBackendRef", struct hdl_gwapi_backend,
								 grpc_backend_fields, hdl_check_gwapi_http_backend);

static const struct hdl_field backend_fields[] = { BACKEND_FIELDS(struct hdl_gwapi_backend, ref.), WEIGHT };
static const struct hdl_message backend =
	HDL_MESSAGE_TABLE("BackendRef", struct hdl_gwapi_backend, backend_fields, hdl_check_gwapi_http_backend);

/* ---- matches ---- */

static const struct hdl_enum_value path_types[] = { { "Exact", HDL_GWAPI_EXACT },
						    { "PathPrefix", HDL_GWAPI_PATH_PREFIX },
						    { "RegularExpression", HDL_GWAPI_REGEX },
						    { NULL, 0 } };
static const struct hdl_enum_value value_types[] = { { "Exact", HDL_GWAPI_EXACT },
						     { "RegularExpression", HDL_GWAPI_REGEX },
						     { NULL, 0 } };
static const struct hdl_field path_match_fields[] = {
	HDL_ENUM(struct hdl_gwapi_path_match, type, "type", path_types,
		 "Exact, PathPrefix or RegularExpression (PathPrefix)"),
	HDL_STRING(struct hdl_gwapi_path_match, value, "value", "path (/)"),
};
static const struct hdl_message path_match =
	HDL_MESSAGE_TABLE("HTTPPathMatch", struct hdl_gwapi_path_match, path_match_fields, hdl_check_gwapi_path_match);

static const struct hdl_field named_match_fields[] = {
	HDL_ENUM(struct hdl_gwapi_named_match, type, "type", value_types, "Exact or RegularExpression (Exact)"),
	HDL_STRING(struct hdl_gwapi_named_match, name, "name", "name of the header or parameter", REQUIRED),
	HDL_STRING(struct hdl_gwapi_named_match, value, "value", "its value", REQUIRED),
};
static const struct hdl_message header_match = HDL_MESSAGE_TABLE("HTTPHeaderMatch", struct hdl_gwapi_named_match,
								 named_match_fields, hdl_check_gwapi_named_match);
static const struct hdl_message query_match = HDL_MESSAGE_TABLE("HTTPQueryParamMatch", struct hdl_gwapi_named_match,
								named_match_fields, hdl_check_gwapi_named_match);

static const struct hdl_field http_match_fields[] = {
	HDL_MESSAGE(
		struct hdl_gwapi_match, path, "path", &path_match, "path of the request",
		.note = "A RegularExpression is RE2 for the whole path, and ranks after prefixes, but before a lone /"),
	HDL_MESSAGES(struct hdl_gwapi_match, headers, "headers", &header_match, "headers; all must match", .max = 16,
		     .note = "Of a header on several lines each line is compared on its own"),
	HDL_MESSAGES(struct hdl_gwapi_match, query_params, "queryParams", &query_match,
		     "query parameters; all must match", .max = 16,
		     .note = "The first value of a parameter counts, as it is, without percent-decoding"),
	HDL_STRING(struct hdl_gwapi_match, http_method, "method", "method of the request"),
};
static const struct hdl_message http_match =
	HDL_MESSAGE_TABLE("HTTPRouteMatch", struct hdl_gwapi_match, http_match_fields, hdl_check_gwapi_match);

static const struct hdl_field method_match_fields[] = {
	HDL_ENUM(struct hdl_gwapi_method_match, type, "type", value_types, "Exact or RegularExpression (Exact)"),
	HDL_STRING(struct hdl_gwapi_method_match, service, "service", "gRPC service (all)"),
	HDL_STRING(struct hdl_gwapi_method_match, method, "method", "gRPC method (all)"),
};
static const struct hdl_message method_match = HDL_MESSAGE_TABLE("GRPCMethodMatch", struct hdl_gwapi_method_match,
								 method_match_fields, hdl_check_gwapi_method_match);

static const struct hdl_field grpc_match_fields[] = {
	HDL_MESSAGE(struct hdl_gwapi_match, grpc_method, "method", &method_match, "service and method"),
	HDL_MESSAGES(struct hdl_gwapi_match, headers, "headers", &header_match, "headers; all must match", .max = 16),
};
static const struct hdl_message grpc_match =
	HDL_MESSAGE_TABLE("GRPCRouteMatch", struct hdl_gwapi_match, grpc_match_fields, hdl_check_gwapi_match);

/* ---- rules ---- */

static const struct hdl_field timeouts_fields[] = {
	HDL_STRING(struct hdl_gwapi_timeouts, request, "request", "time for the whole request; 0s for none"),
	HDL_STRING(struct hdl_gwapi_timeouts, backend_request, "backendRequest", "time for each try; 0s for none",
		   .note = "A try that is cut is repeated only with a retry block"),
};
static const struct hdl_message timeouts =
	HDL_MESSAGE_TABLE("HTTPRouteTimeouts", struct hdl_gwapi_timeouts, timeouts_fields, hdl_check_gwapi_timeouts);

static const struct hdl_field retry_fields[] = {
	HDL_ARRAY_FIELD("codes", HDL_FIELD_INTS, struct hdl_gwapi_retry, codes, "statuses that are retried", .min = 400,
			.max = 599),
	HDL_INT(struct hdl_gwapi_retry, attempts, "attempts", 0, MAX_INT32, "most retries (2)"),
	HDL_STRING(struct hdl_gwapi_retry, backoff, "backoff", "base of the wait before a retry (25ms)"),
};
static const struct hdl_message retry =
	HDL_MESSAGE_TABLE("HTTPRouteRetry", struct hdl_gwapi_retry, retry_fields, hdl_check_gwapi_retry);

static const struct hdl_field cookie_config_fields[] = {
	HDL_STRING(struct hdl_gwapi_cookie_config, lifetime_type, "lifetimeType", "Session or Permanent (Session)"),
};
static const struct hdl_message cookie_config =
	HDL_MESSAGE_TABLE("CookieConfig", struct hdl_gwapi_cookie_config, cookie_config_fields, NULL);

static const struct hdl_field session_fields[] = {
	HDL_STRING(struct hdl_gwapi_session_persistence, session_name, "sessionName", "name of the cookie or header"),
	HDL_STRING(struct hdl_gwapi_session_persistence, type, "type", "Cookie or Header (Cookie)"),
	HDL_STRING(struct hdl_gwapi_session_persistence, absolute_timeout, "absoluteTimeout",
		   "longest life of a session"),
	HDL_STRING(struct hdl_gwapi_session_persistence, idle_timeout, "idleTimeout", "longest pause of a session"),
	HDL_MESSAGE(struct hdl_gwapi_session_persistence, cookie_config, "cookieConfig", &cookie_config,
		    "settings of the cookie"),
};
static const struct hdl_message session = HDL_MESSAGE_TABLE("SessionPersistence", struct hdl_gwapi_session_persistence,
							    session_fields, hdl_check_gwapi_session);

static const struct hdl_field http_rule_fields[] = {
	HDL_STRING(struct hdl_gwapi_rule, name, "name", "name of the rule"),
	HDL_MESSAGES(struct hdl_gwapi_rule, matches, "matches", &http_match, "conditions; one is enough", .max = 64),
	HDL_MESSAGES(struct hdl_gwapi_rule, filters, "filters", &http_filter, "filters", .max = 16),
	HDL_MESSAGES(
		struct hdl_gwapi_rule, backends, "backendRefs", &http_backend, "backends by weight", .max = 16,
		.note = "None, or all with weight 0: 500. One that is not there or not granted: 500 for its share; without endpoints: 503"),
	HDL_MESSAGE(struct hdl_gwapi_rule, timeouts, "timeouts", &timeouts, "timeouts"),
	HDL_MESSAGE(
		struct hdl_gwapi_rule, retry, "retry", &retry, "retries",
		.note = "Refused and broken connections, and tries without an answer, are repeated beside the codes. Without the block: two retries of what failed before the backend saw it"),
	HDL_MESSAGE(struct hdl_gwapi_rule, session_persistence, "sessionPersistence", &session,
		    "requests of a client stay with a backend", ACCEPTED),
};
static const struct hdl_message http_rule =
	HDL_MESSAGE_TABLE("HTTPRouteRule", struct hdl_gwapi_rule, http_rule_fields, hdl_check_gwapi_http_rule);

static const struct hdl_field grpc_rule_fields[] = {
	HDL_STRING(struct hdl_gwapi_rule, name, "name", "name of the rule"),
	HDL_MESSAGES(struct hdl_gwapi_rule, matches, "matches", &grpc_match, "conditions; one is enough", .max = 64),
	HDL_MESSAGES(struct hdl_gwapi_rule, filters, "filters", &grpc_filter, "filters", .max = 16),
	HDL_MESSAGES(struct hdl_gwapi_rule, backends, "backendRefs", &grpc_backend, "backends by weight", .max = 16),
	HDL_MESSAGE(struct hdl_gwapi_rule, session_persistence, "sessionPersistence", &session,
		    "requests of a client stay with a backend", ACCEPTED),
};
static const struct hdl_message grpc_rule =
	HDL_MESSAGE_TABLE("GRPCRouteRule", struct hdl_gwapi_rule, grpc_rule_fields, hdl_check_gwapi_http_rule);

static const struct hdl_field l4_rule_fields[] = {
	HDL_STRING(struct hdl_gwapi_rule, name, "name", "name of the rule"),
	HDL_MESSAGES(struct hdl_gwapi_rule, backends, "backendRefs", &backend, "backends by weight", REQUIRED,
		     .max = 16),
};
static const struct hdl_message l4_rule =
	HDL_MESSAGE_TABLE("RouteRule", struct hdl_gwapi_rule, l4_rule_fields, hdl_check_gwapi_http_rule);

/* ---- routes ---- */

#define PARENTS                                                                                \
	HDL_MESSAGES(struct hdl_gwapi_route, parent_refs, "parentRefs", &parent_ref,           \
		     "Gateways, or Services of the mesh", .max = 32),                          \
		HDL_STRING(struct hdl_gwapi_route, use_default_gateways, "useDefaultGateways", \
			   "attach to default Gateways", ACCEPTED)
#define HOSTNAMES(...) HDL_STRINGS(struct hdl_gwapi_route, hostnames, "hostnames", __VA_ARGS__, .max = 16)

static const struct hdl_field http_route_fields[] = {
	PARENTS,
	HOSTNAMES("hosts that it is for (all)"),
	HDL_MESSAGES(struct hdl_gwapi_route, rules, "rules", &http_rule, "rules", .max = 16),
};
static const struct hdl_message http_route_spec =
	HDL_MESSAGE_TABLE("HTTPRoute", struct hdl_gwapi_route, http_route_fields, hdl_check_gwapi_route);

static const struct hdl_field grpc_route_fields[] = {
	PARENTS,
	HOSTNAMES("hosts that it is for (all)"),
	HDL_MESSAGES(struct hdl_gwapi_route, rules, "rules", &grpc_rule, "rules", .max = 16),
};
static const struct hdl_message grpc_route_spec =
	HDL_MESSAGE_TABLE("GRPCRoute", struct hdl_gwapi_route, grpc_route_fields, hdl_check_gwapi_route);

static const struct hdl_field tls_route_fields[] = {
	PARENTS,
	HOSTNAMES("server names (SNI) that it is for"),
	HDL_MESSAGES(struct hdl_gwapi_route, rules, "rules", &l4_rule, "one rule", REQUIRED, .max = 1),
};
static const struct hdl_message tls_route_spec =
	HDL_MESSAGE_TABLE("TLSRoute", struct hdl_gwapi_route, tls_route_fields, hdl_check_gwapi_tls_route);

static const struct hdl_field l4_route_fields[] = {
	PARENTS,
	HDL_MESSAGES(struct hdl_gwapi_route, rules, "rules", &l4_rule, "one rule", REQUIRED, .max = 16),
};
static const struct hdl_message tcp_route_spec =
	HDL_MESSAGE_TABLE("TCPRoute", struct hdl_gwapi_route, l4_route_fields, hdl_check_gwapi_route);
static const struct hdl_message udp_route_spec =
	HDL_MESSAGE_TABLE("UDPRoute", struct hdl_gwapi_route, l4_route_fields, hdl_check_gwapi_route);

#define OBJECT_FIELDS(spec)                                                                                       \
	{                                                                                                         \
		HDL_OBJECT_FIELDS, HDL_INLINE("spec", spec, "the route", REQUIRED), HDL_ANY("status", "not read") \
	}
static const struct hdl_field http_object[] = OBJECT_FIELDS(&http_route_spec);
static const struct hdl_field grpc_object[] = OBJECT_FIELDS(&grpc_route_spec);
static const struct hdl_field tls_object[] = OBJECT_FIELDS(&tls_route_spec);
static const struct hdl_field tcp_object[] = OBJECT_FIELDS(&tcp_route_spec);
static const struct hdl_field udp_object[] = OBJECT_FIELDS(&udp_route_spec);

const struct hdl_message hdl_schema_http_route =
	HDL_MESSAGE_TABLE("HTTPRoute", struct hdl_gwapi_route, http_object, NULL);
const struct hdl_message hdl_schema_grpc_route =
	HDL_MESSAGE_TABLE("GRPCRoute", struct hdl_gwapi_route, grpc_object, NULL);
const struct hdl_message hdl_schema_tls_route = HDL_MESSAGE_TABLE("TLSRoute", struct hdl_gwapi_route, tls_object, NULL);
const struct hdl_message hdl_schema_tcp_route = HDL_MESSAGE_TABLE("TCPRoute", struct hdl_gwapi_route, tcp_object, NULL);
const struct hdl_message hdl_schema_udp_route = HDL_MESSAGE_TABLE("UDPRoute", struct hdl_gwapi_route, udp_object, NULL);
