/* SPDX-License-Identifier: Apache-2.0 */
/* Connections of the admin server. */
#include "admin/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "admin/page.h"
#include "base/addr.h"
#include "base/list.h"
#include "base/log.h"
#include "h1/error.h"
#include "h1/parse.h"
#include "h1/serialize.h"
#include "net/sock.h"

#define HEADERS_MAX 64
#define HEAD_OUT_BYTES 1024
#define IN_BYTES (HDL_ADMIN_HEAD_BYTES_MAX + HDL_ADMIN_BODY_BYTES_MAX)

/* READING the request, WAITING for a reload, WRITING the answer, LINGERING for the client to close. */
enum phase { READING, WAITING, WRITING, LINGERING };

struct connection {
	struct hdl_list link;
	struct hdl_io io;
	struct hdl_timer timer;
	struct hdl_admin *admin;
	uint64_t call;
	enum phase phase;
	bool trusted, head_only;
	char *in; /* head, then body */
	size_t in_bytes, head_bytes, body_bytes;
	struct hdl_h1_scan scan;
	struct hdl_admin_request request;
	char head_out[HEAD_OUT_BYTES];
	size_t head_out_bytes, sent;
	struct hdl_buf body;
};

struct listener {
	struct hdl_io io;
	struct hdl_admin *admin;
	bool trusted;
};

struct hdl_admin {
	struct hdl_loop *loop;
	struct hdl_admin_ops ops;
	struct listener listener[2];
	struct hdl_list connections;
	unsigned int count;
	uint64_t last_call;
};

static void pause_listeners(struct hdl_admin *admin, bool paused)
{
	for (size_t i = 0; i < 2; i++)
		if (admin->listener[i].io.fd >= 0)
			(void)hdl_loop_pause(admin->loop, &admin->listener[i].io, paused);
}

static void close_connection(struct connection *c)
{
	struct hdl_admin *admin = c->admin;

	hdl_timer_stop(&admin->loop->timers, &c->timer);
	hdl_loop_remove(admin->loop, &c->io);
	close(c->io.fd);
	hdl_list_remove(&c->link);
	hdl_buf_done(&c->body);
	free(c->in);
	free(c);
	if (admin->count-- == HDL_ADMIN_CONNECTIONS_MAX)
		pause_listeners(admin, false);
}

static void flush(struct connection *c)
{
	while (c->sent < c->head_out_bytes + c->body.n) {
		struct iovec iov[2];
		int n = 0;
		ssize_t r;

		if (c->sent < c->head_out_bytes)
			iov[n++] = (struct iovec){ c->head_out + c->sent, c->head_out_bytes - c->sent };
		if (c->body.n) {
			size_t at = c->sent > c->head_out_bytes ? c->sent - c->head_out_bytes : 0;

			iov[n++] = (struct iovec){ c->body.p + at, c->body.n - at };
		}
		r = hdl_sock_write(c->io.fd, iov, n);
		if (r < 0) {
			close_connection(c);
			return;
		}
		if (r == 0)
			return; /* the loop says when there is room */
		c->sent += (size_t)r;
		hdl_timer_set(&c->admin->loop->timers, &c->timer, c->admin->loop->now_ns + HDL_ADMIN_WRITE_NS);
	}
	/* Closing at once with unread bytes would reset the connection and could cut the answer off. */
	c->phase = LINGERING;
	shutdown(c->io.fd, SHUT_WR);
	hdl_timer_set(&c->admin->loop->timers, &c->timer, c->admin->loop->now_ns + HDL_ADMIN_READ_NS);
}

