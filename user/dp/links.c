/* SPDX-License-Identifier: Apache-2.0 */
/* Pinned links of the cgroup hooks: attached without a gap, each changed atomically. */
#include "dp/links.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "dp/owned.h"

#define LINKS_MAX 16
#define PATH_BYTES 4096

struct link {
	struct bpf_program *program;
	char path[PATH_BYTES];
	int fd;     /* pinned before; -1 = none */
	bool fresh; /* made by this call */
};

struct attach {
	struct link *links;
	size_t count;
	const char *bpffs, *cgroup;
	int cgroup_fd;
	uint64_t cgroup_id;
	struct hdl_err *err;
};

const char *hdl_link_name(const struct bpf_program *program)
{
	const char *name = bpf_program__name(program);

	return strncmp(name, "hdl_", 4) == 0 ? name + 4 : name;
}

bool hdl_link_is_cgroup(const struct bpf_program *program)
{
	switch (bpf_program__type(program)) {
	case BPF_PROG_TYPE_CGROUP_SOCK_ADDR:
	case BPF_PROG_TYPE_CGROUP_SOCK:
	case BPF_PROG_TYPE_CGROUP_SOCKOPT:
	case BPF_PROG_TYPE_SOCK_OPS:
		return true;
	default:
		return false;
	}
}

/* Does it lead connections or datagrams elsewhere; the others account for that, or translate back. */
static bool is_leading(const struct bpf_program *program)
{
	const char *name = hdl_link_name(program);

	return strncmp(name, "connect", 7) == 0 || strncmp(name, "sendmsg", 7) == 0;
}

/* The id by which the kernel knows a cgroup: its file handle. */
static int cgroup_id_of(int fd, uint64_t *ret)
{
	union {
		struct file_handle handle;
		char bytes[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} u = { .handle = { .handle_bytes = MAX_HANDLE_SZ } };
	int mount;

	if (name_to_handle_at(fd, "", &u.handle, &mount, AT_EMPTY_PATH) != 0)
		return -errno;
	if (u.handle.handle_bytes != sizeof(*ret))
		return -EINVAL;
	memcpy(ret, u.handle.f_handle, sizeof(*ret));
	return 0;
}

/*
 * Path of a cgroup by id, or its number where that cannot be found, for a message. False when the cgroup was removed: its
 * links end a little later, by themselves.
 */
static bool cgroup_name(int cgroup_fd, uint64_t id, char name[PATH_BYTES])
{
	union {
		struct file_handle handle;
		char bytes[sizeof(struct file_handle) + sizeof(id)];
	} u = { .handle = { .handle_bytes = sizeof(id), .handle_type = 0xfe /* FILEID_KERNFS */ } };
	char link[64];
	ssize_t n = -1;
	int fd;

	memcpy(u.handle.f_handle, &id, sizeof(id));
	fd = open_by_handle_at(cgroup_fd, &u.handle, O_PATH | O_CLOEXEC);
	if (fd < 0 && errno == ESTALE)
		return false;
	if (fd >= 0) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		n = readlink(link, name, PATH_BYTES - 1);
		close(fd);
	}
	if (n >= 0)
		name[n] = '\0';
	else
		snprintf(name, PATH_BYTES, "a cgroup with id %llu", (unsigned long long)id);
	return true;
}

/* Cgroup that the link is attached to; 0 = it is gone. */
static int link_cgroup(int fd, uint64_t *ret)
{
	struct bpf_link_info info = {};
	__u32 size = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &size) != 0)
		return -errno;
	if (info.type != BPF_LINK_TYPE_CGROUP)
		return -EINVAL;
	*ret = info.cgroup.cgroup_id;
	return 0;
}

