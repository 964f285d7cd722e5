// SPDX-License-Identifier: Apache-2.0
/*
 * HTTP/1.1 keep-alive load from one thread: as fast as the answers come, or at a fixed rate; and the processor time
 * that given processes used meanwhile.
 * usage: http_load [-c CONNECTIONS] [-w WARM-UP-SECONDS] [-d SECONDS] [-r RATE] [-p PID,...] ADDRESS:PORT REQUESTS
 * REQUESTS: lines HOST PATH [HEADER: VALUE], asked in turn. At a fixed rate latency counts from the moment at which a
 * request was due, so that a stall is seen by all that it delays. Prints one line of JSON.
 */
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include "bench/bench.h"

#define CONNECTIONS_MAX 4096
#define REQUESTS_MAX 1024
#define PIDS_MAX 64
#define READ_BYTES 16384
#define SAMPLES_MAX (8u << 20)

struct request {
	char *bytes;
	size_t len;
};

struct conn {
	int fd;
	bool busy;
	uint64_t due_ns;  /* when the request in flight should have been sent */
	size_t head_len;  /* bytes of the head in head[] */
	size_t body_left; /* 0 and head_len 0: between answers */
	char head[4096];
};

static struct request requests[REQUESTS_MAX];
static size_t n_requests, next_request;
static struct conn conns[CONNECTIONS_MAX];
static struct conn *idle[CONNECTIONS_MAX];
static size_t n_conns = 32, n_idle;
static clockid_t clocks[PIDS_MAX];
static size_t n_clocks;
static struct sockaddr_in address;
static int epoll;
static double rate;
static uint64_t answers, not_ok, reconnects;
static uint32_t *samples;
static size_t n_samples;
static bool counting;

static void read_requests(const char *path)
{
	char line[2048], text[4096];
	FILE *f = fopen(path, "re");

	if (!f)
		bench_die("%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), f) && n_requests < REQUESTS_MAX) {
		char host[256], target[1024];
		int end = 0, n;

		line[strcspn(line, "\r\n")] = 0;
		if (sscanf(line, "%255s %1023s %n", host, target, &end) != 2)
			continue;
		n = snprintf(text, sizeof(text),
			     "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: http_load\r\nAccept: */*\r\n%s%s\r\n", target,
			     host, line + end, line[end] ? "\r\n" : "");
		requests[n_requests].bytes = strdup(text);
		requests[n_requests].len = (size_t)n;
		if (!requests[n_requests++].bytes)
			bench_die("out of memory");
	}
	fclose(f);
	if (!n_requests)
		bench_die("%s: no requests", path);
}

static void read_pids(char *list)
{
	for (char *word = list, *next; word && *word; word = next) {
		next = strchr(word, ',');
		if (next)
			*next++ = 0;
		if (n_clocks == PIDS_MAX ||
		    clock_getcpuclockid((pid_t)bench_number(word, 1, 1 << 22), &clocks[n_clocks++]))
			bench_die("%s: no such process, or too many", word);
	}
}

static uint64_t cpu_ns(clockid_t clock)
{
	struct timespec t = { 0 };

	if (clock_gettime(clock, &t))
		bench_die("a measured process has ended");
	return (uint64_t)t.tv_sec * BENCH_NS_PER_S + (uint64_t)t.tv_nsec;
}

static uint64_t peers_cpu_ns(void)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n_clocks; i++)
		sum += cpu_ns(clocks[i]);
	return sum;
}

static void dial(struct conn *c)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };
	int one = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof(address)) ||
	    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) || fcntl(c->fd, F_SETFL, O_NONBLOCK) ||
	    epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event))
		bench_die("connection to the server: %s", strerror(errno));
	c->busy = false;
	c->head_len = c->body_left = 0;
}

static void send_request(struct conn *c, uint64_t due_ns)
{
	const struct request *r = &requests[next_request];

	next_request = next_request + 1 == n_requests ? 0 : next_request + 1;
	c->due_ns = due_ns;
	c->busy = true;
	if (write(c->fd, r->bytes, r->len) != (ssize_t)r->len && errno != EPIPE && errno != ECONNRESET)
		bench_die("write: %s", strerror(errno));
}

static void done(struct conn *c, bool ok, uint64_t now_ns)
{
	c->busy = false;
	c->head_len = c->body_left = 0;
	if (counting) {
		answers++;
		not_ok += !ok;
		if (n_samples < SAMPLES_MAX)
			samples[n_samples++] = (uint32_t)(now_ns - c->due_ns);
	}
	if (rate > 0)
		idle[n_idle++] = c;
	else
		send_request(c, now_ns);
}

/* Length of the body, or SIZE_MAX when the head does not say. */
static size_t content_length(const char *head, size_t len)
{
	static const char name[] = "content-length:";

	for (const char *p = head; (p = memchr(p, '\n', (size_t)(head + len - p)));) {
		p++;
		if ((size_t)(head + len - p) > sizeof(name) && (*p | 0x20) == 'c' &&
		    !strncasecmp(p, name, sizeof(name) - 1))
			return strtoul(p + sizeof(name) - 1, NULL, 10);
	}
	return SIZE_MAX;
}

