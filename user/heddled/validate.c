/* SPDX-License-Identifier: Apache-2.0 */
/* Checks a configuration without running anything. */
#include "heddled/validate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/log.h"
#include "base/scan.h"
#include "heddled/config.h"
#include "heddled/keeper.h"
#include "heddled/privs.h"
#include "heddled/sandbox.h"

/* Descriptor, or -1 with the file's error set. */
static int open_one(struct hdl_scan_file *file)
{
	struct stat st;
	int fd;

	if (file->error)
		return -1;
	fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0) {
		file->error = errno;
		return -1;
	}
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	file->error = EINVAL;
	close(fd);
	return -1;
}

/* As in the daemon: root opens, and who reads what others wrote is nobody. */
static int *open_all(struct hdl_scan *scan, struct hdl_err *err)
{
	int *fds = calloc(scan->n + 1, sizeof(*fds));
	struct hdl_worker_user user;

	if (!fds) {
		hdl_err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	hdl_privs_raise_files();
	for (size_t i = 0; i < scan->n; i++)
		fds[i] = open_one(&scan->file[i]);
	hdl_privs_worker_user(&user);
	if (user.change && (hdl_privs_drop(&user, err) < 0 || hdl_sandbox_enter(err) < 0)) {
		free(fds);
		return NULL;
	}
	return fds;
}

static void print(const struct hdl_diags *diags)
{
	struct hdl_buf text = { 0 };

	for (size_t i = 0; i < diags->n; i++) {
		hdl_diag_print(&text, &diags->at[i]);
		hdl_buf_adds(&text, "\n");
	}
	if (text.p)
		fwrite(text.p, 1, text.n, stderr);
	hdl_buf_done(&text);
	if (diags->errors || diags->warnings)
		fprintf(stderr, "%zu errors, %zu warnings%s\n", diags->errors, diags->warnings,
			diags->dropped ? " (not all shown)" : "");
}

static int load(struct hdl_config *config, struct hdl_scan *scan, const int *fds, struct hdl_err *err)
{
	struct hdl_snapshot *snapshot = NULL;
	int r = 0;

	hdl_config_begin(config, false);
	for (size_t i = 0; i < scan->n && r == 0; i++)
		r = hdl_config_file(config, scan->file[i].path, scan->file[i].node, fds[i], scan->file[i].error, false);
	if (r < 0)
		return hdl_err_set(err, r, "%s", strerror(-r));
	r = hdl_config_end(config, false, &snapshot, err);
	hdl_snapshot_unref(snapshot);
	return r < 0 && r != -E2BIG ? r : 0; /* too large: said in the diagnostics */
}

static int validate(const struct hdl_options *options, struct hdl_err *err)
{
	struct hdl_scan_conf conf = { .paths = options->config,
				      .path_count = options->config_count,
				      .node_path = options->node_config };
	struct hdl_config_options config_options = { options->access_log, options->node_config != NULL };
	struct hdl_config *config;
	struct hdl_scan scan;
	int *fds, r = hdl_scan_run(&conf, &scan, err);

	if (r < 0)
		return r;
	fds = open_all(&scan, err);
	config = fds ? hdl_config_new(&config_options, err) : NULL;
	r = config ? load(config, &scan, fds, err) : -ENOMEM;
	if (r == 0) {
		print(hdl_config_diags(config));
		r = hdl_config_diags(config)->errors ? HDL_EXIT_CONFIG : HDL_EXIT_CLEAN;
	}
	hdl_config_free(config);
	for (size_t i = 0; fds && i < scan.n; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(fds);
	hdl_scan_done(&scan);
	return r;
}

int hdl_validate_run(const struct hdl_options *options)
{
	struct hdl_err err;
	int r = validate(options, &err);

	if (r >= 0)
		return r;
	hdl_log_error("%s", err.text);
	return HDL_EXIT_FAILURE;
}
