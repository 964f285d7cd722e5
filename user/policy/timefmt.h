/* SPDX-License-Identifier: Apache-2.0 */
/* Times in Envoy's START_TIME formats: those of strftime() with fractions of a second, always UTC and in English. Pure. */
#ifndef HDL_POLICY_TIMEFMT_H
#define HDL_POLICY_TIMEFMT_H

#include <stddef.h>
#include <stdint.h>
#include "base/str.h"

/*
 * Conversions: %Y %C %y %m %d %e %j %H %I %M %S %p %a %A %b %B %h %D %F %T %R %c %u %w %s %z %Z %n %t %%, and for parts
 * of a second %f (nanoseconds), %1f to %9f, %E1S to %E9S (seconds with a fraction); others are written as they stand.
 * format "" is ISO 8601 with milliseconds. Bytes in buf, or -ENOSPC.
 */
long hdl_time_format(struct hdl_str format, uint64_t wall_ns, char *buf, size_t room);

#endif
