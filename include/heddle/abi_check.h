/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Size and offset of every shared struct, asserted by both builds. */
#ifndef HDL_ABI_CHECK_H
#define HDL_ABI_CHECK_H

#include "heddle/abi_addr.h"
#include "heddle/abi_conn.h"
#include "heddle/abi_edge.h"
#include "heddle/abi_flow.h"
#include "heddle/abi_event.h"
#include "heddle/abi_lb.h"
#include "heddle/abi_shortcut.h"
#include "heddle/abi_verdict.h"

#define HDL_ABI_SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), #type " changed its size")
#define HDL_ABI_AT(type, member, offset) \
	_Static_assert(__builtin_offsetof(type, member) == (offset), #type "." #member " moved")

HDL_ABI_SIZE(struct hdl_addr, 16);
HDL_ABI_SIZE(struct hdl_state, 384);
HDL_ABI_AT(struct hdl_state, host_netns_cookie, 16);
HDL_ABI_AT(struct hdl_state, heartbeat_ns, 64);
HDL_ABI_AT(struct hdl_state, listener_port, 128);
HDL_ABI_SIZE(struct hdl_vip_key, 24);
HDL_ABI_SIZE(struct hdl_service_version, 64);
HDL_ABI_AT(struct hdl_service_version, route_offset, 32);
HDL_ABI_AT(struct hdl_service_version, label, 38);
HDL_ABI_SIZE(struct hdl_service, 128);
HDL_ABI_SIZE(struct hdl_route_row, 16);
HDL_ABI_AT(struct hdl_service_version, only_cluster, 52);
HDL_ABI_SIZE(struct hdl_cluster_version, 192);
HDL_ABI_AT(struct hdl_cluster_version, member, 8);
HDL_ABI_AT(struct hdl_cluster_version, group, 40);
HDL_ABI_AT(struct hdl_cluster_version, policy, 56);
HDL_ABI_AT(struct hdl_cluster_version, warmup_ms, 60);
HDL_ABI_AT(struct hdl_cluster_version, name_hash, 64);
HDL_ABI_SIZE(struct hdl_cluster, 384);
HDL_ABI_SIZE(struct hdl_group, 128);
HDL_ABI_AT(struct hdl_group, turn, 64);
HDL_ABI_SIZE(struct hdl_ring_entry, 16);
HDL_ABI_SIZE(struct hdl_balance, 64);
HDL_ABI_SIZE(struct hdl_endpoint, 64);
HDL_ABI_AT(struct hdl_endpoint, generation, 36);
HDL_ABI_SIZE(struct hdl_health, 64);
HDL_ABI_AT(struct hdl_health, ejected_until_ns, 8);
HDL_ABI_AT(struct hdl_health, returned_ns, 32);
HDL_ABI_SIZE(struct hdl_slots, 64);
HDL_ABI_SIZE(struct hdl_sock, 96);
HDL_ABI_AT(struct hdl_sock, service, 40);
HDL_ABI_AT(struct hdl_sock, epoch, 56);
HDL_ABI_AT(struct hdl_sock, charged, 72);
HDL_ABI_SIZE(struct hdl_origin_key, 24);
HDL_ABI_SIZE(struct hdl_origin, 32);
HDL_ABI_SIZE(struct hdl_workload, 56);
HDL_ABI_AT(struct hdl_workload, cookie, 8);
HDL_ABI_AT(struct hdl_workload, address, 16);
HDL_ABI_SIZE(struct hdl_udp_key, 32);
HDL_ABI_SIZE(struct hdl_udp, 32);
HDL_ABI_SIZE(struct hdl_affinity_key, 24);
HDL_ABI_SIZE(struct hdl_affinity, 16);
HDL_ABI_SIZE(struct hdl_client, 48);
HDL_ABI_SIZE(struct hdl_edge_record, 104);
HDL_ABI_SIZE(struct hdl_edge_interface, 48);
HDL_ABI_SIZE(struct hdl_edge_source, 32);
HDL_ABI_SIZE(struct hdl_flow_key, 40);
HDL_ABI_SIZE(struct hdl_flow_record, 56);
HDL_ABI_AT(struct hdl_flow_record, address, 8);
HDL_ABI_SIZE(struct hdl_fragment_key, 40);
HDL_ABI_SIZE(struct hdl_fragment, 12);
HDL_ABI_SIZE(struct hdl_local_pod, 40);
HDL_ABI_SIZE(struct hdl_work, 768);
HDL_ABI_SIZE(struct hdl_shortcut_key, 48);
HDL_ABI_SIZE(struct hdl_traffic_key, 16);
HDL_ABI_SIZE(struct hdl_traffic, 32);
HDL_ABI_SIZE(struct hdl_service_verdict_key, 8);
HDL_ABI_SIZE(struct hdl_event, 112);
HDL_ABI_AT(struct hdl_event, time_ns, 8);
HDL_ABI_AT(struct hdl_event, address, 72);
HDL_ABI_AT(struct hdl_event, port, 104);
_Static_assert(HDL_VERDICT_COUNT == HDL_VERDICT_COUNTS_FULL + 1, "HDL_VERDICT_COUNT is one more than the last verdict");

#endif
