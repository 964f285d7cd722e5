/* SPDX-License-Identifier: Apache-2.0 */
/* One request and its answer, from the parsed head to the line in the access log. */
#ifndef HDL_PROXY_STREAM_H
#define HDL_PROXY_STREAM_H

#include "h1/body.h"
#include "h1/parse.h"
#include "health/outlier.h"
#include "lb/pick.h"
#include "policy/retry.h"
#include "policy/timeout.h"
#include "proxy/down.h"
#include "proxy/up.h"

/*
 * States of a stream, in the order in which it goes through them:
 *
 * HEAD        the request's head is parsed; nothing is decided yet
 * DELAY       an injected delay runs; the body waits (and is buffered as far as it may be)
 * CONNECTING  an endpoint is chosen, its connection is not ready
 * EXCHANGE    the request goes to the endpoint, nothing of the answer has gone to the client: the only state in which a
 *             failure may still become a retry
 * BACKOFF     waiting to make the next try; then CONNECTING again
 * RESPONSE    the answer's head has gone to the client; a failure can only cut the connection
 * TUNNEL      both sides agreed on another protocol: bytes pass both ways until one closes
 * DONE        logged and counted; on the list of the dead
 *
 * hdl_stream_set_state() is the only place where the state changes. hdl_stream_run() moves bytes whenever either
 * connection or a timer says that something may have changed; it looks at the state and needs no other memory.
 */
enum hdl_stream_state {
	HDL_STREAM_HEAD,
	HDL_STREAM_DELAY,
	HDL_STREAM_CONNECTING,
	HDL_STREAM_EXCHANGE,
	HDL_STREAM_BACKOFF,
	HDL_STREAM_RESPONSE,
	HDL_STREAM_TUNNEL,
	HDL_STREAM_DONE,
};

/* Response flags of specification E.1, those that Heddle sets. */
#define HDL_FLAGS(X) X(UH) X(UT) X(UR) X(UF) X(UC) X(UO) X(NR) X(DI) X(FI) X(DC) X(URX) X(DPE) X(UPE) X(NC) X(LR)
enum hdl_flag {
#define X(name) HDL_FLAG_##name,
	HDL_FLAGS(X)
#undef X
		HDL_FLAG_COUNT
};

/* Why a try ended without a complete response. */
enum hdl_reset_reason {
	HDL_RESET_NONE,
	HDL_RESET_CONNECT,         /* remote connection failure, UF */
	HDL_RESET_CONNECT_LOCAL,   /* local connection failure, UF */
	HDL_RESET_CONNECT_TIMEOUT, /* connection timeout, UF */
	HDL_RESET_TERMINATION,     /* connection termination, UC */
	HDL_RESET_PROTOCOL,        /* protocol error, UPE */
	HDL_RESET_LOCAL,           /* local reset, LR: out of memory */
};

/* Header lines that the proxy adds to what the client sent. */
#define HDL_STREAM_HEADERS_EXTRA 12
/* Names and values that the header operations of one route may add to a message; a header beyond is left out. */
#define HDL_HEADER_VALUES_BYTES_MAX 49152
#define HDL_STREAM_TRAILERS_MAX 64
#define HDL_STREAM_TEXT_BYTES 1024
/* Free streams that a worker keeps. */
#define HDL_STREAMS_KEPT 128
/* Body that is taken from a client while no connection is ready, if it need not be kept for a retry. */
#define HDL_STREAM_EARLY_BYTES 65536

/* Body bytes of the request kept to be sent (again). */
struct hdl_replay {
	struct hdl_block *block;
	uint32_t sent; /* to the present try */
};

struct hdl_stream {
	struct hdl_corpse corpse;
	struct hdl_list free_link;
	struct hdl_worker *worker;
	struct hdl_down *down;
	struct hdl_generation *generation;
	enum hdl_stream_state state;

	/* The request. Slices point into down->conn.in, whose first `head_bytes` stay in place while the stream lives. */
	struct hdl_http_head request;
	uint32_t head_begin, head_bytes;
	struct hdl_block *head_block; /* the head's own block, when the body needed the connection's */
	uint8_t client_version;       /* enum hdl_http_version; `request` becomes what goes upstream */
	struct hdl_h1_body request_body;
	struct hdl_http_headers request_trailers;
	bool request_complete; /* received to its end */
	bool counted;          /* in downstream_requests_active */
	bool is_grpc;
	struct hdl_replay replay;
	bool keep_body;  /* replay holds the whole body so far, to be sent again if need be */
	bool may_repeat; /* nothing of the request was sent without being kept */

	/* Routing. */
	const struct hdl_ir_vhost *vhost;
	const struct hdl_ir_http_route *route;
	const struct hdl_ir_http_match *match;        /* block of the route that it met; NULL: a route without blocks */
	const struct hdl_ir_destination *destination; /* drawn */
	struct hdl_str origin;                        /* allowed by the CORS policy; empty = no CORS request */
	const struct hdl_ir_cluster *cluster;
	const char *cluster_name;
	const char *route_name;
	uint64_t hash;
	bool has_hash;
	uint32_t mirror_bits; /* mirrors of the route that were drawn */
	struct hdl_timeouts timeouts;
	struct hdl_timer timer, global_timer, try_timer; /* delay or back-off; route timeout; per try */

