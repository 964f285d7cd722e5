// SPDX-License-Identifier: Apache-2.0
/* Open connections of endpoints and clusters: counted once, given back once, never more than maxConnections. */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include "tests/bpf/dialled.h"

#define THREADS 6
#define ROUNDS 600

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

/* --- maxConnections: specification C.5, exact -------------------------------------------------------------------- */

static struct hdl_balance *of_cluster(void)
{
	return &scene.balance[CLUSTER];
}

static void limit_to(__u32 connections)
{
	scene.cluster[CLUSTER].version[0].max_connections = connections;
}

static void forget_arrived(void)
{
	while (arrived(NULL))
		;
}

static void check_overflow(const char *vip)
{
	__u64 overflow = scene_verdict(HDL_VERDICT_OVERFLOW);
	__u32 refused = of_cluster()->connections_overflow, open = of_cluster()->connections;

	assert_int_equal(scene_connect_error(vip, PORT), ECONNREFUSED);
	assert_int_equal(scene_verdict(HDL_VERDICT_OVERFLOW), overflow + 1);
	assert_int_equal(of_cluster()->connections_overflow, refused + 1);
	assert_int_equal(of_cluster()->connections, open);
}

static void limit_is_exact(void **state)
{
	(void)state;
	for (int form = 0; form < FORMS; form++) {
		int fd[3], server = -1;
		char byte;

		usual(NULL);
		limit_to(3);
		for (int i = 0; i < 3; i++)
			fd[i] = scene_connect(vip_of[form], PORT);
		assert_true(fd[0] >= 0 && fd[1] >= 0 && fd[2] >= 0);
		assert_int_equal(of_cluster()->connections, 3);
		for (int again = 0; again < FORMS; again++) /* one budget for both families */
			check_overflow(vip_of[again]);
		close(fd[1]);
		assert_int_equal(of_cluster()->connections, 2);
		forget_arrived();
		fd[1] = scene_connect(vip_of[form], PORT);
		assert_true(fd[1] >= 0);
		check_overflow(vip_of[form]);
		/* the peer's end frees a place too, when the kernel has closed the connection */
		assert_int_not_equal(arrived(&server), 0);
		setsockopt(server, SOL_SOCKET, SO_LINGER, &(struct linger){ .l_onoff = 1 }, sizeof(struct linger));
		close(server);
		assert_int_equal(read(fd[1], &byte, 1), -1);
		assert_int_equal(of_cluster()->connections, 2);
		for (int i = 0; i < 3; i++)
			close(fd[i]);
		assert_int_equal(of_cluster()->connections, 0);
		assert_int_equal(active(), 0);
		forget_arrived();
	}
}

/* A limit that comes later counts what is open already, and one that is lowered closes nothing. */
static void limit_counts_what_was_before(void **state)
{
	int first = scene_connect(VIP, PORT), second = scene_connect(VIP6, PORT);

	(void)state;
	assert_int_equal(of_cluster()->connections, 2);
	limit_to(2);
	check_overflow(VIP);
	limit_to(1);
	close(first);
	check_overflow(VIP);
	close(second);
	assert_int_not_equal(scene_connect_error(VIP, PORT), ECONNREFUSED);
	forget_arrived();
}

/* What is refused for another reason holds no place. */
static void refusal_holds_no_place(void **state)
{
	(void)state;
	limit_to(1);
	for (__u32 i = 1; i <= ENDPOINTS; i++)
		scene.health[i].ejected_until_ns = HDL_EJECTED_BY_HAND;
	for (int form = 0; form < FORMS; form++) {
		__u64 before = scene_verdict(HDL_VERDICT_NO_HEALTHY);

		for (int i = 0; i < 3; i++)
			assert_int_equal(scene_connect_error(vip_of[form], PORT), ECONNREFUSED);
		assert_int_equal(scene_verdict(HDL_VERDICT_NO_HEALTHY), before + 3);
		assert_int_equal(of_cluster()->connections, 0);
	}
}

/* A socket that is connected again gives its place back first: it is never refused because of itself. */
static void reconnect_at_the_limit(void **state)
{
	struct scene_address none = { .any.sa_family = AF_UNSPEC, .size = sizeof(none.any) };

	(void)state;
	for (int form = 0; form < FORMS; form++) {
		struct scene_address vip = scene_address(vip_of[form], PORT);
		int fd;

		limit_to(1);
		fd = scene_connect(vip_of[form], PORT);
		for (int i = 0; i < 3; i++) {
			assert_int_equal(connect(fd, &none.any, none.size), 0);
			assert_int_equal(of_cluster()->connections, 0);
			assert_int_equal(connect(fd, &vip.any, vip.size), 0);
			assert_int_equal(of_cluster()->connections, 1);
			check_overflow(vip_of[form]);
		}
		close(fd);
		assert_int_equal(of_cluster()->connections, 0);
		forget_arrived();
	}
}

