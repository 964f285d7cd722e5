/* SPDX-License-Identifier: Apache-2.0 */
/* Checks printing by the tables: canonical text, equality with what the text decodes to, and differences of two. */
#include "unit/model/model.h"
#include "model/print.h"

#define HEAD(group, kind) "apiVersion: " group "\nkind: " kind "\nmetadata:\n"

static char *print(const struct hdl_resource *resource, enum hdl_emit_format format, unsigned int flags)
{
	struct hdl_buf buf = { 0 };

	hdl_resource_print(resource, format, flags, &buf);
	assert_false(buf.failed);
	assert_non_null(buf.p);
	return buf.p;
}

static void accept(struct decoded *decoded, const char *text)
{
	char *said;

	decode_text(decoded, text);
	said = print_diags(&decoded->diags);
	if (decoded->r)
		fail_msg("%s\nrefused: %s", text, said);
	free(said);
}

/* Each text prints to text itself when canonical is NULL. */
static void canonical(void **state)
{
	static const struct {
		const char *text, *canonical;
	} row[] = {
		{ HEAD("networking.istio.io/v1",
		       "VirtualService") "  name: a\n  namespace: b\nspec:\n"
					 "  hosts:\n  - reviews\n"
					 "  http:\n"
					 "  - match:\n"
					 "    - uri:\n        prefix: \"/a: #b\"\n"
					 "      headers:\n        end-user:\n          exact: \"yes\"\n"
					 "        x: {}\n"
					 "    route:\n"
					 "    - destination:\n        host: reviews\n"
					 "        port:\n          number: 80\n"
					 "      weight: 25\n"
					 "    timeout: 1m30s\n",
		  NULL },
		{ "{apiVersion: networking.istio.io/v1beta1, kind: VirtualService, metadata: {name: a, labels: {n: '1.10', "
		  "t: 'true', s: '', i: '0x1f', d: '2020-01-01', b: '1:20', c: 'n', e: '~'}, annotations: {'a:b': ' x', 'c': "
		  "'#', 'd': \"l\\n\\te\\\"\\\\\\xc2\\xa0\\u0085\", e: 'a#b', f: 'a:b'}}, spec: {hosts: ['*.b.c', 10.0.0.1], http: "
		  "[{route: [{destination: {host: a}}], timeout: 1500ms, retries: {attempts: 2, perTryTimeout: 0.25s}, fault: "
		  "{delay: {percentage: {value: 12.50}, fixedDelay: 3600s}}}]}}",
		  HEAD("networking.istio.io/v1beta1",
		       "VirtualService") "  name: a\n  namespace: default\n  labels:\n"
					 "    \"n\": \"1.10\"\n    t: \"true\"\n    s: \"\"\n    i: \"0x1f\"\n"
					 "    d: \"2020-01-01\"\n    b: \"1:20\"\n    c: \"n\"\n"
					 "    e: \"~\"\n"
					 "  annotations:\n    a:b: \" x\"\n    c: \"#\"\n"
					 "    d: \"l\\n\\te\\\"\\\\\xc3\x82\\u00a0\\u0085\"\n"
					 "    e: a#b\n    f: a:b\n"
					 "spec:\n  hosts:\n  - \"*.b.c\"\n  - 10.0.0.1\n  http:\n"
					 "  - route:\n    - destination:\n        host: a\n"
					 "    timeout: 1.5s\n    retries:\n      attempts: 2\n"
					 "      perTryTimeout: 250ms\n    fault:\n      delay:\n"
					 "        fixedDelay: 1h0m0s\n"
					 "        percentage:\n          value: 12.5\n" },
		{ HEAD("v1", "Service") "  name: a\n  namespace: default\nspec:\n  type: ClusterIP\n  clusterIP: None\n"
					"  ports:\n  - name: http\n    port: 80\n    targetPort: web\n"
					"  - name: b\n    port: 81\n    targetPort: 8080\n"
					"  - name: c\n    port: 82\n    targetPort: \"8080\"\n",
		  NULL },
		{ "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {unknown: 1}}",
		  HEAD("v1", "Service") "  name: a\n  namespace: default\nspec: {}\n" },
		{ "{apiVersion: heddle.io/v1alpha1, kind: NodeConfig, metadata: {name: a}, spec: {locality: {region: r, zone: z}, "
		  "acceleration: {sockmap: off}, gateways: [], packetMark: {mark: 0x10, mask: 0xff}}}",
		  HEAD("heddle.io/v1alpha1", "NodeConfig") "  name: a\nspec:\n  locality: r/z\n  acceleration:\n"
							   "    sockmap: \"off\"\n"
							   "  packetMark:\n    mark: 16\n    mask: 255\n"
							   "  gateways: []\n" },
		{ "{apiVersion: heddle.io/v1alpha1, kind: NodeConfig, metadata: {name: a}, spec: {locality: {zone: z}}}",
		  HEAD("heddle.io/v1alpha1", "NodeConfig") "  name: a\nspec:\n  locality:\n    zone: z\n" },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(row); i++) {
		struct decoded decoded;
		char *text;

		accept(&decoded, row[i].text);
		text = print(decoded.resource, HDL_EMIT_YAML, 0);
		if (strcmp(text, row[i].canonical ? row[i].canonical : row[i].text))
			fail_msg("prints to\n%s", text);
		free(text);
		decoded_done(&decoded);
	}
}

