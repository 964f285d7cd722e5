/* SPDX-License-Identifier: Apache-2.0 */
/* Status of the daemon, of the sources, and diagnostics. */
#include <stdio.h>
#include <string.h>
#include "admin/page.h"
#include "base/addr.h"
#include "base/clock.h"
#include "obs/stats.h"

static const char *const state_names[] = { "starting", "ready", "draining" };

static uint64_t age_ms(uint64_t now_ns, uint64_t then_ns)
{
	return then_ns && now_ns > then_ns ? (now_ns - then_ns) / HDL_NS_PER_MS : 0;
}

static void write_kernel(struct hdl_jsonw *w, const struct hdl_admin_view *view)
{
	hdl_jsonw_key(w, "kernel");
	hdl_jsonw_object(w);
	hdl_jsonw_kstr(w, "release", view->kernel_release);
	hdl_jsonw_key(w, "features");
	hdl_jsonw_array(w);
	for (size_t i = 0; i < view->feature_count; i++) {
		hdl_jsonw_object(w);
		hdl_jsonw_kstr(w, "name", view->features[i].name);
		hdl_jsonw_kbool(w, "in_force", view->features[i].in_force);
		hdl_jsonw_kstr(w, "detail", view->features[i].detail);
		hdl_jsonw_object_end(w);
	}
	hdl_jsonw_array_end(w);
	hdl_jsonw_object_end(w);
}

static void write_hooks(struct hdl_jsonw *w, const struct hdl_admin_view *view)
{
	hdl_jsonw_key(w, "hooks");
	hdl_jsonw_array(w);
	for (size_t i = 0; i < view->hook_count; i++) {
		hdl_jsonw_object(w);
		hdl_jsonw_kstr(w, "name", view->hooks[i].name);
		hdl_jsonw_kstr(w, "where", view->hooks[i].detail);
		hdl_jsonw_kstr(w, "state", view->hooks[i].in_force ? "attached" : "not attached");
		hdl_jsonw_object_end(w);
	}
	hdl_jsonw_array_end(w);
}

static void write_workers(struct hdl_jsonw *w, const struct hdl_admin_view *view)
{
	static const char *const loopback[HDL_FAMILIES] = { "127.0.0.1", "[::1]" };

	hdl_jsonw_key(w, "workers");
	hdl_jsonw_array(w);
	for (size_t i = 0; i < view->worker_count; i++) {
		const struct hdl_admin_worker *worker = &view->workers[i];

		hdl_jsonw_object(w);
		hdl_jsonw_ku64(w, "index", i);
		hdl_jsonw_ku64(w, "epoch", hdl_worker_epoch(worker->worker));
		hdl_jsonw_ku64(w, "last_turn_ms", age_ms(view->now_ns, hdl_worker_last_turn_ns(worker->worker)));
		hdl_jsonw_key(w, "listeners");
		hdl_jsonw_array(w);
		for (size_t f = 0; f < HDL_FAMILIES; f++) {
			char text[HDL_ADDR_PORT_TEXT_MAX];

			if (worker->port[f] == 0)
				continue;
			snprintf(text, sizeof(text), "%s:%u", loopback[f], worker->port[f]);
			hdl_jsonw_str(w, text);
		}
		hdl_jsonw_array_end(w);
		hdl_jsonw_object_end(w);
	}
	hdl_jsonw_array_end(w);
}

static void write_pods(struct hdl_jsonw *w, const struct hdl_admin_view *view)
{
	uint64_t on_node = 0, hooked = 0;

	for (size_t i = 0; i < view->pod_count; i++) {
		on_node += view->pods[i].workload.id != 0;
		hooked += (view->pods[i].workload.flags & HDL_WORKLOAD_TC) != 0;
	}
	hdl_jsonw_key(w, "pods");
	hdl_jsonw_object(w);
	hdl_jsonw_ku64(w, "known", view->snapshot ? view->snapshot->workload_count : 0);
	hdl_jsonw_ku64(w, "on_node", on_node);
	hdl_jsonw_ku64(w, "hooked", hooked);
	hdl_jsonw_object_end(w);
}

