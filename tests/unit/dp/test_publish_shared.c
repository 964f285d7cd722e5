/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Publishing snapshots that share parts with the one before (promise P2): what is shared is neither looked at nor
 * written to, the maps say the same as for snapshots made afresh, and changes without end take no more room.
 */
#include "unit/dp/world.h"

#include <errno.h>
#include "base/rand.h"

static const struct hdl_dp_capacity small = { .services = 32, .endpoints = 128, .flows = 16 };

/* Parts by content of the last snapshot; they live as long as the test. */
struct shared {
	struct hdl_snapshot *parts; /* never published: its arena has them */
	struct world last;
	struct hdl_ir_cluster *cluster[WORLD_CLUSTERS];
	struct hdl_ir_service *service[WORLD_SERVICES];
	unsigned int reused;
	uint64_t generation;
	bool say; /* what changed is listed in the snapshot */
};

struct fixture {
	struct hdl_dp_maps maps;
	struct hdl_publisher *publisher;
	struct hdl_err err;
	struct shared shared;
	uint64_t before;
	struct world_ids ids_before;
	struct hdl_buf old_view, new_view, seen;
	unsigned int steps;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(hdl_dp_maps_memory(&f->maps, &small, &f->err), 0);
	f->publisher = hdl_publisher_new(&f->maps, &f->err);
	assert_non_null(f->publisher);
	f->shared.parts = hdl_snapshot_new();
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	hdl_publisher_free(f->publisher);
	hdl_dp_maps_close(&f->maps);
	hdl_snapshot_unref(f->shared.parts);
	hdl_buf_done(&f->old_view);
	hdl_buf_done(&f->new_view);
	hdl_buf_done(&f->seen);
	free(f);
	return 0;
}

/* --- snapshots that share ------------------------------------------------------------------------------------------ */

static void share_clusters(struct shared *shared, const struct world *w, bool changed[WORLD_CLUSTERS])
{
	for (unsigned int i = 0; i < WORLD_CLUSTERS; i++) {
		changed[i] = memcmp(&w->cluster[i], &shared->last.cluster[i], sizeof(w->cluster[i])) != 0;
		if (!changed[i])
			shared->reused += shared->cluster[i] != NULL;
		else
			shared->cluster[i] = w->cluster[i].there ? world_make_cluster(shared->parts, w, i, NULL) : NULL;
	}
}

static void share_services(struct shared *shared, const struct world *w, const bool changed[WORLD_CLUSTERS])
{
	for (unsigned int i = 0; i < WORLD_SERVICES; i++) {
		bool same = memcmp(&w->service[i], &shared->last.service[i], sizeof(w->service[i])) == 0;

		for (unsigned int c = 0; c < WORLD_CLUSTERS; c++)
			same = same && !(w->service[i].weight[c] && changed[c]);
		if (!same)
			shared->service[i] =
				w->service[i].there ? world_make_service(shared->parts, w, i, shared->cluster) : NULL;
		else
			shared->reused += shared->service[i] != NULL;
	}
}

static void list_changes(const struct shared *shared, const struct shared *before, struct hdl_snapshot *s)
{
	struct hdl_ir_changes *c = &s->changes;

	c->base = before->generation;
	c->clusters = world_alloc(s, WORLD_CLUSTERS, sizeof(*c->clusters));
	c->services = world_alloc(s, WORLD_SERVICES, sizeof(*c->services));
	for (unsigned int i = 0; i < WORLD_CLUSTERS; i++)
		if (before->cluster[i] != shared->cluster[i])
			c->clusters[c->cluster_count++] =
				(struct hdl_ir_cluster_change){ before->cluster[i], shared->cluster[i] };
	for (unsigned int i = 0; i < WORLD_SERVICES; i++)
		if (before->service[i] != shared->service[i])
			c->services[c->service_count++] =
				(struct hdl_ir_service_change){ before->service[i], shared->service[i] };
}

static struct hdl_snapshot *share(struct shared *shared, const struct world *w)
{
	struct hdl_snapshot *s = hdl_snapshot_new();
	struct shared before = *shared;
	bool changed[WORLD_CLUSTERS];

