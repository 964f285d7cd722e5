/* SPDX-License-Identifier: Apache-2.0 */
/* The clocks are those of the kernel, and error texts are cut and marked, never overrun. */
#include "unit/unit.h"
#include "base/clock.h"
#include "base/err.h"

#include <errno.h>
#include <string.h>
#include <time.h>

static uint64_t kernel_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * HDL_NS_PER_S + (uint64_t)ts.tv_nsec;
}

static void test_clocks(void **state)
{
	uint64_t before = kernel_ns(CLOCK_MONOTONIC), now = hdl_clock_mono_ns();
	uint64_t wall_before = kernel_ns(CLOCK_REALTIME);

	(void)state;
	assert_true(before <= now && now <= kernel_ns(CLOCK_MONOTONIC));
	/* wall time may be set back by others: only that it is that clock, within an hour */
	assert_true(hdl_clock_wall_ns() + 3600 * HDL_NS_PER_S > wall_before);
}

static void test_err(void **state)
{
	struct hdl_err err = { { 0 } };
	char longer[3000];

	(void)state;
	assert_int_equal(hdl_err_set(&err, -EINVAL, "%s:%d: bad", "a.yaml", 7), -EINVAL);
	assert_string_equal(err.text, "a.yaml:7: bad");
	assert_int_equal(hdl_err_set(&err, -ENOENT, "while loading: %s", err.text), -ENOENT);
	assert_string_equal(err.text, "while loading: a.yaml:7: bad");
	assert_int_equal(hdl_err_set(NULL, -EPERM, "%d", 1), -EPERM);
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	hdl_err_set(&err, -EIO, "%s", longer);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_string_equal(err.text + sizeof(err.text) - 5, "x...");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clocks),
		cmocka_unit_test(test_err),
	};

	return cmocka_run_group_tests_name("base/clock and err", tests, NULL, NULL);
}
