/* SPDX-License-Identifier: Apache-2.0 */
/* Loads, adopts and pins maps and programs. The cgroup links are in links.c. */
#include "dp/load.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "dp/links.h"
#include "dp/maps.h"
#include "dp/optional.h"
#include "dp/owned.h"
#include "dp/renew.h"
#include "heddle.skel.h" /* generated */
#include "heddle/abi_limits.h"

#define PATH_BYTES 4096
#define BPFFS_ROOT "/sys/fs/bpf"

struct hdl_load {
	struct hdl_bpf *skeleton;
	struct hdl_state *state;
	int grace_inner_fd;
	char *bpffs, *cgroup;
	hdl_optional_set left_out; /* programs that the kernel refused, and that are not needed */
	struct hdl_renew renew;    /* maps that replace others when the hooks get the programs */
	bool shortcut;
};

static const struct {
	const char *name;
	size_t fd; /* in struct hdl_dp_maps */
} map_fds[HDL_DP_MAP_FDS] = {
#define FD(name)                                               \
	{                                                      \
#name, offsetof(struct hdl_dp_maps, name##_fd) \
	}
	FD(state),       FD(vip),       FD(service),        FD(route),        FD(cluster),
	FD(balance),     FD(endpoint),  FD(slot),           FD(health),       FD(workload),
	FD(origin),      FD(listener),  FD(traffic),        FD(verdict),      FD(grace),
	FD(grace_inner), FD(group),     FD(ring),           FD(client),       FD(node_address),
	FD(affinity),    FD(udp),       FD(events),         FD(flow),         FD(interface),
	FD(local_pod),   FD(edge_flow), FD(edge_interface), FD(edge_address), FD(service_verdict),
#undef FD
};

int *hdl_dp_maps_fd(struct hdl_dp_maps *maps, unsigned int i, const char **ret_name)
{
	if (i >= HDL_DP_MAP_FDS)
		return NULL;
	if (ret_name)
		*ret_name = map_fds[i].name;
	return (int *)((char *)maps + map_fds[i].fd);
}

/* --- bpffs --------------------------------------------------------------------------------------------------------- */

static bool is_bpffs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == BPF_FS_MAGIC;
}

static int mount_bpffs(const char *path, struct hdl_err *err)
{
	size_t n = strlen(BPFFS_ROOT);

	if (strncmp(path, BPFFS_ROOT, n) != 0 || (path[n] != '/' && path[n] != '\0') || is_bpffs(BPFFS_ROOT))
		return 0;
	if (mount("bpf", BPFFS_ROOT, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") != 0)
		return hdl_err_set(err, -errno, "bpf cannot be mounted at %s: %s", BPFFS_ROOT, strerror(errno));
	return 0;
}

int hdl_load_prepare_bpffs(const char *path, struct hdl_err *err)
{
	char part[PATH_BYTES];
	int r = mount_bpffs(path, err);

	if (r < 0)
		return r;
	if (path[0] != '/' || strlen(path) >= sizeof(part))
		return hdl_err_set(err, -EINVAL, "--bpffs %s: an absolute path is needed", path);
	for (const char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(slash ? (size_t)(slash - path) : strlen(path)), path);
		if (mkdir(part, 0700) != 0 && errno != EEXIST)
			return hdl_err_set(err, -errno, "--bpffs %s: %s: %s", path, part, strerror(errno));
		if (!slash)
			break;
	}
	if (!is_bpffs(path)) {
		return hdl_err_set(err, -EINVAL, "--bpffs %s is in no BPF file system (mount -t bpf bpf %s)", path,
				   BPFFS_ROOT);
	}
	return 0;
}

static int pin_path(const struct hdl_load *load, const char *prefix, const char *name, char path[PATH_BYTES])
{
	int n = snprintf(path, PATH_BYTES, "%s/%s%s", load->bpffs, prefix, name);

	return n > 0 && n < PATH_BYTES ? 0 : -ENAMETOOLONG;
}

/* --- adoption ------------------------------------------------------------------------------------------------------ */

static void note_size(struct hdl_load_report *report, const char *name, uint32_t pinned, uint32_t configured)
{
	size_t n = strlen(report->sizes);

	report->sizes_kept++;
	snprintf(report->sizes + n, sizeof(report->sizes) - n, "%s%s %u (configured %u)", n ? ", " : "", name, pinned,
		 configured);
}

static int reuse_map(const struct hdl_load *load, struct bpf_map *map, struct hdl_load_report *report,
		     struct hdl_err *err)
{
	const char *name = bpf_map__name(map);
	uint32_t configured = bpf_map__max_entries(map);
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);
	char path[PATH_BYTES];
	int fd, r = pin_path(load, "", name, path);

	if (r < 0)
		return hdl_err_set(err, r, "--bpffs: path too long");
	fd = bpf_obj_get(path);
	if (fd < 0) /* a newer version may have more maps */
		return errno == ENOENT ? 0 : hdl_err_set(err, -errno, "%s: %s", path, strerror(errno));
	if (bpf_obj_get_info_by_fd(fd, &info, &size) != 0)
		r = hdl_err_set(err, -errno, "%s: %s", path, strerror(errno));
	else if (info.type != bpf_map__type(map) || info.key_size != bpf_map__key_size(map) ||
		 info.value_size != bpf_map__value_size(map) || info.map_flags != bpf_map__map_flags(map))
		r = hdl_err_set(err, -EPROTO, "%s is a map of another shape: run heddled --uninstall first", path);
	else
		r = bpf_map__reuse_fd(map, fd);
	close(fd);
	if (r < 0)
		return err && r != -EPROTO ? hdl_err_set(err, r, "%s cannot be used: %s", path, strerror(-r)) : r;
	/* The name is read again: libbpf has replaced it. */
	if (info.max_entries != configured)
		note_size(report, bpf_map__name(map), info.max_entries, configured);
	return 0;
}

