/* SPDX-License-Identifier: Apache-2.0 */
/* Field lines of heads and trailers: strict, one pass, names lower-cased in place. */
#include "h1/internal.h"

static int bad_name(char c)
{
	if (c == ' ' || c == '\t')
		return -HDL_H1_E_BLANK_BEFORE_COLON;
	return c == '\r' ? -HDL_H1_E_BARE_CR : -HDL_H1_E_HEADER_NAME;
}

/* One line that begins at p; n bytes are left in the section. Its length or -error. */
static int parse_line(char *p, size_t n, struct hdl_http_header *h)
{
	size_t name_n = 0, start, stop, end;
	unsigned char lower;

	/* Every line ends with CR, which is no token character: the loop stays inside. */
	while ((lower = hdl_h1_token_lower[(unsigned char)p[name_n]]))
		p[name_n++] = (char)lower;
	if (p[name_n] != ':' || name_n == 0) {
		/* `name CRLF` is a line without colon, not a bare CR */
		if (p[name_n] == '\r' && p[name_n + 1] == '\n')
			return -HDL_H1_E_HEADER_NAME;
		return bad_name(p[name_n]);
	}
	start = name_n + 1;
	while (p[start] == ' ' || p[start] == '\t')
		start++;
	stop = start + hdl_h1_span_value(p + start, n - start);
	if (p[stop] != '\r')
		return -HDL_H1_E_HEADER_VALUE;
	if (p[stop + 1] != '\n')
		return -HDL_H1_E_BARE_CR;
	end = stop;
	while (end > start && (p[end - 1] == ' ' || p[end - 1] == '\t'))
		end--;
	h->name = (struct hdl_str){ p, name_n };
	h->value = (struct hdl_str){ p + start, end - start };
	h->flags = start == name_n + 2 && p[name_n + 1] == ' ' && end == stop ? HDL_HTTP_HEADER_VERBATIM : 0;
	return (int)(stop + 2);
}

int hdl_h1_fields(char *data, size_t at, size_t end, uint32_t fields_max, struct hdl_http_headers *list)
{
	struct hdl_http_header checked;
	uint32_t n = 0;

	if (list) {
		list->n = 0;
		list->present = 0;
		if (fields_max > list->capacity)
			fields_max = list->capacity;
	}
	while (at + 2 < end) {
		struct hdl_http_header *h = &checked;
		int length;

		if (data[at] == ' ' || data[at] == '\t')
			return -HDL_H1_E_OBS_FOLD;
		if (n >= fields_max)
			return -HDL_H1_E_TOO_MANY_HEADERS;
		if (list)
			h = &list->v[n];
		length = parse_line(data + at, end - at, h);
		if (length < 0)
			return length;
		at += (size_t)length;
		n++;
		if (!list)
			continue;
		h->known = (uint8_t)hdl_http_header_id_of(h->name);
		list->present |= 1ull << h->known;
	}
	if (list) {
		list->n = n;
		list->present &= ~1ull; /* bit of HDL_HTTP_H_OTHER */
	}
	return 0;
}
