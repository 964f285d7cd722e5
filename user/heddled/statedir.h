/* SPDX-License-Identifier: Apache-2.0 */
/* The keeper's side of the state file: opens it in the run directory and gives a finished one its name. */
#ifndef HDL_HEDDLED_STATEDIR_H
#define HDL_HEDDLED_STATEDIR_H

#include <stdbool.h>
#include "base/err.h"
#include "heddled/proc.h"

#define HDL_STATEDIR_FILE "state"
#define HDL_STATEDIR_NEW "state.new"

/* For a new worker process: the file that is there, if any, and an empty one. 0, or the channel's failure. */
int hdl_statedir_send(const char *run_dir, bool with_file, struct hdl_channel *channel, struct hdl_err *err);
/* The empty one was filled: it takes the name at once and for good. 0, or negative errno with text. */
int hdl_statedir_commit(const char *run_dir, struct hdl_err *err);
void hdl_statedir_remove(const char *run_dir);

#endif
