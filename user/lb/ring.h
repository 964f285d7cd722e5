/* SPDX-License-Identifier: Apache-2.0 */
/* Hash ring of specification C.3: which endpoint owns which arc. */
#ifndef HDL_LB_RING_H
#define HDL_LB_RING_H

#include <stddef.h>
#include <stdint.h>
#include "heddle/abi_lb.h"

/* Entries that a ring of these weights (NULL = all equal) takes at most; minimum as minimumRingSize, maximum at least 1. */
uint64_t hdl_ring_room(const uint32_t *weights, size_t n, uint64_t minimum, uint64_t maximum);
/*
 * Fills ret_ring, which has that much room, in the order of hashes; `endpoint` of an entry is an index into keys.
 * keys: "ip:port" texts ("[v6]:port"); weights: at least 1 each. 0 and the number of entries in *ret_count; -EINVAL.
 */
int hdl_ring_build(const char *const *keys, const uint32_t *weights, size_t n, uint64_t minimum, uint64_t maximum,
		   struct hdl_ring_entry *ret_ring, uint32_t *ret_count);

#endif
