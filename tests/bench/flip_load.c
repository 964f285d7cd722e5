/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage: flip_load SECONDS CHANGES CONNECTIONS, both per second. Changes that come while a grace period lasts are taken
 * together by the next flip. Prints lines "name value"; exit status 1 when a connection failed or mixed two epochs.
 */
#include "tests/bpf/history.h"
#include <time.h>
#include "base/clock.h"

#define CLIENTS 2

static void wait_until(uint64_t at_ns)
{
	const struct timespec at = { .tv_sec = (time_t)(at_ns / HDL_NS_PER_S),
				     .tv_nsec = (long)(at_ns % HDL_NS_PER_S) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
		;
}

static pid_t start_paced(const struct daemon *d, struct history *h, unsigned int per_second)
{
	uint64_t begin = hdl_clock_mono_ns(), last = 0;
	char path[256];
	pid_t child = fork();
	int sock_map;

	if (child != 0)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	join_cgroup(cgroup);
	snprintf(path, sizeof(path), "%s/sock", bpffs);
	sock_map = bpf_obj_get(path);
	for (uint64_t i = 0; !atomic_load(&h->stop); i++) {
		wait_until(begin + i * HDL_NS_PER_S / per_second);
		connect_once(d, sock_map, h, &last);
	}
	_exit(0);
}

static uint64_t load(struct daemon *d, unsigned int seconds, unsigned int per_second)
{
	uint64_t begin = hdl_clock_mono_ns(), end = begin + seconds * HDL_NS_PER_S, now, done = 0, flips = 0;

	while ((now = hdl_clock_mono_ns()) < end) {
		uint64_t due = (now - begin) * per_second / HDL_NS_PER_S;

		if (due == done) {
			wait_until(begin + (due + 1) * HDL_NS_PER_S / per_second);
			continue;
		}
		publish_next(d); /* all that is due; waits for the grace period after the one before */
		hdl_publisher_reap(d->publisher);
		done = due;
		flips++;
	}
	return flips;
}

int main(int argc, char **argv)
{
	unsigned int seconds = argc == 4 ? (unsigned int)strtoul(argv[1], NULL, 10) : 0,
		     changes = argc == 4 ? (unsigned int)strtoul(argv[2], NULL, 10) : 0,
		     connections = argc == 4 ? (unsigned int)strtoul(argv[3], NULL, 10) : 0;
	struct history *h = mmap(NULL, sizeof(*h), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int listener[2] = { listen_at(&port[0]), listen_at(&port[1]) };
	void *state = NULL;
	pid_t servers, client[CLIENTS];
	struct daemon d;
	char root[256];
	uint64_t flips;

	if (!seconds || !changes || connections < CLIENTS || hdl_features_cgroup_root(root, sizeof(root)) < 0)
		return 2;
	snprintf(bpffs, sizeof(bpffs), "/sys/fs/bpf/heddle-bench-%d", getpid());
	snprintf(other_bpffs, sizeof(other_bpffs), "%s-other", bpffs);
	snprintf(cgroup, sizeof(cgroup), "%s/heddle-bench-%d", root, getpid());
	snprintf(other_cgroup, sizeof(other_cgroup), "%s-other", cgroup);
	setup(&state);
	servers = serve(listener);
	start(&d);
	publish_next(&d);
	for (int i = 0; i < CLIENTS; i++)
		client[i] = start_paced(&d, h, connections / CLIENTS);
	flips = load(&d, seconds, changes);
	atomic_store(&h->stop, true);
	for (int i = 0; i < CLIENTS; i++)
		waitpid(client[i], NULL, 0);
	kill(servers, SIGKILL);
	waitpid(servers, NULL, 0);
	printf("flips %llu\nconnections %u\nfailed %u\nmixed %u\noutside %u\n", (unsigned long long)flips / seconds,
	       atomic_load(&h->connections) / seconds, atomic_load(&h->failed), atomic_load(&h->mixed),
	       atomic_load(&h->outside));
	die(&d);
	teardown(&state);
	return atomic_load(&h->failed) || atomic_load(&h->mixed) || atomic_load(&h->outside);
}
