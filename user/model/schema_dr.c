/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of DestinationRule (specification A.5). */
#include "model/check.h"
#include "model/schema.h"

#define ACCEPTED .support = HDL_ACCEPTED
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
	HDL_STRING(struct hdl_dr_cookie_attribute, name, "name", "name of the attribute, such as SameSite or Secure",
		   REQUIRED),
	HDL_STRING(struct hdl_dr_cookie_attribute, value, "value",
		   "value of the attribute; absent for one that has none"),
};
static const struct hdl_message cookie_attribute = HDL_MESSAGE_TABLE(
	"HTTPCookie.Attribute", struct hdl_dr_cookie_attribute, cookie_attribute_fields, hdl_check_dr_cookie_attribute);

static const struct hdl_field cookie_fields[] = {
	HDL_STRING(struct hdl_dr_cookie, name, "name", "name of the cookie that decides", REQUIRED),
	HDL_STRING(struct hdl_dr_cookie, path, "path", "path of a cookie that is made here"),
	HDL_DURATION_MIN(
		struct hdl_dr_cookie, ttl, "ttl", 0, 0,
		"life of a cookie that is made here for clients without it; 0s: of the browser session; absent: none is made"),
	HDL_MESSAGES(struct hdl_dr_cookie, attributes, "attributes", &cookie_attribute,
		     "further attributes of a cookie that is made here", .max = 100),
};
static const struct hdl_message cookie =
	HDL_MESSAGE_TABLE("HTTPCookie", struct hdl_dr_cookie, cookie_fields, hdl_check_dr_cookie);

static const struct hdl_field ring_hash_fields[] = {
	HDL_INT(struct hdl_dr_ring_hash, minimum_ring_size, "minimumRingSize", 0, 8388608,
		"least entries of the ring (1024)"),
};
static const struct hdl_message ring_hash =
	HDL_MESSAGE_TABLE("RingHash", struct hdl_dr_ring_hash, ring_hash_fields, NULL);

static const struct hdl_field maglev_fields[] = {
	HDL_INT(struct hdl_dr_maglev, table_size, "tableSize", 1, 5000010,
		"entries of the table, a prime number below 5000011 (65537)", REQUIRED),
};
static const struct hdl_message maglev =
	HDL_MESSAGE_TABLE("MagLev", struct hdl_dr_maglev, maglev_fields, hdl_check_dr_maglev);

static const struct hdl_field consistent_hash_fields[] = {
	HDL_STRING(struct hdl_dr_consistent_hash, http_header_name, "httpHeaderName", "header whose value decides"),
	HDL_MESSAGE(struct hdl_dr_consistent_hash, http_cookie, "httpCookie", &cookie, "cookie whose value decides"),
	HDL_BOOL(struct hdl_dr_consistent_hash, use_source_ip, "useSourceIp", "the address of the client decides"),
	HDL_STRING(struct hdl_dr_consistent_hash, http_query_parameter_name, "httpQueryParameterName",
		   "query parameter whose value decides"),
	HDL_MESSAGE(struct hdl_dr_consistent_hash, ring_hash, "ringHash", &ring_hash,
		    "endpoints stand on a ring; what acts when neither is given"),
	HDL_MESSAGE(struct hdl_dr_consistent_hash, maglev, "maglev", &maglev,
		    "endpoints share a table evenly, as Maglev does"),
	HDL_INT(struct hdl_dr_consistent_hash, minimum_ring_size, "minimumRingSize", 0, 8388608,
		"least entries of the ring; use ringHash", .flags = HDL_FIELD_DEPRECATED),
};
static const struct hdl_message consistent_hash = HDL_MESSAGE_TABLE(
	"ConsistentHashLB", struct hdl_dr_consistent_hash, consistent_hash_fields, hdl_check_dr_consistent_hash);

