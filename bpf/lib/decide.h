/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What connect() and sendmsg() have in common: which record decides for this client, and which address replaces. */
#ifndef HDL_BPF_DECIDE_H
#define HDL_BPF_DECIDE_H

#include "bpf/lib/address.h"
#include "bpf/lib/balance.h"
#include "bpf/lib/verdict.h"

enum hdl_outcome {
	HDL_LEAVE,   /* as it was */
	HDL_REWRITE, /* to flow->address and port */
	HDL_REFUSE,  /* ECONNREFUSED */
	HDL_DENY,    /* EPERM */
	HDL_TO_L4,   /* a service that needs requests is balanced */
};

#define HDL_ECONNREFUSED 111
#define HDL_PORT_DNS 53
#define HDL_PORT_EPHEMERAL 32768 /* from here on the kernel chooses ports for sockets that ask for none */

/* What a hook returns. */
static __always_inline int hdl_answer(int outcome)
{
	if (outcome == HDL_REFUSE)
		bpf_set_retval(-HDL_ECONNREFUSED);
	return outcome != HDL_REFUSE && outcome != HDL_DENY;
}

/* The daemon's own sockets go where they want. */
static __always_inline int hdl_is_exempt(const struct hdl_state *state)
{
	return state->worker_uid && state->worker_uid == (__u32)bpf_get_current_uid_gid();
}

/* Is the dialled address one at which this client finds NodePorts: the node's, or loopback for the node's processes. */
static __always_inline int hdl_is_node_port(struct bpf_sock_addr *ctx, struct hdl_flow *flow,
					    const struct hdl_state *state)
{
	__u16 port = bpf_ntohs(flow->key.port);

	if (port < state->node_port_first || port > state->node_port_last)
		return 0;
	if (hdl_addr_is_loopback(&flow->key.address)) {
		hdl_sock_who(ctx, flow, state);
		return flow->host;
	}
	return bpf_map_lookup_elem(&node_address, &flow->key.address) != NULL;
}

/* Nothing, or what says that there is nothing any more; unlike a service that this client may not see. */
static __always_inline int hdl_is_tombstone(const struct hdl_service_version *version)
{
	return !version || (version->label == HDL_LABEL_NONE && !(version->flags & HDL_SERVICE_HIDDEN));
}

/* The record that decides about flow->key for this client; NULL when there is none. found->epoch is set in any case. */
static __always_inline const struct hdl_service_version *
hdl_find(struct bpf_sock_addr *ctx, struct hdl_flow *flow, const struct hdl_state *state, struct hdl_found *found)
{
	const struct hdl_service_version *version, *own;
	struct hdl_vip_key key;

	if (hdl_addr_is_any(&flow->key.address))
		flow->key.address = hdl_addr_loopback(flow->family);
	key = flow->key;
	version = hdl_lookup_service(state, &key, found);
	if (hdl_is_tombstone(version) && hdl_is_node_port(ctx, flow, state)) {
		__builtin_memset(&key.address, 0, sizeof(key.address));
		version = hdl_lookup_service(state, &key, found);
	}
	if (version && (version->flags & HDL_SERVICE_CLASSES)) {
		hdl_sock_who(ctx, flow, state);
		own = hdl_lookup_class(&key, &flow->client, found);
		if (!hdl_is_tombstone(own))
			version = own;
	}
	return version && version->label != HDL_LABEL_NONE ? version : NULL;
}

/*
 * outboundTrafficPolicy REGISTRY_ONLY (specification D.2): may this client not go to an address that no service has?
 * Free are loopback, the node's and its own addresses, groups, DNS, and what a datagram socket with a port of its own
 * answers; and processes of the node, unless the configuration gave them an identity. Not in line: what it has on the
 * stack would be below that of the pick.
 */
static __noinline __attribute__((unused)) int hdl_is_denied(struct bpf_sock_addr *ctx, struct hdl_flow *flow,
							    const struct hdl_state *state, __u64 epoch)
{
	const struct hdl_addr *address = &flow->key.address;
	const struct hdl_client_version *who;

	if (!(state->flags & HDL_STATE_REGISTRY_ONLY))
		return 0;
	if (hdl_addr_is_loopback(address) || hdl_addr_is_group(address) || flow->key.port == bpf_htons(HDL_PORT_DNS))
		return 0;
	if (flow->key.protocol == IPPROTO_UDP && ctx->sk && ctx->sk->src_port && ctx->sk->src_port < HDL_PORT_EPHEMERAL)
		return 0;
	hdl_sock_who(ctx, flow, state);
	if (flow->host && flow->client.id == 0)
		return 0;
	if (hdl_addr_equal(address, &flow->client.address[HDL_FAMILY_V4]) ||
	    hdl_addr_equal(address, &flow->client.address[HDL_FAMILY_V6]))
		return 0;
	who = hdl_lookup_client(&flow->client, epoch);
	return who && (who->flags & HDL_CLIENT_REGISTRY_ONLY) && !bpf_map_lookup_elem(&node_address, address) &&
	       !hdl_lookup_known_port(&flow->key, &flow->client, epoch);
}

/* HDL_VERDICT_BALANCED with the flow's address set, HDL_VERDICT_PASS, or the verdict with which to refuse. */
static __always_inline int hdl_decide_l4(struct bpf_sock_addr *ctx, struct hdl_flow *flow,
					 const struct hdl_service_version *version, const struct hdl_found *found)
{
	/* the bound address lies where the endpoint's will: the stack has no room for another */
	flow->address = hdl_sock_source(ctx, flow->family);
	return hdl_balance_flow(flow, version, found->epoch, &flow->address);
}

#endif
