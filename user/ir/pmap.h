/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Persistent map from keys to objects, a hash trie: a changed copy shares all but the path to what changed. The key is
 * in the object, or is told by it; the map compares by a function.
 */
#ifndef HDL_IR_PMAP_H
#define HDL_IR_PMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "ir/generation.h"

struct hdl_ir_pmap;

/* Whether entry has this key. */
typedef bool hdl_ir_pmap_equal_fn(const void *entry, const void *key);

/* The entry of that key, NULL: none. Accepts map NULL, which is empty. */
const void *hdl_ir_pmap_get(const struct hdl_ir_pmap *map, uint64_t hash, const void *key, hdl_ir_pmap_equal_fn *equal);

/* Makes the next version of a map; what it replaces goes to the generation of the last one. */
struct hdl_ir_pmap_edit {
	struct hdl_ir_pmap *map; /* so far */
	uint64_t serial;         /* of this edit, larger than that of any before: its own nodes are changed in place */
	struct hdl_ir_generation *generation; /* of the version before; NULL: nothing is replaced that others see */
};

/* Adds or replaces. 0 or -ENOMEM: the map is as it was, or larger; it is to be freed. */
int hdl_ir_pmap_put(struct hdl_ir_pmap_edit *edit, uint64_t hash, const void *key, const void *entry,
		    hdl_ir_pmap_equal_fn *equal);
/* Removes the key if it is there. */
int hdl_ir_pmap_remove(struct hdl_ir_pmap_edit *edit, uint64_t hash, const void *key, hdl_ir_pmap_equal_fn *equal);
/* Frees all nodes at once, or (generation) when those who see the map are gone. Accepts NULL. */
void hdl_ir_pmap_free(struct hdl_ir_pmap *map, struct hdl_ir_generation *generation);

#endif
