/* SPDX-License-Identifier: Apache-2.0 */
/* Puts the parts of a comparison together. */
#include "plan/preview.h"

#include <errno.h>
#include <stdlib.h>
#include "plan/priv.h"

void *hdl_preview_row(struct hdl_preview *preview, void **rows, size_t *n, size_t size, int *ret_r)
{
	void *more;

	*ret_r = 0;
	if (*n == HDL_PREVIEW_ROWS_MAX) {
		preview->not_kept++;
		return NULL;
	}
	/* grows by doubling: a power of two is full */
	if ((*n & (*n - 1)) == 0) {
		more = reallocarray(*rows, *n ? *n * 2 : 1, size);
		if (!more) {
			*ret_r = -ENOMEM;
			return NULL;
		}
		*rows = more;
	}
	return (char *)*rows + (*n)++ * size;
}

static void drop_moved(struct hdl_object_changes *changes)
{
	size_t kept = 0;

	for (size_t i = 0; i < changes->n; i++)
		if (!changes->at[i].moved)
			changes->at[kept++] = changes->at[i];
	changes->n = kept;
}

static void sides_done(struct hdl_preview_sides *sides)
{
	hdl_preview_index_done(&sides->before);
	hdl_preview_index_done(&sides->after);
}

static int sides_make(struct hdl_arena *arena, const struct hdl_snapshot *before, const struct hdl_snapshot *after,
		      struct hdl_preview_sides *ret)
{
	int r = hdl_preview_index_make(before, &ret->before);

	if (r == 0)
		r = hdl_preview_index_make(after, &ret->after);
	if (r == 0)
		r = hdl_preview_viewpoints(arena, before, after, &ret->before_views, &ret->before_view_count);
	if (r == 0)
		r = hdl_preview_viewpoints(arena, after, before, &ret->after_views, &ret->after_view_count);
	return r;
}

int hdl_preview_make(const struct hdl_preview_side *before, const struct hdl_preview_side *after,
		     struct hdl_preview **ret)
{
	struct hdl_preview *preview = calloc(1, sizeof(*preview));
	struct hdl_preview_sides sides = { 0 };
	int r = -ENOMEM;

	if (!preview)
		return r;
	preview->arena = hdl_arena_new(0);
	if (preview->arena)
		r = hdl_resources_compare(before->resources, before->n, after->resources, after->n, &preview->objects);
	if (r == 0)
		drop_moved(&preview->objects);
	if (r == 0)
		r = sides_make(preview->arena, before->snapshot, after->snapshot, &sides);
	if (r == 0)
		r = hdl_preview_routes(preview, &sides);
	if (r == 0)
		r = hdl_preview_ports(preview, &sides);
	if (r == 0)
		r = hdl_preview_hashes(preview, &sides);
	sides_done(&sides);
	if (r < 0)
		hdl_preview_free(preview);
	else
		*ret = preview;
	return r;
}

struct hdl_preview *hdl_preview_free(struct hdl_preview *preview)
{
	if (!preview)
		return NULL;
	hdl_object_changes_done(&preview->objects);
	free(preview->route);
	free(preview->port);
	free(preview->hash);
	hdl_arena_free(preview->arena);
	free(preview);
	return NULL;
}

bool hdl_preview_is_empty(const struct hdl_preview *preview)
{
	return !preview->objects.n && !preview->route_count && !preview->port_count && !preview->hash_count &&
	       !preview->not_kept;
}
