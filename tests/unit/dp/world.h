/* SPDX-License-Identifier: Apache-2.0 */
/* A small configuration that tests change, the snapshot made of it, and what readers of the maps must then see. */
#ifndef HDL_TESTS_DP_WORLD_H
#define HDL_TESTS_DP_WORLD_H

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/addr.h"
#include "base/buf.h"
#include "base/hash.h"
#include "dp/maps.h"
#include "dp/publisher.h"
#include "heddle/core/subset.h"
#include "unit/unit.h"

#define WORLD_CLUSTERS 6
#define WORLD_SERVICES 5
#define WORLD_ENDPOINTS 12
#define WORLD_TABLE 13

struct world_cluster {
	bool there;
	bool maglev;
	uint32_t endpoints; /* bit i: endpoint 10.0.0.(i+1), dual stack when i is odd */
	uint8_t min_health;
};

struct world_service {
	bool there;
	unsigned int addresses; /* 1 or 2 */
	enum hdl_label label;
	uint32_t weight[WORLD_CLUSTERS]; /* 0 = no destination; of a cluster that is not there: unknown */
};

struct world {
	struct world_cluster cluster[WORLD_CLUSTERS];
	struct world_service service[WORLD_SERVICES];
};

static inline struct hdl_addr world_v4(unsigned int net, unsigned int host)
{
	return hdl_addr_from_v4(htonl(net << 24 | host));
}

static inline struct hdl_addr world_v6(unsigned int host)
{
	struct hdl_addr a = { .byte = { 0xfd } };

	a.byte[15] = (uint8_t)host;
	return a;
}

static inline struct hdl_vip_key world_key(unsigned int service, unsigned int address)
{
	return (struct hdl_vip_key){ .address = world_v4(172, service * 256 + address + 1),
				     .port = htons(80),
				     .protocol = IPPROTO_TCP };
}

static inline struct hdl_ir_endpoint world_endpoint(unsigned int i)
{
	struct hdl_ir_endpoint e = { .port = 8080, .weight = 1, .status = HDL_IR_HEALTHY };

	e.address[HDL_FAMILY_V4] = world_v4(10, i + 1);
	if (i % 2)
		e.address[HDL_FAMILY_V6] = world_v6(i + 1);
	return e;
}

static inline void *world_alloc(struct hdl_snapshot *s, size_t n, size_t size)
{
	void *p = hdl_arena_calloc(s->arena, n ? n : 1, size);

	assert_non_null(p);
	return p;
}

static inline struct hdl_ir_cluster *world_make_cluster(struct hdl_snapshot *s, const struct world *w, unsigned int i,
							const struct hdl_ir_service *service)
{
	const struct world_cluster *from = &w->cluster[i];
	struct hdl_ir_cluster *c = world_alloc(s, 1, sizeof(*c));

	c->name = hdl_arena_printf(s->arena, "outbound|80||c%u", i);
	c->name_hash = hdl_hash64(c->name, strlen(c->name), 0);
	c->fqdn = c->name;
	c->subset = "";
	c->service = service;
	c->endpoints = world_alloc(s, WORLD_ENDPOINTS, sizeof(*c->endpoints));
	for (unsigned int e = 0; e < WORLD_ENDPOINTS; e++) {
		if (from->endpoints & 1u << e)
			c->endpoints[c->endpoint_count++] = world_endpoint(e);
	}
	c->healthy_count = c->endpoint_count;
	c->policy = from->maglev ? HDL_POLICY_MAGLEV : HDL_POLICY_ROUND_ROBIN;
	c->table_size = from->maglev ? WORLD_TABLE : 0;
	c->hash_source = from->maglev ? HDL_IR_HASH_SOURCE_IP : HDL_IR_HASH_NONE;
	c->outlier = (struct hdl_ir_outlier){ .enabled = true, .min_health_percent = from->min_health };
	return c;
}

static inline uint32_t world_total(const struct world_service *service)
{
	uint32_t total = 0;

	for (unsigned int c = 0; c < WORLD_CLUSTERS; c++)
		total += service->weight[c];
	return total;
}

