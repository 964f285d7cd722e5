/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Decision core: passive outlier detection (specification C.7) on the health record that kernel and proxy share.
 *
 * An endpoint's ejection is the word ejected_until_ns. Whoever changes it from "not ejected" (0) does so by
 * compare-and-swap after having reserved a place in balance.ejected, and whoever changes it back to 0 gives that place
 * back. So the budget counts exactly the records whose word is not 0, and maxEjectionPercent holds at every moment.
 *
 * The end of an ejection is stored already rounded up to the next sweep (sweeps happen at multiples of the interval on
 * CLOCK_MONOTONIC), so that "not chosen while now < ejected_until_ns" is the whole rule, also when nobody sweeps. The
 * multiplier falls with time alone for the same reason: whoever needs it applies the steps that were missed.
 */
#ifndef HDL_CORE_OUTLIER_H
#define HDL_CORE_OUTLIER_H

#include "heddle/abi_lb.h"
#include "heddle/core/subset.h"
#include "heddle/core/tables.h"

#define HDL_OUTLIER_MAX_NS 300000000000ull /* Envoy's max_ejection_time, which Istio leaves alone */

/*
 * Attempts at a place in the budget. Each that fails means that somebody else of the same cluster ejected or brought
 * back an endpoint in these nanoseconds; after so many the endpoint stays in, as when the percentage does not allow it.
 */
#define HDL_OUTLIER_ATTEMPTS 64

enum hdl_outlier_event {
	HDL_OUTLIER_RESPONSE,        /* status says which */
	HDL_OUTLIER_CONNECT_FAILURE, /* refused, unreachable, connect timeout */
	HDL_OUTLIER_CONNECT_OK,
	HDL_OUTLIER_RESET,      /* connection lost before or during the response */
	HDL_OUTLIER_TIMEOUT,    /* per-try or global timeout, or segments that stay unanswered */
	HDL_OUTLIER_CONNECT_L4, /* connected, and no response will ever be seen: counts as one that succeeded */
};

enum hdl_outlier_verdict {
	HDL_OUTLIER_NOTHING,
	HDL_OUTLIER_EJECTED,
	HDL_OUTLIER_OVERFLOW, /* threshold reached, maxEjectionPercent does not allow it */
};

/* Which detector fired. */
enum hdl_outlier_detector {
	HDL_OUTLIER_BY_NONE,
	HDL_OUTLIER_BY_5XX,
	HDL_OUTLIER_BY_GATEWAY,
	HDL_OUTLIER_BY_LOCAL_ORIGIN,
};

struct hdl_outlier {
	/* in */
	struct hdl_health *health;   /* of the endpoint */
	struct hdl_balance *balance; /* of its cluster */
	__u64 now_ns;                /* CLOCK_MONOTONIC */
	__u64 interval_ns, base_ejection_ns;
	__u32 generation;     /* the endpoint's: nothing is written when the record has another */
	__u32 endpoint_count; /* all endpoints of the cluster (N) */
	__u32 consecutive_5xx, consecutive_gateway, consecutive_local_origin; /* thresholds; 0 = off */
	__u8 max_ejection_percent;
	__u8 flags; /* enum hdl_cluster_flags */
	/* out */
	__u8 detector;  /* enum hdl_outlier_detector of the ejection */
	__u8 overflows; /* detectors that fired in vain */
};

HDL_CORE __u32 hdl_core_peek32(const __u32 *p)
{
	return *(const volatile __u32 *)p;
}

HDL_CORE __u64 hdl_core_peek64(const __u64 *p)
{
	return *(const volatile __u64 *)p;
}

HDL_CORE void hdl_core_poke32(__u32 *p, __u32 value)
{
	*(volatile __u32 *)p = value;
}

/* Not to be chosen now. */
HDL_CORE int hdl_core_ejected(const struct hdl_health *health, __u64 now_ns)
{
	return now_ns < hdl_core_peek64(&health->ejected_until_ns);
}

HDL_CORE int hdl_core_health_is(const struct hdl_health *health, __u32 generation)
{
	return generation != 0 && hdl_core_peek32(&health->generation) == generation;
}

/* Takes a place in the budget. Real numbers: 100 * (E + 1) / N <= percent. */
HDL_CORE int hdl_core_reserve_ejection(const struct hdl_outlier *o)
{
	__u32 ejected = hdl_core_peek32(&o->balance->ejected), former;

	for (int i = 0; i < HDL_OUTLIER_ATTEMPTS; i++) {
		if (100 * ((__u64)ejected + 1) > (__u64)o->max_ejection_percent * o->endpoint_count)
			return 0;
		former = hdl_compare_swap_u32(&o->balance->ejected, ejected, ejected + 1);
		if (former == ejected)
			return 1;
		ejected = former;
	}
	return 0;
}

