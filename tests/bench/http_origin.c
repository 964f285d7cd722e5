// SPDX-License-Identifier: Apache-2.0
/*
 * Smallest HTTP/1.1 origin: one read, one write, the same 1 KiB for every GET; the floor under every proxy.
 * usage: http_origin [-e] NAME=ADDRESS:PORT...     each answer says the NAME of the address that was asked in x-origin
 * -e: answers hold the request, to see what a proxy made of it. Prints "ready" when it listens. No request has a body.
 */
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include "bench/bench.h"

#define BODY_BYTES 1024
#define LISTENERS_MAX 64
#define FDS_MAX 65536

struct listener {
	char name[64];
	char answer[8192];
	size_t answer_len;
};

/* By descriptor: what it is and how much of "\r\n\r\n" the bytes so far end with. */
struct slot {
	struct listener *listener; /* NULL: not in use */
	uint8_t listening, matched;
};

static struct listener listeners[LISTENERS_MAX];
static struct slot slots[FDS_MAX];
static int epoll;
static bool echo;

static void watch(int fd, struct listener *listener, bool listening)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (fd >= FDS_MAX || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
		bench_die("descriptor %d: %s", fd, strerror(errno));
	slots[fd] = (struct slot){ .listener = listener, .listening = listening };
}

static void make_answer(struct listener *l, const char *body, size_t n)
{
	l->answer_len = (size_t)snprintf(l->answer, sizeof(l->answer),
					 "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nx-origin: %s\r\n"
					 "Content-Length: %zu\r\n\r\n",
					 l->name, n);
	if (l->answer_len + n > sizeof(l->answer))
		bench_die("%s: an answer of %zu bytes is too long", l->name, n);
	memcpy(l->answer + l->answer_len, body, n);
	l->answer_len += n;
}

static void listen_at(struct listener *l, const char *argument)
{
	char body[BODY_BYTES];
	const char *equals = strchr(argument, '=');
	struct sockaddr_in address;
	int fd, one = 1;

	if (!equals || (size_t)(equals - argument) >= sizeof(l->name))
		bench_die("\"%s\": expected NAME=ADDRESS:PORT", argument);
	memcpy(l->name, argument, (size_t)(equals - argument));
	memset(body, 'x', sizeof(body));
	make_answer(l, body, sizeof(body));
	address = bench_address(equals + 1);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 1024))
		bench_die("%s: %s", argument, strerror(errno));
	watch(fd, l, true);
}

static void take_connections(int fd)
{
	int one = 1, conn;

	while ((conn = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		setsockopt(conn, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		watch(conn, slots[fd].listener, false);
	}
}

/* Requests that end in these bytes. */
static unsigned int count_requests(struct slot *slot, const char *bytes, size_t n)
{
	static const char end[4] = { '\r', '\n', '\r', '\n' };
	unsigned int count = 0;

	/* nearly always: the whole request and nothing else */
	if (!slot->matched && n >= sizeof(end) && !memcmp(bytes + n - sizeof(end), end, sizeof(end)) &&
	    memmem(bytes, n, end, sizeof(end)) == bytes + n - sizeof(end))
		return 1;
	for (size_t i = 0; i < n; i++) {
		slot->matched = bytes[i] == end[slot->matched] ? slot->matched + 1 : bytes[i] == '\r';
		if (slot->matched == sizeof(end)) {
			slot->matched = 0;
			count++;
		}
	}
	return count;
}

static void serve(int fd)
{
	static char bytes[16384];
	struct slot *slot = &slots[fd];
	ssize_t n = read(fd, bytes, sizeof(bytes));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (echo && n > 0)
		make_answer(slot->listener, bytes, (size_t)n);
	for (unsigned int count = n > 0 ? count_requests(slot, bytes, (size_t)n) : 0; count; count--)
		if (write(fd, slot->listener->answer, slot->listener->answer_len) !=
		    (ssize_t)slot->listener->answer_len)
			n = 0; /* a peer that does not read its answers is of no use here */
	if (n <= 0) {
		slot->listener = NULL;
		close(fd);
	}
}

int main(int argc, char **argv)
{
	struct epoll_event events[256];
	int first = argc > 1 && !strcmp(argv[1], "-e") ? 2 : 1;

	if (first == argc || argc - first > LISTENERS_MAX)
		bench_die("usage: http_origin [-e] NAME=ADDRESS:PORT...");
	echo = first == 2;
	epoll = epoll_create1(EPOLL_CLOEXEC);
	for (int i = first; i < argc; i++)
		listen_at(&listeners[i - first], argv[i]);
	puts("ready");
	fflush(stdout);
	for (;;) {
		int n = epoll_wait(epoll, events, 256, -1);

		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;

			if (slots[fd].listening)
				take_connections(fd);
			else
				serve(fd);
		}
	}
}
