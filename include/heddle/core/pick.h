/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Decision core: which endpoint of a cluster. One source for BPF and the daemon (promise P1).
 *
 * Probing past ejected endpoints never changes which keys the others get: only an ejected endpoint's own share moves.
 * ROUND_ROBIN takes the next turn, so that the rest alternates strictly. RANDOM draws again (16 times, then scans).
 * Maglev walks the table from the hash, in which neighbours are mixed, then scans. All are bounded by twice the number
 * of endpoints plus a constant, and find an endpoint whenever there is one.
 *
 * Return from ejection. An endpoint counts again as soon as its time is over. Its share of the ejection budget
 * (balance.ejected) is given back by whoever swaps ejected_until_ns from that value to 0: the daemon's sweep, or, while
 * there is no daemon (pick->release), the pick that comes by.
 */
#ifndef HDL_CORE_PICK_H
#define HDL_CORE_PICK_H

#include "heddle/abi_lb.h"
#include "heddle/abi_verdict.h"
#include "heddle/core/outlier.h"
#include "heddle/core/subset.h"
#include "heddle/core/tables.h"

#define HDL_CORE_REDRAWS 16       /* random draws before the scan: 2^-16 remains when half are ejected */
#define HDL_CORE_TABLE_PROBES 256 /* Maglev slots before the scan */

struct hdl_pick {
	/* in */
	struct hdl_tables *tables;
	struct hdl_range member; /* of the family of the connection */
	struct hdl_range table;  /* Maglev; count 0 = none */
	__u64 now_ns;            /* CLOCK_MONOTONIC */
	__u64 random;            /* 64 random bits */
	__u64 hash;              /* Maglev, when has_hash */
	__u32 cluster;           /* id */
	__u32 endpoint_count;    /* of both families, for the panic threshold */
	__u8 policy;             /* enum hdl_policy */
	__u8 has_hash;
	__u8 min_health_percent;
	__u8 release; /* 1 = nobody sweeps: end ejections whose time is over */
	/* scratch */
	__u8 panic;
	__u8 mode;       /* enum hdl_policy of the probe at work */
	__u8 first_draw; /* the second choice of LEAST_REQUEST uses draws of its own */
	__u8 padding;
	__u32 position;
	/* out */
	__u32 endpoint; /* id, HDL_ENDPOINT_NONE if none */
	__u32 probes;   /* ejected endpoints passed over */
};

