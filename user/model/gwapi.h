/* SPDX-License-Identifier: Apache-2.0 */
/* The Gateway API's resources as typed structs (specification F.1, F.8); filled and validated by the decoder. */
#ifndef HDL_MODEL_GWAPI_H
#define HDL_MODEL_GWAPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "model/value.h"

/*
 * What holds of every struct here once its document is accepted: the rules of the CRD schemas (F.1). Defaults are not
 * filled in: what absence means is said at the field, and the functions at the end apply it.
 */

#define HDL_GWAPI_GROUP "gateway.networking.k8s.io"
#define HDL_GWAPI_CONTROLLER "heddle.io/gateway-controller"

#define HDL_NAMED_ARRAY(name, type) \
	struct name {               \
		type *at;           \
		size_t n;           \
	}

/* ---- shared ---- */

/* Reference to an object of any kind; which members a place allows is in its table. */
struct hdl_gwapi_ref {
	struct hdl_pos pos;
	struct hdl_text group, kind; /* absent: as the place says */
	struct hdl_text ns;          /* absent: the namespace of the object that refers */
	struct hdl_text name;        /* present, but in lists of a ReferenceGrant */
	struct hdl_text section_name;
	struct hdl_opt_int port; /* 1..65535 */
};

struct hdl_gwapi_requirement {
	struct hdl_pos pos;
	struct hdl_text key, op; /* op: In, NotIn, Exists, DoesNotExist */
	struct hdl_texts values;
};

struct hdl_gwapi_selector {
	struct hdl_pos pos;
	struct hdl_kvs match_labels;
	HDL_ARRAY_OF(struct hdl_gwapi_requirement) match_expressions;
};

/* ---- GatewayClass ---- */

struct hdl_gateway_class {
	struct hdl_pos pos;
	struct hdl_text controller_name; /* present: domain/path */
	struct hdl_gwapi_ref *parameters_ref;
	struct hdl_text description;
};

/* ---- Gateway ---- */

enum hdl_gwapi_tls_mode { HDL_GWAPI_TERMINATE, HDL_GWAPI_PASSTHROUGH };

struct hdl_gwapi_listener_tls {
	struct hdl_pos pos;
	struct hdl_opt_enum mode;                            /* enum hdl_gwapi_tls_mode */
	HDL_ARRAY_OF(struct hdl_gwapi_ref) certificate_refs; /* Secret unless said */
	struct hdl_kvs options;
};

enum hdl_gwapi_from { HDL_GWAPI_FROM_SAME, HDL_GWAPI_FROM_ALL, HDL_GWAPI_FROM_SELECTOR, HDL_GWAPI_FROM_NONE };

struct hdl_gwapi_namespaces {
	struct hdl_pos pos;
	struct hdl_opt_enum from; /* enum hdl_gwapi_from; absent: as the place says */
	struct hdl_gwapi_selector *selector;
};

struct hdl_gwapi_route_kind {
	struct hdl_pos pos;
	struct hdl_text group, kind;
};

struct hdl_gwapi_allowed_routes {
	struct hdl_pos pos;
	struct hdl_gwapi_namespaces *namespaces; /* absent: Same */
	HDL_ARRAY_OF(struct hdl_gwapi_route_kind) kinds;
};

struct hdl_gwapi_listener {
	struct hdl_pos pos;
	struct hdl_text name;     /* present, unique */
	struct hdl_text hostname; /* absent or "": all */
	struct hdl_opt_int port;  /* present, 1..65535 */
	struct hdl_text protocol; /* present: HTTP, HTTPS, TLS, TCP, UDP or one that nobody knows */
	struct hdl_gwapi_listener_tls *tls;
	struct hdl_gwapi_allowed_routes *allowed_routes;
};

struct hdl_gwapi_address {
	struct hdl_pos pos;
	struct hdl_text type; /* absent: IPAddress */
	struct hdl_text value;
};

struct hdl_gwapi_infrastructure {
	struct hdl_pos pos;
	struct hdl_kvs labels, annotations;
	struct hdl_gwapi_ref *parameters_ref;
};

struct hdl_gwapi_allowed_listeners {
	struct hdl_pos pos;
	struct hdl_gwapi_namespaces *namespaces; /* absent: None */
};

enum hdl_gwapi_validation_mode { HDL_GWAPI_ALLOW_VALID_ONLY, HDL_GWAPI_ALLOW_INSECURE_FALLBACK };

struct hdl_gwapi_frontend_validation {
	struct hdl_pos pos;
	HDL_ARRAY_OF(struct hdl_gwapi_ref) ca_certificate_refs;
	struct hdl_opt_enum mode; /* enum hdl_gwapi_validation_mode */
};

struct hdl_gwapi_frontend_tls {
	struct hdl_pos pos;
	struct hdl_gwapi_frontend_validation *validation;
};

struct hdl_gwapi_port_tls {
	struct hdl_pos pos;
	struct hdl_opt_int port;
	struct hdl_gwapi_frontend_tls *tls;
};

