/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Where every decision about a connection or datagram of a socket passes, once: the place for counters and events. */
#ifndef HDL_BPF_VERDICT_H
#define HDL_BPF_VERDICT_H

#include "bpf/lib/event_verdict.h"
#include "bpf/lib/lookup.h"

/* flow and found: what is known of it; flow->client only where flow->known. */
HDL_CORE void hdl_verdict(const struct hdl_flow *flow, const struct hdl_found *found, __u32 verdict)
{
	hdl_count(verdict);
	if (hdl_event_is_error(verdict) || hdl_event_is_sampled(hdl_state()))
		hdl_event_verdict(flow, found->service, found->epoch, verdict);
}

#endif
