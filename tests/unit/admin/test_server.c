/* SPDX-License-Identifier: Apache-2.0 */
/* The admin server's connections: requests in pieces, limits, Host, HEAD, reload answered later, too many connections. */
#include "unit/admin/scene.h"
#include "admin/server.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct fixture {
	struct scene *scene;
	struct hdl_loop loop;
	struct hdl_admin *admin;
	struct sockaddr_un unix_address;
	struct sockaddr_in tcp_address;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct hdl_admin_conf conf;
	socklen_t size;
	struct hdl_err err;
	void *scene = NULL;

	assert_non_null(f);
	scene_setup(&scene);
	f->scene = scene;
	assert_int_equal(hdl_loop_init(&f->loop), 0);
	conf = (struct hdl_admin_conf){ .loop = &f->loop, .ops = scene_ops(f->scene) };
	conf.unix_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	f->unix_address.sun_family = AF_UNIX; /* autobind: an abstract name that nobody else has */
	assert_int_equal(bind(conf.unix_fd, (struct sockaddr *)&f->unix_address, sizeof(sa_family_t)), 0);
	size = sizeof(f->unix_address);
	assert_int_equal(getsockname(conf.unix_fd, (struct sockaddr *)&f->unix_address, &size), 0);
	conf.tcp_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	f->tcp_address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	assert_int_equal(bind(conf.tcp_fd, (struct sockaddr *)&f->tcp_address, sizeof(f->tcp_address)), 0);
	size = sizeof(f->tcp_address);
	assert_int_equal(getsockname(conf.tcp_fd, (struct sockaddr *)&f->tcp_address, &size), 0);
	assert_int_equal(listen(conf.unix_fd, 200), 0);
	assert_int_equal(listen(conf.tcp_fd, 200), 0);
	f->admin = hdl_admin_new(&conf, &err);
	assert_non_null(f->admin);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	void *scene = f->scene;

	hdl_admin_free(f->admin);
	hdl_loop_done(&f->loop);
	scene_teardown(&scene);
	free(f);
	return 0;
}

