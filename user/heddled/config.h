/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's side of the configuration: files of a pass into resources, resources into a snapshot. */
#ifndef HDL_HEDDLED_CONFIG_H
#define HDL_HEDDLED_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"
#include "heddled/config_set.h"
#include "ir/snapshot.h"
#include "model/diag.h"
#include "model/store.h"

struct hdl_config;

struct hdl_config_options {
	const char *access_log; /* of --access-log; NULL = NodeConfig decides */
	bool node_given;        /* --node-config: other NodeConfigs do not count */
};

struct hdl_config *hdl_config_new(const struct hdl_config_options *options, struct hdl_err *err);
struct hdl_config *hdl_config_free(struct hdl_config *config);

/* What an earlier process had accepted, for files of the first pass that hold something to be refused. NULL: no more. */
void hdl_config_set_recall(struct hdl_config *config, hdl_resource_recall_fn *recall, void *data);

/* A pass. Files that are not named between begin and end are gone; in a partial one they are as they were. */
void hdl_config_begin(struct hdl_config *config, bool partial);
/* In a partial pass: that file is gone. */
void hdl_config_gone(struct hdl_config *config, const char *path);
/* fd: open for reading, stays the caller's; -1 with error (errno), or with same: unchanged since the pass before. 0 or -ENOMEM:
 * then the pass fails at its end, and the file must be named again in the next one. */
int hdl_config_file(struct hdl_config *config, const char *path, bool node, int fd, int error, bool same);
/*
 * 1: *ret is a new snapshot with one reference, compiled; 0: nothing changed since the last; or negative errno with text:
 * nothing of the pass counts before a later one is taken whole. again: make one also when nothing changed.
 */
int hdl_config_end(struct hdl_config *config, bool again, struct hdl_snapshot **ret, struct hdl_err *err);
/* Between passes: a new snapshot of what the last one had. 0 or negative errno with text. */
int hdl_config_again(struct hdl_config *config, struct hdl_snapshot **ret, struct hdl_err *err);

/*
 * The configuration in force with each object of former as it was (now: the set in force). *ret as above, 0 or negative
 * errno with text. It stays until the files change.
 */
int hdl_config_roll_back(struct hdl_config *config, const struct hdl_config_set *now, const struct hdl_former *former,
			 size_t n, uint64_t epoch, struct hdl_snapshot **ret, struct hdl_err *err);

/* The last snapshot did not come into force: that set is what stays until the files change. */
void hdl_config_stay(struct hdl_config *config, const struct hdl_config_set *set);
/* What the last snapshot was made of; NULL before the first. */
const struct hdl_config_set *hdl_config_set(const struct hdl_config *config);
/* Of the content of all files: the same after a restart when they are the same. */
uint64_t hdl_config_files_hash(const struct hdl_config *config);
/* Of the files as of the last pass. */
const struct hdl_resource_store *hdl_config_store(const struct hdl_config *config);
/* Of files and of the translation; valid until the next pass. */
const struct hdl_diags *hdl_config_diags(const struct hdl_config *config);

#endif
