// SPDX-License-Identifier: Apache-2.0
/* tc ingress: packets that are none of ours leave as they came, flows of request services reach a worker's listener. */
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/pkt_cls.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tests/bpf/scene.h"

#define VIP "10.96.0.10"
#define VIP6 "fd96::10"
#define PORT 80
#define MARK 0x300
#define MASK 0xf00
#define WORKERS 2

static int host_netns, pod_netns;
static int workers[WORKERS][HDL_FAMILIES];

/* --- packets in, packets out --- */

struct packet {
	unsigned char bytes[2048];
	unsigned int size;
};

static void add(struct packet *packet, const void *bytes, size_t size)
{
	memcpy(packet->bytes + packet->size, bytes, size);
	packet->size += (unsigned int)size;
}

static void add_eth(struct packet *packet, unsigned int protocol)
{
	struct ethhdr eth = { .h_dest = { 2, 0, 0, 0, 0, 1 }, .h_source = { 2, 0, 0, 0, 0, 2 } };

	eth.h_proto = htons((uint16_t)protocol);
	add(packet, &eth, sizeof(eth));
}

/* options: bytes after the fixed header, a multiple of 4. */
static void add_ipv4(struct packet *packet, const char *to, unsigned int protocol, unsigned int options,
		     unsigned int fragment)
{
	static const unsigned char nops[40] = { 1, 1, 1, 1, 1, 1, 1, 1 };
	struct iphdr ip = { .version = 4, .ihl = (5 + options / 4) & 15, .ttl = 64 };

	ip.tot_len = htons((uint16_t)(sizeof(ip) + options + sizeof(struct tcphdr)));
	ip.protocol = (uint8_t)protocol;
	ip.frag_off = htons((uint16_t)fragment);
	inet_pton(AF_INET, "10.1.0.2", &ip.saddr);
	inet_pton(AF_INET, to, &ip.daddr);
	add(packet, &ip, sizeof(ip));
	add(packet, nops, options);
}

static void add_ipv6(struct packet *packet, const char *to, unsigned int next)
{
	struct ip6_hdr ip = { .ip6_hlim = 64 };

	ip.ip6_vfc = 0x60; /* another member of the same union: an initializer of both would keep one */
	ip.ip6_plen = htons(sizeof(struct tcphdr));
	ip.ip6_nxt = (uint8_t)next;
	inet_pton(AF_INET6, "fd01::2", &ip.ip6_src);
	inet_pton(AF_INET6, to, &ip.ip6_dst);
	add(packet, &ip, sizeof(ip));
}

static void add_tcp(struct packet *packet, unsigned int port, bool syn)
{
	struct tcphdr tcp = { .doff = 5, .syn = syn, .ack = !syn };

	tcp.source = htons(40000);
	tcp.dest = htons((uint16_t)port);
	add(packet, &tcp, sizeof(tcp));
}

static struct packet packet_v4(const char *to, unsigned int port, unsigned int options, unsigned int fragment)
{
	struct packet packet = { .size = 0 };

	add_eth(&packet, ETH_P_IP);
	add_ipv4(&packet, to, IPPROTO_TCP, options, fragment);
	add_tcp(&packet, port, true);
	return packet;
}

static struct packet packet_v6(const char *to, unsigned int port)
{
	struct packet packet = { .size = 0 };

	add_eth(&packet, ETH_P_IPV6);
	add_ipv6(&packet, to, IPPROTO_TCP);
	add_tcp(&packet, port, true);
	return packet;
}

/* Runs the program on a packet; unless it is refused it must come out as it went in, with its mark. Returns the action. */
static int run(const struct packet *packet)
{
	unsigned char out[2048] = { 0 };
	struct __sk_buff context = { .mark = 0xabc12 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet->bytes, .data_size_in = packet->size, .data_out = out,
		    .data_size_out = sizeof(out), .ctx_in = &context, .ctx_size_in = sizeof(context),
		    .ctx_out = &context, .ctx_size_out = sizeof(context));

	if (bpf_prog_test_run_opts(bpf_program__fd(scene.skel->progs.hdl_tc_ingress), &opts) != 0) {
		/* newer kernels do not make a buffer without a whole IP header */
		assert_int_equal(errno, EINVAL);
		assert_true(packet->size < ETH_HLEN + sizeof(struct ip6_hdr));
		return TC_ACT_UNSPEC;
	}
	if (opts.retval == TC_ACT_REDIRECT)
		return TC_ACT_REDIRECT; /* it has become a RST: test_tc_error.c */
	assert_int_equal(opts.data_size_out, packet->size);
	assert_memory_equal(out, packet->bytes, packet->size);
	assert_int_equal(context.mark, 0xabc12);
	return (int)opts.retval;
}

