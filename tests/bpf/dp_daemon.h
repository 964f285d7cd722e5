/* SPDX-License-Identifier: Apache-2.0 */
/* Daemons that load, publish and die, and clients that dial, in a cgroup and a bpffs directory of the test's own. */
#ifndef HDL_TESTS_DP_DAEMON_H
#define HDL_TESTS_DP_DAEMON_H

#include "unit/dp/world.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "tests/bpf/kernel.h"
#include "base/rand.h"
#include "dp/counters.h"
#include "dp/features.h"
#include "dp/links.h"
#include "dp/load.h"
#include "dp/lock.h"
#include "dp/renew.h"
#include "dp/uninstall.h"

static char bpffs[128], other_bpffs[160], cgroup[512], other_cgroup[540];
static struct hdl_load_conf conf = {
	.bpffs = bpffs,
	.cgroup = cgroup,
	.capacity = { .services = 64, .endpoints = 64, .flows = 256 },
	.packet_mark = 0x01000000,
	.packet_mask = 0x0f000000,
	.route_table = 77001,
};
static struct hdl_load_report report;
static struct hdl_err err;

static __attribute__((unused)) void check(int r)
{
	if (r < 0)
		fail_msg("%s", err.text);
}

/* As the keeper does it, and the worker after it. */
struct daemon {
	struct hdl_load *load;
	struct hdl_dp_maps maps;
	struct hdl_publisher *publisher;
};

static __attribute__((unused)) void start(struct daemon *d)
{
	check(hdl_load_open(&conf, &d->load, &report, &err));
	check(hdl_load_attach(d->load, &report, &err));
	d->maps = (struct hdl_dp_maps){ .state_fd = -1 };
	hdl_load_fds(d->load, &d->maps);
	check(hdl_dp_maps_open(&d->maps, &err));
	d->publisher = hdl_publisher_new(&d->maps, &err);
	if (!d->publisher)
		fail_msg("%s", err.text);
}

/* What kill -9 leaves: descriptors closed, nothing tidied up. */
static __attribute__((unused)) void die(struct daemon *d)
{
	hdl_publisher_free(d->publisher);
	hdl_dp_maps_close(&d->maps);
	hdl_load_free(d->load);
}

static __attribute__((unused)) int uninstall(const char *path)
{
	struct hdl_uninstall_report removed;

	return hdl_uninstall(path, &removed, &err);
}

static __attribute__((unused)) int setup(void **state)
{
	(void)state;
	check(hdl_load_prepare_bpffs(bpffs, &err));
	mkdir(cgroup, 0755);
	mkdir(other_cgroup, 0755);
	return 0;
}

static __attribute__((unused)) int teardown(void **state)
{
	(void)state;
	uninstall(bpffs);
	uninstall(other_bpffs);
	rmdir(cgroup);
	rmdir(other_cgroup);
	return 0;
}

/* --- clients ------------------------------------------------------------------------------------------------------- */

static int server_fd;
static pid_t server;
static uint16_t server_port;

static __attribute__((unused)) void start_server(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t size = sizeof(address);

	server_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server_fd, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(server_fd, 4096), 0);
	assert_int_equal(getsockname(server_fd, (struct sockaddr *)&address, &size), 0);
	server_port = ntohs(address.sin_port);
	server = fork();
	if (server != 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) { /* a queue that nobody empties would soon refuse */
		int fd = accept4(server_fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0)
			close(fd);
	}
}

static __attribute__((unused)) int dial(const struct hdl_vip_key *key)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = key->port };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error = 0;
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	socklen_t size = sizeof(error);

	address.sin_addr.s_addr = key->address.word[3];
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		if (errno != EINPROGRESS)
			error = errno;
		else if (poll(&p, 1, 3000) != 1)
			error = ETIMEDOUT;
		else
			getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	}
	close(fd);
	return error;
}

static __attribute__((unused)) void join_cgroup(const char *path)
{
	char file[600], text[32];
	int fd, n;

	snprintf(file, sizeof(file), "%s/cgroup.procs", path);
	fd = open(file, O_WRONLY | O_CLOEXEC);
	n = snprintf(text, sizeof(text), "%d", getpid());
	if (fd < 0 || write(fd, text, (size_t)n) != n)
		_exit(90);
	close(fd);
}

/* Runs one dial in the cgroup; errno of it. */
static __attribute__((unused)) int dial_in_cgroup(const struct hdl_vip_key *key)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		join_cgroup(cgroup);
		_exit(dial(key));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WEXITSTATUS(status);
}

/* One service at an address that leads nowhere, in front of the test's server. */
static __attribute__((unused)) struct hdl_snapshot *server_snapshot(void)
{
	struct world w = { .cluster = { { true, false, 1, 0 } }, .service = { { true, 1, HDL_LABEL_L4, { 1 } } } };
	struct hdl_snapshot *s = world_snapshot(&w);

	s->clusters[0]->endpoints[0].address[HDL_FAMILY_V4] = hdl_addr_from_v4(htonl(INADDR_LOOPBACK));
	s->clusters[0]->endpoints[0].port = server_port;
	return s;
}

static __attribute__((unused)) void publish(struct daemon *d)
{
	struct hdl_snapshot *s = server_snapshot();

	check(hdl_publish(d->publisher, s, &err));
	hdl_snapshot_unref(s);
}

static __attribute__((unused)) bool pinned(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", bpffs, name);
	return access(path, F_OK) == 0;
}

struct shared {
	atomic_bool stop;
	atomic_uint dials, failures;
};

#endif
