/* SPDX-License-Identifier: Apache-2.0 */
/* What the data plane needs of the kernel, what it found, and the one text that says what is missing (exit status 4). */
#ifndef HDL_DP_FEATURES_H
#define HDL_DP_FEATURES_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"

#define HDL_FEATURES_MAX 32

struct hdl_feature {
	const char *name; /* "cgroup programs", "sk_assign in tc" */
	const char *need; /* what the kernel or the machine must offer, as a user would look for it */
	bool required;    /* false: there is a fallback */
	bool present;
	const char *fallback; /* what is in force without it; NULL when required */
};

struct hdl_features {
	char kernel[65]; /* release, e.g. "6.1.0-18-amd64" */
	unsigned int major, minor;
	size_t count;
	struct hdl_feature feature[HDL_FEATURES_MAX];
};

/*
 * Probes this machine. release: kernel version to judge by, NULL = the running kernel's (tests inject old ones).
 * cgroup: directory to attach to, NULL = only look for a mounted cgroup2. *ret is filled in any case, as far as the
 * probes got. 0, or -EOPNOTSUPP with err naming all that is missing, or -EPERM when BPF is not permitted.
 */
int hdl_features_probe(const char *release, const char *cgroup, struct hdl_features *ret, struct hdl_err *err);

/* Mount point of cgroup2 (the default of --cgroup), from /proc/self/mountinfo. 0 or -ENOENT. */
int hdl_features_cgroup_root(char *ret_path, size_t size);

#endif
