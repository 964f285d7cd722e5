/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Decision core: which group of a cluster's endpoints takes a connection or request, by priority or by shares of
 * localities (specification C.4). One source for BPF and the daemon (promise P1).
 *
 * Health. While nothing of the cluster is ejected (balance.ejected is 0) the rows say how healthy a group is, and
 * nearly every choice ends at the first priority. Otherwise the ejected ones among its members are counted: exact, and
 * bounded by the number of endpoints.
 */
#ifndef HDL_CORE_GROUP_H
#define HDL_CORE_GROUP_H

#include "heddle/abi_lb.h"
#include "heddle/core/outlier.h"
#include "heddle/core/subset.h"
#include "heddle/core/tables.h"

#define HDL_CORE_OVERPROVISIONING 140u /* percent */
#define HDL_CORE_GROUP_NONE 0xffffffffu

#define HDL_CORE_GROUP_LOOK 1u        /* something is ejected */
#define HDL_CORE_GROUP_ONLY_FAMILY 2u /* those without an address of the family do not help */
#define HDL_CORE_GROUP_V6 4u          /* the family */
#define HDL_CORE_GROUP_SHARES 8u      /* localities with shares, instead of priorities */

/* What a byte of `capacity` says beside the percentage, 0 to 100. */
#define HDL_CORE_GROUP_EMPTY 0x7f    /* no endpoints */
#define HDL_CORE_GROUP_PANICKED 0x80 /* below the threshold */

struct hdl_core_groups {
	/* in */
	HDL_TABLES_POINTER
	struct hdl_range group; /* of the cluster */
	__u64 now_ns;
	__u64 draw;              /* random, or the hash */
	__u8 mode;               /* HDL_CORE_GROUP_* */
	__u8 min_health_percent; /* panic threshold */
	/* out */
	__u8 panic; /* the ejected endpoints of the chosen count as healthy */
	/* scratch */
	__u8 by_size;   /* 1 = by number of endpoints */
	__u8 calm;      /* 1 = some group is not below the threshold */
	__u8 first_has; /* 1 = the first group has a healthy endpoint */
	__u8 left;      /* of 100 that priorities get */
	__u8 padding;
	__u32 chosen;         /* out: of the cluster's groups; HDL_CORE_GROUP_NONE = nothing is healthy */
	__u32 capacity_all;   /* sum of capacities */
	__u32 total, healthy; /* endpoints of all groups */
	__u64 sum;            /* of the weights that localities have left; then what those looked at take of the draw */
	__u8 capacity[HDL_GROUPS_MAX]; /* percent of the need that it can serve */
};

/* Counts the ejected ones of some members. */
struct hdl_core_ejected {
	HDL_TABLES_POINTER
	__u64 now_ns;
	__u32 offset; /* in `slot` */
	__u32 count;
	__u32 only_second; /* 1 = those with an IPv4 address, too, were counted before */
};

static int hdl_core_group_count(__u32 i, struct hdl_core_ejected *e)
{
	const struct hdl_endpoint *record;
	struct hdl_health *health;
	__u32 endpoint;

	if (hdl_tables_slot(hdl_tables_of(e), e->offset + i, &endpoint) != 0)
		return 1;
	if (e->only_second) {
		record = hdl_tables_endpoint(hdl_tables_of(e), endpoint);
		if (!record || !hdl_addr_is_zero(&record->address[HDL_FAMILY_V4]))
			return 0;
	}
	health = hdl_tables_health(hdl_tables_of(e), endpoint);
	if (health && hdl_core_ejected(health, e->now_ns))
		e->count++;
	return 0;
}

