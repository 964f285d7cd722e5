/* SPDX-License-Identifier: Apache-2.0 */
/* JSON of RFC 8259 to value trees, with the place of each value. */
#include "conf/build.h"

#include <errno.h>
#include <string.h>

#define NOT_JSON 1

struct json {
	struct hdl_build *b;
	const char *p, *end;
	struct hdl_place at;
};

/* ---- characters ---- */

/* The next byte, or -1 at the end. */
static int peek(const struct json *j)
{
	return j->p < j->end ? (unsigned char)*j->p : -1;
}

static void advance(struct json *j)
{
	unsigned char c = (unsigned char)*j->p++;

	if (c == '\n' || (c == '\r' && peek(j) != '\n')) {
		j->at.line++;
		j->at.col = 1;
	} else if ((c & 0xc0) != 0x80) {
		j->at.col++;
	}
}

static void skip_blanks(struct json *j)
{
	while (j->p < j->end && memchr(" \t\r\n", *j->p, 4))
		advance(j);
}

static bool take(struct json *j, char c)
{
	if (peek(j) != c)
		return false;
	advance(j);
	return true;
}

/* ---- strings ---- */

static int hex_digit(int c)
{
	return c >= '0' && c <= '9' ? c - '0' :
	       c >= 'a' && c <= 'f' ? c - 'a' + 10 :
	       c >= 'A' && c <= 'F' ? c - 'A' + 10 :
				      -1;
}

/* The four digits of \uXXXX; -1 when they are not. */
static int32_t take_hex(struct json *j)
{
	int32_t value = 0;

	for (int i = 0; i < 4; i++) {
		int digit = hex_digit(peek(j));

		if (digit < 0)
			return -1;
		value = value << 4 | digit;
		advance(j);
	}
	return value;
}

static char *put_utf8(char *to, uint32_t c)
{
	if (c < 0x80) {
		*to++ = (char)c;
	} else if (c < 0x800) {
		*to++ = (char)(0xc0 | c >> 6);
		*to++ = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		*to++ = (char)(0xe0 | c >> 12);
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
		*to++ = (char)(0x80 | (c & 0x3f));
	} else {
		*to++ = (char)(0xf0 | c >> 18);
		*to++ = (char)(0x80 | (c >> 12 & 0x3f));
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
		*to++ = (char)(0x80 | (c & 0x3f));
	}
	return to;
}

/* After "\u". Two escapes together stand for a character beyond U+FFFF; half of such a pair is nothing. */
static int take_unicode(struct json *j, struct hdl_place at, char **to)
{
	int32_t c = take_hex(j), low;

	if (c < 0)
		return NOT_JSON;
	if (c < 0xd800 || c > 0xdfff) {
		*to = put_utf8(*to, (uint32_t)c);
		return 0;
	}
	if (c > 0xdbff || !take(j, '\\') || !take(j, 'u'))
		return hdl_build_refuse(j->b, at, "\\u%04x is only half of a character", (unsigned int)c);
	low = take_hex(j);
	if (low < 0)
		return NOT_JSON;
	if (low < 0xdc00 || low > 0xdfff)
		return hdl_build_refuse(j->b, at, "\\u%04x is only half of a character", (unsigned int)c);
	*to = put_utf8(*to, 0x10000 + ((uint32_t)(c & 0x3ff) << 10 | (uint32_t)(low & 0x3ff)));
	return 0;
}

static int take_escape(struct json *j, char **to)
{
	static const char from[] = "\"\\/bfnrt", what[] = "\"\\/\b\f\n\r\t";
	struct hdl_place at = j->at;
	const char *found;

	advance(j); /* the backslash */
	if (take(j, 'u'))
		return take_unicode(j, at, to);
	found = peek(j) > 0 ? strchr(from, peek(j)) : NULL;
	if (!found)
		return NOT_JSON;
	*(*to)++ = what[found - from];
	advance(j);
	return 0;
}

