/* SPDX-License-Identifier: Apache-2.0 */
/* A thread that tells the kernel that the proxy workers live, whatever the control thread is busy with. */
#ifndef HDL_HEDDLED_HEARTBEAT_H
#define HDL_HEDDLED_HEARTBEAT_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "dp/maps.h"

struct hdl_heartbeat;

/* alive() is asked, in the thread, before each sign of life. maps and data must live until stop. 0 or negative errno. */
int hdl_heartbeat_start(struct hdl_dp_maps *maps, bool (*alive)(void *data, uint64_t now_ns), void *data,
			struct hdl_heartbeat **ret, struct hdl_err *err);
/* When it returns, no sign of life comes any more. Accepts NULL, returns NULL. */
struct hdl_heartbeat *hdl_heartbeat_stop(struct hdl_heartbeat *heartbeat);

#endif
