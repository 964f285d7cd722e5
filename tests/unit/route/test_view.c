/* SPDX-License-Identifier: Apache-2.0 */
/* Virtual host by who asks: views, names without a dot, hosts that nobody has (specification A.1, D.2, J 7). */
#include "route/table.h"

#include <string.h>

#include "unit/unit.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define VHOST(id, ...)                                                                              \
	{                                                                                           \
		.name = (id), .domains = (const char *const[]){ __VA_ARGS__ }, .service = &service, \
		.domain_count = sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *) \
	}

static const struct hdl_ir_service service = { .fqdn = "s.n.svc.cluster.local" };
static const struct hdl_ir_vhost all[] = {
	VHOST("s", "s.n.svc.cluster.local", "s.n", "s", "10.0.0.1"),
	VHOST("t", "t.m.svc.cluster.local"),
	VHOST("wide", "*.io"),
	VHOST("exact", "a.b.io"),
};
static const struct hdl_ir_vhost own[] = {
	VHOST("own s", "s.n.svc.cluster.local"),
	VHOST("own wide", "*.b.io"),
	VHOST("own equal", "*.io"),
};
static const struct hdl_ir_vhost plain = { .name = "plain", .service = &service };

static const struct {
	const char *client, *host, *wanted; /* client NULL: none is known; "m": has the view */
	bool narrowed, registry_only;
} cases[] = {
	{ "o", "s.n", "s", false, false },
	{ "m", "s.n", "s", false, false },
	{ "m", "S.n.svc.cluster.local:80", "own s", false, false },
	/* the more specific name, wherever it is */
	{ "m", "a.b.io", "exact", false, false },
	{ "m", "x.b.io", "own wide", false, false },
	{ "o", "x.b.io", "wide", false, false },
	{ "m", "x.io", "own equal", false, false },
	/* A.1: a name without a dot is of the client's namespace */
	{ NULL, "s", "s", false, false },
	{ "n", "s", "s", false, false },
	{ "n", "s:80", "s", false, false },
	{ "m", "t", "t", false, false },
	{ "m", "s", "own s", false, false }, /* there is none: the service dialled */
	{ "o", "t", "s", false, false },
	{ "o", "t", "block_all", false, true },
	/* J 7: the service dialled, as the client sees it; D.2 */
	{ "o", "nobody", "s", false, false },
	{ "o", "nobody.com", "s", false, false },
	{ "m", "nobody.com", "own s", false, false },
	{ "m", "", "own s", false, false },
	{ NULL, "nobody.com", "block_all", false, true },
	{ "m", "nobody.com", "block_all", false, true },
	{ "m", "10.0.0.1", "s", false, true },
	{ "m", "[::1]:80", "own s", false, false },
	/* nothing beside what the view has */
	{ "m", "10.0.0.1", "own s", true, false },
	{ "m", "a.b.io", "own wide", true, false },
	{ "m", "10.0.0.1", "block_all", true, true },
};

static const struct hdl_ir_vhost *all_list[COUNT(all)], *own_list[COUNT(own)];
static struct hdl_ir_route_config config = { .name = "80", .port = 80, .vhosts = all_list, .vhost_count = COUNT(all) };
static struct hdl_ir_route_config of_view = { .name = "80", .port = 80, .vhosts = own_list, .vhost_count = COUNT(own) };

static int set_up(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(all); i++)
		all_list[i] = &all[i];
	for (size_t i = 0; i < COUNT(own); i++)
		own_list[i] = &own[i];
	config.table = hdl_route_table_new(&config);
	of_view.table = hdl_route_table_new(&of_view);
	return config.table && of_view.table ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	hdl_route_table_free(config.table);
	hdl_route_table_free(of_view.table);
	return 0;
}

static void test_ask(void **state)
{
	struct hdl_ir_route_config *configs[] = { &config }, *views[] = { &of_view };
	const struct hdl_ir_service_port port = {
		.port = 80, .service = &service, .vhost = &all[0], .plain_vhost = &plain
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct hdl_ir_view view = { .ns = "m",
						  .name = "",
						  .narrowed = cases[i].narrowed,
						  .registry_only = cases[i].registry_only,
						  .route_configs = views,
						  .route_config_count = 1 };
		const struct hdl_snapshot s = { .node = { .domain = "cluster.local",
							  .registry_only = cases[i].registry_only },
						.route_configs = configs,
						.route_config_count = 1 };
		const struct hdl_ir_workload client = { .ns = cases[i].client };
		bool has_view = cases[i].client && strcmp(cases[i].client, "m") == 0;
		const struct hdl_ir_vhost *vhost =
			hdl_route_ask(&s, has_view ? &view : NULL, cases[i].client ? &client : NULL, &port,
				      hdl_str_of(cases[i].host));

		assert_non_null(vhost);
		if (strcmp(vhost->name, cases[i].wanted) != 0)
			print_error("case %zu: %s from %s\n", i, cases[i].host,
				    cases[i].client ? cases[i].client : "-");
		assert_string_equal(vhost->name, cases[i].wanted);
	}
}

