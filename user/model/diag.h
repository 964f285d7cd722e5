/* SPDX-License-Identifier: Apache-2.0 */
/* Diagnostics: what is wrong with the configuration and where, in the order found. */
#ifndef HDL_MODEL_DIAG_H
#define HDL_MODEL_DIAG_H

#include <stdbool.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "model/value.h"

enum hdl_severity { HDL_INFO, HDL_WARNING, HDL_ERROR };

/* Enough for a person to work on; a document of garbage must not fill the memory. Later ones are counted, not kept. */
#define HDL_DIAGS_MAX_PER_DOCUMENT 100

struct hdl_diag {
	enum hdl_severity severity;
	const char *file;
	struct hdl_pos pos; /* line 0: about the file as a whole */
	const char *kind;   /* "VirtualService"; NULL when unknown */
	const char *ns, *name;
	const char *field;   /* "spec.http[2].match[0].uri.prefix"; NULL or "" for the document as a whole */
	const char *message; /* what is wrong, what is allowed */
};

/* Owns every string in it. All zero is an empty list. */
struct hdl_diags {
	struct hdl_diag *at;
	size_t n, capacity;
	size_t errors, warnings; /* including those not kept */
	size_t limit;            /* most to keep, 0: no limit of the list's own */
	size_t dropped;
	bool no_memory; /* sticky: some diagnostic could not be kept */
};

void hdl_diags_done(struct hdl_diags *diags);
/* Copies what diag points to, with message taken from fmt. */
void hdl_diags_add(struct hdl_diags *diags, const struct hdl_diag *where, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void hdl_diags_vadd(struct hdl_diags *diags, const struct hdl_diag *where, const char *fmt, va_list ap);
/* Appends copies of all of from's. */
void hdl_diags_append(struct hdl_diags *diags, const struct hdl_diags *from);
/* "dir/vs.yaml:7:5: error: VirtualService demo/reviews: spec.http[0].timeout: message" without a line end. */
void hdl_diag_print(struct hdl_buf *buf, const struct hdl_diag *diag);
const char *hdl_severity_name(enum hdl_severity severity);

#endif
