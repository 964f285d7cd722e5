/* SPDX-License-Identifier: Apache-2.0 */
/* Publishing (promise P2): no reader sees half of a change, nothing is used again too early, a change that does not fit
 * leaves everything as it was, and what is there is adopted. On plain memory. */
#include "unit/dp/world.h"

#include <errno.h>
#include <sys/mman.h>
#include "base/rand.h"

static const struct hdl_dp_capacity small = { .services = 32, .endpoints = 128, .flows = 16 };

struct fixture {
	struct hdl_dp_maps maps;
	struct hdl_publisher *publisher;
	struct hdl_err err;
	/* for the observer */
	uint64_t before; /* epoch in force when the publication began */
	struct world_ids ids_before;
	struct hdl_buf old_view, new_view, seen;
	unsigned int steps;
	bool adopt_each_step;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(hdl_dp_maps_memory(&f->maps, &small, &f->err), 0);
	f->publisher = hdl_publisher_new(&f->maps, &f->err);
	assert_non_null(f->publisher);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	hdl_publisher_free(f->publisher);
	hdl_dp_maps_close(&f->maps);
	hdl_buf_done(&f->old_view);
	hdl_buf_done(&f->new_view);
	hdl_buf_done(&f->seen);
	free(f);
	return 0;
}

/* Publishes and returns the snapshot, with the caller's reference. */
static struct hdl_snapshot *publish(struct fixture *f, const struct world *w)
{
	struct hdl_snapshot *s = world_snapshot(w);
	int r = hdl_publish(f->publisher, s, &f->err);

	if (r != 0)
		fail_msg("publish: %s", f->err.text);
	return s;
}

static void publish_and_drop(struct fixture *f, const struct world *w)
{
	hdl_snapshot_unref(publish(f, w));
}

static void assert_view(struct fixture *f, const struct world *w)
{
	struct world_ids ids;

	world_expect(w, &f->new_view);
	world_find_ids(&f->maps, &ids);
	world_see(&f->maps, &ids, f->maps.state->epoch, &f->seen);
	assert_string_equal(f->seen.p, f->new_view.p);
}

static struct world simple_world(void)
{
	return (struct world){
		.cluster = { { true, false, 0x7, 0 }, { true, true, 0x18, 50 } },
		.service = { { true, 1, HDL_LABEL_L4, { 90, 10 } }, { true, 2, HDL_LABEL_REQUEST, { 1 } } },
	};
}

/* --- atomicity ----------------------------------------------------------------------------------------------------- */

static void adopt_copy(const struct fixture *f)
{
	struct hdl_dp_maps copy;
	struct hdl_publisher *publisher;
	struct hdl_vip_key key;
	struct hdl_err err;
	struct hdl_buf seen = { .p = NULL };
	struct world_ids ids;
	uint32_t id;

	assert_int_equal(hdl_dp_maps_memory(&copy, &small, &err), 0);
	*copy.state = *f->maps.state;
	memcpy(copy.service, f->maps.service, f->maps.service_count * sizeof(*copy.service));
	memcpy(copy.route, f->maps.route, f->maps.route_count * sizeof(*copy.route));
	memcpy(copy.cluster, f->maps.cluster, f->maps.cluster_count * sizeof(*copy.cluster));
	memcpy(copy.endpoint, f->maps.endpoint, f->maps.endpoint_count * sizeof(*copy.endpoint));
	memcpy(copy.health, f->maps.health, f->maps.endpoint_count * sizeof(*copy.health));
	memcpy(copy.slot, f->maps.slot, 4096 * sizeof(*copy.slot)); /* first fit: nothing is further up */
	for (int r = hdl_dp_vip_next(&f->maps, NULL, &key); r == 0; r = hdl_dp_vip_next(&f->maps, &key, &key)) {
		assert_int_equal(hdl_dp_vip_get(&f->maps, &key, &id), 0);
		assert_int_equal(hdl_dp_vip_set(&copy, &key, id), 0);
	}
	publisher = hdl_publisher_new(&copy, &err);
	if (!publisher)
		fail_msg("adoption: %s", err.text);
	world_find_ids(&copy, &ids);
	world_see(&copy, &ids, copy.state->epoch, &seen);
	assert_string_equal(seen.p, copy.state->epoch == f->before ? f->old_view.p : f->new_view.p);
	/* And a publication on top is sound. */
	struct hdl_snapshot *s = world_snapshot(&(struct world){ .cluster = { { true, false, 1, 0 } },
								 .service = { { true, 1, HDL_LABEL_L4, { 1 } } } });
	if (hdl_publish(publisher, s, &err) != 0)
		fail_msg("publication after adoption: %s", err.text);
	hdl_snapshot_unref(s);
	hdl_publisher_free(publisher);
	hdl_dp_maps_close(&copy);
	hdl_buf_done(&seen);
}

