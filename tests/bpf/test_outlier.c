// SPDX-License-Identifier: Apache-2.0
/*
 * Outlier detection does the same in BPF and in C, bit for bit, over 10^6 random events; and kernel and proxy, reporting
 * at once on the same records, never eject more than maxEjectionPercent.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include "tests/bpf/kernel.h"
#include "tests/bpf/outlier_case.h"
#include "heddle/abi_check.h"
#include "heddle/core/tables_user.h"
#include "heddle/core/outlier.h"
#include "test_outlier.skel.h"

#define CLUSTERS 8
#define ENDPOINTS 64 /* ids 1..; id e is of cluster e % CLUSTERS + 1 */
#define BATCHES 500
#define MS 1000000ull

static struct test_outlier *skel;
static struct hdl_outlier_case *cases;
static struct hdl_health *health, shadow_health[ENDPOINTS + 1];
static struct hdl_balance *balance, shadow_balance[CLUSTERS + 1];
static uint64_t seed = 20261121, ejections, overflows, ends;

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
	hdl_test_need_bpf();
	skel = test_outlier__open_and_load();
	if (!skel)
		return -1;
	cases = hdl_test_map(skel->maps.cases);
	health = hdl_test_map(skel->maps.health);
	balance = hdl_test_map(skel->maps.balance);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	test_outlier__destroy(skel);
	return 0;
}

/* Rules at the edges of what a DestinationRule may say, and in between. */
static void draw_rules(struct hdl_cluster_version *rules)
{
	static const __u32 intervals[] = { 0, 1, 7, 1000, 10000, 4000000000u };
	static const __u32 bases[] = { 0, 1, 30, 30000, 300000, 400000, 4000000000u };
	static const __u8 percents[] = { 0, 10, 33, 50, 99, 100 };

	*rules = (struct hdl_cluster_version){
		.endpoint_count = below(12),
		.consecutive_5xx = below(5),
		.consecutive_gateway = below(5),
		.consecutive_local_origin = below(5),
		.interval_ms = intervals[below(6)],
		.base_ejection_ms = bases[below(7)],
		.max_ejection_percent = percents[below(6)],
		.flags = (__u8)(below(16) ? HDL_CLUSTER_OUTLIER : 0) | (__u8)(below(3) ? 0 : HDL_CLUSTER_SPLIT_LOCAL),
	};
}

static void draw_case(struct hdl_outlier_case *one, uint64_t now_ns, const struct hdl_cluster_version *rules)
{
	static const __u32 statuses[] = { 200, 404, 499, 500, 501, 502, 503, 504, 505, 599 };
	__u32 endpoint = 1 + below(ENDPOINTS), kind = below(20);

	*one = (struct hdl_outlier_case){
		.kind = kind == 0 ? HDL_OUTLIER_CASE_END :
			kind == 1 ? HDL_OUTLIER_CASE_STEPS :
				    HDL_OUTLIER_CASE_EVENT,
		.rules = rules[endpoint % CLUSTERS],
		.now_ns = now_ns,
		.argument = below(4) ? now_ns - below(1000000000) : next_random() >> below(64),
		.endpoint = endpoint,
		.cluster = endpoint % CLUSTERS + 1,
		.generation = below(32) ? endpoint : endpoint + 1,
		.event = below(8),
		.status = statuses[below(10)],
	};
}

