/* SPDX-License-Identifier: Apache-2.0 */
/* Canonical text of the maps as they are read at the epoch in force. */
#include "dp/dump.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include "base/addr.h"
#include "base/hash.h"
#include "dp/publisher.h"
#include "heddle/core/subset.h"

static const char *const labels[] = { "none", "l4", "request", "direct" };
static const char *const fail_modes[] = { "open", "closed" };
static const char *const policies[] = { "LEAST_REQUEST", "ROUND_ROBIN", "RANDOM", "MAGLEV", "PASSTHROUGH", "RING_HASH" };
static const char *const hashes[] = { "none", "source-ip", "request" };

#define NAME_OF(names, i) ((i) < sizeof(names) / sizeof((names)[0]) ? (names)[i] : "?")

struct dump {
	const struct hdl_dp_maps *maps;
	const struct hdl_publisher *publisher;
	const char **clusters; /* names by id; NULL where there is none */
	struct hdl_buf *buf;
};

static int read_names(struct dump *d)
{
	const struct hdl_snapshot *snapshot = hdl_publisher_current(d->publisher);

	d->clusters = calloc(d->maps->cluster_count, sizeof(*d->clusters));
	if (!d->clusters)
		return -ENOMEM;
	for (size_t i = 0; snapshot && i < snapshot->cluster_count; i++)
		d->clusters[snapshot->clusters[i]->id] = snapshot->clusters[i]->name;
	return 0;
}

static const char *cluster_name(const struct dump *d, uint32_t id)
{
	if (id == HDL_CLUSTER_NONE)
		return "(unknown)";
	return id < d->maps->cluster_count && d->clusters[id] ? d->clusters[id] : "?";
}

static int by_key(const void *a, const void *b)
{
	const struct hdl_vip_key *ka = a, *kb = b;
	int c = memcmp(ka->address.byte, kb->address.byte, sizeof(ka->address.byte));

	if (c == 0)
		c = memcmp(&ka->port, &kb->port, sizeof(ka->port)); /* network order sorts as numbers do */
	if (c == 0)
		c = (int)ka->protocol - kb->protocol;
	return c || ka->class_id == kb->class_id ? c : ka->class_id < kb->class_id ? -1 : 1;
}

static struct hdl_vip_key *sorted_keys(const struct hdl_dp_maps *maps, size_t *ret_count)
{
	struct hdl_vip_key *keys = calloc((size_t)maps->vip_count + 1, sizeof(*keys));
	size_t n = 0;

	if (!keys)
		return NULL;
	while (n < maps->vip_count && hdl_dp_vip_next(maps, n ? &keys[n - 1] : NULL, &keys[n]) == 0)
		n++;
	qsort(keys, n, sizeof(*keys), by_key);
	*ret_count = n;
	return keys;
}

static void dump_service(const struct dump *d, const struct hdl_vip_key *key)
{
	const struct hdl_service_version *v;
	char text[HDL_ADDR_PORT_TEXT_MAX];
	uint32_t id;
	int at;

	if (hdl_dp_vip_get(d->maps, key, &id) < 0 || id >= d->maps->service_count)
		return;
	at = hdl_publisher_service_version(d->publisher, id);
	if (at < 0)
		return;
	v = &d->maps->service[id].version[at];
	if ((v->label == HDL_LABEL_NONE && !(v->flags & HDL_SERVICE_HIDDEN)) || memcmp(&v->key, key, sizeof(*key)) != 0)
		return;
	hdl_buf_printf(d->buf, "vip %s %s label=%s fail=%s",
		       hdl_addr_port_print(&key->address, __builtin_bswap16(key->port), text),
		       key->protocol == IPPROTO_UDP ? "udp" : "tcp", NAME_OF(labels, v->label),
		       NAME_OF(fail_modes, v->fail_mode));
	if (key->prefix)
		hdl_buf_printf(d->buf, " prefix=%u", key->prefix);
	if (key->class_id)
		hdl_buf_printf(d->buf, " class=%u", key->class_id);
	if (v->affinity_timeout_s)
		hdl_buf_printf(d->buf, " affinity=%u", v->affinity_timeout_s);
	hdl_buf_printf(d->buf, "%s%s%s%s\n", v->flags & HDL_SERVICE_HIDDEN ? " hidden" : "",
		       v->flags & HDL_SERVICE_INTERNAL_LOCAL ? " internal-local" : "",
		       v->flags & HDL_SERVICE_EXTERNAL ? " external" : "",
		       v->flags & HDL_SERVICE_EXTERNAL_LOCAL ? " external-local" : "");
	for (uint32_t i = 0; i < v->route_count && v->route_offset + i < d->maps->route_count; i++) {
		const struct hdl_route_row *row = &d->maps->route[v->route_offset + i];

		hdl_buf_printf(d->buf, "  below %" PRIu64 " %s\n", (uint64_t)row->threshold,
			       cluster_name(d, row->cluster));
	}
}

