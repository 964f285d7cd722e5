/* SPDX-License-Identifier: Apache-2.0 */
/* Maps `interface` and `local_pod` after a scan: only what differs is written. */
#include "dp/podmaps.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "heddle/abi_flow.h"
#include "heddle/abi_lb.h"

struct interface {
	uint32_t ifindex;
	uint64_t cookie;
};

static int by_ifindex(const void *a, const void *b)
{
	const struct interface *ia = a, *ib = b;

	return ia->ifindex < ib->ifindex ? -1 : ia->ifindex > ib->ifindex;
}

static int by_address(const void *a, const void *b)
{
	const struct hdl_local_pod *pa = a, *pb = b;

	return memcmp(&pa->address, &pb->address, sizeof(pa->address));
}

/* Writes the value under the key if another is there, or none. */
static int put(int fd, const void *key, const void *value, void *present, size_t size)
{
	if (bpf_map_lookup_elem(fd, key, present) == 0 && memcmp(present, value, size) == 0)
		return 0;
	return bpf_map_update_elem(fd, key, value, BPF_ANY) == 0 ? 0 : -errno;
}

/* Deletes the keys that is_wanted() does not know. */
static void prune(int fd, void *key, void *next, size_t size, bool (*is_wanted)(const void *key, const void *data),
		  const void *data)
{
	bool more = bpf_map_get_next_key(fd, NULL, next) == 0;

	while (more) {
		memcpy(key, next, size);
		more = bpf_map_get_next_key(fd, key, next) == 0;
		if (!is_wanted(key, data))
			(void)bpf_map_delete_elem(fd, key);
	}
}

struct interfaces {
	struct interface *at;
	size_t n;
};

static bool is_interface(const void *key, const void *data)
{
	const struct interfaces *wanted = data;
	struct interface want = { .cookie = 0 };

	memcpy(&want.ifindex, key, sizeof(want.ifindex));
	return wanted->n && bsearch(&want, wanted->at, wanted->n, sizeof(want), by_ifindex);
}

static int sync_interfaces(int fd, const struct hdl_pod *list, size_t n)
{
	struct interfaces wanted = { .at = calloc(n * HDL_POD_INTERFACES_MAX + 1, sizeof(*wanted.at)) };
	uint32_t key, next;
	uint64_t present;
	int r = 0;

	if (!wanted.at)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		for (uint32_t k = 0; k < list[i].ifindex_count; k++)
			wanted.at[wanted.n++] = (struct interface){ (uint32_t)list[i].ifindex[k], list[i].cookie };
	qsort(wanted.at, wanted.n, sizeof(*wanted.at), by_ifindex);
	prune(fd, &key, &next, sizeof(key), is_interface, &wanted);
	for (size_t i = 0; i < wanted.n; i++) {
		int failed = put(fd, &wanted.at[i].ifindex, &wanted.at[i].cookie, &present, sizeof(present));

		r = failed ? failed : r;
	}
	free(wanted.at);
	return r;
}

struct locals {
	struct hdl_local_pod *at;
	size_t n;
};

static bool is_local(const void *key, const void *data)
{
	const struct locals *wanted = data;
	struct hdl_local_pod want = { .ifindex = 0 };

	memcpy(&want.address, key, sizeof(want.address));
	return wanted->n && bsearch(&want, wanted->at, wanted->n, sizeof(want), by_address);
}

/* A pod with one pair, on which its addresses are. With several it is not known which one an address is on. */
static void add_local(struct locals *to, const struct hdl_pod *pod)
{
	const struct hdl_pod_link *link = &pod->link[0];

	if (pod->host || pod->ifindex_count != 1 || !link->plain || link->mtu == 0)
		return;
	for (uint32_t i = 0; i < pod->address_count; i++) {
		struct hdl_local_pod *local = &to->at[to->n++];

		*local = (struct hdl_local_pod){
			.address = pod->address[i],
			.ifindex = (uint32_t)link->ifindex,
			.mtu = link->mtu,
			.flags = HDL_LOCAL_POD_PACKETS,
		};
		memcpy(local->pod_mac, link->pod_mac, sizeof(local->pod_mac));
		memcpy(local->host_mac, link->host_mac, sizeof(local->host_mac));
	}
}

/* An address that two namespaces have is nobody's: which one is meant, routing knows. */
static void drop_doubles(struct locals *list)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->n;) {
		size_t end = i + 1;

		while (end < list->n && by_address(&list->at[i], &list->at[end]) == 0)
			end++;
		if (end == i + 1)
			list->at[kept++] = list->at[i];
		i = end;
	}
	list->n = kept;
}

static int sync_locals(int fd, const struct hdl_pod *list, size_t n)
{
	struct locals wanted = { .at = calloc(n * HDL_POD_ADDRESSES_MAX + 1, sizeof(*wanted.at)) };
	struct hdl_local_pod present;
	struct hdl_addr key, next;
	int r = 0;

	if (!wanted.at)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		add_local(&wanted, &list[i]);
	qsort(wanted.at, wanted.n, sizeof(*wanted.at), by_address);
	drop_doubles(&wanted);
	prune(fd, &key, &next, sizeof(key), is_local, &wanted);
	for (size_t i = 0; i < wanted.n; i++) {
		int failed = put(fd, &wanted.at[i].address, &wanted.at[i], &present, sizeof(present));

		r = failed ? failed : r;
	}
	free(wanted.at);
	return r;
}

int hdl_podmaps_sync(const struct hdl_dp_maps *maps, struct hdl_state *state, const struct hdl_pod *list, size_t n,
		     bool redirect, struct hdl_err *err)
{
	int r = sync_interfaces(maps->interface_fd, list, n), failed;

	if (!redirect)
		__atomic_fetch_and(&state->flags, ~(__u32)HDL_STATE_REDIRECT, __ATOMIC_RELEASE);
	failed = sync_locals(maps->local_pod_fd, list, redirect ? n : 0);
	if (redirect)
		__atomic_fetch_or(&state->flags, (__u32)HDL_STATE_REDIRECT, __ATOMIC_RELEASE);
	if (r < 0)
		return hdl_err_set(err, r, "map interface: %s", strerror(-r));
	return failed < 0 ? hdl_err_set(err, failed, "map local_pod: %s", strerror(-failed)) : 0;
}
