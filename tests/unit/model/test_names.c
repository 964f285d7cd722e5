/* SPDX-License-Identifier: Apache-2.0 */
/* Checks the syntax of names (A.1, A.3), overlap of hosts, and the distance that suggestions use. */
#include "unit/unit.h"
#include <string.h>
#include "model/names.h"

#define L63 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff012"

static void hosts(void **state)
{
	static const struct {
		const char *s;
		bool plain, wildcard;
	} row[] = {
		{ "a", true, true },
		{ "a.b-c.D", true, true },
		{ "a.b.", true, true },
		{ "", false, false },
		{ ".", false, false },
		{ "a..b", false, false },
		{ "-a", false, false },
		{ "a-", false, false },
		{ "a_b", false, false },
		{ "a.123", false, false },
		{ "1.a", true, true },
		{ "*", false, true },
		{ "*.a", false, true },
		{ "*a.b", false, true },
		{ "*-a.b", false, true },
		{ "a.*", false, false },
		{ "**.a", false, false },
		{ L63, true, true },
		{ L63 "x", false, false },
		{ "10.0.0.1", false, false },
		{ L63 "." L63 "." L63 "." L63, true, true },
		{ L63 "." L63 "." L63 "." L63 ".a", false, false },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(row); i++)
		if (hdl_name_is_host(row[i].s, false) != row[i].plain ||
		    hdl_name_is_host(row[i].s, true) != row[i].wildcard)
			fail_msg("%s", row[i].s);
}

static void others(void **state)
{
	(void)state;
	assert_true(hdl_name_is_label("v1"));
	assert_true(hdl_name_is_label("1"));
	assert_false(hdl_name_is_label("a.b"));
	assert_false(hdl_name_is_label(""));
	assert_true(hdl_name_is_namespace("kube-system"));
	assert_false(hdl_name_is_namespace("Kube"));
	assert_false(hdl_name_is_namespace("a.b"));
	assert_true(hdl_name_is_subdomain("a.b-1"));
	assert_false(hdl_name_is_subdomain("A"));
	assert_false(hdl_name_is_subdomain("a."));
	assert_true(hdl_name_is_ip("::1"));
	assert_true(hdl_name_is_ip("10.0.0.1"));
	assert_false(hdl_name_is_ip("10.0.0"));
	assert_true(hdl_name_is_label_key("app.kubernetes.io/name"));
	assert_true(hdl_name_is_label_key("a_B.c"));
	assert_false(hdl_name_is_label_key("/a"));
	assert_false(hdl_name_is_label_key("a/"));
	assert_false(hdl_name_is_label_key("A/b"));
	assert_false(hdl_name_is_label_key("a/b/c"));
	assert_false(hdl_name_is_label_key("_a"));
	assert_true(hdl_name_is_label_value(""));
	assert_true(hdl_name_is_label_value("V1.2_x"));
	assert_false(hdl_name_is_label_value("-a"));
	assert_false(hdl_name_is_label_value(L63 "x"));
	assert_true(hdl_name_is_token("x-foo!"));
	assert_false(hdl_name_is_token(""));
	assert_false(hdl_name_is_token("a b"));
	assert_false(hdl_name_is_token(":path"));
}

static void overlaps(void **state)
{
	static const struct {
		const char *a, *b;
		bool overlap;
	} row[] = {
		{ "a", "a", true },
		{ "a", "A", true },
		{ "a", "b", false },
		{ "*.foo.com", "a.foo.com", true },
		{ "*.foo.com", "a.b.foo.com", true },
		{ "*.foo.com", "foo.com", false },
		{ "*", "a", true },
		{ "*.a", "*.b.a", true },
		{ "*.a", "*.b", false },
		{ "*", "*", true },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(row); i++) {
		assert_int_equal(hdl_name_hosts_overlap(row[i].a, row[i].b), row[i].overlap);
		assert_int_equal(hdl_name_hosts_overlap(row[i].b, row[i].a), row[i].overlap);
	}
}

static void distances(void **state)
{
	(void)state;
	assert_int_equal(hdl_name_distance("abc", "abc", 3), 0);
	assert_int_equal(hdl_name_distance("ABC", "abc", 3), 0);
	assert_int_equal(hdl_name_distance("abc", "acb", 3), 1);
	assert_int_equal(hdl_name_distance("abc", "ab", 3), 1);
	assert_int_equal(hdl_name_distance("abc", "xabc", 3), 1);
	assert_int_equal(hdl_name_distance("kitten", "sitting", 3), 3);
	assert_int_equal(hdl_name_distance("kitten", "sitting", 2), 3);
	assert_int_equal(hdl_name_distance("", "abcdef", 3), 4);
	assert_int_equal(hdl_name_distance(L63 L63, L63 L63, 3), 4);
}

/* addresses and address/bits (A.3, A.10), trust domains, localities */
static void subnets_and_localities(void **state)
{
	static const char *const subnet[] = { "10.0.0.0/8",    "10.0.0.1",   "10.0.0.1/32", "0.0.0.0/0",
					      "2001:db8::/32", "2001:db8::", "::1/128",     NULL };
	static const char *const no_subnet[] = {
		"",       "a",           "10.0.0.0/33", "10.0.0.0/", "10.0.0/8", "/8", "10.0.0.0/8/8",
		"::/129", "10.0.0.0/-1", "10.0.0.0/a",  NULL
	};
	static const char *const domain[] = { "cluster.local", "a", "A-b.c.", "1.2", NULL };
	static const char *const no_domain[] = { "", ".", "a..b", "a_b", "-a", "*.a", NULL };
	static const char *const locality[] = { "r", "r/z", "r/z/s", NULL };
	static const char *const no_locality[] = { "", "/", "r/", "/z", "r//s", "r/z/s/t", NULL };

	(void)state;
	for (size_t i = 0; subnet[i]; i++)
		assert_true(hdl_name_is_subnet(subnet[i]));
	for (size_t i = 0; no_subnet[i]; i++)
		assert_false(hdl_name_is_subnet(no_subnet[i]));
	for (size_t i = 0; domain[i]; i++)
		assert_true(hdl_name_is_trust_domain(domain[i]));
	for (size_t i = 0; no_domain[i]; i++)
		assert_false(hdl_name_is_trust_domain(no_domain[i]));
	for (size_t i = 0; locality[i]; i++)
		assert_true(hdl_name_is_locality(locality[i]));
	for (size_t i = 0; no_locality[i]; i++)
		assert_false(hdl_name_is_locality(no_locality[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts),
		cmocka_unit_test(others),
		cmocka_unit_test(overlaps),
		cmocka_unit_test(distances),
		cmocka_unit_test(subnets_and_localities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
