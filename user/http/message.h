/* SPDX-License-Identifier: Apache-2.0 */
/* Head of a request or response, whatever the HTTP version; slices of the buffer it was read into. */
#ifndef HDL_HTTP_MESSAGE_H
#define HDL_HTTP_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "http/header.h"
#include "http/method.h"

enum hdl_http_version {
	HDL_HTTP_1_0 = 10,
	HDL_HTTP_1_1 = 11,
	HDL_HTTP_2 = 20,
};

/* "HTTP/1.1" as access logs write it. */
struct hdl_str hdl_http_version_text(enum hdl_http_version version);

/* Where the body ends. */
enum hdl_http_framing {
	HDL_HTTP_BODY_NONE,   /* no body bytes on the wire, whatever the headers say (HEAD, 204, 304, GET) */
	HDL_HTTP_BODY_LENGTH, /* content_length bytes; 0 is possible */
	HDL_HTTP_BODY_CHUNKED,
	HDL_HTTP_BODY_UNTIL_CLOSE, /* responses only */
};

enum hdl_http_target_form {
	HDL_HTTP_TARGET_ORIGIN,    /* /path?query */
	HDL_HTTP_TARGET_ABSOLUTE,  /* http://host/path?query */
	HDL_HTTP_TARGET_AUTHORITY, /* CONNECT host:port; path is empty */
	HDL_HTTP_TARGET_ASTERISK,  /* OPTIONS *; path is "*" */
};

struct hdl_http_head {
	bool is_request;
	uint8_t version; /* enum hdl_http_version */
	uint8_t method;  /* enum hdl_http_method */
	uint8_t target_form;
	uint8_t framing; /* enum hdl_http_framing */

	/* After this message the connection can carry another one. The writers emit `connection` from it. */
	bool keep_alive;
	bool expect_continue; /* Expect: 100-continue, HTTP/1.1, and a body to come */
	bool has_query;       /* there was a `?`: `/a?` has one, and it is empty */
	/* The header lines as sent; they tell more than framing for HEAD and 304. */
	bool has_content_length;
	bool has_chunked;
	uint16_t status; /* responses: 100 to 999 */

	struct hdl_str method_text;
	struct hdl_str target; /* as sent */
	struct hdl_str path;   /* no query, no fragment, not normalised; "/" if an absolute target has none */
	struct hdl_str query;  /* without `?` and without fragment */
	/*
	 * Host header, or the host of an absolute target (RFC 9112 3.2.2), which then also is the value of the Host
	 * header in the list. Case and port as sent. Empty for HTTP/1.0 without Host: the receiver decides.
	 * The request writer emits `host` from this field, not from the list.
	 */
	struct hdl_str authority;
	struct hdl_str scheme; /* of an absolute target, as sent; otherwise empty */
	struct hdl_str reason; /* responses, as sent */
	/* Protocols of an accepted-looking upgrade: `Upgrade` present and named by `Connection`; otherwise empty. */
	struct hdl_str upgrade;
	uint64_t content_length; /* valid if has_content_length */
	struct hdl_http_headers headers;
};

#endif
