/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the publisher, shared by publish.c (plan, staging and flip in turn), stage.c, plan*.c (what must change),
 * retire.c (what rests) and adopt.c (what was there). A publication has three steps: a plan that touches nothing but allocators and can fail; staging, which writes
 * only what no reader at the epoch in force looks at; and the flip.
 */
#ifndef HDL_DP_PUBLISHER_H
#define HDL_DP_PUBLISHER_H

#include "base/arena.h"
#include "base/diff.h"
#include "dp/client.h"
#include "dp/grace.h"
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
 * snapshots name, also until no older snapshot that names it is in use. */
enum hdl_retired_kind {
	HDL_RETIRED_SERVICE,
	HDL_RETIRED_ROUTE,
	HDL_RETIRED_CLIENT,
	HDL_RETIRED_CLUSTER,
	HDL_RETIRED_ENDPOINT,
	HDL_RETIRED_SLOT,
	HDL_RETIRED_GROUP, /* rows of one cluster */
	HDL_RETIRED_RING,  /* entries of one ring */
};

struct hdl_retired {
	uint64_t epoch; /* the flip */
	uint64_t born;  /* the flip with which it came: only snapshots from there to `epoch` name it */
	enum hdl_retired_kind kind;
	uint32_t id;    /* or offset of the range */
	uint32_t count; /* of the range */
	uint32_t next;  /* in its list, an index of retired[]; 0 = end */
};

/* A snapshot that may be in use, and what was retired while it was the newest that named it. */
struct hdl_publisher_alive {
	struct hdl_snapshot *snapshot; /* with a reference */
	uint32_t retired;
};

/* A list in `slot` or a ring in force: when it came, and a hash of all that it was made of (0 = not known). */
struct hdl_publisher_list {
	uint64_t born, input;
};

/* Lists of a cluster, or of one of its groups, by family. */
struct hdl_publisher_part {
	struct hdl_publisher_list turns[HDL_FAMILIES], table[HDL_FAMILIES];
};

/* What the snapshot in force says about ids. NULL: adopted, not yet in any snapshot of this process. */
struct hdl_publisher_cluster {
	const struct hdl_ir_cluster *at;
	uint64_t born, group_born;
	struct hdl_publisher_list member[HDL_FAMILIES], edge[HDL_FAMILIES];
	struct hdl_publisher_part part; /* without groups */
};

struct hdl_publisher_endpoint {
	const struct hdl_ir_cluster *cluster;
	const struct hdl_ir_endpoint *endpoint;
	uint64_t born;
};

struct hdl_publisher_port {
	const struct hdl_ir_service_port *at;
};

/* A record of `service`, by id. */
struct hdl_publisher_service {
	const struct hdl_ir_service_port *at; /* whose it is; NULL: of those who share it, or adopted */
	uint32_t visible, hidden;             /* how many share it: to them the address is known, or it is not */
	uint32_t route;                       /* id of the route in force; 0 = none */
	uint32_t touched;                     /* serial of the last plan that looked at it */
	struct hdl_plan_service *item;        /* of that plan */
};

/* Rows in `route` of the same content, by id in the registry. */
struct hdl_publisher_route {
	struct hdl_range range;
	const struct hdl_route_row *content; /* not yet in the map; NULL: it is */
	uint32_t uses;                       /* records in force */
	uint32_t going;                      /* serial of the plan that retires it */
};

/*
 * By id: the serial of the last plan that wanted the record, and of the last one in which who had it went. A record that
 * one leaves and none wants goes; one that is wanted, though who has it stays, is wanted twice.
 */
struct hdl_publisher_marks {
	uint32_t *wanted, *left;
};

