/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Decision core: which endpoint of a cluster, or of the group of it that was chosen (core/group.h). One source for BPF
 * and the daemon (promise P1).
 *
 * Probing past ejected endpoints never changes which keys the others get: only an ejected endpoint's own share moves.
 * ROUND_ROBIN takes the next turn, so that the rest alternates strictly. RANDOM draws again (16 times, then scans).
 * Maglev walks the table from the hash, and a ring hash the ring, in which neighbours are mixed, then scans. All are
 * bounded by twice the number of endpoints plus a constant, and find an endpoint whenever there is one.
 *
 * Weights. `turns` has each endpoint as often as its weight says, interleaved; turns of ROUND_ROBIN go through it, and
 * LEAST_REQUEST draws from it and compares active requests by weight. RANDOM knows no weights (specification C.1).
 *
 * Warm-up (specification C.2). One that is new is accepted with the probability that its share of its weight is, else
 * the next is drawn. When HDL_CORE_WARMUP_DRAWS were refused, one of these is taken, in proportion to their shares.
 *
 * Return from ejection. An endpoint counts again as soon as its time is over; core/outlier.h says who ends it: the
 * daemon's sweep, or, while there is no daemon (pick->release), the pick that comes by.
 */
#ifndef HDL_CORE_PICK_H
#define HDL_CORE_PICK_H

#include "heddle/abi_lb.h"
#include "heddle/abi_verdict.h"
#include "heddle/core/group.h"
#include "heddle/core/outlier.h"
#include "heddle/core/ring.h"
#include "heddle/core/subset.h"
#include "heddle/core/tables.h"
#include "heddle/core/warmup.h"

#define HDL_CORE_REDRAWS 16       /* random draws before the scan: 2^-16 remains when half are ejected */
#define HDL_CORE_TABLE_PROBES 256 /* Maglev slots or ring entries before the scan */
#define HDL_CORE_WARMUP_DRAWS 256 /* draws while endpoints are new */

/* The draws of one pick, by what they are for. */
#define HDL_CORE_DRAW_WARMUP 0x8000
#define HDL_CORE_DRAW_SECOND 0x10000 /* of LEAST_REQUEST */
#define HDL_CORE_DRAW_GROUP 0x20000

struct hdl_pick {
	/* in */
	HDL_TABLES_POINTER
	__u64 now_ns;            /* CLOCK_MONOTONIC */
	__u64 random;            /* 64 random bits */
	__u64 hash;              /* when has_hash */
	struct hdl_range list;   /* endpoints of the family, of the group if there are groups; with weights: turns */
	struct hdl_range table;  /* Maglev in `slot`, or in `ring`; count 0 = none */
	__u32 cluster;           /* id */
	__u32 endpoint_count;    /* of both families; for the panic threshold, and when the list is empty */
	__u32 group;             /* row in `group`, or HDL_CORE_GROUP_NONE */
	__u32 warmup_ms;         /* 0 = none */
	__u32 warmup_aggression; /* 16.16 */
	__u8 attempt;            /* of the re-pick within one choice (specification C.3), 0 first */
	__u8 warmup_min_percent;
	__u8 policy; /* enum hdl_policy */
	__u8 has_hash;
	__u8 min_health_percent;
	__u8 release;  /* 1 = nobody sweeps: end ejections whose time is over */
	__u8 panic;    /* in when there is a group */
	__u8 weighted; /* the list is turns */
	/* scratch */
	__u8 mode;   /* enum hdl_policy of the probe at work */
	__u8 second; /* 1 = of LEAST_REQUEST, which has draws of its own */
	__u16 padding;
	__u32 draws; /* probes before the scan */
	__u32 position;
	__u32 share;   /* of its weight that the endpoint has, of HDL_CORE_SHARE_ONE */
	__u32 reserve; /* of the endpoints that warm-up refused, the one that is taken at last */
	__u32 reserve_share;
	__u32 refused; /* sum of their shares */
	/* out */
	__u32 endpoint; /* id, HDL_ENDPOINT_NONE if none */
	__u32 probes;   /* ejected endpoints passed over */
	/* in */
	__u32 healthy_count; /* of endpoint_count, by discovery; at another place the verifier walks a fifth more */
};

