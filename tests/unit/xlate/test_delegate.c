/* SPDX-License-Identifier: Apache-2.0 */
/* Merging of a root VirtualService and its delegates: every conflict, and what is inherited (specification A.4). */
#include "load.h"

#include "xlate/delegate.h"

struct world {
	struct load l;
	struct hdl_arena *arena;
	struct hdl_diags diags;
};

static const struct hdl_resource *find(void *user, const char *ns, const char *name)
{
	const struct world *w = user;

	for (size_t i = 0; i < w->l.list->n; i++)
		if (strcmp(w->l.list->at[i]->ns, ns) == 0 && strcmp(w->l.list->at[i]->name, name) == 0)
			return w->l.list->at[i];
	return NULL;
}

/* The rules of root/root merged; YAML of the http lists of it and of team/d. */
static const struct hdl_virtual_service *merge(struct world *w, const char *root, const char *delegate)
{
	const struct hdl_virtual_service *merged = NULL;
	struct hdl_delegates d;
	char text[8192];

	snprintf(text, sizeof(text),
		 "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: root, namespace: root}\n"
		 "spec:\n  hosts: [h]\n  gateways: [mesh, g, other/g]\n  http: %s\n---\n"
		 "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: d, namespace: team}\n"
		 "spec:\n  http: %s\n",
		 root, delegate);
	load_resources(&w->l, text);
	if (w->l.list->n != 2)
		fail_msg("%s: %s", root, w->l.diags.at[0].message);
	w->arena = hdl_arena_new(0);
	w->diags = (struct hdl_diags){ 0 };
	d = (struct hdl_delegates){ w->arena, &w->diags, find, w };
	assert_int_equal(hdl_delegates_merge(&d, find(w, "root", "root"), &merged), 0);
	return merged;
}

static void done(struct world *w)
{
	hdl_diags_done(&w->diags);
	hdl_arena_free(w->arena);
	load_done(&w->l);
}

#define TO_D "delegate: {name: d, namespace: team}"
#define ROUTE "route: [{destination: {host: s}}]"

