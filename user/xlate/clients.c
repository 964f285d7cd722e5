/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients for whom a namespace has rules of their own (specification A.7, workloadSelector): one scope for each set of
 * labels that these rules ask for and some pod has, so that every pod finds all that is for it in one view.
 */
#include "xlate/priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- a set of labels ---- */

bool hdl_xl_labels_have(const struct hdl_ir_labels *labels, const struct hdl_ir_labels *wanted)
{
	for (size_t i = 0; i < wanted->n; i++) {
		const char *value = hdl_xl_label(labels, wanted->v[i].key);

		if (!value || strcmp(value, wanted->v[i].value) != 0)
			return false;
	}
	return true;
}

bool hdl_xl_same_client(const struct hdl_xl_client *a, const struct hdl_xl_client *b)
{
	if (!a || !b || !a->ns || !b->ns)
		return (!a || !a->ns) && (!b || !b->ns);
	return strcmp(a->ns, b->ns) == 0 && a->labels.n == b->labels.n && hdl_xl_labels_have(&a->labels, &b->labels);
}

/* What is put before a character that stands for something else: two sets of labels are two texts. */
static char *escape(char *to, const char *s)
{
	for (; *s; s++) {
		if (strchr("\\,=", *s))
			*to++ = '\\';
		*to++ = *s;
	}
	return to;
}

const char *hdl_xl_client_text(struct hdl_xl *xl, const struct hdl_xl_client *client)
{
	size_t size = strlen(client->ns) + 1;
	char *text, *to;

	if (!client->labels.n)
		return client->ns;
	for (size_t i = 0; i < client->labels.n; i++)
		size += 2 * strlen(client->labels.v[i].key) + 2 * strlen(client->labels.v[i].value) + 2;
	text = hdl_arena_alloc(xl->scratch, size);
	if (!text) {
		xl->no_memory = true;
		return "";
	}
	to = stpcpy(text, client->ns);
	for (size_t i = 0; i < client->labels.n; i++) {
		*to++ = i ? ',' : ' ';
		to = escape(to, client->labels.v[i].key);
		*to++ = '=';
		to = escape(to, client->labels.v[i].value);
	}
	*to = '\0';
	return text;
}

static int copy_labels(struct hdl_xl *xl, const struct hdl_ir_labels *labels, struct hdl_ir_labels *ret)
{
	struct hdl_ir_label *v = hdl_arena_calloc(xl->arena, labels->n, sizeof(*v));

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < labels->n; i++)
		v[i] = (struct hdl_ir_label){ hdl_xl_intern(xl, labels->v[i].key),
					      hdl_xl_intern(xl, labels->v[i].value) };
	*ret = (struct hdl_ir_labels){ .v = v, .n = labels->n };
	return 0;
}

int hdl_xl_copy_client(struct hdl_xl *xl, const struct hdl_xl_client *client, struct hdl_xl_client *ret)
{
	ret->ns = hdl_xl_intern(xl, client->ns);
	return copy_labels(xl, &client->labels, &ret->labels);
}

const struct hdl_xl_scope *hdl_xl_copy_scope(struct hdl_xl *xl, const struct hdl_xl_scope *scope)
{
	struct hdl_xl_scope *copy;

	/* that of a Sidecar alone is there as long as all else is */
	if (scope->res && !scope->client.labels.n)
		return scope;
	copy = hdl_arena_alloc(xl->arena, sizeof(*copy));
	if (!copy)
		return NULL;
	*copy = *scope;
	return hdl_xl_copy_client(xl, &scope->client, &copy->client) < 0 ||
			       copy_labels(xl, &scope->selector, &copy->selector) < 0 ?
		       NULL :
		       copy;
}

/* ---- of a namespace ---- */

/* With the labels of more; both are sorted, and so is the result. Where they disagree the first has its way. */
static int join_labels(struct hdl_xl *xl, const struct hdl_ir_labels *labels, const struct hdl_ir_labels *more,
		       struct hdl_ir_labels *ret)
{
	struct hdl_ir_label *v = hdl_arena_calloc(xl->scratch, labels->n + more->n, sizeof(*v));
	size_t a = 0, b = 0, n = 0;

