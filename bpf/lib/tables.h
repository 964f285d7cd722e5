/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Table access of the decision core in BPF (core/pick.h says what it needs), and what every program does with maps. */
#ifndef HDL_BPF_TABLES_H
#define HDL_BPF_TABLES_H

#define HDL_TABLE_ACCESS /* core/tables.h */

#include "maps/maps.bpf.h"
#include "bpf/lib/config.h"
#include "heddle/abi_verdict.h"
#include "heddle/core/subset.h"

#ifndef NULL
#define NULL ((void *)0)
#endif

/* The maps are global: nothing to carry. */
struct hdl_tables {
	__u64 unused;
};

#define HDL_TABLES_POINTER
#define hdl_tables_of(at) ((void)(at), (struct hdl_tables *)NULL)
#define hdl_tables_pass(to, from) ((void)(from))

HDL_CORE struct hdl_health *hdl_tables_health(struct hdl_tables *tables, __u32 endpoint)
{
	(void)tables;
	return bpf_map_lookup_elem(&health, &endpoint);
}

HDL_CORE struct hdl_balance *hdl_tables_balance(struct hdl_tables *tables, __u32 cluster)
{
	(void)tables;
	return bpf_map_lookup_elem(&balance, &cluster);
}

HDL_CORE const struct hdl_endpoint *hdl_tables_endpoint(struct hdl_tables *tables, __u32 id)
{
	(void)tables;
	return bpf_map_lookup_elem(&endpoint, &id);
}

HDL_CORE struct hdl_group *hdl_tables_group(struct hdl_tables *tables, __u32 index)
{
	(void)tables;
	return bpf_map_lookup_elem(&group, &index);
}

HDL_CORE const struct hdl_ring_entry *hdl_tables_ring(struct hdl_tables *tables, __u32 index)
{
	(void)tables;
	return bpf_map_lookup_elem(&ring, &index);
}

HDL_CORE int hdl_tables_slot(struct hdl_tables *tables, __u32 index, __u32 *ret_endpoint)
{
	__u32 element = index / HDL_SLOTS_PER_ELEMENT;
	const struct hdl_slots *slots = bpf_map_lookup_elem(&slot, &element);

	(void)tables;
	if (!slots)
		return -1;
	*ret_endpoint = slots->endpoint[index % HDL_SLOTS_PER_ELEMENT];
	return 0;
}

#define hdl_loop(count, step, argument) bpf_loop((count), (void *)(step), (argument), 0)
#define hdl_fetch_add_u64(pointer, value) __sync_fetch_and_add((pointer), (value))
#define hdl_fetch_add_u32(pointer, value) __sync_fetch_and_add((pointer), (value))
#define hdl_add_u32(pointer, value) ((void)__sync_fetch_and_add((pointer), (value)))
#define hdl_compare_swap_u32(pointer, former, value) __sync_val_compare_and_swap((pointer), (former), (value))
#define hdl_compare_swap_u64(pointer, former, value) __sync_val_compare_and_swap((pointer), (former), (value))

HDL_CORE struct hdl_state *hdl_state(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&state, &zero);
}

/* Load that is ordered before all that follows. */
HDL_CORE __u64 hdl_load_acquire(const __u64 *pointer)
{
	__u64 value = *(const volatile __u64 *)pointer;

	if (hdl_config_weak_memory) {
		/* A fetching atomic is a full barrier; without use of its result the compiler would emit one that is not. */
		__u64 barrier = 0, former = __sync_fetch_and_add(&barrier, 1);

		asm volatile("" : : "r"(former) : "memory");
	}
	asm volatile("" : : : "memory");
	return value;
}

/* Counts an outcome. Atomic: a program in a softirq may interrupt one of a task on the same CPU. */
HDL_CORE void hdl_count_many(__u32 outcome, __u64 times)
{
	__u64 *counter = bpf_map_lookup_elem(&verdict, &outcome);

	if (counter)
		(void)__sync_fetch_and_add(counter, times);
}

HDL_CORE void hdl_count(__u32 outcome)
{
	hdl_count_many(outcome, 1);
}

/* Counts an outcome of one service. Not on the way of connections that succeed: this costs a look-up in a hash. */
__attribute__((weak)) __noinline int hdl_count_service(__u32 service, __u32 outcome)
{
	struct hdl_service_verdict_key key = { service, outcome };
	__u64 *counter = bpf_map_lookup_elem(&service_verdict, &key), one = 1;

	if (counter)
		(void)__sync_fetch_and_add(counter, 1);
	else if (bpf_map_update_elem(&service_verdict, &key, &one, BPF_NOEXIST) != 0)
		hdl_count(HDL_VERDICT_COUNTS_FULL);
	return 0;
}

#endif
