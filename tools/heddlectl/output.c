/* SPDX-License-Identifier: Apache-2.0 */
/* Text tables, and JSON values as JSON or YAML. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/buf.h"
#include "heddlectl/ctl.h"

#define COLUMNS_MAX 16

struct ctl_table {
	size_t columns, cells, capacity;
	size_t width[COLUMNS_MAX];
	char **cell;
};

static void add_cell(struct ctl_table *table, char *text)
{
	size_t column = table->cells % table->columns, n = strlen(text);

	if (table->cells == table->capacity) {
		size_t capacity = table->capacity ? 2 * table->capacity : 64;
		char **cell = reallocarray(table->cell, capacity, sizeof(*cell));

		if (!cell) {
			fputs("heddlectl: out of memory\n", stderr);
			exit(CTL_FAILED);
		}
		table->cell = cell;
		table->capacity = capacity;
	}
	table->cell[table->cells++] = text;
	if (n > table->width[column])
		table->width[column] = n;
}

struct ctl_table *ctl_table_new(const char *const *headings, size_t columns)
{
	struct ctl_table *table = calloc(1, sizeof(*table));

	if (!table || columns > COLUMNS_MAX) {
		fputs("heddlectl: out of memory\n", stderr);
		exit(CTL_FAILED);
	}
	table->columns = columns;
	for (size_t i = 0; i < columns; i++)
		ctl_table_cell(table, "%s", headings[i]);
	return table;
}

void ctl_table_cell(struct ctl_table *table, const char *format, ...)
{
	struct hdl_buf visible = { 0 };
	char *text = NULL;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&text, format, ap) >= 0) {
		hdl_buf_adds(&visible, "");
		hdl_buf_adds_visible(&visible, text);
		free(text);
	}
	va_end(ap);
	if (!visible.p || visible.failed) {
		fputs("heddlectl: out of memory\n", stderr);
		exit(CTL_FAILED);
	}
	add_cell(table, visible.p);
}

void ctl_table_print(struct ctl_table *table)
{
	for (size_t i = 0; i < table->cells; i++) {
		size_t column = i % table->columns;

		if (column + 1 == table->columns)
			printf("%s\n", table->cell[i]);
		else
			printf("%-*s  ", (int)table->width[column], table->cell[i]);
		free(table->cell[i]);
	}
	free(table->cell);
	free(table);
}

static int emit(yaml_emitter_t *emitter, yaml_event_t *event)
{
	return yaml_emitter_emit(emitter, event) ? 0 : -EIO;
}

static int emit_scalar(yaml_emitter_t *emitter, const char *text, yaml_scalar_style_t style)
{
	yaml_event_t event;

	if (!yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text, (int)strlen(text), 1, 1,
					  style))
		return -ENOMEM;
	return emit(emitter, &event);
}

/* A string that YAML would read as something else is quoted. */
static yaml_scalar_style_t string_style(const char *text)
{
	static const char *const words[] = { "", "~", "null", "true", "false", "yes", "no", "on", "off" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasecmp(text, words[i]) == 0)
			return YAML_DOUBLE_QUOTED_SCALAR_STYLE;
	return strspn(text, "+-.0123456789eExXoabcdefABCDEF_") == strlen(text) ? YAML_DOUBLE_QUOTED_SCALAR_STYLE :
										 YAML_ANY_SCALAR_STYLE;
}

static int emit_value(yaml_emitter_t *emitter, const json_t *value);

static int emit_container(yaml_emitter_t *emitter, const json_t *value)
{
	yaml_event_t event;
	const char *key;
	json_t *item;
	size_t i;
	int result;

	if (json_is_object(value)) {
		if (!yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, YAML_ANY_MAPPING_STYLE) ||
		    emit(emitter, &event))
			return -EIO;
		json_object_foreach((json_t *)value, key, item)
		{
			result = emit_scalar(emitter, key, string_style(key));
			if (result == 0)
				result = emit_value(emitter, item);
			if (result)
				return result;
		}
		return yaml_mapping_end_event_initialize(&event) ? emit(emitter, &event) : -ENOMEM;
	}
	if (!yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, YAML_ANY_SEQUENCE_STYLE) ||
	    emit(emitter, &event))
		return -EIO;
	json_array_foreach(value, i, item)
	{
		result = emit_value(emitter, item);
		if (result)
			return result;
	}
	return yaml_sequence_end_event_initialize(&event) ? emit(emitter, &event) : -ENOMEM;
}

static int emit_value(yaml_emitter_t *emitter, const json_t *value)
{
	char *text;
	int result;

	if (json_is_object(value) || json_is_array(value))
		return emit_container(emitter, value);
	if (json_is_string(value))
		return emit_scalar(emitter, json_string_value(value), string_style(json_string_value(value)));
	text = json_dumps(value, JSON_ENCODE_ANY);
	if (!text)
		return -ENOMEM;
	result = emit_scalar(emitter, text, YAML_PLAIN_SCALAR_STYLE);
	free(text);
	return result;
}

static int print_yaml(const json_t *value)
{
	yaml_emitter_t emitter;
	yaml_event_t event;
	int result = -EIO;

	if (!yaml_emitter_initialize(&emitter))
		return -ENOMEM;
	yaml_emitter_set_output_file(&emitter, stdout);
	yaml_emitter_set_unicode(&emitter, 1);
	yaml_emitter_set_width(&emitter, -1);
	if (yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING) && emit(&emitter, &event) == 0 &&
	    yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1) && emit(&emitter, &event) == 0 &&
	    emit_value(&emitter, value) == 0 && yaml_document_end_event_initialize(&event, 1) &&
	    emit(&emitter, &event) == 0 && yaml_stream_end_event_initialize(&event) && emit(&emitter, &event) == 0)
		result = 0;
	yaml_emitter_delete(&emitter);
	return result;
}

int ctl_print_value(const struct ctl *ctl, const json_t *value)
{
	int result;

	if (ctl->format == CTL_YAML)
		result = print_yaml(value);
	else
		result = json_dumpf(value, stdout, JSON_INDENT(2)) || putchar('\n') == EOF;
	if (result || fflush(stdout)) {
		fputs("heddlectl: the output could not be written\n", stderr);
		return CTL_FAILED;
	}
	return CTL_OK;
}

const char *ctl_str(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

long long ctl_int(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

bool ctl_bool(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}
