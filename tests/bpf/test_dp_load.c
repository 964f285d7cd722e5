/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Life of what the keeper leaves in the kernel: loaded and pinned, adopted by the next daemon without a connection being
 * missed, refused where it belongs to somebody else, and removed without trace. In a cgroup and a bpffs directory of its
 * own. Promises P2, P3.
 */
#include "tests/bpf/dp_daemon.h"

/* --- tests --------------------------------------------------------------------------------------------------------- */

static void loads_pins_and_balances(void **state)
{
	static const char *const names[] = {
		"state",         "vip",           "service",           "endpoint",      "slot",
		"sock",          "grace",         "verdict",           "prog_connect4", "prog_tc_ingress",
		"link_connect4", "link_connect6", "link_getpeername4", "link_sockops",  "link_sock_release",
		"link_sendmsg4", "link_sendmsg6", "link_recvmsg4",     "link_recvmsg6"
	};
	struct hdl_vip_key key = world_key(0, 0);
	uint64_t verdicts[HDL_VERDICT_COUNT];
	struct daemon d;

	(void)state;
	start(&d);
	assert_false(report.adopted);
	assert_int_equal(report.links_kept, 0);
	assert_int_equal(report.sizes_kept, 0);
	for (size_t i = 0; i < HDL_ARRAY_SIZE(names); i++) {
		if (!pinned(names[i]))
			fail_msg("%s is not pinned", names[i]);
	}
	assert_int_equal(hdl_dp_capacity_of(&d.maps).services, 64);
	assert_int_equal(hdl_dp_capacity_of(&d.maps).endpoints, 64);
	publish(&d);
	assert_int_equal(dial_in_cgroup(&key), 0);
	assert_int_equal(hdl_dp_verdicts(&d.maps, verdicts), 0);
	assert_int_equal(verdicts[HDL_VERDICT_BALANCED], 1);
	die(&d);
	/* With the daemon dead, the last epoch goes on deciding. */
	assert_int_equal(dial_in_cgroup(&key), 0);
}

static void the_grace_period_of_the_kernel_works(void **state)
{
	struct daemon d;
	int inner;

	(void)state;
	start(&d);
	check(hdl_dp_grace(&d.maps, &err));
	/* Without the map, the fallback. */
	inner = d.maps.grace_inner_fd;
	d.maps.grace_inner_fd = -1;
	check(hdl_dp_grace(&d.maps, &err));
	d.maps.grace_inner_fd = inner;
	die(&d);
}

/* The same reader as in the unit tests, on the maps that programs read. */
static void publishes_into_kernel_maps(void **state)
{
	struct hdl_buf expected = { .p = NULL }, seen = { .p = NULL };
	struct world_ids ids;
	struct hdl_rand rand;
	struct daemon d;
	struct world w = { .cluster = { { false } } };

	(void)state;
	start(&d);
	hdl_rand_seed(&rand, 5);
	for (int i = 0; i < 60; i++) {
		uint32_t c = hdl_rand_u32(&rand) % WORLD_CLUSTERS, s = hdl_rand_u32(&rand) % WORLD_SERVICES;
		struct hdl_snapshot *snapshot;

		w.cluster[c] = (struct world_cluster){ i % 4 != 0, i % 3 == 0, hdl_rand_u32(&rand) & 0xfff, 0 };
		w.service[s] = (struct world_service){ i % 5 != 0, 1 + i % 2, HDL_LABEL_L4, { 1, 2, 3 } };
		snapshot = world_snapshot(&w);
		check(hdl_publish(d.publisher, snapshot, &err));
		hdl_snapshot_unref(snapshot);
		world_expect(&w, &expected);
		world_find_ids(&d.maps, &ids);
		world_see(&d.maps, &ids, d.maps.state->epoch, &seen);
		assert_string_equal(seen.p, expected.p);
		if (i % 10 == 9) {
			die(&d);
			start(&d);
			assert_true(report.adopted);
		}
	}
	die(&d);
	hdl_buf_done(&expected);
	hdl_buf_done(&seen);
}