	share_clusters(shared, w, changed);
	share_services(shared, w, changed);
	shared->last = *w;
	s->generation = ++shared->generation;
	if (shared->say)
		list_changes(shared, &before, s);
	s->clusters = world_alloc(s, WORLD_CLUSTERS, sizeof(struct hdl_ir_cluster *));
	s->services = world_alloc(s, WORLD_SERVICES, sizeof(struct hdl_ir_service *));
	s->service_ports = world_alloc(s, WORLD_SERVICES, sizeof(struct hdl_ir_service_port *));
	for (unsigned int i = 0; i < WORLD_CLUSTERS; i++)
		if (shared->cluster[i])
			s->clusters[s->cluster_count++] = shared->cluster[i];
	for (unsigned int i = 0; i < WORLD_SERVICES; i++) {
		if (!shared->service[i])
			continue;
		s->services[s->service_count++] = shared->service[i];
		s->service_ports[s->service_port_count++] = shared->service[i]->ports;
	}
	return s;
}

static void publish_and_drop(struct fixture *f, const struct world *w)
{
	struct hdl_snapshot *s = share(&f->shared, w);

	if (hdl_publish(f->publisher, s, &f->err) != 0)
		fail_msg("publish: %s", f->err.text);
	hdl_snapshot_unref(s);
}

static void assert_view(struct fixture *f, const struct world *w)
{
	struct world_ids ids;

	world_expect(w, &f->new_view);
	world_find_ids(&f->maps, &ids);
	world_see(&f->maps, &ids, f->maps.state->epoch, &f->seen);
	assert_string_equal(f->seen.p, f->new_view.p);
}

/* --- what readers see ---------------------------------------------------------------------------------------------- */

static void observe(void *data)
{
	struct fixture *f = data;
	uint64_t now = f->maps.state->epoch;
	struct world_ids ids;

	f->steps++;
	world_find_ids(&f->maps, &ids);
	world_see(&f->maps, &ids, now, &f->seen);
	assert_string_equal(f->seen.p, now == f->before ? f->old_view.p : f->new_view.p);
	world_see(&f->maps, &f->ids_before, f->before, &f->seen);
	assert_string_equal(f->seen.p, f->old_view.p);
}

static void change_at_random(struct world *w, struct hdl_rand *rand)
{
	uint32_t c = hdl_rand_u32(rand) % WORLD_CLUSTERS, s = hdl_rand_u32(rand) % WORLD_SERVICES;

	switch (hdl_rand_u32(rand) % 6) {
	case 0:
		w->cluster[c].there = !w->cluster[c].there;
		break;
	case 1:
		w->cluster[c].maglev = !w->cluster[c].maglev;
		break;
	case 2:
		w->cluster[c].endpoints ^= 1u << hdl_rand_u32(rand) % WORLD_ENDPOINTS;
		break;
	case 3:
		w->service[s].there = !w->service[s].there;
		break;
	case 4:
		w->service[s].addresses = 1 + hdl_rand_u32(rand) % 2;
		w->service[s].label = HDL_LABEL_L4 + hdl_rand_u32(rand) % 2;
		break;
	case 5:
		w->service[s].weight[c] = hdl_rand_u32(rand) % 3 * 10;
		break;
	}
}

/* The fields "set by dp" of all that a snapshot has, for comparing before and after. */
static void print_fields(const struct hdl_snapshot *s, struct hdl_buf *out)
{
	out->n = 0;
	for (size_t i = 0; i < s->cluster_count; i++) {
		const struct hdl_ir_cluster *c = s->clusters[i];

		hdl_buf_printf(out, "%s %u", c->name, c->id);
		for (int f = 0; f < HDL_FAMILIES; f++)
			hdl_buf_printf(out, " %u+%u %u+%u", c->record.member[f].offset, c->record.member[f].count,
				       c->record.table[f].offset, c->record.table[f].count);
		for (size_t e = 0; e < c->endpoint_count; e++)
			hdl_buf_printf(out, " %u.%u", c->endpoints[e].id, c->endpoints[e].generation);
		hdl_buf_adds(out, "\n");
	}
}

