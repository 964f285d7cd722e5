/* SPDX-License-Identifier: Apache-2.0 */
/* Output of heddlectl plan. */
#ifndef HDL_HEDDLECTL_PLAN_H
#define HDL_HEDDLECTL_PLAN_H

#include <stdbool.h>
#include "heddlectl/ctl.h"
#include "model/diag.h"
#include "plan/preview.h"

/* As kubectl diff: 0 nothing would change, 1 something would or is refused, more for what went wrong. */
enum { CTL_PLAN_DIFFERS = 1, CTL_PLAN_FAILED = 3 };

/* In the format that was asked for. too_large: the change would be refused as a whole. */
int ctl_plan_print(const struct ctl *ctl, const struct hdl_preview *preview, const struct hdl_diags *diags,
		   bool too_large);

#endif
