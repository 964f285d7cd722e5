/* SPDX-License-Identifier: Apache-2.0 */
/* Large and hostile inputs: limits are told, nothing takes the square of the time, nothing is lost without a word. */
#include "unit/analyze/analysis.h"

#include <errno.h>
#include <time.h>

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void add_vs(struct hdl_buf *buf, const char *name, const char *ns, const char *host, const char *more)
{
	hdl_buf_printf(buf,
		       "apiVersion: networking.istio.io/v1\nkind: VirtualService\n"
		       "metadata: {name: %s, namespace: %s}\nspec:\n  hosts: [%s]\n%s  http:\n",
		       name, ns, host, more);
}

static const char route[] = "    route: [{destination: {host: s}}]\n";

static void analyze_buf(struct found *found, struct hdl_buf *buf)
{
	assert_false(buf->failed);
	found_text(found, buf->p);
	hdl_buf_done(buf);
}

static bool found_has(const struct found *found, const char *part)
{
	for (size_t i = 0; i < found->n; i++)
		if (found->at[i].type == HDL_AN_LIMIT && strstr(found->at[i].text, part))
			return true;
	return false;
}

static void test_many_virtual_services_of_one_host(void **state)
{
	struct hdl_buf buf = { 0 };
	struct found found;
	double begin;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		char name[20];

		snprintf(name, sizeof(name), "v%d", i);
		add_vs(&buf, name, "a", "s", i % 2 ? "  exportTo: [.]\n" : "");
		hdl_buf_printf(&buf, "  - route: [{destination: {host: s}}]\n---\n");
	}
	begin = seconds();
	analyze_buf(&found, &buf);
	/* more than are compared with one another when their scopes differ */
	assert_true(found_has(&found, "3000 VirtualServices name host"));
	assert_true(seconds() - begin < 20);
	found_done(&found);
}

static void test_names_in_a_message_are_bounded(void **state)
{
	struct hdl_buf buf = { 0 };
	struct found found;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		char name[20];

		snprintf(name, sizeof(name), "v%d", i);
		add_vs(&buf, name, "a", "s", "");
		hdl_buf_printf(&buf, "  - route: [{destination: {host: s}}]\n---\n");
	}
	analyze_buf(&found, &buf);
	assert_int_equal(found_count(&found, "IST0109"), 1000);
	for (size_t i = 0; i < found.n; i++)
		if (found.at[i].type == HDL_AN_MESH_HOST_CONFLICT) {
			assert_true(strlen(found.at[i].text) < 2000);
			assert_non_null(strstr(found.at[i].text, "and more of 1000"));
		}
	found_done(&found);
}

/* No rule covers another: every pair is looked at. */
static void test_many_rules_of_one_virtual_service(void **state)
{
	struct hdl_buf buf = { 0 };
	struct found found;
	double begin;

	(void)state;
	add_vs(&buf, "v", "a", "s", "");
	for (int i = 0; i < 6000; i++)
		hdl_buf_printf(&buf, "  - match: [{uri: {prefix: /%d/}, headers: {x-%d: {exact: a}}}]\n%s", i, i,
			       route);
	begin = seconds();
	analyze_buf(&found, &buf);
	assert_int_equal(found_count(&found, "HDL0017"), 1);
	assert_int_equal(found_count(&found, "HDL0005"), 0);
	assert_true(seconds() - begin < 20);
	found_done(&found);
}

/* A long chain and circles of calls end. */
static void test_long_chain_of_calls(void **state)
{
	struct hdl_buf buf = { 0 };
	struct found found;

	(void)state;
	for (int i = 0; i < 2000; i++)
		hdl_buf_printf(
			&buf,
			"apiVersion: v1\nkind: Service\nmetadata:\n  name: s%d\n  namespace: a\n"
			"  annotations: {heddle.io/calls: \"s%d,s%d\"}\nspec: {ports: [{name: http, port: 80}]}\n---\n"
			"apiVersion: networking.istio.io/v1\nkind: VirtualService\n"
			"metadata: {name: s%d, namespace: a}\nspec:\n  hosts: [s%d]\n  http:\n"
			"  - route: [{destination: {host: s%d}}]\n    retries: {attempts: 1}\n---\n",
			i, (i + 1) % 2000, (i + 7) % 2000, i, i, i);
	analyze_buf(&found, &buf);
	assert_true(found_count(&found, "HDL0001") >= 1);
	found_done(&found);
}

