// SPDX-License-Identifier: Apache-2.0
/*
 * tc at the edge, packet in and packet out: all that XDP leaves to it, or everything where there is no XDP; errors about
 * packets too big, refusals, ICMP both ways, and answers of the node's own endpoints.
 */
#include <linux/pkt_cls.h>
#include "tests/bpf/edge_scene.h"

#define ROUTER "10.2.0.1"
#define ROUTER6 "fd02::1"

static int run_program(const struct bpf_program *program, const struct packet *in)
{
	struct __sk_buff context = { .ifindex = ifindex, .ingress_ifindex = ifindex };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in->bytes, .data_size_in = in->size, .data_out = out.bytes,
		    .data_size_out = sizeof(out.bytes), .ctx_in = &context, .ctx_size_in = sizeof(context));

	memset(&out, 0, sizeof(out));
	if (bpf_prog_test_run_opts(bpf_program__fd(program), &opts) != 0) {
		/* newer kernels do not make a buffer without a whole IP header */
		if (errno != EINVAL || in->size >= PACKET_ETH + 40)
			scene_fail("test run");
		return -1;
	}
	out.size = opts.data_size_out;
	return (int)opts.retval;
}

static int comes_in(const struct packet *in)
{
	return run_program(scene.skel->progs.hdl_tc_edge, in);
}

static int goes_out(const struct packet *in)
{
	return run_program(scene.skel->progs.hdl_tc_edge_out, in);
}

/* The stack puts the frame's addresses in: they are as they came. */
static struct packet_spec there(const struct way *way, struct packet_spec spec)
{
	struct packet in = frame(&spec, node_mac, client_mac), wanted;
	unsigned int at;

	assert_int_equal(comes_in(&in), TC_ACT_REDIRECT);
	at = out.size - spec.payload - (spec.protocol == IPPROTO_TCP ? 20 + spec.tcp_options : 8);
	spec.from_port = (unsigned int)out.bytes[at] << 8 | out.bytes[at + 1];
	assert_in_range(spec.from_port, HDL_EDGE_PORT_FIRST, HDL_EDGE_PORT_LAST);
	spec.from = way->own;
	spec.to = way->endpoint;
	spec.to_port = TARGET;
	spec.last_hop = 63;
	wanted = frame(&spec, node_mac, client_mac);
	assert_true(packet_same(&out, &wanted));
	return spec;
}

static void goes_there_and_back(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct packet_spec spec = first_of(&ways[i]), sent = there(&ways[i], spec), reply = sent;
		struct packet in, wanted;

		reply.from = sent.to;
		reply.to = sent.from;
		reply.from_port = sent.to_port;
		reply.to_port = sent.from_port;
		reply.flags = TH_SYN | TH_ACK;
		reply.last_hop = 0;
		in = frame(&reply, node_mac, endpoint_mac);
		assert_int_equal(comes_in(&in), TC_ACT_REDIRECT);
		reply.from = spec.to;
		reply.from_port = spec.to_port;
		reply.to = spec.from;
		reply.to_port = spec.from_port;
		reply.last_hop = 63;
		wanted = frame(&reply, node_mac, endpoint_mac);
		assert_true(packet_same(&out, &wanted));
	}
}

static void headers_of_every_form(void **state)
{
	static const unsigned char extensions[] = { 0, 60, 43, PACKET_END };
	struct packet_spec spec;

	(void)state;
	spec = first_of(&ways[0]);
	spec.ip_options = 40;
	spec.tcp_options = 40;
	there(&ways[0], spec);
	spec = first_of(&ways[1]);
	spec.no_check = true;
	there(&ways[1], spec);
	spec = first_of(&ways[2]);
	spec.extensions = extensions;
	there(&ways[2], spec);
}

static void a_neighbour_that_is_not_known_is_asked_for(void **state)
{
	struct packet_spec spec = first_of(&ways[0]);
	struct packet packet = frame(&spec, node_mac, client_mac);

	(void)state;
	scene_endpoint(1, 1, "192.0.2.99", "2001:db8::99", TARGET);
	assert_int_equal(comes_in(&packet), TC_ACT_REDIRECT);
}

