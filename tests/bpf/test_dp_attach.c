/* SPDX-License-Identifier: Apache-2.0 */
/* The tc program on pods' interfaces: attached, replaced in place, found again, and removed beside filters of others that
 * stay as they are. */
#include "tests/bpf/dp_net.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include "dp/attach.h"
#include "dp/features.h"
#include "dp/load.h"
#include "dp/uninstall.h"

static char bpffs[2][64], cgroup[512];
static struct hdl_load *load[2]; /* two daemons */
static struct hdl_err err;

static void check(int r)
{
	if (r < 0)
		fail_msg("%s", err.text);
}

static void open_daemon(int i)
{
	struct hdl_load_conf conf = {
		.bpffs = bpffs[i],
		.cgroup = cgroup,
		.capacity = { 16, 16, 64 },
		.packet_mark = 0x100,
		.packet_mask = 0xf00,
		.route_table = 4242,
	};
	struct hdl_load_report report;

	check(hdl_load_open(&conf, &load[i], &report, &err));
}

static int state_fd(int i)
{
	struct hdl_dp_maps maps;

	hdl_load_fds(load[i], &maps);
	return maps.state_fd;
}

static int setup(void **state)
{
	if (fresh_host(state) != 0)
		return -1;
	run("ip link add v0 type veth peer name p0");
	run("ip link add v1 type veth peer name p1");
	open_daemon(0);
	return 0;
}

static int teardown(void **state)
{
	struct hdl_uninstall_report removed;

	(void)state;
	for (int i = 0; i < 2; i++) {
		load[i] = hdl_load_free(load[i]);
		hdl_uninstall(bpffs[i], &removed, &err);
	}
	return 0;
}

static void attach(int i, const char *name)
{
	check(hdl_attach_tc(bpffs[i], state_fd(i), (int)if_nametoindex(name), HDL_TC_INGRESS,
			    hdl_load_tc_program(load[i], HDL_LOAD_TC_PUNT), &err));
}

static void detach(int i, const char *name)
{
	check(hdl_detach_tc(bpffs[i], state_fd(i), (int)if_nametoindex(name), &err));
}

static bool listed(int i, const char *name)
{
	size_t n = 0;
	int *list = NULL;
	bool found = false;

	check(hdl_attach_list(bpffs[i], state_fd(i), &list, &n, &err));
	for (size_t k = 0; k < n; k++)
		found = found || list[k] == (int)if_nametoindex(name);
	free(list);
	return found;
}

/* A filter of somebody else. */
static int attach_foreign(const char *name, uint32_t priority, uint32_t handle)
{
	struct bpf_insn insns[] = { { .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = -1 },
				    { .code = BPF_JMP | BPF_EXIT } };
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)if_nametoindex(name), .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .priority = priority, .handle = handle);
	int r;

	opts.prog_fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "foreign", "GPL", insns, HDL_ARRAY_SIZE(insns), NULL);
	assert_true(opts.prog_fd >= 0);
	r = bpf_tc_hook_create(&hook);
	assert_true(r == 0 || r == -EEXIST);
	r = bpf_tc_attach(&hook, &opts);
	close(opts.prog_fd);
	return r;
}

static bool filter_at(const char *name, uint32_t priority, uint32_t handle)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)if_nametoindex(name), .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .priority = priority, .handle = handle);

	return bpf_tc_query(&hook, &opts) == 0;
}

static bool has_clsact(const char *name)
{
	char command[64];

	snprintf(command, sizeof(command), "tc qdisc show dev %s", name);
	return shows(command, "clsact");
}

static void attached_found_and_removed(void **state)
{
	(void)state;
	assert_false(listed(0, "v0"));
	attach(0, "v0");
	assert_true(listed(0, "v0"));
	assert_false(listed(0, "v1"));
	assert_true(filter_at("v0", 1, HDL_TC_HANDLE));
	attach(0, "v0"); /* once more: the same one */
	assert_false(filter_at("v0", 2, HDL_TC_HANDLE));
	detach(0, "v0");
	assert_false(listed(0, "v0"));
	assert_false(has_clsact("v0"));
	detach(0, "v0");
	detach(0, "v1");
}

static void a_restarted_daemon_replaces_in_place(void **state)
{
	(void)state;
	attach(0, "v0");
	hdl_load_free(load[0]);
	open_daemon(0); /* new programs, the same maps */
	assert_true(listed(0, "v0"));
	attach(0, "v0");
	assert_true(filter_at("v0", 1, HDL_TC_HANDLE));
	assert_false(filter_at("v0", 2, HDL_TC_HANDLE));
	detach(0, "v0");
	assert_false(has_clsact("v0")); /* remembered over the restart that it was ours */
}

