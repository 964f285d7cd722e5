/* SPDX-License-Identifier: Apache-2.0 */
/* Conversion between struct hdl_addr and the kernel's socket addresses. */
#ifndef HDL_NET_SOCKADDR_H
#define HDL_NET_SOCKADDR_H

#include <netinet/in.h>
#include <sys/socket.h>
#include "net/sock.h"

union hdl_sockaddr {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* An IPv4 address becomes AF_INET, all else AF_INET6. Returns the length. */
socklen_t hdl_sockaddr_set(union hdl_sockaddr *sa, const struct hdl_endpoint_addr *from);
/* AF_INET6 with a v4-mapped address becomes the same as AF_INET. */
void hdl_sockaddr_get(const union hdl_sockaddr *sa, struct hdl_endpoint_addr *ret);

#endif
