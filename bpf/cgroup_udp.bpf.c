// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Datagrams of UDP sockets that are not connected: what is sent to a service goes to one endpoint, and what that answers
 * comes from the service.
 *
 * A socket keeps its endpoint for a service while that endpoint's generation is the same. The first pair of service and
 * endpoint is in the socket's storage, where it lives and dies with the socket; what it sends to more services is in map
 * `udp`. These hooks also run for every datagram of every server: a socket without storage never sent to a service, so
 * that nothing it receives needs a look-up.
 */
#include "bpf/lib/decide.h"
#include "bpf/lib/punt.h"

static __always_inline void hdl_udp_key(struct hdl_udp_key *key, __u64 socket, const struct hdl_addr *address,
					__be16 port, __u8 reply)
{
	__builtin_memset(key, 0, sizeof(*key));
	key->socket = socket;
	key->address = *address;
	key->port = port;
	key->reply = reply;
}

static __always_inline int hdl_udp_lives(__u32 endpoint, __u32 generation)
{
	const struct hdl_health *of_endpoint = hdl_tables_health(NULL, endpoint);

	return of_endpoint && *(const volatile __u32 *)&of_endpoint->generation == generation;
}

/*
 * The pair in the map for what is sent to: its service, or 0. These are functions of their own, so that their keys are not on the stack
 * of the pick: 512 bytes are for all that call each other.
 */
static __noinline __u32 hdl_udp_find(struct hdl_flow *flow, __u64 cookie)
{
	const struct hdl_udp *pair;
	struct hdl_udp_key key;

	hdl_udp_key(&key, cookie, &flow->key.address, flow->key.port, 0);
	pair = bpf_map_lookup_elem(&udp, &key);
	if (!pair || !hdl_udp_lives(pair->endpoint, pair->generation))
		return 0;
	flow->address = pair->address;
	flow->port = pair->port;
	flow->endpoint = pair->endpoint;
	flow->generation = pair->generation;
	return pair->service;
}

static __always_inline int hdl_udp_is_at(const struct hdl_sock *record, const struct hdl_flow *flow)
{
	return record->kind == HDL_SOCK_UNCONNECTED && record->port == flow->port &&
	       hdl_addr_equal(&record->address, &flow->address);
}

/*
 * The endpoint of the pair in the storage serves what is sent to as well: its answers have the name of the service that
 * was asked last. What was in the storage goes on in the map, unless the endpoint had left and come again since.
 */
static __noinline int hdl_udp_rename(struct hdl_sock *record, const struct hdl_flow *flow, __u64 cookie, __u32 service)
{
	struct hdl_udp value = {
		.address = record->address,
		.port = record->port,
		.service = record->service,
		.endpoint = record->endpoint,
		.generation = record->generation,
	};
	struct hdl_udp_key key;

	hdl_udp_key(&key, cookie, &record->original_address, record->original_port, 0);
	if (hdl_udp_lives(record->endpoint, record->generation) &&
	    bpf_map_update_elem(&udp, &key, &value, BPF_ANY) != 0)
		return 0;
	record->original_address = flow->key.address;
	record->original_port = flow->key.port;
	record->service = service;
	record->endpoint = flow->endpoint;
	record->generation = flow->generation;
	return 1;
}

/* The same where both pairs are in the map. */
static __noinline int hdl_udp_name(const struct hdl_flow *flow, __u64 cookie, __u32 service)
{
	const struct hdl_udp *pair;
	struct hdl_udp_key key;
	struct hdl_udp value;

	hdl_udp_key(&key, cookie, &flow->address, flow->port, 1);
	pair = bpf_map_lookup_elem(&udp, &key);
	if (!pair || (pair->port == flow->key.port && hdl_addr_equal(&pair->address, &flow->key.address)))
		return 0;
	value = *pair;
	value.address = flow->key.address;
	value.port = flow->key.port;
	value.service = service;
	return bpf_map_update_elem(&udp, &key, &value, BPF_ANY) == 0;
}

/* Is there a pair for what is sent to? Sets flow's address and port. */
static __always_inline int hdl_udp_again(struct bpf_sock_addr *ctx, struct hdl_sock *record, struct hdl_flow *flow)
{
	__u64 cookie;
	__u32 service;

	if (record->original_port == flow->key.port && hdl_addr_equal(&record->original_address, &flow->key.address) &&
	    hdl_udp_lives(record->endpoint, record->generation)) {
		flow->address = record->address;
		flow->port = record->port;
		return 1;
	}
	cookie = bpf_get_socket_cookie(ctx);
	service = hdl_udp_find(flow, cookie);
	if (service && hdl_udp_is_at(record, flow))
		hdl_udp_rename(record, flow, cookie, service);
	else if (service)
		hdl_udp_name(flow, cookie, service);
	return service != 0;
}

