/* SPDX-License-Identifier: Apache-2.0 */
/* Tells when something in the watched configuration directories changed, and which files are being written now. */
#ifndef HDL_HEDDLED_WATCH_H
#define HDL_HEDDLED_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"

/* Files that are being written at the same time and are remembered as such; more are read as they come. */
#define HDL_WATCH_WRITING_MAX 1024

struct hdl_watch;

struct hdl_watch *hdl_watch_new(struct hdl_err *err);
struct hdl_watch *hdl_watch_free(struct hdl_watch *watch); /* accepts NULL, returns NULL */
int hdl_watch_fd(const struct hdl_watch *watch);           /* readable: call hdl_watch_read() */

/* Around a scan: directories that were not named between begin and end are no longer watched. */
void hdl_watch_begin(struct hdl_watch *watch);
/* any_name: changes of files of every name count, not only of configuration files. */
void hdl_watch_directory(struct hdl_watch *watch, const char *path, bool any_name);
void hdl_watch_end(struct hdl_watch *watch);

/* Takes what happened. True: something that counts changed. */
bool hdl_watch_read(struct hdl_watch *watch, uint64_t now_ns);
/* Is this file open for writing since less than for_ns? Then *ret_since_ns says since when. */
bool hdl_watch_is_writing(const struct hdl_watch *watch, const char *path, uint64_t now_ns, uint64_t for_ns,
			  uint64_t *ret_since_ns);

#endif
