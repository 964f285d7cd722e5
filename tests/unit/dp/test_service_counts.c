/* SPDX-License-Identifier: Apache-2.0 */
/* Sums of outcomes by service: several ids of one port, ids that pass to others, rows that went (architecture P7). */
#include <stdio.h>
#include <string.h>
#include "dp/service_counts.h"
#include "heddle/abi_verdict.h"
#include "unit/unit.h"

#define IDS 8

struct world {
	const char *owner[IDS]; /* of each id; NULL = nobody */
	struct hdl_dp_service_counts *counts;
	const char *wanted;
	uint32_t verdict;
	uint64_t found;
};

static bool name(void *data, uint32_t service, char to[HDL_DP_SERVICE_NAME_MAX])
{
	struct world *world = data;

	if (service >= IDS || !world->owner[service])
		return false;
	snprintf(to, HDL_DP_SERVICE_NAME_MAX, "%s", world->owner[service]);
	return true;
}

static bool take(struct world *world, uint32_t service, uint32_t verdict, uint64_t value)
{
	struct hdl_service_verdict_key key = { service, verdict };

	return hdl_dp_service_counts_take(world->counts, &key, value, name, world);
}

static void add(void *data, const char *service, uint32_t verdict, uint64_t count)
{
	struct world *world = data;

	if (strcmp(service, world->wanted) == 0 && verdict == world->verdict)
		world->found += count;
}

static uint64_t sum(struct world *world, const char *service, uint32_t verdict)
{
	world->wanted = service;
	world->verdict = verdict;
	world->found = 0;
	hdl_dp_service_counts_each(world->counts, add, world);
	return world->found;
}

static void test_sums(void **state)
{
	struct world world = { .owner = { [1] = "a:80", [2] = "a:80", [3] = "b:80" } };

	(void)state;
	world.counts = hdl_dp_service_counts_new();
	assert_non_null(world.counts);
	assert_false(take(&world, 1, HDL_VERDICT_NO_HEALTHY, 5));
	assert_false(take(&world, 2, HDL_VERDICT_NO_HEALTHY, 2)); /* another address of the port */
	assert_false(take(&world, 3, HDL_VERDICT_NO_HEALTHY, 1));
	assert_false(take(&world, 1, HDL_VERDICT_OVERFLOW, 9));
	assert_int_equal(sum(&world, "a:80", HDL_VERDICT_NO_HEALTHY), 7);
	assert_int_equal(sum(&world, "b:80", HDL_VERDICT_NO_HEALTHY), 1);
	assert_int_equal(sum(&world, "a:80", HDL_VERDICT_OVERFLOW), 9);
	/* only what came on top is added */
	assert_false(take(&world, 1, HDL_VERDICT_NO_HEALTHY, 6));
	assert_int_equal(sum(&world, "a:80", HDL_VERDICT_NO_HEALTHY), 8);
	/* the row was made anew */
	assert_false(take(&world, 1, HDL_VERDICT_NO_HEALTHY, 1));
	assert_int_equal(sum(&world, "a:80", HDL_VERDICT_NO_HEALTHY), 9);
	hdl_dp_service_counts_free(world.counts);
}

static void test_ids_that_go(void **state)
{
	struct world world = { .owner = { [1] = "a:80" } };

	(void)state;
	world.counts = hdl_dp_service_counts_new();
	assert_true(take(&world, 4, HDL_VERDICT_NO_ROUTE, 3)); /* nobody can say whose it was */
	assert_false(take(&world, 1, HDL_VERDICT_NO_ROUTE, 3));
	world.owner[1] = NULL;
	assert_true(take(&world, 1, HDL_VERDICT_NO_ROUTE, 4)); /* what came last is counted, then the row goes */
	assert_int_equal(sum(&world, "a:80", HDL_VERDICT_NO_ROUTE), 4);
	world.owner[1] = "b:80";
	assert_false(take(&world, 1, HDL_VERDICT_NO_ROUTE, 2));
	assert_int_equal(sum(&world, "a:80", HDL_VERDICT_NO_ROUTE), 4);
	assert_int_equal(sum(&world, "b:80", HDL_VERDICT_NO_ROUTE), 2);
	/* passed on while the row stayed */
	world.owner[1] = "c:80";
	assert_false(take(&world, 1, HDL_VERDICT_NO_ROUTE, 5));
	assert_int_equal(sum(&world, "b:80", HDL_VERDICT_NO_ROUTE), 2);
	assert_int_equal(sum(&world, "c:80", HDL_VERDICT_NO_ROUTE), 3);
	hdl_dp_service_counts_free(world.counts);
	assert_null(hdl_dp_service_counts_free(NULL));
}

/* More names than are told apart: the rest is left out, nothing else. */
static bool any_name(void *data, uint32_t service, char to[HDL_DP_SERVICE_NAME_MAX])
{
	snprintf(to, HDL_DP_SERVICE_NAME_MAX, "s%u-%u:80", *(unsigned int *)data, service);
	return true;
}

static void test_limit(void **state)
{
	struct hdl_dp_service_counts *counts = hdl_dp_service_counts_new();
	struct world world = { .counts = counts };

	(void)state;
	for (unsigned int round = 0; round < 3; round++)
		for (uint32_t id = 1; id < HDL_DP_SERVICE_COUNTS_MAX / 2; id++) {
			struct hdl_service_verdict_key key = { id, HDL_VERDICT_NO_ROUTE };

			assert_false(hdl_dp_service_counts_take(counts, &key, round + 1, any_name, &round));
		}
	assert_int_equal(sum(&world, "s0-1:80", HDL_VERDICT_NO_ROUTE), 1);
	assert_int_equal(sum(&world, "s1-1:80", HDL_VERDICT_NO_ROUTE), 1);
	assert_int_equal(sum(&world, "s2-9000:80", HDL_VERDICT_NO_ROUTE), 0);
	hdl_dp_service_counts_free(counts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sums),
		cmocka_unit_test(test_ids_that_go),
		cmocka_unit_test(test_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
