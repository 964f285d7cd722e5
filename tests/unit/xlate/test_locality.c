/* SPDX-License-Identifier: Apache-2.0 */
/* Localities: matching, failover, failoverPriority and distribute, each rule of specification C.4. */
#include "unit/unit.h"
#include "xlate/locality.h"

#include <string.h>

static struct hdl_ir_locality at(const char *region, const char *zone, const char *subzone)
{
	return (struct hdl_ir_locality){ region, zone, subzone };
}

/* C.4: `*` and partial localities. */
static void matching(void **state)
{
	static const struct {
		const char *pattern;
		bool matches;
	} cases[] = {
		{ "*", true },    { "", true },       { "r", true },     { "r/*", true },
		{ "r/z", true },  { "r/z/*", true },  { "r/z/s", true }, { "q", false },
		{ "r/y", false }, { "r/z/t", false }, { "q/*", false },  { "r/zz", false },
		{ "rr", false },  { "r/z/", true },   { "R", false },    { "r/y/s", false },
	};
	const struct hdl_ir_locality l = at("r", "z", "s");

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (hdl_xl_locality_matches(&l, cases[i].pattern) != cases[i].matches)
			fail_msg("pattern %s", cases[i].pattern);
}

/* C.4, default failover: 0 subzone, 1 zone, 2 region, 3 others; with failover from the client's region S 3, others 4. */
static void failover(void **state)
{
	static const struct hdl_dr_failover rules[] = {
		{ .from = { .s = "other" }, .to = { .s = "far" } },
		{ .from = { .s = "r" }, .to = { .s = "near" } },
		{ .from = { .s = "r" }, .to = { .s = "far" } }, /* the first counts */
	};
	static const struct {
		const char *region, *zone, *subzone;
		uint32_t by_default, by_rules;
	} cases[] = {
		{ "r", "z", "s", 0, 0 }, { "r", "z", "t", 1, 1 },    { "r", "z", "", 1, 1 },    { "r", "y", "s", 2, 2 },
		{ "r", "", "", 2, 2 },   { "near", "z", "s", 3, 3 }, { "far", "z", "s", 3, 4 }, { "", "", "", 3, 4 },
	};
	const struct hdl_ir_locality client = at("r", "z", "s");

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hdl_ir_locality e = at(cases[i].region, cases[i].zone, cases[i].subzone);

		assert_int_equal(hdl_xl_failover_rank(&client, &e, NULL, 0), cases[i].by_default);
		assert_int_equal(hdl_xl_failover_rank(&client, &e, rules, 3), cases[i].by_rules);
	}
}

/* C.4, failoverPriority: matching labels from the front; key=value asks the endpoint only. */
static void label_ranks(void **state)
{
	static const struct hdl_ir_label mine[] = { { "app", "a" }, { "version", "v1" } };
	static const struct hdl_ir_label same[] = { { "app", "a" }, { "version", "v1" } };
	static const struct hdl_ir_label other[] = { { "app", "a" }, { "version", "v2" } };
	static const struct hdl_ir_labels my_labels = { mine, 2 }, same_labels = { same, 2 },
					  other_labels = { other, 2 };
	static const struct hdl_text by[] = { { .s = "topology.kubernetes.io/region" },
					      { .s = "topology.kubernetes.io/zone" },
					      { .s = "version" },
					      { .s = "kubernetes.io/hostname" } };
	static const struct hdl_text given[] = { { .s = "version=v2" }, { .s = "absent" } };
	const struct hdl_xl_place client = { at("r", "z", "s"), "n1", &my_labels };
	const struct {
		struct hdl_xl_place place;
		uint32_t rank, given;
	} cases[] = {
		{ { at("r", "z", "s"), "n1", &same_labels }, 0, 2 },
		{ { at("r", "z", ""), "n2", &same_labels }, 1, 2 },
		{ { at("r", "z", ""), "n1", &other_labels }, 2, 0 },
		{ { at("r", "y", ""), "n1", &same_labels }, 3, 2 },
		{ { at("q", "z", ""), "n1", &same_labels }, 4, 2 }, /* the first mismatch ends it */
		{ { at("", "", ""), "", NULL }, 4, 2 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(hdl_xl_label_rank(&client, &cases[i].place, by, 4), cases[i].rank);
		assert_int_equal(hdl_xl_label_rank(&client, &cases[i].place, given, 2), cases[i].given);
	}
	assert_int_equal(hdl_xl_label_rank(&client, &cases[4].place, NULL, 0), 0);
}

/* C.4: unused levels are left out. */
static void compact(void **state)
{
	static const struct {
		uint32_t in[5], out[5];
	} cases[] = {
		{ { 0, 1, 2, 3, 4 }, { 0, 1, 2, 3, 4 } },
		{ { 3, 3, 3, 3, 3 }, { 0, 0, 0, 0, 0 } },
		{ { 4, 2, 4, 0, 2 }, { 2, 1, 2, 0, 1 } },
		{ { 3, 1, 900, 1, 3 }, { 1, 0, 2, 0, 1 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t rank[5];

		memcpy(rank, cases[i].in, sizeof(rank));
		hdl_xl_compact_ranks(rank, 5);
		assert_memory_equal(rank, cases[i].out, sizeof(rank));
	}
	hdl_xl_compact_ranks(NULL, 0);
}

/* C.4, distribute: the first `from` that matches; each `to` group in proportion to endpoint weights, rounded up. */
static void distribute(void **state)
{
	struct hdl_kint to[] = { { .key = "r/z1/*", .value = 80 }, { .key = "r/z2", .value = 20 } };
	const struct hdl_dr_distribute rules[] = {
		{ .from = { .s = "q/*" } },
		{ .from = { .s = "r/z1/*" }, .to = { .at = to, .n = 2 } },
		{ .from = { .s = "r" } },
	};
	const struct hdl_ir_locality one = at("r", "z1", "s"), two = at("r", "z2", ""), three = at("r", "z3", ""),
				     far = at("x", "", "");

	(void)state;
	assert_ptr_equal(hdl_xl_distribute_rule(rules, 3, &one), &rules[1]);
	assert_ptr_equal(hdl_xl_distribute_rule(rules, 3, &two), &rules[2]);
	assert_null(hdl_xl_distribute_rule(rules, 3, &far));
	assert_int_equal(hdl_xl_distribute_entry(&rules[1], &one), 0);
	assert_int_equal(hdl_xl_distribute_entry(&rules[1], &two), 1);
	assert_int_equal(hdl_xl_distribute_entry(&rules[1], &three), SIZE_MAX);
	assert_int_equal(hdl_xl_distribute_share(80, 3, 3), 80);
	assert_int_equal(hdl_xl_distribute_share(80, 1, 3), 27); /* 26.67 */
	assert_int_equal(hdl_xl_distribute_share(80, 2, 3), 54); /* 53.33 */
	assert_int_equal(hdl_xl_distribute_share(80, 0, 0), 0);
	assert_true(hdl_xl_locality_equal(&one, &one) && !hdl_xl_locality_equal(&one, &two));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matching), cmocka_unit_test(failover),   cmocka_unit_test(label_ranks),
		cmocka_unit_test(compact),  cmocka_unit_test(distribute),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
