/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and answers pass unchanged but for the headers of a proxy: framing, versions, order, virtual hosts (B.1). */
#include "lab.h"

static struct hdl_snapshot *configure(void)
{
	struct sb b = lab_builder();
	struct hdl_ir_cluster *one = lab_cluster(&b, "v1", 0, 0);

	sb_route(&b, "/none", NULL);
	sb_route(&b, "/empty", lab_cluster(&b, "empty", 0, -1));
	sb_route(&b, "/", one)->name = "default";
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

static void one_request(void **state)
{
	const char *line;

	(void)state;
	assert_int_equal(ask("/hello?x=1", "User-Agent: test\r\n"), 200);
	assert_true(response_has("x-backend: a"));
	assert_true(response_has("x-envoy-upstream-service-time: 0") || strstr(lab.response, "service-time: "));
	assert_non_null(strstr(response_body(), "GET /hello?x=1 HTTP/1.1\r\nhost: reviews\r\n"));
	assert_non_null(strstr(response_body(), "\r\nuser-agent: test\r\n"));
	assert_non_null(strstr(response_body(), "\r\nx-forwarded-for: 127.0.0.1\r\n"));
	assert_non_null(strstr(response_body(), "\r\nx-forwarded-proto: http\r\n"));
	assert_non_null(strstr(response_body(), "\r\nx-envoy-attempt-count: 1\r\n"));
	assert_non_null(strstr(response_body(), "\r\nx-request-id: "));
	assert_null(strstr(response_body(), "x-envoy-expected-rq-timeout-ms"));
	line = log_line(1);
	assert_non_null(strstr(line, "] \"GET /hello?x=1 HTTP/1.1\" 200 - via_upstream - \"-\" 0 "));
	assert_non_null(strstr(line, " \"127.0.0.1\" \"test\" \""));
	assert_non_null(strstr(line, "\" \"reviews\" \"127.0.0.1:"));
	assert_non_null(strstr(line, "outbound|"));
	assert_non_null(strstr(line, " - default"));
}

static void header_rules(void **state)
{
	(void)state;
	assert_int_equal(
		ask("/", "Connection: keep-alive, X-Secret\r\nX-Secret: 1\r\nKeep-Alive: 7\r\nTE: trailers, gzip\r\n"
			 "X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-For: 10.0.0.2\r\nX-Forwarded-Proto: https\r\n"
			 "X-Request-ID: mine\r\nx-envoy-max-retries: 9\r\nx-envoy-retry-on: 5xx\r\n"
			 "x-envoy-attempt-count: 77\r\nx-envoy-expected-rq-timeout-ms: 5\r\n"
			 "x-envoy-upstream-rq-timeout-alt-response: 1\r\nx-envoy-internal: true\r\n"
			 "X-App: Kept\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n"),
		200);
	assert_null(strstr(response_body(), "x-secret"));
	assert_null(strstr(response_body(), "keep-alive"));
	assert_null(strstr(response_body(), "upgrade"));
	assert_null(strstr(response_body(), "http2-settings"));
	assert_null(strstr(response_body(), "gzip"));
	assert_non_null(strstr(response_body(), "\r\nx-forwarded-for: 10.0.0.1,10.0.0.2,127.0.0.1\r\n"));
	assert_non_null(strstr(response_body(), "\r\nx-forwarded-proto: https\r\n"));
	assert_non_null(strstr(response_body(), "\r\nx-request-id: mine\r\n"));
	assert_non_null(strstr(response_body(), "\r\nx-app: Kept\r\n"));
	assert_non_null(strstr(response_body(), "\r\nx-envoy-attempt-count: 1\r\n"));
	assert_null(strstr(response_body(), "max-retries"));
	assert_null(strstr(response_body(), "retry-on"));
	assert_null(strstr(response_body(), "expected-rq"));
	assert_null(strstr(response_body(), "alt-response"));
	assert_null(strstr(response_body(), "x-envoy-internal"));
	assert_int_equal(ask("/", "x-do: hop\r\n"), 200);
	assert_null(strstr(lab.response, "x-private"));
	assert_null(strstr(lab.response, "keep-alive"));
	assert_true(response_has("server: backend"));
	assert_non_null(strstr(lab.response, "\r\ndate: "));
}

static void virtual_hosts(void **state)
{
	/* B.1, J 7: by Host; one that names nothing belongs to the service that was dialled. */
	static const char *const hosts[] = { "reviews", "REVIEWS.demo.svc.cluster.local", "reviews:1234", "other.com",
					     "a.test" };
	char text[256];
	int fd = dial();

	(void)state;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", hosts[i]);
		send_text(fd, text);
		assert_int_equal(receive(fd, false), 200);
		snprintf(text, sizeof(text), "\r\nhost: %s\r\n", hosts[i]);
		assert_non_null(strstr(response_body(), text));
	}
	/* A known host, no route; and what is no path. */
	close(fd);
	assert_int_equal(ask("/none", ""), 503);
	assert_string_equal(response_body(), "");
	assert_non_null(strstr(log_line(6), " 503 NC cluster_not_found "));
	assert_int_equal(ask("/empty", ""), 503);
	assert_string_equal(response_body(), "no healthy upstream");
	assert_true(response_has("content-type: text/plain"));
	assert_true(response_has("server: heddle"));
	assert_true(response_has("content-length: 19"));
	assert_non_null(strstr(log_line(7), " 503 UH no_healthy_upstream "));
	fd = dial();
	send_text(fd,
		  "OPTIONS * HTTP/1.1\r\nHost: reviews\r\n\r\nCONNECT reviews:80 HTTP/1.1\r\nHost: reviews\r\n\r\n");
	assert_int_equal(receive(fd, false), 404);
	assert_non_null(strstr(log_line(8), " 404 - absolute_path_rejected "));
	assert_int_equal(receive(fd, false), 404);
	assert_non_null(strstr(log_line(9), " 404 NR route_not_found "));
	close(fd);
}

