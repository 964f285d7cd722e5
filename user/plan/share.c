/* SPDX-License-Identifier: Apache-2.0 */
/* Exact shares of traffic that go elsewhere: weighted splits, hash tables and rings. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/addr.h"
#include "lb/maglev.h"
#include "lb/ring.h"
#include "plan/priv.h"

static uint64_t gcd(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

struct hdl_preview_share hdl_preview_share_reduced(uint64_t part, uint64_t whole)
{
	uint64_t by = gcd(part, whole);

	return by ? (struct hdl_preview_share){ part / by, whole / by } : (struct hdl_preview_share){ 0, 1 };
}

static uint64_t total_of(const struct hdl_ir_destination *d, size_t n)
{
	uint64_t total = 0;

	for (size_t i = 0; i < n; i++)
		total += d[i].weight;
	return total;
}

/* A cluster may be named twice. A split of nothing but zeros is shared evenly. */
static uint64_t weight_of(const struct hdl_ir_destination *d, size_t n, const char *name, bool even)
{
	uint64_t weight = 0;

	for (size_t i = 0; i < n; i++)
		if (strcmp(d[i].cluster_name, name) == 0)
			weight += even ? 1 : d[i].weight;
	return weight;
}

/* What a cluster loses, over all clusters: the sum of max(0, before - after), both as shares of 1. */
struct hdl_preview_share hdl_preview_share_of(const struct hdl_ir_destination *before, size_t before_n,
					      const struct hdl_ir_destination *after, size_t after_n)
{
	uint64_t before_total = total_of(before, before_n), after_total = total_of(after, after_n), lost = 0;
	bool before_even = before_total == 0, after_even = after_total == 0;

	if (!before_n && !after_n)
		return (struct hdl_preview_share){ 0, 1 };
	if (!before_n || !after_n)
		return (struct hdl_preview_share){ 1, 1 };
	if (before_even)
		before_total = before_n;
	if (after_even)
		after_total = after_n;
	for (size_t i = 0; i < before_n; i++) {
		const char *name = before[i].cluster_name;
		uint64_t was, is;
		bool seen = false;

		for (size_t k = 0; k < i && !seen; k++)
			seen = strcmp(before[k].cluster_name, name) == 0;
		if (seen)
			continue;
		/* totals are below 2^32: no overflow */
		was = weight_of(before, before_n, name, before_even) * after_total;
		is = weight_of(after, after_n, name, after_even) * before_total;
		lost += was > is ? was - is : 0;
	}
	return hdl_preview_share_reduced(lost, before_total * after_total);
}

/* ---- hash tables ---- */

/* Table or ring of a cluster for a family, as the maps and the proxy have it: owners by their texts. */
struct table {
	const char **key;
	uint32_t *weight, *slot;
	struct hdl_ring_entry *ring; /* NULL: Maglev */
	uint32_t ring_count;
	size_t n;
};

static int table_keys(struct hdl_arena *arena, const struct hdl_ir_cluster *cluster, int family, struct table *ret)
{
	char text[HDL_ADDR_PORT_TEXT_MAX];

	ret->key = hdl_arena_calloc(arena, cluster->endpoint_count + 1, sizeof(const char *));
	ret->weight = hdl_arena_calloc(arena, cluster->endpoint_count + 1, sizeof(*ret->weight));
	if (!ret->key || !ret->weight)
		return -ENOMEM;
	for (size_t i = 0; i < cluster->endpoint_count; i++) {
		const struct hdl_ir_endpoint *e = &cluster->endpoints[i];

		if (e->status != HDL_IR_HEALTHY || e->standby || hdl_addr_is_zero(&e->address[family]))
			continue;
		hdl_addr_port_print(&e->address[family], e->port, text);
		ret->key[ret->n] = hdl_arena_strdup(arena, text);
		if (!ret->key[ret->n])
			return -ENOMEM;
		ret->weight[ret->n++] = e->weight ? e->weight : 1;
	}
	return 0;
}

struct place {
	const char *key;
	size_t at;
};

static int by_key(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	int r = strcmp(x->key, y->key);

	return r ? r : x->at < y->at ? -1 : 1;
}

/* An endpoint that is there twice counts once, where it is first. */
static int drop_doubles(struct hdl_arena *arena, struct table *table)
{
	struct place *place = hdl_arena_calloc(arena, table->n + 1, sizeof(*place));
	size_t kept = 0;

	if (!place)
		return -ENOMEM;
	for (size_t i = 0; i < table->n; i++)
		place[i] = (struct place){ table->key[i], i };
	if (table->n)
		qsort(place, table->n, sizeof(*place), by_key);
	for (size_t i = 1; i < table->n; i++)
		if (strcmp(place[i - 1].key, place[i].key) == 0)
			table->key[place[i].at] = NULL;
	for (size_t i = 0; i < table->n; i++) {
		if (!table->key[i])
			continue;
		table->key[kept] = table->key[i];
		table->weight[kept++] = table->weight[i];
	}
	table->n = kept;
	return 0;
}

