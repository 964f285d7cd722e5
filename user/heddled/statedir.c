/* SPDX-License-Identifier: Apache-2.0 */
/* Opens and renames the state file for a worker process that may open nothing by itself. */
#include "heddled/statedir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/log.h"

static void path_of(const char *run_dir, const char *name, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s", run_dir, name);
}

/* Nobody but the daemon's user may have made it: it says what was accepted. */
static int open_file(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0) {
		if (errno != ENOENT)
			hdl_log_error("%s: %s", path, strerror(errno));
		return -1;
	}
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() && (st.st_mode & 022) == 0)
		return fd;
	hdl_log_error("%s: not used, it is not a file that only we can write", path);
	close(fd);
	return -1;
}

static int open_new(const char *path)
{
	int fd;

	unlink(path);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		hdl_log_error("%s: %s", path, strerror(errno));
	return fd;
}

int hdl_statedir_send(const char *run_dir, bool with_file, struct hdl_channel *channel, struct hdl_err *err)
{
	struct hdl_msg msg = { .type = HDL_MSG_STATE };
	char path[PATH_MAX];
	int fd = -1, r;

	if (with_file) {
		path_of(run_dir, HDL_STATEDIR_FILE, path);
		fd = open_file(path);
	}
	if (fd >= 0) {
		msg.state.present |= 1;
		msg.fd[msg.fd_count++] = fd;
	}
	path_of(run_dir, HDL_STATEDIR_NEW, path);
	fd = open_new(path);
	if (fd >= 0) {
		msg.state.present |= 2;
		msg.fd[msg.fd_count++] = fd;
	}
	r = hdl_channel_send(channel, &msg, err);
	hdl_msg_close_fds(&msg);
	return r;
}

int hdl_statedir_commit(const char *run_dir, struct hdl_err *err)
{
	char from[PATH_MAX], to[PATH_MAX];
	int fd, r = 0;

	path_of(run_dir, HDL_STATEDIR_NEW, from);
	path_of(run_dir, HDL_STATEDIR_FILE, to);
	/* its content is synced already; then the name */
	if (rename(from, to) < 0)
		return hdl_err_set(err, -errno, "%s: %s", to, strerror(errno));
	fd = open(run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		r = hdl_err_set(err, -errno, "%s: %s", run_dir, strerror(errno));
	if (fd >= 0)
		close(fd);
	return r;
}

void hdl_statedir_remove(const char *run_dir)
{
	static const char *const names[] = { HDL_STATEDIR_FILE, HDL_STATEDIR_NEW };
	char path[PATH_MAX];

	for (size_t i = 0; i < 2; i++) {
		path_of(run_dir, names[i], path);
		unlink(path);
	}
}
