/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker in this process between a client (blocking sockets of the test) and backends (threads).
 *
 *   client --> 127.0.0.2:PORT (the service) --> worker --> 127.0.0.1:* (backends)
 *
 * A backend answers 200 with what it received as the body. The request header x-do changes that, see serve_one().
 */
#ifndef TESTS_UNIT_PROXY_LAB_H
#define TESTS_UNIT_PROXY_LAB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "lib/snapshot_builder.h"
#include "net/listen.h"
#include "obs/stats.h"
#include "proxy/worker.h"

#define LAB_BACKENDS 4
#define LAB_BYTES 65536
#define DEADLINE_S 10

struct lab_backend {
	const char *name;
	int listener;
	uint16_t port;
	pthread_t thread;
	atomic_int requests, connections, open;
	atomic_bool go;               /* lets requests with x-do: wait go on */
	_Atomic(const char *) always; /* taken as x-do of every request that has none */
	pthread_mutex_t mutex;
	char last[LAB_BYTES]; /* head and body of the last request */
	size_t last_bytes;
};

struct lab {
	struct sb_tables tables;
	struct lab_backend backend[LAB_BACKENDS];
	struct hdl_worker *worker;
	int log_fd;
	uint16_t port; /* of the service, and of the worker's listener */
	struct hdl_origin origin;
	bool has_origin;
	atomic_int asked; /* how often the worker wanted to know an origin */
	char response[1 << 21];
	size_t response_bytes;
	char log[LAB_BYTES];
};

static struct lab lab;

/* Waits until the condition holds; fails after DEADLINE_S. */
#define eventually(condition)                                                            \
	do {                                                                             \
		uint64_t until_ = hdl_clock_mono_ns() + DEADLINE_S * HDL_NS_PER_S;       \
		while (!(condition)) {                                                   \
			if (hdl_clock_mono_ns() > until_)                                \
				fail_msg("not within %d s: %s", DEADLINE_S, #condition); \
			poll(NULL, 0, 1);                                                \
		}                                                                        \
	} while (0)

/* --- backends --- */

/* Reads until needle or n bytes are there; returns bytes in buf, or -1 when the peer closed. */
static ssize_t read_until(int fd, char *buf, size_t have, size_t room, const char *needle, size_t n)
{
	while (needle ? !memmem(buf, have, needle, strlen(needle)) : have < n) {
		ssize_t r = have < room ? recv(fd, buf + have, room - have, 0) : -1;

		if (r <= 0)
			return -1;
		have += (size_t)r;
	}
	return (ssize_t)have;
}

static bool send_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t r = send(fd, p, n, MSG_NOSIGNAL);

		if (r <= 0)
			return false;
		p += r;
		n -= (size_t)r;
	}
	return true;
}

static bool header_value(const char *head, const char *name, char *value, size_t room)
{
	char needle[64];
	const char *p, *end;

	snprintf(needle, sizeof(needle), "\r\n%s: ", name);
	p = strstr(head, needle);
	if (!p)
		return false;
	p += strlen(needle);
	end = strstr(p, "\r\n");
	snprintf(value, room, "%.*s", (int)(end - p), p);
	return true;
}

static void wait_for_close(int fd)
{
	char c[256];

	while (recv(fd, c, sizeof(c), 0) > 0)
		;
}

