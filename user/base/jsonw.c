/* SPDX-License-Identifier: Apache-2.0 */
/* Streaming JSON writer: valid UTF-8 JSON whatever the bytes that it is given. */
#include "base/jsonw.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

void hdl_jsonw_init(struct hdl_jsonw *w, struct hdl_buf *buf, bool pretty)
{
	*w = (struct hdl_jsonw){ .buf = buf, .pretty = pretty };
	w->first[0] = true;
}

static void new_line(struct hdl_jsonw *w)
{
	hdl_buf_adds(w->buf, "\n");
	for (int i = 0; i < w->depth; i++)
		hdl_buf_adds(w->buf, "  ");
}

/* What stands between the previous value and the next key or value. */
static void separate(struct hdl_jsonw *w)
{
	if (w->after_key) {
		w->after_key = false;
		return;
	}
	if (!w->first[w->depth])
		hdl_buf_adds(w->buf, ",");
	w->first[w->depth] = false;
	if (w->pretty && w->depth > 0)
		new_line(w);
}

static void open_level(struct hdl_jsonw *w, const char *bracket)
{
	separate(w);
	hdl_buf_adds(w->buf, bracket);
	assert(w->depth + 1 < HDL_JSONW_DEPTH); /* the nesting of our output is fixed by the code, not by input */
	w->first[++w->depth] = true;
}

static void close_level(struct hdl_jsonw *w, const char *bracket)
{
	bool empty = w->first[w->depth];

	assert(w->depth > 0 && !w->after_key);
	w->depth--;
	if (w->pretty && !empty)
		new_line(w);
	hdl_buf_adds(w->buf, bracket);
}

void hdl_jsonw_object(struct hdl_jsonw *w)
{
	open_level(w, "{");
}

void hdl_jsonw_object_end(struct hdl_jsonw *w)
{
	close_level(w, "}");
}

void hdl_jsonw_array(struct hdl_jsonw *w)
{
	open_level(w, "[");
}

void hdl_jsonw_array_end(struct hdl_jsonw *w)
{
	close_level(w, "]");
}

/* Length of the valid UTF-8 sequence at p (shortest form, no surrogates, up to U+10FFFF), 0 if there is none. */
static size_t utf8_length(const unsigned char *p, size_t n)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t length;

	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		length = 2;
	else if ((p[0] & 0xf0) == 0xe0)
		length = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		length = 4;
	else
		return 0;
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	if (n < length || p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < length; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

static void escape(struct hdl_buf *buf, unsigned char c)
{
	static const char short_form[] = {
		['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r', ['"'] = '"', ['\\'] = '\\'
	};

	if (c < sizeof(short_form) && short_form[c])
		hdl_buf_printf(buf, "\\%c", short_form[c]);
	else
		hdl_buf_printf(buf, "\\u%04x", c);
}

static void quoted(struct hdl_buf *buf, const char *s, size_t n)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t start = 0, i = 0;

	hdl_buf_adds(buf, "\"");
	while (i < n) {
		size_t length = utf8_length(p + i, n - i);
		bool special = length == 0 || p[i] < 0x20 || p[i] == '"' || p[i] == '\\' || p[i] == 0x7f;

		if (!special) {
			i += length;
			continue;
		}
		if (i > start)
			hdl_buf_add(buf, s + start, i - start);
		if (length == 0)
			hdl_buf_adds(buf, REPLACEMENT);
		else
			escape(buf, p[i]);
		start = ++i;
	}
	if (i > start)
		hdl_buf_add(buf, s + start, i - start);
	hdl_buf_adds(buf, "\"");
}

void hdl_jsonw_key(struct hdl_jsonw *w, const char *key)
{
	assert(!w->after_key);
	separate(w);
	quoted(w->buf, key, strlen(key));
	hdl_buf_adds(w->buf, w->pretty ? ": " : ":");
	w->after_key = true;
}

void hdl_jsonw_str(struct hdl_jsonw *w, const char *value)
{
	if (value)
		hdl_jsonw_strn(w, hdl_str_of(value));
	else
		hdl_jsonw_null(w);
}

void hdl_jsonw_strn(struct hdl_jsonw *w, struct hdl_str value)
{
	separate(w);
	quoted(w->buf, value.p, value.n);
}

void hdl_jsonw_u64(struct hdl_jsonw *w, uint64_t value)
{
	separate(w);
	hdl_buf_printf(w->buf, "%" PRIu64, value);
}

void hdl_jsonw_i64(struct hdl_jsonw *w, int64_t value)
{
	separate(w);
	hdl_buf_printf(w->buf, "%" PRId64, value);
}

/* The shortest text that reads back as the same number; JSON has no infinity and no NaN: null. */
void hdl_jsonw_double(struct hdl_jsonw *w, double value)
{
	char text[32];

	if (!isfinite(value)) {
		hdl_jsonw_null(w);
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	separate(w);
	hdl_buf_adds(w->buf, text);
}

void hdl_jsonw_bool(struct hdl_jsonw *w, bool value)
{
	separate(w);
	hdl_buf_adds(w->buf, value ? "true" : "false");
}

void hdl_jsonw_null(struct hdl_jsonw *w)
{
	separate(w);
	hdl_buf_adds(w->buf, "null");
}

void hdl_jsonw_kstr(struct hdl_jsonw *w, const char *key, const char *value)
{
	hdl_jsonw_key(w, key);
	hdl_jsonw_str(w, value);
}

void hdl_jsonw_ku64(struct hdl_jsonw *w, const char *key, uint64_t value)
{
	hdl_jsonw_key(w, key);
	hdl_jsonw_u64(w, value);
}

void hdl_jsonw_kbool(struct hdl_jsonw *w, const char *key, bool value)
{
	hdl_jsonw_key(w, key);
	hdl_jsonw_bool(w, value);
}
