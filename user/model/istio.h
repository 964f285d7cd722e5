/* SPDX-License-Identifier: Apache-2.0 */
/* Istio's traffic resources as typed structs (specification A.2, A.5, A.9); filled and validated by the decoder. */
#ifndef HDL_MODEL_ISTIO_H
#define HDL_MODEL_ISTIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "model/value.h"

/*
 * What holds of every struct here once its document is accepted: pointers to messages are NULL when the field is
 * absent; numbers are in range; durations are whole milliseconds; oneofs have at most one member. Fields marked
 * "refused" make the document fail in this version: consumers never see them set.
 */

struct hdl_resource; /* model/resource.h */

/* ---- shared ---- */

enum hdl_string_match_kind { HDL_MATCH_PRESENT, HDL_MATCH_EXACT, HDL_MATCH_PREFIX, HDL_MATCH_REGEX };

/* At most one of the three is set; none: presence, for headers and query parameters (B.2). */
struct hdl_string_match {
	struct hdl_pos pos;
	struct hdl_text exact, prefix, regex; /* regex: 1..1024 bytes, not yet compiled */
};

static inline enum hdl_string_match_kind hdl_string_match_kind(const struct hdl_string_match *m)
{
	return m->exact.s  ? HDL_MATCH_EXACT :
	       m->prefix.s ? HDL_MATCH_PREFIX :
	       m->regex.s  ? HDL_MATCH_REGEX :
			     HDL_MATCH_PRESENT;
}

/* "" for presence */
static inline const char *hdl_string_match_value(const struct hdl_string_match *m)
{
	return m->exact.s ? m->exact.s : m->prefix.s ? m->prefix.s : m->regex.s ? m->regex.s : "";
}

/* One pair of a map<string, StringMatch>. */
struct hdl_keyed_match {
	struct hdl_pos pos; /* of the key */
	const char *key;    /* as written; header names compare without case */
	struct hdl_string_match match;
};

struct hdl_keyed_matches {
	struct hdl_keyed_match *at;
	size_t n;
};

struct hdl_percent {
	struct hdl_pos pos;
	struct hdl_opt_double value; /* 0..100; absent: 0 */
};

struct hdl_port_selector {
	struct hdl_pos pos;
	struct hdl_opt_int number; /* 1..65535 */
};

/* ---- VirtualService ---- */

struct hdl_vs_destination {
	struct hdl_pos pos;
	struct hdl_text host; /* present, not resolved: a short name is of the rule's namespace (A.1) */
	struct hdl_text subset;
	struct hdl_port_selector *port; /* number is set */
	const char *ns; /* never decoded; of a derived one: namespace of a short name; NULL: the rule's */
};

/* Names are tokens, in set and add of a request also ":authority". Values: text with %OPERATORS%, "%%" is "%". */
struct hdl_vs_header_ops {
	struct hdl_pos pos;
	struct hdl_kvs set, add;
	struct hdl_texts remove;
};

struct hdl_vs_headers {
	struct hdl_pos pos;
	struct hdl_vs_header_ops *request, *response;
};

struct hdl_vs_route {
	struct hdl_pos pos;
	struct hdl_vs_destination *destination; /* present */
	struct hdl_opt_int weight;              /* >= 0; absent: 0 */
	struct hdl_vs_headers *headers;         /* http only */
	bool unresolved; /* never decoded; a converted HTTPRoute: the backend is not valid, its share is answered with 500 */
};

struct hdl_vs_match {
	struct hdl_pos pos;
	struct hdl_text name;
	struct hdl_string_match *uri, *scheme, *method, *authority; /* not of kind PRESENT */
	struct hdl_keyed_matches headers, query_params, without_headers;
	struct hdl_opt_int port; /* 1..65535 */
	struct hdl_kvs source_labels;
	struct hdl_text source_namespace;
	struct hdl_texts gateways;
	struct hdl_opt_bool ignore_uri_case;
	bool by_segments; /* never decoded; a converted HTTPRoute: uri.prefix stands for whole elements (F.2) */
	struct hdl_text stat_prefix; /* kept */
};

