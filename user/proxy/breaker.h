/* SPDX-License-Identifier: Apache-2.0 */
/* Circuit breakers of clusters: what all workers of the process have under way together (specification C.5). */
#ifndef HDL_PROXY_BREAKER_H
#define HDL_PROXY_BREAKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct hdl_breaker {
	atomic_uint requests, retries;
};

/* Takes one of max (0: no limit); false: there is none left. Exact: nobody gets one beyond the limit. */
static inline bool hdl_breaker_take(atomic_uint *used, uint32_t max)
{
	unsigned int now = atomic_load_explicit(used, memory_order_relaxed);

	do {
		if (max && now >= max)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(used, &now, now + 1, memory_order_relaxed,
							memory_order_relaxed));
	return true;
}

static inline void hdl_breaker_give(atomic_uint *used)
{
	atomic_fetch_sub_explicit(used, 1, memory_order_relaxed);
}

#endif
