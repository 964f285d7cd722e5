/* SPDX-License-Identifier: Apache-2.0 */
/* Sweeps of outlier detection at multiples of each cluster's interval on CLOCK_MONOTONIC. */
#include "heddled/sweep.h"

#include "base/clock.h"
#include "health/outlier.h"

/* A cluster whose outlier detection was taken away may still have endpoints ejected by it. */
#define OTHERS_NS (10 * HDL_NS_PER_S)

static uint64_t interval_of(const struct hdl_ir_cluster *cluster)
{
	return cluster->outlier.enabled && cluster->outlier.interval_ns ? cluster->outlier.interval_ns : OTHERS_NS;
}

uint64_t hdl_sweep_next_ns(const struct hdl_sweep *sweep, const struct hdl_snapshot *snapshot)
{
	uint64_t next_ns = (sweep->last_ns / OTHERS_NS + 1) * OTHERS_NS;

	for (size_t i = 0; i < snapshot->cluster_count; i++) {
		uint64_t interval_ns = interval_of(snapshot->clusters[i]);
		uint64_t at_ns = (sweep->last_ns / interval_ns + 1) * interval_ns;

		if (at_ns < next_ns)
			next_ns = at_ns;
	}
	return next_ns;
}

static void sweep_cluster(struct hdl_sweep *sweep, const struct hdl_ir_cluster *cluster, struct hdl_dp_maps *maps,
			  uint64_t now_ns)
{
	if (cluster->id == 0 || cluster->id >= maps->cluster_count)
		return;
	for (size_t i = 0; i < cluster->endpoint_count; i++) {
		const struct hdl_ir_endpoint *endpoint = &cluster->endpoints[i];

		if (endpoint->id == 0 || endpoint->id >= maps->endpoint_count)
			continue;
		sweep->returned += hdl_outlier_sweep(&cluster->outlier, &maps->health[endpoint->id],
						     endpoint->generation, &maps->balance[cluster->id], now_ns);
	}
}

void hdl_sweep_run(struct hdl_sweep *sweep, const struct hdl_snapshot *snapshot, struct hdl_dp_maps *maps,
		   uint64_t now_ns)
{
	for (size_t i = 0; i < snapshot->cluster_count; i++) {
		uint64_t interval_ns = interval_of(snapshot->clusters[i]);

		if (now_ns / interval_ns != sweep->last_ns / interval_ns)
			sweep_cluster(sweep, snapshot->clusters[i], maps, now_ns);
	}
	sweep->last_ns = now_ns;
}
