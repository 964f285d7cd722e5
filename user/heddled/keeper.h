/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keeper: the process with the capabilities. It loads and attaches, opens files and sockets, and hands them to the
 * worker process, which it starts again when it dies. It parses nothing that others wrote.
 */
#ifndef HDL_HEDDLED_KEEPER_H
#define HDL_HEDDLED_KEEPER_H

#include "heddled/options.h"

enum hdl_exit {
	HDL_EXIT_CLEAN = 0,
	HDL_EXIT_FAILURE = 1,
	HDL_EXIT_USAGE = 2,
	HDL_EXIT_CONFIG = 3,
	HDL_EXIT_KERNEL = 4,
};

/* Runs until it is told to end. Exit status. */
int hdl_keeper_run(const struct hdl_options *options);

#endif
