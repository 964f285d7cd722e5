/* SPDX-License-Identifier: Apache-2.0 */
/* One file into its objects: what changed is decoded, what is refused or out of sight keeps its last accepted version. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/hash.h"
#include "conf/yaml.h"
#include "model/schema.h"
#include "model/store.h"
#include "model/store_impl.h"

#define PAGE_BYTES 10240u          /* a page is full beyond this */
#define BLOCK_BYTES 1024u          /* of a page: half of one is left over */
#define LARGE_DOCUMENT_BYTES 8192u /* has a page of its own */

static struct hdl_page *page_new(bool large)
{
	struct hdl_page *page = calloc(1, sizeof(*page));

	if (!page)
		return NULL;
	page->refs = 1;
	page->arena = large ? hdl_arena_new(0) : hdl_arena_new_small(0, BLOCK_BYTES);
	if (!page->arena) {
		free(page);
		return NULL;
	}
	return page;
}

/* A page for an object of that many bytes of text, with a reference for the caller. */
static struct hdl_page *page_take(struct hdl_resource_store *store, size_t bytes)
{
	if (bytes > LARGE_DOCUMENT_BYTES)
		return page_new(true);
	if (store->page && hdl_arena_used_bytes(store->page->arena) > PAGE_BYTES)
		store->page = hdl_page_unref(store->page);
	if (!store->page)
		store->page = page_new(false);
	if (store->page)
		store->page->refs++;
	return store->page;
}

/* ---- growing a file ---- */

static int room(void **at, size_t n, size_t *capacity, size_t size)
{
	size_t more = *capacity ? *capacity * 2 : 4;
	void *p;

	if (n < *capacity)
		return 0;
	p = realloc(*at, more * size);
	if (!p)
		return -ENOMEM;
	*at = p;
	*capacity = more;
	return 0;
}

/* Gives back what was taken for more. A failure leaves it as it is. */
static void fit(void **at, size_t n, size_t *capacity, size_t size)
{
	void *p = n && n < *capacity ? realloc(*at, n * size) : NULL;

	if (!p)
		return;
	*at = p;
	*capacity = n;
}

static void fit_file(struct hdl_stored_file *file)
{
	void *documents = file->document, *objects = file->object;

	fit(&documents, file->documents, &file->documents_capacity, sizeof(*file->document));
	fit(&objects, file->objects, &file->objects_capacity, sizeof(*file->object));
	file->document = documents;
	file->object = objects;
}

static struct hdl_stored_document *add_document(struct hdl_stored_file *file, const struct hdl_yaml_chunk *chunk)
{
	void *at = file->document;
	struct hdl_stored_document *document;
	int r = room(&at, file->documents, &file->documents_capacity, sizeof(*document));

	file->document = at;
	if (r < 0)
		return NULL;
	document = &file->document[file->documents++];
	*document = (struct hdl_stored_document){
		.hash = hdl_hash64(chunk->text.p, chunk->text.n, hdl_hash_process_seed()),
		.bytes = chunk->text.n,
		.first_line = chunk->first_line,
		.index = chunk->index,
	};
	return document;
}

/* The strings of id must live as long as the object. */
static struct hdl_stored *add_object(struct hdl_stored_file *file, struct hdl_object_id id, uint64_t order)
{
	void *at = file->object;
	struct hdl_stored *object;
	int r = room(&at, file->objects, &file->objects_capacity, sizeof(*object));

	file->object = at;
	if (r < 0)
		return NULL;
	object = &file->object[file->objects++];
	*object = (struct hdl_stored){ .id = id, .order = order };
	return object;
}

static void set_resource(struct hdl_stored *object, const struct hdl_resource *resource, struct hdl_page *page)
{
	object->id = (struct hdl_object_id){ resource->kind, resource->ns, resource->name };
	object->resource = resource;
	object->page = page;
	page->refs++;
}

/* An object that is refused and has no earlier version needs its name all the same. */
static int own_id(struct hdl_stored *object, struct hdl_object_id id)
{
	size_t ns = strlen(id.ns) + 1, name = strlen(id.name) + 1;

	object->own_id = malloc(ns + name);
	if (!object->own_id)
		return -ENOMEM;
	memcpy(object->own_id, id.ns, ns);
	memcpy(object->own_id + ns, id.name, name);
	object->id = (struct hdl_object_id){ id.kind, object->own_id, object->own_id + ns };
	return 0;
}

