/* SPDX-License-Identifier: Apache-2.0 */
/*
 * History of connections under changes as fast as they can be published (promise P2): each connection was decided by one
 * epoch that was in force while it was made, went where that epoch says, and none failed.
 */
#include "tests/bpf/history.h"

#define FLIPS 400

static void each_connection_is_explained_by_one_epoch(void **state)
{
	struct history *h = mmap(NULL, sizeof(*h), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int listener[2] = { listen_at(&port[0]), listen_at(&port[1]) };
	pid_t servers = serve(listener), client[2];
	struct daemon d;

	(void)state;
	start(&d);
	publish_next(&d);
	for (int i = 0; i < 2; i++)
		client[i] = start_client(&d, h);
	for (int i = 0; i < FLIPS; i++) {
		unsigned int seen = atomic_load(&h->connections);

		publish_next(&d);
		hdl_publisher_reap(d.publisher);
		/* so that most epochs are seen, and flips still come at any time of a connection */
		while (i % 2 && atomic_load(&h->connections) == seen && !atomic_load(&h->failed))
			sched_yield();
	}
	atomic_store(&h->stop, true);
	for (int i = 0; i < 2; i++)
		assert_int_equal(waitpid(client[i], NULL, 0), client[i]);
	printf("%u connections, %u changes of epoch seen, %u flips\n", atomic_load(&h->connections),
	       atomic_load(&h->epochs), FLIPS);
	assert_int_equal(atomic_load(&h->failed), 0);
	assert_int_equal(atomic_load(&h->outside), 0);
	assert_int_equal(atomic_load(&h->mixed), 0);
	assert_true(atomic_load(&h->connections) >= FLIPS / 2);
	assert_true(atomic_load(&h->epochs) > FLIPS / 4);
	kill(servers, SIGKILL);
	waitpid(servers, NULL, 0);
	close(listener[0]);
	close(listener[1]);
	munmap(h, sizeof(*h));
	die(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_connection_is_explained_by_one_epoch, setup, teardown),
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
	return cmocka_run_group_tests(tests, NULL, NULL);
}
