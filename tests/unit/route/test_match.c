/* SPDX-License-Identifier: Apache-2.0 */
/* Which rule takes a request: specification B.2 line by line, checklist H 11 to 18, and the draw of B.7. */
#include "unit/unit.h"

#include "heddle/core/subset.h"
#include "re/re.h"
#include "route/table.h"

#define EXACT(text)                                                             \
	{                                                                       \
		.kind = HDL_IR_MATCH_EXACT, .value = { text, sizeof(text) - 1 } \
	}
#define PREFIX(text)                                                             \
	{                                                                        \
		.kind = HDL_IR_MATCH_PREFIX, .value = { text, sizeof(text) - 1 } \
	}
#define SEGMENTS(text)                                                             \
	{                                                                          \
		.kind = HDL_IR_MATCH_SEGMENTS, .value = { text, sizeof(text) - 1 } \
	}
#define REGEX(text)                                                             \
	{                                                                       \
		.kind = HDL_IR_MATCH_REGEX, .value = { text, sizeof(text) - 1 } \
	}
#define PRESENT                                                  \
	{                                                        \
		.kind = HDL_IR_MATCH_PRESENT, .value = { "", 0 } \
	}
#define NAMED(text, ...)                                                 \
	{                                                                \
		.name = { text, sizeof(text) - 1 }, .match = __VA_ARGS__ \
	}
#define HEADERS(...) .headers = (struct hdl_ir_named_match[]){ __VA_ARGS__ }, .header_count = 1
#define WITHOUT(...) .without_headers = (struct hdl_ir_named_match[]){ __VA_ARGS__ }, .without_header_count = 1
#define QUERY(...) .query = (struct hdl_ir_named_match[]){ __VA_ARGS__ }, .query_count = 1

struct header {
	const char *name, *value;
};

/* What a case leaves out is: GET / without query, Host s:80, no headers, a client that is no known pod, port 80. */
struct request {
	const char *method, *path, *query, *authority, *scheme;
	struct header headers[4];
	const struct hdl_ir_workload *client;
	uint16_t port;
};

struct row {
	const char *what;
	struct hdl_ir_http_match match;
	struct request request;
	bool matches;
};

static const struct hdl_ir_label labels_ab[] = { { "a", "1" }, { "b", "2" } };
static const struct hdl_ir_label labels_abc[] = { { "a", "1" }, { "b", "2" }, { "c", "3" } };
static const struct hdl_ir_label labels_b[] = { { "b", "2" } };
static const struct hdl_ir_label labels_b_other[] = { { "b", "3" } };
static const struct hdl_ir_label labels_d[] = { { "d", "1" } };
static const struct hdl_ir_workload pod_ab = { .ns = "x", .labels = { labels_ab, 2 } };
static const struct hdl_ir_workload pod_abc = { .ns = "y", .labels = { labels_abc, 3 } };

/* clang-format off */
static struct row rows[] = {
	{ "an empty block matches everything", { 0 }, { .path = "/any", .method = "POST" }, true },

