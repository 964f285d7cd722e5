/* SPDX-License-Identifier: Apache-2.0 */
/* An upstream connection from connect() to close(). */
#include "proxy/up.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void free_up(struct hdl_worker *worker, struct hdl_corpse *corpse)
{
	struct hdl_up *up = HDL_CONTAINER_OF(corpse, struct hdl_up, corpse);

	(void)worker;
	free(up);
}

static void leave_pool(struct hdl_up *up)
{
	struct hdl_worker *worker = up->conn.worker;

	if (up->state == HDL_UP_IDLE) {
		hdl_list_remove(&up->link);
		hdl_list_remove(&up->lru);
		hdl_stat_dec(&worker->stats.upstream_connections_idle);
	}
	if (up->pool && --up->pool->connections == 0) {
		if (!up->pool->retired)
			worker->pools[up->pool->endpoint] = NULL;
		free(up->pool);
	}
	up->pool = NULL;
}

void hdl_up_close(struct hdl_up *up)
{
	struct hdl_worker *worker = up->conn.worker;

	if (up->state == HDL_UP_CLOSED)
		return;
	leave_pool(up);
	up->state = HDL_UP_CLOSED;
	up->user = NULL;
	hdl_timer_stop(&worker->loop.timers, &up->timer);
	/* Behind bytes that the endpoint does not take a FIN would never arrive. */
	hdl_conn_close(&up->conn, hdl_conn_is_blocked(&up->conn));
	hdl_stat_inc(&worker->stats.upstream_connections_closed);
	hdl_stat_dec(&worker->stats.upstream_connections_active);
	hdl_worker_bury(worker, &up->corpse);
}

bool hdl_up_close_idlest(struct hdl_worker *worker)
{
	if (hdl_list_empty(&worker->idle_ups))
		return false;
	hdl_up_close(HDL_CONTAINER_OF(worker->idle_ups.next, struct hdl_up, lru));
	return true;
}

static void connect_failed(struct hdl_up *up, int error)
{
	const struct hdl_up_ops *ops = up->ops;
	void *user = up->user;

	hdl_stat_inc(error == -ETIMEDOUT ? &up->conn.worker->stats.upstream_connect_timeouts :
					   &up->conn.worker->stats.upstream_connect_failures);
	hdl_up_close(up);
	ops->failed(user, error);
}

static void finish_connect(struct hdl_up *up)
{
	struct hdl_endpoint_addr local;
	int error = hdl_sock_error(up->conn.io.fd);

	if (error < 0) {
		connect_failed(up, error);
		return;
	}
	if (hdl_sock_local(up->conn.io.fd, &local) == 0)
		hdl_addr_port_print(&local.address, local.port, up->local_text);
	up->state = HDL_UP_BUSY;
	hdl_timer_stop(&up->conn.worker->loop.timers, &up->timer);
	up->ops->connected(up->user);
}

static void on_ready(struct hdl_io *io, uint32_t events)
{
	struct hdl_up *up = HDL_CONTAINER_OF(io, struct hdl_up, conn.io);

	hdl_conn_events(&up->conn, events);
	switch (up->state) {
	case HDL_UP_CONNECTING:
		if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
			finish_connect(up);
		break;
	case HDL_UP_BUSY:
		up->ops->ready(up->user);
		break;
	case HDL_UP_IDLE:
		/* Closed by the peer, or bytes that nobody asked for: no request may follow either. */
		if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
			hdl_up_close(up);
		break;
	case HDL_UP_CLOSED:
		break;
	}
}

static void on_timer(struct hdl_timer *timer)
{
	struct hdl_up *up = HDL_CONTAINER_OF(timer, struct hdl_up, timer);

	if (up->state == HDL_UP_CONNECTING) {
		connect_failed(up, -ETIMEDOUT);
	} else if (up->state == HDL_UP_IDLE) {
		hdl_stat_inc(&up->conn.worker->stats.upstream_idle_closed);
		hdl_up_close(up);
	}
}

