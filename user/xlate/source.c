/* SPDX-License-Identifier: Apache-2.0 */
/* Which cells a resource is a member of, and which units are made of it, by its kind. */
#include "xlate/priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void hdl_xl_count_wildcard(struct hdl_xl *xl, struct hdl_xl_flag *wildcards, struct hdl_xl_flag *odd, const char *host,
			   int n)
{
	if (!hdl_xl_is_wildcard(host))
		return;
	hdl_xl_flag_add(&xl->graph, wildcards, n);
	if (host[1] && host[1] != '.')
		hdl_xl_flag_add(&xl->graph, odd, n);
}

int hdl_xl_enter_cell(struct hdl_xl *xl, struct hdl_xl_source *source, enum hdl_xl_index index, const char *key,
		      struct hdl_xl_cell **ret_cell)
{
	/* the key may be a text that could not be made */
	return xl->no_memory ? -ENOMEM : hdl_xl_join(&xl->graph, source, index, key, ret_cell);
}

static int register_slice(struct hdl_xl *xl, struct hdl_xl_source *source)
{
	const struct hdl_resource *res = source->res;
	const char *name = hdl_kvs_get(&res->labels, "kubernetes.io/service-name");

	if (!name || res->endpoint_slice->address_type.value == HDL_ADDRESS_FQDN)
		return 0;
	return hdl_xl_enter_cell(xl, source, HDL_XL_SLICES,
				 hdl_xl_scratchf(xl, "%s.%s.svc.%s", name, res->ns, xl->ir_node.domain), NULL);
}

static int enter(struct hdl_xl *xl, struct hdl_xl_source *source)
{
	switch (source->res->kind) {
	case HDL_KIND_POD:
		return hdl_xl_register_pod(xl, source);
	case HDL_KIND_SERVICE:
		return hdl_xl_register_service(xl, source);
	case HDL_KIND_ENDPOINT_SLICE:
		return register_slice(xl, source);
	case HDL_KIND_SERVICE_ENTRY:
		return hdl_xl_register_service_entry(xl, source);
	case HDL_KIND_WORKLOAD_ENTRY:
		return hdl_xl_enter_cell(xl, source, HDL_XL_WORKLOADS, source->res->ns, NULL);
	case HDL_KIND_NODE:
		return hdl_xl_enter_cell(xl, source, HDL_XL_NODES, source->res->name, NULL);
	case HDL_KIND_DESTINATION_RULE:
		return hdl_xl_register_rule(xl, source);
	case HDL_KIND_VIRTUAL_SERVICE:
		return hdl_xl_register_vs(xl, source);
	case HDL_KIND_GATEWAY:
		return hdl_xl_enter_cell(xl, source, HDL_XL_GATEWAYS, "", NULL);
	default:
		return 0;
	}
}

int hdl_xl_source_enter(struct hdl_xl *xl, struct hdl_xl_source *source)
{
	struct hdl_arena *names = xl->names;
	struct hdl_xl_map strings = xl->strings;
	int r;

	/* texts that no product has */
	hdl_arena_reset(xl->scratch);
	xl->arena = xl->names = xl->scratch;
	xl->strings = (struct hdl_xl_map){ 0 };
	xl->at = source->res;
	r = enter(xl, source);
	xl->arena = NULL;
	xl->names = names;
	xl->strings = strings;
	return r == 0 && !xl->no_memory && !xl->graph.no_memory ? 0 : -ENOMEM;
}

void hdl_xl_source_exit(struct hdl_xl *xl, struct hdl_xl_source *source)
{
	const struct hdl_xl_registration *registration = source->data;

	switch (source->res->kind) {
	case HDL_KIND_SERVICE:
	case HDL_KIND_SERVICE_ENTRY:
		if (source->front && registration)
			hdl_xl_set_claimed(xl, source->front, registration->fqdn, NULL, 0);
		hdl_xl_unregister_service(xl, source);
		break;
	case HDL_KIND_DESTINATION_RULE:
		hdl_xl_unregister_rule(xl, source);
		break;
	case HDL_KIND_VIRTUAL_SERVICE:
		hdl_xl_unregister_vs(xl, source);
		break;
	default:
		break;
	}
	hdl_xl_drop_unit(xl, &source->front);
	hdl_xl_drop_unit(xl, &source->unit);
	hdl_xl_leave(&xl->graph, source);
}

bool hdl_xl_is_incremental(const struct hdl_resource *resource)
{
	switch (resource->kind) {
	case HDL_KIND_POD:
	case HDL_KIND_SERVICE:
	case HDL_KIND_ENDPOINT_SLICE:
	case HDL_KIND_DESTINATION_RULE:
	case HDL_KIND_VIRTUAL_SERVICE:
	case HDL_KIND_GATEWAY:
	case HDL_KIND_SERVICE_ENTRY:
	case HDL_KIND_WORKLOAD_ENTRY:
		return true;
	/* makers see only what is derived of these (derive.c) */
	case HDL_KIND_GATEWAY_CLASS:
	case HDL_KIND_KUBE_GATEWAY:
	case HDL_KIND_HTTP_ROUTE:
	case HDL_KIND_GRPC_ROUTE:
	case HDL_KIND_TLS_ROUTE:
	case HDL_KIND_TCP_ROUTE:
	case HDL_KIND_UDP_ROUTE:
	case HDL_KIND_REFERENCE_GRANT:
	case HDL_KIND_BACKEND_TLS_POLICY:
	case HDL_KIND_SECRET:
		return true;
	case HDL_KIND_CONFIG_MAP:
		return !resource->config_map->mesh;
	default:
		return false;
	}
}
