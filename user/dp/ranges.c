/* SPDX-License-Identifier: Apache-2.0 */
/* Gaps of an array as a treap by offset in which each node knows the largest gap below it. */
#include "dp/ranges.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct hdl_ranges_node {
	uint32_t offset, count;
	uint32_t largest; /* of this subtree */
	uint32_t priority;
	uint32_t left, right;
};

/* n ranges in use leave at most n + 1 gaps; so much must be there before a range is given, for free() not to fail. */
static int reserve_nodes(struct hdl_ranges *ranges)
{
	uint32_t need = ranges->allocated + 4, capacity = ranges->capacity;
	struct hdl_ranges_node *nodes;

	if (need <= capacity)
		return 0;
	while (capacity < need)
		capacity = capacity ? capacity * 2 : 64;
	nodes = realloc(ranges->nodes, capacity * sizeof(*nodes));
	if (!nodes)
		return -ENOMEM;
	ranges->nodes = nodes;
	ranges->capacity = capacity;
	return 0;
}

static uint32_t node_new(struct hdl_ranges *ranges, uint32_t offset, uint32_t count)
{
	uint32_t i = ranges->spare, priority;

	if (i)
		ranges->spare = ranges->nodes[i].left;
	else
		i = ranges->used_nodes++;
	/* Any mixing of the offset does: nobody chooses offsets to unbalance the tree. */
	priority = offset * 0x9e3779b1u;
	priority ^= priority >> 15;
	priority *= 0x85ebca77u;
	ranges->nodes[i] = (struct hdl_ranges_node){
		.offset = offset, .count = count, .largest = count, .priority = priority ^ priority >> 13
	};
	return i;
}

static void node_drop(struct hdl_ranges *ranges, uint32_t i)
{
	ranges->nodes[i].left = ranges->spare;
	ranges->spare = i;
}

static void node_pull(struct hdl_ranges *ranges, uint32_t i)
{
	struct hdl_ranges_node *node = &ranges->nodes[i];
	uint32_t left = ranges->nodes[node->left].largest, right = ranges->nodes[node->right].largest;

	node->largest = node->count;
	if (left > node->largest)
		node->largest = left;
	if (right > node->largest)
		node->largest = right;
}

/* Parts the tree into gaps below offset and the rest. */
static void tree_split(struct hdl_ranges *ranges, uint32_t tree, uint32_t offset, uint32_t *ret_low, uint32_t *ret_high)
{
	uint32_t rest;

	if (tree == 0) {
		*ret_low = *ret_high = 0;
		return;
	}
	if (ranges->nodes[tree].offset < offset) {
		tree_split(ranges, ranges->nodes[tree].right, offset, &rest, ret_high);
		ranges->nodes[tree].right = rest;
		*ret_low = tree;
	} else {
		tree_split(ranges, ranges->nodes[tree].left, offset, ret_low, &rest);
		ranges->nodes[tree].left = rest;
		*ret_high = tree;
	}
	node_pull(ranges, tree);
}

static uint32_t tree_join(struct hdl_ranges *ranges, uint32_t low, uint32_t high)
{
	if (low == 0 || high == 0)
		return low ? low : high;
	if (ranges->nodes[low].priority > ranges->nodes[high].priority) {
		ranges->nodes[low].right = tree_join(ranges, ranges->nodes[low].right, high);
		node_pull(ranges, low);
		return low;
	}
	ranges->nodes[high].left = tree_join(ranges, low, ranges->nodes[high].left);
	node_pull(ranges, high);
	return high;
}

static void tree_insert(struct hdl_ranges *ranges, uint32_t offset, uint32_t count)
{
	uint32_t low, high;

	if (count == 0)
		return;
	tree_split(ranges, ranges->root, offset, &low, &high);
	ranges->root = tree_join(ranges, tree_join(ranges, low, node_new(ranges, offset, count)), high);
}

