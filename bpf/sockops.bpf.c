// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * What became of the connections that connect() decided: original destinations for the workers, connect failures and
 * open connections of endpoints, bytes.
 */
#include "bpf/lib/charge.h"
#include "bpf/lib/ctx_ops.h"

/* A host process was led to a worker: from here on the source port is known, by which the worker will find the record. */
static __always_inline void hdl_ops_note_origin(struct bpf_sock_ops *ctx, const struct hdl_sock *record)
{
	struct hdl_origin_key key = {
		.client_address = hdl_ops_local_address(ctx),
		.client_port = bpf_htons((__u16)ctx->local_port),
		.listener_port = record->port,
	};
	struct hdl_origin value = {
		.address = record->original_address,
		.port = record->original_port,
		.uid = record->uid,
	};

	value.netns_cookie = bpf_get_netns_cookie(ctx);
	if (bpf_map_update_elem(&origin, &key, &value, BPF_ANY) != 0)
		hdl_count(HDL_VERDICT_ORIGIN_FULL);
}

static __always_inline void hdl_ops_connecting(struct bpf_sock_ops *ctx, const struct hdl_sock *record)
{
	if (record->kind == HDL_SOCK_PUNTED)
		hdl_ops_note_origin(ctx, record);
	else
		bpf_sock_ops_cb_flags_set(ctx, ctx->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_STATE_CB_FLAG);
}

/* Adds to the traffic row of the connection. */
static __always_inline void hdl_ops_account(const struct hdl_sock *record, __u32 verdict, const struct hdl_traffic *add)
{
	struct hdl_traffic_key key = {
		.workload = record->workload,
		.endpoint = record->endpoint,
		.generation = record->generation,
		.verdict = verdict,
	};
	struct hdl_traffic none = {}, *row = bpf_map_lookup_elem(&traffic, &key);

	if (!row) {
		/* Another CPU may be first: either way there is a row afterwards, unless the map is full. */
		bpf_map_update_elem(&traffic, &key, &none, BPF_NOEXIST);
		row = bpf_map_lookup_elem(&traffic, &key);
	}
	if (!row) {
		hdl_count(HDL_VERDICT_TRAFFIC_FULL);
		return;
	}
	__sync_fetch_and_add(&row->opened, add->opened);
	__sync_fetch_and_add(&row->closed, add->closed);
	__sync_fetch_and_add(&row->sent_bytes, add->sent_bytes);
	__sync_fetch_and_add(&row->received_bytes, add->received_bytes);
}

static __always_inline void hdl_ops_established(struct hdl_sock *record)
{
	struct hdl_health *of_endpoint = hdl_charge_health(record);
	struct hdl_traffic opened = { .opened = 1 };

	if (record->kind != HDL_SOCK_BALANCED || record->established)
		return;
	record->established = 1;
	if (of_endpoint)
		hdl_add_u32(&of_endpoint->connects, 1);
	hdl_ops_account(record, record->verdict, &opened);
}

/* SYN_SENT became CLOSE: the endpoint's failure only if the kernel says so, not when the application gave up. */
static __always_inline void hdl_ops_not_established(struct bpf_sock_ops *ctx, struct hdl_sock *record)
{
	struct hdl_traffic failed = { .opened = 1, .closed = 1 };
	struct hdl_health *of_endpoint;

	if (hdl_ops_error(ctx) == 0)
		return;
	of_endpoint = hdl_charge_health(record);
	if (of_endpoint)
		hdl_add_u32(&of_endpoint->connect_failures, 1);
	hdl_count(HDL_VERDICT_CONNECT_FAILED);
	hdl_ops_account(record, HDL_VERDICT_CONNECT_FAILED, &failed);
}

static __always_inline void hdl_ops_closed(struct bpf_sock_ops *ctx, struct hdl_sock *record, __u32 former_state)
{
	if (record->established) {
		struct hdl_traffic closed = { .closed = 1 };

		hdl_ops_bytes(ctx, former_state, &closed.received_bytes, &closed.sent_bytes);
		hdl_ops_account(record, record->verdict, &closed);
		record->established = 0;
	} else if (former_state == BPF_TCP_SYN_SENT) {
		hdl_ops_not_established(ctx, record);
	}
	hdl_uncharge(record);
}

SEC("sockops")
int hdl_sockops(struct bpf_sock_ops *ctx)
{
	struct hdl_sock *record;
	__u32 op = ctx->op;

	if (op != BPF_SOCK_OPS_TCP_CONNECT_CB && op != BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB &&
	    op != BPF_SOCK_OPS_STATE_CB)
		return 1;
	if (!ctx->sk)
		return 1;
	record = bpf_sk_storage_get(&sock, ctx->sk, NULL, 0);
	if (!record)
		return 1;
	if (op == BPF_SOCK_OPS_TCP_CONNECT_CB)
		hdl_ops_connecting(ctx, record);
	else if (op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB)
		hdl_ops_established(record);
	else if (record->kind == HDL_SOCK_BALANCED && ctx->args[1] == BPF_TCP_CLOSE)
		hdl_ops_closed(ctx, record, ctx->args[0]);
	return 1;
}

char hdl_license[] SEC("license") = "Dual BSD/GPL";
