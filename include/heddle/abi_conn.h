/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Records about single connections and about clients. */
#ifndef HDL_ABI_CONN_H
#define HDL_ABI_CONN_H

#include <linux/types.h>
#include "heddle/abi_addr.h"

enum hdl_sock_kind {
	HDL_SOCK_BALANCED = 1, /* connected straight to an endpoint */
	HDL_SOCK_PUNTED = 2,   /* host process led to a worker */
};

/* Value of map `sock` (socket storage): what connect() decided. */
struct hdl_sock {
	struct hdl_addr original_address; /* what the application dialled; getpeername() answers it */
	struct hdl_addr address;          /* what it was rewritten to */
	__be16 original_port;
	__be16 port;
	__u8 kind;        /* enum hdl_sock_kind */
	__u8 verdict;     /* enum hdl_verdict: BALANCED, FAILED_OPEN or PUNTED_HOST */
	__u8 established; /* 1 once the kernel reported the handshake done */
	__u8 padding;
	__u32 service;    /* id in `service` */
	__u32 endpoint;   /* id in `endpoint`; 0 when punted */
	__u32 generation; /* of the endpoint */
	__u32 workload;   /* client, id in the daemon's tables; 0 = unknown */
	__u64 epoch;      /* that decided */
	__u64 start_ns;   /* CLOCK_MONOTONIC of connect() */
	__u32 charged;    /* 1 while health.active of the endpoint counts this socket; swapped atomically to 0 */
	__u32 uid;        /* of the process that called connect() */
};

/* Key of map `origin`: a connection that connect rewrite led to a worker, as the worker's accept() sees it. */
struct hdl_origin_key {
	struct hdl_addr client_address; /* 127.0.0.1 or ::1 */
	__be16 client_port;
	__be16 listener_port;
	__u32 padding; /* 0 */
};

/* Value of map `origin`: where it was going. The worker deletes it after reading. */
struct hdl_origin {
	struct hdl_addr address;
	__be16 port;
	__u16 padding0;
	__u32 uid; /* of the client process, for logs */
	__u64 netns_cookie;
};

enum hdl_workload_flags {
	HDL_WORKLOAD_TC = 1,   /* a tc program sees what this namespace sends: flows can be punted */
	HDL_WORKLOAD_HOST = 2, /* the node's own namespace */
};

/*
 * Value of map `workload`, by netns cookie (u64). A hash element may be recycled under its reader, so the record
 * repeats its key and is used only when that is still the key after copying.
 */
struct hdl_workload {
	__u32 id;                              /* pod in the daemon's tables; 0 = a namespace without a known pod */
	__u32 flags;                           /* enum hdl_workload_flags */
	__u64 cookie;                          /* the key; a record with another is ignored */
	struct hdl_addr address[HDL_FAMILIES]; /* of the pod, for the source-IP hash; zero = none or several */
};

/* Key of map `traffic` (per CPU): bytes of layer-4 connections, for istio_tcp_* (specification E.2). */
struct hdl_traffic_key {
	__u32 workload; /* client */
	__u32 endpoint;
	__u32 generation;
	__u32 verdict; /* HDL_VERDICT_BALANCED, HDL_VERDICT_FAILED_OPEN or HDL_VERDICT_CONNECT_FAILED */
};

struct hdl_traffic {
	__u64 opened;
	__u64 closed;
	__u64 sent_bytes;     /* response direction, as istio_tcp_sent_bytes_total counts */
	__u64 received_bytes; /* request direction */
};

#endif
