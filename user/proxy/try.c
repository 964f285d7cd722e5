/* SPDX-License-Identifier: Apache-2.0 */
/* Tries of a request: choice of the endpoint, its connection, timeouts, failures and what becomes of them. */
#include <errno.h>
#include <stdio.h>

#include "policy/fault.h"
#include "proxy/breaker.h"
#include "proxy/stream.h"

static void connected(void *user);
static void connect_failed(void *user, int error);
static void up_ready(void *user);

static const struct hdl_up_ops try_ops = { connected, connect_failed, up_ready };

static void global_timeout(struct hdl_timer *timer)
{
	struct hdl_stream *s = HDL_CONTAINER_OF(timer, struct hdl_stream, global_timer);

	hdl_stat_inc(&s->worker->stats.route_timeouts);
	if (s->state == HDL_STREAM_CONNECTING || s->state == HDL_STREAM_EXCHANGE)
		hdl_target_report(s->worker, s->cluster, s->endpoint, HDL_OUTLIER_TIMEOUT, 0);
	hdl_stream_flag(s, HDL_FLAG_UT);
	s->details = "response_timeout";
	if (s->state == HDL_STREAM_RESPONSE)
		hdl_stream_cut(s);
	else
		hdl_reply(s, 504, "upstream request timeout", NULL);
}

static void per_try_timeout(struct hdl_timer *timer)
{
	struct hdl_stream *s = HDL_CONTAINER_OF(timer, struct hdl_stream, try_timer);

	/* Once the answer has begun only the route's timeout acts. */
	if (s->state != HDL_STREAM_EXCHANGE || s->response_begun)
		return;
	hdl_stat_inc(&s->worker->stats.per_try_timeouts);
	hdl_try_failed(s, HDL_TRY_PER_TRY_TIMEOUT, HDL_RESET_NONE);
}

void hdl_try_timers_init(struct hdl_stream *stream)
{
	hdl_timer_init(&stream->global_timer, global_timeout);
	hdl_timer_init(&stream->try_timer, per_try_timeout);
}

void hdl_try_start_timers(struct hdl_stream *stream)
{
	struct hdl_worker *worker = stream->worker;

	if (!stream->request_complete)
		return;
	if (!stream->complete_ns) {
		stream->complete_ns = hdl_worker_now(worker);
		if (stream->timeouts.global_ns)
			hdl_timer_set(&worker->loop.timers, &stream->global_timer,
				      stream->complete_ns + stream->timeouts.global_ns);
		if (stream->mirror_bits)
			hdl_mirror_send(stream);
	}
	if (stream->timeouts.per_try_ns && stream->state == HDL_STREAM_EXCHANGE)
		hdl_timer_set(&worker->loop.timers, &stream->try_timer,
			      hdl_worker_now(worker) + stream->timeouts.per_try_ns);
}

static void draw_mirrors(struct hdl_stream *s)
{
	for (size_t i = 0; i < s->route->mirror_count && i < 32; i++)
		if (hdl_mirror_wanted(&s->route->mirrors[i], hdl_rand_u64(&s->worker->rand)))
			s->mirror_bits |= 1u << i;
}

bool hdl_headers_are_grpc(const struct hdl_http_headers *list)
{
	struct hdl_str type = hdl_http_headers_value(list, HDL_HTTP_H_CONTENT_TYPE);
	struct hdl_str plain = HDL_STR("application/grpc");

	return hdl_str_eq(type, plain) || hdl_str_starts(type, HDL_STR("application/grpc+"));
}

/* A body that is known to be too long is not worth keeping from the start. */
static void decide_keeping(struct hdl_stream *s)
{
	if (!s->keep_body || s->request.framing != HDL_HTTP_BODY_LENGTH ||
	    s->request.content_length <= hdl_body_keep_limit(s))
		return;
	s->keep_body = false;
	if (s->route->retry.attempts > 0 || s->mirror_bits) {
		hdl_stat_inc(&s->worker->stats.limit_retry_buffer);
		hdl_stat_inc(&s->worker->stats.retry_or_shadow_abandoned);
	}
}

