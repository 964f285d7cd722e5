/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passes over the configuration: what the worker process is told after each way of changing files (rename, in place,
 * remove, Kubernetes link swap), what is held back for a moment, and the pace. The time is made up.
 */
#include "unit/heddled/tree.h"
#include "heddled/feed.h"
#include "heddled/watch.h"

#include <errno.h>

#define MS HDL_NS_PER_MS

struct fixture {
	struct tree tree;
	struct hdl_feed *feed;
	struct hdl_channel keeper, worker;
	const char *paths[1];
	char path[PATH_MAX];
	uint64_t now_ns, next_ns;
	uint64_t sequence; /* of the last pass */
	bool partial;      /* the last pass was */
	uint64_t event_ns; /* of the last pass */
};

/* Far from every time stamp: all files count as settled; or long before them: none does. */
static uint64_t wall_ns = UINT64_MAX / 2;

static uint64_t read_wall(void)
{
	return wall_ns;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct hdl_feed_conf conf;
	int keeper, worker;
	struct hdl_err err;

	assert_non_null(f);
	wall_ns = UINT64_MAX / 2;
	tree_make(&f->tree);
	tree_mkdir(&f->tree, "d");
	snprintf(f->path, sizeof(f->path), "%s", tree_path(&f->tree, "d"));
	f->paths[0] = f->path;
	conf = (struct hdl_feed_conf){ .paths = f->paths, .path_count = 1, .wall_ns = read_wall };
	f->feed = hdl_feed_new(&conf, &err);
	assert_non_null(f->feed);
	assert_int_equal(hdl_channel_pair(&keeper, &worker, &err), 0);
	hdl_channel_init(&f->keeper, keeper, HDL_MSG_TO_KEEPER);
	hdl_channel_init(&f->worker, worker, HDL_MSG_TO_WORKER);
	f->now_ns = 1000 * HDL_NS_PER_S;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	hdl_feed_free(f->feed);
	hdl_channel_done(&f->keeper);
	hdl_channel_done(&f->worker);
	tree_remove(&f->tree);
	free(f);
	return 0;
}

static void turn(struct fixture *f)
{
	struct hdl_err err;

	assert_int_equal(hdl_feed_turn(f->feed, &f->keeper, f->now_ns, &f->next_ns, &err), 0);
}

/* All that was said since: "a.yaml=text b.yaml= c.yaml!ENOENT d.yaml- ." with - for gone, = for content, ~ for unchanged, . for the end. */
static void heard(struct fixture *f, char *text, size_t size)
{
	struct hdl_msg msg;
	struct hdl_err err;
	size_t n = 0;

	text[0] = '\0';
	while (hdl_channel_receive(&f->worker, &msg, &err) == 1) {
		const struct hdl_msg_config_file *file = &msg.config_file;
		char content[100] = "";

		switch (msg.type) {
		case HDL_MSG_CONFIG_BEGIN:
			f->partial = msg.config_mark.partial;
			f->event_ns = msg.config_mark.event_ns;
			break;
		case HDL_MSG_CONFIG_END:
			f->sequence = msg.config_mark.sequence;
			n += (size_t)snprintf(text + n, size - n, ".");
			if (msg.config_mark.request)
				n += (size_t)snprintf(text + n, size - n, "%u", (unsigned int)msg.config_mark.request);
			break;
		case HDL_MSG_CONFIG_FILE:
			n += (size_t)snprintf(text + n, size - n, "%s", file->path + strlen(f->path) + 1);
			if (msg.fd_count)
				content[read(msg.fd[0], content, sizeof(content) - 1)] = '\0';
			if (file->gone)
				n += (size_t)snprintf(text + n, size - n, "- ");
			else if (file->same)
				n += (size_t)snprintf(text + n, size - n, "~ ");
			else if (file->error)
				n += (size_t)snprintf(text + n, size - n, "!%s ", strerrorname_np(file->error));
			else
				n += (size_t)snprintf(text + n, size - n, "=%s ", content);
			break;
		default:
			fail_msg("message %u", msg.type);
		}
		hdl_msg_close_fds(&msg);
	}
}

/* Turns until a pass has come whole, as the socket has room. */
static void hear_all(struct fixture *f, char *text, size_t size)
{
	struct hdl_err err;
	size_t n = 0;

	for (int i = 0; i < 1000 && (n == 0 || text[n - 1] != '.'); i++) {
		turn(f);
		assert_int_equal(hdl_channel_flush(&f->keeper, &err), 0);
		heard(f, text + n, size - n);
		n += strlen(text + n);
	}
	hdl_feed_synced(f->feed, f->sequence, false);
}

