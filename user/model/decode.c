/* SPDX-License-Identifier: Apache-2.0 */
/* Table-driven decoding of value trees into typed structs, with the path of the field in every diagnostic. */
#include "model/decode.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/base64.h"
#include "base/buf.h"
#include "base/duration.h"
#include "base/quantity.h"
#include "base/rfc3339.h"
#include "model/field.h"
#include "model/names.h"

/* ---- diagnostics ---- */

static struct hdl_pos pos_of(const struct hdl_node *node)
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

static void out_of_memory(struct hdl_decode *d)
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
		out_of_memory(d);
	}
	return p;
}

/* ---- scalars ---- */

static const char *kind_of(const struct hdl_node *node)
{
	static const char *const scalar[] = { "null", "a boolean", "a number", "a number", "a string" };

	if (node->kind == HDL_NODE_SCALAR)
		return scalar[hdl_node_scalar_type(node)];
	return node->kind == HDL_NODE_MAP ? "a map" : "a list";
}

/* NULL after an error. */
static const char *text_of(struct hdl_decode *d, const struct hdl_node *node)
{
	char *text;

	if (node->kind != HDL_NODE_SCALAR || hdl_node_scalar_type(node) != HDL_SCALAR_STRING) {
		bool quote = node->kind == HDL_NODE_SCALAR && !hdl_node_is_null(node) && !d->secret;

		hdl_decode_error(d, pos_of(node), NULL, "must be a string, not %s%s%.60s%s", kind_of(node),
				 quote ? " (write \"" : "", quote ? node->text : "", quote ? "\")" : "");
		return NULL;
	}
	if (memchr(node->text, '\0', node->n)) {
		hdl_decode_error(d, pos_of(node), NULL, "must not contain a NUL character");
		return NULL;
	}
	text = hdl_arena_strndup(d->arena, node->text, node->n);
	if (!text) {
		out_of_memory(d);
	}
	return text;
}

static void decode_string(struct hdl_decode *d, const struct hdl_node *node, struct hdl_text *ret)
{
	ret->pos = pos_of(node);
	ret->s = text_of(d, node);
}

