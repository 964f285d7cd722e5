/* SPDX-License-Identifier: Apache-2.0 */
/* When which clusters are swept for endpoints whose ejection is over (specification C.7). */
#ifndef HDL_HEDDLED_SWEEP_H
#define HDL_HEDDLED_SWEEP_H

#include <stdint.h>
#include "dp/publish.h"
#include "ir/snapshot.h"

struct hdl_sweep {
	uint64_t last_ns;  /* of the last run; 0 = none */
	uint64_t returned; /* endpoints let back */
};

/* The next multiple of an interval of any cluster after last_ns. Clusters without outlier detection count every 10 s. */
uint64_t hdl_sweep_next_ns(const struct hdl_sweep *sweep, const struct hdl_snapshot *snapshot);
/* Sweeps the clusters of which a multiple of the interval lies between the last run and now_ns. */
void hdl_sweep_run(struct hdl_sweep *sweep, const struct hdl_snapshot *snapshot, struct hdl_dp_maps *maps,
		   uint64_t now_ns);

#endif
