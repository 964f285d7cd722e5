/* SPDX-License-Identifier: Apache-2.0 */
/* Opens the maps by mapping the arrays, or makes plain memory of the same shape. */
#include "dp/maps.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/membarrier.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "dp/registry.h"
#include "heddle/abi_check.h"

#define SERVICES_MAX (1u << 20)
#define ENDPOINTS_MAX (1u << 21)
#define FLOWS_MAX (1u << 23)
#define EXTRA 64 /* so that tiny capacities can still be replaced in one change */
#define DEFAULT_SERVICES 16384
#define DEFAULT_ENDPOINTS 32768
#define DEFAULT_FLOWS 65536
#define RECORDS_PER_ENDPOINT 4  /* subsets, and those that a change replaces */
#define RING_ENTRIES (1u << 17) /* for hash rings: 128 of the default size */
#define TABLE_SLOTS (1u << 20)  /* for Maglev tables: 16 of the default size */

struct hdl_dp_memory {
	struct hdl_registry vip; /* keys; its ids index vip_id */
	uint32_t *vip_id;
	uint32_t vip_capacity;
};

struct array {
	const char *name;
	size_t fd, pointer; /* offsets in struct hdl_dp_maps */
	uint32_t element;   /* bytes */
};

#define ARRAY(name, type)                                                                                        \
	{                                                                                                        \
#name, offsetof(struct hdl_dp_maps, name##_fd), offsetof(struct hdl_dp_maps, name), sizeof(type) \
	}
static const struct array arrays[] = {
	ARRAY(state, struct hdl_state),     ARRAY(service, struct hdl_service), ARRAY(route, struct hdl_route_row),
	ARRAY(cluster, struct hdl_cluster), ARRAY(balance, struct hdl_balance), ARRAY(endpoint, struct hdl_endpoint),
	ARRAY(slot, struct hdl_slots),      ARRAY(health, struct hdl_health),   ARRAY(group, struct hdl_group),
	ARRAY(ring, struct hdl_ring_entry), ARRAY(client, struct hdl_client),
};
#undef ARRAY
#define ARRAYS (sizeof(arrays) / sizeof(arrays[0]))

static int array_fd(const struct hdl_dp_maps *maps, const struct array *array)
{
	return *(const int *)((const char *)maps + array->fd);
}

static void **array_pointer(struct hdl_dp_maps *maps, const struct array *array)
{
	return (void **)((char *)maps + array->pointer);
}

/* Elements of the i-th array as maps counts them. */
static uint32_t array_count(const struct hdl_dp_maps *maps, const struct array *array)
{
	switch (array->pointer) {
	case offsetof(struct hdl_dp_maps, state):
		return 1;
	case offsetof(struct hdl_dp_maps, service):
		return maps->service_count;
	case offsetof(struct hdl_dp_maps, route):
		return maps->route_count;
	case offsetof(struct hdl_dp_maps, cluster):
	case offsetof(struct hdl_dp_maps, balance):
		return maps->cluster_count;
	case offsetof(struct hdl_dp_maps, slot):
		return maps->slot_count / HDL_SLOTS_PER_ELEMENT;
	case offsetof(struct hdl_dp_maps, group):
		return maps->group_count;
	case offsetof(struct hdl_dp_maps, ring):
		return maps->ring_count;
	case offsetof(struct hdl_dp_maps, client):
		return maps->client_count;
	default:
		return maps->endpoint_count;
	}
}

static size_t array_bytes(const struct hdl_dp_maps *maps, const struct array *array)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return ((size_t)array_count(maps, array) * array->element + page - 1) / page * page;
}

