/* SPDX-License-Identifier: Apache-2.0 */
/* Starts the worker process. */
#include "heddled/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "base/log.h"

#define SOCKET_FD 3
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4u
#endif

int hdl_spawn_open_self(struct hdl_err *err)
{
	int fd = open("/proc/self/exe", O_PATH | O_CLOEXEC);

	return fd >= 0 ? fd : hdl_err_set(err, -errno, "/proc/self/exe: %s (is /proc mounted?)", strerror(errno));
}

/* Sanitizers are told by their environment what to do; nothing else is for the worker. */
static char **worker_environment(void)
{
	static const char *const kept[] = { "ASAN_OPTIONS=", "UBSAN_OPTIONS=", "TSAN_OPTIONS=", "LSAN_OPTIONS=", "TZ=" };
	static char *environment[sizeof(kept) / sizeof(kept[0]) + 1];
	size_t n = 0;

	for (char **at = environ; at && *at; at++)
		for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]) && n < sizeof(kept) / sizeof(kept[0]); i++)
			if (strncmp(*at, kept[i], strlen(kept[i])) == 0)
				environment[n++] = *at;
	environment[n] = NULL;
	return environment;
}

/* In the child: does not return. */
static void become_worker(int self_fd, int socket_fd, const struct hdl_worker_user *user, pid_t keeper)
{
	char *argv[] = { (char *)"heddled: worker", (char *)"--worker-fd", (char *)"3", NULL };
	struct hdl_err err;
	sigset_t none;
	int null_fd;

	/* dup2() of a descriptor onto itself would leave it closed on exec */
	if (socket_fd == SOCKET_FD ? fcntl(SOCKET_FD, F_SETFD, 0) < 0 : dup2(socket_fd, SOCKET_FD) < 0)
		goto fail;
	null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null_fd >= 0)
		dup2(null_fd, STDIN_FILENO);
	syscall(SYS_close_range, SOCKET_FD + 1, ~0u, CLOSE_RANGE_CLOEXEC);
	umask(077);
	if (chdir("/") < 0)
		goto fail;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (hdl_privs_drop(user, &err) < 0) {
		hdl_log_error("%s", err.text);
		_exit(1);
	}
	/* after the change of user, which clears it; the keeper may be gone already */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != keeper)
		_exit(1);
	syscall(SYS_execveat, self_fd, "", argv, worker_environment(), AT_EMPTY_PATH);
fail:
	hdl_log_error("cannot start the worker process: %s%s", strerror(errno),
		      errno == EACCES ? " (the program must be readable and executable by its user)" : "");
	_exit(1);
}

int hdl_spawn_worker(int self_fd, int socket_fd, const struct hdl_worker_user *user, pid_t *ret_pid,
		     struct hdl_err *err)
{
	pid_t keeper = getpid();
	/* self_fd may be the number that the socket gets */
	int exec_fd = fcntl(self_fd, F_DUPFD_CLOEXEC, SOCKET_FD + 1);
	pid_t pid;

	if (exec_fd < 0)
		return hdl_err_set(err, -errno, "cannot copy a descriptor: %s", strerror(errno));
	pid = fork();
	if (pid == 0)
		become_worker(exec_fd, socket_fd, user, keeper);
	close(exec_fd);
	if (pid < 0)
		return hdl_err_set(err, -errno, "cannot start the worker process: %s", strerror(errno));
	*ret_pid = pid;
	return 0;
}
