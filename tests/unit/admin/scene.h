/* SPDX-License-Identifier: Apache-2.0 */
/* A small snapshot in force on plain memory, as the admin pages see it: two clusters of one service, one HTTP route. */
#ifndef HDL_TESTS_ADMIN_SCENE_H
#define HDL_TESTS_ADMIN_SCENE_H

#include <jansson.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "admin/page.h"
#include "base/addr.h"
#include "base/clock.h"
#include "base/hash.h"
#include "heddle/core/subset.h"
#include "unit/unit.h"

struct scene {
	struct hdl_admin_latency latency;
	uint64_t rolled_back_to;
	struct hdl_dp_maps maps;
	struct hdl_publisher *publisher;
	struct hdl_snapshot *snapshot;
	enum hdl_admin_state state;
	uint64_t now_ns;
	/* what the pages asked for */
	uint64_t reload_call;
	unsigned int drains;
	int reload_result;
};

static const struct hdl_ir_origin scene_vs = { "VirtualService", "demo", "reviews", "/etc/heddle/vs.yaml", 12, 5 };
static const struct hdl_ir_origin scene_dr = { "DestinationRule", "demo", "reviews", "/etc/heddle/dr.yaml", 2, 1 };

static inline struct hdl_addr scene_v4(unsigned int host)
{
	return hdl_addr_from_v4(__builtin_bswap32(0x0a000000 + host));
}

static inline struct hdl_addr scene_v6(unsigned int host)
{
	struct hdl_addr a = { .byte = { 0xfd, 0x77 } };

	a.byte[15] = (uint8_t)host;
	return a;
}

static inline struct hdl_ir_cluster *scene_cluster(struct hdl_arena *arena, const struct hdl_ir_service *service,
						   const char *subset, size_t endpoints)
{
	struct hdl_ir_cluster *cluster = hdl_arena_alloc(arena, sizeof(*cluster));

	cluster->name = hdl_arena_printf(arena, "outbound|9080|%s|%s", subset, service->fqdn);
	cluster->name_hash = hdl_hash64(cluster->name, strlen(cluster->name), 0);
	cluster->fqdn = service->fqdn;
	cluster->subset = subset;
	cluster->hash_name = "";
	cluster->port = 9080;
	cluster->service = service;
	cluster->policy = HDL_POLICY_ROUND_ROBIN;
	cluster->endpoints = hdl_arena_calloc(arena, endpoints, sizeof(*cluster->endpoints));
	cluster->endpoint_count = cluster->healthy_count = endpoints;
	cluster->outlier = (struct hdl_ir_outlier){ .enabled = true, .max_ejection_percent = 100 };
	for (size_t i = 0; i < endpoints; i++) {
		cluster->endpoints[i].address[HDL_FAMILY_V4] = scene_v4((unsigned int)i + 1);
		cluster->endpoints[i].address[HDL_FAMILY_V6] = scene_v6((unsigned int)i + 1);
		cluster->endpoints[i].port = 9080;
		cluster->endpoints[i].weight = 1;
		cluster->endpoints[i].locality = (struct hdl_ir_locality){ "", "", "" };
	}
	if (subset[0])
		cluster->rule = scene_dr;
	return cluster;
}

static inline struct hdl_ir_route_config *scene_routes(struct hdl_arena *arena, const struct hdl_ir_service *service,
						       const struct hdl_ir_cluster *v1)
{
	struct hdl_ir_route_config *config = hdl_arena_alloc(arena, sizeof(*config));
	struct hdl_ir_vhost *vhost = hdl_arena_alloc(arena, sizeof(*vhost));
	struct hdl_ir_http_route *route = hdl_arena_alloc(arena, sizeof(*route));
	struct hdl_ir_http_match *match = hdl_arena_alloc(arena, sizeof(*match));
	struct hdl_ir_named_match *header = hdl_arena_alloc(arena, sizeof(*header));
	struct hdl_ir_destination *destination = hdl_arena_calloc(arena, 2, sizeof(*destination));
	const char **domains = hdl_arena_alloc(arena, sizeof(*domains));
	const struct hdl_ir_vhost **vhosts = hdl_arena_alloc(arena, sizeof(*vhosts));

	*header = (struct hdl_ir_named_match){ HDL_STR("x-role"), { HDL_IR_MATCH_EXACT, HDL_STR("admin"), NULL } };
	*match = (struct hdl_ir_http_match){ .name = "", .uri = { HDL_IR_MATCH_PREFIX, HDL_STR("/admin"), NULL } };
	match->headers = header;
	match->header_count = 1;
	match->source_namespace = "";
	match->origin = scene_vs;
	destination[0] = (struct hdl_ir_destination){ .cluster = v1, .cluster_name = v1->name, .weight = 90 };
	destination[1] = (struct hdl_ir_destination){ .cluster_name = "outbound|9080|v9|x", .weight = 10 };
	*route = (struct hdl_ir_http_route){
		.name = "canary", .matches = match, .match_count = 1, .timeout_ns = 250000000
	};
	route->destinations = destination;
	route->destination_count = 2;
	route->retry.attempts = 2;
	route->origin = scene_vs;
	domains[0] = service->fqdn;
	*vhost =
		(struct hdl_ir_vhost){ .name = "reviews:9080", .domains = domains, .domain_count = 1, .routes = route };
	vhost->route_count = 1;
	vhost->service = service;
	vhosts[0] = vhost;
	*config = (struct hdl_ir_route_config){ .name = "9080", .port = 9080, .vhosts = vhosts, .vhost_count = 1 };
	return config;
}