	/* The present try. */
	struct hdl_up *up;
	const struct hdl_ir_endpoint *endpoint;
	struct hdl_endpoint_addr upstream;
	uint32_t charged; /* endpoint id whose health.active counts this try; 0 = none */
	uint64_t try_start_ns;
	uint64_t up_ready_ns; /* connection ready */
	bool head_sent, request_sent, write_failed, response_seen;
	bool accepted;       /* the socket took bytes of this try */
	bool stale_repeated; /* sent again once because a reused connection was dead */
	bool fresh_only;     /* this try: no reused connection */
	bool up_keep;        /* the endpoint's connection may be reused after this response */
	struct hdl_h1_scan scan;
	struct hdl_http_head response;
	struct hdl_h1_body response_body;
	struct hdl_http_headers response_trailers;

	/* Across tries. */
	uint32_t tries, retries;
	bool retry_counted;   /* in retries_active, the budget and the breaker */
	bool breaker_counted; /* the try is among the requests of the breaker */
	bool load_counted;
	uint32_t previous[HDL_LB_PREVIOUS_MAX], previous_count;
	char upstream_text[HDL_ADDR_PORT_TEXT_MAX], upstream_local_text[HDL_ADDR_PORT_TEXT_MAX];
	bool reached; /* request bytes went to an endpoint */

	/* The answer. */
	bool interim_passed; /* a 1xx went to the client: no retry any more */
	bool response_begun; /* the final head did */
	bool response_complete, client_keep;
	bool is_local; /* made by the proxy */
	uint16_t status;
	int grpc_status;
	uint64_t start_ns, complete_ns;
	uint64_t bytes_received, bytes_sent;
	int64_t service_time_ms;
	uint8_t flags[HDL_FLAG_COUNT];
	uint8_t flag_count;
	const char *details; /* or NULL: made of reset_reason */
	enum hdl_reset_reason reset_reason;
	int connect_error;

	/* Small texts of the request's headers. */
	uint32_t text_used;
	char text[HDL_STREAM_TEXT_BYTES];
	char *text_more; /* when that does not suffice */
	char expected_text[20], attempt_text[20], grpc_timeout_text[HDL_GRPC_TIMEOUT_BYTES];

	uint32_t headers_max; /* capacity of both arrays below */
	struct hdl_http_header *request_v, *response_v;
	struct hdl_http_header request_trailer_v[HDL_STREAM_TRAILERS_MAX], response_trailer_v[HDL_STREAM_TRAILERS_MAX];
	struct hdl_http_header headers[];
};

/* stream.c */
/* For the next request of down; NULL when out of memory. */
struct hdl_stream *hdl_stream_new(struct hdl_down *down);
/* Gives back one whose head was not complete. */
void hdl_stream_drop(struct hdl_stream *stream);
void hdl_streams_free(struct hdl_worker *worker);
void hdl_stream_set_state(struct hdl_stream *stream, enum hdl_stream_state state);
/* The head is parsed: routes the request and sends it on its way. */
void hdl_stream_begin(struct hdl_stream *stream);
void hdl_stream_run(struct hdl_stream *stream);
/* The client is gone. */
void hdl_stream_client_gone(struct hdl_stream *stream);
/* Ends the stream. keep: the client's connection may carry another request; reset: it must be cut. */
void hdl_stream_finish(struct hdl_stream *stream, bool keep, bool reset);
void hdl_stream_flag(struct hdl_stream *stream, enum hdl_flag flag);
/* Memory for n bytes as long as the stream; NULL when out of memory. */
char *hdl_stream_text(struct hdl_stream *stream, size_t n);
/* The answer has begun and cannot be completed. */
void hdl_stream_cut(struct hdl_stream *stream);

/* request.c */
/* Normalises, finds virtual host and route. 0, or the local answer was given (-1). */
int hdl_request_route(struct hdl_stream *stream);
/* Before the route is looked for: takes out what clients may not say, adds what every request has. 0 or -errno. */
int hdl_request_headers(struct hdl_stream *stream);
/* Hash for consistent hashing by the cluster's rule. */
void hdl_request_hash(struct hdl_stream *stream);

/* try.c */
/* Draws destination and mirrors, then makes the first try. */
void hdl_try_first(struct hdl_stream *stream);
void hdl_try_next(struct hdl_stream *stream);
/* Ends the present try, giving its connection back to the pool (reuse) or closing it. */
void hdl_try_end(struct hdl_stream *stream, bool reuse);
/* The try failed before or in the response. */
void hdl_try_failed(struct hdl_stream *stream, enum hdl_try_result result, enum hdl_reset_reason reason);
/* Its response's head is there: a retry begins (true) or it goes to the client (false). */
bool hdl_try_judge_response(struct hdl_stream *stream);
/* The request is complete or the connection is ready: timers begin when both are true. */
void hdl_try_start_timers(struct hdl_stream *stream);
void hdl_try_timers_init(struct hdl_stream *stream);
/* content-type says application/grpc (B.12) */
bool hdl_headers_are_grpc(const struct hdl_http_headers *list);
/* -1 = none */
int hdl_grpc_status_of(const struct hdl_http_headers *list);

