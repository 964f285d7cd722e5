/* SPDX-License-Identifier: Apache-2.0 */
/* Checks what plain scalars mean (as kubectl reads them) and the conversions to bool, integer and number. */
#include "unit/unit.h"
#include <errno.h>
#include <string.h>
#include "conf/node.h"

static struct hdl_node scalar(const char *text, bool quoted)
{
	return (struct hdl_node){ .kind = HDL_NODE_SCALAR, .quoted = quoted, .n = (uint32_t)strlen(text), .text = text };
}

static void types(void **state)
{
	static const struct {
		const char *text;
		enum hdl_scalar_type type;
	} row[] = {
		{ "", HDL_SCALAR_NULL },         { "~", HDL_SCALAR_NULL },       { "null", HDL_SCALAR_NULL },
		{ "NULL", HDL_SCALAR_NULL },     { "nUll", HDL_SCALAR_STRING },  { "None", HDL_SCALAR_STRING },
		{ "true", HDL_SCALAR_BOOL },     { "yes", HDL_SCALAR_BOOL },     { "off", HDL_SCALAR_BOOL },
		{ "N", HDL_SCALAR_STRING },      { "truE", HDL_SCALAR_STRING },  { "1", HDL_SCALAR_INT },
		{ "-1", HDL_SCALAR_INT },        { "+7", HDL_SCALAR_INT },       { "0x1f", HDL_SCALAR_INT },
		{ "010", HDL_SCALAR_INT },       { "0b11", HDL_SCALAR_INT },     { "1_000", HDL_SCALAR_INT },
		{ "0x", HDL_SCALAR_STRING },     { "-", HDL_SCALAR_STRING },     { "1.10", HDL_SCALAR_FLOAT },
		{ ".5", HDL_SCALAR_FLOAT },      { "1.", HDL_SCALAR_FLOAT },     { "1e3", HDL_SCALAR_FLOAT },
		{ "-1.5E-7", HDL_SCALAR_FLOAT }, { ".inf", HDL_SCALAR_FLOAT },   { ".NaN", HDL_SCALAR_FLOAT },
		{ ".", HDL_SCALAR_STRING },      { "1e", HDL_SCALAR_STRING },    { "e3", HDL_SCALAR_STRING },
		{ "1s", HDL_SCALAR_STRING },     { "1.2.3", HDL_SCALAR_STRING }, { "10.0.0.1", HDL_SCALAR_STRING },
		{ "v1", HDL_SCALAR_STRING },     { "_1", HDL_SCALAR_STRING },    { "::1", HDL_SCALAR_STRING },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(row); i++) {
		struct hdl_node plain = scalar(row[i].text, false), quoted = scalar(row[i].text, true);

		if (hdl_node_scalar_type(&plain) != row[i].type)
			fail_msg("%s is %d", row[i].text, hdl_node_scalar_type(&plain));
		assert_int_equal(hdl_node_scalar_type(&quoted), HDL_SCALAR_STRING);
	}
}

static void integers(void **state)
{
	static const struct {
		const char *text;
		int r;
		int64_t value;
	} row[] = {
		{ "0", 0, 0 },
		{ "-5", 0, -5 },
		{ "+5", 0, 5 },
		{ "0xff", 0, 255 },
		{ "9223372036854775807", 0, INT64_MAX },
		{ "-9223372036854775808", 0, INT64_MIN },
		{ "9223372036854775808", -ERANGE, 0 },
		{ "010", -EINVAL, 0 },
		{ "0b1", -EINVAL, 0 },
		{ "0o7", -EINVAL, 0 },
		{ "1_0", -EINVAL, 0 },
		{ "1.0", -EINVAL, 0 },
		{ "x", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ "true", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(row); i++) {
		struct hdl_node plain = scalar(row[i].text, false), quoted = scalar(row[i].text, true);
		int64_t value = 42;

		assert_int_equal(hdl_node_int(&plain, &value), row[i].r);
		assert_int_equal(value, row[i].r ? 42 : row[i].value);
		assert_int_equal(hdl_node_int(&quoted, &value), -EINVAL);
	}
}

static void numbers(void **state)
{
	static const struct {
		const char *text;
		int r;
		double value;
	} row[] = {
		{ "0", 0, 0 },       { "50.0", 0, 50 },      { "1e2", 0, 100 },      { ".5", 0, 0.5 },
		{ "-3", 0, -3 },     { ".inf", -EINVAL, 0 }, { ".nan", -EINVAL, 0 }, { "1e999", -ERANGE, 0 },
		{ "x", -EINVAL, 0 }, { "010", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(row); i++) {
		struct hdl_node plain = scalar(row[i].text, false);
		double value = 42;

		assert_int_equal(hdl_node_double(&plain, &value), row[i].r);
		assert_true(value == (row[i].r ? 42 : row[i].value));
	}
}

static void booleans(void **state)
{
	struct hdl_node yes = scalar("yes", false), y = scalar("y", false), no = scalar("False", false),
			quoted = scalar("true", true);
	struct hdl_node list = { .kind = HDL_NODE_LIST };
	int64_t integer;
	double number;
	bool value;

	(void)state;
	assert_int_equal(hdl_node_bool(&yes, &value), 0);
	assert_true(value);
	assert_int_equal(hdl_node_bool(&y, &value), 0);
	assert_true(value);
	assert_int_equal(hdl_node_bool(&no, &value), 0);
	assert_false(value);
	assert_int_equal(hdl_node_bool(&quoted, &value), -EINVAL);
	assert_int_equal(hdl_node_bool(&list, &value), -EINVAL);
	assert_int_equal(hdl_node_int(&list, &integer), -EINVAL);
	assert_int_equal(hdl_node_double(&list, &number), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types),
		cmocka_unit_test(integers),
		cmocka_unit_test(numbers),
		cmocka_unit_test(booleans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
