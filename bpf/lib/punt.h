/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Which worker takes a connection, and whether there is one. */
#ifndef HDL_BPF_PUNT_H
#define HDL_BPF_PUNT_H

#include "bpf/lib/tables.h"

/* Workers that are tried for a listener. They share the fate of one process: more would hardly ever help. */
#define HDL_PUNT_PROBES 8

/* The daemon gave a sign of life lately. */
HDL_CORE int hdl_alive(const struct hdl_state *state, __u64 now_ns)
{
	__u64 heartbeat_ns = *(const volatile __u64 *)&state->heartbeat_ns;

	return heartbeat_ns != 0 && now_ns < heartbeat_ns + HDL_HEARTBEAT_STALE_NS;
}

/* Listening socket of a worker, with a reference that the caller releases; NULL = none. */
HDL_CORE struct bpf_sock *hdl_listener(__u32 worker, __u8 family)
{
	__u32 index = worker * HDL_FAMILIES + (family == HDL_FAMILY_V6);

	return bpf_map_lookup_elem(&listener, &index);
}

/*
 * Port on which a worker listens for connections led to 127.0.0.1 or ::1, beginning with worker start % count and going
 * on to the next that has a listener; 0 = none.
 */
HDL_CORE __be16 hdl_punt_port(const struct hdl_state *state, __u32 start, __u8 family)
{
	__u32 count = *(const volatile __u32 *)&state->worker_count;

	if (count == 0 || count > HDL_WORKERS_MAX)
		return 0;
	for (__u32 i = 0; i < HDL_PUNT_PROBES; i++) {
		__u32 worker = (start % count + i) % count;
		struct bpf_sock *sk;
		__be16 port;

		if (i >= count)
			break;
		port = *(const volatile __be16 *)&state
				->listener_port[worker % HDL_WORKERS_MAX][family == HDL_FAMILY_V6];
		if (port == 0)
			continue;
		sk = hdl_listener(worker, family);
		if (!sk)
			continue;
		bpf_sk_release(sk);
		return port;
	}
	return 0;
}

#endif
