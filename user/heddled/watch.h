/* SPDX-License-Identifier: Apache-2.0 */
/* Tells when something in the watched configuration directories changed, and which files are being written now. */
#ifndef HDL_HEDDLED_WATCH_H
#define HDL_HEDDLED_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/clock.h"
#include "base/err.h"

/* Files that are being written at the same time and are remembered as such; more are read as they come. */
#define HDL_WATCH_WRITING_MAX 1024
/* Files that changed between two looks and are told by name; more mean that everything may have changed. */
#define HDL_WATCH_CHANGED_MAX 8192
/*
 * A file that someone writes in place is not read before it is closed: a part of it may well be a document of its own.
 * But one may hold it open for ever, or its close may have been missed.
 */
#define HDL_WATCH_WRITING_NS (2 * HDL_NS_PER_S)      /* since the last write */
#define HDL_WATCH_WRITING_MAX_NS (10 * HDL_NS_PER_S) /* since the first */
#define HDL_WATCH_CREATED_NS (100 * HDL_NS_PER_MS)   /* made, perhaps as a link, and not written to yet */

struct hdl_watch;

struct hdl_watch *hdl_watch_new(struct hdl_err *err);
struct hdl_watch *hdl_watch_free(struct hdl_watch *watch); /* accepts NULL, returns NULL */
int hdl_watch_fd(const struct hdl_watch *watch);           /* readable: call hdl_watch_read() */

/* Around a scan: directories that were not named between begin and end are no longer watched. */
void hdl_watch_begin(struct hdl_watch *watch);
/* any_name: changes of files of every name count, not only of configuration files. */
void hdl_watch_directory(struct hdl_watch *watch, const char *path, bool any_name);
void hdl_watch_end(struct hdl_watch *watch);

/* After a scan: all that was named is watched, and on file systems that tell of every change. */
bool hdl_watch_is_complete(const struct hdl_watch *watch);

/* Takes what happened. True: something that counts changed. */
bool hdl_watch_read(struct hdl_watch *watch, uint64_t now_ns);
/*
 * What changed since the last call: files by name, sorted, each once, the caller's from now on (hdl_watch_free_names());
 * or with *ret_all more than names can say: directories, links, too much at once.
 */
void hdl_watch_take(struct hdl_watch *watch, char ***ret_names, size_t *ret_n, bool *ret_all);
void hdl_watch_free_names(char **names, size_t n);
/* Is this file being written? Then *ret_until_ns is how long that counts if nothing more happens. */
bool hdl_watch_is_writing(const struct hdl_watch *watch, const char *path, uint64_t now_ns, uint64_t *ret_until_ns);
/* It is a link: what happened was not the beginning of a write. */
void hdl_watch_not_writing(struct hdl_watch *watch, const char *path);

#endif