static void reset_connection(int fd)
{
	const struct linger l = { 1, 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
}

static bool answer_body(int fd, const char *what, const char *name, const char *body, size_t n, bool head_only)
{
	char head[512];
	int status = 200, bytes;

	if (strncmp(what, "status=", 7) == 0)
		status = (int)strtol(what + 7, NULL, 10);
	bytes = snprintf(head, sizeof(head), "HTTP/1.1 %d Fine\r\nX-Backend: %s\r\n%s%sContent-Length: %zu\r\n\r\n",
			 status, name, strcmp(what, "close-after") == 0 ? "Connection: close\r\n" : "",
			 strcmp(what, "ratelimited") == 0 ? "x-envoy-ratelimited: true\r\n" : "", n);
	if (!send_all(fd, head, (size_t)bytes) || (!head_only && !send_all(fd, body, n)))
		return false;
	return strcmp(what, "close-after") != 0 && strcmp(what, "close-quietly") != 0;
}

static bool answer_big(int fd, size_t n)
{
	static const char zeros[65536];
	char head[128];
	int bytes = snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\ncontent-length: %zu\r\n\r\n", n);

	if (!send_all(fd, head, (size_t)bytes))
		return false;
	for (; n > sizeof(zeros); n -= sizeof(zeros))
		if (!send_all(fd, zeros, sizeof(zeros)))
			return false;
	return send_all(fd, zeros, n);
}

static bool answer_text(int fd, const char *text, bool go_on)
{
	return send_all(fd, text, strlen(text)) && go_on;
}

/* Answers one request as `what` says. False: close the connection. */
static bool answer(int fd, const char *what, const char *name, const char *request, size_t n)
{
	bool head_only = strncmp(request, "HEAD ", 5) == 0;

	if (strcmp(what, "close") == 0)
		return false;
	if (strcmp(what, "reset") == 0) {
		reset_connection(fd);
		return false;
	}
	if (strcmp(what, "stall") == 0) {
		wait_for_close(fd);
		return false;
	}
	if (strcmp(what, "partial") == 0)
		return answer_text(fd, "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello", false);
	if (strcmp(what, "partial-stall") == 0) {
		answer_text(fd, "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello", false);
		wait_for_close(fd);
		return false;
	}
	if (strcmp(what, "chunked") == 0)
		return answer_text(fd,
				   "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n"
				   "5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\nx-sum: 11\r\n\r\n",
				   true);
	if (strcmp(what, "chunked-cut") == 0)
		return answer_text(fd, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel", false);
	if (strcmp(what, "until-close") == 0)
		return answer_text(fd, "HTTP/1.0 200 OK\r\ncontent-type: text/plain\r\n\r\nuntil the end", false);
	if (strcmp(what, "interim") == 0)
		return answer_text(
			fd,
			"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
			true);
	if (strcmp(what, "no-content") == 0)
		return answer_text(fd, "HTTP/1.1 204 No Content\r\n\r\n", true);
	if (strcmp(what, "garbage") == 0)
		return answer_text(fd, "SSH-2.0-OpenSSH_9.2\r\n", false);
	if (strcmp(what, "101") == 0)
		return answer_text(
			fd, "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
			false);
	if (strcmp(what, "hop") == 0)
		return answer_text(fd,
				   "HTTP/1.1 200 OK\r\nConnection: x-private\r\nX-Private: 1\r\nKeep-Alive: 5\r\n"
				   "server: backend\r\ncontent-length: 0\r\n\r\n",
				   true);
	if (strcmp(what, "grpc-14") == 0)
		return answer_text(fd,
				   "HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ngrpc-status: 14\r\n"
				   "content-length: 0\r\n\r\n",
				   true);
	if (strncmp(what, "big=", 4) == 0)
		return answer_big(fd, strtoul(what + 4, NULL, 10));
	return answer_body(fd, what, name, request, n, head_only);
}

/* Neither reads nor writes until the peer closes. */
static void be_deaf(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLRDHUP };

	poll(&p, 1, 2 * DEADLINE_S * 1000);
}

static void flood_tunnel(int fd)
{
	static const char zeros[65536];

	if (answer_text(fd, "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
			true))
		while (send_all(fd, zeros, sizeof(zeros)))
			;
}

static void echo_tunnel(int fd)
{
	char buf[4096];
	ssize_t n;

	if (!answer_text(fd, "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\nhi",
			 true))
		return;
	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
		if (!send_all(fd, buf, (size_t)n))
			return;
}

struct serving {
	struct lab_backend *backend;
	int fd;
	char buf[1 << 21];
};

/* Length of head and body, -1 when the connection ended. */
static ssize_t read_request(struct serving *s, size_t *have)
{
	ssize_t n = read_until(s->fd, s->buf, *have, sizeof(s->buf) - 1, "\r\n\r\n", 0);
	size_t head;
	char value[64];

	if (n < 0)
		return -1;
	s->buf[n] = '\0';
	head = (size_t)(strstr(s->buf, "\r\n\r\n") - s->buf) + 4;
	if (strstr(s->buf, "\r\nx-do: deaf\r\n")) {
		be_deaf(s->fd);
		return -1;
	}
	if (strstr(s->buf, "\r\nexpect: 100-continue") && !answer_text(s->fd, "HTTP/1.1 100 Continue\r\n\r\n", true))
		return -1;
	if (header_value(s->buf, "content-length", value, sizeof(value))) {
		size_t total = head + strtoul(value, NULL, 10);

		n = read_until(s->fd, s->buf, (size_t)n, sizeof(s->buf) - 1, NULL, total);
		*have = (size_t)n;
		return n < 0 ? -1 : (ssize_t)total;
	}
	if (strstr(s->buf, "\r\ntransfer-encoding: chunked")) {
		for (;;) {
			char *end = memmem(s->buf + head, (size_t)n - head, "0\r\n", 3);
			char *blank;

			s->buf[n] = '\0';
			while (end && end[-1] != '\n')
				end = memmem(end + 1, (size_t)(s->buf + n - end) - 1, "0\r\n", 3);
			blank = end ? strstr(end, "\r\n\r\n") : NULL;
			if (blank) {
				*have = (size_t)n;
				return blank + 4 - s->buf;
			}
			n = read_until(s->fd, s->buf, (size_t)n, sizeof(s->buf) - 1, NULL, (size_t)n + 1);
			if (n < 0)
				return -1;
		}
	}
	*have = (size_t)n;
	return (ssize_t)head;
}

/* Whether the connection goes on. */
static bool serve_one(struct serving *s, size_t *have)
{
	struct lab_backend *b = s->backend;
	ssize_t n = read_request(s, have);
	const char *always;
	char what[64] = "", saved;
	bool go_on;

	if (n < 0)
		return false;
	saved = s->buf[n];
	s->buf[n] = '\0';
	pthread_mutex_lock(&b->mutex);
	b->last_bytes = (size_t)n < sizeof(b->last) - 1 ? (size_t)n : sizeof(b->last) - 1;
	memcpy(b->last, s->buf, b->last_bytes);
	b->last[b->last_bytes] = '\0';
	pthread_mutex_unlock(&b->mutex);
	atomic_fetch_add(&b->requests, 1);
	always = atomic_load(&b->always);
	if (!header_value(s->buf, "x-do", what, sizeof(what)) && always)
		snprintf(what, sizeof(what), "%s", always);
	if (strncmp(what, "tunnel", 6) == 0) {
		if (strcmp(what, "tunnel-flood") == 0)
			flood_tunnel(s->fd);
		else
			echo_tunnel(s->fd);
		return false;
	}
	while (strcmp(what, "wait") == 0 && !atomic_load(&b->go))
		poll(NULL, 0, 1);
	go_on = answer(s->fd, what, b->name, s->buf, (size_t)n);
	s->buf[n] = saved;
	memmove(s->buf, s->buf + n, *have - (size_t)n);
	*have -= (size_t)n;
	return go_on;
}

static void *serve(void *data)
{
	struct serving *s = data;
	size_t have = 0;

	while (serve_one(s, &have))
		;
	close(s->fd);
	atomic_fetch_sub(&s->backend->open, 1);
	free(s);
	return NULL;
}

static void *accept_all(void *data)
{
	struct lab_backend *b = data;
	int fd;

	for (;;) {
		struct serving *s;
		pthread_t thread;

		fd = accept(b->listener, NULL, NULL);
		if (fd < 0 && errno == EMFILE) { /* a test takes all descriptors: not meant for us */
			poll(NULL, 0, 1);
			continue;
		}
		if (fd < 0)
			break;
		s = calloc(1, sizeof(*s));

		s->backend = b;
		s->fd = fd;
		atomic_fetch_add(&b->connections, 1);
		atomic_fetch_add(&b->open, 1);
		pthread_create(&thread, NULL, serve, s);
		pthread_detach(thread);
	}
	return NULL;
}

static void backend_start(struct lab_backend *b, const char *name)
{
	struct hdl_endpoint_addr at = { sb_addr("127.0.0.1"), 0 };
	struct hdl_listen_options options = { 0 };
	struct hdl_err err;

	memset(b, 0, sizeof(*b));
	b->name = name;
	pthread_mutex_init(&b->mutex, NULL);
	b->listener = hdl_listen(&at, &options, &err);
	assert_true(b->listener >= 0);
	assert_int_equal(hdl_sock_local(b->listener, &at), 0);
	b->port = at.port;
	fcntl(b->listener, F_SETFL, 0); /* the threads block */
	assert_int_equal(pthread_create(&b->thread, NULL, accept_all, b), 0);
}

static void backend_stop(struct lab_backend *b)
{
	shutdown(b->listener, SHUT_RDWR);
	pthread_join(b->thread, NULL);
	close(b->listener);
	eventually(atomic_load(&b->open) == 0);
	pthread_mutex_destroy(&b->mutex);
}

static inline int requests_of(int backend)
{
	return atomic_load(&lab.backend[backend].requests);
}

static inline int all_requests(void)
{
	int n = 0;

	for (int i = 0; i < LAB_BACKENDS; i++)
		n += requests_of(i);
	return n;
}

/* --- worker --- */

static pthread_mutex_t origin_mutex = PTHREAD_MUTEX_INITIALIZER;

/* Where connections to the worker's own address were going; NULL: nobody knows. */
static inline void set_origin(const char *address, uint16_t port)
{
	pthread_mutex_lock(&origin_mutex);
	lab.has_origin = address != NULL;
	if (address)
		lab.origin = (struct hdl_origin){ .address = sb_addr(address), .port = htons(port) };
	pthread_mutex_unlock(&origin_mutex);
}

static int take_origin(void *data, const struct hdl_origin_key *key, struct hdl_origin *ret_origin)
{
	struct lab *l = data;
	bool found;

	assert_int_equal(key->listener_port, htons(l->port));
	atomic_fetch_add(&l->asked, 1);
	pthread_mutex_lock(&origin_mutex);
	found = l->has_origin;
	*ret_origin = l->origin;
	pthread_mutex_unlock(&origin_mutex);
	return found ? 0 : -ENOENT;
}

/* The service listens on 127.0.0.2:port; the worker on all of 127/8 at that port. */
static struct sb lab_builder(void)
{
	return sb_new(&lab.tables, "reviews", "127.0.0.2", lab.port);
}

/* A cluster with the backends first..last. */
static struct hdl_ir_cluster *lab_cluster(struct sb *b, const char *subset, int first, int last)
{
	struct hdl_ir_cluster *c = sb_cluster(b, subset);

	for (int i = first; i <= last; i++)
		sb_endpoint(b, c, "127.0.0.1", lab.backend[i].port, lab.backend[i].name);
	return c;
}

static struct hdl_snapshot *lab_finish(struct sb *b)
{
	struct hdl_addr any = sb_addr("0.0.0.0");

	return sb_finish(b, &any, lab.port);
}

static const char *lab_address = "0.0.0.0"; /* of the worker's listener */

static int lab_send_buffer; /* of accepted connections; 0 = the kernel's */

static int lab_listen(void)
{
	struct hdl_endpoint_addr at = { sb_addr(lab_address), 0 };
	struct hdl_listen_options options = { 0 };
	struct hdl_err err;
	int fd = hdl_listen(&at, &options, &err);

	assert_true(fd >= 0);
	if (lab_send_buffer)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &lab_send_buffer, sizeof(lab_send_buffer));
	assert_int_equal(hdl_sock_local(fd, &at), 0);
	lab.port = at.port;
	return fd;
}

