/* SPDX-License-Identifier: Apache-2.0 */
/* What remains of a request: a line in the access log (E.1) and two observations in the request series (E.2). */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "proxy/stream.h"

static const char *const flag_text[HDL_FLAG_COUNT] = {
#define X(name) #name,
	HDL_FLAGS(X)
#undef X
};

void hdl_record_flags(const struct hdl_stream *stream, char *text, size_t room)
{
	size_t at = 0;

	memcpy(text, "-", 2);
	for (unsigned int i = 0; i < stream->flag_count && at < room; i++)
		at += (size_t)snprintf(text + at, room - at, "%s%s", i ? "," : "", flag_text[stream->flags[i]]);
}

static void underscores(char *text)
{
	for (; *text; text++)
		if (*text == ' ')
			*text = '_';
}

/* %UPSTREAM_TRANSPORT_FAILURE_REASON%, "" if none */
static void transport_failure(const struct hdl_stream *s, char *text, size_t room)
{
	char reason[64] = "";

	text[0] = '\0';
	if (s->reset_reason != HDL_RESET_CONNECT || !s->connect_error)
		return;
	snprintf(text, room, "delayed_connect_error:_%s", strerror_r(-s->connect_error, reason, sizeof(reason)));
	underscores(text);
}

static struct hdl_str details_text(const struct hdl_stream *s, const char *transport, char *text, size_t room)
{
	static const char *const reasons[] = {
		[HDL_RESET_NONE] = "connection_termination",
		[HDL_RESET_CONNECT] = "remote_connection_failure",
		[HDL_RESET_CONNECT_LOCAL] = "local_connection_failure",
		[HDL_RESET_CONNECT_TIMEOUT] = "connection_timeout",
		[HDL_RESET_TERMINATION] = "connection_termination",
		[HDL_RESET_PROTOCOL] = "protocol_error",
		[HDL_RESET_LOCAL] = "local_reset",
	};
	int n;

	if (s->details)
		return hdl_str_of(s->details);
	if (s->reset_reason == HDL_RESET_NONE)
		return (struct hdl_str){ 0 };
	n = snprintf(text, room, "upstream_reset_%s_response_started{%s%s%s}", s->is_local ? "before" : "after",
		     reasons[s->reset_reason], *transport ? "|" : "", transport);
	return (struct hdl_str){ text, n > 0 && (size_t)n < room ? (size_t)n : 0 };
}

/* Path with query as it was routed; the query lies behind the path unless normalising moved them apart. */
struct hdl_str hdl_record_path(struct hdl_stream *stream)
{
	const struct hdl_http_head *head = &stream->request;
	struct hdl_str original = hdl_http_headers_value(&head->headers, HDL_HTTP_H_ENVOY_ORIGINAL_PATH);
	char *text;

	if (original.n)
		return original;
	if (!head->has_query || head->path.n == 0)
		return head->path;
	if (head->path.p + head->path.n + 1 == head->query.p)
		return (struct hdl_str){ head->path.p, head->path.n + 1 + head->query.n };
	text = hdl_stream_text(stream, head->path.n + 1 + head->query.n);
	if (!text)
		return head->path;
	memcpy(text, head->path.p, head->path.n);
	text[head->path.n] = '?';
	memcpy(text + head->path.n + 1, head->query.p, head->query.n);
	return (struct hdl_str){ text, head->path.n + 1 + head->query.n };
}

struct hdl_str hdl_record_details(const struct hdl_stream *stream, char *transport, size_t transport_room, char *text,
				  size_t room)
{
	transport_failure(stream, transport, transport_room);
	return details_text(stream, transport, text, room);
}

