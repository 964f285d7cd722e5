/* SPDX-License-Identifier: Apache-2.0 */
/* Takes away what a daemon left, with nothing but the bpffs directory to go by. */
#include "dp/uninstall.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "dp/attach.h"
#include "dp/edge.h"
#include "dp/links.h"
#include "dp/owned.h"
#include "dp/punt.h"
#include "dp/renew.h"
#include "heddle/abi_lb.h"

#define PATH_BYTES 4096

struct uninstall {
	const char *bpffs;
	struct hdl_uninstall_report *report;
	struct hdl_err *err;
	int result; /* the first failure */
};

/* The first failure is the one told. */
static struct hdl_err *err_of(const struct uninstall *u)
{
	return u->result == 0 ? u->err : NULL;
}

static void note(struct uninstall *u, int r)
{
	if (r < 0 && u->result == 0)
		u->result = r;
}

static void remove_filters(struct uninstall *u, int state_fd)
{
	int *list = NULL;
	size_t n = 0;

	note(u, hdl_attach_list(u->bpffs, state_fd, &list, &n, err_of(u)));
	for (size_t i = 0; i < n; i++) {
		int r = hdl_detach_tc(u->bpffs, state_fd, list[i], err_of(u));

		note(u, r);
		if (r == 0)
			u->report->filters++;
	}
	free(list);
}

static void remove_edge(struct uninstall *u, int state_fd)
{
	int *list = NULL;
	size_t n = 0;

	note(u, hdl_edge_list(u->bpffs, state_fd, &list, &n, err_of(u)));
	for (size_t i = 0; i < n; i++) {
		int r = hdl_edge_leave(u->bpffs, state_fd, -1, list[i], err_of(u));

		note(u, r);
		if (r > 0)
			u->report->filters++;
	}
	free(list);
}

/* A clsact of ours that carried no filter of ours at the end. */
static void remove_qdiscs(struct uninstall *u, int state_fd)
{
	char path[PATH_BYTES];
	const struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/qdisc", u->bpffs);
	dir = opendir(path);
	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		int ifindex = (int)strtol(entry->d_name, NULL, 10);

		if (ifindex > 0)
			note(u, hdl_detach_tc(u->bpffs, state_fd, ifindex, err_of(u)));
		/* Others use the qdisc by now: it stays, and is theirs. */
		unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR);
	}
	closedir(dir);
	rmdir(path);
}

/* The record of any ABI version: up to route_table no version moves a field. */
static int read_punt(int state_fd, struct hdl_punt_conf *ret)
{
	struct bpf_map_info info = {};
	__u32 size = sizeof(info), zero = 0;
	struct hdl_state state = { .epoch = 0 };
	char *value;
	int r;

	if (bpf_obj_get_info_by_fd(state_fd, &info, &size) != 0)
		return -errno;
	if (info.value_size < offsetof(struct hdl_state, route_table) + sizeof(state.route_table))
		return -EPROTO;
	value = malloc(info.value_size);
	if (!value)
		return -ENOMEM;
	r = bpf_map_lookup_elem(state_fd, &zero, value) == 0 ? 0 : -errno;
	if (r == 0)
		memcpy(&state, value, info.value_size < sizeof(state) ? info.value_size : sizeof(state));
	free(value);
	*ret = (struct hdl_punt_conf){ state.packet_mark, state.packet_mask, state.route_table };
	return r;
}

static void remove_rules(struct uninstall *u, int state_fd)
{
	struct hdl_punt_conf punt;
	int r = read_punt(state_fd, &punt);

	if (r < 0)
		note(u,
		     hdl_err_set(err_of(u), r, "%s/state: mark and table cannot be read: %s", u->bpffs, strerror(-r)));
	if (r < 0 || punt.mark == 0 || punt.table == 0)
		return;
	r = hdl_punt_remove(&punt, err_of(u));
	note(u, r);
	if (r == 0)
		u->report->rules++;
}

static bool has_prefix(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* Removes the pins whose names begin so; "" = all but `state`. */
static unsigned int remove_pins(struct uninstall *u, const char *prefix)
{
	DIR *dir = opendir(u->bpffs);
	const struct dirent *entry;
	unsigned int removed = 0;

	if (!dir)
		return 0;
	while ((entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		    !has_prefix(entry->d_name, prefix))
			continue;
		if (has_prefix(entry->d_name, HDL_LINK_PREFIX))
			hdl_link_detach(u->bpffs, entry->d_name);
		if (unlinkat(dirfd(dir), entry->d_name, 0) == 0)
			removed++;
		else if (errno != EISDIR)
			note(u, hdl_err_set(err_of(u), -errno, "%s/%s: %s", u->bpffs, entry->d_name, strerror(errno)));
	}
	closedir(dir);
	return removed;
}

int hdl_uninstall(const char *bpffs, struct hdl_uninstall_report *ret, struct hdl_err *err)
{
	struct hdl_uninstall_report report = { 0 };
	struct uninstall u = { .bpffs = bpffs, .report = &report, .err = err };
	char path[PATH_BYTES];
	int fd;

	*ret = report;
	if (access(bpffs, F_OK) != 0)
		return errno == ENOENT ? 0 : hdl_err_set(err, -errno, "%s: %s", bpffs, strerror(errno));
	hdl_dp_libbpf_listen();
	/* A half replaced set of maps goes first: what hooks use it go with the links. */
	note(&u, hdl_renew_discard(bpffs, err_of(&u)));
	/* Connects first: from here on nothing new is led to where the rest is about to vanish. */
	report.links = remove_pins(&u, HDL_LINK_PREFIX);
	snprintf(path, sizeof(path), "%s/state", bpffs);
	fd = bpf_obj_get(path);
	if (fd >= 0) {
		remove_filters(&u, fd);
		remove_edge(&u, fd);
		remove_qdiscs(&u, fd);
		hdl_attach_forget_gone(bpffs);
		snprintf(path, sizeof(path), "%s/tcx", bpffs);
		rmdir(path);
		remove_rules(&u, fd);
		close(fd);
	}
	/* `state` last, so that an interrupted uninstall can be repeated. */
	if (u.result == 0) {
		report.pins = remove_pins(&u, "prog_") + remove_pins(&u, "new_");
		report.pins += remove_pins(&u, "");
		report.pins += remove_pins(&u, "state");
		if (rmdir(bpffs) != 0 && errno != ENOENT && errno != EBUSY)
			note(&u, hdl_err_set(err_of(&u), -errno, "%s: %s", bpffs, strerror(errno)));
	}
	*ret = report;
	return u.result;
}