/* Gives a place back; never below 0, whatever a crashed predecessor left in the record. */
HDL_CORE void hdl_core_give_back_ejection(struct hdl_balance *balance)
{
	if (hdl_core_peek32(&balance->ejected) == 0)
		return;
	/* Of the ones that all saw the last place, which only such a record can bring about, all but one put it back. */
	if (hdl_fetch_add_u32(&balance->ejected, -1) == 0)
		hdl_add_u32(&balance->ejected, 1);
}

/* Ends the ejection `until`: counters to 0, place given back. 0 if somebody else did. balance may be NULL. */
HDL_CORE int hdl_core_bring_back(struct hdl_health *health, struct hdl_balance *balance, __u64 until, __u64 returned_ns)
{
	/* Before it can be chosen again: no failure of the time to come may be lost. */
	hdl_core_poke32(&health->consecutive_5xx, 0);
	hdl_core_poke32(&health->consecutive_gateway, 0);
	hdl_core_poke32(&health->consecutive_local_origin, 0);
	*(volatile __u64 *)&health->returned_ns = returned_ns;
	if (hdl_compare_swap_u64(&health->ejected_until_ns, until, 0) != until)
		return 0;
	if (balance)
		hdl_core_give_back_ejection(balance);
	return 1;
}

/* An ejection whose time is over ends now, whoever comes by. */
HDL_CORE int hdl_core_end_ejection(struct hdl_health *health, struct hdl_balance *balance, __u64 now_ns)
{
	__u64 until = hdl_core_peek64(&health->ejected_until_ns);

	return until != 0 && until <= now_ns && hdl_core_bring_back(health, balance, until, until);
}

/*
 * Steps that the multiplier falls by now: one per sweep from a whole interval after the return on. The last of these
 * sweeps becomes the time from which the next are counted.
 */
HDL_CORE __u32 hdl_core_multiplier_steps(__u64 returned_ns, __u64 interval_ns, __u64 now_ns, __u64 *ret_since_ns)
{
	__u64 first, steps;

	*ret_since_ns = returned_ns;
	if (interval_ns == 0 || now_ns < returned_ns)
		return 0;
	first = returned_ns / interval_ns + (returned_ns % interval_ns != 0);
	steps = now_ns / interval_ns;
	if (steps <= first)
		return 0;
	*ret_since_ns = steps * interval_ns;
	steps -= first;
	return steps > 0xffffffffu ? 0xffffffffu : (__u32)steps;
}

HDL_CORE __u32 hdl_core_lowered(__u32 multiplier, __u32 steps)
{
	return multiplier > steps ? multiplier - steps : 0;
}

HDL_CORE __u64 hdl_core_longest_ejection(const struct hdl_outlier *o)
{
	return o->base_ejection_ns > HDL_OUTLIER_MAX_NS ? o->base_ejection_ns : HDL_OUTLIER_MAX_NS;
}

/* End of an ejection that begins now, with the multiplier m already increased. */
HDL_CORE __u64 hdl_core_ejection_end(const struct hdl_outlier *o, __u32 m)
{
	__u64 ns = hdl_core_longest_ejection(o), interval_ns = o->interval_ns;

	if (o->base_ejection_ns == 0 || m <= ns / o->base_ejection_ns)
		ns = o->base_ejection_ns * m;
	ns += o->now_ns;
	return interval_ns ? (ns + interval_ns - 1) / interval_ns * interval_ns : ns;
}

HDL_CORE int hdl_core_eject(const struct hdl_outlier *o)
{
	struct hdl_health *health = o->health;
	__u64 since_ns;
	__u32 m;

	if (hdl_core_peek64(&health->ejected_until_ns) != 0)
		return HDL_OUTLIER_NOTHING;
	if (!hdl_core_reserve_ejection(o)) {
		hdl_add_u32(&o->balance->ejections_overflow, 1);
		return HDL_OUTLIER_OVERFLOW;
	}
	m = hdl_core_lowered(hdl_core_peek32(&health->ejection_multiplier),
			     hdl_core_multiplier_steps(hdl_core_peek64(&health->returned_ns), o->interval_ns, o->now_ns,
						       &since_ns));
	if ((__u64)m * o->base_ejection_ns < hdl_core_longest_ejection(o) + o->base_ejection_ns)
		m++;
	if (hdl_compare_swap_u64(&health->ejected_until_ns, 0, hdl_core_ejection_end(o, m)) != 0) {
		hdl_core_give_back_ejection(o->balance);
		return HDL_OUTLIER_NOTHING;
	}
	hdl_core_poke32(&health->ejection_multiplier, m);
	hdl_add_u32(&health->ejections, 1);
	hdl_add_u32(&o->balance->ejections, 1);
	return HDL_OUTLIER_EJECTED;
}

