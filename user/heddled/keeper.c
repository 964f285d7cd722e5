/* SPDX-License-Identifier: Apache-2.0 */
/* The keeper's start, loop and end. */
#include "heddled/keeper.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/log.h"
#include "heddled/keeper_state.h"
#include "heddled/notify.h"
#include "heddled/rundir.h"
#include "heddled/spawn.h"

#define DRAIN_TIMEOUT_DEFAULT_MS 30000

void hdl_keeper_enter(struct hdl_keeper *keeper, enum hdl_keeper_phase phase)
{
	static const char *const names[] = { "starting", "running", "draining", "ended" };

	if (keeper->phase == phase || keeper->phase == HDL_KEEPER_ENDED)
		return;
	hdl_log_debug("keeper: %s -> %s", names[keeper->phase], names[phase]);
	keeper->phase = phase;
	if (phase == HDL_KEEPER_RUNNING) {
		hdl_log_info("ready");
		hdl_notify("READY=1");
	} else if (phase == HDL_KEEPER_DRAINING) {
		hdl_notify("STOPPING=1");
	}
}

void hdl_keeper_end(struct hdl_keeper *keeper, int exit_status)
{
	if (keeper->phase != HDL_KEEPER_ENDED)
		keeper->exit_status = exit_status;
	hdl_keeper_enter(keeper, HDL_KEEPER_ENDED);
}

void hdl_keeper_drain(struct hdl_keeper *keeper)
{
	struct hdl_err err;

	if (keeper->phase >= HDL_KEEPER_DRAINING)
		return;
	hdl_keeper_enter(keeper, HDL_KEEPER_DRAINING);
	hdl_log_info("draining, at most %u s", keeper->drain_timeout_ms / 1000);
	keeper->deadline_ns = hdl_clock_mono_ns() + keeper->drain_timeout_ms * HDL_NS_PER_MS;
	/* first the kernel stops handing flows over, so that what comes from now on follows the fail mode */
	if (keeper->host)
		hdl_hostside_withdraw(keeper->host);
	hdl_gateways_done(&keeper->gateways);
	if (keeper->pid == 0 || hdl_channel_send_plain(&keeper->channel, HDL_MSG_DRAIN, &err) < 0)
		hdl_keeper_end(keeper, HDL_EXIT_CLEAN);
}

int hdl_keeper_open_log(struct hdl_keeper *keeper, const char *path, struct hdl_err *err)
{
	struct hdl_msg msg = { .type = HDL_MSG_ACCESS_LOG };
	bool again = strcmp(path, keeper->log_path) == 0;
	int before = keeper->log_error, r = hdl_logfile_open(&keeper->log, path, err);

	if (!again)
		snprintf(keeper->log_path, sizeof(keeper->log_path), "%s", path);
	keeper->log_error = r < 0 ? -r : 0;
	/* what is tried four times a second is said once */
	if (r < 0 && again && before == -r)
		return 0;
	if (r < 0)
		hdl_log_error("%s", err->text);
	msg.access_log.error = keeper->log_error;
	(void)hdl_msg_set_text(msg.access_log.path, sizeof(msg.access_log.path), path);
	if (r == 0 && keeper->log.fd >= 0) {
		msg.fd[0] = keeper->log.fd;
		msg.fd_count = 1;
	}
	return keeper->channel.fd >= 0 ? hdl_channel_send(&keeper->channel, &msg, err) : 0;
}

static unsigned int worker_count(const struct hdl_options *options)
{
	cpu_set_t cpus;
	int n = 1;

	if (options->workers)
		return options->workers;
	if (sched_getaffinity(0, sizeof(cpus), &cpus) == 0)
		n = CPU_COUNT(&cpus);
	return n < 1 ? 1 : n > HDL_WORKERS_MAX ? HDL_WORKERS_MAX : (unsigned int)n;
}

static int open_signals(struct hdl_err *err)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd >= 0 ? fd : hdl_err_set(err, -errno, "signalfd: %s", strerror(errno));
}

