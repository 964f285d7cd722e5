/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A scene for tests with real sockets: a network namespace and a cgroup of their own, the programs loaded, and a
 * publisher of the simplest kind (whole records, no epochs unless the test wants them).
 */
#ifndef HDL_TESTS_BPF_SCENE_H
#define HDL_TESTS_BPF_SCENE_H

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <mntent.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include "tests/bpf/kernel.h"
#include "heddle/abi_check.h"
#include "heddle/core/tables_user.h"
#include "heddle/core/hash.h"
#include "heddle/core/subset.h"
#include "heddle.skel.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

#define SCENE_HELPER static inline __attribute__((unused))

struct scene {
	struct hdl_bpf *skel;
	struct hdl_state *state;
	struct hdl_service *service;
	struct hdl_route_row *route;
	struct hdl_cluster *cluster;
	struct hdl_balance *balance;
	struct hdl_endpoint *endpoint;
	__u32 *slot;
	struct hdl_health *health;
	struct hdl_client *client;
	__u64 cookie;  /* of the network namespace */
	bool shortcut; /* set before scene_run(): with the short cut between sockets */
	struct bpf_link *links[16];
	unsigned int link_count;
};

static struct scene scene;

SCENE_HELPER void scene_fail(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

SCENE_HELPER void scene_command(const char *command)
{
	if (system(command) != 0) {
		printf("Bail out! %s failed\n", command);
		exit(1);
	}
}

/* Path of the cgroup2 mount. */
SCENE_HELPER const char *scene_cgroup_root(void)
{
	static char path[256];
	FILE *mounts = setmntent("/proc/self/mounts", "r");
	struct mntent *entry;

	while (mounts && !path[0] && (entry = getmntent(mounts)))
		if (strcmp(entry->mnt_type, "cgroup2") == 0)
			snprintf(path, sizeof(path), "%s", entry->mnt_dir);
	if (mounts)
		endmntent(mounts);
	if (!path[0]) {
		printf("no cgroup2 file system is mounted\n");
		exit(HDL_TEST_SKIP);
	}
	return path;
}

SCENE_HELPER __u64 scene_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (__u64)now.tv_sec * 1000000000ull + (__u64)now.tv_nsec;
}

SCENE_HELPER __u64 scene_netns_cookie(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	__u64 cookie = 0;
	socklen_t size = sizeof(cookie);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) != 0)
		scene_fail("SO_NETNS_COOKIE");
	close(fd);
	return cookie;
}

SCENE_HELPER bool scene_is_of_packets(const struct bpf_program *program)
{
	return bpf_program__type(program) == BPF_PROG_TYPE_SCHED_CLS || bpf_program__type(program) == BPF_PROG_TYPE_XDP;
}

/*
 * Programs of packets, or those of sockets. Never all: an emulated machine takes half a minute to verify them, and no
 * test but test_load.c and those of the loader needs them together.
 */
SCENE_HELPER void scene_load(bool packets)
{
	struct bpf_program *program;

	scene.skel = hdl_bpf__open();
	if (!scene.skel)
		scene_fail("open");
	bpf_object__for_each_program(program, scene.skel->obj)
		bpf_program__set_autoload(program, scene_is_of_packets(program) == packets);
	scene.skel->rodata->hdl_config_shortcut = scene.shortcut;
	if (hdl_bpf__load(scene.skel) != 0)
		scene_fail("load");
	scene.state = hdl_test_map(scene.skel->maps.state);
	scene.service = hdl_test_map(scene.skel->maps.service);
	scene.route = hdl_test_map(scene.skel->maps.route);
	scene.cluster = hdl_test_map(scene.skel->maps.cluster);
	scene.balance = hdl_test_map(scene.skel->maps.balance);
	scene.endpoint = hdl_test_map(scene.skel->maps.endpoint);
	scene.slot = hdl_test_map(scene.skel->maps.slot);
	scene.health = hdl_test_map(scene.skel->maps.health);
	scene.client = hdl_test_map(scene.skel->maps.client);
	scene.state->abi_version = HDL_ABI_VERSION;
	scene.state->epoch = 1;
}