struct hdl_gwapi_gateway_frontend {
	struct hdl_pos pos;
	struct hdl_gwapi_frontend_tls *all; /* "default" */
	HDL_ARRAY_OF(struct hdl_gwapi_port_tls) per_port;
};

struct hdl_gwapi_gateway_backend {
	struct hdl_pos pos;
	struct hdl_gwapi_ref *client_certificate_ref;
};

struct hdl_gwapi_gateway_tls {
	struct hdl_pos pos;
	struct hdl_gwapi_gateway_backend *backend;
	struct hdl_gwapi_gateway_frontend *frontend;
};

struct hdl_kube_gateway {
	struct hdl_pos pos;
	struct hdl_text gateway_class_name; /* present */
	HDL_ARRAY_OF(struct hdl_gwapi_listener) listeners;
	HDL_ARRAY_OF(struct hdl_gwapi_address) addresses;
	struct hdl_gwapi_infrastructure *infrastructure;
	struct hdl_gwapi_allowed_listeners *allowed_listeners;
	struct hdl_gwapi_gateway_tls *tls;
	struct hdl_text default_scope;
};

/* ---- parts of routes ---- */

enum hdl_gwapi_match_type { HDL_GWAPI_EXACT, HDL_GWAPI_PATH_PREFIX, HDL_GWAPI_REGEX };

struct hdl_gwapi_path_match {
	struct hdl_pos pos;
	struct hdl_opt_enum type; /* enum hdl_gwapi_match_type; absent: PathPrefix */
	struct hdl_text value;    /* absent: "/" */
};

/* A header or a query parameter. */
struct hdl_gwapi_named_match {
	struct hdl_pos pos;
	struct hdl_opt_enum type; /* enum hdl_gwapi_match_type, not PathPrefix; absent: Exact */
	struct hdl_text name, value;
};

HDL_NAMED_ARRAY(hdl_gwapi_named_matches, struct hdl_gwapi_named_match);

struct hdl_gwapi_method_match {
	struct hdl_pos pos;
	struct hdl_opt_enum type; /* absent: Exact */
	struct hdl_text service, method;
};

struct hdl_gwapi_header {
	struct hdl_pos pos;
	struct hdl_text name, value;
};

HDL_NAMED_ARRAY(hdl_gwapi_headers, struct hdl_gwapi_header);

struct hdl_gwapi_header_filter {
	struct hdl_pos pos;
	struct hdl_gwapi_headers set, add;
	struct hdl_texts remove;
};

struct hdl_gwapi_fraction {
	struct hdl_pos pos;
	struct hdl_opt_int numerator, denominator; /* denominator absent: 100 */
};

struct hdl_gwapi_mirror {
	struct hdl_pos pos;
	struct hdl_gwapi_ref *backend_ref; /* present */
	struct hdl_opt_int percent;        /* 0..100; with fraction absent too: 100 */
	struct hdl_gwapi_fraction *fraction;
};

enum hdl_gwapi_path_modifier { HDL_GWAPI_REPLACE_FULL_PATH, HDL_GWAPI_REPLACE_PREFIX_MATCH };

struct hdl_gwapi_path_modifier_spec {
	struct hdl_pos pos;
	struct hdl_opt_enum type; /* present; enum hdl_gwapi_path_modifier */
	struct hdl_text replace_full_path, replace_prefix_match;
};

struct hdl_gwapi_redirect {
	struct hdl_pos pos;
	struct hdl_text scheme, hostname;
	struct hdl_gwapi_path_modifier_spec *path;
	struct hdl_opt_int port, status_code; /* status absent: 302 */
};

struct hdl_gwapi_rewrite {
	struct hdl_pos pos;
	struct hdl_text hostname;
	struct hdl_gwapi_path_modifier_spec *path;
};

struct hdl_gwapi_cors {
	struct hdl_pos pos;
	struct hdl_texts allow_origins, allow_methods, allow_headers, expose_headers;
	struct hdl_opt_bool allow_credentials;
	struct hdl_opt_int max_age; /* seconds; absent: 5 */
};

struct hdl_gwapi_external_auth { /* not looked into */
	struct hdl_pos pos;
};

enum hdl_gwapi_filter_type {
	HDL_GWAPI_REQUEST_HEADERS = 1,
	HDL_GWAPI_RESPONSE_HEADERS,
	HDL_GWAPI_MIRROR,
	HDL_GWAPI_REDIRECT,
	HDL_GWAPI_REWRITE,
	HDL_GWAPI_CORS,
	HDL_GWAPI_EXTERNAL_AUTH,
	HDL_GWAPI_EXTENSION,
};

/* Exactly the member that type names is there. */
struct hdl_gwapi_filter {
	struct hdl_pos pos;
	struct hdl_opt_enum type; /* present; enum hdl_gwapi_filter_type */
	struct hdl_gwapi_header_filter *request_headers, *response_headers;
	struct hdl_gwapi_mirror *mirror;
	struct hdl_gwapi_redirect *redirect;
	struct hdl_gwapi_rewrite *rewrite;
	struct hdl_gwapi_cors *cors;
	struct hdl_gwapi_ref *extension;
	struct hdl_gwapi_external_auth *external_auth;
};

