/* SPDX-License-Identifier: Apache-2.0 */
/* The client side: reads heads, starts streams, keeps the order of pipelined requests, closes without losing answers. */
#include "proxy/down.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "proxy/stream.h"

/* Pipelined requests of one connection in a row before the others get their turn. */
#define REQUESTS_PER_TURN 32
#define LINGER_NS 1000000000ull
#define LINGER_BYTES_MAX (4u << 20)

static void free_down(struct hdl_worker *worker, struct hdl_corpse *corpse)
{
	(void)worker;
	free(HDL_CONTAINER_OF(corpse, struct hdl_down, corpse));
}

void hdl_down_close(struct hdl_down *down, bool reset)
{
	struct hdl_worker *worker = down->conn.worker;

	if (down->state == HDL_DOWN_CLOSED)
		return;
	down->state = HDL_DOWN_CLOSED;
	hdl_timer_stop(&worker->loop.timers, &down->timer);
	hdl_list_remove(&down->link);
	hdl_list_remove(&down->again);
	hdl_conn_close(&down->conn, reset);
	hdl_stat_inc(&worker->stats.downstream_connections_closed);
	hdl_stat_dec(&worker->stats.downstream_connections_active);
	hdl_worker_bury(worker, &down->corpse);
	hdl_accept_resume(worker);
}

static const struct hdl_ir_route_config *gateway_routes(const struct hdl_snapshot *s,
							const struct hdl_endpoint_addr *at)
{
	for (size_t i = 0; i < s->gateway_listener_count; i++) {
		const struct hdl_ir_gateway_listener *l = &s->gateway_listeners[i];

		if (l->port == at->port && hdl_addr_equal(&l->address, &at->address))
			return l->route_config;
	}
	return NULL;
}

void hdl_down_look_up(struct hdl_down *down)
{
	const struct hdl_generation *g = down->conn.worker->current;

	if (down->generation == g->number)
		return;
	down->generation = g->number;
	down->client = hdl_snapshot_find_workload(g->snapshot, &down->peer.address);
	down->view = hdl_snapshot_find_view(g->snapshot, down->client);
	if (down->gateway) {
		down->port = NULL;
		down->routes = gateway_routes(g->snapshot, &down->listener);
	} else {
		down->port = hdl_snapshot_find_dialled(g->snapshot, &down->local.address, down->local.port);
		down->routes = NULL;
	}
}

static void set_timer(struct hdl_down *down, uint64_t after_ns)
{
	struct hdl_worker *worker = down->conn.worker;

	if (after_ns)
		hdl_timer_set(&worker->loop.timers, &down->timer, hdl_worker_now(worker) + after_ns);
	else
		hdl_timer_stop(&worker->loop.timers, &down->timer);
}

static void become_idle(struct hdl_down *down)
{
	down->state = HDL_DOWN_IDLE;
	down->head_start_ns = 0;
	down->scan = (struct hdl_h1_scan){ 0 };
	set_timer(down, down->conn.worker->current->snapshot->node.downstream_idle_timeout_ns);
}

static void on_events(struct hdl_io *io, uint32_t events)
{
	struct hdl_down *down = HDL_CONTAINER_OF(io, struct hdl_down, conn.io);

	hdl_conn_events(&down->conn, events);
	if (events & EPOLLOUT && down->conn.out && hdl_conn_flush(&down->conn) < 0) {
		if (down->state == HDL_DOWN_STREAM)
			hdl_stream_client_gone(down->stream);
		else
			hdl_down_close(down, true);
		return;
	}
	if (down->state == HDL_DOWN_STREAM)
		hdl_stream_run(down->stream);
	else
		hdl_down_run(down);
}

static void header_timeout(struct hdl_down *down)
{
	struct hdl_stream *stream = hdl_stream_new(down);

	hdl_stat_inc(&down->conn.worker->stats.limit_header_timeout);
	if (!stream) {
		hdl_down_close(down, true);
		return;
	}
	down->stream = stream;
	down->state = HDL_DOWN_STREAM;
	hdl_reply(stream, 408, "request header timeout", "request_header_timeout");
	hdl_down_run(down);
}

