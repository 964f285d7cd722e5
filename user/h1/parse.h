/* SPDX-License-Identifier: Apache-2.0 */
/* Strict, incremental parser of HTTP/1 heads (RFC 9112; specification B.1, J.1, J.3). No I/O. */
#ifndef HDL_H1_PARSE_H
#define HDL_H1_PARSE_H

#include <stddef.h>
#include <stdint.h>

#include "h1/error.h"
#include "http/message.h"

/* What a peer may make us hold. */
struct hdl_h1_limits {
	uint32_t head_bytes_max;    /* start line and headers, with the blank line: endless headers */
	uint32_t headers_max;       /* lines: cost per header of everything behind the parser */
	uint32_t trailer_bytes_max; /* whole trailer section; must fit into the reader's buffer */
};

#define HDL_H1_LIMITS_DEFAULT ((struct hdl_h1_limits){ 61440, 100, 8192 })
/* Capacity that a header array needs so that headers_max fits; leave room for what you add. */
#define HDL_H1_HEADERS_MAX 100

/*
 * How far a head was looked at, so that a head that comes in many pieces costs linear time.
 * Zero it before each new message. It holds offsets only: the buffer may move between calls.
 */
struct hdl_h1_scan {
	uint32_t at;        /* bytes examined */
	uint32_t line;      /* start of the line in which `at` is */
	uint32_t start;     /* start of the start line: 2 after a tolerated leading CRLF */
	uint32_t start_end; /* its CR, once it was seen and found good */
	uint8_t started, start_line_ok;
};

/*
 * data[0..n) holds everything received since the head began. Returns the length of the head (the body begins there),
 * 0 if more is needed, or -enum hdl_h1_error (the same for every way of cutting the input). *head is complete only if
 * > 0; its headers.v and headers.capacity are set by the caller (capacity below the lines of the message:
 * TOO_MANY_HEADERS), everything else is overwritten. Header names are lower-cased in place. Garbage is refused as soon
 * as the first line shows it. One CRLF before a request is skipped (RFC 9112 2.2).
 */
int hdl_h1_parse_request(char *data, size_t n, struct hdl_h1_scan *scan, const struct hdl_h1_limits *limits,
			 struct hdl_http_head *head);

/*
 * The same for the response to a request with `method`. 1xx are returned like any other (framing NONE, keep_alive): call
 * again with a zeroed scan for the next head. 101: the bytes behind the head belong to the new protocol.
 */
int hdl_h1_parse_response(char *data, size_t n, struct hdl_h1_scan *scan, const struct hdl_h1_limits *limits,
			  enum hdl_http_method method, struct hdl_http_head *head);

/* Field lines up to and with the blank line, for trailers: length, 0 or -error like the above. */
int hdl_h1_parse_fields(char *data, size_t n, struct hdl_h1_scan *scan, uint32_t bytes_max, uint32_t fields_max,
			struct hdl_http_headers *list);

#endif