static int dial(struct fixture *f, bool tcp)
{
	int fd = socket(tcp ? AF_INET : AF_UNIX, SOCK_STREAM, 0);
	int r = tcp ? connect(fd, (struct sockaddr *)&f->tcp_address, sizeof(f->tcp_address)) :
		      connect(fd, (struct sockaddr *)&f->unix_address, sizeof(sa_family_t) + 6);

	assert_int_equal(r, 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

static void turns(struct fixture *f)
{
	for (int i = 0; i < 5; i++)
		hdl_loop_turn(&f->loop, 0);
}

static void say(struct fixture *f, int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
	turns(f);
}

/* Everything up to the end of the connection; turns the loop meanwhile. */
static const char *hear(struct fixture *f, int fd)
{
	static char text[1 << 20];
	size_t n = 0;

	for (int i = 0; i < 100000; i++) {
		ssize_t got = recv(fd, text + n, sizeof(text) - 1 - n, 0);

		if (got == 0)
			break;
		if (got > 0)
			n += (size_t)got;
		hdl_loop_turn(&f->loop, 0);
	}
	text[n] = '\0';
	close(fd);
	turns(f);
	return text;
}

static const char *once(struct fixture *f, bool tcp, const char *request)
{
	int fd = dial(f, tcp);

	say(f, fd, request);
	return hear(f, fd);
}

static void expect(const char *answer, const char *part)
{
	if (!strstr(answer, part))
		fail_msg("no \"%s\" in: %s", part, answer);
}

static void test_simple(void **state)
{
	struct fixture *f = *state;
	const char *answer = once(f, true, "GET /ready HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");

	expect(answer, "HTTP/1.1 200 OK\r\n");
	expect(answer, "connection: close\r\n");
	expect(answer, "content-length: 5\r\n");
	expect(answer, "\r\n\r\nLIVE\n");
	answer = once(f, false, "HEAD /ready HTTP/1.1\r\nHost: x\r\n\r\n");
	expect(answer, "content-length: 5\r\n");
	assert_null(strstr(answer, "LIVE"));
	expect(once(f, false, "GET /api/v1/status?x HTTP/1.0\r\n\r\n"), "\"state\": \"ready\"");
}

/* The head byte by byte, the body after it. */
static void test_pieces(void **state)
{
	static const char request[] = "POST /api/v1/endpoint/eject HTTP/1.1\r\nHost: x\r\nContent-Length: 28\r\n\r\n"
				      "{\"address\":\"10.0.0.1:9080\"} ";
	struct fixture *f = *state;
	int fd = dial(f, false);

	for (size_t i = 0; i < sizeof(request) - 1; i++)
		say(f, fd, (char[]){ request[i], '\0' });
	expect(hear(f, fd), "\"changed\": 2");
}

static void test_refused(void **state)
{
	static const struct {
		bool tcp;
		const char *request, *status;
	} cases[] = {
		{ false, "NONSENSE\r\n\r\n", "HTTP/1.1 400" },
		{ false, "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
		  "HTTP/1.1 400" },
		{ false, "GET / HTTP/1.1\nHost: x\n\n", "HTTP/1.1 400" },
		{ false, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 411" },
		{ false, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 65537\r\n\r\n", "HTTP/1.1 413" },
		{ false, "GET /nonsense HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404" },
		{ false, "GET /api/v1/drain HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 405" },
		{ true, "POST /api/v1/drain HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 403" },
		/* a name that a web page had pointed at 127.0.0.1 */
		{ true, "GET /config_dump HTTP/1.1\r\nHost: evil.example\r\n\r\n", "HTTP/1.1 403" },
		{ true, "GET /config_dump HTTP/1.1\r\nHost: evil.example:15000\r\n\r\n", "HTTP/1.1 403" },
		{ true, "GET /ready HTTP/1.1\r\nHost: localhost:15000\r\n\r\n", "HTTP/1.1 200" },
		{ true, "GET /ready HTTP/1.1\r\nHost: LocalHost\r\n\r\n", "HTTP/1.1 200" },
		{ true, "GET /ready HTTP/1.1\r\nHost: [::1]:15000\r\n\r\n", "HTTP/1.1 200" },
		{ true, "GET /ready HTTP/1.1\r\nHost: 10.1.2.3\r\n\r\n", "HTTP/1.1 200" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < HDL_ARRAY_SIZE(cases); i++)
		expect(once(f, cases[i].tcp, cases[i].request), cases[i].status);
	assert_int_equal(f->scene->drains, 0);
}

static void test_head_too_large(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f, true);
	char line[1100];

	memset(line, 'x', sizeof(line));
	memcpy(line, "x: ", 3);
	memcpy(line + sizeof(line) - 3, "\r\n", 3);
	say(f, fd, "GET / HTTP/1.1\r\n");
	for (int i = 0; i < 20 && send(fd, line, strlen(line), MSG_NOSIGNAL) > 0; i++)
		turns(f);
	expect(hear(f, fd), "HTTP/1.1 431");
}

static void test_reload(void **state)
{
	struct hdl_admin_reload done = { .result = "partly_refused", .reason = "", .epoch = 9, .errors = 2 };
	struct fixture *f = *state;
	int fd = dial(f, false);
	char c;

	say(f, fd, "POST /api/v1/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
	assert_int_not_equal(f->scene->reload_call, 0);
	assert_int_equal(recv(fd, &c, 1, 0), -1);
	hdl_admin_finish_reload(f->admin, f->scene->reload_call + 1, &done);
	turns(f);
	assert_int_equal(recv(fd, &c, 1, 0), -1);
	hdl_admin_finish_reload(f->admin, f->scene->reload_call, &done);
	expect(hear(f, fd), "\"result\": \"partly_refused\"");
	/* a client that went away meanwhile */
	fd = dial(f, false);
	say(f, fd, "POST /api/v1/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
	close(fd);
	turns(f);
	hdl_admin_finish_reload(f->admin, f->scene->reload_call, &done);
}

/* Promise P7: connections over the limit wait in the queue and are served when others end. */
static void test_too_many(void **state)
{
	struct fixture *f = *state;
	int fds[HDL_ADMIN_CONNECTIONS_MAX], last;
	char c;

	for (int i = 0; i < HDL_ADMIN_CONNECTIONS_MAX; i++) {
		fds[i] = dial(f, false);
		turns(f);
	}
	last = dial(f, true);
	say(f, last, "GET /ready HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
	assert_int_equal(recv(last, &c, 1, 0), -1);
	close(fds[0]);
	expect(hear(f, last), "HTTP/1.1 200");
	for (int i = 1; i < HDL_ADMIN_CONNECTIONS_MAX; i++)
		close(fds[i]);
	turns(f);
	expect(once(f, false, "GET /ready HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 200");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(simple), T(pieces), T(refused), T(head_too_large), T(reload), T(too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
