/* SPDX-License-Identifier: Apache-2.0 */
/* Checks the fields and rules of Istio's Sidecar, as its webhook has them. */
#include "unit/model/model.h"
#include "model/sidecar.h"

#define EGRESS(x) "{egress: [{" x "}]}"
#define HOSTS(x) "{egress: [{hosts: [" x "]}]}"
#define INGRESS(x) "{ingress: [{port: {number: 80, protocol: HTTP, name: http}, " x "}]}"
#define PROXY(x) "{outboundTrafficPolicy: {" x "}}"

static const struct rule rules[] = {
	{ "D.2", HOSTS("'./*', 'istio-system/*'"), NULL },
	{ "D.2", "{workloadSelector: {labels: {app: a}}, egress: [{hosts: ['*/*']}]}", NULL },
	{ "D.2", "{outboundTrafficPolicy: {mode: REGISTRY_ONLY}}", NULL },
	{ "D.2", "{inboundConnectionPool: {tcp: {maxConnections: 1}}}", NULL },
	{ "D.2", "{}", "spec: needs one of egress, ingress, outboundTrafficPolicy and inboundConnectionPool" },
	{ "D.2", "{workloadSelector: {labels: {app: a}}}", "spec: needs one of egress" },
	{ "D.2", "{workloadSelector: {}, egress: [{hosts: ['*/*']}]}",
	  "warning: Sidecar ns/n: spec.workloadSelector: has no labels" },
	{ "D.2", "{workloadSelector: {labels: {app: 'a*'}}, egress: [{hosts: ['*/*']}]}", "must not have a wildcard" },
	{ "D.2", "{workloadSelector: {labels: {'': a}}, egress: [{hosts: ['*/*']}]}", "a key must not be empty" },
	{ "D.2", "{egres: []}", "spec.egres: unknown field; did you mean egress?" },
	{ "D.2", "{egress: [null]}", "egress[0]: must not be null" },

	/* hosts of egress */
	{ "D.2", EGRESS("port: {number: 80}"), "egress[0].hosts: is required" },
	{ "D.2", HOSTS(""), "egress[0].hosts: is required" },
	{ "D.2", HOSTS("ns/a.b.c, '*/*.example.com', '~/*'"), NULL },
	{ "D.2", HOSTS("a.b.c"), "hosts: \"a.b.c\" must be namespace/name" },
	{ "D.2", HOSTS("/a.b"), "hosts: \"/a.b\" must be namespace/name" },
	{ "D.2", HOSTS("a/"), "hosts: \"a/\" must be namespace/name" },
	{ "D.2", HOSTS("A_/a.b"), "\"A_/a.b\": the namespace must be a name" },
	{ "D.2", HOSTS("ns/reviews"), "\"ns/reviews\": a short name is not allowed" },
	{ "D.2", HOSTS("ns/a_.b"), "\"a_.b\" is not a host name" },
	{ "D.2", HOSTS("'ns/*foo.com'"), "only \"*\" and \"*.domain\" are wildcards" },
	{ "D.2", HOSTS("ns/a.b, ns/a.b"),
	  "warning: Sidecar ns/n: spec.egress[0].hosts: \"ns/a.b\" is already covered by \"ns/a.b\"" },
	{ "D.2", HOSTS("'ns/*', ./a.b"),
	  "warning: Sidecar ns/n: spec.egress[0].hosts: \"./a.b\" is already covered by \"ns/*\"" },
	{ "D.2", HOSTS("ns/a.b, 'ns/*'"), "warning: Sidecar ns/n: spec.egress[0].hosts: \"ns/*\" is already covered" },
	{ "D.2", HOSTS("ns/a.b, other/a.b"), NULL },
	{ "D.2", HOSTS("'*/*', ns/a.b"), "warning: Sidecar ns/n: spec.egress[0].hosts: \"*/*\" is everything" },

	/* ports of egress */
	{ "D.2", EGRESS("port: {number: 80, protocol: HTTP, name: http}, bind: 10.0.0.1, hosts: ['*/*']"), NULL },
	{ "D.2", EGRESS("port: {number: 70000}, hosts: ['*/*']"), "number: must be 0..65535" },
	{ "D.2", EGRESS("port: {number: 80, protocol: X}, hosts: ['*/*']"), "protocol: must be one of HTTP" },
	{ "D.2", EGRESS("port: {number: 80, name: a_b}, hosts: ['*/*']"), "name: \"a_b\" is not a port name" },
	{ "D.2", EGRESS("port: {number: 80, targetPort: 1}, hosts: ['*/*']"), "targetPort: must not be used" },
	{ "D.2", EGRESS("port: {number: 80}, bind: localhost, hosts: ['*/*']"),
	  "bind: \"localhost\" is not an address" },
	{ "D.2", EGRESS("port: {number: 80}, bind: 'unix:///s', hosts: ['*/*']"), "\"unix:///s\" is not an address" },
	{ "D.2", EGRESS("port: {protocol: HTTP}, bind: 'unix:///s', captureMode: NONE, hosts: ['*/*']"), NULL },
	{ "D.2", EGRESS("port: {protocol: HTTP}, bind: 'unix://s', hosts: ['*/*']"), "needs an absolute path" },
	{ "D.2", EGRESS("port: {protocol: HTTP}, hosts: ['*/*']"), "port.number: must be 1..65535, or 0 with bind" },
	{ "D.2", EGRESS("port: {}, bind: 'unix:///s', captureMode: IPTABLES, hosts: ['*/*']"),
	  "captureMode: must be DEFAULT or NONE for a Unix socket" },
	{ "D.2", EGRESS("captureMode: EBPF, hosts: ['*/*']"), "must be one of DEFAULT, IPTABLES, NONE" },
	{ "D.2", "{egress: [{port: {number: 80}, hosts: ['*/*']}, {hosts: ['./*']}]}", NULL },
	{ "D.2", "{egress: [{hosts: ['./*']}, {port: {number: 80}, hosts: ['*/*']}]}",
	  "egress: only the last entry may be without port" },
	{ "D.2", "{egress: [{port: {number: 80}, hosts: ['*/*']}, {port: {number: 80}, hosts: ['*/*']}]}",
	  "egress: the same port or socket is used twice" },
	{ "D.2",
	  "{egress: [{port: {}, bind: 'unix:///a', hosts: ['*/*']}, {port: {}, bind: 'unix:///b', hosts: ['*/*']}]}",
	  NULL },
	{ "D.2",
	  "{egress: [{port: {}, bind: 'unix:///a', hosts: ['*/*']}, {port: {}, bind: 'unix:///a', hosts: ['*/*']}]}",
	  "egress: the same port or socket is used twice" },

	/* ingress */
	{ "D.2", INGRESS("bind: 10.0.0.1, defaultEndpoint: '127.0.0.1:8080', captureMode: IPTABLES"), NULL },
	{ "D.2", INGRESS("defaultEndpoint: ':8080'"), NULL },
	{ "D.2", INGRESS("defaultEndpoint: '[::1]:8080'"), NULL },
	{ "D.2", INGRESS("defaultEndpoint: 'unix:///run/s'"), NULL },
	{ "D.2", INGRESS("defaultEndpoint: '10.0.0.1:8080'"),
	  "defaultEndpoint: \"10.0.0.1:8080\" must be 127.0.0.1:port" },
	{ "D.2", INGRESS("defaultEndpoint: '127.0.0.1'"), "must be 127.0.0.1:port" },
	{ "D.2", INGRESS("defaultEndpoint: '127.0.0.1:0'"), "must be 127.0.0.1:port" },
	{ "D.2", INGRESS("defaultEndpoint: 'unix://s'"), "needs an absolute path" },
	{ "D.2", INGRESS("bind: x"), "bind: \"x\" is not an address" },
	{ "D.2", INGRESS("bind: 'unix:///s'"), "bind: \"unix:///s\" is not an address" },
	{ "D.2", "{ingress: [{defaultEndpoint: ':80'}]}", "ingress[0].port: is required" },
	{ "D.2", "{ingress: [{port: {protocol: HTTP}}]}", "port.number: must be 1..65535" },
	{ "D.2", "{ingress: [{port: {number: 80, protocol: X}}]}", "protocol: must be one of HTTP" },
	{ "D.2", "{ingress: [{port: {number: 80}}, {port: {number: 80}}]}", "ingress: port 80 is used twice" },
	{ "D.2", INGRESS("tls: {mode: SIMPLE, serverCertificate: a, privateKey: b}"), NULL },
	{ "D.2", INGRESS("tls: {mode: SIMPLE}"), "tls.serverCertificate: is required by SIMPLE" },
	{ "D.2", INGRESS("tls: {mode: SIMPLE, credentialName: a}"),
	  "tls.credentialName: is not possible in a Sidecar" },
	{ "D.2", INGRESS("tls: {httpsRedirect: true}"), "tls.httpsRedirect: is not possible in a Sidecar" },
	{ "D.2", INGRESS("tls: {subjectAltNames: [a]}"), "tls.subjectAltNames: is not possible in a Sidecar" },
	{ "D.2", INGRESS("tls: {mode: ISTIO_MUTUAL}"), "tls.mode: ISTIO_MUTUAL and AUTO_PASSTHROUGH are not possible" },
	{ "D.2", INGRESS("connectionPool: {http: {http2MaxRequests: 5}}"), NULL },
	{ "D.2", INGRESS("connectionPool: {}"), "connectionPool: needs tcp or http" },
	{ "D.2", "{ingress: [{port: {number: 80, protocol: TCP}, connectionPool: {http: {maxRetries: 1}}}]}",
	  "warning: Sidecar ns/n: spec.ingress[0].connectionPool.http: has no effect" },
	{ "D.2", "{inboundConnectionPool: {}}", "inboundConnectionPool: needs tcp or http" },

	/* outboundTrafficPolicy */
	{ "D.2", PROXY("mode: ALLOW_ANY, egressProxy: {host: gw.ns.svc.cluster.local, port: {number: 80}}"), NULL },
	{ "D.2", PROXY("mode: ALLOW_SOME"), "mode: must be one of REGISTRY_ONLY, ALLOW_ANY" },
	{ "D.2", PROXY("mode: REGISTRY_ONLY, egressProxy: {host: gw, port: {number: 80}}"),
	  "egressProxy: needs mode ALLOW_ANY" },
	{ "D.2", PROXY("mode: ALLOW_ANY, egressProxy: {host: gw}"), "egressProxy.port: is required" },
	{ "D.2", PROXY("mode: ALLOW_ANY, egressProxy: {host: '*', port: {number: 80}}"), "\"*\" is not a destination" },
};