/* configure() builds the snapshot; backends are up by then. */
static void lab_start(struct hdl_snapshot *(*configure)(void))
{
	static const char *const names[] = { "a", "b", "c", "d" };
	char log_name[] = "/tmp/heddle-test-XXXXXX";
	struct hdl_worker_conf conf = { .listener_fd = { -1, -1 },
					.take_origin = take_origin,
					.take_origin_data = &lab };
	struct hdl_err err;

	memset(&lab.tables, 0, sizeof(lab.tables));
	lab.has_origin = false;
	conf.listener_fd[HDL_FAMILY_V4] = lab_listen();
	for (int i = 0; i < LAB_BACKENDS; i++)
		backend_start(&lab.backend[i], names[i]);
	conf.snapshot = configure();
	conf.tables = sb_core_tables(&lab.tables);
	conf.seed = 12345;
	lab.log_fd = mkstemp(log_name);
	assert_true(lab.log_fd >= 0);
	unlink(log_name);
	conf.access_log_fd = dup(lab.log_fd);
	lab.worker = hdl_worker_new(&conf, &err);
	if (!lab.worker)
		fail_msg("%s", err.text);
	hdl_snapshot_unref(conf.snapshot);
	assert_int_equal(hdl_worker_start(lab.worker, &err), 0);
}

