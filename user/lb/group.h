/* SPDX-License-Identifier: Apache-2.0 */
/* Which group of a cluster's endpoints takes a request: by priority, or by shares of localities (specification C.4). */
#ifndef HDL_LB_GROUP_H
#define HDL_LB_GROUP_H

#include <stdbool.h>
#include <stdint.h>
#include "heddle/core/tables_user.h"
#include "ir/snapshot.h"

/*
 * The group for a draw (of a hash, or at random), and whether its ejected endpoints count as healthy (panic). NULL: no
 * endpoint is healthy. The cluster has groups.
 */
const struct hdl_ir_group *hdl_lb_group(struct hdl_tables *tables, const struct hdl_ir_cluster *cluster, uint64_t draw,
					uint64_t now_ns, bool *ret_panic);
/*
 * Of the group's endpoints with an address of the family the one that the hash prefers: with each that goes or comes,
 * only its own share of the hashes moves. 0: none is healthy.
 */
uint32_t hdl_lb_group_hash(struct hdl_tables *tables, const struct hdl_ir_cluster *cluster,
			   const struct hdl_ir_group *group, enum hdl_family family, uint64_t hash, bool panic,
			   uint64_t now_ns);
/* The one whose turn it is; strictly in turn while one group takes all requests. 0: none is healthy. */
uint32_t hdl_lb_group_turn(struct hdl_tables *tables, const struct hdl_ir_cluster *cluster,
			   const struct hdl_ir_group *group, enum hdl_family family, bool panic, uint64_t now_ns);

#endif