SCENE_HELPER void scene_attach(int cgroup)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, scene.skel->obj)
	{
		if (scene_is_of_packets(program) || bpf_program__type(program) == BPF_PROG_TYPE_SK_MSG)
			continue;
		scene.links[scene.link_count] = bpf_program__attach_cgroup(program, cgroup);
		if (!scene.links[scene.link_count++])
			scene_fail(bpf_program__name(program));
	}
}

/* A network namespace with lo up. */
SCENE_HELPER void scene_new_netns(void)
{
	if (unshare(CLONE_NEWNET) != 0)
		scene_fail("unshare");
	scene_command("ip link set lo up");
	scene.cookie = scene_netns_cookie();
}

/*
 * Runs body in a child, in a network namespace and a cgroup of its own with all programs attached. Returns the exit
 * status for main(). The parent outlives the child to take the cgroup away.
 */
SCENE_HELPER int scene_run(int (*body)(void))
{
	char path[320], procs[340];
	int status = 0, cgroup;
	pid_t child;

	hdl_test_need_bpf();
	snprintf(path, sizeof(path), "%s/heddle-test-%d", scene_cgroup_root(), getpid());
	snprintf(procs, sizeof(procs), "%s/cgroup.procs", path);
	if (mkdir(path, 0755) != 0)
		scene_fail(path);
	fflush(stdout);
	child = fork();
	if (child == 0) {
		int fd = open(procs, O_WRONLY | O_CLOEXEC);

		if (fd < 0 || write(fd, "0", 1) != 1)
			scene_fail(procs);
		close(fd);
		cgroup = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (cgroup < 0)
			scene_fail(path);
		scene_load(false);
		scene_new_netns();
		scene_attach(cgroup);
		status = body();
		while (scene.link_count)
			bpf_link__destroy(scene.links[--scene.link_count]);
		exit(status);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		status = -1;
	for (int i = 0; rmdir(path) != 0 && errno == EBUSY && i < 100; i++)
		usleep(10000); /* the kernel takes a moment to let go of the last process */
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* --- addresses and sockets --- */

struct scene_address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	};
	socklen_t size;
};

/* text: IPv4 or IPv6, "::ffff:1.2.3.4" gives an IPv6 socket address. */
SCENE_HELPER struct scene_address scene_address(const char *text, unsigned int port)
{
	struct scene_address a;

	memset(&a, 0, sizeof(a));
	if (inet_pton(AF_INET, text, &a.v4.sin_addr) == 1) {
		a.v4.sin_family = AF_INET;
		a.v4.sin_port = htons((uint16_t)port);
		a.size = sizeof(a.v4);
	} else {
		if (inet_pton(AF_INET6, text, &a.v6.sin6_addr) != 1)
			scene_fail(text);
		a.v6.sin6_family = AF_INET6;
		a.v6.sin6_port = htons((uint16_t)port);
		a.size = sizeof(a.v6);
	}
	return a;
}

SCENE_HELPER struct hdl_addr scene_addr(const char *text)
{
	struct scene_address a = scene_address(text, 0);
	struct hdl_addr addr;

	if (a.any.sa_family == AF_INET)
		return hdl_addr_from_v4(a.v4.sin_addr.s_addr);
	memcpy(&addr, &a.v6.sin6_addr, sizeof(addr));
	return addr;
}

/* Non-blocking listener; port 0: the kernel's choice, told in *ret_port. */
SCENE_HELPER int scene_listen(const char *text, unsigned int port, unsigned int *ret_port)
{
	struct scene_address a = scene_address(text, port);
	int fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 || bind(fd, &a.any, a.size) != 0 ||
	    listen(fd, 128) != 0 || getsockname(fd, &a.any, &a.size) != 0)
		scene_fail(text);
	if (ret_port)
		*ret_port = ntohs(a.v4.sin_port); /* the same place in both forms */
	return fd;
}