/* The endpoint is gone. The pool itself goes with its last connection. */
static void retire(struct hdl_worker *worker, struct hdl_pool *pool)
{
	pool->retired = true;
	worker->pools[pool->endpoint] = NULL;
	for (int f = 0; f < HDL_FAMILIES; f++) {
		struct hdl_list *head = &pool->idle[f];

		/* The last one frees the pool: its list must not be looked at again. */
		while (!hdl_list_empty(head)) {
			bool last = pool->connections == 1;

			hdl_up_close(HDL_CONTAINER_OF(head->next, struct hdl_up, link));
			if (last)
				return;
		}
	}
}

static struct hdl_pool *pool_of(struct hdl_worker *worker, const struct hdl_ir_endpoint *endpoint)
{
	struct hdl_pool *pool = worker->pools[endpoint->id];

	if (pool && pool->generation == endpoint->generation)
		return pool;
	/* A stream of an older snapshot may still ask for the former use of the id: it gets no pool. */
	if (pool && (int32_t)(endpoint->generation - pool->generation) < 0)
		return NULL;
	if (pool)
		retire(worker, pool);
	pool = calloc(1, sizeof(*pool));
	if (!pool)
		return NULL; /* the connection is then not reused */
	for (int f = 0; f < HDL_FAMILIES; f++)
		hdl_list_init(&pool->idle[f]);
	pool->endpoint = endpoint->id;
	pool->generation = endpoint->generation;
	worker->pools[endpoint->id] = pool;
	return pool;
}

static int open_socket(struct hdl_worker *worker, const struct hdl_endpoint_addr *to)
{
	bool done;
	int fd = hdl_sock_connect(to, &done);

	/* Accepted requests come before new clients: they may use the last descriptor. */
	while ((fd == -EMFILE || fd == -ENFILE) && hdl_accept_spare_fd(worker))
		fd = hdl_sock_connect(to, &done);
	return fd;
}

static int connect_new(struct hdl_worker *worker, const struct hdl_up_wish *wish, struct hdl_pool *pool,
		       struct hdl_up **ret_up)
{
	struct hdl_up *up = calloc(1, sizeof(*up));
	int fd, r;

	if (!up) {
		hdl_stat_inc(&worker->stats.limit_memory);
		return -ENOMEM;
	}
	fd = open_socket(worker, &wish->to);
	up->conn.io = (struct hdl_io){ fd, on_ready };
	r = fd < 0 ? fd : hdl_loop_add(&worker->loop, &up->conn.io);
	if (r < 0) {
		if (fd >= 0)
			hdl_sock_abort(fd);
		free(up);
		return r;
	}
	if (wish->cluster->keepalive.on)
		hdl_sock_keepalive(fd, wish->cluster->keepalive.time_s, wish->cluster->keepalive.interval_s,
				   wish->cluster->keepalive.probes);
	up->born_ns = hdl_worker_now(worker);
	up->corpse.free_object = free_up;
	up->conn.worker = worker;
	up->conn.received_bytes = &worker->stats.upstream_received_bytes;
	up->conn.sent_bytes = &worker->stats.upstream_sent_bytes;
	hdl_list_init(&up->link);
	hdl_list_init(&up->lru);
	hdl_timer_init(&up->timer, on_timer);
	up->pool = pool;
	up->remote = wish->to;
	hdl_addr_port_print(&wish->to.address, wish->to.port, up->remote_text);
	/* Also a connect() that succeeded at once is reported by the loop: one way for all. */
	up->state = HDL_UP_CONNECTING;
	if (wish->cluster->connect_timeout_ns)
		hdl_timer_set(&worker->loop.timers, &up->timer,
			      hdl_worker_now(worker) + wish->cluster->connect_timeout_ns);
	hdl_stat_inc(&worker->stats.upstream_connects);
	hdl_stat_inc(&worker->stats.upstream_connections_active);
	*ret_up = up;
	return 0;
}

static struct hdl_up *take_idle(struct hdl_worker *worker, struct hdl_pool *pool, enum hdl_family family)
{
	struct hdl_up *up;

	if (!pool || hdl_list_empty(&pool->idle[family]))
		return NULL;
	up = HDL_CONTAINER_OF(pool->idle[family].next, struct hdl_up, link);
	hdl_list_remove(&up->link);
	hdl_list_remove(&up->lru);
	hdl_stat_dec(&worker->stats.upstream_connections_idle);
	hdl_stat_inc(&worker->stats.upstream_reused);
	up->state = HDL_UP_BUSY;
	return up;
}

