/* SPDX-License-Identifier: Apache-2.0 */
/* A node with an edge for tests of its programs: services at its own and at external addresses, and the ways to them. */
#ifndef HDL_TESTS_BPF_EDGE_SCENE_H
#define HDL_TESTS_BPF_EDGE_SCENE_H

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

PACKET_HELPER __u64 verdicts(__u32 verdict)
{
	__u64 value[256] = { 0 }, sum = 0;

	assert_true(libbpf_num_possible_cpus() <= 256);
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(scene.skel->maps.verdict), &verdict, value), 0);
	for (int i = 0; i < libbpf_num_possible_cpus(); i++)
		sum += value[i];
	return sum;
}

PACKET_HELPER void empty(const struct bpf_map *map)
{
	unsigned char key[64];

	while (bpf_map_get_next_key(bpf_map__fd(map), NULL, key) == 0)
		bpf_map_delete_elem(bpf_map__fd(map), key);
}

PACKET_HELPER void set(const struct bpf_map *map, const void *key, const void *value)
{
	if (bpf_map_update_elem(bpf_map__fd(map), key, value, BPF_ANY) != 0)
		scene_fail(bpf_map__name(map));
}

PACKET_HELPER void serve(__u32 id, const char *address, unsigned int port, unsigned int protocol)
{
	struct hdl_vip_key key = scene_key(address, port);

	if (port == NODE_PORT)
		memset(&key.address, 0, sizeof(key.address));
	key.protocol = (__u8)protocol;
	scene_service_of(id, &key, HDL_LABEL_L4, 1, 1)->flags = HDL_SERVICE_EXTERNAL;
}

/* A table of the endpoints from first on, each with about the same share. */
PACKET_HELPER void edge_table(__u32 cluster, __u32 first, __u32 count)
{
	for (int family = 0; family < HDL_FAMILIES; family++)
		scene.cluster[cluster].version[0].edge[family] = (struct hdl_range){ TABLE_AT, TABLE_SIZE };
	for (__u32 i = 0; i < TABLE_SIZE; i++)
		scene.slot[TABLE_AT + i] = first + i % count;
}

PACKET_HELPER struct hdl_edge_interface interface_record(__u32 syn_rate)
{
	struct hdl_edge_interface record = { .syn_rate = syn_rate,
					     .syn_burst = syn_rate,
					     .port_first = HDL_EDGE_PORT_FIRST,
					     .port_last = HDL_EDGE_PORT_LAST };

	record.address[HDL_FAMILY_V4] = scene_addr(NODE);
	record.address[HDL_FAMILY_V6] = scene_addr(NODE6);
	return record;
}

PACKET_HELPER int services(void **state)
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

PACKET_HELPER struct packet frame(const struct packet_spec *spec, const unsigned char *to, const unsigned char *from)
{
	struct packet p = packet_make(spec);

	memcpy(p.bytes, to, 6);
	memcpy(p.bytes + 6, from, 6);
	return p;
}

PACKET_HELPER unsigned int source_port_of(const struct packet *p, bool v6)
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

PACKET_HELPER struct packet_spec first_of(const struct way *way)
{
	return (struct packet_spec){
		way->client, way->dialled, 40000, way->port, way->protocol, .flags = TH_SYN, .payload = 11,
	};
}

PACKET_HELPER void build_network(void)
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

#endif