/* ---- reading a document ---- */

/* All that reading one version of a file needs. */
struct reading {
	struct hdl_resource_store *store;
	struct hdl_stored_file *file;      /* being made */
	const struct hdl_stored_file *old; /* NULL: new file */
	size_t old_document, old_object;   /* first not yet passed */
	struct hdl_diags diags;            /* of the document at hand */
	size_t object_bytes;               /* text of each object of it, on average */
	bool hidden;                       /* some document does not say whose it is */
};

static void take_diags(struct reading *reading, struct hdl_stored_document *document, const struct hdl_diags *diags)
{
	struct hdl_diags *to = &document->diags;

	if (reading->file->kept_diags < HDL_STORE_FILE_DIAGS) {
		hdl_diags_append(to, diags);
		reading->file->kept_diags += to->n;
		return;
	}
	to->errors += diags->errors;
	to->warnings += diags->warnings;
	to->dropped += diags->n + diags->dropped;
}

/* Objects of one file that share a page share its name. */
static const char *file_name(struct hdl_page *page, const char *path)
{
	if (!page->file || strcmp(page->file, path) != 0)
		page->file = hdl_arena_strdup(page->arena, path);
	return page->file;
}

static int decode(struct reading *reading, struct hdl_source source, const struct hdl_node *node, struct hdl_page *page,
		  struct hdl_resource **ret)
{
	struct hdl_resource_store *store = reading->store;
	struct hdl_resource *resource;
	int r;

	source.file = file_name(page, source.file);
	source.stays = true;
	if (!source.file)
		return -ENOMEM;
	r = hdl_model_decode(page->arena, &source, node, &resource, &reading->diags);
	if (r == 0 && store->check)
		r = store->check(resource, &reading->diags);
	if (r == 0)
		*ret = resource;
	return r == 0 || r == 1 || r == -ENOMEM ? r : -EINVAL;
}

static int read_object(struct reading *reading, struct hdl_stored_document *document, const struct hdl_source *source,
		       const struct hdl_node *node)
{
	uint64_t order = (uint64_t)source->document << 32 | source->item;
	struct hdl_page *page = page_take(reading->store, reading->object_bytes);
	struct hdl_resource *resource = NULL;
	struct hdl_stored *object;
	struct hdl_object_id id = { 0 };
	int r;

	if (!page)
		return -ENOMEM;
	r = decode(reading, *source, node, page, &resource);
	document->skipped += r == 1;
	if (r == -EINVAL) {
		r = hdl_model_identify(reading->store->scratch, node, &id);
		if (r == -EINVAL)
			document->hidden = true;
		if (r == 0) {
			object = add_object(reading->file, id, order);
			r = object ? own_id(object, id) : -ENOMEM;
			if (object)
				object->refused = true;
		}
	} else if (r == 0) {
		object = add_object(reading->file, id, order);
		if (object)
			set_resource(object, resource, page);
		r = object ? 0 : -ENOMEM;
	}
	hdl_page_unref(page);
	return r == -ENOMEM ? r : 0;
}

static void refuse_syntax(struct reading *reading, const struct hdl_yaml_error *error)
{
	struct hdl_diag where = {
		.severity = HDL_ERROR,
		.file = reading->file->path,
		.pos = { error->line, error->col },
	};

	hdl_diags_add(&reading->diags, &where, "%s", error->text);
}

static int read_document(struct reading *reading, const struct hdl_yaml_chunk *chunk,
			 struct hdl_stored_document *document)
{
	struct hdl_node *root = NULL;
	struct hdl_yaml_error error;
	int r;

	hdl_arena_reset(reading->store->scratch);
	r = hdl_yaml_parse_document(reading->store->scratch, chunk, &root, &error);
	if (r == -EBADMSG) {
		document->hidden = true;
		refuse_syntax(reading, &error);
		r = 0;
	} else if (r == 0 && !root) {
		document->empty = true;
	} else if (r == 0) {
		size_t items = hdl_model_items(root);

		reading->object_bytes = items ? document->bytes / items : 0;
		for (size_t i = 0; i < items && r == 0; i++) {
			struct hdl_source source = { reading->file->path, chunk->index, (uint32_t)i, false };

			r = read_object(reading, document, &source, hdl_model_item(root, i));
		}
	}
	take_diags(reading, document, &reading->diags);
	hdl_diags_done(&reading->diags);
	return r;
}