/* Blocks of the root and of the delegate; how many blocks the merged rule has, 0: it is dropped. */
static const struct {
	const char *root, *leaf;
	size_t blocks;
} matches[] = {
	{ "{uri: {prefix: /a}}", "{uri: {prefix: /a/b}}", 1 }, /* H 5 */
	{ "{uri: {prefix: /a}}", "{uri: {prefix: /a}}", 1 },
	{ "{uri: {prefix: /a}}", "{uri: {prefix: /c}}", 0 },
	{ "{uri: {prefix: /a/b}}", "{uri: {prefix: /a}}", 0 },
	{ "{uri: {prefix: /a}}", "{uri: {exact: /ab}}", 1 },
	{ "{uri: {prefix: /a}}", "{uri: {exact: /b}}", 0 },
	{ "{uri: {exact: /a}}", "{uri: {exact: /a}}", 1 },
	{ "{uri: {exact: /a}}", "{uri: {exact: /b}}", 0 },
	{ "{uri: {exact: /a}}", "{uri: {prefix: /a}}", 0 },
	{ "{uri: {regex: /a}}", "{uri: {exact: /a}}", 0 },
	{ "{uri: {prefix: /a}}", "{uri: {regex: /a}}", 0 },
	{ "{uri: {regex: /a}}", "{uri: {regex: /a}}", 0 },
	{ "{uri: {regex: /a}}", "{method: {exact: GET}}", 1 },
	{ "{method: {exact: GET}}", "{uri: {regex: /a}}", 1 },
	{ "{scheme: {exact: http}}", "{scheme: {exact: https}}", 0 },
	{ "{method: {exact: GET}}", "{method: {exact: PUT}}", 0 },
	{ "{method: {exact: GET}}", "{method: {exact: GET}}", 1 },
	{ "{authority: {prefix: a.}}", "{authority: {exact: b.c}}", 0 },
	{ "{uri: {prefix: /a}, ignoreUriCase: true}", "{uri: {prefix: /a}}", 0 },
	{ "{uri: {prefix: /a}, ignoreUriCase: true}", "{uri: {prefix: /a}, ignoreUriCase: true}", 1 },
	{ "{port: 80}", "{port: 81}", 0 },
	{ "{port: 80}", "{port: 80}", 1 },
	{ "{port: 80}", "{uri: {prefix: /}}", 1 },
	{ "{sourceNamespace: a}", "{sourceNamespace: b}", 0 },
	{ "{sourceNamespace: a}", "{uri: {prefix: /}}", 1 },
	{ "{sourceLabels: {a: \"1\"}}", "{sourceLabels: {a: \"2\"}}", 0 },
	{ "{sourceLabels: {a: \"1\"}}", "{sourceLabels: {b: \"2\"}}", 1 },
	{ "{headers: {x: {exact: \"1\"}}}", "{headers: {X: {exact: \"2\"}}}", 0 },
	{ "{headers: {x: {prefix: \"1\"}}}", "{headers: {x: {exact: \"12\"}}}", 1 },
	{ "{headers: {x: {exact: \"1\"}}}", "{headers: {y: {regex: \"2\"}}}", 1 },
	{ "{headers: {x: {exact: \"1\"}}}", "{headers: {x: {}}}", 0 },
	{ "{withoutHeaders: {x: {exact: \"1\"}}}", "{withoutHeaders: {x: {exact: \"2\"}}}", 0 },
	{ "{queryParams: {x: {exact: \"1\"}}}", "{queryParams: {X: {exact: \"2\"}}}", 1 },
	{ "{queryParams: {x: {exact: \"1\"}}}", "{queryParams: {x: {exact: \"2\"}}}", 0 },
	{ "{gateways: [g]}", "{gateways: [root/g]}", 1 },
	{ "{gateways: [g]}", "{gateways: [g]}", 0 }, /* team/g */
	{ "{gateways: [mesh, g]}", "{gateways: [mesh]}", 1 },
	{ "{gateways: [mesh]}", "{gateways: [mesh, root/g]}", 0 },
	{ "{gateways: [mesh]}", "{uri: {prefix: /}}", 1 },
	/* crossed: each block of the delegate with each of the root that has room for it */
	{ "{uri: {prefix: /a}}, {uri: {prefix: /b}}", "{uri: {prefix: /a/1}}", 1 },
	{ "{uri: {prefix: /a}}, {uri: {prefix: /a/1}}", "{uri: {prefix: /a/1/2}}", 2 },
	{ "{uri: {prefix: /a}}, {uri: {prefix: /b}}", "{method: {exact: GET}}, {method: {exact: PUT}}", 4 },
	{ "{uri: {prefix: /a}}", "{uri: {prefix: /a/1}}, {uri: {prefix: /b}}", 0 }, /* one has none: the rule goes */
	{ "{uri: {prefix: /a}}, {uri: {prefix: /b}}", "", 2 },
	{ "", "{uri: {prefix: /a}}", 1 },
};

static void test_matches(void **state)
{
	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(matches); i++) {
		const struct hdl_virtual_service *vs;
		char root[1024], leaf[1024];
		struct world w;

		snprintf(root, sizeof(root), "[{match: [%s], " TO_D "}]", matches[i].root);
		snprintf(leaf, sizeof(leaf), "[{match: [%s], " ROUTE "}]", matches[i].leaf);
		vs = merge(&w, root, leaf);
		if (vs->http.n != (matches[i].blocks ? 1 : 0) ||
		    (vs->http.n && vs->http.at[0].match.n != matches[i].blocks))
			fail_msg("%s with %s: %zu rules, %zu blocks", matches[i].root, matches[i].leaf, vs->http.n,
				 vs->http.n ? vs->http.at[0].match.n : 0);
		assert_int_equal(w.diags.n, matches[i].blocks == 0); /* one for each rule that is dropped */
		done(&w);
	}
}