/* No connection began, no hook heard of it: no route. The next connect() of the socket succeeds, at the limit. */
static void no_route_at_the_limit(void **state)
{
	(void)state;
	for (int form = 0; form < FORMS; form++) {
		struct scene_address vip = scene_address(vip_of[form], PORT);

		for (int flags = 0; flags <= SOCK_NONBLOCK; flags += SOCK_NONBLOCK) {
			int fd = socket(vip.any.sa_family, SOCK_STREAM | flags, 0), result;

			usual(NULL);
			limit_to(1);
			scene.endpoint[1].address[HDL_FAMILY_V4] = scene_addr("203.0.113.1");
			scene.endpoint[1].address[HDL_FAMILY_V6] = scene_addr("2001:db8::1");
			assert_int_equal(connect(fd, &vip.any, vip.size), -1);
			assert_true(errno == ENETUNREACH || errno == EHOSTUNREACH);
			assert_int_equal(of_cluster()->connections, 1);
			result = connect(fd, &vip.any, vip.size);
			assert_true(result == 0 || errno == EINPROGRESS);
			assert_true(scene_ready(fd, POLLOUT));
			assert_int_equal(of_cluster()->connections, 1);
			assert_int_equal(active(), 1);
			check_overflow(vip_of[form]);
			close(fd);
			assert_int_equal(of_cluster()->connections, 0);
			assert_int_equal(active(), 0);
			forget_arrived();
		}
	}
}

