// SPDX-License-Identifier: Apache-2.0
/* Policies, ejections and warm-up in both builds of the decision core: who is picked (specification C.1 to C.3). */
#include "tests/bpf/core_scene.h"

/* Strict: with some ejected, the rest alternates in order, without a gap. */
static void round_robin_alternates(void **state)
{
	static const __u32 rest[] = { 1, 3, 6, 7, 10 };

	(void)state;
	single_cluster(10, HDL_POLICY_ROUND_ROBIN);
	for (__u32 i = 1; i <= 10; i++)
		health[i].ejected_until_ns = i == 1 || i == 3 || i == 6 || i == 7 || i == 10 ? 0 : NOW + 1;
	for (__u32 i = 0; i < 1000; i++)
		pick_case(i);
	compare(1000, 11);
	for (__u32 i = 0; i < 1000; i++)
		assert_int_equal(cases[i].endpoint, rest[i % 5]);
}

/* Specification C.1: of two drawn the one with fewer active, and with two endpoints the busy one only when drawn twice. */
static void least_request_prefers_idle(void **state)
{
	unsigned int busy = 0;

	(void)state;
	single_cluster(2, HDL_POLICY_LEAST_REQUEST);
	health[1].active = 100;
	health[2].active = 99;
	for (__u32 i = 0; i < HDL_CASE_BATCH; i++)
		pick_case(i);
	compare(HDL_CASE_BATCH, 3);
	for (__u32 i = 0; i < HDL_CASE_BATCH; i++)
		busy += cases[i].endpoint == 1;
	/* a quarter of 4096 within 8 standard deviations of 27.7 */
	assert_in_range(busy, 1024 - 222, 1024 + 222);
}

/* Specification C.1, weights 3 and 1: 30 to 10 active is the same for their weights, one more is not. */
static void least_request_by_weight(void **state)
{
	static const __u32 active[] = { 30, 31, 29 };
	struct hdl_cluster_version *v = single_cluster(2, HDL_POLICY_LEAST_REQUEST);

	(void)state;
	memcpy(&slots[8], (__u32[]){ 1, 1, 2, 1 }, 4 * sizeof(slots[0]));
	v->turns[0] = (struct hdl_range){ 8, 4 };
	endpoints[1].weight = 3;
	health[2].active = 10;
	for (int round = 0; round < 3; round++) {
		/* of 16: both drawn 9 times the first, once the second; 3 times each order */
		static const unsigned int first[] = { 12, 9, 15 };
		unsigned int got = 0;

		health[1].active = active[round];
		for (__u32 i = 0; i < HDL_CASE_BATCH; i++)
			pick_case(i);
		compare(HDL_CASE_BATCH, 3);
		for (__u32 i = 0; i < HDL_CASE_BATCH; i++)
			got += cases[i].endpoint == 1;
		/* 8 standard deviations of at most 32 */
		assert_in_range(got, first[round] * 256 - 256, first[round] * 256 + 256);
	}
}

/* Specification C.1: RANDOM has no weighting. */
static void random_ignores_weights(void **state)
{
	struct hdl_cluster_version *v = single_cluster(2, HDL_POLICY_RANDOM);
	unsigned int got = 0;

	(void)state;
	memcpy(&slots[8], (__u32[]){ 1, 1, 1, 1, 1, 1, 1, 2 }, 8 * sizeof(slots[0]));
	v->turns[0] = (struct hdl_range){ 8, 8 };
	endpoints[1].weight = 7;
	for (__u32 i = 0; i < HDL_CASE_BATCH; i++)
		pick_case(i);
	compare(HDL_CASE_BATCH, 3);
	for (__u32 i = 0; i < HDL_CASE_BATCH; i++)
		got += cases[i].endpoint == 1;
	assert_in_range(got, 2048 - 256, 2048 + 256);
}

/* Specification C.3: only the keys of the ejected endpoint move, and they come back. */
static void hashes_move_only_the_ejected(void **state)
{
	static __u32 before[HDL_CASE_BATCH];

	(void)state;
	for (int policy = HDL_POLICY_MAGLEV; policy <= HDL_POLICY_RING_HASH; policy += 2) {
		struct hdl_cluster_version *v = single_cluster(7, (__u8)policy);

		v->table[0] = (struct hdl_range){ 64, TABLE };
		for (__u32 i = 0; i < TABLE; i++) {
			slots[64 + i] = 1 + below(7);
			ring[64 + i] = (struct hdl_ring_entry){ ~0ull / TABLE * (i + 1), slots[64 + i], 0 };
		}
		for (int round = 0; round < 3; round++) {
			health[4].ejected_until_ns = round == 1 ? NOW + 1 : 0;
			for (__u32 i = 0; i < HDL_CASE_BATCH; i++) {
				pick_case(i)->has_hash = 1;
				cases[i].hash = i * 0x9e3779b97f4a7c15ull;
			}
			compare(HDL_CASE_BATCH, 8);
			for (__u32 i = 0; i < HDL_CASE_BATCH; i++) {
				if (round == 0)
					before[i] = cases[i].endpoint;
				else if (round == 1 && before[i] == 4)
					assert_int_not_equal(cases[i].endpoint, 4);
				else
					assert_int_equal(cases[i].endpoint, before[i]);
			}
		}
	}
}

