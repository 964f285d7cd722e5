// SPDX-License-Identifier: Apache-2.0
/* The daemon's reader of the ring of events, fed by real refusals: order, bounds, restart, and what is kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tests/bpf/scene.h"
#include "dp/events.h"

#define VIP "10.96.0.10"
#define PORT 80

static struct hdl_dp_events *events;
static unsigned int named; /* calls of names() */

/* Nothing listens at the endpoint, or (routes 0) no rule applies: every connect is one event. */
static int usual(void **state)
{
	struct hdl_err err;

	(void)state;
	memset(scene.state, 0, sizeof(*scene.state));
	scene.state->epoch = 7;
	scene_endpoint(1, 1, "127.1.0.1", "", 8081);
	scene_cluster(1, HDL_POLICY_ROUND_ROBIN, 1, 1);
	scene_route_to(0, 1);
	scene_service(1, VIP, PORT, HDL_LABEL_L4, 0, 1);
	named = 0;
	return hdl_dp_events_new(bpf_map__fd(scene.skel->maps.events), &events, &err);
}

static int after(void **state)
{
	(void)state;
	events = hdl_dp_events_free(events);
	return 0;
}

static void names(void *data, const struct hdl_event *event, struct hdl_dp_event_names *ret)
{
	assert_ptr_equal(data, &named);
	assert_int_equal(event->version, HDL_EVENT_VERSION);
	assert_string_equal(ret->client, "");
	snprintf(ret->client, sizeof(ret->client), "demo/c%u", named);
	snprintf(ret->rule, sizeof(ret->rule), "rule %u", named);
	named++;
}

static size_t read_now(void)
{
	return hdl_dp_events_read(events, scene_now_ns(), 1700000000000000000ull, names, &named);
}

static void refuse(unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		assert_int_equal(scene_connect_error(VIP, PORT), ECONNREFUSED);
}

static void in_order_with_names(void **state)
{
	const struct hdl_dp_event *one;
	uint64_t seen = 0;

	(void)state;
	assert_null(hdl_dp_events_after(events, 0));
	assert_int_equal(hdl_dp_events_last(events), 0);
	refuse(3);
	assert_int_equal(read_now(), 3);
	assert_int_equal(read_now(), 0);
	assert_int_equal(hdl_dp_events_last(events), 3);
	while ((one = hdl_dp_events_after(events, seen))) {
		char text[16];

		assert_int_equal(one->sequence, seen + 1);
		assert_int_equal(one->event.kind, HDL_EVENT_CONNECT_FAILED);
		assert_int_equal(one->event.epoch, 7);
		assert_true(one->wall_ns <= 1700000000000000000ull && one->wall_ns > 1699999000000000000ull);
		snprintf(text, sizeof(text), "rule %llu", (unsigned long long)seen);
		assert_string_equal(one->rule, text);
		assert_string_equal(one->service, "");
		seen = one->sequence;
	}
	assert_int_equal(seen, 3);
}

/* Another process goes on where the one before stopped. */
static void nothing_is_told_twice(void **state)
{
	(void)state;
	refuse(2);
	assert_int_equal(read_now(), 2);
	refuse(1);
	assert_int_equal(after(NULL), 0);
	assert_int_equal(usual(NULL), 0);
	assert_int_equal(read_now(), 1);
	assert_int_equal(hdl_dp_events_last(events), 1);
}

/* More than is kept, more than one reading takes, and round the end of the ring. */
static void the_last_are_kept(void **state)
{
	const struct hdl_dp_event *one;
	uint64_t seen = 0;
	unsigned int total = 0, n = 0;

	(void)state;
	for (int round = 0; round < 4; round++) {
		refuse(3000);
		assert_int_equal(read_now(), HDL_DP_EVENTS_BATCH);
		assert_int_equal(read_now(), HDL_DP_EVENTS_BATCH);
		assert_int_equal(read_now(), 3000 - 2 * HDL_DP_EVENTS_BATCH);
		total += 3000;
	}
	assert_true(total * (sizeof(struct hdl_event) + 8) > HDL_EVENT_RING_BYTES);
	assert_int_equal(hdl_dp_events_last(events), total);
	while ((one = hdl_dp_events_after(events, seen))) {
		assert_int_equal(one->sequence, seen ? seen + 1 : total - HDL_DP_EVENTS_KEPT + 1);
		assert_int_equal(one->event.endpoint, 1);
		seen = one->sequence;
		n++;
	}
	assert_int_equal(n, HDL_DP_EVENTS_KEPT);
	assert_int_equal(seen, total);
	assert_int_equal(hdl_dp_events_unknown(events), 0);
}

static void without_a_map(void **state)
{
	struct hdl_dp_events *none = NULL;
	struct hdl_err err;

	(void)state;
	assert_int_equal(hdl_dp_events_new(-1, &none, &err), 0);
	assert_int_equal(hdl_dp_events_read(none, 1, 1, names, &named), 0);
	assert_null(hdl_dp_events_after(none, 0));
	assert_null(hdl_dp_events_free(none));
	assert_null(hdl_dp_events_free(NULL));
	assert_int_equal(hdl_dp_events_new(bpf_map__fd(scene.skel->maps.vip), &none, &err), -EPROTO);
}

static int body(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(in_order_with_names, usual, after),
		cmocka_unit_test_setup_teardown(nothing_is_told_twice, usual, after),
		cmocka_unit_test_setup_teardown(the_last_are_kept, usual, after),
		cmocka_unit_test_setup_teardown(without_a_map, usual, after),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	return scene_run(body);
}
