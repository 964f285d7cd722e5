/* SPDX-License-Identifier: Apache-2.0 */
/* Connections to endpoints and the pools in which they wait for the next request. */
#ifndef HDL_PROXY_UP_H
#define HDL_PROXY_UP_H

#include "proxy/private.h"

/* What a user of a connection is told. */
struct hdl_up_ops {
	void (*connected)(void *user);
	/* The connect failed (error: negative errno, -ETIMEDOUT by connectTimeout); the connection is gone already. */
	void (*failed)(void *user, int error);
	/* Something to read, room to write, or the peer closed: the connection's flags say. */
	void (*ready)(void *user);
};

/*
 * CONNECTING  connect() is under way; connectTimeout runs
 * BUSY        carries a request of `user`
 * IDLE        in its pool; idleTimeout runs
 * CLOSED      on the list of the dead
 */
enum hdl_up_state {
	HDL_UP_CONNECTING,
	HDL_UP_BUSY,
	HDL_UP_IDLE,
	HDL_UP_CLOSED,
};

struct hdl_up {
	struct hdl_corpse corpse;
	struct hdl_conn conn;
	struct hdl_list link; /* in the pool while idle */
	struct hdl_list lru;  /* in worker->idle_ups while idle */
	struct hdl_timer timer;
	struct hdl_pool *pool; /* NULL: not to be reused */
	enum hdl_up_state state;
	uint32_t requests;    /* begun */
	uint64_t sent_before; /* bytes that earlier requests wrote */
	uint32_t max_requests;
	uint64_t idle_timeout_ns;
	uint64_t born_ns, max_age_ns; /* max_age_ns 0: none */
	const struct hdl_up_ops *ops;
	void *user;
	struct hdl_endpoint_addr remote;
	char remote_text[HDL_ADDR_PORT_TEXT_MAX], local_text[HDL_ADDR_PORT_TEXT_MAX];
};

/*
 * Idle connections of this worker to one use of an endpoint id. A connection keeps its pool alive; when the endpoint is
 * gone (or its id has another generation) the pool is retired: idle connections close, busy ones after their request.
 */
struct hdl_pool {
	struct hdl_list idle[HDL_FAMILIES]; /* last used first */
	uint32_t endpoint, generation;
	uint32_t connections;
	bool retired;
};

struct hdl_up_wish {
	const struct hdl_ir_cluster *cluster;   /* timeouts and limits */
	const struct hdl_ir_endpoint *endpoint; /* NULL: `to` is dialled, and the connection is not reused */
	enum hdl_family family;
	struct hdl_endpoint_addr to;
	bool fresh; /* no reused one */
	const struct hdl_up_ops *ops;
	void *user;
};

/*
 * A connection for one request: a reused one (*ret_up BUSY, ready to write) or a new one (CONNECTING: ops->connected or
 * ops->failed follows, never from within this call). 0 or -errno of an immediate failure.
 */
int hdl_up_get(struct hdl_worker *worker, const struct hdl_up_wish *wish, struct hdl_up **ret_up);
static inline bool hdl_up_is_reused(const struct hdl_up *up)
{
	return up->requests > 1;
}
/* The request is over and the connection may carry another one. */
void hdl_up_release(struct hdl_up *up);
void hdl_up_close(struct hdl_up *up);
/* Closes the connection that has been idle for longest. False if there is none. */
bool hdl_up_close_idlest(struct hdl_worker *worker);
/* Retires the pools of endpoints that are gone; closes all idle connections when `all`. */
void hdl_pools_trim(struct hdl_worker *worker, bool all);
void hdl_pools_free(struct hdl_worker *worker);

#endif
