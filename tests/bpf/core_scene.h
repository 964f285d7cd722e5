/* SPDX-License-Identifier: Apache-2.0 */
/* Both builds of the decision core over the same records: cases run through them, and any difference is a failure. */
#ifndef HDL_TESTS_BPF_CORE_SCENE_H
#define HDL_TESTS_BPF_CORE_SCENE_H

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <xxhash.h>
#include "tests/bpf/kernel.h"
#include "tests/bpf/core_case.h"
#include "heddle/abi_check.h"
#include "heddle/core/tables_user.h"
#include "heddle/core/hash.h"
#include "heddle/core/pick.h"
#include "test_core.skel.h"

#define CLUSTERS 48
#define SMALL 300  /* endpoints of a usual cluster, at most */
#define USED 16384 /* endpoint ids of the random worlds */
#define TABLE 1021 /* Maglev slots of the random worlds: prime */
#define RING 509
#define GROUPS 2048 /* rows of the random worlds */
#define NOW 1000000000000ull

/* Not every file that includes this needs all of it. */
#define CORE_HELPER static __attribute__((unused))
#define CORE_DATA static __attribute__((unused))

CORE_DATA struct test_core *skel;
CORE_DATA struct hdl_case *cases;
CORE_DATA struct hdl_route_row *rows;
CORE_DATA __u32 *slots;
CORE_DATA struct hdl_cluster *clusters;
CORE_DATA struct hdl_endpoint *endpoints;
CORE_DATA struct hdl_ring_entry *ring;
CORE_DATA struct hdl_group *group, *shadow_group;    /* of the BPF build, and of the C build */
CORE_DATA struct hdl_health *health, *shadow_health; /* the same */
CORE_DATA struct hdl_balance *balance, *shadow_balance;
CORE_DATA struct hdl_tables tables;
CORE_DATA uint64_t seed = 20261121, total_cases;

