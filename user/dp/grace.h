/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grace periods of the kernel's programs, waited for in a thread of their own: one lasts 5 to 25 ms, and a change that
 * comes meanwhile must not wait for it where nothing that it stages needs it.
 */
#ifndef HDL_DP_GRACE_H
#define HDL_DP_GRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "dp/maps.h"

struct hdl_grace;

/* maps live as long. NULL: out of memory, or no thread. */
struct hdl_grace *hdl_grace_new(struct hdl_dp_maps *maps);
struct hdl_grace *hdl_grace_free(struct hdl_grace *grace); /* accepts NULL, returns NULL */
/* All that runs now is waited for. Returns the number of that period; those with lower ones end no later. */
uint64_t hdl_grace_begin(struct hdl_grace *grace);
/* It is over, or hdl_grace_wait() says at once why it cannot be. */
bool hdl_grace_is_over(struct hdl_grace *grace, uint64_t number);
int hdl_grace_wait(struct hdl_grace *grace, uint64_t number, struct hdl_err *err); /* 0 or negative errno */

#endif
