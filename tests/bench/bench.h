/* SPDX-License-Identifier: Apache-2.0 */
/* What the programs of the benchmarks share: time, refusal, addresses, samples. */
#ifndef HDL_TESTS_BENCH_H
#define HDL_TESTS_BENCH_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BENCH_NS_PER_S 1000000000ull

static inline uint64_t bench_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * BENCH_NS_PER_S + (uint64_t)t.tv_nsec;
}

/* A benchmark that cannot go on has no result: say why and end. */
__attribute__((format(printf, 1, 2), noreturn)) static inline void bench_die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

static inline void *bench_alloc(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p)
		bench_die("out of memory");
	return p;
}

static inline double bench_number(const char *text, double min, double max)
{
	char *end;
	double value;

	errno = 0;
	value = strtod(text, &end);
	if (errno || end == text || *end || value < min || value > max)
		bench_die("\"%s\": expected a number from %g to %g", text, min, max);
	return value;
}

/* "1.2.3.4:80" */
static inline struct sockaddr_in bench_address(const char *text)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	char host[INET_ADDRSTRLEN];
	const char *colon = strrchr(text, ':');

	if (!colon || (size_t)(colon - text) >= sizeof(host))
		bench_die("\"%s\": expected ADDRESS:PORT", text);
	memcpy(host, text, (size_t)(colon - text));
	host[colon - text] = 0;
	if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
		bench_die("\"%s\": no IPv4 address", host);
	address.sin_port = htons((uint16_t)bench_number(colon + 1, 1, 65535));
	return address;
}

/* Sockets belong to the cgroup in which their process was when it made them. */
static inline void bench_enter_cgroup(const char *path)
{
	char file[512];
	FILE *f;

	snprintf(file, sizeof(file), "%s/cgroup.procs", path);
	f = fopen(file, "we");
	if (!f || fprintf(f, "%d\n", (int)getpid()) < 0 || fclose(f))
		bench_die("%s: %s", file, strerror(errno));
}

static inline int bench_compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Sorts. */
static inline uint32_t bench_quantile(uint32_t *samples, size_t n, double q)
{
	if (!n)
		return 0;
	qsort(samples, n, sizeof(*samples), bench_compare_u32);
	return samples[(size_t)(q * (double)(n - 1))];
}

#endif
