/* SPDX-License-Identifier: Apache-2.0 */
/* Printing of resources by the field tables of their kinds. */
#include "model/print.h"

#include <string.h>
#include "base/base64.h"
#include "base/duration.h"
#include "base/rfc3339.h"
#include "model/field.h"

#define REDACTED "REDACTED" /* of the base64 alphabet, so that what is printed still decodes */

/* ---- values ---- */

/* A value stands behind each key also when memory is out: the text as a whole has failed then. */
static void write_buf(struct hdl_emit *e, struct hdl_buf *text)
{
	e->buf->failed = e->buf->failed || text->failed;
	hdl_emit_strn(e, text->p ? text->p : "", text->n);
	hdl_buf_done(text);
}

static void print_by(struct hdl_emit *e, void (*print)(struct hdl_buf *, int64_t), int64_t value)
{
	struct hdl_buf text = { .limit_bytes = 128 };

	print(&text, value);
	write_buf(e, &text);
}

static void print_bytes(struct hdl_emit *e, const struct hdl_kbytes *bytes)
{
	struct hdl_buf text = { 0 };

	hdl_base64_print(&text, bytes->at, bytes->n);
	write_buf(e, &text);
}

static void print_enum(struct hdl_emit *e, const struct hdl_field *field, const struct hdl_opt_enum *value)
{
	const struct hdl_enum_value *v = field->values;

	while (v->name && v->value != value->value)
		v++;
	hdl_emit_str(e, v->name);
}

static void print_int_or_string(struct hdl_emit *e, const struct hdl_opt_int_or_string *value)
{
	if (value->s)
		hdl_emit_str(e, value->s);
	else
		hdl_emit_i64(e, value->number);
}

/* As one text where that means the same: each part but the last of those given, and none with a slash in it. */
static void print_locality(struct hdl_emit *e, const struct hdl_text *part)
{
	static const char *const name[] = { "region", "zone", "subzone" };
	bool one = part[0].s && (part[1].s || !part[2].s);
	struct hdl_buf text = { 0 };

	for (size_t i = 0; i < 3; i++)
		one = one && !(part[i].s && strchr(part[i].s, '/'));
	if (!one) {
		hdl_emit_map(e);
		for (size_t i = 0; i < 3; i++)
			if (part[i].s)
				hdl_emit_kstr(e, name[i], part[i].s);
		hdl_emit_end(e);
		return;
	}
	for (size_t i = 0; i < 3 && part[i].s; i++)
		hdl_buf_printf(&text, "%s%s", i ? "/" : "", part[i].s);
	write_buf(e, &text);
}

static void print_message(struct hdl_emit *e, const struct hdl_message *message, const void *object, bool secrets);

void hdl_field_emit_element(struct hdl_emit *e, const struct hdl_field *field, const void *at, bool secrets)
{
	bool hidden = (field->flags & HDL_FIELD_SECRET) && !secrets;

	switch ((enum hdl_field_type)field->type) {
	case HDL_FIELD_STRINGS:
		return hdl_emit_str(e, hidden ? REDACTED : ((const struct hdl_text *)at)->s);
	case HDL_FIELD_INTS:
		return hdl_emit_i64(e, ((const struct hdl_opt_int *)at)->value);
	case HDL_FIELD_STRING_MAP:
		return hdl_emit_str(e, hidden ? REDACTED : ((const struct hdl_kv *)at)->value);
	case HDL_FIELD_INT_MAP:
		return hdl_emit_i64(e, ((const struct hdl_kint *)at)->value);
	case HDL_FIELD_BYTES_MAP:
		return hidden ? hdl_emit_str(e, REDACTED) : print_bytes(e, at);
	case HDL_FIELD_MATCH_MAP:
		return print_message(e, &hdl_schema_string_match, &((const struct hdl_keyed_match *)at)->match,
				     secrets);
	default:
		return print_message(e, field->message, at, secrets);
	}
}