static void lab_stop(void)
{
	const struct hdl_stats *stats = hdl_worker_stats(lab.worker);

	/* Nothing may be left over in the shared records. */
	eventually(hdl_stat_read(&stats->downstream_requests_active) == 0);
	eventually(hdl_stat_read(&stats->retries_active) == 0);
	hdl_worker_free(lab.worker);
	lab.worker = NULL;
	for (int i = 0; i < SB_ENDPOINTS; i++)
		assert_int_equal(lab.tables.health[i].active, 0);
	for (int i = 0; i < LAB_BACKENDS; i++)
		backend_stop(&lab.backend[i]);
	close(lab.log_fd);
}

static inline void lab_reload(struct hdl_snapshot *(*configure)(void))
{
	struct hdl_snapshot *s = configure();
	static uint64_t epoch = 100;

	s->epoch = ++epoch;
	assert_int_equal(hdl_worker_set_snapshot(lab.worker, s), 0);
	eventually(hdl_worker_epoch(lab.worker) == s->epoch);
	hdl_snapshot_unref(s);
}

/*
 * Stops the worker in the middle of a turn of its loop, in which it asks for the origin of a further client. What
 * happens until lab_thaw() it sees afterwards, and at once. Needs the worker at an address of its own (lab_address).
 * Returns that client.
 */
