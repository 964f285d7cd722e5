/* SPDX-License-Identifier: Apache-2.0 */
/* Host to virtual host: exact, longest wildcard, `*`; case and port do not count (specification A.1). */
#include "unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/rand.h"
#include "unit/failmalloc.h"

/* The file under test with allocations that can fail. */
#include "../../../user/route/table.c"

static const char *const domains[][3] = {
	{ "reviews.demo.svc.cluster.local", "reviews", "10.96.0.10" },
	{ "*.foo.com", "[fd96::10]", "host." },
	{ "*.b.foo.com", "a.b.foo.com" },
	{ "*" },
	{ "reviews", "*.foo.com", "*" }, /* all of them are taken */
	{ "*-suffix.test" },
};

#define VHOSTS HDL_ARRAY_SIZE(domains)

static struct hdl_ir_vhost vhost[VHOSTS];
static const struct hdl_ir_vhost *vhosts[VHOSTS];

static struct hdl_ir_route_config config(size_t n)
{
	for (size_t i = 0; i < VHOSTS; i++) {
		vhost[i].domains = domains[i];
		vhost[i].domain_count = 0;
		while (vhost[i].domain_count < 3 && domains[i][vhost[i].domain_count])
			vhost[i].domain_count++;
		vhosts[i] = &vhost[i];
	}
	return (struct hdl_ir_route_config){ .name = "80", .port = 80, .vhosts = vhosts, .vhost_count = n };
}

static void hosts(void **state)
{
	static const struct {
		const char *host;
		int wanted; /* -1: none but "*" */
	} rows[] = {
		{ "reviews.demo.svc.cluster.local", 0 },
		{ "Reviews.DEMO.svc.cluster.local:9080", 0 },
		{ "reviews", 0 },
		{ "reviews:80", 0 },
		{ "reviews:", 0 },
		{ "10.96.0.10", 0 },
		{ "10.96.0.10:9080", 0 },
		{ "[fd96::10]", 1 },
		{ "[FD96::10]:9080", 1 },
		{ "fd96::10", -1 },
		{ "host.", 1 },
		{ "host", -1 },
		{ "a.foo.com", 1 },
		{ "x.y.foo.com", 1 },
		{ "foo.com", -1 },
		{ ".foo.com", -1 }, /* the star stands for at least one character */
		{ "x.b.foo.com", 2 },
		{ "a.b.foo.com", 2 },
		{ ".b.foo.com", 1 }, /* what is left of the longer suffix fits the shorter */
		{ "xb.foo.com", 1 },
		{ "my-suffix.test:1", 5 },
		{ "-suffix.test", -1 },
		{ "", -1 },
		{ ":80", -1 },
		{ "reviews.demo", -1 },
	};
	struct hdl_ir_route_config with_any = config(VHOSTS), without_any = config(3);
	struct hdl_route_table *table = hdl_route_table_new(&with_any);

	(void)state;
	assert_non_null(table);
	for (size_t i = 0; i < HDL_ARRAY_SIZE(rows); i++) {
		const struct hdl_ir_vhost *found = hdl_route_find_vhost(table, hdl_str_of(rows[i].host));

		if (found != &vhost[rows[i].wanted < 0 ? 3 : rows[i].wanted])
			fail_msg("%s: virtual host %td", rows[i].host, found - vhost);
	}
	hdl_route_table_free(table);
	table = hdl_route_table_new(&without_any);
	assert_null(hdl_route_find_vhost(table, HDL_STR("foo.com")));
	assert_null(hdl_route_find_vhost(table, HDL_STR("")));
	hdl_route_table_free(table);
}

/* A Host longer than any domain can be is looked at from its end only, and never past it. */
static void long_hosts(void **state)
{
	static char host[100000];
	struct hdl_ir_route_config c = config(3);
	struct hdl_route_table *table = hdl_route_table_new(&c);

	(void)state;
	memset(host, 'A', sizeof(host));
	for (size_t n = HOST_BYTES_MAX - 2; n < HOST_BYTES_MAX + 3; n++)
		assert_null(hdl_route_find_vhost(table, (struct hdl_str){ host, n }));
	memcpy(host + sizeof(host) - 8, ".FOO.com", 8);
	assert_ptr_equal(hdl_route_find_vhost(table, (struct hdl_str){ host, sizeof(host) }), &vhost[1]);
	hdl_route_table_free(table);
}

