/* SPDX-License-Identifier: Apache-2.0 */
/* Streaming JSON writer into a hdl_buf; escapes, places commas, and nests to HDL_JSONW_DEPTH. */
#ifndef HDL_BASE_JSONW_H
#define HDL_BASE_JSONW_H

#include <stdbool.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/str.h"

#define HDL_JSONW_DEPTH 32

struct hdl_jsonw {
	struct hdl_buf *buf;
	int depth;
	bool pretty; /* two-space indentation */
	bool first[HDL_JSONW_DEPTH];
	bool after_key;
};

void hdl_jsonw_init(struct hdl_jsonw *w, struct hdl_buf *buf, bool pretty);
void hdl_jsonw_object(struct hdl_jsonw *w); /* { */
void hdl_jsonw_object_end(struct hdl_jsonw *w);
void hdl_jsonw_array(struct hdl_jsonw *w);
void hdl_jsonw_array_end(struct hdl_jsonw *w);
void hdl_jsonw_key(struct hdl_jsonw *w, const char *key);
void hdl_jsonw_str(struct hdl_jsonw *w, const char *value); /* NULL writes null; bad UTF-8 becomes U+FFFD */
void hdl_jsonw_strn(struct hdl_jsonw *w, struct hdl_str value);
void hdl_jsonw_u64(struct hdl_jsonw *w, uint64_t value);
void hdl_jsonw_i64(struct hdl_jsonw *w, int64_t value);
void hdl_jsonw_double(struct hdl_jsonw *w, double value);
void hdl_jsonw_bool(struct hdl_jsonw *w, bool value);
void hdl_jsonw_null(struct hdl_jsonw *w);
/* key and value in one call */
void hdl_jsonw_kstr(struct hdl_jsonw *w, const char *key, const char *value);
void hdl_jsonw_ku64(struct hdl_jsonw *w, const char *key, uint64_t value);
void hdl_jsonw_kbool(struct hdl_jsonw *w, const char *key, bool value);

#endif
