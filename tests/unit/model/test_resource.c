/* SPDX-License-Identifier: Apache-2.0 */
/* Checks kinds, versions, metadata, Lists, identities, and that all errors of a document are said, within bounds. */
#include "unit/model/model.h"

#define VS "{hosts: [a], http: [{route: [{destination: {host: a}}]}]}"

static void objects(void **state)
{
	static const struct {
		const char *text;
		int r;
		const char *said;
	} row[] = {
		{ "{kind: Deployment, apiVersion: apps/v1, metadata: {name: a}}", 1, "" },
		{ "{kind: ListenerSet, apiVersion: gateway.networking.k8s.io/v1, metadata: {name: a}}", 1,
		  "f.yaml:1:8: warning: kind: ListenerSet of gateway.networking.k8s.io/v1 is not read by this version" },
		{ "{kind: EnvoyFilter, apiVersion: networking.istio.io/v1alpha3, metadata: {name: a}}", 1,
		  "warning: kind: EnvoyFilter of networking.istio.io/v1alpha3 is not read by this version" },
		{ "{kind: VirtualServce, apiVersion: networking.istio.io/v1, metadata: {name: a}}", -EINVAL,
		  "1:8: error: kind: networking.istio.io/v1 has no kind VirtualServce; did you mean VirtualService?" },
		{ "{kind: D, apiVersion: networking.istio.io/v1}", -EINVAL,
		  "error: kind: networking.istio.io/v1 has no kind D" },
		{ "{kind: Nodeconfig, apiVersion: heddle.io/v1alpha1}", -EINVAL, "did you mean NodeConfig?" },
		{ "{kind: Telemetry, apiVersion: telemetry.istio.io/v1, metadata: {name: a}}", 1, "" },
		{ "{kind: Service, apiVersion: serving.knative.dev/v1, metadata: {name: a}}", 1, "" },
		{ "{kind: Service, apiVersion: serving.knative.dev/v1}", -EINVAL, "has no kind Service" },
		{ "{apiVersion: v1, kind: Po}", -EINVAL, "error: kind: v1 has no kind Po; did you mean Pod?" },
		{ "{kind: EndpointSlice, apiVersion: discovery.k8s}", -EINVAL,
		  "discovery.k8s has no kind EndpointSlice" },
		{ "[a]", -EINVAL, "f.yaml:1:1: error: is not an object" },
		{ "text", -EINVAL, "is not an object" },
		{ "{apiVersion: v1}", -EINVAL, "f.yaml:1:1: error: kind: is required" },
		{ "{kind: Service}", -EINVAL, "error: apiVersion: is required" },
		{ "{kind: 5, apiVersion: v1}", -EINVAL, "error: kind: is required" },
		{ "{kind: VirtualService, apiVersion: networking.istio.io/v2, metadata: {name: a}}", -EINVAL,
		  "1:36: error: VirtualService default/a: apiVersion: version networking.istio.io/v2 of VirtualService is not read; "
		  "read are: v1, v1beta1, v1alpha3" },
		{ "{kind: VirtualService, apiVersion: networking.istio.io/v1, spec: " VS "}", -EINVAL,
		  "metadata: is required" },
		{ "{kind: VirtualService, apiVersion: networking.istio.io/v1, metadata: {}, spec: " VS "}", -EINVAL,
		  "metadata.name: is required" },
		{ "{kind: VirtualService, apiVersion: networking.istio.io/v1, metadata: {name: A}, spec: " VS "}",
		  -EINVAL, "metadata.name: \"A\" is not a name" },
		{ "{kind: VirtualService, apiVersion: networking.istio.io/v1, metadata: {name: a, namespace: a.b}, spec: " VS
		  "}",
		  -EINVAL, "metadata.namespace: \"a.b\" is not a namespace" },
		{ "{kind: VirtualService, apiVersion: networking.istio.io/v1, metadata: {name: a, namespace: N}, spec: " VS
		  "}",
		  -EINVAL, "metadata.namespace: \"N\" is not a namespace: lower-case" },
		{ "{kind: VirtualService, apiVersion: networking.istio.io/v1, metadata: {name: a, namspace: b}, spec: " VS
		  "}",
		  -EINVAL, "metadata.namspace: unknown field; did you mean namespace?" },
		{ "{kind: VirtualService, apiVersion: networking.istio.io/v1, metadata: {name: a}}", -EINVAL,
		  "spec: is required" },
		{ "{kind: VirtualService, apiVersion: networking.istio.io/v1, metadata: {name: a}, spec: []}", -EINVAL,
		  "spec: " },
		{ "{kind: VirtualService, apiVersion: networking.istio.io/v1, metadata: {name: a, creationTimestamp: null, uid: x, "
		  "managedFields: [{}], resourceVersion: '5'}, spec: " VS ", status: {x: y}}",
		  0, "" },
		{ "{kind: VirtualService, apiVersion: networking.istio.io/v1, metadata: {name: a}, spec: " VS
		  ", spek: {}}",
		  -EINVAL, "spek: unknown field; did you mean spec?" },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(row); i++) {
		struct decoded decoded;
		char *said;

		decode_text(&decoded, row[i].text);
		said = print_diags(&decoded.diags);
		if (decoded.r != row[i].r || (*row[i].said ? !strstr(said, row[i].said) : *said))
			fail_msg("%s: %d %s", row[i].text, decoded.r, said);
		free(said);
		decoded_done(&decoded);
	}
}

