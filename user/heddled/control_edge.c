/* SPDX-License-Identifier: Apache-2.0 */
/* The edge's part of a snapshot: which interfaces, and which addresses only services have. */
#include <string.h>
#include "base/log.h"
#include "dp/edge.h"
#include "heddled/control_state.h"

static void tell_interfaces(struct hdl_control *control, const struct hdl_ir_node *node)
{
	static const uint32_t xdp[] = {
		[HDL_IR_XDP_AUTO] = HDL_MSG_XDP_AUTO,
		[HDL_IR_XDP_NATIVE] = HDL_MSG_XDP_NATIVE,
		[HDL_IR_XDP_GENERIC] = HDL_MSG_XDP_GENERIC,
		[HDL_IR_XDP_OFF] = HDL_MSG_XDP_OFF,
	};
	struct hdl_msg msg = { .type = HDL_MSG_EDGE };

	msg.edge.xdp = xdp[node->edge_xdp];
	msg.edge.syn_rate = node->edge_syn_rate;
	msg.edge.syn_burst = node->edge_syn_burst;
	msg.edge.port_first = node->edge_port_first;
	msg.edge.port_last = node->edge_port_last;
	for (size_t i = 0; i < node->edge_interface_count && msg.edge.count < HDL_MSG_EDGES_MAX; i++)
		if (node->edge_interfaces[i][0] &&
		    hdl_msg_set_text(msg.edge.name[msg.edge.count], HDL_MSG_EDGE_NAME_MAX, node->edge_interfaces[i]) ==
			    0)
			msg.edge.count++;
	if (memcmp(&msg.edge, &control->edge, sizeof(msg.edge)) == 0)
		return;
	control->edge = msg.edge;
	hdl_control_send(control, &msg);
}

void hdl_control_tell_edge(struct hdl_control *control, const struct hdl_snapshot *snapshot)
{
	struct hdl_err err;

	tell_interfaces(control, &snapshot->node);
	if (control->have_maps &&
	    hdl_edge_addresses_sync(control->maps.edge_address_fd, snapshot, &control->external, &err) < 0)
		hdl_log_warn("%s", err.text);
}
