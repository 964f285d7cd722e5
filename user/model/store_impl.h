/* SPDX-License-Identifier: Apache-2.0 */
/* Insides of the resource store: files, their documents and objects, and the memory that they share. */
#ifndef HDL_MODEL_STORE_IMPL_H
#define HDL_MODEL_STORE_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/arena.h"
#include "conf/yaml.h"
#include "model/index.h"
#include "model/store.h"

/*
 * Memory of a few neighbouring documents, referred to by each object decoded into it, by each list that holds such an
 * object, and by the store while it takes more. Small, so that one old object does not keep a whole old file.
 */
struct hdl_page {
	struct hdl_arena *arena;
	const char *file; /* of its newest object, which the next ones share; NULL: none */
	size_t refs;
};

struct hdl_page *hdl_page_unref(struct hdl_page *page); /* accepts NULL, returns NULL */

/* Diagnostics kept of a file, all documents together; more are counted. */
#define HDL_STORE_FILE_DIAGS 1000

/*
 * An object of a file. Its newest document is accepted (resource is from it), refused (resource is the last accepted
 * version, or NULL), or out of sight because some document of the file is not YAML (orphan).
 */
struct hdl_stored {
	struct hdl_object_id id; /* strings of resource, or of own_id */
	char *own_id;
	const struct hdl_resource *resource;
	struct hdl_page *page; /* of resource */
	uint64_t order;
	bool refused, orphan;
	bool owner;   /* was in force at the last commit */
	bool lost;    /* was a duplicate at the last commit */
	bool won;     /* scratch of the commit */
	size_t place; /* in the list of the last commit, for an owner */
};

/* A document as last read, so that it need not be decoded again while it stays as it is. */
struct hdl_stored_document {
	uint64_t hash;
	size_t bytes;
	uint32_t first_line, index;
	uint32_t skipped;   /* objects of kinds that are not read */
	bool empty, hidden; /* hidden: whose objects it holds cannot be known */
	struct hdl_diags diags;
};

struct hdl_stored_file {
	char *path;
	struct hdl_stored_document *document;
	size_t documents, documents_capacity;
	struct hdl_stored *object; /* by order */
	size_t objects, objects_capacity;
	size_t kept_diags;
	char *unreadable; /* reason, or NULL */
	bool changed;     /* since the last commit */
	bool alike;       /* changed, with the same objects, all of which were and stay in force */
	size_t duplicates;
	struct hdl_diags diags; /* all, as of the last commit */
};

struct hdl_resource_store {
	struct hdl_stored_file **file; /* by path */
	size_t files, capacity;
	struct hdl_page *page;     /* takes the next small documents */
	struct hdl_arena *scratch; /* value trees */
	hdl_resource_check_fn *check;
	hdl_resource_recall_fn *recall;
	void *recall_data;
	struct hdl_resource_list *list; /* of the last commit */
	bool changed;
	bool contested;    /* some change may decide anew who owns what */
	size_t duplicates; /* of all files, at the last commit */
};

struct hdl_stored_file *hdl_stored_file_new(const char *path); /* NULL when out of memory */
struct hdl_stored_file *hdl_stored_file_free(struct hdl_stored_file *file);
void hdl_stored_done(struct hdl_stored *object);

/* store_read.c */

/* Where documents come from: a text to be cut, or chunks. */
struct hdl_store_documents {
	struct hdl_yaml_stream stream;
	const struct hdl_yaml_chunk *chunk;
	size_t n;
};

/* A file as it is now; old: as it was read before, NULL: it is new. 0 or -ENOMEM. */
int hdl_store_read(struct hdl_resource_store *store, const char *path, const struct hdl_stored_file *old,
		   struct hdl_store_documents *documents, struct hdl_stored_file **ret);
/* What an earlier process had accepted from the file, as an earlier version of it; NULL: nothing. 0 or -ENOMEM. */
int hdl_store_recall(struct hdl_resource_store *store, const char *path, struct hdl_stored_file **ret);

#endif
