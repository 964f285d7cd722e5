// SPDX-License-Identifier: Apache-2.0
/*
 * The decision core decides the same in BPF and in C, bit for bit, over CASES (10^7) random cases, and exactly: all
 * policies, groups, weights, rings, warm-up (specification C.1 to C.4).
 * timeout: 300 (machines without a JIT)
 */
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

static struct test_core *skel;
static struct hdl_case *cases;
static struct hdl_route_row *rows;
static __u32 *slots;
static struct hdl_cluster *clusters;
static struct hdl_endpoint *endpoints;
static struct hdl_ring_entry *ring;
static struct hdl_group *group, *shadow_group;    /* of the BPF build, and of the C build */
static struct hdl_health *health, *shadow_health; /* the same */
static struct hdl_balance *balance, *shadow_balance;
static struct hdl_tables tables;
static uint64_t seed = 20261121, total_cases;

/* What the records of the random worlds take up so far. */
struct used {
	__u32 slot, ring, group, endpoint;
};

static uint64_t next_random(void)
{
	uint64_t z = seed += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static uint32_t below(uint32_t limit)
{
	return (uint32_t)((next_random() >> 32) * limit >> 32);
}

static int setup(void **state)
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

static int teardown(void **state)
{
	(void)state;
	test_core__destroy(skel);
	free(shadow_health);
	free(shadow_balance);
	free(shadow_group);
	return 0;
}

/* What bpf/lib/balance.h does. */
static void pick_in_c(const struct hdl_case *one, struct hdl_case *ret)
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
static void run_in_c(const struct hdl_case *one, struct hdl_case *ret)
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

static void run_in_bpf(__u32 count)
{
	struct {
		__u32 count;
	} arguments = { count };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &arguments, .ctx_size_in = sizeof(arguments));

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(skel->progs.run_cases), &opts), 0);
	assert_int_equal(opts.retval, 0);
}

/* Runs the first count cases through both builds; used: endpoint ids whose health records may have changed. */
static void compare(__u32 count, __u32 used)
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

static struct hdl_cluster_version *version_of(__u32 id)
{
	return &clusters[id].version[0];
}

/* Ejections, load and budget anew. share: of 256, how many are ejected; over: how many of these are over by NOW. */
static void scatter_health(__u32 id, uint32_t share, uint32_t over)
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

static void put_endpoint(__u32 id, int family, int families)
{
	endpoints[id] = (struct hdl_endpoint){
		.weight = (__u16)(below(4) ? below(4) : below(65536)),
		.generation = 1,
		.added_ns = below(2) ? NOW - (next_random() >> (24 + below(24))) : NOW + below(64),
	};
	for (int f = 0; f < HDL_FAMILIES; f++)
		if (families == 2 || f == family)
			endpoints[id].address[f].word[3] = id;
}

/* Lists, weights and a table or ring over members that are there already; as of a cluster or a group. */
static void put_ranges(struct used *used, __u8 policy, struct hdl_range member[HDL_FAMILIES],
		       struct hdl_range turns[HDL_FAMILIES], struct hdl_range table[HDL_FAMILIES])
{
	for (int f = 0; f < HDL_FAMILIES; f++) {
		const __u32 *from = slots + member[f].offset;
		__u32 count = member[f].count;

		if (count == 0)
			continue;
		if (below(3) == 0) {
			turns[f] = (struct hdl_range){ used->slot, count + below(count * 2) };
			for (__u32 i = 0; i < turns[f].count; i++)
				slots[used->slot++] = from[i < count ? i : below(count)];
		}
		if (policy == HDL_POLICY_RING_HASH && below(8)) {
			__u64 hash = next_random() >> 32;

			table[f] = (struct hdl_range){ used->ring, 1 + below(RING) };
			for (__u32 i = 0; i < table[f].count; i++, hash += next_random() >> (8 + below(8)))
				ring[used->ring++] = (struct hdl_ring_entry){ hash, from[below(count)], 0 };
		} else if (below(4)) {
			table[f] = (struct hdl_range){ used->slot, TABLE };
			for (__u32 i = 0; i < TABLE; i++)
				slots[used->slot++] = from[below(count)];
		}
	}
}