static void parts_shared_and_fresh_say_the_same(void **state)
{
	struct fixture *f = *state;
	struct hdl_snapshot *held[4] = { NULL };
	struct hdl_buf fields[4] = { { .p = NULL } }, now = { .p = NULL };
	struct hdl_rand rand;
	struct world w = { .service = { { true, 1, HDL_LABEL_L4, { 1, 1 } } } };

	hdl_rand_seed(&rand, 5);
	publish_and_drop(f, &w);
	world_expect(&w, &f->old_view);
	hdl_publisher_set_step(f->publisher, observe, f);
	for (unsigned int i = 0; i < 3000; i++) {
		f->shared.say = hdl_rand_u32(&rand) % 2;
		if (i % 50 == 49) /* one is made and never published: the next is not relative to what is in force */
			hdl_snapshot_unref(share(&f->shared, &w));
		/* once in a while everything is made afresh, as after a change of the node's own settings */
		if (i % 100 == 99)
			memset(&f->shared.last, 0xff, sizeof(f->shared.last));
		for (uint32_t k = hdl_rand_u32(&rand) % 5; k > 0; k--)
			change_at_random(&w, &rand);
		world_expect(&w, &f->new_view);
		f->before = f->maps.state->epoch;
		world_find_ids(&f->maps, &f->ids_before);
		hdl_snapshot_unref(held[i % 4]);
		held[i % 4] = share(&f->shared, &w);
		if (hdl_publish(f->publisher, held[i % 4], &f->err) != 0)
			fail_msg("publish: %s", f->err.text);
		print_fields(held[i % 4], &fields[i % 4]);
		/* Nothing that an older snapshot shares was touched. */
		for (unsigned int k = 0; k < 4 && k <= i; k++) {
			print_fields(held[k], &now);
			assert_int_equal(now.n, fields[k].n);
			assert_true(now.n == 0 || memcmp(now.p, fields[k].p, now.n) == 0);
		}
		world_expect(&w, &f->old_view);
	}
	assert_true(f->shared.reused > 3000);
	hdl_publisher_set_step(f->publisher, NULL, NULL);
	for (int i = 0; i < 4; i++) {
		hdl_snapshot_unref(held[i]);
		hdl_buf_done(&fields[i]);
	}
	hdl_buf_done(&now);
}

/* What stays wants its address although the publisher does not look at it again. */
static void an_address_of_a_shared_service_is_taken(void **state)
{
	struct fixture *f = *state;
	struct world w = { .cluster = { { true, false, 7, 0 } },
			   .service = { { true, 1, HDL_LABEL_L4, { 1 } }, { true, 2, HDL_LABEL_L4, { 1 } } } };
	struct hdl_snapshot *s;

	publish_and_drop(f, &w);
	w.service[1].addresses = 1;
	s = share(&f->shared, &w);
	s->services[1]->addresses = s->services[0]->addresses;
	assert_int_equal(hdl_publish(f->publisher, s, &f->err), -EEXIST);
	assert_non_null(strstr(f->err.text, "172.0.0.1:80"));
	hdl_snapshot_unref(s);
	/* It may be had when the other leaves it in the same change. */
	w.service[0].there = false;
	s = share(&f->shared, &w);
	assert_int_equal(hdl_publish(f->publisher, s, &f->err), 0);
	hdl_snapshot_unref(s);
	assert_int_equal(f->publisher->service.linked, 1);
}

static void a_name_of_a_shared_cluster_is_taken(void **state)
{
	struct fixture *f = *state;
	struct world w = { .cluster = { { true, false, 7, 0 } }, .service = { { true, 1, HDL_LABEL_L4, { 1 } } } };
	struct hdl_snapshot *s;

	publish_and_drop(f, &w);
	w.cluster[1] = (struct world_cluster){ true, false, 1, 0 };
	s = share(&f->shared, &w);
	s->clusters[1]->name_hash = s->clusters[0]->name_hash;
	assert_int_equal(hdl_publish(f->publisher, s, &f->err), -EEXIST);
	hdl_snapshot_unref(s);
	w.cluster[1].there = false;
	assert_view(f, &w);
}

/* --- refused ------------------------------------------------------------------------------------------------------- */

