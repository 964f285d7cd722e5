/* SPDX-License-Identifier: Apache-2.0 */
/* Moves bodies between the two connections of a stream, each side no faster than the other takes it. */
#include <errno.h>
#include <string.h>

#include "proxy/stream.h"

/* Least room behind a head for the body that follows it in the same block. */
#define BODY_ROOM_BYTES 8192
/* Sizes of blocks must not overflow, whatever the configuration allows. */
#define KEEP_BYTES_MAX (1u << 30)

void hdl_replay_free(struct hdl_stream *stream)
{
	hdl_block_put(stream->worker, stream->replay.block);
	stream->replay.block = NULL;
	stream->replay.sent = 0;
}

uint32_t hdl_body_keep_limit(const struct hdl_stream *stream)
{
	uint32_t limit = stream->generation->snapshot->node.retry_buffer_bytes;

	if (stream->route && (stream->route->retry.attempts > 0 || stream->mirror_bits))
		return limit < KEEP_BYTES_MAX ? limit : KEEP_BYTES_MAX;
	return HDL_STREAM_EARLY_BYTES;
}

static void stop_keeping(struct hdl_stream *s)
{
	s->keep_body = false;
	if (s->route && (s->route->retry.attempts > 0 || s->mirror_bits)) {
		hdl_stat_inc(&s->worker->stats.limit_retry_buffer);
		hdl_stat_inc(&s->worker->stats.retry_or_shadow_abandoned);
	}
}

static int replay_reserve(struct hdl_stream *s, uint32_t n)
{
	struct hdl_block *old = s->replay.block, *block;
	uint32_t used = old ? old->end : 0;

	if (old && old->capacity - used >= n)
		return 0;
	block = hdl_block_get(s->worker, old && used + n < 2 * old->capacity ? 2 * old->capacity : used + n);
	if (!block)
		return -ENOMEM;
	if (old)
		memcpy(block->data, old->data, used);
	block->end = used;
	hdl_block_put(s->worker, old);
	s->replay.block = block;
	return 0;
}

static int replay_add(struct hdl_stream *s, const struct hdl_gather *g)
{
	int r = replay_reserve(s, (uint32_t)g->body_bytes);

	if (r < 0)
		return r;
	for (int i = 0; i < g->n; i++) {
		memcpy(s->replay.block->data + s->replay.block->end, g->iov[i].iov_base, g->iov[i].iov_len);
		s->replay.block->end += (uint32_t)g->iov[i].iov_len;
	}
	return 0;
}

static void request_is_complete(struct hdl_stream *s)
{
	s->request_complete = true;
	/* Not before the router has it: a delay does not count (B.9, section 1 item 2). */
	if (s->cluster)
		hdl_try_start_timers(s);
}

/* The client's body is malformed. */
static void bad_request_body(struct hdl_stream *s, int error)
{
	hdl_stat_inc(&s->worker->stats.codec_errors[-error]);
	hdl_stream_flag(s, HDL_FLAG_DPE);
	s->client_keep = false;
	s->details = hdl_h1_error_details(error);
	if (s->response_begun)
		hdl_stream_cut(s);
	else
		hdl_reply(s, hdl_h1_error_status(error), "Bad Request", NULL);
}

/* Moves body bytes from the client's block into the replay buffer. 1 = some, 0 = none or no room, -1 = stream over. */
static int absorb_block(struct hdl_stream *s)
{
	uint32_t limit = hdl_body_keep_limit(s), used = s->replay.block ? s->replay.block->end : 0;
	struct hdl_gather g;
	int r;

	if (s->request_complete)
		return 0;
	hdl_gather_init(&g);
	/* Also without room left: the body may end just there. */
	r = hdl_gather_body(&g, &s->request_body, s->down->conn.in, used < limit ? limit - used : 0);
	if (r < 0) {
		bad_request_body(s, r);
		return -1;
	}
	if (g.body_bytes > 0 && replay_add(s, &g) < 0) {
		hdl_stream_flag(s, HDL_FLAG_LR);
		s->client_keep = false;
		hdl_reply(s, 503, "", "no_memory_for_body");
		return -1;
	}
	s->bytes_received += g.body_bytes;
	if (r == HDL_H1_BODY_END)
		request_is_complete(s);
	return g.body_bytes > 0 || r == HDL_H1_BODY_END;
}