	if (!v)
		return -ENOMEM;
	while (a < labels->n || b < more->n) {
		int r = a == labels->n ? 1 : b == more->n ? -1 : strcmp(labels->v[a].key, more->v[b].key);

		v[n++] = r <= 0 ? labels->v[a] : more->v[b];
		a += r <= 0;
		b += r >= 0;
	}
	*ret = (struct hdl_ir_labels){ .v = v, .n = n };
	return 0;
}

static bool has_all(const struct hdl_kvs *labels, const struct hdl_ir_labels *wanted)
{
	for (size_t i = 0; i < wanted->n; i++) {
		const char *value = hdl_kvs_get(labels, wanted->v[i].key);

		if (!value || strcmp(value, wanted->v[i].value) != 0)
			return false;
	}
	return true;
}

struct selector {
	const struct hdl_resource *res;
	uint64_t label; /* of its source */
	struct hdl_ir_labels labels;
	bool met;
};

struct work {
	const char *ns;
	struct selector *selectors;
	size_t selector_count;
	const struct hdl_xl_scope **sidecars; /* of the namespace, in their order */
	size_t sidecar_count;
	struct hdl_xl_names names; /* texts of the scopes, which are in the map */
	struct hdl_xl_map scopes;
};

static int begin(struct hdl_xl *xl, const struct hdl_xl_cell *cell, struct work *w)
{
	int r = 0;

	w->selectors = hdl_arena_calloc(xl->scratch, cell->n, sizeof(*w->selectors));
	w->sidecars = hdl_arena_calloc(xl->scratch, xl->sidecar_count, sizeof(*w->sidecars));
	if (!w->selectors || !w->sidecars)
		return -ENOMEM;
	for (uint32_t i = 0; r == 0 && i < cell->n; i++) {
		struct selector *s = &w->selectors[w->selector_count++];

		s->res = hdl_xl_member(cell, i)->res;
		s->label = hdl_xl_member(cell, i)->label;
		r = hdl_xl_scratch_labels(xl, &s->res->destination_rule->workload_selector->match_labels, &s->labels);
	}
	for (size_t i = 0; i < xl->sidecar_count; i++)
		if (strcmp(xl->sidecars[i].client.ns, w->ns) == 0)
			w->sidecars[w->sidecar_count++] = &xl->sidecars[i];
	return r;
}

/* As the look-up in a snapshot finds it: those for some workloads by age, then that for all. NULL: none. */
static const struct hdl_xl_scope *sidecar_of(const struct work *w, const struct hdl_kvs *labels)
{
	const struct hdl_xl_scope *general = NULL;

	for (size_t i = 0; i < w->sidecar_count; i++) {
		const struct hdl_xl_scope *scope = w->sidecars[i];

		if (!scope->selector.n)
			general = scope;
		else if (has_all(labels, &scope->selector))
			return scope;
	}
	return general;
}

static int add_scope(struct hdl_xl *xl, struct work *w, const struct hdl_xl_client *client,
		     const struct hdl_xl_scope *sidecar)
{
	size_t number = 0;
	struct hdl_xl_scope *scope;
	const char *text;
	char digits[24];

	while (sidecar && w->sidecars[number] != sidecar)
		number++;
	snprintf(digits, sizeof(digits), "%zu ", sidecar ? number + 1 : 0);
	text = hdl_xl_client_text(xl, client);
	text = xl->no_memory ? NULL : hdl_arena_printf(xl->scratch, "%s%s", digits, text);
	if (!text)
		return -ENOMEM;
	if (hdl_xl_map_get(&w->scopes, text))
		return 0;
	scope = hdl_arena_alloc(xl->scratch, sizeof(*scope));
	if (!scope)
		return -ENOMEM;
	*scope = sidecar ? *sidecar : (struct hdl_xl_scope){ .registry_only = xl->ir_node.registry_only };
	scope->client = *client;
	if (join_labels(xl, &client->labels, sidecar ? &sidecar->selector : &scope->selector, &scope->selector) < 0)
		return -ENOMEM;
	return hdl_xl_map_put(&w->scopes, xl->scratch, text, scope) < 0 || hdl_xl_names_add(xl, &w->names, text) < 0 ?
		       -ENOMEM :
		       0;
}

