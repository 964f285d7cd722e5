/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of clusters (specification C.1 to C.5): weights, rings, groups, warm-up, limits and tables of the edge; an
 * equal one stays as it is, also over a restart, and what goes gives its ranges back.
 */
#include "unit/dp/world.h"

#include <errno.h>
#include "base/clock.h"

#define ENDPOINTS 6

static const struct hdl_dp_capacity small = { .services = 32, .endpoints = 128, .flows = 16 };

struct fixture {
	struct hdl_dp_maps maps;
	struct hdl_publisher *publisher;
	struct hdl_err err;
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
	free(f);
	return 0;
}

/* One cluster of ENDPOINTS endpoints, odd ones of both families; policy and what else the test sets. */
static struct hdl_snapshot *snapshot_of(enum hdl_policy policy)
{
	struct world w = { .cluster = { { true, false, (1u << ENDPOINTS) - 1, 0 } },
			   .service = { { true, 1, HDL_LABEL_L4, { 1 } } } };
	struct hdl_snapshot *s = world_snapshot(&w);

	s->clusters[0]->policy = policy;
	s->clusters[0]->table_size = policy == HDL_POLICY_MAGLEV ? 13 : policy == HDL_POLICY_RING_HASH ? 32 : 0;
	return s;
}

static const struct hdl_cluster_version *publish(struct fixture *f, struct hdl_snapshot *s)
{
	const struct hdl_cluster_version *v;
	uint32_t id;

	if (hdl_publish(f->publisher, s, &f->err) != 0)
		fail_msg("publish: %s", f->err.text);
	id = s->clusters[0]->id;
	v = &f->maps.cluster[id].version[hdl_publisher_cluster_version(f->publisher, id)];
	/* the proxy picks by what the kernel has */
	assert_memory_equal((const char *)v + sizeof(v->epoch),
			    (const char *)&s->clusters[0]->record + sizeof(v->epoch), sizeof(*v) - sizeof(v->epoch));
	hdl_snapshot_unref(s);
	return v;
}

/* Used of a map, as the status says. */
static uint64_t used(const struct fixture *f, const char *map)
{
	uint64_t n = 0, capacity;
	const char *name;

	for (unsigned int i = 0; hdl_publisher_fill(f->publisher, i, &name, &n, &capacity); i++)
		if (strcmp(name, map) == 0)
			return n;
	fail_msg("no map %s", map);
	return 0;
}

static void weighted(struct hdl_snapshot *s)
{
	for (uint32_t i = 0; i < ENDPOINTS; i++)
		s->clusters[0]->endpoints[i].weight = (uint16_t)(i == 0 ? 300 : 100);
}

/* C.1: three turns of eight for weight 3 of 8, in both families; RANDOM has none, equal weights neither. */
static void weights(void **state)
{
	static const enum hdl_policy policies[] = { HDL_POLICY_ROUND_ROBIN, HDL_POLICY_LEAST_REQUEST,
						    HDL_POLICY_RANDOM };
	struct fixture *f = *state;

	for (size_t p = 0; p < 3; p++) {
		struct hdl_snapshot *s = snapshot_of(policies[p]);
		const struct hdl_cluster_version *v;
		uint32_t first = 0;

		weighted(s);
		v = publish(f, s);
		assert_int_equal(v->turns[HDL_FAMILY_V4].count, p < 2 ? 8 : 0);
		assert_int_equal(v->turns[HDL_FAMILY_V6].count, 0); /* the three that have it weigh the same */
		for (uint32_t i = 0; i < v->turns[0].count; i++)
			first += f->maps.slot[v->turns[0].offset + i] == f->maps.slot[v->member[0].offset];
		assert_int_equal(first, p < 2 ? 3 : 0);
	}
}

