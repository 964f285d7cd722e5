/* SPDX-License-Identifier: Apache-2.0 */
/* Reads what the programs count, summed over CPUs, and keeps the totals of endpoints that are gone. */
#ifndef HDL_DP_COUNTERS_H
#define HDL_DP_COUNTERS_H

#include <stdbool.h>
#include <stdint.h>
#include "dp/publish.h"
#include "heddle/abi_conn.h"
#include "heddle/abi_verdict.h"

/* How often each outcome happened since the maps were made. All 0 on plain memory. 0 or negative errno. */
int hdl_dp_verdicts(const struct hdl_dp_maps *maps, uint64_t ret[HDL_VERDICT_COUNT]);

/* Calls row() for each entry of `traffic`; row returns true to have the entry deleted. 0 or negative errno. */
int hdl_dp_traffic(const struct hdl_dp_maps *maps,
		   bool (*row)(void *data, const struct hdl_traffic_key *key, const struct hdl_traffic *value),
		   void *data);

/*
 * Traffic rows as metrics need them: values never fall, although the rows of endpoints that are gone are deleted to make
 * room. label() gives the name under which a row is summed (its labels, as the caller writes them), or NULL when the row
 * means nothing in the current snapshot; such a row goes on under the name it had.
 */
struct hdl_dp_totals;
struct hdl_dp_totals *hdl_dp_totals_new(void);
struct hdl_dp_totals *hdl_dp_totals_free(struct hdl_dp_totals *totals); /* accepts NULL, returns NULL */
typedef const char *hdl_dp_label_fn(void *data, const struct hdl_traffic_key *key);
/* Reads the map. Call it before every publication takes endpoints away, and before each report. */
int hdl_dp_totals_read(struct hdl_dp_totals *totals, const struct hdl_dp_maps *maps, hdl_dp_label_fn *label,
		       void *data);
void hdl_dp_totals_each(const struct hdl_dp_totals *totals,
			void (*each)(void *data, const char *label, const struct hdl_traffic *sum), void *data);

/*
 * Established layer-4 connections by endpoint id, of the present generations. -EOVERFLOW when the map was full at some
 * time, so that they are not all known.
 */
int hdl_dp_open_connections(const struct hdl_dp_maps *maps, uint32_t *open, uint32_t count);

#endif
