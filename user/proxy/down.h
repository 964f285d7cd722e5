/* SPDX-License-Identifier: Apache-2.0 */
/* A client connection: reads requests one after the other and carries the answers. */
#ifndef HDL_PROXY_DOWN_H
#define HDL_PROXY_DOWN_H

#include "h1/parse.h"
#include "proxy/private.h"

/*
 * IDLE    between requests; holds no buffer, the idle timeout runs
 * HEAD    part of a head is there; the header timeout runs
 * STREAM  a request is in progress: the stream reads its body from here and writes the answer here
 * FLUSH   the last answer is on its way; closed or lingering when it is written
 * LINGER  everything is answered and our side shut down; what the client still sends is read and dropped for a second,
 *         because closing at once would reset the connection and could destroy the answer
 * CLOSED  on the list of the dead
 *
 * hdl_down_run() drives IDLE, HEAD, FLUSH and LINGER; the stream drives STREAM and ends it with hdl_down_finished().
 */
enum hdl_down_state {
	HDL_DOWN_IDLE,
	HDL_DOWN_HEAD,
	HDL_DOWN_STREAM,
	HDL_DOWN_FLUSH,
	HDL_DOWN_LINGER,
	HDL_DOWN_CLOSED,
};

struct hdl_down {
	struct hdl_corpse corpse;
	struct hdl_conn conn;
	struct hdl_list link, again;
	struct hdl_timer timer;
	enum hdl_down_state state;
	bool running;
	bool shut; /* our side is shut down */
	bool gateway;
	bool asked_to_close; /* the client sends nothing after the request that was answered: no need to linger */
	uint32_t linger_bytes;
	struct hdl_stream *stream;
	struct hdl_h1_scan scan;
	uint64_t head_start_ns; /* first byte of the request */
	struct hdl_endpoint_addr peer;
	struct hdl_endpoint_addr local; /* where the client meant to go */
	struct hdl_endpoint_addr listener;
	char peer_text[HDL_ADDR_PORT_TEXT_MAX], peer_address[HDL_ADDR_TEXT_MAX], local_text[HDL_ADDR_PORT_TEXT_MAX];

	/* Looked up in the generation of that number; again when another one is current. */
	uint64_t generation;
	const struct hdl_ir_service_port *port;   /* NULL for gateways, and when the service went away */
	const struct hdl_ir_route_config *routes; /* of a gateway */
	const struct hdl_ir_view *view;           /* of the client; NULL: as all */
	const struct hdl_ir_workload *client;
};

/* Takes over an accepted socket (closes it on failure). local: original destination. */
void hdl_down_new(struct hdl_listener *listener, int fd, const struct hdl_endpoint_addr *peer,
		  const struct hdl_endpoint_addr *local);
/* Goes on with whatever the state allows. */
void hdl_down_run(struct hdl_down *down);
/* The stream is over. keep: another request may follow; otherwise the connection closes once all is written. */
void hdl_down_finished(struct hdl_down *down, bool keep);
/* At once; reset: the client must notice that the answer is not complete. */
void hdl_down_close(struct hdl_down *down, bool reset);
/* Looks up service and client for the current generation. */
void hdl_down_look_up(struct hdl_down *down);

#endif
