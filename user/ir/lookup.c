/* SPDX-License-Identifier: Apache-2.0 */
/* Look-ups in a snapshot: service ports and pods by address, clusters by name, route configurations by port. */
#include "ir/lookup.h"

#include <errno.h>
#include <string.h>

#include "base/addr.h"
#include "base/hash.h"

struct vip {
	const struct hdl_addr *address;
	uint16_t port;
	bool udp;
};

/* Seeded: addresses come from files that many people write. */
static uint64_t hash_of(const struct hdl_addr *address, uint16_t port)
{
	return hdl_hash64(address, sizeof(*address), hdl_hash_process_seed() ^ port);
}

/* Its own addresses, then the external ones. */
static const struct hdl_addr *address_at(const struct hdl_ir_service *service, size_t i)
{
	return i < service->address_count ? &service->addresses[i] :
					    &service->external_addresses[i - service->address_count];
}

static size_t count_addresses(const struct hdl_ir_service *service)
{
	return service->address_count + service->external_address_count;
}

static bool has_address(const struct hdl_ir_service *service, const struct hdl_addr *address)
{
	for (size_t i = 0; i < count_addresses(service); i++)
		if (hdl_addr_equal(address_at(service, i), address))
			return true;
	return false;
}

static uint64_t vip_hash(const struct vip *vip)
{
	return hash_of(vip->address, vip->port) ^ vip->udp;
}

static const struct hdl_addr zero;

/* Of each address, and (a beyond them) the NodePort, which is at address zero. */
static struct vip vip_of(const struct hdl_ir_service *service, size_t a, size_t p)
{
	const struct hdl_ir_service_port *port = &service->ports[p];
	bool udp = port->protocol == HDL_IR_UDP;

	return a < count_addresses(service) ? (struct vip){ address_at(service, a), port->port, udp } :
					      (struct vip){ &zero, port->node_port, udp };
}

static bool is_vip(const void *entry, const void *key)
{
	const struct hdl_ir_service_port *port = entry;
	const struct vip *vip = key;

	if ((port->protocol == HDL_IR_UDP) != vip->udp)
		return false;
	if (hdl_addr_is_zero(vip->address))
		return port->node_port == vip->port;
	return port->port == vip->port && has_address(port->service, vip->address);
}

static bool is_pod(const void *entry, const void *key)
{
	const struct hdl_ir_workload *w = entry;

	for (int f = 0; f < HDL_FAMILIES; f++)
		if (hdl_addr_equal(&w->address[f], key))
			return true;
	return false;
}

int hdl_ir_vips_add(struct hdl_ir_pmap_edit *vips, const struct hdl_ir_service *service)
{
	for (size_t a = 0; a <= count_addresses(service); a++)
		for (size_t p = 0; p < service->port_count; p++) {
			struct vip key = vip_of(service, a, p);
			uint64_t hash = vip_hash(&key);

			if (key.port && !hdl_ir_pmap_get(vips->map, hash, &key, is_vip) &&
			    hdl_ir_pmap_put(vips, hash, &key, &service->ports[p], is_vip) < 0)
				return -ENOMEM;
		}
	return 0;
}

int hdl_ir_vips_remove(struct hdl_ir_pmap_edit *vips, const struct hdl_ir_service *service)
{
	for (size_t a = 0; a <= count_addresses(service); a++)
		for (size_t p = 0; p < service->port_count; p++) {
			struct vip key = vip_of(service, a, p);
			uint64_t hash = vip_hash(&key);

			if (key.port && hdl_ir_pmap_get(vips->map, hash, &key, is_vip) == &service->ports[p] &&
			    hdl_ir_pmap_remove(vips, hash, &key, is_vip) < 0)
				return -ENOMEM;
		}
	return 0;
}

int hdl_ir_addresses_add(struct hdl_ir_pmap_edit *addresses, const struct hdl_ir_workload *w)
{
	for (int f = 0; f < HDL_FAMILIES; f++) {
		uint64_t hash = hash_of(&w->address[f], 0);

		if (!hdl_addr_is_zero(&w->address[f]) &&
		    !hdl_ir_pmap_get(addresses->map, hash, &w->address[f], is_pod) &&
		    hdl_ir_pmap_put(addresses, hash, &w->address[f], w, is_pod) < 0)
			return -ENOMEM;
	}
	return 0;
}