/* Characters, not bytes, as Kubernetes counts. */
static void check_length(struct hdl_decode *d, const struct hdl_field *field, const struct hdl_text *text)
{
	int64_t n = 0;

	for (const char *s = text->s ? text->s : ""; field->max && *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	if (field->max && n > field->max)
		hdl_decode_error(d, text->pos, NULL, "has %lld characters, at most %lld are allowed", (long long)n,
				 (long long)field->max);
}

static void decode_bool(struct hdl_decode *d, const struct hdl_node *node, struct hdl_opt_bool *ret)
{
	ret->pos = pos_of(node);
	ret->has = hdl_node_bool(node, &ret->value) == 0;
	if (!ret->has)
		hdl_decode_error(d, ret->pos, NULL, "must be true or false, not %s", kind_of(node));
}

static bool int_value(struct hdl_decode *d, const struct hdl_field *field, const struct hdl_node *node, int64_t *ret)
{
	int64_t value;
	int r = hdl_node_int(node, &value);

	if (r == -EINVAL && (field->flags & HDL_FIELD_QUANTITY) && node->kind == HDL_NODE_SCALAR &&
	    hdl_node_scalar_type(node) != HDL_SCALAR_INT) /* 010 stays refused */
		r = hdl_quantity_parse((struct hdl_str){ node->text, node->n }, &value);
	if (r == 0 && value >= field->min && value <= field->max) {
		*ret = value;
		return true;
	}
	if (r == 0 || r == -ERANGE)
		hdl_decode_error(d, pos_of(node), NULL, "must be %lld..%lld, not %.40s", (long long)field->min,
				 (long long)field->max, node->text);
	else if (node->kind == HDL_NODE_SCALAR && hdl_node_scalar_type(node) == HDL_SCALAR_STRING)
		hdl_decode_error(d, pos_of(node), NULL, "must be a whole number, not a string%s",
				 node->quoted ? " (remove the quotes)" : "");
	else if (node->kind == HDL_NODE_SCALAR && hdl_node_scalar_type(node) == HDL_SCALAR_INT)
		hdl_decode_error(d, pos_of(node), NULL, "must be written as a decimal or 0x number, not %.40s",
				 node->text);
	else if (node->kind == HDL_NODE_SCALAR && hdl_node_scalar_type(node) == HDL_SCALAR_FLOAT)
		hdl_decode_error(d, pos_of(node), NULL, "must be a whole number, not %.40s", node->text);
	else
		hdl_decode_error(d, pos_of(node), NULL, "must be a whole number, not %s", kind_of(node));
	return false;
}

static void decode_int(struct hdl_decode *d, const struct hdl_field *field, const struct hdl_node *node,
		       struct hdl_opt_int *ret)
{
	ret->pos = pos_of(node);
	ret->has = int_value(d, field, node, &ret->value);
}

static void decode_double(struct hdl_decode *d, const struct hdl_field *field, const struct hdl_node *node,
			  struct hdl_opt_double *ret)
{
	double value;
	int r = hdl_node_double(node, &value);

	ret->pos = pos_of(node);
	if (r == 0 && value >= (double)field->min && value <= (double)field->max) {
		ret->has = true;
		ret->value = value;
	} else if (r == 0 || r == -ERANGE) {
		hdl_decode_error(d, ret->pos, NULL, "must be %lld..%lld, not %.40s", (long long)field->min,
				 (long long)field->max, node->text);
	} else {
		hdl_decode_error(d, ret->pos, NULL, "must be a number, not %s%s", kind_of(node),
				 node->kind == HDL_NODE_SCALAR && node->quoted ? " (remove the quotes)" : "");
	}
}

static void decode_duration(struct hdl_decode *d, const struct hdl_field *field, const struct hdl_node *node,
			    struct hdl_opt_duration *ret)
{
	int64_t ns = 0;
	int r;

	ret->pos = pos_of(node);
	if (node->kind != HDL_NODE_SCALAR || hdl_node_scalar_type(node) != HDL_SCALAR_STRING) {
		hdl_decode_error(d, ret->pos, NULL, "must be a duration such as 1.5s or 100ms, not %s", kind_of(node));
		return;
	}
	r = hdl_duration_parse((struct hdl_str){ node->text, node->n }, &ns);
	if (r < 0)
		hdl_decode_error(d, ret->pos, NULL, "\"%.40s\" is %s duration such as 1.5s or 100ms", node->text,
				 r == -ERANGE ? "too long for a" : "not a");
	else if (ns < field->min)
		hdl_decode_error(d, ret->pos, NULL, "must be at least %s, not %.40s", field->min ? "1ms" : "0s",
				 node->text);
	else if (field->max && ns > field->max)
		hdl_decode_error(d, ret->pos, NULL, "must be at most %llds, not %.40s",
				 (long long)(field->max / (1000 * HDL_NS_MS)), node->text);
	else if (field->step && ns % field->step)
		hdl_decode_error(d, ret->pos, NULL, "must be a whole number of %s, not %.40s",
				 field->step == HDL_NS_MS ? "milliseconds" : "seconds", node->text);
	else
		*ret = (struct hdl_opt_duration){ true, ns, ret->pos };
}

static void decode_time(struct hdl_decode *d, const struct hdl_node *node, struct hdl_opt_time *ret)
{
	int64_t ns;
	int r = -EINVAL;

	ret->pos = pos_of(node);
	if (node->kind == HDL_NODE_SCALAR && hdl_node_scalar_type(node) == HDL_SCALAR_STRING)
		r = hdl_rfc3339_parse((struct hdl_str){ node->text, node->n }, &ns);
	if (r == -ERANGE)
		hdl_decode_error(d, ret->pos, NULL, "must be a time of the years 1678 to 2261, not %.40s", node->text);
	else if (r < 0)
		hdl_decode_error(d, ret->pos, NULL, "must be a time such as 2024-05-06T07:08:09Z");
	else
		*ret = (struct hdl_opt_time){ true, ns, ret->pos };
}

static void refuse_enum(struct hdl_decode *d, const struct hdl_enum_value *values, const struct hdl_node *node)
{
	struct hdl_buf names = { .limit_bytes = 1024 };

	for (const struct hdl_enum_value *v = values; v->name; v++)
		hdl_buf_printf(&names, "%s%s", names.n ? ", " : "", v->name);
	if (node->kind == HDL_NODE_SCALAR)
		hdl_decode_error(d, pos_of(node), NULL, "must be one of %s, not \"%.60s\"", names.p ? names.p : "",
				 node->text);
	else
		hdl_decode_error(d, pos_of(node), NULL, "must be one of %s, not %s", names.p ? names.p : "",
				 kind_of(node));
	hdl_buf_done(&names);
}

static void decode_enum(struct hdl_decode *d, const struct hdl_field *field, const struct hdl_node *node,
			struct hdl_opt_enum *ret)
{
	ret->pos = pos_of(node);
	/* By text: "off" and "on" are names here although YAML has them as booleans. */
	for (const struct hdl_enum_value *v = field->values; v->name && node->kind == HDL_NODE_SCALAR; v++)
		if (strlen(v->name) == node->n && !strcmp(v->name, node->text)) {
			ret->has = true;
			ret->value = v->value;
			return;
		}
	refuse_enum(d, field->values, node);
}

static void decode_int_or_string(struct hdl_decode *d, const struct hdl_field *field, const struct hdl_node *node,
				 struct hdl_opt_int_or_string *ret)
{
	ret->pos = pos_of(node);
	if (node->kind == HDL_NODE_SCALAR && hdl_node_scalar_type(node) == HDL_SCALAR_INT) {
		ret->has = int_value(d, field, node, &ret->number);
		return;
	}
	ret->s = text_of(d, node);
	ret->has = ret->s;
}

/* "region/zone/subzone" or a map of the three; into three texts in a row. */
static void decode_locality(struct hdl_decode *d, const struct hdl_node *node, struct hdl_text *ret)
{
	static const char *const name[] = { "region", "zone", "subzone" };

	if (node->kind == HDL_NODE_MAP) {
		for (uint32_t i = 0; i < node->n; i++) {
			const struct hdl_node *key = node->member[i].key, *value = node->member[i].value;
			size_t j = 0;

			while (j < 3 && strcmp(key->text, name[j]))
				j++;
			if (j == 3)
				hdl_decode_error(d, pos_of(key), key->text,
						 "unknown field; known are region, zone and subzone");
			else if (!hdl_node_is_null(value))
				decode_string(d, value, &ret[j]);
		}
		return;
	}
	decode_string(d, node, &ret[0]);
	for (size_t j = 0; j < 3 && ret[j].s; j++) {
		char *slash = strchr(ret[j].s, '/');

		if (slash && j == 2) {
			hdl_decode_error(d, pos_of(node), NULL, "must be region/zone/subzone");
		} else if (slash) {
			*slash = '\0';
			ret[j + 1] = (struct hdl_text){ slash + 1, ret[j].pos };
		}
	}
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
		hdl_decode_error(d, pos_of(node), NULL, "must not be null");
	else if (field->type == HDL_FIELD_STRINGS)
		decode_string(d, node, at);
	else if (field->type == HDL_FIELD_INTS)
		decode_int(d, field, node, at);
	else
		hdl_decode_message(d, field->message, node, at);
}

static void decode_list(struct hdl_decode *d, const struct hdl_field *field, const struct hdl_node *node, void *member)
{
	size_t size = hdl_field_element_size(field);
	int64_t limit = field->max;
	char *at;

	if (node->kind != HDL_NODE_LIST) {
		hdl_decode_error(d, pos_of(node), NULL, "must be a list%s, not %s",
				 field->type == HDL_FIELD_STRINGS ? " of strings" :
				 field->type == HDL_FIELD_INTS    ? " of numbers" :
								    "",
				 kind_of(node));
		return;
	}
	if (field->type == HDL_FIELD_INTS || !limit) /* min..max is of each number */
		limit = HDL_LIST_MAX;
	if (node->n > (uint64_t)limit) {
		hdl_decode_error(d, pos_of(node), NULL, "has %u elements, at most %lld are allowed", node->n,
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
		hdl_decode_error(d, pos_of(key), NULL, "a key must not contain a NUL character");
		return "";
	}
	text = hdl_arena_strndup(d->arena, key->text, key->n);
	if (!text) {
		out_of_memory(d);
		return "";
	}
	return text;
}

/* No text of the value is shown: it may be a key. */
static void decode_bytes(struct hdl_decode *d, const struct hdl_node *node, struct hdl_kbytes *ret)
{
	unsigned char *at;

	if (node->kind != HDL_NODE_SCALAR || hdl_node_scalar_type(node) != HDL_SCALAR_STRING) {
		hdl_decode_error(d, pos_of(node), NULL, "must be a base64 string, not %s%s", kind_of(node),
				 node->kind == HDL_NODE_SCALAR ? " (add quotes)" : "");
		return;
	}
	at = take(d, hdl_base64_bound(node->n), 1);
	if (at && hdl_base64_decode((struct hdl_str){ node->text, node->n }, at, &ret->n) < 0)
		hdl_decode_error(d, pos_of(node), NULL, "is not base64 (stringData takes plain text)");
	ret->at = at;
}

/* Value of one pair; at is the element with its position and key filled in. */
static void decode_pair(struct hdl_decode *d, const struct hdl_field *field, const struct hdl_node *value, void *at)
{
	if (field->type == HDL_FIELD_STRING_MAP)
		((struct hdl_kv *)at)->value = ""; /* the checks need a text, also after an error */
	if (field->type == HDL_FIELD_STRING_MAP)
		((struct hdl_kv *)at)->value = ""; /* checks look at it also after an error */
	if (hdl_node_is_null(value)) {
		hdl_decode_error(d, pos_of(value), NULL, "must not be null%s",
				 field->type == HDL_FIELD_MATCH_MAP ? "; {} asks for presence" : "");
	} else if (field->type == HDL_FIELD_STRING_MAP) {
		const char *text = text_of(d, value);

		if (text)
			((struct hdl_kv *)at)->value = text;
	} else if (field->type == HDL_FIELD_INT_MAP) {
		int_value(d, field, value, &((struct hdl_kint *)at)->value);
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
		hdl_decode_error(d, pos_of(node), NULL, "must be a map, not %s", kind_of(node));
		return;
	}
	if (field->type != HDL_FIELD_INT_MAP && field->max && node->n > field->max) {
		hdl_decode_error(d, pos_of(node), NULL, "has %u pairs, at most %lld are allowed", node->n,
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
		struct hdl_pos pos = pos_of(node->member[i].key);
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
		decode_string(d, node, member);
		return check_length(d, field, member);
	case HDL_FIELD_BOOL:
		return decode_bool(d, node, member);
	case HDL_FIELD_INT:
		return decode_int(d, field, node, member);
	case HDL_FIELD_DOUBLE:
		return decode_double(d, field, node, member);
	case HDL_FIELD_DURATION:
		return decode_duration(d, field, node, member);
	case HDL_FIELD_TIME:
		return decode_time(d, node, member);
	case HDL_FIELD_ENUM:
		return decode_enum(d, field, node, member);
	case HDL_FIELD_INT_OR_STRING:
		return decode_int_or_string(d, field, node, member);
	case HDL_FIELD_LOCALITY:
		return decode_locality(d, node, member);
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
		hdl_decode_error(d, pos_of(key), name, "unknown field; did you mean %s?", near);
	else
		hdl_decode_error(d, pos_of(key), name, "unknown field of %s", message->name);
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
		hdl_decode_unsupported(d, pos_of(key), NULL);
	else if (field->support == HDL_ACCEPTED)
		hdl_decode_warning(d, pos_of(key), NULL, "is accepted but not enforced by this version");
	if (field->flags & HDL_FIELD_DEPRECATED)
		hdl_decode_warning(d, pos_of(key), NULL, "is deprecated");
}

static void check_required(struct hdl_decode *d, const struct hdl_message *message, const struct hdl_node *node,
			   uint64_t seen)
{
	for (size_t i = 0; i < message->n_fields; i++) {
		const struct hdl_field *field = &message->fields[i];

		if ((field->flags & HDL_FIELD_REQUIRED) && !(seen >> i & 1))
			hdl_decode_error(d, pos_of(node), field->name, "is required%s%s", field->doc ? ": " : "",
					 field->doc ? field->doc : "");
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
		hdl_decode_error(d, pos_of(member->key), NULL, "is given twice, as %s and %s", message->fields[i].name,
				 message->fields[i + 1].name);
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
		hdl_decode_error(d, pos_of(node), NULL, "must be a map, not %s", kind_of(node));
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
	struct hdl_pos pos = pos_of(node);

	memcpy(object, &pos, sizeof(pos));
	decode_fields(d, message, node, object);
}
