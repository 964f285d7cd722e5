// SPDX-License-Identifier: Apache-2.0
/*
 * What the kernel saw fail ejects in the kernel (specification C.7, C.9), with real connections and no daemon.
 * timeout: 120 (a SYN is sent again after a second)
 */
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <linux/sockios.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tests/bpf/scene.h"
#include "heddle/abi_event.h"

#define VIP "10.96.0.10"
#define VIP6 "fd96::10"
#define PORT 80
#define TARGET 8080
#define CLOSED 8081 /* nobody listens */
#define SERVICE 1
#define CLUSTER 1
#define ENDPOINTS 3
#define MANY 20 /* endpoints of the test of maxEjectionPercent */
#define MS 1000000ull

static int listeners[ENDPOINTS + 1][HDL_FAMILIES]; /* of endpoint 1.. */
static const char *const v4_of[] = { "", "127.1.0.1", "127.1.0.2", "127.1.0.3" };
static const char *const v6_of[] = { "", "fd07::1", "fd07::2", "fd07::3" };
static struct hdl_cluster_version *rules;
static struct ring_buffer *ring;
static struct hdl_event seen[512]; /* since the last drain() */
static size_t seen_count;

static int on_event(void *data, void *record, size_t size)
{
	(void)data;
	assert_int_equal(size, sizeof(struct hdl_event));
	if (seen_count < sizeof(seen) / sizeof(seen[0]))
		seen[seen_count++] = *(struct hdl_event *)record;
	return 0;
}

/* How many of a kind came since the last call of usual(); *ret_last: the last of them. */
static size_t events_of(enum hdl_event_kind kind, struct hdl_event *ret_last)
{
	size_t n = 0;

	assert_true(ring_buffer__consume(ring) >= 0);
	for (size_t i = 0; i < seen_count; i++) {
		if (seen[i].kind != kind)
			continue;
		n++;
		if (ret_last)
			*ret_last = seen[i];
	}
	return n;
}

/* The usual state: one service of both families on three endpoints, ejected after three failures in a row. */
static int usual(void **state)
{
	(void)state;
	memset(scene.state, 0, sizeof(*scene.state));
	scene.state->epoch = 1;
	for (__u32 i = 1; i <= ENDPOINTS; i++)
		scene_endpoint(i, CLUSTER, v4_of[i], v6_of[i], TARGET);
	rules = scene_cluster(CLUSTER, HDL_POLICY_ROUND_ROBIN, 1, ENDPOINTS);
	rules->flags = HDL_CLUSTER_OUTLIER;
	rules->consecutive_5xx = 3;
	rules->max_ejection_percent = 100;
	rules->interval_ms = 1;
	rules->base_ejection_ms = 60000;
	scene_route_to(0, CLUSTER);
	scene_service(SERVICE, VIP, PORT, HDL_LABEL_L4, 0, 1);
	scene_service(SERVICE + 1, VIP6, PORT, HDL_LABEL_L4, 0, 1);
	ring_buffer__consume(ring);
	seen_count = 0;
	return 0;
}

static bool is_out(__u32 endpoint)
{
	return scene.health[endpoint].ejected_until_ns > scene_now_ns();
}

