/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The n-th allocation fails while the worker process takes the files of a pass: the pass fails as a whole, its files are
 * told again, and then all of it is in force.
 */
#include "unit/heddled/tree.h"
#include "unit/failmalloc.h"

static inline char *hdl_fail_strdup(const char *s)
{
	return hdl_fail_now() ? NULL : strdup(s);
}

static inline void *hdl_fail_reallocarray(void *p, size_t n, size_t size)
{
	return hdl_fail_now() ? NULL : reallocarray(p, n, size);
}

#define strdup hdl_fail_strdup
#define reallocarray hdl_fail_reallocarray
#include "heddled/config.c"
#define place store_place
#include "model/store.c"
#include "model/store_read.c"
#undef place
#undef malloc
#undef calloc
#undef realloc
#undef strdup
#undef reallocarray
#include "base/addr.h"
#include "heddled/feed.h"

#define MS HDL_NS_PER_MS
#define SERVICE(name, address)                                                         \
	"apiVersion: v1\nkind: Service\nmetadata: {name: " name ", namespace: demo}\n" \
	"spec: {clusterIP: " address ", clusterIPs: [" address "], ports: [{name: tcp-x, port: 80}]}\n"

struct fixture {
	struct tree tree;
	struct hdl_feed *feed;
	struct hdl_channel keeper, worker;
	struct hdl_config *config;
	struct hdl_snapshot *snapshot; /* in force */
	char path[PATH_MAX];
	const char *paths[1];
	uint64_t now_ns, next_ns;
};

static uint64_t read_wall(void)
{
	return UINT64_MAX / 2; /* all files count as settled */
}

static void begin(struct fixture *f)
{
	struct hdl_config_options options = { NULL, false };
	struct hdl_feed_conf conf;
	int keeper, worker;
	struct hdl_err err;

	*f = (struct fixture){ .now_ns = 1000 * HDL_NS_PER_S };
	tree_make(&f->tree);
	tree_mkdir(&f->tree, "d");
	snprintf(f->path, sizeof(f->path), "%s", tree_path(&f->tree, "d"));
	f->paths[0] = f->path;
	conf = (struct hdl_feed_conf){ .paths = f->paths, .path_count = 1, .wall_ns = read_wall };
	f->feed = hdl_feed_new(&conf, &err);
	f->config = hdl_config_new(&options, &err);
	assert_true(f->feed && f->config);
	assert_int_equal(hdl_channel_pair(&keeper, &worker, &err), 0);
	hdl_channel_init(&f->keeper, keeper, HDL_MSG_TO_KEEPER);
	hdl_channel_init(&f->worker, worker, HDL_MSG_TO_WORKER);
}

static void end(struct fixture *f)
{
	hdl_snapshot_unref(f->snapshot);
	hdl_config_free(f->config);
	hdl_feed_free(f->feed);
	hdl_channel_done(&f->keeper);
	hdl_channel_done(&f->worker);
	tree_remove(&f->tree);
}

/* What the worker process does with a pass, the n-th allocation failing. The result of its end; 2: no pass came. */
static int take_pass(struct fixture *f, int n)
{
	struct hdl_snapshot *snapshot = NULL;
	struct hdl_msg msg;
	struct hdl_err err;
	int r = 2;

	assert_int_equal(hdl_feed_turn(f->feed, &f->keeper, f->now_ns, &f->next_ns, &err), 0);
	hdl_fail_after = n;
	while (hdl_channel_receive(&f->worker, &msg, &err) == 1) {
		const struct hdl_msg_config_file *file = &msg.config_file;

		if (msg.type == HDL_MSG_CONFIG_BEGIN)
			hdl_config_begin(f->config, msg.config_mark.partial);
		else if (msg.type == HDL_MSG_CONFIG_FILE && file->gone)
			hdl_config_gone(f->config, file->path);
		else if (msg.type == HDL_MSG_CONFIG_FILE)
			(void)hdl_config_file(f->config, file->path, false, msg.fd_count ? msg.fd[0] : -1, file->error,
					      file->same);
		else if (msg.type == HDL_MSG_CONFIG_END)
			r = hdl_config_end(f->config, false, &snapshot, &err);
		hdl_msg_close_fds(&msg);
		if (msg.type == HDL_MSG_CONFIG_END)
			hdl_feed_synced(f->feed, msg.config_mark.sequence, r == -ENOMEM);
	}
	hdl_fail_after = -1;
	if (r == 1) {
		hdl_snapshot_unref(f->snapshot);
		f->snapshot = snapshot;
	}
	return r;
}

static const char *address_of(const struct fixture *f, const char *name)
{
	static char text[HDL_ADDR_TEXT_MAX];

	for (size_t i = 0; i < f->snapshot->service_count; i++)
		if (strcmp(f->snapshot->services[i]->name, name) == 0)
			return hdl_addr_print(&f->snapshot->services[i]->addresses[0], text);
	return "none";
}

/* One of each kind: a file that changes, one that is new, one that cannot be read any more, one that goes. */
static void change(struct fixture *f)
{
	tree_replace(&f->tree, "d/a.yaml", SERVICE("a", "10.0.0.11"));
	tree_write(&f->tree, "d/b.yaml", SERVICE("b", "10.0.0.2"));
	tree_link(&f->tree, "nowhere", "d/e.yaml");
}

/* Runs it with the n-th allocation failing. False: n is more than there are. */
static bool lost_once(int n)
{
	struct fixture f;
	size_t before;
	int r;

	begin(&f);
	tree_write(&f.tree, "d/a.yaml", SERVICE("a", "10.0.0.1"));
	tree_write(&f.tree, "d/c.yaml", SERVICE("c", "10.0.0.3"));
	assert_int_equal(take_pass(&f, -1), 1);
	before = hdl_config_set(f.config)->n;
	f.now_ns += 300 * MS;
	change(&f);
	r = take_pass(&f, n);
	if (r == -ENOMEM) {
		/* nothing of it is in force, and another change does not bring a part of it */
		assert_int_equal(hdl_config_set(f.config)->n, before);
		f.now_ns += 100 * MS;
		tree_replace(&f.tree, "d/c.yaml", SERVICE("c", "10.0.0.33"));
		assert_int_equal(take_pass(&f, -1), 2);
		assert_int_equal(f.next_ns, f.now_ns - 100 * MS + HDL_FEED_AGAIN_NS);
		/* once more without memory: the wait doubles */
		f.now_ns += HDL_FEED_AGAIN_NS - 100 * MS;
		assert_int_equal(take_pass(&f, 0), -ENOMEM);
		f.now_ns += HDL_FEED_AGAIN_NS;
		assert_int_equal(take_pass(&f, -1), 2);
		f.now_ns += HDL_FEED_AGAIN_NS;
		assert_int_equal(take_pass(&f, -1), 1);
		assert_string_equal(address_of(&f, "c"), "10.0.0.33");
	} else {
		assert_int_equal(r, 1);
	}
	assert_string_equal(address_of(&f, "a"), "10.0.0.11");
	assert_string_equal(address_of(&f, "b"), "10.0.0.2");
	assert_int_equal(hdl_config_diags(f.config)->errors, 1);
	/* and it is over */
	f.now_ns += 300 * MS;
	assert_int_equal(take_pass(&f, -1), 2);
	end(&f);
	return r == -ENOMEM;
}

static void test_each_allocation(void **state)
{
	int n = 0;

	(void)state;
	while (lost_once(n))
		n++;
	assert_in_range(n, 10, 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