int hdl_dp_sizes(const struct hdl_dp_capacity *capacity, struct hdl_dp_size ret[HDL_DP_SIZES], struct hdl_err *err)
{
	uint32_t services = capacity->services ? capacity->services : DEFAULT_SERVICES;
	uint32_t endpoints = capacity->endpoints ? capacity->endpoints : DEFAULT_ENDPOINTS;
	uint32_t flows = capacity->flows ? capacity->flows : DEFAULT_FLOWS;
	uint32_t records = endpoints > ENDPOINTS_MAX ? 0 : RECORDS_PER_ENDPOINT * endpoints + EXTRA + 1;

	if (services > SERVICES_MAX)
		return hdl_err_set(err, -ERANGE, "mapCapacity.services %u is over %u", services, SERVICES_MAX);
	if (endpoints > ENDPOINTS_MAX)
		return hdl_err_set(err, -ERANGE, "mapCapacity.endpoints %u is over %u", endpoints, ENDPOINTS_MAX);
	if (flows > FLOWS_MAX)
		return hdl_err_set(err, -ERANGE, "mapCapacity.flows %u is over %u", flows, FLOWS_MAX);
	const struct hdl_dp_size sizes[HDL_DP_SIZES] = {
		{ "vip", 2 * services + EXTRA },
		{ "service", 2 * services + EXTRA + 1 },
		{ "route", 8 * services + 16 * EXTRA },
		{ "cluster", 4 * services + 4 * EXTRA + 1 },
		{ "balance", 4 * services + 4 * EXTRA + 1 },
		{ "endpoint", records },
		{ "health", records },
		/* Twice, old and new; both families. */
		{ "slot", (4 * records + TABLE_SLOTS) / HDL_SLOTS_PER_ELEMENT },
		{ "group", services + 4 * EXTRA },
		{ "ring", 4 * services + RING_ENTRIES },
		{ "client", endpoints + EXTRA + 1 },
		{ "affinity", flows },
		{ "udp", flows },
		{ "flow", flows },
		{ "edge_flow", flows },
		{ "edge_address", services },
		{ "origin", flows },
		{ "traffic", flows },
		{ "workload", 16384 },
		{ "listener", HDL_WORKERS_MAX * HDL_FAMILIES },
	};
	memcpy(ret, sizes, sizeof(sizes));
	return 0;
}

struct hdl_dp_capacity hdl_dp_capacity_of(const struct hdl_dp_maps *maps)
{
	uint32_t services = maps->vip_count > EXTRA ? (maps->vip_count - EXTRA) / 2 : 0;
	uint32_t endpoints =
		maps->endpoint_count > EXTRA + 1 ? (maps->endpoint_count - EXTRA - 1) / RECORDS_PER_ENDPOINT : 0;

	return (struct hdl_dp_capacity){ .services = services, .endpoints = endpoints };
}

static int map_info(int fd, const char *name, uint32_t value_size, uint32_t *ret_entries, struct hdl_err *err)
{
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);

	if (fd < 0)
		return hdl_err_set(err, -EBADF, "map %s: no descriptor", name);
	if (bpf_obj_get_info_by_fd(fd, &info, &size) != 0)
		return hdl_err_set(err, -errno, "map %s: %s", name, strerror(errno));
	if (info.value_size != value_size)
		return hdl_err_set(err, -EPROTO, "map %s has values of %u bytes, expected %u", name, info.value_size,
				   value_size);
	*ret_entries = info.max_entries;
	return 0;
}

static int read_counts(struct hdl_dp_maps *maps, struct hdl_err *err)
{
	const struct {
		const char *name;
		int fd;
		uint32_t value_size, *count;
	} sized[] = {
		{ "vip", maps->vip_fd, sizeof(__u32), &maps->vip_count },
		{ "service", maps->service_fd, sizeof(struct hdl_service), &maps->service_count },
		{ "route", maps->route_fd, sizeof(struct hdl_route_row), &maps->route_count },
		{ "cluster", maps->cluster_fd, sizeof(struct hdl_cluster), &maps->cluster_count },
		{ "endpoint", maps->endpoint_fd, sizeof(struct hdl_endpoint), &maps->endpoint_count },
		{ "slot", maps->slot_fd, sizeof(struct hdl_slots), &maps->slot_count },
		{ "group", maps->group_fd, sizeof(struct hdl_group), &maps->group_count },
		{ "ring", maps->ring_fd, sizeof(struct hdl_ring_entry), &maps->ring_count },
		{ "client", maps->client_fd, sizeof(struct hdl_client), &maps->client_count },
		{ "workload", maps->workload_fd, sizeof(struct hdl_workload), &maps->workload_count },
	};
	uint32_t paired;
	int r;

	for (size_t i = 0; i < sizeof(sized) / sizeof(sized[0]); i++) {
		r = map_info(sized[i].fd, sized[i].name, sized[i].value_size, sized[i].count, err);
		if (r < 0)
			return r;
	}
	r = map_info(maps->balance_fd, "balance", sizeof(struct hdl_balance), &paired, err);
	if (r < 0)
		return r;
	if (paired < maps->cluster_count)
		maps->cluster_count = paired;
	r = map_info(maps->health_fd, "health", sizeof(struct hdl_health), &paired, err);
	if (r < 0)
		return r;
	if (paired < maps->endpoint_count)
		maps->endpoint_count = paired;
	if (maps->slot_count > UINT32_MAX / HDL_SLOTS_PER_ELEMENT)
		return hdl_err_set(err, -E2BIG, "map slot has %u elements", maps->slot_count);
	maps->slot_count *= HDL_SLOTS_PER_ELEMENT;
	return map_info(maps->state_fd, "state", sizeof(struct hdl_state), &paired, err);
}

