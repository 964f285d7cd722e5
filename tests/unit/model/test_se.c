/* SPDX-License-Identifier: Apache-2.0 */
/* Checks the fields and rules of ServiceEntry and WorkloadEntry: a specification, its section, what is said about it. */
#include "unit/model/model.h"
#include "model/registry.h"

#define P80 "ports: [{number: 80, name: http, protocol: HTTP}]"
#define HOST "hosts: [a.example.com]"
#define SE(x) "{" HOST ", " P80 ", " x "}"
#define STATIC(x) "{" HOST ", " P80 ", resolution: STATIC, endpoints: [{" x "}]}"
#define DNS(x) "{" HOST ", " P80 ", resolution: DNS, endpoints: [{" x "}]}"
#define PORT(x) "{" HOST ", resolution: DNS, ports: [{" x "}]}"
#define DYNAMIC(x) "{resolution: DYNAMIC_DNS, " x "}"

static const struct rule entry_rules[] = {
	{ "A.10", "{" HOST ", " P80 "}", NULL },
	{ "A.10",
	  "{hosts: [a.example.com], addresses: [10.0.0.1], location: MESH_INTERNAL, resolution: STATIC, exportTo: [.], "
	  "subjectAltNames: [a], " P80 ", endpoints: [{address: 10.1.1.1, ports: {http: 8080}, labels: {a: b}, "
	  "network: n, locality: a/b/c, weight: 3, serviceAccount: s}]}",
	  NULL },
	{ "A.10", "{" HOST ", adresses: []}", "spec.adresses: unknown field; did you mean addresses?" },
	{ "A.10", SE("location: MESH"), "location: must be one of MESH_EXTERNAL, MESH_INTERNAL" },
	{ "A.10", SE("resolution: STRICT_DNS"), "must be one of NONE, STATIC, DNS, DNS_ROUND_ROBIN, DYNAMIC_DNS" },

	/* endpoints with workloadSelector; hosts */
	{ "A.10", SE("resolution: STATIC, workloadSelector: {labels: {a: b}}"), NULL },
	{ "A.10", SE("resolution: STATIC, workloadSelector: {labels: {a: b}}, endpoints: [{address: 10.0.0.1}]"),
	  "spec.workloadSelector: excludes endpoints" },
	{ "A.10", SE("resolution: STATIC, workloadSelector: {}"),
	  "warning: ServiceEntry ns/n: spec.workloadSelector: has no labels" },
	{ "A.10", SE("resolution: STATIC, workloadSelector: {labels: {a: '*'}}"), "must not have a wildcard" },
	{ "A.10", SE("resolution: STATIC, workloadSelector: {labels: {'': b}}"), "a key must not be empty" },
	{ "A.10", "{" P80 "}", "spec.hosts: is required" },
	{ "A.10", "{hosts: [], " P80 "}", "spec.hosts: is required" },
	{ "A.10", "{hosts: ['*'], " P80 "}", "spec.hosts[0]: \"*\" alone is not allowed" },
	{ "A.10", "{hosts: [a_b], " P80 "}", "spec.hosts[0]: \"a_b\" is not a host name" },
	{ "A.10", "{hosts: ['*.example.com'], " P80 "}", NULL },
	{ "A.10", "{hosts: ['*foo.com'], " P80 "}",
	  "warning: ServiceEntry ns/n: spec.hosts[0]: partial wildcard \"*foo.com\"" },

	/* addresses */
	{ "A.10", SE("addresses: [10.0.0.0/8, '2001:db8::/32', 10.1.1.1]"), NULL },
	{ "A.10", SE("addresses: [10.0.0.0/8], resolution: STATIC, endpoints: [{address: 1.1.1.1}]"), NULL },
	{ "A.10", SE("addresses: [a.b]"), "addresses: \"a.b\" is not an address or address/bits" },
	{ "A.10", SE("addresses: [10.0.0.0/33]"), "\"10.0.0.0/33\" is not an address or address/bits" },
	{ "A.10", SE("addresses: [10.0.0.0/8], resolution: DNS"),
	  "addresses: \"10.0.0.0/8\": address/bits is allowed only with resolution NONE and STATIC" },

	/* ports */
	{ "A.10", "{" HOST ", ports: [null]}", "ports[0]: must not be null" },
	{ "A.10", "{" HOST ", ports: [{number: 80, name: a, protocol: HTTP}, {number: 81, name: a, protocol: HTTP}]}",
	  "ports: name \"a\" is used twice, first at line 4" },
	{ "A.10", "{" HOST ", ports: [{number: 80, name: a, protocol: HTTP}, {number: 80, name: b, protocol: HTTP}]}",
	  "ports: number 80 is used twice" },
	{ "A.10", PORT("name: a, protocol: HTTP"), "ports[0].number: is required" },
	{ "A.10", PORT("number: 0, name: a, protocol: HTTP"), "number: must be 1..65535, not 0" },
	{ "A.10", PORT("number: 80, protocol: HTTP"), "ports[0].name: is required" },
	{ "A.10", PORT("number: 80, name: a_b, protocol: HTTP"), "name: \"a_b\" is not a port name" },
	{ "A.10", PORT("number: 80, name: a, protocol: SPDY"), "protocol: must be one of HTTP, HTTPS" },
	{ "A.10", PORT("number: 80, name: a"), NULL },
	{ "A.10", PORT("number: 80, name: a, protocol: mongo, targetPort: 8080"), NULL },
	{ "A.10", PORT("number: 80, name: a, protocol: HTTP, targetPort: 0"), "targetPort: must be 1..65535" },
	{ "A.10", "{" HOST ", ports: [{number: 80, name: a, protocol: HTTP, targetPort: 81}]}",
	  "warning: ServiceEntry ns/n: spec.ports[0].targetPort: has no effect" },

	/* NONE */
	{ "A.10", SE("resolution: NONE, endpoints: [{address: 10.0.0.1}]"),
	  "endpoints: resolution NONE excludes endpoints" },
	{ "A.10", SE("workloadSelector: {labels: {a: b}}"),
	  "warning: ServiceEntry ns/n: spec.workloadSelector: is meant for resolution STATIC, not NONE" },

	/* STATIC */
	{ "A.10", SE("resolution: STATIC"), NULL },
	{ "A.10", STATIC("address: '2001:db8::1'"), NULL },
	{ "A.10", STATIC("address: a.example.com"),
	  "endpoints[0].address: \"a.example.com\" is not an address or unix" },
	{ "A.10", STATIC("labels: {a: b}"), "endpoints[0].address: is required" },
	{ "A.10", STATIC("network: n"), "warning: ServiceEntry ns/n: spec.endpoints[0].address: is not set" },
	{ "A.10", STATIC("address: 'unix:///run/s'"), NULL },
	{ "A.10", STATIC("address: 'unix://@s'"), NULL },
	{ "A.10", STATIC("address: 'unix://run/s'"), "needs an absolute path to a socket, or @name" },
	{ "A.10", STATIC("address: 'unix:///run/'"), "needs an absolute path to a socket, or @name" },
	{ "A.10", STATIC("address: 'unix:///run/s', ports: {http: 1}"), "a Unix socket excludes ports" },
	{ "A.10",
	  "{" HOST ", ports: [{number: 80, name: a, protocol: HTTP}, {number: 81, name: b, protocol: HTTP}], "
	  "resolution: STATIC, endpoints: [{address: 'unix:///run/s'}]}",
	  "endpoints: a Unix socket needs exactly one port of the service, there are 2" },
	{ "A.10", STATIC("address: 10.0.0.1, ports: {grpc: 1}"),
	  "endpoints: port \"grpc\" is none of the service's ports" },
	{ "A.10", STATIC("address: 10.0.0.1, ports: {http: 0}"), "ports[\"http\"]: must be 1..65535, not 0" },
	{ "A.10", STATIC("address: 10.0.0.1, labels: {-a: b}"), "endpoints[0].labels: \"-a\" is not a label key" },
	{ "A.10", STATIC("address: 10.0.0.1, locality: a//b"),
	  "warning: ServiceEntry ns/n: spec.endpoints[0].locality: \"a//b\" is not" },
	{ "A.10", STATIC("address: 10.0.0.1, weight: -1"), "weight: must be 0..4294967295" },
	{ "A.10", SE("resolution: STATIC, endpoints: [null]"), "endpoints[0]: must not be null" },

	/* DNS and DNS_ROUND_ROBIN */
	{ "A.10", SE("resolution: DNS"), NULL },
	{ "A.10", "{hosts: ['*.example.com'], " P80 ", resolution: DNS}",
	  "hosts: \"*.example.com\" cannot be resolved: without endpoints resolution DNS needs full names" },
	{ "A.10", "{hosts: ['*.example.com'], " P80 ", resolution: DNS_ROUND_ROBIN}", "cannot be resolved" },
	{ "A.10", "{hosts: ['*.example.com'], " P80 ", resolution: DNS, endpoints: [{address: b.org}]}", NULL },
	{ "A.10", DNS("address: 10.0.0.1"), NULL },
	{ "A.10", DNS("address: a b"), "endpoints[0].address: \"a b\" is not an address or a host name" },
	{ "A.10", DNS("address: 'unix:///run/s'"), "is not an address or a host name" },
	{ "A.10", DNS("network: n"), "endpoints[0].address: is required" },
	{ "A.10", DNS("address: b.org, ports: {x: 1}"), "port \"x\" is none of the service's ports" },
	{ "A.10", SE("resolution: DNS_ROUND_ROBIN, endpoints: [{address: b.org}]"), NULL },
	{ "A.10", SE("resolution: DNS_ROUND_ROBIN, endpoints: [{address: b.org}, {address: c.org}]"),
	  "endpoints: resolution DNS_ROUND_ROBIN allows one endpoint, there are 2" },
	{ "A.10", SE("resolution: DNS, workloadSelector: {labels: {a: b}}"),
	  "warning: ServiceEntry ns/n: spec.workloadSelector: is meant for resolution STATIC, not DNS" },

	/* DYNAMIC_DNS */
	{ "A.10", DYNAMIC("hosts: ['*.example.com'], " P80), NULL },
	{ "A.10", DYNAMIC(HOST ", " P80), "resolution DYNAMIC_DNS is for wildcard hosts only" },
	{ "A.10", DYNAMIC("hosts: ['*.example.com'], addresses: [10.0.0.1], " P80), "DYNAMIC_DNS excludes addresses" },
	{ "A.10", DYNAMIC("hosts: ['*.example.com'], endpoints: [{address: a.b}], " P80),
	  "DYNAMIC_DNS excludes endpoints" },
	{ "A.10", DYNAMIC("hosts: ['*.example.com'], location: MESH_INTERNAL, " P80),
	  "location: resolution DYNAMIC_DNS needs MESH_EXTERNAL" },
	{ "A.10", DYNAMIC("hosts: ['*.example.com'], ports: [{number: 25, name: tcp, protocol: TCP}]"),
	  "ports: resolution DYNAMIC_DNS needs protocol HTTP, HTTP2, GRPC or TLS" },

	/* several hosts, TCP without addresses */
	{ "A.10", "{hosts: [a.org, b.org], resolution: DNS, " P80 "}", NULL },
	{ "A.10", "{hosts: [a.org, b.org], resolution: DNS, ports: [{number: 1, name: a, protocol: TLS}]}", NULL },
	{ "A.10", "{hosts: [a.org, b.org], resolution: DNS, ports: [{number: 1, name: a, protocol: TCP}]}",
	  "hosts: more than one host needs protocol HTTP" },
	{ "A.10",
	  "{hosts: [a.org, b.org], addresses: [10.0.0.1], resolution: DNS, ports: [{number: 80, name: b, protocol: HTTP}]}",
	  NULL },
	{ "A.10", "{hosts: [a.org, b.org], addresses: [10.0.0.1], ports: [{number: 1, name: a, protocol: TCP}]}",
	  NULL },
	{ "A.10", "{" HOST ", ports: [{number: 25, name: a, protocol: TCP}]}",
	  "warning: ServiceEntry ns/n: spec.addresses: is empty: port 25 of protocol TCP takes all connections" },
	{ "A.10", "{" HOST ", resolution: DNS, ports: [{number: 25, name: a, protocol: TCP}]}", NULL },
	{ "A.10", "{" HOST ", addresses: [10.0.0.1], ports: [{number: 25, name: a, protocol: TCP}]}", NULL },
	{ "A.10",
	  "{hosts: ['*.a.org'], resolution: STATIC, ports: [{number: 25, name: a, protocol: TCP}], endpoints: "
	  "[{address: 10.0.0.1}]}",
	  "warning: ServiceEntry ns/n: spec.addresses: is empty" },

	/* exportTo */
	{ "A.1", SE("exportTo: ['~']"), NULL },
	{ "A.1", SE("exportTo: ['~', a]"), "\"~\" must stand alone" },
	{ "A.1", SE("exportTo: ['*', a]"), "\"*\" must stand alone" },
	{ "A.1", SE("exportTo: [A_b]"), "is not \".\", \"*\" or a namespace" },
	{ "A.1", SE("exportTo: [., ns]"), "names \"ns\" twice" },
};

