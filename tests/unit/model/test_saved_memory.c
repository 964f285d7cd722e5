/* SPDX-License-Identifier: Apache-2.0 */
/* Failure of every n-th allocation of the state file's reader and of the history: said, with nothing left half made. */
#include "unit/model/versions.h"
#include "unit/failmalloc.h"
#include "model/saved.c"

/* A file with base and two epochs behind it. */
static void make_file(struct hdl_buf *file)
{
	struct hdl_saved_object object = {
		"DestinationRule", "networking.istio.io", "ns", "a", { "{}", 2, "f.yaml", 1, 0 }, false
	};
	struct hdl_epoch_change change = { .what = HDL_CHANGE_CHANGED,
					   .kind = object.kind,
					   .group = object.group,
					   .ns = "ns",
					   .name = "a",
					   .after = object.version };
	struct hdl_epoch_record past = { .meta = { .epoch = 1 }, .change = &change, .n = 1 };
	struct hdl_epoch_meta meta = { .epoch = 2, .changed = 1 };

	hdl_saved_write_head(file);
	hdl_saved_write_past(file, &past);
	hdl_saved_write_base(file, &object, 1);
	hdl_saved_write_base_end(file, 1, 0, 0);
	hdl_saved_write_now(file, &meta, 0, &change, 1);
	change.name = "b";
	meta.epoch = 3;
	hdl_saved_write_now(file, &meta, 0, &change, 1);
	assert_false(file->failed);
}

static void test_read(void **state)
{
	struct hdl_buf file = { 0 };
	int n = 0, r = -ENOMEM;

	(void)state;
	make_file(&file);
	while (r == -ENOMEM) {
		struct hdl_saved saved = { 0 };
		struct hdl_history history;
		struct hdl_err err;

		hdl_history_init(&history);
		hdl_fail_after = n++;
		r = hdl_saved_read((struct hdl_str){ file.p, file.n }, &saved, &history, &err);
		hdl_fail_after = -1;
		if (r < 0) {
			assert_int_equal(r, -ENOMEM);
			assert_int_equal(saved.n, 0);
			assert_int_equal(history.n, 0);
		} else {
			assert_int_equal(saved.n, 2);
			assert_int_equal(history.n, 3);
		}
		hdl_saved_done(&saved);
		hdl_history_done(&history);
		assert_int_equal(history.bytes, 0);
	}
	assert_int_equal(r, 0);
	assert_true(n > 3);
	hdl_buf_done(&file);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_read) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
