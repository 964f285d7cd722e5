/* SPDX-License-Identifier: Apache-2.0 */
/* The cases of the short cut's self-test: what an application does with a socket must end as it does with TCP. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "dp/shortcut.h"
#include "heddle.skel.h" /* generated */
#include "heddle/abi_shortcut.h"
#include "heddle/abi_verdict.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif
#define CHUNK 65536u
#define BULK_BYTES (1u << 20)
#define PERIOD 65521u /* of the bytes that are sent: no multiple of any buffer */
/* What may wait for a reader that does not read: both buffers of TCP at their usual limits, and the bound before them. */
#define UNREAD_MAX_BYTES (32u << 20)
#define HALF_CLOSES 3
#define ACK_DELAY_MS 60   /* an acknowledgement that is put off comes within 40 ms */
#define SIGNAL_DELAY_MS 5 /* time to fall asleep in; too short means that the case proves less, not that it fails */

struct trial {
	struct hdl_bpf *skel;
	int map_fd, address_fd, report_fd;
	bool joins; /* false: the same with plain TCP */
};

struct ends {
	int near, far; /* near connected to far */
};

static void tell(const struct trial *t, int kind, const char *text)
{
	struct hdl_shortcut_line line = { .kind = kind };

	snprintf(line.text, sizeof(line.text), "%s", text);
	if (write(t->report_fd, &line, sizeof(line)) != (ssize_t)sizeof(line))
		_exit(1);
}

static void pause_ms(unsigned int ms)
{
	struct timespec time = { .tv_nsec = (long)ms * 1000000 };

	nanosleep(&time, NULL);
}

/* --- sockets ------------------------------------------------------------------------------------------------------- */

static uint64_t cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t size = sizeof(cookie);

	(void)getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size);
	return cookie;
}

static bool join(const struct trial *t, int fd)
{
	struct sockaddr_in local, remote;
	socklen_t size = sizeof(local);
	struct hdl_shortcut_key key = { .netns_cookie = cookie_of(fd) };
	uint64_t value = (uint64_t)fd;

	if (!t->joins)
		return true;
	if (getsockname(fd, (struct sockaddr *)&local, &size) != 0 ||
	    getpeername(fd, (struct sockaddr *)&remote, &size) != 0)
		return false;
	key.local = hdl_addr_from_v4(local.sin_addr.s_addr);
	key.remote = hdl_addr_from_v4(remote.sin_addr.s_addr);
	key.local_port = local.sin_port;
	key.remote_port = remote.sin_port;
	return bpf_map_update_elem(t->map_fd, &key, &value, BPF_NOEXIST) == 0;
}

static bool loopback_up(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool up = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &request) == 0;

	if (fd >= 0)
		close(fd);
	return up;
}

/* Ports in network order; 0 = any. */
static bool connect_ends(struct ends *ret, in_port_t near_port, in_port_t far_port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = far_port };
	struct sockaddr_in from = { .sin_family = AF_INET, .sin_port = near_port };
	int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(at);
	bool good;

	at.sin_addr.s_addr = from.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ret->far = -1;
	ret->near = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	good = listener >= 0 && ret->near >= 0 &&
	       setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0 &&
	       bind(listener, (struct sockaddr *)&at, size) == 0 && listen(listener, 1) == 0 &&
	       getsockname(listener, (struct sockaddr *)&at, &size) == 0 &&
	       bind(ret->near, (struct sockaddr *)&from, size) == 0 &&
	       connect(ret->near, (struct sockaddr *)&at, size) == 0;
	if (good)
		ret->far = accept(listener, NULL, NULL);
	if (listener >= 0)
		close(listener);
	return good && ret->far >= 0;
}

static bool open_ends(const struct trial *t, struct ends *ret)
{
	return connect_ends(ret, 0, 0) && join(t, ret->near) && join(t, ret->far);
}

static void close_ends(const struct ends *ends)
{
	close(ends->near);
	close(ends->far);
}

/* How many sockets took the short cut so far. */
static uint64_t taken(const struct trial *t)
{
	uint32_t index = HDL_VERDICT_SHORTCUT;
	int cpus = libbpf_num_possible_cpus();
	uint64_t sum = 0, *each = calloc(cpus > 0 ? (size_t)cpus : 1, sizeof(*each));

	if (each && bpf_map_lookup_elem(bpf_map__fd(t->skel->maps.verdict), &index, each) == 0)
		for (int i = 0; i < cpus; i++)
			sum += each[i];
	free(each);
	return sum;
}

/* --- what another thread does meanwhile ---------------------------------------------------------------------------- */

