/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of `heddlectl why`: sockets of processes, and the text of an answer. */
#ifndef HDL_HEDDLECTL_WHY_H
#define HDL_HEDDLECTL_WHY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "dp/peek.h"

#define WHY_SOCKETS_MAX 4096 /* of one process, or with one address */

struct why_socket {
	int pid;
	char command[32];
	bool udp, has_record;
	struct hdl_addr local, peer; /* peer: what was dialled */
	uint16_t local_port, peer_port;
	uint64_t cookie; /* of the network namespace */
	uint64_t socket; /* cookie of the socket */
	struct hdl_sock record;
};

struct why_sockets {
	struct why_socket *at;
	size_t n, capacity;
	size_t seen;  /* sockets that were looked at */
	bool dropped; /* there are more than WHY_SOCKETS_MAX */
};

/*
 * The sockets of a process that connected somewhere, with what connect() decided about them. map_fd: map `sock`, -1 =
 * none. 0 or negative errno (-ESRCH: no such process).
 */
int why_sockets_of(int pid, int map_fd, struct why_sockets *ret);
/* Those of all processes with this address and port of their own. */
int why_sockets_at(const struct hdl_addr *address, uint16_t port, int map_fd, struct why_sockets *ret);
void why_sockets_done(struct why_sockets *sockets);

/* An answer of /api/v1/why as text. */
void why_print(const json_t *answer);

#endif