int hdl_ir_addresses_remove(struct hdl_ir_pmap_edit *addresses, const struct hdl_ir_workload *w)
{
	for (int f = 0; f < HDL_FAMILIES; f++) {
		uint64_t hash = hash_of(&w->address[f], 0);

		if (!hdl_addr_is_zero(&w->address[f]) &&
		    hdl_ir_pmap_get(addresses->map, hash, &w->address[f], is_pod) == w &&
		    hdl_ir_pmap_remove(addresses, hash, &w->address[f], is_pod) < 0)
			return -ENOMEM;
	}
	return 0;
}

static void free_map(void *map)
{
	hdl_ir_pmap_free(map, NULL);
}

static int own_map(struct hdl_snapshot *snapshot, struct hdl_ir_pmap *map)
{
	return map ? hdl_snapshot_own(snapshot, map, free_map) : 0;
}

int hdl_snapshot_seal(struct hdl_snapshot *snapshot)
{
	struct hdl_ir_pmap_edit vips = { .serial = 1 }, addresses = { .serial = 1 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < snapshot->service_count; i++)
		r = hdl_ir_vips_add(&vips, snapshot->services[i]);
	for (size_t i = 0; r == 0 && i < snapshot->workload_count; i++)
		r = hdl_ir_addresses_add(&addresses, snapshot->workloads[i]);
	if (r == 0)
		r = own_map(snapshot, vips.map);
	else
		hdl_ir_pmap_free(vips.map, NULL);
	if (r == 0)
		r = own_map(snapshot, addresses.map);
	else
		hdl_ir_pmap_free(addresses.map, NULL);
	if (r < 0)
		return r;
	snapshot->vips = vips.map;
	snapshot->addresses = addresses.map;
	return 0;
}

const struct hdl_ir_service_port *hdl_snapshot_find_vip(const struct hdl_snapshot *snapshot,
							const struct hdl_addr *address, uint16_t port)
{
	struct vip key = { address, port, false };

	return hdl_ir_pmap_get(snapshot->vips, vip_hash(&key), &key, is_vip);
}

const struct hdl_ir_service_port *hdl_snapshot_find_dialled(const struct hdl_snapshot *snapshot,
							    const struct hdl_addr *address, uint16_t port)
{
	const struct hdl_ir_service_port *found = hdl_snapshot_find_vip(snapshot, address, port);

	return found ? found : hdl_snapshot_find_vip(snapshot, &zero, port);
}

const struct hdl_ir_service_port *hdl_snapshot_find_udp(const struct hdl_snapshot *snapshot,
							const struct hdl_addr *address, uint16_t port)
{
	struct vip key = { address, port, true };

	return hdl_ir_pmap_get(snapshot->vips, vip_hash(&key), &key, is_vip);
}

const struct hdl_ir_workload *hdl_snapshot_find_workload(const struct hdl_snapshot *snapshot,
							 const struct hdl_addr *address)
{
	return hdl_ir_pmap_get(snapshot->addresses, hash_of(address, 0), address, is_pod);
}

struct hdl_ir_cluster *hdl_snapshot_find_cluster(const struct hdl_snapshot *snapshot, const char *name)
{
	size_t low = 0, high = snapshot->cluster_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(snapshot->clusters[middle]->name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	/* the first of the name is that of clients without a view */
	return low < snapshot->cluster_count && strcmp(snapshot->clusters[low]->name, name) == 0 ?
		       snapshot->clusters[low] :
		       NULL;
}

struct hdl_ir_route_config *hdl_snapshot_route_config(const struct hdl_snapshot *snapshot, uint16_t port)
{
	for (size_t i = 0; i < snapshot->route_config_count; i++)
		if (!snapshot->route_configs[i]->gateway && snapshot->route_configs[i]->port == port)
			return snapshot->route_configs[i];
	return NULL;
}
