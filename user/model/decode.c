/* SPDX-License-Identifier: Apache-2.0 */
/* Table-driven decoding of value trees into typed structs, with the path of the field in every diagnostic. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/base64.h"
#include "base/buf.h"
#include "model/decode_impl.h"
#include "model/field.h"
#include "model/names.h"

/* ---- diagnostics ---- */

struct hdl_pos hdl_decode_pos_of(const struct hdl_node *node)
{
	return (struct hdl_pos){ node->line, node->col };
}

static void print_path(const struct hdl_decode *d, const char *field, struct hdl_buf *buf)
{
	for (size_t i = 0; i < d->steps && i < HDL_DECODE_STEPS; i++) {
		const struct hdl_step *step = &d->step[i];

		if (step->kind == HDL_STEP_INDEX)
			hdl_buf_printf(buf, "[%zu]", step->index);
		else if (step->kind == HDL_STEP_KEY)
			hdl_buf_printf(buf, "[\"%.100s\"]", step->name);
		else
			hdl_buf_printf(buf, "%s%.100s", i ? "." : "", step->name);
	}
	if (field && *field)
		hdl_buf_printf(buf, "%s%s", d->steps && *field != '[' ? "." : "", field);
}

__attribute__((format(printf, 5, 0))) static void report(struct hdl_decode *d, enum hdl_severity severity,
							 struct hdl_pos pos, const char *field, const char *fmt,
							 va_list ap)
{
	struct hdl_diag diag = d->where;
	struct hdl_buf path = { .limit_bytes = 4096 };

	if (severity == HDL_ERROR) {
		d->errors++;
		d->faults++;
	}
	if (d->no_memory)
		return; /* what follows from the hole is not the document's fault */
	if (d->reported++ >= HDL_DIAGS_MAX_PER_DOCUMENT) {
		d->diags->errors += severity == HDL_ERROR;
		d->diags->warnings += severity == HDL_WARNING;
		d->diags->dropped++;
		return;
	}
	print_path(d, field, &path);
	diag.severity = severity;
	diag.pos = pos;
	diag.field = path.p ? path.p : "";
	hdl_diags_vadd(d->diags, &diag, fmt, ap);
	d->no_memory = d->no_memory || d->diags->no_memory;
	hdl_buf_done(&path);
}

void hdl_decode_error(struct hdl_decode *d, struct hdl_pos pos, const char *field, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report(d, HDL_ERROR, pos, field, fmt, ap);
	va_end(ap);
}

void hdl_decode_warning(struct hdl_decode *d, struct hdl_pos pos, const char *field, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report(d, HDL_WARNING, pos, field, fmt, ap);
	va_end(ap);
}

/* No fault of the value itself: the other checks still make sense. */
void hdl_decode_unsupported(struct hdl_decode *d, struct hdl_pos pos, const char *field)
{
	hdl_decode_error(d, pos, field, "is not supported by this version, so the document is refused");
	d->faults--;
}

/* ---- steps ---- */

void hdl_decode_out_of_memory(struct hdl_decode *d)
{
	d->no_memory = true;
	d->faults++;
}

static void push(struct hdl_decode *d, struct hdl_step step)
{
	/* A level of the tree takes at most one step, and the levels are bounded; beyond that only text is lost. */
	if (d->steps < HDL_DECODE_STEPS)
		d->step[d->steps] = step;
	d->steps++;
}

static void pop(struct hdl_decode *d)
{
	d->steps--;
}

static void *take(struct hdl_decode *d, size_t n, size_t size)
{
	void *p = hdl_arena_calloc(d->arena, n ? n : 1, size);

	if (!p) {
		hdl_decode_out_of_memory(d);
	}
	return p;
}

/* ---- lists and maps ---- */

struct array {
	void *at;
	size_t n;
};

/* Every HDL_ARRAY_OF has this layout; written by copy because the pointer types differ. */
static void store_array(void *member, void *at, size_t n)
{
	struct array array = { at, n };

	memcpy(member, &array, sizeof(array));
}

static void decode_element(struct hdl_decode *d, const struct hdl_field *field, const struct hdl_node *node, void *at)
{
	if (hdl_node_is_null(node))
		hdl_decode_error(d, hdl_decode_pos_of(node), NULL, "must not be null");
	else if (field->type == HDL_FIELD_STRINGS)
		hdl_decode_string(d, node, at);
	else if (field->type == HDL_FIELD_INTS)
		hdl_decode_int(d, field, node, at);
	else
		hdl_decode_message(d, field->message, node, at);
}

