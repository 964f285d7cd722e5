// SPDX-License-Identifier: Apache-2.0
/* XDP at the edge, packet in and packet out: to endpoints elsewhere in the node's name, to local ones, and back. */
#include <linux/bpf.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <cmocka.h>
#include "heddle/abi_edge.h"
#include "heddle/abi_verdict.h"
#include "tests/bpf/packets.h"

#define CLIENT "192.0.2.77"
#define CLIENT6 "2001:db8::77"
#define NODE "192.0.2.1"
#define NODE6 "2001:db8::1"
#define EXTERNAL "203.0.113.5"
#define EXTERNAL6 "2001:db8:5::5"
#define ENDPOINT "10.2.0.7"
#define ENDPOINT6 "fd02::7"
#define NODE_PORT 30080
#define PORT 80
#define TARGET 8080
#define TABLE_AT 4096
#define TABLE_SIZE 101

static const unsigned char client_mac[] = { 2, 0, 0, 0, 0, 0x77 }, endpoint_mac[] = { 2, 0, 0, 0, 0, 0x10 };
static unsigned char node_mac[6];
static struct packet out;
static __u32 ifindex;

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

static __u64 verdicts(__u32 verdict)
{
	__u64 value[256] = { 0 }, sum = 0;

	assert_true(libbpf_num_possible_cpus() <= 256);
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(scene.skel->maps.verdict), &verdict, value), 0);
	for (int i = 0; i < libbpf_num_possible_cpus(); i++)
		sum += value[i];
	return sum;
}

static void empty(const struct bpf_map *map)
{
	unsigned char key[64];

	while (bpf_map_get_next_key(bpf_map__fd(map), NULL, key) == 0)
		bpf_map_delete_elem(bpf_map__fd(map), key);
}

static void set(const struct bpf_map *map, const void *key, const void *value)
{
	if (bpf_map_update_elem(bpf_map__fd(map), key, value, BPF_ANY) != 0)
		scene_fail(bpf_map__name(map));
}

static void serve(__u32 id, const char *address, unsigned int port, unsigned int protocol)
{
	struct hdl_vip_key key = scene_key(address, port);

	if (port == NODE_PORT)
		memset(&key.address, 0, sizeof(key.address));
	key.protocol = (__u8)protocol;
	scene_service_of(id, &key, HDL_LABEL_L4, 1, 1)->flags = HDL_SERVICE_EXTERNAL;
}

/* A table of the endpoints from first on, each with about the same share. */
static void edge_table(__u32 cluster, __u32 first, __u32 count)
{
	for (int family = 0; family < HDL_FAMILIES; family++)
		scene.cluster[cluster].version[0].edge[family] = (struct hdl_range){ TABLE_AT, TABLE_SIZE };
	for (__u32 i = 0; i < TABLE_SIZE; i++)
		scene.slot[TABLE_AT + i] = first + i % count;
}

static struct hdl_edge_interface interface_record(__u32 syn_rate)
{
	struct hdl_edge_interface record = { .syn_rate = syn_rate,
					     .syn_burst = syn_rate,
					     .port_first = HDL_EDGE_PORT_FIRST,
					     .port_last = HDL_EDGE_PORT_LAST };

	record.address[HDL_FAMILY_V4] = scene_addr(NODE);
	record.address[HDL_FAMILY_V6] = scene_addr(NODE6);
	return record;
}

