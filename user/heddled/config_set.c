/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of resources: a list as it is, or a list with some objects as they were at an earlier epoch. */
#include "heddled/config_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/arena.h"
#include "base/list.h"
#include "model/age.h"
#include "model/compare.h"
#include "model/index.h"
#include "model/schema.h"
#include "xlate/xlate.h"

struct set {
	struct hdl_config_set set; /* what others see */
	size_t refs;
	struct hdl_resource_list *files, *own; /* own: decoded for this set, NULL: none */
	const struct hdl_resource **at;        /* NULL: those of files */
};

static struct set *set_of(const struct hdl_config_set *set)
{
	return (struct set *)set;
}

static struct set *set_new(struct hdl_resource_list *files)
{
	struct set *set = calloc(1, sizeof(*set));

	if (!set)
		return NULL;
	set->refs = 1;
	set->files = hdl_resource_list_ref(files);
	set->set.at = files->at;
	set->set.n = files->n;
	return set;
}

const struct hdl_config_set *hdl_config_set_new(struct hdl_resource_list *list)
{
	struct set *set = set_new(list);

	return set ? &set->set : NULL;
}

const struct hdl_config_set *hdl_config_set_ref(const struct hdl_config_set *set)
{
	set_of(set)->refs++;
	return set;
}

const struct hdl_config_set *hdl_config_set_unref(const struct hdl_config_set *set)
{
	struct set *s = set_of(set);

	if (!s || --s->refs)
		return NULL;
	hdl_resource_list_unref(s->files);
	hdl_resource_list_unref(s->own);
	free(s->at);
	free(s);
	return NULL;
}

/* ---- what the files' objects must become ---- */

struct wanted {
	struct hdl_former *former;
	size_t n;
	struct hdl_index index;
	struct hdl_arena *arena; /* of texts that are printed here */
};

static struct hdl_object_id former_id(const void *base, uint32_t i)
{
	const struct hdl_former *former = &((const struct wanted *)base)->former[i];

	return hdl_named_id(former->kind, former->group, former->ns, former->name);
}

static bool is_wanted(const struct wanted *wanted, const struct hdl_resource *resource)
{
	const struct hdl_kind_schema *kind = &hdl_kind_schemas[resource->kind];

	return hdl_index_find(&wanted->index, hdl_named_id(kind->name, kind->group, resource->ns, resource->name),
			      former_id, wanted) >= 0;
}

static void want(struct wanted *wanted, const struct hdl_former *former)
{
	wanted->former[wanted->n] = *former;
	hdl_index_add(&wanted->index, (uint32_t)wanted->n++, former_id, wanted);
}

/* `now` may itself be other than the files: what of that former does not touch stays as it is. */
static int want_as_now(struct wanted *wanted, const struct hdl_object_changes *changes)
{
	for (size_t i = 0; i < changes->n; i++) {
		const struct hdl_object_change *change = &changes->at[i];
		const struct hdl_resource *resource = change->after ? change->after : change->before;
		struct hdl_former former = { hdl_kind_schemas[resource->kind].name,
					     hdl_kind_schemas[resource->kind].group,
					     resource->ns,
					     resource->name,
					     { 0 } };

		if (is_wanted(wanted, resource))
			continue;
		if (change->after && hdl_version_print(wanted->arena, change->after, &former.version) < 0)
			return -ENOMEM;
		want(wanted, &former);
	}
	return 0;
}

static int collect_wanted(const struct hdl_resource_list *files, const struct hdl_config_set *now,
			  const struct hdl_former *former, size_t n, struct wanted *ret)
{
	struct hdl_object_changes changes = { 0 };
	int r = hdl_resources_compare(files->at, files->n, now->at, now->n, &changes);

	if (r < 0)
		return r;
	ret->arena = hdl_arena_new(0);
	ret->former = calloc(n + changes.n + 1, sizeof(*ret->former));
	r = ret->arena && ret->former ? hdl_index_reserve(&ret->index, n + changes.n, former_id, ret) : -ENOMEM;
	for (size_t i = 0; r == 0 && i < n; i++)
		want(ret, &former[i]);
	if (r == 0)
		r = want_as_now(ret, &changes);
	hdl_object_changes_done(&changes);
	return r;
}

static void wanted_done(struct wanted *wanted)
{
	hdl_index_done(&wanted->index);
	hdl_arena_free(wanted->arena);
	free(wanted->former);
}

/* ---- their texts ---- */

static int by_place(const void *a, const void *b)
{
	const struct hdl_version *x = &((const struct hdl_former *)a)->version,
				 *y = &((const struct hdl_former *)b)->version;
	int r = strcmp(x->file, y->file);

	if (r)
		return r;
	if (x->document != y->document)
		return x->document < y->document ? -1 : 1;
	return x->line < y->line ? -1 : x->line > y->line;
}

