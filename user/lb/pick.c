/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the decision core for a request: families, re-picks past endpoints tried before. */
#include "lb/pick.h"

#include "heddle/core/pick.h"
#include "lb/group.h"

static bool was_tried(const struct hdl_lb_request *r, uint32_t endpoint)
{
	for (uint32_t i = 0; i < r->previous_count; i++)
		if (r->previous[i] == endpoint)
			return true;
	return false;
}

/* What the choice is made from: the whole cluster, or (group) a part of it. */
struct part {
	const struct hdl_ir_group *group; /* NULL: the whole */
	uint64_t hash;
	bool panic;
};

/* Where the group's endpoints are in the cluster's list; a list that does not have them has no place for them. */
static struct hdl_range members(const struct hdl_ir_cluster *c, const struct hdl_ir_group *g, enum hdl_family family)
{
	struct hdl_range all = c->member[family], of = g->member[family];

	if (of.offset > all.count || of.count > all.count - of.offset)
		return (struct hdl_range){ 0, 0 };
	return (struct hdl_range){ all.offset + of.offset, of.count };
}

/* By hash and in turn: the core's table and turn are of the whole cluster. */
static int pick_of_group(const struct hdl_lb_request *r, const struct part *part, enum hdl_family family,
			 uint32_t *ret_endpoint)
{
	const struct hdl_ir_cluster *c = r->cluster;
	uint32_t id = c->policy == HDL_POLICY_MAGLEV ?
			      hdl_lb_group_hash(r->tables, c, part->group, family, part->hash, part->panic, r->now_ns) :
			      hdl_lb_group_turn(r->tables, c, part->group, family, part->panic, r->now_ns);

	*ret_endpoint = id;
	return id ? HDL_VERDICT_BALANCED : HDL_VERDICT_NO_HEALTHY;
}

static int pick_family(const struct hdl_lb_request *r, const struct part *part, enum hdl_family family,
		       uint32_t *ret_endpoint)
{
	const struct hdl_ir_cluster *c = r->cluster;
	struct hdl_pick pick = {
		.tables = r->tables,
		.member = part->group ? members(c, part->group, family) : c->member[family],
		.table = part->group ? (struct hdl_range){ 0, 0 } : c->table[family],
		.now_ns = r->now_ns,
		.random = hdl_rand_u64(r->rand),
		.hash = part->hash,
		.cluster = c->id,
		.endpoint_count = (uint32_t)c->healthy_count,
		.policy = (__u8)c->policy,
		.has_hash = r->has_hash,
		/* panic is of the group: always (more than all must be healthy) or never */
		.min_health_percent = !part->group ? c->outlier.min_health_percent :
				      part->panic  ? 101 :
						     0,
	};
	int verdict;

	if (part->group && ((c->policy == HDL_POLICY_MAGLEV && r->has_hash) || c->policy == HDL_POLICY_ROUND_ROBIN))
		return pick_of_group(r, part, family, ret_endpoint);
	verdict = hdl_core_pick(&pick);
	if (verdict == HDL_VERDICT_BALANCED)
		*ret_endpoint = pick.endpoint;
	return verdict;
}

/* attempt: of the re-pick within this choice, 0 first; moves a hash as specification C.3 says. */
static int pick_any(const struct hdl_lb_request *r, uint64_t attempt, uint32_t *ret_endpoint,
		    enum hdl_family *ret_family)
{
	enum hdl_family other = r->family == HDL_FAMILY_V4 ? HDL_FAMILY_V6 : HDL_FAMILY_V4;
	struct part part = { .hash = attempt ? r->hash ^ (~0ull - attempt + 1) : r->hash };

	if (r->cluster->group_count) {
		uint64_t draw =
			r->has_hash && r->cluster->policy == HDL_POLICY_MAGLEV ? part.hash : hdl_rand_u64(r->rand);

		part.group = hdl_lb_group(r->tables, r->cluster, draw, r->now_ns, &part.panic);
		if (!part.group)
			return HDL_VERDICT_NO_HEALTHY;
	}
	*ret_family = r->family;
	if (pick_family(r, &part, r->family, ret_endpoint) == HDL_VERDICT_BALANCED)
		return HDL_VERDICT_BALANCED;
	*ret_family = other;
	if (pick_family(r, &part, other, ret_endpoint) == HDL_VERDICT_BALANCED)
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
