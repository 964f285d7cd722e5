/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Adoption: reads the maps as a program at the epoch in force would, gives identities back their ids, and clears what is
 * not reached: staged halves of a daemon that died before the flip, and what one that died after it had not reclaimed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/hash.h"
#include "base/log.h"
#include "dp/counters.h"
#include "dp/publisher.h"
#include "dp/renew.h"
#include "heddle/core/subset.h"

struct adoption {
	struct hdl_publisher *publisher;
	struct hdl_err *err;
};

static int inconsistent(const struct adoption *a, const char *map, uint32_t id, const char *what)
{
	return hdl_err_set(a->err, -EUCLEAN, "pinned maps are inconsistent: %s %u: %s; run heddled --uninstall", map,
			   id, what);
}

static int adopt_endpoint(const struct adoption *a, uint32_t cluster, uint32_t id)
{
	struct hdl_publisher *p = a->publisher;
	const struct hdl_endpoint *record;
	struct hdl_endpoint_key key;
	int r;

	if (id == 0 || id >= p->maps->endpoint_count)
		return inconsistent(a, "cluster", cluster, "a slot names no endpoint");
	record = &p->maps->endpoint[id];
	if (record->generation == 0 || record->cluster != cluster)
		return inconsistent(a, "endpoint", id, "it belongs to another cluster");
	key = (struct hdl_endpoint_key){
		.address = { record->address[HDL_FAMILY_V4], record->address[HDL_FAMILY_V6] },
		.cluster = cluster,
		.port = __builtin_bswap16((uint16_t)record->port),
	};
	if (hdl_registry_find(&p->endpoint, &key) == id)
		return 0; /* seen in the other family's list */
	r = hdl_registry_adopt(&p->endpoint, &key, id);
	if (r == -EEXIST)
		return inconsistent(a, "endpoint", id, "another has its address");
	return r < 0 ? hdl_err_set(a->err, r, "out of memory") : 0;
}

static int adopt_slots(const struct adoption *a, uint32_t cluster, struct hdl_range range)
{
	struct hdl_publisher *p = a->publisher;
	int r;

	if (range.count == 0)
		return 0;
	r = hdl_ranges_reserve(&p->slot_ranges, range);
	if (r == -ENOMEM)
		return hdl_err_set(a->err, r, "out of memory");
	if (r < 0)
		return inconsistent(a, "cluster", cluster, "its slots are not its own");
	for (uint32_t i = 0; i < range.count; i++) {
		r = adopt_endpoint(a, cluster, p->maps->slot[range.offset + i]);
		if (r < 0)
			return r;
	}
	return 0;
}

/* A ring, or a Maglev table. */
static int adopt_table(const struct adoption *a, uint32_t cluster, uint8_t policy, struct hdl_range range)
{
	struct hdl_publisher *p = a->publisher;
	int r;

	if (policy != HDL_POLICY_RING_HASH || range.count == 0)
		return adopt_slots(a, cluster, range);
	r = hdl_ranges_reserve(&p->ring_ranges, range);
	if (r == -ENOMEM)
		return hdl_err_set(a->err, r, "out of memory");
	if (r < 0)
		return inconsistent(a, "cluster", cluster, "its ring is not its own");
	for (uint32_t i = 0; r == 0 && i < range.count; i++)
		r = adopt_endpoint(a, cluster, p->maps->ring[range.offset + i].endpoint);
	return r;
}

/* The members of groups are within those of the cluster, which are adopted. */
static int adopt_groups(const struct adoption *a, uint32_t cluster, uint8_t policy, struct hdl_range range)
{
	struct hdl_publisher *p = a->publisher;
	int r = range.count ? hdl_ranges_reserve(&p->group_ranges, range) : 0;

	if (r == -ENOMEM)
		return hdl_err_set(a->err, r, "out of memory");
	if (r < 0)
		return inconsistent(a, "cluster", cluster, "its groups are not its own");
	for (uint32_t i = 0; r == 0 && i < range.count; i++) {
		const struct hdl_group *row = &p->maps->group[range.offset + i];

		for (int f = 0; r == 0 && f < HDL_FAMILIES; f++) {
			r = adopt_slots(a, cluster, row->turns[f]);
			if (r == 0)
				r = adopt_table(a, cluster, policy, row->table[f]);
		}
	}
	return r;
}

