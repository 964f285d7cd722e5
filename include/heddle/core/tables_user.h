/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Table access of the decision core in the daemon: the same arrays through their mappings (or plain memory). */
#ifndef HDL_CORE_TABLES_USER_H
#define HDL_CORE_TABLES_USER_H

#define HDL_TABLE_ACCESS /* core/tables.h */

#include <stddef.h>
#include "heddle/abi_lb.h"

struct hdl_tables {
	struct hdl_health *health;   /* by endpoint id */
	struct hdl_balance *balance; /* by cluster id */
	const __u32 *slot;           /* elements of the `slot` map are adjacent: one flat array of u32 */
	__u32 health_count, balance_count, slot_count;
	const struct hdl_endpoint *endpoint; /* as many as health */
	struct hdl_group *group;
	const struct hdl_ring_entry *ring;
	__u32 group_count, ring_count;
};

#define HDL_TABLES_POINTER struct hdl_tables *tables;
#define hdl_tables_of(at) ((at)->tables)
#define hdl_tables_pass(to, from) ((to)->tables = (from)->tables)

static inline struct hdl_health *hdl_tables_health(struct hdl_tables *tables, __u32 endpoint)
{
	return endpoint < tables->health_count ? &tables->health[endpoint] : NULL;
}

static inline struct hdl_balance *hdl_tables_balance(struct hdl_tables *tables, __u32 cluster)
{
	return cluster < tables->balance_count ? &tables->balance[cluster] : NULL;
}

static inline const struct hdl_endpoint *hdl_tables_endpoint(struct hdl_tables *tables, __u32 endpoint)
{
	return tables->endpoint && endpoint < tables->health_count ? &tables->endpoint[endpoint] : NULL;
}

static inline struct hdl_group *hdl_tables_group(struct hdl_tables *tables, __u32 index)
{
	return index < tables->group_count ? &tables->group[index] : NULL;
}

static inline const struct hdl_ring_entry *hdl_tables_ring(struct hdl_tables *tables, __u32 index)
{
	return index < tables->ring_count ? &tables->ring[index] : NULL;
}

static inline int hdl_tables_slot(struct hdl_tables *tables, __u32 index, __u32 *ret_endpoint)
{
	if (index >= tables->slot_count)
		return -1;
	*ret_endpoint = tables->slot[index];
	return 0;
}

#define hdl_fetch_add_u64(pointer, value) __atomic_fetch_add((pointer), (value), __ATOMIC_RELAXED)
#define hdl_fetch_add_u32(pointer, value) __atomic_fetch_add((pointer), (__u32)(value), __ATOMIC_RELAXED)
#define hdl_add_u32(pointer, value) ((void)__atomic_fetch_add((pointer), (__u32)(value), __ATOMIC_RELAXED))

/* Returns what was there: `former` when the swap took place. */
static inline __u64 hdl_compare_swap_u64(__u64 *pointer, __u64 former, __u64 value)
{
	__atomic_compare_exchange_n(pointer, &former, value, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
	return former;
}

static inline __u32 hdl_compare_swap_u32(__u32 *pointer, __u32 former, __u32 value)
{
	__atomic_compare_exchange_n(pointer, &former, value, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
	return former;
}

#define hdl_loop(count, step, argument)                                               \
	do {                                                                          \
		__u32 hdl_loop_n_ = (count);                                          \
		for (__u32 hdl_loop_i_ = 0; hdl_loop_i_ < hdl_loop_n_; hdl_loop_i_++) \
			if (step(hdl_loop_i_, (argument)))                            \
				break;                                                \
	} while (0)

#endif
