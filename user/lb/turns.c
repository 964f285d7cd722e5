/* SPDX-License-Identifier: Apache-2.0 */
/* Interleaves endpoints by weight: the next is the one whose deadline, turns so far over weight, comes first. */
#include "lb/turns.h"

#include <errno.h>
#include <stdlib.h>

/* One endpoint in the heap of deadlines. */
struct entry {
	uint32_t index, weight;
	uint32_t turn;  /* the deadline is turn / weight */
	uint32_t order; /* of insertion: the first of equals */
};

static uint32_t common(uint32_t a, uint32_t b)
{
	while (b) {
		uint32_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* What all weights have in common, and their sum divided by it. */
static uint64_t reduce(const uint32_t *weights, size_t n, uint32_t *ret_common)
{
	uint64_t sum = 0;

	*ret_common = 0;
	for (size_t i = 0; i < n; i++) {
		*ret_common = common(weights[i], *ret_common);
		sum += weights[i];
	}
	return *ret_common ? sum / *ret_common : 0;
}

uint32_t hdl_turns_count(const uint32_t *weights, size_t n, uint32_t max, bool *ret_scaled)
{
	uint32_t divisor;
	uint64_t sum = reduce(weights, n, &divisor);

	*ret_scaled = false;
	if (sum == n)
		return 0;
	*ret_scaled = sum > max;
	return sum > max ? max : (uint32_t)sum;
}

struct rest {
	uint64_t rest;
	uint32_t index;
};

static int by_rest(const void *a, const void *b)
{
	const struct rest *ra = a, *rb = b;

	if (ra->rest != rb->rest)
		return ra->rest > rb->rest ? -1 : 1;
	return (ra->index > rb->index) - (ra->index < rb->index);
}

/* One turn for each, and the others in proportion to the weights, by largest remainder. */
static int scale(struct entry *entries, const uint32_t *weights, size_t n, uint32_t max)
{
	struct rest *rests = calloc(n, sizeof(*rests));
	uint64_t sum = 0, given = 0, left = max - n;

	if (!rests)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		sum += weights[i];
	for (size_t i = 0; i < n; i++) {
		entries[i].weight = 1 + (uint32_t)(weights[i] * left / sum);
		rests[i] = (struct rest){ weights[i] * left % sum, (uint32_t)i };
		given += entries[i].weight;
	}
	qsort(rests, n, sizeof(*rests), by_rest);
	for (size_t i = 0; given < max; i++, given++)
		entries[rests[i].index].weight++;
	free(rests);
	return 0;
}

static bool comes_before(const struct entry *a, const struct entry *b)
{
	uint64_t da = (uint64_t)a->turn * b->weight, db = (uint64_t)b->turn * a->weight;

	return da != db ? da < db : a->order < b->order;
}

static void sift(struct entry *heap, size_t n, size_t at)
{
	for (;;) {
		size_t least = at, child = 2 * at + 1;
		struct entry held = heap[at];

		if (child < n && comes_before(&heap[child], &heap[least]))
			least = child;
		if (child + 1 < n && comes_before(&heap[child + 1], &heap[least]))
			least = child + 1;
		if (least == at)
			return;
		heap[at] = heap[least];
		heap[least] = held;
		at = least;
	}
}

int hdl_turns_build(const uint32_t *weights, size_t n, uint32_t max, uint32_t *ret_turns)
{
	struct entry *heap = calloc(n, sizeof(*heap));
	uint32_t divisor, count;
	bool scaled;

	if (!heap)
		return -ENOMEM;
	count = hdl_turns_count(weights, n, max, &scaled);
	reduce(weights, n, &divisor);
	for (size_t i = 0; i < n; i++)
		heap[i] = (struct entry){ (uint32_t)i, weights[i] / divisor, 1, (uint32_t)i };
	if (scaled && scale(heap, weights, n, max) < 0) {
		free(heap);
		return -ENOMEM;
	}
	for (size_t i = n / 2; i-- > 0;)
		sift(heap, n, i);
	for (uint32_t t = 0; t < count; t++) {
		ret_turns[t] = heap[0].index;
		heap[0].turn++;
		heap[0].order = (uint32_t)n + t;
		sift(heap, n, 0);
	}
	free(heap);
	return 0;
}
