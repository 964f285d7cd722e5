/* SPDX-License-Identifier: Apache-2.0 */
/* The control thread: loop, ticks, life and death of the workers. */
#include "heddled/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"
#include "dp/edge.h"
#include "dp/maps.h"
#include "heddled/control_state.h"

void hdl_control_enter(struct hdl_control *control, enum hdl_control_phase phase)
{
	static const char *const names[] = { "loading", "serving", "ready", "draining", "ended" };

	if (control->phase >= phase)
		return;
	hdl_log_debug("control: %s -> %s", names[control->phase], names[phase]);
	control->phase = phase;
}

void hdl_control_send(struct hdl_control *control, const struct hdl_msg *msg)
{
	struct hdl_err err;

	if (control->phase == HDL_CONTROL_ENDED || hdl_channel_send(control->channel, msg, &err) == 0)
		return;
	hdl_log_error("message %s to the keeper: %s", hdl_msg_name(msg->type), err.text);
	control->exit_status = 1;
	hdl_control_enter(control, HDL_CONTROL_ENDED);
}

void hdl_control_send_plain(struct hdl_control *control, enum hdl_msg_type type)
{
	struct hdl_msg msg = { .type = type };

	hdl_control_send(control, &msg);
}

void hdl_control_fail(struct hdl_control *control, unsigned int status, const char *text)
{
	struct hdl_msg msg = { .type = HDL_MSG_FAILED };

	msg.failed.status = status;
	snprintf(msg.failed.text, sizeof(msg.failed.text), "%.*s", HDL_MSG_TEXT_MAX - 1, text);
	hdl_control_send(control, &msg);
	control->exit_status = (int)status;
	hdl_control_enter(control, HDL_CONTROL_ENDED);
}

/* A worker that hangs is replaced together with its process. */
static void watch_workers(struct hdl_control *control, uint64_t now_ns)
{
	bool any_stands = false;

	for (unsigned int i = 0; i < control->worker_count; i++) {
		uint64_t turn_ns = hdl_worker_last_turn_ns(control->worker[i].worker);

		/* counted in ticks of ours, not in time: a machine that was stopped did not hang */
		any_stands |= turn_ns == control->seen_turn_ns[i] && now_ns > turn_ns + HDL_CONTROL_STALE_NS;
		control->seen_turn_ns[i] = turn_ns;
	}
	control->hanging_ticks = any_stands ? control->hanging_ticks + 1 : 0;
	if (control->hanging_ticks >= HDL_CONTROL_HANGING_TICKS) {
		hdl_log_error("a proxy worker hangs: the process ends, to be started again");
		abort();
	}
}

static void check_drained(struct hdl_control *control)
{
	for (unsigned int i = 0; i < control->worker_count; i++)
		if (!hdl_worker_idle(control->worker[i].worker))
			return;
	hdl_control_send_plain(control, HDL_MSG_DRAINED);
	hdl_control_enter(control, HDL_CONTROL_ENDED);
}

static void on_tick(struct hdl_timer *timer)
{
	struct hdl_control *control = HDL_CONTAINER_OF(timer, struct hdl_control, tick);
	uint64_t now_ns = hdl_clock_mono_ns(), next_ns = now_ns + HDL_CONTROL_TICK_NS;

	if (control->publisher) {
		struct hdl_snapshot *snapshot = hdl_publisher_current(control->publisher);
		uint64_t sweep_ns = hdl_sweep_next_ns(&control->sweep, snapshot);

		watch_workers(control, now_ns);
		if (now_ns >= sweep_ns) {
			hdl_sweep_run(&control->sweep, snapshot, &control->maps, now_ns);
			sweep_ns = hdl_sweep_next_ns(&control->sweep, snapshot);
		}
		/* a sweep is due at a moment, the rest now and then; intervals of a few milliseconds are no reason to spin */
		if (sweep_ns < next_ns)
			next_ns = sweep_ns > now_ns + 5 * HDL_NS_PER_MS ? sweep_ns : now_ns + 5 * HDL_NS_PER_MS;
		hdl_publisher_reap(control->publisher);
		if (control->totals && now_ns >= control->traffic_ns)
			hdl_control_read_traffic(control);
		hdl_control_read_events(control);
		hdl_control_pods_tick(control, now_ns);
		hdl_control_unhook(control, now_ns);
	}
	if (control->phase == HDL_CONTROL_DRAINING) {
		check_drained(control);
		next_ns = now_ns + 10 * HDL_NS_PER_MS;
	}
	hdl_timer_set(&control->loop.timers, &control->tick, next_ns);
}

