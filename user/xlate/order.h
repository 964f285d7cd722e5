/* SPDX-License-Identifier: Apache-2.0 */
/* A sorted list of objects that is changed by many small changes at once. */
#ifndef HDL_XLATE_ORDER_H
#define HDL_XLATE_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hdl_xl_place {
	const char *name;   /* sorted by this, then by client; NULL: by the numbers */
	const char *client; /* with name */
	uint64_t label;
	uint32_t place;
};

struct hdl_xl_entry {
	struct hdl_xl_place at;
	void *object;
};

struct hdl_xl_change {
	struct hdl_xl_place at;
	void *before, *after; /* NULL: none; never equal */
};

/* All zero is an empty one. Names live as long as the objects. */
struct hdl_xl_order {
	struct hdl_xl_entry *entry;
	size_t n;
	struct hdl_xl_change *change; /* of the last commit */
	size_t changes;
	struct hdl_xl_pending {
		struct hdl_xl_place at;
		void *gone, *come;
		size_t serial;
	} * pending;
	size_t pending_n, pending_capacity;
};

void hdl_xl_order_done(struct hdl_xl_order *order);
/*
 * From the next commit on gone is not at this place any more, unless another is there anyway, and come is; either may
 * be NULL. Of several for one place the last that came has it. 0 or -ENOMEM.
 */
int hdl_xl_order_set(struct hdl_xl_order *order, struct hdl_xl_place at, void *gone, void *come);
/* 0 or -ENOMEM, then the order is to be given up. */
int hdl_xl_order_commit(struct hdl_xl_order *order);

#endif