static void set_timeouts(struct hdl_stream *s)
{
	struct hdl_http_headers *list = &s->request.headers;
	struct hdl_str asked = { 0 };
	char *text = s->grpc_timeout_text;
	size_t n;

	if (s->is_grpc)
		asked = hdl_http_headers_value(list, HDL_HTTP_H_GRPC_TIMEOUT);
	s->timeouts = hdl_timeouts_of(s->route, asked);
	n = asked.n ? hdl_grpc_timeout_capped(&s->timeouts, asked, text) : 0;
	if (n > 0) /* in the place of a line that is there: cannot fail */
		(void)hdl_http_headers_set_id(list, HDL_HTTP_H_GRPC_TIMEOUT, (struct hdl_str){ text, n });
}

/* A.8; a backend of the Gateway API that is not valid is answered otherwise (F.3, F.8). */
static void no_cluster(struct hdl_stream *s)
{
	bool unresolved = s->destination && s->destination->unresolved;

	hdl_stat_inc(&s->worker->stats.no_cluster);
	hdl_stream_flag(s, HDL_FLAG_NC);
	hdl_reply_with(s, &(struct hdl_local_reply){
				  .status = unresolved ? 500 : 503,
				  .details = "cluster_not_found",
				  .has_grpc_status = unresolved,
				  .grpc_status = 14,
			  });
}

void hdl_try_first(struct hdl_stream *stream)
{
	const struct hdl_ir_destination *destination;
	struct hdl_worker *worker = stream->worker;

	hdl_stream_set_state(stream, HDL_STREAM_CONNECTING);
	destination = hdl_route_destination(stream->route, hdl_rand_u32(&worker->rand));
	stream->destination = destination;
	if (destination)
		stream->cluster_name = destination->cluster_name;
	if (!destination || !destination->cluster) {
		no_cluster(stream);
		return;
	}
	if (!hdl_action_prepare(stream))
		return;
	stream->cluster = destination->cluster;
	stream->load_counted = true;
	hdl_worker_load(worker, stream->cluster)->active++;
	set_timeouts(stream);
	draw_mirrors(stream);
	decide_keeping(stream);
	/* HTTP/1.0 without Host: HTTP/1.1 upstream needs one. */
	if (stream->request.authority.n == 0)
		stream->request.authority = hdl_str_of(stream->cluster->fqdn);
	hdl_request_hash(stream);
	hdl_try_start_timers(stream);
	hdl_try_next(stream);
}

/* Whether retries must leave out endpoints that failed already (B.9). */
static bool avoids_previous(const struct hdl_stream *s)
{
	if (!s->route->retry.avoid_previous_hosts)
		return false;
	return s->route->destination_count != 1 || s->cluster->hash_source == HDL_IR_HASH_NONE;
}

/* Fills the wish. False: no endpoint. */
static bool choose(struct hdl_stream *s, struct hdl_up_wish *wish)
{
	struct hdl_worker *worker = s->worker;
	struct hdl_lb_request request = {
		.tables = &worker->conf.tables,
		.cluster = s->cluster,
		.rand = &worker->rand,
		.now_ns = hdl_worker_now(worker),
		.hash = s->hash,
		.has_hash = s->has_hash,
		.family = hdl_addr_is_v4(&s->down->peer.address) ? HDL_FAMILY_V4 : HDL_FAMILY_V6,
		.previous = s->previous,
		.previous_count = avoids_previous(s) ? s->previous_count : 0,
	};
	uint32_t id;

	s->endpoint = NULL;
	if (s->cluster->policy == HDL_POLICY_PASSTHROUGH && !s->down->gateway) {
		wish->to = s->down->local;
		return true;
	}
	if (hdl_lb_pick(&request, &id, &wish->family) != HDL_VERDICT_BALANCED)
		return false;
	wish->endpoint = s->endpoint = hdl_generation_endpoint(worker, s->generation, s->cluster, id);
	if (!s->endpoint)
		return false;
	wish->to = (struct hdl_endpoint_addr){ s->endpoint->address[wish->family], s->endpoint->port };
	if (s->previous_count < HDL_LB_PREVIOUS_MAX)
		s->previous[s->previous_count++] = id;
	s->charged = hdl_target_charge(worker, s->endpoint);
	return true;
}

/* What a try starts from. */
static void reset_try(struct hdl_stream *s)
{
	s->head_sent = s->request_sent = s->write_failed = s->response_seen = s->accepted = false;
	s->replay.sent = 0;
	s->up_ready_ns = 0;
	s->try_start_ns = hdl_worker_now(s->worker);
	s->scan = (struct hdl_h1_scan){ 0 };
	s->reset_reason = HDL_RESET_NONE;
	s->details = NULL;
	hdl_http_headers_init(&s->response.headers, s->response_v, s->headers_max);
}

