/* SPDX-License-Identifier: Apache-2.0 */
/* Look-ups by client: its view, and the routes of a port in it. */
#include <string.h>

#include "ir/snapshot.h"

static bool has(const struct hdl_ir_labels *labels, const struct hdl_ir_label *label)
{
	for (size_t i = 0; i < labels->n; i++)
		if (strcmp(labels->v[i].key, label->key) == 0)
			return strcmp(labels->v[i].value, label->value) == 0;
	return false;
}

static bool is_for(const struct hdl_ir_view *view, const struct hdl_ir_workload *client)
{
	for (size_t i = 0; i < view->selector.n; i++)
		if (!has(&client->labels, &view->selector.v[i]))
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
		if (is_for(snapshot->views[low], client))
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
