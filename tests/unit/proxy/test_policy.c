/* SPDX-License-Identifier: Apache-2.0 */
/* Retries, timeouts, faults, mirrors, weights and ejection, counted at the server (specification B.7 to B.11, C.7). */
#include "lab.h"

#include "health/outlier.h"

#define MS 1000000ull

static const uint16_t codes[] = { 418 };
static uint16_t dead_port;

/* A port that refuses. */
static uint16_t closed_port(void)
{
	struct hdl_endpoint_addr at = { sb_addr("127.0.0.1"), 0 };
	struct hdl_listen_options options = { 0 };
	struct hdl_err err;
	int fd = hdl_listen(&at, &options, &err);

	assert_true(fd >= 0);
	assert_int_equal(hdl_sock_local(fd, &at), 0);
	close(fd);
	return at.port;
}

/* Istio's default policy. */
static void default_retries(struct hdl_ir_http_route *r)
{
	r->retry.attempts = 2;
	r->retry.on = HDL_IR_RETRY_CONNECT_FAILURE | HDL_IR_RETRY_REFUSED_STREAM | HDL_IR_RETRY_GRPC_UNAVAILABLE |
		      HDL_IR_RETRY_GRPC_CANCELLED | HDL_IR_RETRY_STATUS_CODES;
}

static void retries(struct hdl_ir_http_route *r, uint32_t attempts, uint32_t on)
{
	r->retry.attempts = attempts;
	r->retry.on = on;
	r->retry.codes = codes;
	r->retry.code_count = 1;
	r->retry.backoff_ns = MS;
}

static struct hdl_ir_cluster *dead_cluster(struct sb *b, const char *subset)
{
	struct hdl_ir_cluster *c = sb_cluster(b, subset);

	sb_endpoint(b, c, "127.0.0.1", dead_port, "dead");
	return c;
}

static struct hdl_snapshot *configure(void)
{
	struct sb b = lab_builder();
	struct hdl_ir_cluster *one, *two, *mirror, *dead, *half;
	struct hdl_ir_http_route *r;

	dead_port = dead_port ? dead_port : closed_port();
	one = lab_cluster(&b, "one", 0, 0);
	two = lab_cluster(&b, "two", 0, 1);
	mirror = lab_cluster(&b, "mirror", 2, 2);
	dead = dead_cluster(&b, "dead");
	half = lab_cluster(&b, "half", 0, 0);
	sb_endpoint(&b, half, "127.0.0.1", dead_port, "dead");

