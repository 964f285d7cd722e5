/* SPDX-License-Identifier: Apache-2.0 */
/* XXH64 gives the published values (Envoy's ring and Maglev tables depend on them); the process seed is stable. */
#include "unit/unit.h"
#include "base/hash.h"

#include <string.h>

static void test_known_values(void **state)
{
	static const struct {
		const char *in;
		uint64_t seed, out;
	} cases[] = {
		{ "", 0, 0xef46db3751d8e999ull },
		{ "a", 0, 0xd24ec4f1a98c6e5bull },
		{ "abc", 0, 0x44bc2cf5ad770999ull },
		{ "foo", 0, 0x33bf00a859c4ba3full }, /* Envoy's test/common/common/hash_test.cc */
		{ "bar", 0, 0x48a37c90ad27a659ull },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(cases); i++)
		assert_true(hdl_hash64(cases[i].in, strlen(cases[i].in), cases[i].seed) == cases[i].out);
	assert_true(hdl_hash64("foo", 3, 1) != hdl_hash64("foo", 3, 0));
	assert_true(hdl_hash64(NULL, 0, 0) == 0xef46db3751d8e999ull);
}

static void test_unaligned_input(void **state)
{
	char space[64 + 8];
	uint64_t first = 0;

	(void)state;
	for (size_t offset = 0; offset < 8; offset++) {
		uint64_t h;

		memset(space + offset, 'x', 64);
		h = hdl_hash64(space + offset, 64, 5);
		if (offset == 0)
			first = h;
		assert_true(h == first);
	}
}

static void test_process_seed(void **state)
{
	(void)state;
	assert_true(hdl_hash_process_seed() == hdl_hash_process_seed());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_values),
		cmocka_unit_test(test_unaligned_input),
		cmocka_unit_test(test_process_seed),
	};

	return cmocka_run_group_tests_name("base/hash", tests, NULL, NULL);
}
