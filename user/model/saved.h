/* SPDX-License-Identifier: Apache-2.0 */
/* The state file: accepted documents and history as checked records, so that they outlive the process. */
#ifndef HDL_MODEL_SAVED_H
#define HDL_MODEL_SAVED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "conf/yaml.h"
#include "model/history.h"
#include "model/index.h"

/*
 * The file: a head with the version; PAST records, the history; BASE records, all objects in force at one epoch; one
 * BASE_END; then a NOW record for each epoch since, appended as it comes. Each record has its length and a hash of all
 * of it, so that a record that was cut off or damaged is seen. What the file says is taken for a claim: documents are
 * decoded and checked like any others before they are used.
 */
#define HDL_SAVED_BYTES_MAX ((size_t)256 << 20) /* a larger file is not read, and not written */

struct hdl_saved_object {
	const char *kind, *group, *ns, *name;
	struct hdl_version version; /* text NULL: gone since */
	bool met;                   /* scratch of who compares */
};

/* Objects in force when the file was written last. All zero is empty; done by hdl_saved_done(). */
struct hdl_saved {
	struct hdl_saved_object *object;
	size_t n, capacity;
	struct hdl_index index;
	uint64_t epoch;
	uint64_t rolled_back_to, files; /* the epoch that was had again, and what the files were then; 0: neither */
	size_t good_bytes;              /* as far as the file is whole */
};

/*
 * Reads a file; the strings of *saved point into it, those of the history are copies. 0; 1: what is behind good_bytes
 * was left out, the text says why; -EBADMSG: nothing can be used, the text says why, and both are empty; -ENOMEM.
 */
int hdl_saved_read(struct hdl_str file, struct hdl_saved *saved, struct hdl_history *history, struct hdl_err *err);
void hdl_saved_done(struct hdl_saved *saved);
/* NULL when it was not in force. */
struct hdl_saved_object *hdl_saved_find(const struct hdl_saved *saved, const char *kind, const char *group,
					const char *ns, const char *name);
/* Documents in force that came from that file, in the order of their places; the caller frees *ret. 0 or -ENOMEM. */
int hdl_saved_of_file(const struct hdl_saved *saved, const char *path, struct hdl_yaml_chunk **ret, size_t *ret_n);

/* Writing, in the order above; buf->failed says that memory was out. */
void hdl_saved_write_head(struct hdl_buf *buf);
void hdl_saved_write_past(struct hdl_buf *buf, const struct hdl_epoch_record *record);
void hdl_saved_write_base(struct hdl_buf *buf, const struct hdl_saved_object *objects, size_t n);
void hdl_saved_write_base_end(struct hdl_buf *buf, uint64_t epoch, uint64_t rolled_back_to, uint64_t files);
void hdl_saved_write_now(struct hdl_buf *buf, const struct hdl_epoch_meta *meta, uint64_t files,
			 const struct hdl_epoch_change *change, size_t n);

#endif
