/* SPDX-License-Identifier: Apache-2.0 */
/* Checks the core kinds (D.4): used fields are checked, others are skipped without a word. */
#include "unit/model/model.h"
#include "model/kube.h"
#include "model/schema.h"

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
	{ "D.4", "{sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: {timeoutSeconds: 60}}}", NULL },
	{ "D.4", "{sessionAffinityConfig: {clientIP: {timeoutSeconds: 86401}}}", "must be 1..86400, not 86401" },
	{ "D.4", "{type: ExternalName}", "spec.externalName: is required for type ExternalName" },
	{ "D.4", "{type: ExternalName, externalName: a_b}", "\"a_b\" is not a host name" },
	{ "D.4", "{type: ExternalName, externalName: a.b, clusterIP: None}", "must not be None for type ExternalName" },
	{ "D.4", "{trafficDistribution: PreferClose}", NULL },
	{ "D.4", "{trafficDistribution: Near}", "must be one of PreferClose, PreferSameZone, PreferSameNode" },
	{ "D.4", "{loadBalancerSourceRanges: [10.0.0.0/8, 'fd00::/8']}", NULL },
	{ "D.4", "{loadBalancerSourceRanges: [10.0.0.0/33]}", "\"10.0.0.0/33\" is not an address prefix" },
	{ "D.4", "{internalTrafficPolicy: Local, externalTrafficPolicy: Cluster, publishNotReadyAddresses: true}",
	  NULL },
	{ "D.4", "{internalTrafficPolicy: Near}", "must be one of Cluster, Local" },
};

static void services(void **state)
{
	(void)state;
	check_rules("v1", "Service", service_rules, HDL_ARRAY_SIZE(service_rules));
}

/* What a Service says outside of its spec: annotations and the state of its load balancer. */
static void service_extras(void **state)
{
	static const struct {
		const char *text, *export_to; /* joined by blanks */
		enum hdl_traffic_distribution distribution;
		const char *said;
	} row[] = {
		{ "metadata: {name: a}, spec: {}", "", HDL_DISTRIBUTION_ANY, NULL },
		{ "metadata: {name: a, annotations: {networking.istio.io/exportTo: ' ., other ,~'}}, spec: {}",
		  ". other ~", HDL_DISTRIBUTION_ANY, NULL },
		{ "metadata: {name: a, annotations: {networking.istio.io/exportTo: 'x/y, b'}}, spec: {}", "b",
		  HDL_DISTRIBUTION_ANY,
		  "warning: Service default/a: spec: annotation networking.istio.io/exportTo: \"x/y\" is not" },
		{ "metadata: {name: a, annotations: {networking.istio.io/exportTo: ''}}, spec: {}", "",
		  HDL_DISTRIBUTION_ANY, NULL },
		{ "metadata: {name: a, annotations: {networking.istio.io/traffic-distribution: preferclose}}, spec: {}",
		  "", HDL_DISTRIBUTION_SAME_ZONE, NULL },
		{ "metadata: {name: a, annotations: {networking.istio.io/traffic-distribution: PreferSameNode}}, spec: {}",
		  "", HDL_DISTRIBUTION_SAME_NODE, NULL },
		{ "metadata: {name: a, annotations: {networking.istio.io/traffic-distribution: PreferSameNode}}, spec: "
		  "{trafficDistribution: PreferSameZone}",
		  "", HDL_DISTRIBUTION_SAME_ZONE, NULL },
		{ "metadata: {name: a, annotations: {networking.istio.io/traffic-distribution: Near}}, spec: {}", "",
		  HDL_DISTRIBUTION_ANY, "\"Near\" is not PreferClose, PreferSameZone or PreferSameNode" },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(row); i++) {
		char text[400], *said;
		struct hdl_buf list = { 0 };
		struct decoded decoded;

		snprintf(text, sizeof(text), "{apiVersion: v1, kind: Service, %s}", row[i].text);
		decode_text(&decoded, text);
		said = print_diags(&decoded.diags);
		assert_int_equal(decoded.r, 0);
		if (row[i].said ? !strstr(said, row[i].said) : *said)
			fail_msg("%s: %s", row[i].text, said);
		for (size_t j = 0; j < decoded.resource->service->export_to.n; j++)
			hdl_buf_printf(&list, "%s%s", j ? " " : "", decoded.resource->service->export_to.at[j].s);
		assert_string_equal(list.p ? list.p : "", row[i].export_to);
		assert_int_equal(decoded.resource->service->effective_distribution, row[i].distribution);
		hdl_buf_done(&list);
		free(said);
		decoded_done(&decoded);
	}
}

