/* SPDX-License-Identifier: Apache-2.0 */
/* Life of a snapshot. */
#include "ir/snapshot.h"

#include <errno.h>
#include <stdlib.h>

#include "ir/generation.h"

struct hdl_snapshot_cleanup {
	struct hdl_snapshot_cleanup *next;
	void *object;
	void (*free_object)(void *object);
};

struct hdl_snapshot *hdl_snapshot_new(void)
{
	return hdl_snapshot_new_bounded(0);
}

struct hdl_snapshot *hdl_snapshot_new_bounded(size_t bytes_max)
{
	struct hdl_snapshot *snapshot = calloc(1, sizeof(*snapshot));

	if (!snapshot)
		return NULL;
	snapshot->arena = hdl_arena_new(bytes_max);
	if (!snapshot->arena) {
		free(snapshot);
		return NULL;
	}
	atomic_init(&snapshot->references, 1);
	return snapshot;
}

struct hdl_snapshot *hdl_snapshot_ref(struct hdl_snapshot *snapshot)
{
	atomic_fetch_add_explicit(&snapshot->references, 1, memory_order_relaxed);
	return snapshot;
}

struct hdl_snapshot *hdl_snapshot_unref(struct hdl_snapshot *snapshot)
{
	/* release: what this thread read must not move past its leave; acquire: the last one sees what all did */
	if (!snapshot || atomic_fetch_sub_explicit(&snapshot->references, 1, memory_order_acq_rel) != 1)
		return NULL;
	/* the newest first: a later object may point to an earlier one */
	for (struct hdl_snapshot_cleanup *c = snapshot->cleanups; c; c = c->next)
		c->free_object(c->object);
	hdl_arena_free(snapshot->arena);
	hdl_ir_generation_unref(snapshot->shared);
	free(snapshot);
	return NULL;
}

static int own(struct hdl_snapshot *snapshot, void *object, void (*free_object)(void *object))
{
	struct hdl_snapshot_cleanup *c = hdl_arena_alloc(snapshot->arena, sizeof(*c));

	if (!c)
		return -ENOMEM;
	*c = (struct hdl_snapshot_cleanup){ .next = snapshot->cleanups, .object = object, .free_object = free_object };
	snapshot->cleanups = c;
	return 0;
}

int hdl_snapshot_own(struct hdl_snapshot *snapshot, void *object, void (*free_object)(void *object))
{
	int r = own(snapshot, object, free_object);

	if (r < 0)
		free_object(object);
	return r;
}

/* What is to be freed with the last of a chain of snapshots. */
struct owned {
	struct hdl_ir_retired retired;
	void *object;
	void (*free_object)(void *object);
};

static void free_owned(struct hdl_ir_retired *retired)
{
	struct owned *owned = (struct owned *)retired;

	owned->free_object(owned->object);
	hdl_ir_free(owned);
}

int hdl_snapshot_retire(struct hdl_snapshot *snapshot, void *object, void (*free_object)(void *object))
{
	struct owned *owned;

	if (!snapshot->shared)
		return own(snapshot, object, free_object);
	owned = hdl_ir_alloc(1, sizeof(*owned));
	if (!owned)
		return -ENOMEM;
	owned->object = object;
	owned->free_object = free_object;
	hdl_ir_generation_retire(snapshot->shared, &owned->retired, free_owned);
	return 0;
}