static __u64 sum_of_verdicts(void)
{
	__u64 sum = 0;

	for (__u32 i = 0; i < HDL_VERDICT_COUNT; i++)
		sum += scene_verdict(i);
	return sum;
}

static int request_services(void **state)
{
	(void)state;
	scene.state->worker_count = 0;
	scene.state->packet_mark = MARK;
	scene.state->packet_mask = MASK;
	scene_service(1, VIP, PORT, HDL_LABEL_REQUEST, 0, 0)->fail_mode = HDL_FAIL_CLOSED;
	scene_service(2, VIP6, PORT, HDL_LABEL_REQUEST, 0, 0)->fail_mode = HDL_FAIL_CLOSED;
	return 0;
}

static void left_alone(const struct packet *packet)
{
	__u64 before = sum_of_verdicts();

	assert_int_equal(run(packet), TC_ACT_UNSPEC);
	assert_int_equal(sum_of_verdicts(), before);
}

static void other_packets_pass_unchanged(void **state)
{
	struct packet packet;

	(void)state;
	packet = packet_v4("10.96.0.11", PORT, 0, 0);
	left_alone(&packet);
	packet = packet_v4(VIP, PORT + 1, 0, 0);
	left_alone(&packet);
	packet = packet_v6("fd96::11", PORT);
	left_alone(&packet);
	packet = packet_v4(VIP, PORT, 0, 0);
	packet.bytes[ETH_HLEN + offsetof(struct iphdr, protocol)] = IPPROTO_UDP;
	left_alone(&packet);
	packet.bytes[ETH_HLEN + offsetof(struct iphdr, protocol)] = IPPROTO_ICMP;
	left_alone(&packet);
	packet = packet_v6(VIP6, PORT);
	packet.bytes[ETH_HLEN + offsetof(struct ip6_hdr, ip6_nxt)] = IPPROTO_FRAGMENT;
	left_alone(&packet);
	packet.bytes[ETH_HLEN + offsetof(struct ip6_hdr, ip6_nxt)] = IPPROTO_HOPOPTS;
	left_alone(&packet);
}

static void fragments_pass_unchanged(void **state)
{
	struct packet packet;

	(void)state;
	packet = packet_v4(VIP, PORT, 0, 0x2000); /* the first of several */
	left_alone(&packet);
	packet = packet_v4(VIP, PORT, 0, 0x2001);
	left_alone(&packet);
	packet = packet_v4(VIP, PORT, 0, 0x0100); /* the last */
	left_alone(&packet);
	packet = packet_v4(VIP, PORT, 0, 0x4000); /* "do not fragment" is none */
	assert_int_equal(run(&packet), TC_ACT_REDIRECT);
}

static void short_and_malformed_packets_pass_unchanged(void **state)
{
	struct packet whole[2] = { packet_v4(VIP, PORT, 8, 0), packet_v6(VIP6, PORT) }, packet;

	(void)state;
	for (int i = 0; i < 2; i++) {
		for (unsigned int size = ETH_HLEN + 1; size < whole[i].size; size++) {
			packet = whole[i];
			packet.size = size;
			left_alone(&packet);
		}
	}
	packet = packet_v4(VIP, PORT, 0, 0);
	packet.bytes[ETH_HLEN] = 0x44; /* header length below the minimum */
	left_alone(&packet);
	packet.bytes[ETH_HLEN] = 0x65; /* version */
	left_alone(&packet);
	packet.bytes[ETH_HLEN] = 0x4f; /* header longer than the packet */
	left_alone(&packet);
	packet = packet_v4(VIP, PORT, 0, 0);
	packet.bytes[ETH_HLEN + 20 + 12] = 0x40; /* TCP header length below the minimum */
	left_alone(&packet);
	packet = packet_v4(VIP, PORT, 0, 0);
	packet.bytes[12] = 0x81; /* VLAN tag in line */
	left_alone(&packet);
}

