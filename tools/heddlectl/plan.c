/* SPDX-License-Identifier: Apache-2.0 */
/* heddlectl plan: what files would change, against the daemon or against other files. */
#include "plan/preview.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "heddlectl/ctl.h"
#include "heddlectl/load.h"
#include "heddlectl/plan.h"
#include "model/store.h"
#include "model/store_objects.h"
#include "route/table.h"
#include "xlate/xlate.h"

/* One side: where its resources come from, and what is made of them. */
struct side {
	struct hdl_resource_store *store;
	struct hdl_resource_list *list;
	const struct hdl_resource **at; /* of list, and of the other side what stays */
	size_t n;
	struct hdl_snapshot *snapshot;
	struct hdl_diags translation;
};

struct plan {
	struct ctl *ctl;
	json_t *answer; /* of the daemon; its texts are decoded from here */
	const char *node;
	struct side before, after;
	struct hdl_yaml_chunk *recalled;
};

static int fail(const char *text)
{
	fprintf(stderr, "heddlectl: %s\n", text);
	return -EINVAL;
}

static int fail_code(int r)
{
	return r == -ENOMEM ? fail("out of memory") : r;
}

static int side_init(struct side *side)
{
	side->store = hdl_resource_store_new();
	if (!side->store)
		return fail("out of memory");
	hdl_resource_store_set_check(side->store, hdl_xlate_check);
	return 0;
}

static void side_done(struct side *side)
{
	hdl_snapshot_unref(side->snapshot);
	free(side->at);
	hdl_resource_list_unref(side->list);
	hdl_resource_store_free(side->store);
	hdl_diags_done(&side->translation);
}

/* ---- what is in force ---- */

static struct hdl_yaml_chunk chunk_of(const json_t *row)
{
	const char *text = ctl_str(row, "text");

	return (struct hdl_yaml_chunk){ { text, strlen(text) },
					(uint32_t)ctl_int(row, "document"),
					(uint32_t)ctl_int(row, "line") };
}

/* Documents of one file stand together. */
static int put_documents(struct side *side, const json_t *rows)
{
	size_t n = json_array_size(rows);
	struct hdl_yaml_chunk *chunk = calloc(n + 1, sizeof(*chunk));
	int r = chunk ? 0 : -ENOMEM;

	for (size_t i = 0; i < n && r == 0;) {
		const char *file = ctl_str(json_array_get(rows, i), "file");
		size_t count = 0;

		for (; i < n && strcmp(ctl_str(json_array_get(rows, i), "file"), file) == 0; i++)
			chunk[count++] = chunk_of(json_array_get(rows, i));
		r = hdl_resource_store_put_chunks(side->store, file, chunk, count);
	}
	free(chunk);
	return fail_code(r);
}

static int load_before(struct plan *plan)
{
	int r = side_init(&plan->before);

	if (r < 0)
		return r;
	if (plan->ctl->against) {
		r = ctl_load(plan->before.store, plan->ctl->against);
	} else {
		plan->answer = ctl_ask(plan->ctl, "/api/v1/documents", NULL);
		if (!plan->answer)
			return -EINVAL;
		plan->node = ctl_str(plan->answer, "node");
		r = put_documents(&plan->before, json_object_get(plan->answer, "documents"));
	}
	if (r == 0)
		r = fail_code(hdl_resource_store_commit(plan->before.store, &plan->before.list));
	if (r < 0)
		return r;
	plan->before.at = calloc(plan->before.list->n + 1, sizeof(const struct hdl_resource *));
	if (!plan->before.at)
		return fail("out of memory");
	for (size_t i = 0; i < plan->before.list->n; i++)
		plan->before.at[plan->before.n++] = plan->before.list->at[i];
	return 0;
}

/* ---- what would be ---- */

static const char *last_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* What is in force from a file of the same name: it stays as far as the new one cannot be read. */
static int recall(void *data, const char *path, const struct hdl_yaml_chunk **ret, size_t *ret_n)
{
	struct plan *plan = data;
	const json_t *rows = json_object_get(plan->answer, "documents");
	size_t n = json_array_size(rows);

	*ret_n = 0;
	free(plan->recalled);
	plan->recalled = calloc(n + 1, sizeof(*plan->recalled));
	if (!plan->recalled)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const json_t *row = json_array_get(rows, i);

		if (strcmp(last_name(ctl_str(row, "file")), last_name(path)) == 0)
			plan->recalled[(*ret_n)++] = chunk_of(row);
	}
	*ret = plan->recalled;
	return 0;
}

/* The file is one of those that are in force: what is in it no more would go. */
static bool is_same_file(const char *in_force, const char *path)
{
	char a[PATH_MAX], b[PATH_MAX];

	return strcmp(in_force, path) == 0 || (realpath(in_force, a) && realpath(path, b) && strcmp(a, b) == 0);
}

static int add_accepted(struct side *after, struct hdl_resource_set *set)
{
	int r = 0;

	for (size_t i = 0; i < after->list->n && r == 0; i++)
		r = hdl_resource_set_add(set, after->list->at[i], NULL);
	return r;
}

/* Objects whose document is refused, as they are in force. */
static int add_refused(const struct plan *plan, const struct hdl_resource_set *in_force, struct hdl_resource_set *set)
{
	struct hdl_store_cursor cursor = { 0 };
	struct hdl_store_object object;
	int r = 0;

	while (r == 0 && hdl_resource_store_next(plan->after.store, &cursor, &object)) {
		const struct hdl_resource *stays =
			hdl_resource_set_find(in_force, object.id.kind, object.id.ns, object.id.name);

		if (object.accepted || !stays ||
		    hdl_resource_set_find(set, object.id.kind, object.id.ns, object.id.name))
			continue;
		r = hdl_resource_set_add(set, stays, NULL);
	}
	return r;
}