/* Many wildcards of many lengths, the longest that fits each time. */
static void many_wildcards(void **state)
{
	static char text[300][304];
	static const char *domain[300][1];
	static struct hdl_ir_vhost v[300];
	static const struct hdl_ir_vhost *list[300];
	struct hdl_ir_route_config c = { .vhosts = list, .vhost_count = 300 };
	struct hdl_route_table *table;
	char host[400];

	(void)state;
	for (size_t i = 0; i < 300; i++) {
		text[i][0] = '*';
		memset(&text[i][1], 'a', i + 1);
		domain[i][0] = text[i];
		v[i] = (struct hdl_ir_vhost){ .domains = domain[i], .domain_count = 1 };
		list[(i * 7) % 300] = &v[i];
	}
	memset(host, 'a', sizeof(host));
	table = hdl_route_table_new(&c);
	assert_non_null(table);
	for (size_t n = 2; n < 302; n++)
		assert_ptr_equal(hdl_route_find_vhost(table, (struct hdl_str){ host, n }), &v[n - 2]);
	assert_ptr_equal(hdl_route_find_vhost(table, (struct hdl_str){ host, 400 }), &v[299]);
	hdl_route_table_free(table);
}

/* Each allocation fails once: NULL or -ENOMEM, and nothing is lost. */
static void no_memory(void **state)
{
	struct hdl_ir_route_config c = config(VHOSTS), *configs[] = { &c };
	int n = 0;

	(void)state;
	for (;; n++) {
		struct hdl_snapshot *snapshot = hdl_snapshot_new();
		int r;

		snapshot->route_configs = configs;
		snapshot->route_config_count = 1;
		hdl_fail_after = n;
		r = hdl_route_compile(snapshot);
		hdl_fail_after = -1;
		if (r == 0)
			assert_non_null(c.table);
		else
			assert_int_equal(r, -ENOMEM);
		hdl_snapshot_unref(snapshot);
		if (r == 0)
			break;
	}
	assert_int_equal(n, 5);
}

/* --- tables derived of others -------------------------------------------------------------------------------------- */

#define NAMES 40
#define MOST 30

static char names[NAMES][16];

/* Virtual hosts that random edits make, with one to three of few domains; they live as long as the test. */
struct edits {
	struct hdl_arena *arena;
	struct hdl_rand rand;
	const struct hdl_ir_vhost *vhost[2][MOST]; /* of this and the last configuration */
	size_t n;
	bool doubles; /* a domain may be at several */
};

static const char *a_domain(struct edits *e)
{
	return names[hdl_rand_u32(&e->rand) % NAMES];
}

static bool is_taken(const struct edits *e, const struct hdl_ir_vhost *except, const char *domain)
{
	for (size_t i = 0; i < e->n; i++)
		for (size_t d = 0; e->vhost[0][i] != except && d < e->vhost[0][i]->domain_count; d++)
			if (strcmp(e->vhost[0][i]->domains[d], domain) == 0)
				return true;
	return false;
}

/* like: with its domains; NULL: with others. */
static const struct hdl_ir_vhost *make_vhost(struct edits *e, const struct hdl_ir_vhost *like)
{
	struct hdl_ir_vhost *v = hdl_arena_alloc(e->arena, sizeof(*v));
	const char **list = hdl_arena_calloc(e->arena, 3, sizeof(*list));
	size_t wanted = hdl_rand_u32(&e->rand) % 4;

	for (size_t d = 0; d < (like ? like->domain_count : wanted); d++) {
		const char *domain = like ? like->domains[d] : a_domain(e);

		if (like || e->doubles || !is_taken(e, NULL, domain))
			list[v->domain_count++] = hdl_arena_strdup(e->arena, domain);
	}
	v->domains = list;
	return v;
}

