/* SPDX-License-Identifier: Apache-2.0 */
/* tc filters on interfaces: found by the map that their program uses, replaced in place, removed without trace. */
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

/* What is on one side of an interface. */
struct filters {
	uint32_t state_map; /* id */
	bool ours;
	uint32_t handle, priority; /* of ours */
	unsigned int others;
	bool taken[HDL_TC_PRIORITIES + 1]; /* by others */
};

struct filter {
	const char *kind;
	uint32_t program;
};

static void filters_reset(void *data)
{
	struct filters *filters = data;

	*filters = (struct filters){ .state_map = filters->state_map };
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
	if (filter.program && hdl_dp_program_uses(filter.program, filters->state_map)) {
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

static int read_filters(int ifindex, uint32_t side, int state_map_fd, struct filters *ret)
{
	struct hdl_nl nl;
	int r = hdl_nl_open(&nl);

	*ret = (struct filters){ .state_map = hdl_dp_map_id(state_map_fd) };
	if (r < 0)
		return r;
	r = list_filters(&nl, ifindex, side, ret);
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

int hdl_attach_tc(const char *bpffs, int state_map_fd, int ifindex, int program_fd, struct hdl_err *err)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = program_fd);
	struct filters filters;
	int r;

	hdl_dp_libbpf_listen();
	r = bpf_tc_hook_create(&hook);
	if (r == 0)
		remember_qdisc(bpffs, ifindex);
	else if (r != -EEXIST)
		return hdl_err_set(err, r, "clsact on interface %d: %s", ifindex, strerror(-r));
	r = read_filters(ifindex, TC_H_MIN_INGRESS, state_map_fd, &filters);
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
	r = read_filters(ifindex, TC_H_MIN_INGRESS, -1, &ingress);
	if (r == 0)
		r = read_filters(ifindex, TC_H_MIN_EGRESS, -1, &egress);
	if (r < 0 && r != -ENODEV)
		return r;
	if (r == 0 && (ingress.others || egress.others))
		return 0;
	if (r == 0)
		r = bpf_tc_hook_destroy(&hook);
	rmdir(path);
	return r == -ENODEV || r == -ENOENT || r == -EINVAL ? 0 : r;
}

int hdl_detach_tc(const char *bpffs, int state_map_fd, int ifindex, struct hdl_err *err)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts);
	struct filters filters;
	int r;

	hdl_dp_libbpf_listen();
	r = read_filters(ifindex, TC_H_MIN_INGRESS, state_map_fd, &filters);
	if (r == 0 && filters.ours) {
		opts.handle = filters.handle;
		opts.priority = filters.priority;
		r = bpf_tc_detach(&hook, &opts);
	}
	if (r == 0 || r == -ENOENT || r == -ENODEV)
		r = drop_qdisc(bpffs, ifindex);
	return r < 0 ? hdl_err_set(err, r, "tc program on interface %d cannot be removed: %s", ifindex, strerror(-r)) :
		       0;
}

int hdl_attach_list(int state_map_fd, int **ret_ifindex, size_t *ret_count, struct hdl_err *err)
{
	struct if_nameindex *interfaces = if_nameindex();
	size_t n = 0, count = 0;
	int *list;

	if (!interfaces)
		return hdl_err_set(err, -errno, "interfaces: %s", strerror(errno));
	while (interfaces[n].if_index)
		n++;
	list = calloc(n + 1, sizeof(*list));
	for (size_t i = 0; list && i < n; i++) {
		struct filters filters;

		if (read_filters((int)interfaces[i].if_index, TC_H_MIN_INGRESS, state_map_fd, &filters) == 0 &&
		    filters.ours)
			list[count++] = (int)interfaces[i].if_index;
	}
	if_freenameindex(interfaces);
	if (!list)
		return hdl_err_set(err, -ENOMEM, "out of memory");
	*ret_ifindex = list;
	*ret_count = count;
	return 0;
}

void hdl_attach_forget_gone(const char *bpffs)
{
	char path[4096], name[IF_NAMESIZE];
	const struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/" QDISCS, bpffs);
	dir = opendir(path);
	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		unsigned long ifindex = strtoul(entry->d_name, NULL, 10);

		if (ifindex && !if_indextoname((unsigned int)ifindex, name) && errno == ENXIO)
			unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR);
	}
	closedir(dir);
}
