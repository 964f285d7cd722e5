/* SPDX-License-Identifier: Apache-2.0 */
/* Well-known header names: name to id, id to name, and the fields with a special role. */
#include "http/header.h"

/* By length, then whole comparisons with constants, which the compiler turns into a few word compares. */
#define IS(id, literal)                                   \
	if (memcmp(p, literal, sizeof(literal) - 1) == 0) \
	return HDL_HTTP_H_##id

static enum hdl_http_header_id id_of_short(const char *p, size_t n)
{
	switch (n) {
	case 2:
		IS(TE, "te");
		break;
	case 4:
		IS(HOST, "host");
		IS(DATE, "date");
		break;
	case 6:
		IS(ACCEPT, "accept");
		IS(COOKIE, "cookie");
		IS(EXPECT, "expect");
		IS(ORIGIN, "origin");
		IS(SERVER, "server");
		break;
	case 7:
		IS(TRAILER, "trailer");
		IS(UPGRADE, "upgrade");
		break;
	case 8:
		IS(LOCATION, "location");
		break;
	case 10:
		IS(CONNECTION, "connection");
		IS(KEEP_ALIVE, "keep-alive");
		IS(SET_COOKIE, "set-cookie");
		IS(USER_AGENT, "user-agent");
		break;
	case 11:
		IS(RETRY_AFTER, "retry-after");
		IS(GRPC_STATUS, "grpc-status");
		IS(TRACEPARENT, "traceparent");
		break;
	case 12:
		IS(GRPC_MESSAGE, "grpc-message");
		IS(GRPC_TIMEOUT, "grpc-timeout");
		IS(CONTENT_TYPE, "content-type");
		IS(X_REQUEST_ID, "x-request-id");
		break;
	case 13:
		IS(CACHE_CONTROL, "cache-control");
		IS(AUTHORIZATION, "authorization");
		break;
	}
	return HDL_HTTP_H_OTHER;
}

static enum hdl_http_header_id id_of_middle(const char *p, size_t n)
{
	switch (n) {
	case 14:
		IS(CONTENT_LENGTH, "content-length");
		IS(HTTP2_SETTINGS, "http2-settings");
		break;
	case 15:
		IS(ACCEPT_ENCODING, "accept-encoding");
		IS(X_FORWARDED_FOR, "x-forwarded-for");
		break;
	case 16:
		IS(CONTENT_ENCODING, "content-encoding");
		IS(PROXY_CONNECTION, "proxy-connection");
		IS(X_FORWARDED_HOST, "x-forwarded-host");
		IS(ENVOY_INTERNAL, "x-envoy-internal");
		IS(ENVOY_RETRY_ON, "x-envoy-retry-on");
		break;
	case 17:
		IS(TRANSFER_ENCODING, "transfer-encoding");
		IS(X_FORWARDED_PROTO, "x-forwarded-proto");
		break;
	case 18:
		IS(ENVOY_OVERLOADED, "x-envoy-overloaded");
		break;
	case 19:
		IS(ENVOY_RATELIMITED, "x-envoy-ratelimited");
		IS(ENVOY_MAX_RETRIES, "x-envoy-max-retries");
		IS(ENVOY_FORCE_TRACE, "x-envoy-force-trace");
		break;
	}
	return HDL_HTTP_H_OTHER;
}

