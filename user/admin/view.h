/* SPDX-License-Identifier: Apache-2.0 */
/* What the admin pages show: filled by the control thread for each request, borrowed until the answer is made. */
#ifndef HDL_ADMIN_VIEW_H
#define HDL_ADMIN_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "base/jsonw.h"
#include "dp/counters.h"
#include "dp/events.h"
#include "dp/publish.h"
#include "dp/service_counts.h"
#include "heddle/abi_addr.h"
#include "heddle/abi_conn.h"
#include "ir/snapshot.h"
#include "proxy/worker.h"

enum hdl_admin_state { HDL_ADMIN_STARTING, HDL_ADMIN_READY, HDL_ADMIN_DRAINING };

struct hdl_admin_feature {
	const char *name, *detail;
	bool in_force;
};

struct hdl_admin_worker {
	struct hdl_worker *worker;
	uint16_t port[HDL_FAMILIES]; /* of its transparent listeners; 0 = none */
};

struct hdl_admin_file {
	const char *path;
	size_t documents, accepted, refused, kept;
	const char *reason; /* first error, "" = none; valid until the next call */
};

struct hdl_admin_diag {
	const char *severity; /* "error", "warning", "info" */
	const char *file, *kind, *ns, *name, *field, *message;
	uint32_t line, column;
	const char *text; /* the whole of it as one line; valid until the next call */
};

/* Of the history, newest first. */
struct hdl_admin_epoch {
	uint64_t epoch, wall_ns;
	uint64_t rolled_back_to; /* 0 = from the files */
	bool start;              /* first one of a worker process */
	bool kept;               /* it can be rolled back to */
	const char *refused;     /* NULL = in force then */
	size_t added, changed, removed;
	size_t listed; /* changes that hdl_admin_view.change gives */
};

struct hdl_admin_change {
	const char *what; /* "added", "changed", "removed" */
	const char *kind, *group, *ns, *name;
	const char *file; /* of a removed one: where it was */
	uint32_t line;
};

/* A document's object in the files. */
struct hdl_admin_object {
	const char *kind, *ns, *name, *file;
	uint32_t line;
	bool accepted;      /* its newest document is in force */
	uint64_t epoch;     /* that brought the version in force; 0 = none is */
	const char *reason; /* of a refused one; "" otherwise; valid until the next call */
};

/* From the first event of a change to the epoch in force. */
#define HDL_ADMIN_LATENCY_BUCKETS 10
extern const uint64_t hdl_admin_latency_bound_ns[HDL_ADMIN_LATENCY_BUCKETS];

struct hdl_admin_latency {
	uint64_t bucket[HDL_ADMIN_LATENCY_BUCKETS + 1]; /* not cumulative; the last one is over all bounds */
	uint64_t count, sum_ns, last_ns;
};

void hdl_admin_latency_add(struct hdl_admin_latency *latency, uint64_t ns);

struct hdl_admin_pod {
	uint64_t cookie;
	struct hdl_workload workload;
};

struct hdl_admin_view {
	enum hdl_admin_state state;
	bool full;                 /* mode full */
	uint64_t now_ns, start_ns; /* CLOCK_MONOTONIC */
	const char *kernel_release;
	const char *bpffs; /* where the maps are pinned; "" = nowhere */
	uint64_t keeper_pid, worker_pid, worker_uid, worker_restarts;
	const struct hdl_admin_feature *features, *hooks;
	size_t feature_count, hook_count;
	const struct hdl_admin_worker *workers;
	size_t worker_count;
	const struct hdl_admin_pod *pods; /* namespaces of the node that are known */
	size_t pod_count, pods_full;      /* pods_full: entries that did not fit the map */

	struct hdl_dp_maps *maps; /* NULL before the start is complete, like the next two */
	struct hdl_publisher *publisher;
	struct hdl_snapshot *snapshot;                      /* in force */
	struct hdl_dp_totals *totals;                       /* NULL in mode proxy */
	const struct hdl_dp_service_counts *service_counts; /* NULL in mode proxy */
	const struct hdl_dp_events *events;                 /* NULL in mode proxy */

	uint64_t changes_in_force, changes_refused, last_change_ns;
	const char *last_refusal; /* NULL = the last change is in force */
	uint64_t returned;        /* endpoints that a sweep let back */

	size_t file_count;
	bool (*file)(void *data, size_t i, struct hdl_admin_file *ret);
	/* The last epoch that brought something from file i; asked for in turn, from 0 to the end. NULL = not known. */
	uint64_t (*file_epoch)(void *data, size_t i);
	size_t diag_count, diag_errors, diag_warnings, diag_dropped;
	bool (*diag)(void *data, size_t i, struct hdl_admin_diag *ret);

	const struct hdl_admin_latency *latency; /* NULL = not measured */
	uint64_t rolled_back_to;                 /* 0 = what is in force is from the files */
	uint64_t oldest_epoch;                   /* that can be rolled back to; 0 = none */
	uint64_t history_bytes, history_cuts, state_bytes, state_failures;
	const char *state_reason; /* why accepted documents are not kept for a restart; "" = they are */
	size_t epoch_count;
	bool (*epoch_at)(void *data, size_t i, struct hdl_admin_epoch *ret);
	bool (*change_at)(void *data, size_t i, size_t j, struct hdl_admin_change *ret); /* of epoch_at(i) */
	bool (*object_at)(void *data, size_t i, struct hdl_admin_object *ret);           /* NULL = none */
	void *data;
};

/* What pages may ask of the control thread. */
struct hdl_admin_ops {
	void (*view)(void *data, struct hdl_admin_view *ret);
	/* Brings what costs to read (totals) up to date; before a page that shows it. */
	void (*refresh)(void *data);
	/* Reads the configuration again; answers by hdl_admin_finish_reload(call). 0 or negative errno. */
	int (*reload)(void *data, uint64_t call);
	void (*drain)(void *data);
	/* The configuration of that epoch again; answers by hdl_admin_finish_reload(call). Negative errno with text. */
	int (*rollback)(void *data, uint64_t call, uint64_t epoch, struct hdl_err *err);
	/* Members of an object: the documents in force, Secrets in the clear. */
	void (*documents)(void *data, struct hdl_jsonw *w);
	/* A value: the List of the statuses of Gateway API objects; each of the three "" for all. */
	void (*statuses)(void *data, struct hdl_jsonw *w, const char *kind, const char *ns, const char *name);
	void *data;
};

#endif