static inline void world_make_port(struct hdl_snapshot *s, const struct world *w, unsigned int i,
				   struct hdl_ir_service_port *port, struct hdl_ir_cluster *const *clusters)
{
	const struct world_service *from = &w->service[i];
	struct hdl_ir_destination *d = world_alloc(s, WORLD_CLUSTERS, sizeof(*d));
	uint64_t sum = 0;

	port->port = 80;
	port->label = from->label;
	port->destinations = d;
	for (unsigned int c = 0; c < WORLD_CLUSTERS; c++) {
		if (from->weight[c] == 0)
			continue;
		sum += from->weight[c];
		d[port->destination_count].cluster = clusters[c];
		d[port->destination_count].cluster_name = "c";
		d[port->destination_count].weight = from->weight[c];
		d[port->destination_count].threshold = hdl_core_threshold(sum, world_total(from));
		port->destination_count++;
	}
}

static inline struct hdl_ir_service *world_make_service(struct hdl_snapshot *s, const struct world *w, unsigned int i,
							struct hdl_ir_cluster *const *clusters)
{
	struct hdl_ir_service *service = world_alloc(s, 1, sizeof(*service));
	struct hdl_addr *addresses = world_alloc(s, 2, sizeof(*addresses));

	for (unsigned int a = 0; a < 2; a++)
		addresses[a] = world_key(i, a).address;
	service->fqdn = hdl_arena_printf(s->arena, "s%u.demo.svc.cluster.local", i);
	service->addresses = addresses;
	service->address_count = w->service[i].addresses;
	service->port_count = 1;
	service->ports = world_alloc(s, 1, sizeof(*service->ports));
	service->ports->service = service;
	world_make_port(s, w, i, service->ports, clusters);
	return service;
}

static inline struct hdl_snapshot *world_snapshot(const struct world *w)
{
	struct hdl_snapshot *s = hdl_snapshot_new();
	struct hdl_ir_cluster *clusters[WORLD_CLUSTERS] = { NULL };

	assert_non_null(s);
	s->clusters = world_alloc(s, WORLD_CLUSTERS, sizeof(struct hdl_ir_cluster *));
	s->services = world_alloc(s, WORLD_SERVICES, sizeof(struct hdl_ir_service *));
	s->service_ports = world_alloc(s, WORLD_SERVICES, sizeof(struct hdl_ir_service_port *));
	for (unsigned int i = 0; i < WORLD_CLUSTERS; i++) {
		if (w->cluster[i].there)
			clusters[i] = s->clusters[s->cluster_count++] = world_make_cluster(s, w, i, NULL);
	}
	for (unsigned int i = 0; i < WORLD_SERVICES; i++) {
		if (!w->service[i].there)
			continue;
		s->services[s->service_count] = world_make_service(s, w, i, clusters);
		s->service_ports[s->service_port_count++] = s->services[s->service_count++]->ports;
	}
	return s;
}

/* --- what must be seen --------------------------------------------------------------------------------------------- */

static inline void world_expect_cluster(const struct world *w, unsigned int i, struct hdl_buf *out)
{
	const struct world_cluster *c = &w->cluster[i];

	hdl_buf_printf(out, " {%d %u", c->maglev, c->min_health);
	for (int f = 0; f < HDL_FAMILIES; f++) {
		unsigned int members = 0;

		for (unsigned int e = 0; e < WORLD_ENDPOINTS; e++) {
			struct hdl_ir_endpoint endpoint = world_endpoint(e);
			char text[HDL_ADDR_PORT_TEXT_MAX];

			if (!(c->endpoints & 1u << e) || hdl_addr_is_zero(&endpoint.address[f]))
				continue;
			members++;
			hdl_buf_printf(out, " %s", hdl_addr_port_print(&endpoint.address[f], endpoint.port, text));
		}
		hdl_buf_printf(out, " table %d", c->maglev && members ? WORLD_TABLE : 0);
	}
	hdl_buf_adds(out, "}");
}

