/* SPDX-License-Identifier: Apache-2.0 */
/* Builds small snapshots by hand, with the fields that dp would set, for tests of the proxy without configuration. */
#ifndef TESTS_LIB_SNAPSHOT_BUILDER_H
#define TESTS_LIB_SNAPSHOT_BUILDER_H

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/hash.h"
#include "heddle/abi_limits.h"
#include "heddle/core/subset.h"
#include "heddle/core/tables_user.h"
#include "ir/snapshot.h"
#include "route/table.h"

#define SB_CLUSTERS 16
#define SB_ENDPOINTS 64
#define SB_ROUTES 32
#define SB_SLOTS 1024

/* Records that survive snapshots, as the maps do. */
struct sb_tables {
	struct hdl_health health[SB_ENDPOINTS];
	struct hdl_balance balance[SB_CLUSTERS];
	__u32 slot[SB_SLOTS];
	uint32_t slots_used;
};

/* One service `name` in namespace demo with one http port, its vhost, clusters and routes; and a gateway vhost. */
struct sb {
	struct hdl_snapshot *s;
	struct sb_tables *tables;
	struct hdl_ir_service *service;
	struct hdl_ir_service_port *port;
	struct hdl_ir_vhost *vhost;
	struct hdl_ir_http_route *routes;
	struct hdl_ir_cluster **clusters;
	struct hdl_ir_workload *client;
	uint32_t next_endpoint;
};

static inline void *sb_alloc(struct sb *b, size_t n)
{
	void *p = hdl_arena_alloc(b->s->arena, n ? n : 1);

	assert(p);
	return p;
}

static inline struct hdl_tables sb_core_tables(struct sb_tables *t)
{
	return (struct hdl_tables){
		.health = t->health,
		.balance = t->balance,
		.slot = t->slot,
		.health_count = SB_ENDPOINTS,
		.balance_count = SB_CLUSTERS,
		.slot_count = SB_SLOTS,
	};
}

static inline struct hdl_addr sb_addr(const char *text)
{
	struct hdl_addr a;
	int r = hdl_addr_parse(hdl_str_of(text), &a);

	assert(r == 0);
	(void)r;
	return a;
}

static inline struct sb sb_new(struct sb_tables *tables, const char *name, const char *vip, uint16_t port)
{
	struct sb b = { .s = hdl_snapshot_new(), .tables = tables, .next_endpoint = 1 };
	struct hdl_addr *address;
	char text[128];

	assert(b.s);
	b.s->node = (struct hdl_ir_node){ .node_name = "n",
					  .domain = "cluster.local",
					  .root_namespace = "istio-system",
					  .access_log_path = "",
					  .access_log_format = "",
					  .retry_budget_percent = 20,
					  .retry_budget_min = 3,
					  .max_request_headers_bytes = 61440,
					  .max_request_headers_count = 100,
					  .max_connections = 0,
					  .retry_buffer_bytes = 1048576,
					  .request_headers_timeout_ns = 60000000000,
					  .downstream_idle_timeout_ns = 3600000000000 };
	b.client = sb_alloc(&b, sizeof(*b.client));
	*b.client = (struct hdl_ir_workload){ .id = 1,
					      .ns = "demo",
					      .name = "client-0",
					      .service_account = "default",
					      .address = { sb_addr("127.0.0.1"), sb_addr("::1") },
					      .workload_name = "client",
					      .app = "client",
					      .version = "v0",
					      .canonical_service = "client",
					      .canonical_revision = "v0" };
	b.s->workloads = sb_alloc(&b, sizeof(*b.s->workloads));
	b.s->workloads[0] = b.client;
	b.s->workload_count = 1;
	b.service = sb_alloc(&b, sizeof(*b.service));
	b.port = sb_alloc(&b, sizeof(*b.port));
	address = sb_alloc(&b, sizeof(*address));
	*address = sb_addr(vip);
	snprintf(text, sizeof(text), "%s.demo.svc.cluster.local", name);
	*b.service = (struct hdl_ir_service){ .fqdn = hdl_arena_strdup(b.s->arena, text),
					      .ns = "demo",
					      .name = hdl_arena_strdup(b.s->arena, name),
					      .addresses = address,
					      .address_count = 1,
					      .ports = b.port,
					      .port_count = 1 };
	*b.port = (struct hdl_ir_service_port){ .id = 1,
						.service = b.service,
						.name = "http",
						.port = port,
						.protocol = HDL_IR_HTTP,
						.label = HDL_LABEL_REQUEST,
						.label_reason = "test" };
	b.s->services = sb_alloc(&b, sizeof(*b.s->services));
	b.s->services[0] = b.service;
	b.s->service_count = 1;
	b.s->service_ports = sb_alloc(&b, sizeof(*b.s->service_ports));
	b.s->service_ports[0] = b.port;
	b.s->service_port_count = 1;
	b.clusters = b.s->clusters = sb_alloc(&b, SB_CLUSTERS * sizeof(*b.clusters));
	b.routes = sb_alloc(&b, SB_ROUTES * sizeof(*b.routes));
	b.vhost = sb_alloc(&b, sizeof(*b.vhost));
	*b.vhost = (struct hdl_ir_vhost){ .name = "vhost", .routes = b.routes, .service = b.service };
	return b;
}

