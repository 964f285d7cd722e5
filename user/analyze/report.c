/* SPDX-License-Identifier: Apache-2.0 */
/* Makes messages, and puts them into istioctl's order. */
#include "analyze/an.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUPPRESS "galley.istio.io/analyze-suppress"

/* ---- making ---- */

/* The annotation lists codes, or is "*". */
static bool annotation_suppresses(const struct hdl_resource *res, const char *code)
{
	const char *list = res ? hdl_kvs_get(&res->annotations, SUPPRESS) : NULL;

	for (const char *p = list; p && *p;) {
		size_t n = strcspn(p, ",");

		if ((n == 1 && *p == '*') || (n == strlen(code) && strncmp(p, code, n) == 0))
			return true;
		p += n + (p[n] == ',');
	}
	return false;
}

static void add(struct an *an, const struct hdl_an_message *message)
{
	if (annotation_suppresses(message->resource, hdl_an_codes[message->type].code))
		return;
	if (an->messages >= HDL_AN_MESSAGES_MAX) {
		an->dropped++;
		return;
	}
	if (an->messages == an->capacity) {
		size_t capacity = an->capacity ? an->capacity * 2 : 64;
		void *more = realloc(an->message, capacity * sizeof(*an->message));

		if (!more) {
			an->no_memory = true;
			return;
		}
		an->message = more;
		an->capacity = capacity;
	}
	an->message[an->messages++] = *message;
}

static void add_quoted(struct hdl_buf *buf, const char *s)
{
	hdl_buf_adds(buf, "\"");
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			hdl_buf_adds(buf, "\\");
		hdl_buf_add(buf, s, 1);
	}
	hdl_buf_adds(buf, "\"");
}

static void format(struct hdl_buf *buf, const char *text, va_list ap)
{
	for (const char *p = text; *p; p++) {
		if (*p != '%') {
			hdl_buf_add(buf, p, 1);
			continue;
		}
		switch (*++p) {
		case 's':
			hdl_buf_adds(buf, va_arg(ap, const char *));
			break;
		case 'q':
			add_quoted(buf, va_arg(ap, const char *));
			break;
		case 'd':
			hdl_buf_printf(buf, "%lld", (long long)va_arg(ap, int64_t));
			break;
		}
	}
}

static struct hdl_an_message message_of(enum hdl_an_type type, const struct hdl_resource *res, struct hdl_pos pos)
{
	return (struct hdl_an_message){
		.type = type,
		.level = hdl_an_codes[type].level,
		.resource = res,
		.kind = hdl_kind_name(res->kind),
		.ns = res->ns,
		.name = res->name,
		.file = res->file,
		.line = pos.line ? pos.line : res->pos.line,
	};
}

void an_report(struct an *an, enum hdl_an_type type, const struct hdl_resource *res, struct hdl_pos pos, ...)
{
	struct hdl_an_message message = message_of(type, res, pos);
	struct hdl_buf buf = { 0 };
	va_list ap;

	va_start(ap, pos);
	format(&buf, hdl_an_codes[type].format, ap);
	va_end(ap);
	message.text = buf.p && !buf.failed ? an_strdup(an, buf.p) : "";
	if (buf.failed)
		an->no_memory = true;
	hdl_buf_done(&buf);
	add(an, &message);
}

void an_place(struct an *an, struct an_finding *finding, const struct hdl_resource *res, struct hdl_pos pos,
	      const char *fmt, ...)
{
	struct hdl_buf buf = { 0 };
	va_list ap;

	if (finding->places == sizeof(finding->place) / sizeof(finding->place[0]))
		return;
	va_start(ap, fmt);
	hdl_buf_vprintf(&buf, fmt, ap);
	va_end(ap);
	finding->place[finding->places++] = (struct hdl_an_place){
		.file = res->file,
		.line = pos.line ? pos.line : res->pos.line,
		.text = buf.p && !buf.failed ? an_strdup(an, buf.p) : "",
	};
	if (buf.failed)
		an->no_memory = true;
	hdl_buf_done(&buf);
}

void an_say(struct an *an, const struct an_finding *finding)
{
	struct hdl_an_message message = message_of(finding->type, finding->res, finding->pos);
	struct hdl_an_place *places = hdl_arena_calloc(an->arena, finding->places + 1, sizeof(*places));

	if (!places) {
		an->no_memory = true;
		return;
	}
	memcpy(places, finding->place, finding->places * sizeof(*places));
	if (finding->info)
		message.level = HDL_AN_INFO;
	message.text = finding->text;
	message.suggestion = finding->suggestion;
	message.places = places;
	message.place_count = finding->places;
	add(an, &message);
}

