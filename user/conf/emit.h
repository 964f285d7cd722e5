/* SPDX-License-Identifier: Apache-2.0 */
/* Writes nested values as YAML in the layout of kubectl, or as JSON; what it writes reads back as the same values. */
#ifndef HDL_CONF_EMIT_H
#define HDL_CONF_EMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"

enum hdl_emit_format {
	HDL_EMIT_YAML, /* block style */
	HDL_EMIT_JSON, /* two-space indentation */
	HDL_EMIT_LINE, /* JSON without line ends */
};

#define HDL_EMIT_DEPTH 64 /* the nesting of what we write is bounded by HDL_YAML_MAX_DEPTH, or by the code */

struct hdl_emit_level {
	bool list;
	bool beside; /* its first element stands on the line of what is around it */
	size_t n;
	unsigned int indent;
};

struct hdl_emit {
	struct hdl_buf *buf;
	enum hdl_emit_format format;
	unsigned int depth;
	bool after_key;
	struct hdl_emit_level level[HDL_EMIT_DEPTH + 1];
};

void hdl_emit_init(struct hdl_emit *e, struct hdl_buf *buf, enum hdl_emit_format format);
void hdl_emit_map(struct hdl_emit *e);
void hdl_emit_list(struct hdl_emit *e);
void hdl_emit_end(struct hdl_emit *e); /* of the innermost map or list; a line end after the outermost */
void hdl_emit_key(struct hdl_emit *e, const char *key);
/* Quoted only where a reader would take the text for something else than a string. */
void hdl_emit_str(struct hdl_emit *e, const char *s); /* NULL writes null */
void hdl_emit_strn(struct hdl_emit *e, const char *s, size_t n);
void hdl_emit_i64(struct hdl_emit *e, int64_t value);
void hdl_emit_u64(struct hdl_emit *e, uint64_t value);
void hdl_emit_double(struct hdl_emit *e, double value); /* the shortest text that reads back alike; must be finite */
void hdl_emit_bool(struct hdl_emit *e, bool value);
/* Key and value in one call. */
void hdl_emit_kstr(struct hdl_emit *e, const char *key, const char *value);
void hdl_emit_ki64(struct hdl_emit *e, const char *key, int64_t value);
void hdl_emit_kbool(struct hdl_emit *e, const char *key, bool value);

/* A plain YAML scalar of this text is that string, for every reader that we know of. */
bool hdl_emit_is_plain(const char *s, size_t n);

#endif
