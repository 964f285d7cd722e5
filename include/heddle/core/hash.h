/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Hash of a source address, as specification C.3 wants it: xxHash64, seed 0, of the text form without port (IPv4
 * dotted, IPv6 canonical, as inet_ntop prints them).
 */
#ifndef HDL_CORE_HASH_H
#define HDL_CORE_HASH_H

#include <linux/types.h>
#include "heddle/abi_addr.h"
#include "heddle/core/subset.h"
#include "heddle/core/tables.h"

#define HDL_CORE_TEXT_MAX 48 /* the longest text is 39 bytes; a multiple of 8 above it */
#define HDL_CORE_GROUPS 8    /* of an IPv6 address */

struct hdl_core_text {
	union {
		__u64 word[HDL_CORE_TEXT_MAX / 8];
		__u32 half[HDL_CORE_TEXT_MAX / 4];
		__u8 byte[HDL_CORE_TEXT_MAX];
	};
	struct hdl_addr address;
	__u32 length;
	__u32 zero_mask;  /* bit i: group i is 0 */
	__u32 zero_base;  /* first group of the longest run of zeros */
	__u32 zero_count; /* its length; below 2 = none */
};

/* Steps of the loops below are HDL_CORE_STEP, and not callbacks of bpf_loop(): on 6.1 the verifier removed the bounds
 * check of the second character as dead code. */
HDL_CORE void hdl_core_text_put(struct hdl_core_text *text, __u8 c)
{
	__u32 length = *(volatile __u32 *)&text->length;

	if (length >= HDL_CORE_TEXT_MAX)
		return;
	text->byte[length] = c;
	*(volatile __u32 *)&text->length = length + 1;
}

HDL_CORE void hdl_core_text_put_hex(struct hdl_core_text *text, __u32 digit)
{
	digit &= 15;
	hdl_core_text_put(text, (__u8)(digit < 10 ? '0' + digit : 'a' + digit - 10));
}

/* One byte of an IPv4 address (12..15 of the mapped form), with the dot before all but the first. */
HDL_CORE_STEP int hdl_core_text_octet(__u32 i, struct hdl_core_text *text)
{
	__u32 octet;

	if (!text)
		return 0;
	octet = text->address.byte[12 + (i & 3)];
	if (i != 0)
		hdl_core_text_put(text, '.');
	if (octet >= 100)
		hdl_core_text_put(text, (__u8)('0' + octet / 100));
	if (octet >= 10)
		hdl_core_text_put(text, (__u8)('0' + octet / 10 % 10));
	hdl_core_text_put(text, (__u8)('0' + octet % 10));
	return 0;
}

HDL_CORE_STEP int hdl_core_text_group(__u32 i, struct hdl_core_text *text)
{
	__u32 group;

	if (!text)
		return 0;
	group = (__u32)text->address.byte[(i & 7) * 2] << 8 | text->address.byte[(i & 7) * 2 + 1];
	if (text->zero_count >= 2 && i >= text->zero_base && i < text->zero_base + text->zero_count) {
		if (i == text->zero_base)
			hdl_core_text_put(text, ':');
		return 0;
	}
	if (i != 0)
		hdl_core_text_put(text, ':');
	if (group >= 0x1000)
		hdl_core_text_put_hex(text, group >> 12);
	if (group >= 0x100)
		hdl_core_text_put_hex(text, group >> 8);
	if (group >= 0x10)
		hdl_core_text_put_hex(text, group >> 4);
	hdl_core_text_put_hex(text, group);
	return 0;
}

/* Finds the longest run of zero groups; the first of equals. */
HDL_CORE_STEP int hdl_core_text_run(__u32 i, struct hdl_core_text *text)
{
	__u32 rest, count = 0;

	if (!text)
		return 0;
	rest = text->zero_mask >> (i & 7);
	for (__u32 k = 0; k < HDL_CORE_GROUPS; k++) {
		if (!(rest & 1))
			break;
		rest >>= 1;
		count++;
	}
	if (count > text->zero_count) {
		text->zero_base = i;
		text->zero_count = count;
	}
	return 0;
}

