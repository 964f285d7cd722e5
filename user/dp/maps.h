/* SPDX-License-Identifier: Apache-2.0 */
/* The maps as the unprivileged process uses them: sizes, hash look-ups, grace period; the same calls on plain memory. */
#ifndef HDL_DP_MAPS_H
#define HDL_DP_MAPS_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "dp/publish.h"
#include "heddle/abi_conn.h"

/* Entries of one map whose size follows from the capacity. */
struct hdl_dp_size {
	const char *map; /* name as in maps/maps.def */
	uint32_t entries;
};
#define HDL_DP_SIZES 20

/*
 * Room for the configured number in force and for as many more that a change replaces or that old requests still use.
 * 0, or -ERANGE with the field named: the capacity comes from another process.
 */
int hdl_dp_sizes(const struct hdl_dp_capacity *capacity, struct hdl_dp_size ret[HDL_DP_SIZES], struct hdl_err *err);
/* The capacity that maps of these sizes give. */
struct hdl_dp_capacity hdl_dp_capacity_of(const struct hdl_dp_maps *maps);

/* `vip`. Negative errno: -ENOENT, -ENOSPC, ... */
int hdl_dp_vip_get(const struct hdl_dp_maps *maps, const struct hdl_vip_key *key, uint32_t *ret_id);
int hdl_dp_vip_set(struct hdl_dp_maps *maps, const struct hdl_vip_key *key, uint32_t id);
int hdl_dp_vip_delete(struct hdl_dp_maps *maps, const struct hdl_vip_key *key);
/* The key after *key in no useful order; key NULL: the first. -ENOENT past the end. */
int hdl_dp_vip_next(const struct hdl_dp_maps *maps, const struct hdl_vip_key *key, struct hdl_vip_key *ret_next);

/* `workload`, by netns cookie. value->cookie is set here. Nothing happens on plain memory. */
int hdl_dp_workload_set(struct hdl_dp_maps *maps, uint64_t cookie, const struct hdl_workload *value);
int hdl_dp_workload_delete(struct hdl_dp_maps *maps, uint64_t cookie); /* 0 also when there is none */
/* Deletes all entries whose cookie keep() refuses; for adoption and for pods that went. Returns how many. */
unsigned int hdl_dp_workload_prune(struct hdl_dp_maps *maps, bool (*keep)(void *data, uint64_t cookie), void *data);

/*
 * Takes a record of `origin` out (signature of struct hdl_worker_conf.take_origin; maps is a struct hdl_dp_maps). Any
 * thread. 0 or -ENOENT.
 */
int hdl_dp_take_origin(void *maps, const struct hdl_origin_key *key, struct hdl_origin *ret_origin);
/*
 * Calls row() for each entry of a hash map of records, until it returns false. At most as many as there is room for in
 * an LRU map twice over: entries come and go under the walk. Nothing on plain memory (fd -1).
 */
void hdl_dp_entries(int fd, bool (*row)(void *data, const void *key, const void *value), void *data);
/* Map `node_address`; false on plain memory. */
bool hdl_dp_is_node_address(const struct hdl_dp_maps *maps, const struct hdl_addr *address);
/* Calls row() for each record of `origin` that no worker has taken yet. */
void hdl_dp_origins(const struct hdl_dp_maps *maps,
		    void (*row)(void *data, const struct hdl_origin_key *key, const struct hdl_origin *value),
		    void *data);

/* Sign of life: now is CLOCK_MONOTONIC; 0 says that the daemon is going. */
void hdl_dp_heartbeat(struct hdl_dp_maps *maps, uint64_t now_ns);

/* Returns when every BPF program that was running at the call has ended. */
int hdl_dp_grace(struct hdl_dp_maps *maps, struct hdl_err *err);

/* Values that a look-up in a per-CPU map writes; 0 = not known, and then no such look-up is safe. */
unsigned int hdl_dp_cpus(const struct hdl_dp_maps *maps);

#endif
