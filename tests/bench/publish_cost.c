/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPU time of one publication: 10,000 services of 10 endpoints, 2,000 of them with two subsets and a route of weights,
 * first as a whole and then one endpoint or one weight at a time, of snapshots that share the rest; on plain memory.
 *
 * usage: publish_cost [services [changes]]      prints "NAME nanoseconds" or "NAME bytes"
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/hash.h"
#include "base/rand.h"
#include "dp/maps.h"
#include "heddle/core/subset.h"
#include "route/table.h"

#define ENDPOINTS_EACH 10
#define SUBSETS 2
#define ROUTED_OF_TEN 2 /* services with subsets */

struct part {
	struct hdl_ir_cluster *cluster[1 + SUBSETS];
	struct hdl_ir_service *service;
	struct hdl_ir_vhost *vhost;
	unsigned int endpoints, weight;
	bool routed;
};

static size_t services = 10000, changes = 300;
static struct hdl_arena *arena; /* all parts: this program ends before it grows too large */
static struct part *part;

static void *need(void *p)
{
	if (!p) {
		fprintf(stderr, "out of memory\n");
		exit(1);
	}
	return p;
}

static void *take(size_t n, size_t size)
{
	return need(hdl_arena_calloc(arena, n, size));
}

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* subset 0: all endpoints; 1 and 2: the first four fifths, the rest. */
static struct hdl_ir_cluster *make_cluster(size_t n, unsigned int subset)
{
	struct hdl_ir_cluster *c = take(1, sizeof(*c));
	unsigned int split = ENDPOINTS_EACH * 4 / 5, end = part[n].endpoints;
	unsigned int from = subset == 2 ? split : 0, to = subset == 1 && split < end ? split : end;

	c->subset = subset == 0 ? "" : subset == 1 ? "v1" : "v2";
	c->name = need(hdl_arena_printf(arena, "outbound|80|%s|s%zu.bench.svc.cluster.local", c->subset, n));
	c->fqdn = need(hdl_arena_printf(arena, "s%zu.bench.svc.cluster.local", n));
	c->name_hash = hdl_hash64(c->name, strlen(c->name), 0);
	c->policy = HDL_POLICY_LEAST_REQUEST;
	c->endpoints = take(ENDPOINTS_EACH, sizeof(*c->endpoints));
	for (unsigned int i = from; i < to; i++) {
		struct hdl_ir_endpoint *e = &c->endpoints[c->endpoint_count++];

		e->address[HDL_FAMILY_V4] = hdl_addr_from_v4(htonl((10u << 24) + (uint32_t)n * ENDPOINTS_EACH + i + 1));
		e->port = 8080;
		e->weight = 1;
		e->status = HDL_IR_HEALTHY;
	}
	c->healthy_count = c->endpoint_count;
	return c;
}

static void make_service(size_t n)
{
	struct part *p = &part[n];
	struct hdl_ir_service *s = take(1, sizeof(*s));
	struct hdl_ir_destination *d = take(SUBSETS, sizeof(*d));
	struct hdl_addr *address = take(1, sizeof(*address));

	*address = hdl_addr_from_v4(htonl((11u << 24) + (uint32_t)n + 1));
	s->fqdn = p->cluster[0]->fqdn;
	s->addresses = address;
	s->address_count = s->port_count = 1;
	s->ports = take(1, sizeof(*s->ports));
	s->ports->service = s;
	s->ports->port = 80;
	s->ports->label = HDL_LABEL_L4;
	s->ports->destinations = d;
	s->ports->destination_count = p->routed ? SUBSETS : 1;
	for (unsigned int i = 0; i < s->ports->destination_count; i++) {
		d[i].cluster = p->cluster[p->routed ? 1 + i : 0];
		d[i].weight = i ? 100 - p->weight : p->routed ? p->weight : 100;
		d[i].threshold = hdl_core_threshold(i ? 100 : d[i].weight, 100);
	}
	p->service = s;
}