static void no_way_is_no_answer(void **state)
{
	struct packet_spec spec = first_of(&ways[0]);
	struct packet packet = frame(&spec, node_mac, client_mac);

	(void)state;
	scene_endpoint(1, 1, "198.51.100.1", "2001:db9::1", TARGET);
	assert_int_equal(comes_in(&packet), TC_ACT_SHOT);
}

/* The client's address stays, the stack delivers; the answer gets the service's address where it leaves. */
static void local_endpoints(void **state)
{
	(void)state;
	scene.endpoint[1].flags = HDL_ENDPOINT_LOCAL;
	for (unsigned int i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct packet_spec spec = first_of(&ways[i]), reply = { .protocol = spec.protocol, .flags = TH_ACK };
		struct packet in = frame(&spec, node_mac, client_mac), wanted;

		assert_int_equal(comes_in(&in), TC_ACT_UNSPEC);
		spec.to = ways[i].endpoint;
		spec.to_port = TARGET;
		wanted = frame(&spec, node_mac, client_mac);
		assert_true(packet_same(&out, &wanted));
		reply.from = spec.to;
		reply.from_port = TARGET;
		reply.to = spec.from;
		reply.to_port = spec.from_port;
		in = frame(&reply, client_mac, node_mac);
		assert_int_equal(comes_in(&in), TC_ACT_UNSPEC); /* from outside: not it */
		assert_true(packet_same(&out, &in));
		assert_int_equal(goes_out(&in), TC_ACT_UNSPEC);
		reply.from = ways[i].dialled;
		reply.from_port = ways[i].port;
		wanted = frame(&reply, client_mac, node_mac);
		assert_true(packet_same(&out, &wanted));
	}
}

static void refused_without_endpoints(void **state)
{
	(void)state;
	edge_table(1, 1, 1);
	scene.health[1].ejected_until_ns = ~0ull;
	for (int family = 0; family < HDL_FAMILIES; family++)
		scene.cluster[1].version[0].edge[family].count = 0;
	for (unsigned int i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct packet_spec spec = first_of(&ways[i]);
		struct packet in;

		spec.payload = 0;
		in = frame(&spec, node_mac, client_mac);
		assert_int_equal(comes_in(&in), TC_ACT_REDIRECT);
		assert_memory_equal(out.bytes, client_mac, 6); /* back to where it came from */
	}
}

/* A rule leads to a service that is not external: it has members and no table. Local holds for them, too. */
static void of_another_service(void **state)
{
	(void)state;
	for (int family = 0; family < HDL_FAMILIES; family++)
		scene.cluster[1].version[0].edge[family].count = 0;
	for (unsigned int i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		there(&ways[i], first_of(&ways[i]));
	for (__u32 id = 1; id <= 6; id++)
		scene.service[id].version[0].flags |= HDL_SERVICE_EXTERNAL_LOCAL;
	for (unsigned int i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct packet_spec spec = first_of(&ways[i]);
		struct packet in;

		spec.from_port++; /* another connection */
		spec.payload = 0;
		in = frame(&spec, node_mac, client_mac);
		assert_int_equal(comes_in(&in), TC_ACT_REDIRECT);
		assert_memory_equal(out.bytes, client_mac, 6); /* refused */
	}
	scene.endpoint[1].flags = HDL_ENDPOINT_LOCAL;
	for (unsigned int i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct packet_spec spec = first_of(&ways[i]);
		struct packet in;

		spec.from_port += 2;
		in = frame(&spec, node_mac, client_mac);
		assert_int_equal(comes_in(&in), TC_ACT_UNSPEC);
		assert_false(packet_same(&out, &in));
	}
}

/* An error of a router of the endpoint's: to the client, who sees what it sent itself. */
static struct packet forwarded(struct packet packet, bool v6)
{
	unsigned char *ip = packet.bytes + PACKET_ETH;

	ip[v6 ? 7 : 8]--;
	if (!v6) {
		packet_put_16(&packet, PACKET_ETH + 10, 0);
		packet_put_16(&packet, PACKET_ETH + 10, ~packet_sum(ip, 20, 0) & 0xffff);
	}
	return packet;
}

static void errors_reach_the_client(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct packet_spec spec = first_of(&ways[i]), sent = there(&ways[i], spec);
		bool v6 = packet_is_v6(spec.to);
		const char *senders[] = { v6 ? ROUTER6 : ROUTER, sent.to };

		sent.last_hop = spec.last_hop = 60;
		for (unsigned int k = 0; k < 2; k++) {
			struct packet in = packet_error(senders[k], sent.from, v6 ? 2 : 3, v6 ? 0 : 4, 1400, &sent, 0);
			struct packet wanted = forwarded(packet_error(k ? spec.to : senders[k], spec.from, v6 ? 2 : 3,
								      v6 ? 0 : 4, 1400, &spec, 0),
							 v6);

			assert_int_equal(comes_in(&in), TC_ACT_REDIRECT);
			assert_true(packet_same(&out, &wanted));
		}
	}
}

