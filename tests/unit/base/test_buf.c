/* SPDX-License-Identifier: Apache-2.0 */
/* The buffer grows, keeps its limit to the byte, and a failure is sticky. */
#include "unit/unit.h"
#include "unit/failmalloc.h"
#include "base/buf.c"

static void test_grows(void **state)
{
	struct hdl_buf buf = { 0 };

	(void)state;
	for (int i = 0; i < 10000; i++)
		hdl_buf_printf(&buf, "%04d,", i);
	assert_false(buf.failed);
	assert_int_equal(buf.n, 50000);
	assert_memory_equal(buf.p + 49995, "9999,", 6);
	hdl_buf_done(&buf);
	assert_null(buf.p);
	hdl_buf_adds(&buf, "again");
	assert_string_equal(buf.p, "again");
	hdl_buf_done(&buf);
	hdl_buf_done(&buf);
}

static void test_empty_and_binary(void **state)
{
	struct hdl_buf buf = { 0 };

	(void)state;
	hdl_buf_add(&buf, NULL, 0);
	assert_string_equal(buf.p, "");
	hdl_buf_add(&buf, "a\0b", 3);
	assert_int_equal(buf.n, 3);
	assert_memory_equal(buf.p, "a\0b", 4);
	hdl_buf_done(&buf);
}

static void test_printf_longer_than_room(void **state)
{
	struct hdl_buf buf = { 0 };

	(void)state;
	hdl_buf_adds(&buf, "x");
	hdl_buf_printf(&buf, "%0*d|%s", 5000, 1, "end");
	assert_int_equal(buf.n, 1 + 5000 + 4);
	assert_string_equal(buf.p + buf.n - 5, "1|end");
	hdl_buf_done(&buf);
}

static void test_limit(void **state)
{
	struct hdl_buf buf = { .limit_bytes = 10 };

	(void)state;
	hdl_buf_adds(&buf, "12345");
	hdl_buf_printf(&buf, "%s", "67890");
	assert_false(buf.failed);
	assert_string_equal(buf.p, "1234567890");
	hdl_buf_adds(&buf, "");
	assert_false(buf.failed);
	hdl_buf_printf(&buf, "%c", 'x');
	assert_true(buf.failed);
	assert_string_equal(buf.p, "1234567890");
	hdl_buf_done(&buf);
	assert_false(buf.failed);
	assert_int_equal(buf.limit_bytes, 10); /* done forgets the content, not the limit */
	hdl_buf_adds(&buf, "12345678901");
	assert_true(buf.failed);
	hdl_buf_adds(&buf, "1");
	assert_int_equal(buf.n, 0); /* sticky: no hole in the text */
	hdl_buf_done(&buf);
}

static void test_allocation_failure(void **state)
{
	struct hdl_buf buf = { 0 };

	(void)state;
	hdl_fail_after = 0;
	hdl_buf_adds(&buf, "x");
	assert_true(buf.failed);
	assert_null(buf.p);
	hdl_buf_printf(&buf, "%d", 1);
	hdl_buf_done(&buf);

	hdl_fail_after = 1;
	hdl_buf_adds(&buf, "kept");
	for (int i = 0; i < 1000; i++)
		hdl_buf_adds(&buf, "0123456789");
	assert_true(buf.failed);
	assert_memory_equal(buf.p, "kept0123456789", 14);
	hdl_fail_after = -1;
	hdl_buf_adds(&buf, "more");
	assert_true(buf.failed);
	hdl_buf_done(&buf);
	assert_false(reserve(&buf, SIZE_MAX - 1));
	assert_true(buf.failed);
	hdl_buf_done(&buf);
}

/* What a terminal would obey or break a line at. */
static void test_visible(void **state)
{
	static const struct {
		const char *text, *expected;
	} rows[] = {
		{ "", "" },
		{ "a b\xc3\xa9\xff", "a b\xc3\xa9\xff" },
		{ "\x1b[31ma\nb\x7f", "\\x1b[31ma\\x0ab\\x7f" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct hdl_buf buf = { 0 };

		hdl_buf_adds(&buf, "");
		hdl_buf_adds_visible(&buf, rows[i].text);
		assert_string_equal(buf.p, rows[i].expected);
		hdl_buf_done(&buf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grows),
		cmocka_unit_test(test_empty_and_binary),
		cmocka_unit_test(test_printf_longer_than_room),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_allocation_failure),
		cmocka_unit_test(test_visible),
	};

	return cmocka_run_group_tests_name("base/buf", tests, NULL, NULL);
}
