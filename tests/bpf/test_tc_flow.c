// SPDX-License-Identifier: Apache-2.0
/* The packet path, packet in and packet out: what a client sends to a service, and what comes back. */
#include <linux/pkt_cls.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tests/bpf/packet_scene.h"

/* A flow there and back, in every form of the headers. */
static void there_and_back(const struct packet_spec *first)
{
	struct packet_spec there = to_endpoint(*first), back, wanted;

	expect(forward, first, &there);
	back = answer(*first, TH_SYN | TH_ACK, first->payload);
	wanted = from_service(back);
	expect(backward, &back, &wanted);
	if (first->protocol == IPPROTO_TCP) {
		struct packet_spec more = *first;

		more.flags = TH_ACK;
		more.payload = 1000;
		there = to_endpoint(more);
		expect(forward, &more, &there);
	}
}

static void translated_in_every_form(void **state)
{
	static const unsigned char none[] = { PACKET_END }, hop[] = { 0, PACKET_END }, routing[] = { 43, PACKET_END },
				   all[] = { 0, 60, 43, 60, PACKET_END };
	static const unsigned char *const extensions[] = { none, hop, routing, all };
	unsigned int port = 40000;

	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		for (int tcp = 0; tcp < 2; tcp++) {
			for (unsigned int form = 0; form < 4; form++) {
				struct packet_spec spec = { .from = v6 ? CLIENT6 : CLIENT, .to = v6 ? VIP6 : VIP };

				spec.from_port = ++port;
				spec.to_port = PORT;
				spec.protocol = tcp ? IPPROTO_TCP : IPPROTO_UDP;
				spec.flags = TH_SYN;
				spec.tcp_options = tcp ? form * 12 : 0;
				spec.payload = tcp ? 0 : 1 + form * 333;
				spec.extensions = v6 ? extensions[form] : NULL;
				spec.ip_options = v6 ? 0 : form * 12;
				there_and_back(&spec);
			}
		}
	}
}

static void a_datagram_without_checksum_gets_none(void **state)
{
	struct packet_spec spec = { CLIENT, VIP, 40000, PORT, .protocol = IPPROTO_UDP, .payload = 10, .no_check = true };

	(void)state;
	there_and_back(&spec);
}

/* Checksums that come out as 0 are sent as 0xffff in UDP: all sums of a 16-bit word of payload are tried. */
static void no_checksum_is_lost_on_the_way(void **state)
{
	struct packet_spec spec = { CLIENT, VIP, 40000, PORT, .protocol = IPPROTO_UDP, .payload = 2 }, there;

	(void)state;
	there = to_endpoint(spec);
	expect(forward, &spec, &there);
	for (unsigned int i = 0; i < 65536; i += 1) {
		struct packet in = packet_make(&spec);
		unsigned int transport = PACKET_ETH + 20, sum;

		packet_put_16(&in, transport + 8, i);
		packet_put_16(&in, transport + 6, 0);
		sum = ~packet_sum(in.bytes + transport, 10, packet_pseudo(CLIENT, VIP, IPPROTO_UDP, 10)) & 0xffff;
		packet_put_16(&in, transport + 6, sum ? sum : 0xffff);
		assert_int_equal(forward(&in), PASSED);
		assert_int_not_equal(out.bytes[transport + 6] << 8 | out.bytes[transport + 7], 0);
		assert_int_equal(packet_sum(out.bytes + transport, 10,
					    packet_pseudo(CLIENT, ENDPOINT, IPPROTO_UDP, 10)),
				 0xffff);
	}
}

