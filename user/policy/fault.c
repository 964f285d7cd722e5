/* SPDX-License-Identifier: Apache-2.0 */
/* Draws of faults and mirrors: random mod 1 000 000 < numerator. */
#include "policy/fault.h"

#define MILLION 1000000

static bool hits(uint64_t random, uint32_t per_million)
{
	return random % MILLION < per_million;
}

uint64_t hdl_fault_delay_ns(const struct hdl_ir_fault *fault, uint64_t random)
{
	return hits(random, fault->delay_per_million) ? fault->delay_ns : 0;
}

bool hdl_fault_aborts(const struct hdl_ir_fault *fault, uint64_t random)
{
	return hits(random, fault->abort_per_million);
}

bool hdl_mirror_wanted(const struct hdl_ir_mirror *mirror, uint64_t random)
{
	return mirror->destination.cluster && hits(random, mirror->per_million);
}