	{ "uri exact is the whole path", { .uri = EXACT("/a") }, { .path = "/a" }, true },
	{ "uri exact: a slash more differs (H 12)", { .uri = EXACT("/a") }, { .path = "/a/" }, false },
	{ "uri exact without the query", { .uri = EXACT("/a") }, { .path = "/a", .query = "x=1" }, true },
	{ "whole elements: itself (F.2)", { .uri = SEGMENTS("/abc") }, { .path = "/abc" }, true },
	{ "whole elements: with a slash", { .uri = SEGMENTS("/abc") }, { .path = "/abc/" }, true },
	{ "whole elements: below", { .uri = SEGMENTS("/abc") }, { .path = "/abc/def" }, true },
	{ "whole elements: not the beginning of one (H 11)", { .uri = SEGMENTS("/abc") }, { .path = "/abcd" }, false },
	{ "whole elements: shorter", { .uri = SEGMENTS("/abc") }, { .path = "/ab" }, false },
	{ "whole elements: case", { .uri = SEGMENTS("/abc") }, { .path = "/ABC/" }, false },
	{ "whole elements: / is all", { .uri = SEGMENTS("") }, { .path = "/x" }, true },
	{ "uri prefix is not by segment (H 11)", { .uri = PREFIX("/api") }, { .path = "/apix" }, true },
	{ "uri prefix, shorter path", { .uri = PREFIX("/api/") }, { .path = "/api" }, false },
	{ "uri prefix empty matches all", { .uri = PREFIX("") }, { .path = "/x" }, true },
	{ "uri exact empty matches no path", { .uri = EXACT("") }, { .path = "/" }, false },
	{ "uri regex is anchored (H 13)", { .uri = REGEX("/a+") }, { .path = "/aab" }, false },
	{ "uri regex is anchored in front", { .uri = REGEX("a+") }, { .path = "/aa" }, false },
	{ "uri regex, whole", { .uri = REGEX("/a+") }, { .path = "/aaa" }, true },
	{ "uri case counts", { .uri = EXACT("/A") }, { .path = "/a" }, false },
	{ "ignoreUriCase exact", { .uri = EXACT("/Abc"), .ignore_uri_case = true }, { .path = "/aBC" }, true },
	{ "ignoreUriCase prefix", { .uri = PREFIX("/Abc"), .ignore_uri_case = true }, { .path = "/aBCd" }, true },
	{ "ignoreUriCase not for regex (H 14)", { .uri = REGEX("/Abc"), .ignore_uri_case = true }, { .path = "/abc" }, false },

	{ "method exact", { .method = EXACT("GET") }, { .method = "GET" }, true },
	{ "method, case counts", { .method = EXACT("get") }, { .method = "GET" }, false },
	{ "method prefix", { .method = PREFIX("P") }, { .method = "PUT" }, true },
	{ "method regex", { .method = REGEX("GET|PUT") }, { .method = "PUT" }, true },
	{ "CONNECT matches nothing", { 0 }, { .method = "CONNECT" }, false },

	{ "authority with its port", { .authority = EXACT("s:80") }, { 0 }, true },
	{ "authority without the port it has", { .authority = EXACT("s") }, { 0 }, false },
	{ "authority, case as sent", { .authority = EXACT("s") }, { .authority = "S" }, false },
	{ "authority prefix", { .authority = PREFIX("s") }, { 0 }, true },
	{ "authority regex", { .authority = REGEX("s(:\\d+)?") }, { 0 }, true },

	{ "scheme is http", { .scheme = EXACT("http") }, { 0 }, true },
	{ "scheme follows x-forwarded-proto", { .scheme = EXACT("https") }, { .headers = { { "x-forwarded-proto", "https" } } }, true },
	{ "scheme of an absolute target", { .scheme = EXACT("https") }, { .scheme = "https" }, true },

