/* SPDX-License-Identifier: Apache-2.0 */
/* What the keeper does for the worker process. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "base/log.h"
#include "heddled/keeper.h"
#include "heddled/keeper_state.h"
#include "heddled/statedir.h"

/* Messages taken in one turn, so that a worker process that only talks does not starve the rest. */
#define MESSAGES_PER_TURN 256

/* Failure of the machine before anything runs: the daemon ends with the status that says so. */
static void give_up(struct hdl_keeper *keeper, int code, const struct hdl_err *err)
{
	hdl_log_error("%s", err->text);
	hdl_keeper_end(keeper, code == -EOPNOTSUPP || code == -EPERM ? HDL_EXIT_KERNEL : HDL_EXIT_FAILURE);
}

static int on_setup(struct hdl_keeper *keeper, const struct hdl_msg_setup *setup, struct hdl_err *err)
{
	struct hdl_msg none = { .type = HDL_MSG_MAPS };
	bool supplied = keeper->supplied;
	int r = 0;

	keeper->drain_timeout_ms = setup->drain_timeout_ms;
	keeper->supplied = true;
	if (!keeper->host)
		return supplied ? 0 : hdl_channel_send(&keeper->channel, &none, err);
	if (!keeper->pods) {
		r = hdl_podwatch_new(&keeper->pods, err);
		if (r == 0 && hdl_podwatch_cgroup(keeper->pods, hdl_hostside_cgroup(keeper->host)) < 0)
			r = hdl_err_set(err, -ENOMEM, "out of memory");
	}
	if (r == 0)
		r = hdl_hostside_setup(keeper->host, setup, hdl_podwatch_host_cookie(keeper->pods), err);
	if (r < 0) {
		give_up(keeper, r, err);
		return 0;
	}
	/* again: perhaps with what takes effect at the next start */
	return supplied ? hdl_hostside_send_hooks(keeper->host, &keeper->channel, err) :
			  hdl_hostside_send(keeper->host, &keeper->channel, err);
}

static int on_ready(struct hdl_keeper *keeper, struct hdl_err *err)
{
	uint64_t next_ns;
	int r = 0;

	if (!keeper->supplied)
		return hdl_err_set(err, -EPROTO, "READY before SETUP");
	hdl_gateways_drop_unused(&keeper->gateways);
	if (keeper->host) {
		/* whoever waits for ready may use the pods at once: they are found and hooked before */
		r = hdl_podwatch_turn(keeper->pods, keeper->host, &keeper->channel, hdl_clock_mono_ns(), &next_ns, err);
		if (r < 0)
			return r;
		r = hdl_hostside_expose(keeper->host, err);
		if (r == 0)
			r = hdl_hostside_attach(keeper->host, err);
		if (r < 0) {
			give_up(keeper, r, err);
			return 0;
		}
		r = hdl_hostside_send_hooks(keeper->host, &keeper->channel, err);
	}
	if (r == 0)
		r = hdl_channel_send_plain(&keeper->channel, HDL_MSG_RUNNING, err);
	if (r == 0 && keeper->phase == HDL_KEEPER_STARTING)
		hdl_keeper_enter(keeper, HDL_KEEPER_RUNNING);
	return r;
}

static int on_access_log(struct hdl_keeper *keeper, const char *path, struct hdl_err *err)
{
	const char *given = keeper->options->access_log;
	struct hdl_msg msg = { .type = HDL_MSG_ACCESS_LOG };
	int r = 0;

	if (keeper->user.change && !(given && strcmp(path, given) == 0))
		r = hdl_logfile_check(path, keeper->options->run_dir, err);
	if (r == 0)
		return hdl_keeper_open_log(keeper, path, err);
	hdl_log_error("%s", err->text);
	msg.access_log.error = -r;
	(void)hdl_msg_set_text(msg.access_log.path, sizeof(msg.access_log.path), path);
	return hdl_channel_send(&keeper->channel, &msg, err);
}

static void on_failed(struct hdl_keeper *keeper, const struct hdl_msg_failed *failed)
{
	/* A worker process says why before it ends; at the start that is the daemon's end too. */
	hdl_log_error("%s", failed->text);
	if (keeper->phase == HDL_KEEPER_STARTING)
		hdl_keeper_end(keeper, (int)failed->status);
}

static int on_state_written(struct hdl_keeper *keeper, struct hdl_err *err)
{
	const char *run_dir = keeper->options->run_dir;

	/* the worker process goes on appending to the file that it has; without its name it is lost with the process */
	if (hdl_statedir_commit(run_dir, err) < 0)
		hdl_log_error("state file: %s", err->text);
	return hdl_statedir_send(run_dir, false, &keeper->channel, err);
}

static int handle(struct hdl_keeper *keeper, struct hdl_msg *msg, struct hdl_err *err)
{
	switch (msg->type) {
	case HDL_MSG_SETUP:
		return on_setup(keeper, &msg->setup, err);
	case HDL_MSG_PODS:
		return keeper->pods ? hdl_podwatch_want(keeper->pods, &msg->pods, err) : 0;
	case HDL_MSG_INTERFACES:
		if (keeper->pods)
			hdl_podwatch_interfaces(keeper->pods, &msg->interfaces);
		return 0;
	case HDL_MSG_EDGE:
		if (keeper->pods)
			hdl_podwatch_edge(keeper->pods, keeper->host, &msg->edge);
		return 0;
	case HDL_MSG_GATEWAY_LISTEN:
		keeper->gateway_retry_ns = 0;
		return hdl_gateways_listen(&keeper->gateways, &msg->gateway, &keeper->channel, err);
	case HDL_MSG_GATEWAY_CLOSE:
		hdl_gateways_close(&keeper->gateways, &msg->gateway);
		return 0;
	case HDL_MSG_ACCESS_LOG_PATH:
		return on_access_log(keeper, msg->access_log.path, err);
	case HDL_MSG_READY:
		return on_ready(keeper, err);
	case HDL_MSG_SYNCED:
		hdl_feed_synced(keeper->feed, msg->synced.sequence, msg->synced.again);
		return 0;
	case HDL_MSG_RESCAN:
		hdl_feed_request(keeper->feed, msg->config_mark.request);
		return 0;
	case HDL_MSG_DRAIN_WANTED:
		hdl_keeper_drain(keeper);
		return 0;
	case HDL_MSG_DRAINED:
		if (keeper->phase == HDL_KEEPER_DRAINING)
			hdl_keeper_end(keeper, HDL_EXIT_CLEAN);
		return 0;
	case HDL_MSG_FAILED:
		on_failed(keeper, &msg->failed);
		return 0;
	case HDL_MSG_STATE_WRITTEN:
		return on_state_written(keeper, err);
	case HDL_MSG_PONG:
		keeper->unanswered = 0;
		return 0;
	default:
		return hdl_err_set(err, -EPROTO, "message %u out of place", msg->type);
	}
}

void hdl_keeper_receive(struct hdl_keeper *keeper)
{
	struct hdl_err err;
	struct hdl_msg msg;

	for (unsigned int i = 0; i < MESSAGES_PER_TURN && keeper->phase != HDL_KEEPER_ENDED; i++) {
		int r = hdl_channel_receive(&keeper->channel, &msg, &err);

		if (r == 0)
			return;
		if (r > 0) {
			r = handle(keeper, &msg, &err);
			hdl_msg_close_fds(&msg);
		}
		if (r == -EPIPE) {
			/* it died or is dying; the reason comes with SIGCHLD */
			hdl_channel_done(&keeper->channel);
			return;
		}
		if (r < 0) {
			hdl_keeper_kill_worker(keeper, err.text);
			return;
		}
	}
}
