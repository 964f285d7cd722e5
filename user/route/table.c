/* SPDX-License-Identifier: Apache-2.0 */
/* Host to virtual host (specification A.1): a hash of the exact domains, and one of the suffixes of the wildcards. */
#include "route/table.h"

#include <errno.h>
#include <stdlib.h>

#include "base/hash.h"
#include "heddle/core/subset.h"

/* Domain names have at most 253 bytes and a final dot; of a longer Host only the end can match a wildcard. */
#define HOST_BYTES_MAX 512

struct entry {
	struct hdl_str domain; /* wildcards without the star */
	const struct hdl_ir_vhost *vhost;
};

struct hash {
	struct entry *slot; /* vhost NULL: empty */
	uint32_t mask;
};

struct hdl_route_table {
	uint64_t seed; /* a client chooses the Host */
	struct hash exact, suffix;
	uint16_t *lengths; /* of the suffixes, longest first, each once */
	size_t length_count;
	const struct hdl_ir_vhost *any; /* of "*" */
};

static int hash_init(struct hash *hash, size_t n)
{
	size_t size = 8;

	while (size < n * 2)
		size *= 2;
	hash->slot = calloc(size, sizeof(*hash->slot));
	hash->mask = (uint32_t)(size - 1);
	return hash->slot ? 0 : -ENOMEM;
}

static struct entry *hash_slot(const struct hash *hash, uint64_t seed, struct hdl_str domain)
{
	uint32_t at = (uint32_t)hdl_hash64(domain.p, domain.n, seed) & hash->mask;

	while (hash->slot[at].vhost && !hdl_str_eq(hash->slot[at].domain, domain))
		at = (at + 1) & hash->mask;
	return &hash->slot[at];
}

/* The first virtual host that has a domain keeps it. */
static void hash_add(struct hash *hash, uint64_t seed, struct hdl_str domain, const struct hdl_ir_vhost *vhost)
{
	struct entry *entry = hash_slot(hash, seed, domain);

	if (!entry->vhost)
		*entry = (struct entry){ .domain = domain, .vhost = vhost };
}

static void add_length(struct hdl_route_table *table, size_t length)
{
	size_t i = 0;

	while (i < table->length_count && table->lengths[i] > length)
		i++;
	if (i < table->length_count && table->lengths[i] == length)
		return;
	memmove(&table->lengths[i + 1], &table->lengths[i], (table->length_count - i) * sizeof(*table->lengths));
	table->lengths[i] = (uint16_t)length;
	table->length_count++;
}

static void add_domain(struct hdl_route_table *table, struct hdl_str domain, const struct hdl_ir_vhost *vhost)
{
	if (domain.n == 0 || domain.n > HOST_BYTES_MAX)
		return;
	if (domain.p[0] != '*') {
		hash_add(&table->exact, table->seed, domain, vhost);
	} else if (domain.n > 1) {
		domain.p++;
		domain.n--;
		hash_add(&table->suffix, table->seed, domain, vhost);
		add_length(table, domain.n);
	} else if (!table->any) {
		table->any = vhost;
	}
}

static int table_init(struct hdl_route_table *table, const struct hdl_ir_route_config *config)
{
	size_t exact = 0, wildcards = 0;

	for (size_t i = 0; i < config->vhost_count; i++)
		for (size_t d = 0; d < config->vhosts[i]->domain_count; d++)
			*(config->vhosts[i]->domains[d][0] == '*' ? &wildcards : &exact) += 1;
	table->seed = hdl_hash_process_seed();
	/* room for as many lengths as there can be, and one more for the shift in add_length() */
	table->lengths = calloc((wildcards < HOST_BYTES_MAX ? wildcards : HOST_BYTES_MAX) + 1, sizeof(*table->lengths));
	if (!table->lengths || hash_init(&table->exact, exact) < 0 || hash_init(&table->suffix, wildcards) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < config->vhost_count; i++)
		for (size_t d = 0; d < config->vhosts[i]->domain_count; d++)
			add_domain(table, hdl_str_of(config->vhosts[i]->domains[d]), config->vhosts[i]);
	return 0;
}

struct hdl_route_table *hdl_route_table_new(const struct hdl_ir_route_config *config)
{
	struct hdl_route_table *table = calloc(1, sizeof(*table));

	if (table && table_init(table, config) < 0) {
		hdl_route_table_free(table);
		return NULL;
	}
	return table;
}

void hdl_route_table_free(struct hdl_route_table *table)
{
	if (!table)
		return;
	free(table->exact.slot);
	free(table->suffix.slot);
	free(table->lengths);
	free(table);
}

static void free_table(void *table)
{
	hdl_route_table_free(table);
}

int hdl_route_compile(struct hdl_snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->route_config_count; i++) {
		struct hdl_ir_route_config *config = snapshot->route_configs[i];
		struct hdl_route_table *table = hdl_route_table_new(config);

		if (!table || hdl_snapshot_own(snapshot, table, free_table) < 0)
			return -ENOMEM;
		config->table = table;
	}
	return 0;
}

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

const struct hdl_ir_vhost *hdl_route_find_vhost(const struct hdl_route_table *table, struct hdl_str host)
{
	char buf[HOST_BYTES_MAX];
	struct hdl_str name;
	bool cut;

	host = without_port(host);
	cut = host.n > sizeof(buf);
	name = (struct hdl_str){ buf, cut ? sizeof(buf) : host.n };
	to_lower(buf, host.p + (host.n - name.n), name.n);
	if (!cut && name.n) {
		const struct hdl_ir_vhost *vhost = hash_slot(&table->exact, table->seed, name)->vhost;

		if (vhost)
			return vhost;
	}
	for (size_t i = 0; i < table->length_count; i++) {
		size_t n = table->lengths[i];
		const struct hdl_ir_vhost *vhost;

		if (n >= host.n || n > name.n) /* the star stands for at least one character */
			continue;
		vhost = hash_slot(&table->suffix, table->seed, (struct hdl_str){ name.p + name.n - n, n })->vhost;
		if (vhost)
			return vhost;
	}
	return table->any;
}

const struct hdl_ir_destination *hdl_route_destination(const struct hdl_ir_http_route *route, uint32_t draw)
{
	for (size_t i = 0; i < route->destination_count; i++)
		if (hdl_core_takes(route->destinations[i].threshold, draw))
			return &route->destinations[i];
	return NULL;
}
