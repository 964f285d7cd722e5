/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Kinds of addresses, in the form in which all maps have them (abi_addr.h). */
#ifndef HDL_BPF_ADDRESS_H
#define HDL_BPF_ADDRESS_H

#include "heddle/abi_addr.h"
#include "heddle/core/subset.h"

#define HDL_LOOPBACK_V4 __builtin_bswap32(0x7f000001)

HDL_CORE struct hdl_addr hdl_addr_loopback(__u8 family)
{
	struct hdl_addr loopback6 = { .byte = { [15] = 1 } };

	return family == HDL_FAMILY_V4 ? hdl_addr_from_v4(HDL_LOOPBACK_V4) : loopback6;
}

/* 127.0.0.0/8 or ::1 */
HDL_CORE int hdl_addr_is_loopback(const struct hdl_addr *a)
{
	if (hdl_addr_is_v4(a))
		return a->byte[12] == 127;
	return a->half[0] == 0 && a->word[2] == 0 && a->word[3] == __builtin_bswap32(1);
}

/* 0.0.0.0 or ::, which the kernel takes for the loopback address */
HDL_CORE int hdl_addr_is_any(const struct hdl_addr *a)
{
	return a->half[0] == 0 && a->word[3] == 0 && (a->word[2] == 0 || a->word[2] == HDL_ADDR_V4_PREFIX);
}

/* Multicast, and the broadcast address 255.255.255.255 */
HDL_CORE int hdl_addr_is_group(const struct hdl_addr *a)
{
	if (hdl_addr_is_v4(a))
		return (a->byte[12] & 0xf0) == 0xe0 || a->word[3] == 0xffffffff;
	return a->byte[0] == 0xff;
}

#endif
