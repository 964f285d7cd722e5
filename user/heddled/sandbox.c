/* SPDX-License-Identifier: Apache-2.0 */
/* Seccomp filter of the worker process. */
#include "heddled/sandbox.h"

#include <errno.h>
#include <linux/bpf.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/log.h"

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif

static const int allowed[] = {
	/* descriptors */
	SCMP_SYS(read),
	SCMP_SYS(readv),
	SCMP_SYS(pread64),
	SCMP_SYS(write),
	SCMP_SYS(pwrite64),
	SCMP_SYS(ftruncate),
	SCMP_SYS(fdatasync),
	SCMP_SYS(writev),
	SCMP_SYS(close),
	SCMP_SYS(close_range),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(lseek),
	SCMP_SYS(fcntl),
	SCMP_SYS(dup),
	SCMP_SYS(dup3),
	SCMP_SYS(pipe2),
	SCMP_SYS(splice),
	SCMP_SYS(tee),
	SCMP_SYS(eventfd2),
	SCMP_SYS(ioctl),
	/* waiting */
	SCMP_SYS(epoll_create1),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_pwait2),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(timerfd_create),
	SCMP_SYS(timerfd_settime),
	SCMP_SYS(timerfd_gettime),
	SCMP_SYS(nanosleep),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(futex),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(sched_yield),
	/* sockets */
	SCMP_SYS(connect),
	SCMP_SYS(accept4),
	SCMP_SYS(getsockname),
	SCMP_SYS(getpeername),
	SCMP_SYS(getsockopt),
	SCMP_SYS(setsockopt),
	SCMP_SYS(sendto),
	SCMP_SYS(sendmsg),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg),
	SCMP_SYS(sendmmsg),
	SCMP_SYS(recvmmsg),
	SCMP_SYS(shutdown),
	/* memory */
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(brk),
	SCMP_SYS(madvise),
	SCMP_SYS(membarrier),
	/* threads, signals, time, itself */
	SCMP_SYS(set_robust_list),
	SCMP_SYS(rseq),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(tgkill),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getgid),
	SCMP_SYS(getegid),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(sched_setaffinity),
	SCMP_SYS(getcpu),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_getres),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(getrandom),
	SCMP_SYS(uname),
	SCMP_SYS(sysinfo),
	SCMP_SYS(getrusage),
	SCMP_SYS(prlimit64),
	SCMP_SYS(capget),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
};

#ifndef HDL_SANITIZE
/* C libraries try these and go on without: no file to open, threads by clone(). */
static const struct {
	int call, error;
} refused[] = {
	{ SCMP_SYS(clone3), ENOSYS },     { SCMP_SYS(open), EACCES },     { SCMP_SYS(openat), EACCES },
	{ SCMP_SYS(openat2), EACCES },    { SCMP_SYS(access), EACCES },   { SCMP_SYS(faccessat), EACCES },
	{ SCMP_SYS(faccessat2), EACCES }, { SCMP_SYS(readlink), EACCES }, { SCMP_SYS(readlinkat), EACCES },
	{ SCMP_SYS(statx), ENOSYS },      { SCMP_SYS(mlock), EPERM },
};
#endif

/* Maps are read and written through descriptors; nothing is made, loaded, attached or looked up by name. */
static const int bpf_commands[] = {
	BPF_MAP_LOOKUP_ELEM,    BPF_MAP_UPDATE_ELEM,
	BPF_MAP_DELETE_ELEM,    BPF_MAP_GET_NEXT_KEY,
	BPF_MAP_LOOKUP_BATCH,   BPF_MAP_UPDATE_BATCH,
	BPF_MAP_DELETE_BATCH,   BPF_MAP_LOOKUP_AND_DELETE_ELEM,
	BPF_OBJ_GET_INFO_BY_FD, BPF_MAP_LOOKUP_AND_DELETE_BATCH,
};

