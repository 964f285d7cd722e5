/* SPDX-License-Identifier: Apache-2.0 */
/* Start of the worker process. */
#include "heddled/worker_main.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/log.h"
#include "heddled/control.h"
#include "heddled/privs.h"
#include "heddled/sandbox.h"

/* The keeper's first message. 0 or negative errno. */
static int receive_hello(struct hdl_channel *channel, struct hdl_msg_hello *ret, struct hdl_err *err)
{
	struct hdl_msg msg;
	int r;

	while ((r = hdl_channel_receive(channel, &msg, err)) == 0) {
		struct pollfd polled = { .fd = channel->fd, .events = POLLIN };

		if (poll(&polled, 1, -1) < 0 && errno != EINTR)
			return hdl_err_set(err, -errno, "poll: %s", strerror(errno));
	}
	if (r < 0)
		return r;
	hdl_msg_close_fds(&msg);
	if (msg.type != HDL_MSG_HELLO)
		return hdl_err_set(err, -EPROTO, "the first message is not HELLO");
	*ret = msg.hello;
	return 0;
}

/* Whoever starts this role by hand has no keeper at the other end. */
static int check_socket(int fd, struct hdl_err *err)
{
	int type = 0;
	socklen_t size = sizeof(type);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 || type != SOCK_SEQPACKET)
		return hdl_err_set(err, -ENOTSOCK, "--worker-fd is for the keeper's own use");
	return fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ? hdl_err_set(err, -errno, "fcntl: %s", strerror(errno)) : 0;
}

int hdl_worker_main(int fd)
{
	struct hdl_channel channel;
	struct hdl_msg_hello hello;
	struct hdl_err err;
	int status, r;

	hdl_log_setup("worker", HDL_LOG_INFO, false);
	signal(SIGPIPE, SIG_IGN);
	/* the keeper decides when this process ends, also after a Ctrl-C that both receive */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	r = check_socket(fd, &err);
	if (r == 0) {
		hdl_channel_init(&channel, fd, HDL_MSG_TO_WORKER);
		r = hdl_sandbox_enter(&err);
		if (r == 0)
			r = receive_hello(&channel, &hello, &err);
	}
	if (r == 0) {
		hdl_log_setup("worker", hello.log_level, hello.log_json);
		if (hello.unprivileged)
			r = hdl_privs_check_none(&err);
	}
	if (r < 0) {
		if (r != -EPIPE)
			hdl_log_error("%s", err.text);
		return 1;
	}
	status = hdl_control_run(&channel, &hello);
	hdl_channel_done(&channel);
	return status;
}