/* One connect to each endpoint in turn: their errors, as "0 111 0". */
static const char *round_of(const char *vip)
{
	static char text[64];
	size_t n = 0;

	scene.balance[CLUSTER].turn = 0;
	for (__u32 i = 0; i < ENDPOINTS; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%d", i ? " " : "", scene_connect_error(vip, PORT));
	return text;
}

static void refuse(__u32 endpoint, bool yes)
{
	scene.endpoint[endpoint].port = htons(yes ? CLOSED : TARGET);
}

/* The socket gets nothing any more: whoever sends to it hears nothing. */
static void deafen(int fd, bool yes)
{
	struct sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog program = { .len = 1, .filter = &drop };
	int unused = 0;

	assert_int_equal(setsockopt(fd, SOL_SOCKET, yes ? SO_ATTACH_FILTER : SO_DETACH_FILTER,
				    yes ? (void *)&program : (void *)&unused, yes ? sizeof(program) : sizeof(unused)),
			 0);
}

/* Waits for what the kernel's timers bring about. */
static bool comes(bool (*is_so)(__u64 wanted), __u64 wanted)
{
	for (int i = 0; i < 2000; i++) {
		if (is_so(wanted))
			return true;
		usleep(5000);
	}
	return false;
}

static void check_refused(const char *vip)
{
	struct hdl_event event = { 0 };

	refuse(1, true);
	assert_string_equal(round_of(vip), "111 0 0");
	assert_string_equal(round_of(vip), "111 0 0");
	assert_false(is_out(1));
	assert_int_equal(scene.health[1].consecutive_5xx, 2);
	assert_string_equal(round_of(vip), "111 0 0");
	assert_true(is_out(1));
	assert_int_equal(scene.balance[CLUSTER].ejected, 1);
	assert_int_equal(scene.balance[CLUSTER].ejections, 1);
	assert_int_equal(scene.balance[CLUSTER].connect_failures, 3);
	assert_int_equal(scene.health[1].connect_failures, 3);
	assert_int_equal(scene.health[2].connects + scene.health[3].connects, 6);
	assert_int_not_equal(scene.health[2].rtt_us, 0);
	for (int i = 0; i < 4; i++)
		assert_string_equal(round_of(vip), "0 0 0");
	assert_int_equal(scene.health[1].connect_failures, 3);
	assert_int_equal(events_of(HDL_EVENT_CONNECT_FAILED, &event), 3);
	assert_int_equal(event.error, ECONNREFUSED);
	assert_int_equal(event.verdict, HDL_VERDICT_CONNECT_FAILED);
	assert_int_equal(event.port, htons(PORT));
	assert_int_equal(event.endpoint_port, htons(CLOSED));
	assert_int_equal(event.cookie, scene.cookie);
	assert_int_equal(events_of(HDL_EVENT_EJECTED, &event), 1);
	assert_int_equal(event.endpoint, 1);
	assert_int_equal(event.cluster, CLUSTER);
	assert_int_equal(event.version, HDL_EVENT_VERSION);
	assert_int_equal(event.until_ns, scene.health[1].ejected_until_ns);
}

static void refused_v4(void **state)
{
	(void)state;
	check_refused(VIP);
}

static void refused_v6(void **state)
{
	(void)state;
	check_refused(VIP6);
}

/* Both families of a pod have one record. */
static void families_add_up(void **state)
{
	(void)state;
	refuse(1, true);
	assert_string_equal(round_of(VIP), "111 0 0");
	assert_string_equal(round_of(VIP6), "111 0 0");
	assert_string_equal(round_of("::ffff:" VIP), "111 0 0");
	assert_true(is_out(1));
}

static void success_in_between_resets(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		refuse(1, true);
		round_of(VIP);
		round_of(VIP);
		refuse(1, false);
		assert_int_equal(scene.health[1].consecutive_5xx, 2);
		assert_string_equal(round_of(VIP), "0 0 0");
		assert_int_equal(scene.health[1].consecutive_5xx, 0);
	}
	assert_false(is_out(1));
}