void hdl_admin_json_fill(struct hdl_jsonw *w, const struct hdl_admin_view *view)
{
	/* those that the publisher does not account for */
	static const char *const others[] = { "state",        "balance",        "health",    "workload",
					      "node_address", "affinity",       "udp",       "origin",
					      "listener",     "traffic",        "verdict",   "flow",
					      "interface",    "local_pod",      "edge_flow", "edge_interface",
					      "edge_address", "service_verdict" };
	uint64_t used, capacity;
	const char *name;

	hdl_jsonw_array(w);
	for (unsigned int i = 0; view->publisher && hdl_publisher_fill(view->publisher, i, &name, &used, &capacity);
	     i++) {
		hdl_jsonw_object(w);
		hdl_jsonw_kstr(w, "name", name);
		hdl_jsonw_ku64(w, "used", used);
		hdl_jsonw_ku64(w, "capacity", capacity);
		hdl_jsonw_object_end(w);
	}
	for (size_t i = 0; view->maps && i < sizeof(others) / sizeof(others[0]); i++) {
		bool workload = strcmp(others[i], "workload") == 0;

		hdl_jsonw_object(w);
		hdl_jsonw_kstr(w, "name", others[i]);
		hdl_jsonw_key(w, "used");
		if (workload)
			hdl_jsonw_u64(w, view->pod_count);
		else
			hdl_jsonw_null(w);
		hdl_jsonw_key(w, "capacity");
		if (workload)
			hdl_jsonw_u64(w, view->maps->workload_count);
		else
			hdl_jsonw_null(w);
		hdl_jsonw_object_end(w);
	}
	hdl_jsonw_array_end(w);
}

static void write_limits(struct hdl_jsonw *w, const struct hdl_admin_view *view)
{
	hdl_jsonw_key(w, "limits");
	hdl_jsonw_array(w);
#define LIMIT(field, label, help)                                                                 \
	{                                                                                         \
		uint64_t hits = 0;                                                                \
		for (size_t i = 0; i < view->worker_count; i++)                                   \
			hits += hdl_stat_read(&hdl_worker_stats(view->workers[i].worker)->field); \
		hdl_jsonw_object(w);                                                              \
		hdl_jsonw_kstr(w, "name", label);                                                 \
		hdl_jsonw_ku64(w, "hits", hits);                                                  \
		hdl_jsonw_object_end(w);                                                          \
	}
	HDL_STATS_LIMITS(LIMIT)
#undef LIMIT
	hdl_jsonw_array_end(w);
}

static void write_config(struct hdl_jsonw *w, const struct hdl_admin_view *view)
{
	uint64_t accepted = 0, refused = 0;
	struct hdl_admin_file file;

	for (size_t i = 0; view->file && view->file(view->data, i, &file); i++) {
		accepted += file.accepted;
		refused += file.refused;
	}
	hdl_jsonw_key(w, "config");
	hdl_jsonw_object(w);
	hdl_jsonw_ku64(w, "files", view->file_count);
	hdl_jsonw_ku64(w, "accepted_documents", accepted);
	hdl_jsonw_ku64(w, "refused_documents", refused);
	hdl_jsonw_ku64(w, "errors", view->diag_errors);
	hdl_jsonw_ku64(w, "warnings", view->diag_warnings);
	hdl_jsonw_ku64(w, "changes_in_force", view->changes_in_force);
	hdl_jsonw_ku64(w, "changes_refused", view->changes_refused);
	hdl_jsonw_kstr(w, "last_refusal", view->last_refusal);
	hdl_jsonw_ku64(w, "last_change_ms", age_ms(view->now_ns, view->last_change_ns));
	hdl_jsonw_ku64(w, "last_apply_us", view->latency ? view->latency->last_ns / 1000 : 0);
	hdl_jsonw_ku64(w, "rolled_back_to", view->rolled_back_to);
	hdl_jsonw_ku64(w, "history_epochs", view->epoch_count);
	hdl_jsonw_ku64(w, "oldest_epoch", view->oldest_epoch);
	hdl_jsonw_ku64(w, "history_bytes", view->history_bytes);
	hdl_jsonw_ku64(w, "history_cuts", view->history_cuts);
	hdl_jsonw_ku64(w, "state_bytes", view->state_bytes);
	hdl_jsonw_kstr(w, "state_failure", view->state_reason);
	hdl_jsonw_object_end(w);
}