static void unmap_arrays(struct hdl_dp_maps *maps)
{
	for (size_t i = 0; i < ARRAYS; i++) {
		void **pointer = array_pointer(maps, &arrays[i]);

		if (*pointer)
			munmap(*pointer, array_bytes(maps, &arrays[i]));
		*pointer = NULL;
	}
}

/* flags: MAP_SHARED of the descriptors, or MAP_PRIVATE | MAP_ANONYMOUS. */
static int map_arrays(struct hdl_dp_maps *maps, int flags, struct hdl_err *err)
{
	for (size_t i = 0; i < ARRAYS; i++) {
		size_t bytes = array_bytes(maps, &arrays[i]);
		int fd = flags & MAP_ANONYMOUS ? -1 : array_fd(maps, &arrays[i]);
		void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, fd, 0);

		if (p == MAP_FAILED) {
			int r = -errno;

			unmap_arrays(maps);
			return hdl_err_set(err, r, "map %s: %zu bytes cannot be mapped: %s", arrays[i].name, bytes,
					   strerror(-r));
		}
		*array_pointer(maps, &arrays[i]) = p;
	}
	return 0;
}

int hdl_dp_maps_open(struct hdl_dp_maps *maps, struct hdl_err *err)
{
	int r;

	for (size_t i = 0; i < ARRAYS; i++)
		*array_pointer(maps, &arrays[i]) = NULL;
	maps->memory = NULL;
	r = read_counts(maps, err);
	if (r < 0)
		return r;
	r = map_arrays(maps, MAP_SHARED, err);
	if (r < 0)
		return r;
	if (maps->state->abi_version != HDL_ABI_VERSION) {
		r = hdl_err_set(err, -EPROTO, "the maps are of ABI version %u, this is version %u",
				maps->state->abi_version, HDL_ABI_VERSION);
		unmap_arrays(maps);
		return r;
	}
	return 0;
}

static uint32_t size_of(const struct hdl_dp_size sizes[HDL_DP_SIZES], const char *name)
{
	for (size_t i = 0; i < HDL_DP_SIZES; i++) {
		if (strcmp(sizes[i].map, name) == 0)
			return sizes[i].entries;
	}
	return 0;
}

int hdl_dp_maps_memory(struct hdl_dp_maps *maps, const struct hdl_dp_capacity *capacity, struct hdl_err *err)
{
	struct hdl_dp_size sizes[HDL_DP_SIZES];
	int r = hdl_dp_sizes(capacity, sizes, err);

	if (r < 0)
		return r;
	*maps = (struct hdl_dp_maps){
		.vip_count = size_of(sizes, "vip"),
		.service_count = size_of(sizes, "service"),
		.route_count = size_of(sizes, "route"),
		.cluster_count = size_of(sizes, "cluster"),
		.endpoint_count = size_of(sizes, "endpoint"),
		.slot_count = size_of(sizes, "slot") * HDL_SLOTS_PER_ELEMENT,
		.group_count = size_of(sizes, "group"),
		.ring_count = size_of(sizes, "ring"),
		.client_count = size_of(sizes, "client"),
		.workload_count = size_of(sizes, "workload"),
	};
	maps->state_fd = maps->vip_fd = maps->service_fd = maps->route_fd = maps->cluster_fd = maps->balance_fd =
		maps->endpoint_fd = maps->slot_fd = maps->health_fd = maps->workload_fd = maps->origin_fd =
			maps->listener_fd = maps->traffic_fd = maps->verdict_fd = maps->service_verdict_fd =
				maps->grace_fd = maps->grace_inner_fd = maps->group_fd = maps->ring_fd =
					maps->client_fd = maps->node_address_fd = maps->affinity_fd = maps->udp_fd =
						maps->events_fd = maps->flow_fd = maps->edge_flow_fd =
							maps->edge_interface_fd = maps->edge_address_fd =
								maps->interface_fd = maps->local_pod_fd = -1;
	maps->memory = calloc(1, sizeof(*maps->memory));
	if (!maps->memory)
		return hdl_err_set(err, -ENOMEM, "out of memory");
	hdl_registry_init(&maps->memory->vip, sizeof(struct hdl_vip_key), maps->vip_count);
	r = map_arrays(maps, MAP_PRIVATE | MAP_ANONYMOUS, err);
	if (r < 0) {
		free(maps->memory);
		maps->memory = NULL;
		return r;
	}
	maps->state->abi_version = HDL_ABI_VERSION;
	return 0;
}

