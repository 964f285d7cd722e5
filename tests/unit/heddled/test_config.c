/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's side of the configuration: passes, files that go, last good versions, limits, --node-config, --access-log. */
#include "unit/heddled/tree.h"
#include "base/scan.h"
#include "heddled/config.h"

#include <errno.h>

#define NODE(name, closed) \
	"apiVersion: heddle.io/v1alpha1\nkind: NodeConfig\nmetadata: {name: " name "}\nspec: {failMode: " closed "}\n"
#define SERVICE(name, address)                                                         \
	"apiVersion: v1\nkind: Service\nmetadata: {name: " name ", namespace: demo}\n" \
	"spec: {clusterIP: " address ", clusterIPs: [" address "], ports: [{name: tcp-x, port: 80}]}\n"

struct fixture {
	struct tree tree;
	struct hdl_config *config;
	struct hdl_snapshot *snapshot; /* the last one */
};

static struct hdl_config *new_config(const char *access_log, bool node)
{
	struct hdl_config_options options = { access_log, node };
	struct hdl_err err;
	struct hdl_config *config = hdl_config_new(&options, &err);

	assert_non_null(config);
	return config;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	tree_make(&f->tree);
	f->config = new_config(NULL, false);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	hdl_snapshot_unref(f->snapshot);
	hdl_config_free(f->config);
	tree_remove(&f->tree);
	free(f);
	return 0;
}

static void file(struct fixture *f, const char *name, const char *text, bool node)
{
	int fd;

	tree_write(&f->tree, name, text);
	fd = open(tree_path(&f->tree, name), O_RDONLY);
	assert_true(fd >= 0);
	assert_int_equal(hdl_config_file(f->config, name, node, fd, 0, false), 0);
	close(fd);
}

static int end(struct fixture *f)
{
	struct hdl_snapshot *snapshot = NULL;
	struct hdl_err err;
	int r = hdl_config_end(f->config, false, &snapshot, &err);

	assert_true(r >= 0);
	if (r > 0) {
		hdl_snapshot_unref(f->snapshot);
		f->snapshot = snapshot;
	}
	return r;
}

static void test_passes(void **state)
{
	struct fixture *f = *state;

	hdl_config_begin(f->config, false);
	assert_int_equal(end(f), 1); /* the first is one even when there is nothing */
	assert_int_equal(f->snapshot->service_count, 0);
	hdl_config_begin(f->config, false);
	file(f, "a.yaml", SERVICE("a", "10.0.0.1"), false);
	file(f, "b.yaml", SERVICE("b", "10.0.0.2"), false);
	assert_int_equal(end(f), 1);
	assert_int_equal(f->snapshot->service_count, 2);
	/* unchanged, and read again with the same content */
	hdl_config_begin(f->config, false);
	assert_int_equal(hdl_config_file(f->config, "a.yaml", false, -1, 0, true), 0);
	file(f, "b.yaml", SERVICE("b", "10.0.0.2"), false);
	assert_int_equal(end(f), 0);
	/* not named: gone */
	hdl_config_begin(f->config, false);
	assert_int_equal(hdl_config_file(f->config, "a.yaml", false, -1, 0, true), 0);
	assert_int_equal(end(f), 1);
	assert_int_equal(f->snapshot->service_count, 1);
	assert_string_equal(f->snapshot->services[0]->name, "a");
	assert_int_equal(hdl_resource_store_files(hdl_config_store(f->config)), 1);
}

