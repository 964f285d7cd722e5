/* SPDX-License-Identifier: Apache-2.0 */
/* How load is shared among priorities and localities by their health (specification C.4). Pure. */
#ifndef HDL_LB_PRIORITY_H
#define HDL_LB_PRIORITY_H

#include <stdint.h>

/* Of one priority or one locality. */
struct hdl_lb_health {
	uint32_t healthy, total;
};

/* Percent of the need that it can serve: a priority is overprovisioned by 1.4. 0 without endpoints. */
uint32_t hdl_lb_capacity(struct hdl_lb_health health);
/* What all priorities can serve together, at most 100. */
uint32_t hdl_lb_capacity_of_all(const struct hdl_lb_health *priority, uint32_t n);
/*
 * The priority for a draw. by_size (all of them are in panic): each by its number of endpoints. Else, where nothing is
 * healthy anywhere, the first gets all. n is at least 1.
 */
uint32_t hdl_lb_priority(const struct hdl_lb_health *priority, uint32_t n, uint64_t draw, int by_size);
/* What is left of a locality's weight: it falls when more than the overprovisioning is not healthy. In percent of 1. */
uint64_t hdl_lb_effective_weight(uint32_t weight, struct hdl_lb_health health);

#endif
