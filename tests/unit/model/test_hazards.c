/* SPDX-License-Identifier: Apache-2.0 */
/* Checks that values which YAML makes treacherous are taken or refused as documented, with the path and what to write. */
#include "unit/model/model.h"
#include "model/istio.h"
#include "model/kube.h"

#define ROUTE "route: [{destination: {host: a}}]"
#define HTTP(fields) "{hosts: [a], http: [{" fields ", " ROUTE "}]}"

/* Rows of VirtualService. */
static const struct rule rules[] = {
	/* strings that look like something else */
	{ "numbers", "{hosts: [1.10], http: [{" ROUTE "}]}",
	  "hosts[0]: must be a string, not a number (write \"1.10\")" },
	{ "numbers", HTTP("match: [{headers: {x: {exact: 5}}}]"),
	  "spec.http[0].match[0].headers[\"x\"].exact: must be a string, not a number (write \"5\")" },
	{ "numbers", HTTP("match: [{headers: {x: {exact: 0x10}}}]"), "(write \"0x10\")" },
	{ "numbers", HTTP("match: [{headers: {x: {exact: '5'}}}]"), NULL },
	{ "booleans", HTTP("match: [{headers: {x: {exact: yes}}}]"),
	  "must be a string, not a boolean (write \"yes\")" },
	{ "booleans", HTTP("match: [{headers: {x: {exact: off}}}]"),
	  "must be a string, not a boolean (write \"off\")" },
	{ "booleans", HTTP("match: [{headers: {x: {exact: 'yes'}}}]"), NULL },
	{ "booleans", HTTP("match: [{headers: {x: {exact: y}}}]"), NULL },
	{ "booleans", HTTP("match: [{headers: {x: {exact: True}}}]"), "must be a string, not a boolean" },
	{ "booleans", HTTP("match: [{uri: {prefix: /}, ignoreUriCase: yes}]"), NULL },
	{ "booleans", HTTP("match: [{uri: {prefix: /}, ignoreUriCase: N}]"), NULL },
	{ "booleans", HTTP("match: [{uri: {prefix: /}, ignoreUriCase: 'true'}]"),
	  "must be true or false, not a string" },
	{ "booleans", HTTP("match: [{uri: {prefix: /}, ignoreUriCase: 1}]"), "must be true or false, not a number" },
	/* nothing */
	{ "null", "{hosts: [a], gateways: null, http: [{" ROUTE ", timeout: ~, retries: }]}", NULL },
	{ "null", "{hosts: [a, null], http: [{" ROUTE "}]}", "spec.hosts[1]: must not be null" },
	{ "null", HTTP("match: [{headers: {x: }}]"), "headers[\"x\"]: must not be null; {} asks for presence" },
	{ "null", HTTP("match: [{sourceLabels: {x: }}]"), "sourceLabels[\"x\"]: must not be null" },
	/* numbers */
	{ "integers", HTTP("match: [{uri: {prefix: /}, port: '80'}]"),
	  "port: must be a whole number, not a string (remove the quotes)" },
	{ "integers", HTTP("match: [{uri: {prefix: /}, port: http}]"), "port: must be a whole number, not a string" },
	{ "integers", HTTP("match: [{uri: {prefix: /}, port: 80.0}]"), "port: must be a whole number, not 80.0" },
	{ "integers", HTTP("match: [{uri: {prefix: /}, port: 8e1}]"), "port: must be a whole number, not 8e1" },
	{ "integers", HTTP("match: [{uri: {prefix: /}, port: 0120}]"),
	  "must be written as a decimal or 0x number, not 0120" },
	{ "integers", HTTP("match: [{uri: {prefix: /}, port: 0o120}]"), "must be written as a decimal or 0x number" },
	{ "integers", HTTP("match: [{uri: {prefix: /}, port: 0b101}]"), "must be written as a decimal or 0x number" },
	{ "integers", HTTP("match: [{uri: {prefix: /}, port: 8_080}]"), "must be written as a decimal or 0x number" },
	{ "integers", HTTP("match: [{uri: {prefix: /}, port: 0x50}]"), NULL },
	{ "integers", HTTP("match: [{uri: {prefix: /}, port: +80}]"), NULL },
	{ "integers", HTTP("match: [{uri: {prefix: /}, port: 65536}]"), "port: must be 1..65535, not 65536" },
	{ "integers", HTTP("match: [{uri: {prefix: /}, port: 99999999999999999999}]"),
	  "must be 1..65535, not 99999999999999999999" },
	{ "integers", HTTP("match: [{uri: {prefix: /}, port: -1}]"), "must be 1..65535, not -1" },
	{ "integers", HTTP("match: [{uri: {prefix: /}, port: true}]"), "must be a whole number, not a boolean" },
	{ "integers", HTTP("match: [{uri: {prefix: /}, port: [80]}]"), "must be a whole number, not a list" },
	{ "numbers", HTTP("fault: {abort: {httpStatus: 503, percentage: {value: 1e1}}}"), NULL },
	{ "numbers", HTTP("fault: {abort: {httpStatus: 503, percentage: {value: .5}}}"), NULL },
	{ "numbers", HTTP("fault: {abort: {httpStatus: 503, percentage: {value: .inf}}}"), "must be a number" },
	{ "numbers", HTTP("fault: {abort: {httpStatus: 503, percentage: {value: 1e999}}}"),
	  "must be 0..100, not 1e999" },
	{ "numbers", HTTP("fault: {abort: {httpStatus: 503, percentage: {value: '50'}}}"),
	  "must be a number, not a string (remove the quotes)" },
	/* durations */
	{ "durations", HTTP("timeout: 1h2m3.5s"), NULL },
	{ "durations", HTTP("timeout: 1.5h"), NULL },
	{ "durations", HTTP("timeout: 100ms"), NULL },
	{ "durations", HTTP("timeout: '2s'"), NULL },
	{ "durations", HTTP("timeout: 10"), "timeout: must be a duration such as 1.5s or 100ms, not a number" },
	{ "durations", HTTP("timeout: '10'"), "\"10\" is not a duration" },
	{ "durations", HTTP("timeout: 1d"), "\"1d\" is not a duration" },
	{ "durations", HTTP("timeout: 1 s"), "\"1 s\" is not a duration" },
	{ "durations", HTTP("timeout: -1s"), "must be at least 1ms, not -1s" },
	{ "durations", HTTP("timeout: 0s"), "must be at least 1ms, not 0s" },
	{ "durations", HTTP("timeout: 1500us"), "must be a whole number of milliseconds, not 1500us" },
	{ "durations", HTTP("timeout: 9999999h"), "\"9999999h\" is too long for a duration" },
	{ "durations", HTTP("timeout: ''"), "\"\" is not a duration" },
	{ "durations", HTTP("timeout: {seconds: 1}"), "must be a duration such as 1.5s or 100ms, not a map" },
	/* shapes */
	{ "shapes", "{hosts: a, http: [{" ROUTE "}]}", "spec.hosts: must be a list of strings, not a string" },
	{ "shapes", "{hosts: {a: b}, http: [{" ROUTE "}]}", "spec.hosts: must be a list of strings, not a map" },
	{ "shapes", "{hosts: [[a]], http: [{" ROUTE "}]}", "spec.hosts[0]: must be a string, not a list" },
	{ "shapes", "{hosts: [a], http: {" ROUTE "}}", "spec.http: must be a list, not a map" },
	{ "shapes", "{hosts: [a], http: [text]}", "spec.http[0]: must be a map, not a string" },
	{ "shapes", HTTP("match: [{headers: [x]}]"), "headers: must be a map, not a list" },
	{ "shapes", HTTP("match: [{uri: /x}]"), "uri: must be a map, not a string" },
	{ "shapes", "text", "spec: must be a map, not a string" },
	/* names */
	{ "unknown", HTTP("retrys: {}"), "spec.http[0].retrys: unknown field; did you mean retries?" },
	{ "unknown", HTTP("Timeout: 1s"), "spec.http[0].Timeout: unknown field; did you mean timeout?" },
	{ "unknown", HTTP("colour: red"), "spec.http[0].colour: unknown field of HTTPRoute" },
	{ "unknown", HTTP("match: [{header: {}}]"),
	  "spec.http[0].match[0].header: unknown field; did you mean headers?" },
	{ "unknown", "{host: a, http: [{" ROUTE "}]}", "spec.host: unknown field; did you mean hosts?" },
};