#ifdef HDL_SANITIZE
static const int sanitizer[] = {
	SCMP_SYS(open),
	SCMP_SYS(openat),
	SCMP_SYS(readlink),
	SCMP_SYS(readlinkat),
	SCMP_SYS(access),
	SCMP_SYS(stat),
	SCMP_SYS(ptrace),
	SCMP_SYS(wait4),
	SCMP_SYS(kill),
	SCMP_SYS(getppid),
	SCMP_SYS(prctl),
	SCMP_SYS(mmap),
	SCMP_SYS(mprotect),
	SCMP_SYS(clone),
	SCMP_SYS(clone3),
	SCMP_SYS(personality),
	SCMP_SYS(arch_prctl),
	SCMP_SYS(getdents),
	SCMP_SYS(getdents64),
	SCMP_SYS(lstat),
	SCMP_SYS(dup2),
	SCMP_SYS(mlock),
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(unlink),
	SCMP_SYS(pipe),
	SCMP_SYS(statx),
	SCMP_SYS(getcwd),
};
#endif

static struct scmp_arg_cmp argument_is(unsigned int index, scmp_datum_t value)
{
	return (struct scmp_arg_cmp){ .arg = index, .op = SCMP_CMP_EQ, .datum_a = value };
}

static int allow_lists(scmp_filter_ctx filter)
{
	int r = 0;

	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]) && r == 0; i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
	for (size_t i = 0; i < sizeof(bpf_commands) / sizeof(bpf_commands[0]) && r == 0; i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(bpf), 1,
				     argument_is(0, (scmp_datum_t)bpf_commands[i]));
#ifdef HDL_SANITIZE
	for (size_t i = 0; i < sizeof(sanitizer) / sizeof(sanitizer[0]) && r == 0; i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, sanitizer[i], 0);
#else
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]) && r == 0; i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO((unsigned int)refused[i].error), refused[i].call, 0);
#endif
	return r;
}

static int allow_by_argument(scmp_filter_ctx filter)
{
	static const int families[] = { AF_INET, AF_INET6 };
	int r = 0;

	for (size_t i = 0; i < 2 && r == 0; i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
				     argument_is(0, (scmp_datum_t)families[i]));
#ifndef HDL_SANITIZE
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				     SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD | CLONE_VM, CLONE_THREAD | CLONE_VM));
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1, argument_is(0, PR_SET_NAME));
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1, argument_is(0, PR_CAPBSET_READ));
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(prctl), 1, argument_is(0, PR_SET_VMA));
	for (int i = 0; i < 2 && r == 0; i++) {
		int call = i ? SCMP_SYS(mprotect) : SCMP_SYS(mmap);

		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
		if (r == 0)
			r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), call, 1,
					     SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC));
	}
#endif
	return r;
}

/* Says which call it was, then dies of the signal as if nothing had been there. Only what a handler may do. */
static void on_sigsys(int signal, siginfo_t *info, void *context)
{
	char text[] = "error worker system call 00000 is not allowed; the process ends\n";
	char *digit = strchr(text, '0') + 4;
	int number = info->si_syscall;

	(void)context;
	for (int i = 0; i < 5; i++, number /= 10)
		*digit-- = (char)('0' + number % 10);
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		number = 0;
	/* SA_RESETHAND restored the default action */
	raise(signal);
}

int hdl_sandbox_enter(struct hdl_err *err)
{
	struct sigaction action = { .sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO | SA_RESETHAND | SA_NODEFER };
	scmp_filter_ctx filter;
	int r;

#ifndef HDL_SANITIZE
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return hdl_err_set(err, -errno, "cannot forbid core dumps: %s", strerror(errno));
#endif
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return hdl_err_set(err, -errno, "cannot set no_new_privs: %s", strerror(errno));
	sigaction(SIGSYS, &action, NULL);
	filter = seccomp_init(SCMP_ACT_TRAP);
	if (!filter)
		return hdl_err_set(err, -ENOMEM, "cannot make the seccomp filter");
	r = allow_lists(filter);
	if (r == 0)
		r = allow_by_argument(filter);
	if (r == 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r < 0 ? hdl_err_set(err, r, "cannot set the seccomp filter: %s", strerror(-r)) : 0;
}