	r = sb_route(&b, "/default", one);
	default_retries(r);
	r->name = "default";
	default_retries(sb_route(&b, "/dead", dead));
	sb_route(&b, "/off", dead);
	default_retries(sb_route(&b, "/half", half));
	retries(sb_route(&b, "/5xx", one), 3, HDL_IR_RETRY_5XX);
	retries(sb_route(&b, "/two5xx", two), 1, HDL_IR_RETRY_5XX);
	retries(sb_route(&b, "/gateway", one), 2, HDL_IR_RETRY_GATEWAY_ERROR);
	retries(sb_route(&b, "/4xx", one), 2, HDL_IR_RETRY_RETRIABLE_4XX);
	retries(sb_route(&b, "/codes", one), 2, HDL_IR_RETRY_STATUS_CODES);
	retries(sb_route(&b, "/before", one), 2, HDL_IR_RETRY_RESET_BEFORE_REQUEST);
	retries(sb_route(&b, "/reset", one), 2, HDL_IR_RETRY_RESET);
	r = sb_route(&b, "/pertry", one);
	retries(r, 2, HDL_IR_RETRY_5XX);
	r->retry.per_try_timeout_ns = 60 * MS;
	r = sb_route(&b, "/trydefault", one);
	default_retries(r);
	r->retry.per_try_timeout_ns = 60 * MS;
	r = sb_route(&b, "/timeout", one);
	r->timeout_ns = 100 * MS;
	r = sb_route(&b, "/capped", one);
	retries(r, 10, HDL_IR_RETRY_5XX);
	r->retry.per_try_timeout_ns = 60 * MS;
	r->timeout_ns = 150 * MS;
	r = sb_route(&b, "/abort", one);
	r->fault = (struct hdl_ir_fault){ .abort_per_million = 1000000, .abort_status = 503 };
	default_retries(r);
	sb_route(&b, "/bad", one)->fault = (struct hdl_ir_fault){ .abort_per_million = 1000000, .abort_status = 400 };
	r = sb_route(&b, "/delay", one);
	r->fault = (struct hdl_ir_fault){ .delay_per_million = 1000000, .delay_ns = 150 * MS };
	r->timeout_ns = 100 * MS;
	sb_route(&b, "/both", one)->fault = (struct hdl_ir_fault){
		.delay_per_million = 1000000, .delay_ns = 50 * MS, .abort_per_million = 1000000, .abort_status = 418
	};
	sb_mirror(&b, sb_route(&b, "/mirrorall", one), mirror, 1000000);
	sb_mirror(&b, sb_route(&b, "/mirrorsome", one), mirror, 200000);
	sb_mirror(&b, sb_route(&b, "/mirrordead", one), dead, 1000000);
	sb_split(sb_route(&b, "/split", one), one, 90, mirror, 10);
	sb_split(sb_route(&b, "/none", one), one, 0, mirror, 100);
	sb_route(&b, "/", one);
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

/* The worker at an address of its own. */
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

static void retried(void **state)
{
	static const struct {
		const char *what, *path, *headers;
		int status, requests;
		const char *body; /* NULL: not looked at */
		const char *log;
	} cases[] = {
		{ "H.26 default: a 503 is not retried", "/default", "x-do: status=503\r\n", 503, 1, NULL,
		  " 503 - via_upstream " },
		{ "default: an endpoint that closes is not retried (sent already)", "/default", "x-do: close\r\n", 503,
		  1, "upstream connect error or disconnect/reset before headers. reset reason: connection termination",
		  " 503 UC upstream_reset_before_response_started{connection_termination} " },
		{ "H.26 refused: three tries", "/dead", "", 503, 0,
		  "upstream connect error or disconnect/reset before headers. retried and the latest reset reason: "
		  "remote connection failure",
		  " 503 URX,UF upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:"
		  "_Connection_refused} - \"delayed_connect_error:_Connection_refused\" " },
		{ "H.27 off: one try", "/off", "", 503, 0,
		  "upstream connect error or disconnect/reset before headers. reset reason: remote connection failure",
		  " 503 UF " },
		{ "H.28 attempts 3 make 4 requests, the last answer passes", "/5xx", "x-do: status=500\r\n", 500, 4,
		  NULL, " 500 URX via_upstream " },
		{ "5xx: not for 404", "/5xx", "x-do: status=404\r\n", 404, 1, NULL, " 404 - via_upstream " },
		{ "5xx covers resets", "/5xx", "x-do: close\r\n", 503, 4, NULL, " 503 URX,UC " },
		{ "H.31 gateway-error: 500 not", "/gateway", "x-do: status=500\r\n", 500, 1, NULL, " 500 - " },
		{ "H.31 gateway-error: 502", "/gateway", "x-do: status=502\r\n", 502, 3, NULL, " 502 URX " },
		{ "H.31 retriable-4xx: 409", "/4xx", "x-do: status=409\r\n", 409, 3, NULL, " 409 URX " },
		{ "H.31 retriable-4xx: only 409", "/4xx", "x-do: status=404\r\n", 404, 1, NULL, " 404 - " },
		{ "codes", "/codes", "x-do: status=418\r\n", 418, 3, NULL, " 418 URX " },
		{ "codes do not cover resets", "/codes", "x-do: close\r\n", 503, 1, NULL, " 503 UC " },
		{ "H.30 reset-before-request: the request was read", "/before", "x-do: close\r\n", 503, 1, NULL,
		  " 503 UC " },
		{ "reset: closed before the head", "/reset", "x-do: close\r\n", 503, 3, NULL, " 503 URX,UC " },
		{ "reset: not for a 500", "/reset", "x-do: status=500\r\n", 500, 1, NULL, " 500 - " },
		{ "garbage is a protocol error", "/default", "x-do: garbage\r\n", 502, 1,
		  "upstream connect error or disconnect/reset before headers. reset reason: protocol error",
		  " 502 UPE upstream_reset_before_response_started{protocol_error} " },
		{ "x-envoy-ratelimited stops retries", "/5xx", "x-do: ratelimited\r\n", 200, 1, NULL, " 200 - " },
		{ "H.38 grpc-status in the head", "/default", "x-do: grpc-14\r\ncontent-type: application/grpc\r\n",
		  200, 3, NULL, " 200 URX via_upstream " },
		{ "H.39 x-envoy-max-retries is ignored", "/5xx", "x-do: status=500\r\nx-envoy-max-retries: 1\r\n", 500,
		  4, NULL, " 500 URX " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int before = all_requests(), status = ask(cases[i].path, cases[i].headers);

		if (status != cases[i].status || all_requests() - before != cases[i].requests)
			fail_msg("%s: status %d, %d requests", cases[i].what, status, all_requests() - before);
		if (cases[i].body)
			assert_string_equal(response_body(), cases[i].body);
		if (!strstr(log_line((int)i + 1), cases[i].log))
			fail_msg("%s: %s", cases[i].what, log_line((int)i + 1));
	}
	/* H.37 */
	assert_int_equal(ask("/5xx", "x-do: status=500\r\n"), 500);
	assert_non_null(strstr(response_body(), "\r\nx-envoy-attempt-count: 4\r\n"));
}

static void other_endpoint(void **state)
{
	int failed = 0;

	(void)state;
	/* H.36: two endpoints, one dead: previous hosts are avoided. */
	for (int i = 0; i < 200; i++)
		failed += ask("/half", "") != 200;
	assert_int_equal(failed, 0);
	assert_true(stat_of(retries) >= 90);
	/* One endpoint answers 500: the retry goes to the other. */
	atomic_store(&lab.backend[0].always, "status=500");
	for (int i = 0; i < 50; i++)
		assert_int_equal(ask("/two5xx", ""), 200);
}

static void bodies_are_sent_again(void **state)
{
	static char body[300000], text[300200];
	int fd = dial();
	size_t n;

	(void)state;
	memset(body, 'x', sizeof(body));
	n = (size_t)snprintf(text, sizeof(text),
			     "POST /5xx HTTP/1.1\r\nHost: reviews\r\nx-do: status=500\r\nContent-Length: %zu\r\n\r\n",
			     sizeof(body));
	memcpy(text + n, body, sizeof(body));
	assert_true(send_all(fd, text, n + sizeof(body)));
	assert_int_equal(receive(fd, false), 500);
	assert_int_equal(requests_of(0), 4);
	assert_true(strlen(response_body()) > sizeof(body));
	assert_memory_equal(strstr(response_body(), "\r\n\r\n") + 4, body, sizeof(body));
	/* chunked too, with its trailer */
	send_text(fd, "POST /5xx HTTP/1.1\r\nHost: reviews\r\nx-do: status=500\r\nTransfer-Encoding: chunked\r\n\r\n"
		      "3\r\nabc\r\n3\r\ndef\r\n0\r\nx-t: 1\r\n\r\n");
	assert_int_equal(receive(fd, false), 500);
	assert_int_equal(requests_of(0), 8);
	assert_non_null(strstr(response_body(), "\r\n\r\n6\r\nabcdef\r\n0\r\nx-t: 1\r\n\r\n"));
	close(fd);
}

/* H.35: over the retry buffer the request streams on, and is not retried. */
static void body_over_the_buffer(void **state)
{
	static char body[1200000];
	char head[200];
	int fd = dial(), n;

	(void)state;
	memset(body, 'x', sizeof(body));
	n = snprintf(head, sizeof(head),
		     "POST /5xx HTTP/1.1\r\nHost: reviews\r\nx-do: status=500\r\nContent-Length: %zu\r\n\r\n",
		     sizeof(body));
	assert_true(send_all(fd, head, (size_t)n));
	assert_true(send_all(fd, body, sizeof(body)));
	assert_int_equal(receive(fd, false), 500);
	assert_int_equal(requests_of(0), 1);
	assert_int_equal(stat_of(retry_or_shadow_abandoned), 1);
	/* The length is not known beforehand: */
	send_text(fd, "POST /5xx HTTP/1.1\r\nHost: reviews\r\nx-do: status=500\r\nTransfer-Encoding: chunked\r\n\r\n");
	n = snprintf(head, sizeof(head), "%zx\r\n", sizeof(body));
	assert_true(send_all(fd, head, (size_t)n));
	assert_true(send_all(fd, body, sizeof(body)));
	send_text(fd, "\r\n0\r\n\r\n");
	assert_int_equal(receive(fd, false), 500);
	assert_int_equal(requests_of(0), 2);
	assert_int_equal(stat_of(limit_retry_buffer), 2);
	close(fd);
}

static uint64_t timed_ask(const char *path, const char *headers, int status)
{
	uint64_t begin = hdl_clock_mono_ns();

	assert_int_equal(ask(path, headers), status);
	return (hdl_clock_mono_ns() - begin) / MS;
}

static void timeouts(void **state)
{
	(void)state;
	/* H.33 */
	assert_true(timed_ask("/timeout", "x-do: stall\r\n", 504) >= 100);
	assert_string_equal(response_body(), "upstream request timeout");
	assert_non_null(strstr(log_line(1), " 504 UT response_timeout "));
	assert_false(response_has("connection: close"));
	/* H.32: three tries of 60 ms, with the reason of the last */
	assert_true(timed_ask("/pertry", "x-do: stall\r\n", 504) >= 180);
	assert_int_equal(requests_of(0), 4);
	assert_non_null(strstr(log_line(2), " 504 URX,UT upstream_per_try_timeout "));
	/* not under Istio's default list */
	assert_true(timed_ask("/trydefault", "x-do: stall\r\n", 504) >= 60);
	assert_int_equal(requests_of(0), 5);
	assert_non_null(strstr(log_line(3), " 504 UT upstream_per_try_timeout "));
	/* the route's timeout caps all tries */
	assert_true(timed_ask("/capped", "x-do: stall\r\n", 504) >= 150);
	assert_non_null(strstr(log_line(4), " 504 UT response_timeout "));
	/* the budget is told upstream */
	assert_int_equal(ask("/timeout", ""), 200);
	/* 100, less what connecting took */
	assert_non_null(strstr(response_body(), "\r\nx-envoy-expected-rq-timeout-ms: "));
	assert_in_range(strtol(strstr(response_body(), "timeout-ms: ") + 12, NULL, 10), 50, 100);
	assert_int_equal(ask("/capped", ""), 200);
	assert_non_null(strstr(response_body(), "\r\nx-envoy-expected-rq-timeout-ms: 60\r\n"));
	/* H.34: begun, then stalled: cut, the status stays */
	assert_int_equal(ask("/timeout", "x-do: partial-stall\r\n"), 0);
	assert_non_null(strstr(lab.response, "HTTP/1.1 200 OK"));
	assert_non_null(strstr(log_line(7), " 200 UT response_timeout "));
	assert_int_equal(stat_of(route_timeouts), 3);
	assert_int_equal(stat_of(per_try_timeouts), 3 + 1 + 2);
}

/* B.9: the timers start when the request is complete. */
static void timeout_waits_for_the_body(void **state)
{
	int fd = dial();

	(void)state;
	send_text(fd, "POST /timeout HTTP/1.1\r\nHost: reviews\r\nContent-Length: 2\r\n\r\na");
	poll(NULL, 0, 200); /* longer than the timeout: what is shown is that nothing happens */
	send_text(fd, "b");
	assert_int_equal(receive(fd, false), 200);
	close(fd);
}

static void faults(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(ask("/abort", ""), 503);
	assert_string_equal(response_body(), "fault filter abort");
	assert_true(response_has("content-type: text/plain"));
	assert_true(response_has("server: heddle"));
	assert_non_null(strstr(log_line(1), " 503 FI fault_filter_abort "));
	assert_int_equal(requests_of(0), 0);
	/* H.24: delay and timeout on the same route: 200 after the delay, flag DI */
	assert_true(timed_ask("/delay", "", 200) >= 150);
	assert_non_null(strstr(log_line(2), " 200 DI via_upstream "));
	assert_true(timed_ask("/both", "", 418) >= 50);
	assert_non_null(strstr(log_line(3), " 418 DI,FI fault_filter_abort "));
	/* 400 closes, others do not; a POST whose body was not read closes too (B.11) */
	assert_int_equal(ask("/bad", ""), 400);
	assert_true(response_has("connection: close"));
	fd = dial();
	send_text(fd, "GET /abort HTTP/1.1\r\nHost: reviews\r\n\r\n");
	assert_int_equal(receive(fd, false), 503);
	send_text(fd, "POST /abort HTTP/1.1\r\nHost: reviews\r\nContent-Length: 3\r\n\r\nabc");
	assert_int_equal(receive(fd, false), 503);
	assert_true(response_has("connection: close"));
	close(fd);
	/* HEAD has no body */
	fd = dial();
	send_text(fd, "HEAD /abort HTTP/1.1\r\nHost: reviews\r\n\r\nGET / HTTP/1.1\r\nHost: reviews\r\n\r\n");
	assert_int_equal(receive(fd, true), 503);
	assert_true(response_has("content-length: 18"));
	assert_int_equal(receive(fd, false), 200);
	close(fd);
	assert_int_equal(stat_of(fault_aborts), 5 + 1);
	assert_int_equal(stat_of(fault_delays), 2);
}

/* B.10: no delay is shorter than it says, also of a request that comes late in a turn of the worker's loop. */
static void delay_late_in_a_turn(void **state)
{
	uint64_t begin;
	int other, fd;

	(void)state;
	set_origin("127.0.0.2", lab.port);
	other = lab_freeze();
	begin = hdl_clock_mono_ns();
	while (hdl_clock_mono_ns() - begin < 100 * MS) /* the turn grows old */
		poll(NULL, 0, 1);
	begin = hdl_clock_mono_ns();
	fd = dial_port(lab_address, lab.port);
	send_text(fd, "GET /delay HTTP/1.1\r\nHost: reviews\r\n\r\n");
	lab_thaw();
	assert_int_equal(receive(fd, false), 200);
	assert_true(hdl_clock_mono_ns() - begin >= 150 * MS);
	close(fd);
	close(other);
}

/* The client leaves during a delay and during a try. */
static void client_leaves(void **state)
{
	int fd = dial();

	(void)state;
	send_text(fd, "GET /delay HTTP/1.1\r\nHost: reviews\r\n\r\n");
	eventually(stat_of(fault_delays) == 1);
	close(fd);
	assert_non_null(strstr(log_line(1), " 0 DI,DC downstream_remote_disconnect "));
	fd = dial();
	send_text(fd, "GET / HTTP/1.1\r\nHost: reviews\r\nx-do: stall\r\n\r\n");
	eventually(requests_of(0) == 1);
	close(fd);
	assert_non_null(strstr(log_line(2), " 0 DC downstream_remote_disconnect "));
	/* and the endpoint's connection is closed with it */
	eventually(atomic_load(&lab.backend[0].open) == 0);
}

static void grpc_replies(void **state)
{
	(void)state;
	/* B.12 */
	assert_int_equal(ask("/abort", "content-type: application/grpc+proto\r\n"), 200);
	assert_true(response_has("content-type: application/grpc"));
	assert_true(response_has("grpc-status: 14"));
	assert_true(response_has("grpc-message: fault filter abort"));
	assert_string_equal(response_body(), "");
}

static void mirrors(void **state)
{
	int fd = dial(), n;

	(void)state;
	send_text(fd, "POST /mirrorall HTTP/1.1\r\nHost: reviews\r\nContent-Length: 3\r\n\r\nabc");
	assert_int_equal(receive(fd, false), 200);
	assert_true(response_has("x-backend: a"));
	eventually(requests_of(2) == 1);
	pthread_mutex_lock(&lab.backend[2].mutex);
	assert_non_null(strstr(lab.backend[2].last, "POST /mirrorall HTTP/1.1\r\nhost: reviews\r\n"));
	assert_non_null(strstr(lab.backend[2].last, "\r\nx-envoy-internal: true\r\n"));
	assert_non_null(strstr(lab.backend[2].last, "\r\nx-forwarded-for: 127.0.0.1\r\n"));
	assert_non_null(strstr(lab.backend[2].last, "\r\nx-envoy-attempt-count: 1\r\n"));
	assert_non_null(strstr(lab.backend[2].last, "\r\n\r\nabc"));
	pthread_mutex_unlock(&lab.backend[2].mutex);
	/* a slow, a failing and a dead mirror do not matter */
	atomic_store(&lab.backend[2].always, "stall");
	for (int i = 0; i < 20; i++) {
		send_text(fd, "GET /mirrorall HTTP/1.1\r\nHost: reviews\r\n\r\n");
		assert_int_equal(receive(fd, false), 200);
	}
	atomic_store(&lab.backend[2].always, "close");
	send_text(fd, "GET /mirrordead HTTP/1.1\r\nHost: reviews\r\n\r\n");
	assert_int_equal(receive(fd, false), 200);
	eventually(stat_of(mirror_failures) >= 1);
	atomic_store(&lab.backend[2].always, NULL);
	/* 20 %: 200 of 1000 expected; outside [140, 260] once in 10^5 */
	n = (int)stat_of(mirrors);
	for (int i = 0; i < 1000; i++) {
		send_text(fd, "GET /mirrorsome HTTP/1.1\r\nHost: reviews\r\n\r\n");
		assert_int_equal(receive(fd, false), 200);
	}
	assert_in_range(stat_of(mirrors) - (uint64_t)n, 140, 260);
	assert_int_equal(log_lines() > 0, 1);
	close(fd);
}

static void weights(void **state)
{
	int fd = dial(), before;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		send_text(fd, "GET /split HTTP/1.1\r\nHost: reviews\r\n\r\n");
		assert_int_equal(receive(fd, false), 200);
	}
	/* 200 expected; outside [148, 255] about once in 10^4; the seed is fixed */
	assert_in_range(requests_of(2), 148, 255);
	assert_int_equal(requests_of(0) + requests_of(2), 2000);
	before = requests_of(0);
	for (int i = 0; i < 300; i++) {
		send_text(fd, "GET /none HTTP/1.1\r\nHost: reviews\r\n\r\n");
		assert_int_equal(receive(fd, false), 200);
	}
	assert_int_equal(requests_of(0), before);
	close(fd);
}

/* An endpoint that closes without having said so is not used again, and nobody notices. */
static void quiet_close(void **state)
{
	int fd = dial();

	(void)state;
	for (int i = 0; i < 200; i++) {
		send_text(fd, "GET / HTTP/1.1\r\nHost: reviews\r\nx-do: close-quietly\r\n\r\n");
		assert_int_equal(receive(fd, false), 200);
		assert_non_null(strstr(response_body(), "x-envoy-attempt-count: 1"));
	}
	close(fd);
}

/* Calls fn for every connected TCP socket of this process. */
static int each_connection(bool (*fn)(int fd, uint16_t local, uint16_t remote))
{
	int found = 0;

	for (int fd = 3; fd < 1024; fd++) {
		struct sockaddr_in local = { 0 }, remote = { 0 };
		socklen_t n = sizeof(local), m = sizeof(remote);

		if (getsockname(fd, (struct sockaddr *)&local, &n) == 0 && local.sin_family == AF_INET &&
		    getpeername(fd, (struct sockaddr *)&remote, &m) == 0)
			found += fn(fd, ntohs(local.sin_port), ntohs(remote.sin_port));
	}
	return found;
}

static bool shut_at_backend(int fd, uint16_t local, uint16_t remote)
{
	(void)remote;
	return local == lab.backend[0].port && shutdown(fd, SHUT_RDWR) == 0;
}

/* Sends the text over a connection from the pool that the endpoint has closed, of which the worker does not know yet. */
static int send_over_stale(int fd, const char *text)
{
	int other, status;

	eventually(stat_of(upstream_connections_idle) == 1);
	other = lab_freeze();
	/* the worker sees them in this order */
	send_text(fd, text);
	assert_int_equal(each_connection(shut_at_backend), 1);
	eventually(atomic_load(&lab.backend[0].open) == 0);
	lab_thaw();
	status = receive(fd, false);
	close(other);
	return status;
}

/* The endpoint closed the pooled connection just before: sent again on a fresh one, unless it must not happen twice. */
static void stale_connection(void **state)
{
	int fd;

	(void)state;
	set_origin("127.0.0.2", lab.port);
	fd = dial_port(lab_address, lab.port);
	send_text(fd, "GET / HTTP/1.1\r\nHost: reviews\r\n\r\n");
	assert_int_equal(receive(fd, false), 200);
	assert_int_equal(send_over_stale(fd, "GET / HTTP/1.1\r\nHost: reviews\r\n\r\n"), 200);
	assert_non_null(strstr(response_body(), "x-envoy-attempt-count: 1"));
	assert_int_equal(stat_of(upstream_stale), 1);
	assert_int_equal(stat_of(upstream_resets), 0);
	assert_int_equal(requests_of(0), 2);
	assert_int_equal(atomic_load(&lab.backend[0].connections), 2);
	assert_int_equal(send_over_stale(fd, "POST / HTTP/1.1\r\nHost: reviews\r\nContent-Length: 2\r\n\r\nab"), 503);
	assert_int_equal(stat_of(upstream_stale), 1);
	assert_int_equal(stat_of(upstream_resets), 1);
	assert_int_equal(requests_of(0), 2);
	close(fd);
}

static struct hdl_snapshot *configure_connections(void)
{
	struct sb b = lab_builder();
	struct hdl_ir_cluster *kept = lab_cluster(&b, "kept", 0, 0), *aged = lab_cluster(&b, "aged", 1, 1);

