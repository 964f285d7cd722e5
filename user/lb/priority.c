/* SPDX-License-Identifier: Apache-2.0 */
/* Loads of priorities and weights of localities as Envoy computes them (specification C.4). */
#include "lb/priority.h"

#define OVERPROVISIONING 140u /* percent */

uint32_t hdl_lb_capacity(struct hdl_lb_health health)
{
	uint64_t percent = health.total ? (uint64_t)OVERPROVISIONING * health.healthy / health.total : 0;

	return percent < 100 ? (uint32_t)percent : 100;
}

uint32_t hdl_lb_capacity_of_all(const struct hdl_lb_health *priority, uint32_t n)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < n && sum < 100; i++)
		sum += hdl_lb_capacity(priority[i]);
	return sum < 100 ? sum : 100;
}

static uint32_t by_number(const struct hdl_lb_health *priority, uint32_t n, uint64_t draw)
{
	uint64_t total = 0;

	for (uint32_t i = 0; i < n; i++)
		total += priority[i].total;
	draw = total ? draw % total : 0;
	for (uint32_t i = 0; i < n; i++) {
		if (draw < priority[i].total)
			return i;
		draw -= priority[i].total;
	}
	return 0;
}

uint32_t hdl_lb_priority(const struct hdl_lb_health *priority, uint32_t n, uint64_t draw, int by_size)
{
	uint32_t all = hdl_lb_capacity_of_all(priority, n), left = 100, upto = 0, first = n, rest = 100, at;

	if (by_size)
		return by_number(priority, n, draw);
	if (!all)
		return 0;
	/* the remainder of the divisions goes to the first that has any load */
	for (uint32_t i = 0; i < n; i++) {
		uint32_t load = hdl_lb_capacity(priority[i]) * 100 / all;

		load = load < left ? load : left;
		left -= load;
		if (load && first == n)
			first = i;
	}
	rest = left;
	at = (uint32_t)(draw % 100);
	left = 100;
	for (uint32_t i = first; i < n; i++) {
		uint32_t load = hdl_lb_capacity(priority[i]) * 100 / all;

		load = load < left ? load : left;
		left -= load;
		upto += load + (i == first ? rest : 0);
		if (at < upto)
			return i;
	}
	return first < n ? first : 0;
}

uint64_t hdl_lb_effective_weight(uint32_t weight, struct hdl_lb_health health)
{
	return (uint64_t)weight * hdl_lb_capacity(health);
}
