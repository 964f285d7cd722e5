/* SPDX-License-Identifier: Apache-2.0 */
/* Which file's version of each object is in force, and the list of them. */
#include "model/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "model/age.h"
#include "model/store_impl.h"

/* Where each object is, for lists that have the same objects at the same places. */
struct places {
	struct hdl_index index;
	size_t refs;
};

struct list {
	struct hdl_resource_list list; /* what others see */
	size_t refs;
	const struct hdl_resource **at;
	struct hdl_page **page; /* of each resource */
	struct places *places;
};

static struct hdl_object_id list_id(const void *base, uint32_t i)
{
	const struct hdl_resource *resource = ((const struct list *)base)->at[i];

	return (struct hdl_object_id){ resource->kind, resource->ns, resource->name };
}

static void places_unref(struct places *places)
{
	if (!places || --places->refs)
		return;
	hdl_index_done(&places->index);
	free(places);
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
	places_unref(l->places);
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
	i = hdl_index_find(&last->places->index, object->id, list_id, last);
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

static int make_places(struct list *list, size_t n)
{
	list->places = calloc(1, sizeof(*list->places));
	if (!list->places)
		return -ENOMEM;
	list->places->refs = 1;
	return hdl_index_reserve(&list->places->index, n, list_id, list);
}

static struct list *list_new(size_t n)
{
	struct list *list = calloc(1, sizeof(*list));

	if (!list)
		return NULL;
	list->refs = 1;
	list->at = calloc(n ? n : 1, sizeof(const struct hdl_resource *));
	list->page = calloc(n ? n : 1, sizeof(struct hdl_page *));
	if (!list->at || !list->page) {
		hdl_resource_list_unref(&list->list);
		return NULL;
	}
	list->list.at = list->at;
	return list;
}

static const struct hdl_resource *resource_of(const void *at)
{
	return ((const struct hdl_stored *)at)->resource;
}

/* Those who won, by file and document, but rules with a time of creation by that (A.0). */
static struct hdl_stored **order_winners(const struct contest *contest)
{
	const struct hdl_resource_store *store = contest->store;
	struct hdl_stored **winner = calloc(contest->n + 1, sizeof(struct hdl_stored *));
	size_t n = 0;

	for (size_t i = 0; winner && i < store->files; i++)
		for (size_t j = 0; j < store->file[i]->objects; j++)
			if (store->file[i]->object[j].won)
				winner[n++] = &store->file[i]->object[j];
	if (winner && hdl_order_by_age((void **)winner, n, resource_of) < 0) {
		free(winner);
		return NULL;
	}
	return winner;
}

static struct list *make_list(const struct contest *contest)
{
	struct hdl_stored **winner = order_winners(contest);
	struct list *list = winner ? list_new(contest->n) : NULL;

	if (list && make_places(list, contest->n) < 0) {
		hdl_resource_list_unref(&list->list);
		list = NULL;
	}
	for (size_t i = 0; list && winner[i]; i++) {
		list->at[i] = winner[i]->resource;
		list->page[i] = winner[i]->page;
		winner[i]->page->refs++;
		winner[i]->place = i;
		list->list.n++;
		hdl_index_add(&list->places->index, (uint32_t)i, list_id, list);
	}
	free(winner);
	return list;
}

/*
 * The last list with new versions of some objects in their places: all that changed are files with the same objects as
 * before, all of which stay in force.
 */
static struct list *replace_in_list(const struct hdl_resource_store *store)
{
	const struct list *last = (const struct list *)store->list;
	struct list *list = list_new(last->list.n);

	if (!list)
		return NULL;
	if (last->list.n) {
		memcpy((void *)list->at, last->at, last->list.n * sizeof(const struct hdl_resource *));
		memcpy(list->page, last->page, last->list.n * sizeof(struct hdl_page *));
	}
	list->list.n = last->list.n;
	list->places = last->places;
	list->places->refs++;
	for (size_t i = 0; i < store->files; i++)
		for (size_t j = 0; store->file[i]->changed && j < store->file[i]->objects; j++) {
			struct hdl_stored *object = &store->file[i]->object[j];

			object->won = true;
			list->at[object->place] = object->resource;
			list->page[object->place] = object->page;
		}
	for (size_t i = 0; i < list->list.n; i++)
		list->page[i]->refs++;
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

/* Who owns what is decided anew. */
static int commit_contest(struct hdl_resource_store *store)
{
	struct contest contest = { .store = store };
	struct list *list = NULL;
	size_t objects = 0;
	int r;

	for (size_t i = 0; i < store->files; i++)
		objects += store->file[i]->objects;
	r = run_contest(&contest, objects);
	if (r == 0)
		list = make_list(&contest);
	if (list) {
		store->duplicates = 0;
		for (size_t i = 0; i < store->files; i++) {
			settle_file(&contest, store->file[i]);
			store->duplicates += store->file[i]->duplicates;
		}
		settle_list(store, list);
	}
	free(contest.winner);
	hdl_index_done(&contest.index);
	return list ? 0 : -ENOMEM;
}

/* Who owns what stays: costs what changed, and a copy of the list. */
static int commit_replaced(struct hdl_resource_store *store)
{
	struct contest nobody = { .store = store };
	struct list *list = replace_in_list(store);

	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < store->files; i++)
		if (store->file[i]->changed)
			settle_file(&nobody, store->file[i]);
	settle_list(store, list);
	return 0;
}

int hdl_resource_store_commit(struct hdl_resource_store *store, struct hdl_resource_list **ret_list)
{
	int r = 0;

	/* what is said of duplicates names the place of the winner */
	if (store->changed && store->list && !store->contested && !store->duplicates)
		r = commit_replaced(store);
	else if (store->changed || !store->list)
		r = commit_contest(store);
	if (r < 0)
		return r;
	store->changed = store->contested = false;
	*ret_list = hdl_resource_list_ref(store->list);
	return 0;
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
