/* SPDX-License-Identifier: Apache-2.0 */
/* Points in time as Kubernetes writes them: "2024-05-06T07:08:09Z" (RFC 3339). */
#ifndef HDL_BASE_RFC3339_H
#define HDL_BASE_RFC3339_H

#include <stdint.h>
#include "base/buf.h"
#include "base/str.h"

/*
 * Nanoseconds since 1970 UTC. 0; -EINVAL not of that form or no such day; -ERANGE not within 1678..2261, which is what
 * the number can hold. A leap second counts as the second after it.
 */
int hdl_rfc3339_parse(struct hdl_str s, int64_t *ret_unix_ns);
/* In UTC, with as many digits of the fraction as it has. */
void hdl_rfc3339_print(struct hdl_buf *buf, int64_t unix_ns);

#endif
