/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tc programs on interfaces: by pinned TCX links (Linux 6.6), or as filters in clsact, found by the map that their program
 * uses; replaced in place, removed without trace.
 */
#include "dp/attach.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "dp/nl.h"
#include "dp/owned.h"

/* Directory under bpffs with a directory for each interface whose clsact qdisc is ours: bpffs holds no files. */
#define QDISCS "qdisc"
/* Directory under bpffs with the pins of our TCX links: IFINDEX-ingress, IFINDEX-egress, IFINDEX-edge, IFINDEX-edge_out. */
#define LINKS "tcx"

static const struct side {
	uint32_t clsact; /* minor number of its half of clsact */
	enum bpf_tc_attach_point point;
	int tcx;
	const char *name;
	const char *program[3]; /* that may be there; what else uses our maps is of another place */
} sides[HDL_TC_PLACES] = {
	[HDL_TC_INGRESS] = { TC_H_MIN_INGRESS,
			     BPF_TC_INGRESS,
			     HDL_ATTACH_TCX_INGRESS,
			     "ingress",
			     { "hdl_tc_ingress", "hdl_tc_packet" } },
	[HDL_TC_EGRESS] = { TC_H_MIN_EGRESS, BPF_TC_EGRESS, HDL_ATTACH_TCX_EGRESS, "egress", { "hdl_tc_reply" } },
	[HDL_TC_EDGE] = { TC_H_MIN_INGRESS, BPF_TC_INGRESS, HDL_ATTACH_TCX_INGRESS, "edge", { "hdl_tc_edge" } },
	[HDL_TC_EDGE_OUT] = { TC_H_MIN_EGRESS, BPF_TC_EGRESS, HDL_ATTACH_TCX_EGRESS, "edge_out", { "hdl_tc_edge_out" } },
};

/* What is on one side of an interface. */
struct filters {
	uint32_t state_map;      /* id */
	const struct side *side; /* NULL: all are others' */
	bool ours;
	uint32_t handle, priority; /* of ours */
	unsigned int others;
	bool taken[HDL_TC_PRIORITIES + 1]; /* by others */
};

struct filter {
	const char *kind;
	uint32_t program;
};

static bool is_of(const struct side *side, uint32_t program)
{
	char name[16];
	bool found = false;

	hdl_dp_program_name(program, name);
	for (size_t i = 0; i < sizeof(side->program) / sizeof(side->program[0]) && side->program[i]; i++)
		found = found || strcmp(name, side->program[i]) == 0;
	return found;
}

static void filters_reset(void *data)
{
	struct filters *filters = data;

	*filters = (struct filters){ .state_map = filters->state_map, .side = filters->side };
}

static int option_attribute(const struct nlattr *attribute, void *data)
{
	if (mnl_attr_get_type(attribute) == TCA_BPF_ID)
		((struct filter *)data)->program = mnl_attr_get_u32(attribute);
	return MNL_CB_OK;
}

static int filter_attribute(const struct nlattr *attribute, void *data)
{
	struct filter *filter = data;

	if (mnl_attr_get_type(attribute) == TCA_KIND)
		filter->kind = mnl_attr_get_str(attribute);
	else if (mnl_attr_get_type(attribute) == TCA_OPTIONS && filter->kind && strcmp(filter->kind, "bpf") == 0)
		mnl_attr_parse_nested(attribute, option_attribute, filter);
	return MNL_CB_OK;
}

static int see_filter(const struct nlmsghdr *message, void *data)
{
	struct filters *filters = data;
	const struct tcmsg *header = mnl_nlmsg_get_payload(message);
	uint32_t priority = TC_H_MAJ(header->tcm_info) >> 16;
	struct filter filter = { .kind = NULL };

	mnl_attr_parse(message, sizeof(*header), filter_attribute, &filter);
	if (filter.program && filters->side && hdl_dp_program_uses(filter.program, filters->state_map) &&
	    is_of(filters->side, filter.program)) {
		filters->ours = true;
		filters->handle = header->tcm_handle;
		filters->priority = priority;
		return MNL_CB_OK;
	}
	/* A priority without a filter in it (handle 0) is listed too: it belongs to whoever made it. */
	if (header->tcm_handle)
		filters->others++;
	if (priority <= HDL_TC_PRIORITIES)
		filters->taken[priority] = true;
	return MNL_CB_OK;
}

