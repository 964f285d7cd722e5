/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Other maps under hooks that go on working (promise P3): larger and smaller ones, another ABI version, a start that is
 * interrupted; and hooks and pins that somebody else took away.
 */
#include "tests/bpf/dp_daemon.h"
#include "base/clock.h"

/* --- other maps under running hooks -------------------------------------------------------------------------------- */

/* As heddled does it: what is new is published before the hooks get to it. */
static void start_published(struct daemon *d)
{
	check(hdl_load_open(&conf, &d->load, &report, &err));
	d->maps = (struct hdl_dp_maps){ .state_fd = -1 };
	hdl_load_fds(d->load, &d->maps);
	check(hdl_dp_maps_open(&d->maps, &err));
	d->publisher = hdl_publisher_new(&d->maps, &err);
	if (!d->publisher)
		fail_msg("%s", err.text);
	publish(d);
	check(hdl_load_attach(d->load, &report, &err));
}

static uint32_t pinned_entries(const char *name)
{
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", bpffs, name);
	fd = bpf_obj_get(path);
	assert_true(fd >= 0);
	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &size), 0);
	close(fd);
	return info.max_entries;
}

static void a_larger_capacity_moves_the_maps(void **state)
{
	struct hdl_snapshot *first = server_snapshot(), *second = server_snapshot();
	struct hdl_load_conf old = conf;
	struct hdl_health *health;
	struct daemon d;
	uint64_t epoch;

	(void)state;
	start(&d);
	check(hdl_publish(d.publisher, first, &err));
	health = &d.maps.health[first->clusters[0]->endpoints[0].id];
	health->ejected_until_ns = 42;
	health->active = 3;
	health->connects = 7;
	epoch = d.maps.state->epoch;
	conf.capacity.endpoints = 200;
	conf.capacity.flows = 512;
	conf.packet_mark = 0x02000000;
	struct daemon next;
	check(hdl_load_open(&conf, &next.load, &report, &err));
	assert_true(report.adopted);
	assert_true(report.renewed);
	assert_false(report.rebuilt);
	assert_non_null(strstr(report.why, "endpoint"));
	assert_int_equal(report.old_packet_mark, 0x01000000);
	assert_int_equal(report.old_route_table, 77001);
	/* what the hooks count meanwhile is not lost */
	health->active = 5;
	health->connects = 9;
	check(hdl_load_attach(next.load, &report, &err));
	assert_int_equal(report.links_new, 0);
	assert_false(pinned("next"));
	die(&d);
	next.maps = (struct hdl_dp_maps){ .state_fd = -1 };
	hdl_load_fds(next.load, &next.maps);
	check(hdl_dp_maps_open(&next.maps, &err));
	assert_int_equal(next.maps.state->packet_mark, 0x02000000);
	assert_int_equal(next.maps.state->epoch, epoch);
	health = &next.maps.health[first->clusters[0]->endpoints[0].id];
	/* three were requests of a proxy that is dead: nobody gives those back */
	assert_int_equal(health->active, 2);
	assert_int_equal(health->connects, 9);
	next.publisher = hdl_publisher_new(&next.maps, &err);
	assert_non_null(next.publisher);
	check(hdl_publish(next.publisher, second, &err));
	assert_int_equal(first->clusters[0]->id, second->clusters[0]->id);
	assert_int_equal(first->clusters[0]->endpoints[0].id, second->clusters[0]->endpoints[0].id);
	assert_int_equal(next.maps.health[second->clusters[0]->endpoints[0].id].ejected_until_ns, 42);
	assert_int_equal(pinned_entries("endpoint"), next.maps.endpoint_count);
	die(&next);
	/* and nothing is to be done the next time */
	start(&d);
	assert_false(report.renewed);
	die(&d);
	conf = old;
	hdl_snapshot_unref(first);
	hdl_snapshot_unref(second);
}

