/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshots on threads, as workers use them: taken, read and let go anywhere while the control thread makes, publishes
 * and retires. One that is kept throughout says the same at the end, and costs what it has, not what came after it.
 */
#include "unit/unit.h"
#include "unit/xlate/edits.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/addr.h"
#include "dp/publish.h"
#include "route/table.h"

#define READERS 3
#define EPOCHS 400
#define KEPT 4

struct slot {
	pthread_mutex_t lock;
	struct hdl_snapshot *current;
	atomic_bool stop;
	atomic_size_t taken;
};

static struct hdl_snapshot *take(struct slot *slot)
{
	struct hdl_snapshot *s;

	pthread_mutex_lock(&slot->lock);
	s = hdl_snapshot_ref(slot->current);
	pthread_mutex_unlock(&slot->lock);
	atomic_fetch_add(&slot->taken, 1);
	return s;
}

/* All that a worker reads, the numbers included that came with publication. Returns how much there is. */
static uint64_t look_at(const struct hdl_snapshot *s)
{
	uint64_t sum = s->epoch;

	for (size_t i = 0; i < s->cluster_count; i++) {
		sum += s->clusters[i]->id;
		for (size_t e = 0; e < s->clusters[i]->endpoint_count; e++)
			sum += s->clusters[i]->endpoints[e].id + s->clusters[i]->endpoints[e].generation;
	}
	for (size_t i = 0; i < s->workload_count; i++) {
		const struct hdl_addr *a = s->workloads[i]->address;

		sum += s->workloads[i]->id;
		if (!hdl_addr_is_zero(&a[HDL_FAMILY_V4]) &&
		    hdl_snapshot_find_workload(s, &a[HDL_FAMILY_V4]) != s->workloads[i])
			return 0;
	}
	for (size_t i = 0; i < s->service_port_count; i++) {
		struct hdl_str host = hdl_str_of(s->service_ports[i]->service->fqdn);
		const struct hdl_ir_vhost *vhost = hdl_route_ask(s, NULL, NULL, s->service_ports[i], host);

		for (size_t r = 0; vhost && r < vhost->route_count; r++)
			sum += vhost->routes[r].destination_count;
	}
	return sum;
}

/* Keeps some of them for a while, and its first to the end. */
static void *reader(void *data)
{
	struct slot *slot = data;
	struct hdl_snapshot *first = take(slot), *kept[KEPT] = { NULL };
	struct hdl_buf then = { 0 }, now = { 0 };
	uint64_t bad = 0;

	hdl_snapshot_dump(first, &then);
	for (unsigned int i = 0; !atomic_load(&slot->stop); i++) {
		struct hdl_snapshot *s = take(slot);

		bad += look_at(s) == 0;
		hdl_snapshot_unref(kept[i % KEPT]);
		kept[i % KEPT] = s;
		bad += look_at(kept[(i * 7 + 3) % KEPT] ? kept[(i * 7 + 3) % KEPT] : s) == 0;
	}
	for (int i = 0; i < KEPT; i++)
		hdl_snapshot_unref(kept[i]);
	hdl_snapshot_dump(first, &now);
	bad += now.n != then.n || memcmp(now.p, then.p, now.n) != 0;
	hdl_snapshot_unref(first);
	hdl_buf_done(&then);
	hdl_buf_done(&now);
	return bad ? slot : NULL;
}

struct maker {
	struct edits edits;
	struct hdl_xlator *x;
	struct hdl_dp_maps maps;
	struct hdl_publisher *publisher;
	struct hdl_snapshot *compiled;
};

static struct hdl_snapshot *make(struct maker *m)
{
	struct hdl_resource_list *list;
	struct hdl_diags diags = { 0 };
	struct hdl_snapshot *s;
	struct hdl_err err;

	assert_int_equal(hdl_resource_store_commit(m->edits.store, &list), 0);
	assert_int_equal(hdl_xlator_run(m->x, list->at, list->n, list, &diags, &s), 0);
	hdl_resource_list_unref(list);
	hdl_diags_done(&diags);
	assert_int_equal(hdl_route_compile_next(s, m->compiled), 0);
	hdl_snapshot_unref(m->compiled);
	m->compiled = hdl_snapshot_ref(s);
	if (hdl_publish(m->publisher, s, &err) != 0)
		fail_msg("%s", err.text);
	return s;
}

static void maker_begin(struct maker *m)
{
	static const struct hdl_dp_capacity capacity = { .services = 512, .endpoints = 16384, .flows = 16 };
	struct hdl_err err;

	memset(m, 0, sizeof(*m));
	assert_int_equal(hdl_dp_maps_memory(&m->maps, &capacity, &err), 0);
	m->publisher = hdl_publisher_new(&m->maps, &err);
	m->x = hdl_xlator_new(NULL);
	assert_non_null(m->publisher);
	assert_non_null(m->x);
	edit_begin(&m->edits, 7);
}

static void maker_done(struct maker *m)
{
	hdl_snapshot_unref(m->compiled);
	hdl_publisher_free(m->publisher);
	hdl_xlator_free(m->x);
	hdl_dp_maps_close(&m->maps);
	hdl_resource_store_free(m->edits.store);
}

/* What a snapshot of the same takes that shares nothing. */
static size_t bytes_anew(struct maker *m)
{
	struct hdl_xlator *x = hdl_xlator_new(NULL);
	struct hdl_resource_list *list;
	struct hdl_diags diags = { 0 };
	struct hdl_snapshot *s;
	size_t bytes;

	assert_int_equal(hdl_resource_store_commit(m->edits.store, &list), 0);
	assert_int_equal(hdl_xlator_run(x, list->at, list->n, list, &diags, &s), 0);
	bytes = hdl_xlator_bytes(x);
	hdl_snapshot_unref(s);
	hdl_resource_list_unref(list);
	hdl_diags_done(&diags);
	hdl_xlator_free(x);
	return bytes;
}

static void publish_next(struct maker *m, struct slot *slot)
{
	struct hdl_snapshot *s = make(m), *before;

	pthread_mutex_lock(&slot->lock);
	before = slot->current;
	slot->current = s;
	pthread_mutex_unlock(&slot->lock);
	hdl_snapshot_unref(before);
}

static void on_threads(void **state)
{
	struct slot slot = { .lock = PTHREAD_MUTEX_INITIALIZER };
	pthread_t thread[READERS];
	struct maker m;
	unsigned int alive;
	size_t bytes;

	(void)state;
	maker_begin(&m);
	publish_next(&m, &slot);
	for (int i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, reader, &slot), 0);
	for (int i = 0; i < EPOCHS; i++) {
		size_t taken = atomic_load(&slot.taken);

		for (int n = 0; n < 3; n++)
			edit_any(&m.edits);
		publish_next(&m, &slot);
		while (i % 4 == 0 && atomic_load(&slot.taken) < taken + READERS)
			sched_yield();
	}
	bytes = hdl_xlator_bytes(m.x);
	alive = hdl_publisher_reap(m.publisher);
	atomic_store(&slot.stop, true);
	for (int i = 0; i < READERS; i++) {
		void *bad;

		pthread_join(thread[i], &bad);
		assert_null(bad);
	}
	/* what readers keep, and what is in force, but not what was between */
	assert_true(bytes < (2 + READERS * (KEPT + 2)) * bytes_anew(&m));
	assert_true(alive <= 2 + READERS * (KEPT + 2));
	hdl_snapshot_unref(slot.current);
	assert_int_equal(hdl_publisher_reap(m.publisher), 1);
	maker_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(on_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
