// SPDX-License-Identifier: Apache-2.0
/* TCP connect() in a cgroup: service addresses reach endpoints, and getpeername() tells what was dialled. */
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include "tests/bpf/dialled.h"

#define LOOPBACK_TRIES 2000 /* connects of the test of weights */

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

/* --- other ways to connect ---------------------------------------------------------------------------------------- */

/* TCP fast open: the first bytes come with the connection, made by sendto() or by the first write(). */
static void fast_open_is_a_connect(void **state)
{
	(void)state;
	for (int form = 0; form < FORMS; form++) {
		struct scene_address vip = scene_address(vip_of[form], PORT);
		int fd = socket(vip.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
		__u32 refused;

		assert_int_equal(sendto(fd, "?", 1, MSG_FASTOPEN, &vip.any, vip.size), 1);
		assert_string_equal(scene_peer(fd), peer_of[form]);
		assert_int_equal(scene.balance[CLUSTER].connections, 1);
		assert_int_not_equal(arrived(NULL), 0);
		close(fd);
		fd = socket(vip.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof(on)), 0);
		assert_int_equal(connect(fd, &vip.any, vip.size), 0);
		assert_string_equal(scene_peer(fd), peer_of[form]);
		assert_int_equal(write(fd, "?", 1), 1);
		assert_true(scene_ready(fd, POLLOUT));
		assert_int_not_equal(arrived(NULL), 0);
		close(fd);
		/* refused like any other */
		scene.service[SERVICE + (form == FORM_V6)].version[0].route_count = 0;
		refused = (__u32)scene_verdict(HDL_VERDICT_NO_ROUTE);
		fd = socket(vip.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(sendto(fd, "?", 1, MSG_FASTOPEN, &vip.any, vip.size), -1);
		assert_int_equal(errno, ECONNREFUSED);
		assert_int_equal(scene_verdict(HDL_VERDICT_NO_ROUTE), refused + 1);
		close(fd);
		assert_int_equal(active(), 0);
		assert_int_equal(scene.balance[CLUSTER].connections, 0);
		usual(NULL);
	}
}

/* One request in a ring of its own: its result, or -ENOSYS where the kernel has no rings. */
static int ring_connect(int socket_fd, const struct scene_address *to)
{
	struct io_uring_params p = { .flags = 0 };
	int fd = (int)syscall(__NR_io_uring_setup, 1, &p), result;
	size_t ring_bytes = p.sq_off.array + p.sq_entries * sizeof(__u32), cqe_bytes;
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
	unsigned char *sq, *cq;

	if (fd < 0)
		return -ENOSYS;
	cqe_bytes = p.cq_off.cqes + p.cq_entries * sizeof(*cqe);
	sq = mmap(NULL, ring_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_SQ_RING);
	cq = mmap(NULL, cqe_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_CQ_RING);
	sqe = mmap(NULL, sizeof(*sqe), PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_SQES);
	assert_true(sq != MAP_FAILED && cq != MAP_FAILED && (void *)sqe != MAP_FAILED);
	*sqe = (struct io_uring_sqe){
		.opcode = IORING_OP_CONNECT, .fd = socket_fd, .addr = (__u64)(uintptr_t)&to->any, .off = to->size
	};
	*(__u32 *)(void *)(sq + p.sq_off.array) = 0;
	__atomic_store_n((__u32 *)(void *)(sq + p.sq_off.tail), 1, __ATOMIC_RELEASE);
	assert_int_equal(syscall(__NR_io_uring_enter, fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0), 1);
	cqe = (struct io_uring_cqe *)(void *)(cq + p.cq_off.cqes);
	result = cqe->res;
	munmap(sq, ring_bytes);
	munmap(cq, cqe_bytes);
	munmap(sqe, sizeof(*sqe));
	close(fd);
	return result;
}

static void io_uring_is_a_connect(void **state)
{
	(void)state;
	for (int form = 0; form < FORMS; form++) {
		struct scene_address vip = scene_address(vip_of[form], PORT);
		int fd = socket(vip.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0), result = ring_connect(fd, &vip);

		if (result == -ENOSYS) {
			close(fd);
			skip();
		}
		assert_int_equal(result, 0);
		assert_string_equal(scene_peer(fd), peer_of[form]);
		assert_int_equal(arrived(NULL), form + 1);
		close(fd);
		scene.service[SERVICE + (form == FORM_V6)].version[0].route_count = 0;
		fd = socket(vip.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(ring_connect(fd, &vip), -ECONNREFUSED);
		close(fd);
		scene.service[SERVICE + (form == FORM_V6)].version[0].route_count = 1;
	}
}

/* Port and address of the client are its own business: bound before, with SO_REUSEADDR, it reaches the service. */
static void bound_client_keeps_its_port(void **state)
{
	static const char *const from_of[FORMS] = { "127.0.0.1", "::1", "::ffff:127.0.0.1" };

	(void)state;
	for (int form = 0; form < FORMS; form++) {
		struct scene_address vip = scene_address(vip_of[form], PORT), from = scene_address(from_of[form], 0);
		int fd[2], on = 1;

		for (int i = 0; i < 2; i++) {
			fd[i] = socket(vip.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
			setsockopt(fd[i], SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
			assert_int_equal(bind(fd[i], &from.any, from.size), 0);
			assert_int_equal(getsockname(fd[i], &from.any, &from.size), 0);
		}
		/* the same port twice: to different endpoints that is no conflict */
		for (int i = 0; i < 2; i++) {
			assert_int_equal(connect(fd[i], &vip.any, vip.size), 0);
			assert_int_not_equal(arrived(NULL), 0);
			assert_string_equal(scene_peer(fd[i]), peer_of[form]);
		}
		close(fd[0]);
		close(fd[1]);
	}
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
		cmocka_unit_test_setup(reconnect_to_the_same_endpoint, usual),
		cmocka_unit_test_setup(bytes_are_counted, usual),
		cmocka_unit_test_setup(service_version_of_the_epoch, usual),
		cmocka_unit_test_setup(stale_id_is_recognised, usual),
		cmocka_unit_test_setup(passthrough_keeps_the_address, usual),
		cmocka_unit_test_setup(source_hash_decides, usual),
		cmocka_unit_test_setup(fast_open_is_a_connect, usual),
		cmocka_unit_test_setup(io_uring_is_a_connect, usual),
		cmocka_unit_test_setup(bound_client_keeps_its_port, usual),
	};

	dialled_listen();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	return scene_run(body);
}
