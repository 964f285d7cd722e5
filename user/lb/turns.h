/* SPDX-License-Identifier: Apache-2.0 */
/* Order in which weighted endpoints take turns (specification C.1): that of Envoy's EDF scheduler. */
#ifndef HDL_LB_TURNS_H
#define HDL_LB_TURNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Turns that endpoints of these weights (at least 1 each) have in one round: each as many as its weight, reduced by what
 * all have in common. Beyond max (at least n) the weights are scaled by largest remainder, and *ret_scaled is set. 0:
 * all weights are equal.
 */
uint32_t hdl_turns_count(const uint32_t *weights, size_t n, uint32_t max, bool *ret_scaled);
/* Fills ret_turns, as long as hdl_turns_count() says (not 0), with indexes of weights. 0 or -ENOMEM. */
int hdl_turns_build(const uint32_t *weights, size_t n, uint32_t max, uint32_t *ret_turns);

#endif
