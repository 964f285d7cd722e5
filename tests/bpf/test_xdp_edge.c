// SPDX-License-Identifier: Apache-2.0
/* XDP at the edge, packet in and packet out: to endpoints elsewhere in the node's name, to local ones, and back. */
#include "tests/bpf/edge_scene.h"

static int run(const struct packet *in)
{
	struct xdp_md context = { .data_end = in->size, .ingress_ifindex = ifindex };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in->bytes, .data_size_in = in->size, .data_out = out.bytes,
		    .data_size_out = sizeof(out.bytes), .ctx_in = &context, .ctx_size_in = sizeof(context));

	memset(&out, 0, sizeof(out));
	if (bpf_prog_test_run_opts(bpf_program__fd(scene.skel->progs.hdl_xdp_edge), &opts) != 0)
		scene_fail("test run");
	out.size = opts.data_size_out;
	return (int)opts.retval;
}

/* Sends one packet of the client; it must leave for the endpoint. Returns the source port that it left with. */
static unsigned int there(const struct way *way, struct packet_spec spec)
{
	struct packet in = frame(&spec, node_mac, client_mac), wanted;
	bool v6 = packet_is_v6(way->client);

	assert_int_equal(run(&in), XDP_TX);
	spec.from_port = source_port_of(&out, v6);
	assert_in_range(spec.from_port, HDL_EDGE_PORT_FIRST, HDL_EDGE_PORT_LAST);
	spec.from = way->own;
	spec.to = way->endpoint;
	spec.to_port = TARGET;
	spec.last_hop = 63;
	wanted = frame(&spec, endpoint_mac, node_mac);
	assert_true(packet_same(&out, &wanted));
	return spec.from_port;
}

/* An answer of the endpoint; the client must get it from the address that it dialled. */
static void back(const struct way *way, unsigned int port, unsigned int flags)
{
	struct packet_spec spec = {
		way->endpoint, way->own, TARGET, port, way->protocol, .flags = flags, .payload = 30
	};
	struct packet in = frame(&spec, node_mac, endpoint_mac), wanted;

	assert_int_equal(run(&in), XDP_TX);
	spec.from = way->dialled;
	spec.to = way->client;
	spec.from_port = way->port;
	spec.to_port = 40000;
	spec.last_hop = 63;
	wanted = frame(&spec, client_mac, node_mac);
	assert_true(packet_same(&out, &wanted));
}

static void goes_there_and_back(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct packet_spec spec = first_of(&ways[i]);
		unsigned int port = there(&ways[i], spec);

		back(&ways[i], port, TH_SYN | TH_ACK);
		spec.flags = TH_ACK;
		assert_int_equal(there(&ways[i], spec), port);
		back(&ways[i], port, TH_ACK);
	}
}

static void headers_of_every_form(void **state)
{
	struct packet_spec spec;

	(void)state;
	spec = first_of(&ways[0]);
	spec.tcp_options = 20;
	there(&ways[0], spec);
	spec = first_of(&ways[1]);
	spec.no_check = true;
	there(&ways[1], spec);
	spec = first_of(&ways[2]);
	spec.tcp_options = 40;
	spec.payload = 1000;
	there(&ways[2], spec);
}

static void the_client_of_a_local_endpoint_stays(void **state)
{
	struct packet_spec spec = first_of(&ways[4]);
	struct packet in, wanted;

	(void)state;
	scene.endpoint[1].flags = HDL_ENDPOINT_LOCAL;
	in = frame(&spec, node_mac, client_mac);
	assert_int_equal(run(&in), XDP_PASS);
	spec.to = ENDPOINT;
	spec.to_port = TARGET;
	wanted = frame(&spec, node_mac, client_mac);
	assert_true(packet_same(&out, &wanted));
}

static void left_alone(const struct packet *packet)
{
	assert_int_equal(run(packet), XDP_PASS);
	assert_true(packet_same(&out, packet));
}

