/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Packets of punted connections to the sockets of workers. */
#ifndef HDL_BPF_ASSIGN_H
#define HDL_BPF_ASSIGN_H

#include "bpf/lib/ctx_tc.h"
#include "bpf/lib/punt.h"
#include "heddle/core/pick.h"

/*
 * Both ends and both ports: with SYN cookies the ACK comes without a socket, and must find the listener that answered
 * the SYN.
 */
HDL_CORE __u32 hdl_assign_hash(const struct hdl_packet *packet)
{
	__u64 ports = (__u64)packet->source_port << 16 | packet->destination_port;
	__u64 mixed = hdl_core_draw(packet->source.half[0] ^ packet->destination.half[1], 0);

	mixed = hdl_core_draw(mixed ^ packet->source.half[1] ^ packet->destination.half[0], 1);
	return (__u32)(hdl_core_draw(mixed ^ ports, 2) >> 32);
}

/*
 * Assigns a packet of a connection that exists. 1 when done.
 *
 * A SYN that meets TIME_WAIT goes there too. Given to a listener it would be dropped until TIME_WAIT is over, since the
 * old entry occupies the tuple and only the kernel's own look-up of listeners removes it. TIME_WAIT answers with an ACK,
 * the client's RST ends it, and the client sends its SYN again at once (two jiffies on Linux).
 */
HDL_CORE int hdl_assign_connection(struct __sk_buff *skb, const struct hdl_packet *packet)
{
	struct bpf_sock *sk = hdl_tc_socket(skb, packet);
	long failed;

	if (!sk)
		return 0;
	if (sk->state == BPF_TCP_LISTEN) {
		bpf_sk_release(sk);
		return 0;
	}
	failed = bpf_sk_assign(skb, sk, 0);
	bpf_sk_release(sk);
	return !failed;
}

/* Assigns to the listener of the worker that the tuple's hash names, or of the next that has one. 1 when done. */
HDL_CORE int hdl_assign_listener(struct __sk_buff *skb, const struct hdl_packet *packet, const struct hdl_state *state)
{
	__u32 count = *(const volatile __u32 *)&state->worker_count, start;

	if (count == 0 || count > HDL_WORKERS_MAX)
		return 0;
	start = hdl_assign_hash(packet) % count;
	for (__u32 i = 0; i < HDL_PUNT_PROBES; i++) {
		struct bpf_sock *sk;
		long failed;

		if (i >= count)
			break;
		sk = hdl_listener((start + i) % count, packet->family);
		if (!sk)
			continue;
		failed = bpf_sk_assign(skb, sk, 0);
		bpf_sk_release(sk);
		if (!failed)
			return 1;
	}
	return 0;
}

#endif
