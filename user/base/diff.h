/* SPDX-License-Identifier: Apache-2.0 */
/* What is in one array of pointers and not in another, for arrays that are mostly equal and in nearly the same order. */
#ifndef HDL_BASE_DIFF_H
#define HDL_BASE_DIFF_H

#include <stddef.h>
#include "base/arena.h"

struct hdl_diff {
	void **gone, **came;
	size_t gone_count, came_count;
};

/*
 * Each pointer is in an array at most once. All that is only in `from` is gone, all that is only in `to` came; what
 * changed its place may be in both. Lists in the arena, as long as the difference. 0 or -ENOMEM.
 */
int hdl_diff_make(struct hdl_arena *arena, void *const *from, size_t from_count, void *const *to, size_t to_count,
		  struct hdl_diff *ret);

#endif
