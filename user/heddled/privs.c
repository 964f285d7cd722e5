/* SPDX-License-Identifier: Apache-2.0 */
/* Reduces capabilities and changes users. */
#include "heddled/privs.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>
#include "base/log.h"

struct need {
	cap_value_t cap;
	const char *name;
	bool proxy; /* kept in mode proxy too, when root started it */
};

static const struct need needs[] = {
	{ CAP_BPF, "CAP_BPF", false },                          /* load programs, make maps */
	{ CAP_PERFMON, "CAP_PERFMON", false },                  /* what the verifier asks of tracing helpers */
	{ CAP_NET_ADMIN, "CAP_NET_ADMIN", false },              /* tc, rules, routes, cgroup hooks, IP_TRANSPARENT */
	{ CAP_SYS_ADMIN, "CAP_SYS_ADMIN", false },              /* setns, mount of bpffs */
	{ CAP_SYS_PTRACE, "CAP_SYS_PTRACE", false },            /* namespaces of other users' processes */
	{ CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH", true },   /* configuration files */
	{ CAP_NET_BIND_SERVICE, "CAP_NET_BIND_SERVICE", true }, /* gateways on ports below 1024 */
	{ CAP_SETUID, "CAP_SETUID", true },                     /* the worker's user */
	{ CAP_SETGID, "CAP_SETGID", true },
	{ CAP_KILL, "CAP_KILL", true }, /* end the worker process of another user */
};
#define NEEDS (sizeof(needs) / sizeof(needs[0]))

void hdl_privs_worker_user(struct hdl_worker_user *ret)
{
	const struct passwd *entry;

	*ret = (struct hdl_worker_user){ .uid = geteuid(), .gid = getegid() };
	if (geteuid() != 0)
		return;
	*ret = (struct hdl_worker_user){ .change = true, .uid = HDL_WORKER_UID_DEFAULT, .gid = HDL_WORKER_UID_DEFAULT };
	entry = getpwnam(HDL_WORKER_USER);
	if (entry && entry->pw_uid != 0) {
		ret->uid = entry->pw_uid;
		ret->gid = entry->pw_gid;
	}
}

int hdl_privs_check(enum hdl_mode mode, struct hdl_err *err)
{
	char missing[256] = "";
	size_t n = 0;
	cap_t caps;

	if (mode == HDL_MODE_PROXY)
		return 0;
	caps = cap_get_proc();
	if (!caps)
		return hdl_err_set(err, -errno, "cannot read the capabilities: %s", strerror(errno));
	for (size_t i = 0; i < NEEDS; i++) {
		cap_flag_value_t value = CAP_CLEAR;

		cap_get_flag(caps, needs[i].cap, CAP_EFFECTIVE, &value);
		if (value == CAP_SET)
			continue;
		n += (size_t)snprintf(missing + n, sizeof(missing) - n, "%s%s", n ? ", " : "", needs[i].name);
	}
	cap_free(caps);
	if (n)
		return hdl_err_set(
			err, -EPERM,
			"missing %s: run as root with these capabilities, or use --mode proxy for gateways only",
			missing);
	return 0;
}

int hdl_privs_reduce(enum hdl_mode mode, struct hdl_err *err)
{
	cap_t caps, had;
	int r = 0;

	if (geteuid() != 0)
		return 0;
	caps = cap_init();
	had = cap_get_proc();
	if (!caps || !had)
		r = -errno;
	for (size_t i = 0; i < NEEDS && r == 0; i++) {
		cap_flag_value_t value = CAP_CLEAR;

		if (mode == HDL_MODE_PROXY && !needs[i].proxy)
			continue;
		cap_get_flag(had, needs[i].cap, CAP_PERMITTED, &value);
		if (value != CAP_SET)
			continue;
		if (cap_set_flag(caps, CAP_PERMITTED, 1, &needs[i].cap, CAP_SET) < 0 ||
		    cap_set_flag(caps, CAP_EFFECTIVE, 1, &needs[i].cap, CAP_SET) < 0)
			r = -errno;
	}
	/* A program that the keeper might be made to start must not get back as root what is given up here. */
	for (int cap = 0; r == 0 && CAP_IS_SUPPORTED(cap); cap++) {
		cap_flag_value_t value = CAP_CLEAR;

		cap_get_flag(caps, cap, CAP_PERMITTED, &value);
		if (value != CAP_SET)
			(void)cap_drop_bound(cap);
	}
	if (r == 0 && cap_set_proc(caps) < 0)
		r = -errno;
	cap_free(caps);
	cap_free(had);
	return r < 0 ? hdl_err_set(err, r, "cannot reduce the capabilities: %s", strerror(-r)) : 0;
}

void hdl_privs_raise_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	/* root may raise the hard limit too; a proxied connection takes two descriptors */
	if (geteuid() == 0 && limit.rlim_max < 1048576) {
		struct rlimit more = { 1048576, 1048576 };

		if (setrlimit(RLIMIT_NOFILE, &more) == 0)
			return;
	}
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		hdl_log_warn("cannot raise the limit of open files: %s", strerror(errno));
}

int hdl_privs_drop(const struct hdl_worker_user *user, struct hdl_err *err)
{
	if (user->change) {
		cap_t none;
		int r = 0;

		if (setgroups(0, NULL) < 0 || setresgid(user->gid, user->gid, user->gid) < 0 ||
		    setresuid(user->uid, user->uid, user->uid) < 0)
			return hdl_err_set(err, -errno, "cannot change to user %u: %s", (unsigned int)user->uid,
					   strerror(errno));
		none = cap_init();
		if (!none || cap_set_proc(none) < 0)
			r = -errno;
		cap_free(none);
		if (r < 0)
			return hdl_err_set(err, r, "cannot drop the capabilities: %s", strerror(-r));
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return hdl_err_set(err, -errno, "cannot set no_new_privs: %s", strerror(errno));
	return 0;
}

int hdl_privs_check_none(struct hdl_err *err)
{
	cap_t caps = cap_get_proc();
	int r = 0;

	if (!caps)
		return hdl_err_set(err, -errno, "cannot read the capabilities: %s", strerror(errno));
	for (int cap = 0; CAP_IS_SUPPORTED(cap) && r == 0; cap++) {
		cap_flag_value_t effective = CAP_CLEAR, permitted = CAP_CLEAR;

		cap_get_flag(caps, cap, CAP_EFFECTIVE, &effective);
		cap_get_flag(caps, cap, CAP_PERMITTED, &permitted);
		if (effective == CAP_SET || permitted == CAP_SET)
			r = hdl_err_set(err, -EPERM, "the worker process has capability %d", cap);
	}
	cap_free(caps);
	return r;
}
