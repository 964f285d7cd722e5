/* SPDX-License-Identifier: Apache-2.0 */
/* Region allocator: a list of blocks that grow, handed out from the front and freed together. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif
#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define POISON(p, n) __asan_poison_memory_region((p), (n))
#define UNPOISON(p, n) __asan_unpoison_memory_region((p), (n))
#define GUARD_BYTES 16 /* between objects, so that AddressSanitizer sees an overrun */
#define TEXT_ALIGNMENT ALIGNMENT
#else
#define POISON(p, n) ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#define GUARD_BYTES 0
#define TEXT_ALIGNMENT 1u
#endif

#define ALIGNMENT 8u
#define FIRST_BLOCK_BYTES 4096u
#define BLOCK_BYTES_MIN 512u
#define LOOK_BACK_BLOCKS 4             /* that are looked into for room before there is a new one */
#define MAX_BLOCK_BYTES (1024u * 1024) /* blocks double up to this; larger objects get a block of their own */

/* Objects are taken from the front, texts from the end, where they need no alignment. */
struct block {
	struct block *next;
	size_t capacity, used, end; /* free: from used to end */
	_Alignas(ALIGNMENT) char data[];
};

struct hdl_arena {
	struct block *first;   /* kept by reset */
	struct block *current; /* the one that objects are taken from */
	size_t limit_bytes;
	size_t used_bytes; /* handed out, rounded up: what the limit counts */
	size_t next_block_bytes;
	bool small; /* blocks do not grow */
	bool limit_met;
};

static struct block *block_new(size_t capacity)
{
	struct block *b;

	if (capacity > SIZE_MAX - sizeof(*b))
		return NULL;
	b = malloc(sizeof(*b) + capacity);
	if (!b)
		return NULL;
	b->next = NULL;
	b->capacity = b->end = capacity;
	b->used = 0;
	POISON(b->data, capacity);
	return b;
}

static void blocks_free(struct block *b)
{
	while (b) {
		struct block *next = b->next;

		UNPOISON(b->data, b->capacity);
		free(b);
		b = next;
	}
}

struct hdl_arena *hdl_arena_new(size_t limit_bytes)
{
	struct hdl_arena *arena = calloc(1, sizeof(*arena));

	if (!arena)
		return NULL;
	arena->limit_bytes = limit_bytes ? limit_bytes : SIZE_MAX;
	arena->next_block_bytes = FIRST_BLOCK_BYTES;
	return arena;
}

struct hdl_arena *hdl_arena_new_small(size_t limit_bytes, size_t block_bytes)
{
	struct hdl_arena *arena = hdl_arena_new(limit_bytes);

	if (!arena)
		return NULL;
	arena->small = true;
	/* together with what malloc() puts before it */
	arena->next_block_bytes = (block_bytes < BLOCK_BYTES_MIN ? BLOCK_BYTES_MIN : block_bytes) -
				  sizeof(struct block) - 2 * sizeof(size_t);
	return arena;
}

struct hdl_arena *hdl_arena_free(struct hdl_arena *arena)
{
	if (arena) {
		blocks_free(arena->first);
		free(arena);
	}
	return NULL;
}

void hdl_arena_reset(struct hdl_arena *arena)
{
	struct block *first = arena->first;

	arena->used_bytes = 0;
	arena->limit_met = false;
	if (!arena->small)
		arena->next_block_bytes = FIRST_BLOCK_BYTES;
	arena->current = first;
	if (!first)
		return;
	blocks_free(first->next);
	first->next = NULL;
	first->used = 0;
	first->end = first->capacity;
	POISON(first->data, first->capacity);
	/* a huge first object must not stay with an arena that is reused for small ones */
	if (first->capacity > MAX_BLOCK_BYTES) {
		blocks_free(first);
		arena->first = arena->current = NULL;
	}
}

static size_t room(const struct block *b)
{
	return b ? b->end - b->used : 0;
}

/* The current block, or one of the newest, with room for size bytes. NULL: none has it. */
static struct block *find(const struct hdl_arena *arena, size_t size)
{
	struct block *b = arena->first;

	if (room(arena->current) >= size)
		return arena->current;
	for (int i = 0; b && i < LOOK_BACK_BLOCKS; i++, b = b->next)
		if (room(b) >= size)
			return b;
	return NULL;
}

/* A new block with room for size bytes. NULL when out of memory. */
static struct block *grow(struct hdl_arena *arena, size_t size)
{
	size_t capacity = arena->next_block_bytes;
	struct block *b;

	if (capacity < size)
		capacity = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
	b = block_new(capacity);
	if (!b)
		return NULL;
	if (arena->first) {
		b->next = arena->first->next;
		arena->first->next = b;
	} else {
		arena->first = b;
	}
	if (!arena->small && arena->next_block_bytes < MAX_BLOCK_BYTES)
		arena->next_block_bytes *= 2;
	return b;
}

/* Not zeroed. */
static void *take(struct hdl_arena *arena, size_t size, size_t alignment)
{
	size_t rounded, space;
	struct block *b;
	void *p;

	if (size == 0)
		size = 1; /* every object has an address of its own */
	if (size > SIZE_MAX / 2)
		return NULL;
	rounded = (size + alignment - 1) & ~(alignment - 1);
	space = rounded + GUARD_BYTES;
	if (rounded > arena->limit_bytes - arena->used_bytes) {
		arena->limit_met = true;
		return NULL;
	}
	b = find(arena, space);
	if (!b)
		b = grow(arena, space);
	if (!b)
		return NULL;
	if (alignment == ALIGNMENT) {
		p = b->data + b->used;
		b->used += space;
	} else {
		b->end -= space;
		p = b->data + b->end;
	}
	/* what was too large for the rest of a block leaves it to smaller ones, unless its own has more */
	if (b != arena->current && room(b) >= room(arena->current))
		arena->current = b;
	arena->used_bytes += rounded;
	UNPOISON(p, size);
	return p;
}

void *hdl_arena_alloc(struct hdl_arena *arena, size_t size_bytes)
{
	void *p = take(arena, size_bytes, ALIGNMENT);

	if (p)
		memset(p, 0, size_bytes);
	return p;
}

void *hdl_arena_calloc(struct hdl_arena *arena, size_t n, size_t size_bytes)
{
	size_t total;

	if (__builtin_mul_overflow(n, size_bytes, &total))
		return NULL;
	return hdl_arena_alloc(arena, total);
}

char *hdl_arena_strndup(struct hdl_arena *arena, const char *s, size_t n)
{
	char *copy;

	if (n == SIZE_MAX)
		return NULL;
	copy = take(arena, n + 1, TEXT_ALIGNMENT);
	if (!copy)
		return NULL;
	if (n)
		memcpy(copy, s, n);
	copy[n] = '\0';
	return copy;
}

char *hdl_arena_strdup(struct hdl_arena *arena, const char *s)
{
	return hdl_arena_strndup(arena, s, strlen(s));
}

char *hdl_arena_printf(struct hdl_arena *arena, const char *fmt, ...)
{
	va_list ap, again;
	char *text = NULL;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	if (n >= 0)
		text = take(arena, (size_t)n + 1, TEXT_ALIGNMENT);
	if (text)
		vsnprintf(text, (size_t)n + 1, fmt, again);
	va_end(again);
	va_end(ap);
	return text;
}

size_t hdl_arena_used_bytes(const struct hdl_arena *arena)
{
	return arena->used_bytes;
}

bool hdl_arena_limit_met(const struct hdl_arena *arena)
{
	return arena->limit_met;
}