/* Connected socket, or -1 with errno. */
SCENE_HELPER int scene_connect(const char *text, unsigned int port)
{
	struct scene_address a = scene_address(text, port);
	int fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0), error;

	if (fd < 0)
		scene_fail("socket");
	if (connect(fd, &a.any, a.size) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

/* errno of a connect, 0 when it succeeds. */
SCENE_HELPER int scene_connect_error(const char *text, unsigned int port)
{
	int fd = scene_connect(text, port);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

/* What getpeername says, as "address port". */
SCENE_HELPER const char *scene_peer(int fd)
{
	static char text[INET6_ADDRSTRLEN + 8];
	struct scene_address a = { .size = sizeof(a.v6) };
	char address[INET6_ADDRSTRLEN] = "?";

	if (getpeername(fd, &a.any, &a.size) != 0)
		return strerror(errno);
	if (a.any.sa_family == AF_INET)
		inet_ntop(AF_INET, &a.v4.sin_addr, address, sizeof(address));
	else
		inet_ntop(AF_INET6, &a.v6.sin6_addr, address, sizeof(address));
	snprintf(text, sizeof(text), "%s %u", address, ntohs(a.v4.sin_port));
	return text;
}

/* Waits until fd is readable (or has an event of its own); the limit only ends a test that has failed. */
SCENE_HELPER bool scene_ready(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, 30000) == 1;
}

/* --- publishing --- */

SCENE_HELPER struct hdl_vip_key scene_key(const char *text, unsigned int port)
{
	struct hdl_vip_key key = { .address = scene_addr(text),
				   .port = htons((uint16_t)port),
				   .protocol = IPPROTO_TCP };

	return key;
}

SCENE_HELPER void scene_vip_of(const struct hdl_vip_key *key, __u32 id)
{
	if (bpf_map_update_elem(bpf_map__fd(scene.skel->maps.vip), key, &id, BPF_ANY) != 0)
		scene_fail("vip");
}

SCENE_HELPER void scene_vip(const char *text, unsigned int port, __u32 id)
{
	struct hdl_vip_key key = scene_key(text, port);

	scene_vip_of(&key, id);
}

SCENE_HELPER void scene_vip_delete(const struct hdl_vip_key *key)
{
	bpf_map_delete_elem(bpf_map__fd(scene.skel->maps.vip), key);
}

/* Service id at text:port with count rows of `route` from offset on, in force from epoch 1. */
SCENE_HELPER struct hdl_service_version *scene_service(__u32 id, const char *text, unsigned int port, __u8 label,
						       __u32 offset, __u16 count)
{
	scene.service[id] = (struct hdl_service){
		.version[0] = {
			.epoch = 1,
			.key = scene_key(text, port),
			.route_offset = offset,
			.route_count = count,
			.label = label,
			.service_port = id,
		},
	};
	scene_vip(text, port, id);
	return &scene.service[id].version[0];
}

/* The same with a key of any kind: UDP, a NodePort, clients of a class. */
SCENE_HELPER struct hdl_service_version *scene_service_of(__u32 id, const struct hdl_vip_key *key, __u8 label,
							  __u32 offset, __u16 count)
{
	scene.service[id] = (struct hdl_service){
		.version[0] = {
			.epoch = 1,
			.key = *key,
			.route_offset = offset,
			.route_count = count,
			.label = label,
			.service_port = id,
		},
	};
	scene_vip_of(key, id);
	return &scene.service[id].version[0];
}

/* Who this network namespace is: pod id with record client_id in `client`; id 0 takes it away. */
SCENE_HELPER void scene_workload(__u32 id, __u32 client_id, const char *v4, const char *v6)
{
	struct hdl_workload who = { .id = id, .cookie = scene.cookie, .client = client_id };
	int map = bpf_map__fd(scene.skel->maps.workload);

	if (v4[0])
		who.address[HDL_FAMILY_V4] = scene_addr(v4);
	if (v6[0])
		who.address[HDL_FAMILY_V6] = scene_addr(v6);
	if (id == 0)
		bpf_map_delete_elem(map, &scene.cookie);
	else if (bpf_map_update_elem(map, &scene.cookie, &who, BPF_ANY) != 0)
		scene_fail("workload");
}

/* What holds for a client from epoch 1 on. */
SCENE_HELPER void scene_client(__u32 client_id, __u32 workload, __u32 class_id, __u32 flags)
{
	scene.client[client_id] = (struct hdl_client){
		.version[0] = { .epoch = 1, .class_id = class_id, .flags = flags, .workload = workload },
	};
}

SCENE_HELPER void scene_node_address(const char *text, bool there)
{
	struct hdl_addr address = scene_addr(text);
	int map = bpf_map__fd(scene.skel->maps.node_address);
	__u32 value = 1;

	if (!there)
		bpf_map_delete_elem(map, &address);
	else if (bpf_map_update_elem(map, &address, &value, BPF_ANY) != 0)
		scene_fail("node_address");
}

/* Rows of a route from weights; the row at index goes to clusters[index]. */
SCENE_HELPER void scene_route(__u32 offset, const __u32 *clusters, const __u32 *weights, __u32 count)
{
	__u64 sum = 0, total = 0;

	for (__u32 i = 0; i < count; i++)
		total += weights[i];
	for (__u32 i = 0; i < count; i++) {
		sum += weights[i];
		scene.route[offset + i] =
			(struct hdl_route_row){ .threshold = hdl_core_threshold(sum, total), .cluster = clusters[i] };
	}
}

/* A route that goes to one cluster. */
SCENE_HELPER void scene_route_to(__u32 offset, __u32 cluster)
{
	__u32 weight = 1;

	scene_route(offset, &cluster, &weight, 1);
}

/* Endpoint id with an address of either family ("" = none). */
SCENE_HELPER void scene_endpoint(__u32 id, __u32 cluster, const char *v4, const char *v6, unsigned int port)
{
	scene.endpoint[id] = (struct hdl_endpoint){
		.port = htons((uint16_t)port), .weight = 1, .generation = 100 + id, .cluster = cluster
	};
	if (v4[0])
		scene.endpoint[id].address[HDL_FAMILY_V4] = scene_addr(v4);
	if (v6[0])
		scene.endpoint[id].address[HDL_FAMILY_V6] = scene_addr(v6);
	scene.health[id] = (struct hdl_health){ .generation = 100 + id };
}

/* Cluster id of the endpoints first..first+count-1, which have addresses of the families that they have. */
SCENE_HELPER struct hdl_cluster_version *scene_cluster(__u32 id, __u8 policy, __u32 first, __u32 count)
{
	struct hdl_cluster_version *version = &scene.cluster[id].version[0];
	__u32 at = id * 64;

	scene.cluster[id] = (struct hdl_cluster){ 0 };
	scene.balance[id] = (struct hdl_balance){ 0 };
	version->epoch = 1;
	version->policy = policy;
	version->endpoint_count = version->healthy_count = count;
	for (int family = 0; family < HDL_FAMILIES; family++) {
		version->member[family].offset = at;
		for (__u32 i = first; i < first + count; i++)
			if (!hdl_addr_is_zero(&scene.endpoint[i].address[family]))
				scene.slot[at++] = i;
		version->member[family].count = at - version->member[family].offset;
	}
	return version;
}

/* Sum of a verdict's counters. */
SCENE_HELPER __u64 scene_verdict(__u32 verdict)
{
	int cpus = libbpf_num_possible_cpus();
	__u64 *each = calloc((size_t)cpus, sizeof(*each)), sum = 0;

	if (!each || bpf_map_lookup_elem(bpf_map__fd(scene.skel->maps.verdict), &verdict, each) != 0)
		scene_fail("verdict");
	for (int i = 0; i < cpus; i++)
		sum += each[i];
	free(each);
	return sum;
}

/* Sum of a row of `traffic`, zero if there is none. */
SCENE_HELPER struct hdl_traffic scene_traffic(const struct hdl_traffic_key *key)
{
	int cpus = libbpf_num_possible_cpus();
	struct hdl_traffic *each = calloc((size_t)cpus, sizeof(*each)), sum = { 0 };

	if (!each)
		scene_fail("traffic");
	if (bpf_map_lookup_elem(bpf_map__fd(scene.skel->maps.traffic), key, each) == 0) {
		for (int i = 0; i < cpus; i++) {
			sum.opened += each[i].opened;
			sum.closed += each[i].closed;
			sum.sent_bytes += each[i].sent_bytes;
			sum.received_bytes += each[i].received_bytes;
		}
	}
	free(each);
	return sum;
}

/* Makes fd the listener of a worker. */
SCENE_HELPER void scene_worker(__u32 worker, int family, int fd, unsigned int port)
{
	__u32 index = worker * HDL_FAMILIES + (__u32)family;
	__u64 value = (__u64)fd;

	if (bpf_map_update_elem(bpf_map__fd(scene.skel->maps.listener), &index, &value, BPF_ANY) != 0)
		scene_fail("listener");
	scene.state->listener_port[worker][family] = htons((uint16_t)port);
}

#endif