struct other {
	int fd;
	unsigned int pause_ms;
	pthread_t whom; /* gets a signal first */
	bool signals;
	size_t bytes; /* to send in pieces of many sizes, then the end of the stream; 0 = one byte */
	pthread_t thread;
};

/* What is sent, from any place of it. */
static unsigned char pattern[PERIOD + CHUNK];

static void make_pattern(void)
{
	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = (unsigned char)(i % PERIOD * 31 + (i % PERIOD >> 8) * 7);
}

static bool send_pattern(int fd, size_t *at, size_t n)
{
	while (n) {
		ssize_t r = send(fd, pattern + *at % PERIOD, n, MSG_NOSIGNAL);

		if (r <= 0)
			return false;
		*at += (size_t)r;
		n -= (size_t)r;
	}
	return true;
}

static void *run_other(void *argument)
{
	const struct other *other = argument;
	size_t at = 0, step = 1;

	pause_ms(other->pause_ms);
	if (other->signals) {
		pthread_kill(other->whom, SIGUSR1);
		pause_ms(other->pause_ms);
	}
	if (other->bytes == 0)
		(void)!send(other->fd, "x", 1, MSG_NOSIGNAL);
	while (at < other->bytes) {
		size_t left = other->bytes - at;

		step = (step * 7 + 3) % CHUNK;
		if (!send_pattern(other->fd, &at, step + 1 < left ? step + 1 : left))
			break;
	}
	if (other->bytes)
		shutdown(other->fd, SHUT_WR);
	return NULL;
}

static bool start(struct other *other)
{
	return pthread_create(&other->thread, NULL, run_other, other) == 0;
}

/* --- cases: NULL, or what differs ---------------------------------------------------------------------------------- */

/* Reads to the end of the stream. */
static bool read_pattern(int fd, size_t bytes)
{
	unsigned char chunk[CHUNK];
	size_t at = 0;

	for (;;) {
		ssize_t r = recv(fd, chunk, 1 + at % sizeof(chunk), 0);

		if (r == 0)
			return at == bytes;
		if (r < 0)
			return false;
		if (memcmp(chunk, pattern + at % PERIOD, (size_t)r) != 0)
			return false;
		at += (size_t)r;
	}
}

static const char *case_bulk(const struct trial *t)
{
	struct other there, back;
	uint64_t before = taken(t);
	struct ends ends;
	bool good;

	if (!open_ends(t, &ends))
		return "sockets could not be joined";
	there = (struct other){ .fd = ends.near, .bytes = BULK_BYTES };
	back = (struct other){ .fd = ends.far, .bytes = BULK_BYTES };
	if (!start(&there))
		return "no thread";
	good = read_pattern(ends.far, BULK_BYTES);
	pthread_join(there.thread, NULL);
	/* the other direction, after the half-close of this one */
	if (!start(&back))
		return "no thread";
	good &= read_pattern(ends.near, BULK_BYTES);
	pthread_join(back.thread, NULL);
	close_ends(&ends);
	if (t->joins && taken(t) != before + 2)
		return "messages do not take the short cut";
	return good ? NULL : "bytes are lost or changed";
}

/* The first message goes over TCP, since the other end is not there yet. */
static const char *case_order(const struct trial *t)
{
	char text[4] = "";
	struct ends ends;
	bool good;

	good = connect_ends(&ends, 0, 0) && join(t, ends.near) && send(ends.near, "1", 1, MSG_NOSIGNAL) == 1 &&
	       join(t, ends.far) && send(ends.near, "2", 1, MSG_NOSIGNAL) == 1 &&
	       send(ends.near, "3", 1, MSG_NOSIGNAL) == 1;
	for (size_t i = 0; good && i < 3; i++)
		good = recv(ends.far, text + i, 1, 0) == 1;
	close_ends(&ends);
	return good && strcmp(text, "123") == 0 ? NULL : "bytes overtake each other";
}

static const char *case_unread(const struct trial *t)
{
	struct ends ends;
	size_t sent = 0;
	bool good, more = true;

	if (!open_ends(t, &ends))
		return "sockets could not be joined";
	fcntl(ends.near, F_SETFL, O_NONBLOCK);
	while (more && sent <= UNREAD_MAX_BYTES)
		more = send_pattern(ends.near, &sent, CHUNK);
	shutdown(ends.near, SHUT_WR);
	good = read_pattern(ends.far, sent);
	close_ends(&ends);
	if (more)
		return "a reader that does not read does not slow down its sender";
	return good ? NULL : "bytes are lost or overtake each other when the reader is slow";
}

