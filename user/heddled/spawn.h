/* SPDX-License-Identifier: Apache-2.0 */
/* Starts the worker process: the same program in another role, as another user, with one socket. */
#ifndef HDL_HEDDLED_SPAWN_H
#define HDL_HEDDLED_SPAWN_H

#include <sys/types.h>
#include "base/err.h"
#include "heddled/privs.h"

/* The program that runs now, so that a replaced file does not matter. Descriptor or negative errno. */
int hdl_spawn_open_self(struct hdl_err *err);
/* socket_fd is the worker's end and stays the caller's to close. */
int hdl_spawn_worker(int self_fd, int socket_fd, const struct hdl_worker_user *user, pid_t *ret_pid,
		     struct hdl_err *err);

#endif