/* Each line is that of the old view, or of the new one where that has none. */
static void assert_lines(const char *seen, const char *old, const char *new)
{
	while (*seen) {
		size_t n = strcspn(seen, "\n") + 1, old_n = strcspn(old, "\n") + 1, new_n = strcspn(new, "\n") + 1;
		bool is_old = n == old_n && memcmp(seen, old, n) == 0;
		bool is_gone = n == new_n && memcmp(seen, new, n) == 0 && memcmp(seen + n - 6, " none", 5) == 0;

		if (!is_old && !is_gone)
			fail_msg("%.*s is neither %.*s nor gone", (int)n, seen, (int)old_n, old);
		seen += n;
		old += old_n;
		new += new_n;
	}
}

/* Between any two writes: a reader that starts now, and one that loaded epoch and ids before the publication began. */
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
	/* It loaded the epoch before, and looks the id up now: a service that went may be gone already. */
	world_see(&f->maps, &ids, f->before, &f->seen);
	assert_lines(f->seen.p, f->old_view.p, f->new_view.p);
	if (f->adopt_each_step)
		adopt_copy(f);
}

static void change_at_random(struct world *w, struct hdl_rand *rand)
{
	uint32_t c = hdl_rand_u32(rand) % WORLD_CLUSTERS, s = hdl_rand_u32(rand) % WORLD_SERVICES;

	switch (hdl_rand_u32(rand) % 7) {
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
		w->cluster[c].min_health = (uint8_t)(hdl_rand_u32(rand) % 100);
		break;
	case 4:
		w->service[s].there = !w->service[s].there;
		break;
	case 5:
		w->service[s].addresses = 1 + hdl_rand_u32(rand) % 2;
		w->service[s].label = HDL_LABEL_L4 + hdl_rand_u32(rand) % 2;
		break;
	case 6:
		w->service[s].weight[c] = hdl_rand_u32(rand) % 3 * 10;
		break;
	}
}

static void start_world(struct world *w)
{
	memset(w, 0, sizeof(*w));
	for (unsigned int i = 0; i < WORLD_SERVICES; i++)
		w->service[i] = (struct world_service){ true, 1, HDL_LABEL_L4, { 1, 1 } };
}

static void observed_changes(struct fixture *f, uint64_t seed, int publications)
{
	struct hdl_snapshot *held[4] = { NULL };
	struct hdl_rand rand;
	struct world w;

	hdl_rand_seed(&rand, seed);
	start_world(&w);
	publish_and_drop(f, &w);
	world_expect(&w, &f->old_view);
	hdl_publisher_set_step(f->publisher, observe, f);
	for (int i = 0; i < publications; i++) {
		for (uint32_t k = hdl_rand_u32(&rand) % 5; k > 0; k--)
			change_at_random(&w, &rand);
		world_expect(&w, &f->new_view);
		f->before = f->maps.state->epoch;
		world_find_ids(&f->maps, &f->ids_before);
		/* Streams hold on to some snapshots for a while. */
		hdl_snapshot_unref(held[i % 4]);
		held[i % 4] = publish(f, &w);
		assert_int_equal(f->maps.state->epoch, f->before + 1);
		assert_int_equal(held[i % 4]->epoch, f->before + 1);
		if (i % 3 == 0)
			hdl_publisher_reap(f->publisher);
		world_expect(&w, &f->old_view);
	}
	hdl_publisher_set_step(f->publisher, NULL, NULL);
	for (int i = 0; i < 4; i++)
		hdl_snapshot_unref(held[i]);
}

static void no_reader_sees_half_of_a_change(void **state)
{
	observed_changes(*state, 1, 3000);
}