/* Without a listener: refused (closed) or left to whoever comes next (open). IPv4 options are no obstacle. */
static void without_listener_the_fail_mode_holds(void **state)
{
	struct packet packets[] = { packet_v4(VIP, PORT, 0, 0), packet_v4(VIP, PORT, 40, 0), packet_v6(VIP6, PORT) };

	(void)state;
	for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
		__u64 dropped = scene_verdict(HDL_VERDICT_NO_LISTENER);

		request_services(NULL);
		assert_int_equal(run(&packets[i]), TC_ACT_REDIRECT);
		assert_int_equal(scene_verdict(HDL_VERDICT_NO_LISTENER), dropped + 1);
		scene.state->worker_count = HDL_WORKERS_MAX; /* announced, but none has a listener */
		assert_int_equal(run(&packets[i]), TC_ACT_REDIRECT);
		scene.state->worker_count = HDL_WORKERS_MAX + 1; /* nonsense */
		assert_int_equal(run(&packets[i]), TC_ACT_REDIRECT);
		scene.service[1].version[0].fail_mode = scene.service[2].version[0].fail_mode = HDL_FAIL_OPEN;
		left_alone(&packets[i]);
	}
}

static void other_labels_pass_unchanged(void **state)
{
	struct packet packet = packet_v4(VIP, PORT, 0, 0);

	(void)state;
	scene.service[1].version[0].label = HDL_LABEL_L4;
	left_alone(&packet);
	scene.service[1].version[0].label = HDL_LABEL_NONE;
	left_alone(&packet);
	scene.service[1].version[0].label = HDL_LABEL_REQUEST;
	scene.service[1].version[0].epoch = 2; /* not in force yet */
	left_alone(&packet);
	scene.service[1].version[0].epoch = 1;
	assert_int_equal(run(&packet), TC_ACT_REDIRECT);
}

/* --- real flows: a pod, its veth, and workers in the namespace of the node --- */

static void enter(int netns)
{
	if (setns(netns, CLONE_NEWNET) != 0)
		scene_fail("setns");
}

static int open_netns(void)
{
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		scene_fail("/proc/self/ns/net");
	return fd;
}

static int transparent_listener(const char *text, int option_level, int option, unsigned int *ret_port)
{
	int fd = scene_listen(text, 0, ret_port), on = 1;

	assert_int_equal(setsockopt(fd, option_level, option, &on, sizeof(on)), 0);
	return fd;
}

static void start_workers(void)
{
	unsigned int port = 0;

	for (__u32 i = 0; i < WORKERS; i++) {
		workers[i][0] = transparent_listener("127.0.0.1", SOL_IP, IP_TRANSPARENT, &port);
		scene_worker(i, HDL_FAMILY_V4, workers[i][0], port);
		workers[i][1] = transparent_listener("::1", SOL_IPV6, IPV6_TRANSPARENT, &port);
		scene_worker(i, HDL_FAMILY_V6, workers[i][1], port);
	}
}

static void build_network(void)
{
	char move[64];

	scene_new_netns();
	host_netns = open_netns();
	scene_new_netns();
	pod_netns = open_netns();
	enter(host_netns);
	snprintf(move, sizeof(move), "ip link set p0 netns /proc/%d/fd/%d", getpid(), pod_netns);
	scene_command("ip link add h0 type veth peer name p0");
	scene_command(move);
	scene_command("ip link set h0 up && ip addr add 10.1.0.1/24 dev h0 && ip addr add fd01::1/64 dev h0 nodad");
	scene_command("ip rule add fwmark 0x300/0xf00 lookup 100 && ip route add local 0.0.0.0/0 dev lo table 100");
	scene_command("ip -6 rule add fwmark 0x300/0xf00 lookup 100 && ip -6 route add local ::/0 dev lo table 100");
	/* it would find the connections' sockets even without tc, and hide what tc does */
	scene_command("sysctl -q -w net.ipv4.ip_early_demux=0");
	enter(pod_netns);
	scene_command("ip link set p0 up && ip addr add 10.1.0.2/24 dev p0 && ip addr add fd01::2/64 dev p0 nodad");
	scene_command("ip route add default via 10.1.0.1 && ip -6 route add default via fd01::1");
	enter(host_netns);
}

static void attach(void)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)if_nametoindex("h0"), .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = bpf_program__fd(scene.skel->progs.hdl_tc_ingress));

	if (bpf_tc_hook_create(&hook) != 0 || bpf_tc_attach(&hook, &opts) != 0)
		scene_fail("bpf_tc_attach");
}

