/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the publisher, shared by publish.c (flip and retirement), plan.c (what must change) and adopt.c (what was
 * there). A publication has three steps: a plan that touches nothing but allocators and can fail; staging, which writes
 * only what no reader at the epoch in force looks at; and the flip.
 */
#ifndef HDL_DP_PUBLISHER_H
#define HDL_DP_PUBLISHER_H

#include "base/arena.h"
#include "dp/maps.h"
#include "dp/publish.h"
#include "dp/ranges.h"
#include "dp/registry.h"

/* Identity of an endpoint: the same pod in another cluster is another record. No padding: it is hashed as bytes. */
struct hdl_endpoint_key {
	struct hdl_addr address[HDL_FAMILIES];
	uint32_t cluster;
	uint32_t port; /* host order */
};

/* What a flip put out of use, and until when it must rest: services and routes a grace period; the others, which
 * snapshots name, also until no older snapshot is in use. */
enum hdl_retired_kind {
	HDL_RETIRED_SERVICE,
	HDL_RETIRED_ROUTE,
	HDL_RETIRED_CLUSTER,
	HDL_RETIRED_ENDPOINT,
	HDL_RETIRED_SLOT,
};

struct hdl_retired {
	uint64_t epoch; /* the flip */
	enum hdl_retired_kind kind;
	uint32_t id;    /* or offset of the range */
	uint32_t count; /* of the range */
};

struct hdl_publisher {
	struct hdl_dp_maps *maps;
	struct hdl_dp_capacity capacity;
	struct hdl_registry service;      /* struct hdl_vip_key */
	struct hdl_registry service_port; /* number in the records (uint32_t) to index of route[] */
	struct hdl_registry cluster;      /* name hash (uint64_t) */
	struct hdl_registry endpoint;     /* struct hdl_endpoint_key */
	struct hdl_registry workload;     /* number of a pod (uint32_t) to index of workload_at[] */
	struct hdl_ranges route_ranges, slot_ranges;
	struct hdl_range *route; /* in force, by id of service_port */
	/* Serial of the last plan that wanted the record, by id; 0 = none. */
	uint32_t *service_seen, *service_port_seen, *cluster_seen, *endpoint_seen, *workload_seen;
	/* Where the current snapshot has it, by id. */
	const struct hdl_ir_workload **workload_at;
	struct hdl_publisher_endpoint {
		const struct hdl_ir_cluster *cluster;
		const struct hdl_ir_endpoint *endpoint;
	} * endpoint_at;
	uint64_t (*table_input)[HDL_FAMILIES]; /* of the Maglev tables in force, by cluster id; 0 = not known */
	uint32_t serial;
	bool grace_due;              /* programs may still read what the last flip put out of use */
	uint64_t graced_epoch;       /* flips up to here have had their grace period */
	struct hdl_retired *retired; /* oldest first */
	size_t retired_count, retired_capacity;
	struct hdl_snapshot **alive; /* published, oldest first, the current one last; a reference each */
	size_t alive_count, alive_capacity;
	uint32_t endpoints_in_force; /* as mapCapacity counts them */
	/* Tests: called between any two writes that a reader could see. */
	void (*step)(void *data);
	void *step_data;
};

struct hdl_plan_endpoint {
	struct hdl_plan_endpoint *next;
	uint32_t id, cluster;
	const struct hdl_ir_endpoint *endpoint;
};

struct hdl_plan_cluster {
	struct hdl_plan_cluster *next;
	uint32_t id;
	bool fresh;
	struct hdl_cluster_version version; /* epoch unset; all zero = goes */
	uint64_t table_input[HDL_FAMILIES];
};

struct hdl_plan_service {
	struct hdl_plan_service *next;
	uint32_t id;
	bool fresh, staged;
	struct hdl_service_version version; /* epoch unset */
};

struct hdl_plan_range {
	struct hdl_plan_range *next;
	struct hdl_range range;
	const void *content; /* u32 slots or route rows */
};

/* A new range for a service port; old ones are retired at the flip. */
struct hdl_plan_route {
	struct hdl_plan_route *next;
	uint32_t service_port; /* id in the registry */
	struct hdl_range range;
};

struct hdl_plan_id {
	struct hdl_plan_id *next;
	uint32_t id;
};

struct hdl_plan {
	struct hdl_publisher *publisher;
	struct hdl_snapshot *snapshot;
	struct hdl_arena *arena;
	struct hdl_err *err;
	uint64_t epoch;                      /* to come */
	uint32_t serial;                     /* of the records that this plan wants */
	struct hdl_plan_endpoint *endpoints; /* new */
	struct hdl_plan_cluster *clusters;   /* new, changed and going */
	struct hdl_plan_service *services;   /* new, changed and going (label NONE) */
	struct hdl_plan_range *slots, *rows; /* new ranges with their content */
	struct hdl_plan_route *routes;
	struct hdl_plan_id *fresh_clusters, *fresh_services, *fresh_endpoints, *fresh_ports,
		*fresh_workloads; /* for undoing */
	struct hdl_plan_id *gone_endpoints, *gone_clusters, *gone_services, *gone_ports, *gone_workloads;
	struct hdl_plan_range *retired_slots, *retired_rows;
	size_t retire_count;
	uint32_t endpoint_total;
	uint32_t *scratch[HDL_FAMILIES]; /* members of one cluster */
	uint32_t scratch_capacity;
};

/* plan.c. On failure hdl_plan_undo() gives back what the allocators gave. */
int hdl_plan_make(struct hdl_plan *plan);
void hdl_plan_undo(struct hdl_plan *plan);
/* adopt.c: takes over what is in force in the maps, and clears what is not. */
int hdl_publisher_adopt(struct hdl_publisher *publisher, struct hdl_err *err);

/* publish.c */
/* The version in force now: 0, 1 or -1. */
int hdl_publisher_service_version(const struct hdl_publisher *publisher, uint32_t id);
int hdl_publisher_cluster_version(const struct hdl_publisher *publisher, uint32_t id);
/* Ends an ejection of a record that is going, and gives its share of the budget back. */
void hdl_publisher_release_budget(struct hdl_publisher *publisher, uint32_t endpoint, uint32_t cluster);
/* Tests only. */
void hdl_publisher_set_step(struct hdl_publisher *publisher, void (*step)(void *data), void *data);

#endif