/* One more failure of a kind. */
HDL_CORE int hdl_core_count_failure(struct hdl_outlier *o, __u32 *counter, __u32 threshold, __u8 detector)
{
	__u32 n = hdl_fetch_add_u32(counter, 1) + 1;
	int verdict;

	if (threshold == 0 || n != threshold)
		return HDL_OUTLIER_NOTHING;
	verdict = hdl_core_eject(o);
	/* Also when the percentage did not allow it: the next attempt needs as many failures again. */
	if (verdict != HDL_OUTLIER_NOTHING)
		hdl_core_poke32(counter, 0);
	if (verdict == HDL_OUTLIER_EJECTED)
		o->detector = detector;
	else if (verdict == HDL_OUTLIER_OVERFLOW)
		o->overflows++;
	return verdict;
}

/* Stores only what changes: the line is shared by all CPUs. */
HDL_CORE void hdl_core_clear_counter(__u32 *counter)
{
	if (hdl_core_peek32(counter) != 0)
		hdl_core_poke32(counter, 0);
}

HDL_CORE int hdl_core_count_status(struct hdl_outlier *o, __u32 status)
{
	int a, b = HDL_OUTLIER_NOTHING;

	if (status < 500) {
		hdl_core_clear_counter(&o->health->consecutive_5xx);
		hdl_core_clear_counter(&o->health->consecutive_gateway);
		return HDL_OUTLIER_NOTHING;
	}
	a = hdl_core_count_failure(o, &o->health->consecutive_5xx, o->consecutive_5xx, HDL_OUTLIER_BY_5XX);
	if (status >= 502 && status <= 504)
		b = hdl_core_count_failure(o, &o->health->consecutive_gateway, o->consecutive_gateway,
					   HDL_OUTLIER_BY_GATEWAY);
	else
		hdl_core_clear_counter(&o->health->consecutive_gateway);
	if (a == HDL_OUTLIER_EJECTED || b == HDL_OUTLIER_EJECTED)
		return HDL_OUTLIER_EJECTED;
	return a != HDL_OUTLIER_NOTHING ? a : b;
}

/* Records one event; status: of a response. Returns enum hdl_outlier_verdict. */
HDL_CORE int hdl_core_outlier(struct hdl_outlier *o, __u32 event, __u32 status)
{
	int split = o->flags & HDL_CLUSTER_SPLIT_LOCAL;

	o->detector = HDL_OUTLIER_BY_NONE;
	o->overflows = 0;
	if (!(o->flags & HDL_CLUSTER_OUTLIER) || !hdl_core_health_is(o->health, o->generation))
		return HDL_OUTLIER_NOTHING;
	hdl_core_end_ejection(o->health, o->balance, o->now_ns);
	if (event == HDL_OUTLIER_RESPONSE)
		return hdl_core_count_status(o, status);
	if (event == HDL_OUTLIER_CONNECT_OK || event == HDL_OUTLIER_CONNECT_L4) {
		if (split)
			hdl_core_clear_counter(&o->health->consecutive_local_origin);
		else if (event == HDL_OUTLIER_CONNECT_L4)
			hdl_core_count_status(o, 200);
		return HDL_OUTLIER_NOTHING;
	}
	if (split)
		return hdl_core_count_failure(o, &o->health->consecutive_local_origin, o->consecutive_local_origin,
					      HDL_OUTLIER_BY_LOCAL_ORIGIN);
	return hdl_core_count_status(o, event == HDL_OUTLIER_TIMEOUT ? 504 : 503);
}

/* The part of the rules that a published cluster holds; health, balance, generation and now_ns are the caller's. */
HDL_CORE void hdl_core_outlier_rules(struct hdl_outlier *o, const struct hdl_cluster_version *cluster)
{
	o->interval_ns = (__u64)cluster->interval_ms * 1000000;
	o->base_ejection_ns = (__u64)cluster->base_ejection_ms * 1000000;
	o->endpoint_count = cluster->endpoint_count;
	o->consecutive_5xx = cluster->consecutive_5xx;
	o->consecutive_gateway = cluster->consecutive_gateway;
	o->consecutive_local_origin = cluster->consecutive_local_origin;
	o->max_ejection_percent = cluster->max_ejection_percent;
	o->flags = cluster->flags;
}

#endif
