/* SPDX-License-Identifier: Apache-2.0 */
/* The arena hands out zeroed, aligned memory, keeps its limit and survives allocation failure at every step. */
#include "unit/unit.h"
#include "unit/failmalloc.h"
#include "base/arena.c"

static void test_zeroed_and_aligned(void **state)
{
	struct hdl_arena *arena = hdl_arena_new(0);
	static const size_t sizes[] = { 0, 1, 15, 16, 17, 4096, 5000, 3000000, 1 };
	char *previous = NULL;

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(sizes); i++) {
		char *p = hdl_arena_alloc(arena, sizes[i]);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % ALIGNMENT, 0);
		assert_ptr_not_equal(p, previous);
		for (size_t j = 0; j < sizes[i]; j++)
			assert_int_equal(p[j], 0);
		memset(p, 0xff, sizes[i]);
		previous = p;
	}
	assert_null(hdl_arena_free(arena));
}

static void test_reset_reuses_zeroed(void **state)
{
	struct hdl_arena *arena = hdl_arena_new(0);
	char *first = hdl_arena_alloc(arena, 100);

	(void)state;
	memset(first, 0xff, 100);
	for (int i = 0; i < 100; i++)
		assert_non_null(hdl_arena_alloc(arena, 1000));
	assert_true(hdl_arena_used_bytes(arena) >= 100100);
	hdl_arena_reset(arena);
	assert_int_equal(hdl_arena_used_bytes(arena), 0);
	assert_null(arena->first->next);
	assert_ptr_equal(hdl_arena_alloc(arena, 100), first);
	for (int i = 0; i < 100; i++)
		assert_int_equal(first[i], 0);
	hdl_arena_free(arena);
}

static void test_reset_of_empty_and_of_huge(void **state)
{
	struct hdl_arena *arena = hdl_arena_new(0);

	(void)state;
	hdl_arena_reset(arena);
	assert_non_null(hdl_arena_alloc(arena, MAX_BLOCK_BYTES + 1));
	hdl_arena_reset(arena);
	assert_null(arena->first); /* a huge block is not kept */
	assert_non_null(hdl_arena_alloc(arena, 1));
	hdl_arena_free(arena);
}

static size_t count_blocks(const struct hdl_arena *arena)
{
	size_t n = 0;

	for (const struct block *b = arena->first; b; b = b->next)
		n++;
	return n;
}

static void test_small_blocks(void **state)
{
	struct hdl_arena *arena = hdl_arena_new_small(0, 2048);
	char *large, *text[100];
	struct block *current;

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(text); i++) {
		text[i] = hdl_arena_printf(arena, "text %zu", i);
		assert_non_null(text[i]);
		assert_non_null(memset(hdl_arena_alloc(arena, 56), 0xff, 56));
	}
	for (size_t i = 0; i < HDL_ARRAY_SIZE(text); i++)
		assert_int_equal(strtol(text[i] + 5, NULL, 10), i);
	assert_true(count_blocks(arena) >= 3);
	for (struct block *b = arena->first; b; b = b->next)
		assert_true(b->capacity < 2048);
	/* one that is larger than a block leaves the rest of the current block to smaller ones */
	current = arena->current;
	large = hdl_arena_alloc(arena, 5000);
	assert_non_null(large);
	assert_ptr_equal(arena->current, current);
	hdl_arena_reset(arena);
	assert_int_equal(count_blocks(arena), 1);
	for (size_t i = 0; i < 1000; i++)
		assert_non_null(hdl_arena_alloc(arena, 100));
	for (struct block *b = arena->first; b; b = b->next)
		assert_true(b->capacity < 2048);
	hdl_arena_free(arena);
	arena = hdl_arena_new_small(0, 1);
	assert_non_null(hdl_arena_alloc(arena, 100));
	assert_int_equal(count_blocks(arena), 1);
	hdl_arena_free(arena);
}