static void run_in_c(const struct hdl_outlier_case *one, struct hdl_outlier_case *ret)
{
	struct hdl_health *of_endpoint = &shadow_health[one->endpoint];
	struct hdl_balance *of_cluster = &shadow_balance[one->cluster];

	*ret = *one;
	if (one->kind == HDL_OUTLIER_CASE_EVENT) {
		struct hdl_outlier o = {
			.health = of_endpoint,
			.balance = of_cluster,
			.now_ns = one->now_ns,
			.generation = one->generation,
		};

		hdl_core_outlier_rules(&o, &one->rules);
		ret->result = (__u32)hdl_core_outlier(&o, one->event, one->status);
		ret->detector = o.detector;
		ret->overflows = o.overflows;
		ejections += ret->result == HDL_OUTLIER_EJECTED;
		overflows += ret->overflows;
	} else if (one->kind == HDL_OUTLIER_CASE_END) {
		ret->result = (__u32)hdl_core_end_ejection(of_endpoint, of_cluster, one->now_ns);
		ends += ret->result;
	} else {
		ret->result = hdl_core_multiplier_steps(one->argument, (__u64)one->rules.interval_ms * MS, one->now_ns,
							&ret->since_ns);
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

static void start_anew(void)
{
	for (__u32 e = 1; e <= ENDPOINTS; e++)
		health[e] = (struct hdl_health){ .generation = e };
	for (__u32 c = 1; c <= CLUSTERS; c++)
		balance[c] = (struct hdl_balance){ .turn = 0 };
	/* What a crashed predecessor may leave. */
	if (below(4) == 0)
		balance[1].ejected = below(3);
	if (below(4) == 0)
		health[1].ejection_multiplier = (__u32)next_random();
	memcpy(shadow_health, health, sizeof(shadow_health));
	memcpy(shadow_balance, balance, sizeof(shadow_balance));
}

static void same_in_both_builds(void **state)
{
	static struct hdl_outlier_case answers[HDL_OUTLIER_BATCH];
	struct hdl_cluster_version rules[CLUSTERS];
	uint64_t now_ns = 0;

	(void)state;
	for (int batch = 0; batch < BATCHES; batch++) {
		if (batch % 5 == 0) {
			start_anew();
			now_ns = next_random() >> (below(40) + 4);
			for (int c = 0; c < CLUSTERS; c++)
				draw_rules(&rules[c]);
		}
		for (__u32 i = 0; i < HDL_OUTLIER_BATCH; i++) {
			now_ns += next_random() >> (below(30) + 34);
			draw_case(&cases[i], now_ns, rules);
		}
		for (__u32 i = 0; i < HDL_OUTLIER_BATCH; i++)
			run_in_c(&cases[i], &answers[i]);
		run_in_bpf(HDL_OUTLIER_BATCH);
		for (__u32 i = 0; i < HDL_OUTLIER_BATCH; i++) {
			if (memcmp(&cases[i], &answers[i], sizeof(answers[i])) != 0)
				fail_msg("kind %u event %u status %u: C %u by %u, BPF %u by %u", cases[i].kind,
					 cases[i].event, cases[i].status, answers[i].result, answers[i].detector,
					 cases[i].result, cases[i].detector);
		}
		assert_memory_equal(shadow_health, health, sizeof(shadow_health));
		assert_memory_equal(shadow_balance, balance, sizeof(shadow_balance));
	}
	/* the cases reach what they are for */
	assert_true(ejections > 1000 && overflows > 1000 && ends > 100);
}

/* --- kernel and proxy at once -------------------------------------------------------------------------------------- */

#define SHARED 20
#define ALLOWED 6 /* 30 % */
static atomic_uint too_many, by_kernel;

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

/* By those who race for the places: a thread that only watches would take a CPU from them. */
static void check_budget(void)
{
	if (__atomic_load_n(&balance[1].ejected, __ATOMIC_ACQUIRE) > ALLOWED)
		atomic_fetch_add(&too_many, 1);
}

static void *kernel_reports(void *data)
{
	struct hdl_outlier_case one = { .event = HDL_OUTLIER_CONNECT_FAILURE };
	int fd = bpf_program__fd(skel->progs.report);

	for (uint32_t i = 0; i < 100000; i++) {
		LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &one, .ctx_size_in = sizeof(one));

		one.endpoint = one.generation = 1 + (i * 7 + (uint32_t)(uintptr_t)data) % SHARED;
		if (bpf_prog_test_run_opts(fd, &opts) != 0)
			atomic_fetch_add(&too_many, 1);
		check_budget();
		if (one.result == HDL_OUTLIER_EJECTED)
			atomic_fetch_add(&by_kernel, 1);
	}
	return NULL;
}

static void *proxy_reports(void *data)
{
	for (uint32_t i = 0; i < 2000000; i++) {
		uint32_t e = 1 + (i * 3 + (uint32_t)(uintptr_t)data) % SHARED;
		struct hdl_outlier o = {
			.health = &health[e],
			.balance = &balance[1],
			.now_ns = now_ns(),
			.interval_ns = 1000,
			.base_ejection_ns = 1000,
			.generation = e,
			.endpoint_count = SHARED,
			.consecutive_5xx = 1,
			.consecutive_gateway = 1,
			.max_ejection_percent = 30,
			.flags = HDL_CLUSTER_OUTLIER,
		};

		if (i % 2)
			hdl_core_outlier(&o, HDL_OUTLIER_RESPONSE, 503);
		else
			hdl_core_end_ejection(&health[e], &balance[1], o.now_ns);
		check_budget();
	}
	return NULL;
}

static void kernel_and_proxy_keep_the_percentage(void **state)
{
	struct hdl_cluster *cluster = hdl_test_map(skel->maps.cluster);
	struct hdl_endpoint *endpoint = hdl_test_map(skel->maps.endpoint);
	struct hdl_state *published = hdl_test_map(skel->maps.state);
	pthread_t kernel[2], proxy[2];
	uint32_t out = 0;

	(void)state;
	published->epoch = 1;
	cluster[1] = (struct hdl_cluster){
		.version[0] = { .epoch = 1,
				.endpoint_count = SHARED,
				.consecutive_5xx = 1,
				.consecutive_gateway = 1,
				.interval_ms = 1,
				.base_ejection_ms = 1,
				.max_ejection_percent = 30,
				.flags = HDL_CLUSTER_OUTLIER },
	};
	balance[1] = (struct hdl_balance){ .turn = 0 };
	for (uint32_t e = 1; e <= SHARED; e++) {
		endpoint[e] = (struct hdl_endpoint){ .generation = e, .cluster = 1 };
		health[e] = (struct hdl_health){ .generation = e };
	}
	for (uintptr_t i = 0; i < 2; i++) {
		assert_int_equal(pthread_create(&kernel[i], NULL, kernel_reports, (void *)i), 0);
		assert_int_equal(pthread_create(&proxy[i], NULL, proxy_reports, (void *)i), 0);
	}
	for (int i = 0; i < 2; i++) {
		pthread_join(kernel[i], NULL);
		pthread_join(proxy[i], NULL);
	}
	assert_int_equal(atomic_load(&too_many), 0);
	for (uint32_t e = 1; e <= SHARED; e++)
		out += health[e].ejected_until_ns != 0;
	assert_int_equal(out, balance[1].ejected);
	assert_true(atomic_load(&by_kernel) > 0 && balance[1].ejections > atomic_load(&by_kernel));
	assert_int_not_equal(balance[1].ejections_overflow, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_in_both_builds),
		cmocka_unit_test(kernel_and_proxy_keep_the_percentage),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
