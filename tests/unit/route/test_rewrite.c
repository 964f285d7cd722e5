/* SPDX-License-Identifier: Apache-2.0 */
/* New paths by the tables of specification B.4 and F.4, and Locations by B.3, F.4 and J 6. */
#include "unit/unit.h"

#include <errno.h>

#include "re/re.h"
#include "route/rewrite.h"

/* clang-format off */
#define NO_URI HDL_IR_MATCH_UNSET, ""
#define PREFIX(s) HDL_IR_MATCH_PREFIX, s
#define EXACT(s) HDL_IR_MATCH_EXACT, s
#define REGEX(s) HDL_IR_MATCH_REGEX, s
#define SEGMENTS(s) HDL_IR_MATCH_SEGMENTS, s
#define MATCHED HDL_IR_PATH_MATCHED
#define WHOLE HDL_IR_PATH_WHOLE

static const struct {
	enum hdl_ir_match_kind uri;
	const char *value;
	enum hdl_ir_path_change_kind kind;
	const char *text, *path, *result;
} rewrites[] = {
	/* B.4 */
	{ PREFIX("/api"), MATCHED, "/v2", "/api/x", "/v2/x" },
	{ PREFIX("/api"), MATCHED, "/", "/api/x", "//x" },
	{ PREFIX("/api/"), MATCHED, "/", "/api/x", "/x" },
	{ PREFIX("/"), MATCHED, "/foo", "/bar", "/foobar" },
	{ PREFIX("/"), MATCHED, "/foo/", "/bar", "/foo/bar" },
	{ PREFIX("/api"), MATCHED, "/v2", "/apix", "/v2x" },
	{ EXACT("/api"), MATCHED, "/v2", "/api", "/v2" },
	{ REGEX("/a.*"), MATCHED, "/v2", "/api/x", "/v2" },
	{ NO_URI, MATCHED, "/v2", "/bar", "/v2bar" },
	{ NO_URI, MATCHED, "/v2", "/", "/v2" },
	{ PREFIX("/API"), MATCHED, "/v2", "/api/x", "/v2/x" }, /* ignoreUriCase: by length */
	{ PREFIX("/api"), MATCHED, "v2", "/api/x", "v2/x" },   /* without a slash: as it is */
	/* F.4 */
	{ SEGMENTS("/foo"), MATCHED, "/xyz", "/foo/bar", "/xyz/bar" },
	{ SEGMENTS("/foo"), MATCHED, "/xyz/", "/foo/bar", "/xyz/bar" },
	{ SEGMENTS("/foo"), MATCHED, "/xyz", "/foo", "/xyz" },
	{ SEGMENTS("/foo"), MATCHED, "/xyz", "/foo/", "/xyz/" },
	{ SEGMENTS("/foo"), MATCHED, "", "/foo/bar", "/bar" },
	{ SEGMENTS("/foo"), MATCHED, "/", "/foo/bar", "/bar" },
	{ SEGMENTS("/foo"), MATCHED, "", "/foo/", "/" },
	{ SEGMENTS("/foo"), MATCHED, "/", "/foo/", "/" },
	{ SEGMENTS("/foo"), MATCHED, "", "/foo", "/" },
	{ SEGMENTS("/foo"), MATCHED, "/", "/foo", "/" },
	{ SEGMENTS(""), MATCHED, "/xyz", "/foo", "/xyz/foo" },
	{ SEGMENTS("/foo"), WHOLE, "/xyz", "/foo/bar", "/xyz" },
	{ NO_URI, HDL_IR_PATH_KEEP, "", "/foo/bar", "/foo/bar" },
};
/* clang-format on */

static void test_rewrites(void **state)
{
	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(rewrites); i++) {
		struct hdl_ir_http_match match = { .uri = { .kind = rewrites[i].uri,
							    .value = hdl_str_of(rewrites[i].value) } };
		struct hdl_ir_path_change change = { .kind = rewrites[i].kind, .text = hdl_str_of(rewrites[i].text) };
		struct hdl_str path = hdl_str_of(rewrites[i].path);
		size_t wanted = strlen(rewrites[i].result);
		char buf[64];
		long n = hdl_route_rewrite(&change, &match, path, buf, wanted);

		if (n != (long)wanted || memcmp(buf, rewrites[i].result, wanted) != 0)
			fail_msg("row %zu: %.*s", i, n < 0 ? 0 : (int)n, buf);
		if (wanted)
			assert_int_equal(hdl_route_rewrite(&change, &match, path, buf, wanted - 1), -ENOSPC);
		if (rewrites[i].uri == HDL_IR_MATCH_UNSET) /* a route without blocks */
			assert_int_equal(hdl_route_rewrite(&change, NULL, path, buf, wanted), wanted);
	}
}

