/* SPDX-License-Identifier: Apache-2.0 */
/* Byte slices: comparing without regard to case (ASCII only), trimming, strict decimal numbers. */
#include "unit/unit.h"
#include "base/str.h"

#include <errno.h>

static void test_eq(void **state)
{
	(void)state;
	assert_true(hdl_str_eq(hdl_str_of(NULL), HDL_STR("")));
	assert_true(hdl_str_eq(HDL_STR("a\0b"), HDL_STR("a\0b")));
	assert_false(hdl_str_eq(HDL_STR("a\0b"), HDL_STR("a\0c")));
	assert_false(hdl_str_eq(HDL_STR("a"), HDL_STR("ab")));
	assert_true(hdl_str_starts(HDL_STR("abc"), HDL_STR("ab")));
	assert_true(hdl_str_starts(HDL_STR("abc"), HDL_STR("")));
	assert_false(hdl_str_starts(HDL_STR("a"), HDL_STR("ab")));
}

static void test_nocase(void **state)
{
	(void)state;
	assert_true(hdl_str_eq_nocase(HDL_STR("Content-LENGTH"), HDL_STR("content-length")));
	assert_true(hdl_str_eq_nocase(HDL_STR(""), hdl_str_of(NULL)));
	assert_false(hdl_str_eq_nocase(HDL_STR("a"), HDL_STR("ab")));
	assert_false(hdl_str_eq_nocase(HDL_STR("@"), HDL_STR("`"))); /* neighbours of the letters, 32 apart */
	assert_false(hdl_str_eq_nocase(HDL_STR("["), HDL_STR("{")));
	assert_false(hdl_str_eq_nocase(HDL_STR("\xc4"), HDL_STR("\xe4"))); /* Latin-1 letters are bytes */
	assert_true(hdl_str_starts_nocase(HDL_STR("Bearer x"), HDL_STR("bEARER ")));
	assert_false(hdl_str_starts_nocase(HDL_STR("Bear"), HDL_STR("bearer")));
}

static void test_trim(void **state)
{
	(void)state;
	assert_true(hdl_str_eq(hdl_str_trim(HDL_STR(" \t a b\t ")), HDL_STR("a b")));
	assert_true(hdl_str_eq(hdl_str_trim(HDL_STR(" \t ")), HDL_STR("")));
	assert_true(hdl_str_eq(hdl_str_trim(HDL_STR("")), HDL_STR("")));
	assert_true(hdl_str_eq(hdl_str_trim(HDL_STR("\r\nx\n")), HDL_STR("\r\nx\n"))); /* only blanks and tabs */
}

static void test_u64(void **state)
{
	static const struct {
		struct hdl_str text;
		uint64_t max;
		int result;
		uint64_t value;
	} cases[] = {
		{ { "0", 1 }, 0, 0, 0 },
		{ { "007", 3 }, 10, 0, 7 },
		{ { "65535", 5 }, 65535, 0, 65535 },
		{ { "65536", 5 }, 65535, -ERANGE, 0 },
		{ { "18446744073709551615", 20 }, UINT64_MAX, 0, UINT64_MAX },
		{ { "18446744073709551616", 20 }, UINT64_MAX, -ERANGE, 0 },
		{ { "99999999999999999999999999", 26 }, UINT64_MAX, -ERANGE, 0 },
		{ { "99999999999999999999999999x", 27 }, UINT64_MAX, -EINVAL, 0 },
		{ { "", 0 }, 10, -EINVAL, 0 },
		{ { "-1", 2 }, 10, -EINVAL, 0 },
		{ { "+1", 2 }, 10, -EINVAL, 0 },
		{ { " 1", 2 }, 10, -EINVAL, 0 },
		{ { "1 ", 2 }, 10, -EINVAL, 0 },
		{ { "0x1", 3 }, 10, -EINVAL, 0 },
		{ { "1\0002", 3 }, 1000, -EINVAL, 0 },
		{ { "12", 1 }, 10, 0, 1 }, /* the slice ends it, not the bytes behind */
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(cases); i++) {
		uint64_t value = 4711;

		assert_int_equal(hdl_str_u64(cases[i].text, cases[i].max, &value), cases[i].result);
		assert_int_equal(value, cases[i].result == 0 ? cases[i].value : 4711);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_eq),
		cmocka_unit_test(test_nocase),
		cmocka_unit_test(test_trim),
		cmocka_unit_test(test_u64),
	};

	return cmocka_run_group_tests_name("base/str", tests, NULL, NULL);
}
