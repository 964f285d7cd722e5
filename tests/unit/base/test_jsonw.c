/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON writer places commas and indentation, and writes valid UTF-8 whatever bytes it gets. */
#include "unit/unit.h"
#include "base/jsonw.h"

#include <math.h>
#include <string.h>

static struct hdl_buf buf;
static struct hdl_jsonw w;

static int start(void **state)
{
	(void)state;
	hdl_jsonw_init(&w, &buf, false);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	hdl_buf_done(&buf);
	return 0;
}

static void everything(void)
{
	hdl_jsonw_object(&w);
	hdl_jsonw_kstr(&w, "name", "a");
	hdl_jsonw_key(&w, "list");
	hdl_jsonw_array(&w);
	hdl_jsonw_u64(&w, UINT64_MAX);
	hdl_jsonw_i64(&w, INT64_MIN);
	hdl_jsonw_bool(&w, false);
	hdl_jsonw_null(&w);
	hdl_jsonw_array(&w);
	hdl_jsonw_array_end(&w);
	hdl_jsonw_object(&w);
	hdl_jsonw_object_end(&w);
	hdl_jsonw_array_end(&w);
	hdl_jsonw_ku64(&w, "n", 7);
	hdl_jsonw_kbool(&w, "b", true);
	hdl_jsonw_kstr(&w, "none", NULL);
	hdl_jsonw_object_end(&w);
}

static void test_compact(void **state)
{
	(void)state;
	everything();
	assert_string_equal(buf.p, "{\"name\":\"a\",\"list\":[18446744073709551615,-9223372036854775808,false,null,[],"
				   "{}],\"n\":7,\"b\":true,\"none\":null}");
}

static void test_pretty(void **state)
{
	(void)state;
	hdl_jsonw_init(&w, &buf, true);
	everything();
	assert_string_equal(buf.p, "{\n  \"name\": \"a\",\n  \"list\": [\n    18446744073709551615,\n"
				   "    -9223372036854775808,\n    false,\n    null,\n    [],\n    {}\n  ],\n"
				   "  \"n\": 7,\n  \"b\": true,\n  \"none\": null\n}");
}

#define FFFD "\xef\xbf\xbd"

static void test_strings(void **state)
{
	static const struct {
		struct hdl_str in;
		const char *out;
	} cases[] = {
		{ { "", 0 }, "\"\"" },
		{ { "a\"b\\c/", 6 }, "\"a\\\"b\\\\c/\"" },
		{ { "\b\t\n\f\r", 5 }, "\"\\b\\t\\n\\f\\r\"" },
		{ { "\0\x01\x1f\x7f", 4 }, "\"\\u0000\\u0001\\u001f\\u007f\"" },
		{ { "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 9 }, "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"" },
		{ { "a\x80z", 3 }, "\"a" FFFD "z\"" },                        /* continuation alone */
		{ { "\xc0\xaf", 2 }, "\"" FFFD FFFD "\"" },                   /* overlong slash */
		{ { "\xe0\x80\xaf", 3 }, "\"" FFFD FFFD FFFD "\"" },          /* overlong */
		{ { "\xed\xa0\x80", 3 }, "\"" FFFD FFFD FFFD "\"" },          /* surrogate */
		{ { "\xf4\x90\x80\x80", 4 }, "\"" FFFD FFFD FFFD FFFD "\"" }, /* over U+10FFFF */
		{ { "\xf0\x8f\x80\x80", 4 }, "\"" FFFD FFFD FFFD FFFD "\"" }, /* overlong */
		{ { "\xf5\xff\xfe", 3 }, "\"" FFFD FFFD FFFD "\"" },          /* never valid */
		{ { "x\xe2\x82", 3 }, "\"x" FFFD FFFD "\"" },                 /* cut off */
		{ { "\xe2\x82"
		    "a",
		    3 },
		  "\"" FFFD FFFD "a\"" },
		{ { "\xef\xbf\xbf\xf4\x8f\xbf\xbf", 7 }, "\"\xef\xbf\xbf\xf4\x8f\xbf\xbf\"" },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(cases); i++) {
		hdl_jsonw_init(&w, &buf, false);
		hdl_jsonw_strn(&w, cases[i].in);
		assert_string_equal(buf.p, cases[i].out);
		hdl_buf_done(&buf);
	}
}

static void test_key_is_escaped(void **state)
{
	(void)state;
	hdl_jsonw_object(&w);
	hdl_jsonw_kstr(&w, "a\"b", "c");
	hdl_jsonw_object_end(&w);
	assert_string_equal(buf.p, "{\"a\\\"b\":\"c\"}");
}

static void test_doubles(void **state)
{
	static const struct {
		double in;
		const char *out;
	} cases[] = {
		{ 0, "0" },
		{ 0.1, "0.1" },
		{ -2.5, "-2.5" },
		{ 1e300, "1e+300" },
		{ 1.0 / 3, "0.3333333333333333" },
		{ 9007199254740993.0, "9007199254740992" },
		{ INFINITY, "null" },
		{ NAN, "null" },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(cases); i++) {
		hdl_jsonw_init(&w, &buf, false);
		hdl_jsonw_double(&w, cases[i].in);
		assert_string_equal(buf.p, cases[i].out);
		hdl_buf_done(&buf);
	}
}

static void test_deep_and_top_level_values(void **state)
{
	(void)state;
	for (int i = 0; i < HDL_JSONW_DEPTH - 1; i++)
		hdl_jsonw_array(&w);
	hdl_jsonw_u64(&w, 1);
	hdl_jsonw_u64(&w, 2);
	for (int i = 0; i < HDL_JSONW_DEPTH - 1; i++)
		hdl_jsonw_array_end(&w);
	assert_int_equal(buf.n, 2 * (HDL_JSONW_DEPTH - 1) + 3);
	assert_memory_equal(buf.p + HDL_JSONW_DEPTH - 2, "[1,2]", 5);
}

static void test_full_buffer(void **state)
{
	(void)state;
	buf.limit_bytes = 5;
	everything();
	assert_true(buf.failed);
	buf.limit_bytes = 0;
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_compact),        CASE(test_pretty),  CASE(test_strings),
		CASE(test_key_is_escaped), CASE(test_doubles), CASE(test_deep_and_top_level_values),
		CASE(test_full_buffer),
	};

	return cmocka_run_group_tests_name("base/jsonw", tests, NULL, NULL);
}