/* what `kubectl get -o yaml` prints is several objects */
static void lists(void **state)
{
	struct decoded decoded;

	(void)state;
	decode_text(
		&decoded,
		"{apiVersion: v1, kind: List, metadata: {}, items: [{apiVersion: v1, kind: Pod, metadata: {name: a}}, "
		"{apiVersion: v1, kind: Pod, metadata: {name: b, namespace: c}}]}");
	assert_int_equal(decoded.objects, 2);
	assert_int_equal(decoded.r, 0);
	assert_string_equal(decoded.resource->name, "b");
	assert_string_equal(decoded.resource->ns, "c");
	assert_int_equal(decoded.resource->order, 1);
	decoded_done(&decoded);
	decode_text(&decoded, "{apiVersion: v1, kind: List, items: []}");
	assert_int_equal(decoded.objects, 0);
	decoded_done(&decoded);
}

/* a document with many errors has all said, at most 100 kept */
static void many_errors(void **state)
{
	struct hdl_buf buf = { 0 };
	struct decoded decoded;

	(void)state;
	decode_text(
		&decoded,
		"{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: a}, spec: {hosts: [a_b], http: "
		"[{timeout: 0s, route: [{destination: {host: a}, weight: -1}, {destination: {hots: b}}]}]}}");
	assert_int_equal(decoded.r, -EINVAL);
	assert_int_equal(decoded.diags.errors, 5);
	decoded_done(&decoded);

	hdl_buf_adds(
		&buf,
		"{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: a}, spec: {hosts: [a], http: [");
	for (int i = 0; i < 300; i++)
		hdl_buf_adds(&buf, "{timeout: 0s, route: [{destination: {host: a}}]},");
	hdl_buf_adds(&buf, "]}}");
	decode_text(&decoded, buf.p);
	assert_int_equal(decoded.diags.n, HDL_DIAGS_MAX_PER_DOCUMENT);
	assert_int_equal(decoded.diags.dropped, 200);
	assert_int_equal(decoded.diags.errors, 300);
	decoded_done(&decoded);
	hdl_buf_done(&buf);
}

static int identify(void *data, const struct hdl_yaml_document *document)
{
	struct decoded *decoded = data;
	struct hdl_object_id id;

	decoded->r = hdl_model_identify(decoded->arena, document->root, &id);
	if (decoded->r == 0) {
		assert_int_equal(id.kind, HDL_KIND_VIRTUAL_SERVICE);
		assert_string_equal(id.name, "a");
		assert_string_equal(id.ns, "default");
	}
	return 0;
}

