/* SPDX-License-Identifier: Apache-2.0 */
/* libyaml's events to value trees: the limits, duplicate keys, aliases and merge keys are decided here. */
#include "conf/yaml.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

/* An anchor is found by walking the list; 256 keep the dearest document (all aliases) under a second. */
#define MAX_ANCHORS 256

struct frame {
	struct hdl_node *node;
	size_t base;     /* first child on the stack of children */
	uint8_t height;  /* of the highest child */
	uint32_t anchor; /* index + 1 of the anchor that names the node, 0: none */
};

struct anchor {
	const char *name;
	struct hdl_node *node;
	bool open; /* still being built: an alias to it would be a cycle */
};

struct build {
	struct hdl_arena *arena;
	uint32_t first_line;
	struct hdl_yaml_error *error;
	struct frame frame[HDL_YAML_MAX_DEPTH];
	unsigned int depth;
	struct hdl_node **child; /* children of all open containers, innermost last; keys and values alternate */
	size_t children, capacity;
	struct anchor anchor[MAX_ANCHORS];
	uint32_t anchors;
	uint64_t expanded;
	struct hdl_node *root;
};

static int refuse(struct build *b, uint32_t line, uint32_t col, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static int refuse(struct build *b, uint32_t line, uint32_t col, const char *fmt, ...)
{
	va_list ap;

	b->error->line = line;
	b->error->col = col;
	va_start(ap, fmt);
	vsnprintf(b->error->text, sizeof(b->error->text), fmt, ap);
	va_end(ap);
	return -EBADMSG;
}

static uint32_t mark_line(const struct build *b, const yaml_mark_t *mark)
{
	return b->first_line + (uint32_t)mark->line;
}

static uint32_t mark_col(const yaml_mark_t *mark)
{
	return (uint32_t)mark->column + 1;
}

static int push_child(struct build *b, struct hdl_node *node)
{
	if (b->children == b->capacity) {
		size_t capacity = b->capacity ? b->capacity * 2 : 64;
		struct hdl_node **child = realloc(b->child, capacity * sizeof(struct hdl_node *));

		if (!child)
			return -ENOMEM;
		b->child = child;
		b->capacity = capacity;
	}
	b->child[b->children++] = node;
	return 0;
}

/* Counts what a walk over the document will meet. */
static int count(struct build *b, uint64_t nodes, uint32_t line, uint32_t col)
{
	b->expanded += nodes;
	if (b->expanded > HDL_YAML_MAX_NODES)
		return refuse(b, line, col, "the document has more than %u values, aliases followed",
			      HDL_YAML_MAX_NODES);
	return 0;
}

/* Makes a finished node the next child of the innermost container, or the root. */
static int attach(struct build *b, struct hdl_node *node, uint32_t line, uint32_t col)
{
	if (b->depth == 0) {
		b->root = node;
		return 0;
	}
	if (b->depth + node->height > HDL_YAML_MAX_DEPTH)
		return refuse(b, line, col, "nested deeper than %d levels", HDL_YAML_MAX_DEPTH);
	if (b->frame[b->depth - 1].height < node->height)
		b->frame[b->depth - 1].height = node->height;
	return push_child(b, node);
}

static struct hdl_node *new_node(struct build *b, enum hdl_node_kind kind, const yaml_event_t *event)
{
	struct hdl_node *node = hdl_arena_alloc(b->arena, sizeof(*node));

	if (node) {
		node->kind = kind;
		node->line = mark_line(b, &event->start_mark);
		node->col = mark_col(&event->start_mark);
		node->expanded = 1;
		node->height = 1;
	}
	return node;
}

/* The anchor counts from here on: YAML lets a later one of the same name replace it. */
static int add_anchor(struct build *b, const char *name, struct hdl_node *node, bool open, uint32_t *ret_index)
{
	struct anchor *anchor;

	*ret_index = 0;
	if (!name)
		return 0;
	if (b->anchors == MAX_ANCHORS)
		return refuse(b, node->line, node->col, "more than %d anchors in one document", MAX_ANCHORS);
	anchor = &b->anchor[b->anchors];
	anchor->name = hdl_arena_strdup(b->arena, name);
	if (!anchor->name)
		return -ENOMEM;
	anchor->node = node;
	anchor->open = open;
	*ret_index = ++b->anchors;
	return 0;
}

static int on_alias(struct build *b, const yaml_event_t *event)
{
	const char *name = (const char *)event->data.alias.anchor;
	uint32_t line = mark_line(b, &event->start_mark), col = mark_col(&event->start_mark);
	int r;

	for (uint32_t i = b->anchors; i-- > 0;) {
		struct anchor *anchor = &b->anchor[i];

		if (strcmp(anchor->name, name))
			continue;
		if (anchor->open)
			return refuse(b, line, col, "alias *%.64s refers to a value that contains it", name);
		r = count(b, anchor->node->expanded, line, col);
		return r < 0 ? r : attach(b, anchor->node, line, col);
	}
	return refuse(b, line, col, "alias *%.64s refers to an unknown anchor", name);
}

#define CORE_TAG "tag:yaml.org,2002:"

/* Sets quoted for a tag that makes a string. Core tags of the kind at hand are allowed, others are not known. */
static int check_tag(struct build *b, const char *tag, struct hdl_node *node)
{
	static const char *const scalar[] = { "int", "float", "bool", "null" };

	if (!tag || !*tag)
		return 0;
	if (node->kind == HDL_NODE_SCALAR) {
		if (!strcmp(tag, "!") || !strcmp(tag, CORE_TAG "str")) {
			node->quoted = true;
			return 0;
		}
		for (size_t i = 0; i < sizeof(scalar) / sizeof(scalar[0]); i++)
			if (!strncmp(tag, CORE_TAG, sizeof(CORE_TAG) - 1) &&
			    !strcmp(tag + sizeof(CORE_TAG) - 1, scalar[i]) && !node->quoted)
				return 0;
	} else if (!strcmp(tag, "!") || !strcmp(tag, node->kind == HDL_NODE_MAP ? CORE_TAG "map" : CORE_TAG "seq")) {
		return 0;
	}
	return refuse(b, node->line, node->col, "the tag <%.100s> is not supported", tag);
}

static int on_scalar(struct build *b, const yaml_event_t *event)
{
	struct hdl_node *node = new_node(b, HDL_NODE_SCALAR, event);
	uint32_t anchor;
	int r;

	if (!node)
		return -ENOMEM;
	node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	node->n = (uint32_t)event->data.scalar.length;
	node->text = hdl_arena_strndup(b->arena, (const char *)event->data.scalar.value, event->data.scalar.length);
	if (!node->text)
		return -ENOMEM;
	r = check_tag(b, (const char *)event->data.scalar.tag, node);
	if (r == 0)
		r = add_anchor(b, (const char *)event->data.scalar.anchor, node, false, &anchor);
	if (r == 0)
		r = count(b, 1, node->line, node->col);
	return r < 0 ? r : attach(b, node, node->line, node->col);
}

static int on_start(struct build *b, const yaml_event_t *event)
{
	bool map = event->type == YAML_MAPPING_START_EVENT;
	struct hdl_node *node = new_node(b, map ? HDL_NODE_MAP : HDL_NODE_LIST, event);
	const yaml_char_t *tag = map ? event->data.mapping_start.tag : event->data.sequence_start.tag;
	const yaml_char_t *name = map ? event->data.mapping_start.anchor : event->data.sequence_start.anchor;
	struct frame *frame;
	int r;

	if (!node)
		return -ENOMEM;
	if (b->depth == HDL_YAML_MAX_DEPTH)
		return refuse(b, node->line, node->col, "nested deeper than %d levels", HDL_YAML_MAX_DEPTH);
	frame = &b->frame[b->depth];
	*frame = (struct frame){ .node = node, .base = b->children };
	r = check_tag(b, (const char *)tag, node);
	if (r == 0)
		r = add_anchor(b, (const char *)name, node, true, &frame->anchor);
	if (r == 0)
		r = count(b, 1, node->line, node->col);
	b->depth++;
	return r;
}

static int close_list(struct build *b, struct frame *frame)
{
	struct hdl_node *node = frame->node;

	node->n = (uint32_t)(b->children - frame->base);
	node->item = hdl_arena_calloc(b->arena, node->n ? node->n : 1, sizeof(struct hdl_node *));
	if (!node->item)
		return -ENOMEM;
	for (uint32_t i = 0; i < node->n; i++) {
		node->item[i] = b->child[frame->base + i];
		node->expanded += node->item[i]->expanded;
	}
	return 0;
}

/* ---- maps: unique keys, merge keys ---- */

/* A member on its way into a map; sorting by (key, rank) brings equal keys together, the one that counts first. */
struct candidate {
	struct hdl_node_member member;
	uint32_t rank;
	bool merged; /* from a merge key: gives way silently */
};

static int compare_candidates(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	const struct hdl_node *p = x->member.key, *q = y->member.key;
	int r = memcmp(p->text, q->text, p->n < q->n ? p->n : q->n);

	if (r == 0)
		r = p->n < q->n ? -1 : p->n > q->n;
	return r ? r : (x->rank < y->rank ? -1 : 1);
}

static int compare_ranks(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	return x->rank < y->rank ? -1 : x->rank > y->rank;
}

static bool same_key(const struct hdl_node *a, const struct hdl_node *b)
{
	return a->n == b->n && memcmp(a->text, b->text, a->n) == 0;
}

static bool is_merge_key(const struct hdl_node *key)
{
	return !key->quoted && key->n == 2 && memcmp(key->text, "<<", 2) == 0;
}

static int check_key(struct build *b, const struct hdl_node *key)
{
	if (key->kind != HDL_NODE_SCALAR)
		return refuse(b, key->line, key->col, "a key must be a single value, not a list or map");
	if (key->n == 0 && !key->quoted)
		return refuse(b, key->line, key->col, "a key is missing");
	return 0;
}

static int refuse_duplicate(struct build *b, const struct hdl_node *first, const struct hdl_node *second)
{
	return refuse(b, second->line, second->col, "duplicate key \"%.*s\", first at line %u, column %u",
		      second->n > 100 ? 100 : (int)second->n, second->text, first->line, first->col);
}

/* Appends the members of the map or of the list of maps that a merge key names. */
static int add_merged(struct build *b, const struct hdl_node *value, struct candidate *at, size_t *n, size_t limit)
{
	uint32_t maps = value->kind == HDL_NODE_LIST ? value->n : 1;

	for (uint32_t i = 0; i < maps; i++) {
		const struct hdl_node *map = value->kind == HDL_NODE_LIST ? value->item[i] : value;

		if (map->kind != HDL_NODE_MAP)
			return refuse(b, map->line, map->col, "the merge key << takes a map or a list of maps");
		for (uint32_t j = 0; j < map->n && *n < limit; j++, (*n)++)
			at[*n] = (struct candidate){ map->member[j], (uint32_t)*n, true };
	}
	return 0;
}

static size_t merged_members(const struct hdl_node *value)
{
	size_t n = 0;

	if (value->kind == HDL_NODE_MAP)
		return value->n;
	if (value->kind == HDL_NODE_LIST)
		for (uint32_t i = 0; i < value->n; i++)
			n += value->item[i]->kind == HDL_NODE_MAP ? value->item[i]->n : 0;
	return n;
}

/* Keeps, in order of rank, the first candidate of each key. */
static int unique(struct build *b, struct candidate *at, size_t *n)
{
	size_t kept = 0;

	if (*n == 0)
		return 0;
	qsort(at, *n, sizeof(*at), compare_candidates);
	for (size_t i = 0; i < *n; i++) {
		if (kept && same_key(at[kept - 1].member.key, at[i].member.key)) {
			if (!at[i].merged)
				return refuse_duplicate(b, at[kept - 1].member.key, at[i].member.key);
			continue;
		}
		at[kept++] = at[i];
	}
	*n = kept;
	qsort(at, kept, sizeof(*at), compare_ranks);
	return 0;
}

static int collect(struct build *b, const struct frame *frame, struct candidate *at, size_t limit, size_t *ret_n)
{
	size_t pairs = (b->children - frame->base) / 2, n = 0;
	const struct hdl_node *merge = NULL, *merge_key = NULL;

	for (size_t i = 0; i < pairs; i++) {
		struct hdl_node *key = b->child[frame->base + 2 * i], *value = b->child[frame->base + 2 * i + 1];

		if (!is_merge_key(key)) {
			at[n] = (struct candidate){ { key, value }, (uint32_t)n, false };
			n++;
		} else if (merge) {
			return refuse_duplicate(b, merge_key, key);
		} else {
			merge = value;
			merge_key = key;
		}
	}
	*ret_n = n;
	return merge ? add_merged(b, merge, at, ret_n, limit) : 0;
}

static int fill_map(struct build *b, struct hdl_node *node, const struct candidate *at, size_t n)
{
	node->member = hdl_arena_calloc(b->arena, n ? n : 1, sizeof(*node->member));
	if (!node->member)
		return -ENOMEM;
	node->n = (uint32_t)n;
	for (size_t i = 0; i < n; i++) {
		node->member[i] = at[i].member;
		node->expanded += 1 + at[i].member.value->expanded;
	}
	return 0;
}

static int close_map(struct build *b, struct frame *frame)
{
	size_t pairs = (b->children - frame->base) / 2, limit = pairs, n = 0;
	struct candidate small[32], *at = small;
	int r = 0;

	for (size_t i = 0; i < pairs && r == 0; i++) {
		const struct hdl_node *key = b->child[frame->base + 2 * i];

		r = check_key(b, key);
		if (r == 0 && is_merge_key(key))
			limit += merged_members(b->child[frame->base + 2 * i + 1]);
	}
	if (r < 0)
		return r;
	if (limit > sizeof(small) / sizeof(small[0])) {
		at = calloc(limit, sizeof(*at));
		if (!at)
			return -ENOMEM;
	}
	r = collect(b, frame, at, limit, &n);
	if (r == 0)
		r = unique(b, at, &n);
	if (r == 0)
		r = fill_map(b, frame->node, at, n);
	if (at != small)
		free(at);
	return r;
}

static int on_end(struct build *b)
{
	struct frame *frame = &b->frame[--b->depth];
	struct hdl_node *node = frame->node;
	int r = node->kind == HDL_NODE_MAP ? close_map(b, frame) : close_list(b, frame);

	if (r < 0)
		return r;
	b->children = frame->base;
	node->height = (uint8_t)(frame->height + 1);
	if (frame->anchor)
		b->anchor[frame->anchor - 1].open = false;
	return attach(b, node, node->line, node->col);
}

/* ---- events ---- */

static int on_event(struct build *b, const yaml_event_t *event, unsigned int *documents)
{
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (++*documents > 1)
			return refuse(b, mark_line(b, &event->start_mark), mark_col(&event->start_mark),
				      "a new document begins here without a line \"---\" before it");
		return 0;
	case YAML_ALIAS_EVENT:
		return on_alias(b, event);
	case YAML_SCALAR_EVENT:
		return on_scalar(b, event);
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		return on_start(b, event);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return on_end(b);
	default:
		return 0;
	}
}

