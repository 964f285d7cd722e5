/* SPDX-License-Identifier: Apache-2.0 */
/* Redirects, fixed answers, rewrites, header operations and CORS on the wire (specification B.3 to B.6, F.3). */
#include "lab.h"

#include "re/re.h"

#define LONG_BYTES 40000

static char long_value[LONG_BYTES + 1], large_body[600000];

static struct hdl_str text_of(struct sb *b, const char *s)
{
	return hdl_str_of(hdl_arena_strdup(b->s->arena, s));
}

/* "name: value" with commands in the value. */
static struct hdl_ir_header_value value_of(struct sb *b, const char *line)
{
	const char *colon = strstr(line, ": ");
	struct hdl_str all = text_of(b, line),
		       rest = { all.p + (colon - line) + 2, all.n - (size_t)(colon - line) - 2 };
	struct hdl_subst_part *parts = sb_alloc(b, 8 * sizeof(*parts));
	struct hdl_ir_header_value v = { .name = { all.p, (size_t)(colon - line) }, .parts = parts };

	while (hdl_subst_next(&rest, &parts[v.part_count], NULL) > 0)
		v.part_count++;
	return v;
}

/* Lines separated by "|". */
static struct hdl_ir_header_value *values_of(struct sb *b, const char *lines, size_t *n)
{
	struct hdl_ir_header_value *list = sb_alloc(b, 200 * sizeof(*list));
	char *copy = hdl_arena_strdup(b->s->arena, lines), *save = NULL;

	for (char *line = strtok_r(copy, "|", &save); line; line = strtok_r(NULL, "|", &save))
		list[(*n)++] = value_of(b, line);
	return list;
}

static struct hdl_ir_header_ops ops_of(struct sb *b, const char *remove, const char *set, const char *add)
{
	struct hdl_str *names = sb_alloc(b, sizeof(*names));
	struct hdl_ir_header_ops ops = { 0 };

	*names = text_of(b, remove);
	ops.remove = names;
	ops.remove_count = *remove != '\0';
	ops.set = values_of(b, set, &ops.set_count);
	ops.add = values_of(b, add, &ops.add_count);
	return ops;
}

static struct hdl_ir_headers *headers_of(struct sb *b, struct hdl_ir_header_ops request,
					 struct hdl_ir_header_ops response, const char *host)
{
	struct hdl_ir_headers *h = sb_alloc(b, sizeof(*h));

	*h = (struct hdl_ir_headers){ .request = request, .response = response, .host = host };
	return h;
}

static void redirect_to(struct sb *b, const char *prefix, struct hdl_ir_redirect redirect)
{
	struct hdl_ir_http_route *r = sb_route(b, prefix, NULL);
	struct hdl_ir_redirect *copy = sb_alloc(b, sizeof(*copy));

	*copy = redirect;
	r->redirect = copy;
	r->destination_count = 0;
	r->headers = headers_of(b, ops_of(b, "", "", ""), ops_of(b, "", "x-set: %RESPONSE_CODE%", ""), "");
}

static struct hdl_ir_http_route *direct(struct sb *b, const char *prefix, uint16_t status, struct hdl_str body)
{
	struct hdl_ir_http_route *r = sb_route(b, prefix, NULL);
	struct hdl_ir_direct_response *d = sb_alloc(b, sizeof(*d));

	*d = (struct hdl_ir_direct_response){ status, body };
	r->direct_response = d;
	r->destination_count = 0;
	return r;
}

static void rewrite_to(struct sb *b, const char *prefix, const struct hdl_ir_cluster *c, const char *text)
{
	sb_route(b, prefix, c)->rewrite = (struct hdl_ir_path_change){ HDL_IR_PATH_MATCHED, hdl_str_of(text), NULL };
}

static void free_re(void *re)
{
	hdl_re_free(re);
}