static void test_merged_block(void **state)
{
	const struct hdl_virtual_service *vs;
	const struct hdl_vs_match *m;
	struct world w;

	(void)state;
	vs = merge(
		&w,
		"[{name: r, match: [{name: rm, uri: {prefix: /a}, method: {exact: GET}, headers: {x: {prefix: a}, y: {}}, "
		"sourceLabels: {a: \"1\"}, port: 80, gateways: [g, mesh]}], " TO_D "}]",
		"[{name: d, match: [{name: dm, uri: {exact: /a/b}, headers: {x: {exact: ab}, z: {}}, sourceLabels: {b: \"2\"}, "
		"gateways: [root/g]}], " ROUTE "}]");
	m = &vs->http.at[0].match.at[0];
	assert_string_equal(vs->http.at[0].name.s, "r-d");
	assert_string_equal(m->name.s, "rm-dm");
	assert_string_equal(m->uri->exact.s, "/a/b");
	assert_string_equal(m->method->exact.s, "GET");
	assert_int_equal(m->headers.n, 3);
	assert_string_equal(m->headers.at[0].match.exact.s, "ab");
	assert_int_equal(m->source_labels.n, 2);
	assert_int_equal(m->port.value, 80);
	assert_int_equal(m->gateways.n, 1);
	assert_string_equal(m->gateways.at[0].s, "root/g");
	assert_ptr_equal(vs->http.at[0].source, find(&w, "team", "d"));
	assert_string_equal(vs->http.at[0].field, "spec.http[0]");
	done(&w);
}

static void test_settings(void **state)
{
	static const char root[] =
		"[{timeout: 1s, retries: {attempts: 7}, fault: {abort: {httpStatus: 500}}, mirror: {host: m}, "
		"mirrorPercentage: {value: 5}, rewrite: {uri: /r}, corsPolicy: {allowOrigins: [{exact: r}]}, "
		"headers: {request: {remove: [r]}}, " TO_D "}]";
	const struct hdl_vs_http *http;
	struct world w;

	(void)state;
	http = merge(&w, root, "[{" ROUTE "}]")->http.at;
	assert_int_equal(http->timeout.ns, 1000000000);
	assert_int_equal(http->retries->attempts.value, 7);
	assert_int_equal(http->fault->abort->http_status.value, 500);
	assert_string_equal(http->mirror->host.s, "m");
	assert_string_equal(http->mirror->ns, "root"); /* a short name of the root's namespace */
	assert_true(http->mirror_percentage->value.value == 5);
	assert_string_equal(http->rewrite->uri.s, "/r");
	assert_string_equal(http->cors_policy->allow_origins.at[0].exact.s, "r");
	assert_string_equal(http->headers->request->remove.at[0].s, "r");
	assert_null(http->route.at[0].destination->ns); /* of the delegate's */
	done(&w);
	http = merge(&w, root,
		     "[{timeout: 2s, retries: {attempts: 3}, fault: {abort: {httpStatus: 501}}, mirror: {host: n}, "
		     "mirrorPercentage: {value: 6}, rewrite: {uri: /d}, corsPolicy: {allowOrigins: [{exact: d}]}, "
		     "headers: {request: {remove: [d]}}, " ROUTE "}]")
		       ->http.at;
	assert_int_equal(http->timeout.ns, 2000000000);
	assert_int_equal(http->retries->attempts.value, 3);
	assert_int_equal(http->fault->abort->http_status.value, 501);
	assert_string_equal(http->mirror->host.s, "n");
	assert_null(http->mirror->ns);
	assert_true(http->mirror_percentage->value.value == 6);
	assert_string_equal(http->rewrite->uri.s, "/d");
	assert_string_equal(http->cors_policy->allow_origins.at[0].exact.s, "d");
	assert_string_equal(http->headers->request->remove.at[0].s, "d");
	done(&w);
	http = merge(&w, "[{mirrors: [{destination: {host: m}}, {destination: {host: n}}], " TO_D "}]", "[{" ROUTE "}]")
		       ->http.at;
	assert_int_equal(http->mirrors.n, 2);
	assert_string_equal(http->mirrors.at[1].destination->ns, "root");
	done(&w);
}

