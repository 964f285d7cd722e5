/* SPDX-License-Identifier: Apache-2.0 */
/* The edge on interfaces: attached by whichever way works, found again, replaced in place, never in another's place. */
#include "tests/bpf/dp_net.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include "dp/edge.h"
#include "dp/features.h"
#include "dp/libxdp.h"
#include "dp/load.h"
#include "dp/uninstall.h"
#include "heddle/abi_edge.h"

static char bpffs[64], cgroup[512];
static struct hdl_load *load;
static struct hdl_err err;
static const struct hdl_edge_wish native = { HDL_XDP_WISH_NATIVE, 7, 9, 61000, 65535 };

static void open_daemon(void)
{
	struct hdl_load_conf conf = { .bpffs = bpffs,
				      .cgroup = cgroup,
				      .capacity = { 16, 16, 64 },
				      .packet_mark = 0x100,
				      .packet_mask = 0xf00,
				      .route_table = 4243 };
	struct hdl_load_report report;

	if (hdl_load_open(&conf, &load, &report, &err) < 0)
		fail_msg("%s", err.text);
}

static struct hdl_dp_maps maps(void)
{
	struct hdl_dp_maps maps;

	hdl_load_fds(load, &maps);
	return maps;
}

static int setup(void **state)
{
	if (fresh_host(state) != 0)
		return -1;
	run("ip link add v0 type veth peer name p0");
	run("ip addr add 192.0.2.1/24 dev v0");
	run("ip addr add 2001:db8::1/64 dev v0 nodad");
	run("ip link add v1 type veth peer name p1");
	open_daemon();
	return 0;
}

static int teardown(void **state)
{
	struct hdl_uninstall_report removed;

	(void)state;
	hdl_libxdp_without(false);
	load = hdl_load_free(load);
	hdl_uninstall(bpffs, &removed, &err);
	return 0;
}

static struct hdl_edge_state state_of(const char *name)
{
	struct hdl_edge_state edge = { .ifindex = (int)if_nametoindex(name) };

	return edge;
}

static void serve(struct hdl_edge_state *edge, const struct hdl_edge_wish *wish)
{
	if (hdl_edge_serve(load, bpffs, wish, edge, &err) < 0)
		fail_msg("%s", err.text);
	assert_true(edge->served);
}

static uint32_t xdp_on(const char *name)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, opts);

	assert_int_equal(bpf_xdp_query((int)if_nametoindex(name), 0, &opts), 0);
	return opts.drv_prog_id ? opts.drv_prog_id : opts.skb_prog_id;
}

static struct hdl_edge_interface record_of(const char *name)
{
	struct hdl_edge_interface record = { .flags = ~0u };
	int ifindex = (int)if_nametoindex(name);

	if (bpf_map_lookup_elem(maps().edge_interface_fd, &ifindex, &record) != 0)
		record.flags = ~0u;
	return record;
}

static void served_and_left(bool without_libxdp)
{
	struct hdl_edge_state edge = state_of("v0");
	struct hdl_edge_interface record;
	uint32_t program;
	int *list = NULL;
	size_t n = 0;

	hdl_libxdp_without(without_libxdp);
	serve(&edge, &native);
	assert_int_equal(edge.xdp.mode, HDL_XDP_NATIVE);
	if (without_libxdp)
		assert_string_equal(edge.text, "tc, XDP native, alone: libxdp is not installed");
	record = record_of("v0");
	assert_int_equal(record.flags, HDL_EDGE_INTERFACE_XDP);
	assert_int_equal(record.syn_rate, 7);
	assert_int_equal(record.syn_burst, 9);
	assert_int_equal(record.address[HDL_FAMILY_V4].word[3], inet_addr("192.0.2.1"));
	assert_int_equal(record.address[HDL_FAMILY_V6].byte[15], 1);
	program = xdp_on("v0");
	assert_int_not_equal(program, 0);
	serve(&edge, &native); /* once more: as it is */
	assert_int_equal(xdp_on("v0"), program);
	assert_int_equal(hdl_edge_list(bpffs, maps().state_fd, &list, &n, &err), 0);
	assert_int_equal(n, 1);
	assert_int_equal(list[0], edge.ifindex);
	free(list);
	assert_int_equal(hdl_edge_leave(bpffs, maps().state_fd, maps().edge_interface_fd, edge.ifindex, &err), 1);
	assert_int_equal(xdp_on("v0"), 0);
	assert_int_equal(record_of("v0").flags, ~0u);
	assert_false(shows("tc qdisc show dev v0", "clsact"));
	assert_int_equal(hdl_edge_leave(bpffs, maps().state_fd, maps().edge_interface_fd, edge.ifindex, &err), 0);
}

