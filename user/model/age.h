/* SPDX-License-Identifier: Apache-2.0 */
/* Order of creation (specification A.0): by creationTimestamp where objects have one, else by their place in the files. */
#ifndef HDL_MODEL_AGE_H
#define HDL_MODEL_AGE_H

#include <stddef.h>
#include "model/resource.h"

typedef const struct hdl_resource *hdl_age_resource_fn(const void *at);

/*
 * Puts the rules that have a creationTimestamp among the n elements into the order of age, name and namespace, at the
 * places that they hold together; everything else stays where it is. 0 or -ENOMEM (then nothing moved).
 */
int hdl_order_by_age(void **at, size_t n, hdl_age_resource_fn *resource_of);

#endif
