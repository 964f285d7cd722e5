/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP request methods: the set that Envoy accepts; any other name is answered 400 (specification B.2). */
#ifndef HDL_HTTP_METHOD_H
#define HDL_HTTP_METHOD_H

#include <stdbool.h>

#include "base/str.h"

/* clang-format off */
#define HDL_HTTP_METHODS(X) \
	X(GET, "GET") X(HEAD, "HEAD") X(POST, "POST") X(PUT, "PUT") X(DELETE, "DELETE") X(CONNECT, "CONNECT") \
	X(OPTIONS, "OPTIONS") X(TRACE, "TRACE") X(PATCH, "PATCH") X(ACL, "ACL") X(BIND, "BIND") \
	X(CHECKOUT, "CHECKOUT") X(COPY, "COPY") X(LINK, "LINK") X(LOCK, "LOCK") X(MERGE, "MERGE") \
	X(MKACTIVITY, "MKACTIVITY") X(MKCALENDAR, "MKCALENDAR") X(MKCOL, "MKCOL") X(MOVE, "MOVE") \
	X(MSEARCH, "M-SEARCH") X(NOTIFY, "NOTIFY") X(PROPFIND, "PROPFIND") X(PROPPATCH, "PROPPATCH") \
	X(PURGE, "PURGE") X(REBIND, "REBIND") X(REPORT, "REPORT") X(SEARCH, "SEARCH") X(SOURCE, "SOURCE") \
	X(SUBSCRIBE, "SUBSCRIBE") X(UNBIND, "UNBIND") X(UNLINK, "UNLINK") X(UNLOCK, "UNLOCK") \
	X(UNSUBSCRIBE, "UNSUBSCRIBE")
/* clang-format on */

enum hdl_http_method {
	HDL_HTTP_METHOD_UNKNOWN, /* the text is in hdl_http_head.method_text */
#define X(id, text) HDL_HTTP_##id,
	HDL_HTTP_METHODS(X)
#undef X
		HDL_HTTP_METHOD_COUNT,
};

/* Longest name above; the parsers refuse longer ones before the line is complete. */
#define HDL_HTTP_METHOD_BYTES_MAX 11

/* Exact, case-sensitive. HDL_HTTP_METHOD_UNKNOWN if not in the set. */
enum hdl_http_method hdl_http_method_of(struct hdl_str text);
/* "GET"; "" for UNKNOWN. */
struct hdl_str hdl_http_method_text(enum hdl_http_method method);
/* RFC 9110 9.2.2: may be sent again by itself after a connection failure. */
bool hdl_http_method_is_idempotent(enum hdl_http_method method);

#endif