static int with_workers(void **state)
{
	request_services(state);
	scene.state->worker_count = WORKERS;
	for (__u32 i = 0; i < WORKERS; i++)
		for (int family = 0; family < HDL_FAMILIES; family++)
			scene_worker(i, family, workers[i][family], 1);
	return 0;
}

/* Connects from the pod. */
static int pod_connect(const char *text)
{
	int fd;

	enter(pod_netns);
	fd = scene_connect(text, PORT);
	enter(host_netns);
	return fd;
}

/* The connection that waits at a listener of the family, -1 = none; *ret_worker: at which. */
static int accepted_by(int family, int *ret_worker)
{
	for (int i = 0; i < WORKERS; i++) {
		int fd = accept4(workers[i][family], NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0) {
			if (ret_worker)
				*ret_worker = i;
			return fd;
		}
	}
	return -1;
}

static void check_bytes(int from, int to)
{
	char byte = 0;

	assert_int_equal(write(from, "x", 1), 1);
	assert_int_equal(read(to, &byte, 1), 1);
	assert_int_equal(byte, 'x');
}

/* Accepting after connect() came back: the handshake's last ACK may still be on its way. */
static int accept_from_pod(int family, int *ret_worker)
{
	int fd = accepted_by(family, ret_worker);

	for (int i = 0; fd < 0 && i < 3000; i++) {
		usleep(1000);
		fd = accepted_by(family, ret_worker);
	}
	assert_true(fd >= 0);
	return fd;
}

static void check_flow(const char *vip, int family, const char *client)
{
	__u64 punted = scene_verdict(HDL_VERDICT_PUNTED);
	struct scene_address own = { .size = sizeof(own.v6) }, dialled = scene_address(vip, PORT);
	int fd = pod_connect(vip), accepted;

	assert_true(fd >= 0);
	accepted = accept_from_pod(family, NULL);
	assert_int_equal(getsockname(accepted, &own.any, &own.size), 0);
	if (family == HDL_FAMILY_V4)
		assert_memory_equal(&own.v4.sin_addr, &dialled.v4.sin_addr, 4);
	else
		assert_memory_equal(&own.v6.sin6_addr, &dialled.v6.sin6_addr, 16);
	assert_int_equal(own.v4.sin_port, htons(PORT));
	assert_int_equal(strncmp(scene_peer(accepted), client, strlen(client)), 0);
	check_bytes(fd, accepted);
	check_bytes(accepted, fd);
	close(fd);
	close(accepted);
	assert_int_equal(scene_verdict(HDL_VERDICT_PUNTED), punted + 1);
}

static void pod_reaches_a_worker_v4(void **state)
{
	(void)state;
	check_flow(VIP, HDL_FAMILY_V4, "10.1.0.2 ");
}

static void pod_reaches_a_worker_v6(void **state)
{
	(void)state;
	check_flow(VIP6, HDL_FAMILY_V6, "fd01::2 ");
}

static void workers_share(void **state)
{
	int count[WORKERS] = { 0 };

	(void)state;
	for (int i = 0; i < 200; i++) {
		int fd = pod_connect(i % 2 ? VIP : VIP6), worker, accepted;

		assert_true(fd >= 0);
		accepted = accept_from_pod(i % 2 ? HDL_FAMILY_V4 : HDL_FAMILY_V6, &worker);
		count[worker]++;
		close(fd);
		close(accepted);
	}
	assert_in_range(count[0], 50, 150); /* 7 standard deviations */
}

static void next_worker_steps_in(void **state)
{
	__u32 index = 0;

	(void)state;
	assert_int_equal(bpf_map_delete_elem(bpf_map__fd(scene.skel->maps.listener), &index), 0);
	for (int i = 0; i < 20; i++) {
		int fd = pod_connect(VIP), worker = -1, accepted = accept_from_pod(HDL_FAMILY_V4, &worker);

		assert_int_equal(worker, 1);
		close(fd);
		close(accepted);
	}
}

/* A connection keeps the label with which it began, and needs no listener any more. */
static void connections_outlive_label_and_listener(void **state)
{
	int fd = pod_connect(VIP), accepted = accept_from_pod(HDL_FAMILY_V4, NULL);

	(void)state;
	scene.service[1].version[0].label = HDL_LABEL_L4;
	for (__u32 i = 0; i < WORKERS * HDL_FAMILIES; i++)
		assert_int_equal(bpf_map_delete_elem(bpf_map__fd(scene.skel->maps.listener), &i), 0);
	check_bytes(fd, accepted);
	check_bytes(accepted, fd);
	scene.service[1].version[0].label = HDL_LABEL_NONE;
	check_bytes(fd, accepted);
	close(fd);
	close(accepted);
}

