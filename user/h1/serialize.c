/* SPDX-License-Identifier: Apache-2.0 */
/* Writes heads: our own fields first, then everything else in as few moves as the read buffer allows. */
#include "h1/serialize.h"

#include <errno.h>

#include "h1/internal.h"
#include "http/status.h"

/* Where the bytes go: all into buf, or long runs as references between pieces of buf. */
struct out {
	char *buf;
	size_t capacity, n;
	struct hdl_str *segments; /* NULL: everything is copied */
	int segments_max, segments_n;
	size_t open;       /* start of the piece of buf that is no segment yet */
	size_t referenced; /* bytes outside buf */
	int error;         /* sticky */
};

static void put(struct out *out, struct hdl_str s)
{
	if (s.n > out->capacity - out->n) {
		out->error = -ENOSPC;
		return;
	}
	if (s.n > 0)
		memcpy(out->buf + out->n, s.p, s.n);
	out->n += s.n;
}

static void add_segment(struct out *out, struct hdl_str s)
{
	if (s.n == 0)
		return;
	if (out->segments_n >= out->segments_max) {
		out->error = -ENOSPC;
		return;
	}
	out->segments[out->segments_n++] = s;
}

static void close_piece(struct out *out)
{
	add_segment(out, (struct hdl_str){ out->buf + out->open, out->n - out->open });
	out->open = out->n;
}

/* Bytes that outlive the output. */
static void put_stable(struct out *out, struct hdl_str s)
{
	if (!out->segments || s.n < HDL_H1_GATHER_MIN_BYTES) {
		put(out, s);
		return;
	}
	close_piece(out);
	add_segment(out, s);
	out->referenced += s.n;
}

static void put_u64(struct out *out, uint64_t value)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	put(out, (struct hdl_str){ digits + at, sizeof(digits) - at });
}

/* Text without blanks and control characters, as start lines need it. */
static void put_visible(struct out *out, struct hdl_str s)
{
	if (hdl_h1_span_visible(s.p, s.n) != s.n)
		out->error = -EINVAL;
	put_stable(out, s);
}

static bool is_writable(const struct hdl_http_header *h)
{
	for (size_t i = 0; i < h->name.n; i++)
		if (!hdl_h1_token_lower[(unsigned char)h->name.p[i]])
			return false;
	return h->name.n > 0 && hdl_h1_span_value(h->value.p, h->value.n) == h->value.n;
}

static void put_field(struct out *out, const struct hdl_http_header *h)
{
	if (!is_writable(h)) {
		out->error = -EINVAL;
		return;
	}
	put(out, h->name);
	put(out, HDL_STR(": "));
	put_stable(out, h->value);
	put(out, HDL_STR("\r\n"));
}

/* The fields that the writer decides itself. */
static bool is_own(const struct hdl_http_header *h, bool is_request)
{
	switch (h->known) {
	case HDL_HTTP_H_CONNECTION:
	case HDL_HTTP_H_CONTENT_LENGTH:
	case HDL_HTTP_H_TRANSFER_ENCODING:
	case HDL_HTTP_H_UPGRADE:
	case HDL_HTTP_H_KEEP_ALIVE:
	case HDL_HTTP_H_PROXY_CONNECTION:
	case HDL_HTTP_H_REMOVED:
		return true;
	case HDL_HTTP_H_HOST:
		return is_request;
	default:
		return false;
	}
}

static const char *line_end(const struct hdl_http_header *h)
{
	return h->value.p + h->value.n + 2;
}

static void put_list(struct out *out, const struct hdl_http_headers *list, bool is_request)
{
	for (uint32_t i = 0; i < list->n; i++) {
		const struct hdl_http_header *h = &list->v[i];
		const char *begin = h->name.p, *end;

		if (is_own(h, is_request))
			continue;
		if (!(h->flags & HDL_HTTP_HEADER_VERBATIM)) {
			put_field(out, h);
			continue;
		}
		end = line_end(h);
		while (i + 1 < list->n && list->v[i + 1].flags & HDL_HTTP_HEADER_VERBATIM &&
		       list->v[i + 1].name.p == end && !is_own(&list->v[i + 1], is_request))
			end = line_end(&list->v[++i]);
		put_stable(out, (struct hdl_str){ begin, (size_t)(end - begin) });
	}
}

static void put_upgrade(struct out *out, const struct hdl_http_head *head)
{
	const struct hdl_http_header h = { .name = HDL_STR("upgrade"), .value = head->upgrade };

	put(out, HDL_STR("connection: upgrade\r\n"));
	put_field(out, &h);
}

static void put_connection_and_body(struct out *out, const struct hdl_http_head *head)
{
	bool never_body = !head->is_request && (head->status < 200 || head->status == 204);
	bool none = head->framing == HDL_HTTP_BODY_NONE;

	if (head->upgrade.n > 0 && (head->is_request || head->status == 101))
		put_upgrade(out, head);
	else if (!head->keep_alive)
		put(out, HDL_STR("connection: close\r\n"));
	else if (head->version == HDL_HTTP_1_0)
		put(out, HDL_STR("connection: keep-alive\r\n"));
	if (never_body)
		return;
	if (head->framing == HDL_HTTP_BODY_LENGTH || (none && head->has_content_length)) {
		put(out, HDL_STR("content-length: "));
		put_u64(out, head->content_length);
		put(out, HDL_STR("\r\n"));
	} else if (head->framing == HDL_HTTP_BODY_CHUNKED || (none && head->has_chunked)) {
		if (head->version != HDL_HTTP_1_0)
			put(out, HDL_STR("transfer-encoding: chunked\r\n"));
		else if (!none)
			out->error = -EINVAL; /* the peer would read the chunk headers as body */
	}
}

