/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Records about single connections and about clients. */
#ifndef HDL_ABI_CONN_H
#define HDL_ABI_CONN_H

#include <linux/types.h>
#include "heddle/abi_addr.h"

enum hdl_sock_kind {
	HDL_SOCK_BALANCED = 1,    /* connected straight to an endpoint */
	HDL_SOCK_PUNTED = 2,      /* host process led to a worker */
	HDL_SOCK_DATAGRAM = 3,    /* connected UDP socket */
	HDL_SOCK_UNCONNECTED = 4, /* UDP socket that sent to a service: its first pair; others are in map `udp` */
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
	__u32 charged;    /* enum hdl_charged; swapped atomically to 0 */
	__u32 uid;        /* of the process that called connect() */
	__u32 cluster;    /* id in `cluster`; 0 when punted */
	__u32 cluster_generation;
	__u32 failures; /* retransmission timeouts of this connection that were counted */
	__u32 padding1;
};

/* What still counts a socket. */
enum hdl_charged {
	HDL_CHARGED_ENDPOINT = 1, /* health.active */
	HDL_CHARGED_CLUSTER = 2,  /* balance.connections */
};

/*
 * Key of map `udp`: what an unconnected UDP socket sends to a service goes to one endpoint (reply 0, by the service's
 * address), and what that answers comes from the service (reply 1, by the endpoint's).
 */
struct hdl_udp_key {
	__u64 socket; /* socket cookie */
	struct hdl_addr address;
	__be16 port;
	__u8 reply;
	__u8 padding[5];
};

struct hdl_udp {
	struct hdl_addr address; /* the other side's: endpoint (reply 0) or service (reply 1) */
	__be16 port;
	__u16 padding;
	__u32 service;    /* id in `service` */
	__u32 endpoint;   /* id in `endpoint` */
	__u32 generation; /* of the endpoint: another, and the pair is made anew */
};

/* Key of map `affinity`: a client of a service with sessionAffinity ClientIP. */
struct hdl_affinity_key {
	struct hdl_addr client; /* its pod's address, or ::1 for the node's own processes */
	__u32 service_port;     /* of hdl_service_version */
	__u32 cluster;
};

struct hdl_affinity {
	__u32 endpoint, generation;
	__u64 used_ns; /* CLOCK_MONOTONIC of the last connection */
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
	__u32 client;                          /* id in `client`; 0 = that of clients that are no known pod */
	__u32 padding;
};

enum hdl_client_flags {
	HDL_CLIENT_REGISTRY_ONLY = 1, /* may go to addresses of services only (specification D.2) */
};

struct hdl_client_version {
	__u64 epoch;    /* as of hdl_service_version */
	__u32 class_id; /* of clients for whom the same rules hold (hdl_vip_key); 0 = what most see */
	__u32 flags;    /* enum hdl_client_flags */
	__u32 workload; /* hdl_workload.id of the pod; a record of another is ignored, as one without a version */
	__u32 padding;
};

/* Value of map `client`, by hdl_workload.client; 0 is for all that are no known pod. */
struct hdl_client {
	struct hdl_client_version version[2];
};

/* Key of map `traffic` (per CPU): bytes of layer-4 connections, for istio_tcp_* (specification E.2). */
struct hdl_traffic_key {
	__u32 workload; /* client */
	__u32 endpoint;
	__u32 generation;
	__u32 verdict; /* HDL_VERDICT_BALANCED, HDL_VERDICT_FAILED_OPEN or HDL_VERDICT_CONNECT_FAILED */
};

/* Key of map `service_verdict` (per CPU). */
struct hdl_service_verdict_key {
	__u32 service; /* id in `service` */
	__u32 verdict; /* enum hdl_verdict, any but BALANCED: those are in `traffic` when they are established */
};

struct hdl_traffic {
	__u64 opened;
	__u64 closed;
	__u64 sent_bytes;     /* response direction, as istio_tcp_sent_bytes_total counts */
	__u64 received_bytes; /* request direction */
};

#endif