/* One turn; then what was said must be `expected`, and is answered. */
static void expect(struct fixture *f, const char *expected)
{
	char text[1000];

	turn(f);
	heard(f, text, sizeof(text));
	assert_string_equal(text, expected);
	hdl_feed_synced(f->feed, f->sequence, false);
}

static void test_first_pass(void **state)
{
	struct fixture *f = *state;

	tree_write(&f->tree, "d/b.yaml", "B");
	tree_write(&f->tree, "d/a.yaml", "A");
	expect(f, "a.yaml=A b.yaml=B .");
	assert_int_equal(f->sequence, 1);
}

static void test_empty_directory(void **state)
{
	struct fixture *f = *state;

	/* the worker learns that there is nothing */
	expect(f, ".");
}

static void test_rename_over(void **state)
{
	struct fixture *f = *state;

	tree_write(&f->tree, "d/a.yaml", "A");
	expect(f, "a.yaml=A .");
	tree_replace(&f->tree, "d/a.yaml", "A2");
	f->now_ns += 60 * MS;
	expect(f, "a.yaml=A2 .");
}

/* At once at the first sign, then at most every 50 ms, and never before the answer. */
static void test_pace(void **state)
{
	struct fixture *f = *state;
	char text[1000];

	tree_write(&f->tree, "d/a.yaml", "A");
	expect(f, "a.yaml=A .");
	f->now_ns += 60 * MS;
	tree_replace(&f->tree, "d/a.yaml", "A2");
	expect(f, "a.yaml=A2 .");
	f->now_ns += 10 * MS;
	tree_replace(&f->tree, "d/a.yaml", "A3");
	expect(f, "");
	assert_int_equal(f->next_ns, f->now_ns + 40 * MS);
	f->now_ns += 40 * MS;
	turn(f);
	heard(f, text, sizeof(text));
	assert_string_equal(text, "a.yaml=A3 .");
	tree_replace(&f->tree, "d/a.yaml", "A4");
	f->now_ns += 500 * MS;
	expect(f, ""); /* not answered yet */
	f->now_ns += MS;
	expect(f, "a.yaml=A4 .");
}

/* An editor that removes and creates: the gap is not seen. A file that stays away is gone after 150 ms. */
static void test_vanished(void **state)
{
	struct fixture *f = *state;

	tree_write(&f->tree, "d/a.yaml", "A");
	tree_write(&f->tree, "d/b.yaml", "B");
	expect(f, "a.yaml=A b.yaml=B .");
	f->now_ns += 300 * MS;
	tree_replace(&f->tree, "d/b.yaml", "B2");
	tree_unlink(&f->tree, "d/a.yaml");
	expect(f, "b.yaml=B2 .");
	f->now_ns += 60 * MS;
	tree_write(&f->tree, "d/a.yaml", "A2");
	expect(f, "a.yaml=A2 .");
	f->now_ns += 60 * MS;
	tree_unlink(&f->tree, "d/b.yaml");
	expect(f, "");
	assert_true(f->next_ns <= f->now_ns + HDL_FEED_HOLD_NS);
	f->now_ns += 140 * MS;
	expect(f, "");
	f->now_ns += 20 * MS;
	expect(f, "b.yaml- .");
	/* the same by a walk: after an event that names no file */
	tree_mkdir(&f->tree, "d/e");
	tree_unlink(&f->tree, "d/a.yaml");
	f->now_ns += 60 * MS;
	expect(f, "");
	f->now_ns += 160 * MS;
	expect(f, ".");
}

/* A directory that goes and comes back within the moment; and one that stays away. */
static void test_vanished_directory(void **state)
{
	struct fixture *f = *state;
	char away[PATH_MAX];

	tree_mkdir(&f->tree, "d/e");
	tree_write(&f->tree, "d/e/a.yaml", "A");
	expect(f, "e/a.yaml=A .");
	f->now_ns += 300 * MS;
	snprintf(away, sizeof(away), "%s", tree_path(&f->tree, "away"));
	assert_int_equal(rename(tree_path(&f->tree, "d/e"), away), 0);
	expect(f, "");
	f->now_ns += 100 * MS;
	assert_int_equal(rename(away, tree_path(&f->tree, "d/e")), 0);
	expect(f, "");
	f->now_ns += 200 * MS;
	expect(f, "");
	tree_write(&f->tree, "d/e/a.yaml", "A2");
	f->now_ns += 60 * MS;
	expect(f, "e/a.yaml=A2 .");
	assert_int_equal(rename(tree_path(&f->tree, "d/e"), away), 0);
	f->now_ns += 60 * MS;
	expect(f, "");
	f->now_ns += 160 * MS;
	expect(f, ".");
}

