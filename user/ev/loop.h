/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Event loop of one thread over epoll, with timers. A descriptor is registered once, edge-triggered for reading and
 * writing together, so that no system call is needed to change what is waited for; its owner remembers what is ready.
 */
#ifndef HDL_EV_LOOP_H
#define HDL_EV_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include "ev/timer.h"

#define HDL_LOOP_BATCH 128

/* Embedded in its owner, which may be freed as soon as hdl_loop_remove() was called, also from within a callback. */
struct hdl_io {
	int fd;
	void (*ready)(struct hdl_io *io, uint32_t events); /* EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLHUP, EPOLLERR */
};

struct hdl_loop {
	int epoll_fd;
	uint64_t now_ns; /* CLOCK_MONOTONIC at the beginning of this turn */
	struct hdl_timers timers;
	/* Events of this turn that are still to be delivered: [next, count). */
	int next, count;
	struct epoll_event events[HDL_LOOP_BATCH];
};

/* 0 or negative errno. */
int hdl_loop_init(struct hdl_loop *loop);
void hdl_loop_done(struct hdl_loop *loop);

/* Edge-triggered, both directions. An event comes at once for what is ready already. 0 or negative errno. */
int hdl_loop_add(struct hdl_loop *loop, struct hdl_io *io);
/* Level-triggered, reading only: listening sockets and wake-ups. */
int hdl_loop_add_level(struct hdl_loop *loop, struct hdl_io *io);
/* Stops and restarts the delivery for a level-triggered one. */
int hdl_loop_pause(struct hdl_loop *loop, struct hdl_io *io, bool paused);
/* Forgets io, also events of this turn that were not delivered yet. Call it before close(). */
void hdl_loop_remove(struct hdl_loop *loop, struct hdl_io *io);

/* One turn: waits for events at most max_wait_ns (0 = not at all) or until a timer is due; delivers both. */
void hdl_loop_turn(struct hdl_loop *loop, uint64_t max_wait_ns);

#endif