static const struct hdl_field distribute_fields[] = {
	HDL_STRING(struct hdl_dr_distribute, from, "from",
		   "locality of the clients: region/zone/subzone, * at the end for all"),
	HDL_ARRAY_FIELD("to", HDL_FIELD_INT_MAP, struct hdl_dr_distribute, to,
			"localities of endpoints and their percentages, which sum to 100", .min = 1, .max = 100),
};
static const struct hdl_message distribute = HDL_MESSAGE_TABLE(
	"LocalityLoadBalancerSetting.Distribute", struct hdl_dr_distribute, distribute_fields, hdl_check_dr_distribute);

static const struct hdl_field failover_fields[] = {
	HDL_STRING(struct hdl_dr_failover, from, "from", "region whose endpoints fail"),
	HDL_STRING(struct hdl_dr_failover, to, "to", "region whose endpoints take over"),
};
static const struct hdl_message failover = HDL_MESSAGE_TABLE(
	"LocalityLoadBalancerSetting.Failover", struct hdl_dr_failover, failover_fields, hdl_check_dr_failover);

static const struct hdl_field locality_fields[] = {
	HDL_MESSAGES(struct hdl_dr_locality_lb, distribute, "distribute", &distribute,
		     "shares of the localities; not with failover"),
	HDL_MESSAGES(struct hdl_dr_locality_lb, failover, "failover", &failover, "which region takes over for which"),
	HDL_STRINGS(struct hdl_dr_locality_lb, failover_priority, "failoverPriority",
		    "labels that client and endpoint should have in common, the most important first"),
	HDL_BOOL(struct hdl_dr_locality_lb, enabled, "enabled", "in place of the setting of the mesh"),
};
const struct hdl_message hdl_schema_locality_lb = HDL_MESSAGE_TABLE(
	"LocalityLoadBalancerSetting", struct hdl_dr_locality_lb, locality_fields, hdl_check_dr_locality);

static const struct hdl_field zone_aware_fields[] = {
	HDL_BOOL(struct hdl_dr_zone_aware_lb, enabled, "enabled", "in place of the setting of the mesh"),
	HDL_MESSAGES(struct hdl_dr_zone_aware_lb, failover, "failover", &failover, "which region takes over for which"),
	HDL_STRINGS(struct hdl_dr_zone_aware_lb, failover_priority, "failoverPriority",
		    "labels that client and endpoint should have in common, the most important first"),
	HDL_INT(struct hdl_dr_zone_aware_lb, min_cluster_size, "minClusterSize", 0, MAX_UINT32,
		"endpoints below which zones do not count (6)"),
};
static const struct hdl_message zone_aware = HDL_MESSAGE_TABLE("ZoneAwareLbSetting", struct hdl_dr_zone_aware_lb,
							       zone_aware_fields, hdl_check_dr_zone_aware);

static const struct hdl_field warmup_fields[] = {
	HDL_DURATION(struct hdl_dr_warmup, duration, "duration", "how long an endpoint counts as new", REQUIRED),
	HDL_DOUBLE(struct hdl_dr_warmup, minimum_percent, "minimumPercent", 0, 100,
		   "percentage of its share that a new endpoint starts with (10)"),
	HDL_DOUBLE(struct hdl_dr_warmup, aggression, "aggression", 1, 1000000,
		   "how the share grows: 1 steadily, more: faster at first (1)"),
};
static const struct hdl_message warmup =
	HDL_MESSAGE_TABLE("WarmupConfiguration", struct hdl_dr_warmup, warmup_fields, NULL);

