// SPDX-License-Identifier: Apache-2.0
/* connect() in a cgroup: service addresses reach endpoints, getpeername() tells what was dialled, endpoints are charged. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tests/bpf/scene.h"

#define VIP "10.96.0.10"
#define VIP6 "fd96::10"
#define MAPPED_VIP ("::ffff:10.96.0.10")
#define MAPPED_PEER ("::ffff:10.96.0.10 80")
#define PORT 80
#define TARGET 8080
#define SERVICE 1
#define CLUSTER 1
#define ENDPOINTS 3
#define LOOPBACK_TRIES 2000 /* connects of the test of weights */
#define UNKNOWN 0

static int listeners[ENDPOINTS + 1][HDL_FAMILIES]; /* of endpoint 1.. */
static const char *const v4_of[] = { "", "127.1.0.1", "127.1.0.2", "127.1.0.3" };
static const char *const v6_of[] = { "", "fd07::1", "fd07::2", "fd07::3" };

/* Which endpoint has a connection waiting: taken off its queue; 0 = none. */
static __u32 arrived(int *ret_fd)
{
	for (__u32 i = 1; i <= ENDPOINTS; i++) {
		for (int family = 0; family < HDL_FAMILIES; family++) {
			int fd = accept4(listeners[i][family], NULL, NULL, SOCK_CLOEXEC);

			if (fd < 0)
				continue;
			if (ret_fd)
				*ret_fd = fd;
			else
				close(fd);
			return i;
		}
	}
	return 0;
}

/* Connects and tells which endpoint it reached, 0 when refused. */
static __u32 reach(const char *text, unsigned int port)
{
	int fd = scene_connect(text, port);
	__u32 endpoint;

	if (fd < 0)
		return 0;
	endpoint = arrived(NULL);
	assert_int_not_equal(endpoint, 0);
	close(fd);
	return endpoint;
}

/* The usual state: one layer-4 service of both families on one cluster of three endpoints, no daemon. */
static int usual(void **state)
{
	(void)state;
	memset(scene.state, 0, sizeof(*scene.state));
	scene.state->epoch = 1;
	for (__u32 i = 1; i <= ENDPOINTS; i++)
		scene_endpoint(i, CLUSTER, v4_of[i], v6_of[i], TARGET);
	scene_cluster(CLUSTER, HDL_POLICY_ROUND_ROBIN, 1, ENDPOINTS);
	scene_route_to(0, CLUSTER);
	scene_service(SERVICE, VIP, PORT, HDL_LABEL_L4, 0, 1);
	scene_service(SERVICE + 1, VIP6, PORT, HDL_LABEL_L4, 0, 1);
	return 0;
}

static void other_addresses_pass(void **state)
{
	__u64 passed = scene_verdict(HDL_VERDICT_PASS);
	int udp = socket(AF_INET, SOCK_DGRAM, 0);
	struct scene_address vip = scene_address(VIP, PORT);

	(void)state;
	assert_int_equal(reach(v4_of[2], TARGET), 2);
	assert_int_equal(reach(v6_of[3], TARGET), 3);
	assert_int_equal(scene_verdict(HDL_VERDICT_PASS), passed + 2);
	assert_int_equal(scene_connect_error(VIP, PORT + 1), ENETUNREACH);
	/* another protocol is another service */
	assert_int_equal(connect(udp, &vip.any, vip.size), -1);
	assert_int_equal(errno, ENETUNREACH);
	close(udp);
}

static void check_reached(const char *vip, const char *peer)
{
	__u64 balanced = scene_verdict(HDL_VERDICT_BALANCED);
	int fd = scene_connect(vip, PORT);

	assert_true(fd >= 0);
	assert_string_equal(scene_peer(fd), peer);
	assert_int_not_equal(arrived(NULL), 0);
	assert_int_equal(scene_verdict(HDL_VERDICT_BALANCED), balanced + 1);
	close(fd);
}

static void reaches_an_endpoint_v4(void **state)
{
	(void)state;
	check_reached(VIP, VIP " 80");
}

static void reaches_an_endpoint_v6(void **state)
{
	(void)state;
	check_reached(VIP6, VIP6 " 80");
}

/* What a JVM does: the connection is IPv4, the socket IPv6. */
static void reaches_an_endpoint_v4_mapped(void **state)
{
	(void)state;
	check_reached(MAPPED_VIP, MAPPED_PEER);
}

static void round_robin_is_strict(void **state)
{
	(void)state;
	for (__u32 i = 0; i < 30; i++)
		assert_int_equal(reach(i % 2 ? VIP : VIP6, PORT), i % ENDPOINTS + 1);
}

