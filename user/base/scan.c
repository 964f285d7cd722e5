/* SPDX-License-Identifier: Apache-2.0 */
/* Lists configuration files: recursive, bounded, hidden names skipped, symbolic links followed. */
#include "base/scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct walk {
	const struct hdl_scan_conf *conf;
	struct hdl_scan *scan;
	/* directories above the one that is read: a link back to one of them is a loop */
	struct {
		dev_t device;
		ino_t inode;
	} above[HDL_SCAN_DEPTH_MAX + 1];
};

bool hdl_scan_name_counts(const char *name)
{
	static const char *const suffixes[] = { ".yaml", ".yml", ".json" };
	size_t n = strlen(name);

	if (name[0] == '.')
		return false;
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		size_t m = strlen(suffixes[i]);

		if (n > m && strcmp(name + n - m, suffixes[i]) == 0)
			return true;
	}
	return false;
}

void hdl_scan_stamp_of(const struct stat *st, struct hdl_scan_stamp *ret)
{
	*ret = (struct hdl_scan_stamp){
		.device = st->st_dev,
		.inode = st->st_ino,
		.size_bytes = (uint64_t)st->st_size,
		.modified_ns = st->st_mtim.tv_sec * 1000000000ll + st->st_mtim.tv_nsec,
		.changed_ns = st->st_ctim.tv_sec * 1000000000ll + st->st_ctim.tv_nsec,
	};
}

bool hdl_scan_stamp_equal(const struct hdl_scan_stamp *a, const struct hdl_scan_stamp *b)
{
	return a->device == b->device && a->inode == b->inode && a->size_bytes == b->size_bytes &&
	       a->modified_ns == b->modified_ns && a->changed_ns == b->changed_ns;
}

static int add(struct walk *walk, const char *path, bool node, int error, const struct stat *st)
{
	struct hdl_scan *scan = walk->scan;
	struct hdl_scan_file *file;

	if (scan->n == scan->capacity) {
		size_t capacity = scan->capacity ? scan->capacity * 2 : 64;
		void *more = reallocarray(scan->file, capacity, sizeof(*scan->file));

		if (!more)
			return -ENOMEM;
		scan->file = more;
		scan->capacity = capacity;
	}
	file = &scan->file[scan->n];
	*file = (struct hdl_scan_file){ .path = strdup(path), .node = node, .error = error };
	if (!file->path)
		return -ENOMEM;
	scan->errors += error != 0;
	if (st)
		hdl_scan_stamp_of(st, &file->stamp);
	scan->n++;
	return 0;
}

static void tell(struct walk *walk, const char *directory, bool any_name)
{
	if (walk->conf->directory)
		walk->conf->directory(walk->conf->data, directory, any_name);
}

