/* SPDX-License-Identifier: Apache-2.0 */
/* Lists the configuration files below the --config paths, without reading any of them. */
#ifndef HDL_BASE_SCAN_H
#define HDL_BASE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include "base/err.h"

#define HDL_SCAN_DEPTH_MAX 16     /* directories below a --config path */
#define HDL_SCAN_FILES_MAX 100000 /* more is a wrong path (/ or a home directory) */
#define HDL_SCAN_DIRECTORIES_MAX 2000
#define HDL_SCAN_FILE_BYTES_MAX (10u << 20) /* of one file; who reads it looks: it may grow after the walk */

/* What tells one state of a file from another. */
struct hdl_scan_stamp {
	uint64_t device, inode, size_bytes;
	int64_t modified_ns, changed_ns;
};

struct hdl_scan_file {
	char *path; /* a --config path, or one followed by names */
	bool node;  /* the file of --node-config */
	int error;  /* errno: there, but cannot be used (also of directories) */
	struct hdl_scan_stamp stamp;
};

/* All zero is an empty list. Sorted by path, each path once. */
struct hdl_scan {
	struct hdl_scan_file *file;
	size_t n, capacity;
	size_t directories;
	size_t errors; /* files with an error */
};

struct hdl_scan_conf {
	const char *const *paths;
	size_t path_count;
	const char *node_path; /* NULL = none */
	/* Called before a directory is read, so that a watch misses nothing; any_name: every name in it matters. May be NULL. */
	void (*directory)(void *data, const char *path, bool any_name);
	void *data;
};

/* Fills *ret, which holds nothing before. What cannot be listed becomes a file with an error. 0 or -ENOMEM. */
int hdl_scan_run(const struct hdl_scan_conf *conf, struct hdl_scan *ret, struct hdl_err *err);
void hdl_scan_done(struct hdl_scan *scan);

/* Does a file of this name count, as far as the name says: *.yaml *.yml *.json, not hidden. */
bool hdl_scan_name_counts(const char *name);
void hdl_scan_stamp_of(const struct stat *st, struct hdl_scan_stamp *ret);
bool hdl_scan_stamp_equal(const struct hdl_scan_stamp *a, const struct hdl_scan_stamp *b);

#endif
