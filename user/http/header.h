/* SPDX-License-Identifier: Apache-2.0 */
/* Header fields: a list of slices with ids for the well-known names; no copy, no allocation. */
#ifndef HDL_HTTP_HEADER_H
#define HDL_HTTP_HEADER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/* id, lower-case name. At most 63: one bit each in hdl_http_headers.present. */
/* clang-format off */
#define HDL_HTTP_HEADER_IDS(X) \
	X(TE, "te") X(HOST, "host") X(DATE, "date") X(ACCEPT, "accept") X(COOKIE, "cookie") X(EXPECT, "expect") \
	X(ORIGIN, "origin") X(SERVER, "server") X(TRAILER, "trailer") X(UPGRADE, "upgrade") X(LOCATION, "location") \
	X(CONNECTION, "connection") X(KEEP_ALIVE, "keep-alive") X(SET_COOKIE, "set-cookie") \
	X(USER_AGENT, "user-agent") X(RETRY_AFTER, "retry-after") X(GRPC_STATUS, "grpc-status") \
	X(GRPC_MESSAGE, "grpc-message") X(GRPC_TIMEOUT, "grpc-timeout") X(CONTENT_TYPE, "content-type") \
	X(CONTENT_LENGTH, "content-length") X(CONTENT_ENCODING, "content-encoding") \
	X(CACHE_CONTROL, "cache-control") X(AUTHORIZATION, "authorization") X(ACCEPT_ENCODING, "accept-encoding") \
	X(HTTP2_SETTINGS, "http2-settings") X(PROXY_CONNECTION, "proxy-connection") \
	X(TRANSFER_ENCODING, "transfer-encoding") X(TRACEPARENT, "traceparent") X(X_REQUEST_ID, "x-request-id") \
	X(X_FORWARDED_FOR, "x-forwarded-for") X(X_FORWARDED_HOST, "x-forwarded-host") \
	X(X_FORWARDED_PROTO, "x-forwarded-proto") X(X_FORWARDED_CLIENT_CERT, "x-forwarded-client-cert") \
	X(ENVOY_INTERNAL, "x-envoy-internal") X(ENVOY_EXTERNAL_ADDRESS, "x-envoy-external-address") \
	X(ENVOY_ORIGINAL_PATH, "x-envoy-original-path") X(ENVOY_ORIGINAL_HOST, "x-envoy-original-host") \
	X(ENVOY_ATTEMPT_COUNT, "x-envoy-attempt-count") X(ENVOY_OVERLOADED, "x-envoy-overloaded") \
	X(ENVOY_RATELIMITED, "x-envoy-ratelimited") \
	X(ENVOY_EXPECTED_RQ_TIMEOUT_MS, "x-envoy-expected-rq-timeout-ms") \
	X(ENVOY_UPSTREAM_SERVICE_TIME, "x-envoy-upstream-service-time") \
	X(ENVOY_UPSTREAM_RQ_TIMEOUT_MS, "x-envoy-upstream-rq-timeout-ms") \
	X(ENVOY_UPSTREAM_RQ_PER_TRY_TIMEOUT_MS, "x-envoy-upstream-rq-per-try-timeout-ms") \
	X(ENVOY_UPSTREAM_ALT_STAT_NAME, "x-envoy-upstream-alt-stat-name") \
	X(ENVOY_MAX_RETRIES, "x-envoy-max-retries") X(ENVOY_RETRY_ON, "x-envoy-retry-on") \
	X(ENVOY_RETRY_GRPC_ON, "x-envoy-retry-grpc-on") \
	X(ENVOY_RETRIABLE_STATUS_CODES, "x-envoy-retriable-status-codes") \
	X(ENVOY_RETRIABLE_HEADER_NAMES, "x-envoy-retriable-header-names") \
	X(ENVOY_IS_TIMEOUT_RETRY, "x-envoy-is-timeout-retry") \
	X(ENVOY_HEDGE_ON_PER_TRY_TIMEOUT, "x-envoy-hedge-on-per-try-timeout") \
	X(ENVOY_DECORATOR_OPERATION, "x-envoy-decorator-operation") \
	X(ENVOY_PEER_METADATA, "x-envoy-peer-metadata") X(ENVOY_PEER_METADATA_ID, "x-envoy-peer-metadata-id") \
	X(ENVOY_FORCE_TRACE, "x-envoy-force-trace") X(AC_REQUEST_METHOD, "access-control-request-method") \
	X(AC_REQUEST_HEADERS, "access-control-request-headers")
/* clang-format on */

enum hdl_http_header_id {
	HDL_HTTP_H_OTHER, /* compare the name */
#define X(id, name) HDL_HTTP_H_##id,
	HDL_HTTP_HEADER_IDS(X)
#undef X
		HDL_HTTP_H_COUNT,
	HDL_HTTP_H_REMOVED = 255, /* tombstone: skip it */
};
_Static_assert(HDL_HTTP_H_COUNT <= 64, "one bit per id in hdl_http_headers.present");

