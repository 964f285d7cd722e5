/* SPDX-License-Identifier: Apache-2.0 */
/* Builds value trees: the limits, duplicate keys, tags, aliases and merge keys are decided here. */
#include "conf/build.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct hdl_build *hdl_build_new(struct hdl_arena *arena, struct hdl_yaml_error *error)
{
	struct hdl_build *b = calloc(1, sizeof(*b));

	if (b) {
		b->arena = arena;
		b->error = error;
	}
	return b;
}

struct hdl_build *hdl_build_free(struct hdl_build *b)
{
	if (b)
		free(b->child);
	free(b);
	return NULL;
}

int hdl_build_refuse(struct hdl_build *b, struct hdl_place at, const char *fmt, ...)
{
	va_list ap;

	b->error->line = at.line;
	b->error->col = at.col;
	va_start(ap, fmt);
	vsnprintf(b->error->text, sizeof(b->error->text), fmt, ap);
	va_end(ap);
	return -EBADMSG;
}

static struct hdl_place place_of(const struct hdl_node *node)
{
	return (struct hdl_place){ node->line, node->col };
}

static int push_child(struct hdl_build *b, struct hdl_node *node)
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
static int count(struct hdl_build *b, uint64_t nodes, struct hdl_place at)
{
	b->expanded += nodes;
	if (b->expanded > HDL_YAML_MAX_NODES)
		return hdl_build_refuse(b, at, "the document has more than %u values, aliases followed",
					HDL_YAML_MAX_NODES);
	return 0;
}

/* Makes a finished node the next child of the innermost container, or the root. */
static int attach(struct hdl_build *b, struct hdl_node *node, struct hdl_place at)
{
	if (b->depth == 0) {
		b->root = node;
		return 0;
	}
	if (b->depth + node->height > HDL_YAML_MAX_DEPTH)
		return hdl_build_refuse(b, at, "nested deeper than %d levels", HDL_YAML_MAX_DEPTH);
	if (b->frame[b->depth - 1].height < node->height)
		b->frame[b->depth - 1].height = node->height;
	return push_child(b, node);
}

static struct hdl_node *new_node(struct hdl_build *b, enum hdl_node_kind kind, struct hdl_place at)
{
	struct hdl_node *node = hdl_arena_alloc(b->arena, sizeof(*node));

	if (node) {
		node->kind = kind;
		node->line = at.line;
		node->col = at.col;
		node->expanded = 1;
		node->height = 1;
	}
	return node;
}

/* The anchor counts from here on: YAML lets a later one of the same name replace it. */
static int add_anchor(struct hdl_build *b, const char *name, struct hdl_node *node, bool open, uint32_t *ret_index)
{
	struct hdl_build_anchor *anchor;

	*ret_index = 0;
	if (!name)
		return 0;
	if (b->anchors == HDL_YAML_MAX_ANCHORS)
		return hdl_build_refuse(b, place_of(node), "more than %d anchors in one document",
					HDL_YAML_MAX_ANCHORS);
	anchor = &b->anchor[b->anchors];
	anchor->name = hdl_arena_strdup(b->arena, name);
	if (!anchor->name)
		return -ENOMEM;
	anchor->node = node;
	anchor->open = open;
	*ret_index = ++b->anchors;
	return 0;
}

int hdl_build_alias(struct hdl_build *b, struct hdl_place at, const char *name)
{
	int r;

	for (uint32_t i = b->anchors; i-- > 0;) {
		struct hdl_build_anchor *anchor = &b->anchor[i];

		if (strcmp(anchor->name, name))
			continue;
		if (anchor->open)
			return hdl_build_refuse(b, at, "alias *%.64s refers to a value that contains it", name);
		r = count(b, anchor->node->expanded, at);
		return r < 0 ? r : attach(b, anchor->node, at);
	}
	return hdl_build_refuse(b, at, "alias *%.64s refers to an unknown anchor", name);
}

#define CORE_TAG "tag:yaml.org,2002:"

/* Sets quoted for a tag that makes a string. Core tags of the kind at hand are allowed, others are not known. */
static int check_tag(struct hdl_build *b, const char *tag, struct hdl_node *node)
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
	return hdl_build_refuse(b, place_of(node), "the tag <%.100s> is not supported", tag);
}