static int list_filters(struct hdl_nl *nl, int ifindex, uint32_t side, struct filters *filters)
{
	struct tcmsg *header;
	struct nlmsghdr *message = hdl_nl_begin(nl, RTM_GETTFILTER, NLM_F_DUMP, sizeof(*header), (void **)&header);

	header->tcm_family = AF_UNSPEC;
	header->tcm_ifindex = ifindex;
	header->tcm_parent = TC_H_MAKE(TC_H_CLSACT, side);
	return hdl_nl_query(nl, message, see_filter, filters_reset, filters);
}

static int read_filters(int ifindex, uint32_t clsact, const struct side *side, int state_map_fd, struct filters *ret)
{
	struct hdl_nl nl;
	int r = hdl_nl_open(&nl);

	*ret = (struct filters){ .state_map = hdl_dp_map_id(state_map_fd), .side = side };
	if (r < 0)
		return r;
	r = list_filters(&nl, ifindex, clsact, ret);
	hdl_nl_close(&nl);
	return r == -EINVAL || r == -ENOENT ? 0 : r; /* no clsact there */
}

static void qdisc_path(char path[4096], const char *bpffs, int ifindex)
{
	snprintf(path, 4096, "%s/" QDISCS "/%d", bpffs, ifindex);
}

static void remember_qdisc(const char *bpffs, int ifindex)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/" QDISCS, bpffs);
	(void)mkdir(path, 0700);
	qdisc_path(path, bpffs, ifindex);
	(void)mkdir(path, 0700);
}

/* --- TCX ----------------------------------------------------------------------------------------------------------- */

static void link_path(char path[4096], const char *bpffs, int ifindex, const struct side *side)
{
	snprintf(path, 4096, "%s/" LINKS "/%d-%s", bpffs, ifindex, side->name);
}

/* Whether the kernel knows TCX: asked once, at the first interface. */
static bool tcx_missing;

/* The program of a pinned link is replaced. -ENOENT: there is no such pin, or its interface is another one by now. */
static int update_link(const char *path, int program_fd)
{
	int fd = bpf_obj_get(path), r;

	if (fd < 0)
		return -ENOENT;
	r = bpf_link_update(fd, program_fd, NULL);
	if (r < 0) {
		unlink(path); /* the interface is gone, and its number perhaps another's */
		r = -ENOENT;
	}
	close(fd);
	return r;
}

static int attach_link(const char *bpffs, int ifindex, const struct side *side, int program_fd)
{
	char path[4096];
	int fd, r;

	link_path(path, bpffs, ifindex, side);
	if (update_link(path, program_fd) == 0)
		return 0;
	fd = bpf_link_create(program_fd, ifindex, (enum bpf_attach_type)side->tcx, NULL);
	if (fd < 0)
		return fd;
	snprintf(path, sizeof(path), "%s/" LINKS, bpffs);
	(void)mkdir(path, 0700);
	link_path(path, bpffs, ifindex, side);
	r = bpf_obj_pin(fd, path) == 0 ? 0 : -errno;
	close(fd); /* without a pin it is detached by that */
	return r;
}

/* 1 = there was one, 0 = not. */
static int detach_link(const char *bpffs, int ifindex, const struct side *side)
{
	char path[4096];
	int fd;

	link_path(path, bpffs, ifindex, side);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return 0;
	/* a program that runs on another CPU may hold the link a little longer: this takes it off the interface now */
	(void)bpf_link_detach(fd);
	close(fd);
	unlink(path);
	return 1;
}

/* --- clsact -------------------------------------------------------------------------------------------------------- */

