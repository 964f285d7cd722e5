/* SPDX-License-Identifier: Apache-2.0 */
/* xoshiro256** by Blackman and Vigna, seeded through splitmix64 as its authors advise. */
#include "base/rand.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

static uint64_t rotl(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

static uint64_t splitmix64(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

void hdl_rand_seed(struct hdl_rand *rand, uint64_t seed)
{
	/* never all zero, the one state from which the generator does not move: splitmix64 is a bijection */
	for (int i = 0; i < 4; i++)
		rand->s[i] = splitmix64(&seed);
}

void hdl_rand_seed_random(struct hdl_rand *rand)
{
	uint64_t seed;
	ssize_t n;

	do
		n = getrandom(&seed, sizeof(seed), 0);
	while (n < 0 && errno == EINTR);
	/* Only a seccomp filter that forbids it makes this fail: a bug, and a predictable seed is worse than an end. */
	if (n != (ssize_t)sizeof(seed))
		abort();
	hdl_rand_seed(rand, seed);
}

uint64_t hdl_rand_u64(struct hdl_rand *rand)
{
	uint64_t *s = rand->s;
	uint64_t result = rotl(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return result;
}
