/* SPDX-License-Identifier: Apache-2.0 */
/* Discovery of network namespaces: named ones and those of processes, their cookies, addresses and veth pairs; what
 * vanishes is forgotten, and nothing is kept alive. */
#include "tests/bpf/dp_net.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "base/addr.h"
#include "dp/pods.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

static struct hdl_pods *pods;
static struct hdl_err err;
static char named[32];

/* A process with a network namespace of its own. */
struct guest {
	pid_t pid;
	uint64_t cookie;
};

static uint64_t cookie_here(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint64_t cookie = 0;
	socklen_t size = sizeof(cookie);

	if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) != 0)
		cookie = 0;
	close(fd);
	return cookie;
}

static struct guest start_guest(void)
{
	struct guest guest = { .pid = -1 };
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	guest.pid = fork();
	if (guest.pid == 0) {
		uint64_t cookie;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWNET) != 0)
			_exit(1);
		cookie = cookie_here();
		if (write(fds[1], &cookie, sizeof(cookie)) != sizeof(cookie))
			_exit(1);
		for (;;)
			pause();
	}
	close(fds[1]);
	assert_int_equal(read(fds[0], &guest.cookie, sizeof(guest.cookie)), sizeof(guest.cookie));
	close(fds[0]);
	return guest;
}

static void end_guest(const struct guest *guest)
{
	kill(guest->pid, SIGKILL);
	waitpid(guest->pid, NULL, 0);
}

static int setup(void **state)
{
	if (fresh_host(state) != 0 || hdl_pods_new(&pods, &err) != 0)
		return -1;
	return 0;
}

static int teardown(void **state)
{
	char command[64];

	(void)state;
	pods = hdl_pods_free(pods);
	snprintf(command, sizeof(command), "ip netns del %s 2>/dev/null", named);
	if (system(command) != 0)
		return 0; /* was not made */
	return 0;
}

static const struct hdl_pod *find(uint64_t cookie)
{
	size_t n;
	const struct hdl_pod *list = hdl_pods_list(pods, &n);

	for (size_t i = 0; i < n; i++) {
		if (list[i].cookie == cookie)
			return &list[i];
	}
	return NULL;
}

static int scan(bool again)
{
	int r = hdl_pods_scan(pods, again, &err);

	if (r < 0)
		fail_msg("%s", err.text);
	return r;
}

static bool has_address(const struct hdl_pod *pod, const char *text)
{
	char own[HDL_ADDR_TEXT_MAX];

	for (uint32_t i = 0; i < pod->address_count; i++) {
		if (strcmp(hdl_addr_print(&pod->address[i], own), text) == 0)
			return true;
	}
	return false;
}

static void link_guest(const struct guest *guest, const char *host_side, const char *address4, const char *address6)
{
	run("ip link add %s type veth peer name eth0 netns %d", host_side, guest->pid);
	run("nsenter -t %d -n ip addr add %s/24 dev eth0", guest->pid, address4);
	if (address6)
		run("nsenter -t %d -n ip addr add %s/64 dev eth0 nodad", guest->pid, address6);
	run("nsenter -t %d -n ip link set eth0 up", guest->pid);
	run("ip link set %s up", host_side);
}

static void processes_namespaces_are_found(void **state)
{
	struct guest a = start_guest(), b = start_guest();
	const struct hdl_pod *pod;

	(void)state;
	/* Same interface numbers in both: the pairs must not be mixed up. */
	link_guest(&a, "va", "10.77.0.1", "fd77::1");
	link_guest(&b, "vb", "10.77.0.2", NULL);
	scan(false);
	pod = find(a.cookie);
	assert_non_null(pod);
	assert_false(pod->host);
	assert_int_equal(pod->ifindex_count, 1);
	assert_int_equal(pod->ifindex[0], if_nametoindex("va"));
	assert_true(has_address(pod, "10.77.0.1") && has_address(pod, "fd77::1"));
	assert_int_equal(pod->address_count, 2); /* neither loopback nor link-local */
	pod = find(b.cookie);
	assert_non_null(pod);
	assert_int_equal(pod->ifindex_count, 1);
	assert_int_equal(pod->ifindex[0], if_nametoindex("vb"));
	assert_true(has_address(pod, "10.77.0.2"));
	assert_int_equal(cookie_here(), hdl_pods_host_cookie(pods)); /* and back home */
	pod = find(hdl_pods_host_cookie(pods));
	assert_non_null(pod);
	assert_true(pod->host);
	end_guest(&a);
	end_guest(&b);
}

