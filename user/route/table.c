/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host to virtual host (specification A.1): a hash of the exact domains, and one of the suffixes of the wildcards. The
 * hashes lead to numbers of virtual hosts and are shared by tables with the same domains; each table has its own array
 * of virtual hosts by number, in which the domains are read.
 */
#include "route/table.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/diff.h"
#include "base/hash.h"
#include "heddle/core/subset.h"

/* Domain names have at most 253 bytes and a final dot; of a longer Host only the end can match a wildcard. */
#define HOST_BYTES_MAX 512
#define NONE UINT32_MAX

struct entry {
	uint32_t hash;
	uint32_t vhost;  /* number, plus 1; 0 = empty */
	uint32_t domain; /* of the virtual host */
};

struct hash {
	struct entry *slot;
	uint32_t mask, used;
};

struct index {
	atomic_uint references; /* tables */
	uint64_t seed;          /* a client chooses the Host */
	struct hash exact, suffix;
	uint16_t lengths[HOST_BYTES_MAX]; /* of the suffixes, longest first, each once */
	size_t length_count;
	uint32_t with_length[HOST_BYTES_MAX + 1];
	uint32_t any;     /* number of the virtual host of "*", or NONE */
	bool has_doubles; /* a domain of a later virtual host was left out: what goes may bring it in */
};

struct hdl_route_table {
	struct index *index;
	const struct hdl_ir_vhost **vhost; /* by number; NULL = free */
	uint32_t count;
};

/* --- domains ------------------------------------------------------------------------------------------------------- */

/* What of a domain is looked up: wildcards without the star. Of "*" nothing is left. */
static struct hdl_str key_of(const char *domain)
{
	return hdl_str_of(domain[0] == '*' ? domain + 1 : domain);
}

static bool is_used(const char *domain)
{
	size_t n = strlen(domain);

	return n > 0 && n <= HOST_BYTES_MAX;
}

/* Without any it is never found, and has no number. */
static bool has_domains(const struct hdl_ir_vhost *vhost)
{
	for (size_t d = 0; d < vhost->domain_count; d++)
		if (is_used(vhost->domains[d]))
			return true;
	return false;
}

static struct hash *hash_of(struct index *index, const char *domain)
{
	return domain[0] == '*' ? &index->suffix : &index->exact;
}

static uint32_t hash_text(const struct index *index, struct hdl_str text)
{
	return (uint32_t)hdl_hash64(text.p, text.n, index->seed);
}

static bool is_key(const char *domain, struct hdl_str key)
{
	const char *text = domain[0] == '*' ? domain + 1 : domain;

	return hdl_str_eq(hdl_str_of(text), key);
}

/* The place of the key, or the empty one where it belongs. */
static struct entry *find(const struct hdl_route_table *table, const struct hash *hash, struct hdl_str key,
			  uint32_t value)
{
	uint32_t at = value & hash->mask;

	for (;; at = (at + 1) & hash->mask) {
		struct entry *e = &hash->slot[at];

		if (!e->vhost || (e->hash == value && is_key(table->vhost[e->vhost - 1]->domains[e->domain], key)))
			return e;
	}
}

static const struct hdl_ir_vhost *look_up(const struct hdl_route_table *table, const struct hash *hash,
					  struct hdl_str key)
{
	const struct entry *e = find(table, hash, key, hash_text(table->index, key));

	return e->vhost ? table->vhost[e->vhost - 1] : NULL;
}

static void count_length(struct index *index, size_t length, bool more)
{
	index->with_length[length] += more ? 1u : UINT32_MAX;
}

static void list_lengths(struct index *index)
{
	index->length_count = 0;
	for (size_t n = HOST_BYTES_MAX; n > 0; n--)
		if (index->with_length[n])
			index->lengths[index->length_count++] = (uint16_t)n;
}