static inline struct hdl_snapshot *scene_snapshot(void)
{
	struct hdl_snapshot *s = hdl_snapshot_new();
	struct hdl_arena *arena = s->arena;
	struct hdl_ir_service *service = hdl_arena_alloc(arena, sizeof(*service));
	struct hdl_ir_service_port *port = hdl_arena_alloc(arena, sizeof(*port));
	struct hdl_ir_destination *destination = hdl_arena_alloc(arena, sizeof(*destination));
	struct hdl_addr *address = hdl_arena_alloc(arena, sizeof(*address));

	*address = scene_v4(0x600010);
	*service = (struct hdl_ir_service){ .fqdn = "reviews.demo.svc.cluster.local", .ns = "demo", .name = "reviews" };
	service->addresses = address;
	service->address_count = 1;
	service->ports = port;
	service->port_count = 1;
	s->services = hdl_arena_alloc(arena, sizeof(*s->services));
	s->services[0] = service;
	s->service_count = 1;
	s->clusters = hdl_arena_calloc(arena, 2, sizeof(*s->clusters));
	s->clusters[0] = scene_cluster(arena, service, "", 2);
	s->clusters[1] = scene_cluster(arena, service, "v1", 1);
	s->cluster_count = 2;
	s->route_configs = hdl_arena_alloc(arena, sizeof(*s->route_configs));
	s->route_configs[0] = scene_routes(arena, service, s->clusters[1]);
	s->route_config_count = 1;
	*destination = (struct hdl_ir_destination){
		.cluster = s->clusters[0], .cluster_name = s->clusters[0]->name, .weight = 1, .threshold = 1ull << 32
	};
	*port = (struct hdl_ir_service_port){
		.id = 1, .service = service, .name = "http", .port = 9080, .target_port = 9080
	};
	port->protocol = HDL_IR_HTTP;
	port->label = HDL_LABEL_REQUEST;
	port->label_reason = "rules about \"requests\"";
	port->label_origin = scene_vs;
	port->destinations = destination;
	port->destination_count = 1;
	port->cluster = s->clusters[0];
	port->route_name = s->route_configs[0]->name;
	s->service_ports = hdl_arena_alloc(arena, sizeof(*s->service_ports));
	s->service_ports[0] = port;
	s->service_port_count = 1;
	s->node = (struct hdl_ir_node){ .node_name = "node-a",
					.domain = "",
					.root_namespace = "",
					.access_log_path = "",
					.access_log_format = "",
					.locality = { "", "", "" } };
	assert_int_equal(hdl_snapshot_seal(s), 0);
	return s;
}

static bool scene_file(void *data, size_t i, struct hdl_admin_file *ret)
{
	(void)data;
	*ret = (struct hdl_admin_file){ "/etc/heddle/vs.yaml", 3, 2, 1, 1, "/etc/heddle/vs.yaml:7:5: error: bad" };
	return i == 0;
}

static bool scene_diag(void *data, size_t i, struct hdl_admin_diag *ret)
{
	(void)data;
	*ret = (struct hdl_admin_diag){ "error",
					"/etc/heddle/vs.yaml",
					"VirtualService",
					"demo",
					"v",
					NULL,
					"bad",
					7,
					5,
					"/etc/heddle/vs.yaml:7:5: error: bad" };
	return i == 0;
}

