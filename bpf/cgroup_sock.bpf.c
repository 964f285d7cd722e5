// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * connect() of every process below the cgroup: a service address becomes an endpoint's (layer 4) or a worker's (host
 * processes that need requests), and getpeername() goes on answering what was dialled.
 */
#include "bpf/lib/balance.h"
#include "bpf/lib/charge.h"
#include "bpf/lib/punt.h"

enum hdl_outcome { HDL_LEAVE, HDL_REWRITE, HDL_REFUSE, HDL_TO_L4 };

#define HDL_ECONNREFUSED 111
#define HDL_LOOPBACK_V4 __builtin_bswap32(0x7f000001)

/* A socket that is connected again no longer belongs to where it was. */
static __always_inline void hdl_forget(struct bpf_sock_addr *ctx)
{
	struct hdl_sock *record = bpf_sk_storage_get(&sock, ctx->sk, NULL, 0);

	if (!record)
		return;
	hdl_uncharge(record);
	bpf_sk_storage_delete(&sock, ctx->sk);
}

static __always_inline int hdl_leave(struct bpf_sock_addr *ctx, __u32 verdict)
{
	hdl_count(verdict);
	hdl_forget(ctx);
	return HDL_LEAVE;
}

static __always_inline int hdl_refuse(struct bpf_sock_addr *ctx, __u32 verdict)
{
	hdl_count(verdict);
	hdl_forget(ctx);
	return HDL_REFUSE;
}

/* Writes the decision to the socket's storage and charges the endpoint. */
static __always_inline int hdl_rewrite(struct bpf_sock_addr *ctx, const struct hdl_flow *flow,
				       const struct hdl_found *found)
{
	struct hdl_sock *record = bpf_sk_storage_get(&sock, ctx->sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);

	if (!record) {
		hdl_count(HDL_VERDICT_NO_STORAGE);
		return HDL_REFUSE;
	}
	hdl_uncharge(record);
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
	if (flow->kind == HDL_SOCK_BALANCED)
		hdl_charge(record);
	hdl_count(flow->verdict);
	return HDL_REWRITE;
}

/* flow->verdict: with which it counts, BALANCED or FAILED_OPEN. */
static __always_inline int hdl_connect_l4(struct bpf_sock_addr *ctx, struct hdl_flow *flow,
					  const struct hdl_service_version *version, const struct hdl_found *found)
{
	struct hdl_addr bound = hdl_sock_source(ctx, flow->family);
	int outcome = hdl_balance_flow(flow, version, found->epoch, &bound);

	if (outcome == HDL_VERDICT_PASS)
		return hdl_leave(ctx, HDL_VERDICT_PASS);
	if (outcome != HDL_VERDICT_BALANCED)
		return hdl_refuse(ctx, outcome);
	flow->kind = HDL_SOCK_BALANCED;
	return hdl_rewrite(ctx, flow, found);
}

/* A service port whose rules need requests: enum hdl_outcome, or HDL_TO_L4 when the fail mode is to balance. */
static __always_inline int hdl_connect_request(struct bpf_sock_addr *ctx, struct hdl_flow *flow,
					       const struct hdl_state *state, const struct hdl_service_version *version,
					       const struct hdl_found *found, __u64 cookie)
{
	flow->port = flow->alive ? hdl_punt_port(state, bpf_get_prandom_u32(), flow->family) : 0;
	if (flow->port && cookie == state->host_netns_cookie) {
		struct hdl_addr loopback6 = { .byte = { [15] = 1 } };

		flow->address = flow->family == HDL_FAMILY_V4 ? hdl_addr_from_v4(HDL_LOOPBACK_V4) : loopback6;
		flow->kind = HDL_SOCK_PUNTED;
		flow->verdict = HDL_VERDICT_PUNTED_HOST;
		return hdl_rewrite(ctx, flow, found);
	}
	if (flow->port && (flow->client.flags & HDL_WORKLOAD_TC)) {
		/* tc assigns the packets, and counts. */
		hdl_forget(ctx);
		return HDL_LEAVE;
	}
	if (flow->port)
		hdl_count(HDL_VERDICT_NO_PUNT_PATH);
	if (version->fail_mode == HDL_FAIL_CLOSED)
		return hdl_refuse(ctx, HDL_VERDICT_FAILED_CLOSED);
	flow->verdict = HDL_VERDICT_FAILED_OPEN;
	return HDL_TO_L4;
}

