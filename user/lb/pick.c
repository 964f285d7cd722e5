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

/* The part of the cluster that the choice is made from. */
struct part {
	const struct hdl_group *row; /* NULL: the whole */
	uint32_t index;
	uint8_t panic;
};

static int pick_family(const struct hdl_lb_request *r, const struct part *part, uint8_t attempt, enum hdl_family family,
		       uint32_t *ret_endpoint)
{
	struct hdl_pick pick = {
		.tables = r->tables,
		.now_ns = r->now_ns,
		.random = hdl_rand_u64(r->rand),
		.hash = r->hash,
		.has_hash = r->has_hash,
		.attempt = attempt,
		.cluster = r->cluster->id,
	};
	int verdict;

	hdl_core_pick_from(&pick, &r->cluster->record, (uint8_t)family);
	if (part->row)
		hdl_core_pick_from_group(&pick, part->row, part->index, (uint8_t)family, part->panic);
	verdict = hdl_core_pick(&pick);
	if (verdict == HDL_VERDICT_BALANCED)
		*ret_endpoint = pick.endpoint;
	return verdict;
}

/* A request may go to either family: groups are chosen by all their endpoints. False: nothing is healthy. */
static bool choose_part(const struct hdl_lb_request *r, struct part *part)
{
	const struct hdl_cluster_version *record = &r->cluster->record;
	struct hdl_core_groups groups = { .tables = r->tables };

	if (record->group.count == 0)
		return true;
	hdl_core_group_from(&groups, record, hdl_tables_balance(r->tables, r->cluster->id), r->now_ns,
			    (uint8_t)r->family, 0);
	groups.draw = hdl_core_group_draw(record->policy, r->has_hash, r->hash, hdl_rand_u64(r->rand));
	hdl_core_group_choose(&groups);
	if (groups.chosen == HDL_CORE_GROUP_NONE)
		return false;
	part->index = record->group.offset + groups.chosen;
	part->panic = groups.panic;
	part->row = hdl_tables_group(r->tables, part->index);
	return part->row != NULL;
}

/* attempt: of the re-pick within this choice, 0 first (specification C.3). */
static int pick_any(const struct hdl_lb_request *r, uint8_t attempt, uint32_t *ret_endpoint,
		    enum hdl_family *ret_family)
{
	enum hdl_family other = r->family == HDL_FAMILY_V4 ? HDL_FAMILY_V6 : HDL_FAMILY_V4;
	struct part part = { .row = NULL };

	if (!choose_part(r, &part))
		return HDL_VERDICT_NO_HEALTHY;
	*ret_family = r->family;
	if (pick_family(r, &part, attempt, r->family, ret_endpoint) == HDL_VERDICT_BALANCED)
		return HDL_VERDICT_BALANCED;
	*ret_family = other;
	if (pick_family(r, &part, attempt, other, ret_endpoint) == HDL_VERDICT_BALANCED)
		return HDL_VERDICT_BALANCED;
	return HDL_VERDICT_NO_HEALTHY;
}

int hdl_lb_pick(const struct hdl_lb_request *request, uint32_t *ret_endpoint, enum hdl_family *ret_family)
{
	uint32_t endpoint;
	enum hdl_family family;

	if (pick_any(request, 0, &endpoint, &family) != HDL_VERDICT_BALANCED)
		return HDL_VERDICT_NO_HEALTHY;
	for (uint8_t attempt = 1; attempt <= HDL_LB_REPICKS && was_tried(request, endpoint); attempt++)
		if (pick_any(request, attempt, &endpoint, &family) != HDL_VERDICT_BALANCED)
			return HDL_VERDICT_NO_HEALTHY;
	*ret_endpoint = endpoint;
	*ret_family = family;
	return HDL_VERDICT_BALANCED;
}
