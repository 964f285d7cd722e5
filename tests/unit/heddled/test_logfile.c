/* SPDX-License-Identifier: Apache-2.0 */
/* Access log: where it may be (the path comes from the unprivileged process), what it may be, and being renamed away. */
#include "unit/heddled/tree.h"
#include "heddled/logfile.h"

#include <errno.h>

static int setup(void **state)
{
	static struct tree tree;

	tree_make(&tree);
	*state = &tree;
	return 0;
}

static int teardown(void **state)
{
	tree_remove(*state);
	return 0;
}

static void test_allowed_places(void **state)
{
	struct tree *tree = *state;
	const char *run = tree->root;
	char inside[PATH_MAX], other[PATH_MAX], link[PATH_MAX];
	struct hdl_err err;

	snprintf(inside, sizeof(inside), "%s/access.log", run);
	snprintf(other, sizeof(other), "%s/lock", run);
	snprintf(link, sizeof(link), "%s/link.log", run);
	tree_link(tree, "/etc/passwd", "link.log");
	tree_write(tree, "one.log", "");
	assert_int_equal(linkat(AT_FDCWD, tree_path(tree, "one.log"), AT_FDCWD, tree_path(tree, "two.log"), 0), 0);
	assert_int_equal(hdl_logfile_check("", run, &err), 0);
	assert_int_equal(hdl_logfile_check("-", run, &err), 0);
	assert_int_equal(hdl_logfile_check("/dev/stdout", run, &err), 0);
	assert_int_equal(hdl_logfile_check("/dev/stderr", run, &err), 0);
	assert_int_equal(hdl_logfile_check("/var/log/heddle-access.log", run, &err), 0);
	assert_int_equal(hdl_logfile_check(inside, run, &err), 0);
	assert_int_equal(hdl_logfile_check(other, run, &err), -EACCES);
	assert_int_equal(hdl_logfile_check(link, run, &err), -EACCES);
	assert_int_equal(hdl_logfile_check(tree_path(tree, "two.log"), run, &err), -EACCES);
	assert_int_equal(hdl_logfile_check("/etc/passwd", run, &err), -EACCES);
	assert_int_equal(hdl_logfile_check("/var/log/../../etc/cron.d/x", run, &err), -EACCES);
	assert_int_equal(hdl_logfile_check("/var/logs/x", run, &err), -ENOENT);
	assert_int_equal(hdl_logfile_check("relative.log", run, &err), -EACCES);
	assert_int_equal(hdl_logfile_check("/var/log/", run, &err), -EACCES);
}

static void test_follows_rename(void **state)
{
	struct tree *tree = *state;
	struct hdl_logfile log;
	char path[PATH_MAX], text[16] = "";
	struct hdl_err err;
	int fd;

	snprintf(path, sizeof(path), "%s", tree_path(tree, "a.log"));
	hdl_logfile_init(&log);
	assert_false(hdl_logfile_moved(&log));
	assert_int_equal(hdl_logfile_open(&log, path, &err), 0);
	assert_false(hdl_logfile_moved(&log));
	assert_int_equal(write(log.fd, "1\n", 2), 2);
	assert_int_equal(rename(path, tree_path(tree, "a.log.1")), 0);
	assert_true(hdl_logfile_moved(&log));
	assert_int_equal(hdl_logfile_open(&log, log.path, &err), 0);
	assert_false(hdl_logfile_moved(&log));
	assert_int_equal(write(log.fd, "2\n", 2), 2);
	/* somebody else's file at the path is another one too */
	tree_replace(tree, "a.log", "x");
	assert_true(hdl_logfile_moved(&log));
	assert_int_equal(hdl_logfile_open(&log, log.path, &err), 0);
	assert_int_equal(write(log.fd, "3\n", 2), 2);
	fd = open(path, O_RDONLY);
	assert_int_equal(read(fd, text, sizeof(text) - 1), 3);
	assert_string_equal(text, "x3\n");
	close(fd);
	assert_int_equal(hdl_logfile_open(&log, "", &err), 0);
	assert_int_equal(log.fd, -1);
	hdl_logfile_done(&log);
}

static void test_refused_kinds(void **state)
{
	struct tree *tree = *state;
	struct hdl_logfile log;
	char path[PATH_MAX];
	struct hdl_err err;

	hdl_logfile_init(&log);
	snprintf(path, sizeof(path), "%s", tree_path(tree, "good.log"));
	assert_int_equal(hdl_logfile_open(&log, path, &err), 0);
	tree_mkdir(tree, "dir");
	assert_true(hdl_logfile_open(&log, tree_path(tree, "dir"), &err) < 0);
	assert_true(hdl_logfile_open(&log, tree_path(tree, "missing/x.log"), &err) < 0);
	/* the one before stays in use */
	assert_string_equal(log.path, path);
	assert_int_equal(write(log.fd, "1\n", 2), 2);
	hdl_logfile_done(&log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_allowed_places, setup, teardown),
		cmocka_unit_test_setup_teardown(test_follows_rename, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused_kinds, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