static void decode_list(struct hdl_decode *d, const struct hdl_field *field, const struct hdl_node *node, void *member)
{
	size_t size = hdl_field_element_size(field);
	int64_t limit = field->max;
	char *at;

	if (node->kind != HDL_NODE_LIST) {
		hdl_decode_error(d, hdl_decode_pos_of(node), NULL, "must be a list%s, not %s",
				 field->type == HDL_FIELD_STRINGS ? " of strings" :
				 field->type == HDL_FIELD_INTS    ? " of numbers" :
								    "",
				 hdl_decode_kind_of(node));
		return;
	}
	if (field->type == HDL_FIELD_INTS || !limit) /* min..max is of each number */
		limit = HDL_LIST_MAX;
	if (node->n > (uint64_t)limit) {
		hdl_decode_error(d, hdl_decode_pos_of(node), NULL, "has %u elements, at most %lld are allowed", node->n,
				 (long long)limit);
		return;
	}
	at = take(d, node->n, size);
	if (!at)
		return;
	store_array(member, at, node->n);
	for (uint32_t i = 0; i < node->n; i++) {
		push(d, (struct hdl_step){ .index = i, .kind = HDL_STEP_INDEX });
		decode_element(d, field, node->item[i], at + i * size);
		pop(d);
	}
}

static const char *key_of(struct hdl_decode *d, const struct hdl_node *key)
{
	char *text;

	if (memchr(key->text, '\0', key->n)) {
		hdl_decode_error(d, hdl_decode_pos_of(key), NULL, "a key must not contain a NUL character");
		return "";
	}
	text = hdl_arena_strndup(d->arena, key->text, key->n);
	if (!text) {
		hdl_decode_out_of_memory(d);
		return "";
	}
	return text;
}

/* No text of the value is shown: it may be a key. */
static void decode_bytes(struct hdl_decode *d, const struct hdl_node *node, struct hdl_kbytes *ret)
{
	unsigned char *at;

	if (node->kind != HDL_NODE_SCALAR || hdl_node_scalar_type(node) != HDL_SCALAR_STRING) {
		hdl_decode_error(d, hdl_decode_pos_of(node), NULL, "must be a base64 string, not %s%s",
				 hdl_decode_kind_of(node), node->kind == HDL_NODE_SCALAR ? " (add quotes)" : "");
		return;
	}
	at = take(d, hdl_base64_bound(node->n), 1);
	if (at && hdl_base64_decode((struct hdl_str){ node->text, node->n }, at, &ret->n) < 0)
		hdl_decode_error(d, hdl_decode_pos_of(node), NULL, "is not base64 (stringData takes plain text)");
	ret->at = at;
}

/* Value of one pair; at is the element with its position and key filled in. */
static void decode_pair(struct hdl_decode *d, const struct hdl_field *field, const struct hdl_node *value, void *at)
{
	if (field->type == HDL_FIELD_STRING_MAP)
		((struct hdl_kv *)at)->value = ""; /* checks look at it also after an error */
	if (hdl_node_is_null(value)) {
		hdl_decode_error(d, hdl_decode_pos_of(value), NULL, "must not be null%s",
				 field->type == HDL_FIELD_MATCH_MAP ? "; {} asks for presence" : "");
	} else if (field->type == HDL_FIELD_STRING_MAP) {
		const char *text = hdl_decode_text_of(d, value);

		if (text)
			((struct hdl_kv *)at)->value = text;
	} else if (field->type == HDL_FIELD_INT_MAP) {
		hdl_decode_int_value(d, field, value, &((struct hdl_kint *)at)->value);
	} else if (field->type == HDL_FIELD_BYTES_MAP) {
		decode_bytes(d, value, at);
	} else {
		hdl_decode_message(d, &hdl_schema_string_match, value, &((struct hdl_keyed_match *)at)->match);
	}
}

