// SPDX-License-Identifier: Apache-2.0
/* The packet path: ICMP errors about translated packets, and refusals, which the packet itself becomes. */
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tests/bpf/packet_scene.h"

#define ROUTER "192.0.2.1"
#define ROUTER6 "2001:db8::1"
#define REDIRECTED TC_ACT_REDIRECT

static struct packet_spec flow_of(bool v6, unsigned int protocol, unsigned int payload)
{
	struct packet_spec spec = { v6 ? CLIENT6 : CLIENT, v6 ? VIP6 : VIP, 40000, PORT, .protocol = protocol };

	spec.flags = TH_SYN;
	spec.payload = payload;
	return spec;
}

static void begin(const struct packet_spec *spec)
{
	struct packet_spec there = to_endpoint(*spec);

	expect(forward, spec, &there);
}

static void translates(int (*run)(const struct packet *), const struct packet *in, const struct packet *wanted)
{
	assert_int_equal(run(in), PASSED);
	assert_true(packet_same(&out, wanted));
}

/* Errors of a router and of the endpoint about what the client sent, with as much of it quoted as there may be. */
static void errors_reach_the_client(void **state)
{
	static const unsigned int protocols[] = { IPPROTO_TCP, IPPROTO_UDP };

	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		const char *const senders[] = { v6 ? ROUTER6 : ROUTER, v6 ? ENDPOINT6 : ENDPOINT };

		for (size_t i = 0; i < 4; i++) {
			struct packet_spec sent = flow_of(v6, protocols[i / 2], i < 2 ? 0 : 300), there;
			const char *sender = senders[i % 2], *seen = i % 2 ? sent.to : sender;
			unsigned int header = v6 ? 40 : 20;

			begin(&sent);
			there = to_endpoint(sent);
			/* PMTU: fragmentation needed, packet too big */
			for (unsigned int quoted = header + 8; quoted <= header + 40; quoted += 2) {
				struct packet in =
					packet_error(sender, sent.from, v6 ? 2 : 3, v6 ? 0 : 4, 1400, &there, quoted);
				struct packet wanted =
					packet_error(seen, sent.from, v6 ? 2 : 3, v6 ? 0 : 4, 1400, &sent, quoted);

				translates(backward, &in, &wanted);
			}
		}
	}
}

/* What the client itself reports about an answer, for which it closed the port. */
static void errors_reach_the_endpoint(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct packet_spec sent = flow_of(v6, IPPROTO_UDP, 30), back, seen;
		struct packet in, wanted;

		begin(&sent);
		back = answer(sent, 0, 50);
		seen = from_service(back);
		expect(backward, &back, &seen);
		in = packet_error(sent.from, sent.to, v6 ? 1 : 3, v6 ? 4 : 3, 0, &seen, 0);
		wanted = packet_error(sent.from, v6 ? ENDPOINT6 : ENDPOINT, v6 ? 1 : 3, v6 ? 4 : 3, 0, &back, 0);
		translates(forward, &in, &wanted);
	}
}

static void quotes_with_options_and_extensions(void **state)
{
	static const unsigned char all[] = { 0, 60, 43, PACKET_END };

	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct packet_spec sent = flow_of(v6, IPPROTO_TCP, 0), there;
		struct packet in, wanted;

		sent.ip_options = v6 ? 0 : 40;
		sent.extensions = v6 ? all : NULL;
		begin(&sent);
		there = to_endpoint(sent);
		in = packet_error(v6 ? ROUTER6 : ROUTER, sent.from, v6 ? 3 : 11, 0, 0, &there, 0);
		wanted = packet_error(v6 ? ROUTER6 : ROUTER, sent.from, v6 ? 3 : 11, 0, 0, &sent, 0);
		translates(backward, &in, &wanted);
	}
}

/* Other ICMP, errors about flows that are not ours, and errors cut at every byte. */
static void other_errors_stay_as_they_are(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct packet_spec sent = flow_of(v6, IPPROTO_UDP, 30), there, stranger;
		const char *router = v6 ? ROUTER6 : ROUTER;
		struct packet packet;

		begin(&sent);
		there = to_endpoint(sent);
		stranger = there;
		stranger.from_port++;
		packet = packet_error(router, sent.from, v6 ? 1 : 3, 0, 0, &stranger, 0);
		left_alone(backward, &packet);
		left_alone(forward, &packet);
		packet = packet_error(router, sent.from, v6 ? 128 : 8, 0, 0, &there, 0); /* echo */
		left_alone(backward, &packet);
		packet = packet_error(router, sent.from, v6 ? 137 : 5, 0, 0, &there, 0); /* redirect */
		left_alone(backward, &packet);
		stranger = there;
		stranger.fragment = 16;
		stranger.whole = 38;
		stranger.payload = 16;
		packet = packet_error(router, sent.from, v6 ? 1 : 3, 0, 0, &stranger, 0);
		left_alone(backward, &packet);
		packet = packet_error(router, sent.from, v6 ? 1 : 3, 0, 0, &there, v6 ? 48 : 28);
		for (unsigned int size = packet.size - 1; size > PACKET_ETH; size--) {
			struct packet cut = packet;

			cut.size = size;
			left_alone(backward, &cut);
			left_alone(forward, &cut);
		}
	}
}