/* The first virtual host that has a domain keeps it. 0, or -ENOSPC: the hash is as full as it may be. */
static int add_domain(struct hdl_route_table *table, uint32_t number, size_t d)
{
	const char *domain = table->vhost[number]->domains[d];
	struct index *index = table->index;
	struct hdl_str key = key_of(domain);
	uint32_t value = hash_text(index, key);
	struct hash *hash = hash_of(index, domain);
	struct entry *e;

	if (!is_used(domain))
		return 0;
	if (domain[0] == '*' && key.n == 0) {
		index->has_doubles |= index->any != NONE;
		index->any = index->any == NONE ? number : index->any;
		return 0;
	}
	e = find(table, hash, key, value);
	if (e->vhost) {
		index->has_doubles |= e->vhost != number + 1;
		return 0;
	}
	if (hash->used > hash->mask / 2)
		return -ENOSPC;
	*e = (struct entry){ .hash = value, .vhost = number + 1, .domain = (uint32_t)d };
	hash->used++;
	if (domain[0] == '*')
		count_length(index, key.n, true);
	return 0;
}

/* Closes the gap, so that probing needs no marks of what was there. */
static void remove_entry(struct hash *hash, struct entry *entry)
{
	uint32_t hole = (uint32_t)(entry - hash->slot);

	for (uint32_t i = (hole + 1) & hash->mask; hash->slot[i].vhost; i = (i + 1) & hash->mask) {
		/* it may move into the hole unless its home lies behind the hole */
		if (((i - hash->slot[i].hash) & hash->mask) >= ((i - hole) & hash->mask)) {
			hash->slot[hole] = hash->slot[i];
			hole = i;
		}
	}
	hash->slot[hole] = (struct entry){ .vhost = 0 };
	hash->used--;
}

static void remove_domain(struct hdl_route_table *table, uint32_t number, const char *domain)
{
	struct index *index = table->index;
	struct hdl_str key = key_of(domain);
	struct hash *hash = hash_of(index, domain);
	struct entry *e;

	if (!is_used(domain))
		return;
	if (domain[0] == '*' && key.n == 0) {
		if (index->any == number)
			index->any = NONE;
		return;
	}
	e = find(table, hash, key, hash_text(index, key));
	if (e->vhost != number + 1) /* listed twice: gone already */
		return;
	remove_entry(hash, e);
	if (domain[0] == '*')
		count_length(index, key.n, false);
}

/* --- tables of their own ------------------------------------------------------------------------------------------- */

static int hash_init(struct hash *hash, size_t n)
{
	size_t size = 8;

	/* some more than the double, for those that come */
	while (size < n * 2 + n / 4)
		size *= 2;
	hash->slot = calloc(size, sizeof(*hash->slot));
	hash->mask = (uint32_t)(size - 1);
	return hash->slot ? 0 : -ENOMEM;
}

static void index_unref(struct index *index)
{
	if (!index || atomic_fetch_sub_explicit(&index->references, 1, memory_order_acq_rel) != 1)
		return;
	free(index->exact.slot);
	free(index->suffix.slot);
	free(index);
}

static struct index *index_new(size_t exact, size_t wildcards)
{
	struct index *index = calloc(1, sizeof(*index));

	if (!index)
		return NULL;
	atomic_init(&index->references, 1);
	index->seed = hdl_hash_process_seed();
	index->any = NONE;
	if (hash_init(&index->exact, exact) < 0 || hash_init(&index->suffix, wildcards) < 0) {
		index_unref(index);
		return NULL;
	}
	return index;
}

static struct hdl_route_table *table_new(size_t capacity)
{
	struct hdl_route_table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->vhost = calloc(capacity + 1, sizeof(*table->vhost));
	if (table->vhost)
		return table;
	free(table);
	return NULL;
}

struct hdl_route_table *hdl_route_table_new(const struct hdl_ir_route_config *config)
{
	struct hdl_route_table *table = table_new(config->vhost_count);
	size_t exact = 0, wildcards = 0;

	if (!table)
		return NULL;
	for (size_t i = 0; i < config->vhost_count; i++)
		for (size_t d = 0; d < config->vhosts[i]->domain_count; d++)
			*(config->vhosts[i]->domains[d][0] == '*' ? &wildcards : &exact) += 1;
	table->index = index_new(exact, wildcards);
	if (!table->index) {
		hdl_route_table_free(table);
		return NULL;
	}
	for (size_t i = 0; i < config->vhost_count; i++) {
		uint32_t number = table->count;

		if (!has_domains(config->vhosts[i]))
			continue;
		table->vhost[table->count++] = config->vhosts[i];
		for (size_t d = 0; d < config->vhosts[i]->domain_count; d++)
			add_domain(table, number, d); /* there is room */
	}
	list_lengths(table->index);
	return table;
}

