/* SPDX-License-Identifier: Apache-2.0 */
/* Which resources came and went between two lists, and the sources that stand for them. */
#ifndef HDL_XLATE_CHANGES_H
#define HDL_XLATE_CHANGES_H

#include "xlate/priv.h"

/* The first list: begin() is called when xl->res is set, then all sources enter. 0 or -ENOMEM. */
int hdl_xl_changes_begin(struct hdl_xl *xl, const struct hdl_resource *const *resources, size_t n,
			 int (*begin)(struct hdl_xl *xl));
/*
 * The next list: sources exit and enter. xl->valid becomes false when everything is to be made anew, and all has been
 * given up for that. 0 or -ENOMEM.
 */
int hdl_xl_changes_apply(struct hdl_xl *xl, const struct hdl_resource *const *resources, size_t n);

#endif