/* C.7: a connect failure is a 503, and so a gateway error; split, it is neither. */
static void thresholds(void **state)
{
	static const struct {
		__u32 c5xx, gateway, local;
		__u8 flags;
		int out_after; /* 0 = never */
	} cases[] = {
		{ 0, 2, 0, HDL_CLUSTER_OUTLIER, 2 },
		{ 4, 1, 1, HDL_CLUSTER_OUTLIER, 1 },
		{ 0, 0, 1, HDL_CLUSTER_OUTLIER, 0 },
		{ 1, 1, 3, HDL_CLUSTER_OUTLIER | HDL_CLUSTER_SPLIT_LOCAL, 3 },
		{ 1, 1, 0, HDL_CLUSTER_OUTLIER | HDL_CLUSTER_SPLIT_LOCAL, 0 },
		{ 1, 1, 1, 0, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int out_after = 0;

		usual(state);
		rules->consecutive_5xx = cases[i].c5xx;
		rules->consecutive_gateway = cases[i].gateway;
		rules->consecutive_local_origin = cases[i].local;
		rules->flags = cases[i].flags;
		refuse(1, true);
		for (int n = 1; n <= 6; n++) {
			round_of(VIP);
			if (is_out(1) && !out_after)
				out_after = n;
		}
		assert_int_equal(out_after, cases[i].out_after);
	}
}

static void split_success_resets(void **state)
{
	(void)state;
	rules->flags |= HDL_CLUSTER_SPLIT_LOCAL;
	rules->consecutive_local_origin = 2;
	refuse(1, true);
	round_of(VIP);
	refuse(1, false);
	round_of(VIP);
	refuse(1, true);
	round_of(VIP);
	assert_false(is_out(1));
	round_of(VIP);
	assert_true(is_out(1));
}

static bool timeouts_are(__u64 wanted)
{
	return *(volatile __u32 *)&scene.health[1].timeouts >= wanted;
}

static int start_connect(const char *vip)
{
	struct scene_address a = scene_address(vip, PORT);
	int fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	scene.balance[CLUSTER].turn = 0;
	assert_int_equal(connect(fd, &a.any, a.size), -1);
	assert_int_equal(errno, EINPROGRESS);
	return fd;
}

/* A black hole: each connect counts once, with its first SYN that stays unanswered, and not again when it ends. */
static void check_unanswered(const char *vip, int family)
{
	struct hdl_event event = { 0 };
	unsigned int limit_ms = 1;
	int fd[3], error = 0;
	socklen_t size = sizeof(error);

	deafen(listeners[1][family], true);
	for (int i = 0; i < 3; i++)
		fd[i] = start_connect(vip);
	assert_true(comes(timeouts_are, 3));
	assert_true(is_out(1));
	assert_int_equal(events_of(HDL_EVENT_TIMEOUT, &event), 3);
	assert_int_equal(event.attempts, 1);
	assert_int_equal(events_of(HDL_EVENT_EJECTED, NULL), 1);
	for (int i = 0; i < 4; i++)
		assert_string_equal(round_of(vip), "0 0 0");
	assert_int_equal(scene.health[1].consecutive_5xx, 0);
	/* the kernel ends one; the application gives another up, and the third is answered after all */
	assert_int_equal(setsockopt(fd[0], IPPROTO_TCP, TCP_USER_TIMEOUT, &limit_ms, sizeof(limit_ms)), 0);
	close(fd[1]);
	assert_int_equal(scene.health[1].connect_failures, 1);
	assert_true(scene_ready(fd[0], POLLOUT));
	assert_int_equal(getsockopt(fd[0], SOL_SOCKET, SO_ERROR, &error, &size), 0);
	assert_int_equal(error, ETIMEDOUT);
	assert_int_equal(scene.health[1].connect_failures, 2);
	assert_int_equal(scene.health[1].consecutive_5xx, 0);
	deafen(listeners[1][family], false);
	assert_true(scene_ready(fd[2], POLLOUT));
	assert_int_equal(scene.health[1].connects, 1);
	assert_int_equal(scene.health[1].connect_failures, 2);
	assert_true(scene.health[1].retransmits >= 3);
	assert_int_equal(scene.health[1].retransmits, scene.balance[CLUSTER].retransmits);
	assert_int_equal(scene.health[1].timeouts, scene.balance[CLUSTER].timeouts);
	close(fd[0]);
	close(fd[2]);
}

static void unanswered_v4(void **state)
{
	(void)state;
	check_unanswered(VIP, HDL_FAMILY_V4);
}

static void unanswered_v6(void **state)
{
	(void)state;
	check_unanswered(VIP6, HDL_FAMILY_V6);
}

static void giving_up_is_no_failure(void **state)
{
	(void)state;
	rules->consecutive_5xx = 1;
	deafen(listeners[1][HDL_FAMILY_V4], true);
	for (int i = 0; i < 5; i++)
		close(start_connect(VIP));
	deafen(listeners[1][HDL_FAMILY_V4], false);
	assert_false(is_out(1));
	assert_int_equal(scene.health[1].connect_failures, 0);
	assert_int_equal(events_of(HDL_EVENT_CONNECT_FAILED, NULL), 0);
}

static int accept_from(int listener)
{
	assert_true(scene_ready(listener, POLLIN));
	return accept4(listener, NULL, NULL, SOCK_CLOEXEC);
}

static void drain_listeners(void)
{
	for (__u32 i = 1; i <= ENDPOINTS; i++) {
		for (int family = 0; family < HDL_FAMILIES; family++) {
			int fd;

			while ((fd = accept4(listeners[i][family], NULL, NULL, SOCK_CLOEXEC)) >= 0)
				close(fd);
		}
	}
}

/* Established: the second time-out in a row counts, once until there is progress. */
static void silence_counts_once(void **state)
{
	int fd, server;
	char byte;

	(void)state;
	drain_listeners();
	rules->consecutive_5xx = 2;
	scene.balance[CLUSTER].turn = 0;
	fd = scene_connect(VIP, PORT);
	assert_true(fd >= 0);
	server = accept_from(listeners[1][HDL_FAMILY_V4]);
	deafen(server, true);
	assert_int_equal(send(fd, "x", 1, 0), 1);
	assert_true(comes(timeouts_are, 1));
	assert_int_equal(events_of(HDL_EVENT_TIMEOUT, NULL), 0);
	assert_true(comes(timeouts_are, 3));
	assert_int_equal(events_of(HDL_EVENT_TIMEOUT, NULL), 1);
	assert_int_equal(scene.health[1].consecutive_5xx, 1);
	/* progress, and silence again: another episode */
	deafen(server, false);
	assert_true(scene_ready(server, POLLIN));
	assert_int_equal(recv(server, &byte, 1, 0), 1);
	while (events_of(HDL_EVENT_TIMEOUT, NULL) < 2) {
		int unsent = 1;

		/* what was sent is acknowledged before the next byte is lost */
		assert_int_equal(ioctl(fd, SIOCOUTQ, &unsent), 0);
		if (unsent) {
			usleep(1000);
			continue;
		}
		deafen(server, true);
		assert_int_equal(send(fd, "y", 1, 0), 1);
		assert_true(comes(timeouts_are, scene.health[1].timeouts + 3));
		break;
	}
	assert_int_equal(events_of(HDL_EVENT_TIMEOUT, NULL), 2);
	assert_true(is_out(1));
	close(server);
	close(fd);
}

/* C.9: what is lost after the connection stands is the application's affair. */
static void resets_never_eject(void **state)
{
	struct linger at_once = { .l_onoff = 1 };

	(void)state;
	drain_listeners();
	rules->consecutive_5xx = 1;
	for (int i = 0; i < 5; i++) {
		int fd, server;
		char byte;

		scene.balance[CLUSTER].turn = 0;
		fd = scene_connect(VIP, PORT);
		server = accept_from(listeners[1][HDL_FAMILY_V4]);
		assert_int_equal(setsockopt(server, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
		close(server);
		assert_true(scene_ready(fd, POLLIN));
		assert_int_equal(recv(fd, &byte, 1, 0), -1);
		assert_int_equal(errno, ECONNRESET);
		close(fd);
	}
	assert_false(is_out(1));
	assert_int_equal(scene.health[1].connect_failures, 0);
}

/* P3: nobody sweeps, and it comes back, with its counters at 0; the next time is longer. */
static void returns_without_daemon(void **state)
{
	__u64 first, second;

	(void)state;
	rules->base_ejection_ms = 300;
	rules->interval_ms = 50;
	refuse(1, true);
	for (int i = 0; i < 3; i++)
		round_of(VIP);
	assert_true(is_out(1));
	first = scene.health[1].ejected_until_ns;
	assert_int_equal(first % (50 * MS), 0);
	scene.health[1].consecutive_5xx = 2; /* of connects that began before */
	while (is_out(1))
		usleep(1000);
	refuse(1, false);
	assert_string_equal(round_of(VIP), "0 0 0");
	assert_int_equal(scene.health[1].ejected_until_ns, 0);
	assert_int_equal(scene.health[1].consecutive_5xx, 0);
	assert_int_equal(scene.health[1].returned_ns, first);
	assert_int_equal(scene.balance[CLUSTER].ejected, 0);
	assert_int_equal(scene.health[1].connects, 1);
	refuse(1, true);
	rules->interval_ms = 10000; /* no step down of the multiplier meanwhile */
	for (int i = 0; i < 3; i++)
		round_of(VIP);
	assert_int_equal(scene.health[1].ejection_multiplier, 2);
	second = scene.health[1].ejected_until_ns;
	assert_int_equal(second % (10000 * MS), 0);
	assert_true(second >= scene_now_ns());
}

static atomic_uint too_many;

static void *fail_all_the_time(void *data)
{
	(void)data;
	for (int i = 0; i < 1500; i++) {
		scene_connect_error(VIP, PORT);
		/* The budget is the only sum that is of one moment; that it counts the records is seen at the end. */
		if (*(volatile __u32 *)&scene.balance[CLUSTER].ejected > MANY * 30 / 100)
			atomic_fetch_add(&too_many, 1);
	}
	return NULL;
}

/* 30 % of 20 are 6: never one more, however many fail at once, and nearly at once come back. */
static void never_over_the_percentage(void **state)
{
	pthread_t threads[6];
	__u32 out = 0;

	(void)state;
	for (__u32 i = 1; i <= MANY; i++) {
		char text[32];

		snprintf(text, sizeof(text), "127.2.0.%u", i);
		scene_endpoint(i, CLUSTER, text, "", CLOSED);
	}
	rules = scene_cluster(CLUSTER, HDL_POLICY_RANDOM, 1, MANY);
	rules->flags = HDL_CLUSTER_OUTLIER;
	rules->consecutive_5xx = rules->consecutive_gateway = 1;
	rules->max_ejection_percent = 30;
	rules->interval_ms = 1;
	rules->base_ejection_ms = 1;
	for (int i = 0; i < 6; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, fail_all_the_time, NULL), 0);
	for (int i = 0; i < 6; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&too_many), 0);
	for (__u32 i = 1; i <= MANY; i++)
		out += scene.health[i].ejected_until_ns != 0;
	assert_int_equal(out, scene.balance[CLUSTER].ejected);
	assert_true(scene.balance[CLUSTER].ejections > 6);
	assert_int_not_equal(scene.balance[CLUSTER].ejections_overflow, 0);
	assert_int_not_equal(events_of(HDL_EVENT_EJECTION_OVERFLOW, NULL), 0);
}

/* An endpoint that went: what its connections meet is nobody's any more. */
static void other_generation(void **state)
{
	struct hdl_health before;
	int fd = scene_connect(VIP, PORT), server;

	(void)state;
	drain_listeners();
	scene.balance[CLUSTER].turn = 0;
	close(fd);
	fd = scene_connect(VIP, PORT);
	server = accept_from(listeners[1][HDL_FAMILY_V4]);
	rules->consecutive_5xx = 1;
	scene.endpoint[1].generation = scene.health[1].generation = 4711;
	before = scene.health[1];
	deafen(server, true);
	assert_int_equal(send(fd, "x", 1, 0), 1);
	while (events_of(HDL_EVENT_TIMEOUT, NULL) == 0)
		usleep(5000);
	assert_memory_equal(&before, &scene.health[1], sizeof(before));
	close(server);
	close(fd);
}

/* Every refusal is told, and of the rest as many as are asked for. */
static void verdicts_are_told(void **state)
{
	struct hdl_event event = { 0 };

	(void)state;
	assert_string_equal(round_of(VIP), "0 0 0");
	assert_int_equal(events_of(HDL_EVENT_VERDICT, NULL), 0);
	scene.state->event_sample = 1;
	assert_string_equal(round_of(VIP), "0 0 0");
	assert_int_equal(events_of(HDL_EVENT_VERDICT, &event), 3);
	assert_int_equal(event.verdict, HDL_VERDICT_BALANCED);
	assert_int_equal(event.sampled, 1);
	assert_int_equal(event.error, 0);
	assert_int_equal(event.endpoint, 3);
	assert_int_equal(event.endpoint_port, htons(TARGET));
	assert_int_equal(event.service, SERVICE);
	assert_int_equal(event.epoch, 1);
	assert_int_equal(event.pid, getpid());
	assert_int_equal(event.uid, getuid());
	assert_int_equal(event.cookie, scene.cookie);
	scene.state->event_sample = 0;
	scene.service[SERVICE].version[0].route_count = 0;
	assert_int_equal(scene_connect_error(VIP, PORT), ECONNREFUSED);
	assert_int_equal(events_of(HDL_EVENT_VERDICT, &event), 4);
	assert_int_equal(event.verdict, HDL_VERDICT_NO_ROUTE);
	assert_int_equal(event.sampled, 0);
	assert_int_equal(event.error, ECONNREFUSED);
	assert_int_equal(event.port, htons(PORT));
	assert_int_equal(event.endpoint, 0);
}

/* What does not fit into the ring is counted. */
static void lost_events_are_counted(void **state)
{
	__u64 lost = scene_verdict(HDL_VERDICT_EVENT_LOST), told = 0;
	int r;

	(void)state;
	rules->flags = 0;
	refuse(1, true);
	refuse(2, true);
	refuse(3, true);
	for (int i = 0; i < 10000; i++)
		assert_int_equal(scene_connect_error(VIP, PORT), ECONNREFUSED);
	lost = scene_verdict(HDL_VERDICT_EVENT_LOST) - lost;
	assert_int_not_equal(lost, 0);
	r = ring_buffer__consume(ring);
	assert_true(r > 0);
	told = (__u64)r;
	assert_int_equal(told + lost, 10000);
	assert_true(told * (sizeof(struct hdl_event) + 8) <= HDL_EVENT_RING_BYTES);
}

static int body(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(refused_v4, usual),
		cmocka_unit_test_setup(refused_v6, usual),
		cmocka_unit_test_setup(families_add_up, usual),
		cmocka_unit_test_setup(success_in_between_resets, usual),
		cmocka_unit_test_setup(thresholds, usual),
		cmocka_unit_test_setup(split_success_resets, usual),
		cmocka_unit_test_setup(unanswered_v4, usual),
		cmocka_unit_test_setup(unanswered_v6, usual),
		cmocka_unit_test_setup(giving_up_is_no_failure, usual),
		cmocka_unit_test_setup(silence_counts_once, usual),
		cmocka_unit_test_setup(resets_never_eject, usual),
		cmocka_unit_test_setup(returns_without_daemon, usual),
		cmocka_unit_test_setup(other_generation, usual),
		cmocka_unit_test_setup(never_over_the_percentage, usual),
		cmocka_unit_test_setup(verdicts_are_told, usual),
		cmocka_unit_test_setup(lost_events_are_counted, usual),
	};

	for (__u32 i = 1; i <= ENDPOINTS; i++) {
		char command[96];

		snprintf(command, sizeof(command), "ip -6 addr add %s/128 dev lo nodad", v6_of[i]);
		scene_command(command);
		listeners[i][HDL_FAMILY_V4] = scene_listen(v4_of[i], TARGET, NULL);
		listeners[i][HDL_FAMILY_V6] = scene_listen(v6_of[i], TARGET, NULL);
	}
	ring = ring_buffer__new(bpf_map__fd(scene.skel->maps.events), on_event, NULL, NULL);
	if (!ring)
		scene_fail("ring");
	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	return scene_run(body);
}