struct hdl_vs_retry {
	struct hdl_pos pos;
	struct hdl_opt_int attempts; /* >= 0; absent in a present block: 0 = retries off (B.9) */
	struct hdl_opt_duration per_try_timeout, backoff;
	struct hdl_text retry_on; /* tokens of A.3 joined by commas; absent or "": the default list */
	struct hdl_opt_bool retry_remote_localities;
	struct hdl_opt_bool retry_ignore_previous_hosts; /* absent: true */
};

struct hdl_vs_delay {
	struct hdl_pos pos;
	struct hdl_percent *percentage;            /* absent: percent counts */
	struct hdl_opt_int percent;                /* deprecated, 0..100; both absent: 0 % */
	struct hdl_opt_duration fixed_delay;       /* present */
	struct hdl_opt_duration exponential_delay; /* never set */
};

struct hdl_vs_abort {
	struct hdl_pos pos;
	struct hdl_percent *percentage; /* absent: 0 % */
	struct hdl_opt_int http_status; /* 200..600; neither this nor grpc_status: nothing is aborted */
	struct hdl_text grpc_status;    /* name of a status, "UNAVAILABLE" */
	int grpc_code;                  /* its number, 0..16 */
	struct hdl_text http2_error;    /* never set */
};

struct hdl_vs_fault {
	struct hdl_pos pos;
	struct hdl_vs_delay *delay;
	struct hdl_vs_abort *abort; /* at least one of the two */
};

struct hdl_vs_mirror {
	struct hdl_pos pos;
	struct hdl_vs_destination *destination; /* present */
	struct hdl_percent *percentage;         /* absent: 100 % */
	struct hdl_opt_int per_million;         /* never decoded; a converted HTTPRoute: in place of percentage */
};

enum hdl_vs_derive_port { HDL_DERIVE_PROTOCOL_DEFAULT = 1, HDL_DERIVE_REQUEST_PORT };

struct hdl_vs_redirect {
	struct hdl_pos pos;
	struct hdl_text uri, prefix_rewrite; /* not both; prefix_rewrite: every match has a prefix */
	struct hdl_text authority, scheme;   /* scheme: http or https */
	struct hdl_opt_int port;             /* 1..65535, not with derive_port */
	struct hdl_opt_int redirect_code;    /* 0 or absent: 301; else 300..399 */
	struct hdl_opt_enum derive_port;     /* enum hdl_vs_derive_port */
	/*
	 * Never decoded; a converted HTTPRoute: the port is found as F.4 says, and prefix_rewrite (with by_segments in
	 * the match) puts the slashes right. redirect_code must be set, since the default differs.
	 */
	bool gateway_api;
};

struct hdl_vs_body {
	struct hdl_pos pos;
	struct hdl_text string, bytes; /* not both; bytes: base64 */
	const void *data;              /* either of them as it is sent, data_n bytes; NULL when there is none */
	size_t data_n;
};

struct hdl_vs_direct_response {
	struct hdl_pos pos;
	struct hdl_opt_int status; /* present, 200..600 */
	struct hdl_vs_body *body;
};

struct hdl_vs_delegate {
	struct hdl_pos pos;
	struct hdl_text name; /* present */
	struct hdl_text ns;   /* absent or "": the root's */
};

struct hdl_vs_regex_rewrite {
	struct hdl_pos pos;
	struct hdl_text match, rewrite; /* present, not empty; match is checked to be RE2 by the translator */
};

struct hdl_vs_rewrite {
	struct hdl_pos pos;
	struct hdl_text uri;                            /* not with uri_regex_rewrite */
	struct hdl_text authority;                      /* not with headers.request :authority or Host */
	struct hdl_vs_regex_rewrite *uri_regex_rewrite; /* of uri, authority and this there is at least one */
	/* never decoded; a converted HTTPRoute: uri is the whole path (ReplaceFullPath) */
	bool whole_path;
};

