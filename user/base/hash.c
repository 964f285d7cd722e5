/* SPDX-License-Identifier: Apache-2.0 */
/* XXH64 and the seed that keeps peers from choosing colliding keys. */
#include "base/hash.h"

#include <pthread.h>
#include <xxhash.h>

#include "base/rand.h"

static uint64_t process_seed;
static pthread_once_t process_seed_once = PTHREAD_ONCE_INIT;

static void draw_seed(void)
{
	struct hdl_rand rand;

	hdl_rand_seed_random(&rand);
	process_seed = hdl_rand_u64(&rand);
}

uint64_t hdl_hash64(const void *data, size_t n, uint64_t seed)
{
	return XXH64(n ? data : "", n, seed);
}

uint64_t hdl_hash_process_seed(void)
{
	pthread_once(&process_seed_once, draw_seed);
	return process_seed;
}