/* Every piece of a datagram goes the way of the first. One whose first piece was not seen stays as it is. */
static void pieces_follow_the_first(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct packet_spec spec = { v6 ? CLIENT6 : CLIENT, v6 ? VIP6 : VIP, 41000, PORT,
					    .protocol = IPPROTO_UDP },
				   there, back, wanted;

		spec.protocol = IPPROTO_UDP;
		spec.whole = 2408;
		spec.id = 77;
		spec.force_fragment = true;
		spec.payload = 800;
		spec.fragment = 800;
		spec.more = true;
		struct packet early = packet_make(&spec);
		left_alone(forward, &early);
		for (spec.fragment = 0; spec.fragment < 2408; spec.fragment += 800) {
			spec.more = spec.fragment + 800 < 2408;
			spec.payload = spec.more ? 800 : 2408 - spec.fragment;
			there = to_endpoint(spec);
			/* the checksum of the datagram is that of the whole */
			expect(forward, &spec, &there);
			back = spec;
			back.from = v6 ? ENDPOINT6 : ENDPOINT;
			back.to = spec.from;
			back.from_port = TARGET;
			back.to_port = 41000;
			wanted = from_service(back);
			expect(backward, &back, &wanted);
		}
		spec.id = 78; /* another datagram */
		spec.fragment = 800;
		struct packet other = packet_make(&spec);
		left_alone(forward, &other);
		left_alone(backward, &other);
	}
}

/* A fragment header around a whole datagram (RFC 6946). */
static void an_atomic_fragment_is_whole(void **state)
{
	struct packet_spec spec = { CLIENT6, VIP6, 42000, PORT, .protocol = IPPROTO_UDP, .payload = 20 }, there;

	(void)state;
	spec.force_fragment = true;
	there = to_endpoint(spec);
	expect(forward, &spec, &there);
}

/* --- what is none of ours --- */

static void other_packets_stay_as_they_are(void **state)
{
	static const unsigned char routed[] = { 43, PACKET_END },
				   too_many[] = { 60, 60, 60, 60, 60, 60, 60, PACKET_END };
	struct packet_spec spec = { CLIENT, "10.96.0.11", 40000, PORT, .protocol = IPPROTO_TCP, .flags = TH_SYN };
	struct packet packet = packet_make(&spec);

	(void)state;
	left_alone(forward, &packet);
	left_alone(backward, &packet);
	spec.to = VIP;
	spec.to_port = PORT + 1;
	packet = packet_make(&spec);
	left_alone(forward, &packet);
	spec.to_port = PORT;
	spec.flags = TH_ACK; /* in the middle of a connection that is not known */
	packet = packet_make(&spec);
	left_alone(forward, &packet);
	spec.flags = TH_RST;
	packet = packet_make(&spec);
	left_alone(forward, &packet);
	spec.flags = TH_SYN;
	packet = packet_make(&spec);
	packet.bytes[PACKET_ETH + 9] = IPPROTO_SCTP;
	left_alone(forward, &packet);
	packet = packet_make(&spec);
	packet.bytes[12] = 0x81; /* VLAN tag in line */
	left_alone(forward, &packet);
	packet = packet_make(&spec);
	packet_put_16(&packet, PACKET_ETH + 2, packet.size); /* claims to be longer than it is */
	left_alone(forward, &packet);
	packet = packet_make(&spec);
	packet_put_16(&packet, PACKET_ETH + 2, 19); /* shorter than its header */
	left_alone(forward, &packet);
	packet = packet_make(&spec);
	packet_put_16(&packet, PACKET_ETH + 2, 39); /* its TCP header is partly padding of the frame */
	left_alone(forward, &packet);
	packet = packet_make(&spec);
	packet.bytes[PACKET_ETH] = 0x44;
	left_alone(forward, &packet);
	packet = packet_make(&spec);
	packet.bytes[PACKET_ETH + 20 + 12] = 0x40; /* TCP header below its minimum */
	left_alone(forward, &packet);
	spec = (struct packet_spec){ CLIENT6, VIP6, 40000, PORT, .protocol = IPPROTO_TCP, .flags = TH_SYN };
	spec.extensions = routed;
	packet = packet_make(&spec);
	packet.bytes[PACKET_ETH + 40 + 3] = 1; /* segments left: the destination is not the last one */
	left_alone(forward, &packet);
	spec.extensions = too_many;
	packet = packet_make(&spec);
	left_alone(forward, &packet);
}

