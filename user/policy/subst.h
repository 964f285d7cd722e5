/* SPDX-License-Identifier: Apache-2.0 */
/* Values of headers with substitution commands, for one request (specification B.5). Pure. */
#ifndef HDL_POLICY_SUBST_H
#define HDL_POLICY_SUBST_H

#include "base/subst.h"
#include "http/message.h"

/* What is known when a value is made; empty texts are not known (yet) and yield nothing. */
struct hdl_subst_facts {
	const struct hdl_http_head *request;
	const struct hdl_http_headers *response; /* NULL while there is none */
	uint16_t response_code;                  /* 0: none */
	uint64_t start_wall_ns, duration_ms, bytes_received;
	uint32_t attempts; /* 0: none */
	struct hdl_str protocol, hostname, route_name, server_name, details, flags, transport_failure;
	struct hdl_str cluster;
	/* "192.0.2.1:80", "[2001:db8::1]:80" */
	struct hdl_str upstream_remote, upstream_local, downstream_remote, downstream_local;
};

/* The value in buf. Its bytes, or -ENOSPC. */
long hdl_subst_value(const struct hdl_subst_part *parts, size_t n, const struct hdl_subst_facts *facts, char *buf,
		     size_t room);

#endif
