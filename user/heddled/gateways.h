/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets of gateway ports: the keeper binds them, so that ports below 1024 work and queues survive a worker. */
#ifndef HDL_HEDDLED_GATEWAYS_H
#define HDL_HEDDLED_GATEWAYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "heddle/abi_addr.h"
#include "heddle/abi_limits.h"
#include "heddled/msg.h"
#include "heddled/proc.h"

#define HDL_GATEWAY_RETRY_NS 1000000000ull /* a busy port is tried again so often */

struct hdl_gateway {
	struct hdl_addr address; /* zero = all addresses of the node, both families */
	uint16_t port;
	bool used;                             /* asked for by the worker process that runs now */
	int error;                             /* errno of the last attempt; 0 = listening */
	int fd[HDL_FAMILIES][HDL_WORKERS_MAX]; /* -1 = none */
};

struct hdl_gateways {
	struct hdl_gateway *at;
	size_t n;
	unsigned int workers;
};

void hdl_gateways_init(struct hdl_gateways *gateways, unsigned int workers);
/* Closes all: what waits in the queues is reset. */
void hdl_gateways_done(struct hdl_gateways *gateways);

/* Opens the sockets (or knows them already) and tells the worker. 0, also when the port is busy; else the channel's failure. */
int hdl_gateways_listen(struct hdl_gateways *gateways, const struct hdl_msg_gateway *wanted,
			struct hdl_channel *channel, struct hdl_err *err);
void hdl_gateways_close(struct hdl_gateways *gateways, const struct hdl_msg_gateway *wanted);
/* Tries busy ports again. *ret_more: some are still busy. */
int hdl_gateways_retry(struct hdl_gateways *gateways, struct hdl_channel *channel, bool *ret_more, struct hdl_err *err);

/* A new worker process asks for its ports anew; once it has, those that it did not ask for are closed. */
void hdl_gateways_restart(struct hdl_gateways *gateways);
void hdl_gateways_drop_unused(struct hdl_gateways *gateways);

#endif
