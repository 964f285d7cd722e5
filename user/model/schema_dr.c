/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of DestinationRule (specification A.5). */
#include "model/check.h"
#include "model/schema.h"

#define ACCEPTED .support = HDL_ACCEPTED
#define REFUSED .support = HDL_REFUSED
#define REQUIRED .flags = HDL_FIELD_REQUIRED
#define MAX_INT32 2147483647
#define MAX_UINT32 4294967295

static const struct hdl_enum_value simple[] = {
	{ "UNSPECIFIED", HDL_DR_LB_UNSPECIFIED },
	{ "LEAST_CONN", HDL_DR_LB_LEAST_CONN },
	{ "RANDOM", HDL_DR_LB_RANDOM },
	{ "PASSTHROUGH", HDL_DR_LB_PASSTHROUGH },
	{ "ROUND_ROBIN", HDL_DR_LB_ROUND_ROBIN },
	{ "LEAST_REQUEST", HDL_DR_LB_LEAST_REQUEST },
	{ NULL, 0 },
};

static const struct hdl_field cookie_attribute_fields[] = {
	HDL_STRING(struct hdl_dr_cookie_attribute, name, "name", "name of the attribute", REQUIRED),
	HDL_STRING(struct hdl_dr_cookie_attribute, value, "value", "value of the attribute"),
};
static const struct hdl_message cookie_attribute = HDL_MESSAGE_TABLE(
	"HTTPCookie.Attribute", struct hdl_dr_cookie_attribute, cookie_attribute_fields, hdl_check_dr_cookie_attribute);

static const struct hdl_field cookie_fields[] = {
	HDL_STRING(struct hdl_dr_cookie, name, "name", "name of the cookie", REQUIRED),
	HDL_STRING(struct hdl_dr_cookie, path, "path", "path of a cookie made here"),
	HDL_DURATION_MIN(struct hdl_dr_cookie, ttl, "ttl", 0, 0, "life of a cookie made here; absent: none is made"),
	HDL_MESSAGES(struct hdl_dr_cookie, attributes, "attributes", &cookie_attribute, "of a cookie made here",
		     .max = 100),
};
static const struct hdl_message cookie =
	HDL_MESSAGE_TABLE("HTTPCookie", struct hdl_dr_cookie, cookie_fields, hdl_check_dr_cookie);

static const struct hdl_field ring_hash_fields[] = {
	HDL_INT(struct hdl_dr_ring_hash, minimum_ring_size, "minimumRingSize", 0, 8388608, "entries (1024)"),
};
static const struct hdl_message ring_hash =
	HDL_MESSAGE_TABLE("RingHash", struct hdl_dr_ring_hash, ring_hash_fields, NULL);

static const struct hdl_field maglev_fields[] = {
	HDL_INT(struct hdl_dr_maglev, table_size, "tableSize", 1, 5000010, "entries, a prime", REQUIRED),
};
static const struct hdl_message maglev =
	HDL_MESSAGE_TABLE("MagLev", struct hdl_dr_maglev, maglev_fields, hdl_check_dr_maglev);

static const struct hdl_field consistent_hash_fields[] = {
	HDL_STRING(struct hdl_dr_consistent_hash, http_header_name, "httpHeaderName", "hash of this header"),
	HDL_MESSAGE(struct hdl_dr_consistent_hash, http_cookie, "httpCookie", &cookie, "hash of this cookie"),
	HDL_BOOL(struct hdl_dr_consistent_hash, use_source_ip, "useSourceIp", "hash of the client's address"),
	HDL_STRING(struct hdl_dr_consistent_hash, http_query_parameter_name, "httpQueryParameterName",
		   "hash of this query parameter"),
	HDL_MESSAGE(struct hdl_dr_consistent_hash, ring_hash, "ringHash", &ring_hash, "ring table"),
	HDL_MESSAGE(struct hdl_dr_consistent_hash, maglev, "maglev", &maglev, "Maglev table"),
	HDL_INT(struct hdl_dr_consistent_hash, minimum_ring_size, "minimumRingSize", 0, 8388608, "entries of the ring",
		.flags = HDL_FIELD_DEPRECATED),
};
static const struct hdl_message consistent_hash = HDL_MESSAGE_TABLE(
	"ConsistentHashLB", struct hdl_dr_consistent_hash, consistent_hash_fields, hdl_check_dr_consistent_hash);

