/* SPDX-License-Identifier: Apache-2.0 */
/* Presence, place and equality of values, by the tables. */
#include "model/field.h"

#include "model/print.h"

/* A map in another order is the same map; beyond this many elements the order has to be the same, to bound the work. */
#define UNORDERED_MAX 1000

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool hdl_field_is_map(const struct hdl_field *field)
{
	return field->type == HDL_FIELD_STRING_MAP || field->type == HDL_FIELD_INT_MAP ||
	       field->type == HDL_FIELD_MATCH_MAP || field->type == HDL_FIELD_BYTES_MAP;
}

bool hdl_field_is_list(const struct hdl_field *field)
{
	return hdl_field_is_map(field) || field->type == HDL_FIELD_STRINGS || field->type == HDL_FIELD_INTS ||
	       field->type == HDL_FIELD_MESSAGES;
}

static bool any_given(const struct hdl_message *message, const void *object)
{
	for (size_t i = 0; i < message->n_fields; i++)
		if (hdl_field_is_given(&message->fields[i], object))
			return true;
	return false;
}

bool hdl_field_is_given(const struct hdl_field *field, const void *object)
{
	const void *member = (const char *)object + field->offset;
	const struct hdl_text *text = member;

	if (field->flags & HDL_FIELD_ALIAS)
		return false; /* the field before it has the value */
	switch ((enum hdl_field_type)field->type) {
	case HDL_FIELD_STRING:
		return text->s;
	case HDL_FIELD_BOOL:
		return ((const struct hdl_opt_bool *)member)->has;
	case HDL_FIELD_INT:
		return ((const struct hdl_opt_int *)member)->has;
	case HDL_FIELD_DOUBLE:
		return ((const struct hdl_opt_double *)member)->has;
	case HDL_FIELD_DURATION:
		return ((const struct hdl_opt_duration *)member)->has;
	case HDL_FIELD_TIME:
		return ((const struct hdl_opt_time *)member)->has;
	case HDL_FIELD_ENUM:
		return ((const struct hdl_opt_enum *)member)->has;
	case HDL_FIELD_INT_OR_STRING:
		return ((const struct hdl_opt_int_or_string *)member)->has;
	case HDL_FIELD_LOCALITY:
		return text[0].s || text[1].s || text[2].s;
	case HDL_FIELD_MESSAGE:
		return hdl_field_pointer(member);
	case HDL_FIELD_INLINE:
		return (field->flags & HDL_FIELD_REQUIRED) || any_given(field->message, object);
	case HDL_FIELD_STRINGS:
	case HDL_FIELD_INTS:
	case HDL_FIELD_MESSAGES:
	case HDL_FIELD_STRING_MAP:
	case HDL_FIELD_INT_MAP:
	case HDL_FIELD_MATCH_MAP:
	case HDL_FIELD_BYTES_MAP:
		return hdl_field_array(member).at;
	case HDL_FIELD_ANY:
		return false;
	}
	return false;
}

struct hdl_pos hdl_field_pos(const struct hdl_field *field, const void *object)
{
	const void *member = (const char *)object + field->offset;
	struct hdl_field_array array;

	if (!hdl_field_is_given(field, object))
		return (struct hdl_pos){ 0, 0 };
	switch ((enum hdl_field_type)field->type) {
	case HDL_FIELD_STRING:
	case HDL_FIELD_LOCALITY:
		return ((const struct hdl_text *)member)->pos;
	case HDL_FIELD_BOOL:
		return ((const struct hdl_opt_bool *)member)->pos;
	case HDL_FIELD_INT:
		return ((const struct hdl_opt_int *)member)->pos;
	case HDL_FIELD_DOUBLE:
		return ((const struct hdl_opt_double *)member)->pos;
	case HDL_FIELD_DURATION:
		return ((const struct hdl_opt_duration *)member)->pos;
	case HDL_FIELD_TIME:
		return ((const struct hdl_opt_time *)member)->pos;
	case HDL_FIELD_ENUM:
		return ((const struct hdl_opt_enum *)member)->pos;
	case HDL_FIELD_INT_OR_STRING:
		return ((const struct hdl_opt_int_or_string *)member)->pos;
	case HDL_FIELD_MESSAGE:
		return *(const struct hdl_pos *)hdl_field_pointer(member);
	case HDL_FIELD_INLINE:
		return *(const struct hdl_pos *)object;
	default:
		array = hdl_field_array(member);
		return array.n ? hdl_field_element_pos(field, array.at) : (struct hdl_pos){ 0, 0 };
	}
}

