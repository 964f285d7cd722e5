/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the members of a decoded struct through the table of its message. */
#ifndef HDL_MODEL_FIELD_H
#define HDL_MODEL_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include "conf/emit.h"
#include "model/schema.h"

/* Every HDL_ARRAY_OF has this layout; read by copy because the pointer types differ. */
struct hdl_field_array {
	const char *at;
	size_t n;
};

static inline struct hdl_field_array hdl_field_array(const void *member)
{
	struct hdl_field_array array;

	memcpy(&array, member, sizeof(array));
	return array;
}

static inline const void *hdl_field_pointer(const void *member)
{
	const void *p;

	memcpy(&p, member, sizeof(p));
	return p;
}

/* The document said something, if only that a list is empty. Not of fields that are not kept. */
bool hdl_field_is_given(const struct hdl_field *field, const void *object);
/* Place of the value; line 0 when there is none. */
struct hdl_pos hdl_field_pos(const struct hdl_field *field, const void *object);
/* Values of two objects of one message, both given, are the same. */
bool hdl_field_equal(const struct hdl_field *field, const void *a, const void *b);
bool hdl_message_equal(const struct hdl_message *message, const void *a, const void *b);

/* ---- elements of lists and maps ---- */

bool hdl_field_is_map(const struct hdl_field *field);
bool hdl_field_is_list(const struct hdl_field *field); /* maps too */
size_t hdl_field_element_size(const struct hdl_field *field);
/* Key of a map's element, name of a message that has one; else NULL. */
const char *hdl_field_element_key(const struct hdl_field *field, const void *at);
struct hdl_pos hdl_field_element_pos(const struct hdl_field *field, const void *at);
bool hdl_field_element_equal(const struct hdl_field *field, const void *a, const void *b);
/* The message that an element is and the struct that holds it; NULL for elements that are scalars. */
const struct hdl_message *hdl_field_element_message(const struct hdl_field *field, const void **at);

/* ---- in print.c ---- */

void hdl_field_emit(struct hdl_emit *e, const struct hdl_field *field, const void *object, bool secrets);
void hdl_field_emit_element(struct hdl_emit *e, const struct hdl_field *field, const void *at, bool secrets);

#endif
