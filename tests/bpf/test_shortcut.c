/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The short cut between two sockets of this node: its self-test agrees with plain TCP, its program loses, changes and leaks
 * nothing and does not pile up what nobody reads (also where the kernel is not fit for it otherwise), and only sockets whose
 * addresses belong to one namespace each take part.
 */
#include <sys/socket.h>
#include "dp/shortcut.h"
#include "tests/bpf/scene.h"

#define A "10.9.0.1"
#define B "10.9.0.2"
#define A6 "fd00:9::1"
#define B6 "fd00:9::2"

static int failures;
static int other_netns; /* the one of B; the thread is in that of A */
static int own_netns;
static __u64 other_cookie;

#define CHECK(what, condition)                                                     \
	do {                                                                       \
		if (!(condition)) {                                                \
			printf("not ok - %s (%s:%d)\n", what, __FILE__, __LINE__); \
			failures++;                                                \
		}                                                                  \
	} while (0)

/* --- self-test ----------------------------------------------------------------------------------------------------- */

/* What the program answers for, whatever the kernel does. */
static const char *const ours[] = {
	"two network namespaces", "bytes get from",      "messages do not take",  "lost",      "overtake",
	"does not slow down",     "could not be joined", "cannot be loaded",      "no thread", "broke off",
	"did not end within",     "cannot be written",   "no network namespaces", "start",
};

static bool self_test(void)
{
	struct hdl_shortcut_trial plain, joined;

	hdl_shortcut_try(true, &joined);
	printf("# %s\n", joined.sound ? "sound" : joined.why);
	if (strstr(joined.why, "msg_tot_len"))
		return false;
	hdl_shortcut_try(false, &plain);
	/* an emulated machine may be too slow even for TCP */
	if (getenv("HDL_VM") && strstr(plain.why, "did not end within"))
		return false;
	CHECK("with TCP every case is passed", plain.sound && plain.why[0] == '\0');
	CHECK("a reason, or none", joined.sound == (joined.why[0] == '\0'));
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		CHECK(ours[i], !strstr(joined.why, ours[i]));
	return true;
}

/* --- sockets of two pods ------------------------------------------------------------------------------------------- */

static void enter(int netns)
{
	if (setns(netns, CLONE_NEWNET) != 0)
		scene_fail("setns");
}

static void make_pods(void)
{
	char command[256];

	own_netns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (unshare(CLONE_NEWNET) != 0)
		scene_fail("unshare");
	other_netns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	other_cookie = scene_netns_cookie();
	snprintf(
		command, sizeof(command),
		"ip link set lo up && ip link add pod-b type veth peer name pod-a netns /proc/%d/fd/%d && ip link set pod-b up && "
		"ip addr add " B "/24 dev pod-b && ip -6 addr add " B6 "/64 dev pod-b nodad",
		getpid(), own_netns);
	scene_command(command);
	enter(own_netns);
	scene_command("ip link set pod-a up && ip addr add " A "/24 dev pod-a && ip -6 addr add " A6
		      "/64 dev pod-a nodad");
}

static void own_address(const char *text, __u64 cookie)
{
	struct hdl_addr address = scene_addr(text);
	int map = bpf_map__fd(scene.skel->maps.shortcut_owner);

	if (cookie == 0)
		bpf_map_delete_elem(map, &address);
	else if (bpf_map_update_elem(map, &address, &cookie, BPF_ANY) != 0)
		scene_fail("shortcut_owner");
}

/* From A to B: near is in A's pod, far in B's. */
static void connect_pods(const char *to, int *ret_near, int *ret_far)
{
	struct pollfd wait = { .events = POLLIN };
	unsigned int port;

	enter(other_netns);
	wait.fd = scene_listen(to, 0, &port);
	enter(own_netns);
	*ret_near = scene_connect(to, port);
	if (*ret_near < 0 || poll(&wait, 1, 5000) != 1)
		scene_fail("connect");
	*ret_far = accept(wait.fd, NULL, NULL);
	close(wait.fd);
}

/* A question and its answer; how many sockets took the short cut for it. */
static __u64 exchange(const char *to)
{
	__u64 before = scene_verdict(HDL_VERDICT_SHORTCUT);
	char text[8] = "";
	int near, far;

	connect_pods(to, &near, &far);
	CHECK(to, send(near, "ask", 3, 0) == 3 && recv(far, text, sizeof(text), 0) == 3 && memcmp(text, "ask", 3) == 0);
	CHECK(to,
	      send(far, "tell", 4, 0) == 4 && recv(near, text, sizeof(text), 0) == 4 && memcmp(text, "tell", 4) == 0);
	close(near);
	close(far);
	return scene_verdict(HDL_VERDICT_SHORTCUT) - before;
}

static void owners(void)
{
	__u64 bytes;

	CHECK("unknown addresses", exchange(B) == 0);
	own_address(A, scene.cookie);
	CHECK("one unknown address", exchange(B) == 0);
	own_address(B, other_cookie);
	own_address(A6, scene.cookie);
	own_address(B6, other_cookie);
	bytes = scene_verdict(HDL_VERDICT_SHORTCUT_BYTES);
	CHECK("both directions", exchange(B) == 2);
	CHECK("bytes are counted", scene_verdict(HDL_VERDICT_SHORTCUT_BYTES) - bytes == 7);
	CHECK("both directions, IPv6", exchange(B6) == 2);
	CHECK("both directions, mapped", exchange("::ffff:" B) == 2);
	own_address(B, scene.cookie);
	CHECK("address of another namespace", exchange(B) == 0);
	own_address(B, other_cookie);
}

