/* SPDX-License-Identifier: Apache-2.0 */
/* config show: objects in canonical form, as they are in force or as files have them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "heddlectl/ctl.h"
#include "heddlectl/load.h"
#include "model/print.h"
#include "xlate/xlate.h"

static int told(int r)
{
	if (r < 0)
		fprintf(stderr, "heddlectl: %s\n", strerror(-r));
	return r < 0 ? CTL_FAILED : CTL_OK;
}

/* ---- where the objects come from ---- */

/* What is in force has been accepted once; each row is a document. */
static int put_in_force(struct ctl *ctl, struct hdl_resource_store *store)
{
	json_t *answer = ctl_ask(ctl, "/api/v1/documents", NULL), *row;
	size_t i;
	int r = 0;

	if (!answer)
		return CTL_FAILED;
	json_array_foreach(json_object_get(answer, "documents"), i, row)
	{
		const char *text = ctl_str(row, "text");
		struct hdl_yaml_chunk chunk = { { text, strlen(text) }, 0, 1 };
		char name[32];

		snprintf(name, sizeof(name), "%010zu", i); /* the store orders files by name */
		r = hdl_resource_store_put_chunks(store, name, &chunk, 1);
		if (r < 0)
			break;
	}
	json_decref(answer);
	return told(r);
}

static int put_files(struct ctl *ctl, struct hdl_resource_store *store)
{
	hdl_resource_store_set_check(store, hdl_xlate_check);
	for (size_t i = 0; i < ctl->file_count; i++)
		if (ctl_load(store, ctl->file[i]) < 0) /* has told why */
			return CTL_FAILED;
	return CTL_OK;
}

/* Returns CTL_FAILED when some document was refused. */
static int print_errors(const struct hdl_resource_store *store)
{
	struct hdl_diags diags = { 0 };
	int result;

	hdl_resource_store_diags(store, &diags);
	for (size_t i = 0; i < diags.n; i++) {
		struct hdl_buf text = { 0 };

		if (diags.at[i].severity == HDL_ERROR) {
			hdl_diag_print(&text, &diags.at[i]);
			fprintf(stderr, "%s\n", text.p ? text.p : "out of memory");
		}
		hdl_buf_done(&text);
	}
	result = diags.errors ? CTL_FAILED : CTL_OK;
	hdl_diags_done(&diags);
	return result;
}

/* ---- output ---- */

static bool is_asked(const struct ctl *ctl, const struct hdl_resource *resource)
{
	const char *what = ctl->argc > 1 ? ctl->argv[1] : NULL, *slash = what ? strchr(what, '/') : NULL;
	const char *kind = hdl_kind_name(resource->kind);
	size_t n = slash ? (size_t)(slash - what) : what ? strlen(what) : 0;

	if (ctl->ns && *resource->ns && strcmp(ctl->ns, resource->ns) != 0)
		return false;
	if (n == strlen(kind) + 1 && strchr("sS", what[n - 1])) /* the plural */
		n--;
	if (what && (strlen(kind) != n || strncasecmp(kind, what, n) != 0))
		return false;
	return !slash || strcmp(slash + 1, resource->name) == 0;
}

/* Each object as a document of YAML, or all of them as the items of a List, as kubectl has it. */
static int print(const struct ctl *ctl, const struct hdl_resource_list *list)
{
	bool json = ctl->format == CTL_JSON;
	struct hdl_buf text = { 0 };
	struct hdl_emit e;
	size_t found = 0;

	hdl_emit_init(&e, &text, json ? HDL_EMIT_JSON : HDL_EMIT_YAML);
	if (json) {
		hdl_emit_map(&e);
		hdl_emit_kstr(&e, "apiVersion", "v1");
		hdl_emit_kstr(&e, "kind", "List");
		hdl_emit_key(&e, "items");
		hdl_emit_list(&e);
	}
	for (size_t i = 0; i < list->n; i++) {
		if (!is_asked(ctl, list->at[i]))
			continue;
		if (!json && found++)
			hdl_buf_adds(&text, "---\n");
		hdl_resource_emit(list->at[i], 0, &e);
	}
	if (json) {
		hdl_emit_end(&e);
		hdl_emit_end(&e);
	}
	if (!text.failed && text.n)
		fwrite(text.p, 1, text.n, stdout);
	hdl_buf_done(&text);
	return told(text.failed ? -ENOMEM : 0);
}

int ctl_config_show(struct ctl *ctl)
{
	struct hdl_resource_store *store = hdl_resource_store_new();
	struct hdl_resource_list *list = NULL;
	int result, errors;

	if (!store)
		return told(-ENOMEM);
	result = ctl->file_count ? put_files(ctl, store) : put_in_force(ctl, store);
	if (result == CTL_OK)
		result = told(hdl_resource_store_commit(store, &list));
	if (result == CTL_OK) {
		errors = print_errors(store);
		result = print(ctl, list);
		result = result == CTL_OK ? errors : result;
	}
	hdl_resource_list_unref(list);
	hdl_resource_store_free(store);
	return result;
}
