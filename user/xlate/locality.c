/* SPDX-License-Identifier: Apache-2.0 */
/* Priorities by locality and labels, and shares of localities, as Istio computes them (specification C.4). */
#include "xlate/locality.h"

#include <string.h>

/* The next part of "a/b/c"; *at moves behind it. A part that is missing is empty. */
static size_t part(const char **at, const char **ret)
{
	size_t n = strcspn(*at, "/");

	*ret = *at;
	*at += n + ((*at)[n] == '/');
	return n;
}

static bool part_matches(const char **at, const char *value, bool *ret_rest)
{
	const char *text;
	size_t n = part(at, &text);

	*ret_rest = n == 0 || (n == 1 && text[0] == '*');
	return *ret_rest || (strlen(value) == n && memcmp(text, value, n) == 0);
}

bool hdl_xl_locality_matches(const struct hdl_ir_locality *locality, const char *pattern)
{
	const char *values[] = { locality->region, locality->zone, locality->subzone };
	bool rest = false;

	for (size_t i = 0; i < 3 && !rest; i++)
		if (!part_matches(&pattern, values[i], &rest))
			return false;
	return true;
}

bool hdl_xl_locality_equal(const struct hdl_ir_locality *a, const struct hdl_ir_locality *b)
{
	return strcmp(a->region, b->region) == 0 && strcmp(a->zone, b->zone) == 0 &&
	       strcmp(a->subzone, b->subzone) == 0;
}

uint32_t hdl_xl_failover_rank(const struct hdl_ir_locality *client, const struct hdl_ir_locality *endpoint,
			      const struct hdl_dr_failover *failover, size_t n)
{
	if (strcmp(client->region, endpoint->region) == 0) {
		if (strcmp(client->zone, endpoint->zone) != 0)
			return 2;
		return strcmp(client->subzone, endpoint->subzone) != 0;
	}
	for (size_t i = 0; i < n; i++)
		if (failover[i].from.s && strcmp(failover[i].from.s, client->region) == 0)
			return failover[i].to.s && strcmp(failover[i].to.s, endpoint->region) == 0 ? 3 : 4;
	return 3;
}

static const char *label_of(const struct hdl_ir_labels *labels, const char *key, size_t n)
{
	for (size_t i = 0; labels && i < labels->n; i++)
		if (strlen(labels->v[i].key) == n && memcmp(labels->v[i].key, key, n) == 0)
			return labels->v[i].value;
	return "";
}

static bool is_key(const char *key, size_t n, const char *what)
{
	return strlen(what) == n && memcmp(key, what, n) == 0;
}

/* Where something is, are labels of it too. An absent label is as an empty one. */
static const char *value_of(const struct hdl_xl_place *place, const char *key, size_t n)
{
	if (is_key(key, n, "topology.kubernetes.io/region"))
		return place->locality.region;
	if (is_key(key, n, "topology.kubernetes.io/zone"))
		return place->locality.zone;
	if (is_key(key, n, "topology.istio.io/subzone"))
		return place->locality.subzone;
	if (is_key(key, n, "kubernetes.io/hostname"))
		return place->node;
	return label_of(place->labels, key, n);
}

uint32_t hdl_xl_label_rank(const struct hdl_xl_place *client, const struct hdl_xl_place *endpoint,
			   const struct hdl_text *labels, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *label = labels[i].s, *equals = strchr(label, '=');
		size_t key = equals ? (size_t)(equals - label) : strlen(label);
		const char *wanted = equals ? equals + 1 : value_of(client, label, key);

		if (strcmp(value_of(endpoint, label, key), wanted) != 0)
			return (uint32_t)(n - i);
	}
	return 0;
}

void hdl_xl_compact_ranks(uint32_t *rank, size_t n)
{
	uint32_t next = 0;

	/* those below `next` are done: the least of the others is what comes next */
	for (;; next++) {
		uint32_t least = UINT32_MAX;

		for (size_t i = 0; i < n; i++)
			if (rank[i] >= next && rank[i] < least)
				least = rank[i];
		if (least == UINT32_MAX)
			return;
		for (size_t i = 0; i < n; i++)
			if (rank[i] == least)
				rank[i] = next;
	}
}

size_t hdl_xl_distribute_entry(const struct hdl_dr_distribute *rule, const struct hdl_ir_locality *endpoint)
{
	for (size_t i = 0; i < rule->to.n; i++)
		if (hdl_xl_locality_matches(endpoint, rule->to.at[i].key))
			return i;
	return SIZE_MAX;
}

const struct hdl_dr_distribute *hdl_xl_distribute_rule(const struct hdl_dr_distribute *rules, size_t n,
						       const struct hdl_ir_locality *client)
{
	for (size_t i = 0; i < n; i++)
		if (rules[i].from.s && hdl_xl_locality_matches(client, rules[i].from.s))
			return &rules[i];
	return NULL;
}

uint32_t hdl_xl_distribute_share(uint32_t entry_weight, uint64_t locality_weight, uint64_t total_weight)
{
	return total_weight ? (uint32_t)((entry_weight * locality_weight + total_weight - 1) / total_weight) : 0;
}