static bool is_ours(const struct bpf_map *map)
{
	return !bpf_map__is_internal(map);
}

static int reuse_maps(const struct hdl_load *load, struct hdl_load_report *report, struct hdl_err *err)
{
	struct bpf_map *map;
	int r;

	bpf_object__for_each_map(map, load->skeleton->obj)
	{
		r = is_ours(map) && (load->renew.kind == HDL_RENEW_NONE || hdl_renew_keeps(map, load->bpffs)) ?
			    reuse_map(load, map, report, err) :
			    0;
		if (r < 0)
			return r;
	}
	return 0;
}

/* --- loading ------------------------------------------------------------------------------------------------------- */

static int set_sizes(const struct hdl_load *load, const struct hdl_dp_capacity *capacity, struct hdl_err *err)
{
	struct hdl_dp_size sizes[HDL_DP_SIZES];
	int r = hdl_dp_sizes(capacity, sizes, err);

	for (size_t i = 0; r == 0 && i < HDL_DP_SIZES; i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(load->skeleton->obj, sizes[i].map);

		r = map ? bpf_map__set_max_entries(map, sizes[i].entries) : -ENOENT;
		if (r < 0)
			hdl_err_set(err, r, "map %s: size %u: %s", sizes[i].map, sizes[i].entries, strerror(-r));
	}
	return r;
}

static int pin(const struct hdl_load *load, int fd, const char *prefix, const char *name, struct hdl_err *err)
{
	char path[PATH_BYTES];
	int r = pin_path(load, prefix, name, path);

	if (r == 0 && bpf_obj_pin(fd, path) != 0)
		r = -errno;
	return r < 0 ? hdl_err_set(err, r, "%s%s cannot be pinned under %s: %s", prefix, name, load->bpffs,
				   strerror(-r)) :
		       0;
}

/* `state` comes last: where it is, all others are. */
static int pin_maps(const struct hdl_load *load, bool adopted, struct hdl_err *err)
{
	struct bpf_map *map;
	char path[PATH_BYTES];
	int r;

	bpf_object__for_each_map(map, load->skeleton->obj)
	{
		if (!is_ours(map) || map == load->skeleton->maps.state)
			continue;
		r = pin_path(load, "", bpf_map__name(map), path);
		if (r < 0)
			return hdl_err_set(err, r, "--bpffs: path too long");
		if (access(path, F_OK) == 0) {
			if (adopted)
				continue;
			unlink(path); /* of a start that did not get to the end */
		}
		r = pin(load, bpf_map__fd(map), "", bpf_map__name(map), err);
		if (r < 0)
			return r;
	}
	return adopted ? 0 : pin(load, bpf_map__fd(load->skeleton->maps.state), "", "state", err);
}

