/* SPDX-License-Identifier: Apache-2.0 */
/* Checks the fields and rules of DestinationRule: each row a specification, its section, and what is said about it. */
#include "unit/model/model.h"
#include "model/istio.h"

#define POLICY(x) "{host: a, trafficPolicy: {" x "}}"
#define LB(x) POLICY("loadBalancer: {" x "}")
#define HASH(x) LB("consistentHash: {" x "}")
#define TCP(x) POLICY("connectionPool: {tcp: {" x "}}")
#define HTTP(x) POLICY("connectionPool: {http: {" x "}}")
#define OUTLIER(x) POLICY("outlierDetection: {" x "}")
#define PORT(x) POLICY("portLevelSettings: [{" x "}]")
#define LOCALITY(x) LB("localityLbSetting: {" x "}")

static const struct rule rules[] = {
	{ "A.6", "{host: a}", NULL },
	{ "A.6", "{subsets: []}", "spec.host: is required" },
	{ "A.6", "{host: ''}", "spec.host: \"\" is not a host name" },
	{ "A.6", "{host: a_b}", "spec.host: \"a_b\" is not a host name" },
	{ "A.6", "{host: '*.foo.com'}", NULL },
	{ "A.5", "{host: a, hosts: [b]}", "spec.hosts: unknown field; did you mean host?" },
	{ "A.6", "{host: 10.0.0.1}", "spec.host: \"10.0.0.1\" is not a host name" },
	{ "A.5", "{host: a, workloadSelector: {matchLabels: {a: b}}}", NULL },
	{ "A.5", "{host: a, workloadSelector: {}}",
	  "warning: DestinationRule ns/n: spec.workloadSelector: has no labels" },
	{ "A.5", "{host: a, workloadSelector: {matchLabels: {a: 'b*'}}}", "must not have a wildcard" },
	{ "A.5", "{host: a, workloadSelector: {matchLabels: {'': b}}}", "a key must not be empty" },
	{ "A.1", "{host: a, exportTo: [.], workloadSelector: {matchLabels: {a: b}}}", NULL },
	{ "A.1", "{host: a, exportTo: [ns], workloadSelector: {matchLabels: {a: b}}}", NULL },
	{ "A.1", "{host: a, exportTo: [other], workloadSelector: {matchLabels: {a: b}}}",
	  "exportTo: \"other\": a rule with workloadSelector must not be exported beyond its own" },
	{ "A.1", "{host: a, exportTo: ['*'], workloadSelector: {matchLabels: {a: b}}}", "must not be exported beyond" },
	{ "A.1", "{host: a, exportTo: [b, c]}", NULL },
	{ "A.1", "{host: a, exportTo: ['~']}", "\"~\" is for ServiceEntry and Service only" },
	{ "A.1", "{host: a, exportTo: [., ns]}", "names \"ns\" twice" },
	{ "A.5", "{host: a, exportTo: ['*']}", NULL },
	{ "A.1", "{host: a, exportTo: ['*', x]}", "\"*\" must stand alone" },

	/* subsets */
	{ "A.6", "{host: a, subsets: [{name: v1, labels: {version: v1}}, {name: v2}]}", NULL },
	{ "A.6", "{host: a, subsets: [{name: v1}, {name: v2}, {name: v1}]}",
	  "duplicate subset \"v1\", first at line 4" },
	{ "A.6", "{host: a, subsets: [{name: v_1}]}", "subsets[0].name: \"v_1\" is not a subset name" },
	{ "A.6", "{host: a, subsets: [{labels: {}}]}", "subsets[0].name: is required" },
	{ "A.6", "{host: a, subsets: [null]}", "subsets[0]: must not be null" },
	{ "A.6", "{host: a, subsets: [{name: v1, labels: {version: 1.10}}]}",
	  "labels[\"version\"]: must be a string, not a number (write \"1.10\")" },
	{ "A.6", "{host: a, subsets: [{name: v1, labels: {'a b': x}}]}", "is not a label key" },
	{ "A.6", "{host: a, subsets: [{name: v1, trafficPolicy: {}}]}", "subsets[0].trafficPolicy: has no field" },

	/* policies */
	{ "A.6", "{host: a, trafficPolicy: {}}", "spec.trafficPolicy: has no field" },
	{ "A.6", POLICY("tunnel: {protocol: POST, targetHost: b.example, targetPort: 80}"), NULL },
	{ "A.6", POLICY("tunnel: {targetHost: 10.0.0.1, targetPort: 80}"), NULL },
	{ "A.6", POLICY("tunnel: {targetHost: b c, targetPort: 80}"),
	  "targetHost: \"b c\" is not a host name or address" },
	{ "A.6", POLICY("proxyProtocol: {version: V2}"), NULL },
	{ "A.6", POLICY("tunnel: {protocol: GET, targetHost: b, targetPort: 80}"),
	  "protocol: must be CONNECT or POST" },
	{ "A.6", POLICY("tunnel: {targetHost: b c, targetPort: 0}"), "targetPort: must be 1..65535" },
	{ "A.6", POLICY("tunnel: {targetHost: b, targetPort: 80}, proxyProtocol: {}"),
	  "has both tunnel and proxyProtocol" },
	{ "A.6", POLICY("proxyProtocol: {version: V3}"), "must be one of V1, V2, not \"V3\"" },
	{ "A.5", POLICY("retryBudget: {percent: 20}"), NULL },
	{ "A.6", PORT("port: {number: 80}, loadBalancer: {simple: RANDOM}"), NULL },
	{ "A.6", PORT("port: {number: 80}"), "portLevelSettings[0]: needs one of loadBalancer" },
	{ "A.6", PORT("loadBalancer: {simple: RANDOM}"), "portLevelSettings[0].port: is required" },
	{ "A.6", PORT("port: {number: 0}, loadBalancer: {simple: RANDOM}"), "port.number: must be 1..65535" },
	{ "A.6", POLICY("portLevelSettings: [null]"), "portLevelSettings[0]: must not be null" },
	{ "A.6",
	  POLICY("portLevelSettings: [{port: {number: 80}, loadBalancer: {simple: RANDOM}}, {port: {number: 80}, loadBalancer: {simple: RANDOM}}]"),
	  "warning: DestinationRule ns/n: spec.trafficPolicy.portLevelSettings: names port 80 twice" },

	/* load balancers */
	{ "A.5", LB("simple: ROUND_ROBIN"), NULL },
	{ "A.5", LB("simple: LEAST_CONN"), NULL },
	{ "A.5", LB("simple: ROUNDROBIN"),
	  "must be one of UNSPECIFIED, LEAST_CONN, RANDOM, PASSTHROUGH, ROUND_ROBIN, LEAST_REQUEST" },
	{ "A.5", LB("simple: [RANDOM]"), "LEAST_REQUEST, not a list" },
	{ "A.5", LB("simple: RANDOM, consistentHash: {useSourceIp: true}"), "has both simple and consistentHash" },
	{ "A.5", HASH("useSourceIp: true"), NULL },
	{ "A.5", HASH("httpHeaderName: x-user, maglev: {tableSize: 65537}"), NULL },
	{ "A.5", HASH("httpHeaderName: x-user, useSourceIp: true"), "has more than one of httpHeaderName" },
	{ "A.5", HASH("ringHash: {minimumRingSize: 8}"),
	  "warning: DestinationRule ns/n: spec.trafficPolicy.loadBalancer.consistentHash: has none of httpHeaderName" },
	{ "A.5", HASH("httpHeaderName: 'x y'"), "\"x y\" is not a header name" },
	{ "A.6", HASH("httpCookie: {ttl: 0s}"), "httpCookie.name: is required" },
	{ "A.6", HASH("httpCookie: {name: user, path: /, ttl: 0s, attributes: [{name: SameSite, value: Strict}]}"),
	  NULL },
	{ "A.6", HASH("httpCookie: {name: user, ttl: -1s}"), "ttl: must be at least 0s, not -1s" },
	{ "A.6", HASH("httpCookie: {name: user, path: \"/\\r\\nx: y\"}"), "path: must have no \";\"" },
	{ "A.6", HASH("httpCookie: {name: user, path: '/; Domain=x'}"), "path: must have no \";\"" },
	{ "A.6", HASH("httpCookie: {name: user, attributes: [{name: a, value: 'b; c'}]}"),
	  "attributes[0].value: must have no \";\"" },
	{ "A.6", HASH("httpCookie: {name: user, attributes: [{value: x}]}"), "attributes[0].name: is required" },
	{ "A.6", HASH("httpCookie: {name: user, attributes: [{name: a}, {name: a}]}"),
	  "attributes: names \"a\" twice" },
	{ "A.6", HASH("useSourceIp: true, minimumRingSize: 5"),
	  "warning: DestinationRule ns/n: spec.trafficPolicy.loadBalancer.consistentHash.minimumRingSize: is deprecated" },
	{ "A.6", HASH("useSourceIp: true, minimumRingSize: 5, maglev: {tableSize: 11}"),
	  "minimumRingSize: excludes ringHash and maglev" },
	{ "A.6", HASH("useSourceIp: true, ringHash: {}, maglev: {tableSize: 11}"), "has both ringHash and maglev" },
	{ "A.6", HASH("useSourceIp: true, maglev: {}"), "maglev.tableSize: is required" },
	{ "A.6", HASH("useSourceIp: true, maglev: {tableSize: 10}"), "must be a prime number, 10 is not" },
	{ "A.6", HASH("useSourceIp: true, maglev: {tableSize: 1}"), "must be a prime number" },
	{ "A.6", HASH("useSourceIp: true, maglev: {tableSize: 5000011}"), "must be 1..5000010, not 5000011" },
	{ "A.6", HASH("useSourceIp: true, ringHash: {minimumRingSize: 8388609}"), "must be 0..8388608" },
	{ "A.5", LB("warmup: {duration: 60s}"), NULL },
	{ "A.6", LB("warmup: {minimumPercent: 5}"), "warmup.duration: is required" },
	{ "A.6", LB("warmup: {duration: 1s, minimumPercent: 101}"), "must be 0..100, not 101" },
	{ "A.6", LB("warmup: {duration: 1s, aggression: 0}"), "aggression: must be 1..1000000, not 0" },
	{ "A.5", LB("warmupDurationSecs: 60s"),
	  "warning: DestinationRule ns/n: spec.trafficPolicy.loadBalancer.warmupDurationSecs: is deprecated" },
	{ "A.6", LB("warmupDurationSecs: 0s"), "warmupDurationSecs: must be at least 1ms" },
	{ "A.6", LB("warmup: {duration: 1s, minimumPercent: 50, aggression: 2.5}"), NULL },
	{ "A.6", LB("localityLbSetting: {}, zoneAwareLbSetting: {}"),
	  "has both localityLbSetting and zoneAwareLbSetting" },
	{ "A.5", LOCALITY("enabled: true"), NULL },
	{ "A.6", LOCALITY("distribute: [{from: a/b, to: {a/b: 80, a/c: 20}}]"), NULL },
	{ "A.6", LOCALITY("distribute: [{from: a/b, to: {a/b: 80, a/c: 30}}]"),
	  "to: the weights must sum to 100, not 110" },
	{ "A.6", LOCALITY("distribute: [{from: a/b, to: {a/b: 0, a/c: 100}}]"), "must be 1..100, not 0" },
	{ "A.6", LOCALITY("distribute: [{from: a/*/c, to: {a/b: 100}}]"), "from: must be region/zone/subzone" },
	{ "A.6", LOCALITY("distribute: [{from: 'a/*', to: {a: 50, a/b: 50}}]"), "\"a/b\" and \"a\" overlap" },
	{ "A.6", LOCALITY("distribute: [{from: 'a/*', to: {a: 100}}, {from: a/b, to: {a: 100}}]"),
	  "from overlaps with an earlier one" },
	{ "A.6", LOCALITY("distribute: [{from: a, to: {a: 100}}], failover: [{from: a, to: b}]"),
	  "has both distribute and failover" },
	{ "A.6", LOCALITY("failover: [{from: a, to: a}]"), "from and to are the same region" },
	{ "A.6", LOCALITY("failover: [{from: a/b, to: c}]"), "failover[0].from: must be a region" },
	{ "A.6", LOCALITY("failover: [{from: a}]"), "failover[0].to: must be a region" },
	{ "A.6", LOCALITY("failover: [{from: a, to: b}]"),
	  "warning: DestinationRule ns/n: spec.trafficPolicy.loadBalancer.localityLbSetting: failover does not act without outlierDetection" },
	{ "A.6", LOCALITY("failover: [{from: a, to: b}], failoverPriority: [topology.kubernetes.io/zone]"),
	  "must not name topology.kubernetes.io/zone together with failover" },
	{ "A.6",
	  POLICY("outlierDetection: {}, loadBalancer: {localityLbSetting: {failover: [{from: a, to: b}], "
		 "failoverPriority: [topology.istio.io/network]}}"),
	  NULL },
	{ "A.6",
	  POLICY("outlierDetection: {}, loadBalancer: {localityLbSetting: {distribute: [{from: a, to: {a: 100}}], "
		 "failoverPriority: [topology.kubernetes.io/zone]}}"),
	  NULL },
	{ "A.6", LOCALITY("failoverPriority: [a]"),
	  "warning: DestinationRule ns/n: spec.trafficPolicy.loadBalancer.localityLbSetting: failover does not act without outlierDetection" },
	{ "A.6", LOCALITY("failover: [{from: '*', to: b}]"), "failover[0].from: must be a region" },
	{ "A.6", LOCALITY("distribute: [{from: '', to: {a: 100}}]"), "from: must be region/zone/subzone" },
	{ "A.6", LOCALITY("distribute: [{from: a, to: {a//b: 100}}]"), "must be region/zone/subzone" },
	{ "A.5", LB("zoneAwareLbSetting: {enabled: true, minClusterSize: 3, failoverPriority: [a]}"), NULL },
	{ "A.6",
	  LB("zoneAwareLbSetting: {failover: [{from: a, to: b}], failoverPriority: [topology.kubernetes.io/region]}"),
	  "must not name topology.kubernetes.io/region together with failover" },

	/* connection pools */
	{ "A.5", TCP("connectTimeout: 1s, idleTimeout: 0s"), NULL },
	{ "A.6", POLICY("connectionPool: {}"), "connectionPool: needs tcp or http" },
	{ "A.5", TCP("maxConnections: 100"), NULL },
	{ "A.6", TCP("maxConnections: -1"), "maxConnections: must be 0..2147483647, not -1" },
	{ "A.6", TCP("connectTimeout: 0s"), "connectTimeout: must be at least 1ms" },
	{ "A.6", TCP("idleTimeout: -1s"), "idleTimeout: must be at least 0s" },
	{ "A.6", TCP("idleTimeout: 0.5ms"), "idleTimeout: must be a whole number of milliseconds" },
	{ "A.6", TCP("maxConnectionDuration: 0s"), "maxConnectionDuration: must be at least 1ms" },
	{ "A.6", TCP("tcpKeepalive: {time: 0s}"), "time: must be at least 1ms" },
	{ "A.6", TCP("tcpKeepalive: {interval: 1us}"), "interval: must be at least 1ms" },
	{ "A.5", TCP("tcpKeepalive: {probes: 3, time: 7200s, interval: 75s}"), NULL },
	{ "A.5", TCP("maxConnectionDuration: 1h"), NULL },
	{ "A.5", HTTP("maxRequestsPerConnection: 1, idleTimeout: 1h"), NULL },
	{ "A.5", HTTP("http1MaxPendingRequests: 1"), NULL },
	{ "A.5", HTTP("http2MaxRequests: 1"), NULL },
	{ "A.5", HTTP("maxRetries: 1"), NULL },
	{ "A.5", HTTP("maxConcurrentStreams: 1"), NULL },
	{ "A.5", HTTP("h2UpgradePolicy: DEFAULT"), NULL },
	{ "A.6", HTTP("h2UpgradePolicy: UPGRADE, useClientProtocol: true"),
	  "useClientProtocol: excludes h2UpgradePolicy UPGRADE" },
	{ "A.6", HTTP("http2KeepAlive: {interval: 1s}"), "http2KeepAlive.timeout: is required" },
	{ "A.6", HTTP("http2KeepAlive: {timeout: 1s}"), "http2KeepAlive.interval: is required" },
	{ "A.6", HTTP("http2KeepAlive: {interval: 30s, timeout: 1s}"), NULL },
	{ "A.6", HTTP("h2UpgradePolicy: UPGRADE"), NULL },
	{ "A.6", HTTP("useClientProtocol: true"), NULL },
	{ "A.6", HTTP("idleTimeout: 0s"), "idleTimeout: must be at least 1ms" },
	{ "A.6", HTTP("http2MaxRequests: -1"), "must be 0..2147483647" },
	{ "A.6", HTTP("maxRetries: -1"), "must be 0..2147483647" },
	{ "A.6", HTTP("maxConcurrentStreams: -1"), "must be 0..2147483647" },
	{ "A.6", HTTP("maxRequestsPerConnection: -1"), "must be 0..2147483647" },
	{ "A.6", HTTP("http1MaxPendingRequests: -1"), "must be 0..2147483647" },

	/* outliers */
	{ "A.5",
	  OUTLIER("consecutive5xxErrors: 3, interval: 1s, baseEjectionTime: 4s, maxEjectionPercent: 60, minHealthPercent: 30, consecutiveGatewayErrors: 0"),
	  NULL },
	{ "A.5", OUTLIER("consecutive5xxError: 3"), "unknown field; did you mean consecutive5xxErrors?" },
	{ "A.6", OUTLIER("maxEjectionPercent: 101"), "maxEjectionPercent: must be 0..100, not 101" },
	{ "A.6", OUTLIER("minHealthPercent: -1"), "minHealthPercent: must be 0..100, not -1" },
	{ "A.6", OUTLIER("interval: 0s"), "interval: must be at least 1ms" },
	{ "A.6", OUTLIER("baseEjectionTime: 1us"), "baseEjectionTime: must be at least 1ms" },
	{ "A.6", OUTLIER("consecutiveLocalOriginFailures: 3"), "needs splitExternalLocalOriginErrors: true" },
	{ "A.6", OUTLIER("consecutiveLocalOriginFailures: 3, splitExternalLocalOriginErrors: true"), NULL },
	{ "A.6", OUTLIER("consecutiveErrors: 5"),
	  "warning: DestinationRule ns/n: spec.trafficPolicy.outlierDetection.consecutiveErrors: is deprecated" },
	{ "A.5", OUTLIER("outlierDetectionHttpErrorCodes: [500]"), NULL },
	{ "A.5", OUTLIER("outlierDetectionHttpErrorCodes: [600]"),
	  "outlierDetectionHttpErrorCodes[0]: must be 100..599" },

	/* TLS */
	{ "A.5", POLICY("tls: {mode: DISABLE}"), NULL },
	{ "A.5", POLICY("tls: {}"), NULL },
/* encryption that is asked for is not left out: the only reason for which a valid document is refused */
#define CLEAR "TLS to endpoints is not supported by this version, so the document is refused"
	{ "A.5", POLICY("tls: {mode: SIMPLE}"), "spec.trafficPolicy.tls.mode: " CLEAR },
	{ "A.5", POLICY("tls: {mode: ISTIO_MUTUAL}"), "spec.trafficPolicy.tls.mode: " CLEAR },
	{ "A.5", "{host: a, subsets: [{name: v1, trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}}]}", CLEAR },
	{ "A.5", PORT("port: {number: 80}, tls: {mode: SIMPLE}"), CLEAR },
	{ "A.5", POLICY("tls: {mode: TLS}"), "must be one of DISABLE, SIMPLE, MUTUAL, ISTIO_MUTUAL" },
	{ "A.5", POLICY("tls: {mode: DISABLE, sni: a, caCertificates: b, credentialName: c}"), NULL },
	{ "A.6", POLICY("tls: {mode: MUTUAL, clientCertificate: a, privateKey: b}"), CLEAR },
	{ "A.6", POLICY("tls: {mode: MUTUAL}"), "MUTUAL needs clientCertificate and privateKey" },
	{ "A.6", POLICY("tls: {mode: MUTUAL, clientCertificate: a}"), "MUTUAL needs clientCertificate and privateKey" },
	{ "A.6", POLICY("tls: {mode: SIMPLE, credentialName: a, caCertificates: b}"), "credentialName: excludes" },
	{ "A.6", POLICY("tls: {mode: MUTUAL, credentialName: a, privateKey: b}"), "credentialName: excludes" },
	{ "A.6", POLICY("tls: {mode: SIMPLE, credentialName: a, caCrl: b}"), "credentialName: excludes" },
	{ "A.6", POLICY("tls: {mode: SIMPLE, insecureSkipVerify: true, caCertificates: b}"),
	  "insecureSkipVerify: excludes" },
	{ "A.6", POLICY("tls: {mode: SIMPLE, insecureSkipVerify: true, credentialName: b}"),
	  "insecureSkipVerify: excludes" },
	{ "A.6", POLICY("tls: {mode: SIMPLE, insecureSkipVerify: true, subjectAltNames: [b]}"),
	  "insecureSkipVerify: excludes" },
	{ "A.6", POLICY("tls: {mode: DISABLE, insecureSkipVerify: true, caCertificates: b}"), NULL },
	{ "A.6", POLICY("tls: {mode: DISABLE, credentialName: 'configmap://ns/ca'}"), NULL },
	{ "A.6", POLICY("tls: {mode: DISABLE, credentialName: 'configmap://ca'}"), NULL },
	{ "A.6", POLICY("tls: {mode: DISABLE, credentialName: 'configmap://other/ca'}"),
	  "credentialName: \"configmap://other/ca\" must be in the namespace of the rule, ns" },
};

