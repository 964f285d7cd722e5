/* SPDX-License-Identifier: Apache-2.0 */
/* Messages and descriptors over the socket between keeper and worker process. */
#include "heddled/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A message that waits: encoded, with its own copies of the descriptors. */
struct waiting {
	struct hdl_list link;
	size_t n;
	unsigned int fd_count;
	int fd[HDL_MSG_FDS_MAX];
	char wire[];
};

/* More than a message may carry, so that a surplus is seen and closed instead of cut off. */
#define FDS_RECEIVED_MAX (HDL_MSG_FDS_MAX + 1)

int hdl_channel_pair(int *ret_keeper, int *ret_worker, struct hdl_err *err)
{
	int fd[2], size = 1 << 20;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd) < 0)
		return hdl_err_set(err, -errno, "cannot make the socket to the worker process: %s", strerror(errno));
	/* A pass over a large configuration should not stop at every file; smaller buffers only cost turns. */
	for (int i = 0; i < 2; i++)
		(void)setsockopt(fd[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	*ret_keeper = fd[0];
	*ret_worker = fd[1];
	return 0;
}

void hdl_channel_init(struct hdl_channel *channel, int fd, enum hdl_msg_side self)
{
	*channel = (struct hdl_channel){ .fd = fd, .self = self };
	hdl_list_init(&channel->queue);
}

static void free_waiting(struct hdl_channel *channel, struct waiting *waiting)
{
	hdl_list_remove(&waiting->link);
	channel->queued--;
	for (unsigned int i = 0; i < waiting->fd_count; i++)
		if (waiting->fd[i] >= 0)
			close(waiting->fd[i]);
	free(waiting);
}

void hdl_channel_done(struct hdl_channel *channel)
{
	HDL_LIST_FOR_EACH_SAFE(item, next, &channel->queue)
		free_waiting(channel, HDL_CONTAINER_OF(item, struct waiting, link));
	if (channel->fd >= 0)
		close(channel->fd);
	channel->fd = -1;
}

/* 0, -EAGAIN no room, or negative errno. */
static int send_wire(int fd, const void *wire, size_t n, const int *fds, unsigned int fd_count)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int) * HDL_MSG_FDS_MAX)];
	} control = { 0 };
	struct iovec iov = { (void *)wire, n };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd_count) {
		struct cmsghdr *cmsg;

		msg.msg_control = control.space;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
		memcpy(CMSG_DATA(cmsg), fds, sizeof(int) * fd_count);
	}
	for (;;) {
		ssize_t sent = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent >= 0)
			return 0;
		if (errno == EINTR)
			continue;
		/* ETOOMANYREFS: too many descriptors on their way; they become fewer as the other side reads. */
		if (errno == EAGAIN || errno == ENOBUFS || errno == ETOOMANYREFS)
			return -EAGAIN;
		return errno == ECONNRESET ? -EPIPE : -errno;
	}
}

static int queue_wire(struct hdl_channel *channel, const void *wire, size_t n, const struct hdl_msg *msg,
		      struct hdl_err *err)
{
	struct waiting *waiting;

	if (channel->queued >= HDL_CHANNEL_QUEUE_MAX)
		return hdl_err_set(err, -ENOBUFS, "%u messages wait and the other process does not read",
				   channel->queued);
	waiting = malloc(sizeof(*waiting) + n);
	if (!waiting)
		return hdl_err_set(err, -ENOMEM, "out of memory");
	memcpy(waiting->wire, wire, n);
	waiting->n = n;
	waiting->fd_count = 0;
	hdl_list_append(&channel->queue, &waiting->link);
	channel->queued++;
	for (unsigned int i = 0; i < msg->fd_count; i++) {
		int fd = fcntl(msg->fd[i], F_DUPFD_CLOEXEC, 0);

		if (fd < 0) {
			int code = -errno;

			free_waiting(channel, waiting);
			return hdl_err_set(err, code, "cannot copy a descriptor: %s", strerror(-code));
		}
		waiting->fd[waiting->fd_count++] = fd;
	}
	return 0;
}

