/* SPDX-License-Identifier: Apache-2.0 */
/* Go-style durations of Istio's YAML (specification A.0): "1h2m3.5s", "100ms", "1.5s", "0s". */
#ifndef HDL_BASE_DURATION_H
#define HDL_BASE_DURATION_H

#include <stdint.h>
#include "base/buf.h"
#include "base/str.h"

/* 0; -EINVAL not a duration; -ERANGE over the range of int64 nanoseconds. A leading '-' or '+' is accepted as in Go. */
int hdl_duration_parse(struct hdl_str s, int64_t *ret_ns);
/* Canonical Go form: "1m30s", "250ms", "0s". */
void hdl_duration_print(struct hdl_buf *buf, int64_t ns);

#endif