static void rule_table(void **state)
{
	(void)state;
	check_rules("networking.istio.io/v1", "VirtualService", rules, HDL_ARRAY_SIZE(rules));
}

/* The whole file counts here; said NULL: accepted without a word. */
static void texts(void **state)
{
	static const struct {
		const char *text, *said;
	} row[] = {
		{ "apiVersion: v1\r\nkind: Service\r\nmetadata:\r\n  name: a\r\nspec:\r\n  ports:\r\n  - port: 80\r\n",
		  NULL },
		{ "\xef\xbb\xbf"
		  "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\nspec: {}\n",
		  NULL },
		{ "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"a\",\"annotations\":{\"x\":\"\\ud83d\\ude00\"}},"
		  "\"spec\":{}}",
		  NULL },
		{ "apiVersion: v1\nkind: Service\nmetadata: &m\n  name: a\nspec:\n  selector: &s {app: a}\n  externalIPs: []\n"
		  "---\napiVersion: v1\nkind: Service\nmetadata: {name: b}\nspec: {}\n",
		  NULL },
		{ "apiVersion: v1\nkind: Service\nmetadata: {name: a, labels: &l {app: a, tier: web}}\nspec:\n  selector:\n    <<: *l\n"
		  "    tier: db\n",
		  NULL },
		{ "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec:\n  type: NodePort\n  ports:\n  - port: 80\n    nodePort: "
		  "0x7530\n    targetPort: '8080'\n",
		  NULL },
		{ "apiVersion: v1\nkind: Service\nmetadata: {name: 5}\nspec: {}\n",
		  "metadata.name: must be a string, not a number" },
		{ "apiVersion: v1\nkind: Service\nmetadata: {name: a, labels: {on: x}}\nspec: {}\n", NULL },
		{ "apiVersion: v1\nkind: Service\nmetadata: {name: a, labels: {version: 1.10}}\nspec: {}\n",
		  "f.yaml:3:39: error: Service default/a: metadata.labels[\"version\"]: must be a string, not a number (write \"1.10\")" },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(row); i++) {
		struct decoded decoded;
		char *said;

		decode_text(&decoded, row[i].text);
		said = print_diags(&decoded.diags);
		if (decoded.r != (row[i].said ? -EINVAL : 0) || (row[i].said ? !strstr(said, row[i].said) : *said))
			fail_msg("%s: %d %s", row[i].text, decoded.r, said);
		free(said);
		decoded_done(&decoded);
	}
}

/* What the merge key and the anchors above became. */
static void merged(void **state)
{
	struct decoded decoded;

	(void)state;
	decode_text(&decoded,
		    "apiVersion: v1\nkind: Service\nmetadata: {name: a, labels: &l {app: a, tier: web}}\nspec:\n"
		    "  selector:\n    <<: *l\n    tier: db\n  ports: [{port: 80, targetPort: '8080'}]\n");
	assert_int_equal(decoded.r, 0);
	assert_int_equal(decoded.resource->service->selector.n, 2);
	assert_string_equal(hdl_kvs_get(&decoded.resource->service->selector, "app"), "a");
	assert_string_equal(hdl_kvs_get(&decoded.resource->service->selector, "tier"), "db");
	assert_string_equal(decoded.resource->service->ports.at[0].target_port.s,
			    "8080"); /* a name, however it looks */
	decoded_done(&decoded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rule_table),
		cmocka_unit_test(texts),
		cmocka_unit_test(merged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