/* text: zeroed, address set. */
HDL_CORE void hdl_core_text_print(struct hdl_core_text *text)
{
	if (hdl_addr_is_v4(&text->address)) {
		for (__u32 i = 0; i < 4; i++)
			hdl_core_text_octet(i, text);
		return;
	}
	for (__u32 i = 0; i < HDL_CORE_GROUPS; i++) {
		__u32 bits = (__u32)text->address.byte[i * 2] | text->address.byte[i * 2 + 1];

		text->zero_mask |= (__u32)(bits == 0) << i;
	}
	for (__u32 i = 0; i < HDL_CORE_GROUPS; i++)
		hdl_core_text_run(i, text);
	if (text->zero_base == 0 && text->zero_count == 6) {
		/* ::a.b.c.d, as inet_ntop prints it */
		hdl_core_text_put(text, ':');
		hdl_core_text_put(text, ':');
		for (__u32 i = 0; i < 4; i++)
			hdl_core_text_octet(i, text);
		return;
	}
	for (__u32 i = 0; i < HDL_CORE_GROUPS; i++)
		hdl_core_text_group(i, text);
	if (text->zero_count >= 2 && text->zero_base + text->zero_count == HDL_CORE_GROUPS)
		hdl_core_text_put(text, ':');
}

#define HDL_XXH_1 0x9e3779b185ebca87ull
#define HDL_XXH_2 0xc2b2ae3d27d4eb4full
#define HDL_XXH_3 0x165667b19e3779f9ull
#define HDL_XXH_4 0x85ebca77c2b2ae63ull
#define HDL_XXH_5 0x27d4eb2f165667c5ull

HDL_CORE __u64 hdl_core_rotate(__u64 value, __u32 bits)
{
	return value << bits | value >> (64 - bits);
}

HDL_CORE __u64 hdl_core_xxh_round(__u64 lane, __u64 input)
{
	return hdl_core_rotate(lane + input * HDL_XXH_2, 31) * HDL_XXH_1;
}

HDL_CORE __u64 hdl_core_xxh_merge(__u64 hash, __u64 lane)
{
	return (hash ^ hdl_core_xxh_round(0, lane)) * HDL_XXH_1 + HDL_XXH_4;
}

/* The one stripe of 32 bytes that a text of at most 47 bytes can have. */
HDL_CORE __u64 hdl_core_xxh_stripe(const struct hdl_core_text *text)
{
	__u64 lane1 = hdl_core_xxh_round(HDL_XXH_1 + HDL_XXH_2, text->word[0]);
	__u64 lane2 = hdl_core_xxh_round(HDL_XXH_2, text->word[1]);
	__u64 lane3 = hdl_core_xxh_round(0, text->word[2]);
	__u64 lane4 = hdl_core_xxh_round(0 - HDL_XXH_1, text->word[3]);
	__u64 hash = hdl_core_rotate(lane1, 1) + hdl_core_rotate(lane2, 7) + hdl_core_rotate(lane3, 12) +
		     hdl_core_rotate(lane4, 18);

	hash = hdl_core_xxh_merge(hash, lane1);
	hash = hdl_core_xxh_merge(hash, lane2);
	hash = hdl_core_xxh_merge(hash, lane3);
	return hdl_core_xxh_merge(hash, lane4);
}

/* XXH64, seed 0, of the text. */
HDL_CORE __u64 hdl_core_text_hash(const struct hdl_core_text *text)
{
	__u32 length = text->length < HDL_CORE_TEXT_MAX ? text->length : HDL_CORE_TEXT_MAX - 1;
	__u32 from = length >= 32 ? 4 : 0, offset = length & ~7u;
	__u64 hash = (length >= 32 ? hdl_core_xxh_stripe(text) : HDL_XXH_5) + length;

	for (__u32 i = 0; i < HDL_CORE_TEXT_MAX / 8; i++) {
		if (i >= from && i * 8 + 8 <= length)
			hash = hdl_core_rotate(hash ^ hdl_core_xxh_round(0, text->word[i]), 27) * HDL_XXH_1 + HDL_XXH_4;
	}
	if (length & 4) {
		hash = hdl_core_rotate(hash ^ text->half[offset / 4] * HDL_XXH_1, 23) * HDL_XXH_2 + HDL_XXH_3;
		offset += 4;
	}
	for (__u32 i = 0; i < 3; i++) {
		if (i < (length & 3))
			hash = hdl_core_rotate(hash ^ text->byte[offset + i] * HDL_XXH_5, 11) * HDL_XXH_1;
	}
	hash = (hash ^ hash >> 33) * HDL_XXH_2;
	hash = (hash ^ hash >> 29) * HDL_XXH_3;
	return hash ^ hash >> 32;
}

/* Hash of a source address; IPv4 in the mapped form. */
HDL_CORE __u64 hdl_core_hash_address(const struct hdl_addr *address)
{
	struct hdl_core_text text = { .address = *address };

	hdl_core_text_print(&text);
	return hdl_core_text_hash(&text);
}

#endif