/* A new program takes the name of the old one in one step. */
static int pin_programs(const struct hdl_load *load, struct hdl_err *err)
{
	struct bpf_program *program;
	char path[PATH_BYTES], fresh[PATH_BYTES];
	int r;

	bpf_object__for_each_program(program, load->skeleton->obj)
	{
		const char *name = hdl_link_name(program);

		r = pin_path(load, "prog_", name, path);
		if (r == 0)
			r = pin_path(load, "new_", name, fresh);
		if (r < 0)
			return hdl_err_set(err, r, "--bpffs: path too long");
		unlink(fresh);
		if (bpf_program__fd(program) < 0) { /* left out */
			unlink(path);
			continue;
		}
		r = pin(load, bpf_program__fd(program), "new_", name, err);
		if (r < 0)
			return r;
		if (rename(fresh, path) != 0)
			return hdl_err_set(err, -errno, "%s: %s", path, strerror(errno));
	}
	return 0;
}

static int map_state(struct hdl_load *load, struct hdl_err *err)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *p = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(load->skeleton->maps.state), 0);

	if (p == MAP_FAILED)
		return hdl_err_set(err, -errno, "map state: %s", strerror(errno));
	load->state = p;
	return 0;
}

static int write_state(struct hdl_load *load, const struct hdl_load_conf *conf, struct hdl_err *err)
{
	int cpus = libbpf_num_possible_cpus();

	if (cpus <= 0)
		return hdl_err_set(err, cpus, "/sys/devices/system/cpu/possible: %s", strerror(-cpus));
	load->state->abi_version = HDL_ABI_VERSION;
	if (load->renew.kind == HDL_RENEW_NONE && load->state->renewing)
		load->state->renewing = HDL_RENEWING_INTERRUPTED;
	load->state->worker_uid = conf->worker_uid;
	load->state->packet_mark = conf->packet_mark;
	load->state->packet_mask = conf->packet_mask;
	load->state->route_table = conf->route_table;
	load->state->cpus = (__u32)cpus;
	return 0;
}

static int make_grace_inner(struct hdl_load *load, struct hdl_err *err)
{
	load->grace_inner_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "grace_inner", sizeof(__u32), sizeof(__u32), 1, NULL);
	return load->grace_inner_fd < 0 ? hdl_err_set(err, -errno, "map grace_inner: %s", strerror(errno)) : 0;
}

static int load_programs(const struct hdl_load *load, struct hdl_err *err)
{
	int r = hdl_bpf__load(load->skeleton);

	if (r == -EPERM)
		return hdl_err_set(err, r,
				   "BPF programs may not be loaded (%s): capabilities CAP_BPF, CAP_NET_ADMIN, "
				   "CAP_PERFMON and CAP_SYS_ADMIN are needed",
				   hdl_dp_libbpf_said());
	if (r < 0)
		return hdl_err_set(err, r == -ENOMEM ? r : -EOPNOTSUPP, "BPF programs cannot be loaded: %s: %s",
				   strerror(-r), hdl_dp_libbpf_said());
	return 0;
}

/* Before sockets join. Those that joined under a former program keep that. */
static int attach_shortcut(const struct hdl_load *load, struct hdl_err *err)
{
	int map = bpf_map__fd(load->skeleton->maps.shortcut);

	if (bpf_prog_attach(bpf_program__fd(load->skeleton->progs.hdl_sk_msg), map, BPF_SK_MSG_VERDICT, 0) == 0)
		return 0;
	return hdl_err_set(err, -errno, "program sk_msg cannot be attached: %s", strerror(errno));
}

static void report_old_state(struct hdl_load_report *report, const struct hdl_state *old,
			     const struct hdl_load_conf *conf)
{
	report->adopted = true;
	if (old->packet_mark == conf->packet_mark && old->packet_mask == conf->packet_mask &&
	    old->route_table == conf->route_table)
		return;
	report->old_packet_mark = old->packet_mark;
	report->old_packet_mask = old->packet_mask;
	report->old_route_table = old->route_table;
}

/* The hooks go on as they are until hdl_load_attach(). */
static int stage_renewal(struct hdl_load *load, struct hdl_load_report *report, struct hdl_err *err)
{
	int r = hdl_renew_stage(&load->renew, load->skeleton->obj, load->bpffs, err);

	if (r < 0)
		return r;
	load->state->renewing = load->renew.kind == HDL_RENEW_COPY ? HDL_RENEWING_NOW : HDL_RENEWING_NO;
	report->renewed = true;
	report->rebuilt = load->renew.kind == HDL_RENEW_REBUILD;
	snprintf(report->why, sizeof(report->why), "%s", load->renew.why);
	/* hooks and filters of the old set are ours, too */
	hdl_dp_map_stands_for(bpf_map__fd(load->skeleton->maps.state), load->renew.old_state_fd);
	return 0;
}

