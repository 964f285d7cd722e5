/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration files for commands that work without a daemon. */
#ifndef HDL_HEDDLECTL_LOAD_H
#define HDL_HEDDLECTL_LOAD_H

#include "model/store.h"

/* A file, or the *.yaml, *.yml and *.json of a directory and below, in the order of their names. Negative errno: told. */
int ctl_load(struct hdl_resource_store *store, const char *path);

#endif
