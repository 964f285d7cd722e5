/* SPDX-License-Identifier: Apache-2.0 */
/* Which objects differ between two lists of resources, in a time that grows with what differs. */
#ifndef HDL_MODEL_COMPARE_H
#define HDL_MODEL_COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include "model/resource.h"

/* before NULL: added; after NULL: removed; both: changed, or with moved: the same content at another place. */
struct hdl_object_change {
	const struct hdl_resource *before, *after;
	bool moved;
};

/* In the order of the lists: what is there after, then what was removed. All zero is empty. */
struct hdl_object_changes {
	struct hdl_object_change *at;
	size_t n, capacity;
};

/*
 * Lists in creation order (A.0) share the pointers of what did not change, which costs one comparison each; that is a
 * matter of speed only. Each object is in a list at most once. 0 or -ENOMEM.
 */
int hdl_resources_compare(const struct hdl_resource *const *before, size_t before_n,
			  const struct hdl_resource *const *after, size_t after_n, struct hdl_object_changes *ret);
void hdl_object_changes_done(struct hdl_object_changes *changes);

#endif
