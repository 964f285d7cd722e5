/* SPDX-License-Identifier: Apache-2.0 */
/* Checks that YAML text becomes the right tree with positions, and that every limit and mistake is refused there. */
#include "unit/unit.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "conf/yaml.h"

/* Canonical one-line form: "quoted", plain, [a,b], {k:v}. */
static void print(struct hdl_buf *buf, const struct hdl_node *node)
{
	if (node->kind == HDL_NODE_SCALAR) {
		hdl_buf_printf(buf, node->quoted ? "\"%s\"" : "%s", node->text);
		return;
	}
	hdl_buf_adds(buf, node->kind == HDL_NODE_MAP ? "{" : "[");
	for (uint32_t i = 0; i < node->n; i++) {
		if (i)
			hdl_buf_adds(buf, ",");
		if (node->kind == HDL_NODE_MAP) {
			print(buf, node->member[i].key);
			hdl_buf_adds(buf, ":");
			print(buf, node->member[i].value);
		} else {
			print(buf, node->item[i]);
		}
	}
	hdl_buf_adds(buf, node->kind == HDL_NODE_MAP ? "}" : "]");
}

static int each(void *data, const struct hdl_yaml_document *document)
{
	struct hdl_buf *buf = data;

	if (buf->n)
		hdl_buf_adds(buf, " ");
	if (document->error)
		hdl_buf_printf(buf, "%s:%u:%u: %s", document->file, document->error->line, document->error->col,
			       document->error->text);
	else
		print(buf, document->root);
	return 0;
}

static char *parse_n(const char *text, size_t n)
{
	struct hdl_arena *arena = hdl_arena_new(0);
	struct hdl_buf buf = { 0 };

	assert_non_null(arena);
	assert_int_equal(hdl_yaml_parse(arena, "f", (struct hdl_str){ text, n }, each, &buf), 0);
	hdl_arena_free(arena);
	return buf.p ? buf.p : strdup("");
}

static void check(const char *text, const char *expected)
{
	char *seen = parse_n(text, strlen(text));

	assert_string_equal(seen, expected);
	free(seen);
}

/* trees: documents of all shapes, JSON, List order, comments, line ends */
static void trees(void **state)
{
	static const struct {
		const char *text, *expected;
	} row[] = {
		{ "", "" },
		{ "# only a comment\n", "" },
		{ "---\n---\n# nothing\n...\n", "" },
		{ "a: 1", "{a:1}" },
		{ "a: 1\n---\nb: [x, 'y']\n", "{a:1} {b:[x,\"y\"]}" },
		{ "# licence\n---\na: 1\n", "{a:1}" },
		{ "%YAML 1.2\n---\na: 1\n...\n%YAML 1.1\n---\nb: 2\n", "{a:1} {b:2}" },
		{ "--- {a: 1}\n--- [b]\n", "{a:1} [b]" },
		{ "{\"a\": [true, null, 1.5, \"1\"],\n\"b\": {}}", "{\"a\":[true,null,1.5,\"1\"],\"b\":{}}" },
		{ "a: |\n  x\n  ---\nb: >-\n  y\n  z\n", "{a:\"x\n---\n\",b:\"y z\"}" },
		{ "a: 1\r\n---\r\nb: 2\r\n", "{a:1} {b:2}" },
		{ "a: 1\r---\rb: 2\r", "{a:1} {b:2}" },
		{ "\xef\xbb\xbf---\na: 1\n", "{a:1}" },
		{ "a: \xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\n", "{a:\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80}" },
		{ "a: !!str 5\nb: !!int 5\nc: ! 6\n", "{a:\"5\",b:5,c:\"6\"}" },
		{ "a: &x {k: v}\nb: *x\n", "{a:{k:v},b:{k:v}}" },
		{ "a: &x 1\nb: &x 2\nc: *x\n", "{a:1,b:2,c:2}" },
		{ "a: &x {k: v, l: w}\nb: {<<: *x, k: own}\n", "{a:{k:v,l:w},b:{k:own,l:w}}" },
		{ "a: &x {k: 1}\nb: &y {k: 2, l: 3}\nc: {m: 4, <<: [*x, *y]}\n",
		  "{a:{k:1},b:{k:2,l:3},c:{m:4,k:1,l:3}}" },
		{ "a: {\"<<\": 1}\n", "{a:{\"<<\":1}}" },
		{ "- - - x\n", "[[[x]]]" },
		{ "a: {<<: {k: v}}\n", "{a:{k:v}}" },
		{ "x: &x {k: 1}\na: {<<: *x, <<a: 2}\n", "{x:{k:1},a:{<<a:2,k:1}}" },
		{ "\xef\xbb\xbf# comment\n", "" },
		{ "a:\t1\nb: \"x\ty\"\n", "{a:1,b:\"x\ty\"}" },
		{ "a: 1\n...\nb: 2\n...\n", "{a:1} {b:2}" },
		{ "--- # one\na: 1\n--- # two\n", "{a:1}" },
		{ "a:\nb: ~\nc: null\nd: ''\n", "{a:,b:~,c:null,d:\"\"}" },
		{ "~\n---\nnull\n", "" },
		{ "a: 010\nb: 0x1F\nc: 1_000\nd: 1e3\n", "{a:010,b:0x1F,c:1_000,d:1e3}" },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(row); i++)
		check(row[i].text, row[i].expected);
}

