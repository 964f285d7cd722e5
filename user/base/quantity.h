/* SPDX-License-Identifier: Apache-2.0 */
/* Quantities of Kubernetes, as far as they are whole numbers: "64Ki", "1.5M", "2e3", "500". */
#ifndef HDL_BASE_QUANTITY_H
#define HDL_BASE_QUANTITY_H

#include <stdint.h>
#include "base/str.h"

/*
 * Suffixes n, u, m, k, M, G, T, P, E (powers of 1000), Ki, Mi, Gi, Ti, Pi, Ei (of 1024), or an exponent. What is left
 * below one is rounded away from zero, as Kubernetes does. 0; -EINVAL not a quantity; -ERANGE over the range of int64.
 */
int hdl_quantity_parse(struct hdl_str s, int64_t *ret);

#endif
