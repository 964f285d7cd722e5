/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets of other processes: found through /proc, borrowed with pidfd_getfd(), and their records read by descriptor.
 * Nothing is left at the socket, and connect() pays nothing for it. Needs root, as the daemon's socket does.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "heddlectl/why.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

#define INODES_MAX 64
#define NAMESPACES_MAX 65536
#define TCP_LISTENING 10 /* state 0A of /proc/net/tcp */

/* Of one network namespace, from /proc/PID/net. */
struct ports {
	uint8_t listening[65536 / 8]; /* TCP: sockets with such a local port were accepted */
	/* sockets with the wanted address; wanted NULL: none is wanted */
	const struct hdl_addr *wanted;
	uint16_t port;
	unsigned long inode[INODES_MAX];
	size_t inode_count;
};

static int parse_address(const char *text, struct hdl_addr *ret)
{
	size_t n = strcspn(text, ":");
	char word[9] = "";

	if (n != 8 && n != 32)
		return -EINVAL;
	*ret = hdl_addr_from_v4(0);
	for (size_t i = 0; i < n / 8; i++) {
		memcpy(word, text + 8 * i, 8);
		ret->word[n == 8 ? 3 : i] = (__be32)strtoul(word, NULL, 16);
	}
	return 0;
}

static void read_line(const char *line, bool tcp, struct ports *ports)
{
	char local[64], peer[64];
	unsigned int state, port;
	struct hdl_addr address;
	unsigned long inode;
	const char *colon;

	if (sscanf(line, "%*u: %63s %63s %x %*s %*s %*s %*u %*u %lu", local, peer, &state, &inode) != 4)
		return;
	colon = strchr(local, ':');
	if (!colon || parse_address(local, &address) < 0)
		return;
	port = (unsigned int)strtoul(colon + 1, NULL, 16) & 65535;
	if (tcp && state == TCP_LISTENING)
		ports->listening[port / 8] |= (uint8_t)(1 << port % 8);
	else if (ports->wanted && port == ports->port && hdl_addr_equal(&address, ports->wanted) && inode &&
		 ports->inode_count < INODES_MAX)
		ports->inode[ports->inode_count++] = inode;
}

static void read_ports(int pid, struct ports *ports)
{
	static const char *const files[] = { "tcp", "tcp6", "udp", "udp6" };

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char path[64], line[512];
		FILE *file;

		snprintf(path, sizeof(path), "/proc/%d/net/%s", pid, files[i]);
		file = fopen(path, "re");
		while (file && fgets(line, sizeof(line), file))
			read_line(line, i < 2, ports);
		if (file)
			fclose(file);
	}
}

static void take_address(const struct sockaddr_storage *from, struct hdl_addr *ret, uint16_t *ret_port)
{
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)from;
	const struct sockaddr_in *four = (const struct sockaddr_in *)from;

	if (from->ss_family == AF_INET) {
		*ret = hdl_addr_from_v4(four->sin_addr.s_addr);
		*ret_port = ntohs(four->sin_port);
	} else {
		memcpy(ret, &six->sin6_addr, sizeof(*ret));
		*ret_port = ntohs(six->sin6_port);
	}
}

/* 1: it connected somewhere, or sent to a service. */
static int look_at(int fd, int map_fd, const struct ports *ports, struct why_socket *ret)
{
	struct sockaddr_storage address = { 0 };
	int domain = 0, protocol = 0;
	socklen_t n = sizeof(domain);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &n) < 0 || (domain != AF_INET && domain != AF_INET6))
		return 0;
	n = sizeof(protocol);
	if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &n) < 0 ||
	    (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP))
		return 0;
	ret->udp = protocol == IPPROTO_UDP;
	n = sizeof(ret->cookie);
	if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &ret->cookie, &n) < 0)
		ret->cookie = 0;
	n = sizeof(ret->socket);
	if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &ret->socket, &n) < 0)
		ret->socket = 0;
	n = sizeof(address);
	if (getsockname(fd, (struct sockaddr *)&address, &n) == 0)
		take_address(&address, &ret->local, &ret->local_port);
	ret->has_record = map_fd >= 0 && hdl_dp_peek_socket(map_fd, fd, &ret->record) == 0;
	if (ret->has_record) {
		ret->peer = ret->record.original_address;
		ret->peer_port = ntohs(ret->record.original_port);
		return 1;
	}
	n = sizeof(address);
	if (getpeername(fd, (struct sockaddr *)&address, &n) < 0)
		return 0;
	take_address(&address, &ret->peer, &ret->peer_port);
	return ret->udp || !(ports->listening[ret->local_port / 8] & 1 << ret->local_port % 8);
}

static int add(struct why_sockets *to, const struct why_socket *one)
{
	for (size_t i = 0; i < to->n; i++) /* processes share sockets */
		if (one->socket && to->at[i].socket == one->socket)
			return 0;
	if (to->n == WHY_SOCKETS_MAX) {
		to->dropped = true;
		return 0;
	}
	if (to->n == to->capacity) {
		size_t capacity = to->capacity ? 2 * to->capacity : 16;
		struct why_socket *bigger = reallocarray(to->at, capacity, sizeof(*bigger));

		if (!bigger)
			return -ENOMEM;
		to->at = bigger;
		to->capacity = capacity;
	}
	to->at[to->n++] = *one;
	return 0;
}