static void a_daemon_may_die_between_any_two_writes(void **state)
{
	struct fixture *f = *state;

	f->adopt_each_step = true;
	observed_changes(f, 2, 12);
	assert_true(f->steps > 100);
}

/* --- cost ---------------------------------------------------------------------------------------------------------- */

static void count_step(void *data)
{
	((struct fixture *)data)->steps++;
}

static void cost_follows_the_change(void **state)
{
	struct fixture *f = *state;
	struct world w = simple_world();
	struct hdl_snapshot *first = publish(f, &w), *second;

	hdl_publisher_set_step(f->publisher, count_step, f);
	second = publish(f, &w);
	assert_int_equal(f->steps, 1); /* the flip and nothing else */
	for (size_t c = 0; c < first->cluster_count; c++) {
		assert_int_equal(first->clusters[c]->id, second->clusters[c]->id);
		assert_memory_equal(first->clusters[c]->record.member, second->clusters[c]->record.member,
				    sizeof(second->clusters[c]->record.member));
		assert_memory_equal(first->clusters[c]->record.table, second->clusters[c]->record.table,
				    sizeof(second->clusters[c]->record.table));
		for (size_t e = 0; e < first->clusters[c]->endpoint_count; e++) {
			assert_int_equal(first->clusters[c]->endpoints[e].id, second->clusters[c]->endpoints[e].id);
			assert_int_equal(first->clusters[c]->endpoints[e].generation,
					 second->clusters[c]->endpoints[e].generation);
		}
	}
	/* Weights of one service: its rows and its one record (two addresses: two records). */
	f->steps = 0;
	w.service[0].weight[0] = 80;
	publish_and_drop(f, &w);
	assert_int_equal(f->steps, 1 /* rows */ + 3 /* record */ + 1 /* flip */);
	hdl_publisher_set_step(f->publisher, NULL, NULL);
	assert_view(f, &w);
	hdl_snapshot_unref(first);
	hdl_snapshot_unref(second);
}

/* --- reuse --------------------------------------------------------------------------------------------------------- */

static void ids_rest_while_an_older_snapshot_is_in_use(void **state)
{
	struct fixture *f = *state;
	struct world w = simple_world();
	struct hdl_snapshot *old = publish(f, &w), *now;
	uint32_t endpoint = old->clusters[0]->endpoints[0].id, generation = old->clusters[0]->endpoints[0].generation;
	uint32_t cluster = old->clusters[1]->id;
	struct hdl_range table = old->clusters[1]->record.table[HDL_FAMILY_V4];
	uint32_t first_slot = f->maps.slot[table.offset];

	w.cluster[0].endpoints = 0xe; /* endpoint 0 goes, 3 comes */
	w.cluster[1].there = false;
	publish_and_drop(f, &w);
	assert_int_equal(hdl_publisher_reap(f->publisher), 2); /* old and current */
	for (unsigned int i = 0; i < 20; i++) {
		w.cluster[2 + i % 4].there = !w.cluster[2 + i % 4].there;
		w.cluster[2 + i % 4].endpoints = 0xf0;
		w.cluster[2 + i % 4].maglev = true;
		publish_and_drop(f, &w);
		/* What the old snapshot names is as it was. */
		assert_int_equal(f->maps.endpoint[endpoint].generation, generation);
		assert_int_equal(f->maps.slot[table.offset], first_slot);
		assert_int_equal(f->maps.health[endpoint].generation, 0); /* but nobody writes to its record */
	}
	hdl_snapshot_unref(old);
	assert_int_equal(hdl_publisher_reap(f->publisher), 1);
	assert_int_equal(f->maps.endpoint[endpoint].generation, 0);
	assert_int_equal(f->maps.cluster[cluster].version[0].epoch, 0);
	assert_int_equal(f->maps.cluster[cluster].version[1].epoch, 0);
	/* It is given out again, in another generation. */
	for (unsigned int i = 0; i < WORLD_CLUSTERS; i++)
		w.cluster[i] = (struct world_cluster){ true, true, 0xfff, 0 };
	now = publish(f, &w);
	assert_int_not_equal(f->maps.endpoint[endpoint].generation, 0);
	assert_int_not_equal(f->maps.endpoint[endpoint].generation, generation);
	assert_view(f, &w);
	hdl_snapshot_unref(now);
}