static void paths(void **state)
{
	(void)state;
	assert_int_equal(ask("/a/../b%41/./c?q=/../%2e", ""), 200);
	assert_non_null(strstr(response_body(), "GET /bA/c?q=/../%2e HTTP/1.1\r\n"));
	assert_non_null(strstr(log_line(1), "\"GET /bA/c?q=/../%2e HTTP/1.1\" 200"));
	assert_int_equal(ask("/a%00b", ""), 400);
	assert_string_equal(response_body(), "");
	assert_true(response_has("connection: close"));
	assert_non_null(strstr(log_line(2), " 400 - path_normalization_failed "));
	/* Normalised before it is matched. */
	assert_int_equal(ask("/x/../none", ""), 503);
}

static void request_bodies(void **state)
{
	int fd = dial();

	(void)state;
	send_text(fd, "POST /p HTTP/1.1\r\nHost: reviews\r\nContent-Length: 5\r\n\r\nhello");
	assert_int_equal(receive(fd, false), 200);
	assert_non_null(strstr(response_body(), "\r\ncontent-length: 5\r\n"));
	assert_non_null(strstr(response_body(), "\r\n\r\nhello"));
	/* Chunked, with an extension and trailers: of these the forbidden one is dropped (J 4). */
	send_text(fd, "POST /p HTTP/1.1\r\nHost: reviews\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n");
	eventually(requests_of(0) == 1);
	send_text(fd, "6\r\n world\r\n0\r\nX-Sum: 1\r\nContent-Length: 3\r\n\r\n");
	assert_int_equal(receive(fd, false), 200);
	assert_non_null(strstr(response_body(), "\r\ntransfer-encoding: chunked\r\n"));
	assert_null(strstr(response_body(), "content-length"));
	assert_non_null(strstr(response_body(), "hello"));
	assert_non_null(strstr(response_body(), " world"));
	assert_non_null(strstr(response_body(), "\r\n0\r\nx-sum: 1\r\n\r\n"));
	send_text(fd, "PUT /p HTTP/1.1\r\nHost: reviews\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(receive(fd, false), 200);
	assert_non_null(strstr(response_body(), "\r\ncontent-length: 0\r\n"));
	assert_non_null(strstr(log_line(1), " via_upstream - \"-\" 5 "));
	assert_non_null(strstr(log_line(2), " via_upstream - \"-\" 11 "));
	close(fd);
	assert_int_equal(atomic_load(&lab.backend[0].connections), 1);
}

static void response_bodies(void **state)
{
	int fd = dial();

	(void)state;
	send_text(fd, "GET / HTTP/1.1\r\nHost: reviews\r\nx-do: chunked\r\n\r\n");
	assert_int_equal(receive(fd, false), 200);
	assert_true(response_has("transfer-encoding: chunked"));
	assert_non_null(strstr(response_body(), "hello"));
	assert_non_null(strstr(response_body(), "\r\n0\r\nx-sum: 11\r\n\r\n"));
	send_text(fd, "GET / HTTP/1.1\r\nHost: reviews\r\nx-do: until-close\r\n\r\n");
	assert_int_equal(receive(fd, false), 200);
	assert_true(response_has("transfer-encoding: chunked"));
	assert_string_equal(response_body(), "d\r\nuntil the end\r\n0\r\n\r\n");
	send_text(fd, "GET / HTTP/1.1\r\nHost: reviews\r\nx-do: no-content\r\n\r\n");
	assert_int_equal(receive(fd, false), 204);
	send_text(fd, "HEAD / HTTP/1.1\r\nHost: reviews\r\n\r\n");
	assert_int_equal(receive(fd, true), 200);
	assert_non_null(strstr(lab.response, "\r\ncontent-length: "));
	/* Still in step. */
	send_text(fd, "GET / HTTP/1.1\r\nHost: reviews\r\nx-do: big=3000000\r\n\r\n");
	{
		size_t total = 0;
		ssize_t n;
		char *p = lab.response;

		while (total < 3000000 && (n = recv(fd, p, 65536, 0)) > 0)
			total += (size_t)n;
		assert_true(total >= 3000000);
	}
	close(fd);
}

static void interim_answers(void **state)
{
	int fd = dial();

	(void)state;
	send_text(fd, "POST / HTTP/1.1\r\nHost: reviews\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
	assert_int_equal(receive(fd, false), 100);
	send_text(fd, "ok");
	assert_int_equal(receive(fd, false), 200);
	assert_non_null(strstr(response_body(), "\r\n\r\nok"));
	send_text(fd, "GET / HTTP/1.1\r\nHost: reviews\r\nx-do: interim\r\n\r\n");
	assert_int_equal(receive(fd, false), 103);
	assert_true(response_has("link: </a>"));
	assert_int_equal(receive(fd, false), 200);
	assert_string_equal(response_body(), "ok");
	close(fd);
}

static void http_1_0(void **state)
{
	int fd = dial();

	(void)state;
	/* J 3; without Host it is the dialled service, and the endpoint gets a Host. */
	send_text(fd, "GET / HTTP/1.0\r\n\r\n");
	assert_int_equal(receive(fd, false), 200);
	assert_non_null(strstr(lab.response, "HTTP/1.0 200 "));
	assert_non_null(strstr(response_body(), "GET / HTTP/1.1\r\nhost: reviews.demo.svc.cluster.local\r\n"));
	expect_closed(fd);
	close(fd);
	fd = dial();
	send_text(fd, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	assert_int_equal(receive(fd, false), 200);
	assert_true(response_has("connection: keep-alive"));
	send_text(fd, "GET / HTTP/1.0\r\nConnection: keep-alive\r\nx-do: chunked\r\n\r\n");
	assert_int_equal(receive(fd, false), 200);
	assert_string_equal(response_body(), "hello world"); /* no chunks for HTTP/1.0: ends with the connection */
	close(fd);
	fd = dial();
	send_text(fd, "GET / HTTP/1.0\r\nx-do: interim\r\n\r\n"); /* knows no 1xx */
	assert_int_equal(receive(fd, false), 200);
	close(fd);
	assert_non_null(strstr(log_line(1), "\"GET / HTTP/1.0\" 200 -"));
}

static void pipelining(void **state)
{
	static char text[60000];
	size_t at = 0;
	int fd = dial(), n = 300;

	(void)state;
	for (int i = 0; i < n; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at,
				       "POST /n%d HTTP/1.1\r\nHost: reviews\r\nContent-Length: 4\r\n\r\n%04d", i, i);
	send_text(fd, text);
	for (int i = 0; i < n; i++) {
		char wanted[64];

		assert_int_equal(receive(fd, false), 200);
		snprintf(wanted, sizeof(wanted), "POST /n%d HTTP/1.1\r\n", i);
		assert_non_null(strstr(response_body(), wanted));
		snprintf(wanted, sizeof(wanted), "\r\n\r\n%04d", i);
		assert_non_null(strstr(response_body(), wanted));
	}
	close(fd);
	assert_int_equal(requests_of(0), n);
	assert_int_equal(atomic_load(&lab.backend[0].connections), 1);
}

static void byte_by_byte(void **state)
{
	const char *text = "\r\nPOST /slow HTTP/1.1\r\nHost: reviews\r\nTransfer-Encoding: chunked\r\n\r\n"
			   "3\r\nabc\r\n0\r\nx-t: 1\r\n\r\n";
	int fd = dial(), one = 1;

	(void)state;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	for (const char *p = text; *p; p++)
		assert_true(send_all(fd, p, 1));
	assert_int_equal(receive(fd, false), 200);
	assert_non_null(strstr(response_body(), "abc"));
	assert_non_null(strstr(response_body(), "x-t: 1"));
	close(fd);
}

static void connections(void **state)
{
	int fd = dial();

	(void)state;
	send_text(fd, "GET / HTTP/1.1\r\nHost: reviews\r\nConnection: close\r\n\r\n");
	assert_int_equal(receive(fd, false), 200);
	assert_true(response_has("connection: close"));
	expect_closed(fd);
	close(fd);
	/* The endpoint closes after an answer: the client's connection stays. */
	fd = dial();
	send_text(fd, "GET / HTTP/1.1\r\nHost: reviews\r\nx-do: close-after\r\n\r\n");
	assert_int_equal(receive(fd, false), 200);
	assert_false(response_has("connection: close"));
	send_text(fd, "GET / HTTP/1.1\r\nHost: reviews\r\n\r\n");
	assert_int_equal(receive(fd, false), 200);
	close(fd);
	eventually(stat_of(downstream_connections_active) == 0);
}

static void websocket(void **state)
{
	char buf[16] = { 0 };
	int fd = dial();

	(void)state;
	send_text(fd,
		  "GET /ws HTTP/1.1\r\nHost: reviews\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nx-do: tunnel\r\n"
		  "Sec-WebSocket-Key: abc\r\n\r\n");
	assert_int_equal(receive(fd, false), 101);
	assert_true(response_has("upgrade: websocket"));
	assert_int_equal(read_until(fd, buf, 0, 2, NULL, 2), 2);
	assert_string_equal(buf, "hi");
	assert_non_null(strstr(lab.backend[0].last, "\r\nupgrade: websocket\r\n"));
	assert_non_null(strstr(lab.backend[0].last, "\r\nsec-websocket-key: abc\r\n"));
	for (int i = 0; i < 100; i++) {
		send_text(fd, "ping!");
		assert_int_equal(read_until(fd, buf, 0, 5, NULL, 5), 5);
		assert_string_equal(buf, "ping!");
	}
	close(fd);
	assert_non_null(strstr(log_line(1), "\"GET /ws HTTP/1.1\" 101 - via_upstream - \"-\" 500 502 "));
	/* Refused: the answer passes, the connection does not stay. */
	fd = dial();
	send_text(fd, "GET /ws HTTP/1.1\r\nHost: reviews\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nx-do: "
		      "status=403\r\n\r\n");
	assert_int_equal(receive(fd, false), 403);
	assert_true(response_has("connection: close"));
	assert_non_null(strstr(log_line(2), " 403 - websocket_handshake_unsuccessful "));
	close(fd);
	/* Nobody asked for it. */
	assert_int_equal(ask("/", "x-do: 101\r\n"), 502);
	assert_non_null(strstr(response_body(), "reset reason: protocol error"));
	assert_non_null(strstr(log_line(3), " 502 UPE upstream_reset_before_response_started{protocol_error} "));
}

/* Host processes: the client was led to the worker's own address, and the worker asks where it was going. */
static int start_local(void **state)
{
	lab_address = "127.0.0.1";
	return start(state);
}

static int stop_local(void **state)
{
	lab_address = "0.0.0.0";
	return stop(state);
}

static void rewritten_connect(void **state)
{
	int fd;

	(void)state;
	set_origin("127.0.0.2", lab.port);
	fd = dial_port("127.0.0.1", lab.port);
	send_text(fd, "GET / HTTP/1.1\r\nHost: other\r\n\r\n");
	assert_int_equal(receive(fd, false), 200);
	close(fd);
	/* the log shows what was dialled */
	assert_non_null(strstr(log_line(1), " 127.0.0.2:"));
	/* nobody knows */
	set_origin(NULL, 0);
	fd = dial_port("127.0.0.1", lab.port);
	expect_closed(fd);
	close(fd);
	eventually(stat_of(downstream_unknown_origin) == 1);
	/* no service there */
	set_origin("127.0.0.2", 1);
	fd = dial_port("127.0.0.1", lab.port);
	expect_closed(fd);
	close(fd);
	eventually(stat_of(downstream_unknown_origin) == 2);
	eventually(stat_of(downstream_connections_active) == 0);
}

/* Bodies that end just before, at and behind what is kept for another try: framing behind the limit is understood. */
static void chunked_at_the_limit(void **state)
{
	static const size_t sizes[] = { 65530, 65531, 65532, 65533, 65534, 65535, 65536, 65537, 65540, 70000 };
	static const size_t chunks[] = { 65535, 1023, 70000 };
	static const char head[] = "POST / HTTP/1.1\r\nHost: reviews\r\nTransfer-Encoding: chunked\r\n\r\n";
	static char text[300000];

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (size_t j = 0; j < sizeof(chunks) / sizeof(chunks[0]); j++) {
			size_t n = (size_t)snprintf(text, sizeof(text), "%s", head), at = 0;
			int fd = dial();

			while (at < sizes[i]) {
				size_t piece = sizes[i] - at < chunks[j] ? sizes[i] - at : chunks[j];

				n += (size_t)snprintf(text + n, sizeof(text) - n, "%zx\r\n", piece);
				memset(text + n, 'q', piece);
				memcpy(text + n + piece, "\r\n", 2);
				n += piece + 2;
				at += piece;
			}
			n += (size_t)snprintf(text + n, sizeof(text) - n, "0\r\nx-sum: 1\r\n\r\n");
			assert_true(send_all(fd, text, n));
			assert_int_equal(receive(fd, false), 200);
			assert_non_null(strstr(response_body(), "\r\nx-sum: 1\r\n\r\n"));
			close(fd);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_request, start, stop),
		cmocka_unit_test_setup_teardown(header_rules, start, stop),
		cmocka_unit_test_setup_teardown(virtual_hosts, start, stop),
		cmocka_unit_test_setup_teardown(paths, start, stop),
		cmocka_unit_test_setup_teardown(request_bodies, start, stop),
		cmocka_unit_test_setup_teardown(response_bodies, start, stop),
		cmocka_unit_test_setup_teardown(interim_answers, start, stop),
		cmocka_unit_test_setup_teardown(http_1_0, start, stop),
		cmocka_unit_test_setup_teardown(pipelining, start, stop),
		cmocka_unit_test_setup_teardown(byte_by_byte, start, stop),
		cmocka_unit_test_setup_teardown(connections, start, stop),
		cmocka_unit_test_setup_teardown(websocket, start, stop),
		cmocka_unit_test_setup_teardown(rewritten_connect, start_local, stop_local),
		cmocka_unit_test_setup_teardown(chunked_at_the_limit, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
