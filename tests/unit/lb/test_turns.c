/* SPDX-License-Identifier: Apache-2.0 */
/* Order of weighted turns (specification C.1): deadlines of 1/weight, ties in the order of insertion. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/rand.h"
#include "lb/turns.h"

#define MAX 65536

static void order(void **state)
{
	static const struct {
		uint32_t n, weights[4], count, turns[12];
	} row[] = {
		{ 3, { 1, 1, 1 }, 0, { 0 } },
		{ 2, { 7, 7 }, 0, { 0 } },
		{ 2, { 2, 1 }, 3, { 0, 1, 0 } },
		{ 2, { 200, 100 }, 3, { 0, 1, 0 } },
		{ 2, { 1, 3 }, 4, { 1, 1, 0, 1 } },
		{ 3, { 1, 2, 5 }, 8, { 2, 2, 1, 2, 2, 0, 1, 2 } },
		{ 3, { 3, 3, 1 }, 7, { 0, 1, 0, 1, 2, 0, 1 } },
	};

	(void)state;
	for (size_t r = 0; r < sizeof(row) / sizeof(row[0]); r++) {
		uint32_t turns[12];
		bool scaled;

		assert_int_equal(hdl_turns_count(row[r].weights, row[r].n, MAX, &scaled), row[r].count);
		assert_false(scaled);
		if (row[r].count == 0)
			continue;
		assert_int_equal(hdl_turns_build(row[r].weights, row[r].n, MAX, turns), 0);
		assert_memory_equal(turns, row[r].turns, row[r].count * sizeof(turns[0]));
	}
}

/* Each as often as its weight; at no time further from its share than the other endpoints can push it. */
static void smooth(void **state)
{
	struct hdl_rand rnd;

	(void)state;
	hdl_rand_seed(&rnd, 11);
	for (int round = 0; round < 300; round++) {
		uint32_t n = 2 + (uint32_t)(hdl_rand_u64(&rnd) % 20), weights[22], got[22] = { 0 }, sum = 0, count;
		bool scaled;
		uint32_t *turns;

		for (uint32_t i = 0; i < n; i++)
			sum += weights[i] = 1 + (uint32_t)(hdl_rand_u64(&rnd) % 50);
		count = hdl_turns_count(weights, n, MAX, &scaled);
		if (count == 0)
			continue;
		turns = calloc(count, sizeof(*turns));
		assert_non_null(turns);
		assert_int_equal(hdl_turns_build(weights, n, MAX, turns), 0);
		for (uint32_t t = 0; t < count; t++) {
			got[turns[t]]++;
			/* EDF: nobody is ahead of its share of the time by a whole turn */
			for (uint32_t i = 0; i < n; i++)
				assert_true((uint64_t)got[i] * sum <= ((uint64_t)t + n) * weights[i] + sum);
		}
		for (uint32_t i = 0; i < n; i++)
			assert_int_equal((uint64_t)got[i] * sum, (uint64_t)weights[i] * count);
		free(turns);
	}
}

/* Beyond the maximum: that many turns, everybody one, the rest in proportion. */
static void scaled(void **state)
{
	static const uint32_t weights[] = { 65535, 1, 32768 };
	uint32_t turns[100], got[3] = { 0 };
	bool is_scaled;

	(void)state;
	assert_int_equal(hdl_turns_count(weights, 3, 100, &is_scaled), 100);
	assert_true(is_scaled);
	assert_int_equal(hdl_turns_build(weights, 3, 100, turns), 0);
	for (int i = 0; i < 100; i++)
		got[turns[i]]++;
	assert_in_range(got[0], 65, 67);
	assert_int_equal(got[1], 1);
	assert_in_range(got[2], 32, 34);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order),
		cmocka_unit_test(smooth),
		cmocka_unit_test(scaled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