static void nothing_leaks(void **state)
{
	struct fixture *f = *state;
	const struct hdl_publisher *p = f->publisher;
	const struct world empty = { .cluster = { { 0 } } };
	struct hdl_rand rand;
	struct world w;

	hdl_rand_seed(&rand, 3);
	start_world(&w);
	for (int i = 0; i < 500; i++) {
		change_at_random(&w, &rand);
		publish_and_drop(f, &w);
	}
	publish_and_drop(f, &empty);
	assert_int_equal(hdl_publisher_reap(f->publisher), 1);
	assert_int_equal(p->service.linked + p->service.retired, 0);
	assert_int_equal(p->service_port.linked + p->service_port.retired, 0);
	assert_int_equal(p->cluster.linked + p->cluster.retired, 0);
	assert_int_equal(p->endpoint.linked + p->endpoint.retired, 0);
	assert_int_equal(p->slot_ranges.free, p->slot_ranges.total);
	assert_int_equal(p->route_ranges.free, p->route_ranges.total);
	for (uint32_t i = 0; i < f->maps.endpoint_count; i++) {
		static const struct hdl_endpoint no_endpoint;
		static const struct hdl_health no_health;

		assert_memory_equal(&f->maps.endpoint[i], &no_endpoint, sizeof(no_endpoint));
		assert_memory_equal(&f->maps.health[i], &no_health, sizeof(no_health));
	}
	for (uint32_t i = 0; i < f->maps.service_count; i++) {
		static const struct hdl_service none;

		assert_memory_equal(&f->maps.service[i], &none, sizeof(none));
	}
}

/* Specification C.7: the budget of maxEjectionPercent counts what is ejected now. */
static void an_endpoint_that_goes_gives_its_ejection_back(void **state)
{
	struct fixture *f = *state;
	struct world w = simple_world();
	struct hdl_snapshot *s = publish(f, &w);
	uint32_t gone = s->clusters[0]->endpoints[0].id, stays = s->clusters[0]->endpoints[1].id,
		 cluster = s->clusters[0]->id;

	f->maps.health[gone].ejected_until_ns = 5;
	f->maps.health[stays].ejected_until_ns = HDL_EJECTED_BY_HAND;
	f->maps.balance[cluster].ejected = 2;
	hdl_snapshot_unref(s);
	w.cluster[0].endpoints &= ~1u;
	publish_and_drop(f, &w);
	assert_int_equal(f->maps.balance[cluster].ejected, 1);
	assert_int_equal(f->maps.health[gone].generation, 0);
	/* A writer that was late. */
	f->maps.health[gone].ejected_until_ns = 7;
	f->maps.balance[cluster].ejected = 2;
	hdl_publisher_reap(f->publisher);
	assert_int_equal(f->maps.balance[cluster].ejected, 1);
	assert_int_equal(f->maps.health[gone].ejected_until_ns, 0);
	assert_int_not_equal(f->maps.health[stays].generation, 0);
}

/* Specification C.5: the limit is for one use of the id, and what is open stays counted while it changes. */
static void a_limit_of_connections_belongs_to_one_use_of_the_id(void **state)
{
	struct fixture *f = *state;
	struct world w = simple_world();
	uint32_t cluster = 0, generation = 0;

	for (uint32_t limit = 7; limit <= 9; limit++) {
		struct hdl_snapshot *s = world_snapshot(&w);
		const struct hdl_cluster_version *v;

		s->clusters[0]->pool.max_connections = limit;
		assert_int_equal(hdl_publish(f->publisher, s, &f->err), 0);
		cluster = s->clusters[0]->id;
		v = &f->maps.cluster[cluster].version[f->maps.cluster[cluster].version[1].epoch == s->epoch];
		assert_int_equal(v->epoch, s->epoch);
		assert_int_equal(v->max_connections, limit);
		assert_int_not_equal(v->generation, 0);
		assert_int_equal(f->maps.balance[cluster].generation, v->generation);
		if (limit == 7)
			f->maps.balance[cluster].connections = 5;
		else
			assert_int_equal(v->generation, generation);
		assert_int_equal(f->maps.balance[cluster].connections, 5);
		generation = v->generation;
		hdl_snapshot_unref(s);
	}
	w.cluster[0].there = false;
	publish_and_drop(f, &w);
	assert_int_equal(f->maps.balance[cluster].generation, 0);
	hdl_publisher_reap(f->publisher);
	assert_int_equal(f->maps.balance[cluster].connections, 0);
}