/* A client dials while the maps are exchanged for larger ones, smaller ones, and ones of another ABI or shape. */
static void maps_are_replaced_without_a_gap(void **state)
{
	struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	const struct hdl_dp_capacity small = conf.capacity, large = { 256, 512, 1024 };
	struct hdl_vip_key key = world_key(0, 0);
	uint64_t epoch = 0;
	struct daemon d;
	pid_t child;

	(void)state;
	start_published(&d);
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
	for (int i = 0; i < 6; i++) {
		unsigned int before = atomic_load(&shared->dials);

		if (i % 3 == 2)
			d.maps.state->abi_version = i % 2 ? HDL_ABI_VERSION - 1 : HDL_ABI_VERSION + 1;
		else
			conf.capacity = i % 3 == 0 ? large : small;
		assert_true(d.maps.state->epoch > epoch);
		epoch = d.maps.state->epoch;
		die(&d);
		start_published(&d);
		assert_true(report.adopted);
		assert_true(report.renewed);
		assert_int_equal(report.rebuilt, i % 3 != 0);
		assert_int_equal(report.links_new, 0);
		assert_int_equal(d.maps.state->epoch, epoch + 1);
		assert_false(pinned("next"));
		while (atomic_load(&shared->dials) < before + 20)
			sched_yield();
	}
	atomic_store(&shared->stop, true);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(atomic_load(&shared->failures), 0);
	munmap(shared, sizeof(*shared));
	conf.capacity = small;
	die(&d);
}

static bool nothing_is_open(const struct daemon *d)
{
	for (uint32_t i = 1; i < d->maps.cluster_count; i++)
		if (d->maps.balance[i].connections)
			return false;
	for (uint32_t i = 1; i < d->maps.endpoint_count; i++)
		if (d->maps.health[i].active)
			return false;
	return true;
}

/* What was counted in the old maps may end in the new: nothing is counted for ever, nothing below 0. */
static void counts_go_back_whatever_maps_they_began_in(void **state)
{
	struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	const struct hdl_dp_capacity small = conf.capacity;
	struct hdl_vip_key key = world_key(0, 0);
	struct daemon d;
	pid_t child[2];
	bool open = true;

	(void)state;
	start_published(&d);
	for (int c = 0; c < 2; c++) {
		child[c] = fork();
		if (child[c] != 0)
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		join_cgroup(cgroup);
		while (!atomic_load(&shared->stop)) {
			if (dial(&key) != 0)
				atomic_fetch_add(&shared->failures, 1);
			atomic_fetch_add(&shared->dials, 1);
		}
		_exit(0);
	}
	for (int i = 0; i < 3; i++) {
		unsigned int before = atomic_load(&shared->dials);

		die(&d);
		conf.capacity.endpoints += 64;
		start_published(&d);
		assert_true(report.renewed);
		assert_false(report.rebuilt);
		assert_int_equal(d.maps.state->renewing, HDL_RENEWING_NO);
		while (atomic_load(&shared->dials) < before + 20)
			sched_yield();
	}
	atomic_store(&shared->stop, true);
	for (int c = 0; c < 2; c++)
		assert_int_equal(waitpid(child[c], NULL, 0), child[c]);
	assert_int_equal(atomic_load(&shared->failures), 0);
	/* the kernel ends them a little after close() */
	for (uint64_t end = hdl_clock_mono_ns() + 5000000000ull; open && hdl_clock_mono_ns() < end; sched_yield())
		open = !nothing_is_open(&d);
	assert_false(open);
	munmap(shared, sizeof(*shared));
	conf.capacity = small;
	die(&d);
}

