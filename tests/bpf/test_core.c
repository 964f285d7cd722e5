// SPDX-License-Identifier: Apache-2.0
/*
 * The decision core decides the same in BPF and in C, bit for bit, over CASES (10^7) random cases, and exactly.
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
#define NOW 1000000ull

static struct test_core *skel;
static struct hdl_case *cases;
static struct hdl_route_row *rows;
static __u32 *slots;
static struct hdl_health *health, *shadow_health; /* of the BPF build, and of the C build */
static struct hdl_balance *balance, *shadow_balance;
static struct hdl_tables tables;
static uint64_t seed = 20261121, total_cases;

struct world_cluster {
	struct hdl_range member, table;
	__u32 id;
};
static struct world_cluster world[CLUSTERS];

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
	shadow_health = calloc(bpf_map__max_entries(skel->maps.health), sizeof(*shadow_health));
	shadow_balance = calloc(bpf_map__max_entries(skel->maps.balance), sizeof(*shadow_balance));
	if (!shadow_health || !shadow_balance)
		return -1;
	tables = (struct hdl_tables){
		.health = shadow_health,
		.balance = shadow_balance,
		.slot = slots,
		.health_count = bpf_map__max_entries(skel->maps.health),
		.balance_count = bpf_map__max_entries(skel->maps.balance),
		.slot_count = bpf_map__max_entries(skel->maps.slot) * HDL_SLOTS_PER_ELEMENT,
	};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	test_core__destroy(skel);
	free(shadow_health);
	free(shadow_balance);
	return 0;
}