/* Cut at every byte: nothing is read that is not there, and nothing is changed. */
static void short_packets_stay_as_they_are(void **state)
{
	static const unsigned char all[] = { 0, 60, 43, PACKET_END };

	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		for (int tcp = 0; tcp < 2; tcp++) {
			struct packet_spec spec = { v6 ? CLIENT6 : CLIENT, v6 ? VIP6 : VIP, 40000, PORT,
						    .flags = TH_SYN };

			spec.protocol = tcp ? IPPROTO_TCP : IPPROTO_UDP;
			spec.flags = TH_SYN;
			spec.ip_options = v6 ? 0 : 12;
			spec.extensions = v6 ? all : NULL;
			struct packet whole = packet_make(&spec), cut;
			for (unsigned int size = PACKET_ETH + 1; size < whole.size; size++) {
				cut = whole;
				cut.size = size;
				left_alone(forward, &cut);
				left_alone(backward, &cut);
			}
		}
	}
}

static void other_labels_are_not_balanced(void **state)
{
	struct packet_spec spec = { CLIENT, VIP, 40000, PORT, .protocol = IPPROTO_TCP, .flags = TH_SYN };
	struct packet packet = packet_make(&spec);
	struct hdl_service_version *version = &scene.service[1].version[0];

	(void)state;
	version->label = HDL_LABEL_DIRECT;
	left_alone(forward, &packet);
	version->label = HDL_LABEL_NONE;
	left_alone(forward, &packet);
	version->label = HDL_LABEL_L4;
	scene.cluster[1].version[0].policy = HDL_POLICY_PASSTHROUGH;
	left_alone(forward, &packet);
}

/* --- life of a flow --- */

static struct hdl_flow_record record_of(const struct packet_spec *spec)
{
	struct hdl_flow_key key = { .source = scene_addr(spec->from), .destination = scene_addr(spec->to) };
	struct hdl_flow_record record = { 0 };

	key.source_port = htons((uint16_t)spec->from_port);
	key.destination_port = htons((uint16_t)spec->to_port);
	key.protocol = (__u8)spec->protocol;
	(void)bpf_map_lookup_elem(bpf_map__fd(scene.skel->maps.flow), &key, &record);
	return record;
}

static void store_record(const struct packet_spec *spec, const struct hdl_flow_record *record)
{
	struct hdl_flow_key key = { .source = scene_addr(spec->from), .destination = scene_addr(spec->to) };

	key.source_port = htons((uint16_t)spec->from_port);
	key.destination_port = htons((uint16_t)spec->to_port);
	key.protocol = (__u8)spec->protocol;
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(scene.skel->maps.flow), &key, record, BPF_ANY), 0);
}

static void transmit(int (*run)(const struct packet *), struct packet_spec spec, unsigned int flags)
{
	struct packet packet;

	spec.flags = flags;
	packet = packet_make(&spec);
	assert_int_equal(run(&packet), PASSED);
}

static void tcp_states(void **state)
{
	struct packet_spec spec = { CLIENT, VIP, 40001, PORT, .protocol = IPPROTO_TCP }, back;

	(void)state;
	back = answer(spec, 0, 0);
	transmit(forward, spec, TH_SYN);
	assert_int_equal(record_of(&spec).state, HDL_FLOW_NEW);
	assert_int_equal(record_of(&spec).endpoint, 1);
	assert_int_equal(record_of(&spec).service, 1);
	transmit(backward, back, TH_SYN | TH_ACK);
	assert_int_equal(record_of(&spec).state, HDL_FLOW_ESTABLISHED);
	transmit(forward, spec, TH_ACK);
	transmit(forward, spec, TH_FIN | TH_ACK);
	assert_int_equal(record_of(&spec).state, HDL_FLOW_CLOSING);
	transmit(backward, back, TH_ACK);
	assert_int_equal(record_of(&spec).state, HDL_FLOW_CLOSING);
	transmit(backward, back, TH_FIN | TH_ACK);
	assert_int_equal(record_of(&spec).state, HDL_FLOW_CLOSED);
	transmit(forward, spec, TH_SYN); /* the port again */
	assert_int_equal(record_of(&spec).state, HDL_FLOW_NEW);
	transmit(backward, back, TH_RST | TH_ACK);
	assert_int_equal(record_of(&spec).state, HDL_FLOW_CLOSED);
}

