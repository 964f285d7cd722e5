/* SPDX-License-Identifier: Apache-2.0 */
/* Path normalisation BASE (specification B.1) and raw query parameters (B.2). */
#include "unit/unit.h"

#include <errno.h>
#include <stdlib.h>

#include "http/path.h"

static const struct {
	struct hdl_str path, normal;
} paths[] = {
	{ HDL_STR("/"), HDL_STR("/") },
	{ HDL_STR("/a/b.c/d"), HDL_STR("/a/b.c/d") },
	/* dot segments */
	{ HDL_STR("/x/.."), HDL_STR("/") },
	{ HDL_STR("/a/."), HDL_STR("/a/") },
	{ HDL_STR("/."), HDL_STR("/") },
	{ HDL_STR("/.."), HDL_STR("/") },
	{ HDL_STR("/../../a"), HDL_STR("/a") },
	{ HDL_STR("/a/./b"), HDL_STR("/a/b") },
	{ HDL_STR("/a/../b"), HDL_STR("/b") },
	{ HDL_STR("/a/b/../../c"), HDL_STR("/c") },
	{ HDL_STR("/a/b/.."), HDL_STR("/a/") },
	{ HDL_STR("/a/b/../"), HDL_STR("/a/") },
	{ HDL_STR("/a/.../b"), HDL_STR("/a/.../b") },
	{ HDL_STR("/a/.b/..c/d."), HDL_STR("/a/.b/..c/d.") },
	{ HDL_STR("/a/b.."), HDL_STR("/a/b..") },
	/* slashes are not merged */
	{ HDL_STR("//a///b"), HDL_STR("//a///b") },
	{ HDL_STR("/a//../b"), HDL_STR("/a/b") },
	{ HDL_STR("//.."), HDL_STR("/") },
	{ HDL_STR("/a//./b"), HDL_STR("/a//b") },
	/* unreserved escapes are decoded, and then count */
	{ HDL_STR("/%61%7E%2d%5f%41"), HDL_STR("/a~-_A") },
	{ HDL_STR("/a/%2e%2E/b"), HDL_STR("/b") },
	{ HDL_STR("/a/.%2e/b"), HDL_STR("/b") },
	{ HDL_STR("/%2e"), HDL_STR("/") },
	/* others stay, case kept */
	{ HDL_STR("/a%2Fb%2fc"), HDL_STR("/a%2Fb%2fc") },
	{ HDL_STR("/a%5Cb"), HDL_STR("/a%5Cb") },
	{ HDL_STR("/%25"), HDL_STR("/%25") },
	{ HDL_STR("/%252e%252e/a"), HDL_STR("/%252e%252e/a") }, /* once, not twice */
	{ HDL_STR("/%20%C3%a4"), HDL_STR("/%20%C3%a4") },
	{ HDL_STR("/%zz%4"), HDL_STR("/%zz%4") },
	{ HDL_STR("/%"), HDL_STR("/%") },
	{ HDL_STR("/%%61"), HDL_STR("/%%61") },
	/* what was decoded must not make an escape that nobody looked at */
	{ HDL_STR("/a/%%32e%%32e/b"), HDL_STR("/a/%%32e%%32e/b") },
	{ HDL_STR("/%2%65%2%65"), HDL_STR("/%2%65%2%65") },
	/* backslash */
	{ HDL_STR("/a\\b"), HDL_STR("/a/b") },
	{ HDL_STR("/a\\..\\b"), HDL_STR("/b") },
	{ HDL_STR("\\a"), HDL_STR("/a") },
	/* case of the path is kept */
	{ HDL_STR("/A/./B"), HDL_STR("/A/B") },
};

static void test_normalize(void **state)
{
	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(paths); i++) {
		size_t n = paths[i].path.n;
		char *exact = malloc(n), *own = malloc(n);
		struct hdl_str got, again;

		assert_non_null(exact);
		assert_non_null(own);
		memcpy(own, paths[i].path.p, n);
		assert_int_equal(hdl_http_path_normalize(paths[i].path, exact, n, &got), 0);
		if (!hdl_str_eq(got, paths[i].normal))
			fail_msg("%.*s became %.*s", HDL_STR_ARG(paths[i].path), HDL_STR_ARG(got));
		/* in place */
		assert_int_equal(hdl_http_path_normalize((struct hdl_str){ own, n }, own, n, &again), 0);
		assert_true(hdl_str_eq(again, paths[i].normal));
		/* twice is once */
		assert_int_equal(hdl_http_path_normalize(got, own, n, &again), 0);
		assert_true(hdl_str_eq(again, paths[i].normal));
		free(exact);
		free(own);
	}
}

