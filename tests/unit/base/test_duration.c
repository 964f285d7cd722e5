/* SPDX-License-Identifier: Apache-2.0 */
/* Durations read and print as in Go (specification A.0), to the nanosecond and to the ends of int64. */
#include "unit/unit.h"
#include "base/duration.h"

#include <errno.h>
#include <string.h>

#define US 1000ll
#define MS 1000000ll
#define S 1000000000ll
#define MIN (60 * S)
#define H (60 * MIN)

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		int result;
		int64_t ns;
	} cases[] = {
		/* Go's time_test.go, parseDurationTests */
		{ "0", 0, 0 },
		{ "5s", 0, 5 * S },
		{ "30s", 0, 30 * S },
		{ "1478s", 0, 1478 * S },
		{ "-5s", 0, -5 * S },
		{ "+5s", 0, 5 * S },
		{ "-0", 0, 0 },
		{ "+0", 0, 0 },
		{ "5.0s", 0, 5 * S },
		{ "5.6s", 0, 5 * S + 600 * MS },
		{ "5.s", 0, 5 * S },
		{ ".5s", 0, 500 * MS },
		{ "1.0s", 0, 1 * S },
		{ "1.00s", 0, 1 * S },
		{ "1.004s", 0, 1 * S + 4 * MS },
		{ "1.0040s", 0, 1 * S + 4 * MS },
		{ "100.00100s", 0, 100 * S + 1 * MS },
		{ "10ns", 0, 10 },
		{ "11us", 0, 11 * US },
		{ "12\xc2\xb5s", 0, 12 * US },
		{ "12\xce\xbcs", 0, 12 * US },
		{ "13ms", 0, 13 * MS },
		{ "14s", 0, 14 * S },
		{ "15m", 0, 15 * MIN },
		{ "16h", 0, 16 * H },
		{ "3h30m", 0, 3 * H + 30 * MIN },
		{ "10.5s4m", 0, 4 * MIN + 10 * S + 500 * MS },
		{ "-2m3.4s", 0, -(2 * MIN + 3 * S + 400 * MS) },
		{ "1h2m3s4ms5us6ns", 0, 1 * H + 2 * MIN + 3 * S + 4 * MS + 5 * US + 6 },
		{ "39h9m14.425s", 0, 39 * H + 9 * MIN + 14 * S + 425 * MS },
		{ "52763797000ns", 0, 52763797000ll },
		{ "0.3333333333333333333h", 0, 20 * MIN - 1 }, /* Go's float arithmetic rounds this one up to 20m */
		{ "9007199254740993ns", 0, (1ll << 53) + 1 },
		{ "9223372036854775807ns", 0, INT64_MAX },
		{ "9223372036854775.807us", 0, INT64_MAX },
		{ "9223372036s854ms775us807ns", 0, INT64_MAX },
		{ "-9223372036854775808ns", 0, INT64_MIN },
		{ "-9223372036854775.808us", 0, INT64_MIN },
		{ "-2562047h47m16.854775808s", 0, INT64_MIN },
		{ "0.100000000000000000000h", 0, 6 * MIN },
		{ "0.830103483285477580700h", 0, 49 * MIN + 48 * S + 372539827ll },
		{ "0s", 0, 0 },
		{ "0.0000000001s", 0, 0 },

		{ "", -EINVAL, 0 },
		{ "3", -EINVAL, 0 },
		{ "-", -EINVAL, 0 },
		{ "s", -EINVAL, 0 },
		{ ".", -EINVAL, 0 },
		{ "-.", -EINVAL, 0 },
		{ ".s", -EINVAL, 0 },
		{ "+.s", -EINVAL, 0 },
		{ "1d", -EINVAL, 0 },
		{ "1 s", -EINVAL, 0 },
		{ " 1s", -EINVAL, 0 },
		{ "1s ", -EINVAL, 0 },
		{ "1h-3m", -EINVAL, 0 },
		{ "--1s", -EINVAL, 0 },
		{ "00", -EINVAL, 0 },
		{ "1.2.3s", -EINVAL, 0 },
		{ "1S", -EINVAL, 0 },
		{ "1e3s", -EINVAL, 0 },
		{ "\x85\x85", -EINVAL, 0 },
		{ "hello \xff\xff world", -EINVAL, 0 },
		{ "99999999999999999999999999999s1", -EINVAL, 0 }, /* no unit weighs more than the range */

		{ "9223372036854775810ns", -ERANGE, 0 },
		{ "9223372036854775808ns", -ERANGE, 0 },
		{ "-9223372036854775809ns", -ERANGE, 0 },
		{ "9223372036854776us", -ERANGE, 0 },
		{ "3000000h", -ERANGE, 0 },
		{ "9223372036854775.808us", -ERANGE, 0 },
		{ "9223372036854ms775us808ns", -ERANGE, 0 },
		{ "99999999999999999999999999999h0.5s", -ERANGE, 0 },
		{ "9223372036854775807h9223372036854775807h", -ERANGE, 0 },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(cases); i++) {
		int64_t ns = 4711;
		int r = hdl_duration_parse(hdl_str_of(cases[i].text), &ns);

		if (r != cases[i].result || ns != (r == 0 ? cases[i].ns : 4711))
			fail_msg("%s: result %d, %lld ns", cases[i].text, r, (long long)ns);
	}
}

static void test_slice_ends_it(void **state)
{
	int64_t ns = 0;

	(void)state;
	assert_int_equal(hdl_duration_parse((struct hdl_str){ "10ms", 3 }, &ns), 0);
	assert_true(ns == 10 * MIN);
	assert_int_equal(hdl_duration_parse((struct hdl_str){ "1s\0", 3 }, &ns), -EINVAL);
}

static void test_print(void **state)
{
	static const struct {
		int64_t ns;
		const char *text;
	} cases[] = {
		/* Go's time_test.go, durationTests */
		{ 0, "0s" },
		{ 1, "1ns" },
		{ 1100, "1.1\xc2\xb5s" },
		{ 2200 * US, "2.2ms" },
		{ 3300 * MS, "3.3s" },
		{ 4 * MIN + 5 * S, "4m5s" },
		{ 4 * MIN + 5001 * MS, "4m5.001s" },
		{ 5 * H + 6 * MIN + 7001 * MS, "5h6m7.001s" },
		{ 8 * MIN + 1, "8m0.000000001s" },
		{ INT64_MAX, "2562047h47m16.854775807s" },
		{ INT64_MIN, "-2562047h47m16.854775808s" },
		{ 90 * S, "1m30s" },
		{ 250 * MS, "250ms" },
		{ H, "1h0m0s" },
		{ -999, "-999ns" },
		{ 999999999, "999.999999ms" },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(cases); i++) {
		struct hdl_buf buf = { 0 };
		int64_t ns = 0;

		hdl_duration_print(&buf, cases[i].ns);
		assert_string_equal(buf.p, cases[i].text);
		assert_int_equal(hdl_duration_parse(hdl_str_of(buf.p), &ns), 0);
		assert_true(ns == cases[i].ns);
		hdl_buf_done(&buf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_slice_ends_it),
		cmocka_unit_test(test_print),
	};

	return cmocka_run_group_tests_name("base/duration", tests, NULL, NULL);
}