/* The body needs the block in which the head lies: the head keeps the old one. */
static int detach_head(struct hdl_stream *s)
{
	struct hdl_conn *conn = &s->down->conn;
	struct hdl_block *old = conn->in, *block = hdl_block_get(s->worker, 0);
	uint32_t used = old->end - old->begin;

	if (!block)
		return -ENOMEM;
	/* `used` fits: what is unread of a body is at most a chunk line or a trailer section. */
	if (used > block->capacity / 2) {
		hdl_block_put(s->worker, block);
		return -ENOBUFS;
	}
	memcpy(block->data, old->data + old->begin, used);
	block->end = used;
	s->head_block = old;
	conn->in = block;
	return 0;
}

/* Reads from the client. 1 = bytes came, 0 = nothing now, -1 = stream over. */
static int read_client(struct hdl_stream *s)
{
	struct hdl_conn *conn = &s->down->conn;
	uint32_t fixed = s->head_block ? 0 : s->head_begin + s->head_bytes;
	int n;

	if (!conn->readable)
		return 0;
	hdl_conn_compact(conn, fixed);
	if (!s->head_block && conn->in && conn->in->capacity - conn->in->end < BODY_ROOM_BYTES && detach_head(s) < 0) {
		hdl_stream_client_gone(s);
		return -1;
	}
	n = hdl_conn_read(conn);
	if (n > 0)
		return 1;
	if (n == -EAGAIN)
		return 0;
	hdl_stream_client_gone(s);
	return -1;
}

bool hdl_body_absorb(struct hdl_stream *stream)
{
	while (!stream->request_complete) {
		int r = absorb_block(stream);

		if (r == 0 && stream->replay.block && stream->replay.block->end >= hdl_body_keep_limit(stream))
			return true; /* full: the client waits until an endpoint takes it */
		if (r == 0)
			r = read_client(stream);
		if (r < 0)
			return false;
		if (r == 0)
			return true;
		/* The timers of a complete request may have ended it. */
		if (stream->state == HDL_STREAM_DONE)
			return false;
	}
	return true;
}

/* Head of the present try. Bytes in the worker's scratch, or -errno. */
static int write_head(struct hdl_stream *s)
{
	struct hdl_http_headers *list = &s->request.headers;
	uint64_t expected_ms =
		hdl_timeouts_expected_ms(&s->timeouts, s->complete_ns ? hdl_worker_now(s->worker) - s->complete_ns : 0);
	struct hdl_http_head head;
	size_t n = hdl_decimal(s->attempt_text, s->tries);

	if (hdl_http_headers_set_id(list, HDL_HTTP_H_ENVOY_ATTEMPT_COUNT, (struct hdl_str){ s->attempt_text, n }) < 0)
		return -ENOSPC;
	if (expected_ms) {
		n = hdl_decimal(s->expected_text, expected_ms);
		if (hdl_http_headers_set_id(list, HDL_HTTP_H_ENVOY_EXPECTED_RQ_TIMEOUT_MS,
					    (struct hdl_str){ s->expected_text, n }) < 0)
			return -ENOSPC;
	}
	head = s->request;
	head.keep_alive = true;
	if (hdl_h1_head_bytes_bound(&head) > s->worker->scratch_bytes)
		return -ENOSPC;
	return hdl_h1_write_request(&head, s->worker->scratch, s->worker->scratch_bytes);
}