/* C.3: a ring in its own map, sorted; a table takes its place, and its entries are free again. */
static void rings(void **state)
{
	struct fixture *f = *state;
	const struct hdl_cluster_version *v = publish(f, snapshot_of(HDL_POLICY_RING_HASH));

	assert_in_range(v->table[HDL_FAMILY_V4].count, 32, 40);
	assert_in_range(v->table[HDL_FAMILY_V6].count, 32, 40);
	for (uint32_t i = 1; i < v->table[0].count; i++)
		assert_true(f->maps.ring[v->table[0].offset + i - 1].hash < f->maps.ring[v->table[0].offset + i].hash);
	assert_int_equal(used(f, "ring"), v->table[0].count + v->table[1].count);
	v = publish(f, snapshot_of(HDL_POLICY_MAGLEV));
	assert_int_equal(v->table[HDL_FAMILY_V4].count, 13);
	publish(f, snapshot_of(HDL_POLICY_RANDOM));
	hdl_publisher_reap(f->publisher);
	assert_int_equal(used(f, "ring"), 0);
	assert_int_equal(used(f, "slot"), ENDPOINTS + ENDPOINTS / 2);
}

/* More than the map holds names map and object, and nothing changes. */
static void ring_too_large(void **state)
{
	struct fixture *f = *state;
	struct hdl_snapshot *s = snapshot_of(HDL_POLICY_RING_HASH);

	s->clusters[0]->table_size = HDL_RING_MAX;
	assert_int_equal(hdl_publish(f->publisher, s, &f->err), -ENOSPC);
	assert_non_null(strstr(f->err.text, "map ring"));
	assert_non_null(strstr(f->err.text, "outbound|80||c0"));
	assert_non_null(strstr(f->err.text, "mapCapacity"));
	assert_int_equal(used(f, "ring") + used(f, "slot") + used(f, "group"), 0);
	hdl_snapshot_unref(s);
}

static struct hdl_snapshot *grouped(enum hdl_policy policy)
{
	static const struct hdl_ir_group groups[] = {
		{ .priority = 0, .first = 0, .count = 2, .healthy = 1 },
		{ .priority = 1, .first = 2, .count = 4, .healthy = 4 },
	};
	struct hdl_snapshot *s = snapshot_of(policy);

	weighted(s);
	s->clusters[0]->endpoints[1].status = HDL_IR_UNHEALTHY;
	s->clusters[0]->endpoints[2].weight = 200;
	s->clusters[0]->groups = groups;
	s->clusters[0]->group_count = 2;
	return s;
}

/* C.7: N is all hosts of the cluster, healthy or not; what is draining or on standby is none of them. */
static void hosts(void **state)
{
	struct fixture *f = *state;
	struct hdl_snapshot *s = snapshot_of(HDL_POLICY_RANDOM);
	const struct hdl_cluster_version *v;

	s->clusters[0]->endpoints[0].status = HDL_IR_UNHEALTHY;
	s->clusters[0]->endpoints[1].status = HDL_IR_DRAINING;
	s->clusters[0]->endpoints[2].status = HDL_IR_UNHEALTHY;
	s->clusters[0]->endpoints[2].standby = true;
	v = publish(f, s);
	assert_int_equal(v->endpoint_count, ENDPOINTS - 2);
	assert_int_equal(v->healthy_count, ENDPOINTS - 3);
}

/* C.4: members, health and lists of each group; they go with the cluster. */
static void groups(void **state)
{
	struct fixture *f = *state;
	const struct hdl_cluster_version *v = publish(f, grouped(HDL_POLICY_ROUND_ROBIN));
	struct hdl_group *row = &f->maps.group[v->group.offset];
	struct hdl_range before = v->group;

	assert_int_equal(v->group.count, 2);
	assert_int_equal(v->endpoint_count, ENDPOINTS);
	assert_int_equal(v->healthy_count, ENDPOINTS - 1);
	assert_int_equal(v->turns[0].count + v->table[0].count, 0);
	assert_int_equal(row[0].endpoint_count, 2);
	assert_int_equal(row[0].healthy_count, 1);
	assert_int_equal(row[0].member[HDL_FAMILY_V4].offset, v->member[HDL_FAMILY_V4].offset);
	assert_int_equal(row[0].member[HDL_FAMILY_V4].count, 1);
	assert_int_equal(row[0].member[HDL_FAMILY_V6].count, 0);
	assert_int_equal(row[1].endpoint_count, 4);
	assert_int_equal(row[1].healthy_count, 4);
	assert_int_equal(row[1].member[HDL_FAMILY_V4].offset, v->member[HDL_FAMILY_V4].offset + 1);
	assert_int_equal(row[1].member[HDL_FAMILY_V6].count, 2);
	assert_int_equal(row[1].turns[HDL_FAMILY_V4].count, 5);
	/* the same again, though turns were taken */
	row[0].turn = 7;
	v = publish(f, grouped(HDL_POLICY_ROUND_ROBIN));
	assert_memory_equal(&v->group, &before, sizeof(before));
	v = publish(f, grouped(HDL_POLICY_RING_HASH));
	assert_true(f->maps.group[v->group.offset + 1].table[HDL_FAMILY_V6].count >= 32);
	publish(f, snapshot_of(HDL_POLICY_RANDOM));
	hdl_publisher_reap(f->publisher);
	assert_int_equal(used(f, "group") + used(f, "ring"), 0);
	assert_int_equal(used(f, "slot"), ENDPOINTS + ENDPOINTS / 2);
}

