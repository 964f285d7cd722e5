// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * connect() of every process below the cgroup, TCP and UDP: a service address becomes an endpoint's (layer 4) or a
 * worker's (host processes that need requests), and getpeername() goes on answering what was dialled.
 */
#include "bpf/lib/decide.h"
#include "bpf/lib/punt.h"

static __always_inline int hdl_leave(struct bpf_sock_addr *ctx, struct hdl_sock *record)
{
	if (record)
		bpf_sk_storage_delete(&sock, ctx->sk);
	return HDL_LEAVE;
}

static __always_inline int hdl_refuse(struct bpf_sock_addr *ctx, struct hdl_sock *record)
{
	hdl_leave(ctx, record);
	return HDL_REFUSE;
}

/* Writes the decision to the socket's storage and charges the endpoint. record: what the socket had, given back. */
static __always_inline int hdl_rewrite(struct bpf_sock_addr *ctx, struct hdl_sock *record, const struct hdl_flow *flow,
				       const struct hdl_found *found)
{
	if (!record)
		record = bpf_sk_storage_get(&sock, ctx->sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (!record) {
		if (flow->charged & HDL_CHARGED_CLUSTER)
			hdl_uncharge_cluster(flow->cluster, flow->cluster_generation);
		hdl_verdict(flow, found, HDL_VERDICT_NO_STORAGE);
		return HDL_REFUSE;
	}
	record->original_address = flow->key.address;
	record->original_port = flow->key.port;
	record->address = flow->address;
	record->port = flow->port;
	record->kind = flow->kind;
	record->verdict = flow->verdict;
	record->established = 0;
	record->service = found->service;
	record->endpoint = flow->endpoint;
	record->generation = flow->generation;
	record->workload = flow->client.id;
	record->epoch = found->epoch;
	record->start_ns = flow->now_ns;
	record->uid = (__u32)bpf_get_current_uid_gid();
	record->cluster = flow->cluster;
	record->cluster_generation = flow->cluster_generation;
	record->failures = 0;
	if (flow->kind == HDL_SOCK_BALANCED)
		hdl_charge(record, flow->charged);
	hdl_verdict(flow, found, flow->verdict);
	return HDL_REWRITE;
}

static __always_inline int hdl_connect_l4(struct bpf_sock_addr *ctx, struct hdl_sock *record, struct hdl_flow *flow,
					  const struct hdl_service_version *version, const struct hdl_found *found)
{
	int outcome = hdl_decide_l4(ctx, flow, version, found);

	if (outcome == HDL_VERDICT_BALANCED) {
		flow->kind = flow->key.protocol == IPPROTO_TCP ? HDL_SOCK_BALANCED : HDL_SOCK_DATAGRAM;
		return hdl_rewrite(ctx, record, flow, found);
	}
	hdl_verdict(flow, found, outcome);
	return outcome == HDL_VERDICT_PASS ? hdl_leave(ctx, record) : hdl_refuse(ctx, record);
}

/* A service port whose rules need requests: enum hdl_outcome, HDL_TO_L4 when the fail mode is to balance. */
static __always_inline int hdl_connect_request(struct bpf_sock_addr *ctx, struct hdl_sock *record,
					       struct hdl_flow *flow, const struct hdl_state *state,
					       const struct hdl_service_version *version, const struct hdl_found *found)
{
	flow->port = flow->alive ? hdl_punt_port(state, bpf_get_prandom_u32(), flow->family) : 0;
	if (flow->port && flow->host) {
		flow->address = hdl_addr_loopback(flow->family);
		flow->kind = HDL_SOCK_PUNTED;
		flow->verdict = HDL_VERDICT_PUNTED_HOST;
		return hdl_rewrite(ctx, record, flow, found);
	}
	if (flow->port && (flow->client.flags & HDL_WORKLOAD_TC))
		return hdl_leave(ctx, record); /* tc assigns the packets, and counts */
	if (flow->port)
		hdl_verdict(flow, found, HDL_VERDICT_NO_PUNT_PATH);
	if (version->fail_mode == HDL_FAIL_CLOSED) {
		hdl_verdict(flow, found, HDL_VERDICT_FAILED_CLOSED);
		return hdl_refuse(ctx, record);
	}
	flow->verdict = HDL_VERDICT_FAILED_OPEN;
	return HDL_TO_L4;
}

/* No service of this client has the address. */
static __always_inline int hdl_connect_other(struct bpf_sock_addr *ctx, struct hdl_sock *record, struct hdl_flow *flow,
					     const struct hdl_state *state, const struct hdl_found *found)
{
	hdl_leave(ctx, record);
	if (hdl_is_denied(ctx, flow, state, found->epoch)) {
		hdl_verdict(flow, found, HDL_VERDICT_REGISTRY_ONLY);
		return HDL_DENY;
	}
	hdl_verdict(flow, found, HDL_VERDICT_PASS);
	return HDL_LEAVE;
}

/* flow: key and family set. */
static __always_inline int hdl_connect(struct bpf_sock_addr *ctx, struct hdl_flow *flow)
{
	const struct hdl_state *state = hdl_state();
	const struct hdl_service_version *version;
	struct hdl_found found = {};
	struct hdl_sock *record;

	if (!state)
		return HDL_LEAVE;
	/* A socket that is connected again no longer belongs to where it was. */
	record = bpf_sk_storage_get(&sock, ctx->sk, NULL, 0);
	if (record)
		hdl_uncharge(record);
	if (hdl_is_exempt(state)) {
		hdl_verdict(flow, &found, HDL_VERDICT_EXEMPT);
		return hdl_leave(ctx, record);
	}
	version = hdl_find(ctx, flow, state, &found);
	if (!version)
		return hdl_connect_other(ctx, record, flow, state, &found);
	if (version->label == HDL_LABEL_DIRECT) {
		hdl_verdict(flow, &found, HDL_VERDICT_DIRECT);
		return hdl_leave(ctx, record);
	}
	flow->now_ns = bpf_ktime_get_ns();
	flow->alive = hdl_alive(state, flow->now_ns);
	hdl_sock_who(ctx, flow, state);
	flow->verdict = HDL_VERDICT_BALANCED;
	if (version->label == HDL_LABEL_REQUEST) {
		int outcome = hdl_connect_request(ctx, record, flow, state, version, &found);

		if (outcome != HDL_TO_L4)
			return outcome;
	}
	return hdl_connect_l4(ctx, record, flow, version, &found);
}

SEC("cgroup/connect4")
int hdl_connect4(struct bpf_sock_addr *ctx)
{
	struct hdl_flow flow = { .family = HDL_FAMILY_V4 };
	int outcome;

	if (!hdl_sock_is_served(ctx->protocol) || ctx->user_family != HDL_AF_INET)
		return 1;
	flow.key.address = hdl_addr_from_v4(ctx->user_ip4);
	flow.key.port = (__be16)ctx->user_port;
	flow.key.protocol = ctx->protocol;
	outcome = hdl_connect(ctx, &flow);
	if (outcome == HDL_REWRITE)
		hdl_sock_write4(ctx, &flow.address, flow.port);
	return hdl_answer(outcome);
}

SEC("cgroup/connect6")
int hdl_connect6(struct bpf_sock_addr *ctx)
{
	struct hdl_flow flow = {};
	int outcome;

	if (!hdl_sock_is_served(ctx->protocol) || ctx->user_family != HDL_AF_INET6)
		return 1;
	flow.key.address = hdl_sock_address6(ctx);
	flow.key.port = (__be16)ctx->user_port;
	flow.key.protocol = ctx->protocol;
	flow.family = hdl_addr_is_v4(&flow.key.address) ? HDL_FAMILY_V4 : HDL_FAMILY_V6;
	outcome = hdl_connect(ctx, &flow);
	if (outcome == HDL_REWRITE)
		hdl_sock_write6(ctx, &flow.address, flow.port);
	return hdl_answer(outcome);
}

/* The record, if the peer is still the one that connect() was led to. */
static __always_inline const struct hdl_sock *hdl_peer(struct bpf_sock_addr *ctx, const struct hdl_addr *address)
{
	const struct hdl_sock *record = bpf_sk_storage_get(&sock, ctx->sk, NULL, 0);

	if (!record || record->port != (__be16)ctx->user_port || !hdl_addr_equal(&record->address, address))
		return NULL;
	return record;
}

SEC("cgroup/getpeername4")
int hdl_getpeername4(struct bpf_sock_addr *ctx)
{
	struct hdl_addr address = hdl_addr_from_v4(ctx->user_ip4);
	const struct hdl_sock *record = hdl_peer(ctx, &address);

	if (record)
		hdl_sock_write4(ctx, &record->original_address, record->original_port);
	return 1;
}

SEC("cgroup/getpeername6")
int hdl_getpeername6(struct bpf_sock_addr *ctx)
{
	struct hdl_addr address = hdl_sock_address6(ctx);
	const struct hdl_sock *record = hdl_peer(ctx, &address);

	if (record)
		hdl_sock_write6(ctx, &record->original_address, record->original_port);
	return 1;
}

SEC("cgroup/sock_release")
int hdl_sock_release(struct bpf_sock *ctx)
{
	struct hdl_sock *record = bpf_sk_storage_get(&sock, ctx, NULL, 0);

	if (record)
		hdl_uncharge(record);
	return 1;
}

char hdl_license[] SEC("license") = "Dual BSD/GPL";