static void json(void **state)
{
	struct decoded decoded;
	char *text;

	(void)state;
	accept(&decoded, "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {externalIPs: [1.2.3.4, 5.6.7.8], "
			 "selector: {}, ports: [{port: 80, name: \"a\\u0085b\\\"\"}]}}");
	text = print(decoded.resource, HDL_EMIT_JSON, 0);
	assert_string_equal(text, "{\n"
				  "  \"apiVersion\": \"v1\",\n"
				  "  \"kind\": \"Service\",\n"
				  "  \"metadata\": {\n"
				  "    \"name\": \"a\",\n"
				  "    \"namespace\": \"default\"\n"
				  "  },\n"
				  "  \"spec\": {\n"
				  "    \"externalIPs\": [\n"
				  "      \"1.2.3.4\",\n"
				  "      \"5.6.7.8\"\n"
				  "    ],\n"
				  "    \"selector\": {},\n"
				  "    \"ports\": [\n"
				  "      {\n"
				  "        \"name\": \"a\\u0085b\\\"\",\n"
				  "        \"port\": 80\n"
				  "      }\n"
				  "    ]\n"
				  "  }\n"
				  "}\n");
	free(text);
	text = print(decoded.resource, HDL_EMIT_LINE, 0);
	assert_non_null(strstr(text, "{\"apiVersion\": \"v1\", \"kind\": \"Service\", \"metadata\": {\"name\": \"a\""));
	assert_null(strchr(text, '\n'));
	free(text);
	decoded_done(&decoded);
}

#define VS(spec) \
	"{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: a}, spec: {hosts: [a], " spec "}}"
#define TO(host) "route: [{destination: {host: " host "}}]"

/* a and b: equal, or the differences one to a line. */
static void differences(void **state)
{
	static const struct {
		const char *a, *b, *changes;
	} row[] = {
		{ VS("http: [{" TO("x") ", timeout: 60s}]"), VS("http: [{" TO("x") ", timeout: 1m}]"), "" },
		{ VS("http: [{" TO("x") "}]"),
		  "{apiVersion: networking.istio.io/v1beta1, kind: VirtualService, metadata: {name: a, namespace: default}, "
		  "spec: {hosts: [a], http: [{" TO("x") "}]}}",
		  "" },
		{ VS("http: [{" TO("x") ", timeout: 1s}]"), VS("http: [{" TO("y") "}]"),
		  "spec.http[0].route[0].destination.host: \"x\" -> \"y\"\nspec.http[0].timeout: \"1s\" -> none\n" },
		{ VS("http: [{" TO("x") "}]"), VS("http: [{match: [{uri: {exact: /}}], " TO("y") "}, {" TO("x") "}]"),
		  "spec.http[0]: none -> {\"match\": [{\"uri\": {\"exact\": \"/\"}}], \"route\": [{\"destination\": {\"host\": "
		  "\"y\"}}]}\n" },
		{ VS("http: [{name: q, match: [{uri: {exact: /}}], " TO(
			  "x") "}, {name: p, match: [{uri: {exact: /p}}], " TO("y") "}]"),
		  VS("http: [{name: p, match: [{uri: {exact: /p}}], " TO(
			  "z") "}, {name: q, match: [{uri: {exact: /}}], " TO("x") "}]"),
		  "spec.http[p].route[0].destination.host: \"y\" -> \"z\"\n"
		  "spec.http.(order): [\"q\", \"p\"] -> [\"p\", \"q\"]\n" },
		{ VS("http: [{match: [{headers: {a: {exact: x}, b: {}}}], " TO("x") "}]"),
		  VS("http: [{match: [{headers: {b: {}, a: {exact: x}}}], " TO("x") "}]"), "" },
		{ VS("http: [{match: [{headers: {a: {exact: x}, b: {}}}], " TO("x") "}]"),
		  VS("http: [{match: [{headers: {c: {}, a: {regex: x}}}], " TO("x") "}]"),
		  "spec.http[0].match[0].headers[a].exact: \"x\" -> none\n"
		  "spec.http[0].match[0].headers[a].regex: none -> \"x\"\n"
		  "spec.http[0].match[0].headers[b]: {} -> none\n"
		  "spec.http[0].match[0].headers[c]: none -> {}\n" },
		{ "{apiVersion: v1, kind: Service, metadata: {name: a, labels: {a: b}}, spec: {externalIPs: [1.1.1.1, 2.2.2.2]}}",
		  "{apiVersion: v1, kind: Service, metadata: {name: a, labels: {a: c}}, spec: {externalIPs: [2.2.2.2]}}",
		  "metadata.labels[a]: \"b\" -> \"c\"\nspec.externalIPs[0]: \"1.1.1.1\" -> none\n" },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(row); i++) {
		struct hdl_field_changes changes;
		struct hdl_buf text = { 0 };
		struct decoded a, b;

		accept(&a, row[i].a);
		accept(&b, row[i].b);
		assert_int_equal(hdl_resource_equal(a.resource, b.resource), !*row[i].changes);
		assert_int_equal(hdl_resource_diff(a.arena, a.resource, b.resource, &changes), 0);
		for (size_t j = 0; j < changes.n; j++) {
			const struct hdl_field_change *c = &changes.at[j];

			assert_true(c->was_pos.line && c->now_pos.line);
			hdl_buf_printf(&text, "%s: %s -> %s\n", c->path, c->was ? c->was : "none",
				       c->now ? c->now : "none");
		}
		assert_string_equal(text.p ? text.p : "", row[i].changes);
		hdl_buf_done(&text);
		decoded_done(&a);
		decoded_done(&b);
	}
}

