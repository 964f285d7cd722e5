/* SPDX-License-Identifier: Apache-2.0 */
/* Outlier detection follows specification C.7 event by event, and never ejects more than maxEjectionPercent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <pthread.h>
#include <cmocka.h>

#include "health/outlier.h"
#include "heddle/abi_limits.h"

#define S 1000000000ull
#define GENERATION 7

static const struct hdl_ir_outlier base = {
	.enabled = true,
	.consecutive_5xx = 3,
	.interval_ns = 10 * S,
	.base_ejection_ns = 30 * S,
	.max_ejection_percent = 100,
};

/* Events of a script: one character each. */
static enum hdl_outlier_verdict play(const struct hdl_ir_outlier *conf, struct hdl_health *h, struct hdl_balance *b,
				     uint32_t n, char event, uint64_t now, struct hdl_outlier_stats *stats)
{
	unsigned int status = 0;
	enum hdl_outlier_event e = HDL_OUTLIER_RESPONSE;

	switch (event) {
	case '2':
		status = 200;
		break;
	case '4':
		status = 404;
		break;
	case '5':
		status = 500;
		break;
	case 'b':
		status = 502;
		break;
	case 'u':
		status = 503;
		break;
	case 't':
		status = 504;
		break;
	case 'i':
		status = 501;
		break;
	case 'C':
		e = HDL_OUTLIER_CONNECT_FAILURE;
		break;
	case 'O':
		e = HDL_OUTLIER_CONNECT_OK;
		break;
	case 'R':
		e = HDL_OUTLIER_RESET;
		break;
	case 'T':
		e = HDL_OUTLIER_TIMEOUT;
		break;
	default:
		fail();
	}
	return hdl_outlier_report(conf, h, GENERATION, b, n, e, status, now, stats);
}

