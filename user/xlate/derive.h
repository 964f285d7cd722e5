/* SPDX-License-Identifier: Apache-2.0 */
/* Resources derived of others: Gateway API objects as Istio resources, hosts of a ServiceEntry as one entry each. */
#ifndef HDL_XLATE_DERIVE_H
#define HDL_XLATE_DERIVE_H

#include <stdbool.h>

#include "base/arena.h"
#include "model/diag.h"

struct hdl_resource;

/* All zero: nothing was derived. */
struct hdl_xl_derivation {
	struct hdl_arena *arena;                   /* of what was derived; NULL: nothing was */
	const struct hdl_resource *const *derived; /* comes after the given ones */
	size_t derived_n, given_n;
	struct hdl_diags diags;
};

/* What is derived of the resources, which must live as long. 0, -ENOMEM; -E2BIG: more than bytes_max. */
int hdl_xl_derive(const struct hdl_resource *const *resources, size_t n, size_t bytes_max,
		  struct hdl_xl_derivation *ret);
void hdl_xl_derivation_done(struct hdl_xl_derivation *derivation);
/* Whether what was derived of the list before is what would be derived of the list now. */
bool hdl_xl_derivation_holds(const struct hdl_resource *const *before, size_t before_n,
			     const struct hdl_resource *const *now, size_t now_n);

#endif
