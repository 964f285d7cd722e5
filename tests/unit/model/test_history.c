/* SPDX-License-Identifier: Apache-2.0 */
/* History of epochs: what an epoch was, from what each one after it changed; its limits; and the state file. */
#include "unit/model/versions.h"
#include "model/history.h"
#include "model/saved.h"

/* A store, its history, and the list in force. */
struct fixture {
	struct hdl_resource_store *store;
	struct hdl_history history;
	struct hdl_resource_list *list;
	uint64_t epoch;
	struct hdl_buf file; /* what the daemon would have written */
};

static void write_base(struct fixture *f)
{
	struct hdl_arena *arena = hdl_arena_new(0);
	struct hdl_saved_object object = { .kind = "DestinationRule", .group = "networking.istio.io", .ns = "ns" };

	hdl_saved_write_head(&f->file);
	for (size_t i = 0; i < f->history.n; i++)
		hdl_saved_write_past(&f->file, &f->history.record[i]);
	for (size_t i = 0; i < f->list->n; i++) {
		object.name = f->list->at[i]->name;
		assert_int_equal(hdl_version_print(arena, f->list->at[i], &object.version), 0);
		hdl_saved_write_base(&f->file, &object, 1);
	}
	hdl_saved_write_base_end(&f->file, f->epoch, 0, 7);
	hdl_arena_free(arena);
}

static void put(struct fixture *f, const char *text)
{
	struct hdl_resource_list *list = list_of(f->store, text);
	struct hdl_arena *arena = hdl_arena_new(0);
	struct hdl_epoch_meta meta = { .epoch = ++f->epoch, .wall_ns = f->epoch * 1000 };
	struct hdl_object_changes changes;
	struct hdl_epoch_change *change;
	size_t n;

	assert_int_equal(hdl_resources_compare(f->list ? f->list->at : NULL, f->list ? f->list->n : 0, list->at,
					       list->n, &changes),
			 0);
	assert_int_equal(hdl_history_print(arena, &changes, &meta, &change, &n), 0);
	assert_int_equal(hdl_history_add(&f->history, &meta, change, n, !f->list), 0);
	if (f->file.n)
		hdl_saved_write_now(&f->file, &meta, f->epoch, change, n);
	hdl_object_changes_done(&changes);
	hdl_arena_free(arena);
	hdl_resource_list_unref(f->list);
	f->list = list;
	if (!f->file.n)
		write_base(f);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->store = hdl_resource_store_new();
	assert_non_null(f->store);
	hdl_history_init(&f->history);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	hdl_resource_list_unref(f->list);
	hdl_resource_store_free(f->store);
	hdl_history_done(&f->history);
	assert_int_equal(f->history.bytes, 0);
	hdl_buf_done(&f->file);
	free(f);
	return 0;
}

/* "name=host" of what differed at that epoch, "name=" where there was no such object. */
static void expect_former(const struct hdl_history *history, uint64_t epoch, const char *expected)
{
	struct hdl_former *former;
	struct hdl_buf seen = { 0 };
	size_t n;

	assert_int_equal(hdl_history_former(history, epoch, &former, &n), 0);
	hdl_buf_adds(&seen, "");
	for (size_t i = 0; i < n; i++) {
		const char *host = former[i].version.text ? strstr(former[i].version.text, "\"host\": \"h") : NULL;

		hdl_buf_printf(&seen, "%s%s=%.1s", i ? " " : "", former[i].name, host ? host + 10 : "");
	}
	assert_string_equal(seen.p, expected);
	hdl_buf_done(&seen);
	free(former);
}

static void fill(struct fixture *f)
{
	put(f, RULE("a", "1") RULE("b", "1"));                /* epoch 1 */
	put(f, RULE("a", "2") RULE("b", "1"));                /* 2: a changed */
	put(f, RULE("a", "3") RULE("b", "1") RULE("c", "1")); /* 3: a changed, c added */
	put(f, RULE("a", "3") RULE("c", "1"));                /* 4: b removed, c moved */
}

