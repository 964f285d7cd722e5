/* SPDX-License-Identifier: Apache-2.0 */
/* Timeouts that act, and what upstreams are told of them (specification B.9). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <cmocka.h>

#include "policy/timeout.h"

#define MS 1000000ull

static void which_act(void **state)
{
	static const struct {
		uint64_t route_ms, per_try_ms;
		const char *grpc;
		uint64_t global_ms, try_ms;
	} cases[] = {
		{ 0, 0, "", 0, 0 },           { 500, 0, "", 500, 0 },    { 500, 100, "", 500, 100 },
		{ 500, 500, "", 500, 0 }, /* perTryTimeout >= timeout is ignored */
		{ 500, 600, "", 500, 0 },     { 0, 100, "", 0, 100 },    { 0, 0, "250m", 250, 0 },
		{ 500, 0, "250m", 250, 0 },   { 500, 0, "2S", 500, 0 }, /* capped by the route */
		{ 500, 300, "250m", 250, 0 }, { 500, 0, "bad", 500, 0 }, { 500, 0, "0m", 500, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hdl_ir_http_route route = { .timeout_ns = cases[i].route_ms * MS,
						   .retry.per_try_timeout_ns = cases[i].per_try_ms * MS };
		struct hdl_timeouts t = hdl_timeouts_of(&route, hdl_str_of(cases[i].grpc));

		assert_int_equal(t.global_ns, cases[i].global_ms * MS);
		assert_int_equal(t.per_try_ns, cases[i].try_ms * MS);
	}
}

static void expected_header(void **state)
{
	static const struct {
		uint64_t global_ms, try_ms, elapsed_ms, header;
	} cases[] = {
		{ 0, 0, 5, 0 },        { 500, 0, 0, 500 }, { 500, 0, 100, 400 }, { 500, 100, 0, 100 },
		{ 500, 100, 450, 50 }, { 500, 0, 500, 1 }, { 500, 0, 900, 1 },   { 0, 100, 900, 100 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hdl_timeouts t = { cases[i].global_ms * MS, cases[i].try_ms * MS };

		assert_int_equal(hdl_timeouts_expected_ms(&t, cases[i].elapsed_ms * MS), cases[i].header);
	}
}

static void grpc_values(void **state)
{
	static const struct {
		const char *text;
		int result;
		uint64_t ns;
	} cases[] = {
		{ "1H", 0, 3600000000000 },   { "2M", 0, 120000000000 }, { "3S", 0, 3000000000 },
		{ "4m", 0, 4000000 },         { "5u", 0, 5000 },         { "6n", 0, 6 },
		{ "99999999n", 0, 99999999 }, { "", -EINVAL, 0 },        { "1", -EINVAL, 0 },
		{ "S", -EINVAL, 0 },          { "1s", -EINVAL, 0 },      { "-1S", -EINVAL, 0 },
		{ "100000000n", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t ns = 0;

		assert_int_equal(hdl_grpc_timeout_parse(hdl_str_of(cases[i].text), &ns), cases[i].result);
		assert_int_equal(ns, cases[i].ns);
	}
}

/* B.9: the header is rewritten when the route's timeout cuts it. */
static void grpc_capped(void **state)
{
	static const struct {
		uint64_t route_ns;
		const char *asked, *told;
	} cases[] = {
		{ 2000000000, "5S", "2000m" }, { 2000000000, "2S", "" },
		{ 2000000000, "100m", "" },    { 250000000, "1H", "250m" },
		{ 250000000, "0S", "250m" },   { 0, "5S", "" },
		{ 250000000, "5x", "" },       { 360000000000000, "99999999H", "360000S" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hdl_ir_http_route route = { .timeout_ns = cases[i].route_ns };
		struct hdl_timeouts t = hdl_timeouts_of(&route, hdl_str_of(cases[i].asked));
		char text[HDL_GRPC_TIMEOUT_BYTES + 1];
		size_t n = hdl_grpc_timeout_capped(&t, hdl_str_of(cases[i].asked), text);

		text[n] = '\0';
		assert_string_equal(text, cases[i].told);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(which_act),
		cmocka_unit_test(expected_header),
		cmocka_unit_test(grpc_values),
		cmocka_unit_test(grpc_capped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
