/* SPDX-License-Identifier: Apache-2.0 */
/* Look-ups by client: its view, the routes and ports in it, and whether it may leave the registry. */
#include <string.h>

#include "ir/snapshot.h"

static bool has(const struct hdl_ir_labels *labels, const struct hdl_ir_label *label)
{
	for (size_t i = 0; i < labels->n; i++)
		if (strcmp(labels->v[i].key, label->key) == 0)
			return strcmp(labels->v[i].value, label->value) == 0;
	return false;
}

bool hdl_ir_has_labels(const struct hdl_ir_labels *labels, const struct hdl_ir_labels *wanted)
{
	for (size_t i = 0; i < wanted->n; i++)
		if (!has(labels, &wanted->v[i]))
			return false;
	return true;
}

const struct hdl_ir_view *hdl_snapshot_find_view(const struct hdl_snapshot *snapshot,
						 const struct hdl_ir_workload *client)
{
	size_t low = 0, high = snapshot->view_count;

	if (!client)
		return NULL;
	while (low < high) { /* the first of the namespace */
		size_t middle = low + (high - low) / 2;

		if (strcmp(snapshot->views[middle]->ns, client->ns) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < snapshot->view_count && strcmp(snapshot->views[low]->ns, client->ns) == 0; low++)
		if (hdl_ir_has_labels(&client->labels, &snapshot->views[low]->selector))
			return snapshot->views[low];
	return NULL;
}

struct hdl_ir_route_config *hdl_ir_view_route_config(const struct hdl_ir_view *view, uint16_t port)
{
	for (size_t i = 0; view && i < view->route_config_count; i++)
		if (view->route_configs[i]->port == port)
			return view->route_configs[i];
	return NULL;
}

const struct hdl_ir_service_port *hdl_ir_seen_port(const struct hdl_ir_view *view,
						   const struct hdl_ir_service_port *port)
{
	for (size_t i = 0; view && i < view->port_count; i++)
		if (view->ports[i].port == port)
			return view->ports[i].seen;
	return port->label == HDL_LABEL_NONE ? NULL : port;
}

bool hdl_ir_is_exempt(const struct hdl_ir_node *node, const struct hdl_ir_workload *client)
{
	for (size_t i = 0; client && i < node->exempt_count; i++) {
		const struct hdl_ir_exemption *e = &node->exempt[i];

		if ((!e->ns[0] || strcmp(e->ns, client->ns) == 0) && hdl_ir_has_labels(&client->labels, &e->labels))
			return true;
	}
	return false;
}

struct hdl_ir_client hdl_snapshot_client(const struct hdl_snapshot *snapshot, const struct hdl_ir_workload *client)
{
	const struct hdl_ir_view *view = hdl_snapshot_find_view(snapshot, client);
	bool registry_only = view ? view->registry_only : snapshot->node.registry_only;

	return (struct hdl_ir_client){ view, registry_only && client && !hdl_ir_is_exempt(&snapshot->node, client) };
}