/* No free port: the same address and port as another connection to the same endpoint. */
static void no_port_is_given_back(void **state)
{
	struct scene_address vip = scene_address(VIP, PORT), from = scene_address("127.0.0.1", 0);
	int first = socket(AF_INET, SOCK_STREAM, 0), second = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	(void)state;
	scene_cluster(CLUSTER, HDL_POLICY_ROUND_ROBIN, 1, 1);
	setsockopt(first, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(second, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	assert_int_equal(bind(first, &from.any, from.size), 0);
	assert_int_equal(getsockname(first, &from.any, &from.size), 0);
	assert_int_equal(bind(second, &from.any, from.size), 0);
	assert_int_equal(connect(first, &vip.any, vip.size), 0);
	assert_int_equal(connect(second, &vip.any, vip.size), -1);
	assert_int_equal(errno, EADDRNOTAVAIL);
	close(second);
	assert_int_equal(of_cluster()->connections, 1);
	assert_int_equal(active(), 1);
	close(first);
	assert_int_equal(of_cluster()->connections, 0);
	forget_arrived();
}

/* The id of a cluster that went away may be another's: nothing is taken from that one, or given back to it. */
static void generation_guards_the_limit(void **state)
{
	int fd = scene_connect(VIP, PORT);

	(void)state;
	*of_cluster() = (struct hdl_balance){ .generation = 999, .connections = 7 };
	close(fd);
	assert_int_equal(of_cluster()->connections, 7);
	fd = scene_connect(VIP, PORT); /* by a record of before */
	assert_true(fd >= 0);
	assert_int_equal(of_cluster()->connections, 7);
	close(fd);
	assert_int_equal(of_cluster()->connections, 7);
	forget_arrived();
}

/* What holds a place until the last descriptor is closed, wherever that is. */
static void last_descriptor_counts(void **state)
{
	int fd = scene_connect(VIP, PORT), status;
	pid_t child = fork();

	(void)state;
	if (child == 0) {
		pause();
		_exit(0);
	}
	close(fd);
	assert_int_equal(of_cluster()->connections, 1);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(of_cluster()->connections, 0);
	assert_int_equal(active(), 0);
	forget_arrived();
}

/* --- all of it at a time ----------------------------------------------------------------------------------------- */

struct mix {
	atomic_uint open; /* connections that threads hold: children die with theirs */
	atomic_uint most, connected, refused, failed;
	atomic_bool stop;
};

static struct mix *mix; /* shared with children */
static bool is_child;

static unsigned int random_of(unsigned int *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 16;
}

static void mix_hold(unsigned int *seed)
{
	unsigned int now, most = atomic_load(&mix->most);

	atomic_fetch_add(&mix->connected, 1);
	if (is_child)
		return;
	now = atomic_fetch_add(&mix->open, 1) + 1;
	while (now > most && !atomic_compare_exchange_weak(&mix->most, &most, now))
		;
	if (random_of(seed) % 4 == 0)
		sched_yield();
	atomic_fetch_sub(&mix->open, 1);
}

/* One socket: up to three connects of it, each successful, refused, without a route or abandoned. */
static void mix_once(unsigned int *seed)
{
	struct scene_address none = { .any.sa_family = AF_UNSPEC, .size = sizeof(none.any) };
	struct scene_address vip = scene_address(vip_of[random_of(seed) % FORMS], PORT);
	int flags = random_of(seed) % 3 == 0 ? SOCK_NONBLOCK : 0;
	int fd = socket(vip.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

	for (unsigned int i = random_of(seed) % 3 + 1; fd >= 0 && i > 0; i--) {
		if (connect(fd, &vip.any, vip.size) == 0)
			mix_hold(seed);
		else if (errno == EINPROGRESS)
			break;
		else
			atomic_fetch_add(errno == ECONNREFUSED ? &mix->refused : &mix->failed, 1);
		if (random_of(seed) % 2)
			connect(fd, &none.any, none.size);
	}
	if (random_of(seed) % 4 == 0)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){ .l_onoff = 1 }, sizeof(struct linger));
	close(fd);
}

static void *mix_thread(void *argument)
{
	unsigned int seed = (unsigned int)(uintptr_t)argument;

	for (int i = 0; i < ROUNDS; i++)
		mix_once(&seed);
	return NULL;
}

/* Dies with open connections, in the middle of anything. */
static pid_t mix_child(unsigned int seed)
{
	pid_t child = fork();

	if (child != 0)
		return child;
	is_child = true;
	for (;;) {
		int keep = scene_connect(vip_of[random_of(&seed) % FORMS], PORT);

		mix_once(&seed);
		if (random_of(&seed) % 64)
			close(keep); /* the others it takes along when it dies */
	}
}

static void *mix_server(void *argument)
{
	while (!atomic_load(&mix->stop)) {
		if (!arrived(NULL))
			sched_yield();
	}
	return argument;
}

/* Never one more than the limit while they run; nothing is left when they are gone. */
static void nothing_leaks_from_any_mix(void **state)
{
	pthread_t threads[THREADS], server;

	(void)state;
	limit_to(3);
	scene.endpoint[2].port = htons(1);                                /* nobody listens */
	scene_endpoint(4, CLUSTER, "203.0.113.1", "2001:db8::1", TARGET); /* no route */
	scene_cluster(CLUSTER, HDL_POLICY_LEAST_REQUEST, 1, 4)->max_connections = 3;
	mix = mmap(NULL, sizeof(*mix), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(mix != MAP_FAILED);
	assert_int_equal(pthread_create(&server, NULL, mix_server, NULL), 0);
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, mix_thread, (void *)(i + 1)), 0);
	for (unsigned int i = 0; i < 20; i++) {
		unsigned int before = atomic_load(&mix->connected) + atomic_load(&mix->refused);
		pid_t child = mix_child(100 + i);

		for (int wait = 0;
		     wait < 1000 && atomic_load(&mix->connected) + atomic_load(&mix->refused) < before + 9; wait++)
			sched_yield();
		assert_int_equal(kill(child, SIGKILL), 0);
		assert_int_equal(waitpid(child, NULL, 0), child);
	}
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	atomic_store(&mix->stop, true);
	pthread_join(server, NULL);
	print_message("# %u connected, %u refused, %u failed, most at a time %u\n", mix->connected, mix->refused,
		      mix->failed, mix->most);
	assert_int_equal(of_cluster()->connections, 0);
	assert_int_equal(active() + scene.health[4].active, 0);
	assert_in_range(mix->most, 1, 3);
	assert_true(mix->connected > 0 && mix->refused > 0 && mix->failed > 0);
	assert_true(of_cluster()->connections_overflow > 0);
	forget_arrived();
	munmap(mix, sizeof(*mix));
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
		cmocka_unit_test_setup(limit_is_exact, usual),
		cmocka_unit_test_setup(limit_counts_what_was_before, usual),
		cmocka_unit_test_setup(refusal_holds_no_place, usual),
		cmocka_unit_test_setup(reconnect_at_the_limit, usual),
		cmocka_unit_test_setup(no_route_at_the_limit, usual),
		cmocka_unit_test_setup(no_port_is_given_back, usual),
		cmocka_unit_test_setup(generation_guards_the_limit, usual),
		cmocka_unit_test_setup(last_descriptor_counts, usual),
		cmocka_unit_test_setup(nothing_leaks_from_any_mix, usual),
	};

	dialled_listen();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	return scene_run(body);
}