static bool is_owner(const char *text, __u64 cookie)
{
	struct hdl_addr address = scene_addr(text);
	__u64 value = 0;

	bpf_map_lookup_elem(bpf_map__fd(scene.skel->maps.shortcut_owner), &address, &value);
	return value == cookie;
}

/* The keeper's list of pods in the map: an address that two namespaces have is nobody's, and what is gone goes. */
static void listed(void)
{
	int map = bpf_map__fd(scene.skel->maps.shortcut_owner);
	struct hdl_pod list[3] = {
		{ .cookie = 7, .address_count = 2, .address = { scene_addr("10.1.0.1"), scene_addr("10.1.0.2") } },
		{ .cookie = 8, .address_count = 2, .address = { scene_addr("10.1.0.2"), scene_addr("10.1.0.3") } },
		{ .cookie = 9, .address_count = 1, .address = { scene_addr("10.1.0.2") } },
	};
	struct hdl_err err;

	own_address("10.1.0.2", 1);
	own_address("10.1.0.9", 9);
	CHECK("list", hdl_shortcut_sync(map, list, 3, &err) == 0);
	CHECK("of one namespace", is_owner("10.1.0.1", 7) && is_owner("10.1.0.3", 8));
	CHECK("of several", is_owner("10.1.0.2", 0));
	CHECK("of none", is_owner("10.1.0.9", 0));
	list[0].cookie = 17;
	CHECK("another owner", hdl_shortcut_sync(map, list, 1, &err) == 0 && is_owner("10.1.0.1", 17));
	CHECK("alone", is_owner("10.1.0.2", 17) && is_owner("10.1.0.3", 0));
	CHECK("no list", hdl_shortcut_sync(map, list, 0, &err) == 0 && is_owner("10.1.0.1", 0));
}

/* Nobody reads until the sender is held up; then everything is there, in order. */
static void slow_reader(void)
{
	__u64 left = scene_verdict(HDL_VERDICT_SHORTCUT_LEFT), direct = scene_verdict(HDL_VERDICT_SHORTCUT_BYTES);
	uint32_t sent = 0, seen = 0, number[1024];
	size_t held = 0;
	int near, far;
	ssize_t r = 0;

	connect_pods(B, &near, &far);
	fcntl(near, F_SETFL, O_NONBLOCK);
	for (bool more = true; more && sent < 16u << 20;) {
		for (uint32_t i = 0; i < 1024; i++)
			number[i] = sent + i;
		r = send(near, number, sizeof(number), MSG_NOSIGNAL);
		more = r == (ssize_t)sizeof(number);
		if (r > 0)
			sent += (uint32_t)r / 4; /* a part of a number at the end, if any, is sent below */
		held = r > 0 ? (size_t)r % 4 : 0;
	}
	direct = scene_verdict(HDL_VERDICT_SHORTCUT_BYTES) - direct;
	CHECK("the sender is held up", sent < 16u << 20);
	CHECK("it went over to TCP once", scene_verdict(HDL_VERDICT_SHORTCUT_LEFT) - left == 1);
	CHECK("as much as the bound took the short cut",
	      direct >= HDL_SHORTCUT_QUEUE_BYTES && direct < HDL_SHORTCUT_QUEUE_BYTES + 2 * sizeof(number));
	shutdown(near, SHUT_WR);
	for (bool more = true; more;) {
		uint32_t value;

		r = recv(far, &value, sizeof(value), 0);
		for (size_t got = r > 0 ? (size_t)r : 0; got && got < sizeof(value); got += (size_t)r) {
			r = recv(far, (char *)&value + got, sizeof(value) - got, 0);
			if (r <= 0)
				break;
		}
		more = r > 0;
		if (more && value != seen++) {
			CHECK("in order", false);
			break;
		}
	}
	CHECK("all of it", seen == sent && held == 0);
	close(near);
	close(far);
}

/* The other end is gone: as with TCP. */
static void gone(void)
{
	int near, far, error = 0;

	connect_pods(B, &near, &far);
	CHECK("first", send(near, "x", 1, 0) == 1);
	close(far);
	for (int i = 0; i < 100 && error == 0; i++)
		if (send(near, "x", 1, MSG_NOSIGNAL) < 0)
			error = errno;
	CHECK("reset or broken pipe", error == EPIPE || error == ECONNRESET);
	close(near);
}

static int body(void)
{
	if (bpf_prog_attach(bpf_program__fd(scene.skel->progs.hdl_sk_msg), bpf_map__fd(scene.skel->maps.shortcut),
			    BPF_SK_MSG_VERDICT, 0) != 0)
		scene_fail("sk_msg");
	listed();
	make_pods();
	owners();
	slow_reader();
	gone();
	return failures != 0;
}

int main(void)
{
	int status;

	hdl_test_need_bpf();
	if (!self_test()) {
		printf("the kernel does not tell how much waits for a reader, or the machine is too slow\n");
		return failures ? 1 : HDL_TEST_SKIP;
	}
	scene.shortcut = true;
	status = scene_run(body);
	return failures ? 1 : status;
}
