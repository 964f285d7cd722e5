/* SPDX-License-Identifier: Apache-2.0 */
/* Access log of one worker in Istio's text or JSON form (specification E.1), buffered. One thread. */
#ifndef HDL_OBS_ACCESSLOG_H
#define HDL_OBS_ACCESSLOG_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "base/str.h"
#include "http/header.h"
#include "obs/stats.h"

/* Flush no later than this after the first line that waits: lines are in the file within 100 ms. */
#define HDL_ACCESSLOG_DELAY_NS 50000000ull
/* Flush when so much waits. */
#define HDL_ACCESSLOG_FLUSH_BYTES 32768
/* Longest line, and what may wait for a reader (a pipe) that does not keep up. */
#define HDL_ACCESSLOG_BYTES_MAX 131072

/* What is known at the end of a request. Empty strings print "-" (null in JSON). */
struct hdl_access_record {
	uint64_t start_wall_ns;
	struct hdl_str method, path, protocol; /* path: x-envoy-original-path, or path with query */
	uint16_t response_code;                /* 0 = none */
	struct hdl_str flags, details, termination_details, transport_failure;
	uint64_t bytes_received, bytes_sent; /* body */
	uint64_t duration_ms;
	int64_t upstream_service_time_ms; /* -1 = none */
	struct hdl_str forwarded_for, user_agent, request_id, authority;
	struct hdl_str upstream_host, upstream_cluster, upstream_local, downstream_local, downstream_remote;
	struct hdl_str server_name, route_name;
	const struct hdl_http_headers *request_headers; /* for %REQ(any)%; may be NULL */
};

/* A parsed format string with the operators of Istio's default format; %REQ(name)% and %REQ(a?b)% take any header. */
struct hdl_access_format;

/* Istio's default text format. */
extern const char hdl_access_format_default[];

/* -EINVAL with a text that names the operator that is not supported. "" = default. */
int hdl_access_format_new(const char *text, struct hdl_access_format **ret, struct hdl_err *err);
void hdl_access_format_free(struct hdl_access_format *format);

struct hdl_accesslog;

/* stats: where lines and errors are counted. NULL when out of memory. No descriptor yet: lines are dropped, uncounted. */
struct hdl_accesslog *hdl_accesslog_new(struct hdl_stats *stats);
void hdl_accesslog_free(struct hdl_accesslog *log); /* flushes; closes its descriptor */
/* Takes fd (-1 = off) after writing out what waits to the former one. */
void hdl_accesslog_set_fd(struct hdl_accesslog *log, int fd);
/* Takes format (NULL = default). json overrides the format. */
void hdl_accesslog_set_format(struct hdl_accesslog *log, struct hdl_access_format *format, bool json);
bool hdl_accesslog_is_on(const struct hdl_accesslog *log);
void hdl_accesslog_write(struct hdl_accesslog *log, const struct hdl_access_record *record);
/* Whether lines wait: the caller then calls flush within HDL_ACCESSLOG_DELAY_NS. */
bool hdl_accesslog_pending(const struct hdl_accesslog *log);
/* Writes out; never waits for a pipe's reader. */
void hdl_accesslog_flush(struct hdl_accesslog *log);

#endif
