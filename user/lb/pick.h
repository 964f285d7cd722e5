/* SPDX-License-Identifier: Apache-2.0 */
/* Choice of an endpoint by the decision core that the kernel uses too, with what only a request knows. */
#ifndef HDL_LB_PICK_H
#define HDL_LB_PICK_H

#include <stdbool.h>
#include <stdint.h>
#include "base/rand.h"
#include "heddle/abi_verdict.h"
#include "heddle/core/tables_user.h"
#include "ir/snapshot.h"

/* Endpoints that one request remembers: tries beyond that may come back to earlier ones. */
#define HDL_LB_PREVIOUS_MAX 16
/* Picks made anew because an endpoint was tried already (specification B.9). */
#define HDL_LB_REPICKS 5

struct hdl_lb_request {
	struct hdl_tables *tables;
	const struct hdl_ir_cluster *cluster;
	struct hdl_rand *rand;
	uint64_t now_ns;
	uint64_t hash;
	bool has_hash;
	enum hdl_family family; /* of the client: preferred */
	/* Endpoints to avoid; previous_count 0: none. */
	const uint32_t *previous;
	uint32_t previous_count;
};

/*
 * HDL_VERDICT_BALANCED with *ret_endpoint and *ret_family; HDL_VERDICT_NO_HEALTHY. The client's family is tried first,
 * then the other. Endpoints in `previous` are passed over while re-picks last; then the last pick is taken.
 */
int hdl_lb_pick(const struct hdl_lb_request *request, uint32_t *ret_endpoint, enum hdl_family *ret_family);

#endif
