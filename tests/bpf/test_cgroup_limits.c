// SPDX-License-Identifier: Apache-2.0
/* Open connections of endpoints and clusters: counted once, given back once, never more than maxConnections. */
#include "tests/bpf/dialled.h"

static void active_counts_open_connections(void **state)
{
	int first, second, copy;

	(void)state;
	first = scene_connect(VIP, PORT);
	second = scene_connect(VIP6, PORT);
	assert_int_equal(active(), 2);
	assert_int_equal(scene.health[1].active, 1);
	assert_int_equal(scene.health[1].connects, 1);
	copy = dup(first);
	close(first);
	assert_int_equal(active(), 2);
	close(copy);
	assert_int_equal(active(), 1);
	close(second);
	assert_int_equal(active(), 0);
	while (arrived(NULL))
		;
}

/* The peer's reset ends the connection; the application's later close gives nothing back a second time. */
static void active_is_given_back_once(void **state)
{
	struct linger reset = { .l_onoff = 1 };
	int fd = scene_connect(VIP, PORT), server = -1;
	char byte;

	(void)state;
	assert_int_equal(arrived(&server), 1);
	assert_int_equal(active(), 1);
	setsockopt(server, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(server);
	assert_int_equal(read(fd, &byte, 1), -1);
	assert_int_equal(active(), 0);
	scene.health[1].active = 5; /* others */
	close(fd);
	assert_int_equal(scene.health[1].active, 5);
}

static void failed_connect_counts_once(void **state)
{
	__u64 failed = scene_verdict(HDL_VERDICT_CONNECT_FAILED);
	struct scene_address vip = scene_address(VIP, PORT);
	struct hdl_traffic_key key = { .endpoint = 1, .generation = 101, .verdict = HDL_VERDICT_CONNECT_FAILED };
	struct hdl_traffic before = scene_traffic(&key);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	(void)state;
	scene.endpoint[1].port = htons(1); /* nobody listens */
	assert_int_equal(connect(fd, &vip.any, vip.size), -1);
	assert_int_equal(errno, ECONNREFUSED);
	assert_int_equal(scene.health[1].connect_failures, 1);
	assert_int_equal(scene.health[1].connects, 0);
	assert_int_equal(active(), 0);
	assert_int_equal(scene_verdict(HDL_VERDICT_CONNECT_FAILED), failed + 1);
	assert_int_equal(scene_traffic(&key).closed, before.closed + 1);
	/* the same socket tries again and gets the next one */
	assert_int_equal(connect(fd, &vip.any, vip.size), 0);
	assert_int_equal(scene.health[2].active, 1);
	assert_int_equal(active(), 1);
	close(fd);
	assert_int_equal(active(), 0);
	assert_int_equal(scene.health[1].connect_failures, 1);
	assert_int_equal(arrived(NULL), 2);
}

/* An endpoint that drops everything: packets to this address come back in by lo as somebody else's, and are dropped. */
static int connect_into_the_void(void)
{
	struct scene_address vip = scene_address(VIP, PORT);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	scene_endpoint(1, CLUSTER, "192.0.2.1", "", TARGET);
	scene_cluster(CLUSTER, HDL_POLICY_ROUND_ROBIN, 1, 1);
	assert_int_equal(connect(fd, &vip.any, vip.size), -1);
	assert_int_equal(errno, EINPROGRESS);
	assert_int_equal(scene.health[1].active, 1);
	return fd;
}

static void giving_up_is_no_failure(void **state)
{
	struct scene_address none = { .any.sa_family = AF_UNSPEC, .size = sizeof(none.any) };
	int fd = connect_into_the_void();

	(void)state;
	close(fd);
	assert_int_equal(active(), 0);
	assert_int_equal(scene.health[1].connect_failures, 0);
	fd = connect_into_the_void();
	assert_int_equal(connect(fd, &none.any, none.size), 0);
	assert_int_equal(active(), 0);
	assert_int_equal(scene.health[1].connect_failures, 0);
	close(fd);
	assert_int_equal(active(), 0);
}

static void time_out_is_a_failure(void **state)
{
	unsigned int limit_ms = 1;
	int fd = connect_into_the_void(), error = 0;
	socklen_t size = sizeof(error);

	(void)state;
	assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &limit_ms, sizeof(limit_ms)), 0);
	assert_true(scene_ready(fd, POLLOUT));
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size), 0);
	assert_int_equal(error, ETIMEDOUT);
	assert_int_equal(scene.health[1].connect_failures, 1);
	assert_int_equal(active(), 0);
	close(fd);
}

/* A socket that goes elsewhere is no longer the service's: neither its name nor its charge. */
static void reconnect_forgets(void **state)
{
	struct scene_address vip = scene_address(VIP, PORT), direct = scene_address(v4_of[3], TARGET);
	struct scene_address none = { .any.sa_family = AF_UNSPEC, .size = sizeof(none.any) };
	int fd = scene_connect(VIP, PORT);

	(void)state;
	assert_int_equal(connect(fd, &none.any, none.size), 0);
	assert_int_equal(connect(fd, &vip.any, vip.size), 0);
	assert_int_equal(active(), 1);
	assert_int_equal(connect(fd, &none.any, none.size), 0);
	assert_int_equal(connect(fd, &direct.any, direct.size), 0);
	assert_string_equal(scene_peer(fd), "127.1.0.3 8080");
	assert_int_equal(active(), 0);
	close(fd);
	assert_int_equal(active(), 0);
	while (arrived(NULL))
		;
}

/* A connect that found no route never began: its charge is given back by the next one, or by close. */
static void unreachable_endpoint_is_given_back(void **state)
{
	struct scene_address vip = scene_address(VIP, PORT), direct = scene_address(v4_of[3], TARGET);

	(void)state;
	for (int again = 0; again < 3; again++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		usual(NULL);
		scene.endpoint[1].address[HDL_FAMILY_V4] = scene_addr("203.0.113.1");
		assert_int_equal(connect(fd, &vip.any, vip.size), -1);
		assert_int_equal(errno, ENETUNREACH);
		assert_int_equal(scene.health[1].connect_failures, 0);
		if (again == 1) {
			assert_int_equal(connect(fd, &vip.any, vip.size), 0);
			assert_int_equal(active(), 1);
			assert_int_equal(arrived(NULL), 2);
		} else if (again == 2) {
			assert_int_equal(connect(fd, &direct.any, direct.size), 0);
			assert_int_equal(active(), 0);
			assert_int_equal(arrived(NULL), 3);
		}
		close(fd);
		assert_int_equal(active(), 0);
	}
}

/* The id of an endpoint that went away may be another's: nothing is given back to that one. */
static void generation_guards_the_charge(void **state)
{
	int fd = scene_connect(VIP, PORT);

	(void)state;
	assert_int_equal(scene.health[1].active, 1);
	scene.health[1] = (struct hdl_health){ .generation = 999, .active = 7 };
	close(fd);
	assert_int_equal(scene.health[1].active, 7);
	assert_int_equal(arrived(NULL), 1);
}

static int body(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(active_counts_open_connections, usual),
		cmocka_unit_test_setup(active_is_given_back_once, usual),
		cmocka_unit_test_setup(failed_connect_counts_once, usual),
		cmocka_unit_test_setup(giving_up_is_no_failure, usual),
		cmocka_unit_test_setup(time_out_is_a_failure, usual),
		cmocka_unit_test_setup(reconnect_forgets, usual),
		cmocka_unit_test_setup(unreachable_endpoint_is_given_back, usual),
		cmocka_unit_test_setup(generation_guards_the_charge, usual),
	};

	dialled_listen();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	return scene_run(body);
}