static inline void world_expect(const struct world *w, struct hdl_buf *out)
{
	out->n = 0;
	for (unsigned int i = 0; i < WORLD_SERVICES; i++) {
		const struct world_service *s = &w->service[i];

		for (unsigned int a = 0; a < 2; a++) {
			uint64_t sum = 0;

			hdl_buf_printf(out, "s%u/%u", i, a);
			if (!s->there || a >= s->addresses) {
				hdl_buf_adds(out, " none\n");
				continue;
			}
			hdl_buf_printf(out, " label %d", s->label);
			for (unsigned int c = 0; c < WORLD_CLUSTERS; c++) {
				if (s->weight[c] == 0)
					continue;
				sum += s->weight[c];
				hdl_buf_printf(out, " %llu",
					       (unsigned long long)hdl_core_threshold(sum, world_total(s)));
				if (w->cluster[c].there)
					world_expect_cluster(w, c, out);
				else
					hdl_buf_adds(out, " {unknown}");
			}
			hdl_buf_adds(out, "\n");
		}
	}
}

/* --- a reader, as a BPF program reads ------------------------------------------------------------------------------ */

/* Ids found in `vip` at some time; 0 = none. */
struct world_ids {
	uint32_t id[WORLD_SERVICES][2];
};

static inline void world_find_ids(const struct hdl_dp_maps *m, struct world_ids *ids)
{
	memset(ids, 0, sizeof(*ids));
	for (unsigned int i = 0; i < WORLD_SERVICES; i++) {
		for (unsigned int a = 0; a < 2; a++) {
			struct hdl_vip_key key = world_key(i, a);

			if (hdl_dp_vip_get(m, &key, &ids->id[i][a]) < 0)
				ids->id[i][a] = 0;
		}
	}
}

static inline void world_see_cluster(const struct hdl_dp_maps *m, uint32_t id, uint64_t epoch, struct hdl_buf *out)
{
	const struct hdl_cluster_version *v = m->cluster[id].version;
	int at = hdl_core_version(v[0].epoch, v[1].epoch, epoch);

	if (at < 0) {
		hdl_buf_adds(out, " {NO VERSION}");
		return;
	}
	v = &v[at];
	hdl_buf_printf(out, " {%d %u", v->policy == HDL_POLICY_MAGLEV, v->min_health_percent);
	for (int f = 0; f < HDL_FAMILIES; f++) {
		for (uint32_t i = 0; i < v->member[f].count; i++) {
			uint32_t endpoint = m->slot[v->member[f].offset + i];
			char text[HDL_ADDR_PORT_TEXT_MAX];

			hdl_buf_printf(out, " %s%s",
				       hdl_addr_port_print(&m->endpoint[endpoint].address[f],
							   ntohs(m->endpoint[endpoint].port), text),
				       m->endpoint[endpoint].generation ? "" : "(GONE)");
		}
		hdl_buf_printf(out, " table %u", v->table[f].count);
		/* Each slot of the table is one of the members. */
		for (uint32_t i = 0; i < v->table[f].count; i++) {
			bool member = false;

			for (uint32_t k = 0; k < v->member[f].count; k++)
				member = member || m->slot[v->table[f].offset + i] == m->slot[v->member[f].offset + k];
			if (!member)
				hdl_buf_adds(out, " STRAY");
		}
	}
	hdl_buf_adds(out, "}");
}

static inline void world_see(const struct hdl_dp_maps *m, const struct world_ids *ids, uint64_t epoch,
			     struct hdl_buf *out)
{
	out->n = 0;
	for (unsigned int i = 0; i < WORLD_SERVICES; i++) {
		for (unsigned int a = 0; a < 2; a++) {
			struct hdl_vip_key key = world_key(i, a);
			const struct hdl_service_version *v = m->service[ids->id[i][a]].version;
			int at = ids->id[i][a] ? hdl_core_version(v[0].epoch, v[1].epoch, epoch) : -1;

			hdl_buf_printf(out, "s%u/%u", i, a);
			if (at < 0 || v[at].label == HDL_LABEL_NONE || memcmp(&v[at].key, &key, sizeof(key)) != 0) {
				hdl_buf_adds(out, " none\n");
				continue;
			}
			v = &v[at];
			hdl_buf_printf(out, " label %d", v->label);
			for (uint32_t r = 0; r < v->route_count; r++) {
				const struct hdl_route_row *row = &m->route[v->route_offset + r];

				hdl_buf_printf(out, " %llu", (unsigned long long)row->threshold);
				if (row->cluster == HDL_CLUSTER_NONE)
					hdl_buf_adds(out, " {unknown}");
				else
					world_see_cluster(m, row->cluster, epoch, out);
			}
			hdl_buf_adds(out, "\n");
		}
	}
}

#endif
