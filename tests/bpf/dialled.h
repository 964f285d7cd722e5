/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the socket hooks dial: a service of both families before three endpoints that listen on loopback. */
#ifndef HDL_TESTS_BPF_DIALLED_H
#define HDL_TESTS_BPF_DIALLED_H

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

static int listeners[ENDPOINTS + 1][HDL_FAMILIES]; /* of endpoint 1.. */
static const char *const v4_of[] = { "", "127.1.0.1", "127.1.0.2", "127.1.0.3" };
static const char *const v6_of[] = { "", "fd07::1", "fd07::2", "fd07::3" };

/* The three ways in which a client dials: the last is what a JVM does, an IPv6 socket that talks IPv4. */
enum form { FORM_V4, FORM_V6, FORM_MAPPED, FORMS };
static const char *const vip_of[FORMS] = { VIP, VIP6, "::ffff:10.96.0.10" };
static const char *const peer_of[FORMS] = { VIP " 80", VIP6 " 80", "::ffff:10.96.0.10 80" };

/* Which endpoint has a connection waiting: taken off its queue; 0 = none. */
SCENE_HELPER __u32 arrived(int *ret_fd)
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
SCENE_HELPER __u32 reach(const char *text, unsigned int port)
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
SCENE_HELPER int usual(void **state)
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

SCENE_HELPER __u32 active(void)
{
	return scene.health[1].active + scene.health[2].active + scene.health[3].active;
}

/* IPv4 is refused with ECONNREFUSED, and the verdict says why. */
SCENE_HELPER void check_refused(__u32 verdict)
{
	__u64 before = scene_verdict(verdict);

	assert_int_equal(scene_connect_error(VIP, PORT), ECONNREFUSED);
	assert_int_equal(scene_connect_error(MAPPED_VIP, PORT), ECONNREFUSED);
	assert_int_equal(scene_verdict(verdict), before + 2);
}

/* Addresses and listeners of the endpoints. */
SCENE_HELPER void dialled_listen(void)
{
	scene_command("ip route add 192.0.2.0/24 dev lo");
	for (__u32 i = 1; i <= ENDPOINTS; i++) {
		char command[96];

		snprintf(command, sizeof(command), "ip -6 addr add %s/128 dev lo nodad", v6_of[i]);
		scene_command(command);
		listeners[i][HDL_FAMILY_V4] = scene_listen(v4_of[i], TARGET, NULL);
		listeners[i][HDL_FAMILY_V6] = scene_listen(v6_of[i], TARGET, NULL);
	}
}

#endif
