// SPDX-License-Identifier: Apache-2.0
/*
 * Datagrams: connected and unconnected UDP sockets reach endpoints of services, and what these answer comes from the
 * service.
 */
#include "tests/bpf/dialled.h"

#define DNS_SERVICE 10
#define DNS_PORT 53
#define OTHER_SERVICE 20
#define OTHER_VIP "10.96.0.20"
#define OTHER_CLUSTER 2

static int servers[ENDPOINTS + 1][HDL_FAMILIES]; /* of endpoint 1.. */
static const char *const dns_peer_of[FORMS] = { VIP " 53", VIP6 " 53", "::ffff:10.96.0.10 53" };

static int udp_server(const char *text)
{
	struct scene_address a = scene_address(text, TARGET);
	int fd = socket(a.any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, &a.any, a.size) != 0)
		scene_fail(text);
	return fd;
}

static struct hdl_vip_key udp_key(const char *text, unsigned int port)
{
	struct hdl_vip_key key = scene_key(text, port);

	key.protocol = IPPROTO_UDP;
	return key;
}

/* As usual, and the same addresses have a service of port 53 for UDP. */
static int datagrams(void **state)
{
	struct hdl_vip_key key = udp_key(VIP, DNS_PORT), key6 = udp_key(VIP6, DNS_PORT);

	usual(state);
	scene_service_of(DNS_SERVICE, &key, HDL_LABEL_L4, 0, 1);
	scene_service_of(DNS_SERVICE + 1, &key6, HDL_LABEL_L4, 0, 1);
	return 0;
}

