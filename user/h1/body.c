/* SPDX-License-Identifier: Apache-2.0 */
/* Body framing: content-length, chunked and until-close, in slices of the reader's buffer. */
#include "h1/body.h"

#include "h1/internal.h"

/* 16 digits would fit 64 bits; one less leaves room for sums. */
#define CHUNK_DIGITS_MAX 15

void hdl_h1_body_init(struct hdl_h1_body *body, const struct hdl_http_head *head, const struct hdl_h1_limits *limits,
		      struct hdl_http_headers *trailers)
{
	*body = (struct hdl_h1_body){ .trailer_bytes_max = limits->trailer_bytes_max,
				      .trailers_max = limits->headers_max,
				      .trailers = trailers };
	if (trailers)
		hdl_http_headers_init(trailers, trailers->v, trailers->capacity);
	switch (head->framing) {
	case HDL_HTTP_BODY_LENGTH:
		body->state = HDL_H1_BODY_S_LENGTH;
		body->remaining = head->content_length;
		break;
	case HDL_HTTP_BODY_CHUNKED:
		body->state = HDL_H1_BODY_S_SIZE;
		break;
	case HDL_HTTP_BODY_UNTIL_CLOSE:
		body->state = HDL_H1_BODY_S_CLOSE;
		break;
	default:
		body->state = HDL_H1_BODY_S_DONE;
		break;
	}
}

static int hex_digit(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* What may follow the digits, and the blanks before an extension. */
static int after_size(struct hdl_h1_body *body, unsigned char c)
{
	if (c == '\r') {
		/* `5 CRLF` with a blank: the grammar has blanks only before an extension */
		if (body->state == HDL_H1_BODY_S_BWS)
			return -HDL_H1_E_CHUNK_SIZE;
		body->state = HDL_H1_BODY_S_SIZE_LF;
		return 0;
	}
	if (c == ';') {
		body->state = HDL_H1_BODY_S_EXTENSION;
		return 0;
	}
	if (c == ' ' || c == '\t') {
		body->state = HDL_H1_BODY_S_BWS;
		return ++body->extension > HDL_H1_CHUNK_EXTENSION_BYTES_MAX ? -HDL_H1_E_CHUNK_EXTENSION : 0;
	}
	return c == '\n' ? -HDL_H1_E_BARE_LF : -HDL_H1_E_CHUNK_SIZE;
}

static int size_byte(struct hdl_h1_body *body, unsigned char c)
{
	int digit = hex_digit(c);

	if (digit < 0)
		return body->digits == 0 ? -HDL_H1_E_CHUNK_SIZE : after_size(body, c);
	if (++body->digits > CHUNK_DIGITS_MAX)
		return -HDL_H1_E_CHUNK_SIZE;
	body->remaining = body->remaining << 4 | (unsigned int)digit;
	return 0;
}

static int extension_byte(struct hdl_h1_body *body, unsigned char c)
{
	if (c == '\r') {
		body->state = HDL_H1_BODY_S_SIZE_LF;
		return 0;
	}
	if (c == '\n')
		return -HDL_H1_E_BARE_LF;
	if ((c < 0x20 && c != '\t') || c == 0x7f)
		return -HDL_H1_E_CHUNK_EXTENSION;
	return ++body->extension > HDL_H1_CHUNK_EXTENSION_BYTES_MAX ? -HDL_H1_E_CHUNK_EXTENSION : 0;
}

/* End of the chunk line: what was spent on extensions is weighed against the data it announces. */
static int begin_chunk(struct hdl_h1_body *body, unsigned char c)
{
	uint64_t allowed;

	if (c != '\n')
		return -HDL_H1_E_BARE_CR;
	body->excess += body->extension;
	body->extension = 0;
	body->digits = 0;
	if (body->remaining == 0) {
		body->state = HDL_H1_BODY_S_TRAILERS;
		body->scan = (struct hdl_h1_scan){ 0 };
		return 0;
	}
	allowed = 16 + 2 * body->remaining;
	body->excess = allowed >= body->excess ? 0 : body->excess - (uint32_t)allowed;
	if (body->excess > HDL_H1_CHUNK_EXCESS_BYTES_MAX)
		return -HDL_H1_E_CHUNK_EXTENSION;
	body->state = HDL_H1_BODY_S_CHUNK;
	return 0;
}

/* One byte of chunk framing. */
static int framing_byte(struct hdl_h1_body *body, unsigned char c)
{
	switch (body->state) {
	case HDL_H1_BODY_S_SIZE:
		return size_byte(body, c);
	case HDL_H1_BODY_S_BWS:
		return after_size(body, c);
	case HDL_H1_BODY_S_EXTENSION:
		return extension_byte(body, c);
	case HDL_H1_BODY_S_SIZE_LF:
		return begin_chunk(body, c);
	case HDL_H1_BODY_S_CHUNK_CR:
		body->state = HDL_H1_BODY_S_CHUNK_LF;
		return c == '\r' ? 0 : -HDL_H1_E_CHUNK_END;
	default: /* HDL_H1_BODY_S_CHUNK_LF */
		body->state = HDL_H1_BODY_S_SIZE;
		return c == '\n' ? 0 : -HDL_H1_E_CHUNK_END;
	}
}

static void drop_forbidden(struct hdl_http_headers *trailers)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < trailers->n; i++)
		if (!hdl_http_trailer_is_forbidden(trailers->v[i].name))
			trailers->v[n++] = trailers->v[i];
	trailers->n = n;
	trailers->present = 0;
	for (uint32_t i = 0; i < n; i++)
		if (trailers->v[i].known != HDL_HTTP_H_OTHER)
			trailers->present |= 1ull << trailers->v[i].known;
}