static void no_healthy(struct hdl_stream *s)
{
	hdl_stat_inc(&s->worker->stats.no_healthy);
	hdl_stream_flag(s, HDL_FLAG_UH);
	hdl_reply(s, 503, "no healthy upstream", "no_healthy_upstream");
}

static bool is_local_failure(int error)
{
	return error == -EMFILE || error == -ENFILE || error == -ENOMEM || error == -ENOBUFS ||
	       error == -EADDRNOTAVAIL || error == -EACCES || error == -EPERM || error == -ENOSPC;
}

static void connect_failed(void *user, int error)
{
	struct hdl_stream *s = user;

	s->up = NULL;
	s->connect_error = error;
	hdl_try_failed(s, HDL_TRY_CONNECT_FAILURE,
		       error == -ETIMEDOUT     ? HDL_RESET_CONNECT_TIMEOUT :
		       is_local_failure(error) ? HDL_RESET_CONNECT_LOCAL :
						 HDL_RESET_CONNECT);
}

static void connection_ready(struct hdl_stream *s)
{
	hdl_stat_inc(&s->worker->stats.upstream_tries);
	s->up_ready_ns = hdl_worker_now(s->worker);
	__builtin_memcpy(s->upstream_text, s->up->remote_text, sizeof(s->upstream_text));
	__builtin_memcpy(s->upstream_local_text, s->up->local_text, sizeof(s->upstream_local_text));
	hdl_stream_set_state(s, HDL_STREAM_EXCHANGE);
	hdl_try_start_timers(s);
	hdl_stream_run(s);
}

static void connected(void *user)
{
	struct hdl_stream *s = user;

	hdl_target_report(s->worker, s->cluster, s->endpoint, HDL_OUTLIER_CONNECT_OK, 0);
	connection_ready(s);
}

static void up_ready(void *user)
{
	struct hdl_stream *s = user;

	if (hdl_conn_is_blocked(&s->up->conn) && hdl_conn_flush(&s->up->conn) < 0)
		s->write_failed = true;
	hdl_stream_run(s);
}

void hdl_try_next(struct hdl_stream *stream)
{
	struct hdl_up_wish wish = {
		.cluster = stream->cluster, .fresh = stream->fresh_only, .ops = &try_ops, .user = stream
	};
	int r;

	stream->tries++;
	hdl_stream_set_state(stream, HDL_STREAM_CONNECTING);
	reset_try(stream);
	if (!choose(stream, &wish)) {
		no_healthy(stream);
		return;
	}
	/* a stale connection's request has its place still */
	if (!stream->breaker_counted &&
	    !hdl_breaker_take(&hdl_worker_breaker(stream->worker, stream->cluster)->requests,
			      stream->cluster->pool.max_requests)) {
		hdl_target_discharge(stream->worker, stream->endpoint, &stream->charged);
		hdl_reply_overflow(stream);
		return;
	}
	stream->breaker_counted = true;
	stream->fresh_only = false;
	r = hdl_up_get(stream->worker, &wish, &stream->up);
	if (r == 0 && stream->up->state == HDL_UP_BUSY) {
		connection_ready(stream);
		return;
	}
	/* For the log of a connect that fails. */
	hdl_addr_port_print(&wish.to.address, wish.to.port, stream->upstream_text);
	stream->upstream_local_text[0] = '\0';
	if (r < 0)
		connect_failed(stream, r);
	else if (!stream->request_complete)
		hdl_stream_run(stream); /* take in what there is of the body meanwhile */
}

void hdl_try_end(struct hdl_stream *stream, bool reuse)
{
	struct hdl_up *up = stream->up;

	hdl_timer_stop(&stream->worker->loop.timers, &stream->try_timer);
	hdl_target_discharge(stream->worker, stream->endpoint, &stream->charged);
	if (stream->breaker_counted) {
		stream->breaker_counted = false;
		hdl_breaker_give(&hdl_worker_breaker(stream->worker, stream->cluster)->requests);
	}
	if (stream->retry_counted) {
		stream->retry_counted = false;
		hdl_breaker_give(&hdl_worker_breaker(stream->worker, stream->cluster)->retries);
		hdl_worker_load(stream->worker, stream->cluster)->retries--;
		hdl_stat_dec(&stream->worker->stats.retries_active);
	}
	stream->up = NULL;
	if (!up)
		return;
	if (reuse)
		hdl_up_release(up);
	else
		hdl_up_close(up);
}