/* Opens the pin of the program's link, if there is one that still holds. */
static int find_pinned(const struct attach *a, struct link *link)
{
	char other[PATH_BYTES];
	uint64_t cgroup;
	int r;

	snprintf(link->path, sizeof(link->path), "%s/" HDL_LINK_PREFIX "%s", a->bpffs, hdl_link_name(link->program));
	link->fd = bpf_obj_get(link->path);
	if (link->fd < 0)
		return errno == ENOENT ? 0 : hdl_err_set(a->err, -errno, "%s: %s", link->path, strerror(errno));
	r = link_cgroup(link->fd, &cgroup);
	if (r < 0)
		return hdl_err_set(a->err, r, "%s: %s", link->path, strerror(-r));
	if (cgroup == a->cgroup_id)
		return 0;
	if (cgroup != 0 && cgroup_name(a->cgroup_fd, cgroup, other)) {
		return hdl_err_set(
			a->err, -EEXIST,
			"%s is attached to %s, not to %s: start with that --cgroup, or run heddled --uninstall first",
			link->path, other, a->cgroup);
	}
	/* The cgroup was removed, and may have been made again under the same name. */
	close(link->fd);
	link->fd = -1;
	unlink(link->path);
	return 0;
}

static int attach_one(const struct attach *a, struct link *link)
{
	int r;

	if (link->fd >= 0) {
		r = bpf_link_update(link->fd, bpf_program__fd(link->program), NULL);
		return r == 0 ? 0 :
				hdl_err_set(a->err, -errno, "%s cannot be updated: %s", link->path, strerror(errno));
	}
	link->fd = bpf_link_create(bpf_program__fd(link->program), a->cgroup_fd,
				   bpf_program__expected_attach_type(link->program), NULL);
	if (link->fd < 0)
		return hdl_err_set(a->err, -errno, "%s cannot be attached to %s: %s", hdl_link_name(link->program),
				   a->cgroup, strerror(errno));
	if (bpf_obj_pin(link->fd, link->path) != 0)
		return hdl_err_set(a->err, -errno, "%s cannot be pinned: %s", link->path, strerror(errno));
	link->fresh = true;
	return 0;
}

/* Connects and datagrams are translated last, when all that accounts for them is in place. */
static int attach_in_order(const struct attach *a)
{
	int r = 0;

	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; r == 0 && i < a->count; i++) {
			if (is_leading(a->links[i].program) == (pass == 1))
				r = attach_one(a, &a->links[i]);
		}
	}
	return r;
}

/*
 * Id of the program that our pinned link runs: ours, although it uses other maps when a replacement of the maps was
 * interrupted before its link was changed. 0 = there is none.
 */
static __u32 program_of(const struct link *link)
{
	struct bpf_link_info info = {};
	__u32 size = sizeof(info);

	return link->fd >= 0 && bpf_obj_get_info_by_fd(link->fd, &info, &size) == 0 ? info.prog_id : 0;
}

/*
 * Programs of another daemon in the same cgroup would translate what ours did. The lock tells of one that runs; this, of
 * one that is dead and left its hooks.
 */
static int check_strangers(const struct attach *a, const struct link *link, int state_map_fd)
{
	const struct bpf_program *program = link->program;
	__u32 ids[64], n = sizeof(ids) / sizeof(ids[0]), state = hdl_dp_map_id(state_map_fd);
	char ours[16], name[16];

	if (bpf_prog_query(a->cgroup_fd, bpf_program__expected_attach_type(program), 0, NULL, ids, &n) != 0)
		return 0;
	snprintf(ours, sizeof(ours), "%s", bpf_program__name(program)); /* the kernel cuts names like this */
	for (__u32 i = 0; i < n; i++) {
		hdl_dp_program_name(ids[i], name);
		if (strcmp(name, ours) == 0 && ids[i] != program_of(link) && !hdl_dp_program_uses(ids[i], state))
			return hdl_err_set(
				a->err, -EEXIST,
				"%s has hooks of another heddled: run heddled --uninstall with its --bpffs first",
				a->cgroup);
	}
	return 0;
}

static int collect(struct attach *a, struct bpf_object *object, int state_map_fd)
{
	struct bpf_program *program;
	int r;

	bpf_object__for_each_program(program, object)
	{
		struct link *link = &a->links[a->count];

		if (!hdl_link_is_cgroup(program))
			continue;
		if (a->count == LINKS_MAX)
			return hdl_err_set(a->err, -E2BIG, "too many hooks");
		*link = (struct link){ .program = program, .fd = -1 };
		a->count++;
		r = find_pinned(a, link);
		if (r == 0 && is_leading(program))
			r = check_strangers(a, link, state_map_fd);
		if (r < 0)
			return r;
	}
	return 0;
}

