/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's side of the state file: start, epochs, writing it anew in slices, a full disk, a file that is no file. */
#include "unit/heddled/tree.h"
#include "heddled/kept.h"
#include "heddled/statedir.h"
#include "model/store.h"

#include <errno.h>
#include <sys/resource.h>
#include <signal.h>

struct fixture {
	struct tree tree;
	struct hdl_resource_store *store;
	struct hdl_resource_list *list;
	const struct hdl_config_set *set;
	struct hdl_kept kept;
	struct hdl_channel keeper, worker;
	uint64_t epoch, now_ns;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int keeper, worker;
	struct hdl_err err;

	tree_make(&f->tree);
	f->store = hdl_resource_store_new();
	hdl_kept_init(&f->kept);
	assert_int_equal(hdl_channel_pair(&keeper, &worker, &err), 0);
	hdl_channel_init(&f->keeper, keeper, HDL_MSG_TO_KEEPER);
	hdl_channel_init(&f->worker, worker, HDL_MSG_TO_WORKER);
	f->now_ns = hdl_clock_mono_ns();
	*state = f;
	return 0;
}

static void drop_set(struct fixture *f)
{
	hdl_config_set_unref(f->set);
	hdl_resource_list_unref(f->list);
	f->set = NULL;
	f->list = NULL;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	drop_set(f);
	hdl_kept_done(&f->kept);
	hdl_resource_store_free(f->store);
	hdl_channel_done(&f->keeper);
	hdl_channel_done(&f->worker);
	tree_remove(&f->tree);
	free(f);
	return 0;
}

/* What the keeper does for a new worker process, or after a file was written. */
static void give(struct fixture *f, bool with_file)
{
	struct hdl_err err;
	struct hdl_msg msg;
	unsigned int next = 0;
	int fd;

	assert_int_equal(hdl_statedir_send(f->tree.root, with_file, &f->keeper, &err), 0);
	assert_int_equal(hdl_channel_receive(&f->worker, &msg, &err), 1);
	assert_int_equal(msg.type, HDL_MSG_STATE);
	fd = msg.state.present & 1 ? msg.fd[next++] : -1;
	hdl_kept_take(&f->kept, fd, msg.state.present & 2 ? msg.fd[next++] : -1);
}

static void use(struct fixture *f, unsigned int objects, unsigned int port)
{
	struct hdl_buf text = { 0 };

	drop_set(f);
	for (unsigned int i = 0; i < objects; i++)
		hdl_buf_printf(&text,
			       "---\napiVersion: v1\nkind: Service\nmetadata: {name: s%u, namespace: n}\n"
			       "spec: {clusterIP: 10.0.0.1, clusterIPs: [10.0.0.1], ports: [{port: %u}]}\n",
			       i, i ? 1 : port);
	assert_int_equal(hdl_resource_store_put(f->store, "f.yaml", (struct hdl_str){ text.p ? text.p : "", text.n }),
			 0);
	assert_int_equal(hdl_resource_store_commit(f->store, &f->list), 0);
	assert_int_equal(f->list->n, objects);
	f->set = hdl_config_set_new(f->list);
	hdl_buf_done(&text);
}

/* Turns until nothing is left to do; how many slices that took. */
static unsigned int settle(struct fixture *f)
{
	unsigned int slices = 0;
	struct hdl_err err;
	bool more = true;

	while (more) {
		f->now_ns = hdl_clock_mono_ns();
		if (hdl_kept_turn(&f->kept, f->set, f->epoch, 1, f->now_ns, &more)) {
			assert_int_equal(hdl_statedir_commit(f->tree.root, &err), 0);
			give(f, false);
		}
		slices++;
	}
	return slices;
}

static void start(struct fixture *f, uint64_t epoch)
{
	f->epoch = epoch;
	hdl_kept_start(&f->kept, f->set, epoch, 1, 1);
}

static void restart(struct fixture *f)
{
	hdl_kept_done(&f->kept);
	hdl_kept_init(&f->kept);
	give(f, true);
}

static void change(struct fixture *f, unsigned int objects, unsigned int port)
{
	struct hdl_epoch_meta meta = { .epoch = ++f->epoch };
	struct hdl_arena *arena = hdl_arena_new(0);
	struct hdl_resource_list *before = f->list;
	struct hdl_object_changes changes;
	struct hdl_epoch_change *list;
	size_t n;

	hdl_resource_list_ref(before);
	use(f, objects, port);
	assert_int_equal(hdl_resources_compare(before->at, before->n, f->list->at, f->list->n, &changes), 0);
	assert_int_equal(hdl_history_print(arena, &changes, &meta, &list, &n), 0);
	hdl_kept_epoch(&f->kept, &meta, 1, list, n);
	hdl_object_changes_done(&changes);
	hdl_arena_free(arena);
	hdl_resource_list_unref(before);
}

