/* SPDX-License-Identifier: Apache-2.0 */
/* A worker's own structures, shared by the files of the proxy only. All of it belongs to the worker's thread. */
#ifndef HDL_PROXY_PRIVATE_H
#define HDL_PROXY_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>
#include "base/addr.h"
#include "base/list.h"
#include "base/rand.h"
#include "ev/loop.h"
#include "ev/wake.h"
#include "net/sock.h"
#include "obs/accesslog.h"
#include "obs/series.h"
#include "obs/stats.h"
#include "proxy/conn.h"
#include "proxy/worker.h"
#include "route/table.h"

struct hdl_down;
struct hdl_stream;
struct hdl_up;
struct hdl_pool;

/*
 * A snapshot as this worker uses it. `references` counts the streams that began under it, plus one while it is the
 * current one; with the last the snapshot is given back. Connections remember only its number: between requests they
 * hold nothing.
 */
struct hdl_generation {
	struct hdl_list link;
	struct hdl_snapshot *snapshot;
	uint64_t number;
	uint32_t references;
	/* By endpoint id, filled for a cluster when it is first used; and which clusters are, by id. */
	const struct hdl_ir_endpoint **endpoint;
	uint8_t *cluster_done;
};

/* Requests and retries of this worker to a cluster: what the retry budget is measured by. */
struct hdl_cluster_load {
	uint32_t active, retries;
};

/* One entry of the cache from objects of the snapshot to metric series. */
struct hdl_series_cache {
	uint64_t generation; /* 0 = empty */
	const void *client, *service, *endpoint;
	uint64_t outcome; /* hash of code, flags and protocol */
	struct hdl_series *source, *destination;
};

#define HDL_SERIES_CACHE 512 /* a power of two */
#define HDL_SERIES_MAX 4096

struct hdl_worker {
	struct hdl_worker_conf conf;
	struct hdl_loop loop;
	struct hdl_mailbox mailbox;
	struct hdl_stats stats;
	struct hdl_rand rand;
	pthread_t thread;
	bool thread_started, draining;
	atomic_bool stopping;

	struct hdl_generation *current;
	struct hdl_list generations;
	uint64_t generation_number;
	struct hdl_cluster_load *loads;   /* by cluster id */
	struct hdl_breaker *own_breakers; /* when it has nobody to share them with; NULL: conf.breakers are shared */

	struct hdl_list listeners; /* struct hdl_listener */
	bool accept_paused;
	struct hdl_timer accept_timer;
	uint64_t connections_max; /* by the descriptor limit, when the node sets none */
	int reserve_fd;           /* given up to open one more connection when descriptors run out */

	struct hdl_list downs; /* client connections */
	struct hdl_list again; /* those with requests left after their share of a turn */
	struct hdl_list mirrors;
	struct hdl_pool **pools;  /* by endpoint id */
	struct hdl_list idle_ups; /* all idle upstream connections, longest idle first */
	struct hdl_list dead;     /* objects that may still be on the stack: freed when the turn is over */

	struct hdl_block *free_blocks;
	uint32_t free_block_count;
	struct hdl_list free_streams;
	uint32_t free_stream_count;
	char *scratch; /* heads are written here on their way to the socket */
	uint32_t scratch_bytes;

	struct hdl_accesslog *log;
	struct hdl_timer log_timer;
	struct hdl_series_cache series[HDL_SERIES_CACHE];
	uint64_t date_second;
	char date[32]; /* "Fri, 21 Nov 2026 11:53:00 GMT" */

	/* read by other threads */
	_Atomic uint64_t epoch, last_turn_ns;
	atomic_bool idle;
};

/* First member of what goes to worker->dead; free_object() runs at the end of the turn. */
struct hdl_corpse {
	struct hdl_list link;
	void (*free_object)(struct hdl_worker *worker, struct hdl_corpse *corpse);
};
void hdl_worker_bury(struct hdl_worker *worker, struct hdl_corpse *corpse);

static inline uint64_t hdl_worker_now(const struct hdl_worker *worker)
{
	return worker->loop.now_ns;
}
/* "Fri, 21 Nov 2026 11:53:00 GMT" of now */
struct hdl_str hdl_worker_date(struct hdl_worker *worker);

/* Decimal text for a header, without printf's cost. Bytes written; room for 20. */
static inline size_t hdl_decimal(char *text, uint64_t value)
{
	char digits[20];
	size_t n = 0, at = 0;

	do
		digits[n++] = (char)('0' + value % 10);
	while (value /= 10);
	while (n > 0)
		text[at++] = digits[--n];
	return at;
}

/* generation.c */
int hdl_generation_set(struct hdl_worker *worker, struct hdl_snapshot *snapshot); /* takes a reference */
void hdl_generation_unref(struct hdl_worker *worker, struct hdl_generation *generation);
/* NULL if the id is none of the cluster's. */
const struct hdl_ir_endpoint *hdl_generation_endpoint(struct hdl_worker *worker, struct hdl_generation *generation,
						      const struct hdl_ir_cluster *cluster, uint32_t id);
/* The retry budget's numbers of a cluster; never NULL (clusters out of range share one). */
struct hdl_cluster_load *hdl_worker_load(struct hdl_worker *worker, const struct hdl_ir_cluster *cluster);
struct hdl_breaker *hdl_worker_breaker(struct hdl_worker *worker, const struct hdl_ir_cluster *cluster);

/* accept.c */
struct hdl_listener {
	struct hdl_io io;
	struct hdl_list link;
	struct hdl_worker *worker;
	bool gateway;
	struct hdl_endpoint_addr at; /* as configured (gateway), or as bound */
};
/* Client connections of one of so many workers that the descriptor limit allows. */
uint64_t hdl_accept_limit(unsigned int workers);
int hdl_listener_add(struct hdl_worker *worker, int fd, const struct hdl_endpoint_addr *gateway);
void hdl_listener_remove(struct hdl_listener *listener);
/* A client connection went away: accepting may go on. */
void hdl_accept_resume(struct hdl_worker *worker);
/* Makes sure that there is a reserve, if that is possible now. */
void hdl_accept_reserve(struct hdl_worker *worker);
/* One more descriptor when there is none: the reserve, or that of an idle upstream connection. False if none is left. */
bool hdl_accept_spare_fd(struct hdl_worker *worker);
void hdl_accept_timer_fired(struct hdl_timer *timer);

#endif