static const struct hdl_field distribute_fields[] = {
	HDL_STRING(struct hdl_dr_distribute, from, "from", "locality of the client"),
	HDL_ARRAY_FIELD("to", HDL_FIELD_INT_MAP, struct hdl_dr_distribute, to, "localities and their percentages",
			.min = 1, .max = 100),
};
static const struct hdl_message distribute = HDL_MESSAGE_TABLE(
	"LocalityLoadBalancerSetting.Distribute", struct hdl_dr_distribute, distribute_fields, hdl_check_dr_distribute);

static const struct hdl_field failover_fields[] = {
	HDL_STRING(struct hdl_dr_failover, from, "from", "region that fails"),
	HDL_STRING(struct hdl_dr_failover, to, "to", "region that takes over"),
};
static const struct hdl_message failover = HDL_MESSAGE_TABLE(
	"LocalityLoadBalancerSetting.Failover", struct hdl_dr_failover, failover_fields, hdl_check_dr_failover);

static const struct hdl_field locality_fields[] = {
	HDL_MESSAGES(struct hdl_dr_locality_lb, distribute, "distribute", &distribute, "shares by locality"),
	HDL_MESSAGES(struct hdl_dr_locality_lb, failover, "failover", &failover, "regions that take over"),
	HDL_STRINGS(struct hdl_dr_locality_lb, failover_priority, "failoverPriority",
		    "labels, first the most important"),
	HDL_BOOL(struct hdl_dr_locality_lb, enabled, "enabled", "on or off"),
};
const struct hdl_message hdl_schema_locality_lb = HDL_MESSAGE_TABLE(
	"LocalityLoadBalancerSetting", struct hdl_dr_locality_lb, locality_fields, hdl_check_dr_locality);

static const struct hdl_field zone_aware_fields[] = {
	HDL_BOOL(struct hdl_dr_zone_aware_lb, enabled, "enabled", "on or off"),
	HDL_MESSAGES(struct hdl_dr_zone_aware_lb, failover, "failover", &failover, "regions that take over"),
	HDL_STRINGS(struct hdl_dr_zone_aware_lb, failover_priority, "failoverPriority", "labels, most important first"),
	HDL_INT(struct hdl_dr_zone_aware_lb, min_cluster_size, "minClusterSize", 0, MAX_UINT32, "least endpoints (6)"),
};
static const struct hdl_message zone_aware =
	HDL_MESSAGE_TABLE("ZoneAwareLbSetting", struct hdl_dr_zone_aware_lb, zone_aware_fields, NULL);

static const struct hdl_field warmup_fields[] = {
	HDL_DURATION(struct hdl_dr_warmup, duration, "duration", "how long a new endpoint is new", REQUIRED),
	HDL_DOUBLE(struct hdl_dr_warmup, minimum_percent, "minimumPercent", 0, 100, "share at the start (10)"),
	HDL_DOUBLE(struct hdl_dr_warmup, aggression, "aggression", 0, 1000000, "shape of the growth (1)"),
};
static const struct hdl_message warmup =
	HDL_MESSAGE_TABLE("WarmupConfiguration", struct hdl_dr_warmup, warmup_fields, hdl_check_dr_warmup);