/* Bytes up to the quote that ends the string; what they stand for is never longer. */
static size_t raw_length(const struct json *j)
{
	const char *p = j->p;

	while (p < j->end && *p != '"')
		p += *p == '\\' && p + 1 < j->end ? 2 : 1;
	return (size_t)(p - j->p);
}

static int parse_string(struct json *j)
{
	struct hdl_place at = j->at;
	char *text, *to;
	int r = 0;

	advance(j); /* the quote */
	text = to = hdl_arena_alloc(j->b->arena, raw_length(j) + 1);
	if (!text)
		return -ENOMEM;
	while (r == 0 && peek(j) != '"') {
		if (peek(j) < 0x20) /* the end too */
			return NOT_JSON;
		if (peek(j) == '\\') {
			r = take_escape(j, &to);
		} else {
			*to++ = *j->p;
			advance(j);
		}
	}
	if (r)
		return r;
	advance(j);
	*to = '\0';
	return hdl_build_own_scalar(j->b, at, (struct hdl_str){ text, (size_t)(to - text) }, true);
}

/* ---- values ---- */

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static bool take_digits(struct json *j)
{
	if (!is_digit(peek(j)))
		return false;
	while (is_digit(peek(j)))
		advance(j);
	return true;
}

/* -?(0|[1-9][0-9]*)(.[0-9]+)?([eE][+-]?[0-9]+)? */
static bool take_number(struct json *j)
{
	take(j, '-');
	if (!take(j, '0') && !take_digits(j))
		return false;
	if (is_digit(peek(j)) || (take(j, '.') && !take_digits(j)))
		return false;
	if (take(j, 'e') || take(j, 'E')) {
		if (!take(j, '+'))
			take(j, '-');
		return take_digits(j);
	}
	return true;
}

static bool take_word(struct json *j, const char *word)
{
	for (; *word; word++)
		if (!take(j, *word))
			return false;
	return true;
}

static int parse_plain(struct json *j)
{
	struct hdl_place at = j->at;
	const char *begin = j->p;
	bool known = peek(j) == 't' ? take_word(j, "true") :
		     peek(j) == 'f' ? take_word(j, "false") :
		     peek(j) == 'n' ? take_word(j, "null") :
				      take_number(j);

	if (!known)
		return NOT_JSON;
	return hdl_build_scalar(j->b, at, (struct hdl_str){ begin, (size_t)(j->p - begin) }, HDL_BUILD_PLAIN, NULL,
				NULL);
}

static int parse_value(struct json *j);

static int parse_member(struct json *j)
{
	int r;

	if (peek(j) != '"')
		return NOT_JSON;
	r = parse_string(j);
	skip_blanks(j);
	if (r == 0 && !take(j, ':'))
		return NOT_JSON;
	return r == 0 ? parse_value(j) : r;
}

/* The builder bounds the depth. */
static int parse_container(struct json *j, bool map)
{
	char end = map ? '}' : ']';
	int r = hdl_build_open(j->b, j->at, map, NULL, NULL);

	if (r)
		return r;
	advance(j);
	skip_blanks(j);
	while (!take(j, end)) {
		r = map ? parse_member(j) : parse_value(j);
		if (r)
			return r;
		skip_blanks(j);
		if (peek(j) != end) {
			if (!take(j, ','))
				return NOT_JSON;
			skip_blanks(j);
			if (peek(j) == end)
				return NOT_JSON;
		}
	}
	return hdl_build_close(j->b);
}

static int parse_value(struct json *j)
{
	skip_blanks(j);
	if (peek(j) == '{' || peek(j) == '[')
		return parse_container(j, peek(j) == '{');
	return peek(j) == '"' ? parse_string(j) : parse_plain(j);
}

int hdl_json_build(struct hdl_build *b, struct hdl_str text, uint32_t first_line)
{
	struct json j = { b, text.p, text.p + text.n, { first_line, 1 } };
	int r;

	for (int i = 0; i < 3 && hdl_str_starts(text, HDL_STR("---")); i++) /* what parts the documents of a file */
		advance(&j);
	r = parse_value(&j);
	skip_blanks(&j);
	return r == 0 && j.p < j.end ? NOT_JSON : r;
}
