/* SPDX-License-Identifier: Apache-2.0 */
/* The two clocks of the daemon, in nanoseconds. */
#include "base/clock.h"

#include <time.h>

static uint64_t now(clockid_t id)
{
	struct timespec ts = { 0 };

	clock_gettime(id, &ts); /* cannot fail: both clocks exist on every kernel we accept */
	return (uint64_t)ts.tv_sec * HDL_NS_PER_S + (uint64_t)ts.tv_nsec;
}

uint64_t hdl_clock_mono_ns(void)
{
	return now(CLOCK_MONOTONIC);
}

uint64_t hdl_clock_wall_ns(void)
{
	return now(CLOCK_REALTIME);
}