static void regex_to(struct sb *b, const char *prefix, const struct hdl_ir_cluster *c, const char *pattern,
		     const char *text)
{
	struct hdl_re *re = NULL;

	assert_int_equal(hdl_re_compile(hdl_str_of(pattern), &re, NULL), 0);
	assert_int_equal(hdl_snapshot_own(b->s, re, free_re), 0);
	sb_route(b, prefix, c)->rewrite = (struct hdl_ir_path_change){ HDL_IR_PATH_REGEX, hdl_str_of(text), re };
}

static void cors(struct sb *b, struct hdl_ir_http_route *r, bool ignore)
{
	static const struct hdl_ir_string_match origin = { .kind = HDL_IR_MATCH_EXACT,
							   .value = { "https://a.example", 17 } };
	struct hdl_ir_cors *c = sb_alloc(b, sizeof(*c));

	*c = (struct hdl_ir_cors){ .origins = &origin,
				   .origin_count = 1,
				   .ignore_unmatched = ignore,
				   .methods = HDL_STR("GET,PUT"),
				   .headers = HDL_STR("x-a"),
				   .expose = HDL_STR("x-b"),
				   .max_age = HDL_STR("60") };
	r->cors = c;
}

static void weighted(struct sb *b, const struct hdl_ir_cluster *c, struct hdl_ir_http_route *r)
{
	struct hdl_ir_destination *d;

	sb_split(r, c, 1, c, 0);
	d = (struct hdl_ir_destination *)(uintptr_t)r->destinations;
	d[0].headers = headers_of(b, ops_of(b, "x-out", "x-level: destination|x-only: 1", "x-add: one"),
				  ops_of(b, "", "x-level: destination", ""), "destination.test");
	r->headers =
		headers_of(b, ops_of(b, "", "x-level: route", "x-add: two"), ops_of(b, "", "x-level: route", ""), "");
}

static void header_routes(struct sb *b, const struct hdl_ir_cluster *c)
{
	struct hdl_ir_http_route *r = sb_route(b, "/ops", c);
	char many[8000] = "";
	size_t n = 0;

	r->headers = headers_of(
		b,
		ops_of(b, "x-out", "x-set: new|x-path: %REQ(:path)%|x-empty: %REQ(none)%|x-seen: %REQ(x-out)%",
		       "x-set: more|accept: text/x|x-add: %REQ(x-set)%"),
		ops_of(b, "x-backend", "x-set: %UPSTREAM_CLUSTER%|server: mine", "x-code: %RESPONSE_CODE%"), "");
	weighted(b, c, sb_route(b, "/weighted", c));
	for (int i = 0; i < 150; i++)
		n += (size_t)snprintf(many + n, sizeof(many) - n, "x-many-%d: %d|", i, i);
	r = sb_route(b, "/many", c);
	r->headers = headers_of(b, ops_of(b, "", many, ""), ops_of(b, "", many, ""), "");
	memset(long_value, 'v', LONG_BYTES);
	r = sb_route(b, "/long", c);
	r->headers = headers_of(b, ops_of(b, "", "x-first: %REQ(x-long)%|x-second: %REQ(x-long)%|x-third: 3", ""),
				ops_of(b, "", "", ""), "");
	r = sb_route(b, "/host", c);
	r->headers = headers_of(b, ops_of(b, "", "", ""), ops_of(b, "", "", ""), "other.test");
	r->rewrite = (struct hdl_ir_path_change){ HDL_IR_PATH_MATCHED, HDL_STR("/h2"), NULL };
}

static void unresolved(struct sb *b)
{
	struct hdl_ir_destination *d;

	d = (struct hdl_ir_destination *)(uintptr_t)sb_route(b, "/unresolved", NULL)->destinations;
	d->unresolved = true;
}

static struct hdl_snapshot *configure(void)
{
	struct sb b = lab_builder();
	struct hdl_ir_cluster *one = lab_cluster(&b, "one", 0, 0);
	struct hdl_ir_http_route *r;