enum hdl_vs_unmatched_preflights { HDL_PREFLIGHT_UNSPECIFIED, HDL_PREFLIGHT_FORWARD, HDL_PREFLIGHT_IGNORE };

struct hdl_vs_cors {
	struct hdl_pos pos;
	struct hdl_texts allow_origin; /* deprecated, exact; ignored when there are allow_origins */
	HDL_ARRAY_OF(struct hdl_string_match) allow_origins; /* none of kind PRESENT */
	struct hdl_texts allow_methods;                      /* of RFC 9110 or "*" */
	struct hdl_texts allow_headers, expose_headers;      /* tokens */
	struct hdl_opt_duration max_age;                     /* whole seconds */
	struct hdl_opt_bool allow_credentials;
	struct hdl_opt_enum unmatched_preflights; /* enum hdl_vs_unmatched_preflights */
	bool answer_star; /* never decoded; a converted HTTPRoute: an origin "*" is answered with "*" (F.4) */
};

struct hdl_vs_http {
	struct hdl_pos pos;
	/* never decoded; of a derived VirtualService: the route that the rule is of, and "spec.rules[2]" */
	const struct hdl_resource *source;
	const char *field;
	struct hdl_text name;
	HDL_ARRAY_OF(struct hdl_vs_match) match; /* none: matches all; else any of them */
	/* exactly one of the four, except that directResponse may stand beside delegate */
	HDL_ARRAY_OF(struct hdl_vs_route) route;
	struct hdl_vs_redirect *redirect;               /* not with fault, rewrite */
	struct hdl_vs_direct_response *direct_response; /* not with fault, rewrite */
	struct hdl_vs_delegate *delegate;               /* not in a delegate */
	struct hdl_opt_duration timeout;                /* absent: none */
	struct hdl_vs_retry *retries;                   /* NULL: the mesh default (B.9) */
	struct hdl_vs_fault *fault;
	struct hdl_vs_destination *mirror; /* not with mirrors */
	HDL_ARRAY_OF(struct hdl_vs_mirror) mirrors;
	struct hdl_percent *mirror_percentage; /* of mirror; absent: mirror_percent, else 100 % */
	struct hdl_opt_int mirror_percent;     /* deprecated, 0..100 */
	struct hdl_vs_rewrite *rewrite;
	struct hdl_vs_cors *cors_policy;
	struct hdl_vs_headers *headers;
};

struct hdl_vs_l4_match {
	struct hdl_pos pos;
	struct hdl_opt_int port;              /* 1..65535 */
	struct hdl_texts sni_hosts;           /* tls only: at least one, each within a host of the VirtualService */
	struct hdl_texts destination_subnets; /* addresses, or address/bits */
	struct hdl_kvs source_labels;
	struct hdl_texts gateways;
	struct hdl_text source_namespace;
	struct hdl_text source_subnet; /* kept, without effect in Istio too */
};

struct hdl_vs_l4_route {
	struct hdl_pos pos;
	HDL_ARRAY_OF(struct hdl_vs_l4_match) match; /* none: matches all */
	HDL_ARRAY_OF(struct hdl_vs_route) route;    /* at least one; without headers */
};

struct hdl_virtual_service {
	struct hdl_pos pos;
	struct hdl_texts hosts;    /* no duplicates or overlaps, not resolved; none: a delegate, with http only */
	struct hdl_texts gateways; /* none: [mesh] */
	HDL_ARRAY_OF(struct hdl_vs_http) http;
	HDL_ARRAY_OF(struct hdl_vs_l4_route) tcp;
	HDL_ARRAY_OF(struct hdl_vs_l4_route) tls; /* each with a match */
	struct hdl_texts export_to;               /* ".", "*" alone, or namespaces */
	bool derived;                             /* never decoded; made of routes of the Gateway API */
};

/* ---- DestinationRule ---- */