static void filters_of_others_stay(void **state)
{
	(void)state;
	assert_int_equal(attach_foreign("v0", 1, 1), 0); /* and with it, clsact */
	assert_int_equal(attach_foreign("v0", 3, 1), 0);
	attach(0, "v0");
	assert_true(filter_at("v0", 2, HDL_TC_HANDLE));
	detach(0, "v0");
	assert_true(filter_at("v0", 1, 1) && filter_at("v0", 3, 1));
	assert_true(has_clsact("v0"));
	/* Ours first, theirs after it: the qdisc is ours, but in use. */
	attach(0, "v1");
	assert_int_equal(attach_foreign("v1", 1, 1), 0);
	detach(0, "v1");
	assert_true(filter_at("v1", 1, 1));
	assert_true(has_clsact("v1"));
}

static void two_daemons_keep_apart(void **state)
{
	(void)state;
	open_daemon(1);
	attach(0, "v0");
	attach(1, "v0");
	assert_true(filter_at("v0", 1, HDL_TC_HANDLE) && filter_at("v0", 2, HDL_TC_HANDLE));
	detach(0, "v0");
	assert_false(listed(0, "v0"));
	assert_true(listed(1, "v0"));
	assert_true(filter_at("v0", 2, HDL_TC_HANDLE));
	attach(0, "v0");
	detach(1, "v0");
	assert_true(listed(0, "v0"));
}

static void interfaces_that_are_gone(void **state)
{
	char path[128];
	int gone = (int)if_nametoindex("v0");

	(void)state;
	attach(0, "v0");
	snprintf(path, sizeof(path), "%s/qdisc/%d", bpffs[0], gone);
	assert_int_equal(access(path, F_OK), 0);
	run("ip link del v0");
	assert_int_equal(hdl_attach_tc(bpffs[0], state_fd(0), gone, HDL_TC_INGRESS,
				       hdl_load_tc_program(load[0], HDL_LOAD_TC_PUNT), &err),
			 -ENODEV);
	hdl_attach_forget_gone(bpffs[0]);
	assert_int_equal(access(path, F_OK), -1);
	check(hdl_detach_tc(bpffs[0], state_fd(0), gone, &err));
}

static void uninstall_removes_filters(void **state)
{
	struct hdl_uninstall_report removed;

	(void)state;
	attach(0, "v0");
	attach(0, "v1");
	assert_int_equal(attach_foreign("v1", 9, 1), 0);
	load[0] = hdl_load_free(load[0]);
	check(hdl_uninstall(bpffs[0], &removed, &err));
	assert_int_equal(removed.filters, 2);
	assert_false(has_clsact("v0"));
	assert_true(filter_at("v1", 9, 1));
	assert_false(filter_at("v1", 1, HDL_TC_HANDLE));
	assert_int_equal(access(bpffs[0], F_OK), -1);
}

/* --- TCX links --- */

static int setup_links(void **state)
{
	hdl_attach_without_links(false);
	return setup(state);
}

static int setup_filters(void **state)
{
	hdl_attach_without_links(true);
	return setup(state);
}

static bool pinned(int i, const char *name, const char *side)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/tcx/%u-%s", bpffs[i], if_nametoindex(name), side);
	return access(path, F_OK) == 0;
}

static void attach_reply(int i, const char *name)
{
	check(hdl_attach_tc(bpffs[i], state_fd(i), (int)if_nametoindex(name), HDL_TC_EGRESS,
			    hdl_load_tc_program(load[i], HDL_LOAD_TC_REPLY), &err));
}

/* False on a kernel without TCX (before 6.6), where filters are there instead. */
static bool has_links(void)
{
	attach(0, "v0");
	if (!hdl_attach_by_links())
		assert_true(filter_at("v0", 1, HDL_TC_HANDLE));
	return hdl_attach_by_links();
}

/* What the status says is what the programs are attached by. */
static void the_features_say_so(void **state)
{
	struct hdl_features features;
	struct hdl_err text = { "" };
	size_t i = 0;

	(void)state;
	(void)hdl_features_probe(NULL, NULL, &features, &text);
	while (i < features.count && strcmp(features.feature[i].name, "links for tc programs") != 0)
		i++;
	assert_in_range(i, 0, features.count - 1);
	assert_false(features.feature[i].required);
	assert_non_null(features.feature[i].fallback);
	assert_int_equal(features.feature[i].present, has_links());
}

