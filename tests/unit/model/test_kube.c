/* SPDX-License-Identifier: Apache-2.0 */
/* Checks Service, Pod and EndpointSlice (D.4): used fields are checked, others are skipped without a word. */
#include "unit/model/model.h"
#include "model/kube.h"

static const struct rule service_rules[] = {
	{ "D.4",
	  "{clusterIP: 10.96.0.1, clusterIPs: [10.96.0.1, 'fd96::1'], selector: {app: a}, type: ClusterIP, ports: "
	  "[{name: http, port: 9080, targetPort: 9080, protocol: TCP}]}",
	  NULL },
	{ "D.4", "{clusterIP: None, ports: [{port: 80, targetPort: web}]}", NULL },
	{ "D.4", "{clusterIP: '', ipFamilies: [IPv4], unknown: {a: [1]}, ports: [{port: 80, whatever: x}]}", NULL },
	{ "D.4", "{type: ExternalName, externalName: a.b.c}", NULL },
	{ "D.4", "{clusterIP: here}", "spec.clusterIP: \"here\" is not an address or None" },
	{ "D.4", "{clusterIPs: [10.0.0.256]}", "spec.clusterIPs: \"10.0.0.256\" is not an address" },
	{ "D.4", "{ports: [{name: a}]}", "spec.ports[0].port: is required" },
	{ "D.4", "{ports: [{port: '80'}]}", "spec.ports[0].port: must be a whole number, not a string" },
	{ "D.4", "{ports: [{port: 80, protocol: TLS}]}", "protocol: must be one of TCP, UDP, SCTP" },
	{ "D.4", "{ports: [{port: 80, targetPort: 70000}]}", "targetPort: must be 0..65535, not 70000" },
	{ "D.4", "{ports: [{port: 80}, {port: 81}]}", "each port needs a name when there are several" },
	{ "D.4", "{ports: [{name: a, port: 80}, {name: a, port: 81}]}", "the name \"a\" is used twice" },
	{ "D.4", "{ports: [{name: a, port: 80}, {name: b, port: 80}]}", "port 80 is used twice" },
	{ "D.4", "{ports: [{name: a, port: 80}, {name: b, port: 80, protocol: UDP}]}", NULL },
	{ "D.4", "{type: Ingress}", "spec.type: must be one of ClusterIP, NodePort, LoadBalancer, ExternalName" },
	{ "D.4", "{sessionAffinity: ClientIP}", NULL },
};

static void services(void **state)
{
	(void)state;
	check_rules("v1", "Service", service_rules, HDL_ARRAY_SIZE(service_rules));
}

static void pods(void **state)
{
	static const char text[] =
		"{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: demo, labels: {app: a, version: v1}, uid: x, x: y},"
		" spec: {nodeName: node-a, volumes: [{name: v}], containers: [{name: c, image: i, ports: [{name: web, "
		"containerPort: 80}]}]}, status: {phase: Running, podIP: 10.1.1.1, podIPs: [{ip: 10.1.1.1}, {ip: 'fd00::1'}], "
		"conditions: [{type: Initialized, status: 'True'}, {type: Ready, status: 'False'}]}}";
	struct decoded decoded;
	const struct hdl_pod *pod;

	(void)state;
	decode_text(&decoded, text);
	assert_int_equal(decoded.r, 0);
	assert_int_equal(decoded.diags.n, 0);
	assert_string_equal(hdl_kvs_get(&decoded.resource->labels, "version"), "v1");
	pod = decoded.resource->pod;
	assert_string_equal(pod->node_name.s, "node-a");
	assert_string_equal(pod->pod_ip.s, "10.1.1.1");
	assert_int_equal(pod->pod_ips.n, 2);
	assert_string_equal(pod->pod_ips.at[1].ip.s, "fd00::1");
	assert_string_equal(pod->containers.at[0].ports.at[0].name.s, "web");
	assert_false(hdl_pod_ready(pod));
	decoded_done(&decoded);

	decode_text(
		&decoded,
		"{apiVersion: v1, kind: Pod, metadata: {name: p}, status: {conditions: [{type: Ready, status: 'True'}]}}");
	assert_int_equal(decoded.r, 0);
	assert_true(hdl_pod_ready(decoded.resource->pod));
	decoded_done(&decoded);

	decode_text(&decoded, "{apiVersion: v1, kind: Pod, metadata: {name: p}, status: {podIPs: [{ip: x}]}}");
	assert_int_equal(decoded.r, -EINVAL);
	decoded_done(&decoded);
}

static void slices(void **state)
{
	static const struct {
		const char *rest, *said;
	} row[] = {
		{ "addressType: IPv4, endpoints: [{addresses: [10.0.0.1], zone: z, nodeName: n1, conditions: {ready: true, serving: "
		  "true, terminating: false}, targetRef: {kind: Pod, name: p, namespace: q, uid: u}, hints: {}}], ports: [{name: "
		  "http, port: 80, protocol: TCP}]",
		  NULL },
		{ "addressType: IPv6, endpoints: [{addresses: ['fd00::1']}]", NULL },
		{ "addressType: FQDN, endpoints: [{addresses: [a.b]}]", NULL },
		{ "addressType: IPv4", NULL },
		{ "endpoints: []", "addressType: is required" },
		{ "addressType: IPv5", "must be one of IPv4, IPv6, FQDN" },
		{ "addressType: IPv6, endpoints: [{addresses: [10.0.0.1]}]",
		  "endpoints[0].addresses[0]: \"10.0.0.1\" is not an IPv6 address" },
		{ "addressType: IPv4, endpoints: [{addresses: []}]", "endpoints[0].addresses: is required" },
		{ "addressType: IPv4, endpoints: [{addresses: [1.2.3]}]", "is not an IPv4 address" },
		{ "addressType: IPv4, ports: [{port: 0}]", "ports[0].port: must be 1..65535" },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(row); i++) {
		struct decoded decoded;
		char text[700], *said;

		snprintf(text, sizeof(text),
			 "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: s, labels: "
			 "{kubernetes.io/service-name: a}}, %s}",
			 row[i].rest);
		decode_text(&decoded, text);
		said = print_diags(&decoded.diags);
		assert_int_equal(decoded.r, row[i].said ? -EINVAL : 0);
		if (row[i].said ? !strstr(said, row[i].said) : *said)
			fail_msg("%s: %s", row[i].rest, said);
		free(said);
		decoded_done(&decoded);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(services),
		cmocka_unit_test(pods),
		cmocka_unit_test(slices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
