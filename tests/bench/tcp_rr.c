// SPDX-License-Identifier: Apache-2.0
/*
 * Request-response and connection rate over TCP, several paths compared in short turns of one process.
 * usage: tcp_rr serve PORT                               echoes what it gets; prints "ready"
 *        tcp_rr rr|crr|bulk SECONDS TARGET...            SECONDS for each target
 * TARGET is NETNS-FILE,CGROUP,ADDRESS:PORT, the client's namespace and cgroup. rr: 64 bytes there and back on one
 * connection; crr: a connection for each, reset at the end so that none waits in TIME_WAIT; bulk: as rr, with 128 KiB. Prints for each target
 * a line: exchanges per second (median of its turns), median exchange in ns.
 */
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include "bench/bench.h"

#define MESSAGE_BYTES 64
#define BULK_BYTES (128 * 1024)
#define TARGETS_MAX 8
#define TURN_NS (50 * 1000000ull) /* short against the drift of the machine, long against a change of namespace */
#define SAMPLES_MAX (4u << 20)

struct target {
	int netns, fd; /* fd: -1 when each exchange has a connection of its own */
	char cgroup[256];
	struct sockaddr_in address;
	uint32_t *rates; /* of each turn */
	size_t n_rates;
	uint32_t *samples;
	size_t n_samples;
};

static struct target targets[TARGETS_MAX];
static size_t n_targets, message_bytes = MESSAGE_BYTES;

static void no_delay(int fd)
{
	int one = 1;

	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)))
		bench_die("TCP_NODELAY: %s", strerror(errno));
}

/* All of a message fits: the echo is written at once or not at all. */
static void room_for_bulk(int fd)
{
	int bytes = 8 * BULK_BYTES;

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)))
		bench_die("SO_SNDBUFFORCE: %s", strerror(errno));
}

static void echo(int fd)
{
	static char bytes[BULK_BYTES];
	ssize_t n = read(fd, bytes, sizeof(bytes));

	if (n > 0 && write(fd, bytes, (size_t)n) == n)
		return;
	if (n < 0 && errno == EAGAIN)
		return;
	close(fd);
}

static void serve(uint16_t port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct epoll_event event = { .events = EPOLLIN }, events[64];
	int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	event.data.fd = listener;
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 1024) ||
	    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event))
		bench_die("port %u: %s", port, strerror(errno));
	puts("ready");
	fflush(stdout);
	for (;;) {
		int n = epoll_wait(epoll, events, 64, -1);

		for (int i = 0; i < n; i++) {
			if (events[i].data.fd != listener) {
				echo(events[i].data.fd);
				continue;
			}
			event.data.fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
			if (event.data.fd >= 0) {
				room_for_bulk(event.data.fd);
				no_delay(event.data.fd);
				epoll_ctl(epoll, EPOLL_CTL_ADD, event.data.fd, &event);
			}
		}
	}
}

static int dial(const struct target *t)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)&t->address, sizeof(t->address)))
		bench_die("connect: %s", strerror(errno));
	no_delay(fd);
	return fd;
}

static void exchange(int fd)
{
	static char bytes[BULK_BYTES];
	size_t got = 0;

	if (write(fd, bytes, message_bytes) != (ssize_t)message_bytes)
		bench_die("write: %s", strerror(errno));
	while (got < message_bytes) {
		ssize_t n = read(fd, bytes, message_bytes - got);

		if (n <= 0)
			bench_die("read: %s", n ? strerror(errno) : "closed by the server");
		got += (size_t)n;
	}
}

static void one(const struct target *t)
{
	struct linger reset = { .l_onoff = 1 };
	int fd;

	if (t->fd >= 0) {
		exchange(t->fd);
		return;
	}
	fd = dial(t);
	exchange(fd);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(fd);
}

static void enter(const struct target *t)
{
	bench_enter_cgroup(t->cgroup);
	if (setns(t->netns, CLONE_NEWNET))
		bench_die("setns: %s", strerror(errno));
}

/* rr dials anew for each turn: what a connection happens to share with others in hashes and caches evens out. */
static void turn(struct target *t, bool keep)
{
	uint64_t begin, now, last, exchanges = 0;

	enter(t);
	t->fd = keep ? dial(t) : -1;
	for (int i = 0; i < 100; i++) /* caches, congestion window */
		one(t);
	begin = last = bench_now_ns();
	do {
		one(t);
		now = bench_now_ns();
		if (t->n_samples < SAMPLES_MAX)
			t->samples[t->n_samples++] = (uint32_t)(now - last);
		last = now;
		exchanges++;
	} while (now - begin < TURN_NS);
	t->rates[t->n_rates++] = (uint32_t)(exchanges * BENCH_NS_PER_S / (now - begin));
	if (keep)
		close(t->fd);
}

static void add_target(char *text)
{
	struct target *t = &targets[n_targets++];
	char *cgroup = strchr(text, ','), *address = cgroup ? strchr(cgroup + 1, ',') : NULL;

	if (!address)
		bench_die("\"%s\": expected NETNS,CGROUP,ADDRESS:PORT", text);
	*cgroup++ = 0;
	*address++ = 0;
	t->netns = open(text, O_RDONLY | O_CLOEXEC);
	if (t->netns < 0)
		bench_die("%s: %s", text, strerror(errno));
	snprintf(t->cgroup, sizeof(t->cgroup), "%s", cgroup);
	t->address = bench_address(address);
	t->samples = bench_alloc(SAMPLES_MAX, sizeof(*t->samples));
}

/* Turns go A B C, C B A, ..., so that none is always the one after a pause. */
static void compare(uint64_t ns_each, bool keep)
{
	size_t turns = (size_t)(ns_each / TURN_NS);

	for (size_t i = 0; i < n_targets; i++)
		targets[i].rates = bench_alloc(turns, sizeof(*targets[i].rates));
	for (size_t r = 0; r < turns; r++)
		for (size_t i = 0; i < n_targets; i++)
			turn(&targets[r % 2 ? n_targets - 1 - i : i], keep);
	for (size_t i = 0; i < n_targets; i++)
		printf("%u %u\n", bench_quantile(targets[i].rates, turns, 0.5),
		       bench_quantile(targets[i].samples, targets[i].n_samples, 0.5));
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "serve"))
		serve((uint16_t)bench_number(argv[2], 1, 65535));
	if (argc < 4 || argc - 3 > TARGETS_MAX ||
	    (strcmp(argv[1], "rr") && strcmp(argv[1], "crr") && strcmp(argv[1], "bulk")))
		bench_die("usage: tcp_rr serve PORT | tcp_rr rr|crr|bulk SECONDS NETNS,CGROUP,ADDRESS:PORT...");
	for (int i = 3; i < argc; i++)
		add_target(argv[i]);
	if (!strcmp(argv[1], "bulk"))
		message_bytes = BULK_BYTES;
	compare((uint64_t)(bench_number(argv[2], 0.1, 3600) * BENCH_NS_PER_S), strcmp(argv[1], "crr") != 0);
	return 0;
}
