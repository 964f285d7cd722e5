/* SPDX-License-Identifier: Apache-2.0 */
/* Checks that failure of the n-th allocation between text and printed resource is -ENOMEM and never a part of an object. */
/* timeout: 240 */
#include "unit/unit.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "unit/failmalloc.h"

/* An arena asks for memory once in many objects: here every object can be the one that does not get any. */
#define hdl_arena_alloc arena_alloc
#define hdl_arena_calloc arena_calloc
#define hdl_arena_strdup arena_strdup
#define hdl_arena_strndup arena_strndup
#define hdl_arena_printf arena_printf
#include "base/arena.c"
#undef hdl_arena_alloc
#undef hdl_arena_calloc
#undef hdl_arena_strdup
#undef hdl_arena_strndup
#undef hdl_arena_printf
void *hdl_arena_alloc(struct hdl_arena *arena, size_t size_bytes);
void *hdl_arena_calloc(struct hdl_arena *arena, size_t n, size_t size_bytes);
char *hdl_arena_strdup(struct hdl_arena *arena, const char *s);
char *hdl_arena_strndup(struct hdl_arena *arena, const char *s, size_t n);
char *hdl_arena_printf(struct hdl_arena *arena, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#include "base/buf.c"
#include "conf/build.c"
#define grow grow_diags
#include "model/diag.c"
#undef malloc
#undef calloc
#undef realloc
#include "conf/yaml.h"
#include "model/print.h"

void *hdl_arena_alloc(struct hdl_arena *arena, size_t size_bytes)
{
	return hdl_fail_now() ? NULL : arena_alloc(arena, size_bytes);
}

void *hdl_arena_calloc(struct hdl_arena *arena, size_t n, size_t size_bytes)
{
	return hdl_fail_now() ? NULL : arena_calloc(arena, n, size_bytes);
}

char *hdl_arena_strdup(struct hdl_arena *arena, const char *s)
{
	return hdl_fail_now() ? NULL : arena_strdup(arena, s);
}

char *hdl_arena_strndup(struct hdl_arena *arena, const char *s, size_t n)
{
	return hdl_fail_now() ? NULL : arena_strndup(arena, s, n);
}

char *hdl_arena_printf(struct hdl_arena *arena, const char *fmt, ...)
{
	struct hdl_buf buf = { 0 };
	char *copy = NULL;
	va_list ap;

	va_start(ap, fmt);
	hdl_buf_vprintf(&buf, fmt, ap);
	va_end(ap);
	if (!buf.failed && !hdl_fail_now())
		copy = arena_strndup(arena, buf.p ? buf.p : "", buf.n);
	hdl_buf_done(&buf);
	return copy;
}

/* What came of a text: the resources of its documents in order, or NULL where one was refused. */
struct load {
	struct hdl_arena *arena;
	struct hdl_diags diags;
	const struct hdl_resource *at[64];
	size_t n;
	int r;
};

static int each(void *data, const struct hdl_yaml_document *document)
{
	struct load *load = data;

	for (size_t i = 0; !document->error && i < hdl_model_items(document->root) && load->n < 64; i++) {
		struct hdl_source source = { document->file, document->chunk->index, (uint32_t)i, false };
		struct hdl_resource *resource = NULL;
		int r = hdl_model_decode(load->arena, &source, hdl_model_item(document->root, i), &resource,
					 &load->diags);

		if (r == -ENOMEM)
			return r;
		load->at[load->n++] = resource;
	}
	return 0;
}

static void load_run(struct load *load, struct hdl_str text)
{
	*load = (struct load){ .arena = hdl_arena_new(0) };
	load->r = load->arena ? hdl_yaml_parse(load->arena, "f", text, each, load) : -ENOMEM;
}

static void load_done(struct load *load)
{
	hdl_diags_done(&load->diags);
	hdl_arena_free(load->arena);
}

/* The steps up to printed text and a list of differences; true when none of them lacked memory. */
static bool go(struct hdl_str text, const struct load *expected)
{
	struct load load;
	bool whole = true;

	load_run(&load, text);
	assert_true(load.r == 0 || load.r == -ENOMEM);
	for (size_t i = 0; load.r == 0 && i < load.n; i++) {
		struct hdl_field_changes changes = { 0 };
		struct hdl_buf buf = { 0 };
		int r;

		assert_int_equal(!load.at[i], !expected->at[i]);
		if (!load.at[i])
			continue;
		assert_true(hdl_resource_equal(load.at[i], expected->at[i]));
		hdl_resource_print(load.at[i], i % 2 ? HDL_EMIT_JSON : HDL_EMIT_YAML, HDL_PRINT_SECRETS, &buf);
		whole = whole && !buf.failed;
		hdl_buf_done(&buf);
		/* the difference from an object of the same kind, where there is one */
		if (i == 0 || !load.at[i - 1] || load.at[i - 1]->kind != load.at[i]->kind)
			continue;
		r = hdl_resource_diff(load.arena, load.at[i - 1], load.at[i], &changes);
		assert_true(r == 0 || r == -ENOMEM);
		whole = whole && r == 0;
	}
	whole = whole && load.r == 0 && load.n == expected->n;
	load_done(&load);
	return whole;
}

static size_t every_step(struct hdl_str text)
{
	struct load expected;
	int n = 0;
	bool done = false;

	load_run(&expected, text);
	assert_int_equal(expected.r, 0);
	while (!done) {
		hdl_fail_after = n++;
		done = go(text, &expected);
		hdl_fail_after = -1;
	}
	load_done(&expected);
	return (size_t)n;
}

static size_t check_file(const char *path)
{
	FILE *f = fopen(path, "re");
	struct stat st;
	size_t n, steps;
	char *text;

	assert_non_null(f);
	assert_int_equal(fstat(fileno(f), &st), 0);
	text = malloc((size_t)st.st_size + 1);
	assert_non_null(text);
	n = fread(text, 1, (size_t)st.st_size, f);
	fclose(f);
	steps = every_step((struct hdl_str){ text, n });
	free(text);
	return steps;
}

static void examples(void **state)
{
	static const char *const directory[] = { "istio", "gateway-api", "kubernetes", "heddle" };
	const char *root = getenv("HDL_ROOT");
	size_t files = 0, steps = 0;

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(directory); i++) {
		char path[4096];
		struct dirent *entry;
		DIR *d;

		snprintf(path, sizeof(path), "%s/examples/%s", root ? root : ".", directory[i]);
		d = opendir(path);
		assert_non_null(d);
		while ((entry = readdir(d)) != NULL) {
			char file[8192];

			if (entry->d_name[0] == '.')
				continue;
			snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
			steps += check_file(file);
			files++;
		}
		closedir(d);
	}
	assert_true(files > 40 && steps > 500);
}

/* Documents with much to say: the diagnostics take memory too. */
static void refused(void **state)
{
	static const char text[] =
		"{\"apiVersion\": \"networking.istio.io/v1\", \"kind\": \"VirtualService\", \"metadata\": {\"name\": \"A\", "
		"\"nam\": 1}, \"spec\": {\"hosts\": [1, null, \"a b\"], \"http\": [{\"rout\": []}, {\"timeout\": \"x\"}]}}\n"
		"---\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {a: 1, b: '?', c: YQ==}\n"
		"---\napiVersion: v1\nkind: Sevice\nmetadata: {name: s}\n";

	(void)state;
	assert_true(every_step(HDL_STR(text)) > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(examples), cmocka_unit_test(refused) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
