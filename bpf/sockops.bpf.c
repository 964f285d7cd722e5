// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * What became of the connections that connect() decided: original destinations for the workers; connections, failures,
 * round trip times and bytes of endpoints; and their ejection.
 *
 * A failure counts only when the kernel says so, never because the application gave up. One connect fails at most once:
 * at the first SYN that stays unanswered, or with the error that ends it. An established connection fails when its
 * segments stay unanswered twice in a row without progress (a single time-out is loss), once until there is progress.
 */
#include "bpf/lib/charge.h"
#include "bpf/lib/ctx_ops.h"
#include "bpf/lib/event.h"
#include "bpf/lib/failure.h"
#include "bpf/lib/shortcut.h"

/* Called for sockets with a record only, and RTO and RETRANS only when segments are sent again: no cost otherwise. */
#define HDL_OPS_CALLBACKS (BPF_SOCK_OPS_STATE_CB_FLAG | BPF_SOCK_OPS_RTO_CB_FLAG | BPF_SOCK_OPS_RETRANS_CB_FLAG)
#define HDL_ETIMEDOUT 110
#define HDL_OPS_TIMEOUTS 2 /* in a row that make a failure of an established connection */

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

static __always_inline void hdl_ops_connecting(struct bpf_sock_ops *ctx, struct hdl_sock *record)
{
	record->failures = 0;
	if (record->kind == HDL_SOCK_PUNTED)
		hdl_ops_note_origin(ctx, record);
	else
		bpf_sock_ops_cb_flags_set(ctx, ctx->bpf_sock_ops_cb_flags | HDL_OPS_CALLBACKS);
}

/* --- failures ------------------------------------------------------------------------------------------------------ */

static __always_inline void hdl_ops_tell(struct bpf_sock_ops *ctx, const struct hdl_sock *record, __u8 kind,
					 __s32 error, __u32 attempts)
{
	const struct hdl_health *of_endpoint = hdl_charge_health(record);
	__u32 cluster = 0;
	struct hdl_event *event =
		hdl_event_begin(kind, kind == HDL_EVENT_CONNECT_FAILED ? HDL_VERDICT_CONNECT_FAILED : record->verdict,
				bpf_ktime_get_ns());

	if (!event)
		return;
	hdl_failure_balance(record->endpoint, record->generation, &cluster);
	event->protocol = IPPROTO_TCP;
	event->address = record->original_address;
	event->port = record->original_port;
	event->endpoint_address = record->address;
	event->endpoint_port = record->port;
	event->epoch = record->epoch;
	event->cookie = bpf_get_netns_cookie(ctx);
	event->workload = record->workload;
	event->uid = record->uid;
	event->error = error;
	event->service = record->service;
	event->cluster = cluster;
	event->endpoint = record->endpoint;
	event->generation = record->generation;
	event->attempts = attempts;
	if (of_endpoint && kind == HDL_EVENT_EJECTED)
		event->until_ns = hdl_core_peek64(&of_endpoint->ejected_until_ns);
	hdl_event_end(event);
}

static __always_inline void hdl_ops_report(struct bpf_sock_ops *ctx, const struct hdl_sock *record, __u32 event)
{
	int verdict = hdl_failure_report(record->endpoint, record->generation, event);

	if (verdict == HDL_OUTLIER_EJECTED)
		hdl_ops_tell(ctx, record, HDL_EVENT_EJECTED, 0, 0);
	else if (verdict == HDL_OUTLIER_OVERFLOW)
		hdl_ops_tell(ctx, record, HDL_EVENT_EJECTION_OVERFLOW, 0, 0);
}

/* Segments of the connection stay unanswered: args[0] = how often they were sent again before. */
static __always_inline void hdl_ops_timeout(struct bpf_sock_ops *ctx, struct hdl_sock *record)
{
	struct hdl_health *of_endpoint = hdl_charge_health(record);
	int connecting = ctx->state == BPF_TCP_SYN_SENT;
	__u32 cluster, in_a_row = ctx->args[0] + 1;
	struct hdl_balance *of_cluster = hdl_failure_balance(record->endpoint, record->generation, &cluster);

	if (of_endpoint)
		hdl_add_u32(&of_endpoint->timeouts, 1);
	if (of_cluster)
		hdl_add_u32(&of_cluster->timeouts, 1);
	if (connecting ? record->failures != 0 : in_a_row != HDL_OPS_TIMEOUTS)
		return;
	record->failures++;
	hdl_ops_tell(ctx, record, HDL_EVENT_TIMEOUT, 0, in_a_row);
	hdl_ops_report(ctx, record, HDL_OUTLIER_TIMEOUT);
}

