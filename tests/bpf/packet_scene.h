/* SPDX-License-Identifier: Apache-2.0 */
/* Services, a client and an endpoint for tests of the packet path, and what the programs make of packets between them. */
#ifndef HDL_TESTS_BPF_PACKET_SCENE_H
#define HDL_TESTS_BPF_PACKET_SCENE_H

#include <linux/pkt_cls.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tests/bpf/packets.h"

#define CLIENT "10.1.0.2"
#define CLIENT6 "fd01::2"
#define VIP "10.96.0.10"
#define VIP6 "fd96::10"
#define ENDPOINT "10.2.0.7"
#define ENDPOINT6 "fd02::7"
#define PORT 80
#define TARGET 8080
#define PASSED TC_ACT_UNSPEC

static struct packet out;

PACKET_HELPER int forward(const struct packet *in)
{
	return packet_run(scene.skel->progs.hdl_tc_packet, in, &out);
}

PACKET_HELPER int backward(const struct packet *in)
{
	return packet_run(scene.skel->progs.hdl_tc_reply, in, &out);
}

PACKET_HELPER void forget_flows(void)
{
	struct hdl_flow_key key;
	int fd = bpf_map__fd(scene.skel->maps.flow);

	while (bpf_map_get_next_key(fd, NULL, &key) == 0)
		bpf_map_delete_elem(fd, &key);
}

PACKET_HELPER struct hdl_service_version *serve(__u32 id, const char *vip, unsigned int protocol)
{
	struct hdl_service_version *version = scene_service(id, vip, PORT, HDL_LABEL_L4, 1, 1);
	struct hdl_vip_key key = version->key;

	key.protocol = version->key.protocol = (__u8)protocol;
	if (bpf_map_update_elem(bpf_map__fd(scene.skel->maps.vip), &key, &id, BPF_ANY) != 0)
		scene_fail("vip");
	return version;
}

PACKET_HELPER int services(void **state)
{
	(void)state;
	forget_flows();
	serve(3, VIP, IPPROTO_UDP);
	serve(4, VIP6, IPPROTO_UDP);
	serve(1, VIP, IPPROTO_TCP);
	serve(2, VIP6, IPPROTO_TCP);
	scene_endpoint(1, 1, ENDPOINT, ENDPOINT6, TARGET);
	scene_cluster(1, HDL_POLICY_ROUND_ROBIN, 1, 1);
	scene_route_to(1, 1);
	return 0;
}

/* The spec that goes on: to the endpoint instead of the service. */
PACKET_HELPER struct packet_spec to_endpoint(struct packet_spec spec)
{
	spec.to = packet_is_v6(spec.to) ? ENDPOINT6 : ENDPOINT;
	spec.to_port = TARGET;
	return spec;
}

/* An answer of the endpoint, and what the client must get. */
PACKET_HELPER struct packet_spec answer(struct packet_spec spec, unsigned int flags, unsigned int payload)
{
	struct packet_spec reply = {
		.from = packet_is_v6(spec.to) ? ENDPOINT6 : ENDPOINT,
		.to = spec.from,
		.from_port = TARGET,
		.to_port = spec.from_port,
		.protocol = spec.protocol,
		.flags = flags,
		.payload = payload,
		.no_check = spec.no_check,
	};

	return reply;
}

PACKET_HELPER struct packet_spec from_service(struct packet_spec reply)
{
	reply.from = packet_is_v6(reply.to) ? VIP6 : VIP;
	reply.from_port = PORT;
	return reply;
}

PACKET_HELPER void expect(int (*run)(const struct packet *), const struct packet_spec *in,
			  const struct packet_spec *wanted)
{
	struct packet from = packet_make(in), to = packet_make(wanted);

	assert_int_equal(run(&from), PASSED);
	assert_true(packet_same(&out, &to));
}

PACKET_HELPER void left_alone(int (*run)(const struct packet *), const struct packet *packet)
{
	assert_int_equal(run(packet), PASSED);
	if (out.size)
		assert_true(packet_same(&out, packet));
}

#endif