static void expect_all(const struct hdl_history *history)
{
	expect_former(history, 4, "");
	expect_former(history, 3, "c=1 b=1");
	expect_former(history, 2, "a=2 c= b=1");
	expect_former(history, 1, "a=1 c= b=1");
}

static void test_former(void **state)
{
	struct fixture *f = *state;
	struct hdl_former *former;
	size_t n;

	fill(f);
	expect_all(&f->history);
	assert_int_equal(hdl_history_oldest(&f->history), 1);
	assert_int_equal(hdl_history_former(&f->history, 5, &former, &n), -ENOENT);
	assert_int_equal(hdl_history_former(&f->history, 0, &former, &n), -ENOENT);
	assert_int_equal(f->history.record[2].meta.added, 1);
	assert_int_equal(f->history.record[2].meta.changed, 1);
	assert_int_equal(f->history.record[3].meta.removed, 1);
}

/* Which epoch brought the version in force; of what no epoch of the history changed: the oldest one known. */
static void test_index(void **state)
{
	struct fixture *f = *state;
	struct hdl_history_index index;
	static const struct {
		const char *name;
		uint64_t epoch;
	} rows[] = { { "a", 3 }, { "c", 3 }, { "b", 4 }, { "x", 1 } };

	fill(f);
	assert_int_equal(hdl_history_index_make(&f->history, &index), 0);
	for (size_t i = 0; i < HDL_ARRAY_SIZE(rows); i++)
		assert_int_equal(hdl_history_index_epoch(&index, (struct hdl_object_id){ HDL_KIND_DESTINATION_RULE,
											 "ns", rows[i].name }),
				 rows[i].epoch);
	assert_int_equal(hdl_history_index_epoch(&index, (struct hdl_object_id){ HDL_KIND_VIRTUAL_SERVICE, "ns", "a" }),
			 1);
	hdl_history_index_done(&index);
}

/* A change that was refused is listed, and nothing to go back to or over. */
static void test_refused(void **state)
{
	struct fixture *f = *state;
	struct hdl_epoch_meta meta = { .epoch = 4, .refused = "the map is full" };
	struct hdl_epoch_change change = { .what = HDL_CHANGE_CHANGED,
					   .kind = "DestinationRule",
					   .group = "networking.istio.io",
					   .ns = "ns",
					   .name = "a" };

	fill(f);
	assert_int_equal(hdl_history_add(&f->history, &meta, &change, 1, false), 0);
	expect_all(&f->history);
	assert_string_equal(f->history.record[4].meta.refused, "the map is full");
}

/* HDL_HISTORY_EPOCHS_MAX: the oldest goes. */
static void test_count(void **state)
{
	struct fixture *f = *state;
	struct hdl_former *former;
	size_t n;

	for (int i = 0; i < HDL_HISTORY_EPOCHS_MAX + 5; i++)
		put(f, i % 2 ? RULE("a", "1") : RULE("a", "2"));
	assert_int_equal(f->history.n, HDL_HISTORY_EPOCHS_MAX);
	assert_int_equal(hdl_history_oldest(&f->history), 6);
	assert_int_equal(hdl_history_former(&f->history, 5, &former, &n), -ENOENT);
	expect_former(&f->history, 6, "a=1");
}

#define LABEL ".abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz"
#define LONG LABEL LABEL LABEL LABEL

/* HDL_HISTORY_BYTES_MAX: the oldest lose their texts, are listed all the same, and the count of it grows. */
static void test_bytes(void **state)
{
	struct fixture *f = *state;
	struct hdl_former *former;
	size_t n;

	f->history.bytes_max = 10 << 10;
	for (int i = 0; i < 20; i++)
		put(f, i % 2 ? RULE("a", "1" LONG) : RULE("a", "2" LONG));
	assert_int_equal(f->history.n, 20);
	assert_true(f->history.cuts > 0);
	assert_true(f->history.record[1].cut);
	assert_int_equal(f->history.record[1].n, 1);
	assert_string_equal(f->history.record[1].change[0].name, "a");
	assert_int_equal(hdl_history_former(&f->history, 1, &former, &n), -ESTALE);
	assert_true(hdl_history_oldest(&f->history) > 1);
	assert_true(f->history.bytes <= f->history.bytes_max);
	expect_former(&f->history, 19, "a=2");
}