static void write_answer(struct connection *c, struct hdl_admin_answer *answer)
{
	struct hdl_http_header lines[8];
	struct hdl_http_head head = { .version = HDL_HTTP_1_1, .framing = HDL_HTTP_BODY_LENGTH };
	int n;

	if (answer->body.failed) {
		hdl_buf_done(&answer->body);
		answer->body = (struct hdl_buf){ 0 };
		hdl_admin_error(answer, 500, "out of memory, or the answer is too large");
	}
	head.status = (uint16_t)answer->status;
	head.content_length = answer->body.n;
	head.has_content_length = true;
	hdl_http_headers_init(&head.headers, lines, 8);
	hdl_http_headers_add_id(&head.headers, HDL_HTTP_H_SERVER, HDL_STR("heddle"));
	hdl_http_headers_add_id(&head.headers, HDL_HTTP_H_CONTENT_TYPE, hdl_str_of(answer->type));
	hdl_http_headers_add_id(&head.headers, HDL_HTTP_H_CACHE_CONTROL, HDL_STR("no-store"));
	if (answer->allow)
		hdl_http_headers_add(&head.headers, HDL_STR("allow"), hdl_str_of(answer->allow));
	/* a page in a browser must not be able to read or frame this one */
	hdl_http_headers_add(&head.headers, HDL_STR("x-content-type-options"), HDL_STR("nosniff"));
	n = hdl_h1_write_response(&head, c->head_out, sizeof(c->head_out));
	if (n < 0) {
		hdl_buf_done(&answer->body);
		close_connection(c);
		return;
	}
	c->head_out_bytes = (size_t)n;
	c->body = answer->body;
	if (c->head_only)
		c->body.n = 0;
	c->phase = WRITING;
	hdl_timer_set(&c->admin->loop->timers, &c->timer, c->admin->loop->now_ns + HDL_ADMIN_WRITE_NS);
	flush(c);
}

static void refuse(struct connection *c, unsigned int status, const char *text)
{
	struct hdl_admin_answer answer = { 0 };

	hdl_admin_error(&answer, status, "%s", text);
	write_answer(c, &answer);
}

static void answer_request(struct connection *c)
{
	struct hdl_admin_answer answer = { .status = 200, .type = HDL_ADMIN_JSON };

	answer.body.limit_bytes = HDL_ADMIN_ANSWER_BYTES_MAX;
	c->request.body = (struct hdl_str){ c->in + c->head_bytes, c->body_bytes };
	c->request.trusted = c->trusted;
	c->request.call = c->call;
	c->phase = WAITING;
	hdl_timer_set(&c->admin->loop->timers, &c->timer, c->admin->loop->now_ns + HDL_ADMIN_RELOAD_NS);
	hdl_admin_route(&c->admin->ops, &c->request, &answer);
	if (!answer.later)
		write_answer(c, &answer);
}

/*
 * A web page that a user of this machine visits may make their browser send requests here; the name by which a browser
 * found this address must be an address or localhost, so that a name that was pointed here later does not work.
 */
static bool host_is_local(struct hdl_str authority)
{
	struct hdl_addr address;
	uint16_t port;
	size_t n = authority.n;

	if (n && authority.p[0] == '[') {
		const char *end = memchr(authority.p, ']', n);

		return end && hdl_addr_parse((struct hdl_str){ authority.p + 1, (size_t)(end - authority.p) - 1 },
					     &address) == 0;
	}
	if (hdl_addr_port_parse(authority, &address, &port) == 0)
		return true;
	for (size_t i = 0; i < n; i++)
		if (authority.p[i] == ':')
			n = i;
	authority.n = n;
	return n == 0 || hdl_addr_parse(authority, &address) == 0 || hdl_str_eq_nocase(authority, HDL_STR("localhost"));
}

