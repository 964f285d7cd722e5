/* SPDX-License-Identifier: Apache-2.0 */
/* Header list: ids, look-up, changes, tokens; hop-by-hop (RFC 9110 7.6.1) and forbidden trailers (6.5.1; J.4). */
#include "unit/unit.h"

#include <errno.h>
#include <stdio.h>

#include "http/header.h"

#define CAPACITY 16

struct list {
	struct hdl_http_header v[CAPACITY];
	struct hdl_http_headers h;
};

/* "name: value" pairs until NULL. */
static void fill(struct list *l, const char *const *pairs)
{
	hdl_http_headers_init(&l->h, l->v, CAPACITY);
	for (; *pairs; pairs++) {
		const char *colon = strstr(*pairs, ": ");

		assert_int_equal(hdl_http_headers_add(&l->h, (struct hdl_str){ *pairs, (size_t)(colon - *pairs) },
						      hdl_str_of(colon + 2)),
				 0);
	}
}

static void assert_list(const struct list *l, const char *expected)
{
	char text[1024] = "";
	size_t n = 0;

	HDL_HTTP_HEADERS_EACH(&l->h, h)
	n += (size_t)snprintf(text + n, sizeof(text) - n, "%.*s=%.*s|", HDL_STR_ARG(h->name), HDL_STR_ARG(h->value));
	assert_string_equal(text, expected);
	for (unsigned int id = 1; id < HDL_HTTP_H_COUNT; id++) {
		bool there = false;

		HDL_HTTP_HEADERS_EACH(&l->h, h)
		there |= h->known == id;
		assert_int_equal(hdl_http_headers_has(&l->h, id), there);
	}
}

/* Every name of the list is recognised, and nothing that differs by one byte is. */
static void test_ids(void **state)
{
	(void)state;
	for (unsigned int id = 1; id < HDL_HTTP_H_COUNT; id++) {
		struct hdl_str name = hdl_http_header_name(id);
		char other[64];

		assert_int_equal(hdl_http_header_id_of(name), id);
		memcpy(other, name.p, name.n);
		for (size_t i = 0; i < name.n; i++) {
			other[i] = (char)(other[i] ^ 1);
			if (hdl_http_header_id_of((struct hdl_str){ other, name.n }) == id)
				fail_msg("%.*s taken for %.*s", (int)name.n, other, HDL_STR_ARG(name));
			other[i] = name.p[i];
		}
		other[name.n] = 'x';
		assert_int_not_equal(hdl_http_header_id_of((struct hdl_str){ other, name.n + 1 }), id);
	}
	assert_int_equal(hdl_http_header_id_of(HDL_STR("x-canary")), HDL_HTTP_H_OTHER);
	assert_int_equal(hdl_http_header_id_of(HDL_STR("")), HDL_HTTP_H_OTHER);
	assert_int_equal(hdl_http_header_name(HDL_HTTP_H_COUNT).n, 0);
}

static void test_look_up(void **state)
{
	static const char *const pairs[] = { "host: a", "x-a: 1", "cookie: b", "x-a: 2", "cookie: c", NULL };
	struct hdl_http_header *h;
	struct list l;

	(void)state;
	fill(&l, pairs);
	assert_true(hdl_str_eq(hdl_http_headers_value(&l.h, HDL_HTTP_H_HOST), HDL_STR("a")));
	assert_null(hdl_http_headers_value(&l.h, HDL_HTTP_H_TE).p);
	h = hdl_http_headers_find(&l.h, HDL_STR("x-a"));
	assert_true(hdl_str_eq(h->value, HDL_STR("1")));
	h = hdl_http_headers_next(&l.h, h);
	assert_true(hdl_str_eq(h->value, HDL_STR("2")));
	assert_null(hdl_http_headers_next(&l.h, h));
	h = hdl_http_headers_find(&l.h, HDL_STR("cookie"));
	h = hdl_http_headers_next(&l.h, h);
	assert_true(hdl_str_eq(h->value, HDL_STR("c")));
	assert_null(hdl_http_headers_find(&l.h, HDL_STR("x-b")));
	assert_null(hdl_http_headers_find(&l.h, HDL_STR("te")));
}