static void test_fast_path_copies_nothing(void **state)
{
	struct hdl_str path = HDL_STR("/api/v1/things.json"), got;

	(void)state;
	assert_int_equal(hdl_http_path_normalize(path, NULL, 0, &got), 0);
	assert_ptr_equal(got.p, path.p);
}

static void test_refused(void **state)
{
	char buf[16];
	struct hdl_str got = { "x", 1 };

	(void)state;
	assert_int_equal(hdl_http_path_normalize(HDL_STR("/a%00b"), buf, sizeof(buf), &got), -EINVAL);
	assert_int_equal(hdl_http_path_normalize(HDL_STR("/./a"), buf, 3, &got), -ENOSPC);
	assert_string_equal(got.p, "x");
}

static void test_query(void **state)
{
	static const struct {
		struct hdl_str query, key;
		const char *value; /* NULL: not there */
	} cases[] = {
		{ HDL_STR("a=1&b=2"), HDL_STR("b"), "2" }, { HDL_STR("a=1&a=2"), HDL_STR("a"), "1" },
		{ HDL_STR("e"), HDL_STR("e"), "" },        { HDL_STR("e="), HDL_STR("e"), "" },
		{ HDL_STR("e&a"), HDL_STR("a"), "" },      { HDL_STR("A=1"), HDL_STR("a"), NULL },
		{ HDL_STR("ab=1"), HDL_STR("a"), NULL },   { HDL_STR("x=a=1"), HDL_STR("a"), NULL },
		{ HDL_STR("x=a=1"), HDL_STR("x"), "a=1" }, { HDL_STR("a=%20+b"), HDL_STR("a"), "%20+b" },
		{ HDL_STR("%61=1"), HDL_STR("a"), NULL },  { HDL_STR("&&a=1&"), HDL_STR("a"), "1" },
		{ HDL_STR(""), HDL_STR("a"), NULL },       { { NULL, 0 }, HDL_STR("a"), NULL },
		{ HDL_STR("a;b=1"), HDL_STR("b"), NULL },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(cases); i++) {
		struct hdl_str value = HDL_STR("untouched");
		bool found = hdl_http_query_get(cases[i].query, cases[i].key, &value);

		assert_int_equal(found, cases[i].value != NULL);
		assert_true(hdl_str_eq(value, hdl_str_of(found ? cases[i].value : "untouched")));
	}
}

/* The options of the mesh, in the memory of the path itself. */
static void test_options(void **state)
{
	static const struct {
		const char *path, *normal[4]; /* BASE, NONE, MERGE_SLASHES, DECODE_AND_MERGE_SLASHES; NULL: refused */
	} cases[] = {
		{ "/a/b", { "/a/b", "/a/b", "/a/b", "/a/b" } },
		{ "//a///b//", { "//a///b//", "//a///b//", "/a/b/", "/a/b/" } },
		{ "/a//../b", { "/a/b", "/a//../b", "/a/b", "/a/b" } },
		{ "/a%2Fb%2f%5cc", { "/a%2Fb%2f%5cc", "/a%2Fb%2f%5cc", "/a%2Fb%2f%5cc", "/a/b/c" } },
		{ "/a%2f..%5Cb", { "/a%2f..%5Cb", "/a%2f..%5Cb", "/a%2f..%5Cb", "/b" } },
		{ "/%61\\", { "/a/", "/%61\\", "/a/", "/a/" } },
		{ "/%252f", { "/%252f", "/%252f", "/%252f", "/%252f" } },
		{ "/%2", { "/%2", "/%2", "/%2", "/%2" } },
		{ "/%2z%", { "/%2z%", "/%2z%", "/%2z%", "/%2z%" } },
		{ "/%00", { NULL, "/%00", NULL, NULL } },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(cases); i++)
		for (int how = 0; how < 4; how++) {
			size_t n = strlen(cases[i].path);
			char *own = malloc(n);
			struct hdl_str got = { 0 };
			int r;

			memcpy(own, cases[i].path, n);
			r = hdl_http_path_normalize_as((struct hdl_str){ own, n }, (enum hdl_http_normalization)how,
						       &got);
			assert_int_equal(r, cases[i].normal[how] ? 0 : -EINVAL);
			if (r == 0 && !hdl_str_eq(got, hdl_str_of(cases[i].normal[how])))
				fail_msg("%s as %d: " HDL_STR_FMT, cases[i].path, how, HDL_STR_ARG(got));
			free(own);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_normalize),
		cmocka_unit_test(test_fast_path_copies_nothing),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_query),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
