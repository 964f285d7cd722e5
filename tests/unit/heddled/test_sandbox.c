/* SPDX-License-Identifier: Apache-2.0 */
/* The worker process's filter (promise P4): what is refused, what ends the process, and what must go on working. */
#include "unit/unit.h"
#include "heddled/sandbox.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs attempt() in a process under the filter. Its result, or 1000 + the signal that ended it. */
static int run(int (*attempt)(void))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		struct hdl_err err;
		int null_fd = open("/dev/null", O_WRONLY);

		dup2(null_fd, STDERR_FILENO);
		if (hdl_sandbox_enter(&err) < 0)
			_exit(200);
		_exit(attempt());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int open_file(void)
{
	return open("/etc/passwd", O_RDONLY) < 0 ? errno : 0;
}

static int create_file(void)
{
	return open("/tmp/hdl-sandbox", O_RDWR | O_CREAT, 0600) < 0 ? errno : 0;
}

static int executable_memory(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno : 0;
}

static int make_executable(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mprotect(p, 4096, PROT_READ | PROT_EXEC) < 0 ? errno : 0;
}

static int execute(void)
{
	char *argv[] = { (char *)"true", NULL };

	execv("/bin/true", argv);
	return errno;
}

static int fork_process(void)
{
	return fork() < 0 ? errno : 0;
}

static int unix_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0) < 0 ? errno : 0;
}

static int netlink_socket(void)
{
	return socket(AF_NETLINK, SOCK_RAW, 0) < 0 ? errno : 0;
}

static int create_map(void)
{
	return (int)syscall(SYS_bpf, 0 /* BPF_MAP_CREATE */, NULL, 0);
}

static int trace(void)
{
	return (int)syscall(SYS_ptrace, 0, 0, NULL, NULL);
}

static int setuid_root(void)
{
	return setuid(0) < 0 ? errno : 0;
}

static int dumpable(void)
{
	return prctl(PR_SET_DUMPABLE, 1) < 0 ? errno : 0;
}

static void *in_thread(void *data)
{
	*(int *)data = 7;
	return NULL;
}

static int listener; /* passed by the keeper: made before the filter */

static int listen_port(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? errno : 0;
}

/* What the daemon does all day. */
static int ordinary(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int client = socket(AF_INET, SOCK_STREAM, 0);
	int epoll = epoll_create1(0), accepted, seen = 0;
	struct epoll_event event = { .events = EPOLLIN };
	pthread_t thread;
	char c = 0;

	if (getsockname(listener, (struct sockaddr *)&address, &size) < 0)
		return 1;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) < 0)
		return 2;
	if (connect(client, (struct sockaddr *)&address, sizeof(address)) < 0 || epoll_wait(epoll, &event, 1, -1) != 1)
		return 3;
	accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (accepted < 0 || send(client, "x", 1, MSG_NOSIGNAL) != 1 || recv(accepted, &c, 1, 0) != 1 || c != 'x')
		return 4;
	if (pthread_create(&thread, NULL, in_thread, &seen) != 0 || pthread_join(thread, NULL) != 0 || seen != 7)
		return 5;
	free(malloc(64 << 20));
	close(accepted);
	return 0;
}

static void test_refused(void **state)
{
	(void)state;
#ifdef HDL_SANITIZE
	skip(); /* the wider list of sanitizer builds */
#endif
	assert_int_equal(run(open_file), EACCES);
	assert_int_equal(run(create_file), EACCES);
	assert_int_equal(run(executable_memory), EPERM);
	assert_int_equal(run(make_executable), EPERM);
}

static void test_ends_the_process(void **state)
{
	(void)state;
#ifdef HDL_SANITIZE
	skip();
#endif
	assert_int_equal(run(execute), 1000 + SIGSYS);
	assert_int_equal(run(fork_process), 1000 + SIGSYS);
	assert_int_equal(run(unix_socket), 1000 + SIGSYS);
	assert_int_equal(run(netlink_socket), 1000 + SIGSYS);
	assert_int_equal(run(listen_port), 1000 + SIGSYS);
	assert_int_equal(run(create_map), 1000 + SIGSYS);
	assert_int_equal(run(trace), 1000 + SIGSYS);
	assert_int_equal(run(setuid_root), 1000 + SIGSYS);
	assert_int_equal(run(dumpable), 1000 + SIGSYS);
}

static void test_ordinary(void **state)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	(void)state;
	listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 5), 0);
	assert_int_equal(run(ordinary), 0);
	close(listener);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_ends_the_process),
		cmocka_unit_test(test_ordinary),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
