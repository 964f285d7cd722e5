/* SPDX-License-Identifier: Apache-2.0 */
/* Passive outlier detection (specification C.7) on the health record that kernel and proxy share. */
#include "health/outlier.h"

#include "heddle/abi_limits.h"

#define MAX_EJECTION_NS 300000000000ull /* Envoy's max_ejection_time, which Istio leaves alone */

/*
 * An endpoint's ejection is the word ejected_until_ns. Whoever changes it from "not ejected" (0) does so by
 * compare-and-swap after having reserved a place in balance->ejected, and whoever changes it back to 0 gives that place
 * back. So the budget counts exactly the records whose word is not 0.
 */
static uint64_t load64(const __u64 *p)
{
	return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static bool swap64(__u64 *p, uint64_t from, uint64_t to)
{
	__u64 expected = from;

	return __atomic_compare_exchange_n(p, &expected, to, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

static bool is_current(const struct hdl_health *health, uint32_t generation)
{
	return generation != 0 && __atomic_load_n(&health->generation, __ATOMIC_ACQUIRE) == generation;
}

/* Real numbers: 100 * (E + 1) / N <= percent. */
static bool reserve(struct hdl_balance *balance, uint32_t endpoint_count, uint32_t percent)
{
	uint32_t ejected = __atomic_load_n(&balance->ejected, __ATOMIC_RELAXED);

	do {
		if (100 * ((uint64_t)ejected + 1) > (uint64_t)percent * endpoint_count)
			return false;
	} while (!__atomic_compare_exchange_n(&balance->ejected, &ejected, ejected + 1, true, __ATOMIC_ACQ_REL,
					      __ATOMIC_RELAXED));
	return true;
}

static void give_back(struct hdl_balance *balance)
{
	uint32_t ejected = __atomic_load_n(&balance->ejected, __ATOMIC_RELAXED);

	/* Never below 0, whatever a crashed predecessor left in the record. */
	while (ejected > 0 && !__atomic_compare_exchange_n(&balance->ejected, &ejected, ejected - 1, true,
							   __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		;
}

static void reset_counters(struct hdl_health *health)
{
	__atomic_store_n(&health->consecutive_5xx, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&health->consecutive_gateway, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&health->consecutive_local_origin, 0, __ATOMIC_RELAXED);
}

/* Ends the ejection `until`. False if somebody else did. */
static bool bring_back(struct hdl_health *health, struct hdl_balance *balance, uint64_t until, uint64_t returned_ns)
{
	__atomic_store_n(&health->returned_ns, returned_ns, __ATOMIC_RELAXED);
	reset_counters(health);
	if (!swap64(&health->ejected_until_ns, until, 0))
		return false;
	give_back(balance);
	return true;
}

/* An ejection that is over but not swept yet ends now. */
static void expire(struct hdl_health *health, struct hdl_balance *balance, uint64_t now_ns)
{
	uint64_t until = load64(&health->ejected_until_ns);

	if (until != 0 && until <= now_ns)
		bring_back(health, balance, until, until);
}

static uint64_t round_up(uint64_t ns, uint64_t interval_ns)
{
	if (interval_ns == 0)
		return ns;
	return (ns + interval_ns - 1) / interval_ns * interval_ns;
}

/* End of an ejection that begins now, with the multiplier m already increased. */
static uint64_t ejection_end(const struct hdl_ir_outlier *conf, uint32_t m, uint64_t now_ns)
{
	uint64_t max_ns = conf->base_ejection_ns > MAX_EJECTION_NS ? conf->base_ejection_ns : MAX_EJECTION_NS;
	uint64_t ns = max_ns;

	if (conf->base_ejection_ns == 0 || m <= max_ns / conf->base_ejection_ns)
		ns = conf->base_ejection_ns * m;
	return round_up(now_ns + ns, conf->interval_ns);
}

static uint32_t next_multiplier(const struct hdl_ir_outlier *conf, uint32_t m)
{
	uint64_t max_ns = conf->base_ejection_ns > MAX_EJECTION_NS ? conf->base_ejection_ns : MAX_EJECTION_NS;

	if ((uint64_t)m * conf->base_ejection_ns < max_ns + conf->base_ejection_ns)
		return m + 1;
	return m;
}

static enum hdl_outlier_verdict eject(const struct hdl_ir_outlier *conf, struct hdl_health *health,
				      struct hdl_balance *balance, uint32_t endpoint_count, uint64_t now_ns)
{
	uint32_t m;

	if (load64(&health->ejected_until_ns) != 0)
		return HDL_OUTLIER_NOTHING;
	if (!reserve(balance, endpoint_count, conf->max_ejection_percent))
		return HDL_OUTLIER_OVERFLOW;
	m = next_multiplier(conf, __atomic_load_n(&health->ejection_multiplier, __ATOMIC_RELAXED));
	if (!swap64(&health->ejected_until_ns, 0, ejection_end(conf, m, now_ns))) {
		give_back(balance);
		return HDL_OUTLIER_NOTHING;
	}
	__atomic_store_n(&health->ejection_multiplier, m, __ATOMIC_RELAXED);
	__atomic_add_fetch(&health->ejections, 1, __ATOMIC_RELAXED);
	return HDL_OUTLIER_EJECTED;
}

struct report {
	const struct hdl_ir_outlier *conf;
	struct hdl_health *health;
	struct hdl_balance *balance;
	uint32_t endpoint_count;
	uint64_t now_ns;
	struct hdl_outlier_stats *stats;
};

/* One more failure of a kind. enforced: offset of its counter in the statistics. */
static enum hdl_outlier_verdict count_failure(const struct report *r, __u32 *counter, uint32_t threshold,
					      uint64_t *enforced)
{
	uint32_t n = __atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
	enum hdl_outlier_verdict verdict;

	if (threshold == 0 || n != threshold)
		return HDL_OUTLIER_NOTHING;
	verdict = eject(r->conf, r->health, r->balance, r->endpoint_count, r->now_ns);
	/* Also when the percentage did not allow it: the next attempt needs as many failures again. */
	if (verdict != HDL_OUTLIER_NOTHING)
		__atomic_store_n(counter, 0, __ATOMIC_RELAXED);
	if (verdict == HDL_OUTLIER_EJECTED) {
		r->stats->ejections_enforced_total++;
		(*enforced)++;
	} else if (verdict == HDL_OUTLIER_OVERFLOW) {
		r->stats->ejections_overflow++;
	}
	return verdict;
}

static enum hdl_outlier_verdict count_status(const struct report *r, unsigned int status)
{
	enum hdl_outlier_verdict a, b = HDL_OUTLIER_NOTHING;

	if (status < 500) {
		__atomic_store_n(&r->health->consecutive_5xx, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&r->health->consecutive_gateway, 0, __ATOMIC_RELAXED);
		return HDL_OUTLIER_NOTHING;
	}
	a = count_failure(r, &r->health->consecutive_5xx, r->conf->consecutive_5xx,
			  &r->stats->enforced_consecutive_5xx);
	if (status >= 502 && status <= 504)
		b = count_failure(r, &r->health->consecutive_gateway, r->conf->consecutive_gateway,
				  &r->stats->enforced_consecutive_gateway);
	else
		__atomic_store_n(&r->health->consecutive_gateway, 0, __ATOMIC_RELAXED);
	if (a == HDL_OUTLIER_EJECTED || b == HDL_OUTLIER_EJECTED)
		return HDL_OUTLIER_EJECTED;
	return a != HDL_OUTLIER_NOTHING ? a : b;
}

enum hdl_outlier_verdict hdl_outlier_report(const struct hdl_ir_outlier *conf, struct hdl_health *health,
					    uint32_t generation, struct hdl_balance *balance, uint32_t endpoint_count,
					    enum hdl_outlier_event event, unsigned int status, uint64_t now_ns,
					    struct hdl_outlier_stats *stats)
{
	struct hdl_outlier_stats unused = { 0 };
	struct report r = { conf, health, balance, endpoint_count, now_ns, stats ? stats : &unused };

	if (!conf->enabled || !is_current(health, generation))
		return HDL_OUTLIER_NOTHING;
	expire(health, balance, now_ns);
	switch (event) {
	case HDL_OUTLIER_RESPONSE:
		return count_status(&r, status);
	case HDL_OUTLIER_CONNECT_OK:
		if (conf->split_local_origin)
			__atomic_store_n(&health->consecutive_local_origin, 0, __ATOMIC_RELAXED);
		return HDL_OUTLIER_NOTHING;
	default:
		break;
	}
	if (conf->split_local_origin)
		return count_failure(&r, &health->consecutive_local_origin, conf->consecutive_local_origin,
				     &r.stats->enforced_consecutive_local_origin);
	return count_status(&r, event == HDL_OUTLIER_TIMEOUT ? 504 : 503);
}

bool hdl_outlier_sweep(const struct hdl_ir_outlier *conf, struct hdl_health *health, uint32_t generation,
		       struct hdl_balance *balance, uint64_t now_ns)
{
	uint64_t until, returned_ns;
	uint32_t m;

	if (!is_current(health, generation))
		return false;
	until = load64(&health->ejected_until_ns);
	if (until == HDL_EJECTED_BY_HAND || until > now_ns)
		return false;
	if (until != 0)
		return bring_back(health, balance, until, until);
	m = __atomic_load_n(&health->ejection_multiplier, __ATOMIC_RELAXED);
	returned_ns = load64(&health->returned_ns);
	if (m > 0 && now_ns >= returned_ns && now_ns - returned_ns >= conf->interval_ns)
		__atomic_store_n(&health->ejection_multiplier, m - 1, __ATOMIC_RELAXED);
	return false;
}

bool hdl_outlier_eject_by_hand(struct hdl_health *health, uint32_t generation, struct hdl_balance *balance)
{
	uint64_t until;

	if (!is_current(health, generation))
		return false;
	do {
		until = load64(&health->ejected_until_ns);
		if (until == HDL_EJECTED_BY_HAND)
			return false;
		/* One that is ejected already holds its place in the budget. */
		if (until == 0)
			__atomic_add_fetch(&balance->ejected, 1, __ATOMIC_ACQ_REL);
		if (swap64(&health->ejected_until_ns, until, HDL_EJECTED_BY_HAND))
			break;
		if (until == 0)
			give_back(balance);
	} while (true);
	__atomic_add_fetch(&health->ejections, 1, __ATOMIC_RELAXED);
	return true;
}

bool hdl_outlier_restore(struct hdl_health *health, uint32_t generation, struct hdl_balance *balance, uint64_t now_ns)
{
	uint64_t until;

	if (!is_current(health, generation))
		return false;
	until = load64(&health->ejected_until_ns);
	return until != 0 && bring_back(health, balance, until, now_ns);
}