/* A client dials all the time while daemons come and go: an untranslated dial would time out or be refused. */
static void daemons_follow_each_other_without_a_gap(void **state)
{
	struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct hdl_vip_key key = world_key(0, 0);
	struct daemon d;
	unsigned int links;
	pid_t child;

	(void)state;
	start(&d);
	links = report.links_new;
	publish(&d);
	child = fork();
	if (child == 0) {
		join_cgroup(cgroup);
		while (!atomic_load(&shared->stop)) {
			if (dial(&key) != 0)
				atomic_fetch_add(&shared->failures, 1);
			atomic_fetch_add(&shared->dials, 1);
		}
		_exit(0);
	}
	for (int i = 0; i < 8; i++) {
		unsigned int before = atomic_load(&shared->dials);

		die(&d);
		start(&d);
		assert_true(report.adopted);
		assert_int_equal(report.links_kept, links);
		assert_int_equal(report.links_new, 0);
		publish(&d);
		while (atomic_load(&shared->dials) < before + 20) /* the client got on meanwhile */
			sched_yield();
	}
	atomic_store(&shared->stop, true);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(atomic_load(&shared->failures), 0);
	munmap(shared, sizeof(*shared));
	die(&d);
}

static void another_cgroup_is_refused(void **state)
{
	struct hdl_load *load;
	struct daemon d;

	(void)state;
	start(&d);
	die(&d);
	conf.cgroup = other_cgroup;
	check(hdl_load_open(&conf, &load, &report, &err));
	assert_int_equal(hdl_load_attach(load, &report, &err), -EEXIST);
	assert_non_null(strstr(err.text, cgroup));
	assert_non_null(strstr(err.text, other_cgroup));
	hdl_load_free(load);
	conf.cgroup = cgroup;
}

static void hooks_of_a_dead_daemon_are_named(void **state)
{
	struct hdl_load *load;
	struct daemon d;

	(void)state;
	start(&d);
	die(&d);
	conf.bpffs = other_bpffs;
	check(hdl_load_open(&conf, &load, &report, &err));
	assert_int_equal(hdl_load_attach(load, &report, &err), -EEXIST);
	assert_non_null(strstr(err.text, "--uninstall"));
	assert_false(hdl_links_pinned(other_bpffs));
	hdl_load_free(load);
	conf.bpffs = bpffs;
}

static void a_cgroup_that_was_made_again_is_attached_anew(void **state)
{
	struct hdl_vip_key key = world_key(0, 0);
	struct daemon d;

	(void)state;
	start(&d);
	publish(&d);
	die(&d);
	assert_int_equal(rmdir(cgroup), 0);
	assert_int_equal(mkdir(cgroup, 0755), 0);
	start(&d);
	assert_int_equal(report.links_kept, 0);
	assert_true(report.links_new > 0);
	assert_int_equal(dial_in_cgroup(&key), 0);
	die(&d);
}

static unsigned int programs_of_cgroup(void)
{
	int fd = open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	unsigned int total = 0;

	for (int type = 0; type < __MAX_BPF_ATTACH_TYPE; type++) {
		__u32 ids[16], n = 16;

		if (bpf_prog_query(fd, (enum bpf_attach_type)type, 0, NULL, ids, &n) == 0)
			total += n;
	}
	close(fd);
	return total;
}

static void uninstall_leaves_nothing(void **state)
{
	struct hdl_uninstall_report removed;
	struct hdl_link_state links[16];
	struct daemon d;
	size_t n;

	(void)state;
	start(&d);
	publish(&d);
	n = hdl_links_list(bpffs, links, HDL_ARRAY_SIZE(links));
	assert_int_equal(n, report.links_new);
	for (size_t i = 0; i < n; i++)
		assert_true(links[i].attached);
	assert_int_equal(programs_of_cgroup(), n);
	die(&d);
	assert_int_equal(programs_of_cgroup(), n);
	check(hdl_uninstall(bpffs, &removed, &err));
	assert_int_equal(removed.links, n);
	assert_int_equal(access(bpffs, F_OK), -1);
	assert_int_equal(programs_of_cgroup(), 0);
	check(hdl_uninstall(bpffs, &removed, &err)); /* again: nothing to do */
	assert_int_equal(removed.links, 0);
}

