/* SPDX-License-Identifier: Apache-2.0 */
/* One HTTP/1.1 request over the daemon's unix socket. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "h1/body.h"
#include "h1/parse.h"
#include "heddlectl/ctl.h"

/* `maps` of a full node is the longest answer. */
#define ANSWER_BYTES_MAX (256u << 20)
/* A reload may take the daemon 30 s. */
#define ANSWER_TIMEOUT_S 40

static int open_socket(const struct ctl *ctl, char *why, size_t why_size)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	uint64_t answer_ns = ctl->answer_ns ? ctl->answer_ns : ANSWER_TIMEOUT_S * HDL_NS_PER_S;
	struct timeval timeout = { .tv_sec = (time_t)(answer_ns / HDL_NS_PER_S),
				   .tv_usec = (suseconds_t)(answer_ns % HDL_NS_PER_S / 1000) };
	int n = snprintf(address.sun_path, sizeof(address.sun_path), "%s/heddle.sock", ctl->run_dir), fd, result;

	if (n < 0 || (size_t)n >= sizeof(address.sun_path)) {
		snprintf(why, why_size, "%s: path too long for a socket", ctl->run_dir);
		return -ENAMETOOLONG;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		snprintf(why, why_size, "socket: %s", strerror(errno));
		return -errno;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	result = -errno;
	snprintf(why, why_size, "%s: %s", address.sun_path, strerror(errno));
	close(fd);
	return result;
}

static int send_all(int fd, const char *data, size_t n)
{
	while (n > 0) {
		ssize_t sent = send(fd, data, n, MSG_NOSIGNAL);

		if (sent < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		data += sent;
		n -= (size_t)sent;
	}
	return 0;
}

/* The daemon closes after its answer. */
static int receive_all(int fd, struct hdl_buf *answer)
{
	char piece[65536];
	ssize_t n;

	while ((n = recv(fd, piece, sizeof(piece), 0)) != 0) {
		if (n < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		hdl_buf_add(answer, piece, (size_t)n);
		if (answer->failed)
			return -ENOMEM;
	}
	return 0;
}

/* Collects the body behind the head into body. 0 or -EPROTO. */
static int read_body(struct hdl_buf *answer, const struct hdl_http_head *head, size_t head_bytes, struct hdl_buf *body)
{
	static const struct hdl_h1_limits limits = HDL_H1_LIMITS_DEFAULT;
	struct hdl_h1_body framer;
	size_t at = head_bytes;

	hdl_h1_body_init(&framer, head, &limits, NULL);
	for (;;) {
		struct hdl_str data = { 0 };
		size_t consumed = 0;
		int result = hdl_h1_body_feed(&framer, answer->p + at, answer->n - at, &consumed, &data);

		if (result < 0)
			return -EPROTO;
		at += consumed;
		if (result == HDL_H1_BODY_DATA)
			hdl_buf_add(body, data.p, data.n);
		if (result == HDL_H1_BODY_MORE)
			result = hdl_h1_body_eof(&framer);
		if (result == HDL_H1_BODY_END)
			return body->failed ? -ENOMEM : 0;
		if (result < 0)
			return -EPROTO;
	}
}

static int parse_answer(struct hdl_buf *answer, enum hdl_http_method method, int *ret_status, json_t **ret)
{
	static const struct hdl_h1_limits limits = HDL_H1_LIMITS_DEFAULT;
	struct hdl_http_header headers[HDL_H1_HEADERS_MAX];
	struct hdl_http_head head = { .headers = { .v = headers, .capacity = HDL_H1_HEADERS_MAX } };
	struct hdl_h1_scan scan = { 0 };
	struct hdl_buf body = { 0 };
	int n = answer->n ? hdl_h1_parse_response(answer->p, answer->n, &scan, &limits, method, &head) : 0, result;
	json_t *value = NULL;

	if (n <= 0)
		return -EPROTO;
	result = read_body(answer, &head, (size_t)n, &body);
	if (result == 0) {
		value = json_loadb(body.p ? body.p : "", body.n, JSON_REJECT_DUPLICATES, NULL);
		result = value ? 0 : -EPROTO;
	}
	hdl_buf_done(&body);
	if (result == 0) {
		*ret_status = head.status;
		*ret = value;
	}
	return result;
}

int ctl_request(const struct ctl *ctl, const char *path, json_t *body, int *ret_status, json_t **ret, char *why,
		size_t why_size)
{
	struct hdl_buf out = { 0 }, answer = { .limit_bytes = ANSWER_BYTES_MAX };
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	int fd = open_socket(ctl, why, why_size), result;

	if (fd < 0) {
		free(text);
		return fd;
	}
	hdl_buf_printf(&out, "%s %s HTTP/1.1\r\nHost: heddle\r\nConnection: close\r\n", body ? "POST" : "GET", path);
	if (text)
		hdl_buf_printf(&out, "Content-Type: application/json\r\nContent-Length: %zu\r\n", strlen(text));
	hdl_buf_printf(&out, "\r\n%s", text ? text : "");
	result = out.failed ? -ENOMEM : send_all(fd, out.p, out.n);
	if (result == 0)
		result = receive_all(fd, &answer);
	close(fd);
	if (result == 0)
		result = parse_answer(&answer, body ? HDL_HTTP_POST : HDL_HTTP_GET, ret_status, ret);
	if (result < 0)
		snprintf(why, why_size, "%s",
			 result == -EAGAIN ? "the daemon did not answer in time" :
			 result == -EPROTO ? "the daemon's answer is not understood (another version?)" :
					     strerror(-result));
	free(text);
	hdl_buf_done(&out);
	hdl_buf_done(&answer);
	return result;
}

json_t *ctl_ask(const struct ctl *ctl, const char *path, json_t *body)
{
	char why[256];
	json_t *answer = NULL;
	int status = 0, result = ctl_request(ctl, path, body, &status, &answer, why, sizeof(why));

	if (result < 0) {
		fprintf(stderr, "heddlectl: %s%s\n", why,
			result == -ENOENT || result == -ECONNREFUSED ?
				"; is heddled running, and --run-dir its run directory?" :
			result == -EACCES ? "; the socket is for root only" :
					    "");
		return NULL;
	}
	if (status >= 400) {
		fprintf(stderr, "heddlectl: %s\n",
			*ctl_str(answer, "error") ? ctl_str(answer, "error") : "the daemon refused");
		json_decref(answer);
		return NULL;
	}
	return answer;
}