static int adopt_lists(const struct adoption *a, uint32_t cluster, const struct hdl_cluster_version *v)
{
	int r = 0;

	for (int f = 0; r == 0 && f < HDL_FAMILIES; f++) {
		r = adopt_slots(a, cluster, v->member[f]);
		if (r == 0)
			r = adopt_slots(a, cluster, v->turns[f]);
		if (r == 0)
			r = adopt_slots(a, cluster, v->edge[f]);
		if (r == 0)
			r = adopt_table(a, cluster, v->policy, v->table[f]);
	}
	return r == 0 ? adopt_groups(a, cluster, v->policy, v->group) : r;
}

static int adopt_cluster(const struct adoption *a, uint32_t id)
{
	struct hdl_publisher *p = a->publisher;
	struct hdl_cluster *record = &p->maps->cluster[id];
	int at = hdl_publisher_cluster_version(p, id), r;
	const struct hdl_cluster_version *v;

	if (at < 0 || record->version[at].name_hash == 0)
		return 0;
	v = &record->version[at];
	r = hdl_registry_adopt(&p->cluster, &v->name_hash, id);
	if (r == -EEXIST)
		return inconsistent(a, "cluster", id, "another has its name");
	if (r < 0)
		return hdl_err_set(a->err, r, "out of memory");
	r = adopt_lists(a, id, v);
	if (r < 0)
		return r;
	/* Staged by a daemon that died before its flip. */
	if (record->version[!at].epoch > p->maps->state->epoch)
		__atomic_store_n(&record->version[!at].epoch, 0, __ATOMIC_RELEASE);
	return 0;
}

/* One range for all services with the same rows. */
static int adopt_route(const struct adoption *a, uint32_t service, const struct hdl_service_version *v)
{
	struct hdl_publisher *p = a->publisher;
	struct hdl_range range = { v->route_offset, v->route_count };
	uint64_t hash;
	uint32_t id;
	int r;

	if (range.count == 0)
		return 0;
	if (range.offset >= p->maps->route_count || range.count > p->maps->route_count - range.offset)
		return inconsistent(a, "service", service, "its rows in `route` are out of range");
	hash = hdl_hash64(p->maps->route + range.offset, range.count * sizeof(*p->maps->route), 0);
	for (; (id = hdl_registry_find(&p->route, &hash)) != 0; hash++) {
		if (p->route_at[id].range.offset == range.offset && p->route_at[id].range.count == range.count)
			break;
	}
	if (id == 0) {
		r = hdl_ranges_reserve(&p->route_ranges, range);
		if (r == -EEXIST || r == -ERANGE)
			return inconsistent(a, "service", service, "its rows in `route` are not its own");
		if (r == 0)
			r = hdl_registry_insert(&p->route, &hash, &id);
		if (r < 0)
			return hdl_err_set(a->err, r, "out of memory");
		p->route_at[id] = (struct hdl_publisher_route){ .range = range };
	}
	p->route_at[id].uses++;
	p->service_at[service].route = id;
	return 0;
}

static int adopt_number(const struct adoption *a, uint32_t number)
{
	uint32_t id;

	if (number == 0 || hdl_registry_find(&a->publisher->service_port, &number))
		return 0;
	if (hdl_registry_insert(&a->publisher->service_port, &number, &id) < 0)
		return hdl_err_set(a->err, -ENOMEM, "out of memory");
	return 0;
}

/* 1 = adopted, 0 = the entry leads nowhere. */
static int adopt_service(const struct adoption *a, const struct hdl_vip_key *key)
{
	struct hdl_publisher *p = a->publisher;
	struct hdl_service *record;
	uint32_t id;
	int r, at;

	if (hdl_dp_vip_get(p->maps, key, &id) < 0 || id == 0 || id >= p->maps->service_count)
		return 0;
	record = &p->maps->service[id];
	at = hdl_publisher_service_version(p, id);
	if (at < 0 ||
	    (record->version[at].label == HDL_LABEL_NONE && !(record->version[at].flags & HDL_SERVICE_HIDDEN)) ||
	    memcmp(&record->version[at].key, key, sizeof(*key)) != 0)
		return 0;
	r = hdl_registry_adopt(&p->service, key, id);
	if (r == -EEXIST)
		return inconsistent(a, "service", id, "two addresses share it");
	if (r < 0)
		return hdl_err_set(a->err, r, "out of memory");
	r = adopt_route(a, id, &record->version[at]);
	if (r == 0)
		r = adopt_number(a, record->version[at].service_port);
	if (r < 0)
		return r;
	if (record->version[!at].epoch > p->maps->state->epoch)
		__atomic_store_n(&record->version[!at].epoch, 0, __ATOMIC_RELEASE);
	return 1;
}