static const char *half_close(const struct trial *t)
{
	struct other other = { .pause_ms = ACK_DELAY_MS };
	struct ends ends;
	char byte;
	ssize_t r;

	if (!open_ends(t, &ends))
		return "sockets could not be joined";
	other.fd = ends.far;
	shutdown(ends.near, SHUT_WR);
	if (!start(&other))
		return "no thread";
	r = recv(ends.near, &byte, 1, 0);
	pthread_join(other.thread, NULL);
	close_ends(&ends);
	return r == 1 ? NULL : "a waiting recv() fails with EAGAIN after shutdown()";
}

/* The end of the stream is acknowledged at once or later, and only the latter wakes the reader. */
static const char *case_half_close(const struct trial *t)
{
	const char *differs = NULL;

	for (int i = 0; i < HALF_CLOSES && !differs; i++)
		differs = half_close(t);
	return differs;
}

static const char *case_signal(const struct trial *t)
{
	struct other other = { .pause_ms = SIGNAL_DELAY_MS, .signals = true, .whom = pthread_self() };
	struct ends ends;
	char byte;
	ssize_t r;

	if (!open_ends(t, &ends))
		return "sockets could not be joined";
	other.fd = ends.far;
	if (!start(&other))
		return "no thread";
	r = recv(ends.near, &byte, 1, 0);
	pthread_join(other.thread, NULL);
	close_ends(&ends);
	return r == 1 ? NULL : "a waiting recv() fails with EAGAIN after a signal";
}

static const char *case_splice(const struct trial *t)
{
	struct ends ends;
	ssize_t r = -1;
	int pipes[2];

	if (!open_ends(t, &ends) || pipe2(pipes, O_CLOEXEC) != 0)
		return "sockets could not be joined";
	if (send(ends.near, "abc", 3, MSG_NOSIGNAL) == 3) {
		struct pollfd wait = { .fd = ends.far, .events = POLLIN };

		(void)poll(&wait, 1, -1);
		fcntl(ends.far, F_SETFL, O_NONBLOCK);
		r = splice(ends.far, NULL, pipes[1], NULL, 3, SPLICE_F_NONBLOCK);
	}
	close(pipes[0]);
	close(pipes[1]);
	close_ends(&ends);
	return r == 3 ? NULL : "splice() finds nothing to read";
}

static const char *case_wait_all(const struct trial *t)
{
	struct other other = { .pause_ms = SIGNAL_DELAY_MS };
	struct ends ends;
	char bytes[3];
	ssize_t r;

	if (!open_ends(t, &ends))
		return "sockets could not be joined";
	other.fd = ends.near;
	if (send(ends.near, "ab", 2, MSG_NOSIGNAL) != 2 || !start(&other))
		return "no thread";
	r = recv(ends.far, bytes, 3, MSG_WAITALL);
	pthread_join(other.thread, NULL);
	close_ends(&ends);
	return r == 3 ? NULL : "recv(MSG_WAITALL) does not wait for all";
}

static const char *case_low_water(const struct trial *t)
{
	struct ends ends;
	int least = 10, r = -1;

	if (!open_ends(t, &ends))
		return "sockets could not be joined";
	if (setsockopt(ends.far, SOL_SOCKET, SO_RCVLOWAT, &least, sizeof(least)) == 0 &&
	    send(ends.near, "abc", 3, MSG_NOSIGNAL) == 3) {
		struct pollfd wait = { .fd = ends.far, .events = POLLIN };

		r = poll(&wait, 1, SIGNAL_DELAY_MS);
	}
	close_ends(&ends);
	return r == 0 ? NULL : "SO_RCVLOWAT is not heeded";
}

static const char *case_urgent(const struct trial *t)
{
	struct ends ends;
	int r = -1;

	if (!open_ends(t, &ends))
		return "sockets could not be joined";
	if (send(ends.near, "!", 1, MSG_NOSIGNAL | MSG_OOB) == 1) {
		struct pollfd wait = { .fd = ends.far, .events = POLLPRI };

		r = poll(&wait, 1, SIGNAL_DELAY_MS);
	}
	close_ends(&ends);
	return r == 1 ? NULL : "urgent data is not told";
}

/* --- two namespaces with the same addresses and ports -------------------------------------------------------------- */

static in_port_t port_of(int fd)
{
	struct sockaddr_in at = { .sin_port = 0 };
	socklen_t size = sizeof(at);

	(void)getsockname(fd, (struct sockaddr *)&at, &size);
	return at.sin_port;
}

