/* SPDX-License-Identifier: Apache-2.0 */
/* Rule and route for punted packets: made once, refused where somebody else's collide, removed without trace; listeners
 * that accept connections to any address. */
#include "tests/bpf/dp_net.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include "dp/punt.h"
#include "heddle/abi_addr.h"

static const struct hdl_punt_conf conf = { .mark = 0x0100, .mask = 0x0f00, .table = 4242 };
static struct hdl_err err;

static void check(int r)
{
	if (r < 0)
		fail_msg("%s", err.text);
}

static bool have_rules(const char *family)
{
	char command[64];

	snprintf(command, sizeof(command), "ip %s rule", family);
	return shows(command, "fwmark 0x100/0xf00 lookup 4242");
}

static bool have_routes(const char *family)
{
	char command[64];

	snprintf(command, sizeof(command), "ip %s route show table 4242 2>/dev/null", family);
	return shows(command, "local default dev lo");
}

static void made_once_and_removed(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		check(hdl_punt_setup(&conf, &err));
		assert_true(have_rules("-4") && have_rules("-6") && have_routes("-4") && have_routes("-6"));
		assert_false(shows("ip -4 rule | grep -c 4242 | grep -v '^1$'", "2"));
	}
	check(hdl_punt_remove(&conf, &err));
	assert_false(have_rules("-4") || have_rules("-6") || have_routes("-4") || have_routes("-6"));
	check(hdl_punt_remove(&conf, &err));
}

static void half_of_it_is_completed(void **state)
{
	(void)state;
	check(hdl_punt_setup(&conf, &err));
	run("ip -6 route flush table 4242");
	run("ip -4 rule del fwmark 0x100/0xf00 lookup 4242");
	check(hdl_punt_setup(&conf, &err));
	assert_true(have_rules("-4") && have_rules("-6") && have_routes("-4") && have_routes("-6"));
}

static void collisions_are_named(void **state)
{
	static const struct {
		const char *make, *clean, *text;
	} cases[] = {
		{ "ip rule add fwmark 0x100/0x100 lookup 7", "ip rule del fwmark 0x100/0x100 lookup 7",
		  "0x100/0x100 lookup 7" },
		{ "ip -6 rule add fwmark 0x100 lookup 7", "ip -6 rule del fwmark 0x100 lookup 7", "ip -6 rule" },
		{ "ip rule add not fwmark 0x3100 lookup 7", "ip rule del not fwmark 0x3100 lookup 7", "0x3100" },
		{ "ip rule add from 10.0.0.1 lookup 4242", "ip rule del from 10.0.0.1 lookup 4242", "table 4242" },
		{ "ip route add 10.1.0.0/16 dev lo table 4242", "ip route flush table 4242", "table 4242" },
		{ "ip -6 route add fd01::/64 dev lo table 4242", "ip -6 route flush table 4242", "table 4242" },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(cases); i++) {
		run("%s", cases[i].make);
		assert_int_equal(hdl_punt_setup(&conf, &err), -EEXIST);
		if (!strstr(err.text, cases[i].text))
			fail_msg("'%s' does not name '%s'", err.text, cases[i].text);
		assert_false(have_rules("-4") || have_rules("-6")); /* nothing was changed */
		run("%s", cases[i].clean);
	}
	check(hdl_punt_setup(&conf, &err));
}

static void foreign_rules_beside_do_not_collide(void **state)
{
	(void)state;
	run("ip rule add fwmark 0x200/0xf00 lookup 7");   /* another value of the same field */
	run("ip rule add fwmark 0x4000/0x4000 lookup 8"); /* other bits */
	run("ip route add 10.1.0.0/16 dev lo table 7");
	check(hdl_punt_setup(&conf, &err));
	check(hdl_punt_remove(&conf, &err));
	assert_true(shows("ip rule", "0x200/0xf00 lookup 7"));
	assert_true(shows("ip rule", "0x4000/0x4000 lookup 8"));
	assert_true(shows("ip route show table 7", "10.1.0.0/16"));
}

/* First the new, then away with the old: packets always find a way. */
static void mark_and_table_can_be_changed(void **state)
{
	const struct hdl_punt_conf same_table = { 0x0200, 0x0f00, 4242 }, same_mark = { 0x0200, 0x0f00, 4243 };

	(void)state;
	check(hdl_punt_setup(&conf, &err));
	check(hdl_punt_setup(&same_table, &err));
	check(hdl_punt_remove(&conf, &err));
	assert_true(shows("ip rule", "0x200/0xf00 lookup 4242") && have_routes("-4") && have_routes("-6"));
	check(hdl_punt_setup(&same_mark, &err));
	check(hdl_punt_remove(&same_table, &err));
	assert_true(shows("ip rule", "0x200/0xf00 lookup 4243"));
	assert_false(shows("ip rule", "4242") || have_routes("-4"));
}

static void impossible_values_are_refused(void **state)
{
	static const struct hdl_punt_conf bad[] = { { 0, 0xf00, 4242 },  { 0x100, 0, 4242 },    { 0x1100, 0xf00, 4242 },
						    { 0x100, 0xf00, 0 }, { 0x100, 0xf00, 254 }, { 0x100, 0xf00, 255 } };

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(bad); i++)
		assert_int_equal(hdl_punt_setup(&bad[i], &err), -EINVAL);
}

static void listeners_are_transparent(void **state)
{
	(void)state;
	for (int family = 0; family < HDL_FAMILIES; family++) {
		int fd = -1, value = 0;
		uint16_t port = 0;
		socklen_t size = sizeof(value);

		check(hdl_punt_listen(family, 16, &fd, &port, &err));
		assert_int_not_equal(port, 0);
		assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &size), 0);
		assert_int_equal(value, 1);
		if (family == HDL_FAMILY_V4)
			assert_int_equal(getsockopt(fd, SOL_IP, IP_TRANSPARENT, &value, &size), 0);
		else
			assert_int_equal(getsockopt(fd, SOL_IPV6, IPV6_TRANSPARENT, &value, &size), 0);
		assert_int_equal(value, 1);
		assert_int_equal(accept(fd, NULL, NULL), -1);
		assert_int_equal(errno, EAGAIN);
		close(fd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(made_once_and_removed, fresh_host),
		cmocka_unit_test_setup(half_of_it_is_completed, fresh_host),
		cmocka_unit_test_setup(collisions_are_named, fresh_host),
		cmocka_unit_test_setup(foreign_rules_beside_do_not_collide, fresh_host),
		cmocka_unit_test_setup(mark_and_table_can_be_changed, fresh_host),
		cmocka_unit_test_setup(impossible_values_are_refused, fresh_host),
		cmocka_unit_test_setup(listeners_are_transparent, fresh_host),
	};

	hdl_test_need_bpf();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