/* Endpoints of a group (upper half) and how many of them are healthy (lower half). */
HDL_CORE __u64 hdl_core_group_health(const struct hdl_core_groups *g, const struct hdl_group *row)
{
	__u32 healthy = row->healthy_count, mode = g->mode, count4, count6;
	struct hdl_core_ejected e = {};

	hdl_tables_pass(&e, g);
	e.now_ns = g->now_ns;
	count4 = row->member[HDL_FAMILY_V4].count;
	count6 = row->member[HDL_FAMILY_V6].count;
	if ((mode & HDL_CORE_GROUP_ONLY_FAMILY) && (mode & HDL_CORE_GROUP_V6 ? count6 : count4) == 0)
		return 0;
	if (mode & HDL_CORE_GROUP_LOOK) {
		e.offset = row->member[HDL_FAMILY_V4].offset;
		hdl_loop(count4, hdl_core_group_count, &e);
		if (count4 < healthy) {
			e.offset = row->member[HDL_FAMILY_V6].offset;
			e.only_second = 1;
			hdl_loop(count6, hdl_core_group_count, &e);
		}
		healthy = e.count < healthy ? healthy - e.count : 0;
	}
	return (__u64)row->endpoint_count << 32 | healthy;
}

/* Health of one group. Ends at the first priority when that can serve all there is. */
HDL_CORE_STEP int hdl_core_group_measure(__u32 i, struct hdl_core_groups *g)
{
	const struct hdl_group *row = g ? hdl_tables_group(hdl_tables_of(g), g->group.offset + i) : 0;
	__u64 health, total, healthy, capacity;

	if (!row)
		return 1;
	health = hdl_core_group_health(g, row);
	total = health >> 32;
	healthy = (__u32)health;
	i &= HDL_GROUPS_MAX - 1;
	if (total == 0) {
		g->capacity[i] = HDL_CORE_GROUP_EMPTY;
		return 0;
	}
	capacity = HDL_CORE_OVERPROVISIONING * healthy / total;
	capacity = capacity < 100 ? capacity : 100;
	g->capacity[i] = (__u8)capacity;
	g->capacity_all += (__u32)capacity;
	g->total += (__u32)total;
	g->healthy += (__u32)healthy;
	g->sum += (__u64)row->weight * capacity;
	if (i == 0)
		g->first_has = healthy != 0;
	if (healthy * 100 < g->min_health_percent * total)
		g->capacity[i] |= HDL_CORE_GROUP_PANICKED;
	else
		g->calm = 1;
	return i == 0 && !(g->mode & HDL_CORE_GROUP_SHARES) && capacity == 100;
}

/* Percent of the need that the group can serve. */
HDL_CORE __u32 hdl_core_group_capacity(const struct hdl_core_groups *g, __u32 i)
{
	__u32 capacity = g->capacity[i & (HDL_GROUPS_MAX - 1)] & ~HDL_CORE_GROUP_PANICKED;

	return capacity == HDL_CORE_GROUP_EMPTY ? 0 : capacity;
}

/* What a priority gets of 100: what it can serve of what all can, and no more than those before it leave. */
HDL_CORE __u32 hdl_core_group_load(struct hdl_core_groups *g, __u32 i)
{
	__u32 all = g->capacity_all < 100 ? g->capacity_all : 100, load;

	load = all ? hdl_core_group_capacity(g, i) * 100 / all : 0;
	if (load > g->left)
		load = g->left;
	g->left -= (__u8)load;
	return load;
}

HDL_CORE_STEP int hdl_core_group_fill(__u32 i, struct hdl_core_groups *g)
{
	if (!g)
		return 1;
	hdl_core_group_load(g, i);
	return 0;
}

/* upto begins with what the divisions leave, which goes to the first that has any load. */
HDL_CORE_STEP int hdl_core_group_by_load(__u32 i, struct hdl_core_groups *g)
{
	__u32 load;

	if (!g)
		return 1;
	load = hdl_core_group_load(g, i);
	g->sum += load;
	if (load == 0 || g->draw >= g->sum)
		return 0;
	g->chosen = i;
	return 1;
}

/* Localities by the weights that their health leaves them, or (by_size) groups by their numbers of endpoints. */
HDL_CORE_STEP int hdl_core_group_by_weight(__u32 i, struct hdl_core_groups *g)
{
	const struct hdl_group *row = g ? hdl_tables_group(hdl_tables_of(g), g->group.offset + i) : 0;

	if (!row)
		return 1;
	if (!g->by_size)
		g->sum += (__u64)row->weight * hdl_core_group_capacity(g, i);
	else if (g->capacity[i & (HDL_GROUPS_MAX - 1)] != HDL_CORE_GROUP_EMPTY)
		g->sum += row->endpoint_count;
	if (g->draw >= g->sum)
		return 0;
	g->chosen = i;
	return 1;
}

