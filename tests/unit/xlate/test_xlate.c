/* SPDX-License-Identifier: Apache-2.0 */
/* The translator as a whole: the same text every time, options, shares, size, and what the golden runs cannot see. */
#include "unit/unit.h"
#include "unit/xlate/load.h"

#include <errno.h>
#include <stdlib.h>

#include "base/addr.h"
#include "heddle/core/subset.h"

static const char service[] = "apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: a}\n"
			      "spec: {clusterIP: 10.0.0.1, ports: [{name: tcp, port: 80}]}\n";

/* Strings of a snapshot are its own: the resources may go. */
static void outlives_resources(void **state)
{
	struct hdl_buf before = { 0 }, after = { 0 };
	struct hdl_snapshot *snapshot;
	struct load l;

	(void)state;
	load(&l, service);
	hdl_snapshot_dump(l.snapshot, &before);
	snapshot = hdl_snapshot_ref(l.snapshot);
	load_done(&l);
	hdl_snapshot_dump(snapshot, &after);
	assert_string_equal(before.p, after.p);
	hdl_snapshot_unref(snapshot);
	hdl_buf_done(&before);
	hdl_buf_done(&after);
}

static void options(void **state)
{
	const struct hdl_xlate_options given = { .node_name = "host", .access_log_path = "-" };
	struct load l;

	(void)state;
	load_resources(&l, "apiVersion: heddle.io/v1alpha1\nkind: NodeConfig\nmetadata: {name: n}\n"
			   "spec: {accessLog: {path: /tmp/log}}\n");
	assert_int_equal(hdl_xlate(l.list->at, l.list->n, &given, &l.diags, &l.snapshot), 0);
	assert_string_equal(l.snapshot->node.node_name, "host");
	assert_string_equal(l.snapshot->node.access_log_path, "-");
	load_done(&l);
	load_resources(&l, "apiVersion: heddle.io/v1alpha1\nkind: NodeConfig\nmetadata: {name: n}\n"
			   "spec: {nodeName: own, accessLog: {path: /tmp/log}}\n");
	assert_int_equal(hdl_xlate(l.list->at, l.list->n, &given, &l.diags, &l.snapshot), 0);
	assert_string_equal(l.snapshot->node.node_name, "own");
	hdl_snapshot_unref(l.snapshot);
	assert_int_equal(hdl_xlate(l.list->at, l.list->n, NULL, &l.diags, &l.snapshot), 0);
	assert_string_equal(l.snapshot->node.access_log_path, "/tmp/log");
	load_done(&l);
	/* nothing at all is a snapshot too */
	load(&l, "");
	assert_int_equal(l.snapshot->service_count, 0);
	load_done(&l);
}

/* Thresholds are those of the decision core for any weights (promise P1, B.7): share, order and the last one. */
static void shares(void **state)
{
	static const unsigned int weights[][3] = {
		{ 1, 3, 0 }, { 90, 10, 0 }, { 0, 0, 1 }, { 7, 11, 13 }, { 1, 2147483646, 1 }
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(weights); i++) {
		const unsigned int *w = weights[i];
		const struct hdl_ir_destination *d;
		uint64_t total = 0, sum = 0;
		char text[1024];
		struct load l;

		snprintf(text, sizeof(text),
			 "%s---\napiVersion: networking.istio.io/v1\nkind: VirtualService\n"
			 "metadata: {name: s, namespace: a}\nspec: {hosts: [s], tcp: [{route: "
			 "[{destination: {host: s}, weight: %u}, {destination: {host: s}, weight: %u}, "
			 "{destination: {host: s}, weight: %u}]}]}\n",
			 service, w[0], w[1], w[2]);
		load(&l, text);
		assert_int_equal(l.diags.n, 0);
		assert_int_equal(l.snapshot->service_ports[0]->destination_count, 3);
		d = l.snapshot->service_ports[0]->destinations;
		for (int k = 0; k < 3; k++)
			total += w[k];
		for (int k = 0; k < 3; k++) {
			sum += w[k];
			assert_int_equal(d[k].threshold, hdl_core_threshold(sum, total));
			assert_int_equal(d[k].weight, w[k]);
		}
		assert_int_equal(d[2].threshold, 1ull << 32);
		load_done(&l);
	}
}

static void look_ups(void **state)
{
	struct hdl_addr vip, pod;
	struct load l;

	(void)state;
	hdl_addr_parse(HDL_STR("10.0.0.1"), &vip);
	hdl_addr_parse(HDL_STR("fd00::5"), &pod);
	load(&l, "apiVersion: v1\nkind: Service\nmetadata: {name: s}\n"
		 "spec: {clusterIP: 10.0.0.1, ports: [{name: http, port: 80}, {name: udp, port: 81, protocol: UDP}]}\n"
		 "---\napiVersion: v1\nkind: Pod\nmetadata: {name: p}\nstatus: {podIP: \"fd00::5\"}\n");
	assert_string_equal(hdl_snapshot_find_vip(l.snapshot, &vip, 80)->name, "http");
	assert_int_equal(hdl_snapshot_find_vip(l.snapshot, &vip, 80)->id, 1);
	assert_null(hdl_snapshot_find_vip(l.snapshot, &vip, 81));
	assert_string_equal(hdl_snapshot_find_workload(l.snapshot, &pod)->name, "p");
	assert_non_null(hdl_snapshot_find_cluster(l.snapshot, "outbound|80||s.default.svc.cluster.local"));
	assert_null(hdl_snapshot_find_cluster(l.snapshot, "outbound|81||s.default.svc.cluster.local"));
	load_done(&l);
}