/* other: a connection of another namespace, whose addresses and ports this one gets, too. */
static const char *case_leak(const struct trial *t, const struct ends *other)
{
	char byte = 0, stray;
	struct ends ends;
	bool good;

	if (!connect_ends(&ends, port_of(other->near), port_of(other->far)) || !join(t, ends.near) ||
	    !join(t, ends.far) || !join(t, other->near))
		return "sockets could not be joined";
	/* the far end of the other is not there: what it sends must not come here, nor the other way round */
	good = send(other->near, "o", 1, MSG_NOSIGNAL) == 1 && send(ends.near, "e", 1, MSG_NOSIGNAL) == 1 &&
	       recv(ends.far, &byte, 1, 0) == 1 && byte == 'e' && recv(ends.far, &stray, 1, MSG_DONTWAIT) < 0 &&
	       recv(other->far, &byte, 1, 0) == 1 && byte == 'o';
	close_ends(&ends);
	return good ? NULL : "bytes get from one network namespace into another";
}

/* --- all of it ----------------------------------------------------------------------------------------------------- */

static bool load(struct trial *t)
{
	static const char *const wanted[] = { "shortcut", "shortcut_owner", "shortcut_way", "verdict" };
	struct bpf_program *program;
	struct bpf_map *map;

	t->skel = hdl_bpf__open();
	if (!t->skel)
		return false;
	t->skel->rodata->hdl_config_shortcut = 1;
	bpf_object__for_each_program(program, t->skel->obj)
		bpf_program__set_autoload(program, program == t->skel->progs.hdl_sk_msg);
	bpf_object__for_each_map(map, t->skel->obj)
	{
		bool needed = bpf_map__is_internal(map);

		for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
			needed |= strcmp(bpf_map__name(map), wanted[i]) == 0;
		bpf_map__set_autocreate(map, needed);
	}
	if (bpf_map__set_max_entries(t->skel->maps.shortcut, 64) != 0 ||
	    bpf_map__set_max_entries(t->skel->maps.shortcut_owner, 64) != 0 || hdl_bpf__load(t->skel) != 0)
		return false;
	t->map_fd = bpf_map__fd(t->skel->maps.shortcut);
	t->address_fd = bpf_map__fd(t->skel->maps.shortcut_owner);
	return bpf_prog_attach(bpf_program__fd(t->skel->progs.hdl_sk_msg), t->map_fd, BPF_SK_MSG_VERDICT, 0) == 0;
}

static bool own_loopback(const struct trial *t, int fd)
{
	struct hdl_addr address = hdl_addr_from_v4(htonl(INADDR_LOOPBACK));
	uint64_t cookie = cookie_of(fd);

	return bpf_map_update_elem(t->address_fd, &address, &cookie, BPF_ANY) == 0;
}

static void on_signal(int number)
{
	(void)number;
}

static void take_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	sigset_t set;

	sigaction(SIGUSR1, &action, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void report(const struct trial *t, const char *differs)
{
	if (differs)
		tell(t, HDL_SHORTCUT_DIFFERS, differs);
}

static void run_cases(const struct trial *t, const struct ends *other)
{
	static const struct {
		const char *name, *(*run)(const struct trial *t);
	} cases[] = {
		{ "bulk", case_bulk },
		{ "order", case_order },
		{ "slow reader", case_unread },
		{ "half-close", case_half_close },
		{ "signal", case_signal },
		{ "splice", case_splice },
		{ "MSG_WAITALL", case_wait_all },
		{ "SO_RCVLOWAT", case_low_water },
		{ "urgent data", case_urgent },
	};

	tell(t, HDL_SHORTCUT_BEGINS, "two network namespaces");
	report(t, case_leak(t, other));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		tell(t, HDL_SHORTCUT_BEGINS, cases[i].name);
		report(t, cases[i].run(t));
	}
}

void hdl_shortcut_cases(int fd, bool joined)
{
	struct trial t = { .report_fd = fd, .joins = joined };
	struct ends other = { -1, -1 }, probe = { -1, -1 };

	take_signals();
	make_pattern();
	tell(&t, HDL_SHORTCUT_BEGINS, "set-up");
	if (unshare(CLONE_NEWNET) != 0 || !loopback_up() || !connect_ends(&other, 0, 0) || unshare(CLONE_NEWNET) != 0 ||
	    !loopback_up() || !connect_ends(&probe, 0, 0)) {
		tell(&t, HDL_SHORTCUT_DIFFERS, "no network namespaces to try it in");
		_exit(1);
	}
	if (!load(&t)) {
		tell(&t, HDL_SHORTCUT_DIFFERS, "its program cannot be loaded");
		_exit(1);
	}
	if (own_loopback(&t, probe.near))
		run_cases(&t, &other);
	else
		tell(&t, HDL_SHORTCUT_DIFFERS, "its map cannot be written");
	tell(&t, HDL_SHORTCUT_ENDS, "");
	_exit(0);
}