static const struct hdl_field load_balancer_fields[] = {
	HDL_ENUM(struct hdl_dr_load_balancer, simple, "simple", simple, "LEAST_REQUEST when nothing is given"),
	HDL_MESSAGE(struct hdl_dr_load_balancer, consistent_hash, "consistentHash", &consistent_hash,
		    "the same key to the same endpoint"),
	HDL_MESSAGE(struct hdl_dr_load_balancer, locality_lb_setting, "localityLbSetting", &hdl_schema_locality_lb,
		    "preference by locality", ACCEPTED),
	HDL_MESSAGE(struct hdl_dr_load_balancer, zone_aware_lb_setting, "zoneAwareLbSetting", &zone_aware,
		    "preference by zone", ACCEPTED),
	HDL_DURATION_MIN(struct hdl_dr_load_balancer, warmup_duration_secs, "warmupDurationSecs", 0, 0,
			 "as warmup.duration", .flags = HDL_FIELD_DEPRECATED, ACCEPTED),
	HDL_MESSAGE(struct hdl_dr_load_balancer, warmup, "warmup", &warmup, "slow start of new endpoints", ACCEPTED),
};
static const struct hdl_message load_balancer = HDL_MESSAGE_TABLE("LoadBalancerSettings", struct hdl_dr_load_balancer,
								  load_balancer_fields, hdl_check_dr_load_balancer);

static const struct hdl_field keepalive_fields[] = {
	HDL_INT(struct hdl_dr_keepalive, probes, "probes", 0, MAX_UINT32, "probes without an answer"),
	HDL_DURATION_MIN(struct hdl_dr_keepalive, time, "time", 0, 0, "idle time before the first probe"),
	HDL_DURATION_MIN(struct hdl_dr_keepalive, interval, "interval", 0, 0, "time between probes"),
};
const struct hdl_message hdl_schema_tcp_keepalive =
	HDL_MESSAGE_TABLE("TcpKeepalive", struct hdl_dr_keepalive, keepalive_fields, NULL);

static const struct hdl_field pool_tcp_fields[] = {
	HDL_INT(struct hdl_dr_pool_tcp, max_connections, "maxConnections", 0, MAX_INT32, "most connections", ACCEPTED),
	HDL_DURATION(struct hdl_dr_pool_tcp, connect_timeout, "connectTimeout", "time to connect (10s)"),
	HDL_MESSAGE(struct hdl_dr_pool_tcp, tcp_keepalive, "tcpKeepalive", &hdl_schema_tcp_keepalive,
		    "keepalive probes", ACCEPTED),
	HDL_DURATION(struct hdl_dr_pool_tcp, max_connection_duration, "maxConnectionDuration", "life of a connection",
		     ACCEPTED),
	HDL_DURATION_MIN(struct hdl_dr_pool_tcp, idle_timeout, "idleTimeout", 0, HDL_NS_MS,
			 "idle time of a connection (1h; 0s: no end)"),
};
static const struct hdl_message pool_tcp =
	HDL_MESSAGE_TABLE("ConnectionPoolSettings.TCPSettings", struct hdl_dr_pool_tcp, pool_tcp_fields, NULL);

static const struct hdl_enum_value h2_upgrade[] = {
	{ "DEFAULT", HDL_H2_UPGRADE_DEFAULT },
	{ "DO_NOT_UPGRADE", HDL_H2_DO_NOT_UPGRADE },
	{ "UPGRADE", HDL_H2_UPGRADE },
	{ NULL, 0 },
};
static const struct hdl_field h2_keepalive_fields[] = {
	HDL_DURATION(struct hdl_dr_h2_keepalive, interval, "interval", "time between pings", REQUIRED),
	HDL_DURATION(struct hdl_dr_h2_keepalive, timeout, "timeout", "time for the answer", REQUIRED),
};
static const struct hdl_message h2_keepalive =
	HDL_MESSAGE_TABLE("HTTP2KeepAlive", struct hdl_dr_h2_keepalive, h2_keepalive_fields, NULL);

