/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Where every decision about a connection or datagram of a socket passes, once: the place for counters and events. */
#ifndef HDL_BPF_VERDICT_H
#define HDL_BPF_VERDICT_H

#include "bpf/lib/event_verdict.h"
#include "bpf/lib/lookup.h"

/* Whose process it is: nobody's where packets are looked at (HDL_PACKETS). */
HDL_CORE __u64 hdl_verdict_who(void)
{
#ifdef HDL_PACKETS
	return 0;
#else
	return (bpf_get_current_pid_tgid() >> 32 << 32) | (__u32)bpf_get_current_uid_gid();
#endif
}

/* flow and found: what is known of it; flow->client only where flow->known. */
HDL_CORE void hdl_verdict(const struct hdl_flow *flow, const struct hdl_found *found, __u32 verdict)
{
	hdl_count(verdict);
	if (verdict != HDL_VERDICT_BALANCED && found->service)
		hdl_count_service(found->service, verdict);
	if (hdl_event_is_error(verdict) || hdl_event_is_sampled(hdl_state()))
		hdl_event_verdict(flow, found->service, found->epoch, verdict, hdl_verdict_who());
}

#endif
