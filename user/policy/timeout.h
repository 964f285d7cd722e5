/* SPDX-License-Identifier: Apache-2.0 */
/* Which timeouts act on a request (specification B.9, "Timers"). Pure. */
#ifndef HDL_POLICY_TIMEOUT_H
#define HDL_POLICY_TIMEOUT_H

#include <stdint.h>
#include "base/str.h"
#include "ir/snapshot.h"

struct hdl_timeouts {
	uint64_t global_ns;  /* from the complete request to the complete response; 0 = none */
	uint64_t per_try_ns; /* from the complete request on a ready connection to the response's head; 0 = none */
};

/* grpc_timeout: value of the header on a gRPC request, n 0 = none. It is capped by the route's timeout. */
struct hdl_timeouts hdl_timeouts_of(const struct hdl_ir_http_route *route, struct hdl_str grpc_timeout);

/* Value of x-envoy-expected-rq-timeout-ms after elapsed_ns of the request's time; 0 = the header is left out. */
uint64_t hdl_timeouts_expected_ms(const struct hdl_timeouts *timeouts, uint64_t elapsed_ns);

/* "100m", "5S", ...: up to 8 digits and one of H M S m u n. 0 or -EINVAL. */
int hdl_grpc_timeout_parse(struct hdl_str text, uint64_t *ret_ns);

#define HDL_GRPC_TIMEOUT_BYTES 10
/*
 * What the endpoint must be told instead of the client's grpc-timeout: the text of the timeout that really acts, when it
 * is shorter. Bytes in text, 0 = the header stays as it is.
 */
size_t hdl_grpc_timeout_capped(const struct hdl_timeouts *timeouts, struct hdl_str grpc_timeout,
			       char text[static HDL_GRPC_TIMEOUT_BYTES]);

#endif