static void test_regex(void **state)
{
	static const struct {
		const char *pattern, *text, *path, *result;
	} cases[] = {
		{ "^/service/([^/]+)(/.*)$", "\\2/instance/\\1", "/service/foo/v1/api", "/v1/api/instance/foo" },
		{ "one", "two", "/xxx/one/yyy/one/zzz", "/xxx/two/yyy/two/zzz" },
		{ "none", "two", "/a", "/a" },
		{ "[a-c]+", "<\\0>", "/abcxcba", "/<abc>x<cba>" },
		{ "/", "\\\\", "/a/", "\\a\\" },
		{ "x*", "-", "/ax", "-/-a-" },
		{ "", "-", "", "-" },
		{ "(b)?", "[\\1]", "ab", "[]a[b]" },
		{ "", "-", "\xc3\xa4z", "-\xc3\xa4-z-" }, /* not into the middle of a character */
		{ "$", "!", "/a", "/a!" },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(cases); i++) {
		struct hdl_ir_path_change change = { .kind = HDL_IR_PATH_REGEX, .text = hdl_str_of(cases[i].text) };
		struct hdl_str path = hdl_str_of(cases[i].path);
		size_t wanted = strlen(cases[i].result);
		struct hdl_re *re = NULL;
		char buf[64];
		long n;

		assert_int_equal(hdl_re_compile(hdl_str_of(cases[i].pattern), &re, NULL), 0);
		assert_int_equal(hdl_re_check_rewrite(re, change.text, NULL), 0);
		change.re = re;
		n = hdl_route_rewrite(&change, NULL, path, buf, sizeof(buf));
		if (n != (long)wanted || memcmp(buf, cases[i].result, wanted) != 0)
			fail_msg("row %zu: %.*s", i, n < 0 ? 0 : (int)n, buf);
		assert_int_equal(hdl_route_rewrite(&change, NULL, path, buf, wanted - 1), -ENOSPC);
		hdl_re_free(re);
	}
}

static void test_rewrite_check(void **state)
{
	struct hdl_err err = { "" };
	struct hdl_re *re = NULL;

	(void)state;
	assert_int_equal(hdl_re_compile(HDL_STR("(a)(b)"), &re, NULL), 0);
	assert_int_equal(hdl_re_check_rewrite(re, HDL_STR("\\2\\1\\0\\\\"), &err), 0);
	assert_int_equal(hdl_re_check_rewrite(re, HDL_STR("\\3"), &err), -EINVAL);
	assert_true(strstr(err.text, "3") != NULL);
	assert_int_equal(hdl_re_check_rewrite(re, HDL_STR("a\\"), NULL), -EINVAL);
	assert_int_equal(hdl_re_check_rewrite(re, HDL_STR("\\x"), NULL), -EINVAL);
	hdl_re_free(re);
}

struct location {
	const char *what;
	struct hdl_ir_redirect redirect;
	const char *forwarded_proto, *authority, *path, *query; /* query NULL: none */
	uint16_t listener_port;
	const char *result; /* NULL: there is no host */
};

/* clang-format off */
#define TO(s, h, ...) { .status = 301, .scheme = s, .host = h, __VA_ARGS__ }
#define URI(s) .path = { .kind = HDL_IR_PATH_WHOLE, .text = { s, sizeof(s) - 1 } }
#define OLD_PREFIX(s) .path = { .kind = HDL_IR_PATH_MATCHED, .text = { s, sizeof(s) - 1 } }
#define GWAPI .port_of_listener = true

