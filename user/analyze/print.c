/* SPDX-License-Identifier: Apache-2.0 */
/* Messages as text, JSON and YAML in istioctl's forms, and the table of codes as documentation. */
#include "analyze/analyze.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define ISTIO_URL "https://istio.io/latest/docs/reference/config/analysis/"
#define OWN_URL "docs/analyze.md#"

static const char *const level_names[] = {
	[HDL_AN_ERROR] = "Error", [HDL_AN_WARNING] = "Warning", [HDL_AN_INFO] = "Info"
};
static const char *const level_colors[] = {
	[HDL_AN_ERROR] = "\033[1;31m", [HDL_AN_WARNING] = "\033[33m", [HDL_AN_INFO] = ""
};

const char *hdl_an_level_name(enum hdl_an_level level)
{
	return level_names[level];
}

int hdl_an_level_parse(const char *text, enum hdl_an_level *ret)
{
	for (size_t i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++)
		if (strcasecmp(text, level_names[i]) == 0) {
			*ret = (enum hdl_an_level)i;
			return 0;
		}
	return -EINVAL;
}

bool hdl_an_code_known(const char *code)
{
	for (size_t i = 0; i < HDL_AN_TYPES; i++)
		if (strcmp(hdl_an_codes[i].code, code) == 0)
			return true;
	return false;
}

/* ---- choice ---- */

void hdl_an_origin(const struct hdl_an_message *message, struct hdl_buf *buf)
{
	if (!message->kind || !message->name)
		return;
	hdl_buf_printf(buf, "%s %s%s%s", message->kind, message->ns && *message->ns ? message->ns : "",
		       message->ns && *message->ns ? "/" : "", message->name);
}