/* The --config directory itself is away: a mount that is missing, not an empty configuration. What was in it stays. */
static void test_whole_directory_away(void **state)
{
	struct fixture *f = *state;
	char away[PATH_MAX], text[1000];

	tree_write(&f->tree, "d/a.yaml", "A");
	expect(f, "a.yaml=A .");
	f->now_ns += 300 * MS;
	snprintf(away, sizeof(away), "%s", tree_path(&f->tree, "away"));
	assert_int_equal(rename(f->path, away), 0);
	for (int i = 0; i < 10; i++) {
		f->now_ns += 200 * MS;
		turn(f);
		heard(f, text, sizeof(text));
		assert_null(strstr(text, "a.yaml-"));
		assert_true(!strstr(text, ".") || strstr(text, "a.yaml~"));
		hdl_feed_synced(f->feed, f->sequence, false);
	}
	assert_int_equal(rename(away, f->path), 0);
	f->now_ns += 6000 * MS;
	turn(f);
	heard(f, text, sizeof(text));
	assert_non_null(strstr(text, "a.yaml~"));
}

/* Written in place, in its own time: neither the empty file nor half of it is read before it is closed. */
static void test_in_place(void **state)
{
	struct fixture *f = *state;
	FILE *file;

	tree_write(&f->tree, "d/a.yaml", "A");
	expect(f, "a.yaml=A .");
	f->now_ns += 300 * MS;
	file = fopen(tree_path(&f->tree, "d/a.yaml"), "w");
	assert_non_null(file);
	fputs("half", file);
	fflush(file);
	expect(f, "");
	for (int i = 0; i < 6; i++) {
		f->now_ns += 1000 * MS;
		fputs(" more", file);
		fflush(file);
		expect(f, "");
	}
	fclose(file);
	f->now_ns += MS; /* at once: what was held back did not count as a pass */
	expect(f, "a.yaml=half more more more more more more .");
	assert_true(f->partial);
	/* a new one is not there before it is whole */
	f->now_ns += 300 * MS;
	file = fopen(tree_path(&f->tree, "d/b.yaml"), "w");
	fputs("new", file);
	fflush(file);
	expect(f, "");
	fputs(" file", file);
	fclose(file);
	expect(f, "b.yaml=new file .");
}

/* Held open for ever: read two seconds after the last write, ten after the first. */
static void test_held_open(void **state)
{
	struct fixture *f = *state;
	FILE *file;

	tree_write(&f->tree, "d/a.yaml", "A");
	expect(f, "a.yaml=A .");
	f->now_ns += 300 * MS;
	file = fopen(tree_path(&f->tree, "d/a.yaml"), "w");
	fputs("open", file);
	fflush(file);
	expect(f, "");
	assert_true(f->next_ns <= f->now_ns + HDL_WATCH_WRITING_NS);
	f->now_ns += 1990 * MS;
	expect(f, "");
	f->now_ns += 20 * MS;
	expect(f, "a.yaml=open .");
	for (int i = 0; i < 9; i++) {
		f->now_ns += 1000 * MS;
		fputs("+", file);
		fflush(file);
		expect(f, "");
	}
	f->now_ns += 2000 * MS;
	expect(f, "a.yaml=open+++++++++ .");
	fclose(file);
}

/* Truncated and left so: empty for good after 150 ms; filled again before that, it never was. */
static void test_emptied(void **state)
{
	struct fixture *f = *state;

	tree_write(&f->tree, "d/a.yaml", "A");
	expect(f, "a.yaml=A .");
	f->now_ns += 300 * MS;
	tree_write(&f->tree, "d/a.yaml", "");
	expect(f, "");
	f->now_ns += 100 * MS;
	tree_write(&f->tree, "d/a.yaml", "A2");
	expect(f, "a.yaml=A2 .");
	f->now_ns += 300 * MS;
	tree_write(&f->tree, "d/a.yaml", "");
	expect(f, "");
	f->now_ns += 160 * MS;
	expect(f, "a.yaml= .");
}

