/* SPDX-License-Identifier: Apache-2.0 */
/* One document's text to a value tree: its bytes are checked, then JSON or libyaml's events feed the builder. */
#include "conf/yaml.h"

#include <errno.h>
#include <string.h>
#include <yaml.h>
#include "conf/build.h"

/* ---- events ---- */

static struct hdl_place place_of(const yaml_mark_t *mark, uint32_t first_line)
{
	return (struct hdl_place){ first_line + (uint32_t)mark->line, (uint32_t)mark->column + 1 };
}

static int on_scalar(struct hdl_build *b, const yaml_event_t *event, struct hdl_place at)
{
	struct hdl_str text = { (const char *)event->data.scalar.value, event->data.scalar.length };

	yaml_scalar_style_t style = event->data.scalar.style;

	return hdl_build_scalar(b, at, text,
				style == YAML_PLAIN_SCALAR_STYLE   ? HDL_BUILD_PLAIN :
				style == YAML_LITERAL_SCALAR_STYLE ? HDL_BUILD_BLOCK :
								     HDL_BUILD_QUOTED,
				(const char *)event->data.scalar.tag, (const char *)event->data.scalar.anchor);
}

static int on_event(struct hdl_build *b, const yaml_event_t *event, uint32_t first_line, unsigned int *documents)
{
	struct hdl_place at = place_of(&event->start_mark, first_line);

	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (++*documents > 1)
			return hdl_build_refuse(b, at, "a new document begins here without a line \"---\" before it");
		return 0;
	case YAML_ALIAS_EVENT:
		return hdl_build_alias(b, at, (const char *)event->data.alias.anchor);
	case YAML_SCALAR_EVENT:
		return on_scalar(b, event, at);
	case YAML_SEQUENCE_START_EVENT:
		return hdl_build_open(b, at, false, (const char *)event->data.sequence_start.tag,
				      (const char *)event->data.sequence_start.anchor);
	case YAML_MAPPING_START_EVENT:
		return hdl_build_open(b, at, true, (const char *)event->data.mapping_start.tag,
				      (const char *)event->data.mapping_start.anchor);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return hdl_build_close(b);
	default:
		return 0;
	}
}

static int refuse_syntax(struct hdl_build *b, const yaml_parser_t *parser, uint32_t first_line)
{
	const char *problem = parser->problem ? parser->problem : "not YAML";
	struct hdl_place at = place_of(&parser->problem_mark, first_line);

	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	if (parser->context && parser->context_mark.line != parser->problem_mark.line)
		return hdl_build_refuse(b, at, "%s %s that begins at line %u", problem, parser->context,
					place_of(&parser->context_mark, first_line).line);
	return hdl_build_refuse(b, at, "%s%s%s", problem, parser->context ? " " : "",
				parser->context ? parser->context : "");
}

static int run(struct hdl_build *b, yaml_parser_t *parser, uint32_t first_line)
{
	unsigned int documents = 0;
	bool end = false;
	int r = 0;

	while (r == 0 && !end) {
		yaml_event_t event;

		if (!yaml_parser_parse(parser, &event))
			return refuse_syntax(b, parser, first_line);
		end = event.type == YAML_STREAM_END_EVENT;
		r = on_event(b, &event, first_line, &documents);
		yaml_event_delete(&event);
	}
	return r;
}

static int yaml_build(struct hdl_build *b, const struct hdl_yaml_chunk *chunk)
{
	yaml_parser_t parser;
	int r;

	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)chunk->text.p, chunk->text.n);
	r = run(b, &parser, chunk->first_line);
	yaml_parser_delete(&parser);
	return r;
}

/* ---- text ---- */

/* Length of the character at s if YAML allows it, else 0. Surrogates, overlong forms and controls are not allowed. */
static size_t character(const unsigned char *s, size_t n)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = s[0] < 0x80 ? 1 : s[0] < 0xc0 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf8 ? 4 : 0;
	uint32_t c;

	if (len == 1)
		return s[0] == '\t' || s[0] == '\n' || s[0] == '\r' || (s[0] >= 0x20 && s[0] != 0x7f);
	if (len == 0 || len > n)
		return 0;
	c = s[0] & (0xffu >> (len + 1));
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[len] || (c < 0xa0 && c != 0x85) || (c >= 0xd800 && c < 0xe000) || c == 0xfffe || c == 0xffff ||
	    c > 0x10ffff)
		return 0;
	return len;
}

