/* SPDX-License-Identifier: Apache-2.0 */
/* Monotonic and wall clock in nanoseconds. */
#ifndef HDL_BASE_CLOCK_H
#define HDL_BASE_CLOCK_H

#include <stdint.h>

#define HDL_NS_PER_MS 1000000ull
#define HDL_NS_PER_S 1000000000ull

uint64_t hdl_clock_mono_ns(void); /* CLOCK_MONOTONIC: the clock of bpf_ktime_get_ns() */
uint64_t hdl_clock_wall_ns(void); /* CLOCK_REALTIME, for logs only */

#endif
