/* SPDX-License-Identifier: Apache-2.0 */
/* Watches configuration directories with inotify. */
#include "heddled/watch.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/scan.h"

#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif

#define EVENTS                                                                                          \
	(IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB | \
	 IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

struct directory {
	char *path;
	int wd;
	bool any_name, named; /* named: in the scan that runs */
	bool aliased;         /* has another name too, by which its files are known as well */
};

struct writing {
	char *path;
	uint64_t since_ns, last_ns;
	bool wrote; /* not only made */
};

struct hdl_watch {
	int fd;
	bool full; /* the limit of watches is reached; said once */
	bool complete;
	struct directory *directory;
	size_t n, capacity;
	struct writing *writing;
	size_t writing_count;
	char **changed;
	size_t changed_count;
	bool all;
};

struct hdl_watch *hdl_watch_new(struct hdl_err *err)
{
	struct hdl_watch *watch = calloc(1, sizeof(*watch));

	if (watch)
		watch->writing = calloc(HDL_WATCH_WRITING_MAX, sizeof(*watch->writing));
	if (watch)
		watch->changed = calloc(HDL_WATCH_CHANGED_MAX, sizeof(*watch->changed));
	if (!watch || !watch->writing || !watch->changed) {
		if (watch) {
			free(watch->writing);
			free(watch->changed);
		}
		free(watch);
		hdl_err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (watch->fd < 0) {
		hdl_err_set(err, -errno, "inotify: %s", strerror(errno));
		free(watch->writing);
		free(watch->changed);
		free(watch);
		return NULL;
	}
	return watch;
}

struct hdl_watch *hdl_watch_free(struct hdl_watch *watch)
{
	if (!watch)
		return NULL;
	for (size_t i = 0; i < watch->n; i++)
		free(watch->directory[i].path);
	for (size_t i = 0; i < watch->writing_count; i++)
		free(watch->writing[i].path);
	for (size_t i = 0; i < watch->changed_count; i++)
		free(watch->changed[i]);
	close(watch->fd);
	free(watch->changed);
	free(watch->directory);
	free(watch->writing);
	free(watch);
	return NULL;
}

int hdl_watch_fd(const struct hdl_watch *watch)
{
	return watch->fd;
}

static struct directory *find(struct hdl_watch *watch, int wd)
{
	for (size_t i = 0; i < watch->n; i++)
		if (watch->directory[i].wd == wd)
			return &watch->directory[i];
	return NULL;
}

static void forget(struct hdl_watch *watch, struct directory *directory)
{
	free(directory->path);
	*directory = watch->directory[--watch->n];
}

void hdl_watch_begin(struct hdl_watch *watch)
{
	watch->complete = true;
	for (size_t i = 0; i < watch->n; i++)
		watch->directory[i].named = watch->directory[i].aliased = false;
}

/* Others may be changed behind the back of this kernel. */
static bool is_local(const char *path)
{
	static const long types[] = { EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC,       BTRFS_SUPER_MAGIC, TMPFS_MAGIC,
				      RAMFS_MAGIC,      OVERLAYFS_SUPER_MAGIC, F2FS_SUPER_MAGIC,  SQUASHFS_MAGIC };
	struct statfs fs;

	if (statfs(path, &fs) < 0)
		return false;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if ((long)fs.f_type == types[i])
			return true;
	return false;
}

bool hdl_watch_is_complete(const struct hdl_watch *watch)
{
	return watch->complete && !watch->full;
}

static void add(struct hdl_watch *watch, int wd, const char *path, bool any_name)
{
	char *copy = strdup(path);

	if (copy && watch->n == watch->capacity) {
		size_t capacity = watch->capacity ? watch->capacity * 2 : 16;
		void *more = reallocarray(watch->directory, capacity, sizeof(*watch->directory));

		if (more) {
			watch->directory = more;
			watch->capacity = capacity;
		}
	}
	if (!copy || watch->n == watch->capacity) {
		/* the fallback of the timed scan remains */
		watch->complete = false;
		free(copy);
		inotify_rm_watch(watch->fd, wd);
		return;
	}
	watch->directory[watch->n++] = (struct directory){ copy, wd, any_name, true, false };
}

void hdl_watch_directory(struct hdl_watch *watch, const char *path, bool any_name)
{
	struct directory *known;
	int wd;

	for (size_t i = 0; i < watch->n; i++) {
		known = &watch->directory[i];
		if (known->named && strcmp(known->path, path) == 0) {
			known->any_name |= any_name;
			return;
		}
	}
	wd = inotify_add_watch(watch->fd, path, EVENTS);
	watch->complete &= wd >= 0 && is_local(path);
	if (wd < 0) {
		if (errno == ENOSPC && !watch->full) {
			watch->full = true;
			hdl_log_warn("too many directories to watch (fs.inotify.max_user_watches); changes are seen "
				     "within seconds only");
		}
		return;
	}
	known = find(watch, wd);
	if (!known) {
		add(watch, wd, path, any_name);
		return;
	}
	known->aliased |= known->named && strcmp(known->path, path) != 0;
	known->any_name = known->named ? known->any_name || any_name : any_name;
	known->named = true;
	/* the same directory by another name: the name of the walk is the one that files are known by */
	if (!any_name && strcmp(known->path, path) != 0) {
		char *copy = strdup(path);

		if (copy) {
			free(known->path);
			known->path = copy;
		}
	}
}

void hdl_watch_end(struct hdl_watch *watch)
{
	for (size_t i = 0; i < watch->n;) {
		struct directory *directory = &watch->directory[i];

		if (directory->named) {
			i++;
			continue;
		}
		inotify_rm_watch(watch->fd, directory->wd);
		forget(watch, directory);
	}
}

static void drop_writing(struct hdl_watch *watch, size_t i)
{
	free(watch->writing[i].path);
	watch->writing[i] = watch->writing[--watch->writing_count];
}

/* Is remembered from the first write to the close; a rename over the file ends it too. Takes the path over. */
static void note_writing(struct hdl_watch *watch, char *path, uint32_t mask, uint64_t now_ns)
{
	bool writes = mask & (IN_CREATE | IN_MODIFY), wrote = mask & IN_MODIFY;

	for (size_t i = 0; i < watch->writing_count; i++) {
		struct writing *writing = &watch->writing[i];

		if (strcmp(writing->path, path) != 0)
			continue;
		if (!writes)
			drop_writing(watch, i);
		else if (now_ns - writing->since_ns >= HDL_WATCH_WRITING_MAX_NS)
			writing->since_ns = now_ns;
		if (writes) {
			writing->last_ns = now_ns;
			writing->wrote |= wrote;
		}
		free(path);
		return;
	}
	if (!writes || watch->writing_count == HDL_WATCH_WRITING_MAX) {
		free(path);
		return;
	}
	watch->writing[watch->writing_count++] = (struct writing){ path, now_ns, now_ns, wrote };
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort_changed(struct hdl_watch *watch)
{
	size_t kept = 0;

	if (watch->changed_count == 0)
		return;
	qsort(watch->changed, watch->changed_count, sizeof(*watch->changed), by_name);
	for (size_t i = 0; i < watch->changed_count; i++) {
		if (kept && strcmp(watch->changed[kept - 1], watch->changed[i]) == 0)
			free(watch->changed[i]);
		else
			watch->changed[kept++] = watch->changed[i];
	}
	watch->changed_count = kept;
}

static void note_changed(struct hdl_watch *watch, const char *path)
{
	char *copy;

	/* one write is several events */
	if (watch->all || (watch->changed_count && strcmp(watch->changed[watch->changed_count - 1], path) == 0))
		return;
	if (watch->changed_count == HDL_WATCH_CHANGED_MAX)
		sort_changed(watch);
	copy = watch->changed_count < HDL_WATCH_CHANGED_MAX ? strdup(path) : NULL;
	if (copy)
		watch->changed[watch->changed_count++] = copy;
	else
		watch->all = true;
}

void hdl_watch_free_names(char **names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

void hdl_watch_take(struct hdl_watch *watch, char ***ret_names, size_t *ret_n, bool *ret_all)
{
	char **names = NULL;

	sort_changed(watch);
	if (watch->changed_count)
		names = calloc(watch->changed_count, sizeof(*names));
	*ret_all = watch->all || (watch->changed_count && !names);
	if (names)
		memcpy(names, watch->changed, watch->changed_count * sizeof(*names));
	else
		for (size_t i = 0; i < watch->changed_count; i++)
			free(watch->changed[i]);
	*ret_names = names;
	*ret_n = names ? watch->changed_count : 0;
	watch->changed_count = 0;
	watch->all = false;
}

/* A file in a directory of the tree. */
static bool handle_file(struct hdl_watch *watch, const struct directory *directory, const struct inotify_event *event,
			uint64_t now_ns)
{
	size_t n = strlen(directory->path), size = n + strlen(event->name) + 2;
	const char *slash = n && directory->path[n - 1] == '/' ? "" : "/";
	char *path = malloc(size);

	if (!path) {
		watch->all = true;
		return true;
	}
	snprintf(path, size, "%s%s%s", directory->path, slash, event->name);
	/* under another name, or as the target of a link, it is known too: only a walk finds those */
	if (directory->any_name || directory->aliased)
		watch->all = true;
	else
		note_changed(watch, path);
	if (event->mask & (IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE))
		note_writing(watch, path, event->mask, now_ns);
	else
		free(path);
	return true;
}

/* More than a file: who knows what it means must walk. */
static bool handle_other(struct hdl_watch *watch, bool counts)
{
	watch->all |= counts;
	return counts;
}

static bool handle(struct hdl_watch *watch, const struct inotify_event *event, uint64_t now_ns)
{
	struct directory *directory;

	if (event->mask & IN_Q_OVERFLOW)
		return handle_other(watch, true);
	directory = find(watch, event->wd);
	if (!directory)
		return false;
	if (event->mask & IN_IGNORED) {
		forget(watch, directory);
		return handle_other(watch, true);
	}
	if (event->len == 0)
		return handle_other(watch, (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_ATTRIB)) != 0);
	/* Kubernetes volumes are swapped by renaming the hidden link ..data; every other hidden name is not ours. */
	if (event->name[0] == '.')
		return handle_other(watch, strcmp(event->name, "..data") == 0);
	if (event->mask & IN_ISDIR)
		return handle_other(watch, true);
	if (!directory->any_name && !hdl_scan_name_counts(event->name))
		return false;
	return handle_file(watch, directory, event, now_ns);
}

bool hdl_watch_read(struct hdl_watch *watch, uint64_t now_ns)
{
	char space[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool changed = false;

	for (;;) {
		ssize_t n = read(watch->fd, space, sizeof(space));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return changed;
		for (char *at = space; at < space + n;) {
			struct inotify_event *event = (struct inotify_event *)at;

			changed |= handle(watch, event, now_ns);
			at += sizeof(*event) + event->len;
		}
	}
}

bool hdl_watch_is_writing(const struct hdl_watch *watch, const char *path, uint64_t now_ns, uint64_t *ret_until_ns)
{
	for (size_t i = 0; i < watch->writing_count; i++) {
		const struct writing *writing = &watch->writing[i];
		uint64_t until_ns = writing->last_ns + (writing->wrote ? HDL_WATCH_WRITING_NS : HDL_WATCH_CREATED_NS);

		if (strcmp(writing->path, path) != 0)
			continue;
		if (until_ns > writing->since_ns + HDL_WATCH_WRITING_MAX_NS)
			until_ns = writing->since_ns + HDL_WATCH_WRITING_MAX_NS;
		*ret_until_ns = until_ns;
		return now_ns < until_ns;
	}
	return false;
}

void hdl_watch_not_writing(struct hdl_watch *watch, const char *path)
{
	for (size_t i = 0; i < watch->writing_count; i++) {
		if (strcmp(watch->writing[i].path, path) != 0)
			continue;
		drop_writing(watch, i);
		return;
	}
}
