/* SPDX-License-Identifier: Apache-2.0 */
/* Checks the fields and rules of MeshConfig in an IstioOperator and in a ConfigMap (specification D.5). */
#include "unit/model/model.h"
#include "model/kube.h"
#include "model/meshconfig.h"

#define MESH(x) "{meshConfig: {" x "}}"

static const struct rule rules[] = {
	{ "D.2", MESH("outboundTrafficPolicy: {mode: REGISTRY_ONLY}"), NULL },
	{ "D.2", MESH("outboundTrafficPolicy: {mode: ALLOW_ANY_DYNAMIC_DNS}"), NULL },
	{ "D.2", MESH("outboundTrafficPolicy: {mode: ALLOW}"), "must be one of REGISTRY_ONLY, ALLOW_ANY" },
	{ "D.2", "{}", NULL },
	{ "D.2", "{profile: default, components: {pilot: {enabled: true}}, values: {global: {}}}", NULL },
	{ "D.2", MESH("outboundTraficPolicy: {mode: REGISTRY_ONLY}"),
	  "spec.meshConfig.outboundTraficPolicy: unknown field; did you mean outboundTrafficPolicy?" },
	{ "D.2", MESH("xyzzy: 1"), "spec.meshConfig.xyzzy: unknown field of MeshConfig" },
	{ "D.2", MESH("outboundTrafficPolicy: {mod: REGISTRY_ONLY}"), "unknown field; did you mean mode?" },
	{ "D.2", MESH("inboundTrafficPolicy: {mode: LOCALHOST}"), NULL },
	/* without a meaning for traffic: silent */
	{ "D.5",
	  MESH("enableTracing: true, ingressClass: a, ingressService: b, ingressControllerMode: OFF, ingressSelector: c, "
	       "enableEnvoyAccessLogService: true, disableEnvoyListenerLog: true, defaultConfig: {concurrency: 2, any: x}, "
	       "configSources: [], caCertificates: [{pem: x}], certificates: [], ca: {address: a}, "
	       "enablePrometheusMerge: true, extensionProviders: [{name: a, zipkin: {port: 1}}], defaultProviders: "
	       "{tracing: [a]}, discoverySelectors: [{matchLabels: {a: b}}], serviceScopeConfigs: [], "
	       "compliancePolicy: fips-140-2"),
	  NULL },

	{ "D.5", MESH("connectTimeout: 5s"), NULL },
	{ "D.5", MESH("connectTimeout: 0s"), "connectTimeout: must be at least 1ms" },
	{ "D.5", MESH("connectTimeout: 2h"), "connectTimeout: must be at most 3600s" },
	{ "D.5", MESH("connectTimeout: 10"), "must be a duration such as 1.5s" },
	{ "D.5", MESH("protocolDetectionTimeout: 0s"), NULL },
	{ "D.5", MESH("protocolDetectionTimeout: 0.1ms"), "must be a whole number of milliseconds" },
	{ "D.5", MESH("dnsRefreshRate: 5s"), NULL },
	{ "D.5", MESH("dnsRefreshRate: 0s"), "dnsRefreshRate: must be at least 1ms" },
	{ "D.5", MESH("tcpKeepalive: {probes: 3, time: 10s, interval: 5s}"), NULL },
	{ "D.5", MESH("tcpKeepalive: {time: 0s}"), "time: must be at least 1ms" },
	{ "D.5", MESH("h2UpgradePolicy: UPGRADE"), NULL },
	{ "D.5", MESH("h2UpgradePolicy: DEFAULT"), "must be one of DO_NOT_UPGRADE, UPGRADE" },
	{ "D.5", MESH("enableAutoMtls: false"), NULL },
	{ "D.5", MESH("enableAutoMtls: maybe"), "must be true or false" },
	{ "D.5", MESH("proxyListenPort: 15001, proxyInboundListenPort: 15006, proxyHttpPort: 0"), NULL },
	{ "D.5", MESH("proxyListenPort: 0"), "proxyListenPort: must be 1..65535" },
	{ "D.5", MESH("verifyCertificateAtClient: false"),
	  "warning: IstioOperator ns/n: spec.meshConfig.verifyCertificateAtClient: is deprecated" },

	{ "A.1", MESH("rootNamespace: istio-config"), NULL },
	{ "A.1", MESH("rootNamespace: A_b"), "rootNamespace: \"A_b\" is not a namespace" },
	{ "A.1",
	  MESH("defaultServiceExportTo: ['~'], defaultVirtualServiceExportTo: ['.'], defaultDestinationRuleExportTo: ['*']"),
	  NULL },
	{ "A.1", MESH("defaultServiceExportTo: ['*', a]"), "defaultServiceExportTo: \"*\" must stand alone" },
	{ "A.1", MESH("defaultVirtualServiceExportTo: [A_]"), "defaultVirtualServiceExportTo: \"A_\" is not" },
	{ "A.1", MESH("defaultDestinationRuleExportTo: [a, a]"), "defaultDestinationRuleExportTo: names \"a\" twice" },
	{ "A.1", MESH("trustDomain: a.b, trustDomainAliases: [c]"), NULL },
	{ "A.1", MESH("trustDomain: 'a b'"), "trustDomain: \"a b\" is not a trust domain" },
	{ "A.1", MESH("trustDomainAliases: ['']"), "trustDomainAliases: \"\" is not a trust domain" },

	{ "B.9", MESH("defaultHttpRetryPolicy: {attempts: 3, retryOn: 5xx}"), NULL },
	{ "B.9", MESH("defaultHttpRetryPolicy: {attempts: 0}"), NULL },
	{ "B.9", MESH("defaultHttpRetryPolicy: {attempts: 3, retryOn: never}"),
	  "spec.meshConfig.defaultHttpRetryPolicy.retryOn: \"never\" is not a retry condition" },
	{ "C.4", MESH("localityLbSetting: {failover: [{from: a, to: b}]}"), NULL },
	{ "C.4", MESH("localityLbSetting: {failover: [{from: a, to: a}]}"), "from and to are the same region" },
	{ "C.4", MESH("localityLbSetting: {distribute: [{from: a, to: {a: 50}}]}"), "the weights must sum to 100" },
	{ "A.7", MESH("defaultTrafficPolicy: {outlierDetection: {consecutive5xxErrors: 3}, connectionPool: {tcp: {}}}"),
	  NULL },
	{ "A.7", MESH("defaultTrafficPolicy: {connectionPool: {}}"), "connectionPool: needs tcp or http" },
	{ "B.1", MESH("pathNormalization: {normalization: MERGE_SLASHES}"), NULL },
	{ "B.1", MESH("pathNormalization: {normalization: FULL}"),
	  "must be one of DEFAULT, NONE, BASE, MERGE_SLASHES" },
	{ "E.1", MESH("accessLogFile: /dev/stdout, accessLogEncoding: JSON, accessLogFormat: ''"), NULL },
	{ "E.1", MESH("accessLogEncoding: XML"), "must be one of TEXT, JSON" },
	{ "D.5", MESH("serviceSettings: [{settings: {clusterLocal: true}, hosts: ['*.a.svc.cluster.local']}]"), NULL },
	{ "D.5", MESH("serviceSettings: [{hosts: [a_b]}]"), "serviceSettings[0].hosts: \"a_b\" is not a host name" },
	{ "D.5", MESH("meshMTLS: {minProtocolVersion: TLSV1_3}, tlsDefaults: {ecdhCurves: [P-256]}"), NULL },
	{ "D.5", MESH("meshMTLS: {minProtocolVersion: TLSV1_1}"), "must be one of TLS_AUTO, TLSV1_2, TLSV1_3" },
	{ "D.5", MESH("meshMTLS: {ecdhCurves: [P-256]}"), "meshMTLS.ecdhCurves: cannot be set for mutual TLS" },
};

