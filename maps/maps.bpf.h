/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * BTF definitions of maps/maps.def for BPF objects.
 *
 * They are weak, so that every object that includes this loads by itself, while objects linked into one share one copy
 * (the linker keeps the first of several weak definitions).
 */
#ifndef HDL_MAPS_BPF_H
#define HDL_MAPS_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "heddle/abi_check.h"

#define HDL_MAP(name, kind, key_type, value_type, entries, flags, ...) \
	struct {                                                       \
		__uint(type, BPF_MAP_TYPE_##kind);                     \
		__uint(max_entries, entries);                          \
		__uint(map_flags, flags);                              \
		__type(key, key_type);                                 \
		__type(value, value_type);                             \
	} name __weak SEC(".maps");

#define HDL_MAP_STORAGE(name, value_type, ...)         \
	struct {                                       \
		__uint(type, BPF_MAP_TYPE_SK_STORAGE); \
		__uint(map_flags, BPF_F_NO_PREALLOC);  \
		__type(key, int);                      \
		__type(value, value_type);             \
	} name __weak SEC(".maps");

#define HDL_MAP_RING(name, bytes, ...)              \
	struct {                                    \
		__uint(type, BPF_MAP_TYPE_RINGBUF); \
		__uint(max_entries, bytes);         \
	} name __weak SEC(".maps");

#define HDL_MAP_OF_MAPS(name, entries, ...)                       \
	struct {                                                  \
		__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);         \
		__uint(max_entries, entries);                     \
		__type(key, __u32);                               \
		__array(                                          \
			values, struct {                          \
				__uint(type, BPF_MAP_TYPE_ARRAY); \
				__uint(max_entries, 1);           \
				__type(key, __u32);               \
				__type(value, __u32);             \
			});                                       \
	} name __weak SEC(".maps");

#include "maps/maps.def"

#undef HDL_MAP
#undef HDL_MAP_STORAGE
#undef HDL_MAP_RING
#undef HDL_MAP_OF_MAPS

#endif
