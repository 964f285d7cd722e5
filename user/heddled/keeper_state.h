/* SPDX-License-Identifier: Apache-2.0 */
/* State of the keeper, shared by its source files only. */
#ifndef HDL_HEDDLED_KEEPER_STATE_H
#define HDL_HEDDLED_KEEPER_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/clock.h"
#include "base/err.h"
#include "heddled/feed.h"
#include "heddled/gateways.h"
#include "heddled/hostside.h"
#include "heddled/logfile.h"
#include "heddled/options.h"
#include "heddled/podwatch.h"
#include "heddled/privs.h"
#include "heddled/proc.h"

#define HDL_KEEPER_FAILURES_MAX 5                   /* failed worker processes ... */
#define HDL_KEEPER_FAILURES_NS (10 * HDL_NS_PER_S)  /* ... in this time: the fail mode takes over */
#define HDL_KEEPER_BACKOFF_NS (100 * HDL_NS_PER_MS) /* before the second restart in a row; doubles up to the next */
#define HDL_KEEPER_BACKOFF_MAX_NS HDL_NS_PER_S
#define HDL_KEEPER_PING_NS HDL_NS_PER_S
/* So many unanswered in a row, counted by a keeper that runs, and the worker process stands: it is replaced. */
#define HDL_KEEPER_PINGS_MAX 15
#define HDL_KEEPER_LOG_CHECK_NS (250 * HDL_NS_PER_MS)
#define HDL_KEEPER_HOOKS_NS HDL_NS_PER_S /* hooks and pins are looked at */

/*
 * The keeper's phases, moved by keeper_enter() alone:
 *   STARTING  until the first worker process has an epoch in force and the hooks are attached
 *   RUNNING   from then on, also while a worker process is replaced
 *   DRAINING  a signal or heddlectl said so: the worker finishes what is in flight
 *   ENDED     leave the loop with exit_status
 */
enum hdl_keeper_phase { HDL_KEEPER_STARTING, HDL_KEEPER_RUNNING, HDL_KEEPER_DRAINING, HDL_KEEPER_ENDED };

struct hdl_keeper {
	const struct hdl_options *options;
	enum hdl_keeper_phase phase;
	int exit_status;
	struct hdl_worker_user user;
	unsigned int workers;
	uint64_t start_ns;
	int self_fd, signal_fd, lock_fd, unix_fd, tcp_fd; /* -1 = none */

	struct hdl_hostside *host; /* NULL in mode proxy */
	struct hdl_podwatch *pods; /* NULL in mode proxy and before setup */
	struct hdl_feed *feed;
	struct hdl_logfile log;
	char log_path[HDL_MSG_PATH_MAX]; /* wanted; what could not be opened is tried again */
	int log_error;                   /* of the last try; 0 = none */
	struct hdl_gateways gateways;
	uint32_t drain_timeout_ms;

	/* The worker process; pid 0 = none. */
	struct hdl_channel channel;
	pid_t pid;
	uint32_t spawned;
	bool supplied;                                /* it was given maps and listeners */
	uint64_t failure_ns[HDL_KEEPER_FAILURES_MAX]; /* of the last deaths, newest first; 0 = none */
	uint64_t respawn_ns;                          /* when to start the next one */
	uint64_t backoff_ns;
	uint64_t ping_ns;        /* when to ask the next time for a sign of life */
	unsigned int unanswered; /* since the last one */

	uint64_t deadline_ns; /* of the drain */
	uint64_t log_check_ns, gateway_retry_ns, hooks_ns;
};

void hdl_keeper_enter(struct hdl_keeper *keeper, enum hdl_keeper_phase phase);
/* Ends with this exit status; the reason is logged by the caller. */
void hdl_keeper_end(struct hdl_keeper *keeper, int exit_status);
void hdl_keeper_drain(struct hdl_keeper *keeper);
/* Opens (again) and passes the access log. The path must stay valid until it returns, and may be log_path. */
int hdl_keeper_open_log(struct hdl_keeper *keeper, const char *path, struct hdl_err *err);

/* keeper_worker.c */
int hdl_keeper_spawn(struct hdl_keeper *keeper, struct hdl_err *err);
/* The worker process broke the rules or is of no use any more. */
void hdl_keeper_kill_worker(struct hdl_keeper *keeper, const char *why);
/* After SIGCHLD. */
void hdl_keeper_reap(struct hdl_keeper *keeper);
/* Starts the next worker process when its time has come. Returns that time, UINT64_MAX = none is due. */
uint64_t hdl_keeper_respawn(struct hdl_keeper *keeper, uint64_t now_ns);

/* keeper_messages.c: takes what the worker process said. */
void hdl_keeper_receive(struct hdl_keeper *keeper);

#endif