static void decode_map(struct hdl_decode *d, const struct hdl_field *field, const struct hdl_node *node, void *member)
{
	size_t size = hdl_field_element_size(field);
	char *at;

	if (node->kind != HDL_NODE_MAP) {
		hdl_decode_error(d, hdl_decode_pos_of(node), NULL, "must be a map, not %s", hdl_decode_kind_of(node));
		return;
	}
	if (field->type != HDL_FIELD_INT_MAP && field->max && node->n > field->max) {
		hdl_decode_error(d, hdl_decode_pos_of(node), NULL, "has %u pairs, at most %lld are allowed", node->n,
				 (long long)field->max);
		return;
	}
	at = take(d, node->n, size);
	if (!at)
		return;
	store_array(member, at, node->n);
	for (uint32_t i = 0; i < node->n; i++) {
		/* all kinds of pairs begin alike: position, key */
		struct hdl_kv *pair = (struct hdl_kv *)(at + i * size);
		struct hdl_pos pos = hdl_decode_pos_of(node->member[i].key);
		const char *key = key_of(d, node->member[i].key);

		memcpy((char *)pair + offsetof(struct hdl_kv, pos), &pos, sizeof(pos));
		memcpy((char *)pair + offsetof(struct hdl_kv, key), &key, sizeof(key));
		push(d, (struct hdl_step){ .name = key, .kind = HDL_STEP_KEY });
		decode_pair(d, field, node->member[i].value, pair);
		pop(d);
	}
}

_Static_assert(offsetof(struct hdl_kv, key) == offsetof(struct hdl_kint, key) &&
		       offsetof(struct hdl_kv, key) == offsetof(struct hdl_keyed_match, key) &&
		       offsetof(struct hdl_kv, key) == offsetof(struct hdl_kbytes, key),
	       "pairs begin alike");

/* ---- messages ---- */

static void decode_pointer(struct hdl_decode *d, const struct hdl_field *field, const struct hdl_node *node,
			   void *member)
{
	void *object = take(d, 1, field->element);

	if (!object)
		return;
	memcpy(member, &object, sizeof(object));
	hdl_decode_message(d, field->message, node, object);
}

static void decode_fields(struct hdl_decode *d, const struct hdl_message *message, const struct hdl_node *node,
			  void *object);

static void decode_value(struct hdl_decode *d, const struct hdl_field *field, const struct hdl_node *node, void *object)
{
	void *member = (char *)object + field->offset;

	switch ((enum hdl_field_type)field->type) {
	case HDL_FIELD_STRING:
		hdl_decode_string(d, node, member);
		return hdl_decode_check_length(d, field, member);
	case HDL_FIELD_BOOL:
		return hdl_decode_bool(d, node, member);
	case HDL_FIELD_INT:
		return hdl_decode_int(d, field, node, member);
	case HDL_FIELD_DOUBLE:
		return hdl_decode_double(d, field, node, member);
	case HDL_FIELD_DURATION:
		return hdl_decode_duration(d, field, node, member);
	case HDL_FIELD_TIME:
		return hdl_decode_time(d, node, member);
	case HDL_FIELD_ENUM:
		return hdl_decode_enum(d, field, node, member);
	case HDL_FIELD_INT_OR_STRING:
		return hdl_decode_int_or_string(d, field, node, member);
	case HDL_FIELD_LOCALITY:
		return hdl_decode_locality(d, node, member);
	case HDL_FIELD_STRINGS:
	case HDL_FIELD_INTS:
	case HDL_FIELD_MESSAGES:
		return decode_list(d, field, node, member);
	case HDL_FIELD_STRING_MAP:
	case HDL_FIELD_INT_MAP:
	case HDL_FIELD_MATCH_MAP:
	case HDL_FIELD_BYTES_MAP:
		return decode_map(d, field, node, member);
	case HDL_FIELD_MESSAGE:
		return decode_pointer(d, field, node, member);
	case HDL_FIELD_INLINE:
		return decode_fields(d, field->message, node, object);
	case HDL_FIELD_ANY:
		return;
	}
}

static const struct hdl_field *find_field(const struct hdl_message *message, const struct hdl_node *key)
{
	for (size_t i = 0; i < message->n_fields; i++) {
		const struct hdl_field *field = &message->fields[i];

		if (field->name_n == key->n && memcmp(field->name, key->text, key->n) == 0)
			return field;
	}
	return NULL;
}

/* "retry" for "retries", "timeoutSeconds" for "timeout": the field that begins alike for longest. */
static const char *begins_alike(const struct hdl_message *message, const struct hdl_node *key)
{
	const char *near = NULL;
	size_t best = 3;

	for (size_t i = 0; i < message->n_fields; i++) {
		const struct hdl_field *field = &message->fields[i];
		size_t n = 0;

		while (n < key->n && n < field->name_n && key->text[n] == field->name[n])
			n++;
		if (n > best) {
			best = n;
			near = field->name;
		}
	}
	return near;
}

