/* SPDX-License-Identifier: Apache-2.0 */
/* YAML to typed resources and through the store: no input may crash, leak, or be accepted half decoded. */
#include <stdint.h>
#include <stdlib.h>
#include "base/arena.h"
#include "conf/yaml.h"
#include "model/istio.h"
#include "model/resource.h"
#include "model/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(const struct hdl_node *node, int depth)
{
	if (depth > HDL_YAML_MAX_DEPTH)
		abort();
	for (uint32_t i = 0; node->kind != HDL_NODE_SCALAR && i < node->n; i++)
		walk(node->kind == HDL_NODE_MAP ? node->member[i].value : node->item[i], depth + 1);
}

static int each(void *data, const struct hdl_yaml_document *document)
{
	if (document->error) {
		if (!document->error->line || !document->error->col)
			abort();
		return 0;
	}
	(void)data;
	walk(document->root, 1);
	return 0;
}

/* What istio.h promises of accepted resources and their users rely on without looking. */
static void check(const struct hdl_resource *resource)
{
	if (!resource->name || !resource->ns || !resource->spec)
		abort();
	if (resource->kind != HDL_KIND_VIRTUAL_SERVICE)
		return;
	for (size_t i = 0; i < resource->virtual_service->http.n; i++) {
		const struct hdl_vs_http *http = &resource->virtual_service->http.at[i];

		if ((http->route.n > 0) + !!http->redirect + !!http->direct_response + !!http->delegate != 1)
			abort();
		for (size_t j = 0; j < http->route.n; j++)
			if (!http->route.at[j].destination || !http->route.at[j].destination->host.s)
				abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hdl_arena *arena = hdl_arena_new(0);
	struct hdl_resource_store *store = hdl_resource_store_new();
	struct hdl_resource_list *list = NULL;
	struct hdl_str whole = { (const char *)data, size }, half = { (const char *)data, size / 2 };

	if (!arena || !store)
		abort();
	hdl_yaml_parse(arena, "f", whole, each, NULL);
	/* a file in two versions, and another with the same objects */
	if (hdl_resource_store_put(store, "a", whole) || hdl_resource_store_put(store, "b", half) ||
	    hdl_resource_store_commit(store, &list))
		abort();
	hdl_resource_list_unref(list);
	if (hdl_resource_store_put(store, "a", half) || hdl_resource_store_put(store, "b", whole) ||
	    hdl_resource_store_commit(store, &list))
		abort();
	for (size_t i = 0; i < list->n; i++)
		check(list->at[i]);
	hdl_resource_store_free(store);
	hdl_resource_list_unref(list);
	hdl_arena_free(arena);
	return 0;
}