/* --- capacity ------------------------------------------------------------------------------------------------------ */

static void assert_refused(struct fixture *f, struct hdl_snapshot *s, const char *text)
{
	uint64_t epoch = f->maps.state->epoch, used[16], now, capacity;
	const char *name;

	hdl_publisher_reap(f->publisher);
	for (unsigned int i = 0; hdl_publisher_fill(f->publisher, i, &name, &used[i], &capacity); i++)
		;
	assert_int_equal(hdl_publish(f->publisher, s, &f->err), -ENOSPC);
	if (!strstr(f->err.text, text))
		fail_msg("'%s' does not tell '%s'", f->err.text, text);
	assert_int_equal(f->maps.state->epoch, epoch);
	assert_int_equal(s->epoch, 0);
	for (unsigned int i = 0; hdl_publisher_fill(f->publisher, i, &name, &now, &capacity); i++)
		assert_int_equal(now, used[i]);
	hdl_snapshot_unref(s);
}

static void what_does_not_fit_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct world w = simple_world();
	struct hdl_snapshot *s;
	struct hdl_ir_endpoint *many;
	struct hdl_ir_destination destination = { .weight = 1 };
	struct hdl_addr *addresses;

	publish_and_drop(f, &w);
	/* endpoints */
	s = world_snapshot(&w);
	many = world_alloc(s, 200, sizeof(*many));
	for (unsigned int i = 0; i < 200; i++)
		many[i] = world_endpoint(i);
	s->clusters[1]->endpoints = many;
	s->clusters[1]->endpoint_count = 200;
	assert_refused(f, s, "cluster outbound|80||c1");
	/* service addresses */
	s = world_snapshot(&w);
	addresses = world_alloc(s, 40, sizeof(*addresses));
	for (unsigned int i = 0; i < 40; i++)
		addresses[i] = world_v4(192, i);
	s->services[1]->addresses = addresses;
	s->services[1]->address_count = 40;
	assert_refused(f, s, "mapCapacity.services is 32, service s1.demo.svc.cluster.local:80");
	/* slots */
	s = world_snapshot(&w);
	s->clusters[1]->table_size = 2097143;
	assert_refused(f, s, "map slot");
	/* destinations */
	s = world_snapshot(&w);
	s->service_ports[0]->destinations = &destination;
	s->service_ports[0]->destination_count = HDL_ROUTE_DESTINATIONS_MAX + 1;
	assert_refused(f, s, "65 weighted destinations");
	assert_view(f, &w);
	/* And what fits is still taken. */
	w.cluster[0].endpoints = 0xfff;
	publish_and_drop(f, &w);
	assert_view(f, &w);
}

static void two_services_with_one_address_are_refused(void **state)
{
	struct fixture *f = *state;
	struct world w = simple_world();
	struct hdl_snapshot *s;

	publish_and_drop(f, &w);
	s = world_snapshot(&w);
	s->services[1]->addresses = s->services[0]->addresses;
	assert_int_equal(hdl_publish(f->publisher, s, &f->err), -EEXIST);
	assert_non_null(strstr(f->err.text, "172.0.0.1:80"));
	hdl_snapshot_unref(s);
	assert_view(f, &w);
}

/* --- adoption ------------------------------------------------------------------------------------------------------ */