/* Killed before the new set was ready: it is thrown away. After: it takes its place, however far that had got. */
static void an_interrupted_replacement_is_finished_or_undone(void **state)
{
	const struct hdl_dp_capacity small = conf.capacity;
	struct hdl_vip_key key = world_key(0, 0);
	struct daemon d;

	(void)state;
	start_published(&d);
	for (int step = 0; step < 3; step++) {
		static const char *const some[] = { "vip", "service", "health" };
		uint32_t entries = pinned_entries("endpoint");

		die(&d);
		conf.capacity.endpoints += 64;
		check(hdl_load_open(&conf, &d.load, &report, &err));
		assert_true(report.renewed);
		assert_true(pinned("next/state"));
		d.maps = (struct hdl_dp_maps){ .state_fd = -1 };
		hdl_load_fds(d.load, &d.maps);
		check(hdl_dp_maps_open(&d.maps, &err));
		d.publisher = hdl_publisher_new(&d.maps, &err);
		assert_non_null(d.publisher);
		publish(&d);
		assert_int_equal(dial_in_cgroup(&key), 0);
		if (step > 0)
			check(hdl_renew_ready(bpffs, &err));
		for (int i = 0; i < (step > 1 ? 3 : 0); i++) {
			char from[256], to[256];

			snprintf(from, sizeof(from), "%s/next/%s", bpffs, some[i]);
			snprintf(to, sizeof(to), "%s/%s", bpffs, some[i]);
			assert_int_equal(rename(from, to), 0);
		}
		die(&d);
		assert_int_equal(dial_in_cgroup(&key), 0);
		start_published(&d);
		/* undone: it was done again now; finished: there was nothing left to do */
		assert_int_equal(report.renewed, step == 0);
		assert_true(pinned_entries("endpoint") > entries);
		assert_false(pinned("next"));
		assert_int_equal(dial_in_cgroup(&key), 0);
	}
	die(&d);
	conf.capacity = small;
}

static unsigned int remove_pins(const char *prefix)
{
	DIR *dir = opendir(bpffs);
	const struct dirent *entry;
	unsigned int n = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0)
			n += unlinkat(dirfd(dir), entry->d_name, 0) == 0;
	closedir(dir);
	return n;
}

/* A hook detached by somebody else, one whose pin is gone, and all pins gone, as when bpffs is unmounted. */
static void what_others_took_away_is_put_back(void **state)
{
	struct hdl_vip_key key = world_key(0, 0);
	char names[256];
	struct daemon d;

	(void)state;
	start_published(&d);
	assert_int_equal(hdl_load_repair(d.load, names, sizeof(names), &err), 0);
	hdl_link_detach(bpffs, "link_connect4");
	assert_int_equal(hdl_load_repair(d.load, names, sizeof(names), &err), 1);
	assert_string_equal(names, "connect4");
	assert_int_equal(dial_in_cgroup(&key), 0);
	assert_int_equal(remove_pins("link_connect6"), 1);
	assert_int_equal(hdl_load_repair(d.load, names, sizeof(names), &err), 1);
	assert_string_equal(names, "connect6");
	assert_int_equal(remove_pins("vip"), 1);
	assert_int_equal(hdl_load_repair(d.load, names, sizeof(names), &err), 1);
	assert_string_equal(names, "");
	assert_true(remove_pins("") > 20);
	assert_true(hdl_load_repair(d.load, names, sizeof(names), &err) > 4);
	assert_int_equal(dial_in_cgroup(&key), 0);
	assert_int_equal(hdl_load_repair(d.load, names, sizeof(names), &err), 0);
	/* and all of it is adopted by the next */
	die(&d);
	start_published(&d);
	assert_true(report.adopted);
	assert_false(report.renewed);
	assert_int_equal(report.links_new, 0);
	die(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_larger_capacity_moves_the_maps, setup, teardown),
		cmocka_unit_test_setup_teardown(maps_are_replaced_without_a_gap, setup, teardown),
		cmocka_unit_test_setup_teardown(counts_go_back_whatever_maps_they_began_in, setup, teardown),
		cmocka_unit_test_setup_teardown(an_interrupted_replacement_is_finished_or_undone, setup, teardown),
		cmocka_unit_test_setup_teardown(what_others_took_away_is_put_back, setup, teardown),
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
