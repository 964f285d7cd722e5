// SPDX-License-Identifier: Apache-2.0
/* Who may go where: classes of clients, NodePorts, REGISTRY_ONLY, sessionAffinity, services that need requests. */
#include "tests/bpf/dialled.h"

static void label_request(__u8 fail_mode)
{
	for (__u32 id = SERVICE; id <= SERVICE + 1; id++) {
		scene.service[id].version[0].label = HDL_LABEL_REQUEST;
		scene.service[id].version[0].fail_mode = fail_mode;
	}
}

static void check_fail_open(__u64 no_path)
{
	__u64 open = scene_verdict(HDL_VERDICT_FAILED_OPEN), without = scene_verdict(HDL_VERDICT_NO_PUNT_PATH);

	assert_int_not_equal(reach(VIP, PORT), 0);
	assert_int_not_equal(reach(VIP6, PORT), 0);
	assert_int_equal(scene_verdict(HDL_VERDICT_FAILED_OPEN), open + 2);
	assert_int_equal(scene_verdict(HDL_VERDICT_NO_PUNT_PATH), without + no_path);
}

static unsigned int worker_port[HDL_FAMILIES];

/* Two workers announced, the second with listeners; returned through fds. */
static void start_worker(int fds[HDL_FAMILIES])
{
	fds[HDL_FAMILY_V4] = scene_listen("127.0.0.1", 0, &worker_port[HDL_FAMILY_V4]);
	fds[HDL_FAMILY_V6] = scene_listen("::1", 0, &worker_port[HDL_FAMILY_V6]);
	for (int family = 0; family < HDL_FAMILIES; family++)
		scene_worker(1, family, fds[family], worker_port[family]);
	scene.state->worker_count = 2;
	scene.state->heartbeat_ns = scene_now_ns();
}

static void fails_open_or_closed(void **state)
{
	int fds[HDL_FAMILIES];

	(void)state;
	label_request(HDL_FAIL_OPEN);
	start_worker(fds);
	scene.state->host_netns_cookie = scene.cookie;
	scene.state->heartbeat_ns = 0;
	check_fail_open(0); /* listeners, but no heartbeat at all */
	scene.state->heartbeat_ns = scene_now_ns() - HDL_HEARTBEAT_STALE_NS;
	check_fail_open(0); /* a stale one */
	close(fds[0]);
	close(fds[1]);
	scene.state->heartbeat_ns = scene_now_ns();
	check_fail_open(0); /* a fresh one, but no listener */
	label_request(HDL_FAIL_CLOSED);
	check_refused(HDL_VERDICT_FAILED_CLOSED);
	scene.state->heartbeat_ns = 0;
	check_refused(HDL_VERDICT_FAILED_CLOSED);
}

static void check_origin(int accepted, unsigned int listener_port, const char *vip)
{
	struct scene_address client = { .size = sizeof(client.v6) };
	struct hdl_origin_key key = { .listener_port = htons((uint16_t)listener_port) };
	struct hdl_addr dialled = scene_addr(vip);
	struct hdl_origin origin;

	assert_int_equal(getpeername(accepted, &client.any, &client.size), 0);
	key.client_port = client.v4.sin_port;
	if (client.any.sa_family == AF_INET)
		key.client_address = hdl_addr_from_v4(client.v4.sin_addr.s_addr);
	else
		memcpy(&key.client_address, &client.v6.sin6_addr, sizeof(key.client_address));
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(scene.skel->maps.origin), &key, &origin), 0);
	assert_true(hdl_addr_equal(&origin.address, &dialled));
	assert_int_equal(origin.port, htons(PORT));
	assert_int_equal(origin.uid, 0);
	assert_int_equal(origin.netns_cookie, scene.cookie);
}

/* A process of the node: led to a worker, which learns what was dialled. */
static void host_process_reaches_a_worker(void **state)
{
	static const char *const dialled[] = { VIP, VIP6, MAPPED_VIP };
	static const char *const peers[] = { (VIP " 80"), (VIP6 " 80"), MAPPED_PEER };
	__u64 punted = scene_verdict(HDL_VERDICT_PUNTED_HOST);
	int fds[HDL_FAMILIES];

	(void)state;
	label_request(HDL_FAIL_CLOSED);
	scene.state->host_netns_cookie = scene.cookie;
	start_worker(fds);
	for (int i = 0; i < 3; i++) {
		int family = i == 1, fd = scene_connect(dialled[i], PORT), accepted;

		assert_true(fd >= 0);
		accepted = accept4(fds[family], NULL, NULL, SOCK_CLOEXEC);
		assert_true(accepted >= 0);
		assert_string_equal(scene_peer(fd), peers[i]);
		check_origin(accepted, worker_port[family], dialled[i]);
		close(accepted);
		close(fd);
	}
	assert_int_equal(scene_verdict(HDL_VERDICT_PUNTED_HOST), punted + 3);
	assert_int_equal(active(), 0);
	close(fds[0]);
	close(fds[1]);
	/* the listeners are gone, and with them the entries of the map */
	check_refused(HDL_VERDICT_FAILED_CLOSED);
}

/* A pod: tc takes its packets; without a tc program there the fail mode holds. */
static void pod_needs_tc(void **state)
{
	struct hdl_workload client = { .id = 3, .cookie = scene.cookie, .flags = HDL_WORKLOAD_TC };
	int workload = bpf_map__fd(scene.skel->maps.workload), fds[HDL_FAMILIES];
	__u64 refused = scene_verdict(HDL_VERDICT_FAILED_CLOSED);

	(void)state;
	start_worker(fds);
	label_request(HDL_FAIL_OPEN);
	check_fail_open(2);
	label_request(HDL_FAIL_CLOSED);
	assert_int_equal(scene_connect_error(VIP, PORT), ECONNREFUSED);
	assert_int_equal(scene_verdict(HDL_VERDICT_FAILED_CLOSED), refused + 1);
	assert_int_equal(bpf_map_update_elem(workload, &scene.cookie, &client, BPF_ANY), 0);
	assert_int_equal(scene_connect_error(VIP, PORT), ENETUNREACH); /* left as it was; here is no route */
	/* a record of another namespace under this key is not believed */
	client.cookie++;
	assert_int_equal(bpf_map_update_elem(workload, &scene.cookie, &client, BPF_ANY), 0);
	assert_int_equal(scene_connect_error(VIP, PORT), ECONNREFUSED);
	bpf_map_delete_elem(workload, &scene.cookie);
	close(fds[0]);
	close(fds[1]);
}

static void daemon_is_exempt(void **state)
{
	__u64 exempt = scene_verdict(HDL_VERDICT_EXEMPT);
	int status = -1;
	pid_t child;

	(void)state;
	scene.state->worker_uid = 4711;
	child = fork();
	if (child == 0)
		_exit(setuid(4711) == 0 && scene_connect_error(VIP, PORT) == ENETUNREACH ? 0 : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(scene_verdict(HDL_VERDICT_EXEMPT), exempt + 1);
	assert_int_not_equal(reach(VIP, PORT), 0);
}

static int body(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(fails_open_or_closed, usual),
		cmocka_unit_test_setup(host_process_reaches_a_worker, usual),
		cmocka_unit_test_setup(pod_needs_tc, usual),
		cmocka_unit_test_setup(daemon_is_exempt, usual),
	};

	dialled_listen();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	return scene_run(body);
}
