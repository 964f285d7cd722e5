/* SPDX-License-Identifier: Apache-2.0 */
/* Mirrored requests (specification B.8): a copy in memory of its own, sent once, its answer read and dropped. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/stream.h"

/* Mirrors of one worker in flight. Beyond, a copy is left out: mirroring must never cost the real traffic. */
#define MIRRORS_MAX 1024
#define RESPONSE_HEADERS HDL_H1_HEADERS_MAX

struct mirror {
	struct hdl_corpse corpse;
	struct hdl_list link;
	struct hdl_worker *worker;
	struct hdl_generation *generation;
	const struct hdl_ir_cluster *cluster;
	const struct hdl_ir_endpoint *endpoint;
	uint32_t charged;
	struct hdl_up *up;
	struct hdl_timer timer;
	struct hdl_block *copy; /* head and body, not sent yet */
	enum hdl_http_method method;
	bool done, response_head;
	struct hdl_h1_scan scan;
	struct hdl_http_head response;
	struct hdl_h1_body body;
	struct hdl_http_header lines[RESPONSE_HEADERS];
};

static void free_mirror(struct hdl_worker *worker, struct hdl_corpse *corpse)
{
	(void)worker;
	free(HDL_CONTAINER_OF(corpse, struct mirror, corpse));
}

/* reuse: the connection is in order for another request. */
static void end(struct mirror *m, bool ok, bool reuse)
{
	struct hdl_up *up = m->up;

	if (m->done)
		return;
	m->done = true;
	m->up = NULL;
	if (up && reuse)
		hdl_up_release(up);
	else if (up)
		hdl_up_close(up);
	if (!ok)
		hdl_stat_inc(&m->worker->stats.mirror_failures);
	hdl_target_discharge(m->worker, m->endpoint, &m->charged);
	hdl_timer_stop(&m->worker->loop.timers, &m->timer);
	hdl_list_remove(&m->link);
	hdl_block_put(m->worker, m->copy);
	hdl_generation_unref(m->worker, m->generation);
	hdl_worker_bury(m->worker, &m->corpse);
}

static void report(struct mirror *m, enum hdl_outlier_event event, unsigned int status)
{
	hdl_target_report(m->worker, m->cluster, m->endpoint, event, status);
}

static void on_timer(struct hdl_timer *timer)
{
	struct mirror *m = HDL_CONTAINER_OF(timer, struct mirror, timer);

	if (m->up && m->up->state == HDL_UP_BUSY && !m->response_head)
		report(m, HDL_OUTLIER_TIMEOUT, 0);
	end(m, false, false);
}

/* Parses and drops. False: more is needed, or it is over. */
static bool drop_response(struct mirror *m)
{
	struct hdl_block *in = m->up->conn.in;
	struct hdl_h1_limits limits = HDL_H1_LIMITS_DEFAULT;
	struct hdl_gather g;
	int r;

	if (!m->response_head) {
		hdl_http_headers_init(&m->response.headers, m->lines, RESPONSE_HEADERS);
		r = hdl_h1_parse_response(in->data + in->begin, in->end - in->begin, &m->scan, &limits, m->method,
					  &m->response);
		if (r <= 0) {
			if (r < 0) {
				report(m, HDL_OUTLIER_RESET, 0);
				end(m, false, false);
			}
			return false;
		}
		in->begin += (uint32_t)r;
		m->scan = (struct hdl_h1_scan){ 0 };
		if (m->response.status < 200 && m->response.status != 101)
			return true;
		m->response_head = true;
		report(m, HDL_OUTLIER_RESPONSE, m->response.status);
		hdl_h1_body_init(&m->body, &m->response, &limits, NULL);
	}
	hdl_gather_init(&g);
	r = hdl_gather_body(&g, &m->body, in, UINT32_MAX);
	if (r == HDL_H1_BODY_MORE)
		return hdl_gather_is_full(&g);
	end(m, r == HDL_H1_BODY_END,
	    r == HDL_H1_BODY_END && m->response.keep_alive && !m->copy && in->begin == in->end);
	return false;
}