static void test_start_and_restart(void **state)
{
	struct fixture *f = *state;
	const struct hdl_epoch_record *record;
	const struct hdl_yaml_chunk *chunk;
	size_t n;

	give(f, true);
	use(f, 3, 80);
	start(f, 1);
	assert_true(hdl_kept_comparing(&f->kept));
	settle(f);
	assert_false(hdl_kept_comparing(&f->kept));
	change(f, 3, 81);
	restart(f);
	assert_int_equal(f->kept.saved.epoch, 2);
	assert_int_equal(f->kept.history.n, 2);
	assert_int_equal(hdl_kept_recall(&f->kept, "f.yaml", &chunk, &n), 0);
	assert_int_equal(n, 3);
	assert_non_null(strstr(chunk[0].text.p, "81"));
	/* one changed and one is gone while nobody looked: that is what the start changed */
	use(f, 2, 82);
	start(f, 3);
	settle(f);
	assert_int_equal(f->kept.history.n, 3);
	record = &f->kept.history.record[2];
	assert_true(record->meta.start);
	assert_int_equal(record->meta.changed, 1);
	assert_int_equal(record->meta.removed, 1);
	assert_int_equal(record->meta.added, 0);
	assert_non_null(strstr(record->change[0].before.text, "81"));
	assert_int_equal(f->kept.reason[0], '\0');
}

/* Epochs that come while the file is written anew are in it too. */
static void test_slices(void **state)
{
	struct fixture *f = *state;
	bool more;

	give(f, true);
	use(f, 20000, 80);
	start(f, 1);
	assert_false(hdl_kept_turn(&f->kept, f->set, 1, 1, hdl_clock_mono_ns(), &more));
	assert_true(more);
	change(f, 20000, 81);
	assert_true(settle(f) > 1);
	restart(f);
	assert_int_equal(f->kept.saved.epoch, 2);
	assert_int_equal(f->kept.saved.n, 20000);
	assert_int_equal(f->kept.history.n, 2);
	assert_int_equal(f->kept.history.record[1].meta.changed, 1);
	assert_non_null(strstr(hdl_saved_find(&f->kept.saved, "Service", "", "n", "s0")->version.text, "81"));
}

/* Other maps: epochs begin anew, and those of before mean nothing. */
static void test_epochs_anew(void **state)
{
	struct fixture *f = *state;

	give(f, true);
	use(f, 1, 80);
	start(f, 7);
	settle(f);
	restart(f);
	start(f, 1);
	settle(f);
	assert_int_equal(f->kept.history.n, 1);
	assert_int_equal(f->kept.history.record[0].meta.epoch, 1);
}

/* The disk is full: said once, tried again later, and the history in memory goes on. */
static void test_no_room(void **state)
{
	struct fixture *f = *state;
	struct rlimit limit, before;
	bool more;

	signal(SIGXFSZ, SIG_IGN);
	give(f, true);
	use(f, 100, 80);
	start(f, 1);
	getrlimit(RLIMIT_FSIZE, &before);
	limit = before;
	limit.rlim_cur = 4096;
	setrlimit(RLIMIT_FSIZE, &limit);
	assert_false(hdl_kept_turn(&f->kept, f->set, 1, 1, hdl_clock_mono_ns(), &more));
	setrlimit(RLIMIT_FSIZE, &before);
	assert_int_equal(f->kept.writes_failed, 1);
	assert_string_not_equal(f->kept.reason, "");
	assert_int_equal(f->kept.history.n, 1);
	change(f, 100, 81);
	assert_int_equal(f->kept.history.n, 2);
	assert_false(hdl_kept_turn(&f->kept, f->set, 2, 1, hdl_clock_mono_ns(), &more));
	assert_string_not_equal(f->kept.reason, "");
	while (!hdl_kept_turn(&f->kept, f->set, 2, 1, hdl_clock_mono_ns() + HDL_KEPT_RETRY_NS, &more))
		assert_true(more);
	assert_string_equal(f->kept.reason, "");
}

/* Not a file that only we can write: reported and not read. */
static void test_strange_files(void **state)
{
	struct fixture *f = *state;

	tree_write(&f->tree, HDL_STATEDIR_FILE, "x");
	assert_int_equal(chmod(tree_path(&f->tree, HDL_STATEDIR_FILE), 0666), 0);
	give(f, true);
	assert_int_equal(f->kept.fd, -1);
	unlink(tree_path(&f->tree, HDL_STATEDIR_FILE));
	assert_int_equal(symlink("/etc/passwd", tree_path(&f->tree, HDL_STATEDIR_FILE)), 0);
	assert_int_equal(symlink("/etc/passwd", tree_path(&f->tree, "elsewhere")), 0);
	give(f, true);
	assert_int_equal(f->kept.fd, -1);
	assert_true(f->kept.new_fd >= 0);
	unlink(tree_path(&f->tree, HDL_STATEDIR_FILE));
	tree_write(&f->tree, HDL_STATEDIR_FILE, "not a state file");
	assert_int_equal(chmod(tree_path(&f->tree, HDL_STATEDIR_FILE), 0600), 0);
	give(f, true);
	assert_int_equal(f->kept.fd, -1);
	assert_int_equal(f->kept.saved.n, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
	const struct CMUnitTest tests[] = { T(start_and_restart), T(slices), T(epochs_anew), T(no_room),
					    T(strange_files) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