static const struct hdl_field load_balancer_fields[] = {
	HDL_ENUM(struct hdl_dr_load_balancer, simple, "simple", simple, "how an endpoint is chosen (LEAST_REQUEST)"),
	HDL_MESSAGE(struct hdl_dr_load_balancer, consistent_hash, "consistentHash", &consistent_hash,
		    "requests with the same key go to the same endpoint"),
	HDL_MESSAGE(
		struct hdl_dr_load_balancer, locality_lb_setting, "localityLbSetting", &hdl_schema_locality_lb,
		"endpoints near the client come first",
		.note = "The clients of a node are in the place of the node, and only their place and node name count "
			"as their labels"),
	HDL_MESSAGE(struct hdl_dr_load_balancer, zone_aware_lb_setting, "zoneAwareLbSetting", &zone_aware,
		    "endpoints in the zone of the client come first", ACCEPTED),
	HDL_DURATION(struct hdl_dr_load_balancer, warmup_duration_secs, "warmupDurationSecs", "use warmup.duration",
		     .flags = HDL_FIELD_DEPRECATED),
	HDL_MESSAGE(struct hdl_dr_load_balancer, warmup, "warmup", &warmup,
		    "new endpoints get their share step by step; with ROUND_ROBIN and LEAST_REQUEST"),
};
static const struct hdl_message load_balancer = HDL_MESSAGE_TABLE("LoadBalancerSettings", struct hdl_dr_load_balancer,
								  load_balancer_fields, hdl_check_dr_load_balancer);

static const struct hdl_field keepalive_fields[] = {
	HDL_INT(struct hdl_dr_keepalive, probes, "probes", 0, MAX_UINT32,
		"probes without an answer after which the connection is lost (of the system)"),
	HDL_DURATION(struct hdl_dr_keepalive, time, "time", "idle time before the first probe (of the system)"),
	HDL_DURATION(struct hdl_dr_keepalive, interval, "interval", "time between probes (of the system)"),
};
const struct hdl_message hdl_schema_tcp_keepalive =
	HDL_MESSAGE_TABLE("TcpKeepalive", struct hdl_dr_keepalive, keepalive_fields, NULL);

static const struct hdl_field pool_tcp_fields[] = {
	HDL_INT(struct hdl_dr_pool_tcp, max_connections, "maxConnections", 0, MAX_INT32,
		"most connections to the service; 0 or absent: no limit",
		.note = "Exact for connections of layer 4 from one node; where requests are read, http2MaxRequests is the "
			"limit"),
	HDL_DURATION(struct hdl_dr_pool_tcp, connect_timeout, "connectTimeout",
		     "time in which a connection must be made (10s)"),
	HDL_MESSAGE(struct hdl_dr_pool_tcp, tcp_keepalive, "tcpKeepalive", &hdl_schema_tcp_keepalive,
		    "probes on idle connections (none)",
		    .note = "Of connections that the proxy makes; at layer 4 the connection is the client's own"),
	HDL_DURATION(struct hdl_dr_pool_tcp, max_connection_duration, "maxConnectionDuration",
		     "age at which a connection is closed (none)",
		     .note = "A connection of that age is closed once no request is on it; at layer 4 the connection is "
			     "the client's own"),
	HDL_DURATION_MIN(struct hdl_dr_pool_tcp, idle_timeout, "idleTimeout", 0, HDL_NS_MS,
			 "idle time after which a connection is closed; 0s: never (1h)"),
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
	HDL_DURATION(struct hdl_dr_h2_keepalive, timeout, "timeout", "time in which a ping must be answered", REQUIRED),
};
static const struct hdl_message h2_keepalive =
	HDL_MESSAGE_TABLE("HTTP2KeepAlive", struct hdl_dr_h2_keepalive, h2_keepalive_fields, NULL);

