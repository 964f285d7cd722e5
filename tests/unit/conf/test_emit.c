/* SPDX-License-Identifier: Apache-2.0 */
/* Checks the layout and quoting of YAML and JSON, and that what is written reads back as it was, in every format. */
#include "unit/unit.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "conf/emit.h"
#include "conf/yaml.h"

static const struct hdl_node *read_back(struct hdl_arena *arena, const struct hdl_buf *buf)
{
	const struct hdl_yaml_chunk chunk = { { buf->p, buf->n }, 0, 1 };
	struct hdl_yaml_error error;
	struct hdl_node *root = NULL;
	int r = hdl_yaml_parse_document(arena, &chunk, &root, &error);

	if (r)
		fail_msg("%d %u:%u %s\n%s", r, error.line, error.col, error.text, buf->p);
	return root;
}

/* Everything that can stand in everything. */
static void fill(struct hdl_emit *e)
{
	hdl_emit_map(e);
	hdl_emit_kstr(e, "text", "a");
	hdl_emit_kstr(e, "none", NULL);
	hdl_emit_ki64(e, "number", -5);
	hdl_emit_kbool(e, "yes", true);
	hdl_emit_key(e, "empty");
	hdl_emit_list(e);
	hdl_emit_end(e);
	hdl_emit_key(e, "map");
	hdl_emit_map(e);
	hdl_emit_end(e);
	hdl_emit_key(e, "list");
	hdl_emit_list(e);
	hdl_emit_str(e, "x");
	hdl_emit_u64(e, UINT64_MAX);
	hdl_emit_double(e, 0.1);
	hdl_emit_map(e);
	hdl_emit_kstr(e, "first", "1");
	hdl_emit_key(e, "second");
	hdl_emit_list(e);
	hdl_emit_bool(e, false);
	hdl_emit_end(e);
	hdl_emit_end(e);
	hdl_emit_list(e);
	hdl_emit_str(e, "y");
	hdl_emit_list(e);
	hdl_emit_end(e);
	hdl_emit_end(e);
	hdl_emit_map(e);
	hdl_emit_end(e);
	hdl_emit_end(e);
	hdl_emit_end(e);
}

static void layout(void **state)
{
	static const char *const expected[] = {
		[HDL_EMIT_YAML] =
			"text: a\nnone: null\nnumber: -5\n\"yes\": true\nempty: []\nmap: {}\nlist:\n- x\n"
			"- 18446744073709551615\n- 0.1\n- first: \"1\"\n  second:\n  - false\n- - \"y\"\n  - []\n- {}\n",
		[HDL_EMIT_JSON] =
			"{\n  \"text\": \"a\",\n  \"none\": null,\n  \"number\": -5,\n  \"yes\": true,\n  \"empty\": [],\n"
			"  \"map\": {},\n  \"list\": [\n    \"x\",\n    18446744073709551615,\n    0.1,\n    {\n"
			"      \"first\": \"1\",\n      \"second\": [\n        false\n      ]\n    },\n    [\n      \"y\",\n"
			"      []\n    ],\n    {}\n  ]\n}\n",
		[HDL_EMIT_LINE] =
			"{\"text\": \"a\", \"none\": null, \"number\": -5, \"yes\": true, \"empty\": [], \"map\": {}, "
			"\"list\": [\"x\", 18446744073709551615, 0.1, {\"first\": \"1\", \"second\": [false]}, [\"y\", []], "
			"{}]}",
	};

	(void)state;
	for (int format = HDL_EMIT_YAML; format <= HDL_EMIT_LINE; format++) {
		struct hdl_arena *arena = hdl_arena_new(0);
		struct hdl_buf buf = { 0 };
		const struct hdl_node *list;
		struct hdl_emit e;

		hdl_emit_init(&e, &buf, (enum hdl_emit_format)format);
		fill(&e);
		assert_string_equal(buf.p, expected[format]);
		list = hdl_node_get(read_back(arena, &buf), "list");
		assert_int_equal(list->n, 6);
		assert_string_equal(hdl_node_get(list->item[3], "first")->text, "1");
		assert_int_equal(list->item[4]->item[1]->kind, HDL_NODE_LIST);
		assert_int_equal(list->item[5]->kind, HDL_NODE_MAP);
		hdl_buf_done(&buf);
		hdl_arena_free(arena);
	}
}

