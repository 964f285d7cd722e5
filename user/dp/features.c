/* SPDX-License-Identifier: Apache-2.0 */
/* Probes of the kernel: version, permission, file systems, map and program types, helpers. */
#include "dp/features.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "base/buf.h"
#include "dp/attach.h"
#include "dp/owned.h"

#define MINIMUM_MAJOR 6
#define MINIMUM_MINOR 1

static const struct {
	const char *name, *need;
	enum bpf_map_type type;
} map_types[] = {
	{ "hash maps", "BPF map type LRU_HASH", BPF_MAP_TYPE_LRU_HASH },
	{ "counters per CPU", "BPF map type PERCPU_HASH", BPF_MAP_TYPE_PERCPU_HASH },
	{ "socket storage", "BPF map type SK_STORAGE", BPF_MAP_TYPE_SK_STORAGE },
	{ "listeners in a map", "BPF map type SOCKMAP (CONFIG_NET)", BPF_MAP_TYPE_SOCKMAP },
};

static const struct {
	const char *name, *need;
	enum bpf_prog_type type;
} program_types[] = {
	{ "connect hooks", "BPF program type CGROUP_SOCK_ADDR (CONFIG_CGROUP_BPF)", BPF_PROG_TYPE_CGROUP_SOCK_ADDR },
	{ "socket release hook", "BPF program type CGROUP_SOCK (CONFIG_CGROUP_BPF)", BPF_PROG_TYPE_CGROUP_SOCK },
	{ "socket events", "BPF program type SOCK_OPS (CONFIG_CGROUP_BPF)", BPF_PROG_TYPE_SOCK_OPS },
	{ "tc programs", "BPF program type SCHED_CLS (CONFIG_NET_CLS_BPF)", BPF_PROG_TYPE_SCHED_CLS },
};

static const struct {
	const char *name, *need;
	enum bpf_prog_type type;
	enum bpf_func_id helper;
} helpers[] = {
	{ "refusal with an error code", "BPF helper bpf_set_retval in connect hooks", BPF_PROG_TYPE_CGROUP_SOCK_ADDR,
	  BPF_FUNC_set_retval },
	{ "client identity", "BPF helper bpf_get_netns_cookie in connect hooks", BPF_PROG_TYPE_CGROUP_SOCK_ADDR,
	  BPF_FUNC_get_netns_cookie },
	{ "bounded loops", "BPF helper bpf_loop", BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_FUNC_loop },
	{ "connect errors", "BPF helper bpf_skc_to_tcp_sock in socket events", BPF_PROG_TYPE_SOCK_OPS,
	  BPF_FUNC_skc_to_tcp_sock },
	{ "packets to local sockets", "BPF helper bpf_sk_assign in tc programs", BPF_PROG_TYPE_SCHED_CLS,
	  BPF_FUNC_sk_assign },
};

static void add(struct hdl_features *features, const char *name, const char *need, bool present)
{
	if (features->count == HDL_FEATURES_MAX)
		return;
	features->feature[features->count++] =
		(struct hdl_feature){ .name = name, .need = need, .required = true, .present = present };
}

static void add_optional(struct hdl_features *features, const char *name, const char *need, bool present,
			 const char *fallback)
{
	add(features, name, need, present);
	features->feature[features->count - 1].required = false;
	features->feature[features->count - 1].fallback = fallback;
}

static void probe_version(struct hdl_features *features, const char *release)
{
	struct utsname name;
	char *end;

	if (!release && uname(&name) == 0)
		release = name.release;
	snprintf(features->kernel, sizeof(features->kernel), "%s", release ? release : "?");
	features->major = (unsigned int)strtoul(features->kernel, &end, 10);
	features->minor = *end == '.' ? (unsigned int)strtoul(end + 1, NULL, 10) : 0;
	add(features, "kernel version", "Linux 6.1 or later",
	    features->major > MINIMUM_MAJOR || (features->major == MINIMUM_MAJOR && features->minor >= MINIMUM_MINOR));
}

