/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of replacing pinned maps: compare, copy, pin beside, add what came since, rename. */
#include "dp/renew.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/log.h"
#include "dp/counters.h"
#include "dp/owned.h"
#include "heddle/abi_limits.h"

#define PATH_BYTES 4096
#define READY "ready"

/* What a publication writes, and what has the same ids: all of it is one set. */
static const char *const published[] = { "vip",    "service", "route",    "cluster", "group",  "ring",
					 "client", "balance", "endpoint", "slot",    "health", "state" };

static bool is_published(const char *name)
{
	for (size_t i = 0; i < sizeof(published) / sizeof(published[0]); i++)
		if (strcmp(published[i], name) == 0)
			return true;
	return false;
}

void hdl_renew_init(struct hdl_renew *renew)
{
	*renew = (struct hdl_renew){ .old_state_fd = -1, .old_health_fd = -1, .old_balance_fd = -1 };
}

void hdl_renew_done(struct hdl_renew *renew)
{
	const int fds[] = { renew->old_state_fd, renew->old_health_fd, renew->old_balance_fd };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(renew->health);
	free(renew->balance);
	free(renew->lifted);
	hdl_renew_init(renew);
}

/* --- pins ---------------------------------------------------------------------------------------------------------- */

static int path_of(char path[PATH_BYTES], const char *bpffs, const char *dir, const char *name)
{
	int n = snprintf(path, PATH_BYTES, "%s/%s%s", bpffs, dir, name);

	return n > 0 && n < PATH_BYTES ? 0 : -ENAMETOOLONG;
}

static int open_pinned(const char *bpffs, const char *name, struct bpf_map_info *ret)
{
	__u32 size = sizeof(*ret);
	char path[PATH_BYTES];
	int fd, r = path_of(path, bpffs, "", name);

	if (r < 0)
		return r;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return -errno;
	memset(ret, 0, sizeof(*ret));
	if (bpf_obj_get_info_by_fd(fd, ret, &size) == 0)
		return fd;
	r = -errno;
	close(fd);
	return r;
}

int hdl_renew_read_state(const char *bpffs, struct hdl_state *ret, struct hdl_err *err)
{
	struct bpf_map_info info;
	__u32 zero = 0;
	char *value;
	int fd = open_pinned(bpffs, "state", &info), r = 0;

	if (fd < 0)
		return fd == -ENOENT ? 0 : hdl_err_set(err, fd, "%s/state: %s", bpffs, strerror(-fd));
	value = malloc(info.value_size);
	if (!value)
		r = -ENOMEM;
	else if (info.value_size < offsetof(struct hdl_state, route_table) + sizeof(ret->route_table))
		r = -EPROTO;
	else if (bpf_map_lookup_elem(fd, &zero, value) != 0)
		r = -errno;
	close(fd);
	if (r == 0) {
		/* up to route_table no version moves a field */
		memset(ret, 0, sizeof(*ret));
		memcpy(ret, value, info.value_size < sizeof(*ret) ? info.value_size : sizeof(*ret));
	}
	free(value);
	return r < 0 ? hdl_err_set(err, r, "%s/state cannot be read: %s", bpffs, strerror(-r)) : 1;
}

/* --- an interrupted start ------------------------------------------------------------------------------------------ */

static int remove_tree(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	int r = 0;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (unlinkat(dirfd(dir), entry->d_name, 0) != 0 &&
		    unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR) != 0)
			r = -errno;
	}
	closedir(dir);
	return rmdir(path) == 0 || errno == ENOENT ? r : -errno;
}

int hdl_renew_discard(const char *bpffs, struct hdl_err *err)
{
	char path[PATH_BYTES];
	int r = path_of(path, bpffs, HDL_RENEW_DIR, "");

	if (r == 0)
		r = remove_tree(path);
	return r < 0 ? hdl_err_set(err, r, "%s/" HDL_RENEW_DIR ": %s", bpffs, strerror(-r)) : 0;
}

int hdl_renew_ready(const char *bpffs, struct hdl_err *err)
{
	char path[PATH_BYTES];
	int r = path_of(path, bpffs, HDL_RENEW_DIR "/", READY);

	if (r == 0 && mkdir(path, 0700) != 0 && errno != EEXIST)
		r = -errno;
	return r < 0 ? hdl_err_set(err, r, "%s/" HDL_RENEW_DIR "/" READY ": %s", bpffs, strerror(-r)) : 0;
}

