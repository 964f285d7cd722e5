// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * tc ingress on the host side of a pod's interface: TCP flows to service ports that need requests are assigned to a
 * worker's transparent listener. All else is left to whoever comes next, after one look-up.
 */
#include "bpf/lib/packet.h"
#include "bpf/lib/refuse.h"

SEC("tc")
int hdl_tc_ingress(struct __sk_buff *skb)
{
	const struct hdl_service_version *version;
	const struct hdl_state *state = hdl_state();
	struct hdl_tc_work *at = hdl_tc_work();
	struct hdl_found found = {};
	int known;

	if (!state || !at || hdl_tc_parse(skb) != 0 || at->packet.protocol != IPPROTO_TCP ||
	    at->packet.kind != HDL_PACKET_WHOLE)
		return TC_ACT_UNSPEC;
	hdl_packet_begin(at);
	version = hdl_packet_find(skb, &at->flow, state, &found, &known);
	if (!known)
		return TC_ACT_UNSPEC;
	/* First: a connection keeps the label with which it began. */
	if (hdl_assign_connection(skb, &at->packet)) {
		hdl_tc_mark(skb, state);
		return TC_ACT_OK;
	}
	if (!version || version->label != HDL_LABEL_REQUEST)
		return TC_ACT_UNSPEC;
	if (hdl_assign_listener(skb, &at->packet, state)) {
		hdl_tc_mark(skb, state);
		if (hdl_packet_is_syn(&at->packet))
			hdl_verdict(&at->flow, &found, HDL_VERDICT_PUNTED);
		return TC_ACT_OK;
	}
	if (version->fail_mode != HDL_FAIL_CLOSED)
		return TC_ACT_UNSPEC;
	hdl_verdict(&at->flow, &found, HDL_VERDICT_NO_LISTENER);
	return hdl_refuse_packet(skb);
}

char hdl_license[] SEC("license") = "Dual BSD/GPL";
