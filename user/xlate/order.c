/* SPDX-License-Identifier: Apache-2.0 */
/* A sorted list of objects: changes are collected, sorted and merged in. */
#include "xlate/order.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ir/generation.h"

void hdl_xl_order_done(struct hdl_xl_order *order)
{
	hdl_ir_free(order->entry);
	hdl_ir_free(order->change);
	hdl_ir_free(order->pending);
	*order = (struct hdl_xl_order){ 0 };
}

int hdl_xl_order_set(struct hdl_xl_order *order, struct hdl_xl_place at, void *gone, void *come)
{
	if (order->pending_n == order->pending_capacity) {
		size_t capacity = order->pending_capacity ? 2 * order->pending_capacity : 8;
		struct hdl_xl_pending *more = hdl_ir_realloc(order->pending, capacity, sizeof(*more));

		if (!more)
			return -ENOMEM;
		order->pending = more;
		order->pending_capacity = capacity;
	}
	order->pending[order->pending_n] = (struct hdl_xl_pending){ at, gone, come, order->pending_n };
	order->pending_n++;
	return 0;
}

static int compare_places(const struct hdl_xl_place *a, const struct hdl_xl_place *b)
{
	if (a->name) {
		int r = strcmp(a->name, b->name);

		return r ? r : strcmp(a->client, b->client);
	}
	if (a->label != b->label)
		return a->label < b->label ? -1 : 1;
	return a->place < b->place ? -1 : a->place > b->place;
}

static int compare_pending(const void *a, const void *b)
{
	const struct hdl_xl_pending *x = a, *y = b;
	int r = compare_places(&x->at, &y->at);

	return r ? r : x->serial < y->serial ? -1 : 1;
}

/* First entry that is not before at. */
static size_t find(const struct hdl_xl_order *order, size_t from, const struct hdl_xl_place *at)
{
	size_t low = from, high = order->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_places(&order->entry[middle].at, at) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* What is at the place of the i-th pending change after all of them for it; *ret_next: the first for another place. */
static void *outcome(const struct hdl_xl_order *order, size_t i, void *before, struct hdl_xl_place *ret_at,
		     size_t *ret_next)
{
	const struct hdl_xl_place at = order->pending[i].at;
	void *now = before;

	*ret_at = at;
	for (; i < order->pending_n && compare_places(&order->pending[i].at, &at) == 0; i++) {
		const struct hdl_xl_pending *p = &order->pending[i];

		if (p->gone && p->gone == now)
			now = NULL;
		if (p->come) {
			now = p->come;
			*ret_at = p->at; /* with the name that is of the object */
		}
	}
	*ret_next = i;
	return now;
}

/* What changes, and how much longer the list gets. */
static long note_changes(struct hdl_xl_order *order)
{
	long longer = 0;
	size_t at = 0;

	for (size_t i = 0; i < order->pending_n;) {
		struct hdl_xl_place place;
		void *before = NULL, *after;

		at = find(order, at, &order->pending[i].at);
		if (at < order->n && compare_places(&order->entry[at].at, &order->pending[i].at) == 0)
			before = order->entry[at].object;
		after = outcome(order, i, before, &place, &i);
		if (before != after)
			order->change[order->changes++] = (struct hdl_xl_change){ place, before, after };
		longer += (after != NULL) - (before != NULL);
	}
	return longer;
}

static bool replaces_only(const struct hdl_xl_order *order)
{
	for (size_t i = 0; i < order->changes; i++)
		if (!order->change[i].before || !order->change[i].after)
			return false;
	return true;
}

static void replace(struct hdl_xl_order *order)
{
	size_t at = 0;

	for (size_t i = 0; i < order->changes; i++) {
		at = find(order, at, &order->change[i].at);
		order->entry[at] = (struct hdl_xl_entry){ order->change[i].at, order->change[i].after };
	}
}

static int merge(struct hdl_xl_order *order, size_t n)
{
	struct hdl_xl_entry *entry = hdl_ir_alloc(n, sizeof(*entry));
	size_t from = 0, to = 0;

	if (!entry)
		return -ENOMEM;
	for (size_t i = 0; i < order->changes; i++) {
		const struct hdl_xl_change *c = &order->change[i];
		size_t at = find(order, from, &c->at);

		if (at > from)
			memcpy(&entry[to], &order->entry[from], (at - from) * sizeof(*entry));
		to += at - from;
		from = at + (c->before != NULL);
		if (c->after)
			entry[to++] = (struct hdl_xl_entry){ c->at, c->after };
	}
	if (order->n > from)
		memcpy(&entry[to], &order->entry[from], (order->n - from) * sizeof(*entry));
	hdl_ir_free(order->entry);
	order->entry = entry;
	order->n = n;
	return 0;
}

int hdl_xl_order_commit(struct hdl_xl_order *order)
{
	long longer;
	int r = 0;

	hdl_ir_free(order->change);
	order->change = NULL;
	order->changes = 0;
	if (order->pending_n == 0)
		return 0;
	qsort(order->pending, order->pending_n, sizeof(*order->pending), compare_pending);
	order->change = hdl_ir_alloc(order->pending_n, sizeof(*order->change));
	if (!order->change)
		return -ENOMEM;
	longer = note_changes(order);
	if (longer == 0 && replaces_only(order))
		replace(order);
	else
		r = merge(order, (size_t)((long)order->n + longer));
	hdl_ir_free(order->pending);
	order->pending = NULL;
	order->pending_n = order->pending_capacity = 0;
	return r;
}