/* The list of changes and each value in it are bounded. */
static void many_differences(void **state)
{
	struct hdl_buf a = { 0 }, b = { 0 };
	struct hdl_field_changes changes;
	struct decoded was, now;

	(void)state;
	hdl_buf_adds(&a, "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {selector: {");
	hdl_buf_adds(&b, a.p);
	for (int i = 0; i < 2000; i++) {
		hdl_buf_printf(&a, "k%d: a%05000d, ", i, i);
		hdl_buf_printf(&b, "k%d: b, ", i);
	}
	hdl_buf_adds(&a, "}}}");
	hdl_buf_adds(&b, "}}}");
	accept(&was, a.p);
	accept(&now, b.p);
	assert_int_equal(hdl_resource_diff(was.arena, was.resource, now.resource, &changes), 0);
	assert_int_equal(changes.n, HDL_FIELD_CHANGES_MAX);
	assert_true(changes.cut);
	assert_int_equal(strlen(changes.at[0].was), HDL_FIELD_CHANGE_TEXT + 3);
	assert_string_equal(changes.at[0].now, "\"b\"");
	decoded_done(&was);
	decoded_done(&now);
	hdl_buf_done(&a);
	hdl_buf_done(&b);
}

/* No text that we make shows what is in a Secret, but the one that is asked to. */
static void secrets(void **state)
{
	static const char was_text[] =
		"{apiVersion: v1, kind: Secret, metadata: {name: s, creationTimestamp: '2024-05-06T09:08:09+02:00'}, "
		"type: Opaque, data: {key: aHVzaA==, same: eA==}, stringData: {text: hush}}";
	static const char now_text[] =
		"{apiVersion: v1, kind: Secret, metadata: {name: s, creationTimestamp: '2024-05-06T07:08:09Z'}, "
		"type: Opaque, data: {key: c3Q=, same: eA==}, stringData: {text: st, more: hush}}";
	static const char *const paths[] = { "data[key]", "stringData[text]", "stringData[more]" };
	struct hdl_field_changes changes;
	struct decoded was, now;
	char *text;

	(void)state;
	accept(&was, was_text);
	accept(&now, now_text);
	text = print(was.resource, HDL_EMIT_YAML, 0);
	assert_string_equal(text, HEAD("v1", "Secret") "  name: s\n  namespace: default\n"
						       "  creationTimestamp: \"2024-05-06T07:08:09Z\"\n"
						       "type: Opaque\ndata:\n  key: REDACTED\n  same: REDACTED\n"
						       "stringData:\n  text: REDACTED\n");
	free(text);
	text = print(was.resource, HDL_EMIT_YAML, HDL_PRINT_SECRETS);
	assert_non_null(strstr(text, "data:\n  key: aHVzaA==\n  same: eA==\nstringData:\n  text: hush\n"));
	free(text);
	assert_false(hdl_resource_equal(was.resource, now.resource));
	assert_int_equal(hdl_resource_diff(was.arena, was.resource, now.resource, &changes), 0);
	assert_int_equal(changes.n, HDL_ARRAY_SIZE(paths));
	for (size_t i = 0; i < changes.n; i++) {
		assert_string_equal(changes.at[i].path, paths[i]);
		assert_true(!changes.at[i].was || !strcmp(changes.at[i].was, "\"REDACTED\""));
		assert_string_equal(changes.at[i].now, "\"REDACTED\"");
	}
	decoded_done(&was);
	decoded_done(&now);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(canonical),        cmocka_unit_test(json),    cmocka_unit_test(differences),
		cmocka_unit_test(many_differences), cmocka_unit_test(secrets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