/* Mount points come with octal escapes for blanks. */
static void unescape(char *path)
{
	char *to = path;

	for (const char *p = path; *p; p++) {
		if (p[0] == '\\' && p[1] >= '0' && p[1] <= '3' && p[2] && p[3]) {
			*to++ = (char)((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0'));
			p += 3;
		} else {
			*to++ = *p;
		}
	}
	*to = '\0';
}

int hdl_features_cgroup_root(char *ret_path, size_t size)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char *line = NULL, root[4096], path[4096];
	size_t capacity = 0;
	int r = -ENOENT;

	if (!f)
		return -errno;
	/* "36 35 0:29 / /sys/fs/cgroup rw - cgroup2 ...": of the whole hierarchy, not of a bind mount of a part. */
	while (r < 0 && getline(&line, &capacity, f) > 0) {
		const char *dash = strstr(line, " - cgroup2 ");

		if (dash && sscanf(line, "%*s %*s %*s %4095s %4095s", root, path) == 2 && strcmp(root, "/") == 0) {
			unescape(path);
			r = strlen(path) < size ? 0 : -ENAMETOOLONG;
		}
	}
	free(line);
	(void)fclose(f);
	if (r == 0)
		snprintf(ret_path, size, "%s", path);
	return r;
}

static bool is_cgroup2(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

static bool has_filesystem(const char *name)
{
	FILE *f = fopen("/proc/filesystems", "re");
	char *line = NULL;
	size_t capacity = 0, n = strlen(name);
	bool found = false;

	if (!f)
		return false;
	while (!found && getline(&line, &capacity, f) > 0) {
		const char *tab = strchr(line, '\t');

		found = tab && strncmp(tab + 1, name, n) == 0 && tab[1 + n] == '\n';
	}
	free(line);
	(void)fclose(f);
	return found;
}

static int bpf_permitted(void)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "hdl_probe", 4, 4, 1, NULL);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static bool has_map_of_maps(void)
{
	return libbpf_probe_bpf_map_type(BPF_MAP_TYPE_ARRAY_OF_MAPS, NULL) == 1;
}

/* TCX, asked about the first interface, which need not be there. */
static bool has_tc_links(void)
{
	__u32 ids[1], count = 1;
	int r = bpf_prog_query(1, HDL_ATTACH_TCX_INGRESS, 0, NULL, ids, &count) < 0 ? -errno : 0;

	return r != -EINVAL && r != -EPERM;
}

static void probe_bpf(struct hdl_features *features)
{
	for (size_t i = 0; i < sizeof(map_types) / sizeof(map_types[0]); i++)
		add(features, map_types[i].name, map_types[i].need,
		    libbpf_probe_bpf_map_type(map_types[i].type, NULL) == 1);
	for (size_t i = 0; i < sizeof(program_types) / sizeof(program_types[0]); i++)
		add(features, program_types[i].name, program_types[i].need,
		    libbpf_probe_bpf_prog_type(program_types[i].type, NULL) == 1);
	/* A helper that cannot be probed (negative) shows when the programs are loaded. */
	for (size_t i = 0; i < sizeof(helpers) / sizeof(helpers[0]); i++)
		add(features, helpers[i].name, helpers[i].need,
		    libbpf_probe_bpf_helper(helpers[i].type, helpers[i].helper, NULL) != 0);
	add_optional(features, "grace period by map update", "BPF map type ARRAY_OF_MAPS", has_map_of_maps(),
		     "membarrier (slower)");
	add_optional(features, "links for tc programs", "TCX (Linux 6.6)", has_tc_links(),
		     "filters in clsact, which this daemon makes and removes");
}

static int missing(const struct hdl_features *features, struct hdl_err *err)
{
	struct hdl_buf text = { .limit_bytes = 4096 };
	int r;

	for (size_t i = 0; i < features->count; i++) {
		const struct hdl_feature *f = &features->feature[i];

		if (f->required && !f->present)
			hdl_buf_printf(&text, "%s%s (%s)", text.n ? ", " : "", f->need, f->name);
	}
	r = text.n ? hdl_err_set(err, -EOPNOTSUPP, "kernel %s lacks: %s", features->kernel, text.p) : 0;
	hdl_buf_done(&text);
	return r;
}

int hdl_features_probe(const char *release, const char *cgroup, struct hdl_features *ret, struct hdl_err *err)
{
	char path[4096];
	int r;

	*ret = (struct hdl_features){ .count = 0 };
	hdl_dp_libbpf_listen();
	probe_version(ret, release);
	/* On a kernel that is too old the rest would only make the message longer. */
	if (!ret->feature[0].present)
		return missing(ret, err);
	r = bpf_permitted();
	if (r == -EPERM)
		return hdl_err_set(
			err, r,
			"BPF is not permitted: heddled must be started as root or with CAP_BPF, CAP_NET_ADMIN, "
			"CAP_PERFMON and CAP_SYS_ADMIN (or use --mode proxy, which needs none)");
	add(ret, "BPF", "the bpf() system call (CONFIG_BPF_SYSCALL)", r == 0);
	add(ret, "BPF type information", "/sys/kernel/btf/vmlinux (CONFIG_DEBUG_INFO_BTF)",
	    access("/sys/kernel/btf/vmlinux", R_OK) == 0);
	add(ret, "BPF file system", "file system bpf", has_filesystem("bpf"));
	add(ret, "cgroup2", "a mounted cgroup2 hierarchy",
	    cgroup ? is_cgroup2(cgroup) : hdl_features_cgroup_root(path, sizeof(path)) == 0);
	if (r == 0)
		probe_bpf(ret);
	return missing(ret, err);
}
