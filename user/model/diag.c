/* SPDX-License-Identifier: Apache-2.0 */
/* Diagnostics: keeping and printing them. */
#include "model/diag.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void diag_done(struct hdl_diag *diag)
{
	free((char *)diag->file);
	free((char *)diag->kind);
	free((char *)diag->ns);
	free((char *)diag->name);
	free((char *)diag->field);
	free((char *)diag->message);
}

void hdl_diags_done(struct hdl_diags *diags)
{
	for (size_t i = 0; i < diags->n; i++)
		diag_done(&diags->at[i]);
	free(diags->at);
	*diags = (struct hdl_diags){ .limit = diags->limit };
}

/* false when memory ran out; NULL stays NULL. */
static bool copy(const char **ret, const char *s)
{
	*ret = s ? strdup(s) : NULL;
	return !s || *ret;
}

static bool grow(struct hdl_diags *diags)
{
	size_t capacity = diags->capacity ? diags->capacity * 2 : 8;
	struct hdl_diag *at;

	if (diags->n < diags->capacity)
		return true;
	at = realloc(diags->at, capacity * sizeof(*at));
	if (!at)
		return false;
	diags->at = at;
	diags->capacity = capacity;
	return true;
}

static void add(struct hdl_diags *diags, const struct hdl_diag *diag)
{
	struct hdl_diag own = { .severity = diag->severity, .pos = diag->pos };

	diags->errors += diag->severity == HDL_ERROR;
	diags->warnings += diag->severity == HDL_WARNING;
	if (diags->limit && diags->n >= diags->limit) {
		diags->dropped++;
		return;
	}
	if (!grow(diags) || !copy(&own.file, diag->file) || !copy(&own.kind, diag->kind) || !copy(&own.ns, diag->ns) ||
	    !copy(&own.name, diag->name) || !copy(&own.field, diag->field) || !copy(&own.message, diag->message)) {
		diag_done(&own);
		diags->no_memory = true;
		diags->dropped++;
		return;
	}
	diags->at[diags->n++] = own;
}

void hdl_diags_vadd(struct hdl_diags *diags, const struct hdl_diag *where, const char *fmt, va_list ap)
{
	struct hdl_diag diag = *where;
	char text[1024];

	vsnprintf(text, sizeof(text), fmt, ap);
	diag.message = text;
	add(diags, &diag);
}

void hdl_diags_add(struct hdl_diags *diags, const struct hdl_diag *where, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	hdl_diags_vadd(diags, where, fmt, ap);
	va_end(ap);
}

void hdl_diags_append(struct hdl_diags *diags, const struct hdl_diags *from)
{
	size_t errors = diags->errors + from->errors, warnings = diags->warnings + from->warnings;

	for (size_t i = 0; i < from->n; i++)
		add(diags, &from->at[i]);
	diags->errors = errors;
	diags->warnings = warnings;
	diags->dropped += from->dropped;
	diags->no_memory = diags->no_memory || from->no_memory;
}

const char *hdl_severity_name(enum hdl_severity severity)
{
	return severity == HDL_ERROR ? "error" : severity == HDL_WARNING ? "warning" : "info";
}

static void print_raw(struct hdl_buf *buf, const struct hdl_diag *diag)
{
	if (diag->file)
		hdl_buf_printf(buf, "%s:", diag->file);
	if (diag->pos.line)
		hdl_buf_printf(buf, "%u:%u:", diag->pos.line, diag->pos.col);
	hdl_buf_printf(buf, "%s%s: ", diag->file || diag->pos.line ? " " : "", hdl_severity_name(diag->severity));
	if (diag->kind) {
		hdl_buf_adds(buf, diag->kind);
		if (diag->name)
			hdl_buf_printf(buf, " %s%s%s", diag->ns && *diag->ns ? diag->ns : "",
				       diag->ns && *diag->ns ? "/" : "", diag->name);
		hdl_buf_adds(buf, ": ");
	}
	if (diag->field && *diag->field)
		hdl_buf_printf(buf, "%s: ", diag->field);
	hdl_buf_adds(buf, diag->message ? diag->message : "");
}

void hdl_diag_print(struct hdl_buf *buf, const struct hdl_diag *diag)
{
	struct hdl_buf raw = { 0 };

	print_raw(&raw, diag);
	if (raw.p)
		hdl_buf_adds_visible(buf, raw.p);
	buf->failed |= raw.failed;
	hdl_buf_done(&raw);
}
