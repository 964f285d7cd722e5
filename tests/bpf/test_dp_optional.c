/* SPDX-License-Identifier: Apache-2.0 */
/* A kernel that refuses programs: without those that are not needed the daemon starts, without others it says which. */
#include "tests/bpf/dp_daemon.h"

static const char *refuse[2]; /* names of programs */

/* As a program of another type it may not do what it does. */
static void make_them_refused(struct bpf_object *object)
{
	for (size_t i = 0; i < 2 && refuse[i]; i++) {
		struct bpf_program *program = bpf_object__find_program_by_name(object, refuse[i]);

		assert_non_null(program);
		bpf_program__set_type(program, BPF_PROG_TYPE_SOCKET_FILTER);
	}
}

static void start_without(const char *first, const char *second, struct daemon *d)
{
	refuse[0] = first;
	refuse[1] = second;
	conf.before_load = make_them_refused;
	start(d);
	conf.before_load = NULL;
}

static void what_is_not_needed_is_left_out(void **state)
{
	struct hdl_vip_key key = world_key(0, 0);
	struct daemon d;

	(void)state;
	start_without("hdl_tc_packet", "hdl_xdp_edge", &d);
	assert_non_null(strstr(report.left_out, "packetPath"));
	assert_non_null(strstr(report.left_out, "XDP"));
	assert_null(strstr(report.left_out, "interfaces.edge"));
	assert_non_null(strstr(report.refused, "BPF programs cannot be loaded"));
	assert_true(hdl_load_tc_program(d.load, HDL_LOAD_TC_PUNT) >= 0);
	assert_true(hdl_load_tc_program(d.load, HDL_LOAD_TC_PACKET) < 0);
	assert_true(hdl_load_tc_program(d.load, HDL_LOAD_TC_REPLY) < 0); /* of no use alone */
	assert_true(hdl_load_tc_program(d.load, HDL_LOAD_TC_EDGE) >= 0);
	assert_true(hdl_load_xdp_program(d.load) < 0);
	assert_false(pinned("prog_tc_packet"));
	publish(&d);
	assert_int_equal(dial_in_cgroup(&key), 0);
	die(&d);
	/* a kernel that takes them: they are there again */
	start(&d);
	assert_string_equal(report.left_out, "");
	assert_true(hdl_load_tc_program(d.load, HDL_LOAD_TC_PACKET) >= 0);
	assert_true(pinned("prog_tc_packet"));
	die(&d);
	/* and gone once more: no pin of one that would not be replaced is left */
	start_without("hdl_tc_edge_out", NULL, &d);
	assert_non_null(strstr(report.left_out, "interfaces.edge"));
	assert_true(hdl_load_xdp_program(d.load) < 0);
	assert_false(pinned("prog_tc_edge"));
	assert_int_equal(dial_in_cgroup(&key), 0);
	die(&d);
}

static void what_is_needed_is_named(void **state)
{
	struct hdl_load *load;

	(void)state;
	refuse[0] = "hdl_connect4";
	refuse[1] = NULL;
	conf.before_load = make_them_refused;
	assert_int_equal(hdl_load_open(&conf, &load, &report, &err), -EOPNOTSUPP);
	conf.before_load = NULL;
	assert_non_null(strstr(err.text, "hdl_connect4"));
	assert_false(pinned("state"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_not_needed_is_left_out, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_needed_is_named, setup, teardown),
	};
	char root[256];
	int failed;

	hdl_test_need_bpf();
	if (hdl_features_cgroup_root(root, sizeof(root)) < 0) {
		printf("no cgroup2 is mounted\n");
		return HDL_TEST_SKIP;
	}
	snprintf(bpffs, sizeof(bpffs), "/sys/fs/bpf/heddle-test-%d", getpid());
	snprintf(other_bpffs, sizeof(other_bpffs), "%s-other", bpffs);
	snprintf(cgroup, sizeof(cgroup), "%s/heddle-test-%d", root, getpid());
	snprintf(other_cgroup, sizeof(other_cgroup), "%s-other", cgroup);
	start_server();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	kill(server, SIGKILL);
	return failed;
}