static void ready(void *user)
{
	struct mirror *m = user;
	struct hdl_conn *conn = &m->up->conn;
	int n;

	if (hdl_conn_is_blocked(conn) && hdl_conn_flush(conn) < 0)
		conn->readable = true;
	while (!m->done && conn->readable) {
		hdl_conn_compact(conn, 0);
		n = hdl_conn_read(conn);
		if (n == -EAGAIN)
			return;
		if (n <= 0) {
			bool complete = n == 0 && m->response_head && hdl_h1_body_eof(&m->body) == HDL_H1_BODY_END;

			if (!complete && !m->response_head)
				report(m, HDL_OUTLIER_RESET, 0);
			end(m, complete, false);
			return;
		}
		while (!m->done && drop_response(m))
			;
	}
}

static void send_copy(struct mirror *m)
{
	struct iovec iov = { m->copy->data, m->copy->end };
	int r = hdl_conn_send(&m->up->conn, &iov, 1);

	hdl_block_put(m->worker, m->copy);
	m->copy = NULL;
	hdl_stat_inc(&m->worker->stats.upstream_tries);
	if (r < 0) {
		report(m, HDL_OUTLIER_RESET, 0);
		end(m, false, false);
		return;
	}
	ready(m);
}

static void connected(void *user)
{
	struct mirror *m = user;

	report(m, HDL_OUTLIER_CONNECT_OK, 0);
	send_copy(m);
}

static void failed(void *user, int error)
{
	struct mirror *m = user;

	(void)error;
	m->up = NULL;
	report(m, HDL_OUTLIER_CONNECT_FAILURE, 0);
	end(m, false, false);
}

static const struct hdl_up_ops mirror_ops = { connected, failed, ready };

static void append(struct hdl_block *block, struct hdl_str s)
{
	memcpy(block->data + block->end, s.p, s.n);
	block->end += (uint32_t)s.n;
}

/* The finalised head with what mirrors add, and the whole body. NULL when out of memory or impossible. */
static struct hdl_block *copy_request(struct hdl_stream *s, struct hdl_http_header *lines)
{
	struct hdl_http_head head = s->request;
	struct hdl_str body = { 0 };
	char chunk[HDL_H1_CHUNK_HEADER_BYTES_MAX];
	struct hdl_block *block;
	int n;

	if (s->replay.block)
		body = (struct hdl_str){ s->replay.block->data, s->replay.block->end };
	hdl_http_headers_init(&head.headers, lines, s->request.headers.capacity);
	if (hdl_http_headers_copy(&s->request.headers, &head.headers) < 0 ||
	    hdl_http_headers_set_id(&head.headers, HDL_HTTP_H_ENVOY_ATTEMPT_COUNT, HDL_STR("1")) < 0 ||
	    hdl_http_headers_set_id(&head.headers, HDL_HTTP_H_ENVOY_INTERNAL, HDL_STR("true")) < 0)
		return NULL;
	head.keep_alive = true;
	head.upgrade = (struct hdl_str){ 0 };
	/* Room for the body, its chunk framing and a trailer section. */
	block = hdl_block_get(s->worker, (uint32_t)(hdl_h1_head_bytes_bound(&head) + body.n + 16384));
	if (!block)
		return NULL;
	n = hdl_h1_write_request(&head, block->data, block->capacity);
	if (n < 0)
		goto fail;
	block->end = (uint32_t)n;
	if (head.framing == HDL_HTTP_BODY_CHUNKED && body.n > 0) {
		append(block, (struct hdl_str){ chunk, hdl_h1_write_chunk_header(body.n, chunk) });
		append(block, body);
		append(block, HDL_H1_CHUNK_END);
	} else if (body.n > 0) {
		append(block, body);
	}
	if (head.framing == HDL_HTTP_BODY_CHUNKED) {
		n = hdl_h1_write_last_chunk(&s->request_trailers, block->data + block->end,
					    block->capacity - block->end);
		if (n < 0)
			goto fail;
		block->end += (uint32_t)n;
	}
	return block;
fail:
	hdl_block_put(s->worker, block);
	return NULL;
}

