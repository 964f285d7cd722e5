/* SPDX-License-Identifier: Apache-2.0 */
/* What the lists of single maps share. */
#ifndef HDL_ADMIN_MAPS_H
#define HDL_ADMIN_MAPS_H

#include "admin/page.h"

#define HDL_MAPS_ENTRIES_MAX 10000

/* A listing that stops after HDL_MAPS_ENTRIES_MAX and starts behind `skip`. */
struct hdl_maps {
	struct hdl_jsonw *w;
	const struct hdl_admin_view *view;
	const struct hdl_dp_maps *maps;
	uint64_t skip, shown;
	bool truncated;
};

/* True: the entry is to be written, up to hdl_jsonw_object_end(), or hdl_maps_end() with a value that is an object. */
bool hdl_maps_begin(struct hdl_maps *listing);
void hdl_maps_id(struct hdl_jsonw *w, uint64_t id); /* key, and the object `value` begins */
void hdl_maps_end(struct hdl_maps *listing);
void hdl_maps_address(struct hdl_jsonw *w, const char *key, const struct hdl_addr *value);
void hdl_maps_workload(struct hdl_jsonw *w, const struct hdl_admin_view *view, uint32_t number); /* namespace, name */
const char *hdl_maps_cluster(const struct hdl_admin_view *view, uint32_t id);
const char *hdl_maps_protocol(unsigned int protocol);

/* maps_kernel.c: groups and clients, and what programs keep of connections. */
void hdl_maps_client(struct hdl_maps *listing);
void hdl_maps_group(struct hdl_maps *listing);
void hdl_maps_ring(struct hdl_maps *listing);
void hdl_maps_node_address(struct hdl_maps *listing);
void hdl_maps_affinity(struct hdl_maps *listing);
void hdl_maps_udp(struct hdl_maps *listing);
void hdl_maps_flow(struct hdl_maps *listing);
void hdl_maps_interface(struct hdl_maps *listing);
void hdl_maps_local_pod(struct hdl_maps *listing);
void hdl_maps_edge_flow(struct hdl_maps *listing);
void hdl_maps_edge_interface(struct hdl_maps *listing);
void hdl_maps_edge_address(struct hdl_maps *listing);

#endif