static void by_libxdp(void **state)
{
	(void)state;
	if (!hdl_libxdp())
		skip();
	served_and_left(false);
}

static void without_libxdp(void **state)
{
	(void)state;
	served_and_left(true);
}

static void the_next_daemon_replaces_in_place(void **state)
{
	struct hdl_edge_state edge = state_of("v0");
	uint32_t former;

	(void)state;
	serve(&edge, &native);
	former = xdp_on("v0");
	hdl_load_free(load);
	open_daemon();
	edge = state_of("v0");
	serve(&edge, &native);
	assert_int_equal(edge.xdp.mode, HDL_XDP_NATIVE);
	assert_int_not_equal(xdp_on("v0"), 0);
	assert_int_not_equal(xdp_on("v0"), former);
}

static void modes_by_wish(void **state)
{
	struct hdl_edge_wish wish = native;
	struct hdl_edge_state edge = state_of("v0");

	(void)state;
	wish.xdp = HDL_XDP_AUTO;
	serve(&edge, &wish);
	assert_int_equal(edge.xdp.mode, HDL_XDP_NONE); /* a veth */
	assert_int_equal(record_of("v0").flags, 0);
	wish.xdp = HDL_XDP_WISH_GENERIC;
	serve(&edge, &wish);
	assert_int_equal(edge.xdp.mode, HDL_XDP_GENERIC);
	wish.xdp = HDL_XDP_WISH_NATIVE;
	serve(&edge, &wish);
	assert_int_equal(edge.xdp.mode, HDL_XDP_NATIVE);
	wish.xdp = HDL_XDP_OFF;
	serve(&edge, &wish);
	assert_int_equal(edge.xdp.mode, HDL_XDP_NONE);
	assert_int_equal(xdp_on("v0"), 0);
	/* what has no native XDP is served by tc */
	edge = state_of("lo");
	serve(&edge, &native);
	assert_int_equal(edge.xdp.mode, HDL_XDP_NONE);
	assert_non_null(strstr(edge.text, "no native XDP"));
}

/* XDP or tc taken away by somebody comes back with the next look. */
static void what_others_take_away_comes_back(void **state)
{
	struct hdl_edge_state edge = state_of("v0");

	(void)state;
	serve(&edge, &native);
	run("ip link set dev v0 xdpdrv off");
	assert_int_equal(xdp_on("v0"), 0);
	serve(&edge, &native);
	assert_int_not_equal(xdp_on("v0"), 0);
}

static void programs_of_others_stay(void **state)
{
	struct bpf_insn insns[] = { { .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 2 },
				    { .code = BPF_JMP | BPF_EXIT } };
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "foreign", "GPL", insns, HDL_ARRAY_SIZE(insns), NULL);
	struct hdl_edge_state edge = state_of("v0");
	uint32_t theirs;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(bpf_xdp_attach(edge.ifindex, fd, 1u << 2 /* in the driver */, NULL), 0);
	close(fd);
	theirs = xdp_on("v0");
	serve(&edge, &native);
	assert_int_equal(edge.xdp.mode, HDL_XDP_NONE);
	assert_non_null(strstr(edge.text, "tc; no XDP: another program is attached: foreign"));
	assert_int_equal(xdp_on("v0"), theirs);
	assert_int_equal(hdl_edge_leave(bpffs, maps().state_fd, maps().edge_interface_fd, edge.ifindex, &err), 1);
	assert_int_equal(xdp_on("v0"), theirs);
}