struct hdl_publisher {
	struct hdl_dp_maps *maps;
	struct hdl_dp_capacity capacity;
	struct hdl_registry service;      /* struct hdl_vip_key */
	struct hdl_registry service_port; /* number in the records (uint32_t) */
	struct hdl_registry cluster;      /* name hash (uint64_t) */
	struct hdl_registry endpoint;     /* struct hdl_endpoint_key */
	struct hdl_registry workload;     /* number of a pod (uint32_t) */
	struct hdl_registry client;       /* the same, of pods that may be on this node */
	struct hdl_registry route;        /* hash of rows (uint64_t) */
	struct hdl_publisher_marks service_marks, port_marks, cluster_marks, endpoint_marks, workload_marks,
		client_marks;
	/* Where the snapshot in force has it, by id of the registries. */
	struct hdl_publisher_service *service_at;
	struct hdl_publisher_route *route_at;
	struct hdl_publisher_port *port;
	struct hdl_publisher_cluster *cluster_info;
	struct hdl_publisher_part *group_part; /* by row of `group` */
	struct hdl_publisher_endpoint *endpoint_at;
	const struct hdl_ir_workload **workload_at;
	struct hdl_ranges route_ranges, slot_ranges, group_ranges, ring_ranges;
	uint32_t serial;
	bool grace_due;              /* programs may still read what the last flip put out of use */
	struct hdl_grace *grace;     /* waits aside; NULL: who needs it waits */
	uint64_t grace_number;       /* of the period that is due */
	uint64_t graced_epoch;       /* flips up to here have had their grace period */
	struct hdl_retired *retired; /* all lists; [0] is none */
	uint32_t retired_count, retired_capacity, retired_spare;
	uint32_t resting; /* list: named by no snapshot in use, and perhaps not yet after its grace period */
	struct hdl_publisher_alive *alive; /* oldest first, the one in force last */
	size_t alive_count, alive_capacity;
	uint32_t endpoints_in_force, services_in_force; /* as mapCapacity counts them */
	struct hdl_client_table *clients;               /* of the snapshot in force; NULL before the first */
	uint32_t *found; /* numbers of pods found here though their spec says otherwise */
	size_t found_count;
	bool found_changed;
	struct hdl_dp_audit audit;
	uint32_t *node_ports;   /* by number: records in force */
	uint32_t prefixes[128]; /* by prefix of their key: records of ranges in force */
	uint32_t hints;         /* enum hdl_state_flags of the epoch in force */
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
	struct hdl_publisher_cluster info;
};

struct hdl_plan_service {
	struct hdl_plan_service *next, *staged_next;
	uint32_t id;
	bool fresh, staged;
	bool claimed;                           /* by port, alone */
	bool came, gone;                        /* to and from what is in force */
	const struct hdl_ir_service_port *port; /* for messages when nobody claims it */
	uint32_t route;                         /* id in the registry; 0 = none */
	struct hdl_service_version version;     /* epoch unset */
};

struct hdl_plan_client {
	struct hdl_plan_client *next;
	uint32_t id;
	struct hdl_client_version version; /* epoch unset */
};

/* What a plan added to counters of the publisher, for undoing: of a route, or of who share a service (visible, hidden). */
struct hdl_plan_use {
	struct hdl_plan_use *next;
	uint32_t id;
	int change[2];
};

struct hdl_plan_range {
	struct hdl_plan_range *next;
	struct hdl_range range;
	const void *content; /* u32 slots, route or group rows, ring entries; NULL when it goes */
	uint64_t born;       /* when it goes */
};

/* Who has the id of a service port from the flip on. */
struct hdl_plan_port {
	struct hdl_plan_port *next;
	uint32_t id;
	const struct hdl_ir_service_port *port;
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
	uint64_t now_ns;                     /* CLOCK_MONOTONIC: endpoints that are new are so from now on */
	uint32_t serial;                     /* of the records that this plan wants */
	struct hdl_plan_endpoint *endpoints; /* new */
	struct hdl_plan_cluster *clusters;   /* new, changed and going */
	struct hdl_plan_service *services;   /* new, changed and going (label NONE) */
	struct hdl_plan_range *slots, *rows, *groups, *rings; /* new ranges with their content */
	struct hdl_plan_service *touched;                     /* all records of services that the difference concerns */
	struct hdl_plan_use *route_uses, *service_uses;
	struct hdl_client_table *clients;       /* NULL: the one in force stays */
	struct hdl_plan_client *client_records; /* new, changed and going */
	struct hdl_plan_port *ports;
	struct hdl_plan_id *fresh_clusters, *fresh_services, *fresh_endpoints, *fresh_ports, *fresh_workloads,
		*fresh_clients, *fresh_routes; /* for undoing */
	struct hdl_plan_id *gone_endpoints, *gone_clusters, *gone_services, *gone_ports, *gone_workloads, *gone_clients,
		*gone_routes;
	struct hdl_plan_range *retired_slots, *retired_rows, *retired_groups, *retired_rings;
	size_t retire_count;
	struct hdl_diff workload_diff, cluster_diff, port_diff; /* to the snapshot in force */
	uint32_t endpoint_total, service_total;
	uint32_t *scratch[HDL_FAMILIES];      /* members of one cluster */
	uint32_t *scratch_from[HDL_FAMILIES]; /* their places among its endpoints */
	uint32_t *scratch_edge[HDL_FAMILIES]; /* places of those of the edge */
	uint32_t edge_count[HDL_FAMILIES];
	uint32_t scratch_capacity;
};

