/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A proxy worker: one thread, one event loop, its own pools and counters. The control thread talks to it through a
 * mailbox only. proxy knows neither BPF nor the configuration's source: what it needs of them comes as arguments.
 */
#ifndef HDL_PROXY_WORKER_H
#define HDL_PROXY_WORKER_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "heddle/abi_conn.h"
#include "heddle/core/tables_user.h"
#include "ir/snapshot.h"

struct hdl_worker;
struct hdl_stats; /* obs/stats.h: counters of one worker */

struct hdl_breaker; /* proxy/breaker.h */

struct hdl_worker_conf {
	unsigned int index;
	unsigned int workers; /* of this process: they share its descriptors */
	/* Transparent listeners on 127.0.0.1 and ::1 (-1 = none); the worker owns its copies of the descriptors. */
	int listener_fd[HDL_FAMILIES];
	struct hdl_tables tables; /* shared with the kernel */
	/* By cluster id, tables.balance_count of them; shared by all workers of the process, and outlives them. */
	struct hdl_breaker *breakers;
	/* Original destination of a connection that came by connect rewrite; takes the record out. 0 or -ENOENT. */
	int (*take_origin)(void *data, const struct hdl_origin_key *key, struct hdl_origin *ret_origin);
	void *take_origin_data;
	int access_log_fd;             /* -1 = none; owned */
	uint64_t seed;                 /* of the random generator; 0 = from the kernel */
	struct hdl_snapshot *snapshot; /* first one; the worker takes a reference */
};

struct hdl_worker *hdl_worker_new(const struct hdl_worker_conf *conf, struct hdl_err *err);
/* Starts the thread. */
int hdl_worker_start(struct hdl_worker *worker, struct hdl_err *err);

/* Mailbox; any thread; each is carried out at the top of the worker's loop. Negative errno when out of memory. */
int hdl_worker_set_snapshot(struct hdl_worker *worker, struct hdl_snapshot *snapshot); /* takes a reference */
int hdl_worker_set_access_log(struct hdl_worker *worker, int fd);                      /* takes fd */
/*
 * Listens on a gateway port; fd is a listening socket (SO_REUSEPORT: each worker has its own). A gateway on all
 * addresses has one per family. Takes fd. Removing ends all sockets of the gateway.
 */
int hdl_worker_add_gateway(struct hdl_worker *worker, const struct hdl_addr *address, uint16_t port, int fd);
int hdl_worker_remove_gateway(struct hdl_worker *worker, const struct hdl_addr *address, uint16_t port);
/* Stops accepting, answers with Connection: close, ends when nothing is in flight. */
int hdl_worker_drain(struct hdl_worker *worker);

/* Epoch of the snapshot that new requests use now; for proxy-status. */
uint64_t hdl_worker_epoch(const struct hdl_worker *worker);
/* Time of the last turn of the loop (CLOCK_MONOTONIC): the heartbeat counts only live workers. */
uint64_t hdl_worker_last_turn_ns(const struct hdl_worker *worker);
bool hdl_worker_idle(const struct hdl_worker *worker); /* drained: nothing in flight */
const struct hdl_stats *hdl_worker_stats(const struct hdl_worker *worker);

/* Stops at once, joins and frees. Accepts NULL. */
void hdl_worker_free(struct hdl_worker *worker);

#endif
