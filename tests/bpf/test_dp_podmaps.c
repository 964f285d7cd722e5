// SPDX-License-Identifier: Apache-2.0
/* Maps `interface` and `local_pod` hold what a scan of pods found, and nothing else; pods that the hooks do not see are told. */
#include "tests/bpf/dp_net.h"

#include <string.h>
#include <sys/stat.h>
#include "dp/features.h"
#include "dp/load.h"
#include "dp/podmaps.h"
#include "dp/pods.h"
#include "dp/uninstall.h"
#include "heddle/abi_flow.h"

static char bpffs[64], cgroup[512];
static struct hdl_load *load;
static struct hdl_dp_maps maps;
static struct hdl_err err;

static void check(int r)
{
	if (r < 0)
		fail_msg("%s", err.text);
}

static int setup(void **state)
{
	struct hdl_load_conf conf = { .bpffs = bpffs, .cgroup = cgroup, .capacity = { 16, 16, 64 } };
	struct hdl_load_report report;

	conf.packet_mark = 0x100;
	conf.packet_mask = 0xf00;
	conf.route_table = 4242;
	if (fresh_host(state) != 0)
		return -1;
	check(hdl_load_open(&conf, &load, &report, &err));
	hdl_load_fds(load, &maps);
	return 0;
}

static int teardown(void **state)
{
	struct hdl_uninstall_report removed;

	(void)state;
	load = hdl_load_free(load);
	hdl_uninstall(bpffs, &removed, &err);
	return 0;
}

static struct hdl_addr address(unsigned int last)
{
	return hdl_addr_from_v4((__be32)__builtin_bswap32(0x0a010000 + last));
}

/* A pod with the addresses 10.1.0.first.., on one plain pair. */
static struct hdl_pod pod_of(uint64_t cookie, int ifindex, unsigned int first, unsigned int count)
{
	struct hdl_pod pod = { .cookie = cookie, .address_count = count, .ifindex_count = 1, .ifindex = { ifindex } };

	for (unsigned int i = 0; i < count; i++)
		pod.address[i] = address(first + i);
	pod.link[0] = (struct hdl_pod_link){ .ifindex = ifindex, .mtu = 1400, .plain = true };
	memset(pod.link[0].pod_mac, ifindex, sizeof(pod.link[0].pod_mac));
	memset(pod.link[0].host_mac, ifindex + 1, sizeof(pod.link[0].host_mac));
	return pod;
}

static void sync_maps(const struct hdl_pod *list, size_t n, bool redirect)
{
	check(hdl_podmaps_sync(&maps, hdl_load_state(load), list, n, redirect, &err));
}

static uint64_t cookie_of(uint32_t ifindex)
{
	uint64_t cookie = 0;

	(void)bpf_map_lookup_elem(maps.interface_fd, &ifindex, &cookie);
	return cookie;
}

static uint32_t interface_of(unsigned int last)
{
	struct hdl_addr key = address(last);
	struct hdl_local_pod value = { .ifindex = 0 };

	if (bpf_map_lookup_elem(maps.local_pod_fd, &key, &value) == 0) {
		assert_true(hdl_addr_equal(&value.address, &key));
		assert_int_equal(value.mtu, 1400);
		assert_int_equal(value.pod_mac[5], value.ifindex);
		assert_int_equal(value.host_mac[0], value.ifindex + 1);
	}
	return value.ifindex;
}

static void maps_follow_the_list(void **state)
{
	struct hdl_pod list[] = { pod_of(100, 7, 1, 2), pod_of(200, 8, 11, 1) };

	(void)state;
	sync_maps(list, 2, false);
	assert_int_equal(cookie_of(7), 100);
	assert_int_equal(cookie_of(8), 200);
	assert_int_equal(interface_of(1), 0);
	assert_false(hdl_load_state(load)->flags & HDL_STATE_REDIRECT);
	sync_maps(list, 2, true);
	assert_int_equal(interface_of(1), 7);
	assert_int_equal(interface_of(2), 7);
	assert_int_equal(interface_of(11), 8);
	assert_true(hdl_load_state(load)->flags & HDL_STATE_REDIRECT);
	list[0] = pod_of(300, 7, 2, 1); /* the interface's number is another pod's by now */
	sync_maps(list, 1, true);
	assert_int_equal(cookie_of(7), 300);
	assert_int_equal(cookie_of(8), 0);
	assert_int_equal(interface_of(1), 0);
	assert_int_equal(interface_of(2), 7);
	assert_int_equal(interface_of(11), 0);
	sync_maps(list, 1, false);
	assert_int_equal(interface_of(2), 0);
	assert_int_equal(cookie_of(7), 300);
	assert_false(hdl_load_state(load)->flags & HDL_STATE_REDIRECT);
}