static int attach_filter(const char *bpffs, int state_map_fd, int ifindex, const struct side *side, int program_fd,
			 struct hdl_err *err)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = side->point);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = program_fd);
	struct filters filters;
	int r;

	r = bpf_tc_hook_create(&hook);
	if (r == 0)
		remember_qdisc(bpffs, ifindex);
	else if (r != -EEXIST)
		return hdl_err_set(err, r, "clsact on interface %d: %s", ifindex, strerror(-r));
	r = read_filters(ifindex, side->clsact, side, state_map_fd, &filters);
	if (r < 0)
		return hdl_err_set(err, r, "filters of interface %d: %s", ifindex, strerror(-r));
	opts.handle = HDL_TC_HANDLE;
	opts.priority = 1;
	if (filters.ours) {
		opts.handle = filters.handle;
		opts.priority = filters.priority;
		opts.flags = BPF_TC_F_REPLACE;
	}
	while (!filters.ours && opts.priority <= HDL_TC_PRIORITIES && filters.taken[opts.priority])
		opts.priority++;
	if (opts.priority > HDL_TC_PRIORITIES && !filters.ours)
		return hdl_err_set(err, -EBUSY, "interface %d: all tc priorities up to %d are taken", ifindex,
				   HDL_TC_PRIORITIES);
	r = bpf_tc_attach(&hook, &opts);
	if (r < 0)
		return hdl_err_set(err, r, "tc program on interface %d: %s%s%s", ifindex, strerror(-r),
				   hdl_dp_libbpf_said()[0] ? ": " : "", hdl_dp_libbpf_said());
	return 0;
}

static int detach_filter(int state_map_fd, int ifindex, const struct side *side)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = side->point);
	LIBBPF_OPTS(bpf_tc_opts, opts);
	struct filters filters;
	int r = read_filters(ifindex, side->clsact, side, state_map_fd, &filters);

	if (r < 0 || !filters.ours)
		return r;
	opts.handle = filters.handle;
	opts.priority = filters.priority;
	return bpf_tc_detach(&hook, &opts);
}

/* Removes clsact when it is ours and empty on both sides. */
static int drop_qdisc(const char *bpffs, int ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	struct filters ingress, egress;
	char path[4096];
	int r;

	qdisc_path(path, bpffs, ifindex);
	if (access(path, F_OK) != 0)
		return 0;
	r = read_filters(ifindex, TC_H_MIN_INGRESS, NULL, -1, &ingress);
	if (r == 0)
		r = read_filters(ifindex, TC_H_MIN_EGRESS, NULL, -1, &egress);
	if (r < 0 && r != -ENODEV)
		return r;
	if (r == 0 && (ingress.others || egress.others))
		return 0;
	if (r == 0)
		r = bpf_tc_hook_destroy(&hook);
	rmdir(path);
	return r == -ENODEV || r == -ENOENT || r == -EINVAL ? 0 : r;
}

int hdl_attach_tc(const char *bpffs, int state_map_fd, int ifindex, enum hdl_tc_side which, int program_fd,
		  struct hdl_err *err)
{
	const struct side *side = &sides[which];
	int r = -EOPNOTSUPP;

	hdl_dp_libbpf_listen();
	if (!tcx_missing)
		r = attach_link(bpffs, ifindex, side, program_fd);
	if (r == 0) {
		/* what a daemon before this one attached the other way would see each packet once more */
		if (detach_filter(state_map_fd, ifindex, side) == 0)
			(void)drop_qdisc(bpffs, ifindex);
		return 0;
	}
	if (r == -ENODEV)
		return hdl_err_set(err, r, "interface %d is gone", ifindex);
	tcx_missing = tcx_missing || r == -EINVAL;
	return attach_filter(bpffs, state_map_fd, ifindex, side, program_fd, err);
}

