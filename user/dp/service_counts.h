/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Outcomes by service (map `service_verdict`), summed over CPUs and over all ids that a service port has: its addresses
 * and classes of clients. Sums never fall, although rows are deleted when their id is nobody's any more.
 */
#ifndef HDL_DP_SERVICE_COUNTS_H
#define HDL_DP_SERVICE_COUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "dp/publish.h"

#define HDL_DP_SERVICE_NAME_MAX 320     /* "reviews.demo.svc.cluster.local:9080" */
#define HDL_DP_SERVICE_COUNTS_MAX 65536 /* sums: service ports that were ever told apart, times their outcomes */

struct hdl_dp_service_counts;

struct hdl_dp_service_counts *hdl_dp_service_counts_new(void); /* NULL when out of memory */
struct hdl_dp_service_counts *hdl_dp_service_counts_free(struct hdl_dp_service_counts *counts); /* accepts NULL */

/* What an id of map `service` is at present; false: nothing. */
typedef bool hdl_dp_service_name_fn(void *data, uint32_t service, char name[HDL_DP_SERVICE_NAME_MAX]);

/*
 * Reads the map. Call it before a publication gives ids to others, and before each report. 0 or negative errno; -ENOSPC:
 * there are more sums than HDL_DP_SERVICE_COUNTS_MAX, the rest is not counted.
 */
int hdl_dp_service_counts_read(struct hdl_dp_service_counts *counts, const struct hdl_dp_maps *maps,
			       hdl_dp_service_name_fn *name, void *data);
/* One row as the map has it now: what hdl_dp_service_counts_read() does with each. True: it is to be deleted. */
bool hdl_dp_service_counts_take(struct hdl_dp_service_counts *counts, const struct hdl_service_verdict_key *key,
				uint64_t value, hdl_dp_service_name_fn *name, void *data);
void hdl_dp_service_counts_each(const struct hdl_dp_service_counts *counts,
				void (*each)(void *data, const char *service, uint32_t verdict, uint64_t count),
				void *data);

#endif