/* A list of each family: its own endpoints, and some of both. */
static void put_members(struct used *used, __u32 count, struct hdl_range member[HDL_FAMILIES])
{
	__u32 first = used->endpoint, second = below(4) ? 0 : below(count + 1), both = below(second + 1);

	used->endpoint += count;
	for (__u32 i = 0; i < count; i++)
		put_endpoint(first + i, i >= count - second, i >= count - second && i < count - second + both ? 2 : 1);
	member[0] = (struct hdl_range){ used->slot, count - second + both };
	for (__u32 i = 0; i < member[0].count; i++)
		slots[used->slot++] = first + i;
	member[1] = (struct hdl_range){ used->slot, second };
	for (__u32 i = count - second; i < count; i++)
		slots[used->slot++] = first + i;
}

/* Parts the cluster's members; the last gets what is left, and may be empty. */
static void put_groups(struct used *used, struct hdl_cluster_version *v)
{
	__u32 n = 1 + (below(8) ? below(5) : below(HDL_GROUPS_MAX + 2)), at[HDL_FAMILIES] = { 0 };

	v->group = (struct hdl_range){ used->group, n };
	v->flags = below(3) ? 0 : HDL_CLUSTER_SHARES;
	for (__u32 i = 0; i < n; i++) {
		struct hdl_group *row = &group[used->group++];

		*row = (struct hdl_group){ .priority = i, .turn = next_random() >> below(64) };
		row->weight = v->flags & HDL_CLUSTER_SHARES && below(6) ? below(1u << below(20)) : 0;
		for (int f = 0; f < HDL_FAMILIES; f++) {
			__u32 left = v->member[f].count - at[f];

			row->member[f] =
				(struct hdl_range){ v->member[f].offset + at[f], i + 1 < n ? below(left + 1) : left };
			at[f] += row->member[f].count;
			if (row->member[f].count > row->healthy_count)
				row->healthy_count = row->member[f].count;
		}
		if (below(3) == 0)
			row->healthy_count = row->member[0].count + row->member[1].count;
		row->endpoint_count = row->healthy_count + (below(3) ? 0 : below(8));
		put_ranges(used, v->policy, row->member, row->turns, row->table);
	}
}

static void put_warmup(struct hdl_cluster_version *v)
{
	v->warmup_ms = below(2) ? 1 + below(60000) : 1 + (__u32)(next_random() >> 40);
	v->warmup_aggression = below(2) ? 65536 : (__u32)(next_random() >> (32 + below(20)));
	v->warmup_min_percent = (__u8)below(101);
}

/* Clusters of random sizes (0, 1 and 2 among them) over one pool of endpoint ids. */
static void build_world(void)
{
	static const __u8 percents[] = { 0, 0, 0, 1, 50, 99, 100 };
	struct used used = { .endpoint = 1 };

	for (__u32 c = 1; c <= CLUSTERS; c++) {
		__u32 count = c <= 4 ? c - 1 : 1 + below(SMALL);
		struct hdl_cluster_version *v = version_of(c);

		*v = (struct hdl_cluster_version){ .epoch = 1 };
		v->policy = (__u8)below(HDL_POLICY_RING_HASH);
		if (v->policy == HDL_POLICY_PASSTHROUGH)
			v->policy = HDL_POLICY_RING_HASH;
		v->min_health_percent = percents[below(7)];
		put_members(&used, count, v->member);
		v->healthy_count = below(8) ? count : below(3) * (count + 2) / 2;
		v->endpoint_count = v->healthy_count + (below(3) ? 0 : below(8));
		if (below(3) == 0)
			put_warmup(v);
		if (below(3) == 0)
			put_groups(&used, v);
		else
			put_ranges(&used, v->policy, v->member, v->turns, v->table);
		if (below(64) == 0) /* past the ends of the tables */
			v->member[0].offset = tables.slot_count - below(v->member[0].count + 1);
		if (below(64) == 0)
			v->table[0].offset = below(2) ? tables.slot_count - 7 : tables.ring_count - 7;
		if (v->group.count && below(32) == 0)
			v->group.offset = tables.group_count - below(3);
	}
	assert_true(used.endpoint <= USED && used.group <= GROUPS && used.ring < tables.ring_count);
}

