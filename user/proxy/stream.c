/* SPDX-License-Identifier: Apache-2.0 */
/* The stream's life: from the parsed head over delay, tries and answer to the end. */
#include "proxy/stream.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "policy/fault.h"

static const char *const state_name[] = { "head",    "delay",    "connecting", "exchange",
					  "backoff", "response", "tunnel",     "done" };

void hdl_stream_set_state(struct hdl_stream *stream, enum hdl_stream_state state)
{
	hdl_log_debug("stream %p: %s -> %s", (void *)stream, state_name[stream->state], state_name[state]);
	stream->state = state;
}

/* B.10: a gRPC status is one for gRPC requests only; others get 200. */
static void abort_request(struct hdl_stream *s)
{
	const struct hdl_ir_fault *fault = &s->route->fault;

	hdl_reply_with(s, &(struct hdl_local_reply){
				  .status = fault->abort_status ? fault->abort_status : 200,
				  .body = HDL_STR("fault filter abort"),
				  .details = "fault_filter_abort",
				  .has_grpc_status = fault->abort_status == 0,
				  .grpc_status = fault->abort_grpc,
			  });
}

static void on_timer(struct hdl_timer *timer)
{
	struct hdl_stream *s = HDL_CONTAINER_OF(timer, struct hdl_stream, timer);

	if (s->state == HDL_STREAM_BACKOFF) {
		hdl_try_next(s);
	} else if (s->state == HDL_STREAM_DELAY) {
		if (hdl_fault_aborts(&s->route->fault, hdl_rand_u64(&s->worker->rand))) {
			hdl_stat_inc(&s->worker->stats.fault_aborts);
			hdl_stream_flag(s, HDL_FLAG_FI);
			abort_request(s);
		} else {
			hdl_action_run(s);
		}
	} else if (s->state == HDL_STREAM_TUNNEL) {
		hdl_stat_inc(&s->worker->stats.limit_idle_timeout);
		hdl_stream_finish(s, false, false);
	}
}

static void recycle(struct hdl_worker *worker, struct hdl_corpse *corpse)
{
	struct hdl_stream *s = HDL_CONTAINER_OF(corpse, struct hdl_stream, corpse);

	if (worker->free_stream_count >= HDL_STREAMS_KEPT) {
		free(s);
		return;
	}
	worker->free_stream_count++;
	hdl_list_insert(&worker->free_streams, &s->free_link);
}

static struct hdl_stream *take(struct hdl_worker *worker, uint32_t headers_max)
{
	struct hdl_stream *s;

	while (!hdl_list_empty(&worker->free_streams)) {
		s = HDL_CONTAINER_OF(worker->free_streams.next, struct hdl_stream, free_link);
		hdl_list_remove(&s->free_link);
		worker->free_stream_count--;
		if (s->headers_max >= headers_max)
			return s;
		free(s); /* the limit was raised */
	}
	s = malloc(sizeof(*s) + 2 * (size_t)headers_max * sizeof(struct hdl_http_header));
	if (!s) {
		hdl_stat_inc(&worker->stats.limit_memory);
		return NULL;
	}
	s->headers_max = headers_max;
	return s;
}

struct hdl_stream *hdl_stream_new(struct hdl_down *down)
{
	struct hdl_worker *worker = down->conn.worker;
	uint32_t lines = worker->current->snapshot->node.max_request_headers_count;
	struct hdl_stream *s;

	s = take(worker, (lines > HDL_H1_HEADERS_MAX ? lines : HDL_H1_HEADERS_MAX) + HDL_STREAM_HEADERS_EXTRA);
	if (!s)
		return NULL;
	/* The texts and arrays behind need no zeroes. */
	memset(s, 0, offsetof(struct hdl_stream, text));
	s->corpse.free_object = recycle;
	hdl_list_init(&s->corpse.link);
	hdl_list_init(&s->free_link);
	s->worker = worker;
	s->down = down;
	s->text_more = NULL;
	s->request_v = s->headers;
	s->response_v = s->headers + s->headers_max;
	hdl_http_headers_init(&s->request.headers, s->request_v, s->headers_max);
	hdl_http_headers_init(&s->response.headers, s->response_v, s->headers_max);
	hdl_http_headers_init(&s->request_trailers, s->request_trailer_v, HDL_STREAM_TRAILERS_MAX);
	hdl_http_headers_init(&s->response_trailers, s->response_trailer_v, HDL_STREAM_TRAILERS_MAX);
	hdl_timer_init(&s->timer, on_timer);
	hdl_try_timers_init(s);
	s->grpc_status = -1;
	s->service_time_ms = -1;
	s->start_ns = down->head_start_ns ? down->head_start_ns : hdl_worker_now(worker);
	s->client_version = HDL_HTTP_1_1;
	s->route_name = "-";
	return s;
}

void hdl_stream_drop(struct hdl_stream *stream)
{
	recycle(stream->worker, &stream->corpse);
}

void hdl_streams_free(struct hdl_worker *worker)
{
	while (!hdl_list_empty(&worker->free_streams)) {
		struct hdl_list *first = worker->free_streams.next;

		hdl_list_remove(first);
		free(HDL_CONTAINER_OF(first, struct hdl_stream, free_link));
	}
	worker->free_stream_count = 0;
}

char *hdl_stream_text(struct hdl_stream *stream, size_t n)
{
	char *p;

	if (n <= sizeof(stream->text) - stream->text_used) {
		p = stream->text + stream->text_used;
		stream->text_used += (uint32_t)n;
		return p;
	}
	/* A long X-Forwarded-For. The first word links what was allocated before. */
	p = malloc(sizeof(char *) + n);
	if (!p) {
		hdl_stat_inc(&stream->worker->stats.limit_memory);
		return NULL;
	}
	memcpy(p, &stream->text_more, sizeof(char *));
	stream->text_more = p;
	return p + sizeof(char *);
}