/* Takes out the gap that begins at offset. */
static void tree_remove(struct hdl_ranges *ranges, uint32_t offset)
{
	uint32_t low, middle, high;

	tree_split(ranges, ranges->root, offset, &low, &high);
	tree_split(ranges, high, offset + 1, &middle, &high);
	node_drop(ranges, middle);
	ranges->root = tree_join(ranges, low, high);
}

int hdl_ranges_init(struct hdl_ranges *ranges, uint32_t total)
{
	*ranges = (struct hdl_ranges){ .total = total, .free = total, .used_nodes = 1 };
	if (reserve_nodes(ranges) < 0)
		return -ENOMEM;
	ranges->nodes[0] = (struct hdl_ranges_node){ .largest = 0 };
	tree_insert(ranges, 0, total);
	return 0;
}

void hdl_ranges_done(struct hdl_ranges *ranges)
{
	free(ranges->nodes);
	*ranges = (struct hdl_ranges){ .total = 0 };
}

int hdl_ranges_alloc(struct hdl_ranges *ranges, uint32_t count, struct hdl_range *ret)
{
	uint32_t i = ranges->root, offset, size;

	if (count == 0 || ranges->nodes[i].largest < count)
		return -ENOSPC;
	if (reserve_nodes(ranges) < 0)
		return -ENOMEM;
	for (;;) {
		const struct hdl_ranges_node *node = &ranges->nodes[i];

		if (ranges->nodes[node->left].largest >= count)
			i = node->left;
		else if (node->count >= count)
			break;
		else
			i = node->right;
	}
	offset = ranges->nodes[i].offset;
	size = ranges->nodes[i].count;
	tree_remove(ranges, offset);
	tree_insert(ranges, offset + count, size - count);
	ranges->free -= count;
	ranges->allocated++;
	*ret = (struct hdl_range){ .offset = offset, .count = count };
	return 0;
}

/* The last gap that begins at or before offset; 0 = none. */
static uint32_t gap_before(const struct hdl_ranges *ranges, uint32_t offset)
{
	uint32_t i = ranges->root, found = 0;

	while (i) {
		if (ranges->nodes[i].offset <= offset) {
			found = i;
			i = ranges->nodes[i].right;
		} else {
			i = ranges->nodes[i].left;
		}
	}
	return found;
}

int hdl_ranges_reserve(struct hdl_ranges *ranges, struct hdl_range range)
{
	uint64_t end = (uint64_t)range.offset + range.count;
	uint32_t gap, gap_offset, gap_count;

	if (range.count == 0 || end > ranges->total)
		return -ERANGE;
	if (reserve_nodes(ranges) < 0)
		return -ENOMEM;
	gap = gap_before(ranges, range.offset);
	if (gap == 0 || (uint64_t)ranges->nodes[gap].offset + ranges->nodes[gap].count < end)
		return -EEXIST;
	gap_offset = ranges->nodes[gap].offset;
	gap_count = ranges->nodes[gap].count;
	tree_remove(ranges, gap_offset);
	tree_insert(ranges, gap_offset, range.offset - gap_offset);
	tree_insert(ranges, (uint32_t)end, (uint32_t)(gap_offset + gap_count - end));
	ranges->free -= range.count;
	ranges->allocated++;
	return 0;
}

void hdl_ranges_free(struct hdl_ranges *ranges, struct hdl_range range)
{
	uint32_t offset = range.offset, count = range.count, gap;

	if (count == 0)
		return;
	gap = gap_before(ranges, offset);
	if (gap && ranges->nodes[gap].offset + ranges->nodes[gap].count == offset) {
		offset = ranges->nodes[gap].offset;
		count += ranges->nodes[gap].count;
		tree_remove(ranges, offset);
	}
	gap = gap_before(ranges, offset + count);
	if (gap && ranges->nodes[gap].offset == offset + count) {
		uint32_t next = offset + count;

		count += ranges->nodes[gap].count;
		tree_remove(ranges, next);
	}
	tree_insert(ranges, offset, count);
	ranges->free += range.count;
	ranges->allocated--;
}
