/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a failed try is made again, and when (specification B.9). Pure. */
#ifndef HDL_POLICY_RETRY_H
#define HDL_POLICY_RETRY_H

#include <stdbool.h>
#include <stdint.h>
#include "ir/snapshot.h"

enum hdl_try_result {
	HDL_TRY_RESPONSE,
	HDL_TRY_CONNECT_FAILURE,      /* refused, unreachable, connect timeout */
	HDL_TRY_RESET_BEFORE_REQUEST, /* connection lost before a byte of the request was sent */
	HDL_TRY_RESET,                /* connection lost, or no HTTP, before the response's head */
	HDL_TRY_REFUSED_STREAM,       /* HTTP/2 */
	HDL_TRY_PER_TRY_TIMEOUT,
};

struct hdl_try_outcome {
	enum hdl_try_result result;
	/* of a response */
	uint16_t status;
	bool ratelimited; /* carries x-envoy-ratelimited */
	int grpc_status;  /* grpc-status in the head, -1 = none */
};

enum hdl_retry_decision {
	HDL_RETRY_NO,       /* no condition holds: the outcome goes to the client */
	HDL_RETRY_LIMIT,    /* one holds, the retries are used up: flag URX */
	HDL_RETRY_OVERFLOW, /* one holds, the budget is used up: flag UO */
	HDL_RETRY_YES,
};

/* retries_made: of this request so far; budget_free: hdl_budget_allows(). */
enum hdl_retry_decision hdl_retry_decide(const struct hdl_ir_retry *retry, const struct hdl_try_outcome *outcome,
					 uint32_t retries_made, bool budget_free);

/* Pause before the n-th retry (1 = first): uniform in [0, min(base * 2^(n-1), 10 * base)). */
uint64_t hdl_retry_backoff_ns(const struct hdl_ir_retry *retry, uint32_t n, uint64_t random);

/*
 * Retry budget: retries outstanding to a cluster may be max(percent of its active requests, min).
 * active counts requests in flight, this one included; retries those that wait or are in flight.
 */
bool hdl_budget_allows(uint32_t percent, uint32_t min, uint64_t active, uint64_t retries);

#endif
