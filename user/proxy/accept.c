/* SPDX-License-Identifier: Apache-2.0 */
/* Listeners: accepts clients within the limits and finds out where they were going. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "proxy/down.h"
#include "proxy/up.h"

#define ACCEPT_BATCH 64
/* Pause after accept() ran out of descriptors or memory. */
#define PAUSE_NS 50000000ull
/* Descriptors that connections must leave to the rest of the process. */
#define OTHER_DESCRIPTORS 128

uint64_t hdl_accept_limit(unsigned int workers)
{
	struct rlimit descriptors;
	uint64_t limit;

	/* A client and an upstream connection each, in every worker. */
	if (getrlimit(RLIMIT_NOFILE, &descriptors) < 0 || descriptors.rlim_cur == RLIM_INFINITY)
		return UINT64_MAX;
	limit = descriptors.rlim_cur > 2 * OTHER_DESCRIPTORS ? descriptors.rlim_cur - OTHER_DESCRIPTORS :
							       descriptors.rlim_cur / 2;
	limit /= 2 * (workers ? workers : 1);
	return limit ? limit : 1;
}

static uint64_t connection_limit(const struct hdl_worker *worker)
{
	uint64_t limit = worker->current->snapshot->node.max_connections;

	return limit ? limit : worker->connections_max;
}

static void pause_all(struct hdl_worker *worker, bool paused)
{
	worker->accept_paused = paused;
	HDL_LIST_FOR_EACH(l, &worker->listeners) {
		struct hdl_listener *listener = HDL_CONTAINER_OF(l, struct hdl_listener, link);

		hdl_loop_pause(&worker->loop, &listener->io, paused);
	}
}

void hdl_accept_reserve(struct hdl_worker *worker)
{
	/* Any descriptor will do, and this one needs no file system. */
	if (worker->reserve_fd < 0)
		worker->reserve_fd = fcntl(worker->loop.epoll_fd, F_DUPFD_CLOEXEC, 0);
}

void hdl_accept_resume(struct hdl_worker *worker)
{
	hdl_accept_reserve(worker);
	if (worker->accept_paused && !hdl_timer_is_set(&worker->accept_timer) &&
	    worker->stats.downstream_connections_active < connection_limit(worker))
		pause_all(worker, false);
}

void hdl_accept_timer_fired(struct hdl_timer *timer)
{
	hdl_accept_resume(HDL_CONTAINER_OF(timer, struct hdl_worker, accept_timer));
}

bool hdl_accept_spare_fd(struct hdl_worker *worker)
{
	hdl_stat_inc(&worker->stats.limit_descriptors);
	if (hdl_up_close_idlest(worker))
		return true;
	if (worker->reserve_fd < 0)
		return false;
	close(worker->reserve_fd);
	worker->reserve_fd = -1;
	return true;
}

/* accept() failed. Whether to try again at once. */
static bool accept_failed(struct hdl_worker *worker, int error)
{
	switch (error) {
	case -EAGAIN:
		return false;
	case -EMFILE:
	case -ENFILE:
		hdl_stat_inc(&worker->stats.limit_descriptors);
		break;
	case -ENOMEM:
	case -ENOBUFS:
		hdl_stat_inc(&worker->stats.limit_memory);
		break;
	case -ECONNABORTED:
	case -EPROTO:
		return true; /* that client gave up in the queue */
	default:
		hdl_stat_inc(&worker->stats.accept_failures);
		break;
	}
	/* The clients wait in the kernel's queue meanwhile. */
	pause_all(worker, true);
	hdl_timer_set(&worker->loop.timers, &worker->accept_timer, hdl_worker_now(worker) + PAUSE_NS);
	return false;
}

/* A client that dialled the listener itself was led here by connect rewrite. */
static int find_origin(struct hdl_worker *worker, const struct hdl_endpoint_addr *peer, struct hdl_endpoint_addr *local)
{
	struct hdl_origin_key key = { .client_address = peer->address,
				      .client_port = __builtin_bswap16(peer->port),
				      .listener_port = __builtin_bswap16(local->port) };
	struct hdl_origin origin;

	if (!worker->conf.take_origin || worker->conf.take_origin(worker->conf.take_origin_data, &key, &origin) < 0)
		return -ENOENT;
	local->address = origin.address;
	local->port = __builtin_bswap16(origin.port);
	return 0;
}

static void welcome(struct hdl_listener *listener, int fd, const struct hdl_endpoint_addr *peer)
{
	struct hdl_worker *worker = listener->worker;
	struct hdl_endpoint_addr local;

	hdl_stat_inc(&worker->stats.downstream_connections);
	if (hdl_sock_local(fd, &local) < 0)
		goto refuse;
	if (!listener->gateway && local.port == listener->at.port &&
	    hdl_addr_equal(&local.address, &listener->at.address) && find_origin(worker, peer, &local) < 0)
		goto refuse;
	if (!listener->gateway && !hdl_snapshot_find_dialled(worker->current->snapshot, &local.address, local.port))
		goto refuse;
	hdl_down_new(listener, fd, peer, &local);
	return;
refuse:
	hdl_stat_inc(&worker->stats.downstream_unknown_origin);
	hdl_stat_inc(&worker->stats.downstream_connections_closed);
	hdl_sock_abort(fd);
}

static void on_ready(struct hdl_io *io, uint32_t events)
{
	struct hdl_listener *listener = HDL_CONTAINER_OF(io, struct hdl_listener, io);
	struct hdl_worker *worker = listener->worker;
	uint64_t limit = connection_limit(worker);

	(void)events;
	for (int i = 0; i < ACCEPT_BATCH; i++) {
		struct hdl_endpoint_addr peer;
		int fd;

		if (worker->stats.downstream_connections_active >= limit) {
			hdl_stat_inc(&worker->stats.limit_connections);
			pause_all(worker, true);
			return;
		}
		fd = hdl_sock_accept(io->fd, &peer);
		if (fd >= 0)
			welcome(listener, fd, &peer);
		else if (!accept_failed(worker, fd))
			return;
	}
}

int hdl_listener_add(struct hdl_worker *worker, int fd, const struct hdl_endpoint_addr *gateway)
{
	struct hdl_listener *listener = calloc(1, sizeof(*listener));
	int r;

	if (!listener)
		return -ENOMEM;
	listener->worker = worker;
	listener->io = (struct hdl_io){ fd, on_ready };
	listener->gateway = gateway != NULL;
	r = gateway ? 0 : hdl_sock_local(fd, &listener->at);
	if (gateway)
		listener->at = *gateway;
	if (r == 0)
		r = hdl_loop_add_level(&worker->loop, &listener->io);
	if (r < 0) {
		free(listener);
		return r;
	}
	if (worker->accept_paused)
		hdl_loop_pause(&worker->loop, &listener->io, true);
	hdl_list_append(&worker->listeners, &listener->link);
	return 0;
}

void hdl_listener_remove(struct hdl_listener *listener)
{
	hdl_loop_remove(&listener->worker->loop, &listener->io);
	close(listener->io.fd);
	hdl_list_remove(&listener->link);
	free(listener);
}