static int read_trailers(struct hdl_h1_body *body, char *data, size_t n, size_t *ret_consumed)
{
	int end =
		hdl_h1_parse_fields(data, n, &body->scan, body->trailer_bytes_max, body->trailers_max, body->trailers);

	if (end == -HDL_H1_E_HEAD_TOO_LARGE || end == -HDL_H1_E_TOO_MANY_HEADERS)
		return -HDL_H1_E_TRAILER_TOO_LARGE;
	if (end < 0)
		return end;
	if (end == 0)
		return HDL_H1_BODY_MORE;
	if (body->trailers)
		drop_forbidden(body->trailers);
	body->state = HDL_H1_BODY_S_DONE;
	*ret_consumed += (size_t)end;
	return HDL_H1_BODY_END;
}

/* Hands out up to `remaining` bytes. */
static int take_data(struct hdl_h1_body *body, char *data, size_t n, size_t *ret_consumed, struct hdl_str *ret_data)
{
	size_t take = body->remaining < n ? (size_t)body->remaining : n;

	*ret_data = (struct hdl_str){ data, take };
	*ret_consumed += take;
	body->remaining -= take;
	body->total += take;
	return HDL_H1_BODY_DATA;
}

static int feed_chunked(struct hdl_h1_body *body, char *data, size_t n, size_t *ret_consumed, struct hdl_str *ret_data)
{
	size_t at = 0;
	int r;

	while (at < n && body->state != HDL_H1_BODY_S_CHUNK && body->state != HDL_H1_BODY_S_TRAILERS) {
		r = framing_byte(body, (unsigned char)data[at++]);
		if (r < 0)
			return r;
	}
	*ret_consumed = at;
	if (body->state == HDL_H1_BODY_S_TRAILERS)
		return read_trailers(body, data + at, n - at, ret_consumed);
	if (at == n)
		return HDL_H1_BODY_MORE;
	r = take_data(body, data + at, n - at, ret_consumed, ret_data);
	if (body->remaining == 0)
		body->state = HDL_H1_BODY_S_CHUNK_CR;
	return r;
}

int hdl_h1_body_feed(struct hdl_h1_body *body, char *data, size_t n, size_t *ret_consumed, struct hdl_str *ret_data)
{
	int r;

	*ret_consumed = 0;
	switch (body->state) {
	case HDL_H1_BODY_S_DONE:
		return HDL_H1_BODY_END;
	case HDL_H1_BODY_S_LENGTH:
		if (body->remaining == 0) {
			body->state = HDL_H1_BODY_S_DONE;
			return HDL_H1_BODY_END;
		}
		return n == 0 ? HDL_H1_BODY_MORE : take_data(body, data, n, ret_consumed, ret_data);
	case HDL_H1_BODY_S_CLOSE:
		if (n == 0)
			return HDL_H1_BODY_MORE;
		body->remaining = n;
		return take_data(body, data, n, ret_consumed, ret_data);
	default:
		r = feed_chunked(body, data, n, ret_consumed, ret_data);
		if (r < 0)
			*ret_consumed = 0;
		return r;
	}
}

int hdl_h1_body_eof(struct hdl_h1_body *body)
{
	if (!hdl_h1_body_is_done(body) && body->state != HDL_H1_BODY_S_CLOSE)
		return -HDL_H1_E_BODY_TRUNCATED;
	body->state = HDL_H1_BODY_S_DONE;
	return HDL_H1_BODY_END;
}