/* Bytes of the answer that belong to its head; the status decides ok. 0: the head goes on. */
static size_t take_head(struct conn *c, const char *bytes, size_t n)
{
	size_t before = c->head_len, take = n < sizeof(c->head) - before ? n : sizeof(c->head) - before;
	const char *end;

	memcpy(c->head + before, bytes, take);
	c->head_len += take;
	end = memmem(c->head, c->head_len, "\r\n\r\n", 4);
	if (!end) {
		if (c->head_len == sizeof(c->head))
			bench_die("an answer's head is too long");
		return 0;
	}
	c->head_len = (size_t)(end + 4 - c->head);
	c->body_left = content_length(c->head, c->head_len);
	if (c->body_left == SIZE_MAX)
		bench_die("an answer without Content-Length: %.*s", (int)c->head_len, c->head);
	return c->head_len - before;
}

static void broken(struct conn *c)
{
	close(c->fd);
	if (c->busy && counting)
		not_ok++;
	reconnects++;
	dial(c);
	if (rate <= 0)
		send_request(c, bench_now_ns());
	else
		idle[n_idle++] = c;
}

static void receive(struct conn *c)
{
	static char bytes[READ_BYTES];
	ssize_t n = read(c->fd, bytes, sizeof(bytes));
	size_t used = 0;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		if (c->busy)
			broken(c);
		else
			bench_die("the server closed an idle connection");
		return;
	}
	if (!c->body_left) {
		used = take_head(c, bytes, (size_t)n);
		if (!used)
			return;
	}
	if ((size_t)n - used > c->body_left)
		bench_die("more bytes than the answer has");
	c->body_left -= (size_t)n - used;
	if (!c->body_left)
		done(c, c->head_len > 12 && !memcmp(c->head + 8, " 200", 4), bench_now_ns());
}

/* Until end_ns; due is when the next request of a fixed rate should go. */
static uint64_t run(uint64_t end_ns, uint64_t due_ns)
{
	uint64_t period_ns = rate > 0 ? (uint64_t)((double)BENCH_NS_PER_S / rate) : 0;
	struct epoll_event events[256];

	for (;;) {
		uint64_t now = bench_now_ns(), wake = end_ns;
		struct timespec wait;
		int n;

		if (now >= end_ns)
			return due_ns;
		for (; period_ns && n_idle && due_ns <= now; due_ns += period_ns)
			send_request(idle[--n_idle], due_ns);
		if (period_ns && n_idle && due_ns < wake)
			wake = due_ns;
		now = bench_now_ns();
		wait.tv_sec = wake > now ? (time_t)((wake - now) / BENCH_NS_PER_S) : 0;
		wait.tv_nsec = wake > now ? (long)((wake - now) % BENCH_NS_PER_S) : 0;
		n = epoll_pwait2(epoll, events, 256, &wait, NULL);
		for (int i = 0; i < n; i++)
			receive(events[i].data.ptr);
	}
}

static void report(double seconds, uint64_t peers_ns, uint64_t own_ns)
{
	uint32_t p50 = bench_quantile(samples, n_samples, 0.5), p99 = bench_quantile(samples, n_samples, 0.99);

	printf("{\"requests\": %llu, \"not_ok\": %llu, \"reconnects\": %llu, \"seconds\": %.6f, \"cpu_s\": %.6f, "
	       "\"own_cpu_s\": %.6f, \"p50_us\": %.1f, \"p99_us\": %.1f}\n",
	       (unsigned long long)answers, (unsigned long long)not_ok, (unsigned long long)reconnects, seconds,
	       (double)peers_ns / BENCH_NS_PER_S, (double)own_ns / BENCH_NS_PER_S, p50 / 1e3, p99 / 1e3);
}

static void load(double warm_up_s, double duration_s)
{
	uint64_t begin, end, due, peers, own;

	for (size_t i = 0; i < n_conns; i++) {
		dial(&conns[i]);
		if (rate > 0)
			idle[n_idle++] = &conns[i];
		else
			send_request(&conns[i], bench_now_ns());
	}
	begin = bench_now_ns();
	due = run(begin + (uint64_t)(warm_up_s * BENCH_NS_PER_S), begin);
	counting = true;
	peers = peers_cpu_ns();
	own = cpu_ns(CLOCK_PROCESS_CPUTIME_ID);
	begin = bench_now_ns();
	run(begin + (uint64_t)(duration_s * BENCH_NS_PER_S), due);
	end = bench_now_ns();
	peers = peers_cpu_ns() - peers;
	own = cpu_ns(CLOCK_PROCESS_CPUTIME_ID) - own;
	counting = false;
	report((double)(end - begin) / BENCH_NS_PER_S, peers, own);
}

int main(int argc, char **argv)
{
	double warm_up_s = 0.3, duration_s = 2;
	int option;

	while ((option = getopt(argc, argv, "c:w:d:r:p:")) != -1) {
		if (option == 'c')
			n_conns = (size_t)bench_number(optarg, 1, CONNECTIONS_MAX);
		else if (option == 'w')
			warm_up_s = bench_number(optarg, 0, 60);
		else if (option == 'd')
			duration_s = bench_number(optarg, 0.01, 3600);
		else if (option == 'r')
			rate = bench_number(optarg, 0, 1e6);
		else if (option == 'p')
			read_pids(optarg);
	}
	if (optind != argc - 2)
		bench_die(
			"usage: http_load [-c CONNECTIONS] [-w SECONDS] [-d SECONDS] [-r RATE] [-p PID,...] ADDRESS:PORT REQUESTS");
	address = bench_address(argv[optind]);
	read_requests(argv[optind + 1]);
	samples = bench_alloc(SAMPLES_MAX, sizeof(*samples));
	epoll = epoll_create1(EPOLL_CLOEXEC);
	prctl(PR_SET_TIMERSLACK, 1); /* of 50 us otherwise: as much as an answer takes */
	load(warm_up_s, duration_s);
	return 0;
}