	{ "header exact", { HEADERS(NAMED("x-a", EXACT("1"))) }, { .headers = { { "x-a", "1" } } }, true },
	{ "header exact, other value", { HEADERS(NAMED("x-a", EXACT("1"))) }, { .headers = { { "x-a", "12" } } }, false },
	{ "header value case counts", { HEADERS(NAMED("x-a", EXACT("v"))) }, { .headers = { { "x-a", "V" } } }, false },
	{ "header prefix", { HEADERS(NAMED("x-a", PREFIX("1"))) }, { .headers = { { "x-a", "12" } } }, true },
	{ "header regex is anchored", { HEADERS(NAMED("x-a", REGEX("a+b"))) }, { .headers = { { "x-a", "xaab" } } }, false },
	{ "header regex", { HEADERS(NAMED("x-a", REGEX("a+b"))) }, { .headers = { { "x-a", "aab" } } }, true },
	{ "header missing, exact empty", { HEADERS(NAMED("x-a", EXACT(""))) }, { 0 }, false },
	{ "header missing, regex for all", { HEADERS(NAMED("x-a", REGEX(".*"))) }, { 0 }, false },
	{ "header there and empty, exact empty", { HEADERS(NAMED("x-a", EXACT(""))) }, { .headers = { { "x-a", "" } } }, true },
	{ "header presence", { HEADERS(NAMED("x-a", PRESENT)) }, { .headers = { { "x-a", "v" } } }, true },
	{ "header presence of an empty value (H 16)", { HEADERS(NAMED("x-a", PRESENT)) }, { .headers = { { "x-a", "" } } }, true },
	{ "header presence, missing", { HEADERS(NAMED("x-a", PRESENT)) }, { .headers = { { "x-b", "" } } }, false },
	{ "two lines, the first (H 16)", { HEADERS(NAMED("x-a", EXACT("1"))) }, { .headers = { { "x-a", "1" }, { "x-a", "2" } } }, true },
	{ "two lines, the second (H 16)", { HEADERS(NAMED("x-a", EXACT("2"))) }, { .headers = { { "x-a", "1" }, { "x-a", "2" } } }, true },
	{ "two lines are not joined (H 16)", { HEADERS(NAMED("x-a", EXACT("1,2"))) }, { .headers = { { "x-a", "1" }, { "x-a", "2" } } }, false },
	{ "a known header", { HEADERS(NAMED("user-agent", PREFIX("curl"))) }, { .headers = { { "user-agent", "curl/8" } } }, true },

	{ "without exact, missing (H 15)", { WITHOUT(NAMED("x-a", EXACT("1"))) }, { 0 }, true },
	{ "without exact, other (H 15)", { WITHOUT(NAMED("x-a", EXACT("1"))) }, { .headers = { { "x-a", "2" } } }, true },
	{ "without exact, that one (H 15)", { WITHOUT(NAMED("x-a", EXACT("1"))) }, { .headers = { { "x-a", "1" } } }, false },
	{ "without presence, there (H 15)", { WITHOUT(NAMED("x-a", PRESENT)) }, { .headers = { { "x-a", "" } } }, false },
	{ "without presence, missing", { WITHOUT(NAMED("x-a", PRESENT)) }, { 0 }, true },
	{ "without regex, missing counts as empty", { WITHOUT(NAMED("x-a", REGEX(".*"))) }, { 0 }, false },
	{ "without regex not matching empty, missing", { WITHOUT(NAMED("x-a", REGEX(".+"))) }, { 0 }, true },
	{ "without prefix empty, missing", { WITHOUT(NAMED("x-a", PREFIX(""))) }, { 0 }, false },
	{ "without exact empty, missing", { WITHOUT(NAMED("x-a", EXACT(""))) }, { 0 }, false },
	{ "without, second line (H 16)", { WITHOUT(NAMED("x-a", EXACT("2"))) }, { .headers = { { "x-a", "1" }, { "x-a", "2" } } }, false },

	{ "query exact", { QUERY(NAMED("a", EXACT("1"))) }, { .query = "b=2&a=1" }, true },
	{ "query, the first value (H 17)", { QUERY(NAMED("a", EXACT("1"))) }, { .query = "a=1&a=2" }, true },
	{ "query, not the second value", { QUERY(NAMED("a", EXACT("2"))) }, { .query = "a=1&a=2" }, false },
	{ "query is not decoded (H 17)", { QUERY(NAMED("a", EXACT("1"))) }, { .query = "a=%31" }, false },
	{ "query key case counts", { QUERY(NAMED("a", EXACT("1"))) }, { .query = "A=1" }, false },
	{ "query missing", { QUERY(NAMED("a", PREFIX("1"))) }, { .query = "ab=1" }, false },
	{ "query exact empty, ?e", { QUERY(NAMED("e", EXACT(""))) }, { .query = "e" }, true },
	{ "query exact empty, ?e=", { QUERY(NAMED("e", EXACT(""))) }, { .query = "e=" }, true },
	{ "query exact empty, missing", { QUERY(NAMED("e", EXACT(""))) }, { 0 }, false },
	{ "query presence", { QUERY(NAMED("e", PRESENT)) }, { .query = "e=5" }, true },
	{ "query presence, missing", { QUERY(NAMED("e", PRESENT)) }, { .query = "f=5" }, false },
	{ "query regex is anchored", { QUERY(NAMED("a", REGEX("x+"))) }, { .query = "a=xxy" }, false },

