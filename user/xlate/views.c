/* SPDX-License-Identifier: Apache-2.0 */
/* The views of snapshots, made anew when a route configuration of theirs is. */
#include "xlate/views.h"

#include <errno.h>
#include <string.h>

#include "model/sidecar.h"

/* As snapshots have it; its labels and texts come behind the route configurations. */
struct view_ir {
	struct hdl_ir_retired retired;
	struct hdl_ir_view ir;
	struct hdl_ir_view_port *ports;
	struct hdl_ir_route_config *configs[];
};

struct hdl_xl_view {
	const struct hdl_xl_scope *sidecar; /* the Sidecar's; NULL: of a namespace */
	struct hdl_ir_labels labels;        /* of clients with rules of their own */
	struct hdl_xl_configs configs;
	struct hdl_xl_order ports; /* struct hdl_ir_view_port */
	struct view_ir *ir;        /* NULL: has nothing */
	struct hdl_xl_view *next;
	const char *ns;
};

static void free_view(struct hdl_ir_retired *view)
{
	hdl_ir_free(((struct view_ir *)view)->ports);
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
		hdl_xl_order_done(&view->ports);
		hdl_ir_free(view);
	}
	views->first = NULL;
}

/* ---- which there are ---- */

/* A set of labels that has another one has more of them, and comes before it. */
static int compare_labels(const struct hdl_ir_labels *a, const struct hdl_ir_labels *b)
{
	int r = a->n == b->n ? 0 : a->n > b->n ? -1 : 1;

	for (size_t i = 0; r == 0 && i < a->n; i++) {
		r = strcmp(a->v[i].key, b->v[i].key);
		r = r ? r : strcmp(a->v[i].value, b->v[i].value);
	}
	return r;
}

/* By namespace; there Sidecars for some workloads, that for all, what there is without one; there by labels. */
static int compare(const struct hdl_xl_view *view, const struct hdl_xl_client *client,
		   const struct hdl_xl_scope *sidecar)
{
	int r = strcmp(view->ns, client->ns);
	int a = !view->sidecar ? 2 : !view->sidecar->selector.n, b = !sidecar ? 2 : !sidecar->selector.n;

	if (r || a != b)
		return r ? r : a - b;
	/* scopes of Sidecars are in one array, by age */
	if (view->sidecar != sidecar)
		return view->sidecar < sidecar ? -1 : 1;
	return compare_labels(&view->labels, &client->labels);
}

static size_t text_bytes(const char *ns, const struct hdl_ir_labels *labels)
{
	size_t bytes = strlen(ns) + 1;

	for (size_t i = 0; i < labels->n; i++)
		bytes += strlen(labels->v[i].key) + strlen(labels->v[i].value) + 2;
	return bytes;
}

static const char *append(char **to, const char *text)
{
	char *at = *to;

	*to = stpcpy(at, text) + 1;
	return at;
}

/* v has room for them. */
static struct hdl_ir_labels append_labels(char **to, const struct hdl_ir_labels *labels, struct hdl_ir_label *v)
{
	for (size_t i = 0; i < labels->n; i++) {
		v[i].key = append(to, labels->v[i].key);
		v[i].value = append(to, labels->v[i].value);
	}
	return (struct hdl_ir_labels){ .v = v, .n = labels->n };
}

static struct hdl_xl_view *view_new(const struct hdl_xl_client *client, const struct hdl_xl_scope *sidecar)
{
	size_t size = client->labels.n * sizeof(struct hdl_ir_label) + text_bytes(client->ns, &client->labels);
	struct hdl_xl_view *view = hdl_ir_alloc(1, sizeof(*view) + size);
	struct hdl_ir_label *v;
	char *to;

	if (!view)
		return NULL;
	v = (struct hdl_ir_label *)(view + 1);
	to = (char *)(v + client->labels.n);
	view->ns = append(&to, client->ns);
	view->labels = append_labels(&to, &client->labels, v);
	view->sidecar = sidecar;
	view->configs.of_view = true;
	return view;
}

/* Scopes of Sidecars have those for some labels beside them. */
static const struct hdl_xl_scope *sidecar_of(const struct hdl_xl *xl, const struct hdl_xl_scope *scope)
{
	for (size_t i = 0; scope->res && i < xl->sidecar_count; i++)
		if (xl->sidecars[i].res == scope->res && strcmp(xl->sidecars[i].client.ns, scope->client.ns) == 0)
			return &xl->sidecars[i];
	return NULL;
}

static struct hdl_xl_view *view_of(const struct hdl_xl *xl, struct hdl_xl_views *views,
				   const struct hdl_xl_scope *scope)
{
	const struct hdl_xl_scope *sidecar = scope->client.labels.n ? sidecar_of(xl, scope) : scope->res ? scope : NULL;
	struct hdl_xl_view **at = &views->first, *view;

	while (*at && compare(*at, &scope->client, sidecar) < 0)
		at = &(*at)->next;
	if (*at && compare(*at, &scope->client, sidecar) == 0)
		return *at;
	view = view_new(&scope->client, sidecar);
	if (!view)
		return NULL;
	view->next = *at;
	*at = view;
	return view;
}