/* plan.c. On failure hdl_plan_undo() gives back what the allocators gave. */
int hdl_plan_make(struct hdl_plan *plan);
void hdl_plan_undo(struct hdl_plan *plan);
/* A list item in the plan's arena; NULL sets plan->err. */
void *hdl_plan_item(struct hdl_plan *plan, size_t size);
int hdl_plan_push_id(struct hdl_plan *plan, struct hdl_plan_id **list, uint32_t id);
int hdl_plan_push_range(struct hdl_plan *plan, struct hdl_plan_range **list, struct hdl_range range,
			const void *content);
int hdl_plan_retire_range(struct hdl_plan *plan, struct hdl_plan_range **list, struct hdl_range range, uint64_t born);
/* Gives the key an id: the one it has, or a new one, noted for undoing. */
int hdl_plan_intern(struct hdl_plan *plan, struct hdl_registry *registry, const void *key, struct hdl_plan_id **fresh,
		    const char *map, const char *what, const char *name, uint32_t *ret_id, bool *ret_fresh);
/* Puts an id whose holder left on the list of those that go, unless somebody wants it; each once. */
int hdl_plan_leave(struct hdl_plan *plan, struct hdl_publisher_marks *marks, uint32_t id, struct hdl_plan_id **gone);
/* Shared parts are read by other threads: nothing is stored that is there already. */
static inline void hdl_plan_set_u32(uint32_t *field, uint32_t value)
{
	if (*field != value)
		*field = value;
}

/* A list or ring of a cluster, or of a group of it: what is to be in the place of what is. */
struct hdl_plan_list {
	struct hdl_range *range;         /* in: in force; out: as it is to be */
	struct hdl_publisher_list *info; /* the same */
	const char *what;                /* "endpoint list" */
};

/* Endpoints from which a table is made: places among those of the cluster. */
struct hdl_plan_hosts {
	const struct hdl_ir_cluster *cluster;
	const uint32_t *from;
	uint32_t count;
	int family;
};

/* plan_list.c: lists in `slot`, rings and tables, each left as it is when it would be the same again. */
int hdl_plan_slots(struct hdl_plan *plan, const struct hdl_ir_cluster *cluster, const struct hdl_plan_list *list,
		   const uint32_t *content, uint32_t count);
int hdl_plan_maglev(struct hdl_plan *plan, const struct hdl_plan_hosts *hosts, uint32_t size,
		    const struct hdl_plan_list *list);
int hdl_plan_ring(struct hdl_plan *plan, const struct hdl_plan_hosts *hosts, uint32_t minimum,
		  const struct hdl_plan_list *list);
int hdl_plan_turns(struct hdl_plan *plan, const struct hdl_plan_hosts *hosts, const struct hdl_plan_list *list);
/* plan_group.c: rows of `group`. now: the record in force, NULL = none. */
int hdl_plan_groups(struct hdl_plan *plan, const struct hdl_ir_cluster *cluster, const struct hdl_cluster_version *now,
		    const uint32_t count[HDL_FAMILIES], struct hdl_plan_cluster *item);
/* Lists of a part of the cluster: members from[f] of it, whose ranges are in place. policy_now: of what is in force. */
struct hdl_plan_part {
	const uint32_t *from[HDL_FAMILIES];
	uint32_t count[HDL_FAMILIES];
	struct hdl_range *turns, *table; /* by family */
	struct hdl_publisher_part *info;
	uint8_t policy_now;
};
int hdl_plan_part(struct hdl_plan *plan, const struct hdl_ir_cluster *cluster, const struct hdl_plan_part *part);
/* Retires all lists of a part. */
int hdl_plan_part_gone(struct hdl_plan *plan, uint8_t policy, const struct hdl_range *turns,
		       const struct hdl_range *table, const struct hdl_publisher_part *info);
/* Retires groups and all that is theirs. */
int hdl_plan_groups_gone(struct hdl_plan *plan, const struct hdl_cluster_version *now, uint64_t born);

static inline uint32_t hdl_plan_endpoint_flags(const struct hdl_ir_endpoint *endpoint)
{
	return endpoint->local ? HDL_ENDPOINT_LOCAL : 0;
}

