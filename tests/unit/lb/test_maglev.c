/* SPDX-License-Identifier: Apache-2.0 */
/* Maglev tables equal the vectors of specification C.3 and move only what they must. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <cmocka.h>

#include "base/hash.h"
#include "lb/maglev.h"

static const char *const hosts[] = { "10.0.0.1:8080", "10.0.0.2:8080", "10.0.0.3:8080" };
static const uint32_t weights_125[] = { 1, 2, 5 };

static void small_tables(void **state)
{
	static const uint32_t equal[11] = { 2, 1, 1, 2, 1, 1, 2, 3, 3, 3, 2 };
	static const uint32_t weighted[11] = { 2, 3, 1, 2, 3, 1, 3, 3, 3, 3, 2 };
	uint32_t table[11];

	(void)state;
	assert_int_equal(hdl_maglev_build(hosts, NULL, 3, 11, table), 0);
	for (int i = 0; i < 11; i++)
		assert_int_equal(table[i] + 1, equal[i]);
	assert_int_equal(hdl_maglev_build(hosts, weights_125, 3, 11, table), 0);
	for (int i = 0; i < 11; i++)
		assert_int_equal(table[i] + 1, weighted[i]);
}

static uint32_t look_up(const uint32_t *table, uint32_t size, const char *text)
{
	return table[hdl_hash64(text, strlen(text), 0) % size] + 1;
}

static void big_tables(void **state)
{
	static const struct {
		const char *text;
		uint32_t equal, weighted;
	} picks[] = { { "foo", 3, 3 },    { "user-1", 2, 2 }, { "user-2", 1, 1 }, { "user-3", 2, 0 },
		      { "user-4", 3, 0 }, { "user-5", 3, 0 }, { "alice", 2, 2 },  { "bob", 3, 0 } };
	uint32_t size = 65537, *table = calloc(size, sizeof(*table)), count[3] = { 0 };

	(void)state;
	assert_int_equal(hdl_maglev_build(hosts, NULL, 3, size, table), 0);
	for (uint32_t i = 0; i < size; i++)
		count[table[i]]++;
	assert_int_equal(count[0], 21846);
	assert_int_equal(count[1], 21846);
	assert_int_equal(count[2], 21845);
	for (size_t i = 0; i < sizeof(picks) / sizeof(picks[0]); i++)
		assert_int_equal(look_up(table, size, picks[i].text), picks[i].equal);

	assert_int_equal(hdl_maglev_build(hosts, weights_125, 3, size, table), 0);
	memset(count, 0, sizeof(count));
	for (uint32_t i = 0; i < size; i++)
		count[table[i]]++;
	assert_int_equal(count[0], 8193);
	assert_int_equal(count[1], 16385);
	assert_int_equal(count[2], 40959);
	for (size_t i = 0; i < sizeof(picks) / sizeof(picks[0]); i++)
		if (picks[i].weighted)
			assert_int_equal(look_up(table, size, picks[i].text), picks[i].weighted);
	free(table);
}

static void order_of_input_does_not_matter(void **state)
{
	const char *const turned[] = { hosts[2], hosts[0], hosts[1] };
	uint32_t a[101], b[101];

	(void)state;
	assert_int_equal(hdl_maglev_build(hosts, NULL, 3, 101, a), 0);
	assert_int_equal(hdl_maglev_build(turned, NULL, 3, 101, b), 0);
	for (int i = 0; i < 101; i++)
		assert_string_equal(hosts[a[i]], turned[b[i]]);
}

static void bad_arguments(void **state)
{
	static const uint32_t zero[] = { 1, 0, 1 }, sizes[] = { 0, 1, 4, 9, 65536, 65539u * 3 };
	uint32_t table[11] = { 7 };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		assert_int_equal(hdl_maglev_build(hosts, NULL, 3, sizes[i], table), -EINVAL);
	assert_int_equal(hdl_maglev_build(hosts, NULL, 0, 11, table), -EINVAL);
	assert_int_equal(hdl_maglev_build(hosts, zero, 3, 11, table), -EINVAL);
	assert_int_equal(table[0], 7);
	assert_int_equal(hdl_maglev_build(hosts, NULL, 3, 2, table), 0);
}

/* One of 100 endpoints goes: of the keys of the others at most 1.3 % move, in tables of both sizes that there are. */
static void disruption(void **state)
{
	static const uint32_t sizes[] = { 65537, 655373 };
	char text[100][24];
	const char *keys[100], *rest[99];

	(void)state;
	for (int i = 0; i < 100; i++) {
		snprintf(text[i], sizeof(text[i]), "10.1.%d.%d:8080", i / 7, i * 2 + 1);
		keys[i] = text[i];
	}
	for (size_t s = 0; s < 2; s++) {
		uint32_t *all = calloc(sizes[s], sizeof(*all)), *left = calloc(sizes[s], sizeof(*left));

		assert_true(all && left);
		assert_int_equal(hdl_maglev_build(keys, NULL, 100, sizes[s], all), 0);
		for (uint32_t gone = 0; gone < 100; gone += s ? 50 : 9) {
			uint32_t kept = 0, moved = 0;

			for (uint32_t i = 0, n = 0; i < 100; i++)
				if (i != gone)
					rest[n++] = keys[i];
			assert_int_equal(hdl_maglev_build(rest, NULL, 99, sizes[s], left), 0);
			for (uint32_t i = 0; i < sizes[s]; i++) {
				kept += all[i] != gone;
				moved += all[i] != gone && keys[all[i]] != rest[left[i]];
			}
			assert_true(moved * 1000ull <= kept * 13ull);
		}
		free(all);
		free(left);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_tables),
		cmocka_unit_test(big_tables),
		cmocka_unit_test(order_of_input_does_not_matter),
		cmocka_unit_test(bad_arguments),
		cmocka_unit_test(disruption),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
