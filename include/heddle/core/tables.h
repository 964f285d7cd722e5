/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Table access that the decision core expects of the build it is compiled in: core/tables_user.h in the daemon,
 * bpf/lib/tables.h in BPF, included before the core. The declarations below are what both provide.
 */
#ifndef HDL_CORE_TABLES_H
#define HDL_CORE_TABLES_H

#include "heddle/abi_lb.h"

#ifndef HDL_TABLE_ACCESS

struct hdl_tables;

/* In structs of the core: BPF has the maps at hand, and no stack to spare for a pointer to them. */
#define HDL_TABLES_POINTER struct hdl_tables *tables;
#define hdl_tables_of(at) ((at)->tables)
#define hdl_tables_pass(to, from) ((to)->tables = (from)->tables)

struct hdl_health *hdl_tables_health(struct hdl_tables *tables, __u32 endpoint);           /* NULL: id out of range */
struct hdl_balance *hdl_tables_balance(struct hdl_tables *tables, __u32 cluster);          /* NULL: id out of range */
const struct hdl_endpoint *hdl_tables_endpoint(struct hdl_tables *tables, __u32 endpoint); /* NULL: out of range */
struct hdl_group *hdl_tables_group(struct hdl_tables *tables, __u32 index);                /* NULL: out of range */
const struct hdl_ring_entry *hdl_tables_ring(struct hdl_tables *tables, __u32 index);      /* NULL: out of range */
int hdl_tables_slot(struct hdl_tables *tables, __u32 index, __u32 *ret_endpoint);          /* 0, or -1: out of range */
__u64 hdl_fetch_add_u64(__u64 *pointer, __u64 value);                  /* atomic; the former value */
void hdl_add_u32(__u32 *pointer, __u32 value);                         /* atomic */
__u32 hdl_fetch_add_u32(__u32 *pointer, __u32 value);                  /* atomic; the former value */
__u32 hdl_compare_swap_u32(__u32 *pointer, __u32 former, __u32 value); /* atomic; what was there */
__u64 hdl_compare_swap_u64(__u64 *pointer, __u64 former, __u64 value); /* atomic; what was there */

/* Calls step(i, argument) for i below count until it returns 1. */
#define hdl_loop(count, step, argument)                                           \
	do {                                                                      \
		for (__u32 hdl_loop_i_ = 0; hdl_loop_i_ < (count); hdl_loop_i_++) \
			if (step(hdl_loop_i_, (argument)))                        \
				break;                                            \
	} while (0)

#endif
#endif