static const struct rule workload_rules[] = {
	{ "A.10", "{address: 10.0.0.1}", NULL },
	{ "A.10", "{address: vm.example.com, ports: {http: 8080}, labels: {a: b}, locality: r/z, weight: 1}", NULL },
	{ "A.10", "{address: 'unix:///run/s'}", NULL },
	{ "A.10", "{labels: {a: b}}", "spec.address: is required" },
	{ "A.10", "{address: ''}", "spec.address: is required" },
	{ "A.10", "{network: n}", "warning: WorkloadEntry ns/n: spec.address: is not set, so only network \"n\"" },
	{ "A.10", "{address: a b}", "spec.address: \"a b\" is not an address or a host name" },
	{ "A.10", "{address: 'unix://s'}", "needs an absolute path to a socket" },
	{ "A.10", "{address: 'unix:///s', ports: {a: 1}}", "a Unix socket excludes ports" },
	{ "A.10", "{address: 10.0.0.1, ports: {a_b: 1}}", "spec.ports: \"a_b\" is not a port name" },
	{ "A.10", "{address: 10.0.0.1, ports: {a: 70000}}", "ports[\"a\"]: must be 1..65535, not 70000" },
	{ "A.10", "{address: 10.0.0.1, labels: {a: 'b c'}}", "\"b c\" is not a label value" },
	{ "A.10", "{address: 10.0.0.1, locality: a/b/c/d}",
	  "warning: WorkloadEntry ns/n: spec.locality: \"a/b/c/d\" is not region/zone/subzone" },
	{ "A.10", "{adress: 10.0.0.1}", "spec.adress: unknown field; did you mean address?" },
};