/* A change that is refused, and one on top of it that shares the refused one's parts. */
static void parts_of_a_refused_snapshot_may_be_published_later(void **state)
{
	struct fixture *f = *state;
	struct world w = { .cluster = { { true, false, 7, 0 } }, .service = { { true, 1, HDL_LABEL_L4, { 1 } } } };
	struct hdl_snapshot *s;

	f->shared.say = true;
	publish_and_drop(f, &w);
	w.cluster[1] = (struct world_cluster){ true, true, 0xff, 0 };
	w.cluster[2] = (struct world_cluster){ true, true, 1, 0 };
	w.service[1] = (struct world_service){ true, 1, HDL_LABEL_L4, { 1, 1 } };
	s = share(&f->shared, &w);
	s->clusters[2]->table_size = 2097143;
	assert_int_equal(hdl_publish(f->publisher, s, &f->err), -ENOSPC);
	hdl_snapshot_unref(s);
	w.cluster[2].there = false;
	w.cluster[3] = (struct world_cluster){ true, false, 3, 0 };
	publish_and_drop(f, &w);
	assert_view(f, &w);
	w.cluster[0].there = w.cluster[1].there = w.cluster[3].there = false;
	w.service[0].there = w.service[1].there = false;
	publish_and_drop(f, &w);
	hdl_publisher_reap(f->publisher);
	assert_int_equal(f->publisher->cluster.linked + f->publisher->cluster.retired, 0);
	assert_int_equal(f->publisher->endpoint.linked + f->publisher->endpoint.retired, 0);
	assert_int_equal(f->publisher->slot_ranges.free, f->publisher->slot_ranges.total);
	assert_int_equal(f->publisher->endpoints_in_force, 0);
	assert_int_equal(f->publisher->services_in_force, 0);
}

/* --- cost ---------------------------------------------------------------------------------------------------------- */

static void count_step(void *data)
{
	((struct fixture *)data)->steps++;
}

/* Shared parts are not even read: here they would end the process. */
static void what_is_shared_is_not_looked_at(void **state)
{
	struct fixture *f = *state;
	struct hdl_snapshot *s;
	struct world w = { .cluster = { { true, false, 7, 0 }, { true, true, 7, 0 } },
			   .service = { { true, 1, HDL_LABEL_L4, { 1 } }, { true, 1, HDL_LABEL_L4, { 0, 1 } } } };
	struct hdl_ir_endpoint *endpoints;

	publish_and_drop(f, &w);
	hdl_publisher_set_step(f->publisher, count_step, f);
	endpoints = f->shared.cluster[1]->endpoints;
	f->shared.cluster[1]->endpoints = NULL;
	f->shared.service[1]->addresses = NULL;
	w.cluster[0].endpoints = 3;
	publish_and_drop(f, &w);
	/* members of the two families, cluster with three, the flip, and the endpoint that goes */
	assert_in_range(f->steps, 5, 7);
	/* where the snapshot says what changed, not even its arrays are */
	f->shared.say = true;
	f->steps = 0;
	w.cluster[0].endpoints = 7;
	s = share(&f->shared, &w);
	s->clusters[1] = NULL;
	s->service_ports[1] = NULL;
	assert_int_equal(hdl_publish(f->publisher, s, &f->err), 0);
	hdl_snapshot_unref(s);
	assert_in_range(f->steps, 5, 7);
	hdl_publisher_set_step(f->publisher, NULL, NULL);
	f->shared.cluster[1]->endpoints = endpoints;
}

/* --- bounds -------------------------------------------------------------------------------------------------------- */

struct room {
	uint32_t endpoint, cluster, service, retired, ranges, alive;
};

static struct room room_of(const struct hdl_publisher *p)
{
	return (struct room){ p->endpoint.next,    p->cluster.next,         p->service.next,
			      p->retired_capacity, p->slot_ranges.capacity, (uint32_t)p->alive_capacity };
}

/*
 * An endpoint comes and goes with every change, for as long as you like; nobody, or a long request that began before, or
 * several that began between, hold their snapshots. Programs have ended (grace) before the next change.
 */