static int take_name(const char *bpffs, const char *name, struct hdl_err *err)
{
	char from[PATH_BYTES], to[PATH_BYTES];
	int r = path_of(from, bpffs, HDL_RENEW_DIR "/", name);

	if (r == 0)
		r = path_of(to, bpffs, "", name);
	if (r == 0 && rename(from, to) != 0 && errno != ENOENT)
		r = -errno;
	return r < 0 ? hdl_err_set(err, r, "%s cannot take its place under %s: %s", name, bpffs, strerror(-r)) : 0;
}

int hdl_renew_commit(const char *bpffs, struct hdl_err *err)
{
	char path[PATH_BYTES], name[NAME_MAX + 1];
	const struct dirent *entry;
	DIR *dir;
	int r = path_of(path, bpffs, HDL_RENEW_DIR, "");

	/* bpffs lists what is left; each turn takes one, so that renaming does not disturb the listing */
	while (r == 0) {
		name[0] = '\0';
		dir = opendir(path);
		if (!dir)
			return hdl_err_set(err, -errno, "%s: %s", path, strerror(errno));
		while (name[0] == '\0' && (entry = readdir(dir)))
			if (entry->d_name[0] != '.' && strcmp(entry->d_name, READY) != 0 &&
			    strcmp(entry->d_name, "state") != 0)
				snprintf(name, sizeof(name), "%s", entry->d_name);
		closedir(dir);
		if (name[0] == '\0')
			break;
		r = take_name(bpffs, name, err);
	}
	if (r == 0)
		r = take_name(bpffs, "state", err);
	return r == 0 ? hdl_renew_discard(bpffs, err) : r;
}

int hdl_renew_recover(const char *bpffs, struct hdl_err *err)
{
	char path[PATH_BYTES];
	int r = path_of(path, bpffs, HDL_RENEW_DIR "/", READY);

	if (r < 0)
		return hdl_err_set(err, r, "--bpffs: path too long");
	if (access(path, F_OK) != 0)
		return hdl_renew_discard(bpffs, err);
	hdl_log_info("the last start was interrupted while it replaced maps: going on there");
	return hdl_renew_commit(bpffs, err);
}

/* --- what is to be done -------------------------------------------------------------------------------------------- */

static bool is_ours(const struct bpf_map *map)
{
	return !bpf_map__is_internal(map);
}

static bool same_shape(const struct bpf_map *map, const struct bpf_map_info *info)
{
	return info->type == bpf_map__type(map) && info->key_size == bpf_map__key_size(map) &&
	       info->value_size == bpf_map__value_size(map) && info->map_flags == bpf_map__map_flags(map);
}

/* Counters that the kernel adds to on every CPU: they cannot be moved without losing some, and stay as they are. */
static bool is_fixed(const struct bpf_map *map)
{
	return bpf_map__type(map) == BPF_MAP_TYPE_PERCPU_HASH;
}

static void note(struct hdl_renew *renew, const char *name, uint32_t now, uint32_t before)
{
	size_t n = strlen(renew->why);

	snprintf(renew->why + n, sizeof(renew->why) - n, "%s%s %u (was %u)", n ? ", " : "", name, now, before);
}

int hdl_renew_choose(struct hdl_renew *renew, const struct bpf_object *object, const char *bpffs, struct hdl_err *err)
{
	bool larger = false, rebuild = renew->old.abi_version != HDL_ABI_VERSION;
	struct bpf_map_info info;
	const struct bpf_map *map;

	if (rebuild)
		snprintf(renew->why, sizeof(renew->why), "ABI version %u (was %u)", HDL_ABI_VERSION,
			 renew->old.abi_version);
	bpf_object__for_each_map(map, object)
	{
		uint32_t wanted = bpf_map__max_entries(map);
		int fd = is_ours(map) ? open_pinned(bpffs, bpf_map__name(map), &info) : -ENOENT;

		if (fd == -ENOENT) {
			rebuild |= is_ours(map) && is_published(bpf_map__name(map));
			continue;
		}
		if (fd < 0)
			return hdl_err_set(err, fd, "%s/%s: %s", bpffs, bpf_map__name(map), strerror(-fd));
		close(fd);
		if (!same_shape(map, &info)) {
			rebuild = true;
			if (renew->old.abi_version == HDL_ABI_VERSION)
				note(renew, bpf_map__name(map), bpf_map__value_size(map), info.value_size);
		} else if (wanted != info.max_entries && !is_fixed(map)) {
			larger = true;
			rebuild |= is_published(bpf_map__name(map)) && wanted < info.max_entries;
			note(renew, bpf_map__name(map), wanted, info.max_entries);
		}
	}
	renew->kind = rebuild ? HDL_RENEW_REBUILD : larger ? HDL_RENEW_COPY : HDL_RENEW_NONE;
	return 0;
}

