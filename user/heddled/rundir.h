/* SPDX-License-Identifier: Apache-2.0 */
/* The run directory: one daemon's lock and control socket; and the admin port. */
#ifndef HDL_HEDDLED_RUNDIR_H
#define HDL_HEDDLED_RUNDIR_H

#include <stdint.h>
#include "base/err.h"
#include "heddle/abi_addr.h"

/* Creates the directory (0755) with its parents and takes its lock. Descriptor to keep, -EBUSY naming the other daemon. */
int hdl_rundir_lock(const char *path, struct hdl_err *err);
/* Control socket PATH/heddle.sock, 0600, listening; one that a dead daemon left is replaced. The lock must be held. */
int hdl_rundir_listen(const char *path, struct hdl_err *err);
void hdl_rundir_unlink_socket(const char *path);
/* Listening TCP socket of the admin interface. -EADDRINUSE named. */
int hdl_admin_listen(const struct hdl_addr *address, uint16_t port, struct hdl_err *err);

#endif
