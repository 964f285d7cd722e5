/* SPDX-License-Identifier: Apache-2.0 */
/* Groups of endpoints by their health at the moment (specification C.4). */
#include "lb/group.h"

#include "base/addr.h"
#include "base/hash.h"
#include "heddle/core/pick.h"
#include "lb/priority.h"

static bool is_ejected(struct hdl_tables *tables, const struct hdl_ir_endpoint *e, uint64_t now_ns)
{
	struct hdl_health *health = e->id ? hdl_tables_health(tables, e->id) : NULL;

	return health && hdl_core_ejected(health, now_ns);
}

/* Nothing is ejected in most clusters at most times: then nobody looks at their endpoints. */
static bool has_ejected(struct hdl_tables *tables, const struct hdl_ir_cluster *cluster)
{
	struct hdl_balance *balance = hdl_tables_balance(tables, cluster->id);

	return balance && *(const volatile uint32_t *)&balance->ejected != 0;
}

static struct hdl_lb_health health_of(struct hdl_tables *tables, const struct hdl_ir_cluster *cluster,
				      const struct hdl_ir_group *g, bool look, uint64_t now_ns)
{
	struct hdl_lb_health health = { g->healthy, g->count };

	for (uint32_t i = g->first; look && i < g->first + g->count; i++)
		if (cluster->endpoints[i].status == HDL_IR_HEALTHY &&
		    is_ejected(tables, &cluster->endpoints[i], now_ns))
			health.healthy--;
	return health;
}

/* Below the threshold, which is off (0) unless minHealthPercent sets it. */
static bool is_panic(const struct hdl_ir_cluster *cluster, struct hdl_lb_health health)
{
	uint32_t threshold = cluster->outlier.enabled ? cluster->outlier.min_health_percent : 0;

	return threshold && health.total && (uint64_t)health.healthy * 100 < (uint64_t)threshold * health.total;
}

static const struct hdl_ir_group *by_priority(const struct hdl_ir_cluster *cluster, const struct hdl_lb_health *health,
					      uint64_t draw, bool *ret_panic)
{
	uint32_t n = (uint32_t)cluster->group_count, panics = 0, at;
	bool short_of = hdl_lb_capacity_of_all(health, n) < 100;

	for (uint32_t i = 0; short_of && i < n; i++)
		panics += is_panic(cluster, health[i]) || health[i].total == 0;
	at = hdl_lb_priority(health, n, draw, short_of && panics == n);
	*ret_panic = short_of && is_panic(cluster, health[at]);
	return &cluster->groups[at];
}

static const struct hdl_ir_group *by_share(const struct hdl_ir_cluster *cluster, const struct hdl_lb_health *health,
					   uint64_t draw, bool *ret_panic)
{
	struct hdl_lb_health all = { 0, 0 };
	uint64_t weight[HDL_IR_GROUPS_MAX], total = 0;

	for (size_t i = 0; i < cluster->group_count; i++) {
		all.healthy += health[i].healthy;
		all.total += health[i].total;
	}
	*ret_panic = hdl_lb_capacity(all) < 100 && is_panic(cluster, all);
	/* panic is of all endpoints alike: localities have no weight then */
	for (size_t i = 0; i < cluster->group_count; i++) {
		weight[i] =
			*ret_panic ? health[i].total : hdl_lb_effective_weight(cluster->groups[i].weight, health[i]);
		total += weight[i];
	}
	if (!total)
		return NULL;
	draw %= total;
	for (size_t i = 0; i < cluster->group_count; i++) {
		if (draw < weight[i])
			return &cluster->groups[i];
		draw -= weight[i];
	}
	return NULL;
}

const struct hdl_ir_group *hdl_lb_group(struct hdl_tables *tables, const struct hdl_ir_cluster *cluster, uint64_t draw,
					uint64_t now_ns, bool *ret_panic)
{
	struct hdl_lb_health health[HDL_IR_GROUPS_MAX] = { { 0, 0 } };
	const struct hdl_ir_group *g;
	bool look = has_ejected(tables, cluster);

	for (size_t i = 0; i < cluster->group_count; i++)
		health[i] = health_of(tables, cluster, &cluster->groups[i], look, now_ns);
	g = cluster->groups[0].weight ? by_share(cluster, health, draw, ret_panic) :
					by_priority(cluster, health, draw, ret_panic);
	return g && (*ret_panic || health[g - cluster->groups].healthy) ? g : NULL;
}

static bool can_take(struct hdl_tables *tables, const struct hdl_ir_endpoint *e, enum hdl_family family, bool panic,
		     uint64_t now_ns)
{
	return e->id && !hdl_addr_is_zero(&e->address[family]) && (panic || !is_ejected(tables, e, now_ns));
}

uint32_t hdl_lb_group_turn(struct hdl_tables *tables, const struct hdl_ir_cluster *cluster,
			   const struct hdl_ir_group *group, enum hdl_family family, bool panic, uint64_t now_ns)
{
	const struct hdl_ir_endpoint *e = cluster->endpoints + group->first;
	struct hdl_balance *balance = hdl_tables_balance(tables, cluster->id);
	uint64_t turn = balance ? hdl_fetch_add_u64(&balance->turn, 1) : 0;
	uint32_t n = 0, id = 0;

	/* those that are passed over take no turn: it is of all groups, and would favour who comes behind them */
	for (uint32_t i = 0; i < group->count; i++)
		n += can_take(tables, &e[i], family, panic, now_ns);
	turn = n ? turn % n : 0;
	for (uint32_t i = 0; i < group->count; i++) {
		if (!can_take(tables, &e[i], family, panic, now_ns))
			continue;
		id = e[i].id;
		if (turn-- == 0)
			break;
	}
	return id;
}

uint32_t hdl_lb_group_hash(struct hdl_tables *tables, const struct hdl_ir_cluster *cluster,
			   const struct hdl_ir_group *group, enum hdl_family family, uint64_t hash, bool panic,
			   uint64_t now_ns)
{
	uint64_t best = 0;
	uint32_t id = 0;

	for (uint32_t i = group->first; i < group->first + group->count; i++) {
		const struct hdl_ir_endpoint *e = &cluster->endpoints[i];
		uint64_t score;

		if (!can_take(tables, e, family, panic, now_ns))
			continue;
		score = hdl_hash64(&e->address[family], sizeof(e->address[family]), hash + e->port);
		if (id && score <= best)
			continue;
		best = score;
		id = e->id;
	}
	return id;
}
