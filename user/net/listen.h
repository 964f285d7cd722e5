/* SPDX-License-Identifier: Apache-2.0 */
/* Listening TCP sockets: ports of gateways, and the transparent listeners of workers. */
#ifndef HDL_NET_LISTEN_H
#define HDL_NET_LISTEN_H

#include <stdbool.h>
#include "base/err.h"
#include "net/sock.h"

struct hdl_listen_options {
	bool reuse_port;  /* several sockets share the port, the kernel spreads connections */
	bool transparent; /* IP_TRANSPARENT: needs CAP_NET_ADMIN or CAP_NET_RAW */
	bool v6_only;     /* IPv6: not also IPv4 */
	int backlog;      /* 0 = the kernel's maximum */
};

/* Address all zero: every address of both families. Port 0: any. Descriptor, or -errno with a text. */
int hdl_listen(const struct hdl_endpoint_addr *at, const struct hdl_listen_options *options, struct hdl_err *err);

#endif
