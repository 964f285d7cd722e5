/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's side of the configuration: files of a pass into resources, resources into a snapshot. */
#ifndef HDL_HEDDLED_CONFIG_H
#define HDL_HEDDLED_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"
#include "ir/snapshot.h"
#include "model/diag.h"
#include "model/store.h"

#define HDL_CONFIG_FILE_BYTES_MAX (10u << 20)

struct hdl_config;

struct hdl_config_options {
	const char *access_log; /* of --access-log; NULL = NodeConfig decides */
	bool node_given;        /* --node-config: other NodeConfigs do not count */
};

struct hdl_config *hdl_config_new(const struct hdl_config_options *options, struct hdl_err *err);
struct hdl_config *hdl_config_free(struct hdl_config *config);

/* A pass. Files that are not named between begin and end are gone. */
void hdl_config_begin(struct hdl_config *config);
/* fd: open for reading, stays the caller's; -1 with error (errno), or with same: unchanged since the pass before. 0 or -ENOMEM. */
int hdl_config_file(struct hdl_config *config, const char *path, bool node, int fd, int error, bool same);
/*
 * 1: *ret is a new snapshot with one reference, compiled; 0: nothing changed since the last; -ENOMEM with text. again:
 * make one also when nothing changed.
 */
int hdl_config_end(struct hdl_config *config, bool again, struct hdl_snapshot **ret, struct hdl_err *err);

/* Of the files as of the last pass. */
const struct hdl_resource_store *hdl_config_store(const struct hdl_config *config);
/* Of files and of the translation; valid until the next pass. */
const struct hdl_diags *hdl_config_diags(const struct hdl_config *config);

#endif
