/* SPDX-License-Identifier: Apache-2.0 */
/* State of the control thread, shared by its source files only. */
#ifndef HDL_HEDDLED_CONTROL_STATE_H
#define HDL_HEDDLED_CONTROL_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/utsname.h>
#include "admin/server.h"
#include "base/clock.h"
#include "base/err.h"
#include "dp/counters.h"
#include "dp/events.h"
#include "dp/publish.h"
#include "dp/service_counts.h"
#include "ev/loop.h"
#include "heddled/config.h"
#include "heddled/heartbeat.h"
#include "heddled/msg.h"
#include "heddled/proc.h"
#include "heddled/kept.h"
#include "heddled/statuses.h"
#include "heddled/sweep.h"
#include "ir/snapshot.h"
#include "model/store_objects.h"
#include "proxy/worker.h"

#define HDL_CONTROL_TICK_NS (100 * HDL_NS_PER_MS)
/* A worker whose loop did not turn for so long is taken for hanging: no sign of life goes to the kernel ... */
#define HDL_CONTROL_STALE_NS (1500 * HDL_NS_PER_MS)
/* ... and after so many ticks in a row the process ends, to be started again. */
#define HDL_CONTROL_HANGING_TICKS 100
/* Entries of a former worker process that no message confirmed are dropped after this. */
#define HDL_CONTROL_PRUNE_NS (5 * HDL_NS_PER_S)
/* Pods keep the program that hands packets to workers so long after the last port that needs it, and connections on top. */
#define HDL_CONTROL_UNPUNT_NS (10 * HDL_NS_PER_S)
/* A port that needs requests comes into force so long after it was wished for, at most: by then pods have the program. */
#define HDL_CONTROL_HOOK_WAIT_NS (2 * HDL_NS_PER_S)
#define HDL_CONTROL_TRAFFIC_NS (5 * HDL_NS_PER_S)
#define HDL_CONTROL_TEXTS_MAX 160 /* hooks, and interfaces of the edge */
#define HDL_CONTROL_RELOADS_MAX 64
#define HDL_CONTROL_PODS_MAX 16384
#define HDL_CONTROL_STATE_TICK_NS HDL_NS_PER_S
#define HDL_CONTROL_STATE_PAUSE_NS (2 * HDL_NS_PER_MS) /* between two slices of writing the state file */
#define HDL_CONTROL_LOGGED_DIAGS_MAX 20                /* lines of one pass; the rest is on the diagnostics page */

/*
 * Phases, moved by hdl_control_enter() alone:
 *   LOADING  the first pass over the configuration is not complete, or the maps have not come
 *   SERVING  an epoch is in force and the workers run; the keeper is attaching
 *   READY    the keeper said RUNNING
 *   DRAINING nothing new is accepted
 *   ENDED    leave the loop
 */
enum hdl_control_phase {
	HDL_CONTROL_LOADING,
	HDL_CONTROL_SERVING,
	HDL_CONTROL_READY,
	HDL_CONTROL_DRAINING,
	HDL_CONTROL_ENDED,
};

struct hdl_control_text {
	char name[HDL_MSG_NAME_MAX], detail[HDL_MSG_TEXT_MAX];
	bool in_force;
};

struct hdl_control {
	struct hdl_msg_hello hello;
	enum hdl_control_phase phase;
	int exit_status;
	struct hdl_loop loop;
	struct hdl_timer tick;
	struct hdl_channel *channel;
	struct hdl_io channel_io;

	/* Configuration. */
	struct hdl_config *config;
	bool in_pass;
	uint64_t pass_sequence;
	struct hdl_snapshot *waiting; /* first snapshot, until the maps come; a reference */
	uint64_t changes_in_force, changes_refused, last_change_ns;
	char *refusal; /* text of the change that did not fit; NULL = the last one is in force */
	bool retry;    /* the last change was refused: try again when asked */
	bool lacking;  /* for want of memory: the keeper tells all of it again */
	uint64_t reload_call[HDL_CONTROL_RELOADS_MAX]; /* waiting until the workers have taken over the epoch */
	unsigned int reload_count;
	struct hdl_timer reload_timer;
	uint64_t event_ns;                /* first change of the pass that runs; 0 = none was seen */
	struct hdl_admin_latency latency; /* from the event to the epoch */
	const struct hdl_config_set *set; /* in force; NULL before the first epoch */
	struct hdl_kept state;            /* history and state file */
	struct hdl_statuses statuses;     /* of the set in force */
	struct hdl_timer state_timer;
	struct hdl_store_cursor object_cursor; /* of the list that a page writes, and what it asks of the history */
	struct hdl_history_index object_index;
	char object_reason[1024];

	/* What is in force. */
	bool have_maps;
	struct hdl_dp_maps maps;
	struct hdl_breaker *breakers; /* of the workers, by cluster id */
	struct hdl_publisher *publisher;
	struct hdl_dp_totals *totals;
	struct hdl_dp_service_counts *service_counts;
	struct hdl_dp_events *events; /* NULL in mode proxy */
	uint64_t traffic_ns;          /* next reading */
	char tcp_label[8192];
	struct hdl_sweep sweep;

	/* Proxy workers. */
	struct hdl_admin_worker worker[HDL_WORKERS_MAX];
	unsigned int worker_count; /* started */
	int listener_fd[HDL_WORKERS_MAX][HDL_FAMILIES];
	uint16_t listener_port[HDL_WORKERS_MAX][HDL_FAMILIES];
	struct hdl_heartbeat *heartbeat; /* NULL = no sign of life */
	unsigned int hanging_ticks;
	uint64_t seen_turn_ns[HDL_WORKERS_MAX];

