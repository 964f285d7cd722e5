// SPDX-License-Identifier: Apache-2.0
/* The packet path when the endpoint is the client itself: its packets are turned back to it, from the service's address. */
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tests/bpf/packet_scene.h"

#define TURNED TC_ACT_REDIRECT

static int one_pod(void **state)
{
	services(state);
	scene_endpoint(1, 1, CLIENT, CLIENT6, TARGET);
	return 0;
}

static void turned_round(struct packet *packet)
{
	unsigned char mac[6];

	memcpy(mac, packet->bytes, 6);
	memcpy(packet->bytes, packet->bytes + 6, 6);
	memcpy(packet->bytes + 6, mac, 6);
}

/* The program makes the first of the second, and sends it back. */
static void turns(const struct packet *in, struct packet wanted)
{
	turned_round(&wanted);
	assert_int_equal(forward(in), TURNED);
	assert_true(packet_same(&out, &wanted));
}

static void turns_spec(const struct packet_spec *in, const struct packet_spec *wanted)
{
	struct packet packet = packet_make(in);

	turns(&packet, packet_make(wanted));
}

/* The same bytes with both addresses swapped and these ports. */
static struct packet_spec swapped(struct packet_spec spec, unsigned int from_port, unsigned int to_port)
{
	const char *from = spec.from;

	spec.from = spec.to;
	spec.to = from;
	spec.from_port = from_port;
	spec.to_port = to_port;
	return spec;
}

static struct packet_spec from_pod(bool v6, unsigned int protocol, unsigned int port)
{
	struct packet_spec spec = { v6 ? CLIENT6 : CLIENT, v6 ? VIP6 : VIP, port, PORT, .protocol = protocol };

	spec.flags = TH_SYN;
	return spec;
}

static struct hdl_flow_record record_of(const struct packet_spec *spec)
{
	struct hdl_flow_key key = { .source = scene_addr(spec->from), .destination = scene_addr(spec->to) };
	struct hdl_flow_record record = { 0 };

	key.source_port = htons((uint16_t)spec->from_port);
	key.destination_port = htons((uint16_t)spec->to_port);
	key.protocol = (__u8)spec->protocol;
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(scene.skel->maps.flow), &key, &record), 0);
	return record;
}

static void there_and_back(void **state)
{
	static const unsigned char extensions[] = { 0, 60, PACKET_END };

	(void)state;
	for (int form = 0; form < 8; form++) {
		bool v6 = form & 1, tcp = form & 2;
		struct packet_spec there = from_pod(v6, tcp ? IPPROTO_TCP : IPPROTO_UDP, 40000 + form), arrives, back;

		there.payload = tcp ? 0 : 101;
		there.ip_options = !v6 && form & 4 ? 12 : 0;
		there.extensions = v6 && form & 4 ? extensions : NULL;
		there.no_check = !v6 && !tcp && form & 4;
		arrives = swapped(there, there.from_port, TARGET);
		turns_spec(&there, &arrives);
		back = swapped(arrives, TARGET, there.from_port);
		back.flags = TH_SYN | TH_ACK;
		arrives = swapped(back, PORT, there.from_port);
		turns_spec(&back, &arrives);
		there.flags = TH_ACK;
		there.payload = 333;
		arrives = swapped(there, there.from_port, TARGET);
		turns_spec(&there, &arrives);
	}
}

static void states_are_those_of_any_flow(void **state)
{
	static const struct {
		bool answers;
		unsigned int flags, wanted;
	} steps[] = {
		{ false, TH_SYN, HDL_FLOW_NEW },
		{ true, TH_SYN | TH_ACK, HDL_FLOW_ESTABLISHED },
		{ false, TH_ACK, HDL_FLOW_ESTABLISHED },
		{ true, TH_FIN | TH_ACK, HDL_FLOW_CLOSING },
		{ true, TH_FIN | TH_ACK, HDL_FLOW_CLOSING },
		{ false, TH_FIN | TH_ACK, HDL_FLOW_CLOSED },
		{ false, TH_SYN, HDL_FLOW_NEW },
		{ true, TH_RST | TH_ACK, HDL_FLOW_CLOSED },
	};
	struct packet_spec there = from_pod(false, IPPROTO_TCP, 41000), back = there, in;

	(void)state;
	back.from_port = TARGET;
	back.to_port = 41000;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		in = steps[i].answers ? back : there;
		in.flags = steps[i].flags;
		struct packet packet = packet_make(&in);
		assert_int_equal(forward(&packet), TURNED);
		assert_int_equal(record_of(&there).state, steps[i].wanted);
		assert_int_equal(record_of(&back).state, steps[i].wanted);
	}
}

