/* SPDX-License-Identifier: Apache-2.0 */
/* Picks in clusters with groups: priorities, spill-over, panic, shares, hashes (specification C.4). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/addr.h"
#include "lb/maglev.h"
#include "lb/pick.h"

#define N 8 /* ids 1 to 8: four in each group */
#define DRAWS 20000
#define TABLE 1021

static struct hdl_health health[N + 1];
static struct hdl_balance balance[2];
static __u32 slot[N + TABLE];
static struct hdl_endpoint record[N + 1];
static struct hdl_group group[2];
static struct hdl_tables tables = {
	.health = health,
	.balance = balance,
	.slot = slot,
	.endpoint = record,
	.group = group,
	.health_count = N + 1,
	.balance_count = 2,
	.slot_count = N + TABLE,
	.group_count = 2,
};
static struct hdl_rand rnd;

static struct hdl_ir_cluster cluster_of(enum hdl_policy policy)
{
	struct hdl_ir_cluster c = {
		.id = 1,
		.record = { .policy = (__u8)policy,
			    .endpoint_count = N,
			    .healthy_count = N,
			    .member = { { 0, N } },
			    .group = { 0, 2 } },
	};

	memset(health, 0, sizeof(health));
	memset(balance, 0, sizeof(balance));
	memset(record, 0, sizeof(record));
	for (uint32_t i = 0; i < N; i++) {
		slot[i] = i + 1;
		record[i + 1].address[HDL_FAMILY_V4].word[3] = i + 1;
	}
	for (uint32_t g = 0; g < 2; g++)
		group[g] = (struct hdl_group){
			.priority = g, .endpoint_count = 4, .healthy_count = 4, .member = { { 4 * g, 4 } }
		};
	hdl_rand_seed(&rnd, 7);
	return c;
}

static void eject(uint32_t from, uint32_t to)
{
	for (uint32_t id = from; id <= to; id++) {
		health[id].ejected_until_ns = 5000;
		balance[1].ejected++;
	}
}

/* 0: none. */
static uint32_t pick(const struct hdl_ir_cluster *c, uint64_t hash)
{
	struct hdl_lb_request r = { .tables = &tables,
				    .cluster = c,
				    .rand = &rnd,
				    .now_ns = 1000,
				    .hash = hash,
				    .has_hash = c->record.policy == HDL_POLICY_MAGLEV };
	enum hdl_family family;
	uint32_t id;

	return hdl_lb_pick(&r, &id, &family) == HDL_VERDICT_BALANCED ? id : 0;
}

/* Per 10000 of each endpoint, [0] of no answer. */
static void shares(const struct hdl_ir_cluster *c, uint32_t got[N + 1])
{
	memset(got, 0, (N + 1) * sizeof(*got));
	for (int i = 0; i < DRAWS; i++)
		got[pick(c, 0)]++;
	for (int i = 0; i <= N; i++)
		got[i] = got[i] * 10000 / DRAWS;
}

static void priorities(void **state)
{
	static const enum hdl_policy policies[] = { HDL_POLICY_RANDOM, HDL_POLICY_ROUND_ROBIN,
						    HDL_POLICY_LEAST_REQUEST };
	uint32_t got[N + 1];

	(void)state;
	for (size_t p = 0; p < 3; p++) {
		struct hdl_ir_cluster c = cluster_of(policies[p]);

		shares(&c, got);
		for (int i = 1; i <= 4; i++)
			assert_in_range(got[i], 2300, 2700);
		assert_int_equal(got[0] + got[5] + got[6] + got[7] + got[8], 0);
		/* half of the first: 70 to 30 */
		eject(1, 2);
		shares(&c, got);
		assert_int_equal(got[0] + got[1] + got[2], 0);
		assert_in_range(got[3] + got[4], 6800, 7200);
		for (int i = 5; i <= 8; i++)
			assert_in_range(got[i], 600, 900);
		/* nothing of the first is left */
		eject(3, 4);
		shares(&c, got);
		assert_int_equal(got[5] + got[6] + got[7] + got[8] + 10 >= 10000, 1);
		assert_int_equal(got[0] + got[1] + got[2] + got[3] + got[4], 0);
		eject(5, 8);
		assert_int_equal(pick(&c, 0), 0);
	}
}