	redirect_to(&b, "/to-https", (struct hdl_ir_redirect){ .status = 301, .scheme = "https", .host = "" });
	redirect_to(&b, "/to-uri",
		    (struct hdl_ir_redirect){ .status = 308,
					      .scheme = "",
					      .host = "o.test",
					      .path = { HDL_IR_PATH_WHOLE, HDL_STR("/y"), NULL } });
	memset(large_body, 'b', sizeof(large_body));
	direct(&b, "/teapot", 418, HDL_STR("short\n"));
	direct(&b, "/empty", 403, HDL_STR(""));
	direct(&b, "/found", 302, HDL_STR(""));
	direct(&b, "/large", 200, (struct hdl_str){ large_body, sizeof(large_body) });
	rewrite_to(&b, "/api", one, "/v2");
	regex_to(&b, "/regex", one, "a", "<\\0>");
	regex_to(&b, "/grow", one, "x", "0123456789012345678901234567890123456789");
	header_routes(&b, one);
	r = sb_route(&b, "/cors", one);
	r->headers = headers_of(&b, ops_of(&b, "", "origin: https://changed.example", ""),
				ops_of(&b, "", "x-ops: 1|access-control-allow-origin: nonsense", ""), "");
	cors(&b, r, false);
	cors(&b, sb_route(&b, "/ignore", one), true);
	cors(&b, direct(&b, "/local", 418, HDL_STR("x")), false);
	sb_route(&b, "/abort", one)->fault = (struct hdl_ir_fault){ .abort_per_million = 1000000, .abort_grpc = 14 };
	unresolved(&b);
	sb_route(&b, "", one);
	return lab_finish(&b);
}

static int start(void **state)
{
	(void)state;
	lab_start(configure);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	lab_stop();
	return 0;
}

/* A whole request on a connection of its own; kept: whether another one may follow. Status. */
static int send_request(const char *text, bool head_request, bool kept)
{
	int fd = dial(), status;

	send_text(fd, text);
	status = receive(fd, head_request);
	if (kept) {
		size_t bytes = lab.response_bytes;
		char *copy = malloc(bytes + 1);

		memcpy(copy, lab.response, bytes + 1);
		send_text(fd, "GET /plain HTTP/1.1\r\nHost: reviews\r\n\r\n");
		assert_int_equal(receive(fd, false), 200);
		memcpy(lab.response, copy, bytes + 1);
		free(copy);
	} else {
		expect_closed(fd);
	}
	close(fd);
	return status;
}

static bool sent_upstream(const char *line)
{
	char needle[256];

	snprintf(needle, sizeof(needle), "\r\n%s\r\n", line);
	return strstr(response_body(), needle) != NULL;
}

static int count_upstream(const char *text)
{
	int n = 0;

	for (const char *p = response_body(); (p = strstr(p, text)); p++)
		n++;
	return n;
}

static void redirects(void **state)
{
	(void)state;
	assert_int_equal(ask("/to-https/x?q=1", ""), 301);
	assert_true(response_has("location: https://reviews/to-https/x?q=1"));
	assert_true(response_has("content-length: 0"));
	assert_true(response_has("server: heddle"));
	assert_true(response_has("x-set: 301")); /* the route's own operations */
	assert_string_equal(response_body(), "");
	assert_int_equal(ask("/to-uri?q=1", "x-forwarded-proto: https\r\n"), 308);
	assert_true(response_has("location: https://o.test/y?q=1"));
	assert_int_equal(send_request("HEAD /to-https HTTP/1.1\r\nHost: reviews:80\r\n\r\n", true, true), 301);
	assert_true(response_has("location: https://reviews/to-https"));
	assert_true(response_has("transfer-encoding: chunked"));
	/* the rest of the body was not read: B.11 */
	assert_int_equal(
		send_request("POST /to-uri HTTP/1.1\r\nHost: reviews\r\nContent-Length: 5\r\n\r\n", false, false), 308);
	assert_int_equal(all_requests(), 1); /* only /plain */
	/* "https:///to-https" would lead to the host "to-https" */
	assert_int_equal(send_request("GET /to-https HTTP/1.1\r\nHost:\r\n\r\n", false, false), 400);
	assert_false(strstr(lab.response, "location") != NULL);
	assert_int_equal(stat_of(redirects), 4);
	assert_non_null(strstr(log_line(1), "\"GET /to-https/x?q=1 HTTP/1.1\" 301 - direct_response -"));
	assert_non_null(strstr(log_line(1), " 0 0 ")); /* no body either way */
}

