/* SPDX-License-Identifier: Apache-2.0 */
/* The loop delivers edges, forgets removed descriptors within a turn, and mailboxes keep the order of messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "ev/loop.h"
#include "ev/wake.h"

static struct hdl_loop loop;

struct pair {
	struct hdl_io io;
	int other;
	unsigned int calls;
	uint32_t events;
	struct pair *kill; /* removed and scribbled over by the callback */
};

static void on_ready(struct hdl_io *io, uint32_t events)
{
	struct pair *p = (struct pair *)io;

	p->calls++;
	p->events |= events;
	if (p->kill) {
		hdl_loop_remove(&loop, &p->kill->io);
		close(p->kill->io.fd);
		p->kill->io.ready = NULL; /* a stale event would crash */
		p->kill = NULL;
	}
}

static void make_pair(struct pair *p)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	*p = (struct pair){ .io = { fds[0], on_ready }, .other = fds[1] };
}

static void edges(void **state)
{
	struct pair p;

	(void)state;
	assert_int_equal(hdl_loop_init(&loop), 0);
	make_pair(&p);
	assert_int_equal(hdl_loop_add(&loop, &p.io), 0);
	hdl_loop_turn(&loop, 0);
	assert_int_equal(p.calls, 1);
	assert_true(p.events & EPOLLOUT);
	assert_int_equal(write(p.other, "x", 1), 1);
	hdl_loop_turn(&loop, 0);
	assert_int_equal(p.calls, 2);
	assert_true(p.events & EPOLLIN);
	hdl_loop_turn(&loop, 0); /* still unread: no new edge */
	assert_int_equal(p.calls, 2);
	close(p.other);
	hdl_loop_turn(&loop, 0);
	assert_true(p.events & EPOLLRDHUP);
	hdl_loop_remove(&loop, &p.io);
	close(p.io.fd);
	hdl_loop_done(&loop);
}

/* Two are ready in one turn; the first callback removes and closes the second. */
static void removed_in_the_same_turn(void **state)
{
	struct pair a, b;

	(void)state;
	assert_int_equal(hdl_loop_init(&loop), 0);
	make_pair(&a);
	make_pair(&b);
	assert_int_equal(hdl_loop_add(&loop, &a.io), 0);
	assert_int_equal(hdl_loop_add(&loop, &b.io), 0);
	a.kill = &b;
	b.kill = &a;
	hdl_loop_turn(&loop, 0);
	assert_int_equal(a.calls + b.calls, 1);
	hdl_loop_turn(&loop, 0);
	assert_int_equal(a.calls + b.calls, 1);
	hdl_loop_done(&loop);
	for (int i = 0; i < 2; i++)
		close(i ? a.other : b.other);
}

static void set_flag(struct hdl_timer *timer)
{
	timer->deadline_ns = 0;
}

static void timers_end_the_wait(void **state)
{
	struct hdl_timer t;

	(void)state;
	assert_int_equal(hdl_loop_init(&loop), 0);
	hdl_timer_init(&t, set_flag);
	hdl_timer_set(&loop.timers, &t, loop.now_ns + 2000000);
	while (hdl_timer_is_set(&t))
		hdl_loop_turn(&loop, UINT64_MAX);
	assert_int_equal(t.deadline_ns, 0);
	hdl_loop_done(&loop);
}

#define MESSAGES 1000
struct note {
	struct hdl_message message;
	unsigned int sender, number;
};

static unsigned int received[2], returned;

static void on_note(struct hdl_message *message, void *data)
{
	struct note *n = HDL_CONTAINER_OF(message, struct note, message);

	if (data) {
		assert_int_equal(n->number, received[n->sender]);
		received[n->sender]++;
	} else {
		returned++;
	}
	free(n);
}

static struct hdl_mailbox box;

static void *sender(void *data)
{
	for (unsigned int i = 0; i < MESSAGES; i++) {
		struct note *n = calloc(1, sizeof(*n));

		n->message.run = on_note;
		n->sender = (unsigned int)(uintptr_t)data;
		n->number = i;
		hdl_mailbox_send(&box, &n->message);
	}
	return NULL;
}

static void mailbox(void **state)
{
	pthread_t threads[2];
	struct note *last = calloc(1, sizeof(*last));

	(void)state;
	assert_int_equal(hdl_loop_init(&loop), 0);
	assert_int_equal(hdl_mailbox_init(&box, &loop, &box), 0);
	for (uintptr_t i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, sender, (void *)i), 0);
	while (received[0] + received[1] < 2 * MESSAGES)
		hdl_loop_turn(&loop, UINT64_MAX);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	/* What nobody carried out goes back to be freed. */
	last->message.run = on_note;
	hdl_mailbox_send(&box, &last->message);
	hdl_mailbox_done(&box, &loop);
	assert_int_equal(returned, 1);
	hdl_loop_done(&loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edges),
		cmocka_unit_test(removed_in_the_same_turn),
		cmocka_unit_test(timers_end_the_wait),
		cmocka_unit_test(mailbox),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