/* args[1] segments were sent again; args[2]: with which error, 0 = they were. */
static __always_inline void hdl_ops_retransmitted(struct bpf_sock_ops *ctx, const struct hdl_sock *record)
{
	struct hdl_health *of_endpoint = hdl_charge_health(record);
	__u32 cluster, segments = ctx->args[1];
	struct hdl_balance *of_cluster;

	if (ctx->args[2] != 0)
		return;
	of_cluster = hdl_failure_balance(record->endpoint, record->generation, &cluster);
	if (of_endpoint)
		hdl_add_u32(&of_endpoint->retransmits, segments);
	if (of_cluster)
		hdl_add_u32(&of_cluster->retransmits, segments);
}

/* --- connections and bytes ----------------------------------------------------------------------------------------- */

/* Smoothed over connections as TCP smooths over segments. Two that store at once lose one sample. */
static __always_inline void hdl_ops_note_rtt(struct bpf_sock_ops *ctx, struct hdl_health *of_endpoint)
{
	__u32 sample = ctx->srtt_us >> 3, former = hdl_core_peek32(&of_endpoint->rtt_us);

	if (sample == 0)
		return;
	hdl_core_poke32(&of_endpoint->rtt_us, former ? former - former / 8 + sample / 8 : sample);
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

static __always_inline void hdl_ops_established(struct bpf_sock_ops *ctx, struct hdl_sock *record)
{
	struct hdl_health *of_endpoint = hdl_charge_health(record);
	struct hdl_traffic opened = { .opened = 1 };

	if (record->established)
		return;
	record->established = 1;
	if (of_endpoint) {
		hdl_add_u32(&of_endpoint->connects, 1);
		hdl_ops_note_rtt(ctx, of_endpoint);
		if (hdl_core_peek32(&of_endpoint->consecutive_5xx) |
		    hdl_core_peek32(&of_endpoint->consecutive_gateway) |
		    hdl_core_peek32(&of_endpoint->consecutive_local_origin))
			hdl_ops_report(ctx, record, HDL_OUTLIER_CONNECT_L4);
	}
	hdl_ops_account(record, record->verdict, &opened);
}

/* SYN_SENT became CLOSE: by the kernel's error, or by the application, which may have had a reason. */
static __always_inline void hdl_ops_not_established(struct bpf_sock_ops *ctx, struct hdl_sock *record)
{
	struct hdl_traffic failed = { .opened = 1, .closed = 1 };
	struct hdl_health *of_endpoint;
	struct hdl_balance *of_cluster;
	int error = hdl_ops_error(ctx);
	__u32 cluster;

	if (error == 0 && record->failures == 0)
		return;
	of_endpoint = hdl_charge_health(record);
	if (of_endpoint)
		hdl_add_u32(&of_endpoint->connect_failures, 1);
	of_cluster = hdl_failure_balance(record->endpoint, record->generation, &cluster);
	if (of_cluster)
		hdl_add_u32(&of_cluster->connect_failures, 1);
	hdl_count(HDL_VERDICT_CONNECT_FAILED);
	hdl_ops_account(record, HDL_VERDICT_CONNECT_FAILED, &failed);
	hdl_ops_tell(ctx, record, HDL_EVENT_CONNECT_FAILED, error, 0);
	if (record->failures == 0)
		hdl_ops_report(ctx, record, error == HDL_ETIMEDOUT ? HDL_OUTLIER_TIMEOUT : HDL_OUTLIER_CONNECT_FAILURE);
}

static __always_inline void hdl_ops_closed(struct bpf_sock_ops *ctx, struct hdl_sock *record, __u32 former_state)
{
	if (record->established) {
		struct hdl_health *of_endpoint = hdl_charge_health(record);
		struct hdl_traffic closed = { .closed = 1 };

		if (of_endpoint)
			hdl_ops_note_rtt(ctx, of_endpoint);
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

	if (hdl_shortcut_possible() &&
	    (op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB || op == BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB))
		hdl_shortcut_join(ctx);
	if (op != BPF_SOCK_OPS_TCP_CONNECT_CB && op != BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB &&
	    op != BPF_SOCK_OPS_STATE_CB && op != BPF_SOCK_OPS_RTO_CB && op != BPF_SOCK_OPS_RETRANS_CB)
		return 1;
	if (!ctx->sk)
		return 1;
	record = bpf_sk_storage_get(&sock, ctx->sk, NULL, 0);
	if (!record)
		return 1;
	if (op == BPF_SOCK_OPS_TCP_CONNECT_CB)
		hdl_ops_connecting(ctx, record);
	else if (record->kind != HDL_SOCK_BALANCED)
		return 1;
	else if (op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB)
		hdl_ops_established(ctx, record);
	else if (op == BPF_SOCK_OPS_RTO_CB)
		hdl_ops_timeout(ctx, record);
	else if (op == BPF_SOCK_OPS_RETRANS_CB)
		hdl_ops_retransmitted(ctx, record);
	else if (ctx->args[1] == BPF_TCP_CLOSE)
		hdl_ops_closed(ctx, record, ctx->args[0]);
	return 1;
}

char hdl_license[] SEC("license") = "Dual BSD/GPL";
