/* SPDX-License-Identifier: Apache-2.0 */
/* Seeded generator (xoshiro256**) passed as an argument to pure code; not for secrets. */
#ifndef HDL_BASE_RAND_H
#define HDL_BASE_RAND_H

#include <stdint.h>

struct hdl_rand {
	uint64_t s[4];
};

void hdl_rand_seed(struct hdl_rand *rand, uint64_t seed); /* the same seed gives the same sequence */
void hdl_rand_seed_random(struct hdl_rand *rand);         /* getrandom() */
uint64_t hdl_rand_u64(struct hdl_rand *rand);
static inline uint32_t hdl_rand_u32(struct hdl_rand *rand)
{
	return (uint32_t)(hdl_rand_u64(rand) >> 32);
}

#endif
