/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Keys and values of the maps of the short cut between two sockets of this node. */
#ifndef HDL_ABI_SHORTCUT_H
#define HDL_ABI_SHORTCUT_H

#include <linux/types.h>
#include "heddle/abi_addr.h"

/* Key of map `shortcut`: one end of a connection, as it sees itself. */
struct hdl_shortcut_key {
	__u64 netns_cookie; /* the same addresses may be in use in two namespaces at once */
	struct hdl_addr local, remote;
	__be16 local_port, remote_port;
	__u32 padding; /* 0 */
};

/* Value of map `shortcut_way`: how what this socket sends gets to the other end. */
enum hdl_shortcut_way {
	HDL_SHORTCUT_UNDECIDED, /* nothing was sent yet */
	HDL_SHORTCUT_TAKEN,
	HDL_SHORTCUT_TCP, /* for good: what came back to the short cut could overtake */
};

/* Bytes that may wait for a reader before its sender goes over to TCP, which makes it wait. One message may exceed it. */
#define HDL_SHORTCUT_QUEUE_BYTES (256u << 10)

#endif
