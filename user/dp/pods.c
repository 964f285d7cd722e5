/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds network namespaces by their inodes in /run/netns and /proc, and the veth pairs that lead there: a link of the
 * host whose peer is in the namespace carries the number (nsid) by which the host knows that namespace.
 */
#include "dp/pods.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <linux/if_link.h>
#include <linux/magic.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "base/log.h"
#include "dp/nl.h"
#include "dp/pod_inside.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

#define NAMED "/run/netns"

/* A place where a namespace can be opened: "/run/netns/NAME" or "/proc/PID/ns/net". */
struct place {
	ino_t inode;
	bool unseen; /* the process is outside of the cgroup */
	char path[288];
};

/* A veth of the host whose peer is in another namespace. */
struct host_link {
	int32_t nsid;
	struct hdl_pod_link link;
};

struct hdl_pods {
	int host_ns_fd;
	ino_t host_inode;
	uint64_t host_cookie;
	struct mnl_socket *monitor;
	bool dirty; /* links changed since the last scan */
	struct hdl_pod *list;
	size_t count;
	uint64_t left_out;
	char *cgroup; /* NULL = the root */
	/* of one scan */
	struct place *places;
	size_t place_count, place_capacity;
	struct host_link *links;
	size_t link_count, link_capacity;
};

/* --- host side ----------------------------------------------------------------------------------------------------- */

static int own_cookie(uint64_t *ret)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(*ret);
	int r;

	if (fd < 0)
		return -errno;
	r = getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, ret, &size) == 0 ? 0 : -errno;
	close(fd);
	return r;
}