/* The C build's answer to one case. */
static void run_in_c(const struct hdl_case *one, struct hdl_case *ret)
{
	*ret = *one;
	if (one->kind == HDL_CASE_PICK) {
		struct hdl_pick pick = {
			.tables = &tables,
			.member = one->member,
			.table = one->table,
			.now_ns = one->now_ns,
			.random = one->random,
			.hash = one->hash,
			.cluster = one->cluster,
			.endpoint_count = one->endpoint_count,
			.policy = one->policy,
			.has_hash = one->has_hash,
			.min_health_percent = one->min_health_percent,
			.release = one->release,
		};

		ret->result = (__u64)hdl_core_pick(&pick);
		ret->endpoint = pick.endpoint;
		ret->probes = pick.probes;
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
	for (__u32 i = 0; i < count; i++)
		run_in_c(&cases[i], &answers[i]);
	run_in_bpf(count);
	for (__u32 i = 0; i < count; i++) {
		if (memcmp(&cases[i], &answers[i], sizeof(answers[i])) == 0)
			continue;
		print_error(
			"kind %u policy %u members %u: C %llu endpoint %u probes %u, BPF %llu endpoint %u probes %u\n",
			cases[i].kind, cases[i].policy, cases[i].member.count, answers[i].result, answers[i].endpoint,
			answers[i].probes, cases[i].result, cases[i].endpoint, cases[i].probes);
		fail();
	}
	assert_memory_equal(shadow_health, health, used * sizeof(*health));
	assert_memory_equal(shadow_balance, balance, (CLUSTERS + 2) * sizeof(*balance));
	total_cases += count;
}

/* Ejections, load and budget anew. share: of 256, how many are ejected; over: how many of these are over by NOW. */
static void scatter_health(const struct world_cluster *cluster, uint32_t share, uint32_t over)
{
	__u32 ejected = 0;

	for (__u32 i = 0; i < cluster->member.count; i++) {
		struct hdl_health *one = &health[slots[cluster->member.offset + i] % tables.health_count];
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
	balance[cluster->id] = (struct hdl_balance){ .turn = next_random() >> below(64), .ejected = ejected };
}

/* Clusters of random sizes (0, 1 and 2 among them) over one pool of endpoint ids. */
static void build_world(void)
{
	__u32 slot = 0, endpoint = 1;

	for (__u32 c = 0; c < CLUSTERS; c++) {
		__u32 count = c < 4 ? c : 1 + below(SMALL);

		world[c] = (struct world_cluster){ .id = c + 1, .member = { slot, count } };
		for (__u32 i = 0; i < count; i++)
			slots[slot++] = endpoint++;
		if (count == 0 || below(4) == 0)
			continue;
		world[c].table = (struct hdl_range){ slot, TABLE };
		for (__u32 i = 0; i < TABLE; i++)
			slots[slot++] = slots[world[c].member.offset + below(count)];
	}
	assert_true(endpoint <= USED);
}

static void scatter_world(void)
{
	static const uint32_t shares[] = { 0, 0, 1, 32, 128, 224, 255, 256 };

	for (__u32 c = 0; c < CLUSTERS; c++)
		scatter_health(&world[c], shares[below(8)], below(2) ? 0 : 128);
	for (__u32 i = 0; i < 1024; i++)
		rows[i] = (struct hdl_route_row){
			.threshold = next_random() >> (31 + below(3)),
			.cluster = below(CLUSTERS) + 1,
		};
}

static void make_pick(struct hdl_case *one)
{
	const struct world_cluster *cluster = &world[below(CLUSTERS)];
	static const __u8 percents[] = { 0, 0, 0, 1, 50, 99, 100 };

	one->cluster = cluster->id;
	one->member = cluster->member;
	one->table = cluster->table;
	one->endpoint_count = below(8) ? cluster->member.count : below(3) * (cluster->member.count + 2) / 2;
	one->policy = (__u8)below(HDL_POLICY_PASSTHROUGH);
	one->has_hash = below(8) != 0;
	one->min_health_percent = percents[below(7)];
	one->release = below(4) == 0;
	one->now_ns = NOW + below(80);
	one->random = next_random();
	one->hash = next_random();
	if (below(512) == 0) /* past the ends of the tables */
		one->member.offset = tables.slot_count - below(one->member.count + 1);
	if (below(512) == 0)
		one->cluster = tables.balance_count + below(2);
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
	uint32_t kind = below(16);

	memset(one, 0, sizeof(*one));
	one->kind = kind < 12 ? HDL_CASE_PICK : kind - 11;
	if (one->kind == HDL_CASE_PICK)
		make_pick(one);
	else if (one->kind == HDL_CASE_VERSION)
		make_version(one);
	else if (one->kind == HDL_CASE_THRESHOLD)
		make_threshold(one);
	else if (one->kind == HDL_CASE_ROUTE)
		make_route(one);
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

/* One cluster of count endpoints with ids from 1 on. */
static struct world_cluster single_cluster(__u32 count)
{
	struct world_cluster cluster = { .id = 1, .member = { 0, count } };

	for (__u32 i = 0; i < count; i++)
		slots[i] = i + 1;
	scatter_health(&cluster, 0, 0);
	balance[1].turn = 0;
	return cluster;
}

static struct hdl_case *pick_case(__u32 i, const struct world_cluster *cluster, __u8 policy)
{
	cases[i] = (struct hdl_case){
		.kind = HDL_CASE_PICK,
		.cluster = cluster->id,
		.endpoint_count = cluster->member.count,
		.member = cluster->member,
		.table = cluster->table,
		.policy = policy,
		.now_ns = NOW,
		.random = next_random(),
	};
	return &cases[i];
}

/* The largest cluster: none, all but the last, and all ejected. */
static void largest_cluster(void **state)
{
	struct world_cluster cluster = single_cluster(HDL_CLUSTER_ENDPOINTS_MAX);

	(void)state;
	cluster.table = (struct hdl_range){ 0, HDL_CLUSTER_ENDPOINTS_MAX };
	for (int ejected = 0; ejected < 3; ejected++) {
		for (__u32 i = 0; ejected && i < cluster.member.count - (ejected == 1); i++)
			health[i + 1].ejected_until_ns = NOW + 1;
		for (__u32 i = 0; i < 8; i++) {
			pick_case(i, &cluster, (__u8)(i % HDL_POLICY_PASSTHROUGH))->has_hash = 1;
			cases[i].hash = next_random();
		}
		compare(8, HDL_CLUSTER_ENDPOINTS_MAX + 1);
		for (__u32 i = 0; i < 8; i++) {
			assert_int_equal(cases[i].result, ejected == 2 ? HDL_VERDICT_NO_HEALTHY : HDL_VERDICT_BALANCED);
			if (ejected == 1)
				assert_int_equal(cases[i].endpoint, HDL_CLUSTER_ENDPOINTS_MAX);
		}
	}
}

/* Strict: with some ejected, the rest alternates in order, without a gap. */
static void round_robin_alternates(void **state)
{
	struct world_cluster cluster = single_cluster(10);
	static const __u32 rest[] = { 1, 3, 6, 7, 10 };

	(void)state;
	for (__u32 i = 1; i <= 10; i++)
		health[i].ejected_until_ns = i == 1 || i == 3 || i == 6 || i == 7 || i == 10 ? 0 : NOW + 1;
	for (__u32 i = 0; i < 1000; i++)
		pick_case(i, &cluster, HDL_POLICY_ROUND_ROBIN);
	compare(1000, 11);
	for (__u32 i = 0; i < 1000; i++)
		assert_int_equal(cases[i].endpoint, rest[i % 5]);
}

/* Specification C.1: of two drawn the one with fewer active, and with two endpoints the busy one only when drawn twice. */
static void least_request_prefers_idle(void **state)
{
	struct world_cluster cluster = single_cluster(2);
	unsigned int busy = 0;

	(void)state;
	health[1].active = 100;
	health[2].active = 99;
	for (__u32 i = 0; i < HDL_CASE_BATCH; i++)
		pick_case(i, &cluster, HDL_POLICY_LEAST_REQUEST);
	compare(HDL_CASE_BATCH, 3);
	for (__u32 i = 0; i < HDL_CASE_BATCH; i++)
		busy += cases[i].endpoint == 1;
	/* a quarter of 4096 within 8 standard deviations of 27.7 */
	assert_in_range(busy, 1024 - 222, 1024 + 222);
}

/* Maglev: only the keys of the ejected endpoint move, and they come back. */
static void maglev_moves_only_the_ejected(void **state)
{
	struct world_cluster cluster = single_cluster(7);
	static __u32 before[HDL_CASE_BATCH];

	(void)state;
	cluster.table = (struct hdl_range){ 64, TABLE };
	for (__u32 i = 0; i < TABLE; i++)
		slots[64 + i] = 1 + below(7);
	for (int round = 0; round < 3; round++) {
		health[4].ejected_until_ns = round == 1 ? NOW + 1 : 0;
		for (__u32 i = 0; i < HDL_CASE_BATCH; i++) {
			pick_case(i, &cluster, HDL_POLICY_MAGLEV)->has_hash = 1;
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

/* Specification C.4: below the threshold ejection is ignored, at it not. */
static void panic_ignores_ejection(void **state)
{
	struct world_cluster cluster = single_cluster(4);

	(void)state;
	for (__u32 i = 1; i <= 3; i++)
		health[i].ejected_until_ns = NOW + 1;
	balance[1].ejected = 3;
	for (__u32 i = 0; i < 2000; i++)
		pick_case(i, &cluster, HDL_POLICY_ROUND_ROBIN)->min_health_percent = i < 1000 ? 26 : 25;
	compare(2000, 5);
	for (__u32 i = 0; i < 2000; i++)
		assert_int_equal(cases[i].endpoint, i < 1000 ? i % 4 + 1 : 4);
}

/* Promise P3: nobody sweeps, so the pick that comes by ends the ejection and gives the budget back, once. */
static void release_is_lazy_and_once(void **state)
{
	struct world_cluster cluster = single_cluster(4);

	(void)state;
	for (__u32 i = 1; i <= 4; i++)
		health[i].ejected_until_ns = i == 4 ? NOW + 1 : NOW;
	balance[1].ejected = 4;
	for (__u32 i = 0; i < 100; i++)
		pick_case(i, &cluster, HDL_POLICY_ROUND_ROBIN);
	compare(100, 5);
	assert_int_equal(balance[1].ejected, 4);
	for (__u32 i = 0; i < 100; i++)
		pick_case(i, &cluster, HDL_POLICY_ROUND_ROBIN)->release = 1;
	compare(100, 5);
	assert_int_equal(balance[1].ejected, 1);
	for (__u32 i = 1; i <= 4; i++) {
		assert_int_equal(health[i].ejected_until_ns, i == 4 ? NOW + 1 : 0);
		assert_int_equal(health[i].returned_ns, i == 4 ? 0 : NOW);
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
		cmocka_unit_test(maglev_moves_only_the_ejected),
		cmocka_unit_test(panic_ignores_ejection),
		cmocka_unit_test(release_is_lazy_and_once),
		cmocka_unit_test(weights_are_exact),
		cmocka_unit_test(weights_at_their_borders),
		cmocka_unit_test(address_hash_is_xxh64_of_text),
	};

	hdl_test_need_bpf();
	return cmocka_run_group_tests(tests, setup, teardown);
}