/* C.2, C.5 and the edge; all survives a restart: nothing is staged again, and endpoints stay as old as they are. */
static struct hdl_snapshot *rich(void)
{
	struct hdl_snapshot *s = grouped(HDL_POLICY_LEAST_REQUEST);
	struct hdl_ir_cluster *c = s->clusters[0];

	c->warmup = (struct hdl_ir_warmup){ .duration_ns = 1500000000, .aggression = 2 << 16, .min_percent = 20 };
	c->pool.max_connections = 9;
	c->connect_timeout_ns = 1;
	c->endpoints[0].local = true;
	for (uint32_t i = 0; i < 4; i++)
		c->endpoints[i].edge = true;
	c->endpoints[3].standby = true;
	return s;
}

static void steps(void *data)
{
	(*(unsigned int *)data)++;
}

static void fields_and_restart(void **state)
{
	struct fixture *f = *state;
	uint64_t before = hdl_clock_mono_ns(), added, slots;
	struct hdl_snapshot *s = hdl_snapshot_ref(rich());
	const struct hdl_cluster_version *v = publish(f, s);
	uint32_t id = s->clusters[0]->endpoints[0].id, standby = s->clusters[0]->endpoints[3].id;
	unsigned int count = 0;

	assert_int_equal(v->warmup_ms, 1500);
	assert_int_equal(v->warmup_aggression, 2 << 16);
	assert_int_equal(v->warmup_min_percent, 20);
	assert_int_equal(v->max_connections, 9);
	assert_int_equal(v->connect_timeout_ms, 1);
	assert_int_equal(v->edge[HDL_FAMILY_V4].count, 1021);
	assert_int_equal(v->edge[HDL_FAMILY_V6].count, 1021);
	assert_int_not_equal(standby, 0); /* for the edge alone */
	for (uint32_t i = 0; i < v->member[0].count; i++)
		assert_int_not_equal(f->maps.slot[v->member[0].offset + i], standby);
	assert_int_equal(f->maps.endpoint[id].flags, HDL_ENDPOINT_LOCAL);
	added = f->maps.endpoint[id].added_ns;
	assert_in_range(added, before, hdl_clock_mono_ns());
	slots = used(f, "slot");
	hdl_snapshot_unref(s);

	hdl_publisher_free(f->publisher);
	f->publisher = hdl_publisher_new(&f->maps, &f->err);
	if (!f->publisher)
		fail_msg("adoption: %s", f->err.text);
	assert_int_equal(used(f, "slot"), slots);
	assert_int_equal(used(f, "group"), 2);
	hdl_publisher_set_step(f->publisher, steps, &count);
	publish(f, rich());
	assert_int_equal(count, 1);
	assert_int_equal(used(f, "slot"), slots);
	assert_int_equal(f->maps.endpoint[id].added_ns, added);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(weights, setup, teardown),
		cmocka_unit_test_setup_teardown(rings, setup, teardown),
		cmocka_unit_test_setup_teardown(ring_too_large, setup, teardown),
		cmocka_unit_test_setup_teardown(hosts, setup, teardown),
		cmocka_unit_test_setup_teardown(groups, setup, teardown),
		cmocka_unit_test_setup_teardown(fields_and_restart, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