/* ---- elements ---- */

size_t hdl_field_element_size(const struct hdl_field *field)
{
	switch ((enum hdl_field_type)field->type) {
	case HDL_FIELD_STRINGS:
		return sizeof(struct hdl_text);
	case HDL_FIELD_INTS:
		return sizeof(struct hdl_opt_int);
	case HDL_FIELD_STRING_MAP:
		return sizeof(struct hdl_kv);
	case HDL_FIELD_INT_MAP:
		return sizeof(struct hdl_kint);
	case HDL_FIELD_MATCH_MAP:
		return sizeof(struct hdl_keyed_match);
	case HDL_FIELD_BYTES_MAP:
		return sizeof(struct hdl_kbytes);
	default:
		return field->element;
	}
}

const char *hdl_field_element_key(const struct hdl_field *field, const void *at)
{
	if (hdl_field_is_map(field)) /* pairs begin alike: position, key */
		return ((const struct hdl_kv *)at)->key;
	if (field->type != HDL_FIELD_MESSAGES)
		return NULL;
	for (size_t i = 0; i < field->message->n_fields; i++) {
		const struct hdl_field *name = &field->message->fields[i];

		if (name->type == HDL_FIELD_STRING && !strcmp(name->name, "name"))
			return ((const struct hdl_text *)((const char *)at + name->offset))->s;
	}
	return NULL;
}

struct hdl_pos hdl_field_element_pos(const struct hdl_field *field, const void *at)
{
	if (field->type == HDL_FIELD_STRINGS)
		return ((const struct hdl_text *)at)->pos;
	if (field->type == HDL_FIELD_INTS)
		return ((const struct hdl_opt_int *)at)->pos;
	return *(const struct hdl_pos *)at;
}

const struct hdl_message *hdl_field_element_message(const struct hdl_field *field, const void **at)
{
	if (field->type == HDL_FIELD_MESSAGES)
		return field->message;
	if (field->type != HDL_FIELD_MATCH_MAP)
		return NULL;
	*at = &((const struct hdl_keyed_match *)*at)->match;
	return &hdl_schema_string_match;
}

bool hdl_field_element_equal(const struct hdl_field *field, const void *a, const void *b)
{
	const struct hdl_kbytes *x = a, *y = b;
	const struct hdl_message *message;

	if (hdl_field_is_map(field) && !same_text(hdl_field_element_key(field, a), hdl_field_element_key(field, b)))
		return false;
	switch ((enum hdl_field_type)field->type) {
	case HDL_FIELD_STRINGS:
		return same_text(((const struct hdl_text *)a)->s, ((const struct hdl_text *)b)->s);
	case HDL_FIELD_INTS:
		return ((const struct hdl_opt_int *)a)->value == ((const struct hdl_opt_int *)b)->value;
	case HDL_FIELD_STRING_MAP:
		return same_text(((const struct hdl_kv *)a)->value, ((const struct hdl_kv *)b)->value);
	case HDL_FIELD_INT_MAP:
		return ((const struct hdl_kint *)a)->value == ((const struct hdl_kint *)b)->value;
	case HDL_FIELD_BYTES_MAP:
		return x->n == y->n && (x->n == 0 || memcmp(x->at, y->at, x->n) == 0);
	default:
		message = hdl_field_element_message(field, &a);
		hdl_field_element_message(field, &b);
		return hdl_message_equal(message, a, b);
	}
}

/* ---- equality ---- */

static bool has_element(const struct hdl_field *field, struct hdl_field_array array, const void *at)
{
	size_t size = hdl_field_element_size(field);

	for (size_t i = 0; i < array.n; i++)
		if (hdl_field_element_equal(field, array.at + i * size, at))
			return true;
	return false;
}

