/* SPDX-License-Identifier: Apache-2.0 */
/* The pods of the node in maps `interface` and `local_pod`, as a scan found them. Used by the keeper. */
#ifndef HDL_DP_PODMAPS_H
#define HDL_DP_PODMAPS_H

#include <stdbool.h>
#include "base/err.h"
#include "dp/pods.h"
#include "dp/publish.h"

/*
 * Brings both maps to what the list says: new entries, changed ones, and away with what is gone, whoever put it there.
 * redirect: local_pod holds the pods into which packets may be put directly, and state.flags says so; otherwise it is
 * emptied. 0, or negative errno with text: the rest of the entries is right all the same.
 */
int hdl_podmaps_sync(const struct hdl_dp_maps *maps, struct hdl_state *state, const struct hdl_pod *list, size_t n,
		     bool redirect, struct hdl_err *err);

#endif
