/* SPDX-License-Identifier: Apache-2.0 */
/* What meshConfig of an IstioOperator sets for every route: retries (specification B.9) and normalisation of paths (B.1). */
#include "model/meshconfig.h"

#include "xlate/priv.h"

static enum hdl_ir_path_normalization normalization(const struct hdl_mesh_config *mesh)
{
	switch (mesh->path_normalization ? mesh->path_normalization->normalization.value : HDL_PATH_DEFAULT) {
	case HDL_PATH_NONE:
		return HDL_IR_NORMALIZE_NONE;
	case HDL_PATH_MERGE_SLASHES:
		return HDL_IR_NORMALIZE_MERGE_SLASHES;
	case HDL_PATH_DECODE_AND_MERGE_SLASHES:
		return HDL_IR_NORMALIZE_DECODE_AND_MERGE_SLASHES;
	default:
		return HDL_IR_NORMALIZE_BASE;
	}
}

/* What the NodeConfig does not say. */
static void fill_node(struct hdl_xl *xl)
{
	const struct hdl_mesh_config *mesh = xl->mesh;
	struct hdl_ir_node *node = &xl->ir_node;

	if (!mesh)
		return;
	if (!xl->node->root_namespace.s && mesh->root_namespace.s && mesh->root_namespace.s[0])
		node->root_namespace = hdl_xl_intern(xl, mesh->root_namespace.s);
	if (xl->node->access_log)
		return;
	if (mesh->access_log_file.s && !xl->options.access_log_path)
		node->access_log_path = hdl_xl_intern(xl, mesh->access_log_file.s);
	if (mesh->access_log_format.s)
		node->access_log_format = hdl_xl_intern(xl, mesh->access_log_format.s);
	node->access_log_json = mesh->access_log_encoding.value == HDL_MESH_LOG_JSON;
}

/* The first document that has one counts. */
int hdl_xl_mesh_config(struct hdl_xl *xl)
{
	const struct hdl_resource *first = NULL;
	const struct hdl_mesh_config *mesh;

	for (size_t i = 0; i < xl->n; i++) {
		const struct hdl_resource *res = xl->res[i];

		if (res->kind != HDL_KIND_ISTIO_OPERATOR || !res->istio_operator->mesh_config)
			continue;
		if (first)
			hdl_xl_report(xl->diags, HDL_WARNING, res, res->istio_operator->mesh_config->pos,
				      "spec.meshConfig", "that of %s at %s:%u comes first: this one has no effect",
				      first->name, first->file, first->pos.line);
		else
			first = res;
	}
	xl->mesh = first ? first->istio_operator->mesh_config : NULL;
	fill_node(xl);
	xl->mesh_res = first;
	xl->mesh_locality = xl->mesh ? xl->mesh->locality_lb_setting : NULL;
	xl->service_exports = xl->vs_exports = xl->rule_exports = NULL;
	if (!first)
		return hdl_xl_mesh_retry(xl, NULL, NULL, &xl->mesh_retry);
	mesh = first->istio_operator->mesh_config;
	xl->service_exports = &mesh->default_service_export_to;
	xl->vs_exports = &mesh->default_virtual_service_export_to;
	xl->rule_exports = &mesh->default_destination_rule_export_to;
	xl->ir_node.registry_only = mesh->outbound_traffic_policy && mesh->outbound_traffic_policy->mode.has &&
				    mesh->outbound_traffic_policy->mode.value == HDL_OUTBOUND_REGISTRY_ONLY;
	xl->ir_node.path_normalization = normalization(mesh);
	return hdl_xl_mesh_retry(xl, first, mesh->default_http_retry_policy, &xl->mesh_retry);
}
