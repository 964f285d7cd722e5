/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: an address that is accepted, with or without port, prints as a text that reads back as the same. */
#include <stdlib.h>

#include "base/addr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_port(struct hdl_str s)
{
	char text[HDL_ADDR_PORT_TEXT_MAX];
	struct hdl_addr addr, again;
	uint16_t port, port_again;

	if (hdl_addr_port_parse(s, &addr, &port) < 0)
		return;
	hdl_addr_port_print(&addr, port, text);
	if (hdl_addr_port_parse(hdl_str_of(text), &again, &port_again) < 0 || port != port_again ||
	    !hdl_addr_equal(&addr, &again))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hdl_str s = { (const char *)data, size };
	char text[HDL_ADDR_TEXT_MAX];
	struct hdl_addr addr, again;

	check_port(s);
	if (hdl_addr_parse(s, &addr) < 0)
		return 0;
	hdl_addr_print(&addr, text);
	if (hdl_addr_parse(hdl_str_of(text), &again) < 0 || !hdl_addr_equal(&addr, &again))
		abort();
	return 0;
}