/* Texts take as many bytes as they have; nothing between them and objects overlaps. */
static void test_texts_are_packed(void **state)
{
	struct hdl_arena *arena = hdl_arena_new(0);
	size_t bytes;

	(void)state;
	assert_non_null(hdl_arena_alloc(arena, 8));
	bytes = hdl_arena_used_bytes(arena);
	assert_string_equal(hdl_arena_strdup(arena, "ab"), "ab");
	assert_string_equal(hdl_arena_strdup(arena, "cd"), "cd");
	assert_int_equal(hdl_arena_used_bytes(arena) - bytes, TEXT_ALIGNMENT == 1 ? 6 : 2 * ALIGNMENT);
	assert_int_equal((uintptr_t)hdl_arena_alloc(arena, 8) % ALIGNMENT, 0);
	hdl_arena_free(arena);
}

static void test_limit(void **state)
{
	struct hdl_arena *arena = hdl_arena_new(64);

	(void)state;
	assert_non_null(hdl_arena_alloc(arena, 41)); /* counts as 48 */
	assert_false(hdl_arena_limit_met(arena));
	assert_null(hdl_arena_alloc(arena, 17));
	assert_true(hdl_arena_limit_met(arena));
	assert_non_null(hdl_arena_alloc(arena, 16)); /* a refusal leaves the arena usable */
	assert_int_equal(hdl_arena_used_bytes(arena), 64);
	assert_null(hdl_arena_alloc(arena, 0));
	assert_null(hdl_arena_strdup(arena, "x"));
	assert_null(hdl_arena_printf(arena, "%d", 1));
	hdl_arena_reset(arena);
	assert_false(hdl_arena_limit_met(arena));
	assert_non_null(hdl_arena_alloc(arena, 64));
	hdl_arena_free(arena);
}

static void test_overflow(void **state)
{
	struct hdl_arena *arena = hdl_arena_new(0);

	(void)state;
	assert_null(hdl_arena_calloc(arena, SIZE_MAX / 2, 3));
	assert_null(hdl_arena_alloc(arena, SIZE_MAX));
	assert_null(hdl_arena_alloc(arena, SIZE_MAX - 15));
	assert_null(hdl_arena_strndup(arena, "", SIZE_MAX));
	assert_non_null(hdl_arena_calloc(arena, 0, 8));
	assert_non_null(hdl_arena_calloc(arena, 8, 0));
	hdl_arena_free(arena);
}

static void test_strings(void **state)
{
	struct hdl_arena *arena = hdl_arena_new(0);
	char *text;

	(void)state;
	assert_string_equal(hdl_arena_strdup(arena, ""), "");
	assert_string_equal(hdl_arena_strdup(arena, "heddle"), "heddle");
	assert_memory_equal(hdl_arena_strndup(arena, "a\0bc", 4), "a\0bc", 5);
	assert_string_equal(hdl_arena_strndup(arena, NULL, 0), "");
	assert_string_equal(hdl_arena_printf(arena, "%s:%d", "host", 80), "host:80");
	text = hdl_arena_printf(arena, "%0*d", 10000, 7);
	assert_int_equal(strlen(text), 10000);
	assert_int_equal(text[9999], '7');
	hdl_arena_free(arena);
}

static void test_allocation_failure(void **state)
{
	bool succeeded = false;

	(void)state;
	for (int n = 0; !succeeded && n < 100; n++) {
		struct hdl_arena *arena;

		hdl_fail_after = n;
		arena = hdl_arena_new(0);
		if (arena) {
			bool a = hdl_arena_alloc(arena, 4000), b = hdl_arena_alloc(arena, 4000);
			bool c = hdl_arena_strdup(arena, "text"), d = hdl_arena_alloc(arena, 2000000);

			succeeded = a && b && c && d;
			assert_true(succeeded || n < 4);
			hdl_fail_after = -1;
			assert_non_null(hdl_arena_alloc(arena, 5000)); /* usable after a failure */
		} else {
			assert_int_equal(n, 0);
		}
		hdl_fail_after = -1;
		hdl_arena_free(arena);
	}
	assert_true(succeeded);
}

static void test_free_null(void **state)
{
	(void)state;
	assert_null(hdl_arena_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zeroed_and_aligned),
		cmocka_unit_test(test_reset_reuses_zeroed),
		cmocka_unit_test(test_reset_of_empty_and_of_huge),
		cmocka_unit_test(test_small_blocks),
		cmocka_unit_test(test_texts_are_packed),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_overflow),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_allocation_failure),
		cmocka_unit_test(test_free_null),
	};

	return cmocka_run_group_tests_name("base/arena", tests, NULL, NULL);
}