void hdl_route_table_free(struct hdl_route_table *table)
{
	if (!table)
		return;
	index_unref(table->index);
	free((void *)table->vhost);
	free(table);
}

/* --- tables derived of others -------------------------------------------------------------------------------------- */

/* The number of a virtual host, known by any of its domains; NONE when it has none. */
static uint32_t number_of(const struct hdl_route_table *table, const struct hdl_ir_vhost *vhost)
{
	for (size_t d = 0; d < vhost->domain_count; d++) {
		const char *domain = vhost->domains[d];
		struct hdl_str key = key_of(domain);
		const struct entry *e;

		if (!is_used(domain))
			continue;
		if (domain[0] == '*' && key.n == 0)
			return table->index->any;
		e = find(table, hash_of(table->index, domain), key, hash_text(table->index, key));
		return e->vhost ? e->vhost - 1 : NONE;
	}
	return NONE;
}

static bool same_domains(const struct hdl_ir_vhost *a, const struct hdl_ir_vhost *b)
{
	if (a->domain_count != b->domain_count)
		return false;
	for (size_t d = 0; d < a->domain_count; d++)
		if (strcmp(a->domains[d], b->domains[d]) != 0)
			return false;
	return true;
}

static struct entry *copy_slots(const struct hash *hash)
{
	struct entry *slot = calloc((size_t)hash->mask + 1, sizeof(*slot));

	if (slot)
		memcpy(slot, hash->slot, ((size_t)hash->mask + 1) * sizeof(*slot));
	return slot;
}

/* An index of the table's own, to be changed. */
static int own_index(struct hdl_route_table *table)
{
	struct index *copy = malloc(sizeof(*copy));

	if (!copy)
		return -ENOMEM;
	memcpy(copy, table->index, sizeof(*copy));
	atomic_init(&copy->references, 1);
	copy->exact.slot = copy_slots(&table->index->exact);
	copy->suffix.slot = copy_slots(&table->index->suffix);
	if (!copy->exact.slot || !copy->suffix.slot) {
		index_unref(copy);
		return -ENOMEM;
	}
	index_unref(table->index);
	table->index = copy;
	return 0;
}

/* A table that takes the place of another, with the changes to be carried out. */
struct derivation {
	const struct hdl_route_table *before;
	struct hdl_route_table *table;
	struct hdl_diff diff;
	size_t gone, came; /* left in diff, after those with the same domains */
};

/*
 * Who comes with the domains of one who goes gets the number: nothing else is to be done for both. What is left stays in
 * the lists. A virtual host that only moved is in both, and so among these.
 */
static void replace_same(struct derivation *d)
{
	for (size_t i = 0; i < d->diff.gone_count; i++) {
		uint32_t number = number_of(d->before, d->diff.gone[i]);

		if (number != NONE)
			d->table->vhost[number] = NULL; /* may be taken */
	}
	for (size_t i = 0; i < d->diff.came_count; i++) {
		const struct hdl_ir_vhost *vhost = d->diff.came[i];
		uint32_t number = number_of(d->before, vhost);

		if (number != NONE && !d->table->vhost[number] && same_domains(d->before->vhost[number], vhost))
			d->table->vhost[number] = vhost;
		else
			d->diff.came[d->came++] = d->diff.came[i];
	}
	for (size_t i = 0; i < d->diff.gone_count; i++) {
		uint32_t number = number_of(d->before, d->diff.gone[i]);

		if (number != NONE && !d->table->vhost[number])
			d->diff.gone[d->gone++] = d->diff.gone[i];
	}
}

static uint32_t free_number(struct hdl_route_table *table, uint32_t *from)
{
	for (; *from < table->count; ++*from)
		if (!table->vhost[*from])
			return *from;
	return table->count++;
}

