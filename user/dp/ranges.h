/* SPDX-License-Identifier: Apache-2.0 */
/* Allocator of ranges of an array (rows of `route`, slots of `slot`): first fit, neighbours joined when freed. */
#ifndef HDL_DP_RANGES_H
#define HDL_DP_RANGES_H

#include <stdint.h>
#include "heddle/abi_lb.h"

struct hdl_ranges_node;

struct hdl_ranges {
	uint32_t total, free;
	uint32_t allocated;            /* ranges in use */
	struct hdl_ranges_node *nodes; /* nodes[0] is the empty tree */
	uint32_t capacity, root, spare, used_nodes;
};

/* All of 0..total-1 is free. 0 or -ENOMEM. */
int hdl_ranges_init(struct hdl_ranges *ranges, uint32_t total);
void hdl_ranges_done(struct hdl_ranges *ranges);

/* The lowest gap that count (not 0) fits. 0, -ENOSPC or -ENOMEM. O(log n) of the number of gaps. */
int hdl_ranges_alloc(struct hdl_ranges *ranges, uint32_t count, struct hdl_range *ret);
/* Takes exactly this one. 0, -EEXIST when any of it is taken, -ERANGE or -ENOMEM. */
int hdl_ranges_reserve(struct hdl_ranges *ranges, struct hdl_range range);
/* Gives back what alloc or reserve gave; cannot fail. A range of count 0 is none. */
void hdl_ranges_free(struct hdl_ranges *ranges, struct hdl_range range);

#endif
