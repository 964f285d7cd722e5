/* SPDX-License-Identifier: Apache-2.0 */
/* Builds hash rings: each host has entries in proportion to its weight, at the hashes of its numbered key. */
#include "lb/ring.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"

#define KEY_MAX 128

static double round_up(double value)
{
	double whole = (double)(uint64_t)value;

	return whole < value ? whole + 1 : whole;
}

static uint32_t weight_of(const uint32_t *weights, size_t i)
{
	return weights ? weights[i] : 1;
}

/* Entries per unit of weight, where all weights are 1 together. As Envoy reckons, in the same floating point. */
static double scale_of(const uint32_t *weights, size_t n, uint64_t minimum, uint64_t maximum, double *ret_sum)
{
	double sum = 0, least = weight_of(weights, 0), scale;

	for (size_t i = 0; i < n; i++) {
		sum += weight_of(weights, i);
		if (weight_of(weights, i) < least)
			least = weight_of(weights, i);
	}
	least /= sum;
	scale = round_up(least * (double)minimum) / least;
	*ret_sum = sum;
	return scale < (double)maximum ? scale : (double)maximum;
}

uint64_t hdl_ring_room(const uint32_t *weights, size_t n, uint64_t minimum, uint64_t maximum)
{
	double sum;

	/* one more for what rounding makes of the sum of the shares */
	return n ? (uint64_t)round_up(scale_of(weights, n, minimum, maximum, &sum)) + 1 : 0;
}

static int by_hash(const void *a, const void *b)
{
	const struct hdl_ring_entry *ea = a, *eb = b;

	if (ea->hash != eb->hash)
		return ea->hash < eb->hash ? -1 : 1;
	return (ea->endpoint > eb->endpoint) - (ea->endpoint < eb->endpoint);
}

int hdl_ring_build(const char *const *keys, const uint32_t *weights, size_t n, uint64_t minimum, uint64_t maximum,
		   struct hdl_ring_entry *ret_ring, uint32_t *ret_count)
{
	uint64_t room = hdl_ring_room(weights, n, minimum, maximum), count = 0;
	double sum, scale, target = 0;

	if (n == 0 || minimum == 0 || maximum == 0 || maximum > HDL_RING_MAX)
		return -EINVAL;
	for (size_t i = 0; weights && i < n; i++)
		if (weights[i] == 0)
			return -EINVAL;
	scale = scale_of(weights, n, minimum, maximum, &sum);
	for (size_t i = 0; i < n; i++) {
		target += scale * (weight_of(weights, i) / sum);
		for (uint64_t k = 0; (double)count < target && count < room; k++) {
			char key[KEY_MAX];
			int length = snprintf(key, sizeof(key), "%s_%llu", keys[i], (unsigned long long)k);

			if (length < 0 || (size_t)length >= sizeof(key))
				return -EINVAL;
			ret_ring[count++] = (struct hdl_ring_entry){
				.hash = hdl_hash64(key, (size_t)length, 0),
				.endpoint = (uint32_t)i,
			};
		}
	}
	qsort(ret_ring, count, sizeof(*ret_ring), by_hash);
	*ret_count = (uint32_t)count;
	return 0;
}
