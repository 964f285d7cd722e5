/* SPDX-License-Identifier: Apache-2.0 */
/* What the control thread does with the keeper's messages. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "base/addr.h"
#include "base/log.h"
#include "dp/load.h"
#include "dp/maps.h"
#include "heddled/control_state.h"
#include "heddled/options.h"

/* Takes a descriptor out of the message. */
static int take_fd(struct hdl_msg *msg, unsigned int i)
{
	int fd = msg->fd[i];

	msg->fd[i] = -1;
	return fd;
}

static void on_file(struct hdl_control *control, struct hdl_msg *msg)
{
	const struct hdl_msg_config_file *file = &msg->config_file;
	int fd = msg->fd_count ? msg->fd[0] : -1;

	if (!control->in_pass)
		return;
	if (file->gone) {
		hdl_config_gone(control->config, file->path);
		return;
	}
	/* what it lacks is said at the end of the pass, which fails */
	(void)hdl_config_file(control->config, file->path, file->kind == HDL_MSG_FILE_NODE, fd, file->error,
			      file->same);
}

static void on_maps(struct hdl_control *control, struct hdl_msg *msg)
{
	unsigned int next = 0;
	struct hdl_err err;
	int r;

	if (control->have_maps)
		return;
	if (control->hello.mode == HDL_MODE_PROXY) {
		struct hdl_dp_capacity capacity = { control->setup.capacity_services, control->setup.capacity_endpoints,
						    control->setup.capacity_flows };

		r = hdl_dp_maps_memory(&control->maps, &capacity, &err);
		/* with maps of its own a process would count its epochs from 1 again, and the history could not tell them */
		if (r == 0)
			control->maps.state->epoch = control->state.saved.epoch;
	} else {
		for (unsigned int i = 0; i < HDL_MSG_MAP_FDS; i++) {
			int *fd = hdl_dp_maps_fd(&control->maps, i, NULL);

			*fd = msg->maps.present >> i & 1 ? take_fd(msg, next++) : -1;
		}
		r = hdl_dp_maps_open(&control->maps, &err);
	}
	if (r < 0) {
		hdl_control_fail(control, 1, err.text);
		return;
	}
	control->have_maps = true;
	hdl_control_start(control);
}

static void on_listeners(struct hdl_control *control, struct hdl_msg *msg)
{
	unsigned int worker = msg->listeners.worker, next = 0;

	for (unsigned int f = 0; f < HDL_FAMILIES; f++) {
		if (!(msg->listeners.present >> f & 1) || control->listener_fd[worker][f] >= 0)
			continue;
		control->listener_fd[worker][f] = take_fd(msg, next++);
		control->listener_port[worker][f] = msg->listeners.port[f];
	}
}

static void on_admin(struct hdl_control *control, struct hdl_msg *msg)
{
	struct hdl_err err;
	unsigned int next = 0;

	if (control->admin)
		return;
	for (unsigned int i = 0; i < 2; i++)
		control->admin_fd[i] = msg->admin.present >> i & 1 ? take_fd(msg, next++) : -1;
	if (hdl_control_start_admin(control, &err) < 0)
		hdl_control_fail(control, 1, err.text);
}

static void on_access_log(struct hdl_control *control, struct hdl_msg *msg)
{
	if (msg->access_log.error) {
		hdl_log_error("access log %s: %s", msg->access_log.path, strerror(msg->access_log.error));
		return;
	}
	for (unsigned int i = 0; i < control->worker_count; i++) {
		int fd = msg->fd_count ? fcntl(msg->fd[0], F_DUPFD_CLOEXEC, 3) : -1;

		if (msg->fd_count && fd < 0)
			hdl_log_error("access log: %s", strerror(errno));
		else if (hdl_worker_set_access_log(control->worker[i].worker, fd) < 0)
			hdl_log_error("access log: out of memory");
	}
}