/* JSON to the letter is not left to YAML: surrogates, solidus, long keys; what only looks like it is YAML. */
static void json(void **state)
{
	static const struct {
		const char *text, *expected;
	} row[] = {
		{ "{\"a\":\"\\ud83d\\ude00 \\u00e4\\u20ac\\\\/\\n\"}",
		  "{\"a\":\"\xf0\x9f\x98\x80 \xc3\xa4\xe2\x82\xac\\/\n\"}" },
		{ "{\"a\":\"\\uDBFF\\udfff\\/\"}", "{\"a\":\"\xf4\x8f\xbf\xbf/\"}" },
		{ " [ -0 , 1.5e+3,0.1E-2, true,false , null,[],{} ] ", "[-0,1.5e+3,0.1E-2,true,false,null,[],{}]" },
		{ "\r\n{\"a\":\r\n1}\r\n", "{\"a\":1}" },
		{ "\xef\xbb\xbf{\"a\":1}", "{\"a\":1}" },
		{ "{\"<<\":{\"a\":1}}", "{\"<<\":{\"a\":1}}" },
		{ "{\"a\":1}\n---\n{\"b\":\"\\ud83d\\ude00\"}\n", "{\"a\":1} {\"b\":\"\xf0\x9f\x98\x80\"}" },
		{ "{\"a\": 1,}", "{\"a\":1}" }, /* YAML */
		{ "{\"a\": 01}", "{\"a\":01}" },
		{ "{\"a\": x}", "{\"a\":x}" },
		{ "{\"a\": 1} # comment", "{\"a\":1}" },
		{ "{\"a\": \"x\\x41\"}", "{\"a\":\"xA\"}" },
		{ "{\"a\":\"\\ud83d\"}", "f:1:7: \\ud83d is only half of a character" },
		{ "{\"a\":\n\"\xc3\xa4 \\ud83dx\"}", "f:2:4: \\ud83d is only half of a character" },
		{ "{\"a\":\"\\ude00\"}", "f:1:7: \\ude00 is only half of a character" },
		{ "{\"a\":\"\\ud83d\\u0041\"}", "f:1:7: \\ud83d is only half of a character" },
		{ "{\"a\":\"\\ud83d\\u00\"}",
		  "f:1:9: found invalid Unicode character escape code while parsing a quoted scalar" },
		{ "{\"a\":1,\n \"\\u0061\":2}", "f:2:2: duplicate key \"a\", first at line 1, column 2" },
		{ "{\"a\": \"x", "f:1:9: found unexpected end of stream while scanning a quoted scalar" },
		{ "{\"a\": 1", "did not find expected ',' or '}' while parsing a flow mapping" },
		{ "{\"a\": \"\\", "while parsing a quoted scalar" },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(row); i++) {
		char *seen = parse_n(row[i].text, strlen(row[i].text));

		if (!strstr(seen, row[i].expected))
			fail_msg("%s: %s", row[i].text, seen);
		free(seen);
	}
}