static int add_pod(struct hdl_xl *xl, struct work *w, const struct hdl_resource *pod)
{
	struct hdl_xl_client client = { .ns = w->ns };
	const struct hdl_xl_scope *sidecar;

	for (size_t i = 0; i < w->selector_count; i++) {
		if (!has_all(&pod->labels, &w->selectors[i].labels))
			continue;
		w->selectors[i].met = true;
		if (join_labels(xl, &client.labels, &w->selectors[i].labels, &client.labels) < 0)
			return -ENOMEM;
	}
	if (!client.labels.n)
		return 0;
	sidecar = sidecar_of(w, &pod->labels);
	return add_scope(xl, w, &client, NULL) < 0 || (sidecar && add_scope(xl, w, &client, sidecar) < 0) ? -ENOMEM : 0;
}

static void report_unmet(struct hdl_xl *xl, const struct work *w)
{
	for (size_t i = 0; i < w->selector_count; i++) {
		const struct hdl_resource *res = w->selectors[i].res;

		hdl_xl_label_at(xl, w->selectors[i].label);
		if (!w->selectors[i].met)
			hdl_xl_report(xl->diags, HDL_INFO, res, res->destination_rule->workload_selector->pos,
				      "spec.workloadSelector",
				      "no pod of namespace %s has these labels: the rule has no effect", w->ns);
	}
}

static bool is_as_before(const struct hdl_xl_clients *before, const struct work *w)
{
	if (!before || before->n != w->names.n)
		return false;
	for (size_t i = 0; i < w->names.n; i++)
		if (strcmp(before->texts[i], w->names.at[i]) != 0)
			return false;
	return true;
}

static int keep(struct hdl_xl *xl, const struct work *w)
{
	struct hdl_xl_clients *made = hdl_xl_product_new(xl, sizeof(*made));

	if (!made)
		return -ENOMEM;
	made->scopes = hdl_arena_calloc(xl->arena, w->names.n, sizeof(*made->scopes));
	made->texts = hdl_arena_calloc(xl->arena, w->names.n, sizeof(*made->texts));
	if (!made->scopes || !made->texts)
		return -ENOMEM;
	for (size_t i = 0; i < w->names.n; i++) {
		const struct hdl_xl_scope *scope = hdl_xl_copy_scope(xl, hdl_xl_map_get(&w->scopes, w->names.at[i]));

		if (!scope)
			return -ENOMEM;
		made->scopes[i] = scope;
		made->texts[i] = hdl_xl_intern(xl, w->names.at[i]);
	}
	made->n = w->names.n;
	return 0;
}

int hdl_xl_make_clients(struct hdl_xl *xl, struct hdl_xl_unit *unit)
{
	struct work w = { .ns = unit->cell->key };
	const struct hdl_xl_cell *selectors = hdl_xl_read(xl, HDL_XL_SELECTORS, w.ns);
	const struct hdl_xl_cell *workloads = hdl_xl_read(xl, HDL_XL_WORKLOADS, w.ns);

	hdl_xl_phase(xl, HDL_XL_PHASE_RULES);
	if (!selectors || !workloads || begin(xl, selectors, &w) < 0)
		return -ENOMEM;
	for (uint32_t i = 0; i < workloads->n; i++) {
		const struct hdl_resource *res = hdl_xl_member(workloads, i)->res;

		/* others than pods are no clients */
		if (res->kind == HDL_KIND_POD && add_pod(xl, &w, res) < 0)
			return -ENOMEM;
	}
	report_unmet(xl, &w);
	if (is_as_before((const struct hdl_xl_clients *)unit->product, &w)) {
		hdl_xl_keep_product(xl);
		return 0;
	}
	return keep(xl, &w);
}

const struct hdl_xl_clients *hdl_xl_read_clients(struct hdl_xl *xl, const char *ns)
{
	static const struct hdl_xl_clients none;
	const struct hdl_xl_clients *clients = NULL;
	const struct hdl_xl_cell *cell;

	if (hdl_xl_read_flag(xl, &xl->selectors)) {
		cell = hdl_xl_read(xl, HDL_XL_SELECTORS, ns);
		clients = cell ? hdl_xl_read_unit(xl, cell->unit) : NULL;
	}
	return clients ? clients : &none;
}