static void test_changes(void **state)
{
	static const char *const pairs[] = { "host: a", "x-a: 1", "cookie: b", "x-a: 2", "cookie: c", NULL };
	struct list l, copy;

	(void)state;
	fill(&l, pairs);
	assert_int_equal(hdl_http_headers_set(&l.h, HDL_STR("x-a"), HDL_STR("3")), 0);
	assert_list(&l, "host=a|x-a=3|cookie=b|cookie=c|");
	assert_int_equal(hdl_http_headers_set_id(&l.h, HDL_HTTP_H_COOKIE, HDL_STR("d")), 0);
	assert_list(&l, "host=a|x-a=3|cookie=d|");
	assert_int_equal(hdl_http_headers_set(&l.h, HDL_STR("x-request-id"), HDL_STR("u")), 0);
	assert_list(&l, "host=a|x-a=3|cookie=d|x-request-id=u|");
	assert_int_equal(hdl_http_headers_remove(&l.h, HDL_STR("x-a")), 1);
	assert_int_equal(hdl_http_headers_remove(&l.h, HDL_STR("x-a")), 0);
	assert_int_equal(hdl_http_headers_remove_id(&l.h, HDL_HTTP_H_HOST), 1);
	assert_int_equal(hdl_http_headers_remove_id(&l.h, HDL_HTTP_H_HOST), 0);
	assert_int_equal(hdl_http_headers_add_id(&l.h, HDL_HTTP_H_TE, HDL_STR("trailers")), 0);
	assert_list(&l, "cookie=d|x-request-id=u|te=trailers|");

	hdl_http_headers_init(&copy.h, copy.v, 2);
	assert_int_equal(hdl_http_headers_copy(&l.h, &copy.h), -ENOSPC);
	copy.h.capacity = 3;
	assert_int_equal(hdl_http_headers_copy(&l.h, &copy.h), 0);
	assert_list(&copy, "cookie=d|x-request-id=u|te=trailers|");
	assert_int_equal(hdl_http_headers_add(&copy.h, HDL_STR("x"), HDL_STR("y")), -ENOSPC);
	assert_int_equal(hdl_http_headers_set(&copy.h, HDL_STR("x"), HDL_STR("y")), -ENOSPC);
	assert_int_equal(hdl_http_headers_set(&copy.h, HDL_STR("cookie"), HDL_STR("z")), 0);
}

static void test_tokens(void **state)
{
	static const struct {
		struct hdl_str value, token;
		bool has;
	} cases[] = {
		{ HDL_STR("close"), HDL_STR("close"), true },
		{ HDL_STR("Keep-Alive ,\tCLOSE"), HDL_STR("close"), true },
		{ HDL_STR("closed"), HDL_STR("close"), false },
		{ HDL_STR("x-close, clos"), HDL_STR("close"), false },
		{ HDL_STR(""), HDL_STR("close"), false },
		{ HDL_STR(",,close,"), HDL_STR("close"), true },
		{ HDL_STR("trailers;q=0.5, deflate"), HDL_STR("trailers"), true },
		{ HDL_STR("a;trailers"), HDL_STR("trailers"), false },
		{ { NULL, 0 }, HDL_STR("close"), false },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(cases); i++)
		if (hdl_http_value_has_token(cases[i].value, cases[i].token) != cases[i].has)
			fail_msg("case %zu", i);
}

