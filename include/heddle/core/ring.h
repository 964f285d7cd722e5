/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Decision core: where a hash falls on a ring (specification C.3), by binary search. */
#ifndef HDL_CORE_RING_H
#define HDL_CORE_RING_H

#include "heddle/abi_lb.h"
#include "heddle/core/subset.h"
#include "heddle/core/tables.h"

#define HDL_CORE_RING_STEPS 24 /* halvings of the largest ring, HDL_RING_MAX entries, until none is left */

struct hdl_core_ring {
	HDL_TABLES_POINTER
	struct hdl_range ring;
	__u64 hash;
	__u32 first; /* entries before it have smaller hashes */
	__u32 rest;  /* entries from there on that are not known to have larger ones */
};

static inline int hdl_core_ring_step(__u32 i, struct hdl_core_ring *at)
{
	__u32 half = at->rest / 2;
	const struct hdl_ring_entry *entry;

	(void)i;
	if (at->rest == 0)
		return 1;
	entry = hdl_tables_ring(hdl_tables_of(at), at->ring.offset + at->first + half);
	if (!entry)
		return 1;
	if (entry->hash < at->hash) {
		at->first += half + 1;
		at->rest -= half + 1;
	} else {
		at->rest = half;
	}
	return 0;
}

#endif