	kept->keepalive.on = true;
	kept->keepalive.time_s = 77;
	kept->keepalive.interval_s = 33;
	kept->keepalive.probes = 5;
	aged->pool.max_connection_duration_ns = 200 * MS;
	sb_route(&b, "/kept", kept);
	sb_route(&b, "/aged", aged);
	return lab_finish(&b);
}

static int start_connections(void **state)
{
	(void)state;
	lab_start(configure_connections);
	return 0;
}

static int option(int fd, int level, int name)
{
	int value = -1;
	socklen_t n = sizeof(value);

	assert_int_equal(getsockopt(fd, level, name, &value, &n), 0);
	return value;
}

static bool has_keepalive(int fd, uint16_t local, uint16_t remote)
{
	(void)local;
	return remote == lab.backend[0].port && option(fd, SOL_SOCKET, SO_KEEPALIVE) == 1 &&
	       option(fd, IPPROTO_TCP, TCP_KEEPIDLE) == 77 && option(fd, IPPROTO_TCP, TCP_KEEPINTVL) == 33 &&
	       option(fd, IPPROTO_TCP, TCP_KEEPCNT) == 5;
}

static bool has_no_keepalive(int fd, uint16_t local, uint16_t remote)
{
	(void)local;
	return remote == lab.backend[1].port && option(fd, SOL_SOCKET, SO_KEEPALIVE) == 0;
}

/* C.5: tcpKeepalive of the connections to endpoints of its cluster, and of no others. */
static void keepalive(void **state)
{
	int fd = dial();

	(void)state;
	send_text(fd, "GET /kept HTTP/1.1\r\nHost: reviews\r\n\r\n");
	assert_int_equal(receive(fd, false), 200);
	send_text(fd, "GET /aged HTTP/1.1\r\nHost: reviews\r\n\r\n");
	assert_int_equal(receive(fd, false), 200);
	assert_int_equal(each_connection(has_keepalive), 1);
	assert_int_equal(each_connection(has_no_keepalive), 1);
	close(fd);
}

/* C.5: maxConnectionDuration: a connection is used until it is that old, and no longer; idle it is closed then. */
static void connection_age(void **state)
{
	uint64_t begin = hdl_clock_mono_ns();
	const atomic_int *connections = &lab.backend[1].connections;
	int fd = dial();

	(void)state;
	while (atomic_load(connections) < 2) {
		assert_true(hdl_clock_mono_ns() - begin < DEADLINE_S * HDL_NS_PER_S);
		send_text(fd, "GET /aged HTTP/1.1\r\nHost: reviews\r\n\r\n");
		assert_int_equal(receive(fd, false), 200);
	}
	assert_true(hdl_clock_mono_ns() - begin >= 200 * MS);
	assert_true(requests_of(1) >= 2);
	eventually(atomic_load(&lab.backend[1].open) == 0);
	assert_int_equal(atomic_load(connections), 2);
	close(fd);
}

static struct hdl_snapshot *configure_one_request(void)
{
	struct sb b = lab_builder();
	struct hdl_ir_cluster *c = lab_cluster(&b, "", 0, 1);