static bool equal_lists(const struct hdl_field *field, const void *a, const void *b)
{
	struct hdl_field_array x = hdl_field_array(a), y = hdl_field_array(b);
	size_t size = hdl_field_element_size(field), i = 0;

	if (x.n != y.n)
		return false;
	while (i < x.n && hdl_field_element_equal(field, x.at + i * size, y.at + i * size))
		i++;
	if (i < x.n && (!hdl_field_is_map(field) || x.n > UNORDERED_MAX))
		return false;
	for (; i < x.n; i++)
		if (!has_element(field, y, x.at + i * size))
			return false;
	return true;
}

static bool equal_int_or_string(const struct hdl_opt_int_or_string *a, const struct hdl_opt_int_or_string *b)
{
	return same_text(a->s, b->s) && (a->s || a->number == b->number);
}

static bool equal_localities(const struct hdl_text *a, const struct hdl_text *b)
{
	return same_text(a[0].s, b[0].s) && same_text(a[1].s, b[1].s) && same_text(a[2].s, b[2].s);
}

bool hdl_field_equal(const struct hdl_field *field, const void *a, const void *b)
{
	const void *x = (const char *)a + field->offset, *y = (const char *)b + field->offset;

	switch ((enum hdl_field_type)field->type) {
	case HDL_FIELD_STRING:
		return same_text(((const struct hdl_text *)x)->s, ((const struct hdl_text *)y)->s);
	case HDL_FIELD_BOOL:
		return ((const struct hdl_opt_bool *)x)->value == ((const struct hdl_opt_bool *)y)->value;
	case HDL_FIELD_INT:
		return ((const struct hdl_opt_int *)x)->value == ((const struct hdl_opt_int *)y)->value;
	case HDL_FIELD_DOUBLE:
		return ((const struct hdl_opt_double *)x)->value == ((const struct hdl_opt_double *)y)->value;
	case HDL_FIELD_DURATION:
		return ((const struct hdl_opt_duration *)x)->ns == ((const struct hdl_opt_duration *)y)->ns;
	case HDL_FIELD_TIME:
		return ((const struct hdl_opt_time *)x)->unix_ns == ((const struct hdl_opt_time *)y)->unix_ns;
	case HDL_FIELD_ENUM:
		return ((const struct hdl_opt_enum *)x)->value == ((const struct hdl_opt_enum *)y)->value;
	case HDL_FIELD_INT_OR_STRING:
		return equal_int_or_string(x, y);
	case HDL_FIELD_LOCALITY:
		return equal_localities(x, y);
	case HDL_FIELD_MESSAGE:
		return hdl_message_equal(field->message, hdl_field_pointer(x), hdl_field_pointer(y));
	case HDL_FIELD_INLINE:
		return hdl_message_equal(field->message, a, b);
	case HDL_FIELD_STRINGS:
	case HDL_FIELD_INTS:
	case HDL_FIELD_MESSAGES:
	case HDL_FIELD_STRING_MAP:
	case HDL_FIELD_INT_MAP:
	case HDL_FIELD_MATCH_MAP:
	case HDL_FIELD_BYTES_MAP:
		return equal_lists(field, x, y);
	case HDL_FIELD_ANY:
		return true;
	}
	return true;
}

bool hdl_message_equal(const struct hdl_message *message, const void *a, const void *b)
{
	for (size_t i = 0; i < message->n_fields; i++) {
		const struct hdl_field *field = &message->fields[i];
		bool given = hdl_field_is_given(field, a);

		if (given != hdl_field_is_given(field, b) || (given && !hdl_field_equal(field, a, b)))
			return false;
	}
	return true;
}

bool hdl_resource_equal(const struct hdl_resource *a, const struct hdl_resource *b)
{
	return a->kind == b->kind && !strcmp(a->ns, b->ns) && !strcmp(a->name, b->name) &&
	       hdl_message_equal(&hdl_schema_metadata, a->metadata, b->metadata) &&
	       hdl_message_equal(hdl_kind_schemas[a->kind].message, a->spec, b->spec);
}
