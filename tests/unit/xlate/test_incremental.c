/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A translator that lives on against one that begins anew: after any edits both say the same, byte for byte; what did
 * not change stays the same object; snapshots say what changed; older snapshots stay as they were.
 */
#include "unit/unit.h"
#include "xlate/xlate.h"

#include "unit/xlate/edits.h"

#include <stdlib.h>

#include "base/addr.h"

#define OLD 4

/* A snapshot that somebody still uses, and what it said when it was new. */
struct old {
	struct hdl_snapshot *snapshot;
	struct hdl_buf text;
};

static void print_diags(const struct hdl_diags *diags, struct hdl_buf *buf)
{
	for (size_t i = 0; i < diags->n; i++) {
		hdl_diag_print(buf, &diags->at[i]);
		hdl_buf_adds(buf, "\n");
	}
}

/* As assert_string_equal, and shows the place. */
static void check_same(const struct hdl_buf *got, const struct hdl_buf *expected)
{
	const char *g = got->p ? got->p : "", *x = expected->p ? expected->p : "";
	size_t i = 0, line = 0;

	for (; g[i] && g[i] == x[i]; i++)
		line = g[i] == '\n' ? i + 1 : line;
	if (g[i] != x[i])
		print_error("got:\n%.600s\nexpected:\n%.600s\n", g + line, x + line);
	assert_int_equal(g[i], x[i]);
}

static void drop(struct old *old)
{
	struct hdl_buf now = { 0 };

	if (!old->snapshot)
		return;
	hdl_snapshot_dump(old->snapshot, &now);
	check_same(&now, &old->text);
	hdl_buf_done(&now);
	hdl_buf_done(&old->text);
	old->snapshot = hdl_snapshot_unref(old->snapshot);
}

static void check_look_ups(const struct hdl_snapshot *s)
{
	for (size_t i = 0; i < s->service_count; i++)
		for (size_t a = 0; a < s->services[i]->address_count; a++)
			for (size_t p = 0; p < s->services[i]->port_count; p++)
				assert_ptr_equal(hdl_snapshot_find_vip(s, &s->services[i]->addresses[a],
								       s->services[i]->ports[p].port),
						 &s->services[i]->ports[p]);
	for (size_t i = 0; i < s->workload_count; i++)
		for (int f = 0; f < HDL_FAMILIES; f++)
			if (!hdl_addr_is_zero(&s->workloads[i]->address[f]))
				assert_ptr_equal(hdl_snapshot_find_workload(s, &s->workloads[i]->address[f]),
						 s->workloads[i]);
	for (size_t i = 0; i < s->cluster_count; i++)
		assert_ptr_equal(hdl_snapshot_find_cluster(s, s->clusters[i]->name), s->clusters[i]);
	for (size_t i = 0; i < s->service_port_count; i++) {
		assert_true(s->service_ports[i]->id != 0);
		if (s->service_ports[i]->vhost)
			assert_non_null(hdl_snapshot_route_config(s, s->service_ports[i]->port));
	}
}

static bool has(void *const *list, size_t n, const void *object)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == object)
			return true;
	return false;
}

struct lists {
	void *const *before, *const *after;
	size_t before_n, after_n;
	size_t gone, come; /* by the changes */
};

static void check_change(struct lists *l, const void *before, const void *after)
{
	assert_true(before != after);
	if (before) {
		assert_true(has(l->before, l->before_n, before));
		assert_false(has(l->after, l->after_n, before));
		l->gone++;
	}
	if (after) {
		assert_false(has(l->before, l->before_n, after));
		assert_true(has(l->after, l->after_n, after));
		l->come++;
	}
}

/* All differences are told, and no more. */
static void check_counts(const struct lists *l)
{
	size_t gone = 0, come = 0;

	for (size_t i = 0; i < l->before_n; i++)
		gone += !has(l->after, l->after_n, l->before[i]);
	for (size_t i = 0; i < l->after_n; i++)
		come += !has(l->before, l->before_n, l->after[i]);
	assert_int_equal(gone, l->gone);
	assert_int_equal(come, l->come);
}