/* Istio's numbers, see A.5. */
enum hdl_dr_simple_lb {
	HDL_DR_LB_UNSPECIFIED, /* = LEAST_REQUEST */
	HDL_DR_LB_LEAST_CONN,  /* deprecated alias of LEAST_REQUEST */
	HDL_DR_LB_RANDOM,
	HDL_DR_LB_PASSTHROUGH,
	HDL_DR_LB_ROUND_ROBIN,
	HDL_DR_LB_LEAST_REQUEST,
};

struct hdl_dr_cookie_attribute {
	struct hdl_pos pos;
	struct hdl_text name, value;
};

struct hdl_dr_cookie {
	struct hdl_pos pos;
	struct hdl_text name; /* present */
	struct hdl_text path;
	struct hdl_opt_duration ttl; /* >= 0; 0s is a session cookie, absent: no cookie is made (C.3) */
	HDL_ARRAY_OF(struct hdl_dr_cookie_attribute) attributes;
};

struct hdl_dr_ring_hash {
	struct hdl_pos pos;
	struct hdl_opt_int minimum_ring_size;
};

struct hdl_dr_maglev {
	struct hdl_pos pos;
	struct hdl_opt_int table_size; /* prime, < 5000011 */
};

struct hdl_dr_consistent_hash {
	struct hdl_pos pos;
	/* exactly one key: */
	struct hdl_text http_header_name;
	struct hdl_dr_cookie *http_cookie;
	struct hdl_opt_bool use_source_ip;
	struct hdl_text http_query_parameter_name;
	/* at most one table: */
	struct hdl_dr_ring_hash *ring_hash;
	struct hdl_dr_maglev *maglev;
	struct hdl_opt_int minimum_ring_size; /* deprecated spelling of ring_hash */
};

struct hdl_dr_distribute {
	struct hdl_pos pos;
	struct hdl_text from;
	HDL_ARRAY_OF(struct hdl_kint) to;
};

struct hdl_dr_failover {
	struct hdl_pos pos;
	struct hdl_text from, to;
};

struct hdl_dr_locality_lb {
	struct hdl_pos pos;
	HDL_ARRAY_OF(struct hdl_dr_distribute) distribute;
	HDL_ARRAY_OF(struct hdl_dr_failover) failover;
	struct hdl_texts failover_priority;
	struct hdl_opt_bool enabled;
};

struct hdl_dr_zone_aware_lb { /* accepted, not enforced */
	struct hdl_pos pos;
	struct hdl_opt_bool enabled;
	HDL_ARRAY_OF(struct hdl_dr_failover) failover;
	struct hdl_texts failover_priority;
	struct hdl_opt_int min_cluster_size;
};

struct hdl_dr_warmup {
	struct hdl_pos pos;
	struct hdl_opt_duration duration;
	struct hdl_opt_double minimum_percent, aggression;
};

struct hdl_dr_load_balancer {
	struct hdl_pos pos;
	struct hdl_opt_enum simple; /* enum hdl_dr_simple_lb; not with consistent_hash */
	struct hdl_dr_consistent_hash *consistent_hash;
	struct hdl_dr_locality_lb *locality_lb_setting;
	struct hdl_dr_zone_aware_lb *zone_aware_lb_setting;
	struct hdl_opt_duration warmup_duration_secs;
	struct hdl_dr_warmup *warmup;
};

struct hdl_dr_keepalive {
	struct hdl_pos pos;
	struct hdl_opt_int probes;
	struct hdl_opt_duration time, interval;
};

/* Of all numbers here 0 means "not set". */
struct hdl_dr_pool_tcp {
	struct hdl_pos pos;
	struct hdl_opt_duration connect_timeout; /* absent: 10 s */
	struct hdl_opt_duration idle_timeout;    /* absent: 1 h; 0s: never */
	/* accepted, not enforced: */
	struct hdl_opt_int max_connections;
	struct hdl_dr_keepalive *tcp_keepalive;
	struct hdl_opt_duration max_connection_duration;
};

enum hdl_dr_h2_upgrade { HDL_H2_UPGRADE_DEFAULT, HDL_H2_DO_NOT_UPGRADE, HDL_H2_UPGRADE };

struct hdl_dr_h2_keepalive {
	struct hdl_pos pos;
	struct hdl_opt_duration interval, timeout;
};

