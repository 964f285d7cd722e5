/* SPDX-License-Identifier: Apache-2.0 */
/* Hash index over an array of things that have an object's identity. */
#ifndef HDL_MODEL_INDEX_H
#define HDL_MODEL_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "model/resource.h"

/* Open addressing; slots hold the index of an element plus 1. The elements are the caller's. */
struct hdl_index {
	uint32_t *slot;
	size_t slots; /* power of two, at least twice n */
	size_t n;
};

typedef struct hdl_object_id hdl_index_id_fn(const void *base, uint32_t i);

void hdl_index_done(struct hdl_index *index);
/* Room for n elements in all. 0 or -ENOMEM. */
int hdl_index_reserve(struct hdl_index *index, size_t n, hdl_index_id_fn *id_of, const void *base);
/* Index of the element with that identity, or -1. */
int64_t hdl_index_find(const struct hdl_index *index, struct hdl_object_id id, hdl_index_id_fn *id_of,
		       const void *base);
/* Room must be reserved, and no element of that identity be there. */
void hdl_index_add(struct hdl_index *index, uint32_t i, hdl_index_id_fn *id_of, const void *base);

#endif