/* Loops over steps that are functions of their own: else the verifier would follow every number that they leave. */
static int hdl_core_group_fill_next(__u32 i, struct hdl_core_groups *g)
{
	return hdl_core_group_fill(i, g) != 0;
}

static int hdl_core_group_by_load_next(__u32 i, struct hdl_core_groups *g)
{
	return hdl_core_group_by_load(i, g) != 0;
}

static int hdl_core_group_by_weight_next(__u32 i, struct hdl_core_groups *g)
{
	return hdl_core_group_by_weight(i, g) != 0;
}

HDL_CORE void hdl_core_group_weighted(struct hdl_core_groups *g, __u32 count)
{
	__u64 sum = g->by_size ? g->total : g->sum;

	g->sum = 0;
	if (sum == 0)
		return;
	g->draw %= sum;
	hdl_loop(count, hdl_core_group_by_weight_next, g);
}

HDL_CORE void hdl_core_group_priority(struct hdl_core_groups *g, __u32 count)
{
	/* panic is looked at only while all together cannot serve everything */
	int low = g->capacity_all < 100;

	g->by_size = low && g->total && !g->calm;
	if (g->by_size) {
		hdl_core_group_weighted(g, count);
	} else if (g->capacity_all) {
		g->left = 100;
		hdl_loop(count, hdl_core_group_fill_next, g);
		g->sum = g->left;
		g->left = 100;
		g->draw %= 100;
		hdl_loop(count, hdl_core_group_by_load_next, g);
	} else {
		g->chosen = 0;
	}
	g->panic = low && (g->capacity[g->chosen & (HDL_GROUPS_MAX - 1)] & HDL_CORE_GROUP_PANICKED) != 0;
	/* what has a load has a healthy endpoint */
	if (g->capacity_all == 0 && !g->panic && !g->first_has)
		g->chosen = HDL_CORE_GROUP_NONE;
}

HDL_CORE void hdl_core_group_share(struct hdl_core_groups *g, __u32 count)
{
	__u64 capacity = g->total ? (__u64)HDL_CORE_OVERPROVISIONING * g->healthy / g->total : 0;

	/* panic is of all endpoints alike: localities have no weight then */
	g->panic = capacity < 100 && (__u64)g->healthy * 100 < (__u64)g->min_health_percent * g->total;
	g->by_size = g->panic;
	hdl_core_group_weighted(g, count);
}

/* What a choice starts from; the caller sets draw, too. g is zero. */
HDL_CORE void hdl_core_group_from(struct hdl_core_groups *g, const struct hdl_cluster_version *version,
				  const struct hdl_balance *balance, __u64 now_ns, __u8 family, __u8 only_family)
{
	g->group = version->group;
	g->now_ns = now_ns;
	g->min_health_percent = version->min_health_percent;
	g->mode = (__u8)((balance && *(const volatile __u32 *)&balance->ejected ? HDL_CORE_GROUP_LOOK : 0) |
			 (only_family ? HDL_CORE_GROUP_ONLY_FAMILY : 0) |
			 (family == HDL_FAMILY_V6 ? HDL_CORE_GROUP_V6 : 0) |
			 (version->flags & HDL_CLUSTER_SHARES ? HDL_CORE_GROUP_SHARES : 0));
}

/* Sets g->chosen and g->panic. */
HDL_CORE void hdl_core_group_choose(struct hdl_core_groups *g)
{
	__u32 count = g->group.count < HDL_GROUPS_MAX ? g->group.count : HDL_GROUPS_MAX;

	g->chosen = HDL_CORE_GROUP_NONE;
	/* no bpf_loop(): a frame more than 6.1 allows, which counts 32 bytes for each function at least */
	for (__u32 i = 0; i < HDL_GROUPS_MAX; i++)
		if (i >= count || hdl_core_group_measure(i, g) != 0)
			break;
	if (g->mode & HDL_CORE_GROUP_SHARES)
		hdl_core_group_share(g, count);
	else if ((g->capacity[0] & ~HDL_CORE_GROUP_PANICKED) == 100)
		g->chosen = 0;
	else
		hdl_core_group_priority(g, count);
}

#endif
