/* SPDX-License-Identifier: Apache-2.0 */
/* One case of the differential test of outlier detection: what both builds get, and what the BPF build answered. */
#ifndef HDL_TESTS_BPF_OUTLIER_CASE_H
#define HDL_TESTS_BPF_OUTLIER_CASE_H

#include "heddle/abi_lb.h"

#define HDL_OUTLIER_BATCH 2048

enum hdl_outlier_case_kind {
	HDL_OUTLIER_CASE_EVENT, /* something happened at the endpoint */
	HDL_OUTLIER_CASE_END,   /* somebody comes by, and ends an ejection that is over */
	HDL_OUTLIER_CASE_STEPS, /* how far the multiplier falls: of now_ns since argument */
	HDL_OUTLIER_CASE_KINDS,
};

struct hdl_outlier_case {
	struct hdl_cluster_version rules;
	__u64 now_ns, argument;
	__u32 kind; /* enum hdl_outlier_case_kind */
	__u32 endpoint, cluster, generation;
	__u32 event; /* enum hdl_outlier_event */
	__u32 status;
	/* out */
	__u64 since_ns;
	__u32 result;
	__u8 detector, overflows, padding[2];
};

#endif
