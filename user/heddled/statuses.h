/* SPDX-License-Identifier: Apache-2.0 */
/* Statuses of the Gateway API's objects over the life of the daemon. */
#ifndef HDL_HEDDLED_STATUSES_H
#define HDL_HEDDLED_STATUSES_H

#include <stdint.h>
#include "heddled/config_set.h"
#include "xlate/gwapi.h"

/* All zero: no objects. On the control thread only. */
struct hdl_statuses {
	struct hdl_arena *arena;
	const struct hdl_config_set *set; /* that list refers to; a reference */
	struct hdl_gwapi_statuses list;
};

/*
 * The set is in force since now_ns (wall clock). Costs a comparison of pointers when nothing changed on which a
 * status depends. Without memory the statuses stay as they were, and a line in the log says so.
 */
void hdl_statuses_update(struct hdl_statuses *statuses, const struct hdl_config_set *set, int64_t now_ns);
void hdl_statuses_done(struct hdl_statuses *statuses);

#endif