/* A wrong path must not look like an empty configuration. */
static int check_paths(const struct hdl_options *options, struct hdl_err *err)
{
	struct stat st;

	for (size_t i = 0; i < options->config_count; i++)
		if (stat(options->config[i], &st) < 0)
			return hdl_err_set(err, -errno, "--config %s: %s", options->config[i], strerror(errno));
	if (options->node_config && stat(options->node_config, &st) < 0)
		return hdl_err_set(err, -errno, "--node-config %s: %s", options->node_config, strerror(errno));
	return 0;
}

/* Everything that may be refused before a worker process is started. 0, or negative errno; *ret_status for the exit. */
static int prepare(struct hdl_keeper *keeper, int *ret_status, struct hdl_err *err)
{
	const struct hdl_options *options = keeper->options;
	struct hdl_feed_conf feed = { options->config, options->config_count, options->node_config, NULL };
	int r;

	*ret_status = HDL_EXIT_FAILURE;
	r = check_paths(options, err);
	if (r == 0 && (r = hdl_privs_check(options->mode, err)) < 0)
		*ret_status = HDL_EXIT_KERNEL;
	if (r == 0)
		r = keeper->lock_fd = hdl_rundir_lock(options->run_dir, err);
	hdl_privs_raise_files();
	if (r >= 0 && options->mode == HDL_MODE_FULL) {
		r = hdl_hostside_prepare(options, &keeper->user, keeper->workers, &keeper->host, err);
		if (r == -EOPNOTSUPP || r == -EPERM)
			*ret_status = HDL_EXIT_KERNEL;
	}
	if (r >= 0)
		r = keeper->tcp_fd = hdl_admin_listen(&options->admin_address, options->admin_port, err);
	if (r >= 0)
		r = keeper->unix_fd = hdl_rundir_listen(options->run_dir, err);
	if (r >= 0)
		r = keeper->self_fd = hdl_spawn_open_self(err);
	if (r >= 0)
		r = keeper->signal_fd = open_signals(err);
	if (r >= 0)
		r = hdl_privs_reduce(options->mode, err);
	if (r < 0)
		return r;
	keeper->feed = hdl_feed_new(&feed, err);
	return keeper->feed ? 0 : -ENOMEM;
}

static void on_hangup(struct hdl_keeper *keeper)
{
	struct hdl_err err;

	hdl_log_info("reloading");
	hdl_feed_request(keeper->feed, 0);
	if (keeper->log_path[0] && hdl_keeper_open_log(keeper, keeper->log_path, &err) < 0)
		hdl_keeper_kill_worker(keeper, err.text);
}

static void on_signal(struct hdl_keeper *keeper, uint32_t signal)
{
	switch (signal) {
	case SIGTERM:
	case SIGINT:
		/* the second time means now */
		if (keeper->phase == HDL_KEEPER_DRAINING)
			hdl_keeper_end(keeper, HDL_EXIT_CLEAN);
		else
			hdl_keeper_drain(keeper);
		break;
	case SIGHUP:
		on_hangup(keeper);
		break;
	case SIGCHLD:
		hdl_keeper_reap(keeper);
		break;
	default:
		hdl_log_warn("signal %s: nothing is done on it in this version", strsignal((int)signal));
		break;
	}
}

