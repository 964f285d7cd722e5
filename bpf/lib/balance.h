/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Layer-4 decision: a service version and a flow in, endpoint and verdict out. */
#ifndef HDL_BPF_BALANCE_H
#define HDL_BPF_BALANCE_H

#include "bpf/lib/ctx_sock.h"
#include "bpf/lib/lookup.h"
#include "heddle/core/hash.h"
#include "heddle/core/pick.h"

/*
 * Global functions: the verifier looks at each once, by itself, instead of on every path that leads to it. Together in
 * line they took a fifth of what it allows for a program.
 */
__noinline __u64 hdl_balance_hash_address(const struct hdl_addr *source)
{
	struct hdl_addr address;

	if (!source)
		return 0;
	address = *source;
	return hdl_core_hash_address(&address);
}

__noinline int hdl_balance_pick(struct hdl_pick *io)
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

/*
 * Returns HDL_VERDICT_BALANCED with the flow's endpoint and address set, HDL_VERDICT_PASS when the policy is to keep the
 * address that was dialled, or the verdict with which to refuse. bound: source address of the socket, zero = none.
 */
HDL_CORE int hdl_balance_flow(struct hdl_flow *flow, const struct hdl_service_version *version, __u64 epoch,
			      const struct hdl_addr *bound)
{
	const struct hdl_cluster_version *target;
	struct hdl_pick pick = { .now_ns = flow->now_ns };
	int outcome;

	if (version->route_count == 0)
		return HDL_VERDICT_NO_ROUTE;
	pick.cluster = hdl_lookup_route(version, bpf_get_prandom_u32());
	target = pick.cluster == HDL_CLUSTER_NONE ? NULL : hdl_lookup_cluster(pick.cluster, epoch);
	if (!target)
		return HDL_VERDICT_NO_CLUSTER;
	pick.policy = target->policy;
	if (pick.policy == HDL_POLICY_PASSTHROUGH)
		return HDL_VERDICT_PASS;
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
	return outcome == HDL_VERDICT_BALANCED ? hdl_balance_take(flow, pick.endpoint) : outcome;
}

#endif
