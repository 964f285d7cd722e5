/* SPDX-License-Identifier: Apache-2.0 */
/* Maglev table of specification C.3: which endpoint owns which slot. */
#ifndef HDL_LB_MAGLEV_H
#define HDL_LB_MAGLEV_H

#include <stddef.h>
#include <stdint.h>

/*
 * Fills ret_table[0..table_size) with indexes into keys. keys: distinct "ip:port" texts ("[v6]:port"), in any order: the
 * table depends only on the set. weights: at least 1 each; NULL = all equal. table_size: a prime of at least 2.
 * 0; -EINVAL (n 0, a weight 0, table_size no prime); -ENOMEM. ret_table is untouched on error.
 */
int hdl_maglev_build(const char *const *keys, const uint32_t *weights, size_t n, uint32_t table_size,
		     uint32_t *ret_table);

#endif
