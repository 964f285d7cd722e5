/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints of a cluster in groups, by priority or by shares of localities, for this node's clients (specification C.4). */
#include "xlate/priv.h"

#include <errno.h>
#include <string.h>

#include "xlate/locality.h"

/* Of Service trafficDistribution; there is one network only. */
static const struct hdl_text same_zone[] = { { .s = "topology.kubernetes.io/region" },
					     { .s = "topology.kubernetes.io/zone" } };
static const struct hdl_text same_node[] = { { .s = "topology.kubernetes.io/region" },
					     { .s = "topology.kubernetes.io/zone" },
					     { .s = "topology.istio.io/subzone" },
					     { .s = "kubernetes.io/hostname" } };

struct hdl_xl_preference hdl_xl_preference(struct hdl_xl *xl, const struct hdl_xl_service *service,
					   const struct hdl_dr_load_balancer *lb, bool outlier)
{
	struct hdl_xl_preference p = { .failover_acts = outlier };
	const struct hdl_dr_locality_lb *given = lb ? lb->locality_lb_setting : NULL;
	enum hdl_traffic_distribution distribution = service->res->kind == HDL_KIND_SERVICE ?
							     service->res->service->effective_distribution :
							     HDL_DISTRIBUTION_ANY;

	if (given) {
		p.setting = given;
		p.off = given->enabled.has && !given->enabled.value;
		return p;
	}
	if (distribution == HDL_DISTRIBUTION_SAME_ZONE)
		p.by = (struct hdl_texts){ .at = (struct hdl_text *)same_zone, .n = 2 };
	else if (distribution == HDL_DISTRIBUTION_SAME_NODE)
		p.by = (struct hdl_texts){ .at = (struct hdl_text *)same_node, .n = 4 };
	if (p.by.n) {
		p.failover_acts = true;
		return p;
	}
	p.setting = xl->mesh_locality;
	p.off = p.setting && p.setting->enabled.has && !p.setting->enabled.value;
	return p;
}

/* ---- ranks ---- */

struct work {
	const struct hdl_xl_preference *preference;
	struct hdl_xl_place client;
	struct hdl_ir_cluster *cluster;
	uint32_t *rank; /* of each endpoint: its group, UINT32_MAX: of none */
	struct hdl_ir_group *groups;
	size_t group_count;
	bool crowded; /* more of them than a request looks at: the last stands for what is beyond */
};

static struct hdl_xl_place place_of(const struct hdl_ir_endpoint *e)
{
	return (struct hdl_xl_place){ e->locality, e->node ? e->node : "", hdl_xl_endpoint_labels(e) };
}

static uint32_t rank_of(const struct work *w, const struct hdl_ir_endpoint *e)
{
	const struct hdl_dr_locality_lb *setting = w->preference->setting;
	const struct hdl_texts *by = setting ? &setting->failover_priority : &w->preference->by;
	const struct hdl_dr_failover *failover = setting ? setting->failover.at : NULL;
	size_t failovers = setting ? setting->failover.n : 0;
	struct hdl_xl_place place = place_of(e);

	if (!by->n)
		return hdl_xl_failover_rank(&w->client.locality, &e->locality, failover, failovers);
	if (!failovers)
		return hdl_xl_label_rank(&w->client, &place, by->at, by->n);
	/* by labels first, inside that by failover, which has five ranks */
	return 5 * hdl_xl_label_rank(&w->client, &place, by->at, by->n) +
	       hdl_xl_failover_rank(&w->client.locality, &e->locality, failover, failovers);
}

/* One that drains is picked no more, and is none of those by which the health of its group is measured. */
static bool takes_part(const struct hdl_ir_endpoint *e)
{
	return e->status != HDL_IR_DRAINING && !e->standby;
}

static int group_by_priority(struct hdl_xl *xl, struct work *w)
{
	const size_t n = w->cluster->endpoint_count;

	for (size_t i = 0; i < n; i++)
		w->rank[i] = takes_part(&w->cluster->endpoints[i]) ? rank_of(w, &w->cluster->endpoints[i]) : UINT32_MAX;
	hdl_xl_compact_ranks(w->rank, n);
	for (size_t i = 0; i < n; i++) {
		if (w->rank[i] == UINT32_MAX)
			continue;
		if (w->rank[i] >= HDL_IR_GROUPS_MAX) {
			w->rank[i] = HDL_IR_GROUPS_MAX - 1;
			w->crowded = true;
		}
		if (w->rank[i] >= w->group_count)
			w->group_count = w->rank[i] + 1;
		w->cluster->endpoints[i].priority = w->rank[i];
	}
	w->groups = hdl_arena_calloc(xl->arena, w->group_count, sizeof(*w->groups));
	if (!w->groups)
		return -ENOMEM;
	for (size_t i = 0; i < w->group_count; i++)
		w->groups[i].priority = (uint32_t)i;
	return 0;
}

/* ---- distribute ---- */

struct share {
	const struct hdl_ir_locality *locality;
	size_t entry;
	uint64_t weight;
};