static void read_signals(struct hdl_keeper *keeper)
{
	struct signalfd_siginfo info;

	while (read(keeper->signal_fd, &info, sizeof(info)) == sizeof(info))
		on_signal(keeper, info.ssi_signo);
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Access log moved away or not opened yet, busy gateway ports. Returns when to look again. */
static uint64_t look_after(struct hdl_keeper *keeper, uint64_t now_ns)
{
	uint64_t next_ns = UINT64_MAX;
	struct hdl_err err;
	bool more = true;
	int r = 0;

	if (keeper->log_path[0]) {
		if (now_ns >= keeper->log_check_ns) {
			keeper->log_check_ns = now_ns + HDL_KEEPER_LOG_CHECK_NS;
			if (keeper->log_error || hdl_logfile_moved(&keeper->log))
				r = hdl_keeper_open_log(keeper, keeper->log_path, &err);
		}
		next_ns = keeper->log_check_ns;
	}
	if (r == 0 && keeper->host && now_ns >= keeper->hooks_ns) {
		keeper->hooks_ns = now_ns + HDL_KEEPER_HOOKS_NS;
		if (hdl_hostside_repair(keeper->host)) {
			if (keeper->pods)
				hdl_podwatch_look_again(keeper->pods);
			r = hdl_hostside_send_hooks(keeper->host, &keeper->channel, &err);
		}
	}
	if (keeper->host)
		next_ns = sooner(next_ns, keeper->hooks_ns);
	if (r == 0 && now_ns >= keeper->gateway_retry_ns) {
		r = hdl_gateways_retry(&keeper->gateways, &keeper->channel, &more, &err);
		keeper->gateway_retry_ns = more ? now_ns + HDL_GATEWAY_RETRY_NS : UINT64_MAX;
	}
	if (r < 0)
		hdl_keeper_kill_worker(keeper, err.text);
	return sooner(next_ns, keeper->gateway_retry_ns);
}

/*
 * A worker process that died is noticed by its end; one that stands (stopped, or in an endless loop of the control
 * thread) by its silence. Not before the first epoch is in force: reading a large configuration takes what it takes.
 */
static uint64_t look_for_life(struct hdl_keeper *keeper, uint64_t now_ns)
{
	struct hdl_err err;

	if (keeper->phase != HDL_KEEPER_RUNNING || keeper->channel.fd < 0)
		return UINT64_MAX;
	if (now_ns < keeper->ping_ns)
		return keeper->ping_ns;
	keeper->ping_ns = now_ns + HDL_KEEPER_PING_NS;
	if (keeper->unanswered >= HDL_KEEPER_PINGS_MAX)
		hdl_keeper_kill_worker(keeper, "gives no sign of life");
	else if (hdl_channel_send_plain(&keeper->channel, HDL_MSG_PING, &err) < 0)
		hdl_keeper_kill_worker(keeper, err.text);
	else
		keeper->unanswered++;
	return keeper->ping_ns;
}

/* All that waits for a moment in time. Returns the next one. */
static uint64_t do_due(struct hdl_keeper *keeper, uint64_t now_ns)
{
	uint64_t next_ns = UINT64_MAX, at_ns = UINT64_MAX;
	struct hdl_err err;
	int r = 0;

	if (keeper->phase == HDL_KEEPER_DRAINING) {
		if (now_ns >= keeper->deadline_ns) {
			hdl_log_warn("drain time over: closing what is still in flight");
			hdl_keeper_end(keeper, HDL_EXIT_CLEAN);
		}
		return keeper->deadline_ns;
	}
	next_ns = hdl_keeper_respawn(keeper, now_ns);
	if (keeper->channel.fd < 0)
		return next_ns;
	r = hdl_feed_turn(keeper->feed, &keeper->channel, now_ns, &at_ns, &err);
	next_ns = sooner(next_ns, at_ns);
	if (r == 0 && keeper->pods) {
		r = hdl_podwatch_turn(keeper->pods, keeper->host, &keeper->channel, now_ns, &at_ns, &err);
		next_ns = sooner(next_ns, at_ns);
	}
	if (r < 0) {
		hdl_keeper_kill_worker(keeper, err.text);
		return next_ns;
	}
	next_ns = sooner(next_ns, look_after(keeper, now_ns));
	return sooner(next_ns, look_for_life(keeper, now_ns));
}

static int wait_ms(uint64_t next_ns, uint64_t now_ns)
{
	if (next_ns == UINT64_MAX)
		return -1;
	if (next_ns <= now_ns)
		return 0;
	/* rounded up: waking before the time would only mean waiting once more */
	return (int)sooner((next_ns - now_ns + HDL_NS_PER_MS - 1) / HDL_NS_PER_MS, 3600 * 1000);
}

static void turn(struct hdl_keeper *keeper)
{
	struct pollfd polled[4];
	struct hdl_err err;
	unsigned int n = 0;
	uint64_t now_ns = hdl_clock_mono_ns(), next_ns = do_due(keeper, now_ns);
	bool talking = keeper->channel.fd >= 0;

	if (keeper->phase == HDL_KEEPER_ENDED)
		return;
	polled[n++] = (struct pollfd){ .fd = keeper->signal_fd, .events = POLLIN };
	if (talking) {
		short events = hdl_channel_waiting(&keeper->channel) ? POLLIN | POLLOUT : POLLIN;

		polled[n++] = (struct pollfd){ .fd = keeper->channel.fd, .events = events };
	}
	/* nobody to tell: left unread */
	if (talking && keeper->phase != HDL_KEEPER_DRAINING) {
		polled[n++] = (struct pollfd){ .fd = hdl_feed_fd(keeper->feed), .events = POLLIN };
		if (keeper->pods)
			polled[n++] = (struct pollfd){ .fd = hdl_podwatch_fd(keeper->pods), .events = POLLIN };
	}
	if (poll(polled, n, wait_ms(next_ns, now_ns)) < 0)
		return;
	if (talking && (polled[1].revents & POLLOUT) && hdl_channel_flush(&keeper->channel, &err) < 0)
		hdl_channel_done(&keeper->channel);
	if (talking && keeper->channel.fd >= 0 && (polled[1].revents & (POLLIN | POLLHUP | POLLERR)))
		hdl_keeper_receive(keeper);
	if (polled[0].revents)
		read_signals(keeper);
}

static void finish(struct hdl_keeper *keeper)
{
	if (keeper->pid) {
		kill(keeper->pid, SIGKILL);
		while (waitpid(keeper->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	hdl_channel_done(&keeper->channel);
	if (keeper->host && hdl_hostside_is_set_up(keeper->host)) {
		/* no heartbeat is worth more than three seconds of waiting for it to grow stale */
		hdl_hostside_withdraw(keeper->host);
		__atomic_store_n(&hdl_load_state(hdl_hostside_load(keeper->host))->heartbeat_ns, 0, __ATOMIC_RELEASE);
	}
	if (keeper->unix_fd >= 0)
		hdl_rundir_unlink_socket(keeper->options->run_dir);
	hdl_gateways_done(&keeper->gateways);
	hdl_logfile_done(&keeper->log);
	hdl_feed_free(keeper->feed);
	hdl_podwatch_free(keeper->pods);
	/* nothing was pinned: the directory goes, unless something of anybody is in it */
	if (keeper->host && !hdl_hostside_is_set_up(keeper->host))
		rmdir(keeper->options->bpffs);
	hdl_hostside_free(keeper->host);
	for (size_t i = 0; i < 5; i++) {
		int fd = (int[]){ keeper->self_fd, keeper->signal_fd, keeper->unix_fd, keeper->tcp_fd,
				  keeper->lock_fd }[i];

		if (fd >= 0)
			close(fd);
	}
}

int hdl_keeper_run(const struct hdl_options *options)
{
	struct hdl_keeper keeper = {
		.options = options,
		.workers = worker_count(options),
		.start_ns = hdl_clock_mono_ns(),
		.self_fd = -1,
		.signal_fd = -1,
		.lock_fd = -1,
		.unix_fd = -1,
		.tcp_fd = -1,
		.drain_timeout_ms = DRAIN_TIMEOUT_DEFAULT_MS,
	};
	struct hdl_err err;
	int status;

	hdl_channel_init(&keeper.channel, -1, HDL_MSG_TO_KEEPER);
	hdl_logfile_init(&keeper.log);
	hdl_gateways_init(&keeper.gateways, keeper.workers);
	hdl_privs_worker_user(&keeper.user);
	if (prepare(&keeper, &status, &err) < 0) {
		hdl_log_error("%s", err.text);
		finish(&keeper);
		return status;
	}
	while (keeper.phase != HDL_KEEPER_ENDED)
		turn(&keeper);
	finish(&keeper);
	hdl_log_info("ended");
	return keeper.exit_status;
}
