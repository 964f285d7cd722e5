/* SPDX-License-Identifier: Apache-2.0 */
/* Timers fire once, in time, never early, whatever is set and stopped meanwhile; compared with a plain model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/rand.h"
#include "ev/timer.h"

#define MS HDL_TIMER_TICK_NS
#define COUNT 300

struct subject {
	struct hdl_timer timer;
	uint64_t deadline; /* of the model; 0 = not set */
	unsigned int fired;
};

static struct hdl_timers wheel;
static struct subject subjects[COUNT];
static struct hdl_rand rnd;
static uint64_t now;

static uint64_t some_delay(void)
{
	/* all levels */
	return hdl_rand_u64(&rnd) % (1ull << (10 + hdl_rand_u32(&rnd) % 36));
}

static void on_fire(struct hdl_timer *timer)
{
	struct subject *s = HDL_CONTAINER_OF(timer, struct subject, timer), *other;

	assert_true(s->deadline != 0);
	assert_true(s->deadline <= now);
	s->deadline = 0;
	s->fired++;
	/* callbacks stop and set others, and themselves */
	other = &subjects[hdl_rand_u32(&rnd) % COUNT];
	if (hdl_rand_u32(&rnd) % 3 == 0) {
		hdl_timer_stop(&wheel, &other->timer);
		other->deadline = 0;
	}
	other = &subjects[hdl_rand_u32(&rnd) % COUNT];
	if (hdl_rand_u32(&rnd) % 3 == 0) {
		other->deadline = now + 1 + some_delay();
		hdl_timer_set(&wheel, &other->timer, other->deadline);
	}
}

static void random_model(void **state)
{
	unsigned int fired = 0;

	(void)state;
	hdl_rand_seed(&rnd, 42);
	now = 123456789012345;
	hdl_timers_init(&wheel, now);
	for (int i = 0; i < COUNT; i++)
		hdl_timer_init(&subjects[i].timer, on_fire);
	for (int step = 0; step < 30000; step++) {
		struct subject *s = &subjects[hdl_rand_u32(&rnd) % COUNT];
		uint64_t next;

		if (hdl_rand_u32(&rnd) % 4 == 0) {
			hdl_timer_stop(&wheel, &s->timer);
			s->deadline = 0;
		} else {
			s->deadline = now + 1 + some_delay();
			hdl_timer_set(&wheel, &s->timer, s->deadline);
		}
		now += some_delay() / 4;
		hdl_timers_run(&wheel, now);
		next = hdl_timers_next_ns(&wheel, now);
		for (int i = 0; i < COUNT; i++) {
			assert_int_equal(subjects[i].deadline != 0, hdl_timer_is_set(&subjects[i].timer));
			if (!subjects[i].deadline)
				continue;
			/* due ones have fired, up to the tick; the next wake-up is not later than any deadline's tick */
			assert_true(subjects[i].deadline + MS > now);
			assert_true(next == 0 || now + next < subjects[i].deadline + MS);
		}
	}
	for (int i = 0; i < COUNT; i++)
		fired += subjects[i].fired;
	assert_true(fired > 5000);
}

static unsigned int plain_fired;

static void count_fire(struct hdl_timer *timer)
{
	(void)timer;
	plain_fired++;
}

static void never_early(void **state)
{
	struct hdl_timer t;

	(void)state;
	hdl_timers_init(&wheel, 0);
	hdl_timer_init(&t, count_fire);
	hdl_timer_set(&wheel, &t, 5 * MS + 1);
	hdl_timers_run(&wheel, 5 * MS);
	assert_int_equal(plain_fired, 0);
	assert_true(hdl_timers_next_ns(&wheel, 5 * MS) > 0);
	hdl_timers_run(&wheel, 6 * MS);
	assert_int_equal(plain_fired, 1);
	assert_false(hdl_timer_is_set(&t));
	assert_true(hdl_timers_next_ns(&wheel, 6 * MS) == UINT64_MAX);
}

/* Pushing back is lazy, pulling forward is not. */
static void moved(void **state)
{
	struct hdl_timer t;

	(void)state;
	plain_fired = 0;
	hdl_timers_init(&wheel, 0);
	hdl_timer_init(&t, count_fire);
	hdl_timer_set(&wheel, &t, 100 * MS);
	hdl_timer_set(&wheel, &t, 5000 * MS);
	hdl_timers_run(&wheel, 4999 * MS);
	assert_int_equal(plain_fired, 0);
	hdl_timer_set(&wheel, &t, 4999 * MS + 10 * MS);
	hdl_timers_run(&wheel, 5009 * MS);
	assert_int_equal(plain_fired, 1);
	/* far beyond the wheel's horizon */
	hdl_timer_set(&wheel, &t, UINT64_MAX - MS);
	hdl_timers_run(&wheel, 1ull << 55);
	assert_int_equal(plain_fired, 1);
	hdl_timer_stop(&wheel, &t);
	hdl_timer_stop(&wheel, &t);
	assert_true(hdl_timers_next_ns(&wheel, 1ull << 55) == UINT64_MAX);
}

static void set_again(struct hdl_timer *timer)
{
	plain_fired++;
	hdl_timer_set(&wheel, timer, 0);
}

/* A callback that sets its timer for the past does not keep run() for ever. */
static void past_in_callback(void **state)
{
	struct hdl_timer t;

	(void)state;
	plain_fired = 0;
	hdl_timers_init(&wheel, 0);
	hdl_timer_init(&t, set_again);
	hdl_timer_set(&wheel, &t, 0);
	hdl_timers_run(&wheel, 0);
	assert_int_equal(plain_fired, 1);
	hdl_timers_run(&wheel, 10 * MS);
	assert_int_equal(plain_fired, 11);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_model),
		cmocka_unit_test(never_early),
		cmocka_unit_test(moved),
		cmocka_unit_test(past_in_callback),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
