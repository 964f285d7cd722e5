/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Between struct bpf_sock_addr and a flow: what is dialled, by whom, and where it goes instead. */
#ifndef HDL_BPF_CTX_SOCK_H
#define HDL_BPF_CTX_SOCK_H

#include <linux/bpf.h>
#include <linux/in.h>
#include <bpf/bpf_endian.h>
#include "bpf/lib/tables.h"
#include "heddle/abi_conn.h"

/* AF_* and SOCK_STREAM: <sys/socket.h> is not for BPF. */
#define HDL_AF_INET 2
#define HDL_AF_INET6 10

struct hdl_flow {
	struct hdl_vip_key key; /* dialled address, port and protocol */
	__u8 family;            /* enum hdl_family of the connection: v4 for a v4-mapped address */
	__u8 alive;             /* the daemon's heartbeat is fresh */
	__u8 kind;              /* enum hdl_sock_kind to store */
	__u8 verdict;           /* enum hdl_verdict to store */
	__u8 known;             /* cookie, client and host are set (hdl_sock_who) */
	__u8 host;              /* a process in the node's own network namespace */
	__u8 charged;           /* enum hdl_charged: what the connection holds already */
	__u8 padding0;
	__u64 now_ns;
	struct hdl_workload
		client;          /* id 0 = unknown; its cookie is that of the client's network namespace all the same */
	struct hdl_addr address; /* where it goes */
	__be16 port;
	__u16 padding;
	__u32 endpoint, generation; /* HDL_ENDPOINT_NONE when punted */
	__u32 cluster, cluster_generation;
};

/* Of TCP or UDP: the two that services have. */
HDL_CORE int hdl_sock_is_served(__u32 protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP;
}

HDL_CORE struct hdl_addr hdl_sock_address6(const struct bpf_sock_addr *ctx)
{
	struct hdl_addr address;

	address.word[0] = ctx->user_ip6[0];
	address.word[1] = ctx->user_ip6[1];
	address.word[2] = ctx->user_ip6[2];
	address.word[3] = ctx->user_ip6[3];
	return address;
}

HDL_CORE void hdl_sock_write4(struct bpf_sock_addr *ctx, const struct hdl_addr *address, __be16 port)
{
	ctx->user_ip4 = address->word[3];
	ctx->user_port = port;
}

/* An IPv4 address stays in the mapped form in which an IPv6 socket knows it. */
HDL_CORE void hdl_sock_write6(struct bpf_sock_addr *ctx, const struct hdl_addr *address, __be16 port)
{
	ctx->user_ip6[0] = address->word[0];
	ctx->user_ip6[1] = address->word[1];
	ctx->user_ip6[2] = address->word[2];
	ctx->user_ip6[3] = address->word[3];
	ctx->user_port = port;
}

/* Source address that the socket is bound to; zero when it is not. */
HDL_CORE struct hdl_addr hdl_sock_source(const struct bpf_sock_addr *ctx, __u8 family)
{
	struct bpf_sock *sk = ctx->sk;
	struct hdl_addr none = {}, address;

	if (!sk)
		return none;
	if (sk->family == HDL_AF_INET)
		return sk->src_ip4 && family == HDL_FAMILY_V4 ? hdl_addr_from_v4(sk->src_ip4) : none;
	address.word[0] = sk->src_ip6[0];
	address.word[1] = sk->src_ip6[1];
	address.word[2] = sk->src_ip6[2];
	address.word[3] = sk->src_ip6[3];
	return hdl_addr_is_v4(&address) == (family == HDL_FAMILY_V4) ? address : none;
}

/* Who connects: the record of the network namespace, all zero but for the cookie if there is none. */
HDL_CORE void hdl_sock_client(__u64 cookie, struct hdl_workload *ret)
{
	struct hdl_workload *record = bpf_map_lookup_elem(&workload, &cookie);

	if (record) {
		*ret = *record;
		asm volatile("" : : : "memory");
		if (*(const volatile __u64 *)&record->cookie == cookie)
			return;
	}
	__builtin_memset(ret, 0, sizeof(*ret));
	ret->cookie = cookie;
}

/*
 * A global function, as those in balance.h: to the verifier all ways that lead to it come out of it as one, since it does
 * not know what is in the flow any more.
 */
__weak __noinline int hdl_sock_who_is(struct hdl_flow *flow, __u64 cookie, __u64 host_cookie)
{
	if (!flow || flow->known)
		return 0;
	flow->host = cookie == host_cookie;
	hdl_sock_client(cookie, &flow->client);
	flow->known = 1;
	return 0;
}

/* Sets cookie, client and host of the flow, once: many decisions need none of them. */
HDL_CORE void hdl_sock_who(struct bpf_sock_addr *ctx, struct hdl_flow *flow, const struct hdl_state *state)
{
	hdl_sock_who_is(flow, bpf_get_netns_cookie(ctx), state->host_netns_cookie);
}

#endif
