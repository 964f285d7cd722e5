/* SPDX-License-Identifier: Apache-2.0 */
/* Resources of a set of files over time: last accepted version of each object, diagnostics, state of each file. */
#ifndef HDL_MODEL_STORE_H
#define HDL_MODEL_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/str.h"
#include "conf/yaml.h"
#include "model/diag.h"
#include "model/resource.h"

/*
 * Rules (architecture: an invalid document never takes away what is in force):
 *  - only documents whose text or place in the file changed are decoded again; an unchanged one keeps its resource
 *    pointer, so that a consumer may compare pointers;
 *  - an object whose newest document is refused keeps its last accepted version;
 *  - a document that is not YAML hides who it is, so all objects last accepted from that file and not seen elsewhere
 *    in it stay;
 *  - an object is dropped when its document vanished from a file that could be read, or its file was deleted;
 *  - of two files with one object the one accepted first keeps it, the other is refused naming both places, and takes
 *    over when the first goes away. Files new in the same update count in the order of their names.
 */
struct hdl_resource_store;

enum hdl_file_state { HDL_FILE_ACCEPTED, HDL_FILE_REFUSED /* some document of it was */ };

struct hdl_store_file {
	const char *path;
	enum hdl_file_state state;
	size_t documents, accepted, refused, kept, skipped; /* kept: objects in force by an earlier version */
	const struct hdl_diags *diags;
};

/* Accepted resources in the order of creation (A.0), else by (file name, document); immutable. Holds references to all they point to. */
struct hdl_resource_list {
	const struct hdl_resource *const *at;
	size_t n;
	uint64_t generation; /* grows with each list that differs from the one before */
};

struct hdl_resource_store *hdl_resource_store_new(void);
struct hdl_resource_store *hdl_resource_store_free(struct hdl_resource_store *store);
/*
 * A further check of each document that decoded well, such as hdl_xlate_check(): -EINVAL refuses it, with the reasons
 * added to diags, and its last accepted version stays in force; -ENOMEM. Set it before the first put; NULL: none.
 */
typedef int hdl_resource_check_fn(const struct hdl_resource *resource, struct hdl_diags *diags);
void hdl_resource_store_set_check(struct hdl_resource_store *store, hdl_resource_check_fn *check);

/*
 * Asked once for a file that is new to this store and of which something cannot be accepted: documents accepted from it
 * by an earlier process, which then count as its earlier version. They are decoded and checked like any other; what
 * fails is left out in silence. They stay the callee's until the next call. 0 or -ENOMEM.
 */
typedef int hdl_resource_recall_fn(void *data, const char *path, const struct hdl_yaml_chunk **ret_chunks,
				   size_t *ret_n);
/* NULL: there is nothing to recall (any more). */
void hdl_resource_store_set_recall(struct hdl_resource_store *store, hdl_resource_recall_fn *recall, void *data);

/* The file's content now; the text is not kept. 0 (also when documents were refused), -EFBIG, -ENOMEM. */
int hdl_resource_store_put(struct hdl_resource_store *store, const char *path, struct hdl_str text);
/* The same of documents that are cut already; each has the place in the file that its chunk says. 0 or -ENOMEM. */
int hdl_resource_store_put_chunks(struct hdl_resource_store *store, const char *path,
				  const struct hdl_yaml_chunk *chunks, size_t n);
/* The file is there but could not be read: what was accepted from it stays, and reason is a diagnostic of the file. */
int hdl_resource_store_unreadable(struct hdl_resource_store *store, const char *path, const char *reason);
void hdl_resource_store_delete(struct hdl_resource_store *store, const char *path);

/*
 * Settles who owns which object after any number of put and delete, and hands out the list; the same list as before,
 * with one more reference, when nothing changed. 0 or -ENOMEM (then nothing is settled).
 */
int hdl_resource_store_commit(struct hdl_resource_store *store, struct hdl_resource_list **ret_list);
struct hdl_resource_list *hdl_resource_list_ref(struct hdl_resource_list *list);
/* Accepts NULL. Returns NULL. Not thread-safe: on the thread of the store only. */
struct hdl_resource_list *hdl_resource_list_unref(struct hdl_resource_list *list);

/* Files in the order of their names, valid until the next call that changes the store. */
size_t hdl_resource_store_files(const struct hdl_resource_store *store);
bool hdl_resource_store_file(const struct hdl_resource_store *store, size_t i, struct hdl_store_file *ret);
/* All diagnostics of all files, appended. Those about duplicates are of the last commit. */
void hdl_resource_store_diags(const struct hdl_resource_store *store, struct hdl_diags *diags);

#endif
