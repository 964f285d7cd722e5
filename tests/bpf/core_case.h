/* SPDX-License-Identifier: Apache-2.0 */
/* One case of the differential test: what both builds get, and what the BPF build answered. */
#ifndef HDL_TESTS_BPF_CORE_CASE_H
#define HDL_TESTS_BPF_CORE_CASE_H

#include "heddle/abi_addr.h"
#include "heddle/abi_lb.h"

#define HDL_CASE_BATCH 4096

enum hdl_case_kind {
	HDL_CASE_PICK,
	HDL_CASE_VERSION,
	HDL_CASE_THRESHOLD,
	HDL_CASE_ROUTE,
	HDL_CASE_HASH,
	HDL_CASE_WARMUP,
	HDL_CASE_KINDS,
};

struct hdl_case {
	__u32 kind; /* enum hdl_case_kind */
	/* pick, of the cluster's record in force at epoch 1 */
	__u32 cluster;
	__u8 family, has_hash, release, padding;
	__u64 now_ns, random, hash;
	/* version: three epochs; threshold: cumulative, total, draw; warm-up: elapsed, length, aggression and percent */
	__u64 argument[3];
	/* route */
	__u32 route_offset, route_count;
	/* hash */
	struct hdl_addr address;
	/* out */
	__u64 result;
	__u32 endpoint, probes, group;
	__u32 padding2;
};

#endif