CORE_HELPER uint64_t next_random(void)
{
	uint64_t z = seed += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

CORE_HELPER uint32_t below(uint32_t limit)
{
	return (uint32_t)((next_random() >> 32) * limit >> 32);
}

CORE_HELPER int setup(void **state)
{
	(void)state;
	skel = test_core__open_and_load();
	if (!skel)
		return -1;
	cases = hdl_test_map(skel->maps.cases);
	rows = hdl_test_map(skel->maps.route);
	slots = hdl_test_map(skel->maps.slot);
	health = hdl_test_map(skel->maps.health);
	balance = hdl_test_map(skel->maps.balance);
	clusters = hdl_test_map(skel->maps.cluster);
	endpoints = hdl_test_map(skel->maps.endpoint);
	ring = hdl_test_map(skel->maps.ring);
	group = hdl_test_map(skel->maps.group);
	shadow_health = calloc(bpf_map__max_entries(skel->maps.health), sizeof(*shadow_health));
	shadow_balance = calloc(bpf_map__max_entries(skel->maps.balance), sizeof(*shadow_balance));
	shadow_group = calloc(bpf_map__max_entries(skel->maps.group), sizeof(*shadow_group));
	if (!shadow_health || !shadow_balance || !shadow_group)
		return -1;
	tables = (struct hdl_tables){
		.health = shadow_health,
		.balance = shadow_balance,
		.slot = slots,
		.health_count = bpf_map__max_entries(skel->maps.health),
		.balance_count = bpf_map__max_entries(skel->maps.balance),
		.slot_count = bpf_map__max_entries(skel->maps.slot) * HDL_SLOTS_PER_ELEMENT,
		.endpoint = endpoints,
		.group = shadow_group,
		.ring = ring,
		.group_count = bpf_map__max_entries(skel->maps.group),
		.ring_count = bpf_map__max_entries(skel->maps.ring),
	};
	return 0;
}

CORE_HELPER int teardown(void **state)
{
	(void)state;
	test_core__destroy(skel);
	free(shadow_health);
	free(shadow_balance);
	free(shadow_group);
	return 0;
}

/* What bpf/lib/balance.h does. */
CORE_HELPER void pick_in_c(const struct hdl_case *one, struct hdl_case *ret)
{
	const struct hdl_cluster_version *version =
		one->cluster < bpf_map__max_entries(skel->maps.cluster) && clusters[one->cluster].version[0].epoch ?
			&clusters[one->cluster].version[0] :
			NULL;
	struct hdl_pick pick = {
		.tables = &tables,
		.now_ns = one->now_ns,
		.random = one->random,
		.hash = one->hash,
		.cluster = one->cluster,
		.has_hash = one->has_hash,
		.release = one->release,
	};
	struct hdl_core_groups groups = { .tables = &tables };

	ret->result = HDL_VERDICT_NO_HEALTHY;
	if (!version)
		return;
	hdl_core_pick_from(&pick, version, one->family);
	ret->group = HDL_CORE_GROUP_NONE;
	if (version->group.count) {
		hdl_core_group_from(&groups, version, hdl_tables_balance(&tables, one->cluster), one->now_ns,
				    one->family, 1);
		groups.draw = hdl_core_group_draw(version->policy, one->has_hash, one->hash, one->random);
		hdl_core_group_choose(&groups);
		if (groups.chosen == HDL_CORE_GROUP_NONE || version->group.offset + groups.chosen >= tables.group_count)
			return;
		ret->group = version->group.offset + groups.chosen;
		hdl_core_pick_from_group(&pick, &shadow_group[ret->group], ret->group, one->family, groups.panic);
	}
	ret->result = (__u64)hdl_core_pick(&pick);
	ret->endpoint = pick.endpoint;
	ret->probes = pick.probes;
}

/* The C build's answer to one case. */
CORE_HELPER void run_in_c(const struct hdl_case *one, struct hdl_case *ret)
{
	*ret = *one;
	if (one->kind == HDL_CASE_PICK) {
		pick_in_c(one, ret);
	} else if (one->kind == HDL_CASE_VERSION) {
		ret->result = (__u64)(__s64)hdl_core_version(one->argument[0], one->argument[1], one->argument[2]);
	} else if (one->kind == HDL_CASE_THRESHOLD) {
		ret->result = hdl_core_threshold(one->argument[0], one->argument[1]);
	} else if (one->kind == HDL_CASE_ROUTE) {
		ret->result = HDL_CLUSTER_NONE;
		for (__u32 i = 0; i < one->route_count && i < HDL_ROUTE_DESTINATIONS_MAX; i++) {
			if (one->route_offset + i >= bpf_map__max_entries(skel->maps.route))
				break;
			if (hdl_core_takes(rows[one->route_offset + i].threshold, (__u32)one->argument[2])) {
				ret->result = rows[one->route_offset + i].cluster;
				break;
			}
		}
	} else if (one->kind == HDL_CASE_WARMUP) {
		ret->result = hdl_core_warmup_share(one->argument[0], (__u32)one->argument[1], (__u32)one->argument[2],
						    (__u32)(one->argument[2] >> 32));
	} else {
		ret->result = hdl_core_hash_address(&one->address);
	}
}

CORE_HELPER void run_in_bpf(__u32 count)
{
	struct {
		__u32 count;
	} arguments = { count };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &arguments, .ctx_size_in = sizeof(arguments));

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(skel->progs.run_cases), &opts), 0);
	assert_int_equal(opts.retval, 0);
}