/* Body bytes that may go out now, kept ones first. 0 or -1 (stream over). */
static int collect(struct hdl_stream *s, struct hdl_gather *g)
{
	int r;

	while (s->keep_body && !s->request_complete) {
		r = absorb_block(s);
		if (r < 0 || s->state == HDL_STREAM_DONE)
			return -1;
		if (r == 0 && s->replay.block && s->replay.block->end >= hdl_body_keep_limit(s))
			stop_keeping(s);
		if (r == 0)
			break;
	}
	if (s->replay.block && s->replay.block->end > s->replay.sent)
		hdl_gather_add(g, s->replay.block->data + s->replay.sent, s->replay.block->end - s->replay.sent);
	if (s->keep_body || s->request_complete)
		return 0;
	r = hdl_gather_body(g, &s->request_body, s->down->conn.in, UINT32_MAX);
	if (r < 0) {
		bad_request_body(s, r);
		return -1;
	}
	if (g->body_bytes > 0)
		s->may_repeat = false;
	s->bytes_received += g->body_bytes;
	if (r == HDL_H1_BODY_END) {
		request_is_complete(s);
		if (s->state == HDL_STREAM_DONE)
			return -1;
	}
	return 0;
}

/* One round: head, body, end. 1 = something was sent, 0 = nothing to send, -1 = stream over. */
static int send_round(struct hdl_stream *s)
{
	char trailers[9216];
	struct hdl_gather g;
	bool chunked = s->request.framing == HDL_HTTP_BODY_CHUNKED;
	int n = 0;

	hdl_gather_init(&g);
	if (!s->head_sent) {
		n = write_head(s);
		if (n < 0) {
			hdl_try_failed(s, HDL_TRY_RESET, HDL_RESET_LOCAL);
			return -1;
		}
		hdl_gather_add(&g, s->worker->scratch, (size_t)n);
	}
	if (chunked)
		hdl_gather_chunk_begin(&g);
	if (collect(s, &g) < 0)
		return -1;
	if (chunked)
		hdl_gather_chunk_end(&g);
	if (chunked && s->request_complete) {
		n = hdl_h1_write_last_chunk(&s->request_trailers, trailers, sizeof(trailers));
		if (n < 0) {
			hdl_try_failed(s, HDL_TRY_RESET, HDL_RESET_LOCAL);
			return -1;
		}
		hdl_gather_add(&g, trailers, (size_t)n);
	}
	s->request_sent = s->request_complete;
	if (g.n == 0)
		return 0;
	if (hdl_conn_send(&s->up->conn, g.iov, g.n) < 0) {
		/* The answer may have come before the endpoint closed: reading tells. */
		s->write_failed = true;
		s->up->conn.readable = true;
		return 0;
	}
	s->head_sent = s->accepted = s->reached = true;
	if (s->replay.block)
		s->replay.sent = s->replay.block->end;
	if (!s->keep_body) {
		if (s->replay.sent > 0)
			s->may_repeat = false;
		hdl_replay_free(s);
	}
	return 1;
}

bool hdl_body_pump_request(struct hdl_stream *stream)
{
	while (!stream->request_sent && !stream->write_failed && !hdl_conn_is_blocked(&stream->up->conn)) {
		int r = send_round(stream);

		if (r == 0 && !stream->request_sent && !stream->write_failed)
			r = read_client(stream);
		if (r < 0)
			return false;
		if (r == 0)
			break;
	}
	return true;
}

/* The connection ended or broke in the middle of the response. */
static void response_ended(struct hdl_stream *s, int error)
{
	bool short_length = s->state == HDL_STREAM_RESPONSE && s->response.framing == HDL_HTTP_BODY_LENGTH;

	hdl_try_failed(s, HDL_TRY_RESET,
		       error == -ENOMEM ? HDL_RESET_LOCAL :
		       short_length     ? HDL_RESET_PROTOCOL :
					  HDL_RESET_TERMINATION);
}

