/* SPDX-License-Identifier: Apache-2.0 */
/* Checks that the last accepted version of each object stays in force through every kind of bad or moving file. */
#include "unit/model/model.h"
#include "model/istio.h"
#include "model/store.h"

#define DOC(name, host)                                                                          \
	"---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: " name \
	"}\nspec:\n  host: " host "\n"
#define BAD(name) \
	"---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: " name "}\nspec:\n  hots: x\n"
#define SKIPPED "---\nkind: Deployment\napiVersion: apps/v1\nmetadata: {name: c}\n"
#define HALF "---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: \"a\n"

/* One change of the files, and what is in force then: "name=host" in order, after "/" the files that are refused. */
struct step {
	const char *path, *text; /* text NULL: deleted; path NULL: nothing happens */
	const char *expected;
	const char *said; /* part of the diagnostics, or NULL */
};

static char *in_force(struct hdl_resource_store *store)
{
	struct hdl_resource_list *list = NULL;
	struct hdl_store_file file;
	struct hdl_buf buf = { 0 };

	assert_int_equal(hdl_resource_store_commit(store, &list), 0);
	hdl_buf_adds(&buf, "");
	for (size_t i = 0; i < list->n; i++) {
		assert_int_equal(list->at[i]->kind, HDL_KIND_DESTINATION_RULE);
		hdl_buf_printf(&buf, "%s%s=%s", i ? " " : "", list->at[i]->name, list->at[i]->destination_rule->host.s);
	}
	for (size_t i = 0; hdl_resource_store_file(store, i, &file); i++)
		if (file.state == HDL_FILE_REFUSED)
			hdl_buf_printf(&buf, "/%s", file.path);
	hdl_resource_list_unref(list);
	return buf.p ? buf.p : strdup("");
}

static void run_steps(const char *name, const struct step *step, size_t n)
{
	struct hdl_resource_store *store = hdl_resource_store_new();

	assert_non_null(store);
	for (size_t i = 0; i < n; i++) {
		struct hdl_diags diags = { 0 };
		char *seen, *said;

		if (step[i].path && step[i].text)
			assert_int_equal(hdl_resource_store_put(store, step[i].path, hdl_str_of(step[i].text)), 0);
		else if (step[i].path)
			hdl_resource_store_delete(store, step[i].path);
		if (!step[i].expected)
			continue; /* more changes before the next commit */
		seen = in_force(store);
		hdl_resource_store_diags(store, &diags);
		said = print_diags(&diags);
		if (strcmp(seen, step[i].expected))
			fail_msg("%s, step %zu: in force \"%s\", expected \"%s\"\n%s", name, i, seen, step[i].expected,
				 said);
		if (step[i].said ? !strstr(said, step[i].said) : !!*said)
			fail_msg("%s, step %zu: said \"%s\", expected \"%s\"", name, i, said,
				 step[i].said ? step[i].said : "");
		free(seen);
		free(said);
		hdl_diags_done(&diags);
	}
	assert_null(hdl_resource_store_free(store));
}