static void changes_without_end(struct fixture *f, unsigned int long_requests)
{
	struct hdl_snapshot *held[8] = { NULL };
	struct world w = { .cluster = { { true, true, 0xfff, 0 }, { true, false, 7, 0 } },
			   .service = { { true, 2, HDL_LABEL_L4, { 90, 10 } } } };
	struct room before = { 0 }, after;

	publish_and_drop(f, &w);
	for (unsigned int i = 0; i < 60000; i++) {
		struct hdl_snapshot *s;

		/* each endpoint that comes is another, as pods of a rolling restart are */
		w.cluster[0].endpoints ^= 1u << i % WORLD_ENDPOINTS;
		w.service[0].weight[0] = 1 + i % 99;
		w.cluster[2 + i % 4].there = i % 3 == 0;
		s = share(&f->shared, &w);
		if (hdl_publish(f->publisher, s, &f->err) != 0)
			fail_msg("change %u: %s", i, f->err.text);
		if (i < 1000 && i % 100 == 0 && i / 100 < long_requests)
			held[i / 100] = hdl_snapshot_ref(s);
		hdl_snapshot_unref(s);
		if (i % 10 == 0)
			assert_true(hdl_publisher_reap(f->publisher) <= 1 + long_requests);
		if (i == 2000)
			before = room_of(f->publisher);
	}
	after = room_of(f->publisher);
	assert_memory_equal(&after, &before, sizeof(after));
	assert_view(f, &w);
	for (unsigned int i = 0; i < long_requests; i++)
		hdl_snapshot_unref(held[i]);
	assert_int_equal(hdl_publisher_reap(f->publisher), 1);
	assert_int_equal(f->publisher->retired_count, 0);
	assert_int_equal(f->publisher->endpoint.retired + f->publisher->cluster.retired, 0);
}

static void changes_without_end_take_no_more_room(void **state)
{
	changes_without_end(*state, 0);
}

static void long_requests_hold_back_only_what_they_may_use(void **state)
{
	changes_without_end(*state, 8);
}

/* --- numbers ------------------------------------------------------------------------------------------------------- */

static struct hdl_snapshot *with_pods(struct fixture *f, struct hdl_ir_workload **pods, size_t count)
{
	static const struct world w;
	struct hdl_snapshot *s = share(&f->shared, &w);

	s->workloads = world_alloc(s, count, sizeof(struct hdl_ir_workload *));
	memcpy(s->workloads, pods, count * sizeof(*pods));
	s->workload_count = count;
	assert_int_equal(hdl_publish(f->publisher, s, &f->err), 0);
	hdl_snapshot_unref(s);
	return s;
}

/* The two names have one hash: the number of either stays its own while it is there, whatever the other does. */
static void pods_with_one_hash_keep_apart(void **state)
{
	struct fixture *f = *state;
	struct hdl_ir_workload a = { .ns = "demo", .name = "p29672" }, b = { .ns = "demo", .name = "p74090" }, a2 = a,
			       b2 = b, a3 = a;

	with_pods(f, (struct hdl_ir_workload *[]){ &a, &b }, 2);
	assert_int_equal(b.id, a.id + 1);
	/* both change, in another order */
	with_pods(f, (struct hdl_ir_workload *[]){ &b2, &a2 }, 2);
	assert_int_equal(a2.id, a.id);
	assert_int_equal(b2.id, b.id);
	/* the first goes: the second keeps its number */
	with_pods(f, (struct hdl_ir_workload *[]){ &b2 }, 1);
	assert_int_equal(b2.id, b.id);
	assert_null(hdl_publisher_find_workload(f->publisher, a.id));
	assert_ptr_equal(hdl_publisher_find_workload(f->publisher, b.id), &b2);
	with_pods(f, (struct hdl_ir_workload *[]){ &b2, &a3 }, 2);
	assert_int_equal(a3.id, a.id);
	assert_ptr_equal(hdl_publisher_find_workload(f->publisher, a.id), &a3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(parts_shared_and_fresh_say_the_same, setup, teardown),
		cmocka_unit_test_setup_teardown(an_address_of_a_shared_service_is_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(a_name_of_a_shared_cluster_is_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(parts_of_a_refused_snapshot_may_be_published_later, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_shared_is_not_looked_at, setup, teardown),
		cmocka_unit_test_setup_teardown(changes_without_end_take_no_more_room, setup, teardown),
		cmocka_unit_test_setup_teardown(long_requests_hold_back_only_what_they_may_use, setup, teardown),
		cmocka_unit_test_setup_teardown(pods_with_one_hash_keep_apart, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
