/* SPDX-License-Identifier: Apache-2.0 */
/* Checks quantities as Kubernetes' resource.Quantity.Value() has them: suffixes, exponents, rounding, bounds. */
#include "unit/unit.h"
#include <errno.h>
#include "base/quantity.h"

static void quantities(void **state)
{
	static const struct {
		const char *text;
		int r;
		int64_t value;
	} row[] = {
		{ "0", 0, 0 },
		{ "500", 0, 500 },
		{ "+5", 0, 5 },
		{ "-5", 0, -5 },
		{ "1k", 0, 1000 },
		{ "1Ki", 0, 1024 },
		{ "60Ki", 0, 61440 },
		{ "1.5Mi", 0, 1572864 },
		{ "0.5Ki", 0, 512 },
		{ ".5Gi", 0, 536870912 },
		{ "1.", 0, 1 },
		{ "7Ei", 0, 7ll << 60 },
		{ "8Ei", -ERANGE, 0 },
		{ "-8Ei", 0, INT64_MIN },
		{ "9E", 0, 9000000000000000000 },
		{ "10E", -ERANGE, 0 },
		{ "2e3", 0, 2000 },
		{ "2E3", 0, 2000 },
		{ "1.5e+3", 0, 1500 },
		{ "1500e-3", 0, 2 },
		{ "1500m", 0, 2 },
		{ "-1500m", 0, -2 },
		{ "1m", 0, 1 },
		{ "1n", 0, 1 },
		{ "1000u", 0, 1 },
		{ "0m", 0, 0 },
		{ "0.0001Ki", 0, 1 },
		{ "9223372036854775807", 0, INT64_MAX },
		{ "-9223372036854775808", 0, INT64_MIN },
		{ "9223372036854775808", -ERANGE, 0 },
		{ "9223372036854775807000m", 0, INT64_MAX },
		{ "9223372036854775807001m", -ERANGE, 0 },
		{ "1e18", 0, 1000000000000000000 },
		{ "1e19", -ERANGE, 0 },
		{ "1e999999999999999999999", -ERANGE, 0 },
		{ "0e999999999999999999999", 0, 0 },
		{ "1e-999999999999999999999", 0, 1 },
		{ "0000000000000000000000000000000000000000000000000000000000001Ki", 0, 1024 },
		{ "1.00000000000000000000000000000000000000000000000000000000000000001", 0, 2 },
		{ "100000000000000000000000000000000000000000000000000000000000000000e-60", 0, 100000 },
		{ "", -EINVAL, 0 },
		{ "-", -EINVAL, 0 },
		{ ".", -EINVAL, 0 },
		{ "Ki", -EINVAL, 0 },
		{ "1K", -EINVAL, 0 },
		{ "1ki", -EINVAL, 0 },
		{ "1 Ki", -EINVAL, 0 },
		{ "1Kib", -EINVAL, 0 },
		{ "1ee3", -EINVAL, 0 },
		{ "1e", -EINVAL, 0 },
		{ "1e3Ki", -EINVAL, 0 },
		{ "1,5", -EINVAL, 0 },
		{ "0x10", -EINVAL, 0 },
		{ "--1", -EINVAL, 0 },
		{ "1i", -EINVAL, 0 },
		{ "1mi", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(row); i++) {
		int64_t value = 42;
		int r = hdl_quantity_parse(hdl_str_of(row[i].text), &value);

		if (r != row[i].r || value != (r ? 42 : row[i].value))
			fail_msg("%s: %d %lld", row[i].text, r, (long long)value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(quantities) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
