/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's thread: its loop, and the messages that the control thread sends to it. */
#include "proxy/breaker.h"
#include "proxy/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "proxy/stream.h"

/* The loop turns at least so often, so that other threads see that it lives. */
#define TURN_NS 200000000ull

void hdl_worker_bury(struct hdl_worker *worker, struct hdl_corpse *corpse)
{
	hdl_list_append(&worker->dead, &corpse->link);
}

static void bury_all(struct hdl_worker *worker)
{
	while (!hdl_list_empty(&worker->dead)) {
		struct hdl_corpse *corpse = HDL_CONTAINER_OF(worker->dead.next, struct hdl_corpse, link);

		hdl_list_remove(&corpse->link);
		corpse->free_object(worker, corpse);
	}
}

struct hdl_str hdl_worker_date(struct hdl_worker *worker)
{
	time_t now = time(NULL);
	struct tm tm;

	if ((uint64_t)now != worker->date_second && gmtime_r(&now, &tm)) {
		strftime(worker->date, sizeof(worker->date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
		worker->date_second = (uint64_t)now;
	}
	return hdl_str_of(worker->date);
}

static void log_timer_fired(struct hdl_timer *timer)
{
	struct hdl_worker *worker = HDL_CONTAINER_OF(timer, struct hdl_worker, log_timer);

	hdl_accesslog_flush(worker->log);
	if (hdl_accesslog_pending(worker->log))
		hdl_timer_set(&worker->loop.timers, timer, hdl_worker_now(worker) + HDL_ACCESSLOG_DELAY_NS);
}

static int set_up_memory(struct hdl_worker *worker)
{
	worker->pools = calloc((size_t)worker->conf.tables.health_count + 1, sizeof(*worker->pools));
	worker->loads = calloc((size_t)worker->conf.tables.balance_count + 1, sizeof(*worker->loads));
	if (!worker->conf.breakers) {
		worker->own_breakers =
			calloc((size_t)worker->conf.tables.balance_count + 1, sizeof(*worker->own_breakers));
		worker->conf.breakers = worker->own_breakers;
	}
	worker->log = hdl_accesslog_new(&worker->stats);
	return worker->pools && worker->loads && worker->conf.breakers && worker->log ? 0 : -ENOMEM;
}

static int set_up(struct hdl_worker *worker, struct hdl_err *err)
{
	int r = hdl_stats_init(&worker->stats, HDL_SERIES_MAX);

	if (r == 0)
		r = set_up_memory(worker);
	if (r == 0)
		r = hdl_loop_init(&worker->loop);
	if (r == 0)
		r = hdl_mailbox_init(&worker->mailbox, &worker->loop, worker);
	if (r == 0)
		r = hdl_generation_set(worker, worker->conf.snapshot);
	for (int f = 0; r == 0 && f < HDL_FAMILIES; f++) {
		if (worker->conf.listener_fd[f] < 0)
			continue;
		r = hdl_listener_add(worker, worker->conf.listener_fd[f], NULL);
		if (r == 0)
			worker->conf.listener_fd[f] = -1; /* the listener owns it now */
	}
	if (r < 0)
		return hdl_err_set(err, r, "cannot set up worker %u: %s", worker->conf.index, strerror(-r));
	worker->connections_max = hdl_accept_limit(worker->conf.workers);
	hdl_accept_reserve(worker);
	hdl_accesslog_set_fd(worker->log, worker->conf.access_log_fd);
	worker->conf.access_log_fd = -1;
	return 0;
}

struct hdl_worker *hdl_worker_new(const struct hdl_worker_conf *conf, struct hdl_err *err)
{
	struct hdl_worker *worker = calloc(1, sizeof(*worker));

	if (!worker) {
		hdl_err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	worker->conf = *conf;
	worker->loop.epoll_fd = worker->mailbox.io.fd = worker->reserve_fd = -1;
	hdl_list_init(&worker->generations);
	hdl_list_init(&worker->listeners);
	hdl_list_init(&worker->downs);
	hdl_list_init(&worker->again);
	hdl_list_init(&worker->mirrors);
	hdl_list_init(&worker->idle_ups);
	hdl_list_init(&worker->dead);
	hdl_list_init(&worker->free_streams);
	hdl_timer_init(&worker->accept_timer, hdl_accept_timer_fired);
	hdl_timer_init(&worker->log_timer, log_timer_fired);
	if (conf->seed)
		hdl_rand_seed(&worker->rand, conf->seed);
	else
		hdl_rand_seed_random(&worker->rand);
	if (set_up(worker, err) < 0) {
		hdl_worker_free(worker);
		return NULL;
	}
	return worker;
}

/* Connections that had more pipelined requests than their share of the last turn. */
static void run_again(struct hdl_worker *worker)
{
	struct hdl_list list;

	hdl_list_init(&list);
	while (!hdl_list_empty(&worker->again)) {
		struct hdl_list *first = worker->again.next;

		hdl_list_remove(first);
		hdl_list_append(&list, first);
	}
	while (!hdl_list_empty(&list)) {
		struct hdl_down *down = HDL_CONTAINER_OF(list.next, struct hdl_down, again);

		hdl_list_remove(&down->again);
		hdl_down_run(down);
	}
}

static void *run(void *data)
{
	struct hdl_worker *worker = data;

	while (!worker->stopping) {
		hdl_loop_turn(&worker->loop, hdl_list_empty(&worker->again) ? TURN_NS : 0);
		run_again(worker);
		bury_all(worker);
		atomic_store_explicit(&worker->last_turn_ns, worker->loop.now_ns, memory_order_relaxed);
		if (worker->draining)
			atomic_store(&worker->idle, hdl_list_empty(&worker->downs) && hdl_list_empty(&worker->mirrors));
	}
	return NULL;
}

int hdl_worker_start(struct hdl_worker *worker, struct hdl_err *err)
{
	int r = pthread_create(&worker->thread, NULL, run, worker);

	if (r != 0)
		return hdl_err_set(err, -r, "cannot start the thread of worker %u: %s", worker->conf.index,
				   strerror(r));
	worker->thread_started = true;
	return 0;
}

/* One kind of message for all: what is not used is zero. */
struct order {
	struct hdl_message message;
	struct hdl_snapshot *snapshot;
	struct hdl_endpoint_addr at;
	int fd;
};

static void free_order(struct order *order)
{
	hdl_snapshot_unref(order->snapshot);
	if (order->fd >= 0)
		close(order->fd);
	free(order);
}

static int post(struct hdl_worker *worker, const struct order *what,
		void (*carry_out)(struct hdl_message *message, void *data))
{
	struct order *order = malloc(sizeof(*order));

	if (!order)
		return -ENOMEM;
	*order = *what;
	order->message.run = carry_out;
	hdl_mailbox_send(&worker->mailbox, &order->message);
	return 0;
}

static void do_set_snapshot(struct hdl_message *message, void *data)
{
	struct order *order = HDL_CONTAINER_OF(message, struct order, message);
	struct hdl_worker *worker = data;

	if (worker && hdl_generation_set(worker, order->snapshot) < 0) {
		/* The former one stays in force; proxy-status shows that this worker is behind. */
		hdl_stat_inc(&worker->stats.limit_memory);
	} else if (worker) {
		hdl_pools_trim(worker, false);
		hdl_accept_resume(worker);
	}
	free_order(order);
}

int hdl_worker_set_snapshot(struct hdl_worker *worker, struct hdl_snapshot *snapshot)
{
	struct order order = { .snapshot = hdl_snapshot_ref(snapshot), .fd = -1 };
	int r = post(worker, &order, do_set_snapshot);

	if (r < 0)
		hdl_snapshot_unref(snapshot);
	return r;
}

static void do_set_access_log(struct hdl_message *message, void *data)
{
	struct order *order = HDL_CONTAINER_OF(message, struct order, message);
	struct hdl_worker *worker = data;

	if (worker) {
		hdl_accesslog_set_fd(worker->log, order->fd);
		order->fd = -1;
	}
	free_order(order);
}

int hdl_worker_set_access_log(struct hdl_worker *worker, int fd)
{
	struct order order = { .fd = fd };
	int r = post(worker, &order, do_set_access_log);

	if (r < 0 && fd >= 0)
		close(fd);
	return r;
}

static struct hdl_listener *find_gateway(struct hdl_worker *worker, const struct hdl_endpoint_addr *at)
{
	HDL_LIST_FOR_EACH(l, &worker->listeners) {
		struct hdl_listener *listener = HDL_CONTAINER_OF(l, struct hdl_listener, link);

		if (listener->gateway && listener->at.port == at->port &&
		    hdl_addr_equal(&listener->at.address, &at->address))
			return listener;
	}
	return NULL;
}

static void do_add_gateway(struct hdl_message *message, void *data)
{
	struct order *order = HDL_CONTAINER_OF(message, struct order, message);
	struct hdl_worker *worker = data;

	if (worker && !worker->draining) {
		if (hdl_listener_add(worker, order->fd, &order->at) == 0)
			order->fd = -1;
		else
			hdl_stat_inc(&worker->stats.accept_failures);
	}
	free_order(order);
}

int hdl_worker_add_gateway(struct hdl_worker *worker, const struct hdl_addr *address, uint16_t port, int fd)
{
	struct order order = { .at = { *address, port }, .fd = fd };
	int r = post(worker, &order, do_add_gateway);

	if (r < 0)
		close(fd);
	return r;
}

static void do_remove_gateway(struct hdl_message *message, void *data)
{
	struct order *order = HDL_CONTAINER_OF(message, struct order, message);
	struct hdl_worker *worker = data;
	struct hdl_listener *listener;

	while (worker && (listener = find_gateway(worker, &order->at)))
		hdl_listener_remove(listener);
	free_order(order);
}

int hdl_worker_remove_gateway(struct hdl_worker *worker, const struct hdl_addr *address, uint16_t port)
{
	struct order order = { .at = { *address, port }, .fd = -1 };

	return post(worker, &order, do_remove_gateway);
}

static void close_listeners(struct hdl_worker *worker)
{
	while (!hdl_list_empty(&worker->listeners))
		hdl_listener_remove(HDL_CONTAINER_OF(worker->listeners.next, struct hdl_listener, link));
}

static void do_drain(struct hdl_message *message, void *data)
{
	struct order *order = HDL_CONTAINER_OF(message, struct order, message);
	struct hdl_worker *worker = data;

	if (worker) {
		worker->draining = true;
		close_listeners(worker);
		HDL_LIST_FOR_EACH_SAFE(l, next, &worker->downs) {
			struct hdl_down *down = HDL_CONTAINER_OF(l, struct hdl_down, link);

			if (down->state == HDL_DOWN_IDLE)
				hdl_down_finished(down, false);
		}
		hdl_pools_trim(worker, true);
	}
	free_order(order);
}

int hdl_worker_drain(struct hdl_worker *worker)
{
	struct order order = { .fd = -1 };

	return post(worker, &order, do_drain);
}

static void do_stop(struct hdl_message *message, void *data)
{
	struct order *order = HDL_CONTAINER_OF(message, struct order, message);
	struct hdl_worker *worker = data;

	if (worker)
		worker->stopping = true;
	free_order(order);
}

static void close_all(struct hdl_worker *worker)
{
	close_listeners(worker);
	worker->draining = true;
	while (!hdl_list_empty(&worker->downs)) {
		struct hdl_down *down = HDL_CONTAINER_OF(worker->downs.next, struct hdl_down, link);

		if (down->state == HDL_DOWN_STREAM)
			hdl_stream_finish(down->stream, false, true);
		else
			hdl_down_close(down, true);
	}
	hdl_mirrors_free(worker);
	bury_all(worker);
}

void hdl_worker_free(struct hdl_worker *worker)
{
	struct order order = { .fd = -1 };

	if (!worker)
		return;
	if (worker->thread_started) {
		/* Without memory even for this message: the flag is seen within one turn. */
		if (post(worker, &order, do_stop) < 0)
			worker->stopping = true;
		pthread_join(worker->thread, NULL);
	}
	close_all(worker);
	if (worker->pools)
		hdl_pools_free(worker);
	bury_all(worker);
	if (worker->mailbox.io.fd >= 0)
		hdl_mailbox_done(&worker->mailbox, &worker->loop);
	if (worker->current)
		hdl_generation_unref(worker, worker->current);
	hdl_accesslog_free(worker->log);
	for (int f = 0; f < HDL_FAMILIES; f++)
		if (worker->conf.listener_fd[f] >= 0)
			close(worker->conf.listener_fd[f]);
	if (worker->conf.access_log_fd >= 0)
		close(worker->conf.access_log_fd);
	if (worker->reserve_fd >= 0)
		close(worker->reserve_fd);
	hdl_streams_free(worker);
	hdl_blocks_free(worker);
	hdl_loop_done(&worker->loop);
	hdl_stats_done(&worker->stats);
	free(worker->loads);
	free(worker->own_breakers);
	free(worker->scratch);
	free(worker);
}

uint64_t hdl_worker_epoch(const struct hdl_worker *worker)
{
	return atomic_load(&worker->epoch);
}

uint64_t hdl_worker_last_turn_ns(const struct hdl_worker *worker)
{
	return atomic_load_explicit(&worker->last_turn_ns, memory_order_relaxed);
}

bool hdl_worker_idle(const struct hdl_worker *worker)
{
	return atomic_load(&worker->idle);
}

const struct hdl_stats *hdl_worker_stats(const struct hdl_worker *worker)
{
	return &worker->stats;
}