/*
 * libyaml reads ahead, so bad bytes are found before it starts: the message then names the byte and its place. UTF-16 is
 * told by its mark, or by a zero beside one of the first two bytes.
 */
static int check_text(struct hdl_yaml_error *error, const struct hdl_yaml_chunk *chunk)
{
	struct hdl_build b = { .error = error };
	const unsigned char *s = (const unsigned char *)chunk->text.p;
	struct hdl_place at = { chunk->first_line, 1 };
	size_t n = chunk->text.n;

	for (size_t i = 0; i < n;) {
		size_t len = character(s + i, n - i);

		if (!len && i < 2 && chunk->index == 0 && n > 1 && ((s[0] & s[1]) >= 0xfe || !s[0] || !s[1]))
			return hdl_build_refuse(&b, (struct hdl_place){ 1, 1 }, "the file is UTF-16; UTF-8 is needed");
		if (at.col == 1 && i + 3 <= n && !memcmp(s + i, "\xef\xbb\xbf", 3))
			return hdl_build_refuse(&b, at,
						"a byte order mark may only stand at the beginning of the file");
		if (!len)
			return hdl_build_refuse(&b, at,
						s[i] < 0x20 || s[i] == 0x7f ?
							"control character 0x%02x is not allowed" :
							"byte 0x%02x is not UTF-8 text",
						s[i]);
		if (s[i] == '\n' || (s[i] == '\r' && !(i + 1 < n && s[i + 1] == '\n'))) {
			at.line++;
			at.col = 1;
		} else {
			at.col++;
		}
		i += len;
	}
	return 0;
}

/* A bare "---" or nothing at all is not worth a parser. */
static bool is_empty(struct hdl_str text)
{
	size_t i = hdl_str_starts(text, HDL_STR("---")) ? 3 : 0;

	while (i < text.n && memchr(" \t\r\n", text.p[i], 4))
		i++;
	return i == text.n;
}

static int check_size(struct hdl_yaml_error *error, const struct hdl_yaml_chunk *chunk)
{
	struct hdl_build b = { .error = error };
	struct hdl_place at = { chunk->first_line, 1 };

	if (chunk->index >= HDL_YAML_MAX_DOCUMENTS)
		return hdl_build_refuse(&b, at, "the file has more than %u documents", HDL_YAML_MAX_DOCUMENTS);
	if (chunk->text.n > HDL_YAML_MAX_DOCUMENT_BYTES)
		return hdl_build_refuse(&b, at, "the document is larger than %u bytes", HDL_YAML_MAX_DOCUMENT_BYTES);
	return 0;
}

static bool may_be_json(struct hdl_str text)
{
	size_t i = hdl_str_starts(text, HDL_STR("---")) ? 3 : 0;

	while (i < text.n && memchr(" \t\r\n", text.p[i], 4))
		i++;
	return i < text.n && (text.p[i] == '{' || text.p[i] == '[');
}

/*
 * What is JSON to the letter is read as such: YAML knows no \ud83d\ude00, libyaml no key of over 1024 characters. All
 * else is YAML, also what only looks like JSON.
 */
static int build(struct hdl_arena *arena, const struct hdl_yaml_chunk *chunk, struct hdl_node **ret_root,
		 struct hdl_yaml_error *error)
{
	struct hdl_build *b;
	int r = 1;

	for (int pass = may_be_json(chunk->text) ? 0 : 1; pass < 2 && r == 1; pass++) {
		b = hdl_build_new(arena, error);
		if (!b)
			return -ENOMEM;
		r = pass == 0 ? hdl_json_build(b, chunk->text, chunk->first_line) : yaml_build(b, chunk);
		if (r == 0)
			*ret_root = b->root && hdl_node_is_null(b->root) ? NULL : b->root;
		hdl_build_free(b);
	}
	return r;
}

int hdl_yaml_parse_document(struct hdl_arena *arena, const struct hdl_yaml_chunk *chunk, struct hdl_node **ret_root,
			    struct hdl_yaml_error *ret_error)
{
	int r;

	if (is_empty(chunk->text)) {
		*ret_root = NULL;
		return 0;
	}
	r = check_size(ret_error, chunk);
	if (r == 0)
		r = check_text(ret_error, chunk);
	return r == 0 ? build(arena, chunk, ret_root, ret_error) : r;
}
