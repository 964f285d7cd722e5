// SPDX-License-Identifier: Apache-2.0
/*
 * What one connect() costs: outside a cgroup with programs, inside it to an address that no service has, and inside it
 * to a service; and how long the kernel says that its programs ran for that.
 * usage: connect_cost -i CGROUP -o CGROUP [-n CONNECTS] [-b BATCH] PAIRS
 * PAIRS: lines SERVICE:PORT ENDPOINT:PORT, drawn at random. Nothing needs to answer: sockets do not block and are
 * closed at once. -i is the cgroup with the programs, -o another one. The three kinds take turns in batches. Prints
 *   connect NAME MEDIAN-NS MEAN-NS           NAME: outside, other, service
 *   program KIND ATTACH-TYPE NS RUNS         of the programs of -i while KIND (other, service) was connected to
 *   connects KIND COUNT
 */
#include <bpf/bpf.h>
#include <fcntl.h>
#include <stdbool.h>
#include "bench/bench.h"

enum kind { OUTSIDE, OTHER, SERVICE, KINDS };
static const char *const kind_name[KINDS] = { "outside", "other", "service" };

struct pair {
	struct sockaddr_in service, endpoint;
};

#define PROGRAMS_MAX 16

struct program {
	int fd;
	const char *type;
	uint64_t ns, runs;
};

static struct pair *pairs;
static size_t n_pairs;
static uint64_t random_state = 88172645463325252ull;
static struct program programs[PROGRAMS_MAX];
static size_t n_programs;

static uint64_t random_u64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static void read_pairs(const char *path)
{
	char service[64], endpoint[64];
	size_t room = 0;
	FILE *f = fopen(path, "re");

	if (!f)
		bench_die("%s: %s", path, strerror(errno));
	while (fscanf(f, "%63s %63s", service, endpoint) == 2) {
		if (n_pairs == room) {
			room = room ? room * 2 : 1024;
			pairs = realloc(pairs, room * sizeof(*pairs));
			if (!pairs)
				bench_die("out of memory");
		}
		pairs[n_pairs].service = bench_address(service);
		pairs[n_pairs++].endpoint = bench_address(endpoint);
	}
	fclose(f);
	if (!n_pairs)
		bench_die("%s: no pairs", path);
}

/* Time of connect() alone. */
static uint32_t connect_once(enum kind kind)
{
	const struct pair *pair = &pairs[random_u64() % n_pairs];
	const struct sockaddr_in *to = kind == SERVICE ? &pair->service : &pair->endpoint;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	uint64_t begin, end;
	int result;

	if (fd < 0)
		bench_die("socket: %s", strerror(errno));
	begin = bench_now_ns();
	result = connect(fd, (const struct sockaddr *)to, sizeof(*to));
	end = bench_now_ns();
	if (result == 0 || errno != EINPROGRESS)
		bench_die("connect of kind %s: %s", kind_name[kind], result ? strerror(errno) : "answered");
	close(fd);
	return (uint32_t)(end - begin);
}

static void measure(const char *inside, const char *outside, size_t connects, size_t batch)
{
	uint32_t *samples[KINDS];
	size_t done = 0;

	for (int k = 0; k < KINDS; k++)
		samples[k] = bench_alloc(connects + batch, sizeof(uint32_t));
	for (size_t turn = 0; done < connects; turn++, done += batch) {
		for (int i = 0; i < KINDS; i++) {
			enum kind k = (enum kind)((turn + (size_t)i) % KINDS);

			bench_enter_cgroup(k == OUTSIDE ? outside : inside);
			for (size_t j = 0; j < batch / 10; j++)
				connect_once(k); /* caches */
			for (size_t j = 0; j < batch; j++)
				samples[k][done + j] = connect_once(k);
		}
	}
	for (int k = 0; k < KINDS; k++) {
		double sum = 0;

		for (size_t i = 0; i < done; i++)
			sum += samples[k][i];
		printf("connect %s %u %.1f\n", kind_name[k], bench_quantile(samples[k], done, 0.5), sum / (double)done);
		free(samples[k]);
	}
}

static void find_programs(const char *cgroup)
{
	static const struct {
		enum bpf_attach_type type;
		const char *name;
	} types[] = {
		{ BPF_CGROUP_INET4_CONNECT, "connect4" },
		{ BPF_CGROUP_SOCK_OPS, "sock_ops" },
		{ BPF_CGROUP_INET_SOCK_CREATE, "sock_create" },
		{ BPF_CGROUP_INET_SOCK_RELEASE, "sock_release" },
	};
	int fd = open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		bench_die("%s: %s", cgroup, strerror(errno));
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		__u32 ids[4], n = 4;

		if (bpf_prog_query(fd, types[i].type, 0, NULL, ids, &n))
			continue;
		for (__u32 j = 0; j < n && n_programs < PROGRAMS_MAX; j++) {
			int program = bpf_prog_get_fd_by_id(ids[j]);

			if (program >= 0)
				programs[n_programs++] = (struct program){ .fd = program, .type = types[i].name };
		}
	}
	close(fd);
}

static void run_stats(const struct program *program, uint64_t *ns, uint64_t *runs)
{
	struct bpf_prog_info info = { 0 };
	__u32 size = sizeof(info);

	if (bpf_obj_get_info_by_fd(program->fd, &info, &size))
		bench_die("info of a program: %s", strerror(errno));
	*ns = info.run_time_ns;
	*runs = info.run_cnt;
}

/* The kernel counts as long as the descriptor of BPF_ENABLE_STATS lives: nothing to restore, even if this is killed. */
static void measure_programs(const char *inside, size_t connects)
{
	int stats = bpf_enable_stats(BPF_STATS_RUN_TIME);

	if (stats < 0)
		bench_die("bpf_enable_stats: %s", strerror(-stats));
	bench_enter_cgroup(inside);
	find_programs(inside);
	for (int k = OTHER; k <= SERVICE; k++) {
		for (size_t i = 0; i < n_programs; i++)
			run_stats(&programs[i], &programs[i].ns, &programs[i].runs);
		for (size_t i = 0; i < connects; i++)
			connect_once((enum kind)k);
		for (size_t i = 0; i < n_programs; i++) {
			uint64_t ns, runs;

			run_stats(&programs[i], &ns, &runs);
			printf("program %s %s %llu %llu\n", kind_name[k], programs[i].type,
			       (unsigned long long)(ns - programs[i].ns),
			       (unsigned long long)(runs - programs[i].runs));
		}
		printf("connects %s %zu\n", kind_name[k], connects);
	}
	close(stats);
}

int main(int argc, char **argv)
{
	const char *inside = NULL, *outside = NULL;
	size_t connects = 20000, batch = 200;
	int option;

	while ((option = getopt(argc, argv, "i:o:n:b:")) != -1) {
		if (option == 'i')
			inside = optarg;
		else if (option == 'o')
			outside = optarg;
		else if (option == 'n')
			connects = (size_t)bench_number(optarg, 1, 1e7);
		else if (option == 'b')
			batch = (size_t)bench_number(optarg, 1, 1e6);
	}
	if (!inside || !outside || optind != argc - 1)
		bench_die("usage: connect_cost -i CGROUP -o CGROUP [-n CONNECTS] [-b BATCH] PAIRS");
	read_pairs(argv[optind]);
	measure(inside, outside, connects, batch);
	measure_programs(inside, connects / 2);
	return 0;
}