/* Specification C.3: the first entry whose hash is not below; past the end the first. */
static void ring_is_searched(void **state)
{
	struct hdl_cluster_version *v = single_cluster(RING, HDL_POLICY_RING_HASH);

	(void)state;
	v->table[0] = (struct hdl_range){ 3, RING };
	for (__u32 i = 0; i < RING; i++)
		ring[3 + i] = (struct hdl_ring_entry){ 10 + i * 10, i + 1, 0 };
	for (__u32 i = 0; i < 3 * RING; i++) {
		pick_case(i)->has_hash = 1;
		cases[i].hash = 10 + i / 3 * 10 + i % 3 - 1;
	}
	compare(3 * RING, RING + 1);
	for (__u32 i = 0; i < 3 * RING; i++)
		assert_int_equal(cases[i].endpoint, (i / 3 + (i % 3 == 2)) % RING + 1);
}

/* Promise P3: nobody sweeps, so the pick that comes by ends the ejection and gives the budget back, once. */
static void release_is_lazy_and_once(void **state)
{
	(void)state;
	single_cluster(4, HDL_POLICY_ROUND_ROBIN);
	for (__u32 i = 1; i <= 4; i++)
		health[i].ejected_until_ns = i == 4 ? NOW + 1 : NOW;
	balance[1].ejected = 4;
	for (__u32 i = 0; i < 100; i++)
		pick_case(i);
	compare(100, 5);
	assert_int_equal(balance[1].ejected, 4);
	for (__u32 i = 0; i < 100; i++)
		pick_case(i)->release = 1;
	compare(100, 5);
	assert_int_equal(balance[1].ejected, 1);
	for (__u32 i = 1; i <= 4; i++) {
		assert_int_equal(health[i].ejected_until_ns, i == 4 ? NOW + 1 : 0);
		assert_int_equal(health[i].returned_ns, i == 4 ? 0 : NOW);
	}
}

/* Specification C.2: a new endpoint among three has its share of a third; when all are new, all are alike. */
static void warmup_shares(void **state)
{
	(void)state;
	for (int policy = 0; policy <= HDL_POLICY_ROUND_ROBIN; policy++) {
		struct hdl_cluster_version *v = single_cluster(3, (__u8)policy);
		unsigned int got = 0;

		v->warmup_ms = 1000;
		v->warmup_aggression = 65536;
		v->warmup_min_percent = 10;
		endpoints[3].added_ns = NOW - 250000000;
		for (__u32 i = 0; i < HDL_CASE_BATCH; i++)
			pick_case(i);
		compare(HDL_CASE_BATCH, 4);
		for (__u32 i = 0; i < HDL_CASE_BATCH; i++)
			got += cases[i].endpoint == 3;
		/* 0.25 of 2.25 is a ninth: 455; 8 standard deviations of 20 */
		assert_in_range(got, 455 - 160, 455 + 160);
		for (__u32 i = 1; i <= 3; i++)
			endpoints[i].added_ns = NOW;
		got = 0;
		for (__u32 i = 0; i < HDL_CASE_BATCH; i++)
			pick_case(i);
		compare(HDL_CASE_BATCH, 4);
		for (__u32 i = 0; i < HDL_CASE_BATCH; i++)
			got += cases[i].endpoint == 3;
		assert_in_range(got, 1365 - 242, 1365 + 242);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_robin_alternates),       cmocka_unit_test(least_request_prefers_idle),
		cmocka_unit_test(least_request_by_weight),      cmocka_unit_test(random_ignores_weights),
		cmocka_unit_test(hashes_move_only_the_ejected), cmocka_unit_test(ring_is_searched),
		cmocka_unit_test(release_is_lazy_and_once),     cmocka_unit_test(warmup_shares),
	};

	hdl_test_need_bpf();
	return cmocka_run_group_tests(tests, setup, teardown);
}
