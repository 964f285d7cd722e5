/* SPDX-License-Identifier: Apache-2.0 */
/* One end of the socket between keeper and worker process: sends and receives whole messages, never blocks. */
#ifndef HDL_HEDDLED_PROC_H
#define HDL_HEDDLED_PROC_H

#include <stdbool.h>
#include "base/err.h"
#include "base/list.h"
#include "heddled/msg.h"

/* Messages that may wait for room in the socket; who does not read that many is broken. */
#define HDL_CHANNEL_QUEUE_MAX 4096

struct hdl_channel {
	int fd; /* owned; -1 = closed */
	enum hdl_msg_side self;
	struct hdl_list queue;
	unsigned int queued;
};

/* Two connected sockets, closed on exec, non-blocking; ret_keeper for the keeper, ret_worker for the worker process. */
int hdl_channel_pair(int *ret_keeper, int *ret_worker, struct hdl_err *err);

void hdl_channel_init(struct hdl_channel *channel, int fd, enum hdl_msg_side self);
/* Closes and drops what waits. */
void hdl_channel_done(struct hdl_channel *channel);

/*
 * Sends, or queues behind what waits; descriptors in msg stay the caller's. 0; -ENOBUFS: the other side does not read;
 * -EPIPE: it is gone; -EINVAL: not a message for it.
 */
int hdl_channel_send(struct hdl_channel *channel, const struct hdl_msg *msg, struct hdl_err *err);
/* A message without content, e.g. DRAIN. */
int hdl_channel_send_plain(struct hdl_channel *channel, enum hdl_msg_type type, struct hdl_err *err);
/* Sends what waits. 0 or negative errno; call it when the socket is writable. */
int hdl_channel_flush(struct hdl_channel *channel, struct hdl_err *err);
static inline bool hdl_channel_waiting(const struct hdl_channel *channel)
{
	return channel->queued != 0;
}

/* 1 a message, whose descriptors are now the caller's; 0 nothing there; -EPIPE closed; -EPROTO a message refused. */
int hdl_channel_receive(struct hdl_channel *channel, struct hdl_msg *ret, struct hdl_err *err);
/* Closes the descriptors of a received message that nobody took (taken ones are set to -1). */
void hdl_msg_close_fds(struct hdl_msg *msg);

#endif
