/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections whose record says which epoch decided: epochs alternate between two servers, so that each connection is
 * explained by one epoch that was in force while it was made, or is seen not to be.
 */
#ifndef HDL_TESTS_HISTORY_H
#define HDL_TESTS_HISTORY_H

#include "tests/bpf/dp_daemon.h"

struct history {
	atomic_bool stop;
	atomic_uint connections, failed, mixed, outside;
	atomic_uint epochs; /* seen by connections */
};

static uint16_t port[2]; /* of odd and of even epochs */

static __attribute__((unused)) int listen_at(uint16_t *ret_port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(address);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(fd, 4096), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	*ret_port = ntohs(address.sin_port);
	return fd;
}

static __attribute__((unused)) pid_t serve(const int fd[2])
{
	struct pollfd polled[2] = { { .fd = fd[0], .events = POLLIN }, { .fd = fd[1], .events = POLLIN } };
	pid_t child = fork();

	if (child != 0)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		if (poll(polled, 2, -1) <= 0)
			continue;
		for (int i = 0; i < 2; i++)
			if (polled[i].revents)
				close(accept(fd[i], NULL, NULL));
	}
}

/* Which clusters are there follows from the epoch to come: a service, a cluster and an endpoint change with each. */
static __attribute__((unused)) void publish_next(struct daemon *d)
{
	unsigned int odd = (d->maps.state->epoch + 1) % 2;
	struct world w = { .service = { { true, 1, HDL_LABEL_L4, { 0 } } } };
	struct hdl_snapshot *s;

	w.cluster[odd] = (struct world_cluster){ true, odd, 1, 0 };
	w.service[0].weight[odd] = 1;
	s = world_snapshot(&w);
	s->clusters[0]->endpoints[0].address[HDL_FAMILY_V4] = hdl_addr_from_v4(htonl(INADDR_LOOPBACK));
	s->clusters[0]->endpoints[0].port = port[odd];
	check(hdl_publish(d->publisher, s, &err));
	hdl_snapshot_unref(s);
}

static __attribute__((unused)) void connect_once(const struct daemon *d, int sock_map, struct history *h,
						 uint64_t *last)
{
	const struct hdl_vip_key key = world_key(0, 0);
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = key.port };
	uint64_t before = __atomic_load_n(&d->maps.state->epoch, __ATOMIC_ACQUIRE), after;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const struct linger none = { 1, 0 }; /* many connections a second leave no ports behind */
	struct hdl_sock record;

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	address.sin_addr.s_addr = key.address.word[3];
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    bpf_map_lookup_elem(sock_map, &fd, &record) != 0) {
		atomic_fetch_add(&h->failed, 1);
		close(fd);
		return;
	}
	after = __atomic_load_n(&d->maps.state->epoch, __ATOMIC_ACQUIRE);
	atomic_fetch_add(&h->connections, 1);
	if (record.epoch < before || record.epoch > after)
		atomic_fetch_add(&h->outside, 1);
	if (ntohs(record.port) != port[record.epoch % 2])
		atomic_fetch_add(&h->mixed, 1);
	if (record.epoch != *last)
		atomic_fetch_add(&h->epochs, 1);
	*last = record.epoch;
	close(fd);
}

static __attribute__((unused)) pid_t start_client(const struct daemon *d, struct history *h)
{
	char path[256];
	pid_t child = fork();
	uint64_t last = 0;
	int sock_map;

	if (child != 0)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	join_cgroup(cgroup);
	snprintf(path, sizeof(path), "%s/sock", bpffs);
	sock_map = bpf_obj_get(path);
	while (!atomic_load(&h->stop))
		connect_once(d, sock_map, h, &last);
	_exit(0);
}

#endif