static void test_last_good_version(void **state)
{
	struct fixture *f = *state;
	const struct hdl_diags *diags;

	hdl_config_begin(f->config, false);
	file(f, "a.yaml", SERVICE("a", "10.0.0.1"), false);
	end(f);
	hdl_config_begin(f->config, false);
	file(f, "a.yaml", "kind: [half", false);
	end(f);
	assert_int_equal(f->snapshot->service_count, 1);
	diags = hdl_config_diags(f->config);
	assert_int_equal(diags->errors, 1);
	assert_string_equal(diags->at[0].file, "a.yaml");
	/* cannot be read any more: stays, and is said */
	hdl_config_begin(f->config, false);
	assert_int_equal(hdl_config_file(f->config, "a.yaml", false, -1, EACCES, false), 0);
	end(f);
	assert_int_equal(f->snapshot->service_count, 1);
	assert_non_null(strstr(hdl_config_diags(f->config)->at[0].message, "Permission denied"));
}

static void test_too_large(void **state)
{
	struct fixture *f = *state;
	int fd;

	hdl_config_begin(f->config, false);
	file(f, "a.yaml", SERVICE("a", "10.0.0.1"), false);
	end(f);
	assert_int_equal(truncate(tree_path(&f->tree, "a.yaml"), HDL_SCAN_FILE_BYTES_MAX + 1), 0);
	fd = open(tree_path(&f->tree, "a.yaml"), O_RDONLY);
	hdl_config_begin(f->config, false);
	assert_int_equal(hdl_config_file(f->config, "a.yaml", false, fd, 0, false), 0);
	close(fd);
	end(f);
	assert_int_equal(f->snapshot->service_count, 1);
	assert_non_null(strstr(hdl_config_diags(f->config)->at[0].message, "larger than 10 MiB"));
}

static void test_node_config(void **state)
{
	struct fixture *f = *state;

	hdl_config_free(f->config);
	f->config = new_config("/var/log/x.log", true);
	hdl_config_begin(f->config, false);
	file(f, "a.yaml", NODE("a", "closed"), false);
	file(f, "z.yaml", NODE("z", "open"), true);
	end(f);
	assert_int_equal(f->snapshot->node.fail_mode, HDL_FAIL_OPEN);
	assert_string_equal(f->snapshot->node.access_log_path, "/var/log/x.log");
	/* the other one is reported, not silently left out */
	assert_int_equal(hdl_config_diags(f->config)->errors, 0);
	assert_int_equal(hdl_config_diags(f->config)->warnings, 1);
	/* the role of a file changes: a new snapshot although no text did */
	hdl_config_begin(f->config, false);
	assert_int_equal(hdl_config_file(f->config, "a.yaml", true, -1, 0, true), 0);
	assert_int_equal(hdl_config_file(f->config, "z.yaml", false, -1, 0, true), 0);
	assert_int_equal(end(f), 1);
	assert_int_equal(f->snapshot->node.fail_mode, HDL_FAIL_CLOSED);
}

static void test_again(void **state)
{
	struct fixture *f = *state;
	struct hdl_snapshot *snapshot;
	struct hdl_err err;

	hdl_config_begin(f->config, false);
	end(f);
	hdl_config_begin(f->config, false);
	assert_int_equal(hdl_config_end(f->config, true, &snapshot, &err), 1);
	hdl_snapshot_unref(snapshot);
}

/* Only files that are named change; what is gone is said so. */
static void test_partial(void **state)
{
	struct fixture *f = *state;

	hdl_config_begin(f->config, false);
	file(f, "a.yaml", SERVICE("a", "10.0.0.1"), false);
	file(f, "b.yaml", SERVICE("b", "10.0.0.2"), false);
	assert_int_equal(end(f), 1);
	assert_int_equal(hdl_config_set(f->config)->n, 2);
	hdl_config_begin(f->config, true);
	file(f, "c.yaml", SERVICE("c", "10.0.0.3"), false);
	assert_int_equal(end(f), 1);
	assert_int_equal(f->snapshot->service_count, 3);
	hdl_config_begin(f->config, true);
	hdl_config_gone(f->config, "a.yaml");
	hdl_config_gone(f->config, "never.yaml");
	assert_int_equal(end(f), 1);
	assert_int_equal(f->snapshot->service_count, 2);
	hdl_config_begin(f->config, true);
	assert_int_equal(end(f), 0);
}

