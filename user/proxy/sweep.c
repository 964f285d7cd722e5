/* SPDX-License-Identifier: Apache-2.0 */
/* Brings ejected endpoints back at the multiples of their cluster's interval (specification C.7). */
#include "health/outlier.h"
#include "proxy/private.h"

static void sweep_cluster(struct hdl_worker *worker, const struct hdl_ir_cluster *cluster, uint64_t now)
{
	struct hdl_balance *balance = hdl_tables_balance(&worker->conf.tables, cluster->id);

	for (size_t i = 0; balance && i < cluster->endpoint_count; i++) {
		const struct hdl_ir_endpoint *endpoint = &cluster->endpoints[i];
		struct hdl_health *health = hdl_tables_health(&worker->conf.tables, endpoint->id);

		if (endpoint->id != 0 && health &&
		    hdl_outlier_sweep(&cluster->outlier, health, endpoint->generation, balance, now))
			hdl_stat_inc(&worker->stats.ejections_returned);
	}
}

static bool sweeps(const struct hdl_ir_cluster *cluster)
{
	return cluster->outlier.enabled && cluster->outlier.interval_ns > 0;
}

static void set_timer(struct hdl_worker *worker)
{
	const struct hdl_snapshot *s = worker->current->snapshot;
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; i < s->cluster_count; i++) {
		uint64_t interval = s->clusters[i]->outlier.interval_ns;

		if (sweeps(s->clusters[i]) && (worker->swept_ns / interval + 1) * interval < next)
			next = (worker->swept_ns / interval + 1) * interval;
	}
	hdl_timer_stop(&worker->loop.timers, &worker->sweep_timer);
	if (next != UINT64_MAX)
		hdl_timer_set(&worker->loop.timers, &worker->sweep_timer, next);
}

void hdl_sweep_start(struct hdl_worker *worker)
{
	/* One sweeper per node: the multiplier falls by one per interval. */
	if (worker->conf.index != 0)
		return;
	if (worker->swept_ns == 0)
		worker->swept_ns = hdl_worker_now(worker);
	set_timer(worker);
}

void hdl_sweep_fired(struct hdl_timer *timer)
{
	struct hdl_worker *worker = HDL_CONTAINER_OF(timer, struct hdl_worker, sweep_timer);
	const struct hdl_snapshot *s = worker->current->snapshot;
	uint64_t now = hdl_worker_now(worker);

	for (size_t i = 0; i < s->cluster_count; i++) {
		uint64_t interval = s->clusters[i]->outlier.interval_ns;

		if (sweeps(s->clusters[i]) && now / interval != worker->swept_ns / interval)
			sweep_cluster(worker, s->clusters[i], now);
	}
	worker->swept_ns = now;
	set_timer(worker);
}