/* Runs the first count cases through both builds; used: endpoint ids whose health records may have changed. */
CORE_HELPER void compare(__u32 count, __u32 used)
{
	static struct hdl_case answers[HDL_CASE_BATCH];

	memcpy(shadow_health, health, used * sizeof(*health));
	memcpy(shadow_balance, balance, (CLUSTERS + 2) * sizeof(*balance));
	memcpy(shadow_group, group, GROUPS * sizeof(*group));
	for (__u32 i = 0; i < count; i++)
		run_in_c(&cases[i], &answers[i]);
	run_in_bpf(count);
	for (__u32 i = 0; i < count; i++) {
		if (memcmp(&cases[i], &answers[i], sizeof(answers[i])) == 0)
			continue;
		print_error("kind %u cluster %u policy %u: C %llu endpoint %u probes %u group %u, "
			    "BPF %llu endpoint %u probes %u group %u\n",
			    cases[i].kind, cases[i].cluster,
			    cases[i].cluster <= CLUSTERS ? clusters[cases[i].cluster].version[0].policy : 0,
			    answers[i].result, answers[i].endpoint, answers[i].probes, answers[i].group,
			    cases[i].result, cases[i].endpoint, cases[i].probes, cases[i].group);
		fail();
	}
	assert_memory_equal(shadow_health, health, used * sizeof(*health));
	assert_memory_equal(shadow_balance, balance, (CLUSTERS + 2) * sizeof(*balance));
	assert_memory_equal(shadow_group, group, GROUPS * sizeof(*group));
	total_cases += count;
}

CORE_HELPER struct hdl_cluster_version *version_of(__u32 id)
{
	return &clusters[id].version[0];
}

/* Ejections, load and budget anew. share: of 256, how many are ejected; over: how many of these are over by NOW. */
CORE_HELPER void scatter_health(__u32 id, uint32_t share, uint32_t over)
{
	const struct hdl_cluster_version *v = version_of(id);
	__u32 ejected = 0;

	for (__u32 i = 0; i < v->member[0].count + v->member[1].count; i++) {
		__u32 slot =
			i < v->member[0].count ? v->member[0].offset + i : v->member[1].offset + i - v->member[0].count;
		struct hdl_health *one = &health[slots[slot % tables.slot_count] % tables.health_count];
		uint64_t r = next_random();

		*one = (struct hdl_health){ .generation = 1, .active = (__u32)(r >> 60) };
		if ((r & 255) >= share)
			continue;
		ejected++;
		if ((r >> 8 & 255) < over)
			one->ejected_until_ns = NOW - (r >> 16 & 63);
		else
			one->ejected_until_ns = (r >> 24 & 15) ? NOW + 1 + (r >> 16 & 63) : HDL_EJECTED_BY_HAND;
	}
	balance[id] = (struct hdl_balance){ .turn = next_random() >> below(64), .ejected = ejected };
}

CORE_HELPER void make_hash(struct hdl_case *one)
{
	uint64_t zeros = next_random();

	one->address.half[0] = next_random();
	one->address.half[1] = next_random();
	for (int i = 0; i < 16; i++) /* runs of zero groups, short groups */
		if (zeros >> i & 1 && zeros >> (16 + i / 2) & 1)
			one->address.byte[i] = 0;
	if (below(2))
		one->address = hdl_addr_from_v4((__be32)next_random());
	else if (below(16) == 0)
		one->address.half[0] = 0;
}

/* Cluster 1: count endpoints of IPv4 with ids from 1 on, all healthy, idle and old. */
CORE_HELPER struct hdl_cluster_version *single_cluster(__u32 count, __u8 policy)
{
	struct hdl_cluster_version *v = version_of(1);

	*v = (struct hdl_cluster_version){ .epoch = 1,
					   .member = { { 0, count } },
					   .endpoint_count = count,
					   .healthy_count = count,
					   .policy = policy };
	for (__u32 i = 0; i < count; i++) {
		slots[i] = i + 1;
		endpoints[i + 1] = (struct hdl_endpoint){ .generation = 1, .weight = 1 };
		endpoints[i + 1].address[0].word[3] = i + 1;
	}
	scatter_health(1, 0, 0);
	for (__u32 i = 1; i <= count; i++)
		health[i].active = 0;
	balance[1].turn = 0;
	return v;
}

CORE_HELPER struct hdl_case *pick_case(__u32 i)
{
	cases[i] = (struct hdl_case){
		.kind = HDL_CASE_PICK,
		.cluster = 1,
		.now_ns = NOW,
		.random = next_random(),
	};
	return &cases[i];
}

#endif