void hdl_dp_maps_close(struct hdl_dp_maps *maps)
{
	unmap_arrays(maps);
	if (maps->memory) {
		hdl_registry_done(&maps->memory->vip);
		free(maps->memory->vip_id);
		free(maps->memory);
		maps->memory = NULL;
	}
}

struct hdl_tables hdl_dp_tables(const struct hdl_dp_maps *maps)
{
	return (struct hdl_tables){
		.health = maps->health,
		.balance = maps->balance,
		.slot = maps->slot,
		.health_count = maps->endpoint_count,
		.balance_count = maps->cluster_count,
		.slot_count = maps->slot_count,
		.endpoint = maps->endpoint,
		.group = maps->group,
		.ring = maps->ring,
		.group_count = maps->group_count,
		.ring_count = maps->ring_count,
	};
}

int hdl_dp_vip_get(const struct hdl_dp_maps *maps, const struct hdl_vip_key *key, uint32_t *ret_id)
{
	uint32_t i;

	if (!maps->memory)
		return bpf_map_lookup_elem(maps->vip_fd, key, ret_id) == 0 ? 0 : -errno;
	i = hdl_registry_find(&maps->memory->vip, key);
	if (!i)
		return -ENOENT;
	*ret_id = maps->memory->vip_id[i];
	return 0;
}

static int memory_vip_set(struct hdl_dp_memory *memory, const struct hdl_vip_key *key, uint32_t id)
{
	uint32_t i = hdl_registry_find(&memory->vip, key);
	int r;

	if (!i) {
		r = hdl_registry_insert(&memory->vip, key, &i);
		if (r < 0)
			return r;
	}
	if (i >= memory->vip_capacity) {
		uint32_t *bigger = realloc(memory->vip_id, memory->vip.capacity * sizeof(*bigger));

		if (!bigger) {
			hdl_registry_release(&memory->vip, i);
			return -ENOMEM;
		}
		memory->vip_id = bigger;
		memory->vip_capacity = memory->vip.capacity;
	}
	memory->vip_id[i] = id;
	return 0;
}

int hdl_dp_vip_set(struct hdl_dp_maps *maps, const struct hdl_vip_key *key, uint32_t id)
{
	if (maps->memory)
		return memory_vip_set(maps->memory, key, id);
	return bpf_map_update_elem(maps->vip_fd, key, &id, BPF_ANY) == 0 ? 0 : -errno;
}

int hdl_dp_vip_delete(struct hdl_dp_maps *maps, const struct hdl_vip_key *key)
{
	uint32_t i;

	if (!maps->memory)
		return bpf_map_delete_elem(maps->vip_fd, key) == 0 ? 0 : -errno;
	i = hdl_registry_find(&maps->memory->vip, key);
	if (!i)
		return -ENOENT;
	hdl_registry_release(&maps->memory->vip, i);
	return 0;
}

int hdl_dp_vip_next(const struct hdl_dp_maps *maps, const struct hdl_vip_key *key, struct hdl_vip_key *ret_next)
{
	uint32_t i;

	if (!maps->memory)
		return bpf_map_get_next_key(maps->vip_fd, key, ret_next) == 0 ? 0 : -errno;
	for (i = key ? hdl_registry_find(&maps->memory->vip, key) + 1 : 1; i < maps->memory->vip.next; i++) {
		if (hdl_registry_is_linked(&maps->memory->vip, i)) {
			memcpy(ret_next, hdl_registry_key(&maps->memory->vip, i), sizeof(*ret_next));
			return 0;
		}
	}
	return -ENOENT;
}

