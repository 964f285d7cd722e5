/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The audit after the first publication over maps that were pinned before: every record is what the snapshot wants, or
 * none. Adoption and the publication itself compare contents; this looks at what is left, and counts what all three found.
 */
#include <errno.h>
#include <string.h>
#include "dp/publisher.h"

static bool is_zero(const void *record, size_t size)
{
	const char *p = record;

	return p[0] == 0 && memcmp(p, p + 1, size - 1) == 0;
}

/* Records of ids that nobody has and none rests with; from 1, since 0 is none. */
uint64_t hdl_publisher_clear_strays(void *array, size_t size, uint32_t count, const struct hdl_registry *registry)
{
	uint64_t strays = 0;

	for (uint32_t id = 1; id < count; id++) {
		char *record = (char *)array + (size_t)id * size;

		if (hdl_registry_is_used(registry, id) || is_zero(record, size))
			continue;
		memset(record, 0, size);
		strays++;
	}
	return strays;
}

static void audit_arrays(struct hdl_publisher *p)
{
	struct hdl_dp_maps *m = p->maps;
	struct hdl_dp_audit *a = &p->audit;

	a->strays += hdl_publisher_clear_strays(m->service, sizeof(*m->service), m->service_count, &p->service);
	a->strays += hdl_publisher_clear_strays(m->client, sizeof(*m->client), m->client_count, &p->client);
	a->strays += hdl_publisher_clear_strays(m->cluster, sizeof(*m->cluster), m->cluster_count, &p->cluster);
	a->strays += hdl_publisher_clear_strays(m->balance, sizeof(*m->balance), m->cluster_count, &p->cluster);
	a->strays += hdl_publisher_clear_strays(m->endpoint, sizeof(*m->endpoint), m->endpoint_count, &p->endpoint);
	a->strays += hdl_publisher_clear_strays(m->health, sizeof(*m->health), m->endpoint_count, &p->endpoint);
}

/* Entries that lead to no record of theirs. */
static void audit_vip_entries(struct hdl_publisher *p)
{
	struct hdl_vip_key key, next;
	bool more = hdl_dp_vip_next(p->maps, NULL, &next) == 0;
	uint32_t id;

	while (more) {
		key = next;
		more = hdl_dp_vip_next(p->maps, &key, &next) == 0;
		p->audit.checked++;
		if (hdl_dp_vip_get(p->maps, &key, &id) < 0)
			continue;
		if (hdl_registry_find(&p->service, &key) == id && id)
			continue;
		p->audit.strays++;
		if (hdl_registry_find(&p->service, &key) == 0)
			(void)hdl_dp_vip_delete(p->maps, &key);
	}
}

/* Records that no entry leads to. */
static int audit_vip_records(struct hdl_publisher *p)
{
	uint32_t found;

	for (uint32_t id = 1; id < p->service.next; id++) {
		int r;

		if (!hdl_registry_is_linked(&p->service, id))
			continue;
		if (hdl_dp_vip_get(p->maps, hdl_registry_key(&p->service, id), &found) == 0 && found == id)
			continue;
		p->audit.repaired++;
		r = hdl_dp_vip_set(p->maps, hdl_registry_key(&p->service, id), id);
		if (r < 0)
			return r;
	}
	return 0;
}

/* One who counts for an endpoint goes by the generation: it is the same in both records. */
static void audit_endpoints(struct hdl_publisher *p)
{
	struct hdl_dp_maps *m = p->maps;

	for (uint32_t id = 1; id < p->endpoint.next; id++) {
		if (!hdl_registry_is_linked(&p->endpoint, id))
			continue;
		p->audit.checked++;
		if (m->health[id].generation == m->endpoint[id].generation)
			continue;
		__atomic_store_n(&m->health[id].generation, m->endpoint[id].generation, __ATOMIC_RELEASE);
		p->audit.repaired++;
	}
}

int hdl_publisher_audit_maps(struct hdl_publisher *p)
{
	p->audit.checked += p->cluster.linked + p->client.linked;
	audit_arrays(p);
	audit_vip_entries(p);
	audit_endpoints(p);
	return audit_vip_records(p);
}

const struct hdl_dp_audit *hdl_publisher_audit(const struct hdl_publisher *p)
{
	return &p->audit;
}