static void test_order_and_redirects(void **state)
{
	const struct hdl_virtual_service *vs;
	struct world w;

	(void)state;
	vs = merge(&w, "[{name: a, " ROUTE "}, {" TO_D "}, {name: b, " ROUTE "}]",
		   "[{name: x, redirect: {uri: /}}, {name: y, " ROUTE "}]");
	assert_int_equal(vs->http.n, 4);
	assert_string_equal(vs->http.at[0].name.s, "a");
	assert_non_null(vs->http.at[1].redirect);
	assert_string_equal(vs->http.at[2].name.s, "y");
	assert_string_equal(vs->http.at[3].name.s, "b");
	assert_string_equal(vs->http.at[3].field, "spec.http[2]");
	assert_ptr_equal(vs->http.at[3].source, find(&w, "root", "root"));
	assert_int_equal(w.diags.n, 0);
	done(&w);
}

/* A root and a rule with the same match blocks, one for each number, which conflict or not. */
static void check_limit(size_t n, const char *block, size_t kept, const char *said)
{
	struct hdl_buf list = { 0 }, text = { 0 };
	const struct hdl_virtual_service *vs;
	struct hdl_delegates d;
	struct world w = { 0 };

	for (size_t i = 0; i < n; i++) {
		hdl_buf_printf(&list, "{method: {exact: M%zu}", i);
		hdl_buf_adds(&list, block);
	}
	hdl_buf_add(&list, "", 1);
	hdl_buf_printf(
		&text,
		"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: root, namespace: root}\n"
		"spec: {hosts: [h], http: [{match: [%s], " TO_D "}]}\n---\n"
		"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: d, namespace: team}\n"
		"spec: {http: [{match: [%s], " ROUTE "}, {match: [%s], " ROUTE "}]}\n",
		list.p, list.p, list.p);
	hdl_buf_add(&text, "", 1);
	load_resources(&w.l, text.p);
	assert_int_equal(w.l.list->n, 2);
	w.arena = hdl_arena_new(0);
	d = (struct hdl_delegates){ w.arena, &w.diags, find, &w };
	assert_int_equal(hdl_delegates_merge(&d, find(&w, "root", "root"), &vs), 0);
	assert_int_equal(vs->http.n, kept);
	assert_int_equal(w.diags.n, 2 - kept);
	if (said)
		assert_non_null(strstr(w.diags.at[0].message, said));
	done(&w);
	hdl_buf_done(&text);
	hdl_buf_done(&list);
}

/* More pairs of blocks than are looked at for a rule, and more pairs of conditions than for a root. */
static void test_pairs_limit(void **state)
{
	static const char headers[] =
		", headers: {a: {exact: v}, b: {exact: v}, c: {exact: v}, d: {exact: v}, e: {exact: v}, f: {exact: v}, g: {exact: v}}},";

	(void)state;
	check_limit(257, "},", 0, "are more than 65536 pairs"); /* 257 x 257 */
	check_limit(181, headers, 2, NULL);                     /* twice (181 x 8)^2 = 2096704 */
	check_limit(182, headers, 1, "1456 conditions of VirtualService root/root (");
	check_limit(256, headers, 1, "make more than 4194304 pairs"); /* the first takes all */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matches),     cmocka_unit_test(test_merged_block),
		cmocka_unit_test(test_settings),    cmocka_unit_test(test_order_and_redirects),
		cmocka_unit_test(test_pairs_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