static void scatter_world(void)
{
	static const uint32_t shares[] = { 0, 0, 1, 32, 128, 224, 255, 256 };

	for (__u32 c = 1; c <= CLUSTERS; c++)
		scatter_health(c, shares[below(8)], below(2) ? 0 : 128);
	for (__u32 i = 0; i < 1024; i++)
		rows[i] = (struct hdl_route_row){
			.threshold = next_random() >> (31 + below(3)),
			.cluster = below(CLUSTERS) + 1,
		};
}

static void make_pick(struct hdl_case *one)
{
	one->cluster = 1 + below(CLUSTERS);
	one->family = below(4) == 0;
	one->has_hash = below(8) != 0;
	one->release = below(4) == 0;
	one->now_ns = NOW + below(80);
	one->random = next_random();
	one->hash = next_random();
	if (below(512) == 0)
		one->cluster = tables.balance_count + below(2);
}

static void make_warmup(struct hdl_case *one)
{
	one->argument[0] = next_random() >> below(64);
	one->argument[1] = next_random() >> (32 + below(32));
	one->argument[2] = next_random() >> (32 + below(32)) | (__u64)below(102) << 32;
}

static void make_version(struct hdl_case *one)
{
	one->argument[0] = below(2) ? below(4) : next_random();
	one->argument[1] = below(2) ? below(4) : next_random();
	one->argument[2] = below(2) ? below(4) : next_random();
}

static void make_threshold(struct hdl_case *one)
{
	one->argument[1] = 1 + (next_random() >> (32 + below(32)));
	one->argument[0] = below(4) ? next_random() % (one->argument[1] + 1) : one->argument[1];
}

static void make_route(struct hdl_case *one)
{
	one->route_offset = below(64) ? below(960) : bpf_map__max_entries(skel->maps.route) - below(4);
	one->route_count = below(HDL_ROUTE_DESTINATIONS_MAX + 2);
	one->argument[2] = next_random() >> 32;
}

static void make_hash(struct hdl_case *one)
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

static void make_case(struct hdl_case *one)
{
	uint32_t kind = below(20);

	memset(one, 0, sizeof(*one));
	one->kind = kind < 15 ? HDL_CASE_PICK : kind - 14;
	if (one->kind == HDL_CASE_PICK)
		make_pick(one);
	else if (one->kind == HDL_CASE_VERSION)
		make_version(one);
	else if (one->kind == HDL_CASE_THRESHOLD)
		make_threshold(one);
	else if (one->kind == HDL_CASE_ROUTE)
		make_route(one);
	else if (one->kind == HDL_CASE_WARMUP)
		make_warmup(one);
	else
		make_hash(one);
}

static void random_cases(void **state)
{
	const char *wanted = getenv("CASES");
	unsigned long long count = wanted ? strtoull(wanted, NULL, 10) : 10000000, verdicts[HDL_VERDICT_COUNT] = { 0 };
	uint64_t batch = 0;

	(void)state;
	for (total_cases = 0; total_cases < count; batch++) {
		if (batch % 64 == 0)
			build_world();
		if (batch % 4 == 0)
			scatter_world();
		for (__u32 i = 0; i < HDL_CASE_BATCH; i++)
			make_case(&cases[i]);
		compare(HDL_CASE_BATCH, USED);
		for (__u32 i = 0; i < HDL_CASE_BATCH; i++)
			if (cases[i].kind == HDL_CASE_PICK)
				verdicts[cases[i].result]++;
	}
	print_message("# %llu cases; picks: %llu balanced, %llu no_healthy, %llu no_family\n",
		      (unsigned long long)total_cases, verdicts[HDL_VERDICT_BALANCED], verdicts[HDL_VERDICT_NO_HEALTHY],
		      verdicts[HDL_VERDICT_NO_FAMILY]);
	assert_true(verdicts[HDL_VERDICT_BALANCED] && verdicts[HDL_VERDICT_NO_HEALTHY] &&
		    verdicts[HDL_VERDICT_NO_FAMILY]);
}

