/* SPDX-License-Identifier: Apache-2.0 */
/* A commit of files that say something else of the same objects says the same as one that decides everything anew. */
#include "unit/unit.h"

#include <stdio.h>
#include <string.h>
#include "base/buf.h"
#include "base/rand.h"
#include "model/store.h"
#include "model/store_impl.h"

#define FILES 5
#define NAMES 12
#define MOST 6

/* What a file has: names of rules, with a version each that changes its text and not who it is. */
struct text {
	bool there;
	size_t n;
	uint32_t name[MOST], version[MOST], age[MOST];
	bool bad[MOST];
};

static void print_rule(struct hdl_buf *out, const struct text *t, size_t i)
{
	hdl_buf_printf(out, "---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata:\n  name: r%u\n",
		       t->name[i]);
	if (t->age[i])
		hdl_buf_printf(out, "  creationTimestamp: \"2026-01-%02uT00:00:00Z\"\n", t->age[i]);
	for (uint32_t k = 0; k < t->version[i] % 3; k++)
		hdl_buf_adds(out, "# a line more\n");
	hdl_buf_printf(out, "spec:\n  host: h%u\n%s", t->version[i], t->bad[i] ? "  hosst: x\n" : "");
}

static void edit(struct text *t, struct hdl_rand *rand)
{
	size_t i = t->n ? hdl_rand_u32(rand) % t->n : 0;

	switch (hdl_rand_u32(rand) % 12) {
	case 0:
		t->there = !t->there;
		break;
	case 1:
		if (t->n < MOST) {
			t->name[t->n] = hdl_rand_u32(rand) % NAMES;
			t->version[t->n] = 0;
			t->age[t->n] = hdl_rand_u32(rand) % 4;
			t->bad[t->n++] = false;
		}
		break;
	case 2:
		t->n -= t->n > 0;
		break;
	case 3:
		t->bad[i] = !t->bad[i];
		break;
	case 4:
		t->age[i] = hdl_rand_u32(rand) % 4;
		break;
	default:
		t->version[i]++;
	}
}

static void put(struct hdl_resource_store *store, size_t file, const struct text *t)
{
	struct hdl_buf out = { 0 };
	char path[16];

	snprintf(path, sizeof(path), "f%zu.yaml", file);
	for (size_t i = 0; i < t->n; i++)
		print_rule(&out, t, i);
	if (t->there)
		assert_int_equal(hdl_resource_store_put(store, path, (struct hdl_str){ out.p ? out.p : "", out.n }), 0);
	else
		hdl_resource_store_delete(store, path);
	hdl_buf_done(&out);
}

static void print(struct hdl_resource_store *store, const struct hdl_resource_list *list, struct hdl_buf *out)
{
	struct hdl_diags diags = { .limit = 1000 };
	struct hdl_store_file file;

	out->n = 0;
	hdl_buf_printf(out, "generation %llu\n", (unsigned long long)list->generation);
	for (size_t i = 0; i < list->n; i++)
		hdl_buf_printf(out, "%s %s/%s %s:%u\n", hdl_kind_name(list->at[i]->kind), list->at[i]->ns,
			       list->at[i]->name, list->at[i]->file, list->at[i]->pos.line);
	for (size_t i = 0; hdl_resource_store_file(store, i, &file); i++)
		hdl_buf_printf(out, "%s %d %zu %zu %zu %zu\n", file.path, file.state, file.documents, file.accepted,
			       file.refused, file.kept);
	hdl_resource_store_diags(store, &diags);
	for (size_t i = 0; i < diags.n; i++) {
		hdl_diag_print(out, &diags.at[i]);
		hdl_buf_adds(out, "\n");
	}
	hdl_diags_done(&diags);
}

static void as_decided_anew(void **state)
{
	struct hdl_resource_store *quick = hdl_resource_store_new(), *slow = hdl_resource_store_new();
	struct text text[FILES] = { { .there = false } };
	struct hdl_buf quick_says = { 0 }, slow_says = { 0 };
	unsigned int replaced = 0;
	struct hdl_rand rand;

	(void)state;
	hdl_rand_seed(&rand, 7);
	for (int turn = 0; turn < 6000; turn++) {
		struct hdl_resource_list *a, *b;

		for (uint32_t k = 1 + hdl_rand_u32(&rand) % 3; k > 0; k--) {
			size_t file = hdl_rand_u32(&rand) % FILES;

			edit(&text[file], &rand);
			put(quick, file, &text[file]);
			put(slow, file, &text[file]);
		}
		replaced += quick->changed && !quick->contested && !quick->duplicates;
		slow->contested = true;
		assert_int_equal(hdl_resource_store_commit(quick, &a), 0);
		assert_int_equal(hdl_resource_store_commit(slow, &b), 0);
		print(quick, a, &quick_says);
		print(slow, b, &slow_says);
		hdl_buf_adds(&quick_says, "");
		assert_string_equal(quick_says.p, slow_says.p);
		hdl_resource_list_unref(a);
		hdl_resource_list_unref(b);
	}
	assert_true(replaced > 300);
	hdl_buf_done(&quick_says);
	hdl_buf_done(&slow_says);
	hdl_resource_store_free(quick);
	hdl_resource_store_free(slow);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(as_decided_anew) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