static void named_namespaces_are_found(void **state)
{
	size_t n;
	const struct hdl_pod *list;
	bool found = false;

	(void)state;
	run("ip netns add %s", named);
	run("ip link add vn type veth peer name eth0 netns %s", named);
	run("ip -n %s addr add 10.77.1.9/24 dev eth0", named);
	scan(false);
	list = hdl_pods_list(pods, &n);
	for (size_t i = 0; i < n; i++) {
		if (has_address(&list[i], "10.77.1.9")) {
			found = true;
			assert_int_equal(list[i].ifindex_count, 1);
			assert_int_equal(list[i].ifindex[0], if_nametoindex("vn"));
		}
	}
	assert_true(found);
}

static void changes_are_announced(void **state)
{
	struct guest a = start_guest();
	struct pollfd p = { .fd = hdl_pods_fd(pods), .events = POLLIN };

	(void)state;
	hdl_pods_read(pods);
	assert_int_equal(scan(false) >= 0, 1);
	assert_false(hdl_pods_read(pods));
	link_guest(&a, "va", "10.77.0.1", NULL);
	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_true(hdl_pods_read(pods));
	assert_int_equal(scan(false), 1);
	assert_int_equal(find(a.cookie)->ifindex_count, 1);
	while (scan(false) != 0) /* until the machine's other namespaces have no news either */
		;
	/* An address is announced to nobody on the host. */
	run("nsenter -t %d -n ip addr add 10.77.0.50/24 dev eth0", a.pid);
	assert_int_equal(scan(true), 1);
	assert_true(has_address(find(a.cookie), "10.77.0.50"));
	end_guest(&a);
}

/* A namespace of which a descriptor is kept outlives its pod, and so does the veth pair. */
static void nothing_is_kept_alive(void **state)
{
	struct guest a = start_guest();
	struct pollfd p = { .fd = hdl_pods_fd(pods), .events = POLLIN };

	(void)state;
	link_guest(&a, "va", "10.77.0.1", NULL);
	scan(false);
	assert_non_null(find(a.cookie));
	end_guest(&a);
	while (if_nametoindex("va")) { /* the kernel takes it down in its own time, and says so */
		assert_int_equal(poll(&p, 1, 20000), 1);
		hdl_pods_read(pods);
	}
	assert_int_equal(scan(false), 1);
	assert_null(find(a.cookie));
}

/* The kernel gives inode numbers of dead namespaces to new ones at once. */
static void a_new_namespace_is_not_taken_for_an_old_one(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		struct guest a = start_guest();

		scan(false);
		assert_non_null(find(a.cookie));
		end_guest(&a);
	}
}

static void interfaces_by_pattern(void **state)
{
	static const char *const patterns[] = { "cali*", "lxc?" };
	int *list = NULL;
	size_t n = 0;

	(void)state;
	run("ip link add cali12 type veth peer name other");
	run("ip link add lxc1 type veth peer name lxc22");
	assert_int_equal(hdl_pods_match_interfaces(patterns, 2, &list, &n), 0);
	assert_int_equal(n, 2);
	for (size_t i = 0; i < n; i++)
		assert_true(list[i] == (int)if_nametoindex("cali12") || list[i] == (int)if_nametoindex("lxc1"));
	free(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(processes_namespaces_are_found, setup, teardown),
		cmocka_unit_test_setup_teardown(named_namespaces_are_found, setup, teardown),
		cmocka_unit_test_setup_teardown(changes_are_announced, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_is_kept_alive, setup, teardown),
		cmocka_unit_test_setup_teardown(a_new_namespace_is_not_taken_for_an_old_one, setup, teardown),
		cmocka_unit_test_setup_teardown(interfaces_by_pattern, setup, teardown),
	};

	hdl_test_need_bpf();
	snprintf(named, sizeof(named), "hdl-test-%d", getpid());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