static int adopt_services(const struct adoption *a)
{
	struct hdl_dp_maps *m = a->publisher->maps;
	struct hdl_vip_key key, next;
	bool more = hdl_dp_vip_next(m, NULL, &next) == 0;
	int r;

	while (more) {
		key = next;
		more = hdl_dp_vip_next(m, &key, &next) == 0;
		r = adopt_service(a, &key);
		if (r < 0)
			return r;
		if (r == 0 && hdl_dp_vip_delete(m, &key) == 0)
			a->publisher->audit.strays++;
	}
	return 0;
}

static int adopt_clients(const struct adoption *a)
{
	struct hdl_publisher *p = a->publisher;

	for (uint32_t id = 0; id < p->maps->client_count; id++) {
		struct hdl_client *record = &p->maps->client[id];
		int at = hdl_publisher_client_version(p, id), r;

		if (at < 0)
			continue;
		if (record->version[!at].epoch > p->maps->state->epoch)
			__atomic_store_n(&record->version[!at].epoch, 0, __ATOMIC_RELEASE);
		if (id == 0 || record->version[at].workload == 0)
			continue;
		r = hdl_registry_adopt(&p->client, &record->version[at].workload, id);
		if (r == -EEXIST)
			return inconsistent(a, "client", id, "another is for its pod");
		if (r < 0)
			return hdl_err_set(a->err, r, "out of memory");
	}
	return 0;
}

static void clear_unused(struct hdl_publisher *p)
{
	struct hdl_dp_maps *m = p->maps;

	p->audit.strays += hdl_publisher_clear_strays(m->service, sizeof(*m->service), m->service_count, &p->service);
	p->audit.strays += hdl_publisher_clear_strays(m->client, sizeof(*m->client), m->client_count, &p->client);
	p->audit.strays += hdl_publisher_clear_strays(m->cluster, sizeof(*m->cluster), m->cluster_count, &p->cluster);
	p->audit.strays += hdl_publisher_clear_strays(m->balance, sizeof(*m->balance), m->cluster_count, &p->cluster);
	p->audit.strays +=
		hdl_publisher_clear_strays(m->endpoint, sizeof(*m->endpoint), m->endpoint_count, &p->endpoint);
	p->audit.strays += hdl_publisher_clear_strays(m->health, sizeof(*m->health), m->endpoint_count, &p->endpoint);
}

/* Brings a counter that programs go on changing from `value` to `wanted`. */
static void correct(uint32_t *counter, uint32_t value, uint32_t wanted)
{
	__atomic_fetch_add(counter, wanted - value, __ATOMIC_RELAXED);
}

/* A daemon that dies between taking a share of the budget and ejecting leaves the count too high. */
static int recount_ejected(struct hdl_publisher *p)
{
	struct hdl_dp_maps *m = p->maps;
	uint32_t *ejected = calloc(m->cluster_count, sizeof(*ejected));

	if (!ejected)
		return -ENOMEM;
	for (uint32_t id = 1; id < p->endpoint.next; id++) {
		if (hdl_registry_is_linked(&p->endpoint, id) &&
		    __atomic_load_n(&m->health[id].ejected_until_ns, __ATOMIC_RELAXED))
			ejected[m->endpoint[id].cluster]++;
	}
	for (uint32_t id = 1; id < p->cluster.next; id++) {
		uint32_t value = __atomic_load_n(&m->balance[id].ejected, __ATOMIC_RELAXED);

		if (hdl_registry_is_linked(&p->cluster, id) && value != ejected[id])
			correct(&m->balance[id].ejected, value, ejected[id]);
	}
	free(ejected);
	return 0;
}

