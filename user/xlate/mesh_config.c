/* SPDX-License-Identifier: Apache-2.0 */
/* What meshConfig of an IstioOperator or a ConfigMap sets for every route: retries (specification B.9) and normalisation of paths (B.1). */
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

static void report_unused(struct hdl_xl *xl, const struct hdl_resource *res, const struct hdl_mesh_config *mesh,
			  const struct hdl_resource *used)
{
	hdl_xl_report(xl->diags, HDL_WARNING, res, mesh->pos, hdl_mesh_field(res),
		      "that of %s %s at %s:%u comes first: this one has no effect", hdl_kind_name(used->kind),
		      used->name, used->file, used->pos.line);
}

/* NULL: there are no settings. */
static const struct hdl_resource *choose(struct hdl_xl *xl)
{
	const char *root = xl->node->root_namespace.s;
	const struct hdl_resource *chosen = NULL;

	for (size_t i = 0; i < xl->n; i++)
		if (hdl_mesh_of(xl->res[i], root) && hdl_mesh_comes_before(xl->res[i], chosen))
			chosen = xl->res[i];
	for (size_t i = 0; i < xl->n; i++) {
		const struct hdl_mesh_config *mesh = hdl_mesh_of(xl->res[i], root);

		if (mesh && xl->res[i] != chosen)
			report_unused(xl, xl->res[i], mesh, chosen);
	}
	return chosen;
}

int hdl_xl_mesh_config(struct hdl_xl *xl)
{
	const struct hdl_resource *chosen = choose(xl);
	const struct hdl_mesh_config *mesh = chosen ? hdl_mesh_of(chosen, xl->node->root_namespace.s) : NULL;

	xl->mesh = mesh;
	fill_node(xl);
	xl->mesh_res = chosen;
	xl->mesh_locality = mesh ? mesh->locality_lb_setting : NULL;
	xl->service_exports = xl->vs_exports = xl->rule_exports = NULL;
	if (!mesh)
		return hdl_xl_mesh_retry(xl, NULL, NULL, &xl->mesh_retry);
	xl->service_exports = &mesh->default_service_export_to;
	xl->vs_exports = &mesh->default_virtual_service_export_to;
	xl->rule_exports = &mesh->default_destination_rule_export_to;
	xl->ir_node.registry_only = mesh->outbound_traffic_policy && mesh->outbound_traffic_policy->mode.has &&
				    mesh->outbound_traffic_policy->mode.value == HDL_OUTBOUND_REGISTRY_ONLY;
	xl->ir_node.path_normalization = normalization(mesh);
	return hdl_xl_mesh_retry(xl, chosen, mesh->default_http_retry_policy, &xl->mesh_retry);
}