/* flow: key and family set. */
static __always_inline int hdl_connect(struct bpf_sock_addr *ctx, struct hdl_flow *flow)
{
	const struct hdl_state *state = hdl_state();
	const struct hdl_service_version *version;
	struct hdl_found found = {};
	__u64 cookie;

	if (!state)
		return HDL_LEAVE;
	if (state->worker_uid && state->worker_uid == (__u32)bpf_get_current_uid_gid()) {
		hdl_count(HDL_VERDICT_EXEMPT);
		return HDL_LEAVE;
	}
	version = hdl_lookup_service(&flow->key, &found);
	if (!version || version->label == HDL_LABEL_NONE)
		return hdl_leave(ctx, HDL_VERDICT_PASS);
	flow->now_ns = bpf_ktime_get_ns();
	flow->alive = hdl_alive(state, flow->now_ns);
	cookie = bpf_get_netns_cookie(ctx);
	hdl_sock_client(cookie, &flow->client);
	flow->verdict = HDL_VERDICT_BALANCED;
	if (version->label == HDL_LABEL_REQUEST) {
		int outcome = hdl_connect_request(ctx, flow, state, version, &found, cookie);

		if (outcome != HDL_TO_L4)
			return outcome;
	}
	return hdl_connect_l4(ctx, flow, version, &found);
}

static __always_inline int hdl_refused(void)
{
	bpf_set_retval(-HDL_ECONNREFUSED);
	return 0;
}

SEC("cgroup/connect4")
int hdl_connect4(struct bpf_sock_addr *ctx)
{
	struct hdl_flow flow = { .family = HDL_FAMILY_V4 };
	int outcome;

	if (!hdl_sock_is_tcp(ctx) || ctx->user_family != HDL_AF_INET)
		return 1;
	flow.key.address = hdl_addr_from_v4(ctx->user_ip4);
	flow.key.port = (__be16)ctx->user_port;
	flow.key.protocol = IPPROTO_TCP;
	outcome = hdl_connect(ctx, &flow);
	if (outcome == HDL_REFUSE)
		return hdl_refused();
	if (outcome == HDL_REWRITE)
		hdl_sock_write4(ctx, &flow.address, flow.port);
	return 1;
}

SEC("cgroup/connect6")
int hdl_connect6(struct bpf_sock_addr *ctx)
{
	struct hdl_flow flow = {};
	int outcome;

	if (!hdl_sock_is_tcp(ctx) || ctx->user_family != HDL_AF_INET6)
		return 1;
	flow.key.address = hdl_sock_address6(ctx);
	flow.key.port = (__be16)ctx->user_port;
	flow.key.protocol = IPPROTO_TCP;
	flow.family = hdl_addr_is_v4(&flow.key.address) ? HDL_FAMILY_V4 : HDL_FAMILY_V6;
	outcome = hdl_connect(ctx, &flow);
	if (outcome == HDL_REFUSE)
		return hdl_refused();
	if (outcome == HDL_REWRITE)
		hdl_sock_write6(ctx, &flow.address, flow.port);
	return 1;
}

/* The record, if the peer is still the one that connect() was led to. */
static __always_inline const struct hdl_sock *hdl_peer(struct bpf_sock_addr *ctx, const struct hdl_addr *address)
{
	const struct hdl_sock *record;

	if (!hdl_sock_is_tcp(ctx))
		return NULL;
	record = bpf_sk_storage_get(&sock, ctx->sk, NULL, 0);
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
