/* SPDX-License-Identifier: Apache-2.0 */
/* What of the actions of http rules is refused, with its message, and how the rest is compiled (specification B.3 to B.6). */
#include "load.h"

static const char services[] = "apiVersion: v1\n"
			       "kind: Service\n"
			       "metadata: {name: s}\n"
			       "spec: {clusterIP: 10.96.8.1, ports: [{name: http, port: 8080}]}\n"
			       "---\n"
			       "apiVersion: networking.istio.io/v1\n"
			       "kind: VirtualService\n"
			       "metadata: {name: v}\n"
			       "spec:\n"
			       "  hosts: [s]\n"
			       "  http:\n";

#define ROUTE "route: [{destination: {host: s}}]"

static void load_rule(struct load *l, const char *rule)
{
	char text[4096];

	snprintf(text, sizeof(text), "%s  - %s\n", services, rule);
	load(l, text);
}

static bool said(const struct load *l, const char *text)
{
	struct hdl_buf buf = { 0 };
	bool found;

	for (size_t i = 0; i < l->diags.n; i++)
		hdl_diag_print(&buf, &l->diags.at[i]);
	found = buf.p && strstr(buf.p, text);
	hdl_buf_done(&buf);
	return found;
}

static void test_refused(void **state)
{
	static const struct {
		const char *rule, *message;
	} cases[] = {
		{ "{headers: {request: {set: {x-a: \"%UPSTREAM_METADATA([\\\"a\\\", \\\"b\\\"])%\"}}}, " ROUTE "}",
		  "spec.http[0].headers.request.set: %UPSTREAM_METADATA% is no command that can be used here; there are: REQ, " },
		{ "{headers: {response: {add: {x-a: \"%REQ()%\"}}}, " ROUTE "}",
		  "spec.http[0].headers.response.add: " },
		{ "{route: [{destination: {host: s}, headers: {request: {add: {x-a: \"%NOTHING%\"}}}}]}",
		  "spec.http[0].route[0].headers.request.add: %NOTHING% is no command" },
		{ "{redirect: {uri: \"/a b\"}}", "spec.http[0].redirect.uri: has a blank or a control character" },
		{ "{redirect: {authority: \"a b\"}}", "spec.http[0].redirect.authority: has a blank" },
		{ "{match: [{uri: {prefix: /}}], redirect: {prefixRewrite: \"/\\t\"}}",
		  "spec.http[0].redirect.prefixRewrite: has a blank" },
		{ "{rewrite: {uri: \"/a b\"}, " ROUTE "}", "spec.http[0].rewrite.uri: has a blank" },
		{ "{rewrite: {authority: \"a b\"}, " ROUTE "}", "spec.http[0].rewrite.authority: has a blank" },
		{ "{rewrite: {uriRegexRewrite: {match: \"(a)\", rewrite: '\\2'}}, " ROUTE "}",
		  "spec.http[0].rewrite.uriRegexRewrite.rewrite: " },
		{ "{rewrite: {uriRegexRewrite: {match: \"(a)\", rewrite: 'a b'}}, " ROUTE "}",
		  "spec.http[0].rewrite.uriRegexRewrite.rewrite: has a blank" },
		{ "{rewrite: {uriRegexRewrite: {match: \"(a\", rewrite: 'b'}}, " ROUTE "}", "missing ): (a" },
		{ "{corsPolicy: {allowOrigins: [{exact: a}, {regex: \"*\"}]}, " ROUTE "}",
		  "spec.http[0].corsPolicy.allowOrigins[1].regex: " },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(cases); i++) {
		struct load l;

		load_rule(&l, cases[i].rule);
		if (!said(&l, cases[i].message))
			fail_msg("%s: %s", cases[i].rule, cases[i].message);
		assert_int_equal(l.list->n, 1); /* the Service; the rule is refused */
		load_done(&l);
	}
}

static const struct hdl_ir_http_route *only_route(const struct load *l)
{
	return &l->snapshot->route_configs[0]->vhosts[0]->routes[0];
}

/* Why the port is read (P5), and whether layer 4 has a route when no worker lives. */
static void test_labels(void **state)
{
	static const struct {
		const char *rule, *reason;
		size_t destinations;
	} cases[] = {
		{ "{redirect: {scheme: https}}", "has a redirect", 0 },
		{ "{directResponse: {status: 403}}", "has a fixed answer", 0 },
		{ "{rewrite: {uri: /a}, " ROUTE "}", "has a rewrite", 1 },
		{ "{rewrite: {authority: a}, " ROUTE "}", "has header operations", 1 },
		{ "{headers: {request: {remove: [x-a]}}, " ROUTE "}", "has header operations", 1 },
		{ "{corsPolicy: {allowOrigins: [{exact: a}]}, " ROUTE "}", "has CORS", 1 },
		{ "{route: [{destination: {host: s}, weight: 1, headers: {response: {remove: [x-a]}}}, "
		  "{destination: {host: s}, weight: 1}]}",
		  "has header operations", 2 },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(cases); i++) {
		const struct hdl_ir_service_port *port;
		struct load l;

		load_rule(&l, cases[i].rule);
		port = &l.snapshot->services[0]->ports[0];
		assert_int_equal(port->label, HDL_LABEL_REQUEST);
		assert_non_null(strstr(port->label_reason, cases[i].reason));
		assert_int_equal(port->destination_count, cases[i].destinations);
		load_done(&l);
	}
}