/* plan_cluster.c: of the clusters that went and came. */
void hdl_plan_clusters_left(struct hdl_plan *plan);
int hdl_plan_clusters_came(struct hdl_plan *plan);
int hdl_plan_clusters_gone(struct hdl_plan *plan);
/* Puts all that nobody wants on the list: after adoption. */
int hdl_plan_leave_unwanted(struct hdl_plan *plan, const struct hdl_registry *registry,
			    struct hdl_publisher_marks *marks, struct hdl_plan_id **gone);
/* plan_service.c: of the service ports that went and came; settle: what becomes of the records that they touch. */
int hdl_plan_services_left(struct hdl_plan *plan);
int hdl_plan_services_came(struct hdl_plan *plan);
int hdl_plan_services_settle(struct hdl_plan *plan);
int hdl_plan_services_gone(struct hdl_plan *plan);
uint32_t hdl_publisher_port_id(const struct hdl_publisher *publisher, const struct hdl_ir_service_port *port);
/* Key of a port at the a-th of its service's addresses. */
struct hdl_vip_key hdl_plan_vip_key(const struct hdl_ir_service_port *port, size_t a);
/* plan_route.c: the route with these destinations; 0 when there are none. */
int hdl_plan_route(struct hdl_plan *plan, const struct hdl_ir_service_port *port,
		   const struct hdl_ir_destination *destinations, size_t count, uint32_t *ret_id);
/* The cluster of a route with one destination that takes all, 0 of any other. */
uint32_t hdl_plan_route_only(const struct hdl_plan *plan, uint32_t id);
int hdl_plan_route_use(struct hdl_plan *plan, uint32_t id, int change);
int hdl_plan_routes_gone(struct hdl_plan *plan);
/* plan_client.c: classes, and ports whose meaning changed with them; before the two above. */
int hdl_plan_clients(struct hdl_plan *plan);
const struct hdl_client_table *hdl_plan_client_table(const struct hdl_plan *plan);
/* adopt.c: takes over what is in force in the maps, and clears what is not. */
int hdl_publisher_adopt(struct hdl_publisher *publisher, struct hdl_err *err);

/* audit.c: after the first publication over adopted maps; and zeroes what no id of the registry has, counting. */
int hdl_publisher_audit_maps(struct hdl_publisher *publisher);
uint64_t hdl_publisher_clear_strays(void *array, size_t size, uint32_t count, const struct hdl_registry *registry);

/* retire.c: what rests, and when it is free again. */
int hdl_publisher_reserve_retired(struct hdl_publisher *publisher, size_t more); /* retire() cannot fail for so many */
/* Retires at the flip to epoch, while the snapshot before it is still the last of alive[]. */
void hdl_publisher_retire(struct hdl_publisher *publisher, const struct hdl_retired *item);
/* Lets go of snapshots that only the publisher holds; the one in force stays. */
void hdl_publisher_drop_snapshots(struct hdl_publisher *publisher);
/* Frees what nobody can have in hand any more. */
void hdl_publisher_reclaim(struct hdl_publisher *publisher);
/* Ends an ejection of a record that is going, and gives its share of the budget back. */
void hdl_publisher_release_budget(struct hdl_publisher *publisher, uint32_t endpoint, uint32_t cluster);

/* stage.c: into what no reader at the epoch in force looks at. */
int hdl_plan_stage(const struct hdl_plan *plan);
/* Takes back all that was staged: the epoch stays, so nobody used it. */
void hdl_plan_unstage(const struct hdl_plan *plan);
/* Programs may read what was just put out of use. */
void hdl_publisher_owe_grace(struct hdl_publisher *publisher);

/* Hints of the state record, as far as they are needed from the next flip on; and exactly, after a grace period. */
void hdl_publisher_widen_hints(struct hdl_publisher *publisher, const struct hdl_plan *plan);
void hdl_publisher_set_hints(struct hdl_publisher *publisher);
bool hdl_publisher_hints_are_wide(const struct hdl_publisher *publisher); /* a grace period would narrow the flags */

/* publish.c */
void hdl_publisher_step(const struct hdl_publisher *publisher);
/* The version in force now: 0, 1 or -1. */
int hdl_publisher_service_version(const struct hdl_publisher *publisher, uint32_t id);
int hdl_publisher_cluster_version(const struct hdl_publisher *publisher, uint32_t id);
int hdl_publisher_client_version(const struct hdl_publisher *publisher, uint32_t id);
/* Tests only. */
void hdl_publisher_set_step(struct hdl_publisher *publisher, void (*step)(void *data), void *data);

#endif
