/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What sockops tells about a connection: addresses, error, bytes. */
#ifndef HDL_BPF_CTX_OPS_H
#define HDL_BPF_CTX_OPS_H

#include <linux/bpf.h>
#include <linux/in.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include "bpf/lib/ctx_sock.h"

/* The fields that are read, found in the running kernel's own types (CO-RE). */
struct sock_common {
	unsigned long skc_flags;
} __attribute__((preserve_access_index));

struct sock {
	struct sock_common __sk_common;
	int sk_err;
} __attribute__((preserve_access_index));

struct tcp_sock;

enum sock_flags___hdl {
	SOCK_DEAD___hdl,
	SOCK_DONE___hdl,
};

HDL_CORE struct hdl_addr hdl_ops_local_address(const struct bpf_sock_ops *ctx)
{
	/* volatile: the context is read in words of 4 bytes only */
	const volatile __u32 *word = ctx->local_ip6;
	struct hdl_addr address;

	if (ctx->family == HDL_AF_INET)
		return hdl_addr_from_v4(ctx->local_ip4);
	address.word[0] = word[0];
	address.word[1] = word[1];
	address.word[2] = word[2];
	address.word[3] = word[3];
	return address;
}

HDL_CORE struct hdl_addr hdl_ops_remote_address(const struct bpf_sock_ops *ctx)
{
	const volatile __u32 *word = ctx->remote_ip6;
	struct hdl_addr address;

	if (ctx->family == HDL_AF_INET)
		return hdl_addr_from_v4(ctx->remote_ip4);
	address.word[0] = word[0];
	address.word[1] = word[1];
	address.word[2] = word[2];
	address.word[3] = word[3];
	return address;
}

/* sk_err: a positive errno when the kernel ended the connection, 0 when the application did. */
HDL_CORE int hdl_ops_error(struct bpf_sock_ops *ctx)
{
	const struct sock *sk;

	if (!ctx->sk)
		return 0;
	sk = (const struct sock *)bpf_skc_to_tcp_sock(ctx->sk);
	return sk ? sk->sk_err : 0;
}

/* The peer's FIN came in. */
HDL_CORE int hdl_ops_done(struct bpf_sock_ops *ctx)
{
	const struct sock *sk;

	if (!ctx->sk)
		return 0;
	sk = (const struct sock *)bpf_skc_to_tcp_sock(ctx->sk);
	if (!sk)
		return 0;
	return (sk->__sk_common.skc_flags >> bpf_core_enum_value(enum sock_flags___hdl, SOCK_DONE___hdl)) & 1;
}

/*
 * Payload bytes in both directions when the connection ends. The kernel's counters hold sequence space: the SYN, and
 * each FIN that was sent and acknowledged, or received, count as one byte.
 */
HDL_CORE void hdl_ops_bytes(struct bpf_sock_ops *ctx, __u32 former_state, __u64 *ret_sent, __u64 *ret_received)
{
	__u64 sent = ctx->bytes_acked, received = ctx->bytes_received;
	int fin_sent = former_state == BPF_TCP_FIN_WAIT1 || former_state == BPF_TCP_FIN_WAIT2 ||
		       former_state == BPF_TCP_CLOSING || former_state == BPF_TCP_LAST_ACK ||
		       former_state == BPF_TCP_TIME_WAIT;

	if (sent)
		sent--;
	if (sent && fin_sent && ctx->snd_una == ctx->snd_nxt)
		sent--;
	if (received && hdl_ops_done(ctx))
		received--;
	*ret_sent = sent;
	*ret_received = received;
}

#endif
