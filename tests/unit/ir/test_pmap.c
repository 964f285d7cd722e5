/* SPDX-License-Identifier: Apache-2.0 */
/* The persistent map: any edits, equal hashes too, and versions that stay as they were; nothing leaks. */
#include "unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "ir/generation.h"
#include "ir/pmap.h"

#define KEYS 600

static bool equal(const void *entry, const void *key)
{
	return *(const unsigned int *)entry == *(const unsigned int *)key;
}

/* Few values of the low bits, and whole hashes shared by several keys. */
static uint64_t hash_of(unsigned int key)
{
	return key % 3 == 0 ? 7 : (uint64_t)(key / 4) << 40 | 5;
}

static void check(const struct hdl_ir_pmap *map, const unsigned int *const *expected)
{
	for (unsigned int key = 0; key < KEYS; key++)
		assert_ptr_equal(hdl_ir_pmap_get(map, hash_of(key), &key, equal), expected[key]);
}

static void versions(void **state)
{
	static unsigned int entries[2][KEYS];
	const unsigned int *now[KEYS] = { 0 }, *before[KEYS];
	struct hdl_ir_generation *newest = hdl_ir_generation_new(), *oldest = hdl_ir_generation_ref(newest);
	struct hdl_ir_pmap *map = NULL;

	(void)state;
	srand(1);
	for (unsigned int i = 0; i < 2 * KEYS; i++)
		entries[i / KEYS][i % KEYS] = i % KEYS;
	for (unsigned int version = 1; version <= 200; version++) {
		struct hdl_ir_pmap_edit edit = { .map = map, .serial = version, .generation = newest };
		struct hdl_ir_generation *next = hdl_ir_generation_new();

		memcpy(before, now, sizeof(now));
		for (unsigned int n = version == 1 ? KEYS : (unsigned int)rand() % 20; n; n--) {
			unsigned int key = (unsigned int)rand() % KEYS;

			if (rand() % 2) {
				now[key] = &entries[rand() % 2][key];
				assert_int_equal(hdl_ir_pmap_put(&edit, hash_of(key), &key, now[key], equal), 0);
			} else {
				now[key] = NULL;
				assert_int_equal(hdl_ir_pmap_remove(&edit, hash_of(key), &key, equal), 0);
			}
		}
		check(map, before);
		check(edit.map, now);
		map = edit.map;
		hdl_ir_generation_follow(newest, next);
		newest = next;
		if (version % 10 == 0) { /* the readers of ten versions go at once */
			hdl_ir_generation_unref(oldest);
			oldest = hdl_ir_generation_ref(newest);
		}
	}
	hdl_ir_pmap_free(map, newest);
	hdl_ir_generation_unref(oldest);
	hdl_ir_generation_unref(newest);
}

static int freed;

static void count(struct hdl_ir_retired *object)
{
	(void)object;
	freed++;
}

/* An object goes when the last snapshot that had it and all older ones are gone, in whatever order they go. */
static void generations(void **state)
{
	struct hdl_ir_generation *maker = hdl_ir_generation_new(), *g[3];
	struct hdl_ir_retired object[3] = { { .born = 0 } };

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct hdl_ir_generation *next = hdl_ir_generation_new();

		g[i] = hdl_ir_generation_ref(maker);
		hdl_ir_generation_retire(maker, &object[i], count);
		hdl_ir_generation_follow(maker, next);
		maker = next;
	}
	hdl_ir_generation_unref(maker);
	hdl_ir_generation_unref(g[1]);
	assert_int_equal(freed, 0);
	hdl_ir_generation_unref(g[0]);
	assert_int_equal(freed, 2);
	hdl_ir_generation_unref(g[2]);
	assert_int_equal(freed, 3);
}

/* A snapshot that is used for long keeps what it has, and nothing of what came and went after it. */
static void long_use(void **state)
{
	struct hdl_ir_generation *maker = hdl_ir_generation_new(), *first = hdl_ir_generation_ref(maker),
				 *second = NULL;
	static struct hdl_ir_retired object[1000];

	(void)state;
	freed = 0;
	for (int i = 0; i < 1000; i++) {
		struct hdl_ir_generation *next = hdl_ir_generation_new();

		/* the first ten are as old as the one in use; later ones are of one generation each */
		object[i].born = i < 10 ? 1 : hdl_ir_generation_next(maker) - 1;
		hdl_ir_generation_retire(maker, &object[i], count);
		if (i == 500)
			second = hdl_ir_generation_ref(maker);
		hdl_ir_generation_follow(maker, next);
		maker = next;
	}
	assert_int_equal(freed, 1000 - 10 - 1);
	hdl_ir_generation_unref(second);
	assert_int_equal(freed, 1000 - 10);
	hdl_ir_generation_unref(first);
	assert_int_equal(freed, 1000);
	hdl_ir_generation_unref(maker);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(versions), cmocka_unit_test(generations),
					    cmocka_unit_test(long_use) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
