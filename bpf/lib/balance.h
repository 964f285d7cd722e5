/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Layer-4 decision: a service version and a flow in, endpoint and verdict out. */
#ifndef HDL_BPF_BALANCE_H
#define HDL_BPF_BALANCE_H

#include "bpf/lib/affinity.h"
#include "bpf/lib/charge.h"
#include "bpf/lib/lookup.h"
#include "heddle/core/hash.h"
#include "heddle/core/pick.h"

/*
 * Global functions: the verifier looks at each once, by itself, instead of on every path that leads to it. Together in
 * line they took a fifth of what it allows for a program. Weak: several objects have them.
 */
__weak __noinline __u64 hdl_balance_hash_address(const struct hdl_addr *source)
{
	struct hdl_addr address;

	if (!source)
		return 0;
	address = *source;
	return hdl_core_hash_address(&address);
}

/* Cluster of the destination that takes the draw. */
__weak __noinline __u32 hdl_balance_route(const struct hdl_service_version *version, __u32 draw)
{
	return version ? hdl_lookup_route(version, draw) : HDL_CLUSTER_NONE;
}

__weak __noinline int hdl_balance_pick(struct hdl_pick *io)
{
	struct hdl_tables tables = {};
	struct hdl_pick pick;
	int outcome;

	if (!io)
		return HDL_VERDICT_NO_HEALTHY;
	pick = *io; /* bpf_loop takes arguments on the stack only */
	pick.tables = &tables;
	outcome = hdl_core_pick(&pick);
	io->endpoint = pick.endpoint;
	io->probes = pick.probes;
	return outcome;
}

/* Sets the hash of the source address, as far as it is known: of the bound address, else of the client's pod. */
HDL_CORE void hdl_balance_hash(struct hdl_pick *pick, const struct hdl_flow *flow, const struct hdl_addr *bound)
{
	struct hdl_addr source = *bound;

	if (hdl_addr_is_zero(&source))
		source = flow->family == HDL_FAMILY_V4 ? flow->client.address[HDL_FAMILY_V4] :
							 flow->client.address[HDL_FAMILY_V6];
	if (hdl_addr_is_zero(&source))
		return;
	pick->hash = hdl_balance_hash_address(&source);
	pick->has_hash = 1;
}

/* Takes the address of the chosen endpoint into the flow. */
HDL_CORE int hdl_balance_take(struct hdl_flow *flow, __u32 id)
{
	const struct hdl_endpoint *chosen = bpf_map_lookup_elem(&endpoint, &id);

	if (!chosen || chosen->generation == 0) {
		hdl_count(HDL_VERDICT_STALE_RECORD);
		return HDL_VERDICT_NO_HEALTHY;
	}
	flow->address = flow->family == HDL_FAMILY_V4 ? chosen->address[HDL_FAMILY_V4] : chosen->address[HDL_FAMILY_V6];
	flow->port = chosen->port;
	flow->endpoint = id;
	flow->generation = chosen->generation;
	return hdl_addr_is_zero(&flow->address) ? HDL_VERDICT_NO_FAMILY : HDL_VERDICT_BALANCED;
}

/* The endpoint that the client had before (sessionAffinity). 1 = it has it again. */
HDL_CORE int hdl_balance_again(struct hdl_flow *flow, const struct hdl_service_version *version)
{
	__u32 id = hdl_affinity_find(flow, version->service_port, version->affinity_timeout_s);

	return id != HDL_ENDPOINT_NONE && hdl_balance_take(flow, id) == HDL_VERDICT_BALANCED;
}

/*
 * Returns HDL_VERDICT_BALANCED with the flow's endpoint and address set, HDL_VERDICT_PASS when the policy is to keep the
 * address that was dialled, or the verdict with which to refuse. bound: source address of the socket, zero = none. A TCP
 * connection may then hold a place in its cluster (flow->charged), also when it is refused.
 */
HDL_CORE int hdl_balance_flow(struct hdl_flow *flow, const struct hdl_service_version *version, __u64 epoch,
			      const struct hdl_addr *bound)
{
	const struct hdl_cluster_version *target;
	struct hdl_pick pick = { .now_ns = flow->now_ns };
	int outcome;

	if (version->route_count == 0)
		return HDL_VERDICT_NO_ROUTE;
	pick.cluster = hdl_balance_route(version, bpf_get_prandom_u32());
	target = pick.cluster == HDL_CLUSTER_NONE ? NULL : hdl_lookup_cluster(pick.cluster, epoch);
	if (!target)
		return HDL_VERDICT_NO_CLUSTER;
	pick.policy = target->policy;
	if (pick.policy == HDL_POLICY_PASSTHROUGH)
		return HDL_VERDICT_PASS;
	flow->cluster = pick.cluster;
	flow->cluster_generation = target->generation;
	if (flow->key.protocol == IPPROTO_TCP && !hdl_charge_cluster(flow, target->max_connections))
		return HDL_VERDICT_OVERFLOW;
	if (version->affinity_timeout_s && hdl_balance_again(flow, version))
		return HDL_VERDICT_BALANCED;
	if (flow->family == HDL_FAMILY_V4) {
		pick.member = target->member[HDL_FAMILY_V4];
		pick.table = target->table[HDL_FAMILY_V4];
	} else {
		pick.member = target->member[HDL_FAMILY_V6];
		pick.table = target->table[HDL_FAMILY_V6];
	}
	pick.random = (__u64)bpf_get_prandom_u32() << 32 | bpf_get_prandom_u32();
	pick.endpoint_count = target->endpoint_count;
	pick.min_health_percent = target->min_health_percent;
	pick.release = !flow->alive;
	if (pick.policy == HDL_POLICY_MAGLEV && target->hash_input == HDL_HASH_SOURCE_IP)
		hdl_balance_hash(&pick, flow, bound);
	outcome = hdl_balance_pick(&pick);
	if (outcome == HDL_VERDICT_BALANCED)
		outcome = hdl_balance_take(flow, pick.endpoint);
	if (outcome == HDL_VERDICT_BALANCED && version->affinity_timeout_s)
		hdl_affinity_keep(flow, version->service_port);
	return outcome;
}

#endif