static void rule_table(void **state)
{
	(void)state;
	check_rules("networking.istio.io/v1", "DestinationRule", rules, HDL_ARRAY_SIZE(rules));
}

/* every value of a document is where the translator looks for it */
static void values(void **state)
{
	static const char text[] =
		"apiVersion: networking.istio.io/v1alpha3\n"
		"kind: DestinationRule\n"
		"metadata: {name: rat}\n"
		"spec:\n"
		"  host: ratings\n"
		"  trafficPolicy:\n"
		"    loadBalancer: {consistentHash: {httpCookie: {name: u, ttl: 90s}, ringHash: {minimumRingSize: 8}}}\n"
		"    outlierDetection: {consecutive5xxErrors: 3, interval: 1s, maxEjectionPercent: 60}\n"
		"    connectionPool: {tcp: {connectTimeout: 250ms}, http: {maxRequestsPerConnection: 7}}\n"
		"    portLevelSettings:\n"
		"    - {port: {number: 9080}, loadBalancer: {simple: RANDOM}}\n"
		"  subsets:\n"
		"  - {name: v1, labels: {version: v1}}\n"
		"  - name: v2\n"
		"    labels: {version: v2}\n"
		"    trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}\n";
	const struct hdl_destination_rule *rule;
	struct decoded decoded;

	(void)state;
	decode_text(&decoded, text);
	assert_int_equal(decoded.r, 0);
	assert_int_equal(decoded.diags.n, 0);
	assert_string_equal(decoded.resource->ns, "default");
	rule = decoded.resource->destination_rule;
	assert_string_equal(rule->host.s, "ratings");
	assert_string_equal(rule->traffic_policy->load_balancer->consistent_hash->http_cookie->name.s, "u");
	assert_int_equal(rule->traffic_policy->load_balancer->consistent_hash->http_cookie->ttl.ns, 90000000000);
	assert_int_equal(rule->traffic_policy->load_balancer->consistent_hash->ring_hash->minimum_ring_size.value, 8);
	assert_int_equal(rule->traffic_policy->outlier_detection->consecutive_5xx_errors.value, 3);
	assert_false(rule->traffic_policy->outlier_detection->base_ejection_time.has);
	assert_int_equal(rule->traffic_policy->connection_pool->tcp->connect_timeout.ns, 250000000);
	assert_int_equal(rule->traffic_policy->connection_pool->http->max_requests_per_connection.value, 7);
	assert_int_equal(rule->traffic_policy->port_level_settings.n, 1);
	assert_int_equal(rule->traffic_policy->port_level_settings.at[0].port->number.value, 9080);
	assert_int_equal(rule->subsets.n, 2);
	assert_string_equal(rule->subsets.at[1].labels.at[0].value, "v2");
	assert_int_equal(rule->subsets.at[1].traffic_policy->load_balancer->simple.value, HDL_DR_LB_ROUND_ROBIN);
	assert_null(rule->subsets.at[0].traffic_policy);
	decoded_done(&decoded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rule_table),
		cmocka_unit_test(values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
