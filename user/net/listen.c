/* SPDX-License-Identifier: Apache-2.0 */
/* Opens listening sockets. */
#include "net/listen.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/addr.h"
#include "net/sockaddr.h"

static int set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

/* Options before bind(); TCP_NODELAY is inherited by accepted sockets. */
static int prepare(int fd, bool v6, const struct hdl_listen_options *o)
{
	int r = set(fd, SOL_SOCKET, SO_REUSEADDR, 1);

	if (r == 0)
		r = set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	if (r == 0 && o->reuse_port)
		r = set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (r == 0 && v6)
		r = set(fd, IPPROTO_IPV6, IPV6_V6ONLY, o->v6_only);
	if (r == 0 && o->transparent)
		r = v6 ? set(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, 1) : set(fd, IPPROTO_IP, IP_TRANSPARENT, 1);
	return r;
}

int hdl_listen(const struct hdl_endpoint_addr *at, const struct hdl_listen_options *options, struct hdl_err *err)
{
	char text[HDL_ADDR_PORT_TEXT_MAX];
	union hdl_sockaddr sa;
	socklen_t n = hdl_sockaddr_set(&sa, at);
	int fd, r;

	hdl_addr_port_print(&at->address, at->port, text);
	fd = socket(sa.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	/* A kernel without IPv6 still has all IPv4 addresses. */
	if (fd < 0 && errno == EAFNOSUPPORT && hdl_addr_is_zero(&at->address)) {
		struct hdl_endpoint_addr any = { hdl_addr_from_v4(0), at->port };

		n = hdl_sockaddr_set(&sa, &any);
		fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	}
	if (fd < 0)
		return hdl_err_set(err, -errno, "cannot make a socket for %s: %s", text, strerror(errno));
	r = prepare(fd, sa.sa.sa_family == AF_INET6, options);
	if (r < 0) {
		hdl_err_set(err, r, "cannot set the options of the socket for %s: %s", text, strerror(-r));
	} else if (bind(fd, &sa.sa, n) < 0 || listen(fd, options->backlog ? options->backlog : SOMAXCONN) < 0) {
		r = -errno;
		hdl_err_set(err, r, "cannot listen on %s: %s", text, strerror(-r));
	}
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}