static int finish_renewal(struct hdl_load *load, struct hdl_err *err)
{
	__u32 zero = 0;
	int r;

	/* programs of the former links may be just at it: the update returns when they have ended */
	(void)bpf_map_update_elem(bpf_map__fd(load->skeleton->maps.grace), &zero, &load->grace_inner_fd, BPF_ANY);
	hdl_renew_merge(&load->renew, load->skeleton->obj, load->bpffs);
	load->state->renewing = HDL_RENEWING_NO;
	r = hdl_renew_commit(load->bpffs, err);
	if (r == 0)
		r = pin_programs(load, err);
	if (r == 0)
		hdl_renew_done(&load->renew);
	return r;
}

/* Without what the kernel refused so far. -EAGAIN: it refused another program that is not needed. */
static int load_object(struct hdl_load *load, const struct hdl_load_conf *conf, bool adopted,
		       struct hdl_load_report *report, struct hdl_err *err)
{
	hdl_optional_set refused;
	int r;

	load->skeleton = hdl_bpf__open();
	if (!load->skeleton)
		return hdl_err_set(err, -errno, "BPF object: %s: %s", strerror(errno), hdl_dp_libbpf_said());
	hdl_optional_leave_out(load->skeleton->obj, load->left_out);
	load->shortcut = conf->shortcut;
	load->skeleton->rodata->hdl_config_shortcut = conf->shortcut;
	bpf_program__set_autoload(load->skeleton->progs.hdl_sk_msg, conf->shortcut);
	if (conf->before_load)
		conf->before_load(load->skeleton->obj);
	report->sizes_kept = 0;
	report->sizes[0] = load->renew.why[0] = '\0';
	r = set_sizes(load, &conf->capacity, err);
	if (r == 0 && adopted)
		r = hdl_renew_choose(&load->renew, load->skeleton->obj, load->bpffs, err);
	if (r == 0 && adopted)
		r = reuse_maps(load, report, err);
	if (r < 0)
		return r;
	r = load_programs(load, err);
	refused = r < 0 && r != -EPERM ? hdl_optional_refused(hdl_dp_libbpf_said()) & ~load->left_out : 0;
	if (!refused)
		return r;
	snprintf(report->refused, sizeof(report->refused), "%.*s", (int)sizeof(report->refused) - 1, err->text);
	load->left_out |= refused;
	hdl_optional_describe(load->left_out, report->left_out, sizeof(report->left_out));
	hdl_bpf__destroy(load->skeleton);
	load->skeleton = NULL;
	hdl_dp_libbpf_listen();
	return -EAGAIN;
}

static int open_all(struct hdl_load *load, const struct hdl_load_conf *conf, struct hdl_load_report *report,
		    struct hdl_err *err)
{
	struct hdl_state old = { .epoch = 0 };
	int adopted, r = hdl_renew_recover(load->bpffs, err);

	if (r < 0)
		return r;
	adopted = hdl_renew_read_state(load->bpffs, &old, err);
	if (adopted < 0)
		return adopted;
	load->renew.old = old;
	if (adopted)
		report_old_state(report, &old, conf);
	else if (hdl_links_pinned(load->bpffs))
		return hdl_err_set(err, -EPROTO, "%s holds hooks, but no state map: run heddled --uninstall first",
				   load->bpffs);
	do
		r = load_object(load, conf, adopted, report, err);
	while (r == -EAGAIN);
	if (r == 0 && load->shortcut)
		r = attach_shortcut(load, err);
	if (r == 0)
		r = make_grace_inner(load, err);
	if (r == 0)
		r = map_state(load, err);
	if (r == 0 && load->renew.kind != HDL_RENEW_NONE)
		r = stage_renewal(load, report, err);
	if (r == 0)
		r = write_state(load, conf, err);
	if (r < 0 || load->renew.kind != HDL_RENEW_NONE)
		return r;
	r = pin_maps(load, adopted, err);
	return r == 0 ? pin_programs(load, err) : r;
}

int hdl_load_open(const struct hdl_load_conf *conf, struct hdl_load **ret, struct hdl_load_report *ret_report,
		  struct hdl_err *err)
{
	struct hdl_load_report report = { .adopted = false };
	struct hdl_load *load = calloc(1, sizeof(*load));
	int r = -ENOMEM;