static void on_timer(struct hdl_timer *timer)
{
	struct hdl_down *down = HDL_CONTAINER_OF(timer, struct hdl_down, timer);

	switch (down->state) {
	case HDL_DOWN_IDLE:
		hdl_stat_inc(&down->conn.worker->stats.limit_idle_timeout);
		hdl_down_close(down, false);
		break;
	case HDL_DOWN_HEAD:
		header_timeout(down);
		break;
	case HDL_DOWN_FLUSH:
	case HDL_DOWN_LINGER:
		hdl_down_close(down, false);
		break;
	default:
		break; /* set before the request began; set again after it */
	}
}

void hdl_down_new(struct hdl_listener *listener, int fd, const struct hdl_endpoint_addr *peer,
		  const struct hdl_endpoint_addr *local)
{
	struct hdl_worker *worker = listener->worker;
	struct hdl_down *down = calloc(1, sizeof(*down));

	if (!down) {
		hdl_stat_inc(&worker->stats.limit_memory);
		goto refuse;
	}
	down->corpse.free_object = free_down;
	down->conn = (struct hdl_conn){ .io = { fd, on_events },
					.worker = worker,
					.received_bytes = &worker->stats.downstream_received_bytes,
					.sent_bytes = &worker->stats.downstream_sent_bytes };
	if (hdl_loop_add(&worker->loop, &down->conn.io) < 0) {
		hdl_stat_inc(&worker->stats.limit_memory);
		free(down);
		goto refuse;
	}
	hdl_timer_init(&down->timer, on_timer);
	hdl_list_init(&down->again);
	hdl_list_append(&worker->downs, &down->link);
	down->gateway = listener->gateway;
	down->peer = *peer;
	down->local = *local;
	down->listener = listener->at;
	hdl_addr_print(&peer->address, down->peer_address);
	hdl_addr_port_print(&peer->address, peer->port, down->peer_text);
	hdl_addr_port_print(&local->address, local->port, down->local_text);
	hdl_stat_inc(&worker->stats.downstream_connections_active);
	become_idle(down);
	/* Nearly always the request is there already: look before the loop would say so. */
	down->conn.readable = true;
	hdl_down_run(down);
	return;
refuse:
	hdl_stat_inc(&worker->stats.downstream_connections_closed);
	hdl_sock_abort(fd);
}

/* Reads more of the head. False: nothing there, or the connection is gone. */
static bool read_more(struct hdl_down *down)
{
	struct hdl_worker *worker = down->conn.worker;
	int n;

	if (!down->conn.readable)
		return false;
	hdl_conn_compact(&down->conn, 0);
	if (down->conn.in && down->conn.in->end == down->conn.in->capacity) {
		/* A limit above the ordinary size of a block. */
		struct hdl_block *old = down->conn.in, *bigger = hdl_block_get(worker, old->capacity * 2);

		if (!bigger) {
			hdl_down_close(down, true);
			return false;
		}
		bigger->end = old->end - old->begin;
		__builtin_memcpy(bigger->data, old->data + old->begin, bigger->end);
		down->conn.in = bigger;
		hdl_block_put(worker, old);
	}
	n = hdl_conn_read(&down->conn);
	if (n > 0)
		return true;
	if (n == -EAGAIN) {
		hdl_conn_release_in(&down->conn);
		return false;
	}
	hdl_down_close(down, n < 0);
	return false;
}

static struct hdl_h1_limits limits_of(const struct hdl_worker *worker)
{
	const struct hdl_ir_node *node = &worker->current->snapshot->node;
	struct hdl_h1_limits limits = HDL_H1_LIMITS_DEFAULT;

	if (node->max_request_headers_bytes)
		limits.head_bytes_max = node->max_request_headers_bytes;
	if (node->max_request_headers_count)
		limits.headers_max = node->max_request_headers_count;
	return limits;
}