static void only_what_is_plain_is_local(void **state)
{
	struct hdl_pod list[] = { pod_of(1, 7, 1, 1), pod_of(2, 8, 2, 1), pod_of(3, 9, 3, 1), pod_of(4, 10, 3, 1),
				  pod_of(5, 11, 5, 1) };

	(void)state;
	list[0].link[0].plain = false; /* its address is on a bridge */
	list[1].ifindex_count = 2;     /* two ways: which one? */
	list[1].ifindex[1] = 20;
	sync_maps(list, 5, true);
	assert_int_equal(interface_of(1), 0);
	assert_int_equal(interface_of(2), 0);
	assert_int_equal(interface_of(3), 0); /* two pods have it */
	assert_int_equal(interface_of(5), 11);
	assert_int_equal(cookie_of(20), 2);
}

/* --- what the scan tells --- */

static const struct hdl_pod *scan(struct hdl_pods *pods, const char *ifname)
{
	size_t n;
	const struct hdl_pod *list;

	hdl_pods_read(pods);
	check(hdl_pods_scan(pods, true, &err));
	list = hdl_pods_list(pods, &n);
	for (size_t i = 0; i < n; i++)
		if (list[i].ifindex_count && list[i].ifindex[0] == (int)if_nametoindex(ifname))
			return &list[i];
	fail_msg("no pod behind %s", ifname);
	return NULL;
}

static void pairs_and_unseen_senders(void **state)
{
	const struct hdl_pod *pod;
	struct hdl_pods *pods;
	char name[64];

	(void)state;
	snprintf(name, sizeof(name), "hdlpm%d", getpid());
	run("ip netns add %s && ip link add v0 type veth peer name p0 netns %s && ip link set v0 up", name, name);
	run("ip link set v0 mtu 1450 && ip -n %s link set p0 address 02:00:00:00:00:77 mtu 1400 up", name);
	run("ip -n %s addr add 10.1.0.9/24 dev p0", name);
	check(hdl_pods_new(&pods, &err));
	pod = scan(pods, "v0");
	assert_false(pod->unseen);
	assert_true(pod->link[0].plain);
	assert_int_equal(pod->link[0].mtu, 1400);
	assert_int_equal(pod->link[0].pod_mac[5], 0x77);
	/* this process, in that namespace, is not in such a cgroup */
	run("ip netns exec %s sleep 300 & echo $! > /tmp/%s.pid", name, name);
	assert_int_equal(hdl_pods_cgroup(pods, "/no/such/cgroup"), 0);
	for (int i = 0; i < 3000 && !scan(pods, "v0")->unseen; i++)
		usleep(1000);
	assert_true(scan(pods, "v0")->unseen);
	assert_int_equal(hdl_pods_cgroup(pods, NULL), 0);
	assert_false(scan(pods, "v0")->unseen);
	run("kill $(cat /tmp/%s.pid); rm /tmp/%s.pid", name, name);
	run("ip -n %s tuntap add tap0 mode tap", name);
	assert_true(scan(pods, "v0")->unseen);
	run("ip -n %s link add br0 type bridge && ip -n %s link set p0 master br0", name, name);
	assert_false(scan(pods, "v0")->link[0].plain);
	hdl_pods_free(pods);
	run("ip netns del %s", name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(maps_follow_the_list, setup, teardown),
		cmocka_unit_test_setup_teardown(only_what_is_plain_is_local, setup, teardown),
		cmocka_unit_test_setup(pairs_and_unseen_senders, fresh_host),
	};

	hdl_test_need_bpf();
	if (hdl_features_cgroup_root(cgroup, sizeof(cgroup)) < 0) {
		printf("no cgroup2 is mounted\n");
		return HDL_TEST_SKIP;
	}
	snprintf(bpffs, sizeof(bpffs), "/sys/fs/bpf/heddle-podmaps-%d", getpid());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