/* Writes a pair to the map, in both directions. 0 = no room. */
static __noinline int hdl_udp_pair(const struct hdl_flow *flow, __u64 cookie, __u32 service)
{
	struct hdl_udp value = { .service = service, .endpoint = flow->endpoint, .generation = flow->generation };
	struct hdl_udp_key key;

	value.address = flow->key.address;
	value.port = flow->key.port;
	hdl_udp_key(&key, cookie, &flow->address, flow->port, 1);
	if (bpf_map_update_elem(&udp, &key, &value, BPF_ANY) != 0)
		return 0;
	value.address = flow->address;
	value.port = flow->port;
	hdl_udp_key(&key, cookie, &flow->key.address, flow->key.port, 0);
	return bpf_map_update_elem(&udp, &key, &value, BPF_ANY) == 0;
}

/* May the socket's storage take this pair: nothing else is there, or the pair of a service that lost its endpoint. */
static __always_inline int hdl_udp_is_first(const struct hdl_sock *record, const struct hdl_flow *flow)
{
	return record->kind == 0 || (record->kind == HDL_SOCK_UNCONNECTED && record->original_port == flow->key.port &&
				     hdl_addr_equal(&record->original_address, &flow->key.address));
}

static __always_inline int hdl_udp_remember(struct bpf_sock_addr *ctx, struct hdl_sock *record,
					    const struct hdl_flow *flow, const struct hdl_found *found)
{
	if (!record)
		record = bpf_sk_storage_get(&sock, ctx->sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (!record)
		return 0;
	if (!hdl_udp_is_first(record, flow)) {
		__u64 cookie = bpf_get_socket_cookie(ctx);

		if (!hdl_udp_pair(flow, cookie, found->service))
			return 0;
		return hdl_udp_is_at(record, flow) ? hdl_udp_rename(record, flow, cookie, found->service) : 1;
	}
	record->original_address = flow->key.address;
	record->original_port = flow->key.port;
	record->address = flow->address;
	record->port = flow->port;
	record->kind = HDL_SOCK_UNCONNECTED;
	record->verdict = flow->verdict;
	record->service = found->service;
	record->endpoint = flow->endpoint;
	record->generation = flow->generation;
	record->workload = flow->client.id;
	record->epoch = found->epoch;
	record->start_ns = flow->now_ns;
	record->uid = (__u32)bpf_get_current_uid_gid();
	record->cluster = flow->cluster;
	record->cluster_generation = flow->cluster_generation;
	return 1;
}

/* The first datagram of a socket to a service. */
static __always_inline int hdl_udp_new(struct bpf_sock_addr *ctx, struct hdl_sock *record, struct hdl_flow *flow,
				       const struct hdl_state *state, const struct hdl_service_version *version,
				       const struct hdl_found *found)
{
	int outcome;

	flow->now_ns = bpf_ktime_get_ns();
	flow->alive = hdl_alive(state, flow->now_ns);
	hdl_sock_who(ctx, flow, state);
	flow->verdict = HDL_VERDICT_BALANCED;
	outcome = hdl_decide_l4(ctx, flow, version, found);
	if (outcome == HDL_VERDICT_BALANCED && !hdl_udp_remember(ctx, record, flow, found))
		outcome = HDL_VERDICT_NO_STORAGE;
	hdl_verdict(flow, found, outcome);
	if (outcome == HDL_VERDICT_PASS)
		return HDL_LEAVE;
	return outcome == HDL_VERDICT_BALANCED ? HDL_REWRITE : HDL_REFUSE;
}

/* A socket that was connected, and is not any more (AF_UNSPEC; no hook sees that), goes on with the pair that it has. */
static __always_inline void hdl_udp_disconnected(struct bpf_sock_addr *ctx, struct hdl_sock *record)
{
	if (record->kind == HDL_SOCK_DATAGRAM && ctx->sk && ctx->sk->state != BPF_TCP_ESTABLISHED)
		record->kind = HDL_SOCK_UNCONNECTED;
}

/* Datagrams that are left as they are do not count: servers send too many of them. */
static __always_inline int hdl_sendmsg(struct bpf_sock_addr *ctx, struct hdl_flow *flow)
{
	const struct hdl_state *state = hdl_state();
	const struct hdl_service_version *version;
	struct hdl_found found = {};
	struct hdl_sock *record;

	if (!state)
		return HDL_LEAVE;
	if (hdl_addr_is_any(&flow->key.address)) /* as the kernel takes it, and as it was remembered */
		flow->key.address = hdl_addr_loopback(flow->family);
	record = bpf_sk_storage_get(&sock, ctx->sk, NULL, 0);
	if (record)
		hdl_udp_disconnected(ctx, record);
	if (record && hdl_udp_again(ctx, record, flow))
		return HDL_REWRITE;
	if (hdl_is_exempt(state))
		return HDL_LEAVE;
	version = hdl_find(ctx, flow, state, &found);
	if (!version) {
		if (!hdl_is_denied(ctx, flow, state, found.epoch))
			return HDL_LEAVE;
		hdl_verdict(flow, &found, HDL_VERDICT_REGISTRY_ONLY);
		return HDL_DENY;
	}
	if (version->label == HDL_LABEL_DIRECT)
		return HDL_LEAVE;
	return hdl_udp_new(ctx, record, flow, state, version, &found);
}

/* Also what an IPv6 socket sends to a v4-mapped address. */
SEC("cgroup/sendmsg4")
int hdl_sendmsg4(struct bpf_sock_addr *ctx)
{
	struct hdl_flow flow = { .family = HDL_FAMILY_V4 };
	int outcome;

	if (ctx->protocol != IPPROTO_UDP)
		return 1;
	flow.key.address = hdl_addr_from_v4(ctx->user_ip4);
	flow.key.port = (__be16)ctx->user_port;
	flow.key.protocol = IPPROTO_UDP;
	outcome = hdl_sendmsg(ctx, &flow);
	if (outcome == HDL_REWRITE)
		hdl_sock_write4(ctx, &flow.address, flow.port);
	return hdl_answer(outcome);
}

SEC("cgroup/sendmsg6")
int hdl_sendmsg6(struct bpf_sock_addr *ctx)
{
	struct hdl_flow flow = { .family = HDL_FAMILY_V6 };
	int outcome;

	if (ctx->protocol != IPPROTO_UDP)
		return 1;
	flow.key.address = hdl_sock_address6(ctx);
	flow.key.port = (__be16)ctx->user_port;
	flow.key.protocol = IPPROTO_UDP;
	outcome = hdl_sendmsg(ctx, &flow);
	if (outcome == HDL_REWRITE)
		hdl_sock_write6(ctx, &flow.address, flow.port);
	return hdl_answer(outcome);
}

/* The service whose endpoint sent this: 1 = found. */
static __always_inline int hdl_recvmsg(struct bpf_sock_addr *ctx, const struct hdl_addr *from, struct hdl_addr *ret,
				       __be16 *ret_port)
{
	const struct hdl_sock *record = bpf_sk_storage_get(&sock, ctx->sk, NULL, 0);
	__be16 port = (__be16)ctx->user_port;
	const struct hdl_udp *pair;
	struct hdl_udp_key key;

	if (!record)
		return 0;
	if (record->port == port && hdl_addr_equal(&record->address, from)) {
		*ret = record->original_address;
		*ret_port = record->original_port;
		return 1;
	}
	hdl_udp_key(&key, bpf_get_socket_cookie(ctx), from, port, 1);
	pair = bpf_map_lookup_elem(&udp, &key);
	if (!pair)
		return 0;
	*ret = pair->address;
	*ret_port = pair->port;
	return 1;
}

SEC("cgroup/recvmsg4")
int hdl_recvmsg4(struct bpf_sock_addr *ctx)
{
	struct hdl_addr from = hdl_addr_from_v4(ctx->user_ip4), service;
	__be16 port;

	if (hdl_recvmsg(ctx, &from, &service, &port))
		hdl_sock_write4(ctx, &service, port);
	return 1;
}

SEC("cgroup/recvmsg6")
int hdl_recvmsg6(struct bpf_sock_addr *ctx)
{
	struct hdl_addr from = hdl_sock_address6(ctx), service;
	__be16 port;

	if (hdl_recvmsg(ctx, &from, &service, &port))
		hdl_sock_write6(ctx, &service, port);
	return 1;
}

char hdl_license[] SEC("license") = "Dual BSD/GPL";