/* A label that every service has makes each the caller of each. */
static void test_calls_are_bounded(void **state)
{
	struct hdl_buf buf = { 0 };
	struct found found;

	(void)state;
	for (int i = 0; i < 400; i++)
		hdl_buf_printf(
			&buf,
			"apiVersion: v1\nkind: Service\nmetadata: {name: s%d, namespace: a}\n"
			"spec: {selector: {tier: all}, ports: [{name: http, port: 80}]}\n---\n"
			"apiVersion: networking.istio.io/v1\nkind: VirtualService\n"
			"metadata: {name: s%d, namespace: a}\nspec:\n  hosts: [s%d]\n  http:\n"
			"  - match: [{sourceLabels: {tier: all}}]\n    route: [{destination: {host: s%d}}]\n---\n",
			i, i, i, i);
	analyze_buf(&found, &buf);
	assert_int_equal(found_count(&found, "HDL0017"), 1);
	found_done(&found);
}

static void test_messages_are_bounded(void **state)
{
	struct hdl_buf buf = { 0 };
	struct found found;

	(void)state;
	/* 400 x 400 pods and Sidecars */
	for (int i = 0; i < 400; i++)
		hdl_buf_printf(
			&buf,
			"apiVersion: v1\nkind: Pod\nmetadata: {name: p%d, namespace: a, labels: {app: a}}\n---\n"
			"apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {name: s%d, namespace: a}\n"
			"spec: {workloadSelector: {labels: {app: a}}, egress: [{hosts: [\"./*\"]}]}\n---\n",
			i, i);
	analyze_buf(&found, &buf);
	assert_in_range(found.n, HDL_AN_MESSAGES_MAX, HDL_AN_MESSAGES_MAX + 2);
	assert_int_equal(found_count(&found, "HDL0017"), 1);
	assert_true(found_has(&found, "more messages"));
	found_done(&found);
}

/* Memory that ends at any place ends the analysis with -ENOMEM, and nothing is left over. */
static void test_memory_ends(void **state)
{
	static const char *const cases[] = { "hdl0001-no-services", "hdl0002-labels",   "ist0110-pod",
					     "ist0138-same",        "ist0145-host",     "ist0171-backend",
					     "ist0173-zone",        "ist0177-protocol", "hdl0015-sidecar",
					     "hdl0013-post",        "ist0131-double",   "hdl0005-several" };
	struct hdl_buf buf = { 0 };
	struct found found;
	size_t failures = 0;
	int r = -ENOMEM;

	(void)state;
	found_begin(&found);
	hdl_resource_store_set_check(found.store, NULL);
	for (size_t i = 0; i < HDL_ARRAY_SIZE(cases); i++) {
		char path[200], *text;

		snprintf(path, sizeof(path), "tests/unit/analyze/cases/%s.yaml", cases[i]);
		text = read_text(path);
		assert_non_null(text);
		found_put(&found, path, text);
		free(text);
	}
	assert_int_equal(hdl_resource_store_commit(found.store, &found.list), 0);
	hdl_resource_store_diags(found.store, &found.diags);
	for (size_t limit = 64; r < 0; limit += 64) {
		const struct hdl_an_options options = { .bytes_max = limit };

		r = hdl_analyze(found.list->at, found.list->n, &found.diags, &options, &found.analysis);
		assert_true(r == 0 || r == -ENOMEM);
		failures += r < 0;
	}
	assert_true(failures > 100);
	found.n = hdl_analysis_messages(found.analysis, &found.at);
	for (size_t i = 0; i < found.n; i++)
		hdl_an_print_text(&found.at[i], false, &buf);
	hdl_buf_done(&buf);
	found_done(&found);
}

static void test_nothing(void **state)
{
	struct found found;

	(void)state;
	found_text(&found, "");
	assert_int_equal(found.n, 0);
	found_done(&found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many_virtual_services_of_one_host),
		cmocka_unit_test(test_names_in_a_message_are_bounded),
		cmocka_unit_test(test_many_rules_of_one_virtual_service),
		cmocka_unit_test(test_long_chain_of_calls),
		cmocka_unit_test(test_calls_are_bounded),
		cmocka_unit_test(test_messages_are_bounded),
		cmocka_unit_test(test_memory_ends),
		cmocka_unit_test(test_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