	{ "port", { .port = 80 }, { 0 }, true },
	{ "other port", { .port = 81 }, { 0 }, false },
	{ "source labels: all of them", { .source_labels = { labels_ab, 2 } }, { .client = &pod_abc }, true },
	{ "source labels: a later one", { .source_labels = { labels_b, 1 } }, { .client = &pod_ab }, true },
	{ "source labels: other value", { .source_labels = { labels_b_other, 1 } }, { .client = &pod_ab }, false },
	{ "source labels: not there", { .source_labels = { labels_d, 1 } }, { .client = &pod_ab }, false },
	{ "source labels: unknown client", { .source_labels = { labels_b, 1 } }, { 0 }, false },
	{ "source namespace", { .source_namespace = "x" }, { .client = &pod_ab }, true },
	{ "other source namespace", { .source_namespace = "x" }, { .client = &pod_abc }, false },
	{ "source namespace, unknown client", { .source_namespace = "x" }, { 0 }, false },

	{ "all conditions hold (H 18)", { .uri = PREFIX("/admin"), HEADERS(NAMED("x-role", EXACT("admin"))) }, { .path = "/admin/1", .headers = { { "x-role", "admin" } } }, true },
	{ "AND: the uri alone", { .uri = PREFIX("/admin"), HEADERS(NAMED("x-role", EXACT("admin"))) }, { .path = "/admin" }, false },
	{ "AND: the header alone", { .uri = PREFIX("/admin"), HEADERS(NAMED("x-role", EXACT("admin"))) }, { .path = "/", .headers = { { "x-role", "admin" } } }, false },
	{ "AND of a comparison and an expression", { .uri = REGEX("/a.*"), .method = EXACT("PUT") }, { .path = "/ab", .method = "GET" }, false },
};
/* clang-format on */

static void compile_named(const struct hdl_ir_named_match *m, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (m[i].match.kind == HDL_IR_MATCH_REGEX)
			assert_int_equal(hdl_re_compile(m[i].match.value, (struct hdl_re **)&m[i].match.re, NULL), 0);
}

static void compile_part(struct hdl_ir_string_match *m)
{
	if (m->kind == HDL_IR_MATCH_REGEX)
		assert_int_equal(hdl_re_compile(m->value, (struct hdl_re **)&m->re, NULL), 0);
}

static void prepare(struct hdl_ir_http_match *m)
{
	m->name = "";
	if (!m->source_namespace)
		m->source_namespace = "";
	compile_part(&m->uri);
	compile_part(&m->method);
	compile_part(&m->authority);
	compile_part(&m->scheme);
	compile_named(m->headers, m->header_count);
	compile_named(m->without_headers, m->without_header_count);
	compile_named(m->query, m->query_count);
}

static void release_named(const struct hdl_ir_named_match *m, size_t n)
{
	for (size_t i = 0; i < n; i++)
		hdl_re_free((struct hdl_re *)m[i].match.re);
}

static void release(struct hdl_ir_http_match *m)
{
	hdl_re_free((struct hdl_re *)m->uri.re);
	hdl_re_free((struct hdl_re *)m->method.re);
	hdl_re_free((struct hdl_re *)m->authority.re);
	hdl_re_free((struct hdl_re *)m->scheme.re);
	release_named(m->headers, m->header_count);
	release_named(m->without_headers, m->without_header_count);
	release_named(m->query, m->query_count);
}

