/* SPDX-License-Identifier: Apache-2.0 */
/* Registry: keys find their ids, retired ids are not given out, adoption takes particular ids. */
#include "unit/unit.h"

#include <errno.h>
#include <string.h>
#include "base/rand.h"
#include "dp/registry.h"

static void life_of_an_id(void **state)
{
	struct hdl_registry r;
	uint64_t a = 1, b = 2, c = 3;
	uint32_t id, other;

	(void)state;
	hdl_registry_init(&r, sizeof(uint64_t), 2);
	assert_int_equal(hdl_registry_find(&r, &a), 0);
	assert_int_equal(hdl_registry_insert(&r, &a, &id), 0);
	assert_int_equal(id, 1); /* 0 is never an id */
	assert_int_equal(hdl_registry_find(&r, &a), 1);
	hdl_registry_retire(&r, id);
	assert_int_equal(hdl_registry_find(&r, &a), 0);
	assert_int_equal(hdl_registry_insert(&r, &b, &other), 0);
	assert_int_equal(other, 2);
	assert_int_equal(hdl_registry_insert(&r, &c, &other), -ENOSPC); /* 1 rests */
	hdl_registry_release(&r, id);
	assert_int_equal(hdl_registry_insert(&r, &c, &other), 0);
	assert_int_equal(other, 1);
	assert_memory_equal(hdl_registry_key(&r, 1), &c, sizeof(c));
	hdl_registry_done(&r);
}

static void adoption(void **state)
{
	struct hdl_registry r;
	uint64_t key[] = { 10, 20, 30, 40, 50 };
	uint32_t id;

	(void)state;
	hdl_registry_init(&r, sizeof(uint64_t), 200);
	assert_int_equal(hdl_registry_adopt(&r, &key[0], 150), 0);
	assert_int_equal(hdl_registry_adopt(&r, &key[1], 3), 0); /* below: it was among the free ones */
	assert_int_equal(hdl_registry_adopt(&r, &key[2], 3), -EEXIST);
	assert_int_equal(hdl_registry_adopt(&r, &key[1], 4), -EEXIST);
	assert_int_equal(hdl_registry_adopt(&r, &key[2], 0), -ERANGE);
	assert_int_equal(hdl_registry_adopt(&r, &key[2], 201), -ERANGE);
	for (int i = 0; i < 198; i++) {
		uint64_t k = 1000 + (uint64_t)i;

		assert_int_equal(hdl_registry_insert(&r, &k, &id), 0);
		assert_int_not_equal(id, 3);
		assert_int_not_equal(id, 150);
	}
	assert_int_equal(hdl_registry_insert(&r, &key[3], &id), -ENOSPC);
	assert_int_equal(hdl_registry_find(&r, &key[0]), 150);
	assert_int_equal(hdl_registry_find(&r, &key[1]), 3);
	hdl_registry_done(&r);
}

#define KEYS 3000

static void random_use(void **state)
{
	static uint32_t expected[KEYS];
	static uint8_t used[KEYS + 1];
	struct hdl_registry r;
	struct hdl_rand rand;
	uint32_t count = 0;

	(void)state;
	hdl_rand_seed(&rand, 9);
	hdl_registry_init(&r, sizeof(uint32_t), KEYS);
	for (int i = 0; i < 300000; i++) {
		uint32_t key = hdl_rand_u32(&rand) % KEYS;

		assert_int_equal(hdl_registry_find(&r, &key), expected[key]);
		if (expected[key]) {
			used[expected[key]] = 0;
			hdl_registry_release(&r, expected[key]);
			expected[key] = 0;
			count--;
		} else {
			assert_int_equal(hdl_registry_insert(&r, &key, &expected[key]), 0);
			assert_int_equal(used[expected[key]]++, 0);
			count++;
		}
		assert_int_equal(r.linked, count);
	}
	hdl_registry_done(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(life_of_an_id),
		cmocka_unit_test(adoption),
		cmocka_unit_test(random_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