/* former is sorted: the run of one file that begins at i. */
static int put_file(struct hdl_resource_store *store, const struct hdl_former *former, size_t count, size_t i,
		    size_t *ret_next)
{
	const char *path = former[i].version.file;
	struct hdl_yaml_chunk *chunk;
	size_t n = 0;
	int r;

	while (i + n < count && strcmp(former[i + n].version.file, path) == 0)
		n++;
	chunk = calloc(n, sizeof(*chunk));
	if (!chunk)
		return -ENOMEM;
	for (size_t j = 0; j < n; j++) {
		const struct hdl_version *version = &former[i + j].version;

		chunk[j] =
			(struct hdl_yaml_chunk){ { version->text, version->bytes }, version->document, version->line };
	}
	r = hdl_resource_store_put_chunks(store, path, chunk, n);
	free(chunk);
	*ret_next = i + n;
	return r;
}

/* All texts; a copy is sorted, because the index is over the order that is there. */
static int put_all(struct hdl_resource_store *store, const struct wanted *wanted)
{
	struct hdl_former *sorted = calloc(wanted->n + 1, sizeof(*sorted));
	size_t i = 0, n = 0;
	int r = 0;

	if (!sorted)
		return -ENOMEM;
	for (size_t j = 0; j < wanted->n; j++)
		if (wanted->former[j].version.text)
			sorted[n++] = wanted->former[j];
	if (n)
		qsort(sorted, n, sizeof(*sorted), by_place);
	while (r == 0 && i < n)
		r = put_file(store, sorted, n, i, &i);
	free(sorted);
	return r;
}

static int refuse(const struct hdl_diags *diags, struct hdl_err *err)
{
	struct hdl_buf text = { .limit_bytes = 800 };
	int r;

	for (size_t i = 0; i < diags->n && !text.n; i++)
		if (diags->at[i].severity == HDL_ERROR)
			hdl_diag_print(&text, &diags->at[i]);
	r = hdl_err_set(err, -EINVAL, "a document of that epoch is not accepted any more: %s", text.p ? text.p : "");
	hdl_buf_done(&text);
	return r;
}

static int decode(const struct wanted *wanted, struct hdl_resource_list **ret, struct hdl_err *err)
{
	struct hdl_resource_store *store = hdl_resource_store_new();
	struct hdl_resource_list *list;
	struct hdl_diags diags = { 0 };
	int r;

	if (!store)
		return hdl_err_set(err, -ENOMEM, "out of memory");
	hdl_resource_store_set_check(store, hdl_xlate_check);
	r = put_all(store, wanted);
	if (r == 0)
		r = hdl_resource_store_commit(store, &list);
	if (r < 0) {
		hdl_resource_store_free(store);
		return hdl_err_set(err, r, "%s", strerror(-r));
	}
	hdl_resource_store_diags(store, &diags);
	if (diags.errors) {
		hdl_resource_list_unref(list);
		r = refuse(&diags, err);
	} else {
		*ret = list;
	}
	hdl_diags_done(&diags);
	hdl_resource_store_free(store);
	return r;
}

/* ---- the set ---- */

static bool before(const struct hdl_resource *a, const struct hdl_resource *b)
{
	int r = strcmp(a->file, b->file);

	return r ? r < 0 : a->order < b->order;
}

static const struct hdl_resource *resource_of(const void *at)
{
	return at;
}

static int merge(struct set *set, const struct wanted *wanted)
{
	const struct hdl_resource_list *files = set->files, *own = set->own;
	size_t i = 0, j = 0, n = 0;

	set->at = calloc(files->n + own->n + 1, sizeof(const struct hdl_resource *));
	if (!set->at)
		return -ENOMEM;
	while (i < files->n || j < own->n) {
		if (i < files->n && is_wanted(wanted, files->at[i]))
			i++;
		else if (j == own->n || (i < files->n && before(files->at[i], own->at[j])))
			set->at[n++] = files->at[i++];
		else
			set->at[n++] = own->at[j++];
	}
	set->set.at = set->at;
	set->set.n = n;
	return hdl_order_by_age((void **)set->at, n, resource_of);
}

/* It may have come out as what the files say. */
static int differs(const struct set *set, bool *ret)
{
	struct hdl_object_changes changes = { 0 };
	int r = hdl_resources_compare(set->files->at, set->files->n, set->set.at, set->set.n, &changes);

	*ret = false;
	for (size_t i = 0; r == 0 && i < changes.n; i++)
		*ret |= !changes.at[i].moved;
	hdl_object_changes_done(&changes);
	return r;
}

const struct hdl_config_set *hdl_config_set_former(struct hdl_resource_list *files, const struct hdl_config_set *now,
						   const struct hdl_former *former, size_t n, uint64_t rolled_back_to,
						   struct hdl_err *err)
{
	struct wanted wanted = { 0 };
	struct set *set = NULL;
	bool other = false;
	int r = collect_wanted(files, now, former, n, &wanted);

	if (r == 0) {
		set = set_new(files);
		r = set ? 0 : -ENOMEM;
	}
	if (r < 0)
		hdl_err_set(err, r, "%s", strerror(-r));
	else
		r = decode(&wanted, &set->own, err);
	if (r == 0 && (merge(set, &wanted) < 0 || differs(set, &other) < 0))
		r = hdl_err_set(err, -ENOMEM, "out of memory");
	wanted_done(&wanted);
	if (r < 0) {
		if (set)
			hdl_config_set_unref(&set->set);
		return NULL;
	}
	set->set.rolled_back_to = other ? rolled_back_to : 0;
	return &set->set;
}
