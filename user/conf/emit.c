/* SPDX-License-Identifier: Apache-2.0 */
/* Layout and quoting of YAML and JSON text. */
#include "conf/emit.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "conf/node.h"

#define SIMPLE_KEY_BYTES 512 /* readers take "key: value" for one only when the key ends within 1024 characters */

void hdl_emit_init(struct hdl_emit *e, struct hdl_buf *buf, enum hdl_emit_format format)
{
	*e = (struct hdl_emit){ .buf = buf, .format = format };
	e->level[0].beside = true;
}

/* ---- quoting ---- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* 12:30, 1:20:30.5: numbers of base 60 to readers of YAML 1.1. */
static bool looks_sexagesimal(const char *s)
{
	bool colon = false;

	if (*s == '-' || *s == '+')
		s++;
	if (!is_digit(*s))
		return false;
	for (; is_digit(*s) || *s == '_' || *s == ':' || *s == '.'; s++)
		colon = colon || *s == ':';
	return colon && !*s;
}

/* 2001-12-14 and what may follow it. */
static bool looks_like_date(const char *s)
{
	for (int i = 0; i < 4; i++)
		if (!is_digit(s[i]))
			return false;
	return s[4] == '-' && is_digit(s[5]);
}

/* s ends with NUL. Only what the text means as a whole; its characters are looked at by hdl_emit_is_plain(). */
static bool means_string(const char *s, size_t n)
{
	const struct hdl_node node = { .kind = HDL_NODE_SCALAR, .text = s, .n = (uint32_t)n };
	bool value;

	return hdl_node_scalar_type(&node) == HDL_SCALAR_STRING && hdl_node_bool(&node, &value) < 0 &&
	       !looks_sexagesimal(s) && !looks_like_date(s) && strcmp(s, "<<") != 0 && strcmp(s, "=") != 0 &&
	       strcmp(s, "...") != 0;
}

bool hdl_emit_is_plain(const char *s, size_t n)
{
	char text[256];

	if (n == 0 || strchr("-?:,[]{}#&*!|>'\"%@`= \t", s[0]) || s[n - 1] == ' ' || s[n - 1] == ':')
		return false;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c < 0x20 || c >= 0x7f || (c == ':' && s[i + 1] == ' ' && i + 1 < n) ||
		    (c == '#' && s[i - 1] == ' '))
			return false;
	}
	if (n >= sizeof(text)) /* no number or word that means something is so long, but do not rely on it */
		return !is_digit(s[0]) && s[0] != '+' && s[0] != '.';
	memcpy(text, s, n);
	text[n] = '\0';
	return means_string(text, n);
}

/* Length of the UTF-8 character at s and *ret its number; a bad byte counts as U+FFFD. */
static size_t character(const unsigned char *s, size_t n, uint32_t *ret)
{
	size_t length = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;

	*ret = 0xfffd;
	if (length == 0 || length > n)
		return 1;
	*ret = length == 1 ? s[0] : s[0] & (0xffu >> (length + 1));
	for (size_t i = 1; i < length; i++) {
		if ((s[i] & 0xc0) != 0x80) {
			*ret = 0xfffd;
			return 1;
		}
		*ret = *ret << 6 | (s[i] & 0x3f);
	}
	if ((length == 3 && *ret < 0x800) || (length == 4 && (*ret < 0x10000 || *ret > 0x10ffff)) ||
	    (*ret >= 0xd800 && *ret < 0xe000)) {
		*ret = 0xfffd;
		return 1;
	}
	return length;
}

/* Readers refuse some of these as they are, and people do not see others. */
static bool needs_escape(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0xa0) || c == 0xad || (c >= 0x2000 && c <= 0x200f) ||
	       (c >= 0x2028 && c <= 0x202f) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || c == 0xfffd ||
	       c == 0xfffe || c == 0xffff;
}

static void write_escape(struct hdl_buf *buf, uint32_t c)
{
	const char *known = c == '\n' ? "\\n" : c == '\t' ? "\\t" : c == '\r' ? "\\r" : NULL;

	if (known)
		hdl_buf_adds(buf, known);
	else
		hdl_buf_printf(buf, "\\u%04" PRIx32, c);
}

/* The common part of YAML's double quotes and JSON's. */
static void write_quoted(struct hdl_buf *buf, const char *s, size_t n)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t start = 0, i = 0;

	hdl_buf_adds(buf, "\"");
	while (i < n) {
		uint32_t c;
		size_t length = character(p + i, n - i, &c);
		bool escape = needs_escape(c), special = c == '"' || c == '\\';

		if (escape || special) {
			hdl_buf_add(buf, s + start, i - start);
			if (special)
				hdl_buf_adds(buf, "\\");
			else
				write_escape(buf, c);
			start = escape ? i + length : i;
		}
		i += length;
	}
	if (n > start)
		hdl_buf_add(buf, s + start, n - start);
	hdl_buf_adds(buf, "\"");
}

static void write_text(struct hdl_emit *e, const char *s, size_t n)
{
	if (e->format == HDL_EMIT_YAML && hdl_emit_is_plain(s, n))
		hdl_buf_add(e->buf, s, n);
	else
		write_quoted(e->buf, s, n);
}