static const struct hdl_field pool_http_fields[] = {
	HDL_INT(struct hdl_dr_pool_http, http1_max_pending_requests, "http1MaxPendingRequests", 0, MAX_INT32,
		"most requests that wait for a connection; 0 or absent: no limit", ACCEPTED),
	HDL_INT(struct hdl_dr_pool_http, http2_max_requests, "http2MaxRequests", 0, MAX_INT32,
		"most active requests to the service; 0 or absent: no limit",
		.note = "Of all clients of the node together, exactly; mirrored requests are not counted"),
	HDL_INT(struct hdl_dr_pool_http, max_requests_per_connection, "maxRequestsPerConnection", 0, MAX_INT32,
		"requests after which a connection is closed; 1: no keep-alive; 0 or absent: no limit"),
	HDL_INT(struct hdl_dr_pool_http, max_retries, "maxRetries", 0, MAX_INT32,
		"most retries that are under way at a time; 0 or absent: no limit",
		.note = "Of all clients of the node together; it takes the place of the node's retry budget"),
	HDL_DURATION(struct hdl_dr_pool_http, idle_timeout, "idleTimeout",
		     "idle time after which a connection without requests is closed (tcp.idleTimeout, 1h)"),
	HDL_ENUM(struct hdl_dr_pool_http, h2_upgrade_policy, "h2UpgradePolicy", h2_upgrade,
		 "whether HTTP/1.1 requests go on as HTTP/2 (DEFAULT: as the mesh says)", ACCEPTED),
	HDL_BOOL(struct hdl_dr_pool_http, use_client_protocol, "useClientProtocol",
		 "the endpoint is spoken to in the HTTP version of the client (false)", ACCEPTED),
	HDL_INT(struct hdl_dr_pool_http, max_concurrent_streams, "maxConcurrentStreams", 0, MAX_INT32,
		"most requests at a time on one HTTP/2 connection", ACCEPTED),
	HDL_MESSAGE(struct hdl_dr_pool_http, http2_keep_alive, "http2KeepAlive", &h2_keepalive,
		    "pings on HTTP/2 connections (none)", ACCEPTED),
};
static const struct hdl_message pool_http = HDL_MESSAGE_TABLE(
	"ConnectionPoolSettings.HTTPSettings", struct hdl_dr_pool_http, pool_http_fields, hdl_check_dr_pool_http);

static const struct hdl_field connection_pool_fields[] = {
	HDL_MESSAGE(struct hdl_dr_connection_pool, tcp, "tcp", &pool_tcp, "limits of connections"),
	HDL_MESSAGE(struct hdl_dr_connection_pool, http, "http", &pool_http, "limits of requests"),
};
const struct hdl_message hdl_schema_connection_pool = HDL_MESSAGE_TABLE(
	"ConnectionPoolSettings", struct hdl_dr_connection_pool, connection_pool_fields, hdl_check_dr_connection_pool);

static const struct hdl_field outlier_fields[] = {
	HDL_INT(struct hdl_dr_outlier, consecutive_errors, "consecutiveErrors", 0, MAX_INT32,
		"without effect, as in Istio; use consecutive5xxErrors", .flags = HDL_FIELD_DEPRECATED),
	HDL_BOOL(struct hdl_dr_outlier, split_external_local_origin_errors, "splitExternalLocalOriginErrors",
		 "failures to connect are counted apart from errors of the service (false)"),
	HDL_INT(struct hdl_dr_outlier, consecutive_local_origin_failures, "consecutiveLocalOriginFailures", 0,
		MAX_UINT32,
		"failures to connect in a row that eject an endpoint (5); only when they are counted apart"),
	HDL_INT(struct hdl_dr_outlier, consecutive_gateway_errors, "consecutiveGatewayErrors", 0, MAX_UINT32,
		"answers 502, 503 and 504 in a row that eject an endpoint; 0 or absent: off"),
	HDL_INT(struct hdl_dr_outlier, consecutive_5xx_errors, "consecutive5xxErrors", 0, MAX_UINT32,
		"answers 5xx in a row that eject an endpoint; 0: off (5)"),
	HDL_DURATION(struct hdl_dr_outlier, interval, "interval",
		     "time between checks whether endpoints may return (10s)"),
	HDL_DURATION(struct hdl_dr_outlier, base_ejection_time, "baseEjectionTime",
		     "length of the first ejection; each further one is as much longer (30s)"),
	HDL_INT(struct hdl_dr_outlier, max_ejection_percent, "maxEjectionPercent", 0, 100,
		"percentage of the endpoints that may be ejected at a time (10)",
		.note = "As in Envoy since 1.28, not even one endpoint is ejected when one is more than this"),
	HDL_INT(struct hdl_dr_outlier, min_health_percent, "minHealthPercent", 0, 100,
		"percentage of healthy endpoints below which ejection does not count (0)"),
	HDL_ARRAY_FIELD("outlierDetectionHttpErrorCodes", HDL_FIELD_INTS, struct hdl_dr_outlier,
			outlier_detection_http_error_codes, "statuses that count as errors (5xx)", .min = 100,
			.max = 599, ACCEPTED),
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
	HDL_ENUM(struct hdl_dr_tls, mode, "mode", tls_mode,
		 "whether and how connections to the endpoints are encrypted (DISABLE)",
		 .note = "Another mode than DISABLE is refused: the traffic would go in clear"),
	HDL_STRING(struct hdl_dr_tls, client_certificate, "clientCertificate",
		   "file of the certificate that is shown to the endpoint", ACCEPTED),
	HDL_STRING(struct hdl_dr_tls, private_key, "privateKey", "file of the key of that certificate", ACCEPTED),
	HDL_STRING(struct hdl_dr_tls, ca_certificates, "caCertificates", "file of the authorities that are trusted",
		   ACCEPTED),
	HDL_STRING(struct hdl_dr_tls, credential_name, "credentialName",
		   "Secret with certificate, key and authorities, in place of files", ACCEPTED),
	HDL_STRINGS(struct hdl_dr_tls, subject_alt_names, "subjectAltNames",
		    "names of which the certificate of the endpoint must have one", ACCEPTED),
	HDL_STRING(struct hdl_dr_tls, sni, "sni", "server name that is sent", ACCEPTED),
	HDL_BOOL(struct hdl_dr_tls, insecure_skip_verify, "insecureSkipVerify",
		 "certificates of endpoints are not verified (false)", ACCEPTED),
	HDL_STRING(struct hdl_dr_tls, ca_crl, "caCrl", "file of the list of revoked certificates", ACCEPTED),
};
static const struct hdl_message tls =
	HDL_MESSAGE_TABLE("ClientTLSSettings", struct hdl_dr_tls, tls_fields, hdl_check_dr_tls);

