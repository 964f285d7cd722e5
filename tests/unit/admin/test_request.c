/* SPDX-License-Identifier: Apache-2.0 */
/* Queries, filters and JSON bodies of the admin interface (user/admin/api.md), good and bad. */
#include "unit/unit.h"
#include "admin/page.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void test_parameters(void **state)
{
	static const struct {
		const char *query, *name, *value; /* value NULL: absent or bad */
	} cases[] = {
		{ "a=1", "a", "1" },
		{ "a=1&b=2", "b", "2" },
		{ "a=", "a", "" },
		{ "aa=1", "a", NULL },
		{ "a", "a", NULL },
		{ "", "a", NULL },
		{ "b=%41%2f+x", "b", "A/ x" },
		{ "b=%4", "b", NULL },
		{ "b=%", "b", NULL },
		{ "b=%zz", "b", NULL },
		{ "b=%00", "b", NULL },
		{ "a=1&a=2", "a", "1" },
		{ "&&a=1", "a", "1" },
		{ "b=0123456789", "b", NULL }, /* does not fit */
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(cases); i++) {
		char text[9];
		bool there = hdl_admin_parameter_text(hdl_str_of(cases[i].query), cases[i].name, text, sizeof(text));

		if (there != (cases[i].value != NULL) || strcmp(text, cases[i].value ? cases[i].value : "") != 0)
			fail_msg("%s: %s", cases[i].query, text);
	}
}

static void test_filter(void **state)
{
	struct hdl_admin_filter filter;

	(void)state;
	assert_true(hdl_admin_filter_parse(hdl_str_of(""), &filter));
	assert_int_equal(filter.port, 0);
	assert_true(hdl_admin_filter_parse(hdl_str_of("fqdn=a.b&port=80&subset=v1&name=x&other=1"), &filter));
	assert_string_equal(filter.fqdn, "a.b");
	assert_string_equal(filter.subset, "v1");
	assert_string_equal(filter.name, "x");
	assert_int_equal(filter.port, 80);
	assert_false(hdl_admin_filter_parse(hdl_str_of("port=x"), &filter));
	assert_false(hdl_admin_filter_parse(hdl_str_of("port=65536"), &filter));
	assert_false(hdl_admin_filter_parse(hdl_str_of("fqdn=%4"), &filter));
}

static bool member(void *data, const char *key, const char *value)
{
	char *text = data;
	size_t n = strlen(text);

	snprintf(text + n, 1000 - n, "%s=%s;", key, value);
	return strcmp(key, "no") != 0;
}

static void test_object(void **state)
{
	static const struct {
		const char *json, *members; /* NULL: refused */
	} cases[] = {
		{ "{}", "" },
		{ " { } \n", "" },
		{ "{\"a\":\"b\"}", "a=b;" },
		{ "{ \"a\" : \"b\" , \"c\" : \"\" }", "a=b;c=;" },
		{ "{\"a\":\"\\\"\\\\\\/\\n\\u0041\"}", "a=\"\\/\nA;" },
		{ "", NULL },
		{ "[]", NULL },
		{ "\"a\"", NULL },
		{ "{\"a\":1}", NULL },
		{ "{\"a\":null}", NULL },
		{ "{\"a\":{}}", NULL },
		{ "{\"a\":\"b\",}", NULL },
		{ "{\"a\":\"b\"", NULL },
		{ "{\"a\":\"b\"}x", NULL },
		{ "{\"a\" \"b\"}", NULL },
		{ "{a:\"b\"}", NULL },
		{ "{\"a\":\"b}", NULL },
		{ "{\"a\":\"\\u0000\"}", NULL },
		{ "{\"a\":\"\\u00e9\"}", NULL },
		{ "{\"a\":\"\\u12\"}", NULL },
		{ "{\"a\":\"\\x41\"}", NULL },
		{ "{\"a\":\"line\nend\"}", NULL },
		{ "{\"no\":\"b\"}", NULL }, /* refused by the caller */
		{ "{\"\":\"b\"}", "=b;" },
	};
	char longest[1200];

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(cases); i++) {
		char members[1000] = "";
		int r = hdl_admin_parse_object(hdl_str_of(cases[i].json), member, members);

		if (r != (cases[i].members ? 0 : -EINVAL) ||
		    (cases[i].members && strcmp(members, cases[i].members) != 0))
			fail_msg("%s: %d, %s", cases[i].json, r, members);
	}
	/* every prefix of a good one is refused, none is read past its end */
	longest[0] = '\0';
	for (size_t n = 0; n < strlen("{\"a\":\"\\u0041\"}"); n++)
		assert_int_equal(hdl_admin_parse_object((struct hdl_str){ "{\"a\":\"\\u0041\"}", n }, member, longest),
				 -EINVAL);
	memset(longest, 'x', sizeof(longest));
	memcpy(longest, "{\"a\":\"", 6);
	memcpy(longest + sizeof(longest) - 3, "\"}", 3);
	assert_int_equal(hdl_admin_parse_object(hdl_str_of(longest), member, longest), -EINVAL);
	assert_int_equal(hdl_admin_parse_object((struct hdl_str){ NULL, 0 }, member, longest), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parameters),
		cmocka_unit_test(test_filter),
		cmocka_unit_test(test_object),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