/* The head is there. True: go on with the body. */
static bool take_head(struct connection *c, const struct hdl_http_head *head)
{
	c->request.method = head->method;
	c->request.path = head->path;
	c->request.query = head->query;
	c->head_only = head->method == HDL_HTTP_HEAD;
	if (!c->trusted && !host_is_local(head->authority)) {
		refuse(c, 403, "the Host header must be an address or localhost");
		return false;
	}
	if (head->framing == HDL_HTTP_BODY_CHUNKED) {
		refuse(c, 411, "send the body with Content-Length");
		return false;
	}
	c->body_bytes = head->framing == HDL_HTTP_BODY_LENGTH ? head->content_length : 0;
	if (head->framing == HDL_HTTP_BODY_LENGTH && head->content_length > HDL_ADMIN_BODY_BYTES_MAX) {
		refuse(c, 413, "the body is larger than 64 KiB");
		return false;
	}
	return true;
}

/*
 * Looks at what has arrived. True: more is needed. False: answered, and c may be gone. The slices of the request point
 * into c->in, which does not move.
 */
static bool look(struct connection *c)
{
	static const struct hdl_h1_limits limits = { HDL_ADMIN_HEAD_BYTES_MAX, HEADERS_MAX, 0 };
	struct hdl_http_header lines[HEADERS_MAX + 1];
	struct hdl_http_head head;
	int n;

	if (c->head_bytes == 0) {
		hdl_http_headers_init(&head.headers, lines, HEADERS_MAX + 1);
		n = hdl_h1_parse_request(c->in, c->in_bytes, &c->scan, &limits, &head);
		if (n == 0)
			return true;
		if (n < 0) {
			refuse(c, hdl_h1_error_status(n), hdl_h1_error_label(n));
			return false;
		}
		c->head_bytes = (size_t)n;
		if (!take_head(c, &head))
			return false;
		if (head.expect_continue && c->in_bytes < c->head_bytes + c->body_bytes) {
			struct iovec iov = { (void *)hdl_h1_continue.p, hdl_h1_continue.n };

			(void)hdl_sock_write(c->io.fd, &iov, 1);
		}
	}
	if (c->in_bytes < c->head_bytes + c->body_bytes)
		return true;
	answer_request(c);
	return false;
}

static void read_more(struct connection *c)
{
	for (;;) {
		size_t room = IN_BYTES - c->in_bytes;
		ssize_t n;

		if (room == 0) {
			refuse(c, 431, "the request is too large");
			return;
		}
		n = hdl_sock_read(c->io.fd, c->in + c->in_bytes, room);
		if (n == -EAGAIN)
			return;
		if (n <= 0) {
			close_connection(c);
			return;
		}
		c->in_bytes += (size_t)n;
		if (!look(c))
			return;
	}
}

/* Reads away what still comes until the client has closed. */
static void drop_rest(struct connection *c)
{
	char space[4096];
	ssize_t n;

	do
		n = hdl_sock_read(c->io.fd, space, sizeof(space));
	while (n > 0);
	if (n != -EAGAIN)
		close_connection(c);
}

static void on_connection(struct hdl_io *io, uint32_t events)
{
	struct connection *c = HDL_CONTAINER_OF(io, struct connection, io);

	if (events & EPOLLERR) {
		close_connection(c);
		return;
	}
	switch (c->phase) {
	case READING:
		read_more(c);
		break;
	case WAITING:
		if (events & (EPOLLHUP | EPOLLRDHUP))
			close_connection(c);
		break;
	case WRITING:
		if (events & EPOLLOUT)
			flush(c);
		break;
	case LINGERING:
		drop_rest(c);
		break;
	}
}

static void on_timer(struct hdl_timer *timer)
{
	struct connection *c = HDL_CONTAINER_OF(timer, struct connection, timer);

	if (c->phase == READING)
		refuse(c, 408, "the request did not come in time");
	else if (c->phase == WAITING)
		refuse(c, 504, "the reload did not end in time");
	else
		close_connection(c);
}

