/* SPDX-License-Identifier: Apache-2.0 */
/* Picks for requests: families in order of preference, ejected endpoints passed over, tried ones picked anew (B.9). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/hash.h"
#include "lb/maglev.h"
#include "lb/pick.h"

#define ENDPOINTS 4 /* ids 1 to 3 */

static struct hdl_health health[ENDPOINTS];
static struct hdl_balance balance[2];
static __u32 slot[64];
static struct hdl_tables tables = { .health = health,
				    .balance = balance,
				    .slot = slot,
				    .health_count = ENDPOINTS,
				    .balance_count = 2,
				    .slot_count = 64 };
static struct hdl_rand rnd;

/* v4: endpoints 1 and 2 at slot 0; v6: 2 and 3 at slot 8 */
static struct hdl_ir_cluster cluster_of(enum hdl_policy policy)
{
	struct hdl_ir_cluster c = {
		.id = 1,
		.record = { .policy = (__u8)policy,
			    .endpoint_count = 3,
			    .healthy_count = 3,
			    .member = { { 0, 2 }, { 8, 2 } } },
	};

	memset(health, 0, sizeof(health));
	memset(balance, 0, sizeof(balance));
	slot[0] = 1;
	slot[1] = 2;
	slot[8] = 2;
	slot[9] = 3;
	hdl_rand_seed(&rnd, 1);
	return c;
}

static uint32_t pick(const struct hdl_ir_cluster *c, enum hdl_family family, const uint32_t *previous, uint32_t n,
		     enum hdl_family *ret_family)
{
	struct hdl_lb_request r = { .tables = &tables,
				    .cluster = c,
				    .rand = &rnd,
				    .now_ns = 1000,
				    .family = family,
				    .previous = previous,
				    .previous_count = n };
	uint32_t endpoint = 0;

	return hdl_lb_pick(&r, &endpoint, ret_family) == HDL_VERDICT_BALANCED ? endpoint : 0;
}

static void families(void **state)
{
	struct hdl_ir_cluster c = cluster_of(HDL_POLICY_ROUND_ROBIN);
	enum hdl_family family;
	uint32_t seen = 0;

	(void)state;
	for (int i = 0; i < 10; i++) {
		seen |= 1u << pick(&c, HDL_FAMILY_V4, NULL, 0, &family);
		assert_int_equal(family, HDL_FAMILY_V4);
	}
	assert_int_equal(seen, 1 << 1 | 1 << 2);
	/* The client's family has no endpoint left: the other one is used. */
	health[1].ejected_until_ns = health[2].ejected_until_ns = 2000;
	assert_int_equal(pick(&c, HDL_FAMILY_V4, NULL, 0, &family), 3);
	assert_int_equal(family, HDL_FAMILY_V6);
	health[3].ejected_until_ns = 2000;
	assert_int_equal(pick(&c, HDL_FAMILY_V4, NULL, 0, &family), 0);
	/* Over: now >= until. */
	health[2].ejected_until_ns = 1000;
	assert_int_equal(pick(&c, HDL_FAMILY_V4, NULL, 0, &family), 2);
	/* A cluster without addresses of the family at all. */
	c.record.member[HDL_FAMILY_V4] = (struct hdl_range){ 0 };
	health[2].ejected_until_ns = 0;
	assert_int_equal(pick(&c, HDL_FAMILY_V4, NULL, 0, &family), 2);
	assert_int_equal(family, HDL_FAMILY_V6);
	c.record.member[HDL_FAMILY_V6] = (struct hdl_range){ 0 };
	assert_int_equal(pick(&c, HDL_FAMILY_V4, NULL, 0, &family), 0);
}

static void previous_hosts(void **state)
{
	struct hdl_ir_cluster c = cluster_of(HDL_POLICY_ROUND_ROBIN);
	const uint32_t one[] = { 1 }, both[] = { 1, 2 };
	enum hdl_family family;
	int same = 0;

	(void)state;
	for (int i = 0; i < 20; i++)
		assert_int_equal(pick(&c, HDL_FAMILY_V4, one, 1, &family), 2);
	/* All were tried: the last pick is taken all the same. */
	for (int i = 0; i < 20; i++)
		assert_in_range(pick(&c, HDL_FAMILY_V4, both, 2, &family), 1, 2);
	/* Random: five re-picks miss with 2^-6. */
	c.record.policy = HDL_POLICY_RANDOM;
	for (int i = 0; i < 2000; i++)
		same += pick(&c, HDL_FAMILY_V4, one, 1, &family) == 1;
	assert_in_range(same, 8, 70);
}

/* The attempt moves a hash as specification C.3 says: table[(h ^ (~0 - n + 1)) mod M]. */
static void maglev_repick(void **state)
{
	const char *const keys[] = { "10.0.0.1:80", "10.0.0.2:80" };
	struct hdl_ir_cluster c = cluster_of(HDL_POLICY_MAGLEV);
	uint32_t table[31], avoid[1];

	(void)state;
	assert_int_equal(hdl_maglev_build(keys, NULL, 2, 31, table), 0);
	for (int i = 0; i < 31; i++)
		slot[16 + i] = table[i] + 1;
	c.record.table[HDL_FAMILY_V4] = (struct hdl_range){ 16, 31 };
	for (int i = 0; i < 200; i++) {
		uint64_t hash = hdl_hash64(&i, sizeof(i), 0), attempt = 0;
		struct hdl_lb_request r = {
			.tables = &tables, .cluster = &c, .rand = &rnd, .has_hash = true, .hash = hash
		};
		enum hdl_family family;
		uint32_t endpoint, expected = slot[16 + hash % 31];

		assert_int_equal(hdl_lb_pick(&r, &endpoint, &family), HDL_VERDICT_BALANCED);
		assert_int_equal(endpoint, expected);
		avoid[0] = endpoint;
		r.previous = avoid;
		r.previous_count = 1;
		while (expected == avoid[0] && attempt < HDL_LB_REPICKS) {
			attempt++;
			expected = slot[16 + (hash ^ (~0ull - attempt + 1)) % 31];
		}
		assert_int_equal(hdl_lb_pick(&r, &endpoint, &family), HDL_VERDICT_BALANCED);
		assert_int_equal(endpoint, expected);
	}
}

/* H.55: below minHealthPercent ejection is ignored. */
static void panic(void **state)
{
	struct hdl_ir_cluster c = cluster_of(HDL_POLICY_ROUND_ROBIN);
	enum hdl_family family;
	uint32_t seen = 0;

	(void)state;
	c.record.min_health_percent = 50;
	health[1].ejected_until_ns = 2000;
	balance[1].ejected = 1;
	for (int i = 0; i < 10; i++)
		seen |= 1u << pick(&c, HDL_FAMILY_V4, NULL, 0, &family);
	assert_int_equal(seen, 1 << 2);
	balance[1].ejected = 2; /* 33 % are left */
	for (int i = 0; i < 10; i++)
		seen |= 1u << pick(&c, HDL_FAMILY_V4, NULL, 0, &family);
	assert_int_equal(seen, 1 << 1 | 1 << 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(families),
		cmocka_unit_test(previous_hosts),
		cmocka_unit_test(maglev_repick),
		cmocka_unit_test(panic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