static void dump_endpoint(const struct dump *d, int family, uint32_t id)
{
	const struct hdl_endpoint *e;
	const struct hdl_ir_workload *pod;
	char text[HDL_ADDR_PORT_TEXT_MAX];

	if (id >= d->maps->endpoint_count) {
		hdl_buf_printf(d->buf, "  %s ?\n", family == HDL_FAMILY_V4 ? "v4" : "v6");
		return;
	}
	e = &d->maps->endpoint[id];
	pod = hdl_publisher_find_workload(d->publisher, e->workload);
	hdl_buf_printf(d->buf, "  %s %s weight=%u", family == HDL_FAMILY_V4 ? "v4" : "v6",
		       hdl_addr_port_print(&e->address[family], __builtin_bswap16((uint16_t)e->port), text), e->weight);
	if (pod)
		hdl_buf_printf(d->buf, " pod=%s/%s", pod->ns, pod->name);
	hdl_buf_adds(d->buf, "\n");
}

/* A list, table or ring is told by its size and a hash of its endpoints in order. */
static void dump_list(const struct dump *d, const char *what, int family, struct hdl_range range, bool ring)
{
	uint32_t end = ring ? d->maps->ring_count : d->maps->slot_count;
	uint64_t hash = 0;

	if (range.count == 0)
		return;
	for (uint32_t i = range.offset; i - range.offset < range.count && i < end; i++) {
		uint32_t id = ring ? d->maps->ring[i].endpoint : d->maps->slot[i];

		if (id < d->maps->endpoint_count)
			hash = hdl_hash64(&d->maps->endpoint[id].address[family], sizeof(struct hdl_addr),
					  hash + d->maps->endpoint[id].port);
	}
	hdl_buf_printf(d->buf, "  %s %s %u %016" PRIx64 "\n", what, family == HDL_FAMILY_V4 ? "v4" : "v6", range.count,
		       hash);
}

static void dump_lists(const struct dump *d, int family, uint8_t policy, struct hdl_range turns, struct hdl_range table)
{
	bool ring = policy == HDL_POLICY_RING_HASH;

	dump_list(d, "turns", family, turns, false);
	dump_list(d, ring ? "ring" : "table", family, table, ring);
}

static void dump_groups(const struct dump *d, const struct hdl_cluster_version *v)
{
	for (uint32_t i = 0; i < v->group.count && v->group.offset + i < d->maps->group_count; i++) {
		const struct hdl_group *g = &d->maps->group[v->group.offset + i];

		hdl_buf_printf(d->buf, "  group priority=%u weight=%u endpoints=%u healthy=%u\n", g->priority,
			       g->weight, g->endpoint_count, g->healthy_count);
		for (int f = 0; f < HDL_FAMILIES; f++) {
			dump_list(d, "members", f, g->member[f], false);
			dump_lists(d, f, v->policy, g->turns[f], g->table[f]);
		}
	}
}

static void dump_cluster(const struct dump *d, uint32_t id, const char *name)
{
	int at = hdl_publisher_cluster_version(d->publisher, id);
	const struct hdl_cluster_version *v;

	if (at < 0)
		return;
	v = &d->maps->cluster[id].version[at];
	hdl_buf_printf(d->buf, "cluster %s policy=%s hash=%s endpoints=%u min-health=%u max-ejection=%u\n", name,
		       NAME_OF(policies, v->policy), NAME_OF(hashes, v->hash_input), v->endpoint_count,
		       v->min_health_percent, v->max_ejection_percent);
	for (int f = 0; f < HDL_FAMILIES; f++) {
		for (uint32_t i = 0; i < v->member[f].count && v->member[f].offset + i < d->maps->slot_count; i++)
			dump_endpoint(d, f, d->maps->slot[v->member[f].offset + i]);
		dump_lists(d, f, v->policy, v->turns[f], v->table[f]);
		dump_list(d, "edge", f, v->edge[f], false);
	}
	dump_groups(d, v);
}

void hdl_dp_dump(const struct hdl_dp_maps *maps, const struct hdl_publisher *publisher, struct hdl_buf *buf)
{
	struct dump d = { .maps = maps, .publisher = publisher, .buf = buf };
	const struct hdl_snapshot *snapshot = hdl_publisher_current(publisher);
	struct hdl_vip_key *keys;
	size_t n = 0;

	keys = sorted_keys(maps, &n);
	if (!keys || read_names(&d) < 0) {
		buf->failed = true;
		free(keys);
		return;
	}
	for (size_t i = 0; i < n; i++)
		dump_service(&d, &keys[i]);
	/* The snapshot has them sorted by name. */
	for (size_t i = 0; snapshot && i < snapshot->cluster_count; i++)
		dump_cluster(&d, snapshot->clusters[i]->id, snapshot->clusters[i]->name);
	free(keys);
	free(d.clusters);
}
