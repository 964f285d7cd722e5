/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Outlier detection against another CPU that comes between any two of its steps: the core is compiled here with swaps
 * that let the other one go first. Specification C.7: maxEjectionPercent is never exceeded, no place is lost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define HDL_TABLE_ACCESS
#include "heddle/abi_lb.h"
#include "heddle/abi_limits.h"

struct hdl_tables;

static void (*other)(void); /* runs once, before the next swap */

static void let_other_go_first(void)
{
	void (*now)(void) = other;

	other = NULL;
	if (now)
		now();
}

static __u32 hdl_compare_swap_u32(__u32 *pointer, __u32 former, __u32 value)
{
	let_other_go_first();
	if (*pointer != former)
		return *pointer;
	*pointer = value;
	return former;
}

static __u64 hdl_compare_swap_u64(__u64 *pointer, __u64 former, __u64 value)
{
	let_other_go_first();
	if (*pointer != former)
		return *pointer;
	*pointer = value;
	return former;
}

static __u32 hdl_fetch_add_u32(__u32 *pointer, __u32 value)
{
	__u32 former = *pointer;

	*pointer += value;
	return former;
}

#define hdl_add_u32(pointer, value) ((void)hdl_fetch_add_u32((pointer), (__u32)(value)))

#include "heddle/core/outlier.h"

#define S 1000000000ull
#define GENERATION 7

static struct hdl_health mine, its; /* endpoints of one cluster */
static struct hdl_balance balance;

static struct hdl_outlier rules(struct hdl_health *health, uint32_t endpoints)
{
	return (struct hdl_outlier){ .health = health,
				     .balance = &balance,
				     .now_ns = 5 * S,
				     .interval_ns = S,
				     .base_ejection_ns = 30 * S,
				     .generation = GENERATION,
				     .endpoint_count = endpoints,
				     .consecutive_5xx = 1,
				     .max_ejection_percent = 50,
				     .flags = HDL_CLUSTER_OUTLIER };
}

static int setup(void **state)
{
	(void)state;
	mine = its = (struct hdl_health){ .generation = GENERATION };
	balance = (struct hdl_balance){ 0 };
	other = NULL;
	return 0;
}

static uint32_t endpoints = 2;

static void other_ejects_its(void)
{
	struct hdl_outlier o = rules(&its, endpoints);

	assert_int_equal(hdl_core_outlier(&o, HDL_OUTLIER_CONNECT_FAILURE, 0), HDL_OUTLIER_EJECTED);
}

static void other_ejects_mine(void)
{
	struct hdl_outlier o = rules(&mine, endpoints);

	o.consecutive_5xx = mine.consecutive_5xx + 1; /* now */
	assert_int_equal(hdl_core_outlier(&o, HDL_OUTLIER_RESPONSE, 503), HDL_OUTLIER_EJECTED);
}

/* The last place is taken while this one looks at it. */
static void the_last_place(void **state)
{
	struct hdl_outlier o = rules(&mine, 2);

	(void)state;
	endpoints = 2;
	other = other_ejects_its;
	assert_int_equal(hdl_core_outlier(&o, HDL_OUTLIER_CONNECT_FAILURE, 0), HDL_OUTLIER_OVERFLOW);
	assert_int_equal(balance.ejected, 1);
	assert_int_equal(balance.ejections_overflow, 1);
	assert_int_equal(mine.ejected_until_ns, 0);
	assert_int_not_equal(its.ejected_until_ns, 0);
	assert_int_equal(o.overflows, 1);
}

/* One of two places: both are ejected, each once. */
static void the_last_but_one(void **state)
{
	struct hdl_outlier o = rules(&mine, 4);

	(void)state;
	endpoints = 4;
	other = other_ejects_its;
	assert_int_equal(hdl_core_outlier(&o, HDL_OUTLIER_CONNECT_FAILURE, 0), HDL_OUTLIER_EJECTED);
	assert_int_equal(balance.ejected, 2);
	assert_int_equal(balance.ejections, 2);
}

static void other_ejects_mine_later(void)
{
	/* the swap of the budget went through; this is before the swap of the word */
	other = other_ejects_mine;
}

/* Two CPUs eject one endpoint: it holds one place, and the multiplier rises once. */
static void the_same_endpoint(void **state)
{
	struct hdl_outlier o = rules(&mine, 8);

	(void)state;
	endpoints = 8;
	o.consecutive_5xx = 0;
	o.consecutive_gateway = 1; /* the other one's detector is not this one's */
	other = other_ejects_mine_later;
	assert_int_equal(hdl_core_outlier(&o, HDL_OUTLIER_TIMEOUT, 0), HDL_OUTLIER_NOTHING);
	assert_int_equal(balance.ejected, 1);
	assert_int_equal(balance.ejections, 1);
	assert_int_equal(mine.ejection_multiplier, 1);
	assert_int_equal(mine.ejections, 1);
}

static void other_ends_mine(void)
{
	assert_int_equal(hdl_core_end_ejection(&mine, &balance, 100 * S), 1);
}

/* Two that come by end an ejection: its place is given back once. */
static void the_same_return(void **state)
{
	(void)state;
	other_ejects_mine();
	assert_int_equal(balance.ejected, 1);
	other = other_ends_mine;
	assert_int_equal(hdl_core_end_ejection(&mine, &balance, 100 * S), 0);
	assert_int_equal(mine.ejected_until_ns, 0);
	assert_int_equal(balance.ejected, 0);
}

/* Never below 0, whatever a crashed predecessor left. */
static void a_budget_that_was_lost(void **state)
{
	(void)state;
	other_ejects_mine();
	balance.ejected = 0;
	other_ends_mine();
	assert_int_equal(balance.ejected, 0);
}

/* What was missed of the sweeps is made up for, as if each had come. */
static void steps_of_the_multiplier(void **state)
{
	static const struct {
		uint64_t returned_ns, interval_ns, now_ns;
		uint32_t steps;
		uint64_t since_ns;
	} cases[] = {
		{ 110 * S, 10 * S, 119 * S, 0, 110 * S }, { 110 * S, 10 * S, 120 * S, 1, 120 * S },
		{ 110 * S, 10 * S, 145 * S, 3, 140 * S }, { 112 * S, 10 * S, 129 * S, 0, 112 * S },
		{ 112 * S, 10 * S, 131 * S, 1, 130 * S }, { 110 * S, 10 * S, 90 * S, 0, 110 * S },
		{ 110 * S, 0, 500 * S, 0, 110 * S },      { 0, 1, 1ull << 40, 0xffffffff, 1ull << 40 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		__u64 since_ns;

		assert_int_equal(hdl_core_multiplier_steps(cases[i].returned_ns, cases[i].interval_ns, cases[i].now_ns,
							   &since_ns),
				 cases[i].steps);
		assert_int_equal(since_ns, cases[i].since_ns);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_last_place, setup),
		cmocka_unit_test_setup(the_last_but_one, setup),
		cmocka_unit_test_setup(the_same_endpoint, setup),
		cmocka_unit_test_setup(the_same_return, setup),
		cmocka_unit_test_setup(a_budget_that_was_lost, setup),
		cmocka_unit_test_setup(steps_of_the_multiplier, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