/* '*' stands for any characters. Linear in the text for each star. */
static bool glob(const char *pattern, const char *s)
{
	const char *star = NULL, *back = s;

	while (*s) {
		if (*pattern == '*') {
			star = pattern++;
			back = s;
		} else if (*pattern == *s) {
			pattern++;
			s++;
		} else if (star) {
			pattern = star + 1;
			s = ++back;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

bool hdl_an_suppressed(const struct hdl_an_message *message, const char *code, const char *pattern)
{
	struct hdl_buf origin = { 0 };
	bool hit;

	if (strcmp(hdl_an_codes[message->type].code, code) != 0)
		return false;
	hdl_an_origin(message, &origin);
	hit = origin.p && glob(pattern, origin.p);
	hdl_buf_done(&origin);
	return hit;
}

/* ---- text ---- */

/* "vs.yaml:12" */
static void add_reference(const struct hdl_an_message *message, struct hdl_buf *buf)
{
	if (!message->file)
		return;
	hdl_buf_adds_visible(buf, message->file);
	if (message->line)
		hdl_buf_printf(buf, ":%u", message->line);
}

void hdl_an_print_text(const struct hdl_an_message *message, bool color, struct hdl_buf *buf)
{
	struct hdl_buf origin = { 0 };

	hdl_buf_printf(buf, "%s%s%s [%s]", color ? level_colors[message->level] : "", level_names[message->level],
		       color ? "\033[0m" : "", hdl_an_codes[message->type].code);
	hdl_an_origin(message, &origin);
	if (origin.n || message->file) {
		hdl_buf_printf(buf, " (%s%s", origin.p ? origin.p : "", origin.n && message->file ? " " : "");
		add_reference(message, buf);
		hdl_buf_adds(buf, ")");
	}
	hdl_buf_adds(buf, " ");
	hdl_buf_adds_visible(buf, message->text);
	hdl_buf_adds(buf, "\n");
	for (size_t i = 0; i < message->place_count; i++) {
		hdl_buf_adds(buf, "    ");
		hdl_buf_adds_visible(buf, message->places[i].file);
		hdl_buf_printf(buf, ":%u: ", message->places[i].line);
		hdl_buf_adds_visible(buf, message->places[i].text);
		hdl_buf_adds(buf, "\n");
	}
	if (message->suggestion) {
		hdl_buf_adds(buf, "    Suggestion: ");
		hdl_buf_adds_visible(buf, message->suggestion);
		hdl_buf_adds(buf, "\n");
	}
	buf->failed = buf->failed || origin.failed;
	hdl_buf_done(&origin);
}

/* ---- JSON and YAML: members by name, indented by tabs, as istioctl's ---- */

/* Escapes as Go's encoding/json does; both formats read it. */
static void add_string(struct hdl_buf *buf, const char *s)
{
	hdl_buf_adds(buf, "\"");
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			hdl_buf_printf(buf, "\\%c", c);
		else if (c == '\n')
			hdl_buf_adds(buf, "\\n");
		else if (c == '\t')
			hdl_buf_adds(buf, "\\t");
		else if (c < 0x20 || c == '<' || c == '>' || c == '&')
			hdl_buf_printf(buf, "\\u%04x", c);
		else
			hdl_buf_add(buf, s, 1);
	}
	hdl_buf_adds(buf, "\"");
}

/* Where a format puts what. */
struct form {
	struct hdl_buf *buf;
	bool yaml, first;
};

/* YAML reads it as the same text without quotes. */
static bool is_plain(const char *s)
{
	if (!((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z')) || s[strlen(s) - 1] == ' ')
		return false;
	for (; *s; s++)
		if (!((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') ||
		      strchr(" ./_+-%(),", *s) || (*s == ':' && s[1] && s[1] != ' ')))
			return false;
	return true;
}

static void add_value(const struct form *form, const char *value)
{
	if (form->yaml && is_plain(value))
		hdl_buf_adds(form->buf, value);
	else
		add_string(form->buf, value);
}

static void add_member(struct form *form, const char *name, const char *value)
{
	if (form->yaml) {
		hdl_buf_printf(form->buf, "%s%s:%s", form->first ? "- " : "  ", name, value ? " " : "");
	} else {
		hdl_buf_printf(form->buf, "%s\t\t\"%s\": ", form->first ? "" : ",\n", name);
	}
	form->first = false;
	if (value)
		add_value(form, value);
}

static void add_url(struct form *form, const struct hdl_an_message *message)
{
	const char *code = hdl_an_codes[message->type].code;
	char url[200], lower[16];
	size_t n = strlen(code);

	for (size_t i = 0; i <= n && i < sizeof(lower); i++)
		lower[i] = (char)(code[i] >= 'A' && code[i] <= 'Z' ? code[i] + ('a' - 'A') : code[i]);
	snprintf(url, sizeof(url), "%s%s%s", code[0] == 'I' ? ISTIO_URL : OWN_URL, lower, code[0] == 'I' ? "/" : "");
	add_member(form, "documentationUrl", url);
}

static void add_lines(struct form *form, const struct hdl_an_message *message)
{
	add_member(form, "lines", NULL);
	if (!form->yaml)
		hdl_buf_adds(form->buf, "[");
	for (size_t i = 0; i < message->place_count; i++) {
		struct hdl_buf at = { 0 };

		hdl_buf_printf(&at, "%s:%u", message->places[i].file, message->places[i].line);
		hdl_buf_adds(form->buf, form->yaml ? "\n  - reference: " :
					i          ? ",\n\t\t\t{\n\t\t\t\t\"reference\": " :
						     "\n\t\t\t{\n\t\t\t\t\"reference\": ");
		add_value(form, at.p ? at.p : "");
		hdl_buf_adds(form->buf, form->yaml ? "\n    text: " : ",\n\t\t\t\t\"text\": ");
		add_value(form, message->places[i].text);
		if (!form->yaml)
			hdl_buf_adds(form->buf, "\n\t\t\t}");
		form->buf->failed = form->buf->failed || at.failed;
		hdl_buf_done(&at);
	}
	hdl_buf_adds(form->buf, form->yaml ? "\n" : "\n\t\t]");
}

static void end_line(const struct form *form)
{
	if (form->yaml)
		hdl_buf_adds(form->buf, "\n");
}

static void add_texts(struct form *form, const struct hdl_an_message *message)
{
	const char *const values[] = { hdl_an_codes[message->type].code, level_names[message->level], message->text };
	struct hdl_buf origin = { 0 }, reference = { 0 };

	add_member(form, "code", values[0]);
	end_line(form);
	add_url(form, message);
	end_line(form);
	add_member(form, "level", values[1]);
	end_line(form);
	if (message->place_count)
		add_lines(form, message);
	add_member(form, "message", values[2]);
	end_line(form);
	hdl_an_origin(message, &origin);
	if (origin.p) {
		add_member(form, "origin", origin.p);
		end_line(form);
	}
	add_reference(message, &reference);
	if (reference.p) {
		add_member(form, "reference", reference.p);
		end_line(form);
	}
	if (message->suggestion) {
		add_member(form, "suggestion", message->suggestion);
		end_line(form);
	}
	form->buf->failed = form->buf->failed || origin.failed || reference.failed;
	hdl_buf_done(&origin);
	hdl_buf_done(&reference);
}

void hdl_an_print_json(const struct hdl_an_message *const *messages, size_t n, struct hdl_buf *buf)
{
	hdl_buf_adds(buf, "[");
	for (size_t i = 0; i < n; i++) {
		struct form form = { .buf = buf, .first = true };

		hdl_buf_adds(buf, i ? ",\n\t{\n" : "\n\t{\n");
		add_texts(&form, messages[i]);
		hdl_buf_adds(buf, "\n\t}");
	}
	hdl_buf_adds(buf, n ? "\n]\n" : "]\n");
}

void hdl_an_print_yaml(const struct hdl_an_message *const *messages, size_t n, struct hdl_buf *buf)
{
	for (size_t i = 0; i < n; i++) {
		struct form form = { .buf = buf, .yaml = true, .first = true };

		add_texts(&form, messages[i]);
	}
	if (!n)
		hdl_buf_adds(buf, "[]\n");
}

/* ---- documentation ---- */

void hdl_an_print_analyzers(struct hdl_buf *buf)
{
	for (const struct hdl_an_analyzer *a = hdl_an_analyzers; a->name; a++)
		hdl_buf_printf(buf, "* %s:\n    %s\n", a->name, a->about);
}

static void print_istio_codes(struct hdl_buf *buf)
{
	hdl_buf_adds(buf, "| Code | Level | Name | Reported when | What to do |\n|---|---|---|---|---|\n");
	for (size_t i = 0; i < HDL_AN_TYPES; i++) {
		const struct hdl_an_code *code = &hdl_an_codes[i];

		if (code->code[0] == 'I')
			hdl_buf_printf(buf, "| %s | %s | %s | %s | %s |\n", code->code, level_names[code->level],
				       code->name, code->about, code->remedy);
	}
}

void hdl_an_print_markdown(struct hdl_buf *buf)
{
	hdl_buf_adds(buf, "## Istio's messages\n\n");
	print_istio_codes(buf);
	hdl_buf_adds(buf, "\n## Heddle's own\n");
	for (size_t i = 0; i < HDL_AN_TYPES; i++) {
		const struct hdl_an_code *code = &hdl_an_codes[i];

		if (code->code[0] != 'I')
			hdl_buf_printf(buf, "\n### %s\n\n%s, %s. Reported when %s.\n\nWhat to do: %s.\n", code->code,
				       code->name, level_names[code->level], code->about, code->remedy);
	}
}
