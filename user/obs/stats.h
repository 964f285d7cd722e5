/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters of one worker. The worker is the only writer; any thread may read without a lock and sees each number whole,
 * though not all of one instant. A field's name is its metric's name after "heddle_" (counters get "_total").
 */
#ifndef HDL_OBS_STATS_H
#define HDL_OBS_STATS_H

#include <stddef.h>
#include <stdint.h>

/* clang-format off */
/* X(field, help) */
#define HDL_STATS_COUNTERS(X) \
	X(downstream_connections, "Client connections accepted") \
	X(downstream_connections_closed, "Client connections closed") \
	X(downstream_requests, "Requests read from clients") \
	X(downstream_disconnects, "Clients gone before the response was complete") \
	X(downstream_received_bytes, "Bytes read from clients") \
	X(downstream_sent_bytes, "Bytes written to clients") \
	X(downstream_unknown_origin, "Connections closed because nobody knew where they were going") \
	X(accept_failures, "accept() failed for another reason than the limits") \
	X(no_route, "Requests without a matching virtual host or route (404, NR)") \
	X(no_cluster, "Requests routed to an unknown host or subset (503, NC)") \
	X(no_healthy, "Requests whose destination had no endpoint left (503, UH)") \
	X(request_overflow, "Requests beyond http2MaxRequests of their destination (503, UO)") \
	X(upstream_connects, "Connections opened to endpoints") \
	X(upstream_connect_failures, "Connections that an endpoint refused or that failed") \
	X(upstream_connect_timeouts, "Connections not established in connectTimeout") \
	X(upstream_connections_closed, "Connections to endpoints closed") \
	X(upstream_reused, "Tries sent on a connection that was open already") \
	X(upstream_idle_closed, "Idle connections closed after idleTimeout") \
	X(upstream_max_requests, "Connections closed after maxRequestsPerConnection") \
	X(upstream_stale, "Reused connections that the endpoint had closed: request sent again on a fresh one") \
	X(upstream_tries, "Requests sent to endpoints, retries and mirrors included") \
	X(upstream_resets, "Connections lost before the response was complete") \
	X(upstream_received_bytes, "Bytes read from endpoints") \
	X(upstream_sent_bytes, "Bytes written to endpoints") \
	X(upstream_protocol_errors, "Responses that were not HTTP") \
	X(route_timeouts, "Requests that ran out of the route's timeout (UT)") \
	X(per_try_timeouts, "Tries that ran out of perTryTimeout") \
	X(retries, "Retries made") \
	X(retry_limit_exceeded, "Failed requests whose retries were used up (URX)") \
	X(retry_overflow, "Retries refused by the retry budget (UO)") \
	X(retry_or_shadow_abandoned, "Requests whose body outgrew the retry buffer: no retry, no mirror") \
	X(fault_delays, "Delays injected (DI)") \
	X(fault_aborts, "Aborts injected (FI)") \
	X(redirects, "Requests answered with the redirect of a rule") \
	X(direct_responses, "Requests answered with the directResponse of a rule") \
	X(cors_preflights, "Preflights answered for a corsPolicy") \
	X(mirrors, "Mirrored requests sent") \
	X(mirror_failures, "Mirrored requests that could not be sent or got no response") \
	X(upgrades, "Connections switched to another protocol (WebSocket)") \
	X(ejections, "Endpoints ejected") \
	X(ejections_consecutive_5xx, "Endpoints ejected for consecutive5xxErrors") \
	X(ejections_consecutive_gateway, "Endpoints ejected for consecutiveGatewayErrors") \
	X(ejections_consecutive_local_origin, "Endpoints ejected for consecutiveLocalOriginFailures") \
	X(ejections_overflow, "Ejections that maxEjectionPercent did not allow") \
	X(access_log_lines, "Access-log lines written") \
	X(access_log_lines_dropped, "Access-log lines lost: too long, write error, or a reader that does not keep up") \
	X(access_log_write_errors, "write() to the access log failed") \
	X(reloads, "Snapshots taken over by the worker")

#define HDL_STATS_GAUGES(X) \
	X(downstream_connections_active, "Client connections open") \
	X(downstream_requests_active, "Requests in flight") \
	X(upstream_connections_active, "Connections to endpoints open") \
	X(upstream_connections_idle, "Connections to endpoints waiting for a request") \
	X(retries_active, "Retries outstanding") \
	X(snapshots_held, "Snapshots in use by requests") \
	X(buffer_bytes, "Bytes of connection buffers allocated") \
	X(metric_series, "Label sets of istio_requests_total")

/* Bounds (promise P7): X(field, value of the label "limit", help). Metric heddle_limit_hits_total. */
#define HDL_STATS_LIMITS(X) \
	X(limit_connections, "max_connections", "accepting paused at the limit of client connections") \
	X(limit_descriptors, "file_descriptors", "accept or connect found no free file descriptor") \
	X(limit_memory, "memory", "an allocation failed: request or connection given up") \
	X(limit_header_bytes, "max_header_bytes", "request head over the limit of bytes (431)") \
	X(limit_header_count, "max_headers", "request head over the limit of lines (431)") \
	X(limit_header_timeout, "header_timeout", "request head not complete in time (408)") \
	X(limit_idle_timeout, "idle_timeout", "idle client connection closed") \
	X(limit_retry_buffer, "retry_buffer_bytes", "request body over the retry buffer") \
	X(limit_response_header_bytes, "response_header_bytes", "response head over the limit (502)") \
	X(limit_header_values, "header_values", "header of a rule left out: its values are too long together") \
	X(limit_rewritten_path, "rewritten_path", "path or Location made by a rule over the limit (500)") \
	X(limit_mirrors, "mirrors", "mirrored request left out: too many are in flight") \
	X(limit_metric_series, "metric_series", "request not counted: too many label sets") \
	X(limit_access_log_line, "access_log_line", "access-log line over the limit")
/* clang-format on */

#define HDL_STATS_CODEC_ERRORS_MAX 40

struct hdl_series_table;

struct hdl_stats {
#define HDL_STATS_FIELD(field, help) uint64_t field;
	HDL_STATS_COUNTERS(HDL_STATS_FIELD)
	HDL_STATS_GAUGES(HDL_STATS_FIELD)
#undef HDL_STATS_FIELD
#define HDL_STATS_FIELD(field, label, help) uint64_t field;
	HDL_STATS_LIMITS(HDL_STATS_FIELD)
#undef HDL_STATS_FIELD
	uint64_t codec_errors[HDL_STATS_CODEC_ERRORS_MAX]; /* requests refused, by enum hdl_h1_error */
	struct hdl_series_table *series;
};

static inline void hdl_stat_add(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

static inline void hdl_stat_inc(uint64_t *counter)
{
	hdl_stat_add(counter, 1);
}

static inline void hdl_stat_dec(uint64_t *gauge)
{
	__atomic_store_n(gauge, *gauge - 1, __ATOMIC_RELAXED);
}

static inline uint64_t hdl_stat_read(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/* series_max bounds the label sets that are kept. 0 or -ENOMEM. */
int hdl_stats_init(struct hdl_stats *stats, uint32_t series_max);
void hdl_stats_done(struct hdl_stats *stats);

#endif