	c->pool.max_requests = 1;
	sb_route(&b, "/", c);
	return lab_finish(&b);
}

static int start_one_request(void **state)
{
	(void)state;
	lab_start(configure_one_request);
	return 0;
}

/* C.5: each request gives its place back, also when the endpoint closes the connection without a word. */
static void places_come_back(void **state)
{
	int fd = dial();

	(void)state;
	for (int i = 0; i < 200; i++) {
		send_text(fd, "GET / HTTP/1.1\r\nHost: reviews\r\nx-do: close-quietly\r\n\r\n");
		assert_int_equal(receive(fd, false), 200);
	}
	close(fd);
}

/* --- ejection --- */

static struct hdl_snapshot *configure_ejection(void)
{
	struct sb b = lab_builder();
	struct hdl_ir_cluster *c = lab_cluster(&b, "", 0, 1);

	c->outlier = (struct hdl_ir_outlier){ .enabled = true,
					      .consecutive_5xx = 3,
					      .interval_ns = 50 * MS,
					      .base_ejection_ns = 300 * MS,
					      .max_ejection_percent = 60 };
	sb_route(&b, "/", c);
	return lab_finish(&b);
}

static int start_ejection(void **state)
{
	(void)state;
	lab_start(configure_ejection);
	return 0;
}

static void ejection(void **state)
{
	int fd = dial(), failed = 0;

	(void)state;
	atomic_store(&lab.backend[0].always, "status=500");
	for (int i = 0; i < 40; i++) {
		send_text(fd, "GET / HTTP/1.1\r\nHost: reviews\r\n\r\n");
		failed += receive(fd, false) == 500;
	}
	assert_int_equal(failed, 3);
	assert_int_equal(stat_of(ejections), 1);
	assert_int_equal(stat_of(ejections_consecutive_5xx), 1);
	assert_int_equal(lab.tables.balance[1].ejected, 1);
	/* 60 % of 2 is one: the other stays in */
	atomic_store(&lab.backend[1].always, "status=500");
	for (int i = 0; i < 3; i++) {
		send_text(fd, "GET / HTTP/1.1\r\nHost: reviews\r\n\r\n");
		assert_int_equal(receive(fd, false), 500);
	}
	assert_int_equal(stat_of(ejections_overflow), 1);
	atomic_store(&lab.backend[0].always, NULL);
	atomic_store(&lab.backend[1].always, NULL);
	/* It is used again when its time is over. Nobody sweeps here: the next answer gives its place back. */
	eventually(!hdl_outlier_is_ejected(&lab.tables.health[1], hdl_clock_mono_ns()));
	failed = requests_of(0);
	for (int i = 0; i < 10; i++) {
		send_text(fd, "GET / HTTP/1.1\r\nHost: reviews\r\n\r\n");
		assert_int_equal(receive(fd, false), 200);
	}
	assert_int_equal(requests_of(0) - failed, 5);
	assert_int_equal(__atomic_load_n(&lab.tables.balance[1].ejected, __ATOMIC_RELAXED), 0);
	/* what the kernel ejects, the proxy avoids as well */
	__atomic_store_n(&lab.tables.health[2].ejected_until_ns, HDL_EJECTED_BY_HAND, __ATOMIC_RELAXED);
	failed = requests_of(1);
	for (int i = 0; i < 10; i++) {
		send_text(fd, "GET / HTTP/1.1\r\nHost: reviews\r\n\r\n");
		assert_int_equal(receive(fd, false), 200);
	}
	assert_int_equal(requests_of(1), failed);
	close(fd);
}

/* --- budget --- */

static struct hdl_snapshot *configure_budget(void)
{
	struct sb b = lab_builder();
	struct hdl_ir_http_route *r = sb_route(&b, "/", dead_cluster(&b, ""));