/* Of the maps that were pinned when the worker process began; NULL publisher: none is in force yet. */
static void write_audit(struct hdl_jsonw *w, const struct hdl_admin_view *view)
{
	const struct hdl_dp_audit *audit = view->publisher ? hdl_publisher_audit(view->publisher) : NULL;

	hdl_jsonw_key(w, "audit");
	hdl_jsonw_object(w);
	hdl_jsonw_kbool(w, "adopted", audit && audit->adopted);
	hdl_jsonw_ku64(w, "checked", audit ? audit->checked : 0);
	hdl_jsonw_ku64(w, "changed", audit ? audit->changed : 0);
	hdl_jsonw_ku64(w, "repaired", audit ? audit->repaired : 0);
	hdl_jsonw_ku64(w, "strays", audit ? audit->strays : 0);
	hdl_jsonw_object_end(w);
}

void hdl_admin_json_status(struct hdl_jsonw *w, const struct hdl_admin_view *view)
{
	hdl_jsonw_kstr(w, "version", HDL_VERSION);
	hdl_jsonw_kstr(w, "state", state_names[view->state]);
	hdl_jsonw_kstr(w, "mode", view->full ? "full" : "proxy");
	hdl_jsonw_kstr(w, "node", view->snapshot ? view->snapshot->node.node_name : "");
	hdl_jsonw_ku64(w, "epoch", view->snapshot ? view->snapshot->epoch : 0);
	hdl_jsonw_ku64(w, "uptime_ms", age_ms(view->now_ns, view->start_ns));
	hdl_jsonw_ku64(w, "keeper_pid", view->keeper_pid);
	hdl_jsonw_ku64(w, "worker_pid", view->worker_pid);
	hdl_jsonw_ku64(w, "worker_uid", view->worker_uid);
	hdl_jsonw_ku64(w, "worker_restarts", view->worker_restarts);
	hdl_jsonw_kstr(w, "bpffs", view->bpffs ? view->bpffs : "");
	write_kernel(w, view);
	write_hooks(w, view);
	write_workers(w, view);
	write_pods(w, view);
	hdl_jsonw_key(w, "maps");
	hdl_admin_json_fill(w, view);
	write_audit(w, view);
	write_limits(w, view);
	write_config(w, view);
}

static void write_row(struct hdl_jsonw *w, const char *name, const char *type, uint64_t epoch, bool synced,
		      const char *reason)
{
	hdl_jsonw_object(w);
	hdl_jsonw_kstr(w, "name", name);
	hdl_jsonw_kstr(w, "type", type);
	hdl_jsonw_ku64(w, "epoch", epoch);
	hdl_jsonw_kstr(w, "status", synced ? "SYNCED" : "STALE");
	hdl_jsonw_kstr(w, "reason", reason);
}

static void write_readers(struct hdl_jsonw *w, const struct hdl_admin_view *view, uint64_t epoch)
{
	char text[128];

	if (view->full && view->maps) {
		uint64_t seen = __atomic_load_n(&view->maps->state->epoch, __ATOMIC_ACQUIRE);

		snprintf(text, sizeof(text), "the kernel reads epoch %llu", (unsigned long long)seen);
		write_row(w, "kernel", "kernel", seen, seen == epoch, seen == epoch ? "" : text);
		hdl_jsonw_object_end(w);
	}
	for (size_t i = 0; i < view->worker_count; i++) {
		uint64_t seen = hdl_worker_epoch(view->workers[i].worker);
		char name[32];

		snprintf(name, sizeof(name), "worker/%zu", i);
		snprintf(text, sizeof(text), "serves new requests from epoch %llu", (unsigned long long)seen);
		write_row(w, name, "worker", seen, seen == epoch, seen == epoch ? "" : text);
		hdl_jsonw_object_end(w);
	}
}

/* What is in force is not what the files say. */
static void write_rollback(struct hdl_jsonw *w, const struct hdl_admin_view *view, uint64_t epoch)
{
	char text[128];

	if (!view->rolled_back_to)
		return;
	snprintf(text, sizeof(text), "rolled back to %llu, files differ; they win when they change",
		 (unsigned long long)view->rolled_back_to);
	write_row(w, "configuration", "rollback", epoch, false, text);
	hdl_jsonw_object_end(w);
}

