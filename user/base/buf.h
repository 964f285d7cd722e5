/* SPDX-License-Identifier: Apache-2.0 */
/* Growable byte buffer with a limit; used for text output, never on the request path. */
#ifndef HDL_BASE_BUF_H
#define HDL_BASE_BUF_H

#include <stdbool.h>
#include <stdarg.h>
#include <stddef.h>

struct hdl_buf {
	char *p; /* NUL after the last byte once anything was written */
	size_t n, capacity;
	size_t limit_bytes; /* 0 = none */
	bool failed;        /* sticky: out of memory or over the limit; content is then incomplete */
};

void hdl_buf_done(struct hdl_buf *buf);
void hdl_buf_add(struct hdl_buf *buf, const void *data, size_t n);
void hdl_buf_adds(struct hdl_buf *buf, const char *s);
/* Control characters, as a name of a file may have them, as \xNN: for lines that people read on a terminal. */
void hdl_buf_adds_visible(struct hdl_buf *buf, const char *s);
void hdl_buf_printf(struct hdl_buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void hdl_buf_vprintf(struct hdl_buf *buf, const char *fmt, va_list ap);

#endif
