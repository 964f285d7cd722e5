/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Publishing (promise P2): gives ids and ranges to a snapshot, stages what changed, flips the epoch, and frees what the
 * flip made unused after a grace period and after the last user of older snapshots is gone. Runs in the unprivileged
 * control thread on mapped maps; in proxy mode on plain memory of the same shape. Not thread-safe: one control thread.
 */
#ifndef HDL_DP_PUBLISH_H
#define HDL_DP_PUBLISH_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "heddle/abi_conn.h"
#include "heddle/abi_lb.h"
#include "heddle/core/tables_user.h"
#include "ir/snapshot.h"

/* The maps as one process holds them. Descriptors are -1 in proxy mode. Sizes are elements (slots for `slot`). */
struct hdl_dp_maps {
	int state_fd, vip_fd, service_fd, route_fd, cluster_fd, balance_fd, endpoint_fd, slot_fd, health_fd;
	int workload_fd, origin_fd, listener_fd, traffic_fd, verdict_fd, service_verdict_fd, grace_fd, grace_inner_fd;
	int group_fd, ring_fd, client_fd, node_address_fd, affinity_fd, udp_fd, events_fd;
	int flow_fd, interface_fd, local_pod_fd;
	int edge_flow_fd, edge_interface_fd, edge_address_fd;
	struct hdl_state *state;
	struct hdl_service *service;
	struct hdl_route_row *route;
	struct hdl_cluster *cluster;
	struct hdl_balance *balance;
	struct hdl_endpoint *endpoint;
	__u32 *slot;
	struct hdl_health *health;
	struct hdl_group *group;
	struct hdl_ring_entry *ring;
	struct hdl_client *client;
	uint32_t service_count, vip_count, route_count, cluster_count, endpoint_count, slot_count, workload_count;
	uint32_t group_count, ring_count, client_count;
	struct hdl_dp_memory *memory; /* what stands for the hash maps without a kernel; NULL when mapped */
};

/* Capacities of the maps, from NodeConfig mapCapacity. Crosses the process boundary: plain and checked. */
struct hdl_dp_capacity {
	uint32_t services;  /* service ports, each counted with each of its addresses; 0 = 16384 */
	uint32_t endpoints; /* each counted once per service port that has it, not again per subset; 0 = 32768 */
	uint32_t flows;     /* connections being handed over, and client-endpoint pairs being counted; 0 = 65536 */
};

/* Maps the descriptors (the *_fd fields are set by the caller). Negative errno with text. */
int hdl_dp_maps_open(struct hdl_dp_maps *maps, struct hdl_err *err);
/* Plain memory instead of maps: proxy mode and tests. */
int hdl_dp_maps_memory(struct hdl_dp_maps *maps, const struct hdl_dp_capacity *capacity, struct hdl_err *err);
void hdl_dp_maps_close(struct hdl_dp_maps *maps);

/* The part of the maps that the decision core reads; valid as long as maps. */
struct hdl_tables hdl_dp_tables(const struct hdl_dp_maps *maps);

struct hdl_publisher;

/*
 * Adopts what the maps hold: ids by identity (vip key; name hash of a cluster; cluster, addresses and port of an
 * endpoint), so that health, counts and established connections stay attributed after a restart.
 */
struct hdl_publisher *hdl_publisher_new(struct hdl_dp_maps *maps, struct hdl_err *err);
void hdl_publisher_free(struct hdl_publisher *publisher);

/*
 * Makes snapshot the one in force. On success (0) its "set by dp" fields are filled, epoch included, the kernel reads
 * the new epoch, and the publisher holds a reference until no older or equal epoch is in use. -ENOSPC: does not fit;
 * err names map and object; nothing has changed. An equal snapshot keeps all ids.
 */
int hdl_publish(struct hdl_publisher *publisher, struct hdl_snapshot *snapshot, struct hdl_err *err);

/*
 * From now on grace periods are waited for in a thread of their own: hdl_publisher_reap() never waits, and a publication
 * only as long as the period after the one before still lasts.
 */
void hdl_publisher_wait_aside(struct hdl_publisher *publisher);

/*
 * Frees ids and ranges of snapshots that nobody but the publisher holds any more. Call it now and then (every 100 ms).
 * Returns the number of snapshots still alive, the current one included.
 */
unsigned int hdl_publisher_reap(struct hdl_publisher *publisher);

struct hdl_snapshot *hdl_publisher_current(const struct hdl_publisher *publisher); /* borrowed; NULL before the first */

/*
 * What records of the kernel mean in the current snapshot: pod by its number (hdl_ir_workload.id, hdl_workload.id),
 * endpoint by id and generation, cluster by id. Borrowed until the next publication; NULL when it is not in the current snapshot.
 */
const struct hdl_ir_workload *hdl_publisher_find_workload(const struct hdl_publisher *publisher, uint32_t number);
const struct hdl_ir_endpoint *hdl_publisher_find_endpoint(const struct hdl_publisher *publisher, uint32_t id,
							  uint32_t generation,
							  const struct hdl_ir_cluster **ret_cluster);
const struct hdl_ir_cluster *hdl_publisher_find_cluster(const struct hdl_publisher *publisher, uint32_t id);

/*
 * The record in `client` of a pod (hdl_workload.client), by its number; 0 = it has none: that of unknown clients. found:
 * the pod was found on this node, whatever its spec says; 1 = it gets a record with the next publication, 0 = it has one,
 * or negative errno.
 */
uint32_t hdl_publisher_client(const struct hdl_publisher *publisher, uint32_t number);
int hdl_publisher_found(struct hdl_publisher *publisher, uint32_t number);

/*
 * What adoption, the first publication after it and the check of all records that ends it found: `repaired` were not what
 * they should be, `strays` belonged to nothing, `changed` were of another configuration. All 0 without adoption.
 */
struct hdl_dp_audit {
	bool adopted, done;
	uint64_t checked, changed, repaired, strays;
};
const struct hdl_dp_audit *hdl_publisher_audit(const struct hdl_publisher *publisher);

/* Fill levels for `heddlectl status`: name, used, capacity of the i-th limited table; false past the end. */
bool hdl_publisher_fill(const struct hdl_publisher *publisher, unsigned int i, const char **ret_name,
			uint64_t *ret_used, uint64_t *ret_capacity);

#endif