bool hdl_renew_keeps(const struct bpf_map *map, const char *bpffs)
{
	struct bpf_map_info info;
	int fd;

	if (is_published(bpf_map__name(map)))
		return false;
	fd = open_pinned(bpffs, bpf_map__name(map), &info);
	if (fd < 0)
		return false;
	close(fd);
	return same_shape(map, &info) && (bpf_map__max_entries(map) == info.max_entries || is_fixed(map));
}

/* --- contents ------------------------------------------------------------------------------------------------------ */

static void *map_array(int fd, size_t bytes, int protection)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *p = mmap(NULL, (bytes + page - 1) / page * page, protection, MAP_SHARED, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void unmap_array(void *p, size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (p)
		munmap(p, (bytes + page - 1) / page * page);
}

static int copy_array(int from, int to, const struct bpf_map_info *info)
{
	size_t bytes = (size_t)info->max_entries * info->value_size;
	void *source = map_array(from, bytes, PROT_READ), *target = map_array(to, bytes, PROT_READ | PROT_WRITE);
	int r = source && target ? 0 : -errno;

	if (r == 0)
		memcpy(target, source, bytes);
	unmap_array(source, bytes);
	unmap_array(target, bytes);
	return r;
}

/* flags: BPF_ANY, or BPF_NOEXIST for what came since. An entry that goes meanwhile is no loss. */
static int copy_hash(int from, int to, const struct bpf_map_info *info, uint64_t flags)
{
	char *key = malloc(info->key_size), *next = malloc(info->key_size), *value = malloc(info->value_size);
	int r = key && next && value ? 0 : -ENOMEM;
	bool more = r == 0 && bpf_map_get_next_key(from, NULL, next) == 0;

	/* bounded: entries that are deleted while this runs make the kernel begin anew */
	for (uint64_t i = 0; more && i < 4ull * info->max_entries; i++) {
		memcpy(key, next, info->key_size);
		more = bpf_map_get_next_key(from, key, next) == 0;
		if (bpf_map_lookup_elem(from, key, value) == 0 && bpf_map_update_elem(to, key, value, flags) != 0 &&
		    errno != EEXIST)
			r = -errno;
	}
	free(key);
	free(next);
	free(value);
	return r;
}

static int copy_map(const struct bpf_map *map, const char *bpffs, bool copy_published)
{
	struct bpf_map_info info;
	bool published_map = is_published(bpf_map__name(map));
	int fd, r = 0;

	/* ids of clients are in `workload`, which old and new programs have in common: they stay as they are */
	if (published_map && !copy_published && strcmp(bpf_map__name(map), "client") != 0)
		return 0;
	fd = open_pinned(bpffs, bpf_map__name(map), &info);
	if (fd < 0)
		return 0; /* a newer version may have more maps */
	if (same_shape(map, &info) && info.type == BPF_MAP_TYPE_ARRAY && (info.map_flags & BPF_F_MMAPABLE) &&
	    info.max_entries <= bpf_map__max_entries(map))
		r = copy_array(fd, bpf_map__fd(map), &info);
	else if (same_shape(map, &info) && (info.type == BPF_MAP_TYPE_HASH || info.type == BPF_MAP_TYPE_LRU_HASH))
		r = copy_hash(fd, bpf_map__fd(map), &info, BPF_ANY);
	close(fd);
	/* a smaller table of flows takes what it can */
	return r == -E2BIG && !published_map ? 0 : r;
}

static int remember(const char *bpffs, const char *name, int *ret_fd, void **ret_copy, uint32_t *ret_count,
		    const struct bpf_map *copied)
{
	struct bpf_map_info info;
	size_t bytes;
	void *p;

	*ret_fd = open_pinned(bpffs, name, &info);
	if (*ret_fd < 0)
		return *ret_fd;
	/* from the copy: what is added later is the difference to that */
	bytes = (size_t)info.max_entries * info.value_size;
	p = map_array(bpf_map__fd(copied), bytes, PROT_READ);
	if (!p)
		return -errno;
	*ret_copy = malloc(bytes);
	if (*ret_copy)
		memcpy(*ret_copy, p, bytes);
	unmap_array(p, bytes);
	*ret_count = info.max_entries;
	return *ret_copy ? 0 : -ENOMEM;
}

static int carry_epoch(const struct hdl_renew *renew, const struct bpf_map *map)
{
	struct hdl_state state = { .epoch = renew->old.epoch };
	__u32 zero = 0;

	return bpf_map_update_elem(bpf_map__fd(map), &zero, &state, BPF_ANY) == 0 ? 0 : -errno;
}

/*
 * What adoption does to `active` otherwise: requests of the proxy that is dead nobody gives back. Here, where what was
 * copied is known: later the copy is no measure for what the hooks count in the old maps.
 */
static int forget_requests(const struct hdl_renew *renew, const struct bpf_object *object)
{
	size_t bytes = (size_t)renew->health_count * sizeof(struct hdl_health);
	int cpus = libbpf_num_possible_cpus(), r;
	struct hdl_state state = { .cpus = cpus > 0 ? (__u32)cpus : 0 };
	struct hdl_dp_maps maps = { .state = &state, .health = renew->health };
	uint32_t *open = calloc(renew->health_count, sizeof(*open));
	struct hdl_health *copy =
		map_array(bpf_object__find_map_fd_by_name(object, "health"), bytes, PROT_READ | PROT_WRITE);

	maps.traffic_fd = bpf_object__find_map_fd_by_name(object, "traffic");
	maps.verdict_fd = bpf_object__find_map_fd_by_name(object, "verdict");
	r = open && copy ? hdl_dp_open_connections(&maps, open, renew->health_count) : -ENOMEM;
	for (uint32_t i = 0; r == 0 && i < renew->health_count; i++)
		if (copy[i].generation && copy[i].active > open[i])
			copy[i].active = open[i];
	unmap_array(copy, bytes);
	free(open);
	if (r < 0 && r != -ENOMEM)
		hdl_log_debug("active requests of the last daemon stay counted: %s", strerror(-r));
	return r == -ENOMEM ? r : 0;
}

static int fill(struct hdl_renew *renew, struct bpf_object *object, const char *bpffs)
{
	const struct bpf_map *map;
	struct bpf_map_info info;
	int r = 0;

	bpf_object__for_each_map(map, object)
	{
		if (r == 0 && is_ours(map) && !hdl_renew_keeps(map, bpffs))
			r = copy_map(map, bpffs, renew->kind == HDL_RENEW_COPY);
	}
	if (r < 0)
		return r;
	renew->old_state_fd = open_pinned(bpffs, "state", &info);
	if (renew->old_state_fd < 0)
		return renew->old_state_fd;
	if (renew->kind == HDL_RENEW_REBUILD)
		return carry_epoch(renew, bpf_object__find_map_by_name(object, "state"));
	r = remember(bpffs, "health", &renew->old_health_fd, &renew->health, &renew->health_count,
		     bpf_object__find_map_by_name(object, "health"));
	if (r == 0)
		r = remember(bpffs, "balance", &renew->old_balance_fd, &renew->balance, &renew->balance_count,
			     bpf_object__find_map_by_name(object, "balance"));
	return r == 0 ? forget_requests(renew, object) : r;
}

static int pin_beside(const struct bpf_map *map, const char *bpffs, struct hdl_err *err)
{
	char path[PATH_BYTES];
	int r = path_of(path, bpffs, HDL_RENEW_DIR "/", bpf_map__name(map));

	if (r == 0 && bpf_obj_pin(bpf_map__fd(map), path) != 0)
		r = -errno;
	return r < 0 ? hdl_err_set(err, r, "%s cannot be pinned: %s", path, strerror(-r)) : 0;
}

int hdl_renew_stage(struct hdl_renew *renew, struct bpf_object *object, const char *bpffs, struct hdl_err *err)
{
	const struct bpf_map *map;
	char path[PATH_BYTES];
	int r = fill(renew, object, bpffs);

	if (r < 0)
		return hdl_err_set(err, r, "contents of the pinned maps cannot be moved: %s", strerror(-r));
	r = path_of(path, bpffs, HDL_RENEW_DIR, "");
	if (r == 0 && mkdir(path, 0700) != 0)
		r = -errno;
	if (r < 0)
		return hdl_err_set(err, r, "%s/" HDL_RENEW_DIR ": %s", bpffs, strerror(-r));
	bpf_object__for_each_map(map, object)
	{
		if (r == 0 && is_ours(map))
			r = pin_beside(map, bpffs, err);
	}
	return r;
}

/* --- what came since ----------------------------------------------------------------------------------------------- */

/*
 * While the links change one by one a connection may be counted in the old maps and given back in the new. `active` is
 * never taken below 0 there, so for that time it stands on a plinth: the same for all, so that comparisons hold.
 */
struct both {
	struct hdl_health *health, *old_health;
	struct hdl_balance *balance, *old_balance;
	const struct hdl_endpoint *endpoint;
	size_t health_bytes, balance_bytes, endpoint_bytes;
};

static void unmap_both(const struct both *b)
{
	unmap_array(b->health, b->health_bytes);
	unmap_array(b->old_health, b->health_bytes);
	unmap_array(b->balance, b->balance_bytes);
	unmap_array(b->old_balance, b->balance_bytes);
	unmap_array((void *)(uintptr_t)b->endpoint, b->endpoint_bytes);
}

static bool map_both(const struct hdl_renew *renew, const struct bpf_object *object, struct both *ret)
{
	struct both b = { .health_bytes = (size_t)renew->health_count * sizeof(struct hdl_health),
			  .balance_bytes = (size_t)renew->balance_count * sizeof(struct hdl_balance),
			  .endpoint_bytes = (size_t)renew->health_count * sizeof(struct hdl_endpoint) };
	const int rw = PROT_READ | PROT_WRITE;

	b.old_health = map_array(renew->old_health_fd, b.health_bytes, PROT_READ);
	b.old_balance = map_array(renew->old_balance_fd, b.balance_bytes, PROT_READ);
	b.health = map_array(bpf_object__find_map_fd_by_name(object, "health"), b.health_bytes, rw);
	b.balance = map_array(bpf_object__find_map_fd_by_name(object, "balance"), b.balance_bytes, rw);
	b.endpoint = map_array(bpf_object__find_map_fd_by_name(object, "endpoint"), b.endpoint_bytes, PROT_READ);
	*ret = b;
	if (b.old_health && b.old_balance && b.health && b.balance && b.endpoint)
		return true;
	hdl_log_warn("what the hooks counted while the maps were replaced is lost: out of memory");
	unmap_both(&b);
	return false;
}

static void add_u32(__u32 *to, __u32 now, __u32 before)
{
	if (now != before)
		__atomic_fetch_add(to, now - before, __ATOMIC_RELAXED);
}

/*
 * An ejection that began or ended in the old maps, with its place in the budget; one that ended in both has given its place
 * back in the new ones.
 */
static void merge_ejection(const struct both *b, uint32_t i, uint64_t now, uint64_t before)
{
	__u64 *to = &b->health[i].ejected_until_ns, seen = before;
	uint32_t cluster = b->endpoint[i].cluster;

	if (now == before || (size_t)cluster * sizeof(*b->balance) >= b->balance_bytes)
		return;
	if (now)
		seen = __atomic_exchange_n(to, now, __ATOMIC_ACQ_REL);
	else if (!__atomic_compare_exchange_n(to, &seen, 0, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return;
	add_u32(&b->balance[cluster].ejected, now != 0, seen != 0);
}

static void merge_health(const struct both *b, uint32_t i, struct hdl_health *before)
{
	const struct hdl_health now = b->old_health[i];
	struct hdl_health *to = &b->health[i];

	if (now.generation == 0 || now.generation != to->generation || now.generation != before->generation)
		return;
	add_u32(&to->active, now.active, before->active);
	add_u32(&to->consecutive_5xx, now.consecutive_5xx, before->consecutive_5xx);
	add_u32(&to->consecutive_gateway, now.consecutive_gateway, before->consecutive_gateway);
	add_u32(&to->consecutive_local_origin, now.consecutive_local_origin, before->consecutive_local_origin);
	add_u32(&to->ejection_multiplier, now.ejection_multiplier, before->ejection_multiplier);
	add_u32(&to->ejections, now.ejections, before->ejections);
	add_u32(&to->connect_failures, now.connect_failures, before->connect_failures);
	add_u32(&to->connects, now.connects, before->connects);
	add_u32(&to->retransmits, now.retransmits, before->retransmits);
	add_u32(&to->timeouts, now.timeouts, before->timeouts);
	if (now.returned_ns != before->returned_ns)
		__atomic_store_n(&to->returned_ns, now.returned_ns, __ATOMIC_RELAXED);
	merge_ejection(b, i, now.ejected_until_ns, before->ejected_until_ns);
	*before = now;
}

static void merge_balance(const struct both *b, uint32_t i, struct hdl_balance *before)
{
	const struct hdl_balance now = b->old_balance[i];
	struct hdl_balance *to = &b->balance[i];

	if (now.generation != to->generation || now.generation != before->generation)
		return;
	__atomic_fetch_add(&to->turn, now.turn - before->turn, __ATOMIC_RELAXED);
	add_u32(&to->connections, now.connections, before->connections);
	add_u32(&to->connections_overflow, now.connections_overflow, before->connections_overflow);
	add_u32(&to->ejections_overflow, now.ejections_overflow, before->ejections_overflow);
	add_u32(&to->ejections, now.ejections, before->ejections);
	add_u32(&to->connect_failures, now.connect_failures, before->connect_failures);
	add_u32(&to->timeouts, now.timeouts, before->timeouts);
	add_u32(&to->retransmits, now.retransmits, before->retransmits);
	*before = now;
}

/* Entries that programs made meanwhile in tables that are no publication's. */
static void copy_since(const struct bpf_object *object, const char *bpffs)
{
	const struct bpf_map *map;
	struct bpf_map_info info;

	bpf_object__for_each_map(map, object)
	{
		int fd;

		if (!is_ours(map) || is_published(bpf_map__name(map)) ||
		    (bpf_map__type(map) != BPF_MAP_TYPE_HASH && bpf_map__type(map) != BPF_MAP_TYPE_LRU_HASH))
			continue;
		fd = open_pinned(bpffs, bpf_map__name(map), &info);
		if (fd < 0)
			continue;
		if (same_shape(map, &info) && info.id != hdl_dp_map_id(bpf_map__fd(map)))
			(void)copy_hash(fd, bpf_map__fd(map), &info, BPF_NOEXIST);
		close(fd);
	}
}

static void merge_all(struct hdl_renew *renew, const struct both *b)
{
	struct hdl_balance *balance = renew->balance;
	struct hdl_health *health = renew->health;

	for (uint32_t i = 0; i < renew->health_count; i++)
		merge_health(b, i, &health[i]);
	for (uint32_t i = 0; i < renew->balance_count; i++)
		merge_balance(b, i, &balance[i]);
}

void hdl_renew_lift(struct hdl_renew *renew, const struct bpf_object *object, const char *bpffs)
{
	struct both b;

	copy_since(object, bpffs);
	if (renew->kind != HDL_RENEW_COPY || !renew->health || !renew->balance || !map_both(renew, object, &b))
		return;
	merge_all(renew, &b);
	renew->lifted = calloc(renew->health_count, sizeof(*renew->lifted));
	for (uint32_t i = 0; renew->lifted && i < renew->health_count; i++) {
		renew->lifted[i] = b.health[i].generation;
		if (renew->lifted[i])
			add_u32(&b.health[i].active, HDL_RENEW_PLINTH, 0);
	}
	unmap_both(&b);
}

void hdl_renew_merge(struct hdl_renew *renew, const struct bpf_object *object, const char *bpffs)
{
	struct both b;

	copy_since(object, bpffs);
	if (renew->kind != HDL_RENEW_COPY || !renew->health || !renew->balance || !map_both(renew, object, &b))
		return;
	merge_all(renew, &b);
	for (uint32_t i = 0; renew->lifted && i < renew->health_count; i++)
		if (renew->lifted[i] && renew->lifted[i] == b.health[i].generation)
			add_u32(&b.health[i].active, 0, HDL_RENEW_PLINTH);
	unmap_both(&b);
}
