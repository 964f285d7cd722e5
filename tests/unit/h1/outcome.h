/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the HTTP/1 codec over input that arrives cut at given points, into a text that can be compared. */
#ifndef HDL_TESTS_H1_OUTCOME_H
#define HDL_TESTS_H1_OUTCOME_H

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "h1/body.h"
#include "h1/parse.h"

#define OUTCOME_HEADERS 100

struct outcome {
	struct hdl_buf text, body_text;
	struct hdl_h1_limits limits;
	struct hdl_h1_scan scan;
	struct hdl_h1_body body;
	struct hdl_http_head head;
	struct hdl_http_header headers[OUTCOME_HEADERS], trailers[OUTCOME_HEADERS];
	struct hdl_http_headers trailer_list;
	enum hdl_http_method method; /* of the request that a response answers */
	bool responses, in_body, finished, failed;
	/* called with each complete head; its slices are valid only then */
	void (*on_head)(struct outcome *outcome, void *arg);
	void *arg;
};

static inline void outcome_init(struct outcome *o, bool responses, enum hdl_http_method method)
{
	memset(o, 0, sizeof(*o));
	o->limits = HDL_H1_LIMITS_DEFAULT;
	o->responses = responses;
	o->method = method;
}

static inline void outcome_done(struct outcome *o)
{
	hdl_buf_done(&o->text);
	hdl_buf_done(&o->body_text);
}

static inline void outcome_escape(struct hdl_buf *buf, struct hdl_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '\r')
			hdl_buf_adds(buf, "\\r");
		else if (c == '\n')
			hdl_buf_adds(buf, "\\n");
		else if (c < 0x20 || c >= 0x7f || c == '\\')
			hdl_buf_printf(buf, "\\x%02x", c);
		else
			hdl_buf_add(buf, &c, 1);
	}
}

static inline void outcome_slice(struct hdl_buf *buf, const char *before, struct hdl_str s, const char *after)
{
	hdl_buf_adds(buf, before);
	outcome_escape(buf, s);
	hdl_buf_adds(buf, after);
}

static inline void outcome_fields(struct outcome *o, const char *indent, const struct hdl_http_headers *list)
{
	HDL_HTTP_HEADERS_EACH(list, h)
	{
		outcome_slice(&o->text, indent, h->name, ": ");
		outcome_slice(&o->text, "", h->value, "\n");
	}
}

static inline void outcome_head(struct outcome *o)
{
	static const char *const forms[] = { "origin", "absolute", "authority", "asterisk" };
	static const char *const framings[] = { "none", "length", "chunked", "until-close" };
	const struct hdl_http_head *h = &o->head;
	struct hdl_buf *t = &o->text;

	if (h->is_request) {
		outcome_slice(t, "", hdl_http_method_text((enum hdl_http_method)h->method), " ");
		outcome_slice(t, "", h->path, "");
		if (h->has_query)
			outcome_slice(t, "?", h->query, "");
		outcome_slice(t, " authority=", h->authority, " ");
		hdl_buf_printf(t, "form=%s", forms[h->target_form]);
	} else {
		hdl_buf_printf(t, "%u", h->status);
		outcome_slice(t, " \"", h->reason, "\"");
	}
	hdl_buf_printf(t, " %d.%d body=%s", h->version / 10, h->version % 10, framings[h->framing]);
	if (h->has_content_length)
		hdl_buf_printf(t, " length=%llu", (unsigned long long)h->content_length);
	hdl_buf_adds(t, h->keep_alive ? " keep-alive" : " close");
	if (h->expect_continue)
		hdl_buf_adds(t, " expect");
	if (h->upgrade.n > 0)
		outcome_slice(t, " upgrade=", h->upgrade, "");
	hdl_buf_adds(t, "\n");
	outcome_fields(o, "  ", &h->headers);
}

static inline void outcome_flush_body(struct outcome *o)
{
	if (o->body.total > 0)
		hdl_buf_printf(&o->text, "body \"%s\"\n", o->body_text.p);
	o->body_text.n = 0;
	o->body.total = 0;
}

