/* SPDX-License-Identifier: Apache-2.0 */
/* What clients, endpoints and the system may do wrong costs one request or connection, within bounds (B.1, B.11, J). */
#include "lab.h"

#define MS 1000000ull

static struct hdl_snapshot *configure(void)
{
	struct sb b = lab_builder();
	struct hdl_ir_cluster *one = lab_cluster(&b, "one", 0, 0);

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

/* J 1, J 2: refused, closed, and nothing of it reaches an endpoint. */
static void smuggling(void **state)
{
	static const struct {
		const char *what, *text;
		int status;
		const char *log;
	} cases[] = {
		{ "two lengths",
		  "POST / HTTP/1.1\r\nHost: reviews\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcd", 400,
		  "DPE http1.codec_error" },
		{ "equal lengths",
		  "POST / HTTP/1.1\r\nHost: reviews\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nabcd", 400,
		  "DPE http1.codec_error" },
		{ "CL and TE",
		  "POST / HTTP/1.1\r\nHost: reviews\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		  400, "DPE http1.content_length_and_chunked_not_allowed" },
		{ "unknown coding", "POST / HTTP/1.1\r\nHost: reviews\r\nTransfer-Encoding: gzip\r\n\r\n", 501,
		  "DPE http1.invalid_transfer_encoding" },
		{ "bare LF", "GET / HTTP/1.1\nHost: reviews\n\n", 400, "DPE" },
		{ "obs-fold", "GET / HTTP/1.1\r\nHost: reviews\r\nX: a\r\n b\r\n\r\n", 400, "DPE" },
		{ "blank before colon", "GET / HTTP/1.1\r\nHost : reviews\r\n\r\n", 400, "DPE" },
		{ "two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "DPE" },
		{ "no host", "GET / HTTP/1.1\r\n\r\n", 400, "- missing_host_header" },
		{ "unknown method", "BREW / HTTP/1.1\r\nHost: reviews\r\n\r\n", 400, "DPE" },
		{ "version", "GET / HTTP/3.0\r\nHost: reviews\r\n\r\n", 505, "DPE" },
		{ "not HTTP", "\x16\x03\x01\x02", 400, "DPE" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int fd = dial(), status;

		send_text(fd, cases[i].text);
		/* what follows must not be taken for a request */
		send(fd, "GET /smuggled HTTP/1.1\r\nHost: reviews\r\n\r\n", 41, MSG_NOSIGNAL);
		status = receive(fd, false);
		if (status != cases[i].status)
			fail_msg("%s: %d", cases[i].what, status);
		assert_true(response_has("connection: close"));
		expect_closed(fd);
		close(fd);
		if (!strstr(log_line((int)i + 1), cases[i].log))
			fail_msg("%s: %s", cases[i].what, log_line((int)i + 1));
	}
	/* NUL cannot be written in a C text */
	{
		int fd = dial();

		assert_true(send_all(fd, "GET / HTTP/1.1\r\nHost: rev\0iews\r\n\r\n", 35));
		assert_int_equal(receive(fd, false), 400);
		close(fd);
	}
	assert_int_equal(requests_of(0), 0);
}

/* A chunk line that is none, in the middle of a body that is on its way already. */
static void bad_chunk(void **state)
{
	int fd = dial();

	(void)state;
	send_text(fd, "POST / HTTP/1.1\r\nHost: reviews\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nxyz\r\n");
	assert_int_equal(receive(fd, false), 400);
	assert_non_null(strstr(log_line(1), " 400 DPE http1.codec_error "));
	expect_closed(fd);
	close(fd);
	assert_int_equal(requests_of(0), 0); /* it never saw the end */
	eventually(atomic_load(&lab.backend[0].open) == 0);
}

static void limits(void **state)
{
	static char text[200000];
	size_t n;
	int fd;

	(void)state;
	/* header block over 60 KiB: 431, before its end */
	memset(text, 'a', sizeof(text));
	n = (size_t)snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: reviews\r\nX-Big: ");
	text[n] = 'a';
	fd = dial();
	assert_true(send_all(fd, text, 70000));
	assert_int_equal(receive(fd, false), 431);
	close(fd);
	assert_int_equal(stat_of(limit_header_bytes), 1);
	/* 60,000 bytes pass */
	memcpy(text + 60000, "\r\n\r\n", 5);
	fd = dial();
	send_text(fd, text);
	assert_int_equal(receive(fd, false), 200);
	close(fd);
	/* 101 lines */
	n = (size_t)snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: reviews\r\n");
	for (int i = 0; i < 100; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "X-%d: 1\r\n", i);
	snprintf(text + n, sizeof(text) - n, "\r\n");
	fd = dial();
	send_text(fd, text);
	assert_int_equal(receive(fd, false), 431);
	close(fd);
	assert_int_equal(stat_of(limit_header_count), 1);
	/* exactly 100, all kinds of additions fit */
	n = (size_t)snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: reviews\r\n");
	for (int i = 0; i < 99; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "X-%d: 1\r\n", i);
	snprintf(text + n, sizeof(text) - n, "\r\n");
	fd = dial();
	send_text(fd, text);
	assert_int_equal(receive(fd, false), 200);
	close(fd);
}

/* A big head with a body behind it, and pipelined ones at every offset of the block. */
static void heads_anywhere_in_the_block(void **state)
{
	static char text[700000];
	int fd = dial();
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 12; i++) {
		int pad = 20000 + i * 3000;

		n += (size_t)snprintf(text + n, sizeof(text) - n, "POST /%d HTTP/1.1\r\nHost: reviews\r\nX-Pad: ", i);
		memset(text + n, 'p', (size_t)pad);
		n += (size_t)pad;
		n += (size_t)snprintf(text + n, sizeof(text) - n, "\r\nContent-Length: 10000\r\n\r\n");
		memset(text + n, '0' + i, 10000);
		n += 10000;
	}
	assert_true(n < sizeof(text));
	for (size_t at = 0; at < n; at += 7777)
		assert_true(send_all(fd, text + at, n - at < 7777 ? n - at : 7777));
	for (int i = 0; i < 12; i++) {
		const char *body;

		assert_int_equal(receive(fd, false), 200);
		body = strstr(response_body(), "\r\n\r\n") + 4;
		assert_int_equal(strlen(body), 10000);
		for (int k = 0; k < 10000; k++)
			assert_int_equal(body[k], '0' + i);
	}
	close(fd);
}

static void client_vanishes_in_its_body(void **state)
{
	int fd = dial();

	(void)state;
	send_text(fd, "POST / HTTP/1.1\r\nHost: reviews\r\nContent-Length: 100\r\n\r\nabc");
	eventually(atomic_load(&lab.backend[0].open) == 1);
	close(fd);
	assert_non_null(strstr(log_line(1), " 0 DC downstream_remote_disconnect - \"-\" 3 0 "));
	eventually(atomic_load(&lab.backend[0].open) == 0);
	assert_int_equal(requests_of(0), 0);
	assert_int_equal(stat_of(downstream_disconnects), 1);
	/* In the middle of the answer the status stays, and the details say who ended it. */
	fd = dial();
	send_text(fd, "GET / HTTP/1.1\r\nHost: reviews\r\nx-do: partial-stall\r\n\r\n");
	assert_int_equal(read_until(fd, lab.response, 0, sizeof(lab.response), "hello", 0) > 0, 1);
	close(fd);
	assert_non_null(strstr(log_line(2), " 200 DC downstream_remote_disconnect - \"-\" 0 5 "));
}

static void endpoint_fails_in_its_body(void **state)
{
	(void)state;
	assert_int_equal(ask("/", "x-do: partial\r\n"), 0);
	assert_non_null(strstr(lab.response, "HTTP/1.1 200 OK"));
	assert_non_null(strstr(log_line(1), " 200 UPE upstream_reset_after_response_started{protocol_error} "));
	assert_int_equal(ask("/", "x-do: chunked-cut\r\n"), 0);
	assert_non_null(strstr(log_line(2), " 200 UC upstream_reset_after_response_started{connection_termination} "));
	assert_int_equal(ask("/", "x-do: reset\r\n"), 503);
	assert_non_null(strstr(log_line(3), " 503 UC upstream_reset_before_response_started{connection_termination} "));
	assert_int_equal(ask("/", ""), 200);
}

/* An answer before the request's body was sent: it passes, and the connection closes (the rest is of no use). */
static void early_answer(void **state)
{
	static char zeros[1 << 20];
	int fd = dial(), small = 4096;

	(void)state;
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	atomic_store(&lab.backend[0].always, NULL);
	send_text(fd, "GET / HTTP/1.1\r\nHost: reviews\r\nTransfer-Encoding: chunked\r\nx-do: reset\r\n\r\n");
	send_text(fd, "0\r\n\r\n");
	assert_int_equal(receive(fd, false), 503);
	/* A local answer to a POST whose body is still coming: readable although the client is in the middle of sending. */
	send_text(fd, "POST /a%00 HTTP/1.1\r\nHost: reviews\r\nContent-Length: 1048576\r\n\r\n");
	send(fd, zeros, 200000, MSG_NOSIGNAL | MSG_DONTWAIT);
	assert_int_equal(receive(fd, false), 400);
	expect_closed(fd);
	close(fd);
}

/* A reader that does not read: the worker holds a bounded part of the answer. */
static void slow_reader(void **state)
{
	enum { TOTAL = 32 << 20, READERS = 8 };
	static char sink[1 << 20];
	int fds[READERS];
	uint64_t received, before;
	ssize_t n;

	(void)state;
	for (int i = 0; i < READERS; i++) {
		fds[i] = dial();
		send_text(fds[i], "GET / HTTP/1.1\r\nHost: reviews\r\nConnection: close\r\nx-do: big=33554432\r\n\r\n");
	}
	/* Once nothing moves any more, far less than everything has been read from the endpoint. */
	do {
		before = stat_of(upstream_received_bytes);
		poll(NULL, 0, 100);
		received = stat_of(upstream_received_bytes);
	} while (received == 0 || received != before);
	assert_true(received < (uint64_t)READERS * TOTAL / 2);
	assert_true(stat_of(buffer_bytes) <= READERS * 3 * 81920 + 10 * 81920);
	/* One begins to read and gets all of it; the others leave. */
	received = 0;
	while (received < TOTAL && (n = recv(fds[0], sink, sizeof(sink), 0)) > 0)
		received += (uint64_t)n;
	assert_true(received >= TOTAL);
	for (int i = 0; i < READERS; i++)
		close(fds[i]);
}

static int start_small(void **state)
{
	lab_send_buffer = 4096;
	return start(state);
}

static int stop_small(void **state)
{
	lab_send_buffer = 0;
	return stop(state);
}

/* The last bytes of an answer wait in the worker when the connection is to be closed: they are not lost. */
static void close_after_a_slow_reader(void **state)
{
	static char sink[1 << 20];
	int finished = 0;

	(void)state;
	/* The kernel takes a few ten KiB, a block of the worker 80: some sizes leave the worker with the end. */
	for (unsigned int size = 20000; size < 300000; size += 10000) {
		char text[160];
		size_t total = 0;
		ssize_t n;
		int fd = dial();
		uint64_t before = stat_of(downstream_requests), until;

		snprintf(text, sizeof(text),
			 "GET / HTTP/1.1\r\nHost: reviews\r\nConnection: close\r\nx-do: big=%u\r\n\r\n", size);
		send_text(fd, text);
		/* Nobody reads until the worker is done with it, or cannot be. */
		until = hdl_clock_mono_ns() + 50 * MS;
		while (hdl_clock_mono_ns() < until &&
		       (stat_of(downstream_requests) == before || stat_of(downstream_requests_active) > 0))
			poll(NULL, 0, 1);
		finished += stat_of(downstream_requests_active) == 0;
		while ((n = recv(fd, sink, sizeof(sink), 0)) > 0)
			total += (size_t)n;
		assert_int_equal(n, 0);
		assert_true(total > size);
		close(fd);
	}
	assert_true(finished > 0);
}

/* Sends until nothing moves any more; bytes taken. */
static uint64_t send_until_stuck(int fd)
{
	static char zeros[65536];
	uint64_t sent = 0, before;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	for (;;) {
		ssize_t n = send(fd, zeros, sizeof(zeros), MSG_NOSIGNAL);

		if (n > 0) {
			sent += (uint64_t)n;
			continue;
		}
		assert_int_equal(errno, EAGAIN);
		before = stat_of(downstream_received_bytes);
		poll(NULL, 0, 100);
		if (before == stat_of(downstream_received_bytes))
			break;
	}
	fcntl(fd, F_SETFL, 0);
	return sent;
}

/* An endpoint that does not read: the client's sending stops. */
static void slow_endpoint(void **state)
{
	int fd = dial();

	(void)state;
	send_text(fd, "POST / HTTP/1.1\r\nHost: reviews\r\nx-do: deaf\r\nContent-Length: 1000000000\r\n\r\n");
	assert_true(send_until_stuck(fd) < 100000000);
	assert_true(stat_of(buffer_bytes) <= 10 * 81920);
	reset_connection(fd); /* seen although nothing is read from it */
	close(fd);
	eventually(stat_of(downstream_connections_active) == 0);
}

/* The same through a tunnel, both ways. */
static void slow_tunnel(void **state)
{
	static char sink[1 << 20];
	uint64_t received, before, total = 0;
	int fd = dial();

	(void)state;
	send_text(fd, "GET / HTTP/1.1\r\nHost: reviews\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
		      "x-do: tunnel-flood\r\n\r\n");
	assert_int_equal(receive(fd, false), 101);
	do {
		before = stat_of(upstream_received_bytes);
		poll(NULL, 0, 100);
		received = stat_of(upstream_received_bytes);
	} while (received < 1000 || received != before);
	assert_true(stat_of(buffer_bytes) <= 10 * 81920);
	/* What comes is what was sent: nothing lost, nothing foreign. */
	while (total < 20000000) {
		ssize_t n = recv(fd, sink, sizeof(sink), 0);

		assert_true(n > 0);
		assert_null(memchr(sink, 'H', (size_t)n));
		total += (uint64_t)n;
	}
	/* the other way the endpoint never reads */
	assert_true(send_until_stuck(fd) < 100000000);
	assert_true(stat_of(buffer_bytes) <= 10 * 81920);
	reset_connection(fd); /* seen although nothing is read from it */
	close(fd);
	eventually(stat_of(downstream_connections_active) == 0);
}

/* A head that ends where the block ends: its body needs room elsewhere, and the head must stay readable. */
static void head_at_the_end_of_the_block(void **state)
{
	static char text[200000];
	const char *body;
	size_t n = 0;
	int fd = dial();

	(void)state;
	send_text(fd, "GET / HTTP/1.1\r\nHost: reviews\r\nx-do: wait\r\n\r\n");
	eventually(requests_of(0) == 1);
	/* All of this waits in the socket and is read at once. */
	n += (size_t)snprintf(text, sizeof(text), "POST /1 HTTP/1.1\r\nHost: reviews\r\nContent-Length: 60000\r\n\r\n");
	memset(text + n, 'a', 60000);
	n += 60000;
	n += (size_t)snprintf(text + n, sizeof(text) - n, "POST /2 HTTP/1.1\r\nHost: reviews\r\nUser-Agent: pad");
	memset(text + n, 'p', 81893 - n);
	n = 81893; /* the head ends with the block */
	n += (size_t)snprintf(text + n, sizeof(text) - n, "\r\nContent-Length: 50000\r\n\r\n");
	memset(text + n, 'b', 50000);
	n += 50000;
	assert_true(send_all(fd, text, n));
	atomic_store(&lab.backend[0].go, true);
	assert_int_equal(receive(fd, false), 200);
	assert_int_equal(receive(fd, false), 200);
	assert_int_equal(receive(fd, false), 200);
	body = strstr(response_body(), "\r\n\r\n") + 4;
	assert_int_equal(strspn(body, "b"), 50000);
	assert_non_null(strstr(log_line(3), "\"padppppp"));
	close(fd);
}

/* Header timeout 408, idle timeout; both by configuration. */
static struct hdl_snapshot *configure_timeouts(void)
{
	struct sb b = lab_builder();

	b.s->node.request_headers_timeout_ns = 100 * MS;
	b.s->node.downstream_idle_timeout_ns = 150 * MS;
	sb_route(&b, "/", lab_cluster(&b, "one", 0, 0));
	return lab_finish(&b);
}

static int start_timeouts(void **state)
{
	(void)state;
	lab_start(configure_timeouts);
	return 0;
}

static void client_timeouts(void **state)
{
	int fd = dial();

	(void)state;
	send_text(fd, "GET / HTTP/1.1\r\nHost: rev");
	assert_int_equal(receive(fd, false), 408);
	assert_string_equal(response_body(), "request header timeout");
	assert_non_null(strstr(log_line(1), " 408 - request_header_timeout "));
	expect_closed(fd);
	close(fd);
	assert_int_equal(stat_of(limit_header_timeout), 1);
	fd = dial();
	send_text(fd, "GET / HTTP/1.1\r\nHost: reviews\r\n\r\n");
	assert_int_equal(receive(fd, false), 200);
	expect_closed(fd);
	close(fd);
	assert_int_equal(stat_of(limit_idle_timeout), 1);
	/* A request in progress is not idle. */
	fd = dial();
	send_text(fd, "GET / HTTP/1.1\r\nHost: reviews\r\nx-do: stall\r\n\r\n");
	eventually(stat_of(downstream_requests_active) == 1);
	poll(NULL, 0, 250);
	assert_int_equal(stat_of(downstream_requests_active), 1);
	close(fd);
}

/* Connections over the limit wait in the queue and are served when others leave. */
static struct hdl_snapshot *configure_two(void)
{
	struct sb b = lab_builder();

	b.s->node.max_connections = 2;
	sb_route(&b, "/", lab_cluster(&b, "one", 0, 0));
	return lab_finish(&b);
}

static int start_two(void **state)
{
	(void)state;
	lab_start(configure_two);
	return 0;
}

static void connection_limit(void **state)
{
	int fds[3];

	(void)state;
	for (int i = 0; i < 3; i++) {
		fds[i] = dial();
		send_text(fds[i], "GET / HTTP/1.1\r\nHost: reviews\r\n\r\n");
	}
	assert_int_equal(receive(fds[0], false), 200);
	assert_int_equal(receive(fds[1], false), 200);
	eventually(stat_of(limit_connections) == 1);
	assert_int_equal(stat_of(downstream_connections), 2);
	close(fds[0]);
	assert_int_equal(receive(fds[2], false), 200);
	close(fds[1]);
	close(fds[2]);
}

/* No descriptor left: accepting pauses, requests under way are served by the reserve, and all goes on afterwards. */
static void no_descriptors(void **state)
{
	struct rlimit before, low;
	int fds[3], fillers[512], n = 0;

	(void)state;
	for (int i = 0; i < 3; i++)
		fds[i] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	low = before;
	low.rlim_cur = 300;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	while (n < 512 && (fillers[n] = dup(fds[0])) >= 0)
		n++;
	assert_int_equal(errno, EMFILE);
	for (int i = 0; i < 3; i++) {
		struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(lab.port) };

		sa.sin_addr.s_addr = htonl(0x7f000002);
		assert_int_equal(connect(fds[i], (struct sockaddr *)&sa, sizeof(sa)), 0);
	}
	eventually(stat_of(limit_descriptors) >= 2); /* tried, paused, tried again */
	for (int i = 0; i < n; i++)
		close(fillers[i]);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	for (int i = 0; i < 3; i++) {
		send_text(fds[i], "GET / HTTP/1.1\r\nHost: reviews\r\n\r\n");
		assert_int_equal(receive(fds[i], false), 200);
		close(fds[i]);
	}
}

/* Reload: streams keep their snapshot, keep-alive connections use the new one, the old one is given back. */
static struct hdl_snapshot *configure_other(void)
{
	struct sb b = lab_builder();
	struct hdl_ir_cluster *c = lab_cluster(&b, "one", 0, 0);

	c = lab_cluster(&b, "two", 1, 1);
	sb_route(&b, "/", c);
	return lab_finish(&b);
}

static void reload(void **state)
{
	int fd = dial(), busy = dial();

	(void)state;
	send_text(busy, "GET / HTTP/1.1\r\nHost: reviews\r\nx-do: stall\r\n\r\n");
	eventually(requests_of(0) == 1);
	send_text(fd, "GET / HTTP/1.1\r\nHost: reviews\r\n\r\n");
	assert_int_equal(receive(fd, false), 200);
	assert_true(response_has("x-backend: a"));
	lab_reload(configure_other);
	assert_int_equal(stat_of(snapshots_held), 2);
	send_text(fd, "GET / HTTP/1.1\r\nHost: reviews\r\n\r\n");
	assert_int_equal(receive(fd, false), 200);
	assert_true(response_has("x-backend: b"));
	close(busy);
	eventually(stat_of(snapshots_held) == 1);
	for (int i = 0; i < 20; i++) {
		lab_reload(i % 2 ? configure_other : configure);
		send_text(fd, "GET / HTTP/1.1\r\nHost: reviews\r\n\r\n");
		assert_int_equal(receive(fd, false), 200);
		assert_true(response_has(i % 2 ? "x-backend: b" : "x-backend: a"));
	}
	assert_int_equal(stat_of(snapshots_held), 1);
	close(fd);
}

static void drain(void **state)
{
	int idle = dial(), busy = dial();

	(void)state;
	send_text(idle, "GET / HTTP/1.1\r\nHost: reviews\r\n\r\n");
	assert_int_equal(receive(idle, false), 200);
	send_text(busy, "POST / HTTP/1.1\r\nHost: reviews\r\nContent-Length: 1\r\n\r\n");
	eventually(stat_of(downstream_requests_active) == 1);
	assert_int_equal(hdl_worker_drain(lab.worker), 0);
	expect_closed(idle);
	assert_false(hdl_worker_idle(lab.worker));
	send_text(busy, "x");
	assert_int_equal(receive(busy, false), 200);
	assert_true(response_has("connection: close"));
	expect_closed(busy);
	close(busy);
	close(idle);
	eventually(hdl_worker_idle(lab.worker));
}

/* A gateway port: virtual hosts only by Host, 404 otherwise; added and removed while running. */
static void gateway(void **state)
{
	struct hdl_endpoint_addr at = { sb_addr("127.0.0.1"), 0 };
	struct hdl_listen_options options = { 0 };
	struct hdl_addr any = sb_addr("0.0.0.0");
	struct hdl_err err;
	int listener = hdl_listen(&at, &options, &err), fd;

	(void)state;
	assert_true(listener >= 0);
	assert_int_equal(hdl_sock_local(listener, &at), 0);
	/* known to the snapshot as 0.0.0.0 at the lab's port */
	assert_int_equal(hdl_worker_add_gateway(lab.worker, &any, lab.port, listener), 0);
	fd = dial_port("127.0.0.1", at.port);
	send_text(fd, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
	assert_int_equal(receive(fd, false), 200);
	send_text(fd, "GET / HTTP/1.1\r\nHost: other\r\n\r\n");
	assert_int_equal(receive(fd, false), 404);
	assert_string_equal(response_body(), "");
	assert_true(response_has("content-length: 0"));
	assert_non_null(strstr(log_line(2), " 404 NR route_not_found "));
	assert_int_equal(hdl_worker_remove_gateway(lab.worker, &any, lab.port), 0);
	/* established ones go on */
	send_text(fd, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
	assert_int_equal(receive(fd, false), 200);
	close(fd);
}

/* Pools: reuse, idleTimeout, maxRequestsPerConnection. */
static struct hdl_snapshot *configure_pools(void)
{
	struct sb b = lab_builder();
	struct hdl_ir_cluster *few = lab_cluster(&b, "few", 0, 0), *brief = lab_cluster(&b, "brief", 1, 1);

	few->max_requests_per_connection = 3;
	brief->idle_timeout_ns = 50 * MS;
	sb_route(&b, "/few", few);
	sb_route(&b, "/brief", brief);
	return lab_finish(&b);
}

static int start_pools(void **state)
{
	(void)state;
	lab_start(configure_pools);
	return 0;
}

static void pools(void **state)
{
	(void)state;
	for (int i = 0; i < 9; i++)
		assert_int_equal(ask("/few", ""), 200);
	eventually(atomic_load(&lab.backend[0].connections) == 3);
	eventually(stat_of(upstream_max_requests) == 3);
	assert_int_equal(ask("/brief", ""), 200);
	eventually(stat_of(upstream_idle_closed) == 1);
	assert_int_equal(ask("/brief", ""), 200);
	eventually(atomic_load(&lab.backend[1].connections) == 2);
	assert_int_equal(stat_of(upstream_tries), 11);
	assert_int_equal(stat_of(upstream_reused), 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(smuggling, start, stop),
		cmocka_unit_test_setup_teardown(bad_chunk, start, stop),
		cmocka_unit_test_setup_teardown(limits, start, stop),
		cmocka_unit_test_setup_teardown(heads_anywhere_in_the_block, start, stop),
		cmocka_unit_test_setup_teardown(client_vanishes_in_its_body, start, stop),
		cmocka_unit_test_setup_teardown(endpoint_fails_in_its_body, start, stop),
		cmocka_unit_test_setup_teardown(early_answer, start, stop),
		cmocka_unit_test_setup_teardown(slow_reader, start, stop),
		cmocka_unit_test_setup_teardown(close_after_a_slow_reader, start_small, stop_small),
		cmocka_unit_test_setup_teardown(slow_endpoint, start, stop),
		cmocka_unit_test_setup_teardown(slow_tunnel, start, stop),
		cmocka_unit_test_setup_teardown(head_at_the_end_of_the_block, start, stop),
		cmocka_unit_test_setup_teardown(client_timeouts, start_timeouts, stop),
		cmocka_unit_test_setup_teardown(connection_limit, start_two, stop),
		cmocka_unit_test_setup_teardown(no_descriptors, start, stop),
		cmocka_unit_test_setup_teardown(reload, start, stop),
		cmocka_unit_test_setup_teardown(drain, start, stop),
		cmocka_unit_test_setup_teardown(gateway, start, stop),
		cmocka_unit_test_setup_teardown(pools, start_pools, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
