/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Decision core: which weighted destination, which version of a record. Pure; compiled into BPF and the daemon. */
#ifndef HDL_CORE_SUBSET_H
#define HDL_CORE_SUBSET_H

#include <linux/types.h>
#include "heddle/abi_lb.h"

#define HDL_CORE static inline __attribute__((always_inline))

/*
 * A global function in BPF: the verifier looks at it once, by itself, and knows nothing of what it gets and leaves
 * through a pointer. That matters beside bpf_loop(): before 6.7 the verifier walks a callback once and takes what that
 * one walk left on the stack for the truth.
 */
#ifdef __bpf__
#define HDL_CORE_STEP __attribute__((noinline, weak)) /* weak: several objects have it */
#else
#define HDL_CORE_STEP static inline
#endif

/*
 * Version to read of a two-version record at `epoch`: the newest that is not newer. epoch0, epoch1: of the two
 * versions, 0 = empty. Returns 0 or 1, or -1 when none counts.
 */
HDL_CORE int hdl_core_version(__u64 epoch0, __u64 epoch1, __u64 epoch)
{
	int usable0 = epoch0 != 0 && epoch0 <= epoch;
	int usable1 = epoch1 != 0 && epoch1 <= epoch;

	if (usable0 && usable1)
		return epoch1 > epoch0;
	if (usable0)
		return 0;
	return usable1 ? 1 : -1;
}

/*
 * Threshold of a destination: cumulative is the sum of weights up to and including it, total the sum of all
 * (total > 0, both below 2^32). Exact: floor(2^32 * cumulative / total), so that shares differ from the weights by
 * less than 2^-32, equal cumulative sums (weight 0) give equal thresholds, and the last is 2^32.
 */
HDL_CORE __u64 hdl_core_threshold(__u64 cumulative, __u64 total)
{
	return (cumulative << 32) / total;
}

/* Whether the row with this threshold, being the first such, takes the draw. */
HDL_CORE int hdl_core_takes(__u64 threshold, __u32 draw)
{
	return draw < threshold;
}

#endif
