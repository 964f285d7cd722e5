/* SPDX-License-Identifier: Apache-2.0 */
/* Written heads, chunks and trailers: what is ours, what is forwarded, what is refused (RFC 9112; J.3, J.4; B.11). */
#include "unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "h1/parse.h"
#include "h1/serialize.h"

static struct hdl_http_header array[128];

static char *parse(const char *text, bool response, enum hdl_http_method method, struct hdl_http_head *head)
{
	struct hdl_h1_limits limits = HDL_H1_LIMITS_DEFAULT;
	struct hdl_h1_scan scan = { 0 };
	size_t n = strlen(text);
	char *data = strdup(text);

	assert_non_null(data);
	*head = (struct hdl_http_head){ .headers = { .v = array, .capacity = HDL_ARRAY_SIZE(array) } };
	assert_int_equal(response ? hdl_h1_parse_response(data, n, &scan, &limits, method, head) :
				    hdl_h1_parse_request(data, n, &scan, &limits, head),
			 n);
	return data;
}

/* Both writers, and every capacity below the needed one. */
static void assert_written(const struct hdl_http_head *head, const char *expected)
{
	size_t bound = hdl_h1_head_bytes_bound(head), need = strlen(expected), total = 0;
	char *buf = malloc(bound + 1), *scratch = malloc(bound), gathered[8192];
	struct hdl_str segments[64];
	int n = head->is_request ? hdl_h1_write_request(head, buf, bound) : hdl_h1_write_response(head, buf, bound);

	assert_in_range(n, 1, bound);
	buf[n] = 0;
	assert_string_equal(buf, expected);
	for (size_t capacity = 0; capacity < need; capacity++)
		assert_int_equal(head->is_request ? hdl_h1_write_request(head, buf, capacity) :
						    hdl_h1_write_response(head, buf, capacity),
				 -ENOSPC);
	n = hdl_h1_gather_head(head, scratch, bound, segments, HDL_ARRAY_SIZE(segments), &total);
	assert_in_range(n, 1, HDL_ARRAY_SIZE(segments));
	assert_int_equal(total, need);
	total = 0;
	for (int i = 0; i < n; i++) {
		memcpy(gathered + total, segments[i].p, segments[i].n);
		total += segments[i].n;
	}
	assert_int_equal(total, need);
	assert_memory_equal(gathered, expected, need);
	free(buf);
	free(scratch);
}

static void test_forward_request(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "GET /a?b HTTP/1.1\r\nHost: h\r\nUser-Agent: x\r\nAccept: */*\r\n\r\n",
		  "GET /a?b HTTP/1.1\r\nhost: h\r\nuser-agent: x\r\naccept: */*\r\n\r\n" },
		/* blanks around a value are not forwarded */
		{ "GET / HTTP/1.1\r\nA:b\r\nHost: h\r\nC:  d \r\nE: f\r\n\r\n",
		  "GET / HTTP/1.1\r\nhost: h\r\na: b\r\nc: d\r\ne: f\r\n\r\n" },
		{ "POST / HTTP/1.1\r\nHost: h\r\nX: 1\r\nContent-Length: 005\r\nY: 2\r\n\r\n",
		  "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\nx: 1\r\ny: 2\r\n\r\n" },
		{ "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: CHUNKED\r\nTrailer: x\r\n\r\n",
		  "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\ntrailer: x\r\n\r\n" },
		{ "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nKeep-Alive: 5\r\nProxy-Connection: x\r\n\r\n",
		  "GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n" },
		{ "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec: x\r\n\r\n",
		  "GET / HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec: x\r\n\r\n" },
		{ "GET http://z/p HTTP/1.1\r\nX: 1\r\nHost: h\r\nY: 2\r\n\r\n",
		  "GET /p HTTP/1.1\r\nhost: z\r\nx: 1\r\ny: 2\r\n\r\n" },
		{ "GET /? HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n",
		  "GET /? HTTP/1.0\r\nhost: h\r\nconnection: keep-alive\r\n\r\n" },
		{ "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "OPTIONS * HTTP/1.1\r\nhost: h\r\n\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(cases); i++) {
		struct hdl_http_head head;
		char *data = parse(cases[i].in, false, 0, &head);

		assert_written(&head, cases[i].out);
		free(data);
	}
}

/* Rewrites and header operations of the proxy between unchanged lines. */
static void test_changed_request(void **state)
{
	struct hdl_http_head head;
	char *data = parse("GET /old HTTP/1.1\r\nHost: h\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n\r\n", false, 0, &head);

	(void)state;
	head.path = HDL_STR("/new");
	head.has_query = true;
	head.query = HDL_STR("q");
	head.authority = HDL_STR("other:80");
	hdl_http_headers_remove(&head.headers, HDL_STR("b"));
	hdl_http_headers_set(&head.headers, HDL_STR("c"), HDL_STR("33"));
	hdl_http_headers_add(&head.headers, HDL_STR("x-request-id"), HDL_STR("u"));
	assert_written(&head,
		       "GET /new?q HTTP/1.1\r\nhost: other:80\r\na: 1\r\nc: 33\r\nd: 4\r\nx-request-id: u\r\n\r\n");
	free(data);
}

