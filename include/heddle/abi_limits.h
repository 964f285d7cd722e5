/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Numbers that both sides of the ABI must agree on. */
#ifndef HDL_ABI_LIMITS_H
#define HDL_ABI_LIMITS_H

/* Raised by every incompatible change of a map's key or value; checked at adoption. */
#define HDL_ABI_VERSION 2

/* Listener array in the state record and index space of the `listener` sockmap. */
#define HDL_WORKERS_MAX 64

/* Weighted destinations of one route; more is refused with the object named. */
#define HDL_ROUTE_DESTINATIONS_MAX 64

/* u32 slots packed into one element of the `slot` array: an array element of 4 bytes would cost 8. */
#define HDL_SLOTS_PER_ELEMENT 16

/* Bytes of the ring `events`: a power of two. What comes faster than the daemon reads is counted as lost. */
#define HDL_EVENT_RING_BYTES 1048576

/* Groups (priorities or localities) of one cluster; more is refused with the object named. */
#define HDL_GROUPS_MAX 64

/* Entries of one hash ring, Envoy's maximum. */
#define HDL_RING_MAX 8388608

/* Endpoints of one cluster: bounds every scan of the decision core. */
#define HDL_CLUSTER_ENDPOINTS_MAX 65536

/*
 * A worker whose heartbeat is older is taken for dead. The keeper restarts a dead worker within a second and new
 * connections wait in the listener's queue meanwhile; only a worker that hangs or does not come back gets this far.
 */
#define HDL_HEARTBEAT_STALE_NS 3000000000ull

/* `ejected_until_ns` of an endpoint that an operator took out: it returns by `endpoint restore` only. */
#define HDL_EJECTED_BY_HAND (~0ull)

/* Destination that names no known cluster (specification A.8, flag NC). */
#define HDL_CLUSTER_NONE 0xffffffffu

/* No endpoint. Ids of services, clusters, endpoints and workloads start at 1: 0 is never a valid id. */
#define HDL_ENDPOINT_NONE 0u

#endif