/* Promise P1: 0 never wins, 100 always does, 90/10 within 6 standard deviations. */
static void weights_hold(void **state)
{
	const __u32 clusters[] = { 2, 3, 4 }, weights[] = { 90, 0, 10 }, all[] = { 0, 0, 5 };
	unsigned int count[ENDPOINTS + 1] = { 0 };

	(void)state;
	for (__u32 i = 1; i <= ENDPOINTS; i++)
		scene_cluster(1 + i, HDL_POLICY_LEAST_REQUEST, i, 1);
	scene.service[SERVICE].version[0].route_count = 3;
	scene_route(0, clusters, weights, 3);
	for (int i = 0; i < LOOPBACK_TRIES; i++)
		count[reach(VIP, PORT)]++;
	assert_int_equal(count[2], 0);
	assert_in_range(count[3], 200 - 81, 200 + 81); /* sigma 13.4 */
	scene_route(0, clusters, all, 3);
	for (int i = 0; i < 200; i++)
		assert_int_equal(reach(VIP, PORT), 3);
}

static void check_refused(__u32 verdict)
{
	__u64 before = scene_verdict(verdict);

	assert_int_equal(scene_connect_error(VIP, PORT), ECONNREFUSED);
	assert_int_equal(scene_connect_error(MAPPED_VIP, PORT), ECONNREFUSED);
	assert_int_equal(scene_verdict(verdict), before + 2);
}

static void refuses_with_reason(void **state)
{
	(void)state;
	scene.route[0].cluster = HDL_CLUSTER_NONE;
	check_refused(HDL_VERDICT_NO_CLUSTER);
	scene.route[0].cluster = 77; /* an id without a record */
	check_refused(HDL_VERDICT_NO_CLUSTER);
	scene.service[SERVICE].version[0].route_count = 0;
	check_refused(HDL_VERDICT_NO_ROUTE);
	usual(NULL);
	scene_cluster(CLUSTER, HDL_POLICY_ROUND_ROBIN, 1, 0);
	check_refused(HDL_VERDICT_NO_HEALTHY);
	scene_endpoint(1, CLUSTER, "", v6_of[1], TARGET);
	scene_cluster(CLUSTER, HDL_POLICY_ROUND_ROBIN, 1, 1);
	check_refused(HDL_VERDICT_NO_FAMILY);
	assert_int_equal(reach(VIP6, PORT), 1);
}

static void avoids_the_ejected(void **state)
{
	(void)state;
	scene.health[2].ejected_until_ns = HDL_EJECTED_BY_HAND;
	for (int i = 0; i < 20; i++)
		assert_int_equal(reach(VIP, PORT), i % 2 ? 3 : 1);
	scene.health[1].ejected_until_ns = scene.health[3].ejected_until_ns = HDL_EJECTED_BY_HAND;
	check_refused(HDL_VERDICT_NO_HEALTHY);
}

/* Promise P3: with no daemon the time alone brings an endpoint back, and its budget with it. */
static void ejection_ends_without_daemon(void **state)
{
	(void)state;
	for (__u32 i = 1; i <= ENDPOINTS; i++)
		scene.health[i].ejected_until_ns = scene_now_ns();
	scene.balance[CLUSTER].ejected = ENDPOINTS;
	for (__u32 i = 0; i < ENDPOINTS; i++)
		assert_int_not_equal(reach(VIP, PORT), 0);
	assert_int_equal(scene.balance[CLUSTER].ejected, 0);
	/* while there is one, it is the daemon's sweep that gives back */
	for (__u32 i = 1; i <= ENDPOINTS; i++)
		scene.health[i].ejected_until_ns = scene_now_ns();
	scene.balance[CLUSTER].ejected = ENDPOINTS;
	scene.state->heartbeat_ns = scene_now_ns();
	for (__u32 i = 0; i < ENDPOINTS; i++)
		assert_int_not_equal(reach(VIP, PORT), 0);
	assert_int_equal(scene.balance[CLUSTER].ejected, ENDPOINTS);
}

static __u32 active(void)
{
	return scene.health[1].active + scene.health[2].active + scene.health[3].active;
}

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

