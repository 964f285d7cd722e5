/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* How long a translated connection without packets counts, by its state (abi_flow.h). */
#ifndef HDL_BPF_FLOW_LIFE_H
#define HDL_BPF_FLOW_LIFE_H

#include <linux/in.h>
#include "heddle/abi_flow.h"
#include "heddle/core/subset.h"

HDL_CORE __u64 hdl_flow_life_ns(__u8 protocol, __u8 state)
{
	if (protocol == IPPROTO_UDP)
		return state == HDL_FLOW_NEW ? HDL_FLOW_UDP_NEW_NS : HDL_FLOW_UDP_ESTABLISHED_NS;
	return state == HDL_FLOW_NEW         ? HDL_FLOW_TCP_NEW_NS :
	       state == HDL_FLOW_ESTABLISHED ? HDL_FLOW_TCP_ESTABLISHED_NS :
	       state == HDL_FLOW_CLOSING     ? HDL_FLOW_TCP_CLOSING_NS :
					       HDL_FLOW_TCP_CLOSED_NS;
}

#endif