static const struct location locations[] = {
	/* B.3 */
	{ "scheme keeps another port", TO("https", "", .port = 0), "http", "h:8080", "/x", "q", 8080, "https://h:8080/x?q" },
	{ "scheme drops :80 of http", TO("https", "", .port = 0), "http", "h:80", "/x", "q", 80, "https://h/x?q" },
	{ "scheme, no port", TO("https", "", .port = 0), "http", "h", "/x", "q", 80, "https://h/x?q" },
	{ "http drops :443 of https", TO("http", "", .port = 0), "https", "h:443", "/x", NULL, 443, "http://h/x" },
	{ "the same scheme keeps :80", TO("http", "", .port = 0), "http", "h:80", "/x", NULL, 80, "http://h:80/x" },
	{ "scheme of the request", TO("", "", URI("/y")), "https", "h", "/x", NULL, 80, "https://h/y" },
	{ "no scheme given", TO("", "", URI("/y")), "", "h", "/x", NULL, 80, "http://h/y" },
	{ "a scheme that is none", TO("", "", URI("/y")), "javascript:alert(1)//", "h", "/x", NULL, 80, "http://h/y" },
	{ "port replaces", TO("", "", .port = 8443), "http", "h:8080", "/x", NULL, 8080, "http://h:8443/x" },
	{ "port without a port before", TO("", "", .port = 8443), "http", "h", "/x", NULL, 80, "http://h:8443/x" },
	{ "IPv6 keeps its brackets", TO("", "", .port = 1), "http", "[::1]:8080", "/", NULL, 8080, "http://[::1]:1/" },
	{ "IPv6 without port", TO("", "", .port = 1), "http", "[::1]", "/", NULL, 80, "http://[::1]:1/" },
	{ "authority with its port", TO("", "o:9", .port = 0), "http", "h:8080", "/x", NULL, 8080, "http://o:9/x" },
	{ "authority keeps what is written there", TO("https", "o:80", .port = 0), "http", "h", "/x", NULL, 80, "https://o:80/x" },
	{ "authority and port", TO("", "o", .port = 9), "http", "h:8080", "/x", NULL, 80, "http://o:9/x" },
	{ "uri keeps the query", TO("", "", URI("/y")), "http", "h", "/x", "a=1", 80, "http://h/y?a=1" },
	{ "uri with a query", TO("", "", URI("/y?b=2")), "http", "h", "/x", "a=1", 80, "http://h/y?b=2" },
	{ "empty query", TO("", "", URI("/y")), "http", "h", "/x", "", 80, "http://h/y?" },
	{ "prefixRewrite", TO("", "", OLD_PREFIX("/new")), "http", "h", "/pre/x", "a", 80, "http://h/new/x?a" },
	{ "uri without a slash", TO("", "", URI("login")), "http", "h", "/x", "a=1", 80, "http://h/login?a=1" },
	{ "uri that is a query", TO("", "", URI("?b=2")), "http", "h", "/x", "a=1", 80, "http://h?b=2" },
	{ "prefixRewrite is no end of the host", TO("", "", OLD_PREFIX(".")), "http", "h", "/preevil.example", NULL, 80, "http://h/.evil.example" },
	{ "no host", TO("https", "", .port = 1), "http", "", "/evil.example", NULL, 80, NULL },
	{ "no host in the request", TO("", "o", .port = 0), "http", "", "/x", NULL, 80, "http://o/x" },
	/* F.4, J 6 */
	{ "no host", TO("", "", GWAPI), "http", "", "/evil.example", NULL, 80, NULL },
	{ "listener's port", TO("", "o", GWAPI), "http", "h:1", "/ex", NULL, 9080, "http://o:9080/ex" },
	{ "listener's port 80", TO("", "o", GWAPI), "http", "h:80", "/ex", NULL, 80, "http://o/ex" },
	{ "scheme gives the port", TO("https", "", GWAPI), "http", "h:9080", "/ex", NULL, 9080, "https://h/ex" },
	{ "given port", TO("https", "", GWAPI, .port = 8443), "http", "h:9080", "/", NULL, 9080, "https://h:8443/" },
	{ "given default port", TO("https", "", GWAPI, .port = 443), "http", "h:9080", "/", NULL, 9080, "https://h/" },
	{ "80 with https", TO("https", "", GWAPI, .port = 80), "http", "h", "/", NULL, 80, "https://h:80/" },
	{ "80 asked for", TO("", "", GWAPI, .port = 80), "http", "ratings:9080", "/", NULL, 9080, "http://ratings/" },
};
/* clang-format on */

static void test_locations(void **state)
{
	static const struct hdl_ir_http_match match = { .uri = { .kind = HDL_IR_MATCH_PREFIX,
								 .value = { "/pre", 4 } } };

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(locations); i++) {
		const struct location *l = &locations[i];
		struct hdl_http_header lines[1];
		struct hdl_http_head head = { .authority = hdl_str_of(l->authority),
					      .path = hdl_str_of(l->path),
					      .has_query = l->query != NULL,
					      .query = hdl_str_of(l->query) };
		struct hdl_route_asked asked = { &head, &match, l->listener_port };
		size_t wanted = l->result ? strlen(l->result) : 0;
		char buf[128];
		long n;

		hdl_http_headers_init(&head.headers, lines, 1);
		if (l->forwarded_proto[0])
			hdl_http_headers_add_id(&head.headers, HDL_HTTP_H_X_FORWARDED_PROTO,
						hdl_str_of(l->forwarded_proto));
		n = hdl_route_location(&l->redirect, &asked, buf, sizeof(buf));
		if (!l->result)
			assert_int_equal(n, -EDESTADDRREQ);
		else if (n != (long)wanted || memcmp(buf, l->result, wanted) != 0)
			fail_msg("%s: %.*s", l->what, n < 0 ? 0 : (int)n, buf);
		for (size_t room = 0; room < wanted; room++)
			assert_int_equal(hdl_route_location(&l->redirect, &asked, buf, room), -ENOSPC);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rewrites),
		cmocka_unit_test(test_regex),
		cmocka_unit_test(test_rewrite_check),
		cmocka_unit_test(test_locations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
