/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network namespaces of the node: cookie, addresses, and the host side of their veth pairs. The keeper enters each one
 * for a moment (setns) and keeps no descriptor of it, so that a namespace dies when its pod does. Not thread-safe:
 * the calling thread changes its network namespace during a scan.
 */
#ifndef HDL_DP_PODS_H
#define HDL_DP_PODS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "heddle/abi_addr.h"

#define HDL_PODS_MAX 4096        /* namespaces looked at; more are counted, not entered */
#define HDL_POD_ADDRESSES_MAX 64 /* per namespace, half of each family; loopback and link-local ones are left out */
#define HDL_POD_INTERFACES_MAX 8

/* A veth pair between host and namespace. */
struct hdl_pod_link {
	int ifindex;      /* host side */
	int peer_ifindex; /* in the namespace */
	uint32_t mtu;
	uint8_t host_mac[6], pod_mac[6];
	bool plain; /* its addresses are on it, not on something above it: a packet for them may be put into it */
};

struct hdl_pod {
	uint64_t cookie; /* SO_NETNS_COOKIE: never used twice while the machine runs */
	uint64_t inode;
	bool host; /* the namespace in which the keeper runs */
	/* It may send what no socket under the cgroup does: a process is outside of that, or it has a tap device (a VM). */
	bool unseen;
	uint32_t address_count, ifindex_count;
	struct hdl_addr address[HDL_POD_ADDRESSES_MAX];
	int ifindex[HDL_POD_INTERFACES_MAX]; /* host side of its veth pairs */
	struct hdl_pod_link link[HDL_POD_INTERFACES_MAX];
};

struct hdl_pods;

/* The monitor listens in the namespace of the caller, which is taken for the host's. */
int hdl_pods_new(struct hdl_pods **ret, struct hdl_err *err);
struct hdl_pods *hdl_pods_free(struct hdl_pods *pods); /* accepts NULL, returns NULL */

/* The cgroup to which the hooks are attached, below the root of cgroup2 ("/a/b"); NULL: the root, which sees all. */
int hdl_pods_cgroup(struct hdl_pods *pods, const char *path);

int hdl_pods_fd(const struct hdl_pods *pods); /* readable: links changed, call hdl_pods_read() */
/* Drains the monitor. True: something changed, scan (a few milliseconds later, so that a burst costs one scan). */
bool hdl_pods_read(struct hdl_pods *pods);

/*
 * Looks at all namespaces of /run/netns and /proc. What is known by its cookie is not dumped again unless it has no
 * address or no interface yet, links changed since, or `again` is set (addresses may change at any time: do that now
 * and then). Returns 1 when the list differs from before, 0 when not, negative errno when nothing could be looked at.
 */
int hdl_pods_scan(struct hdl_pods *pods, bool again, struct hdl_err *err);
/* Result of the last scan, sorted by cookie; valid until the next. */
const struct hdl_pod *hdl_pods_list(const struct hdl_pods *pods, size_t *ret_count);
uint64_t hdl_pods_left_out(const struct hdl_pods *pods); /* namespaces over a limit or not to be entered */
uint64_t hdl_pods_host_cookie(const struct hdl_pods *pods);

/* Interfaces of this namespace whose names match one of the patterns (fnmatch). *ret is malloc'd; free() it. */
int hdl_pods_match_interfaces(const char *const *patterns, size_t n, int **ret_ifindex, size_t *ret_count);

#endif