static void read_command(int pid, char *to, size_t size)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	file = fopen(path, "re");
	to[0] = '\0';
	if (file && fgets(to, (int)size, file))
		to[strcspn(to, "\n")] = '\0';
	if (file)
		fclose(file);
}

static bool is_wanted(const struct ports *ports, unsigned long inode)
{
	for (size_t i = 0; i < ports->inode_count; i++)
		if (ports->inode[i] == inode)
			return true;
	return !ports->wanted;
}

/* The socket is looked at through a descriptor of one's own. */
static int borrow(int pidfd, int number, struct why_socket *one, int map_fd, const struct ports *ports)
{
	int fd = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0), r;

	if (fd < 0)
		return errno == EPERM ? -EPERM : 0; /* gone meanwhile */
	r = look_at(fd, map_fd, ports, one);
	close(fd);
	return r;
}

static int walk(int pid, int map_fd, const struct ports *ports, struct why_sockets *ret)
{
	char path[64], link[64];
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0), r = 0;
	struct dirent *entry;
	DIR *dir;

	if (pidfd < 0)
		return -errno;
	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	while (r >= 0 && dir && (entry = readdir(dir))) {
		struct why_socket one = { .pid = pid };
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, link, sizeof(link) - 1);

		if (n <= 0)
			continue;
		link[n] = '\0';
		if (strncmp(link, "socket:[", 8) != 0 || !is_wanted(ports, strtoul(link + 8, NULL, 10)))
			continue;
		ret->seen++;
		r = borrow(pidfd, (int)strtol(entry->d_name, NULL, 10), &one, map_fd, ports);
		read_command(pid, one.command, sizeof(one.command));
		if (r > 0)
			r = add(ret, &one);
	}
	if (dir)
		closedir(dir);
	close(pidfd);
	return r < 0 ? r : 0;
}

int why_sockets_of(int pid, int map_fd, struct why_sockets *ret)
{
	struct ports *ports = calloc(1, sizeof(*ports));
	int r;

	if (!ports)
		return -ENOMEM;
	read_ports(pid, ports);
	r = walk(pid, map_fd, ports, ret);
	free(ports);
	return r;
}

/* Namespaces whose sockets were listed. */
struct namespaces {
	ino_t *at;
	size_t n;
};

static bool is_new(struct namespaces *seen, int pid)
{
	char path[64], link[64];
	ino_t inode;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	n = readlink(path, link, sizeof(link) - 1);
	if (n <= 5)
		return false;
	link[n] = '\0';
	inode = (ino_t)strtoul(link + 5, NULL, 10); /* "net:[4026531840]" */
	inode = strncmp(link, "net:[", 5) == 0 ? inode : 0;
	for (size_t i = 0; i < seen->n; i++)
		if (seen->at[i] == inode)
			return false;
	if (seen->n < NAMESPACES_MAX)
		seen->at[seen->n++] = inode;
	return true;
}

static int each_process(int (*call)(void *data, int pid), void *data)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	int r = 0;

	if (!dir)
		return -errno;
	while (r >= 0 && (entry = readdir(dir)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			r = call(data, (int)strtol(entry->d_name, NULL, 10));
	closedir(dir);
	return r < 0 ? r : 0;
}

struct search {
	struct namespaces seen;
	struct ports *ports;
	struct why_sockets *ret;
	int map_fd;
};

static int list_namespace(void *data, int pid)
{
	struct search *search = data;

	size_t before = search->ports->inode_count;
	uint8_t listening[sizeof(search->ports->listening)];

	if (!is_new(&search->seen, pid))
		return 0;
	memcpy(listening, search->ports->listening, sizeof(listening));
	read_ports(pid, search->ports);
	if (search->ports->inode_count == before) /* listens elsewhere */
		memcpy(search->ports->listening, listening, sizeof(listening));
	return 0;
}

static int search_process(void *data, int pid)
{
	struct search *search = data;
	int r = walk(pid, search->map_fd, search->ports, search->ret);

	return r == -ESRCH || r == -EINVAL ? 0 : r; /* ended meanwhile; a thread */
}

int why_sockets_at(const struct hdl_addr *address, uint16_t port, int map_fd, struct why_sockets *ret)
{
	struct search search = { .map_fd = map_fd, .ret = ret };
	int r = -ENOMEM;

	search.ports = calloc(1, sizeof(*search.ports));
	search.seen.at = calloc(NAMESPACES_MAX, sizeof(*search.seen.at));
	if (search.ports && search.seen.at) {
		search.ports->wanted = address;
		search.ports->port = port;
		r = each_process(list_namespace, &search);
		if (r == 0 && search.ports->inode_count)
			r = each_process(search_process, &search);
	}
	free(search.ports);
	free(search.seen.at);
	return r;
}

void why_sockets_done(struct why_sockets *sockets)
{
	free(sockets->at);
	*sockets = (struct why_sockets){ 0 };
}
