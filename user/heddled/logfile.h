/* SPDX-License-Identifier: Apache-2.0 */
/* The keeper's hold on the access log: opens it, and again when it was renamed away or removed. */
#ifndef HDL_HEDDLED_LOGFILE_H
#define HDL_HEDDLED_LOGFILE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>
#include "base/err.h"

struct hdl_logfile {
	char path[PATH_MAX]; /* "" = off */
	int fd;              /* -1 = none */
	dev_t device;
	ino_t inode;
};

void hdl_logfile_init(struct hdl_logfile *log);
void hdl_logfile_done(struct hdl_logfile *log);

/*
 * Where a path from NodeConfig may lead when the keeper is root. The path comes out of the unprivileged process, and who
 * took that over must not append to files of root's: only standard output and error, and files below /var/log or
 * *.log in the run directory, count. Other places need --access-log. 0 or -EACCES.
 */
int hdl_logfile_check(const char *path, const char *run_dir, struct hdl_err *err);
/*
 * Opens for appending and makes it if needed: a regular file, pipe, terminal or character device. "-", /dev/stdout and
 * /dev/stderr are the daemon's own. On failure the former file stays in use.
 */
int hdl_logfile_open(struct hdl_logfile *log, const char *path, struct hdl_err *err);
/* Is something else, or nothing, at the path by now? */
bool hdl_logfile_moved(const struct hdl_logfile *log);

#endif
