/* SPDX-License-Identifier: Apache-2.0 */
/* Range allocator: ranges never overlap, gaps are joined, first fit, and what is freed can be had again. */
#include "unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/rand.h"
#include "dp/ranges.h"

static void first_fit_and_joining(void **state)
{
	struct hdl_ranges r;
	struct hdl_range a, b, c, d;

	(void)state;
	assert_int_equal(hdl_ranges_init(&r, 100), 0);
	assert_int_equal(hdl_ranges_alloc(&r, 10, &a), 0);
	assert_int_equal(hdl_ranges_alloc(&r, 20, &b), 0);
	assert_int_equal(hdl_ranges_alloc(&r, 30, &c), 0);
	assert_int_equal(a.offset, 0);
	assert_int_equal(b.offset, 10);
	assert_int_equal(c.offset, 30);
	hdl_ranges_free(&r, a);
	hdl_ranges_free(&r, b); /* joins with the gap before */
	assert_int_equal(hdl_ranges_alloc(&r, 30, &d), 0);
	assert_int_equal(d.offset, 0);
	assert_int_equal(hdl_ranges_alloc(&r, 41, &a), -ENOSPC);
	hdl_ranges_free(&r, c); /* joins with the gap behind */
	assert_int_equal(hdl_ranges_alloc(&r, 70, &a), 0);
	assert_int_equal(a.offset, 30);
	assert_int_equal(r.free, 0);
	hdl_ranges_free(&r, (struct hdl_range){ 5, 0 }); /* nothing */
	assert_int_equal(hdl_ranges_alloc(&r, 0, &b), -ENOSPC);
	hdl_ranges_done(&r);
}

static void reserving(void **state)
{
	struct hdl_ranges r;
	struct hdl_range a;

	(void)state;
	assert_int_equal(hdl_ranges_init(&r, 100), 0);
	assert_int_equal(hdl_ranges_reserve(&r, (struct hdl_range){ 40, 10 }), 0);
	assert_int_equal(hdl_ranges_reserve(&r, (struct hdl_range){ 49, 2 }), -EEXIST);
	assert_int_equal(hdl_ranges_reserve(&r, (struct hdl_range){ 30, 11 }), -EEXIST);
	assert_int_equal(hdl_ranges_reserve(&r, (struct hdl_range){ 95, 6 }), -ERANGE);
	assert_int_equal(hdl_ranges_reserve(&r, (struct hdl_range){ UINT32_MAX, 2 }), -ERANGE);
	assert_int_equal(hdl_ranges_reserve(&r, (struct hdl_range){ 0, 0 }), -ERANGE);
	assert_int_equal(hdl_ranges_reserve(&r, (struct hdl_range){ 0, 40 }), 0);
	assert_int_equal(hdl_ranges_alloc(&r, 50, &a), 0);
	assert_int_equal(a.offset, 50);
	assert_int_equal(r.free, 0);
	hdl_ranges_free(&r, (struct hdl_range){ 40, 10 });
	assert_int_equal(hdl_ranges_alloc(&r, 10, &a), 0);
	assert_int_equal(a.offset, 40);
	hdl_ranges_done(&r);
}

#define TOTAL 5000
#define HELD 400

/* Against a map of bytes. */
static void random_use(void **state)
{
	static uint8_t taken[TOTAL];
	struct hdl_range held[HELD] = { { 0, 0 } };
	struct hdl_ranges r;
	struct hdl_rand rand;

	(void)state;
	hdl_rand_seed(&rand, 4);
	assert_int_equal(hdl_ranges_init(&r, TOTAL), 0);
	for (int i = 0; i < 200000; i++) {
		struct hdl_range *h = &held[hdl_rand_u32(&rand) % HELD];
		uint32_t want = 1 + hdl_rand_u32(&rand) % 40;

		if (h->count) {
			memset(taken + h->offset, 0, h->count);
			hdl_ranges_free(&r, *h);
			*h = (struct hdl_range){ 0, 0 };
		} else if (hdl_ranges_alloc(&r, want, h) == 0) {
			assert_int_equal(h->count, want);
			for (uint32_t k = 0; k < want; k++)
				assert_int_equal(taken[h->offset + k]++, 0);
		} else {
			uint32_t run = 0;

			for (uint32_t k = 0; k < TOTAL; k++) { /* really no such gap */
				run = taken[k] ? 0 : run + 1;
				assert_true(run < want);
			}
		}
	}
	for (int i = 0; i < HELD; i++)
		hdl_ranges_free(&r, held[i]);
	assert_int_equal(r.free, TOTAL);
	assert_int_equal(hdl_ranges_alloc(&r, TOTAL, &held[0]), 0);
	hdl_ranges_done(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_fit_and_joining),
		cmocka_unit_test(reserving),
		cmocka_unit_test(random_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
