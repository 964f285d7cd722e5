/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that would go elsewhere (specification A.4, C.9): rules by source and by the address that is dialled. */
#include "unit/unit.h"
#include "base/addr.h"
#include "model/store.h"
#include "plan/preview.h"
#include "route/table.h"
#include "xlate/xlate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT                                                                                 \
	"apiVersion: v1\nkind: Service\nmetadata: {name: db, namespace: d}\n"                \
	"spec: {clusterIP: 10.0.0.2, clusterIPs: [10.0.0.2], externalIPs: [192.0.2.7],\n"    \
	"       ports: [{name: tcp, port: 81}]}\n---\n"                                      \
	"apiVersion: v1\nkind: Pod\nmetadata: {name: cl, namespace: d, labels: {app: cl}}\n" \
	"status: {podIP: 10.1.0.9, podIPs: [{ip: 10.1.0.9}]}\n---\n"                         \
	"apiVersion: networking.istio.io/v1\nkind: DestinationRule\n"                        \
	"metadata: {name: db, namespace: d}\n"                                               \
	"spec: {host: db, subsets: [{name: a, labels: {v: a}}, {name: b, labels: {v: b}}]}\n"

#define RULES_MAX 4

/* One rule of a side: `cl` = source label app, `ns` = source namespace, `net` = subnet; `a` of ten to subset a. */
struct rule {
	const char *cl, *ns, *net;
	unsigned int a;
};

struct side {
	struct hdl_resource_store *store;
	struct hdl_resource_list *list;
	struct hdl_snapshot *snapshot;
	struct hdl_diags diags;
	struct hdl_ir_l4_route route[RULES_MAX];
	struct hdl_ir_l4_match match[RULES_MAX];
	struct hdl_ir_label label[RULES_MAX];
	struct hdl_ir_subnet subnet[RULES_MAX];
	struct hdl_ir_destination to[RULES_MAX + 1][2];
	struct hdl_ir_service_port seen;
	struct hdl_ir_view_port view_port;
	struct hdl_ir_view view;
	const struct hdl_ir_view *views[1];
};

static void destinations(struct side *side, struct hdl_ir_destination *to, unsigned int a)
{
	static const char *const names[] = { "outbound|81|a|db.d.svc.cluster.local",
					     "outbound|81|b|db.d.svc.cluster.local" };

	for (unsigned int i = 0; i < 2; i++)
		to[i] = (struct hdl_ir_destination){ .cluster_name = names[i],
						     .cluster = hdl_snapshot_find_cluster(side->snapshot, names[i]),
						     .weight = i ? 10 - a : a };
}

static void make_rule(struct side *side, size_t i, const struct rule *rule)
{
	struct hdl_ir_l4_match *match = &side->match[i];

	*match = (struct hdl_ir_l4_match){ .source_namespace = rule->ns ? rule->ns : "" };
	if (rule->cl) {
		side->label[i] = (struct hdl_ir_label){ "app", rule->cl };
		match->source_labels.v = &side->label[i];
		match->source_labels.n = 1;
	}
	if (rule->net) {
		assert_int_equal(hdl_addr_parse(hdl_str_of(rule->net), &side->subnet[i].address), 0);
		side->subnet[i].prefix = 128;
		match->subnets = &side->subnet[i];
		match->subnet_count = 1;
	}
	destinations(side, side->to[i], rule->a);
	side->route[i] = (struct hdl_ir_l4_route){ .matches = match,
						   .match_count = rule->cl || rule->ns || rule->net,
						   .destinations = side->to[i],
						   .destination_count = 2 };
}

/* The port's own destinations are half and half. */
static void side_make(struct side *side, const struct rule *rules)
{
	struct hdl_ir_service_port *port;
	size_t n = 0;

	*side = (struct side){ .store = hdl_resource_store_new() };
	assert_int_equal(hdl_resource_store_put(side->store, "f.yaml", hdl_str_of(TEXT)), 0);
	assert_int_equal(hdl_resource_store_commit(side->store, &side->list), 0);
	hdl_resource_store_diags(side->store, &side->diags);
	assert_int_equal(side->diags.errors, 0);
	assert_int_equal(hdl_xlate(side->list->at, side->list->n, NULL, &side->diags, &side->snapshot), 0);
	assert_int_equal(hdl_route_compile(side->snapshot), 0);
	for (; rules[n].a; n++)
		make_rule(side, n, &rules[n]);
	assert_int_equal(side->snapshot->service_port_count, 1);
	port = side->snapshot->service_ports[0];
	destinations(side, side->to[RULES_MAX], 5);
	port->destinations = side->to[RULES_MAX];
	port->destination_count = 2;
	port->l4_routes = side->route;
	port->l4_route_count = n;
}

/* Clients of a namespace get a port of their own; a 0: they see none. */
static void side_view(struct side *side, unsigned int a)
{
	side->seen = *side->snapshot->service_ports[0];
	destinations(side, side->to[0], a ? a : 1);
	side->seen.destinations = side->to[0];
	side->seen.l4_route_count = 0;
	side->view_port = (struct hdl_ir_view_port){ side->snapshot->service_ports[0], a ? &side->seen : NULL };
	side->view = (struct hdl_ir_view){ .ns = "e", .name = "", .ports = &side->view_port, .port_count = 1 };
	side->views[0] = &side->view;
	side->snapshot->views = side->views;
	side->snapshot->view_count = 1;
}

