/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Telling the daemon of the verdicts about connections, datagrams and packets. */
#ifndef HDL_BPF_EVENT_VERDICT_H
#define HDL_BPF_EVENT_VERDICT_H

#include "bpf/lib/ctx_sock.h"
#include "bpf/lib/event.h"

/* Verdicts with which the application gets an error. */
HDL_CORE int hdl_event_errno(__u32 verdict)
{
	if (verdict == HDL_VERDICT_REGISTRY_ONLY)
		return 1; /* EPERM */
	if (!hdl_event_is_error(verdict) || verdict == HDL_VERDICT_NO_PUNT_PATH || verdict == HDL_VERDICT_ORIGIN_FULL)
		return 0;
	return 111; /* ECONNREFUSED */
}

/*
 * A global function: the verifier looks at it once. Weak: several objects have it. who: process and user, 0 for packets;
 * tc programs may not ask on every kernel.
 */
__attribute__((weak)) __noinline int hdl_event_verdict(const struct hdl_flow *flow, __u32 service, __u64 epoch,
						       __u32 verdict, __u64 who)
{
	struct hdl_event *event;

	if (!flow)
		return 0;
	event = hdl_event_begin(HDL_EVENT_VERDICT, (__u8)verdict, bpf_ktime_get_ns());
	if (!event)
		return 0;
	event->sampled = !hdl_event_is_error(verdict);
	event->protocol = flow->key.protocol;
	event->address = flow->key.address;
	event->port = flow->key.port;
	event->endpoint_address = flow->address;
	event->endpoint_port = flow->port;
	event->endpoint = flow->endpoint;
	event->generation = flow->generation;
	event->cluster = flow->cluster;
	event->workload = flow->client.id;
	event->cookie = flow->client.cookie;
	event->service = service;
	event->epoch = epoch;
	event->error = hdl_event_errno(verdict);
	event->pid = (__u32)(who >> 32);
	event->uid = (__u32)who;
	hdl_event_end(event);
	return 0;
}

#endif