static bool choose(struct mirror *m, const struct hdl_stream *s, struct hdl_up_wish *wish)
{
	struct hdl_worker *worker = m->worker;
	struct hdl_lb_request request = {
		.tables = &worker->conf.tables,
		.cluster = m->cluster,
		.rand = &worker->rand,
		.now_ns = hdl_worker_now(worker),
		.family = hdl_addr_is_v4(&s->down->peer.address) ? HDL_FAMILY_V4 : HDL_FAMILY_V6,
	};
	uint32_t id;

	if (hdl_lb_pick(&request, &id, &wish->family) != HDL_VERDICT_BALANCED)
		return false;
	wish->endpoint = m->endpoint = hdl_generation_endpoint(worker, m->generation, m->cluster, id);
	if (!m->endpoint)
		return false;
	wish->to = (struct hdl_endpoint_addr){ m->endpoint->address[wish->family], m->endpoint->port };
	m->charged = hdl_target_charge(worker, m->endpoint);
	return true;
}

static void start(struct hdl_stream *s, const struct hdl_ir_cluster *cluster)
{
	struct hdl_worker *worker = s->worker;
	struct mirror *m = calloc(1, sizeof(*m));
	struct hdl_up_wish wish = { .cluster = cluster, .ops = &mirror_ops, .user = m };
	/* the operations of the route may have widened it */
	struct hdl_http_header *lines = malloc((size_t)s->request.headers.capacity * sizeof(*lines));

	if (!m || !lines) {
		hdl_stat_inc(&worker->stats.limit_memory);
		free(m);
		free(lines);
		return;
	}
	m->corpse.free_object = free_mirror;
	m->worker = worker;
	m->cluster = cluster;
	m->method = (enum hdl_http_method)s->request.method;
	m->generation = s->generation;
	m->generation->references++;
	hdl_list_append(&worker->mirrors, &m->link);
	hdl_timer_init(&m->timer, on_timer);
	m->copy = copy_request(s, lines);
	free(lines);
	hdl_stat_inc(&worker->stats.mirrors);
	if (!m->copy || !choose(m, s, &wish) || hdl_up_get(worker, &wish, &m->up) < 0) {
		end(m, false, false);
		return;
	}
	if (s->timeouts.global_ns)
		hdl_timer_set(&worker->loop.timers, &m->timer, hdl_worker_now(worker) + s->timeouts.global_ns);
	if (m->up->state == HDL_UP_BUSY)
		send_copy(m);
}

static bool too_many(const struct hdl_worker *worker)
{
	uint32_t n = 0;

	HDL_LIST_FOR_EACH(l, &worker->mirrors) {
		if (++n >= MIRRORS_MAX)
			return true;
	}
	return false;
}

void hdl_mirror_send(struct hdl_stream *stream)
{
	/* The body outgrew the buffer: counted when that happened. */
	if (!stream->keep_body && stream->request_body.total > 0)
		return;
	for (size_t i = 0; i < stream->route->mirror_count && i < 32; i++) {
		if (!(stream->mirror_bits & 1u << i))
			continue;
		if (too_many(stream->worker))
			hdl_stat_inc(&stream->worker->stats.limit_mirrors);
		else
			start(stream, stream->route->mirrors[i].destination.cluster);
	}
}

void hdl_mirrors_free(struct hdl_worker *worker)
{
	while (!hdl_list_empty(&worker->mirrors))
		end(HDL_CONTAINER_OF(worker->mirrors.next, struct mirror, link), false, false);
}
