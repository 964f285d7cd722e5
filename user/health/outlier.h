/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passive outlier detection by specification C.7, on the record that kernel and proxy share. Pure: the time is an
 * argument. Called by several worker threads at once on the same records; every update is an atomic operation.
 *
 * The end of an ejection is stored already rounded up to the next sweep (sweeps happen at multiples of the interval on
 * CLOCK_MONOTONIC), so that "not chosen while now < ejected_until_ns" is the whole rule for kernel and proxy, also
 * when no daemon is left to sweep.
 */
#ifndef HDL_HEALTH_OUTLIER_H
#define HDL_HEALTH_OUTLIER_H

#include <stdbool.h>
#include <stdint.h>
#include "heddle/abi_lb.h"
#include "ir/snapshot.h"

enum hdl_outlier_event {
	HDL_OUTLIER_RESPONSE,        /* status says which */
	HDL_OUTLIER_CONNECT_FAILURE, /* refused, unreachable, connect timeout */
	HDL_OUTLIER_CONNECT_OK,
	HDL_OUTLIER_RESET,   /* connection lost before or during the response */
	HDL_OUTLIER_TIMEOUT, /* per-try or global timeout */
};

enum hdl_outlier_verdict {
	HDL_OUTLIER_NOTHING,
	HDL_OUTLIER_EJECTED,
	HDL_OUTLIER_OVERFLOW, /* threshold reached, maxEjectionPercent does not allow it */
};

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
