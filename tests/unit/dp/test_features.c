/* SPDX-License-Identifier: Apache-2.0 */
/* A kernel that is too old is named as what is missing, whatever else it has. */
#include "unit/unit.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include "dp/features.h"

static void old_kernels_are_refused(void **state)
{
	static const char *const old[] = { "5.15.0-91-generic", "6.0.19", "4.19.0", "6", "" };
	struct hdl_features features;
	struct hdl_err err;

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(old); i++) {
		assert_int_equal(hdl_features_probe(old[i], NULL, &features, &err), -EOPNOTSUPP);
		assert_non_null(strstr(err.text, "Linux 6.1 or later"));
		assert_non_null(strstr(err.text, old[i]));
		assert_int_equal(features.count, 1);
		assert_false(features.feature[0].present);
	}
}

static void new_kernels_pass_the_version(void **state)
{
	static const char *const fresh[] = { "6.1.0-18-amd64", "6.1", "6.12.3", "10.0-rc1" };
	struct hdl_features features;
	struct hdl_err err;

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(fresh); i++) {
		(void)hdl_features_probe(fresh[i], NULL, &features, &err); /* the rest depends on this machine */
		assert_true(features.feature[0].present);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(old_kernels_are_refused),
		cmocka_unit_test(new_kernels_pass_the_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