static void start_stream(struct hdl_down *down, struct hdl_stream *stream, int head_bytes)
{
	struct hdl_block *in = down->conn.in;

	stream->head_begin = in->begin;
	stream->head_bytes = (uint32_t)head_bytes;
	in->begin += (uint32_t)head_bytes;
	down->stream = stream;
	down->state = HDL_DOWN_STREAM;
	hdl_stream_begin(stream);
}

/* Parses what is there. False: more is needed, or the connection is gone. */
static bool parse_head(struct hdl_down *down)
{
	struct hdl_worker *worker = down->conn.worker;
	struct hdl_h1_limits limits = limits_of(worker);
	struct hdl_block *in = down->conn.in;
	struct hdl_stream *stream;
	int n;

	if (!down->head_start_ns)
		down->head_start_ns = hdl_worker_now(worker);
	stream = hdl_stream_new(down);
	if (!stream) {
		hdl_down_close(down, true);
		return false;
	}
	n = hdl_h1_parse_request(in->data + in->begin, in->end - in->begin, &down->scan, &limits, &stream->request);
	if (n == 0) {
		hdl_stream_drop(stream);
		if (down->state == HDL_DOWN_IDLE) {
			down->state = HDL_DOWN_HEAD;
			set_timer(down, worker->current->snapshot->node.request_headers_timeout_ns);
		}
		return false;
	}
	if (n < 0) {
		down->stream = stream;
		down->state = HDL_DOWN_STREAM;
		hdl_reply_bad_head(stream, n);
		return true;
	}
	start_stream(down, stream, n);
	return true;
}

static void shut_down(struct hdl_down *down)
{
	if (!down->shut)
		shutdown(down->conn.io.fd, SHUT_WR);
	down->shut = true;
	down->state = HDL_DOWN_LINGER;
	set_timer(down, LINGER_NS);
}

static void linger(struct hdl_down *down)
{
	struct hdl_block *in = down->conn.in;
	int n;

	while (down->conn.readable) {
		if (in)
			in->begin = in->end = 0;
		n = hdl_conn_read(&down->conn);
		in = down->conn.in;
		if (n == -EAGAIN)
			break;
		if (n <= 0 || (down->linger_bytes += (uint32_t)n) > LINGER_BYTES_MAX) {
			hdl_down_close(down, false);
			return;
		}
	}
	if (in)
		in->begin = in->end = 0;
	hdl_conn_release_in(&down->conn);
}

/* One step. False: nothing more can be done now. */
static bool step(struct hdl_down *down)
{
	switch (down->state) {
	case HDL_DOWN_IDLE:
	case HDL_DOWN_HEAD:
		if (hdl_conn_is_blocked(&down->conn))
			return false; /* the next request waits until the last answer is written */
		if (down->conn.in && down->conn.in->begin != down->conn.in->end && parse_head(down))
			return true;
		return (down->state == HDL_DOWN_IDLE || down->state == HDL_DOWN_HEAD) && read_more(down);
	case HDL_DOWN_FLUSH:
		if (hdl_conn_is_blocked(&down->conn))
			return false;
		if (down->asked_to_close)
			hdl_down_close(down, false);
		else
			shut_down(down);
		return true;
	case HDL_DOWN_LINGER:
		linger(down);
		return false;
	default:
		return false;
	}
}

void hdl_down_run(struct hdl_down *down)
{
	int requests = REQUESTS_PER_TURN;

	if (down->running)
		return;
	down->running = true;
	while (step(down)) {
		if (--requests == 0) {
			hdl_list_remove(&down->again);
			hdl_list_append(&down->conn.worker->again, &down->again);
			break;
		}
	}
	down->running = false;
}

void hdl_down_finished(struct hdl_down *down, bool keep)
{
	down->stream = NULL;
	if (keep) {
		become_idle(down);
		hdl_conn_release_in(&down->conn);
	} else {
		down->state = HDL_DOWN_FLUSH;
		set_timer(down, down->conn.worker->current->snapshot->node.downstream_idle_timeout_ns);
	}
	/* Within hdl_down_run() its loop goes on by itself. */
	if (!down->running)
		hdl_down_run(down);
}