static inline size_t outcome_error(struct outcome *o, int error)
{
	outcome_flush_body(o);
	hdl_buf_printf(&o->text, "error %s %u\n", hdl_h1_error_label(error), hdl_h1_error_status(error));
	o->finished = o->failed = true;
	return 0;
}

static inline size_t outcome_step_head(struct outcome *o, char *data, size_t n)
{
	int r;

	o->head.headers.v = o->headers;
	o->head.headers.capacity = OUTCOME_HEADERS;
	r = o->responses ? hdl_h1_parse_response(data, n, &o->scan, &o->limits, o->method, &o->head) :
			   hdl_h1_parse_request(data, n, &o->scan, &o->limits, &o->head);
	if (r < 0)
		return outcome_error(o, r);
	if (r == 0)
		return 0;
	outcome_head(o);
	if (o->on_head)
		o->on_head(o, o->arg);
	o->trailer_list.v = o->trailers;
	o->trailer_list.capacity = OUTCOME_HEADERS;
	hdl_h1_body_init(&o->body, &o->head, &o->limits, &o->trailer_list);
	memset(&o->scan, 0, sizeof(o->scan));
	o->in_body = true;
	return (size_t)r;
}

/* Consumes some of data; 0 if it needs more or is finished. `progress` tells states apart that consume nothing. */
static inline size_t outcome_step_body(struct outcome *o, char *data, size_t n, bool *progress)
{
	struct hdl_str slice;
	size_t consumed;
	int r = hdl_h1_body_feed(&o->body, data, n, &consumed, &slice);

	if (r < 0)
		return outcome_error(o, r);
	if (r == HDL_H1_BODY_DATA) {
		outcome_escape(&o->body_text, slice);
		*progress = true;
	} else if (r == HDL_H1_BODY_END) {
		outcome_flush_body(o);
		outcome_fields(o, "  trailer ", &o->trailer_list);
		hdl_buf_adds(&o->text, "end\n");
		o->in_body = false;
		/* a final response is the last thing here, requests go on */
		if (o->responses && (o->head.status >= 200 || o->head.status == 101))
			o->finished = true;
		*progress = true;
	}
	return consumed;
}

/* Everything that data[0..n) gives; how much was consumed. data is copied: an exact block finds over-reads. */
static inline size_t outcome_feed(struct outcome *o, const char *data, size_t n)
{
	size_t at = 0;

	while (!o->finished && (at < n || o->in_body)) {
		bool progress = false;
		char *exact = malloc(n - at ? n - at : 1);
		size_t step;

		if (!exact)
			abort();
		memcpy(exact, data + at, n - at);
		step = o->in_body ? outcome_step_body(o, exact, n - at, &progress) :
				    outcome_step_head(o, exact, n - at);
		free(exact);
		at += step;
		if (step == 0 && !progress)
			break;
	}
	return at;
}

/* Input that arrives in pieces of `piece` bytes, the first of `first`; then the peer closes. */
static inline void outcome_run(struct outcome *o, const char *data, size_t n, size_t first, size_t piece)
{
	size_t have = first < n ? first : n, at = 0;

	for (;;) {
		at += outcome_feed(o, data + at, have - at);
		if (o->finished || have == n)
			break;
		have = have + piece < n ? have + piece : n;
	}
	if (o->finished) {
		if (o->responses && !o->failed)
			outcome_slice(&o->text, "rest \"", (struct hdl_str){ data + at, n - at }, "\"\n");
		return;
	}
	if (o->in_body) {
		int r = hdl_h1_body_eof(&o->body);

		if (r < 0) {
			outcome_error(o, r);
			return;
		}
		outcome_flush_body(o);
		hdl_buf_adds(&o->text, "end by close\n");
	} else if (at < n) {
		hdl_buf_adds(&o->text, "incomplete\n");
	}
}

#endif