static void edit(struct edits *e)
{
	const struct hdl_ir_vhost **v = e->vhost[0];
	size_t at = e->n ? hdl_rand_u32(&e->rand) % e->n : 0, to = e->n ? hdl_rand_u32(&e->rand) % e->n : 0;
	uint32_t kind = e->n ? hdl_rand_u32(&e->rand) % 6 : 3;

	if (kind <= 1) {
		v[at] = make_vhost(e, v[at]);
	} else if (kind == 2) {
		memmove(&v[at], &v[at + 1], (e->n - at - 1) * sizeof(*v));
		e->n--;
	} else if (kind == 3 && e->n < MOST) {
		const struct hdl_ir_vhost *fresh = make_vhost(e, NULL);

		memmove(&v[at + 1], &v[at], (e->n - at) * sizeof(*v));
		v[at] = fresh;
		e->n++;
	} else if (kind == 4) {
		v[at] = make_vhost(e, NULL);
	} else if (kind == 5) {
		const struct hdl_ir_vhost *other = v[at];

		v[at] = v[to];
		v[to] = other;
	}
}

static void assert_same(const struct hdl_route_table *a, const struct hdl_route_table *b)
{
	static const char *const others[] = { "x.n3", "x.y.n17", "nowhere", "", "n0:80" };

	for (size_t i = 0; i < NAMES + HDL_ARRAY_SIZE(others); i++) {
		struct hdl_str host = hdl_str_of(i < NAMES ? names[i] : others[i - NAMES]);

		assert_ptr_equal(hdl_route_find_vhost(a, host), hdl_route_find_vhost(b, host));
	}
	for (size_t i = 0; i < NAMES; i++) {
		char host[24];

		snprintf(host, sizeof(host), "pre%s", names[i] + (names[i][0] == '*'));
		assert_ptr_equal(hdl_route_find_vhost(a, hdl_str_of(host)), hdl_route_find_vhost(b, hdl_str_of(host)));
	}
}

static unsigned int shared_indexes;

/* Each table is derived of the one before it, and finds what one made afresh finds. */
static void random_edits(bool doubles, uint64_t seed)
{
	struct edits e = { .arena = hdl_arena_new(0), .doubles = doubles };
	struct hdl_ir_route_config before = { .vhosts = e.vhost[1] }, after = { .vhosts = e.vhost[0] };

	hdl_rand_seed(&e.rand, seed);
	for (size_t i = 0; i < NAMES; i++)
		snprintf(names[i], sizeof(names[i]), i == 1 ? "*" : i % 3 == 1 ? "*.n%zu" : "n%zu", i);
	before.table = hdl_route_table_new(&before);
	for (int i = 0; i < 20000; i++) {
		struct hdl_route_table *fresh;

		for (uint32_t k = hdl_rand_u32(&e.rand) % 4; k > 0; k--)
			edit(&e);
		after.vhost_count = e.n;
		after.table = hdl_route_table_next(&after, &before);
		fresh = hdl_route_table_new(&after);
		assert_same(after.table, fresh);
		hdl_route_table_free(fresh);
		shared_indexes += after.table->index == before.table->index;
		assert_true(after.table->count <= 2 * MOST);
		hdl_route_table_free(before.table);
		before.table = after.table;
		before.vhost_count = e.n;
		memcpy(e.vhost[1], e.vhost[0], sizeof(e.vhost[0]));
	}
	hdl_route_table_free(before.table);
	hdl_arena_free(e.arena);
}

static void derived_as_made_afresh(void **state)
{
	(void)state;
	random_edits(false, 1);
	assert_true(shared_indexes > 5000);
	random_edits(true, 2);
}