/* splitmix64: the n-th of the draws that one pick makes from its 64 random bits. */
HDL_CORE __u64 hdl_core_draw(__u64 random, __u32 n)
{
	__u64 z = random + (__u64)(n + 1) * 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

/* Uniform in [0, count) up to 2^-32. */
HDL_CORE __u32 hdl_core_scale(__u64 draw, __u32 count)
{
	return (__u32)(((draw >> 32) * count) >> 32);
}

HDL_CORE int hdl_core_ejected(const struct hdl_health *health, __u64 now_ns)
{
	return now_ns < *(const volatile __u64 *)&health->ejected_until_ns;
}

/* Ends an ejection whose time is over, exactly once however many pass by. */
HDL_CORE void hdl_core_release(const struct hdl_pick *pick, struct hdl_health *health)
{
	if (hdl_core_ejected(health, pick->now_ns) || hdl_core_peek64(&health->ejected_until_ns) == 0)
		return;
	hdl_core_end_ejection(health, hdl_tables_balance(pick->tables, pick->cluster), pick->now_ns);
}

/* One probe. Returns 1 when it found an endpoint (in pick->endpoint) or cannot go on. */
static int hdl_core_probe(__u32 i, struct hdl_pick *pick)
{
	__u32 count = pick->member.count, index, endpoint;
	struct hdl_health *health;

	if (count == 0)
		return 1;
	if (pick->mode == HDL_POLICY_MAGLEV && i < HDL_CORE_TABLE_PROBES) {
		if (pick->table.count == 0)
			return 1;
		index = pick->table.offset + (__u32)((pick->hash + i) % pick->table.count);
	} else {
		if (pick->mode == HDL_POLICY_ROUND_ROBIN && i < count) {
			struct hdl_balance *balance = hdl_tables_balance(pick->tables, pick->cluster);

			if (!balance)
				return 1;
			pick->position = (__u32)(hdl_fetch_add_u64(&balance->turn, 1) % count);
		} else if (pick->mode == HDL_POLICY_RANDOM && i < HDL_CORE_REDRAWS) {
			pick->position = hdl_core_scale(hdl_core_draw(pick->random, pick->first_draw + i), count);
		} else if (pick->mode == HDL_POLICY_MAGLEV && i == HDL_CORE_TABLE_PROBES) {
			pick->position = (__u32)(pick->hash % count);
		} else {
			pick->position = pick->position + 1 < count ? pick->position + 1 : 0;
		}
		index = pick->member.offset + pick->position;
	}
	if (hdl_tables_slot(pick->tables, index, &endpoint) != 0)
		return 1;
	health = hdl_tables_health(pick->tables, endpoint);
	if (!health)
		return 1;
	if (pick->release)
		hdl_core_release(pick, health);
	if (!pick->panic && hdl_core_ejected(health, pick->now_ns)) {
		pick->probes++;
		return 0;
	}
	pick->endpoint = endpoint;
	return 1;
}

/* The loop's step: probe 0 was made in line, since nearly every pick ends there. */
static int hdl_core_probe_next(__u32 i, struct hdl_pick *pick)
{
	return hdl_core_probe(i + 1, pick);
}

/* Runs probes of one mode; returns the endpoint id or HDL_ENDPOINT_NONE. */
HDL_CORE __u32 hdl_core_search(struct hdl_pick *pick, __u8 mode, __u8 first_draw)
{
	pick->endpoint = HDL_ENDPOINT_NONE;
	pick->position = 0;
	pick->mode = mode;
	pick->first_draw = first_draw;
	/* ROUND_ROBIN scans too when all its turns met ejected ones: others may have taken the healthy turns. */
	if (hdl_core_probe(0, pick) == 0)
		hdl_loop(pick->member.count +
				 (mode == HDL_POLICY_ROUND_ROBIN ? pick->member.count : HDL_CORE_TABLE_PROBES),
			 hdl_core_probe_next, pick);
	return pick->endpoint;
}

/* Panic (specification C.4): when the healthy share is below the threshold, ejection is ignored. */
HDL_CORE __u8 hdl_core_panic(const struct hdl_pick *pick)
{
	struct hdl_balance *balance;
	__u32 ejected;

	if (pick->min_health_percent == 0 || pick->endpoint_count == 0)
		return 0;
	balance = hdl_tables_balance(pick->tables, pick->cluster);
	if (!balance)
		return 0;
	ejected = *(const volatile __u32 *)&balance->ejected;
	if (ejected > pick->endpoint_count)
		ejected = pick->endpoint_count;
	return (__u64)(pick->endpoint_count - ejected) * 100 < (__u64)pick->min_health_percent * pick->endpoint_count;
}

/*
 * Chooses an endpoint. Returns HDL_VERDICT_BALANCED with pick->endpoint set, HDL_VERDICT_NO_HEALTHY, or
 * HDL_VERDICT_NO_FAMILY when the cluster has endpoints but none of this family.
 */
HDL_CORE int hdl_core_pick(struct hdl_pick *pick)
{
	__u32 first;

	pick->probes = 0;
	pick->endpoint = HDL_ENDPOINT_NONE;
	if (pick->member.count == 0)
		return pick->endpoint_count ? HDL_VERDICT_NO_FAMILY : HDL_VERDICT_NO_HEALTHY;
	pick->panic = hdl_core_panic(pick);
	if (pick->policy == HDL_POLICY_ROUND_ROBIN) {
		hdl_core_search(pick, HDL_POLICY_ROUND_ROBIN, 0);
	} else if (pick->policy == HDL_POLICY_MAGLEV && pick->has_hash && pick->table.count) {
		hdl_core_search(pick, HDL_POLICY_MAGLEV, 0);
	} else if (pick->policy == HDL_POLICY_LEAST_REQUEST) {
		first = hdl_core_search(pick, HDL_POLICY_RANDOM, 0);
		if (first != HDL_ENDPOINT_NONE) {
			__u32 second = hdl_core_search(pick, HDL_POLICY_RANDOM, HDL_CORE_REDRAWS);
			struct hdl_health *a = hdl_tables_health(pick->tables, first);
			struct hdl_health *b = hdl_tables_health(pick->tables, second);

			/* On a tie the first stays (specification C.1); also when the rest was ejected meanwhile. */
			if (second == HDL_ENDPOINT_NONE || !a || !b ||
			    *(const volatile __u32 *)&a->active <= *(const volatile __u32 *)&b->active)
				pick->endpoint = first;
		}
	} else {
		hdl_core_search(pick, HDL_POLICY_RANDOM, 0);
	}
	return pick->endpoint == HDL_ENDPOINT_NONE ? HDL_VERDICT_NO_HEALTHY : HDL_VERDICT_BALANCED;
}

#endif