static int udp_socket(const struct scene_address *to)
{
	int fd = socket(to->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	return fd;
}

/* The endpoint at which a datagram waits, answered with the same bytes; 0 = none. */
static __u32 answered(void)
{
	for (__u32 i = 1; i <= ENDPOINTS; i++) {
		for (int family = 0; family < HDL_FAMILIES; family++) {
			struct scene_address from = { .size = sizeof(from.v6) };
			char text[64];
			ssize_t n = recvfrom(servers[i][family], text, sizeof(text), 0, &from.any, &from.size);

			if (n < 0)
				continue;
			assert_int_equal(sendto(servers[i][family], text, (size_t)n, 0, &from.any, from.size), n);
			return i;
		}
	}
	return 0;
}

/* Sends to the address; the endpoint that got it. */
static __u32 ask(int fd, const struct scene_address *to)
{
	assert_int_equal(sendto(fd, "?", 1, 0, &to->any, to->size), 1);
	return answered();
}

/* Receives one datagram; from whom. */
static const char *heard(int fd)
{
	static char text[INET6_ADDRSTRLEN + 8];
	struct scene_address from = { .size = sizeof(from.v6) };
	char address[INET6_ADDRSTRLEN] = "?", data[64];

	assert_int_equal(recvfrom(fd, data, sizeof(data), MSG_DONTWAIT, &from.any, &from.size), 1);
	if (from.any.sa_family == AF_INET)
		inet_ntop(AF_INET, &from.v4.sin_addr, address, sizeof(address));
	else
		inet_ntop(AF_INET6, &from.v6.sin6_addr, address, sizeof(address));
	snprintf(text, sizeof(text), "%s %u", address, ntohs(from.v4.sin_port));
	return text;
}

static void connected_socket(void **state)
{
	(void)state;
	for (int form = 0; form < FORMS; form++) {
		struct scene_address vip = scene_address(vip_of[form], DNS_PORT);
		__u64 balanced = scene_verdict(HDL_VERDICT_BALANCED);
		int fd = udp_socket(&vip);

		assert_int_equal(connect(fd, &vip.any, vip.size), 0);
		assert_string_equal(scene_peer(fd), dns_peer_of[form]);
		assert_int_equal(scene_verdict(HDL_VERDICT_BALANCED), balanced + 1);
		for (int i = 0; i < 3; i++) {
			assert_int_equal(send(fd, "?", 1, 0), 1);
			assert_int_equal(answered(), form + 1);
			assert_string_equal(heard(fd), dns_peer_of[form]);
		}
		/* it may name the service again */
		assert_int_equal(ask(fd, &vip), form + 1);
		assert_string_equal(heard(fd), dns_peer_of[form]);
		assert_int_equal(active(), 0); /* datagrams are no open connections */
		assert_int_equal(scene.balance[CLUSTER].connections, 0);
		close(fd);
	}
}

static void unconnected_socket_keeps_its_endpoint(void **state)
{
	(void)state;
	for (int form = 0; form < FORMS; form++) {
		struct scene_address vip = scene_address(vip_of[form], DNS_PORT);
		__u64 balanced = scene_verdict(HDL_VERDICT_BALANCED);
		int fd = udp_socket(&vip);

		for (int i = 0; i < 4; i++) {
			assert_int_equal(ask(fd, &vip), form + 1);
			assert_string_equal(heard(fd), dns_peer_of[form]);
		}
		assert_int_equal(scene_verdict(HDL_VERDICT_BALANCED), balanced + 1);
		close(fd);
	}
}

static void another_generation_is_another_endpoint(void **state)
{
	(void)state;
	for (int form = 0; form < FORMS; form++) {
		struct scene_address vip = scene_address(vip_of[form], DNS_PORT);
		int fd = udp_socket(&vip);

		datagrams(NULL);
		assert_int_equal(ask(fd, &vip), 1);
		assert_string_equal(heard(fd), dns_peer_of[form]);
		scene.endpoint[1].generation = scene.health[1].generation = 999;
		assert_int_equal(ask(fd, &vip), 2);
		assert_string_equal(heard(fd), dns_peer_of[form]);
		assert_int_equal(ask(fd, &vip), 2);
		/* removed: the generation of its record is 0 from then on */
		assert_string_equal(heard(fd), dns_peer_of[form]);
		scene.health[2].generation = 0;
		assert_int_equal(ask(fd, &vip), 3);
		close(fd);
	}
}

/* One socket, many services: each answer has the name of its own, also when the service of the first goes. */
static void many_services_of_one_socket(void **state)
{
	static const char *const forms[] = { OTHER_VIP, "::ffff:" OTHER_VIP };

	(void)state;
	for (int mapped = 0; mapped < 2; mapped++) {
		struct scene_address vip = scene_address(vip_of[mapped ? FORM_MAPPED : FORM_V4], DNS_PORT);
		struct scene_address other = scene_address(forms[mapped], DNS_PORT);
		struct hdl_vip_key key = udp_key(OTHER_VIP, DNS_PORT);
		char other_peer[64];
		int fd = udp_socket(&vip);

		datagrams(NULL);
		scene_cluster(CLUSTER, HDL_POLICY_ROUND_ROBIN, 1, 1);
		scene_cluster(OTHER_CLUSTER, HDL_POLICY_ROUND_ROBIN, 2, 2);
		scene_route_to(1, OTHER_CLUSTER);
		scene_service_of(OTHER_SERVICE, &key, HDL_LABEL_L4, 1, 1);
		snprintf(other_peer, sizeof(other_peer), "%s 53", forms[mapped]);
		for (int i = 0; i < 3; i++) {
			assert_int_equal(ask(fd, &vip), 1);
			assert_int_equal(ask(fd, &other), 2);
			assert_string_equal(heard(fd), dns_peer_of[mapped ? FORM_MAPPED : FORM_V4]);
			assert_string_equal(heard(fd), other_peer);
		}
		scene.health[2].generation = 0;
		assert_int_equal(ask(fd, &other), 3);
		assert_string_equal(heard(fd), other_peer);
		scene_vip_delete(&key);
		close(fd);
	}
}

/* Connected after it sent, and dissolved again: each time the names are right. */
static void socket_changes_its_ways(void **state)
{
	struct scene_address none = { .any.sa_family = AF_UNSPEC, .size = sizeof(none.any) };

	(void)state;
	for (int form = 0; form < FORMS; form++) {
		struct scene_address vip = scene_address(vip_of[form], DNS_PORT);
		struct scene_address direct = scene_address(form == FORM_V6 ? v6_of[3] : v4_of[3], TARGET);
		int fd = udp_socket(&vip);
		__u32 endpoint;

		datagrams(NULL);
		assert_int_equal(ask(fd, &vip), 1);
		assert_string_equal(heard(fd), dns_peer_of[form]);
		assert_int_equal(connect(fd, &vip.any, vip.size), 0);
		assert_string_equal(scene_peer(fd), dns_peer_of[form]);
		assert_int_equal(send(fd, "?", 1, 0), 1);
		endpoint = answered();
		assert_int_equal(endpoint, 2);
		assert_string_equal(heard(fd), dns_peer_of[form]);
		assert_int_equal(connect(fd, &none.any, none.size), 0);
		assert_int_equal(ask(fd, &vip), endpoint);
		assert_string_equal(heard(fd), dns_peer_of[form]);
		/* what it was connected to is gone (the kernel itself lets a dissolved IPv6 socket hear its old peer only) */
		scene.health[endpoint].generation = 0;
		for (int i = 0; i < 3 && form != FORM_V6; i++) {
			assert_int_equal(ask(fd, &vip), 3);
			assert_string_equal(heard(fd), dns_peer_of[form]);
		}
		if (form != FORM_MAPPED) {
			/* straight to an endpoint: it has its own name again */
			assert_int_equal(connect(fd, &direct.any, direct.size), 0);
			assert_int_equal(send(fd, "?", 1, 0), 1);
			assert_int_equal(answered(), 3);
			assert_null(strstr(heard(fd), " 53"));
		}
		close(fd);
	}
}

static void refusal(int fd, const struct scene_address *to, int error, __u32 verdict)
{
	__u64 before = scene_verdict(verdict);

	assert_int_equal(sendto(fd, "?", 1, 0, &to->any, to->size), -1);
	assert_int_equal(errno, error);
	assert_int_equal(connect(fd, &to->any, to->size), -1);
	assert_int_equal(errno, error);
	assert_int_equal(scene_verdict(verdict), before + 2);
}

/* A service without endpoints refuses at once, as no ICMP message could. */
static void refuses_with_reason(void **state)
{
	(void)state;
	for (int form = 0; form < FORMS; form++) {
		struct scene_address vip = scene_address(vip_of[form], DNS_PORT);
		int fd = udp_socket(&vip);

		datagrams(NULL);
		scene_cluster(CLUSTER, HDL_POLICY_ROUND_ROBIN, 1, 0);
		refusal(fd, &vip, ECONNREFUSED, HDL_VERDICT_NO_HEALTHY);
		scene.route[0].cluster = HDL_CLUSTER_NONE;
		refusal(fd, &vip, ECONNREFUSED, HDL_VERDICT_NO_CLUSTER);
		close(fd);
	}
}

/* TCP and UDP of one port are two services; strangers are left alone, and servers answer whom they like. */
static void others_are_left_alone(void **state)
{
	struct hdl_vip_key key = udp_key(VIP, DNS_PORT);
	struct scene_address vip = scene_address(VIP, DNS_PORT);

	(void)state;
	for (int form = 0; form < FORMS; form++) {
		static const char *const to[FORMS] = { "127.1.0.2", "fd07::2", "::ffff:127.1.0.2" };
		struct scene_address direct = scene_address(to[form], TARGET);
		char peer[64];
		int fd = udp_socket(&direct);

		snprintf(peer, sizeof(peer), "%s %d", to[form], TARGET);
		assert_int_equal(ask(fd, &direct), 2);
		assert_string_equal(heard(fd), peer);
		close(fd);
	}
	assert_int_equal(scene_connect_error(VIP, DNS_PORT), ENETUNREACH);
	scene_vip_delete(&key);
	for (int again = 0; again < 2; again++) {
		int fd = udp_socket(&vip);

		assert_int_equal(sendto(fd, "?", 1, 0, &vip.any, vip.size), -1);
		assert_int_equal(errno, ENETUNREACH);
		assert_int_equal(connect(fd, &vip.any, vip.size), -1);
		assert_int_equal(errno, ENETUNREACH);
		close(fd);
	}
}

/* The daemon's own resolver asks whom it wants. */
static void daemon_is_exempt(void **state)
{
	struct scene_address vip = scene_address(VIP, DNS_PORT);
	int status = -1;
	pid_t child;

	(void)state;
	scene.state->worker_uid = 4711;
	child = fork();
	if (child == 0) {
		int fd = udp_socket(&vip);

		_exit(setuid(4711) == 0 && sendto(fd, "?", 1, 0, &vip.any, vip.size) == -1 && errno == ENETUNREACH ? 0 :
														     1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static int body(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(connected_socket, datagrams),
		cmocka_unit_test_setup(unconnected_socket_keeps_its_endpoint, datagrams),
		cmocka_unit_test_setup(another_generation_is_another_endpoint, datagrams),
		cmocka_unit_test_setup(many_services_of_one_socket, datagrams),
		cmocka_unit_test_setup(socket_changes_its_ways, datagrams),
		cmocka_unit_test_setup(refuses_with_reason, datagrams),
		cmocka_unit_test_setup(others_are_left_alone, datagrams),
		cmocka_unit_test_setup(daemon_is_exempt, datagrams),
	};

	dialled_listen();
	for (__u32 i = 1; i <= ENDPOINTS; i++) {
		servers[i][HDL_FAMILY_V4] = udp_server(v4_of[i]);
		servers[i][HDL_FAMILY_V6] = udp_server(v6_of[i]);
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	return scene_run(body);
}
