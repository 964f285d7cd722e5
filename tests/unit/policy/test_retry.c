/* SPDX-License-Identifier: Apache-2.0 */
/* Each token of retryOn against each outcome (specification B.9), the order of checks, back-off and budget. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "policy/retry.h"

#define R(code)                                   \
	{                                         \
		HDL_TRY_RESPONSE, code, false, -1 \
	}
#define LIMITED(code)                            \
	{                                        \
		HDL_TRY_RESPONSE, code, true, -1 \
	}
#define GRPC(n)                                 \
	{                                       \
		HDL_TRY_RESPONSE, 200, false, n \
	}
#define F(kind)                              \
	{                                    \
		HDL_TRY_##kind, 0, false, -1 \
	}

static const uint16_t codes[] = { 418, 503 };

static void tokens(void **state)
{
	enum {
		S500,
		S502,
		S503,
		S504,
		S505,
		S409,
		S404,
		S418,
		S200,
		L503,
		L200,
		G1,
		G4,
		G8,
		G13,
		G14,
		G2,
		CONNECT,
		BEFORE,
		RESET,
		REFUSED,
		PER_TRY,
		OUTCOMES
	};
	static const struct hdl_try_outcome outcomes[OUTCOMES] = {
		R(500),
		R(502),
		R(503),
		R(504),
		R(505),
		R(409),
		R(404),
		R(418),
		R(200),
		LIMITED(503),
		LIMITED(200),
		GRPC(1),
		GRPC(4),
		GRPC(8),
		GRPC(13),
		GRPC(14),
		GRPC(2),
		F(CONNECT_FAILURE),
		F(RESET_BEFORE_REQUEST),
		F(RESET),
		F(REFUSED_STREAM),
		F(PER_TRY_TIMEOUT),
	};
#define BIT(x) (1u << (x))
#define RESETS (BIT(CONNECT) | BIT(BEFORE) | BIT(RESET) | BIT(REFUSED) | BIT(PER_TRY))
	static const struct {
		uint32_t on, retried;
	} cases[] = {
		{ HDL_IR_RETRY_5XX, BIT(S500) | BIT(S502) | BIT(S503) | BIT(S504) | BIT(S505) | RESETS },
		{ HDL_IR_RETRY_GATEWAY_ERROR, BIT(S502) | BIT(S503) | BIT(S504) | RESETS },
		{ HDL_IR_RETRY_RESET, RESETS },
		{ HDL_IR_RETRY_RESET_BEFORE_REQUEST, BIT(CONNECT) | BIT(BEFORE) },
		{ HDL_IR_RETRY_CONNECT_FAILURE, BIT(CONNECT) },
		{ HDL_IR_RETRY_REFUSED_STREAM, BIT(REFUSED) },
		{ HDL_IR_RETRY_RETRIABLE_4XX, BIT(S409) },
		{ HDL_IR_RETRY_STATUS_CODES, BIT(S418) | BIT(S503) },
		{ HDL_IR_RETRY_RATELIMITED, BIT(L503) | BIT(L200) },
		{ HDL_IR_RETRY_GRPC_CANCELLED, BIT(G1) },
		{ HDL_IR_RETRY_GRPC_DEADLINE_EXCEEDED, BIT(G4) },
		{ HDL_IR_RETRY_GRPC_RESOURCE_EXHAUSTED, BIT(G8) },
		{ HDL_IR_RETRY_GRPC_INTERNAL, BIT(G13) },
		{ HDL_IR_RETRY_GRPC_UNAVAILABLE, BIT(G14) },
		/* Istio's default list: no real HTTP status, no per-try timeout */
		{ HDL_IR_RETRY_CONNECT_FAILURE | HDL_IR_RETRY_REFUSED_STREAM | HDL_IR_RETRY_GRPC_UNAVAILABLE |
			  HDL_IR_RETRY_GRPC_CANCELLED,
		  BIT(CONNECT) | BIT(REFUSED) | BIT(G14) | BIT(G1) },
		{ 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hdl_ir_retry retry = { .attempts = 2, .on = cases[i].on, .codes = codes, .code_count = 2 };

		for (int o = 0; o < OUTCOMES; o++) {
			bool yes = hdl_retry_decide(&retry, &outcomes[o], 0, true) == HDL_RETRY_YES;

			if (yes != !!(cases[i].retried & BIT(o)))
				fail_msg("case %zu, outcome %d: %d", i, o, yes);
		}
	}
}

static void order_of_checks(void **state)
{
	static const struct hdl_try_outcome bad = R(500), good = R(200);
	struct hdl_ir_retry retry = { .attempts = 2, .on = HDL_IR_RETRY_5XX };

	(void)state;
	assert_int_equal(hdl_retry_decide(&retry, &good, 9, false), HDL_RETRY_NO);
	assert_int_equal(hdl_retry_decide(&retry, &bad, 2, false), HDL_RETRY_LIMIT);
	assert_int_equal(hdl_retry_decide(&retry, &bad, 1, false), HDL_RETRY_OVERFLOW);
	assert_int_equal(hdl_retry_decide(&retry, &bad, 1, true), HDL_RETRY_YES);
	/* attempts: 0 turns retries off, without URX */
	retry.attempts = 0;
	assert_int_equal(hdl_retry_decide(&retry, &bad, 0, true), HDL_RETRY_NO);
}

static void backoff(void **state)
{
	static const uint64_t upper_ms[] = { 25, 25, 50, 100, 200, 250, 250, 250 }; /* by n; [0] is no retry */
	struct hdl_ir_retry retry = { .backoff_ns = 25000000 };

	(void)state;
	for (uint32_t n = 1; n < 8; n++) {
		assert_int_equal(hdl_retry_backoff_ns(&retry, n, upper_ms[n] * 1000000 - 1), upper_ms[n] * 1000000 - 1);
		assert_int_equal(hdl_retry_backoff_ns(&retry, n, upper_ms[n] * 1000000), 0);
	}
	assert_true(hdl_retry_backoff_ns(&retry, 4000000000u, ~0ull) < 250000000);
	retry.backoff_ns = 0;
	assert_int_equal(hdl_retry_backoff_ns(&retry, 1, 24999999), 24999999);
}

static void budget(void **state)
{
	static const struct {
		uint32_t percent, min;
		uint64_t active, retries;
		bool allowed;
	} cases[] = {
		{ 20, 3, 1, 0, true },    { 20, 3, 1, 2, true },     { 20, 3, 1, 3, false },
		{ 20, 3, 100, 19, true }, { 20, 3, 100, 20, false }, { 0, 0, 100, 0, false },
		{ 0, 1, 100, 0, true },   { 100, 0, 5, 4, true },    { 100, 0, 5, 5, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(hdl_budget_allows(cases[i].percent, cases[i].min, cases[i].active, cases[i].retries),
				 cases[i].allowed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens),
		cmocka_unit_test(order_of_checks),
		cmocka_unit_test(backoff),
		cmocka_unit_test(budget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
