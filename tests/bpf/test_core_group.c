// SPDX-License-Identifier: Apache-2.0
/* Priorities, localities and panic in both builds of the decision core (specification C.4). */
#include "tests/bpf/core_scene.h"

/* Two priorities of ten endpoints. */
static struct hdl_cluster_version *two_groups(void)
{
	struct hdl_cluster_version *v = single_cluster(20, HDL_POLICY_ROUND_ROBIN);

	v->group = (struct hdl_range){ 5, 2 };
	for (__u32 i = 0; i < 2; i++)
		group[5 + i] = (struct hdl_group){
			.priority = i, .member = { { 10 * i, 10 } }, .endpoint_count = 10, .healthy_count = 10
		};
	return v;
}

/* Picks of the first group, of HDL_CASE_BATCH; in each group the turns alternate strictly. */
static unsigned int picks_of_first(void)
{
	__u32 last[2] = { 0 };
	unsigned int first = 0;

	for (__u32 i = 0; i < HDL_CASE_BATCH; i++)
		pick_case(i);
	compare(HDL_CASE_BATCH, 21);
	for (__u32 i = 0; i < HDL_CASE_BATCH; i++) {
		__u32 g = cases[i].group - 5;

		assert_int_equal(cases[i].result, HDL_VERDICT_BALANCED);
		assert_in_range(cases[i].endpoint, 1 + 10 * g, 10 + 10 * g);
		assert_true(cases[i].endpoint != last[g]);
		last[g] = cases[i].endpoint;
		first += g == 0;
	}
	return first;
}

/* Specification C.4: below the threshold ejection is ignored, at it not, and never while the rest can serve all. */
static void panic_ignores_ejection(void **state)
{
	static const struct {
		__u32 endpoints, ejected, percent;
		int panic;
	} row[] = { { 4, 3, 26, 1 }, { 4, 3, 25, 0 }, { 4, 1, 80, 0 }, { 100, 29, 100, 1 }, { 100, 28, 100, 0 } };

	(void)state;
	for (size_t r = 0; r < sizeof(row) / sizeof(row[0]); r++) {
		struct hdl_cluster_version *v = single_cluster(row[r].endpoints, HDL_POLICY_ROUND_ROBIN);
		unsigned int ejected = 0;

		v->min_health_percent = (__u8)row[r].percent;
		balance[1].ejected = row[r].ejected;
		for (__u32 i = 1; i <= row[r].ejected; i++)
			health[i].ejected_until_ns = NOW + 1;
		for (__u32 i = 0; i < 1000; i++)
			pick_case(i);
		compare(1000, 101);
		for (__u32 i = 0; i < 1000; i++)
			ejected += cases[i].endpoint <= row[r].ejected;
		assert_int_equal(ejected != 0, row[r].panic);
	}
}

/* Specification C.4, examples: 100/0; with half of the first 70/30; with none of it 0/100. */
static void priorities_spill_over(void **state)
{
	(void)state;
	two_groups();
	assert_int_equal(picks_of_first(), HDL_CASE_BATCH);
	for (__u32 i = 1; i <= 2; i++)
		health[i].ejected_until_ns = NOW + 1;
	balance[1].ejected = 2;
	assert_int_equal(picks_of_first(), HDL_CASE_BATCH); /* 80 % healthy serve 112 % */
	for (__u32 i = 1; i <= 5; i++)
		health[i].ejected_until_ns = NOW + 1;
	balance[1].ejected = 5;
	assert_in_range(picks_of_first(), 2867 - 240, 2867 + 240); /* 8 standard deviations of 29.4 */
	for (__u32 i = 1; i <= 10; i++)
		health[i].ejected_until_ns = NOW + 1;
	for (__u32 i = 11; i <= 15; i++)
		health[i].ejected_until_ns = NOW + 1;
	balance[1].ejected = 15;
	assert_int_equal(picks_of_first(), 0);
}

/* Specification C.4: shares of localities; what is not healthy beyond the overprovisioning weakens one. */
static void localities_have_shares(void **state)
{
	struct hdl_cluster_version *v = two_groups();

	(void)state;
	v->flags = HDL_CLUSTER_SHARES;
	group[5].weight = 80;
	group[6].weight = 20;
	assert_in_range(picks_of_first(), 3277 - 205, 3277 + 205);
	for (__u32 i = 1; i <= 5; i++)
		health[i].ejected_until_ns = NOW + 1;
	balance[1].ejected = 5; /* 56 to 20 */
	assert_in_range(picks_of_first(), 3018 - 226, 3018 + 226);
}

/* The family of a socket cannot change: groups that have none of it have nothing to give. */
static void groups_of_the_other_family(void **state)
{
	struct hdl_cluster_version *v = two_groups();

	(void)state;
	group[5].member[HDL_FAMILY_V6] = group[5].member[HDL_FAMILY_V4];
	group[5].member[HDL_FAMILY_V4].count = 0;
	assert_int_equal(picks_of_first(), 0);
	group[6].member[HDL_FAMILY_V4].count = 0;
	pick_case(0);
	compare(1, 21);
	assert_int_equal(cases[0].result, HDL_VERDICT_NO_HEALTHY);
	v->group.count = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(panic_ignores_ejection),
		cmocka_unit_test(priorities_spill_over),
		cmocka_unit_test(localities_have_shares),
		cmocka_unit_test(groups_of_the_other_family),
	};

	hdl_test_need_bpf();
	return cmocka_run_group_tests(tests, setup, teardown);
}