/* 0; -EAGAIN: it is to be made anew, since the order of virtual hosts counts or there is no room; -ENOMEM. */
static int change_domains(struct derivation *d)
{
	struct hdl_route_table *table = d->table;
	uint32_t from = 0;

	if (own_index(table) < 0)
		return -ENOMEM;
	/* probing compares domains of all that is still in the hash */
	for (size_t i = 0; i < d->gone; i++)
		table->vhost[number_of(d->before, d->diff.gone[i])] = d->diff.gone[i];
	for (size_t i = 0; i < d->gone; i++) {
		const struct hdl_ir_vhost *vhost = d->diff.gone[i];
		uint32_t number = number_of(d->before, vhost);

		for (size_t k = 0; k < vhost->domain_count; k++)
			remove_domain(table, number, vhost->domains[k]);
	}
	for (size_t i = 0; i < d->gone; i++)
		table->vhost[number_of(d->before, d->diff.gone[i])] = NULL;
	for (size_t i = 0; i < d->came; i++) {
		const struct hdl_ir_vhost *vhost = d->diff.came[i];
		uint32_t number;

		if (!has_domains(vhost))
			continue;
		number = free_number(table, &from);
		table->vhost[number] = vhost;
		for (size_t k = 0; k < vhost->domain_count; k++)
			if (add_domain(table, number, k) < 0)
				return -EAGAIN;
	}
	list_lengths(table->index);
	return table->index->has_doubles ? -EAGAIN : 0;
}

/* 0, -EAGAIN or -ENOMEM. */
static int derive(struct derivation *d, struct hdl_arena *arena, const struct hdl_ir_route_config *config,
		  const struct hdl_ir_route_config *before)
{
	if (hdl_diff_make(arena, (void *const *)before->vhosts, before->vhost_count, (void *const *)config->vhosts,
			  config->vhost_count, &d->diff) < 0)
		return -ENOMEM;
	/* with doubles, or with much to change, it is as well made anew */
	if (d->before->index->has_doubles ||
	    (d->diff.gone_count + d->diff.came_count) > 16 + (before->vhost_count + config->vhost_count) / 4)
		return -EAGAIN;
	d->table = table_new((size_t)d->before->count + d->diff.came_count);
	if (!d->table)
		return -ENOMEM;
	memcpy((void *)d->table->vhost, d->before->vhost, d->before->count * sizeof(*d->table->vhost));
	d->table->count = d->before->count;
	d->table->index = d->before->index;
	atomic_fetch_add_explicit(&d->table->index->references, 1, memory_order_relaxed);
	replace_same(d);
	return d->gone || d->came ? change_domains(d) : 0;
}

struct hdl_route_table *hdl_route_table_next(const struct hdl_ir_route_config *config,
					     const struct hdl_ir_route_config *before)
{
	struct derivation d = { .before = before->table };
	struct hdl_arena *arena = hdl_arena_new(0);
	int r = arena ? derive(&d, arena, config, before) : -ENOMEM;

	hdl_arena_free(arena);
	if (r == 0)
		return d.table;
	hdl_route_table_free(d.table);
	return r == -EAGAIN ? hdl_route_table_new(config) : NULL;
}

/* --- snapshots ----------------------------------------------------------------------------------------------------- */

static const struct hdl_ir_route_config *find_config(const struct hdl_snapshot *snapshot,
						     const struct hdl_ir_route_config *like)
{
	if (!like->gateway)
		return hdl_snapshot_route_config(snapshot, like->port);
	/* those of gateways come last */
	for (size_t i = snapshot->route_config_count; i > 0 && snapshot->route_configs[i - 1]->gateway; i--)
		if (strcmp(snapshot->route_configs[i - 1]->name, like->name) == 0)
			return snapshot->route_configs[i - 1];
	return NULL;
}

static void free_table(void *table)
{
	hdl_route_table_free(table);
}

static int compile(struct hdl_snapshot *snapshot, struct hdl_ir_route_config *config,
		   const struct hdl_ir_route_config *former)
{
	struct hdl_route_table *table;

	if (config->table) /* shared with older snapshots */
		return 0;
	table = former && former->table ? hdl_route_table_next(config, former) : hdl_route_table_new(config);
	if (!table)
		return -ENOMEM;
	if (snapshot->shared) /* whoever frees the configuration frees the table */
		config->free_table = hdl_route_table_free;
	else if (hdl_snapshot_own(snapshot, table, free_table) < 0)
		return -ENOMEM;
	config->table = table;
	return 0;
}

static const struct hdl_ir_view *former_view(const struct hdl_snapshot *before, const struct hdl_ir_view *like)
{
	for (size_t i = 0; before && i < before->view_count; i++)
		if (strcmp(before->views[i]->ns, like->ns) == 0 && strcmp(before->views[i]->name, like->name) == 0)
			return before->views[i];
	return NULL;
}

