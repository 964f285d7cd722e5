/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of the node in map `node_address`, at which NodePorts are dialled. */
#ifndef HDL_DP_NODEADDR_H
#define HDL_DP_NODEADDR_H

#include <stddef.h>
#include "base/err.h"

/*
 * Brings the map to what the interfaces of the caller's network namespace have now. Loopback and link-local addresses are
 * not there: each namespace has its own. Returns how many entries changed, or negative errno: -E2BIG, the map is full.
 */
int hdl_nodeaddr_sync(int map_fd, struct hdl_err *err);

#endif