static void rule_table(void **state)
{
	(void)state;
	check_rules("install.istio.io/v1alpha1", "IstioOperator", rules, HDL_ARRAY_SIZE(rules));
}

/* every value of a document is where the translator looks for it */
static void values(void **state)
{
	const struct hdl_mesh_config *mesh;
	struct decoded decoded;

	(void)state;
	decode_text(&decoded, "apiVersion: install.istio.io/v1alpha1\n"
			      "kind: IstioOperator\n"
			      "metadata: {name: mesh, namespace: istio-system}\n"
			      "spec:\n"
			      "  profile: default\n"
			      "  meshConfig:\n"
			      "    outboundTrafficPolicy: {mode: REGISTRY_ONLY}\n"
			      "    defaultHttpRetryPolicy: {attempts: 0}\n"
			      "    connectTimeout: 3s\n"
			      "    rootNamespace: root\n"
			      "    accessLogFile: /dev/stdout\n"
			      "    accessLogEncoding: JSON\n"
			      "    defaultVirtualServiceExportTo: ['.']\n");
	assert_int_equal(decoded.r, 0);
	mesh = decoded.resource->istio_operator->mesh_config;
	assert_int_equal(mesh->outbound_traffic_policy->mode.value, HDL_OUTBOUND_REGISTRY_ONLY);
	assert_true(mesh->default_http_retry_policy->attempts.has);
	assert_int_equal(mesh->default_http_retry_policy->attempts.value, 0);
	assert_int_equal(mesh->connect_timeout.ns, 3000000000);
	assert_string_equal(mesh->root_namespace.s, "root");
	assert_string_equal(mesh->access_log_file.s, "/dev/stdout");
	assert_int_equal(mesh->access_log_encoding.value, HDL_MESH_LOG_JSON);
	assert_string_equal(mesh->default_virtual_service_export_to.at[0].s, ".");
	assert_false(mesh->dns_refresh_rate.has);
	decoded_done(&decoded);
	decode_text(&decoded, "{apiVersion: install.istio.io/v1alpha1, kind: IstioOperator, metadata: {name: a}}");
	assert_int_equal(decoded.r, 0);
	assert_null(decoded.resource->istio_operator->mesh_config);
	decoded_done(&decoded);
}

