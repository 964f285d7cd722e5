/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration files for commands that work without a daemon. */
#ifndef HDL_HEDDLECTL_LOAD_H
#define HDL_HEDDLECTL_LOAD_H

#include "model/store.h"

/*
 * A file, whatever it is called; of a directory and below those that the daemon would take (*.yaml, *.yml and *.json,
 * not hidden), in the order of their names; the standard input for "-". Negative errno, told to the user: -ENOENT what
 * can be read is in the store, and something else cannot be.
 */
int ctl_load(struct hdl_resource_store *store, const char *path);

#endif