/* A narrowed view without the service: its address leads to it without its rules. */
static void test_hidden(void **state)
{
	const struct hdl_ir_view view = { .ns = "m", .name = "x", .narrowed = true };
	const struct hdl_snapshot s = { .node = { .domain = "cluster.local" } };
	struct hdl_ir_service_port port = { .port = 80, .service = &service, .vhost = &all[0], .plain_vhost = &plain };
	const struct hdl_ir_workload client = { .ns = "m" };
	const struct hdl_ir_vhost *vhost;

	(void)state;
	assert_ptr_equal(hdl_route_ask(&s, &view, &client, &port, hdl_str_of("s.n")), &plain);
	assert_ptr_equal(hdl_route_ask(&s, &(struct hdl_ir_view){ .ns = "m", .name = "" }, &client, &port,
				       hdl_str_of("s.n")),
			 &all[0]);
	port.plain_vhost = NULL;
	assert_ptr_equal(hdl_route_ask(&s, &view, &client, &port, hdl_str_of("s.n")), &all[0]);
	port.vhost = NULL;
	assert_null(hdl_route_ask(&s, &view, &client, &port, hdl_str_of("s.n")));
	port.vhost = &all[0];
	vhost = hdl_route_ask(&s,
			      &(struct hdl_ir_view){ .ns = "m", .name = "x", .narrowed = true, .registry_only = true },
			      &client, &port, hdl_str_of("s.n"));
	assert_int_equal(vhost->routes[0].direct_response->status, 502);
	assert_string_equal(vhost->routes[0].name, "block_all");
}

/* A wildcard that a VirtualService has for no service covers the service's name: it is none of the service. */
static void test_wildcard_of_none(void **state)
{
	struct hdl_ir_vhost wild = VHOST("wild", "*.svc.cluster.local");
	const struct hdl_ir_vhost *list[] = { &wild };
	struct hdl_ir_route_config only = { .name = "80", .port = 80, .vhosts = list, .vhost_count = 1 };
	struct hdl_ir_route_config *configs[] = { &only };
	const struct hdl_ir_view view = {
		.ns = "m", .name = "x", .narrowed = true, .route_configs = configs, .route_config_count = 1
	};
	const struct hdl_snapshot s = { .node = { .domain = "cluster.local" } };
	const struct hdl_ir_service_port port = {
		.port = 80, .service = &service, .vhost = &all[0], .plain_vhost = &plain
	};

	(void)state;
	wild.service = NULL;
	only.table = hdl_route_table_new(&only);
	assert_non_null(only.table);
	assert_ptr_equal(hdl_route_ask(&s, &view, NULL, &port, hdl_str_of("10.0.0.1")), &plain);
	hdl_route_table_free(only.table);
}

/* The first of the namespace whose labels the pod has. */
static void test_find(void **state)
{
	const struct hdl_ir_label a = { "app", "a" }, b = { "app", "b" };
	const struct hdl_ir_view views[] = {
		{ .ns = "m", .name = "one", .selector = { &a, 1 } },
		{ .ns = "m", .name = "rest" },
		{ .ns = "o", .name = "two", .selector = { &b, 1 } },
	};
	const struct hdl_ir_view *list[] = { &views[0], &views[1], &views[2] };
	const struct hdl_snapshot s = { .views = list, .view_count = 3 };

	(void)state;
	assert_null(hdl_snapshot_find_view(&s, NULL));
	assert_null(hdl_snapshot_find_view(&s, &(struct hdl_ir_workload){ .ns = "l" }));
	assert_null(hdl_snapshot_find_view(&s, &(struct hdl_ir_workload){ .ns = "p" }));
	assert_ptr_equal(hdl_snapshot_find_view(&s, &(struct hdl_ir_workload){ .ns = "m" }), &views[1]);
	assert_ptr_equal(hdl_snapshot_find_view(&s, &(struct hdl_ir_workload){ .ns = "m", .labels = { &a, 1 } }),
			 &views[0]);
	assert_ptr_equal(hdl_snapshot_find_view(&s, &(struct hdl_ir_workload){ .ns = "m", .labels = { &b, 1 } }),
			 &views[1]);
	assert_null(hdl_snapshot_find_view(&s, &(struct hdl_ir_workload){ .ns = "o", .labels = { &a, 1 } }));
	assert_ptr_equal(hdl_snapshot_find_view(&s, &(struct hdl_ir_workload){ .ns = "o", .labels = { &b, 1 } }),
			 &views[2]);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_ask), cmocka_unit_test(test_hidden),
					    cmocka_unit_test(test_wildcard_of_none), cmocka_unit_test(test_find) };

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