static void print_list(struct hdl_emit *e, const struct hdl_field *field, const void *member, bool secrets)
{
	struct hdl_field_array array = hdl_field_array(member);
	bool map = hdl_field_is_map(field);

	if (map)
		hdl_emit_map(e);
	else
		hdl_emit_list(e);
	for (size_t i = 0; i < array.n; i++) {
		const void *at = array.at + i * hdl_field_element_size(field);

		if (map)
			hdl_emit_key(e, hdl_field_element_key(field, at));
		hdl_field_emit_element(e, field, at, secrets);
	}
	hdl_emit_end(e);
}

void hdl_field_emit(struct hdl_emit *e, const struct hdl_field *field, const void *object, bool secrets)
{
	const void *member = (const char *)object + field->offset;

	switch ((enum hdl_field_type)field->type) {
	case HDL_FIELD_STRING:
		if ((field->flags & HDL_FIELD_SECRET) && !secrets)
			return hdl_emit_str(e, REDACTED);
		return hdl_emit_str(e, ((const struct hdl_text *)member)->s);
	case HDL_FIELD_BOOL:
		return hdl_emit_bool(e, ((const struct hdl_opt_bool *)member)->value);
	case HDL_FIELD_INT:
		return hdl_emit_i64(e, ((const struct hdl_opt_int *)member)->value);
	case HDL_FIELD_DOUBLE:
		return hdl_emit_double(e, ((const struct hdl_opt_double *)member)->value);
	case HDL_FIELD_DURATION:
		return print_by(e, hdl_duration_print, ((const struct hdl_opt_duration *)member)->ns);
	case HDL_FIELD_TIME:
		return print_by(e, hdl_rfc3339_print, ((const struct hdl_opt_time *)member)->unix_ns);
	case HDL_FIELD_ENUM:
		return print_enum(e, field, member);
	case HDL_FIELD_INT_OR_STRING:
		return print_int_or_string(e, member);
	case HDL_FIELD_LOCALITY:
		return print_locality(e, member);
	case HDL_FIELD_MESSAGE:
		return print_message(e, field->message, hdl_field_pointer(member), secrets);
	case HDL_FIELD_INLINE:
		return print_message(e, field->message, object, secrets);
	case HDL_FIELD_STRINGS:
	case HDL_FIELD_INTS:
	case HDL_FIELD_MESSAGES:
	case HDL_FIELD_STRING_MAP:
	case HDL_FIELD_INT_MAP:
	case HDL_FIELD_MATCH_MAP:
	case HDL_FIELD_BYTES_MAP:
		return print_list(e, field, member, secrets);
	case HDL_FIELD_ANY:
		return;
	}
}

/* ---- messages ---- */

static void print_fields(struct hdl_emit *e, const struct hdl_message *message, const void *object, bool secrets)
{
	for (size_t i = 0; i < message->n_fields; i++) {
		const struct hdl_field *field = &message->fields[i];

		if (!hdl_field_is_given(field, object))
			continue;
		hdl_emit_key(e, field->name);
		hdl_field_emit(e, field, object, secrets);
	}
}

static void print_message(struct hdl_emit *e, const struct hdl_message *message, const void *object, bool secrets)
{
	hdl_emit_map(e);
	print_fields(e, message, object, secrets);
	hdl_emit_end(e);
}

void hdl_resource_emit(const struct hdl_resource *resource, unsigned int flags, struct hdl_emit *e)
{
	const struct hdl_kind_schema *schema = &hdl_kind_schemas[resource->kind];
	bool secrets = flags & HDL_PRINT_SECRETS;

	hdl_emit_map(e);
	hdl_emit_kstr(e, "apiVersion", resource->api_version);
	hdl_emit_kstr(e, "kind", schema->name);
	hdl_emit_key(e, "metadata");
	print_message(e, &hdl_schema_metadata, resource->metadata, secrets);
	print_fields(e, schema->message, resource->spec, secrets);
	hdl_emit_end(e);
}

void hdl_resource_print(const struct hdl_resource *resource, enum hdl_emit_format format, unsigned int flags,
			struct hdl_buf *buf)
{
	struct hdl_emit e;

	hdl_emit_init(&e, buf, format);
	hdl_resource_emit(resource, flags, &e);
}
