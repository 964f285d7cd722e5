/* SPDX-License-Identifier: Apache-2.0 */
/* Which objects differ between two lists: added, changed, removed, moved; shared or decoded anew. */
#include "unit/model/versions.h"
#include "model/compare.h"

/* "+name ~name =name -name": added, changed, moved, removed, in the order given. */
static void expect(const struct hdl_resource_list *before, const struct hdl_resource_list *after, const char *expected)
{
	struct hdl_object_changes changes;
	struct hdl_buf seen = { 0 };

	assert_int_equal(hdl_resources_compare(before->at, before->n, after->at, after->n, &changes), 0);
	hdl_buf_adds(&seen, "");
	for (size_t i = 0; i < changes.n; i++) {
		const struct hdl_object_change *change = &changes.at[i];
		const struct hdl_resource *resource = change->after ? change->after : change->before;

		hdl_buf_printf(&seen, "%s%c%s", i ? " " : "",
			       !change->before ? '+' :
			       !change->after  ? '-' :
			       change->moved   ? '=' :
						 '~',
			       resource->name);
	}
	assert_string_equal(seen.p, expected);
	hdl_buf_done(&seen);
	hdl_object_changes_done(&changes);
}

static const struct {
	const char *before, *after, *expected;
} rows[] = {
	{ RULE("a", "x"), RULE("a", "x"), "" },
	{ "", RULE("a", "x"), "+a" },
	{ RULE("a", "x"), "", "-a" },
	{ RULE("a", "x") RULE("b", "x"), RULE("a", "x") RULE("b", "y"), "~b" },
	{ RULE("a", "x") RULE("b", "x"), RULE("b", "x"), "=b -a" },
	{ RULE("b", "x"), RULE("a", "x") RULE("b", "x"), "+a =b" },
	{ RULE("a", "x") RULE("b", "x") RULE("c", "x"), RULE("c", "y") RULE("a", "x") RULE("d", "x"), "~c =a +d -b" },
	{ RULE("a", "x"), "# a comment\n" RULE("a", "x"), "=a" },
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(rows); i++) {
		struct hdl_resource_store *store = hdl_resource_store_new(), *other = hdl_resource_store_new();
		struct hdl_resource_list *before = list_of(store, rows[i].before),
					 *after = list_of(store, rows[i].after), *anew = list_of(other, rows[i].after);

		/* with what did not change shared, and with nothing shared */
		expect(before, after, rows[i].expected);
		if (!strstr(rows[i].expected, "=") && i != 3)
			expect(after, anew, i == 0 || i == 1 ? "=a" : "");
		hdl_resource_list_unref(before);
		hdl_resource_list_unref(after);
		hdl_resource_list_unref(anew);
		hdl_resource_store_free(store);
		hdl_resource_store_free(other);
	}
}

/* In any order: the walk over both expects creation order, and is right without it. */
static void test_out_of_order(void **state)
{
	struct hdl_resource_store *store = hdl_resource_store_new();
	struct hdl_resource_list *list = list_of(store, RULE("a", "x") RULE("b", "x") RULE("c", "x"));
	const struct hdl_resource *turned[] = { list->at[2], list->at[0], list->at[1] };
	struct hdl_object_changes changes;

	(void)state;
	assert_int_equal(hdl_resources_compare(list->at, 3, turned, 3, &changes), 0);
	assert_int_equal(changes.n, 0);
	assert_int_equal(hdl_resources_compare(turned, 3, list->at, 2, &changes), 0);
	assert_int_equal(changes.n, 1);
	assert_ptr_equal(changes.at[0].before, list->at[2]);
	hdl_object_changes_done(&changes);
	hdl_resource_list_unref(list);
	hdl_resource_store_free(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows), cmocka_unit_test(test_out_of_order) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