/* B.5: an only destination is folded behind the route, several keep their own. */
static void test_levels(void **state)
{
	const struct hdl_ir_http_route *r;
	struct load l;

	(void)state;
	load_rule(&l,
		  "{headers: {request: {set: {b: r, A: r}, remove: [x]}}, route: [{destination: {host: s}, headers: "
		  "{request: {set: {a: d}, remove: [y]}, response: {remove: [Date, z]}}}]}");
	r = only_route(&l);
	assert_null(r->destinations[0].headers);
	assert_int_equal(r->headers->request.set_count, 3);
	assert_memory_equal(r->headers->request.set[0].name.p, "a", 1); /* sorted as written: A before b */
	assert_memory_equal(r->headers->request.set[1].name.p, "b", 1);
	assert_memory_equal(r->headers->request.set[2].parts[0].text.p, "d", 1);
	assert_int_equal(r->headers->request.remove_count, 2);
	assert_int_equal(r->headers->response.remove_count, 1); /* date is added afterwards */
	load_done(&l);
	load_rule(
		&l,
		"{headers: {request: {set: {Host: r}}}, rewrite: {uri: /x}, route: [{destination: {host: s}, weight: 0, "
		"headers: {request: {set: {\":authority\": d}}}}, {destination: {host: s}, weight: 1}]}");
	r = only_route(&l);
	assert_string_equal(r->headers->host, "r");
	assert_string_equal(r->destinations[0].headers->host, "d");
	assert_null(r->destinations[1].headers);
	load_done(&l);
}

/* meshConfig: retries of routes that say nothing of them, and how paths are normalised (B.1, B.9). */
static void test_mesh_config(void **state)
{
	static const struct {
		const char *mesh;
		uint32_t attempts;
		enum hdl_ir_path_normalization normalization;
	} cases[] = {
		{ "{}", 2, HDL_IR_NORMALIZE_BASE },
		{ "{defaultHttpRetryPolicy: {attempts: 7, retryOn: \"5xx,429\"}}", 7, HDL_IR_NORMALIZE_BASE },
		{ "{defaultHttpRetryPolicy: {attempts: 0}}", 0, HDL_IR_NORMALIZE_BASE },
		{ "{pathNormalization: {normalization: DEFAULT}}", 2, HDL_IR_NORMALIZE_BASE },
		{ "{pathNormalization: {normalization: BASE}}", 2, HDL_IR_NORMALIZE_BASE },
		{ "{pathNormalization: {normalization: NONE}}", 2, HDL_IR_NORMALIZE_NONE },
		{ "{pathNormalization: {normalization: MERGE_SLASHES}}", 2, HDL_IR_NORMALIZE_MERGE_SLASHES },
		{ "{pathNormalization: {normalization: DECODE_AND_MERGE_SLASHES}}", 2,
		  HDL_IR_NORMALIZE_DECODE_AND_MERGE_SLASHES },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(cases); i++) {
		const struct hdl_ir_vhost *vhost;
		char text[4096];
		struct load l;

		snprintf(text, sizeof(text),
			 "%s  - {match: [{uri: {prefix: /own}}], retries: {attempts: 1}, " ROUTE "}\n  - {" ROUTE "}\n"
			 "---\napiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nmetadata: {name: o}\n"
			 "spec: {meshConfig: %s}\n"
			 "---\napiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nmetadata: {name: p}\n"
			 "spec: {meshConfig: {defaultHttpRetryPolicy: {attempts: 9}}}\n",
			 services, cases[i].mesh);
		load(&l, text);
		vhost = l.snapshot->route_configs[0]->vhosts[0];
		assert_int_equal(vhost->routes[0].retry.attempts, 1);
		if (vhost->routes[1].retry.attempts != cases[i].attempts)
			fail_msg("%s: %u", cases[i].mesh, vhost->routes[1].retry.attempts);
		assert_int_equal(l.snapshot->node.path_normalization, cases[i].normalization);
		assert_true(
			said(&l,
			     "IstioOperator istio-system/p: spec.meshConfig: that of IstioOperator o at test.yaml:") ||
			said(&l, "IstioOperator default/p: spec.meshConfig: that of IstioOperator o at test.yaml:"));
		load_done(&l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mesh_config),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_levels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
