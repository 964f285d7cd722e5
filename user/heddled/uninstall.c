/* SPDX-License-Identifier: Apache-2.0 */
/* Takes away what a daemon left behind, when none runs. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/log.h"
#include "dp/lock.h"
#include "dp/uninstall.h"
#include "heddled/keeper.h"
#include "heddled/privs.h"
#include "heddled/rundir.h"
#include "heddled/statedir.h"
#include "heddled/validate.h"

static bool exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

/* Pins, hooks, filters, rules. */
static int remove_kernel(const char *bpffs, struct hdl_err *err)
{
	struct hdl_uninstall_report report = { 0 };
	struct hdl_dp_lock lock = HDL_DP_LOCK_NONE;
	int r;

	if (!exists(bpffs))
		return 0;
	r = hdl_privs_check(HDL_MODE_FULL, err);
	if (r == 0)
		r = hdl_dp_lock_bpffs(&lock, bpffs, err);
	if (r == 0)
		r = hdl_uninstall(bpffs, &report, err);
	hdl_dp_unlock(&lock);
	if (report.links || report.filters || report.rules || report.pins)
		hdl_log_info("removed %u hooks, %u filters, %u rules and %u pins of %s", report.links, report.filters,
			     report.rules, report.pins, bpffs);
	return r;
}

static int remove_run_dir(const char *path, struct hdl_err *err)
{
	char file[PATH_MAX];
	int fd;

	if (!exists(path))
		return 0;
	fd = hdl_rundir_lock(path, err);
	if (fd < 0)
		return fd;
	hdl_rundir_unlink_socket(path);
	hdl_statedir_remove(path);
	snprintf(file, sizeof(file), "%s/lock", path);
	unlink(file);
	close(fd);
	/* only when nothing of anybody else is in it */
	rmdir(path);
	return 0;
}

int hdl_uninstall_run(const struct hdl_options *options)
{
	struct hdl_err err;
	/* the run directory's lock first: it says which process is in the way */
	int r = remove_run_dir(options->run_dir, &err);

	if (r == 0)
		r = remove_kernel(options->bpffs, &err);
	if (r == 0)
		return HDL_EXIT_CLEAN;
	hdl_log_error("%s", err.text);
	return r == -EPERM ? HDL_EXIT_KERNEL : HDL_EXIT_FAILURE;
}