static void links_are_attached_found_and_removed(void **state)
{
	(void)state;
	assert_false(listed(0, "v0"));
	if (!has_links())
		return;
	assert_true(pinned(0, "v0", "ingress") && !has_clsact("v0"));
	assert_true(listed(0, "v0"));
	assert_false(listed(0, "v1"));
	attach_reply(0, "v0");
	assert_true(pinned(0, "v0", "egress"));
	check(hdl_detach_tc_side(bpffs[0], state_fd(0), (int)if_nametoindex("v0"), HDL_TC_INGRESS, &err));
	assert_true(!pinned(0, "v0", "ingress") && pinned(0, "v0", "egress"));
	assert_true(listed(0, "v0"));
	detach(0, "v0");
	assert_false(listed(0, "v0"));
	assert_false(pinned(0, "v0", "egress"));
	detach(0, "v0");
}

/* Id of the program of a pinned link. */
static uint32_t program_of(int i, const char *name)
{
	struct bpf_link_info info = { 0 };
	__u32 size = sizeof(info);
	char path[160];
	int fd;

	snprintf(path, sizeof(path), "%s/tcx/%u-ingress", bpffs[i], if_nametoindex(name));
	fd = bpf_obj_get(path);
	assert_true(fd >= 0);
	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &size), 0);
	close(fd);
	return info.prog_id;
}

static void a_restarted_daemon_replaces_the_program_of_a_link(void **state)
{
	uint32_t former;

	(void)state;
	if (!has_links())
		return;
	former = program_of(0, "v0");
	hdl_load_free(load[0]);
	open_daemon(0);
	assert_true(listed(0, "v0"));
	attach(0, "v0");
	assert_int_not_equal(program_of(0, "v0"), former);
	check(hdl_attach_tc(bpffs[0], state_fd(0), (int)if_nametoindex("v0"), HDL_TC_INGRESS,
			    hdl_load_tc_program(load[0], HDL_LOAD_TC_PACKET), &err));
	detach(0, "v0");
}

/* After an upgrade of the kernel or the daemon, a packet must not be seen twice. */
static void a_link_takes_the_place_of_a_filter(void **state)
{
	(void)state;
	hdl_attach_without_links(true);
	attach(0, "v0");
	assert_true(filter_at("v0", 1, HDL_TC_HANDLE));
	hdl_attach_without_links(false);
	if (!has_links())
		return;
	assert_true(pinned(0, "v0", "ingress"));
	assert_false(has_clsact("v0"));
}

static void links_of_interfaces_that_are_gone(void **state)
{
	char path[160];

	(void)state;
	if (!has_links())
		return;
	snprintf(path, sizeof(path), "%s/tcx/%u-ingress", bpffs[0], if_nametoindex("v0"));
	run("ip link del v0");
	assert_int_equal(access(path, F_OK), 0);
	hdl_attach_forget_gone(bpffs[0]);
	assert_int_equal(access(path, F_OK), -1);
}

static void uninstall_removes_links(void **state)
{
	struct hdl_uninstall_report removed;

	(void)state;
	if (!has_links())
		return;
	attach_reply(0, "v0");
	attach(0, "v1");
	load[0] = hdl_load_free(load[0]);
	check(hdl_uninstall(bpffs[0], &removed, &err));
	assert_int_equal(removed.filters, 2);
	assert_int_equal(access(bpffs[0], F_OK), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(attached_found_and_removed, setup_filters, teardown),
		cmocka_unit_test_setup_teardown(a_restarted_daemon_replaces_in_place, setup_filters, teardown),
		cmocka_unit_test_setup_teardown(filters_of_others_stay, setup_filters, teardown),
		cmocka_unit_test_setup_teardown(two_daemons_keep_apart, setup_filters, teardown),
		cmocka_unit_test_setup_teardown(interfaces_that_are_gone, setup_filters, teardown),
		cmocka_unit_test_setup_teardown(uninstall_removes_filters, setup_filters, teardown),
		cmocka_unit_test_setup_teardown(links_are_attached_found_and_removed, setup_links, teardown),
		cmocka_unit_test_setup_teardown(the_features_say_so, setup_links, teardown),
		cmocka_unit_test_setup_teardown(a_restarted_daemon_replaces_the_program_of_a_link, setup_links,
						teardown),
		cmocka_unit_test_setup_teardown(a_link_takes_the_place_of_a_filter, setup_links, teardown),
		cmocka_unit_test_setup_teardown(links_of_interfaces_that_are_gone, setup_links, teardown),
		cmocka_unit_test_setup_teardown(uninstall_removes_links, setup_links, teardown),
	};

	hdl_test_need_bpf();
	if (hdl_features_cgroup_root(cgroup, sizeof(cgroup)) < 0) {
		printf("no cgroup2 is mounted\n");
		return HDL_TEST_SKIP;
	}
	for (int i = 0; i < 2; i++)
		snprintf(bpffs[i], sizeof(bpffs[i]), "/sys/fs/bpf/heddle-tc-%d-%d", getpid(), i);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
