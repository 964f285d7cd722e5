// SPDX-License-Identifier: Apache-2.0
/* Who may go where: classes of clients, NodePorts, REGISTRY_ONLY, sessionAffinity, services that need requests. */
#include "tests/bpf/dialled.h"

static void label_request(__u8 fail_mode)
{
	for (__u32 id = SERVICE; id <= SERVICE + 1; id++) {
		scene.service[id].version[0].label = HDL_LABEL_REQUEST;
		scene.service[id].version[0].fail_mode = fail_mode;
	}
}

static void check_fail_open(__u64 no_path)
{
	__u64 open = scene_verdict(HDL_VERDICT_FAILED_OPEN), without = scene_verdict(HDL_VERDICT_NO_PUNT_PATH);

	assert_int_not_equal(reach(VIP, PORT), 0);
	assert_int_not_equal(reach(VIP6, PORT), 0);
	assert_int_equal(scene_verdict(HDL_VERDICT_FAILED_OPEN), open + 2);
	assert_int_equal(scene_verdict(HDL_VERDICT_NO_PUNT_PATH), without + no_path);
}

static unsigned int worker_port[HDL_FAMILIES];

/* Two workers announced, the second with listeners; returned through fds. */
static void start_worker(int fds[HDL_FAMILIES])
{
	fds[HDL_FAMILY_V4] = scene_listen("127.0.0.1", 0, &worker_port[HDL_FAMILY_V4]);
	fds[HDL_FAMILY_V6] = scene_listen("::1", 0, &worker_port[HDL_FAMILY_V6]);
	for (int family = 0; family < HDL_FAMILIES; family++)
		scene_worker(1, family, fds[family], worker_port[family]);
	scene.state->worker_count = 2;
	scene.state->heartbeat_ns = scene_now_ns();
}

static void fails_open_or_closed(void **state)
{
	int fds[HDL_FAMILIES];

	(void)state;
	label_request(HDL_FAIL_OPEN);
	start_worker(fds);
	scene.state->host_netns_cookie = scene.cookie;
	scene.state->heartbeat_ns = 0;
	check_fail_open(0); /* listeners, but no heartbeat at all */
	scene.state->heartbeat_ns = scene_now_ns() - HDL_HEARTBEAT_STALE_NS;
	check_fail_open(0); /* a stale one */
	close(fds[0]);
	close(fds[1]);
	scene.state->heartbeat_ns = scene_now_ns();
	check_fail_open(0); /* a fresh one, but no listener */
	label_request(HDL_FAIL_CLOSED);
	check_refused(HDL_VERDICT_FAILED_CLOSED);
	scene.state->heartbeat_ns = 0;
	check_refused(HDL_VERDICT_FAILED_CLOSED);
}

static void check_origin(int accepted, unsigned int listener_port, const char *vip)
{
	struct scene_address client = { .size = sizeof(client.v6) };
	struct hdl_origin_key key = { .listener_port = htons((uint16_t)listener_port) };
	struct hdl_addr dialled = scene_addr(vip);
	struct hdl_origin origin;

	assert_int_equal(getpeername(accepted, &client.any, &client.size), 0);
	key.client_port = client.v4.sin_port;
	if (client.any.sa_family == AF_INET)
		key.client_address = hdl_addr_from_v4(client.v4.sin_addr.s_addr);
	else
		memcpy(&key.client_address, &client.v6.sin6_addr, sizeof(key.client_address));
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(scene.skel->maps.origin), &key, &origin), 0);
	assert_true(hdl_addr_equal(&origin.address, &dialled));
	assert_int_equal(origin.port, htons(PORT));
	assert_int_equal(origin.uid, 0);
	assert_int_equal(origin.netns_cookie, scene.cookie);
}

