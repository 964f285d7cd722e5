/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which tc programs the interfaces of pods carry. Each costs every packet something, so they are there only as long as they
 * are needed: attached before the change that needs them comes into force, detached after what needed them has ended.
 */
#include <poll.h>
#include "base/log.h"
#include "heddled/control_state.h"
#include "heddled/options.h"
#include "obs/stats.h"

static void wish(struct hdl_control *control, struct hdl_msg_interfaces *interfaces)
{
	struct hdl_msg msg = { .type = HDL_MSG_INTERFACES };

	interfaces->sequence = control->interfaces.sequence;
	if (interfaces->sequence && memcmp(interfaces, &control->interfaces, sizeof(*interfaces)) == 0)
		return;
	interfaces->sequence++;
	control->interfaces = *interfaces;
	msg.interfaces = *interfaces;
	hdl_control_send(control, &msg);
}

void hdl_control_tell_interfaces(struct hdl_control *control, const struct hdl_ir_node *node)
{
	struct hdl_msg_interfaces interfaces = {
		.punt = control->interfaces.punt,
		.packet_path = node->packet_path == HDL_IR_PACKETS_ON  ? HDL_MSG_PACKETS_ON :
			       node->packet_path == HDL_IR_PACKETS_OFF ? HDL_MSG_PACKETS_OFF :
									 HDL_MSG_PACKETS_AUTO,
		.redirect = node->redirect_peer,
	};

	for (size_t i = 0; i < node->pod_interface_count; i++) {
		if (interfaces.count == HDL_MSG_PATTERNS_MAX) {
			hdl_log_error("NodeConfig interfaces.pods: more than %d patterns", HDL_MSG_PATTERNS_MAX);
			break;
		}
		if (node->pod_interfaces[i][0] && hdl_msg_set_text(interfaces.pattern[interfaces.count],
								   HDL_MSG_NAME_MAX, node->pod_interfaces[i]) == 0)
			interfaces.count++;
	}
	wish(control, &interfaces);
}

static bool needs_requests(const struct hdl_snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->service_count; i++)
		for (size_t k = 0; k < snapshot->services[i]->port_count; k++)
			if (snapshot->services[i]->ports[k].label == HDL_LABEL_REQUEST)
				return true;
	for (size_t i = 0; i < snapshot->view_count; i++)
		for (size_t k = 0; k < snapshot->views[i]->port_count; k++)
			if (snapshot->views[i]->ports[k].seen &&
			    snapshot->views[i]->ports[k].seen->label == HDL_LABEL_REQUEST)
				return true;
	return false;
}

/* Takes the keeper's messages until the wish is carried out. Passes over the configuration wait for this one anyhow. */
static bool wait_hooked(struct hdl_control *control)
{
	uint64_t now_ns = hdl_clock_mono_ns(), end_ns = now_ns + HDL_CONTROL_HOOK_WAIT_NS;
	struct hdl_err err;
	struct hdl_msg msg;

	while (control->hooked != control->interfaces.sequence && control->phase < HDL_CONTROL_DRAINING &&
	       now_ns < end_ns) {
		struct pollfd wait = { .fd = control->channel->fd, .events = POLLIN };
		int r;

		if (hdl_channel_flush(control->channel, &err) < 0)
			return false;
		(void)poll(&wait, 1, (int)((end_ns - now_ns) / HDL_NS_PER_MS) + 1);
		r = hdl_channel_receive(control->channel, &msg, &err);
		if (r < 0)
			return false; /* seen again by the loop */
		if (r > 0) {
			hdl_control_handle(control, &msg);
			hdl_msg_close_fds(&msg);
		}
		now_ns = hdl_clock_mono_ns();
	}
	return control->hooked == control->interfaces.sequence;
}

void hdl_control_hook_first(struct hdl_control *control, const struct hdl_snapshot *snapshot)
{
	struct hdl_msg_interfaces interfaces = control->interfaces;

	if (control->hello.mode != HDL_MODE_FULL)
		return;
	if (!needs_requests(snapshot)) {
		if (interfaces.punt && !control->unpunt_ns)
			control->unpunt_ns = hdl_clock_mono_ns();
		return;
	}
	control->unpunt_ns = 0;
	if (interfaces.punt)
		return;
	if (interfaces.sequence == 0) {
		/* The first one: the connect hooks, or a worker before this one, are not led here before READY is said. */
		control->interfaces.punt = 1;
		return;
	}
	interfaces.punt = 1;
	wish(control, &interfaces);
	if (!wait_hooked(control))
		hdl_log_warn(
			"interfaces of pods: no answer from the keeper yet; the fail mode acts for clients in pods until then");
}

void hdl_control_unhook(struct hdl_control *control, uint64_t now_ns)
{
	struct hdl_msg_interfaces interfaces = control->interfaces;

	if (!control->unpunt_ns || !interfaces.punt || now_ns < control->unpunt_ns + HDL_CONTROL_UNPUNT_NS)
		return;
	/* a connection keeps the label with which it began */
	for (unsigned int i = 0; i < control->worker_count; i++)
		if (hdl_stat_read(&hdl_worker_stats(control->worker[i].worker)->downstream_connections_active))
			return;
	control->unpunt_ns = 0;
	interfaces.punt = 0;
	wish(control, &interfaces);
}
