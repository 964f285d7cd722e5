/* SPDX-License-Identifier: Apache-2.0 */
/* Thin wrappers around the socket calls. */
#include "net/sock.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <linux/tcp.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "net/sockaddr.h"

socklen_t hdl_sockaddr_set(union hdl_sockaddr *sa, const struct hdl_endpoint_addr *from)
{
	memset(sa, 0, sizeof(*sa));
	if (hdl_addr_is_v4(&from->address)) {
		sa->in.sin_family = AF_INET;
		sa->in.sin_port = htons(from->port);
		sa->in.sin_addr.s_addr = from->address.word[3];
		return sizeof(sa->in);
	}
	sa->in6.sin6_family = AF_INET6;
	sa->in6.sin6_port = htons(from->port);
	memcpy(&sa->in6.sin6_addr, from->address.byte, 16);
	return sizeof(sa->in6);
}

void hdl_sockaddr_get(const union hdl_sockaddr *sa, struct hdl_endpoint_addr *ret)
{
	if (sa->in.sin_family == AF_INET) {
		ret->address = hdl_addr_from_v4(sa->in.sin_addr.s_addr);
		ret->port = ntohs(sa->in.sin_port);
	} else {
		memcpy(ret->address.byte, &sa->in6.sin6_addr, 16);
		ret->port = ntohs(sa->in6.sin6_port);
	}
}

static void set_number(int fd, int option, unsigned int value)
{
	const int number = value < INT_MAX ? (int)value : INT_MAX;

	/* beyond what the system takes: as it has it */
	if (value)
		setsockopt(fd, IPPROTO_TCP, option, &number, sizeof(number));
}

void hdl_sock_keepalive(int fd, unsigned int time_s, unsigned int interval_s, unsigned int probes)
{
	const int one = 1;

	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	set_number(fd, TCP_KEEPIDLE, time_s);
	set_number(fd, TCP_KEEPINTVL, interval_s);
	set_number(fd, TCP_KEEPCNT, probes);
}

int hdl_sock_connect(const struct hdl_endpoint_addr *to, bool *ret_done)
{
	union hdl_sockaddr sa;
	socklen_t n = hdl_sockaddr_set(&sa, to);
	const int one = 1;
	int fd, r;

	fd = socket(sa.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	do
		r = connect(fd, &sa.sa, n);
	while (r < 0 && errno == EINTR);
	if (r < 0 && errno != EINPROGRESS) {
		r = -errno;
		close(fd);
		return r;
	}
	*ret_done = r == 0;
	return fd;
}

int hdl_sock_error(int fd)
{
	int error = 0;
	socklen_t n = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0)
		return -errno;
	return -error;
}

int hdl_sock_accept(int listener_fd, struct hdl_endpoint_addr *ret_peer)
{
	union hdl_sockaddr sa;
	socklen_t n = sizeof(sa);
	int fd;

	do
		fd = accept4(listener_fd, &sa.sa, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
	while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return -errno;
	hdl_sockaddr_get(&sa, ret_peer);
	return fd;
}

int hdl_sock_local(int fd, struct hdl_endpoint_addr *ret)
{
	union hdl_sockaddr sa;
	socklen_t n = sizeof(sa);

	if (getsockname(fd, &sa.sa, &n) < 0)
		return -errno;
	hdl_sockaddr_get(&sa, ret);
	return 0;
}

/*
 * recv() and send() of the C library are cancellation points, whose bookkeeping costs a request some 3 % of its time. The
 * sanitizers need to see the library's functions.
 */
static ssize_t plain_recv(int fd, void *p, size_t n, int flags)
{
#ifdef HDL_SANITIZE
	return recv(fd, p, n, flags);
#else
	return syscall(SYS_recvfrom, fd, p, n, flags, NULL, NULL);
#endif
}

static ssize_t plain_send(int fd, const void *p, size_t n, int flags)
{
#ifdef HDL_SANITIZE
	return send(fd, p, n, flags);
#else
	return syscall(SYS_sendto, fd, p, n, flags, NULL, 0);
#endif
}

ssize_t hdl_sock_read(int fd, void *p, size_t n)
{
	ssize_t r;

	do
		r = plain_recv(fd, p, n, MSG_DONTWAIT);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

ssize_t hdl_sock_write(int fd, const struct iovec *iov, int n)
{
	ssize_t r;

	do {
		if (n == 1) {
			r = plain_send(fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL | MSG_DONTWAIT);
		} else {
			struct msghdr m = { .msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = (size_t)n };

			r = sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
		}
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
	return r;
}

uint64_t hdl_sock_acked_bytes(int fd)
{
	struct tcp_info info;
	socklen_t n = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) < 0 ||
	    n < offsetof(struct tcp_info, tcpi_bytes_acked) + sizeof(info.tcpi_bytes_acked))
		return UINT64_MAX;
	/* The kernel of the connecting side counts the SYN as well. */
	return info.tcpi_bytes_acked > 0 ? info.tcpi_bytes_acked - 1 : 0;
}

void hdl_sock_abort(int fd)
{
	const struct linger linger = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
}
