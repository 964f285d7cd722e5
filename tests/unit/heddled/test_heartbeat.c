/* SPDX-License-Identifier: Apache-2.0 */
/* The heartbeat comes from a thread of its own, only while workers live, and not once it was stopped. */
#include "unit/unit.h"
#include "heddled/heartbeat.h"

#include <sched.h>
#include <stdatomic.h>
#include "base/clock.h"

struct life {
	atomic_bool alive;
	atomic_uint asked;
};

static bool alive(void *data, uint64_t now_ns)
{
	struct life *life = data;

	assert_true(now_ns <= hdl_clock_mono_ns());
	atomic_fetch_add(&life->asked, 1);
	return atomic_load(&life->alive);
}

static uint64_t seen(const struct hdl_dp_maps *maps)
{
	return __atomic_load_n(&maps->state->heartbeat_ns, __ATOMIC_ACQUIRE);
}

static void wait_asked(struct life *life, unsigned int times)
{
	unsigned int before = atomic_load(&life->asked);

	while (atomic_load(&life->asked) - before < times)
		sched_yield();
}

static void test_heartbeat(void **state)
{
	struct hdl_dp_capacity capacity = { 16, 16, 16 };
	struct life life = { .alive = true };
	struct hdl_heartbeat *heartbeat;
	struct hdl_dp_maps maps;
	struct hdl_err err;
	uint64_t last;

	(void)state;
	assert_int_equal(hdl_dp_maps_memory(&maps, &capacity, &err), 0);
	assert_int_equal(seen(&maps), 0);
	assert_int_equal(hdl_heartbeat_start(&maps, alive, &life, &heartbeat, &err), 0);
	while (seen(&maps) == 0)
		sched_yield();
	last = seen(&maps);
	while (seen(&maps) == last)
		sched_yield();
	atomic_store(&life.alive, false);
	wait_asked(&life, 2); /* one may have been asked before */
	last = seen(&maps);
	wait_asked(&life, 2);
	assert_true(seen(&maps) == last);
	atomic_store(&life.alive, true);
	wait_asked(&life, 2);
	assert_true(seen(&maps) > last);
	assert_null(hdl_heartbeat_stop(heartbeat));
	hdl_dp_heartbeat(&maps, 0);
	assert_int_equal(seen(&maps), 0);
	assert_null(hdl_heartbeat_stop(NULL));
	hdl_dp_maps_close(&maps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_heartbeat),
	};

	return cmocka_run_group_tests_name("heddled/heartbeat", tests, NULL, NULL);
}