/* ---- documents that did not change ---- */

static const struct hdl_stored_document *find_unchanged(struct reading *reading,
							const struct hdl_stored_document *document)
{
	const struct hdl_stored_file *old = reading->old;

	while (old && reading->old_document < old->documents) {
		const struct hdl_stored_document *candidate = &old->document[reading->old_document];

		if (candidate->index > document->index)
			return NULL;
		reading->old_document++;
		if (candidate->index == document->index)
			return candidate->hash == document->hash && candidate->bytes == document->bytes &&
					       candidate->first_line == document->first_line ?
				       candidate :
				       NULL;
	}
	return NULL;
}

static int copy_object(struct reading *reading, const struct hdl_stored *from)
{
	struct hdl_stored *object = add_object(reading->file, from->id, from->order);

	if (!object)
		return -ENOMEM;
	object->refused = from->refused;
	object->orphan = from->orphan;
	object->owner = from->owner;
	object->lost = from->lost;
	object->place = from->place;
	if (from->resource) {
		set_resource(object, from->resource, from->page);
		return 0;
	}
	return own_id(object, from->id);
}

static int copy_unchanged(struct reading *reading, const struct hdl_stored_document *from,
			  struct hdl_stored_document *document)
{
	const struct hdl_stored_file *old = reading->old;
	int r = 0;

	document->skipped = from->skipped;
	document->empty = from->empty;
	document->hidden = from->hidden;
	take_diags(reading, document, &from->diags);
	while (reading->old_object < old->objects && old->object[reading->old_object].order >> 32 < from->index)
		reading->old_object++;
	while (r == 0 && reading->old_object < old->objects &&
	       old->object[reading->old_object].order >> 32 == from->index) {
		const struct hdl_stored *object = &old->object[reading->old_object++];

		/* an orphan is of another document that once had this place */
		if (!object->orphan)
			r = copy_object(reading, object);
	}
	return r;
}

/* ---- earlier versions ---- */

static struct hdl_object_id id_of(const void *base, uint32_t i)
{
	return ((const struct hdl_stored_file *)base)->object[i].id;
}

static int index_objects(const struct hdl_stored_file *file, struct hdl_index *index)
{
	int r = hdl_index_reserve(index, file->objects, id_of, file);

	for (uint32_t i = 0; r == 0 && i < file->objects; i++)
		if (hdl_index_find(index, file->object[i].id, id_of, file) < 0)
			hdl_index_add(index, i, id_of, file);
	return r;
}

/* What the object was before: its place in the ownership, and the version to keep. */
static void inherit(struct hdl_stored *object, const struct hdl_stored *old)
{
	object->owner = old->owner;
	object->lost = old->lost;
	object->place = old->place;
	if (object->refused && !object->resource && old->resource) {
		set_resource(object, old->resource, old->page);
		free(object->own_id);
		object->own_id = NULL;
	}
}

static int inherit_all(struct reading *reading, const struct hdl_index *old_index)
{
	for (size_t i = 0; i < reading->file->objects; i++) {
		struct hdl_stored *object = &reading->file->object[i];
		int64_t j = hdl_index_find(old_index, object->id, id_of, reading->old);

		if (j >= 0)
			inherit(object, &reading->old->object[j]);
	}
	return 0;
}

/* Objects that may be in a document which cannot be read. */
static int keep_orphans(struct reading *reading)
{
	const struct hdl_stored_file *old = reading->old;
	struct hdl_index index = { 0 };
	int r = index_objects(reading->file, &index);

	for (size_t i = 0; r == 0 && i < old->objects; i++) {
		const struct hdl_stored *from = &old->object[i];

		if (!from->resource || hdl_index_find(&index, from->id, id_of, reading->file) >= 0)
			continue;
		r = copy_object(reading, from);
		if (r == 0) {
			reading->file->object[reading->file->objects - 1].orphan = true;
			reading->file->object[reading->file->objects - 1].refused = false;
		}
	}
	hdl_index_done(&index);
	return r;
}

