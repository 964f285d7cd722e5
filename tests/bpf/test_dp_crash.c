/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timeout: 400
 * kill -9 at any step, with real maps and hooks under connections: of a publication, and of a replacement of the maps, the
 * changes of links one by one included. No connection fails, none mixes epochs, and the next daemon finds all in order.
 */
#include "tests/bpf/history.h"
#include <sys/syscall.h>
#include "dp/publisher.h"

/* --- dying --------------------------------------------------------------------------------------------------------- */

static unsigned int left; /* steps until then; 0 = never */

static void step(void *data)
{
	(void)data;
	if (left && --left == 0)
		raise(SIGKILL);
}

/* What a replacement consists of, as seen by the kernel: these stand before those of the libraries. */
int bpf_link_update(int link_fd, int program_fd, const struct bpf_link_update_opts *opts)
{
	union bpf_attr attr = { .link_update = { .link_fd = (__u32)link_fd, .new_prog_fd = (__u32)program_fd } };

	(void)opts;
	step(NULL);
	return syscall(SYS_bpf, BPF_LINK_UPDATE, &attr, sizeof(attr)) == 0 ? 0 : -errno;
}

int rename(const char *from, const char *to)
{
	step(NULL);
	return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int mkdir(const char *path, mode_t mode)
{
	step(NULL);
	return (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

/* Runs in a child that dies at the n-th step. True: it got to the end before that. */
static bool survives(unsigned int n, void (*run)(void *data), void *data)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		left = n;
		run(data);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFSIGNALED(status))
		assert_int_equal(WTERMSIG(status), SIGKILL);
	else
		assert_int_equal(WEXITSTATUS(status), 0);
	return WIFEXITED(status);
}

/* --- connections meanwhile ----------------------------------------------------------------------------------------- */

struct scene {
	struct history *h;
	int listener[2];
	pid_t servers, client;
};

static void begin(struct scene *s, const struct daemon *d)
{
	s->h = mmap(NULL, sizeof(*s->h), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	s->client = start_client(d, s->h);
}

/* Some more, so that each state of the maps is met. */
static void wait_for_connections(const struct scene *s, unsigned int more)
{
	unsigned int seen = atomic_load(&s->h->connections);

	while (atomic_load(&s->h->connections) < seen + more && !atomic_load(&s->h->failed))
		sched_yield();
}

static void end(struct scene *s)
{
	atomic_store(&s->h->stop, true);
	assert_int_equal(waitpid(s->client, NULL, 0), s->client);
	assert_int_equal(atomic_load(&s->h->failed), 0);
	assert_int_equal(atomic_load(&s->h->mixed), 0);
	assert_int_equal(atomic_load(&s->h->outside), 0);
	munmap(s->h, sizeof(*s->h));
}

/* --- publications -------------------------------------------------------------------------------------------------- */

static void adopt_and_publish(void *data)
{
	struct daemon *d = data;

	d->publisher = hdl_publisher_new(&d->maps, &err);
	if (!d->publisher)
		_exit(1);
	hdl_publisher_set_step(d->publisher, step, NULL);
	publish_next(d);
	hdl_publisher_reap(d->publisher);
}

static void a_publisher_dies_at_any_step(void **state)
{
	struct scene *s = *state;
	const struct hdl_dp_audit *audit;
	unsigned int steps = 1;
	struct daemon d;
	uint64_t epoch;

	start(&d);
	publish_next(&d);
	begin(s, &d);
	hdl_publisher_free(d.publisher);
	d.publisher = NULL;
	while (!survives(steps, adopt_and_publish, &d)) {
		wait_for_connections(s, 2);
		/* the next one finds nothing that it must repair, and goes on from the epoch in force */
		epoch = d.maps.state->epoch;
		adopt_and_publish(&d);
		audit = hdl_publisher_audit(d.publisher);
		assert_true(audit->adopted && audit->done);
		assert_int_equal(audit->repaired, 0);
		assert_int_equal(d.maps.state->epoch, epoch + 1);
		hdl_publisher_free(d.publisher);
		d.publisher = NULL;
		wait_for_connections(s, 2);
		steps++;
	}
	printf("killed at each of %u steps, %u connections\n", steps - 1, atomic_load(&s->h->connections));
	assert_true(steps > 10);
	end(s);
	die(&d);
}

/* --- replacements -------------------------------------------------------------------------------------------------- */

static void must(bool right, const char *what)
{
	if (right)
		return;
	printf("%s: %s\n", what, err.text);
	fflush(stdout);
	_exit(1);
}

/* As heddled does it: what is new is published before the hooks get to it. */
static void replace(void *data)
{
	struct daemon *d = data;

	must(hdl_load_open(&conf, &d->load, &report, &err) == 0, "open");
	d->maps = (struct hdl_dp_maps){ .state_fd = -1 };
	hdl_load_fds(d->load, &d->maps);
	must(hdl_dp_maps_open(&d->maps, &err) == 0, "maps");
	d->publisher = hdl_publisher_new(&d->maps, &err);
	must(d->publisher, "adoption");
	publish(d);
	must(hdl_load_attach(d->load, &report, &err) == 0, "attach");
}

static void dial_on(struct shared *shared)
{
	const struct hdl_vip_key key = world_key(0, 0);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	join_cgroup(cgroup);
	while (!atomic_load(&shared->stop)) {
		if (dial(&key) != 0)
			atomic_fetch_add(&shared->failures, 1);
		atomic_fetch_add(&shared->dials, 1);
	}
	_exit(0);
}

/* One before the new set is whole, and then between links and between names: each way with and without the contents. */
static void a_replacement_ends_at_any_step(void **state)
{
	static const unsigned int when[] = { 1, 5, 8, 12, 20 };
	const struct hdl_dp_capacity usual = conf.capacity;
	struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned int killed = 0;
	struct daemon d;
	pid_t child;

	(void)state;
	start_server();
	replace(&d);
	child = fork();
	if (child == 0)
		dial_on(shared);
	for (size_t i = 0; i < sizeof(when) / sizeof(when[0]); i++) {
		unsigned int before = atomic_load(&shared->dials);

		if (i % 2)
			d.maps.state->abi_version = HDL_ABI_VERSION + 1;
		else
			conf.capacity.endpoints += 64;
		die(&d);
		/* directories that are there are made again: those steps are the same with each start */
		killed += !survives(when[i] + 4, replace, &d);
		while (atomic_load(&shared->dials) < before + 10)
			sched_yield();
		replace(&d);
		assert_true(report.adopted);
		assert_int_equal(report.links_new, 0);
		assert_false(pinned("next"));
		assert_int_equal(d.maps.state->renewing, HDL_RENEWING_NO);
		assert_int_equal(hdl_publisher_audit(d.publisher)->repaired, 0);
		for (uint32_t e = 1; e < d.maps.endpoint_count; e++)
			assert_true(d.maps.health[e].active < 1000); /* neither below 0 nor on the plinth */
	}
	assert_true(killed > 2);
	atomic_store(&shared->stop, true);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(atomic_load(&shared->failures), 0);
	munmap(shared, sizeof(*shared));
	conf.capacity = usual;
	die(&d);
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
}

static struct scene the_scene;

static int group_setup(void **state)
{
	the_scene.listener[0] = listen_at(&port[0]);
	the_scene.listener[1] = listen_at(&port[1]);
	the_scene.servers = serve(the_scene.listener);
	*state = &the_scene;
	return 0;
}

static int group_teardown(void **state)
{
	struct scene *s = *state;

	kill(s->servers, SIGKILL);
	waitpid(s->servers, NULL, 0);
	return 0;
}

/* The state of the group is that of the tests. */
static int make(void **state)
{
	void *unused = NULL;

	(void)state;
	return setup(&unused);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_publisher_dies_at_any_step, make, teardown),
		cmocka_unit_test_setup_teardown(a_replacement_ends_at_any_step, make, teardown),
	};
	char root[256];

	hdl_test_need_bpf();
	if (hdl_features_cgroup_root(root, sizeof(root)) < 0) {
		printf("no cgroup2 is mounted\n");
		return HDL_TEST_SKIP;
	}
	snprintf(bpffs, sizeof(bpffs), "/sys/fs/bpf/heddle-test-%d", getpid());
	snprintf(other_bpffs, sizeof(other_bpffs), "%s-other", bpffs);
	snprintf(cgroup, sizeof(cgroup), "%s/heddle-test-%d", root, getpid());
	snprintf(other_cgroup, sizeof(other_cgroup), "%s-other", cgroup);
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