/* Dialled directly, an endpoint is called by its own name, although the service led there before. */
static void reconnect_to_the_same_endpoint(void **state)
{
	struct scene_address none = { .any.sa_family = AF_UNSPEC, .size = sizeof(none.any) };
	struct scene_address direct = scene_address(v4_of[1], TARGET);
	int fd = scene_connect(VIP, PORT);

	(void)state;
	assert_int_equal(arrived(NULL), 1);
	assert_int_equal(connect(fd, &none.any, none.size), 0);
	assert_int_equal(connect(fd, &direct.any, direct.size), 0);
	assert_int_equal(arrived(NULL), 1);
	assert_string_equal(scene_peer(fd), "127.1.0.1 8080");
	close(fd);
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

static void transfer(int from, int to, size_t n)
{
	char buffer[4096] = { 0 };

	for (size_t sent = 0; sent < n;) {
		ssize_t w = write(from, buffer, n - sent < sizeof(buffer) ? n - sent : sizeof(buffer));

		assert_true(w > 0);
		sent += (size_t)w;
		for (ssize_t left = w; left > 0;) {
			ssize_t r = read(to, buffer, (size_t)left);

			assert_true(r > 0);
			left -= r;
		}
	}
}

enum ending { CLIENT_FIRST, SERVER_FIRST, CLIENT_RESETS, SERVER_RESETS, ENDINGS };

static void end_connection(int fd, int server, enum ending ending)
{
	struct linger reset = { .l_onoff = 1 };
	int first = ending == CLIENT_FIRST || ending == CLIENT_RESETS ? fd : server, second = first == fd ? server : fd;
	char byte;

	if (ending == CLIENT_RESETS || ending == SERVER_RESETS)
		setsockopt(first, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(first);
	assert_true(read(second, &byte, 1) <= 0);
	close(second);
}

/* Specification E.2: payload bytes, without the sequence numbers of SYN and FIN, however the connection ends. */
static void bytes_are_counted(void **state)
{
	struct hdl_workload client = { .id = 42, .cookie = scene.cookie };
	struct hdl_traffic_key key = {
		.workload = 42, .endpoint = 1, .generation = 101, .verdict = HDL_VERDICT_BALANCED
	};
	int workload = bpf_map__fd(scene.skel->maps.workload);

	(void)state;
	scene_cluster(CLUSTER, HDL_POLICY_ROUND_ROBIN, 1, 1);
	assert_int_equal(bpf_map_update_elem(workload, &scene.cookie, &client, BPF_ANY), 0);
	for (int ending = 0; ending < ENDINGS; ending++) {
		struct hdl_traffic before = scene_traffic(&key), now;
		int fd = scene_connect(VIP, PORT), server = -1;

		assert_int_equal(arrived(&server), 1);
		transfer(fd, server, 10000);
		transfer(server, fd, 123456);
		assert_int_equal(scene_traffic(&key).opened, before.opened + 1);
		end_connection(fd, server, (enum ending)ending);
		now = scene_traffic(&key);
		/* a FIN may be on its way still: the kernel closes when it is acknowledged */
		for (int i = 0; now.closed == before.closed && i < 3000; i++, now = scene_traffic(&key))
			usleep(1000);
		assert_int_equal(now.closed, before.closed + 1);
		assert_int_equal(now.received_bytes - before.received_bytes, 10000);
		assert_int_equal(now.sent_bytes - before.sent_bytes, 123456);
	}
	bpf_map_delete_elem(workload, &scene.cookie);
}

static void service_version_of_the_epoch(void **state)
{
	struct hdl_service *service = &scene.service[SERVICE];

	(void)state;
	service->version[1] = service->version[0];
	service->version[1].epoch = 2;
	service->version[1].route_count = 0;
	assert_int_not_equal(reach(VIP, PORT), 0);
	scene.state->epoch = 2;
	check_refused(HDL_VERDICT_NO_ROUTE);
	/* a tombstone is no service */
	service->version[0] = service->version[1];
	service->version[0].epoch = 3;
	service->version[0].label = HDL_LABEL_NONE;
	scene.state->epoch = 3;
	assert_int_equal(scene_connect_error(VIP, PORT), ENETUNREACH);
	/* not in force yet: neither */
	*service = (struct hdl_service){ .version[0] = service->version[0] };
	service->version[0].epoch = 4;
	assert_int_equal(scene_connect_error(VIP, PORT), ENETUNREACH);
}

/* A recycled hash element can name another service's id: its own key unmasks it. */
static void stale_id_is_recognised(void **state)
{
	__u64 stale = scene_verdict(HDL_VERDICT_STALE_RECORD);

	(void)state;
	scene_vip(VIP, PORT, SERVICE + 1);
	assert_int_equal(scene_connect_error(VIP, PORT), ENETUNREACH);
	assert_int_equal(scene_verdict(HDL_VERDICT_STALE_RECORD), stale + 2);
}

static void passthrough_keeps_the_address(void **state)
{
	(void)state;
	scene_vip(v4_of[2], TARGET, SERVICE + 2);
	scene_service(SERVICE + 2, v4_of[2], TARGET, HDL_LABEL_L4, 0, 1);
	scene.cluster[CLUSTER].version[0].policy = HDL_POLICY_PASSTHROUGH;
	for (int i = 0; i < 3; i++)
		assert_int_equal(reach(v4_of[2], TARGET), 2);
	scene.service[SERVICE + 2] = (struct hdl_service){ 0 };
}

/* Reaches the vip from a bound source address. */
static __u32 reach_from(const char *source)
{
	struct scene_address from = scene_address(source, 0), vip = scene_address(VIP, PORT);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	__u32 endpoint;

	assert_int_equal(bind(fd, &from.any, from.size), 0);
	assert_int_equal(connect(fd, &vip.any, vip.size), 0);
	endpoint = arrived(NULL);
	close(fd);
	return endpoint;
}

/* Specification C.3, useSourceIp: table[XXH64(address text) mod size]. */
static void source_hash_decides(void **state)
{
	struct hdl_cluster_version *cluster = &scene.cluster[CLUSTER].version[0];
	struct hdl_workload client = { .id = 1, .cookie = scene.cookie, .address = { scene_addr("127.0.0.77") } };
	int workload = bpf_map__fd(scene.skel->maps.workload);
	unsigned int count[ENDPOINTS + 1] = { 0 };
	struct hdl_addr source;

	(void)state;
	cluster->policy = HDL_POLICY_MAGLEV;
	cluster->hash_input = HDL_HASH_SOURCE_IP;
	cluster->table[HDL_FAMILY_V4] = (struct hdl_range){ 1000, 7 };
	for (__u32 i = 0; i < 7; i++)
		scene.slot[1000 + i] = i % ENDPOINTS + 1;
	for (int i = 0; i < 200; i++)
		count[reach(VIP, PORT)]++;
	assert_true(count[1] && count[2] && count[3]); /* nothing known: random */
	for (unsigned int i = 1; i < 40; i++) {
		char text[32];

		snprintf(text, sizeof(text), "127.0.0.%u", i);
		source = scene_addr(text);
		assert_int_equal(reach_from(text), scene.slot[1000 + hdl_core_hash_address(&source) % 7]);
	}
	assert_int_equal(bpf_map_update_elem(workload, &scene.cookie, &client, BPF_ANY), 0);
	source = client.address[0];
	for (int i = 0; i < 20; i++)
		assert_int_equal(reach(VIP, PORT), scene.slot[1000 + hdl_core_hash_address(&source) % 7]);
	bpf_map_delete_elem(workload, &scene.cookie);
}

/* --- services that need requests --- */

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
		cmocka_unit_test_setup(other_addresses_pass, usual),
		cmocka_unit_test_setup(reaches_an_endpoint_v4, usual),
		cmocka_unit_test_setup(reaches_an_endpoint_v6, usual),
		cmocka_unit_test_setup(reaches_an_endpoint_v4_mapped, usual),
		cmocka_unit_test_setup(round_robin_is_strict, usual),
		cmocka_unit_test_setup(weights_hold, usual),
		cmocka_unit_test_setup(refuses_with_reason, usual),
		cmocka_unit_test_setup(avoids_the_ejected, usual),
		cmocka_unit_test_setup(ejection_ends_without_daemon, usual),
		cmocka_unit_test_setup(active_counts_open_connections, usual),
		cmocka_unit_test_setup(active_is_given_back_once, usual),
		cmocka_unit_test_setup(failed_connect_counts_once, usual),
		cmocka_unit_test_setup(giving_up_is_no_failure, usual),
		cmocka_unit_test_setup(time_out_is_a_failure, usual),
		cmocka_unit_test_setup(reconnect_forgets, usual),
		cmocka_unit_test_setup(unreachable_endpoint_is_given_back, usual),
		cmocka_unit_test_setup(reconnect_to_the_same_endpoint, usual),
		cmocka_unit_test_setup(generation_guards_the_charge, usual),
		cmocka_unit_test_setup(bytes_are_counted, usual),
		cmocka_unit_test_setup(service_version_of_the_epoch, usual),
		cmocka_unit_test_setup(stale_id_is_recognised, usual),
		cmocka_unit_test_setup(passthrough_keeps_the_address, usual),
		cmocka_unit_test_setup(source_hash_decides, usual),
		cmocka_unit_test_setup(fails_open_or_closed, usual),
		cmocka_unit_test_setup(host_process_reaches_a_worker, usual),
		cmocka_unit_test_setup(pod_needs_tc, usual),
		cmocka_unit_test_setup(daemon_is_exempt, usual),
	};

	scene_command("ip route add 192.0.2.0/24 dev lo");
	for (__u32 i = 1; i <= ENDPOINTS; i++) {
		char command[96];

		snprintf(command, sizeof(command), "ip -6 addr add %s/128 dev lo nodad", v6_of[i]);
		scene_command(command);
		listeners[i][HDL_FAMILY_V4] = scene_listen(v4_of[i], TARGET, NULL);
		listeners[i][HDL_FAMILY_V6] = scene_listen(v6_of[i], TARGET, NULL);
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	return scene_run(body);
}
