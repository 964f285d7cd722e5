/* SPDX-License-Identifier: Apache-2.0 */
/* The conditions of retryOn, the order of checks on a failed try, back-off and budget. */
#include "policy/retry.h"

#define DEFAULT_BACKOFF_NS 25000000ull

#define ANY_RESET (HDL_IR_RETRY_5XX | HDL_IR_RETRY_GATEWAY_ERROR | HDL_IR_RETRY_RESET)

static uint32_t tokens_of_grpc(int status)
{
	switch (status) {
	case 1:
		return HDL_IR_RETRY_GRPC_CANCELLED;
	case 4:
		return HDL_IR_RETRY_GRPC_DEADLINE_EXCEEDED;
	case 8:
		return HDL_IR_RETRY_GRPC_RESOURCE_EXHAUSTED;
	case 13:
		return HDL_IR_RETRY_GRPC_INTERNAL;
	case 14:
		return HDL_IR_RETRY_GRPC_UNAVAILABLE;
	default:
		return 0;
	}
}

static bool is_listed(const struct hdl_ir_retry *retry, uint16_t status)
{
	for (size_t i = 0; i < retry->code_count; i++)
		if (retry->codes[i] == status)
			return true;
	return false;
}

/* Tokens under which this response is retried. */
static uint32_t tokens_of_response(const struct hdl_ir_retry *retry, const struct hdl_try_outcome *o)
{
	uint32_t tokens;

	/* Whatever else is configured: only the one token may repeat a rate-limited request. */
	if (o->ratelimited)
		return HDL_IR_RETRY_RATELIMITED;
	tokens = tokens_of_grpc(o->grpc_status);
	if (o->status >= 500 && o->status <= 599)
		tokens |= HDL_IR_RETRY_5XX;
	if (o->status >= 502 && o->status <= 504)
		tokens |= HDL_IR_RETRY_GATEWAY_ERROR;
	if (o->status == 409)
		tokens |= HDL_IR_RETRY_RETRIABLE_4XX;
	if (is_listed(retry, o->status))
		tokens |= HDL_IR_RETRY_STATUS_CODES;
	return tokens;
}

static uint32_t tokens_of(const struct hdl_ir_retry *retry, const struct hdl_try_outcome *o)
{
	switch (o->result) {
	case HDL_TRY_RESPONSE:
		return tokens_of_response(retry, o);
	case HDL_TRY_CONNECT_FAILURE:
		return ANY_RESET | HDL_IR_RETRY_CONNECT_FAILURE | HDL_IR_RETRY_RESET_BEFORE_REQUEST;
	case HDL_TRY_RESET_BEFORE_REQUEST:
		return ANY_RESET | HDL_IR_RETRY_RESET_BEFORE_REQUEST;
	case HDL_TRY_REFUSED_STREAM:
		return ANY_RESET | HDL_IR_RETRY_REFUSED_STREAM;
	case HDL_TRY_RESET:
	case HDL_TRY_PER_TRY_TIMEOUT:
		return ANY_RESET;
	}
	return 0;
}

enum hdl_retry_decision hdl_retry_decide(const struct hdl_ir_retry *retry, const struct hdl_try_outcome *outcome,
					 uint32_t retries_made, bool budget_free)
{
	if (retry->attempts == 0 || !(retry->on & tokens_of(retry, outcome)))
		return HDL_RETRY_NO;
	if (retries_made >= retry->attempts)
		return HDL_RETRY_LIMIT;
	return budget_free ? HDL_RETRY_YES : HDL_RETRY_OVERFLOW;
}

uint64_t hdl_retry_backoff_ns(const struct hdl_ir_retry *retry, uint32_t n, uint64_t random)
{
	uint64_t base = retry->backoff_ns ? retry->backoff_ns : DEFAULT_BACKOFF_NS, max = base * 10, next;

	next = n >= 5 ? max : base << (n > 0 ? n - 1 : 0);
	if (next > max)
		next = max;
	return random % next;
}

bool hdl_budget_allows(uint32_t percent, uint32_t min, uint64_t active, uint64_t retries)
{
	uint64_t allowed = active * percent / 100;

	return retries < (allowed > min ? allowed : min);
}
