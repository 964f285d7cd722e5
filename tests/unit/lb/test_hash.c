/* SPDX-License-Identifier: Apache-2.0 */
/* Hash inputs equal the vectors of specification C.3; cookies are found in every usual form of the header. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <arpa/inet.h>
#include <cmocka.h>

#include "base/addr.h"
#include "base/hash.h"
#include "lb/hash.h"

static void vectors(void **state)
{
	static const struct {
		const char *text;
		uint64_t hash;
	} cases[] = {
		{ "", 0xef46db3751d8e999 },       { "a", 0xd24ec4f1a98c6e5b },
		{ "abc", 0x44bc2cf5ad770999 },    { "foo", 0x33bf00a859c4ba3f },
		{ "user-1", 0xa173746b114c6be8 }, { "a-string-longer-than-thirty-two-bytes!!", 0xc60e7a3dc0afc7e9 },
	};
	struct hdl_str two[] = { HDL_STR("foo"), HDL_STR("bar") }, turned[] = { HDL_STR("bar"), HDL_STR("foo") };
	struct hdl_addr a;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hdl_str one = hdl_str_of(cases[i].text);

		assert_true(hdl_lb_hash_text(one) == cases[i].hash);
		assert_true(hdl_lb_hash_values(&one, 1) == cases[i].hash);
	}
	assert_true(hdl_lb_hash_values(two, 2) == 0x5c441824061e14ff);
	assert_true(hdl_lb_hash_values(turned, 2) == 0x5c441824061e14ff);
	assert_int_equal(hdl_addr_parse(HDL_STR("192.168.1.10"), &a), 0);
	assert_true(hdl_lb_hash_source(&a) == 0xa9a745ddd278c452);
	assert_int_equal(hdl_addr_parse(HDL_STR("2001:db8:0:0:0:0:0:1"), &a), 0);
	assert_true(hdl_lb_hash_source(&a) == hdl_hash64("2001:db8::1", 11, 0));
}

static void cookies(void **state)
{
	static const struct {
		const char *header, *name, *value; /* NULL: absent */
	} cases[] = {
		{ "user=a", "user", "a" },
		{ "x=1; user=abc; y=2", "user", "abc" },
		{ "x=1;user=abc;y=2", "user", "abc" },
		{ "user=\"abc\"", "user", "abc" },
		{ "user=a=b", "user", "a=b" },
		{ "user=", "user", NULL }, /* an empty value counts as absent */
		{ "user=\"\"", "user", NULL },
		{ "xuser=1; user2=2", "user", NULL },
		{ "USER=1", "user", NULL },
		{ "user", "user", NULL },
		{ "", "user", NULL },
		{ ";;;", "user", NULL },
		{ "user=first; user=second", "user", "first" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hdl_str value = { 0 };
		bool found = hdl_lb_cookie(hdl_str_of(cases[i].header), hdl_str_of(cases[i].name), &value);

		assert_int_equal(found, cases[i].value != NULL);
		if (found)
			assert_true(hdl_str_eq(value, hdl_str_of(cases[i].value)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors),
		cmocka_unit_test(cookies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