static inline int lab_freeze(void)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(lab.port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), before = atomic_load(&lab.asked);

	assert_true(fd >= 0);
	sa.sin_addr.s_addr = sb_addr(lab_address).word[3];
	pthread_mutex_lock(&origin_mutex);
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	eventually(atomic_load(&lab.asked) == before + 1);
	return fd;
}

static inline void lab_thaw(void)
{
	pthread_mutex_unlock(&origin_mutex);
}

#define stat_of(field) hdl_stat_read(&hdl_worker_stats(lab.worker)->field)

static const char *read_log(void)
{
	ssize_t n = pread(lab.log_fd, lab.log, sizeof(lab.log) - 1, 0);

	assert_true(n >= 0);
	lab.log[n] = '\0';
	return lab.log;
}

static int log_lines(void)
{
	int n = 0;

	for (const char *p = read_log(); (p = strchr(p, '\n')); p++)
		n++;
	return n;
}

/* The n-th line (from 1), as soon as it is there. */
static const char *log_line(int n)
{
	static char line[LAB_BYTES];
	const char *p;

	eventually(log_lines() >= n);
	p = lab.log;
	for (int i = 1; i < n; i++)
		p = strchr(p, '\n') + 1;
	snprintf(line, sizeof(line), "%.*s", (int)(strchr(p, '\n') - p), p);
	return line;
}

