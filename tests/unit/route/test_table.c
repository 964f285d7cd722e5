/* SPDX-License-Identifier: Apache-2.0 */
/* Host to virtual host: exact, longest wildcard, `*`; case and port do not count (specification A.1). */
#include "unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "unit/failmalloc.h"

/* The file under test with allocations that can fail. */
#include "../../../user/route/table.c"

static const char *const domains[][3] = {
	{ "reviews.demo.svc.cluster.local", "reviews", "10.96.0.10" },
	{ "*.foo.com", "[fd96::10]", "host." },
	{ "*.b.foo.com", "a.b.foo.com" },
	{ "*" },
	{ "reviews", "*.foo.com", "*" }, /* all of them are taken */
	{ "*-suffix.test" },
};

#define VHOSTS HDL_ARRAY_SIZE(domains)

static struct hdl_ir_vhost vhost[VHOSTS];
static const struct hdl_ir_vhost *vhosts[VHOSTS];

static struct hdl_ir_route_config config(size_t n)
{
	for (size_t i = 0; i < VHOSTS; i++) {
		vhost[i].domains = domains[i];
		vhost[i].domain_count = 0;
		while (vhost[i].domain_count < 3 && domains[i][vhost[i].domain_count])
			vhost[i].domain_count++;
		vhosts[i] = &vhost[i];
	}
	return (struct hdl_ir_route_config){ .name = "80", .port = 80, .vhosts = vhosts, .vhost_count = n };
}

static void hosts(void **state)
{
	static const struct {
		const char *host;
		int wanted; /* -1: none but "*" */
	} rows[] = {
		{ "reviews.demo.svc.cluster.local", 0 },
		{ "Reviews.DEMO.svc.cluster.local:9080", 0 },
		{ "reviews", 0 },
		{ "reviews:80", 0 },
		{ "reviews:", 0 },
		{ "10.96.0.10", 0 },
		{ "10.96.0.10:9080", 0 },
		{ "[fd96::10]", 1 },
		{ "[FD96::10]:9080", 1 },
		{ "fd96::10", -1 },
		{ "host.", 1 },
		{ "host", -1 },
		{ "a.foo.com", 1 },
		{ "x.y.foo.com", 1 },
		{ "foo.com", -1 },
		{ ".foo.com", -1 }, /* the star stands for at least one character */
		{ "x.b.foo.com", 2 },
		{ "a.b.foo.com", 2 },
		{ ".b.foo.com", 1 }, /* what is left of the longer suffix fits the shorter */
		{ "xb.foo.com", 1 },
		{ "my-suffix.test:1", 5 },
		{ "-suffix.test", -1 },
		{ "", -1 },
		{ ":80", -1 },
		{ "reviews.demo", -1 },
	};
	struct hdl_ir_route_config with_any = config(VHOSTS), without_any = config(3);
	struct hdl_route_table *table = hdl_route_table_new(&with_any);

	(void)state;
	assert_non_null(table);
	for (size_t i = 0; i < HDL_ARRAY_SIZE(rows); i++) {
		const struct hdl_ir_vhost *found = hdl_route_find_vhost(table, hdl_str_of(rows[i].host));

		if (found != &vhost[rows[i].wanted < 0 ? 3 : rows[i].wanted])
			fail_msg("%s: virtual host %td", rows[i].host, found - vhost);
	}
	hdl_route_table_free(table);
	table = hdl_route_table_new(&without_any);
	assert_null(hdl_route_find_vhost(table, HDL_STR("foo.com")));
	assert_null(hdl_route_find_vhost(table, HDL_STR("")));
	hdl_route_table_free(table);
}

/* A Host longer than any domain can be is looked at from its end only, and never past it. */
static void long_hosts(void **state)
{
	static char host[100000];
	struct hdl_ir_route_config c = config(3);
	struct hdl_route_table *table = hdl_route_table_new(&c);

	(void)state;
	memset(host, 'A', sizeof(host));
	for (size_t n = HOST_BYTES_MAX - 2; n < HOST_BYTES_MAX + 3; n++)
		assert_null(hdl_route_find_vhost(table, (struct hdl_str){ host, n }));
	memcpy(host + sizeof(host) - 8, ".FOO.com", 8);
	assert_ptr_equal(hdl_route_find_vhost(table, (struct hdl_str){ host, sizeof(host) }), &vhost[1]);
	hdl_route_table_free(table);
}

/* Many wildcards of many lengths, the longest that fits each time. */
static void many_wildcards(void **state)
{
	static char text[300][304];
	static const char *domain[300][1];
	static struct hdl_ir_vhost v[300];
	static const struct hdl_ir_vhost *list[300];
	struct hdl_ir_route_config c = { .vhosts = list, .vhost_count = 300 };
	struct hdl_route_table *table;
	char host[400];

	(void)state;
	for (size_t i = 0; i < 300; i++) {
		text[i][0] = '*';
		memset(&text[i][1], 'a', i + 1);
		domain[i][0] = text[i];
		v[i] = (struct hdl_ir_vhost){ .domains = domain[i], .domain_count = 1 };
		list[(i * 7) % 300] = &v[i];
	}
	memset(host, 'a', sizeof(host));
	table = hdl_route_table_new(&c);
	assert_non_null(table);
	for (size_t n = 2; n < 302; n++)
		assert_ptr_equal(hdl_route_find_vhost(table, (struct hdl_str){ host, n }), &v[n - 2]);
	assert_ptr_equal(hdl_route_find_vhost(table, (struct hdl_str){ host, 400 }), &v[299]);
	hdl_route_table_free(table);
}

/* Each allocation fails once: NULL or -ENOMEM, and nothing is lost. */
static void no_memory(void **state)
{
	struct hdl_ir_route_config c = config(VHOSTS), *configs[] = { &c };
	int n = 0;

	(void)state;
	for (;; n++) {
		struct hdl_snapshot *snapshot = hdl_snapshot_new();
		int r;

		snapshot->route_configs = configs;
		snapshot->route_config_count = 1;
		hdl_fail_after = n;
		r = hdl_route_compile(snapshot);
		hdl_fail_after = -1;
		if (r == 0)
			assert_non_null(c.table);
		else
			assert_int_equal(r, -ENOMEM);
		hdl_snapshot_unref(snapshot);
		if (r == 0)
			break;
	}
	assert_int_equal(n, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts),
		cmocka_unit_test(long_hosts),
		cmocka_unit_test(many_wildcards),
		cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