/* A subset without endpoints; LEAST_REQUEST. */
static inline struct hdl_ir_cluster *sb_cluster(struct sb *b, const char *subset)
{
	struct hdl_ir_cluster *c = sb_alloc(b, sizeof(*c));
	char text[160];

	snprintf(text, sizeof(text), "outbound|%u|%s|%s", b->port->port, subset, b->service->fqdn);
	*c = (struct hdl_ir_cluster){ .id = (uint32_t)b->s->cluster_count + 1,
				      .name = hdl_arena_strdup(b->s->arena, text),
				      .fqdn = b->service->fqdn,
				      .subset = hdl_arena_strdup(b->s->arena, subset),
				      .port = b->port->port,
				      .service = b->service,
				      .endpoints = sb_alloc(b, SB_ENDPOINTS * sizeof(struct hdl_ir_endpoint)),
				      .policy = HDL_POLICY_ROUND_ROBIN,
				      .hash_name = "",
				      .connect_timeout_ns = 10000000000,
				      .idle_timeout_ns = 3600000000000 };
	assert(b->s->cluster_count < SB_CLUSTERS - 1);
	b->clusters[b->s->cluster_count++] = c;
	if (!b->port->cluster)
		b->port->cluster = c;
	return c;
}

/* Same order of calls, same ids: health survives a new snapshot. */
static inline struct hdl_ir_endpoint *sb_endpoint(struct sb *b, struct hdl_ir_cluster *c, const char *address,
						  uint16_t port, const char *workload)
{
	struct hdl_ir_endpoint *e = &c->endpoints[c->endpoint_count++];
	struct hdl_ir_workload *w = sb_alloc(b, sizeof(*w));
	struct hdl_addr a = sb_addr(address);
	uint32_t id = b->next_endpoint++;

	assert(id < SB_ENDPOINTS);
	*w = *b->client;
	w->name = w->workload_name = w->app = w->canonical_service = hdl_arena_strdup(b->s->arena, workload);
	w->version = w->canonical_revision = "v1";
	*e = (struct hdl_ir_endpoint){ .port = port, .weight = 1, .workload = w, .id = id, .generation = 1 };
	e->address[hdl_addr_is_v4(&a) ? HDL_FAMILY_V4 : HDL_FAMILY_V6] = a;
	__atomic_store_n(&b->tables->health[id].generation, 1, __ATOMIC_RELAXED);
	c->healthy_count++;
	return e;
}

/* A route for paths with this prefix ("" = every request), to one cluster (NULL: unknown). Later fields by the caller. */
static inline struct hdl_ir_http_route *sb_route(struct sb *b, const char *prefix, const struct hdl_ir_cluster *c)
{
	struct hdl_ir_http_route *r = &b->routes[b->vhost->route_count++];
	struct hdl_ir_destination *d = sb_alloc(b, 8 * sizeof(*d));
	struct hdl_ir_http_match *m;

	assert(b->vhost->route_count <= SB_ROUTES);
	d[0] = (struct hdl_ir_destination){ .cluster = c,
					    .cluster_name = c ? c->name : "outbound|80|none|unknown",
					    .weight = 1,
					    .threshold = 1ull << 32 };
	*r = (struct hdl_ir_http_route){ .name = "-",
					 .destinations = d,
					 .destination_count = 1,
					 .retry = { .backoff_ns = 25000000, .avoid_previous_hosts = true } };
	if (*prefix) {
		m = sb_alloc(b, sizeof(*m));
		*m = (struct hdl_ir_http_match){ .name = "",
						 .uri = { HDL_IR_MATCH_PREFIX, hdl_str_of(prefix), NULL },
						 .source_namespace = "" };
		r->matches = m;
		r->match_count = 1;
	}
	return r;
}

