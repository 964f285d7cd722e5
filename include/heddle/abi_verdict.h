/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Every outcome of a decision in the kernel, once. The number is the index of the `verdict` counters and is never
 * reused; the label is the metric label; the flag is the access-log flag (specification E.1).
 */
#ifndef HDL_ABI_VERDICT_H
#define HDL_ABI_VERDICT_H

/* X(number, NAME, label, flag, sentence) */
#define HDL_VERDICTS(X)                                                                                         \
	X(0, PASS, "pass", "-", "not a service address, or policy PASSTHROUGH: left as it was")                 \
	X(1, BALANCED, "balanced", "-", "decided at layer 4: an endpoint was chosen")                           \
	X(2, PUNTED, "punted", "-", "handed to a worker by tc: the service port needs requests")                \
	X(3, PUNTED_HOST, "punted_host", "-", "connect of a host process led to a worker")                      \
	X(4, FAILED_OPEN, "failed_open", "-", "no live worker, fail mode open: balanced on the default route")  \
	X(5, FAILED_CLOSED, "failed_closed", "UH", "no live worker, fail mode closed: refused")                 \
	X(6, NO_CLUSTER, "no_cluster", "NC", "the route names a host or subset that does not exist: refused")   \
	X(7, NO_HEALTHY, "no_healthy", "UH", "no endpoint, or all of them ejected: refused")                    \
	X(8, NO_FAMILY, "no_family", "UH", "the cluster has endpoints, none of the family of the connection")   \
	X(9, EXEMPT, "exempt", "-", "socket of the daemon itself: left as it was")                              \
	X(10, STALE_RECORD, "stale_record", "-", "identity check failed on a reused id: looked up again")       \
	X(11, NO_STORAGE, "no_storage", "-", "socket storage could not be allocated: refused")                  \
	X(12, NO_LISTENER, "no_listener", "UH", "packet of a punted flow found no listener: dropped")           \
	X(13, CONNECT_FAILED, "connect_failed", "UF", "the kernel reported that an endpoint did not answer")    \
	X(14, ORIGIN_FULL, "origin_full", "-", "original destination could not be recorded: connection closed") \
	X(15, NO_PUNT_PATH, "no_punt_path", "-", "client's interface has no tc program: fail mode applied")     \
	X(16, TRAFFIC_FULL, "traffic_full", "-", "no room in the traffic map: bytes not counted")               \
	X(17, NO_ROUTE, "no_route", "NR", "the service has no rule for this connection: refused")               \
	X(18, EVENT_LOST, "event_lost", "-", "no room in the ring of events: one was not told")                 \
	X(19, OVERFLOW, "overflow", "UO", "maxConnections of the cluster are open: refused")                    \
	X(20, REGISTRY_ONLY, "registry_only", "UH", "the client may go to services only, this is none: EPERM")  \
	X(21, DIRECT, "direct", "-", "address of a headless service or an external host: left as it was")       \
	X(22, EDGE, "edge", "-", "from outside, to a NodePort or external address: led to an endpoint")         \
	X(23, EDGE_STRAY, "edge_stray", "-", "from outside, to a port that no service has here: dropped")       \
	X(24, EDGE_RATE, "edge_rate", "-", "from outside, one SYN too many of its source: dropped")             \
	X(25, EDGE_FULL, "edge_full", "-", "from outside, no source port or no room for its records: dropped")  \
	X(26, SHORTCUT, "shortcut", "-", "socket whose messages began to go straight to the other end's")       \
	X(27, SHORTCUT_BYTES, "shortcut_bytes", "-", "bytes that did")                                          \
	X(28, SHORTCUT_LEFT, "shortcut_left", "-", "such a socket went over to TCP: too much was not read yet") \
	X(29, COUNTS_FULL, "counts_full", "-", "no room to count an outcome by service")

/* clang-format off */
enum hdl_verdict {
#define HDL_VERDICT_ENUM(number, name, label, flag, sentence) HDL_VERDICT_##name = number,
	HDL_VERDICTS(HDL_VERDICT_ENUM)
#undef HDL_VERDICT_ENUM
	HDL_VERDICT_COUNT = 30
};
/* clang-format on */

#endif
