/* SPDX-License-Identifier: Apache-2.0 */
/* Which files below --config count (interfaces: recursive, *.yaml *.yml *.json, Kubernetes ..data links), and the bounds. */
#include "unit/heddled/tree.h"
#include "base/scan.h"

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

static void scan(const struct tree *tree, const char *name, const char *node, struct hdl_scan *ret)
{
	const char *path = tree_path(tree, name);
	struct hdl_scan_conf conf = { .paths = &path, .path_count = 1, .node_path = node };
	struct hdl_err err;

	assert_int_equal(hdl_scan_run(&conf, ret, &err), 0);
}

/* "name name!5": names below the root in order, with the error if there is one. */
static void expect(const struct tree *tree, const char *name, const char *node, const char *expected)
{
	struct hdl_scan list;
	char text[4096] = "";
	size_t n = 0;

	scan(tree, name, node, &list);
	for (size_t i = 0; i < list.n; i++) {
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", i ? " " : "",
				      list.file[i].path + strlen(tree->root) + 1);
		if (list.file[i].node)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "(node)");
		if (list.file[i].error)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "!%s", strerrorname_np(list.file[i].error));
	}
	assert_string_equal(text, expected);
	hdl_scan_done(&list);
}

static void test_names(void **state)
{
	static const struct {
		const char *name;
		bool counts;
	} cases[] = {
		{ "a.yaml", true },   { "a.yml", true },       { "a.json", true },  { "a.b.yaml", true },
		{ "a.txt", false },   { "yaml", false },       { ".yaml", false },  { ".a.yaml", false },
		{ "a.yaml~", false }, { "a.yaml.swp", false }, { "a.YAML", false }, { "4913", false },
		{ "", false },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(cases); i++)
		if (hdl_scan_name_counts(cases[i].name) != cases[i].counts)
			fail_msg("%s", cases[i].name);
}

static void test_tree(void **state)
{
	struct tree *tree = *state;

	tree_mkdir(tree, "d");
	tree_mkdir(tree, "d/sub");
	tree_mkdir(tree, "d/.hidden");
	tree_write(tree, "d/b.yaml", "b");
	tree_write(tree, "d/a.yml", "a");
	tree_write(tree, "d/notes.txt", "n");
	tree_write(tree, "d/.a.yaml.swp", "n");
	tree_write(tree, "d/sub/c.json", "c");
	tree_write(tree, "d/.hidden/e.yaml", "e");
	tree_link(tree, "/nowhere", "d/dangling.yaml");
	tree_link(tree, "/nowhere", "d/dangling");
	assert_int_equal(mkfifo(tree_path(tree, "d/fifo.yaml"), 0600), 0);
	expect(tree, "d", NULL, "d/a.yml d/b.yaml d/dangling.yaml!ENOENT d/fifo.yaml!EINVAL d/sub/c.json");
}

/* A --config that is a file counts whatever its name, and one that is not there is not silently nothing. */
static void test_single_paths(void **state)
{
	struct tree *tree = *state;

	tree_write(tree, "conf", "x");
	tree_write(tree, "node", "x");
	expect(tree, "conf", NULL, "conf");
	expect(tree, "missing", NULL, "missing!ENOENT");
	expect(tree, "conf", tree_path(tree, "node"), "conf node(node)");
	/* the same file by both options is the one of --node-config */
	expect(tree, "conf", tree_path(tree, "conf"), "conf(node)");
}

/* As the kubelet mounts a ConfigMap: files are links through ..data, which is swapped by rename. */
static void test_kubernetes_volume(void **state)
{
	struct tree *tree = *state;
	struct hdl_scan before, after;

	tree_mkdir(tree, "d");
	tree_mkdir(tree, "d/..2026_1");
	tree_mkdir(tree, "d/..2026_2");
	tree_write(tree, "d/..2026_1/vs.yaml", "old");
	tree_write(tree, "d/..2026_2/vs.yaml", "newer");
	tree_link(tree, "..2026_1", "d/..data");
	tree_link(tree, "..data/vs.yaml", "d/vs.yaml");
	expect(tree, "d", NULL, "d/vs.yaml");
	scan(tree, "d", NULL, &before);
	tree_link(tree, "..2026_2", "d/..tmp");
	assert_int_equal(rename(tree_path(tree, "d/..tmp"), tree_path(tree, "d/..data")), 0);
	scan(tree, "d", NULL, &after);
	assert_int_equal(after.n, 1);
	assert_false(hdl_scan_stamp_equal(&before.file[0].stamp, &after.file[0].stamp));
	assert_int_equal(after.file[0].stamp.size_bytes, 5);
	hdl_scan_done(&before);
	hdl_scan_done(&after);
}

/* Promise P7: loops of links and depth are bounded, and said. */
static void test_bounds(void **state)
{
	struct tree *tree = *state;
	char deep[512] = "d";
	size_t n = 1;

	tree_mkdir(tree, "d");
	tree_link(tree, ".", "d/loop");
	expect(tree, "d", NULL, "d/loop!ELOOP");
	tree_unlink(tree, "d/loop");
	for (int i = 0; i < HDL_SCAN_DEPTH_MAX + 1; i++) {
		n += (size_t)snprintf(deep + n, sizeof(deep) - n, "/d");
		tree_mkdir(tree, deep);
	}
	snprintf(deep + n, sizeof(deep) - n, "!ELOOP");
	expect(tree, "d", NULL, deep);
}

static void note(void *data, const char *path, bool any_name)
{
	char *seen = data;
	size_t n = strlen(seen);

	snprintf(seen + n, 1000 - n, "%s%s ", strrchr(path, '/') + 1, any_name ? "*" : "");
}

/* What must be watched: directories of the walk, and those in which the targets of links lie. */
static void test_directories_told(void **state)
{
	struct tree *tree = *state;
	char copy[PATH_MAX], seen[1000] = "";
	const char *path = copy;
	struct hdl_scan_conf conf = { .paths = &path, .path_count = 1, .directory = note, .data = seen };
	struct hdl_scan list;
	struct hdl_err err;

	snprintf(copy, sizeof(copy), "%s", tree_path(tree, "d"));
	tree_mkdir(tree, "d");
	tree_mkdir(tree, "d/sub");
	tree_mkdir(tree, "other");
	tree_write(tree, "other/target", "x");
	tree_link(tree, "../other/target", "d/a.yaml");
	assert_int_equal(hdl_scan_run(&conf, &list, &err), 0);
	assert_string_equal(seen, "d other* sub ");
	hdl_scan_done(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test_setup_teardown(test_tree, setup, teardown),
		cmocka_unit_test_setup_teardown(test_single_paths, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kubernetes_volume, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bounds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_directories_told, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
