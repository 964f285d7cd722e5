/* SPDX-License-Identifier: Apache-2.0 */
/* Which file's version of each object is in force, and the list of them. */
#include "model/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "model/store_impl.h"

struct list {
	struct hdl_resource_list list; /* what others see */
	size_t refs;
	const struct hdl_resource **at;
	struct hdl_page **page; /* of each resource */
	struct hdl_index index;
};

static struct hdl_object_id list_id(const void *base, uint32_t i)
{
	const struct hdl_resource *resource = ((const struct list *)base)->at[i];

	return (struct hdl_object_id){ resource->kind, resource->ns, resource->name };
}

struct hdl_resource_list *hdl_resource_list_ref(struct hdl_resource_list *list)
{
	((struct list *)list)->refs++;
	return list;
}

struct hdl_resource_list *hdl_resource_list_unref(struct hdl_resource_list *list)
{
	struct list *l = (struct list *)list;

	if (!l || --l->refs)
		return NULL;
	for (size_t i = 0; i < l->list.n; i++)
		hdl_page_unref(l->page[i]);
	hdl_index_done(&l->index);
	free(l->at);
	free(l->page);
	free(l);
	return NULL;
}

/* ---- who wins ---- */

/* The winners so far, by identity. */
struct contest {
	struct hdl_resource_store *store;
	struct hdl_stored **winner;
	size_t n;
	struct hdl_index index;
};

static struct hdl_object_id winner_id(const void *base, uint32_t i)
{
	return ((const struct contest *)base)->winner[i]->id;
}

static const struct hdl_stored *find_winner(const struct contest *contest, struct hdl_object_id id)
{
	int64_t i = hdl_index_find(&contest->index, id, winner_id, contest);

	return i < 0 ? NULL : contest->winner[i];
}

static void enter(struct contest *contest, struct hdl_stored *object)
{
	if (!object->resource || object->won || find_winner(contest, object->id))
		return;
	object->won = true;
	contest->winner[contest->n] = object;
	hdl_index_add(&contest->index, (uint32_t)contest->n++, winner_id, contest);
}

/*
 * Rounds, so that what is in force stays: those in force; others not tried before, which beat an object in force that is
 * out of sight (it may have moved); those out of sight; the duplicates of last time.
 */
static bool is_of_round(const struct hdl_stored *object, int round)
{
	switch (round) {
	case 0:
		return object->owner && !object->orphan;
	case 1:
		return !object->orphan && !object->lost;
	case 2:
		return object->orphan && object->owner;
	default:
		return true;
	}
}

/* An object whose only document now is refused, last accepted from a file that is gone: a rename with a mistake. */
static void adopt(struct contest *contest, struct hdl_stored *object)
{
	struct list *last = (struct list *)contest->store->list;
	int64_t i;

	if (object->resource || !object->refused || !last || find_winner(contest, object->id))
		return;
	i = hdl_index_find(&last->index, object->id, list_id, last);
	if (i < 0)
		return;
	object->resource = last->at[i];
	object->page = last->page[i];
	object->page->refs++;
	enter(contest, object);
}

static int run_contest(struct contest *contest, size_t objects)
{
	struct hdl_resource_store *store = contest->store;

	contest->winner = calloc(objects ? objects : 1, sizeof(struct hdl_stored *));
	if (!contest->winner || hdl_index_reserve(&contest->index, objects, winner_id, contest) < 0)
		return -ENOMEM;
	for (int round = 0; round <= 4; round++)
		for (size_t i = 0; i < store->files; i++)
			for (size_t j = 0; j < store->file[i]->objects; j++) {
				struct hdl_stored *object = &store->file[i]->object[j];

				if (round == 0)
					object->won = false;
				if (round == 4)
					adopt(contest, object);
				else if (is_of_round(object, round))
					enter(contest, object);
			}
	return 0;
}

/* ---- the list ---- */

static struct list *list_new(size_t n)
{
	struct list *list = calloc(1, sizeof(*list));

	if (!list)
		return NULL;
	list->refs = 1;
	list->at = calloc(n ? n : 1, sizeof(const struct hdl_resource *));
	list->page = calloc(n ? n : 1, sizeof(struct hdl_page *));
	if (!list->at || !list->page || hdl_index_reserve(&list->index, n, list_id, list) < 0) {
		hdl_resource_list_unref(&list->list);
		return NULL;
	}
	list->list.at = list->at;
	return list;
}

static struct list *make_list(const struct contest *contest)
{
	const struct hdl_resource_store *store = contest->store;
	struct list *list = list_new(contest->n);

	if (!list)
		return NULL;
	for (size_t i = 0; i < store->files; i++)
		for (size_t j = 0; j < store->file[i]->objects; j++) {
			const struct hdl_stored *object = &store->file[i]->object[j];

			if (!object->won)
				continue;
			list->at[list->list.n] = object->resource;
			list->page[list->list.n] = object->page;
			object->page->refs++;
			hdl_index_add(&list->index, (uint32_t)list->list.n++, list_id, list);
		}
	return list;
}