static int add_connection(struct hdl_admin *admin, int fd, bool trusted)
{
	struct connection *c = calloc(1, sizeof(*c));

	if (c)
		c->in = malloc(IN_BYTES);
	if (!c || !c->in) {
		free(c);
		close(fd);
		return -ENOMEM;
	}
	c->admin = admin;
	c->trusted = trusted;
	c->call = ++admin->last_call;
	c->io = (struct hdl_io){ fd, on_connection };
	hdl_timer_init(&c->timer, on_timer);
	hdl_list_append(&admin->connections, &c->link);
	admin->count++;
	if (hdl_loop_add(admin->loop, &c->io) < 0) {
		close_connection(c);
		return -ENOMEM;
	}
	hdl_timer_set(&admin->loop->timers, &c->timer, admin->loop->now_ns + HDL_ADMIN_READ_NS);
	return 0;
}

static void on_accept(struct hdl_io *io, uint32_t events)
{
	struct listener *listener = HDL_CONTAINER_OF(io, struct listener, io);
	struct hdl_admin *admin = listener->admin;

	(void)events;
	while (admin->count < HDL_ADMIN_CONNECTIONS_MAX) {
		int fd = accept4(io->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0 && errno == EINTR)
			continue;
		if (fd < 0)
			return;
		if (add_connection(admin, fd, listener->trusted) < 0)
			return;
	}
	pause_listeners(admin, true);
}

struct hdl_admin *hdl_admin_new(const struct hdl_admin_conf *conf, struct hdl_err *err)
{
	struct hdl_admin *admin = calloc(1, sizeof(*admin));
	const int fds[2] = { conf->unix_fd, conf->tcp_fd };
	int r = 0;

	if (!admin) {
		for (size_t i = 0; i < 2; i++)
			if (fds[i] >= 0)
				close(fds[i]);
		hdl_err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	admin->loop = conf->loop;
	admin->ops = conf->ops;
	hdl_list_init(&admin->connections);
	for (size_t i = 0; i < 2; i++)
		admin->listener[i] = (struct listener){ { fds[i], on_accept }, admin, i == 0 };
	for (size_t i = 0; i < 2 && r == 0; i++)
		if (fds[i] >= 0)
			r = hdl_loop_add_level(admin->loop, &admin->listener[i].io);
	if (r < 0) {
		hdl_err_set(err, r, "admin server: %s", strerror(-r));
		return hdl_admin_free(admin);
	}
	return admin;
}

struct hdl_admin *hdl_admin_free(struct hdl_admin *admin)
{
	if (!admin)
		return NULL;
	HDL_LIST_FOR_EACH_SAFE(item, next, &admin->connections)
		close_connection(HDL_CONTAINER_OF(item, struct connection, link));
	for (size_t i = 0; i < 2; i++) {
		if (admin->listener[i].io.fd < 0)
			continue;
		hdl_loop_remove(admin->loop, &admin->listener[i].io);
		close(admin->listener[i].io.fd);
	}
	free(admin);
	return NULL;
}

void hdl_admin_finish_reload(struct hdl_admin *admin, uint64_t call, const struct hdl_admin_reload *reload)
{
	HDL_LIST_FOR_EACH(item, &admin->connections) {
		struct connection *c = HDL_CONTAINER_OF(item, struct connection, link);
		struct hdl_admin_answer answer = { .status = 200, .type = HDL_ADMIN_JSON };
		struct hdl_jsonw w;

		if (c->call != call || c->phase != WAITING)
			continue;
		hdl_jsonw_init(&w, &answer.body, true);
		hdl_jsonw_object(&w);
		hdl_jsonw_kstr(&w, "result", reload->result);
		hdl_jsonw_ku64(&w, "epoch", reload->epoch);
		hdl_jsonw_ku64(&w, "errors", reload->errors);
		hdl_jsonw_ku64(&w, "warnings", reload->warnings);
		hdl_jsonw_ku64(&w, "refused_documents", reload->refused_documents);
		hdl_jsonw_kstr(&w, "reason", reload->reason);
		hdl_jsonw_object_end(&w);
		hdl_buf_adds(&answer.body, "\n");
		write_answer(c, &answer);
		return;
	}
}
