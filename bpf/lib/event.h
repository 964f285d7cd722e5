/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Telling the daemon what happened, one by one (abi_event.h).
 *
 * Records are left in the ring without waking the reader, which looks by itself: a storm of errors costs neither side
 * more than the ring holds, and what does not fit is counted.
 */
#ifndef HDL_BPF_EVENT_H
#define HDL_BPF_EVENT_H

#include "bpf/lib/tables.h"
#include "heddle/abi_event.h"

/* A record of the ring with its head filled and all else 0, or NULL (counted). hdl_event_end() must follow. */
HDL_CORE struct hdl_event *hdl_event_begin(__u8 kind, __u8 verdict, __u64 now_ns)
{
	struct hdl_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event) {
		hdl_count(HDL_VERDICT_EVENT_LOST);
		return NULL;
	}
	__builtin_memset(event, 0, sizeof(*event));
	event->version = HDL_EVENT_VERSION;
	event->bytes = sizeof(*event);
	event->kind = kind;
	event->verdict = verdict;
	event->time_ns = now_ns;
	return event;
}

HDL_CORE void hdl_event_end(struct hdl_event *event)
{
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
}

/* Verdicts that are told every time: those with a flag in the access log, and what went wrong without one. */
HDL_CORE int hdl_event_is_error(__u32 verdict)
{
	__u64 errors =
		1ull << HDL_VERDICT_NO_STORAGE | 1ull << HDL_VERDICT_ORIGIN_FULL | 1ull << HDL_VERDICT_NO_PUNT_PATH;

#define HDL_EVENT_ERROR(number, name, label, flag, sentence) errors |= (__u64)((flag)[0] != '-') << (number);
	HDL_VERDICTS(HDL_EVENT_ERROR)
#undef HDL_EVENT_ERROR
	return (errors >> (verdict & 63)) & 1;
}

/* One of state.event_sample of what is no error. */
HDL_CORE int hdl_event_is_sampled(const struct hdl_state *state)
{
	__u32 sample = state ? *(const volatile __u32 *)&state->event_sample : 0;

	return sample != 0 && bpf_get_prandom_u32() % sample == 0;
}

#endif
