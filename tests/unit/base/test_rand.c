/* SPDX-License-Identifier: Apache-2.0 */
/* The generator is xoshiro256**, the same for the same seed, and its draws cover the range evenly. */
#include "unit/unit.h"
#include "base/rand.h"

#include <string.h>

static void test_reference_values(void **state)
{
	/* the first outputs of the authors' C code from the state 1 2 3 4 */
	static const uint64_t expected[] = { 11520ull, 0ull, 1509978240ull, 1215971899390074240ull };
	struct hdl_rand rand = { { 1, 2, 3, 4 } };

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(expected); i++)
		assert_true(hdl_rand_u64(&rand) == expected[i]);
}

static void test_seeds(void **state)
{
	struct hdl_rand a, b, c;

	(void)state;
	hdl_rand_seed(&a, 0); /* splitmix64 from 0, by its authors' C code */
	assert_true(a.s[0] == 0xe220a8397b1dcdafull);
	assert_true(a.s[1] == 0x6e789e6aa1b965f4ull);
	hdl_rand_seed(&b, 0);
	hdl_rand_seed(&c, 1);
	for (int i = 0; i < 100; i++) {
		uint64_t x = hdl_rand_u64(&a);

		assert_true(x == hdl_rand_u64(&b));
		assert_true(x != hdl_rand_u64(&c));
	}
	hdl_rand_seed_random(&a);
	hdl_rand_seed_random(&b);
	assert_memory_not_equal(&a, &b, sizeof(a));
}

static void test_even(void **state)
{
	unsigned count[16] = { 0 };
	struct hdl_rand rand;
	double chi2 = 0;

	(void)state;
	hdl_rand_seed(&rand, 42);
	for (int i = 0; i < 160000; i++)
		count[hdl_rand_u32(&rand) >> 28]++;
	for (int i = 0; i < 16; i++)
		chi2 += (count[i] - 10000.0) * (count[i] - 10000.0) / 10000.0;
	assert_true(chi2 < 37.7); /* 99.9 % of chi-square with 15 degrees; the seed is fixed, so this cannot flap */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reference_values),
		cmocka_unit_test(test_seeds),
		cmocka_unit_test(test_even),
	};

	return cmocka_run_group_tests_name("base/rand", tests, NULL, NULL);
}