static int services(void **state)
{
	struct hdl_edge_interface interface = interface_record(0);
	struct hdl_addr node[] = { scene_addr(NODE), scene_addr(NODE6) };
	struct hdl_addr external[] = { scene_addr(EXTERNAL), scene_addr(EXTERNAL6) };
	__u32 one = 1;

	(void)state;
	empty(scene.skel->maps.edge_flow);
	empty(scene.skel->maps.edge_source);
	set(scene.skel->maps.edge_interface, &ifindex, &interface);
	for (int i = 0; i < 2; i++) {
		set(scene.skel->maps.node_address, &node[i], &one);
		set(scene.skel->maps.edge_address, &external[i], &one);
	}
	scene.state->node_port_first = 30000;
	scene.state->node_port_last = 32767;
	serve(1, NODE, NODE_PORT, IPPROTO_TCP);
	serve(2, NODE, NODE_PORT, IPPROTO_UDP);
	serve(3, EXTERNAL, PORT, IPPROTO_TCP);
	serve(4, EXTERNAL6, PORT, IPPROTO_TCP);
	serve(5, EXTERNAL, PORT, IPPROTO_UDP);
	serve(6, EXTERNAL6, PORT, IPPROTO_UDP);
	scene_endpoint(1, 1, ENDPOINT, ENDPOINT6, TARGET);
	scene_cluster(1, HDL_POLICY_ROUND_ROBIN, 1, 1);
	edge_table(1, 1, 1);
	scene_route_to(1, 1);
	return 0;
}

static struct packet frame(const struct packet_spec *spec, const unsigned char *to, const unsigned char *from)
{
	struct packet p = packet_make(spec);

	memcpy(p.bytes, to, 6);
	memcpy(p.bytes + 6, from, 6);
	return p;
}

static unsigned int source_port_of(const struct packet *p, bool v6)
{
	const unsigned char *at = p->bytes + PACKET_ETH + (v6 ? 40 : 20);

	return (unsigned int)at[0] << 8 | at[1];
}

struct way {
	const char *client, *dialled, *own, *endpoint;
	unsigned int port, protocol;
};

static const struct way ways[] = {
	{ CLIENT, NODE, NODE, ENDPOINT, NODE_PORT, IPPROTO_TCP },
	{ CLIENT, NODE, NODE, ENDPOINT, NODE_PORT, IPPROTO_UDP },
	{ CLIENT6, NODE6, NODE6, ENDPOINT6, NODE_PORT, IPPROTO_TCP },
	{ CLIENT6, NODE6, NODE6, ENDPOINT6, NODE_PORT, IPPROTO_UDP },
	{ CLIENT, EXTERNAL, NODE, ENDPOINT, PORT, IPPROTO_TCP },
	{ CLIENT, EXTERNAL, NODE, ENDPOINT, PORT, IPPROTO_UDP },
	{ CLIENT6, EXTERNAL6, NODE6, ENDPOINT6, PORT, IPPROTO_TCP },
	{ CLIENT6, EXTERNAL6, NODE6, ENDPOINT6, PORT, IPPROTO_UDP },
};

static struct packet_spec first_of(const struct way *way)
{
	return (struct packet_spec){
		way->client, way->dialled, 40000, way->port, way->protocol, .flags = TH_SYN, .payload = 11,
	};
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

static void build_network(void)
{
	const char *commands[] = {
		"ip link add edge0 type veth peer name edge1",
		"ip link set edge0 up",
		"ip link set edge1 up",
		"ip addr add " NODE "/24 dev edge0",
		"ip addr add " NODE6 "/64 dev edge0 nodad",
		"ip neigh add " CLIENT " lladdr 02:00:00:00:00:77 dev edge0",
		"ip neigh add " CLIENT6 " lladdr 02:00:00:00:00:77 dev edge0",
		"ip neigh add 192.0.2.78 lladdr 02:00:00:00:00:77 dev edge0",
		"ip neigh add 192.0.2.16 lladdr 02:00:00:00:00:10 dev edge0",
		"ip neigh add 2001:db8::16 lladdr 02:00:00:00:00:10 dev edge0",
		"ip route add 10.2.0.0/16 via 192.0.2.16",
		"ip route add fd02::/64 via 2001:db8::16",
		"echo 1 > /proc/sys/net/ipv4/ip_forward",
		"echo 1 > /proc/sys/net/ipv6/conf/all/forwarding",
	};
	struct ifreq request = { .ifr_name = "edge0" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	for (unsigned int i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		scene_command(commands[i]);
	ifindex = if_nametoindex("edge0");
	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &request) != 0)
		scene_fail("edge0");
	memcpy(node_mac, request.ifr_hwaddr.sa_data, sizeof(node_mac));
	close(fd);
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
	scene_load();
	build_network();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
