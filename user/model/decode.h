/* SPDX-License-Identifier: Apache-2.0 */
/* Decoder of one document, as the checks of the messages see it. */
#ifndef HDL_MODEL_DECODE_H
#define HDL_MODEL_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/arena.h"
#include "conf/yaml.h"
#include "model/diag.h"
#include "model/schema.h"

/* One step of the path to the field at hand; printed only when something is wrong with it. */
struct hdl_step {
	const char *name; /* field, or key of a map */
	size_t index;     /* of a list element */
	enum { HDL_STEP_FIELD, HDL_STEP_INDEX, HDL_STEP_KEY } kind;
};

#define HDL_DECODE_STEPS (HDL_YAML_MAX_DEPTH + 2)

struct hdl_decode {
	struct hdl_arena *arena;
	struct hdl_diags *diags;
	struct hdl_diag where; /* file, kind, ns, name */
	const struct hdl_metadata *metadata;
	bool open; /* unknown fields are skipped */
	bool no_memory;
	bool secret;     /* the value at hand must not be shown */
	size_t errors;   /* all errors */
	size_t faults;   /* those of the values themselves, not for what this version cannot do */
	size_t reported; /* of this document: bounded by HDL_DIAGS_MAX_PER_DOCUMENT */
	size_t begin;    /* faults when the message at hand began */
	struct hdl_step step[HDL_DECODE_STEPS];
	size_t steps;
};

/* field: path below the message at hand, NULL for the message itself. */
void hdl_decode_error(struct hdl_decode *d, struct hdl_pos pos, const char *field, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void hdl_decode_warning(struct hdl_decode *d, struct hdl_pos pos, const char *field, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* A known field or value that this version cannot do. */
void hdl_decode_unsupported(struct hdl_decode *d, struct hdl_pos pos, const char *field);
/* Nothing was wrong so far inside the message at hand: only then may a check conclude from what is missing. */
static inline bool hdl_decode_clean(const struct hdl_decode *d)
{
	return d->faults == d->begin;
}

void hdl_decode_message(struct hdl_decode *d, const struct hdl_message *message, const struct hdl_node *node,
			void *object);

#endif