/* An endpoint that was never ready counts in what its priority has, and is never picked. */
static void not_ready(void **state)
{
	struct hdl_ir_cluster c = cluster_of(HDL_POLICY_RANDOM);
	uint32_t got[N + 1];

	(void)state;
	memcpy(slot, (__u32[]){ 3, 4, 5, 6, 7, 8 }, 6 * sizeof(slot[0]));
	group[0].healthy_count = 2;
	group[0].member[HDL_FAMILY_V4] = (struct hdl_range){ 0, 2 };
	group[1].member[HDL_FAMILY_V4] = (struct hdl_range){ 2, 4 };
	c.record.member[HDL_FAMILY_V4].count = 6;
	shares(&c, got);
	assert_in_range(got[3] + got[4], 6800, 7200);
	assert_int_equal(got[0] + got[1] + got[2], 0);
}

static void panic(void **state)
{
	struct hdl_ir_cluster c = cluster_of(HDL_POLICY_RANDOM);
	uint32_t got[N + 1];

	(void)state;
	c.record.min_health_percent = 50;
	/* the other priority can carry it all: no panic */
	eject(1, 3);
	shares(&c, got);
	assert_int_equal(got[1] + got[2] + got[3], 0);
	/* all together serve 70 %: what is below the threshold uses all it has */
	eject(5, 7);
	shares(&c, got);
	for (int i = 1; i <= 8; i++)
		assert_in_range(got[i], 1000, 1500);
	/* nothing is healthy */
	eject(4, 4);
	eject(8, 8);
	shares(&c, got);
	for (int i = 1; i <= 8; i++)
		assert_in_range(got[i], 1000, 1500);
}

/* In turn among those that are left: who comes behind an ejected one gets no more than others. */
static void turns(void **state)
{
	struct hdl_ir_cluster c = cluster_of(HDL_POLICY_ROUND_ROBIN);
	uint32_t got[N + 1] = { 0 };

	(void)state;
	eject(3, 3);
	for (int i = 0; i < 12; i++)
		got[pick(&c, 0)]++;
	assert_int_equal(got[1], 4);
	assert_int_equal(got[2], 4);
	assert_int_equal(got[3], 0);
	assert_int_equal(got[4], 4);
}

/* All priorities are below the threshold: by number of endpoints, however healthy each is. */
static void panic_by_size(void **state)
{
	struct hdl_ir_cluster c = cluster_of(HDL_POLICY_RANDOM);
	uint32_t got[N + 1];

	(void)state;
	c.record.min_health_percent = 60;
	group[0].endpoint_count = group[0].healthy_count = group[0].member[HDL_FAMILY_V4].count = 2;
	group[1] = (struct hdl_group){ .priority = 1, .endpoint_count = 6, .healthy_count = 6, .member = { { 2, 6 } } };
	eject(1, 1);
	eject(3, 8);
	shares(&c, got); /* by health all would go to the first */
	for (int i = 1; i <= 8; i++)
		assert_in_range(got[i], 1000, 1500);
}

/* Panic among localities: all endpoints alike, without the weights of their localities. */
static void distribute_panic(void **state)
{
	struct hdl_ir_cluster c = cluster_of(HDL_POLICY_RANDOM);
	uint32_t got[N + 1];

	(void)state;
	c.record.min_health_percent = 60;
	group[1].priority = 0;
	c.record.flags = HDL_CLUSTER_SHARES;
	group[0].weight = 90;
	group[1].weight = 10;
	/* below the threshold, but what is healthy can serve it all: no panic */
	c.record.min_health_percent = 80;
	eject(1, 2);
	shares(&c, got);
	assert_int_equal(got[0] + got[1] + got[2], 0);
	c.record.min_health_percent = 60;
	eject(1, 3);
	eject(5, 6);
	shares(&c, got);
	for (int i = 1; i <= 8; i++)
		assert_in_range(got[i], 1000, 1500);
}

