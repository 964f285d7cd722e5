/* SPDX-License-Identifier: Apache-2.0 */
/* xxHash64, the hash of Envoy's ring and Maglev tables and of our own tables. */
#ifndef HDL_BASE_HASH_H
#define HDL_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t hdl_hash64(const void *data, size_t n, uint64_t seed);
/* Random per process: seed of every table whose keys a peer chooses (hash flooding). */
uint64_t hdl_hash_process_seed(void);

#endif