static int compile_view(struct hdl_snapshot *snapshot, const struct hdl_snapshot *before,
			const struct hdl_ir_view *view)
{
	const struct hdl_ir_view *former = NULL;

	for (size_t i = 0; i < view->route_config_count; i++) {
		struct hdl_ir_route_config *config = view->route_configs[i];

		if (config->table)
			continue;
		former = former ? former : former_view(before, view);
		if (compile(snapshot, config, hdl_ir_view_route_config(former, config->port)) < 0)
			return -ENOMEM;
	}
	return 0;
}

int hdl_route_compile_next(struct hdl_snapshot *snapshot, const struct hdl_snapshot *before)
{
	for (size_t i = 0; i < snapshot->route_config_count; i++) {
		struct hdl_ir_route_config *config = snapshot->route_configs[i];

		if (!config->table && compile(snapshot, config, before ? find_config(before, config) : NULL) < 0)
			return -ENOMEM;
	}
	for (size_t i = 0; i < snapshot->view_count; i++)
		if (compile_view(snapshot, before, snapshot->views[i]) < 0)
			return -ENOMEM;
	return 0;
}

int hdl_route_compile(struct hdl_snapshot *snapshot)
{
	return hdl_route_compile_next(snapshot, NULL);
}

/* --- look-up ------------------------------------------------------------------------------------------------------- */

/* As Envoy cuts it: from the last colon on, unless that is inside the brackets of an IPv6 address. */
static struct hdl_str without_port(struct hdl_str host)
{
	for (size_t i = host.n; i > 0 && host.p[i - 1] != ']'; i--)
		if (host.p[i - 1] == ':')
			return (struct hdl_str){ host.p, i - 1 };
	return host;
}

static void to_lower(char *to, const char *from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = from[i] >= 'A' && from[i] <= 'Z' ? (char)(from[i] + ('a' - 'A')) : from[i];
}

/* By the longest suffix; ret_length is that, and grows. */
static const struct hdl_ir_vhost *find_suffix(const struct hdl_route_table *table, struct hdl_str name, size_t host_n,
					      size_t *ret_length)
{
	const struct index *index = table->index;

	for (size_t i = 0; i < index->length_count && index->lengths[i] > *ret_length; i++) {
		size_t n = index->lengths[i];
		const struct hdl_ir_vhost *vhost;

		if (n >= host_n || n > name.n) /* the star stands for at least one character */
			continue;
		vhost = look_up(table, &index->suffix, (struct hdl_str){ name.p + name.n - n, n });
		if (vhost) {
			*ret_length = n;
			return vhost;
		}
	}
	return NULL;
}

const struct hdl_ir_vhost *hdl_route_find_vhost_in(const struct hdl_route_table *const *tables, size_t n,
						   struct hdl_str host)
{
	const struct hdl_ir_vhost *vhost = NULL;
	char buf[HOST_BYTES_MAX];
	size_t length = 0;
	struct hdl_str name;
	bool cut;

	host = without_port(host);
	cut = host.n > sizeof(buf);
	name = (struct hdl_str){ buf, cut ? sizeof(buf) : host.n };
	to_lower(buf, host.p + (host.n - name.n), name.n);
	for (size_t i = 0; !vhost && !cut && name.n && i < n; i++)
		vhost = look_up(tables[i], &tables[i]->index->exact, name);
	if (vhost)
		return vhost;
	for (size_t i = 0; i < n; i++) {
		const struct hdl_ir_vhost *longer = find_suffix(tables[i], name, host.n, &length);

		vhost = longer ? longer : vhost;
	}
	for (size_t i = 0; !vhost && i < n; i++)
		vhost = tables[i]->index->any == NONE ? NULL : tables[i]->vhost[tables[i]->index->any];
	return vhost;
}

const struct hdl_ir_vhost *hdl_route_find_vhost(const struct hdl_route_table *table, struct hdl_str host)
{
	return hdl_route_find_vhost_in(&table, 1, host);
}

const struct hdl_ir_destination *hdl_route_destination(const struct hdl_ir_http_route *route, uint32_t draw)
{
	for (size_t i = 0; i < route->destination_count; i++)
		if (hdl_core_takes(route->destinations[i].threshold, draw))
			return &route->destinations[i];
	return NULL;
}