/* Texts; those with plain set need no quotes. */
static const struct {
	const char *s;
	bool plain;
} texts[] = {
	{ "a", true },
	{ "reviews.default", true },
	{ "/path?a=b&c", true },
	{ "a: b", false },
	{ "a:b", true },
	{ "a#b", true },
	{ "a #b", false },
	{ "#a", false },
	{ "a:", false },
	{ "", false },
	{ " a", false },
	{ "a ", false },
	{ "-", false },
	{ "- a", false },
	{ "--- a", false },
	{ "...", false },
	{ "? a", false },
	{ "[a]", false },
	{ "a[0]", true },
	{ "{a}", false },
	{ "a{b}", true },
	{ "*", false },
	{ "&a", false },
	{ "!a", false },
	{ "|", false },
	{ ">", false },
	{ "%a", false },
	{ "@a", false },
	{ "`a", false },
	{ "'a'", false },
	{ "\"a\"", false },
	{ "it's", true },
	{ "a\"b", true },
	{ "\\", true },
	{ ",a", false },
	{ "a,b", true },
	{ "=", false },
	{ "<<", false },
	{ "~", false },
	{ "null", false },
	{ "Null", false },
	{ "nUll", true },
	{ "true", false },
	{ "True", false },
	{ "yes", false },
	{ "Yes", false },
	{ "no", false },
	{ "on", false },
	{ "OFF", false },
	{ "y", false },
	{ "N", false },
	{ "yesterday", true },
	{ "1", false },
	{ "-1", false },
	{ "+1", false },
	{ "010", false },
	{ "0x1f", false },
	{ "0o7", false },
	{ "1_000", false },
	{ "1.5", false },
	{ ".5", false },
	{ "1e3", false },
	{ ".inf", false },
	{ "-.inf", false },
	{ ".nan", false },
	{ "1s", true },
	{ "1.2.3", true },
	{ "10.0.0.1", true },
	{ "::1", false },
	{ "fd00::1", true },
	{ "12:30", false },
	{ "1:2:3.5", false },
	{ "a:1", true },
	{ "2001-01-01", false },
	{ "2001-01-01T00:00:00Z", false },
	{ "2001-x", true },
	{ "a\nb", false },
	{ "a\tb", false },
	{ "a\rb\n", false },
	{ "\x01", false },
	{ "\x7f", false },
	{ "\xc3\xa4", false },
	{ "\xc2\x85", false },
	{ "\xc2\xa0", false },
	{ "\xe2\x80\xa8", false },
	{ "\xef\xbb\xbf", false },
	{ "\xef\xbf\xbe", false },
	{ "\xf0\x9f\x98\x80", false },
};

/* Each is a string in every format, as value, key and element. */
static void strings(void **state)
{
	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(texts); i++) {
		if (hdl_emit_is_plain(texts[i].s, strlen(texts[i].s)) != texts[i].plain)
			fail_msg("%s", texts[i].s);
		for (int format = HDL_EMIT_YAML; format <= HDL_EMIT_LINE; format++) {
			struct hdl_arena *arena = hdl_arena_new(0);
			struct hdl_buf buf = { 0 };
			const struct hdl_node *root;
			struct hdl_emit e;

			hdl_emit_init(&e, &buf, (enum hdl_emit_format)format);
			hdl_emit_map(&e);
			hdl_emit_kstr(&e, "v", texts[i].s);
			hdl_emit_key(&e, texts[i].s);
			hdl_emit_list(&e);
			hdl_emit_str(&e, texts[i].s);
			hdl_emit_end(&e);
			hdl_emit_end(&e);
			root = read_back(arena, &buf);
			assert_int_equal(root->n, 2);
			assert_string_equal(root->member[0].value->text, texts[i].s);
			assert_int_equal(hdl_node_scalar_type(root->member[0].value), HDL_SCALAR_STRING);
			assert_string_equal(root->member[1].key->text, texts[i].s);
			assert_string_equal(root->member[1].value->item[0]->text, texts[i].s);
			hdl_buf_done(&buf);
			hdl_arena_free(arena);
		}
	}
}

/* Bytes that are not UTF-8 become U+FFFD; keys that are too long for YAML's short form are written in the other. */
static void odd_texts(void **state)
{
	struct hdl_arena *arena = hdl_arena_new(0);
	struct hdl_buf buf = { 0 };
	const struct hdl_node *root;
	struct hdl_emit e;
	char key[3001];

	(void)state;
	memset(key, 'k', sizeof(key) - 1);
	key[sizeof(key) - 1] = '\0';
	hdl_emit_init(&e, &buf, HDL_EMIT_YAML);
	hdl_emit_map(&e);
	hdl_emit_kstr(&e, key, "\xff\xc0\x80\xed\xa0\x80x\xe2\x82");
	hdl_emit_key(&e, "next");
	hdl_emit_map(&e);
	hdl_emit_ki64(&e, key, 1);
	hdl_emit_end(&e);
	hdl_emit_end(&e);
	root = read_back(arena, &buf);
	assert_int_equal(root->n, 2);
	assert_int_equal(root->member[0].key->n, 3000);
	assert_non_null(strstr(root->member[0].value->text, "x"));
	assert_memory_equal(root->member[0].value->text, "\xef\xbf\xbd\xef\xbf\xbd", 6);
	assert_string_equal(hdl_node_get(hdl_node_get(root, "next"), key)->text, "1");
	hdl_buf_done(&buf);
	hdl_arena_free(arena);
}

static void numbers(void **state)
{
	static const double row[] = { 0, 1, -1, 0.1, 1.0 / 3, 1e300, 5e-324, 123456789.125, 1e21, 100, 12.5 };

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(row); i++) {
		struct hdl_arena *arena = hdl_arena_new(0);
		struct hdl_buf buf = { 0 };
		struct hdl_emit e;
		double value;

		hdl_emit_init(&e, &buf, i % 2 ? HDL_EMIT_JSON : HDL_EMIT_YAML);
		hdl_emit_list(&e);
		hdl_emit_double(&e, row[i]);
		hdl_emit_end(&e);
		assert_int_equal(hdl_node_double(read_back(arena, &buf)->item[0], &value), 0);
		assert_true(value == row[i]);
		hdl_buf_done(&buf);
		hdl_arena_free(arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layout),
		cmocka_unit_test(strings),
		cmocka_unit_test(odd_texts),
		cmocka_unit_test(numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