static void fixed_answers(void **state)
{
	(void)state;
	assert_int_equal(send_request("GET /teapot HTTP/1.1\r\nHost: reviews\r\n\r\n", false, true), 418);
	assert_true(response_has("content-type: text/plain"));
	assert_true(response_has("content-length: 6"));
	assert_int_equal(send_request("HEAD /teapot HTTP/1.1\r\nHost: reviews\r\n\r\n", true, true), 418);
	assert_true(response_has("content-length: 6"));
	assert_string_equal(response_body(), "");
	assert_int_equal(ask("/empty", ""), 403);
	assert_true(response_has("content-length: 0"));
	assert_false(strstr(lab.response, "content-type") != NULL);
	assert_int_equal(ask("/found?a=b", ""), 302);
	assert_true(response_has("location: http://reviews/found?a=b"));
	assert_int_equal(ask("/large", ""), 200);
	assert_int_equal(strlen(response_body()), sizeof(large_body));
	assert_memory_equal(response_body(), large_body, sizeof(large_body));
	assert_int_equal(stat_of(direct_responses), 5);
	assert_non_null(strstr(log_line(1), "\"GET /teapot HTTP/1.1\" 418 - direct_response -"));
	/* a gRPC client understands only its own answers */
	assert_int_equal(ask("/teapot", "content-type: application/grpc\r\n"), 200);
	assert_true(response_has("grpc-status: 2"));
	assert_true(response_has("grpc-message: short%0A"));
}

static void rewrites(void **state)
{
	(void)state;
	assert_int_equal(ask("/api/x?q=1", "x-envoy-original-path: /faked\r\n"), 200);
	assert_memory_equal(response_body(), "GET /v2/x?q=1 HTTP/1.1\r\n", 24);
	assert_true(sent_upstream("x-envoy-original-path: /api/x?q=1"));
	assert_int_equal(ask("/api/../api/%78", ""), 200); /* behind normalisation */
	assert_memory_equal(response_body(), "GET /v2/x HTTP/1.1\r\n", 20);
	assert_true(sent_upstream("x-envoy-original-path: /api/x"));
	assert_int_equal(ask("/regex/a/ba?a", ""), 200);
	assert_memory_equal(response_body(), "GET /regex/<a>/b<a>?a HTTP/1.1\r\n", 31);
	assert_int_equal(ask("/regex/b", ""), 200);
	assert_memory_equal(response_body(), "GET /regex/b HTTP/1.1\r\n", 23);
	assert_true(sent_upstream("x-envoy-original-path: /regex/b"));
	assert_non_null(strstr(log_line(1), "\"GET /api/x?q=1 HTTP/1.1\" 200"));
	assert_int_equal(ask("/plain", "x-envoy-original-host: faked\r\n"), 200);
	assert_int_equal(count_upstream("faked"), 0);
	assert_int_equal(ask("/host/x", ""), 200);
	assert_memory_equal(response_body(), "GET /h2/x HTTP/1.1\r\nhost: other.test\r\n", 38);
	assert_true(sent_upstream("x-envoy-original-host: reviews"));
	assert_int_equal(count_upstream("host: "), 2);
}

/* A path that a rule makes too long is answered, and counted. */
static void rewritten_too_long(void **state)
{
	static char path[3000];

	(void)state;
	snprintf(path, sizeof(path), "/grow/");
	memset(path + 6, 'x', 2900);
	assert_int_equal(ask(path, ""), 500);
	assert_int_equal(stat_of(limit_rewritten_path), 1);
	assert_non_null(strstr(log_line(1), " 500 - rewritten_path_too_long -"));
	path[1000] = '\0';
	assert_int_equal(ask(path, ""), 200);
	assert_int_equal(stat_of(limit_rewritten_path), 1);
}