/* A refused document keeps its last accepted version in force, whether the model or the translator refuses it. */
static void last_good_version(void **state)
{
	static const char *const bad[] = { "uri: {regex: \"(\"}", "uri: {regx: x}" };

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(bad); i++) {
		static const char good[] = "uri: {exact: /first}";
		char text[1024];
		struct load l;

		snprintf(text, sizeof(text),
			 "apiVersion: v1\nkind: Service\nmetadata: {name: s}\n"
			 "spec: {clusterIP: 10.0.0.1, ports: [{name: http, port: 80}]}\n---\n"
			 "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: s}\n"
			 "spec: {hosts: [s], http: [{match: [{%s}], route: [{destination: {host: s}}]}]}\n",
			 good);
		load(&l, text);
		assert_int_equal(l.diags.errors, 0);
		hdl_snapshot_unref(l.snapshot);
		hdl_resource_list_unref(l.list);
		snprintf(strstr(text, good), 200, "%s}], route: [{destination: {host: s}}]}]}\n", bad[i]);
		assert_int_equal(hdl_resource_store_put(l.store, "test.yaml", hdl_str_of(text)), 0);
		assert_int_equal(hdl_resource_store_commit(l.store, &l.list), 0);
		hdl_diags_done(&l.diags);
		hdl_resource_store_diags(l.store, &l.diags);
		assert_int_equal(l.diags.errors, 1);
		assert_int_equal(hdl_xlate(l.list->at, l.list->n, NULL, &l.diags, &l.snapshot), 0);
		assert_string_equal(l.snapshot->service_ports[0]->vhost->routes[0].matches[0].uri.value.p, "/first");
		load_done(&l);
	}
}

/* Promise P7: what a small file can ask for is refused as a whole before the memory is gone, with the object named. */
static void too_large(void **state)
{
	const struct hdl_xlate_options bytes = { .bytes_max = 1 << 20 }, regexes = { .regex_bytes_max = 1 << 20 };
	struct hdl_buf text = { 0 };
	const struct hdl_diag *last;
	struct load l;

	(void)state;
	hdl_buf_adds(
		&text,
		"apiVersion: v1\nkind: Service\nmetadata: {name: wide, namespace: a}\nspec:\n  clusterIP: 10.0.0.1\n  ports:\n");
	for (int i = 1; i <= 100; i++)
		hdl_buf_printf(&text, "  - {name: http-%d, port: %d}\n", i, i);
	hdl_buf_adds(&text, "---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\n"
			    "metadata: {name: wide, namespace: a}\nspec:\n  host: wide\n  subsets:\n");
	for (int i = 1; i <= 100; i++)
		hdl_buf_printf(&text, "  - {name: v%d}\n", i);
	load_resources(&l, text.p);
	assert_int_equal(l.diags.n, 0);
	assert_int_equal(hdl_xlate(l.list->at, l.list->n, &bytes, &l.diags, &l.snapshot), -E2BIG);
	assert_int_equal(l.diags.n, 1);
	last = &l.diags.at[l.diags.n - 1];
	assert_string_equal(last->name, "wide");
	assert_int_equal(last->severity, HDL_ERROR);
	assert_non_null(strstr(last->message, "takes more than 1 MiB"));
	assert_int_equal(hdl_xlate(l.list->at, l.list->n, NULL, &l.diags, &l.snapshot), 0);
	load_done(&l);
	hdl_buf_done(&text);

	hdl_buf_adds(&text,
		     "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{name: http, port: 80}]}\n");
	for (int i = 0; i < 30; i++)
		hdl_buf_printf(&text,
			       "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: r%d}\n"
			       "spec: {hosts: [h%d.test], http: [{match: [{uri: {regex: \".{900}%d\"}}], "
			       "route: [{destination: {host: s}}]}]}\n",
			       i, i, i);
	load_resources(&l, text.p);
	assert_int_equal(l.diags.n, 0);
	assert_int_equal(hdl_xlate(l.list->at, l.list->n, &regexes, &l.diags, &l.snapshot), -E2BIG);
	last = &l.diags.at[l.diags.n - 1];
	assert_string_equal(last->kind, "VirtualService");
	assert_non_null(strstr(last->message, "its regular expressions take more than 1 MiB"));
	load_done(&l);
	hdl_buf_done(&text);
}

