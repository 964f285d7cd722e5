/* SPDX-License-Identifier: Apache-2.0 */
/* Builds Maglev tables: hosts take turns, in proportion to their weights, at placing themselves by their permutation. */
#include "lb/maglev.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define FREE_SLOT UINT32_MAX

struct host {
	const char *key;
	uint32_t index; /* in the caller's array */
	uint32_t weight;
	uint32_t at, skip; /* next slot to try; step of the permutation */
	uint64_t target;   /* in units of weight: this host's turn comes when iteration * weight reaches it */
};

static bool is_prime(uint32_t n)
{
	if (n < 4)
		return n >= 2;
	if (n % 2 == 0)
		return false;
	for (uint64_t d = 3; d * d <= n; d += 2)
		if (n % d == 0)
			return false;
	return true;
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct host *)a)->key, ((const struct host *)b)->key);
}

static struct host *hosts_new(const char *const *keys, const uint32_t *weights, size_t n, uint32_t table_size)
{
	struct host *hosts = calloc(n, sizeof(*hosts));

	if (!hosts)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		size_t length = strlen(keys[i]);

		hosts[i].key = keys[i];
		hosts[i].index = (uint32_t)i;
		hosts[i].weight = weights ? weights[i] : 1;
		hosts[i].at = (uint32_t)(hdl_hash64(keys[i], length, 0) % table_size);
		hosts[i].skip = (uint32_t)(hdl_hash64(keys[i], length, 1) % (table_size - 1)) + 1;
	}
	qsort(hosts, n, sizeof(*hosts), by_key);
	return hosts;
}

static void place(struct host *host, uint32_t *table, uint32_t table_size)
{
	while (table[host->at] != FREE_SLOT)
		host->at = (uint32_t)(((uint64_t)host->at + host->skip) % table_size);
	table[host->at] = host->index;
	host->at = (uint32_t)(((uint64_t)host->at + host->skip) % table_size);
}

int hdl_maglev_build(const char *const *keys, const uint32_t *weights, size_t n, uint32_t table_size,
		     uint32_t *ret_table)
{
	uint32_t max_weight = 1, placed = 0;
	struct host *hosts;

	if (n == 0 || n >= FREE_SLOT || !is_prime(table_size))
		return -EINVAL;
	for (size_t i = 0; weights && i < n; i++) {
		if (weights[i] == 0)
			return -EINVAL;
		if (weights[i] > max_weight)
			max_weight = weights[i];
	}
	hosts = hosts_new(keys, weights, n, table_size);
	if (!hosts)
		return -ENOMEM;
	memset(ret_table, 0xff, (size_t)table_size * sizeof(*ret_table));
	/* Weights as integers instead of Envoy's shares of 1: the same comparisons without rounding. */
	for (uint64_t iteration = 1; placed < table_size; iteration++) {
		for (size_t i = 0; i < n && placed < table_size; i++) {
			if (iteration * hosts[i].weight < hosts[i].target)
				continue;
			hosts[i].target += max_weight;
			place(&hosts[i], ret_table, table_size);
			placed++;
		}
	}
	free(hosts);
	return 0;
}
