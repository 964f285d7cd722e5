/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Telling the daemon of the verdicts that programs reach in the client's process. */
#ifndef HDL_BPF_EVENT_VERDICT_H
#define HDL_BPF_EVENT_VERDICT_H

#include "bpf/lib/ctx_sock.h"
#include "bpf/lib/event.h"

/*
 * A verdict of a program that runs in the client's process. service and epoch: that decided, 0 = none; error: with
 * which it is refused, positive, 0 = it is not. Call it for every verdict; nearly all end in two comparisons.
 */
HDL_CORE void hdl_event_verdict(const struct hdl_state *state, const struct hdl_flow *flow, __u32 service, __u64 epoch,
				__u8 verdict, __s32 error)
{
	int is_error = hdl_event_is_error(verdict);
	struct hdl_event *event;

	if (!is_error && !hdl_event_is_sampled(state))
		return;
	event = hdl_event_begin(HDL_EVENT_VERDICT, verdict, bpf_ktime_get_ns());
	if (!event)
		return;
	event->sampled = !is_error;
	event->protocol = flow->key.protocol;
	event->address = flow->key.address;
	event->port = flow->key.port;
	event->endpoint_address = flow->address;
	event->endpoint_port = flow->port;
	event->endpoint = flow->endpoint;
	event->generation = flow->generation;
	event->cluster = flow->cluster;
	event->workload = flow->client.id;
	event->cookie = flow->cookie;
	event->service = service;
	event->epoch = epoch;
	event->error = error;
	event->pid = (__u32)(bpf_get_current_pid_tgid() >> 32);
	event->uid = (__u32)bpf_get_current_uid_gid();
	hdl_event_end(event);
}

#endif