static void a_restart_keeps_ids_and_health(void **state)
{
	struct fixture *f = *state;
	struct world w = simple_world();
	struct hdl_snapshot *before = publish(f, &w), *after;
	uint32_t ejected = before->clusters[0]->endpoints[1].id, table = before->clusters[1]->record.table[0].offset;

	f->maps.health[ejected].ejected_until_ns = 1234;
	f->maps.health[ejected].ejections = 3;
	f->maps.balance[before->clusters[0]->id].ejected = 2; /* the daemon died between reserving and ejecting */
	f->maps.health[ejected].active = 7;                   /* requests of a proxy that is dead */
	hdl_publisher_free(f->publisher);
	f->publisher = hdl_publisher_new(&f->maps, &f->err);
	assert_non_null(f->publisher);
	assert_view(f, &w);
	assert_int_equal(f->maps.balance[before->clusters[0]->id].ejected, 1);
	assert_int_equal(f->maps.health[ejected].active, 0);
	hdl_publisher_set_step(f->publisher, count_step, f);
	after = publish(f, &w);
	assert_int_equal(f->steps, 1); /* nothing was written again */
	hdl_publisher_set_step(f->publisher, NULL, NULL);
	for (size_t c = 0; c < before->cluster_count; c++) {
		assert_int_equal(before->clusters[c]->id, after->clusters[c]->id);
		for (size_t e = 0; e < before->clusters[c]->endpoint_count; e++) {
			assert_int_equal(before->clusters[c]->endpoints[e].id, after->clusters[c]->endpoints[e].id);
			assert_int_equal(before->clusters[c]->endpoints[e].generation,
					 after->clusters[c]->endpoints[e].generation);
		}
	}
	assert_int_equal(after->clusters[1]->record.table[0].offset, table);
	assert_int_equal(f->maps.health[ejected].ejected_until_ns, 1234);
	assert_int_equal(f->maps.health[ejected].ejections, 3);
	hdl_snapshot_unref(before);
	hdl_snapshot_unref(after);
}

static void damaged_maps_are_not_adopted(void **state)
{
	struct fixture *f = *state;
	struct world w = simple_world();
	struct hdl_snapshot *s = publish(f, &w);

	f->maps.slot[s->clusters[0]->record.member[HDL_FAMILY_V4].offset] = 0xffffff;
	hdl_publisher_free(f->publisher);
	f->publisher = hdl_publisher_new(&f->maps, &f->err);
	assert_null(f->publisher);
	assert_non_null(strstr(f->err.text, "--uninstall"));
	hdl_snapshot_unref(s);
}

/* --- Maglev -------------------------------------------------------------------------------------------------------- */

/* Specification C.3, M = 11: [2,1,1,2,1,1,2,3,3,3,2]. */
/* What a killed daemon or somebody else left is found by the next: strays go, what differs is put right, all is counted. */
static void an_audit_finds_what_should_not_be(void **state)
{
	struct fixture *f = *state;
	struct world w = simple_world();
	struct hdl_snapshot *s = publish(f, &w);
	struct hdl_vip_key stray = world_key(200, 0), key = world_key(0, 0);
	uint32_t endpoint = s->clusters[0]->endpoints[0].id, last = f->maps.endpoint_count - 1;
	const struct hdl_dp_audit *audit = hdl_publisher_audit(f->publisher);

	assert_false(audit->adopted);
	hdl_snapshot_unref(s);
	hdl_publisher_free(f->publisher);
	/* an entry that leads nowhere, a record of nobody, two generations, an entry that is gone */
	assert_int_equal(hdl_dp_vip_set(&f->maps, &stray, 5), 0);
	f->maps.endpoint[last].port = 7;
	f->maps.health[endpoint].generation += 5;
	f->publisher = hdl_publisher_new(&f->maps, &f->err);
	assert_non_null(f->publisher);
	f->maps.health[last].generation = 9;
	publish_and_drop(f, &w);
	audit = hdl_publisher_audit(f->publisher);
	assert_true(audit->adopted && audit->done);
	assert_int_equal(audit->strays, 3);
	assert_int_equal(audit->repaired, 1);
	assert_int_equal(audit->changed, 0);
	assert_true(audit->checked > 5);
	assert_int_equal(f->maps.health[last].generation, 0);
	assert_int_equal(f->maps.health[endpoint].generation, f->maps.endpoint[endpoint].generation);
	assert_view(f, &w);
	/* once more: all is well; another configuration is no fault */
	hdl_publisher_free(f->publisher);
	f->publisher = hdl_publisher_new(&f->maps, &f->err);
	assert_non_null(f->publisher);
	w.service[0].label = HDL_LABEL_REQUEST;
	assert_int_equal(hdl_dp_vip_get(&f->maps, &key, &last), 0);
	publish_and_drop(f, &w);
	audit = hdl_publisher_audit(f->publisher);
	assert_int_equal(audit->strays, 0);
	assert_int_equal(audit->repaired, 0);
	assert_int_equal(audit->changed, 1);
}