/* --- client --- */

static int dial_port(const char *address, uint16_t port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(port) };
	const struct timeval timeout = { .tv_sec = DEADLINE_S };
	struct hdl_addr a = sb_addr(address);

	assert_true(fd >= 0);
	sa.sin_addr.s_addr = a.word[3];
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	return fd;
}

static int dial(void)
{
	return dial_port("127.0.0.2", lab.port);
}

static void send_text(int fd, const char *text)
{
	assert_true(send_all(fd, text, strlen(text)));
}

/* Reads one response into lab.response (NUL at its end). Status; 0 when the connection ended before it was complete. */
static int receive(int fd, bool head_request)
{
	char *p = lab.response, *body, value[64];
	ssize_t n;
	size_t total;
	int status;

	/* byte by byte over the head, so that nothing of a following response is taken */
	for (n = 0;; n++) {
		ssize_t r = recv(fd, p + n, 1, 0);

		p[n + (r > 0)] = '\0';
		lab.response_bytes = (size_t)n;
		if (r <= 0)
			return 0;
		if (n >= 3 && memcmp(p + n - 3, "\r\n\r\n", 4) == 0)
			break;
	}
	total = (size_t)n + 1;
	lab.response_bytes = total;
	status = (int)strtol(p + 9, NULL, 10);
	body = p + total;
	if (head_request || status < 200 || status == 204 || status == 304)
		return status;
	if (header_value(p, "content-length", value, sizeof(value))) {
		size_t wanted = total + strtoul(value, NULL, 10);

		while (total < wanted && (n = recv(fd, p + total, wanted - total, 0)) > 0)
			total += (size_t)n;
		status = total == wanted ? status : 0;
	} else if (strstr(p, "\r\ntransfer-encoding: chunked\r\n")) {
		/* up to the end of the trailer section */
		for (;;) {
			n = recv(fd, p + total, 1, 0);
			if (n <= 0) {
				status = 0;
				break;
			}
			p[++total] = '\0';
			if (total - (size_t)(body - p) >= 5 && memcmp(p + total - 4, "\r\n\r\n", 4) == 0) {
				const char *zero = strncmp(body, "0\r\n", 3) == 0 ? body : strstr(body, "\r\n0\r\n");

				if (zero)
					break;
			}
		}
	} else {
		while ((n = recv(fd, p + total, sizeof(lab.response) - 1 - total, 0)) > 0)
			total += (size_t)n;
	}
	p[total] = '\0';
	lab.response_bytes = total;
	return status;
}

static inline const char *response_body(void)
{
	const char *end = strstr(lab.response, "\r\n\r\n");

	return end ? end + 4 : "";
}

static inline bool response_has(const char *line)
{
	char needle[256];

	snprintf(needle, sizeof(needle), "\r\n%s\r\n", line);
	return strstr(lab.response, needle) != NULL;
}

/* One request on a connection of its own: GET path with extra header lines ("x: y\r\n"). Status. */
static inline int ask(const char *path, const char *headers)
{
	char text[8192];
	int fd = dial(), status;

	snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: reviews\r\n%s\r\n", path, headers);
	send_text(fd, text);
	status = receive(fd, false);
	close(fd);
	return status;
}

/* The peer closed: no more bytes. */
static inline void expect_closed(int fd)
{
	char c;
	ssize_t n = recv(fd, &c, 1, 0);

	assert_true(n == 0 || (n < 0 && errno == ECONNRESET));
}

#endif
