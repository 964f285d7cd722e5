/* SPDX-License-Identifier: Apache-2.0 */
/* External addresses of services, at which the edge drops what no service port is for. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "dp/edge.h"

struct hdl_edge_addresses {
	struct hdl_addr *at; /* sorted, each once */
	size_t n;
};

static int by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct hdl_addr));
}

static bool has(const struct hdl_edge_addresses *list, const struct hdl_addr *address)
{
	return list && list->n && bsearch(address, list->at, list->n, sizeof(*address), by_bytes);
}

static struct hdl_edge_addresses *collect(const struct hdl_snapshot *snapshot)
{
	struct hdl_edge_addresses *list = calloc(1, sizeof(*list));
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < snapshot->service_count; i++)
		n += snapshot->services[i]->external_address_count;
	if (list)
		list->at = calloc(n + 1, sizeof(*list->at));
	if (!list || !list->at)
		return hdl_edge_addresses_free(list);
	for (size_t i = 0; i < snapshot->service_count; i++)
		for (size_t k = 0; k < snapshot->services[i]->external_address_count; k++)
			list->at[list->n++] = snapshot->services[i]->external_addresses[k];
	qsort(list->at, list->n, sizeof(*list->at), by_bytes);
	for (size_t i = 0; i < list->n; i++)
		if (kept == 0 || by_bytes(&list->at[kept - 1], &list->at[i]) != 0)
			list->at[kept++] = list->at[i];
	list->n = kept;
	return list;
}

/* What the map holds from before this process. */
static struct hdl_edge_addresses *read_map(int fd)
{
	struct hdl_edge_addresses *list = calloc(1, sizeof(*list));
	struct hdl_addr key;

	if (!list)
		return NULL;
	for (bool more = bpf_map_get_next_key(fd, NULL, &key) == 0; more;
	     more = bpf_map_get_next_key(fd, &key, &key) == 0) {
		struct hdl_addr *at = reallocarray(list->at, list->n + 1, sizeof(*at));

		if (!at)
			return hdl_edge_addresses_free(list);
		list->at = at;
		list->at[list->n++] = key;
	}
	if (list->n)
		qsort(list->at, list->n, sizeof(*list->at), by_bytes);
	return list;
}

static int write_changes(int fd, const struct hdl_edge_addresses *before, const struct hdl_edge_addresses *after)
{
	uint32_t one = 1;
	int r = 0;

	for (size_t i = 0; i < before->n; i++)
		if (!has(after, &before->at[i]))
			(void)bpf_map_delete_elem(fd, &before->at[i]);
	for (size_t i = 0; i < after->n; i++)
		if (!has(before, &after->at[i]) && bpf_map_update_elem(fd, &after->at[i], &one, BPF_ANY) != 0)
			r = -errno;
	return r;
}

int hdl_edge_addresses_sync(int edge_address_fd, const struct hdl_snapshot *snapshot, struct hdl_edge_addresses **io,
			    struct hdl_err *err)
{
	struct hdl_edge_addresses *before = *io ? *io : read_map(edge_address_fd), *after = collect(snapshot);
	int r = -ENOMEM;

	*io = before;
	if (!before || !after) {
		hdl_edge_addresses_free(after);
		return hdl_err_set(err, r, "out of memory");
	}
	r = write_changes(edge_address_fd, before, after);
	hdl_edge_addresses_free(before);
	*io = after;
	return r < 0 ? hdl_err_set(err, r,
				   "map edge_address: %s: packets to some external addresses that no service port is "
				   "for go to the stack",
				   strerror(-r)) :
		       0;
}

struct hdl_edge_addresses *hdl_edge_addresses_free(struct hdl_edge_addresses *addresses)
{
	if (addresses)
		free(addresses->at);
	free(addresses);
	return NULL;
}