#define STEPS(name, ...)                                            \
	static void name(void **state)                              \
	{                                                           \
		static const struct step steps[] = { __VA_ARGS__ }; \
                                                                    \
		(void)state;                                        \
		run_steps(#name, steps, HDL_ARRAY_SIZE(steps));     \
	}

STEPS(good_files, { "b", DOC("b", "h1"), "b=h1", NULL },
      { "a", DOC("z", "h2") DOC("y", "h3") SKIPPED, "z=h2 y=h3 b=h1", NULL },
      { "a", DOC("y", "h4"), "y=h4 b=h1", NULL }, { "b", "", "y=h4", NULL }, { NULL, NULL, "y=h4", NULL })

STEPS(unknown_field_after_good, { "a", DOC("x", "h1") DOC("y", "h2"), "x=h1 y=h2", NULL },
      { "a", DOC("x", "h3") BAD("y"), "x=h3 y=h2/a", "spec.hots: unknown field; did you mean host?" },
      { "a", DOC("x", "h4") BAD("y"), "x=h4 y=h2/a", "its last accepted version (line 8 then) stays in force" },
      { "a", BAD("x") BAD("y"), "x=h4 y=h2/a", "DestinationRule default/x: spec.hots" },
      { "a", DOC("x", "h5") DOC("y", "h6"), "x=h5 y=h6", NULL })

STEPS(never_good,
      { "a", BAD("x") DOC("y", "h2"), "y=h2/a", "error: DestinationRule default/x: spec.host: is required" },
      { "a", BAD("x"), "/a", "DestinationRule default/x" }, { "a", DOC("x", "h"), "x=h", NULL })

STEPS(half_written, { "a", DOC("a", "h1") DOC("b", "h2"), "a=h1 b=h2", NULL },
      { "a", HALF, "a=h1 b=h2/a", "a:5:1: error: found unexpected end of stream" },
      { "a", HALF, "a=h1 b=h2/a", "2 objects accepted from it earlier stay in force" },
      { "a", DOC("b", "h3") HALF, "b=h3 a=h1/a", "1 objects accepted from it earlier stay in force" },
      { "a", DOC("b", "h4"), "b=h4", NULL })

/* cut inside a document: it is not YAML or not complete; cut in the kind it is a document of another kind */
STEPS(truncated, { "a", DOC("a", "h1") DOC("b", "h2"), "a=h1 b=h2", NULL },
      { "a", DOC("a", "h1") "---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {nam",
	"a=h1 b=h2/a", "did not find expected ',' or '}'" },
      { "a", DOC("a", "h1") "---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: b}\n",
	"a=h1 b=h2/a", "spec: is required" },
      { "a", DOC("a", "h1") "---\napiVersion: networking.istio.io/v1\nkind: Dest", "a=h1 b=h2/a",
	"kind: networking.istio.io/v1 has no kind Dest" },
      { "a", DOC("a", "h1") "---\nkind: DestinationRule\napiVersion: networking.isti", "a=h1 b=h2/a",
	"kind: networking.isti has no kind DestinationRule" },
      { "a", DOC("a", "h1"), "a=h1", NULL })

/* an object whose identity cannot be read may be any of the file */
STEPS(nameless, { "a", DOC("a", "h1"), "a=h1", NULL },
      { "a", "---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {nam: a}\nspec: {host: h2}\n",
	"a=h1/a", "metadata.nam: unknown field; did you mean name?" },
      { "a", "x: y\n", "a=h1/a", "kind: is required" }, { "a", "# nothing\n", "", NULL })

STEPS(deleted, { "a", DOC("a", "h1"), "a=h1", NULL }, { "b", DOC("b", "h2"), "a=h1 b=h2", NULL },
      { "a", NULL, "b=h2", NULL }, { "nothing", NULL, "b=h2", NULL }, { "b", HALF, "b=h2/b", "unexpected end" },
      { "b", NULL, "", NULL })

STEPS(renamed, { "a", DOC("a", "h1") DOC("b", "h2"), "a=h1 b=h2", NULL },
      { "c", DOC("a", "h1") DOC("b", "h2"), NULL, NULL }, { "a", NULL, "a=h1 b=h2", NULL }, { "c", NULL, NULL, NULL },
      { "d", BAD("a") DOC("b", "h3"), "a=h1 b=h3/d", "spec.hots: unknown field" },
      { "d", BAD("a"), "a=h1/d", "spec.hots: unknown field" }, { "d", "", "", NULL })

STEPS(duplicates, { "b", DOC("x", "h1"), "x=h1", NULL },
      { "a", DOC("x", "h2") DOC("y", "h3"), "y=h3 x=h1/a",
	"a:2:1: error: DestinationRule default/x: metadata.name: the same object is at b:2:1, which stays; this one is refused" },
      { "a", DOC("x", "h4"), "x=h1/a", "the same object is at b:2:1" },
      { "b", BAD("x"), "x=h1/a/b", "the same object is at b:2:1" }, { "b", DOC("z", "h5"), "x=h4 z=h5", NULL },
      { "b", DOC("x", "h6"), "x=h4/b",
	"b:2:1: error: DestinationRule default/x: metadata.name: the same object is at a:2:1" },
      { "a", NULL, "x=h6", NULL })

STEPS(duplicates_in_one_file,
      { "a", DOC("x", "h1") DOC("x", "h2"), "x=h1/a",
	"a:8:1: error: DestinationRule default/x: metadata.name: the same object is at a:2:1" },
      { "a", DOC("x", "h2"), "x=h2", NULL })

/* files new in one update count by name; a file that stays wins over one that is new */
STEPS(duplicates_new_together, { "b", DOC("x", "h1"), NULL, NULL },
      { "a", DOC("x", "h2"), "x=h2/b", "the same object is at a:2:1" })

/* moved to another file while the first one is broken: the readable document counts */
STEPS(moved_from_broken, { "a", DOC("x", "h1") DOC("y", "h2"), "x=h1 y=h2", NULL }, { "a", HALF, NULL, NULL },
      { "b", DOC("x", "h3"), "y=h2 x=h3/a", "1 objects accepted from it earlier" },
      { "a", DOC("x", "h4"), "x=h3/a", "the same object is at b:2:1" })

/* a duplicate does not win because the file of the first one breaks */
STEPS(duplicate_of_broken, { "a", DOC("x", "h1"), "x=h1", NULL },
      { "b", DOC("x", "h2"), "x=h1/b", "the same object is at a:2:1" },
      { "a", HALF, "x=h1/a/b", "the same object is at a:2:1" }, { "a", NULL, "x=h2", NULL })

/* one bad item of a List does not take the others along */
STEPS(lists,
      { "a",
	"{apiVersion: v1, kind: List, items: [{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: a}, "
	"spec: {host: h1}}, {apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: b}, spec: {}}, "
	"{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: c}, spec: {host: h2}}]}",
	"a=h1 c=h2/a", "spec.host: is required" })

/* unchanged documents keep their resource; a list keeps what it holds alive; the same state is the same list */
static void identity(void **state)
{
	struct hdl_resource_store *store = hdl_resource_store_new();
	struct hdl_resource_list *first = NULL, *second = NULL, *third = NULL;

	(void)state;
	assert_int_equal(hdl_resource_store_put(store, "a", hdl_str_of(DOC("x", "h1") DOC("y", "h2") DOC("z", "h3"))),
			 0);
	assert_int_equal(hdl_resource_store_commit(store, &first), 0);
	assert_int_equal(hdl_resource_store_put(store, "a", hdl_str_of(DOC("x", "h1") DOC("y", "h4") DOC("z", "h3"))),
			 0);
	assert_int_equal(hdl_resource_store_commit(store, &second), 0);
	assert_ptr_equal(first->at[0], second->at[0]);
	assert_ptr_not_equal(first->at[1], second->at[1]);
	assert_ptr_equal(first->at[2], second->at[2]);
	assert_int_equal(second->generation, first->generation + 1);
	assert_int_equal(hdl_resource_store_put(store, "a", hdl_str_of(DOC("x", "h1") DOC("y", "h4") DOC("z", "h3"))),
			 0);
	assert_int_equal(hdl_resource_store_commit(store, &third), 0);
	assert_ptr_equal(second, third);
	hdl_resource_list_unref(second);
	hdl_resource_list_unref(third);
	hdl_resource_store_delete(store, "a");
	hdl_resource_store_free(store);
	assert_string_equal(first->at[1]->destination_rule->host.s, "h2");
	assert_null(hdl_resource_list_unref(first));
	assert_null(hdl_resource_list_unref(NULL));
	assert_null(hdl_resource_store_free(NULL));
}

static int refuse_h9(const struct hdl_resource *resource, struct hdl_diags *diags)
{
	struct hdl_diag where = { .severity = HDL_ERROR, .file = resource->file, .pos = resource->pos };

	if (strcmp(resource->destination_rule->host.s, "h9"))
		return 0;
	hdl_diags_add(diags, &where, "not h9");
	return -EINVAL;
}

/* a document that only the further check refuses keeps its last version too; files too large or unreadable likewise */
static void other_refusals(void **state)
{
	struct hdl_resource_store *store = hdl_resource_store_new();
	struct hdl_str large = { "x", ((size_t)64 << 20) + 1 };
	struct hdl_store_file file;
	char *seen;

	(void)state;
	hdl_resource_store_set_check(store, refuse_h9);
	assert_int_equal(hdl_resource_store_put(store, "a", hdl_str_of(DOC("x", "h1") SKIPPED)), 0);
	assert_int_equal(hdl_resource_store_put(store, "a", hdl_str_of(DOC("x", "h9") SKIPPED)), 0);
	seen = in_force(store);
	assert_string_equal(seen, "x=h1/a");
	free(seen);
	assert_true(hdl_resource_store_file(store, 0, &file));
	assert_int_equal(file.documents, 2);
	assert_int_equal(file.accepted, 0);
	assert_int_equal(file.kept, 1);
	assert_int_equal(file.refused, 1);
	assert_int_equal(file.skipped, 1);
	assert_int_equal(file.diags->errors, 1);
	assert_string_equal(file.diags->at[0].message, "not h9");
	assert_false(hdl_resource_store_file(store, 1, &file));

	assert_int_equal(hdl_resource_store_put(store, "a", large), -EFBIG);
	seen = in_force(store);
	assert_string_equal(seen, "x=h1/a");
	free(seen);
	assert_int_equal(hdl_resource_store_put(store, "a", hdl_str_of(DOC("x", "h2"))), 0);
	assert_int_equal(hdl_resource_store_unreadable(store, "a", "Permission denied"), 0);
	assert_int_equal(hdl_resource_store_unreadable(store, "b", "Permission denied"), 0);
	seen = in_force(store);
	assert_string_equal(seen, "x=h2/a/b");
	free(seen);
	assert_int_equal(hdl_resource_store_files(store), 2);
	assert_true(hdl_resource_store_file(store, 1, &file));
	assert_string_equal(file.diags->at[0].message, "Permission denied; what was accepted from it stays in force");
	assert_int_equal(hdl_resource_store_put(store, "a", hdl_str_of(DOC("x", "h2"))), 0);
	hdl_resource_store_delete(store, "b");
	seen = in_force(store);
	assert_string_equal(seen, "x=h2");
	free(seen);
	hdl_resource_store_free(store);
}

/* a file of nothing but mistakes does not fill the memory with diagnostics */
static void bounded_diags(void **state)
{
	struct hdl_resource_store *store = hdl_resource_store_new();
	struct hdl_resource_list *list;
	struct hdl_store_file file;
	struct hdl_buf buf = { 0 };

	(void)state;
	for (int i = 0; i < 3000; i++)
		hdl_buf_adds(&buf, "---\na: [\n");
	assert_int_equal(hdl_resource_store_put(store, "a", (struct hdl_str){ buf.p, buf.n }), 0);
	assert_int_equal(hdl_resource_store_commit(store, &list), 0);
	assert_true(hdl_resource_store_file(store, 0, &file));
	assert_int_equal(file.diags->n, 1000);
	assert_int_equal(file.diags->errors, 3000);
	assert_int_equal(file.diags->dropped, 2000);
	hdl_resource_list_unref(list);
	hdl_resource_store_free(store);
	hdl_buf_done(&buf);
}

#define AGED(name, time)                                                                         \
	"---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: " name \
	", creationTimestamp: '" time "'}\nspec:\n  host: h\n"

/* Rules with a time of creation are in that order (A.0), at the places that they have; the others stay where they are. */
static void order_of_creation(void **state)
{
	static const struct step step[] = {
		{ "b", AGED("new", "2024-01-03T00:00:00Z") DOC("x", "h") AGED("old", "2024-01-01T00:00:00Z"),
		  "old=h x=h new=h", NULL },
		{ "a", AGED("same-b", "2024-01-02T00:00:00Z") AGED("same-a", "2024-01-02T00:00:00Z") DOC("y", "h"),
		  "old=h same-a=h y=h same-b=h x=h new=h", NULL },
		{ "b", NULL, "same-a=h same-b=h y=h", NULL },
	};

	(void)state;
	run_steps("order of creation", step, HDL_ARRAY_SIZE(step));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_files),
		cmocka_unit_test(unknown_field_after_good),
		cmocka_unit_test(never_good),
		cmocka_unit_test(half_written),
		cmocka_unit_test(truncated),
		cmocka_unit_test(nameless),
		cmocka_unit_test(deleted),
		cmocka_unit_test(renamed),
		cmocka_unit_test(duplicates),
		cmocka_unit_test(duplicates_in_one_file),
		cmocka_unit_test(duplicates_new_together),
		cmocka_unit_test(moved_from_broken),
		cmocka_unit_test(duplicate_of_broken),
		cmocka_unit_test(lists),
		cmocka_unit_test(identity),
		cmocka_unit_test(other_refusals),
		cmocka_unit_test(bounded_diags),
		cmocka_unit_test(order_of_creation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