struct hdl_dr_pool_http {
	struct hdl_pos pos;
	struct hdl_opt_int max_requests_per_connection; /* absent or 0: no limit; 1: no keep-alive */
	struct hdl_opt_duration idle_timeout;           /* absent: tcp.idle_timeout, else 1 h */
	/* accepted, not enforced: */
	struct hdl_opt_int http1_max_pending_requests, http2_max_requests, max_retries, max_concurrent_streams;
	struct hdl_opt_enum h2_upgrade_policy; /* enum hdl_dr_h2_upgrade */
	struct hdl_opt_bool use_client_protocol;
	struct hdl_dr_h2_keepalive *http2_keep_alive;
};

struct hdl_dr_connection_pool {
	struct hdl_pos pos;
	struct hdl_dr_pool_tcp *tcp;
	struct hdl_dr_pool_http *http; /* at least one of the two */
};

struct hdl_dr_outlier {
	struct hdl_pos pos;
	struct hdl_opt_int consecutive_5xx_errors;            /* absent: 5; 0: off */
	struct hdl_opt_int consecutive_gateway_errors;        /* absent or 0: off */
	struct hdl_opt_int consecutive_local_origin_failures; /* absent: 5; only with the next */
	struct hdl_opt_bool split_external_local_origin_errors;
	struct hdl_opt_duration interval;           /* absent: 10 s */
	struct hdl_opt_duration base_ejection_time; /* absent: 30 s */
	struct hdl_opt_int max_ejection_percent;    /* absent: 10 */
	struct hdl_opt_int min_health_percent;      /* absent: 0 */
	struct hdl_opt_int consecutive_errors;      /* deprecated, without effect as in Istio */
	HDL_ARRAY_OF(struct hdl_opt_int) outlier_detection_http_error_codes; /* accepted, not enforced */
};

enum hdl_dr_tls_mode { HDL_DR_TLS_DISABLE, HDL_DR_TLS_SIMPLE, HDL_DR_TLS_MUTUAL, HDL_DR_TLS_ISTIO_MUTUAL };

struct hdl_dr_tls {
	struct hdl_pos pos;
	struct hdl_opt_enum mode; /* enum hdl_dr_tls_mode; only DISABLE passes */
	/* all refused: */
	struct hdl_text client_certificate, private_key, ca_certificates, ca_crl, credential_name, sni;
	struct hdl_texts subject_alt_names;
	struct hdl_opt_bool insecure_skip_verify;
};

struct hdl_dr_tunnel { /* refused */
	struct hdl_pos pos;
	struct hdl_text protocol, target_host;
	struct hdl_opt_int target_port;
};

enum hdl_dr_proxy_protocol_version { HDL_PROXY_PROTOCOL_V1, HDL_PROXY_PROTOCOL_V2 };

struct hdl_dr_proxy_protocol { /* refused */
	struct hdl_pos pos;
	struct hdl_opt_enum version;
};

struct hdl_dr_retry_budget { /* accepted, not enforced */
	struct hdl_pos pos;
	struct hdl_opt_double percent;
	struct hdl_opt_duration budget_interval;
	struct hdl_opt_int min_retry_concurrency;
};

/* The four blocks that a port-level entry replaces as a whole (A.7). */
struct hdl_dr_port_policy {
	struct hdl_pos pos;
	struct hdl_port_selector *port; /* present, number set */
	struct hdl_dr_load_balancer *load_balancer;
	struct hdl_dr_connection_pool *connection_pool;
	struct hdl_dr_outlier *outlier_detection;
	struct hdl_dr_tls *tls;
};

struct hdl_dr_policy {
	struct hdl_pos pos;
	struct hdl_dr_load_balancer *load_balancer;
	struct hdl_dr_connection_pool *connection_pool;
	struct hdl_dr_outlier *outlier_detection;
	struct hdl_dr_tls *tls;
	HDL_ARRAY_OF(struct hdl_dr_port_policy) port_level_settings;
	struct hdl_dr_tunnel *tunnel;
	struct hdl_dr_proxy_protocol *proxy_protocol;
	struct hdl_dr_retry_budget *retry_budget;
};

