// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* The BPF build of the decision core, run over the cases in `cases`: the other half of test_core.c. */
#include "bpf/lib/balance.h"
#include "tests/bpf/core_case.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, HDL_CASE_BATCH);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct hdl_case);
} cases SEC(".maps");

static __always_inline void run_pick(struct hdl_case *one)
{
	struct hdl_balance_choice choice = { .random = one->random, .hash = one->hash, .has_hash = one->has_hash };
	struct hdl_flow flow = {
		.now_ns = one->now_ns,
		.cluster = one->cluster,
		.family = one->family,
		.alive = !one->release,
	};
	const struct hdl_cluster_version *version = hdl_lookup_cluster(one->cluster, 1);
	union hdl_balance_scratch at;

	one->result = HDL_VERDICT_NO_HEALTHY;
	if (!version)
		return;
	one->result = hdl_balance_pick(&at, &flow, version, &choice);
	one->endpoint = at.pick.endpoint;
	one->probes = at.pick.probes;
	one->group = at.pick.group;
}

static __always_inline void run_hash(struct hdl_case *one)
{
	struct hdl_addr address = one->address;

	one->result = hdl_balance_hash_address(&address);
}

static __always_inline void run_route(struct hdl_case *one)
{
	struct hdl_service_version version = {
		.route_offset = one->route_offset,
		.route_count = (__u16)one->route_count,
	};

	one->result = hdl_lookup_route(&version, (__u32)one->argument[2]);
}

static long run_case(__u32 i, void *unused)
{
	struct hdl_case *one = bpf_map_lookup_elem(&cases, &i);

	(void)unused;
	if (!one)
		return 1;
	if (one->kind == HDL_CASE_PICK)
		run_pick(one);
	else if (one->kind == HDL_CASE_VERSION)
		one->result = (__u64)(__s64)hdl_core_version(one->argument[0], one->argument[1], one->argument[2]);
	else if (one->kind == HDL_CASE_THRESHOLD)
		one->result = hdl_core_threshold(one->argument[0], one->argument[1]);
	else if (one->kind == HDL_CASE_ROUTE)
		run_route(one);
	else if (one->kind == HDL_CASE_WARMUP)
		one->result = hdl_core_warmup_share(one->argument[0], (__u32)one->argument[1], (__u32)one->argument[2],
						    (__u32)(one->argument[2] >> 32));
	else
		run_hash(one);
	return 0;
}

struct run_arguments {
	__u32 count;
};

SEC("syscall")
int run_cases(struct run_arguments *ctx)
{
	bpf_loop(ctx->count, run_case, NULL, 0);
	return 0;
}

char hdl_license[] SEC("license") = "Dual BSD/GPL";