static void header_operations(void **state)
{
	(void)state;
	assert_int_equal(ask("/ops?q", "x-out: 1\r\nX-Out: 2\r\nx-set: old\r\naccept: a/b\r\n"), 200);
	assert_false(count_upstream("x-out") > 0);
	assert_true(sent_upstream("x-path: /ops?q"));
	assert_true(sent_upstream("x-set: new"));
	assert_true(sent_upstream("x-set: more")); /* a line of its own */
	assert_int_equal(count_upstream("x-set: "), 2);
	assert_true(sent_upstream("accept: a/b,text/x"));
	assert_true(sent_upstream("x-add: old")); /* of what came, not of what was set */
	assert_int_equal(count_upstream("x-empty"), 0);
	assert_int_equal(count_upstream("x-seen"), 0); /* the removal came first */
	assert_false(strstr(lab.response, "\r\nx-backend:") != NULL);
	assert_true(response_has("x-code: 200"));
	assert_true(response_has("server: mine"));
	assert_non_null(strstr(lab.response, "\r\nx-set: outbound|"));
	assert_non_null(strstr(lab.response, "|one|reviews.demo.svc.cluster.local;\r\n"));
}

/* B.5: with several destinations the destination's come first, so that the route's set wins. */
static void levels(void **state)
{
	(void)state;
	assert_int_equal(ask("/weighted", "x-out: 1\r\nx-level: client\r\n"), 200);
	assert_true(sent_upstream("x-level: route"));
	assert_int_equal(count_upstream("x-level"), 1);
	assert_true(sent_upstream("x-only: 1"));
	assert_true(sent_upstream("x-add: one"));
	assert_true(sent_upstream("x-add: two"));
	assert_int_equal(count_upstream("x-out"), 0);
	assert_true(sent_upstream("host: destination.test"));
	assert_true(response_has("x-level: route"));
	/* an answer of our own has them too */
	assert_int_equal(ask("/weighted", "x-do: close\r\n"), 503);
	assert_true(response_has("x-level: route"));
}

/* More lines than a list of the stream holds by itself, and values over what is allowed. */
static void limits_of_operations(void **state)
{
	static char header[20000];

	(void)state;
	assert_int_equal(ask("/many", ""), 200);
	assert_int_equal(count_upstream("x-many-"), 150);
	assert_true(sent_upstream("x-many-149: 149"));
	assert_true(response_has("x-many-149: 149"));
	assert_int_equal(stat_of(limit_header_values), 0);
	memset(header, 'v', sizeof(header));
	memcpy(header, "x-long: ", 8);
	memcpy(header + 7900, "\r\n", 3);
	for (int i = 0; i < 3; i++) {
		char request[32000];
		int n = snprintf(request, sizeof(request), "GET /long HTTP/1.1\r\nHost: reviews\r\n");

		/* i + 1 lines, joined in each value */
		for (int k = 0; k < (i == 2 ? 4 : 1); k++)
			n += snprintf(request + n, sizeof(request) - (size_t)n, "%s", header);
		snprintf(request + n, sizeof(request) - (size_t)n, "\r\n");
		assert_int_equal(send_request(request, false, true), 200);
		assert_true(sent_upstream("x-third: 3"));
		assert_int_equal(count_upstream("x-first"), 1);
		assert_int_equal(count_upstream("x-second"), i < 2);
	}
	assert_int_equal(stat_of(limit_header_values), 1);
}

#define PREFLIGHT "Origin: https://a.example\r\nAccess-Control-Request-Method: PUT\r\n"
#define STRANGE "Origin: https://nobody.example\r\nAccess-Control-Request-Method: PUT\r\n"

static int options(const char *path, const char *headers)
{
	char text[512];

	snprintf(text, sizeof(text), "OPTIONS %s HTTP/1.1\r\nHost: reviews\r\n%s\r\n", path, headers);
	return send_request(text, false, true);
}

