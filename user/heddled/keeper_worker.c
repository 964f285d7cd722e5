/* SPDX-License-Identifier: Apache-2.0 */
/* The keeper's worker process: start, death, start again. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/log.h"
#include "heddled/keeper.h"
#include "heddled/keeper_state.h"
#include "heddled/spawn.h"
#include "heddled/statedir.h"

static int send_hello(struct hdl_keeper *keeper, struct hdl_err *err)
{
	const struct hdl_options *options = keeper->options;
	struct hdl_msg msg = { .type = HDL_MSG_HELLO };

	msg.hello = (struct hdl_msg_hello){
		.mode = options->mode,
		.log_level = options->log_level,
		.log_json = options->log_json,
		.strict = options->strict && keeper->phase == HDL_KEEPER_STARTING,
		.unprivileged = keeper->user.change,
		.node_config_given = options->node_config != NULL,
		.worker_count = keeper->workers,
		.restarts = keeper->spawned - 1,
		.keeper_pid = (uint64_t)getpid(),
		.start_ns = keeper->start_ns,
	};
	if (options->access_log)
		(void)hdl_msg_set_text(msg.hello.access_log, sizeof(msg.hello.access_log), options->access_log);
	if (options->mode == HDL_MODE_FULL)
		(void)hdl_msg_set_text(msg.hello.bpffs, sizeof(msg.hello.bpffs), options->bpffs);
	return hdl_channel_send(&keeper->channel, &msg, err);
}

static int send_admin(struct hdl_keeper *keeper, struct hdl_err *err)
{
	struct hdl_msg msg = { .type = HDL_MSG_ADMIN, .admin.present = 3, .fd_count = 2 };

	msg.fd[0] = keeper->unix_fd;
	msg.fd[1] = keeper->tcp_fd;
	return hdl_channel_send(&keeper->channel, &msg, err);
}

int hdl_keeper_spawn(struct hdl_keeper *keeper, struct hdl_err *err)
{
	int keeper_fd, worker_fd, r;
	pid_t pid;

	r = hdl_channel_pair(&keeper_fd, &worker_fd, err);
	if (r < 0)
		return r;
	r = hdl_spawn_worker(keeper->self_fd, worker_fd, &keeper->user, &pid, err);
	close(worker_fd);
	if (r < 0) {
		close(keeper_fd);
		return r;
	}
	hdl_channel_init(&keeper->channel, keeper_fd, HDL_MSG_TO_KEEPER);
	keeper->pid = pid;
	keeper->spawned++;
	keeper->supplied = false;
	keeper->unanswered = 0;
	hdl_feed_restart(keeper->feed);
	hdl_gateways_restart(&keeper->gateways);
	if (keeper->pods)
		hdl_podwatch_restart(keeper->pods);
	r = send_hello(keeper, err);
	if (r == 0)
		r = hdl_statedir_send(keeper->options->run_dir, true, &keeper->channel, err);
	return r == 0 ? send_admin(keeper, err) : r;
}

void hdl_keeper_kill_worker(struct hdl_keeper *keeper, const char *why)
{
	if (keeper->pid == 0 || keeper->channel.fd < 0)
		return;
	hdl_log_error("worker process %d: %s; it is ended", (int)keeper->pid, why);
	kill(keeper->pid, SIGKILL);
	hdl_channel_done(&keeper->channel);
}

static void log_death(pid_t pid, int status)
{
	if (WIFSIGNALED(status))
		hdl_log_error("worker process %d: ended by signal %d (%s)", (int)pid, WTERMSIG(status),
			      strsignal(WTERMSIG(status)));
	else
		hdl_log_error("worker process %d: ended with status %d", (int)pid, WEXITSTATUS(status));
}

/* The first replacement comes at once, the next ones later and later; too many in a row let the fail mode act. */
static void plan_respawn(struct hdl_keeper *keeper, uint64_t now_ns)
{
	const unsigned int last = HDL_KEEPER_FAILURES_MAX - 1;
	bool recent = keeper->failure_ns[0] && now_ns - keeper->failure_ns[0] < HDL_KEEPER_FAILURES_NS;
	bool many = keeper->failure_ns[last - 1] && now_ns - keeper->failure_ns[last - 1] < HDL_KEEPER_FAILURES_NS;

	memmove(&keeper->failure_ns[1], &keeper->failure_ns[0], sizeof(keeper->failure_ns[0]) * last);
	keeper->failure_ns[0] = now_ns;
	if (!recent)
		keeper->backoff_ns = 0;
	else if (keeper->backoff_ns == 0)
		keeper->backoff_ns = HDL_KEEPER_BACKOFF_NS;
	else if (keeper->backoff_ns < HDL_KEEPER_BACKOFF_MAX_NS)
		keeper->backoff_ns *= 2;
	if (many) {
		keeper->backoff_ns = HDL_KEEPER_BACKOFF_MAX_NS;
		if (keeper->phase == HDL_KEEPER_STARTING) {
			hdl_log_error("the worker process failed %d times: giving up", HDL_KEEPER_FAILURES_MAX);
			hdl_keeper_end(keeper, HDL_EXIT_FAILURE);
			return;
		}
		if (keeper->host) {
			hdl_log_error(
				"the worker process failed %d times in %u s: the fail mode of each service acts until one stays up",
				HDL_KEEPER_FAILURES_MAX, (unsigned int)(HDL_KEEPER_FAILURES_NS / HDL_NS_PER_S));
			hdl_hostside_withdraw(keeper->host);
		}
	}
	if (keeper->backoff_ns > HDL_KEEPER_BACKOFF_MAX_NS)
		keeper->backoff_ns = HDL_KEEPER_BACKOFF_MAX_NS;
	keeper->respawn_ns = now_ns + keeper->backoff_ns;
}

void hdl_keeper_reap(struct hdl_keeper *keeper)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != keeper->pid)
			continue;
		/* what it said before it died still counts: FAILED, DRAINED */
		if (keeper->channel.fd >= 0)
			hdl_keeper_receive(keeper);
		hdl_channel_done(&keeper->channel);
		keeper->pid = 0;
		if (keeper->phase == HDL_KEEPER_ENDED)
			return;
		if (keeper->phase == HDL_KEEPER_DRAINING) {
			hdl_keeper_end(keeper, HDL_EXIT_CLEAN);
			return;
		}
		log_death(pid, status);
		plan_respawn(keeper, hdl_clock_mono_ns());
	}
}

uint64_t hdl_keeper_respawn(struct hdl_keeper *keeper, uint64_t now_ns)
{
	struct hdl_err err;

	if (keeper->pid || keeper->phase > HDL_KEEPER_RUNNING)
		return UINT64_MAX;
	if (now_ns < keeper->respawn_ns)
		return keeper->respawn_ns;
	if (hdl_keeper_spawn(keeper, &err) < 0) {
		hdl_log_error("%s", err.text);
		if (keeper->pid)
			hdl_keeper_kill_worker(keeper, "cannot be told what to do");
		else
			plan_respawn(keeper, now_ns);
		return keeper->pid ? UINT64_MAX : keeper->respawn_ns;
	}
	hdl_log_info("worker process %d started", (int)keeper->pid);
	return UINT64_MAX;
}
