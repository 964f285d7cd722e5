/* SPDX-License-Identifier: Apache-2.0 */
/* Loads of priorities: the examples and the rules of specification C.4. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lb/priority.h"

/* C.4: health_p = min(100, floor(140 x healthy / total)); without hosts 0. */
static void capacity(void **state)
{
	static const struct {
		struct hdl_lb_health health;
		uint32_t percent;
	} cases[] = {
		{ { 0, 0 }, 0 },      { { 1, 1 }, 100 },   { { 0, 5 }, 0 },  { { 1, 2 }, 70 },
		{ { 72, 100 }, 100 }, { { 71, 100 }, 99 }, { { 1, 3 }, 46 }, { { 4000000000u, 4000000000u }, 100 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(hdl_lb_capacity(cases[i].health), cases[i].percent);
}

/* C.4: of 100 draws, how many each priority gets. */
static void loads(void **state)
{
	static const struct {
		struct hdl_lb_health priority[3];
		uint32_t load[3];
	} cases[] = {
		{ { { 4, 4 }, { 4, 4 }, { 4, 4 } }, { 100, 0, 0 } },    /* all healthy */
		{ { { 2, 4 }, { 4, 4 }, { 0, 0 } }, { 70, 30, 0 } },    /* half of P0 */
		{ { { 72, 100 }, { 4, 4 }, { 4, 4 } }, { 100, 0, 0 } }, /* 1.4 x 72 = 100.8 */
		{ { { 0, 4 }, { 2, 4 }, { 0, 0 } }, { 0, 100, 0 } },    /* normalised: 70 is all there is */
		{ { { 1, 4 }, { 1, 4 }, { 4, 4 } }, { 35, 35, 30 } },
		{ { { 1, 4 }, { 1, 4 }, { 1, 14 } }, { 45, 43, 12 } }, /* 35, 35, 10 of 80: 43, 43, 12, and 2 left */
		{ { { 0, 4 }, { 1, 4 }, { 1, 14 } }, { 0, 78, 22 } },  /* the 1 left is for the first with load */
		{ { { 0, 0 }, { 0, 4 }, { 3, 3 } }, { 0, 0, 100 } },
		{ { { 0, 4 }, { 0, 4 }, { 0, 4 } }, { 100, 0, 0 } }, /* nothing is healthy */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t got[3] = { 0 }, sum = 0;

		for (uint64_t draw = 0; draw < 100; draw++)
			got[hdl_lb_priority(cases[i].priority, 3, draw, 0)]++;
		for (int p = 0; p < 3; p++) {
			assert_int_equal(got[p], cases[i].load[p]);
			sum += got[p];
		}
		assert_int_equal(sum, 100);
	}
}

/* C.4: in panic everywhere, by number of hosts. */
static void panic(void **state)
{
	static const struct hdl_lb_health priority[] = { { 0, 1 }, { 0, 0 }, { 0, 3 } };
	static const struct hdl_lb_health few[] = { { 1, 4 }, { 1, 14 } };
	uint32_t got[3] = { 0 };

	(void)state;
	for (uint64_t draw = 0; draw < 400; draw++)
		got[hdl_lb_priority(priority, 3, draw, 1)]++;
	assert_int_equal(got[0], 100);
	assert_int_equal(got[1], 0);
	assert_int_equal(got[2], 300);
	assert_int_equal(hdl_lb_priority(&priority[1], 1, 7, 1), 0);
	/* also where some are healthy, but too few of each: by health it would be 35 to 10 */
	memset(got, 0, sizeof(got));
	for (uint64_t draw = 0; draw < 18; draw++)
		got[hdl_lb_priority(few, 2, draw, 1)]++;
	assert_int_equal(got[0], 4);
	assert_int_equal(got[1], 14);
}

/* C.4, distribute: weight x min(1, 1.4 x healthy / total). */
static void localities(void **state)
{
	(void)state;
	assert_int_equal(hdl_lb_effective_weight(80, (struct hdl_lb_health){ 3, 3 }), 8000);
	assert_int_equal(hdl_lb_effective_weight(80, (struct hdl_lb_health){ 1, 2 }), 5600);
	assert_int_equal(hdl_lb_effective_weight(80, (struct hdl_lb_health){ 0, 2 }), 0);
	assert_int_equal(hdl_lb_effective_weight(UINT32_MAX, (struct hdl_lb_health){ 1, 1 }), 100ull * UINT32_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(capacity),
		cmocka_unit_test(loads),
		cmocka_unit_test(panic),
		cmocka_unit_test(localities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
