/* SPDX-License-Identifier: Apache-2.0 */
/* heddled: which role this process has. */
#include <stdio.h>
#include "base/log.h"
#include "heddled/keeper.h"
#include "heddled/options.h"
#include "heddled/validate.h"
#include "heddled/worker_main.h"

static int print_help(void)
{
	struct hdl_buf text = { 0 };

	hdl_options_help(&text);
	if (text.p)
		fputs(text.p, stdout);
	hdl_buf_done(&text);
	return HDL_EXIT_CLEAN;
}

int main(int argc, char **argv)
{
	struct hdl_options options;
	struct hdl_err err;

	hdl_log_setup("keeper", HDL_LOG_INFO, false);
	if (hdl_options_parse(argc, argv, &options, &err) < 0) {
		fprintf(stderr, "heddled: %s\n", err.text);
		return HDL_EXIT_USAGE;
	}
	hdl_log_setup("keeper", options.log_level, options.log_json);
	switch (options.action) {
	case HDL_ACTION_HELP:
		return print_help();
	case HDL_ACTION_VERSION:
		printf("heddled %s\n", HDL_VERSION);
		return HDL_EXIT_CLEAN;
	case HDL_ACTION_VALIDATE:
		return hdl_validate_run(&options);
	case HDL_ACTION_UNINSTALL:
		return hdl_uninstall_run(&options);
	case HDL_ACTION_WORKER:
		return hdl_worker_main(options.worker_fd);
	case HDL_ACTION_RUN:
		break;
	}
	return hdl_keeper_run(&options);
}