/* Cluster 1: count endpoints of IPv4 with ids from 1 on, all healthy, idle and old. */
static struct hdl_cluster_version *single_cluster(__u32 count, __u8 policy)
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

static struct hdl_case *pick_case(__u32 i)
{
	cases[i] = (struct hdl_case){
		.kind = HDL_CASE_PICK,
		.cluster = 1,
		.now_ns = NOW,
		.random = next_random(),
	};
	return &cases[i];
}

/* The largest cluster: none, all but the last, and all ejected. */
static void largest_cluster(void **state)
{
	static const __u8 policies[] = { HDL_POLICY_LEAST_REQUEST, HDL_POLICY_ROUND_ROBIN, HDL_POLICY_RANDOM,
					 HDL_POLICY_MAGLEV, HDL_POLICY_RING_HASH };
	struct hdl_cluster_version *v = single_cluster(HDL_CLUSTER_ENDPOINTS_MAX, 0);

	(void)state;
	for (__u32 i = 0; i < 65536; i++)
		ring[i] = (struct hdl_ring_entry){ (__u64)i << 48, i + 1, 0 };
	for (int ejected = 0; ejected < 3; ejected++) {
		for (__u32 i = 0; ejected && i < HDL_CLUSTER_ENDPOINTS_MAX - (ejected == 1); i++)
			health[i + 1].ejected_until_ns = NOW + 1;
		for (int p = 0; p < 5; p++) {
			v->policy = policies[p];
			v->table[0] = (struct hdl_range){ 0, p >= 3 ? HDL_CLUSTER_ENDPOINTS_MAX : 0 };
			for (__u32 i = 0; i < 2; i++) {
				pick_case(i)->has_hash = 1;
				cases[i].hash = next_random();
			}
			compare(2, HDL_CLUSTER_ENDPOINTS_MAX + 1);
			for (__u32 i = 0; i < 2; i++) {
				assert_int_equal(cases[i].result,
						 ejected == 2 ? HDL_VERDICT_NO_HEALTHY : HDL_VERDICT_BALANCED);
				if (ejected == 1)
					assert_int_equal(cases[i].endpoint, HDL_CLUSTER_ENDPOINTS_MAX);
			}
		}
	}
}

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

/* Exact shares: a weight of 0 never wins, the last row always takes what is left, shares are right to 2^-32. */
static void weights_are_exact(void **state)
{
	(void)state;
	for (int round = 0; round < 20000; round++) {
		uint64_t weight[8], sum[9] = { 0 }, total, before = 0;
		uint32_t n = 1 + below(8);

		for (uint32_t i = 0; i < n; i++) {
			weight[i] = below(3) ? below(1u << (1 + below(28))) : 0;
			sum[i + 1] = sum[i] + weight[i];
		}
		if (sum[n] == 0)
			continue;
		total = sum[n];
		for (uint32_t i = 0; i < n; i++) {
			uint64_t threshold = hdl_core_threshold(sum[i + 1], total);
			__int128 share = (__int128)(threshold - before) * total, exact = (__int128)weight[i] << 32;

			assert_true(threshold >= before);
			assert_true(weight[i] != 0 || threshold == before);
			assert_true(share - exact < (__int128)total && exact - share < (__int128)total);
			before = threshold;
		}
		assert_true(before == 1ull << 32);
		assert_true(hdl_core_takes(before, 0xffffffffu) && !hdl_core_takes(0, 0));
	}
}