static const struct hdl_field tunnel_fields[] = {
	HDL_STRING(struct hdl_dr_tunnel, protocol, "protocol",
		   "method by which the tunnel is asked for: CONNECT or POST (CONNECT)"),
	HDL_STRING(struct hdl_dr_tunnel, target_host, "targetHost", "host that the proxy connects to", REQUIRED),
	HDL_INT(struct hdl_dr_tunnel, target_port, "targetPort", 1, 65535, "port that the proxy connects to", REQUIRED),
};
static const struct hdl_message tunnel =
	HDL_MESSAGE_TABLE("TunnelSettings", struct hdl_dr_tunnel, tunnel_fields, hdl_check_dr_tunnel);

static const struct hdl_enum_value proxy_protocol_version[] = {
	{ "V1", HDL_PROXY_PROTOCOL_V1 },
	{ "V2", HDL_PROXY_PROTOCOL_V2 },
	{ NULL, 0 },
};
static const struct hdl_field proxy_protocol_fields[] = {
	HDL_ENUM(struct hdl_dr_proxy_protocol, version, "version", proxy_protocol_version,
		 "version of the header: V1 or V2 (V1)"),
};
static const struct hdl_message proxy_protocol =
	HDL_MESSAGE_TABLE("ProxyProtocol", struct hdl_dr_proxy_protocol, proxy_protocol_fields, NULL);

static const struct hdl_field retry_budget_fields[] = {
	HDL_DOUBLE(struct hdl_dr_retry_budget, percent, "percent", 0, 100,
		   "retries that may be under way, in percent of the active requests (20)"),
	HDL_DURATION_MIN(struct hdl_dr_retry_budget, budget_interval, "budgetInterval", 0, HDL_NS_MS,
			 "time over which active requests are counted; 0s: only those of the moment (0s)"),
	HDL_INT(struct hdl_dr_retry_budget, min_retry_concurrency, "minRetryConcurrency", 0, MAX_UINT32,
		"retries that may always be under way (3)"),
};
static const struct hdl_message retry_budget =
	HDL_MESSAGE_TABLE("RetryBudget", struct hdl_dr_retry_budget, retry_budget_fields, NULL);