/* P7: the expressions of one document. */
static void too_many_expressions(void **state)
{
	struct hdl_buf text = { 0 };
	struct load l;

	(void)state;
	hdl_buf_adds(&text, "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: r}\n"
			    "spec:\n  hosts: [s]\n  http:\n");
	for (int i = 0; i < 300; i++)
		hdl_buf_printf(&text,
			       "  - {match: [{uri: {regex: \".{900}%d\"}}], route: [{destination: {host: s}}]}\n", i);
	load_resources(&l, text.p);
	assert_int_equal(l.list->n, 0);
	assert_int_equal(l.diags.n, 1);
	assert_non_null(strstr(l.diags.at[0].message, "more than 16 MiB"));
	load_done(&l);
	hdl_buf_done(&text);
}

#define SERVICES 400
#define PODS 4000

/* What is looked up for each service, endpoint and rule must not be a walk over all others. */
static void large(void **state)
{
	struct hdl_buf text = { 0 }, first = { 0 }, second = { 0 };
	struct hdl_snapshot *again;
	struct load l;

	(void)state;
	for (unsigned i = 0; i < SERVICES; i++)
		hdl_buf_printf(&text,
			       "---\napiVersion: v1\nkind: Service\nmetadata: {name: s%u}\n"
			       "spec: {clusterIP: 10.96.%u.%u, ports: [{name: http, port: 80}]}\n"
			       "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: s%u}\n"
			       "spec: {hosts: [s%u], http: [{timeout: 1s, route: [{destination: {host: s%u}}]}]}\n"
			       "---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: s%u}\n"
			       "spec: {host: s%u, subsets: [{name: v1, labels: {v: \"1\"}}]}\n",
			       i, i / 250, i % 250, i, i, i, i, i);
	for (unsigned i = 0; i < PODS; i++)
		hdl_buf_printf(&text,
			       "---\napiVersion: v1\nkind: Pod\nmetadata: {name: p%u, labels: {v: \"%u\"}}\n"
			       "status: {podIP: 10.244.%u.%u}\n"
			       "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
			       "metadata: {name: e%u, labels: {kubernetes.io/service-name: s%u}}\naddressType: IPv4\n"
			       "ports: [{name: http, port: 80}]\nendpoints: [{addresses: [10.244.%u.%u]}]\n",
			       i, i % 2, i / 250, i % 250, i, i % SERVICES, i / 250, i % 250);
	assert_false(text.failed);
	load(&l, text.p);
	assert_int_equal(l.diags.n, 0);
	assert_int_equal(l.snapshot->service_count, SERVICES);
	assert_int_equal(l.snapshot->cluster_count, 2 * SERVICES);
	assert_int_equal(
		hdl_snapshot_find_cluster(l.snapshot, "outbound|80||s7.default.svc.cluster.local")->endpoint_count,
		PODS / SERVICES);
	assert_int_equal(hdl_xlate(l.list->at, l.list->n, NULL, &l.diags, &again), 0);
	hdl_snapshot_dump(l.snapshot, &first);
	hdl_snapshot_dump(again, &second);
	assert_int_equal(first.n, second.n);
	assert_memory_equal(first.p, second.p, first.n);
	hdl_snapshot_unref(again);
	load_done(&l);
	hdl_buf_done(&text);
	hdl_buf_done(&first);
	hdl_buf_done(&second);
}

/* A.4: hosts of a gateway with the same rules have them once; a host with rules of its own has its own. */
static void test_same_rules(void **state)
{
	struct load l;
	const struct hdl_ir_route_config *config;

	(void)state;
	load(&l, "---\napiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: g}\n"
		 "spec: {servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [a.io, b.io, c.io]}]}\n"
		 "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: v}\n"
		 "spec: {hosts: ['*'], gateways: [g], http: [{redirect: {uri: /v}}]}\n"
		 "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: w}\n"
		 "spec: {hosts: [c.io], gateways: [g], http: [{match: [{uri: {prefix: /w}}], redirect: {uri: /w}}]}\n");
	config = l.snapshot->gateway_listeners[0].route_config;
	assert_int_equal(config->vhost_count, 3);
	assert_int_equal(config->vhosts[0]->route_count, 1);
	assert_ptr_equal(config->vhosts[0]->routes, config->vhosts[1]->routes);
	assert_string_equal(config->vhosts[1]->domains[0], "b.io");
	assert_int_equal(config->vhosts[2]->route_count, 2);
	assert_ptr_not_equal(config->vhosts[0]->routes, config->vhosts[2]->routes);
	load_done(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_rules),
		cmocka_unit_test(outlives_resources),
		cmocka_unit_test(options),
		cmocka_unit_test(shares),
		cmocka_unit_test(look_ups),
		cmocka_unit_test(last_good_version),
		cmocka_unit_test(large),
		cmocka_unit_test(too_large),
		cmocka_unit_test(too_many_expressions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