/* In a copied list lines may be neighbours that are none in the read buffer. */
static void test_copied_list(void **state)
{
	struct hdl_http_header copy[8];
	struct hdl_http_headers to = { .v = copy, .capacity = 8 };
	struct hdl_http_head head;
	char *data = parse("GET / HTTP/1.1\r\nHost: h\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n", false, 0, &head);

	(void)state;
	hdl_http_headers_remove(&head.headers, HDL_STR("b"));
	assert_int_equal(hdl_http_headers_copy(&head.headers, &to), 0);
	head.headers = to;
	assert_written(&head, "GET / HTTP/1.1\r\nhost: h\r\na: 1\r\nc: 3\r\n\r\n");
	free(data);
}

static void test_forward_response(void **state)
{
	static const struct {
		const char *in;
		enum hdl_http_method method;
		enum hdl_http_version client;
		const char *out;
	} cases[] = {
		{ "HTTP/1.1 200 Fine\r\nContent-Length: 2\r\nServer: x\r\n\r\n", HDL_HTTP_GET, HDL_HTTP_1_1,
		  "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nserver: x\r\n\r\n" },
		{ "HTTP/1.1 200 OK\r\nHost: kept\r\nContent-Length: 0\r\n\r\n", HDL_HTTP_GET, HDL_HTTP_1_1,
		  "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nhost: kept\r\n\r\n" },
		/* unknown length: chunked, or for HTTP/1.0 (J.3) until close */
		{ "HTTP/1.1 200 OK\r\nX: 1\r\n\r\n", HDL_HTTP_GET, HDL_HTTP_1_1,
		  "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nx: 1\r\n\r\n" },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", HDL_HTTP_GET, HDL_HTTP_1_0,
		  "HTTP/1.0 200 OK\r\nconnection: close\r\n\r\n" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", HDL_HTTP_GET, HDL_HTTP_1_0,
		  "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 3\r\n\r\n" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", HDL_HTTP_HEAD, HDL_HTTP_1_1,
		  "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n" },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", HDL_HTTP_HEAD, HDL_HTTP_1_1,
		  "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" },
		{ "HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n", HDL_HTTP_GET, HDL_HTTP_1_1,
		  "HTTP/1.1 304 Not Modified\r\ncontent-length: 3\r\n\r\n" },
		{ "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", HDL_HTTP_GET, HDL_HTTP_1_1,
		  "HTTP/1.1 204 No Content\r\n\r\n" },
		{ "HTTP/1.1 103 Early\r\nLink: x\r\n\r\n", HDL_HTTP_GET, HDL_HTTP_1_1,
		  "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" },
		{ "HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", HDL_HTTP_GET, HDL_HTTP_1_1,
		  "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n" },
		{ "HTTP/1.1 426 X\r\nConnection: upgrade\r\nUpgrade: TLS/1.0\r\nContent-Length: 0\r\n\r\n",
		  HDL_HTTP_GET, HDL_HTTP_1_1, "HTTP/1.1 426 Upgrade Required\r\ncontent-length: 0\r\n\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(cases); i++) {
		struct hdl_http_head head;
		char *data = parse(cases[i].in, true, cases[i].method, &head);

		head.keep_alive = true;
		hdl_h1_adapt_response(&head, cases[i].client);
		assert_written(&head, cases[i].out);
		free(data);
	}
}

/* Long runs and values are pointed to, not copied. */
static void test_gather(void **state)
{
	char request[4096], value[1024], scratch[256];
	struct hdl_str segments[8];
	struct hdl_http_head head;
	size_t total;
	char *data;
	int n;

	(void)state;
	memset(value, 'v', sizeof(value));
	value[sizeof(value) - 1] = 0;
	snprintf(request, sizeof(request), "GET / HTTP/1.1\r\nHost: h\r\nA: 1\r\nCookie: %s\r\n\r\n", value);
	data = parse(request, false, 0, &head);
	hdl_http_headers_add(&head.headers, HDL_STR("x-long"), (struct hdl_str){ value, 600 });
	n = hdl_h1_gather_head(&head, scratch, sizeof(scratch), segments, 8, &total);
	assert_int_equal(n, 5); /* ours, the run of two lines, name, value, end */
	assert_ptr_equal(segments[1].p, head.headers.v[1].name.p);
	assert_ptr_equal(segments[3].p, value);
	assert_int_equal(segments[4].n, 4);
	assert_int_equal(hdl_h1_gather_head(&head, scratch, sizeof(scratch), segments, 4, &total), -ENOSPC);
	assert_int_equal(hdl_h1_gather_head(&head, scratch, 20, segments, 8, &total), -ENOSPC);
	free(data);
	assert_written(&(struct hdl_http_head){ .status = 200, .keep_alive = true }, "HTTP/1.1 200 OK\r\n\r\n");
}

