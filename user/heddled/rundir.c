/* SPDX-License-Identifier: Apache-2.0 */
/* Run directory with lock and control socket. */
#include "heddled/rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/addr.h"

#define BACKLOG 64

static int make_directories(const char *path, struct hdl_err *err)
{
	char part[PATH_MAX];
	size_t n = strlen(path);

	if (n >= sizeof(part))
		return hdl_err_set(err, -ENAMETOOLONG, "%s: the path is too long", path);
	memcpy(part, path, n + 1);
	for (size_t i = 1; i <= n; i++) {
		if (part[i] != '/' && part[i] != '\0')
			continue;
		part[i] = '\0';
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			return hdl_err_set(err, -errno, "cannot create the run directory %s: %s (--run-dir)", part,
					   strerror(errno));
		part[i] = i < n ? '/' : '\0';
	}
	return 0;
}

int hdl_rundir_lock(const char *path, struct hdl_err *err)
{
	char file[PATH_MAX], pid[32] = "";
	int fd, r = make_directories(path, err);

	if (r < 0)
		return r;
	snprintf(file, sizeof(file), "%s/lock", path);
	fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return hdl_err_set(err, -errno, "%s: %s (--run-dir)", file, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);

		pid[n > 0 ? strcspn(pid, "\n") : 0] = '\0';
		close(fd);
		return hdl_err_set(err, -EBUSY,
				   "another heddled (process %s) uses the run directory %s; choose another --run-dir",
				   pid[0] ? pid : "unknown", path);
	}
	snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
	/* the number is for people; the lock itself is what counts */
	if (ftruncate(fd, 0) < 0 || pwrite(fd, pid, strlen(pid), 0) < 0) {
		r = hdl_err_set(err, -errno, "%s: %s", file, strerror(errno));
		close(fd);
		return r;
	}
	return fd;
}

static int socket_path(const char *directory, struct sockaddr_un *ret, struct hdl_err *err)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if ((size_t)snprintf(ret->sun_path, sizeof(ret->sun_path), "%s/heddle.sock", directory) >=
	    sizeof(ret->sun_path))
		return hdl_err_set(
			err, -ENAMETOOLONG,
			"%s: too long for a socket path (%zu characters at most); choose a shorter --run-dir",
			directory, sizeof(ret->sun_path) - sizeof("/heddle.sock"));
	return 0;
}

int hdl_rundir_listen(const char *path, struct hdl_err *err)
{
	struct sockaddr_un address;
	int fd, r = socket_path(path, &address, err);
	mode_t mask;

	if (r < 0)
		return r;
	if (unlink(address.sun_path) < 0 && errno != ENOENT)
		return hdl_err_set(err, -errno, "cannot replace %s: %s", address.sun_path, strerror(errno));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return hdl_err_set(err, -errno, "control socket: %s", strerror(errno));
	/* the mode counts from the first moment on */
	mask = umask(0177);
	r = bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, BACKLOG) < 0 ? -errno : 0;
	umask(mask);
	if (r < 0) {
		close(fd);
		return hdl_err_set(err, r, "control socket %s: %s", address.sun_path, strerror(-r));
	}
	return fd;
}

void hdl_rundir_unlink_socket(const char *path)
{
	struct sockaddr_un address;

	if (socket_path(path, &address, NULL) == 0)
		unlink(address.sun_path);
}

int hdl_admin_listen(const struct hdl_addr *address, uint16_t port, struct hdl_err *err)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = __builtin_bswap16(port) };
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_port = in6.sin6_port,
				  .sin_addr.s_addr = address->word[3] };
	bool v4 = hdl_addr_is_v4(address);
	char text[HDL_ADDR_PORT_TEXT_MAX];
	int fd, one = 1, r;

	memcpy(&in6.sin6_addr, address->byte, 16);
	fd = socket(v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return hdl_err_set(err, -errno, "admin socket: %s", strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (!v4)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	r = v4 ? bind(fd, (struct sockaddr *)&in, sizeof(in)) : bind(fd, (struct sockaddr *)&in6, sizeof(in6));
	if (r == 0)
		r = listen(fd, BACKLOG);
	if (r < 0) {
		r = -errno;
		close(fd);
		return hdl_err_set(err, r, "admin address %s: %s%s", hdl_addr_port_print(address, port, text),
				   strerror(-r), r == -EADDRINUSE ? "; choose another --admin" : "");
	}
	return fd;
}