void hdl_link_detach(const char *bpffs, const char *pin)
{
	char path[PATH_BYTES];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", bpffs, pin);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return;
	bpf_link_detach(fd);
	close(fd);
}

/* Hooks that an older version had and this one does not. */
static void drop_unknown(const struct attach *a)
{
	DIR *dir = opendir(a->bpffs);
	const struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		bool known = false;

		if (strncmp(entry->d_name, HDL_LINK_PREFIX, strlen(HDL_LINK_PREFIX)) != 0)
			continue;
		for (size_t i = 0; i < a->count; i++)
			known = known || strcmp(entry->d_name + strlen(HDL_LINK_PREFIX),
						hdl_link_name(a->links[i].program)) == 0;
		if (!known) {
			hdl_link_detach(a->bpffs, entry->d_name);
			unlinkat(dirfd(dir), entry->d_name, 0);
		}
	}
	closedir(dir);
}

static int run(struct attach *a, struct bpf_object *object, int state_map_fd, unsigned int *ret_kept,
	       unsigned int *ret_new)
{
	unsigned int kept = 0, fresh = 0;
	int r = cgroup_id_of(a->cgroup_fd, &a->cgroup_id);

	if (r < 0)
		return hdl_err_set(a->err, r, "--cgroup %s: %s", a->cgroup, strerror(-r));
	r = collect(a, object, state_map_fd);
	if (r == 0)
		r = attach_in_order(a);
	for (size_t i = 0; i < a->count; i++) {
		if (r < 0 && a->links[i].fresh) {
			bpf_link_detach(a->links[i].fd);
			unlink(a->links[i].path);
		}
		if (a->links[i].fd >= 0) {
			fresh += a->links[i].fresh;
			kept += !a->links[i].fresh;
			close(a->links[i].fd);
		}
	}
	if (r < 0)
		return r;
	drop_unknown(a);
	*ret_kept = kept;
	*ret_new = fresh;
	return 0;
}

int hdl_links_attach(struct bpf_object *object, const char *bpffs, const char *cgroup, int state_map_fd,
		     unsigned int *ret_kept, unsigned int *ret_new, struct hdl_err *err)
{
	struct attach a = { .bpffs = bpffs, .cgroup = cgroup, .err = err };
	int r;

	a.cgroup_fd = open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (a.cgroup_fd < 0)
		return hdl_err_set(err, -errno, "--cgroup %s: %s", cgroup, strerror(errno));
	a.links = calloc(LINKS_MAX, sizeof(*a.links));
	r = a.links ? run(&a, object, state_map_fd, ret_kept, ret_new) : hdl_err_set(err, -ENOMEM, "out of memory");
	free(a.links);
	close(a.cgroup_fd);
	return r;
}

size_t hdl_links_list(const char *bpffs, struct hdl_link_state *ret, size_t max)
{
	const struct dirent *entry;
	char path[PATH_BYTES];
	DIR *dir = opendir(bpffs);
	size_t n = 0;

	if (!dir)
		return 0;
	while ((entry = readdir(dir))) {
		uint64_t cgroup = 0;
		int fd;

		if (strncmp(entry->d_name, HDL_LINK_PREFIX, strlen(HDL_LINK_PREFIX)) != 0)
			continue;
		if (n < max) {
			snprintf(path, sizeof(path), "%s/%s", bpffs, entry->d_name);
			fd = bpf_obj_get(path);
			snprintf(ret[n].name, sizeof(ret[n].name), "%s", entry->d_name + strlen(HDL_LINK_PREFIX));
			ret[n].attached = fd >= 0 && link_cgroup(fd, &cgroup) == 0 && cgroup != 0;
			if (fd >= 0)
				close(fd);
		}
		n++;
	}
	closedir(dir);
	return n;
}

bool hdl_links_pinned(const char *bpffs)
{
	return hdl_links_list(bpffs, NULL, 0) > 0;
}