static struct hdl_str or_else(const char *s, const char *otherwise)
{
	return hdl_str_of(s ? s : otherwise);
}

static const struct hdl_ir_http_route *ask(const struct hdl_ir_vhost *vhost, const struct request *r,
					   const struct hdl_ir_http_match **ret_match)
{
	struct hdl_route_client client = { .workload = r->client, .port = r->port ? r->port : 80 };
	struct hdl_http_head head = {
		.is_request = true,
		.method_text = or_else(r->method, "GET"),
		.path = or_else(r->path, "/"),
		.query = or_else(r->query, ""),
		.authority = or_else(r->authority, "s:80"),
		.scheme = or_else(r->scheme, ""),
	};
	struct hdl_http_header storage[8];

	head.method = hdl_http_method_of(head.method_text);
	hdl_http_headers_init(&head.headers, storage, HDL_ARRAY_SIZE(storage));
	for (size_t i = 0; i < HDL_ARRAY_SIZE(r->headers) && r->headers[i].name; i++)
		assert_int_equal(hdl_http_headers_add(&head.headers, hdl_str_of(r->headers[i].name),
						      hdl_str_of(r->headers[i].value)),
				 0);
	return hdl_route_match(vhost, &head, head.path, &client, ret_match);
}

static void blocks(void **state)
{
	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(rows); i++) {
		struct hdl_ir_http_route route = { .matches = &rows[i].match, .match_count = 1 };
		struct hdl_ir_vhost vhost = { .routes = &route, .route_count = 1 };
		const struct hdl_ir_http_match *match = NULL;
		const struct hdl_ir_http_route *found;

		prepare(&rows[i].match);
		found = ask(&vhost, &rows[i].request, &match);
		if ((found != NULL) != rows[i].matches)
			fail_msg("%s: %s", rows[i].what, found ? "matched" : "did not match");
		if (found)
			assert_ptr_equal(match, &rows[i].match);
		release(&rows[i].match);
	}
}

/* Blocks are ORed, the first rule in order wins, a rule without blocks takes the rest. */
static void order(void **state)
{
	struct hdl_ir_http_match or_blocks[] = {
		{ .uri = EXACT("/or"), .source_namespace = "" },
		{ HEADERS(NAMED("x-or", EXACT("1"))), .source_namespace = "" },
	};
	struct hdl_ir_http_match later[] = { { .uri = PREFIX("/or"), .source_namespace = "" } };
	struct hdl_ir_http_route routes[] = {
		{ .matches = or_blocks, .match_count = 2 },
		{ .matches = later, .match_count = 1 },
		{ 0 },
	};
	struct hdl_ir_vhost vhost = { .routes = routes, .route_count = 3 };
	const struct hdl_ir_http_match *match;

	(void)state;
	assert_ptr_equal(ask(&vhost, &(struct request){ .path = "/or" }, &match), &routes[0]);
	assert_ptr_equal(match, &or_blocks[0]);
	assert_ptr_equal(ask(&vhost, &(struct request){ .path = "/x", .headers = { { "x-or", "1" } } }, &match),
			 &routes[0]);
	assert_ptr_equal(match, &or_blocks[1]);
	assert_ptr_equal(ask(&vhost, &(struct request){ .path = "/orange" }, &match), &routes[1]);
	assert_ptr_equal(ask(&vhost, &(struct request){ .path = "/x" }, &match), &routes[2]);
	assert_null(match);
	assert_ptr_equal(ask(&vhost, &(struct request){ .path = "/x" }, NULL), &routes[2]);
	vhost.route_count = 2;
	assert_null(ask(&vhost, &(struct request){ .path = "/x" }, NULL));
}