static inline void sb_mirror(struct sb *b, struct hdl_ir_http_route *r, const struct hdl_ir_cluster *c,
			     uint32_t per_million)
{
	struct hdl_ir_mirror *m = sb_alloc(b, sizeof(*m));

	*m = (struct hdl_ir_mirror){
		.destination = { .cluster = c, .cluster_name = c->name, .weight = 1, .threshold = 1ull << 32 },
		.per_million = per_million,
	};
	r->mirrors = m;
	r->mirror_count = 1;
}

/* More destinations for a route: replaces the first one's share. */
static inline void sb_split(struct hdl_ir_http_route *r, const struct hdl_ir_cluster *a, uint32_t weight_a,
			    const struct hdl_ir_cluster *c, uint32_t weight_c)
{
	struct hdl_ir_destination *d = (struct hdl_ir_destination *)(uintptr_t)r->destinations;
	uint64_t total = (uint64_t)weight_a + weight_c;

	d[0] = (struct hdl_ir_destination){ .cluster = a,
					    .cluster_name = a->name,
					    .weight = weight_a,
					    .threshold = hdl_core_threshold(weight_a, total) };
	d[1] = (struct hdl_ir_destination){
		.cluster = c, .cluster_name = c->name, .weight = weight_c, .threshold = hdl_core_threshold(total, total)
	};
	r->destination_count = 2;
}

/* Ranges, route tables, look-up tables. gateway: where the same vhost is also served for any Host "*.test". */
static inline struct hdl_snapshot *sb_finish(struct sb *b, const struct hdl_addr *gateway, uint16_t gateway_port)
{
	struct hdl_ir_route_config **configs = sb_alloc(b, 2 * sizeof(*configs));
	const char **domains = sb_alloc(b, 4 * sizeof(*domains));
	const struct hdl_ir_vhost **list = sb_alloc(b, sizeof(*list));
	int r;

	for (size_t i = 0; i < b->s->cluster_count; i++) {
		struct hdl_ir_cluster *c = b->clusters[i];

		for (int f = 0; f < HDL_FAMILIES; f++) {
			c->record.member[f].offset = b->tables->slots_used;
			for (size_t e = 0; e < c->endpoint_count; e++)
				if (!hdl_addr_is_zero(&c->endpoints[e].address[f]))
					b->tables->slot[b->tables->slots_used++] = c->endpoints[e].id;
			c->record.member[f].count = b->tables->slots_used - c->record.member[f].offset;
		}
		c->record.policy = (__u8)c->policy;
		c->record.endpoint_count = (uint32_t)c->healthy_count;
		c->record.min_health_percent = c->outlier.min_health_percent;
		assert(b->tables->slots_used < SB_SLOTS);
	}
	domains[0] = b->service->fqdn;
	domains[1] = b->service->name;
	domains[2] = "*.test";
	b->vhost->domains = domains;
	b->vhost->domain_count = 3;
	list[0] = b->vhost;
	configs[0] = sb_alloc(b, sizeof(*configs[0]));
	*configs[0] =
		(struct hdl_ir_route_config){ .name = "mesh", .port = b->port->port, .vhosts = list, .vhost_count = 1 };
	configs[1] = sb_alloc(b, sizeof(*configs[1]));
	*configs[1] = *configs[0];
	configs[1]->gateway = true;
	b->s->route_configs = configs;
	b->s->route_config_count = 2;
	b->port->route_name = configs[0]->name;
	b->port->vhost = b->vhost;
	if (gateway) {
		b->s->gateway_listeners = sb_alloc(b, sizeof(*b->s->gateway_listeners));
		b->s->gateway_listeners[0] = (struct hdl_ir_gateway_listener){ .address = *gateway,
									       .port = gateway_port,
									       .route_config = configs[1] };
		b->s->gateway_listener_count = 1;
	}
	r = hdl_route_compile(b->s);
	assert(r == 0);
	r = hdl_snapshot_seal(b->s);
	assert(r == 0);
	(void)r;
	return b->s;
}

#endif