static const struct hdl_field pool_http_fields[] = {
	HDL_INT(struct hdl_dr_pool_http, http1_max_pending_requests, "http1MaxPendingRequests", 0, MAX_INT32,
		"most requests that wait for a connection", ACCEPTED),
	HDL_INT(struct hdl_dr_pool_http, http2_max_requests, "http2MaxRequests", 0, MAX_INT32, "most active requests",
		ACCEPTED),
	HDL_INT(struct hdl_dr_pool_http, max_requests_per_connection, "maxRequestsPerConnection", 0, MAX_INT32,
		"requests before a connection is closed (0: no limit)"),
	HDL_INT(struct hdl_dr_pool_http, max_retries, "maxRetries", 0, MAX_INT32, "most retries at a time", ACCEPTED),
	HDL_DURATION(struct hdl_dr_pool_http, idle_timeout, "idleTimeout", "idle time of a connection (1h)"),
	HDL_ENUM(struct hdl_dr_pool_http, h2_upgrade_policy, "h2UpgradePolicy", h2_upgrade, "HTTP/2 to the endpoints",
		 ACCEPTED),
	HDL_BOOL(struct hdl_dr_pool_http, use_client_protocol, "useClientProtocol", "the client's HTTP version",
		 ACCEPTED),
	HDL_INT(struct hdl_dr_pool_http, max_concurrent_streams, "maxConcurrentStreams", 0, MAX_INT32,
		"most streams of a connection", ACCEPTED),
	HDL_MESSAGE(struct hdl_dr_pool_http, http2_keep_alive, "http2KeepAlive", &h2_keepalive, "pings", ACCEPTED),
};
static const struct hdl_message pool_http = HDL_MESSAGE_TABLE(
	"ConnectionPoolSettings.HTTPSettings", struct hdl_dr_pool_http, pool_http_fields, hdl_check_dr_pool_http);

static const struct hdl_field connection_pool_fields[] = {
	HDL_MESSAGE(struct hdl_dr_connection_pool, tcp, "tcp", &pool_tcp, "connections"),
	HDL_MESSAGE(struct hdl_dr_connection_pool, http, "http", &pool_http, "requests"),
};
const struct hdl_message hdl_schema_connection_pool = HDL_MESSAGE_TABLE(
	"ConnectionPoolSettings", struct hdl_dr_connection_pool, connection_pool_fields, hdl_check_dr_connection_pool);

static const struct hdl_field outlier_fields[] = {
	HDL_INT(struct hdl_dr_outlier, consecutive_errors, "consecutiveErrors", 0, MAX_INT32, "without effect",
		.flags = HDL_FIELD_DEPRECATED),
	HDL_BOOL(struct hdl_dr_outlier, split_external_local_origin_errors, "splitExternalLocalOriginErrors",
		 "count failures to connect apart (false)"),
	HDL_INT(struct hdl_dr_outlier, consecutive_local_origin_failures, "consecutiveLocalOriginFailures", 0,
		MAX_UINT32, "failures to connect in a row (5)"),
	HDL_INT(struct hdl_dr_outlier, consecutive_gateway_errors, "consecutiveGatewayErrors", 0, MAX_UINT32,
		"502, 503, 504 in a row (off)"),
	HDL_INT(struct hdl_dr_outlier, consecutive_5xx_errors, "consecutive5xxErrors", 0, MAX_UINT32,
		"5xx in a row (5; 0: off)"),
	HDL_DURATION(struct hdl_dr_outlier, interval, "interval", "time between sweeps (10s)"),
	HDL_DURATION(struct hdl_dr_outlier, base_ejection_time, "baseEjectionTime", "first ejection (30s)"),
	HDL_INT(struct hdl_dr_outlier, max_ejection_percent, "maxEjectionPercent", 0, 100, "most endpoints out (10)"),
	HDL_INT(struct hdl_dr_outlier, min_health_percent, "minHealthPercent", 0, 100,
		"below it health is ignored (0)"),
	HDL_ARRAY_FIELD("outlierDetectionHttpErrorCodes", HDL_FIELD_INTS, struct hdl_dr_outlier,
			outlier_detection_http_error_codes, "statuses that count as errors", .min = 100, .max = 599,
			ACCEPTED),
};
const struct hdl_message hdl_schema_outlier =
	HDL_MESSAGE_TABLE("OutlierDetection", struct hdl_dr_outlier, outlier_fields, hdl_check_dr_outlier);

