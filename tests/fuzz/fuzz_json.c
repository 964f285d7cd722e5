/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: our reader of JSON takes what Jansson takes, and reads the same values. */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "conf/build.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void compare_scalar(const struct hdl_node *node, const json_t *json)
{
	enum hdl_scalar_type type = hdl_node_scalar_type(node);
	int64_t integer;
	double number;
	bool value;

	switch (json_typeof(json)) {
	case JSON_STRING:
		require(node->quoted && json_string_length(json) == node->n &&
			memcmp(json_string_value(json), node->text, node->n) == 0);
		break;
	case JSON_INTEGER:
		require(type == HDL_SCALAR_INT && hdl_node_int(node, &integer) == 0 &&
			integer == json_integer_value(json));
		break;
	case JSON_REAL:
		require(hdl_node_double(node, &number) == 0 && number == json_real_value(json));
		break;
	case JSON_NULL:
		require(type == HDL_SCALAR_NULL);
		break;
	default:
		require(hdl_node_bool(node, &value) == 0 && value == json_is_true(json));
		break;
	}
}

static void compare(const struct hdl_node *node, const json_t *json)
{
	require(node->line > 0 && node->col > 0);
	require((node->kind == HDL_NODE_MAP) == json_is_object(json));
	require((node->kind == HDL_NODE_LIST) == json_is_array(json));
	if (node->kind == HDL_NODE_SCALAR) {
		compare_scalar(node, json);
	} else if (node->kind == HDL_NODE_LIST) {
		require(json_array_size(json) == node->n);
		for (uint32_t i = 0; i < node->n; i++)
			compare(node->item[i], json_array_get(json, i));
	} else {
		require(json_object_size(json) == node->n);
		for (uint32_t i = 0; i < node->n; i++) {
			const struct hdl_node *key = node->member[i].key;
			const json_t *value = json_object_getn(json, key->text, key->n);

			require(value != NULL);
			compare(node->member[i].value, value);
		}
	}
}

/* Numbers of any length are ours; Jansson takes what fits. NUL in a key is ours too. */
static bool only_jansson_refuses(const json_error_t *error)
{
	enum json_error_code code = json_error_code(error);

	return code == json_error_numeric_overflow || code == json_error_null_byte_in_key ||
	       code == json_error_stack_overflow;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hdl_arena *arena;
	struct hdl_yaml_error error = { 0 };
	struct hdl_build *b;
	json_error_t json_error;
	json_t *json;
	int r;

	if (size == 0 || memchr(data, 0, size)) /* Jansson takes NUL for the end */
		return 0;
	arena = hdl_arena_new(0);
	b = arena ? hdl_build_new(arena, &error) : NULL;
	require(b != NULL);
	r = hdl_json_build(b, (struct hdl_str){ (const char *)data, size }, 1);
	json = json_loadb((const char *)data, size, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL,
			  &json_error);
	require(r >= 0 || (r == -EBADMSG && error.line > 0 && error.col > 0 && *error.text));
	/* only text that is UTF-8 comes this far, and the marks of documents are not JSON */
	if (r == 0 && json)
		compare(b->root, json);
	else if (r == 0 && !json)
		require(only_jansson_refuses(&json_error) || json_error_code(&json_error) == json_error_invalid_utf8 ||
			(size > 3 && !memcmp(data, "---", 3)));
	else if (r == 1)
		require(!json);
	json_decref(json);
	hdl_build_free(b);
	hdl_arena_free(arena);
	return 0;
}
