/* SPDX-License-Identifier: Apache-2.0 */
/* When clusters are swept (specification C.7: every interval, hosts return only at a sweep). The time is made up. */
#include "unit/unit.h"
#include "heddled/sweep.h"

#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "health/outlier.h"

#define S HDL_NS_PER_S

struct fixture {
	struct hdl_dp_maps maps;
	struct hdl_ir_cluster cluster[2];
	struct hdl_ir_cluster *clusters[2];
	struct hdl_ir_endpoint endpoint[2];
	struct hdl_snapshot snapshot;
	struct hdl_sweep sweep;
};

static int setup(void **state)
{
	static const struct hdl_dp_capacity capacity = { .services = 16, .endpoints = 16, .flows = 16 };
	struct fixture *f = calloc(1, sizeof(*f));
	struct hdl_err err;

	assert_non_null(f);
	assert_int_equal(hdl_dp_maps_memory(&f->maps, &capacity, &err), 0);
	for (uint32_t i = 0; i < 2; i++) {
		f->endpoint[i] = (struct hdl_ir_endpoint){ .id = i + 1, .generation = 5, .weight = 1 };
		f->maps.health[i + 1].generation = 5;
		f->cluster[i] =
			(struct hdl_ir_cluster){ .id = i + 1, .endpoints = &f->endpoint[i], .endpoint_count = 1 };
		f->clusters[i] = &f->cluster[i];
	}
	f->cluster[0].outlier = (struct hdl_ir_outlier){ .enabled = true, .interval_ns = S, .base_ejection_ns = 2 * S };
	f->snapshot.clusters = f->clusters;
	f->snapshot.cluster_count = 2;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	hdl_dp_maps_close(&f->maps);
	free(f);
	return 0;
}

static void eject(struct fixture *f, uint32_t id, uint64_t until_ns)
{
	f->maps.health[id].ejected_until_ns = until_ns;
	f->maps.health[id].ejections = 1;
	f->maps.balance[id].ejected = 1;
}

static void test_next(void **state)
{
	struct fixture *f = *state;

	f->sweep.last_ns = 100 * S + 300;
	assert_int_equal(hdl_sweep_next_ns(&f->sweep, &f->snapshot), 101 * S);
	f->cluster[0].outlier.interval_ns = 7 * S;
	assert_int_equal(hdl_sweep_next_ns(&f->sweep, &f->snapshot), 105 * S);
	/* without outlier detection: every 10 s, for what an earlier configuration ejected */
	f->cluster[0].outlier.enabled = false;
	assert_int_equal(hdl_sweep_next_ns(&f->sweep, &f->snapshot), 110 * S);
	f->snapshot.cluster_count = 0;
	assert_int_equal(hdl_sweep_next_ns(&f->sweep, &f->snapshot), 110 * S);
}

static void test_return_at_sweep(void **state)
{
	struct fixture *f = *state;

	f->sweep.last_ns = 100 * S;
	eject(f, 1, 102 * S);
	hdl_sweep_run(&f->sweep, &f->snapshot, &f->maps, 101 * S);
	assert_int_equal(f->sweep.returned, 0);
	assert_int_equal(f->maps.balance[1].ejected, 1);
	hdl_sweep_run(&f->sweep, &f->snapshot, &f->maps, 102 * S + 1);
	assert_int_equal(f->sweep.returned, 1);
	assert_int_equal(f->maps.balance[1].ejected, 0);
	assert_int_equal(f->maps.health[1].ejected_until_ns, 0);
}

/* Only the clusters of which a multiple was passed; the others wait for theirs. */
static void test_each_its_interval(void **state)
{
	struct fixture *f = *state;

	f->sweep.last_ns = 101 * S;
	eject(f, 1, 101 * S);
	eject(f, 2, 101 * S);
	hdl_sweep_run(&f->sweep, &f->snapshot, &f->maps, 103 * S);
	assert_int_equal(f->maps.balance[1].ejected, 0);
	assert_int_equal(f->maps.balance[2].ejected, 1);
	hdl_sweep_run(&f->sweep, &f->snapshot, &f->maps, 110 * S);
	assert_int_equal(f->maps.balance[2].ejected, 0);
}

static void test_not_ours(void **state)
{
	struct fixture *f = *state;

	f->sweep.last_ns = 100 * S;
	eject(f, 1, 100 * S);
	f->maps.health[1].generation = 6;
	hdl_sweep_run(&f->sweep, &f->snapshot, &f->maps, 102 * S);
	assert_int_equal(f->maps.balance[1].ejected, 1);
	f->maps.health[1].generation = 5;
	f->maps.health[1].ejected_until_ns = HDL_EJECTED_BY_HAND;
	hdl_sweep_run(&f->sweep, &f->snapshot, &f->maps, 104 * S);
	assert_int_equal(f->maps.balance[1].ejected, 1);
	/* ids outside of the maps do no harm */
	f->endpoint[0].id = f->maps.endpoint_count;
	f->cluster[1].id = f->maps.cluster_count;
	hdl_sweep_run(&f->sweep, &f->snapshot, &f->maps, 120 * S);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
	const struct CMUnitTest tests[] = { T(next), T(return_at_sweep), T(each_its_interval), T(not_ours) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