static void load_balancers(void **state)
{
	struct decoded decoded;

	(void)state;
	decode_text(&decoded,
		    "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {type: LoadBalancer}, status: "
		    "{loadBalancer: {ingress: [{ip: 192.0.2.1, ipMode: VIP}, {hostname: lb.example.com}]}}}");
	assert_int_equal(decoded.r, 0);
	assert_int_equal(decoded.resource->service->load_balancer->ingress.n, 2);
	assert_string_equal(decoded.resource->service->load_balancer->ingress.at[0].ip.s, "192.0.2.1");
	assert_string_equal(decoded.resource->service->load_balancer->ingress.at[1].hostname.s, "lb.example.com");
	decoded_done(&decoded);
	decode_text(&decoded, "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {}, status: {loadBalancer: "
			      "{ingress: [{ip: lb}]}}}");
	assert_int_equal(decoded.r, -EINVAL);
	decoded_done(&decoded);
}

/* Times, owners and generations of any object; a kind that is read whole knows the other fields too. */
static void metadata(void **state)
{
	static const struct {
		const char *fields, *said;
	} row[] = {
		{ "creationTimestamp: '2024-02-29T12:00:00Z', generation: 7, deletionTimestamp: 2024-03-01T00:00:00Z, "
		  "ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: r, uid: u, controller: true, "
		  "blockOwnerDeletion: true}], uid: u, resourceVersion: '1', managedFields: [], finalizers: [a/b]",
		  NULL },
		{ "creationTimestamp: null", NULL },
		{ "creationTimestamp: yesterday",
		  "metadata.creationTimestamp: must be a time such as 2024-05-06T07:08:09Z" },
		{ "creationTimestamp: 12", "must be a time such as" },
		{ "creationTimestamp: '2023-02-29T12:00:00Z'", "must be a time such as" },
		{ "creationTimestamp: '0001-01-01T00:00:00Z'", "must be a time of the years 1678 to 2261" },
		{ "generation: -1", "metadata.generation: must be 0..9223372036854775807, not -1" },
		{ "ownerReferences: [{kind: a, apiVersion: b}]", "metadata.ownerReferences[0].name: is required" },
		{ "creationTime: x", "metadata.creationTime: unknown field" },
	};
	const struct hdl_metadata *got;
	struct decoded decoded;

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(row); i++) {
		char text[700], *said;

		snprintf(
			text, sizeof(text),
			"{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: a, %s}, spec: {host: a}}",
			row[i].fields);
		decode_text(&decoded, text);
		said = print_diags(&decoded.diags);
		assert_int_equal(decoded.r, row[i].said ? -EINVAL : 0);
		if (row[i].said ? !strstr(said, row[i].said) : *said)
			fail_msg("%s: %s", row[i].fields, said);
		if (i == 0) {
			got = decoded.resource->metadata;
			assert_int_equal(got->created.unix_ns, 1709208000ll * 1000000000);
			assert_int_equal(got->deleted.unix_ns - got->created.unix_ns, 43200ll * 1000000000);
			assert_int_equal(got->generation.value, 7);
			assert_string_equal(got->owners.at[0].kind.s, "ReplicaSet");
			assert_true(got->owners.at[0].controller.value);
		}
		free(said);
		decoded_done(&decoded);
	}
}

static void pod_ports(void **state)
{
	struct decoded decoded;

	(void)state;
	decode_text(
		&decoded,
		"{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {hostNetwork: true, containers: [{name: c, ports: "
		"[{name: web, containerPort: 80}, {name: dns, containerPort: 53, protocol: UDP}]}], initContainers: [{name: "
		"i, ports: [{name: setup, containerPort: 1}]}, {name: s, restartPolicy: Always, ports: [{name: side, "
		"containerPort: 90}]}]}}");
	assert_int_equal(decoded.r, 0);
	assert_true(decoded.resource->pod->host_network.value);
	assert_int_equal(hdl_pod_port(decoded.resource->pod, "web", HDL_PORT_TCP), 80);
	assert_int_equal(hdl_pod_port(decoded.resource->pod, "web", HDL_PORT_UDP), 0);
	assert_int_equal(hdl_pod_port(decoded.resource->pod, "dns", HDL_PORT_UDP), 53);
	assert_int_equal(hdl_pod_port(decoded.resource->pod, "side", HDL_PORT_TCP), 90);
	assert_int_equal(hdl_pod_port(decoded.resource->pod, "setup", HDL_PORT_TCP), 0);
	decoded_done(&decoded);
}