/* bounds of the CRD schema: characters of texts, pairs of maps */
static void bounds(void **state)
{
	static const struct {
		const char *before, *after, *said;
		char fill;
		size_t n;
	} rows[] = {
		{ "{address: 10.0.0.1, network: '", "'}", NULL, 'a', 2048 },
		{ "{address: 10.0.0.1, network: '", "'}", "network: has 2049 characters, at most 2048", 'a', 2049 },
		{ "{address: 10.0.0.1, serviceAccount: '", "'}", NULL, 'a', 253 },
		{ "{address: 10.0.0.1, serviceAccount: '", "'}", "serviceAccount: has 254 characters", 'a', 254 },
		{ "{network: a, address: '", "'}", "address: has 257 characters, at most 256 are allowed", 'a', 257 },
	};
	char spec[4000];

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(rows); i++) {
		struct rule rule = { "A.10", spec, rows[i].said };
		int n = snprintf(spec, sizeof(spec), "%s", rows[i].before);

		memset(spec + n, rows[i].fill, rows[i].n);
		snprintf(spec + (size_t)n + rows[i].n, 10, "%s", rows[i].after);
		check_rule("networking.istio.io/v1", "WorkloadEntry", &rule);
	}
}

static void many_pairs(void **state)
{
	static const struct {
		const char *field, *said;
		int n;
	} rows[] = {
		{ "labels", NULL, 256 },
		{ "labels", "spec.labels: has 257 pairs, at most 256 are allowed", 257 },
		{ "ports", NULL, 128 },
		{ "ports", "spec.ports: has 129 pairs, at most 128 are allowed", 129 },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(rows); i++) {
		struct hdl_buf buf = { 0 };
		struct rule rule = { "A.10", NULL, rows[i].said };

		hdl_buf_printf(&buf, "{address: 10.0.0.1, %s: {", rows[i].field);
		for (int k = 0; k < rows[i].n; k++)
			hdl_buf_printf(&buf, "%sa%d: %s", k ? ", " : "", k, *rows[i].field == 'l' ? "x" : "1");
		hdl_buf_adds(&buf, "}}");
		rule.spec = buf.p;
		check_rule("networking.istio.io/v1", "WorkloadEntry", &rule);
		hdl_buf_done(&buf);
	}
}

