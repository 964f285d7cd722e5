/* SPDX-License-Identifier: Apache-2.0 */
/* Which rule of layer 4 takes a connection (A.4, C.9), and what holds for a client (D.2). */
#include "unit/unit.h"

#include <string.h>

#include "base/addr.h"
#include "ir/snapshot.h"

static struct hdl_addr addr(const char *text)
{
	struct hdl_addr a;

	assert_int_equal(hdl_addr_parse(hdl_str_of(text), &a), 0);
	return a;
}

static struct hdl_ir_label beta = { "tier", "beta" }, gold = { "tier", "gold" }, web = { "app", "web" };

static void subnets(void **state)
{
	static const struct {
		const char *subnet, *address;
		uint8_t prefix;
		bool has;
	} cases[] = {
		{ "10.0.0.0", "10.0.0.0", 120, true },   { "10.0.0.0", "10.0.0.255", 120, true },
		{ "10.0.0.0", "10.0.1.0", 120, false },  { "10.0.0.8", "10.0.0.15", 125, true },
		{ "10.0.0.8", "10.0.0.16", 125, false }, { "10.0.0.1", "10.0.0.1", 128, true },
		{ "10.0.0.1", "10.0.0.2", 128, false },  { "0.0.0.0", "255.1.2.3", 96, true },
		{ "0.0.0.0", "fd00::1", 96, false },     { "fd00::", "fd00:0:0:0:ffff::", 64, true },
		{ "fd00::", "fd00:0:0:1::", 64, false }, { "fd00::", "fd00:0:0:1::", 63, true },
		{ "::", "10.0.0.1", 0, true },           { "fd00::2", "fd00::3", 127, true },
		{ "fd00::2", "fd00::1", 127, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hdl_ir_subnet subnet = { addr(cases[i].subnet), cases[i].prefix };
		struct hdl_addr a = addr(cases[i].address);

		if (hdl_ir_subnet_has(&subnet, &a) != cases[i].has)
			print_error("%s/%u %s\n", cases[i].subnet, cases[i].prefix, cases[i].address);
		assert_int_equal(hdl_ir_subnet_has(&subnet, &a), cases[i].has);
	}
}

/* All conditions of one block, any block of one rule, the first rule of all. */
static void first_rule(void **state)
{
	struct hdl_ir_subnet net = { addr("10.0.0.0"), 120 };
	struct hdl_ir_l4_match by_label[] = {
		{ .subnets = &net, .subnet_count = 1, .source_labels = { &beta, 1 }, .source_namespace = "" },
		{ .source_labels = { &gold, 1 }, .source_namespace = "prod" },
	};
	struct hdl_ir_l4_match by_namespace = { .source_namespace = "prod" };
	struct hdl_ir_l4_route routes[] = {
		{ .matches = by_label, .match_count = 2 },
		{ .matches = &by_namespace, .match_count = 1 },
	};
	struct hdl_ir_service_port port = { .port = 80, .l4_routes = routes, .l4_route_count = 2 };
	const struct {
		const char *ns, *address;
		struct hdl_ir_label *label;
		int rule; /* -1: none */
	} cases[] = {
		{ "a", "10.0.0.9", &beta, 0 },  { "a", "10.0.1.9", &beta, -1 },  { "prod", "10.0.1.9", &beta, 1 },
		{ "prod", "::1", &gold, 0 },    { "a", "10.0.0.9", &gold, -1 },  { "prod", "10.0.0.9", &web, 1 },
		{ NULL, "10.0.0.9", NULL, -1 }, { "prod", "10.0.0.9", NULL, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hdl_ir_workload w = { .ns = cases[i].ns, .labels = { cases[i].label, cases[i].label != NULL } };
		struct hdl_addr a = addr(cases[i].address);

		assert_ptr_equal(hdl_ir_l4_route_for(&port, &a, w.ns ? &w : NULL),
				 cases[i].rule < 0 ? NULL : &routes[cases[i].rule]);
	}
}

/* One without conditions takes whatever comes. */
static void rule_for_all(void **state)
{
	struct hdl_ir_l4_route all = { .match_count = 0 };
	struct hdl_ir_service_port port = { .port = 80, .l4_routes = &all, .l4_route_count = 1 };
	struct hdl_addr a = addr("10.0.0.9");

	(void)state;
	assert_ptr_equal(hdl_ir_l4_route_for(&port, &a, NULL), &all);
}

static void client(void **state)
{
	static struct hdl_ir_view of_a = { .ns = "a", .name = "", .registry_only = false },
				  of_b = { .ns = "b", .name = "x", .registry_only = true };
	const struct hdl_ir_view *views[] = { &of_a, &of_b };
	struct hdl_ir_exemption exempt[] = { { "kube-system", { NULL, 0 } },
					     { "", { &web, 1 } },
					     { "b", { &gold, 1 } } };
	struct hdl_snapshot s = { .views = views, .view_count = 2 };
	const struct {
		const char *ns;
		struct hdl_ir_label *label;
		const struct hdl_ir_view *view;
		bool refused, open; /* with REGISTRY_ONLY of the node, and without */
	} cases[] = {
		{ "a", &beta, &of_a, false, false },
		{ "b", &beta, &of_b, true, true },
		{ "b", &gold, &of_b, false, false },
		{ "b", &web, &of_b, false, false },
		{ "c", &beta, NULL, true, false },
		{ "c", &gold, NULL, true, false },
		{ "c", NULL, NULL, true, false },
		{ "c", &web, NULL, false, false },
		{ "kube-system", NULL, NULL, false, false },
	};

	(void)state;
	s.node.exempt = exempt;
	s.node.exempt_count = 3;
	for (int registry_only = 0; registry_only < 2; registry_only++) {
		s.node.registry_only = registry_only;
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			struct hdl_ir_workload w = { .ns = cases[i].ns,
						     .labels = { cases[i].label, cases[i].label != NULL } };
			struct hdl_ir_client c = hdl_snapshot_client(&s, &w);

			assert_ptr_equal(c.view, cases[i].view);
			assert_int_equal(c.registry_only, registry_only ? cases[i].refused : cases[i].open);
		}
		/* the node's own processes */
		assert_null(hdl_snapshot_client(&s, NULL).view);
		assert_false(hdl_snapshot_client(&s, NULL).registry_only);
	}
}

static void seen(void **state)
{
	struct hdl_ir_service_port port[3] = { { .port = 1, .label = HDL_LABEL_L4 },
					       { .port = 2, .label = HDL_LABEL_L4 },
					       { .port = 3, .label = HDL_LABEL_NONE } };
	struct hdl_ir_service_port other = { .port = 3, .label = HDL_LABEL_REQUEST };
	struct hdl_ir_view_port ports[] = { { &port[1], NULL }, { &port[2], &other } };
	struct hdl_ir_view view = { .ns = "a", .name = "", .ports = ports, .port_count = 2 };

	(void)state;
	assert_ptr_equal(hdl_ir_seen_port(&view, &port[0]), &port[0]);
	assert_null(hdl_ir_seen_port(&view, &port[1]));
	assert_ptr_equal(hdl_ir_seen_port(&view, &port[2]), &other);
	assert_ptr_equal(hdl_ir_seen_port(NULL, &port[1]), &port[1]);
	assert_null(hdl_ir_seen_port(NULL, &port[2]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(subnets), cmocka_unit_test(first_rule), cmocka_unit_test(rule_for_all),
		cmocka_unit_test(client),  cmocka_unit_test(seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