static void maglev_table_of_the_specification(void **state)
{
	static const uint32_t expected[] = { 2, 1, 1, 2, 1, 1, 2, 3, 3, 3, 2 };
	struct fixture *f = *state;
	struct world w = { .cluster = { { true, true, 0x7, 0 } }, .service = { { true, 1, HDL_LABEL_L4, { 1 } } } };
	struct hdl_snapshot *s = world_snapshot(&w);
	const struct hdl_ir_cluster *c = s->clusters[0];

	s->clusters[0]->table_size = 11;
	assert_int_equal(hdl_publish(f->publisher, s, &f->err), 0);
	assert_int_equal(c->record.table[HDL_FAMILY_V4].count, 11);
	for (uint32_t i = 0; i < 11; i++)
		assert_int_equal(f->maps.slot[c->record.table[HDL_FAMILY_V4].offset + i],
				 c->endpoints[expected[i] - 1].id);
	/* One member has an IPv6 address: it owns the other family's table. */
	assert_int_equal(c->record.table[HDL_FAMILY_V6].count, 11);
	for (uint32_t i = 0; i < 11; i++)
		assert_int_equal(f->maps.slot[c->record.table[HDL_FAMILY_V6].offset + i], c->endpoints[1].id);
	hdl_snapshot_unref(s);
}

/* --- names --------------------------------------------------------------------------------------------------------- */

static void pods_keep_their_numbers(void **state)
{
	struct fixture *f = *state;
	struct world w = simple_world();
	struct hdl_ir_workload pod[3] = { { .ns = "demo", .name = "a" },
					  { .ns = "demo", .name = "b" },
					  { .ns = "x", .name = "a" } };
	struct hdl_ir_workload *list[3] = { &pod[0], &pod[1], &pod[2] }, *fewer[1] = { &pod[2] };
	struct hdl_snapshot *s = world_snapshot(&w);
	uint32_t number[3];

	s->workloads = list;
	s->workload_count = 3;
	s->clusters[0]->endpoints[0].workload = &pod[1];
	assert_int_equal(hdl_publish(f->publisher, s, &f->err), 0);
	for (int i = 0; i < 3; i++) {
		number[i] = pod[i].id;
		assert_int_not_equal(number[i], 0);
		assert_ptr_equal(hdl_publisher_find_workload(f->publisher, number[i]), &pod[i]);
	}
	assert_int_equal(f->maps.endpoint[s->clusters[0]->endpoints[0].id].workload, number[1]);
	hdl_snapshot_unref(s);
	hdl_publisher_free(f->publisher);
	f->publisher = hdl_publisher_new(&f->maps, &f->err);
	pod[2].id = 0;
	s = world_snapshot(&w);
	s->workloads = fewer;
	s->workload_count = 1;
	assert_int_equal(hdl_publish(f->publisher, s, &f->err), 0);
	assert_int_equal(pod[2].id, number[2]); /* also after a restart, although no map has its name */
	assert_null(hdl_publisher_find_workload(f->publisher, number[0]));
	hdl_snapshot_unref(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(no_reader_sees_half_of_a_change, setup, teardown),
		cmocka_unit_test_setup_teardown(a_daemon_may_die_between_any_two_writes, setup, teardown),
		cmocka_unit_test_setup_teardown(cost_follows_the_change, setup, teardown),
		cmocka_unit_test_setup_teardown(ids_rest_while_an_older_snapshot_is_in_use, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_leaks, setup, teardown),
		cmocka_unit_test_setup_teardown(an_endpoint_that_goes_gives_its_ejection_back, setup, teardown),
		cmocka_unit_test_setup_teardown(a_limit_of_connections_belongs_to_one_use_of_the_id, setup, teardown),
		cmocka_unit_test_setup_teardown(what_does_not_fit_changes_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(two_services_with_one_address_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(a_restart_keeps_ids_and_health, setup, teardown),
		cmocka_unit_test_setup_teardown(damaged_maps_are_not_adopted, setup, teardown),
		cmocka_unit_test_setup_teardown(an_audit_finds_what_should_not_be, setup, teardown),
		cmocka_unit_test_setup_teardown(maglev_table_of_the_specification, setup, teardown),
		cmocka_unit_test_setup_teardown(pods_keep_their_numbers, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
