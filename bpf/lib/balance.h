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

/* What a choice works with, one after the other: there is little stack. */
union hdl_balance_scratch {
	struct hdl_core_groups groups;
	struct hdl_pick pick;
};

/* What the flow does not say. */
struct hdl_balance_choice {
	__u64 random, hash;
	__u32 has_hash;
};

/* Row of `group` for the connection; HDL_CORE_GROUP_NONE: nothing is healthy. A socket cannot change its family. */
HDL_CORE __u32 hdl_balance_group(struct hdl_core_groups *groups, const struct hdl_flow *flow,
				 const struct hdl_cluster_version *version, const struct hdl_balance_choice *choice)
{
	__builtin_memset(groups, 0, sizeof(*groups));
	hdl_core_group_from(groups, version, hdl_tables_balance(NULL, flow->cluster), flow->now_ns, flow->family, 1);
	groups->draw = hdl_core_group_draw(version->policy, choice->has_hash, choice->hash, choice->random);
	hdl_core_group_choose(groups);
	return groups->chosen == HDL_CORE_GROUP_NONE ? HDL_CORE_GROUP_NONE : version->group.offset + groups->chosen;
}

/* The endpoint, in at->pick.endpoint: a verdict as of hdl_core_pick(). */
HDL_CORE int hdl_balance_pick(union hdl_balance_scratch *at, const struct hdl_flow *flow,
			      const struct hdl_cluster_version *version, const struct hdl_balance_choice *choice)
{
	__u32 index = HDL_CORE_GROUP_NONE;
	const struct hdl_group *row = NULL;
	__u8 panic = 0;

	if (version->group.count) {
		index = hdl_balance_group(&at->groups, flow, version, choice);
		panic = at->groups.panic;
		row = index == HDL_CORE_GROUP_NONE ? NULL : hdl_tables_group(NULL, index);
	}
	__builtin_memset(&at->pick, 0, sizeof(at->pick));
	at->pick.now_ns = flow->now_ns;
	at->pick.random = choice->random;
	at->pick.hash = choice->hash;
	at->pick.has_hash = (__u8)choice->has_hash;
	at->pick.cluster = flow->cluster;
	at->pick.release = !flow->alive;
	hdl_core_pick_from(&at->pick, version, flow->family);
	if (version->group.count && !row)
		return HDL_VERDICT_NO_HEALTHY;
	if (row)
		hdl_core_pick_from_group(&at->pick, row, index, flow->family, panic);
	return hdl_core_pick(&at->pick);
}

/* Sets the hash of the source address, as far as it is known: of the bound address, else of the client's pod. */
HDL_CORE void hdl_balance_hash(struct hdl_balance_choice *choice, const struct hdl_flow *flow,
			       const struct hdl_addr *bound)
{
	struct hdl_addr source = *bound;

	if (hdl_addr_is_zero(&source))
		source = flow->family == HDL_FAMILY_V4 ? flow->client.address[HDL_FAMILY_V4] :
							 flow->client.address[HDL_FAMILY_V6];
	if (hdl_addr_is_zero(&source))
		return;
	choice->hash = hdl_balance_hash_address(&source);
	choice->has_hash = 1;
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

/* An endpoint of the cluster, with its address in the flow. */
HDL_CORE int hdl_balance_choose(struct hdl_flow *flow, const struct hdl_cluster_version *target,
				const struct hdl_addr *bound)
{
	struct hdl_balance_choice choice = {};
	union hdl_balance_scratch at;
	int outcome;

	choice.random = (__u64)bpf_get_prandom_u32() << 32 | bpf_get_prandom_u32();
	if (hdl_core_by_hash(target->policy) && target->hash_input == HDL_HASH_SOURCE_IP)
		hdl_balance_hash(&choice, flow, bound);
	outcome = hdl_balance_pick(&at, flow, target, &choice);
	return outcome == HDL_VERDICT_BALANCED ? hdl_balance_take(flow, at.pick.endpoint) : outcome;
}

/*
 * Returns HDL_VERDICT_BALANCED with the flow's endpoint and address set, HDL_VERDICT_PASS when the policy is to keep the
 * address that was dialled, or the verdict with which to refuse. bound: source address of the socket, zero = none. A TCP
 * connection that is balanced holds a place in its cluster (flow->charged).
 */
HDL_CORE int hdl_balance_flow(struct hdl_flow *flow, const struct hdl_service_version *version, __u64 epoch,
			      const struct hdl_addr *bound)
{
	const struct hdl_cluster_version *target;
	int outcome, again;
	__u32 cluster;

	if (version->route_count == 0)
		return HDL_VERDICT_NO_ROUTE;
	cluster = version->only_cluster;
	if (cluster == 0)
		cluster = hdl_balance_route(version, bpf_get_prandom_u32());
	target = cluster == HDL_CLUSTER_NONE ? NULL : hdl_lookup_cluster(cluster, epoch);
	if (!target)
		return HDL_VERDICT_NO_CLUSTER;
	if (target->policy == HDL_POLICY_PASSTHROUGH)
		return HDL_VERDICT_PASS;
	flow->cluster = cluster;
	flow->cluster_generation = target->generation;
	if (flow->key.protocol == IPPROTO_TCP && hdl_charge_is_full(flow, target->max_connections))
		return HDL_VERDICT_OVERFLOW;
	again = version->affinity_timeout_s && hdl_balance_again(flow, version);
	outcome = again ? HDL_VERDICT_BALANCED : hdl_balance_choose(flow, target, bound);
	if (outcome != HDL_VERDICT_BALANCED)
		return outcome;
	/*
	 * After the choice: an atomic waits for the loads before it and holds up those after it, and what a choice reads is
	 * seldom in a cache.
	 */
	if (flow->key.protocol == IPPROTO_TCP && !hdl_charge_cluster(flow, target->max_connections))
		return HDL_VERDICT_OVERFLOW;
	if (version->affinity_timeout_s && !again)
		hdl_affinity_keep(flow, version->service_port);
	return outcome;
}

#endif