/* A process of the node: led to a worker, which learns what was dialled. */
static void host_process_reaches_a_worker(void **state)
{
	static const char *const dialled[] = { VIP, VIP6, MAPPED_VIP };
	static const char *const peers[] = { (VIP " 80"), (VIP6 " 80"), MAPPED_PEER };
	__u64 punted = scene_verdict(HDL_VERDICT_PUNTED_HOST);
	int fds[HDL_FAMILIES];

	(void)state;
	label_request(HDL_FAIL_CLOSED);
	scene.state->host_netns_cookie = scene.cookie;
	start_worker(fds);
	for (int i = 0; i < 3; i++) {
		int family = i == 1, fd = scene_connect(dialled[i], PORT), accepted;

		assert_true(fd >= 0);
		accepted = accept4(fds[family], NULL, NULL, SOCK_CLOEXEC);
		assert_true(accepted >= 0);
		assert_string_equal(scene_peer(fd), peers[i]);
		check_origin(accepted, worker_port[family], dialled[i]);
		close(accepted);
		close(fd);
	}
	assert_int_equal(scene_verdict(HDL_VERDICT_PUNTED_HOST), punted + 3);
	assert_int_equal(active(), 0);
	close(fds[0]);
	close(fds[1]);
	/* the listeners are gone, and with them the entries of the map */
	check_refused(HDL_VERDICT_FAILED_CLOSED);
}

/* A pod: tc takes its packets; without a tc program there the fail mode holds. */
static void pod_needs_tc(void **state)
{
	struct hdl_workload client = { .id = 3, .cookie = scene.cookie, .flags = HDL_WORKLOAD_TC };
	int workload = bpf_map__fd(scene.skel->maps.workload), fds[HDL_FAMILIES];
	__u64 refused = scene_verdict(HDL_VERDICT_FAILED_CLOSED);

	(void)state;
	start_worker(fds);
	label_request(HDL_FAIL_OPEN);
	check_fail_open(2);
	label_request(HDL_FAIL_CLOSED);
	assert_int_equal(scene_connect_error(VIP, PORT), ECONNREFUSED);
	assert_int_equal(scene_verdict(HDL_VERDICT_FAILED_CLOSED), refused + 1);
	assert_int_equal(bpf_map_update_elem(workload, &scene.cookie, &client, BPF_ANY), 0);
	assert_int_equal(scene_connect_error(VIP, PORT), ENETUNREACH); /* left as it was; here is no route */
	/* a record of another namespace under this key is not believed */
	client.cookie++;
	assert_int_equal(bpf_map_update_elem(workload, &scene.cookie, &client, BPF_ANY), 0);
	assert_int_equal(scene_connect_error(VIP, PORT), ECONNREFUSED);
	bpf_map_delete_elem(workload, &scene.cookie);
	close(fds[0]);
	close(fds[1]);
}

