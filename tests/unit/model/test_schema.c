/* SPDX-License-Identifier: Apache-2.0 */
/* Checks the tables themselves: sizes agree with the structs, names are unique, every field has a doc string. */
#include "unit/unit.h"
#include <string.h>
#include "model/schema.h"

static void check_field(const struct hdl_message *message, size_t i)
{
	const struct hdl_field *field = &message->fields[i];
	bool list = field->type == HDL_FIELD_MESSAGES, one = field->type == HDL_FIELD_MESSAGE;

	assert_int_equal(strlen(field->name), field->name_n);
	assert_non_null(field->doc);
	assert_true(*field->doc);
	for (size_t j = 0; j < i; j++)
		if (!strcmp(message->fields[j].name, field->name))
			fail_msg("%s.%s twice", message->name, field->name);
	if (list || one || field->type == HDL_FIELD_INLINE)
		assert_non_null(field->message);
	if (list || one)
		if (field->element != field->message->size)
			fail_msg("%s.%s: element of %u bytes, message of %zu", message->name, field->name,
				 field->element, field->message->size);
	if (field->type == HDL_FIELD_INLINE && field->message->size != message->size)
		fail_msg("%s.%s: inlined from another struct", message->name, field->name);
	if (field->type == HDL_FIELD_ENUM)
		assert_non_null(field->values);
	if (field->type == HDL_FIELD_INT || field->type == HDL_FIELD_DOUBLE)
		assert_true(field->min < field->max);
	if (field->flags & HDL_FIELD_ALIAS)
		assert_true(i > 0 && message->fields[i - 1].offset == field->offset);
}

static void check_message(const struct hdl_message *message, int depth)
{
	assert_true(depth < 20);
	assert_true(message->n_fields <= 64);
	for (size_t i = 0; i < message->n_fields; i++) {
		const struct hdl_field *field = &message->fields[i];

		check_field(message, i);
		if (field->type == HDL_FIELD_MESSAGE || field->type == HDL_FIELD_MESSAGES ||
		    field->type == HDL_FIELD_INLINE)
			check_message(field->message, depth + 1);
	}
}

static void tables(void **state)
{
	(void)state;
	for (size_t i = 0; i < HDL_KINDS; i++) {
		assert_non_null(hdl_kind_schemas[i].name);
		assert_string_equal(hdl_kind_name((enum hdl_kind)i), hdl_kind_schemas[i].name);
		check_message(hdl_kind_schemas[i].message, 0);
	}
	check_message(&hdl_schema_metadata, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(tables) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
