/* SPDX-License-Identifier: Apache-2.0 */
/* Checks the fields and rules of NodeConfig. */
#include "unit/model/model.h"
#include "model/nodeconfig.h"

static const struct rule rules[] = {
	{ "NodeConfig", "{nodeName: node-a, packetMark: {mark: 322648, mask: 0xfffff, table: 1088}, failMode: closed}",
	  NULL },
	{ "NodeConfig", "{}", NULL },
	{ "NodeConfig", "{nodname: a}", "spec.nodname: unknown field; did you mean nodeName?" },
	{ "NodeConfig",
	  "{outboundTrafficPolicy: {mode: REGISTRY_ONLY}, httpDefault: request, rootNamespace: istio, domain: a.b}",
	  NULL },
	{ "NodeConfig", "{outboundTrafficPolicy: {mode: NONE}}",
	  "mode: must be one of ALLOW_ANY, REGISTRY_ONLY, not \"NONE\"" },
	{ "NodeConfig", "{failMode: ajar}", "must be one of open, closed, not \"ajar\"" },
	{ "NodeConfig", "{httpDefault: l7}", "must be one of l4, request" },
	{ "NodeConfig", "{rootNamespace: a.b}", "spec.rootNamespace: \"a.b\" is not a namespace" },
	{ "NodeConfig", "{domain: a_b}", "spec.domain: \"a_b\" is not a domain" },
	{ "NodeConfig", "{accessLog: {path: /x, encoding: JSON}, retryBudget: {percent: 20, minRetries: 3}}", NULL },
	{ "NodeConfig", "{accessLog: {encoding: XML}}", "must be one of TEXT, JSON" },
	{ "NodeConfig", "{accessLog: {format: x}}", NULL },
	{ "NodeConfig", "{accessLog: {format: x, encoding: JSON}}",
	  "warning: NodeConfig n: spec.accessLog.format: has no" },
	{ "NodeConfig", "{retryBudget: {percent: 101}}", "percent: must be 0..100" },
	{ "NodeConfig", "{retryBudget: {percent: 12.5}}", "percent: must be a whole number, not 12.5" },
	{ "NodeConfig", "{acceleration: {sockmap: off}}", NULL },
	{ "NodeConfig", "{acceleration: {sockmap: auto}}", NULL },
	{ "NodeConfig", "{acceleration: {sockmap: on}}", "must be one of off, auto, not \"on\"" },
	{ "NodeConfig", "{packetMark: {mark: 0x10, mask: 0xf}}", "packetMark.mark: has bits outside mask" },
	{ "NodeConfig", "{packetMark: {mask: 0xf}}", "packetMark.mask: needs mark" },
	{ "NodeConfig", "{packetMark: {mark: 0}}", "mark: must be 1..4294967295, not 0" },
	{ "NodeConfig", "{packetMark: {mark: 0x100000000}}", "mark: must be 1..4294967295" },
	{ "NodeConfig", "{mapCapacity: {services: 10, endpoints: 100, flows: 1000}}", NULL },
	{ "NodeConfig", "{mapCapacity: {services: 0}}", "services: must be 1..1048576" },
	{ "NodeConfig", "{mapCapacity: {endpoints: 3000000}}", "endpoints: must be 1..2097152" },
	{ "NodeConfig", "{mapCapacity: {flows: 8388609}}", "flows: must be 1..8388608" },
	{ "NodeConfig", "{packetMark: {table: 254}}", "packetMark.table: 254 is a table of the kernel's own" },
	{ "NodeConfig", "{interfaces: {pods: ['veth*', cali?]}}", NULL },
	{ "NodeConfig", "{interfaces: {pods: ['a/b']}}", "is not an interface name or pattern" },
	{ "NodeConfig", "{interfaces: {edge: [eth0, bond0.12]}}", NULL },
	{ "NodeConfig", "{interfaces: {edge: ['eth*']}}", "edge: \"eth*\" is not the name of an interface" },
	{ "NodeConfig", "{interfaces: {edge: [averylongname123]}}", "is not the name of an interface" },
	{ "NodeConfig", "{edge: {xdp: generic, synRateLimit: 100, synBurst: 500, sourcePorts: {first: 50000}}}", NULL },
	{ "NodeConfig", "{edge: {xdp: hardware}}", "hardware" },
	{ "NodeConfig", "{edge: {synBurst: 5}}", "needs synRateLimit" },
	{ "NodeConfig", "{edge: {sourcePorts: {first: 40001, last: 40000}}}", "is after last" },
	{ "NodeConfig", "{edge: {sourcePorts: {first: 80}}}", "1024" },
	{ "NodeConfig", "{outboundTrafficPolicy: {mode: REGISTRY_ONLY, exempt: [{namespace: a}, {labels: {x: y}}]}}",
	  NULL },
	{ "NodeConfig", "{outboundTrafficPolicy: {exempt: [{}]}}", "needs namespace or labels" },
	{ "NodeConfig", "{outboundTrafficPolicy: {exempt: [{namespace: 'a/b'}]}}",
	  "namespace: \"a/b\" is not a namespace" },
	{ "NodeConfig", "{outboundTrafficPolicy: {exempt: [{labels: {'a b': c}}]}}", "is not a label key" },
	{ "NodeConfig", "{limits: {maxHeaderBytes: 8192, maxHeaders: 50, idleTimeout: 10s}}", NULL },
	{ "NodeConfig", "{limits: {maxHeaderBytes: 60Ki, retryBufferBytes: 1.5M}}", NULL },
	{ "NodeConfig", "{limits: {maxHeaderBytes: '8Ki', retryBufferBytes: 1e6}}", NULL },
	{ "NodeConfig", "{limits: {maxHeaderBytes: 2Mi}}", "maxHeaderBytes: must be 1024..1048576, not 2Mi" },
	{ "NodeConfig", "{limits: {maxHeaderBytes: 60K}}", "maxHeaderBytes: must be a whole number, not a string" },
	{ "NodeConfig", "{limits: {maxHeaderBytes: 02000}}", "maxHeaderBytes: must be written as a decimal" },
	{ "NodeConfig", "{limits: {maxHeaders: 1k}}", "maxHeaders: must be a whole number, not a string" },
	{ "NodeConfig", "{limits: {maxHeaderBytes: 1}}", "maxHeaderBytes: must be 1024..1048576" },
	{ "NodeConfig", "{limits: {maxHeader: 5}}", "unknown field; did you mean maxHeaders?" },
	{ "NodeConfig", "{limits: {drainTimeout: 1h}}", NULL },
	{ "NodeConfig", "{limits: {drainTimeout: 61m}}", "drainTimeout: must be at most 3600s, not 61m" },
	{ "NodeConfig", "{gateways: [ns/gw, gw]}", NULL },
	{ "NodeConfig", "{gateways: [a/b/c]}", "spec.gateways: \"a/b/c\" is not" },
	{ "NodeConfig", "{locality: a/b/c/d}", "spec.locality: must be region/zone/subzone" },
	{ "NodeConfig", "{locality: {zne: b}}", "spec.locality.zne: unknown field" },
	{ "NodeConfig", "{locality: 5}", "spec.locality: must be a string" },
};

static void rule_table(void **state)
{
	(void)state;
	check_rules("heddle.io/v1alpha1", "NodeConfig", rules, HDL_ARRAY_SIZE(rules));
}

/* locality as text and as a map; a NodeConfig has no namespace */
static void locality(void **state)
{
	static const char *const specs[] = { "{locality: r/z/s}", "{locality: {region: r, zone: z, subzone: s}}" };

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(specs); i++) {
		char *text = document_of("heddle.io/v1alpha1", "NodeConfig", specs[i]);
		struct decoded decoded;

		decode_text(&decoded, text);
		assert_int_equal(decoded.r, 0);
		assert_string_equal(decoded.resource->ns, "");
		assert_string_equal(decoded.resource->node_config->region.s, "r");
		assert_string_equal(decoded.resource->node_config->zone.s, "z");
		assert_string_equal(decoded.resource->node_config->subzone.s, "s");
		decoded_done(&decoded);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rule_table),
		cmocka_unit_test(locality),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
