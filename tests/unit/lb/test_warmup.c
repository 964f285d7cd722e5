/* SPDX-License-Identifier: Apache-2.0 */
/* Warm-up shares in integers against the formula of specification C.2 in floating point. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/rand.h"
#include "heddle/core/tables_user.h"
#include "heddle/core/warmup.h"

#define CASES 1000000

/* Within 2^-16 everywhere. */
static void formula(void **state)
{
	struct hdl_rand rnd;
	double worst = 0;

	(void)state;
	hdl_rand_seed(&rnd, 3);
	for (int i = 0; i < CASES; i++) {
		uint32_t warmup_ms = 1 + (uint32_t)(hdl_rand_u64(&rnd) >> (32 + hdl_rand_u64(&rnd) % 32));
		uint32_t aggression = 65536 + (uint32_t)(hdl_rand_u64(&rnd) >> (33 + hdl_rand_u64(&rnd) % 31));
		uint32_t least = (uint32_t)(hdl_rand_u64(&rnd) % 101);
		uint64_t elapsed_us = (hdl_rand_u64(&rnd) >> (hdl_rand_u64(&rnd) % 32)) % ((uint64_t)warmup_ms * 1000);
		double x = (double)(elapsed_us < 1000 ? 1000 : elapsed_us) / (warmup_ms * 1000.0);
		double exact = fmax(pow(x, 65536.0 / aggression), least / 100.0);
		double error =
			fabs(hdl_core_warmup_share(elapsed_us * 1000, warmup_ms, aggression, least) / 65536.0 - exact);

		worst = error > worst ? error : worst;
	}
	assert_true(worst <= 1 / 65536.0);
}

static void corners(void **state)
{
	static const struct {
		uint64_t elapsed_ns;
		uint32_t warmup_ms, aggression, least, share;
	} row[] = {
		{ 0, 1000, 65536, 0, 66 }, /* 1 ms of a second */
		{ 500000000, 1000, 65536, 0, 32768 },
		{ 500000000, 1000, 0, 0, 32768 },
		{ 250000000, 1000, 2 << 16, 0, 32768 },
		{ 250000000, 1000, 65536, 50, 32768 },
		{ 1000000000, 1000, 65536, 10, 65536 },
		{ UINT64_MAX, UINT32_MAX, 65536, 10, 65536 },
		{ 5, 0, 65536, 10, 65536 },
		{ 0, 1000, 65536, 255, 65536 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		assert_int_equal(hdl_core_warmup_share(row[i].elapsed_ns, row[i].warmup_ms, row[i].aggression,
						       row[i].least),
				 row[i].share);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formula),
		cmocka_unit_test(corners),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
