/* SPDX-License-Identifier: Apache-2.0 */
/* Hash map from text to pointer for the time of one translation. */
#ifndef HDL_XLATE_MAP_H
#define HDL_XLATE_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

struct hdl_xl_map_entry {
	const char *key; /* NULL: empty */
	void *value;
};

/* All zero is an empty map. Memory is the arena's; old tables stay there until it goes. */
struct hdl_xl_map {
	struct hdl_xl_map_entry *slot;
	size_t n, slots; /* power of two */
};

void *hdl_xl_map_get(const struct hdl_xl_map *map, const char *key);
void *hdl_xl_map_getn(const struct hdl_xl_map *map, const char *key, size_t n);
/* key must live as long as the map. Replaces. 0 or -ENOMEM. */
int hdl_xl_map_put(struct hdl_xl_map *map, struct hdl_arena *arena, const char *key, void *value);

#endif
