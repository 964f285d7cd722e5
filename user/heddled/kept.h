/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's side of the state file: history and accepted documents, read at the start and kept up to date. */
#ifndef HDL_HEDDLED_KEPT_H
#define HDL_HEDDLED_KEPT_H

#include <stdbool.h>
#include <stdint.h>
#include "base/clock.h"
#include "base/err.h"
#include "heddled/config_set.h"
#include "model/history.h"
#include "model/saved.h"

/*
 * An epoch is appended to the file when it is in force. The file as a whole is written anew, into another file that then
 * takes the name, after the start and whenever it has grown to twice what it must be; in slices, so that no change waits
 * for it.
 */
#define HDL_KEPT_SLICE_NS (HDL_NS_PER_MS / 2)
#define HDL_KEPT_GROWTH_BYTES ((uint64_t)16 << 20)  /* a file smaller than this is not written anew */
#define HDL_KEPT_QUEUE_BYTES_MAX ((size_t)16 << 20) /* epochs that come meanwhile; more begin the writing anew */
#define HDL_KEPT_RETRY_NS (10 * HDL_NS_PER_S)       /* after a write that failed */

struct hdl_kept_rewrite;

struct hdl_kept {
	struct hdl_history history;
	struct hdl_saved saved; /* of the process before, until the first epoch was compared with it */
	char *text;             /* of saved */
	struct hdl_yaml_chunk *recalled;
	int fd;                           /* the file; -1: none that can be appended to */
	int new_fd;                       /* where to write it anew; -1: not given yet */
	uint64_t bytes, whole_bytes;      /* of the file now, and when it was written anew */
	struct hdl_kept_rewrite *rewrite; /* NULL: none runs */
	uint64_t retry_ns;
	uint64_t writes_failed;
	char reason[256]; /* why nothing is kept; "": all is kept */
};

void hdl_kept_init(struct hdl_kept *state);
void hdl_kept_done(struct hdl_kept *state);

/*
 * Descriptors from the keeper, taken over: fd, the file that is there, or -1; new_fd, or -1. A file that is damaged is
 * reported and not used.
 */
void hdl_kept_take(struct hdl_kept *state, int fd, int new_fd);
/* hdl_resource_recall_fn: documents of a file that the process before had accepted. data: the state. */
int hdl_kept_recall(void *data, const char *path, const struct hdl_yaml_chunk **ret_chunks, size_t *ret_n);
/*
 * The process before had rolled back and the files are the same since: what now (made of the files) must become. 1 and
 * *ret (freed by the caller, strings of the state); 0: no; -ENOMEM.
 */
int hdl_kept_rolled_back(const struct hdl_kept *state, uint64_t files, const struct hdl_config_set *now,
			 struct hdl_arena *arena, struct hdl_former **ret, size_t *ret_n);

/* The first epoch of this process is in force. What the process before left is let go when all is compared. */
void hdl_kept_start(struct hdl_kept *state, const struct hdl_config_set *set, uint64_t epoch, uint64_t wall_ns,
		    uint64_t files);
/* Another one; or a change was refused, then without texts. */
void hdl_kept_epoch(struct hdl_kept *state, const struct hdl_epoch_meta *meta, uint64_t files,
		    const struct hdl_epoch_change *change, size_t n);
/* An epoch could not be told: the file is of no use until it is written anew. */
void hdl_kept_lost(struct hdl_kept *state);
/* What the start changed is not known yet: the history is complete only when it is. */
bool hdl_kept_comparing(const struct hdl_kept *state);
/*
 * Does a slice of what is to be done. True: the new file is complete and synced, and the keeper shall give it the name;
 * *ret_more: call again soon.
 */
bool hdl_kept_turn(struct hdl_kept *state, const struct hdl_config_set *set, uint64_t epoch, uint64_t files,
		   uint64_t now_ns, bool *ret_more);

#endif
