/* SPDX-License-Identifier: Apache-2.0 */
/* Which endpoints come first for the clients of a place, and the shares of places (specification C.4). Pure. */
#ifndef HDL_XLATE_LOCALITY_H
#define HDL_XLATE_LOCALITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ir/snapshot.h"
#include "model/istio.h"

/* Where a client or an endpoint is. */
struct hdl_xl_place {
	struct hdl_ir_locality locality;
	const char *node;                   /* "" = unknown */
	const struct hdl_ir_labels *labels; /* NULL: none are known */
};

/* "region/zone/subzone", of which the end may be missing or "*": then it stands for all. */
bool hdl_xl_locality_matches(const struct hdl_ir_locality *locality, const char *pattern);
bool hdl_xl_locality_equal(const struct hdl_ir_locality *a, const struct hdl_ir_locality *b);

/* 0: same subzone, 1: same zone, 2: same region, 3: the region that takes over, 4: others when there is such a one. */
uint32_t hdl_xl_failover_rank(const struct hdl_ir_locality *client, const struct hdl_ir_locality *endpoint,
			      const struct hdl_dr_failover *failover, size_t n);

/* How many labels, from the last, are behind the first that differs; 0: all are as they should be. */
uint32_t hdl_xl_label_rank(const struct hdl_xl_place *client, const struct hdl_xl_place *endpoint,
			   const struct hdl_text *labels, size_t n);

/* Ranks become 0, 1, 2... without gaps, in the same order. n^2 at most in the number of different ranks. */
void hdl_xl_compact_ranks(uint32_t *rank, size_t n);

/* What of an endpoint the rule says: the first entry of `to` that its locality matches; SIZE_MAX: none. */
size_t hdl_xl_distribute_entry(const struct hdl_dr_distribute *rule, const struct hdl_ir_locality *endpoint);
/* The first rule for the client; NULL: none. */
const struct hdl_dr_distribute *hdl_xl_distribute_rule(const struct hdl_dr_distribute *rules, size_t n,
						       const struct hdl_ir_locality *client);
/* Share of one locality, of all that match an entry: in proportion to the weights of endpoints, rounded up. */
uint32_t hdl_xl_distribute_share(uint32_t entry_weight, uint64_t locality_weight, uint64_t total_weight);

#endif