static void endpoints(void **state)
{
	static const struct {
		const char *conditions;
		bool ready, serving, terminating;
	} row[] = {
		{ "zone: z", true, true, false },
		{ "conditions: {}", true, true, false },
		{ "conditions: {ready: true}", true, true, false },
		{ "conditions: {ready: false}", false, false, false },
		{ "conditions: {ready: false, serving: true, terminating: true}", false, true, true },
		{ "conditions: {ready: null, serving: false}", true, false, false },
	};
	struct decoded decoded;

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(row); i++) {
		const struct hdl_kube_endpoint *endpoint;
		char text[400];

		snprintf(
			text, sizeof(text),
			"{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: s}, addressType: IPv4, "
			"endpoints: [{addresses: [10.0.0.1], hints: {forZones: [{name: a}, {name: b}], forNodes: [{name: n}]}, %s}]}",
			row[i].conditions);
		decode_text(&decoded, text);
		assert_int_equal(decoded.r, 0);
		endpoint = &decoded.resource->endpoint_slice->endpoints.at[0];
		assert_int_equal(hdl_endpoint_ready(endpoint), row[i].ready);
		assert_int_equal(hdl_endpoint_serving(endpoint), row[i].serving);
		assert_int_equal(hdl_endpoint_terminating(endpoint), row[i].terminating);
		assert_int_equal(endpoint->hints->for_zones.n, 2);
		assert_string_equal(endpoint->hints->for_zones.at[1].name.s, "b");
		assert_string_equal(endpoint->hints->for_nodes.at[0].name.s, "n");
		decoded_done(&decoded);
	}
}

static void other_kinds(void **state)
{
	static const struct {
		const char *text, *said;
	} row[] = {
		{ "kind: Node, metadata: {name: n.example}, spec: {podCIDR: 10.244.0.0/24, podCIDRs: [10.244.0.0/24, 'fd00::/64'], "
		  "taints: []}, status: {addresses: [{type: InternalIP, address: 192.0.2.1}, {type: Hostname, address: n}], x: y}",
		  NULL },
		{ "kind: Node, metadata: {name: n}", NULL },
		{ "kind: Node, metadata: {name: n}, spec: {podCIDR: 10.244.0.0}", NULL },
		{ "kind: Node, metadata: {name: n}, spec: {podCIDRs: [pods]}",
		  "spec.podCIDRs: \"pods\" is not an address prefix" },
		{ "kind: Node, metadata: {name: n}, status: {addresses: [{type: ExternalIP, address: n}]}",
		  "status.addresses[0].address: \"n\" is not an address" },
		{ "kind: Namespace, metadata: {name: demo, labels: {istio-injection: enabled}}, spec: {finalizers: [k]}, status: "
		  "{phase: Active}",
		  NULL },
		{ "kind: Secret, type: kubernetes.io/tls, metadata: {name: s}, data: {tls.crt: YQ==, tls.key: Yg==}",
		  NULL },
		{ "kind: Secret, type: kubernetes.io/tls, metadata: {name: s}, data: {tls.crt: YQ==}, stringData: {tls.key: b}",
		  NULL },
		{ "kind: Secret, type: kubernetes.io/tls, metadata: {name: s}, data: {tls.crt: YQ==}",
		  "Secret default/s: data: needs tls.key for type kubernetes.io/tls" },
		{ "kind: Secret, metadata: {name: s}, immutable: true, data: {cert: '', key: YQ==, cacert: YWI=}",
		  NULL },
		{ "kind: Secret, metadata: {name: s}, data: {key: 's3cret?'}", "data[\"key\"]: is not base64" },
		{ "kind: Secret, metadata: {name: s}, data: {key: YQ=}", "data[\"key\"]: is not base64" },
		{ "kind: Secret, metadata: {name: s}, data: {key: YR==}", "data[\"key\"]: is not base64" },
		{ "kind: Secret, metadata: {name: s}, data: {key: 1234}",
		  "must be a base64 string, not a number (add quotes)" },
		{ "kind: Secret, metadata: {name: s}, data: {key: }", "data[\"key\"]: must not be null" },
		{ "kind: Secret, metadata: {name: s}, data: {../a: YQ==}", "data: \"../a\" is not a key" },
		{ "kind: Secret, metadata: {name: s}, stringData: {pin: 4711}",
		  "stringData[\"pin\"]: must be a string, not a number\n" },
		{ "kind: ConfigMap, metadata: {name: c}, data: {ca.crt: \"-----BEGIN\\n\"}, binaryData: {x: AAEC}",
		  NULL },
		{ "kind: ConfigMap, metadata: {name: c}, data: {x: y}, binaryData: {x: AAEC}",
		  "the key \"x\" is in data too" },
		{ "kind: ConfigMap, metadata: {name: c}, data: {x: 1}",
		  "must be a string, not a number (write \"1\")" },
		{ "kind: ConfigMap, metadata: {name: c}, data: {'a b': x}", "data: \"a b\" is not a key" },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(row); i++) {
		struct decoded decoded;
		char text[500], *said;

		snprintf(text, sizeof(text), "{apiVersion: v1, %s}", row[i].text);
		decode_text(&decoded, text);
		said = print_diags(&decoded.diags);
		if (decoded.r != (row[i].said ? -EINVAL : 0) || (row[i].said ? !strstr(said, row[i].said) : *said))
			fail_msg("%s: %s", row[i].text, said);
		assert_null(strstr(said, "4711"));
		assert_null(strstr(said, "s3cret"));
		free(said);
		decoded_done(&decoded);
	}
}

