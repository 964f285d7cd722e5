/* SPDX-License-Identifier: Apache-2.0 */
/* Growable byte buffer: grows by doubling, fails once and stays failed. */
#include "base/buf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIN_CAPACITY 256u

void hdl_buf_done(struct hdl_buf *buf)
{
	size_t limit_bytes = buf->limit_bytes;

	free(buf->p);
	*buf = (struct hdl_buf){ .limit_bytes = limit_bytes };
}

/* Room for n more bytes and the NUL. */
static bool reserve(struct hdl_buf *buf, size_t n)
{
	size_t need, capacity = buf->capacity ? buf->capacity : MIN_CAPACITY;
	char *p;

	if (buf->failed)
		return false;
	if (n >= SIZE_MAX / 2 - buf->n || (buf->limit_bytes && n > buf->limit_bytes - buf->n)) {
		buf->failed = true;
		return false;
	}
	need = buf->n + n + 1;
	if (need <= buf->capacity)
		return true;
	while (capacity < need)
		capacity *= 2;
	p = realloc(buf->p, capacity);
	if (!p) {
		buf->failed = true;
		return false;
	}
	buf->p = p;
	buf->capacity = capacity;
	return true;
}

void hdl_buf_add(struct hdl_buf *buf, const void *data, size_t n)
{
	if (!reserve(buf, n))
		return;
	if (n)
		memcpy(buf->p + buf->n, data, n);
	buf->n += n;
	buf->p[buf->n] = '\0';
}

void hdl_buf_adds(struct hdl_buf *buf, const char *s)
{
	hdl_buf_add(buf, s, strlen(s));
}

void hdl_buf_adds_visible(struct hdl_buf *buf, const char *s)
{
	while (*s) {
		size_t n = 0;

		while ((unsigned char)s[n] >= ' ' && s[n] != 0x7f)
			n++;
		hdl_buf_add(buf, s, n);
		for (s += n; *s && ((unsigned char)*s < ' ' || *s == 0x7f); s++)
			hdl_buf_printf(buf, "\\x%02x", (unsigned char)*s);
	}
}

void hdl_buf_vprintf(struct hdl_buf *buf, const char *fmt, va_list ap)
{
	va_list again;
	size_t room;
	int n;

	if (!reserve(buf, 0))
		return;
	va_copy(again, ap);
	room = buf->capacity - buf->n;
	n = vsnprintf(buf->p + buf->n, room, fmt, ap);
	if (n < 0) {
		buf->failed = true;
	} else if ((size_t)n < room && (!buf->limit_bytes || (size_t)n <= buf->limit_bytes - buf->n)) {
		buf->n += (size_t)n;
	} else if (reserve(buf, (size_t)n)) {
		vsnprintf(buf->p + buf->n, (size_t)n + 1, fmt, again);
		buf->n += (size_t)n;
	}
	buf->p[buf->n] = '\0';
	va_end(again);
}

void hdl_buf_printf(struct hdl_buf *buf, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	hdl_buf_vprintf(buf, fmt, ap);
	va_end(ap);
}
