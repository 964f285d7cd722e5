/* SPDX-License-Identifier: Apache-2.0 */
/* Removes every pin, link, filter, rule and route that a daemon with this bpffs path left, from what the kernel holds. */
#ifndef HDL_DP_UNINSTALL_H
#define HDL_DP_UNINSTALL_H

#include "base/err.h"

struct hdl_uninstall_report {
	unsigned int links, filters, rules, pins; /* removed */
};

/*
 * Goes on after a failure and reports the first. 0 also when there was nothing. The caller holds hdl_dp_lock_bpffs();
 * the directory itself is removed too.
 */
int hdl_uninstall(const char *bpffs, struct hdl_uninstall_report *ret, struct hdl_err *err);

#endif