static void others_stay_as_they_are(void **state)
{
	const struct packet_spec others[] = {
		{ CLIENT, NODE, 40000, 22, IPPROTO_TCP, .flags = TH_SYN },
		{ CLIENT, NODE, 40000, NODE_PORT + 1, IPPROTO_TCP, .flags = TH_SYN },
		{ CLIENT, "192.0.2.200", 40000, NODE_PORT, IPPROTO_TCP, .flags = TH_SYN },
		{ CLIENT6, NODE6, 40000, 22, IPPROTO_TCP, .flags = TH_SYN },
		{ CLIENT, NODE, 40000, NODE_PORT, IPPROTO_TCP, .flags = TH_ACK, .payload = 4 },
		{ CLIENT, NODE, 40000, NODE_PORT, IPPROTO_UDP, .payload = 16, .more = true },
		{ CLIENT, NODE, 40000, NODE_PORT, IPPROTO_UDP, .payload = 16, .fragment = 64 },
		{ CLIENT6, NODE6, 40000, NODE_PORT, IPPROTO_UDP, .payload = 16, .more = true },
		{ ENDPOINT, NODE, TARGET, 61234, IPPROTO_TCP, .flags = TH_ACK },
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct packet packet = frame(&others[i], node_mac, client_mac);

		left_alone(&packet);
	}
	/* rules read requests of it: a worker's, by way of the stack */
	scene.service[3].version[0].label = HDL_LABEL_REQUEST;
	for (int i = 0; i < 1; i++) {
		struct packet_spec spec = first_of(&ways[4]);
		struct packet packet = frame(&spec, node_mac, client_mac);

		left_alone(&packet);
	}
}

static void an_address_without_edge_is_not_served(void **state)
{
	struct packet_spec spec = first_of(&ways[4]);
	struct packet packet = frame(&spec, node_mac, client_mac);

	(void)state;
	scene.service[3].version[0].flags = 0;
	/* it is the external address of some other service, so what comes for this port is a stray */
	assert_int_equal(run(&packet), XDP_DROP);
	bpf_map_delete_elem(bpf_map__fd(scene.skel->maps.edge_address), &scene.service[3].version[0].key.address);
	left_alone(&packet);
}

static void short_packets_stay_as_they_are(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct packet_spec spec = first_of(&ways[i]);
		struct packet whole = frame(&spec, node_mac, client_mac);

		for (unsigned int size = PACKET_ETH; size < whole.size; size++) {
			struct packet cut = whole;

			cut.size = size;
			left_alone(&cut);
		}
	}
}

static void strays_are_dropped(void **state)
{
	const struct packet_spec strays[] = {
		{ CLIENT, EXTERNAL, 40000, 81, IPPROTO_TCP, .flags = TH_SYN },
		{ CLIENT, EXTERNAL, 40000, 81, IPPROTO_UDP, .payload = 5 },
		{ CLIENT6, EXTERNAL6, 40000, 81, IPPROTO_TCP, .flags = TH_ACK },
	};
	__u64 before = verdicts(HDL_VERDICT_EDGE_STRAY);

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		struct packet packet = frame(&strays[i], node_mac, client_mac);

		assert_int_equal(run(&packet), XDP_DROP);
	}
	assert_int_equal(verdicts(HDL_VERDICT_EDGE_STRAY), before + 3);
}

static void too_many_syns_are_dropped(void **state)
{
	struct hdl_edge_interface interface = interface_record(5);
	struct packet_spec spec = first_of(&ways[0]), other = spec;
	__u64 before = verdicts(HDL_VERDICT_EDGE_RATE);
	int passed = 0;

	(void)state;
	set(scene.skel->maps.edge_interface, &ifindex, &interface);
	for (int i = 0; i < 100; i++) {
		struct packet packet;

		spec.from_port = 41000 + (unsigned int)i;
		packet = frame(&spec, node_mac, client_mac);
		passed += run(&packet) == XDP_TX;
	}
	/* the burst, and what came in while the loop ran: a fifth of a second for each */
	assert_in_range(passed, 5, 10);
	assert_int_equal(verdicts(HDL_VERDICT_EDGE_RATE), before + 100 - (unsigned int)passed);
	other.from = "192.0.2.78";
	for (int i = 0; i < 1; i++) {
		struct packet packet = frame(&other, node_mac, client_mac);

		assert_int_equal(run(&packet), XDP_TX);
	}
}