/* Swaps in the new list unless it says the same as the last one. */
static void settle_list(struct hdl_resource_store *store, struct list *list)
{
	struct list *last = (struct list *)store->list;

	if (last && last->list.n == list->list.n &&
	    !memcmp(last->at, list->at, list->list.n * sizeof(const struct hdl_resource *))) {
		hdl_resource_list_unref(&list->list);
		return;
	}
	list->list.generation = last ? last->list.generation + 1 : 1;
	hdl_resource_list_unref(store->list);
	store->list = &list->list;
}

/* ---- diagnostics of a file ---- */

static struct hdl_diag about(const struct hdl_stored_file *file, enum hdl_severity severity)
{
	return (struct hdl_diag){ .severity = severity, .file = file->path };
}

static void diagnose_objects(const struct contest *contest, struct hdl_stored_file *file, size_t *ret_orphans)
{
	for (size_t i = 0; i < file->objects; i++) {
		struct hdl_stored *object = &file->object[i];
		struct hdl_diag where = about(file, HDL_INFO);

		*ret_orphans += object->orphan && object->won;
		if (!object->won && object->resource && !object->refused && !object->orphan)
			hdl_resource_duplicate(object->resource, find_winner(contest, object->id)->resource,
					       &file->diags);
		if (!object->won || !object->refused)
			continue;
		where.pos = object->resource->pos;
		where.kind = hdl_kind_name(object->id.kind);
		where.ns = object->id.ns;
		where.name = object->id.name;
		hdl_diags_add(&file->diags, &where, "its last accepted version (line %u then) stays in force",
			      where.pos.line);
	}
}

static void diagnose(const struct contest *contest, struct hdl_stored_file *file)
{
	struct hdl_diag where = about(file, HDL_ERROR);
	size_t orphans = 0;

	hdl_diags_done(&file->diags);
	file->diags.limit = HDL_STORE_FILE_DIAGS;
	if (file->unreadable)
		hdl_diags_add(&file->diags, &where, "%s; what was accepted from it stays in force", file->unreadable);
	for (size_t i = 0; i < file->documents; i++)
		hdl_diags_append(&file->diags, &file->document[i].diags);
	diagnose_objects(contest, file, &orphans);
	where.severity = HDL_INFO;
	if (orphans)
		hdl_diags_add(&file->diags, &where, "%zu objects accepted from it earlier stay in force", orphans);
}

static void settle_file(const struct contest *contest, struct hdl_stored_file *file)
{
	size_t duplicates = 0;

	for (size_t i = 0; i < file->objects; i++) {
		struct hdl_stored *object = &file->object[i];

		object->owner = object->won;
		object->lost = !object->won && object->resource && !object->orphan;
		duplicates += object->lost && !object->refused;
	}
	if (file->changed || duplicates || file->duplicates)
		diagnose(contest, file);
	file->duplicates = duplicates;
	file->changed = false;
}

int hdl_resource_store_commit(struct hdl_resource_store *store, struct hdl_resource_list **ret_list)
{
	struct contest contest = { .store = store };
	struct list *list = NULL;
	size_t objects = 0;
	int r = 0;

	if (store->changed || !store->list) {
		for (size_t i = 0; i < store->files; i++)
			objects += store->file[i]->objects;
		r = run_contest(&contest, objects);
		if (r == 0)
			list = make_list(&contest);
		if (list) {
			for (size_t i = 0; i < store->files; i++)
				settle_file(&contest, store->file[i]);
			settle_list(store, list);
			store->changed = false;
		} else {
			r = -ENOMEM;
		}
		free(contest.winner);
		hdl_index_done(&contest.index);
	}
	if (r == 0)
		*ret_list = hdl_resource_list_ref(store->list);
	return r;
}

/* ---- looking ---- */

size_t hdl_resource_store_files(const struct hdl_resource_store *store)
{
	return store->files;
}

static void count_objects(const struct hdl_stored_file *file, struct hdl_store_file *ret)
{
	for (size_t i = 0; i < file->objects; i++) {
		const struct hdl_stored *object = &file->object[i];

		if (object->refused || object->orphan)
			ret->kept += object->owner;
		else
			ret->accepted += object->owner;
		ret->refused += object->refused || object->lost;
	}
}

bool hdl_resource_store_file(const struct hdl_resource_store *store, size_t i, struct hdl_store_file *ret)
{
	const struct hdl_stored_file *file;

	if (i >= store->files)
		return false;
	file = store->file[i];
	*ret = (struct hdl_store_file){ .path = file->path, .diags = &file->diags };
	count_objects(file, ret);
	for (size_t j = 0; j < file->documents; j++) {
		ret->documents += !file->document[j].empty;
		ret->refused += file->document[j].hidden;
		ret->skipped += file->document[j].skipped;
	}
	ret->state = ret->refused || file->unreadable ? HDL_FILE_REFUSED : HDL_FILE_ACCEPTED;
	return true;
}

void hdl_resource_store_diags(const struct hdl_resource_store *store, struct hdl_diags *diags)
{
	for (size_t i = 0; i < store->files; i++)
		hdl_diags_append(diags, &store->file[i]->diags);
}