static int add_scalar(struct hdl_build *b, struct hdl_node *node, const char *tag, const char *anchor)
{
	uint32_t index;
	int r = check_tag(b, tag, node);

	if (r == 0)
		r = add_anchor(b, anchor, node, false, &index);
	if (r == 0)
		r = count(b, 1, place_of(node));
	return r < 0 ? r : attach(b, node, place_of(node));
}

int hdl_build_scalar(struct hdl_build *b, struct hdl_place at, struct hdl_str text, enum hdl_build_style style,
		     const char *tag, const char *anchor)
{
	struct hdl_node *node = new_node(b, HDL_NODE_SCALAR, at);

	if (!node)
		return -ENOMEM;
	node->quoted = style != HDL_BUILD_PLAIN;
	node->block = style == HDL_BUILD_BLOCK;
	node->n = (uint32_t)text.n;
	node->text = hdl_arena_strndup(b->arena, text.p, text.n);
	return node->text ? add_scalar(b, node, tag, anchor) : -ENOMEM;
}

int hdl_build_own_scalar(struct hdl_build *b, struct hdl_place at, struct hdl_str text, bool quoted)
{
	struct hdl_node *node = new_node(b, HDL_NODE_SCALAR, at);

	if (!node)
		return -ENOMEM;
	node->quoted = quoted;
	node->n = (uint32_t)text.n;
	node->text = text.p;
	return add_scalar(b, node, NULL, NULL);
}

int hdl_build_open(struct hdl_build *b, struct hdl_place at, bool map, const char *tag, const char *anchor)
{
	struct hdl_node *node = new_node(b, map ? HDL_NODE_MAP : HDL_NODE_LIST, at);
	struct hdl_build_frame *frame;
	int r;

	if (!node)
		return -ENOMEM;
	if (b->depth == HDL_YAML_MAX_DEPTH)
		return hdl_build_refuse(b, at, "nested deeper than %d levels", HDL_YAML_MAX_DEPTH);
	frame = &b->frame[b->depth];
	*frame = (struct hdl_build_frame){ .node = node, .base = b->children };
	r = check_tag(b, tag, node);
	if (r == 0)
		r = add_anchor(b, anchor, node, true, &frame->anchor);
	if (r == 0)
		r = count(b, 1, at);
	b->depth++;
	return r;
}

static int close_list(struct hdl_build *b, struct hdl_build_frame *frame)
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

static int check_key(struct hdl_build *b, const struct hdl_node *key)
{
	if (key->kind != HDL_NODE_SCALAR)
		return hdl_build_refuse(b, place_of(key), "a key must be a single value, not a list or map");
	if (key->n == 0 && !key->quoted)
		return hdl_build_refuse(b, place_of(key), "a key is missing");
	return 0;
}

static int refuse_duplicate(struct hdl_build *b, const struct hdl_node *first, const struct hdl_node *second)
{
	return hdl_build_refuse(b, place_of(second), "duplicate key \"%.*s\", first at line %u, column %u",
				second->n > 100 ? 100 : (int)second->n, second->text, first->line, first->col);
}

/* Appends the members of the map or of the list of maps that a merge key names. */
static int add_merged(struct hdl_build *b, const struct hdl_node *value, struct candidate *at, size_t *n, size_t limit)
{
	uint32_t maps = value->kind == HDL_NODE_LIST ? value->n : 1;

	for (uint32_t i = 0; i < maps; i++) {
		const struct hdl_node *map = value->kind == HDL_NODE_LIST ? value->item[i] : value;

		if (map->kind != HDL_NODE_MAP)
			return hdl_build_refuse(b, place_of(map), "the merge key << takes a map or a list of maps");
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
static int unique(struct hdl_build *b, struct candidate *at, size_t *n)
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

static int collect(struct hdl_build *b, const struct hdl_build_frame *frame, struct candidate *at, size_t limit,
		   size_t *ret_n)
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

static int fill_map(struct hdl_build *b, struct hdl_node *node, const struct candidate *at, size_t n)
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

static int close_map(struct hdl_build *b, struct hdl_build_frame *frame)
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

int hdl_build_close(struct hdl_build *b)
{
	struct hdl_build_frame *frame = &b->frame[--b->depth];
	struct hdl_node *node = frame->node;
	int r = node->kind == HDL_NODE_MAP ? close_map(b, frame) : close_list(b, frame);

	if (r < 0)
		return r;
	b->children = frame->base;
	node->height = (uint8_t)(frame->height + 1);
	if (frame->anchor)
		b->anchor[frame->anchor - 1].open = false;
	return attach(b, node, place_of(node));
}
