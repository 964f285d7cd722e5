/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Options of the programs: constants that the loader sets before loading. */
#ifndef HDL_BPF_CONFIG_H
#define HDL_BPF_CONFIG_H

#include <linux/types.h>
#include <bpf/bpf_helpers.h>

/*
 * 1 on machines that do not order plain loads (arm64): reading the epoch is then followed by a full barrier, so that
 * the records of that epoch are seen. 0 on x86-64, where loads stay in order.
 */
#ifdef __TARGET_ARCH_arm64
const volatile __u8 hdl_config_weak_memory __weak = 1;
#else
const volatile __u8 hdl_config_weak_memory __weak = 0;
#endif

/* 1 where the start-up self-test found the short cut sound; 0: its code is removed when the programs are loaded. */
const volatile __u8 hdl_config_shortcut __weak = 0;

#endif