/* errors: each is at its place, and hides neither the documents before nor those after */
static void errors(void **state)
{
	static const struct {
		const char *text, *expected;
	} row[] = {
		{ "a: 1\n---\nb: [\n---\nc: 3\n",
		  "{a:1} f:4:1: did not find expected node content while parsing a flow node {c:3}" },
		{ "a: 1\na: 2\n", "f:2:1: duplicate key \"a\", first at line 1, column 1" },
		{ "x:\n  k: {b: 1, a: 2, b: 3}\n", "f:2:19: duplicate key \"b\", first at line 2, column 7" },
		{ "a: {<<: {}, <<: {}}\n", "f:1:13: duplicate key \"<<\", first at line 1, column 5" },
		{ "a: {<<: 5}\n", "f:1:9: the merge key << takes a map or a list of maps" },
		{ "a: {<<: [{}, x]}\n", "f:1:14: the merge key << takes a map or a list of maps" },
		{ "a: *x\n", "f:1:4: alias *x refers to an unknown anchor" },
		{ "a: &x [*x]\n", "f:1:8: alias *x refers to a value that contains it" },
		{ "? [a]\n: b\n", "f:1:3: a key must be a single value, not a list or map" },
		{ "? \n: b\n", "f:1:2: a key is missing" },
		{ "a: !thing x\n", "f:1:4: the tag <!thing> is not supported" },
		{ "a: !!int \"5\"\n", "f:1:4: the tag <tag:yaml.org,2002:int> is not supported" },
		{ "a:\n\t- b\n",
		  "f:2:1: found character that cannot start any token while scanning for the next token" },
		{ "a: \xff\n", "f:1:4: byte 0xff is not UTF-8 text" },
		{ "a: 1\n---\nb: \xc3(\n---\nc: 3\n", "{a:1} f:3:4: byte 0xc3 is not UTF-8 text {c:3}" },
		{ "a: \xed\xa0\x80\n", "f:1:4: byte 0xed is not UTF-8 text" },
		{ "a: \xc0\x80\n", "f:1:4: byte 0xc0 is not UTF-8 text" },
		{ "a: \x01\n", "f:1:4: control character 0x01 is not allowed" },
		{ "\xff\xfe"
		  "a\n",
		  "f:1:1: the file is UTF-16; UTF-8 is needed" },
		{ "a: 1\n\tb: 2\n",
		  "f:2:1: found a tab character that violates indentation while scanning a plain scalar that begins at line 1" },
		{ "a: 1\n---\nb: 1\nb: 2\n", "{a:1} f:4:1: duplicate key \"b\", first at line 3, column 1" },
		{ "x: &x {k: 1}\na: {<<: *x, <<: *x}\n", "f:2:13: duplicate key \"<<\", first at line 2, column 5" },
		{ "a: \"\\ud83d\\ude00\"\n",
		  "f:1:7: found invalid Unicode character escape code while parsing a quoted scalar" },
		{ "a: \xf4\x90\x80\x80\n", "f:1:4: byte 0xf4 is not UTF-8 text" },
		{ "a: x\xe2\x82", "f:1:5: byte 0xe2 is not UTF-8 text" },
		{ "a: \x7f\n", "f:1:4: control character 0x7f is not allowed" },
		{ "a: 1\n---\n\xef\xbb\xbf"
		  "b: 2\n",
		  "{a:1} f:3:1: a byte order mark may only stand at the beginning of the file" },
		{ "{a: 1}\n{b: 2}\n", "f:2:1: did not find expected <document start>" },
		{ "a: \"x\n",
		  "f:2:1: found unexpected end of stream while scanning a quoted scalar that begins at line 1" },
		{ "a: 1\n b: 2\n", "f:2:3: mapping values are not allowed in this context" },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(row); i++)
		check(row[i].text, row[i].expected);
	{
		static const char nul[] = "a: x\0y\n";
		char *seen = parse_n(nul, sizeof(nul) - 1);

		assert_string_equal(seen, "f:1:5: control character 0x00 is not allowed");
		free(seen);
		seen = parse_n("a\0:\0 \0001\0", 8);
		assert_string_equal(seen, "f:1:1: the file is UTF-16; UTF-8 is needed");
		free(seen);
		seen = parse_n("\0a\0:", 4);
		assert_string_equal(seen, "f:1:1: the file is UTF-16; UTF-8 is needed");
		free(seen);
		seen = parse_n("\xfe\xff\0a", 4);
		assert_string_equal(seen, "f:1:1: the file is UTF-16; UTF-8 is needed");
		free(seen);
	}
}

