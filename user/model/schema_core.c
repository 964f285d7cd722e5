/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of the core kinds that have no traffic of their own: Node, Namespace, Secret, ConfigMap. */
#include "model/check.h"
#include "model/schema.h"

#define SECRET .flags = HDL_FIELD_SECRET

/* ---- Node ---- */

static const struct hdl_field node_spec_fields[] = {
	HDL_STRING(struct hdl_kube_node, pod_cidr, "podCIDR", "addresses of its pods"),
	HDL_STRINGS(struct hdl_kube_node, pod_cidrs, "podCIDRs", "addresses of its pods, of both families", .max = 2),
	HDL_BOOL(struct hdl_kube_node, unschedulable, "unschedulable", "no new pods are put there"),
};
static const struct hdl_message node_spec =
	HDL_MESSAGE_TABLE("NodeSpec", struct hdl_kube_node, node_spec_fields, hdl_check_node);

static const struct hdl_field node_address_fields[] = {
	HDL_STRING(struct hdl_node_address, type, "type", "InternalIP, ExternalIP, Hostname and others"),
	HDL_STRING(struct hdl_node_address, address, "address", "address or name"),
};
static const struct hdl_message node_address =
	HDL_MESSAGE_TABLE("NodeAddress", struct hdl_node_address, node_address_fields, hdl_check_node_address);

static const struct hdl_field node_status_fields[] = {
	HDL_MESSAGES(struct hdl_kube_node, addresses, "addresses", &node_address, "its addresses", .max = 1000),
};
static const struct hdl_message node_status =
	HDL_MESSAGE_TABLE("NodeStatus", struct hdl_kube_node, node_status_fields, NULL);

static const struct hdl_field node_object_fields[] = {
	HDL_OBJECT_FIELDS,
	HDL_INLINE("spec", &node_spec, "the node"),
	HDL_INLINE("status", &node_status, "its state"),
};
const struct hdl_message hdl_schema_node = HDL_MESSAGE_TABLE("Node", struct hdl_kube_node, node_object_fields, NULL);

/* ---- Namespace ---- */

static const struct hdl_field namespace_status_fields[] = {
	HDL_STRING(struct hdl_namespace, phase, "phase", "Active or Terminating"),
};
static const struct hdl_message namespace_status =
	HDL_MESSAGE_TABLE("NamespaceStatus", struct hdl_namespace, namespace_status_fields, NULL);

static const struct hdl_field namespace_object_fields[] = {
	HDL_OBJECT_FIELDS,
	HDL_INLINE("status", &namespace_status, "its state"),
};
const struct hdl_message hdl_schema_namespace =
	HDL_MESSAGE_TABLE("Namespace", struct hdl_namespace, namespace_object_fields, NULL);

/* ---- Secret ---- */

static const struct hdl_field secret_fields[] = {
	HDL_OBJECT_FIELDS,
	HDL_STRING(struct hdl_secret, type, "type", "kubernetes.io/tls and others (Opaque)"),
	HDL_BYTES_MAP(struct hdl_secret, data, "data",
		      "contents in base64: tls.crt, tls.key, ca.crt, or cert, key, cacert", SECRET),
	HDL_STRING_MAP(struct hdl_secret, string_data, "stringData", "contents as text, in place of data", SECRET),
};
const struct hdl_message hdl_schema_secret =
	HDL_MESSAGE_TABLE("Secret", struct hdl_secret, secret_fields, hdl_check_secret);

/* ---- ConfigMap ---- */

static const struct hdl_field config_map_fields[] = {
	HDL_OBJECT_FIELDS,
	HDL_STRING_MAP(
		struct hdl_config_map, data, "data", "contents as text, such as ca.crt",
		.note = "`mesh` of the ConfigMap `istio` in the root namespace is the MeshConfig; it comes before that of "
			"an IstioOperator"),
	HDL_BYTES_MAP(struct hdl_config_map, binary_data, "binaryData", "contents in base64"),
};
const struct hdl_message hdl_schema_config_map =
	HDL_MESSAGE_TABLE("ConfigMap", struct hdl_config_map, config_map_fields, hdl_check_config_map);