/* istioctl takes one without metadata, so it has a name here; what ends before spec has none: it may be half written */
static void without_metadata(void **state)
{
	struct decoded decoded;

	(void)state;
	decode_text(&decoded, "{apiVersion: install.istio.io/v1alpha1, kind: IstioOperator, spec: {meshConfig: "
			      "{outboundTrafficPolicy: {mode: REGISTRY_ONLY}}}}");
	assert_int_equal(decoded.r, 0);
	assert_string_equal(decoded.resource->name, "installed-state");
	assert_string_equal(decoded.resource->ns, "default");
	assert_non_null(decoded.resource->istio_operator->mesh_config);
	decoded_done(&decoded);
	decode_text(&decoded, "{apiVersion: install.istio.io/v1alpha1, kind: IstioOperator}");
	assert_int_equal(decoded.r, -EINVAL);
	decoded_done(&decoded);
	decode_text(&decoded,
		    "{apiVersion: networking.istio.io/v1, kind: Sidecar, spec: {egress: [{hosts: ['*/*']}]}}");
	assert_int_equal(decoded.r, -EINVAL);
	decoded_done(&decoded);
}

#define MAP(name, data) \
	"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " name ", namespace: istio-system}\ndata:\n" data

/* D.5: what istiod reads: the key `mesh` of the ConfigMap `istio`. Lines are those of the file. */
static void map_table(void **state)
{
	static const struct {
		const char *text;
		bool mesh;        /* it has the settings */
		const char *said; /* "": nothing; refused when it begins with f.yaml and is no warning */
	} maps[] = {
		{ MAP("istio", "  mesh: |-\n    connectTimeout: 3s\n    rootNamespace: istio-system\n"), true, "" },
		{ MAP("istio", "  mesh: |-\n    connectTimeout: 3s\n\n    connectTimeuot: 3s\n"), false,
		  "f.yaml:8:1: error: ConfigMap istio-system/istio: data[\"mesh\"].connectTimeuot: unknown field; did you "
		  "mean connectTimeout?" },
		{ MAP("istio", "  x: y\n  mesh: |\n    outboundTrafficPolicy:\n      mode: NONE\n"), false,
		  "f.yaml:8:9: error: ConfigMap istio-system/istio: data[\"mesh\"].outboundTrafficPolicy.mode: must be one "
		  "of REGISTRY_ONLY" },
		{ MAP("istio", "  mesh: |\n    a: b\n    c: [d\n"), false,
		  "f.yaml:8:1: error: ConfigMap istio-system/istio: "
		  "data[\"mesh\"]: " },
		{ MAP("istio", "  mesh: |\n    connectTimeout: 3s\n    ---\n    connectTimeout: 4s\n"), false,
		  "data[\"mesh\"]: holds more than one document" },
		{ MAP("istio", "  mesh: \"a: 1\\nconnectTimeout: 3\\n\"\n"), false,
		  "f.yaml:5:9: error: ConfigMap istio-system/istio: data[\"mesh\"].a: unknown field" },
		{ MAP("istio", "  mesh: '[1]'\n"), false, "data[\"mesh\"]: must be a map, not a list" },
		{ MAP("istio", "  mesh: 5\n"), false, "must be a string" },
		{ MAP("istio", "  mesh: ''\n"), true, "" },
		{ MAP("istio", "  mesh: |\n    inboundTrafficPolicy: {mode: LOCALHOST}\n"), true,
		  "f.yaml:6:1: warning: ConfigMap istio-system/istio: data[\"mesh\"].inboundTrafficPolicy: is accepted but" },
		{ MAP("istio", "  meshNetworks: 'networks: {}'\n"), false, "" },
		{ MAP("istio-sidecar-injector", "  mesh: ':['\n"), false, "" },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(maps); i++) {
		bool refused = strstr(maps[i].said, "warning") == NULL && maps[i].said[0];
		struct decoded decoded;
		char *said;

		decode_text(&decoded, maps[i].text);
		said = print_diags(&decoded.diags);
		if (decoded.r != (refused ? -EINVAL : 0) || !strstr(said, maps[i].said) ||
		    (!maps[i].said[0] && said[0]))
			fail_msg("%s: %s\nexpected: %s", maps[i].text, said, maps[i].said);
		if (!refused)
			assert_int_equal(decoded.resource->config_map->mesh != NULL, maps[i].mesh);
		free(said);
		decoded_done(&decoded);
	}
}