static const struct hdl_enum_value tls_mode[] = {
	{ "DISABLE", HDL_DR_TLS_DISABLE },
	{ "SIMPLE", HDL_DR_TLS_SIMPLE },
	{ "MUTUAL", HDL_DR_TLS_MUTUAL },
	{ "ISTIO_MUTUAL", HDL_DR_TLS_ISTIO_MUTUAL },
	{ NULL, 0 },
};
static const struct hdl_field tls_fields[] = {
	HDL_ENUM(struct hdl_dr_tls, mode, "mode", tls_mode, "TLS to the endpoints (DISABLE)"),
	HDL_STRING(struct hdl_dr_tls, client_certificate, "clientCertificate", "file of our certificate", REFUSED),
	HDL_STRING(struct hdl_dr_tls, private_key, "privateKey", "file of our key", REFUSED),
	HDL_STRING(struct hdl_dr_tls, ca_certificates, "caCertificates", "file of trusted certificates", REFUSED),
	HDL_STRING(struct hdl_dr_tls, credential_name, "credentialName", "Secret with the certificates", REFUSED),
	HDL_STRINGS(struct hdl_dr_tls, subject_alt_names, "subjectAltNames", "names the server may have", REFUSED),
	HDL_STRING(struct hdl_dr_tls, sni, "sni", "server name to send", REFUSED),
	HDL_BOOL(struct hdl_dr_tls, insecure_skip_verify, "insecureSkipVerify", "do not verify the server", REFUSED),
	HDL_STRING(struct hdl_dr_tls, ca_crl, "caCrl", "file of revoked certificates", REFUSED),
};
static const struct hdl_message tls =
	HDL_MESSAGE_TABLE("ClientTLSSettings", struct hdl_dr_tls, tls_fields, hdl_check_dr_tls);

static const struct hdl_field tunnel_fields[] = {
	HDL_STRING(struct hdl_dr_tunnel, protocol, "protocol", "CONNECT or POST (CONNECT)"),
	HDL_STRING(struct hdl_dr_tunnel, target_host, "targetHost", "host behind the tunnel", REQUIRED),
	HDL_INT(struct hdl_dr_tunnel, target_port, "targetPort", 1, 65535, "port behind the tunnel", REQUIRED),
};
static const struct hdl_message tunnel =
	HDL_MESSAGE_TABLE("TunnelSettings", struct hdl_dr_tunnel, tunnel_fields, hdl_check_dr_tunnel);

static const struct hdl_enum_value proxy_protocol_version[] = {
	{ "V1", HDL_PROXY_PROTOCOL_V1 },
	{ "V2", HDL_PROXY_PROTOCOL_V2 },
	{ NULL, 0 },
};
static const struct hdl_field proxy_protocol_fields[] = {
	HDL_ENUM(struct hdl_dr_proxy_protocol, version, "version", proxy_protocol_version, "V1 or V2 (V1)"),
};
static const struct hdl_message proxy_protocol =
	HDL_MESSAGE_TABLE("ProxyProtocol", struct hdl_dr_proxy_protocol, proxy_protocol_fields, NULL);

static const struct hdl_field retry_budget_fields[] = {
	HDL_DOUBLE(struct hdl_dr_retry_budget, percent, "percent", 0, 100, "share of active requests (20)"),
	HDL_DURATION_MIN(struct hdl_dr_retry_budget, budget_interval, "budgetInterval", 0, HDL_NS_MS, "window (0s)"),
	HDL_INT(struct hdl_dr_retry_budget, min_retry_concurrency, "minRetryConcurrency", 0, MAX_UINT32,
		"always allowed (3)"),
};
static const struct hdl_message retry_budget =
	HDL_MESSAGE_TABLE("RetryBudget", struct hdl_dr_retry_budget, retry_budget_fields, NULL);

