/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Records of the ring buffer `events`: single things that happened in the kernel, for people to read. */
#ifndef HDL_ABI_EVENT_H
#define HDL_ABI_EVENT_H

#include <linux/types.h>
#include "heddle/abi_addr.h"

/* Raised when a field changes its meaning; new fields come at the end and are told by `bytes`. */
#define HDL_EVENT_VERSION 1

/* X(number, NAME, label, sentence) */
#define HDL_EVENTS(X)                                                                                 \
	X(1, VERDICT, "verdict", "what was decided about a connection or datagram")                   \
	X(2, CONNECT_FAILED, "connect_failed", "the kernel reported that an endpoint did not answer") \
	X(3, TIMEOUT, "timeout", "segments to an endpoint stay unanswered")                           \
	X(4, EJECTED, "ejected", "outlier detection took an endpoint out")                            \
	X(5, EJECTION_OVERFLOW, "ejection_overflow", "not taken out, because of maxEjectionPercent")

/* clang-format off */
enum hdl_event_kind {
#define HDL_EVENT_ENUM(number, name, label, sentence) HDL_EVENT_##name = number,
	HDL_EVENTS(HDL_EVENT_ENUM)
#undef HDL_EVENT_ENUM
	HDL_EVENT_KINDS = 6 /* one more than the last */
};
/* clang-format on */

/* Fields that are not known are 0. */
struct hdl_event {
	__u16 version;                    /* HDL_EVENT_VERSION */
	__u16 bytes;                      /* of this record */
	__u8 kind;                        /* enum hdl_event_kind */
	__u8 verdict;                     /* enum hdl_verdict */
	__u8 protocol;                    /* IPPROTO_TCP or IPPROTO_UDP */
	__u8 sampled;                     /* 1 = one of state.event_sample; 0 = every one of its kind is told */
	__u64 time_ns;                    /* CLOCK_MONOTONIC */
	__u64 epoch;                      /* that decided */
	__u64 cookie;                     /* network namespace of the client */
	__u64 until_ns;                   /* EJECTED: end of the ejection, CLOCK_MONOTONIC */
	__u32 workload;                   /* client, id in the daemon's tables */
	__u32 pid;                        /* process of the client; only where it is the one that runs */
	__u32 uid;                        /* of the client */
	__s32 error;                      /* errno of the kernel, positive */
	__u32 service;                    /* id in `service` */
	__u32 cluster;                    /* id in `cluster` */
	__u32 endpoint;                   /* id in `endpoint` */
	__u32 generation;                 /* of the endpoint */
	struct hdl_addr address;          /* what was dialled */
	struct hdl_addr endpoint_address; /* where it went */
	__be16 port;
	__be16 endpoint_port;
	__u32 attempts; /* TIMEOUT: time-outs in a row, this one included */
};

#endif