static void daemon_is_exempt(void **state)
{
	__u64 exempt = scene_verdict(HDL_VERDICT_EXEMPT);
	int status = -1;
	pid_t child;

	(void)state;
	scene.state->worker_uid = 4711;
	child = fork();
	if (child == 0)
		_exit(setuid(4711) == 0 && scene_connect_error(VIP, PORT) == ENETUNREACH ? 0 : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(scene_verdict(HDL_VERDICT_EXEMPT), exempt + 1);
	assert_int_not_equal(reach(VIP, PORT), 0);
}

/* --- clients ----------------------------------------------------------------------------------------------------- */

#define POD 42
#define CLIENT 5 /* its record in `client` */
#define CLASS 7
#define CLASS_SERVICE 30
#define CLASS_CLUSTER 2
#define STRANGER "203.0.113.9" /* nobody has it, no route leads there */
#define STRANGER6 "2001:db8::9"

static const char *const stranger_of[FORMS] = { STRANGER, STRANGER6, ("::ffff:" STRANGER) };

/* As usual, and this namespace is a pod without class. */
static int pod(void **state)
{
	usual(state);
	scene_workload(POD, CLIENT, "10.7.0.1", "fd07::7:1");
	scene_client(0, 0, 0, 0);
	scene_client(CLIENT, POD, 0, 0);
	return 0;
}

static int no_pod(void **state)
{
	(void)state;
	scene_workload(0, 0, "", "");
	scene_client(0, 0, 0, 0);
	scene_client(CLIENT, 0, 0, 0);
	return 0;
}

static struct hdl_vip_key class_key(const char *vip)
{
	struct hdl_vip_key key = scene_key(vip, PORT);

	key.class_id = CLASS;
	return key;
}

/* Clients of the class have a record of their own for both addresses, which leads to endpoint 3. */
static struct hdl_service_version *class_service(int family)
{
	struct hdl_vip_key key = class_key(family == HDL_FAMILY_V4 ? VIP : VIP6);

	scene_cluster(CLASS_CLUSTER, HDL_POLICY_ROUND_ROBIN, 3, 1);
	scene_route_to(1, CLASS_CLUSTER);
	scene.service[SERVICE + (__u32)family].version[0].flags = HDL_SERVICE_CLASSES;
	return scene_service_of(CLASS_SERVICE + (__u32)family, &key, HDL_LABEL_L4, 1, 1);
}

static void class_has_rules_of_its_own(void **state)
{
	(void)state;
	for (int form = 0; form < FORMS; form++) {
		pod(NULL);
		class_service(HDL_FAMILY_V4);
		class_service(HDL_FAMILY_V6);
		for (int i = 0; i < 3; i++) /* of no class */
			assert_int_equal(reach(vip_of[form], PORT), i + 1);
		scene_client(CLIENT, POD, CLASS, 0);
		for (int i = 0; i < 3; i++)
			assert_int_equal(reach(vip_of[form], PORT), 3);
		/* from an epoch on */
		scene.client[CLIENT].version[0].epoch = 2;
		assert_int_equal(reach(vip_of[form], PORT), 1);
		scene.state->epoch = 2;
		assert_int_equal(reach(vip_of[form], PORT), 3);
		/* a record of the pod that had the id before */
		scene_client(CLIENT, POD + 1, CLASS, 0);
		assert_int_equal(reach(vip_of[form], PORT), 2);
		/* clients that are no known pod have a class too */
		scene_workload(0, 0, "", "");
		scene_client(0, 0, CLASS, 0);
		assert_int_equal(reach(vip_of[form], PORT), 3);
	}
}

static void class_without_record_has_that_of_all(void **state)
{
	struct hdl_vip_key key = class_key(VIP), key6 = class_key(VIP6);

	(void)state;
	scene_client(CLIENT, POD, CLASS, 0);
	for (int form = 0; form < FORMS; form++) {
		int family = form == FORM_V6;

		class_service(family)->label = HDL_LABEL_NONE; /* a tombstone */
		assert_int_equal(reach(vip_of[form], PORT), form + 1);
	}
	scene_vip_delete(&key);
	scene_vip_delete(&key6);
	for (int form = 0; form < FORMS; form++)
		assert_int_equal(reach(vip_of[form], PORT), form + 1);
}

/* exportTo and Sidecar: what a client may not see is not there for it. */
static void hidden_from_a_class(void **state)
{
	(void)state;
	for (int form = 0; form < FORMS; form++) {
		int family = form == FORM_V6;
		struct hdl_service_version *of_class, *of_all = &scene.service[SERVICE + family].version[0];

		pod(NULL);
		of_class = class_service(family);
		of_class->label = HDL_LABEL_NONE;
		of_class->flags = HDL_SERVICE_HIDDEN;
		assert_int_equal(reach(vip_of[form], PORT), 1);
		scene_client(CLIENT, POD, CLASS, 0);
		assert_int_equal(scene_connect_error(vip_of[form], PORT), ENETUNREACH);
		/* the other way round: there for the class alone */
		of_class->label = HDL_LABEL_L4;
		of_all->label = HDL_LABEL_NONE;
		of_all->flags |= HDL_SERVICE_HIDDEN;
		assert_int_equal(reach(vip_of[form], PORT), 3);
		scene_client(CLIENT, POD, 0, 0);
		assert_int_equal(scene_connect_error(vip_of[form], PORT), ENETUNREACH);
	}
}

/* --- NodePorts ----------------------------------------------------------------------------------------------------- */

#define NODE_PORT 30080
#define NODE_PORT_SERVICE 40
#define NODE "203.0.113.77" /* no route: reached through the service only */
#define NODE6 "2001:db8::77"

static int node_port(void **state)
{
	struct hdl_vip_key key = { .port = htons(NODE_PORT), .protocol = IPPROTO_TCP };

	pod(state);
	scene.state->node_port_first = 30000;
	scene.state->node_port_last = 30100;
	scene_service_of(NODE_PORT_SERVICE, &key, HDL_LABEL_L4, 0, 1);
	scene_node_address(NODE, true);
	scene_node_address(NODE6, true);
	return 0;
}

static int no_node_port(void **state)
{
	struct hdl_vip_key key = { .port = htons(NODE_PORT), .protocol = IPPROTO_TCP };

	scene_vip_delete(&key);
	scene_node_address(NODE, false);
	scene_node_address(NODE6, false);
	return no_pod(state);
}

static void node_port_at_the_nodes_addresses(void **state)
{
	static const char *const node_of[FORMS] = { NODE, NODE6, ("::ffff:" NODE) };
	static const char *const node_peer_of[FORMS] = { (NODE " 30080"), (NODE6 " 30080"), ("::ffff:" NODE " 30080") };

	(void)state;
	for (int form = 0; form < FORMS; form++) {
		int fd = scene_connect(node_of[form], NODE_PORT);

		assert_true(fd >= 0);
		assert_string_equal(scene_peer(fd), node_peer_of[form]);
		assert_int_equal(arrived(NULL), form + 1);
		close(fd);
		/* only there, only this port, only while it is in the range */
		assert_int_equal(scene_connect_error(stranger_of[form], NODE_PORT), ENETUNREACH);
		assert_int_not_equal(scene_connect_error(node_of[form], NODE_PORT + 1), 0);
		scene.state->node_port_last = NODE_PORT - 1;
		assert_int_not_equal(scene_connect_error(node_of[form], NODE_PORT), 0);
		scene.state->node_port_last = NODE_PORT;
		scene.state->node_port_first = NODE_PORT + 1;
		assert_int_not_equal(scene_connect_error(node_of[form], NODE_PORT), 0);
		scene.state->node_port_first = NODE_PORT;
	}
}

/* On loopback for the node's processes; a pod's loopback is its own. */
static void node_port_on_loopback(void **state)
{
	static const char *const loopback[] = { "127.0.0.1", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::" };

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_int_equal(scene_connect_error(loopback[i], NODE_PORT), ECONNREFUSED);
	assert_int_equal(active(), 0);
	scene.state->host_netns_cookie = scene.cookie;
	for (__u32 i = 0; i < 5; i++)
		assert_int_equal(reach(loopback[i], NODE_PORT), i % ENDPOINTS + 1);
	assert_int_equal(reach(NODE, NODE_PORT), 3);
}

/* --- sessionAffinity ------------------------------------------------------------------------------------------------ */

static const struct hdl_addr no_address;

/* The entry of a client; false if there is none. */
static bool affinity_of(const struct hdl_addr *client, __u32 service, struct hdl_affinity *ret)
{
	struct hdl_affinity_key key = { .client = *client, .service_port = service, .cluster = CLUSTER };

	return bpf_map_lookup_elem(bpf_map__fd(scene.skel->maps.affinity), &key, ret) == 0;
}

static void set_affinity(const struct hdl_addr *client, __u32 service, const struct hdl_affinity *value)
{
	struct hdl_affinity_key key = { .client = *client, .service_port = service, .cluster = CLUSTER };

	assert_int_equal(bpf_map_update_elem(bpf_map__fd(scene.skel->maps.affinity), &key, value, BPF_ANY), 0);
}

/* As usual, with a time-out of 10 s; no client has an endpoint yet. */
static int affinity(void **state)
{
	struct hdl_affinity_key key;
	int map = bpf_map__fd(scene.skel->maps.affinity);

	pod(state);
	while (bpf_map_get_next_key(map, NULL, &key) == 0)
		bpf_map_delete_elem(map, &key);
	scene.service[SERVICE].version[0].affinity_timeout_s = 10;
	scene.service[SERVICE + 1].version[0].affinity_timeout_s = 10;
	return 0;
}

static void client_keeps_its_endpoint(void **state)
{
	struct hdl_affinity entry;

	(void)state;
	for (int form = 0; form < FORMS; form++) {
		__u32 service = SERVICE + (form == FORM_V6);
		struct hdl_addr client = scene_addr(form == FORM_V6 ? "fd07::7:1" : "10.7.0.1");
		struct hdl_addr host = scene_addr("::1");
		__u32 first;

		affinity(NULL);
		first = reach(vip_of[form], PORT);
		for (int i = 0; i < 5; i++)
			assert_int_equal(reach(vip_of[form], PORT), first);
		assert_true(affinity_of(&client, service, &entry));
		assert_int_equal(entry.endpoint, first);
		/* the node's processes are another client */
		assert_false(affinity_of(&host, service, &entry));
		scene_workload(0, 0, "", "");
		scene.state->host_netns_cookie = scene.cookie;
		assert_int_equal(reach(vip_of[form], PORT), 2);
		assert_int_equal(reach(vip_of[form], PORT), 2);
		assert_true(affinity_of(&host, service, &entry));
		/* and so is every namespace of which nothing is known */
		scene.state->host_netns_cookie = 0;
		assert_int_equal(reach(vip_of[form], PORT), 3);
		assert_int_equal(reach(vip_of[form], PORT), 3);
		assert_false(affinity_of(&no_address, service, &entry));
	}
}

static void affinity_ends(void **state)
{
	struct hdl_affinity entry;

	(void)state;
	for (int form = 0; form < FORMS; form++) {
		__u32 service = SERVICE + (form == FORM_V6);
		struct hdl_addr client = scene_addr(form == FORM_V6 ? "fd07::7:1" : "10.7.0.1");
		__u64 before;

		affinity(NULL);
		assert_int_equal(reach(vip_of[form], PORT), 1);
		/* each connection begins the time anew */
		assert_true(affinity_of(&client, service, &entry));
		entry.used_ns = before = scene_now_ns() - 9 * 1000000000ull;
		set_affinity(&client, service, &entry);
		assert_int_equal(reach(vip_of[form], PORT), 1);
		assert_true(affinity_of(&client, service, &entry));
		assert_true(entry.used_ns > before + 8 * 1000000000ull);
		/* over */
		entry.used_ns = scene_now_ns() - 10 * 1000000000ull;
		set_affinity(&client, service, &entry);
		assert_int_equal(reach(vip_of[form], PORT), 2);
		/* ejected, and not there any more: the next, for good */
		scene.health[2].ejected_until_ns = HDL_EJECTED_BY_HAND;
		assert_int_equal(reach(vip_of[form], PORT), 3);
		scene.health[2].ejected_until_ns = 0;
		assert_int_equal(reach(vip_of[form], PORT), 3);
		scene.endpoint[3].generation = scene.health[3].generation = 999;
		assert_int_equal(reach(vip_of[form], PORT), 1);
		assert_int_equal(reach(vip_of[form], PORT), 1);
	}
}

/* --- outboundTrafficPolicy: specification D.2 ----------------------------------------------------------------------- */

static int registry_only(void **state)
{
	pod(state);
	scene.state->flags = HDL_STATE_REGISTRY_ONLY;
	scene_client(CLIENT, POD, 0, HDL_CLIENT_REGISTRY_ONLY);
	return 0;
}

/* errno of a datagram, from a port of its own if port is not 0. */
static int datagram_error(const char *to, unsigned int to_port, const char *from, unsigned int port)
{
	struct scene_address address = scene_address(to, to_port), own = scene_address(from, port);
	int fd = socket(address.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0), error = 0;

	if (port)
		assert_int_equal(bind(fd, &own.any, own.size), 0);
	if (sendto(fd, "?", 1, 0, &address.any, address.size) != 1)
		error = errno;
	close(fd);
	return error;
}

static int datagram_connect_error(const char *to, unsigned int to_port)
{
	struct scene_address address = scene_address(to, to_port);
	int fd = socket(address.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0), error;

	error = connect(fd, &address.any, address.size) == 0 ? 0 : errno;
	close(fd);
	return error;
}

static void strangers_are_denied(void **state)
{
	(void)state;
	for (int form = 0; form < FORMS; form++) {
		__u64 denied = scene_verdict(HDL_VERDICT_REGISTRY_ONLY);

		assert_int_equal(scene_connect_error(stranger_of[form], PORT), EPERM);
		assert_int_equal(datagram_connect_error(stranger_of[form], PORT), EPERM);
		assert_int_equal(datagram_error(stranger_of[form], PORT, stranger_of[form], 0), EPERM);
		assert_int_equal(scene_verdict(HDL_VERDICT_REGISTRY_ONLY), denied + 3);
		/* services are what it may go to, by name of their addresses and ports */
		assert_int_equal(reach(vip_of[form], PORT), form + 1);
		assert_int_equal(scene_connect_error(vip_of[form], PORT + 1), EPERM);
	}
	/* a service that is hidden from it is none */
	scene.service[SERVICE].version[0].label = HDL_LABEL_NONE;
	scene.service[SERVICE].version[0].flags = HDL_SERVICE_HIDDEN;
	assert_int_equal(scene_connect_error(VIP, PORT), EPERM);
}

/* A ServiceEntry without addresses: whatever its names are resolved to, at its ports; hidden from some. */
static void ports_without_addresses_are_known(void **state)
{
	static const char every[] = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";

	(void)state;
	for (int form = 0; form < FORMS; form++) {
		assert_int_equal(scene_connect_error(stranger_of[form], PORT + 7), EPERM);
		scene_service(SERVICE + 2, every, PORT + 7, HDL_LABEL_DIRECT, 0, 0);
		assert_int_equal(scene_connect_error(stranger_of[form], PORT + 7), ENETUNREACH);
		assert_int_equal(scene_connect_error(stranger_of[form], PORT + 8), EPERM);
		assert_int_equal(datagram_error(stranger_of[form], PORT + 7, "::", 0), EPERM); /* of TCP */
		scene.service[SERVICE + 2].version[0].label = HDL_LABEL_NONE;
		scene.service[SERVICE + 2].version[0].flags = HDL_SERVICE_HIDDEN;
		assert_int_equal(scene_connect_error(stranger_of[form], PORT + 7), EPERM);
	}
}

/* Ranges of a ServiceEntry, of both families; only the prefixes that the hint names are looked at. */
static void ranges_are_known(void **state)
{
	static const char *const base[FORMS] = { "203.0.0.0", "2001::", "203.0.0.0" };
	static const unsigned int prefix[FORMS] = { 96 + 13, 17, 96 + 13 };

	(void)state;
	for (int form = 0; form < FORMS; form++) {
		struct hdl_vip_key key = scene_key(base[form], PORT + 7);

		key.prefix = (__u8)prefix[form];
		assert_int_equal(scene_connect_error(stranger_of[form], PORT + 7), EPERM);
		scene_service_of(SERVICE + 2, &key, HDL_LABEL_DIRECT, 0, 0);
		assert_int_equal(scene_connect_error(stranger_of[form], PORT + 7), EPERM);
		scene.state->prefixes[prefix[form] / 64] |= 1ull << prefix[form] % 64;
		assert_int_equal(scene_connect_error(stranger_of[form], PORT + 7), ENETUNREACH);
		assert_int_equal(scene_connect_error(stranger_of[form], PORT + 8), EPERM);
		assert_int_equal(datagram_error(stranger_of[form], PORT + 7, "::", 0), EPERM); /* of TCP */
		/* another prefix is another key, and another range */
		scene.state->prefixes[prefix[form] / 64] <<= 1;
		assert_int_equal(scene_connect_error(stranger_of[form], PORT + 7), EPERM);
		scene.state->prefixes[prefix[form] / 64] = 1ull << prefix[form] % 64;
		scene.service[SERVICE + 2].version[0].label = HDL_LABEL_NONE;
		assert_int_equal(scene_connect_error(stranger_of[form], PORT + 7), EPERM);
		scene.state->prefixes[0] = scene.state->prefixes[1] = 0;
	}
}

static void exemptions_hold(void **state)
{
	static const char *const own[] = { "10.7.0.1", "fd07::7:1", "::ffff:10.7.0.1" };
	static const char *const node[] = { NODE, NODE6, ("::ffff:" NODE) };
	static const char *const any[] = { "0.0.0.0", "::", "::ffff:0.0.0.0" };

	(void)state;
	scene_node_address(NODE, true);
	scene_node_address(NODE6, true);
	for (int form = 0; form < FORMS; form++) {
		static const char *const loopback[] = { "127.0.0.5", "::1", "::ffff:127.0.0.5" };
		static const char *const group[] = { "224.0.0.251", "ff02::fb", "::ffff:224.0.0.251" };

		assert_int_equal(scene_connect_error(loopback[form], PORT), ECONNREFUSED);
		assert_int_equal(scene_connect_error(any[form], PORT), ECONNREFUSED);
		assert_int_equal(datagram_error(loopback[form], PORT, "::", 0), 0);
		assert_int_not_equal(datagram_error(group[form], PORT, "::", 0), EPERM);
		assert_int_not_equal(scene_connect_error(own[form], PORT), EPERM);
		assert_int_not_equal(scene_connect_error(node[form], PORT), EPERM);
		assert_int_equal(scene_connect_error(stranger_of[form], 53), ENETUNREACH);
		assert_int_equal(datagram_error(stranger_of[form], 53, "::", 0), ENETUNREACH);
		/* what a server answers: from a port that it chose; not from one of those that the kernel chooses */
		assert_int_equal(datagram_error(stranger_of[form], PORT, form == FORM_V4 ? "0.0.0.0" : "::", 32767),
				 ENETUNREACH);
		assert_int_equal(datagram_error(stranger_of[form], PORT, form == FORM_V4 ? "0.0.0.0" : "::", 32768),
				 EPERM);
	}
	assert_int_not_equal(datagram_error("255.255.255.255", PORT, "0.0.0.0", 0), EPERM);
	scene_node_address(NODE, false);
	scene_node_address(NODE6, false);
	for (int form = 0; form < FORMS; form++)
		assert_int_equal(scene_connect_error(node[form], PORT), EPERM);
}

static void only_who_is_told_is_denied(void **state)
{
	(void)state;
	for (int form = 0; form < FORMS; form++) {
		registry_only(NULL);
		scene_client(CLIENT, POD, 0, 0);
		assert_int_equal(scene_connect_error(stranger_of[form], PORT), ENETUNREACH);
		/* by epoch */
		scene_client(CLIENT, POD, 0, HDL_CLIENT_REGISTRY_ONLY);
		scene.client[CLIENT].version[0].epoch = 2;
		assert_int_equal(scene_connect_error(stranger_of[form], PORT), ENETUNREACH);
		scene.state->epoch = 2;
		assert_int_equal(scene_connect_error(stranger_of[form], PORT), EPERM);
		/* clients that are no known pod have a policy; the node's processes have none, unless they have a name */
		scene_client(0, 0, 0, HDL_CLIENT_REGISTRY_ONLY);
		scene_workload(0, 0, "", "");
		assert_int_equal(scene_connect_error(stranger_of[form], PORT), EPERM);
		scene.state->host_netns_cookie = scene.cookie;
		assert_int_equal(scene_connect_error(stranger_of[form], PORT), ENETUNREACH);
		scene_workload(POD, CLIENT, "", "");
		assert_int_equal(scene_connect_error(stranger_of[form], PORT), EPERM);
	}
}

/* Members of headless services, and hosts with resolution NONE: known, and left alone. */
static void direct_addresses_are_left(void **state)
{
	struct hdl_vip_key key = scene_key(v4_of[2], TARGET), key6 = scene_key(v6_of[2], TARGET);
	struct hdl_vip_key other = scene_key(STRANGER, PORT), other6 = scene_key(STRANGER6, PORT);

	(void)state;
	scene_service_of(50, &key, HDL_LABEL_DIRECT, 0, 0);
	scene_service_of(51, &key6, HDL_LABEL_DIRECT, 0, 0);
	scene_service_of(52, &other, HDL_LABEL_DIRECT, 0, 0);
	scene_service_of(53, &other6, HDL_LABEL_DIRECT, 0, 0);
	for (int form = 0; form < FORMS; form++) {
		static const char *const member[] = { "127.1.0.2", "fd07::2", "::ffff:127.1.0.2" };
		__u64 direct = scene_verdict(HDL_VERDICT_DIRECT);

		assert_int_equal(reach(member[form], TARGET), 2);
		assert_int_equal(scene_connect_error(stranger_of[form], PORT), ENETUNREACH); /* not EPERM */
		assert_int_equal(scene_verdict(HDL_VERDICT_DIRECT), direct + 2);
		assert_int_equal(active(), 0);
	}
	scene_vip_delete(&key);
	scene_vip_delete(&key6);
	scene_vip_delete(&other);
	scene_vip_delete(&other6);
}

static int body(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(fails_open_or_closed, usual),
		cmocka_unit_test_setup(host_process_reaches_a_worker, usual),
		cmocka_unit_test_setup(pod_needs_tc, usual),
		cmocka_unit_test_setup(daemon_is_exempt, usual),
		cmocka_unit_test_setup_teardown(class_has_rules_of_its_own, pod, no_pod),
		cmocka_unit_test_setup_teardown(class_without_record_has_that_of_all, pod, no_pod),
		cmocka_unit_test_setup_teardown(hidden_from_a_class, pod, no_pod),
		cmocka_unit_test_setup_teardown(node_port_at_the_nodes_addresses, node_port, no_node_port),
		cmocka_unit_test_setup_teardown(node_port_on_loopback, node_port, no_node_port),
		cmocka_unit_test_setup_teardown(client_keeps_its_endpoint, affinity, no_pod),
		cmocka_unit_test_setup_teardown(affinity_ends, affinity, no_pod),
		cmocka_unit_test_setup_teardown(ports_without_addresses_are_known, registry_only, no_pod),
		cmocka_unit_test_setup_teardown(ranges_are_known, registry_only, no_pod),
		cmocka_unit_test_setup_teardown(strangers_are_denied, registry_only, no_pod),
		cmocka_unit_test_setup_teardown(exemptions_hold, registry_only, no_pod),
		cmocka_unit_test_setup_teardown(only_who_is_told_is_denied, registry_only, no_pod),
		cmocka_unit_test_setup_teardown(direct_addresses_are_left, registry_only, no_pod),
	};

	dialled_listen();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	return scene_run(body);
}
