/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Life of what the keeper leaves in the kernel: loaded and pinned, adopted by the next daemon without a connection being
 * missed, refused where it belongs to somebody else, and removed without trace. In a cgroup and a bpffs directory of its
 * own. Promises P2, P3.
 */
#include "unit/dp/world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "tests/bpf/kernel.h"
#include "base/rand.h"
#include "dp/counters.h"
#include "dp/features.h"
#include "dp/links.h"
#include "dp/load.h"
#include "dp/lock.h"
#include "dp/renew.h"
#include "dp/uninstall.h"

static char bpffs[128], other_bpffs[160], cgroup[512], other_cgroup[540];
static struct hdl_load_conf conf = {
	.bpffs = bpffs,
	.cgroup = cgroup,
	.capacity = { .services = 64, .endpoints = 64, .flows = 256 },
	.packet_mark = 0x01000000,
	.packet_mask = 0x0f000000,
	.route_table = 77001,
};
static struct hdl_load_report report;
static struct hdl_err err;

static void check(int r)
{
	if (r < 0)
		fail_msg("%s", err.text);
}

/* As the keeper does it, and the worker after it. */
struct daemon {
	struct hdl_load *load;
	struct hdl_dp_maps maps;
	struct hdl_publisher *publisher;
};

static void start(struct daemon *d)
{
	check(hdl_load_open(&conf, &d->load, &report, &err));
	check(hdl_load_attach(d->load, &report, &err));
	d->maps = (struct hdl_dp_maps){ .state_fd = -1 };
	hdl_load_fds(d->load, &d->maps);
	check(hdl_dp_maps_open(&d->maps, &err));
	d->publisher = hdl_publisher_new(&d->maps, &err);
	if (!d->publisher)
		fail_msg("%s", err.text);
}

/* What kill -9 leaves: descriptors closed, nothing tidied up. */
static void die(struct daemon *d)
{
	hdl_publisher_free(d->publisher);
	hdl_dp_maps_close(&d->maps);
	hdl_load_free(d->load);
}

static int uninstall(const char *path)
{
	struct hdl_uninstall_report removed;

	return hdl_uninstall(path, &removed, &err);
}

static int setup(void **state)
{
	(void)state;
	check(hdl_load_prepare_bpffs(bpffs, &err));
	mkdir(cgroup, 0755);
	mkdir(other_cgroup, 0755);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	uninstall(bpffs);
	uninstall(other_bpffs);
	rmdir(cgroup);
	rmdir(other_cgroup);
	return 0;
}

/* --- clients ------------------------------------------------------------------------------------------------------- */

static int server_fd;
static pid_t server;
static uint16_t server_port;

static void start_server(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t size = sizeof(address);

	server_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server_fd, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(server_fd, 4096), 0);
	assert_int_equal(getsockname(server_fd, (struct sockaddr *)&address, &size), 0);
	server_port = ntohs(address.sin_port);
	server = fork();
	if (server != 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) { /* a queue that nobody empties would soon refuse */
		int fd = accept4(server_fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0)
			close(fd);
	}
}

static int dial(const struct hdl_vip_key *key)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = key->port };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error = 0;
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	socklen_t size = sizeof(error);

	address.sin_addr.s_addr = key->address.word[3];
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		if (errno != EINPROGRESS)
			error = errno;
		else if (poll(&p, 1, 3000) != 1)
			error = ETIMEDOUT;
		else
			getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	}
	close(fd);
	return error;
}

static void join_cgroup(const char *path)
{
	char file[600], text[32];
	int fd, n;

	snprintf(file, sizeof(file), "%s/cgroup.procs", path);
	fd = open(file, O_WRONLY | O_CLOEXEC);
	n = snprintf(text, sizeof(text), "%d", getpid());
	if (fd < 0 || write(fd, text, (size_t)n) != n)
		_exit(90);
	close(fd);
}

/* Runs one dial in the cgroup; errno of it. */
static int dial_in_cgroup(const struct hdl_vip_key *key)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		join_cgroup(cgroup);
		_exit(dial(key));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WEXITSTATUS(status);
}

/* One service at an address that leads nowhere, in front of the test's server. */
static struct hdl_snapshot *server_snapshot(void)
{
	struct world w = { .cluster = { { true, false, 1, 0 } }, .service = { { true, 1, HDL_LABEL_L4, { 1 } } } };
	struct hdl_snapshot *s = world_snapshot(&w);

	s->clusters[0]->endpoints[0].address[HDL_FAMILY_V4] = hdl_addr_from_v4(htonl(INADDR_LOOPBACK));
	s->clusters[0]->endpoints[0].port = server_port;
	return s;
}

static void publish(struct daemon *d)
{
	struct hdl_snapshot *s = server_snapshot();

	check(hdl_publish(d->publisher, s, &err));
	hdl_snapshot_unref(s);
}

/* --- tests --------------------------------------------------------------------------------------------------------- */

static bool pinned(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", bpffs, name);
	return access(path, F_OK) == 0;
}

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

struct shared {
	atomic_bool stop;
	atomic_uint dials, failures;
};

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
	assert_int_equal(health->active, 5);
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
	for (int i = 0; i < 9; i++) {
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

/* Killed before the new set was ready: it is thrown away. After: it takes its place, however far that had got. */
static void an_interrupted_replacement_is_finished_or_undone(void **state)
{
	const struct hdl_dp_capacity small = conf.capacity;
	struct hdl_vip_key key = world_key(0, 0);
	struct daemon d;

	(void)state;
	start_published(&d);
	for (int step = 0; step < 4; step++) {
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
		cmocka_unit_test_setup_teardown(a_larger_capacity_moves_the_maps, setup, teardown),
		cmocka_unit_test_setup_teardown(maps_are_replaced_without_a_gap, setup, teardown),
		cmocka_unit_test_setup_teardown(an_interrupted_replacement_is_finished_or_undone, setup, teardown),
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