int hdl_xl_views_set(struct hdl_xl *xl, struct hdl_xl_views *views, uint64_t label, const struct hdl_xl_front_view *v,
		     size_t n, bool set)
{
	for (size_t i = 0; i < n; i++) {
		struct hdl_xl_view *view = view_of(xl, views, v[i].scope);

		if (!view || hdl_xl_configs_set(&view->configs, label, v[i].vhosts, v[i].vhost_count, set) < 0)
			return -ENOMEM;
		for (size_t p = 0; p < v[i].port_count; p++) {
			struct hdl_xl_place at = { .label = label, .place = (uint32_t)p };
			struct hdl_ir_view_port *port = &v[i].ports[p];

			if (hdl_xl_order_set(&view->ports, at, set ? NULL : port, set ? port : NULL) < 0)
				return -ENOMEM;
		}
	}
	return 0;
}

/* ---- what they are ---- */

static void describe(const struct hdl_xl *xl, const struct hdl_xl_scope *sidecar, struct hdl_ir_view *ir)
{
	ir->registry_only = sidecar ? sidecar->registry_only : xl->ir_node.registry_only;
	if (!sidecar)
		return;
	ir->narrowed = sidecar->res->sidecar->egress.n > 0;
	ir->origin = sidecar->origin;
}

/* All labels of its clients: those that the Sidecar is for, and those of rules. Sorted. */
static struct hdl_ir_labels selector_of(const struct hdl_xl_view *view, struct hdl_ir_label *v)
{
	static const struct hdl_ir_labels none;
	const struct hdl_ir_labels *own = &view->labels, *more = view->sidecar ? &view->sidecar->selector : &none;
	size_t a = 0, b = 0, n = 0;

	while (a < own->n || b < more->n) {
		int r = a == own->n ? 1 : b == more->n ? -1 : strcmp(own->v[a].key, more->v[b].key);

		v[n++] = r <= 0 ? own->v[a] : more->v[b];
		a += r <= 0;
		b += r >= 0;
	}
	return (struct hdl_ir_labels){ .v = v, .n = n };
}

static int list_ports(const struct hdl_xl_view *view, struct view_ir *made)
{
	made->ports = hdl_ir_alloc(view->ports.n, sizeof(*made->ports));
	if (!made->ports)
		return -ENOMEM;
	for (size_t i = 0; i < view->ports.n; i++)
		made->ports[i] = *(const struct hdl_ir_view_port *)view->ports.entry[i].object;
	made->ir.ports = made->ports;
	made->ir.port_count = view->ports.n;
	return 0;
}

static int make_ir(struct hdl_xl *xl, const struct hdl_xl_view *view, size_t n, struct view_ir **ret)
{
	const char *name = view->sidecar ? view->sidecar->origin.name : "";
	size_t most = view->labels.n + (view->sidecar ? view->sidecar->selector.n : 0);
	struct hdl_ir_label *v = hdl_ir_alloc(most, sizeof(*v)), *copies;
	struct hdl_ir_labels selector;
	struct view_ir *made;
	char *text;

	if (!v)
		return -ENOMEM;
	selector = selector_of(view, v);
	made = hdl_ir_alloc(1, sizeof(*made) + n * sizeof(struct hdl_ir_route_config *) + selector.n * sizeof(*v) +
				       text_bytes(view->ns, &selector) + strlen(name) + 1);
	if (made && list_ports(view, made) < 0) {
		hdl_ir_free(made);
		made = NULL;
	}
	if (made) {
		made->retired.born = hdl_ir_generation_next(xl->generation);
		copies = (struct hdl_ir_label *)&made->configs[n];
		text = (char *)(copies + selector.n);
		made->ir.ns = append(&text, view->ns);
		made->ir.name = append(&text, name);
		made->ir.selector = append_labels(&text, &selector, copies);
		made->ir.route_configs = made->configs;
		made->ir.route_config_count = n;
		hdl_xl_configs_list(&view->configs, (void **)made->configs);
		describe(xl, view->sidecar, &made->ir);
	}
	hdl_ir_free(v);
	*ret = made;
	return made ? 0 : -ENOMEM;
}

static int make(struct hdl_xl *xl, struct hdl_xl_view *view)
{
	size_t n = hdl_xl_configs_list(&view->configs, NULL);
	struct view_ir *made = NULL;

	if ((n || view->ports.n || view->sidecar) && make_ir(xl, view, n, &made) < 0)
		return -ENOMEM;
	retire(xl, view->ir);
	view->ir = made;
	return 0;
}

/* Labels come and go with pods. */
static void drop_empty(struct hdl_xl *xl, struct hdl_xl_views *views)
{
	for (struct hdl_xl_view **at = &views->first; *at;) {
		struct hdl_xl_view *view = *at;

		if (!view->labels.n || view->ports.n || hdl_xl_configs_list(&view->configs, NULL)) {
			at = &view->next;
			continue;
		}
		*at = view->next;
		retire(xl, view->ir);
		hdl_xl_configs_done(xl, &view->configs);
		hdl_xl_order_done(&view->ports);
		hdl_ir_free(view);
	}
}

int hdl_xl_views_patch(struct hdl_xl *xl, struct hdl_xl_views *views, bool *ret_changed)
{
	*ret_changed = false;
	/* one that shows nothing is a view, too */
	for (size_t i = 0; i < xl->sidecar_count; i++)
		if (!view_of(xl, views, &xl->sidecars[i]))
			return -ENOMEM;
	for (struct hdl_xl_view *view = views->first; view; view = view->next) {
		bool changed;

		if (hdl_xl_configs_patch(xl, &view->configs, &changed) < 0 || hdl_xl_order_commit(&view->ports) < 0)
			return -ENOMEM;
		changed |= view->ports.changes != 0;
		if (!changed && (view->ir || !view->sidecar))
			continue;
		if (make(xl, view) < 0)
			return -ENOMEM;
		*ret_changed = true;
	}
	drop_empty(xl, views);
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
