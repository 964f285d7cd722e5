// SPDX-License-Identifier: Apache-2.0
/*
 * What XDP at the edge costs a packet, by BPF_PROG_TEST_RUN: an empty program, a packet of a known connection, and the
 * first packet of one, with 2 and with 1,000 endpoints. Prints "NAME MEDIAN ns".
 * usage: edge_cost [SAMPLES]
 */
#include <linux/bpf.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "heddle/abi_edge.h"
#include "tests/bpf/packets.h"

#define CLIENT "192.0.2.77"
#define EXTERNAL "203.0.113.5"
#define PORT 80
#define TABLE_AT 65536
#define TABLE_SIZE 65537
#define REPEAT 200 /* the packet is not made anew between repeats: each takes one of its 255 hops */
#define FAR_NS (1ull << 62)
#define SAMPLES_MAX 100000

static __u32 ifindex, samples = 3000;
static __u32 sample[SAMPLES_MAX];

static int compare(const void *a, const void *b)
{
	const __u32 *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static __u32 run(int fd, const struct packet *in, __u32 repeat, __u32 expected)
{
	struct xdp_md context = { .data_end = in->size, .ingress_ifindex = ifindex };
	struct packet out;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in->bytes, .data_size_in = in->size, .data_out = out.bytes,
		    .data_size_out = sizeof(out.bytes), .ctx_in = &context, .ctx_size_in = sizeof(context),
		    .repeat = (int)repeat);

	if (bpf_prog_test_run_opts(fd, &opts) != 0)
		scene_fail("test run");
	if (opts.retval != expected) {
		fprintf(stderr, "action %u, expected %u\n", opts.retval, expected);
		exit(1);
	}
	return opts.duration;
}

static void print(const char *name)
{
	qsort(sample, samples, sizeof(sample[0]), compare);
	printf("%s %u ns\n", name, sample[samples / 2]);
}

static int empty_program(void)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = XDP_TX },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "empty", "GPL", insns, 2, NULL);

	if (fd < 0)
		scene_fail("empty program");
	return fd;
}

/* A record that gives a packet the addresses and ports that it has: it stays the same but for its hops. */
static void know(const struct packet_spec *spec)
{
	struct hdl_flow_key key = {
		.source = scene_addr(spec->from),
		.destination = scene_addr(spec->to),
		.source_port = htons((uint16_t)spec->from_port),
		.destination_port = htons((uint16_t)spec->to_port),
		.protocol = (__u8)spec->protocol,
	};
	struct hdl_edge_record record = {
		.check = hdl_flow_check(&key),
		.state = HDL_FLOW_ESTABLISHED,
		.source = key.source,
		.destination = key.destination,
		.source_port = key.source_port,
		.destination_port = key.destination_port,
		.hop_ifindex = ifindex,
		.hop_mtu = 1500,
		.hop_ns = FAR_NS,
		.seen_ns = FAR_NS,
	};

	if (bpf_map_update_elem(bpf_map__fd(scene.skel->maps.edge_flow), &key, &record, BPF_ANY) != 0)
		scene_fail("edge_flow");
}

static void known_packet(int empty, int edge)
{
	struct packet_spec spec = { CLIENT,      EXTERNAL,        40000,         PORT,
				    IPPROTO_TCP, .flags = TH_ACK, .payload = 64, .last_hop = 255 };
	struct packet packet = packet_make(&spec);

	know(&spec);
	for (__u32 i = 0; i < samples; i++)
		sample[i] = run(empty, &packet, REPEAT, XDP_TX);
	print("empty");
	for (__u32 i = 0; i < samples; i++)
		sample[i] = run(edge, &packet, REPEAT, XDP_TX);
	print("hit");
}

static void serve(__u32 endpoints)
{
	struct hdl_cluster_version *version;

	scene_service(1, EXTERNAL, PORT, HDL_LABEL_L4, 1, 1)->flags = HDL_SERVICE_EXTERNAL;
	scene_route_to(1, 1);
	for (__u32 i = 1; i <= endpoints; i++) {
		char address[32];

		snprintf(address, sizeof(address), "10.2.%u.%u", i >> 8, i & 255);
		scene_endpoint(i, 1, address, "", 8080);
	}
	version = scene_cluster(1, HDL_POLICY_RANDOM, 1, 1);
	version->edge[HDL_FAMILY_V4] = (struct hdl_range){ TABLE_AT, TABLE_SIZE };
	for (__u32 i = 0; i < TABLE_SIZE; i++)
		scene.slot[TABLE_AT + i] = 1 + i % endpoints;
}

static void forget_connections(void)
{
	struct hdl_flow_key key;
	int fd = bpf_map__fd(scene.skel->maps.edge_flow);

	while (bpf_map_get_next_key(fd, NULL, &key) == 0)
		bpf_map_delete_elem(fd, &key);
}

static void first_packet(int edge, __u32 endpoints, const char *name)
{
	struct packet_spec spec = { CLIENT, EXTERNAL, 1024, PORT, IPPROTO_TCP, .flags = TH_SYN };

	serve(endpoints);
	for (__u32 i = 0; i < samples; i++) {
		struct packet packet;

		if (i % 2000 == 0)
			forget_connections(); /* each endpoint has a few thousand source ports */
		spec.from_port = 1024 + i % 60000;
		packet = packet_make(&spec);
		sample[i] = run(edge, &packet, 1, XDP_TX);
	}
	print(name);
}

int main(int argc, char **argv)
{
	struct hdl_edge_interface interface = { .port_first = HDL_EDGE_PORT_FIRST, .port_last = HDL_EDGE_PORT_LAST };
	int empty, edge;

	if (argc > 1)
		samples = (__u32)strtoul(argv[1], NULL, 10);
	if (samples == 0 || samples > SAMPLES_MAX)
		return 2;
	hdl_test_need_bpf();
	scene_new_netns();
	scene_load(true);
	scene_command(
		"ip link add edge0 type veth peer name edge1 && ip link set edge0 up && ip link set edge1 up && "
		"ip addr add 192.0.2.1/24 dev edge0 && ip neigh add 192.0.2.16 lladdr 02:00:00:00:00:10 dev edge0 && "
		"ip route add 10.2.0.0/16 via 192.0.2.16 && "
		"echo 1 > /proc/sys/net/ipv4/ip_forward");
	ifindex = if_nametoindex("edge0");
	interface.address[HDL_FAMILY_V4] = scene_addr("192.0.2.1");
	if (bpf_map_update_elem(bpf_map__fd(scene.skel->maps.edge_interface), &ifindex, &interface, BPF_ANY) != 0)
		scene_fail("edge_interface");
	empty = empty_program();
	edge = bpf_program__fd(scene.skel->progs.hdl_xdp_edge);
	known_packet(empty, edge);
	first_packet(edge, 2, "first-of-2");
	first_packet(edge, 1000, "first-of-1000");
	return 0;
}
