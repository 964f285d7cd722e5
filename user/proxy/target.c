/* SPDX-License-Identifier: Apache-2.0 */
/* What tries do to the health record that this worker shares with the others and with the kernel. */
#include "proxy/stream.h"

void hdl_target_report(struct hdl_worker *worker, const struct hdl_ir_cluster *cluster,
		       const struct hdl_ir_endpoint *endpoint, enum hdl_outlier_event event, unsigned int status)
{
	struct hdl_stats *stats = &worker->stats;
	struct hdl_outlier_stats seen = { 0 };
	struct hdl_health *health;
	struct hdl_balance *balance;

	if (!endpoint || !cluster->outlier.enabled)
		return;
	health = hdl_tables_health(&worker->conf.tables, endpoint->id);
	balance = hdl_tables_balance(&worker->conf.tables, cluster->id);
	if (!health || !balance)
		return;
	hdl_outlier_report(&cluster->outlier, health, endpoint->generation, balance, cluster->record.endpoint_count,
			   event, status, hdl_worker_now(worker), &seen);
	if (!(seen.ejections_enforced_total | seen.ejections_overflow))
		return;
	hdl_stat_add(&stats->ejections, seen.ejections_enforced_total);
	hdl_stat_add(&stats->ejections_overflow, seen.ejections_overflow);
	hdl_stat_add(&stats->ejections_consecutive_5xx, seen.enforced_consecutive_5xx);
	hdl_stat_add(&stats->ejections_consecutive_gateway, seen.enforced_consecutive_gateway);
	hdl_stat_add(&stats->ejections_consecutive_local_origin, seen.enforced_consecutive_local_origin);
}

uint32_t hdl_target_charge(struct hdl_worker *worker, const struct hdl_ir_endpoint *endpoint)
{
	struct hdl_health *health = hdl_tables_health(&worker->conf.tables, endpoint->id);

	if (!health || __atomic_load_n(&health->generation, __ATOMIC_RELAXED) != endpoint->generation)
		return 0;
	__atomic_add_fetch(&health->active, 1, __ATOMIC_RELAXED);
	return endpoint->id;
}

void hdl_target_discharge(struct hdl_worker *worker, const struct hdl_ir_endpoint *endpoint, uint32_t *charged)
{
	struct hdl_health *health = hdl_tables_health(&worker->conf.tables, *charged);

	if (*charged && health && __atomic_load_n(&health->generation, __ATOMIC_RELAXED) == endpoint->generation)
		__atomic_sub_fetch(&health->active, 1, __ATOMIC_RELAXED);
	*charged = 0;
}