/* The share that the endpoint is part of; n: a new one. */
static size_t find_share(const struct share *shares, size_t n, const struct hdl_ir_locality *locality)
{
	size_t i = 0;

	while (i < n && !hdl_xl_locality_equal(shares[i].locality, locality))
		i++;
	return i;
}

static void weigh_groups(const struct hdl_dr_distribute *rule, struct work *w, const struct share *shares)
{
	for (size_t i = 0; i < w->group_count; i++) {
		uint64_t total = 0;

		for (size_t k = 0; k < w->group_count; k++)
			total += shares[k].entry == shares[i].entry ? shares[k].weight : 0;
		w->groups[i].weight =
			hdl_xl_distribute_share((uint32_t)rule->to.at[shares[i].entry].value, shares[i].weight, total);
	}
}

static int group_by_share(struct hdl_xl *xl, const struct hdl_dr_distribute *rule, struct work *w)
{
	struct share shares[HDL_IR_GROUPS_MAX];

	for (size_t i = 0; i < w->cluster->endpoint_count; i++) {
		const struct hdl_ir_endpoint *e = &w->cluster->endpoints[i];
		size_t entry = hdl_xl_distribute_entry(rule, &e->locality), at;

		w->rank[i] = UINT32_MAX;
		if (entry == SIZE_MAX || !takes_part(e))
			continue;
		at = find_share(shares, w->group_count, &e->locality);
		if (at == HDL_IR_GROUPS_MAX) {
			at--;
			w->crowded = true;
		}
		if (at == w->group_count)
			shares[w->group_count++] = (struct share){ &e->locality, entry, 0 };
		shares[at].weight += e->weight;
		w->rank[i] = (uint32_t)at;
	}
	w->groups = hdl_arena_calloc(xl->arena, w->group_count, sizeof(*w->groups));
	if (!w->groups)
		return -ENOMEM;
	weigh_groups(rule, w, shares);
	return 0;
}

/* ---- the order of endpoints ---- */

/* Those of one group, or (group_count) of none, behind the n that are placed already. */
static size_t place_group(struct work *w, const struct hdl_ir_endpoint *from, size_t group, size_t n)
{
	struct hdl_ir_group *g = group < w->group_count ? &w->groups[group] : NULL;

	if (g)
		g->first = (uint32_t)n;
	for (size_t i = 0; i < w->cluster->endpoint_count; i++) {
		struct hdl_ir_endpoint *e = &w->cluster->endpoints[n];

		if (g ? w->rank[i] != group : w->rank[i] < w->group_count)
			continue;
		n++;
		*e = from[i];
		e->standby = !g;
		if (!g)
			continue;
		g->count++;
		g->healthy += e->status == HDL_IR_HEALTHY;
	}
	return n;
}

static int place_all(struct hdl_xl *xl, struct work *w)
{
	struct hdl_ir_cluster *c = w->cluster;
	struct hdl_ir_endpoint *from = hdl_arena_calloc(xl->scratch, c->endpoint_count, sizeof(*from));
	size_t n = 0;

	if (!from)
		return -ENOMEM;
	memcpy(from, c->endpoints, c->endpoint_count * sizeof(*from));
	c->healthy_count = 0;
	for (size_t g = 0; g <= w->group_count; g++)
		n = place_group(w, from, g, n);
	for (size_t g = 0; g < w->group_count; g++)
		c->healthy_count += w->groups[g].healthy;
	c->groups = w->groups;
	c->group_count = w->group_count;
	return 0;
}

static bool is_known(const struct hdl_xl_preference *p, const struct hdl_xl_place *client)
{
	return client->locality.region[0] || (p->by.n == 4 && client->node[0]);
}

int hdl_xl_group_endpoints(struct hdl_xl *xl, const struct hdl_xl_preference *preference,
			   struct hdl_ir_cluster *cluster, bool *ret_crowded)
{
	struct work w = {
		.preference = preference,
		.client = { xl->ir_node.locality, xl->ir_node.node_name, NULL },
		.cluster = cluster,
	};
	const struct hdl_dr_locality_lb *setting = preference->setting;
	const struct hdl_dr_distribute *rule = NULL;
	int r;

	if (preference->off || cluster->endpoint_count == 0 || !is_known(preference, &w.client))
		return 0;
	if (setting && setting->distribute.n)
		rule = hdl_xl_distribute_rule(setting->distribute.at, setting->distribute.n, &w.client.locality);
	/* distribute wins over all else, also where no rule of it is for these clients */
	if (setting && setting->distribute.n ? !rule : !preference->failover_acts)
		return 0;
	w.rank = hdl_arena_calloc(xl->scratch, cluster->endpoint_count, sizeof(*w.rank));
	if (!w.rank)
		return -ENOMEM;
	r = rule ? group_by_share(xl, rule, &w) : group_by_priority(xl, &w);
	if (r < 0)
		return r;
	*ret_crowded = w.crowded;
	if (!rule && w.group_count <= 1)
		return 0;
	return place_all(xl, &w);
}
