/* SPDX-License-Identifier: Apache-2.0 */
/* Address text: strict parsing, and printing with one form for each address (RFC 5952). */
#include "base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

int hdl_addr_parse(struct hdl_str s, struct hdl_addr *ret)
{
	char text[HDL_ADDR_TEXT_MAX];
	struct in6_addr v6;
	struct in_addr v4;

	/* inet_pton stops at a NUL, and so would take "1.2.3.4\0x" */
	if (s.n == 0 || s.n >= sizeof(text) || memchr(s.p, '\0', s.n))
		return -EINVAL;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	if (inet_pton(AF_INET, text, &v4) == 1) {
		*ret = hdl_addr_from_v4(v4.s_addr);
		return 0;
	}
	if (inet_pton(AF_INET6, text, &v6) == 1) {
		memcpy(ret->byte, v6.s6_addr, sizeof(ret->byte));
		return 0;
	}
	return -EINVAL;
}

/* The longest run of two or more zero groups, the first of several: what "::" stands for. */
static void longest_zero_run(const uint16_t group[8], int *ret_start, int *ret_length)
{
	*ret_start = -1;
	*ret_length = 1;
	for (int i = 0; i < 8; i++) {
		int length = 0;

		while (i + length < 8 && group[i + length] == 0)
			length++;
		if (length > *ret_length) {
			*ret_start = i;
			*ret_length = length;
		}
		i += length;
	}
}

static void print_v6(const struct hdl_addr *addr, char *text, size_t size)
{
	uint16_t group[8];
	int start, length;
	size_t n = 0;

	for (int i = 0; i < 8; i++)
		group[i] = (uint16_t)(addr->byte[2 * i] << 8 | addr->byte[2 * i + 1]);
	longest_zero_run(group, &start, &length);
	text[0] = '\0';
	for (int i = 0; i < 8; i++) {
		if (i == start) {
			n += (size_t)snprintf(text + n, size - n, "::");
			i += length - 1;
			continue;
		}
		n += (size_t)snprintf(text + n, size - n, "%s%x", n > 0 && text[n - 1] != ':' ? ":" : "", group[i]);
	}
}

const char *hdl_addr_print(const struct hdl_addr *addr, char text[HDL_ADDR_TEXT_MAX])
{
	const unsigned char *b = &addr->byte[12];

	if (hdl_addr_is_v4(addr))
		snprintf(text, HDL_ADDR_TEXT_MAX, "%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
	else
		print_v6(addr, text, HDL_ADDR_TEXT_MAX);
	return text;
}

const char *hdl_addr_port_print(const struct hdl_addr *addr, uint16_t port, char text[HDL_ADDR_PORT_TEXT_MAX])
{
	char address[HDL_ADDR_TEXT_MAX];

	hdl_addr_print(addr, address);
	snprintf(text, HDL_ADDR_PORT_TEXT_MAX, hdl_addr_is_v4(addr) ? "%s:%u" : "[%s]:%u", address, (unsigned)port);
	return text;
}

int hdl_addr_port_parse(struct hdl_str s, struct hdl_addr *ret_addr, uint16_t *ret_port)
{
	const char *colon = s.n ? memrchr(s.p, ':', s.n) : NULL;
	struct hdl_addr addr;
	struct hdl_str host, port;
	uint64_t number;

	if (!colon)
		return -EINVAL;
	host = (struct hdl_str){ s.p, (size_t)(colon - s.p) };
	port = (struct hdl_str){ colon + 1, s.n - host.n - 1 };
	if (host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']') {
		host.p++;
		host.n -= 2;
	} else if (memchr(host.p, ':', host.n)) {
		return -EINVAL; /* IPv6 without brackets: which colon is meant is a guess */
	}
	if (hdl_addr_parse(host, &addr) < 0 || hdl_str_u64(port, UINT16_MAX, &number) < 0)
		return -EINVAL;
	*ret_addr = addr;
	*ret_port = (uint16_t)number;
	return 0;
}