static int refuse_syntax(struct build *b, const yaml_parser_t *parser)
{
	const char *problem = parser->problem ? parser->problem : "not YAML";

	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	if (parser->context && parser->context_mark.line != parser->problem_mark.line)
		return refuse(b, mark_line(b, &parser->problem_mark), mark_col(&parser->problem_mark),
			      "%s %s that begins at line %u", problem, parser->context,
			      mark_line(b, &parser->context_mark));
	return refuse(b, mark_line(b, &parser->problem_mark), mark_col(&parser->problem_mark), "%s%s%s", problem,
		      parser->context ? " " : "", parser->context ? parser->context : "");
}

static int run(struct build *b, yaml_parser_t *parser)
{
	unsigned int documents = 0;
	bool end = false;
	int r = 0;

	while (r == 0 && !end) {
		yaml_event_t event;

		if (!yaml_parser_parse(parser, &event))
			return refuse_syntax(b, parser);
		end = event.type == YAML_STREAM_END_EVENT;
		r = on_event(b, &event, &documents);
		yaml_event_delete(&event);
	}
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

/* libyaml reads ahead, so bad bytes are found before it starts: the message then names the byte and its place. */
static int check_text(struct build *b, struct hdl_str text)
{
	const unsigned char *s = (const unsigned char *)text.p;
	uint32_t line = b->first_line, col = 1;

	for (size_t i = 0; i < text.n;) {
		size_t len = character(s + i, text.n - i);

		if (!len && i == 0 && b->first_line == 1 && text.n > 1 && (s[0] & s[1]) >= 0xfe)
			return refuse(b, 1, 1, "the file is UTF-16; UTF-8 is needed");
		if (!len)
			return refuse(b, line, col,
				      s[i] < 0x20 || s[i] == 0x7f ? "control character 0x%02x is not allowed" :
								    "byte 0x%02x is not UTF-8 text",
				      s[i]);
		if (s[i] == '\n' || (s[i] == '\r' && !(i + 1 < text.n && s[i + 1] == '\n'))) {
			line++;
			col = 1;
		} else {
			col++;
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

int hdl_yaml_parse_document(struct hdl_arena *arena, const struct hdl_yaml_chunk *chunk, struct hdl_node **ret_root,
			    struct hdl_yaml_error *ret_error)
{
	struct build *b;
	yaml_parser_t parser;
	int r;

	if (is_empty(chunk->text)) {
		*ret_root = NULL;
		return 0;
	}
	b = calloc(1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	b->arena = arena;
	b->first_line = chunk->first_line;
	b->error = ret_error;
	if (chunk->index >= HDL_YAML_MAX_DOCUMENTS)
		r = refuse(b, b->first_line, 1, "the file has more than %u documents", HDL_YAML_MAX_DOCUMENTS);
	else if (chunk->text.n > HDL_YAML_MAX_DOCUMENT_BYTES)
		r = refuse(b, b->first_line, 1, "the document is larger than %u bytes", HDL_YAML_MAX_DOCUMENT_BYTES);
	else
		r = check_text(b, chunk->text);
	if (r == 0) {
		if (yaml_parser_initialize(&parser)) {
			yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
			yaml_parser_set_input_string(&parser, (const unsigned char *)chunk->text.p, chunk->text.n);
			r = run(b, &parser);
			yaml_parser_delete(&parser);
		} else {
			r = -ENOMEM;
		}
	}
	if (r == 0)
		*ret_root = b->root && hdl_node_is_null(b->root) ? NULL : b->root;
	free(b->child);
	free(b);
	return r;
}