static void back_off(struct hdl_stream *s)
{
	struct hdl_worker *worker = s->worker;

	s->retries++;
	s->retry_counted = true;
	hdl_worker_load(worker, s->cluster)->retries++;
	hdl_stat_inc(&worker->stats.retries);
	hdl_stat_inc(&worker->stats.retries_active);
	hdl_stream_set_state(s, HDL_STREAM_BACKOFF);
	hdl_timer_set(&worker->loop.timers, &s->timer,
		      hdl_worker_now(worker) +
			      hdl_retry_backoff_ns(&s->route->retry, s->retries, hdl_rand_u64(&worker->rand)));
}

/*
 * Whether one more retry may be under way, which is then counted: by maxRetries of the cluster, else by the budget of the
 * node. The failed try's own place is free in a moment.
 */
static bool take_retry(struct hdl_stream *s)
{
	const struct hdl_ir_node *node = &s->generation->snapshot->node;
	const struct hdl_cluster_load *load = hdl_worker_load(s->worker, s->cluster);
	uint32_t retries = load->retries - s->retry_counted, max = s->cluster->pool.max_retries;

	if (!max && !hdl_budget_allows(node->retry_budget_percent, node->retry_budget_min, load->active, retries))
		return false;
	return hdl_breaker_take(&hdl_worker_breaker(s->worker, s->cluster)->retries, max ? max + s->retry_counted : 0);
}

/* Whether the outcome becomes a retry, counted by then; sets the flags of those that do not. The try has ended. */
static bool wants_retry(struct hdl_stream *s, const struct hdl_try_outcome *outcome)
{
	enum hdl_retry_decision verdict;

	if (!s->may_repeat || s->response_begun || s->interim_passed)
		return false;
	verdict = hdl_retry_decide(&s->route->retry, outcome, s->retries, true);
	if (verdict == HDL_RETRY_YES && !take_retry(s))
		verdict = HDL_RETRY_OVERFLOW;
	switch (verdict) {
	case HDL_RETRY_YES:
		return true;
	case HDL_RETRY_LIMIT:
		hdl_stat_inc(&s->worker->stats.retry_limit_exceeded);
		hdl_stream_flag(s, HDL_FLAG_URX);
		return false;
	case HDL_RETRY_OVERFLOW:
		hdl_stat_inc(&s->worker->stats.retry_overflow);
		hdl_stream_flag(s, HDL_FLAG_UO);
		return false;
	default:
		return false;
	}
}

/* Whether the endpoint can have acted on the request. Its kernel acknowledges nothing once the socket is closed. */
static bool may_have_arrived(const struct hdl_stream *s)
{
	if (!s->accepted)
		return false;
	/* An application may read faster than its kernel acknowledges: only what may happen twice is risked on that. */
	return !hdl_http_method_is_idempotent((enum hdl_http_method)s->request.method) ||
	       hdl_sock_acked_bytes(s->up->conn.io.fd) > s->up->sent_before;
}

/*
 * A connection from the pool that the endpoint closed just then: the request goes out again on a fresh one, once, and
 * nobody hears of it.
 */
static bool repeat_stale(struct hdl_stream *s, enum hdl_try_result result)
{
	bool breaker_counted = s->breaker_counted, retry_counted = s->retry_counted;

	if (result != HDL_TRY_RESET || !s->up || !hdl_up_is_reused(s->up) || s->response_seen || s->stale_repeated)
		return false;
	if (!s->may_repeat || s->interim_passed || may_have_arrived(s))
		return false;
	hdl_stat_inc(&s->worker->stats.upstream_stale);
	s->stale_repeated = s->fresh_only = true;
	if (s->previous_count > 0 && s->endpoint)
		s->previous_count--; /* it has not failed */
	s->tries--;
	/* it is the same request, or retry: nobody gets its place meanwhile */
	s->breaker_counted = s->retry_counted = false;
	hdl_try_end(s, false);
	s->breaker_counted = breaker_counted;
	s->retry_counted = retry_counted;
	hdl_try_next(s);
	return true;
}