	if (load) {
		load->grace_inner_fd = -1;
		hdl_renew_init(&load->renew);
		load->bpffs = strdup(conf->bpffs);
		load->cgroup = strdup(conf->cgroup);
	}
	if (!load || !load->bpffs || !load->cgroup) {
		hdl_load_free(load);
		return hdl_err_set(err, r, "out of memory");
	}
	hdl_dp_libbpf_listen();
	r = hdl_load_prepare_bpffs(load->bpffs, err);
	if (r == 0)
		r = open_all(load, conf, &report, err);
	if (r < 0) {
		hdl_load_free(load);
		return r;
	}
	*ret = load;
	*ret_report = report;
	return 0;
}

struct hdl_load *hdl_load_free(struct hdl_load *load)
{
	if (!load)
		return NULL;
	if (load->state)
		munmap(load->state, (size_t)sysconf(_SC_PAGESIZE));
	if (load->grace_inner_fd >= 0)
		close(load->grace_inner_fd);
	hdl_renew_done(&load->renew);
	hdl_bpf__destroy(load->skeleton);
	free(load->bpffs);
	free(load->cgroup);
	free(load);
	return NULL;
}

int hdl_load_attach(struct hdl_load *load, struct hdl_load_report *report, struct hdl_err *err)
{
	bool renews = load->renew.kind != HDL_RENEW_NONE;
	int r;

	hdl_dp_libbpf_listen();
	r = renews ? hdl_renew_ready(load->bpffs, err) : 0;
	if (r == 0 && renews)
		hdl_renew_lift(&load->renew, load->skeleton->obj, load->bpffs);
	if (r == 0)
		r = hdl_links_attach(load->skeleton->obj, load->bpffs, load->cgroup,
				     bpf_map__fd(load->skeleton->maps.state), &report->links_kept, &report->links_new,
				     err);
	return r == 0 && renews ? finish_renewal(load, err) : r;
}

/* --- repair -------------------------------------------------------------------------------------------------------- */

/* Hooks without a pin, or whose link leads nowhere. */
static unsigned int missing_hooks(const struct hdl_load *load, char *names, size_t size)
{
	struct hdl_link_state hooks[32];
	size_t n = hdl_links_list(load->bpffs, hooks, sizeof(hooks) / sizeof(hooks[0]));
	struct bpf_program *program;
	unsigned int missing = 0;

	names[0] = '\0';
	bpf_object__for_each_program(program, load->skeleton->obj)
	{
		bool there = !hdl_link_is_cgroup(program);
		size_t length = strlen(names);

		for (size_t i = 0; i < n && i < sizeof(hooks) / sizeof(hooks[0]); i++)
			there |= hooks[i].attached && strcmp(hooks[i].name, hdl_link_name(program)) == 0;
		if (there)
			continue;
		missing++;
		snprintf(names + length, size - length, "%s%s", length ? ", " : "", hdl_link_name(program));
	}
	return missing;
}

static bool has_all_maps(const struct hdl_load *load)
{
	struct bpf_map *map;
	char path[PATH_BYTES];

	bpf_object__for_each_map(map, load->skeleton->obj)
	{
		if (is_ours(map) && pin_path(load, "", bpf_map__name(map), path) == 0 && access(path, F_OK) != 0)
			return false;
	}
	return true;
}

int hdl_load_repair(struct hdl_load *load, char *ret_names, size_t size, struct hdl_err *err)
{
	unsigned int missing = missing_hooks(load, ret_names, size), kept, fresh;
	bool maps = has_all_maps(load);
	char path[PATH_BYTES];
	int r;

	if (missing == 0 && maps)
		return 0;
	hdl_dp_libbpf_listen();
	r = hdl_load_prepare_bpffs(load->bpffs, err);
	if (r == 0 && !maps) {
		r = pin_maps(load, true, err);
		if (r == 0 && pin_path(load, "", "state", path) == 0 && access(path, F_OK) != 0)
			r = pin(load, bpf_map__fd(load->skeleton->maps.state), "", "state", err);
		if (r == 0)
			r = pin_programs(load, err);
	}
	if (r == 0)
		r = hdl_links_attach(load->skeleton->obj, load->bpffs, load->cgroup,
				     bpf_map__fd(load->skeleton->maps.state), &kept, &fresh, err);
	return r < 0 ? r : missing ? (int)missing : 1;
}

/* --- access -------------------------------------------------------------------------------------------------------- */