/* --- refusals --- */

static struct packet reversed(struct packet packet)
{
	for (int i = 0; i < 6; i++) {
		unsigned char byte = packet.bytes[i];

		packet.bytes[i] = packet.bytes[6 + i];
		packet.bytes[6 + i] = byte;
	}
	return packet;
}

/* The RST that a SYN of the spec gets: with its IP header and TTL, no TCP options. */
static struct packet rst_of(const struct packet_spec *syn)
{
	struct packet_spec rst = *syn;
	struct packet packet;
	bool v6 = packet_is_v6(syn->to);
	unsigned int at;

	rst.from = syn->to;
	rst.to = syn->from;
	rst.from_port = syn->to_port;
	rst.to_port = syn->from_port;
	rst.tcp_options = 0;
	rst.flags = TH_RST | TH_ACK;
	packet = reversed(packet_make(&rst));
	at = packet.size - 20;
	memcpy(packet.bytes + at + 4, "\0\0\0\0\1\2\3\5\x50\x14\0\0\0\0\0\0", 16);
	packet_put_16(&packet, at + 16,
		      ~packet_sum(packet.bytes + at, 20,
				  packet_pseudo(rst.from, rst.to, IPPROTO_TCP, packet.size - at)) &
			      0xffff);
	(void)v6;
	return packet;
}

static void refused(const struct packet_spec *spec, const struct packet *wanted)
{
	struct packet in = packet_make(spec);

	assert_int_equal(forward(&in), REDIRECTED);
	assert_true(packet_same(&out, wanted));
}

static int no_endpoints(void **state)
{
	services(state);
	scene_cluster(1, HDL_POLICY_ROUND_ROBIN, 1, 0);
	return 0;
}

static void a_syn_becomes_a_reset(void **state)
{
	static const unsigned char all[] = { 0, 60, 43, PACKET_END };
	__u64 counted = scene_verdict(HDL_VERDICT_NO_HEALTHY);

	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		for (unsigned int options = 0; options <= 40; options += 4) {
			struct packet_spec syn = flow_of(v6, IPPROTO_TCP, 0);
			struct packet rst;

			syn.tcp_options = options;
			syn.ip_options = v6 ? 0 : options;
			syn.extensions = v6 && options > 8 ? all : NULL;
			rst = rst_of(&syn);
			refused(&syn, &rst);
		}
	}
	assert_int_equal(scene_verdict(HDL_VERDICT_NO_HEALTHY), counted + 22);
}

static void a_syn_with_data_is_dropped(void **state)
{
	struct packet_spec syn = flow_of(false, IPPROTO_TCP, 100);
	struct packet packet = packet_make(&syn);

	(void)state;
	assert_int_equal(forward(&packet), TC_ACT_SHOT);
}

static void a_datagram_becomes_port_unreachable(void **state)
{
	static const unsigned char all[] = { 0, 60, 43, PACKET_END };

	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		for (int form = 0; form < 3; form++) {
			struct packet_spec udp = flow_of(v6, IPPROTO_UDP, form * 500);
			struct packet error;

			udp.ip_options = v6 ? 0 : (unsigned int)form * 20;
			udp.extensions = v6 && form ? all : NULL;
			error = packet_error(udp.to, udp.from, v6 ? 1 : 3, v6 ? 4 : 3, 0, &udp,
					     (v6 ? form ? 40 + 32 : 40 : 20 + udp.ip_options) + 8);
			/* the answer's own header is plain */
			error.bytes[PACKET_ETH + 1] = 0;
			if (v6)
				memset(error.bytes + PACKET_ETH + 2, 0, 2);
			else
				packet_put_16(&error, PACKET_ETH + 10, 0),
					packet_put_16(&error, PACKET_ETH + 10,
						      ~packet_sum(error.bytes + PACKET_ETH, 20, 0) & 0xffff);
			error = reversed(error);
			refused(&udp, &error);
		}
	}
}

static void a_closed_service_refuses_without_a_worker(void **state)
{
	struct packet_spec syn = flow_of(false, IPPROTO_TCP, 0), there;
	struct packet rst = rst_of(&syn);
	__u64 closed = scene_verdict(HDL_VERDICT_FAILED_CLOSED), open = scene_verdict(HDL_VERDICT_FAILED_OPEN);

	(void)state;
	scene.service[1].version[0].label = HDL_LABEL_REQUEST;
	scene.service[1].version[0].fail_mode = HDL_FAIL_CLOSED;
	refused(&syn, &rst);
	assert_int_equal(scene_verdict(HDL_VERDICT_FAILED_CLOSED), closed + 1);
	scene.service[1].version[0].fail_mode = HDL_FAIL_OPEN;
	there = to_endpoint(syn);
	expect(forward, &syn, &there);
	assert_int_equal(scene_verdict(HDL_VERDICT_FAILED_OPEN), open + 1);
}