static void test_hop_by_hop(void **state)
{
	static const struct {
		const char *pairs[CAPACITY];
		const char *expected;
	} cases[] = {
		{ { "host: a", "x: 1" }, "host=a|x=1|" },
		{ { "connection: keep-alive", "keep-alive: timeout=5", "x: 1" }, "x=1|" },
		{ { "connection: close, X-A , x-b", "x-a: 1", "x-b: 2", "x-c: 3", "x-a: 4" }, "x-c=3|" },
		{ { "x-a: 1", "connection: x-b", "connection: x-a", "cookie: c" }, "cookie=c|" },
		{ { "connection: cookie", "cookie: c", "x: y" }, "x=y|" },
		{ { "te: gzip, trailers", "x: 1" }, "te=trailers|x=1|" },
		{ { "connection: te", "te: trailers" }, "te=trailers|" },
		{ { "te: gzip" }, "" },
		{ { "transfer-encoding: chunked", "upgrade: websocket", "proxy-connection: keep-alive", "trailer: x" },
		  "trailer=x|" },
		{ { "connection: upgrade, http2-settings", "upgrade: h2c", "http2-settings: AAM" }, "" },
		/* these cannot be nominated away */
		{ { "connection: host, content-length, expect, x-request-id, x-forwarded-for, x-envoy-internal, "
		    "x-forwarded-whatever",
		    "host: a", "content-length: 5", "expect: 100-continue", "x-request-id: u", "x-forwarded-for: 1",
		    "x-envoy-internal: true", "x-forwarded-whatever: x" },
		  "host=a|content-length=5|expect=100-continue|x-request-id=u|x-forwarded-for=1|x-envoy-internal=true|"
		  "x-forwarded-whatever=x|" },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(cases); i++) {
		struct list l;

		fill(&l, cases[i].pairs);
		hdl_http_headers_strip_hop_by_hop(&l.h);
		assert_list(&l, cases[i].expected);
	}
}

static void test_forbidden_trailers(void **state)
{
	static const char *const forbidden[] = { "transfer-encoding", "content-length",   "host",       "te",
						 "trailer",           "authorization",    "set-cookie", "content-type",
						 "x-forwarded-for",   "x-envoy-internal", "connection" };
	static const char *const allowed[] = { "grpc-status", "grpc-message", "x-sum", "server-timing",
					       "etag",        "x-envoy",      "hosts" };

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(forbidden); i++)
		assert_true(hdl_http_trailer_is_forbidden(hdl_str_of(forbidden[i])));
	for (size_t i = 0; i < HDL_ARRAY_SIZE(allowed); i++)
		assert_false(hdl_http_trailer_is_forbidden(hdl_str_of(allowed[i])));
}

static void test_characters(void **state)
{
	char text[] = "AbC-Z@[`{\xc4";

	(void)state;
	assert_true(hdl_http_is_token(HDL_STR("X-a!#$%&'*+-.^_`|~09")));
	assert_false(hdl_http_is_token(HDL_STR("")));
	assert_false(hdl_http_is_token(HDL_STR("a b")));
	assert_false(hdl_http_is_token(HDL_STR("a\0")));
	assert_false(hdl_http_is_token(HDL_STR("a:")));
	assert_true(hdl_http_is_field_value(HDL_STR("a \t\xe4")));
	assert_true(hdl_http_is_field_value(HDL_STR("")));
	assert_false(hdl_http_is_field_value(HDL_STR(" a")));
	assert_false(hdl_http_is_field_value(HDL_STR("a\t")));
	assert_false(hdl_http_is_field_value(HDL_STR("a\r\nb")));
	assert_false(hdl_http_is_field_value(HDL_STR("a\0b")));
	assert_false(hdl_http_is_field_value(HDL_STR("a\x7f")));
	hdl_http_lower(text, sizeof(text) - 1);
	assert_string_equal(text, "abc-z@[`{\xc4");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ids),        cmocka_unit_test(test_look_up),
		cmocka_unit_test(test_changes),    cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_hop_by_hop), cmocka_unit_test(test_forbidden_trailers),
		cmocka_unit_test(test_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