/* Directory of a path: "a/b.yaml" is in "a", "b.yaml" in ".". */
static void tell_parent(struct walk *walk, const char *path)
{
	char parent[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;

	if (!slash)
		snprintf(parent, sizeof(parent), ".");
	else
		snprintf(parent, sizeof(parent), "%.*s", n ? (int)n : 1, path);
	tell(walk, parent, true);
}

/* A link's target may change in its own directory. */
static void tell_target(struct walk *walk, const char *path)
{
	char real[PATH_MAX];

	if (realpath(path, real))
		tell_parent(walk, real);
}

static int walk_directory(struct walk *walk, const char *path, unsigned int depth);

/* One name: st follows links. top: a --config path itself, which is taken whatever its name. */
static int walk_entry(struct walk *walk, const char *path, const char *name, unsigned int depth, bool top)
{
	struct stat st, link;

	if (lstat(path, &link) < 0)
		/* gone since the directory was read: as if it had not been there */
		return top || errno != ENOENT ? add(walk, path, false, errno, NULL) : 0;
	if (stat(path, &st) < 0) {
		/* a link that leads nowhere; half a Kubernetes volume update looks like that for a moment */
		if (S_ISLNK(link.st_mode) && (top || hdl_scan_name_counts(name)))
			return add(walk, path, false, errno, NULL);
		return 0;
	}
	if (S_ISDIR(st.st_mode))
		return walk_directory(walk, path, depth);
	if (!top && !hdl_scan_name_counts(name))
		return 0;
	if (!S_ISREG(st.st_mode))
		return add(walk, path, false, EINVAL, NULL);
	if (S_ISLNK(link.st_mode))
		tell_target(walk, path);
	if (walk->scan->n >= HDL_SCAN_FILES_MAX)
		return walk->scan->n == HDL_SCAN_FILES_MAX ? add(walk, path, false, E2BIG, NULL) : 0;
	return add(walk, path, false, 0, &st);
}

static int not_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int walk_names(struct walk *walk, const char *path, struct dirent **names, int count, unsigned int depth)
{
	for (int i = 0; i < count; i++) {
		char child[PATH_MAX];
		size_t n = strlen(path);
		const char *slash = n && path[n - 1] == '/' ? "" : "/";
		int r;

		if ((size_t)snprintf(child, sizeof(child), "%s%s%s", path, slash, names[i]->d_name) >= sizeof(child))
			r = add(walk, path, false, ENAMETOOLONG, NULL);
		else
			r = walk_entry(walk, child, names[i]->d_name, depth + 1, false);
		if (r < 0)
			return r;
	}
	return 0;
}

static int walk_directory(struct walk *walk, const char *path, unsigned int depth)
{
	struct dirent **names = NULL;
	struct stat st;
	int count, r;

	if (depth > HDL_SCAN_DEPTH_MAX)
		return add(walk, path, false, ELOOP, NULL);
	if (++walk->scan->directories > HDL_SCAN_DIRECTORIES_MAX)
		return walk->scan->directories == HDL_SCAN_DIRECTORIES_MAX + 1 ? add(walk, path, false, E2BIG, NULL) :
										 0;
	tell(walk, path, false);
	if (stat(path, &st) < 0)
		return add(walk, path, false, errno, NULL);
	for (unsigned int i = 0; i < depth; i++)
		if (walk->above[i].device == st.st_dev && walk->above[i].inode == st.st_ino)
			return add(walk, path, false, ELOOP, NULL);
	walk->above[depth].device = st.st_dev;
	walk->above[depth].inode = st.st_ino;
	count = scandir(path, &names, not_hidden, alphasort);
	if (count < 0)
		return errno == ENOMEM ? -ENOMEM : add(walk, path, false, errno, NULL);
	r = walk_names(walk, path, names, count, depth);
	for (int i = 0; i < count; i++)
		free(names[i]);
	free(names);
	return r;
}

static int by_path(const void *a, const void *b)
{
	const struct hdl_scan_file *x = a, *y = b;
	int r = strcmp(x->path, y->path);

	/* the one of --node-config first: it wins */
	return r ? r : (int)y->node - (int)x->node;
}

/* The same path may have been named twice: by two --config, or by --node-config as well. */
static void drop_doubles(struct hdl_scan *scan)
{
	size_t kept = 0;

	for (size_t i = 0; i < scan->n; i++) {
		if (kept && strcmp(scan->file[kept - 1].path, scan->file[i].path) == 0)
			free(scan->file[i].path);
		else
			scan->file[kept++] = scan->file[i];
	}
	scan->n = kept;
}

static int walk_all(struct walk *walk)
{
	const struct hdl_scan_conf *conf = walk->conf;
	int r = 0;

	for (size_t i = 0; i < conf->path_count && r == 0; i++) {
		struct stat st;

		if (stat(conf->paths[i], &st) < 0 || !S_ISDIR(st.st_mode))
			tell_parent(walk, conf->paths[i]);
		r = walk_entry(walk, conf->paths[i], conf->paths[i], 0, true);
	}
	if (r == 0 && conf->node_path) {
		size_t before = walk->scan->n;

		tell_parent(walk, conf->node_path);
		r = walk_entry(walk, conf->node_path, conf->node_path, 0, true);
		for (size_t i = before; i < walk->scan->n; i++)
			walk->scan->file[i].node = true;
	}
	return r;
}

int hdl_scan_run(const struct hdl_scan_conf *conf, struct hdl_scan *ret, struct hdl_err *err)
{
	struct hdl_scan scan = { 0 };
	struct walk walk = { .conf = conf, .scan = &scan };
	int r = walk_all(&walk);

	if (r < 0) {
		hdl_scan_done(&scan);
		return hdl_err_set(err, r, "cannot list the configuration: %s", strerror(-r));
	}
	if (scan.n)
		qsort(scan.file, scan.n, sizeof(*scan.file), by_path);
	drop_doubles(&scan);
	*ret = scan;
	return 0;
}

void hdl_scan_done(struct hdl_scan *scan)
{
	for (size_t i = 0; i < scan->n; i++)
		free(scan->file[i].path);
	free(scan->file);
	*scan = (struct hdl_scan){ 0 };
}
