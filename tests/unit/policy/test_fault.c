/* SPDX-License-Identifier: Apache-2.0 */
/* Draws of delays, aborts and mirrors are exact per million (specification B.8, B.10). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "policy/fault.h"

static void exact(void **state)
{
	static const uint32_t numerators[] = { 0, 1, 5699, 500000, 999999, 1000000 };
	struct hdl_ir_cluster cluster = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(numerators) / sizeof(numerators[0]); i++) {
		uint32_t n = numerators[i], delays = 0, aborts = 0, mirrors = 0;
		struct hdl_ir_fault fault = { .delay_per_million = n, .abort_per_million = n, .delay_ns = 7 };
		struct hdl_ir_mirror mirror = { .destination.cluster = &cluster, .per_million = n };

		for (uint64_t r = 3000000; r < 4000000; r++) {
			delays += hdl_fault_delay_ns(&fault, r) == 7;
			aborts += hdl_fault_aborts(&fault, r);
			mirrors += hdl_mirror_wanted(&mirror, r);
		}
		assert_int_equal(delays, n);
		assert_int_equal(aborts, n);
		assert_int_equal(mirrors, n);
		mirror.destination.cluster = NULL; /* unknown host: silently nothing */
		assert_false(hdl_mirror_wanted(&mirror, 0));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(exact) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