static char *repeat(const char *before, const char *s, size_t n, const char *after)
{
	struct hdl_buf buf = { 0 };

	hdl_buf_adds(&buf, before);
	for (size_t i = 0; i < n; i++)
		hdl_buf_adds(&buf, s);
	hdl_buf_adds(&buf, after);
	assert_false(buf.failed);
	return buf.p;
}

static void check_repeat(const char *before, const char *s, size_t n, const char *after, const char *expected)
{
	char *text = repeat(before, s, n, after), *seen = parse_n(text, strlen(text));

	if (!strstr(seen, expected))
		fail_msg("%.300s instead of %s", seen, expected);
	free(seen);
	free(text);
}

/* limits: depth, values, aliases, size, anchors; all refused in bounded time and memory */
static void limits(void **state)
{
	struct hdl_buf bomb = { 0 };

	(void)state;
	check_repeat("", "[", 63, "1", "did not find expected"); /* as deep as is allowed */
	check_repeat("", "[", 64, "1", "f:1:65: nested deeper than 64 levels");
	check_repeat("a: 1\n---\n", "[", 65, "", "{a:1} f:3:65: nested deeper than 64 levels");
	check_repeat("", "[", 100000, "", "f:1:65: nested deeper than 64 levels");
	check_repeat("", "- ", 100000, "x", "f:1:129: nested deeper than 64 levels");
	check_repeat("", "{a: ", 100000, "", "nested deeper than 64 levels");
	check_repeat("[", "a,", 1000001, "]", "the document has more than 1000000 values");
	check_repeat("# ", "x", 10 << 20, "", "f:1:1: the document is larger than 10485760 bytes");
	check_repeat("", "[", 64, "1]", "f:1:65: nested deeper than 64 levels");
	check_repeat("", "{\"a\":", 100000, "", "f:1:317: nested deeper than 64 levels");
	check_repeat("a: [", "'xxxxxxxxxxx',\n", 699000, "x]\n", "\"xxxxxxxxxxx\",x]}"); /* 10 MB are read */
	check_repeat("{\"a\": [", "\"xxxxxxxxxxx\",\n", 699000, "1]}", "\"xxxxxxxxxxx\",1]}");
	check_repeat("{\"", "k", 5000, "\": 1}", "k\":1}"); /* YAML's keys end at 1024 */
	check_repeat("", "k", 5000, ": 1", "mapping values are not allowed in this context");
	check_repeat("", "- &a x\n", 257, "", "f:257:3: more than 256 anchors in one document");

	hdl_buf_adds(&bomb, "a: &x0 [x,x,x,x,x,x,x,x,x,x]\n");
	for (int i = 1; i < 10; i++)
		hdl_buf_printf(&bomb, "b%d: &x%d [*x%d,*x%d,*x%d,*x%d,*x%d,*x%d,*x%d,*x%d,*x%d]\n", i, i, i - 1, i - 1,
			       i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
	check_repeat(bomb.p, "", 0, "", "the document has more than 1000000 values, aliases followed");
	hdl_buf_done(&bomb);

	/* an alias inside an alias inside an alias counts for depth too */
	hdl_buf_adds(&bomb, "- &x0 [[[[[[[[[[x]]]]]]]]]]\n");
	for (int i = 1; i < 8; i++)
		hdl_buf_printf(&bomb, "- &x%d [[[[[[[[[[*x%d]]]]]]]]]]\n", i, i - 1);
	check_repeat(bomb.p, "", 0, "", "nested deeper than 64 levels");
	hdl_buf_done(&bomb);
}

static int stop(void *data, const struct hdl_yaml_document *document)
{
	(void)document;
	++*(int *)data;
	return 7;
}

/* the caller can stop; a file that is too large is not read */
static void calls(void **state)
{
	struct hdl_arena *arena = hdl_arena_new(0);
	struct hdl_str large = { "x", (size_t)HDL_YAML_MAX_FILE_BYTES + 1 };
	int n = 0;

	(void)state;
	assert_int_equal(hdl_yaml_parse(arena, "f", hdl_str_of("a: 1\n---\nb: 2\n"), stop, &n), 7);
	assert_int_equal(n, 1);
	assert_int_equal(hdl_yaml_parse(arena, "f", large, stop, &n), -EFBIG);
	assert_int_equal(n, 1);
	hdl_arena_free(arena);
}

static int remember(void *data, const struct hdl_yaml_document *document)
{
	*(const struct hdl_node **)data = document->root;
	return 0;
}

/* positions are 1-based, in characters, lines of the file */
static void positions(void **state)
{
	struct hdl_arena *arena = hdl_arena_new(0);
	const struct hdl_node *root = NULL, *c;

	(void)state;
	assert_int_equal(hdl_yaml_parse(arena, "f", hdl_str_of("x: y\n---\na:\n  \xc3\xa4: {c: d}\n"), remember, &root),
			 0);
	assert_non_null(root);
	assert_int_equal(root->line, 3);
	c = hdl_node_get(hdl_node_get(hdl_node_get(root, "a"), "\xc3\xa4"), "c");
	assert_non_null(c);
	assert_int_equal(c->line, 4);
	assert_int_equal(c->col, 10);
	assert_int_equal(root->height, 4);
	assert_int_equal(root->expanded, 7);
	assert_null(hdl_node_get(root, "b"));
	assert_null(hdl_node_get(c, "b"));
	hdl_arena_free(arena);
}

/* a document that does not fit in the arena is -ENOMEM and leaks nothing */
static void out_of_memory(void **state)
{
	static const char *const row[] = { "a: &x {k: v, l: [1, 2, 3]}\nb: {<<: *x, m: n}\n",
					   "{\"a\": {\"k\": \"v\", \"l\": [1, 2, 3]}, \"b\": [\"\\n\"]}" };
	int ok = 0;

	(void)state;
	for (size_t limit = 16; limit < 8192; limit += 16) {
		const char *text = row[limit / 16 % 2];
		struct hdl_arena *arena = hdl_arena_new(limit);
		const struct hdl_node *root = NULL;
		int r = hdl_yaml_parse(arena, "f", hdl_str_of(text), remember, &root);

		assert_true(r == 0 || r == -ENOMEM);
		ok += r == 0;
		hdl_arena_free(arena);
	}
	assert_true(ok > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json),          cmocka_unit_test(trees), cmocka_unit_test(errors),
		cmocka_unit_test(limits),        cmocka_unit_test(calls), cmocka_unit_test(positions),
		cmocka_unit_test(out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