int hdl_dp_workload_set(struct hdl_dp_maps *maps, uint64_t cookie, const struct hdl_workload *value)
{
	struct hdl_workload record = *value;

	if (maps->memory)
		return 0;
	record.cookie = cookie;
	return bpf_map_update_elem(maps->workload_fd, &cookie, &record, BPF_ANY) == 0 ? 0 : -errno;
}

int hdl_dp_workload_delete(struct hdl_dp_maps *maps, uint64_t cookie)
{
	if (maps->memory || bpf_map_delete_elem(maps->workload_fd, &cookie) == 0 || errno == ENOENT)
		return 0;
	return -errno;
}

unsigned int hdl_dp_workload_prune(struct hdl_dp_maps *maps, bool (*keep)(void *data, uint64_t cookie), void *data)
{
	uint64_t cookie, next;
	unsigned int deleted = 0;
	bool more;

	if (maps->memory)
		return 0;
	more = bpf_map_get_next_key(maps->workload_fd, NULL, &next) == 0;
	while (more) {
		cookie = next;
		more = bpf_map_get_next_key(maps->workload_fd, &cookie, &next) == 0;
		if (!keep(data, cookie) && hdl_dp_workload_delete(maps, cookie) == 0)
			deleted++;
	}
	return deleted;
}

int hdl_dp_take_origin(void *data, const struct hdl_origin_key *key, struct hdl_origin *ret_origin)
{
	struct hdl_dp_maps *maps = data;
	struct hdl_origin value;

	if (maps->memory)
		return -ENOENT;
	if (bpf_map_lookup_and_delete_elem(maps->origin_fd, key, &value) != 0)
		return -errno;
	*ret_origin = value;
	return 0;
}

void hdl_dp_entries(int fd, bool (*row)(void *data, const void *key, const void *value), void *data)
{
	struct bpf_map_info info = { 0 };
	__u32 size = sizeof(info);
	uint8_t *memory;
	bool more;

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) != 0)
		return;
	memory = calloc(1, 2 * (size_t)info.key_size + info.value_size);
	if (!memory)
		return;
	more = bpf_map_get_next_key(fd, NULL, memory + info.key_size) == 0;
	for (uint64_t i = 0; more && i < 2ull * info.max_entries; i++) {
		memcpy(memory, memory + info.key_size, info.key_size);
		more = bpf_map_get_next_key(fd, memory, memory + info.key_size) == 0;
		if (bpf_map_lookup_elem(fd, memory, memory + 2 * (size_t)info.key_size) == 0 &&
		    !row(data, memory, memory + 2 * (size_t)info.key_size))
			break;
	}
	free(memory);
}

bool hdl_dp_is_node_address(const struct hdl_dp_maps *maps, const struct hdl_addr *address)
{
	__u32 value;

	return !maps->memory && bpf_map_lookup_elem(maps->node_address_fd, address, &value) == 0;
}

void hdl_dp_origins(const struct hdl_dp_maps *maps,
		    void (*row)(void *data, const struct hdl_origin_key *key, const struct hdl_origin *value),
		    void *data)
{
	struct hdl_origin_key key, next;
	struct hdl_origin value;
	bool more = !maps->memory && bpf_map_get_next_key(maps->origin_fd, NULL, &next) == 0;

	while (more) {
		key = next;
		more = bpf_map_get_next_key(maps->origin_fd, &key, &next) == 0;
		if (bpf_map_lookup_elem(maps->origin_fd, &key, &value) == 0)
			row(data, &key, &value);
	}
}

void hdl_dp_heartbeat(struct hdl_dp_maps *maps, uint64_t now_ns)
{
	__atomic_store_n(&maps->state->heartbeat_ns, now_ns, __ATOMIC_RELEASE);
}

int hdl_dp_grace(struct hdl_dp_maps *maps, struct hdl_err *err)
{
	__u32 zero = 0;

	if (maps->memory)
		return 0; /* no programs; other threads hold snapshots */
	/* The kernel waits for running programs before it returns from the update of a map of maps. */
	if (bpf_map_update_elem(maps->grace_fd, &zero, &maps->grace_inner_fd, BPF_ANY) == 0)
		return 0;
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) == 0)
		return 0;
	return hdl_err_set(err, -errno, "no way to wait for running programs (map grace and membarrier): %s",
			   strerror(errno));
}

unsigned int hdl_dp_cpus(const struct hdl_dp_maps *maps)
{
	/* The keeper wrote it down: a confined process cannot read the file that libbpf would. */
	return maps->state->cpus;
}
