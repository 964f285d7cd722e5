/* SPDX-License-Identifier: Apache-2.0 */
/* From units to a snapshot: the lists and tables that snapshots share, patched by what units became. */
#ifndef HDL_XLATE_ASSEMBLE_H
#define HDL_XLATE_ASSEMBLE_H

#include "xlate/priv.h"

struct hdl_xl_state *hdl_xl_state_new(void);
/* Everything that snapshots have of it goes with the newest generation. Accepts NULL. */
void hdl_xl_state_free(struct hdl_xl *xl, struct hdl_xl_state *state);
/* The unit's product is another one now; either may be NULL. 0 or -ENOMEM. */
int hdl_xl_state_replace(struct hdl_xl *xl, const struct hdl_xl_unit *unit, const struct hdl_xl_product *before,
			 const struct hdl_xl_product *after);
/* A snapshot of the state, and the generation after this one. 0 or -ENOMEM, then the state is to be given up. */
int hdl_xl_assemble(struct hdl_xl *xl, struct hdl_snapshot **ret);
/* All diagnostics, in the order of a translation step by step. 0 or -ENOMEM. */
int hdl_xl_collect_diags(const struct hdl_xl *xl, struct hdl_diags *diags);

#endif