int hdl_detach_tc_side(const char *bpffs, int state_map_fd, int ifindex, enum hdl_tc_side which, struct hdl_err *err)
{
	const struct side *side = &sides[which];
	int r;

	hdl_dp_libbpf_listen();
	(void)detach_link(bpffs, ifindex, side);
	r = detach_filter(state_map_fd, ifindex, side);
	if (r == 0 || r == -ENOENT || r == -ENODEV)
		r = drop_qdisc(bpffs, ifindex);
	return r < 0 ? hdl_err_set(err, r, "tc program on interface %d cannot be removed: %s", ifindex, strerror(-r)) :
		       0;
}

static int detach_sides(const char *bpffs, int state_map_fd, int ifindex, unsigned int first, unsigned int end,
			struct hdl_err *err)
{
	int r = 0;

	for (unsigned int i = first; i < end; i++) {
		int failed = hdl_detach_tc_side(bpffs, state_map_fd, ifindex, (enum hdl_tc_side)i, err);

		r = failed ? failed : r;
	}
	return r;
}

int hdl_detach_tc(const char *bpffs, int state_map_fd, int ifindex, struct hdl_err *err)
{
	return detach_sides(bpffs, state_map_fd, ifindex, 0, HDL_TC_SIDES, err);
}

int hdl_detach_tc_edge(const char *bpffs, int state_map_fd, int ifindex, struct hdl_err *err)
{
	return detach_sides(bpffs, state_map_fd, ifindex, HDL_TC_EDGE, HDL_TC_PLACES, err);
}

static bool has_link(const char *bpffs, int ifindex, const struct side *side)
{
	char path[4096];

	link_path(path, bpffs, ifindex, side);
	return access(path, F_OK) == 0;
}

bool hdl_attach_is_there(const char *bpffs, int state_map_fd, int ifindex, enum hdl_tc_side which)
{
	const struct side *side = &sides[which];
	struct filters filters;

	return has_link(bpffs, ifindex, side) ||
	       (read_filters(ifindex, side->clsact, side, state_map_fd, &filters) == 0 && filters.ours);
}

static bool is_attached(const char *bpffs, int state_map_fd, int ifindex)
{
	return hdl_attach_is_there(bpffs, state_map_fd, ifindex, HDL_TC_INGRESS) ||
	       hdl_attach_is_there(bpffs, state_map_fd, ifindex, HDL_TC_EGRESS);
}

int hdl_attach_list(const char *bpffs, int state_map_fd, int **ret_ifindex, size_t *ret_count, struct hdl_err *err)
{
	struct if_nameindex *interfaces = if_nameindex();
	size_t n = 0, count = 0;
	int *list;

	if (!interfaces)
		return hdl_err_set(err, -errno, "interfaces: %s", strerror(errno));
	while (interfaces[n].if_index)
		n++;
	list = calloc(n + 1, sizeof(*list));
	for (size_t i = 0; list && i < n; i++)
		if (is_attached(bpffs, state_map_fd, (int)interfaces[i].if_index))
			list[count++] = (int)interfaces[i].if_index;
	if_freenameindex(interfaces);
	if (!list)
		return hdl_err_set(err, -ENOMEM, "out of memory");
	*ret_ifindex = list;
	*ret_count = count;
	return 0;
}

bool hdl_attach_by_links(void)
{
	return !tcx_missing;
}

void hdl_attach_without_links(bool without)
{
	tcx_missing = without;
}

/* Entries of a directory whose names begin with the number of an interface that is gone. */
static void forget_in(const char *bpffs, const char *name, int flags)
{
	char path[4096], interface[IF_NAMESIZE];
	const struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%s", bpffs, name);
	dir = opendir(path);
	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		unsigned long ifindex = strtoul(entry->d_name, NULL, 10);

		if (ifindex && !if_indextoname((unsigned int)ifindex, interface) && errno == ENXIO)
			unlinkat(dirfd(dir), entry->d_name, flags);
	}
	closedir(dir);
}

void hdl_attach_forget_gone(const char *bpffs)
{
	forget_in(bpffs, QDISCS, AT_REMOVEDIR);
	forget_in(bpffs, LINKS, 0);
}