/* splitmix64: the n-th of the draws that one pick makes from its 64 random bits. */
HDL_CORE __u64 hdl_core_draw(__u64 random, __u32 n)
{
	__u64 z = random + (__u64)(n + 1) * 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

HDL_CORE __u64 hdl_core_pick_draw(const struct hdl_pick *pick, __u32 n)
{
	return hdl_core_draw(pick->random, n + (pick->second ? HDL_CORE_DRAW_SECOND : 0));
}

/* Uniform in [0, count) up to 2^-32. */
HDL_CORE __u32 hdl_core_scale(__u64 draw, __u32 count)
{
	return (__u32)(((draw >> 32) * count) >> 32);
}

/* Of the ring: the first entry whose hash is not below; past the last the first. A function for the sake of its stack. */
HDL_CORE_STEP __u32 hdl_core_ring_find(const struct hdl_pick *pick)
{
	struct hdl_core_ring at = {};

	if (!pick)
		return 0;
	hdl_tables_pass(&at, pick);
	at.ring = pick->table;
	at.hash = pick->hash;
	at.rest = pick->table.count;
	hdl_loop(HDL_CORE_RING_STEPS, hdl_core_ring_step, &at);
	return at.first < at.ring.count ? at.first : 0;
}

/* Takes the next turn of ROUND_ROBIN, of the group where there are groups. 0, or -1. */
HDL_CORE int hdl_core_turn(const struct hdl_pick *pick, __u64 *ret_turn)
{
	struct hdl_balance *balance;
	struct hdl_group *row;

	if (pick->group == HDL_CORE_GROUP_NONE) {
		balance = hdl_tables_balance(hdl_tables_of(pick), pick->cluster);
		if (!balance)
			return -1;
		*ret_turn = hdl_fetch_add_u64(&balance->turn, 1);
		return 0;
	}
	row = hdl_tables_group(hdl_tables_of(pick), pick->group);
	if (!row)
		return -1;
	*ret_turn = hdl_fetch_add_u64(&row->turn, 1);
	return 0;
}

/* The endpoint of probe i. 0, or -1 when the search cannot go on. */
HDL_CORE int hdl_core_candidate(__u32 i, struct hdl_pick *pick, __u32 *ret_endpoint)
{
	__u32 count = pick->list.count;

	if (i < pick->draws && pick->mode == HDL_POLICY_RING_HASH) {
		const struct hdl_ring_entry *entry = hdl_tables_ring(
			hdl_tables_of(pick),
			pick->table.offset + (__u32)(((__u64)pick->position + pick->attempt + i) % pick->table.count));

		if (!entry)
			return -1;
		*ret_endpoint = entry->endpoint;
		return 0;
	}
	if (i < pick->draws && pick->mode == HDL_POLICY_MAGLEV)
		return hdl_tables_slot(hdl_tables_of(pick),
				       pick->table.offset + (__u32)((pick->hash + i) % pick->table.count),
				       ret_endpoint);
	if (i < pick->draws && pick->mode == HDL_POLICY_ROUND_ROBIN) {
		__u64 turn;

		if (hdl_core_turn(pick, &turn) != 0)
			return -1;
		pick->position = (__u32)(turn % count);
	} else if (i < pick->draws) {
		pick->position = hdl_core_scale(hdl_core_pick_draw(pick, i), count);
	} else if (i == pick->draws && pick->mode != HDL_POLICY_ROUND_ROBIN && pick->mode != HDL_POLICY_RANDOM) {
		pick->position = (__u32)(pick->hash % count);
	} else {
		pick->position = pick->position + 1 < count ? pick->position + 1 : 0;
	}
	return hdl_tables_slot(hdl_tables_of(pick), pick->list.offset + pick->position, ret_endpoint);
}

/*
 * Whether warm-up lets the endpoint have this turn. One of those refused is kept for the case that all are: each with
 * the probability that its share has in the sum.
 */
HDL_CORE int hdl_core_is_warm(__u32 i, struct hdl_pick *pick, __u32 endpoint)
{
	const struct hdl_endpoint *record = hdl_tables_endpoint(hdl_tables_of(pick), endpoint);
	__u64 draw = hdl_core_pick_draw(pick, HDL_CORE_DRAW_WARMUP + i);

	if (!record)
		return 1;
	pick->share = hdl_core_warmup_share(pick->now_ns > record->added_ns ? pick->now_ns - record->added_ns : 0,
					    pick->warmup_ms, pick->warmup_aggression, pick->warmup_min_percent);
	if ((draw & (HDL_CORE_SHARE_ONE - 1)) < pick->share)
		return 1;
	/* a share of 0 is as little as there can be, and not nothing: when all have it, one is taken */
	pick->refused += pick->share + 1;
	if ((draw >> 32) * pick->refused >> 32 < pick->share + 1) {
		pick->reserve = endpoint;
		pick->reserve_share = pick->share;
	}
	return 0;
}

/* One probe. Returns 1 when it found an endpoint (in pick->endpoint) or cannot go on. */
HDL_CORE_STEP int hdl_core_probe(__u32 i, struct hdl_pick *pick)
{
	struct hdl_health *health;
	__u32 endpoint;

	if (!pick)
		return 1;
	if (pick->warmup_ms && i == pick->draws && pick->reserve != HDL_ENDPOINT_NONE) {
		pick->endpoint = pick->reserve;
		pick->share = pick->reserve_share;
		return 1;
	}
	if (hdl_core_candidate(i, pick, &endpoint) != 0)
		return 1;
	health = hdl_tables_health(hdl_tables_of(pick), endpoint);
	if (!health)
		return 1;
	if (pick->release)
		hdl_core_end_ejection(health, hdl_tables_balance(hdl_tables_of(pick), pick->cluster), pick->now_ns);
	if (!pick->panic && hdl_core_ejected(health, pick->now_ns)) {
		pick->probes++;
		return 0;
	}
	if (pick->warmup_ms && i < pick->draws && !hdl_core_is_warm(i, pick, endpoint))
		return 0;
	pick->endpoint = endpoint;
	return 1;
}

/* The loop's step: probe 0 was made in line, since nearly every pick ends there. */
static int hdl_core_probe_next(__u32 i, struct hdl_pick *pick)
{
	return hdl_core_probe(i + 1, pick) != 0; /* the verifier wants to see that it is 0 or 1 */
}

/* Probes before the scan. ROUND_ROBIN scans when all its turns met ejected ones: others may have taken the healthy turns. */
HDL_CORE __u32 hdl_core_draws(const struct hdl_pick *pick)
{
	__u32 draws = pick->mode == HDL_POLICY_ROUND_ROBIN ? pick->list.count : HDL_CORE_REDRAWS;

	if (pick->mode == HDL_POLICY_MAGLEV || pick->mode == HDL_POLICY_RING_HASH)
		return HDL_CORE_TABLE_PROBES;
	return pick->warmup_ms && draws < HDL_CORE_WARMUP_DRAWS ? HDL_CORE_WARMUP_DRAWS : draws;
}

/* Runs probes of one mode; returns the endpoint id or HDL_ENDPOINT_NONE. */
HDL_CORE __u32 hdl_core_search(struct hdl_pick *pick, __u8 mode)
{
	pick->endpoint = HDL_ENDPOINT_NONE;
	pick->reserve = HDL_ENDPOINT_NONE;
	pick->refused = 0;
	pick->share = HDL_CORE_SHARE_ONE;
	pick->position = mode == HDL_POLICY_RING_HASH ? hdl_core_ring_find(pick) : 0;
	pick->mode = mode;
	pick->draws = hdl_core_draws(pick);
	if (hdl_core_probe(0, pick) == 0)
		hdl_loop(pick->draws + pick->list.count - 1, hdl_core_probe_next, pick);
	return pick->endpoint;
}

/* Panic (specification C.4): when the healthy share is below the threshold, and cannot serve all, ejection is ignored. */
HDL_CORE __u8 hdl_core_panic(const struct hdl_pick *pick)
{
	__u64 ejected, healthy, total = pick->endpoint_count;
	struct hdl_balance *balance;

	if (pick->min_health_percent == 0 || total == 0)
		return 0;
	balance = hdl_tables_balance(hdl_tables_of(pick), pick->cluster);
	if (!balance)
		return 0;
	ejected = *(const volatile __u32 *)&balance->ejected;
	healthy = ejected < pick->healthy_count ? pick->healthy_count - ejected : 0;
	return healthy * HDL_CORE_OVERPROVISIONING / total < 100 && healthy * 100 < pick->min_health_percent * total;
}

HDL_CORE __u64 hdl_core_active(const struct hdl_pick *pick, __u32 endpoint)
{
	const struct hdl_health *health = hdl_tables_health(hdl_tables_of(pick), endpoint);

	return health ? *(const volatile __u32 *)&health->active : 0;
}

HDL_CORE __u64 hdl_core_weight(const struct hdl_pick *pick, __u32 endpoint)
{
	const struct hdl_endpoint *record = hdl_tables_endpoint(hdl_tables_of(pick), endpoint);
	__u32 weight = record ? *(const volatile __u16 *)&record->weight : 1;

	return weight ? weight : 1;
}

/* Of two drawn the one with fewer active for its weight; on a tie the first stays (specification C.1). */
HDL_CORE void hdl_core_second(struct hdl_pick *pick)
{
	__u64 share = pick->share, second_share, weight = 1, second_weight = 1;
	__u32 first = pick->endpoint, second;

	pick->second = 1;
	second = hdl_core_search(pick, HDL_POLICY_RANDOM);
	second_share = pick->share;
	pick->endpoint = first;
	if (second == HDL_ENDPOINT_NONE) /* the rest was ejected meanwhile */
		return;
	if (pick->weighted) {
		weight = hdl_core_weight(pick, first);
		second_weight = hdl_core_weight(pick, second);
	}
	/* 32 bits of connections times 16 of weight times 17 of share: the largest that there is fits */
	if (hdl_core_active(pick, first) * (second_weight * second_share) >
	    hdl_core_active(pick, second) * (weight * share))
		pick->endpoint = second;
}

HDL_CORE int hdl_core_takes_turns(__u8 policy)
{
	return policy == HDL_POLICY_ROUND_ROBIN || policy == HDL_POLICY_LEAST_REQUEST;
}

HDL_CORE int hdl_core_by_hash(__u8 policy)
{
	return policy == HDL_POLICY_MAGLEV || policy == HDL_POLICY_RING_HASH;
}

/* Policy is set. */
HDL_CORE void hdl_core_pick_lists(struct hdl_pick *pick, const struct hdl_range *member, const struct hdl_range *turns,
				  const struct hdl_range *table)
{
	pick->weighted = member->count && turns->count && hdl_core_takes_turns(pick->policy);
	pick->list = pick->weighted ? *turns : *member;
	if (hdl_core_by_hash(pick->policy))
		pick->table = *table;
}

/*
 * Takes what the record of the cluster says; cluster, random bits, time and hash are the caller's. A global function in
 * BPF, lest the verifier goes through the choice once for each way in which it can be set up. Returns 0.
 */
HDL_CORE_STEP int hdl_core_pick_from(struct hdl_pick *pick, const struct hdl_cluster_version *version, __u8 family)
{
	if (!pick || !version)
		return 0;
	pick->policy = version->policy;
	if (family == HDL_FAMILY_V4)
		hdl_core_pick_lists(pick, &version->member[HDL_FAMILY_V4], &version->turns[HDL_FAMILY_V4],
				    &version->table[HDL_FAMILY_V4]);
	else
		hdl_core_pick_lists(pick, &version->member[HDL_FAMILY_V6], &version->turns[HDL_FAMILY_V6],
				    &version->table[HDL_FAMILY_V6]);
	pick->group = HDL_CORE_GROUP_NONE;
	pick->min_health_percent = version->min_health_percent;
	/* what follows is in other cache lines */
	if (pick->min_health_percent || pick->list.count == 0 || version->group.count) {
		pick->endpoint_count = version->endpoint_count;
		pick->healthy_count = version->healthy_count;
	}
	if (version->warmup_ms && hdl_core_takes_turns(pick->policy)) {
		pick->warmup_ms = version->warmup_ms;
		pick->warmup_aggression = version->warmup_aggression;
		pick->warmup_min_percent = version->warmup_min_percent;
	}
	return 0;
}

/* Narrows it to a row of `group`. */
HDL_CORE void hdl_core_pick_from_group(struct hdl_pick *pick, const struct hdl_group *row, __u32 index, __u8 family,
				       __u8 panic)
{
	if (family == HDL_FAMILY_V4)
		hdl_core_pick_lists(pick, &row->member[HDL_FAMILY_V4], &row->turns[HDL_FAMILY_V4],
				    &row->table[HDL_FAMILY_V4]);
	else
		hdl_core_pick_lists(pick, &row->member[HDL_FAMILY_V6], &row->turns[HDL_FAMILY_V6],
				    &row->table[HDL_FAMILY_V6]);
	pick->group = index;
	pick->panic = panic;
}

/* What chooses the group: the hash where there is one, else a draw of the pick's own. */
HDL_CORE __u64 hdl_core_group_draw(__u8 policy, __u8 has_hash, __u64 hash, __u64 random)
{
	return has_hash && hdl_core_by_hash(policy) ? hash : hdl_core_draw(random, HDL_CORE_DRAW_GROUP);
}

/*
 * Chooses an endpoint. Returns HDL_VERDICT_BALANCED with pick->endpoint set, HDL_VERDICT_NO_HEALTHY, or
 * HDL_VERDICT_NO_FAMILY when the cluster has endpoints but none of this family.
 */
HDL_CORE int hdl_core_pick(struct hdl_pick *pick)
{
	__u8 mode;

	pick->probes = 0;
	pick->endpoint = HDL_ENDPOINT_NONE;
	if (pick->list.count == 0)
		return pick->healthy_count ? HDL_VERDICT_NO_FAMILY : HDL_VERDICT_NO_HEALTHY;
	if (pick->group == HDL_CORE_GROUP_NONE)
		pick->panic = hdl_core_panic(pick);
	mode = HDL_POLICY_RANDOM;
	if (pick->policy == HDL_POLICY_ROUND_ROBIN ||
	    (hdl_core_by_hash(pick->policy) && pick->has_hash && pick->table.count))
		mode = pick->policy;
	if (mode == HDL_POLICY_MAGLEV && pick->attempt)
		pick->hash ^= ~0ull - pick->attempt + 1;
	hdl_core_search(pick, mode);
	if (pick->policy == HDL_POLICY_LEAST_REQUEST && pick->endpoint != HDL_ENDPOINT_NONE)
		hdl_core_second(pick);
	return pick->endpoint == HDL_ENDPOINT_NONE ? HDL_VERDICT_NO_HEALTHY : HDL_VERDICT_BALANCED;
}

#endif
