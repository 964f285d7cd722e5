/* SPDX-License-Identifier: Apache-2.0 */
/* The endpoint's response head: interim answers, upgrades, retries, and what the client gets to see. */
#include <errno.h>

#include "proxy/stream.h"

static void protocol_error(struct hdl_stream *s)
{
	hdl_stat_inc(&s->worker->stats.upstream_protocol_errors);
	hdl_try_failed(s, HDL_TRY_RESET, HDL_RESET_PROTOCOL);
}

/* 100 and 103 go on as they are; clients of HTTP/1.0 know none. 1, or -1 (stream over). */
static int pass_interim(struct hdl_stream *s)
{
	struct hdl_http_head *head = &s->response;
	struct iovec iov;
	int n;

	s->scan = (struct hdl_h1_scan){ 0 };
	if (s->client_version == HDL_HTTP_1_0)
		return 1;
	hdl_http_headers_strip_hop_by_hop(&head->headers);
	n = hdl_h1_write_response(head, s->worker->scratch, s->worker->scratch_bytes);
	if (n < 0) {
		protocol_error(s);
		return -1;
	}
	s->interim_passed = true;
	iov = (struct iovec){ s->worker->scratch, (size_t)n };
	if (hdl_conn_send(&s->down->conn, &iov, 1) < 0) {
		hdl_stream_client_gone(s);
		return -1;
	}
	return 1;
}

static int begin_tunnel(struct hdl_stream *s)
{
	struct hdl_http_head *head = &s->response;
	struct iovec iov;
	int n;

	hdl_http_headers_strip_hop_by_hop(&head->headers);
	s->status = 101;
	s->details = "via_upstream";
	n = hdl_headers_of_response(s, &head->headers);
	if (n == 0)
		n = hdl_h1_write_response(head, s->worker->scratch, s->worker->scratch_bytes);
	if (n < 0) {
		protocol_error(s);
		return -1;
	}
	hdl_stat_inc(&s->worker->stats.upgrades);
	s->response_begun = true;
	hdl_timer_stop(&s->worker->loop.timers, &s->global_timer);
	hdl_stream_set_state(s, HDL_STREAM_TUNNEL);
	iov = (struct iovec){ s->worker->scratch, (size_t)n };
	if (hdl_conn_send(&s->down->conn, &iov, 1) < 0) {
		hdl_stream_client_gone(s);
		return -1;
	}
	hdl_tunnel_run(s);
	return -1; /* the caller's part is over either way */
}

/* Time from the request's first byte on the connection to the response's head, as Envoy reports it. */
static int add_headers(struct hdl_stream *s)
{
	struct hdl_http_headers *list = &s->response.headers;
	struct hdl_worker *worker = s->worker;
	char *text = hdl_stream_text(s, 24);
	size_t n;

	if (!text)
		return -ENOMEM;
	hdl_http_headers_strip_hop_by_hop(list);
	hdl_http_headers_remove_id(list, HDL_HTTP_H_ENVOY_PEER_METADATA);
	hdl_http_headers_remove_id(list, HDL_HTTP_H_ENVOY_PEER_METADATA_ID);
	s->service_time_ms = (int64_t)((hdl_worker_now(worker) - s->try_start_ns) / 1000000);
	n = hdl_decimal(text, (uint64_t)s->service_time_ms);
	if (!hdl_http_headers_has(list, HDL_HTTP_H_DATE) &&
	    hdl_http_headers_add_id(list, HDL_HTTP_H_DATE, hdl_worker_date(worker)) < 0)
		return -ENOSPC;
	return hdl_http_headers_set_id(list, HDL_HTTP_H_ENVOY_UPSTREAM_SERVICE_TIME, (struct hdl_str){ text, n });
}

static int pass_final(struct hdl_stream *s, struct hdl_gather *g)
{
	struct hdl_http_head *head = &s->response;
	struct hdl_h1_limits limits = HDL_H1_LIMITS_DEFAULT;
	bool no_upgrade = s->request.upgrade.n > 0;
	int n;

	hdl_h1_body_init(&s->response_body, head, &limits, &s->response_trailers);
	s->up_keep = head->keep_alive;
	s->status = head->status;
	s->details = no_upgrade ? "websocket_handshake_unsuccessful" : "via_upstream";
	if (add_headers(s) < 0 || hdl_headers_of_response(s, &head->headers) < 0) {
		hdl_try_failed(s, HDL_TRY_RESET, HDL_RESET_LOCAL);
		return -1;
	}
	head->keep_alive = s->client_keep && !no_upgrade && !s->worker->draining;
	head->version = s->client_version;
	head->upgrade = (struct hdl_str){ 0 };
	hdl_h1_adapt_response(head, (enum hdl_http_version)s->client_version);
	s->client_keep = head->keep_alive;
	n = hdl_h1_head_bytes_bound(head) > s->worker->scratch_bytes ?
		    -ENOSPC :
		    hdl_h1_write_response(head, s->worker->scratch, s->worker->scratch_bytes);
	if (n < 0) {
		hdl_try_failed(s, HDL_TRY_RESET, HDL_RESET_PROTOCOL);
		return -1;
	}
	hdl_gather_add(g, s->worker->scratch, (size_t)n);
	s->response_begun = true;
	hdl_stream_set_state(s, HDL_STREAM_RESPONSE);
	hdl_timer_stop(&s->worker->loop.timers, &s->try_timer);
	/* No other try will need the body. */
	s->keep_body = false;
	if (s->request_sent)
		hdl_replay_free(s);
	return 1;
}

int hdl_response_head(struct hdl_stream *stream, struct hdl_gather *g)
{
	struct hdl_block *in = stream->up->conn.in;
	struct hdl_h1_limits limits = HDL_H1_LIMITS_DEFAULT;
	int n;

	hdl_http_headers_init(&stream->response.headers, stream->response_v, stream->headers_max);
	n = hdl_h1_parse_response(in->data + in->begin, in->end - in->begin, &stream->scan, &limits,
				  (enum hdl_http_method)stream->request.method, &stream->response);
	if (n == 0)
		return 0;
	if (n < 0) {
		if (n == -HDL_H1_E_HEAD_TOO_LARGE || n == -HDL_H1_E_TOO_MANY_HEADERS)
			hdl_stat_inc(&stream->worker->stats.limit_response_header_bytes);
		protocol_error(stream);
		return -1;
	}
	in->begin += (uint32_t)n;
	if (stream->response.status == 101) {
		if (stream->request.upgrade.n > 0 && stream->response.upgrade.n > 0)
			return begin_tunnel(stream);
		protocol_error(stream); /* nobody asked for it */
		return -1;
	}
	if (stream->response.status < 200)
		return pass_interim(stream);
	if (hdl_try_judge_response(stream))
		return -1;
	return pass_final(stream, g);
}