/* Two endpoints by turns: whoever gets the other one was decided anew. */
static unsigned int endpoint_after(const struct packet_spec *spec, unsigned int flags)
{
	transmit(forward, *spec, flags);
	return record_of(spec).endpoint;
}

static void records_time_out_by_state(void **state)
{
	static const struct {
		unsigned int protocol, state;
		__u64 life_ns;
	} cases[] = {
		{ IPPROTO_TCP, HDL_FLOW_NEW, HDL_FLOW_TCP_NEW_NS },
		{ IPPROTO_TCP, HDL_FLOW_ESTABLISHED, HDL_FLOW_TCP_ESTABLISHED_NS },
		{ IPPROTO_UDP, HDL_FLOW_NEW, HDL_FLOW_UDP_NEW_NS },
		{ IPPROTO_UDP, HDL_FLOW_ESTABLISHED, HDL_FLOW_UDP_ESTABLISHED_NS },
	};

	(void)state;
	scene_endpoint(2, 1, "10.2.0.8", "fd02::8", TARGET);
	scene_cluster(1, HDL_POLICY_ROUND_ROBIN, 1, 2);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct packet_spec spec = { CLIENT, VIP, 43000 + (unsigned int)i, PORT, .flags = 0 };
		struct hdl_flow_record record;
		unsigned int had;

		spec.protocol = cases[i].protocol;
		had = endpoint_after(&spec, TH_SYN);
		record = record_of(&spec);
		record.state = (__u8)cases[i].state;
		record.seen_ns = scene_now_ns() - cases[i].life_ns + 5000000000ull;
		store_record(&spec, &record);
		assert_int_equal(endpoint_after(&spec, TH_SYN), had);
		record.seen_ns = scene_now_ns() - cases[i].life_ns - 100000000ull;
		store_record(&spec, &record);
		assert_int_not_equal(endpoint_after(&spec, TH_SYN), had);
	}
}

/* A connection keeps its endpoint when that goes; a datagram, or a new connection of the port, does not. */
static void an_endpoint_that_is_gone(void **state)
{
	struct packet_spec tcp = { CLIENT, VIP, 44000, PORT, .protocol = IPPROTO_TCP };
	struct packet_spec udp = { CLIENT, VIP, 44001, PORT, .protocol = IPPROTO_UDP };

	(void)state;
	assert_int_equal(endpoint_after(&tcp, TH_SYN), 1);
	assert_int_equal(endpoint_after(&udp, 0), 1);
	scene_endpoint(2, 1, "10.2.0.8", "fd02::8", TARGET);
	scene_cluster(1, HDL_POLICY_ROUND_ROBIN, 2, 1);
	scene.health[1].generation = 0;
	assert_int_equal(endpoint_after(&tcp, TH_ACK), 1);
	assert_int_equal(endpoint_after(&udp, 0), 2);
	assert_int_equal(endpoint_after(&tcp, TH_SYN), 2);
}

/* A service that goes leaves established connections alone. */
static void a_service_that_is_gone(void **state)
{
	struct packet_spec spec = { CLIENT, VIP, 44002, PORT, .protocol = IPPROTO_TCP, .flags = TH_SYN }, there;

	(void)state;
	transmit(forward, spec, TH_SYN);
	scene.service[1].version[0].label = HDL_LABEL_NONE;
	spec.flags = TH_ACK;
	there = to_endpoint(spec);
	expect(forward, &spec, &there);
}

