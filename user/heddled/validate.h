/* SPDX-License-Identifier: Apache-2.0 */
/* --validate and --uninstall: actions that run no daemon. */
#ifndef HDL_HEDDLED_VALIDATE_H
#define HDL_HEDDLED_VALIDATE_H

#include "heddled/options.h"

/* Loads the configuration as a start would and prints what is wrong with it. Exit status 0 or 3; 1 when it could not try. */
int hdl_validate_run(const struct hdl_options *options);
/* Removes what a daemon with these paths left. Exit status. */
int hdl_uninstall_run(const struct hdl_options *options);

#endif