static void on_channel(struct hdl_io *io, uint32_t events)
{
	struct hdl_control *control = HDL_CONTAINER_OF(io, struct hdl_control, channel_io);
	struct hdl_err err;
	struct hdl_msg msg;
	int r;

	if ((events & EPOLLOUT) && hdl_channel_flush(control->channel, &err) < 0) {
		hdl_control_enter(control, HDL_CONTROL_ENDED);
		return;
	}
	while (control->phase != HDL_CONTROL_ENDED && (r = hdl_channel_receive(control->channel, &msg, &err)) != 0) {
		if (r > 0) {
			hdl_control_handle(control, &msg);
			hdl_msg_close_fds(&msg);
			continue;
		}
		/* without the keeper there is nothing to do here; what is in flight ends with it (promise P3) */
		if (r != -EPIPE)
			hdl_log_error("from the keeper: %s", err.text);
		control->exit_status = 1;
		hdl_control_enter(control, HDL_CONTROL_ENDED);
	}
}

static int init(struct hdl_control *control, struct hdl_err *err)
{
	struct hdl_config_options options = {
		.access_log = control->hello.access_log[0] ? control->hello.access_log : NULL,
		.node_given = control->hello.node_config_given,
	};
	int r = hdl_loop_init(&control->loop);

	if (r < 0)
		return hdl_err_set(err, r, "event loop: %s", strerror(-r));
	memset(control->listener_fd, 0xff, sizeof(control->listener_fd));
	control->admin_fd[0] = control->admin_fd[1] = -1;
	uname(&control->kernel);
	hdl_kept_init(&control->state);
	control->config = hdl_config_new(&options, err);
	if (!control->config)
		return -ENOMEM;
	hdl_config_set_recall(control->config, hdl_kept_recall, &control->state);
	control->channel_io = (struct hdl_io){ control->channel->fd, on_channel };
	r = hdl_loop_add(&control->loop, &control->channel_io);
	if (r < 0)
		return hdl_err_set(err, r, "event loop: %s", strerror(-r));
	hdl_timer_init(&control->tick, on_tick);
	hdl_timer_init(&control->reload_timer, hdl_control_on_reload_timer);
	hdl_timer_init(&control->state_timer, hdl_control_on_state_timer);
	hdl_timer_set(&control->loop.timers, &control->tick, hdl_clock_mono_ns());
	return 0;
}

static void done(struct hdl_control *control)
{
	hdl_admin_free(control->admin);
	control->heartbeat = hdl_heartbeat_stop(control->heartbeat);
	for (unsigned int i = 0; i < control->worker_count; i++)
		hdl_worker_free(control->worker[i].worker);
	for (unsigned int i = 0; i < HDL_WORKERS_MAX; i++)
		for (unsigned int f = 0; f < HDL_FAMILIES; f++)
			if (control->listener_fd[i][f] >= 0)
				close(control->listener_fd[i][f]);
	hdl_edge_addresses_free(control->external);
	hdl_dp_totals_free(control->totals);
	hdl_dp_service_counts_free(control->service_counts);
	hdl_dp_events_free(control->events);
	hdl_publisher_free(control->publisher);
	if (control->have_maps)
		hdl_dp_maps_close(&control->maps);
	free(control->breakers);
	hdl_snapshot_unref(control->waiting);
	hdl_statuses_done(&control->statuses);
	hdl_config_set_unref(control->set);
	hdl_config_free(control->config);
	hdl_history_index_done(&control->object_index);
	hdl_kept_done(&control->state);
	hdl_buf_done(&control->diag_text);
	free(control->refusal);
	free(control->pod);
	hdl_loop_done(&control->loop);
}

int hdl_control_run(struct hdl_channel *channel, const struct hdl_msg_hello *hello)
{
	struct hdl_control *control = calloc(1, sizeof(*control));
	struct hdl_err err = { "out of memory" };
	int status;

	if (!control) {
		hdl_log_error("%s", err.text);
		return 1;
	}
	control->hello = *hello;
	control->channel = channel;
	if (init(control, &err) < 0)
		hdl_control_fail(control, 1, err.text);
	while (control->phase != HDL_CONTROL_ENDED)
		hdl_loop_turn(&control->loop, HDL_NS_PER_S);
	status = control->exit_status;
	done(control);
	free(control);
	return status;
}
