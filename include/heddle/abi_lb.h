/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Keys and values of the load-balancing maps.
 *
 * Identity and versions. Hash maps hold only key -> id. What is versioned lives in arrays by id with two versions;
 * each says from which epoch it counts. A reader loads state.epoch (acquire), takes of each record the newest version
 * whose epoch is not newer than that, copies it and checks key or name hash. The writer fills the version that is not
 * in force, stores state.epoch (release), and touches a freed version, id or range again only after a grace period.
 * Ids start at 1; a zeroed record is an unused one. Integers are in host byte order unless typed __be.
 */
#ifndef HDL_ABI_LB_H
#define HDL_ABI_LB_H

#include <linux/types.h>
#include "heddle/abi_addr.h"
#include "heddle/abi_limits.h"

/* Map `state`: one record, mmapable. Written by the daemon; read by every program. */
struct hdl_state {
	__u64 epoch;             /* the epoch in force; 0 = nothing published yet */
	__u32 abi_version;       /* HDL_ABI_VERSION */
	__u32 worker_uid;        /* sockets of this user are exempt (the daemon's own); 0 = nobody is */
	__u64 host_netns_cookie; /* network namespace of the node; its processes reach workers by connect rewrite */
	__u32 worker_count;      /* workers that have listeners, at most HDL_WORKERS_MAX; 0 = none */
	__u32 packet_mark;       /* mark of punted packets, within packet_mask */
	__u32 packet_mask;
	__u32 route_table; /* where rule `packet_mark/packet_mask` looks; for uninstall, no program reads it */
	__u32 cpus;        /* possible CPUs: values of a per-CPU map, for readers that may not look it up */
	__u32 padding0;
	__u64 padding1[2];
	/* Own cache line: stored ten times a second, while the line above is read on every connect. */
	__u64 heartbeat_ns; /* CLOCK_MONOTONIC of the last sign of life; 0 = no daemon */
	__u64 padding2[7];
	__be16 listener_port[HDL_WORKERS_MAX][HDL_FAMILIES]; /* of worker w on 127.0.0.1 and ::1; 0 = none */
};

/* Key of map `vip`: a service address. */
struct hdl_vip_key {
	struct hdl_addr address; /* ClusterIP or other service address, e.g. ::ffff:10.96.0.10 */
	__be16 port;             /* service port, e.g. htons(80) */
	__u8 protocol;           /* IPPROTO_TCP */
	__u8 padding[5];         /* 0 */
};

/* What decides about a service port (promise P5). */
enum hdl_label {
	HDL_LABEL_NONE = 0,    /* tombstone: the address is no service any more */
	HDL_LABEL_L4 = 1,      /* endpoint chosen at connect() */
	HDL_LABEL_REQUEST = 2, /* handed to the proxy */
};

enum hdl_fail_mode {
	HDL_FAIL_OPEN = 0,   /* without a live worker: balance at layer 4 on the route below */
	HDL_FAIL_CLOSED = 1, /* without a live worker: refuse at once */
};

struct hdl_service_version {
	__u64 epoch;            /* counts from this epoch on; 0 = empty */
	struct hdl_vip_key key; /* re-check after the look-up in `vip` */
	__u32 route_offset;     /* first row in `route` */
	__u16 route_count;      /* rows; 0 = no rule applies (refused, NR) */
	__u8 label;             /* enum hdl_label */
	__u8 fail_mode;         /* enum hdl_fail_mode */
	__u32 service_port; /* id of the (service, port) in the daemon's tables, for explanations; same for all its addresses */
	__u32 padding[5];
};

/* Value of map `service`, by id. */
struct hdl_service {
	struct hdl_service_version version[2];
};

/*
 * Map `route`: one weighted destination. Rows of one route are adjacent and immutable. The first row whose threshold
 * is above a 32-bit draw wins; the last is 2^32, so that a weight of 0 never wins and 100 % always does.
 */
struct hdl_route_row {
	__u64 threshold; /* floor(2^32 * sum of weights up to here / sum of all) */
	__u32 cluster;   /* id in `cluster`, or HDL_CLUSTER_NONE */
	__u32 padding;
};

