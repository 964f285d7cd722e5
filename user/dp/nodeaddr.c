/* SPDX-License-Identifier: Apache-2.0 */
/* Compares the addresses of the interfaces with the map, and writes the difference. */
#include "dp/nodeaddr.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "heddle/abi_addr.h"

struct list {
	struct hdl_addr *at;
	size_t n, max;
};

static int add(struct list *list, const struct hdl_addr *address)
{
	if (list->n == list->max) {
		size_t max = list->max ? 2 * list->max : 32;
		struct hdl_addr *more = reallocarray(list->at, max, sizeof(*more));

		if (!more)
			return -ENOMEM;
		list->at = more;
		list->max = max;
	}
	list->at[list->n++] = *address;
	return 0;
}

static bool address_of(const struct ifaddrs *entry, struct hdl_addr *ret)
{
	if (!entry->ifa_addr)
		return false;
	if (entry->ifa_addr->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)entry->ifa_addr;
		uint32_t host = ntohl(in->sin_addr.s_addr);

		*ret = hdl_addr_from_v4(in->sin_addr.s_addr);
		return host != 0 && host >> 24 != 127 && host >> 16 != 0xa9fe;
	}
	if (entry->ifa_addr->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in = (const void *)entry->ifa_addr;

		memcpy(ret, &in->sin6_addr, sizeof(*ret));
		return !IN6_IS_ADDR_LOOPBACK(&in->sin6_addr) && !IN6_IS_ADDR_LINKLOCAL(&in->sin6_addr) &&
		       !IN6_IS_ADDR_UNSPECIFIED(&in->sin6_addr);
	}
	return false;
}

static int by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct hdl_addr));
}

static int read_interfaces(struct list *ret)
{
	struct ifaddrs *all;
	struct hdl_addr address;
	int r = 0;

	if (getifaddrs(&all) != 0)
		return -errno;
	for (const struct ifaddrs *i = all; r == 0 && i; i = i->ifa_next)
		if (address_of(i, &address))
			r = add(ret, &address);
	freeifaddrs(all);
	if (ret->n)
		qsort(ret->at, ret->n, sizeof(*ret->at), by_bytes);
	return r;
}

static int remove_stale(int map_fd, const struct list *wanted)
{
	struct list stale = { .at = NULL };
	struct hdl_addr key;
	int r = 0, changed = 0;

	for (bool more = bpf_map_get_next_key(map_fd, NULL, &key) == 0; more && r == 0;
	     more = bpf_map_get_next_key(map_fd, &key, &key) == 0)
		if (!wanted->n || !bsearch(&key, wanted->at, wanted->n, sizeof(key), by_bytes))
			r = add(&stale, &key);
	for (size_t i = 0; i < stale.n; i++)
		changed += bpf_map_delete_elem(map_fd, &stale.at[i]) == 0;
	free(stale.at);
	return r < 0 ? r : changed;
}

static int add_missing(int map_fd, const struct list *wanted)
{
	uint32_t value = 1, found;
	int changed = 0;

	for (size_t i = 0; i < wanted->n; i++) {
		if (bpf_map_lookup_elem(map_fd, &wanted->at[i], &found) == 0)
			continue;
		if (bpf_map_update_elem(map_fd, &wanted->at[i], &value, BPF_ANY) != 0)
			return -errno;
		changed++;
	}
	return changed;
}

int hdl_nodeaddr_sync(int map_fd, struct hdl_err *err)
{
	struct list wanted = { .at = NULL };
	int r = read_interfaces(&wanted), removed = 0;

	if (r == 0)
		r = removed = remove_stale(map_fd, &wanted);
	if (r >= 0)
		r = add_missing(map_fd, &wanted);
	free(wanted.at);
	if (r == -E2BIG)
		return hdl_err_set(
			err, r, "map node_address is full: NodePorts are not served at some of the node's addresses");
	return r < 0 ? hdl_err_set(err, r, "addresses of the node: %s", strerror(-r)) : r + removed;
}
