/* SPDX-License-Identifier: Apache-2.0 */
/* History of epochs, state of the objects, and how long changes take. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "admin/page.h"
#include "base/clock.h"
#include "obs/prom.h"

const uint64_t hdl_admin_latency_bound_ns[HDL_ADMIN_LATENCY_BUCKETS] = {
	1 * HDL_NS_PER_MS,  2 * HDL_NS_PER_MS,   5 * HDL_NS_PER_MS,   10 * HDL_NS_PER_MS,  25 * HDL_NS_PER_MS,
	50 * HDL_NS_PER_MS, 100 * HDL_NS_PER_MS, 250 * HDL_NS_PER_MS, 500 * HDL_NS_PER_MS, 1000 * HDL_NS_PER_MS,
};

void hdl_admin_latency_add(struct hdl_admin_latency *latency, uint64_t ns)
{
	size_t i = 0;

	while (i < HDL_ADMIN_LATENCY_BUCKETS && ns > hdl_admin_latency_bound_ns[i])
		i++;
	latency->bucket[i]++;
	latency->count++;
	latency->sum_ns += ns;
	latency->last_ns = ns;
}

void hdl_admin_latency_metrics(struct hdl_buf *buf, const struct hdl_admin_latency *latency)
{
	static const char name[] = "heddle_config_apply_seconds";
	uint64_t below = 0;

	hdl_prom_head(buf, name, "histogram", "From the first event of a change of files to the epoch in force");
	for (size_t i = 0; i < HDL_ADMIN_LATENCY_BUCKETS; i++) {
		below += latency->bucket[i];
		hdl_buf_printf(buf, "%s_bucket{le=\"%g\"} %" PRIu64 "\n", name,
			       (double)hdl_admin_latency_bound_ns[i] / HDL_NS_PER_S, below);
	}
	hdl_buf_printf(buf, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, latency->count);
	hdl_buf_printf(buf, "%s_sum %.9f\n%s_count %" PRIu64 "\n", name, (double)latency->sum_ns / HDL_NS_PER_S, name,
		       latency->count);
}

/* ---- history ---- */

static void write_changes(struct hdl_jsonw *w, const struct hdl_admin_view *view, size_t i)
{
	struct hdl_admin_change change;

	hdl_jsonw_key(w, "changes");
	hdl_jsonw_array(w);
	for (size_t j = 0; view->change_at(view->data, i, j, &change); j++) {
		hdl_jsonw_object(w);
		hdl_jsonw_kstr(w, "change", change.what);
		hdl_jsonw_kstr(w, "kind", change.kind);
		hdl_jsonw_kstr(w, "group", change.group);
		hdl_jsonw_kstr(w, "namespace", change.ns);
		hdl_jsonw_kstr(w, "name", change.name);
		hdl_jsonw_kstr(w, "file", change.file);
		hdl_jsonw_ku64(w, "line", change.line);
		hdl_jsonw_object_end(w);
	}
	hdl_jsonw_array_end(w);
}

static void write_epoch(struct hdl_jsonw *w, const struct hdl_admin_view *view, const struct hdl_admin_epoch *epoch)
{
	hdl_jsonw_ku64(w, "epoch", epoch->epoch);
	hdl_jsonw_ku64(w, "time_ms", epoch->wall_ns / HDL_NS_PER_MS);
	hdl_jsonw_kstr(w, "outcome", epoch->refused ? "refused" : "in_force");
	hdl_jsonw_kstr(w, "cause", epoch->start ? "start" : epoch->rolled_back_to ? "rollback" : "files");
	hdl_jsonw_key(w, "rolled_back_to");
	if (epoch->rolled_back_to)
		hdl_jsonw_u64(w, epoch->rolled_back_to);
	else
		hdl_jsonw_null(w);
	hdl_jsonw_kstr(w, "reason", epoch->refused);
	hdl_jsonw_kbool(w, "can_roll_back", epoch->kept && view->snapshot && view->snapshot->epoch != epoch->epoch);
	hdl_jsonw_ku64(w, "added", epoch->added);
	hdl_jsonw_ku64(w, "changed", epoch->changed);
	hdl_jsonw_ku64(w, "removed", epoch->removed);
	hdl_jsonw_kbool(w, "all_listed", epoch->listed == epoch->added + epoch->changed + epoch->removed);
}

void hdl_admin_json_history(struct hdl_jsonw *w, const struct hdl_admin_view *view, uint64_t only)
{
	struct hdl_admin_epoch epoch;

	hdl_jsonw_ku64(w, "epoch", view->snapshot ? view->snapshot->epoch : 0);
	hdl_jsonw_ku64(w, "oldest_epoch", view->oldest_epoch);
	hdl_jsonw_key(w, "epochs");
	hdl_jsonw_array(w);
	for (size_t i = 0; view->epoch_at && view->epoch_at(view->data, i, &epoch); i++) {
		if (only && epoch.epoch != only)
			continue;
		hdl_jsonw_object(w);
		write_epoch(w, view, &epoch);
		write_changes(w, view, i);
		hdl_jsonw_object_end(w);
	}
	hdl_jsonw_array_end(w);
}

/* ---- objects ---- */

void hdl_admin_json_objects(struct hdl_jsonw *w, const struct hdl_admin_view *view)
{
	struct hdl_admin_object object;

	hdl_jsonw_ku64(w, "epoch", view->snapshot ? view->snapshot->epoch : 0);
	hdl_jsonw_key(w, "objects");
	hdl_jsonw_array(w);
	for (size_t i = 0; view->object_at && view->object_at(view->data, i, &object); i++) {
		hdl_jsonw_object(w);
		hdl_jsonw_kstr(w, "kind", object.kind);
		hdl_jsonw_kstr(w, "namespace", object.ns);
		hdl_jsonw_kstr(w, "name", object.name);
		hdl_jsonw_kstr(w, "file", object.file);
		hdl_jsonw_ku64(w, "line", object.line);
		hdl_jsonw_kstr(w, "status", object.accepted ? "SYNCED" : "STALE");
		hdl_jsonw_ku64(w, "epoch", object.epoch);
		hdl_jsonw_kstr(w, "reason", object.reason);
		hdl_jsonw_object_end(w);
	}
	hdl_jsonw_array_end(w);
}