/* What was written is read: base, history before it, and the epochs appended since. */
static void test_state_file(void **state)
{
	struct fixture *f = *state;
	struct hdl_history history;
	struct hdl_saved saved = { 0 };
	struct hdl_yaml_chunk *chunk;
	struct hdl_err err;
	size_t n;

	fill(f);
	hdl_history_init(&history);
	assert_int_equal(hdl_saved_read((struct hdl_str){ f->file.p, f->file.n }, &saved, &history, &err), 0);
	assert_int_equal(saved.good_bytes, f->file.n);
	assert_int_equal(saved.epoch, 4);
	assert_int_equal(saved.files, 4);
	expect_all(&history);
	assert_int_equal(hdl_history_oldest(&history), 1);
	/* a and c are in force, c at its place of today, b is not */
	assert_int_equal(hdl_saved_of_file(&saved, "f.yaml", &chunk, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(chunk[0].first_line, 2);
	assert_int_equal(chunk[1].index, f->list->at[1]->document);
	assert_non_null(strstr(chunk[1].text.p, "\"name\": \"c\""));
	free(chunk);
	assert_int_equal(hdl_saved_of_file(&saved, "g.yaml", &chunk, &n), 0);
	assert_int_equal(n, 0);
	free(chunk);
	assert_null(hdl_saved_find(&saved, "DestinationRule", "networking.istio.io", "ns", "x"));
	assert_null(hdl_saved_find(&saved, "DestinationRule", "networking.istio.io", "ns", "b")->version.text);
	hdl_saved_done(&saved);
	hdl_history_done(&history);
}

/* Cut off anywhere: what is whole is used, nothing is made up, and nobody crashes. */
static void test_cut_off(void **state)
{
	struct fixture *f = *state;
	size_t base;

	put(f, RULE("a", "1") RULE("b", "1"));
	base = f->file.n;
	put(f, RULE("a", "2") RULE("b", "1"));
	for (size_t n = 0; n < f->file.n; n++) {
		char *copy = malloc(n + 1); /* so that a sanitizer sees a byte too far */
		struct hdl_saved saved = { 0 };
		struct hdl_history history;
		struct hdl_err err;
		int r;

		memcpy(copy, f->file.p, n);
		hdl_history_init(&history);
		r = hdl_saved_read((struct hdl_str){ copy, n }, &saved, &history, &err);
		assert_int_equal(r, n < base ? -EBADMSG : n == base ? 0 : 1);
		assert_int_equal(saved.epoch, n < base ? 0 : 1);
		assert_int_equal(saved.good_bytes, n < base ? 0 : base);
		assert_int_equal(history.n, n < base ? 0 : 1);
		hdl_saved_done(&saved);
		hdl_history_done(&history);
		free(copy);
	}
}

/* Any byte changed: its record is not used, nor what is behind it. */
static void test_damaged(void **state)
{
	struct fixture *f = *state;
	size_t base;

	put(f, RULE("a", "1") RULE("b", "1"));
	base = f->file.n;
	put(f, RULE("a", "2") RULE("b", "1"));
	for (size_t at = 0; at < f->file.n; at++) {
		struct hdl_saved saved = { 0 };
		struct hdl_history history;
		struct hdl_err err;

		f->file.p[at] ^= 0x41;
		hdl_history_init(&history);
		assert_int_equal(hdl_saved_read((struct hdl_str){ f->file.p, f->file.n }, &saved, &history, &err),
				 at < base ? -EBADMSG : 1);
		hdl_saved_done(&saved);
		hdl_history_done(&history);
		f->file.p[at] ^= 0x41;
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
	const struct CMUnitTest tests[] = { T(former), T(index),      T(refused), T(count),
					    T(bytes),  T(state_file), T(cut_off), T(damaged) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