static void finish_response(struct hdl_stream *s)
{
	bool keep;

	s->response_complete = true;
	/* Part of the request on its way would be taken for the next one. */
	s->up_keep = s->up_keep && s->request_sent && s->up->conn.in && s->up->conn.in->begin == s->up->conn.in->end;
	keep = s->client_keep && s->request_complete && !s->worker->draining;
	hdl_stream_finish(s, keep, false);
}

/* Sends what is there of the response. 1 = something, 0 = nothing, -1 = stream over. */
static int response_round(struct hdl_stream *s, struct hdl_gather *g)
{
	char trailers[9216];
	bool chunked = s->response.framing == HDL_HTTP_BODY_CHUNKED;
	int r, n;

	if (chunked)
		hdl_gather_chunk_begin(g);
	r = hdl_gather_body(g, &s->response_body, s->up->conn.in, UINT32_MAX);
	if (r < 0) {
		hdl_stat_inc(&s->worker->stats.upstream_protocol_errors);
		hdl_try_failed(s, HDL_TRY_RESET, HDL_RESET_PROTOCOL);
		return -1;
	}
	if (chunked)
		hdl_gather_chunk_end(g);
	if (chunked && r == HDL_H1_BODY_END) {
		n = hdl_h1_write_last_chunk(&s->response_trailers, trailers, sizeof(trailers));
		if (n < 0) {
			hdl_try_failed(s, HDL_TRY_RESET, HDL_RESET_LOCAL);
			return -1;
		}
		hdl_gather_add(g, trailers, (size_t)n);
	}
	if (r == HDL_H1_BODY_END && s->is_grpc && s->grpc_status < 0)
		s->grpc_status = hdl_grpc_status_of(&s->response_trailers);
	s->bytes_sent += g->body_bytes;
	if (g->n > 0 && hdl_conn_send(&s->down->conn, g->iov, g->n) < 0) {
		hdl_stream_client_gone(s);
		return -1;
	}
	if (r == HDL_H1_BODY_END) {
		finish_response(s);
		return -1;
	}
	return g->n > 0;
}

/* Reads from the endpoint. 1 = bytes came, 0 = nothing now, -1 = stream over. */
static int read_endpoint(struct hdl_stream *s)
{
	struct hdl_conn *conn = &s->up->conn;
	int n;

	if (!conn->readable)
		return 0;
	hdl_conn_compact(conn, 0);
	n = hdl_conn_read(conn);
	if (n > 0) {
		s->response_seen = true;
		return 1;
	}
	if (n == -EAGAIN && !s->write_failed)
		return 0;
	if (n == 0 && s->state == HDL_STREAM_RESPONSE && hdl_h1_body_eof(&s->response_body) == HDL_H1_BODY_END) {
		s->up_keep = false;
		if (s->response.framing == HDL_HTTP_BODY_CHUNKED) {
			/* Until-close from the endpoint, chunks to the client. */
			struct iovec end = { (void *)(uintptr_t)HDL_H1_LAST_CHUNK.p, HDL_H1_LAST_CHUNK.n };

			if (hdl_conn_send(&s->down->conn, &end, 1) < 0) {
				hdl_stream_client_gone(s);
				return -1;
			}
		}
		finish_response(s);
		return -1;
	}
	response_ended(s, n);
	return -1;
}

bool hdl_body_pump_response(struct hdl_stream *stream)
{
	struct hdl_gather g;

	while (!hdl_conn_is_blocked(&stream->down->conn)) {
		int r = 0;

		hdl_gather_init(&g);
		if (stream->state == HDL_STREAM_EXCHANGE && stream->up->conn.in) {
			r = hdl_response_head(stream, &g);
			if (r < 0)
				return false;
		}
		if (stream->state == HDL_STREAM_RESPONSE)
			r = response_round(stream, &g);
		if (r == 0)
			r = read_endpoint(stream);
		if (r < 0)
			return false;
		if (r == 0)
			break;
	}
	return true;
}
