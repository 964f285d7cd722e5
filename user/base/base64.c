/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 of RFC 4648. */
#include "base/base64.h"

#include <errno.h>
#include <stdint.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int hdl_base64_decode(struct hdl_str s, unsigned char *at, size_t *ret_n)
{
	unsigned int characters = 0, padding = 0;
	uint32_t bits = 0;
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		int value = value_of(c);

		if (c == '\n' || c == '\r')
			continue;
		if (c == '=' && characters >= 2)
			padding++;
		else if (value < 0 || padding)
			return -EINVAL;
		bits = bits << 6 | (value < 0 ? 0 : (uint32_t)value);
		if (++characters < 4)
			continue;
		if (padding && bits & (padding == 2 ? 0xffff : 0xff))
			return -EINVAL;
		for (unsigned int k = 0; k < 3 - padding; k++)
			at[n++] = (unsigned char)(bits >> (16 - 8 * k));
		characters = 0;
		bits = 0;
		if (padding == 0)
			continue;
		while (++i < s.n)
			if (s.p[i] != '\n' && s.p[i] != '\r')
				return -EINVAL;
	}
	if (characters)
		return -EINVAL;
	*ret_n = n;
	return 0;
}

void hdl_base64_print(struct hdl_buf *buf, const unsigned char *at, size_t n)
{
	for (size_t i = 0; i < n; i += 3) {
		size_t left = n - i;
		uint32_t bits =
			(uint32_t)at[i] << 16 | (left > 1 ? (uint32_t)at[i + 1] << 8 : 0) | (left > 2 ? at[i + 2] : 0);
		char text[4] = { alphabet[bits >> 18], alphabet[bits >> 12 & 63],
				 left > 1 ? alphabet[bits >> 6 & 63] : '=', left > 2 ? alphabet[bits & 63] : '=' };

		hdl_buf_add(buf, text, sizeof(text));
	}
}
