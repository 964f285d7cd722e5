/* SPDX-License-Identifier: Apache-2.0 */
/* Who sends an example: a pod of the configuration, or what such a pod would be. */
#include <errno.h>
#include <string.h>
#include "plan/priv.h"

/* ---- views ---- */

/* No pod of the configuration has the view. */
static const struct hdl_ir_workload *would_be(struct hdl_arena *arena, const char *ns,
					      const struct hdl_ir_labels *labels, const struct hdl_ir_labels *more)
{
	struct hdl_ir_workload *client = hdl_arena_calloc(arena, 1, sizeof(*client));
	struct hdl_ir_label *v = hdl_arena_calloc(arena, labels->n + (more ? more->n : 0) + 1, sizeof(*v));
	size_t n = 0;

	if (!client || !v)
		return NULL;
	for (size_t i = 0; i < labels->n; i++)
		v[n++] = labels->v[i];
	for (size_t i = 0; more && i < more->n; i++) {
		bool there = false;

		for (size_t k = 0; k < labels->n && !there; k++)
			there = strcmp(labels->v[k].key, more->v[i].key) == 0;
		if (!there)
			v[n++] = more->v[i];
	}
	client->ns = ns;
	client->name = "";
	client->labels.v = v;
	client->labels.n = n;
	return client;
}

static size_t place_of(const struct hdl_snapshot *side, const struct hdl_ir_view *view)
{
	size_t i = 0;

	while (i < side->view_count && side->views[i] != view)
		i++;
	return i;
}

/* The first pod of each view. */
static void find_pods(const struct hdl_snapshot *side, const struct hdl_snapshot *pods,
		      struct hdl_preview_viewpoint *point)
{
	for (size_t i = 0; i < pods->workload_count; i++) {
		const struct hdl_ir_view *view = hdl_snapshot_find_view(side, pods->workloads[i]);
		size_t at = view ? place_of(side, view) : side->view_count;

		if (at < side->view_count && !point[at].client)
			point[at].client = pods->workloads[i];
	}
}

int hdl_preview_viewpoints(struct hdl_arena *arena, const struct hdl_snapshot *side, const struct hdl_snapshot *other,
			   struct hdl_preview_viewpoint **ret, size_t *ret_n)
{
	struct hdl_preview_viewpoint *point = hdl_arena_calloc(arena, side->view_count + 1, sizeof(*point));

	if (!point)
		return -ENOMEM;
	if (side->view_count) {
		find_pods(side, side, point);
		find_pods(side, other, point);
	}
	for (size_t i = 0; i < side->view_count; i++) {
		point[i].view = side->views[i];
		if (!point[i].client)
			point[i].client = would_be(arena, side->views[i]->ns, &side->views[i]->selector, NULL);
		if (!point[i].client)
			return -ENOMEM;
		point[i].other = hdl_snapshot_find_view(other, point[i].client);
	}
	*ret = point;
	*ret_n = side->view_count;
	return 0;
}

/* ---- source conditions ---- */

static bool fits(const struct hdl_ir_workload *client, const struct hdl_ir_labels *labels, const char *ns)
{
	if (!client)
		return !labels->n && !ns[0];
	return (!ns[0] || strcmp(client->ns, ns) == 0) && hdl_ir_has_labels(&client->labels, labels);
}

/* Some rule of it is for the client, whatever that asks for (A.4). */
static bool is_for(const struct hdl_ir_vhost *vhost, const struct hdl_ir_workload *client)
{
	for (size_t i = 0; i < vhost->route_count; i++) {
		const struct hdl_ir_http_route *route = &vhost->routes[i];

		if (route->match_count == 0)
			return true;
		for (size_t k = 0; k < route->match_count; k++)
			if (fits(client, &route->matches[k].source_labels, route->matches[k].source_namespace))
				return true;
	}
	return false;
}

static bool is_wanted(const struct hdl_preview_wanted *wanted, const struct hdl_ir_workload *client)
{
	if (hdl_snapshot_find_view(wanted->side, client) != wanted->view)
		return false;
	for (const struct hdl_ir_vhost *vhost = wanted->not_for; vhost && vhost != wanted->until;
	     vhost = vhost->otherwise)
		if (is_for(vhost, client))
			return false;
	return true;
}

int hdl_preview_client_for(struct hdl_arena *arena, const struct hdl_preview_wanted *wanted,
			   const struct hdl_ir_labels *labels, const char *ns, const struct hdl_ir_workload **ret)
{
	static const struct hdl_ir_labels none;
	const struct hdl_ir_workload *client;
	const char *of;

	if (fits(wanted->client, labels, ns) && is_wanted(wanted, wanted->client) &&
	    (wanted->client || wanted->not_for == wanted->until)) {
		*ret = wanted->client;
		return 1;
	}
	for (size_t i = 0; i < wanted->side->workload_count; i++) {
		client = wanted->side->workloads[i];
		if (fits(client, labels, ns) && is_wanted(wanted, client)) {
			*ret = client;
			return 1;
		}
	}
	/* no pod of the configuration */
	*ret = NULL;
	if (!wanted->view && !labels->n && !ns[0])
		return is_wanted(wanted, NULL);
	of = ns[0] ? ns : wanted->view ? wanted->view->ns : "";
	client = would_be(arena, of, labels, wanted->view ? &wanted->view->selector : &none);
	if (!client)
		return -ENOMEM;
	*ret = client;
	return is_wanted(wanted, client);
}

const char *hdl_preview_client_text(struct hdl_arena *arena, const struct hdl_ir_workload *client)
{
	const char *text;

	if (client->name[0])
		return hdl_arena_printf(arena, "%s/%s", client->ns, client->name);
	text = hdl_arena_printf(arena, client->ns[0] ? "any pod of %s" : "any pod%s", client->ns);
	for (size_t i = 0; i < client->labels.n && text; i++)
		text = hdl_arena_printf(arena, "%s%s%s=%s", text, i ? "," : " labelled ", client->labels.v[i].key,
					client->labels.v[i].value);
	return text;
}
