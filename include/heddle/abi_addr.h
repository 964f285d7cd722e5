/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Addresses as every map and both builds see them. */
#ifndef HDL_ABI_ADDR_H
#define HDL_ABI_ADDR_H

#include <linux/types.h>

/*
 * IPv6 address in network byte order; an IPv4 address a.b.c.d is held as ::ffff:a.b.c.d, so that one map and one
 * code path serve both families. All zero = no address.
 */
struct hdl_addr {
	union {
		__u8 byte[16];
		__be32 word[4]; /* an IPv4 address is word[3] */
		__u64 half[2];  /* for comparing only: no byte order is implied */
	};
};

#define HDL_ADDR_V4_PREFIX \
	((__be32)__builtin_bswap32(0x0000ffff)) /* word[2] of a v4-mapped address, little endian hosts */

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "supported hosts (x86-64, arm64) are little endian"
#endif

static inline __attribute__((always_inline)) int hdl_addr_equal(const struct hdl_addr *a, const struct hdl_addr *b)
{
	return a->half[0] == b->half[0] && a->half[1] == b->half[1];
}

static inline __attribute__((always_inline)) int hdl_addr_is_v4(const struct hdl_addr *a)
{
	return a->half[0] == 0 && a->word[2] == HDL_ADDR_V4_PREFIX;
}

static inline __attribute__((always_inline)) int hdl_addr_is_zero(const struct hdl_addr *a)
{
	return a->half[0] == 0 && a->half[1] == 0;
}

/* address: network byte order, as in sockaddr_in */
static inline __attribute__((always_inline)) struct hdl_addr hdl_addr_from_v4(__be32 address)
{
	struct hdl_addr a = { .word = { 0, 0, HDL_ADDR_V4_PREFIX, address } };
	return a;
}

/* Stands for every address: nobody dials it. */
static inline __attribute__((always_inline)) struct hdl_addr hdl_addr_every(void)
{
	struct hdl_addr a = { .half = { ~0ull, ~0ull } };
	return a;
}

enum hdl_family { HDL_FAMILY_V4 = 0, HDL_FAMILY_V6 = 1, HDL_FAMILIES = 2 };

#endif
