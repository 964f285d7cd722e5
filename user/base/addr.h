/* SPDX-License-Identifier: Apache-2.0 */
/* Text form of struct hdl_addr (16 bytes, IPv4 as ::ffff:a.b.c.d). */
#ifndef HDL_BASE_ADDR_H
#define HDL_BASE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/str.h"
#include "heddle/abi_addr.h"

#define HDL_ADDR_TEXT_MAX 48      /* longest address text with NUL */
#define HDL_ADDR_PORT_TEXT_MAX 56 /* "[v6]:65535" with NUL */

/* IPv4 or IPv6 literal without brackets, port or zone. 0 or -EINVAL. */
int hdl_addr_parse(struct hdl_str s, struct hdl_addr *ret);
/* IPv4 is printed dotted, IPv6 in RFC 5952 form. Returns text. */
const char *hdl_addr_print(const struct hdl_addr *addr, char text[HDL_ADDR_TEXT_MAX]);
/* "1.2.3.4:80", "[::1]:80"; port in host byte order. Returns text. */
const char *hdl_addr_port_print(const struct hdl_addr *addr, uint16_t port, char text[HDL_ADDR_PORT_TEXT_MAX]);
/* "ADDR:PORT" or "[ADDR]:PORT". 0 or -EINVAL. */
int hdl_addr_port_parse(struct hdl_str s, struct hdl_addr *ret_addr, uint16_t *ret_port);

#endif
