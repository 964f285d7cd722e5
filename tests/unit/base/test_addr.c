/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses: strict parsing, one printed form per address (RFC 5952), IPv4 held as v4-mapped. */
#include "unit/unit.h"
#include "base/addr.h"

#include <errno.h>
#include <string.h>

static void test_parse_and_print(void **state)
{
	static const struct {
		const char *in, *out; /* out NULL: refused */
	} cases[] = {
		{ "10.0.0.1", "10.0.0.1" },
		{ "0.0.0.0", "0.0.0.0" },
		{ "255.255.255.255", "255.255.255.255" },
		{ "::ffff:10.0.0.1", "10.0.0.1" },
		{ "::ffff:0a00:0001", "10.0.0.1" },
		{ "::", "::" },
		{ "::1", "::1" },
		{ "1::", "1::" },
		{ "2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1" },    /* RFC 5952 4.2.3: the first of equal runs */
		{ "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1" }, /* 4.2.2: one group is not shortened */
		{ "2001:0:0:1:0:0:0:1", "2001:0:0:1::1" },          /* 4.2.3: the longest run */
		{ "2001:db8::0:1", "2001:db8::1" },
		{ "0:0:1:2:3:4:5:6", "::1:2:3:4:5:6" },
		{ "1:2:3:4:5:6:0:0", "1:2:3:4:5:6::" },
		{ "0:1:0:1:0:1:0:1", "0:1:0:1:0:1:0:1" },
		{ "::1.2.3.4", "::102:304" },
		{ "64:ff9b::1.2.3.4", "64:ff9b::102:304" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
		{ "", NULL },
		{ "1.2.3", NULL },
		{ "1.2.3.4.5", NULL },
		{ "1.2.3.256", NULL },
		{ "01.2.3.4", NULL }, /* octal to some */
		{ "0x1.2.3.4", NULL },
		{ "1.2.3.4 ", NULL },
		{ " 1.2.3.4", NULL },
		{ "1.2.3.4:80", NULL },
		{ "[::1]", NULL },
		{ "fe80::1%eth0", NULL },
		{ ":::", NULL },
		{ "1::2::3", NULL },
		{ "1:2:3:4:5:6:7:8:9", NULL },
		{ "12345::", NULL },
		{ "localhost", NULL },
		{ "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000", NULL },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(cases); i++) {
		struct hdl_addr addr, again;
		char text[HDL_ADDR_TEXT_MAX];

		memset(&addr, 0xaa, sizeof(addr));
		if (!cases[i].out) {
			assert_int_equal(hdl_addr_parse(hdl_str_of(cases[i].in), &addr), -EINVAL);
			assert_int_equal(addr.byte[7], 0xaa);
			continue;
		}
		assert_int_equal(hdl_addr_parse(hdl_str_of(cases[i].in), &addr), 0);
		assert_string_equal(hdl_addr_print(&addr, text), cases[i].out);
		assert_int_equal(hdl_addr_parse(hdl_str_of(text), &again), 0);
		assert_true(hdl_addr_equal(&addr, &again));
	}
}

static void test_bytes(void **state)
{
	static const uint8_t mapped[16] = { [10] = 0xff, 0xff, 10, 1, 2, 3 };
	struct hdl_addr addr;

	(void)state;
	assert_int_equal(hdl_addr_parse(HDL_STR("10.1.2.3"), &addr), 0);
	assert_memory_equal(addr.byte, mapped, 16);
	assert_true(hdl_addr_is_v4(&addr));
	assert_int_equal(hdl_addr_parse(HDL_STR("1.2.3.4\0"), &addr), -EINVAL); /* a NUL does not end a slice */
	assert_int_equal(hdl_addr_parse((struct hdl_str){ "1.2.3.45", 7 }, &addr), 0);
	assert_int_equal(addr.byte[15], 4);
}

static void test_ports(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "1.2.3.4:80", "1.2.3.4:80" },
		{ "[::1]:65535", "[::1]:65535" },
		{ "[1.2.3.4]:0", "1.2.3.4:0" },
		{ "[::ffff:1.2.3.4]:7", "1.2.3.4:7" },
		{ "", NULL },
		{ ":80", NULL },
		{ "1.2.3.4", NULL },
		{ "1.2.3.4:", NULL },
		{ "1.2.3.4:65536", NULL },
		{ "1.2.3.4:-1", NULL },
		{ "1.2.3.4:+1", NULL },
		{ "1.2.3.4:80 ", NULL },
		{ "::1:80", NULL }, /* which colon? */
		{ "[::1]", NULL },
		{ "[::1]80", NULL },
		{ "[]:80", NULL },
		{ "[::1:80", NULL },
		{ "::1]:80", NULL },
		{ "[[::1]]:80", NULL },
		{ "[", NULL },
		{ "[]", NULL },
		{ "example.org:80", NULL },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(cases); i++) {
		char text[HDL_ADDR_PORT_TEXT_MAX];
		struct hdl_addr addr;
		uint16_t port = 4711;

		if (!cases[i].out) {
			assert_int_equal(hdl_addr_port_parse(hdl_str_of(cases[i].in), &addr, &port), -EINVAL);
			assert_int_equal(port, 4711);
			continue;
		}
		assert_int_equal(hdl_addr_port_parse(hdl_str_of(cases[i].in), &addr, &port), 0);
		assert_string_equal(hdl_addr_port_print(&addr, port, text), cases[i].out);
	}
}

static void test_longest_text_fits(void **state)
{
	char text[HDL_ADDR_PORT_TEXT_MAX];
	struct hdl_addr addr;

	(void)state;
	memset(&addr, 0xff, sizeof(addr));
	hdl_addr_port_print(&addr, 65535, text);
	assert_string_equal(text, "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_and_print),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_longest_text_fits),
	};

	return cmocka_run_group_tests_name("base/addr", tests, NULL, NULL);
}