/* Nothing that a configuration or a rewrite puts in may split the message. */
static void test_refused(void **state)
{
	static const struct {
		struct hdl_str name, value;
	} fields[] = {
		{ HDL_STR("x"), HDL_STR("a\r\nb: c") }, { HDL_STR("x"), HDL_STR("a\nb") },
		{ HDL_STR("x"), HDL_STR("a\0b") },      { HDL_STR("x\r\ny"), HDL_STR("a") },
		{ HDL_STR("x y"), HDL_STR("a") },       { HDL_STR("x:"), HDL_STR("a") },
		{ HDL_STR(""), HDL_STR("a") },
	};
	static const struct hdl_str targets[] = { HDL_STR("/a b"), HDL_STR("/\r\nX: y"), HDL_STR("/\xe4"),
						  HDL_STR("") };
	struct hdl_http_head good = { .is_request = true,
				      .version = HDL_HTTP_1_1,
				      .method = HDL_HTTP_GET,
				      .keep_alive = true,
				      .path = HDL_STR("/"),
				      .authority = HDL_STR("h"),
				      .headers = { .v = array, .capacity = 4 } };
	struct hdl_http_head head;
	char buf[256];

	(void)state;
	assert_written(&good, "GET / HTTP/1.1\r\nhost: h\r\n\r\n");
	for (size_t i = 0; i < HDL_ARRAY_SIZE(fields); i++) {
		head = good;
		assert_int_equal(hdl_http_headers_add(&head.headers, fields[i].name, fields[i].value), 0);
		assert_int_equal(hdl_h1_write_request(&head, buf, sizeof(buf)), -EINVAL);
		assert_int_equal(hdl_h1_write_last_chunk(&head.headers, buf, sizeof(buf)), -EINVAL);
	}
	for (size_t i = 0; i < HDL_ARRAY_SIZE(targets); i++) {
		head = good;
		head.path = targets[i];
		assert_int_equal(hdl_h1_write_request(&head, buf, sizeof(buf)), -EINVAL);
		head = good;
		head.has_query = true;
		head.query = targets[i];
		if (targets[i].n > 0)
			assert_int_equal(hdl_h1_write_request(&head, buf, sizeof(buf)), -EINVAL);
	}
	head = good;
	head.authority = HDL_STR("h\r\nX: y");
	assert_int_equal(hdl_h1_write_request(&head, buf, sizeof(buf)), -EINVAL);
	head = good;
	head.method = HDL_HTTP_METHOD_UNKNOWN;
	assert_int_equal(hdl_h1_write_request(&head, buf, sizeof(buf)), -EINVAL);
	head = good;
	head.version = HDL_HTTP_1_0;
	head.framing = HDL_HTTP_BODY_CHUNKED;
	assert_int_equal(hdl_h1_write_request(&head, buf, sizeof(buf)), -EINVAL);
	assert_int_equal(hdl_h1_write_response(&good, buf, sizeof(buf)), -EINVAL);
	head = (struct hdl_http_head){ .status = 99 };
	assert_int_equal(hdl_h1_write_response(&head, buf, sizeof(buf)), -EINVAL);
}

static void test_chunks(void **state)
{
	static const struct {
		uint64_t n;
		const char *text;
	} cases[] = { { 1, "1\r\n" },
		      { 15, "f\r\n" },
		      { 16, "10\r\n" },
		      { 0x1a2b, "1a2b\r\n" },
		      { 0xffffffff, "ffffffff\r\n" },
		      { UINT64_MAX, "ffffffffffffffff\r\n" } };
	char buf[64];

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(cases); i++) {
		size_t n = hdl_h1_write_chunk_header(cases[i].n, buf);

		assert_int_equal(n, strlen(cases[i].text));
		assert_memory_equal(buf, cases[i].text, n);
	}
	assert_int_equal(hdl_h1_continue.n, strlen(hdl_h1_continue.p));
}

/* J.4, RFC 9110 6.5.1 */
static void test_last_chunk(void **state)
{
	struct hdl_http_header v[4];
	struct hdl_http_headers list;
	char buf[64];

	(void)state;
	hdl_http_headers_init(&list, v, 4);
	assert_int_equal(hdl_h1_write_last_chunk(NULL, buf, sizeof(buf)), 5);
	assert_memory_equal(buf, "0\r\n\r\n", 5);
	hdl_http_headers_add(&list, HDL_STR("x-sum"), HDL_STR("1"));
	hdl_http_headers_add(&list, HDL_STR("content-length"), HDL_STR("5"));
	assert_int_equal(hdl_h1_write_last_chunk(&list, buf, sizeof(buf)), 15);
	assert_memory_equal(buf, "0\r\nx-sum: 1\r\n\r\n", 15);
	assert_int_equal(hdl_h1_write_last_chunk(&list, buf, 14), -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forward_request),  cmocka_unit_test(test_changed_request),
		cmocka_unit_test(test_forward_response), cmocka_unit_test(test_copied_list),
		cmocka_unit_test(test_gather),           cmocka_unit_test(test_refused),
		cmocka_unit_test(test_chunks),           cmocka_unit_test(test_last_chunk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
