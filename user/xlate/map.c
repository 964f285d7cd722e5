/* SPDX-License-Identifier: Apache-2.0 */
/* Open addressing, at most half full, nothing is ever removed. */
#include "xlate/map.h"

#include <errno.h>
#include <string.h>

#include "base/hash.h"

static struct hdl_xl_map_entry *find(const struct hdl_xl_map *map, const char *key, size_t n)
{
	size_t at = hdl_hash64(key, n, hdl_hash_process_seed()) & (map->slots - 1);

	while (map->slot[at].key && (strncmp(map->slot[at].key, key, n) != 0 || map->slot[at].key[n] != '\0'))
		at = (at + 1) & (map->slots - 1);
	return &map->slot[at];
}

void *hdl_xl_map_getn(const struct hdl_xl_map *map, const char *key, size_t n)
{
	return map->n ? find(map, key, n)->value : NULL;
}

void *hdl_xl_map_get(const struct hdl_xl_map *map, const char *key)
{
	return hdl_xl_map_getn(map, key, strlen(key));
}

static int grow(struct hdl_xl_map *map, struct hdl_arena *arena)
{
	struct hdl_xl_map larger = { .n = map->n, .slots = map->slots ? map->slots * 4 : 16 };

	larger.slot = hdl_arena_calloc(arena, larger.slots, sizeof(*larger.slot));
	if (!larger.slot)
		return -ENOMEM;
	for (size_t i = 0; i < map->slots; i++)
		if (map->slot[i].key)
			*find(&larger, map->slot[i].key, strlen(map->slot[i].key)) = map->slot[i];
	*map = larger;
	return 0;
}

int hdl_xl_map_put(struct hdl_xl_map *map, struct hdl_arena *arena, const char *key, void *value)
{
	struct hdl_xl_map_entry *entry;

	if ((map->n + 1) * 2 > map->slots && grow(map, arena) < 0)
		return -ENOMEM;
	entry = find(map, key, strlen(key));
	map->n += !entry->key;
	*entry = (struct hdl_xl_map_entry){ .key = key, .value = value };
	return 0;
}
