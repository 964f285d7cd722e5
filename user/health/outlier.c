/* SPDX-License-Identifier: Apache-2.0 */
/* Gives events of the proxy to the decision core, sweeps, and ejects and restores by hand. */
#include "health/outlier.h"

#include "heddle/abi_limits.h"

static uint64_t load64(const __u64 *p)
{
	return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static void add_to(struct hdl_outlier_stats *stats, const struct hdl_outlier *o)
{
	stats->ejections_overflow += o->overflows;
	if (o->detector == HDL_OUTLIER_BY_NONE)
		return;
	stats->ejections_enforced_total++;
	if (o->detector == HDL_OUTLIER_BY_5XX)
		stats->enforced_consecutive_5xx++;
	else if (o->detector == HDL_OUTLIER_BY_GATEWAY)
		stats->enforced_consecutive_gateway++;
	else
		stats->enforced_consecutive_local_origin++;
}

enum hdl_outlier_verdict hdl_outlier_report(const struct hdl_ir_outlier *conf, struct hdl_health *health,
					    uint32_t generation, struct hdl_balance *balance, uint32_t endpoint_count,
					    enum hdl_outlier_event event, unsigned int status, uint64_t now_ns,
					    struct hdl_outlier_stats *stats)
{
	struct hdl_outlier o = {
		.health = health,
		.balance = balance,
		.now_ns = now_ns,
		.interval_ns = conf->interval_ns,
		.base_ejection_ns = conf->base_ejection_ns,
		.generation = generation,
		.endpoint_count = endpoint_count,
		.consecutive_5xx = conf->consecutive_5xx,
		.consecutive_gateway = conf->consecutive_gateway,
		.consecutive_local_origin = conf->consecutive_local_origin,
		.max_ejection_percent = conf->max_ejection_percent,
		.flags = (__u8)((conf->enabled ? HDL_CLUSTER_OUTLIER : 0) |
				(conf->split_local_origin ? HDL_CLUSTER_SPLIT_LOCAL : 0)),
	};
	int verdict = hdl_core_outlier(&o, event, status);

	if (stats)
		add_to(stats, &o);
	return (enum hdl_outlier_verdict)verdict;
}

bool hdl_outlier_sweep(const struct hdl_ir_outlier *conf, struct hdl_health *health, uint32_t generation,
		       struct hdl_balance *balance, uint64_t now_ns)
{
	uint64_t until;
	uint32_t m, steps;
	__u64 since_ns;

	if (!hdl_core_health_is(health, generation))
		return false;
	until = load64(&health->ejected_until_ns);
	if (until == HDL_EJECTED_BY_HAND || until > now_ns)
		return false;
	if (until != 0)
		return hdl_core_bring_back(health, balance, until, until);
	m = __atomic_load_n(&health->ejection_multiplier, __ATOMIC_RELAXED);
	if (m == 0)
		return false;
	steps = hdl_core_multiplier_steps(load64(&health->returned_ns), conf->interval_ns, now_ns, &since_ns);
	/* An ejection that comes between raises m: then the swap fails, and the steps are the ejection's. */
	if (steps && hdl_compare_swap_u32(&health->ejection_multiplier, m, hdl_core_lowered(m, steps)) == m)
		__atomic_store_n(&health->returned_ns, since_ns, __ATOMIC_RELAXED);
	return false;
}

bool hdl_outlier_eject_by_hand(struct hdl_health *health, uint32_t generation, struct hdl_balance *balance)
{
	uint64_t until;

	if (!hdl_core_health_is(health, generation))
		return false;
	do {
		until = load64(&health->ejected_until_ns);
		if (until == HDL_EJECTED_BY_HAND)
			return false;
		/* One that is ejected already holds its place in the budget. */
		if (until == 0)
			__atomic_add_fetch(&balance->ejected, 1, __ATOMIC_ACQ_REL);
		if (hdl_compare_swap_u64(&health->ejected_until_ns, until, HDL_EJECTED_BY_HAND) == until)
			break;
		if (until == 0)
			hdl_core_give_back_ejection(balance);
	} while (true);
	__atomic_add_fetch(&health->ejections, 1, __ATOMIC_RELAXED);
	return true;
}

bool hdl_outlier_restore(struct hdl_health *health, uint32_t generation, struct hdl_balance *balance, uint64_t now_ns)
{
	uint64_t until;

	if (!hdl_core_health_is(health, generation))
		return false;
	until = load64(&health->ejected_until_ns);
	return until != 0 && hdl_core_bring_back(health, balance, until, now_ns);
}