/* Ten thousand hosts: new routes of one share the look-up, a new domain changes a copy, and nothing is hashed anew. */
static void a_change_of_one(void **state)
{
	static char text[10000][16];
	static const char *domain[10000][1];
	static struct hdl_ir_vhost v[10000], other, more;
	static const struct hdl_ir_vhost *list[3][10001];
	struct hdl_ir_route_config c[3] = { { .vhosts = list[0], .vhost_count = 10000 },
					    { .vhosts = list[1], .vhost_count = 10000 },
					    { .vhosts = list[2], .vhost_count = 10001 } };
	const char *new_domain = "new";

	(void)state;
	for (size_t i = 0; i < 10000; i++) {
		snprintf(text[i], sizeof(text[i]), "h%zu", i);
		domain[i][0] = text[i];
		v[i] = (struct hdl_ir_vhost){ .domains = domain[i], .domain_count = 1 };
		list[0][i] = list[1][i] = list[2][i] = &v[i];
	}
	other = v[5000];
	list[1][5000] = list[2][5000] = &other;
	more = (struct hdl_ir_vhost){ .domains = &new_domain, .domain_count = 1 };
	list[2][10000] = &more;
	c[0].table = hdl_route_table_new(&c[0]);
	c[1].table = hdl_route_table_next(&c[1], &c[0]);
	assert_ptr_equal(c[1].table->index, c[0].table->index);
	c[2].table = hdl_route_table_next(&c[2], &c[1]);
	assert_ptr_not_equal(c[2].table->index, c[1].table->index);
	assert_int_equal(c[2].table->index->exact.mask, c[1].table->index->exact.mask);
	hdl_route_table_free(c[1].table); /* in any order */
	assert_ptr_equal(hdl_route_find_vhost(c[0].table, HDL_STR("h5000")), &v[5000]);
	assert_null(hdl_route_find_vhost(c[0].table, HDL_STR("new")));
	hdl_route_table_free(c[0].table);
	assert_ptr_equal(hdl_route_find_vhost(c[2].table, HDL_STR("h5000")), &other);
	assert_ptr_equal(hdl_route_find_vhost(c[2].table, HDL_STR("new")), &more);
	assert_ptr_equal(hdl_route_find_vhost(c[2].table, HDL_STR("h9999")), &v[9999]);
	hdl_route_table_free(c[2].table);
}

/* Tables are made where there are none, of those of the same port before. */
static void snapshots_share(void **state)
{
	struct hdl_ir_route_config c[3] = { config(3), config(3), config(2) };
	struct hdl_ir_route_config *first_list[] = { &c[0], &c[2] }, *second_list[] = { &c[1], &c[2] };
	struct hdl_snapshot *first = hdl_snapshot_new(), *second = hdl_snapshot_new();

	(void)state;
	c[2].port = 81;
	first->route_configs = first_list;
	second->route_configs = second_list;
	first->route_config_count = second->route_config_count = 2;
	assert_int_equal(hdl_route_compile_next(first, NULL), 0);
	assert_int_equal(hdl_route_compile_next(second, first), 0);
	assert_ptr_equal(c[1].table->index, c[0].table->index);
	assert_ptr_not_equal(c[1].table, c[0].table);
	hdl_snapshot_unref(first); /* c[2].table is its */
	assert_ptr_equal(hdl_route_find_vhost(c[1].table, HDL_STR("reviews")), &vhost[0]);
	hdl_snapshot_unref(second);
}

static void derived_without_memory(void **state)
{
	static const char *const domain[] = { "other.test" };
	struct hdl_ir_route_config before = config(3), after;
	struct hdl_ir_vhost more = { .domains = domain, .domain_count = 1 };
	const struct hdl_ir_vhost *list[4] = { &vhost[0], &vhost[1], &vhost[2], &more };
	int n = 0;

	(void)state;
	before.table = hdl_route_table_new(&before);
	after = before;
	after.vhosts = list;
	after.vhost_count = 4;
	for (;; n++) {
		struct hdl_route_table *table;

		hdl_fail_after = n;
		table = hdl_route_table_next(&after, &before);
		hdl_fail_after = -1;
		if (!table)
			continue;
		assert_ptr_equal(hdl_route_find_vhost(table, HDL_STR("other.test")), &more);
		hdl_route_table_free(table);
		break;
	}
	assert_int_equal(n, 5);
	assert_int_equal(before.table->index->references, 1);
	assert_ptr_equal(hdl_route_find_vhost(before.table, HDL_STR("reviews")), &vhost[0]);
	hdl_route_table_free(before.table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts),
		cmocka_unit_test(long_hosts),
		cmocka_unit_test(many_wildcards),
		cmocka_unit_test(no_memory),
		cmocka_unit_test(derived_as_made_afresh),
		cmocka_unit_test(a_change_of_one),
		cmocka_unit_test(snapshots_share),
		cmocka_unit_test(derived_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