/* With SYN cookies the last ACK of the handshake meets no socket: it must find the listener that sent the cookie. */
static void syn_cookies_work(void **state)
{
	(void)state;
	scene_command("sysctl -q -w net.ipv4.tcp_syncookies=2");
	for (int i = 0; i < 20; i++) {
		check_flow(VIP, HDL_FAMILY_V4, "10.1.0.2 ");
		check_flow(VIP6, HDL_FAMILY_V6, "fd01::2 ");
	}
	scene_command("sysctl -q -w net.ipv4.tcp_syncookies=1");
}

/* A client port that is used again while the worker's end of its last connection is in TIME_WAIT. */
static void syn_meets_time_wait(void **state)
{
	struct scene_address from = scene_address("10.1.0.2", 45678), to = scene_address(VIP, PORT);
	int on = 1;
	char byte;

	(void)state;
	for (int i = 0; i < 3; i++) {
		int fd, accepted;

		enter(pod_netns);
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
		assert_int_equal(bind(fd, &from.any, from.size), 0);
		assert_int_equal(connect(fd, &to.any, to.size), 0);
		enter(host_netns);
		accepted = accept_from_pod(HDL_FAMILY_V4, NULL);
		check_bytes(fd, accepted);
		close(accepted); /* first: TIME_WAIT is at the worker's end */
		assert_int_equal(read(fd, &byte, 1), 0);
		close(fd);
	}
}

/* A packet that was built by the pod itself, with its headers outside of the linear part of the buffer. */
static void send_through_ring(const struct packet *packet)
{
	struct tpacket_req ring = { .tp_block_size = 4096, .tp_block_nr = 1, .tp_frame_size = 4096, .tp_frame_nr = 1 };
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP) };
	struct tpacket2_hdr *frame;
	int fd, version = TPACKET_V2;

	enter(pod_netns);
	fd = socket(AF_PACKET, SOCK_RAW, 0);
	to.sll_ifindex = (int)if_nametoindex("p0");
	assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)), 0);
	assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_TX_RING, &ring, sizeof(ring)), 0);
	frame = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(frame, MAP_FAILED);
	memcpy((char *)frame + TPACKET2_HDRLEN - sizeof(struct sockaddr_ll), packet->bytes, packet->size);
	frame->tp_len = packet->size;
	frame->tp_status = TP_STATUS_SEND_REQUEST;
	assert_int_equal(sendto(fd, NULL, 0, 0, (struct sockaddr *)&to, sizeof(to)), packet->size);
	munmap(frame, 4096);
	close(fd);
	enter(host_netns);
}

static void headers_outside_the_linear_part(void **state)
{
	struct packet packet = packet_v4(VIP, PORT, 0, 0);
	__u64 dropped = scene_verdict(HDL_VERDICT_NO_LISTENER);

	(void)state;
	send_through_ring(&packet);
	for (int i = 0; i < 3000 && scene_verdict(HDL_VERDICT_NO_LISTENER) == dropped; i++)
		usleep(1000);
	assert_int_equal(scene_verdict(HDL_VERDICT_NO_LISTENER), dropped + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(other_packets_pass_unchanged, request_services),
		cmocka_unit_test_setup(fragments_pass_unchanged, request_services),
		cmocka_unit_test_setup(short_and_malformed_packets_pass_unchanged, request_services),
		cmocka_unit_test_setup(without_listener_the_fail_mode_holds, request_services),
		cmocka_unit_test_setup(other_labels_pass_unchanged, request_services),
		cmocka_unit_test_setup(pod_reaches_a_worker_v4, with_workers),
		cmocka_unit_test_setup(pod_reaches_a_worker_v6, with_workers),
		cmocka_unit_test_setup(workers_share, with_workers),
		cmocka_unit_test_setup(next_worker_steps_in, with_workers),
		cmocka_unit_test_setup(connections_outlive_label_and_listener, with_workers),
		cmocka_unit_test_setup(syn_cookies_work, with_workers),
		cmocka_unit_test_setup(syn_meets_time_wait, with_workers),
		cmocka_unit_test_setup(headers_outside_the_linear_part, request_services),
	};

	hdl_test_need_bpf();
	scene_load(true);
	build_network();
	start_workers();
	attach();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