static void distribute(void **state)
{
	struct hdl_ir_cluster c = cluster_of(HDL_POLICY_RANDOM);
	uint32_t got[N + 1];

	(void)state;
	group[1].priority = 0;
	c.record.flags = HDL_CLUSTER_SHARES;
	group[0].weight = 80;
	group[1].weight = 20;
	shares(&c, got);
	assert_in_range(got[1] + got[2] + got[3] + got[4], 7800, 8200);
	/* half of it: 80 x 0.7 = 56 to 20 */
	eject(1, 2);
	shares(&c, got);
	assert_int_equal(got[1] + got[2], 0);
	assert_in_range(got[3] + got[4], 7168, 7568);
	eject(3, 4);
	shares(&c, got);
	assert_int_equal(got[1] + got[2] + got[3] + got[4] + got[0], 0);
	eject(5, 8);
	assert_int_equal(pick(&c, 0), 0);
}

/* Only what an ejected endpoint had moves, and it comes back. */
static void hashes(void **state)
{
	const char *const keys[] = { "10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80", "10.0.0.4:80" };
	struct hdl_ir_cluster c = cluster_of(HDL_POLICY_MAGLEV);
	uint32_t before[400], count[N + 1] = { 0 };

	(void)state;
	assert_int_equal(hdl_maglev_build(keys, NULL, 4, TABLE, slot + N), 0);
	for (int i = 0; i < TABLE; i++)
		slot[N + i]++;
	group[0].table[HDL_FAMILY_V4] = (struct hdl_range){ N, TABLE };
	for (uint32_t i = 0; i < 400; i++) {
		before[i] = pick(&c, i * 0x9e3779b97f4a7c15ull);
		assert_in_range(before[i], 1, 4);
		count[before[i]]++;
	}
	for (int i = 1; i <= 4; i++)
		assert_in_range(count[i], 60, 140);
	eject(2, 2); /* the rest serves 105 % of the need: none of it goes to the next priority */
	for (uint32_t i = 0; i < 400; i++)
		if (before[i] != 2)
			assert_int_equal(pick(&c, i * 0x9e3779b97f4a7c15ull), before[i]);
		else
			assert_true(pick(&c, i * 0x9e3779b97f4a7c15ull) != 2);
}

/* An endpoint with both families counts once, one with the second family only counts too. */
static void both_families(void **state)
{
	struct hdl_ir_cluster c = cluster_of(HDL_POLICY_RANDOM);
	uint32_t got[N + 1];

	(void)state;
	/* of the first group 1 and 2 have both, 3 and 4 the second only */
	group[0].member[HDL_FAMILY_V4] = (struct hdl_range){ 0, 2 };
	group[0].member[HDL_FAMILY_V6] = (struct hdl_range){ 0, 4 };
	memset(&record[3].address, 0, sizeof(record[3].address));
	memset(&record[4].address, 0, sizeof(record[4].address));
	eject(1, 1);
	eject(3, 3); /* half of it: 70 to 30 */
	shares(&c, got);
	assert_int_equal(got[0] + got[1] + got[3], 0);
	assert_in_range(got[2] + got[4], 6800, 7200);
}

/* Rows past the end of the map are no groups. */
static void past_the_end(void **state)
{
	struct hdl_ir_cluster c = cluster_of(HDL_POLICY_RANDOM);

	(void)state;
	c.record.group.offset = 2;
	assert_int_equal(pick(&c, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(priorities),   cmocka_unit_test(not_ready),     cmocka_unit_test(panic),
		cmocka_unit_test(turns),        cmocka_unit_test(panic_by_size), cmocka_unit_test(distribute_panic),
		cmocka_unit_test(distribute),   cmocka_unit_test(hashes),        cmocka_unit_test(both_families),
		cmocka_unit_test(past_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
