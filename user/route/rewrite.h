/* SPDX-License-Identifier: Apache-2.0 */
/* What a route makes of a request: its new path (specification B.4, F.4), and where it redirects it to (B.3). Pure. */
#ifndef HDL_ROUTE_REWRITE_H
#define HDL_ROUTE_REWRITE_H

#include <stddef.h>
#include "base/str.h"
#include "http/message.h"
#include "ir/snapshot.h"

/* Longest path that a rewrite may make; also the bound of a Location's text besides what the request brings along. */
#define HDL_ROUTE_PATH_BYTES_MAX 65536

/*
 * The path (without query) after the change, in buf. match: the block that the request met, NULL for a route without
 * blocks. Bytes, or -ENOSPC when it is longer than room.
 */
long hdl_route_rewrite(const struct hdl_ir_path_change *change, const struct hdl_ir_http_match *match,
		       struct hdl_str path, char *buf, size_t room);

/* What a Location is made of besides the route. */
struct hdl_route_asked {
	const struct hdl_http_head *head; /* path: normalised */
	const struct hdl_ir_http_match *match;
	uint16_t listener_port;
};

/* Location of a redirect in buf. Bytes, -ENOSPC, or -EDESTADDRREQ: neither the redirect nor the request has a host. */
long hdl_route_location(const struct hdl_ir_redirect *redirect, const struct hdl_route_asked *asked, char *buf,
			size_t room);

/* The request's scheme: what x-forwarded-proto says (B.2), else that of an absolute target, else http. */
struct hdl_str hdl_route_scheme(const struct hdl_http_head *head);

#endif