void hdl_load_fds(const struct hdl_load *load, struct hdl_dp_maps *maps)
{
	for (unsigned int i = 0; i < HDL_DP_MAP_FDS; i++) {
		const char *name;
		int *fd = hdl_dp_maps_fd(maps, i, &name);

		*fd = fd == &maps->grace_inner_fd ? load->grace_inner_fd :
						    bpf_object__find_map_fd_by_name(load->skeleton->obj, name);
	}
}

int hdl_load_pinned_fds(const char *bpffs, struct hdl_dp_maps *maps, struct hdl_err *err)
{
	char path[PATH_BYTES];
	int r = 0;

	for (unsigned int i = 0; i < HDL_DP_MAP_FDS; i++)
		*hdl_dp_maps_fd(maps, i, NULL) = -1;
	for (unsigned int i = 0; r == 0 && i < HDL_DP_MAP_FDS; i++) {
		const char *name;
		int *fd = hdl_dp_maps_fd(maps, i, &name);

		if (fd == &maps->grace_inner_fd) /* not pinned: membarrier serves as grace period */
			continue;
		snprintf(path, sizeof(path), "%s/%s", bpffs, name);
		*fd = bpf_obj_get(path);
		if (*fd < 0)
			r = hdl_err_set(err, -errno, "%s: %s", path, strerror(errno));
	}
	for (unsigned int i = 0; r < 0 && i < HDL_DP_MAP_FDS; i++) {
		int *fd = hdl_dp_maps_fd(maps, i, NULL);

		if (*fd >= 0)
			close(*fd);
		*fd = -1;
	}
	return r;
}

int hdl_load_tc_program(const struct hdl_load *load, enum hdl_load_tc which)
{
	const struct bpf_program *const programs[] = {
		[HDL_LOAD_TC_PUNT] = load->skeleton->progs.hdl_tc_ingress,
		[HDL_LOAD_TC_PACKET] = load->skeleton->progs.hdl_tc_packet,
		[HDL_LOAD_TC_REPLY] = load->skeleton->progs.hdl_tc_reply,
		[HDL_LOAD_TC_EDGE] = load->skeleton->progs.hdl_tc_edge,
		[HDL_LOAD_TC_EDGE_OUT] = load->skeleton->progs.hdl_tc_edge_out,
	};

	return bpf_program__fd(programs[which]);
}

int hdl_load_shortcut_owners(const struct hdl_load *load)
{
	return load->shortcut ? bpf_map__fd(load->skeleton->maps.shortcut_owner) : -1;
}

int hdl_load_xdp_program(const struct hdl_load *load)
{
	return bpf_program__fd(load->skeleton->progs.hdl_xdp_edge);
}

static int share_maps(const struct hdl_load *load, struct bpf_object *object)
{
	struct bpf_map *map;
	int r;

	bpf_object__for_each_map(map, object)
	{
		if (!is_ours(map))
			continue;
		r = bpf_map__reuse_fd(map, bpf_object__find_map_fd_by_name(load->skeleton->obj, bpf_map__name(map)));
		if (r < 0)
			return r;
	}
	return 0;
}

struct bpf_object *hdl_load_open_xdp(const struct hdl_load *load)
{
	size_t size;
	const void *bytes = hdl_bpf__elf_bytes(&size);
	struct bpf_object *object = bpf_object__open_mem(bytes, size, NULL);
	struct bpf_program *program;
	int r;

	if (!object)
		return NULL;
	bpf_object__for_each_program(program, object)
		bpf_program__set_autoload(program, strcmp(bpf_program__name(program), "hdl_xdp_edge") == 0);
	r = share_maps(load, object);
	if (r == 0)
		return object;
	bpf_object__close(object);
	errno = -r;
	return NULL;
}

int hdl_load_set_listener(const struct hdl_load *load, unsigned int worker, int family, int listener_fd)
{
	__u32 index = worker * HDL_FAMILIES + (__u32)family;
	__u64 value = (__u64)listener_fd;

	return bpf_map_update_elem(bpf_map__fd(load->skeleton->maps.listener), &index, &value, BPF_ANY) == 0 ? 0 :
													       -errno;
}

int hdl_load_clear_listener(const struct hdl_load *load, unsigned int worker, int family)
{
	__u32 index = worker * HDL_FAMILIES + (__u32)family;

	if (bpf_map_delete_elem(bpf_map__fd(load->skeleton->maps.listener), &index) == 0 || errno == EINVAL ||
	    errno == ENOENT)
		return 0;
	return -errno;
}

struct hdl_state *hdl_load_state(const struct hdl_load *load)
{
	return load->state;
}
