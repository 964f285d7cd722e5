/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The short cut between two sockets of this node: who may take it, and when it must not be taken.
 *
 * What makes it exact:
 * - An end is found by its addresses only where they belong to one network namespace, and its key has that namespace in it.
 * - A direction begins with the short cut or with TCP, and goes over to TCP at most once, never back: a reader takes what came
 *   by the short cut first. It is taken only as long as the reader has taken every byte that was sent over TCP.
 * - What waits for the reader is bounded; above the bound TCP takes over, which lets the sender wait.
 */
#ifndef HDL_BPF_SHORTCUT_H
#define HDL_BPF_SHORTCUT_H

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include "bpf/lib/ctx_ops.h"
#include "bpf/lib/tables.h"

/* Suffixes: fields of the kernel's types beside those that ctx_ops.h has. */
struct sk_psock___short {
	__u32 msg_tot_len;
} __attribute__((preserve_access_index));

struct sock___short {
	void *sk_user_data;
} __attribute__((preserve_access_index));

struct inet_connection_sock___short {
	const void *icsk_ulp_ops;
} __attribute__((preserve_access_index));

struct tcp_sock___short {
	__u32 copied_seq, write_seq;
} __attribute__((preserve_access_index));

struct sk_msg___short {
	struct sock *sk, *sk_redir;
} __attribute__((preserve_access_index));

/* Flags in the low bits of sk_user_data; the third says that it points to a psock. */
#define HDL_SHORTCUT_FLAG_BITS 7ul
#define HDL_SHORTCUT_FLAG_PSOCK 4ul

/* The kernel tells how much waits for a reader. */
HDL_CORE int hdl_shortcut_possible(void)
{
	return hdl_config_shortcut && bpf_core_field_exists(((struct sk_psock___short *)0)->msg_tot_len);
}

/* Is the address of the namespace, and of no other. */
HDL_CORE int hdl_shortcut_owns(__u64 netns_cookie, const struct hdl_addr *address)
{
	const __u64 *owner = bpf_map_lookup_elem(&shortcut_owner, address);

	return owner && *owner == netns_cookie;
}

/* An end of a connection of which both ends are on this node. Sockets that others have in such a map stay theirs. */
HDL_CORE void hdl_shortcut_join(struct bpf_sock_ops *ctx)
{
	struct hdl_shortcut_key key = {
		.local = hdl_ops_local_address(ctx),
		.remote = hdl_ops_remote_address(ctx),
		.local_port = bpf_htons((__u16)ctx->local_port),
		.remote_port = bpf_htons((__u16)bpf_ntohl(ctx->remote_port)),
	};

	key.netns_cookie = bpf_get_netns_cookie(ctx);
	if (!hdl_shortcut_owns(key.netns_cookie, &key.local) || !bpf_map_lookup_elem(&shortcut_owner, &key.remote))
		return;
	bpf_sock_hash_update(ctx, &shortcut, &key, BPF_NOEXIST);
}

/* kTLS and the like: what the application sends is not what the other end is to read. */
HDL_CORE int hdl_shortcut_has_ulp(const void *sk)
{
	return BPF_CORE_READ((const struct inet_connection_sock___short *)sk, icsk_ulp_ops) != NULL;
}

/* All that was sent over TCP was read, and not too much waits. */
HDL_CORE int hdl_shortcut_is_free(const struct sock *own, const struct sock *peer)
{
	__u32 read_up_to = BPF_CORE_READ((const struct tcp_sock___short *)peer, copied_seq);
	__u32 sent_up_to = BPF_CORE_READ((const struct tcp_sock___short *)own, write_seq);
	unsigned long data = (unsigned long)BPF_CORE_READ((const struct sock___short *)peer, sk_user_data);
	const struct sk_psock___short *psock = (const void *)(data & ~HDL_SHORTCUT_FLAG_BITS);

	if (!(data & HDL_SHORTCUT_FLAG_PSOCK) || read_up_to != sent_up_to)
		return 0;
	if (BPF_CORE_READ(psock, msg_tot_len) >= HDL_SHORTCUT_QUEUE_BYTES)
		return 0;
	return !hdl_shortcut_has_ulp(own) && !hdl_shortcut_has_ulp(peer);
}

#endif