void an_say_limit(struct an *an, const struct hdl_resource *res, const char *text)
{
	struct an_finding finding = { .type = HDL_AN_LIMIT, .res = res, .pos = res->pos, .text = text };

	finding.suggestion = "split it into smaller ones";
	an_say(an, &finding);
}

/* ---- what the model said ---- */

/* By the wording of user/model; the cases of the codes pin it. */
static enum hdl_an_type type_of(const struct hdl_diag *diag)
{
	if (diag->severity == HDL_ERROR)
		return HDL_AN_SCHEMA_ERROR;
	if (strcmp(diag->message, "is deprecated") == 0)
		return HDL_AN_DEPRECATED;
	if (strstr(diag->message, "not enforced") || strstr(diag->message, "is not read by this version"))
		return HDL_AN_NOT_ENFORCED;
	return HDL_AN_SCHEMA_WARNING;
}

/* Warnings of which an analyzer speaks itself, with more to say: HDL0007 and IST0134. */
static bool is_said_elsewhere(const struct hdl_diag *diag)
{
	return diag->severity != HDL_ERROR &&
	       (strstr(diag->message, "failover does not act without outlierDetection") ||
		strstr(diag->message, "takes all connections to that port"));
}

/* istioctl's words for the one field of which it says so. */
static const char *deprecation(struct an *an, const struct hdl_diag *diag)
{
	size_t n = diag->field ? strlen(diag->field) : 0;

	if (n > 20 && strcmp(diag->field + n - 20, ".fault.delay.percent") == 0)
		return "HTTPRoute.fault.delay.percent is deprecated; use HTTPRoute.fault.delay.percentage";
	return an_printf(an, "%s is deprecated", diag->field ? diag->field : "the object");
}

static void report_diag(struct an *an, const struct hdl_diag *diag)
{
	struct hdl_an_message message = {
		.type = type_of(diag),
		.kind = diag->kind,
		.ns = diag->ns,
		.name = diag->name,
		.file = diag->file,
		.line = diag->pos.line,
	};
	const char *field = diag->field ? diag->field : "", *colon = *field ? ": " : "";

	message.level = hdl_an_codes[message.type].level;
	if (message.type != HDL_AN_SCHEMA_ERROR && diag->kind && diag->name)
		message.resource = an_object_named(an, diag->kind, diag->ns, diag->name);
	if (message.type == HDL_AN_SCHEMA_ERROR)
		message.text = an_printf(an, "Schema validation error: %s%s%s", field, colon, diag->message);
	else if (message.type == HDL_AN_DEPRECATED)
		message.text = an_printf(an, "Deprecated: %s", deprecation(an, diag));
	else if (message.type == HDL_AN_NOT_ENFORCED)
		message.text = an_printf(an, "%s%s%s", field, *field ? " " : "", diag->message);
	else
		message.text = an_printf(an, "Schema validation warning: %s%s%s", field, colon, diag->message);
	add(an, &message);
}

void an_report_diags(struct an *an, const struct hdl_diags *diags)
{
	for (size_t i = 0; i < diags->n && !an->no_memory; i++)
		if (!is_said_elsewhere(&diags->at[i]))
			report_diag(an, &diags->at[i]);
}

/* ---- order ---- */

static int compare_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

static int compare_origin(const struct hdl_an_message *x, const struct hdl_an_message *y)
{
	int r = compare_text(x->kind, y->kind);

	if (r == 0)
		r = compare_text(x->ns, y->ns);
	return r ? r : compare_text(x->name, y->name);
}

/* IST before HDL, each by number. */
static int compare_code(const struct hdl_an_message *x, const struct hdl_an_message *y)
{
	const char *p = hdl_an_codes[x->type].code, *q = hdl_an_codes[y->type].code;

	if (p[0] != q[0])
		return p[0] == 'I' ? -1 : 1;
	return strcmp(p, q);
}

static int compare(const void *a, const void *b)
{
	const struct hdl_an_message *x = a, *y = b;
	int r = (int)x->level - (int)y->level;

	if (r == 0)
		r = compare_code(x, y);
	if (r == 0)
		r = compare_origin(x, y);
	if (r == 0)
		r = compare_text(x->file, y->file);
	if (r == 0)
		r = x->line == y->line ? 0 : x->line < y->line ? -1 : 1;
	return r ? r : strcmp(x->text, y->text);
}

void an_sort(struct an *an)
{
	size_t kept = 0;

	if (!an->messages)
		return;
	qsort(an->message, an->messages, sizeof(*an->message), compare);
	for (size_t i = 0; i < an->messages; i++)
		if (!kept || compare(&an->message[kept - 1], &an->message[i]) != 0)
			an->message[kept++] = an->message[i];
	an->messages = kept;
}