int hdl_channel_send(struct hdl_channel *channel, const struct hdl_msg *msg, struct hdl_err *err)
{
	char wire[HDL_MSG_WIRE_MAX];
	enum hdl_msg_side to = channel->self == HDL_MSG_TO_KEEPER ? HDL_MSG_TO_WORKER : HDL_MSG_TO_KEEPER;
	int n, r;

	if (channel->fd < 0)
		return hdl_err_set(err, -EPIPE, "the other process is gone");
	n = hdl_msg_encode(msg, to, wire, sizeof(wire), err);
	if (n < 0)
		return n;
	r = hdl_channel_flush(channel, err);
	if (r < 0)
		return r;
	if (!hdl_channel_waiting(channel)) {
		r = send_wire(channel->fd, wire, (size_t)n, msg->fd, msg->fd_count);
		if (r == 0)
			return 0;
		if (r != -EAGAIN)
			return hdl_err_set(err, r, "message %s: %s", hdl_msg_name(msg->type), strerror(-r));
	}
	return queue_wire(channel, wire, (size_t)n, msg, err);
}

int hdl_channel_send_plain(struct hdl_channel *channel, enum hdl_msg_type type, struct hdl_err *err)
{
	struct hdl_msg msg = { .type = type };

	return hdl_channel_send(channel, &msg, err);
}

int hdl_channel_flush(struct hdl_channel *channel, struct hdl_err *err)
{
	HDL_LIST_FOR_EACH_SAFE(item, next, &channel->queue) {
		struct waiting *waiting = HDL_CONTAINER_OF(item, struct waiting, link);
		int r = send_wire(channel->fd, waiting->wire, waiting->n, waiting->fd, waiting->fd_count);

		if (r == -EAGAIN)
			return 0;
		if (r < 0)
			return hdl_err_set(err, r, "message to the other process: %s", strerror(-r));
		free_waiting(channel, waiting);
	}
	return 0;
}

/* Collects all descriptors that came, so that none stays open unseen. */
static unsigned int take_fds(struct msghdr *msg, int fds[FDS_RECEIVED_MAX])
{
	unsigned int n = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t bytes = c->cmsg_len - CMSG_LEN(0);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = 0; at + sizeof(int) <= bytes; at += sizeof(int)) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + at, sizeof(fd));
			if (n < FDS_RECEIVED_MAX)
				fds[n++] = fd;
			else
				close(fd);
		}
	}
	return n;
}

int hdl_channel_receive(struct hdl_channel *channel, struct hdl_msg *ret, struct hdl_err *err)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int) * FDS_RECEIVED_MAX)];
	} control;
	char wire[HDL_MSG_WIRE_MAX];
	struct iovec iov = { wire, sizeof(wire) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof(control.space)
	};
	int fds[FDS_RECEIVED_MAX], r;
	unsigned int fd_count;
	ssize_t n;

	if (channel->fd < 0)
		return hdl_err_set(err, -EPIPE, "the other process is gone");
	do
		n = recvmsg(channel->fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n < 0 && errno != ECONNRESET)
		return hdl_err_set(err, -errno, "cannot read from the other process: %s", strerror(errno));
	if (n <= 0)
		return hdl_err_set(err, -EPIPE, "the other process is gone");
	fd_count = take_fds(&msg, fds);
	if (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		r = hdl_err_set(err, -EPROTO,
				"message too long, or its descriptors did not arrive (limit of open files?)");
	else
		r = hdl_msg_decode(wire, (size_t)n, fds, fd_count, channel->self, ret, err);
	if (r == 0)
		return 1;
	for (unsigned int i = 0; i < fd_count; i++)
		close(fds[i]);
	return r;
}

void hdl_msg_close_fds(struct hdl_msg *msg)
{
	for (unsigned int i = 0; i < msg->fd_count; i++)
		if (msg->fd[i] >= 0)
			close(msg->fd[i]);
	msg->fd_count = 0;
}
