/* SPDX-License-Identifier: Apache-2.0 */
/* Region allocator: objects that die together (a snapshot, a request). Not thread-safe. */
#ifndef HDL_BASE_ARENA_H
#define HDL_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct hdl_arena;

/* limit_bytes bounds what the arena may ever hold (0 = no bound). NULL on out-of-memory. */
struct hdl_arena *hdl_arena_new(size_t limit_bytes);
/*
 * The same of blocks that take block_bytes each (a larger object has one of its own), where the others double: less is
 * left over in one that stays small.
 */
struct hdl_arena *hdl_arena_new_small(size_t limit_bytes, size_t block_bytes);
/* Frees everything at once. Accepts NULL. Returns NULL. */
struct hdl_arena *hdl_arena_free(struct hdl_arena *arena);
/* Forgets all objects but keeps the first block, for reuse by the next request. */
void hdl_arena_reset(struct hdl_arena *arena);
/* Zeroed, aligned for all but 16-byte types. NULL when out of memory or over the limit. */
void *hdl_arena_alloc(struct hdl_arena *arena, size_t size_bytes);
/* n * size, checked for overflow. */
void *hdl_arena_calloc(struct hdl_arena *arena, size_t n, size_t size_bytes);
char *hdl_arena_strdup(struct hdl_arena *arena, const char *s);
/* Copies n bytes and appends a NUL. */
char *hdl_arena_strndup(struct hdl_arena *arena, const char *s, size_t n);
char *hdl_arena_printf(struct hdl_arena *arena, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
size_t hdl_arena_used_bytes(const struct hdl_arena *arena);
/* Some object did not fit under limit_bytes: what tells that from memory being out. */
bool hdl_arena_limit_met(const struct hdl_arena *arena);

#endif