int hdl_up_get(struct hdl_worker *worker, const struct hdl_up_wish *wish, struct hdl_up **ret_up)
{
	struct hdl_pool *pool = wish->endpoint ? pool_of(worker, wish->endpoint) : NULL;
	struct hdl_up *up = wish->fresh ? NULL : take_idle(worker, pool, wish->family);
	int r;

	if (!up) {
		r = connect_new(worker, wish, pool, &up);
		if (r < 0) {
			if (pool && pool->connections == 0) {
				worker->pools[pool->endpoint] = NULL;
				free(pool);
			}
			return r;
		}
		if (pool)
			pool->connections++;
	}
	up->requests++;
	up->sent_before = up->conn.sent;
	up->max_requests = wish->cluster->max_requests_per_connection;
	up->idle_timeout_ns = wish->cluster->idle_timeout_ns;
	up->max_age_ns = wish->cluster->pool.max_connection_duration_ns;
	up->ops = wish->ops;
	up->user = wish->user;
	*ret_up = up;
	return 0;
}

static enum hdl_family family_of(const struct hdl_up *up)
{
	return hdl_addr_is_v4(&up->remote.address) ? HDL_FAMILY_V4 : HDL_FAMILY_V6;
}

/* When an idle connection is closed: for being idle, or for its age; 0: never. */
static uint64_t end_of(const struct hdl_up *up, uint64_t now_ns)
{
	uint64_t idle_ns = up->idle_timeout_ns ? now_ns + up->idle_timeout_ns : 0;
	uint64_t age_ns = up->max_age_ns ? up->born_ns + up->max_age_ns : 0;

	return !age_ns || (idle_ns && idle_ns < age_ns) ? idle_ns : age_ns;
}

void hdl_up_release(struct hdl_up *up)
{
	struct hdl_worker *worker = up->conn.worker;
	uint64_t now_ns = hdl_worker_now(worker), end_ns = end_of(up, now_ns);

	up->user = NULL;
	if (up->max_requests && up->requests >= up->max_requests) {
		hdl_stat_inc(&worker->stats.upstream_max_requests);
		hdl_up_close(up);
		return;
	}
	/* A read that filled the block may have left something behind. */
	if (up->conn.readable && !up->conn.peer_closed && hdl_conn_read(&up->conn) != -EAGAIN)
		up->conn.peer_closed = true;
	hdl_conn_release_in(&up->conn);
	/* Unread bytes or unsent ones: whatever they are, they do not belong to the next request. */
	if (!up->pool || up->pool->retired || worker->draining || up->conn.in || up->conn.out || up->conn.peer_closed ||
	    (end_ns && end_ns <= now_ns)) {
		hdl_up_close(up);
		return;
	}
	up->state = HDL_UP_IDLE;
	hdl_list_insert(&up->pool->idle[family_of(up)], &up->link);
	hdl_list_append(&worker->idle_ups, &up->lru);
	hdl_stat_inc(&worker->stats.upstream_connections_idle);
	if (end_ns)
		hdl_timer_set(&worker->loop.timers, &up->timer, end_ns);
	else
		hdl_timer_stop(&worker->loop.timers, &up->timer);
}

/* Whether the endpoint record is still the one that the pool's connections lead to. */
static bool is_gone(struct hdl_worker *worker, const struct hdl_pool *pool)
{
	const struct hdl_health *health = hdl_tables_health(&worker->conf.tables, pool->endpoint);

	return !health || __atomic_load_n(&health->generation, __ATOMIC_RELAXED) != pool->generation;
}

void hdl_pools_trim(struct hdl_worker *worker, bool all)
{
	HDL_LIST_FOR_EACH_SAFE(l, next, &worker->idle_ups) {
		struct hdl_up *up = HDL_CONTAINER_OF(l, struct hdl_up, lru);

		if (all || up->pool->retired || is_gone(worker, up->pool))
			hdl_up_close(up);
	}
}

void hdl_pools_free(struct hdl_worker *worker)
{
	hdl_pools_trim(worker, true);
	free(worker->pools);
	worker->pools = NULL;
}
