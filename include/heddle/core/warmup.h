/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Decision core: the part of its weight that a new endpoint has during warm-up (specification C.2), in integers:
 * max((elapsed / duration)^(1 / aggression), minimum), within 2^-16 of the real number.
 */
#ifndef HDL_CORE_WARMUP_H
#define HDL_CORE_WARMUP_H

#include <linux/types.h>
#include "heddle/core/subset.h"
#include "heddle/core/tables.h"

#define HDL_CORE_SHARE_ONE 65536u /* the whole weight */
#define HDL_CORE_LOG_BITS 24      /* of the fraction of a logarithm */
#define HDL_CORE_EXP_ONE (1ull << 30)

/* log2 of value (not 0), with HDL_CORE_LOG_BITS bits of fraction. */
HDL_CORE __u32 hdl_core_log2(__u64 value)
{
	__u32 log = 63, shift;

	for (shift = 32; shift; shift /= 2) {
		__u32 low = value >> (64 - shift) == 0 ? shift : 0; /* leading zeros */

		value <<= low;
		log -= low;
	}
	value >>= 32; /* mantissa, 1.0 is 2^31 */
	for (int i = 0; i < HDL_CORE_LOG_BITS; i++) {
		__u64 bit;

		/* the square of what is left: each doubling of it is the next bit of the fraction */
		value = value * value >> 31;
		bit = value >> 32;
		value >>= bit;
		log = log << 1 | (__u32)bit;
	}
	return log;
}

/* 2^-(y / 2^HDL_CORE_LOG_BITS) as a share of HDL_CORE_SHARE_ONE. */
HDL_CORE __u32 hdl_core_exp2_negative(__u64 y)
{
	/* e^-t by its series, t below ln 2: the tenth term is below 2^-26 */
	__u64 t = (y & ((1ull << HDL_CORE_LOG_BITS) - 1)) * 744261118ull >> HDL_CORE_LOG_BITS; /* ln 2 * 2^30 */
	__u64 sum = HDL_CORE_EXP_ONE, whole = y >> HDL_CORE_LOG_BITS;

	for (__u64 k = 9; k; k--)
		sum = HDL_CORE_EXP_ONE - (t * sum >> 30) / k;
	return whole < 32 ? (__u32)(((sum >> 13 >> whole) + 1) >> 1) : 0;
}

/*
 * Share of its weight of an endpoint that was added elapsed_ns ago, of HDL_CORE_SHARE_ONE. aggression: 16.16 fixed
 * point, 0 = 1. A global function in BPF: the verifier looks at it once.
 */
HDL_CORE_STEP __u32 hdl_core_warmup_share(__u64 elapsed_ns, __u32 warmup_ms, __u32 aggression, __u32 min_percent)
{
	__u64 elapsed_us = elapsed_ns / 1000, warmup_us = (__u64)warmup_ms * 1000, y;
	__u32 share, least = min_percent < 100 ? min_percent * HDL_CORE_SHARE_ONE / 100 : HDL_CORE_SHARE_ONE;

	if (elapsed_us >= warmup_us)
		return HDL_CORE_SHARE_ONE;
	if (elapsed_us < 1000)
		elapsed_us = 1000;
	if (elapsed_us >= warmup_us)
		return HDL_CORE_SHARE_ONE;
	y = hdl_core_log2(warmup_us) - hdl_core_log2(elapsed_us);
	y = (y << 16) / (aggression ? aggression : 1u << 16);
	share = hdl_core_exp2_negative(y);
	return share > least ? share : least;
}

#endif