static void free_texts(struct hdl_stream *stream)
{
	while (stream->text_more) {
		char *p = stream->text_more;

		memcpy(&stream->text_more, p, sizeof(char *));
		free(p);
	}
}

void hdl_stream_flag(struct hdl_stream *stream, enum hdl_flag flag)
{
	for (unsigned int i = 0; i < stream->flag_count; i++)
		if (stream->flags[i] == flag)
			return;
	stream->flags[stream->flag_count++] = (uint8_t)flag;
}

static void begin_body(struct hdl_stream *s)
{
	struct hdl_h1_limits limits = HDL_H1_LIMITS_DEFAULT;

	hdl_h1_body_init(&s->request_body, &s->request, &limits, &s->request_trailers);
	s->request_complete = hdl_h1_body_is_done(&s->request_body);
	s->may_repeat = true;
	s->keep_body = !s->request_complete;
}

/* Faults come after the route is known and before the router (specification B.1, B.10). */
static void inject_faults(struct hdl_stream *s)
{
	uint64_t delay_ns = hdl_fault_delay_ns(&s->route->fault, hdl_rand_u64(&s->worker->rand));

	hdl_stream_set_state(s, HDL_STREAM_DELAY);
	if (delay_ns == 0) {
		on_timer(&s->timer);
		return;
	}
	hdl_stat_inc(&s->worker->stats.fault_delays);
	hdl_stream_flag(s, HDL_FLAG_DI);
	/* not the time at which this turn began: of a connection that was accepted in it that is before the request came */
	hdl_timer_set(&s->worker->loop.timers, &s->timer, hdl_clock_mono_ns() + delay_ns);
	hdl_stream_run(s);
}

void hdl_stream_begin(struct hdl_stream *stream)
{
	struct hdl_worker *worker = stream->worker;

	hdl_down_look_up(stream->down);
	stream->generation = worker->current;
	stream->generation->references++;
	stream->client_version = stream->request.version;
	stream->client_keep = stream->request.keep_alive && !worker->draining;
	stream->counted = true;
	hdl_stat_inc(&worker->stats.downstream_requests);
	hdl_stat_inc(&worker->stats.downstream_requests_active);
	stream->is_grpc = hdl_headers_are_grpc(&stream->request.headers);
	begin_body(stream);
	if (hdl_request_headers(stream) < 0) {
		hdl_stream_flag(stream, HDL_FLAG_LR);
		hdl_reply(stream, 503, "", "no_memory_for_headers");
		return;
	}
	if (hdl_request_route(stream) < 0)
		return;
	if (stream->route->fault.delay_per_million || stream->route->fault.abort_per_million)
		inject_faults(stream);
	else
		hdl_action_run(stream);
}

void hdl_stream_run(struct hdl_stream *stream)
{
	/* Also while nothing is read from the client because the endpoint takes nothing. */
	if (stream->down->conn.broken && stream->state != HDL_STREAM_DONE) {
		hdl_stream_client_gone(stream);
		return;
	}
	switch (stream->state) {
	case HDL_STREAM_DELAY:
	case HDL_STREAM_CONNECTING:
	case HDL_STREAM_BACKOFF:
		if (!hdl_body_absorb(stream))
			return;
		break;
	case HDL_STREAM_EXCHANGE:
	case HDL_STREAM_RESPONSE:
		if (!hdl_body_pump_request(stream) || !hdl_body_pump_response(stream))
			return;
		break;
	case HDL_STREAM_TUNNEL:
		hdl_tunnel_run(stream);
		return;
	default:
		return;
	}
	/* A client that closes after its request does not wait for the answer; within its body, reading finds out. */
	if (stream->request_complete && stream->down->conn.peer_closed)
		hdl_stream_client_gone(stream);
}

void hdl_stream_client_gone(struct hdl_stream *stream)
{
	hdl_stat_inc(&stream->worker->stats.downstream_disconnects);
	hdl_stream_flag(stream, HDL_FLAG_DC);
	stream->details = "downstream_remote_disconnect";
	hdl_stream_finish(stream, false, true);
}

void hdl_stream_cut(struct hdl_stream *stream)
{
	/* A client that counts bytes or chunks sees the gap; one that reads until the end must get a reset. */
	hdl_stream_finish(stream, false, stream->response.framing == HDL_HTTP_BODY_UNTIL_CLOSE);
}

static void release(struct hdl_stream *s)
{
	struct hdl_timers *timers = &s->worker->loop.timers;

	hdl_timer_stop(timers, &s->timer);
	hdl_timer_stop(timers, &s->global_timer);
	hdl_timer_stop(timers, &s->try_timer);
	if (s->load_counted)
		hdl_worker_load(s->worker, s->cluster)->active--;
	if (s->counted)
		hdl_stat_dec(&s->worker->stats.downstream_requests_active);
	hdl_replay_free(s);
	hdl_block_put(s->worker, s->head_block);
	free_texts(s);
	hdl_generation_unref(s->worker, s->generation);
}

void hdl_stream_finish(struct hdl_stream *stream, bool keep, bool reset)
{
	struct hdl_down *down = stream->down;

	if (stream->state == HDL_STREAM_DONE)
		return;
	hdl_try_end(stream, stream->response_complete && stream->up_keep);
	hdl_record(stream);
	hdl_stream_set_state(stream, HDL_STREAM_DONE);
	down->asked_to_close = stream->request_complete && !stream->request.keep_alive;
	release(stream);
	hdl_worker_bury(stream->worker, &stream->corpse);
	if (reset) {
		down->stream = NULL;
		hdl_down_close(down, true);
	} else {
		hdl_down_finished(down, keep);
	}
}