/* One client port to two services with one endpoint: the second gets another port, there and back. */
static void a_taken_tuple_gets_another_port(void **state)
{
	struct packet_spec first = { CLIENT, VIP, 45000, PORT, .protocol = IPPROTO_TCP, .flags = TH_SYN };
	struct packet_spec second = first, there, back, wanted;

	(void)state;
	scene_service(5, "10.96.0.77", PORT, HDL_LABEL_L4, 1, 1);
	second.to = "10.96.0.77";
	there_and_back(&first);
	transmit(forward, second, TH_SYN);
	there = to_endpoint(second);
	there.from_port = (unsigned int)out.bytes[PACKET_ETH + 20] << 8 | out.bytes[PACKET_ETH + 21];
	assert_int_not_equal(there.from_port, 45000);
	expect(forward, &second, &there);
	back = answer(second, TH_SYN | TH_ACK, 100);
	back.to_port = there.from_port;
	wanted = back;
	wanted.from = "10.96.0.77";
	wanted.from_port = PORT;
	wanted.to_port = 45000;
	expect(backward, &back, &wanted);
	back = answer(first, TH_ACK, 0);
	wanted = from_service(back);
	expect(backward, &back, &wanted);
}

/* The same client port to the endpoint itself: answers must not be taken for those of the service. */
static void a_direct_connection_beside_a_translated_one(void **state)
{
	struct packet_spec service = { CLIENT, VIP, 45100, PORT, .protocol = IPPROTO_TCP, .flags = TH_SYN };
	struct packet_spec direct = { CLIENT, ENDPOINT, 45100, TARGET, .protocol = IPPROTO_TCP, .flags = TH_SYN };
	struct packet_spec there = direct, back, wanted;
	struct packet packet;

	(void)state;
	there_and_back(&service);
	transmit(forward, direct, TH_SYN);
	there.from_port = (unsigned int)out.bytes[PACKET_ETH + 20] << 8 | out.bytes[PACKET_ETH + 21];
	assert_int_not_equal(there.from_port, 45100);
	back = answer(service, TH_SYN | TH_ACK, 0);
	wanted = from_service(back);
	expect(backward, &back, &wanted); /* the service's still */
	back.to_port = there.from_port;
	wanted = back;
	wanted.to_port = 45100;
	expect(backward, &back, &wanted);
	/* The translated one is over: a direct one of its port is left alone, both ways. */
	forget_flows();
	there_and_back(&service);
	transmit(forward, service, TH_RST);
	packet = packet_make(&direct);
	left_alone(forward, &packet);
	back = answer(service, TH_SYN | TH_ACK, 0);
	packet = packet_make(&back);
	left_alone(backward, &packet);
}

/* One direction's record was pushed out: the other one makes it anew. */
static void a_lost_record_comes_back(void **state)
{
	struct packet_spec spec = { CLIENT, VIP, 46000, PORT, .protocol = IPPROTO_TCP, .flags = TH_SYN }, back, wanted;
	struct hdl_flow_key key = { .source = scene_addr(ENDPOINT), .destination = scene_addr(CLIENT) };
	struct hdl_flow_record record;

	(void)state;
	there_and_back(&spec);
	key.source_port = htons(TARGET);
	key.destination_port = htons(46000);
	key.protocol = IPPROTO_TCP;
	key.direction = HDL_FLOW_REPLY;
	assert_int_equal(bpf_map_delete_elem(bpf_map__fd(scene.skel->maps.flow), &key), 0);
	record = record_of(&spec);
	record.seen_ns -= 2 * HDL_FLOW_TOUCH_NS; /* its turn to be looked after */
	store_record(&spec, &record);
	transmit(forward, spec, TH_ACK);
	back = answer(spec, TH_ACK, 5);
	wanted = from_service(back);
	expect(backward, &back, &wanted);
}

/* An element that was recycled under its reader is not used. */
static void a_record_of_another_key_is_ignored(void **state)
{
	struct packet_spec spec = { CLIENT, VIP, 46001, PORT, .protocol = IPPROTO_TCP };
	struct packet_spec ack = spec;
	struct hdl_flow_record record;
	struct packet packet;

	(void)state;
	transmit(forward, spec, TH_SYN);
	record = record_of(&spec);
	record.check++;
	store_record(&spec, &record);
	ack.flags = TH_ACK;
	packet = packet_make(&ack);
	left_alone(forward, &packet);
}

