// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* What a socket of the short cut sends: straight to the other end, or over TCP. */
#include "bpf/lib/shortcut.h"

static __always_inline void hdl_msg_ends(struct sk_msg_md *ctx, struct hdl_shortcut_key *own)
{
	/* volatile: the context is read in words of 4 bytes only */
	const volatile __u32 *local = ctx->local_ip6, *remote = ctx->remote_ip6;

	if (ctx->family == HDL_AF_INET) {
		own->local = hdl_addr_from_v4(ctx->local_ip4);
		own->remote = hdl_addr_from_v4(ctx->remote_ip4);
	} else {
		own->local.word[0] = local[0];
		own->local.word[1] = local[1];
		own->local.word[2] = local[2];
		own->local.word[3] = local[3];
		own->remote.word[0] = remote[0];
		own->remote.word[1] = remote[1];
		own->remote.word[2] = remote[2];
		own->remote.word[3] = remote[3];
	}
	own->local_port = bpf_htons((__u16)ctx->local_port);
	own->remote_port = bpf_htons((__u16)bpf_ntohl(ctx->remote_port));
	own->netns_cookie = bpf_get_netns_cookie(ctx);
}

/* The key of the other end. 0 = there cannot be one. */
static __always_inline int hdl_msg_peer(const struct hdl_shortcut_key *own, struct hdl_shortcut_key *peer)
{
	const __u64 *owner = bpf_map_lookup_elem(&shortcut_owner, &own->remote);

	if (!owner || !hdl_shortcut_owns(own->netns_cookie, &own->local))
		return 0;
	peer->netns_cookie = *owner;
	peer->local = own->remote;
	peer->remote = own->local;
	peer->local_port = own->remote_port;
	peer->remote_port = own->local_port;
	return 1;
}

/* 1 = the message goes straight to the other end, 0 = over TCP, -1 = neither is possible. */
static __always_inline int hdl_msg_redirect(struct sk_msg_md *ctx)
{
	const struct sk_msg___short *msg = (const void *)ctx;
	struct hdl_shortcut_key own = {}, peer = {};

	hdl_msg_ends(ctx, &own);
	if (!hdl_msg_peer(&own, &peer) || bpf_msg_redirect_hash(ctx, &shortcut, &peer, BPF_F_INGRESS) != SK_PASS)
		return 0;
	/* Only now the other end can be looked at: there is no way to it but through the message. */
	if (hdl_shortcut_is_free(BPF_CORE_READ(msg, sk), BPF_CORE_READ(msg, sk_redir)))
		return 1;
	/* And no way to take that back, but to send it from this socket, which is what TCP does. */
	return bpf_msg_redirect_hash(ctx, &shortcut, &own, 0) == SK_PASS ? 0 : -1;
}

SEC("sk_msg")
int hdl_sk_msg(struct sk_msg_md *ctx)
{
	__u32 *way, former;
	int taken;

	if (!hdl_shortcut_possible() || !ctx->sk)
		return SK_PASS;
	way = bpf_sk_storage_get(&shortcut_way, ctx->sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (!way || *way == HDL_SHORTCUT_TCP)
		return SK_PASS;
	former = *way;
	taken = hdl_msg_redirect(ctx);
	*way = taken > 0 ? HDL_SHORTCUT_TAKEN : HDL_SHORTCUT_TCP;
	if (taken > 0) {
		hdl_count_many(HDL_VERDICT_SHORTCUT_BYTES, ctx->size);
		if (former == HDL_SHORTCUT_UNDECIDED)
			hdl_count(HDL_VERDICT_SHORTCUT);
	} else if (former == HDL_SHORTCUT_TAKEN) {
		hdl_count(HDL_VERDICT_SHORTCUT_LEFT);
	}
	return taken < 0 ? SK_DROP : SK_PASS;
}

char hdl_license[] SEC("license") = "Dual BSD/GPL";
