/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that the proxy makes itself, with Envoy's statuses, bodies and headers (specification B.11, B.12). */
#include <stdio.h>
#include <string.h>

#include "http/status.h"
#include "proxy/stream.h"

#define REPLY_BYTES 1024

static int grpc_of_http(unsigned int status)
{
	switch (status) {
	case 400:
		return 13;
	case 401:
		return 16;
	case 403:
		return 7;
	case 404:
		return 12;
	case 429:
	case 502:
	case 503:
	case 504:
		return 14;
	default:
		return 2;
	}
}

/* A gRPC client gets a trailers-only answer; text and message must live until it is written. */
static void add_grpc(struct hdl_stream *s, struct hdl_http_head *head, const char *body, char *text, size_t n)
{
	int length;

	s->grpc_status = grpc_of_http(head->status);
	head->status = 200;
	length = snprintf(text, n, "%d", s->grpc_status);
	hdl_http_headers_add_id(&head->headers, HDL_HTTP_H_CONTENT_TYPE, HDL_STR("application/grpc"));
	hdl_http_headers_add_id(&head->headers, HDL_HTTP_H_GRPC_STATUS, (struct hdl_str){ text, (size_t)length });
	if (*body)
		hdl_http_headers_add_id(&head->headers, HDL_HTTP_H_GRPC_MESSAGE, hdl_str_of(body));
}

static bool may_have_body(const struct hdl_stream *s, unsigned int status)
{
	return s->request.method != HDL_HTTP_HEAD && status != 204 && status != 304;
}

/* Head and body in buf; bytes, or negative. */
static int write_reply(struct hdl_stream *s, unsigned int status, const char *body, bool keep, char *buf, size_t room)
{
	struct hdl_http_header lines[8];
	struct hdl_http_head head = { .version = s->client_version, .status = (uint16_t)status, .keep_alive = keep };
	size_t body_bytes = strlen(body);
	char grpc_text[12];
	int n;

	hdl_http_headers_init(&head.headers, lines, 8);
	if (s->is_grpc) {
		add_grpc(s, &head, body, grpc_text, sizeof(grpc_text));
		body_bytes = 0;
	} else if (body_bytes > 0) {
		hdl_http_headers_add_id(&head.headers, HDL_HTTP_H_CONTENT_TYPE, HDL_STR("text/plain"));
	}
	hdl_http_headers_add_id(&head.headers, HDL_HTTP_H_DATE, hdl_worker_date(s->worker));
	hdl_http_headers_add_id(&head.headers, HDL_HTTP_H_SERVER, HDL_STR("heddle"));
	head.framing = may_have_body(s, head.status) ? HDL_HTTP_BODY_LENGTH : HDL_HTTP_BODY_NONE;
	head.has_content_length = true;
	head.content_length = body_bytes;
	n = hdl_h1_write_response(&head, buf, room);
	if (n < 0 || head.framing == HDL_HTTP_BODY_NONE)
		body_bytes = 0;
	if (n < 0 || (size_t)n + body_bytes > room)
		return -1;
	memcpy(buf + n, body, body_bytes);
	s->status = head.status;
	s->bytes_sent = body_bytes;
	return n + (int)body_bytes;
}

void hdl_reply(struct hdl_stream *stream, unsigned int status, const char *body, const char *details)
{
	struct hdl_down *down = stream->down;
	char buf[REPLY_BYTES];
	/* Before the body was read to its end, the next request could not be found (B.11). */
	bool keep = stream->client_keep && stream->request_complete && status != 400 && !stream->worker->draining;
	struct iovec iov;
	int n;

	hdl_try_end(stream, false);
	if (details)
		stream->details = details;
	stream->is_local = true;
	stream->service_time_ms = -1;
	n = write_reply(stream, status, body, keep, buf, sizeof(buf));
	iov = (struct iovec){ buf, n > 0 ? (size_t)n : 0 };
	stream->response_begun = true;
	if (n < 0 || hdl_conn_send(&down->conn, &iov, 1) < 0)
		hdl_stream_finish(stream, false, true);
	else
		hdl_stream_finish(stream, keep, false);
}

void hdl_reply_bad_head(struct hdl_stream *stream, int error)
{
	struct hdl_stats *stats = &stream->worker->stats;
	unsigned int status = hdl_h1_error_status(error);
	char body[64];
	int code = error < 0 ? -error : error;

	hdl_stat_inc(&stats->codec_errors[code]);
	if (code == HDL_H1_E_HEAD_TOO_LARGE)
		hdl_stat_inc(&stats->limit_header_bytes);
	if (code == HDL_H1_E_TOO_MANY_HEADERS)
		hdl_stat_inc(&stats->limit_header_count);
	if (code != HDL_H1_E_HOST_MISSING)
		hdl_stream_flag(stream, HDL_FLAG_DPE);
	snprintf(body, sizeof(body), "%.*s", HDL_STR_ARG(hdl_http_status_reason(status)));
	/* Nothing of the head can be relied on, its slices included. */
	stream->request = (struct hdl_http_head){ .is_request = true };
	hdl_http_headers_init(&stream->request.headers, stream->request_v, stream->headers_max);
	hdl_reply(stream, status, code == HDL_H1_E_HOST_MISSING ? "" : body, hdl_h1_error_details(error));
}

void hdl_reply_reset(struct hdl_stream *stream)
{
	static const struct {
		const char *text;
		unsigned int status;
		enum hdl_flag flag;
	} replies[] = {
		[HDL_RESET_NONE] = { "connection termination", 503, HDL_FLAG_UC },
		[HDL_RESET_CONNECT] = { "remote connection failure", 503, HDL_FLAG_UF },
		[HDL_RESET_CONNECT_LOCAL] = { "local connection failure", 503, HDL_FLAG_UF },
		[HDL_RESET_CONNECT_TIMEOUT] = { "connection timeout", 503, HDL_FLAG_UF },
		[HDL_RESET_TERMINATION] = { "connection termination", 503, HDL_FLAG_UC },
		[HDL_RESET_PROTOCOL] = { "protocol error", 502, HDL_FLAG_UPE },
		[HDL_RESET_LOCAL] = { "local reset", 503, HDL_FLAG_LR },
	};
	enum hdl_reset_reason reason = stream->reset_reason;
	char body[160];

	snprintf(body, sizeof(body), "upstream connect error or disconnect/reset before headers. %s: %s",
		 stream->retries ? "retried and the latest reset reason" : "reset reason", replies[reason].text);
	hdl_stream_flag(stream, replies[reason].flag);
	stream->details = NULL; /* made of the reason */
	hdl_reply(stream, replies[reason].status, body, NULL);
}
