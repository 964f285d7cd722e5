/* SPDX-License-Identifier: Apache-2.0 */
/* Hash rings: the test vectors of specification C.3. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/hash.h"
#include "heddle/core/tables_user.h"
#include "heddle/core/pick.h"
#include "lb/ring.h"

#define MAX 8388608

static const char *const keys[] = { "10.0.0.1:8080", "10.0.0.2:8080", "10.0.0.3:8080" };
static const char *const texts[] = { "foo", "user-1", "user-2", "user-3", "user-4", "user-5", "alice", "bob" };

struct ring {
	struct hdl_ring_entry *entries;
	uint32_t count;
};

static struct ring ring_of(const uint32_t *weights, uint64_t minimum)
{
	struct ring ring = { calloc(hdl_ring_room(weights, 3, minimum, MAX), sizeof(*ring.entries)), 0 };

	assert_non_null(ring.entries);
	assert_int_equal(hdl_ring_build(keys, weights, 3, minimum, MAX, ring.entries, &ring.count), 0);
	assert_true(ring.count <= hdl_ring_room(weights, 3, minimum, MAX));
	for (uint32_t i = 1; i < ring.count; i++)
		assert_true(ring.entries[i - 1].hash <= ring.entries[i].hash);
	return ring;
}

/* As the core picks, by the last octet of the address. */
static uint32_t pick(const struct ring *ring, const char *text, uint8_t attempt)
{
	struct hdl_health health[3] = { { .generation = 1 } };
	uint32_t slot[3] = { 0, 1, 2 };
	struct hdl_tables tables = {
		.health = health,
		.health_count = 3,
		.slot = slot,
		.slot_count = 3,
		.ring = ring->entries,
		.ring_count = ring->count,
	};
	struct hdl_pick p = {
		.tables = &tables,
		.hash = hdl_hash64(text, strlen(text), 0),
		.has_hash = 1,
		.policy = HDL_POLICY_RING_HASH,
		.list = { 0, 3 },
		.table = { 0, ring->count },
		.endpoint_count = 3,
		.healthy_count = 3,
		.group = HDL_CORE_GROUP_NONE,
		.attempt = attempt,
	};

	p.endpoint = UINT32_MAX;
	hdl_core_pick(&p);
	return p.endpoint + 1;
}

static void picks(void **state)
{
	static const uint32_t expected[] = { 1, 2, 3, 1, 1, 3, 3, 3 }, second[] = { 2, 3, 2, 2, 1, 1, 2, 2 };
	struct ring ring = ring_of(NULL, 1024);
	uint32_t of[3] = { 0 };

	(void)state;
	assert_int_equal(ring.count, 1026);
	for (uint32_t i = 0; i < ring.count; i++)
		of[ring.entries[i].endpoint]++;
	for (int i = 0; i < 3; i++)
		assert_int_equal(of[i], 342);
	for (size_t i = 0; i < 8; i++) {
		assert_int_equal(pick(&ring, texts[i], 0), expected[i]);
		assert_int_equal(pick(&ring, texts[i], 1), second[i]);
	}
	free(ring.entries);
}

static void weights(void **state)
{
	static const uint32_t weight[] = { 1, 2, 5 }, entries[] = { 128, 256, 640 };
	static const size_t text[] = { 0, 1, 2, 6 };
	struct ring ring = ring_of(weight, 1024);
	uint32_t of[3] = { 0 };

	(void)state;
	for (uint32_t i = 0; i < ring.count; i++)
		of[ring.entries[i].endpoint]++;
	for (int i = 0; i < 3; i++)
		assert_int_equal(of[i], entries[i]);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pick(&ring, texts[text[i]], 0), 3);
	free(ring.entries);
}

static void smallest(void **state)
{
	static const struct {
		uint32_t host;
		uint64_t hash;
	} expected[] = {
		{ 2, 0x06a50ab67f1f0127 }, { 1, 0x23a29ae775dfd4a3 }, { 3, 0x3860c69f3ebc86ee },
		{ 2, 0x6498e29e6c854b73 }, { 2, 0xce921411711a8ace }, { 3, 0xd1470139ee5731c3 },
		{ 3, 0xd48ef3e9ce1a130b }, { 1, 0xe6acd2238f8f5a9c }, { 1, 0xfaab0eb8a7b5054a },
	};
	struct ring ring = ring_of(NULL, 8);

	(void)state;
	assert_int_equal(ring.count, 9);
	for (uint32_t i = 0; i < 9; i++) {
		assert_true(ring.entries[i].hash == expected[i].hash);
		assert_int_equal(ring.entries[i].endpoint + 1, expected[i].host);
	}
	free(ring.entries);
}

/* The maximum holds also where the smallest weight would need more; what makes no sense is refused. */
static void limits(void **state)
{
	static const uint32_t weight[] = { 1, 1, 60000 }, none[] = { 1, 0, 1 };
	struct hdl_ring_entry entries[128];
	uint32_t count;

	(void)state;
	assert_in_range(hdl_ring_room(weight, 3, 1024, 100), 100, 101);
	assert_int_equal(hdl_ring_build(keys, weight, 3, 1024, 100, entries, &count), 0);
	assert_in_range(count, 99, 101);
	assert_int_equal(hdl_ring_build(keys, none, 3, 8, 100, entries, &count), -22);
	assert_int_equal(hdl_ring_build(keys, NULL, 0, 8, 100, entries, &count), -22);
	assert_int_equal(hdl_ring_build(keys, NULL, 3, 0, 100, entries, &count), -22);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(picks),
		cmocka_unit_test(weights),
		cmocka_unit_test(smallest),
		cmocka_unit_test(limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