/* A packet that does not fit the way becomes the error about it; so does one whose hops are used up. */
static void too_big_or_too_far(void **state)
{
	(void)state;
	scene_command("ip link set edge0 mtu 1280");
	for (unsigned int i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		for (int far = 0; far < 2; far++) {
			struct packet_spec spec = first_of(&ways[i]);
			bool v6 = packet_is_v6(spec.to);
			unsigned int header = v6 ? 40 : 20, icmp = PACKET_ETH + header, inner = icmp + 8;
			struct packet in;

			spec.payload = far ? 10 : 1400;
			spec.last_hop = far ? 1 : 64;
			in = frame(&spec, node_mac, client_mac);
			assert_int_equal(comes_in(&in), TC_ACT_REDIRECT);
			assert_memory_equal(out.bytes, client_mac, 6);
			assert_int_equal(out.bytes[icmp], far ? (v6 ? 3 : 11) : (v6 ? 2 : 3));
			assert_int_equal(out.bytes[icmp + 1], far || v6 ? 0 : 4);
			assert_int_equal(out.bytes[icmp + 6] << 8 | out.bytes[icmp + 7], far ? 0 : 1280);
			/* what it quotes is what the client sent, and every sum is right */
			assert_memory_equal(out.bytes + inner, in.bytes + PACKET_ETH, header + 4);
			assert_int_equal(packet_sum(out.bytes + icmp, out.size - icmp,
						    v6 ? packet_pseudo(spec.to, spec.from, 58, out.size - icmp) : 0),
					 0xffff);
			if (!v6)
				assert_int_equal(packet_sum(out.bytes + PACKET_ETH, 20, 0), 0xffff);
		}
	}
	scene_command("ip link set edge0 mtu 1500");
}

static void left_alone(int (*run)(const struct packet *), const struct packet *packet)
{
	int action = run(packet);

	assert_true(action == TC_ACT_UNSPEC || action == -1);
	if (action != -1)
		assert_true(packet_same(&out, packet));
}

static void others_stay_as_they_are(void **state)
{
	static const char *const others[] = { "192.0.2.50", "2001:db8::50" };
	struct packet_spec spec;
	struct packet packet;

	(void)state;
	for (unsigned int i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		spec = first_of(&ways[i]);
		spec.to = others[packet_is_v6(spec.to)];
		packet = frame(&spec, node_mac, client_mac);
		left_alone(comes_in, &packet);
		left_alone(goes_out, &packet);
		spec = first_of(&ways[i]);
		packet = frame(&spec, node_mac, client_mac);
		left_alone(goes_out, &packet);
		for (unsigned int n = PACKET_ETH; n < packet.size; n++) {
			struct packet cut = packet;

			cut.size = n;
			left_alone(comes_in, &cut);
		}
		spec.fragment = 8;
		spec.whole = 400;
		spec.payload = 80;
		packet = frame(&spec, node_mac, client_mac);
		left_alone(comes_in, &packet);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(goes_there_and_back, services),
		cmocka_unit_test_setup(headers_of_every_form, services),
		cmocka_unit_test_setup(a_neighbour_that_is_not_known_is_asked_for, services),
		cmocka_unit_test_setup(no_way_is_no_answer, services),
		cmocka_unit_test_setup(local_endpoints, services),
		cmocka_unit_test_setup(refused_without_endpoints, services),
		cmocka_unit_test_setup(of_another_service, services),
		cmocka_unit_test_setup(errors_reach_the_client, services),
		cmocka_unit_test_setup(too_big_or_too_far, services),
		cmocka_unit_test_setup(others_stay_as_they_are, services),
	};

	hdl_test_need_bpf();
	scene_new_netns();
	scene_load(true);
	build_network();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
