/* SPDX-License-Identifier: Apache-2.0 */
/* The views of snapshots: for clients of some namespaces, of Sidecars and with some labels, the virtual hosts that differ. */
#ifndef HDL_XLATE_VIEWS_H
#define HDL_XLATE_VIEWS_H

#include "xlate/configs.h"

struct hdl_xl_view;

struct hdl_xl_views {
	struct hdl_xl_view *first; /* in the order of the snapshot */
};

/* Virtual hosts that a unit has (set) or has no more. 0 or -ENOMEM. */
int hdl_xl_views_set(struct hdl_xl *xl, struct hdl_xl_views *views, uint64_t label, const struct hdl_xl_front_view *v,
		     size_t n, bool set);
/* Makes what changed anew; *ret_changed: something did. 0 or -ENOMEM. */
int hdl_xl_views_patch(struct hdl_xl *xl, struct hdl_xl_views *views, bool *ret_changed);
/* Those that have anything; at may be NULL. Returns how many. */
size_t hdl_xl_views_list(const struct hdl_xl_views *views, void **at);
/* What snapshots have goes with the newest generation. */
void hdl_xl_views_done(struct hdl_xl *xl, struct hdl_xl_views *views);

#endif