	/* Told to the keeper. */
	struct hdl_msg_setup setup;
	bool setup_sent;
	char access_log[HDL_MSG_PATH_MAX];
	bool access_log_sent;
	struct hdl_msg_gateway gateway[HDL_MSG_GATEWAYS_MAX];
	size_t gateway_count;
	uint64_t pods_hash;       /* of the last list sent */
	uint64_t pods_generation; /* of the snapshot whose list was looked at; 0 = none */
	bool pods_sent;
	struct hdl_msg_interfaces interfaces; /* the last wish; sequence 0 = none yet */
	uint64_t hooked;                      /* sequence of the last wish that is carried out */
	struct hdl_msg_edge edge;             /* the last wish */
	struct hdl_edge_addresses *external;  /* in map `edge_address` */
	uint64_t unpunt_ns;                   /* since when no service port needs requests; 0 = some does */

	/* Namespaces of the node. */
	struct hdl_admin_pod *pod;
	size_t pod_count, pod_capacity;
	size_t pods_full;
	bool told_audit;
	bool publish_again; /* a pod is here whose spec names another node */
	uint64_t prune_ns;  /* 0 = done */

	/* Admin. */
	int admin_fd[2];
	struct hdl_admin *admin;
	struct hdl_control_text feature[HDL_CONTROL_TEXTS_MAX], hook[HDL_CONTROL_TEXTS_MAX];
	size_t feature_count, hook_count;
	struct hdl_admin_feature feature_view[HDL_CONTROL_TEXTS_MAX], hook_view[HDL_CONTROL_TEXTS_MAX];
	struct utsname kernel;
	struct hdl_buf diag_text; /* of the diagnostic shown last */
	char file_reason[1024];
};

/* control.c */
void hdl_control_enter(struct hdl_control *control, enum hdl_control_phase phase);
/* The process cannot go on: tells the keeper why. */
void hdl_control_fail(struct hdl_control *control, unsigned int status, const char *text);
/* Sends; a failure ends the process, because the keeper is gone or broken. */
void hdl_control_send(struct hdl_control *control, const struct hdl_msg *msg);
void hdl_control_send_plain(struct hdl_control *control, enum hdl_msg_type type);

/* control_messages.c: what the keeper says. */
void hdl_control_handle(struct hdl_control *control, struct hdl_msg *msg);

/* control_apply.c: a snapshot into force, and what the keeper must do for it. */
void hdl_control_finish_pass(struct hdl_control *control, const struct hdl_msg_config_mark *mark);
void hdl_control_start(struct hdl_control *control);
/* control_hooks.c: which programs the interfaces of pods need. */
void hdl_control_tell_interfaces(struct hdl_control *control, const struct hdl_ir_node *node);
/* Interfaces of the edge, and addresses that only services have: after a snapshot came into force. */
void hdl_control_tell_edge(struct hdl_control *control, const struct hdl_snapshot *snapshot);
/* Before a snapshot comes into force: when it is the first that needs packets handed to workers, waits for the programs. */
void hdl_control_hook_first(struct hdl_control *control, const struct hdl_snapshot *snapshot);
/* After it came into force, and now and then: what nobody needs any more is taken away. */
void hdl_control_unhook(struct hdl_control *control, uint64_t now_ns);

/* Tells the keeper what the snapshot needs of it. */
void hdl_control_tell_wishes(struct hdl_control *control, const struct hdl_snapshot *snapshot);

/*
 * Into the maps, then to the workers; answers nobody. files: it is what the files say, so that a refusal is theirs. 0, or
 * negative errno with text: the former one stays.
 */
int hdl_control_apply(struct hdl_control *control, struct hdl_snapshot *snapshot, bool files, struct hdl_err *err);

/* control_history.c: what the epochs changed, going back, and the state file. */
void hdl_control_on_state_timer(struct hdl_timer *timer);
/* The configuration's set is in force with that epoch. */
void hdl_control_note_epoch(struct hdl_control *control, uint64_t epoch);
/* It was refused, with the set in force staying; changed: the set is the refused one. */
void hdl_control_note_refusal(struct hdl_control *control, bool changed, const char *reason);
/* First pass: *snapshot is replaced when the process before had rolled back and the files are the same. */
void hdl_control_roll_back_again(struct hdl_control *control, struct hdl_snapshot **snapshot);
/* hdl_admin_ops */
int hdl_control_roll_back(void *data, uint64_t call, uint64_t epoch, struct hdl_err *err);
void hdl_control_documents(void *data, struct hdl_jsonw *w);
bool hdl_control_epoch_at(void *data, size_t i, struct hdl_admin_epoch *ret);
bool hdl_control_change_at(void *data, size_t i, size_t j, struct hdl_admin_change *ret);
uint64_t hdl_control_file_epoch(void *data, size_t i);
bool hdl_control_object_at(void *data, size_t i, struct hdl_admin_object *ret);

/* control_pods.c: namespaces in the workload map. */
void hdl_control_pod(struct hdl_control *control, const struct hdl_msg_pod *pod);
void hdl_control_pod_gone(struct hdl_control *control, uint64_t cookie);
/* After a publication: pods may have other numbers. */
void hdl_control_pods_refresh(struct hdl_control *control);
void hdl_control_pods_tick(struct hdl_control *control, uint64_t now_ns);

/* control_admin.c */
int hdl_control_start_admin(struct hdl_control *control, struct hdl_err *err);
/* Answers the call (0 = none) when every worker serves new requests from the epoch in force. */
void hdl_control_answer_reload(struct hdl_control *control, uint64_t call);
void hdl_control_on_reload_timer(struct hdl_timer *timer);
void hdl_control_read_traffic(struct hdl_control *control);
void hdl_control_read_events(struct hdl_control *control);

#endif