static int compare_order(const void *a, const void *b)
{
	const struct hdl_stored *x = a, *y = b;

	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	return x->orphan - y->orphan;
}

static int keep_earlier(struct reading *reading)
{
	struct hdl_index index = { 0 };
	int r;

	if (!reading->old || !reading->old->objects)
		return 0;
	r = index_objects(reading->old, &index);
	if (r == 0)
		r = inherit_all(reading, &index);
	hdl_index_done(&index);
	if (r == 0 && reading->hidden) {
		r = keep_orphans(reading);
		if (reading->file->objects)
			qsort(reading->file->object, reading->file->objects, sizeof(*reading->file->object),
			      compare_order);
	}
	return r;
}

/* ---- a whole file ---- */

static bool next_document(struct hdl_store_documents *documents, struct hdl_yaml_chunk *ret)
{
	if (!documents->chunk)
		return hdl_yaml_stream_next(&documents->stream, ret);
	if (!documents->n)
		return false;
	documents->n--;
	*ret = *documents->chunk++;
	return true;
}

static int read_documents(struct reading *reading, struct hdl_store_documents *documents)
{
	struct hdl_yaml_chunk chunk;
	int r = 0;

	while (r == 0 && next_document(documents, &chunk)) {
		struct hdl_stored_document *document = add_document(reading->file, &chunk);
		const struct hdl_stored_document *same;

		if (!document)
			return -ENOMEM;
		same = find_unchanged(reading, document);
		r = same ? copy_unchanged(reading, same, document) : read_document(reading, &chunk, document);
		reading->hidden = reading->hidden || document->hidden;
	}
	hdl_arena_reset(reading->store->scratch);
	return r;
}

/* Something of the file is not in force as it stands there now. */
static bool lacks_something(const struct reading *reading)
{
	for (size_t i = 0; i < reading->file->objects; i++)
		if (reading->file->object[i].refused)
			return true;
	return reading->hidden;
}

/* Of what was recalled only the objects count: its documents are not in the file, and what failed says nothing. */
static void keep_objects_only(struct hdl_stored_file *file)
{
	size_t kept = 0;

	for (size_t i = 0; i < file->documents; i++)
		hdl_diags_done(&file->document[i].diags);
	file->documents = file->kept_diags = 0;
	for (size_t i = 0; i < file->objects; i++) {
		if (file->object[i].resource)
			file->object[kept++] = file->object[i];
		else
			hdl_stored_done(&file->object[i]);
	}
	file->objects = kept;
}

int hdl_store_recall(struct hdl_resource_store *store, const char *path, struct hdl_stored_file **ret)
{
	struct reading reading = { .store = store };
	struct hdl_store_documents documents = { .n = 0 };
	int r = store->recall ? store->recall(store->recall_data, path, &documents.chunk, &documents.n) : 0;

	*ret = NULL;
	if (r < 0 || !documents.n)
		return r;
	reading.file = hdl_stored_file_new(path);
	if (!reading.file)
		return -ENOMEM;
	r = read_documents(&reading, &documents);
	hdl_diags_done(&reading.diags);
	if (r < 0) {
		hdl_stored_file_free(reading.file);
		return r;
	}
	keep_objects_only(reading.file);
	*ret = reading.file;
	return 0;
}

static int read_file(struct reading *reading, struct hdl_store_documents *documents)
{
	struct hdl_stored_file *recalled = NULL;
	int r = read_documents(reading, documents);

	if (r == 0 && !reading->old && lacks_something(reading)) {
		r = hdl_store_recall(reading->store, reading->file->path, &recalled);
		reading->old = recalled;
	}
	if (r == 0)
		r = keep_earlier(reading);
	hdl_stored_file_free(recalled);
	return r;
}

int hdl_store_read(struct hdl_resource_store *store, const char *path, const struct hdl_stored_file *old,
		   struct hdl_store_documents *documents, struct hdl_stored_file **ret)
{
	struct reading reading = { .store = store, .old = old };
	int r;

	reading.file = hdl_stored_file_new(path);
	if (!reading.file)
		return -ENOMEM;
	r = read_file(&reading, documents);
	hdl_diags_done(&reading.diags);
	if (r < 0) {
		hdl_stored_file_free(reading.file);
		return r;
	}
	fit_file(reading.file);
	*ret = reading.file;
	return 0;
}