/* One change among many files: only that one is named. */
static void test_one_of_many(void **state)
{
	struct fixture *f = *state;
	char text[20000];

	for (unsigned int i = 0; i < 100; i++) {
		char name[32];

		snprintf(name, sizeof(name), "d/%03u.yaml", i);
		tree_write(&f->tree, name, "x");
	}
	hear_all(f, text, sizeof(text));
	assert_false(f->partial);
	f->now_ns += 300 * MS;
	tree_replace(&f->tree, "d/050.yaml", "y");
	expect(f, "050.yaml=y .");
	assert_true(f->partial);
	assert_int_equal(f->event_ns, f->now_ns);
	/* a link is more than a file: its target may be anywhere */
	f->now_ns += 300 * MS;
	assert_int_equal(symlink("050.yaml", tree_path(&f->tree, "d/link.yaml")), 0);
	hear_all(f, text, sizeof(text));
	assert_false(f->partial);
	assert_non_null(strstr(text, "link.yaml=y"));
}

/* 1,000 changes: the first pass begins at once, all others are in the next one, with the time of their first event. */
static void test_burst(void **state)
{
	struct fixture *f = *state;
	static char text[40000];
	uint64_t first_ns;

	expect(f, ".");
	f->now_ns += 300 * MS;
	tree_replace(&f->tree, "d/a.yaml", "A");
	expect(f, "a.yaml=A .");
	first_ns = f->now_ns + MS;
	for (unsigned int i = 0; i < 1000; i++) {
		char name[32];

		snprintf(name, sizeof(name), "d/%03u.yaml", i % 250);
		tree_replace(&f->tree, name, "x");
		if (i % 25 == 0)
			f->now_ns += MS;
		if (i % 25 == 24)
			expect(f, "");
	}
	f->now_ns = first_ns + 50 * MS;
	hear_all(f, text, sizeof(text));
	assert_true(f->partial);
	assert_int_equal(f->event_ns, first_ns);
	assert_non_null(strstr(text, "000.yaml=x 001.yaml=x"));
	assert_non_null(strstr(text, "249.yaml=x ."));
	assert_int_equal(strlen(text), 250 * strlen("000.yaml=x ") + 1);
}

/* A request means what is on disk now. Each request gets its own end of the pass. */
static void test_request(void **state)
{
	struct fixture *f = *state;

	tree_write(&f->tree, "d/a.yaml", "A");
	tree_write(&f->tree, "d/b.yaml", "B");
	expect(f, "a.yaml=A b.yaml=B .");
	tree_unlink(&f->tree, "d/a.yaml");
	hdl_feed_request(f->feed, 7);
	hdl_feed_request(f->feed, 8);
	f->now_ns += 60 * MS;
	expect(f, "b.yaml~ .7.8");
	f->now_ns += 10 * MS;
	hdl_feed_request(f->feed, 9);
	expect(f, "b.yaml~ .9"); /* nothing changed: at once and answered all the same */
}

static void test_kubernetes_swap(void **state)
{
	struct fixture *f = *state;

	tree_mkdir(&f->tree, "d/..1");
	tree_mkdir(&f->tree, "d/..2");
	tree_write(&f->tree, "d/..1/a.yaml", "old");
	tree_write(&f->tree, "d/..2/a.yaml", "new");
	tree_link(&f->tree, "..1", "d/..data");
	tree_link(&f->tree, "..data/a.yaml", "d/a.yaml");
	expect(f, "a.yaml=old .");
	f->now_ns += 60 * MS;
	tree_link(&f->tree, "..2", "d/..tmp");
	assert_int_equal(rename(tree_path(&f->tree, "d/..tmp"), tree_path(&f->tree, "d/..data")), 0);
	expect(f, "a.yaml=new .");
}

/* A link that goes right after its target was edited in place, in a directory that only the link leads to. */
static void test_link_goes_after_edit(void **state)
{
	struct fixture *f = *state;
	char text[200];

	tree_mkdir(&f->tree, "d/..1");
	tree_write(&f->tree, "d/..1/a.yaml", "one");
	tree_write(&f->tree, "d/b.yaml", "B");
	tree_link(&f->tree, "..1", "d/..data");
	tree_link(&f->tree, "..data/a.yaml", "d/a.yaml");
	expect(f, "a.yaml=one b.yaml=B .");
	f->now_ns += 300 * MS;
	tree_write(&f->tree, "d/..1/a.yaml", "two");
	expect(f, "a.yaml=two b.yaml~ .");
	/* at once, and while the pass before is not answered: both events wait for the answer */
	tree_write(&f->tree, "d/..1/a.yaml", "three");
	f->now_ns += 60 * MS;
	turn(f);
	tree_unlink(&f->tree, "d/a.yaml");
	turn(f);
	heard(f, text, sizeof(text));
	assert_string_equal(text, "a.yaml=three b.yaml~ .");
	hdl_feed_synced(f->feed, f->sequence, false);
	f->now_ns += 60 * MS;
	expect(f, "");
	assert_true(f->next_ns <= f->now_ns + HDL_FEED_HOLD_NS);
	f->now_ns = f->next_ns;
	expect(f, "a.yaml- .");
}

