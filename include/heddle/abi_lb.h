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
	__u32 flags;       /* enum hdl_state_flags: what programs need to look at, on any epoch in use */
	__u16 node_port_first,
		node_port_last; /* host order; all NodePorts in use are within; last 0 = there are none */
	__u32 event_sample;     /* 1 of so many verdicts without error becomes an event; 0 = none */
	__u32 renewing;         /* 1 = hooks still count in the maps that these replace (dp/renew.h) */
	__u32 padding1;
	/* Own cache line: stored ten times a second, while the line above is read on every connect. */
	__u64 heartbeat_ns; /* CLOCK_MONOTONIC of the last sign of life; 0 = no daemon */
	__u64 prefixes[2]; /* bit n: some key of `vip` has prefix n; as flags, looked at when a client would be refused */
	__u64 padding2[5];
	__be16 listener_port[HDL_WORKERS_MAX][HDL_FAMILIES]; /* of worker w on 127.0.0.1 and ::1; 0 = none */
};

/*
 * Hints that spare programs a look-up: set before the flip that first needs them, cleared after the grace period of the
 * one that no longer does.
 */
enum hdl_state_flags {
	HDL_STATE_REGISTRY_ONLY = 1, /* some client may not go to addresses that no service has (`client`) */
	HDL_STATE_CLASSES = 2,       /* some client is of a class other than 0 */
	HDL_STATE_REDIRECT = 4, /* NodeConfig acceleration.redirect: peer; packets may go straight into local pods */
};

/* Key of map `vip`: a service address, for clients of one class. */
struct hdl_vip_key {
	/*
	 * ClusterIP or other service address, e.g. ::ffff:10.96.0.10; zero = NodePort; hdl_addr_every() = the port is known
	 * at whatever address (label DIRECT): asked before a client with REGISTRY_ONLY is refused.
	 */
	struct hdl_addr address;
	__be16 port;    /* service port, e.g. htons(80), or NodePort */
	__u8 protocol;  /* IPPROTO_TCP or IPPROTO_UDP */
	__u8 prefix;    /* label DIRECT: all addresses that begin with so many bits of this one; 0 = this one alone */
	__u32 class_id; /* 0 = what most see; others are looked up when that has HDL_SERVICE_CLASSES */
};

/* What decides about a service port (promise P5). */
enum hdl_label {
	HDL_LABEL_NONE = 0,    /* tombstone: the address is no service any more */
	HDL_LABEL_L4 = 1,      /* endpoint chosen at connect() */
	HDL_LABEL_REQUEST = 2, /* handed to the proxy */
	/* Known, and left as it is: a member of a headless service, or an address of a ServiceEntry with resolution NONE. */
	HDL_LABEL_DIRECT = 3,
};

enum hdl_service_flags {
	HDL_SERVICE_CLASSES = 1,        /* clients of some classes have a record of their own for this address */
	HDL_SERVICE_INTERNAL_LOCAL = 2, /* internalTrafficPolicy: Local */
	HDL_SERVICE_EXTERNAL = 4,       /* NodePort, LoadBalancer address or externalIP: the edge serves it too */
	HDL_SERVICE_EXTERNAL_LOCAL = 8, /* externalTrafficPolicy: Local: the edge keeps the client's address */
	/*
	 * With label NONE: clients of the class (class 0: those without one of their own here) see nothing at the address.
	 * Without it label NONE is a tombstone: of a class, the record of class 0 counts.
	 */
	HDL_SERVICE_HIDDEN = 16,
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
	__u32 flags;              /* enum hdl_service_flags */
	__u32 affinity_timeout_s; /* sessionAffinity ClientIP: a client keeps its endpoint so long after its last connection */
	__u32 only_cluster; /* of the only row of the route, for picks to leave that out; 0 = look there */
	__u32 padding[2];
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
	HDL_POLICY_RING_HASH = 5,   /* by hash on a ring; without a hash: random */
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

enum hdl_cluster_flags {
	HDL_CLUSTER_OUTLIER = 1,     /* outlierDetection is set */
	HDL_CLUSTER_SPLIT_LOCAL = 2, /* splitExternalLocalOriginErrors */
	HDL_CLUSTER_SHARES = 4,      /* groups are localities with a share each; otherwise priorities */
};

/* The first cache line is all that a plain pick reads: without groups, hash, panic threshold and warm-up. */
struct hdl_cluster_version {
	__u64 epoch;
	struct hdl_range member[HDL_FAMILIES]; /* endpoint ids that have an address of the family, each once */
	struct hdl_range turns[HDL_FAMILIES]; /* the same with weights: each as often as its weight; count 0 = member */
	struct hdl_range group;               /* rows in `group`; count 0 = all endpoints are alike */
	__u32 max_connections;                /* open at a time on this node (specification C.5); 0 = unlimited */
	__u32 generation;                     /* of this use of the id; balance.generation is the same */
	__u8 policy;                          /* enum hdl_policy */
	__u8 hash_input;                      /* enum hdl_hash_input */
	__u8 min_health_percent;              /* panic threshold, 0..100 (specification C.4) */
	__u8 flags;                           /* enum hdl_cluster_flags */
	__u32 warmup_ms;                      /* window of specification C.2; 0 = none */

