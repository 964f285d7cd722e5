/* SPDX-License-Identifier: Apache-2.0 */
/* What the last epochs changed, with the versions before, so that an epoch can be had again. */
#ifndef HDL_MODEL_HISTORY_H
#define HDL_MODEL_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "model/compare.h"
#include "model/index.h"
#include "model/resource.h"

#define HDL_HISTORY_EPOCHS_MAX 100
/* Texts of the versions before, of all epochs together; the oldest epochs lose theirs and cannot be had again. */
#define HDL_HISTORY_BYTES_MAX ((size_t)32 << 20)
/* Changes that are listed of an epoch without texts. */
#define HDL_HISTORY_LISTED_MAX 100

enum hdl_change { HDL_CHANGE_ADDED, HDL_CHANGE_CHANGED, HDL_CHANGE_REMOVED, HDL_CHANGE_MOVED, HDL_CHANGES };

const char *hdl_change_name(enum hdl_change change); /* "added" */
/* Identity of an object whose kind is known by name only, for an index of such objects among themselves. */
struct hdl_object_id hdl_named_id(const char *kind, const char *group, const char *ns, const char *name);

/* One version of an object as text that decodes to it. text NULL: there is none, or it is not kept. */
struct hdl_version {
	const char *text;
	size_t bytes; /* without the NUL behind it */
	const char *file;
	uint32_t line, document;
};

struct hdl_epoch_change {
	enum hdl_change what;
	const char *kind, *group, *ns, *name; /* "Gateway" is a kind of two groups */
	struct hdl_version before, after;     /* a record of the history keeps no text of after */
};

/* An epoch, or a change that was refused while that epoch stayed. */
struct hdl_epoch_meta {
	uint64_t epoch;
	uint64_t wall_ns;
	uint64_t rolled_back_to; /* the epoch whose configuration it is again; 0: from the files */
	bool start;              /* the first one of a worker process */
	const char *refused;     /* NULL: in force */
	size_t added, changed, removed;
};

struct hdl_epoch_record {
	struct hdl_epoch_meta meta;
	const struct hdl_epoch_change *change; /* moved ones too, as long as it is not cut */
	size_t n;
	bool cut; /* without texts, and perhaps not all changes: it cannot be undone */
	struct hdl_arena *arena;
};

struct hdl_history {
	struct hdl_epoch_record record[HDL_HISTORY_EPOCHS_MAX]; /* oldest first */
	size_t n;
	size_t bytes_max; /* HDL_HISTORY_BYTES_MAX unless a test says otherwise */
	size_t bytes;
	uint64_t cuts; /* records that lost their texts to that limit */
};

void hdl_history_init(struct hdl_history *history);
void hdl_history_done(struct hdl_history *history);
/*
 * Copies a record in, at its place by epoch. 0; -ENOMEM: an empty one that is cut stands for it. cut: the texts before
 * are not known.
 */
int hdl_history_add(struct hdl_history *history, const struct hdl_epoch_meta *meta,
		    const struct hdl_epoch_change *change, size_t n, bool cut);

/* What an object was at an epoch: version.text NULL: it did not exist. The strings are the history's. */
struct hdl_former {
	const char *kind, *group, *ns, *name;
	struct hdl_version version;
};

/*
 * All objects that are now not as they were when that epoch was in force. 0 (caller frees *ret); -ENOENT: no such epoch
 * in the history; -ESTALE: the versions between it and now are not all kept; -ENOMEM.
 */
int hdl_history_former(const struct hdl_history *history, uint64_t epoch, struct hdl_former **ret, size_t *ret_n);
/* The oldest epoch that can be had again; 0: none. */
uint64_t hdl_history_oldest(const struct hdl_history *history);

/* The last epoch that brought the version in force of each object, for many questions. */
struct hdl_history_index {
	const struct hdl_history *history;
	struct hdl_epoch_change const **change; /* newest change of an object */
	uint64_t *epoch;                        /* of it */
	size_t n;
	struct hdl_index index;
	uint64_t oldest; /* epoch known, for objects that none changed; 0: none */
};

/* 0 or -ENOMEM. Valid until the history changes. */
int hdl_history_index_make(const struct hdl_history *history, struct hdl_history_index *ret);
void hdl_history_index_done(struct hdl_history_index *index); /* all zero is fine */
uint64_t hdl_history_index_epoch(const struct hdl_history_index *index, struct hdl_object_id id);

/*
 * Changes with both versions printed (Secrets in the clear: for a file that only root reads), counted into *meta. 0 or
 * -ENOMEM. Strings live in the arena or with the resources.
 */
int hdl_history_print(struct hdl_arena *arena, const struct hdl_object_changes *changes, struct hdl_epoch_meta *meta,
		      struct hdl_epoch_change **ret, size_t *ret_n);
/* One resource as such a version. */
int hdl_version_print(struct hdl_arena *arena, const struct hdl_resource *resource, struct hdl_version *ret);

#endif