/* New directories are watched as they come, also with files that were there before the watch. */
static void test_new_directory(void **state)
{
	struct fixture *f = *state;

	expect(f, ".");
	f->now_ns += 60 * MS;
	tree_mkdir(&f->tree, "d/sub");
	tree_write(&f->tree, "d/sub/a.yaml", "A");
	expect(f, "sub/a.yaml=A .");
	f->now_ns += 60 * MS;
	tree_replace(&f->tree, "d/sub/a.yaml", "A2");
	expect(f, "sub/a.yaml=A2 .");
}

/* Names that do not count cause no pass. */
static void test_noise(void **state)
{
	struct fixture *f = *state;

	expect(f, ".");
	tree_write(&f->tree, "d/log.txt", "x");
	tree_write(&f->tree, "d/.a.yaml.swp", "x");
	f->now_ns += 60 * MS;
	turn(f);
	assert_true(f->next_ns > f->now_ns + HDL_FEED_HOLD_NS);
}

static void test_unreadable(void **state)
{
	struct fixture *f = *state;

	tree_link(&f->tree, "nowhere", "d/a.yaml");
	expect(f, "a.yaml!ENOENT .");
	hdl_feed_request(f->feed, 3);
	expect(f, "a.yaml~ .3");
	tree_unlink(&f->tree, "d/a.yaml");
	tree_write(&f->tree, "d/a.yaml", "A");
	f->now_ns += 60 * MS;
	expect(f, "a.yaml=A .");
}

/* A worker process that was replaced is told everything again; what the old one asked is forgotten. */
static void test_restart(void **state)
{
	struct fixture *f = *state;

	tree_write(&f->tree, "d/a.yaml", "A");
	expect(f, "a.yaml=A .");
	hdl_feed_request(f->feed, 5);
	hdl_feed_restart(f->feed);
	expect(f, "a.yaml=A .");
	assert_int_equal(f->sequence, 2);
}

/*
 * Two changes within one tick of the file system's clock leave the same time stamps: a file that changed a moment ago is
 * read again at the next event or walk whatever its stamp says.
 */
static void test_not_settled(void **state)
{
	struct fixture *f = *state;

	wall_ns = 0;
	tree_write(&f->tree, "d/a.yaml", "A");
	expect(f, "a.yaml=A .");
	f->now_ns += 210 * MS;
	tree_mkdir(&f->tree, "d/e");
	wall_ns = UINT64_MAX / 2;
	expect(f, "a.yaml=A .");
	f->now_ns += 300 * MS;
	tree_mkdir(&f->tree, "d/g");
	expect(f, "");
}

/* More files than the socket takes at once: the pass goes on when there is room, whole and in order. */
static void test_many(void **state)
{
	struct fixture *f = *state;
	unsigned int got = 0, ends = 0;
	struct hdl_msg msg;
	struct hdl_err err;

	for (unsigned int i = 0; i < 1000; i++) {
		char name[32];

		snprintf(name, sizeof(name), "d/%04u.yaml", i);
		tree_write(&f->tree, name, "x");
	}
	turn(f);
	while (ends == 0) {
		int r = hdl_channel_receive(&f->worker, &msg, &err);

		assert_true(r >= 0);
		if (r == 0) {
			assert_int_equal(hdl_channel_flush(&f->keeper, &err), 0);
			turn(f);
			continue;
		}
		if (msg.type == HDL_MSG_CONFIG_FILE) {
			char name[32];

			snprintf(name, sizeof(name), "%04u.yaml", got++);
			assert_string_equal(msg.config_file.path + strlen(f->path) + 1, name);
		}
		ends += msg.type == HDL_MSG_CONFIG_END;
		hdl_msg_close_fds(&msg);
	}
	assert_int_equal(got, 1000);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(first_pass),
		T(empty_directory),
		T(rename_over),
		T(pace),
		T(vanished),
		T(vanished_directory),
		T(whole_directory_away),
		T(in_place),
		T(held_open),
		T(emptied),
		T(one_of_many),
		T(burst),
		T(request),
		T(kubernetes_swap),
		T(link_goes_after_edit),
		T(new_directory),
		T(noise),
		T(unreadable),
		T(not_settled),
		T(restart),
		T(many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