static void a_second_daemon_is_refused(void **state)
{
	struct hdl_dp_lock first = HDL_DP_LOCK_NONE, second = HDL_DP_LOCK_NONE;

	(void)state;
	check(hdl_dp_lock_bpffs(&first, bpffs, &err));
	assert_int_equal(hdl_dp_lock_bpffs(&second, bpffs, &err), -EBUSY);
	assert_non_null(strstr(err.text, bpffs));
	check(hdl_dp_lock_hooks(&first, cgroup, 0x100, 0xf00, 4711, &err));
	assert_int_equal(hdl_dp_lock_hooks(&second, cgroup, 0x200, 0xf00, 4712, &err), -EBUSY);
	assert_non_null(strstr(err.text, cgroup));
	hdl_dp_unlock(&second);
	assert_int_equal(hdl_dp_lock_hooks(&second, other_cgroup, 0x100, 0xf00, 4712, &err), -EBUSY);
	assert_non_null(strstr(err.text, "0x100"));
	hdl_dp_unlock(&second);
	assert_int_equal(hdl_dp_lock_hooks(&second, other_cgroup, 0x200, 0xf00, 4711, &err), -EBUSY);
	assert_non_null(strstr(err.text, "4711"));
	hdl_dp_unlock(&second);
	check(hdl_dp_lock_hooks(&second, other_cgroup, 0x200, 0xf00, 4712, &err));
	hdl_dp_unlock(&second);
	hdl_dp_unlock(&first);
	check(hdl_dp_lock_bpffs(&second, bpffs, &err));
	hdl_dp_unlock(&second);
}

static void listeners_come_and_go(void **state)
{
	struct daemon d;

	(void)state;
	start(&d);
	assert_int_equal(hdl_load_set_listener(d.load, 3, HDL_FAMILY_V4, server_fd), 0);
	assert_int_equal(hdl_load_set_listener(d.load, HDL_WORKERS_MAX, HDL_FAMILY_V4, server_fd), -E2BIG);
	assert_int_equal(hdl_load_clear_listener(d.load, 3, HDL_FAMILY_V4), 0);
	assert_int_equal(hdl_load_clear_listener(d.load, 3, HDL_FAMILY_V4), 0);
	die(&d);
}

static void features_of_this_kernel_suffice(void **state)
{
	struct hdl_features features;
	struct hdl_err text = { "" };

	(void)state;
	if (hdl_features_probe(NULL, cgroup, &features, &text) != 0)
		fail_msg("%s", text.text);
	assert_int_equal(hdl_features_probe(NULL, "/proc", &features, &text), -EOPNOTSUPP);
	assert_non_null(strstr(text.text, "cgroup2"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(loads_pins_and_balances, setup, teardown),
		cmocka_unit_test_setup_teardown(the_grace_period_of_the_kernel_works, setup, teardown),
		cmocka_unit_test_setup_teardown(publishes_into_kernel_maps, setup, teardown),
		cmocka_unit_test_setup_teardown(daemons_follow_each_other_without_a_gap, setup, teardown),
		cmocka_unit_test_setup_teardown(another_cgroup_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(hooks_of_a_dead_daemon_are_named, setup, teardown),
		cmocka_unit_test_setup_teardown(a_cgroup_that_was_made_again_is_attached_anew, setup, teardown),
		cmocka_unit_test_setup_teardown(uninstall_leaves_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(a_second_daemon_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(listeners_come_and_go, setup, teardown),
		cmocka_unit_test_setup_teardown(features_of_this_kernel_suffice, setup, teardown),
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
