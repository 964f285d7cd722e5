// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* The BPF build of outlier detection, run over the cases in `cases`: the other half of test_outlier.c. */
#include "bpf/lib/failure.h"
#include "tests/bpf/outlier_case.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, HDL_OUTLIER_BATCH);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct hdl_outlier_case);
} cases SEC(".maps");

static __always_inline void run_event(struct hdl_outlier_case *one, struct hdl_health *of_endpoint,
				      struct hdl_balance *of_cluster)
{
	struct hdl_outlier o = {
		.health = of_endpoint,
		.balance = of_cluster,
		.now_ns = one->now_ns,
		.generation = one->generation,
	};

	hdl_core_outlier_rules(&o, &one->rules);
	one->result = (__u32)hdl_core_outlier(&o, one->event, one->status);
	one->detector = o.detector;
	one->overflows = o.overflows;
}

static long run_case(__u32 i, void *unused)
{
	struct hdl_outlier_case *one = bpf_map_lookup_elem(&cases, &i);
	struct hdl_health *of_endpoint;
	struct hdl_balance *of_cluster;
	__u64 since_ns = 0;

	(void)unused;
	if (!one)
		return 1;
	of_endpoint = hdl_tables_health(NULL, one->endpoint);
	of_cluster = hdl_tables_balance(NULL, one->cluster);
	if (!of_endpoint || !of_cluster)
		return 1;
	if (one->kind == HDL_OUTLIER_CASE_EVENT) {
		run_event(one, of_endpoint, of_cluster);
	} else if (one->kind == HDL_OUTLIER_CASE_END) {
		one->result = (__u32)hdl_core_end_ejection(of_endpoint, of_cluster, one->now_ns);
	} else {
		one->result = hdl_core_multiplier_steps(one->argument, (__u64)one->rules.interval_ms * 1000000,
							one->now_ns, &since_ns);
		one->since_ns = since_ns;
	}
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

/* As sockops does it: the rules come from the maps. Also the program of the threads. */
SEC("syscall")
int report(struct hdl_outlier_case *ctx)
{
	ctx->result = (__u32)hdl_failure_report(ctx->endpoint, ctx->generation, ctx->event);
	return 0;
}

char hdl_license[] SEC("license") = "Dual BSD/GPL";
