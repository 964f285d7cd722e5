/* SPDX-License-Identifier: Apache-2.0 */
/* config status: the statuses of Gateway API objects, from the daemon or from files alone. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "heddlectl/ctl.h"
#include "heddlectl/load.h"
#include "model/resource.h"
#include "xlate/gwapi.h"
#include "xlate/xlate.h"

#define USAGE                                                                                     \
	"usage: heddlectl config status [KIND[/NAME]] [-n NS] [-f PATH]... [-o text|json|yaml]\n" \
	"       heddlectl config show [KIND[/NAME]] [-n NS] [-f PATH]... [-o yaml|json]\n"

/* ---- from files ---- */

static void print_diags(const struct hdl_diags *diags)
{
	for (size_t i = 0; i < diags->n; i++) {
		struct hdl_buf text = { 0 };

		if (diags->at[i].severity == HDL_ERROR) {
			hdl_diag_print(&text, &diags->at[i]);
			fprintf(stderr, "%s\n", text.p ? text.p : "out of memory");
		}
		hdl_buf_done(&text);
	}
}

static int derive(const struct hdl_resource_list *list, const struct hdl_gwapi_filter_by *by, json_t **ret)
{
	struct hdl_arena *arena = hdl_arena_new(0);
	struct hdl_gwapi_statuses statuses = { 0 };
	const struct hdl_resource *const *derived;
	struct hdl_diags diags = { .limit = 1 };
	struct hdl_buf text = { 0 };
	struct hdl_jsonw w;
	size_t n;
	int r = arena ? hdl_gwapi_derive(arena, list->at, list->n, &diags, &derived, &n, &statuses) : -ENOMEM;

	if (r == 0) {
		hdl_gwapi_carry(NULL, &statuses, (int64_t)hdl_clock_wall_ns());
		hdl_jsonw_init(&w, &text, false);
		hdl_gwapi_print(&w, &statuses, by);
		*ret = text.failed ? NULL : json_loadb(text.p, text.n, 0, NULL);
		r = *ret ? 0 : -ENOMEM;
	}
	hdl_buf_done(&text);
	hdl_diags_done(&diags);
	hdl_arena_free(arena);
	return r;
}

/* Documents that are refused are told and left out, as the daemon does. 0, or CTL_FAILED after the reason was told. */
static int from_files(const struct ctl *ctl, const struct hdl_gwapi_filter_by *by, json_t **ret, bool *ret_errors)
{
	struct hdl_resource_store *store = hdl_resource_store_new();
	struct hdl_resource_list *list = NULL;
	struct hdl_diags diags = { 0 };
	int r = store ? 0 : -ENOMEM;
	bool told = false;

	if (store)
		hdl_resource_store_set_check(store, hdl_xlate_check);
	for (size_t i = 0; i < ctl->file_count && r == 0; i++) {
		r = ctl_load(store, ctl->file[i]);
		told = r < 0;
	}
	if (r == 0)
		r = hdl_resource_store_commit(store, &list);
	if (r == 0) {
		hdl_resource_store_diags(store, &diags);
		print_diags(&diags);
		*ret_errors = diags.errors > 0;
		r = derive(list, by, ret);
	}
	hdl_diags_done(&diags);
	hdl_resource_list_unref(list);
	hdl_resource_store_free(store);
	if (r < 0 && !told)
		fprintf(stderr, "heddlectl: %s\n", strerror(-r));
	return r < 0 ? CTL_FAILED : 0;
}

/* ---- from the daemon ---- */

static void add_parameter(struct hdl_buf *path, const char *name, const char *value)
{
	hdl_buf_printf(path, "%c%s=", memchr(path->p, '?', path->n) ? '&' : '?', name);
	for (const char *p = value; *p; p++)
		hdl_buf_printf(path, "%%%02x", (unsigned char)*p);
}

static json_t *from_daemon(struct ctl *ctl, const struct hdl_gwapi_filter_by *by)
{
	struct hdl_buf path = { .limit_bytes = 4096 };
	json_t *answer = NULL;

	hdl_buf_adds(&path, "/api/v1/statuses");
	if (by->kind)
		add_parameter(&path, "kind", by->kind);
	if (by->ns)
		add_parameter(&path, "namespace", by->ns);
	if (by->name)
		add_parameter(&path, "name", by->name);
	hdl_buf_add(&path, "", 1);
	if (!path.failed)
		answer = ctl_ask(ctl, path.p, NULL);
	else
		fputs("heddlectl: the names are too long\n", stderr);
	hdl_buf_done(&path);
	return answer;
}