/* the four blocks that exist per port too */
#define BLOCKS(s)                                                                                                      \
	HDL_MESSAGE(s, load_balancer, "loadBalancer", &load_balancer, "choice of the endpoint"),                       \
		HDL_MESSAGE(s, connection_pool, "connectionPool", &hdl_schema_connection_pool, "limits and timeouts"), \
		HDL_MESSAGE(s, outlier_detection, "outlierDetection", &hdl_schema_outlier,                             \
			    "ejection of failing endpoints"),                                                          \
		HDL_MESSAGE(s, tls, "tls", &tls, "TLS to the endpoints")

static const struct hdl_field port_policy_fields[] = {
	HDL_MESSAGE(struct hdl_dr_port_policy, port, "port", &hdl_schema_port_selector, "port of the service",
		    REQUIRED),
	BLOCKS(struct hdl_dr_port_policy),
};
static const struct hdl_message port_policy = HDL_MESSAGE_TABLE(
	"TrafficPolicy.PortTrafficPolicy", struct hdl_dr_port_policy, port_policy_fields, hdl_check_dr_port_policy);

static const struct hdl_field policy_fields[] = {
	BLOCKS(struct hdl_dr_policy),
	HDL_MESSAGES(struct hdl_dr_policy, port_level_settings, "portLevelSettings", &port_policy,
		     "in place of the blocks for one port", .max = 4096),
	HDL_MESSAGE(struct hdl_dr_policy, tunnel, "tunnel", &tunnel, "tunnel through a proxy", REFUSED),
	HDL_MESSAGE(struct hdl_dr_policy, proxy_protocol, "proxyProtocol", &proxy_protocol, "PROXY header", REFUSED),
	HDL_MESSAGE(struct hdl_dr_policy, retry_budget, "retryBudget", &retry_budget, "bound on retries", ACCEPTED),
};
static const struct hdl_message policy =
	HDL_MESSAGE_TABLE("TrafficPolicy", struct hdl_dr_policy, policy_fields, hdl_check_dr_policy);

static const struct hdl_field subset_fields[] = {
	HDL_STRING(struct hdl_dr_subset, name, "name", "name that routes use", REQUIRED),
	HDL_STRING_MAP(struct hdl_dr_subset, labels, "labels", "labels of its endpoints"),
	HDL_MESSAGE(struct hdl_dr_subset, traffic_policy, "trafficPolicy", &policy, "policy of the subset"),
};
static const struct hdl_message subset =
	HDL_MESSAGE_TABLE("Subset", struct hdl_dr_subset, subset_fields, hdl_check_dr_subset);

static const struct hdl_field workload_selector_fields[] = {
	HDL_STRING_MAP(struct hdl_dr_workload_selector, match_labels, "matchLabels", "labels of the client pods"),
};
static const struct hdl_message workload_selector =
	HDL_MESSAGE_TABLE("WorkloadSelector", struct hdl_dr_workload_selector, workload_selector_fields, NULL);

static const struct hdl_field spec_fields[] = {
	HDL_STRING(struct hdl_destination_rule, host, "host", "service that the rule is for", REQUIRED),
	HDL_MESSAGE(struct hdl_destination_rule, traffic_policy, "trafficPolicy", &policy, "policy of the service"),
	HDL_MESSAGES(struct hdl_destination_rule, subsets, "subsets", &subset, "named parts of the service",
		     .max = 10000),
	HDL_STRINGS(struct hdl_destination_rule, export_to, "exportTo", "namespaces that see the rule", ACCEPTED,
		    .max = 1000),
	HDL_MESSAGE(struct hdl_destination_rule, workload_selector, "workloadSelector", &workload_selector,
		    "clients that the rule is for", REFUSED),
};
static const struct hdl_message spec =
	HDL_MESSAGE_TABLE("DestinationRule", struct hdl_destination_rule, spec_fields, hdl_check_dr);

static const struct hdl_field object_fields[] = {
	HDL_OBJECT_FIELDS,
	HDL_INLINE("spec", &spec, "the rule", REQUIRED),
	HDL_ANY("status", "not read"),
};
const struct hdl_message hdl_schema_destination_rule =
	HDL_MESSAGE_TABLE("DestinationRule", struct hdl_destination_rule, object_fields, NULL);
