/* SPDX-License-Identifier: Apache-2.0 */
/* Which namespaces see a resource (specification A.1: exportTo), and lists of namespaces. */
#include "xlate/priv.h"

#include <errno.h>
#include <string.h>

#include "model/registry.h"

/* NULL or empty: to all. */
static const struct hdl_texts *list_of(const struct hdl_xl *xl, const struct hdl_resource *res)
{
	static const struct hdl_text own_namespace = { .s = "." };
	static const struct hdl_texts private = { .at = (struct hdl_text *)&own_namespace, .n = 1 };
	const struct hdl_texts *own = NULL, *others = NULL;

	switch (res->kind) {
	case HDL_KIND_SERVICE:
		own = &res->service->export_to;
		others = xl->service_exports;
		break;
	case HDL_KIND_SERVICE_ENTRY:
		own = &res->service_entry->export_to;
		others = xl->service_exports;
		break;
	case HDL_KIND_VIRTUAL_SERVICE:
		own = &res->virtual_service->export_to;
		/* routes of the Gateway API say for whom they are by themselves */
		others = res->virtual_service->derived ? NULL : xl->vs_exports;
		break;
	case HDL_KIND_DESTINATION_RULE:
		if (res->destination_rule->workload_selector) /* of pods of its namespace */
			return &private;
		own = &res->destination_rule->export_to;
		others = xl->rule_exports;
		break;
	default:
		break;
	}
	return own && own->n ? own : others;
}

static bool is_everywhere(const struct hdl_texts *list)
{
	for (size_t i = 0; list && i < list->n; i++)
		if (strcmp(list->at[i].s, "*") == 0)
			return true;
	return !list || !list->n;
}

bool hdl_xl_is_exported(const struct hdl_xl *xl, const struct hdl_resource *res, const char *client)
{
	const struct hdl_texts *list = list_of(xl, res);

	if (is_everywhere(list))
		return true;
	for (size_t i = 0; client && i < list->n; i++)
		if (strcmp(strcmp(list->at[i].s, ".") == 0 ? res->ns : list->at[i].s, client) == 0)
			return true;
	return false;
}

const char *hdl_xl_export_text(struct hdl_xl *xl, const struct hdl_resource *res)
{
	struct hdl_xl_names names = { 0 };
	const char *text = "";

	if (is_everywhere(list_of(xl, res)))
		return "*";
	/* sorted: the same namespaces are the same text in whatever order they are listed */
	if (hdl_xl_names_add_exports(xl, &names, res) < 0)
		xl->no_memory = true;
	for (size_t i = 0; i < names.n; i++)
		text = hdl_xl_scratchf(xl, "%s%s,", text, names.at[i]);
	return text;
}

/* ---- lists ---- */

int hdl_xl_names_add(struct hdl_xl *xl, struct hdl_xl_names *names, const char *ns)
{
	size_t at = names->n;

	while (at > 0 && strcmp(names->at[at - 1], ns) > 0)
		at--;
	if (at > 0 && strcmp(names->at[at - 1], ns) == 0)
		return 0;
	if (names->n == names->capacity) {
		size_t capacity = names->capacity ? 2 * names->capacity : 4;
		const char **more = hdl_arena_calloc(xl->scratch, capacity, sizeof(*more));

		if (!more)
			return -ENOMEM;
		if (names->n)
			memcpy(more, names->at, names->n * sizeof(*more));
		names->at = more;
		names->capacity = capacity;
	}
	memmove(&names->at[at + 1], &names->at[at], (names->n - at) * sizeof(*names->at));
	names->at[at] = ns;
	names->n++;
	return 0;
}

int hdl_xl_names_add_exports(struct hdl_xl *xl, struct hdl_xl_names *names, const struct hdl_resource *res)
{
	const struct hdl_texts *list = list_of(xl, res);

	if (is_everywhere(list))
		return 0;
	for (size_t i = 0; i < list->n; i++) {
		const char *ns = strcmp(list->at[i].s, ".") == 0 ? res->ns : list->at[i].s;

		if (strcmp(ns, "~") != 0 && hdl_xl_names_add(xl, names, ns) < 0)
			return -ENOMEM;
	}
	return 0;
}