/* ---- layout ---- */

static void new_line(struct hdl_emit *e, unsigned int indent)
{
	hdl_buf_adds(e->buf, "\n");
	for (unsigned int i = 0; i < indent; i++)
		hdl_buf_adds(e->buf, " ");
}

/* What stands before the next element of the innermost level. */
static void begin_element(struct hdl_emit *e)
{
	struct hdl_emit_level *level = &e->level[e->depth];
	bool yaml = e->format == HDL_EMIT_YAML;

	if (e->depth == 0)
		return;
	if (level->n > 0 && !yaml)
		hdl_buf_adds(e->buf, e->format == HDL_EMIT_LINE ? ", " : ",");
	if (e->format == HDL_EMIT_JSON || (yaml && !(level->n == 0 && level->beside)))
		new_line(e, level->indent);
	level->n++;
	if (yaml && level->list)
		hdl_buf_adds(e->buf, "- ");
}

/* What stands before a value: behind its key, or as the next element of a list. */
static void begin_value(struct hdl_emit *e, bool nested)
{
	if (!e->after_key)
		begin_element(e);
	else if (!nested || e->format != HDL_EMIT_YAML)
		hdl_buf_adds(e->buf, " ");
	e->after_key = false;
}

static void open_level(struct hdl_emit *e, bool list)
{
	const struct hdl_emit_level *outer = &e->level[e->depth];
	bool yaml = e->format == HDL_EMIT_YAML, root = e->depth == 0, keyed = e->after_key;
	struct hdl_emit_level level = { .list = list };

	begin_value(e, true);
	if (!yaml)
		hdl_buf_adds(e->buf, list ? "[" : "{");
	assert(e->depth < HDL_EMIT_DEPTH);
	level.indent = yaml && (root || (keyed && list)) ? outer->indent : outer->indent + 2;
	level.beside = yaml && !keyed;
	e->level[++e->depth] = level;
}

void hdl_emit_map(struct hdl_emit *e)
{
	open_level(e, false);
}

void hdl_emit_list(struct hdl_emit *e)
{
	open_level(e, true);
}

void hdl_emit_end(struct hdl_emit *e)
{
	const struct hdl_emit_level *level = &e->level[e->depth];

	assert(e->depth > 0 && !e->after_key);
	if (e->format == HDL_EMIT_YAML) {
		if (level->n == 0)
			hdl_buf_printf(e->buf, "%s%s", level->beside ? "" : " ", level->list ? "[]" : "{}");
	} else {
		if (level->n > 0 && e->format == HDL_EMIT_JSON)
			new_line(e, level->indent - 2);
		hdl_buf_adds(e->buf, level->list ? "]" : "}");
	}
	if (--e->depth == 0 && e->format != HDL_EMIT_LINE)
		hdl_buf_adds(e->buf, "\n");
}

void hdl_emit_key(struct hdl_emit *e, const char *key)
{
	size_t n = strlen(key);
	bool simple = n <= SIMPLE_KEY_BYTES || e->format != HDL_EMIT_YAML;

	assert(!e->after_key && !e->level[e->depth].list);
	begin_element(e);
	if (!simple)
		hdl_buf_adds(e->buf, "? ");
	write_text(e, key, n);
	if (!simple)
		new_line(e, e->level[e->depth].indent);
	hdl_buf_adds(e->buf, ":");
	e->after_key = true;
}

void hdl_emit_strn(struct hdl_emit *e, const char *s, size_t n)
{
	begin_value(e, false);
	write_text(e, s, n);
}

void hdl_emit_str(struct hdl_emit *e, const char *s)
{
	if (s) {
		hdl_emit_strn(e, s, strlen(s));
		return;
	}
	begin_value(e, false);
	hdl_buf_adds(e->buf, "null");
}

void hdl_emit_i64(struct hdl_emit *e, int64_t value)
{
	begin_value(e, false);
	hdl_buf_printf(e->buf, "%" PRId64, value);
}

void hdl_emit_u64(struct hdl_emit *e, uint64_t value)
{
	begin_value(e, false);
	hdl_buf_printf(e->buf, "%" PRIu64, value);
}

void hdl_emit_double(struct hdl_emit *e, double value)
{
	char text[32];

	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	begin_value(e, false);
	hdl_buf_adds(e->buf, text);
}

void hdl_emit_bool(struct hdl_emit *e, bool value)
{
	begin_value(e, false);
	hdl_buf_adds(e->buf, value ? "true" : "false");
}

void hdl_emit_kstr(struct hdl_emit *e, const char *key, const char *value)
{
	hdl_emit_key(e, key);
	hdl_emit_str(e, value);
}

void hdl_emit_ki64(struct hdl_emit *e, const char *key, int64_t value)
{
	hdl_emit_key(e, key);
	hdl_emit_i64(e, value);
}

void hdl_emit_kbool(struct hdl_emit *e, const char *key, bool value)
{
	hdl_emit_key(e, key);
	hdl_emit_bool(e, value);
}
