// SPDX-License-Identifier: Apache-2.0
/*
 * The decision core decides the same in BPF and in C, bit for bit, over CASES (10^7) random cases (specification C.1 to
 * C.4): all policies, groups, weights, rings, warm-up; and the largest cluster.
 * timeout: 300 (machines without a JIT)
 */
#include "tests/bpf/core_scene.h"

/* What the records of the random worlds take up so far. */
struct used {
	__u32 slot, ring, group, endpoint;
};

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
/* member, turns, table: HDL_FAMILIES of each. */
static void put_ranges(struct used *used, __u8 policy, struct hdl_range *member, struct hdl_range *turns,
		       struct hdl_range *table)
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_cases),
		cmocka_unit_test(largest_cluster),
	};

	hdl_test_need_bpf();
	return cmocka_run_group_tests(tests, setup, teardown);
}
