/* SPDX-License-Identifier: Apache-2.0 */
/* The difference of two arrays of pointers: complete, and small when the arrays are nearly equal. */
#include "unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/rand.h"
#include "base/diff.h"

#define MAX 400

static char object[4 * MAX];

static bool has(void *const *list, size_t n, const void *pointer)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == pointer)
			return true;
	return false;
}

/* All of what is on one side only is listed, nothing twice, and nothing that the side does not have. */
static void assert_complete(void *const *from, size_t from_count, void *const *to, size_t to_count, size_t most)
{
	struct hdl_arena *arena = hdl_arena_new(0);
	struct hdl_diff d;

	assert_int_equal(hdl_diff_make(arena, from, from_count, to, to_count, &d), 0);
	for (size_t i = 0; i < from_count; i++)
		assert_true(has(to, to_count, from[i]) || has(d.gone, d.gone_count, from[i]));
	for (size_t i = 0; i < to_count; i++)
		assert_true(has(from, from_count, to[i]) || has(d.came, d.came_count, to[i]));
	for (size_t i = 0; i < d.gone_count; i++)
		assert_true(has(from, from_count, d.gone[i]) && !has(d.gone, i, d.gone[i]));
	for (size_t i = 0; i < d.came_count; i++)
		assert_true(has(to, to_count, d.came[i]) && !has(d.came, i, d.came[i]));
	assert_true(d.gone_count <= most && d.came_count <= most);
	hdl_arena_free(arena);
}

static size_t edit(struct hdl_rand *rand, void **list, size_t n, char **fresh)
{
	size_t at = n ? hdl_rand_u32(rand) % n : 0;

	switch (hdl_rand_u32(rand) % 3) {
	case 0:
		if (n == 0)
			return n;
		list[at] = (*fresh)++;
		return n;
	case 1:
		if (n == 0)
			return n;
		memmove(&list[at], &list[at + 1], (n - at - 1) * sizeof(*list));
		return n - 1;
	default:
		memmove(&list[at + 1], &list[at], (n - at) * sizeof(*list));
		list[at] = (*fresh)++;
		return n + 1;
	}
}

/* A few edits anywhere: no more is listed than was edited. */
static void few_edits(void **state)
{
	struct hdl_rand rand;

	(void)state;
	hdl_rand_seed(&rand, 1);
	for (int turn = 0; turn < 2000; turn++) {
		void *from[MAX], *to[MAX];
		char *fresh = object;
		size_t n = hdl_rand_u32(&rand) % (MAX / 2), m = n;
		uint32_t edits = hdl_rand_u32(&rand) % 9;

		for (size_t i = 0; i < n; i++)
			from[i] = to[i] = fresh++;
		for (uint32_t e = 0; e < edits; e++)
			m = edit(&rand, to, m, &fresh);
		assert_complete(from, n, to, m, edits);
	}
}

/* A block that goes, a block that comes, everything new, another order: more than the window holds. */
static void large_differences(void **state)
{
	void *from[MAX], *to[MAX];

	(void)state;
	for (size_t i = 0; i < MAX; i++)
		from[i] = &object[i];
	for (size_t block = 1; block < MAX; block += 37) {
		for (size_t at = 0; at + block <= MAX; at += 53) {
			memcpy(to, from, at * sizeof(*to));
			memcpy(to + at, from + at + block, (MAX - at - block) * sizeof(*to));
			assert_complete(from, MAX, to, MAX - block, block);
			assert_complete(to, MAX - block, from, MAX, block);
		}
	}
	for (size_t i = 0; i < MAX; i++)
		to[i] = &object[MAX + i];
	assert_complete(from, MAX, to, MAX, MAX);
	for (size_t i = 0; i < MAX; i++)
		to[i] = from[MAX - 1 - i];
	assert_complete(from, MAX, to, MAX, MAX);
	assert_complete(from, 0, to, MAX, MAX);
	assert_complete(from, MAX, to, 0, MAX);
	assert_complete(NULL, 0, NULL, 0, 0);
}

static void no_memory(void **state)
{
	void *from[MAX], *to[MAX];
	size_t limit = 0;
	struct hdl_diff d;
	int r;

	(void)state;
	for (size_t i = 0; i < MAX; i++) {
		from[i] = &object[i];
		to[i] = &object[MAX + i];
	}
	do {
		struct hdl_arena *arena = hdl_arena_new(limit += 512);

		r = hdl_diff_make(arena, from, MAX, to, MAX, &d);
		assert_true(r == 0 || r == -ENOMEM);
		hdl_arena_free(arena);
	} while (r < 0);
	assert_true(limit > 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(few_edits),
		cmocka_unit_test(large_differences),
		cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