/* ---- output ---- */

static void print_conditions(struct ctl_table *table, const json_t *object, const char *what, const json_t *conditions)
{
	const json_t *metadata = json_object_get(object, "metadata");
	const char *ns = ctl_str(metadata, "namespace");
	json_t *condition;
	size_t i;

	json_array_foreach((json_t *)conditions, i, condition)
	{
		ctl_table_cell(table, "%s %s%s%s", ctl_str(object, "kind"), ns, *ns ? "/" : "",
			       ctl_str(metadata, "name"));
		ctl_table_cell(table, "%s", *what ? what : "-");
		ctl_table_cell(table, "%s", ctl_str(condition, "type"));
		ctl_table_cell(table, "%s", ctl_str(condition, "status"));
		ctl_table_cell(table, "%s", ctl_str(condition, "reason"));
		ctl_table_cell(table, "%s", ctl_str(condition, "message"));
	}
}

static void print_parents(struct ctl_table *table, const json_t *object, const char *member)
{
	const json_t *parents = json_object_get(json_object_get(object, "status"), member);
	json_t *parent;
	char what[600];
	size_t i;

	json_array_foreach((json_t *)parents, i, parent)
	{
		const json_t *ref = json_object_get(parent, "parentRef");
		const char *ns = ctl_str(ref, "namespace"), *section = ctl_str(ref, "sectionName");

		snprintf(what, sizeof(what), "%s %s%s%s%s%s", ctl_str(ref, "kind"), ns, *ns ? "/" : "",
			 ctl_str(ref, "name"), *section ? " " : "", section);
		print_conditions(table, object, ref ? what : "", json_object_get(parent, "conditions"));
	}
}

static void print_listeners(struct ctl_table *table, const json_t *object)
{
	json_t *listener;
	char what[600];
	size_t i;

	json_array_foreach(json_object_get(json_object_get(object, "status"), "listeners"), i, listener)
	{
		snprintf(what, sizeof(what), "listener %s (%lld routes)", ctl_str(listener, "name"),
			 ctl_int(listener, "attachedRoutes"));
		print_conditions(table, object, what, json_object_get(listener, "conditions"));
	}
}

static void print_table(const json_t *list)
{
	static const char *const headings[] = { "OBJECT", "FOR", "CONDITION", "STATUS", "REASON", "MESSAGE" };
	struct ctl_table *table = ctl_table_new(headings, sizeof(headings) / sizeof(headings[0]));
	json_t *object;
	size_t i;

	json_array_foreach(json_object_get(list, "items"), i, object)
	{
		print_conditions(table, object, "", json_object_get(json_object_get(object, "status"), "conditions"));
		print_listeners(table, object);
		print_parents(table, object, "parents");
		print_parents(table, object, "ancestors");
	}
	ctl_table_print(table);
}

static int status(struct ctl *ctl)
{
	struct hdl_gwapi_filter_by by = { .ns = ctl->ns };
	char *kind = ctl->argc > 1 ? ctl->argv[1] : NULL, *slash = kind ? strchr(kind, '/') : NULL;
	json_t *list = NULL;
	bool errors = false;
	int result;

	if (slash)
		*slash = '\0';
	by.kind = kind;
	by.name = slash ? slash + 1 : NULL;
	if (ctl->file_count) {
		if (from_files(ctl, &by, &list, &errors) != 0)
			return CTL_FAILED;
	} else {
		list = from_daemon(ctl, &by);
	}
	if (!list)
		return CTL_FAILED;
	result = errors ? CTL_FAILED : CTL_OK;
	if (ctl->format != CTL_TEXT) {
		int printed = ctl_print_value(ctl, list);

		result = printed ? printed : result;
	} else {
		print_table(list);
	}
	json_decref(list);
	return result;
}

int ctl_config(struct ctl *ctl)
{
	if (ctl->argc >= 1 && ctl->argc <= 2 && strcmp(ctl->argv[0], "show") == 0)
		return ctl_config_show(ctl);
	if (ctl->argc < 1 || ctl->argc > 2 || strcmp(ctl->argv[0], "status") != 0) {
		fputs(USAGE, stderr);
		return CTL_USAGE;
	}
	return status(ctl);
}