static int make_ring(struct hdl_arena *arena, uint32_t minimum, struct table *table)
{
	table->ring = hdl_arena_calloc(arena, hdl_ring_room(table->weight, table->n, minimum, HDL_RING_MAX),
				       sizeof(*table->ring));
	if (!table->ring)
		return -ENOMEM;
	return hdl_ring_build(table->key, table->weight, table->n, minimum, HDL_RING_MAX, table->ring,
			      &table->ring_count);
}

static int make_table(struct hdl_arena *arena, const struct hdl_ir_cluster *cluster, int family, struct table *ret)
{
	int r;

	*ret = (struct table){ 0 };
	r = table_keys(arena, cluster, family, ret);
	if (r < 0)
		return r;
	r = drop_doubles(arena, ret);
	if (r < 0 || ret->n == 0)
		return r;
	if (cluster->policy == HDL_POLICY_RING_HASH)
		return make_ring(arena, cluster->table_size, ret);
	ret->slot = hdl_arena_calloc(arena, cluster->table_size, sizeof(*ret->slot));
	if (!ret->slot)
		return -ENOMEM;
	return hdl_maglev_build(ret->key, ret->weight, ret->n, cluster->table_size, ret->slot);
}

static bool same_keys(const struct table *a, const struct table *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (a->weight[i] != b->weight[i] || strcmp(a->key[i], b->key[i]) != 0)
			return false;
	return true;
}

static struct hdl_preview_share slots_moved(const struct table *a, const struct table *b, uint32_t size)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < size; i++)
		count += strcmp(a->key[a->slot[i]], b->key[b->slot[i]]) != 0;
	return hdl_preview_share_reduced(count, size);
}

/* Of the 2^64 hashes, those whose next entry is another's; told to 2^-32, and never 0 when it is not. */
static struct hdl_preview_share arcs_moved(const struct table *a, const struct table *b)
{
	uint64_t from = 0, to, part;
	uint32_t i = 0, k = 0;
	__uint128_t moved = 0;

	do {
		const struct hdl_ring_entry *x = &a->ring[i < a->ring_count ? i : 0];
		const struct hdl_ring_entry *y = &b->ring[k < b->ring_count ? k : 0];

		to = UINT64_MAX;
		if (i < a->ring_count)
			to = x->hash;
		if (k < b->ring_count && y->hash < to)
			to = y->hash;
		if (strcmp(a->key[x->endpoint], b->key[y->endpoint]) != 0 && to >= from)
			moved += (__uint128_t)(to - from) + 1;
		i += i < a->ring_count && x->hash == to;
		k += k < b->ring_count && y->hash == to;
		from = to + 1;
	} while (i < a->ring_count || k < b->ring_count || from != 0);
	part = (uint64_t)(moved >> 32);
	return hdl_preview_share_reduced(moved && !part ? 1 : part, 1ull << 32);
}

static int compare_tables(struct hdl_preview *preview, struct hdl_arena *arena, const struct hdl_ir_cluster *before,
			  const struct hdl_ir_cluster *after, int family)
{
	struct hdl_preview_share moved = { 1, 1 };
	struct hdl_preview_hash *row;
	bool same_kind = before->policy == after->policy;
	struct table a, b;
	int r = make_table(arena, before, family, &a);

	if (r == 0)
		r = make_table(arena, after, family, &b);
	if (r < 0 || (!a.n && !b.n) || (same_kind && before->table_size == after->table_size && same_keys(&a, &b)))
		return r;
	if (a.ring && b.ring)
		moved = arcs_moved(&a, &b);
	else if (same_kind && before->table_size == after->table_size && a.n && b.n)
		moved = slots_moved(&a, &b, before->table_size);
	row = hdl_preview_row(preview, (void **)&preview->hash, &preview->hash_count, sizeof(*row), &r);
	if (row)
		*row = (struct hdl_preview_hash){ before, after, family, moved };
	return r;
}

static bool by_hash(const struct hdl_ir_cluster *cluster)
{
	return (cluster->policy == HDL_POLICY_MAGLEV || cluster->policy == HDL_POLICY_RING_HASH) && cluster->table_size;
}

int hdl_preview_hashes(struct hdl_preview *preview, const struct hdl_preview_sides *sides)
{
	const struct hdl_snapshot *before = sides->before.snapshot, *after = sides->after.snapshot;
	struct hdl_arena *arena = hdl_arena_new(0);
	int r = arena ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < after->cluster_count; i++) {
		const struct hdl_ir_cluster *b = after->clusters[i], *a;

		if (!by_hash(b))
			continue;
		a = hdl_snapshot_find_cluster(before, b->name);
		if (!a || a == b || !by_hash(a))
			continue;
		for (int family = 0; r == 0 && family < HDL_FAMILIES; family++) {
			hdl_arena_reset(arena);
			r = compare_tables(preview, arena, a, b, family);
		}
	}
	hdl_arena_free(arena);
	return r;
}