static void put_request(struct out *out, const struct hdl_http_head *head)
{
	struct hdl_str method = hdl_http_method_text((enum hdl_http_method)head->method);

	if (method.n == 0 || head->path.n == 0)
		out->error = -EINVAL;
	put(out, method);
	put(out, HDL_STR(" "));
	put_visible(out, head->path);
	if (head->has_query) {
		put(out, HDL_STR("?"));
		put_visible(out, head->query);
	}
	put(out, head->version == HDL_HTTP_1_0 ? HDL_STR(" HTTP/1.0\r\nhost: ") : HDL_STR(" HTTP/1.1\r\nhost: "));
	put_visible(out, head->authority);
	put(out, HDL_STR("\r\n"));
}

static void put_status(struct out *out, const struct hdl_http_head *head)
{
	if (head->status < 100 || head->status > 999)
		out->error = -EINVAL;
	put(out, head->version == HDL_HTTP_1_0 ? HDL_STR("HTTP/1.0 ") : HDL_STR("HTTP/1.1 "));
	put_u64(out, head->status);
	put(out, HDL_STR(" "));
	put(out, hdl_http_status_reason(head->status));
	put(out, HDL_STR("\r\n"));
}

static void put_head(struct out *out, const struct hdl_http_head *head)
{
	if (head->is_request)
		put_request(out, head);
	else
		put_status(out, head);
	put_connection_and_body(out, head);
	put_list(out, &head->headers, head->is_request);
	put(out, HDL_STR("\r\n"));
}

static int write_head(const struct hdl_http_head *head, bool is_request, char *buf, size_t capacity)
{
	struct out out = { .buf = buf, .capacity = capacity };

	if (head->is_request != is_request)
		return -EINVAL;
	put_head(&out, head);
	return out.error ? out.error : (int)out.n;
}

int hdl_h1_write_request(const struct hdl_http_head *head, char *buf, size_t capacity)
{
	return write_head(head, true, buf, capacity);
}

int hdl_h1_write_response(const struct hdl_http_head *head, char *buf, size_t capacity)
{
	return write_head(head, false, buf, capacity);
}

size_t hdl_h1_head_bytes_bound(const struct hdl_http_head *head)
{
	/* start line words, connection, content-length, transfer-encoding, blank line, longest reason phrase */
	size_t n = 256 + HDL_HTTP_METHOD_BYTES_MAX + head->path.n + head->query.n + head->authority.n + head->upgrade.n;

	HDL_HTTP_HEADERS_EACH(&head->headers, h)
	n += h->name.n + h->value.n + 4;
	return n;
}

int hdl_h1_gather_head(const struct hdl_http_head *head, char *scratch, size_t scratch_bytes, struct hdl_str *segments,
		       int segments_max, size_t *ret_total)
{
	struct out out = {
		.buf = scratch, .capacity = scratch_bytes, .segments = segments, .segments_max = segments_max
	};

	put_head(&out, head);
	close_piece(&out);
	if (out.error)
		return out.error;
	*ret_total = out.n + out.referenced;
	return out.segments_n;
}

size_t hdl_h1_write_chunk_header(uint64_t data_bytes, char buf[static HDL_H1_CHUNK_HEADER_BYTES_MAX])
{
	size_t n = 1;

	while (n < 16 && data_bytes >> (4 * n))
		n++;
	for (size_t i = 0; i < n; i++)
		buf[i] = "0123456789abcdef"[data_bytes >> (4 * (n - 1 - i)) & 15];
	buf[n] = '\r';
	buf[n + 1] = '\n';
	return n + 2;
}

int hdl_h1_write_last_chunk(const struct hdl_http_headers *list, char *buf, size_t capacity)
{
	struct out out = { .buf = buf, .capacity = capacity };

	put(&out, HDL_STR("0\r\n"));
	if (list) {
		HDL_HTTP_HEADERS_EACH(list, h)
		if (!hdl_http_trailer_is_forbidden(h->name))
			put_field(&out, h);
	}
	put(&out, HDL_STR("\r\n"));
	return out.error ? out.error : (int)out.n;
}

const struct hdl_str hdl_h1_continue = { "HTTP/1.1 100 Continue\r\n\r\n", 25 };

void hdl_h1_adapt_response(struct hdl_http_head *head, enum hdl_http_version client_version)
{
	bool open_end = head->framing == HDL_HTTP_BODY_CHUNKED || head->framing == HDL_HTTP_BODY_UNTIL_CLOSE;

	head->version = client_version == HDL_HTTP_1_0 ? HDL_HTTP_1_0 : HDL_HTTP_1_1;
	if (!open_end)
		return;
	if (head->version == HDL_HTTP_1_0) {
		head->framing = HDL_HTTP_BODY_UNTIL_CLOSE;
		head->keep_alive = false;
	} else {
		head->framing = HDL_HTTP_BODY_CHUNKED;
	}
}