/* An interface without addresses speaks with one of the node's. */
static void addresses_of_the_interface(void **state)
{
	struct hdl_edge_state edge = state_of("v1");

	(void)state;
	serve(&edge, &native);
	assert_int_equal(record_of("v1").address[HDL_FAMILY_V4].word[3], inet_addr("192.0.2.1"));
	run("ip addr add 198.51.100.9/24 dev v1");
	serve(&edge, &native);
	assert_int_equal(record_of("v1").address[HDL_FAMILY_V4].word[3], inet_addr("198.51.100.9"));
	hdl_edge_prune(maps().edge_interface_fd, NULL, 0);
	assert_int_equal(record_of("v1").flags, ~0u);
	run("ip link del v1");
	assert_int_equal(hdl_edge_serve(load, bpffs, &native, &edge, &err), -ENODEV);
	assert_false(edge.served);
}

static void uninstall_leaves_nothing(void **state)
{
	struct hdl_uninstall_report removed;
	struct hdl_edge_state edge = state_of("v0");

	(void)state;
	serve(&edge, &native);
	load = hdl_load_free(load);
	assert_int_equal(hdl_uninstall(bpffs, &removed, &err), 0);
	assert_int_equal(removed.filters, 1);
	assert_int_equal(xdp_on("v0"), 0);
	assert_false(shows("tc qdisc show dev v0", "clsact"));
	assert_int_not_equal(access(bpffs, F_OK), 0);
}

static bool known(const char *address)
{
	struct hdl_addr key = { .half = { 0, 0 } };
	uint32_t value;

	if (strchr(address, ':'))
		assert_int_equal(inet_pton(AF_INET6, address, key.byte), 1);
	else
		key = hdl_addr_from_v4(inet_addr(address));
	return bpf_map_lookup_elem(maps().edge_address_fd, &key, &value) == 0;
}

static void external_addresses(void **state)
{
	struct hdl_addr one[] = { hdl_addr_from_v4(inet_addr("203.0.113.1")),
				  hdl_addr_from_v4(inet_addr("203.0.113.2")) };
	struct hdl_addr two[] = { one[1], hdl_addr_from_v4(inet_addr("203.0.113.3")) };
	struct hdl_ir_service a = { .external_addresses = one, .external_address_count = 2 };
	struct hdl_ir_service b = { .external_addresses = two, .external_address_count = 2 }, none = { .fqdn = "none" };
	struct hdl_ir_service *first[] = { &a, &none, &b }, *second[] = { &b };
	struct hdl_snapshot snapshot = { .services = first, .service_count = 3 };
	struct hdl_edge_addresses *list = NULL;

	(void)state;
	assert_int_equal(hdl_edge_addresses_sync(maps().edge_address_fd, &snapshot, &list, &err), 0);
	assert_true(known("203.0.113.1") && known("203.0.113.2") && known("203.0.113.3"));
	/* the next process finds what this one wrote */
	list = hdl_edge_addresses_free(list);
	snapshot = (struct hdl_snapshot){ .services = second, .service_count = 1 };
	assert_int_equal(hdl_edge_addresses_sync(maps().edge_address_fd, &snapshot, &list, &err), 0);
	assert_true(!known("203.0.113.1") && known("203.0.113.2") && known("203.0.113.3"));
	snapshot.service_count = 0;
	assert_int_equal(hdl_edge_addresses_sync(maps().edge_address_fd, &snapshot, &list, &err), 0);
	assert_false(known("203.0.113.2"));
	hdl_edge_addresses_free(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(by_libxdp, setup, teardown),
		cmocka_unit_test_setup_teardown(without_libxdp, setup, teardown),
		cmocka_unit_test_setup_teardown(the_next_daemon_replaces_in_place, setup, teardown),
		cmocka_unit_test_setup_teardown(modes_by_wish, setup, teardown),
		cmocka_unit_test_setup_teardown(what_others_take_away_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(programs_of_others_stay, setup, teardown),
		cmocka_unit_test_setup_teardown(addresses_of_the_interface, setup, teardown),
		cmocka_unit_test_setup_teardown(uninstall_leaves_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(external_addresses, setup, teardown),
	};

	hdl_test_need_bpf();
	if (hdl_features_cgroup_root(cgroup, sizeof(cgroup)) < 0) {
		printf("no cgroup2 is mounted\n");
		return HDL_TEST_SKIP;
	}
	snprintf(bpffs, sizeof(bpffs), "/sys/fs/bpf/heddle-edge-%d", getpid());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
