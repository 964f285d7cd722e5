/* SPDX-License-Identifier: Apache-2.0 */
/* Resources as text, and what differs between two of them; all by the tables of the kinds. */
#ifndef HDL_MODEL_PRINT_H
#define HDL_MODEL_PRINT_H

#include <stdbool.h>
#include "base/arena.h"
#include "base/buf.h"
#include "conf/emit.h"
#include "model/resource.h"

enum hdl_print_flag {
	HDL_PRINT_SECRETS = 1, /* the bytes of Secrets, for a file that only we read; else REDACTED stands for them */
};

/*
 * The object in canonical form: what was given, in the order of the tables, with no default added, and a namespace.
 * Decoding the text gives an equal resource (but for what was redacted), which prints to the same text.
 */
void hdl_resource_print(const struct hdl_resource *resource, enum hdl_emit_format format, unsigned int flags,
			struct hdl_buf *buf);
/* The same as a value inside of what e is writing. */
void hdl_resource_emit(const struct hdl_resource *resource, unsigned int flags, struct hdl_emit *e);

/* Same object with the same content; place in the files and apiVersion do not count. */
bool hdl_resource_equal(const struct hdl_resource *a, const struct hdl_resource *b);

/* One field that differs; was or now is NULL when the field was not there. Values as one line of JSON. */
struct hdl_field_change {
	const char *path; /* "spec.http[0].route[1].weight" */
	const char *was, *now;
	struct hdl_pos was_pos, now_pos; /* of the value, else of what it would be in */
};

struct hdl_field_changes {
	struct hdl_field_change *at;
	size_t n;
	bool cut; /* there are more than HDL_FIELD_CHANGES_MAX */
};

#define HDL_FIELD_CHANGES_MAX 1000
#define HDL_FIELD_CHANGE_TEXT 2000 /* bytes of a value; longer ones end with "..." */

/*
 * What differs, in the order of the tables; of lists the elements of the same name, else those left between the equal
 * ones at both ends. 0 or -ENOMEM. Everything in *ret lives in the arena.
 */
int hdl_resource_diff(struct hdl_arena *arena, const struct hdl_resource *was, const struct hdl_resource *now,
		      struct hdl_field_changes *ret);

#endif