static void check_changes(const struct hdl_snapshot *b, const struct hdl_snapshot *s)
{
	const struct hdl_ir_changes *c = &s->changes;
	struct lists w = {
		(void *const *)b->workloads, (void *const *)s->workloads, b->workload_count, s->workload_count, 0, 0
	};
	struct lists v = {
		(void *const *)b->services, (void *const *)s->services, b->service_count, s->service_count, 0, 0
	};
	struct lists k = {
		(void *const *)b->clusters, (void *const *)s->clusters, b->cluster_count, s->cluster_count, 0, 0
	};

	assert_true(c->base == 0 || c->base == b->generation);
	if (c->base == 0)
		return;
	for (size_t i = 0; i < c->workload_count; i++)
		check_change(&w, c->workloads[i].before, c->workloads[i].after);
	for (size_t i = 0; i < c->service_count; i++) {
		check_change(&v, c->services[i].before, c->services[i].after);
		if (c->services[i].before && c->services[i].after)
			assert_string_equal(c->services[i].before->fqdn, c->services[i].after->fqdn);
	}
	for (size_t i = 0; i < c->cluster_count; i++)
		check_change(&k, c->clusters[i].before, c->clusters[i].after);
	check_counts(&w);
	check_counts(&v);
	check_counts(&k);
	/* an unchanged list is the same one */
	assert_true((c->workload_count == 0) == (b->workloads == s->workloads));
	assert_true((c->service_count == 0) == (b->services == s->services));
	assert_true((c->cluster_count == 0) == (b->clusters == s->clusters));
}

static void check_against_anew(const struct hdl_resource_list *list, const struct hdl_snapshot *s,
			       const struct hdl_diags *diags, struct hdl_buf *ret_text)
{
	struct hdl_buf expected = { 0 }, expected_diags = { 0 }, got_diags = { 0 };
	struct hdl_diags all = { 0 };
	struct hdl_snapshot *anew;

	assert_int_equal(hdl_xlate(list->at, list->n, NULL, &all, &anew), 0);
	hdl_snapshot_dump(anew, &expected);
	hdl_snapshot_dump(s, ret_text);
	check_same(ret_text, &expected);
	print_diags(&all, &expected_diags);
	print_diags(diags, &got_diags);
	check_same(&got_diags, &expected_diags);
	assert_int_equal(diags->errors, all.errors);
	assert_int_equal(diags->warnings, all.warnings);
	hdl_snapshot_unref(anew);
	hdl_diags_done(&all);
	hdl_buf_done(&expected);
	hdl_buf_done(&expected_diags);
	hdl_buf_done(&got_diags);
}

static void step(struct edits *e, struct hdl_xlator *x, struct old *old, struct old *last)
{
	struct hdl_resource_list *list;
	struct hdl_diags diags = { 0 };
	struct hdl_snapshot *s;
	struct old now = { 0 };

	assert_int_equal(hdl_resource_store_commit(e->store, &list), 0);
	assert_int_equal(hdl_xlator_run(x, list->at, list->n, list, &diags, &s), 0);
	now.snapshot = s;
	check_against_anew(list, s, &diags, &now.text);
	hdl_resource_list_unref(list);
	check_look_ups(s);
	if (last->snapshot)
		check_changes(last->snapshot, s);
	/* the last one lives on for a while, or not */
	if (edit_draw(e, 2)) {
		unsigned int i = edit_draw(e, OLD);

		drop(&old[i]);
		old[i] = *last;
	} else {
		drop(last);
	}
	*last = now;
	hdl_diags_done(&diags);
}

#define SEEDS 12
#define STEPS 150

static void same_as_anew(void **state)
{
	size_t built = 0, steps = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct hdl_xlator *x = hdl_xlator_new(NULL);
		struct old old[OLD] = { 0 }, last = { 0 };
		struct edits e;

		assert_non_null(x);
		edit_begin(&e, seed);
		for (unsigned int i = 0; i < STEPS; i++) {
			step(&e, x, old, &last);
			built += i ? hdl_xlator_built(x) : 0;
			steps += i ? 1 : 0;
			for (unsigned int n = edit_draw(&e, 8) ? 1 : 5; n; n--)
				edit_any(&e);
		}
		/* snapshots outlive the translator */
		if (seed % 2)
			hdl_xlator_free(x);
		drop(&last);
		for (int i = 0; i < OLD; i++)
			drop(&old[i]);
		if (seed % 2 == 0)
			hdl_xlator_free(x);
		hdl_resource_store_free(e.store);
	}
	/* there are some 60 units */
	assert_true(built / steps < 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_as_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