enum hdl_policy {
	HDL_POLICY_LEAST_REQUEST = 0, /* fewer active of two drawn at random (specification C.1) */
	HDL_POLICY_ROUND_ROBIN = 1,   /* strict per node */
	HDL_POLICY_RANDOM = 2,
	HDL_POLICY_MAGLEV = 3,      /* by hash; without a hash: random */
	HDL_POLICY_PASSTHROUGH = 4, /* the address that was dialled */
};

enum hdl_hash_input {
	HDL_HASH_NONE = 0,
	HDL_HASH_SOURCE_IP = 1, /* the only one that layer 4 knows */
	HDL_HASH_REQUEST = 2,   /* header, cookie or query parameter: proxy only */
};

/* Value of map `slot`: 16 endpoint ids; the elements together are one flat array of u32. */
struct hdl_slots {
	__u32 endpoint[HDL_SLOTS_PER_ELEMENT];
};

/* A run of u32 in map `slot`: element index = offset / 16, position = offset % 16. */
struct hdl_range {
	__u32 offset;
	__u32 count;
};

struct hdl_cluster_version {
	__u64 epoch;
	__u64 name_hash;                       /* XXH64, seed 0, of "outbound|9080|v1|reviews.demo.svc.cluster.local" */
	struct hdl_range member[HDL_FAMILIES]; /* endpoint ids that have an address of the family */
	struct hdl_range table[HDL_FAMILIES];  /* Maglev table of endpoint ids; count 0 = none */
	__u32 endpoint_count;                  /* endpoints of both families, each pod once */
	__u8 policy;                           /* enum hdl_policy */
	__u8 hash_input;                       /* enum hdl_hash_input */
	__u8 min_health_percent;               /* panic threshold, 0..100 (specification C.4) */
	__u8 max_ejection_percent;             /* 0..100 (specification C.7) */
	__u32 padding[2];
};

/* Value of map `cluster`, by id: one subset of one service port. */
struct hdl_cluster {
	struct hdl_cluster_version version[2];
};

/* Map `balance`, by cluster id, mmapable: what changes with every pick. Updated with atomics by kernel and daemon. */
struct hdl_balance {
	__u64 turn;    /* ROUND_ROBIN: picks so far */
	__u32 ejected; /* endpoints ejected now: the budget of maxEjectionPercent, reserved before an ejection */
	__u32 padding0;
	__u64 padding[6];
};

/* Value of map `endpoint`, by id, mmapable. Immutable from publication to the grace period after removal. */
struct hdl_endpoint {
	struct hdl_addr address[HDL_FAMILIES]; /* zero = none of that family */
	__be16 port;                           /* target port */
	__u16 weight;                          /* 1 for Kubernetes endpoints */
	__u32 generation;                      /* of this use of the id; never 0 while in use */
	__u32 cluster;                         /* id of the cluster that it belongs to */
	__u32 workload;                        /* id of the pod in the daemon's tables; 0 = unknown */
	__u32 padding[4];
};

/*
 * Value of map `health`, by endpoint id, mmapable: one record for both families of one pod in one cluster, fed by
 * sockops and by the proxy (specification C.7). A writer acts only while `generation` is the one it holds; on removal
 * the daemon stores generation 0 first, and zeroes the rest for reuse only after a grace period.
 */
struct hdl_health {
	__u32 generation;
	__u32 active;           /* open layer-4 connections plus requests in flight */
	__u64 ejected_until_ns; /* CLOCK_MONOTONIC; not chosen while now is earlier; 0 = not ejected */
	__u32 consecutive_5xx;
	__u32 consecutive_gateway;
	__u32 consecutive_local_origin;
	__u32 ejection_multiplier; /* m of specification C.7 */
	__u64 returned_ns;         /* when the last ejection ended; 0 = never ejected */
	__u32 ejections;           /* since the endpoint appeared */
	__u32 connect_failures;    /* layer-4 connects that the kernel saw fail */
	__u32 connects;            /* layer-4 connects that were established */
	__u32 padding[3];
};

#endif
