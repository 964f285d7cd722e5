/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that the proxy makes itself, with Envoy's statuses, bodies and headers (specification B.11, B.12). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "http/status.h"
#include "policy/cors.h"
#include "proxy/stream.h"

/* A longer body is no message for people. */
#define GRPC_MESSAGE_BYTES_MAX 1024

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

/* Percent-encoded, as gRPC wants it: bodies of directResponse may hold anything. "" when memory is out. */
static struct hdl_str grpc_message(struct hdl_stream *s, struct hdl_str body)
{
	static const char hex[] = "0123456789ABCDEF";
	char *text = hdl_stream_text(s, body.n * 3);
	size_t n = 0;

	if (!text)
		return HDL_STR("");
	for (size_t i = 0; i < body.n; i++) {
		unsigned char c = (unsigned char)body.p[i];

		if (c >= ' ' && c < 0x7f && c != '%') {
			text[n++] = (char)c;
			continue;
		}
		text[n++] = '%';
		text[n++] = hex[c >> 4];
		text[n++] = hex[c & 15];
	}
	return (struct hdl_str){ text, n };
}

/* A gRPC client gets a trailers-only answer; text and message must live until it is written. */
static void add_grpc(struct hdl_stream *s, const struct hdl_local_reply *reply, struct hdl_http_head *head, char *text,
		     size_t n)
{
	int length;

	s->grpc_status = reply->has_grpc_status ? reply->grpc_status : grpc_of_http(head->status);
	head->status = 200;
	length = snprintf(text, n, "%d", s->grpc_status);
	hdl_http_headers_add_id(&head->headers, HDL_HTTP_H_CONTENT_TYPE, HDL_STR("application/grpc"));
	hdl_http_headers_add_id(&head->headers, HDL_HTTP_H_GRPC_STATUS, (struct hdl_str){ text, (size_t)length });
	if (reply->body.n && reply->body.n <= GRPC_MESSAGE_BYTES_MAX)
		hdl_http_headers_add_id(&head->headers, HDL_HTTP_H_GRPC_MESSAGE, grpc_message(s, reply->body));
}

static bool may_have_body(const struct hdl_stream *s, unsigned int status)
{
	return s->request.method != HDL_HTTP_HEAD && status != 204 && status != 304;
}

/* What the route adds, and CORS; a preflight has its own (B.6). 0 or -errno. */
static int add_of_route(struct hdl_stream *s, const struct hdl_local_reply *reply, struct hdl_http_headers *list)
{
	if (!s->route)
		return 0;
	if (reply->preflight)
		return hdl_cors_preflight(s->route->cors, &s->request, reply->preflight == HDL_PREFLIGHT_ANSWER_ALLOWED,
					  list);
	return hdl_headers_of_response(s, list);
}

static int add_if_absent(struct hdl_http_headers *list, enum hdl_http_header_id id, struct hdl_str value)
{
	return hdl_http_headers_has(list, id) ? 0 : hdl_http_headers_add_id(list, id, value);
}

/* Head in the worker's scratch; bytes, or negative. *ret_body: what goes behind it. */
static int write_reply(struct hdl_stream *s, const struct hdl_local_reply *reply, bool keep, struct hdl_str *ret_body)
{
	struct hdl_http_head head = { .version = s->client_version,
				      .status = (uint16_t)reply->status,
				      .keep_alive = keep };
	struct hdl_http_headers *list = &head.headers;
	struct hdl_str body = reply->body;
	char grpc_text[12];
	int r;

	hdl_http_headers_init(list, s->response_v, s->headers_max);
	if (s->is_grpc) {
		add_grpc(s, reply, &head, grpc_text, sizeof(grpc_text));
		body.n = 0;
	} else if (body.n > 0) {
		hdl_http_headers_add_id(list, HDL_HTTP_H_CONTENT_TYPE, HDL_STR("text/plain"));
	}
	if (reply->location.n)
		hdl_http_headers_add_id(list, HDL_HTTP_H_LOCATION, reply->location);
	s->status = head.status;
	r = add_of_route(s, reply, list);
	if (r == 0)
		r = hdl_headers_reserve(s, list, 3);
	if (r == 0)
		r = add_if_absent(list, HDL_HTTP_H_DATE, hdl_worker_date(s->worker));
	if (r == 0 && reply->overloaded)
		r = add_if_absent(list, HDL_HTTP_H_ENVOY_OVERLOADED, HDL_STR("true"));
	if (r == 0)
		r = add_if_absent(list, HDL_HTTP_H_SERVER, HDL_STR("heddle"));
	if (r < 0)
		return r;
	head.framing = may_have_body(s, head.status) ? HDL_HTTP_BODY_LENGTH : HDL_HTTP_BODY_NONE;
	head.has_chunked = reply->head_is_chunked && s->request.method == HDL_HTTP_HEAD;
	head.has_content_length = !head.has_chunked;
	head.content_length = body.n;
	if (head.framing == HDL_HTTP_BODY_NONE)
		body.n = 0;
	if (hdl_h1_head_bytes_bound(&head) > s->worker->scratch_bytes)
		return -ENOSPC;
	*ret_body = body;
	return hdl_h1_write_response(&head, s->worker->scratch, s->worker->scratch_bytes);
}

void hdl_reply_with(struct hdl_stream *stream, const struct hdl_local_reply *reply)
{
	struct hdl_down *down = stream->down;
	/* Before the body was read to its end, the next request could not be found (B.11). */
	bool keep =
		stream->client_keep && stream->request_complete && reply->status != 400 && !stream->worker->draining;
	struct hdl_str body = { 0 };
	struct iovec iov[2];
	int n;

	hdl_try_end(stream, false);
	if (reply->details)
		stream->details = reply->details;
	stream->is_local = true;
	stream->service_time_ms = -1;
	n = write_reply(stream, reply, keep, &body);
	stream->bytes_sent = body.n;
	iov[0] = (struct iovec){ stream->worker->scratch, n > 0 ? (size_t)n : 0 };
	iov[1] = (struct iovec){ (void *)(uintptr_t)body.p, body.n };
	stream->response_begun = true;
	if (n < 0 || hdl_conn_send(&down->conn, iov, body.n ? 2 : 1) < 0)
		hdl_stream_finish(stream, false, true);
	else
		hdl_stream_finish(stream, keep, false);
}

void hdl_reply(struct hdl_stream *stream, unsigned int status, const char *body, const char *details)
{
	hdl_reply_with(stream,
		       &(struct hdl_local_reply){ .status = status, .body = hdl_str_of(body), .details = details });
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

void hdl_reply_overflow(struct hdl_stream *stream)
{
	const char *text = stream->retries ?
				   "upstream connect error or disconnect/reset before headers. retried and the "
				   "latest reset reason: overflow" :
				   "upstream connect error or disconnect/reset before headers. reset reason: "
				   "overflow";

	hdl_stat_inc(&stream->worker->stats.request_overflow);
	hdl_stream_flag(stream, HDL_FLAG_UO);
	hdl_reply_with(stream, &(struct hdl_local_reply){ .status = 503,
							  .details = "upstream_reset_before_response_started{overflow}",
							  .body = hdl_str_of(text),
							  .overloaded = true });
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