static void write_line(struct hdl_stream *s, uint64_t duration_ns)
{
	const struct hdl_http_headers *headers = &s->request.headers;
	char transport[96], details[256], flags[64];
	struct hdl_access_record r = {
		.start_wall_ns = hdl_clock_wall_ns() - duration_ns,
		.path = hdl_record_path(s),
		.protocol = hdl_http_version_text((enum hdl_http_version)s->client_version),
		.response_code = s->status,
		.bytes_received = s->bytes_received,
		.bytes_sent = s->bytes_sent,
		.duration_ms = duration_ns / 1000000,
		.upstream_service_time_ms = s->service_time_ms,
		.forwarded_for = hdl_http_headers_value(headers, HDL_HTTP_H_X_FORWARDED_FOR),
		.user_agent = hdl_http_headers_value(headers, HDL_HTTP_H_USER_AGENT),
		.request_id = hdl_http_headers_value(headers, HDL_HTTP_H_X_REQUEST_ID),
		.authority = s->request.authority,
		.upstream_host = hdl_str_of(s->tries ? s->upstream_text : ""),
		.upstream_cluster = hdl_str_of(s->cluster_name ? s->cluster_name : ""),
		.upstream_local = hdl_str_of(s->tries ? s->upstream_local_text : ""),
		.downstream_local = hdl_str_of(s->down->local_text),
		.downstream_remote = hdl_str_of(s->down->peer_text),
		.route_name = hdl_str_of(s->route_name),
		.request_headers = headers,
	};

	hdl_record_flags(s, flags, sizeof(flags));
	r.flags = hdl_str_of(flags);
	r.details = hdl_record_details(s, transport, sizeof(transport), details, sizeof(details));
	r.transport_failure = hdl_str_of(transport);
	if (s->request.method != HDL_HTTP_METHOD_UNKNOWN)
		r.method = hdl_http_method_text((enum hdl_http_method)s->request.method);
	hdl_accesslog_write(s->worker->log, &r);
	if (hdl_accesslog_pending(s->worker->log) && !hdl_timer_is_set(&s->worker->log_timer))
		hdl_timer_set(&s->worker->loop.timers, &s->worker->log_timer,
			      hdl_worker_now(s->worker) + HDL_ACCESSLOG_DELAY_NS);
}

#define UNKNOWN "unknown"
#define CLUSTER_ID "Kubernetes"

static void source_labels(struct hdl_labels *l, const struct hdl_ir_workload *w)
{
	l->value[HDL_LABEL_ID_SOURCE_WORKLOAD] = w ? w->workload_name : UNKNOWN;
	l->value[HDL_LABEL_ID_SOURCE_CANONICAL_SERVICE] = w ? w->canonical_service : UNKNOWN;
	l->value[HDL_LABEL_ID_SOURCE_CANONICAL_REVISION] = w ? w->canonical_revision : "latest";
	l->value[HDL_LABEL_ID_SOURCE_WORKLOAD_NAMESPACE] = w ? w->ns : UNKNOWN;
	l->value[HDL_LABEL_ID_SOURCE_PRINCIPAL] = UNKNOWN; /* plain text proves nothing */
	l->value[HDL_LABEL_ID_SOURCE_APP] = w ? w->app : UNKNOWN;
	l->value[HDL_LABEL_ID_SOURCE_VERSION] = w ? w->version : UNKNOWN;
	l->value[HDL_LABEL_ID_SOURCE_CLUSTER] = w ? CLUSTER_ID : UNKNOWN;
}

static void destination_labels(struct hdl_labels *l, const struct hdl_ir_workload *w,
			       const struct hdl_ir_service *service)
{
	l->value[HDL_LABEL_ID_DESTINATION_WORKLOAD] = w ? w->workload_name : UNKNOWN;
	l->value[HDL_LABEL_ID_DESTINATION_WORKLOAD_NAMESPACE] = w ? w->ns : UNKNOWN;
	l->value[HDL_LABEL_ID_DESTINATION_PRINCIPAL] = UNKNOWN;
	l->value[HDL_LABEL_ID_DESTINATION_APP] = w ? w->app : UNKNOWN;
	l->value[HDL_LABEL_ID_DESTINATION_VERSION] = w ? w->version : UNKNOWN;
	l->value[HDL_LABEL_ID_DESTINATION_CANONICAL_SERVICE] = w ? w->canonical_service : UNKNOWN;
	l->value[HDL_LABEL_ID_DESTINATION_CANONICAL_REVISION] = w ? w->canonical_revision : "latest";
	l->value[HDL_LABEL_ID_DESTINATION_CLUSTER] = w ? CLUSTER_ID : UNKNOWN;
	l->value[HDL_LABEL_ID_DESTINATION_SERVICE] = service ? service->fqdn : UNKNOWN;
	l->value[HDL_LABEL_ID_DESTINATION_SERVICE_NAME] = service ? service->name : UNKNOWN;
	l->value[HDL_LABEL_ID_DESTINATION_SERVICE_NAMESPACE] = service ? service->ns : UNKNOWN;
}