static void report_unknown(struct hdl_decode *d, const struct hdl_message *message, const struct hdl_node *key)
{
	size_t limit = key->n < 4 ? 1 : key->n / 3 < 3 ? key->n / 3 + 1 : 3, best = limit + 1;
	const char *near = NULL;
	char name[101];

	for (size_t i = 0; i < message->n_fields; i++) {
		size_t distance = hdl_name_distance(key->text, message->fields[i].name, limit);

		if (distance < best) {
			best = distance;
			near = message->fields[i].name;
		}
	}
	if (!near)
		near = begins_alike(message, key);
	snprintf(name, sizeof(name), "%.100s", key->text);
	if (near)
		hdl_decode_error(d, hdl_decode_pos_of(key), name, "unknown field; did you mean %s?", near);
	else
		hdl_decode_error(d, hdl_decode_pos_of(key), name, "unknown field of %s", message->name);
}

static bool is_empty(const struct hdl_node *node)
{
	return node->kind != HDL_NODE_SCALAR && node->n == 0;
}

/* An empty list of something that cannot be done asks for nothing. */
static void check_support(struct hdl_decode *d, const struct hdl_field *field, const struct hdl_node *key,
			  const struct hdl_node *value)
{
	if (field->type != HDL_FIELD_MESSAGE && is_empty(value))
		return;
	if (field->support == HDL_REFUSED)
		hdl_decode_unsupported(d, hdl_decode_pos_of(key), NULL);
	else if (field->support == HDL_ACCEPTED)
		hdl_decode_warning(d, hdl_decode_pos_of(key), NULL, "is accepted but not enforced by this version");
	if (field->flags & HDL_FIELD_DEPRECATED)
		hdl_decode_warning(d, hdl_decode_pos_of(key), NULL, "is deprecated");
}

static void check_required(struct hdl_decode *d, const struct hdl_message *message, const struct hdl_node *node,
			   uint64_t seen)
{
	for (size_t i = 0; i < message->n_fields; i++) {
		const struct hdl_field *field = &message->fields[i];

		if ((field->flags & HDL_FIELD_REQUIRED) && !(seen >> i & 1))
			hdl_decode_error(d, hdl_decode_pos_of(node), field->name, "is required%s%s",
					 field->doc ? ": " : "", field->doc ? field->doc : "");
	}
}

static void decode_member(struct hdl_decode *d, const struct hdl_message *message, const struct hdl_node_member *member,
			  void *object, uint64_t *seen)
{
	const struct hdl_field *field = find_field(message, member->key);
	size_t i;

	if (!field) {
		if (!d->open && !message->open)
			report_unknown(d, message, member->key);
		return;
	}
	if (hdl_node_is_null(member->value))
		return; /* as if it were not there */
	i = (size_t)(field - message->fields);
	push(d, (struct hdl_step){ .name = field->name, .kind = HDL_STEP_FIELD });
	if (field->flags & HDL_FIELD_ALIAS)
		i--;
	if (*seen >> i & 1)
		hdl_decode_error(d, hdl_decode_pos_of(member->key), NULL, "is given twice, as %s and %s",
				 message->fields[i].name, message->fields[i + 1].name);
	if (!is_empty(member->value) || field->type == HDL_FIELD_MESSAGE || field->type == HDL_FIELD_INLINE)
		*seen |= 1ull << i;
	check_support(d, field, member->key, member->value);
	d->secret = field->flags & HDL_FIELD_SECRET;
	decode_value(d, field, member->value, object);
	d->secret = false;
	pop(d);
}

static void decode_fields(struct hdl_decode *d, const struct hdl_message *message, const struct hdl_node *node,
			  void *object)
{
	size_t begin = d->begin;
	uint64_t seen = 0;

	if (node->kind != HDL_NODE_MAP) {
		hdl_decode_error(d, hdl_decode_pos_of(node), NULL, "must be a map, not %s", hdl_decode_kind_of(node));
		return;
	}
	d->begin = d->faults;
	for (uint32_t i = 0; i < node->n && !d->no_memory; i++)
		decode_member(d, message, &node->member[i], object, &seen);
	check_required(d, message, node, seen);
	if (message->check && !d->no_memory)
		message->check(d, object);
	d->begin = begin;
}

void hdl_decode_message(struct hdl_decode *d, const struct hdl_message *message, const struct hdl_node *node,
			void *object)
{
	struct hdl_pos pos = hdl_decode_pos_of(node);

	memcpy(object, &pos, sizeof(pos));
	decode_fields(d, message, node, object);
}