struct hdl_dr_subset {
	struct hdl_pos pos;
	struct hdl_text name;  /* DNS-1123 label, unique */
	struct hdl_kvs labels; /* none: all endpoints */
	struct hdl_dr_policy *traffic_policy;
};

struct hdl_dr_workload_selector {
	struct hdl_pos pos;
	struct hdl_kvs match_labels;
};

struct hdl_destination_rule {
	struct hdl_pos pos;
	struct hdl_text host; /* present, not resolved */
	struct hdl_dr_policy *traffic_policy;
	HDL_ARRAY_OF(struct hdl_dr_subset) subsets;
	struct hdl_texts export_to;
	struct hdl_dr_workload_selector *workload_selector; /* NULL: for all clients */
};

/* ---- Gateway ---- */

enum hdl_gw_protocol {
	HDL_GW_HTTP = 1,
	HDL_GW_HTTPS,
	HDL_GW_GRPC,
	HDL_GW_GRPC_WEB,
	HDL_GW_HTTP2,
	HDL_GW_MONGO,
	HDL_GW_TCP,
	HDL_GW_TLS,
	HDL_GW_MYSQL,
	HDL_GW_REDIS,
	HDL_GW_UDP, /* not of a Gateway */
};

struct hdl_gw_port {
	struct hdl_pos pos;
	struct hdl_opt_int number;           /* 1..65535; 0 or absent: bind is unix:///path */
	struct hdl_text protocol;            /* present, as written */
	struct hdl_text name;                /* present */
	struct hdl_opt_int target_port;      /* never set */
	enum hdl_gw_protocol protocol_value; /* decoded, letters of either case */
};

enum hdl_gw_tls_mode {
	HDL_GW_TLS_PASSTHROUGH,
	HDL_GW_TLS_SIMPLE,
	HDL_GW_TLS_MUTUAL,
	HDL_GW_TLS_AUTO_PASSTHROUGH,
	HDL_GW_TLS_ISTIO_MUTUAL,
	HDL_GW_TLS_OPTIONAL_MUTUAL,
};

enum hdl_tls_version { HDL_TLS_AUTO, HDL_TLSV1_0, HDL_TLSV1_1, HDL_TLSV1_2, HDL_TLSV1_3 };

struct hdl_gw_certificate {
	struct hdl_pos pos;
	struct hdl_text server_certificate, private_key, ca_certificates;
};

struct hdl_gw_tls {
	struct hdl_pos pos;
	struct hdl_opt_bool https_redirect;
	struct hdl_opt_enum mode; /* enum hdl_gw_tls_mode */
	struct hdl_text server_certificate, private_key, ca_certificates, ca_crl;
	struct hdl_text credential_name, ca_cert_credential_name;
	struct hdl_texts credential_names;
	HDL_ARRAY_OF(struct hdl_gw_certificate) tls_certificates;
	struct hdl_texts subject_alt_names, verify_certificate_spki, verify_certificate_hash, cipher_suites;
	struct hdl_opt_enum min_protocol_version, max_protocol_version; /* enum hdl_tls_version */
};

struct hdl_gw_server {
	struct hdl_pos pos;
	struct hdl_gw_port *port; /* present */
	struct hdl_text bind;     /* address, unix:///path, "" or absent */
	struct hdl_texts hosts;   /* at least one, "[ns/]name" */
	struct hdl_gw_tls *tls;   /* kept for every protocol; the translator skips servers that it cannot serve */
	struct hdl_text default_endpoint; /* accepted, not enforced (nor by Istio) */
	struct hdl_text name;
	bool unserved; /* never decoded; of a derived one: what asked for it says in its status why it is not served */
};

struct hdl_gateway {
	struct hdl_pos pos;
	struct hdl_kvs selector;
	HDL_ARRAY_OF(struct hdl_gw_server) servers; /* at least one */
};

#endif
