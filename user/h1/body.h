/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the body bytes of an HTTP/1 message in what follows its head: by length, chunks, or end of connection. */
#ifndef HDL_H1_BODY_H
#define HDL_H1_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "h1/error.h"
#include "h1/parse.h"
#include "http/message.h"

/* Extension bytes of one chunk line. */
#define HDL_H1_CHUNK_EXTENSION_BYTES_MAX 4096
/* Extension bytes of a body beyond 16 + 2 x data per chunk: tiny chunks with big extensions. */
#define HDL_H1_CHUNK_EXCESS_BYTES_MAX 16384

/* Results of hdl_h1_body_feed() other than errors. */
enum {
	HDL_H1_BODY_MORE, /* nothing more in this input: bring more (what was not consumed again, in front) */
	HDL_H1_BODY_DATA, /* *ret_data is body; call again with the rest */
	HDL_H1_BODY_END,  /* complete; what was not consumed belongs to the next message */
};

/*
 * States in order of a chunked body: SIZE (digits) -> [BWS ->] [EXTENSION ->] SIZE_LF -> DATA -> DATA_CR -> DATA_LF ->
 * SIZE ...; size 0 -> TRAILERS -> DONE. Length: DATA_LENGTH -> DONE. Until close: DATA_CLOSE, DONE by _eof().
 */
enum hdl_h1_body_state {
	HDL_H1_BODY_S_DONE,
	HDL_H1_BODY_S_LENGTH,
	HDL_H1_BODY_S_CLOSE,
	HDL_H1_BODY_S_SIZE,
	HDL_H1_BODY_S_BWS,
	HDL_H1_BODY_S_EXTENSION,
	HDL_H1_BODY_S_SIZE_LF,
	HDL_H1_BODY_S_CHUNK,
	HDL_H1_BODY_S_CHUNK_CR,
	HDL_H1_BODY_S_CHUNK_LF,
	HDL_H1_BODY_S_TRAILERS,
};

struct hdl_h1_body {
	uint8_t state;      /* enum hdl_h1_body_state */
	uint8_t digits;     /* of the chunk size being read */
	uint16_t extension; /* bytes of the extension being read */
	uint32_t excess;
	uint64_t remaining; /* bytes of the body or of the chunk */
	uint64_t total;     /* body bytes handed out */
	uint32_t trailer_bytes_max, trailers_max;
	struct hdl_h1_scan scan;
	struct hdl_http_headers *trailers;
};

/*
 * By head->framing and head->content_length. trailers (array set by its owner) receives the trailer fields without
 * those that RFC 9110 6.5.1 forbids, valid until the reader's buffer moves; NULL: they are checked and dropped.
 */
void hdl_h1_body_init(struct hdl_h1_body *body, const struct hdl_http_head *head, const struct hdl_h1_limits *limits,
		      struct hdl_http_headers *trailers);

/*
 * Takes bytes from data[0..n): *ret_consumed of them are used up whatever the result (0 on error). Call it in a loop
 * until it returns MORE, END or -enum hdl_h1_error. A trailer section is consumed only once it is there completely, so
 * data must then be contiguous. END comes without input if the body is empty or its last byte was handed out.
 */
int hdl_h1_body_feed(struct hdl_h1_body *body, char *data, size_t n, size_t *ret_consumed, struct hdl_str *ret_data);

/* The peer closed its side: END if the body may end there or has ended, otherwise -HDL_H1_E_BODY_TRUNCATED. */
int hdl_h1_body_eof(struct hdl_h1_body *body);

static inline bool hdl_h1_body_is_done(const struct hdl_h1_body *body)
{
	return body->state == HDL_H1_BODY_S_DONE || (body->state == HDL_H1_BODY_S_LENGTH && body->remaining == 0);
}

#endif