static void without_a_route_it_is_refused(void **state)
{
	struct packet_spec syn = flow_of(true, IPPROTO_TCP, 0);
	struct packet rst = rst_of(&syn);

	(void)state;
	scene.service[2].version[0].route_count = 0;
	refused(&syn, &rst);
}

/* --- who the client is --- */

static int clients(void **state)
{
	__u32 ifindex = 1;

	services(state);
	scene_workload(7, 1, CLIENT, CLIENT6);
	scene_client(1, 7, 5, HDL_CLIENT_REGISTRY_ONLY);
	if (bpf_map_update_elem(bpf_map__fd(scene.skel->maps.interface), &ifindex, &scene.cookie, BPF_ANY) != 0)
		scene_fail("interface");
	scene.state->flags = HDL_STATE_CLASSES | HDL_STATE_REGISTRY_ONLY;
	return 0;
}

static int no_clients(void **state)
{
	__u32 ifindex = 1;

	(void)state;
	scene.state->flags = 0;
	bpf_map_delete_elem(bpf_map__fd(scene.skel->maps.interface), &ifindex);
	return 0;
}

/* A class has its own record of the address, found by the interface. */
static void a_class_has_its_own_endpoints(void **state)
{
	struct hdl_vip_key key = scene_key(VIP, PORT);
	struct packet_spec spec = flow_of(false, IPPROTO_TCP, 0), there = to_endpoint(spec);

	(void)state;
	key.class_id = 5;
	scene_endpoint(2, 2, "10.2.0.9", "fd02::9", TARGET);
	scene_cluster(2, HDL_POLICY_ROUND_ROBIN, 2, 1);
	scene_route_to(2, 2);
	scene_service_of(6, &key, HDL_LABEL_L4, 2, 1);
	scene.service[1].version[0].flags = HDL_SERVICE_CLASSES;
	there.to = "10.2.0.9";
	expect(forward, &spec, &there);
	no_clients(NULL);
	spec.from_port++;
	there = to_endpoint(spec);
	expect(forward, &spec, &there);
	scene_vip_delete(&key);
}

static void registry_only_refuses_the_rest(void **state)
{
	struct packet_spec syn = flow_of(false, IPPROTO_TCP, 0), there = to_endpoint(syn), udp;
	struct packet rst, packet;
	__u64 counted = scene_verdict(HDL_VERDICT_REGISTRY_ONLY);

	(void)state;
	expect(forward, &syn, &there); /* a service */
	syn.to = "203.0.113.1";
	rst = rst_of(&syn);
	refused(&syn, &rst);
	assert_int_equal(scene_verdict(HDL_VERDICT_REGISTRY_ONLY), counted + 1);
	syn.flags = TH_ACK; /* it is not new */
	packet = packet_make(&syn);
	left_alone(forward, &packet);
	udp = flow_of(false, IPPROTO_UDP, 0);
	udp.to = "203.0.113.1";
	packet = packet_make(&udp);
	assert_int_equal(forward(&packet), REDIRECTED);
	udp.to_port = 53;
	packet = packet_make(&udp);
	left_alone(forward, &packet);
	udp.to_port = PORT;
	udp.from_port = 5000; /* a server's answer */
	packet = packet_make(&udp);
	left_alone(forward, &packet);
	udp.from_port = 40000;
	udp.to = "224.0.0.1";
	packet = packet_make(&udp);
	left_alone(forward, &packet);
	scene_node_address("203.0.113.1", true);
	udp.to = "203.0.113.1";
	packet = packet_make(&udp);
	left_alone(forward, &packet);
	scene_node_address("203.0.113.1", false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(errors_reach_the_client, services),
		cmocka_unit_test_setup(errors_reach_the_endpoint, services),
		cmocka_unit_test_setup(quotes_with_options_and_extensions, services),
		cmocka_unit_test_setup(other_errors_stay_as_they_are, services),
		cmocka_unit_test_setup(a_syn_becomes_a_reset, no_endpoints),
		cmocka_unit_test_setup(a_syn_with_data_is_dropped, no_endpoints),
		cmocka_unit_test_setup(a_datagram_becomes_port_unreachable, no_endpoints),
		cmocka_unit_test_setup(a_closed_service_refuses_without_a_worker, services),
		cmocka_unit_test_setup(without_a_route_it_is_refused, services),
		cmocka_unit_test_setup_teardown(a_class_has_its_own_endpoints, clients, no_clients),
		cmocka_unit_test_setup_teardown(registry_only_refuses_the_rest, clients, no_clients),
	};

	hdl_test_need_bpf();
	scene_new_netns();
	scene_load(true);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