/* Two epochs: 4 was refused, 3 changed two objects. */
static bool scene_epoch(void *data, size_t i, struct hdl_admin_epoch *ret)
{
	(void)data;
	*ret = (struct hdl_admin_epoch){ .epoch = 3 };
	if (i == 0)
		ret->refused = "the map is full";
	else
		*ret = (struct hdl_admin_epoch){ .epoch = 3, .kept = true, .added = 1, .removed = 1, .listed = 2 };
	return i < 2;
}

static bool scene_change(void *data, size_t i, size_t j, struct hdl_admin_change *ret)
{
	(void)data;
	*ret = (struct hdl_admin_change){ j ? "removed" : "added", "Service", "", "demo", "web", "a.yaml", 7 };
	return i == 1 && j < 2;
}

static bool scene_object(void *data, size_t i, struct hdl_admin_object *ret)
{
	(void)data;
	*ret = (struct hdl_admin_object){ "Service", "demo", i ? "web" : "db", "a.yaml",
					  7,         i == 0, 3 * (i == 0),     i ? "bad" : "" };
	return i < 2;
}

static void scene_view(void *data, struct hdl_admin_view *ret)
{
	struct scene *scene = data;

	*ret = (struct hdl_admin_view){ .state = scene->state,
					.now_ns = scene->now_ns,
					.start_ns = HDL_NS_PER_S,
					.kernel_release = "6.1.0",
					.maps = scene->publisher ? &scene->maps : NULL,
					.publisher = scene->publisher,
					.snapshot = scene->snapshot,
					.file_count = 1,
					.file = scene_file,
					.diag_count = 1,
					.diag_errors = 1,
					.diag = scene_diag,
					.latency = &scene->latency,
					.rolled_back_to = scene->rolled_back_to,
					.epoch_count = 2,
					.epoch_at = scene_epoch,
					.change_at = scene_change,
					.object_at = scene_object,
					.data = scene };
}

static void scene_refresh(void *data)
{
	(void)data;
}

static int scene_reload(void *data, uint64_t call)
{
	struct scene *scene = data;

	scene->reload_call = call;
	return scene->reload_result;
}

static void scene_drain(void *data)
{
	((struct scene *)data)->drains++;
}

static int scene_rollback(void *data, uint64_t call, uint64_t epoch, struct hdl_err *err)
{
	struct scene *scene = data;

	if (epoch != 3)
		return hdl_err_set(err, -ENOENT, "epoch %d is not in the history", (int)epoch);
	scene->reload_call = call;
	return 0;
}

static void scene_documents(void *data, struct hdl_jsonw *w)
{
	(void)data;
	hdl_jsonw_kstr(w, "secret", "in the clear");
}

static void scene_statuses(void *data, struct hdl_jsonw *w, const char *kind, const char *ns, const char *name)
{
	(void)data;
	hdl_jsonw_object(w);
	hdl_jsonw_kstr(w, "kind", kind);
	hdl_jsonw_kstr(w, "namespace", ns);
	hdl_jsonw_kstr(w, "name", name);
	hdl_jsonw_object_end(w);
}

static inline struct hdl_admin_ops scene_ops(struct scene *scene)
{
	return (struct hdl_admin_ops){ .view = scene_view,
				       .refresh = scene_refresh,
				       .reload = scene_reload,
				       .drain = scene_drain,
				       .rollback = scene_rollback,
				       .documents = scene_documents,
				       .statuses = scene_statuses,
				       .data = scene };
}

static inline int scene_setup(void **state)
{
	static const struct hdl_dp_capacity capacity = { .services = 16, .endpoints = 64, .flows = 16 };
	struct scene *scene = calloc(1, sizeof(*scene));
	struct hdl_err err;

	assert_non_null(scene);
	assert_int_equal(hdl_dp_maps_memory(&scene->maps, &capacity, &err), 0);
	scene->publisher = hdl_publisher_new(&scene->maps, &err);
	assert_non_null(scene->publisher);
	scene->snapshot = scene_snapshot();
	assert_int_equal(hdl_publish(scene->publisher, scene->snapshot, &err), 0);
	scene->state = HDL_ADMIN_READY;
	scene->now_ns = 100 * HDL_NS_PER_S;
	*state = scene;
	return 0;
}

static inline int scene_teardown(void **state)
{
	struct scene *scene = *state;

	hdl_snapshot_unref(scene->snapshot);
	hdl_publisher_free(scene->publisher);
	hdl_dp_maps_close(&scene->maps);
	free(scene);
	return 0;
}

#endif
