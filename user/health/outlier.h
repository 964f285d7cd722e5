/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passive outlier detection by specification C.7, on the record that kernel and proxy share: the decision core
 * (heddle/core/outlier.h) with the configuration and the statistics of the proxy. Pure: the time is an argument. Called by
 * several worker threads at once on the same records, while the kernel reports on them too.
 */
#ifndef HDL_HEALTH_OUTLIER_H
#define HDL_HEALTH_OUTLIER_H

#include <stdbool.h>
#include <stdint.h>
#include "heddle/core/tables_user.h"
#include "heddle/core/outlier.h"
#include "ir/snapshot.h"

/* Counters of a cluster, for statistics (E.4 names). One writer per worker; summed by the reader. */
struct hdl_outlier_stats {
	uint64_t ejections_enforced_total, ejections_overflow;
	uint64_t enforced_consecutive_5xx, enforced_consecutive_gateway, enforced_consecutive_local_origin;
};

/*
 * Records one event. conf: of the cluster; generation: the endpoint's, nothing is written if the record has another;
 * endpoint_count: all endpoints of the cluster (N). stats may be NULL.
 */
enum hdl_outlier_verdict hdl_outlier_report(const struct hdl_ir_outlier *conf, struct hdl_health *health,
					    uint32_t generation, struct hdl_balance *balance, uint32_t endpoint_count,
					    enum hdl_outlier_event event, unsigned int status, uint64_t now_ns,
					    struct hdl_outlier_stats *stats);

/*
 * Sweep of one endpoint, due at every multiple of conf->interval_ns: returns it when its time is over (counters to 0,
 * budget released) or lowers the multiplier. Returns true when the endpoint came back.
 */
bool hdl_outlier_sweep(const struct hdl_ir_outlier *conf, struct hdl_health *health, uint32_t generation,
		       struct hdl_balance *balance, uint64_t now_ns);

/* By hand (heddlectl endpoint eject|restore): outside the percentage, but counted in the budget. */
bool hdl_outlier_eject_by_hand(struct hdl_health *health, uint32_t generation, struct hdl_balance *balance);
bool hdl_outlier_restore(struct hdl_health *health, uint32_t generation, struct hdl_balance *balance, uint64_t now_ns);

static inline bool hdl_outlier_is_ejected(const struct hdl_health *health, uint64_t now_ns)
{
	return now_ns < __atomic_load_n(&health->ejected_until_ns, __ATOMIC_RELAXED);
}

#endif