static void write_source(struct hdl_jsonw *w, const struct hdl_admin_view *view, uint64_t epoch,
			 const struct hdl_admin_file *file, uint64_t accepted_epoch)
{
	bool good = file->refused == 0 && file->reason[0] == '\0';

	/* a file may be fine and yet not in force: the whole change did not fit */
	if (good && view->last_refusal)
		write_row(w, file->path, "source", epoch, false, view->last_refusal);
	else
		write_row(w, file->path, "source", epoch, good, file->reason);
	hdl_jsonw_ku64(w, "accepted_epoch", accepted_epoch);
	hdl_jsonw_ku64(w, "documents", file->documents);
	hdl_jsonw_ku64(w, "accepted", file->accepted);
	hdl_jsonw_ku64(w, "refused", file->refused);
	hdl_jsonw_ku64(w, "kept", file->kept);
	hdl_jsonw_object_end(w);
}

/* Those that are not as the files say; /api/v1/objects has all of them. */
static void write_stale_objects(struct hdl_jsonw *w, const struct hdl_admin_view *view)
{
	struct hdl_admin_object object;

	for (size_t i = 0; view->object_at && view->object_at(view->data, i, &object); i++) {
		char name[800], reason[1200];

		if (object.accepted)
			continue;
		snprintf(name, sizeof(name), "%s %s%s%s", object.kind, object.ns, object.ns[0] ? "/" : "", object.name);
		if (object.epoch)
			snprintf(reason, sizeof(reason), "its version of epoch %llu stays in force: %s",
				 (unsigned long long)object.epoch, object.reason);
		else
			snprintf(reason, sizeof(reason), "no version is in force: %s", object.reason);
		write_row(w, name, "object", object.epoch, false, reason);
		hdl_jsonw_kstr(w, "file", object.file);
		hdl_jsonw_object_end(w);
	}
}

void hdl_admin_json_proxy_status(struct hdl_jsonw *w, const struct hdl_admin_view *view)
{
	uint64_t epoch = view->snapshot ? view->snapshot->epoch : 0;
	struct hdl_admin_file file;

	hdl_jsonw_ku64(w, "epoch", epoch);
	hdl_jsonw_ku64(w, "rolled_back_to", view->rolled_back_to);
	hdl_jsonw_key(w, "rows");
	hdl_jsonw_array(w);
	write_readers(w, view, epoch);
	write_rollback(w, view, epoch);
	for (size_t i = 0; view->file && view->file(view->data, i, &file); i++)
		write_source(w, view, epoch, &file, view->file_epoch ? view->file_epoch(view->data, i) : 0);
	write_stale_objects(w, view);
	hdl_jsonw_array_end(w);
}

void hdl_admin_json_diagnostics(struct hdl_jsonw *w, const struct hdl_admin_view *view)
{
	struct hdl_admin_diag diag;

	hdl_jsonw_ku64(w, "errors", view->diag_errors);
	hdl_jsonw_ku64(w, "warnings", view->diag_warnings);
	hdl_jsonw_ku64(w, "dropped", view->diag_dropped);
	hdl_jsonw_key(w, "diagnostics");
	hdl_jsonw_array(w);
	for (size_t i = 0; view->diag && view->diag(view->data, i, &diag); i++) {
		hdl_jsonw_object(w);
		hdl_jsonw_kstr(w, "severity", diag.severity);
		hdl_jsonw_kstr(w, "file", diag.file);
		hdl_jsonw_ku64(w, "line", diag.line);
		hdl_jsonw_ku64(w, "column", diag.column);
		hdl_jsonw_kstr(w, "kind", diag.kind);
		hdl_jsonw_kstr(w, "namespace", diag.ns);
		hdl_jsonw_kstr(w, "name", diag.name);
		hdl_jsonw_kstr(w, "field", diag.field);
		hdl_jsonw_kstr(w, "message", diag.message);
		hdl_jsonw_kstr(w, "text", diag.text);
		hdl_jsonw_object_end(w);
	}
	hdl_jsonw_array_end(w);
}
