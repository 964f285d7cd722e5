/* SPDX-License-Identifier: Apache-2.0 */
/* Grace periods in a thread of their own: one that begins while another lasts is another one, and failures are told. */
#include "unit/unit.h"
#include "dp/maps.h"

#include <errno.h>
#include <semaphore.h>

/* The kernel's wait: it lasts until the test lets it end. */
static sem_t begun, end;
static int result;

static int fake_grace(struct hdl_dp_maps *maps, struct hdl_err *err)
{
	(void)maps;
	sem_post(&begun);
	sem_wait(&end);
	return result ? hdl_err_set(err, result, "no") : 0;
}

#define hdl_dp_grace fake_grace
#include "dp/grace.c"

static int setup(void **state)
{
	(void)state;
	result = 0;
	return sem_init(&begun, 0, 0) || sem_init(&end, 0, 0);
}

static void test_periods(void **state)
{
	struct hdl_dp_maps maps = { 0 };
	struct hdl_grace *grace = hdl_grace_new(&maps);
	uint64_t first, second, third;
	struct hdl_err err;

	(void)state;
	assert_non_null(grace);
	first = hdl_grace_begin(grace);
	sem_wait(&begun);
	assert_false(hdl_grace_is_over(grace, first));
	/* programs that run now are not waited for by the first one */
	second = hdl_grace_begin(grace);
	third = hdl_grace_begin(grace);
	sem_post(&end);
	assert_int_equal(hdl_grace_wait(grace, first, &err), 0);
	assert_true(hdl_grace_is_over(grace, first));
	assert_false(hdl_grace_is_over(grace, second));
	/* one for both */
	sem_wait(&begun);
	sem_post(&end);
	assert_int_equal(hdl_grace_wait(grace, third, &err), 0);
	assert_true(hdl_grace_is_over(grace, second));
	assert_int_equal(sem_trywait(&begun), -1);
	assert_null(hdl_grace_free(grace));
}

static void test_failure(void **state)
{
	struct hdl_dp_maps maps = { 0 };
	struct hdl_grace *grace = hdl_grace_new(&maps);
	struct hdl_err err;
	uint64_t number;

	(void)state;
	result = -EPERM;
	number = hdl_grace_begin(grace);
	sem_post(&end); /* of the thread */
	sem_post(&end); /* of who asks why */
	assert_int_equal(hdl_grace_wait(grace, number, &err), -EPERM);
	assert_string_equal(err.text, "no");
	assert_true(hdl_grace_is_over(grace, number));
	/* and the next one is tried */
	result = 0;
	number = hdl_grace_begin(grace);
	sem_post(&end);
	assert_int_equal(hdl_grace_wait(grace, number, &err), 0);
	hdl_grace_free(grace);
	assert_null(hdl_grace_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup(test_periods, setup),
					    cmocka_unit_test_setup(test_failure, setup) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
