/* SPDX-License-Identifier: Apache-2.0 */
/* The views of snapshots, made anew when a route configuration of theirs is. */
#include "xlate/views.h"

#include <errno.h>
#include <string.h>

#include "model/sidecar.h"

/* As snapshots have it; its name comes behind the route configurations. */
struct view_ir {
	struct hdl_ir_retired retired;
	struct hdl_ir_view ir;
	struct hdl_ir_route_config *configs[];
};

struct hdl_xl_view {
	const struct hdl_xl_scope *scope; /* the Sidecar's; NULL: of a namespace */
	struct hdl_xl_configs configs;
	struct view_ir *ir; /* NULL: has nothing */
	struct hdl_xl_view *next;
	char ns[];
};

static void free_view(struct hdl_ir_retired *view)
{
	hdl_ir_free(view);
}

static void retire(struct hdl_xl *xl, struct view_ir *view)
{
	if (view)
		hdl_ir_generation_retire(xl->generation, &view->retired, free_view);
}

void hdl_xl_views_done(struct hdl_xl *xl, struct hdl_xl_views *views)
{
	for (struct hdl_xl_view *view = views->first, *next; view; view = next) {
		next = view->next;
		retire(xl, view->ir);
		hdl_xl_configs_done(xl, &view->configs);
		hdl_ir_free(view);
	}
	views->first = NULL;
}

/* By namespace; there Sidecars for some workloads, that for all, what there is without one. */
static int compare(const struct hdl_xl_view *view, const char *ns, const struct hdl_xl_scope *scope)
{
	int r = strcmp(view->ns, ns);
	int a = !view->scope ? 2 : !view->scope->selector.n, b = !scope ? 2 : !scope->selector.n;

	if (r || a != b)
		return r ? r : a - b;
	/* scopes of Sidecars are in one array, by age */
	return !scope || view->scope == scope ? 0 : view->scope < scope ? -1 : 1;
}

static struct hdl_xl_view *view_of(struct hdl_xl_views *views, const struct hdl_xl_scope *scope)
{
	const struct hdl_xl_scope *sidecar = scope->res ? scope : NULL;
	struct hdl_xl_view **at = &views->first, *view;
	size_t size = strlen(scope->ns) + 1;

	while (*at && compare(*at, scope->ns, sidecar) < 0)
		at = &(*at)->next;
	if (*at && compare(*at, scope->ns, sidecar) == 0)
		return *at;
	view = hdl_ir_alloc(1, sizeof(*view) + size);
	if (!view)
		return NULL;
	memcpy(view->ns, scope->ns, size);
	view->scope = sidecar;
	view->configs.of_view = true;
	view->next = *at;
	*at = view;
	return view;
}

int hdl_xl_views_set(struct hdl_xl_views *views, uint64_t label, const struct hdl_xl_front_view *v, size_t n, bool set)
{
	for (size_t i = 0; i < n; i++) {
		struct hdl_xl_view *view = view_of(views, v[i].scope);

		if (!view || hdl_xl_configs_set(&view->configs, label, v[i].vhosts, v[i].vhost_count, set) < 0)
			return -ENOMEM;
	}
	return 0;
}

static void describe(const struct hdl_xl *xl, const struct hdl_xl_scope *scope, struct hdl_ir_view *ir)
{
	ir->registry_only = scope ? scope->registry_only : xl->ir_node.registry_only;
	if (!scope)
		return;
	ir->narrowed = scope->res->sidecar->egress.n > 0;
	ir->selector = scope->selector;
	ir->origin = scope->origin;
}

static int make(struct hdl_xl *xl, struct hdl_xl_view *view)
{
	const char *name = view->scope ? view->scope->origin.name : "";
	size_t n = hdl_xl_configs_list(&view->configs, NULL);
	size_t ns_size = strlen(view->ns) + 1, name_size = strlen(name) + 1;
	struct view_ir *made = NULL;
	char *text;

	if (n || view->scope) {
		made = hdl_ir_alloc(1, sizeof(*made) + n * sizeof(struct hdl_ir_route_config *) + ns_size + name_size);
		if (!made)
			return -ENOMEM;
		made->retired.born = hdl_ir_generation_next(xl->generation);
		text = (char *)&made->configs[n];
		made->ir.ns = memcpy(text, view->ns, ns_size);
		made->ir.name = memcpy(text + ns_size, name, name_size);
		made->ir.route_configs = made->configs;
		made->ir.route_config_count = n;
		hdl_xl_configs_list(&view->configs, (void **)made->configs);
		describe(xl, view->scope, &made->ir);
	}
	retire(xl, view->ir);
	view->ir = made;
	return 0;
}

int hdl_xl_views_patch(struct hdl_xl *xl, struct hdl_xl_views *views, bool *ret_changed)
{
	*ret_changed = false;
	/* one that shows nothing is a view, too */
	for (size_t i = 0; i < xl->sidecar_count; i++)
		if (!view_of(views, &xl->sidecars[i]))
			return -ENOMEM;
	for (struct hdl_xl_view *view = views->first; view; view = view->next) {
		bool changed;

		if (hdl_xl_configs_patch(xl, &view->configs, &changed) < 0)
			return -ENOMEM;
		if (!changed && (view->ir || !view->scope))
			continue;
		if (make(xl, view) < 0)
			return -ENOMEM;
		*ret_changed = true;
	}
	return 0;
}

size_t hdl_xl_views_list(const struct hdl_xl_views *views, void **at)
{
	size_t n = 0;

	for (const struct hdl_xl_view *view = views->first; view; view = view->next) {
		if (view->ir && at)
			at[n] = &view->ir->ir;
		n += view->ir != NULL;
	}
	return n;
}