static void rule_table(void **state)
{
	(void)state;
	check_rules("networking.istio.io/v1", "Sidecar", rules, HDL_ARRAY_SIZE(rules));
	check_rules("networking.istio.io/v1beta1", "Sidecar", rules, 1);
	check_rules("networking.istio.io/v1alpha3", "Sidecar", rules, 1);
}

/* every value of a document is where the translator looks for it */
static void values(void **state)
{
	const struct hdl_sidecar *sidecar;
	struct decoded decoded;

	(void)state;
	decode_text(&decoded, "apiVersion: networking.istio.io/v1\n"
			      "kind: Sidecar\n"
			      "metadata: {name: default, namespace: ns}\n"
			      "spec:\n"
			      "  workloadSelector: {labels: {app: a}}\n"
			      "  outboundTrafficPolicy: {mode: ALLOW_ANY}\n"
			      "  egress:\n"
			      "  - {port: {number: 80, protocol: http}, hosts: ['./*', 'other/a.b']}\n"
			      "  - {hosts: ['*/*'], captureMode: NONE}\n");
	assert_int_equal(decoded.r, 0);
	sidecar = decoded.resource->sidecar;
	assert_string_equal(hdl_kvs_get(&sidecar->workload_selector->labels, "app"), "a");
	assert_int_equal(sidecar->outbound_traffic_policy->mode.value, HDL_OUTBOUND_ALLOW_ANY);
	assert_int_equal(sidecar->egress.n, 2);
	assert_int_equal(sidecar->egress.at[0].port->number.value, 80);
	assert_int_equal(sidecar->egress.at[0].port->protocol_value, HDL_GW_HTTP);
	assert_string_equal(sidecar->egress.at[0].hosts.at[1].s, "other/a.b");
	assert_null(sidecar->egress.at[1].port);
	assert_int_equal(sidecar->egress.at[1].capture_mode.value, HDL_CAPTURE_NONE);
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