/* A.4: who is excluded by every source filter gets the next rules; who is not, and matches nothing, gets 404. */
static void excluded_clients(void **state)
{
	struct hdl_ir_http_match own[] = {
		{ .uri = EXACT("/a"), .source_labels = { labels_b, 1 }, .source_namespace = "" },
		{ .uri = EXACT("/a"), .source_namespace = "y" },
	};
	struct hdl_ir_http_match of_second = { .source_namespace = "z" };
	struct hdl_ir_http_route first = { .matches = own, .match_count = 2 };
	struct hdl_ir_http_route second = { .matches = &of_second, .match_count = 1 }, rest = { 0 };
	struct hdl_ir_vhost last = { .routes = &rest, .route_count = 1 };
	struct hdl_ir_vhost middle = { .routes = &second, .route_count = 1, .otherwise = &last };
	struct hdl_ir_vhost vhost = { .routes = &first, .route_count = 1, .otherwise = &middle };
	const struct hdl_ir_workload in_y = { .ns = "y" }, in_z = { .ns = "z" }, in_w = { .ns = "w" };
	const struct hdl_ir_http_match *match;

	(void)state;
	assert_ptr_equal(ask(&vhost, &(struct request){ .path = "/a", .client = &pod_ab }, &match), &first);
	assert_ptr_equal(match, &own[0]);
	assert_null(ask(&vhost, &(struct request){ .path = "/b", .client = &pod_ab }, NULL));
	assert_null(ask(&vhost, &(struct request){ .path = "/b", .client = &in_y }, NULL));
	assert_ptr_equal(ask(&vhost, &(struct request){ .path = "/b", .client = &in_z }, &match), &second);
	assert_ptr_equal(match, &of_second);
	assert_ptr_equal(ask(&vhost, &(struct request){ .path = "/b", .client = &in_w }, &match), &rest);
	assert_null(match);
	assert_ptr_equal(ask(&vhost, &(struct request){ .path = "/a" }, NULL), &rest);
	middle.otherwise = NULL;
	assert_null(ask(&vhost, &(struct request){ .path = "/a" }, NULL));
}

static void fill(struct hdl_ir_destination *d, const uint32_t *weight, size_t n)
{
	uint64_t total = 0, sum = 0;

	for (size_t i = 0; i < n; i++)
		total += weight[i];
	for (size_t i = 0; i < n; i++) {
		sum += weight[i];
		d[i] = (struct hdl_ir_destination){ .weight = weight[i], .threshold = hdl_core_threshold(sum, total) };
	}
}

/* B.7 and H 22: exact shares at their borders; a weight of 0 never wins, not at the ends either. */
static void draw(void **state)
{
	static const struct {
		uint32_t weight[3];
		size_t n;
		uint32_t at;
		size_t wanted;
	} rows[] = {
		{ { 1, 3 }, 2, 0, 0 },
		{ { 1, 3 }, 2, 0x3fffffff, 0 },
		{ { 1, 3 }, 2, 0x40000000, 1 },
		{ { 1, 3 }, 2, 0xffffffff, 1 },
		{ { 0, 100 }, 2, 0, 1 },
		{ { 100, 0 }, 2, 0xffffffff, 0 },
		{ { 5, 0, 5 }, 3, 0x7fffffff, 0 },
		{ { 5, 0, 5 }, 3, 0x80000000, 2 },
		{ { 10, 10 }, 2, 0x7fffffff, 0 },
		{ { 200, 100 }, 2, 0xaaaaaaa9, 0 },
		{ { 200, 100 }, 2, 0xaaaaaaaa, 1 },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(rows); i++) {
		struct hdl_ir_destination d[3];
		struct hdl_ir_http_route route = { .destinations = d, .destination_count = rows[i].n };

		fill(d, rows[i].weight, rows[i].n);
		assert_ptr_equal(hdl_route_destination(&route, rows[i].at), &d[rows[i].wanted]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks),
		cmocka_unit_test(order),
		cmocka_unit_test(excluded_clients),
		cmocka_unit_test(draw),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
