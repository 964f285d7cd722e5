/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots in use by a worker, and its view of their endpoints by id. */
#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "proxy/breaker.h"
#include "proxy/stream.h"
#include "route/rewrite.h"

/* Room for a head in `scratch` beyond what the peer may send: our own fields. */
#define SCRATCH_EXTRA (16384 + HDL_HEADER_VALUES_BYTES_MAX + HDL_ROUTE_PATH_BYTES_MAX)

static void generation_free(struct hdl_worker *worker, struct hdl_generation *g)
{
	hdl_list_remove(&g->link);
	hdl_snapshot_unref(g->snapshot);
	free((void *)g->endpoint);
	free(g->cluster_done);
	free(g);
	hdl_stat_dec(&worker->stats.snapshots_held);
}

void hdl_generation_unref(struct hdl_worker *worker, struct hdl_generation *generation)
{
	if (generation && --generation->references == 0)
		generation_free(worker, generation);
}

static int fit_scratch(struct hdl_worker *worker, const struct hdl_ir_node *node)
{
	uint64_t head = node->max_request_headers_bytes > 61440 ? node->max_request_headers_bytes : 61440;
	/* A lower-case name and `: ` may be longer than what was sent: `a:b` becomes `a: b`. */
	uint64_t wanted = head * 2 + SCRATCH_EXTRA;
	char *p;

	if (wanted <= worker->scratch_bytes)
		return 0;
	if (wanted > UINT32_MAX / 2)
		return -EINVAL;
	p = realloc(worker->scratch, wanted);
	if (!p)
		return -ENOMEM;
	worker->scratch = p;
	worker->scratch_bytes = (uint32_t)wanted;
	return 0;
}

static void set_log_format(struct hdl_worker *worker, const struct hdl_ir_node *node)
{
	struct hdl_access_format *format = NULL;
	struct hdl_err err;

	if (hdl_access_format_new(node->access_log_format ? node->access_log_format : "", &format, &err) < 0)
		hdl_log_warn("%s: the default format is used", err.text);
	hdl_accesslog_set_format(worker->log, format, node->access_log_json);
}

int hdl_generation_set(struct hdl_worker *worker, struct hdl_snapshot *snapshot)
{
	struct hdl_generation *g = calloc(1, sizeof(*g)), *former = worker->current;
	int r = g ? fit_scratch(worker, &snapshot->node) : -ENOMEM;

	/* Zero pages: only what is used of them costs memory. */
	if (r == 0) {
		g->endpoint = calloc(worker->conf.tables.health_count + 1, sizeof(*g->endpoint));
		g->cluster_done = calloc(worker->conf.tables.balance_count / 8 + 1, 1);
		if (!g->endpoint || !g->cluster_done)
			r = -ENOMEM;
	}
	if (r < 0) {
		if (g) {
			free((void *)g->endpoint);
			free(g->cluster_done);
		}
		free(g);
		return r;
	}
	g->snapshot = hdl_snapshot_ref(snapshot);
	g->number = ++worker->generation_number;
	g->references = 1;
	hdl_list_append(&worker->generations, &g->link);
	hdl_stat_inc(&worker->stats.snapshots_held);
	worker->current = g;
	hdl_generation_unref(worker, former);
	set_log_format(worker, &snapshot->node);
	atomic_store(&worker->epoch, snapshot->epoch);
	hdl_stat_inc(&worker->stats.reloads);
	return 0;
}

const struct hdl_ir_endpoint *hdl_generation_endpoint(struct hdl_worker *worker, struct hdl_generation *generation,
						      const struct hdl_ir_cluster *cluster, uint32_t id)
{
	const struct hdl_ir_endpoint *endpoint;

	if (id >= worker->conf.tables.health_count || cluster->id >= worker->conf.tables.balance_count)
		return NULL;
	if (!(generation->cluster_done[cluster->id / 8] & 1u << cluster->id % 8)) {
		for (size_t i = 0; i < cluster->endpoint_count; i++)
			if (cluster->endpoints[i].id < worker->conf.tables.health_count)
				generation->endpoint[cluster->endpoints[i].id] = &cluster->endpoints[i];
		generation->cluster_done[cluster->id / 8] |= (uint8_t)(1u << cluster->id % 8);
	}
	endpoint = generation->endpoint[id];
	return id != 0 && endpoint && endpoint->id == id ? endpoint : NULL;
}

struct hdl_breaker *hdl_worker_breaker(struct hdl_worker *worker, const struct hdl_ir_cluster *cluster)
{
	return &worker->conf.breakers[cluster->id < worker->conf.tables.balance_count ? cluster->id : 0];
}

struct hdl_cluster_load *hdl_worker_load(struct hdl_worker *worker, const struct hdl_ir_cluster *cluster)
{
	return &worker->loads[cluster->id < worker->conf.tables.balance_count ? cluster->id : 0];
}