static void side_done(struct side *side)
{
	hdl_snapshot_unref(side->snapshot);
	hdl_resource_list_unref(side->list);
	hdl_resource_store_free(side->store);
	hdl_diags_done(&side->diags);
}

static void expect(const char *name, const struct side *before, const struct side *after, const char *expected)
{
	struct hdl_preview *preview;
	char seen[2000] = "";
	size_t n = 0;

	assert_int_equal(
		hdl_preview_make(&(struct hdl_preview_side){ before->list->at, before->list->n, before->snapshot },
				 &(struct hdl_preview_side){ after->list->at, after->list->n, after->snapshot },
				 &preview),
		0);
	assert_int_equal(preview->route_count, 0);
	for (size_t i = 0; i < preview->port_count; i++) {
		const struct hdl_preview_port *row = &preview->port[i];

		n += (size_t)snprintf(seen + n, sizeof(seen) - n, "| %s > %s %llu/%llu ", row->client, row->address,
				      (unsigned long long)row->moved.part, (unsigned long long)row->moved.whole);
	}
	if (preview->no_example)
		snprintf(seen + n, sizeof(seen) - n, "| %zu without example ", preview->no_example);
	if (strcmp(seen, expected) != 0)
		fail_msg("%s:\n  %s\nexpected\n  %s", name, seen, expected);
	hdl_preview_free(preview);
}

static const struct {
	const char *name;
	struct rule before[RULES_MAX], after[RULES_MAX];
	const char *expected;
} rows[] = {
	{ "nothing", { { .cl = "cl", .a = 1 } }, { { .cl = "cl", .a = 1 } }, "" },
	{ "by source: a pod of the configuration",
	  { { .cl = "cl", .a = 2 } },
	  { { .cl = "cl", .a = 7 } },
	  "| d/cl > 10.0.0.2:81 1/2 " },
	{ "by source: none of them",
	  { { .cl = "x", .ns = "q", .a = 2 } },
	  { { .cl = "x", .ns = "q", .a = 7 } },
	  "| any pod of q labelled app=x > 10.0.0.2:81 1/2 " },
	{ "by the address that is dialled",
	  { { .net = "192.0.2.7", .a = 2 } },
	  { { .net = "192.0.2.7", .a = 4 } },
	  "|  > 192.0.2.7:81 1/5 " },
	{ "an address that the service does not have",
	  { { .net = "192.0.2.8", .a = 2 } },
	  { { .net = "192.0.2.8", .a = 4 } },
	  "| 2 without example " },
	{ "a rule that is new, and one that goes", { { 0 } }, { { .cl = "cl", .a = 10 } }, "| d/cl > 10.0.0.2:81 1/2 " },
	{ "a rule that takes all",
	  { { .cl = "cl", .a = 5 }, { .a = 5 } },
	  { { .cl = "cl", .a = 5 }, { .a = 6 } },
	  "|  > 10.0.0.2:81 1/10 " },
	{ "the order of two that overlap",
	  { { .cl = "cl", .a = 2 }, { .net = "192.0.2.7", .a = 4 } },
	  { { .net = "192.0.2.7", .a = 4 }, { .cl = "cl", .a = 2 } },
	  "| d/cl > 192.0.2.7:81 1/5 " },
	{ "two that exclude each other",
	  { { .ns = "d", .a = 2 }, { .ns = "e", .a = 4 } },
	  { { .ns = "e", .a = 4 }, { .ns = "d", .a = 2 } },
	  "" },
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(rows); i++) {
		struct side before, after;

		side_make(&before, rows[i].before);
		side_make(&after, rows[i].after);
		expect(rows[i].name, &before, &after, rows[i].expected);
		side_done(&before);
		side_done(&after);
	}
}

/* A.4, A.7: clients of one namespace have it otherwise than all others. */
static void test_views(void **state)
{
	static const struct rule none[1];
	static const struct {
		const char *name;
		bool has_before, has_after;
		unsigned int before, after;
		const char *expected;
	} views[] = {
		{ "the same", true, true, 3, 3, "" },
		{ "another split", true, true, 3, 4, "| any pod of e >  1/10 " },
		{ "now as all others have it", true, false, 3, 0, "| any pod of e >  1/5 " },
		{ "no longer as all others have it", false, true, 0, 3, "| any pod of e >  1/5 " },
		{ "it is hidden from them", false, true, 0, 0, "| any pod of e >  1/1 " },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(views); i++) {
		struct side before, after;

		side_make(&before, none);
		side_make(&after, none);
		if (views[i].has_before)
			side_view(&before, views[i].before);
		if (views[i].has_after)
			side_view(&after, views[i].after);
		expect(views[i].name, &before, &after, views[i].expected);
		side_done(&before);
		side_done(&after);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows), cmocka_unit_test(test_views) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
