/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * sessionAffinity ClientIP: a client goes where it went, as long as its last connection is not older than the timeout,
 * and the endpoint is still there and not ejected. Every connection begins the time anew, as with kube-proxy.
 */
#ifndef HDL_BPF_AFFINITY_H
#define HDL_BPF_AFFINITY_H

#include "bpf/lib/ctx_sock.h"
#include "heddle/core/pick.h"

/*
 * The client is its pod's address; the node's own processes are one client, ::1. A namespace of which no address of
 * this family is known has its cookie in the place of an address, in ::/64, where nobody has one.
 */
HDL_CORE void hdl_affinity_key(const struct hdl_flow *flow, __u32 service_port, struct hdl_affinity_key *ret)
{
	struct hdl_addr loopback6 = { .byte = { [15] = 1 } }, unknown = { .half = { 0, flow->client.cookie } };

	if (flow->host)
		ret->client = loopback6;
	else
		ret->client = flow->family == HDL_FAMILY_V4 ? flow->client.address[HDL_FAMILY_V4] :
							      flow->client.address[HDL_FAMILY_V6];
	if (hdl_addr_is_zero(&ret->client))
		ret->client = unknown;
	ret->service_port = service_port;
	ret->cluster = flow->cluster;
}

/*
 * The endpoint that the client had, HDL_ENDPOINT_NONE if it is not to be used any more. Global, as are those of
 * balance.h: verified once.
 */
__weak __noinline __u32 hdl_affinity_find(const struct hdl_flow *flow, __u32 service_port, __u32 timeout_s)
{
	const struct hdl_endpoint *chosen;
	const struct hdl_health *of_endpoint;
	struct hdl_affinity_key key;
	struct hdl_affinity *had;
	__u64 used_ns;
	__u32 id, generation;

	if (!flow)
		return HDL_ENDPOINT_NONE;
	hdl_affinity_key(flow, service_port, &key);
	had = bpf_map_lookup_elem(&affinity, &key);
	if (!had)
		return HDL_ENDPOINT_NONE;
	id = *(const volatile __u32 *)&had->endpoint;
	generation = *(const volatile __u32 *)&had->generation;
	used_ns = *(const volatile __u64 *)&had->used_ns;
	if (flow->now_ns > used_ns && flow->now_ns - used_ns >= timeout_s * 1000000000ull)
		return HDL_ENDPOINT_NONE;
	chosen = bpf_map_lookup_elem(&endpoint, &id);
	of_endpoint = bpf_map_lookup_elem(&health, &id);
	/* the cluster, because an element of the map may be recycled while it is read */
	if (!chosen || !of_endpoint || chosen->cluster != flow->cluster ||
	    *(const volatile __u32 *)&of_endpoint->generation != generation ||
	    hdl_core_ejected(of_endpoint, flow->now_ns))
		return HDL_ENDPOINT_NONE;
	*(volatile __u64 *)&had->used_ns = flow->now_ns;
	return id;
}

/* From now on the client has the flow's endpoint. */
__weak __noinline int hdl_affinity_keep(const struct hdl_flow *flow, __u32 service_port)
{
	struct hdl_affinity value = {};
	struct hdl_affinity_key key;

	if (!flow)
		return 0;
	value.endpoint = flow->endpoint;
	value.generation = flow->generation;
	value.used_ns = flow->now_ns;
	hdl_affinity_key(flow, service_port, &key);
	return bpf_map_update_elem(&affinity, &key, &value, BPF_ANY) == 0;
}

#endif