/* target.c: what a try, of a request or of a mirror, does to the shared record of its endpoint */
void hdl_target_report(struct hdl_worker *worker, const struct hdl_ir_cluster *cluster,
		       const struct hdl_ir_endpoint *endpoint, enum hdl_outlier_event event, unsigned int status);
/* Counts the try in health.active; returns the id to discharge, 0 if the record is not the endpoint's any more. */
uint32_t hdl_target_charge(struct hdl_worker *worker, const struct hdl_ir_endpoint *endpoint);
void hdl_target_discharge(struct hdl_worker *worker, const struct hdl_ir_endpoint *endpoint, uint32_t *charged);

/* body.c */
/* Moves request bytes to the endpoint as far as possible. False: the stream is over or changed its state. */
bool hdl_body_pump_request(struct hdl_stream *stream);
bool hdl_body_pump_response(struct hdl_stream *stream);
/* Takes body bytes while there is no connection to send them to. False: the stream is over. */
bool hdl_body_absorb(struct hdl_stream *stream);
/* How much of the body is kept for another try. */
uint32_t hdl_body_keep_limit(const struct hdl_stream *stream);
void hdl_replay_free(struct hdl_stream *stream);

/* response.c */
/*
 * Looks for the response's head in what was read. 1: there was one, to be passed on (then it is in g and the worker's
 * scratch) or an interim one (passed on); 0: not complete; -1: the stream is over or changed its state.
 */
int hdl_response_head(struct hdl_stream *stream, struct hdl_gather *g);

/* tunnel.c */
void hdl_tunnel_run(struct hdl_stream *stream);

/* action.c */
/* The route is known and faults are over: answers by itself, or goes on to the first try. */
void hdl_action_run(struct hdl_stream *stream);
/* Rewrites the request as route and destination say. False: it could not be, and was answered. */
bool hdl_action_prepare(struct hdl_stream *stream);

/* headers.c */
/* Room for n more lines in a list of the stream. 0 or -ENOMEM. */
int hdl_headers_reserve(struct hdl_stream *stream, struct hdl_http_headers *list, size_t n);
/* Operations, host and path. 0, -ENAMETOOLONG (the new path), -ENOMEM or -ENOSPC. */
int hdl_headers_of_request(struct hdl_stream *stream);
/* Operations and CORS, on an answer of the endpoint or of our own. 0 or -errno. The route is known. */
int hdl_headers_of_response(struct hdl_stream *stream, struct hdl_http_headers *list);

/* reply.c */
enum hdl_preflight_answer { HDL_PREFLIGHT_NO_ANSWER, HDL_PREFLIGHT_ANSWER_ALLOWED, HDL_PREFLIGHT_ANSWER_REFUSED };

struct hdl_local_reply {
	unsigned int status;
	const char *details; /* static text, or NULL if set already */
	struct hdl_str body, location;
	bool head_is_chunked; /* to HEAD (B.3) */
	bool has_grpc_status; /* grpc_status is not that of the status */
	int grpc_status;
	bool overloaded;                     /* x-envoy-overloaded (C.6) */
	enum hdl_preflight_answer preflight; /* which never gets the route's operations */
};
void hdl_reply_with(struct hdl_stream *stream, const struct hdl_local_reply *reply);
/* Answers by itself and ends the stream. body "" = none. details: static text, or NULL if set already. */
void hdl_reply(struct hdl_stream *stream, unsigned int status, const char *body, const char *details);
/* The same for a request whose head was refused; the connection closes. */
void hdl_reply_bad_head(struct hdl_stream *stream, int error);
/* 503 for a limit of the cluster, which has nothing to do with the endpoint. */
void hdl_reply_overflow(struct hdl_stream *stream);
/* 503 for the reset of the last try. */
void hdl_reply_reset(struct hdl_stream *stream);

/* record.c */
void hdl_record(struct hdl_stream *stream);
/* "URX,UF", or "-" */
void hdl_record_flags(const struct hdl_stream *stream, char *text, size_t room);
/* %RESPONSE_CODE_DETAILS%, empty if there are none; transport gets %UPSTREAM_TRANSPORT_FAILURE_REASON%. */
struct hdl_str hdl_record_details(const struct hdl_stream *stream, char *transport, size_t transport_room, char *text,
				  size_t room);
/* Path with query as it was routed. */
struct hdl_str hdl_record_path(struct hdl_stream *stream);

/* mirror.c: the copies of a request whose body is complete */
void hdl_mirror_send(struct hdl_stream *stream);
void hdl_mirrors_free(struct hdl_worker *worker);

#endif
