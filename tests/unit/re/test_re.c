/* SPDX-License-Identifier: Apache-2.0 */
/* RE2 expressions: full match, refusals with a text, bounds on pattern and program (specification A.3, B.2). */
#include "unit/unit.h"

#include <errno.h>

#include "re/re.h"

static void test_full_match(void **state)
{
	static const struct {
		struct hdl_str pattern, text;
		bool match;
	} cases[] = {
		{ HDL_STR("/api/v[0-9]+"), HDL_STR("/api/v12"), true },
		{ HDL_STR("/api/v[0-9]+"), HDL_STR("/api/v12/x"), false }, /* anchored at the end */
		{ HDL_STR("/api/v[0-9]+"), HDL_STR("x/api/v1"), false },   /* and at the beginning */
		{ HDL_STR("a|ab"), HDL_STR("ab"), true },                  /* the alternation does not decide early */
		{ HDL_STR("a"), HDL_STR("A"), false },                     /* case-sensitive */
		{ HDL_STR("(?i)a"), HDL_STR("A"), true },
		{ HDL_STR(".*"), HDL_STR(""), true },
		{ HDL_STR(""), HDL_STR(""), true },
		{ HDL_STR(""), HDL_STR("a"), false },
		{ HDL_STR("a.c"), HDL_STR("a\nc"), false },
		{ HDL_STR("a\\x00c"), HDL_STR("a\0c"), true }, /* slices, not C strings */
		{ HDL_STR("^(.*?;)?(user=jason)(;.*)?$"), HDL_STR("a=b;user=jason;c"), true },
		{ HDL_STR("(a+)+"), HDL_STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"), false }, /* linear time */
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(cases); i++) {
		struct hdl_re *re = NULL;

		assert_int_equal(hdl_re_compile(cases[i].pattern, &re, NULL), 0);
		if (hdl_re_full_match(re, cases[i].text) != cases[i].match)
			fail_msg("case %zu: %.*s", i, HDL_STR_ARG(cases[i].pattern));
		assert_null(hdl_re_free(re));
	}
	assert_null(hdl_re_free(NULL));
}

static void test_null_text_is_empty(void **state)
{
	struct hdl_re *re = NULL;

	(void)state;
	assert_int_equal(hdl_re_compile(HDL_STR("a*"), &re, NULL), 0);
	assert_true(hdl_re_full_match(re, (struct hdl_str){ NULL, 0 }));
	hdl_re_free(re);
}

static void test_refused(void **state)
{
	static const struct {
		struct hdl_str pattern;
		int result;
		const char *text;
	} cases[] = {
		{ HDL_STR("*"), -EINVAL, "no argument for repetition operator: *" },
		{ HDL_STR("a("), -EINVAL, "missing )" },
		{ HDL_STR("a[z-a]"), -EINVAL, "z-a" },
		{ HDL_STR("a(?=b)"), -EINVAL, "(?=" },
		{ HDL_STR("(a)\\1"), -EINVAL, "\\1" },
		{ HDL_STR("a{1001}"), -EINVAL, "{1001}" },
		{ HDL_STR("((\\pL{100}){100}){100}"), -EINVAL, "" },
		{ HDL_STR("((\\pL{30}){30})"), -E2BIG, "too large" }, /* within RE2's own bound, over ours */
		{ HDL_STR("\xff"), -EINVAL, "UTF-8" },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(cases); i++) {
		struct hdl_re *untouched = (struct hdl_re *)&cases[i], *re = untouched;
		struct hdl_err err = { "" };
		int r = hdl_re_compile(cases[i].pattern, &re, &err);

		if (r != cases[i].result || !strstr(err.text, cases[i].text))
			fail_msg("%.*s: %d %s", HDL_STR_ARG(cases[i].pattern), r, err.text);
		assert_ptr_equal(re, untouched);
	}
}

static void test_length(void **state)
{
	char pattern[HDL_RE_PATTERN_BYTES_MAX + 1];
	struct hdl_re *re = NULL;
	struct hdl_err err;

	(void)state;
	memset(pattern, 'a', sizeof(pattern));
	assert_int_equal(hdl_re_compile((struct hdl_str){ pattern, sizeof(pattern) }, &re, &err), -E2BIG);
	assert_non_null(strstr(err.text, "1025"));
	assert_int_equal(hdl_re_compile((struct hdl_str){ pattern, sizeof(pattern) - 1 }, &re, &err), 0);
	assert_true(hdl_re_full_match(re, (struct hdl_str){ pattern, sizeof(pattern) - 1 }));
	hdl_re_free(re);
}

/* Promise P7: the sum over many expressions can be bounded. */
static void test_bytes(void **state)
{
	struct hdl_re *small, *large;

	(void)state;
	assert_int_equal(hdl_re_compile(HDL_STR("a"), &small, NULL), 0);
	assert_int_equal(hdl_re_compile(HDL_STR(".{900}"), &large, NULL), 0);
	assert_true(hdl_re_bytes(small) < 4096);
	assert_true(hdl_re_bytes(large) > 32768);
	assert_true(hdl_re_bytes(large) < HDL_RE_MEMORY_BYTES_MAX);
	hdl_re_free(small);
	hdl_re_free(large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full_match), cmocka_unit_test(test_null_text_is_empty),
		cmocka_unit_test(test_refused),    cmocka_unit_test(test_length),
		cmocka_unit_test(test_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
