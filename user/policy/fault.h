/* SPDX-License-Identifier: Apache-2.0 */
/* Injected faults (specification B.10) and mirroring (B.8): whether a draw hits. Pure. */
#ifndef HDL_POLICY_FAULT_H
#define HDL_POLICY_FAULT_H

#include <stdbool.h>
#include <stdint.h>
#include "ir/snapshot.h"

/* Nanoseconds to hold the request; 0 = no delay. */
uint64_t hdl_fault_delay_ns(const struct hdl_ir_fault *fault, uint64_t random);
/* The draw must be another one than that of the delay. */
bool hdl_fault_aborts(const struct hdl_ir_fault *fault, uint64_t random);
/* Each mirror of a route is decided by a draw of its own. False also when its cluster is unknown. */
bool hdl_mirror_wanted(const struct hdl_ir_mirror *mirror, uint64_t random);

#endif