static void make_vhost(size_t n)
{
	struct hdl_ir_vhost *v = take(1, sizeof(*v));
	const char **domain = take(5, sizeof(*domain));
	const char *fqdn = part[n].cluster[0]->fqdn;

	domain[v->domain_count++] = fqdn;
	domain[v->domain_count++] = need(hdl_arena_printf(arena, "%s.", fqdn));
	domain[v->domain_count++] = need(hdl_arena_printf(arena, "s%zu", n));
	domain[v->domain_count++] = need(hdl_arena_printf(arena, "s%zu.bench", n));
	domain[v->domain_count++] = need(hdl_arena_printf(arena, "s%zu.bench.svc", n));
	v->name = fqdn;
	v->domains = domain;
	part[n].vhost = v;
}

static void make_part(size_t n, bool clusters)
{
	for (unsigned int i = 0; clusters && i <= (part[n].routed ? SUBSETS : 0); i++)
		part[n].cluster[i] = make_cluster(n, i);
	make_service(n);
	make_vhost(n);
}

/* Of all parts; a generation after `before`, of which only service n differs. */
static struct hdl_snapshot *make_snapshot(uint64_t generation)
{
	struct hdl_snapshot *s = need(hdl_snapshot_new());
	struct hdl_ir_route_config *config = need(hdl_arena_alloc(s->arena, sizeof(*config)));
	const struct hdl_ir_vhost **vhosts = need(hdl_arena_calloc(s->arena, services, sizeof(*vhosts)));

	s->generation = generation;
	s->clusters = need(hdl_arena_calloc(s->arena, services * (1 + SUBSETS), sizeof(*s->clusters)));
	s->services = need(hdl_arena_calloc(s->arena, services, sizeof(*s->services)));
	s->service_ports = need(hdl_arena_calloc(s->arena, services, sizeof(*s->service_ports)));
	s->route_configs = need(hdl_arena_calloc(s->arena, 1, sizeof(*s->route_configs)));
	for (size_t n = 0; n < services; n++) {
		for (unsigned int i = 0; i <= (part[n].routed ? SUBSETS : 0); i++)
			s->clusters[s->cluster_count++] = part[n].cluster[i];
		s->services[n] = part[n].service;
		s->service_ports[n] = part[n].service->ports;
		vhosts[n] = part[n].vhost;
	}
	s->service_count = s->service_port_count = services;
	*config = (struct hdl_ir_route_config){ .name = "80", .port = 80, .vhosts = vhosts, .vhost_count = services };
	s->route_configs[0] = config;
	s->route_config_count = 1;
	return s;
}

static void list_changes(struct hdl_snapshot *s, const struct part *before, const struct part *after)
{
	struct hdl_ir_changes *c = &s->changes;

	c->base = s->generation - 1;
	c->clusters = need(hdl_arena_calloc(s->arena, 1 + SUBSETS, sizeof(*c->clusters)));
	c->services = need(hdl_arena_calloc(s->arena, 1, sizeof(*c->services)));
	for (unsigned int i = 0; i <= SUBSETS; i++)
		if (before->cluster[i] != after->cluster[i])
			c->clusters[c->cluster_count++] =
				(struct hdl_ir_cluster_change){ before->cluster[i], after->cluster[i] };
	c->services[c->service_count++] = (struct hdl_ir_service_change){ before->service, after->service };
}

struct times {
	uint64_t publish, compile;
};

static struct hdl_snapshot *run(struct hdl_publisher *publisher, struct hdl_snapshot *s, struct hdl_snapshot *before,
				struct times *ret)
{
	struct hdl_err err;
	uint64_t begin = cpu_ns();