static enum hdl_http_header_id id_of_long(const char *p, size_t n)
{
	switch (n) {
	case 21:
		IS(ENVOY_ORIGINAL_PATH, "x-envoy-original-path");
		IS(ENVOY_ORIGINAL_HOST, "x-envoy-original-host");
		IS(ENVOY_ATTEMPT_COUNT, "x-envoy-attempt-count");
		IS(ENVOY_RETRY_GRPC_ON, "x-envoy-retry-grpc-on");
		IS(ENVOY_PEER_METADATA, "x-envoy-peer-metadata");
		break;
	case 23:
		IS(X_FORWARDED_CLIENT_CERT, "x-forwarded-client-cert");
		break;
	case 24:
		IS(ENVOY_EXTERNAL_ADDRESS, "x-envoy-external-address");
		IS(ENVOY_IS_TIMEOUT_RETRY, "x-envoy-is-timeout-retry");
		IS(ENVOY_PEER_METADATA_ID, "x-envoy-peer-metadata-id");
		break;
	case 27:
		IS(ENVOY_DECORATOR_OPERATION, "x-envoy-decorator-operation");
		break;
	case 29:
		IS(ENVOY_UPSTREAM_SERVICE_TIME, "x-envoy-upstream-service-time");
		IS(AC_REQUEST_METHOD, "access-control-request-method");
		break;
	case 30:
		IS(ENVOY_EXPECTED_RQ_TIMEOUT_MS, "x-envoy-expected-rq-timeout-ms");
		IS(ENVOY_UPSTREAM_RQ_TIMEOUT_MS, "x-envoy-upstream-rq-timeout-ms");
		IS(ENVOY_UPSTREAM_ALT_STAT_NAME, "x-envoy-upstream-alt-stat-name");
		IS(ENVOY_RETRIABLE_STATUS_CODES, "x-envoy-retriable-status-codes");
		IS(ENVOY_RETRIABLE_HEADER_NAMES, "x-envoy-retriable-header-names");
		IS(AC_REQUEST_HEADERS, "access-control-request-headers");
		break;
	case 32:
		IS(ENVOY_HEDGE_ON_PER_TRY_TIMEOUT, "x-envoy-hedge-on-per-try-timeout");
		break;
	case 38:
		IS(ENVOY_UPSTREAM_RQ_PER_TRY_TIMEOUT_MS, "x-envoy-upstream-rq-per-try-timeout-ms");
		break;
	}
	return HDL_HTTP_H_OTHER;
}

enum hdl_http_header_id hdl_http_header_id_of(struct hdl_str lower_name)
{
	if (lower_name.n <= 13)
		return id_of_short(lower_name.p, lower_name.n);
	if (lower_name.n <= 19)
		return id_of_middle(lower_name.p, lower_name.n);
	return id_of_long(lower_name.p, lower_name.n);
}

struct hdl_str hdl_http_header_name(enum hdl_http_header_id id)
{
	static const struct hdl_str names[HDL_HTTP_H_COUNT] = { [HDL_HTTP_H_OTHER] = { "", 0 },
#define X(id, name) [HDL_HTTP_H_##id] = { name, sizeof(name) - 1 },
								HDL_HTTP_HEADER_IDS(X)
#undef X
	};

	return (unsigned int)id < HDL_HTTP_H_COUNT ? names[id] : names[HDL_HTTP_H_OTHER];
}

bool hdl_http_trailer_is_forbidden(struct hdl_str lower_name)
{
	static const struct hdl_str forbidden[] = {
		/* framing and routing */
		{ "transfer-encoding", 17 },
		{ "content-length", 14 },
		{ "host", 4 },
		{ "connection", 10 },
		{ "keep-alive", 10 },
		{ "proxy-connection", 16 },
		{ "upgrade", 7 },
		{ "te", 2 },
		{ "trailer", 7 },
		/* modifiers and conditions of the request */
		{ "expect", 6 },
		{ "max-forwards", 12 },
		{ "cache-control", 13 },
		{ "pragma", 6 },
		{ "range", 5 },
		{ "if-match", 8 },
		{ "if-none-match", 13 },
		{ "if-modified-since", 17 },
		{ "if-unmodified-since", 19 },
		{ "if-range", 8 },
		/* authentication and state */
		{ "authorization", 13 },
		{ "proxy-authorization", 19 },
		{ "proxy-authenticate", 18 },
		{ "proxy-authentication-info", 25 },
		{ "www-authenticate", 16 },
		{ "authentication-info", 19 },
		{ "cookie", 6 },
		{ "set-cookie", 10 },
		/* control of the response */
		{ "age", 3 },
		{ "date", 4 },
		{ "expires", 7 },
		{ "location", 8 },
		{ "retry-after", 11 },
		{ "vary", 4 },
		{ "warning", 7 },
		/* how to read the content */
		{ "content-encoding", 16 },
		{ "content-type", 12 },
		{ "content-range", 13 },
		/* what we tell about the client and to the proxy */
		{ "x-forwarded-for", 15 },
		{ "x-forwarded-host", 16 },
		{ "x-forwarded-proto", 17 },
		{ "x-forwarded-client-cert", 23 },
		{ "x-request-id", 12 },
	};

	for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++)
		if (hdl_str_eq(forbidden[i], lower_name))
			return true;
	return hdl_str_starts(lower_name, HDL_STR("x-envoy-"));
}