	b.s->node.retry_budget_min = 0;
	b.s->node.retry_budget_percent = 0;
	default_retries(r);
	return lab_finish(&b);
}

static int start_budget(void **state)
{
	(void)state;
	dead_port = dead_port ? dead_port : closed_port();
	lab_start(configure_budget);
	return 0;
}

static void no_budget(void **state)
{
	(void)state;
	assert_int_equal(ask("/", ""), 503);
	assert_non_null(strstr(log_line(1), " 503 UO,UF "));
	assert_int_equal(stat_of(retry_overflow), 1);
	assert_int_equal(stat_of(retries), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(retried, start, stop),
		cmocka_unit_test_setup_teardown(other_endpoint, start, stop),
		cmocka_unit_test_setup_teardown(bodies_are_sent_again, start, stop),
		cmocka_unit_test_setup_teardown(body_over_the_buffer, start, stop),
		cmocka_unit_test_setup_teardown(timeouts, start, stop),
		cmocka_unit_test_setup_teardown(timeout_waits_for_the_body, start, stop),
		cmocka_unit_test_setup_teardown(faults, start, stop),
		cmocka_unit_test_setup_teardown(delay_late_in_a_turn, start_local, stop_local),
		cmocka_unit_test_setup_teardown(client_leaves, start, stop),
		cmocka_unit_test_setup_teardown(grpc_replies, start, stop),
		cmocka_unit_test_setup_teardown(mirrors, start, stop),
		cmocka_unit_test_setup_teardown(weights, start, stop),
		cmocka_unit_test_setup_teardown(quiet_close, start, stop),
		cmocka_unit_test_setup_teardown(stale_connection, start_local, stop_local),
		cmocka_unit_test_setup_teardown(keepalive, start_connections, stop),
		cmocka_unit_test_setup_teardown(connection_age, start_connections, stop),
		cmocka_unit_test_setup_teardown(places_come_back, start_one_request, stop),
		cmocka_unit_test_setup_teardown(ejection, start_ejection, stop),
		cmocka_unit_test_setup_teardown(no_budget, start_budget, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
