/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: a label selector in YAML and the labels it is asked about, in the two halves of a document. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/yaml.h"
#include "model/gwapi.h"
#include "model/resource.h"
#include "model/schema.h"
#include "xlate/gwapi_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int each(void *data, const struct hdl_yaml_document *document)
{
	*(const struct hdl_node **)data = document->root;
	return document->error ? 1 : 0;
}

static const struct hdl_gwapi_selector *selector_of(const struct hdl_resource *resource)
{
	const struct hdl_kube_gateway *gateway = resource->kube_gateway;

	for (size_t i = 0; i < gateway->listeners.n; i++) {
		const struct hdl_gwapi_allowed_routes *allowed = gateway->listeners.at[i].allowed_routes;

		if (allowed && allowed->namespaces && allowed->namespaces->selector)
			return allowed->namespaces->selector;
	}
	return NULL;
}

/* The rules of Kubernetes, once more and in other words. */
static bool holds(const struct hdl_gwapi_selector *selector, const struct hdl_kvs *labels)
{
	bool all = true;

	for (size_t i = 0; i < selector->match_labels.n; i++) {
		const char *value = hdl_kvs_get(labels, selector->match_labels.at[i].key);

		all = all && value && !strcmp(value, selector->match_labels.at[i].value);
	}
	for (size_t i = 0; i < selector->match_expressions.n; i++) {
		const struct hdl_gwapi_requirement *r = &selector->match_expressions.at[i];
		const char *value = hdl_kvs_get(labels, r->key.s);
		bool in = false;

		for (size_t j = 0; j < r->values.n; j++)
			in = in || (value && !strcmp(value, r->values.at[j].s));
		if (!strcmp(r->op.s, "Exists"))
			all = all && value;
		else if (!strcmp(r->op.s, "DoesNotExist"))
			all = all && !value;
		else
			all = all && in == !strcmp(r->op.s, "In");
	}
	return all;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *half = memchr(data, '\n', size);
	size_t first = half ? (size_t)(half - (const char *)data) : size;
	struct hdl_arena *arena = hdl_arena_new(0);
	const struct hdl_source source = { "f", 0, 0, false };
	const struct hdl_node *root = NULL;
	struct hdl_resource *resource = NULL;
	struct hdl_diags diags = { 0 };
	struct hdl_buf text = { 0 };

	if (!arena || size > 1 << 16)
		abort();
	hdl_buf_adds(&text, "{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: g, labels: {");
	if (half)
		hdl_buf_add(&text, half + 1, size - first - 1);
	hdl_buf_adds(&text,
		     "}}, spec: {gatewayClassName: c, listeners: [{name: l, port: 80, protocol: HTTP, allowedRoutes: "
		     "{namespaces: {from: Selector, selector: {");
	hdl_buf_add(&text, data, first);
	hdl_buf_adds(&text, "}}}}]}}");
	if (hdl_yaml_parse(arena, "f", (struct hdl_str){ text.p, text.n }, each, &root) == 0 && root &&
	    hdl_model_decode(arena, &source, root, &resource, &diags) == 0 && resource->kind == HDL_KIND_KUBE_GATEWAY) {
		const struct hdl_gwapi_selector *selector = selector_of(resource);

		if (selector && hdl_gw_selects(selector, &resource->labels) != holds(selector, &resource->labels))
			abort();
	}
	hdl_buf_done(&text);
	hdl_diags_done(&diags);
	hdl_arena_free(arena);
	return 0;
}
