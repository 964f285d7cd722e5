/* SPDX-License-Identifier: Apache-2.0 */
/* Files into the store and out of it, by path. */
#include "model/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "conf/yaml.h"
#include "model/schema.h"
#include "model/store_impl.h"

/* ---- life and death ---- */

struct hdl_page *hdl_page_unref(struct hdl_page *page)
{
	if (page && --page->refs == 0) {
		hdl_arena_free(page->arena);
		free(page);
	}
	return NULL;
}

void hdl_stored_done(struct hdl_stored *object)
{
	hdl_page_unref(object->page);
	free(object->own_id);
	*object = (struct hdl_stored){ 0 };
}

struct hdl_stored_file *hdl_stored_file_free(struct hdl_stored_file *file)
{
	if (!file)
		return NULL;
	for (size_t i = 0; i < file->documents; i++)
		hdl_diags_done(&file->document[i].diags);
	for (size_t i = 0; i < file->objects; i++)
		hdl_stored_done(&file->object[i]);
	hdl_diags_done(&file->diags);
	free(file->document);
	free(file->object);
	free(file->unreadable);
	free(file->path);
	free(file);
	return NULL;
}

struct hdl_stored_file *hdl_stored_file_new(const char *path)
{
	struct hdl_stored_file *file = calloc(1, sizeof(*file));

	if (!file)
		return NULL;
	file->changed = true;
	file->path = strdup(path);
	return file->path ? file : hdl_stored_file_free(file);
}

struct hdl_resource_store *hdl_resource_store_new(void)
{
	struct hdl_resource_store *store = calloc(1, sizeof(*store));

	if (!store)
		return NULL;
	store->scratch = hdl_arena_new(0);
	return store->scratch ? store : hdl_resource_store_free(store);
}

struct hdl_resource_store *hdl_resource_store_free(struct hdl_resource_store *store)
{
	if (!store)
		return NULL;
	for (size_t i = 0; i < store->files; i++)
		hdl_stored_file_free(store->file[i]);
	free(store->file);
	hdl_resource_list_unref(store->list);
	hdl_page_unref(store->page);
	hdl_arena_free(store->scratch);
	free(store);
	return NULL;
}

void hdl_resource_store_set_check(struct hdl_resource_store *store, hdl_resource_check_fn *check)
{
	store->check = check;
}

void hdl_resource_store_set_recall(struct hdl_resource_store *store, hdl_resource_recall_fn *recall, void *data)
{
	store->recall = recall;
	store->recall_data = data;
}

/* ---- the list of files ---- */

/* Index of the file, or of where it would be. */
static size_t find_file(const struct hdl_resource_store *store, const char *path, bool *ret_found)
{
	size_t low = 0, high = store->files;

	while (low < high) {
		size_t middle = (low + high) / 2;
		int r = strcmp(store->file[middle]->path, path);

		if (r == 0) {
			*ret_found = true;
			return middle;
		}
		if (r < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_found = false;
	return low;
}

static bool same_age(const struct hdl_resource *a, const struct hdl_resource *b)
{
	return a->metadata->created.has == b->metadata->created.has &&
	       a->metadata->created.unix_ns == b->metadata->created.unix_ns;
}

/*
 * Whether the new version of a file says something else of the same objects, and no more: all are in force from it, so
 * that nobody else's claim to any of them can come up.
 */
static bool is_alike(const struct hdl_stored_file *file, const struct hdl_stored_file *old)
{
	if (file->objects != old->objects || (old->changed && !old->alike))
		return false;
	for (size_t i = 0; i < file->objects; i++) {
		const struct hdl_stored *a = &file->object[i], *b = &old->object[i];

		if (!a->resource || !a->owner || a->refused || a->orphan || !b->owner || b->refused || b->orphan ||
		    a->id.kind != b->id.kind || strcmp(a->id.name, b->id.name) != 0 ||
		    strcmp(a->id.ns, b->id.ns) != 0 || !same_age(a->resource, b->resource))
			return false;
	}
	return true;
}

/* Replaces the file of that path or adds it; takes over file. */
static int place_file(struct hdl_resource_store *store, struct hdl_stored_file *file)
{
	bool found;
	size_t i = find_file(store, file->path, &found);

	store->changed = true;
	file->alike = found && is_alike(file, store->file[i]);
	store->contested = store->contested || !file->alike;
	if (found) {
		hdl_stored_file_free(store->file[i]);
		store->file[i] = file;
		return 0;
	}
	if (store->files == store->capacity) {
		size_t capacity = store->capacity ? store->capacity * 2 : 16;
		struct hdl_stored_file **at = realloc(store->file, capacity * sizeof(struct hdl_stored_file *));

		if (!at) {
			hdl_stored_file_free(file);
			return -ENOMEM;
		}
		store->file = at;
		store->capacity = capacity;
	}
	memmove(&store->file[i + 1], &store->file[i], (store->files - i) * sizeof(struct hdl_stored_file *));
	store->file[i] = file;
	store->files++;
	return 0;
}

/* ---- the calls ---- */

static int put(struct hdl_resource_store *store, const char *path, struct hdl_store_documents *documents)
{
	struct hdl_stored_file *file;
	bool found;
	size_t i = find_file(store, path, &found);
	int r = hdl_store_read(store, path, found ? store->file[i] : NULL, documents, &file);

	return r < 0 ? r : place_file(store, file);
}

int hdl_resource_store_put_chunks(struct hdl_resource_store *store, const char *path,
				  const struct hdl_yaml_chunk *chunks, size_t n)
{
	static const struct hdl_yaml_chunk none;
	struct hdl_store_documents documents = { .chunk = n ? chunks : &none, .n = n };

	return put(store, path, &documents);
}

int hdl_resource_store_put(struct hdl_resource_store *store, const char *path, struct hdl_str text)
{
	struct hdl_store_documents documents = { .n = 0 };
	int r;

	if (text.n > HDL_YAML_MAX_FILE_BYTES) {
		char reason[80];

		snprintf(reason, sizeof(reason), "the file is larger than %u bytes", HDL_YAML_MAX_FILE_BYTES);
		r = hdl_resource_store_unreadable(store, path, reason);
		return r < 0 ? r : -EFBIG;
	}
	hdl_yaml_stream_init(&documents.stream, text);
	return put(store, path, &documents);
}

int hdl_resource_store_unreadable(struct hdl_resource_store *store, const char *path, const char *reason)
{
	bool found;
	size_t i = find_file(store, path, &found);
	struct hdl_stored_file *file = NULL;
	char *copy;
	int r = found ? 0 : hdl_store_recall(store, path, &file);

	if (r < 0)
		return r;
	copy = strdup(reason);
	if (found)
		file = store->file[i];
	else if (!file)
		file = hdl_stored_file_new(path);
	if (!copy || !file) {
		if (!found)
			hdl_stored_file_free(file);
		free(copy);
		return -ENOMEM;
	}
	free(file->unreadable);
	file->unreadable = copy;
	file->changed = true;
	file->alike = false;
	store->changed = store->contested = true;
	return found ? 0 : place_file(store, file);
}

void hdl_resource_store_delete(struct hdl_resource_store *store, const char *path)
{
	bool found;
	size_t i = find_file(store, path, &found);

	if (!found)
		return;
	hdl_stored_file_free(store->file[i]);
	store->files--;
	memmove(&store->file[i], &store->file[i + 1], (store->files - i) * sizeof(struct hdl_stored_file *));
	store->changed = store->contested = true;
}