static void pieces_follow_the_first(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct packet_spec there = from_pod(v6, IPPROTO_UDP, 42000), arrives;

		there.whole = 1608;
		there.id = 99;
		for (there.fragment = 0; there.fragment < 1608; there.fragment += 800) {
			there.more = there.fragment + 800 < 1608;
			there.payload = there.more ? 800 : 1608 - there.fragment;
			arrives = swapped(there, 42000, TARGET);
			turns_spec(&there, &arrives);
		}
	}
}

/* The closed port of the pod answers itself. An error by somebody behind the pod is left alone. */
static void errors_are_turned_too(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct packet_spec there = from_pod(v6, IPPROTO_UDP, 43000), arrives;
		unsigned int type = v6 ? 1 : 3, code = v6 ? 4 : 3;
		struct packet in;

		there.payload = 40;
		arrives = swapped(there, 43000, TARGET);
		turns_spec(&there, &arrives);
		in = packet_error(there.from, there.to, type, code, 0, &arrives, 0);
		turns(&in, packet_error(there.to, there.from, type, code, 0, &there, 0));
		in = packet_error(v6 ? "fd01::99" : "10.1.0.99", there.to, type, code, 0, &arrives, 0);
		left_alone(forward, &in);
	}
}

/* The service has several endpoints, of which one is the client: both ways work beside each other. */
static void other_endpoints_beside(void **state)
{
	struct packet_spec there = from_pod(false, IPPROTO_TCP, 44000), arrives;
	unsigned int turned = 0;

	(void)state;
	scene_endpoint(2, 1, ENDPOINT, ENDPOINT6, TARGET);
	scene_cluster(1, HDL_POLICY_ROUND_ROBIN, 1, 2);
	for (int i = 0; i < 20; i++, there.from_port++) {
		struct packet packet = packet_make(&there), wanted;
		int action = forward(&packet);

		arrives = action == TURNED ? swapped(there, there.from_port, TARGET) : to_endpoint(there);
		wanted = packet_make(&arrives);
		if (action == TURNED)
			turned_round(&wanted);
		assert_true(packet_same(&out, &wanted));
		turned += action == TURNED;
	}
	assert_in_range(turned, 1, 19);
}

/* Client, service and endpoint with one and the same port: the two records of the flow must not be one. */
static void one_port_for_all(void **state)
{
	struct packet_spec there = from_pod(false, IPPROTO_UDP, PORT), arrives, back;

	(void)state;
	scene_endpoint(1, 1, CLIENT, CLIENT6, PORT);
	there.payload = 4;
	struct packet packet = packet_make(&there);
	assert_int_equal(forward(&packet), TURNED);
	arrives = swapped(there, (unsigned int)out.bytes[PACKET_ETH + 20] << 8 | out.bytes[PACKET_ETH + 21], PORT);
	assert_int_not_equal(arrives.from_port, PORT);
	turns_spec(&there, &arrives);
	back = swapped(arrives, PORT, arrives.from_port);
	arrives = swapped(back, PORT, PORT);
	turns_spec(&back, &arrives);
}

/* One record was pushed out: the other one makes it anew. */
static void a_lost_record_comes_back(void **state)
{
	struct packet_spec there = from_pod(false, IPPROTO_TCP, 45000), back = there, arrives;
	struct hdl_flow_key key = { .source = scene_addr(CLIENT), .destination = scene_addr(VIP) }, other;
	struct hdl_flow_record record;
	struct packet packet = packet_make(&there);
	int fd = bpf_map__fd(scene.skel->maps.flow);

	(void)state;
	assert_int_equal(forward(&packet), TURNED);
	back.from_port = TARGET;
	back.to_port = 45000;
	back.flags = TH_ACK;
	key.protocol = IPPROTO_TCP;
	other = key;
	key.source_port = htons(45000);
	key.destination_port = htons(PORT);
	other.source_port = htons(TARGET);
	other.destination_port = htons(45000);
	record = record_of(&back);
	record.seen_ns -= 2 * HDL_FLOW_TOUCH_NS; /* its turn to be looked after */
	assert_int_equal(bpf_map_update_elem(fd, &other, &record, BPF_ANY), 0);
	assert_int_equal(bpf_map_delete_elem(fd, &key), 0);
	arrives = swapped(back, PORT, 45000);
	turns_spec(&back, &arrives);
	there.flags = TH_ACK;
	arrives = swapped(there, 45000, TARGET);
	turns_spec(&there, &arrives);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(there_and_back, one_pod),
		cmocka_unit_test_setup(states_are_those_of_any_flow, one_pod),
		cmocka_unit_test_setup(pieces_follow_the_first, one_pod),
		cmocka_unit_test_setup(errors_are_turned_too, one_pod),
		cmocka_unit_test_setup(other_endpoints_beside, one_pod),
		cmocka_unit_test_setup(one_port_for_all, one_pod),
		cmocka_unit_test_setup(a_lost_record_comes_back, one_pod),
	};

	hdl_test_need_bpf();
	scene_new_netns();
	scene_load(true);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
