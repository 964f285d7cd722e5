/* SPDX-License-Identifier: Apache-2.0 */
/* Opens and follows the access log. */
#include "heddled/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void hdl_logfile_init(struct hdl_logfile *log)
{
	*log = (struct hdl_logfile){ .fd = -1 };
}

void hdl_logfile_done(struct hdl_logfile *log)
{
	if (log->fd >= 0)
		close(log->fd);
	hdl_logfile_init(log);
}

/* 1, 2 for the daemon's own descriptors, else -1. */
static int own_descriptor(const char *path)
{
	if (strcmp(path, "-") == 0 || strcmp(path, "/dev/stdout") == 0 || strcmp(path, "/proc/self/fd/1") == 0)
		return STDOUT_FILENO;
	if (strcmp(path, "/dev/stderr") == 0 || strcmp(path, "/proc/self/fd/2") == 0)
		return STDERR_FILENO;
	return -1;
}

static bool is_below(const char *path, const char *directory)
{
	size_t n = strlen(directory);

	return strncmp(path, directory, n) == 0 && path[n] == '/';
}

int hdl_logfile_check(const char *path, const char *run_dir, struct hdl_err *err)
{
	char parent[PATH_MAX], real[PATH_MAX], run[PATH_MAX];
	const char *slash = strrchr(path, '/');
	struct stat st;
	size_t n;

	if (path[0] == '\0' || own_descriptor(path) >= 0)
		return 0;
	if (path[0] != '/' || !slash[1] || strlen(path) >= sizeof(parent))
		return hdl_err_set(err, -EACCES, "access log %s: not an absolute path", path);
	snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
	if (!realpath(parent, real))
		return hdl_err_set(err, -errno, "access log %s: %s", path, strerror(errno));
	/* a link would lead elsewhere after all */
	if (lstat(path, &st) == 0 && (!S_ISREG(st.st_mode) || st.st_nlink != 1))
		return hdl_err_set(err, -EACCES, "access log %s: not a plain file; name it by --access-log", path);
	n = strlen(path);
	if (realpath(run_dir, run) && strcmp(real, run) == 0 && n > 4 && strcmp(path + n - 4, ".log") == 0)
		return 0;
	if (strcmp(real, "/var/log") == 0 || is_below(real, "/var/log"))
		return 0;
	return hdl_err_set(err, -EACCES,
			   "access log %s: NodeConfig may name a file below /var/log, %s/*.log or /dev/stdout; "
			   "name other places by --access-log",
			   path, run_dir);
}

static int open_path(const char *path, struct stat *ret_st, struct hdl_err *err)
{
	int own = own_descriptor(path), fd;

	if (own >= 0)
		fd = fcntl(own, F_DUPFD_CLOEXEC, 3);
	else
		/* a pipe without a reader must not stop the keeper */
		fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
	if (fd < 0)
		return hdl_err_set(err, -errno, "access log %s: %s", path, strerror(errno));
	if (fstat(fd, ret_st) < 0 || S_ISDIR(ret_st->st_mode) || S_ISBLK(ret_st->st_mode) ||
	    (S_ISSOCK(ret_st->st_mode) && own < 0)) {
		close(fd);
		return hdl_err_set(err, -EINVAL, "access log %s: neither file, pipe, terminal nor character device",
				   path);
	}
	return fd;
}

int hdl_logfile_open(struct hdl_logfile *log, const char *path, struct hdl_err *err)
{
	struct stat st = { 0 };
	int fd = -1;

	if (strlen(path) >= sizeof(log->path))
		return hdl_err_set(err, -ENAMETOOLONG, "access log: the path is too long");
	if (path[0]) {
		fd = open_path(path, &st, err);
		if (fd < 0)
			return fd;
	}
	if (log->fd >= 0)
		close(log->fd);
	log->fd = fd;
	log->device = st.st_dev;
	log->inode = st.st_ino;
	if (path != log->path)
		snprintf(log->path, sizeof(log->path), "%s", path);
	return 0;
}

bool hdl_logfile_moved(const struct hdl_logfile *log)
{
	struct stat st;

	if (log->fd < 0 || own_descriptor(log->path) >= 0)
		return false;
	return stat(log->path, &st) < 0 || st.st_dev != log->device || st.st_ino != log->inode;
}