static void ejected_endpoints_are_passed_over(void **state)
{
	(void)state;
	scene_endpoint(2, 1, "10.2.0.8", "fd02::8", TARGET);
	scene_cluster(1, HDL_POLICY_ROUND_ROBIN, 1, 2);
	edge_table(1, 1, 2);
	scene.health[2].ejected_until_ns = ~0ull;
	for (unsigned int i = 0; i < 32; i++) {
		struct packet_spec spec = first_of(&ways[0]);

		spec.from_port = 42000 + i;
		there(&ways[0], spec);
	}
	scene.health[1].ejected_until_ns = ~0ull;
	for (int i = 0; i < 1; i++) {
		struct packet_spec spec = first_of(&ways[0]);
		struct packet packet;

		spec.from_port = 43000;
		packet = frame(&spec, node_mac, client_mac);
		left_alone(&packet); /* tc refuses */
	}
}

static __u32 chosen(unsigned int port)
{
	struct packet_spec spec = first_of(&ways[0]);
	struct packet packet;

	spec.from_port = port;
	packet = frame(&spec, node_mac, client_mac);
	run(&packet);
	return out.bytes[PACKET_ETH + 19];
}

static void every_node_chooses_the_same(void **state)
{
	__u32 first[64];
	int twos = 0;

	(void)state;
	scene_endpoint(2, 1, "10.2.0.8", "fd02::8", TARGET);
	scene_cluster(1, HDL_POLICY_ROUND_ROBIN, 1, 2);
	edge_table(1, 1, 2);
	for (unsigned int i = 0; i < 64; i++) {
		first[i] = chosen(44000 + i);
		twos += first[i] == 8;
	}
	assert_in_range(twos, 10, 54);     /* 2^-63 * sum of binomials below: not in a lifetime */
	empty(scene.skel->maps.edge_flow); /* another node has no records of these */
	for (unsigned int i = 0; i < 64; i++)
		assert_int_equal(chosen(44000 + i), first[i]);
}

static void the_last_hop_is_left_to_the_stack(void **state)
{
	struct packet_spec spec = first_of(&ways[0]);
	struct packet packet;

	(void)state;
	spec.last_hop = 1;
	packet = frame(&spec, node_mac, client_mac);
	left_alone(&packet);
}

static void an_unknown_neighbour_is_left_to_tc(void **state)
{
	struct packet_spec spec = first_of(&ways[0]);
	struct packet packet = frame(&spec, node_mac, client_mac);

	(void)state;
	scene_endpoint(1, 1, "192.0.2.99", "2001:db8::99", TARGET);
	left_alone(&packet);
}

static void connections_end_and_begin_again(void **state)
{
	struct packet_spec spec = first_of(&ways[0]);
	unsigned int port;

	(void)state;
	port = there(&ways[0], spec);
	back(&ways[0], port, TH_SYN | TH_ACK);
	spec.flags = TH_FIN | TH_ACK;
	there(&ways[0], spec);
	back(&ways[0], port, TH_FIN | TH_ACK);
	/* the tuple anew: its endpoint is gone, another serves */
	scene.health[1].generation = 0;
	scene.endpoint[1].generation = 0;
	scene_endpoint(2, 1, ENDPOINT, ENDPOINT6, TARGET);
	edge_table(1, 2, 1);
	there(&ways[0], first_of(&ways[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(goes_there_and_back, services),
		cmocka_unit_test_setup(headers_of_every_form, services),
		cmocka_unit_test_setup(the_client_of_a_local_endpoint_stays, services),
		cmocka_unit_test_setup(others_stay_as_they_are, services),
		cmocka_unit_test_setup(an_address_without_edge_is_not_served, services),
		cmocka_unit_test_setup(short_packets_stay_as_they_are, services),
		cmocka_unit_test_setup(strays_are_dropped, services),
		cmocka_unit_test_setup(too_many_syns_are_dropped, services),
		cmocka_unit_test_setup(ejected_endpoints_are_passed_over, services),
		cmocka_unit_test_setup(every_node_chooses_the_same, services),
		cmocka_unit_test_setup(the_last_hop_is_left_to_the_stack, services),
		cmocka_unit_test_setup(an_unknown_neighbour_is_left_to_tc, services),
		cmocka_unit_test_setup(connections_end_and_begin_again, services),
	};

	hdl_test_need_bpf();
	scene_new_netns();
	scene_load(true);
	build_network();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