/* The bytes from name.p on are exactly `name: value CRLF` with a lower-case name: may be forwarded as they lie. */
#define HDL_HTTP_HEADER_VERBATIM 1

struct hdl_http_header {
	struct hdl_str name;  /* lower-case */
	struct hdl_str value; /* without blanks at the ends; may be empty */
	uint8_t known;        /* enum hdl_http_header_id */
	uint8_t flags;        /* HDL_HTTP_HEADER_*; whoever changes name or value clears VERBATIM */
};

/*
 * In the order of the message, lines of the same name kept apart. The array belongs to the caller. Removed entries stay
 * as tombstones; go over the list with HDL_HTTP_HEADERS_EACH, which skips them.
 */
struct hdl_http_headers {
	struct hdl_http_header *v;
	uint32_t n, capacity;
	uint64_t present; /* bit 1 << id for each well-known header in the list */
};

#define HDL_HTTP_HEADERS_EACH(list, h)                                                                          \
	for (struct hdl_http_header *h = (list)->v, *h##_end = (list)->n ? h + (list)->n : h; h < h##_end; h++) \
		if (h->known != HDL_HTTP_H_REMOVED)

/* HDL_HTTP_H_OTHER if not well-known. The name must be lower-case. */
enum hdl_http_header_id hdl_http_header_id_of(struct hdl_str lower_name);
struct hdl_str hdl_http_header_name(enum hdl_http_header_id id);

static inline void hdl_http_headers_init(struct hdl_http_headers *list, struct hdl_http_header *v, uint32_t capacity)
{
	*list = (struct hdl_http_headers){ .v = v, .capacity = capacity };
}

static inline bool hdl_http_headers_has(const struct hdl_http_headers *list, enum hdl_http_header_id id)
{
	return list->present >> id & 1;
}

/* First line of that name, or NULL. `id` must be a well-known one. Constant time when absent. */
struct hdl_http_header *hdl_http_headers_find_id(const struct hdl_http_headers *list, enum hdl_http_header_id id);
/* The same by lower-case name, well-known or not. */
struct hdl_http_header *hdl_http_headers_find(const struct hdl_http_headers *list, struct hdl_str lower_name);
/* Next line with the same name as `after`, or NULL. */
struct hdl_http_header *hdl_http_headers_next(const struct hdl_http_headers *list, const struct hdl_http_header *after);
/* Value of the first line, or { NULL, 0 }. */
struct hdl_str hdl_http_headers_value(const struct hdl_http_headers *list, enum hdl_http_header_id id);

/*
 * Changes. Name (lower-case) and value are borrowed: they must live as long as the list. 0 or -ENOSPC (array full).
 * add: one more line at the end. set: replaces all lines of that name by one (in the place of the first).
 */
int hdl_http_headers_add(struct hdl_http_headers *list, struct hdl_str lower_name, struct hdl_str value);
int hdl_http_headers_add_id(struct hdl_http_headers *list, enum hdl_http_header_id id, struct hdl_str value);
int hdl_http_headers_set(struct hdl_http_headers *list, struct hdl_str lower_name, struct hdl_str value);
int hdl_http_headers_set_id(struct hdl_http_headers *list, enum hdl_http_header_id id, struct hdl_str value);
/* Removes all lines of that name; how many. */
unsigned int hdl_http_headers_remove(struct hdl_http_headers *list, struct hdl_str lower_name);
unsigned int hdl_http_headers_remove_id(struct hdl_http_headers *list, enum hdl_http_header_id id);
/* Same entries in an array of the caller's (a retry and a mirror need their own list). -ENOSPC if it is too small. */
int hdl_http_headers_copy(const struct hdl_http_headers *from, struct hdl_http_headers *to);

/* Comma-separated list of tokens, ASCII case-insensitive; parameters after `;` are not part of the token. */
bool hdl_http_value_has_token(struct hdl_str value, struct hdl_str token);
/* The same over all lines of a header. */
bool hdl_http_headers_have_token(const struct hdl_http_headers *list, enum hdl_http_header_id id, struct hdl_str token);

/*
 * RFC 9110 7.6.1: removes what is meant for one hop only: Connection and every field it names, Keep-Alive,
 * Proxy-Connection, TE (kept as `trailers` if it says so), Transfer-Encoding, Upgrade, HTTP2-Settings. A peer cannot use
 * Connection to make us drop Host, Content-Length, Expect, X-Forwarded-*, X-Request-ID or X-Envoy-*.
 */
void hdl_http_headers_strip_hop_by_hop(struct hdl_http_headers *list);
/* RFC 9110 6.5.1: fields that would frame, route, authenticate or modify the message must not come as trailers. */
bool hdl_http_trailer_is_forbidden(struct hdl_str lower_name);

/* RFC 9110 5.6.2 token characters; 5.5 field content (no control characters but TAB, no blank at the ends). */
bool hdl_http_is_token(struct hdl_str s);
bool hdl_http_is_field_value(struct hdl_str s);
/* Lower-cases ASCII letters in place. */
void hdl_http_lower(char *p, size_t n);

#endif