/* --- policies --- */

static void weights_hold(void **state)
{
	__u32 clusters[] = { 1, 2 }, weights[] = { 90, 10 };
	unsigned int second = 0;

	(void)state;
	scene_endpoint(2, 2, "10.2.0.8", "fd02::8", TARGET);
	scene_cluster(2, HDL_POLICY_ROUND_ROBIN, 2, 1);
	scene_route(1, clusters, weights, 2);
	scene.service[1].version[0].route_count = 2;
	for (unsigned int port = 20000; port < 22000; port++) {
		struct packet_spec spec = { CLIENT, VIP, port, PORT, .protocol = IPPROTO_TCP };

		second += endpoint_after(&spec, TH_SYN) == 2;
	}
	assert_in_range(second, 120, 280); /* 200, six standard deviations of 13.4 */
}

static void a_source_hash_knows_the_packet(void **state)
{
	struct hdl_cluster_version *version;

	(void)state;
	scene_endpoint(2, 1, "10.2.0.8", "fd02::8", TARGET);
	version = scene_cluster(1, HDL_POLICY_MAGLEV, 1, 2);
	version->hash_input = HDL_HASH_SOURCE_IP;
	for (int family = 0; family < HDL_FAMILIES; family++)
		version->table[family] = version->member[family];
	for (unsigned int host = 1; host < 30; host++) {
		char client[32];
		struct packet_spec spec = { client, VIP, 47000, PORT, .protocol = IPPROTO_TCP };
		unsigned int had;

		snprintf(client, sizeof(client), "10.1.0.%u", host);
		had = endpoint_after(&spec, TH_SYN);
		for (spec.from_port = 47001; spec.from_port < 47006; spec.from_port++)
			assert_int_equal(endpoint_after(&spec, TH_SYN), had);
	}
}

/* A place that nobody would give back is not kept. */
static void connections_of_the_cluster_are_not_held(void **state)
{
	struct packet_spec spec = { CLIENT, VIP, 48000, PORT, .protocol = IPPROTO_TCP };

	(void)state;
	scene.cluster[1].version[0].max_connections = 2;
	for (int i = 0; i < 5; i++, spec.from_port++)
		assert_int_equal(endpoint_after(&spec, TH_SYN), 1);
	assert_int_equal(scene.balance[1].connections, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(translated_in_every_form, services),
		cmocka_unit_test_setup(a_datagram_without_checksum_gets_none, services),
		cmocka_unit_test_setup(no_checksum_is_lost_on_the_way, services),
		cmocka_unit_test_setup(pieces_follow_the_first, services),
		cmocka_unit_test_setup(an_atomic_fragment_is_whole, services),
		cmocka_unit_test_setup(other_packets_stay_as_they_are, services),
		cmocka_unit_test_setup(short_packets_stay_as_they_are, services),
		cmocka_unit_test_setup(other_labels_are_not_balanced, services),
		cmocka_unit_test_setup(tcp_states, services),
		cmocka_unit_test_setup(records_time_out_by_state, services),
		cmocka_unit_test_setup(an_endpoint_that_is_gone, services),
		cmocka_unit_test_setup(a_service_that_is_gone, services),
		cmocka_unit_test_setup(a_taken_tuple_gets_another_port, services),
		cmocka_unit_test_setup(a_direct_connection_beside_a_translated_one, services),
		cmocka_unit_test_setup(a_lost_record_comes_back, services),
		cmocka_unit_test_setup(a_record_of_another_key_is_ignored, services),
		cmocka_unit_test_setup(weights_hold, services),
		cmocka_unit_test_setup(a_source_hash_knows_the_packet, services),
		cmocka_unit_test_setup(connections_of_the_cluster_are_not_held, services),
	};

	hdl_test_need_bpf();
	scene_new_netns();
	scene_load(true);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