static void cors_requests(void **state)
{
	(void)state;
	assert_int_equal(options("/cors", PREFLIGHT), 200);
	assert_string_equal(response_body(), "");
	assert_true(response_has("access-control-allow-origin: https://a.example"));
	assert_true(response_has("access-control-allow-methods: GET,PUT"));
	assert_true(response_has("access-control-allow-headers: x-a"));
	assert_true(response_has("access-control-expose-headers: x-b"));
	assert_true(response_has("access-control-max-age: 60"));
	assert_null(strstr(lab.response, "x-ops")); /* the filter answers before the router */
	assert_int_equal(requests_of(0), 1);        /* only /plain */
	assert_non_null(strstr(log_line(1), "\"OPTIONS /cors HTTP/1.1\" 200 - cors_response -"));
	assert_int_equal(ask("/cors", "Origin: https://a.example\r\n"), 200);
	assert_true(response_has("access-control-allow-origin: https://a.example")); /* over the operations */
	assert_null(strstr(lab.response, "nonsense"));
	assert_true(sent_upstream("origin: https://changed.example"));
	assert_int_equal(ask("/cors", "Origin: https://nobody.example\r\n"), 200);
	assert_true(response_has("access-control-allow-origin: nonsense"));
	assert_int_equal(options("/cors", STRANGE), 200); /* FORWARD */
	assert_memory_equal(response_body(), "OPTIONS /cors", 13);
	assert_int_equal(options("/ignore", STRANGE), 200);
	assert_string_equal(response_body(), "");
	assert_null(strstr(lab.response, "allow-origin"));
	assert_true(response_has("access-control-allow-methods: GET,PUT"));
	assert_int_equal(ask("/local", "Origin: https://a.example\r\n"), 418);
	assert_true(response_has("access-control-allow-origin: https://a.example"));
	assert_int_equal(stat_of(cors_preflights), 2);
}

/* B.5: also on the answer to an upgrade, and on the request for it. */
static void upgrade(void **state)
{
	int fd = dial();

	(void)state;
	send_text(fd, "GET /ops HTTP/1.1\r\nHost: reviews\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
		      "x-do: 101\r\n\r\n");
	assert_int_equal(receive(fd, true), 101);
	assert_true(response_has("x-code: 101"));
	assert_true(response_has("upgrade: websocket"));
	assert_non_null(strstr(lab.backend[0].last, "x-set: new"));
	close(fd);
	eventually(stat_of(downstream_requests_active) == 0);
}

static void other_answers(void **state)
{
	(void)state;
	/* B.10: the status is for gRPC only */
	assert_int_equal(ask("/abort", "content-type: application/grpc\r\n"), 200);
	assert_true(response_has("grpc-status: 14"));
	assert_true(response_has("grpc-message: fault filter abort"));
	assert_int_equal(ask("/abort", ""), 200);
	assert_string_equal(response_body(), "fault filter abort");
	/* F.3, F.8 */
	assert_int_equal(ask("/unresolved", ""), 500);
	assert_non_null(strstr(log_line(3), "\" 500 NC cluster_not_found -"));
	assert_int_equal(ask("/unresolved", "content-type: application/grpc\r\n"), 200);
	assert_true(response_has("grpc-status: 14"));
	assert_int_equal(all_requests(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(redirects, start, stop),
		cmocka_unit_test_setup_teardown(fixed_answers, start, stop),
		cmocka_unit_test_setup_teardown(rewrites, start, stop),
		cmocka_unit_test_setup_teardown(rewritten_too_long, start, stop),
		cmocka_unit_test_setup_teardown(header_operations, start, stop),
		cmocka_unit_test_setup_teardown(levels, start, stop),
		cmocka_unit_test_setup_teardown(limits_of_operations, start, stop),
		cmocka_unit_test_setup_teardown(cors_requests, start, stop),
		cmocka_unit_test_setup_teardown(other_answers, start, stop),
		cmocka_unit_test_setup_teardown(upgrade, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