static void report_failure(struct hdl_stream *s, enum hdl_try_result result, enum hdl_reset_reason reason)
{
	if (reason == HDL_RESET_LOCAL || reason == HDL_RESET_CONNECT_LOCAL)
		return; /* our own trouble says nothing about the endpoint */
	hdl_target_report(s->worker, s->cluster, s->endpoint,
			  result == HDL_TRY_CONNECT_FAILURE ? HDL_OUTLIER_CONNECT_FAILURE :
			  result == HDL_TRY_PER_TRY_TIMEOUT ? HDL_OUTLIER_TIMEOUT :
							      HDL_OUTLIER_RESET,
			  0);
}

/* The failure is final and the answer has begun. */
static void fail_after_start(struct hdl_stream *s, enum hdl_reset_reason reason)
{
	s->reset_reason = reason;
	hdl_stream_flag(s, reason == HDL_RESET_PROTOCOL ? HDL_FLAG_UPE :
			   reason == HDL_RESET_LOCAL    ? HDL_FLAG_LR :
							  HDL_FLAG_UC);
	s->details = NULL;
	hdl_stream_cut(s);
}

void hdl_try_failed(struct hdl_stream *stream, enum hdl_try_result result, enum hdl_reset_reason reason)
{
	struct hdl_try_outcome outcome = { result, 0, false, -1 };

	if (repeat_stale(stream, result))
		return;
	if (result == HDL_TRY_RESET && !stream->accepted)
		outcome.result = HDL_TRY_RESET_BEFORE_REQUEST;
	if (result == HDL_TRY_RESET)
		hdl_stat_inc(&stream->worker->stats.upstream_resets);
	report_failure(stream, result, reason);
	if (stream->response_begun) {
		fail_after_start(stream, reason);
		return;
	}
	if (wants_retry(stream, &outcome)) {
		hdl_try_end(stream, false);
		back_off(stream);
		if (!stream->request_complete)
			hdl_stream_run(stream);
		return;
	}
	hdl_try_end(stream, false);
	stream->reset_reason = reason;
	if (result == HDL_TRY_PER_TRY_TIMEOUT) {
		hdl_stream_flag(stream, HDL_FLAG_UT);
		hdl_reply(stream, 504, "upstream request timeout", "upstream_per_try_timeout");
	} else {
		hdl_reply_reset(stream);
	}
}

int hdl_grpc_status_of(const struct hdl_http_headers *list)
{
	struct hdl_str value = hdl_http_headers_value(list, HDL_HTTP_H_GRPC_STATUS);
	uint64_t status;

	return value.n && hdl_str_u64(value, 999, &status) == 0 ? (int)status : -1;
}

/* B.12: the status by which outlier detection judges a gRPC answer. */
static unsigned int http_status_of_grpc(int status)
{
	static const uint16_t table[] = { 200, 499, 500, 400, 504, 404, 409, 403, 429,
					  400, 409, 400, 501, 500, 503, 500, 401 };

	return status >= 0 && status < (int)(sizeof(table) / sizeof(table[0])) ? table[status] : 500;
}

bool hdl_try_judge_response(struct hdl_stream *stream)
{
	const struct hdl_http_head *response = &stream->response;
	struct hdl_try_outcome outcome = {
		.result = HDL_TRY_RESPONSE,
		.status = response->status,
		.ratelimited = hdl_http_headers_has(&response->headers, HDL_HTTP_H_ENVOY_RATELIMITED),
		.grpc_status = hdl_grpc_status_of(&response->headers),
	};
	unsigned int status = response->status;
	struct hdl_h1_limits limits = HDL_H1_LIMITS_DEFAULT;
	struct hdl_h1_body body;
	bool reuse;

	stream->grpc_status = outcome.grpc_status;
	if (hdl_headers_are_grpc(&response->headers) && outcome.grpc_status >= 0)
		status = http_status_of_grpc(outcome.grpc_status);
	hdl_target_report(stream->worker, stream->cluster, stream->endpoint, HDL_OUTLIER_RESPONSE, status);
	if (!wants_retry(stream, &outcome))
		return false;
	/* An answer without a body leaves the connection usable; others are not worth reading to the end. */
	hdl_h1_body_init(&body, response, &limits, NULL);
	reuse = response->keep_alive && stream->request_sent && hdl_h1_body_is_done(&body);
	hdl_try_end(stream, reuse);
	back_off(stream);
	return true;
}