static void on_gateway(struct hdl_control *control, struct hdl_msg *msg)
{
	const struct hdl_msg_gateway *gateway = &msg->gateway;
	char text[HDL_ADDR_PORT_TEXT_MAX];

	if (gateway->error) {
		/* the keeper said so in its log, and tries again */
		hdl_log_debug("gateway port %s: %s", hdl_addr_port_print(&gateway->wanted, gateway->port, text),
			      strerror(gateway->error));
		return;
	}
	if (gateway->worker >= control->worker_count)
		return;
	if (hdl_worker_add_gateway(control->worker[gateway->worker].worker, &gateway->wanted, gateway->port,
				   take_fd(msg, 0)) < 0)
		hdl_log_error("gateway port %u: out of memory", gateway->port);
}

static void on_text(struct hdl_control *control, const struct hdl_msg_text *text)
{
	bool hook = text->kind == HDL_MSG_TEXT_HOOK;
	struct hdl_control_text *list = hook ? control->hook : control->feature;
	size_t *count = hook ? &control->hook_count : &control->feature_count;

	if (text->index >= HDL_CONTROL_TEXTS_MAX)
		return;
	memcpy(list[text->index].name, text->name, sizeof(text->name));
	memcpy(list[text->index].detail, text->detail, sizeof(text->detail));
	list[text->index].in_force = text->in_force;
	*count = text->index + 1;
}

static void on_drain(struct hdl_control *control)
{
	if (control->phase >= HDL_CONTROL_DRAINING)
		return;
	hdl_control_enter(control, HDL_CONTROL_DRAINING);
	/* the kernel applies the fail mode to what comes from now on */
	control->heartbeat = hdl_heartbeat_stop(control->heartbeat);
	if (control->have_maps)
		hdl_dp_heartbeat(&control->maps, 0);
	for (unsigned int i = 0; i < control->worker_count; i++)
		if (hdl_worker_drain(control->worker[i].worker) < 0)
			hdl_log_error("drain: out of memory");
	hdl_timer_set(&control->loop.timers, &control->tick, hdl_clock_mono_ns());
}

static void on_state(struct hdl_control *control, struct hdl_msg *msg)
{
	unsigned int next = 0;
	int fd = msg->state.present & 1 ? take_fd(msg, next++) : -1;
	int new_fd = msg->state.present & 2 ? take_fd(msg, next++) : -1;

	hdl_kept_take(&control->state, fd, new_fd);
}

void hdl_control_handle(struct hdl_control *control, struct hdl_msg *msg)
{
	switch (msg->type) {
	case HDL_MSG_CONFIG_BEGIN:
		hdl_config_begin(control->config, msg->config_mark.partial);
		control->in_pass = true;
		control->event_ns = msg->config_mark.event_ns;
		break;
	case HDL_MSG_CONFIG_FILE:
		on_file(control, msg);
		break;
	case HDL_MSG_CONFIG_END:
		hdl_control_finish_pass(control, &msg->config_mark);
		break;
	case HDL_MSG_STATE:
		on_state(control, msg);
		break;
	case HDL_MSG_PING:
		hdl_control_send_plain(control, HDL_MSG_PONG);
		break;
	case HDL_MSG_MAPS:
		on_maps(control, msg);
		break;
	case HDL_MSG_LISTENERS:
		on_listeners(control, msg);
		break;
	case HDL_MSG_ADMIN:
		on_admin(control, msg);
		break;
	case HDL_MSG_ACCESS_LOG:
		on_access_log(control, msg);
		break;
	case HDL_MSG_POD:
		hdl_control_pod(control, &msg->pod);
		break;
	case HDL_MSG_HOOKED:
		control->hooked = msg->hooked.sequence;
		break;
	case HDL_MSG_POD_GONE:
		hdl_control_pod_gone(control, msg->pod.netns_cookie);
		break;
	case HDL_MSG_GATEWAY_SOCKET:
		on_gateway(control, msg);
		break;
	case HDL_MSG_TEXT:
		on_text(control, &msg->text);
		break;
	case HDL_MSG_RUNNING:
		hdl_control_enter(control, HDL_CONTROL_READY);
		break;
	case HDL_MSG_DRAIN:
		on_drain(control);
		break;
	default:
		break;
	}
}
