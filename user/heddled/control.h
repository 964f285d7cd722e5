/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control thread of the worker process: configuration to snapshot to maps and workers, health sweeps, sign of life,
 * admin pages. Runs in the sandbox, with what the keeper passed.
 */
#ifndef HDL_HEDDLED_CONTROL_H
#define HDL_HEDDLED_CONTROL_H

#include "heddled/msg.h"
#include "heddled/proc.h"

/* Runs until the keeper is gone or the drain is over. Exit status. Takes the channel. */
int hdl_control_run(struct hdl_channel *channel, const struct hdl_msg_hello *hello);

#endif