/* the four blocks that exist per port too */
#define BLOCKS(s)                                                                                   \
	HDL_MESSAGE(s, load_balancer, "loadBalancer", &load_balancer, "how an endpoint is chosen"), \
		HDL_MESSAGE(s, connection_pool, "connectionPool", &hdl_schema_connection_pool,      \
			    "limits and timeouts of connections and requests"),                     \
		HDL_MESSAGE(s, outlier_detection, "outlierDetection", &hdl_schema_outlier,          \
			    "failing endpoints are left out for a time"),                           \
		HDL_MESSAGE(s, tls, "tls", &tls, "encryption of connections to the endpoints")

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
		     "policy of one port, wholly in place of loadBalancer, connectionPool, outlierDetection and tls",
		     .max = 4096, .note = "What an entry leaves out is not inherited from the policy of the service"),
	HDL_MESSAGE(struct hdl_dr_policy, tunnel, "tunnel", &tunnel,
		    "connections go through a tunnel that the service opens; not with proxyProtocol", ACCEPTED),
	HDL_MESSAGE(struct hdl_dr_policy, proxy_protocol, "proxyProtocol", &proxy_protocol,
		    "connections begin with a PROXY header; not with tunnel", ACCEPTED),
	HDL_MESSAGE(struct hdl_dr_policy, retry_budget, "retryBudget", &retry_budget,
		    "bound on the retries that are under way", ACCEPTED),
};
static const struct hdl_message policy =
	HDL_MESSAGE_TABLE("TrafficPolicy", struct hdl_dr_policy, policy_fields, hdl_check_dr_policy);

static const struct hdl_field subset_fields[] = {
	HDL_STRING(struct hdl_dr_subset, name, "name", "name by which routes refer to it", REQUIRED),
	HDL_STRING_MAP(struct hdl_dr_subset, labels, "labels", "labels that its endpoints have; none: all endpoints"),
	HDL_MESSAGE(struct hdl_dr_subset, traffic_policy, "trafficPolicy", &policy,
		    "policy of the subset; each block it sets is in place of that of the service"),
};
static const struct hdl_message subset =
	HDL_MESSAGE_TABLE("Subset", struct hdl_dr_subset, subset_fields, hdl_check_dr_subset);

static const struct hdl_field workload_selector_fields[] = {
	HDL_STRING_MAP(struct hdl_dr_workload_selector, match_labels, "matchLabels", "labels that the pods have"),
};
static const struct hdl_message workload_selector = HDL_MESSAGE_TABLE(
	"WorkloadSelector", struct hdl_dr_workload_selector, workload_selector_fields, hdl_check_dr_selector);

static const struct hdl_field spec_fields[] = {
	HDL_STRING(
		struct hdl_destination_rule, host, "host",
		"service that the rule is for, *.suffix for several; a name without a dot is completed by the namespace",
		REQUIRED,
		.note = "Of several rules that match, the one with the most specific host of the first namespace that has any is used alone"),
	HDL_MESSAGE(struct hdl_destination_rule, traffic_policy, "trafficPolicy", &policy,
		    "policy of the service, for all its subsets"),
	HDL_MESSAGES(struct hdl_destination_rule, subsets, "subsets", &subset,
		     "named parts of the service, which routes can refer to", .max = 10000,
		     .note = "Of two rules for one host that define the same subset the first counts"),
	HDL_STRINGS(
		struct hdl_destination_rule, export_to, "exportTo",
		"namespaces whose clients the rule is for: names, . (its own) or * (all) ([*])", .max = 1000,
		.note = "By the pod that asks; clients that are no pods get what clients of namespaces without rules of their own get"),
	HDL_MESSAGE(
		struct hdl_destination_rule, workload_selector, "workloadSelector", &workload_selector,
		"pods of the namespace whose connections the rule is for (all clients)",
		.note = "Comes before a rule for the same host without it; pods that it is not for get that one, or none"),
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