static void scripts(void **state)
{
	/* ejected_at: number of the event that ejects, 0 = none */
	static const struct {
		const char *what, *events;
		uint32_t c5xx, gateway, local;
		bool split;
		size_t ejected_at;
	} cases[] = {
		{ "C.7 three 5xx in a row", "555", 3, 0, 0, false, 3 },
		{ "H.53 a 200 in between resets", "552552", 3, 0, 0, false, 0 },
		{ "H.56 404s never eject, and reset", "55445544555", 3, 0, 0, false, 11 },
		{ "C.7 5xx off", "5555555", 0, 0, 0, false, 0 },
		{ "C.7 gateway errors", "ubt", 0, 3, 0, false, 3 },
		{ "C.7 another 5xx resets the gateway counter", "ub5ubt", 0, 3, 0, false, 6 },
		{ "C.7 501 is no gateway error", "iiiiii", 0, 3, 0, false, 0 },
		{ "C.7 gateway off when unset", "bbbbbb", 0, 0, 0, false, 0 },
		{ "C.7 gateway threshold below the 5xx one acts first", "uuuuu", 5, 2, 0, false, 2 },
		{ "C.7 connect failure counts as 503, both kinds", "CCC", 0, 3, 0, false, 3 },
		{ "C.7 reset counts as 503", "RRR", 3, 0, 0, false, 3 },
		{ "C.7 timeout counts as 504", "TTT", 0, 3, 0, false, 3 },
		{ "C.7 mixed", "5CT", 3, 0, 0, false, 3 },
		{ "C.7 connect ok changes nothing when not split", "55O5", 3, 0, 0, false, 4 },
		{ "C.7 split: local events count by themselves", "CCCCC", 3, 3, 5, true, 5 },
		{ "C.7 split: local off", "CCCCCCCC", 3, 3, 0, true, 0 },
		{ "C.7 split: resets after a successful connect never eject", "OROROROROROROR", 3, 3, 5, true, 0 },
		{ "C.7 split: real responses count outside", "C5C5C5", 3, 0, 9, true, 6 },
		{ "C.7 split: local events do not reset the outside counters", "55C5", 3, 0, 9, true, 4 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hdl_health h = { .generation = GENERATION };
		struct hdl_balance b = { 0 };
		struct hdl_ir_outlier conf = base;
		size_t ejected_at = 0;

		conf.consecutive_5xx = cases[i].c5xx;
		conf.consecutive_gateway = cases[i].gateway;
		conf.consecutive_local_origin = cases[i].local;
		conf.split_local_origin = cases[i].split;
		for (size_t e = 0; cases[i].events[e]; e++)
			if (play(&conf, &h, &b, 4, cases[i].events[e], 5 * S, NULL) == HDL_OUTLIER_EJECTED &&
			    !ejected_at)
				ejected_at = e + 1;
		if (ejected_at != cases[i].ejected_at)
			fail_msg("%s: ejected at %zu", cases[i].what, ejected_at);
		assert_int_equal(b.ejected, ejected_at ? 1 : 0);
		assert_int_equal(hdl_outlier_is_ejected(&h, 5 * S), ejected_at != 0);
	}
}

static void percentage(void **state)
{
	static const struct {
		uint8_t percent;
		uint32_t n, ejected;
	} cases[] = {
		{ 10, 1, 0 }, { 10, 9, 0 }, { 10, 10, 1 }, { 10, 19, 1 },   { 10, 20, 2 }, { 10, 29, 2 }, { 50, 1, 0 },
		{ 50, 2, 1 }, { 50, 3, 1 }, { 50, 4, 2 },  { 100, 1, 1 },   { 100, 5, 5 }, { 0, 5, 0 },   { 33, 3, 0 },
		{ 34, 3, 1 }, { 66, 3, 1 }, { 67, 3, 2 },  { 99, 100, 99 }, { 1, 100, 1 }, { 1, 99, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hdl_health h[100] = { 0 };
		struct hdl_balance b = { 0 };
		struct hdl_outlier_stats stats = { 0 };
		struct hdl_ir_outlier conf = base;
		uint32_t overflow = 0;

		conf.max_ejection_percent = cases[i].percent;
		conf.consecutive_5xx = 1;
		for (uint32_t e = 0; e < cases[i].n; e++) {
			h[e].generation = GENERATION;
			overflow += play(&conf, &h[e], &b, cases[i].n, '5', S, &stats) == HDL_OUTLIER_OVERFLOW;
		}
		assert_int_equal(b.ejected, cases[i].ejected);
		assert_int_equal(stats.ejections_enforced_total, cases[i].ejected);
		assert_int_equal(stats.enforced_consecutive_5xx, cases[i].ejected);
		assert_int_equal(stats.ejections_overflow, cases[i].n - cases[i].ejected);
		assert_int_equal(overflow, cases[i].n - cases[i].ejected);
	}
}

/* After an overflow as many failures are needed again. */
static void overflow_resets_the_counter(void **state)
{
	struct hdl_health h = { .generation = GENERATION };
	struct hdl_balance b = { 0 };
	struct hdl_ir_outlier conf = base;
	int overflows = 0;

	(void)state;
	conf.max_ejection_percent = 10;
	for (int i = 0; i < 7; i++)
		overflows += play(&conf, &h, &b, 3, '5', S, NULL) == HDL_OUTLIER_OVERFLOW;
	assert_int_equal(overflows, 2);
	assert_int_equal(h.consecutive_5xx, 1);
	assert_int_equal(b.ejected, 0);
}

static void eject_now(const struct hdl_ir_outlier *conf, struct hdl_health *h, struct hdl_balance *b, uint64_t now)
{
	for (uint32_t i = 1; i < conf->consecutive_5xx; i++)
		assert_int_equal(play(conf, h, b, 4, '5', now, NULL), HDL_OUTLIER_NOTHING);
	assert_int_equal(play(conf, h, b, 4, '5', now, NULL), HDL_OUTLIER_EJECTED);
}

static void times(void **state)
{
	struct hdl_health h = { .generation = GENERATION };
	struct hdl_balance b = { 0 };

	(void)state;
	/* First ejection at 3 s: 30 s, rounded up to the sweep at 40 s. */
	eject_now(&base, &h, &b, 3 * S);
	assert_int_equal(h.ejected_until_ns, 40 * S);
	assert_int_equal(h.ejection_multiplier, 1);
	assert_int_equal(h.consecutive_5xx, 0);
	assert_true(hdl_outlier_is_ejected(&h, 40 * S - 1));
	assert_false(hdl_outlier_is_ejected(&h, 40 * S));
	/* A sweep before its time does nothing; events of requests in flight do not eject again. */
	assert_false(hdl_outlier_sweep(&base, &h, GENERATION, &b, 30 * S));
	for (int i = 0; i < 7; i++)
		assert_int_equal(play(&base, &h, &b, 4, '5', 31 * S, NULL), HDL_OUTLIER_NOTHING);
	assert_int_equal(b.ejected, 1);
	assert_true(hdl_outlier_sweep(&base, &h, GENERATION, &b, 40 * S));
	assert_int_equal(b.ejected, 0);
	assert_int_equal(h.ejected_until_ns, 0);
	assert_int_equal(h.consecutive_5xx, 0);
	assert_int_equal(h.returned_ns, 40 * S);
	/* H.54 the second lasts twice as long. */
	eject_now(&base, &h, &b, 41 * S);
	assert_int_equal(h.ejection_multiplier, 2);
	assert_int_equal(h.ejected_until_ns, 110 * S);
	/* Not swept in time (the daemon was dead): the next event ends it, without a second place in the budget. */
	assert_int_equal(play(&base, &h, &b, 4, '5', 115 * S, NULL), HDL_OUTLIER_NOTHING);
	assert_int_equal(b.ejected, 0);
	assert_int_equal(h.returned_ns, 110 * S);
	assert_int_equal(h.consecutive_5xx, 1);
	/* The multiplier falls by one per sweep from one interval after the return on. */
	assert_false(hdl_outlier_sweep(&base, &h, GENERATION, &b, 119 * S));
	assert_int_equal(h.ejection_multiplier, 2);
	hdl_outlier_sweep(&base, &h, GENERATION, &b, 120 * S);
	assert_int_equal(h.ejection_multiplier, 1);
	hdl_outlier_sweep(&base, &h, GENERATION, &b, 130 * S);
	hdl_outlier_sweep(&base, &h, GENERATION, &b, 140 * S);
	assert_int_equal(h.ejection_multiplier, 0);
	assert_int_equal(h.ejections, 2);
}

/* C.7: min(base x m, max(300 s, base)); m grows while m x base < max + base. */
static void multiplier(void **state)
{
	static const struct {
		uint64_t base_s, interval_s;
		uint32_t last_m;
		uint64_t last_s;
	} cases[] = {
		{ 30, 1, 11, 300 }, { 100, 1, 4, 300 }, { 300, 1, 2, 300 }, { 400, 1, 2, 400 }, { 7, 1, 44, 300 }
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hdl_health h = { .generation = GENERATION };
		struct hdl_balance b = { 0 };
		struct hdl_ir_outlier conf = base;
		uint64_t now = S, length = 0;

		conf.base_ejection_ns = cases[i].base_s * S;
		conf.interval_ns = cases[i].interval_s * S;
		for (uint32_t n = 1; n <= 60; n++) {
			eject_now(&conf, &h, &b, now);
			length = h.ejected_until_ns - now;
			if (n <= 300 / cases[i].base_s)
				assert_int_equal(length, n * cases[i].base_s * S);
			now = h.ejected_until_ns;
			assert_true(hdl_outlier_sweep(&conf, &h, GENERATION, &b, now));
		}
		assert_int_equal(h.ejection_multiplier, cases[i].last_m);
		assert_int_equal(length, cases[i].last_s * S);
	}
}

static void other_generation(void **state)
{
	struct hdl_health h = { .generation = GENERATION + 1 }, before = h;
	struct hdl_balance b = { 0 };

	(void)state;
	for (int i = 0; i < 9; i++)
		assert_int_equal(play(&base, &h, &b, 4, '5', S, NULL), HDL_OUTLIER_NOTHING);
	assert_false(hdl_outlier_sweep(&base, &h, GENERATION, &b, S));
	assert_false(hdl_outlier_eject_by_hand(&h, GENERATION, &b));
	assert_false(hdl_outlier_restore(&h, GENERATION, &b, S));
	assert_memory_equal(&h, &before, sizeof(h));
	/* a record in no use: generation 0 */
	h.generation = 0;
	assert_int_equal(hdl_outlier_report(&base, &h, 0, &b, 4, HDL_OUTLIER_RESET, 0, S, NULL), HDL_OUTLIER_NOTHING);
	assert_int_equal(h.consecutive_5xx, 0);
}

static void by_hand(void **state)
{
	struct hdl_health h = { .generation = GENERATION };
	struct hdl_balance b = { 0 };
	struct hdl_ir_outlier conf = base;

	(void)state;
	conf.max_ejection_percent = 10;
	assert_true(hdl_outlier_eject_by_hand(&h, GENERATION, &b));
	assert_false(hdl_outlier_eject_by_hand(&h, GENERATION, &b));
	assert_int_equal(b.ejected, 1);
	assert_true(hdl_outlier_is_ejected(&h, 1ull << 62));
	assert_false(hdl_outlier_sweep(&conf, &h, GENERATION, &b, 1ull << 62));
	assert_true(hdl_outlier_restore(&h, GENERATION, &b, 5 * S));
	assert_false(hdl_outlier_restore(&h, GENERATION, &b, 5 * S));
	assert_int_equal(b.ejected, 0);
	assert_int_equal(h.returned_ns, 5 * S);
	/* Over an automatic ejection it takes no second place. */
	eject_now(&base, &h, &b, 6 * S);
	assert_true(hdl_outlier_eject_by_hand(&h, GENERATION, &b));
	assert_int_equal(b.ejected, 1);
	assert_true(hdl_outlier_restore(&h, GENERATION, &b, 7 * S));
	assert_int_equal(b.ejected, 0);
}

/* Threads that fail and sweep all endpoints at once: the budget holds at every moment and is even at the end. */
#define N 20
static struct hdl_health shared_health[N];
static struct hdl_balance shared_balance;
static struct hdl_ir_outlier shared_conf;
static atomic_uint too_many;

static void *hammer(void *data)
{
	uint64_t seed = (uintptr_t)data;

	for (uint64_t i = 0; i < 500000; i++) {
		uint32_t e;

		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		e = (uint32_t)(seed >> 33) % (i % 2 ? N : 2); /* two of them are fought over */
		if (i % 2)
			hdl_outlier_sweep(&shared_conf, &shared_health[e], GENERATION, &shared_balance, i);
		else
			play(&shared_conf, &shared_health[e], &shared_balance, N, 'u', i, NULL);
		if (__atomic_load_n(&shared_balance.ejected, __ATOMIC_RELAXED) > 6)
			atomic_fetch_add(&too_many, 1);
	}
	return NULL;
}

static void threads_never_exceed_the_percentage(void **state)
{
	pthread_t threads[4];
	uint32_t ejected = 0;

	(void)state;
	shared_conf = base;
	shared_conf.consecutive_5xx = 1;
	shared_conf.consecutive_gateway = 1;
	shared_conf.max_ejection_percent = 30;
	shared_conf.base_ejection_ns = 20;
	shared_conf.interval_ns = 5;
	for (int i = 0; i < N; i++)
		shared_health[i].generation = GENERATION;
	for (uintptr_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hammer, (void *)(i + 1)), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&too_many), 0);
	for (int i = 0; i < N; i++)
		ejected += shared_health[i].ejected_until_ns != 0;
	assert_int_equal(ejected, shared_balance.ejected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scripts),
		cmocka_unit_test(percentage),
		cmocka_unit_test(overflow_resets_the_counter),
		cmocka_unit_test(times),
		cmocka_unit_test(multiplier),
		cmocka_unit_test(other_generation),
		cmocka_unit_test(by_hand),
		cmocka_unit_test(threads_never_exceed_the_percentage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