/* who an object is can be read although it is refused */
static void identities(void **state)
{
	static const struct {
		const char *text;
		int r;
	} row[] = {
		{ "{kind: VirtualService, apiVersion: networking.istio.io/v1, metadata: {name: a, x: y}, spec: {bad: 1}}",
		  0 },
		{ "{kind: VirtualService, apiVersion: networking.istio.io/v9, metadata: {name: a}}", 0 },
		{ "{kind: VirtualService, apiVersion: networking.istio.io/v1, metadata: {nam: a}}", -EINVAL },
		{ "{kind: VirtualService, apiVersion: networking.istio.io/v1, metadata: a}", -EINVAL },
		{ "{kind: Deployment, apiVersion: apps/v1, metadata: {name: a}}", 1 },
		{ "{metadata: {name: a}}", -EINVAL },
		{ "[a]", -EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(row); i++) {
		struct decoded decoded = { .arena = hdl_arena_new(0) };

		assert_int_equal(hdl_yaml_parse(decoded.arena, "f", hdl_str_of(row[i].text), identify, &decoded), 0);
		assert_int_equal(decoded.r, row[i].r);
		decoded_done(&decoded);
	}
}

/* memory that ends is -ENOMEM, never a resource with holes */
static void out_of_memory(void **state)
{
	static const char text[] =
		"{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: a, labels: {b: c}}, spec: "
		"{hosts: [a], http: [{match: [{uri: {prefix: /}, headers: {x: {exact: y}}}], fault: {abort: {httpStatus: "
		"500, percentage: {value: 1}}}, route: [{destination: {host: a}}]}]}}";
	struct decoded decoded;
	int ok = 0;

	(void)state;
	decode_text(&decoded, text);
	assert_int_equal(decoded.r, 0);
	for (size_t limit = 16; limit < 8192; limit += 16) {
		struct hdl_arena *nodes = hdl_arena_new(0), *arena = hdl_arena_new(limit);
		struct hdl_yaml_chunk chunk = { hdl_str_of(text), 0, 1 };
		struct hdl_source source = { "f", 0, 0, false };
		struct hdl_yaml_error error;
		struct hdl_resource *resource;
		struct hdl_node *root;
		int r;

		assert_int_equal(hdl_yaml_parse_document(nodes, &chunk, &root, &error), 0);
		r = hdl_model_decode(arena, &source, root, &resource, &decoded.diags);
		assert_true(r == 0 || r == -ENOMEM);
		ok += r == 0;
		hdl_arena_free(arena);
		hdl_arena_free(nodes);
	}
	assert_true(ok > 0);
	assert_int_equal(decoded.diags.n, 0);
	decoded_done(&decoded);
}

/* sets find by identity and refuse a second object naming both places */
static void sets(void **state)
{
	enum { N = 1000 };
	struct hdl_resource resource[N + 1];
	struct hdl_resource_set set = { 0 };
	struct hdl_diags diags = { 0 };
	char name[N][8], *said;

	(void)state;
	assert_null(hdl_resource_set_find(&set, HDL_KIND_POD, "a", "b"));
	for (int i = 0; i < N; i++) {
		snprintf(name[i], sizeof(name[i]), "p%d", i / 2);
		resource[i] = (struct hdl_resource){ .kind = i % 2 ? HDL_KIND_POD : HDL_KIND_SERVICE,
						     .ns = "a",
						     .name = name[i],
						     .file = "f",
						     .pos = { (uint32_t)i + 1, 1 } };
		assert_int_equal(hdl_resource_set_add(&set, &resource[i], &diags), 0);
	}
	for (int i = 0; i < N; i++)
		assert_ptr_equal(hdl_resource_set_find(&set, resource[i].kind, "a", name[i]), &resource[i]);
	assert_null(hdl_resource_set_find(&set, HDL_KIND_POD, "b", "p1"));
	assert_null(hdl_resource_set_find(&set, HDL_KIND_GATEWAY, "a", "p1"));
	resource[N] =
		(struct hdl_resource){ .kind = HDL_KIND_POD, .ns = "a", .name = "p3", .file = "g", .pos = { 5, 2 } };
	assert_int_equal(hdl_resource_set_add(&set, &resource[N], &diags), -EEXIST);
	assert_int_equal(set.n, N);
	said = print_diags(&diags);
	assert_string_equal(
		said,
		"g:5:2: error: Pod a/p3: metadata.name: the same object is at f:8:1, which stays; this one is refused\n");
	free(said);
	hdl_diags_done(&diags);
	hdl_resource_set_done(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects),    cmocka_unit_test(lists),         cmocka_unit_test(many_errors),
		cmocka_unit_test(identities), cmocka_unit_test(out_of_memory), cmocka_unit_test(sets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