/* A replacement of the maps ended between the first link and the last: they may stand too high, on what it put under. */
static void take_plinth(const struct hdl_publisher *p)
{
	for (uint32_t id = 1; id < p->endpoint.next; id++) {
		uint32_t active = __atomic_load_n(&p->maps->health[id].active, __ATOMIC_RELAXED);

		if (hdl_registry_is_linked(&p->endpoint, id) && active >= HDL_RENEW_PLINTH)
			correct(&p->maps->health[id].active, HDL_RENEW_PLINTH, 0);
	}
}

/*
 * `active` also counts requests of a proxy that is dead: nobody will give those back. The kernel's own connections are
 * known from `traffic`; only a few that are just being established are missed, and giving back stops at 0.
 */
static void recount_active(const struct hdl_publisher *p, const uint32_t *open)
{
	for (uint32_t id = 1; id < p->endpoint.next; id++) {
		uint32_t active = __atomic_load_n(&p->maps->health[id].active, __ATOMIC_RELAXED);

		if (hdl_registry_is_linked(&p->endpoint, id) && active > open[id])
			correct(&p->maps->health[id].active, active, open[id]);
	}
}

/* What is open and not counted would take the count below 0 when it ends. */
static int recount_connections(const struct hdl_publisher *p, const uint32_t *open)
{
	struct hdl_dp_maps *m = p->maps;
	uint32_t *sum = calloc(m->cluster_count, sizeof(*sum));

	if (!sum)
		return -ENOMEM;
	for (uint32_t id = 1; id < p->endpoint.next; id++)
		if (hdl_registry_is_linked(&p->endpoint, id))
			sum[m->endpoint[id].cluster] += open[id];
	for (uint32_t id = 1; id < p->cluster.next; id++) {
		uint32_t value = __atomic_load_n(&m->balance[id].connections, __ATOMIC_RELAXED);

		if (hdl_registry_is_linked(&p->cluster, id) && (int32_t)(value - sum[id]) < 0)
			correct(&m->balance[id].connections, value, sum[id]);
	}
	free(sum);
	return 0;
}

static int recount(const struct hdl_publisher *p)
{
	struct hdl_dp_maps *m = p->maps;
	bool interrupted = m->state->renewing == HDL_RENEWING_INTERRUPTED;
	uint32_t *open;
	int r;

	if (m->state->renewing == HDL_RENEWING_NOW)
		return 0;
	open = calloc(m->endpoint_count, sizeof(*open));
	if (!open)
		return -ENOMEM;
	if (interrupted)
		take_plinth(p);
	r = hdl_dp_open_connections(m, open, m->endpoint_count);
	if (r < 0)
		hdl_log_debug("active requests of the last daemon stay counted: %s", strerror(-r));
	else
		recount_active(p, open);
	if (r == 0 && interrupted)
		r = recount_connections(p, open);
	m->state->renewing = HDL_RENEWING_NO;
	free(open);
	return r == -ENOMEM ? r : 0;
}

static int adopt_all(const struct adoption *a)
{
	struct hdl_publisher *p = a->publisher;
	struct hdl_dp_maps *m = p->maps;
	int r = 0;

	for (uint32_t id = 1; r == 0 && id < m->cluster_count; id++)
		r = adopt_cluster(a, id);
	if (r == 0)
		r = adopt_services(a);
	if (r == 0)
		r = adopt_clients(a);
	if (r == 0)
		r = hdl_dp_grace(m, a->err);
	if (r < 0)
		return r;
	p->audit.adopted = m->state->epoch != 0;
	clear_unused(p);
	p->graced_epoch = m->state->epoch;
	/* For the check of capacities and `status`; exact with the next publication. */
	p->endpoints_in_force = p->endpoint.linked < p->capacity.endpoints ? p->endpoint.linked : p->capacity.endpoints;
	if (recount_ejected(p) < 0 || recount(p) < 0)
		return hdl_err_set(a->err, -ENOMEM, "out of memory");
	return 0;
}

int hdl_publisher_adopt(struct hdl_publisher *publisher, struct hdl_err *err)
{
	struct adoption a = { .publisher = publisher, .err = err };

	/* Fresh plain memory holds nothing; fresh maps may hold what was staged for the first epoch. */
	if (publisher->maps->memory && publisher->maps->state->epoch == 0)
		return 0;
	return adopt_all(&a);
}
