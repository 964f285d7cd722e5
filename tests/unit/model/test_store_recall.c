/* SPDX-License-Identifier: Apache-2.0 */
/* What an earlier process had accepted counts for files that hold something to be refused, and for nothing else. */
#include "unit/model/versions.h"
#include "model/istio.h"

#define BAD(name)                                                                                \
	"---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: " name \
	", namespace: ns}\nspec: {hots: x}\n"
#define HALF "---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: \"a\n"

struct memory {
	struct hdl_yaml_chunk chunk[3];
	size_t n;
	unsigned int asked;
};

static int recall(void *data, const char *path, const struct hdl_yaml_chunk **ret, size_t *ret_n)
{
	struct memory *memory = data;

	memory->asked++;
	*ret = memory->chunk;
	*ret_n = strcmp(path, "f.yaml") == 0 ? memory->n : 0;
	return 0;
}

static const struct {
	const char *name, *text, *expected; /* "name=host:line ..." */
	unsigned int asked;
} rows[] = {
	{ "all good: not asked", RULE("a", "1") RULE("b", "1"), "a=h1:2 b=h1:7", 0 },
	{ "one refused: its own", RULE("b", "1") BAD("a"), "b=h1:2 a=h9:41", 1 },
	{ "one refused that is not known", BAD("x") RULE("b", "1"), "b=h1:7", 1 },
	{ "not YAML: all that it may hold", HALF, "a=h9:41 b=h9:42", 1 },
	{ "not YAML, one is elsewhere", RULE("b", "1") HALF, "b=h1:2 a=h9:41", 1 },
	{ "removed: not back", "", "", 0 },
	{ "unreadable: all", NULL, "a=h9:41 b=h9:42", 1 },
};

static void test_rows(void **state)
{
	static const char a[] = "{\"apiVersion\": \"networking.istio.io/v1\", \"kind\": \"DestinationRule\", "
				"\"metadata\": {\"name\": \"a\", \"namespace\": \"ns\"}, \"spec\": {\"host\": \"h9\"}}",
			  b[] = "{\"apiVersion\": \"networking.istio.io/v1\", \"kind\": \"DestinationRule\", "
				"\"metadata\": {\"name\": \"b\", \"namespace\": \"ns\"}, \"spec\": {\"host\": \"h9\"}}",
			  wrong[] = "{\"apiVersion\": \"networking.istio.io/v1\", \"kind\": \"DestinationRule\", "
				    "\"metadata\": {\"name\": \"x\", \"namespace\": \"ns\"}, \"spec\": {}}";

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(rows); i++) {
		/* a document that is not accepted any more is left out in silence */
		struct memory memory = { { { HDL_STR(a), 3, 41 }, { HDL_STR(b), 4, 42 }, { HDL_STR(wrong), 5, 43 } },
					 3,
					 0 };
		struct hdl_resource_store *store = hdl_resource_store_new();
		struct hdl_resource_list *list;
		struct hdl_diags diags = { 0 };
		struct hdl_buf seen = { 0 };

		hdl_resource_store_set_recall(store, recall, &memory);
		if (rows[i].text)
			assert_int_equal(hdl_resource_store_put(store, "f.yaml", hdl_str_of(rows[i].text)), 0);
		else
			assert_int_equal(hdl_resource_store_unreadable(store, "f.yaml", "no"), 0);
		assert_int_equal(hdl_resource_store_commit(store, &list), 0);
		hdl_buf_adds(&seen, "");
		for (size_t k = 0; k < list->n; k++)
			hdl_buf_printf(&seen, "%s%s=%s:%u", k ? " " : "", list->at[k]->name,
				       list->at[k]->destination_rule->host.s, list->at[k]->pos.line);
		if (strcmp(seen.p, rows[i].expected) != 0)
			fail_msg("%s: %s, not %s", rows[i].name, seen.p, rows[i].expected);
		assert_int_equal(memory.asked, rows[i].asked);
		hdl_resource_store_diags(store, &diags);
		for (size_t k = 0; k < diags.n; k++)
			assert_true(diags.at[k].pos.line != 43);
		/* put again: what was kept is the store's own now */
		if (rows[i].text) {
			assert_int_equal(hdl_resource_store_put(store, "f.yaml", hdl_str_of(rows[i].text)), 0);
			assert_int_equal(memory.asked, rows[i].asked);
		}
		hdl_diags_done(&diags);
		hdl_buf_done(&seen);
		hdl_resource_list_unref(list);
		hdl_resource_store_free(store);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