static const struct hdl_ir_service *service_of(const struct hdl_stream *s)
{
	if (s->cluster)
		return s->cluster->service;
	/* Answered by a fault, before a destination was drawn: the one that the route leads to (B.10). */
	if (s->route && s->route->destination_count > 0 && s->route->destinations[0].cluster)
		return s->route->destinations[0].cluster->service;
	return s->vhost ? s->vhost->service : NULL;
}

/* Numbers that tell outcomes apart within the cache. */
static uint64_t outcome_of(const struct hdl_stream *s)
{
	/* Of the gRPC status only what a label shows: -1 (none) must not cover other numbers. */
	uint64_t grpc = s->is_grpc ? (uint64_t)(s->grpc_status + 1) : 0;
	uint64_t h = (uint64_t)s->status << 32 | grpc << 8 | (uint64_t)s->is_grpc << 3 |
		     (uint64_t)s->response_complete << 2 | (uint64_t)s->reached << 1 | (uint64_t)s->is_local;

	for (unsigned int i = 0; i < s->flag_count; i++)
		h = h * 31 + s->flags[i] + 1;
	return h;
}

static void fill_series(struct hdl_stream *s, struct hdl_series_cache *c, const char *flags)
{
	struct hdl_labels l = { 0 };
	char code[12], grpc[12] = "";

	snprintf(code, sizeof(code), "%u", s->status);
	if (s->is_grpc && s->grpc_status >= 0)
		snprintf(grpc, sizeof(grpc), "%d", s->grpc_status);
	source_labels(&l, c->client);
	destination_labels(&l, s->endpoint ? s->endpoint->workload : NULL, c->service);
	l.value[HDL_LABEL_ID_REQUEST_PROTOCOL] = s->is_grpc ? "grpc" : "http";
	l.value[HDL_LABEL_ID_RESPONSE_CODE] = code;
	l.value[HDL_LABEL_ID_GRPC_RESPONSE_STATUS] = grpc;
	l.value[HDL_LABEL_ID_RESPONSE_FLAGS] = flags;
	l.value[HDL_LABEL_ID_REPORTER] = "source";
	l.value[HDL_LABEL_ID_CONNECTION_SECURITY_POLICY] = UNKNOWN;
	c->source = hdl_series_get(&s->worker->stats, &l);
	c->destination = NULL;
	if (!s->reached)
		return; /* the destination never heard of it */
	l.value[HDL_LABEL_ID_REPORTER] = "destination";
	l.value[HDL_LABEL_ID_CONNECTION_SECURITY_POLICY] = "none";
	/* Its own view: an answer that it gave carries no flag of the client's side. */
	if (!s->is_local && s->response_complete)
		l.value[HDL_LABEL_ID_RESPONSE_FLAGS] = "-";
	c->destination = hdl_series_get(&s->worker->stats, &l);
}

static void observe(struct hdl_stream *s, uint64_t duration_ns)
{
	char flags[64];
	struct hdl_series_cache key = { .generation = s->generation->number,
					.client = s->down->client,
					.service = service_of(s),
					.endpoint = s->endpoint,
					.outcome = outcome_of(s) };
	uint64_t hash = (uintptr_t)key.client * 3 ^ (uintptr_t)key.service * 5 ^ (uintptr_t)key.endpoint * 7 ^
			key.outcome * 0x9e3779b97f4a7c15ull;
	struct hdl_series_cache *c = &s->worker->series[(hash ^ hash >> 32) % HDL_SERIES_CACHE];

	if (c->generation != key.generation || c->client != key.client || c->service != key.service ||
	    c->endpoint != key.endpoint || c->outcome != key.outcome) {
		*c = key;
		hdl_record_flags(s, flags, sizeof(flags));
		fill_series(s, c, flags);
	} else if (!c->source) {
		hdl_stat_inc(&s->worker->stats.limit_metric_series);
	}
	if (c->source)
		hdl_series_observe(c->source, duration_ns);
	if (c->destination)
		hdl_series_observe(c->destination, duration_ns);
}

void hdl_record(struct hdl_stream *stream)
{
	uint64_t duration_ns = hdl_worker_now(stream->worker) - stream->start_ns;

	/* A request that was refused before it could be read has no snapshot; it is logged, but belongs to no series. */
	if (stream->generation)
		observe(stream, duration_ns);
	if (hdl_accesslog_is_on(stream->worker->log))
		write_line(stream, duration_ns);
}
