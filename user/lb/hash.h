/* SPDX-License-Identifier: Apache-2.0 */
/* Hash of a request for consistent hashing (specification C.3): xxHash64, seed 0. */
#ifndef HDL_LB_HASH_H
#define HDL_LB_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/str.h"
#include "heddle/abi_addr.h"

/* More lines of the hash header than this are left out. */
#define HDL_LB_HASH_VALUES_MAX 16

/* Values of all lines of the header: sorted, then chained. n at least 1; the array is sorted in place. */
uint64_t hdl_lb_hash_values(struct hdl_str *values, size_t n);
/* Cookie value or query parameter. */
uint64_t hdl_lb_hash_text(struct hdl_str text);
/* Address text without port, IPv6 in canonical form without brackets. */
uint64_t hdl_lb_hash_source(const struct hdl_addr *address);

/* Value of a cookie in a Cookie header; quotes around it are dropped. False if absent or empty (which counts as absent). */
bool hdl_lb_cookie(struct hdl_str header, struct hdl_str name, struct hdl_str *ret_value);

#endif