/* A set with some objects as they were: it stays until the files change, and their hash says whether they did. */
static void test_roll_back(void **state)
{
	struct fixture *f = *state;
	struct hdl_former former[] = {
		{ "Service",
		  "",
		  "demo",
		  "a",
		  { "{\"apiVersion\": \"v1\", \"kind\": \"Service\", \"metadata\": {\"name\": \"a\", \"namespace\": \"demo\"}, "
		    "\"spec\": {\"clusterIP\": \"10.0.0.9\", \"ports\": [{\"port\": 80}]}}",
		    0, "a.yaml", 7, 0 } },
		{ "Service", "", "demo", "b", { 0 } },
	};
	const struct hdl_config_set *in_force;
	struct hdl_snapshot *snapshot;
	struct hdl_err err;
	uint64_t hash;

	former[0].version.bytes = strlen(former[0].version.text);
	hdl_config_begin(f->config, false);
	file(f, "a.yaml", SERVICE("a", "10.0.0.1"), false);
	file(f, "b.yaml", SERVICE("b", "10.0.0.2") "---\n" SERVICE("c", "10.0.0.3"), false);
	assert_int_equal(end(f), 1);
	hash = hdl_config_files_hash(f->config);
	assert_int_equal(hdl_config_roll_back(f->config, hdl_config_set(f->config), former, 2, 5, &snapshot, &err), 0);
	assert_int_equal(snapshot->service_count, 2);
	assert_int_equal(hdl_config_set(f->config)->rolled_back_to, 5);
	assert_string_equal(hdl_config_set(f->config)->at[0]->name, "a");
	hdl_snapshot_unref(snapshot);
	/* the maps refused it: what was in force stays, and is what a reload makes again */
	in_force = hdl_config_set_ref(hdl_config_set(f->config));
	assert_int_equal(hdl_config_roll_back(f->config, in_force, &former[1], 1, 4, &snapshot, &err), 0);
	hdl_snapshot_unref(snapshot);
	hdl_config_stay(f->config, in_force);
	assert_ptr_equal(hdl_config_set(f->config), in_force);
	hdl_config_set_unref(in_force);
	assert_int_equal(hdl_config_set(f->config)->rolled_back_to, 5);
	/* the same files again: it stays */
	hdl_config_begin(f->config, false);
	file(f, "a.yaml", SERVICE("a", "10.0.0.1"), false);
	file(f, "b.yaml", SERVICE("b", "10.0.0.2") "---\n" SERVICE("c", "10.0.0.3"), false);
	assert_int_equal(end(f), 0);
	assert_int_equal(hdl_config_set(f->config)->rolled_back_to, 5);
	assert_true(hdl_config_files_hash(f->config) == hash);
	/* other ones: they win */
	hdl_config_begin(f->config, true);
	file(f, "b.yaml", SERVICE("b", "10.0.0.2"), false);
	assert_int_equal(end(f), 1);
	assert_int_equal(hdl_config_set(f->config)->rolled_back_to, 0);
	assert_int_equal(f->snapshot->service_count, 2);
	assert_false(hdl_config_files_hash(f->config) == hash);
	/* what this version does not accept is refused whole */
	former[0].version.text =
		"{\"apiVersion\": \"v1\", \"kind\": \"Service\", \"metadata\": {\"name\": \"a\"}, \"spec\": 1}";
	former[0].version.bytes = strlen(former[0].version.text);
	assert_true(hdl_config_roll_back(f->config, hdl_config_set(f->config), former, 1, 5, &snapshot, &err) < 0);
	assert_non_null(strstr(err.text, "not accepted any more"));
	assert_int_equal(hdl_config_set(f->config)->rolled_back_to, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
	const struct CMUnitTest tests[] = { T(passes), T(last_good_version), T(too_large), T(node_config),
					    T(again),  T(partial),           T(roll_back) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