/* Of many objects in a row that come from one file. */
struct same_file {
	const char *last;
	bool is;
};

static bool is_of_path(struct same_file *cache, const char *in_force, const char *path)
{
	if (!cache->last || strcmp(cache->last, in_force) != 0)
		*cache = (struct same_file){ in_force, is_same_file(in_force, path) };
	return cache->is;
}

/* PATH laid over what is in force: each object in the place that it had, new ones behind. */
static void lay_over(struct plan *plan, const char *path, const struct hdl_resource_set *set)
{
	struct side *before = &plan->before, *after = &plan->after;
	struct same_file cache = { 0 };

	for (size_t i = 0; i < before->n; i++) {
		const struct hdl_resource *was = before->at[i];
		const struct hdl_resource *now = hdl_resource_set_find(set, was->kind, was->ns, was->name);

		if (now)
			after->at[after->n++] = now;
		else if (!is_of_path(&cache, was->file, path))
			after->at[after->n++] = was;
	}
}

static int make_after(struct plan *plan, const char *path, bool whole)
{
	struct hdl_resource_set in_force = { 0 }, set = { 0 };
	struct side *before = &plan->before, *after = &plan->after;
	int r = 0;

	for (size_t i = 0; i < before->n && r == 0; i++)
		r = hdl_resource_set_add(&in_force, before->at[i], NULL);
	if (r == 0)
		r = add_accepted(after, &set);
	if (r == 0)
		r = add_refused(plan, &in_force, &set);
	if (r == 0) {
		after->at = calloc(before->n + set.n + 1, sizeof(const struct hdl_resource *));
		r = after->at ? 0 : -ENOMEM;
	}
	if (r == 0 && !whole)
		lay_over(plan, path, &set);
	for (size_t i = 0; r == 0 && i < set.n; i++) {
		const struct hdl_resource *now = set.at[i];

		if (whole || !hdl_resource_set_find(&in_force, now->kind, now->ns, now->name))
			after->at[after->n++] = now;
	}
	hdl_resource_set_done(&in_force);
	hdl_resource_set_done(&set);
	return fail_code(r);
}

static int load_after(struct plan *plan, const char *path)
{
	struct stat st;
	bool directory = strcmp(path, "-") != 0 && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
	int r = side_init(&plan->after);

	if (r < 0)
		return r;
	hdl_resource_store_set_recall(plan->after.store, recall, plan);
	r = ctl_load(plan->after.store, path);
	if (r == 0)
		r = fail_code(hdl_resource_store_commit(plan->after.store, &plan->after.list));
	return r < 0 ? r : make_after(plan, path, plan->ctl->whole || (directory && !plan->ctl->overlay));
}

static int translate(struct plan *plan, struct side *side)
{
	struct hdl_xlate_options options = { .node_name = plan->node };
	int r;

	side->translation.limit = 10000;
	r = hdl_xlate(side->at, side->n, &options, &side->translation, &side->snapshot);
	if (r == 0)
		r = hdl_route_compile(side->snapshot);
	return r;
}

/* ---- the command ---- */

/* What the files would be refused for; a configuration that is too large is refused whole. */
static void collect_diags(struct plan *plan, struct hdl_diags *ret)
{
	*ret = (struct hdl_diags){ .limit = 10000 };
	hdl_resource_store_diags(plan->after.store, ret);
	hdl_diags_append(ret, &plan->after.translation);
}

static int show(struct plan *plan)
{
	struct hdl_preview_side before = { plan->before.at, plan->before.n, plan->before.snapshot },
				after = { plan->after.at, plan->after.n, plan->after.snapshot };
	struct hdl_preview *preview = NULL;
	struct hdl_diags diags;
	bool found;
	int r = 0;

	collect_diags(plan, &diags);
	/* without an after side it is refused whole: nothing would change */
	r = hdl_preview_make(&before, plan->after.snapshot ? &after : &before, &preview);
	if (r == 0) {
		found = !hdl_preview_is_empty(preview) || diags.errors;
		r = ctl_plan_print(plan->ctl, preview, &diags, plan->after.snapshot == NULL);
		r = r != CTL_OK ? -EIO : found ? CTL_PLAN_DIFFERS : CTL_OK;
	} else {
		fail("out of memory");
	}
	hdl_preview_free(preview);
	hdl_diags_done(&diags);
	return r;
}

static int run(struct plan *plan, const char *path)
{
	int r = load_before(plan);

	if (r == 0)
		r = load_after(plan, path);
	if (r == 0 && (r = translate(plan, &plan->before)) < 0)
		fail(r == -E2BIG ? "what is in force is too large to be compared here" : "out of memory");
	if (r == 0) {
		r = translate(plan, &plan->after);
		r = r == -E2BIG ? 0 : fail_code(r);
	}
	return r < 0 ? r : show(plan);
}

int ctl_plan(struct ctl *ctl)
{
	struct plan plan = { .ctl = ctl };
	int r;

	if (ctl->argc != 1 || (ctl->whole && ctl->overlay)) {
		fputs("usage: heddlectl plan PATH [--against PATH] [--whole|--overlay]\n", stderr);
		return CTL_USAGE;
	}
	r = run(&plan, ctl->argv[0]);
	side_done(&plan.after);
	side_done(&plan.before);
	free(plan.recalled);
	json_decref(plan.answer);
	return r < 0 ? CTL_PLAN_FAILED : r;
}
