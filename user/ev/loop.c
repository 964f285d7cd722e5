/* SPDX-License-Identifier: Apache-2.0 */
/* The epoll loop. */
#include "ev/loop.h"

#include <errno.h>
#include <unistd.h>

#include "base/clock.h"

int hdl_loop_init(struct hdl_loop *loop)
{
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0)
		return -errno;
	loop->now_ns = hdl_clock_mono_ns();
	loop->next = loop->count = 0;
	hdl_timers_init(&loop->timers, loop->now_ns);
	return 0;
}

void hdl_loop_done(struct hdl_loop *loop)
{
	if (loop->epoll_fd >= 0)
		close(loop->epoll_fd);
	loop->epoll_fd = -1;
}

static int control(struct hdl_loop *loop, int operation, struct hdl_io *io, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = io };

	return epoll_ctl(loop->epoll_fd, operation, io->fd, &e) < 0 ? -errno : 0;
}

int hdl_loop_add(struct hdl_loop *loop, struct hdl_io *io)
{
	return control(loop, EPOLL_CTL_ADD, io, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
}

int hdl_loop_add_level(struct hdl_loop *loop, struct hdl_io *io)
{
	return control(loop, EPOLL_CTL_ADD, io, EPOLLIN);
}

int hdl_loop_pause(struct hdl_loop *loop, struct hdl_io *io, bool paused)
{
	return control(loop, EPOLL_CTL_MOD, io, paused ? 0 : EPOLLIN);
}

void hdl_loop_remove(struct hdl_loop *loop, struct hdl_io *io)
{
	if (io->fd >= 0)
		control(loop, EPOLL_CTL_DEL, io, 0);
	/* The descriptor's number may be in use again before the turn is over; its old events must not reach anybody. */
	for (int i = loop->next; i < loop->count; i++)
		if (loop->events[i].data.ptr == io)
			loop->events[i].data.ptr = NULL;
}

static int wait_ms(const struct hdl_loop *loop, uint64_t max_wait_ns)
{
	uint64_t timer_ns = hdl_timers_next_ns(&loop->timers, loop->now_ns);
	uint64_t ns = timer_ns < max_wait_ns ? timer_ns : max_wait_ns;

	/* Rounded up: a timer must not be waited for in a busy loop. */
	return (int)((ns + 999999) / 1000000 > 60000 ? 60000 : (ns + 999999) / 1000000);
}

void hdl_loop_turn(struct hdl_loop *loop, uint64_t max_wait_ns)
{
	int n = epoll_wait(loop->epoll_fd, loop->events, HDL_LOOP_BATCH, wait_ms(loop, max_wait_ns));

	loop->now_ns = hdl_clock_mono_ns();
	loop->count = n > 0 ? n : 0; /* EINTR: nothing this time */
	for (loop->next = 0; loop->next < loop->count;) {
		struct epoll_event *e = &loop->events[loop->next++];
		struct hdl_io *io = e->data.ptr;

		if (io)
			io->ready(io, e->events);
	}
	loop->count = loop->next = 0;
	hdl_timers_run(&loop->timers, loop->now_ns);
}