HDL_NAMED_ARRAY(hdl_gwapi_filters, struct hdl_gwapi_filter);

struct hdl_gwapi_backend {
	struct hdl_pos pos;
	struct hdl_gwapi_ref ref;  /* kind absent: Service */
	struct hdl_opt_int weight; /* 0..1000000; absent: 1 */
	struct hdl_gwapi_filters filters;
};

HDL_NAMED_ARRAY(hdl_gwapi_backends, struct hdl_gwapi_backend);

struct hdl_gwapi_timeouts {
	struct hdl_pos pos;
	struct hdl_text request, backend_request; /* durations of the Gateway API, "1m30s" */
	int64_t request_ns, backend_request_ns;   /* of those; 0: none, also when said so */
};

struct hdl_gwapi_retry {
	struct hdl_pos pos;
	HDL_ARRAY_OF(struct hdl_opt_int) codes; /* 400..599 */
	struct hdl_opt_int attempts;            /* retries */
	struct hdl_text backoff;
	int64_t backoff_ns; /* 0: none given */
};

struct hdl_gwapi_cookie_config {
	struct hdl_pos pos;
	struct hdl_text lifetime_type;
};

struct hdl_gwapi_session_persistence { /* accepted, not enforced */
	struct hdl_pos pos;
	struct hdl_text session_name, type, absolute_timeout, idle_timeout;
	struct hdl_gwapi_cookie_config *cookie_config;
};

/* A match of an HTTPRoute, or of a GRPCRoute (path, query_params and http_method are then absent). */
struct hdl_gwapi_match {
	struct hdl_pos pos;
	struct hdl_gwapi_path_match *path; /* absent: PathPrefix "/" */
	struct hdl_gwapi_named_matches headers, query_params;
	struct hdl_text http_method;
	struct hdl_gwapi_method_match *grpc_method;
};

/* A rule of a route of any kind; what a kind does not have stays absent. */
struct hdl_gwapi_rule {
	struct hdl_pos pos;
	struct hdl_text name;
	HDL_ARRAY_OF(struct hdl_gwapi_match) matches; /* none: one that everything meets */
	struct hdl_gwapi_filters filters;
	struct hdl_gwapi_backends backends;
	struct hdl_gwapi_timeouts *timeouts;
	struct hdl_gwapi_retry *retry;
	struct hdl_gwapi_session_persistence *session_persistence;
};

/* HTTPRoute, GRPCRoute, TLSRoute, TCPRoute and UDPRoute. */
struct hdl_gwapi_route {
	struct hdl_pos pos;
	HDL_ARRAY_OF(struct hdl_gwapi_ref) parent_refs; /* Gateway unless said */
	struct hdl_text use_default_gateways;
	struct hdl_texts hostnames;
	HDL_ARRAY_OF(struct hdl_gwapi_rule) rules; /* none, of an HTTPRoute: one that answers 500 */
};

/* ---- ReferenceGrant ---- */

struct hdl_reference_grant {
	struct hdl_pos pos;
	HDL_ARRAY_OF(struct hdl_gwapi_ref) from, to;
};

/* ---- BackendTLSPolicy ---- */

struct hdl_gwapi_san {
	struct hdl_pos pos;
	struct hdl_text type, hostname, uri;
};

struct hdl_gwapi_backend_validation {
	struct hdl_pos pos;
	HDL_ARRAY_OF(struct hdl_gwapi_ref) ca_certificate_refs; /* ConfigMap */
	struct hdl_text well_known, hostname;
	HDL_ARRAY_OF(struct hdl_gwapi_san) subject_alt_names;
};

struct hdl_backend_tls_policy {
	struct hdl_pos pos;
	HDL_ARRAY_OF(struct hdl_gwapi_ref) target_refs;
	struct hdl_gwapi_backend_validation *validation; /* present */
	struct hdl_kvs options;
};

/* ---- defaults ---- */

/* Value of a field that may be left out. */
static inline const char *hdl_gwapi_text(const struct hdl_text *text, const char *absent)
{
	return text->s ? text->s : absent;
}

static inline enum hdl_gwapi_match_type hdl_gwapi_path_type(const struct hdl_gwapi_path_match *path)
{
	return path && path->type.has ? (enum hdl_gwapi_match_type)path->type.value : HDL_GWAPI_PATH_PREFIX;
}

static inline const char *hdl_gwapi_path_value(const struct hdl_gwapi_path_match *path)
{
	return path && path->value.s ? path->value.s : "/";
}

static inline uint32_t hdl_gwapi_weight(const struct hdl_gwapi_backend *backend)
{
	return backend->weight.has ? (uint32_t)backend->weight.value : 1;
}

#endif