static int open_monitor(struct hdl_pods *pods)
{
	pods->monitor = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!pods->monitor || mnl_socket_bind(pods->monitor, RTMGRP_LINK, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	return 0;
}

int hdl_pods_new(struct hdl_pods **ret, struct hdl_err *err)
{
	struct hdl_pods *pods = calloc(1, sizeof(*pods));
	struct stat st;
	int r = 0;

	if (!pods)
		return hdl_err_set(err, -ENOMEM, "out of memory");
	pods->dirty = true;
	pods->host_ns_fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (pods->host_ns_fd < 0 || fstat(pods->host_ns_fd, &st) != 0)
		r = hdl_err_set(err, -errno, "own network namespace: %s", strerror(errno));
	if (r == 0) {
		pods->host_inode = st.st_ino;
		r = own_cookie(&pods->host_cookie);
		if (r == 0)
			r = open_monitor(pods);
		if (r < 0)
			hdl_err_set(err, r, "network namespaces cannot be watched: %s", strerror(-r));
	}
	if (r < 0) {
		hdl_pods_free(pods);
		return r;
	}
	*ret = pods;
	return 0;
}

struct hdl_pods *hdl_pods_free(struct hdl_pods *pods)
{
	if (!pods)
		return NULL;
	if (pods->host_ns_fd >= 0)
		close(pods->host_ns_fd);
	if (pods->monitor)
		mnl_socket_close(pods->monitor);
	free(pods->list);
	free(pods->places);
	free(pods->links);
	free(pods->cgroup);
	free(pods);
	return NULL;
}

int hdl_pods_cgroup(struct hdl_pods *pods, const char *path)
{
	char *copy = path ? strdup(path) : NULL;

	if (path && !copy)
		return -ENOMEM;
	free(pods->cgroup);
	pods->cgroup = copy;
	pods->dirty = true;
	return 0;
}

int hdl_pods_fd(const struct hdl_pods *pods)
{
	return mnl_socket_get_fd(pods->monitor);
}

bool hdl_pods_read(struct hdl_pods *pods)
{
	char buffer[16384];
	bool changed = false;
	ssize_t n;

	for (;;) {
		n = recv(hdl_pods_fd(pods), buffer, sizeof(buffer), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != ENOBUFS) /* ENOBUFS: more than the socket could hold; something changed then */
			break;
		changed = true;
	}
	pods->dirty = pods->dirty || changed;
	return changed;
}

static int see_link(const struct nlmsghdr *message, void *data)
{
	struct hdl_pods *pods = data;
	const struct ifinfomsg *header = mnl_nlmsg_get_payload(message);
	struct hdl_pod_link_seen seen = { .kind = NULL };

	mnl_attr_parse(message, sizeof(*header), hdl_pod_link_attribute, &seen);
	if (!seen.has_peer || !seen.has_nsid || !seen.kind || strcmp(seen.kind, "veth") != 0)
		return MNL_CB_OK;
	if (pods->link_count == pods->link_capacity) {
		size_t capacity = pods->link_capacity ? pods->link_capacity * 2 : 64;
		struct host_link *bigger = realloc(pods->links, capacity * sizeof(*bigger));

		if (!bigger) {
			errno = ENOMEM;
			return MNL_CB_ERROR;
		}
		pods->links = bigger;
		pods->link_capacity = capacity;
	}
	pods->links[pods->link_count] = (struct host_link){
		.nsid = seen.nsid,
		.link = { .ifindex = header->ifi_index, .peer_ifindex = seen.peer, .mtu = seen.mtu },
	};
	memcpy(pods->links[pods->link_count++].link.host_mac, seen.mac, sizeof(seen.mac));
	return MNL_CB_OK;
}

static void reset_links(void *data)
{
	((struct hdl_pods *)data)->link_count = 0;
}

static int read_host_links(struct hdl_pods *pods, struct hdl_nl *nl)
{
	struct ifinfomsg *header;
	struct nlmsghdr *message = hdl_nl_begin(nl, RTM_GETLINK, NLM_F_DUMP, sizeof(*header), (void **)&header);

	header->ifi_family = AF_UNSPEC;
	mnl_attr_put_u32(message, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	reset_links(pods);
	return hdl_nl_query(nl, message, see_link, reset_links, pods);
}

/* --- places -------------------------------------------------------------------------------------------------------- */

static int add_place(struct hdl_pods *pods, ino_t inode, bool unseen, const char *path)
{
	struct place *place;

	if (pods->place_count == pods->place_capacity) {
		size_t capacity = pods->place_capacity ? pods->place_capacity * 2 : 256;
		struct place *bigger = realloc(pods->places, capacity * sizeof(*bigger));

		if (!bigger)
			return -ENOMEM;
		pods->places = bigger;
		pods->place_capacity = capacity;
	}
	place = &pods->places[pods->place_count++];
	place->inode = inode;
	place->unseen = unseen;
	snprintf(place->path, sizeof(place->path), "%s", path);
	return 0;
}

/* What ip netns made. A name without a namespace behind it (just being made) is of another file system. */
static int add_named(struct hdl_pods *pods)
{
	const struct dirent *entry;
	DIR *dir = opendir(NAMED);
	int r = 0;

	while (r == 0 && dir && (entry = readdir(dir))) {
		char path[sizeof(((struct place *)0)->path)];
		struct statfs fs;
		struct stat st;

		if (entry->d_name[0] == '.' ||
		    snprintf(path, sizeof(path), NAMED "/%s", entry->d_name) >= (int)sizeof(path) ||
		    statfs(path, &fs) != 0 || fs.f_type != NSFS_MAGIC || stat(path, &st) != 0)
			continue;
		r = add_place(pods, st.st_ino, false, path);
	}
	if (dir)
		closedir(dir);
	return r;
}

/* Whether the hooks do not see the process: its cgroup is not below theirs ("0::/a/b" in /proc/PID/cgroup). */
static bool is_unseen(const struct hdl_pods *pods, int proc_fd, const char *pid)
{
	size_t n = pods->cgroup ? strlen(pods->cgroup) : 0;
	char path[64], text[8192], *line;
	ssize_t size;
	int fd;

	if (!pods->cgroup)
		return false;
	snprintf(path, sizeof(path), "%.20s/cgroup", pid);
	fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	size = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	if (size <= 0)
		return false;
	text[size] = '\0';
	line = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
	if (!line)
		return true; /* in no cgroup of version 2 */
	line += *line == '\n' ? 4 : 3;
	return strncmp(line, pods->cgroup, n) != 0 || (line[n] != '/' && line[n] != '\n');
}

/* A process is skipped when its namespace is that of the process before it: most of them share a few. */
static int add_processes(struct hdl_pods *pods)
{
	const struct dirent *entry;
	DIR *dir = opendir("/proc");
	ino_t last = pods->host_inode;
	bool unseen, last_unseen = false;
	int r = 0;

	while (r == 0 && dir && (entry = readdir(dir))) {
		char path[64];
		struct stat st;

		if (entry->d_name[0] < '0' || entry->d_name[0] > '9' ||
		    snprintf(path, sizeof(path), "%.20s/ns/net", entry->d_name) >= (int)sizeof(path) ||
		    fstatat(dirfd(dir), path, &st, 0) != 0 || st.st_ino == pods->host_inode)
			continue;
		unseen = is_unseen(pods, dirfd(dir), entry->d_name);
		if (st.st_ino == last && unseen == last_unseen)
			continue;
		last = st.st_ino;
		last_unseen = unseen;
		snprintf(path, sizeof(path), "/proc/%.20s/ns/net", entry->d_name);
		r = add_place(pods, st.st_ino, unseen, path);
	}
	if (dir)
		closedir(dir);
	return r;
}

static int by_inode(const void *a, const void *b)
{
	const struct place *pa = a, *pb = b;

	return pa->inode < pb->inode ? -1 : pa->inode > pb->inode;
}

/* --- one namespace ------------------------------------------------------------------------------------------------- */

static int nsid_attribute(const struct nlattr *attribute, void *data)
{
	if (mnl_attr_get_type(attribute) == NETNSA_NSID)
		*(int32_t *)data = (int32_t)mnl_attr_get_u32(attribute);
	return MNL_CB_OK;
}

static int see_nsid(const struct nlmsghdr *message, void *data)
{
	mnl_attr_parse(message, sizeof(struct rtgenmsg), nsid_attribute, data);
	return MNL_CB_OK;
}

/* Number by which the host knows the namespace; -1 = it has none, so no link leads there. */
static int32_t nsid_of(struct hdl_nl *nl, int ns_fd)
{
	struct rtgenmsg *header;
	struct nlmsghdr *message = hdl_nl_begin(nl, RTM_GETNSID, 0, sizeof(*header), (void **)&header);
	int32_t nsid = -1;

	header->rtgen_family = AF_UNSPEC;
	mnl_attr_put_u32(message, NETNSA_FD, (uint32_t)ns_fd);
	return hdl_nl_query(nl, message, see_nsid, NULL, &nsid) < 0 ? -1 : nsid;
}

static const struct hdl_pod *find_known(const struct hdl_pods *pods, uint64_t cookie)
{
	size_t low = 0, high = pods->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (pods->list[middle].cookie == cookie)
			return &pods->list[middle];
		if (pods->list[middle].cookie < cookie)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* Reads cookie and addresses; of a namespace that is known, the addresses only when they may have changed. */
static int read_inside(const struct hdl_pods *pods, bool again, struct hdl_pod *pod)
{
	const struct hdl_pod *known;
	int r = own_cookie(&pod->cookie);

	if (r < 0)
		return r;
	known = find_known(pods, pod->cookie);
	if (known && known->address_count && known->ifindex_count == pod->ifindex_count && !again) {
		pod->address_count = known->address_count;
		memcpy(pod->address, known->address, sizeof(pod->address));
		memcpy(pod->link, known->link, sizeof(pod->link));
		pod->unseen = known->unseen;
		return 0;
	}
	return hdl_pod_read_inside(pod);
}

static void leave(const struct hdl_pods *pods)
{
	/* Staying in a pod's namespace would make everything after this go wrong, silently. */
	if (setns(pods->host_ns_fd, CLONE_NEWNET) != 0) {
		hdl_log_error("cannot return to the host's network namespace: %s", strerror(errno));
		abort();
	}
}

/* 0; -ENOENT when it is gone, or is not what was found there; -EPERM and others. */
static int read_namespace(const struct hdl_pods *pods, struct hdl_nl *nl, const struct place *place, bool again,
			  struct hdl_pod *pod)
{
	int fd = open(place->path, O_RDONLY | O_CLOEXEC), r;
	struct stat st;
	int32_t nsid;

	*pod = (struct hdl_pod){ .inode = place->inode, .host = place->inode == pods->host_inode };
	if (fd < 0)
		return errno == ESRCH ? -ENOENT : -errno;
	if (fstat(fd, &st) != 0 || st.st_ino != place->inode) {
		close(fd);
		return -ENOENT;
	}
	nsid = pod->host ? -1 : nsid_of(nl, fd);
	for (size_t i = 0; nsid >= 0 && i < pods->link_count; i++) {
		if (pods->links[i].nsid != nsid || pod->ifindex_count == HDL_POD_INTERFACES_MAX)
			continue;
		pod->link[pod->ifindex_count] = pods->links[i].link;
		pod->ifindex[pod->ifindex_count++] = pods->links[i].link.ifindex;
	}
	r = setns(fd, CLONE_NEWNET) == 0 ? 0 : -errno;
	close(fd);
	if (r < 0)
		return r;
	r = read_inside(pods, again, pod);
	leave(pods);
	return r;
}

/* --- scan ---------------------------------------------------------------------------------------------------------- */

static int by_cookie(const void *a, const void *b)
{
	const struct hdl_pod *pa = a, *pb = b;

	return pa->cookie < pb->cookie ? -1 : pa->cookie > pb->cookie;
}

static int find_places(struct hdl_pods *pods)
{
	int r;

	pods->place_count = 0;
	r = add_place(pods, pods->host_inode, false, "/proc/thread-self/ns/net");
	if (r == 0)
		r = add_named(pods);
	if (r == 0)
		r = add_processes(pods);
	if (r == 0)
		qsort(pods->places, pods->place_count, sizeof(*pods->places), by_inode);
	return r;
}

/* Several places may lead to one namespace: the next is tried when a process has ended meanwhile. */
static size_t read_places(struct hdl_pods *pods, struct hdl_nl *nl, bool again, struct hdl_pod *list)
{
	size_t n = 0;
	uint64_t left_out = 0;

	for (size_t i = 0; i < pods->place_count;) {
		ino_t inode = pods->places[i].inode;
		bool unseen = false;
		int r = -ENOENT;

		for (; i < pods->place_count && pods->places[i].inode == inode; i++) {
			unseen |= pods->places[i].unseen;
			if (n == HDL_PODS_MAX)
				r = -E2BIG;
			else if (r == -ENOENT || r == -EACCES)
				r = read_namespace(pods, nl, &pods->places[i], again, &list[n]);
		}
		if (r == 0)
			list[n++].unseen |= unseen;
		else if (r != -ENOENT)
			left_out++;
	}
	pods->left_out = left_out;
	return n;
}

int hdl_pods_scan(struct hdl_pods *pods, bool again, struct hdl_err *err)
{
	struct hdl_pod *list;
	struct hdl_nl nl;
	size_t n;
	int r;

	again = again || pods->dirty;
	pods->dirty = false; /* before looking: what changes from here on is announced again */
	r = hdl_nl_open(&nl);
	if (r == 0) {
		r = read_host_links(pods, &nl);
		if (r == 0)
			r = find_places(pods);
		if (r < 0)
			hdl_nl_close(&nl);
	}
	if (r < 0) {
		pods->dirty = true;
		return hdl_err_set(err, r, "network namespaces cannot be listed: %s", strerror(-r));
	}
	list = calloc(pods->place_count < HDL_PODS_MAX ? pods->place_count : HDL_PODS_MAX, sizeof(*list));
	n = list ? read_places(pods, &nl, again, list) : 0;
	hdl_nl_close(&nl);
	if (!list)
		return hdl_err_set(err, -ENOMEM, "out of memory");
	qsort(list, n, sizeof(*list), by_cookie);
	r = n != pods->count || memcmp(list, pods->list, n * sizeof(*list)) != 0;
	free(pods->list);
	pods->list = list;
	pods->count = n;
	return r;
}

const struct hdl_pod *hdl_pods_list(const struct hdl_pods *pods, size_t *ret_count)
{
	*ret_count = pods->count;
	return pods->list;
}

uint64_t hdl_pods_left_out(const struct hdl_pods *pods)
{
	return pods->left_out;
}

uint64_t hdl_pods_host_cookie(const struct hdl_pods *pods)
{
	return pods->host_cookie;
}

int hdl_pods_match_interfaces(const char *const *patterns, size_t n, int **ret_ifindex, size_t *ret_count)
{
	struct if_nameindex *interfaces = if_nameindex();
	size_t total = 0, count = 0;
	int *list;

	if (!interfaces)
		return -errno;
	while (interfaces[total].if_index)
		total++;
	list = calloc(total + 1, sizeof(*list));
	for (size_t i = 0; list && i < total; i++) {
		for (size_t k = 0; k < n; k++) {
			if (fnmatch(patterns[k], interfaces[i].if_name, 0) == 0) {
				list[count++] = (int)interfaces[i].if_index;
				break;
			}
		}
	}
	if_freenameindex(interfaces);
	if (!list)
		return -ENOMEM;
	*ret_ifindex = list;
	*ret_count = count;
	return 0;
}