	if (hdl_route_compile_next(s, before) < 0)
		exit(1);
	ret->compile = cpu_ns() - begin;
	hdl_publisher_reap(publisher); /* as the daemon does between changes */
	begin = cpu_ns();
	if (hdl_publish(publisher, s, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		exit(1);
	}
	ret->publish = cpu_ns() - begin;
	hdl_snapshot_unref(before);
	return s;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void print(const char *name, uint64_t *values, size_t n)
{
	qsort(values, n, sizeof(*values), by_value);
	printf("%s_median %llu\n%s_p99 %llu\n", name, (unsigned long long)values[n / 2], name,
	       (unsigned long long)values[n - 1 - n / 100]);
}

/* One endpoint (or one weight) of a service drawn at random, again and again. */
static struct hdl_snapshot *measure(struct hdl_publisher *publisher, struct hdl_snapshot *s, const char *name,
				    bool weights, bool listed)
{
	uint64_t *publish = need(calloc(changes, sizeof(*publish))), *compile = need(calloc(changes, sizeof(*compile)));
	struct hdl_rand rand;
	char text[64];

	hdl_rand_seed(&rand, 1);
	for (size_t i = 0; i < changes; i++) {
		size_t n = hdl_rand_u32(&rand) % services / 10 * 10; /* one with subsets */
		struct part before = part[n];
		struct hdl_snapshot *next;
		struct times t;

		if (weights)
			part[n].weight = (before.weight + 1) % 100;
		else
			part[n].endpoints = before.endpoints == ENDPOINTS_EACH ? ENDPOINTS_EACH - 1 : ENDPOINTS_EACH;
		make_part(n, !weights);
		next = make_snapshot(s->generation + 1);
		if (listed)
			list_changes(next, &before, &part[n]);
		s = run(publisher, next, s, &t);
		publish[i] = t.publish;
		compile[i] = t.compile;
	}
	snprintf(text, sizeof(text), "%s_publish%s", name, listed ? "" : "_unlisted");
	print(text, publish, changes);
	snprintf(text, sizeof(text), "%s_routes%s", name, listed ? "" : "_unlisted");
	print(text, compile, changes);
	free(publish);
	free(compile);
	return s;
}

static size_t map_bytes(const struct hdl_dp_maps *m)
{
	return m->service_count * sizeof(*m->service) + m->route_count * sizeof(*m->route) +
	       m->cluster_count * (sizeof(*m->cluster) + sizeof(*m->balance)) +
	       m->endpoint_count * (sizeof(*m->endpoint) + sizeof(*m->health)) + m->slot_count * sizeof(*m->slot);
}

int main(int argc, char **argv)
{
	struct hdl_publisher *publisher;
	struct hdl_dp_capacity capacity;
	struct hdl_dp_maps maps;
	struct hdl_snapshot *s;
	struct hdl_err err;
	struct times t;

	services = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) / 10 * 10 : services;
	changes = argc > 2 ? (size_t)strtoul(argv[2], NULL, 10) : changes;
	if (services == 0 || services > 1000000 || changes == 0) {
		fprintf(stderr, "usage: publish_cost [services [changes]]\n");
		return 2;
	}
	capacity = (struct hdl_dp_capacity){ .services = (uint32_t)services + 1000,
					     .endpoints = (uint32_t)services * ENDPOINTS_EACH + 1000,
					     .flows = 4096 };
	arena = need(hdl_arena_new(0));
	part = need(calloc(services, sizeof(*part)));
	for (size_t n = 0; n < services; n++) {
		part[n] = (struct part){ .endpoints = ENDPOINTS_EACH, .weight = 90, .routed = n % 10 < ROUTED_OF_TEN };
		make_part(n, true);
	}
	if (hdl_dp_maps_memory(&maps, &capacity, &err) < 0 || !(publisher = hdl_publisher_new(&maps, &err))) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	s = run(publisher, make_snapshot(1), NULL, &t);
	printf("full_publish %llu\nfull_routes %llu\nmaps_bytes %zu\n", (unsigned long long)t.publish,
	       (unsigned long long)t.compile, map_bytes(&maps));
	s = measure(publisher, s, "endpoint", false, true);
	s = measure(publisher, s, "weight", true, true);
	s = measure(publisher, s, "endpoint", false, false);
	s = measure(publisher, s, "weight", true, false);
	hdl_snapshot_unref(s);
	hdl_publisher_free(publisher);
	hdl_dp_maps_close(&maps);
	free(part);
	hdl_arena_free(arena);
	return 0;
}