static void entries(void **state)
{
	(void)state;
	check_rules("networking.istio.io/v1", "ServiceEntry", entry_rules, HDL_ARRAY_SIZE(entry_rules));
	check_rules("networking.istio.io/v1beta1", "ServiceEntry", entry_rules, 1);
	check_rules("networking.istio.io/v1alpha3", "ServiceEntry", entry_rules, 1);
}

static void workloads(void **state)
{
	(void)state;
	check_rules("networking.istio.io/v1", "WorkloadEntry", workload_rules, HDL_ARRAY_SIZE(workload_rules));
	check_rules("networking.istio.io/v1beta1", "WorkloadEntry", workload_rules, 1);
	check_rules("networking.istio.io/v1alpha3", "WorkloadEntry", workload_rules, 1);
}

/* every value of a document is where the translator looks for it, also the addresses that Istio gave it */
static void values(void **state)
{
	const struct hdl_service_entry *se;
	struct decoded decoded;

	(void)state;
	decode_text(&decoded, "apiVersion: networking.istio.io/v1\n"
			      "kind: ServiceEntry\n"
			      "metadata: {name: ext, namespace: ns}\n"
			      "spec:\n"
			      "  hosts: [a.org]\n"
			      "  ports: [{number: 443, name: tls, protocol: tls, targetPort: 8443}]\n"
			      "  resolution: STATIC\n"
			      "  location: MESH_INTERNAL\n"
			      "  endpoints: [{address: 10.0.0.1, ports: {tls: 9443}, weight: 7, locality: r/z}]\n"
			      "status:\n"
			      "  observedGeneration: 3\n"
			      "  addresses: [{value: 240.240.0.1, host: a.org}]\n");
	assert_int_equal(decoded.r, 0);
	se = decoded.resource->service_entry;
	assert_string_equal(se->hosts.at[0].s, "a.org");
	assert_int_equal(se->ports.at[0].number.value, 443);
	assert_int_equal(se->ports.at[0].target_port.value, 8443);
	assert_int_equal(se->ports.at[0].protocol_value, HDL_GW_TLS);
	assert_int_equal(se->resolution.value, HDL_SE_STATIC);
	assert_int_equal(se->location.value, HDL_SE_MESH_INTERNAL);
	assert_string_equal(se->endpoints.at[0].ports.at[0].key, "tls");
	assert_int_equal(se->endpoints.at[0].ports.at[0].value, 9443);
	assert_int_equal(se->endpoints.at[0].weight.value, 7);
	assert_string_equal(se->endpoints.at[0].locality.s, "r/z");
	assert_string_equal(se->status->addresses.at[0].value.s, "240.240.0.1");
	decoded_done(&decoded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries),    cmocka_unit_test(workloads), cmocka_unit_test(bounds),
		cmocka_unit_test(many_pairs), cmocka_unit_test(values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
