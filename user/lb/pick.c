/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the decision core for a request: families, re-picks past endpoints tried before. */
#include "lb/pick.h"

#include "heddle/core/pick.h"

static bool was_tried(const struct hdl_lb_request *r, uint32_t endpoint)
{
	for (uint32_t i = 0; i < r->previous_count; i++)
		if (r->previous[i] == endpoint)
			return true;
	return false;
}

/* attempt: of the re-pick within this choice, 0 first; moves a hash as specification C.3 says. */
static int pick_family(const struct hdl_lb_request *r, enum hdl_family family, uint64_t attempt, uint32_t *ret_endpoint)
{
	const struct hdl_ir_cluster *c = r->cluster;
	struct hdl_pick pick = {
		.tables = r->tables,
		.member = c->member[family],
		.table = c->table[family],
		.now_ns = r->now_ns,
		.random = hdl_rand_u64(r->rand),
		.hash = attempt ? r->hash ^ (~0ull - attempt + 1) : r->hash,
		.cluster = c->id,
		.endpoint_count = (uint32_t)c->healthy_count,
		.policy = (__u8)c->policy,
		.has_hash = r->has_hash,
		.min_health_percent = c->outlier.min_health_percent,
	};
	int verdict = hdl_core_pick(&pick);

	if (verdict == HDL_VERDICT_BALANCED)
		*ret_endpoint = pick.endpoint;
	return verdict;
}

static int pick_any(const struct hdl_lb_request *r, uint64_t attempt, uint32_t *ret_endpoint,
		    enum hdl_family *ret_family)
{
	enum hdl_family other = r->family == HDL_FAMILY_V4 ? HDL_FAMILY_V6 : HDL_FAMILY_V4;

	*ret_family = r->family;
	if (pick_family(r, r->family, attempt, ret_endpoint) == HDL_VERDICT_BALANCED)
		return HDL_VERDICT_BALANCED;
	*ret_family = other;
	if (pick_family(r, other, attempt, ret_endpoint) == HDL_VERDICT_BALANCED)
		return HDL_VERDICT_BALANCED;
	return HDL_VERDICT_NO_HEALTHY;
}

int hdl_lb_pick(const struct hdl_lb_request *request, uint32_t *ret_endpoint, enum hdl_family *ret_family)
{
	uint32_t endpoint;
	enum hdl_family family;

	if (pick_any(request, 0, &endpoint, &family) != HDL_VERDICT_BALANCED)
		return HDL_VERDICT_NO_HEALTHY;
	for (uint64_t attempt = 1; attempt <= HDL_LB_REPICKS && was_tried(request, endpoint); attempt++)
		if (pick_any(request, attempt, &endpoint, &family) != HDL_VERDICT_BALANCED)
			return HDL_VERDICT_NO_HEALTHY;
	*ret_endpoint = endpoint;
	*ret_family = family;
	return HDL_VERDICT_BALANCED;
}