	__u64 name_hash;                      /* XXH64, seed 0, of "outbound|9080|v1|reviews.demo.svc.cluster.local" */
	struct hdl_range table[HDL_FAMILIES]; /* Maglev table in `slot`, or entries in `ring`; count 0 = none */
	struct hdl_range edge[HDL_FAMILIES]; /* Maglev table of those that serve connections from outside of the node */
	__u32 endpoint_count;                /* of both families and any state of health, each pod once (N of C.7) */
	__u32 healthy_count;   /* of endpoint_count, the ones that are healthy by discovery: they have ids */
	__u32 consecutive_5xx; /* thresholds of specification C.7; 0 = off */
	__u32 consecutive_gateway;
	__u32 consecutive_local_origin;
	__u32 interval_ms, base_ejection_ms;
	__u32 warmup_aggression; /* 16.16 fixed point */
	__u32 connect_timeout_ms;
	__u8 max_ejection_percent; /* 0..100 (specification C.7) */
	__u8 warmup_min_percent;
	__u16 padding0;
	__u32 padding[12];
};

/*
 * Map `group`: endpoints of one priority, or of one locality with a share of its own (specification C.4). Rows of one
 * cluster are adjacent and immutable but for `turn`, in the order of their priority.
 */
struct hdl_group {
	struct hdl_range member[HDL_FAMILIES]; /* within the cluster's member range */
	struct hdl_range turns[HDL_FAMILIES];  /* as in the cluster; count 0 = member */
	struct hdl_range table[HDL_FAMILIES];  /* Maglev table in `slot`, or entries in `ring`; count 0 = none */
	__u32 priority;
	__u32 weight;         /* share of the locality; 0: the priority is one group */
	__u32 endpoint_count; /* of both families and any state of health */
	__u32 healthy_count;  /* of those, the ones that are healthy by discovery */
	/* Own cache line: changed by picks, while the line above is read by all of them. */
	__u64 turn; /* ROUND_ROBIN: picks in this group so far */
	__u64 padding[7];
};

/* Map `ring`: entries of a ring are adjacent, in the order of their hashes (specification C.3). */
struct hdl_ring_entry {
	__u64 hash;
	__u32 endpoint;
	__u32 padding;
};

/* Value of map `cluster`, by id: one subset of one service port. */
struct hdl_cluster {
	struct hdl_cluster_version version[2];
};

/* Map `balance`, by cluster id, mmapable: what changes with every pick. Updated with atomics by kernel and daemon. */
struct hdl_balance {
	__u64 turn;        /* ROUND_ROBIN: picks so far */
	__u32 ejected;     /* endpoints ejected now: the budget of maxEjectionPercent, reserved before an ejection */
	__u32 generation;  /* of the cluster that has the id; a socket of another gives nothing back */
	__u32 connections; /* open layer-4 connections, reserved before they are made (max_connections) */
	__u32 connections_overflow; /* refused because of max_connections */
	__u32 ejections_overflow;   /* not ejected because of max_ejection_percent */
	__u32 ejections;            /* endpoints ejected, all told */
	__u32 connect_failures;     /* layer-4 connects that the kernel saw fail */
	__u32 timeouts;             /* retransmission timeouts of layer-4 connections, those of SYNs included */
	__u32 retransmits;          /* segments of layer-4 connections that were sent again */
	__u32 padding0;
	__u64 padding[2];
};

/* Value of map `endpoint`, by id, mmapable. Immutable from publication to the grace period after removal. */
struct hdl_endpoint {
	struct hdl_addr address[HDL_FAMILIES]; /* zero = none of that family */
	__be16 port;                           /* target port */
	__u16 weight;                          /* 1 for Kubernetes endpoints */
	__u32 generation;                      /* of this use of the id; never 0 while in use */
	__u32 cluster;                         /* id of the cluster that it belongs to */
	__u32 workload;                        /* id of the pod in the daemon's tables; 0 = unknown */
	__u64 added_ns;                        /* CLOCK_MONOTONIC of its publication, for warm-up */
	__u32 flags;                           /* enum hdl_endpoint_flags */
	__u32 padding;
};

enum hdl_endpoint_flags {
	HDL_ENDPOINT_LOCAL = 1, /* on this node */
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
	__u64 returned_ns;         /* end of the last ejection, moved on with each step down of m; 0 = never ejected */
	__u32 ejections;           /* since the endpoint appeared */
	__u32 connect_failures;    /* layer-4 connects that the kernel saw fail */
	__u32 connects;            /* layer-4 connects that were established */
	__u32 retransmits;         /* segments sent again to it */
	__u32 rtt_us;              /* smoothed round trip time, of the last connections that told; 0 = unknown */
	__u32 timeouts;            /* retransmission timeouts, those of SYNs included */
};

#endif
