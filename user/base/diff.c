/* SPDX-License-Identifier: Apache-2.0 */
/* Walks both arrays, meets again within a small window after each difference, and hashes the rest where it does not. */
#include "base/diff.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW 16

struct walk {
	struct hdl_arena *arena;
	void *const *from, *const *to;
	size_t i, from_end, j, to_end; /* what is still to be compared */
	struct hdl_diff *out;
	size_t gone_capacity, came_capacity;
};

static int push(struct hdl_arena *arena, void ***list, size_t *count, size_t *capacity, void *pointer)
{
	if (*count == *capacity) {
		size_t bigger = *capacity ? *capacity * 2 : 16;
		void **copy = hdl_arena_calloc(arena, bigger, sizeof(*copy));

		if (!copy)
			return -ENOMEM;
		if (*count)
			memcpy(copy, *list, *count * sizeof(*copy));
		*list = copy;
		*capacity = bigger;
	}
	(*list)[(*count)++] = pointer;
	return 0;
}

static int gone(struct walk *w, void *pointer)
{
	return push(w->arena, &w->out->gone, &w->out->gone_count, &w->gone_capacity, pointer);
}

static int came(struct walk *w, void *pointer)
{
	return push(w->arena, &w->out->came, &w->out->came_count, &w->came_capacity, pointer);
}

/* How many of either to leave out until both are equal again; the fewest in all. */
static bool meet(const struct walk *w, size_t *ret_from, size_t *ret_to)
{
	for (size_t apart = 1; apart <= WINDOW; apart++) {
		for (size_t k = 0; k <= apart; k++) {
			size_t i = w->i + k, j = w->j + (apart - k);

			if (i < w->from_end && j < w->to_end && w->from[i] == w->to[j]) {
				*ret_from = k;
				*ret_to = apart - k;
				return true;
			}
		}
	}
	return false;
}

/* 0: all is compared; 1: the rest is too different for the window. */
static int walk(struct walk *w)
{
	while (w->i < w->from_end && w->j < w->to_end) {
		size_t from, to;

		if (w->from[w->i] == w->to[w->j]) {
			w->i++;
			w->j++;
			continue;
		}
		if (!meet(w, &from, &to))
			return 1;
		for (; from > 0; from--)
			if (gone(w, w->from[w->i++]) < 0)
				return -ENOMEM;
		for (; to > 0; to--)
			if (came(w, w->to[w->j++]) < 0)
				return -ENOMEM;
	}
	return 0;
}

static size_t home_of(const void *pointer, size_t mask)
{
	uint64_t hash = (uint64_t)(uintptr_t)pointer * 0x9e3779b97f4a7c15u;

	return (size_t)(hash >> 32) & mask;
}

/* The place in `set` of the pointer, or the empty one where it belongs. */
static size_t place_of(void *const *set, size_t mask, const void *pointer)
{
	size_t at = home_of(pointer, mask);

	while (set[at] && set[at] != pointer)
		at = (at + 1) & mask;
	return at;
}

/* The rest by a set of one side's pointers and a flag for each that the other side has too. */
static int compare_sets(struct walk *w)
{
	size_t size = 8, from_count = w->from_end - w->i;
	bool *both;
	void **set;

	while (size < from_count * 2)
		size *= 2;
	set = hdl_arena_calloc(w->arena, size, sizeof(*set));
	both = hdl_arena_calloc(w->arena, size, sizeof(*both));
	if (!set || !both)
		return -ENOMEM;
	for (size_t i = w->i; i < w->from_end; i++)
		set[place_of(set, size - 1, w->from[i])] = w->from[i];
	for (size_t j = w->j; j < w->to_end; j++) {
		size_t at = place_of(set, size - 1, w->to[j]);

		if (set[at])
			both[at] = true;
		else if (came(w, w->to[j]) < 0)
			return -ENOMEM;
	}
	for (size_t i = w->i; i < w->from_end; i++)
		if (!both[place_of(set, size - 1, w->from[i])] && gone(w, w->from[i]) < 0)
			return -ENOMEM;
	return 0;
}

int hdl_diff_make(struct hdl_arena *arena, void *const *from, size_t from_count, void *const *to, size_t to_count,
		  struct hdl_diff *ret)
{
	struct walk w = {
		.arena = arena, .from = from, .from_end = from_count, .to = to, .to_end = to_count, .out = ret
	};
	int r;

	*ret = (struct hdl_diff){ .gone_count = 0 };
	if (from == to && from_count == to_count)
		return 0;
	while (w.from_end && w.to_end && from[w.from_end - 1] == to[w.to_end - 1]) {
		w.from_end--;
		w.to_end--;
	}
	r = walk(&w);
	if (r < 0 || r == 1)
		return r < 0 ? r : compare_sets(&w);
	while (r == 0 && w.i < w.from_end)
		r = gone(&w, from[w.i++]);
	while (r == 0 && w.j < w.to_end)
		r = came(&w, to[w.j++]);
	return r;
}
