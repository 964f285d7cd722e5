/* SPDX-License-Identifier: Apache-2.0 */
/* Checks that the store survives failure of its n-th allocation: the call says -ENOMEM, and what was in force stays. */
#include "unit/model/model.h"
#include "model/istio.h"
#include "unit/failmalloc.h"
#include "model/commit.c"
#include "model/index.c"
#include "model/store.c"
#include "model/store_read.c"

#define DOC(name, host)                                                                          \
	"---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: " name \
	"}\nspec: {host: " host "}\n"
#define BAD(name) \
	"---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: " name "}\nspec: {hots: a}\n"

static struct hdl_resource_store *filled(struct hdl_resource_list **ret_list)
{
	struct hdl_resource_store *store = hdl_resource_store_new();

	assert_non_null(store);
	assert_int_equal(hdl_resource_store_put(store, "a", hdl_str_of(DOC("x", "h1") DOC("y", "h2"))), 0);
	assert_int_equal(hdl_resource_store_put(store, "b", hdl_str_of(DOC("z", "h3"))), 0);
	assert_int_equal(hdl_resource_store_commit(store, ret_list), 0);
	assert_int_equal((*ret_list)->n, 3);
	return store;
}

/* true when all of it went through */
static bool change(struct hdl_resource_store *store, struct hdl_resource_list **ret_list)
{
	int r = hdl_resource_store_put(store, "a", hdl_str_of(DOC("x", "h4") BAD("y") DOC("w", "h5") BAD("v")));

	if (r == 0)
		r = hdl_resource_store_put(store, "c", hdl_str_of(DOC("z", "h6") "---\na: [\n"));
	if (r == 0)
		r = hdl_resource_store_unreadable(store, "b", "gone mad");
	if (r == 0)
		r = hdl_resource_store_commit(store, ret_list);
	assert_true(r == 0 || r == -ENOMEM);
	return r == 0;
}

static void every_step(void **state)
{
	int n = 0;
	bool done = false;

	(void)state;
	while (!done) {
		struct hdl_resource_list *before = NULL, *after = NULL;
		struct hdl_resource_store *store = filled(&before);

		hdl_fail_after = n++;
		done = change(store, &after);
		hdl_fail_after = -1;
		if (!done)
			assert_true(change(store, &after));
		assert_int_equal(after->n, 4);
		assert_string_equal(after->at[0]->destination_rule->host.s, "h4");
		assert_string_equal(after->at[1]->destination_rule->host.s, "h2");
		assert_string_equal(after->at[2]->destination_rule->host.s, "h5");
		assert_string_equal(after->at[3]->destination_rule->host.s, "h3");
		hdl_resource_list_unref(before);
		hdl_resource_list_unref(after);
		hdl_resource_store_free(store);
	}
	assert_true(n > 10);
}

static void new_store(void **state)
{
	(void)state;
	hdl_fail_after = 0;
	assert_null(hdl_resource_store_new());
	hdl_fail_after = -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_step),
		cmocka_unit_test(new_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