/* Which one counts, and where it must be. */
static void map_place(void **state)
{
	struct decoded map, operator;

	(void)state;
	decode_text(&map, MAP("istio", "  mesh: 'connectTimeout: 3s'\n"));
	decode_text(&operator, "apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nmetadata: {name: a}\n"
			       "spec: {meshConfig: {connectTimeout: 4s}}\n");
	assert_int_equal(hdl_mesh_of(map.resource, NULL)->connect_timeout.ns, 3000000000);
	assert_int_equal(hdl_mesh_of(map.resource, "istio-system")->connect_timeout.ns, 3000000000);
	assert_null(hdl_mesh_of(map.resource, "root"));
	assert_int_equal(hdl_mesh_of(operator.resource, "root")->connect_timeout.ns, 4000000000);
	assert_true(hdl_mesh_comes_before(map.resource, operator.resource));
	assert_false(hdl_mesh_comes_before(operator.resource, map.resource));
	assert_false(hdl_mesh_comes_before(operator.resource, operator.resource));
	assert_true(hdl_mesh_comes_before(operator.resource, NULL));
	decoded_done(&map);
	decode_text(&map, MAP("istio", "  mesh: 'rootNamespace: root'\n"));
	assert_null(hdl_mesh_of(map.resource, NULL));
	decoded_done(&map);
	decoded_done(&operator);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rule_table), cmocka_unit_test(values),           cmocka_unit_test(map_table),
		cmocka_unit_test(map_place),  cmocka_unit_test(without_metadata),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
