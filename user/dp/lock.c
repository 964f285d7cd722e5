/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Locks between daemons: flock on the bpffs directory; names of abstract unix sockets for what is not a file. Marks and
 * tables belong to a network namespace, and so do abstract names; the cgroup is locked as the directory that it is.
 */
#include "dp/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { LOCK_BPFFS, LOCK_CGROUP, LOCK_MARK, LOCK_TABLE };

/* Descriptor of the locked directory, -EBUSY, or another negative errno. */
static int lock_directory(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		int r = errno == EWOULDBLOCK ? -EBUSY : -errno;

		close(fd);
		return r;
	}
	return fd;
}

/* Holds a name of the abstract namespace: bound as long as the descriptor is open. */
static int lock_name(const char *format, ...) __attribute__((format(printf, 1, 2)));
static int lock_name(const char *format, ...)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	va_list ap;
	int fd, n;

	va_start(ap, format);
	n = vsnprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, format, ap);
	va_end(ap);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&address,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n)) != 0) {
		int r = errno == EADDRINUSE ? -EBUSY : -errno;

		close(fd);
		return r;
	}
	return fd;
}

int hdl_dp_lock_bpffs(struct hdl_dp_lock *lock, const char *bpffs, struct hdl_err *err)
{
	int fd = lock_directory(bpffs);

	if (fd == -EBUSY)
		return hdl_err_set(err, fd, "another heddled uses --bpffs %s", bpffs);
	if (fd < 0)
		return hdl_err_set(err, fd, "--bpffs %s cannot be locked: %s", bpffs, strerror(-fd));
	lock->fd[LOCK_BPFFS] = fd;
	return 0;
}

static int take(struct hdl_dp_lock *lock, int which, int fd)
{
	if (fd >= 0)
		lock->fd[which] = fd;
	return fd < 0 ? fd : 0;
}

int hdl_dp_lock_hooks(struct hdl_dp_lock *lock, const char *cgroup, uint32_t mark, uint32_t mask, uint32_t table,
		      struct hdl_err *err)
{
	int r = take(lock, LOCK_CGROUP, lock_directory(cgroup));

	if (r == -EBUSY)
		return hdl_err_set(err, r, "another heddled is attached to --cgroup %s", cgroup);
	if (r < 0)
		return hdl_err_set(err, r, "--cgroup %s cannot be locked: %s", cgroup, strerror(-r));
	r = take(lock, LOCK_MARK, lock_name("heddle/mark/%x", mark));
	if (r == -EBUSY)
		return hdl_err_set(
			err, r, "another heddled uses packet mark 0x%x (mask 0x%x): give this one another packetMark",
			mark, mask);
	if (r == 0)
		r = take(lock, LOCK_TABLE, lock_name("heddle/table/%u", table));
	if (r == -EBUSY)
		return hdl_err_set(
			err, r, "another heddled uses routing table %u: give this one another packetMark.table", table);
	return r < 0 ? hdl_err_set(err, r, "locks: %s", strerror(-r)) : 0;
}

void hdl_dp_unlock(struct hdl_dp_lock *lock)
{
	for (int i = 0; i < HDL_DP_LOCKS; i++) {
		if (lock->fd[i] >= 0)
			close(lock->fd[i]);
		lock->fd[i] = -1;
	}
}