static void contents(void **state)
{
	struct hdl_buf big = { 0 };
	struct decoded decoded;
	struct hdl_str value;

	(void)state;
	decode_text(
		&decoded,
		"{apiVersion: v1, kind: Secret, metadata: {name: s}, data: {a: AAEC, b: eA==}, stringData: {b: y}}");
	assert_int_equal(decoded.r, 0);
	value = hdl_secret_get(decoded.resource->secret, "a");
	assert_int_equal(value.n, 3);
	assert_memory_equal(value.p, "\0\1\2", 3);
	value = hdl_secret_get(decoded.resource->secret, "b");
	assert_true(hdl_str_eq(value, HDL_STR("y")));
	assert_null(hdl_secret_get(decoded.resource->secret, "c").p);
	decoded_done(&decoded);

	decode_text(&decoded,
		    "{apiVersion: v1, kind: ConfigMap, metadata: {name: s}, binaryData: {a: AAEC}, data: {b: y}}");
	assert_int_equal(hdl_config_map_get(decoded.resource->config_map, "a").n, 3);
	assert_true(hdl_str_eq(hdl_config_map_get(decoded.resource->config_map, "b"), HDL_STR("y")));
	decoded_done(&decoded);

	hdl_buf_adds(&big, "{apiVersion: v1, kind: ConfigMap, metadata: {name: s}, data: {a: ");
	for (int i = 0; i <= 1 << 10; i++)
		hdl_buf_printf(&big, "%01024d", 0);
	hdl_buf_adds(&big, "x}}");
	decode_text(&decoded, big.p);
	assert_int_equal(decoded.r, -EINVAL);
	assert_non_null(strstr(decoded.diags.at[0].message, "at most 1048576 are allowed"));
	decoded_done(&decoded);
	hdl_buf_done(&big);
}

static void localities(void **state)
{
	static const struct {
		const char *labels, *region, *zone, *subzone;
	} row[] = {
		{ "{}", "", "", "" },
		{ "{topology.kubernetes.io/region: r, topology.kubernetes.io/zone: z, topology.istio.io/subzone: s}",
		  "r", "z", "s" },
		{ "{failure-domain.beta.kubernetes.io/region: r, failure-domain.beta.kubernetes.io/zone: z}", "r", "z",
		  "" },
		{ "{topology.kubernetes.io/zone: new, failure-domain.beta.kubernetes.io/zone: old}", "", "new", "" },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(row); i++) {
		struct hdl_locality_names names;
		struct decoded decoded;
		char text[300];

		snprintf(text, sizeof(text), "{apiVersion: v1, kind: Node, metadata: {name: n, labels: %s}}",
			 row[i].labels);
		decode_text(&decoded, text);
		assert_int_equal(decoded.r, 0);
		assert_string_equal(decoded.resource->ns, "");
		names = hdl_node_locality(&decoded.resource->labels);
		assert_string_equal(names.region, row[i].region);
		assert_string_equal(names.zone, row[i].zone);
		assert_string_equal(names.subzone, row[i].subzone);
		decoded_done(&decoded);
	}
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
		cmocka_unit_test(services),    cmocka_unit_test(service_extras), cmocka_unit_test(load_balancers),
		cmocka_unit_test(metadata),    cmocka_unit_test(pod_ports),      cmocka_unit_test(endpoints),
		cmocka_unit_test(other_kinds), cmocka_unit_test(contents),       cmocka_unit_test(localities),
		cmocka_unit_test(pods),        cmocka_unit_test(slices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