/* Every draw that matters of some weights, through both builds: the first and last of each row. */
static void weights_at_their_borders(void **state)
{
	static const uint32_t weight[] = { 0, 90, 0, 10, 0, 7, 0 };
	uint64_t sum = 0, before = 0;
	__u32 n = 0;

	(void)state;
	for (__u32 i = 0; i < 7; i++) {
		sum += weight[i];
		rows[i] = (struct hdl_route_row){ .threshold = hdl_core_threshold(sum, 107), .cluster = i };
	}
	for (__u32 i = 0; i < 7; before = rows[i++].threshold) {
		if (weight[i] == 0)
			continue;
		for (int last = 0; last < 2; last++)
			cases[n++] = (struct hdl_case){
				.kind = HDL_CASE_ROUTE,
				.route_count = 7,
				.argument = { 0, i, last ? rows[i].threshold - 1 : before },
			};
	}
	compare(n, 1);
	for (__u32 i = 0; i < n; i++)
		assert_int_equal(cases[i].result, cases[i].argument[1]);
}

/* Specification C.3: xxHash64, seed 0, of what inet_ntop prints; the published vector among them. */
static void address_hash_is_xxh64_of_text(void **state)
{
	static const char *const texts[] = { "192.168.1.10",
					     "0.0.0.1",
					     "255.255.255.255",
					     "::",
					     "::1",
					     "1::",
					     "fd00::1",
					     "2001:db8:0:1:1:1:1:1",
					     "2001:0:0:1::1",
					     "::1.2.3.4",
					     "::2:0:0:0:0",
					     "1:0:0:2:0:0:0:3",
					     "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
					     "0:1::" };
	char text[INET6_ADDRSTRLEN];
	__u32 n = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++, n++) {
		struct in_addr v4;

		memset(&cases[n], 0, sizeof(cases[n]));
		cases[n].kind = HDL_CASE_HASH;
		if (inet_pton(AF_INET, texts[i], &v4) == 1)
			cases[n].address = hdl_addr_from_v4(v4.s_addr);
		else
			assert_int_equal(inet_pton(AF_INET6, texts[i], &cases[n].address), 1);
	}
	for (; n < HDL_CASE_BATCH; n++) {
		memset(&cases[n], 0, sizeof(cases[n]));
		cases[n].kind = HDL_CASE_HASH;
		make_hash(&cases[n]);
	}
	compare(n, 1);
	assert_int_equal(cases[0].result, 0xa9a745ddd278c452ull);
	for (__u32 i = 0; i < n; i++) {
		if (hdl_addr_is_v4(&cases[i].address))
			inet_ntop(AF_INET, &cases[i].address.word[3], text, sizeof(text));
		else
			inet_ntop(AF_INET6, &cases[i].address, text, sizeof(text));
		assert_int_equal(cases[i].result, XXH64(text, strlen(text), 0));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_cases),
		cmocka_unit_test(largest_cluster),
		cmocka_unit_test(round_robin_alternates),
		cmocka_unit_test(least_request_prefers_idle),
		cmocka_unit_test(least_request_by_weight),
		cmocka_unit_test(random_ignores_weights),
		cmocka_unit_test(hashes_move_only_the_ejected),
		cmocka_unit_test(ring_is_searched),
		cmocka_unit_test(panic_ignores_ejection),
		cmocka_unit_test(release_is_lazy_and_once),
		cmocka_unit_test(priorities_spill_over),
		cmocka_unit_test(localities_have_shares),
		cmocka_unit_test(groups_of_the_other_family),
		cmocka_unit_test(warmup_shares),
		cmocka_unit_test(weights_are_exact),
		cmocka_unit_test(weights_at_their_borders),
		cmocka_unit_test(address_hash_is_xxh64_of_text),
	};

	hdl_test_need_bpf();
	return cmocka_run_group_tests(tests, setup, teardown);
}
